/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See wizard.h. */
#include "wizard.h"

#include <string.h>

#include "wizard-guess.h"

struct wizard {
	struct wizard_ops ops;
	void *data;
	GtkWidget *stack, *chooser, *next;
	GtkWidget *form, *file, *name, *name_note, *is_iso, *is_disk, *os[3], *memory, *vcpus,
		*disk_label, *disk_size, *start, *create, *back, *change;
	char *path;
	bool busy, named; /* named: the user typed a name of his own */
};

static const char *const os_keys[] = {"linux", "windows", "other"};

GtkWidget *wizard_widget(struct wizard *wizard)
{
	return wizard->stack;
}

static void add_class(GtkWidget *widget, const char *class)
{
	gtk_style_context_add_class(gtk_widget_get_style_context(widget), class);
}

static bool active(GtkWidget *toggle)
{
	return gtk_toggle_button_get_active(GTK_TOGGLE_BUTTON(toggle));
}

static const char *chosen_os(struct wizard *wizard)
{
	for (size_t i = 0; i < G_N_ELEMENTS(os_keys); i++) {
		if (active(wizard->os[i]))
			return os_keys[i];
	}
	return "other";
}

static void validate(struct wizard *wizard)
{
	g_autofree char *name = g_strstrip(g_strdup(gtk_entry_get_text(GTK_ENTRY(wizard->name))));
	const char *wrong = guess_name_fault(name);
	GtkStyleContext *context = gtk_widget_get_style_context(wizard->name);

	gtk_label_set_text(GTK_LABEL(wizard->name_note), wrong ? wrong : "");
	gtk_widget_set_visible(wizard->name_note, wrong != NULL);
	if (wrong)
		gtk_style_context_add_class(context, "error");
	else
		gtk_style_context_remove_class(context, "error");
	gtk_widget_set_sensitive(wizard->create, !wrong && !wizard->busy);
	gtk_widget_set_sensitive(wizard->disk_size, active(wizard->is_iso));
	gtk_widget_set_sensitive(wizard->disk_label, active(wizard->is_iso));
}

static void fill_sizes(struct wizard *wizard)
{
	struct guess_sizes sizes = guess_sizes_for(chosen_os(wizard));

	gtk_spin_button_set_value(GTK_SPIN_BUTTON(wizard->memory), sizes.memory_gib);
	gtk_spin_button_set_value(GTK_SPIN_BUTTON(wizard->vcpus), sizes.vcpus);
	gtk_spin_button_set_value(GTK_SPIN_BUTTON(wizard->disk_size), sizes.disk_gib);
}

static void os_toggled(GtkToggleButton *button, void *data)
{
	if (gtk_toggle_button_get_active(button))
		fill_sizes(data);
}

static void kind_toggled(GtkToggleButton *button, void *data)
{
	(void)button;
	validate(data);
}

static void name_changed(GtkEditable *editable, void *data)
{
	struct wizard *wizard = data;

	wizard->named = gtk_widget_has_focus(GTK_WIDGET(editable)) || wizard->named;
	validate(wizard);
}

/* --- the second page --- */

static void show_form(struct wizard *wizard, const char *path)
{
	g_autofree char *shown = g_filename_display_name(path);
	g_autofree char *name = guess_name(path);
	const char *os = guess_os(path);
	bool iso = guess_is_iso(path);

	g_free(wizard->path);
	wizard->path = g_strdup(path);
	gtk_label_set_text(GTK_LABEL(wizard->file), shown);
	gtk_widget_set_tooltip_text(wizard->file, shown);
	gtk_toggle_button_set_active(GTK_TOGGLE_BUTTON(iso ? wizard->is_iso : wizard->is_disk),
				     TRUE);
	for (size_t i = 0; i < G_N_ELEMENTS(os_keys); i++) {
		if (strcmp(os, os_keys[i]) == 0)
			gtk_toggle_button_set_active(GTK_TOGGLE_BUTTON(wizard->os[i]), TRUE);
	}
	fill_sizes(wizard);
	if (!wizard->named)
		gtk_entry_set_text(GTK_ENTRY(wizard->name), name);
	validate(wizard);
	gtk_stack_set_visible_child(GTK_STACK(wizard->stack), wizard->form);
	gtk_widget_grab_focus(wizard->name);
}

