/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pure parts of the guest library: what may be said about a guest, the XML we write and what we
 * make of XML that others wrote; and that the KVM probe passes where nothing is amiss.
 */
#include "config.h"

#include "guest-internal.h"

#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define UUID "6f1c1b0e-9f3a-4c52-8a53-2b1f0c7d9e11"

/* A name becomes a folder and an argument: nothing that climbs, hides or reads as an option. */
static void names_are_safe(void **state)
{
	static const char *const good[] = {"a", "Work", "win11", "a.b_c-d", "0"};
	static const char *const bad[] = {"",	 "-x",	".", "..",   ".hidden", "a/b",
					  "a b", "a\n", "ä", "a\"b", "a<b",	"../a"};
	char longest[66];
	size_t i;

	(void)state;
	for (i = 0; i < G_N_ELEMENTS(good); i++)
		assert_true(guest_check_name(good[i], NULL));
	for (i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = NULL;

		assert_false(guest_check_name(bad[i], &error));
		assert_true(g_error_matches(error, MULLION_ERROR, MULLION_ERROR_INVALID_ARGUMENT));
		assert_null(strpbrk(error->message, "\n\r"));
	}
	assert_false(guest_check_name(NULL, NULL));
	memset(longest, 'a', 65);
	longest[65] = '\0';
	assert_false(guest_check_name(longest, NULL));
	longest[64] = '\0';
	assert_true(guest_check_name(longest, NULL));
}

/* The trusted band shows the label: none may hide, break the line or turn the text around. */
static void labels_show_what_they_say(void **state)
{
	static const char *const good[] = {"Work", "Büro 2", "日本語", "<b>&\"'"};
	static const char *const bad[] = {"",
					  "a\nb",
					  "a\tb",
					  "a\033[2J",
					  "\xe2\x80\xaeko", /* U+202E, right to left */
					  "a\xe2\x80\x8b"
					  "b", /* U+200B, zero width */
					  "a\xe2\x80\xa8"
					  "b", /* U+2028, line separator */
					  "\xc0\xaf",
					  "\xff"};
	g_autofree char *longest = g_strnfill(GUEST_MAX_LABEL, 'x');
	g_autofree char *longer = g_strnfill(GUEST_MAX_LABEL + 1, 'x');
	size_t i;

	(void)state;
	for (i = 0; i < G_N_ELEMENTS(good); i++)
		assert_true(guest_check_label(good[i], NULL));
	for (i = 0; i < G_N_ELEMENTS(bad); i++)
		assert_false(guest_check_label(bad[i], NULL));
	assert_true(guest_check_label(longest, NULL));
	assert_false(guest_check_label(longer, NULL));
}

static void colours_are_six_digits(void **state)
{
	static const char *const bad[] = {"",	     "#",	"3465a4",  "#3465a", "#3465a45",
					  "#3465ag", "# 465a4", "#-00001", "red"};
	uint32_t colour = 0;
	size_t i;

	(void)state;
	assert_true(guest_parse_colour("#3465A4", &colour, NULL));
	assert_int_equal(colour, 0x3465a4);
	for (i = 0; i < G_N_ELEMENTS(bad); i++)
		assert_false(guest_parse_colour(bad[i], &colour, NULL));
	assert_false(guest_parse_colour(NULL, &colour, NULL));
}

static void sizes_carry_units(void **state)
{
	(void)state;
	assert_int_equal(guest_parse_size("2048", 'M'), 2048);
	assert_int_equal(guest_parse_size("2G", 'M'), 2048);
	assert_int_equal(guest_parse_size("2GiB", 'M'), 2048);
	assert_int_equal(guest_parse_size("1T", 'G'), 1024);
	assert_int_equal(guest_parse_size("1m", 'M'), 1);
	assert_int_equal(guest_parse_size("1M", 'G'), 0); /* smaller than the unit */
	assert_int_equal(guest_parse_size("", 'M'), 0);
	assert_int_equal(guest_parse_size("-1", 'M'), 0);
	assert_int_equal(guest_parse_size("3x", 'M'), 0);
	assert_int_equal(guest_parse_size("1Gx", 'M'), 0);
	assert_int_equal(guest_parse_size("99999999999999999999", 'M'), 0);
	assert_int_equal(guest_parse_size("4294967295T", 'M'), 0);
}

static void assert_spec(bool good, const struct guest_spec *spec)
{
	g_autoptr(GError) error = NULL;

	assert_int_equal(guest_check_spec(spec, &error), good);
	assert_int_equal(error == NULL, good);
}

