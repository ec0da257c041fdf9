/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Painting with pixman; see scene.h. */
#include "scene.h"

#include <stdlib.h>

#include <glib.h>

#define BYTES_PER_PIXEL 4

static uint64_t region_bytes(const pixman_region32_t *region)
{
	int count;
	const pixman_box32_t *boxes = pixman_region32_rectangles(region, &count);
	uint64_t pixels = 0;

	for (int i = 0; i < count; i++)
		pixels += (uint64_t)(boxes[i].x2 - boxes[i].x1) *
			  (uint64_t)(boxes[i].y2 - boxes[i].y1);
	return pixels * BYTES_PER_PIXEL;
}

/* A picture made smaller by half or more is averaged, else mixed from its four neighbours. */
static void set_filter(pixman_image_t *image, const struct placement *place)
{
	double x = (double)place->source_width / place->width;
	double y = (double)place->source_height / place->height;
	pixman_transform_t transform;

	pixman_transform_init_scale(&transform, pixman_double_to_fixed(x),
				    pixman_double_to_fixed(y));
	pixman_image_set_transform(image, &transform);
	pixman_image_set_repeat(image, PIXMAN_REPEAT_PAD);
	if (x >= 2 || y >= 2) {
		int count;
		pixman_fixed_t *kernel = pixman_filter_create_separable_convolution(
			&count, pixman_double_to_fixed(MAX(x, 1)),
			pixman_double_to_fixed(MAX(y, 1)), PIXMAN_KERNEL_IMPULSE,
			PIXMAN_KERNEL_IMPULSE, PIXMAN_KERNEL_BOX, PIXMAN_KERNEL_BOX, 2, 2);

		if (kernel)
			pixman_image_set_filter(image, PIXMAN_FILTER_SEPARABLE_CONVOLUTION, kernel,
						count);
		free(kernel);
	} else {
		pixman_image_set_filter(image, PIXMAN_FILTER_BILINEAR, NULL, 0);
	}
}

void scene_composite(pixman_image_t *target, const pixman_region32_t *clip, pixman_image_t *image,
		     const struct placement *place)
{
	pixman_image_t *view = NULL;

	if (place->width == 0)
		return;
	if (!placement_is_exact(place)) {
		/* A second view of the same pixels: the lender's image keeps its settings. */
		view = pixman_image_create_bits_no_clear(
			pixman_image_get_format(image), pixman_image_get_width(image),
			pixman_image_get_height(image), pixman_image_get_data(image),
			pixman_image_get_stride(image));
		if (!view)
			return;
		set_filter(view, place);
	}
	pixman_image_set_clip_region32(target, (pixman_region32_t *)clip);
	pixman_image_composite32(PIXMAN_OP_SRC, view ? view : image, NULL, target, 0, 0, 0, 0,
				 place->x, place->y, place->width, place->height);
	pixman_image_set_clip_region32(target, NULL);
	if (view)
		pixman_image_unref(view);
}

static void fill(pixman_image_t *target, const pixman_region32_t *region)
{
	static const pixman_color_t dark = {0x0c0c, 0x0c0c, 0x0e0e, 0xffff};
	int count;
	const pixman_box32_t *boxes = pixman_region32_rectangles(region, &count);

	pixman_image_fill_boxes(PIXMAN_OP_SRC, target, &dark, count, boxes);
}

/* The part of damage inside a box, into out; returns the bytes it has. */
static uint64_t cut(pixman_region32_t *out, const pixman_region32_t *damage,
		    const pixman_box32_t *box)
{
	pixman_region32_intersect_rect(out, (pixman_region32_t *)damage, box->x1, box->y1,
				       (unsigned)MAX(box->x2 - box->x1, 0),
				       (unsigned)MAX(box->y2 - box->y1, 0));
	return region_bytes(out);
}

/* An image of the box's size over what is there. */
static uint64_t paint_over(pixman_image_t *target, const pixman_region32_t *damage,
			   pixman_image_t *image, const pixman_box32_t *box)
{
	pixman_region32_t part;
	uint64_t bytes;

	pixman_region32_init(&part);
	bytes = cut(&part, damage, box);
	if (bytes) {
		pixman_image_set_clip_region32(target, &part);
		pixman_image_composite32(PIXMAN_OP_OVER, image, NULL, target, 0, 0, 0, 0, box->x1,
					 box->y1, box->x2 - box->x1, box->y2 - box->y1);
		pixman_image_set_clip_region32(target, NULL);
	}
	pixman_region32_fini(&part);
	return bytes;
}

static uint64_t paint_placed(pixman_image_t *target, const pixman_region32_t *damage,
			     pixman_image_t *image, const struct placement *place)
{
	pixman_box32_t box = {place->x, place->y, place->x + place->width,
			      place->y + place->height};
	pixman_region32_t part;
	uint64_t bytes;

	pixman_region32_init(&part);
	bytes = cut(&part, damage, &box);
	if (bytes)
		scene_composite(target, &part, image, place);
	pixman_region32_fini(&part);
	return bytes;
}

static uint64_t paint_content(const struct scene *scene, pixman_image_t *target,
			      const pixman_region32_t *damage)
{
	pixman_region32_t rest;
	uint64_t bytes = 0;

	if (!scene->content && scene->notice)
		return paint_over(target, damage, scene->notice, &scene->area);
	pixman_region32_init(&rest);
	cut(&rest, damage, &scene->area);
	if (scene->content) {
		pixman_region32_t covered;

		bytes += paint_placed(target, &rest, scene->content, &scene->place);
		pixman_region32_init_rect(&covered, scene->place.x, scene->place.y,
					  (unsigned)scene->place.width,
					  (unsigned)scene->place.height);
		pixman_region32_subtract(&rest, &rest, &covered);
		pixman_region32_fini(&covered);
	}
	bytes += region_bytes(&rest);
	fill(target, &rest);
	pixman_region32_fini(&rest);
	return bytes;
}

uint64_t scene_paint(const struct scene *scene, pixman_image_t *target,
		     const pixman_region32_t *damage)
{
	uint64_t bytes = paint_content(scene, target, damage);

	if (scene->switcher) {
		bytes += paint_over(target, damage, scene->switcher, &scene->switcher_box);
		for (unsigned i = 0; i < scene->thumbnail_count; i++)
			if (scene->thumbnails[i].image)
				bytes += paint_placed(target, damage, scene->thumbnails[i].image,
						      &scene->thumbnails[i].place);
	}
	if (scene->pointer) {
		pixman_box32_t box = {scene->pointer_x, scene->pointer_y,
				      scene->pointer_x + pixman_image_get_width(scene->pointer),
				      scene->pointer_y + pixman_image_get_height(scene->pointer)};

		bytes += paint_over(target, damage, scene->pointer, &box);
	}
	if (scene->band)
		bytes += paint_over(target, damage, scene->band, &scene->band_box);
	return bytes;
}
