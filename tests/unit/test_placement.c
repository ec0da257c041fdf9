/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Protects: aspect-true placement, exact pixels when sizes match, and damage that covers all it
 * must (a partial repaint equals a whole one) and no more than it must. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "placement.h"
#include "scene.h"

static const pixman_box32_t area = {0, 24, 1280, 824};

static void exact_when_sizes_match(void **state)
{
	struct placement p = placement_fit(&area, 1280, 800);

	(void)state;
	assert_true(placement_is_exact(&p));
	assert_int_equal(p.x, 0);
	assert_int_equal(p.y, 24);
}

static void keeps_the_aspect(void **state)
{
	static const unsigned sizes[][2] = {{640, 480}, {1920, 1080}, {720, 400}, {80, 1000},
					    {1, 1},	{8192, 1},    {1, 8192},  {1280, 801}};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct placement p = placement_fit(&area, sizes[i][0], sizes[i][1]);
		double error = (double)p.width * sizes[i][1] - (double)p.height * sizes[i][0];

		/* Off by less than one pixel of the rounded side, unless that side is 1 already. */
		assert_true(p.height == 1 || p.width == 1 ||
			    (error < (double)(sizes[i][0] + sizes[i][1]) &&
			     -error < (double)(sizes[i][0] + sizes[i][1])));
		assert_true(p.width == 1280 || p.height == 800);
		assert_true(p.x >= area.x1 && p.x + p.width <= area.x2);
		assert_true(p.y >= area.y1 && p.y + p.height <= area.y2);
	}
}

static void nothing_to_place(void **state)
{
	struct placement p = placement_fit(&area, 0, 600);
	unsigned x = 7, y = 7;

	(void)state;
	assert_int_equal(p.width, 0);
	assert_false(placement_to_source(&p, 100, 100, &x, &y));
	assert_int_equal(x, 7);
}

static void exact_damage_is_not_grown(void **state)
{
	struct placement p = placement_fit(&area, 1280, 800);
	pixman_region32_t damage, out, expected;

	(void)state;
	pixman_region32_init_rect(&damage, 100, 200, 64, 64);
	pixman_region32_init_rect(&expected, 100, 224, 64, 64);
	pixman_region32_init(&out);
	placement_map_damage(&p, &damage, &out);
	assert_true(pixman_region32_equal(&out, &expected));
	pixman_region32_fini(&damage);
	pixman_region32_fini(&out);
	pixman_region32_fini(&expected);
}

static void pointer_maps_to_the_pixel_under_it(void **state)
{
	struct placement p = placement_fit(&area, 640, 400);
	unsigned x, y;

	(void)state;
	assert_true(placement_to_source(&p, 1279, 823, &x, &y));
	assert_int_equal(x, 639);
	assert_int_equal(y, 399);
	assert_true(placement_to_source(&p, 0, 24, &x, &y));
	assert_int_equal(x, 0);
	assert_int_equal(y, 0);
	assert_false(placement_to_source(&p, 5, 23, &x, &y)); /* the band */
	assert_int_equal(y, 0);
	assert_false(placement_to_source(&p, 1e9, -1e9, &x, &y));
	assert_int_equal(x, 639);
	assert_int_equal(y, 0);
}

static uint32_t random_state;

static unsigned pick(unsigned below)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 8) % below;
}

static void randomize(pixman_image_t *image, const pixman_box32_t *box)
{
	uint32_t *pixels = pixman_image_get_data(image);
	int stride = pixman_image_get_stride(image) / 4;

	for (int y = box->y1; y < box->y2; y++)
		for (int x = box->x1; x < box->x2; x++)
			pixels[y * stride + x] = pick(0x1000000) | 0xff000000u;
}

static pixman_image_t *picture_create(int width, int height)
{
	pixman_image_t *image = pixman_image_create_bits(PIXMAN_x8r8g8b8, width, height, NULL, 0);

	assert_non_null(image);
	randomize(image, &(pixman_box32_t){0, 0, width, height});
	return image;
}

static pixman_image_t *overlay_create(int width, int height)
{
	pixman_image_t *image = pixman_image_create_bits(PIXMAN_a8r8g8b8, width, height, NULL, 0);
	uint32_t *pixels;

	assert_non_null(image);
	pixels = pixman_image_get_data(image);
	for (int i = 0; i < width * height; i++) {
		uint32_t alpha = pick(256);

		pixels[i] = alpha << 24 | pick(alpha + 1) << 16 | pick(alpha + 1) << 8;
	}
	return image;
}

