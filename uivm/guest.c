/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See guest.h. */
#include "guest.h"

#include <string.h>

static const struct {
	const char *wire, *words, *class;
} states[GUEST_STATES] = {
	[GUEST_OFF] = {"off", "Off", "state-off"},
	[GUEST_RUNNING] = {"running", "Running", "state-running"},
	[GUEST_PAUSED] = {"paused", "Paused", "state-paused"},
	[GUEST_SLEEPING] = {"sleeping", "Sleeping", "state-sleeping"},
	[GUEST_CRASHED] = {"crashed", "Crashed", "state-crashed"},
};

static char *lookup_string(GVariant *dictionary, const char *key)
{
	char *text = NULL;

	g_variant_lookup(dictionary, key, "s", &text);
	return text;
}

static unsigned lookup_number(GVariant *dictionary, const char *key)
{
	guint32 number = 0;

	g_variant_lookup(dictionary, key, "u", &number);
	return number;
}

static char **lookup_list(GVariant *dictionary, const char *key)
{
	char **list = NULL;

	if (!g_variant_lookup(dictionary, key, "^as", &list))
		list = g_new0(char *, 1);
	return list;
}

struct guest *guest_from_variant(GVariant *untrusted_dictionary)
{
	struct guest *guest = g_new0(struct guest, 1);
	g_autofree char *state = lookup_string(untrusted_dictionary, "state");
	g_autofree char *accelerator = lookup_string(untrusted_dictionary, "accelerator");

	guest->snapshots = lookup_list(untrusted_dictionary, "snapshots");
	guest->disks = lookup_list(untrusted_dictionary, "disks");
	guest->id = lookup_string(untrusted_dictionary, "id");
	guest->name = lookup_string(untrusted_dictionary, "name");
	if (!guest->id || !*guest->id || !guest->name || !*guest->name) {
		guest_destroy(guest);
		return NULL;
	}
	guest->label = lookup_string(untrusted_dictionary, "label");
	if (!guest->label || !*guest->label) {
		g_free(guest->label);
		guest->label = g_strdup(guest->name);
	}
	guest->os = lookup_string(untrusted_dictionary, "os");
	guest->slot = lookup_number(untrusted_dictionary, "slot");
	if (guest->slot > 9)
		guest->slot = 0;
	guest->colour = lookup_number(untrusted_dictionary, "colour") & 0xffffffU;
	guest->vcpus = lookup_number(untrusted_dictionary, "vcpus");
	guest->memory_mib = lookup_number(untrusted_dictionary, "memory");
	guest->emulated = g_strcmp0(accelerator, "tcg") == 0;
	for (int i = 0; i < GUEST_STATES; i++) {
		if (g_strcmp0(state, states[i].wire) == 0)
			guest->state = (enum guest_state)i;
	}
	return guest;
}

void guest_destroy(struct guest *guest)
{
	if (!guest)
		return;
	g_free(guest->id);
	g_free(guest->name);
	g_free(guest->label);
	g_free(guest->os);
	g_strfreev(guest->snapshots);
	g_strfreev(guest->disks);
	g_free(guest);
}

const char *guest_state_words(enum guest_state state)
{
	return states[state].words;
}

const char *guest_state_class(enum guest_state state)
{
	return states[state].class;
}

bool guest_is_up(const struct guest *guest)
{
	return guest->state == GUEST_RUNNING || guest->state == GUEST_PAUSED ||
	       guest->state == GUEST_SLEEPING;
}

char *guest_facts(const struct guest *guest)
{
	GString *facts = g_string_new(NULL);

	if (g_strcmp0(guest->os, "linux") == 0)
		g_string_append(facts, "Linux");
	else if (g_strcmp0(guest->os, "windows") == 0)
		g_string_append(facts, "Windows");
	if (guest->vcpus > 0)
		g_string_append_printf(facts, "%s%u CPU%s", facts->len ? " · " : "", guest->vcpus,
				       guest->vcpus == 1 ? "" : "s");
	if (guest->memory_mib >= 1024 && guest->memory_mib % 1024 == 0)
		g_string_append_printf(facts, "%s%u GiB", facts->len ? " · " : "",
				       guest->memory_mib / 1024);
	else if (guest->memory_mib >= 1024)
		g_string_append_printf(facts, "%s%.1f GiB", facts->len ? " · " : "",
				       guest->memory_mib / 1024.0);
	else if (guest->memory_mib > 0)
		g_string_append_printf(facts, "%s%u MiB", facts->len ? " · " : "",
				       guest->memory_mib);
	if (guest->emulated)
		g_string_append_printf(facts, "%semulated (slow)", facts->len ? " · " : "");
	return g_string_free(facts, FALSE);
}
