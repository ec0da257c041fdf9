/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Snapshots of guests with UEFI's flash, which libvirt 9 refuses. The guest is put aside (its
 * memory goes to a file, as when a laptop hibernates), its disks get an internal snapshot and its
 * flash is copied; then it goes on. In the guest's folder, for a snapshot S:
 *
 *   S.snapshot   when it was taken, seconds; written last: without it the others are leftovers
 *   S.memory     the running guest, TPM included; not there if the guest was off
 *   S.nvram      the flash
 *   S.tpm        the TPM's state, of a guest that was off
 */
#include "config.h"

#include "guest-internal.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX ".snapshot"

static char *part(const char *dir, const char *name, const char *suffix)
{
	return g_strdup_printf("%s/%s%s", dir, name, suffix);
}

struct taken {
	char *name;
	int64_t time;
};

static void taken_free(void *data)
{
	struct taken *taken = data;

	g_free(taken->name);
	g_free(taken);
}

static int by_time(const void *a, const void *b)
{
	const struct taken *left = *(struct taken *const *)a;
	const struct taken *right = *(struct taken *const *)b;

	return left->time < right->time ? -1 : left->time > right->time;
}

GStrv guest_offline_list(const char *dir)
{
	g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(taken_free);
	g_autoptr(GStrvBuilder) names = g_strv_builder_new();
	g_autoptr(GDir) handle = g_dir_open(dir, 0, NULL);
	const char *entry;
	unsigned i;

	while (handle && (entry = g_dir_read_name(handle)) != NULL) {
		g_autofree char *path = g_build_filename(dir, entry, NULL);
		g_autofree char *text = NULL;
		struct taken *taken;

		if (!g_str_has_suffix(entry, SUFFIX) ||
		    !g_file_get_contents(path, &text, NULL, NULL))
			continue;
		taken = g_new0(struct taken, 1);
		taken->name = g_strndup(entry, strlen(entry) - strlen(SUFFIX));
		taken->time = g_ascii_strtoll(text, NULL, 10);
		g_ptr_array_add(all, taken);
	}
	g_ptr_array_sort(all, by_time);
	for (i = 0; i < all->len; i++)
		g_strv_builder_add(names, ((struct taken *)all->pdata[i])->name);
	return g_strv_builder_end(names);
}

/* qemu-img snapshot with -c (take), -a (go back to) or -d (forget). */
static bool disk_snapshot(const char *action, const char *name, const char *disk, GError **error)
{
	const struct guest_reader self = {.uid = getuid(), .gid = getgid()};
	const char *argv[] = {"qemu-img", "snapshot", "-q", action, name, disk, NULL};
	g_autofree char *complaint = NULL;
	int status = guest_run(&self, argv, NULL, &complaint, error);

	if (status > 0)
		g_set_error(error, MULLION_ERROR,
			    strstr(complaint, g_strerror(ENOSPC)) ? MULLION_ERROR_NO_SPACE
								  : MULLION_ERROR_FAILED,
			    "%s: %s", disk, complaint);
	return status == 0;
}

/* Copies over what is there, by one rename, with owner and mode of `like` (the file itself if it
 * is there). */
static bool copy(const char *from, const char *to, const char *like, GError **error)
{
	g_autofree char *fresh = g_strconcat(to, ".new", NULL);
	struct stat st;

	g_unlink(fresh);
	if (!guest_store_copy(from, fresh, NULL, NULL, NULL, error))
		return false;
	if ((stat(like, &st) == 0 && (chmod(fresh, st.st_mode & 0777) < 0 ||
				      (getuid() == 0 && chown(fresh, st.st_uid, st.st_gid) < 0))) ||
	    rename(fresh, to) < 0) {
		g_set_error(error, MULLION_ERROR, MULLION_ERROR_FAILED, "%s cannot be made: %s", to,
			    g_strerror(errno));
		g_unlink(fresh);
		return false;
	}
	return true;
}

static char *find_file(virDomainPtr dom, const char *role)
{
	g_autoptr(GPtrArray) files = guest_files(dom, NULL);
	unsigned i;

	for (i = 0; files && i < files->len; i++) {
		const struct guest_file *file = files->pdata[i];

		if (g_str_equal(file->role, role) && access(file->path, F_OK) == 0)
			return g_strdup(file->path);
	}
	return NULL;
}

