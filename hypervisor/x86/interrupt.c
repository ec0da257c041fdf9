/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The IDT, common to all CPUs, and what becomes of an interrupt. Source: AMD APM vol. 2, 4.8, 8. */
#include "x86/interrupt.h"

#include "vm/irq.h"
#include "x86/cpu.h"
#include "x86/descriptor.h"
#include "x86/panic.h"
#include "x86/pcpu.h"

#define PIC1 0x20
#define PIC2 0xa0

struct gate {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_middle;
	uint32_t offset_high, zero;
};

struct idt_pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

extern const char vector_entries[256][16]; /* x86/vectors.S */
void interrupt_dispatch(struct interrupt_frame *frame);

static struct gate idt[256] __attribute__((aligned(16)));

static void set_gate(unsigned vector, unsigned ist)
{
	uint64_t entry = (uint64_t)vector_entries[vector];

	idt[vector] = (struct gate){
		.offset_low = (uint16_t)entry,
		.selector = SELECTOR_CODE,
		.ist = (uint8_t)ist,
		.type = 0x8e, /* present, DPL 0, interrupt gate */
		.offset_middle = (uint16_t)(entry >> 16),
		.offset_high = (uint32_t)(entry >> 32),
	};
}

/* The old interrupt controllers, away from the exceptions, all masked: what they may still deliver
 * is spurious. */
static void silence_pics(void)
{
	outb(PIC1, 0x11);
	outb(PIC2, 0x11);
	outb(PIC1 + 1, 0x20);
	outb(PIC2 + 1, 0x28);
	outb(PIC1 + 1, 4);
	outb(PIC2 + 1, 2);
	outb(PIC1 + 1, 1);
	outb(PIC2 + 1, 1);
	outb(PIC1 + 1, 0xff);
	outb(PIC2 + 1, 0xff);
}

void interrupt_init(void)
{
	for (unsigned vector = 0; vector < 256; vector++)
		set_gate(vector, 0);
	set_gate(VECTOR_NMI, IST_NMI);
	set_gate(VECTOR_DOUBLE_FAULT, IST_DOUBLE_FAULT);
	set_gate(VECTOR_MACHINE_CHECK, IST_MACHINE_CHECK);
	silence_pics();
}

void interrupt_init_cpu(void)
{
	struct idt_pointer pointer = {sizeof(idt) - 1, (uint64_t)idt};

	__asm__ volatile("lidt %0" : : "m"(pointer));
}

void interrupt_dispatch(struct interrupt_frame *frame)
{
	uint8_t vector = (uint8_t)frame->vector;

	if ((vector == VECTOR_STOP || vector == VECTOR_NMI) && panic_is_on())
		cpu_halt();
	/* One that no hardware error stands behind, a device may have forged (without interrupt
	 * remapping): NMI status is in port 0x61 (ICH9 data sheet, 13.7.1). */
	if (vector == VECTOR_NMI && !(inb(0x61) & 0xc0))
		return;
	if (vector < 32)
		panic_exception(frame);
	if (vector < VECTOR_DEVICE_FIRST || vector == VECTOR_SPURIOUS)
		return;
	if (vector <= VECTOR_DEVICE_LAST)
		irq_deliver(this_pcpu()->number, vector);
	if (vector == VECTOR_TIMER)
		this_pcpu()->timer_over = true;
	/* A kick has done its work by interrupting. */
	lapic_end_of_interrupt();
}
