/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One look at all guests: see daemon-look.h.
 */
#include "daemon-look.h"

#include "daemon-watch.h"
#include "guest.h"

static void problem_free(void *data)
{
	struct watch_problem *problem = data;

	g_free(problem->id);
	g_free(problem->message);
	g_free(problem);
}

struct look *look_create(virConnectPtr connection, GHashTable *incidents)
{
	struct look *look = g_new0(struct look, 1);

	virConnectRef(connection);
	look->connection = connection;
	look->incidents = incidents;
	return look;
}

void look_destroy(void *data)
{
	struct look *look = data;

	virConnectClose(look->connection);
	g_hash_table_unref(look->incidents);
	g_clear_pointer(&look->guests, g_ptr_array_unref);
	g_clear_pointer(&look->problems, g_ptr_array_unref);
	g_free(look);
}

/* The path of libvirt's log of the guest's QEMU, or NULL. (What the guest itself wrote to its
 * serial line is a log as well, one that Mullion made.) */
static char *look_find_log(virConnectPtr connection, const char *id)
{
	virDomainPtr dom = virDomainLookupByUUIDString(connection, id);
	g_autoptr(GPtrArray) files = NULL;

	if (!dom)
		return NULL;
	files = guest_files(dom, NULL);
	virDomainFree(dom);
	for (guint i = 0; files && i < files->len; i++) {
		const struct guest_file *file = g_ptr_array_index(files, i);

		if (g_str_equal(file->role, "log") && !file->owned)
			return g_strdup(file->path);
	}
	return NULL;
}

static char *look_describe(virConnectPtr connection, const struct guest_info *guest,
			   enum incident incident)
{
	g_autofree char *log = NULL;

	switch (incident) {
	case INCIDENT_DIED:
		log = look_find_log(connection, guest->id);
		return g_strdup_printf("The guest '%s' stopped unexpectedly%s%s. What it had not "
				       "saved is lost; it can be started again.",
				       guest->label, log ? "; its log is " : "", log ? log : "");
	case INCIDENT_NO_SPACE:
		return g_strdup_printf("The guest '%s' is paused because there is no space left "
				       "for its disk. Free some space on this machine, then resume "
				       "it.",
				       guest->label);
	case INCIDENT_IO_ERROR:
		return g_strdup_printf("The guest '%s' is paused because one of its disks cannot "
				       "be read or written. Check that the disk's file is still "
				       "there and readable, then resume it.",
				       guest->label);
	case INCIDENT_NONE:
		break;
	}
	return NULL;
}

void look_thread(GTask *task, void *source, void *data, GCancellable *cancellable)
{
	struct look *look = data;
	GError *error = NULL;

	(void)source;
	(void)cancellable;
	look->problems = g_ptr_array_new_with_free_func(problem_free);
	look->guests = guest_list(look->connection, &error);
	if (!look->guests) {
		g_task_return_error(task, error);
		return;
	}
	for (guint i = 0; i < look->guests->len; i++) {
		const struct guest_info *guest = g_ptr_array_index(look->guests, i);
		enum incident incident =
			GPOINTER_TO_UINT(g_hash_table_lookup(look->incidents, guest->id));
		struct watch_problem *problem;

		if (incident == INCIDENT_NONE)
			continue;
		problem = g_new0(struct watch_problem, 1);
		problem->id = g_strdup(guest->id);
		problem->message = look_describe(look->connection, guest, incident);
		g_ptr_array_add(look->problems, problem);
	}
	g_task_return_boolean(task, TRUE);
}
