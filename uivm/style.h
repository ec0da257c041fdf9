/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The panel's looks.
 */
#ifndef UIVM_STYLE_H
#define UIVM_STYLE_H

#include <stdbool.h>

/* For the default screen; once, after gtk_init(). stand_alone: the desktop's font stays. */
void style_load(bool stand_alone);

#endif
