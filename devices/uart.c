/* SPDX-License-Identifier: MIT */
/*
 * The 16550A: its registers and its interrupt line. Called by the port bus, and by whoever has
 * input for the guest.
 */
#include "devices/uart.h"

#include <stddef.h>

static unsigned int fifo_size(const struct uart *uart)
{
	return uart->fifos ? UART_FIFO_SIZE : 1;
}

/* PC16550D, "Interrupt Identification Register": the pending source of highest priority. */
static uint8_t pending_interrupt(const struct uart *uart)
{
	if ((uart->ier & UART_IER_LINE_STATUS) && uart->overrun)
		return UART_IIR_LINE_STATUS;
	/* Bytes come without any time between them: fewer than the trigger have waited long
	 * enough. */
	if ((uart->ier & UART_IER_RECEIVED) && uart->count > 0)
		return uart->count >= uart->trigger ? UART_IIR_RECEIVED : UART_IIR_TIMEOUT;
	if ((uart->ier & UART_IER_THR_EMPTY) && uart->thr_empty)
		return UART_IIR_THR_EMPTY;
	if ((uart->ier & UART_IER_MODEM_STATUS) && (uart->msr & UART_MSR_CHANGES))
		return UART_IIR_MODEM_STATUS;
	return UART_IIR_NONE;
}

/* In loopback the OUT2 pin is off, and with it the way of the interrupt out of the board. */
static void update_line(struct uart *uart)
{
	bool open = (uart->mcr & (UART_MCR_OUT2 | UART_MCR_LOOP)) == UART_MCR_OUT2;
	bool level = open && pending_interrupt(uart) != UART_IIR_NONE;

	if (level == uart->level)
		return;
	uart->level = level;
	if (uart->raise != NULL)
		uart->raise(uart->context, level);
}

static void store_received(struct uart *uart, uint8_t byte)
{
	if (uart->count < fifo_size(uart)) {
		uart->fifo[(uart->first + uart->count++) % UART_FIFO_SIZE] = byte;
		return;
	}
	uart->overrun = true;
	/* Without FIFOs the new byte takes the place of the old one. */
	if (!uart->fifos)
		uart->fifo[uart->first] = byte;
}

static uint8_t take_received(struct uart *uart)
{
	uint8_t byte = uart->fifo[uart->first];

	if (uart->count == 0)
		return 0;
	uart->first = (uart->first + 1) % UART_FIFO_SIZE;
	uart->count--;
	return byte;
}

static void clear_received(struct uart *uart)
{
	uart->first = 0;
	uart->count = 0;
}

/* The modem's lines: its own outputs in loopback, else a terminal that is there and ready. */
static uint8_t modem_lines(const struct uart *uart)
{
	uint8_t lines = 0;

	if (!(uart->mcr & UART_MCR_LOOP))
		return UART_MSR_CTS | UART_MSR_DSR | UART_MSR_DCD;
	lines |= (uart->mcr & UART_MCR_RTS) != 0 ? UART_MSR_CTS : 0;
	lines |= (uart->mcr & UART_MCR_DTR) != 0 ? UART_MSR_DSR : 0;
	lines |= (uart->mcr & UART_MCR_OUT1) != 0 ? UART_MSR_RI : 0;
	lines |= (uart->mcr & UART_MCR_OUT2) != 0 ? UART_MSR_DCD : 0;
	return lines;
}

static void write_mcr(struct uart *uart, uint8_t value)
{
	uint8_t before = uart->msr;
	uint8_t lines, changes;

	uart->mcr = value & UART_MCR_MASK;
	lines = modem_lines(uart);
	/* Each change bit lies four below its line's; RI reports its end only. */
	changes = (uint8_t)((before ^ lines) >> 4);
	if (lines & UART_MSR_RI)
		changes &= (uint8_t)~UART_MSR_RI_ENDED;
	uart->msr = (uint8_t)(lines | (before & UART_MSR_CHANGES) | changes);
}

static void write_fcr(struct uart *uart, uint8_t value)
{
	static const uint8_t triggers[] = { 1, 4, 8, 14 };
	bool fifos = value & UART_FCR_ENABLE;

	if (fifos != uart->fifos || (value & UART_FCR_CLEAR_RECEIVER))
		clear_received(uart);
	uart->fifos = fifos;
	uart->trigger = fifos ? triggers[value >> UART_FCR_TRIGGER_SHIFT] : 1;
}

