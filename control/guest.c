/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guests: reaching libvirt, listing, finding, starting and stopping. */
#include "config.h"

#include "guest-internal.h"

#include <libvirt/virterror.h>
#include <string.h>
#include <unistd.h>

G_DEFINE_QUARK(org.mullion.Error, mullion_error)

const char *guest_state_name(enum guest_state state)
{
	static const char *const names[] = {
		[GUEST_OFF] = "off",	     [GUEST_RUNNING] = "running",
		[GUEST_PAUSED] = "paused",   [GUEST_SLEEPING] = "sleeping",
		[GUEST_CRASHED] = "crashed",
	};

	return names[state];
}

void guest_info_free(struct guest_info *info)
{
	if (!info)
		return;
	g_free(info->id);
	g_free(info->name);
	g_free(info->label);
	g_free(info->os);
	g_free(info->accelerator);
	g_free(info->firmware);
	g_strfreev(info->snapshots);
	g_strfreev(info->disks);
	g_free(info);
}

static enum mullion_error error_code(const virError *last)
{
	if (!last)
		return MULLION_ERROR_FAILED;
	switch (last->code) {
	case VIR_ERR_NO_DOMAIN:
	case VIR_ERR_NO_DOMAIN_SNAPSHOT:
		return MULLION_ERROR_NOT_FOUND;
	case VIR_ERR_DOM_EXIST:
		return MULLION_ERROR_EXISTS;
	case VIR_ERR_NO_CONNECT:
	case VIR_ERR_INVALID_CONN:
	case VIR_ERR_AUTH_FAILED:
	case VIR_ERR_AUTH_CANCELLED:
	case VIR_ERR_AUTH_UNAVAILABLE:
		return MULLION_ERROR_NOT_AVAILABLE;
	default:
		break;
	}
	if (last->domain == VIR_FROM_RPC || last->domain == VIR_FROM_REMOTE)
		return MULLION_ERROR_NOT_AVAILABLE;
	/* QEMU's and the kernel's words for a full disk, the only place where they are told. */
	if (last->message && strstr(last->message, g_strerror(ENOSPC)))
		return MULLION_ERROR_NO_SPACE;
	return MULLION_ERROR_FAILED;
}

static void set_error(GError **error, const virError *last, const char *what)
{
	g_autofree char *message =
		g_strdup(last && last->message ? last->message : "unknown error");

	/* libvirt hands on QEMU's log; one line is a message, the rest is in the log. */
	g_strdelimit(g_strchomp(message), "\n\r", ' ');
	g_set_error(error, MULLION_ERROR, (int)error_code(last), "%s: %s", what, message);
}

void guest_set_error(GError **error, const char *what)
{
	set_error(error, virGetLastError(), what);
}

virConnectPtr guest_connect(const char *uri, GError **error)
{
	virConnectPtr conn;
	const virError *last;

	if (!uri)
		uri = getuid() == 0 ? "qemu:///system" : "qemu:///session";
	conn = virConnectOpen(uri);
	if (conn)
		return conn;
	last = virGetLastError();
	g_set_error(error, MULLION_ERROR, MULLION_ERROR_NOT_AVAILABLE,
		    "libvirt cannot be reached at %s (%s); is libvirtd running? On Debian: "
		    "apt install libvirt-daemon-system, then systemctl start libvirtd",
		    uri, last && last->message ? last->message : "unknown error");
	return NULL;
}

bool guest_is_local(virConnectPtr conn)
{
	char *uri = virConnectGetURI(conn);
	g_autoptr(GUri) parsed = uri ? g_uri_parse(uri, G_URI_FLAGS_NON_DNS, NULL) : NULL;
	const char *host = parsed ? g_uri_get_host(parsed) : NULL;
	bool local = parsed && (!host || !*host);

	free(uri);
	return local;
}

bool guest_is_system(virConnectPtr conn)
{
	/* The URI may go on after the path: ?socket=... */
	char *uri = virConnectGetURI(conn);
	g_autoptr(GUri) parsed = uri ? g_uri_parse(uri, G_URI_FLAGS_NON_DNS, NULL) : NULL;
	bool system = parsed && g_str_equal(g_uri_get_path(parsed), "/system");

	free(uri);
	return system;
}

static enum guest_state read_state(virDomainPtr dom)
{
	int state = VIR_DOMAIN_NOSTATE, reason = 0;

