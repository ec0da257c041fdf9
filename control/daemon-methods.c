/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The methods of org.mullion.Control1: see daemon-methods.h.
 */
#include "daemon-methods.h"

#include <limits.h>
#include <string.h>

#include "guest.h"

#define MAX_NAME    64U
#define MAX_CMDLINE 2048U
#define MAX_WORD    32U /* "linux", "uefi" */

static gboolean fail_argument(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static gboolean fail_argument(GError **error, const char *format, ...)
{
	va_list arguments;
	g_autofree char *message = NULL;

	va_start(arguments, format);
	message = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	g_set_error_literal(error, MULLION_ERROR, MULLION_ERROR_INVALID_ARGUMENT, message);
	return FALSE;
}

/* Bounded, and without control characters. D-Bus has already seen to UTF-8. */
static gboolean check_text(const char *what, const char *untrusted_text, size_t max_bytes,
			   GError **error)
{
	if (strlen(untrusted_text) > max_bytes)
		return fail_argument(error, "The %s is too long: at most %zu bytes are possible.",
				     what, max_bytes);
	for (const char *c = untrusted_text; *c; c = g_utf8_next_char(c))
		if (g_unichar_iscntrl(g_utf8_get_char(c)))
			return fail_argument(error, "The %s has a control character in it.", what);
	return TRUE;
}

static gboolean check_path(const char *what, const char *untrusted_path, GError **error)
{
	if (strlen(untrusted_path) >= PATH_MAX)
		return fail_argument(error, "The path of the %s is too long.", what);
	if (untrusted_path[0] != '/')
		return fail_argument(error, "The path of the %s must be absolute (begin with '/').",
				     what);
	return TRUE;
}

/* One of our guests by its UUID; virDomainFree() it. */
static virDomainPtr take_guest(virConnectPtr connection, const char *untrusted_id, GError **error)
{
	virDomainPtr dom;

	if (!g_uuid_string_is_valid(untrusted_id)) {
		fail_argument(error, "A guest is named by its UUID here.");
		return NULL;
	}
	dom = guest_find(connection, untrusted_id, error);
	if (dom && !guest_is_ours(dom)) {
		g_set_error(
			error, MULLION_ERROR, MULLION_ERROR_NOT_FOUND,
			"The virtual machine %s is not one of Mullion's guests. Manage it with the "
			"program that made it.",
			untrusted_id);
		virDomainFree(dom);
		return NULL;
	}
	return dom;
}

static GVariant *describe_guest(const struct guest_info *guest)
{
	static const char *const none[] = {NULL};
	GVariantBuilder builder;

	g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
#define ADD(key, value)	    g_variant_builder_add(&builder, "{sv}", key, value)
#define ADD_TEXT(key, text) ADD(key, g_variant_new_string((text) ? (text) : ""))
#define ADD_TEXTS(key, texts)                                                                      \
	ADD(key, g_variant_new_strv((texts) ? (const char *const *)(texts) : none, -1))
	ADD_TEXT("id", guest->id);
	ADD_TEXT("name", guest->name);
	ADD_TEXT("label", guest->label);
	ADD_TEXT("os", guest->os);
	ADD_TEXT("state", guest_state_name(guest->state));
	ADD_TEXT("accelerator", guest->accelerator);
	ADD_TEXT("firmware", guest->firmware);
	ADD("slot", g_variant_new_uint32(guest->slot));
	ADD("colour", g_variant_new_uint32(guest->colour));
	ADD("vcpus", g_variant_new_uint32(guest->vcpus));
	ADD("memory", g_variant_new_uint32((uint32_t)MIN(guest->memory_mib, UINT32_MAX)));
	ADD_TEXTS("snapshots", guest->snapshots);
	ADD_TEXTS("disks", guest->disks);
#undef ADD_TEXTS
#undef ADD_TEXT
#undef ADD
	return g_variant_builder_end(&builder);
}

GVariant *daemon_describe_guests(GPtrArray *guests)
{
	GVariantBuilder builder;

	g_variant_builder_init(&builder, G_VARIANT_TYPE("aa{sv}"));
	for (guint i = 0; i < guests->len; i++)
		g_variant_builder_add_value(&builder, describe_guest(g_ptr_array_index(guests, i)));
	return g_variant_builder_end(&builder);
}

static GVariant *run_list(virConnectPtr connection, GVariant *untrusted_arguments, GError **error)
{
	g_autoptr(GPtrArray) guests = guest_list(connection, error);

	(void)untrusted_arguments;
	if (!guests)
		return NULL;
	return g_variant_new("(@aa{sv})", daemon_describe_guests(guests));
}

/* The keys of CreateGuest's spec: where each goes and what is checked here. Everything else about
 * it is guest_create()'s to check. */
enum key_kind { KEY_TEXT, KEY_PATH, KEY_NUMBER, KEY_COLOUR };

static const struct spec_key {
	const char *name, *what;
	enum key_kind kind;
	size_t offset; /* in struct guest_spec */
	size_t max;    /* bytes of a text, or the value of a number */
} spec_keys[] = {
#define FIELD(field) offsetof(struct guest_spec, field)
	{"name", "name", KEY_TEXT, FIELD(name), MAX_NAME},
	{"label", "label", KEY_TEXT, FIELD(label), (size_t)GUEST_MAX_LABEL * 4},
	{"os", "operating system", KEY_TEXT, FIELD(os), MAX_WORD},
	{"firmware", "firmware", KEY_TEXT, FIELD(firmware), MAX_WORD},
	{"cmdline", "kernel's command line", KEY_TEXT, FIELD(cmdline), MAX_CMDLINE},
	{"iso", "ISO image", KEY_PATH, FIELD(iso), 0},
	{"disk", "disk image", KEY_PATH, FIELD(disk), 0},
	{"kernel", "kernel", KEY_PATH, FIELD(kernel), 0},
	{"initrd", "initial RAM disk", KEY_PATH, FIELD(initrd), 0},
	{"memory", "memory size", KEY_NUMBER, FIELD(memory_mib), 16U << 20},
	{"vcpus", "number of processors", KEY_NUMBER, FIELD(vcpus), 512},
	{"disk-size", "disk size", KEY_NUMBER, FIELD(disk_gib), 64U << 10},
	{"colour", "colour", KEY_COLOUR, FIELD(colour), 0xffffff},
#undef FIELD
};

static const struct spec_key *find_spec_key(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(spec_keys); i++)
		if (g_str_equal(spec_keys[i].name, name))
			return &spec_keys[i];
	return NULL;
}

