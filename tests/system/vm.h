/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bare QEMU for tests: started with a QMP monitor on an inherited socket, and killed with the
 * test that started it. Every call fails the cmocka test if it does not succeed in time.
 */
#ifndef TESTS_SYSTEM_VM_H
#define TESTS_SYSTEM_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct vm {
	pid_t pid;
	int qmp;
	char buffer[8192];
	size_t have;
};

/* A PC under TCG that boots from the sector (at most 510 bytes of code), with these further
 * arguments (NULL at the end). No devices but the board's and the arguments'. */
struct vm *vm_create(const uint8_t *code, size_t code_size, const char *const *arguments);
void vm_destroy(struct vm *vm); /* kills it; NULL is fine */

/* One command, as JSON; fd is passed along, -1: none. */
void vm_qmp(struct vm *vm, const char *command, int fd);
/* A new connection to the VM's D-Bus display. */
int vm_display_fd(struct vm *vm);

/* The guest's screen by QEMU's own screenshot: rows of 3 bytes a pixel, to be freed. */
uint8_t *vm_screen(struct vm *vm, uint32_t *width, uint32_t *height);

/* Common tools of tests with processes. */
uint64_t monotonic_ms(void);
size_t process_memory(pid_t pid); /* bytes resident */

#endif
