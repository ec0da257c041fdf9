# Tests of the core. Unit tests and fuzz targets of its pure parts are TESTS_FAST; boots of the
# emulated laptop are TESTS_CORE.
CORE_TEST_LIBS = libcore-pure.a $(CMOCKA_LIBS)

if WITH_TESTS
# A test of hypervisor/X/y.c is tests/core/test_y.c, with
#	tests_core_test_y_CPPFLAGS = $(CORE_CPPFLAGS)
#	tests_core_test_y_LDADD = $(CORE_TEST_LIBS)

# Panics, the log and RAM for host-run tests.
CORE_STUB = tests/core/stub.c tests/core/stub.h

# Random numbers for host-run tests.
CORE_RANDOM = tests/core/splitmix.h
LAYOUT_RIG = tests/core/layout-rig.c tests/core/layout-rig.h
TABLE_RIG = tests/core/table-rig.c tests/core/table-rig.h $(CORE_STUB)

check_PROGRAMS += tests/core/test_flush_model tests/core/test_frame tests/core/test_layout tests/core/test_layout_model \
	tests/core/test_owner tests/core/test_range tests/core/test_table tests/core/test_table_flush
TESTS_FAST += tests/core/test_flush_model tests/core/test_frame tests/core/test_layout tests/core/test_layout_model \
	tests/core/test_owner tests/core/test_range tests/core/test_table tests/core/test_table_flush
tests_core_test_frame_SOURCES = tests/core/test_frame.c $(CORE_STUB)
tests_core_test_frame_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_frame_LDADD = $(CORE_TEST_LIBS)
tests_core_test_flush_model_SOURCES = tests/core/test_flush_model.c tests/core/flush-machine.c \
	tests/core/flush-machine.h $(CORE_RANDOM) $(CORE_STUB)
tests_core_test_flush_model_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_flush_model_LDADD = $(CORE_TEST_LIBS)
tests_core_test_layout_SOURCES = tests/core/test_layout.c $(LAYOUT_RIG) $(CORE_STUB)
tests_core_test_layout_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_layout_LDADD = $(CORE_TEST_LIBS)
tests_core_test_layout_model_SOURCES = tests/core/test_layout_model.c $(LAYOUT_RIG) $(CORE_RANDOM) $(CORE_STUB)
tests_core_test_layout_model_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_layout_model_LDADD = $(CORE_TEST_LIBS)
tests_core_test_owner_SOURCES = tests/core/test_owner.c $(CORE_STUB)
tests_core_test_owner_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_owner_LDADD = $(CORE_TEST_LIBS)
tests_core_test_range_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_range_LDADD = $(CORE_TEST_LIBS)
tests_core_test_table_SOURCES = tests/core/test_table.c $(TABLE_RIG)
tests_core_test_table_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_table_LDADD = $(CORE_TEST_LIBS)
tests_core_test_table_flush_SOURCES = tests/core/test_table_flush.c $(TABLE_RIG)
tests_core_test_table_flush_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_table_flush_LDADD = $(CORE_TEST_LIBS)

FAKE_ACPI = tests/core/fake-acpi.c tests/core/fake-acpi.h
ACPI_RIG = tests/core/acpi-rig.c tests/core/acpi-rig.h $(FAKE_ACPI)
check_PROGRAMS += tests/core/test_acpi_tables tests/core/test_ivrs tests/core/test_dmar tests/core/test_acpi_build
TESTS_FAST += tests/core/test_acpi_tables tests/core/test_ivrs tests/core/test_dmar tests/core/test_acpi_build
tests_core_test_acpi_tables_SOURCES = tests/core/test_acpi_tables.c $(ACPI_RIG)
tests_core_test_acpi_tables_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_acpi_tables_LDADD = $(CORE_TEST_LIBS)
tests_core_test_ivrs_SOURCES = tests/core/test_ivrs.c $(ACPI_RIG)
tests_core_test_ivrs_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_ivrs_LDADD = $(CORE_TEST_LIBS)
tests_core_test_dmar_SOURCES = tests/core/test_dmar.c $(ACPI_RIG)
tests_core_test_dmar_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_dmar_LDADD = $(CORE_TEST_LIBS)
tests_core_test_acpi_build_SOURCES = tests/core/test_acpi_build.c $(FAKE_ACPI)
tests_core_test_acpi_build_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_acpi_build_LDADD = $(CORE_TEST_LIBS)

