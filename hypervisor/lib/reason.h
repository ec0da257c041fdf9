/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why the core stopped, could not start, or starts with less than it should: one code a reason, the
 * same on serial, on screen, in the crash record and in doc/reason-codes.md. A code is never
 * reused.
 *
 * 1xx: the machine lacks a requirement. 2xx: what was loaded is wrong. 3xx: a fault of the core's
 * own. 4xx: a service VM is lost. 5xx: a warning: the core runs, but something is missing.
 */
#ifndef CORE_LIB_REASON_H
#define CORE_LIB_REASON_H

#define CORE_REASONS(X)                                                                            \
	X(101, CPU_NOT_64BIT, "the CPU has no 64-bit mode")                                        \
	X(102, CPU_NO_NX, "the CPU cannot mark pages as not executable (NX)")                      \
	X(103, CPU_NO_SVM, "the CPU has no AMD virtualization (SVM)")                              \
	X(104, SVM_DISABLED, "AMD virtualization (SVM) is disabled by the firmware")               \
	X(105, CPU_NO_NPT, "the CPU has no nested paging (NPT)")                                   \
	X(106, CPU_NO_XSAVE, "the CPU has no XSAVE")                                               \
	X(107, CPU_NO_APIC, "the CPU has no local APIC")                                           \
	X(108, CPU_NO_TSC, "the CPU's time-stamp counter cannot be calibrated")                    \
	X(110, CPU_START_FAILED, "a CPU did not start")                                            \
	X(111, CPUS_DIFFER, "the CPUs do not have the same features")                              \
	X(112, ACPI_MISSING, "there are no ACPI tables")                                           \
	X(113, ACPI_BROKEN, "an ACPI table that is needed is broken")                              \
	X(114, NO_IOAPIC, "there is no IOAPIC")                                                    \
	X(115, NO_MCFG, "there is no PCI Express configuration space (MCFG)")                      \
	X(116, MEMORY_TOO_SMALL, "there is too little memory for what the manifest asks")          \
	X(117, TOO_MANY_CPUS, "there are more CPUs than the core was built for")                   \
	X(201, NOT_MULTIBOOT2, "the boot loader did not use multiboot2")                           \
	X(202, BOOT_INFO_BROKEN, "the boot loader's information is broken")                        \
	X(203, MANIFEST_MISSING, "there is no manifest among the boot modules")                    \
	X(204, MANIFEST_ERROR, "the manifest has an error")                                        \
	X(205, MODULE_MISSING, "a boot module the manifest names is missing")                      \
	X(206, MODULE_TRUNCATED, "a boot module is truncated")                                     \
	X(207, KERNEL_NOT_ONE, "a boot module named as a kernel is not a Linux kernel")            \
	X(208, DEVICE_MISSING, "a PCI device the manifest names is not there")                     \
	X(209, DEVICE_TWICE, "a PCI device is given to two VMs")                                   \
	X(210, MANIFEST_VMS, "the manifest must describe one UI VM and one control VM")            \
	X(301, PANIC, "the core found its own state to be wrong")                                  \
	X(302, EXCEPTION, "an exception in the core")                                              \
	X(303, DOUBLE_FAULT, "a double fault in the core")                                         \
	X(304, NMI, "a non-maskable interrupt: a hardware error")                                  \
	X(305, MACHINE_CHECK, "a machine check: a hardware error")                                 \
	X(306, OUT_OF_FRAMES, "the core's memory pool is used up")                                 \
	X(307, IOMMU_STUCK, "the IOMMU does not complete commands")                                \
	X(401, CONTROL_VM_DIED, "the control VM is gone; the machine restarts")                    \
	X(402, UI_VM_GIVEN_UP, "the UI VM fails again and again and is not started any more")      \
	X(501, NO_IOMMU,                                                                           \
	  "no IOMMU: devices of a VM can read and write ALL memory; isolation is missing")         \
	X(502, NO_INTERRUPT_REMAPPING,                                                             \
	  "no interrupt remapping: devices of a VM can forge interrupts; isolation is missing")    \
	X(503, NO_SMEP, "the CPU has no SMEP: a hardening of the core is missing")                 \
	X(504, NO_SMAP, "the CPU has no SMAP: a hardening of the core is missing")                 \
	X(505, ACPI_TABLE_IGNORED, "a broken ACPI table that is not needed is ignored")            \
	X(506, PREVIOUS_CRASH, "the previous run ended in a crash")                                \
	X(507, VM_RESTARTED, "a VM is started again")

enum reason {
#define CORE_REASON_ENUM(code, name, text) REASON_##name = (code),
	CORE_REASONS(CORE_REASON_ENUM)
#undef CORE_REASON_ENUM
};

/* The text of a code; NULL if there is no such code. */
const char *reason_text(enum reason reason);

#endif
