/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The folder of guests: one folder for each, with everything that Mullion made for it. A new one is
 * filled under a hidden name and gets its own by one rename, so that a guest's folder is whole or
 * is not there. A lock keeps creators and removers apart; what it finds under a hidden name was
 * left by one that died, and is removed.
 */
#include "config.h"

#include "guest-internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define STORE_MARKER "mullion-guest" /* in each guest's folder; holds its UUID */
#define STORE_FRESH  ".new-"

static bool fail(GError **error, int code, const char *doing, const char *path)
{
	g_set_error(error, MULLION_ERROR,
		    code == ENOSPC || code == EDQUOT ? MULLION_ERROR_NO_SPACE
						     : MULLION_ERROR_FAILED,
		    "%s cannot be %s: %s", path, doing, g_strerror(code));
	return false;
}

char *guest_store_path(virConnectPtr conn)
{
	const char *set = g_getenv("MULLION_GUESTS_DIR");

	if (set && g_path_is_absolute(set))
		return g_strdup(set);
	if (guest_is_system(conn))
		return g_strdup("/var/lib/libvirt/images/mullion");
	return g_build_filename(g_get_user_data_dir(), "mullion", "guests", NULL);
}

bool guest_store_owns(const char *dir, const char *uuid)
{
	g_autofree char *path = g_build_filename(dir, STORE_MARKER, NULL);
	g_autofree char *text = NULL;

	return g_file_get_contents(path, &text, NULL, NULL) &&
	       (!uuid || g_str_equal(g_strchomp(text), uuid));
}

bool guest_store_remove(const char *dir, const char *uuid, GError **error)
{
	g_autofree char *marker = g_build_filename(dir, STORE_MARKER, NULL);
	const struct dirent *entry;
	DIR *handle;
	int code = 0;

	if (!guest_store_owns(dir, uuid)) {
		g_set_error(error, MULLION_ERROR, MULLION_ERROR_FAILED,
			    "%s is not removed: it is not marked as this guest's folder", dir);
		return false;
	}
	handle = opendir(dir);
	if (!handle)
		return fail(error, errno, "opened", dir);
	/* Flat, and nothing is followed. The marker goes last, so that this can be repeated. */
	while ((entry = readdir(handle)) != NULL) {
		if (g_str_equal(entry->d_name, ".") || g_str_equal(entry->d_name, "..") ||
		    g_str_equal(entry->d_name, STORE_MARKER))
			continue;
		if (unlinkat(dirfd(handle), entry->d_name, 0) < 0 && errno != ENOENT && !code)
			code = errno;
	}
	closedir(handle);
	if (!code && g_unlink(marker) < 0)
		code = errno;
	if (!code && g_rmdir(dir) < 0)
		code = errno;
	return code ? fail(error, code, "removed", dir) : true;
}

static void remove_stale(const char *store)
{
	const struct dirent *entry;
	DIR *handle = opendir(store);

	if (!handle)
		return;
	while ((entry = readdir(handle)) != NULL) {
		g_autofree char *path = NULL;

		if (!g_str_has_prefix(entry->d_name, STORE_FRESH))
			continue;
		path = g_build_filename(store, entry->d_name, NULL);
		/* One whose maker died before it had put its marker in is empty. */
		if (!guest_store_remove(path, NULL, NULL))
			g_rmdir(path);
	}
	closedir(handle);
}

int guest_store_lock(const char *store, GError **error)
{
	int fd;

	/* Others may enter (QEMU's user has to), not look around. */
	if (g_mkdir_with_parents(store, 0711) < 0) {
		fail(error, errno, "made", store);
		return -1;
	}
	fd = open(store, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		fail(error, errno, "opened", store);
		return -1;
	}
	while (flock(fd, LOCK_EX) < 0) {
		if (errno == EINTR)
			continue;
		fail(error, errno, "locked", store);
		close(fd);
		return -1;
	}
	remove_stale(store);
	return fd;
}

char *guest_store_new(const char *store, const char *uuid, GError **error)
{
	g_autofree char *dir = g_strdup_printf("%s/" STORE_FRESH "%s", store, uuid);
	g_autofree char *marker = g_build_filename(dir, STORE_MARKER, NULL);
	g_autoptr(GError) cause = NULL;

	if (g_mkdir(dir, 0711) < 0) {
		fail(error, errno, "made", dir);
		return NULL;
	}
	if (!g_file_set_contents_full(marker, uuid, -1, G_FILE_SET_CONTENTS_DURABLE, 0644,
				      &cause)) {
		g_set_error(error, MULLION_ERROR,
			    g_error_matches(cause, G_FILE_ERROR, G_FILE_ERROR_NOSPC)
				    ? MULLION_ERROR_NO_SPACE
				    : MULLION_ERROR_FAILED,
			    "%s", cause->message);
		g_rmdir(dir);
		return NULL;
	}
	return g_steal_pointer(&dir);
}

bool guest_store_publish(const char *store, const char *fresh, const char *name, GError **error)
{
	g_autofree char *dir = g_build_filename(store, name, NULL);
	int fd;

	if (rename(fresh, dir) < 0) {
		if (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR) {
			g_set_error(error, MULLION_ERROR, MULLION_ERROR_EXISTS,
				    "%s is there already, though no guest %s is; move it away or "
				    "take another name",
				    dir, name);
			return false;
		}
		return fail(error, errno, "made", dir);
	}
	fd = open(store, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	return true;
}

/* As copy_file_range(), between file systems too (it may refuse that, or a file system's files). */
static ssize_t copy_some(int in, int out, size_t size)
{
	ssize_t n = copy_file_range(in, NULL, out, NULL, size, 0);

	if (n < 0 && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS))
		n = sendfile(out, in, NULL, size);
	return n;
}

bool guest_store_copy(const char *from, const char *to, guest_progress progress, void *data,
		      const char *what, GError **error)
{
	int in = open(from, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	struct stat st = {0};
	off_t done = 0;
	bool copied = false;

	if (in < 0 || fstat(in, &st) < 0) {
		fail(error, errno, "read", from);
		goto out;
	}
	if (out < 0) {
		fail(error, errno, "made", to);
		goto out;
	}
	for (;;) {
		ssize_t n = copy_some(in, out, 4U << 20);

		if (n < 0) {
			fail(error, errno, "written", to);
			goto out;
		}
		if (n == 0)
			break;
		done += n;
		if (progress && st.st_size > 0)
			progress(data, what, MIN(1.0, (double)done / (double)st.st_size));
	}
	if (done != st.st_size) {
		g_set_error(error, MULLION_ERROR, MULLION_ERROR_FAILED,
			    "%s changed its size while it was copied; try again", from);
		goto out;
	}
	if (fsync(out) < 0)
		fail(error, errno, "written", to);
	else
		copied = true;
out:
	if (in >= 0)
		close(in);
	if (out >= 0) {
		close(out);
		if (!copied)
			unlink(to);
	}
	return copied;
}

bool guest_store_check_space(const char *store, uint64_t needed, GError **error)
{
	struct statvfs fs;
	uint64_t left;

	if (statvfs(store, &fs) < 0)
		return fail(error, errno, "asked for its free space", store);
	left = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (left < needed) {
		g_autofree char *have = g_format_size(left);
		g_autofree char *want = g_format_size(needed);

		g_set_error(error, MULLION_ERROR, MULLION_ERROR_NO_SPACE,
			    "no space in %s: a new guest needs %s to begin with, %s are free; make "
			    "room there and try again",
			    store, want, have);
		return false;
	}
	return true;
}
