/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See style.h. The dark variant of GTK's own theme, and few rules of our own. */
#include "style.h"

#include <gtk/gtk.h>

static const char sheet[] =
	/* the ground; display/panel-host-paint.c shows the same before we draw */
	"window { background: #1b1d21; color: #eceef2; }\n"
	".panel-header { background: #212429; border-bottom: 1px solid #121316;"
	"  padding: 10px 20px; }\n"
	".panel-title { font-size: 135%; font-weight: 600; }\n"
	".panel-hints { background: #212429; border-top: 1px solid #121316; padding: 7px 20px;"
	"  font-size: 90%; color: #9aa1ac; }\n"
	".dim { color: #9aa1ac; }\n"
	".small { font-size: 90%; }\n"
	/* keys, as caps */
	".keycap { background: #30343b; color: #c9ced6; border-radius: 4px; padding: 1px 7px;"
	"  font-size: 85%; }\n"
	/* buttons */
	"button { background: #30343b; border: 1px solid transparent; box-shadow: none;"
	"  text-shadow: none; border-radius: 6px; padding: 5px 12px; color: #eceef2; }\n"
	"button:hover { background: #3a3f48; }\n"
	"button:active, button:checked { background: #454b55; }\n"
	"button:focus { border-color: #78aeff; outline-style: none; }\n"
	"button:disabled { background: #272a2f; color: #646b76; }\n"
	"button.suggested-action { background: #2f6fd6; color: #ffffff; }\n"
	"button.suggested-action:hover { background: #3b7de6; }\n"
	"button.suggested-action:focus { border-color: #d6e6ff; }\n"
	"button.suggested-action:disabled { background: #2a3a55; color: #7f90ac; }\n"
	"button.destructive-action { background: #b3362f; color: #ffffff; }\n"
	"button.destructive-action:hover { background: #c7443d; }\n"
	"button.destructive-action:focus { border-color: #ffd9d6; }\n"
	".segments > button:checked { background: #2f6fd6; color: #ffffff; }\n"
	"entry, spinbutton { background: #14161a; border: 1px solid #3a3f48; border-radius: 6px;"
	"  box-shadow: none; min-height: 32px; }\n"
	"spinbutton entry { border: none; background: transparent; }\n"
	"spinbutton button { border-radius: 0; border: none; background: transparent; }\n"
	"entry:focus, spinbutton:focus { border-color: #78aeff; }\n"
	"entry.error { border-color: #e5655d; }\n"
	/* cards */
	"flowbox { padding: 24px; }\n"
	"flowboxchild { padding: 4px; border-radius: 14px; border: 2px solid transparent;"
	"  background: transparent; }\n"
	"flowboxchild:focus, flowboxchild:selected:focus { border-color: #78aeff;"
	"  outline-style: none; background: transparent; }\n"
	"flowboxchild:selected { background: transparent; color: #eceef2; }\n"
	".card { background: #25282e; border-radius: 10px; }\n"
	"flowboxchild:hover .card { background: #292d33; }\n"
	".card-body { padding: 12px 14px 14px 14px; }\n"
	".card-name { font-size: 115%; font-weight: 600; }\n"
	".card-buttons button { padding: 4px 10px; }\n"
	".state-off { color: #9aa1ac; }\n"
	".state-running { color: #6ecf8b; }\n"
	".state-paused { color: #e8c266; }\n"
	".state-sleeping { color: #8fb6ea; }\n"
	".state-crashed { color: #f08279; }\n"
	/* pages */
	".page-title { font-size: 160%; font-weight: 600; }\n"
	".sheet { background: #25282e; border-radius: 12px; padding: 28px 32px; }\n"
	".field { font-weight: 600; }\n"
	".choice { padding: 8px 12px; }\n"
	"popover, popover.background { background: #2d3138; border: 1px solid #121316;"
	"  border-radius: 8px; padding: 6px; box-shadow: 0 4px 14px rgba(0,0,0,0.45); }\n"
	"menu { background: #2d3138; border: 1px solid #121316; }\n"
	"menuitem { padding: 6px 12px; }\n"
	"menuitem:hover { background: #3a3f48; }\n"
	"modelbutton { padding: 6px 12px; border-radius: 5px; }\n"
	"modelbutton:hover, modelbutton:focus { background: #3a3f48; outline-style: none; }\n"
	"scrolledwindow, treeview.view, placessidebar, placessidebar list { background: #1b1d21; "
	"}\n"
	"treeview.view { color: #dfe2e7; }\n"
	"treeview.view:selected, placessidebar row:selected { background: #2b4a7a; color: #ffffff; "
	"}\n"
	"treeview.view header button { background: #25282e; border-radius: 0; color: #9aa1ac; }\n"
	"placessidebar { background: #212429; }\n"
	"placessidebar list { background: #212429; }\n"
	"filechooser #pathbarbox { background: #212429; border-bottom: 1px solid #121316; }\n"
	".sheet list { background: #1b1d21; border-radius: 6px; }\n"
	".sheet row { border-radius: 6px; }\n"
	".sheet row:selected { background: #2b4a7a; color: #ffffff; }\n"
	"row:focus { outline-color: #78aeff; outline-style: solid; outline-width: 1px;"
	"  outline-offset: -2px; -gtk-outline-radius: 5px; }\n"
	"actionbar > revealer > box { background: #212429; border: none; }\n"
	/* notices */
	"infobar > revealer > box { padding: 8px 14px; border: none; }\n"
	"infobar.error > revealer > box { background: #59221f; color: #ffe3e0; }\n"
	"infobar.warning > revealer > box { background: #4d3d12; color: #ffefc4; }\n"
	"infobar.info > revealer > box { background: #1f3b5e; color: #dcebff; }\n"
	"infobar button { background: transparent; min-height: 20px; padding: 2px 6px; }\n"
	"infobar label { color: inherit; }\n";

void style_load(bool stand_alone)
{
	GtkCssProvider *provider = gtk_css_provider_new();
	GtkSettings *settings = gtk_settings_get_default();
	g_autoptr(GError) error = NULL;

	g_object_set(settings, "gtk-theme-name", "Adwaita", "gtk-application-prefer-dark-theme",
		     TRUE, "gtk-enable-animations", FALSE, NULL);
	if (!stand_alone)
		g_object_set(settings, "gtk-font-name", "Sans 11", NULL);
	if (!gtk_css_provider_load_from_data(provider, sheet, -1, &error))
		g_warning("the style sheet: %s", error->message);
	gtk_style_context_add_provider_for_screen(gdk_screen_get_default(),
						  GTK_STYLE_PROVIDER(provider),
						  GTK_STYLE_PROVIDER_PRIORITY_APPLICATION);
	g_object_unref(provider);
}
