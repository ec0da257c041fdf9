# The GTK3 panel.
pkglibexec_PROGRAMS += mullion-panel
mullion_panel_SOURCES = uivm/main.c \
	uivm/panel.c uivm/panel.h uivm/panel-private.h \
	uivm/panel-cards.c uivm/panel-actions.c uivm/panel-thumbnails.c \
	uivm/card.c uivm/card.h uivm/card-picture.c uivm/card-picture.h \
	uivm/ask.c uivm/ask.h \
	uivm/wizard.c uivm/wizard.h uivm/wizard-guess.c uivm/wizard-guess.h \
	uivm/service.c uivm/service.h \
	uivm/guest.c uivm/guest.h \
	uivm/style.c uivm/style.h
mullion_panel_CFLAGS = $(AM_CFLAGS) $(GTK_CFLAGS)
mullion_panel_LDADD = libmullion-dbus.a $(GTK_LIBS) $(GLIB_LIBS) -lm
dist_man_MANS += doc/mullion-panel.1
