/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The compositor's own drawing, with cairo and pango; see overlay.h. */
#include "overlay.h"

#include <glib.h>
#include <math.h>
#include <pango/pangocairo.h>
#include <string.h>

#include "mullion/display.h"

#define FONT	 "Sans"
#define GAP	 16 /* between tiles, and around them */
#define TILE_MAX 256
#define CAPTION	 52 /* below a thumbnail */

/* A pixman image and a cairo context that draws into its pixels. */
static pixman_image_t *canvas_create(unsigned width, unsigned height, cairo_t **cr)
{
	pixman_image_t *image =
		pixman_image_create_bits(PIXMAN_a8r8g8b8, (int)width, (int)height, NULL, 0);
	cairo_surface_t *surface;

	if (!image)
		return NULL;
	surface = cairo_image_surface_create_for_data((unsigned char *)pixman_image_get_data(image),
						      CAIRO_FORMAT_ARGB32, (int)width, (int)height,
						      pixman_image_get_stride(image));
	*cr = cairo_create(surface);
	cairo_surface_destroy(surface);
	return image;
}

static void canvas_finish(cairo_t *cr)
{
	cairo_surface_flush(cairo_get_target(cr));
	cairo_destroy(cr);
}

static void set_colour(cairo_t *cr, uint32_t colour, double alpha)
{
	cairo_set_source_rgba(cr, (colour >> 16 & 0xff) / 255.0, (colour >> 8 & 0xff) / 255.0,
			      (colour & 0xff) / 255.0, alpha);
}

/* Black or white, whichever is read better on this colour (relative luminance, sRGB weights). */
static uint32_t ink_on(uint32_t colour)
{
	double luminance = 0.2126 * (colour >> 16 & 0xff) + 0.7152 * (colour >> 8 & 0xff) +
			   0.0722 * (colour & 0xff);

	return luminance > 140 ? 0x101010 : 0xffffff;
}

enum align { ALIGN_LEFT, ALIGN_CENTRE, ALIGN_RIGHT };

