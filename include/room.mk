# The D-Bus contracts, as C. Every program that speaks one links libmullion-dbus.a.
noinst_LIBRARIES += libmullion-dbus.a
nodist_libmullion_dbus_a_SOURCES = include/mullion-dbus/display-control.c include/mullion-dbus/display-control.h \
	include/mullion-dbus/control.c include/mullion-dbus/control.h
# Generated code is held to its generator's taste, not ours.
libmullion_dbus_a_CFLAGS = $(GLIB_CFLAGS) -w
BUILT_SOURCES += $(nodist_libmullion_dbus_a_SOURCES)
CLEANFILES += $(nodist_libmullion_dbus_a_SOURCES)

DBUS_CODEGEN = $(AM_V_GEN)$(MKDIR_P) $(@D) && $(GDBUS_CODEGEN) --interface-prefix org.mullion. \
	--c-namespace Mullion --c-generate-autocleanup all --output $@

include/mullion-dbus/display-control.h: include/mullion/display-control.xml
	$(DBUS_CODEGEN) --header $<
include/mullion-dbus/display-control.c: include/mullion/display-control.xml
	$(DBUS_CODEGEN) --body $<
include/mullion-dbus/control.h: include/mullion/control.xml
	$(DBUS_CODEGEN) --header $<
include/mullion-dbus/control.c: include/mullion/control.xml
	$(DBUS_CODEGEN) --body $<
