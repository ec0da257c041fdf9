# The core: one freestanding ELF that GRUB starts through multiboot2. Nothing of the build host's C
# library is in it. Pure files are built a second time for the host, for unit tests and fuzzing.

# Pure: no privileged instruction, no global state but what their headers name.
CORE_PURE = \
	hypervisor/memory/flush.c hypervisor/memory/flush.h hypervisor/memory/frame.c hypervisor/memory/frame.h \
	hypervisor/memory/layout.c hypervisor/memory/layout.h hypervisor/memory/range.c hypervisor/memory/range.h \
	hypervisor/memory/owner.c hypervisor/memory/owner.h hypervisor/memory/table.c hypervisor/memory/table.h \
	hypervisor/lib/errno.h hypervisor/lib/format.c hypervisor/lib/format.h hypervisor/lib/lock.h hypervisor/lib/log.h \
	hypervisor/lib/reason.c hypervisor/lib/reason.h hypervisor/lib/string.h hypervisor/lib/types.h
CORE_PURE += hypervisor/acpi/aml.c hypervisor/acpi/aml.h hypervisor/acpi/build.c hypervisor/acpi/build.h \
	hypervisor/acpi/dmar.c hypervisor/acpi/ivrs.c hypervisor/acpi/madt.c hypervisor/acpi/tables.c \
	hypervisor/acpi/tables.h hypervisor/acpi/view.h
CORE_PURE += hypervisor/boot/manifest.c hypervisor/boot/manifest.h hypervisor/boot/multiboot2.c \
	hypervisor/boot/multiboot2.h hypervisor/lib/bytes.h
CORE_PURE += include/mullion/arithmetic.h include/mullion/trace.h hypervisor/vm/counters.c hypervisor/vm/counters.h \
	hypervisor/vm/insn.c hypervisor/vm/insn.h hypervisor/vm/trace.c hypervisor/vm/trace.h \
	hypervisor/vm/walk.c hypervisor/vm/walk.h
CORE_PURE += hypervisor/vm/vioapic.c hypervisor/vm/vioapic.h hypervisor/vm/vlapic-interrupt.c \
	hypervisor/vm/vlapic-parts.h hypervisor/vm/vlapic-timer.c hypervisor/vm/vlapic.c \
	hypervisor/vm/vlapic.h
CORE_PURE += hypervisor/acpi/sleep.c hypervisor/acpi/sleep.h
CORE_PURE += hypervisor/boot/linux.c hypervisor/boot/linux.h hypervisor/svm/check.c
CORE_PURE += hypervisor/pci/caps.c hypervisor/pci/caps.h hypervisor/pci/policy.c hypervisor/pci/policy.h
CORE_PURE += hypervisor/boot/crash.c hypervisor/boot/crash.h hypervisor/x86/cmos.c hypervisor/x86/cmos.h hypervisor/x86/require.c hypervisor/x86/require.h \
	hypervisor/x86/text.c hypervisor/x86/text.h
CORE_PURE += hypervisor/iommu/amd-format.c hypervisor/iommu/amd.h hypervisor/iommu/vtd-format.c \
	hypervisor/iommu/vtd.h hypervisor/vm/msi.c hypervisor/vm/msi.h

# The rest, a line a folder.
CORE_LIB = hypervisor/lib/string.c hypervisor/lib/log.c
CORE_BOOT = hypervisor/boot/ap.S hypervisor/boot/arrange.c hypervisor/boot/arrange.h \
	hypervisor/boot/plan.c hypervisor/boot/plan.h hypervisor/boot/crash-store.c hypervisor/boot/entry.S hypervisor/boot/image.h hypervisor/boot/start.c
CORE_MEMORY =
CORE_X86 = hypervisor/x86/cpu.h hypervisor/x86/descriptor.c hypervisor/x86/descriptor.h \
	hypervisor/x86/features.c hypervisor/x86/interrupt.c hypervisor/x86/interrupt.h \
	hypervisor/x86/ioapic.c hypervisor/x86/lapic.c hypervisor/x86/lapic.h hypervisor/x86/machine.h \
	hypervisor/x86/paging.c hypervisor/x86/paging.h hypervisor/x86/panic.c hypervisor/x86/panic.h \
	hypervisor/x86/pcpu.h hypervisor/x86/power.c hypervisor/x86/screen.c hypervisor/x86/serial.c hypervisor/x86/smp.c \
	hypervisor/x86/smp.h hypervisor/x86/tsc.c hypervisor/x86/vectors.S
CORE_ACPI =
CORE_PCI = hypervisor/pci/bars.c hypervisor/pci/claim.c hypervisor/pci/config.c hypervisor/pci/config.h \
	hypervisor/pci/display.c hypervisor/pci/display.h hypervisor/pci/msi.c hypervisor/pci/msix.c hypervisor/pci/registers.h hypervisor/pci/reset.c \
	hypervisor/pci/scan.c hypervisor/pci/vpci-parts.h hypervisor/pci/vpci.c hypervisor/pci/vpci.h
