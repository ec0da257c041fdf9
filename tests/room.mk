# Tests. `make check` runs all; `make check-fast` those that need no guest and end within two minutes.
# TESTS_FAST: unit tests, the fuzz smoke run, hostile input. TESTS_SYSTEM: real guests under QEMU, Xvfb.
TESTS_FAST =
TESTS_SYSTEM =
TEST_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS) $(DISPLAY_CFLAGS) $(CMOCKA_CFLAGS)
TEST_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/display -I$(top_srcdir)/control
TEST_LIBS = libdisplay.a libmullion-wire.a libmullion-dbus.a $(DISPLAY_LIBS) $(GLIB_LIBS) $(CMOCKA_LIBS)

if WITH_TESTS
# One stanza a test:
# check_PROGRAMS += tests/unit/test_seat
# TESTS_FAST += tests/unit/test_seat
# tests_unit_test_seat_CPPFLAGS = $(TEST_CPPFLAGS)
# tests_unit_test_seat_CFLAGS = $(TEST_CFLAGS)
# tests_unit_test_seat_LDADD = $(TEST_LIBS)
endif

TESTS += $(TESTS_FAST) $(TESTS_SYSTEM)

.PHONY: check-fast
check-fast:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS="$(TESTS_FAST)"
