/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See card-picture.h. */
#include "card-picture.h"

#include <math.h>
#include <pango/pangocairo.h>

#define RADIUS 10.0
#define STRIPE 4.0

static void set_colour(cairo_t *cairo, uint32_t colour, double alpha)
{
	cairo_set_source_rgba(cairo, (colour >> 16 & 0xff) / 255.0, (colour >> 8 & 0xff) / 255.0,
			      (colour & 0xff) / 255.0, alpha);
}

/* Rounded above, straight below. */
static void clip_card(cairo_t *cairo, double width, double height)
{
	cairo_move_to(cairo, 0, height);
	cairo_line_to(cairo, 0, RADIUS);
	cairo_arc(cairo, RADIUS, RADIUS, RADIUS, M_PI, 1.5 * M_PI);
	cairo_arc(cairo, width - RADIUS, RADIUS, RADIUS, 1.5 * M_PI, 2 * M_PI);
	cairo_line_to(cairo, width, height);
	cairo_close_path(cairo);
	cairo_clip(cairo);
}

static void draw_text(cairo_t *cairo, const char *text, const char *font, double x, double y)
{
	PangoLayout *layout = pango_cairo_create_layout(cairo);
	PangoFontDescription *description = pango_font_description_from_string(font);
	int width, height;

	pango_layout_set_font_description(layout, description);
	pango_layout_set_text(layout, text, -1);
	pango_layout_get_pixel_size(layout, &width, &height);
	cairo_move_to(cairo, x - width / 2.0, y - height / 2.0);
	pango_cairo_show_layout(cairo, layout);
	pango_font_description_free(description);
	g_object_unref(layout);
}

static void draw_initial(cairo_t *cairo, double width, double height, const struct guest *guest)
{
	cairo_pattern_t *ground = cairo_pattern_create_linear(0, 0, 0, height);
	gunichar first = g_utf8_get_char_validated(guest->label, -1);
	char initial[8] = {0};

	cairo_pattern_add_color_stop_rgb(ground, 0, 0.180, 0.196, 0.224);
	cairo_pattern_add_color_stop_rgb(ground, 1, 0.137, 0.149, 0.173);
	cairo_set_source(cairo, ground);
	cairo_paint(cairo);
	cairo_pattern_destroy(ground);
	if (first == (gunichar)-1 || first == (gunichar)-2)
		first = '?';
	g_unichar_to_utf8(g_unichar_toupper(first), initial);
	cairo_arc(cairo, width / 2, height / 2, height * 0.24, 0, 2 * M_PI);
	set_colour(cairo, guest->colour, 0.18);
	cairo_fill(cairo);
	set_colour(cairo, guest->colour, 0.95);
	draw_text(cairo, initial, "Sans 34", width / 2, height / 2);
}

static void draw_picture(cairo_t *cairo, double width, double height, cairo_surface_t *picture)
{
	double picture_width = cairo_image_surface_get_width(picture);
	double picture_height = cairo_image_surface_get_height(picture);
	double scale = fmin(width / picture_width, height / picture_height);

	cairo_set_source_rgb(cairo, 0, 0, 0);
	cairo_paint(cairo);
	cairo_save(cairo);
	cairo_translate(cairo, floor((width - picture_width * scale) / 2),
			floor((height - picture_height * scale) / 2));
	cairo_scale(cairo, scale, scale);
	cairo_set_source_surface(cairo, picture, 0, 0);
	cairo_pattern_set_filter(cairo_get_source(cairo),
				 scale == 1.0 ? CAIRO_FILTER_NEAREST : CAIRO_FILTER_GOOD);
	cairo_paint(cairo);
	cairo_restore(cairo);
}

/* Dimmed under two bars, the sign for a pause. */
static void draw_pause(cairo_t *cairo, double width, double height)
{
	double bar = height * 0.07, tall = height * 0.26;

	cairo_set_source_rgba(cairo, 0.06, 0.065, 0.075, 0.62);
	cairo_paint(cairo);
	cairo_set_source_rgba(cairo, 1, 1, 1, 0.9);
	cairo_rectangle(cairo, width / 2 - bar * 1.4, (height - tall) / 2, bar, tall);
	cairo_rectangle(cairo, width / 2 + bar * 0.4, (height - tall) / 2, bar, tall);
	cairo_fill(cairo);
}

void card_picture_draw(cairo_t *cairo, int width, int height, cairo_surface_t *picture,
		       const struct guest *guest)
{
	double inner = height - STRIPE;

	clip_card(cairo, width, height);
	cairo_save(cairo);
	cairo_rectangle(cairo, 0, 0, width, inner);
	cairo_clip(cairo);
	if (picture && guest_is_up(guest))
		draw_picture(cairo, width, inner, picture);
	else
		draw_initial(cairo, width, inner, guest);
	if (guest->state == GUEST_PAUSED || guest->state == GUEST_SLEEPING)
		draw_pause(cairo, width, inner);
	cairo_restore(cairo);
	set_colour(cairo, guest->colour, guest->state == GUEST_OFF ? 0.45 : 1.0);
	cairo_rectangle(cairo, 0, inner, width, STRIPE);
	cairo_fill(cairo);
}
