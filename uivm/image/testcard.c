/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The UI VM's picture before there is a desktop: a test card on its own display through KMS, with
 *what the VM has, and the last key and the pointer of its own devices. Tests look at it and read
 *the lines it writes to the kernel's log once what they tell of is on screen:
 *
 *	testcard: ready 1280x800 virtio_gpu
 *	testcard: device usb QEMU QEMU USB Keyboard
 *	testcard: key KEY_A usb
 *	testcard: pointer 640 400 ps2
 *
 * Exit status 3: Ctrl+Alt+Del was pressed. 1: there is no display.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "draw.h"
#include "facts.h"
#include "input.h"
#include "screen.h"

#define RESTART 3

#define COLOUR_BACKGROUND 0x14171c
#define COLOUR_GRID	  0x1f242c
#define COLOUR_PANEL	  0x1b2027
#define COLOUR_EDGE	  0x333b47
#define COLOUR_ACCENT	  0x4fa3e0
#define COLOUR_TEXT	  0xe6e9ee
#define COLOUR_DIM	  0x8d98a8

/* What tests look at: the bars and the corners. */
static const uint32_t bars[] = {0xffffff, 0xffff00, 0x00ffff, 0x00ff00,
				0xff00ff, 0xff0000, 0x0000ff, 0x000000};
#define BARS   8
#define GREYS  16
#define MARGIN 40 /* also the grid's */
#define CORNER 8

struct card {
	struct screen screen;
	struct input input;
	struct facts facts;
	struct font text, title;
	struct picture picture; /* the card without its pointer */
	unsigned long frames;
};

/* Lines that wait for the frame that shows them, and those that go with the frame on its way. */
static char waiting[4096], leaving[4096];

static void log_line(const char *line)
{
	static int fd = -1;
	char record[256];

	if (fd < 0)
		fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	/* Level 1 is printed with any loglevel; the newline makes the record whole. */
	snprintf(record, sizeof record, "<1>testcard: %s\n", line);
	if (fd < 0 || write(fd, record, strlen(record)) < 0)
		fputs(record, stderr);
}

static void __attribute__((format(printf, 1, 2))) say(const char *format, ...)
{
	size_t used = strlen(waiting);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(waiting + used, sizeof waiting - used, format, arguments);
	va_end(arguments);
	used = strlen(waiting);
	snprintf(waiting + used, sizeof waiting - used, "\n");
}

static void log_leaving(void)
{
	char *line, *rest = leaving;

	while ((line = strsep(&rest, "\n")))
		if (*line)
			log_line(line);
	leaving[0] = 0;
}

static void panel(struct card *card, int x, int y, int width, int height, const char *title)
{
	struct picture *picture = &card->picture;

	draw_rectangle(picture, x, y, width, height, COLOUR_EDGE);
	draw_rectangle(picture, x + 1, y + 1, width - 2, height - 2, COLOUR_PANEL);
	draw_rectangle(picture, x, y, 4, height, COLOUR_ACCENT);
	draw_text(picture, &card->text, x + 20, y + 14, COLOUR_ACCENT, title);
}