static gboolean take_spec_value(struct guest_spec *spec, const struct spec_key *key,
				GVariant *untrusted_value, GError **error)
{
	bool is_text = key->kind == KEY_TEXT || key->kind == KEY_PATH;
	void *field = (char *)spec + key->offset;
	uint32_t number;

	if (!g_variant_is_of_type(untrusted_value,
				  is_text ? G_VARIANT_TYPE_STRING : G_VARIANT_TYPE_UINT32))
		return fail_argument(error, "The %s must be a %s.", key->what,
				     is_text ? "text" : "number");
	if (is_text) {
		const char *untrusted_text = g_variant_get_string(untrusted_value, NULL);

		if (key->kind == KEY_PATH ? !check_path(key->what, untrusted_text, error)
					  : !check_text(key->what, untrusted_text, key->max, error))
			return FALSE;
		*(const char **)field = untrusted_text;
		return TRUE;
	}
	number = g_variant_get_uint32(untrusted_value);
	if (number > key->max)
		return fail_argument(error, "The %s is too large: at most %zu is possible.",
				     key->what, key->max);
	if (key->kind == KEY_COLOUR)
		*(int64_t *)field = number;
	else
		*(unsigned *)field = number;
	return TRUE;
}

static gboolean take_spec(struct guest_spec *spec, GVariant *untrusted_dict, GError **error)
{
	unsigned seen = 0;
	GVariantIter iter;
	const char *name;
	GVariant *value;

	G_STATIC_ASSERT(G_N_ELEMENTS(spec_keys) <= sizeof(seen) * 8);
	memset(spec, 0, sizeof(*spec));
	spec->colour = -1;
	g_variant_iter_init(&iter, untrusted_dict);
	while (g_variant_iter_next(&iter, "{&sv}", &name, &value)) {
		const struct spec_key *key = find_spec_key(name);
		g_autoptr(GVariant) owned = value;
		unsigned bit;

		if (!key)
			return fail_argument(error, "A guest has no setting '%.*s'.", 32, name);
		bit = 1U << (key - spec_keys);
		if (seen & bit)
			return fail_argument(error, "The %s is given twice.", key->what);
		seen |= bit;
		if (!take_spec_value(spec, key, owned, error))
			return FALSE;
	}
	if (!spec->name)
		return fail_argument(error, "A guest needs a name.");
	return TRUE;
}

