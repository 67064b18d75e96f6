/* SPDX-License-Identifier: MIT */
/*
 * The line by which a device asks for an interrupt: all that it knows of the machine's interrupt
 * controllers. Set up by vmm/vm.c, pulled by devices.
 */
#ifndef DEVICES_IRQ_LINE_H
#define DEVICES_IRQ_LINE_H

#include <stdbool.h>
#include <stddef.h>

/* A null function is a line that leads nowhere. */
struct irq_line {
	void (*set)(void *controller, unsigned int line, bool asserted);
	void *controller;
	unsigned int line; /* global system interrupt */
};

static inline void irq_line_set(const struct irq_line *line, bool asserted)
{
	if (line->set != NULL)
		line->set(line->controller, line->line, asserted);
}

#endif