/* What cannot become a guest is refused before anything is touched. */
static void specs_are_checked(void **state)
{
	g_autofree char *cmdline = g_strnfill(GUEST_MAX_CMDLINE + 1, 'x');

	(void)state;
#define SPEC(...) (&(const struct guest_spec){.colour = -1, __VA_ARGS__})
	assert_spec(true, SPEC(.name = "a", .iso = "x"));
	assert_spec(true, SPEC(.name = "a", .iso = "x", .disk = "y"));
	assert_spec(true, SPEC(.name = "a", .kernel = "x", .initrd = "y", .cmdline = "quiet"));
	assert_spec(true, SPEC(.name = "a", .disk = "x", .os = "windows", .firmware = "uefi"));
	assert_spec(false, SPEC(.name = "a"));
	assert_spec(false, SPEC(.iso = "x"));
	assert_spec(false, SPEC(.name = "a/b", .iso = "x"));
	assert_spec(false, SPEC(.name = "a", .iso = "x", .kernel = "y"));
	assert_spec(false, SPEC(.name = "a", .iso = "x", .initrd = "y"));
	assert_spec(false, SPEC(.name = "a", .iso = "x", .cmdline = "y"));
	assert_spec(false, SPEC(.name = "a", .kernel = "x", .cmdline = "a\nb"));
	assert_spec(false, SPEC(.name = "a", .kernel = "x", .cmdline = cmdline));
	assert_spec(false, SPEC(.name = "a", .iso = "x", .os = "bsd"));
	assert_spec(false, SPEC(.name = "a", .iso = "x", .firmware = "coreboot"));
	assert_spec(false, SPEC(.name = "a", .iso = "x", .memory_mib = 1));
	assert_spec(false, SPEC(.name = "a", .iso = "x", .memory_mib = UINT32_MAX));
	assert_spec(false, SPEC(.name = "a", .iso = "x", .vcpus = 65));
	assert_spec(false, SPEC(.name = "a", .iso = "x", .disk_gib = UINT32_MAX));
	assert_spec(false, SPEC(.name = "a", .iso = "x", .label = "a\nb"));
	assert_spec(false, &(const struct guest_spec){.name = "a", .iso = "x", .colour = 1 << 24});
#undef SPEC
}

/* Each guest gets a digit and a colour of its own, for as long as there are any. */
static void slots_and_colours_differ(void **state)
{
	struct guest_info infos[GUEST_MAX_SLOT + 1] = {0};
	g_autoptr(GPtrArray) list = g_ptr_array_new();
	unsigned i, j;

	(void)state;
	for (i = 0; i < GUEST_MAX_SLOT; i++) {
		infos[i].slot = guest_pick_slot(list);
		infos[i].colour = guest_pick_colour(list, infos[i].slot);
		assert_int_equal(infos[i].slot, i + 1);
		for (j = 0; j < i; j++)
			assert_int_not_equal(infos[i].colour, infos[j].colour);
		g_ptr_array_add(list, &infos[i]);
	}
	assert_int_equal(guest_pick_slot(list), 0);
	infos[4].slot = 0; /* gone: its digit is free again */
	assert_int_equal(guest_pick_slot(list), 5);
}

static struct guest_plan plan_for(const char *os)
{
	return (struct guest_plan){.uuid = UUID,
				   .name = "work",
				   .label = "A <&> \"B\" 'C'",
				   .os = os,
				   .slot = 3,
				   .vcpus = 2,
				   .memory_mib = 2048,
				   .colour = 0x0a0b0c,
				   .dir = "/d/work",
				   .disk = "/d/work/disk.qcow2"};
}

/* What is written is read back as it was, whatever characters are in it. */
static void xml_reads_back(void **state)
{
	struct guest_plan plan = plan_for("linux");
	g_autoptr(GPtrArray) files = NULL;
	g_autofree char *xml = NULL;
	g_autofree char *dir = NULL;
	struct guest_info *info;
	bool ours = false;

	(void)state;
	plan.iso = "/tmp/a'b <c> & d.iso";
	xml = guest_xml_write(&plan);
	info = guest_xml_read(xml, &ours, &dir, NULL);
	assert_non_null(info);
	assert_true(ours);
	assert_string_equal(info->id, plan.uuid);
	assert_string_equal(info->name, plan.name);
	assert_string_equal(info->label, plan.label);
	assert_string_equal(info->os, "linux");
	assert_string_equal(info->accelerator, "tcg");
	assert_string_equal(info->firmware, "bios");
	assert_int_equal(info->slot, 3);
	assert_int_equal(info->colour, 0x0a0b0c);
	assert_int_equal(info->vcpus, 2);
	assert_string_equal(dir, "/d/work");
	assert_int_equal(g_strv_length(info->disks), 1);
	assert_string_equal(info->disks[0], plan.disk);
	guest_info_free(info);
	files = guest_xml_files(xml, dir);
	assert_int_equal(files->len, 3); /* disk, cdrom, log */
	assert_string_equal(((struct guest_file *)files->pdata[1])->path, plan.iso);
}