/* A screen with every layer on it. */
static void scene_fill(struct scene *scene, pixman_image_t *content, pixman_image_t *thumbnail)
{
	*scene = (struct scene){.area = {0, 10, 300, 210}, .content = content};
	scene->place = placement_fit(&scene->area, (unsigned)pixman_image_get_width(content),
				     (unsigned)pixman_image_get_height(content));
	scene->band = picture_create(300, 10); /* opaque: nothing is below it */
	scene->band_box = (pixman_box32_t){0, 0, 300, 10};
	scene->switcher = overlay_create(100, 60);
	scene->switcher_box = (pixman_box32_t){90, 80, 190, 140};
	scene->thumbnail_count = 1;
	scene->thumbnails[0].image = thumbnail;
	scene->thumbnails[0].place = placement_fit(&(pixman_box32_t){100, 90, 150, 120},
						   (unsigned)pixman_image_get_width(thumbnail),
						   (unsigned)pixman_image_get_height(thumbnail));
	scene->pointer = overlay_create(16, 16);
}

static void scene_free(struct scene *scene)
{
	pixman_image_unref(scene->band);
	pixman_image_unref(scene->switcher);
	pixman_image_unref(scene->pointer);
}

/* The property of the whole damage chain: change some source pixels, repaint what
 * placement_map_damage() says, and the screen is what a whole repaint would show. */
static void partial_paint_equals_whole(void **state)
{
	static const int sizes[][2] = {{300, 200}, {640, 480}, {150, 100}, {97, 211}, {1000, 301}};
	pixman_image_t *screen = picture_create(300, 210), *whole = picture_create(300, 210);
	pixman_region32_t all;

	(void)state;
	random_state = 1;
	pixman_region32_init_rect(&all, 0, 0, 300, 210);
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		pixman_image_t *content = picture_create(sizes[s][0], sizes[s][1]);
		pixman_image_t *thumbnail = picture_create(400, 300);
		struct scene scene;

		scene_fill(&scene, content, thumbnail);
		scene_paint(&scene, screen, &all);
		for (int round = 0; round < 60; round++) {
			int x = (int)pick((unsigned)sizes[s][0]),
			    y = (int)pick((unsigned)sizes[s][1]);
			pixman_box32_t box = {x, y, x + 1 + (int)pick((unsigned)(sizes[s][0] - x)),
					      y + 1 + (int)pick((unsigned)(sizes[s][1] - y))};
			pixman_region32_t changed, damage;

			pixman_region32_init_with_extents(&changed, &box);
			pixman_region32_init(&damage);
			randomize(content, &box);
			placement_map_damage(&scene.place, &changed, &damage);
			scene_paint(&scene, screen, &damage);
			scene_paint(&scene, whole, &all);
			assert_memory_equal(pixman_image_get_data(screen),
					    pixman_image_get_data(whole), 300 * 210 * 4);
			pixman_region32_fini(&changed);
			pixman_region32_fini(&damage);
		}
		scene_free(&scene);
		pixman_image_unref(content);
		pixman_image_unref(thumbnail);
	}
	pixman_region32_fini(&all);
	pixman_image_unref(screen);
	pixman_image_unref(whole);
}

/* An exact placement copies the guest's pixels unchanged, and nothing of it reaches the band. */
static void exact_pixels_and_untouched_band(void **state)
{
	pixman_image_t *screen = picture_create(300, 210), *content = picture_create(300, 200);
	const uint32_t *shown = pixman_image_get_data(screen), *given;
	struct scene scene = {.area = {0, 10, 300, 210}, .content = content};
	uint32_t band[300 * 10];
	pixman_region32_t all;

	(void)state;
	given = pixman_image_get_data(content);
	scene.place = placement_fit(&scene.area, 300, 200);
	memcpy(band, shown, sizeof(band));
	pixman_region32_init_rect(&all, 0, 0, 300, 210);
	assert_int_equal(scene_paint(&scene, screen, &all), 300 * 200 * 4);
	assert_memory_equal(shown, band, sizeof(band));
	for (int i = 0; i < 300 * 200; i++)
		assert_int_equal(shown[300 * 10 + i] & 0xffffff, given[i] & 0xffffff);
	pixman_region32_fini(&all);
	pixman_image_unref(screen);
	pixman_image_unref(content);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_when_sizes_match),
		cmocka_unit_test(keeps_the_aspect),
		cmocka_unit_test(nothing_to_place),
		cmocka_unit_test(exact_damage_is_not_grown),
		cmocka_unit_test(pointer_maps_to_the_pixel_under_it),
		cmocka_unit_test(partial_paint_equals_whole),
		cmocka_unit_test(exact_pixels_and_untouched_band),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
