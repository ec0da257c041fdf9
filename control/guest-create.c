/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Making a guest: look at everything first, fill its folder, publish it, tell libvirt. */
#include "config.h"

#include "guest-internal.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the folder's file system must have free besides copies: a sparse disk begins small. */
#define CREATE_MIN_FREE (256ULL << 20)

/* The files that were brought, looked at. */
struct brought {
	char *iso, *disk, *kernel, *initrd;
	const char *disk_format;
	uint64_t disk_size; /* bytes */
	uint64_t copied;    /* bytes that the kernel and initrd will take */
};

static void brought_finish(struct brought *brought)
{
	g_free(brought->iso);
	g_free(brought->disk);
	g_free(brought->kernel);
	g_free(brought->initrd);
}

static uint64_t file_size(const char *path)
{
	struct stat st;

	return path && stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static bool look_at_files(virConnectPtr conn, const struct guest_spec *spec,
			  struct brought *brought, GError **error)
{
	/* Kernel and initrd are copied: it is we who must be able to read them. */
	struct guest_reader self = {.uid = getuid(), .gid = getgid(), .user = NULL};
	struct guest_reader reader;
	bool sound = false;

	guest_reader_init(&reader, conn);
	if (spec->iso) {
		brought->iso = guest_image_open(&reader, spec->iso, "--iso", error);
		if (!brought->iso || !guest_image_check_iso(brought->iso, error))
			goto out;
	}
	if (spec->disk) {
		brought->disk = guest_image_open(&reader, spec->disk, "--disk", error);
		if (!brought->disk ||
		    !guest_image_check_disk(&reader, brought->disk, &brought->disk_format,
					    &brought->disk_size, error))
			goto out;
		if (spec->disk_gib && (uint64_t)spec->disk_gib << 30 < brought->disk_size) {
			guest_invalid(error,
				      "%s holds a disk of %.1f GiB, which cannot be made smaller",
				      brought->disk, (double)brought->disk_size / (1 << 30));
			goto out;
		}
	}
	if (spec->kernel) {
		brought->kernel = guest_image_open(&self, spec->kernel, "--kernel", error);
		if (!brought->kernel || !guest_image_check_kernel(brought->kernel, error))
			goto out;
	}
	if (spec->initrd) {
		brought->initrd = guest_image_open(&self, spec->initrd, "--initrd", error);
		if (!brought->initrd)
			goto out;
	}
	brought->copied = file_size(brought->kernel) + file_size(brought->initrd);
	sound = true;
out:
	guest_reader_finish(&reader);
	return sound;
}

static bool check_machine(virConnectPtr conn, const struct guest_spec *spec, bool uefi,
			  GError **error)
{
	char *type;
	uint64_t present;
	bool known;

	if (!guest_is_local(conn)) {
		g_set_error(error, MULLION_ERROR, MULLION_ERROR_FAILED,
			    "guests are created only on this machine; run mullion on the other one "
			    "to create one there");
		return false;
	}
	type = g_strdup(virConnectGetType(conn));
	known = g_strcmp0(type, "QEMU") == 0;
	if (!known)
		g_set_error(error, MULLION_ERROR, MULLION_ERROR_FAILED,
			    "guests are created on QEMU only, not on %s; see --connect", type);
	g_free(type);
	if (!known)
		return false;
	/* Not virNodeGetInfo(): that knows nothing of memory added while the machine runs. */
	present = (uint64_t)MAX(0, sysconf(_SC_PHYS_PAGES)) *
			  (uint64_t)MAX(0, sysconf(_SC_PAGESIZE)) >>
		  20;
	if (present && spec->memory_mib > present)
		return guest_invalid(error,
				     "the guest is to have %u MiB of memory; this machine has "
				     "%" G_GUINT64_FORMAT,
				     spec->memory_mib, present);
	if (uefi) {
		char *caps = virConnectGetDomainCapabilities(conn, NULL, "x86_64", "q35", NULL, 0);
		bool efi = caps && strstr(caps, "<value>efi</value>");

		free(caps);
		if (!efi)
			return guest_invalid(error, "there is no UEFI firmware on this machine; on "
						    "Debian: apt install ovmf");
	}
	return true;
}

static bool check_new(virConnectPtr conn, const char *name, GError **error)
{
	virDomainPtr dom = virDomainLookupByName(conn, name);

	if (!dom)
		return true;
	g_set_error(error, MULLION_ERROR, MULLION_ERROR_EXISTS,
		    "there is a guest %s already%s; take another name, or delete that one", name,
		    guest_is_ours(dom) ? "" : " (not one of Mullion's)");
	virDomainFree(dom);
	return false;
}

/* qcow2 by qemu-img, which does not look into the base (-u): that has been done. */
static bool make_disk(const struct brought *brought, const char *path, uint64_t size,
		      GError **error)
{
	struct guest_reader self = {.uid = getuid(), .gid = getgid(), .user = NULL};
	g_autofree char *bytes = g_strdup_printf("%" G_GUINT64_FORMAT, size);
	g_autofree char *complaint = NULL;
	const char *argv[13] = {"qemu-img", "create", "-q", "-f", "qcow2"};
	unsigned n = 5;
	int status;

	if (brought->disk) {
		argv[n++] = "-u";
		argv[n++] = "-b";
		argv[n++] = brought->disk;
		argv[n++] = "-F";
		argv[n++] = brought->disk_format;
	}
	argv[n++] = path;
	argv[n] = bytes;
	status = guest_run(&self, argv, NULL, &complaint, error);
	if (status < 0)
		return false;
	if (status != 0) {
		g_set_error(error, MULLION_ERROR,
			    strstr(complaint, "No space left") ? MULLION_ERROR_NO_SPACE
							       : MULLION_ERROR_FAILED,
			    "the disk %s cannot be made: %s", path, complaint);
		return false;
	}
	return true;
}

static void report(guest_progress progress, void *data, const char *what)
{
	if (progress)
		progress(data, what, -1.0);
}

/* Fills the folder `fresh`, whose name will be plan->dir. */
static bool fill(const struct guest_plan *plan, const struct brought *brought, const char *fresh,
		 uint64_t disk_size, guest_progress progress, void *data, GError **error)
{
	g_autofree char *disk = g_build_filename(fresh, "disk.qcow2", NULL);
	g_autofree char *kernel = g_build_filename(fresh, "kernel", NULL);
	g_autofree char *initrd = g_build_filename(fresh, "initrd", NULL);

	(void)plan;
	if (brought->kernel &&
	    !guest_store_copy(brought->kernel, kernel, progress, data, "copying the kernel", error))
		return false;
	if (brought->initrd &&
	    !guest_store_copy(brought->initrd, initrd, progress, data, "copying the initrd", error))
		return false;
	report(progress, data, "making the disk");
	return make_disk(brought, disk, disk_size, error);
}

static char *define(virConnectPtr conn, const struct guest_plan *plan, GError **error)
{
	g_autofree char *xml = guest_xml_write(plan);
	virDomainPtr dom = virDomainDefineXML(conn, xml);

	if (!dom) {
		guest_set_error(error, "libvirt does not take the new guest");
		return NULL;
	}
	virDomainFree(dom);
	return g_strdup(plan->uuid);
}

static unsigned default_vcpus(void)
{
	return MIN(2, (unsigned)MAX(1, g_get_num_processors()));
}

char *guest_create(virConnectPtr conn, const struct guest_spec *spec, guest_progress progress,
		   void *data, GError **error)
{
	const char *os = spec->os ? spec->os : "linux";
	bool windows = g_str_equal(os, "windows");
	bool uefi = spec->firmware ? g_str_equal(spec->firmware, "uefi") : windows;
	unsigned default_gib = windows ? 64 : g_str_equal(os, "linux") ? 20 : 8;
	uint64_t disk_size = (uint64_t)(spec->disk_gib ? spec->disk_gib : default_gib) << 30;
	struct brought brought = {0};
	g_autofree char *uuid = g_uuid_string_random();
	g_autofree char *store = guest_store_path(conn);
	g_autofree char *dir = NULL, *fresh = NULL, *disk = NULL, *kernel = NULL, *initrd = NULL;
	g_autoptr(GPtrArray) infos = NULL;
	struct guest_plan plan;
	char *result = NULL;
	int lock = -1;

	if (!guest_check_spec(spec, error) || !check_machine(conn, spec, uefi, error) ||
	    !check_new(conn, spec->name, error))
		return NULL;
	report(progress, data, "looking at the files");
	if (!look_at_files(conn, spec, &brought, error))
		goto out;
	if (brought.disk && !spec->disk_gib)
		disk_size = brought.disk_size;
	lock = guest_store_lock(store, error);
	if (lock < 0 || !guest_store_check_space(store, CREATE_MIN_FREE + brought.copied, error))
		goto out;
	/* Under the lock: no other creator takes the same slot or name meanwhile. */
	infos = guest_list(conn, error);
	if (!infos || !check_new(conn, spec->name, error))
		goto out;
	dir = g_build_filename(store, spec->name, NULL);
	disk = g_build_filename(dir, "disk.qcow2", NULL);
	kernel = brought.kernel ? g_build_filename(dir, "kernel", NULL) : NULL;
	initrd = brought.initrd ? g_build_filename(dir, "initrd", NULL) : NULL;
	plan = (struct guest_plan){
		.uuid = uuid,
		.name = spec->name,
		.label = spec->label ? spec->label : spec->name,
		.os = os,
		.slot = guest_pick_slot(infos),
		.vcpus = spec->vcpus ? spec->vcpus : default_vcpus(),
		.memory_mib = spec->memory_mib ? spec->memory_mib
			      : windows	       ? 4096
					       : 2048,
		.kvm = g_str_equal(guest_accelerator(conn, NULL), "kvm"),
		.uefi = uefi,
		.secure_boot = uefi && windows,
		.tpm = windows,
		.relabels = guest_is_system(conn),
		.dir = dir,
		.disk = disk,
		.base = brought.disk,
		.base_format = brought.disk_format,
		.iso = brought.iso,
		.kernel = kernel,
		.initrd = initrd,
		.cmdline = spec->cmdline,
	};
	plan.colour =
		spec->colour >= 0 ? (uint32_t)spec->colour : guest_pick_colour(infos, plan.slot);
	fresh = guest_store_new(store, uuid, error);
	if (!fresh)
		goto out;
	if (!fill(&plan, &brought, fresh, disk_size, progress, data, error) ||
	    !guest_store_publish(store, fresh, spec->name, error)) {
		guest_store_remove(fresh, uuid, NULL);
		goto out;
	}
	result = define(conn, &plan, error);
	if (!result)
		guest_store_remove(dir, uuid, NULL);
out:
	if (lock >= 0)
		close(lock);
	brought_finish(&brought);
	return result;
}