/* Windows has drivers for none of virtio's devices, and version 11 wants a TPM and Secure Boot. */
static void windows_needs_no_drivers(void **state)
{
	struct guest_plan plan = plan_for("windows");
	g_autofree char *xml = NULL;

	(void)state;
	plan.uefi = plan.secure_boot = plan.tpm = true;
	xml = guest_xml_write(&plan);
	assert_null(strstr(xml, "virtio"));
	assert_non_null(strstr(xml, "bus='sata'"));
	assert_non_null(strstr(xml, "e1000e"));
	assert_non_null(strstr(xml, "tpm-crb"));
	assert_non_null(strstr(xml, "enabled='yes' name='secure-boot'"));
	assert_non_null(strstr(xml, "<smm state='on'/>"));
	assert_non_null(strstr(xml, "offset='localtime'"));
	assert_null(strstr(xml, "hyperv")); /* KVM's, and this is emulated */
}

/* libvirt must not take over an image that was brought, where it would; where it cannot (a user's
 * own libvirt) it must not be told so, which it refuses. */
static void brought_images_are_not_relabelled(void **state)
{
	struct guest_plan plan = plan_for("linux");
	g_autoptr(GPtrArray) files = NULL;
	g_autofree char *xml = NULL;
	g_autofree char *own = NULL;
	const struct guest_file *base;

	(void)state;
	plan.base = "/home/u/disk.vmdk";
	plan.base_format = "vmdk";
	plan.relabels = true;
	xml = guest_xml_write(&plan);
	assert_non_null(strstr(xml, "<source file='/home/u/disk.vmdk'>"
				    "<seclabel model='dac' relabel='no'/></source>"));
	files = guest_xml_files(xml, plan.dir);
	base = files->pdata[1];
	assert_string_equal(base->path, plan.base);
	assert_false(base->owned);
	assert_true(((struct guest_file *)files->pdata[0])->owned);
	plan.relabels = false;
	own = guest_xml_write(&plan);
	assert_null(strstr(own, "seclabel"));
}

/* A file that merely lies somewhere below the guest's folder, or beside it, is not ours. */
static void owned_is_directly_in_the_folder(void **state)
{
	static const char xml[] =
		"<domain><devices><disk device='disk'><source file='/d/work/sub/a'/></disk>"
		"<disk device='disk'><source file='/d/work2/a'/></disk>"
		"<disk device='disk'><source file='/d/work/../a'/></disk>"
		"<disk device='disk'><source file='/d/work/a'/></disk></devices></domain>";
	g_autoptr(GPtrArray) files = guest_xml_files(xml, "/d/work");
	g_autoptr(GPtrArray) foreign = guest_xml_files(xml, NULL);
	unsigned i;

	(void)state;
	assert_int_equal(files->len, 4);
	for (i = 0; i < 4; i++) {
		assert_int_equal(((struct guest_file *)files->pdata[i])->owned, i == 3);
		assert_false(((struct guest_file *)foreign->pdata[i])->owned);
	}
}

/* Anyone with virsh can edit our element: nonsense in it must not reach the band. */
static void hostile_metadata_is_replaced(void **state)
{
	static const char xml[] =
		"<domain type='kvm'><name>n</name><uuid>" UUID "</uuid><metadata>"
		"<g:guest xmlns:g='" MULLION_METADATA_URI "' slot='4294967297' label='a&#10;b' "
		"colour='red' os='&lt;x&gt;'/></metadata><memory unit='KiB'>1024</memory></domain>";
	static const char foreign[] = "<domain><name>n</name><uuid>" UUID "</uuid></domain>";
	g_autofree char *dir = NULL;
	g_autofree char *none = NULL;
	g_autoptr(GError) error = NULL;
	struct guest_info *info;
	bool ours = false;

	(void)state;
	info = guest_xml_read(xml, &ours, &dir, NULL);
	assert_non_null(info);
	assert_true(ours);
	assert_null(dir);
	assert_int_equal(info->slot, 0);
	assert_string_equal(info->label, "n");
	assert_string_equal(info->os, "other");
	assert_string_equal(info->accelerator, "kvm");
	assert_int_equal(info->memory_mib, 1);
	guest_info_free(info);
	info = guest_xml_read(foreign, &ours, &none, NULL);
	assert_non_null(info);
	assert_false(ours);
	guest_info_free(info);
	assert_null(guest_xml_read("<domain", &ours, &none, &error));
	assert_non_null(error);
	g_clear_error(&error);
	assert_null(guest_xml_read("<domain/>", &ours, &none, &error));
	assert_non_null(error);
}

