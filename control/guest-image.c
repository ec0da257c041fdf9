/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looks at files that somebody brought: is it there, can QEMU read it, is it what it is said to be,
 * is all of it there, does it reach for other files. Nothing here writes to them.
 */
#include "config.h"

#include "guest-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void explain_unreadable(const struct guest_reader *reader, const char *path, GError **error)
{
	g_autofree char *folder = guest_reader_blocked_at(reader, path);

	if (!reader->other)
		guest_invalid(error, "%s cannot be read by you; chmod u+r %s", path,
			      folder ? folder : path);
	else if (folder)
		guest_invalid(
			error,
			"%s cannot be read by %s, the user that guests run as, because the folder "
			"%s is closed to it; move the file to /var/lib/libvirt/images, or: setfacl "
			"-m u:%s:x %s",
			path, reader->user, folder, reader->user, folder);
	else
		guest_invalid(
			error,
			"%s cannot be read by %s, the user that guests run as; chmod o+r %s, or: "
			"setfacl -m u:%s:r %s",
			path, reader->user, path, reader->user, path);
}

char *guest_image_open(const struct guest_reader *reader, const char *untrusted_path,
		       const char *option, GError **error)
{
	g_autofree char *path = realpath(untrusted_path, NULL);
	struct stat st;

	if (!path || stat(path, &st) < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			g_set_error(error, MULLION_ERROR, MULLION_ERROR_NOT_FOUND,
				    "there is no file %s (given as %s)", untrusted_path, option);
		else
			guest_invalid(error, "%s (given as %s) cannot be opened: %s",
				      untrusted_path, option, g_strerror(errno));
		return NULL;
	}
	if (!g_utf8_validate(path, -1, NULL)) {
		guest_invalid(error,
			      "%s (given as %s) has a name that is not UTF-8, which libvirt cannot "
			      "take; rename it",
			      untrusted_path, option);
		return NULL;
	}
	if (!S_ISREG(st.st_mode)) {
		guest_invalid(error, "%s (given as %s) is %s, not a file", path, option,
			      S_ISDIR(st.st_mode) ? "a folder" : "a device, a pipe or a socket");
		return NULL;
	}
	if (!guest_reader_can_read(reader, path)) {
		explain_unreadable(reader, path, error);
		return NULL;
	}
	if (st.st_size == 0) {
		guest_invalid(error, "%s (given as %s) is empty", path, option);
		return NULL;
	}
	return g_steal_pointer(&path);
}

/* Reads exactly `length` bytes at `offset`; false if they are not there. */
static bool read_at(const char *path, void *buffer, size_t length, off_t offset, off_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	bool done = false;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0) {
		if (size)
			*size = st.st_size;
		done = pread(fd, buffer, length, offset) == (ssize_t)length;
	}
	close(fd);
	return done;
}

