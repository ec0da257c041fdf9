/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pixels on their way from QEMU into a picture, as they come off a socket: says where the next
 * bytes belong, so that they are read to their final place if their format allows it. Pure.
 */
#ifndef CONTROL_HEAD_UPLOAD_H
#define CONTROL_HEAD_UPLOAD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "head-format.h"
#include "head-picture.h"

struct head_upload_info { /* as QEMU says it; nothing of it is to be believed */
	int64_t x, y, width, height;
	uint32_t stride, format;
	uint32_t length; /* bytes of pixels that follow */
};

struct head_upload {
	struct head_picture *picture;
	struct head_format format;
	uint32_t x, y, width, height;
	size_t stride, row_bytes; /* of a row: all, and those that are pixels */
	size_t offset, length;
	uint8_t *scratch; /* for padding, and rows that wait for conversion */
};

#define HEAD_UPLOAD_IOVECS 64U

void head_upload_init(struct head_upload *upload);
void head_upload_finish(struct head_upload *upload);

/*
 * Checks all of it. resize: the picture takes the upload's size (Scanout), else there must be
 * a picture, which may be smaller (Update). Returns 0; -EINVAL: the bytes are to be skipped, the
 * picture is as it was; -ENOMEM.
 */
int head_upload_begin(struct head_upload *upload, struct head_picture *picture,
		      const struct head_upload_info *untrusted, bool resize);
/* Where the next bytes go; returns the count, 0 when all have come. */
unsigned head_upload_iovecs(struct head_upload *upload, struct iovec iov[HEAD_UPLOAD_IOVECS]);
/* That many bytes have been put there. With the last one, the picture is touched. */
void head_upload_advance(struct head_upload *upload, size_t bytes);
/* The same from memory; bytes must not exceed what is missing. */
void head_upload_feed(struct head_upload *upload, const void *data, size_t bytes);

#endif
