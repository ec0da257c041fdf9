/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether KVM really runs a guest here. That /dev/kvm opens says little: some machines offer one
 * that runs firmware and then stumbles over the first unusual instruction of a kernel. So the
 * 512-byte guest of guest-probe.S is booted with it. The verdict is kept in the runtime directory
 * until the next boot of this machine.
 */
#include "config.h"

#include "guest-internal.h"
#include "mullion/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROBE_TIMEOUT_MS 8000U
#define PROBE_WORD	 "mullion-probe-passed"

#if defined(__x86_64__) || defined(__i386__)
extern const unsigned char guest_probe_sector[512];
#else
static const unsigned char guest_probe_sector[512];
#endif

/* Reads until the word comes (true), or the end, or the deadline. */
static bool await_word(int fd, unsigned timeout_ms)
{
	int64_t deadline = g_get_monotonic_time() + (int64_t)timeout_ms * 1000;
	g_autoptr(GString) text = g_string_new(NULL);

	while (text->len < 65536) {
		int64_t left = (deadline - g_get_monotonic_time()) / 1000;
		struct pollfd poller = {.fd = fd, .events = POLLIN};
		char buffer[512];
		ssize_t n;

		if (left <= 0)
			return false;
		if (poll(&poller, 1, (int)left) < 0 && errno != EINTR)
			return false;
		if (!poller.revents)
			continue;
		n = read(fd, buffer, sizeof(buffer));
		if (n <= 0)
			return false;
		g_string_append_len(text, buffer, n);
		if (strstr(text->str, PROBE_WORD))
			return true;
	}
	return false;
}

bool guest_probe(const char *accelerator, unsigned timeout_ms, char **why)
{
	g_autofree char *drive = NULL;
	g_autofree char *image = NULL;
	g_autoptr(GError) cause = NULL;
	bool passed = false;
	int image_fd = g_file_open_tmp("mullion-probe-XXXXXX", &image, &cause);
	int out = -1;
	pid_t pid = 0;

	if (image_fd < 0) {
		*why = g_strdup(cause->message);
		return false;
	}
	if (write(image_fd, guest_probe_sector, sizeof(guest_probe_sector)) !=
		    (ssize_t)sizeof(guest_probe_sector) ||
	    ftruncate(image_fd, 1 << 20) < 0) {
		*why = g_strdup_printf("%s cannot be written: %s", image, g_strerror(errno));
		goto out;
	}
	drive = g_strdup_printf("file=%s,format=raw,if=ide,readonly=off,snapshot=on", image);
	{
		const char *argv[] = {"qemu-system-x86_64",
				      "-accel",
				      accelerator,
				      "-M",
				      "pc",
				      "-m",
				      "32",
				      "-nodefaults",
				      "-no-user-config",
				      "-no-reboot",
				      "-display",
				      "none",
				      "-drive",
				      drive,
				      "-chardev",
				      "stdio,id=out",
				      "-device",
				      "isa-debugcon,iobase=0x402,chardev=out",
				      NULL};

		if (!g_spawn_async_with_pipes(NULL, (char **)argv, NULL,
					      G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD |
						      G_SPAWN_STDERR_TO_DEV_NULL,
					      NULL, NULL, &pid, NULL, &out, NULL, &cause)) {
			*why = g_strdup(cause->message);
			goto out;
		}
	}
	passed = await_word(out, timeout_ms);
	if (!passed)
		*why = g_strdup("a small test guest did not get through");
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	close(out);
out:
	close(image_fd);
	g_unlink(image);
	return passed;
}

/* Where the verdict is kept; NULL if the directory is not ours alone. */
static char *cache_path(void)
{
	return mullion_runtime_create(NULL) ? mullion_runtime_path("accelerator") : NULL;
}

static char *boot_id(void)
{
	char *id = NULL;

	if (g_file_get_contents("/proc/sys/kernel/random/boot_id", &id, NULL, NULL))
		return g_strchomp(id);
	return g_strdup("unknown");
}

/* What the device file says at once; NULL if it takes a guest to know. */
static char *look_at_device(void)
{
	if (access("/dev/kvm", F_OK) < 0)
		return g_strdup("there is no /dev/kvm: virtualisation is missing, or switched off "
				"in the firmware's setup");
	if (access("/dev/kvm", R_OK | W_OK) < 0)
		return g_strdup("/dev/kvm is closed to you; join the group kvm "
				"(sudo adduser $USER kvm) and log in anew");
	return NULL;
}

/* The verdict of this boot, from the cache or by a new probe: NULL if KVM works. */
static char *judge_kvm(void)
{
	static GMutex lock;
	g_autofree char *path = NULL, *id = NULL, *text = NULL, *record = NULL, *cause = NULL;
	char *reason = NULL;

	g_mutex_lock(&lock);
	path = cache_path();
	id = boot_id();
	if (path && g_file_get_contents(path, &text, NULL, NULL)) {
		g_auto(GStrv) lines = g_strsplit(text, "\n", 4);

		if (g_strv_length(lines) == 4 && g_str_equal(lines[0], id)) {
			reason = g_str_equal(lines[1], "kvm") ? NULL : g_strdup(lines[2]);
			goto out;
		}
	}
	/* As the guests have it (guest-xml.c). */
	if (!guest_probe("kvm,kernel-irqchip=split", PROBE_TIMEOUT_MS, &cause))
		reason = g_strdup_printf("/dev/kvm is there but runs no guest: %s", cause);
	record = g_strdup_printf("%s\n%s\n%s\n", id, reason ? "tcg" : "kvm", reason ? reason : "");
	if (path)
		g_file_set_contents(path, record, -1, NULL);
out:
	g_mutex_unlock(&lock);
	return reason;
}

const char *guest_accelerator(virConnectPtr conn, char **why)
{
	g_autofree char *reason = NULL;
	const char *verdict;

	if (!guest_is_local(conn))
		reason = g_strdup("libvirt is on another machine");
	if (!reason)
		reason = look_at_device();
	if (!reason)
		reason = judge_kvm();
	verdict = reason ? "tcg" : "kvm";
	if (why)
		*why = g_steal_pointer(&reason);
	return verdict;
}
