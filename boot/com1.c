/* SPDX-License-Identifier: MIT */
/*
 * COM1, polled. Register names are those of devices/uart.h.
 */
#include "boot/com1.h"

#include "devices/uart.h"
#include "vmm/cpu.h"

#define COM1_PORT 0x3f8

/* A byte takes 87 us at 115200 baud, a port access about one: enough for a full FIFO, and no more.
 */
#define COM1_MAX_POLLS    20000u
#define COM1_MAX_TIMEOUTS 3u

#define SCRATCH_PATTERN 0x5a

static uint8_t read_register(unsigned int reg)
{
	return cpu_in8((uint16_t)(COM1_PORT + reg));
}

static void write_register(unsigned int reg, uint8_t value)
{
	cpu_out8((uint16_t)(COM1_PORT + reg), value);
}

static bool port_answers(void)
{
	uint8_t kept = read_register(UART_SCR);
	bool answers;

	write_register(UART_SCR, SCRATCH_PATTERN);
	answers = read_register(UART_SCR) == SCRATCH_PATTERN && read_register(UART_LSR) != 0xff;
	write_register(UART_SCR, kept);
	return answers;
}

/* The firmware's own console may be using the port: only one that is not set up is touched. */
static void set_up_line(void)
{
	if (read_register(UART_LCR) == UART_LCR_8N1)
		return;
	write_register(UART_LCR, UART_LCR_DLAB | UART_LCR_8N1);
	write_register(UART_DATA, 1);
	write_register(UART_IER, 0);
	write_register(UART_LCR, UART_LCR_8N1);
	write_register(UART_FCR, UART_FCR_ENABLE);
	write_register(UART_MCR, UART_MCR_DTR | UART_MCR_RTS);
}

void com1_init(struct com1 *com1)
{
	*com1 = (struct com1){ .present = port_answers() };
	if (!com1->present)
		return;
	set_up_line();
	com1->fifo =
		(read_register(UART_IIR) & UART_IIR_FIFOS) == UART_IIR_FIFOS ? UART_FIFO_SIZE : 1;
}

static bool wait_for_transmitter(struct com1 *com1)
{
	for (unsigned int i = 0; i < COM1_MAX_POLLS; i++) {
		if (read_register(UART_LSR) & UART_LSR_THR_EMPTY) {
			com1->timeouts = 0;
			com1->room = com1->fifo;
			return true;
		}
	}
	if (++com1->timeouts == COM1_MAX_TIMEOUTS)
		com1->present = false;
	return false;
}

static void put_byte(struct com1 *com1, char byte)
{
	if (!com1->present || (com1->room == 0 && !wait_for_transmitter(com1)))
		return;
	write_register(UART_DATA, (uint8_t)byte);
	com1->room--;
}

void com1_write(void *context, const char *bytes, size_t size)
{
	struct com1 *com1 = context;

	for (size_t i = 0; i < size; i++) {
		if (bytes[i] == '\n' && com1->last != '\r')
			put_byte(com1, '\r');
		put_byte(com1, bytes[i]);
		com1->last = bytes[i];
	}
	/* What is in the FIFO goes out by itself; next time we ask again how much is free. */
	com1->room = 0;
}

static bool take_byte(const struct com1 *com1, uint8_t *byte)
{
	if (!com1->present || !(read_register(UART_LSR) & UART_LSR_DATA_READY))
		return false;
	*byte = read_register(UART_DATA);
	return true;
}

void com1_keep(struct com1 *com1)
{
	uint8_t byte;

	while (com1->kept_count < COM1_KEPT && take_byte(com1, &byte))
		com1->kept[(com1->kept_first + com1->kept_count++) % COM1_KEPT] = byte;
}

bool com1_read(void *context, uint8_t *byte)
{
	struct com1 *com1 = context;

	if (com1->kept_count == 0)
		return take_byte(com1, byte);
	*byte = com1->kept[com1->kept_first];
	com1->kept_first = (com1->kept_first + 1) % COM1_KEPT;
	com1->kept_count--;
	return true;
}