# The core's start and end.
TESTS_FAST += tests/core/reasons.sh
EXTRA_DIST += tests/core/reasons.sh doc/reason-codes.md
check_PROGRAMS += tests/core/test_format tests/core/test_require tests/core/test_text tests/core/test_crash tests/core/test_cmos
TESTS_FAST += tests/core/test_format tests/core/test_require tests/core/test_text tests/core/test_crash tests/core/test_cmos
tests_core_test_format_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_format_LDADD = $(CORE_TEST_LIBS)
tests_core_test_require_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_require_LDADD = $(CORE_TEST_LIBS)
tests_core_test_text_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_text_LDADD = $(CORE_TEST_LIBS)
tests_core_test_crash_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_crash_LDADD = $(CORE_TEST_LIBS)
tests_core_test_cmos_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_cmos_LDADD = $(CORE_TEST_LIBS)

check_PROGRAMS += tests/core/test_manifest tests/core/test_multiboot2
TESTS_FAST += tests/core/test_manifest tests/core/test_multiboot2
tests_core_test_manifest_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_manifest_LDADD = $(CORE_TEST_LIBS)
tests_core_test_multiboot2_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_multiboot2_LDADD = $(CORE_TEST_LIBS)

# Fuzz targets; `make fuzz` builds them from the sources that are named.
CORE_FUZZ_COMPILE = $(FUZZ_COMPILE) $(CORE_CPPFLAGS)
FUZZ_TARGETS += tests/fuzz/fuzz_manifest tests/fuzz/fuzz_multiboot2
tests_fuzz_fuzz_manifest_SOURCES = tests/fuzz/fuzz_manifest.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_manifest_CPPFLAGS = $(CORE_CPPFLAGS)
tests_fuzz_fuzz_manifest_LDADD = libcore-pure.a
tests/fuzz/fuzz_manifest.libfuzzer: tests/fuzz/fuzz_manifest.c hypervisor/boot/manifest.c \
		hypervisor/lib/format.c
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(CORE_FUZZ_COMPILE) -o $@ $^
tests_fuzz_fuzz_multiboot2_SOURCES = tests/fuzz/fuzz_multiboot2.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_multiboot2_CPPFLAGS = $(CORE_CPPFLAGS)
tests_fuzz_fuzz_multiboot2_LDADD = libcore-pure.a
tests/fuzz/fuzz_multiboot2.libfuzzer: tests/fuzz/fuzz_multiboot2.c hypervisor/boot/multiboot2.c
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(CORE_FUZZ_COMPILE) -o $@ $^
FUZZ_TARGETS += tests/fuzz/fuzz_acpi
tests_fuzz_fuzz_acpi_SOURCES = tests/fuzz/fuzz_acpi.c $(FAKE_ACPI) $(FUZZ_DRIVER)
tests_fuzz_fuzz_acpi_CPPFLAGS = $(CORE_CPPFLAGS)
tests_fuzz_fuzz_acpi_LDADD = libcore-pure.a
tests/fuzz/fuzz_acpi.libfuzzer: tests/fuzz/fuzz_acpi.c tests/core/fake-acpi.c hypervisor/acpi/aml.c \
		hypervisor/acpi/build.c hypervisor/acpi/dmar.c hypervisor/acpi/ivrs.c hypervisor/acpi/madt.c \
		hypervisor/acpi/tables.c
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(CORE_FUZZ_COMPILE) -o $@ $^
FUZZ_TARGETS += tests/fuzz/fuzz_table
tests_fuzz_fuzz_table_SOURCES = tests/fuzz/fuzz_table.c $(FUZZ_DRIVER) $(CORE_STUB)
tests_fuzz_fuzz_table_CPPFLAGS = $(CORE_CPPFLAGS)
tests_fuzz_fuzz_table_LDADD = libcore-pure.a
tests/fuzz/fuzz_table.libfuzzer: tests/fuzz/fuzz_table.c tests/core/stub.c hypervisor/memory/flush.c \
		hypervisor/memory/frame.c hypervisor/memory/owner.c hypervisor/memory/table.c
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(CORE_FUZZ_COMPILE) -o $@ $^
CLEANFILES += fuzz_table.input
CLEANFILES += fuzz_manifest.input fuzz_multiboot2.input fuzz_acpi.input

