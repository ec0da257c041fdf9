# Guests on libvirt: the library that the command line and the daemon share, and the heads.
noinst_LIBRARIES += libcontrol.a
libcontrol_a_SOURCES = control/guest.h control/guest-internal.h \
	control/guest.c control/guest-accel.c control/guest-check.c control/guest-create.c \
	control/guest-event.c control/guest-files.c control/guest-image.c control/guest-offline.c \
	control/guest-probe.S control/guest-run.c control/guest-snapshot.c control/guest-store.c \
	control/guest-xml.c

# The command line.
bin_PROGRAMS += mullion
mullion_SOURCES = control/cli.c control/cli.h control/cli-console.c control/cli-create.c \
	control/cli-guest.c control/cli-output.c control/desktop.c
mullion_LDADD = libcontrol.a $(CONTROL_LIBS) $(GLIB_LIBS)
dist_man_MANS += doc/mullion.1
bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = control/completion/mullion

# The control daemon; all but main() also for its tests.
noinst_LIBRARIES += libdaemon.a
libdaemon_a_SOURCES = \
	control/daemon.h \
	control/daemon-display.c control/daemon-display.h \
	control/daemon-heads.c control/daemon-heads.h \
	control/daemon-look.c control/daemon-look.h \
	control/daemon-methods.c control/daemon-methods.h \
	control/daemon-service.c control/daemon-service.h \
	control/daemon-watch.c control/daemon-watch.h
pkglibexec_PROGRAMS += mullion-control
mullion_control_SOURCES = control/daemon.c
mullion_control_LDADD = libdaemon.a libcontrol.a libmullion-dbus.a $(CONTROL_LIBS) $(GLIB_LIBS)
dist_man_MANS += doc/mullion-control.8

# The head; all but main() also for its tests.
noinst_LIBRARIES += libhead.a
libhead_a_SOURCES = \
	control/head-damage.c control/head-damage.h \
	control/head-format.c control/head-format.h \
	control/head-input.c control/head-input.h \
	control/head-listener.c control/head-listener.h \
	control/head-message.c control/head-message.h \
	control/head-picture.c control/head-picture.h \
	control/head-qemu.c control/head-qemu.h \
	control/head-upload.c control/head-upload.h \
	control/qnum.c control/qnum.h
pkglibexec_PROGRAMS += mullion-head
mullion_head_SOURCES = control/head.c
mullion_head_LDADD = libhead.a libmullion-wire.a $(CONTROL_LIBS) $(GLIB_LIBS)
dist_man_MANS += doc/mullion-head.8
