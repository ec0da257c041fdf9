/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kvm-msr-table.h"
#include "kvm-enlighten.h"

#ifdef __KERNEL__
#include <linux/kernel.h>
#else
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#endif

#define ADDRESS_BITS 52 /* no processor has more */

/* Places among the values, one after the other. */
enum {
	AT_NONE,
	AT_FEATURE_CONTROL,
	AT_MICROCODE,
	AT_MCG_STATUS,
	AT_MCG_CTL,
	AT_MISC_ENABLE,
	AT_MTRR_VARIABLE,
	AT_MTRR_64K = AT_MTRR_VARIABLE + 16,
	AT_MTRR_16K,
	AT_MTRR_4K = AT_MTRR_16K + 2,
	AT_MTRR_DEFAULT = AT_MTRR_4K + 8,
	AT_WALL_OLD,
	AT_SYSTEM_TIME,
	AT_WALL,
	AT_ASYNC,
	AT_STEAL,
	AT_EOI,
	AT_HWCR,
	AT_BANKS,
	AT_END = AT_BANKS + 4 * 32,
};

/* In ascending order. */
static const struct mkvm_msr table[] = {
	{0x10, 0x10, MKVM_MSR_TSC, 0, "the time-stamp counter", AT_NONE},
	{0x11, 0x11, MKVM_MSR_WALL, 0, "KVM's clock, its old numbers", AT_WALL},
	{0x12, 0x12, MKVM_MSR_CLOCK, 0, "likewise", AT_SYSTEM_TIME},
	{0x17, 0x17, MKVM_MSR_FIXED, 0, "platform id: Linux asks on every CPU", AT_NONE},
	{0x2a, 0x2a, MKVM_MSR_FIXED, 0, "bus clock at reset: old kernels ask", AT_NONE},
	{0x3a, 0x3a, MKVM_MSR_HOST, 0, "feature control: firmware's business", AT_FEATURE_CONTROL},
	{0x79, 0x79, MKVM_MSR_FIXED, 0, "a microcode update: into nothing", AT_NONE},
	{0x8b, 0x8b, MKVM_MSR_HOST, 0x01000065, "the microcode's level, a made-up one",
	 AT_MICROCODE},
	{0xce, 0xce, MKVM_MSR_FIXED, 0, "platform information: none", AT_NONE},
	{0xfe, 0xfe, MKVM_MSR_FIXED, 0x508, "MTRRs: 8 variable ones, fixed ones, combining",
	 AT_NONE},
	{0x140, 0x140, MKVM_MSR_FIXED, 0, "miscellaneous features: none", AT_NONE},
	{0x179, 0x179, MKVM_MSR_HOST, 0, "machine-check capabilities: KVM_X86_SETUP_MCE's",
	 AT_NONE},
	{0x17a, 0x17a, MKVM_MSR_KEPT, 0, "machine-check status", AT_MCG_STATUS},
	{0x17b, 0x17b, MKVM_MSR_KEPT, 0, "machine-check control", AT_MCG_CTL},
	{0x198, 0x198, MKVM_MSR_FIXED, 0x40000000003e8, "performance: one state", AT_NONE},
	{0x199, 0x199, MKVM_MSR_FIXED, 0, "another is not to be had", AT_NONE},
	{0x1a0, 0x1a0, MKVM_MSR_KEPT, 1, "miscellaneous features: fast strings", AT_MISC_ENABLE},
	{0x1d9, 0x1d9, MKVM_MSR_FIXED, 0, "debug control: no branch records", AT_NONE},
	{0x1db, 0x1de, MKVM_MSR_FIXED, 0, "the last branch: not recorded", AT_NONE},
	{0x200, 0x20f, MKVM_MSR_MTRR, 0, "variable MTRRs", AT_MTRR_VARIABLE},
	{0x250, 0x250, MKVM_MSR_MTRR, 0, "fixed MTRRs", AT_MTRR_64K},
	{0x258, 0x259, MKVM_MSR_MTRR, 0, "fixed MTRRs", AT_MTRR_16K},
	{0x268, 0x26f, MKVM_MSR_MTRR, 0, "fixed MTRRs", AT_MTRR_4K},
	{0x2ff, 0x2ff, MKVM_MSR_MTRR, 0, "the default type", AT_MTRR_DEFAULT},
	{0x400, 0x47f, MKVM_MSR_BANK, 0, "machine-check banks", AT_BANKS},
	{MKVM_HV_MSR_GUEST_OS, MKVM_HV_MSR_HYPERCALL, MKVM_MSR_HV, MKVM_HV_HYPERCALL,
	 "which system it is; its page of hypercalls", AT_NONE},
	{MKVM_HV_MSR_INDEX, MKVM_HV_MSR_INDEX, MKVM_MSR_HV, MKVM_HV_INDEX, "the vCPU's number",
	 AT_NONE},
	{MKVM_HV_MSR_COUNTER, MKVM_HV_MSR_COUNTER, MKVM_MSR_HV, MKVM_HV_COUNTER, "reference time",
	 AT_NONE},
	{MKVM_HV_MSR_REFERENCE, MKVM_HV_MSR_REFERENCE, MKVM_MSR_HV, MKVM_HV_REFERENCE, "its page",
	 AT_NONE},
	{MKVM_HV_MSR_TSC_FREQUENCY, MKVM_HV_MSR_APIC_FREQUENCY, MKVM_MSR_HV, MKVM_HV_FREQUENCY,
	 "of the TSC, of the APIC's timer", AT_NONE},
	{MKVM_HV_MSR_ASSIST, MKVM_HV_MSR_ASSIST, MKVM_MSR_HV, MKVM_HV_APIC,
	 "the vCPU's page, in which nothing is ever said; EOI, ICR and TPR are the core's",
	 AT_NONE},
	{0x4b564d00, 0x4b564d00, MKVM_MSR_WALL, 0, "KVM's clock", AT_WALL},
	{0x4b564d01, 0x4b564d01, MKVM_MSR_CLOCK, 0, "likewise", AT_SYSTEM_TIME},
	{0x4b564d02, 0x4b564d02, MKVM_MSR_ASKED, 0x30,
	 "faults to be told of later: none, as memory is pinned", AT_ASYNC},
	{0x4b564d03, 0x4b564d03, MKVM_MSR_STEAL, 0x3e, "stolen time", AT_STEAL},
	{0x4b564d04, 0x4b564d04, MKVM_MSR_ASKED, 2,
	 "leave to skip an EOI: not given, it costs little", AT_EOI},
	{0xc0000080, 0xc0000080, MKVM_MSR_PAGE, 0, "EFER", AT_NONE},
	{0xc0000100, 0xc0000101, MKVM_MSR_PAGE, 0, "bases of FS and GS", AT_NONE},
	{0xc0010000, 0xc0010007, MKVM_MSR_FIXED, 0, "performance counters: none", AT_NONE},
	{0xc0010010, 0xc0010010, MKVM_MSR_FIXED, 0, "SYSCFG: no memory encryption", AT_NONE},
	{0xc0010015, 0xc0010015, MKVM_MSR_KEPT, 0x01000000, "HWCR: the TSC runs at P0", AT_HWCR},
	{0xc001001a, 0xc001001a, MKVM_MSR_FIXED, 0, "TOP_MEM: firmware tells", AT_NONE},
	{0xc001001d, 0xc001001d, MKVM_MSR_FIXED, 0, "TOP_MEM2: firmware tells", AT_NONE},
	{0xc001001f, 0xc001001f, MKVM_MSR_FIXED, 0, "NB_CFG: Linux looks for the I/O bit", AT_NONE},
	{0xc0010055, 0xc0010055, MKVM_MSR_FIXED, 0, "interrupt pending message: off", AT_NONE},
	{0xc0010058, 0xc0010058, MKVM_MSR_FIXED, 0, "PCI configuration: the program's", AT_NONE},
	{0xc0010112, 0xc0010113, MKVM_MSR_FIXED, 0, "SMM's memory: none", AT_NONE},
	{0xc0010114, 0xc0010114, MKVM_MSR_FIXED, 0x10, "virtualization: disabled", AT_NONE},
	{0xc0010117, 0xc0010117, MKVM_MSR_FIXED, 0, "likewise", AT_NONE},
	{0xc0010140, 0xc0010141, MKVM_MSR_FIXED, 0, "errata workarounds: none known", AT_NONE},
	{0xc0011020, 0xc0011023, MKVM_MSR_FIXED, 0, "load-store and cache configuration", AT_NONE},
	{0xc0011029, 0xc0011029, MKVM_MSR_FIXED, 2, "DE_CFG: LFENCE waits", AT_NONE},
	{0xc001102a, 0xc001102a, MKVM_MSR_FIXED, 0, "BU_CFG2", AT_NONE},
};