# PCI, on a copy of QEMU's configuration space.
CORE_FAKE_PCI = tests/core/fake-pci.c tests/core/fake-pci.h tests/core/fake-pci-dump.h
check_PROGRAMS += tests/core/test_config tests/core/test_caps tests/core/test_scan
TESTS_FAST += tests/core/test_config tests/core/test_caps tests/core/test_scan
tests_core_test_config_SOURCES = tests/core/test_config.c hypervisor/pci/config.c
tests_core_test_config_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_config_LDADD = $(CORE_TEST_LIBS)
tests_core_test_caps_SOURCES = tests/core/test_caps.c $(CORE_FAKE_PCI)
tests_core_test_caps_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_caps_LDADD = $(CORE_TEST_LIBS)
tests_core_test_scan_SOURCES = tests/core/test_scan.c hypervisor/pci/scan.c $(CORE_FAKE_PCI) $(CORE_STUB)
tests_core_test_scan_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_scan_LDADD = $(CORE_TEST_LIBS)
CORE_VPCI = hypervisor/pci/bars.c hypervisor/pci/claim.c hypervisor/pci/msi.c hypervisor/pci/msix.c \
	hypervisor/pci/reset.c hypervisor/pci/scan.c hypervisor/pci/vpci.c tests/core/pci-rig.c \
	tests/core/pci-rig.h $(CORE_FAKE_PCI) $(CORE_STUB)
check_PROGRAMS += tests/core/test_policy tests/core/test_vpci tests/core/test_vpci_config tests/core/test_vpci_msi \
	tests/core/test_vpci_reset
TESTS_FAST += tests/core/test_policy tests/core/test_vpci tests/core/test_vpci_config tests/core/test_vpci_msi \
	tests/core/test_vpci_reset
tests_core_test_policy_SOURCES = tests/core/test_policy.c $(CORE_FAKE_PCI)
tests_core_test_policy_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_policy_LDADD = $(CORE_TEST_LIBS)
tests_core_test_vpci_SOURCES = tests/core/test_vpci.c $(CORE_VPCI)
tests_core_test_vpci_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_vpci_LDADD = $(CORE_TEST_LIBS)
tests_core_test_vpci_config_SOURCES = tests/core/test_vpci_config.c $(CORE_VPCI)
tests_core_test_vpci_config_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_vpci_config_LDADD = $(CORE_TEST_LIBS)
tests_core_test_vpci_reset_SOURCES = tests/core/test_vpci_reset.c $(CORE_VPCI)
tests_core_test_vpci_reset_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_vpci_reset_LDADD = $(CORE_TEST_LIBS)
tests_core_test_vpci_msi_SOURCES = tests/core/test_vpci_msi.c $(CORE_VPCI)
tests_core_test_vpci_msi_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_vpci_msi_LDADD = $(CORE_TEST_LIBS)
FUZZ_TARGETS += tests/fuzz/fuzz_vpci
tests_fuzz_fuzz_vpci_SOURCES = tests/fuzz/fuzz_vpci.c $(FUZZ_DRIVER) $(CORE_VPCI)
tests_fuzz_fuzz_vpci_CPPFLAGS = $(CORE_CPPFLAGS)
tests_fuzz_fuzz_vpci_LDADD = libcore-pure.a
tests/fuzz/fuzz_vpci.libfuzzer: tests/fuzz/fuzz_vpci.c hypervisor/pci/bars.c hypervisor/pci/caps.c \
		hypervisor/pci/claim.c hypervisor/pci/msi.c hypervisor/pci/msix.c hypervisor/pci/policy.c \
		hypervisor/pci/reset.c hypervisor/pci/scan.c hypervisor/pci/vpci.c tests/core/pci-rig.c \
		tests/core/fake-pci.c tests/core/stub.c hypervisor/memory/flush.c hypervisor/memory/frame.c \
		hypervisor/memory/owner.c hypervisor/memory/table.c
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(CORE_FUZZ_COMPILE) -o $@ $^
CLEANFILES += fuzz_vpci.input
FUZZ_TARGETS += tests/fuzz/fuzz_caps
tests_fuzz_fuzz_caps_SOURCES = tests/fuzz/fuzz_caps.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_caps_CPPFLAGS = $(CORE_CPPFLAGS)
tests_fuzz_fuzz_caps_LDADD = libcore-pure.a
tests/fuzz/fuzz_caps.libfuzzer: tests/fuzz/fuzz_caps.c hypervisor/pci/caps.c
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(CORE_FUZZ_COMPILE) -o $@ $^
CLEANFILES += fuzz_caps.input

