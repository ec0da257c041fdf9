/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the guest library share with each other, with their tests and (the checks) with
 * the command line; nobody else includes this. What says "pure" touches neither libvirt nor the
 * file system.
 */
#ifndef CONTROL_GUEST_INTERNAL_H
#define CONTROL_GUEST_INTERNAL_H

#include "guest.h"

#include <gio/gio.h>
#include <sys/types.h>

/* Disk sizes and memory a guest gets when nobody says. */
#define GUEST_MIN_MEMORY_MIB 32U
#define GUEST_MAX_MEMORY_MIB (4U << 20) /* 4 TiB */
#define GUEST_MAX_VCPUS	     64U
#define GUEST_MAX_DISK_GIB   65536U
#define GUEST_MAX_CMDLINE    2047U /* what Linux on x86 takes */
#define GUEST_PALETTE_SIZE   9U

extern const uint32_t guest_palette[GUEST_PALETTE_SIZE];

/* guest-check.c, pure: false and *error (INVALID_ARGUMENT) if the text cannot be used. */
bool guest_check_name(const char *untrusted_name, GError **error);
/* Sets MULLION_ERROR_INVALID_ARGUMENT and returns false, so that a check can end with it. */
bool guest_invalid(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
bool guest_check_label(const char *untrusted_label, GError **error);
bool guest_parse_colour(const char *untrusted_text, uint32_t *colour, GError **error);
bool guest_check_spec(const struct guest_spec *untrusted_spec, GError **error);
/* "2048", "2048M" or "2G" in MiB; "20" or "1T" in GiB with unit 'G'. 0 if it is no such size. */
unsigned guest_parse_size(const char *untrusted_text, char unit);
/* The lowest free slot among infos (struct guest_info), 0 if none is; the first unused colour. */
unsigned guest_pick_slot(const GPtrArray *infos);
uint32_t guest_pick_colour(const GPtrArray *infos, unsigned slot);

/* Everything about a new guest, decided. */
struct guest_plan {
	const char *uuid, *name, *label, *os;
	unsigned slot, vcpus, memory_mib;
	uint32_t colour;
	bool kvm, uefi, secure_boot, tpm;
	bool relabels;	  /* libvirt would give files to QEMU's user: not those that were brought */
	const char *dir;  /* all that we make for the guest lies here */
	const char *disk; /* qcow2 in dir */
	const char *base, *base_format; /* the brought image below it, or NULL */
	const char *iso;		/* or NULL */
	const char *kernel, *initrd, *cmdline;
};

/* guest-xml.c, pure. */
char *guest_xml_write(const struct guest_plan *plan);
/* Fills everything but state and snapshots; false with *error if it is not a domain we can read.
 * *dir is the guest's directory from the metadata, or NULL. A domain without our element gives
 * *ours = false, slot 0, its name as the label and grey. */
struct guest_info *guest_xml_read(const char *xml, bool *ours, char **dir, GError **error);
/* struct guest_file with size and allocated -1. The backing images that the XML names are in it. */
GPtrArray *guest_xml_files(const char *xml, const char *dir);
/* The same domain for another accelerator. */
char *guest_xml_set_accelerator(const char *xml, bool kvm);
/* The DAC label's uid and gid out of a capabilities document; false if it names none. */
bool guest_xml_read_owner(const char *capabilities, uid_t *uid, gid_t *gid);

/* guest.c */
void guest_set_error(GError **error, const char *what); /* from libvirt's last error */
bool guest_is_local(virConnectPtr conn);  /* files that we see are the files that libvirt sees */
bool guest_is_system(virConnectPtr conn); /* QEMU runs as another user than us */
bool guest_read(virDomainPtr dom, struct guest_info **info, char **dir, GError **error);

/* guest-run.c: acting as the user that QEMU runs as. */
struct guest_reader {
	bool other; /* QEMU runs as uid:gid, else as ourselves */
	uid_t uid;
	gid_t gid;
	char *user; /* its name for messages */
};
void guest_reader_init(struct guest_reader *reader, virConnectPtr conn);
void guest_reader_finish(struct guest_reader *reader);
bool guest_reader_can_read(const struct guest_reader *reader, const char *path);
/* The first folder on the way to the absolute path that the reader cannot enter, or NULL. */
char *guest_reader_blocked_at(const struct guest_reader *reader, const char *path);
/* Runs a program (qemu-img) with little memory and time, as the reader; stdout to *out, the first
 * line of its stderr to *complaint (both may be NULL). Returns the exit status, or -1 with *error.
 */
int guest_run(const struct guest_reader *reader, const char *const *argv, char **out,
	      char **complaint, GError **error);

/* guest-image.c: looks at files that somebody brought. */
/* `option` is what the file was given as, for messages. Returns the absolute path, or NULL. */
char *guest_image_open(const struct guest_reader *reader, const char *untrusted_path,
		       const char *option, GError **error);
bool guest_image_check_iso(const char *path, GError **error);
/* format: static string; virtual_size: bytes. */
bool guest_image_check_disk(const struct guest_reader *reader, const char *path,
			    const char **format, uint64_t *virtual_size, GError **error);
bool guest_image_check_kernel(const char *path, GError **error);

/* guest-store.c: our directory of guests. One creator or remover at a time. */
char *guest_store_path(virConnectPtr conn); /* the directory; not created */
/* Opens (and creates) the directory and locks it; release by close(). -1 with *error. */
int guest_store_lock(const char *store, GError **error);
char *guest_store_new(const char *store, const char *uuid, GError **error);
bool guest_store_publish(const char *store, const char *fresh, const char *name, GError **error);
/* Removes a directory of ours: only if its marker names this guest (uuid NULL: any). */
bool guest_store_remove(const char *dir, const char *uuid, GError **error);
bool guest_store_owns(const char *dir, const char *uuid);
bool guest_store_copy(const char *from, const char *to, guest_progress progress, void *data,
		      const char *what, GError **error);
bool guest_store_check_space(const char *store, uint64_t needed, GError **error);

/* guest-snapshot.c: names, oldest first. */
GStrv guest_snapshot_list(virDomainPtr dom, const char *dir);

/* guest-offline.c: snapshots of guests that libvirt's own cannot do (UEFI). Names oldest first. */
GStrv guest_offline_list(const char *dir);
gboolean guest_offline_snapshot(virDomainPtr dom, const struct guest_info *info, const char *dir,
				const char *name, GError **error);
gboolean guest_offline_revert(virDomainPtr dom, const struct guest_info *info, const char *dir,
			      const char *name, GError **error);

/* guest-accel.c */
/* Boots a guest of 512 bytes with this accelerator; true if it got through. */
bool guest_probe(const char *accelerator, unsigned timeout_ms, char **why);

#endif
