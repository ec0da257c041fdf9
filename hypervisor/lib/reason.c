/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The texts of the reason codes. */
#include "lib/reason.h"

#include <stddef.h>

const char *reason_text(enum reason reason)
{
	switch (reason) {
#define CORE_REASON_TEXT(code, name, text)                                                         \
	case code:                                                                                 \
		return text;
		CORE_REASONS(CORE_REASON_TEXT)
	default:
		return NULL;
	}
}
