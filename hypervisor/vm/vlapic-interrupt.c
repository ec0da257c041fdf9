/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The local APIC's way of an interrupt: posted, requested, in service, ended; priorities, errors
 * and destinations. Intel SDM vol. 3, 11.5.3 and 11.6.2, 11.8; AMD APM vol. 2, 16.5 and 16.6.
 *
 * Edge and level posts have a bitmap each, so that one atomic operation is a whole post: two bits
 * in two steps could be taken apart by vlapic_sync() and leave a level interrupt that nobody ends.
 */
#include "vm/vlapic-parts.h"

#include "lib/string.h"

/* any: which words are not 0. 0 if none is: no vector below 16 is ever in one. */
static unsigned highest(const uint32_t bits[8], uint32_t any)
{
	unsigned i;

	if (!any)
		return 0;
	i = 31U ^ (unsigned)__builtin_clz(any);
	return i * 32 + (31U ^ (unsigned)__builtin_clz(bits[i]));
}

static void set(uint32_t bits[8], uint32_t *any, uint8_t vector)
{
	bits[vector / 32] |= 1U << vector % 32;
	*any |= 1U << vector / 32;
}

static void clear(uint32_t bits[8], uint32_t *any, uint8_t vector)
{
	bits[vector / 32] &= ~(1U << vector % 32);
	if (!bits[vector / 32])
		*any &= ~(1U << vector / 32);
}

void vlapic_clear_interrupts(struct vlapic *lapic)
{
	memset(lapic->irr, 0, sizeof(lapic->irr));
	memset(lapic->isr, 0, sizeof(lapic->isr));
	memset(lapic->tmr, 0, sizeof(lapic->tmr));
	lapic->irr_any = lapic->isr_any = 0;
	__atomic_store_n(&lapic->posted_any, 0, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < 8; i++) {
		__atomic_store_n(&lapic->posted[i], 0, __ATOMIC_RELAXED);
		__atomic_store_n(&lapic->posted_level[i], 0, __ATOMIC_RELAXED);
	}
}

void vlapic_take_posted(struct vlapic *lapic)
{
	uint32_t words = __atomic_exchange_n(&lapic->posted_any, 0, __ATOMIC_ACQUIRE);

	while (words) {
		unsigned i = __builtin_ctz(words);
		uint32_t edge = __atomic_exchange_n(&lapic->posted[i], 0, __ATOMIC_RELAXED);
		uint32_t level = __atomic_exchange_n(&lapic->posted_level[i], 0, __ATOMIC_RELAXED);

		lapic->irr[i] |= edge | level;
		lapic->irr_any |= (uint32_t)(lapic->irr[i] != 0) << i;
		lapic->tmr[i] = (lapic->tmr[i] & ~edge) | level;
		words &= words - 1;
	}
}

static void post(struct vlapic *lapic, uint8_t vector, bool level)
{
	uint32_t *bits = level ? lapic->posted_level : lapic->posted;

	__atomic_fetch_or(&bits[vector / 32], 1U << vector % 32, __ATOMIC_RELAXED);
	__atomic_fetch_or(&lapic->posted_any, 1U << vector / 32, __ATOMIC_RELEASE);
}

/* The first error since ESR was written raises the error interrupt. */
void vlapic_error(struct vlapic *lapic, uint32_t bits)
{
	uint32_t lvt = __atomic_load_n(&lapic->lvt_error, __ATOMIC_RELAXED);

	if (__atomic_fetch_or(&lapic->esr_pending, bits, __ATOMIC_RELAXED) == 0 &&
	    !(lvt & LVT_MASKED) && (lvt & 0xff) >= 16)
		post(lapic, (uint8_t)lvt, false);
}

void vlapic_post(struct vlapic *lapic, uint8_t vector, bool level)
{
	if (!vlapic_on(lapic) || !(__atomic_load_n(&lapic->svr, __ATOMIC_RELAXED) & SVR_ENABLE))
		return;
	if (vector < 16)
		vlapic_error(lapic, ESR_RECEIVE_VECTOR);
	else
		post(lapic, vector, level);
}