static void take_file(struct wizard *wizard, const char *untrusted_path)
{
	g_autofree char *fault = guess_file_fault(untrusted_path);

	if (fault)
		wizard->ops.refused(wizard->data, fault);
	else
		show_form(wizard, untrusted_path);
}

static void create_clicked(GtkButton *button, void *data)
{
	struct wizard *wizard = data;
	g_autofree char *name = g_strstrip(g_strdup(gtk_entry_get_text(GTK_ENTRY(wizard->name))));
	double memory = gtk_spin_button_get_value(GTK_SPIN_BUTTON(wizard->memory)) * 1024;
	bool iso = active(wizard->is_iso);
	GVariantBuilder spec;

	(void)button;
	if (wizard->busy || guess_name_fault(name))
		return;
	g_variant_builder_init(&spec, G_VARIANT_TYPE_VARDICT);
	g_variant_builder_add(&spec, "{sv}", "name", g_variant_new_string(name));
	g_variant_builder_add(&spec, "{sv}", iso ? "iso" : "disk",
			      g_variant_new_string(wizard->path));
	g_variant_builder_add(&spec, "{sv}", "os", g_variant_new_string(chosen_os(wizard)));
	g_variant_builder_add(&spec, "{sv}", "memory", g_variant_new_uint32((guint32)memory));
	g_variant_builder_add(&spec, "{sv}", "vcpus",
			      g_variant_new_uint32((guint32)gtk_spin_button_get_value_as_int(
				      GTK_SPIN_BUTTON(wizard->vcpus))));
	if (iso)
		g_variant_builder_add(
			&spec, "{sv}", "disk-size",
			g_variant_new_uint32((guint32)gtk_spin_button_get_value_as_int(
				GTK_SPIN_BUTTON(wizard->disk_size))));
	wizard->ops.create(wizard->data, g_variant_builder_end(&spec), active(wizard->start));
}

static void name_activated(GtkEntry *entry, void *data)
{
	(void)entry;
	create_clicked(NULL, data);
}

void wizard_set_busy(struct wizard *wizard, bool busy)
{
	bool ended = wizard->busy && !busy;

	wizard->busy = busy;
	gtk_button_set_label(GTK_BUTTON(wizard->create), busy ? "Creating…" : "_Create");
	gtk_widget_set_sensitive(wizard->back, !busy);
	gtk_widget_set_sensitive(wizard->change, !busy);
	gtk_widget_set_sensitive(wizard->name, !busy);
	validate(wizard);
	if (ended) /* disabled, it had lost the keyboard's focus */
		gtk_widget_grab_focus(wizard->name);
}

/* --- the first page --- */

/* The list of files, which the chooser gives no name to: its only tree. */
static void focus_list(GtkWidget *widget, void *data)
{
	if (GTK_IS_TREE_VIEW(widget))
		gtk_widget_grab_focus(widget);
	else if (GTK_IS_CONTAINER(widget))
		gtk_container_forall(GTK_CONTAINER(widget), focus_list, data);
}

static void show_chooser(struct wizard *wizard)
{
	gtk_stack_set_visible_child_name(GTK_STACK(wizard->stack), "file");
	focus_list(wizard->chooser, NULL);
}

static void selection_changed(GtkFileChooser *chooser, void *data)
{
	struct wizard *wizard = data;
	g_autofree char *path = gtk_file_chooser_get_filename(chooser);

	gtk_widget_set_sensitive(wizard->next, path && g_file_test(path, G_FILE_TEST_IS_REGULAR));
}

static void file_activated(GtkFileChooser *chooser, void *data)
{
	g_autofree char *path = gtk_file_chooser_get_filename(chooser);

	if (path)
		take_file(data, path);
}

static void next_clicked(GtkButton *button, void *data)
{
	struct wizard *wizard = data;

	(void)button;
	file_activated(GTK_FILE_CHOOSER(wizard->chooser), wizard);
}

static void back_clicked(GtkButton *button, void *data)
{
	(void)button;
	wizard_back(data);
}

void wizard_begin(struct wizard *wizard, const char *untrusted_path)
{
	wizard->named = false;
	wizard_set_busy(wizard, false);
	gtk_file_chooser_unselect_all(GTK_FILE_CHOOSER(wizard->chooser));
	gtk_widget_set_sensitive(wizard->next, FALSE);
	show_chooser(wizard);
	if (untrusted_path)
		take_file(wizard, untrusted_path);
}

