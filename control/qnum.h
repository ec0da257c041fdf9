/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * evdev key codes to "qnums", the key numbers QEMU's D-Bus display and VNC use.
 */
#ifndef CONTROL_QNUM_H
#define CONTROL_QNUM_H

#include <stdint.h>

/*
 * The first make code a PC keyboard sends for the key (scan code set 1), with 0x80 added for the
 * prefix 0xe0. Returns 1..0xff, or 0 if the key has no number.
 */
unsigned qnum_from_evdev(uint16_t code);

#endif