static void write_ier(struct uart *uart, uint8_t value)
{
	/* Switching it on with the transmitter empty, as it always is, gives one interrupt. */
	if (value & ~uart->ier & UART_IER_THR_EMPTY)
		uart->thr_empty = true;
	uart->ier = value & UART_IER_MASK;
}

static void send(struct uart *uart, uint8_t byte)
{
	if (uart->mcr & UART_MCR_LOOP)
		store_received(uart, byte);
	else
		uart->put(uart->context, byte);
	uart->thr_empty = true;
}

static void write_byte(struct uart *uart, uint64_t port, uint8_t value)
{
	bool dlab = uart->lcr & UART_LCR_DLAB;

	switch (port) {
	case UART_DATA:
		if (dlab)
			uart->divisor = (uint16_t)((uart->divisor & 0xff00) | value);
		else
			send(uart, value);
		break;
	case UART_IER:
		if (dlab)
			uart->divisor = (uint16_t)(value << 8 | (uart->divisor & 0xff));
		else
			write_ier(uart, value);
		break;
	case UART_FCR: write_fcr(uart, value); break;
	case UART_LCR: uart->lcr = value; break;
	case UART_MCR: write_mcr(uart, value); break;
	case UART_SCR: uart->scr = value; break;
	default: break; /* LSR and MSR are read-only */
	}
	update_line(uart);
}

static uint8_t read_iir(struct uart *uart)
{
	uint8_t source = pending_interrupt(uart);

	if (source == UART_IIR_THR_EMPTY)
		uart->thr_empty = false;
	return source | (uart->fifos ? UART_IIR_FIFOS : 0);
}

static uint8_t read_lsr(struct uart *uart)
{
	uint8_t value = UART_LSR_THR_EMPTY | UART_LSR_IDLE;

	value |= uart->count > 0 ? UART_LSR_DATA_READY : 0;
	value |= uart->overrun ? UART_LSR_OVERRUN : 0;
	uart->overrun = false;
	return value;
}

static uint8_t read_msr(struct uart *uart)
{
	uint8_t value = uart->msr;

	uart->msr &= (uint8_t)~UART_MSR_CHANGES;
	return value;
}

static uint8_t read_byte(struct uart *uart, uint64_t port)
{
	bool dlab = uart->lcr & UART_LCR_DLAB;
	uint8_t value = 0;

	switch (port) {
	case UART_DATA: value = dlab ? (uint8_t)uart->divisor : take_received(uart); break;
	case UART_IER: value = dlab ? (uint8_t)(uart->divisor >> 8) : uart->ier; break;
	case UART_IIR: value = read_iir(uart); break;
	case UART_LCR: value = uart->lcr; break;
	case UART_MCR: value = uart->mcr; break;
	case UART_LSR: value = read_lsr(uart); break;
	case UART_MSR: value = read_msr(uart); break;
	case UART_SCR: value = uart->scr; break;
	default: break;
	}
	update_line(uart);
	return value;
}

static uint64_t uart_read(void *device, uint64_t offset, unsigned int width)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < width; i++)
		value |= (uint64_t)read_byte(device, offset + i) << (8 * i);
	return value;
}

static void uart_write(void *device, uint64_t offset, unsigned int width, uint64_t value)
{
	for (unsigned int i = 0; i < width; i++)
		write_byte(device, offset + i, (uint8_t)(value >> (8 * i)));
}

const struct bus_ops uart_ops = { .read = uart_read, .write = uart_write };

void uart_init(struct uart *uart, void (*put)(void *context, uint8_t byte),
	void (*raise)(void *context, bool level), void *context)
{
	*uart = (struct uart){
		.lcr = UART_LCR_8N1,
		.divisor = 1,
		.trigger = 1,
		.put = put,
		.raise = raise,
		.context = context,
	};
	uart->msr = modem_lines(uart);
}

unsigned int uart_room(const struct uart *uart)
{
	/* In loopback the receiver is cut off from its line. */
	return (uart->mcr & UART_MCR_LOOP) ? 0 : fifo_size(uart) - uart->count;
}

void uart_receive(struct uart *uart, uint8_t byte)
{
	if (uart->mcr & UART_MCR_LOOP)
		return;
	store_received(uart, byte);
	update_line(uart);
}
