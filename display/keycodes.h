/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * USB keyboard usages to evdev key codes: the window's toolkit names physical keys by usage, guests
 * get evdev codes.
 */
#ifndef DISPLAY_KEYCODES_H
#define DISPLAY_KEYCODES_H

#include <stdint.h>

/*
 * hid_usage: a usage of the HID keyboard page (0x07), which is what an SDL_Scancode is; above 0xff,
 * where SDL puts keys of the consumer page, SDL's own numbers. Returns KEY_* in 1..255, or 0 if the
 * display protocol has no such key.
 */
uint16_t keycode_from_hid(unsigned hid_usage);

#endif