/* A guest made where there was KVM still starts where there is none, and the other way round. */
static void accelerator_can_be_changed(void **state)
{
	struct guest_plan plan = plan_for("windows");
	g_autofree char *kvm = NULL;
	g_autofree char *tcg = NULL;
	g_autofree char *back = NULL;

	(void)state;
	plan.kvm = true;
	kvm = guest_xml_write(&plan);
	assert_non_null(strstr(kvm, "hyperv"));
	assert_non_null(strstr(kvm, "<vpindex state='on'/>"));
	assert_non_null(strstr(kvm, "<frequencies state='on'/>"));
	assert_non_null(strstr(kvm, "<ioapic driver='qemu'/>"));
	tcg = guest_xml_set_accelerator(kvm, false);
	assert_non_null(tcg);
	assert_non_null(strstr(tcg, "<domain type=\"qemu\">"));
	assert_null(strstr(tcg, "hyperv"));
	assert_null(strstr(tcg, "host-passthrough"));
	assert_null(strstr(tcg, "ioapic"));
	assert_non_null(strstr(tcg, "mode=\"maximum\""));
	back = guest_xml_set_accelerator(tcg, true);
	assert_non_null(strstr(back, "<domain type=\"kvm\">"));
	assert_non_null(strstr(back, "host-passthrough"));
	assert_non_null(strstr(back, "<ioapic driver=\"qemu\"/>"));
	assert_null(strstr(back, "maximum"));
	assert_null(guest_xml_set_accelerator("<domain", true));
}

/* Whose eyes brought files are looked at with: wrong, and unreadable images would be taken. */
static void owner_is_read_from_capabilities(void **state)
{
	static const char xml[] =
		"<capabilities><host><secmodel><model>none</model></secmodel><secmodel>"
		"<model>dac</model><baselabel type='kvm'>+64055:+108</baselabel></secmodel></host>"
		"</capabilities>";
	uid_t uid = 1;
	gid_t gid = 1;

	(void)state;
	assert_true(guest_xml_read_owner(xml, &uid, &gid));
	assert_int_equal(uid, 64055);
	assert_int_equal(gid, 108);
	assert_false(guest_xml_read_owner("<capabilities><host/></capabilities>", &uid, &gid));
	assert_false(guest_xml_read_owner("no XML", &uid, &gid));
}

/* A kernel that lies on another file system than the guests is copied all the same. */
static void copies_cross_file_systems(void **state)
{
	g_autofree char *from = g_build_filename("/dev/shm", "mullion-test-XXXXXX", NULL);
	g_autofree char *folder = g_dir_make_tmp("mullion-test-XXXXXX", NULL);
	g_autofree char *to = g_build_filename(folder, "copy", NULL);
	g_autofree char *text = NULL;
	int fd = g_mkstemp(from);

	(void)state;
	if (fd < 0)
		skip();
	assert_int_equal(write(fd, "kernel", 6), 6);
	close(fd);
	assert_true(guest_store_copy(from, to, NULL, NULL, "copying", NULL));
	assert_true(g_file_get_contents(to, &text, NULL, NULL));
	assert_string_equal(text, "kernel");
	g_unlink(from);
	g_unlink(to);
	g_rmdir(folder);
}

/* The 512-byte guest itself is sound: if it stumbles, it is not because of a mistake in it. */
static void probe_passes_when_emulated(void **state)
{
	g_autofree char *qemu = g_find_program_in_path("qemu-system-x86_64");
	g_autofree char *why = NULL;
	g_autofree char *reason = NULL;

	(void)state;
	if (!qemu)
		skip();
	assert_true(guest_probe("tcg", 60000, &why));
	assert_null(why);
	assert_false(guest_probe("no-such-accelerator", 60000, &reason));
	assert_non_null(reason);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_safe),
		cmocka_unit_test(labels_show_what_they_say),
		cmocka_unit_test(colours_are_six_digits),
		cmocka_unit_test(sizes_carry_units),
		cmocka_unit_test(specs_are_checked),
		cmocka_unit_test(slots_and_colours_differ),
		cmocka_unit_test(xml_reads_back),
		cmocka_unit_test(windows_needs_no_drivers),
		cmocka_unit_test(brought_images_are_not_relabelled),
		cmocka_unit_test(owned_is_directly_in_the_folder),
		cmocka_unit_test(hostile_metadata_is_replaced),
		cmocka_unit_test(accelerator_can_be_changed),
		cmocka_unit_test(owner_is_read_from_capabilities),
		cmocka_unit_test(copies_cross_file_systems),
		cmocka_unit_test(probe_passes_when_emulated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