void wizard_back(struct wizard *wizard)
{
	if (wizard->busy)
		return;
	if (gtk_stack_get_visible_child(GTK_STACK(wizard->stack)) == wizard->form)
		show_chooser(wizard);
	else
		wizard->ops.left(wizard->data);
}

/* --- building --- */

static GtkWidget *make_button(GtkWidget *box, const char *label, struct wizard *wizard,
			      void (*clicked)(GtkButton *, void *), bool end)
{
	GtkWidget *button = gtk_button_new_with_mnemonic(label);

	g_signal_connect(button, "clicked", G_CALLBACK(clicked), wizard);
	if (end)
		gtk_box_pack_end(GTK_BOX(box), button, FALSE, FALSE, 0);
	else
		gtk_box_pack_start(GTK_BOX(box), button, FALSE, FALSE, 0);
	return button;
}

static GtkWidget *make_title(const char *text)
{
	GtkWidget *label = gtk_label_new(text);

	gtk_widget_set_halign(label, GTK_ALIGN_START);
	add_class(label, "page-title");
	return label;
}

static GtkWidget *make_file_page(struct wizard *wizard)
{
	GtkWidget *page = gtk_box_new(GTK_ORIENTATION_VERTICAL, 12);
	GtkWidget *buttons = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 8);
	GtkWidget *text = gtk_label_new("Choose an installer (ISO image), or the disk of a system "
					"that exists already (qcow2, raw, vmdk, vdi).");
	GtkFileFilter *images = gtk_file_filter_new(), *all = gtk_file_filter_new();
	static const char *const patterns[] = {"*.iso", "*.ISO",  "*.qcow2", "*.raw",
					       "*.img", "*.vmdk", "*.vdi"};

	gtk_widget_set_margin_start(page, 24);
	gtk_widget_set_margin_end(page, 24);
	gtk_widget_set_margin_top(page, 20);
	gtk_widget_set_margin_bottom(page, 16);
	gtk_label_set_xalign(GTK_LABEL(text), 0);
	gtk_label_set_line_wrap(GTK_LABEL(text), TRUE);
	add_class(text, "dim");
	gtk_box_pack_start(GTK_BOX(page), make_title("New guest"), FALSE, FALSE, 0);
	gtk_box_pack_start(GTK_BOX(page), text, FALSE, FALSE, 0);

	wizard->chooser = gtk_file_chooser_widget_new(GTK_FILE_CHOOSER_ACTION_OPEN);
	gtk_file_filter_set_name(images, "Installers and disks");
	for (size_t i = 0; i < G_N_ELEMENTS(patterns); i++)
		gtk_file_filter_add_pattern(images, patterns[i]);
	gtk_file_filter_set_name(all, "All files");
	gtk_file_filter_add_pattern(all, "*");
	gtk_file_chooser_add_filter(GTK_FILE_CHOOSER(wizard->chooser), images);
	gtk_file_chooser_add_filter(GTK_FILE_CHOOSER(wizard->chooser), all);
	gtk_file_chooser_set_local_only(GTK_FILE_CHOOSER(wizard->chooser), TRUE);
	gtk_file_chooser_set_current_folder(GTK_FILE_CHOOSER(wizard->chooser), g_get_home_dir());
	atk_object_set_name(gtk_widget_get_accessible(wizard->chooser), "Installer or disk image");
	g_signal_connect(wizard->chooser, "selection-changed", G_CALLBACK(selection_changed),
			 wizard);
	g_signal_connect(wizard->chooser, "file-activated", G_CALLBACK(file_activated), wizard);
	gtk_box_pack_start(GTK_BOX(page), wizard->chooser, TRUE, TRUE, 0);

	wizard->next = make_button(buttons, "Ne_xt", wizard, next_clicked, true);
	add_class(wizard->next, "suggested-action");
	make_button(buttons, "_Cancel", wizard, back_clicked, true);
	gtk_box_pack_start(GTK_BOX(page), buttons, FALSE, FALSE, 0);
	return page;
}

