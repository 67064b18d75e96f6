/* SPDX-License-Identifier: MIT */
/*
 * The guest's request for a write-back in mid-run. Called by the port bus and the block layer.
 */
#include "devices/sync_port.h"

static uint64_t sync_port_read(void *device, uint64_t offset, unsigned int width)
{
	const struct sync_port *port = device;

	(void)offset;
	(void)width;
	return port->result;
}

static void sync_port_write(void *device, uint64_t offset, unsigned int width, uint64_t value)
{
	struct sync_port *port = device;

	(void)offset;
	(void)width;
	if (value != SYNC_REQUEST) {
		log_limited(&port->mistakes, LOG_WARN, "sync",
			"0x%lx written to port 0x%x; only %u, a write-back, is known", value,
			SYNC_PORT, SYNC_REQUEST);
		return;
	}
	block_request_sync(port->block, port->client);
}

static const struct bus_ops sync_port_ops = { .read = sync_port_read, .write = sync_port_write };

static void sync_port_synced(void *client, bool done)
{
	struct sync_port *port = client;

	port->result = done ? SYNC_DONE : SYNC_FAILED;
}

enum status sync_port_register(struct sync_port *port, struct bus *ports, struct block *block)
{
	*port = (struct sync_port){ .block = block, .result = SYNC_NEVER };
	port->client = block_add_client(block, sync_port_synced, port);
	return bus_register(ports, "sync", SYNC_PORT, 1, &sync_port_ops, port);
}
