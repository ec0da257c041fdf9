/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest's picture; see head-picture.h.
 *
 * QEMU says what changed in whole rows, or redraws what has not changed at all. Pixels are
 * therefore compared with what was last posted, in tiles of TILE x TILE, and only what differs is
 * told and copied. A buffer that was away meanwhile lacks the changes of several frames: each has a
 * note of what, a tile.
 */
#include "head-picture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define TILE 32U

/* A part of a tile, relative to it; x0 == x1 means none of it. */
struct span {
	uint8_t x0, y0, x1, y1;
};

struct buffer {
	uint32_t *pixels;
	struct span *stale; /* a tile: where it differs from what was last posted */
	bool away;	    /* the compositor has it */
};

struct head_picture {
	uint32_t width, height;		    /* 0: the guest shows nothing */
	uint32_t store_width, store_height; /* of pending: at least as large */
	uint32_t *pending;
	uint32_t columns, rows; /* of tiles */
	uint8_t *touched;	/* a tile: may differ from what was last posted */
	struct span *changed;	/* a tile: scratch of take_frame */

	struct buffer buffers[MULLION_DISPLAY_MAX_BUFFERS];
	unsigned num_buffers;
	int newest; /* the buffer last posted, -1 if none since the scanout */
	void *shared;
	size_t shared_size;
	int fd, former_fd;

	bool announce;	   /* the compositor has not been told of this size */
	uint32_t scanouts; /* announced so far */
};

struct head_picture *head_picture_create(unsigned buffers)
{
	struct head_picture *picture = calloc(1, sizeof(*picture));

	if (!picture)
		return NULL;
	picture->num_buffers = buffers;
	picture->newest = -1;
	picture->fd = picture->former_fd = -1;
	return picture;
}

static void fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/*
 * Lets go of the shared buffers. The compositor may not have read of the new scanout yet and still
 * show the old, so its pages live on; but those of the one before that are given back even if a
 * stalled compositor holds them, or a guest that switches modes would eat memory by it.
 */
static void shared_finish(struct head_picture *picture)
{
	for (unsigned i = 0; i < MULLION_DISPLAY_MAX_BUFFERS; i++) {
		free(picture->buffers[i].stale);
		picture->buffers[i] = (struct buffer){0};
	}
	if (picture->shared)
		munmap(picture->shared, picture->shared_size);
	picture->shared = NULL;
	picture->newest = -1;
	if (picture->fd < 0)
		return;
	if (picture->former_fd >= 0) {
		off_t size = lseek(picture->former_fd, 0, SEEK_END);

		if (size > 0)
			(void)!fallocate(picture->former_fd,
					 FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, size);
		close(picture->former_fd);
	}
	picture->former_fd = picture->fd;
	picture->fd = -1;
}

static void tiles_finish(struct head_picture *picture)
{
	free(picture->touched);
	free(picture->changed);
	picture->touched = NULL;
	picture->changed = NULL;
	picture->width = picture->height = 0;
}

static void pending_finish(struct head_picture *picture)
{
	free(picture->pending);
	picture->pending = NULL;
	picture->store_width = picture->store_height = 0;
}

void head_picture_destroy(struct head_picture *picture)
{
	if (!picture)
		return;
	shared_finish(picture);
	tiles_finish(picture);
	pending_finish(picture);
	fd_close(&picture->fd);
	fd_close(&picture->former_fd);
	free(picture);
}

static size_t tile_count(const struct head_picture *picture)
{
	return (size_t)picture->columns * picture->rows;
}

static bool size_valid(uint32_t untrusted_width, uint32_t untrusted_height)
{
	return untrusted_width >= 1 && untrusted_width <= MULLION_DISPLAY_MAX_SIDE &&
	       untrusted_height >= 1 && untrusted_height <= MULLION_DISPLAY_MAX_SIDE;
}

