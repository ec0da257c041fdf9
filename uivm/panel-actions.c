/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the user does to guests: calls of org.mullion.Control1, with a question before where
 * something could be lost, and the answer in plain words.
 */
#include "panel-private.h"

#include <time.h>

/* A call about one guest, which may be gone when the answer comes. */
struct pending {
	struct panel *panel;
	char *id;
	const char *method, *busy; /* busy: "Starting" */
};

static struct pending *pending_create(struct panel *panel, const struct guest *guest,
				      const char *method, const char *busy)
{
	struct pending *pending = g_new0(struct pending, 1);

	pending->panel = panel;
	pending->id = g_strdup(guest->id);
	pending->method = method;
	pending->busy = busy;
	return pending;
}

static void pending_free(void *data)
{
	struct pending *pending = data;

	g_free(pending->id);
	g_free(pending);
}

static void set_busy(struct pending *pending, const char *words)
{
	struct card *card = panel_find(pending->panel, pending->id);

	if (!card)
		return;
	/* The button with the keyboard's focus is about to be disabled. */
	if (words && card == panel_selected(pending->panel))
		panel_select(pending->panel, card);
	card_set_busy(card, words);
}

static void call_done(void *data, GVariant *result, const char *error)
{
	struct pending *pending = data;

	(void)result;
	set_busy(pending, NULL);
	if (error)
		panel_show_error(pending->panel, error);
	pending_free(pending);
}

/* Takes over pending. */
static void call(struct pending *pending, GVariant *parameters)
{
	panel_hide_error(pending->panel);
	set_busy(pending, pending->busy);
	service_control(pending->panel->service, pending->method, parameters, call_done, pending);
}

static void call_simple(struct panel *panel, const struct guest *guest, const char *method,
			const char *busy)
{
	call(pending_create(panel, guest, method, busy), g_variant_new("(s)", guest->id));
}

/* --- after a question; the data is a pending, and the ask frees it --- */

static void accepted_call(struct pending *question, GVariant *parameters)
{
	struct pending *pending = g_new0(struct pending, 1);

	*pending = *question;
	pending->id = g_strdup(question->id);
	call(pending, parameters);
}

static void accepted_plain(void *data, const char *answer)
{
	struct pending *pending = data;

	(void)answer;
	accepted_call(pending, g_variant_new("(s)", pending->id));
}

static void accepted_named(void *data, const char *answer)
{
	struct pending *pending = data;

	accepted_call(pending, g_variant_new("(ss)", pending->id, answer));
}

static void accepted_force_off(void *data, const char *answer)
{
	struct pending *pending = data;

	(void)answer;
	accepted_call(pending, g_variant_new("(sb)", pending->id, TRUE));
}

static void ask(struct panel *panel, const struct guest *guest, const struct ask_question *question,
		const char *method, const char *busy, ask_accepted accepted)
{
	panel_hide_error(panel);
	panel_show_page(panel, ask_widget(panel->ask));
	ask_show(panel->ask, question, accepted, pending_create(panel, guest, method, busy),
		 pending_free);
}

static void ask_snapshot(struct panel *panel, const struct guest *guest)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_local();
	g_autofree char *name = g_date_time_format(now, "%Y-%m-%d-%H%M%S");
	g_autofree char *title = g_strdup_printf("Snapshot of %s", guest->label);
	struct ask_question question = {
		.title = title,
		.text = "Keeps the guest as it is now, so that you can go back to it.",
		.entry_label = "_Name",
		.entry_text = name,
		.accept = "_Take snapshot",
	};

	ask(panel, guest, &question, "Snapshot", "Taking a snapshot", accepted_named);
}

static void ask_revert(struct panel *panel, const struct guest *guest)
{
	g_autofree char *title = g_strdup_printf("Revert %s", guest->label);
	struct ask_question question = {
		.title = title,
		.text = "Everything the guest has done since the chosen snapshot is lost.",
		.choices = guest->snapshots,
		.accept = "_Revert",
		.destructive = true,
	};

	if (guest->snapshots[0])
		ask(panel, guest, &question, "Revert", "Reverting", accepted_named);
}

