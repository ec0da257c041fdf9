/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The SDL2 output: a window on X11 or Wayland. Painted by the CPU into the window's surface, of
 * which only the damaged rectangles are sent on (X11: shared memory).
 *
 * SDL has no descriptor to wait on, so the window system's own is polled, and SDL's queue is pumped
 * before each poll: with nothing happening, nothing wakes. Keys are SDL scancodes, which are USB
 * HID usages whatever the layout. The keyboard is grabbed while the window is in focus, so that
 * the host's window manager does not take our chords.
 */
#include "frame-clock.h"
#include "keycodes.h"
#include "output.h"

#include <SDL.h>
#include <SDL_syswm.h>
#include <gio/gio.h>
#include <linux/input-event-codes.h>
#include <stdlib.h>

#include "mullion/display.h"

#define FALLBACK_POLL_MS 8 /* where the window system has no descriptor we know of */

struct output_sdl {
	struct output output;
	struct frame_clock *clock;
	GSource *events;
	SDL_Window *window;
	bool grabbed;
};

struct event_source {
	GSource source;
	struct output_sdl *sdl;
};

/* The surface is gone after every resize; SDL makes the new one when asked. */
static bool take_surface(struct output_sdl *sdl)
{
	SDL_Surface *surface = SDL_GetWindowSurface(sdl->window);

	if (sdl->output.target)
		pixman_image_unref(sdl->output.target);
	sdl->output.target = NULL;
	if (!surface || surface->format->BytesPerPixel != 4 || surface->format->Rmask != 0xff0000) {
		sdl->output.events->closed(sdl->output.data,
					   "the window system offers no 32-bit surface");
		return false;
	}
	sdl->output.target = pixman_image_create_bits_no_clear(
		PIXMAN_x8r8g8b8, surface->w, surface->h, surface->pixels, surface->pitch);
	sdl->output.width = (unsigned)surface->w;
	sdl->output.height = (unsigned)surface->h;
	return sdl->output.target != NULL;
}

static uint16_t button_code(Uint8 button)
{
	switch (button) {
	case SDL_BUTTON_LEFT:
		return BTN_LEFT;
	case SDL_BUTTON_MIDDLE:
		return BTN_MIDDLE;
	case SDL_BUTTON_RIGHT:
		return BTN_RIGHT;
	case SDL_BUTTON_X1:
		return BTN_SIDE;
	case SDL_BUTTON_X2:
		return BTN_EXTRA;
	default:
		return 0;
	}
}

static void handle_window_event(struct output_sdl *sdl, const SDL_WindowEvent *event)
{
	const struct output_events *events = sdl->output.events;
	void *data = sdl->output.data;

	switch (event->event) {
	case SDL_WINDOWEVENT_SIZE_CHANGED:
	case SDL_WINDOWEVENT_EXPOSED:
		if (take_surface(sdl))
			events->resized(data);
		break;
	case SDL_WINDOWEVENT_FOCUS_GAINED:
		SDL_SetWindowKeyboardGrab(sdl->window, SDL_TRUE);
		events->attention(data, true);
		break;
	case SDL_WINDOWEVENT_FOCUS_LOST:
		SDL_SetWindowKeyboardGrab(sdl->window, SDL_FALSE);
		events->attention(data, false);
		break;
	default:
		break;
	}
}

static void handle_event(struct output_sdl *sdl, const SDL_Event *event)
{
	const struct output_events *events = sdl->output.events;
	void *data = sdl->output.data;
	uint16_t code;

	switch (event->type) {
	case SDL_QUIT:
		events->closed(data, NULL);
		break;
	case SDL_WINDOWEVENT:
		handle_window_event(sdl, &event->window);
		break;
	case SDL_KEYDOWN:
	case SDL_KEYUP:
		code = keycode_from_hid(event->key.keysym.scancode);
		if (code && !event->key.repeat)
			events->key(data, code, event->type == SDL_KEYDOWN);
		break;
	case SDL_MOUSEMOTION:
		if (sdl->grabbed)
			events->motion_relative(data, event->motion.xrel, event->motion.yrel);
		else
			events->motion(data, event->motion.x, event->motion.y);
		break;
	case SDL_MOUSEBUTTONDOWN:
	case SDL_MOUSEBUTTONUP:
		code = button_code(event->button.button);
		if (!sdl->grabbed)
			events->motion(data, event->button.x, event->button.y);
		if (code)
			events->button(data, code, event->type == SDL_MOUSEBUTTONDOWN);
		break;
	case SDL_MOUSEWHEEL:
		events->wheel(data, event->wheel.x, event->wheel.y);
		break;
	case SDL_DROPFILE:
		events->dropped(data, event->drop.file);
		SDL_free(event->drop.file);
		break;
	default:
		break;
	}
}

