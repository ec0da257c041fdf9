/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AMD's SVM (AMD APM vol. 2, chapter 15) as a vendor table: switching it on, control blocks. ASID n
 * + 1 is VM n's on every pCPU, as each pCPU runs one vCPU of a VM; what has to be forgotten is
 * counted in the VM's generation and flushed on the next entry. Guests' vCPUs have ASIDs in turn
 * (guest.c).
 */
#include "svm/svm.h"

#include "lib/errno.h"
#include "lib/log.h"
#include "lib/string.h"
#include "memory/frame.h"
#include "vm/run.h"
#include "x86/cpu.h"
#include "x86/pcpu.h"

#define IOPM_PAGES  3
#define MSRPM_PAGES 2

#define CR4_OSXSAVE (1ULL << 18)
#define VCPU_FRAMES ((sizeof(struct svm_vcpu) + PAGE_SIZE - 1) / PAGE_SIZE)

/* Those of service VMs; guests' are frames. */
static struct svm_vm svm_vms[VM_MAX];

/* Guests exit at every port, and have the same direct MSRs. */
static struct svm_vm guest_maps;

static void allow_msr(struct svm_vm *svm, uint32_t msr)
{
	uint32_t first = msr < 0x2000 ? 0 : msr < 0xc0002000 ? 0xc0000000 : 0xc0010000;
	uint32_t block = msr < 0x2000 ? 0 : msr < 0xc0002000 ? 0x800 : 0x1000;
	uint32_t bit = (msr - first) * 2;

	svm->msrpm[block + bit / 8] &= (uint8_t) ~(3U << bit % 8);
}

/* MSRs whose real registers are the vCPU's own while it runs (VMLOAD/VMSAVE, switch.c). */
static const uint32_t direct_msrs[] = {
	MSR_STAR,      MSR_LSTAR,   MSR_CSTAR, MSR_SFMASK, MSR_FS_BASE, MSR_GS_BASE,
	MSR_KERNEL_GS, MSR_TSC_AUX, 0x174,     0x175,	   0x176, /* SYSENTER */
};

static int make_maps(struct svm_vm *svm)
{
	svm->iopm_address = frame_alloc_many(IOPM_PAGES);
	svm->msrpm_address = frame_alloc_many(MSRPM_PAGES);
	if (hpa_value(svm->iopm_address) == 0 || hpa_value(svm->msrpm_address) == 0)
		return -ENOMEM;
	svm->iopm = frame_virt(svm->iopm_address);
	svm->msrpm = frame_virt(svm->msrpm_address);
	memset(svm->iopm, 0xff, IOPM_PAGES * PAGE_SIZE);
	memset(svm->msrpm, 0xff, MSRPM_PAGES * PAGE_SIZE);
	for (size_t i = 0; i < ARRAY_LENGTH(direct_msrs); i++)
		allow_msr(svm, direct_msrs[i]);
	svm->generation = 1;
	return 0;
}

static int svm_init(struct vendor_caps *caps)
{
	struct cpuid leaf = cpuid(0x8000000a, 0);

	caps->next_rip = leaf.edx & (1U << 3);
	caps->flush_by_asid = leaf.edx & (1U << 6);
	caps->decode_assist = leaf.edx & (1U << 7);
	caps->asids = leaf.ebx;
	caps->huge_pages = cpuid(0x80000001, 0).edx & (1U << 26);
	svm_switch_init();
	return make_maps(&guest_maps);
}

static int svm_cpu_init(void)
{
	struct pcpu *pcpu = this_pcpu();
	hpa_t save = frame_alloc(), host = frame_alloc(), own = frame_alloc();

	if (hpa_value(save) == 0 || hpa_value(host) == 0 || hpa_value(own) == 0)
		return -ENOMEM;
	pcpu->svm = frame_virt(own);
	pcpu->svm->host_vmcb = host;
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
	wrmsr(MSR_VM_HSAVE_PA, hpa_value(save));
	write_cr4(read_cr4() | CR4_OSXSAVE);
	svm_switch_cpu_init();
	__asm__ volatile("vmsave %%rax" : : "a"(hpa_value(host)) : "memory");
	return 0;
}

static int svm_vm_create(struct vm *vm)
{
	hpa_t frame;

	if (vm->kind != VM_GUEST) {
		vm->vendor = &svm_vms[vm->number];
		return make_maps(vm->vendor);
	}
	if (vendor_caps.asids <= SVM_FIRST_GUEST_ASID)
		return -ENOMEM;
	frame = frame_alloc();
	if (hpa_value(frame) == 0)
		return -ENOMEM;
	vm->vendor = frame_virt(frame);
	*svm_vm_of(vm) = guest_maps;
	svm_vm_of(vm)->frame = frame;
	return 0;
}

static void svm_vm_destroy(struct vm *vm)
{
	frame_free(svm_vm_of(vm)->frame);
}

static void svm_vm_allow_ports(struct vm *vm, uint16_t first, uint32_t count)
{
	uint8_t *iopm = svm_vm_of(vm)->iopm;

	for (uint32_t port = first; port < first + count && port <= 0xffff; port++)
		iopm[port / 8] &= (uint8_t) ~(1U << port % 8);
}