# Hypercalls and the bus function, with fake VMs around them.
CORE_BUS = hypervisor/vm/bus.c hypervisor/vm/hypercall.c hypervisor/vm/hypercall.h tests/core/fake-guest.c \
	tests/core/fake-vm.c tests/core/fake-vm.h $(CORE_STUB)
check_PROGRAMS += tests/core/test_bus tests/core/test_hypercall
TESTS_FAST += tests/core/test_bus tests/core/test_hypercall
tests_core_test_bus_SOURCES = tests/core/test_bus.c $(CORE_BUS)
tests_core_test_bus_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_bus_LDADD = $(CORE_TEST_LIBS)
tests_core_test_hypercall_SOURCES = tests/core/test_hypercall.c $(CORE_BUS)
tests_core_test_hypercall_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_hypercall_LDADD = $(CORE_TEST_LIBS)
FUZZ_TARGETS += tests/fuzz/fuzz_hypercall
tests_fuzz_fuzz_hypercall_SOURCES = tests/fuzz/fuzz_hypercall.c $(FUZZ_DRIVER) $(CORE_BUS)
tests_fuzz_fuzz_hypercall_CPPFLAGS = $(CORE_CPPFLAGS)
tests_fuzz_fuzz_hypercall_LDADD = libcore-pure.a
tests/fuzz/fuzz_hypercall.libfuzzer: tests/fuzz/fuzz_hypercall.c hypervisor/vm/bus.c hypervisor/vm/hypercall.c \
		tests/core/fake-guest.c tests/core/fake-vm.c tests/core/stub.c hypervisor/memory/frame.c hypervisor/memory/owner.c
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(CORE_FUZZ_COMPILE) -o $@ $^
CLEANFILES += fuzz_hypercall.input

# IOMMUs' formats, and interrupts on their way.
check_PROGRAMS += tests/core/test_amd_format tests/core/test_vtd_format tests/core/test_irq
TESTS_FAST += tests/core/test_amd_format tests/core/test_vtd_format tests/core/test_irq
tests_core_test_amd_format_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_amd_format_LDADD = $(CORE_TEST_LIBS)
tests_core_test_vtd_format_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_vtd_format_LDADD = $(CORE_TEST_LIBS)
tests_core_test_irq_SOURCES = tests/core/test_irq.c hypervisor/vm/irq.c
tests_core_test_irq_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_irq_LDADD = $(CORE_TEST_LIBS)
check_PROGRAMS += tests/core/test_faults tests/core/test_iommu
TESTS_FAST += tests/core/test_faults tests/core/test_iommu
tests_core_test_iommu_SOURCES = tests/core/test_iommu.c hypervisor/iommu/iommu.c $(CORE_STUB)
tests_core_test_iommu_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_iommu_LDADD = $(CORE_TEST_LIBS)
tests_core_test_faults_SOURCES = tests/core/test_faults.c hypervisor/vm/faults.c $(CORE_STUB)
tests_core_test_faults_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_faults_LDADD = $(CORE_TEST_LIBS)
FUZZ_TARGETS += tests/fuzz/fuzz_iommu
tests_fuzz_fuzz_iommu_SOURCES = tests/fuzz/fuzz_iommu.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_iommu_CPPFLAGS = $(CORE_CPPFLAGS)
tests_fuzz_fuzz_iommu_LDADD = libcore-pure.a
tests/fuzz/fuzz_iommu.libfuzzer: tests/fuzz/fuzz_iommu.c hypervisor/iommu/amd-format.c \
		hypervisor/iommu/vtd-format.c hypervisor/vm/msi.c
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(CORE_FUZZ_COMPILE) -o $@ $^
CLEANFILES += fuzz_iommu.input