/* A new store, with what there was. */
static int store_resize(struct head_picture *picture, uint32_t width, uint32_t height)
{
	uint32_t keep_width = picture->store_width < width ? picture->store_width : width;
	uint32_t keep_height = picture->store_height < height ? picture->store_height : height;
	uint32_t *pending = calloc((size_t)width * height, 4);

	if (!pending)
		return -ENOMEM;
	for (uint32_t y = 0; y < keep_height; y++)
		memcpy(pending + (size_t)y * width, head_picture_row(picture, y),
		       (size_t)keep_width * 4);
	free(picture->pending);
	picture->pending = pending;
	picture->store_width = width;
	picture->store_height = height;
	return 0;
}

/* What is shown gets another size: to the compositor a new scanout. */
static int shown_resize(struct head_picture *picture, uint32_t width, uint32_t height)
{
	shared_finish(picture);
	tiles_finish(picture);
	picture->announce = true;
	picture->columns = (width + TILE - 1) / TILE;
	picture->rows = (height + TILE - 1) / TILE;
	picture->touched = calloc(tile_count(picture), 1);
	picture->changed = calloc(tile_count(picture), sizeof(*picture->changed));
	if (!picture->touched || !picture->changed) {
		tiles_finish(picture);
		return -ENOMEM;
	}
	picture->width = width;
	picture->height = height;
	return 0;
}

int head_picture_set_size(struct head_picture *picture, uint32_t untrusted_width,
			  uint32_t untrusted_height)
{
	uint32_t width = untrusted_width, height = untrusted_height;

	if (!size_valid(untrusted_width, untrusted_height))
		return -EINVAL;
	if (width != picture->store_width || height != picture->store_height) {
		int ret;

		pending_finish(picture);
		ret = store_resize(picture, width, height);
		if (ret < 0) {
			head_picture_disable(picture);
			return ret;
		}
	}
	if (width == picture->width && height == picture->height)
		return 0;
	return shown_resize(picture, width, height);
}

int head_picture_reserve(struct head_picture *picture, uint32_t untrusted_width,
			 uint32_t untrusted_height)
{
	uint32_t width = untrusted_width, height = untrusted_height;

	if (!size_valid(untrusted_width, untrusted_height) || picture->width == 0)
		return -EINVAL;
	if (width <= picture->store_width && height <= picture->store_height)
		return 0;
	return store_resize(picture, width > picture->store_width ? width : picture->store_width,
			    height > picture->store_height ? height : picture->store_height);
}

int head_picture_show(struct head_picture *picture, uint32_t untrusted_width,
		      uint32_t untrusted_height)
{
	int ret;

	if (picture->width == 0)
		return 0;
	ret = head_picture_reserve(picture, untrusted_width, untrusted_height);
	if (ret < 0 || (untrusted_width == picture->width && untrusted_height == picture->height))
		return ret;
	return shown_resize(picture, untrusted_width, untrusted_height);
}

void head_picture_disable(struct head_picture *picture)
{
	if (picture->width == 0)
		return;
	shared_finish(picture);
	tiles_finish(picture);
	pending_finish(picture);
	picture->announce = true;
}

bool head_picture_size(const struct head_picture *picture, uint32_t *width, uint32_t *height)
{
	*width = picture->width;
	*height = picture->height;
	return picture->width > 0;
}

uint32_t *head_picture_row(struct head_picture *picture, uint32_t y)
{
	return picture->pending + (size_t)y * picture->store_width;
}

void head_picture_touch(struct head_picture *picture, uint32_t x, uint32_t y, uint32_t width,
			uint32_t height)
{
	uint32_t right = x + width, bottom = y + height;

	if (right > picture->width)
		right = picture->width;
	if (bottom > picture->height)
		bottom = picture->height;
	if (x >= right || y >= bottom)
		return;
	for (uint32_t row = y / TILE; row <= (bottom - 1) / TILE; row++)
		memset(picture->touched + (size_t)row * picture->columns + x / TILE, 1,
		       (right - 1) / TILE - x / TILE + 1);
}

