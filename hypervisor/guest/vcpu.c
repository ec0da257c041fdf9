/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest's vCPU: its page, which the control VM writes while we read, and the state that is not in
 * it. Everything from there is copied once and checked; a state that a CPU cannot have is refused.
 */
#include "guest/guest.h"

#include "lib/errno.h"
#include "lib/string.h"
#include "memory/frame.h"
#include "vm/exit.h"
#include "vm/vendor.h"
#include "vm/walk.h"
#include "x86/cpu.h"
#include "x86/machine.h"

#define MSR_TSC	     0x10
#define MSR_DEADLINE 0x6e0

/* A leaf of Hyper-V's, and what in its eax says that there are MSRs of the APIC. */
#define HYPERV_FEATURES 0x40000003
#define HYPERV_APIC	(1U << 4)

/* The legacy part and the header of an XSAVE area (AMD APM vol. 2, 11.5.9). */
#define XSAVE_FCW	 0
#define XSAVE_MXCSR	 24
#define XSAVE_MXCSR_MASK 28
#define XSAVE_HEADER	 512
#define XSAVE_CHECKED	 576 /* up to here; what follows may be anything */
#define XSAVE_SSE	 2
#define XSAVE_KNOWN	 0xe7ULL /* x87, SSE, AVX, AVX-512 */
#define MXCSR_DEFAULT	 0x1f80
#define MXCSR_OLD_MASK	 0xffbf /* of a CPU that does not say */

/* ---- life ---- */

struct guest_vcpu *guest_vcpu_find(struct guest *guest, unsigned number)
{
	struct vcpu *vcpu = __atomic_load_n(&guest->vm.vcpus[number], __ATOMIC_ACQUIRE);

	return vcpu ? guest_vcpu_of(vcpu) : NULL;
}

bool guest_vcpu_claim(struct guest_vcpu *gv)
{
	return __atomic_exchange_n(&gv->claimed, 1, __ATOMIC_ACQUIRE) == 0;
}

void guest_vcpu_unclaim(struct guest_vcpu *gv)
{
	__atomic_store_n(&gv->claimed, 0, __ATOMIC_RELEASE);
}

/* The state at power-up. */
static void start(struct guest_vcpu *gv)
{
	struct vcpu *vcpu = &gv->vcpu;
	unsigned char *fpu = vendor->fpu(vcpu);

	vlapic_reset(&vcpu->lapic, vcpu->number, vcpu->number == 0, tsc_hz, false);
	vendor->vcpu_reset(vcpu);
	vcpu->state = vcpu->number == 0 ? VCPU_READY : VCPU_OFF;
	memcpy(fpu + XSAVE_FCW, &(uint16_t){0x37f}, 2);
	memcpy(fpu + XSAVE_MXCSR, &(uint32_t){MXCSR_DEFAULT}, 4);
}

static int create(struct guest *guest, struct vm *control, unsigned number, gpa_t page)
{
	enum owner owner = guest->vm.memory.owner;
	struct guest_vcpu *gv;
	hpa_t own, target;
	int error;

	if (guest->vm.vcpus[number])
		return -EEXIST;
	if (space_look_up_range(&control->memory, page, PAGE_SIZE, &target,
				MAP_READ | MAP_WRITE | MAP_EXECUTE) ||
	    owner_get(target, PAGE_SIZE, PAGE_RAM, owner))
		return -EFAULT;
	own = frame_alloc();
	if (hpa_value(own) == 0) {
		owner_put(target, PAGE_SIZE);
		return -ENOMEM;
	}
	gv = frame_virt(own);
	gv->own = own;
	gv->page_address = target;
	gv->page = frame_virt(target);
	gv->vcpu.vm = &guest->vm;
	gv->vcpu.number = number;
	error = vendor->vcpu_create(&gv->vcpu);
	if (error) {
		owner_put(target, PAGE_SIZE);
		frame_free(own);
		return error;
	}
	start(gv);
	__atomic_store_n(&guest->vm.vcpus[number], &gv->vcpu, __ATOMIC_RELEASE);
	return 0;
}

int guest_vcpu_create(struct guest *guest, struct vm *control, unsigned number, gpa_t page)
{
	int error;

	lock_take(&guest->vm.lock);
	error = create(guest, control, number, page);
	lock_release(&guest->vm.lock);
	return error;
}

