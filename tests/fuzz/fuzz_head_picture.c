/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzes the way of a guest's pixels through a head: the input is a list of what QEMU and the
 * compositor do, with every number taken from it. Each frame must be what the picture is, and a
 * picture made of the frames' rectangles alone must be the same.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "fuzz.h"
#include "head-upload.h"

#define MAX_PIXELS (256U << 10) /* larger pictures are legal, but slow to check */
#define MAX_BYTES  (2U << 20)

enum op { OP_SCANOUT, OP_UPDATE, OP_DISABLE, OP_TAKE, OP_RELEASE, OP_SHOW, OPS };

struct input {
	const uint8_t *data;
	size_t size;
};

struct run {
	struct head_picture *picture;
	struct head_upload upload;
	struct mullion_msg_scanout scanout;
	uint32_t scanouts;
	uint32_t *map, *shown;
	size_t map_size;
	bool held[MULLION_DISPLAY_MAX_BUFFERS];
};

static uint32_t next(struct input *input, unsigned bytes)
{
	uint32_t value = 0;

	for (; bytes > 0 && input->size > 0; bytes--, input->size--)
		value = value << 8 | *input->data++;
	return value;
}

static void forget(struct run *run)
{
	if (run->map)
		munmap(run->map, run->map_size);
	free(run->shown);
	run->map = NULL;
	run->shown = NULL;
	memset(run->held, 0, sizeof(run->held));
}

static void do_upload(struct run *run, struct input *input, bool resize)
{
	static const uint32_t formats[] = {0x20020888, 0x10020565, 0x18020888, 0x20088888};
	static uint8_t bytes[MAX_BYTES];
	struct head_upload_info untrusted;
	uint32_t shape = next(input, 1), colour = next(input, 1);
	size_t at = 0;

	untrusted.x = resize ? 0 : (int16_t)next(input, 2);
	untrusted.y = resize ? 0 : (int16_t)next(input, 2);
	untrusted.width = (int16_t)next(input, 2);
	untrusted.height = (int16_t)next(input, 2);
	untrusted.format = shape & 8 ? next(input, 4) : formats[shape & 3];
	untrusted.stride = shape & 16 ? next(input, 4) : (uint32_t)untrusted.width * 4;
	untrusted.length =
		shape & 32 ? next(input, 4) : untrusted.stride * (uint32_t)untrusted.height;
	if ((untrusted.x + untrusted.width) * (untrusted.y + untrusted.height) > MAX_PIXELS)
		return;
	if (head_upload_begin(&run->upload, run->picture, &untrusted, resize) < 0 ||
	    untrusted.length > MAX_BYTES)
		return;
	/* QEMU may break off anywhere, too. */
	if (shape & 64)
		untrusted.length = (uint32_t)((uint64_t)untrusted.length * next(input, 1) / 256);
	for (size_t i = 0; i < untrusted.length; i++)
		bytes[i] = (uint8_t)(colour + i * (shape >> 7) / 61);
	while (at < untrusted.length) {
		struct iovec iov[HEAD_UPLOAD_IOVECS];
		unsigned count = head_upload_iovecs(&run->upload, iov);

		FUZZ_CHECK(count > 0 && count <= HEAD_UPLOAD_IOVECS);
		for (unsigned i = 0; i < count && at < untrusted.length; i++) {
			size_t piece = iov[i].iov_len;

			FUZZ_CHECK(piece > 0);
			if (piece > untrusted.length - at)
				piece = untrusted.length - at;
			memcpy(iov[i].iov_base, bytes + at, piece);
			head_upload_advance(&run->upload, piece);
			at += piece;
		}
	}
	/* What was broken off is told by nobody; the head ends with it. Here it goes on. */
	if (shape & 64)
		head_picture_touch(run->picture, (uint32_t)untrusted.x, (uint32_t)untrusted.y,
				   (uint32_t)untrusted.width, (uint32_t)untrusted.height);
}

static void take_scanout(struct run *run)
{
	struct mullion_msg_scanout msg;
	int fd, ret = head_picture_take_scanout(run->picture, &msg, &fd);

	FUZZ_CHECK(ret >= 0);
	if (ret == 0)
		return;
	forget(run);
	run->scanout = msg;
	run->scanouts++;
	if (msg.buffers == 0)
		return;
	run->map_size = (size_t)msg.stride * msg.height * msg.buffers;
	run->map = mmap(NULL, run->map_size, PROT_READ, MAP_SHARED, fd, 0);
	FUZZ_CHECK(run->map != MAP_FAILED);
	run->shown = calloc((size_t)msg.width * msg.height, 4);
	FUZZ_CHECK(run->shown);
}