	if (virDomainGetState(dom, &state, &reason, 0) < 0)
		return GUEST_OFF;
	switch (state) {
	case VIR_DOMAIN_RUNNING:
	case VIR_DOMAIN_BLOCKED:
	case VIR_DOMAIN_SHUTDOWN:
		return GUEST_RUNNING;
	case VIR_DOMAIN_PAUSED:
		return reason == VIR_DOMAIN_PAUSED_CRASHED ? GUEST_CRASHED : GUEST_PAUSED;
	case VIR_DOMAIN_PMSUSPENDED:
		return GUEST_SLEEPING;
	case VIR_DOMAIN_CRASHED:
		return GUEST_CRASHED;
	case VIR_DOMAIN_SHUTOFF:
		return reason == VIR_DOMAIN_SHUTOFF_CRASHED || reason == VIR_DOMAIN_SHUTOFF_FAILED
			       ? GUEST_CRASHED
			       : GUEST_OFF;
	default:
		return GUEST_OFF;
	}
}

bool guest_read(virDomainPtr dom, struct guest_info **info, char **dir, GError **error)
{
	char *xml = virDomainGetXMLDesc(dom, 0);
	bool ours = false;

	*info = NULL;
	*dir = NULL;
	if (!xml) {
		guest_set_error(error, "the guest cannot be read");
		return false;
	}
	*info = guest_xml_read(xml, &ours, dir, error);
	free(xml);
	if (!*info)
		return false;
	(*info)->state = read_state(dom);
	return true;
}

bool guest_is_ours(virDomainPtr dom)
{
	char *element =
		virDomainGetMetadata(dom, VIR_DOMAIN_METADATA_ELEMENT, MULLION_METADATA_URI, 0);
	bool ours = element != NULL;

	free(element);
	return ours;
}

struct guest_info *guest_get_info(virDomainPtr dom, GError **error)
{
	g_autofree char *dir = NULL;
	struct guest_info *info;

	if (!guest_read(dom, &info, &dir, error))
		return NULL;
	g_strfreev(info->snapshots);
	info->snapshots = guest_snapshot_list(dom, dir);
	return info;
}

static int by_slot(const void *a, const void *b)
{
	const struct guest_info *left = *(struct guest_info *const *)a;
	const struct guest_info *right = *(struct guest_info *const *)b;

	/* Slot 0 is no slot and comes last. */
	if (left->slot != right->slot)
		return left->slot - 1U < right->slot - 1U ? -1 : 1;
	return strcmp(left->name, right->name);
}

GPtrArray *guest_list(virConnectPtr conn, GError **error)
{
	GPtrArray *infos;
	virDomainPtr *doms = NULL;
	int count = virConnectListAllDomains(conn, &doms, 0);
	int i;

	if (count < 0) {
		guest_set_error(error, "the guests cannot be listed");
		return NULL;
	}
	infos = g_ptr_array_new_with_free_func((GDestroyNotify)guest_info_free);
	for (i = 0; i < count; i++) {
		/* One that has just been deleted is not an error of the list. */
		if (guest_is_ours(doms[i])) {
			struct guest_info *info = guest_get_info(doms[i], NULL);

			if (info)
				g_ptr_array_add(infos, info);
		}
		virDomainFree(doms[i]);
	}
	free(doms);
	g_ptr_array_sort(infos, by_slot);
	return infos;
}

virDomainPtr guest_find(virConnectPtr conn, const char *name, GError **error)
{
	g_autoptr(GPtrArray) infos = NULL;
	const struct guest_info *found = NULL;
	unsigned i, matches = 0;

	if (g_uuid_string_is_valid(name)) {
		virDomainPtr dom = virDomainLookupByUUIDString(conn, name);

		if (dom)
			return dom;
	}
	infos = guest_list(conn, error);
	if (!infos)
		return NULL;
	for (i = 0; i < infos->len && !found; i++)
		if (g_str_equal(((struct guest_info *)infos->pdata[i])->name, name))
			found = infos->pdata[i];
	for (i = 0; i < infos->len && (!found || matches); i++) {
		if (!g_str_equal(((struct guest_info *)infos->pdata[i])->label, name))
			continue;
		found = infos->pdata[i];
		if (++matches > 1) {
			g_set_error(error, MULLION_ERROR, MULLION_ERROR_INVALID_ARGUMENT,
				    "more than one guest has the label “%s”; use its name (see "
				    "mullion list)",
				    name);
			return NULL;
		}
	}
	if (found) {
		virDomainPtr dom = virDomainLookupByUUIDString(conn, found->id);

		if (!dom)
			guest_set_error(error, name);
		return dom;
	}
	g_set_error(error, MULLION_ERROR, MULLION_ERROR_NOT_FOUND,
		    "there is no guest “%s”; see mullion list", name);
	return NULL;
}

static gboolean fail(virDomainPtr dom, const char *what, GError **error)
{
	/* Every call of libvirt forgets the last error, even one that asks for a name. */
	virErrorPtr last = virSaveLastError();
	g_autofree char *message = g_strdup_printf("%s cannot be %s", virDomainGetName(dom), what);

	set_error(error, last, message);
	virFreeError(last);
	return FALSE;
}