const struct mkvm_msr *mkvm_msr_table(size_t *count, size_t *values)
{
	*count = ARRAY_SIZE(table);
	*values = AT_END;
	return table;
}

const struct mkvm_msr *mkvm_msr_find(uint32_t index)
{
	static const struct mkvm_msr core = {0,	     0, MKVM_MSR_CORE, 0, "the core's, or none",
					     AT_NONE};
	size_t low = 0, high = ARRAY_SIZE(table);

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (index > table[middle].last)
			low = middle + 1;
		else
			high = middle;
	}
	return low < ARRAY_SIZE(table) && index >= table[low].first ? &table[low] : &core;
}

/* Uncacheable, combining, through, protected, back. AMD APM vol. 2, 7.7. */
static bool is_type(uint64_t type)
{
	return type < 7 && 1U << type & 0x73;
}

bool mkvm_msr_mtrr_takes(uint32_t index, uint64_t value)
{
	unsigned n;

	if (index == 0x2ff)
		return !(value & ~0xcffULL) && is_type(value & 0xff);
	if (index >= 0x250) {
		for (n = 0; n < 8; n++)
			if (!is_type(value >> 8 * n & 0xff))
				return false;
		return true;
	}
	if (value >> ADDRESS_BITS)
		return false;
	return index & 1 ? !(value & 0x7ff) : !(value & 0xf00) && is_type(value & 0xff);
}
