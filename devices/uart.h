/* SPDX-License-Identifier: MIT */
/*
 * A 16550A UART: the guest's console, eight ports on the port bus. What the guest sends leaves by a
 * callback at once, so the transmitter is always empty; what is to reach the guest goes in by
 * uart_receive. Register names and bits are those of the PC16550D data sheet.
 */
#ifndef DEVICES_UART_H
#define DEVICES_UART_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/bus.h"

#define UART_COM1_BASE 0x3f8u
#define UART_PORTS     8u
#define UART_FIFO_SIZE 16u

enum uart_register {
	UART_DATA = 0, /* RBR, THR; with DLAB the divisor's low byte */
	UART_IER = 1,  /* with DLAB the divisor's high byte */
	UART_IIR = 2,  /* read */
	UART_FCR = 2,  /* write */
	UART_LCR = 3,
	UART_MCR = 4,
	UART_LSR = 5,
	UART_MSR = 6,
	UART_SCR = 7,
};

enum uart_ier {
	UART_IER_RECEIVED = 0x01,
	UART_IER_THR_EMPTY = 0x02,
	UART_IER_LINE_STATUS = 0x04,
	UART_IER_MODEM_STATUS = 0x08,
	UART_IER_MASK = 0x0f,
};

/* Interrupt sources, first in priority first; UART_IIR_NONE when none is pending. */
enum uart_iir {
	UART_IIR_LINE_STATUS = 0x06,
	UART_IIR_RECEIVED = 0x04,
	UART_IIR_TIMEOUT = 0x0c,
	UART_IIR_THR_EMPTY = 0x02,
	UART_IIR_MODEM_STATUS = 0x00,
	UART_IIR_NONE = 0x01,
	UART_IIR_FIFOS = 0xc0,
};

enum uart_fcr {
	UART_FCR_ENABLE = 0x01,
	UART_FCR_CLEAR_RECEIVER = 0x02,
	UART_FCR_TRIGGER_SHIFT = 6,
};

enum uart_lcr {
	UART_LCR_8N1 = 0x03,
	UART_LCR_DLAB = 0x80,
};

enum uart_mcr {
	UART_MCR_DTR = 0x01,
	UART_MCR_RTS = 0x02,
	UART_MCR_OUT1 = 0x04,
	UART_MCR_OUT2 = 0x08, /* on a PC: lets the interrupt through */
	UART_MCR_LOOP = 0x10,
	UART_MCR_MASK = 0x1f,
};

enum uart_lsr {
	UART_LSR_DATA_READY = 0x01,
	UART_LSR_OVERRUN = 0x02,
	UART_LSR_THR_EMPTY = 0x20,
	UART_LSR_IDLE = 0x40,
};

/* The low four bits say which line changed since the last read. */
enum uart_msr {
	UART_MSR_CTS_CHANGED = 0x01,
	UART_MSR_DSR_CHANGED = 0x02,
	UART_MSR_RI_ENDED = 0x04,
	UART_MSR_DCD_CHANGED = 0x08,
	UART_MSR_CHANGES = 0x0f,
	UART_MSR_CTS = 0x10,
	UART_MSR_DSR = 0x20,
	UART_MSR_RI = 0x40,
	UART_MSR_DCD = 0x80,
};

struct uart {
	uint8_t ier;
	uint8_t lcr;
	uint8_t mcr;
	uint8_t msr;
	uint8_t scr;
	uint16_t divisor;
	bool fifos;      /* FCR: one byte is held without FIFOs */
	uint8_t trigger; /* received bytes at which the interrupt comes */
	bool overrun;
	bool thr_empty; /* the interrupt 'transmitter empty' is pending */

	uint8_t fifo[UART_FIFO_SIZE]; /* count bytes from first on, round the end */
	unsigned int first;
	unsigned int count;

	/* One byte to the outside. */
	void (*put)(void *context, uint8_t byte);
	/* The interrupt line changed to level. May be null. */
	void (*raise)(void *context, bool level);
	void *context;
	bool level;
};

/* As the firmware leaves a port: 115200 baud, 8n1, no interrupts, FIFOs off. raise may be null. */
void uart_init(struct uart *uart, void (*put)(void *context, uint8_t byte),
	void (*raise)(void *context, bool level), void *context);

/* How many bytes uart_receive can take now without one being lost. */
unsigned int uart_room(const struct uart *uart);

/* One byte arrives on the line. A byte too many is lost, and the guest sees an overrun. */
void uart_receive(struct uart *uart, uint8_t byte);

/* A wider access than a byte is one byte access after the other, as on the ISA bus. */
extern const struct bus_ops uart_ops;

#endif
