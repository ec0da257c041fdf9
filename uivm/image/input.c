/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The test card's ears: evdev devices, found by looking into /dev/input whenever it changes. */
#include "input.h"

#include <fcntl.h>
#include <linux/input.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVENT_NODES 32

static const char *const key_names[KEY_CNT] = {
#include "key-names.h" /* made by scripts/core-images from the kernel's header */
};

const char *input_key_name(int key)
{
	static char name[16];

	if (key >= 0 && key < KEY_CNT && key_names[key])
		return key_names[key];
	snprintf(name, sizeof name, "KEY_0x%x", (unsigned)key);
	return name;
}

static void device_open(struct input *input, struct input_device *device, int number)
{
	struct input_id id = {0};
	char path[32];
	int axis;

	snprintf(path, sizeof path, "/dev/input/event%d", number);
	device->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (device->fd < 0)
		return;
	device->number = number;
	snprintf(device->name, sizeof device->name, "without a name");
	ioctl(device->fd, EVIOCGNAME(sizeof device->name), device->name);
	ioctl(device->fd, EVIOCGID, &id);
	device->bus = id.bustype == BUS_USB ? "usb" : id.bustype == BUS_I8042 ? "ps2" : "other";
	for (axis = 0; axis < 2; axis++) {
		struct input_absinfo range = {0};

		ioctl(device->fd, EVIOCGABS(ABS_X + axis), &range);
		device->abs_minimum[axis] = range.minimum;
		device->abs_maximum[axis] = range.maximum;
	}
	if (input->say)
		input->say("device %s %s", device->bus, device->name);
}

/* Opens what is new. */
static bool scan(struct input *input)
{
	bool changed = false;
	int number, i;

	for (number = 0; number < EVENT_NODES; number++) {
		struct input_device *free_one = NULL;
		char path[32];

		snprintf(path, sizeof path, "/dev/input/event%d", number);
		if (access(path, R_OK))
			continue;
		for (i = 0; i < INPUT_MAX; i++) {
			if (input->devices[i].fd >= 0 && input->devices[i].number == number)
				break;
			if (input->devices[i].fd < 0 && !free_one)
				free_one = &input->devices[i];
		}
		if (i < INPUT_MAX || !free_one)
			continue;
		device_open(input, free_one, number);
		changed = true;
	}
	return changed;
}

void input_open(struct input *input, int width, int height)
{
	int i;

	for (i = 0; i < INPUT_MAX; i++)
		input->devices[i].fd = -1;
	input->width = width;
	input->height = height;
	input->x = width / 2;
	input->y = height / 2;
	mkdir("/dev/input",
	      0755); /* where the kernel's devices will appear, if there are none yet */
	input->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	inotify_add_watch(input->watch, "/dev/input", IN_CREATE);
	scan(input);
}

int input_poll(const struct input *input, struct pollfd *entries)
{
	int i, count = 0;

	entries[count++] = (struct pollfd){.fd = input->watch, .events = POLLIN};
	for (i = 0; i < INPUT_MAX; i++)
		if (input->devices[i].fd >= 0)
			entries[count++] =
				(struct pollfd){.fd = input->devices[i].fd, .events = POLLIN};
	return count;
}

static int clamp(long value, int maximum)
{
	return value < 0 ? 0 : value > maximum ? maximum : (int)value;
}

/* One of a device's ABS values on a screen of that many pixels. */
static int scale(const struct input_device *device, int axis, int value, int pixels)
{
	long range = (long)device->abs_maximum[axis] - device->abs_minimum[axis];

	if (range <= 0)
		return 0;
	return clamp(((long)value - device->abs_minimum[axis]) * (pixels - 1) / range, pixels - 1);
}

static void key_event(struct input *input, const struct input_device *device, int key, int value)
{
	if (key == KEY_LEFTCTRL || key == KEY_RIGHTCTRL)
		input->control = value;
	if (key == KEY_LEFTALT || key == KEY_RIGHTALT)
		input->alt = value;
	if (value != 1)
		return;
	input->keys_pressed++;
	input->key = key;
	input->key_from = device;
	if (key == KEY_DELETE && input->control && input->alt)
		input->restart = true;
	if (input->say)
		input->say("key %s %s", input_key_name(key), device->bus);
}

static void event(struct input *input, const struct input_device *device,
		  const struct input_event *event)
{
	if (event->type == EV_KEY) {
		key_event(input, device, event->code, event->value);
		return;
	}
	if (event->type == EV_ABS && event->code == ABS_X)
		input->x = scale(device, 0, event->value, input->width);
	else if (event->type == EV_ABS && event->code == ABS_Y)
		input->y = scale(device, 1, event->value, input->height);
	else if (event->type == EV_REL && event->code == REL_X)
		input->x = clamp((long)input->x + event->value, input->width - 1);
	else if (event->type == EV_REL && event->code == REL_Y)
		input->y = clamp((long)input->y + event->value, input->height - 1);
	else
		return;
	input->pointer_from = device;
}

bool input_read(struct input *input)
{
	char notices[4096];
	int i, old_x = input->x, old_y = input->y;
	bool changed = false;

	while (read(input->watch, notices, sizeof notices) > 0)
		changed |= scan(input);
	for (i = 0; i < INPUT_MAX; i++) {
		struct input_device *device = &input->devices[i];
		struct input_event events[32];
		ssize_t size;

		if (device->fd < 0)
			continue;
		while ((size = read(device->fd, events, sizeof events)) > 0) {
			size_t j;

			for (j = 0; j < (size_t)size / sizeof *events; j++)
				event(input, device, &events[j]);
			changed = true;
		}
		if (size == 0 || poll(&(struct pollfd){.fd = device->fd}, 1, 0) > 0) {
			close(device->fd); /* unplugged */
			device->fd = -1;
			changed = true;
		}
	}
	if ((input->x != old_x || input->y != old_y) && input->say)
		input->say("pointer %d %d %s", input->x, input->y, input->pointer_from->bus);
	return changed;
}
