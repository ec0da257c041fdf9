/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the wizard fills in by itself: from a file's name what system it holds, from the system how
 * large a guest it wants. Guesses only; the user sees and can change each.
 */
#ifndef UIVM_WIZARD_GUESS_H
#define UIVM_WIZARD_GUESS_H

#include <stdbool.h>

struct guess_sizes {
	double memory_gib;
	unsigned vcpus, disk_gib;
};

/* Why this file cannot be taken, a sentence to g_free(); NULL: it can, as far as seen here. */
char *guess_file_fault(const char *untrusted_path);
bool guess_is_iso(const char *path);
const char *guess_os(const char *path); /* "linux", "windows" or "other" */
char *guess_name(const char *path);	/* a valid name; g_free() it */
struct guess_sizes guess_sizes_for(const char *os);
double guess_host_memory_gib(void);

/* What is wrong with a guest's name, or NULL. */
const char *guess_name_fault(const char *name);

#endif
