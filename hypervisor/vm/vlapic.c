/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The local APIC's registers: the page of xAPIC mode, the MSRs of x2APIC mode, and IA32_APIC_BASE.
 * Intel SDM vol. 3, 11.4 to 11.6 and 11.12; AMD APM vol. 2, 16.3 to 16.5 and 16.9 to 16.11.
 *
 * A register's number is its offset in the page / 16, and its MSR - 0x800.
 */
#include "vm/vlapic-parts.h"

#include "lib/errno.h"

#define MSR_BASE     0x1bU
#define MSR_DEADLINE 0x6e0U
#define MSR_X2APIC   0x800U

enum {
	REG_ID = 0x02,
	REG_VERSION = 0x03,
	REG_TPR = 0x08,
	REG_APR = 0x09,
	REG_PPR = 0x0a,
	REG_EOI = 0x0b,
	REG_REMOTE_READ = 0x0c,
	REG_LDR = 0x0d,
	REG_DFR = 0x0e,
	REG_SVR = 0x0f,
	REG_ISR = 0x10,
	REG_TMR = 0x18,
	REG_IRR = 0x20,
	REG_ESR = 0x28,
	REG_ICR = 0x30,
	REG_ICR_HIGH = 0x31,
	REG_LVT_TIMER = 0x32,
	REG_LVT_THERMAL = 0x33,
	REG_LVT_PERF = 0x34,
	REG_LVT_LINT0 = 0x35,
	REG_LVT_LINT1 = 0x36,
	REG_LVT_ERROR = 0x37,
	REG_INITIAL = 0x38,
	REG_CURRENT = 0x39,
	REG_DIVIDE = 0x3e,
	REG_SELF_IPI = 0x3f,
	REG_COUNT = 0x40,
};

/* Version 0x14 (integrated), six LVT entries, EOI broadcasts cannot be suppressed. */
#define VERSION 0x50014U

#define LVT_STATUS     (1U << 12) /* read-only */
#define LVT_REMOTE_IRR (1U << 14) /* read-only; the LINT pins' only */

#define ICR_STATUS     (1U << 12)
#define ICR_WRITABLE   0x000ccfffU
#define SHORTHAND_SELF 1U

/* Who may do what: in the page (X), by MSR (M). */
#define XR 1U
#define XW 2U
#define MR 4U
#define MW 8U
#define RO (XR | MR)
#define RW (XR | XW | MR | MW)

#define ICR_IGNORED  (~(uint64_t)UINT32_MAX | ICR_STATUS) /* the destination is no register */
#define LINT_IGNORED (LVT_STATUS | LVT_REMOTE_IRR)

/* Bits that are kept when written. Others are ignored in the page; by MSR they take #GP but for
 * those that the third column names. */
#define REGISTER(access, bits, ignored)                                                            \
	{                                                                                          \
		access, bits, ~((uint64_t)(bits) | (ignored))                                      \
	}
static const struct {
	uint32_t access;
	uint32_t bits;
	uint64_t refused;
} registers[REG_COUNT] = {
	[REG_ID] = REGISTER(RO, 0, 0),
	[REG_VERSION] = REGISTER(RO, 0, 0),
	[REG_TPR] = REGISTER(RW, 0xff, 0),
	[REG_APR] = REGISTER(XR, 0, 0),
	[REG_PPR] = REGISTER(RO, 0, 0),
	[REG_EOI] = REGISTER(XW | MW, 0, 0),
	[REG_REMOTE_READ] = REGISTER(XR, 0, 0),
	[REG_LDR] = REGISTER(XR | XW | MR, 0xff000000, 0),
	[REG_DFR] = REGISTER(XR | XW, 0xf0000000, 0),
	[REG_SVR] = REGISTER(RW, 0x3ff, 0),
	[REG_ISR... REG_ISR + 7] = REGISTER(RO, 0, 0),
	[REG_TMR... REG_TMR + 7] = REGISTER(RO, 0, 0),
	[REG_IRR... REG_IRR + 7] = REGISTER(RO, 0, 0),
	[REG_ESR] = REGISTER(RW, 0, 0),
	[REG_ICR] = REGISTER(RW, ICR_WRITABLE, ICR_IGNORED),
	[REG_ICR_HIGH] = REGISTER(XR | XW, 0xff000000, 0),
	[REG_LVT_TIMER] = REGISTER(RW, 0x700ff, LVT_STATUS),
	[REG_LVT_THERMAL] = REGISTER(RW, 0x107ff, LVT_STATUS),
	[REG_LVT_PERF] = REGISTER(RW, 0x107ff, LVT_STATUS),
	[REG_LVT_LINT0] = REGISTER(RW, 0x1a7ff, LINT_IGNORED),
	[REG_LVT_LINT1] = REGISTER(RW, 0x1a7ff, LINT_IGNORED),
	[REG_LVT_ERROR] = REGISTER(RW, 0x100ff, LVT_STATUS),
	[REG_INITIAL] = REGISTER(RW, UINT32_MAX, 0),
	[REG_CURRENT] = REGISTER(RO, 0, 0),
	[REG_DIVIDE] = REGISTER(RW, 0xb, 0),
	[REG_SELF_IPI] = REGISTER(MW, 0xff, 0),
};

