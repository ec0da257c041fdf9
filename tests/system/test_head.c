/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The head between a real QEMU and a compositor made for the test: a boot sector fills the screen
 * with the
 * scan code of each key pressed (and, after Q, with something new for ever), so every
 * pixel is known.
 */
#include <linux/input-event-codes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "screen.h"
#include "vm.h"

#define BOOT_MS	   60000U
#define ANSWER_MS  20000U
#define STALL_MS   5500U
#define MIB	   ((size_t)1 << 20)
#define WIDTH	   640U
#define HEIGHT	   480U
#define START_BITS 0x5a /* what the guest paints before the first key */

/* Mode 12h (640 x 480, one bit a pixel as we use it) and int 16h; L (scan code 26h) sets the
 * caps lock LED, Q (10h) never ends. */
static const uint8_t paint_code[] = {
	0xb8, 0x12,	  0x00, /* mov ax, 12h */
	0xcd, 0x10,		/* int 10h */
	0xb8, 0x00,	  0xa0, /* mov ax, a000h */
	0x8e, 0xc0,		/* mov es, ax */
	0xfc,			/* cld */
	0xb4, START_BITS,	/* mov ah, START_BITS */
	0xeb, 0x04,		/* jmp paint */
	0x31, 0xc0,		/* key: xor ax, ax */
	0xcd, 0x16,		/* int 16h */
	0x88, 0xe7,		/* paint: mov bh, ah */
	0x80, 0xfc,	  0x26, /* cmp ah, 26h */
	0x75, 0x08,		/* jne draw */
	0xb0, 0xed,		/* mov al, edh */
	0xe6, 0x60,		/* out 60h, al */
	0xb0, 0x04,		/* mov al, 4 */
	0xe6, 0x60,		/* out 60h, al */
	0x88, 0xf8,		/* draw: mov al, bh */
	0x31, 0xff,		/* xor di, di */
	0xb9, 0x00,	  0x96, /* mov cx, 38400 */
	0xf3, 0xaa,		/* rep stosb */
	0x80, 0xff,	  0x10, /* cmp bh, 10h */
	0x75, 0xdf,		/* jne key */
	0xfe, 0xc0,		/* spin: inc al */
	0x31, 0xff,		/* xor di, di */
	0xb9, 0x00,	  0x96, /* mov cx, 38400 */
	0xf3, 0xaa,		/* rep stosb */
	0xeb, 0xf5,		/* jmp spin */
};

/* A text mode without cursor, full of letters; with each key to mode 12h and back. */
static const uint8_t modes_code[] = {
	0xb8, 0x03, 0x00, /* text: mov ax, 3 */
	0xcd, 0x10,	  /* int 10h */
	0xb4, 0x01,	  /* mov ah, 1 */
	0xb9, 0x00, 0x20, /* mov cx, 2000h */
	0xcd, 0x10,	  /* int 10h */
	0xb8, 0x00, 0xb8, /* mov ax, b800h */
	0x8e, 0xc0,	  /* mov es, ax */
	0xfc,		  /* cld */
	0x31, 0xff,	  /* xor di, di */
	0xb9, 0xd0, 0x07, /* mov cx, 2000 */
	0xb8, 0x41, 0x1f, /* mov ax, 1f41h */
	0xab,		  /* fill: stosw */
	0x05, 0x03, 0x01, /* add ax, 103h */
	0xe2, 0xfa,	  /* loop fill */
	0x31, 0xc0,	  /* xor ax, ax */
	0xcd, 0x16,	  /* int 16h */
	0xb8, 0x12, 0x00, /* mov ax, 12h */
	0xcd, 0x10,	  /* int 10h */
	0xb8, 0x00, 0xa0, /* mov ax, a000h */
	0x8e, 0xc0,	  /* mov es, ax */
	0x31, 0xff,	  /* xor di, di */
	0xb9, 0x00, 0x96, /* mov cx, 38400 */
	0x89, 0xf8,	  /* draw: mov ax, di */
	0xaa,		  /* stosb */
	0xe2, 0xfb,	  /* loop draw */
	0x31, 0xc0,	  /* xor ax, ax */
	0xcd, 0x16,	  /* int 16h */
	0xeb, 0xc2,	  /* jmp text */
};

static const char *head_program(void)
{
	const char *program = getenv("MULLION_HEAD");

	return program ? program : "./mullion-head";
}

struct bench {
	struct vm *vm;
	struct screen *screen;
};

static const char *const vga[] = {"-device", "VGA", NULL};

static int bench_start(void **state, const uint8_t *code, size_t code_size)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	assert_non_null(bench);
	bench->vm = vm_create(code, code_size, vga);
	bench->screen = screen_create(head_program(), vm_display_fd(bench->vm));
	*state = bench;
	return 0;
}

static int bench_setup(void **state)
{
	return bench_start(state, paint_code, sizeof(paint_code));
}