void guest_vcpu_destroy(struct guest_vcpu *gv)
{
	vendor->vcpu_destroy(&gv->vcpu);
	owner_put(gv->page_address, PAGE_SIZE);
	frame_free(gv->own);
}

/* ---- time ---- */

uint64_t guest_tsc(const struct vcpu *vcpu)
{
	return rdtsc() + vcpu->tsc_offset;
}

/* What counts down goes on, and what waits for a time waits for another. */
void guest_set_tsc(struct vcpu *vcpu, uint64_t offset)
{
	vlapic_shift(&vcpu->lapic, offset - vcpu->tsc_offset);
	vendor->set_tsc_offset(vcpu, offset);
}

uint64_t guest_deadline(const struct vcpu *vcpu)
{
	uint64_t deadline = vlapic_deadline(&vcpu->lapic), now, left;

	if (deadline == 0)
		return 0;
	now = rdtsc();
	if (deadline <= now + vcpu->tsc_offset)
		return now;
	left = deadline - (now + vcpu->tsc_offset);
	return now + left > now ? now + left : 0; /* never, as far as we can see */
}

/* ---- the page ---- */

static const enum vcpu_state states[] = {
	[MULLION_RUNNABLE] = VCPU_READY,
	[MULLION_HALTED] = VCPU_HALTED,
	[MULLION_WAIT_FOR_STARTUP] = VCPU_OFF,
};

/* What all other parts of the core see of it: nothing of the page is read twice. Registers may be
 * anything, and are copied where they belong. */
static void copy_page(struct mullion_vcpu_page *copy, const struct mullion_vcpu_page *page,
		      uint32_t dirty)
{
	size_t first = offsetof(struct mullion_vcpu_page, rip);
	size_t end = dirty == MULLION_DIRTY_GENERAL ? offsetof(struct mullion_vcpu_page, segments)
						    : sizeof(*copy);

	memcpy((char *)copy + first, (const char *)page + first, end - first);
	__asm__ volatile("" : : "r"(copy) : "memory");
}

int guest_vcpu_load(struct guest_vcpu *gv)
{
	uint32_t dirty = __atomic_load_n(&gv->page->dirty, __ATOMIC_RELAXED);
	struct vcpu *vcpu = &gv->vcpu;
	struct mullion_vcpu_page page;

	if (!dirty)
		return 0;
	if (dirty & ~MULLION_DIRTY_ALL)
		return -EINVAL;
	copy_page(&page, gv->page, dirty);
	if (dirty & MULLION_DIRTY_ACTIVITY && page.activity >= ARRAY_LENGTH(states))
		return -EINVAL;
	if (vendor->load(vcpu, &page, dirty))
		return -EINVAL;
	if (dirty & MULLION_DIRTY_GENERAL)
		memcpy(vcpu->registers, gv->page->registers, sizeof(vcpu->registers));
	if (dirty & MULLION_DIRTY_ACTIVITY)
		vcpu->state = states[page.activity % ARRAY_LENGTH(states)];
	if (dirty & MULLION_DIRTY_TSC)
		guest_set_tsc(vcpu, page.tsc_offset);
	if (dirty & MULLION_DIRTY_NMI) {
		if (page.flags & MULLION_FLAG_NMI_PENDING)
			__atomic_fetch_or(&vcpu->events, VCPU_EVENT_NMI, __ATOMIC_ACQ_REL);
		else
			__atomic_fetch_and(&vcpu->events, ~VCPU_EVENT_NMI, __ATOMIC_ACQ_REL);
	}
	if (dirty & MULLION_DIRTY_EVENTS && page.event & MULLION_EVENT_VALID &&
	    vcpu->state == VCPU_HALTED)
		vcpu->state = VCPU_READY;
	gv->page->dirty = 0;
	return 0;
}

