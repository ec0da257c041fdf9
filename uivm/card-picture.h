/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The upper part of a card: the guest's picture above a stripe of its colour, or its initial where
 * there is no picture.
 */
#ifndef UIVM_CARD_PICTURE_H
#define UIVM_CARD_PICTURE_H

#include <cairo.h>
#include <stdint.h>

#include "guest.h"

/* picture may be NULL. */
void card_picture_draw(cairo_t *cairo, int width, int height, cairo_surface_t *picture,
		       const struct guest *guest);

#endif