void vlapic_request(struct vlapic *lapic, uint8_t vector)
{
	/* One that is off is disabled here as well (vlapic_reset()). */
	if (!(lapic->svr & SVR_ENABLE))
		return;
	/* What was posted before it comes first, or its trigger mode would win. */
	vlapic_sync(lapic);
	set(lapic->irr, &lapic->irr_any, vector);
	lapic->tmr[vector / 32] &= ~(1U << vector % 32);
}

uint32_t vlapic_ppr(const struct vlapic *lapic)
{
	uint32_t class = highest(lapic->isr, lapic->isr_any) & 0xf0;

	return (lapic->tpr & 0xf0) >= class ? lapic->tpr : class;
}

static bool may_interrupt(const struct vlapic *lapic, unsigned vector)
{
	return (vector & 0xf0) > (vlapic_ppr(lapic) & 0xf0) && vlapic_on(lapic);
}

int vlapic_pending(struct vlapic *lapic)
{
	unsigned vector;

	vlapic_sync(lapic);
	vector = highest(lapic->irr, lapic->irr_any);
	return may_interrupt(lapic, vector) ? (int)vector : -1;
}

int vlapic_take(struct vlapic *lapic)
{
	unsigned vector, word;
	uint32_t bits, bit;

	/* By the word, without looking for it thrice: hot. */
	vlapic_sync(lapic);
	if (!lapic->irr_any)
		return -1;
	word = 31U ^ (unsigned)__builtin_clz(lapic->irr_any);
	bits = lapic->irr[word];
	bit = 31U ^ (unsigned)__builtin_clz(bits);
	vector = word * 32 + bit;
	if (!may_interrupt(lapic, vector))
		return -1;
	bits ^= 1U << bit;
	lapic->irr[word] = bits;
	if (!bits)
		lapic->irr_any ^= 1U << word;
	lapic->isr[word] |= 1U << bit;
	lapic->isr_any |= 1U << word;
	return (int)vector;
}

void vlapic_untake(struct vlapic *lapic, uint8_t vector)
{
	clear(lapic->isr, &lapic->isr_any, vector);
	lapic->irr[vector / 32] |= 1U << vector % 32;
	lapic->irr_any |= 1U << vector / 32;
}

void vlapic_end(struct vlapic *lapic, struct vlapic_action *action)
{
	unsigned vector = highest(lapic->isr, lapic->isr_any);

	if (vector == 0)
		return;
	clear(lapic->isr, &lapic->isr_any, (uint8_t)vector);
	if (lapic->tmr[vector / 32] & 1U << vector % 32) {
		action->kind = VLAPIC_EOI;
		action->vector = (uint8_t)vector;
	}
}

uint32_t vlapic_ldr(const struct vlapic *lapic)
{
	if (vlapic_is_x2apic(lapic))
		return lapic->id >> 4 << 16 | 1U << (lapic->id & 15);
	return __atomic_load_n(&lapic->ldr, __ATOMIC_RELAXED);
}

bool vlapic_matches(const struct vlapic *lapic, bool logical, uint32_t destination, bool x2apic)
{
	uint32_t ldr = vlapic_ldr(lapic), model;

	if (!x2apic)
		destination &= 0xff;
	if (!vlapic_on(lapic))
		return false;
	if (destination == (x2apic ? UINT32_MAX : 0xff))
		return true;
	if (!logical)
		return destination == lapic->id;
	if (vlapic_is_x2apic(lapic))
		return destination >> 16 == ldr >> 16 && (destination & ldr & 0xffff);
	if (destination > 0xff)
		return false;
	ldr >>= 24;
	model = __atomic_load_n(&lapic->dfr, __ATOMIC_RELAXED) >> 28;
	if (model == 0xf)
		return destination & ldr;
	/* The cluster model: cluster 15 is all of them. */
	return model == 0 && (destination >> 4 == 0xf || destination >> 4 == ldr >> 4) &&
	       (destination & ldr & 0xf);
}

uint64_t vlapic_read_cr8(const struct vlapic *lapic)
{
	return lapic->tpr >> 4;
}

void vlapic_write_cr8(struct vlapic *lapic, uint64_t value)
{
	lapic->tpr = (uint32_t)(value & 0xf) << 4;
}