static bool is_lvt(unsigned number)
{
	return number >= REG_LVT_TIMER && number <= REG_LVT_ERROR;
}

static uint32_t *lvt_of(struct vlapic *lapic, unsigned number)
{
	switch (number) {
	case REG_LVT_TIMER:
		return &lapic->lvt_timer;
	case REG_LVT_THERMAL:
		return &lapic->lvt_thermal;
	case REG_LVT_PERF:
		return &lapic->lvt_perf;
	case REG_LVT_LINT0:
		return &lapic->lvt_lint0;
	case REG_LVT_LINT1:
		return &lapic->lvt_lint1;
	default:
		return &lapic->lvt_error;
	}
}

void vlapic_reset(struct vlapic *lapic, uint32_t id, bool bsp, uint64_t tsc_hz, bool init)
{
	if (!init)
		__atomic_store_n(&lapic->base_msr,
				 VLAPIC_DEFAULT_BASE | APIC_BASE_ENABLE | (bsp ? APIC_BASE_BSP : 0),
				 __ATOMIC_RELAXED);
	lapic->id = id;
	lapic->tsc_hz = tsc_hz;
	/* First off, then clear: what another CPU posts meanwhile finds the APIC off. */
	__atomic_store_n(&lapic->svr, 0xff, __ATOMIC_RELAXED);
	for (unsigned number = REG_LVT_TIMER; number <= REG_LVT_ERROR; number++)
		__atomic_store_n(lvt_of(lapic, number), LVT_MASKED, __ATOMIC_RELAXED);
	vlapic_clear_interrupts(lapic);
	lapic->tpr = 0;
	__atomic_store_n(&lapic->ldr, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&lapic->dfr, UINT32_MAX, __ATOMIC_RELAXED);
	lapic->esr = 0;
	__atomic_store_n(&lapic->esr_pending, 0, __ATOMIC_RELAXED);
	lapic->icr = 0;
	lapic->timer_initial = 0;
	lapic->timer_divide = 0;
	lapic->timer_start = 0;
	lapic->deadline = 0;
}

static uint32_t read_register(struct vlapic *lapic, unsigned number, uint64_t tsc)
{
	switch (number) {
	case REG_ID:
		return vlapic_is_x2apic(lapic) ? lapic->id : lapic->id << 24;
	case REG_VERSION:
		return VERSION;
	case REG_TPR:
		return lapic->tpr;
	case REG_PPR:
		return vlapic_ppr(lapic);
	case REG_LDR:
		return vlapic_ldr(lapic);
	case REG_DFR:
		return lapic->dfr;
	case REG_SVR:
		return lapic->svr;
	case REG_ISR ... REG_ISR + 7:
		return lapic->isr[number - REG_ISR];
	case REG_TMR ... REG_TMR + 7:
		return lapic->tmr[number - REG_TMR];
	case REG_IRR ... REG_IRR + 7:
		return lapic->irr[number - REG_IRR];
	case REG_ESR:
		return lapic->esr;
	case REG_ICR:
		return (uint32_t)lapic->icr;
	case REG_ICR_HIGH:
		return (uint32_t)(lapic->icr >> 32);
	case REG_LVT_TIMER ... REG_LVT_ERROR:
		return *lvt_of(lapic, number);
	case REG_INITIAL:
		return lapic->timer_initial;
	case REG_CURRENT:
		return vlapic_timer_count(lapic, tsc);
	case REG_DIVIDE:
		return lapic->timer_divide;
	default: /* arbitration priority and remote read: nothing has them any more */
		return 0;
	}
}