static void ask_force_off(struct panel *panel, const struct guest *guest)
{
	g_autofree char *title = g_strdup_printf("Force %s off?", guest->label);
	struct ask_question question = {
		.title = title,
		.text = "As if the plug were pulled: the guest cannot save anything. Stop asks it "
			"to shut down first.",
		.accept = "_Force off",
		.destructive = true,
	};

	ask(panel, guest, &question, "Stop", "Forcing off", accepted_force_off);
}

static void ask_delete(struct panel *panel, const struct guest *guest)
{
	g_autofree char *title = g_strdup_printf("Delete %s?", guest->label);
	g_autofree char *disks = g_strjoinv("\n", guest->disks);
	g_autofree char *text = g_strdup_printf(
		"The guest, its snapshots and the disks that Mullion made for it are deleted for "
		"good. Images that you brought yourself stay.%s%s%s",
		guest_is_up(guest) ? "\n\nIt is running now and will be turned off." : "",
		*disks ? "\n\nIts disks:\n" : "", disks);
	struct ask_question question = {
		.title = title,
		.text = text,
		.accept = "_Delete",
		.destructive = true,
	};

	ask(panel, guest, &question, "Delete", "Deleting", accepted_plain);
}

void panel_act(struct panel *panel, const struct guest *guest, enum card_action action)
{
	switch (action) {
	case CARD_START:
		call_simple(panel, guest, "Start", "Starting");
		break;
	case CARD_STOP:
		call(pending_create(panel, guest, "Stop", "Stopping"),
		     g_variant_new("(sb)", guest->id, FALSE));
		break;
	case CARD_PAUSE:
		call_simple(panel, guest, "Pause", "Pausing");
		break;
	case CARD_RESUME:
		call_simple(panel, guest, "Resume", "Resuming");
		break;
	case CARD_SNAPSHOT:
		ask_snapshot(panel, guest);
		break;
	case CARD_REVERT:
		ask_revert(panel, guest);
		break;
	case CARD_FORCE_OFF:
		ask_force_off(panel, guest);
		break;
	case CARD_DELETE:
		ask_delete(panel, guest);
		break;
	}
}

static void focus_done(void *data, GVariant *result, const char *error)
{
	(void)result;
	if (error)
		panel_show_error(data, error);
}

void panel_open(struct panel *panel, const struct guest *guest)
{
	if (!guest_is_up(guest)) {
		panel_act(panel, guest, CARD_START);
		return;
	}
	panel_hide_error(panel);
	service_display(panel->service, "Focus", g_variant_new("(s)", guest->id), focus_done,
			panel);
}

/* --- a new guest --- */

struct creation {
	struct panel *panel;
	bool start;
};

static void started_new(void *data, GVariant *result, const char *error)
{
	(void)result;
	if (error)
		panel_show_error(data, error);
}

static void created(void *data, GVariant *result, const char *error)
{
	struct creation *creation = data;
	struct panel *panel = creation->panel;
	const char *id;

	wizard_set_busy(panel->wizard, false);
	if (error) {
		panel_show_error(panel, error); /* the form stays, to be mended */
	} else if (g_variant_is_of_type(result, G_VARIANT_TYPE("(s)"))) {
		g_variant_get(result, "(&s)", &id);
		g_free(panel->select_id);
		panel->select_id = g_strdup(id);
		if (creation->start)
			service_control(panel->service, "Start", g_variant_new("(s)", id),
					started_new, panel);
		panel_show_guests(panel);
	}
	g_free(creation);
}

void panel_create_guest(struct panel *panel, GVariant *spec, bool start)
{
	struct creation *creation = g_new0(struct creation, 1);

	creation->panel = panel;
	creation->start = start;
	panel_hide_error(panel);
	wizard_set_busy(panel->wizard, true);
	service_control(panel->service, "CreateGuest", g_variant_new("(@a{sv})", spec), created,
			creation);
}
