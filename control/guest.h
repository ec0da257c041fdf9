/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guests: everything the command line and the control daemon can do with one, on libvirt. A guest
 * is a libvirt domain with our element in its <metadata>; domains without it are left alone by
 * everything but guest_find() with a UUID.
 *
 *   <metadata><mullion:guest xmlns:mullion="urn:mullion:guest:1" slot="1" label="Work"
 * colour="#3465a4" os="linux"/></metadata>
 *
 * All functions block on libvirt and may be called from any thread; none keeps state between calls.
 * Errors are MULLION_ERROR with a message for the user: what, which guest or file, and the way out.
 */
#ifndef CONTROL_GUEST_H
#define CONTROL_GUEST_H

#include <glib.h>
#include <libvirt/libvirt.h>
#include <stdbool.h>
#include <stdint.h>

#define MULLION_METADATA_URI "urn:mullion:guest:1"
#define GUEST_MAX_SLOT	     9U
#define GUEST_MAX_LABEL	     64U /* characters */

#define MULLION_ERROR mullion_error_quark()
GQuark mullion_error_quark(void);
enum mullion_error {
	MULLION_ERROR_FAILED,
	MULLION_ERROR_NOT_FOUND,
	MULLION_ERROR_EXISTS,
	MULLION_ERROR_INVALID_ARGUMENT,
	MULLION_ERROR_NOT_AVAILABLE, /* libvirt cannot be reached */
	MULLION_ERROR_NO_SPACE,
};

enum guest_state { GUEST_OFF, GUEST_RUNNING, GUEST_PAUSED, GUEST_SLEEPING, GUEST_CRASHED };
const char *guest_state_name(enum guest_state state); /* "off", "running", ... */

struct guest_info {
	char *id;   /* libvirt UUID */
	char *name; /* libvirt name */
	char *label;
	char *os; /* "linux", "windows", "other" */
	unsigned slot;
	uint32_t colour; /* 0xRRGGBB */
	enum guest_state state;
	unsigned vcpus;
	uint64_t memory_mib;
	char *accelerator; /* "kvm", "tcg" */
	char *firmware;	   /* "bios", "uefi" */
	GStrv snapshots;   /* oldest first */
	GStrv disks;	   /* paths of writable disks */
};
void guest_info_free(struct guest_info *info); /* NULL is fine */

/* uri NULL: qemu:///system for root, else qemu:///session. Close with virConnectClose(). Needs
 * guest_init() once before. */
virConnectPtr guest_connect(const char *uri, GError **error);
void guest_init(void); /* registers libvirt's event loop on the GLib main context, and silences its
			  stderr */

/* Our guests, by slot then name; elements struct guest_info, freed with the array. */
GPtrArray *guest_list(virConnectPtr conn, GError **error);
struct guest_info *guest_get_info(virDomainPtr dom, GError **error);
/* By name, label or UUID. virDomainFree() the result. */
virDomainPtr guest_find(virConnectPtr conn, const char *name, GError **error);
bool guest_is_ours(virDomainPtr dom);

struct guest_spec {
	const char *name; /* 1..64 of A-Z a-z 0-9 . _ - */
	const char *iso, *disk, *kernel, *initrd, *cmdline;
	const char *os, *firmware, *label;    /* NULL: default */
	unsigned memory_mib, vcpus, disk_gib; /* 0: default */
	int64_t colour;			      /* -1: next free of the palette */
};
typedef void (*guest_progress)(void *data, const char *what,
			       double fraction); /* fraction < 0: unknown */
/* Checks everything before it writes anything; on failure nothing is left behind. Returns the UUID.
 */
char *guest_create(virConnectPtr conn, const struct guest_spec *spec, guest_progress progress,
		   void *data, GError **error);

gboolean guest_start(virDomainPtr dom, GError **error);
#define GUEST_STOP_TIMEOUT_S 60U /* what a guest gets to shut down, if nobody says */
/* Asks by ACPI; after timeout_s without effect (or at once with 0) pulls the plug. */
gboolean guest_stop(virDomainPtr dom, unsigned timeout_s, GError **error);
gboolean guest_pause(virDomainPtr dom, GError **error);
gboolean guest_resume(virDomainPtr dom, GError **error); /* from paused or sleeping */
gboolean guest_snapshot(virDomainPtr dom, const char *name,
			GError **error); /* name NULL: the time */
gboolean guest_revert(virDomainPtr dom, const char *name,
		      GError **error); /* name NULL: the newest */
gboolean guest_delete(virDomainPtr dom, GError **error);

struct guest_file {
	char *path, *role; /* role: "disk", "cdrom", "kernel", "initrd", "nvram", "tpm", "log",
			      "definition" */
	int64_t size, allocated; /* bytes; -1 unknown */
	bool owned;		 /* made by Mullion: `delete` removes it */
};
GPtrArray *guest_files(virDomainPtr dom,
		       GError **error); /* of struct guest_file, freed with the array */

/* "kvm" if a guest really runs with it here, else "tcg" and, in *why, the reason. */
const char *guest_accelerator(virConnectPtr conn, char **why);

#endif
