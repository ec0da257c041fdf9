/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The display protocol: what one head and the compositor say to each other.
 *
 * One connection carries one guest. The head (beside the guest's QEMU) offers pixels, the cursor
 * and the keyboard LEDs; the compositor (at the screen) returns buffers and sends input and mode
 * requests. Hosted, the transport is a connected AF_UNIX SOCK_STREAM socket with memfds as
 * SCM_RIGHTS; on bare metal it is AF_VSOCK with grant windows in place of memfds. The messages are
 * the same.
 *
 * Neither side trusts the other. Who the guest is (name, colour, slot) is never said here: the
 * compositor learns it from the control plane together with the connection, so a head cannot pose
 * as another guest.
 *
 * Framing: struct mullion_msg_header, then `length` bytes of payload. All fields little-endian, all
 * structures naturally aligned and without padding. A message of an unknown type, of a wrong length
 * for its type or with a value out of its documented range is a protocol error: the receiver closes
 * the connection. Descriptors travel with the first byte of the one message type that has one
 * (SCANOUT); a descriptor anywhere else is a protocol error.
 *
 * Order: each side sends HELLO first. A major version other than one's own is answered by closing
 * the connection.
 *
 * Buffers: SCANOUT offers one memfd that holds 1 or 2 buffers of equal shape. A FRAME hands its
 * buffer to the compositor, which from then on owns it (the head must not write to it) until
 * RELEASE gives it back. The compositor keeps the newest frame's buffer and releases older ones. A
 * head with no free buffer keeps the newest pixels by itself and sends them when a buffer returns:
 * it never queues frames, and a stopped compositor costs it no memory. With a single buffer there
 * is one frame a SCANOUT, as only a newer frame gives a buffer back. A FRAME's rectangles say what
 * differs from the frame before it, whichever buffer that was in; its buffer is complete.
 *
 * Sealing: the head creates the memfd with MFD_ALLOW_SEALING. The compositor adds F_SEAL_SHRINK
 * before it looks at the size, refuses what cannot be sealed or is too small, and maps it
 * read-only.
 */
#ifndef MULLION_DISPLAY_H
#define MULLION_DISPLAY_H

#include <stdint.h>

#define MULLION_DISPLAY_MAGIC	      0x314c554dU /* "MUL1" */
#define MULLION_DISPLAY_VERSION_MAJOR 1
#define MULLION_DISPLAY_VERSION_MINOR 0

#define MULLION_DISPLAY_MAX_SIDE                                                                   \
	8192U /* pixels, width or height of a scanout or of a mode request */
#define MULLION_DISPLAY_MAX_STRIDE  65536U	 /* bytes */
#define MULLION_DISPLAY_MAX_MEMORY  (512U << 20) /* bytes, all buffers of one scanout */
#define MULLION_DISPLAY_MAX_BUFFERS 2U
#define MULLION_DISPLAY_MAX_RECTS   64U	 /* per FRAME; a head with more sends bounding rectangles */
#define MULLION_DISPLAY_MAX_CURSOR  256U /* pixels, width or height */
#define MULLION_DISPLAY_MAX_MM	    10000U /* millimetres, width or height of a visible area */
#define MULLION_DISPLAY_MAX_PAYLOAD                                                                \
	(MULLION_DISPLAY_MAX_CURSOR * MULLION_DISPLAY_MAX_CURSOR * 4U + 64U)

struct mullion_msg_header {
	uint32_t length; /* payload bytes, at most MULLION_DISPLAY_MAX_PAYLOAD */
	uint16_t type;	 /* enum mullion_msg_type */
	uint16_t flags;	 /* 0 in version 1 */
};
_Static_assert(sizeof(struct mullion_msg_header) == 8, "wire format");

enum mullion_msg_type {
	/* both ways */
	MULLION_MSG_HELLO = 1,

	/* head -> compositor */
	MULLION_MSG_SCANOUT = 16,
	MULLION_MSG_FRAME = 17,
	MULLION_MSG_CURSOR = 18,
	MULLION_MSG_CURSOR_POSITION = 19,
	MULLION_MSG_LEDS = 20,
	MULLION_MSG_CAPS = 21,

	/* compositor -> head */
	MULLION_MSG_RELEASE = 48,
	MULLION_MSG_KEY = 49,
	MULLION_MSG_BUTTON = 50,
	MULLION_MSG_POINTER_ABSOLUTE = 51,
	MULLION_MSG_POINTER_RELATIVE = 52,
	MULLION_MSG_SCROLL = 53,
	MULLION_MSG_MODE = 54,
};

struct mullion_msg_hello {
	uint32_t magic; /* MULLION_DISPLAY_MAGIC */
	uint16_t major; /* must be equal on both sides */
	uint16_t minor; /* the lower of the two is spoken */
};
_Static_assert(sizeof(struct mullion_msg_hello) == 8, "wire format");

/*
 * A new scanout; every buffer of the former one is forgotten by both sides without RELEASE. Carries
 * one descriptor if buffers is 1 or more. buffers 0 (all other fields 0, no descriptor): the guest
 * shows nothing now (mode switch, display off). Buffer i starts at byte i * stride * height. Pixels
 * are x8r8g8b8: one little-endian u32 each, top byte ignored.
 */
struct mullion_msg_scanout {
	uint32_t width;	  /* pixels, 1..MULLION_DISPLAY_MAX_SIDE */
	uint32_t height;  /* pixels, 1..MULLION_DISPLAY_MAX_SIDE */
	uint32_t stride;  /* bytes, a multiple of 4, width * 4..MULLION_DISPLAY_MAX_STRIDE */
	uint32_t buffers; /* 0..MULLION_DISPLAY_MAX_BUFFERS */
};
_Static_assert(sizeof(struct mullion_msg_scanout) == 16, "wire format");

struct mullion_rect {
	uint32_t x, y;		/* pixels from the scanout's top left */
	uint32_t width, height; /* pixels, 1 or more; must lie inside the scanout */
};
_Static_assert(sizeof(struct mullion_rect) == 16, "wire format");

/* The first FRAME after SCANOUT has the whole scanout as its damage, whatever its rectangles say.
 */
struct mullion_msg_frame {
	uint32_t buffer;    /* index; must be owned by the head */
	uint32_t num_rects; /* 1..MULLION_DISPLAY_MAX_RECTS; they may overlap */
	struct mullion_rect rects[];
};
_Static_assert(sizeof(struct mullion_msg_frame) == 8, "wire format");

/* The guest's pointer picture, a8r8g8b8 premultiplied, rows packed. width and height 0: hidden by
 * the guest. */
struct mullion_msg_cursor {
	uint32_t width, height; /* pixels, both 0 or both 1..MULLION_DISPLAY_MAX_CURSOR */
	uint32_t hot_x, hot_y;	/* pixels, inside the picture (0 if there is none) */
	uint32_t pixels[];	/* width * height */
};
_Static_assert(sizeof(struct mullion_msg_cursor) == 16, "wire format");

/* Where the guest put its pointer (relative pointers only; an absolute pointer is where the seat's
 * is). */
struct mullion_msg_cursor_position {
	int32_t x, y;	   /* hot spot, pixels from the scanout's top left; may lie outside */
	uint32_t visible;  /* 0 or 1 */
	uint32_t reserved; /* 0 */
};
_Static_assert(sizeof(struct mullion_msg_cursor_position) == 16, "wire format");

#define MULLION_LED_SCROLL_LOCK 1U
#define MULLION_LED_NUM_LOCK	2U
#define MULLION_LED_CAPS_LOCK	4U
#define MULLION_LED_ALL		7U

struct mullion_msg_leds {
	uint32_t leds; /* MULLION_LED_* the guest shows now */
};
_Static_assert(sizeof(struct mullion_msg_leds) == 4, "wire format");

#define MULLION_CAP_POINTER_ABSOLUTE                                                               \
	1U /* the guest has an active tablet: send POINTER_ABSOLUTE, else RELATIVE */
#define MULLION_CAP_MODE 2U /* the guest may follow MODE requests */
#define MULLION_CAP_ALL	 3U

/* May be sent at any time; until the first one no capability is assumed. */
struct mullion_msg_caps {
	uint32_t caps; /* MULLION_CAP_* */
};
_Static_assert(sizeof(struct mullion_msg_caps) == 4, "wire format");

/* scanout: how many SCANOUTs the compositor has received (the first makes it 1, those with 0
 * buffers count, wraps around): a RELEASE that crossed a newer SCANOUT means a buffer that is no
 * more, and the head ignores it. */
struct mullion_msg_release {
	uint32_t buffer;
	uint32_t scanout;
};
_Static_assert(sizeof(struct mullion_msg_release) == 8, "wire format");

/* No autorepeat: one down, one up. Both KEY and BUTTON use this shape. */
struct mullion_msg_key {
	uint16_t
		code; /* KEY: Linux KEY_* 1..255; BUTTON: Linux BTN_LEFT..BTN_TASK (0x110..0x117) */
	uint16_t down; /* 0 or 1 */
};
_Static_assert(sizeof(struct mullion_msg_key) == 4, "wire format");

struct mullion_msg_pointer_absolute {
	uint32_t x, y; /* pixels in the current scanout, 0..width-1, 0..height-1; the head clamps
			  what raced a mode set */
};
_Static_assert(sizeof(struct mullion_msg_pointer_absolute) == 8, "wire format");

/* Both POINTER_RELATIVE (mickeys) and SCROLL (detents; y > 0 is away from the user, x > 0 is right)
 * use this shape. */
struct mullion_msg_pointer_relative {
	int32_t dx, dy; /* -32768..32767 */
};
_Static_assert(sizeof(struct mullion_msg_pointer_relative) == 8, "wire format");

/* The size the guest would fill the screen with. A wish; the answer, if any, is a SCANOUT. */
struct mullion_msg_mode {
	uint32_t width, height; /* pixels, 1..MULLION_DISPLAY_MAX_SIDE */
	uint32_t width_mm,
		height_mm; /* of the visible area, 0..MULLION_DISPLAY_MAX_MM, 0: unknown */
};
_Static_assert(sizeof(struct mullion_msg_mode) == 16, "wire format");

#endif