static int modes_setup(void **state)
{
	return bench_start(state, modes_code, sizeof(modes_code));
}

static int bench_teardown(void **state)
{
	struct bench *bench = *state;

	screen_destroy(bench->screen);
	vm_destroy(bench->vm);
	free(bench);
	return 0;
}

/* Every byte of the guest's screen memory is *data. */
static bool painted(struct screen *screen, const void *data)
{
	uint8_t bits = *(const uint8_t *)data;
	const uint32_t *pixels = screen_pixels(screen);

	if (screen->scanout.width != WIDTH || screen->scanout.height != HEIGHT || !pixels)
		return false;
	for (size_t i = 0; i < (size_t)WIDTH * HEIGHT; i++) {
		uint32_t expected = bits >> (7 - i % 8) & 1 ? 0xffffff : 0;

		if ((pixels[i] & 0xffffff) != expected)
			return false;
	}
	return true;
}

static void wait_for_start(struct bench *bench)
{
	static const uint8_t bits = START_BITS;

	screen_wait(bench->screen, painted, &bits, BOOT_MS);
}

static bool some_frames(struct screen *screen, const void *data)
{
	return screen->frames >= *(const unsigned *)data;
}

static void test_keys_reach_the_guest_and_its_picture_comes_back(void **state)
{
	static const struct {
		uint16_t key;
		uint8_t scan_code;
	} keys[] = {{KEY_A, 0x1e}, {KEY_SPACE, 0x39}, {KEY_F1, 0x3b}, {KEY_UP, 0x48}};
	struct bench *bench = *state;

	wait_for_start(bench);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		screen_key(bench->screen, keys[i].key);
		screen_wait(bench->screen, painted, &keys[i].scan_code, ANSWER_MS);
	}
}

struct expectation {
	struct vm *vm;
	uint32_t width, height;
};

/* What the head showed is what QEMU itself says the guest's screen is. */
static bool as_qemu_says(struct screen *screen, const void *data)
{
	const struct expectation *expected = data;
	const uint32_t *pixels = screen_pixels(screen);
	uint32_t width, height;
	uint8_t *rgb;
	bool same;

	if (screen->scanout.width != expected->width ||
	    screen->scanout.height != expected->height || !pixels)
		return false;
	rgb = vm_screen(expected->vm, &width, &height);
	same = width == expected->width && height == expected->height;
	for (size_t i = 0; same && i < (size_t)width * height; i++)
		same = (pixels[i] & 0xffffff) == ((uint32_t)rgb[i * 3] << 16 |
						  (uint32_t)rgb[i * 3 + 1] << 8 | rgb[i * 3 + 2]);
	free(rgb);
	return same;
}

static void test_text_and_graphics_modes_come_whole(void **state)
{
	struct bench *bench = *state;
	const struct expectation text = {bench->vm, 720, 400};
	const struct expectation graphics = {bench->vm, WIDTH, HEIGHT};

	screen_wait(bench->screen, as_qemu_says, &text, BOOT_MS);
	for (unsigned round = 0; round < 3; round++) {
		screen_key(bench->screen, KEY_SPACE);
		screen_wait(bench->screen, as_qemu_says, &graphics, ANSWER_MS);
		screen_key(bench->screen, KEY_SPACE);
		screen_wait(bench->screen, as_qemu_says, &text, ANSWER_MS);
	}
}

static bool has_caps(struct screen *screen, const void *data)
{
	return screen->has_caps && screen->caps == *(const uint32_t *)data;
}

static bool has_leds(struct screen *screen, const void *data)
{
	return screen->has_leds && screen->leds == *(const uint32_t *)data;
}

static void test_the_guest_s_leds_come_back(void **state)
{
	const uint32_t caps_lock = MULLION_LED_CAPS_LOCK, none = 0;
	struct bench *bench = *state;

	wait_for_start(bench);
	screen_wait(bench->screen, has_leds, &none, ANSWER_MS);
	screen_key(bench->screen, KEY_L);
	screen_wait(bench->screen, has_leds, &caps_lock, ANSWER_MS);
}

static void test_a_device_without_modes_is_found_out(void **state)
{
	const struct mullion_msg_mode mode = {.width = 1000, .height = 700};
	const uint32_t can = MULLION_CAP_MODE, cannot = 0;
	struct bench *bench = *state;

	screen_wait(bench->screen, has_caps, &can, ANSWER_MS);
	screen_send(bench->screen, MULLION_MSG_MODE, &mode, sizeof(mode));
	screen_wait(bench->screen, has_caps, &cannot, ANSWER_MS);
}

