/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time: the TSC's frequency, delays and the clock on the wall. Source: Intel SDM vol. 2, CPUID
 * leaves 15h and 16h; ACPI 6.4, 4.8.3.3; Intel 8254 data sheet; Motorola MC146818A data sheet.
 */
#include "lib/log.h"
#include "x86/cmos.h"
#include "x86/cpu.h"
#include "x86/machine.h"

#define PM_TIMER_HZ   3579545
#define PM_TIMER_MASK 0xffffff /* 24 bits count everywhere */
#define PIT_HZ	      1193182
#define PIT_COUNT     0xe000 /* some 48 ms */
#define MAX_POLLS     10000000u

#define PIT_CHANNEL_2 0x42
#define PIT_MODE      0x43
#define PORT_B	      0x61
#define CMOS_INDEX    0x70
#define CMOS_DATA     0x71

uint64_t tsc_hz;

static bool is_sane(uint64_t hz)
{
	return hz >= 10000000 && hz <= 20000000000;
}

static uint64_t from_cpuid(void)
{
	uint32_t leaves = cpuid(0, 0).eax;
	struct cpuid ratio;
	uint64_t hz = 0;

	if (leaves < 0x15)
		return 0;
	ratio = cpuid(0x15, 0);
	if (ratio.eax == 0 || ratio.ebx == 0)
		return 0;
	if (ratio.ecx != 0)
		hz = (uint64_t)ratio.ecx * ratio.ebx / ratio.eax;
	else if (leaves >= 0x16)
		hz = (cpuid(0x16, 0).eax & 0xffff) * 1000000ULL;
	return is_sane(hz) ? hz : 0;
}

struct sample {
	uint64_t tsc;
	uint32_t timer;
};

/* Both at the same moment: of some tries the one least disturbed by firmware or by a host. */
static struct sample sample_pm_timer(uint16_t port)
{
	struct sample best = {0, 0};
	uint64_t best_took = UINT64_MAX;

	for (unsigned i = 0; i < 8; i++) {
		uint64_t before = rdtsc();
		uint32_t timer = inl(port);
		uint64_t took = rdtsc() - before;

		if (took < best_took) {
			best_took = took;
			best = (struct sample){before + took / 2, timer};
		}
	}
	return best;
}

/* Over 20 ms. 0: the timer stands. */
static uint64_t measure_pm_timer(uint16_t port)
{
	struct sample start = sample_pm_timer(port), end = start;
	uint32_t ticks = 0;

	for (unsigned polls = 0; ticks < PM_TIMER_HZ / 50 && polls < MAX_POLLS / 100; polls++) {
		end = sample_pm_timer(port);
		ticks = (end.timer - start.timer) & PM_TIMER_MASK;
	}
	return ticks == 0 ? 0 : (end.tsc - start.tsc) * PM_TIMER_HZ / ticks;
}

static uint64_t measure_pit(void)
{
	uint8_t port_b = inb(PORT_B);
	uint64_t start, end;
	unsigned polls = 0;

	outb(PORT_B, (port_b & ~2) | 1); /* gate open, speaker off */
	outb(PIT_MODE, 0xb0);		 /* channel 2, both bytes, one shot */
	outb(PIT_CHANNEL_2, PIT_COUNT & 0xff);
	outb(PIT_CHANNEL_2, PIT_COUNT >> 8);
	start = rdtsc();
	while ((inb(PORT_B) & 0x20) == 0 && polls < MAX_POLLS)
		polls++;
	end = rdtsc();
	outb(PORT_B, port_b);
	return polls == MAX_POLLS ? 0 : (end - start) * PIT_HZ / PIT_COUNT;
}

static uint64_t median(uint64_t a, uint64_t b, uint64_t c)
{
	if ((a <= b && b <= c) || (c <= b && b <= a))
		return b;
	return (b <= a && a <= c) || (c <= a && a <= b) ? a : c;
}

void tsc_init(uint16_t pm_timer_port)
{
	const char *source = "CPUID";

	tsc_hz = from_cpuid();
	/* Of three, one may be off. */
	if (tsc_hz == 0 && pm_timer_port != 0) {
		source = "the PM timer";
		tsc_hz = median(measure_pm_timer(pm_timer_port), measure_pm_timer(pm_timer_port),
				measure_pm_timer(pm_timer_port));
	}
	if (!is_sane(tsc_hz)) {
		source = "the PIT";
		tsc_hz = median(measure_pit(), measure_pit(), measure_pit());
	}
	if (!is_sane(tsc_hz))
		core_panic(REASON_CPU_NO_TSC, "%lu Hz against the PIT", tsc_hz);
	log_line("TSC: %lu kHz by %s", tsc_hz / 1000, source);
}

void delay_us(uint64_t microseconds)
{
	uint64_t start = rdtsc();

	if (tsc_hz == 0) {
		/* Too early for the clock: a port access takes a microsecond or so. */
		while (microseconds-- > 0)
			inb(0x80);
		return;
	}
	while (rdtsc() - start < microseconds * (tsc_hz / 1000) / 1000)
		cpu_pause();
}

static uint8_t read_cmos(uint8_t index)
{
	outb(CMOS_INDEX, index);
	return inb(CMOS_DATA);
}

static struct cmos_time read_clock(void)
{
	return (struct cmos_time){read_cmos(0), read_cmos(2), read_cmos(4), read_cmos(7),
				  read_cmos(8), read_cmos(9), read_cmos(11)};
}

uint64_t wall_clock_at_boot(void)
{
	static uint64_t at_boot;
	uint64_t before = 0, now = 0;

	if (at_boot != 0)
		return at_boot;
	/* An update may pass between two registers: believe what is read twice. */
	for (unsigned tries = 0; tries < 100; tries++) {
		struct cmos_time time;

		for (unsigned polls = 0; (read_cmos(10) & 0x80) != 0 && polls < 10000; polls++)
			cpu_pause();
		time = read_clock();
		now = cmos_seconds(&time);
		if (now != 0 && now == before)
			break;
		before = now;
	}
	at_boot = now;
	return at_boot;
}