static gboolean refuse(virDomainPtr dom, const char *why, GError **error)
{
	g_set_error(error, MULLION_ERROR, MULLION_ERROR_FAILED, "%s %s", virDomainGetName(dom),
		    why);
	return FALSE;
}

/*
 * A guest made before virtualisation was switched on (or on another machine) goes with what this
 * machine has now. Not with snapshots: their memory is that of the CPU they were taken on.
 */
static bool adopt_accelerator(virDomainPtr dom, GError **error)
{
	virConnectPtr conn = virDomainGetConnect(dom);
	g_autofree char *adopted = NULL;
	g_autofree char *dir = NULL;
	g_auto(GStrv) snapshots = NULL;
	struct guest_info *info = NULL;
	virDomainPtr defined = NULL;
	const char *accelerator;
	char *xml = NULL;
	bool done = true;

	if (!guest_is_local(conn) || !guest_is_ours(dom) ||
	    virDomainHasManagedSaveImage(dom, 0) == 1)
		return true;
	if (!guest_read(dom, &info, &dir, error))
		return false;
	snapshots = guest_snapshot_list(dom, dir);
	accelerator = guest_accelerator(conn, NULL);
	if (g_str_equal(accelerator, info->accelerator) || (snapshots && snapshots[0]))
		goto out;
	xml = virDomainGetXMLDesc(dom, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);
	adopted = xml ? guest_xml_set_accelerator(xml, g_str_equal(accelerator, "kvm")) : NULL;
	defined = adopted ? virDomainDefineXML(conn, adopted) : NULL;
	if (!defined)
		done = fail(dom, "moved to this machine's kind of virtualisation", error);
	else
		virDomainFree(defined);
out:
	free(xml);
	guest_info_free(info);
	return done;
}

/* A call failed: that is no failure if somebody else was faster and the guest is (1) or is not (0)
 * active all the same. */
static gboolean fail_unless(virDomainPtr dom, int active, const char *what, GError **error)
{
	GError *cause = NULL;

	/* Before the next call, which forgets it. */
	fail(dom, what, &cause);
	if (virDomainIsActive(dom) == active) {
		g_error_free(cause);
		return TRUE;
	}
	g_propagate_error(error, cause);
	return FALSE;
}

gboolean guest_start(virDomainPtr dom, GError **error)
{
	if (virDomainIsActive(dom) == 1)
		return guest_resume(dom, error);
	if (!adopt_accelerator(dom, error))
		return FALSE;
	if (virDomainCreate(dom) < 0)
		return fail_unless(dom, 1, "started", error);
	return TRUE;
}

/* Waits until the guest is off; false if it is not after timeout_s. */
static bool wait_off(virDomainPtr dom, unsigned timeout_s)
{
	int64_t deadline = g_get_monotonic_time() + (int64_t)timeout_s * G_USEC_PER_SEC;

	int active;

	while ((active = virDomainIsActive(dom)) == 1 && g_get_monotonic_time() < deadline)
		g_usleep(100000);
	return active == 0;
}

gboolean guest_stop(virDomainPtr dom, unsigned timeout_s, GError **error)
{
	if (virDomainIsActive(dom) == 0)
		return TRUE;
	if (timeout_s > 0) {
		/* A guest that does not run cannot answer. What fails here is answered by force. */
		guest_resume(dom, NULL);
		if (virDomainShutdownFlags(dom, VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN) == 0 &&
		    wait_off(dom, timeout_s))
			return TRUE;
	}
	if (virDomainDestroy(dom) < 0)
		return fail_unless(dom, 0, "stopped", error);
	return TRUE;
}

gboolean guest_pause(virDomainPtr dom, GError **error)
{
	switch (read_state(dom)) {
	case GUEST_PAUSED:
		return TRUE;
	case GUEST_RUNNING:
		break;
	default:
		return refuse(dom, "is not running, so it cannot be paused", error);
	}
	if (virDomainSuspend(dom) < 0)
		return fail(dom, "paused", error);
	return TRUE;
}

gboolean guest_resume(virDomainPtr dom, GError **error)
{
	switch (read_state(dom)) {
	case GUEST_RUNNING:
		return TRUE;
	case GUEST_PAUSED:
		if (virDomainResume(dom) < 0)
			return fail(dom, "resumed", error);
		return TRUE;
	case GUEST_SLEEPING:
		if (virDomainPMWakeup(dom, 0) < 0)
			return fail(dom, "woken", error);
		return TRUE;
	default:
		return refuse(dom, "is off; start it", error);
	}
}
