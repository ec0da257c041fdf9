/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of the panel host share: surfaces (panel-host-surface.c), their stacking
 * (panel-host-sub.c), xdg-shell (panel-host-shell.c, panel-host-popup.c), the seat
 * (panel-host-seat.c), the clipboard (panel-host-data.c), and the flattening into one picture
 * (panel-host-paint.c).
 *
 * The client is not trusted: every number from it is clamped or checked where its request is
 * handled, and every object may go in any order.
 */
#ifndef DISPLAY_PANEL_HOST_PRIVATE_H
#define DISPLAY_PANEL_HOST_PRIVATE_H

#include <wayland-server-core.h>
#include <wayland-server-protocol.h>
#include <xkbcommon/xkbcommon.h>

#include "panel-host.h"

/* wl_container_of() and the loops made of it step through a char pointer; the alignment is right.
 */
#pragma GCC diagnostic ignored "-Wcast-align"

#define PANEL_MAX_SIZE	   8192 /* pixels of a surface, each way */
#define PANEL_MAX_SURFACES 256
#define PANEL_MAX_BYTES	   (256U << 20) /* pixels held for all surfaces together */
#define PANEL_MAX_RECTS	   256		/* a region of more is reduced to its extents */
#define PANEL_MAX_KEYS	   64		/* held down at once */
#define PANEL_COORD_LIMIT  (1 << 16)	/* coordinates from the client are clamped to this */

struct panel_rect {
	int x, y, width, height;
};

/* State of a surface that is collected by requests and takes effect at commit. */
struct panel_state {
	bool attached; /* buffer replaces the surface's contents, even if NULL */
	struct wl_resource *buffer;
	struct wl_listener buffer_gone;
	pixman_region32_t damage;	 /* surface coordinates */
	pixman_region32_t buffer_damage; /* buffer coordinates */
	struct wl_list frames;		 /* wl_callback resources */
	bool input_set, input_infinite;
	pixman_region32_t input;
	bool opaque_set;
	pixman_region32_t opaque;
	int scale; /* 0: as before */
	bool geometry_set;
	struct panel_rect geometry;
};

enum panel_role { PANEL_ROLE_NONE, PANEL_ROLE_XDG, PANEL_ROLE_SUB, PANEL_ROLE_CURSOR };

/* One entry in the stacking order of a parent: a subsurface, or (in panel_surface.self) the parent
 * itself among its subsurfaces. */
struct panel_sub {
	struct wl_resource *resource; /* NULL in panel_surface.self */
	struct panel_surface *surface;
	struct panel_surface *parent; /* NULL once the parent has gone */
	bool sync;
	int x, y, pending_x, pending_y;
	struct wl_list link, pending_link; /* panel_surface.stack, .pending_stack */
};

struct panel_surface {
	struct panel_host *host;
	struct wl_resource *resource;
	struct wl_list link; /* panel_host.surfaces */
	enum panel_role role;

	struct panel_state pending;
	struct panel_state cached; /* a synchronised subsurface's, until its parent commits */
	bool has_cached;

	pixman_image_t *image; /* our copy of the contents, or NULL */
	size_t image_bytes;
	int width, height;
	int scale;
	pixman_region32_t fresh; /* damage since the last repaint */
	pixman_region32_t input, opaque;
	bool input_infinite;
	struct wl_list frames;
	bool entered; /* wl_surface.enter was sent */

	struct wl_list stack, pending_stack; /* panel_sub, bottom first, self included */
	struct panel_sub self;
	struct panel_sub *sub;	    /* if it is a subsurface */
	struct panel_xdg *xdg;	    /* if it is an xdg_surface */
	struct panel_rect geometry; /* of its window; empty: the whole surface */
};

struct panel_positioner {
	int width, height;
	struct panel_rect anchor_rect;
	uint32_t anchor, gravity, adjustment;
	int offset_x, offset_y;
};

enum panel_xdg_kind { PANEL_XDG_NONE, PANEL_XDG_TOPLEVEL, PANEL_XDG_POPUP };

struct panel_xdg {
	struct panel_host *host;
	struct wl_resource *resource;	   /* xdg_surface */
	struct wl_resource *role_resource; /* xdg_toplevel or xdg_popup */
	struct panel_surface *surface;
	enum panel_xdg_kind kind;
	bool configured, acked, mapped;
	uint32_t serial; /* of the last configure */

	struct wl_list link;	  /* panel_host.toplevels, or parent's popups */
	struct wl_list popups;	  /* on this surface, oldest first */
	struct panel_xdg *parent; /* a popup's surface below, a dialog's main window */

	/* popups */
	struct panel_positioner positioner;
	struct panel_rect place; /* of its window, in the parent's window geometry */
	bool grabbed;
	struct wl_list grab_link; /* panel_host.grabs, topmost first */
};

/* One surface in the picture, bottom first in panel_host.layout. */
struct panel_placed {
	struct panel_surface *surface;
	struct panel_rect rect;
};

struct panel_host {
	struct wl_display *display;
	struct wl_event_loop *loop;
	GSource *source;
	char *socket_path;
	bool listening; /* the socket is ours to remove */
	struct panel_host_ops ops;
	void *data;

