# The service VMs' kernel modules, by the kernel's own build (linux/Makefile says how without this
# one). `make modules`: mullion-bus.ko and mullion-kvm.ko in linux/build. Not a part of `all`: it takes
# kernel headers.
MODULE_FILES = linux/Kbuild linux/Makefile linux/bus.h linux/console.c linux/main.c linux/report.c \
	linux/panic.c linux/terminal.c linux/watchdog.c linux/kvm-parts.h linux/kvm-clock.c \
	linux/kvm-cpuid.c linux/kvm-decode.c linux/kvm-decode.h linux/kvm-enlighten.c \
	linux/kvm-enlighten.h linux/kvm-hyperv.c linux/kvm-execute.c \
	linux/kvm-exits.c linux/kvm-features.c linux/kvm-features.h linux/kvm-insn.c \
	linux/kvm-insn.h linux/kvm-ioevent.c linux/kvm-irq.c linux/kvm-irqfd.c linux/kvm-main.c \
	linux/kvm-mce.h linux/kvm-memory.c linux/kvm-mmio.c linux/kvm-mmio.h linux/kvm-msr.c \
	linux/kvm-msr-table.c linux/kvm-msr-table.h linux/kvm-pin.c linux/kvm-pio.c \
	linux/kvm-pio.h linux/kvm-route.c linux/kvm-route.h linux/kvm-run.c linux/kvm-scale.h \
	linux/kvm-segment.c linux/kvm-segment.h linux/kvm-state.c linux/kvm-steal.c linux/kvm-vcpu.c linux/kvm-vm.c
EXTRA_DIST += $(MODULE_FILES)

.PHONY: modules
if WITH_KERNEL_HEADERS
modules: linux/build/mullion-bus.ko
linux/build/mullion-bus.ko: $(MODULE_FILES) include/mullion/arithmetic.h include/mullion/bus.h \
		include/mullion/guest.h include/mullion/hypercall.h include/mullion/trace.h
	$(AM_V_GEN)$(MAKE) -s -C $(srcdir)/linux O=$(abs_builddir)/linux/build KERNEL=$(KERNEL_HEADERS)
else
modules:
	@echo "no kernel headers: linux-headers-amd64, or configure --with-kernel-headers=DIR" >&2; false
endif

clean-local:
	rm -rf linux/build