static void free_frames(hpa_t first, size_t count)
{
	for (size_t i = 0; i < count && hpa_value(first) != 0; i++)
		frame_free(hpa(hpa_value(first) + i * PAGE_SIZE));
}

static int svm_vcpu_create(struct vcpu *vcpu)
{
	struct svm_vm *vm = svm_vm_of(vcpu->vm);
	hpa_t own = frame_alloc_many(VCPU_FRAMES);
	hpa_t xsave = frame_alloc();
	struct svm_vcpu *svm;
	struct vmcb *vmcb;

	if (hpa_value(own) == 0 || hpa_value(xsave) == 0 || cpuid(0xd, 0).ecx > PAGE_SIZE) {
		free_frames(own, VCPU_FRAMES);
		free_frames(xsave, 1);
		return -ENOMEM;
	}
	svm = frame_virt(own);
	svm->vm = vm;
	svm->address = own;
	svm->xsave = frame_virt(xsave);
	svm->xsave_address = xsave;
	svm->xcr0 = 1;
	vmcb = &svm->vmcb;
	vcpu->vendor = svm;
	vmcb->intercept_cr_read = vmcb->intercept_cr_write = 1U << 8;
	vmcb->intercept_exceptions = 1U << EXCEPTION_DB | 1U << EXCEPTION_AC | 1U << EXCEPTION_MC;
	vmcb->intercept_misc1 = INTERCEPT_INTR | INTERCEPT_NMI | INTERCEPT_SMI | INTERCEPT_INIT |
				INTERCEPT_RDPMC | INTERCEPT_CPUID | INTERCEPT_RSM | INTERCEPT_INVD |
				INTERCEPT_HLT | INTERCEPT_INVLPGA | INTERCEPT_IO | INTERCEPT_MSR |
				INTERCEPT_SHUTDOWN;
	vmcb->intercept_misc2 = INTERCEPT_VMRUN | INTERCEPT_VMMCALL | INTERCEPT_VMLOAD |
				INTERCEPT_VMSAVE | INTERCEPT_STGI | INTERCEPT_CLGI |
				INTERCEPT_SKINIT | INTERCEPT_WBINVD | INTERCEPT_MONITOR |
				INTERCEPT_MWAIT | INTERCEPT_MWAIT_C | INTERCEPT_XSETBV |
				INTERCEPT_RDPRU;
	vmcb->iopm = hpa_value(vm->iopm_address);
	vmcb->msrpm = hpa_value(vm->msrpm_address);
	vmcb->asid = vcpu->vm->kind == VM_GUEST ? SVM_FIRST_GUEST_ASID : vcpu->vm->number + 1;
	vmcb->nested_control = 1;
	vmcb->nested_cr3 = hpa_value(vcpu->vm->memory.root);
	return 0;
}

static void svm_vcpu_destroy(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = svm_of(vcpu);

	free_frames(svm->xsave_address, 1);
	free_frames(svm->address, VCPU_FRAMES);
}

static void svm_advance(struct vcpu *vcpu, uint8_t length)
{
	struct vmcb *vmcb = &svm_of(vcpu)->vmcb;
	uint64_t rip = vmcb->rip + length;

	vmcb->rip = svm_is_64_bit(vmcb) ? rip : (uint32_t)rip;
	vmcb->interrupt_shadow = 0;
}

static void svm_set_rflags(struct vcpu *vcpu, uint64_t rflags)
{
	svm_of(vcpu)->vmcb.rflags = rflags;
}

static void svm_inject_exception(struct vcpu *vcpu, uint8_t vector, bool has_code, uint32_t code)
{
	svm_of(vcpu)->vmcb.event_injection =
		VMCB_EVENT_VALID | VMCB_EVENT_EXCEPTION | vector |
		(has_code ? VMCB_EVENT_HAS_CODE | (uint64_t)code << 32 : 0);
}

static void svm_flush(struct vm *vm)
{
	__atomic_fetch_add(&svm_vm_of(vm)->generation, 1, __ATOMIC_SEQ_CST);
	run_sync_all();
}

const struct vendor_ops svm_ops = {
	.name = "AMD SVM",
	.init = svm_init,
	.cpu_init = svm_cpu_init,
	.vm_create = svm_vm_create,
	.vm_destroy = svm_vm_destroy,
	.vm_allow_ports = svm_vm_allow_ports,
	.vcpu_create = svm_vcpu_create,
	.vcpu_destroy = svm_vcpu_destroy,
	.vcpu_reset = svm_vcpu_reset,
	.vcpu_startup = svm_vcpu_startup,
	.vcpu_enter_64 = svm_vcpu_enter_64,
	.run = svm_run,
	.put = svm_put,
	.get_mode = svm_get_mode,
	.advance = svm_advance,
	.set_rflags = svm_set_rflags,
	.inject_exception = svm_inject_exception,
	.interruptible = svm_interruptible,
	.nmi_open = svm_nmi_open,
	.msr_read = svm_msr_read,
	.msr_write = svm_msr_write,
	.load = svm_load,
	.store = svm_store,
	.fpu = svm_fpu,
	.set_tsc_offset = svm_set_tsc_offset,
	.open_window = svm_open_window,
	.flush = svm_flush,
	.dump = svm_dump,
	.exit_name = svm_exit_name,
};