	unsigned width, height;
	pixman_image_t *image;
	GArray *layout;	  /* struct panel_placed, as last painted */
	bool dirty;	  /* something committed since the last repaint */
	bool unpresented; /* damage was reported and not yet presented */
	guint frame_timer;
	struct wl_listener client_created;

	struct wl_list surfaces;
	unsigned surface_count;
	size_t surface_bytes;
	struct wl_list toplevels; /* mapped or not, bottom first */
	struct wl_list grabs;

	struct wl_list outputs; /* wl_output resources */

	/* the seat */
	struct wl_list seats, keyboards, pointers;
	struct xkb_context *xkb;
	struct xkb_keymap *keymap;
	struct xkb_state *xkb_state;
	int keymap_fd;
	uint32_t keymap_size;
	bool focused;
	uint16_t keys[PANEL_MAX_KEYS];
	unsigned key_count;
	struct panel_surface *keyboard_focus;
	uint32_t leds;

	bool pointer_inside;
	double pointer_x, pointer_y;
	uint32_t pointer_time;
	struct panel_surface *pointer_focus;
	unsigned buttons;  /* held: keep the pointer on its surface */
	bool cursor_known; /* the client said which; NULL: none */
	struct panel_surface *cursor;
	int cursor_hot_x, cursor_hot_y;

	/* the clipboard */
	struct wl_list data_devices;
	struct panel_data_source *selection;
};

/* panel-host-surface.c */
bool panel_surface_init(struct panel_host *host);
struct panel_surface *panel_surface_from(struct wl_resource *resource);
void panel_surface_apply_cached(struct panel_surface *surface);
struct panel_rect panel_surface_geometry(const struct panel_surface *surface);
struct panel_rect panel_rect_clamp(int64_t x, int64_t y, int64_t width, int64_t height);
void panel_region_add(pixman_region32_t *region, struct panel_rect rect);
void panel_frames_answer(struct wl_list *frames, uint32_t time_ms);

/* panel-host-sub.c */
bool panel_sub_init(struct panel_host *host);
void panel_sub_commit_parent(struct panel_surface *parent);
bool panel_sub_is_sync(const struct panel_surface *surface);
void panel_sub_surface_gone(struct panel_surface *surface);

/* panel-host-shell.c */
bool panel_shell_init(struct panel_host *host);
bool panel_shell_may_commit(struct panel_surface *surface);
void panel_shell_committed(struct panel_surface *surface);
void panel_shell_surface_gone(struct panel_surface *surface);
void panel_shell_resize(struct panel_host *host);
void panel_shell_configure(struct panel_xdg *xdg);
void panel_shell_unmap(struct panel_xdg *xdg);
struct panel_xdg *panel_xdg_from(struct wl_resource *resource);
void panel_xdg_drop_role(struct panel_xdg *xdg); /* the role object has gone */
/* Where the window geometry of xdg begins in the panel. */
void panel_shell_origin(const struct panel_xdg *xdg, int *x, int *y);

/* panel-host-popup.c */
void panel_positioner_create(struct wl_client *client, struct wl_resource *wm, uint32_t id);
void panel_popup_create(struct panel_xdg *xdg, struct wl_client *client, uint32_t id,
			struct wl_resource *parent, struct wl_resource *positioner);
void panel_popup_configure(struct panel_xdg *xdg);
void panel_popup_dismiss(struct panel_xdg *xdg); /* and all on top of it */
void panel_popup_dismiss_grabs(struct panel_host *host);
/* The rules of xdg_positioner: where a popup goes, kept inside bounds if the rules allow. */
struct panel_rect panel_positioner_place(const struct panel_positioner *positioner,
					 struct panel_rect bounds);

/* panel-host-paint.c */
bool panel_paint_resize(struct panel_host *host, unsigned width, unsigned height);
void panel_paint_update(struct panel_host *host); /* if dirty: layout, damage, focus */
void panel_paint_forget(struct panel_host *host, const struct panel_surface *surface);
struct panel_surface *panel_paint_at(struct panel_host *host, double x, double y);
bool panel_paint_find(struct panel_host *host, const struct panel_surface *surface,
		      struct panel_rect *rect);

/* panel-host-output.c */
bool panel_output_init(struct panel_host *host);
void panel_output_changed(struct panel_host *host);
void panel_output_enter(struct panel_host *host, struct panel_surface *surface);

/* panel-host-seat.c */
bool panel_seat_init(struct panel_host *host, GError **error);
void panel_seat_finish(struct panel_host *host);
void panel_seat_update_keyboard(struct panel_host *host);
void panel_seat_surface_gone(struct panel_host *host, struct panel_surface *surface);

/* panel-host-pointer.c */
void panel_pointer_create(struct panel_host *host, struct wl_client *client, uint32_t version,
			  uint32_t id);
void panel_pointer_update(struct panel_host *host);
void panel_pointer_surface_gone(struct panel_host *host, struct panel_surface *surface);
void panel_pointer_cursor_committed(struct panel_surface *surface);

/* panel-host-data.c */
bool panel_data_init(struct panel_host *host);
void panel_data_offer_to(struct panel_host *host, struct wl_client *client);

#endif