static uint32_t little_u32(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Where the last partition of a hybrid image ends, by its master boot record; 0 if it has none. */
static uint64_t partitions_end(const unsigned char record[512])
{
	uint64_t last = 0;
	unsigned i;

	if (record[510] != 0x55 || record[511] != 0xaa)
		return 0;
	for (i = 0; i < 4; i++) {
		const unsigned char *entry = record + 446 + 16 * i;
		uint64_t end = (uint64_t)little_u32(entry + 8) + little_u32(entry + 12);

		/* 0xee stands for a GPT and may claim any size. */
		if (entry[4] != 0xee && (end * 512) > last)
			last = end * 512;
	}
	return last;
}

/*
 * ISO 9660's volume descriptors begin at sector 16, UDF's recognition sequence likewise. The
 * primary descriptor tells the volume's size, which does not cover partitions appended for UEFI.
 * Some writers count padding that they leave out.
 */
bool guest_image_check_iso(const char *path, GError **error)
{
	unsigned char sector[2048], record[512];
	uint64_t expected = 0;
	off_t size = 0;
	unsigned block;

	if (!read_at(path, sector, sizeof(sector), 16 * 2048, &size) ||
	    !read_at(path, record, sizeof(record), 0, NULL) ||
	    (memcmp(sector + 1, "CD001", 5) != 0 && memcmp(sector + 1, "BEA01", 5) != 0 &&
	     memcmp(sector + 1, "NSR0", 4) != 0))
		return guest_invalid(
			error,
			"%s is not a CD or DVD image (ISO 9660 or UDF); if it is a disk, "
			"give it with --disk",
			path);
	if (sector[0] == 1 && memcmp(sector + 1, "CD001", 5) == 0) {
		block = (unsigned)sector[128] | (unsigned)sector[129] << 8;
		expected = (uint64_t)little_u32(sector + 80) * block;
	}
	expected = MAX(expected, partitions_end(record));
	if (expected > (uint64_t)size + (1U << 20)) {
		g_autofree char *have = g_format_size((uint64_t)size);
		g_autofree char *want = g_format_size(expected);

		return guest_invalid(
			error, "%s is cut short: %s of %s are there; download or copy it again",
			path, have, want);
	}
	return true;
}

bool guest_image_check_kernel(const char *path, GError **error)
{
	unsigned char head[0x206];

	/* The boot protocol's header, at its fixed place in every bzImage. */
	if (!read_at(path, head, sizeof(head), 0, NULL) || memcmp(head + 0x202, "HdrS", 4) != 0)
		return guest_invalid(error, "%s is not a Linux kernel (bzImage)", path);
	return true;
}

static const char *find_format(const char *name)
{
	static const char *const formats[] = {"raw", "qcow2", "vmdk", "vdi"};
	size_t i;

	for (i = 0; i < G_N_ELEMENTS(formats); i++)
		if (g_strcmp0(name, formats[i]) == 0)
			return formats[i];
	return NULL;
}

static const char *get_string(JsonObject *object, const char *key)
{
	return json_object_get_string_member_with_default(object, key, NULL);
}

/* Every extent of a vmdk must be the file itself: a text descriptor can name any file. */
static bool vmdk_is_alone(JsonObject *data, const char *path)
{
	JsonArray *extents = json_object_has_member(data, "extents")
				     ? json_object_get_array_member(data, "extents")
				     : NULL;
	unsigned i;

	for (i = 0; extents && i < json_array_get_length(extents); i++) {
		JsonObject *extent = json_array_get_object_element(extents, i);

		if (g_strcmp0(get_string(extent, "filename"), path) != 0)
			return false;
	}
	return extents != NULL;
}

/*
 * An image may name others to read from: a backing file, a data file, extents. A guest must not
 * read a file of this machine because its image says so.
 */
static bool check_alone(JsonObject *info, const char *path, GError **error)
{
	JsonObject *specific = json_object_has_member(info, "format-specific")
				       ? json_object_get_object_member(info, "format-specific")
				       : NULL;
	JsonObject *data = specific && json_object_has_member(specific, "data")
				   ? json_object_get_object_member(specific, "data")
				   : NULL;
	const char *other = get_string(info, "backing-filename");

	if (!other && data)
		other = get_string(data, "data-file");
	if (other)
		return guest_invalid(
			error,
			"%s is only a part: it reads from %s; make it whole with: qemu-img "
			"convert -O qcow2 %s whole.qcow2",
			path, other, path);
	if (g_strcmp0(get_string(info, "format"), "vmdk") == 0 &&
	    (!data || !vmdk_is_alone(data, path)))
		return guest_invalid(
			error,
			"%s is only a part: its data is in other files; make it whole with: "
			"qemu-img convert -O qcow2 %s whole.qcow2",
			path, path);
	return true;
}

/* VDI does not check its own length; its header says where the last allocated block ends. */
static bool check_vdi_length(const char *path, GError **error)
{
	unsigned char head[512];
	uint64_t expected;
	off_t size = 0;

	if (!read_at(path, head, sizeof(head), 0, &size))
		return guest_invalid(error, "%s is cut short: its header is not all there", path);
	expected = little_u32(head + 0x158) +
		   (uint64_t)little_u32(head + 0x178) * little_u32(head + 0x184);
	/* The last block may lie sparse at the end. */
	if ((uint64_t)size + little_u32(head + 0x178) < expected)
		return guest_invalid(error,
				     "%s is cut short: %lld of at least %llu bytes are there; copy "
				     "it again",
				     path, (long long)size, (unsigned long long)expected);
	return true;
}

static bool check_whole(const struct guest_reader *reader, const char *path, const char *format,
			GError **error)
{
	const char *argv[] = {"qemu-img", "check", "-q", "-U", "-f", format, path, NULL};
	g_autofree char *complaint = NULL;
	int status;

	if (g_str_equal(format, "vdi") && !check_vdi_length(path, error))
		return false;
	status = guest_run(reader, argv, NULL, &complaint, error);
	if (status < 0)
		return false;
	/* 3: space that is allocated and not used, which does no harm. */
	if (status != 0 && status != 3)
		return guest_invalid(
			error,
			"%s is damaged or cut short (%s); copy it again, or try: qemu-img "
			"check -r all on a copy",
			path, complaint && *complaint ? complaint : "qemu-img check failed");
	return true;
}

bool guest_image_check_disk(const struct guest_reader *reader, const char *path,
			    const char **format, uint64_t *virtual_size, GError **error)
{
	const char *argv[] = {"qemu-img", "info", "-U", "--output=json", path, NULL};
	g_autoptr(JsonParser) parser = json_parser_new();
	g_autofree char *out = NULL;
	g_autofree char *complaint = NULL;
	unsigned char head[80] = {0};
	JsonNode *root;
	JsonObject *info;
	off_t bytes = 0;
	int64_t size;
	int status;

	/*
	 * Two kinds are all references, and opening them already follows those: the text form of a
	 * vmdk, and a qcow2 with the incompatible feature "external data file".
	 */
	if (read_at(path, head, sizeof(head), 0, &bytes) &&
	    (memcmp(head, "# Disk DescriptorFile", 21) == 0 ||
	     (memcmp(head, "QFI\xfb", 4) == 0 && head[7] >= 3 && (head[79] & 4))))
		return guest_invalid(
			error,
			"%s is only a description of a disk whose data is in other files; "
			"make it whole with: qemu-img convert -O qcow2 %s whole.qcow2",
			path, path);
	status = guest_run(reader, argv, &out, &complaint, error);
	if (status < 0)
		return false;
	if (status != 0)
		return guest_invalid(error, "%s is not a disk image that can be used (%s)", path,
				     complaint);
	if (!json_parser_load_from_data(parser, out, -1, NULL) ||
	    !(root = json_parser_get_root(parser)) || !JSON_NODE_HOLDS_OBJECT(root))
		return guest_invalid(error, "%s: qemu-img info gave an answer that cannot be read",
				     path);
	info = json_node_get_object(root);
	*format = find_format(get_string(info, "format"));
	if (!*format)
		return guest_invalid(
			error,
			"%s is a %s image; qcow2, raw, vmdk and vdi can be used: qemu-img "
			"convert -O qcow2 %s disk.qcow2",
			path, get_string(info, "format"), path);
	if (!check_alone(info, path, error))
		return false;
	size = json_object_get_int_member_with_default(info, "virtual-size", 0);
	if (g_str_equal(*format, "raw")) {
		/* Anything is a raw image to QEMU; a disk at least has whole sectors, and many. */
		if (bytes % 512 != 0 || bytes < 65536)
			return guest_invalid(error,
					     "%s is not a disk image: neither qcow2, vmdk nor vdi, "
					     "and not a whole number of sectors",
					     path);
	} else if (!check_whole(reader, path, *format, error)) {
		return false;
	}
	if (size <= 0)
		return guest_invalid(error, "%s is a disk of no size", path);
	*virtual_size = (uint64_t)size;
	return true;
}
