/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest as the panel knows it: what org.mullion.Control1 says, checked, and the words for it.
 */
#ifndef UIVM_GUEST_H
#define UIVM_GUEST_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum guest_state {
	GUEST_OFF,
	GUEST_RUNNING,
	GUEST_PAUSED,
	GUEST_SLEEPING,
	GUEST_CRASHED,
	GUEST_STATES
};

struct guest {
	char *id, *name, *label; /* label: the name if it has none */
	unsigned slot;		 /* 1..9, 0: none */
	uint32_t colour;	 /* 0xRRGGBB */
	char *os;
	enum guest_state state;
	unsigned vcpus, memory_mib;
	bool emulated;	  /* no KVM: slow */
	char **snapshots; /* oldest first */
	char **disks;
};

/* NULL if the dictionary (a{sv}) lacks an id or a name. */
struct guest *guest_from_variant(GVariant *untrusted_dictionary);
void guest_destroy(struct guest *guest); /* NULL is fine */

const char *guest_state_words(enum guest_state state); /* "Running" */
const char *guest_state_class(enum guest_state state); /* of the style sheet */
char *guest_facts(const struct guest *guest);	       /* "Linux · 2 CPUs · 4 GiB"; g_free() it */
bool guest_is_up(const struct guest *guest);	       /* it has a picture, or had one */

#endif