# The virtual APICs.
VLAPIC_RIG = tests/core/vlapic-rig.c tests/core/vlapic-rig.h
check_PROGRAMS += tests/core/test_vlapic tests/core/test_vlapic_interrupt tests/core/test_vlapic_model \
	tests/core/test_vlapic_timer tests/core/test_vioapic
TESTS_FAST += tests/core/test_vlapic tests/core/test_vlapic_interrupt tests/core/test_vlapic_model \
	tests/core/test_vlapic_timer tests/core/test_vioapic
tests_core_test_vlapic_SOURCES = tests/core/test_vlapic.c $(VLAPIC_RIG)
tests_core_test_vlapic_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_vlapic_LDADD = $(CORE_TEST_LIBS)
tests_core_test_vlapic_interrupt_SOURCES = tests/core/test_vlapic_interrupt.c $(VLAPIC_RIG)
tests_core_test_vlapic_interrupt_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_vlapic_interrupt_LDADD = $(CORE_TEST_LIBS)
tests_core_test_vlapic_timer_SOURCES = tests/core/test_vlapic_timer.c $(VLAPIC_RIG)
tests_core_test_vlapic_timer_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_vlapic_timer_LDADD = $(CORE_TEST_LIBS)
tests_core_test_vlapic_model_SOURCES = tests/core/test_vlapic_model.c tests/core/vlapic-model.c \
	tests/core/vlapic-model.h $(CORE_RANDOM)
tests_core_test_vlapic_model_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_vlapic_model_LDADD = $(CORE_TEST_LIBS)
tests_core_test_vioapic_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_vioapic_LDADD = $(CORE_TEST_LIBS)
FUZZ_TARGETS += tests/fuzz/fuzz_vlapic
tests_fuzz_fuzz_vlapic_SOURCES = tests/fuzz/fuzz_vlapic.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_vlapic_CPPFLAGS = $(CORE_CPPFLAGS)
tests_fuzz_fuzz_vlapic_LDADD = libcore-pure.a
tests/fuzz/fuzz_vlapic.libfuzzer: tests/fuzz/fuzz_vlapic.c hypervisor/vm/vlapic.c \
		hypervisor/vm/vlapic-interrupt.c hypervisor/vm/vlapic-timer.c
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(CORE_FUZZ_COMPILE) -o $@ $^
CLEANFILES += fuzz_vlapic.input

# Instructions that access devices, and how they are found.
check_PROGRAMS += tests/core/test_insn tests/core/test_walk
TESTS_FAST += tests/core/test_insn tests/core/test_walk
tests_core_test_insn_SOURCES = tests/core/test_insn.c $(CORE_RANDOM)
tests_core_test_insn_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_insn_LDADD = $(CORE_TEST_LIBS)
tests_core_test_walk_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_walk_LDADD = $(CORE_TEST_LIBS)
FUZZ_TARGETS += tests/fuzz/fuzz_insn tests/fuzz/fuzz_walk
tests_fuzz_fuzz_insn_SOURCES = tests/fuzz/fuzz_insn.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_insn_CPPFLAGS = $(CORE_CPPFLAGS)
tests_fuzz_fuzz_insn_LDADD = libcore-pure.a
tests/fuzz/fuzz_insn.libfuzzer: tests/fuzz/fuzz_insn.c hypervisor/vm/insn.c
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(CORE_FUZZ_COMPILE) -o $@ $^
tests_fuzz_fuzz_walk_SOURCES = tests/fuzz/fuzz_walk.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_walk_CPPFLAGS = $(CORE_CPPFLAGS)
tests_fuzz_fuzz_walk_LDADD = libcore-pure.a
tests/fuzz/fuzz_walk.libfuzzer: tests/fuzz/fuzz_walk.c hypervisor/vm/walk.c
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(CORE_FUZZ_COMPILE) -o $@ $^
CLEANFILES += fuzz_insn.input fuzz_walk.input

# The legacy devices, KVM's clock, trace and counters.
check_PROGRAMS += tests/core/test_devices tests/core/test_pvclock tests/core/test_trace
TESTS_FAST += tests/core/test_devices tests/core/test_pvclock tests/core/test_trace
tests_core_test_devices_SOURCES = tests/core/test_devices.c hypervisor/vm/devices.c hypervisor/vm/pic.c \
	hypervisor/vm/pm.c hypervisor/vm/ps2.c hypervisor/vm/reset.c hypervisor/vm/uart.c $(CORE_STUB)