static int shared_init(struct head_picture *picture)
{
	size_t one = (size_t)picture->width * picture->height * 4;
	size_t size = one * picture->num_buffers;
	int ret;

	picture->fd = memfd_create("mullion-scanout", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	if (picture->fd < 0)
		return -errno;
	/* Sealed here too: nobody may cut off what is mapped. */
	if (ftruncate(picture->fd, (off_t)size) < 0 ||
	    fcntl(picture->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0)
		goto fail;
	picture->shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, picture->fd, 0);
	if (picture->shared == MAP_FAILED) {
		picture->shared = NULL;
		goto fail;
	}
	picture->shared_size = size;
	for (unsigned i = 0; i < picture->num_buffers; i++) {
		picture->buffers[i].pixels = (uint32_t *)picture->shared + one / 4 * i;
		picture->buffers[i].stale = calloc(tile_count(picture), sizeof(struct span));
		if (!picture->buffers[i].stale) {
			errno = ENOMEM;
			goto fail;
		}
	}
	return 0;
fail:
	ret = -errno;
	fd_close(&picture->fd); /* nobody has seen it: not a former scanout */
	shared_finish(picture);
	return ret;
}

int head_picture_take_scanout(struct head_picture *picture, struct mullion_msg_scanout *msg,
			      int *fd)
{
	*msg = (struct mullion_msg_scanout){0};
	*fd = -1;
	if (!picture->announce)
		return 0;
	if (picture->width > 0) {
		int ret = shared_init(picture);

		if (ret < 0)
			return ret;
		msg->width = picture->width;
		msg->height = picture->height;
		msg->stride = picture->width * 4;
		msg->buffers = picture->num_buffers;
		*fd = picture->fd;
	}
	picture->announce = false;
	picture->scanouts++;
	return 1;
}

/* The pixels of a tile that the picture's edge leaves of it. */
static struct span tile_whole(const struct head_picture *picture, uint32_t column, uint32_t row)
{
	uint32_t width = picture->width - column * TILE, height = picture->height - row * TILE;

	return (struct span){0, 0, (uint8_t)(width < TILE ? width : TILE),
			     (uint8_t)(height < TILE ? height : TILE)};
}

static struct span span_join(struct span a, struct span b)
{
	if (a.x0 == a.x1)
		return b;
	if (b.x0 == b.x1)
		return a;
	return (struct span){a.x0 < b.x0 ? a.x0 : b.x0, a.y0 < b.y0 ? a.y0 : b.y0,
			     a.x1 > b.x1 ? a.x1 : b.x1, a.y1 > b.y1 ? a.y1 : b.y1};
}

/* The smallest rectangle of the tile that holds every pixel that differs; whole: the tile's size */
static struct span tile_compare(struct head_picture *picture, uint32_t x, uint32_t y,
				struct span whole)
{
	const uint32_t *posted = picture->buffers[picture->newest].pixels;
	const uint32_t *a = head_picture_row(picture, y) + x;
	const uint32_t *b = posted + (size_t)y * picture->width + x;
	size_t a_stride = picture->store_width, b_stride = picture->width, length = whole.x1 * 4U;
	unsigned width = whole.x1, top = 0, bottom = whole.y1, left = width, right = 0;

	while (top < bottom && !memcmp(a + top * a_stride, b + top * b_stride, length))
		top++;
	if (top == bottom)
		return (struct span){0};
	while (!memcmp(a + (bottom - 1) * a_stride, b + (bottom - 1) * b_stride, length))
		bottom--;
	for (unsigned i = top; i < bottom && (left > 0 || right < width); i++) {
		const uint32_t *p = a + i * a_stride, *q = b + i * b_stride;
		unsigned column;

		for (column = 0; column < left && p[column] == q[column]; column++)
			;
		left = column;
		for (column = width; column > right && p[column - 1] == q[column - 1]; column--)
			;
		right = column;
	}
	return (struct span){(uint8_t)left, (uint8_t)top, (uint8_t)right, (uint8_t)bottom};
}

/*
 * Takes the next run out of a row of tiles: neighbours whose parts touch and have the same top and
 * bottom, as one rectangle. *column moves behind it. False at the row's end.
 */
static bool run_next(const struct head_picture *picture, const struct span *spans, uint32_t row,
		     uint32_t *column, struct mullion_rect *rect)
{
	const struct span *tile = spans + (size_t)row * picture->columns;
	uint32_t i = *column, first;

	while (i < picture->columns && tile[i].x0 == tile[i].x1)
		i++;
	if (i == picture->columns)
		return false;
	first = i++;
	while (i < picture->columns && tile[i - 1].x1 == TILE && tile[i].x0 == 0 && tile[i].x1 &&
	       tile[i].y0 == tile[first].y0 && tile[i].y1 == tile[first].y1)
		i++;
	rect->x = first * TILE + tile[first].x0;
	rect->y = row * TILE + tile[first].y0;
	rect->width = (i - 1) * TILE + tile[i - 1].x1 - rect->x;
	rect->height = (uint32_t)(tile[first].y1 - tile[first].y0);
	*column = i;
	return true;
}

/* Finds in `changed` where pending differs from what was last posted. */
static void changes_find(struct head_picture *picture)
{
	for (uint32_t row = 0; row < picture->rows; row++) {
		for (uint32_t column = 0; column < picture->columns; column++) {
			size_t tile = (size_t)row * picture->columns + column;
			struct span whole = tile_whole(picture, column, row);

			if (picture->newest < 0)
				picture->changed[tile] = whole;
			else if (picture->touched[tile])
				picture->changed[tile] =
					tile_compare(picture, column * TILE, row * TILE, whole);
			else
				picture->changed[tile] = (struct span){0};
		}
	}
}

static void damage_collect(struct head_picture *picture, struct head_damage *damage)
{
	struct mullion_rect rect;

	damage->count = 0;
	for (uint32_t row = 0; row < picture->rows; row++) {
		uint32_t column = 0;

		while (run_next(picture, picture->changed, row, &column, &rect))
			head_damage_add(damage, rect);
	}
}

/* Makes the buffer equal to pending. */
static void buffer_fill(struct head_picture *picture, struct buffer *buffer)
{
	struct mullion_rect rect;

	for (uint32_t row = 0; row < picture->rows; row++) {
		uint32_t column = 0;

		while (run_next(picture, buffer->stale, row, &column, &rect)) {
			for (uint32_t y = rect.y; y < rect.y + rect.height; y++)
				memcpy(buffer->pixels + (size_t)y * picture->width + rect.x,
				       head_picture_row(picture, y) + rect.x,
				       (size_t)rect.width * 4);
		}
	}
	memset(buffer->stale, 0, tile_count(picture) * sizeof(struct span));
}

int head_picture_take_frame(struct head_picture *picture, struct mullion_msg_frame *frame,
			    struct head_damage *damage)
{
	unsigned b = 0;

	if (picture->announce || picture->width == 0)
		return 0;
	while (b < picture->num_buffers && picture->buffers[b].away)
		b++;
	if (b == picture->num_buffers)
		return 0;
	if (picture->newest >= 0 && !memchr(picture->touched, 1, tile_count(picture)))
		return 0;
	changes_find(picture);
	memset(picture->touched, 0, tile_count(picture));
	damage_collect(picture, damage);
	if (damage->count == 0)
		return 0;
	for (unsigned i = 0; i < picture->num_buffers; i++)
		for (size_t tile = 0; tile < tile_count(picture); tile++)
			picture->buffers[i].stale[tile] =
				span_join(picture->buffers[i].stale[tile], picture->changed[tile]);
	buffer_fill(picture, &picture->buffers[b]);
	picture->buffers[b].away = true;
	picture->newest = (int)b;
	*frame = (struct mullion_msg_frame){.buffer = b, .num_rects = damage->count};
	return 1;
}

bool head_picture_release(struct head_picture *picture, uint32_t untrusted_buffer,
			  uint32_t untrusted_scanout)
{
	if (untrusted_scanout != picture->scanouts) /* it crossed our newer scanout */
		return picture->scanouts - untrusted_scanout <= picture->scanouts;
	if (picture->announce) /* ours is gone, although the compositor has not been told */
		return true;
	if (untrusted_buffer >= picture->num_buffers || !picture->buffers[untrusted_buffer].away)
		return false;
	picture->buffers[untrusted_buffer].away = false;
	return true;
}