static GVariant *run_create(virConnectPtr connection, GVariant *untrusted_arguments, GError **error)
{
	g_autoptr(GVariant) untrusted_dict = g_variant_get_child_value(untrusted_arguments, 0);
	g_autofree char *id = NULL;
	struct guest_spec spec; /* its texts live in untrusted_dict */

	if (!take_spec(&spec, untrusted_dict, error))
		return NULL;
	id = guest_create(connection, &spec, NULL, NULL, error);
	return id ? g_variant_new("(s)", id) : NULL;
}

static gboolean ask_stop(virDomainPtr dom, GError **error)
{
	return guest_stop(dom, GUEST_STOP_TIMEOUT_S, error);
}

static gboolean force_stop(virDomainPtr dom, GError **error)
{
	return guest_stop(dom, 0, error);
}

static GVariant *run_on_guest(virConnectPtr connection, const char *untrusted_id,
			      gboolean (*action)(virDomainPtr dom, GError **error), GError **error)
{
	virDomainPtr dom = take_guest(connection, untrusted_id, error);
	gboolean done;

	if (!dom)
		return NULL;
	done = action(dom, error);
	virDomainFree(dom);
	return done ? g_variant_new_tuple(NULL, 0) : NULL;
}

#define DEFINE_RUN(method, action)                                                                 \
	static GVariant *run_##method(virConnectPtr connection, GVariant *untrusted_arguments,     \
				      GError **error)                                              \
	{                                                                                          \
		const char *untrusted_id;                                                          \
                                                                                                   \
		g_variant_get(untrusted_arguments, "(&s)", &untrusted_id);                         \
		return run_on_guest(connection, untrusted_id, action, error);                      \
	}
DEFINE_RUN(start, guest_start)
DEFINE_RUN(pause, guest_pause)
DEFINE_RUN(resume, guest_resume)
DEFINE_RUN(delete, guest_delete)
#undef DEFINE_RUN

static GVariant *run_stop(virConnectPtr connection, GVariant *untrusted_arguments, GError **error)
{
	const char *untrusted_id;
	gboolean force;

	g_variant_get(untrusted_arguments, "(&sb)", &untrusted_id, &force);
	return run_on_guest(connection, untrusted_id, force ? force_stop : ask_stop, error);
}

static GVariant *run_on_snapshot(virConnectPtr connection, GVariant *untrusted_arguments,
				 gboolean (*action)(virDomainPtr dom, const char *name,
						    GError **error),
				 GError **error)
{
	const char *untrusted_id, *untrusted_name;
	virDomainPtr dom;
	gboolean done;

	g_variant_get(untrusted_arguments, "(&s&s)", &untrusted_id, &untrusted_name);
	if (!check_text("snapshot's name", untrusted_name, MAX_NAME, error))
		return NULL;
	dom = take_guest(connection, untrusted_id, error);
	if (!dom)
		return NULL;
	done = action(dom, *untrusted_name ? untrusted_name : NULL, error);
	virDomainFree(dom);
	return done ? g_variant_new_tuple(NULL, 0) : NULL;
}

static GVariant *run_snapshot(virConnectPtr connection, GVariant *untrusted_arguments,
			      GError **error)
{
	return run_on_snapshot(connection, untrusted_arguments, guest_snapshot, error);
}

static GVariant *run_revert(virConnectPtr connection, GVariant *untrusted_arguments, GError **error)
{
	return run_on_snapshot(connection, untrusted_arguments, guest_revert, error);
}

static const struct daemon_method methods[] = {
	{"ListGuests", run_list, false},  {"CreateGuest", run_create, true},
	{"Start", run_start, true},	  {"Stop", run_stop, true},
	{"Pause", run_pause, true},	  {"Resume", run_resume, true},
	{"Snapshot", run_snapshot, true}, {"Revert", run_revert, true},
	{"Delete", run_delete, true},
};

const struct daemon_method *daemon_method_find(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(methods); i++)
		if (g_str_equal(methods[i].name, name))
			return &methods[i];
	return NULL;
}

const char *daemon_error_name(const GError *error)
{
	if (error->domain == MULLION_ERROR) {
		switch ((enum mullion_error)error->code) {
		case MULLION_ERROR_NOT_FOUND:
			return "org.mullion.Error.NotFound";
		case MULLION_ERROR_EXISTS:
			return "org.mullion.Error.Exists";
		case MULLION_ERROR_INVALID_ARGUMENT:
			return "org.mullion.Error.InvalidArgument";
		case MULLION_ERROR_NOT_AVAILABLE:
			return "org.mullion.Error.NotAvailable";
		case MULLION_ERROR_NO_SPACE:
			return "org.mullion.Error.NoSpace";
		case MULLION_ERROR_FAILED:
			break;
		}
	}
	return "org.mullion.Error.Failed";
}