static bool check_ours(virDomainPtr dom, const struct guest_info *info, const char *dir,
		       GError **error)
{
	if (dir && guest_is_local(virDomainGetConnect(dom)) && guest_store_owns(dir, info->id))
		return true;
	g_set_error(error, MULLION_ERROR, MULLION_ERROR_FAILED,
		    "%s starts by UEFI and its folder is not here, so it can have no snapshots",
		    info->name);
	return false;
}

static void forget(const struct guest_info *info, const char *dir, const char *name, unsigned disks)
{
	static const char *const suffixes[] = {SUFFIX, ".memory", ".nvram", ".tpm"};
	size_t i;

	for (i = 0; i < disks; i++)
		disk_snapshot("-d", name, info->disks[i], NULL);
	for (i = 0; i < G_N_ELEMENTS(suffixes); i++) {
		g_autofree char *path = part(dir, name, suffixes[i]);

		g_unlink(path);
	}
}

gboolean guest_offline_snapshot(virDomainPtr dom, const struct guest_info *info, const char *dir,
				const char *name, GError **error)
{
	g_autofree char *memory = NULL, *marker = NULL, *saved_nvram = NULL, *saved_tpm = NULL;
	g_autofree char *nvram = NULL, *tpm = NULL, *now = NULL;
	bool running = virDomainIsActive(dom) == 1;
	unsigned done = 0;
	bool sound = false;

	if (!check_ours(dom, info, dir, error))
		return FALSE;
	memory = part(dir, name, ".memory");
	marker = part(dir, name, SUFFIX);
	saved_nvram = part(dir, name, ".nvram");
	saved_tpm = part(dir, name, ".tpm");
	if (running && virDomainSave(dom, memory) < 0) {
		guest_set_error(error, "the guest's memory cannot be saved");
		g_unlink(memory);
		return FALSE;
	}
	for (; info->disks[done]; done++)
		if (!disk_snapshot("-c", name, info->disks[done], error))
			goto out;
	nvram = find_file(dom, "nvram");
	tpm = running ? NULL : find_file(dom, "tpm");
	if (nvram && !copy(nvram, saved_nvram, nvram, error))
		goto out;
	if (tpm && !copy(tpm, saved_tpm, tpm, error))
		goto out;
	now = g_strdup_printf("%" G_GINT64_FORMAT "\n", g_get_real_time() / G_USEC_PER_SEC);
	sound = g_file_set_contents(marker, now, -1, error);
out:
	/* Whatever happened, the guest goes on. */
	if (running && virDomainRestore(virDomainGetConnect(dom), memory) < 0) {
		if (sound)
			guest_set_error(error, "the snapshot was taken, but the guest does not go "
					       "on; try mullion revert");
		return FALSE;
	}
	if (!sound)
		forget(info, dir, name, done);
	return sound;
}

gboolean guest_offline_revert(virDomainPtr dom, const struct guest_info *info, const char *dir,
			      const char *name, GError **error)
{
	g_autofree char *memory = NULL, *saved_nvram = NULL, *saved_tpm = NULL;
	g_autofree char *nvram = NULL, *tpm = NULL;
	unsigned i;

	if (!check_ours(dom, info, dir, error) || !guest_stop(dom, 0, error))
		return FALSE;
	memory = part(dir, name, ".memory");
	saved_nvram = part(dir, name, ".nvram");
	saved_tpm = part(dir, name, ".tpm");
	for (i = 0; info->disks[i]; i++)
		if (!disk_snapshot("-a", name, info->disks[i], error))
			return FALSE;
	nvram = find_file(dom, "nvram");
	tpm = find_file(dom, "tpm");
	if (nvram && access(saved_nvram, F_OK) == 0 && !copy(saved_nvram, nvram, nvram, error))
		return FALSE;
	if (tpm && access(saved_tpm, F_OK) == 0 && !copy(saved_tpm, tpm, tpm, error))
		return FALSE;
	if (access(memory, F_OK) == 0 && virDomainRestore(virDomainGetConnect(dom), memory) < 0) {
		guest_set_error(error, "the guest's disks went back, its memory did not");
		return FALSE;
	}
	return TRUE;
}