static void test_a_tablet_in_use_is_told(void **state)
{
	const struct mullion_msg_pointer_absolute corner = {.x = WIDTH - 1, .y = HEIGHT - 1};
	const struct mullion_msg_pointer_relative detents = {.dx = -2, .dy = 3};
	const uint32_t before = MULLION_CAP_MODE;
	const uint32_t after = MULLION_CAP_MODE | MULLION_CAP_POINTER_ABSOLUTE;
	struct bench *bench = *state;

	screen_wait(bench->screen, has_caps, &before, ANSWER_MS);
	vm_qmp(bench->vm, "{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"qemu-xhci\"}}",
	       -1);
	vm_qmp(bench->vm, "{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"usb-tablet\"}}",
	       -1);
	/* The driver of a guest would do this: the tablet is the newest, number 3. */
	vm_qmp(bench->vm,
	       "{\"execute\":\"human-monitor-command\",\"arguments\":"
	       "{\"command-line\":\"mouse_set 3\"}}",
	       -1);
	screen_wait(bench->screen, has_caps, &after, ANSWER_MS);
	/* What QEMU would refuse, it is not asked. */
	wait_for_start(bench);
	screen_send(bench->screen, MULLION_MSG_POINTER_ABSOLUTE, &corner, sizeof(corner));
	screen_send(bench->screen, MULLION_MSG_POINTER_RELATIVE, &detents, sizeof(detents));
	screen_send(bench->screen, MULLION_MSG_SCROLL, &detents, sizeof(detents));
	screen_key(bench->screen, KEY_A);
	screen_wait(bench->screen, painted, &(const uint8_t){0x1e}, ANSWER_MS);
}

static void test_a_stalled_compositor_costs_nothing(void **state)
{
	struct bench *bench = *state;
	size_t head_before, qemu_before, head_after, qemu_after;
	unsigned frames;
	uint64_t until;

	wait_for_start(bench);
	screen_key(bench->screen, KEY_Q);
	frames = bench->screen->frames + 20;
	screen_wait(bench->screen, some_frames, &frames, ANSWER_MS);
	head_before = process_memory(bench->screen->head);
	qemu_before = process_memory(bench->vm->pid);
	/* The stall itself is the test: nothing is read, and QMP must answer all along. */
	for (until = monotonic_ms() + STALL_MS; monotonic_ms() < until; usleep(100000))
		vm_qmp(bench->vm, "{\"execute\":\"query-status\"}", -1);
	head_after = process_memory(bench->screen->head);
	qemu_after = process_memory(bench->vm->pid);
	print_message("stall: head %zu -> %zu KiB, QEMU %zu -> %zu KiB\n", head_before / 1024,
		      head_after / 1024, qemu_before / 1024, qemu_after / 1024);
	assert_true(head_after < head_before + 32 * MIB);
	assert_true(qemu_after < qemu_before + 32 * MIB);
	frames = bench->screen->frames + 20;
	screen_wait(bench->screen, some_frames, &frames, ANSWER_MS);
}

static void test_the_head_says_when_qemu_is_gone(void **state)
{
	struct bench *bench = *state;
	char said[256];

	wait_for_start(bench);
	kill(bench->vm->pid, SIGKILL);
	assert_int_equal(screen_head_exit(bench->screen, said, sizeof(said)), 3);
	assert_non_null(strstr(said, "QEMU closed its display connection"));
}

static void test_the_head_ends_quietly_with_the_compositor(void **state)
{
	struct bench *bench = *state;
	char said[256];

	wait_for_start(bench);
	mullion_wire_destroy(bench->screen->wire);
	bench->screen->wire = NULL;
	assert_int_equal(screen_head_exit(bench->screen, said, sizeof(said)), 0);
	assert_string_equal(said, "");
	vm_qmp(bench->vm, "{\"execute\":\"query-status\"}", -1);
}

static void test_a_lying_compositor_is_left(void **state)
{
	struct bench *bench = *state;
	struct mullion_msg_release release = {.buffer = 1};
	char said[256];

	wait_for_start(bench);
	release.scanout = bench->screen->scanouts;
	release.buffer = 7;
	screen_send(bench->screen, MULLION_MSG_RELEASE, &release, sizeof(release));
	assert_int_equal(screen_head_exit(bench->screen, said, sizeof(said)), 4);
	assert_non_null(strstr(said, "broke the display protocol"));
}

#define BENCH_TEST(test) cmocka_unit_test_setup_teardown(test, bench_setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(test_keys_reach_the_guest_and_its_picture_comes_back),
		cmocka_unit_test_setup_teardown(test_text_and_graphics_modes_come_whole,
						modes_setup, bench_teardown),
		BENCH_TEST(test_the_guest_s_leds_come_back),
		BENCH_TEST(test_a_device_without_modes_is_found_out),
		BENCH_TEST(test_a_tablet_in_use_is_told),
		BENCH_TEST(test_a_stalled_compositor_costs_nothing),
		BENCH_TEST(test_the_head_says_when_qemu_is_gone),
		BENCH_TEST(test_the_head_ends_quietly_with_the_compositor),
		BENCH_TEST(test_a_lying_compositor_is_left),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
