/* SPDX-License-Identifier: GPL-2.0-or-later */
/* COM1, 115200 8n1, polled. Source: National Semiconductor PC16550D data sheet. */
#include "x86/cpu.h"
#include "x86/machine.h"

#define COM1 0x3f8

enum {
	UART_DATA = COM1,
	UART_INTERRUPTS = COM1 + 1,
	UART_FIFO = COM1 + 2,
	UART_LINE = COM1 + 3,
	UART_MODEM = COM1 + 4,
	UART_STATUS = COM1 + 5,
	UART_SCRATCH = COM1 + 7,
};

#define STATUS_READY 0x01
#define STATUS_EMPTY 0x20
#define WAIT_FOR_SEND                                                                              \
	100000 /* polls: some 100 ms of port reads, then the line is taken for dead                \
		*/

static bool present;

void serial_init(void)
{
	outb(UART_SCRATCH, 0x5a);
	present = inb(UART_SCRATCH) == 0x5a;
	if (!present)
		return;
	outb(UART_INTERRUPTS, 0);
	outb(UART_LINE, 0x80);
	outb(UART_DATA, 1);
	outb(UART_INTERRUPTS, 0);
	outb(UART_LINE, 0x03);
	outb(UART_FIFO, 0x07);
	outb(UART_MODEM, 0x03);
}

static void send(char c)
{
	for (unsigned i = 0; i < WAIT_FOR_SEND && (inb(UART_STATUS) & STATUS_EMPTY) == 0; i++)
		cpu_pause();
	outb(UART_DATA, (uint8_t)c);
}

void serial_write(const char *text, size_t size)
{
	if (!present)
		return;
	for (size_t i = 0; i < size; i++) {
		if (text[i] == '\n')
			send('\r');
		send(text[i]);
	}
}

int serial_read(void)
{
	if (!present || (inb(UART_STATUS) & STATUS_READY) == 0)
		return -1;
	return inb(UART_DATA);
}