/* What the ICR's low half asks for. Intel SDM vol. 3, table 11-3: only fixed interrupts may go to
 * the sender itself. Reserved modes and combinations send nothing. */
static void send(struct vlapic *lapic, struct vlapic_action *action)
{
	uint32_t low = (uint32_t)lapic->icr;
	unsigned mode = low >> 8 & 7, shorthand = low >> 18 & 3;

	if (mode == 3 || mode == 7)
		return;
	if (mode != VLAPIC_FIXED && (shorthand == SHORTHAND_SELF || shorthand == VLAPIC_TO_ALL))
		return;
	if ((mode == VLAPIC_FIXED || mode == VLAPIC_LOWEST) && (low & 0xff) < 16) {
		vlapic_error(lapic, ESR_SEND_VECTOR);
		return;
	}
	if (shorthand == SHORTHAND_SELF) {
		vlapic_request(lapic, (uint8_t)low);
		return;
	}
	action->kind = VLAPIC_IPI;
	action->vector = (uint8_t)low;
	action->delivery = mode;
	action->shorthand = shorthand;
	action->logical = low >> 11 & 1;
	action->x2apic = vlapic_is_x2apic(lapic);
	action->destination = (uint32_t)(lapic->icr >> (action->x2apic ? 32 : 56));
	action->init_deassert = mode == VLAPIC_INIT && (low & 0xc000) == 0x8000;
}

static void write_svr(struct vlapic *lapic, uint32_t value)
{
	__atomic_store_n(&lapic->svr, value, __ATOMIC_RELAXED);
	if (value & SVR_ENABLE)
		return;
	for (unsigned number = REG_LVT_TIMER; number <= REG_LVT_ERROR; number++)
		__atomic_fetch_or(lvt_of(lapic, number), LVT_MASKED, __ATOMIC_RELAXED);
}

static void write_lvt(struct vlapic *lapic, unsigned number, uint32_t value)
{
	if (!(lapic->svr & SVR_ENABLE))
		value |= LVT_MASKED;
	if (number == REG_LVT_TIMER)
		vlapic_timer_write_lvt(lapic, value);
	else
		__atomic_store_n(lvt_of(lapic, number), value, __ATOMIC_RELAXED);
}

/* A write that is allowed, of bits that are. */
static void write_register(struct vlapic *lapic, unsigned number, uint32_t value, uint64_t tsc,
			   struct vlapic_action *action)
{
	/* What was due happens before what is written can change it. */
	if (is_lvt(number) || number == REG_SVR || number == REG_INITIAL || number == REG_DIVIDE)
		vlapic_tick(lapic, tsc);
	switch (number) {
	case REG_TPR:
		lapic->tpr = value;
		break;
	case REG_EOI:
		vlapic_end(lapic, action);
		break;
	case REG_LDR:
		__atomic_store_n(&lapic->ldr, value, __ATOMIC_RELAXED);
		break;
	case REG_DFR:
		__atomic_store_n(&lapic->dfr, value | 0x0fffffff, __ATOMIC_RELAXED);
		break;
	case REG_SVR:
		write_svr(lapic, value);
		break;
	case REG_ESR:
		lapic->esr = __atomic_exchange_n(&lapic->esr_pending, 0, __ATOMIC_RELAXED);
		break;
	case REG_ICR:
		lapic->icr = (lapic->icr >> 32 << 32) | value;
		send(lapic, action);
		break;
	case REG_ICR_HIGH:
		lapic->icr = (uint64_t)value << 32 | (uint32_t)lapic->icr;
		break;
	case REG_LVT_TIMER ... REG_LVT_ERROR:
		write_lvt(lapic, number, value);
		break;
	case REG_INITIAL:
		vlapic_timer_write_initial(lapic, value, tsc);
		break;
	case REG_DIVIDE:
		vlapic_timer_write_divide(lapic, value, tsc);
		break;
	default:
		break;
	}
}

/* The number of an xAPIC register; -EFAULT where the page is not the APIC's. */
static int page_register(const struct vlapic *lapic, uint32_t offset)
{
	if (!vlapic_on(lapic) || vlapic_is_x2apic(lapic) || offset >= PAGE_SIZE || offset % 16)
		return -EFAULT;
	return (int)(offset / 16);
}

static uint32_t access_of(int number)
{
	return number < REG_COUNT ? registers[number].access : 0;
}

