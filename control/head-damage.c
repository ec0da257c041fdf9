/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A short list of rectangles that covers all that was added to it; see head-damage.h. */
#include "head-damage.h"

#include <stdbool.h>

static uint64_t rect_area(struct mullion_rect rect)
{
	return (uint64_t)rect.width * rect.height;
}

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t max_u32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static struct mullion_rect rect_join(struct mullion_rect a, struct mullion_rect b)
{
	uint32_t right = max_u32(a.x + a.width, b.x + b.width);
	uint32_t bottom = max_u32(a.y + a.height, b.y + b.height);
	struct mullion_rect joined = {.x = min_u32(a.x, b.x), .y = min_u32(a.y, b.y)};

	joined.width = right - joined.x;
	joined.height = bottom - joined.y;
	return joined;
}

/* Pixels that joining the two covers and neither does; an overlap counts in favour. */
static int64_t join_waste(struct mullion_rect a, struct mullion_rect b)
{
	return (int64_t)rect_area(rect_join(a, b)) - (int64_t)rect_area(a) - (int64_t)rect_area(b);
}

/* The index of the rectangle that is cheapest to join with this one. */
static unsigned find_cheapest(const struct head_damage *damage, struct mullion_rect rect,
			      int64_t *waste)
{
	unsigned best = 0;

	*waste = INT64_MAX;
	for (unsigned i = 0; i < damage->count; i++) {
		int64_t w = join_waste(damage->rects[i], rect);

		if (w < *waste) {
			*waste = w;
			best = i;
		}
	}
	return best;
}

void head_damage_add(struct head_damage *damage, struct mullion_rect rect)
{
	/* Every join takes one out of the list and may make the next one worth it. */
	for (;;) {
		int64_t waste;
		unsigned i = find_cheapest(damage, rect, &waste);
		bool full = damage->count == MULLION_DISPLAY_MAX_RECTS;

		if (damage->count == 0)
			break;
		if (!full && waste * 16 > (int64_t)rect_area(rect_join(damage->rects[i], rect)))
			break;
		rect = rect_join(damage->rects[i], rect);
		damage->rects[i] = damage->rects[--damage->count];
	}
	damage->rects[damage->count++] = rect;
}