static void do_take(struct run *run)
{
	struct mullion_msg_frame frame;
	struct head_damage damage;
	const uint32_t *pixels;
	size_t picture_size;
	int ret;

	take_scanout(run);
	ret = head_picture_take_frame(run->picture, &frame, &damage);
	FUZZ_CHECK(ret == 0 || ret == 1);
	if (ret == 0)
		return;
	FUZZ_CHECK(frame.buffer < run->scanout.buffers && !run->held[frame.buffer]);
	FUZZ_CHECK(frame.num_rects == damage.count);
	FUZZ_CHECK(damage.count >= 1 && damage.count <= MULLION_DISPLAY_MAX_RECTS);
	run->held[frame.buffer] = true;
	picture_size = (size_t)run->scanout.width * run->scanout.height;
	pixels = run->map + frame.buffer * picture_size;
	for (unsigned i = 0; i < damage.count; i++) {
		struct mullion_rect rect = damage.rects[i];

		FUZZ_CHECK(rect.width > 0 && rect.x + rect.width <= run->scanout.width);
		FUZZ_CHECK(rect.height > 0 && rect.y + rect.height <= run->scanout.height);
		for (uint32_t y = rect.y; y < rect.y + rect.height; y++) {
			size_t at = (size_t)y * run->scanout.width + rect.x;

			memcpy(run->shown + at, pixels + at, (size_t)rect.width * 4);
		}
	}
	for (uint32_t y = 0; y < run->scanout.height; y++)
		FUZZ_CHECK(!memcmp(pixels + (size_t)y * run->scanout.width,
				   head_picture_row(run->picture, y),
				   (size_t)run->scanout.width * 4));
	FUZZ_CHECK(!memcmp(pixels, run->shown, picture_size * 4));
}

static void do_release(struct run *run, struct input *input)
{
	uint32_t buffer = next(input, 1) % 4, scanout = run->scanouts - next(input, 1) / 200;
	bool current = scanout == run->scanouts;
	bool ok = head_picture_release(run->picture, buffer, scanout);

	if (!current)
		return;
	if (buffer < MULLION_DISPLAY_MAX_BUFFERS && run->held[buffer]) {
		FUZZ_CHECK(ok);
		run->held[buffer] = false;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct run run = {.picture = head_picture_create(1 + next(&input, 1) % 2)};

	FUZZ_CHECK(run.picture);
	head_upload_init(&run.upload);
	while (input.size > 0) {
		switch ((enum op)(next(&input, 1) % OPS)) {
		case OP_SCANOUT:
			do_upload(&run, &input, true);
			break;
		case OP_UPDATE:
			do_upload(&run, &input, false);
			break;
		case OP_DISABLE:
			head_picture_disable(run.picture);
			break;
		case OP_TAKE:
			do_take(&run);
			break;
		case OP_RELEASE:
			do_release(&run, &input);
			break;
		case OP_SHOW:
			head_picture_show(run.picture, next(&input, 2) % 600,
					  next(&input, 2) % 600);
			break;
		case OPS:
			break;
		}
	}
	forget(&run);
	head_upload_finish(&run.upload);
	head_picture_destroy(run.picture);
	return 0;
}

size_t fuzz_seed(unsigned index, uint8_t *data, size_t size)
{
	static const uint8_t plain[] = {
		1,	    OP_SCANOUT, 0, 9,  0, 70, 0, 50, OP_TAKE, OP_UPDATE,  128, 7,
		0,	    3,		0, 40, 0, 60, 0, 10, OP_TAKE, OP_RELEASE, 0,   0,
		OP_UPDATE,  1,		3, 0,  1, 0,  2, 0,  9,	      0,	  9,   OP_TAKE,
		OP_DISABLE, OP_TAKE};
	static const uint8_t odd[] = {
		0,	 OP_SCANOUT, 16 + 2, 9,	   0,	      33,     0,    33, 0, 0, 0,  140,
		OP_TAKE, OP_RELEASE, 0,	     0,	   OP_UPDATE, 8 + 32, 7,    0,	3, 0, 4,  0,
		6,	 0,	     1,	     0x20, 2,	      8,      0x88, 0,	0, 0, 24, OP_TAKE};
	static const uint8_t broken[] = {1,  OP_SCANOUT, 64 + 128,   9, 1,   0,	     0,	 200,
					 99, OP_TAKE,	 OP_SCANOUT, 3, 1,   0,	     40, 0,
					 40, OP_TAKE,	 OP_RELEASE, 0, 220, OP_TAKE};
	static const struct {
		const uint8_t *bytes;
		size_t length;
	} seeds[] = {{plain, sizeof(plain)}, {odd, sizeof(odd)}, {broken, sizeof(broken)}};

	if (index >= sizeof(seeds) / sizeof(seeds[0]))
		return 0;
	FUZZ_CHECK(seeds[index].length <= size);
	memcpy(data, seeds[index].bytes, seeds[index].length);
	return seeds[index].length;
}