int vlapic_mmio_read(struct vlapic *lapic, uint32_t offset, uint32_t *value, uint64_t tsc)
{
	int number = page_register(lapic, offset);

	if (number < 0)
		return number;
	*value = 0;
	vlapic_sync(lapic);
	if (!(access_of(number) & (XR | XW)))
		vlapic_error(lapic, ESR_ILLEGAL_REGISTER);
	else if (access_of(number) & XR)
		*value = read_register(lapic, (unsigned)number, tsc);
	return 0;
}

int vlapic_mmio_write(struct vlapic *lapic, uint32_t offset, uint32_t value, uint64_t tsc,
		      struct vlapic_action *action)
{
	int number = page_register(lapic, offset);

	action->kind = VLAPIC_NOTHING;
	if (number < 0)
		return number;
	if (!(access_of(number) & (XR | XW)))
		vlapic_error(lapic, ESR_ILLEGAL_REGISTER);
	else if (access_of(number) & XW)
		write_register(lapic, (unsigned)number, value & registers[number].bits, tsc,
			       action);
	return 0;
}

/* Intel SDM vol. 3, 11.12.5: on and off, and from xAPIC to x2APIC; not back, not past xAPIC. The
 * page's address is fixed here. Whether this is the boot CPU does not change either. */
static int write_base(struct vlapic *lapic, uint64_t value)
{
	uint64_t old = lapic->base_msr, modes = APIC_BASE_ENABLE | APIC_BASE_X2APIC;
	uint64_t now = value & modes, was = old & modes;

	if ((value & ~(modes | APIC_BASE_BSP)) != VLAPIC_DEFAULT_BASE || now == APIC_BASE_X2APIC ||
	    (now == modes && was == 0) || (now == APIC_BASE_ENABLE && was == modes))
		return -EPERM;
	if (now == 0 && was != 0)
		vlapic_reset(lapic, lapic->id, old & APIC_BASE_BSP, lapic->tsc_hz, true);
	else if (now == modes && was != modes)
		lapic->icr = (uint32_t)lapic->icr;
	__atomic_store_n(&lapic->base_msr, (value & ~APIC_BASE_BSP) | (old & APIC_BASE_BSP),
			 __ATOMIC_RELAXED);
	return 0;
}

static bool may_use(const struct vlapic *lapic, uint32_t number, uint32_t access)
{
	return number < REG_COUNT && (registers[number].access & access) && vlapic_is_x2apic(lapic);
}

/* Hyper-V's three are there in both modes, and ignore what the page would (TLFS, "Virtual Interrupt
 * Controller"). REG_COUNT: it is none of them, or not to be accessed so. */
static uint32_t hyperv_register(const struct vlapic *lapic, uint32_t msr, uint32_t access)
{
	uint32_t number = msr == MSR_HV_EOI   ? REG_EOI
			  : msr == MSR_HV_ICR ? REG_ICR
			  : msr == MSR_HV_TPR ? REG_TPR
					      : REG_COUNT;

	return number < REG_COUNT && (registers[number].access & access) && vlapic_on(lapic)
		       ? number
		       : REG_COUNT;
}

int vlapic_msr_read(struct vlapic *lapic, uint32_t msr, uint64_t *value, uint64_t tsc)
{
	uint32_t number = msr - MSR_X2APIC;

	if (!may_use(lapic, number, MR)) {
		if (msr == MSR_BASE) {
			*value = lapic->base_msr;
			return 0;
		}
		if (msr == MSR_DEADLINE) {
			*value = vlapic_timer_read_deadline(lapic, tsc);
			return 0;
		}
		number = hyperv_register(lapic, msr, MR);
		if (number == REG_COUNT)
			return -EPERM;
	}
	vlapic_sync(lapic);
	*value = number == REG_ICR ? lapic->icr : read_register(lapic, number, tsc);
	return 0;
}

static int write_other_msr(struct vlapic *lapic, uint32_t msr, uint64_t value, uint64_t tsc,
			   struct vlapic_action *action)
{
	uint32_t number = hyperv_register(lapic, msr, MW);

	if (number == REG_ICR) {
		lapic->icr = value & ~(registers[REG_ICR].refused | ICR_STATUS);
		send(lapic, action);
		return 0;
	}
	if (number < REG_COUNT) {
		write_register(lapic, number, (uint32_t)value & registers[number].bits, tsc,
			       action);
		return 0;
	}
	if (msr == MSR_BASE)
		return write_base(lapic, value);
	if (msr != MSR_DEADLINE)
		return -EPERM;
	vlapic_tick(lapic, tsc);
	vlapic_timer_write_deadline(lapic, value);
	return 0;
}