tests_core_test_devices_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_devices_LDADD = $(CORE_TEST_LIBS)
tests_core_test_pvclock_SOURCES = tests/core/test_pvclock.c hypervisor/vm/pvclock.c
tests_core_test_pvclock_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_pvclock_LDADD = $(CORE_TEST_LIBS)
tests_core_test_trace_SOURCES = tests/core/test_trace.c $(CORE_STUB)
tests_core_test_trace_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_trace_LDADD = $(CORE_TEST_LIBS)

# Power-off in AML.
check_PROGRAMS += tests/core/test_sleep
TESTS_FAST += tests/core/test_sleep
tests_core_test_sleep_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_sleep_LDADD = $(CORE_TEST_LIBS)

# Guests, without guest mode.
GUEST_RIG = tests/core/guest-rig.c tests/core/guest-rig.h hypervisor/guest/calls.c hypervisor/guest/cpuid.c \
	hypervisor/guest/exit.c hypervisor/guest/guest.c hypervisor/guest/run.c hypervisor/guest/vcpu.c \
	hypervisor/svm/guest.c hypervisor/svm/state.c hypervisor/vm/vm.c $(CORE_STUB)
check_PROGRAMS += tests/core/test_guest_calls tests/core/test_guest_vcpu
TESTS_FAST += tests/core/test_guest_calls tests/core/test_guest_vcpu
tests_core_test_guest_calls_SOURCES = tests/core/test_guest_calls.c $(GUEST_RIG)
tests_core_test_guest_calls_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_guest_calls_LDADD = $(CORE_TEST_LIBS)
tests_core_test_guest_vcpu_SOURCES = tests/core/test_guest_vcpu.c $(GUEST_RIG)
tests_core_test_guest_vcpu_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_guest_vcpu_LDADD = $(CORE_TEST_LIBS) -lpthread

FUZZ_TARGETS += tests/fuzz/fuzz_guest
tests_fuzz_fuzz_guest_SOURCES = tests/fuzz/fuzz_guest.c $(FUZZ_DRIVER) $(GUEST_RIG)
tests_fuzz_fuzz_guest_CPPFLAGS = $(CORE_CPPFLAGS)
tests_fuzz_fuzz_guest_LDADD = libcore-pure.a
tests/fuzz/fuzz_guest.libfuzzer: tests/fuzz/fuzz_guest.c tests/core/guest-rig.c hypervisor/guest/calls.c \
		hypervisor/guest/cpuid.c hypervisor/guest/exit.c hypervisor/guest/guest.c hypervisor/guest/run.c \
		hypervisor/guest/vcpu.c hypervisor/svm/check.c hypervisor/svm/guest.c hypervisor/svm/state.c \
		hypervisor/vm/insn.c hypervisor/vm/msi.c hypervisor/vm/vioapic.c hypervisor/vm/vlapic.c \
		hypervisor/vm/vlapic-interrupt.c hypervisor/vm/vlapic-timer.c hypervisor/vm/vm.c hypervisor/vm/walk.c \
		tests/core/stub.c hypervisor/memory/flush.c hypervisor/memory/frame.c hypervisor/memory/owner.c \
		hypervisor/memory/table.c
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(CORE_FUZZ_COMPILE) -o $@ $^
CLEANFILES += fuzz_guest.input

# What VMRUN refuses.
check_PROGRAMS += tests/core/test_svm_check
TESTS_FAST += tests/core/test_svm_check
tests_core_test_svm_check_CPPFLAGS = $(CORE_CPPFLAGS)
tests_core_test_svm_check_LDADD = $(CORE_TEST_LIBS)

# The KVM module's instructions, beside the CPU's own.
KVM_CPPFLAGS = -I$(top_srcdir)/include -I$(top_srcdir)/linux -D_GNU_SOURCE
KVM_INSN = linux/kvm-decode.c linux/kvm-decode.h linux/kvm-execute.c linux/kvm-insn.c linux/kvm-insn.h \
	linux/kvm-segment.c linux/kvm-segment.h include/mullion/arithmetic.h
