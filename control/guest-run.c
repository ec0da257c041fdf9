/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Acting as the user that QEMU runs as: whether it can read a file, and running qemu-img on files
 * that somebody brought with no more rights, memory or time than that needs.
 */
#include "config.h"

#include "guest-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define RUN_MEMORY  (2UL << 30) /* bytes of address space */
#define RUN_SECONDS 120		/* of processor time */

void guest_reader_init(struct guest_reader *reader, virConnectPtr conn)
{
	struct passwd entry, *found = NULL;
	char buffer[4096];
	char *capabilities;

	*reader = (struct guest_reader){.uid = getuid(), .gid = getgid()};
	capabilities =
		guest_is_system(conn) && getuid() == 0 ? virConnectGetCapabilities(conn) : NULL;
	if (capabilities && guest_xml_read_owner(capabilities, &reader->uid, &reader->gid))
		reader->other = reader->uid != getuid();
	free(capabilities);
	if (getpwuid_r(reader->uid, &entry, buffer, sizeof(buffer), &found) == 0 && found)
		reader->user = g_strdup(entry.pw_name);
	else
		reader->user = g_strdup_printf("user %u", (unsigned)reader->uid);
}

void guest_reader_finish(struct guest_reader *reader)
{
	g_clear_pointer(&reader->user, g_free);
}

/* In a child after fork: system calls only. */
static int become(const struct guest_reader *reader)
{
	if (!reader->other)
		return 0;
	if (setgroups(1, &reader->gid) < 0 ||
	    setresgid(reader->gid, reader->gid, reader->gid) < 0 ||
	    setresuid(reader->uid, reader->uid, reader->uid) < 0)
		return -errno;
	return 0;
}

static bool run_child(const struct guest_reader *reader, int (*job)(const char *path),
		      const char *path)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		_exit(become(reader) == 0 && job(path) == 0 ? 0 : 1);
	if (pid < 0)
		return false;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int try_read(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) < 0 ? -1 : 0;
}

static int try_search(const char *path)
{
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS);
}

bool guest_reader_can_read(const struct guest_reader *reader, const char *path)
{
	return run_child(reader, try_read, path);
}

/* The first folder on the way to path that the reader cannot enter, or NULL. */
char *guest_reader_blocked_at(const struct guest_reader *reader, const char *path)
{
	g_auto(GStrv) parts = g_strsplit(path + 1, "/", -1);
	GString *folder = g_string_new(NULL);
	unsigned i;

	for (i = 0; parts[i] && parts[i + 1]; i++) {
		g_string_append_printf(folder, "/%s", parts[i]);
		if (!run_child(reader, try_search, folder->str))
			return g_string_free(folder, FALSE);
	}
	g_string_free(folder, TRUE);
	return NULL;
}

static void prepare_child(void *data)
{
	const struct guest_reader *reader = data;
	const struct rlimit memory = {RUN_MEMORY, RUN_MEMORY};
	const struct rlimit seconds = {RUN_SECONDS, RUN_SECONDS};
	const struct rlimit core = {0, 0};

	setrlimit(RLIMIT_AS, &memory);
	setrlimit(RLIMIT_CPU, &seconds);
	setrlimit(RLIMIT_CORE, &core);
	if (become(reader) < 0)
		_exit(126);
}

int guest_run(const struct guest_reader *reader, const char *const *argv, char **out,
	      char **complaint, GError **error)
{
	/* Its words are read by us and shown to the user: one language, nothing of our settings. */
	char *const environment[] = {"LC_ALL=C.UTF-8", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	g_autoptr(GError) cause = NULL;
	g_autofree char *output = NULL;
	g_autofree char *errors = NULL;
	int status = 0;

	if (!g_spawn_sync("/", (char **)argv, (char **)environment, G_SPAWN_SEARCH_PATH_FROM_ENVP,
			  prepare_child, (void *)reader, &output, &errors, &status, &cause)) {
		g_set_error(error, MULLION_ERROR, MULLION_ERROR_FAILED,
			    "%s cannot be run (%s); on Debian: apt install qemu-utils", argv[0],
			    cause->message);
		return -1;
	}
	if (!WIFEXITED(status)) {
		g_set_error(error, MULLION_ERROR, MULLION_ERROR_INVALID_ARGUMENT,
			    "%s was ended by signal %d: the file is damaged, or needs more than "
			    "%d s to look at",
			    argv[0], WTERMSIG(status), RUN_SECONDS);
		return -1;
	}
	if (out)
		*out = g_steal_pointer(&output);
	if (complaint) {
		*complaint = g_steal_pointer(&errors);
		/* The first line says it; the others are its consequences. */
		g_strdelimit(*complaint, "\n", '\0');
	}
	return WEXITSTATUS(status);
}
