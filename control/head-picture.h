/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest's picture: `pending`, private and always the newest, and the one or two shared buffers
 * from which the compositor shows it. Nothing is queued: frames that no buffer was free for fold
 * into the next one. No I/O but making the memory that is shared.
 */
#ifndef CONTROL_HEAD_PICTURE_H
#define CONTROL_HEAD_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "head-damage.h"
#include "mullion/display.h"

struct head_picture;

struct head_picture *head_picture_create(unsigned buffers); /* 1 or 2; NULL: no memory */
void head_picture_destroy(struct head_picture *picture);    /* NULL is fine */

/*
 * The guest's side. Of a size that changes QEMU tells in two ways: with a whole new picture, or (a
 * text mode) by drawing on while the new size is told elsewhere, sooner or later. So there may be
 * more pixels than are shown. All return 0, -EINVAL (a side of 0 or beyond
 * MULLION_DISPLAY_MAX_SIDE) or -ENOMEM.
 */
/* A whole new picture of that size follows; until then it is black, unless the size is the same. */
int head_picture_set_size(struct head_picture *picture, uint32_t untrusted_width,
			  uint32_t untrusted_height);
/* Pixels up to there follow, which may be more than is shown yet. -EINVAL if there is no picture.
 */
int head_picture_reserve(struct head_picture *picture, uint32_t untrusted_width,
			 uint32_t untrusted_height);
/* So much is shown, whatever was drawn. Nothing happens if there is no picture. */
int head_picture_show(struct head_picture *picture, uint32_t untrusted_width,
		      uint32_t untrusted_height);
void head_picture_disable(struct head_picture *picture); /* the guest shows nothing */
bool head_picture_size(const struct head_picture *picture, uint32_t *width, uint32_t *height);
/* Row y of what there is, at least as many pixels as were reserved. */
uint32_t *head_picture_row(struct head_picture *picture, uint32_t y);
/* Something in this rectangle may have changed. */
void head_picture_touch(struct head_picture *picture, uint32_t x, uint32_t y, uint32_t width,
			uint32_t height);

/*
 * The compositor's side. take_scanout: 1 if there is a new scanout to announce (*fd is the
 * picture's, -1 if msg->buffers is 0), 0 if not, or a negative errno. take_frame: 1 if the buffer
 * in *frame is now the compositor's, 0 if nothing changed, no buffer is free or a new scanout must
 * be announced first.
 */
int head_picture_take_scanout(struct head_picture *picture, struct mullion_msg_scanout *msg,
			      int *fd);
int head_picture_take_frame(struct head_picture *picture, struct mullion_msg_frame *frame,
			    struct head_damage *damage);
/* False if the compositor gave back what it did not have. */
bool head_picture_release(struct head_picture *picture, uint32_t untrusted_buffer,
			  uint32_t untrusted_scanout);

#endif