int vlapic_msr_write(struct vlapic *lapic, uint32_t msr, uint64_t value, uint64_t tsc,
		     struct vlapic_action *action)
{
	uint32_t number = msr - MSR_X2APIC;

	action->kind = VLAPIC_NOTHING;
	if (!may_use(lapic, number, MW))
		return write_other_msr(lapic, msr, value, tsc, action);
	if (value & registers[number].refused)
		return -EPERM;
	if (number == REG_SELF_IPI) {
		/* As the ICR would send it, which keeps what it holds. */
		if (value < 16)
			vlapic_error(lapic, ESR_SEND_VECTOR);
		else
			vlapic_request(lapic, (uint8_t)value);
	} else if (number == REG_ICR) {
		lapic->icr = value & ~(uint64_t)ICR_STATUS;
		send(lapic, action);
	} else {
		write_register(lapic, number, (uint32_t)value & registers[number].bits, tsc,
			       action);
	}
	return 0;
}

/* ---- as a whole ---- */

int vlapic_set_base(struct vlapic *lapic, uint64_t value)
{
	uint64_t modes = APIC_BASE_ENABLE | APIC_BASE_X2APIC;

	if ((value & ~(modes | APIC_BASE_BSP)) != VLAPIC_DEFAULT_BASE ||
	    (value & modes) == APIC_BASE_X2APIC)
		return -EPERM;
	if (!(value & APIC_BASE_ENABLE) && vlapic_on(lapic))
		vlapic_reset(lapic, lapic->id, false, lapic->tsc_hz, true);
	__atomic_store_n(&lapic->base_msr, value, __ATOMIC_RELAXED);
	return 0;
}

void vlapic_save(struct vlapic *lapic, uint32_t page[VLAPIC_PAGE_WORDS], uint64_t tsc)
{
	vlapic_sync(lapic);
	for (unsigned i = 0; i < VLAPIC_PAGE_WORDS; i++)
		page[i] = 0;
	for (unsigned number = 0; number < REG_COUNT; number++)
		if (registers[number].access & (XR | MR))
			page[number * 4] = read_register(lapic, number, tsc);
	page[REG_ID * 4] = lapic->id << 24;
}

/* Vectors below 16 are in no word. */
static void load_vectors(uint32_t to[8], const uint32_t *from, uint32_t *any)
{
	uint32_t words = 0;

	for (unsigned i = 0; i < 8; i++) {
		to[i] = from[i * 4] & (i ? UINT32_MAX : 0xffff0000);
		words |= (uint32_t)(to[i] != 0) << i;
	}
	if (any)
		*any = words;
}

void vlapic_load(struct vlapic *lapic, const uint32_t page[VLAPIC_PAGE_WORDS], uint64_t tsc)
{
#define LOADED(number) (page[(number)*4] & registers[number].bits)
	vlapic_clear_interrupts(lapic);
	lapic->id = page[REG_ID * 4] >> 24;
	lapic->tpr = LOADED(REG_TPR);
	__atomic_store_n(&lapic->ldr, LOADED(REG_LDR), __ATOMIC_RELAXED);
	__atomic_store_n(&lapic->dfr, LOADED(REG_DFR) | 0x0fffffff, __ATOMIC_RELAXED);
	lapic->esr = page[REG_ESR * 4];
	lapic->icr = (uint64_t)page[REG_ICR_HIGH * 4] << 32 | LOADED(REG_ICR);
	load_vectors(lapic->isr, &page[REG_ISR * 4], &lapic->isr_any);
	load_vectors(lapic->tmr, &page[REG_TMR * 4], NULL);
	load_vectors(lapic->irr, &page[REG_IRR * 4], &lapic->irr_any);
	/* An APIC that is off is disabled as well. */
	__atomic_store_n(&lapic->svr, LOADED(REG_SVR) & (vlapic_on(lapic) ? UINT32_MAX : 0xff),
			 __ATOMIC_RELAXED);
	for (unsigned number = REG_LVT_TIMER; number <= REG_LVT_ERROR; number++)
		write_lvt(lapic, number, LOADED(number));
	vlapic_timer_load(lapic, LOADED(REG_DIVIDE), page[REG_INITIAL * 4], page[REG_CURRENT * 4],
			  tsc);
#undef LOADED
}