KVM_PIO = linux/kvm-pio.c linux/kvm-pio.h
check_PROGRAMS += tests/core/test_kvm_insn tests/core/test_kvm_insn_steps tests/core/test_kvm_pio \
	tests/core/test_kvm_segment
TESTS_FAST += tests/core/test_kvm_insn tests/core/test_kvm_insn_steps tests/core/test_kvm_pio \
	tests/core/test_kvm_segment
KVM_RIG = tests/core/kvm-rig.c tests/core/kvm-rig.h
tests_core_test_kvm_insn_SOURCES = tests/core/test_kvm_insn.c tests/core/kvm-case.c tests/core/kvm-case.h \
	tests/core/native.c tests/core/native.h $(CORE_RANDOM) \
	$(KVM_INSN)
tests_core_test_kvm_insn_CPPFLAGS = $(KVM_CPPFLAGS)
tests_core_test_kvm_insn_LDADD = $(CMOCKA_LIBS)
tests_core_test_kvm_insn_steps_SOURCES = tests/core/test_kvm_insn_steps.c $(KVM_RIG) $(KVM_INSN)
tests_core_test_kvm_insn_steps_CPPFLAGS = $(KVM_CPPFLAGS)
tests_core_test_kvm_insn_steps_LDADD = $(CMOCKA_LIBS)
tests_core_test_kvm_segment_SOURCES = tests/core/test_kvm_segment.c $(KVM_RIG) $(KVM_INSN)
tests_core_test_kvm_segment_CPPFLAGS = $(KVM_CPPFLAGS)
tests_core_test_kvm_segment_LDADD = $(CMOCKA_LIBS)
tests_core_test_kvm_pio_SOURCES = tests/core/test_kvm_pio.c $(CORE_RANDOM) $(KVM_PIO) linux/kvm-segment.c
tests_core_test_kvm_pio_CPPFLAGS = $(KVM_CPPFLAGS)
tests_core_test_kvm_pio_LDADD = $(CMOCKA_LIBS)
FUZZ_TARGETS += tests/fuzz/fuzz_kvm_insn
tests_fuzz_fuzz_kvm_insn_SOURCES = tests/fuzz/fuzz_kvm_insn.c $(FUZZ_DRIVER) $(KVM_INSN) $(KVM_PIO)
tests_fuzz_fuzz_kvm_insn_CPPFLAGS = $(KVM_CPPFLAGS)
tests_fuzz_fuzz_kvm_insn_LDADD =
tests/fuzz/fuzz_kvm_insn.libfuzzer: tests/fuzz/fuzz_kvm_insn.c linux/kvm-decode.c linux/kvm-execute.c \
		linux/kvm-insn.c linux/kvm-pio.c linux/kvm-segment.c
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(FUZZ_COMPILE) $(KVM_CPPFLAGS) -o $@ $^
CLEANFILES += fuzz_kvm_insn.input

# Its tables.
check_PROGRAMS += tests/core/test_kvm_tables
TESTS_FAST += tests/core/test_kvm_tables
tests_core_test_kvm_tables_SOURCES = tests/core/test_kvm_tables.c linux/kvm-features.c linux/kvm-features.h \
	linux/kvm-enlighten.h include/mullion/guest.h \
	linux/kvm-msr-table.c linux/kvm-msr-table.h linux/kvm-route.c linux/kvm-route.h linux/kvm-scale.h
tests_core_test_kvm_tables_CPPFLAGS = $(KVM_CPPFLAGS)
tests_core_test_kvm_tables_LDADD = $(CMOCKA_LIBS)
check_PROGRAMS += tests/core/test_kvm_enlighten
TESTS_FAST += tests/core/test_kvm_enlighten
tests_core_test_kvm_enlighten_SOURCES = tests/core/test_kvm_enlighten.c linux/kvm-enlighten.c linux/kvm-enlighten.h \
	linux/kvm-msr-table.c linux/kvm-msr-table.h linux/kvm-scale.h linux/kvm-segment.c linux/kvm-segment.h
tests_core_test_kvm_enlighten_CPPFLAGS = $(KVM_CPPFLAGS)
tests_core_test_kvm_enlighten_LDADD = $(CMOCKA_LIBS)

