# Tests. `make check` runs all; `make check-fast` those that need no guest and end within two minutes.
# TESTS_FAST: unit tests, the fuzz smoke run, hostile input. TESTS_SYSTEM: real guests under QEMU, Xvfb.
# TESTS_CORE: boots of the core on the emulated laptop, each of which keeps one CPU of the host busy, so
# that `make -j2 check-core` runs two side by side; `make check-hosted` is the rest.
TESTS_FAST =
TESTS_SYSTEM =
TESTS_CORE =
# What a test links that names nothing else.
LDADD = libdisplay.a libmullion-wire.a libmullion-dbus.a $(DISPLAY_LIBS) $(GLIB_LIBS) $(CMOCKA_LIBS)

# The hands and eyes of scripts on the headless output.
noinst_PROGRAMS += mullion-inject
mullion_inject_SOURCES = tests/system/inject.c
mullion_inject_LDADD = $(GLIB_LIBS)

# `make bench`: figures, each with a reference from the same run.
EXTRA_PROGRAMS += bench-display
EXTRA_DIST += tests/bench/session.sh
bench_display_SOURCES = tests/bench/bench-display.c
bench_display_LDADD = libdisplay.a libmullion-wire.a libmullion-dbus.a $(DISPLAY_LIBS) $(GLIB_LIBS)

.PHONY: bench
bench: all bench-display
	./bench-display
	srcdir=$(srcdir) $(srcdir)/tests/bench/session.sh
	$(MAKE) $(AM_MAKEFLAGS) bench-core

if WITH_TESTS
# A test of one file X.c is named X in check_PROGRAMS and in TESTS_FAST or TESTS_SYSTEM, no more.

# The display protocol and what stands at its compositor's end.
check_PROGRAMS += tests/unit/test_wire_check tests/unit/test_wire \
	tests/unit/test_source tests/unit/test_source_hostile
TESTS_FAST += tests/unit/test_wire_check tests/unit/test_wire \
	tests/unit/test_source tests/unit/test_source_hostile
tests_unit_test_wire_SOURCES = tests/unit/test_wire.c tests/unit/fake-head.c tests/unit/fake-head.h
SOURCE_PROBE = tests/unit/fake-head.c tests/unit/fake-head.h \
	tests/unit/source-probe.c tests/unit/source-probe.h
tests_unit_test_source_SOURCES = tests/unit/test_source.c $(SOURCE_PROBE)
tests_unit_test_source_hostile_SOURCES = tests/unit/test_source_hostile.c $(SOURCE_PROBE)

# Geometry and painting, to the pixel.
check_PROGRAMS += tests/unit/test_placement
TESTS_FAST += tests/unit/test_placement

# The seat, chords, the configuration file, and the numbers of keys.
check_PROGRAMS += tests/unit/test_seat tests/unit/test_seat_model tests/unit/test_chord \
	tests/unit/test_settings tests/unit/test_keycodes
TESTS_FAST += tests/unit/test_seat tests/unit/test_seat_model tests/unit/test_chord \
	tests/unit/test_settings tests/unit/test_keycodes
tests_unit_test_seat_model_SOURCES = tests/unit/test_seat_model.c \
	tests/unit/seat-observer.c tests/unit/seat-observer.h
tests_unit_test_keycodes_SOURCES = tests/unit/test_keycodes.c control/qnum.c control/qnum.h

# The panel under the panel host, with a fake session behind it.
if WITH_PANEL
check_PROGRAMS += tests/system/test_panel
TESTS_SYSTEM += tests/system/test_panel
tests_system_test_panel_SOURCES = tests/system/test_panel.c tests/system/fake-session.c tests/system/fake-session.h
endif