CORE_IOMMU = hypervisor/iommu/amd-irq.c hypervisor/iommu/amd.c hypervisor/iommu/driver.h \
	hypervisor/iommu/iommu.c hypervisor/iommu/iommu.h hypervisor/iommu/vtd-irq.c hypervisor/iommu/vtd.c
CORE_VM = include/mullion/bus.h include/mullion/hypercall.h include/mullion/guest.h \
	hypervisor/vm/apic-regions.c hypervisor/vm/apic-regions.h hypervisor/vm/build.c hypervisor/vm/build.h \
	hypervisor/vm/bus.c hypervisor/vm/bus.h hypervisor/vm/hypercall.c \
	hypervisor/vm/hypercall.h hypervisor/vm/irq.c hypervisor/vm/cpuid.c hypervisor/vm/exit.c hypervisor/vm/exit.h hypervisor/vm/irq.h \
	hypervisor/vm/faults.c hypervisor/vm/faults.h \
	hypervisor/vm/lifecycle.c hypervisor/vm/lifecycle.h hypervisor/vm/load.c hypervisor/vm/load.h \
	hypervisor/vm/mmio.c hypervisor/vm/msr.c hypervisor/vm/platform.c hypervisor/vm/platform.h \
	hypervisor/vm/ports.c hypervisor/vm/ports.h hypervisor/vm/run.c hypervisor/vm/run.h \
	hypervisor/vm/vcpu.h hypervisor/vm/vendor.h hypervisor/vm/vm.c hypervisor/vm/vm.h
CORE_VM += hypervisor/vm/devices.c hypervisor/vm/devices.h hypervisor/vm/pic.c hypervisor/vm/pm.c \
	hypervisor/vm/ps2.c hypervisor/vm/pvclock.c hypervisor/vm/pvclock.h hypervisor/vm/reset.c \
	hypervisor/vm/uart.c
CORE_GUEST = hypervisor/guest/calls.c hypervisor/guest/calls.h hypervisor/guest/cpuid.c \
	hypervisor/guest/exit.c hypervisor/guest/guest.c hypervisor/guest/guest.h hypervisor/guest/run.c \
	hypervisor/guest/vcpu.c
CORE_SVM = hypervisor/svm/enter.S hypervisor/svm/exit.c hypervisor/svm/guest.c hypervisor/svm/state.c hypervisor/svm/svm.c \
	hypervisor/svm/svm.h hypervisor/svm/switch.c hypervisor/svm/vmcb.h

CORE_CPPFLAGS = -I$(top_srcdir)/hypervisor -I$(top_builddir)/hypervisor -I$(top_srcdir)/include

# The screen's font, out of GRUB's (Debian: grub-common). Made when what draws it is.
CORE_FONT = /usr/share/grub/unicode.pf2
EXTRA_PROGRAMS += hypervisor/x86/font-gen
hypervisor_x86_font_gen_SOURCES = hypervisor/x86/font-gen.c
hypervisor_x86_font_gen_CFLAGS = $(WARNING_CFLAGS)
hypervisor_x86_font_gen_LDADD =
hypervisor/x86/font.h: hypervisor/x86/font-gen$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) $(@D) && hypervisor/x86/font-gen $(CORE_FONT) >$@.new && mv $@.new $@
hypervisor/x86/mullion_core-text.$(OBJEXT): hypervisor/x86/font.h
hypervisor/x86/libcore_pure_a-text.$(OBJEXT): hypervisor/x86/font.h
CLEANFILES += hypervisor/x86/font.h hypervisor/x86/font-gen$(EXEEXT)

if WITH_CORE
noinst_PROGRAMS += mullion-core
mullion_core_SOURCES = $(CORE_PURE) $(CORE_LIB) $(CORE_BOOT) $(CORE_MEMORY) $(CORE_X86) $(CORE_ACPI) \
	$(CORE_PCI) $(CORE_IOMMU) $(CORE_VM) $(CORE_GUEST) $(CORE_SVM)
mullion_core_CPPFLAGS = $(CORE_CPPFLAGS)
mullion_core_CFLAGS = $(CORE_CFLAGS)
mullion_core_CCASFLAGS = -m64 -fno-pic
mullion_core_LDADD =
mullion_core_DEPENDENCIES = hypervisor/core.lds
mullion_core_LINK = $(CC) -m64 -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,max-page-size=4096 \
	-Wl,-z,noexecstack -Wl,--no-warn-rwx-segments -Wl,-T,$(top_srcdir)/hypervisor/core.lds -o $@
endif
EXTRA_DIST += hypervisor/core.lds

if WITH_TESTS
noinst_LIBRARIES += libcore-pure.a
libcore_pure_a_SOURCES = $(CORE_PURE)
libcore_pure_a_CPPFLAGS = $(CORE_CPPFLAGS)
libcore_pure_a_CFLAGS = $(WARNING_CFLAGS)
endif