static GtkWidget *add_row(GtkWidget *grid, int row, const char *text, GtkWidget *control)
{
	GtkWidget *label = gtk_label_new_with_mnemonic(text);

	gtk_label_set_mnemonic_widget(GTK_LABEL(label), control);
	gtk_widget_set_halign(label, GTK_ALIGN_END);
	add_class(label, "field");
	gtk_grid_attach(GTK_GRID(grid), label, 0, row, 1, 1);
	gtk_grid_attach(GTK_GRID(grid), control, 1, row, 1, 1);
	return label;
}

static GtkWidget *make_spin(double low, double high, double step, unsigned digits, const char *unit,
			    GtkWidget **spin)
{
	GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 8);
	GtkWidget *label = gtk_label_new(unit);

	*spin = gtk_spin_button_new_with_range(low, high, step);
	gtk_spin_button_set_digits(GTK_SPIN_BUTTON(*spin), digits);
	gtk_entry_set_activates_default(GTK_ENTRY(*spin), TRUE);
	add_class(label, "dim");
	gtk_box_pack_start(GTK_BOX(box), *spin, FALSE, FALSE, 0);
	gtk_box_pack_start(GTK_BOX(box), label, FALSE, FALSE, 0);
	return box;
}

static GtkWidget *make_segment(GtkWidget *box, GtkWidget *group, const char *label)
{
	GtkWidget *radio = group ? gtk_radio_button_new_with_mnemonic_from_widget(
					   GTK_RADIO_BUTTON(group), label)
				 : gtk_radio_button_new_with_mnemonic(NULL, label);

	gtk_toggle_button_set_mode(GTK_TOGGLE_BUTTON(radio), FALSE);
	gtk_box_pack_start(GTK_BOX(box), radio, FALSE, FALSE, 0);
	return radio;
}

static void add_file_rows(struct wizard *wizard, GtkWidget *grid)
{
	GtkWidget *file_box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 10);
	GtkWidget *kind_box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 0);

	wizard->file = gtk_label_new(NULL);
	gtk_label_set_ellipsize(GTK_LABEL(wizard->file), PANGO_ELLIPSIZE_START);
	gtk_label_set_max_width_chars(GTK_LABEL(wizard->file), 40);
	gtk_label_set_xalign(GTK_LABEL(wizard->file), 0);
	gtk_box_pack_start(GTK_BOX(file_box), wizard->file, TRUE, TRUE, 0);
	wizard->change = make_button(file_box, "C_hange…", wizard, back_clicked, true);
	add_row(grid, 0, "File", file_box);

	add_class(kind_box, "linked");
	add_class(kind_box, "segments");
	wizard->is_iso = make_segment(kind_box, NULL, "An _installer (ISO)");
	wizard->is_disk = make_segment(kind_box, wizard->is_iso, "A dis_k with a system");
	g_signal_connect(wizard->is_iso, "toggled", G_CALLBACK(kind_toggled), wizard);
	add_row(grid, 1, "It is", kind_box);
}

static void add_guest_rows(struct wizard *wizard, GtkWidget *grid)
{
	GtkWidget *name_box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 4);
	GtkWidget *os_box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 0), *row, *label;

	wizard->name = gtk_entry_new();
	gtk_entry_set_max_length(GTK_ENTRY(wizard->name), 64);
	gtk_entry_set_width_chars(GTK_ENTRY(wizard->name), 34);
	g_signal_connect(wizard->name, "changed", G_CALLBACK(name_changed), wizard);
	g_signal_connect(wizard->name, "activate", G_CALLBACK(name_activated), wizard);
	wizard->name_note = gtk_label_new(NULL);
	gtk_widget_set_halign(wizard->name_note, GTK_ALIGN_START);
	gtk_widget_set_no_show_all(wizard->name_note, TRUE);
	add_class(wizard->name_note, "small");
	add_class(wizard->name_note, "state-crashed");
	gtk_box_pack_start(GTK_BOX(name_box), wizard->name, FALSE, FALSE, 0);
	gtk_box_pack_start(GTK_BOX(name_box), wizard->name_note, FALSE, FALSE, 0);
	label = add_row(grid, 2, "_Name", name_box);
	gtk_label_set_mnemonic_widget(GTK_LABEL(label), wizard->name);

	add_class(os_box, "linked");
	add_class(os_box, "segments");
	wizard->os[0] = make_segment(os_box, NULL, "_Linux");
	wizard->os[1] = make_segment(os_box, wizard->os[0], "_Windows");
	wizard->os[2] = make_segment(os_box, wizard->os[0], "_Other");
	for (size_t i = 0; i < G_N_ELEMENTS(os_keys); i++)
		g_signal_connect(wizard->os[i], "toggled", G_CALLBACK(os_toggled), wizard);
	add_row(grid, 3, "System", os_box);

	row = make_spin(0.5, guess_host_memory_gib(), 0.5, 1, "GiB", &wizard->memory);
	label = add_row(grid, 4, "_Memory", row);
	gtk_label_set_mnemonic_widget(GTK_LABEL(label), wizard->memory);
	row = make_spin(1, g_get_num_processors(), 1, 0, "", &wizard->vcpus);
	label = add_row(grid, 5, "C_PUs", row);
	gtk_label_set_mnemonic_widget(GTK_LABEL(label), wizard->vcpus);
	row = make_spin(1, 4096, 5, 0, "GiB, used as it fills", &wizard->disk_size);
	wizard->disk_label = add_row(grid, 6, "New _disk", row);
	gtk_label_set_mnemonic_widget(GTK_LABEL(wizard->disk_label), wizard->disk_size);
}

