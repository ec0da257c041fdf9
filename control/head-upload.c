/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pixels on their way from QEMU into a picture; see head-upload.h. */
#include "head-upload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SCRATCH_BYTES (256U << 10)
_Static_assert(SCRATCH_BYTES >= MULLION_DISPLAY_MAX_STRIDE, "a row must fit in");

void head_upload_init(struct head_upload *upload)
{
	*upload = (struct head_upload){0};
}

void head_upload_finish(struct head_upload *upload)
{
	free(upload->scratch);
	*upload = (struct head_upload){0};
}

int head_upload_begin(struct head_upload *upload, struct head_picture *picture,
		      const struct head_upload_info *untrusted, bool resize)
{
	const int64_t side = MULLION_DISPLAY_MAX_SIDE;
	size_t row_bytes;
	int ret;

	if (untrusted->x < 0 || untrusted->y < 0 || untrusted->x > side || untrusted->y > side ||
	    untrusted->width < 1 || untrusted->height < 1 || untrusted->width > side ||
	    untrusted->height > side)
		return -EINVAL;
	if (!head_format_parse(&upload->format, untrusted->format))
		return -EINVAL;
	row_bytes = (size_t)untrusted->width * upload->format.bytes;
	if (untrusted->stride < row_bytes || untrusted->stride > MULLION_DISPLAY_MAX_STRIDE)
		return -EINVAL;
	/* QEMU may leave out the last row's padding, and may send more than the rows. */
	if (untrusted->length <
	    (size_t)untrusted->stride * (size_t)(untrusted->height - 1) + row_bytes)
		return -EINVAL;
	if (resize)
		ret = head_picture_set_size(picture, (uint32_t)untrusted->width,
					    (uint32_t)untrusted->height);
	else
		ret = head_picture_reserve(picture, (uint32_t)(untrusted->x + untrusted->width),
					   (uint32_t)(untrusted->y + untrusted->height));
	if (ret < 0)
		return ret;
	if (!upload->scratch)
		upload->scratch = malloc(SCRATCH_BYTES);
	if (!upload->scratch)
		return -ENOMEM;
	upload->picture = picture;
	upload->x = (uint32_t)untrusted->x;
	upload->y = (uint32_t)untrusted->y;
	upload->width = (uint32_t)untrusted->width;
	upload->height = (uint32_t)untrusted->height;
	upload->stride = untrusted->stride;
	upload->row_bytes = row_bytes;
	upload->offset = 0;
	upload->length = untrusted->length;
	return 0;
}

/* Where a row waits for its conversion: as many as fit wait together. */
static size_t scratch_rows(const struct head_upload *upload)
{
	return SCRATCH_BYTES / upload->stride;
}

static uint8_t *row_scratch(const struct head_upload *upload, size_t row)
{
	return upload->scratch + row % scratch_rows(upload) * upload->stride;
}

static uint32_t *row_target(const struct head_upload *upload, size_t row)
{
	return head_picture_row(upload->picture, upload->y + (uint32_t)row) + upload->x;
}

unsigned head_upload_iovecs(struct head_upload *upload, struct iovec iov[HEAD_UPLOAD_IOVECS])
{
	size_t offset = upload->offset;
	unsigned count = 0;

	while (count < HEAD_UPLOAD_IOVECS && offset < upload->length) {
		size_t row = offset / upload->stride, column = offset % upload->stride;
		uint8_t *base = row_scratch(upload, row) + column;
		size_t length = upload->stride - column;

		if (row >= upload->height) {
			/* Behind the last row: nothing of ours, to be read over. */
		} else if (column < upload->row_bytes) {
			if (upload->format.native)
				base = (uint8_t *)row_target(upload, row) + column;
			length = upload->row_bytes - column;
		}
		if (length > upload->length - offset)
			length = upload->length - offset;
		if (count > 0 &&
		    (uint8_t *)iov[count - 1].iov_base + iov[count - 1].iov_len == base)
			iov[count - 1].iov_len += length; /* whole rows: one piece */
		else
			iov[count++] = (struct iovec){base, length};
		offset += length;
		/* The waiting rows have to be converted before the next ones take their place. */
		if (!upload->format.native && offset % (upload->stride * scratch_rows(upload)) == 0)
			break;
	}
	return count;
}

/* Rows from..to (exclusive) have become whole. */
static void rows_convert(struct head_upload *upload, size_t from, size_t to)
{
	if (upload->format.native)
		return;
	for (size_t row = from; row < to && row < upload->height; row++)
		head_format_convert(&upload->format, row_target(upload, row),
				    row_scratch(upload, row), upload->width);
}

void head_upload_advance(struct head_upload *upload, size_t bytes)
{
	/* A row is whole once its pixels are: its padding says nothing. */
	size_t pad = upload->stride - upload->row_bytes;
	size_t from = (upload->offset + pad) / upload->stride;

	upload->offset += bytes;
	rows_convert(upload, from, (upload->offset + pad) / upload->stride);
	if (upload->offset >= upload->length)
		head_picture_touch(upload->picture, upload->x, upload->y, upload->width,
				   upload->height);
}

void head_upload_feed(struct head_upload *upload, const void *data, size_t bytes)
{
	const uint8_t *from = data;

	while (bytes > 0) {
		struct iovec iov[HEAD_UPLOAD_IOVECS];
		unsigned count = head_upload_iovecs(upload, iov);

		if (count == 0)
			return;
		for (unsigned i = 0; i < count && bytes > 0; i++) {
			size_t length = iov[i].iov_len < bytes ? iov[i].iov_len : bytes;

			memcpy(iov[i].iov_base, from, length);
			head_upload_advance(upload, length);
			from += length;
			bytes -= length;
		}
	}
}
