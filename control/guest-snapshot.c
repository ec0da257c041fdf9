/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Snapshots. libvirt's internal ones hold disk and running memory in the qcow2 and are taken
 * within a moment. libvirt refuses them for a guest with UEFI's flash; guest-offline.c does those.
 */
#include "config.h"

#include "guest-internal.h"

#include <libvirt/virterror.h>
#include <string.h>

struct entry {
	char *name;
	int64_t created; /* seconds */
};

static void entry_free(void *data)
{
	struct entry *entry = data;

	g_free(entry->name);
	g_free(entry);
}

static int by_time(const void *a, const void *b)
{
	const struct entry *left = *(struct entry *const *)a;
	const struct entry *right = *(struct entry *const *)b;

	return left->created < right->created ? -1 : left->created > right->created;
}

static struct entry *read_entry(virDomainSnapshotPtr snapshot)
{
	char *xml = virDomainSnapshotGetXMLDesc(snapshot, 0);
	const char *created = xml ? strstr(xml, "<creationTime>") : NULL;
	struct entry *entry = g_new0(struct entry, 1);

	entry->name = g_strdup(virDomainSnapshotGetName(snapshot));
	if (created)
		entry->created = g_ascii_strtoll(created + strlen("<creationTime>"), NULL, 10);
	free(xml);
	return entry;
}

GStrv guest_snapshot_list(virDomainPtr dom, const char *dir)
{
	g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func(entry_free);
	g_autoptr(GStrvBuilder) names = g_strv_builder_new();
	virDomainSnapshotPtr *snapshots = NULL;
	int count =
		virDomainListAllSnapshots(dom, &snapshots, VIR_DOMAIN_SNAPSHOT_LIST_TOPOLOGICAL);
	unsigned i;
	int n;

	/* Where snapshots cannot be listed, as by libvirt's other drivers, there are none. */
	for (n = 0; n < count; n++) {
		g_ptr_array_add(entries, read_entry(snapshots[n]));
		virDomainSnapshotFree(snapshots[n]);
	}
	free(snapshots);
	g_ptr_array_sort(entries, by_time);
	for (i = 0; i < entries->len; i++)
		g_strv_builder_add(names, ((struct entry *)entries->pdata[i])->name);
	if (dir) {
		g_auto(GStrv) offline = guest_offline_list(dir);

		g_strv_builder_addv(names, (const char **)offline);
	}
	return g_strv_builder_end(names);
}

static bool find_name(GStrv names, const char *name)
{
	return names && g_strv_contains((const char *const *)names, name);
}

gboolean guest_snapshot(virDomainPtr dom, const char *name, GError **error)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_local();
	g_autofree char *stamp = g_date_time_format(now, "%Y-%m-%d_%H-%M-%S");
	g_autofree char *xml = NULL, *dir = NULL, *what = NULL;
	g_auto(GStrv) names = NULL;
	virDomainSnapshotPtr snapshot = NULL;
	struct guest_info *info = NULL;
	gboolean done = FALSE;

	if (!name || !*name)
		name = stamp;
	if (!guest_check_name(name, error)) {
		g_prefix_error(error, "snapshot: ");
		return FALSE;
	}
	if (!guest_read(dom, &info, &dir, error))
		return FALSE;
	names = guest_snapshot_list(dom, dir);
	if (find_name(names, name)) {
		g_set_error(error, MULLION_ERROR, MULLION_ERROR_EXISTS,
			    "%s has a snapshot %s already; take another name", info->name, name);
		goto out;
	}
	if (!info->disks[0]) {
		g_set_error(error, MULLION_ERROR, MULLION_ERROR_FAILED,
			    "%s has no disk that a snapshot could be kept on", info->name);
		goto out;
	}
	if (g_str_equal(info->firmware, "uefi")) {
		done = guest_offline_snapshot(dom, info, dir, name, error);
		goto out;
	}
	xml = g_markup_printf_escaped("<domainsnapshot><name>%s</name></domainsnapshot>", name);
	snapshot = virDomainSnapshotCreateXML(dom, xml, 0);
	if (!snapshot) {
		/* Memory cannot be kept on every disk format, vmdk for one. */
		what = g_strdup_printf(info->state == GUEST_OFF
					       ? "no snapshot of %s could be taken"
					       : "no snapshot of the running %s could be taken "
						 "(stopped, it may keep one)",
				       info->name);
		guest_set_error(error, what);
		goto out;
	}
	virDomainSnapshotFree(snapshot);
	done = TRUE;
out:
	guest_info_free(info);
	return done;
}

gboolean guest_revert(virDomainPtr dom, const char *name, GError **error)
{
	g_autofree char *dir = NULL, *what = NULL;
	g_auto(GStrv) names = NULL;
	virDomainSnapshotPtr snapshot = NULL;
	struct guest_info *info = NULL;
	gboolean done = FALSE;
	unsigned count;

	if (!guest_read(dom, &info, &dir, error))
		return FALSE;
	names = guest_snapshot_list(dom, dir);
	count = g_strv_length(names);
	if (count == 0) {
		g_set_error(error, MULLION_ERROR, MULLION_ERROR_NOT_FOUND,
			    "%s has no snapshot; take one with: mullion snapshot %s", info->name,
			    info->name);
		goto out;
	}
	if (!name || !*name)
		name = names[count - 1];
	if (!find_name(names, name)) {
		g_set_error(error, MULLION_ERROR, MULLION_ERROR_NOT_FOUND,
			    "%s has no snapshot %s; see mullion show %s", info->name, name,
			    info->name);
		goto out;
	}
	if (g_str_equal(info->firmware, "uefi")) {
		done = guest_offline_revert(dom, info, dir, name, error);
		goto out;
	}
	snapshot = virDomainSnapshotLookupByName(dom, name, 0);
	if (!snapshot || virDomainRevertToSnapshot(snapshot, 0) < 0) {
		what = g_strdup_printf("%s cannot go back to %s", info->name, name);
		guest_set_error(error, what);
		goto out;
	}
	done = TRUE;
out:
	if (snapshot)
		virDomainSnapshotFree(snapshot);
	guest_info_free(info);
	return done;
}
