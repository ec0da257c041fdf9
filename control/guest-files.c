/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files a guest consists of, and their removal. */
#include "config.h"

#include "guest-internal.h"

#include <libvirt/virterror.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void measure(struct guest_file *file)
{
	struct stat st;

	if (stat(file->path, &st) < 0)
		return;
	file->size = st.st_size;
	file->allocated = (int64_t)st.st_blocks * 512;
}

/* What libvirt keeps for the guest by itself, where it has it. */
static void add_libvirts(virConnectPtr conn, const struct guest_info *info, GPtrArray *files)
{
	bool system = guest_is_system(conn);
	g_autofree char *config = g_build_filename(g_get_user_config_dir(), "libvirt", NULL);
	g_autofree char *cache = g_build_filename(g_get_user_cache_dir(), "libvirt", NULL);
	const struct {
		const char *role, *format, *root, *name;
		bool owned;
	} kinds[] = {
		{"definition", "%s/qemu/%s.xml", system ? "/etc/libvirt" : config, info->name,
		 true},
		{"tpm",
		 system ? "%s/swtpm/%s/tpm2/tpm2-00.permall"
			: "%s/qemu/swtpm/%s/tpm2/tpm2-00.permall",
		 system ? "/var/lib/libvirt" : config, info->id, true},
		{"log", "%s/%s.log", system ? "/var/log/libvirt/qemu" : cache, info->name, false},
	};
	size_t i;

	for (i = 0; i < G_N_ELEMENTS(kinds); i++) {
		g_autoptr(GString) path = g_string_new(kinds[i].format);
		struct guest_file *file;

		g_string_replace(path, "%s", kinds[i].root, 1);
		g_string_replace(path, "%s", kinds[i].name, 1);
		if (access(path->str, F_OK) < 0)
			continue;
		file = g_new0(struct guest_file, 1);
		file->path = g_strdup(path->str);
		file->role = g_strdup(kinds[i].role);
		file->owned = kinds[i].owned;
		file->size = -1;
		file->allocated = -1;
		g_ptr_array_add(files, file);
	}
}

GPtrArray *guest_files(virDomainPtr dom, GError **error)
{
	virConnectPtr conn = virDomainGetConnect(dom);
	struct guest_info *info = NULL;
	g_autofree char *dir = NULL;
	GPtrArray *files;
	char *xml;
	unsigned i;

	if (!guest_read(dom, &info, &dir, error))
		return NULL;
	xml = virDomainGetXMLDesc(dom, VIR_DOMAIN_XML_INACTIVE);
	if (!xml) {
		guest_set_error(error, info->name);
		guest_info_free(info);
		return NULL;
	}
	files = guest_xml_files(xml, dir);
	free(xml);
	if (guest_is_local(conn)) {
		add_libvirts(conn, info, files);
		for (i = 0; i < files->len; i++)
			measure(files->pdata[i]);
	}
	guest_info_free(info);
	return files;
}

gboolean guest_delete(virDomainPtr dom, GError **error)
{
	virConnectPtr conn = virDomainGetConnect(dom);
	g_autofree char *dir = NULL;
	g_autofree char *store = guest_store_path(conn);
	struct guest_info *info = NULL;
	gboolean done = FALSE;
	int lock = -1;

	if (!guest_is_ours(dom)) {
		g_set_error(error, MULLION_ERROR, MULLION_ERROR_FAILED,
			    "%s is not one of Mullion's guests; delete it with: virsh undefine %s",
			    virDomainGetName(dom), virDomainGetName(dom));
		return FALSE;
	}
	if (!guest_is_local(conn)) {
		g_set_error(error, MULLION_ERROR, MULLION_ERROR_FAILED,
			    "%s is on another machine, and so are its files; delete it there",
			    virDomainGetName(dom));
		return FALSE;
	}
	if (!guest_read(dom, &info, &dir, error))
		return FALSE;
	if (virDomainIsActive(dom) == 1) {
		g_set_error(error, MULLION_ERROR, MULLION_ERROR_FAILED,
			    "%s is running; stop it first", info->name);
		goto out;
	}
	lock = guest_store_lock(store, error);
	if (lock < 0)
		goto out;
	if (virDomainUndefineFlags(
		    dom, VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
				 VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA |
				 VIR_DOMAIN_UNDEFINE_NVRAM | VIR_DOMAIN_UNDEFINE_TPM) < 0) {
		g_autofree char *what = g_strdup_printf("%s cannot be deleted", info->name);

		guest_set_error(error, what);
		goto out;
	}
	/* A guest whose folder has gone already is deleted all the same. */
	done = !dir || access(dir, F_OK) < 0 || guest_store_remove(dir, info->id, error);
out:
	if (lock >= 0)
		close(lock);
	guest_info_free(info);
	return done;
}