/* A line "label  value" in a panel. */
static void __attribute__((format(printf, 5, 6)))
fact(struct card *card, int x, int y, const char *label, const char *format, ...)
{
	char value[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(value, sizeof value, format, arguments);
	va_end(arguments);
	draw_text(&card->picture, &card->text, x, y, COLOUR_DIM, label);
	draw_text(&card->picture, &card->text, x + 12 * card->text.width, y, COLOUR_TEXT, value);
}

static void draw_ground(struct card *card)
{
	struct picture *picture = &card->picture;
	int width = picture->width, height = picture->height, i;

	draw_rectangle(picture, 0, 0, width, height, COLOUR_BACKGROUND);
	for (i = 0; i < width; i += MARGIN)
		draw_rectangle(picture, i, 0, 1, height, COLOUR_GRID);
	for (i = 0; i < height; i += MARGIN)
		draw_rectangle(picture, 0, i, width, 1, COLOUR_GRID);
	draw_rectangle(picture, 0, 0, CORNER, CORNER, 0xff0000);
	draw_rectangle(picture, width - CORNER, 0, CORNER, CORNER, 0x00ff00);
	draw_rectangle(picture, 0, height - CORNER, CORNER, CORNER, 0x0000ff);
	draw_rectangle(picture, width - CORNER, height - CORNER, CORNER, CORNER, 0xffff00);

	/* The bars are 80 pixels high, the greys 40, as wide as the panels. */
	for (i = 0; i < BARS; i++) {
		int from = MARGIN + (width - 2 * MARGIN) * i / BARS;
		int to = MARGIN + (width - 2 * MARGIN) * (i + 1) / BARS;

		draw_rectangle(picture, from, height - 160, to - from, 80, bars[i]);
	}
	for (i = 0; i < GREYS; i++) {
		int from = MARGIN + (width - 2 * MARGIN) * i / GREYS;
		int to = MARGIN + (width - 2 * MARGIN) * (i + 1) / GREYS;

		draw_rectangle(picture, from, height - 80, to - from, 40,
			       (uint32_t)(i * 17) * 0x010101);
	}
}

static void draw_head(struct card *card)
{
	struct picture *picture = &card->picture;
	unsigned long uptime = (unsigned long)facts_uptime();
	char text[64];
	int end;

	panel(card, MARGIN, MARGIN, picture->width - 2 * MARGIN, 80, "");
	end = draw_printf(picture, &card->title, MARGIN + 24, MARGIN + 24, COLOUR_TEXT, "%s",
			  card->facts.name);
	draw_text(picture, &card->text, end + 20, MARGIN + 36, COLOUR_DIM, "Mullion test card");
	snprintf(text, sizeof text, "frame %lu   up %02lu:%02lu:%02lu", card->frames, uptime / 3600,
		 uptime / 60 % 60, uptime % 60);
	draw_text(picture, &card->text,
		  picture->width - MARGIN - 20 - (int)strlen(text) * card->text.width, MARGIN + 36,
		  COLOUR_TEXT, text);
}

static void draw_machine(struct card *card, int x, int y, int width, int height)
{
	const struct facts *facts = &card->facts;
	int i, line = card->text.height + 4, left = x + 20;

	panel(card, x, y, width, height, "MACHINE");
	height += y; /* the lower edge */
	y += 44;
	fact(card, left, y, "CPUs", "%d x %s", facts->cpus, facts->cpu);
	fact(card, left, y += line, "memory", "%ld MiB", facts->memory_mib);
	fact(card, left, y += line, "kernel", "%s", facts->kernel);
	fact(card, left, y += line, "display", "%dx%d, %s", card->screen.width, card->screen.height,
	     card->screen.driver);
	draw_text(&card->picture, &card->text, left, y += 2 * line, COLOUR_ACCENT, "PCI DEVICES");
	y += line / 2;
	for (i = 0; i < facts->device_count && y + 2 * line < height; i++) {
		y += line;
		draw_text(&card->picture, &card->text, left, y, COLOUR_TEXT,
			  facts->devices[i].address);
		draw_printf(&card->picture, &card->text, left + 9 * card->text.width, y, COLOUR_DIM,
			    "%04x:%04x", facts->devices[i].vendor, facts->devices[i].device);
		draw_printf(&card->picture, &card->text, left + 20 * card->text.width, y,
			    COLOUR_TEXT, "%-12s  %s",
			    facts_class_name(facts->devices[i].class_code),
			    facts->devices[i].driver);
	}
}

static void draw_input(struct card *card, int x, int y, int width, int height)
{
	const struct input *input = &card->input;
	int i, line = card->text.height + 4, left = x + 20;

	panel(card, x, y, width, height, "KEYBOARD AND POINTER");
	height += y;
	y += 44;
	draw_text(&card->picture, &card->title, left, y, COLOUR_TEXT,
		  input->key_from ? input_key_name(input->key) : "press a key");
	y += card->title.height + 12;
	fact(card, left, y, "key from", "%s", input->key_from ? input->key_from->bus : "-");
	fact(card, left, y += line, "keys", "%u", input->keys_pressed);
	y += 2 * line;
	draw_printf(&card->picture, &card->title, left, y, COLOUR_TEXT, "%4d %4d", input->x,
		    input->y);
	y += card->title.height + 12;
	fact(card, left, y, "moved by", "%s", input->pointer_from ? input->pointer_from->bus : "-");
	draw_text(&card->picture, &card->text, left, y += 2 * line, COLOUR_ACCENT, "DEVICES");
	y += line / 2;
	for (i = 0; i < INPUT_MAX && y + 2 * line < height; i++)
		if (input->devices[i].fd >= 0) {
			fact(card, left, y += line, input->devices[i].bus, "%s",
			     input->devices[i].name);
		}
}

/* Draws all of it into the buffer that is not on screen, and has it shown. */
static int show(struct card *card)
{
	struct picture *to = &card->screen.buffers[card->screen.back].picture;
	int width = (card->picture.width - 3 * MARGIN) / 2;
	int height = card->picture.height - 160 - 4 * MARGIN - 20;
	int y;

	card->frames++;
	draw_head(card);
	draw_machine(card, MARGIN, 140, width, height);
	draw_input(card, 2 * MARGIN + width, 140, width, height);
	for (y = 0; y < to->height; y++)
		memcpy(to->pixels + y * to->stride, card->picture.pixels + y * card->picture.stride,
		       (size_t)to->width * 4);
	draw_pointer(to, card->input.x, card->input.y);
	memcpy(leaving, waiting, sizeof leaving);
	waiting[0] = 0;
	return screen_flip(&card->screen);
}

static int run(struct card *card)
{
	struct pollfd entries[INPUT_MAX + 2];
	double next = 0; /* when the uptime on the card is a second old */
	bool changed = true;
	int result, count;

	for (;;) {
		double now = facts_uptime();

		if (now >= next) {
			facts_read(&card->facts);
			changed = true;
		}
		if (changed && !card->screen.pending) {
			result = show(card);
			if (result)
				return result;
			next = now + 1;
			changed = false;
		}
		count = input_poll(&card->input, entries);
		entries[count++] = (struct pollfd){.fd = card->screen.fd, .events = POLLIN};
		result = poll(entries, (nfds_t)count,
			      (int)((next > now ? next - now : 1) * 1000) + 1);
		if (result < 0 && errno != EINTR)
			return -errno;
		if (result == 0 && card->screen.pending)
			log_line("the display does not answer");
		if (entries[count - 1].revents) {
			screen_read(&card->screen);
			if (!card->screen.pending)
				log_leaving();
		}
		if (input_read(&card->input))
			changed = true;
		if (card->input.restart)
			return RESTART;
	}
}

int main(void)
{
	static struct card card;
	char line[128];
	int result, console;

	result = font_load(&card.text, "/font/text.psf");
	if (!result)
		result = font_load(&card.title, "/font/title.psf");
	if (result) {
		snprintf(line, sizeof line, "no font: %s", strerror(-result));
		log_line(line);
		return 1;
	}
	result = screen_open(&card.screen);
	if (result) {
		snprintf(line, sizeof line, "no display: %s", strerror(-result));
		log_line(line);
		return 1;
	}
	card.picture = (struct picture){
		.pixels = calloc((size_t)card.screen.width * (size_t)card.screen.height, 4),
		.width = card.screen.width,
		.height = card.screen.height,
		.stride = card.screen.width,
	};
	if (!card.picture.pixels)
		return 1;
	/* The kernel's own console neither draws nor types. */
	console = open("/dev/tty0", O_RDWR | O_CLOEXEC);
	if (console >= 0) {
		ioctl(console, KDSETMODE, KD_GRAPHICS);
		ioctl(console, KDSKBMODE, K_OFF);
	}
	draw_ground(&card);
	say("ready %dx%d %s", card.screen.width, card.screen.height, card.screen.driver);
	card.input.say = say;
	input_open(&card.input, card.screen.width, card.screen.height);
	result = run(&card);
	if (result == RESTART)
		return RESTART;
	snprintf(line, sizeof line, "the display failed: %s", strerror(-result));
	log_line(line);
	return 1;
}
