/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * evdev key codes to QEMU's key numbers, see qnum.h.
 *
 * The first evdev codes were set 1's own numbers, so 1..88 are equal but for a hole. The others are
 * what PC keyboards send after 0xe0 (| 0x80). Keys that no PC keyboard has get the number
 * virkeycode-qnum(7) gives them; QEMU 7.2 takes no notice of some of those.
 */
#include "qnum.h"

#include <linux/input-event-codes.h>
#include <stddef.h>

#define E0(code) ((code) | 0x80)

#define LAST_EQUAL KEY_F12

static const uint8_t qnums[] = {
	/* Alt+Print Screen's code; QEMU takes it for the key, whether Alt is down or not. */
	[KEY_SYSRQ] = 0x54,
	/* Really e1 1d 45; QEMU makes that of Ctrl+Pause's code. */
	[KEY_PAUSE] = E0(0x46),

	[KEY_KPENTER] = E0(0x1c),
	[KEY_RIGHTCTRL] = E0(0x1d),
	[KEY_KPSLASH] = E0(0x35),
	[KEY_RIGHTALT] = E0(0x38),
	[KEY_HOME] = E0(0x47),
	[KEY_UP] = E0(0x48),
	[KEY_PAGEUP] = E0(0x49),
	[KEY_LEFT] = E0(0x4b),
	[KEY_RIGHT] = E0(0x4d),
	[KEY_END] = E0(0x4f),
	[KEY_DOWN] = E0(0x50),
	[KEY_PAGEDOWN] = E0(0x51),
	[KEY_INSERT] = E0(0x52),
	[KEY_DELETE] = E0(0x53),
	[KEY_LEFTMETA] = E0(0x5b),
	[KEY_RIGHTMETA] = E0(0x5c),
	[KEY_COMPOSE] = E0(0x5d),
	[KEY_POWER] = E0(0x5e),
	[KEY_SLEEP] = E0(0x5f),
	[KEY_WAKEUP] = E0(0x63),

	/* Japan, Korea, Brazil */
	[KEY_KATAKANAHIRAGANA] = 0x70,
	[KEY_HANJA] = 0x71,
	[KEY_HANGEUL] = 0x72,
	[KEY_RO] = 0x73,
	[KEY_ZENKAKUHANKAKU] = 0x76,
	[KEY_HIRAGANA] = 0x77,
	[KEY_KATAKANA] = 0x78,
	[KEY_HENKAN] = 0x79,
	[KEY_MUHENKAN] = 0x7b,
	[KEY_YEN] = 0x7d,
	[KEY_KPCOMMA] = 0x7e,
	[KEY_KPJPCOMMA] = 0x5c,
	[KEY_KPEQUAL] = 0x59,

	/* media and browser keys */
	[KEY_PREVIOUSSONG] = E0(0x10),
	[KEY_NEXTSONG] = E0(0x19),
	[KEY_MUTE] = E0(0x20),
	[KEY_CALC] = E0(0x21),
	[KEY_PLAYPAUSE] = E0(0x22),
	[KEY_STOPCD] = E0(0x24),
	[KEY_VOLUMEDOWN] = E0(0x2e),
	[KEY_VOLUMEUP] = E0(0x30),
	[KEY_HOMEPAGE] = E0(0x32),
	[KEY_SEARCH] = E0(0x65),
	[KEY_BOOKMARKS] = E0(0x66),
	[KEY_REFRESH] = E0(0x67),
	[KEY_STOP] = E0(0x68),
	[KEY_FORWARD] = E0(0x69),
	[KEY_BACK] = E0(0x6a),
	[KEY_COMPUTER] = E0(0x6b),
	[KEY_MAIL] = E0(0x6c),
	[KEY_MEDIA] = E0(0x6d),

	/* editing keys of other keyboards */
	[KEY_LINEFEED] = 0x5b,
	[KEY_OPEN] = 0x64,
	[KEY_PASTE] = 0x65,
	[KEY_AGAIN] = E0(0x05),
	[KEY_PROPS] = E0(0x06),
	[KEY_UNDO] = E0(0x07),
	[KEY_FRONT] = E0(0x0c),
	[KEY_MENU] = E0(0x1e),
	[KEY_CUT] = E0(0x3c),
	[KEY_FIND] = E0(0x41),
	[KEY_HELP] = E0(0x75),
	[KEY_COPY] = E0(0x78),

	/* Not known to QEMU 7.2, but listed. */
	[KEY_F13] = 0x5d,
	[KEY_F14] = 0x5e,
	[KEY_F15] = 0x5f,
	[KEY_F16] = 0x55,
	[KEY_F17] = E0(0x03),
	[KEY_F18] = E0(0x77),
	[KEY_F19] = E0(0x04),
	[KEY_F20] = 0x5a,
	[KEY_F21] = 0x74,
	[KEY_F22] = E0(0x79),
	[KEY_F23] = 0x6d,
	[KEY_F24] = 0x6f,
	[KEY_WWW] = E0(0x02),
	[KEY_EJECTCD] = 0x6c,
	[KEY_REWIND] = E0(0x18),
	[KEY_FASTFORWARD] = E0(0x34),
	[KEY_BRIGHTNESSDOWN] = E0(0x4c),
	[KEY_BRIGHTNESSUP] = E0(0x54),
	[KEY_SWITCHVIDEOMODE] = E0(0x56),
	[KEY_KBDILLUMTOGGLE] = E0(0x57),
	[KEY_KBDILLUMDOWN] = E0(0x58),
	[KEY_KBDILLUMUP] = E0(0x59),
};

unsigned qnum_from_evdev(uint16_t code)
{
	if (code == 0 || code >= sizeof(qnums))
		return 0;
	if (qnums[code])
		return qnums[code];
	/* 84 is a hole in evdev; 85 (Zenkaku/Hankaku) is in the table. */
	return code <= LAST_EQUAL && code != KEY_KPDOT + 1 ? code : 0;
}