# The panel host, by a client in the same process.
check_PROGRAMS += tests/unit/test_panel_host tests/unit/test_panel_host_hostile
TESTS_FAST += tests/unit/test_panel_host tests/unit/test_panel_host_hostile
PANEL_CLIENT = tests/unit/panel-client.c tests/unit/panel-client.h tests/unit/panel-fixture.c tests/unit/panel-fixture.h
tests_unit_test_panel_host_hostile_SOURCES = tests/unit/test_panel_host_hostile.c $(PANEL_CLIENT)
nodist_tests_unit_test_panel_host_hostile_SOURCES = tests/unit/xdg-shell-client-protocol.h
tests_unit_test_panel_host_hostile_LDADD = $(LDADD) $(WAYLAND_CLIENT_LIBS)
tests_unit_test_panel_host_SOURCES = tests/unit/test_panel_host.c $(PANEL_CLIENT)
nodist_tests_unit_test_panel_host_SOURCES = tests/unit/xdg-shell-client-protocol.h
tests_unit_test_panel_host_LDADD = $(LDADD) $(WAYLAND_CLIENT_LIBS)
BUILT_SOURCES += tests/unit/xdg-shell-client-protocol.h
CLEANFILES += tests/unit/xdg-shell-client-protocol.h
tests/unit/xdg-shell-client-protocol.h: $(XDG_SHELL_XML)
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(WAYLAND_SCANNER) client-header $(XDG_SHELL_XML) $@

