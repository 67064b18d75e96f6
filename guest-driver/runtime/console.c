/* SPDX-License-Identifier: MIT */
/*
 * The guest's console: a 16550 UART on COM1, polled. Under a hypervisor each port access is an
 * exit, so the transmitter is asked once for as many bytes as its FIFO holds.
 */
#include <stdarg.h>

#include "guest-driver/runtime/io.h"
#include "guest-driver/runtime/runtime.h"
#include "lib/format.h"

#define COM1      0x3f8
#define FIFO_SIZE 16 /* bytes that an empty transmitter takes at once */
#define WAIT_MAX  100000

/* Registers of the 16550, and the bits of them that are used here. */
enum uart {
	UART_DATA = 0,
	UART_INTERRUPT_ENABLE = 1,
	UART_FIFO_CONTROL = 2,
	UART_LINE_CONTROL = 3,
	UART_MODEM_CONTROL = 4,
	UART_LINE_STATUS = 5,
	UART_FIFO_ENABLE_AND_CLEAR = 0x07,
	UART_8N1 = 0x03,
	UART_DIVISOR_LATCH = 0x80,
	UART_DTR_RTS = 0x03,
	UART_TRANSMITTER_EMPTY = 0x20,
};

void console_init(void)
{
	port_write8(COM1 + UART_INTERRUPT_ENABLE, 0);
	port_write8(COM1 + UART_LINE_CONTROL, UART_DIVISOR_LATCH);
	port_write8(COM1 + UART_DATA, 1); /* 115200 baud */
	port_write8(COM1 + UART_INTERRUPT_ENABLE, 0);
	port_write8(COM1 + UART_LINE_CONTROL, UART_8N1);
	port_write8(COM1 + UART_FIFO_CONTROL, UART_FIFO_ENABLE_AND_CLEAR);
	port_write8(COM1 + UART_MODEM_CONTROL, UART_DTR_RTS);
}

/* Waits, not for ever: a UART that is not there must not hang its guest. */
static void wait_for_transmitter(void)
{
	for (int i = 0; i < WAIT_MAX; i++) {
		if (port_read8(COM1 + UART_LINE_STATUS) & UART_TRANSMITTER_EMPTY)
			return;
	}
}

void console_write(const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (i % FIFO_SIZE == 0)
			wait_for_transmitter();
		port_write8(COM1 + UART_DATA, (uint8_t)bytes[i]);
	}
}

void print(const char *format, ...)
{
	char text[1024];
	va_list arguments;
	size_t length;

	va_start(arguments, format);
	length = format_text_va(text, sizeof(text), format, arguments);
	va_end(arguments);
	console_write(text, length < sizeof(text) ? length : sizeof(text) - 1);
}