static gboolean events_prepare(GSource *source, gint *timeout)
{
	(void)source;
	*timeout = -1;
	SDL_PumpEvents();
	return SDL_HasEvents(SDL_FIRSTEVENT, SDL_LASTEVENT) == SDL_TRUE;
}

static gboolean events_check(GSource *source)
{
	gint timeout;

	return events_prepare(source, &timeout);
}

static gboolean events_dispatch(GSource *source, GSourceFunc callback, gpointer unused)
{
	struct output_sdl *sdl = ((struct event_source *)source)->sdl;
	SDL_Event event;

	(void)callback;
	(void)unused;
	while (SDL_PollEvent(&event))
		handle_event(sdl, &event);
	return G_SOURCE_CONTINUE;
}

static gboolean fallback_poll(gpointer source)
{
	(void)source; /* being awake is enough: prepare pumps */
	return G_SOURCE_CONTINUE;
}

static int window_system_fd(SDL_Window *window)
{
	SDL_SysWMinfo info;

	SDL_VERSION(&info.version);
	if (!SDL_GetWindowWMInfo(window, &info))
		return -1;
#ifdef SDL_VIDEO_DRIVER_X11
	if (info.subsystem == SDL_SYSWM_X11) {
		/* ConnectionNumber() without linking libX11 for one call. */
		void *x11 = SDL_LoadObject("libX11.so.6");
		int (*connection_number)(Display *);

		*(void **)&connection_number =
			x11 ? SDL_LoadFunction(x11, "XConnectionNumber") : NULL;
		return connection_number ? connection_number(info.info.x11.display) : -1;
	}
#endif
#ifdef SDL_VIDEO_DRIVER_WAYLAND
	if (info.subsystem == SDL_SYSWM_WAYLAND) {
		void *wayland = SDL_LoadObject("libwayland-client.so.0");
		int (*get_fd)(struct wl_display *);

		*(void **)&get_fd = wayland ? SDL_LoadFunction(wayland, "wl_display_get_fd") : NULL;
		return get_fd ? get_fd(info.info.wl.display) : -1;
	}
#endif
	return -1;
}

static void watch_events(struct output_sdl *sdl)
{
	static GSourceFuncs funcs = {
		.prepare = events_prepare, .check = events_check, .dispatch = events_dispatch};
	int fd = window_system_fd(sdl->window);

	sdl->events = g_source_new(&funcs, sizeof(struct event_source));
	((struct event_source *)sdl->events)->sdl = sdl;
	g_source_set_name(sdl->events, "SDL events");
	if (fd >= 0) {
		g_source_add_unix_fd(sdl->events, fd, G_IO_IN | G_IO_HUP | G_IO_ERR);
	} else {
		GSource *poll = g_timeout_source_new(FALLBACK_POLL_MS);

		g_source_set_callback(poll, fallback_poll, NULL, NULL);
		g_source_add_child_source(sdl->events, poll);
		g_source_unref(poll);
	}
	g_source_attach(sdl->events, NULL);
}

static void sdl_tick(void *data, uint64_t refresh)
{
	struct output *output = data;

	if (output->target)
		output->events->frame(output->data, refresh);
}

static void sdl_destroy(struct output *output)
{
	struct output_sdl *sdl = (struct output_sdl *)output;

	frame_clock_destroy(sdl->clock);
	if (sdl->events) {
		g_source_destroy(sdl->events);
		g_source_unref(sdl->events);
	}
	if (output->target)
		pixman_image_unref(output->target);
	if (sdl->window)
		SDL_DestroyWindow(sdl->window);
	SDL_Quit();
	g_free(sdl);
}

static void sdl_schedule_frame(struct output *output)
{
	frame_clock_schedule(((struct output_sdl *)output)->clock);
}

static void sdl_present(struct output *output, const pixman_region32_t *damage)
{
	struct output_sdl *sdl = (struct output_sdl *)output;
	int count;
	const pixman_box32_t *boxes = pixman_region32_rectangles(damage, &count);
	SDL_Rect *rects = g_new(SDL_Rect, MAX(count, 1));

	for (int i = 0; i < count; i++)
		rects[i] = (SDL_Rect){.x = boxes[i].x1,
				      .y = boxes[i].y1,
				      .w = boxes[i].x2 - boxes[i].x1,
				      .h = boxes[i].y2 - boxes[i].y1};
	/* A window that is just being resized has no surface; the event that says so repaints all.
	 */
	if (count > 0 && SDL_UpdateWindowSurfaceRects(sdl->window, rects, count) < 0 &&
	    !SDL_HasEvent(SDL_WINDOWEVENT))
		g_warning("the window could not be updated: %s", SDL_GetError());
	g_free(rects);
}

