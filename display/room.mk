# libmullion-wire: the display protocol's framing, for both ends.
noinst_LIBRARIES += libmullion-wire.a libdisplay.a
libmullion_wire_a_SOURCES = display/wire.c display/wire-check.c

# Everything of the compositor but main(), so that tests can link it.
libdisplay_a_SOURCES = \
	display/chord.c display/chord.h \
	display/settings.c display/settings.h \
	display/seat.c display/seat.h \
	display/keycodes.c display/keycodes.h \
	display/source.c display/source.h \
	display/source-scanout.c display/source-scanout.h \
	display/panel-host.c display/panel-host.h display/panel-host-private.h \
	display/panel-host-surface.c display/panel-host-sub.c display/panel-host-paint.c \
	display/panel-host-output.c display/panel-host-shell.c display/panel-host-popup.c \
	display/panel-host-seat.c display/panel-host-pointer.c display/panel-host-data.c \
	display/placement.c display/placement.h \
	display/overlay.c display/overlay.h \
	display/scene.c display/scene.h \
	display/timeline.c display/timeline.h \
	display/frame-clock.c display/frame-clock.h \
	display/output.h display/output-headless.c \
	display/compositor.c display/compositor.h display/compositor-private.h \
	display/compositor-input.c display/guests.c \
	display/service.c display/service.h \
	display/test-socket.c display/test-socket.h

# xdg-shell, from wayland-protocols.
nodist_libdisplay_a_SOURCES = display/xdg-shell-protocol.c display/xdg-shell-server-protocol.h
BUILT_SOURCES += $(nodist_libdisplay_a_SOURCES)
CLEANFILES += $(nodist_libdisplay_a_SOURCES)
XDG_SHELL_XML = $(WAYLAND_PROTOCOLS)/stable/xdg-shell/xdg-shell.xml
display/xdg-shell-protocol.c: $(XDG_SHELL_XML)
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(WAYLAND_SCANNER) private-code $(XDG_SHELL_XML) $@
display/xdg-shell-server-protocol.h: $(XDG_SHELL_XML)
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(WAYLAND_SCANNER) server-header $(XDG_SHELL_XML) $@

# The compositor.
pkglibexec_PROGRAMS += mullion-display
mullion_display_SOURCES = display/main.c
if WITH_SDL
mullion_display_SOURCES += display/output-sdl.c
endif
mullion_display_CFLAGS = $(AM_CFLAGS) $(SDL_CFLAGS)
mullion_display_LDADD = libdisplay.a libmullion-wire.a libmullion-dbus.a $(SDL_LIBS) $(DISPLAY_LIBS) $(GLIB_LIBS)
dist_man_MANS += doc/mullion-display.8 doc/mullion-display.conf.5