void guest_vcpu_store(struct guest_vcpu *gv)
{
	struct mullion_vcpu_page *page = gv->page;
	struct vcpu *vcpu = &gv->vcpu;
	const struct vlapic *lapic = &vcpu->lapic;
	bool apic_on = lapic->base_msr & 1U << 11;

	memcpy(page->registers, vcpu->registers, sizeof(page->registers));
	vendor->store(vcpu, page);
	if (vcpu->events & VCPU_EVENT_NMI)
		page->flags |= MULLION_FLAG_NMI_PENDING;
	page->activity = vcpu->state == VCPU_OFF      ? MULLION_WAIT_FOR_STARTUP
			 : vcpu->state == VCPU_HALTED ? MULLION_HALTED
						      : MULLION_RUNNABLE;
	page->tsc_offset = vcpu->tsc_offset;
	page->interruptible = vendor->interruptible(vcpu);
	page->accepts_pic = !apic_on || (lapic->lvt_lint0 & (VLAPIC_LVT_MASKED | 0x700)) == 0x700;
	page->cr8 = (uint8_t)vlapic_read_cr8(lapic);
	page->apic_base = lapic->base_msr;
	page->timer = guest_deadline(vcpu);
	page->dirty = 0;
}

/* ---- items ---- */

static int get_msr(struct vcpu *vcpu, uint32_t index, uint64_t *value)
{
	switch (index) {
	case MSR_TSC:
		*value = guest_tsc(vcpu);
		return 0;
	case MSR_APIC_BASE:
	case MSR_DEADLINE:
		vlapic_tick(&vcpu->lapic, guest_tsc(vcpu));
		return vlapic_msr_read(&vcpu->lapic, index, value, guest_tsc(vcpu));
	default:
		return vendor->msr_read(vcpu, index, value);
	}
}

static int set_msr(struct vcpu *vcpu, uint32_t index, uint64_t value)
{
	struct vlapic_action action;

	switch (index) {
	case MSR_TSC:
		guest_set_tsc(vcpu, value - rdtsc());
		return 0;
	case MSR_APIC_BASE:
		return vlapic_set_base(&vcpu->lapic, value);
	case MSR_DEADLINE:
		return vlapic_msr_write(&vcpu->lapic, index, value, guest_tsc(vcpu), &action);
	default:
		return vendor->msr_write(vcpu, index, value);
	}
}

static int item_msr(struct vcpu *vcpu, struct vm *control, gpa_t memory, bool set)
{
	struct mullion_vcpu_msr msr;
	int error;

	if (vm_read_memory(control, memory, &msr, sizeof(msr)))
		return -EFAULT;
	if (msr.zero)
		return -EINVAL;
	error = set ? set_msr(vcpu, msr.index, msr.value) : get_msr(vcpu, msr.index, &msr.value);
	if (error)
		return error == -EPERM ? -EINVAL : error;
	return set ? 0 : vm_write_memory(control, memory, &msr, sizeof(msr));
}

static int set_cpuid(struct guest_vcpu *gv, struct vm *control, gpa_t memory, uint64_t size)
{
	size_t count = size / sizeof(gv->cpuid[0]);

	gv->cpuid_count = 0;
	gv->hyperv_apic = false;
	if (vm_read_memory(control, memory, gv->cpuid, size))
		return -EFAULT;
	for (size_t i = 0; i < count; i++)
		if ((gv->cpuid[i].flags & ~MULLION_CPUID_SUBLEAVES) || gv->cpuid[i].zero)
			return -EINVAL;
	gv->cpuid_count = (uint32_t)count;
	gv->hyperv_apic = guest_cpuid(gv, HYPERV_FEATURES, 0).eax & HYPERV_APIC;
	return 0;
}

/* Whether XRSTOR takes an area that begins so. */
static bool xsave_is_good(const unsigned char area[XSAVE_CHECKED])
{
	unsigned char own[XSAVE_CHECKED] __attribute__((aligned(64))) = {0};
	struct cpuid leaf = cpuid(0xd, 0);
	uint64_t header[8];
	uint32_t mxcsr, mask;

	memcpy(header, area + XSAVE_HEADER, sizeof(header));
	memcpy(&mxcsr, area + XSAVE_MXCSR, sizeof(mxcsr));
	for (size_t i = 1; i < ARRAY_LENGTH(header); i++)
		if (header[i])
			return false;
	/* What MXCSR may be, the CPU says with its own. */
	__asm__ volatile("xsave64 %0" : "+m"(own) : "a"(XSAVE_SSE), "d"(0));
	memcpy(&mask, own + XSAVE_MXCSR_MASK, sizeof(mask));
	return !(header[0] & ~(leaf.eax & XSAVE_KNOWN)) &&
	       !(mxcsr & ~(mask ? mask : MXCSR_OLD_MASK));
}