/* One line, cut with an ellipsis at width, vertically centred on y. Returns its width in pixels. */
static int draw_text(cairo_t *cr, const char *text, double size_px, bool bold, double x, double y,
		     double width, enum align align)
{
	PangoLayout *layout = pango_cairo_create_layout(cr);
	PangoFontDescription *font = pango_font_description_from_string(FONT);
	int text_width, text_height;

	pango_font_description_set_absolute_size(font, size_px * PANGO_SCALE);
	pango_font_description_set_weight(font, bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
	pango_layout_set_font_description(layout, font);
	pango_layout_set_text(layout, text, -1);
	pango_layout_set_width(layout, (int)(width * PANGO_SCALE));
	pango_layout_set_ellipsize(layout, PANGO_ELLIPSIZE_END);
	pango_layout_set_single_paragraph_mode(layout, TRUE);
	pango_layout_set_alignment(layout, align == ALIGN_LEFT	   ? PANGO_ALIGN_LEFT
					   : align == ALIGN_CENTRE ? PANGO_ALIGN_CENTER
								   : PANGO_ALIGN_RIGHT);
	pango_layout_get_pixel_size(layout, &text_width, &text_height);
	cairo_move_to(cr, x, y - text_height / 2.0);
	pango_cairo_show_layout(cr, layout);
	pango_font_description_free(font);
	g_object_unref(layout);
	return text_width;
}

pixman_image_t *overlay_render_band(const struct overlay_band *band, unsigned width,
				    unsigned height)
{
	char leds[32] = "";
	char right[256];
	double size = height * 0.56, margin = height * 0.5;
	cairo_t *cr;
	pixman_image_t *image = canvas_create(width, height, &cr);

	if (!image)
		return NULL;
	set_colour(cr, band->colour, 1);
	cairo_paint(cr);
	set_colour(cr, ink_on(band->colour), 1);
	draw_text(cr, band->label, size, true, margin, height / 2.0, width * 0.5 - margin,
		  ALIGN_LEFT);
	if (band->leds & MULLION_LED_CAPS_LOCK)
		g_strlcat(leds, "  Caps", sizeof(leds));
	if (band->leds & MULLION_LED_NUM_LOCK)
		g_strlcat(leds, "  Num", sizeof(leds));
	if (band->leds & MULLION_LED_SCROLL_LOCK)
		g_strlcat(leds, "  Scroll", sizeof(leds));
	g_snprintf(right, sizeof(right), "%s%s", band->hint ? band->hint : "", leds);
	draw_text(cr, right, size * 0.9, false, width * 0.5, height / 2.0, width * 0.5 - margin,
		  ALIGN_RIGHT);
	canvas_finish(cr);
	return image;
}

void overlay_layout_switcher(struct overlay_switcher *switcher, const pixman_box32_t *area)
{
	int count = (int)switcher->count;
	int area_width = area->x2 - area->x1, area_height = area->y2 - area->y1;
	int columns = MIN(count, MAX(1, (area_width - 3 * GAP) / (TILE_MAX + GAP)));
	int rows, tile, thumb_height, box_width, box_height, x0, y0;

	if (count > columns && columns < 5)
		columns = MIN(count, 5);
	rows = columns ? (count + columns - 1) / columns : 0;
	tile = columns ? (area_width - 3 * GAP) / columns - GAP : 0;
	tile = CLAMP(tile, 16, TILE_MAX);
	thumb_height = tile * 10 / 16;
	box_width = columns * (tile + GAP) + GAP;
	box_height = rows * (thumb_height + CAPTION + GAP) + GAP;
	x0 = area->x1 + (area_width - box_width) / 2;
	y0 = area->y1 + (area_height - box_height) / 2;
	switcher->box = (pixman_box32_t){x0, y0, x0 + box_width, y0 + box_height};
	for (int i = 0; i < count; i++) {
		int x = x0 + GAP + i % columns * (tile + GAP);
		int y = y0 + GAP + i / columns * (thumb_height + CAPTION + GAP);

		switcher->tiles[i].thumbnail = (pixman_box32_t){x, y, x + tile, y + thumb_height};
	}
}

static void rounded_box(cairo_t *cr, double x, double y, double width, double height, double radius)
{
	cairo_new_sub_path(cr);
	cairo_arc(cr, x + width - radius, y + radius, radius, -M_PI / 2, 0);
	cairo_arc(cr, x + width - radius, y + height - radius, radius, 0, M_PI / 2);
	cairo_arc(cr, x + radius, y + height - radius, radius, M_PI / 2, M_PI);
	cairo_arc(cr, x + radius, y + radius, radius, M_PI, 3 * M_PI / 2);
	cairo_close_path(cr);
}

static void draw_tile(cairo_t *cr, const struct overlay_switcher *switcher,
		      const struct overlay_tile *tile)
{
	double x = tile->thumbnail.x1 - switcher->box.x1, y = tile->thumbnail.y1 - switcher->box.y1;
	double width = tile->thumbnail.x2 - tile->thumbnail.x1;
	double height = tile->thumbnail.y2 - tile->thumbnail.y1;
	char caption[160];

	if (tile->focused) {
		rounded_box(cr, x - 8, y - 8, width + 16, height + CAPTION + 10, 8);
		cairo_set_source_rgba(cr, 1, 1, 1, 0.16);
		cairo_fill(cr);
	}
	cairo_rectangle(cr, x, y, width, height);
	cairo_set_source_rgb(cr, 0.06, 0.06, 0.07);
	cairo_fill(cr);
	cairo_rectangle(cr, x, y + height, width, 5);
	set_colour(cr, tile->colour, 1);
	cairo_fill(cr);
	cairo_set_source_rgb(cr, 1, 1, 1);
	draw_text(cr, tile->label, 15, true, x, y + height + 18, width, ALIGN_LEFT);
	cairo_set_source_rgba(cr, 1, 1, 1, 0.7);
	g_snprintf(caption, sizeof(caption), "%s%s%s", tile->chord,
		   tile->state && *tile->chord ? " \302\267 " : "", tile->state ? tile->state : "");
	draw_text(cr, caption, 12, false, x, y + height + 37, width, ALIGN_LEFT);
}

pixman_image_t *overlay_render_switcher(const struct overlay_switcher *switcher)
{
	unsigned width = (unsigned)(switcher->box.x2 - switcher->box.x1);
	unsigned height = (unsigned)(switcher->box.y2 - switcher->box.y1);
	cairo_t *cr;
	pixman_image_t *image = canvas_create(width, height, &cr);

	if (!image)
		return NULL;
	rounded_box(cr, 0, 0, width, height, 12);
	cairo_set_source_rgba(cr, 0.11, 0.12, 0.14, 0.94);
	cairo_fill(cr);
	for (unsigned i = 0; i < switcher->count; i++)
		draw_tile(cr, switcher, &switcher->tiles[i]);
	canvas_finish(cr);
	return image;
}

pixman_image_t *overlay_render_notice(const char *text, unsigned width, unsigned height)
{
	cairo_t *cr;
	pixman_image_t *image = canvas_create(width, height, &cr);

	if (!image)
		return NULL;
	cairo_set_source_rgb(cr, 0.1, 0.1, 0.11);
	cairo_paint(cr);
	cairo_set_source_rgb(cr, 0.8, 0.8, 0.82);
	draw_text(cr, text, 18, false, 16, height / 2.0, width - 32.0, ALIGN_CENTRE);
	canvas_finish(cr);
	return image;
}

pixman_image_t *overlay_render_arrow(void)
{
	static const double outline[][2] = {{1, 1},	{1, 17},     {4.8, 13.4}, {7.4, 19.4},
					    {10, 18.3}, {7.4, 12.4}, {12.6, 12.4}};
	cairo_t *cr;
	pixman_image_t *image = canvas_create(16, 22, &cr);

	if (!image)
		return NULL;
	for (size_t i = 0; i < G_N_ELEMENTS(outline); i++)
		cairo_line_to(cr, outline[i][0], outline[i][1]);
	cairo_close_path(cr);
	cairo_set_source_rgb(cr, 0, 0, 0);
	cairo_fill_preserve(cr);
	cairo_set_source_rgb(cr, 1, 1, 1);
	cairo_set_line_width(cr, 1.2);
	cairo_stroke(cr);
	canvas_finish(cr);
	return image;
}