static GtkWidget *make_form_page(struct wizard *wizard)
{
	GtkWidget *page = gtk_box_new(GTK_ORIENTATION_VERTICAL, 0);
	GtkWidget *sheet = gtk_box_new(GTK_ORIENTATION_VERTICAL, 16), *grid = gtk_grid_new();
	GtkWidget *buttons = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 8);
	GtkWidget *view = gtk_scrolled_window_new(NULL, NULL); /* for very small screens */

	add_class(sheet, "sheet");
	gtk_widget_set_halign(sheet, GTK_ALIGN_CENTER);
	gtk_widget_set_valign(sheet, GTK_ALIGN_CENTER);
	gtk_grid_set_row_spacing(GTK_GRID(grid), 14);
	gtk_grid_set_column_spacing(GTK_GRID(grid), 16);
	add_file_rows(wizard, grid);
	add_guest_rows(wizard, grid);
	wizard->start = gtk_check_button_new_with_mnemonic("_Start it right away");
	gtk_toggle_button_set_active(GTK_TOGGLE_BUTTON(wizard->start), TRUE);
	gtk_grid_attach(GTK_GRID(grid), wizard->start, 1, 7, 1, 1);

	wizard->create = make_button(buttons, "_Create", wizard, create_clicked, true);
	gtk_button_set_use_underline(GTK_BUTTON(wizard->create), TRUE);
	add_class(wizard->create, "suggested-action");
	wizard->back = make_button(buttons, "_Back", wizard, back_clicked, true);
	gtk_box_pack_start(GTK_BOX(sheet), make_title("New guest"), FALSE, FALSE, 0);
	gtk_box_pack_start(GTK_BOX(sheet), grid, FALSE, FALSE, 0);
	gtk_box_pack_start(GTK_BOX(sheet), buttons, FALSE, FALSE, 0);
	gtk_box_pack_start(GTK_BOX(page), sheet, TRUE, FALSE, 0);
	gtk_scrolled_window_set_policy(GTK_SCROLLED_WINDOW(view), GTK_POLICY_AUTOMATIC,
				       GTK_POLICY_AUTOMATIC);
	gtk_container_add(GTK_CONTAINER(view), page);
	return view;
}

static void wizard_free(void *data)
{
	struct wizard *wizard = data;

	g_free(wizard->path);
	g_free(wizard);
}

struct wizard *wizard_create(const struct wizard_ops *ops, void *data)
{
	struct wizard *wizard = g_new0(struct wizard, 1);

	wizard->ops = *ops;
	wizard->data = data;
	wizard->stack = gtk_stack_new();
	g_object_set_data_full(G_OBJECT(wizard->stack), "mullion-wizard", wizard, wizard_free);
	gtk_stack_add_named(GTK_STACK(wizard->stack), make_file_page(wizard), "file");
	wizard->form = make_form_page(wizard);
	gtk_stack_add_named(GTK_STACK(wizard->stack), wizard->form, "form");
	gtk_widget_show_all(wizard->stack);
	return wizard;
}
