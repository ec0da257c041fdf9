/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The consistency checks of VMRUN (AMD APM vol. 2, 15.5.1), made by ourselves: emulators make few
 * of them, so that what runs there may be refused by a CPU. Pure.
 */
#include "svm/svm.h"
#include "x86/cpu.h"

const char *svm_check_vmcb(const struct vmcb *v)
{
	if (!(v->efer & EFER_SVME))
		return "EFER.SVME is clear";
	if ((v->cr0 & 0x60000000) == 0x20000000)
		return "CR0.NW without CR0.CD";
	if (v->cr0 >> 32)
		return "CR0 has high bits";
	if ((v->cr0 & 0x80000000) && (v->efer & EFER_LME) && !(v->cr4 & 0x20))
		return "long mode without CR4.PAE";
	if ((v->cr0 & 0x80000000) && (v->efer & EFER_LME) && !(v->cr0 & 1))
		return "long mode without CR0.PE";
	if ((v->efer & EFER_LME) && (v->cr0 & 0x80000000) && (v->cr4 & 0x20) &&
	    (v->cs.attributes & 0x600) == 0x600)
		return "CS.L and CS.D together";
	if (!(v->intercept_misc2 & INTERCEPT_VMRUN))
		return "VMRUN is not intercepted";
	if (v->asid == 0)
		return "ASID 0";
	if (v->dr6 >> 32 || v->dr7 >> 32)
		return "DR6 or DR7 has high bits";
	if ((v->event_injection & VMCB_EVENT_VALID) != 0) {
		uint64_t type = v->event_injection & VMCB_EVENT_TYPE;

		if (type == (1ULL << 8) || type > VMCB_EVENT_SOFTWARE)
			return "the injected event has no type";
		if (type == VMCB_EVENT_EXCEPTION &&
		    ((v->event_injection & 0xff) == 2 || (v->event_injection & 0xff) > 31))
			return "the injected exception is none";
	}
	if ((v->iopm | v->msrpm | v->nested_cr3) & 0xfff)
		return "a table is not page-aligned";
	if (!(v->nested_control & 1))
		return "nested paging is off";
	return NULL;
}
