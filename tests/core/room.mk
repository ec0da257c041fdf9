# Tests of the core. Unit tests and fuzz targets of its pure parts are TESTS_FAST; boots of the
# emulated laptop are TESTS_CORE, a part of TESTS_SYSTEM's tier.
CORE_TEST_LIBS = libcore-pure.a $(CMOCKA_LIBS)

if WITH_TESTS
# A test of hypervisor/X/y.c is tests/core/test_y.c, with
#	tests_core_test_y_CPPFLAGS = $(CORE_CPPFLAGS)
#	tests_core_test_y_LDADD = $(CORE_TEST_LIBS)

# Panics, the log and RAM for host-run tests.
CORE_STUB = tests/core/stub.c tests/core/stub.h

check_PROGRAMS += tests/core/test_frame tests/core/test_table
TESTS_FAST += tests/core/test_frame tests/core/test_table
tests_core_test_frame_SOURCES = tests/core/test_frame.c $(CORE_STUB)
tests_core_test_frame_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_frame_LDADD = $(CORE_TEST_LIBS)
tests_core_test_table_SOURCES = tests/core/test_table.c $(CORE_STUB)
tests_core_test_table_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_table_LDADD = $(CORE_TEST_LIBS)
endif