static int get_xsave(struct guest_vcpu *gv, struct vm *control, gpa_t memory)
{
	unsigned char *fpu = vendor->fpu(&gv->vcpu);
	uint64_t features;

	/* What no guest has, though the CPU saves it. */
	memcpy(&features, fpu + XSAVE_HEADER, sizeof(features));
	features &= XSAVE_KNOWN;
	memcpy(fpu + XSAVE_HEADER, &features, sizeof(features));
	return vm_write_memory(control, memory, fpu, PAGE_SIZE);
}

static int set_xsave(struct guest_vcpu *gv, struct vm *control, gpa_t memory)
{
	unsigned char *fpu = vendor->fpu(&gv->vcpu), start[XSAVE_CHECKED];

	if (vm_read_memory(control, memory, start, sizeof(start)))
		return -EFAULT;
	if (!xsave_is_good(start))
		return -EINVAL;
	if (vm_read_memory(control, gpa(gpa_value(memory) + sizeof(start)), fpu + sizeof(start),
			   PAGE_SIZE - sizeof(start)))
		return -EFAULT;
	memcpy(fpu, start, sizeof(start));
	return 0;
}

static int item_lapic(struct vcpu *vcpu, struct vm *control, gpa_t memory, bool set)
{
	uint32_t words[VLAPIC_PAGE_WORDS];
	uint64_t tsc = guest_tsc(vcpu);

	if (!set) {
		vlapic_tick(&vcpu->lapic, tsc);
		vlapic_save(&vcpu->lapic, words, tsc);
		return vm_write_memory(control, memory, words, sizeof(words));
	}
	if (vm_read_memory(control, memory, words, sizeof(words)))
		return -EFAULT;
	vlapic_load(&vcpu->lapic, words, tsc);
	return 0;
}

/* The size that an item has. */
bool guest_item_size_is_good(uint64_t item, uint64_t size)
{
	switch (item) {
	case MULLION_VCPU_PAGE:
		return size == 0;
	case MULLION_VCPU_XSAVE:
		return size == PAGE_SIZE;
	case MULLION_VCPU_LAPIC:
		return size == VLAPIC_PAGE_WORDS * sizeof(uint32_t);
	case MULLION_VCPU_MSR:
		return size == sizeof(struct mullion_vcpu_msr);
	case MULLION_VCPU_CPUID:
		return size % sizeof(struct mullion_cpuid) == 0 &&
		       size <= MULLION_CPUID_MAX * sizeof(struct mullion_cpuid);
	default:
		return false;
	}
}

int guest_vcpu_get(struct guest_vcpu *gv, struct vm *control, uint64_t item, gpa_t memory)
{
	switch (item) {
	case MULLION_VCPU_PAGE:
		guest_vcpu_store(gv);
		return 0;
	case MULLION_VCPU_XSAVE:
		return get_xsave(gv, control, memory);
	case MULLION_VCPU_LAPIC:
		return item_lapic(&gv->vcpu, control, memory, false);
	case MULLION_VCPU_MSR:
		return item_msr(&gv->vcpu, control, memory, false);
	default:
		return -EINVAL;
	}
}

int guest_vcpu_set(struct guest_vcpu *gv, struct vm *control, uint64_t item, gpa_t memory,
		   uint64_t size)
{
	switch (item) {
	case MULLION_VCPU_XSAVE:
		return set_xsave(gv, control, memory);
	case MULLION_VCPU_LAPIC:
		return item_lapic(&gv->vcpu, control, memory, true);
	case MULLION_VCPU_MSR:
		return item_msr(&gv->vcpu, control, memory, true);
	case MULLION_VCPU_CPUID:
		return set_cpuid(gv, control, memory, size);
	default:
		return -EINVAL;
	}
}

static int read_guest(void *user, gpa_t address, void *to, size_t size)
{
	return vm_read_memory(user, address, to, size);
}

int64_t guest_vcpu_translate(struct guest_vcpu *gv, uint64_t linear, uint64_t access)
{
	unsigned how = (access & MULLION_ACCESS_WRITE ? WALK_WRITE : 0) |
		       (access & MULLION_ACCESS_USER ? WALK_USER : 0);
	struct vcpu_mode mode;
	gpa_t address;

	vendor->get_mode(&gv->vcpu, &mode);
	if (walk_access(&mode, read_guest, gv->vcpu.vm, linear, how, &address))
		return -EFAULT;
	return (int64_t)gpa_value(address);
}
