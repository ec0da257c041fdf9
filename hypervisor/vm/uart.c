/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The serial port that a VM's first messages go to, line by line into the core's log. */
#include "lib/errno.h"
#include "lib/log.h"
#include "vm/devices.h"

#define IER_EMPTY 0x02U
#define IER_BITS  0x0fU

#define IIR_NONE  0x01U
#define IIR_EMPTY 0x02U
#define IIR_FIFO  0xc0U

#define FCR_ENABLE 0x01U

#define LCR_DIVISOR 0x80U

#define MCR_BITS 0x1fU
#define MCR_OUT2 0x08U /* lets the interrupt out */
#define MCR_LOOP 0x10U

#define LSR_EMPTY 0x60U

#define MSR_READY 0xb0U /* carrier, data set ready, clear to send */

void uart_reset(struct uart *uart, void (*interrupt)(struct vm *vm))
{
	*uart = (struct uart){.interrupt = interrupt, .divisor = {1, 0}, .empty = true};
}

static void end_line(struct uart *uart, const struct vm *vm)
{
	uart->line[uart->length] = 0;
	if (uart->length)
		log_line("[%s] %s", vm->name, uart->line);
	uart->length = 0;
}

/* What a terminal could be tricked with is spelled out. */
static void send(struct uart *uart, const struct vm *vm, uint8_t byte)
{
	static const char digits[] = "0123456789abcdef";
	bool printable = (byte >= ' ' && byte < 0x7f) || byte == '\t';

	if (byte == '\n' || uart->length + 4 > UART_LINE)
		end_line(uart, vm);
	if (printable) {
		uart->line[uart->length++] = (char)byte;
	} else if (byte != '\n' && byte != '\r') {
		uart->line[uart->length++] = '\\';
		uart->line[uart->length++] = 'x';
		uart->line[uart->length++] = digits[byte >> 4];
		uart->line[uart->length++] = digits[byte & 15];
	}
}

static uint8_t read_iir(struct uart *uart)
{
	uint8_t cause = IIR_NONE;

	if (uart->ier & IER_EMPTY && uart->empty) {
		cause = IIR_EMPTY;
		uart->empty = false; /* told */
	}
	return cause | (uart->fcr & FCR_ENABLE ? IIR_FIFO : 0);
}

/* In a loop, the modem's lines are the port's own: CTS is RTS, DSR is DTR, RI OUT1, DCD OUT2. */
static uint8_t read_msr(const struct uart *uart)
{
	uint8_t mcr = uart->mcr;

	if (!(mcr & MCR_LOOP))
		return MSR_READY;
	return (uint8_t)((mcr & 2) << 3 | (mcr & 1) << 5 | (mcr & 0xc) << 4);
}

static uint8_t read_register(struct uart *uart, unsigned offset)
{
	switch (offset) {
	case 0:
		return uart->lcr & LCR_DIVISOR ? uart->divisor[0] : 0;
	case 1:
		return uart->lcr & LCR_DIVISOR ? uart->divisor[1] : uart->ier;
	case 2:
		return read_iir(uart);
	case 3:
		return uart->lcr;
	case 4:
		return uart->mcr;
	case 5:
		return LSR_EMPTY;
	case 6:
		return read_msr(uart);
	default:
		return uart->scr;
	}
}

static void write_register(struct uart *uart, const struct vm *vm, unsigned offset, uint8_t value)
{
	switch (offset) {
	case 0:
		if (uart->lcr & LCR_DIVISOR) {
			uart->divisor[0] = value;
			break;
		}
		if (!(uart->mcr & MCR_LOOP))
			send(uart, vm, value);
		uart->empty = true;
		break;
	case 1:
		if (uart->lcr & LCR_DIVISOR) {
			uart->divisor[1] = value;
			break;
		}
		if (!(uart->ier & IER_EMPTY))
			uart->empty = true;
		uart->ier = value & IER_BITS;
		break;
	case 2:
		uart->fcr = value;
		break;
	case 3:
		uart->lcr = value;
		break;
	case 4:
		uart->mcr = value & MCR_BITS;
		break;
	case 7:
		uart->scr = value;
		break;
	default: /* the status registers */
		break;
	}
}

int uart_access(struct vcpu *vcpu, void *data, uint64_t offset, unsigned size, bool write,
		uint64_t *value)
{
	struct vm *vm = vcpu_vm(vcpu);
	struct uart *uart = data;
	bool was, edge;

	if (size != 1)
		return -EFAULT;
	lock_take(&uart->lock);
	if (write)
		write_register(uart, vm, (unsigned)offset, (uint8_t)*value);
	else
		*value = read_register(uart, (unsigned)offset);
	was = uart->raised;
	uart->raised = uart->ier & IER_EMPTY && uart->empty && uart->mcr & MCR_OUT2 &&
		       !(uart->mcr & MCR_LOOP);
	edge = uart->raised && !was;
	lock_release(&uart->lock);
	if (edge && uart->interrupt)
		uart->interrupt(vm);
	return 0;
}