# Boots of the emulated laptop, the longest first. guest-kill.sh is run by hand (CAVEATS.md).
if WITH_CORE
TESTS_CORE += tests/core/images.sh tests/core/qemu.sh tests/core/restart.sh tests/core/attack-ui.sh tests/core/boot.sh \
	tests/core/attack-control.sh tests/core/libvirt.sh tests/core/refuse.sh tests/core/guest-fuzz.sh \
	tests/core/kvm.sh tests/core/guest.sh
endif
endif

# The service VMs' images are made by scripts/core-images.
EXTRA_DIST += uivm/image control/image tests/core/rig.sh tests/core/images.sh tests/core/boot.sh \
	tests/core/refuse.sh tests/core/restart.sh tests/core/attack-ui.sh tests/core/attack-control.sh \
	tests/core/attack tests/core/guest.sh tests/core/guest tests/core/kvm.sh tests/core/kvm \
	tests/core/fail

# The core's figures, and the VM of ours that counts.
GUEST_CFLAGS = -std=gnu11 -m64 -O2 -ffreestanding -fpie -mno-red-zone -mgeneral-regs-only \
	-fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none -Wall -Wextra
EXTRA_DIST += tests/bench/core.sh tests/core/guests/exits.c tests/core/guests/exits.lds \
	tests/core/guests/start.S tests/core/qemu.sh \
	tests/core/libvirt.sh tests/core/guests/libvirt control/guests
CLEANFILES += tests/core/guests/exits tests/core/guests/exits.multiboot
tests/core/guests/exits.multiboot: tests/core/guests/exits
	$(AM_V_GEN)tail -c +1025 tests/core/guests/exits >$@
tests/core/guests/exits: tests/core/guests/start.S tests/core/guests/exits.c tests/core/guests/exits.lds
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(CC) $(GUEST_CFLAGS) -I$(top_srcdir)/include -nostdlib -static \
		-Wl,--build-id=none -Wl,-T,$(srcdir)/tests/core/guests/exits.lds -o $@ \
		$(srcdir)/tests/core/guests/start.S $(srcdir)/tests/core/guests/exits.c

# The guest that tries everything, and one that looks at its memory.
ROM_CFLAGS = -m32 -std=gnu11 -Os -ffreestanding -fno-pic -fno-pie -mgeneral-regs-only -fno-stack-protector \
	-fno-asynchronous-unwind-tables -fcf-protection=none -Wall -Wextra
ROM_LINK = $(CC) $(ROM_CFLAGS) -I$(top_srcdir)/include -nostdlib -static -Wl,--build-id=none \
	-Wl,-T,$(srcdir)/tests/core/guests/rom.lds
EXTRA_DIST += tests/core/guests/fuzz.S tests/core/guests/fuzz.c tests/core/guests/fuzz.h \
	tests/core/guests/fuzz-code.c tests/core/guests/fuzz-code.h \
	tests/core/guests/bystander.S tests/core/guests/rom.lds tests/core/guests/fuzz-run tests/core/guests/vmm.c \
	tests/core/guests/kill-run tests/core/guest-fuzz.sh tests/core/guest-kill.sh
CLEANFILES += tests/core/guests/fuzz.rom tests/core/guests/bystander.rom
tests/core/guests/fuzz.rom: tests/core/guests/fuzz.S tests/core/guests/fuzz.c tests/core/guests/fuzz-code.c \
		tests/core/guests/fuzz-code.h tests/core/guests/fuzz.h tests/core/guests/rom.lds \
		include/mullion/hypercall.h
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(ROM_LINK) -o $@ $(srcdir)/tests/core/guests/fuzz.S \
		$(srcdir)/tests/core/guests/fuzz.c $(srcdir)/tests/core/guests/fuzz-code.c
tests/core/guests/bystander.rom: tests/core/guests/bystander.S tests/core/guests/rom.lds
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(ROM_LINK) -o $@ $(srcdir)/tests/core/guests/bystander.S

.PHONY: run-core bench-core
if WITH_CORE
run-core: mullion-core
	$(srcdir)/scripts/core-run --build .
bench-core: mullion-core tests/core/guests/exits tests/core/guests/exits.multiboot
	srcdir=$(srcdir) $(srcdir)/tests/bench/core.sh
else
bench-core run-core:
	@echo "the core was left out by configure --without-core" >&2; false
endif
