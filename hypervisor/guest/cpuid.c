/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPUID as a guest sees it: the table that the control VM has set, and what follows the vCPU's
 * state.
 */
#include "guest/guest.h"
#include "vm/vendor.h"
#include "x86/cpu.h"

#define FEATURE_APIC	(1U << 9)  /* leaf 1 and 0x80000001, edx */
#define FEATURE_OSXSAVE (1U << 27) /* leaf 1, ecx */
#define FEATURE_OSPKE	(1U << 4)  /* leaf 7, ecx */
#define CR4_OSXSAVE	(1ULL << 18)
#define CR4_PKE		(1ULL << 22)
#define BASE_ENABLE	(1ULL << 11)

static const struct mullion_cpuid *find(const struct guest_vcpu *gv, uint32_t leaf,
					uint32_t subleaf)
{
	for (uint32_t i = 0; i < gv->cpuid_count; i++) {
		const struct mullion_cpuid *line = &gv->cpuid[i];

		if (line->leaf == leaf &&
		    (line->subleaf == subleaf || !(line->flags & MULLION_CPUID_SUBLEAVES)))
			return line;
	}
	return NULL;
}

static uint32_t with(uint32_t bits, uint32_t bit, bool set)
{
	return set ? bits | bit : bits & ~bit;
}

struct cpuid guest_cpuid(const struct guest_vcpu *gv, uint32_t leaf, uint32_t subleaf)
{
	const struct mullion_cpuid *line = find(gv, leaf, subleaf);
	const struct vlapic *lapic = &gv->vcpu.lapic;
	struct vcpu_mode mode;
	struct cpuid r;

	if (!line)
		return (struct cpuid){0};
	r = (struct cpuid){line->eax, line->ebx, line->ecx, line->edx};
	switch (leaf) {
	case 1:
		vendor->get_mode(&gv->vcpu, &mode);
		r.ebx = (r.ebx & 0xffffff) | lapic->id << 24;
		r.ecx = with(r.ecx, FEATURE_OSXSAVE, mode.cr4 & CR4_OSXSAVE);
		r.edx = with(r.edx, FEATURE_APIC, lapic->base_msr & BASE_ENABLE);
		break;
	case 7:
		vendor->get_mode(&gv->vcpu, &mode);
		if (subleaf == 0)
			r.ecx = with(r.ecx, FEATURE_OSPKE, mode.cr4 & CR4_PKE);
		break;
	case 0xb:
	case 0x1f:
		r.edx = lapic->id;
		break;
	case 0xd: /* XCR0 is the vCPU's now */
		if (subleaf <= 1)
			r.ebx = cpuid(0xd, subleaf).ebx;
		break;
	case 0x80000001:
		r.edx = with(r.edx, FEATURE_APIC, lapic->base_msr & BASE_ENABLE);
		break;
	case 0x8000001e:
		r.eax = lapic->id;
		break;
	default:
		break;
	}
	return r;
}
