/* SPDX-License-Identifier: MIT */
/*
 * The port by which a guest asks that what it wrote to its disk be made durable now, without
 * ending: writing 1 to port 0xcafe gives the machine back to the firmware for a write-back in
 * mid-run, before the guest's next instruction; then the port reads how it went.
 */
#ifndef DEVICES_SYNC_PORT_H
#define DEVICES_SYNC_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/block.h"
#include "devices/bus.h"
#include "lib/log.h"
#include "lib/status.h"

#define SYNC_PORT 0xcafeu

/* What is written to the port. Anything else is logged and does nothing. */
#define SYNC_REQUEST 1u

/* What the port reads as: how the last request ended. */
enum sync_result { SYNC_DONE = 0x00, SYNC_FAILED = 0x01, SYNC_NEVER = 0xff };

struct sync_port {
	struct block *block;
	unsigned int client; /* of the block layer */
	uint8_t result;      /* enum sync_result */
	struct log_limit mistakes;
};

/* SYNC_NEVER, nothing requested; registers the one-byte region, with bus_register's status. */
MUST_USE enum status sync_port_register(
	struct sync_port *port, struct bus *ports, struct block *block);

#endif
