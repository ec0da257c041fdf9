/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A source's scanout: the head's shared memory, sealed, measured and mapped; see source-scanout.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "source-scanout.h"

void source_scanout_finish(struct source_scanout *scanout)
{
	for (unsigned i = 0; i < scanout->num_buffers; i++)
		g_clear_pointer(&scanout->buffers[i].image, pixman_image_unref);
	if (scanout->map)
		munmap(scanout->map, scanout->size);
	memset(scanout, 0, sizeof(*scanout));
}

/*
 * Makes sure that the memory cannot become smaller than what we map of it, which would have us
 * killed at the next look at a pixel. Only then the size means anything. Huge pages can go away
 * under a mapping even so, so plain shared memory only.
 * Returns NULL, or what is wrong.
 */
static const char *scanout_seal(int untrusted_fd, size_t size)
{
	struct statfs fs;
	struct stat st;
	int seals;

	if (fstatfs(untrusted_fd, &fs) < 0 || fs.f_type != TMPFS_MAGIC)
		return "scanout memory that is not a memfd of normal pages";
	if (fcntl(untrusted_fd, F_ADD_SEALS, F_SEAL_SHRINK) < 0) {
		seals = fcntl(untrusted_fd, F_GET_SEALS);
		if (seals < 0 || !(seals & F_SEAL_SHRINK))
			return "scanout memory that cannot be sealed against shrinking";
	}
	if (fstat(untrusted_fd, &st) < 0 || st.st_size < 0 || (uint64_t)st.st_size < size)
		return "scanout memory that is smaller than the scanout";
	return NULL;
}

bool source_scanout_init(struct source_scanout *scanout, const struct mullion_msg_scanout *msg,
			 int untrusted_fd, GError **error)
{
	size_t buffer_size = (size_t)msg->stride * msg->height; /* checked: at most MAX_MEMORY */
	const char *wrong;

	*scanout = (struct source_scanout){
		.width = msg->width,
		.height = msg->height,
		.num_buffers = msg->buffers,
		.size = buffer_size * msg->buffers,
	};
	if (!msg->buffers)
		return true;
	wrong = scanout_seal(untrusted_fd, scanout->size);
	if (wrong) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
			    "the head broke the display protocol: %s", wrong);
		return false;
	}
	scanout->map = mmap(NULL, scanout->size, PROT_READ, MAP_SHARED, untrusted_fd, 0);
	if (scanout->map == MAP_FAILED) {
		scanout->map = NULL;
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED,
			    "the head's scanout memory cannot be mapped: %s", g_strerror(errno));
		return false;
	}
	for (unsigned i = 0; i < msg->buffers; i++) {
		void *bits = (char *)scanout->map + i * buffer_size;

		scanout->buffers[i].image = pixman_image_create_bits(
			PIXMAN_x8r8g8b8, (int)msg->width, (int)msg->height, bits, (int)msg->stride);
		if (!scanout->buffers[i].image) {
			source_scanout_finish(scanout);
			g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED,
				    "no memory for a scanout");
			return false;
		}
	}
	return true;
}

const char *source_scanout_damage(const struct source_scanout *scanout,
				  const struct mullion_msg_frame *msg, pixman_region32_t *damage)
{
	pixman_box32_t boxes[MULLION_DISPLAY_MAX_RECTS];

	for (unsigned i = 0; i < msg->num_rects; i++) {
		const struct mullion_rect *rect = &msg->rects[i];

		/* The sums are checked: at most MULLION_DISPLAY_MAX_SIDE. */
		if (rect->x + rect->width > scanout->width ||
		    rect->y + rect->height > scanout->height)
			return "a frame with a rectangle outside of its scanout";
		boxes[i].x1 = (int)rect->x;
		boxes[i].y1 = (int)rect->y;
		boxes[i].x2 = (int)(rect->x + rect->width);
		boxes[i].y2 = (int)(rect->y + rect->height);
	}
	pixman_region32_fini(damage);
	if (!scanout->newest || !pixman_region32_init_rects(damage, boxes, (int)msg->num_rects))
		pixman_region32_init_rect(damage, 0, 0, scanout->width, scanout->height);
	return NULL;
}