static void sdl_grab_pointer(struct output *output, bool grabbed)
{
	struct output_sdl *sdl = (struct output_sdl *)output;

	if (sdl->grabbed == grabbed)
		return;
	sdl->grabbed = grabbed;
	if (SDL_SetRelativeMouseMode(grabbed ? SDL_TRUE : SDL_FALSE) < 0)
		g_warning("the pointer could not be %s: %s", grabbed ? "grabbed" : "released",
			  SDL_GetError());
}

static void sdl_toggle_fullscreen(struct output *output)
{
	struct output_sdl *sdl = (struct output_sdl *)output;
	Uint32 now = SDL_GetWindowFlags(sdl->window) & SDL_WINDOW_FULLSCREEN_DESKTOP;

	if (SDL_SetWindowFullscreen(sdl->window, now ? 0 : SDL_WINDOW_FULLSCREEN_DESKTOP) < 0)
		g_warning("full screen: %s", SDL_GetError());
}

static void sdl_set_title(struct output *output, const char *title)
{
	SDL_SetWindowTitle(((struct output_sdl *)output)->window, title);
}

static const struct output_impl sdl_impl = {
	.name = "sdl",
	.destroy = sdl_destroy,
	.schedule_frame = sdl_schedule_frame,
	.present = sdl_present,
	.grab_pointer = sdl_grab_pointer,
	.toggle_fullscreen = sdl_toggle_fullscreen,
	.set_title = sdl_set_title,
};

/* The window system's connection broke. Xlib allows nothing but leaving from here. */
static int lost_x_server(void *display)
{
	(void)display;
	g_printerr("mullion-display: the X server is gone. The guests keep running; start "
		   "`mullion desktop` again to see them.\n");
	_exit(1);
}

static void watch_x_server(void)
{
	void *x11 = SDL_LoadObject("libX11.so.6");
	void *(*set_handler)(int (*)(void *));

	*(void **)&set_handler = x11 ? SDL_LoadFunction(x11, "XSetIOErrorHandler") : NULL;
	if (set_handler)
		set_handler(lost_x_server);
}

struct output *output_sdl_create(unsigned width, unsigned height, unsigned band_height,
				 bool fullscreen, const struct output_events *events, void *data,
				 GError **error)
{
	Uint32 flags = SDL_WINDOW_RESIZABLE | (fullscreen ? SDL_WINDOW_FULLSCREEN_DESKTOP : 0);
	struct output_sdl *sdl;
	SDL_DisplayMode mode;

	SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1");
	SDL_SetHint(SDL_HINT_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR, "0");
	SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
	SDL_SetHint(SDL_HINT_APP_NAME, "Mullion");
	SDL_SetHint(SDL_HINT_MOUSE_FOCUS_CLICKTHROUGH, "1");
	if (SDL_Init(SDL_INIT_VIDEO) < 0) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED,
			    "no window can be opened: %s. Start it inside a desktop session, or "
			    "with --output headless",
			    SDL_GetError());
		return NULL;
	}
	/* Where there is no display SDL falls back to drivers whose windows nobody sees. */
	if (!g_getenv("SDL_VIDEODRIVER") &&
	    (g_strcmp0(SDL_GetCurrentVideoDriver(), "offscreen") == 0 ||
	     g_strcmp0(SDL_GetCurrentVideoDriver(), "dummy") == 0 ||
	     g_strcmp0(SDL_GetCurrentVideoDriver(), "evdev") == 0)) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED,
			    "no window can be opened: no display can be reached ($DISPLAY, "
			    "$WAYLAND_DISPLAY). Start it inside a desktop session, or with "
			    "--output headless");
		SDL_Quit();
		return NULL;
	}
	sdl = g_new0(struct output_sdl, 1);
	sdl->output = (struct output){.impl = &sdl_impl, .events = events, .data = data};
	if (SDL_GetDesktopDisplayMode(0, &mode) < 0 || mode.refresh_rate <= 0)
		mode.refresh_rate = 60;
	sdl->output.refresh_mhz = (unsigned)mode.refresh_rate * 1000;
	sdl->window = SDL_CreateWindow("Mullion", SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED,
				       width ? (int)width : 1280,
				       height ? (int)height : 800 + (int)band_height, flags);
	if (!sdl->window) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "no window can be opened: %s",
			    SDL_GetError());
		sdl_destroy(&sdl->output);
		return NULL;
	}
	SDL_SetWindowMinimumSize(sdl->window, 320, 200);
	SDL_ShowCursor(SDL_DISABLE); /* the compositor draws pointers */
	SDL_EventState(SDL_DROPFILE, SDL_ENABLE);
	sdl->clock = frame_clock_create(sdl->output.refresh_mhz, sdl_tick, &sdl->output);
	if (!take_surface(sdl)) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED,
			    "the window system offers no 32-bit surface");
		sdl_destroy(&sdl->output);
		return NULL;
	}
	if (g_strcmp0(SDL_GetCurrentVideoDriver(), "x11") == 0)
		watch_x_server();
	watch_events(sdl);
	return &sdl->output;
}
