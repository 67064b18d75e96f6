/* SPDX-License-Identifier: MIT */
/*
 * Random requests through a ring of random size, and with the word 'refusals' some that the device
 * must refuse. Words: sectors=N (of the disk), requests=N.
 */
#include "guest-driver/runtime/runtime.h"
#include "guest-driver/svirtb.h"
#include "guest-driver/testing/words.h"
#include "guest-driver/tests/lab/lab.h"
#include "lib/string.h"

#define MAX_ENTRIES 40u
#define MAX_SIZE    1024u
#define ROOM        2048u /* of a request's buffer */
#define REFUSALS    6u

static uint8_t ring[MAX_ENTRIES * SVIRTB_ENTRY_SIZE];
static uint8_t area[MAX_ENTRIES][ROOM];
static struct svirtb disk;

struct request {
	enum svirtb_command command;
	uint32_t size;
	uint8_t *buffer;
};

static struct request queue_request(struct lab *lab, uint32_t slot, uint32_t sectors)
{
	struct request request = {
		.command = lab_below(lab, 2) != 0 ? SVIRTB_WRITE : SVIRTB_READ,
		.size = 1 + lab_below(lab, MAX_SIZE),
	};
	const uint32_t sector = lab_below(lab, sectors - 2);

	request.buffer = area[slot] + lab_below(lab, 512);
	memset(request.buffer, 0, request.size);
	if (request.command == SVIRTB_WRITE)
		lab_fill(lab, request.buffer, request.size);
	lab_see(lab, svirtb_queue(&disk, request.command, sector, request.buffer, request.size));
	return request;
}

static void run_batch(struct lab *lab, uint32_t batch, uint32_t sectors)
{
	struct request requests[MAX_ENTRIES];

	for (uint32_t i = 0; i < batch; i++)
		requests[i] = queue_request(lab, i, sectors);
	lab_see(lab, svirtb_submit(&disk));
	lab_see(lab, svirtb_register_read(SVIRTB_QUEUE_TAIL));
	for (uint32_t i = 0; i < batch; i++) {
		if (requests[i].command == SVIRTB_READ)
			sha256_update(&lab->seen, requests[i].buffer, requests[i].size);
	}
}

/* A good write, one that cannot be, another good write: the last one must not happen. */
static void run_refusal(struct lab *lab, uint32_t sectors)
{
	const uint32_t kind = lab_below(lab, 4), sector = lab_below(lab, sectors - 2);
	const uint64_t nowhere = 0xf000000000000000ull + lab_below(lab, 1u << 30);

	lab_fill(lab, area[0], 512);
	lab_fill(lab, area[1], 512);
	(void)svirtb_queue(&disk, SVIRTB_WRITE, sector, area[0], 512);
	if (kind == 0)
		(void)svirtb_queue(&disk, (enum svirtb_command)(2 + lab_below(lab, 1000)), sector,
			area[1], 512);
	else if (kind == 1)
		(void)svirtb_queue(&disk, SVIRTB_READ, sector, (void *)(uintptr_t)nowhere, 512);
	else if (kind == 2)
		(void)svirtb_queue(&disk, SVIRTB_WRITE, sectors, area[1], 1);
	else
		(void)svirtb_queue(&disk, SVIRTB_WRITE, sectors - 1, area[1], 513);
	(void)svirtb_queue(&disk, SVIRTB_WRITE, sector + 1, area[1], 512);
	lab_see(lab, svirtb_submit(&disk));
	lab_see(lab, disk.done);
	lab_see(lab, svirtb_register_read(SVIRTB_STATUS));
	lab_see(lab, svirtb_recover(&disk));
}

bool lab_svirtb(struct lab *lab)
{
	const uint32_t sectors = (uint32_t)words_number(lab->cmdline, "sectors=", 16);
	uint32_t left = (uint32_t)words_number(lab->cmdline, "requests=", 0);
	const uint32_t entries = 4 + lab_below(lab, MAX_ENTRIES - 4);
	enum svirtb_error error;

	/* No request; there is one entry's room at least behind the ring, which has fewer than MAX.
	 */
	memset(ring, 0xee, sizeof(ring));
	error = svirtb_init(&disk, ring, entries, SVIRTB_ENTRY_SIZE);
	if (error != SVIRTB_OK) {
		print("lab: svirtb: %s\n", svirtb_error_text(error));
		return false;
	}
	while (left > 0) {
		uint32_t batch = 1 + lab_below(lab, entries - 1);

		if (batch > left)
			batch = left;
		run_batch(lab, batch, sectors);
		left -= batch;
	}
	if (runtime_has_word(lab->cmdline, "refusals")) {
		for (unsigned int i = 0; i < REFUSALS; i++)
			run_refusal(lab, sectors);
	}
	return true;
}