if WITH_CONTROL
# The guest library: its pure parts; and the command line with real guests.
check_PROGRAMS += tests/unit/test_guest
TESTS_FAST += tests/unit/test_guest
tests_unit_test_guest_LDADD = libcontrol.a $(CONTROL_LIBS) $(GLIB_LIBS) $(CMOCKA_LIBS)
TESTS_SYSTEM += tests/system/cli.sh tests/system/desktop.sh tests/system/mode.sh tests/system/window.sh
EXTRA_DIST += tests/system/rig.sh tests/system/cli.sh tests/system/desktop.sh tests/system/mode.sh tests/system/window.sh
# The head: its parts, and all of it between a real QEMU and a compositor made for the test.
check_PROGRAMS += tests/unit/test_head_picture tests/unit/test_head_upload tests/unit/test_head_input
TESTS_FAST += tests/unit/test_head_picture tests/unit/test_head_upload tests/unit/test_head_input
tests_unit_test_head_picture_LDADD = libhead.a $(DISPLAY_LIBS) $(GLIB_LIBS) $(CMOCKA_LIBS)
tests_unit_test_head_upload_LDADD = libhead.a $(DISPLAY_LIBS) $(GLIB_LIBS) $(CMOCKA_LIBS)
tests_unit_test_head_input_LDADD = libhead.a $(DISPLAY_LIBS) $(GLIB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/system/test_head
TESTS_SYSTEM += tests/system/test_head
tests_system_test_head_SOURCES = tests/system/test_head.c \
	tests/system/vm.c tests/system/vm.h tests/system/screen.c tests/system/screen.h
tests_system_test_head_LDADD = libmullion-wire.a $(CMOCKA_LIBS)

# The control daemon: its supervision of heads; all of it on libvirt's test driver; and with guests.
check_PROGRAMS += tests/unit/test_daemon_heads tests/system/test_control_daemon \
	tests/system/test_control_guests
TESTS_FAST += tests/unit/test_daemon_heads tests/system/test_control_daemon
TESTS_SYSTEM += tests/system/test_control_guests
CONTROL_RIG = tests/system/control-rig.c tests/system/control-rig.h
tests_unit_test_daemon_heads_LDADD = libdaemon.a $(GLIB_LIBS) $(CMOCKA_LIBS)
tests_system_test_control_daemon_SOURCES = tests/system/test_control_daemon.c $(CONTROL_RIG)
tests_system_test_control_daemon_LDADD = libmullion-dbus.a $(GLIB_LIBS) $(CMOCKA_LIBS)
tests_system_test_control_guests_SOURCES = tests/system/test_control_guests.c $(CONTROL_RIG)
tests_system_test_control_guests_LDADD = libmullion-dbus.a $(CONTROL_LIBS) $(GLIB_LIBS) $(CMOCKA_LIBS)
endif


endif

# Fuzz targets; tests/fuzz/fuzz.h says what one is. `make check` runs each as a smoke test, with any
# compiler; `make fuzz` builds them as tests/fuzz/X.libfuzzer, which takes clang.
FUZZ_TARGETS = tests/fuzz/fuzz_wire tests/fuzz/fuzz_settings
FUZZ_DRIVER = tests/fuzz/driver.c tests/fuzz/fuzz.h
check_PROGRAMS += $(FUZZ_TARGETS)
TESTS_FAST += $(FUZZ_TARGETS)
tests_fuzz_fuzz_wire_SOURCES = tests/fuzz/fuzz_wire.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_settings_SOURCES = tests/fuzz/fuzz_settings.c $(FUZZ_DRIVER)
CLEANFILES += fuzz_wire.input fuzz_settings.input

if WITH_CONTROL
FUZZ_TARGETS += tests/fuzz/fuzz_head_picture tests/fuzz/fuzz_head_listener
tests_fuzz_fuzz_head_picture_SOURCES = tests/fuzz/fuzz_head_picture.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_head_picture_LDADD = libhead.a $(GLIB_LIBS)
tests_fuzz_fuzz_head_listener_SOURCES = tests/fuzz/fuzz_head_listener.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_head_listener_LDADD = libhead.a $(GLIB_LIBS)
CLEANFILES += fuzz_head_picture.input fuzz_head_listener.input

# The compositor as a whole, on the headless output.
check_PROGRAMS += tests/unit/test_compositor
TESTS_FAST += tests/unit/test_compositor
tests_unit_test_compositor_SOURCES = tests/unit/test_compositor.c \
	tests/unit/fake-head.c tests/unit/fake-head.h
endif

# Compiled anew, as libraries built without the sanitizers would hide what goes on in them.
FUZZ_CC = clang
FUZZ_COMPILE = $(FUZZ_CC) $(DEFS) $(DEFAULT_INCLUDES) $(AM_CPPFLAGS) $(CPPFLAGS) $(AM_CFLAGS) -g -O1 \
	-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined
tests/fuzz/fuzz_wire.libfuzzer: tests/fuzz/fuzz_wire.c display/wire.c display/wire-check.c \
		display/source.c display/source-scanout.c
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(FUZZ_COMPILE) -o $@ $^ $(DISPLAY_LIBS) $(GLIB_LIBS)
tests/fuzz/fuzz_settings.libfuzzer: tests/fuzz/fuzz_settings.c display/settings.c display/chord.c
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(FUZZ_COMPILE) -o $@ $^ $(GLIB_LIBS)
FUZZ_HEAD_PICTURE = control/head-picture.c control/head-upload.c control/head-format.c control/head-damage.c
tests/fuzz/fuzz_head_picture.libfuzzer: tests/fuzz/fuzz_head_picture.c $(FUZZ_HEAD_PICTURE)
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(FUZZ_COMPILE) -o $@ $^
tests/fuzz/fuzz_head_listener.libfuzzer: tests/fuzz/fuzz_head_listener.c control/head-listener.c \
		control/head-message.c $(FUZZ_HEAD_PICTURE)
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(FUZZ_COMPILE) -o $@ $^ $(GLIB_LIBS)
CLEANFILES += $(FUZZ_TARGETS:=.libfuzzer)

.PHONY: fuzz
fuzz: $(FUZZ_TARGETS:=.libfuzzer)

TESTS += $(TESTS_FAST) $(TESTS_SYSTEM) $(TESTS_CORE)

# For builds with --enable-sanitizers.
EXTRA_DIST += tests/lsan.supp
AM_TESTS_ENVIRONMENT = LSAN_OPTIONS=suppressions=$(abs_top_srcdir)/tests/lsan.supp; export LSAN_OPTIONS;

.PHONY: check-fast check-core check-hosted
check-fast:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS="$(TESTS_FAST)"
check-core:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS="$(TESTS_CORE)"
check-hosted:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS="$(TESTS_FAST) $(TESTS_SYSTEM)"

# A build, the fast tests and an install from the release archive.
.PHONY: distcheck-fast
distcheck-fast:
	$(MAKE) $(AM_MAKEFLAGS) distcheck TESTS="$(TESTS_FAST)"
