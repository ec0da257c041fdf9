/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The test card's display. The VM ends before the card is given back: there is no close. */
#include "screen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#define CARDS 8

static int buffer_create(struct screen *screen, int number)
{
	struct picture *picture = &screen->buffers[number].picture;
	uint32_t pitch;
	uint64_t size, offset;
	void *memory;
	int result;

	result = drmModeCreateDumbBuffer(screen->fd, (uint32_t)screen->width,
					 (uint32_t)screen->height, 32, 0,
					 &screen->buffers[number].handle, &pitch, &size);
	if (result)
		return result;
	result = drmModeAddFB(screen->fd, (uint32_t)screen->width, (uint32_t)screen->height, 24, 32,
			      pitch, screen->buffers[number].handle,
			      &screen->buffers[number].framebuffer);
	if (result)
		return result;
	result = drmModeMapDumbBuffer(screen->fd, screen->buffers[number].handle, &offset);
	if (result)
		return result;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, screen->fd, (off_t)offset);
	if (memory == MAP_FAILED)
		return -errno;
	memset(memory, 0, size);
	*picture = (struct picture){.pixels = memory,
				    .width = screen->width,
				    .height = screen->height,
				    .stride = (int)(pitch / 4)};
	return 0;
}

/* A CRTC that one of the connector's encoders can use; 0 if there is none. */
static uint32_t find_crtc(int fd, const drmModeRes *resources, const drmModeConnector *connector)
{
	uint32_t crtc = 0;
	int i, j;

	for (i = 0; i < connector->count_encoders && !crtc; i++) {
		drmModeEncoder *encoder = drmModeGetEncoder(fd, connector->encoders[i]);

		if (!encoder)
			continue;
		for (j = 0; j < resources->count_crtcs && !crtc; j++)
			if (encoder->possible_crtcs & (1u << j))
				crtc = resources->crtcs[j];
		drmModeFreeEncoder(encoder);
	}
	return crtc;
}

static int try_connector(struct screen *screen, const drmModeRes *resources,
			 const drmModeConnector *connector)
{
	int result, i;

	if (connector->connection != DRM_MODE_CONNECTED || connector->count_modes == 0)
		return -ENODEV;
	screen->connector = connector->connector_id;
	screen->crtc = find_crtc(screen->fd, resources, connector);
	if (!screen->crtc)
		return -ENODEV;
	screen->width = connector->modes[0].hdisplay;
	screen->height = connector->modes[0].vdisplay;
	for (i = 0; i < 2; i++) {
		result = buffer_create(screen, i);
		if (result)
			return result;
	}
	return drmModeSetCrtc(screen->fd, screen->crtc, screen->buffers[0].framebuffer, 0, 0,
			      &screen->connector, 1, &connector->modes[0]);
}

static int try_card(struct screen *screen)
{
	drmModeRes *resources = drmModeGetResources(screen->fd);
	drmVersion *version;
	int result = -ENODEV, i;

	if (!resources)
		return -ENODEV;
	for (i = 0; i < resources->count_connectors && result == -ENODEV; i++) {
		drmModeConnector *connector =
			drmModeGetConnector(screen->fd, resources->connectors[i]);

		if (!connector)
			continue;
		result = try_connector(screen, resources, connector);
		drmModeFreeConnector(connector);
	}
	drmModeFreeResources(resources);
	version = drmGetVersion(screen->fd);
	snprintf(screen->driver, sizeof screen->driver, "%s", version ? version->name : "unknown");
	drmFreeVersion(version);
	return result;
}

int screen_open(struct screen *screen)
{
	char path[32];
	int card, result = -ENODEV;

	for (card = 0; card < CARDS && result == -ENODEV; card++) {
		*screen = (struct screen){.back = 1};
		snprintf(path, sizeof path, "/dev/dri/card%d", card);
		screen->fd = open(path, O_RDWR | O_CLOEXEC);
		if (screen->fd < 0)
			continue;
		result = try_card(screen);
		if (result)
			close(screen->fd);
	}
	return result;
}

int screen_flip(struct screen *screen)
{
	int result =
		drmModePageFlip(screen->fd, screen->crtc, screen->buffers[screen->back].framebuffer,
				DRM_MODE_PAGE_FLIP_EVENT, screen);

	if (result)
		return result;
	screen->pending = true;
	screen->back = !screen->back;
	return 0;
}

static void flipped(int fd, unsigned sequence, unsigned seconds, unsigned microseconds, void *data)
{
	struct screen *screen = data;

	(void)fd, (void)sequence, (void)seconds, (void)microseconds;
	screen->pending = false;
}

void screen_read(struct screen *screen)
{
	drmEventContext context = {.version = 2, .page_flip_handler = flipped};

	drmHandleEvent(screen->fd, &context);
}
