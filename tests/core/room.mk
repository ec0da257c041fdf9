# Tests of the core. Unit tests and fuzz targets of its pure parts are TESTS_FAST; boots of the
# emulated laptop are TESTS_CORE, a part of TESTS_SYSTEM's tier.
CORE_TEST_LIBS = libcore-pure.a $(CMOCKA_LIBS)

if WITH_TESTS
# A test of hypervisor/X/y.c is tests/core/test_y.c, with
#	tests_core_test_y_CPPFLAGS = $(CORE_CPPFLAGS)
#	tests_core_test_y_LDADD = $(CORE_TEST_LIBS)
endif
