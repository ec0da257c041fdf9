/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Aspect-true placement and damage mapping; see placement.h. */
#include "placement.h"

#include <stdint.h>

struct placement placement_fit(const pixman_box32_t *area, unsigned source_width,
			       unsigned source_height)
{
	int64_t area_width = area->x2 - area->x1, area_height = area->y2 - area->y1;
	struct placement p = {.source_width = (int)source_width,
			      .source_height = (int)source_height};

	if (area_width <= 0 || area_height <= 0 || source_width == 0 || source_height == 0) {
		p.x = area->x1;
		p.y = area->y1;
		return p;
	}
	/* Compare area_width / source_width with area_height / source_height without dividing. */
	if (area_width * source_height <= area_height * source_width) {
		p.width = (int)area_width;
		p.height = (int)(area_width * source_height / source_width);
	} else {
		p.height = (int)area_height;
		p.width = (int)(area_height * source_width / source_height);
	}
	if (p.width < 1)
		p.width = 1;
	if (p.height < 1)
		p.height = 1;
	p.x = area->x1 + (int)(area_width - p.width) / 2;
	p.y = area->y1 + (int)(area_height - p.height) / 2;
	return p;
}

static int scale_floor(int value, int to, int from)
{
	return (int)((int64_t)value * to / from);
}

static int scale_ceil(int value, int to, int from)
{
	return (int)(((int64_t)value * to + from - 1) / from);
}

void placement_map_damage(const struct placement *p, const pixman_region32_t *damage,
			  pixman_region32_t *out)
{
	int count;
	const pixman_box32_t *boxes = pixman_region32_rectangles(damage, &count);

	if (p->width == 0) {
		pixman_region32_clear(out);
		return;
	}
	if (placement_is_exact(p)) {
		pixman_region32_copy(out, damage);
		pixman_region32_translate(out, p->x, p->y);
		pixman_region32_intersect_rect(out, out, p->x, p->y, (unsigned)p->width,
					       (unsigned)p->height);
		return;
	}
	pixman_region32_clear(out);
	for (int i = 0; i < count; i++) {
		/* A source pixel reaches half a source pixel beyond its edges in a bilinear
		 * picture. */
		int x1 = scale_floor(boxes[i].x1 - 1, p->width, p->source_width) - 1;
		int y1 = scale_floor(boxes[i].y1 - 1, p->height, p->source_height) - 1;
		int x2 = scale_ceil(boxes[i].x2 + 1, p->width, p->source_width) + 1;
		int y2 = scale_ceil(boxes[i].y2 + 1, p->height, p->source_height) + 1;

		pixman_region32_union_rect(out, out, p->x + x1, p->y + y1, (unsigned)(x2 - x1),
					   (unsigned)(y2 - y1));
	}
	pixman_region32_intersect_rect(out, out, p->x, p->y, (unsigned)p->width,
				       (unsigned)p->height);
}

static unsigned clamp(double value, int size)
{
	if (!(value > 0))
		return 0;
	if (value >= size)
		return (unsigned)size - 1;
	return (unsigned)value;
}

bool placement_to_source(const struct placement *p, double target_x, double target_y, unsigned *x,
			 unsigned *y)
{
	if (p->width == 0)
		return false;
	*x = clamp((target_x - p->x) * p->source_width / p->width, p->source_width);
	*y = clamp((target_y - p->y) * p->source_height / p->height, p->source_height);
	return target_x >= p->x && target_x < p->x + p->width && target_y >= p->y &&
	       target_y < p->y + p->height;
}
