# The service VMs' kernel modules, by the kernel's own build (linux/Makefile says how without this
# one). `make modules`: linux/build/mullion-bus.ko. Not a part of `all`: it takes kernel headers.
MODULE_FILES = linux/Kbuild linux/Makefile linux/bus.h linux/console.c linux/main.c linux/report.c \
	linux/panic.c linux/terminal.c linux/watchdog.c
EXTRA_DIST += $(MODULE_FILES)

.PHONY: modules
if WITH_KERNEL_HEADERS
modules: linux/build/mullion-bus.ko
linux/build/mullion-bus.ko: $(MODULE_FILES) include/mullion/bus.h include/mullion/hypercall.h include/mullion/trace.h
	$(AM_V_GEN)$(MAKE) -s -C $(srcdir)/linux O=$(abs_builddir)/linux/build KERNEL=$(KERNEL_HEADERS)
else
modules:
	@echo "no kernel headers: linux-headers-amd64, or configure --with-kernel-headers=DIR" >&2; false
endif

clean-local:
	rm -rf linux/build
