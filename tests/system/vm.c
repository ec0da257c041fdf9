/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bare QEMU for tests; see vm.h. */
#include "vm.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define QEMU	    "qemu-system-x86_64"
#define QMP_MS	    20000
#define SECTOR	    512U
#define IMAGE_BYTES (1440U << 10)

uint64_t monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

size_t process_memory(pid_t pid)
{
	char path[64];
	unsigned long pages = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%*u %lu", &pages), 1);
	fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void child_exec(int qmp, int disk, const char *const *arguments)
{
	char chardev[64], drive[128];
	const char *argv[64] = {QEMU,
				"-accel",
				"tcg",
				"-nodefaults",
				"-no-user-config",
				"-display",
				"dbus,p2p=yes",
				"-chardev",
				chardev,
				"-mon",
				"chardev=qmp,mode=control",
				"-drive",
				drive};
	size_t count = 0;

	while (argv[count])
		count++;
	while (*arguments && count < 63)
		argv[count++] = *arguments++;
	snprintf(chardev, sizeof(chardev), "socket,id=qmp,fd=%d", qmp);
	snprintf(drive, sizeof(drive), "if=floppy,format=raw,read-only=on,file=/proc/self/fd/%d",
		 disk);
	fcntl(qmp, F_SETFD, 0);
	fcntl(disk, F_SETFD, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execvp(QEMU, (char *const *)argv);
	perror(QEMU);
	_exit(127);
}

/* The next line QEMU writes. */
static void qmp_line(struct vm *vm, char *line, size_t size)
{
	uint64_t deadline = monotonic_ms() + QMP_MS;

	for (;;) {
		char *end = memchr(vm->buffer, '\n', vm->have);
		struct pollfd poll_fd = {.fd = vm->qmp, .events = POLLIN};
		ssize_t got;

		if (end) {
			size_t length = (size_t)(end - vm->buffer);

			assert_true(length < size);
			memcpy(line, vm->buffer, length);
			line[length] = '\0';
			vm->have -= length + 1;
			memmove(vm->buffer, end + 1, vm->have);
			return;
		}
		assert_true(monotonic_ms() < deadline);
		assert_true(poll(&poll_fd, 1, QMP_MS) == 1);
		got = read(vm->qmp, vm->buffer + vm->have, sizeof(vm->buffer) - vm->have);
		assert_true(got > 0);
		vm->have += (size_t)got;
	}
}

void vm_qmp(struct vm *vm, const char *command, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {(void *)command, strlen(command)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	char line[sizeof(vm->buffer)];

	if (fd >= 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		CMSG_FIRSTHDR(&msg)->cmsg_level = SOL_SOCKET;
		CMSG_FIRSTHDR(&msg)->cmsg_type = SCM_RIGHTS;
		CMSG_FIRSTHDR(&msg)->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), &fd, sizeof(fd));
	}
	assert_int_equal(sendmsg(vm->qmp, &msg, MSG_NOSIGNAL), (ssize_t)strlen(command));
	do
		qmp_line(vm, line, sizeof(line));
	while (!strncmp(line, "{\"timestamp\"", 12)); /* an event */
	if (strncmp(line, "{\"return\"", 9))
		fail_msg("%s: %s", command, line);
}

struct vm *vm_create(const uint8_t *code, size_t code_size, const char *const *arguments)
{
	uint8_t sector[SECTOR] = {0};
	struct vm *vm = calloc(1, sizeof(*vm));
	char greeting[sizeof(vm->buffer)];
	int sockets[2], disk;

	assert_non_null(vm);
	assert_true(code_size <= SECTOR - 2);
	memcpy(sector, code, code_size);
	sector[SECTOR - 2] = 0x55;
	sector[SECTOR - 1] = 0xaa;
	disk = memfd_create("boot", MFD_CLOEXEC);
	assert_true(disk >= 0);
	assert_int_equal(ftruncate(disk, IMAGE_BYTES), 0);
	assert_int_equal(pwrite(disk, sector, SECTOR, 0), SECTOR);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
	vm->pid = fork();
	assert_true(vm->pid >= 0);
	if (vm->pid == 0)
		child_exec(sockets[1], disk, arguments);
	close(sockets[1]);
	close(disk);
	vm->qmp = sockets[0];
	qmp_line(vm, greeting, sizeof(greeting));
	vm_qmp(vm, "{\"execute\":\"qmp_capabilities\"}", -1);
	return vm;
}

void vm_destroy(struct vm *vm)
{
	if (!vm)
		return;
	kill(vm->pid, SIGKILL);
	waitpid(vm->pid, NULL, 0);
	close(vm->qmp);
	free(vm);
}

int vm_display_fd(struct vm *vm)
{
	int sockets[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
	vm_qmp(vm, "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"display\"}}", sockets[1]);
	vm_qmp(vm,
	       "{\"execute\":\"add_client\",\"arguments\":{\"protocol\":\"@dbus-display\","
	       "\"fdname\":\"display\"}}",
	       -1);
	close(sockets[1]);
	return sockets[0];
}

uint8_t *vm_screen(struct vm *vm, uint32_t *width, uint32_t *height)
{
	char path[64], command[256], newline;
	int fd = memfd_create("screen", MFD_CLOEXEC);
	uint8_t *rgb;
	FILE *file;
	size_t size;

	/* QEMU opens it by its name here. */
	assert_true(fd >= 0);
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), fd);
	snprintf(command, sizeof(command),
		 "{\"execute\":\"screendump\",\"arguments\":{\"filename\":\"%s\"}}", path);
	vm_qmp(vm, command, -1);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	file = fdopen(fd, "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "P6 %u %u 255%c", width, height, &newline), 3);
	size = (size_t)*width * *height * 3;
	rgb = malloc(size);
	assert_non_null(rgb);
	assert_int_equal(fread(rgb, 1, size, file), size);
	fclose(file);
	return rgb;
}
