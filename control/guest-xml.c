/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Domain XML: writing ours, reading libvirt's. Pure. */
#include "config.h"

#include "guest-internal.h"

#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>
#include <string.h>

/* One line of XML; every %s is escaped. */
static void put(GString *out, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void put(GString *out, const char *format, ...)
{
	g_autofree char *line = NULL;
	va_list args;

	va_start(args, format);
	line = g_markup_vprintf_escaped(format, args);
	va_end(args);
	g_string_append(out, line);
	g_string_append_c(out, '\n');
}

/*
 * TCG emulates every feature it knows, which a modern system may insist on; but five-level page
 * tables (la57) slow it down and nested virtualisation (svm) is of no use to anyone.
 */
static const char cpu_kvm[] = "<cpu mode='host-passthrough' migratable='on'/>";
static const char cpu_tcg[] = "<cpu mode='maximum'><feature policy='disable' name='la57'/>"
			      "<feature policy='disable' name='svm'/></cpu>";
/* KVM has the local APICs, QEMU the other interrupt controllers: Linux' KVM can do that, and
 * Mullion's core nothing else. */
static const char ioapic_kvm[] = "<ioapic driver='qemu'/>";

static void put_os(GString *out, const struct guest_plan *plan)
{
	put(out, plan->uefi ? "  <os firmware='efi'>" : "  <os>");
	put(out, "    <type arch='x86_64' machine='q35'>hvm</type>");
	if (plan->uefi) {
		const char *secure = plan->secure_boot ? "yes" : "no";

		put(out,
		    "    <firmware><feature enabled='%s' name='enrolled-keys'/>"
		    "<feature enabled='%s' name='secure-boot'/></firmware>",
		    secure, secure);
		put(out, "    <nvram>%s/nvram.fd</nvram>", plan->dir);
	}
	if (plan->kernel)
		put(out, "    <kernel>%s</kernel>", plan->kernel);
	if (plan->initrd)
		put(out, "    <initrd>%s</initrd>", plan->initrd);
	if (plan->cmdline)
		put(out, "    <cmdline>%s</cmdline>", plan->cmdline);
	put(out, "  </os>");
}

static void put_features(GString *out, const struct guest_plan *plan, bool windows)
{
	put(out, "  <features>\n    <acpi/>\n    <apic/>");
	if (plan->kvm)
		g_string_append_printf(out, "    %s\n", ioapic_kvm);
	if (windows && plan->kvm)
		put(out, "    <hyperv mode='custom'><relaxed state='on'/><vapic state='on'/>"
			 "<spinlocks state='on' retries='8191'/><vpindex state='on'/>"
			 "<frequencies state='on'/></hyperv>");
	if (plan->secure_boot)
		put(out, "    <smm state='on'/>");
	put(out, "  </features>");
	g_string_append_printf(out, "  %s\n", plan->kvm ? cpu_kvm : cpu_tcg);
	put(out, "  <clock offset='%s'>", windows ? "localtime" : "utc");
	put(out, "    <timer name='rtc' tickpolicy='catchup'/>");
	put(out,
	    "    <timer name='pit' tickpolicy='delay'/>\n    <timer name='hpet' present='%s'/>",
	    windows ? "yes" : "no");
	if (windows && plan->kvm)
		put(out, "    <timer name='hypervclock' present='yes'/>");
	put(out, "  </clock>");
}

/* A brought image stays as it is, its owner included: libvirt is told not to relabel it. */
static void put_brought(GString *out, const struct guest_plan *plan, const char *path)
{
	if (plan->relabels)
		put(out, "      <source file='%s'><seclabel model='dac' relabel='no'/></source>",
		    path);
	else
		put(out, "      <source file='%s'/>", path);
}

static void put_disks(GString *out, const struct guest_plan *plan, bool virtio)
{
	put(out, "    <disk type='file' device='disk'>");
	put(out, "      <driver name='qemu' type='qcow2' discard='unmap'/>");
	put(out, "      <source file='%s'/>", plan->disk);
	if (plan->base) {
		put(out, "      <backingStore type='file'>\n      <format type='%s'/>",
		    plan->base_format);
		put_brought(out, plan, plan->base);
		put(out, "      <backingStore/>\n      </backingStore>");
	}
	put(out, "      <target dev='%s' bus='%s'/>", virtio ? "vda" : "sda",
	    virtio ? "virtio" : "sata");
	put(out, "      <boot order='1'/>\n    </disk>");
	if (!plan->iso)
		return;
	put(out, "    <disk type='file' device='cdrom'>");
	put(out, "      <driver name='qemu' type='raw'/>");
	put_brought(out, plan, plan->iso);
	put(out,
	    "      <target dev='sdb' bus='sata'/>\n      <readonly/>\n      <boot order='2'/>");
	put(out, "    </disk>");
}

static void put_devices(GString *out, const struct guest_plan *plan, bool virtio)
{
	put(out, "  <devices>");
	put_disks(out, plan, virtio);
	put(out, "    <controller type='usb' model='qemu-xhci' ports='15'/>");
	put(out, "    <interface type='user'><model type='%s'/></interface>",
	    virtio ? "virtio" : "e1000e");
	put(out, "    <serial type='pty'><log file='%s/serial.log' append='on'/></serial>",
	    plan->dir);
	/* No USB keyboard: QEMU would send the keys there alone once firmware has configured it,
	 * and a guest without a USB driver would get none. The PC's own (PS/2) reaches every guest.
	 */
	put(out, "    <input type='tablet' bus='usb'/>");
	if (plan->tpm)
		put(out, "    <tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>");
	put(out, "    <graphics type='dbus' p2p='yes'><audio id='1'/></graphics>");
	put(out, "    <sound model='ich9'><codec type='duplex'/><audio id='1'/></sound>");
	put(out, "    <audio id='1' type='dbus'/>");
	/* virtio follows the window's size; the others get what every system has a driver for. */
	if (virtio)
		put(out, "    <video><model type='virtio' heads='1' primary='yes'/></video>");
	else
		put(out, "    <video><model type='vga' vram='32768' heads='1' primary='yes'/>"
			 "</video>");
	if (virtio)
		put(out, "    <memballoon model='virtio'/>");
	else
		put(out, "    <memballoon model='none'/>");
	if (virtio)
		put(out, "    <rng model='virtio'><backend model='random'>/dev/urandom</backend>"
			 "</rng>");
	put(out, "  </devices>");
}

char *guest_xml_write(const struct guest_plan *plan)
{
	bool windows = g_str_equal(plan->os, "windows");
	bool virtio = g_str_equal(plan->os, "linux");
	GString *out = g_string_new(NULL);

	put(out, "<domain type='%s'>", plan->kvm ? "kvm" : "qemu");
	put(out, "  <name>%s</name>\n  <uuid>%s</uuid>", plan->name, plan->uuid);
	put(out,
	    "  <metadata><mullion:guest xmlns:mullion='" MULLION_METADATA_URI "' slot='%u' "
	    "label='%s' colour='#%06x' os='%s' dir='%s'/></metadata>",
	    plan->slot, plan->label, plan->colour, plan->os, plan->dir);
	put(out, "  <memory unit='MiB'>%u</memory>\n  <vcpu>%u</vcpu>", plan->memory_mib,
	    plan->vcpus);
	put_os(out, plan);
	put_features(out, plan, windows);
	put(out, "  <on_poweroff>destroy</on_poweroff>\n  <on_reboot>restart</on_reboot>");
	put(out, "  <on_crash>destroy</on_crash>");
	put_devices(out, plan, virtio);
	put(out, "</domain>");
	return g_string_free(out, FALSE);
}

/* A parsed document with a cursor for XPath. */
struct doc {
	xmlDoc *doc;
	xmlXPathContext *xpath;
};

static void doc_finish(struct doc *doc)
{
	if (doc->xpath)
		xmlXPathFreeContext(doc->xpath);
	if (doc->doc)
		xmlFreeDoc(doc->doc);
}

static bool doc_init(struct doc *doc, const char *xml)
{
	*doc = (struct doc){0};
	if (strlen(xml) < G_MAXINT)
		doc->doc = xmlReadMemory(xml, (int)strlen(xml), NULL, NULL,
					 XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	if (doc->doc)
		doc->xpath = xmlXPathNewContext(doc->doc);
	if (!doc->xpath) {
		doc_finish(doc);
		return false;
	}
	xmlXPathRegisterNs(doc->xpath, BAD_CAST "m", BAD_CAST MULLION_METADATA_URI);
	return true;
}

/* The text that an expression gives below `from` (NULL: the document), or NULL if it gives none. */
static char *doc_text(struct doc *doc, xmlNode *from, const char *path)
{
	xmlXPathObject *object;
	char *text = NULL;

	doc->xpath->node = from ? from : xmlDocGetRootElement(doc->doc);
	object = xmlXPathEvalExpression(BAD_CAST path, doc->xpath);
	if (object && object->nodesetval && object->nodesetval->nodeNr > 0) {
		xmlChar *value = xmlNodeGetContent(object->nodesetval->nodeTab[0]);

		text = g_strdup((const char *)value);
		xmlFree(value);
	}
	xmlXPathFreeObject(object);
	return text;
}

static uint64_t doc_number(struct doc *doc, const char *path)
{
	g_autofree char *text = doc_text(doc, NULL, path);

	return text ? g_ascii_strtoull(text, NULL, 10) : 0;
}

/* Calls each(data, node) for every node that the expression gives. */
static void doc_each(struct doc *doc, const char *path,
		     void (*each)(struct doc *doc, xmlNode *node, void *data), void *data)
{
	xmlXPathObject *object;
	int i;

	doc->xpath->node = xmlDocGetRootElement(doc->doc);
	object = xmlXPathEvalExpression(BAD_CAST path, doc->xpath);
	if (object && object->nodesetval)
		for (i = 0; i < object->nodesetval->nodeNr; i++)
			each(doc, object->nodesetval->nodeTab[i], data);
	xmlXPathFreeObject(object);
}

static void add_disk(struct doc *doc, xmlNode *node, void *data)
{
	char *path = doc_text(doc, node, "./source/@file");

	if (path)
		g_strv_builder_add(data, path);
	g_free(path);
}

/* Our element may have been edited by anyone with virsh: what does not hold up is replaced. */
static void read_metadata(struct doc *doc, struct guest_info *info, char **dir)
{
	g_autofree char *label = doc_text(doc, NULL, "./metadata/m:guest/@label");
	g_autofree char *colour = doc_text(doc, NULL, "./metadata/m:guest/@colour");
	g_autofree char *os = doc_text(doc, NULL, "./metadata/m:guest/@os");
	uint64_t slot = doc_number(doc, "./metadata/m:guest/@slot");

	info->label = g_strdup(guest_check_label(label, NULL) ? label : info->name);
	if (!guest_parse_colour(colour, &info->colour, NULL))
		info->colour = 0x888888;
	info->os = g_strdup(
		os && (g_str_equal(os, "linux") || g_str_equal(os, "windows")) ? os : "other");
	info->slot = slot <= GUEST_MAX_SLOT ? (unsigned)slot : 0;
	*dir = doc_text(doc, NULL, "./metadata/m:guest/@dir");
}

static bool has_node(struct doc *doc, const char *path)
{
	g_autofree char *text = doc_text(doc, NULL, path);

	return text != NULL;
}

struct guest_info *guest_xml_read(const char *xml, bool *ours, char **dir, GError **error)
{
	struct guest_info *info = NULL;
	GStrvBuilder *disks = NULL;
	g_autofree char *type = NULL;
	struct doc doc;

	*dir = NULL;
	if (!doc_init(&doc, xml)) {
		g_set_error(error, MULLION_ERROR, MULLION_ERROR_FAILED,
			    "libvirt's description of the guest cannot be read");
		return NULL;
	}
	info = g_new0(struct guest_info, 1);
	info->id = doc_text(&doc, NULL, "/domain/uuid");
	info->name = doc_text(&doc, NULL, "/domain/name");
	if (!info->id || !info->name) {
		g_set_error(error, MULLION_ERROR, MULLION_ERROR_FAILED,
			    "libvirt's description of the guest has no name or no UUID");
		g_clear_pointer(&info, guest_info_free);
		goto out;
	}
	*ours = has_node(&doc, "./metadata/m:guest");
	read_metadata(&doc, info, dir);
	info->vcpus = (unsigned)MIN(doc_number(&doc, "./vcpu"), G_MAXUINT);
	info->memory_mib = doc_number(&doc, "./memory") / 1024; /* libvirt writes KiB */
	type = doc_text(&doc, NULL, "/domain/@type");
	info->accelerator = g_strdup(g_strcmp0(type, "kvm") == 0 ? "kvm" : "tcg");
	info->firmware = g_strdup(has_node(&doc, "./os/@firmware") ||
						  has_node(&doc, "./os/loader[@type='pflash']")
					  ? "uefi"
					  : "bios");
	disks = g_strv_builder_new();
	doc_each(&doc, "./devices/disk[@device='disk' and not(readonly)]", add_disk, disks);
	info->disks = g_strv_builder_end(disks);
	g_strv_builder_unref(disks);
	info->snapshots = g_new0(char *, 1);
out:
	doc_finish(&doc);
	return info;
}

static void guest_file_free(void *data)
{
	struct guest_file *file = data;

	g_free(file->path);
	g_free(file->role);
	g_free(file);
}

struct file_scan {
	GPtrArray *files;
	const char *dir, *role;
};

static void add_file(struct file_scan *scan, char *path)
{
	struct guest_file *file;
	g_autofree char *parent = path ? g_path_get_dirname(path) : NULL;

	if (!path)
		return;
	file = g_new0(struct guest_file, 1);
	file->path = path;
	file->role = g_strdup(scan->role);
	file->size = -1;
	file->allocated = -1;
	file->owned = g_strcmp0(parent, scan->dir) == 0;
	g_ptr_array_add(scan->files, file);
}

static void scan_node(struct doc *doc, xmlNode *node, void *data)
{
	(void)doc;
	xmlChar *value = xmlNodeGetContent(node);

	add_file(data, g_strdup((const char *)value));
	xmlFree(value);
}

GPtrArray *guest_xml_files(const char *xml, const char *dir)
{
	static const struct {
		const char *role, *path;
	} kinds[] = {
		{"disk", "./devices/disk[@device='disk']/source/@file"},
		{"disk", "./devices/disk[@device='disk']//backingStore/source/@file"},
		{"cdrom", "./devices/disk[@device='cdrom']/source/@file"},
		{"kernel", "./os/kernel"},
		{"initrd", "./os/initrd"},
		{"nvram", "./os/nvram"},
		{"log", "./devices/serial/log/@file"},
	};
	struct file_scan scan = {.files = g_ptr_array_new_with_free_func(guest_file_free),
				 .dir = dir};
	struct doc doc;
	size_t i;

	if (!doc_init(&doc, xml))
		return scan.files;
	for (i = 0; i < G_N_ELEMENTS(kinds); i++) {
		scan.role = kinds[i].role;
		doc_each(&doc, kinds[i].path, scan_node, &scan);
	}
	doc_finish(&doc);
	return scan.files;
}

static void remove_node(struct doc *doc, xmlNode *node, void *data)
{
	(void)doc;
	(void)data;
	xmlUnlinkNode(node);
	xmlFreeNode(node);
}

/* Parses `xml` into the last place below `node`. */
static bool append_node(xmlNode *node, const char *xml)
{
	xmlNode *fresh = NULL;

	return node &&
	       xmlParseInNodeContext(node, xml, (int)strlen(xml), 0, &fresh) == XML_ERR_OK &&
	       fresh && xmlAddChild(node, fresh);
}

static void add_ioapic(struct doc *doc, xmlNode *node, void *data)
{
	bool *added = data;

	(void)doc;
	*added = append_node(node, ioapic_kvm);
}

char *guest_xml_set_accelerator(const char *xml, bool kvm)
{
	bool has_ioapic = true;
	char *result = NULL;
	xmlChar *text = NULL;
	struct doc doc;
	int length = 0;

	if (!doc_init(&doc, xml))
		return NULL;
	xmlSetProp(xmlDocGetRootElement(doc.doc), BAD_CAST "type", BAD_CAST(kvm ? "kvm" : "qemu"));
	doc_each(&doc, "./cpu", remove_node, NULL);
	doc_each(&doc, "./features/ioapic", remove_node, NULL);
	if (kvm)
		doc_each(&doc, "./features", add_ioapic, &has_ioapic);
	/* Windows' enlightenments are KVM's. */
	if (!kvm) {
		doc_each(&doc, "./features/hyperv", remove_node, NULL);
		doc_each(&doc, "./clock/timer[@name='hypervclock']", remove_node, NULL);
	}
	if (has_ioapic && append_node(xmlDocGetRootElement(doc.doc), kvm ? cpu_kvm : cpu_tcg)) {
		xmlDocDumpMemory(doc.doc, &text, &length);
		result = g_strndup((const char *)text, (gsize)length);
		xmlFree(text);
	}
	doc_finish(&doc);
	return result;
}

bool guest_xml_read_owner(const char *capabilities, uid_t *uid, gid_t *gid)
{
	g_autofree char *label = NULL;
	bool found = false;
	unsigned u, g;
	struct doc doc;

	if (!doc_init(&doc, capabilities))
		return false;
	label = doc_text(&doc, NULL, "./host/secmodel[model='dac']/baselabel[@type='kvm']");
	if (label && sscanf(label, "+%u:+%u", &u, &g) == 2) {
		*uid = u;
		*gid = g;
		found = true;
	}
	doc_finish(&doc);
	return found;
}
