/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All keyboards and pointers of the VM, as they come and go; what they have said last. */
#ifndef TESTCARD_INPUT_H
#define TESTCARD_INPUT_H

#include <poll.h>
#include <stdbool.h>

#define INPUT_MAX 16

struct input_device {
	int fd;	    /* -1: free */
	int number; /* of /dev/input/event* */
	char name[64];
	const char *bus; /* "usb", "ps2" or "other" */
	int abs_minimum[2], abs_maximum[2];
};

struct input {
	int watch; /* tells of new devices */
	struct input_device devices[INPUT_MAX];
	int width, height; /* what the pointer moves on */
	int x, y;
	const struct input_device *pointer_from;
	unsigned keys_pressed; /* how many so far, of which the last: */
	int key;
	const struct input_device *key_from;
	bool control, alt, restart; /* restart: Ctrl+Alt+Del */
	/* What has happened, in words; may be NULL. */
	void (*say)(const char *format, ...) __attribute__((format(printf, 1, 2)));
};

void input_open(struct input *input, int width, int height);
/* Fills up to INPUT_MAX + 1 entries to wait for; returns how many. */
int input_poll(const struct input *input, struct pollfd *entries);
/* Takes all that is there to be read. True if something is to be drawn anew. */
bool input_read(struct input *input);
/* "KEY_A"; "KEY_0x123" for what has no name. Valid until the next call. */
const char *input_key_name(int key);

#endif
