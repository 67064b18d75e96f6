/* SPDX-License-Identifier: MIT */
/*
 * What the groups of the hostile virtio guest share: a driver of a few requests that puts its
 * chains down by hand, so that they can be spoiled, and the image of the disk as it has to be.
 */
#ifndef GUEST_DRIVER_TESTS_VIRTIO_HOSTILE_HOSTILE_H
#define GUEST_DRIVER_TESTS_VIRTIO_HOSTILE_HOSTILE_H

#include <stdbool.h>
#include <stdint.h>

#include "guest-driver/testing/check.h"
#include "guest-driver/virtio_blk.h"

#define ENTRIES       32u /* of the ring */
#define MAX_PIECES    40u /* of a chain: more than the ring has */
#define DISK_MAX      (1024u * 1024)
#define DEVICE_PAGE   VIRTIO_MMIO_CAFEVISOR_BASE
#define STATUS_UNSET  0xeeu
#define ALL_FEATURES  (~VIRTIO_F_RING_PACKED & ~VIRTIO_F_IN_ORDER & ~VIRTIO_F_RING_RESET)
#define NEVER_A_TABLE false
#define AS_TABLE      true

/* A piece of a buffer, at whatever address. */
struct piece {
	uint64_t addr;
	uint32_t len;
	bool writable;
};

/* A chain in the ring, or in an indirect table to which one entry of the ring leads. */
struct chain {
	uint8_t *ring;        /* its first entry in the ring */
	uint8_t *descriptors; /* the first of its own: there, or in the table */
	uint16_t id;          /* under which it comes back */
	uint16_t at;          /* its first entry's number */
	uint16_t slots;       /* entries that it takes */
};

/* A request's parts; a request is good until it is spoiled. */
struct request {
	uint8_t table[MAX_PIECES][16] __attribute__((aligned(16)));
	uint8_t data[2 * VIRTIO_BLK_SECTOR_SIZE];
	struct virtio_blk_header header;
	struct virtio_blk_range ranges[2];
	uint8_t status;
};

/* The requests between bytes that are nobody's. */
struct hostile_arena {
	uint8_t before[256];
	struct request requests[4];
	uint8_t after[256];
};

struct hostile {
	struct virtio_mmio device;
	bool packed;
	uint64_t capacity; /* sectors */
	uint64_t memory_end;
	bool read_only;
	uint16_t used; /* chains that have come back */
	/* What came back, in this order. */
	struct virtq_split_used_element elements[ENTRIES];
	uint16_t slots[ENTRIES]; /* packed: in which entry */
};
extern struct hostile hostile;

/* The disk as it has to be. */
extern uint8_t hostile_image[DISK_MAX];

/* Four requests, fresh after hostile_start. */
extern struct hostile_arena hostile_arena;
#define hostile_requests hostile_arena.requests

/* The ring's memory, and the parts of it. */
extern uint8_t hostile_ring[VIRTQUEUE_MEMORY];
struct virtio_queue_place hostile_place(void);
struct virtq_split_avail *hostile_avail(void);

/* Finds the disk and reads it; ends the guest where there is none that it can use. */
void hostile_open(const char *cmdline);

/* Whether the device offers what a case needs; says so if not. */
bool hostile_offers(uint64_t features, const char *what);

/* Reset, negotiation of what is offered of these features, and an empty ring of either kind. */
void hostile_start(bool packed, uint64_t features);
/* The same up to the queue, which hostile_place would describe. */
void hostile_negotiate(bool packed, uint64_t features);
/* Empties the ring, and the guest's idea of it. */
void hostile_clear_ring(void);

/* The device's registers. */
static inline uint32_t hostile_read(enum virtio_mmio_register offset)
{
	return virtio_mmio_read(&hostile.device, offset);
}

static inline void hostile_write(enum virtio_mmio_register offset, uint32_t value)
{
	virtio_mmio_write(&hostile.device, offset, value);
}

/* Puts a chain of these pieces into the ring and makes it available. table: null, or its memory. */
struct chain hostile_add(const struct piece *pieces, unsigned int count, void *table);

/* A write of a sector with new contents, in three pieces; the image knows it when it is to work. */
struct chain hostile_add_write(struct request *request, uint64_t sector, bool table);
void hostile_note_write(const struct request *request);

/* Notifies, and waits until so many chains in all have come back, or some time has passed. */
void hostile_notify(uint16_t used);
void hostile_take_used(void);

bool hostile_same(const void *one, const void *other, size_t size);

/* Part of a check: chain number of those that came back is this one, with this length. */
void hostile_check_used(unsigned int number, const struct chain *chain, uint32_t written);

/*
 * Part of a check: since the last notification nothing has changed in the requests, around them and
 * in what is the driver's of the ring but these bytes, and in a packed ring the used entries.
 */
void hostile_check_unharmed(const struct piece *written, unsigned int count);

/* Part of a check: the ring that hostile_start made works; a write of a sector comes back once. */
void hostile_check_works(uint64_t sector);

/* Part of a check: DEVICE_NEEDS_RESET and its interrupt; and only a reset heals that. */
void hostile_check_broken(void);

/*
 * Ends a check: after a reset the driver of guest-driver/virtio_blk.h can write and read, and the
 * whole disk is what the image says.
 */
void hostile_recover(void);

/* Fields of a chain's descriptor i, or of its entry in the ring. */
void descriptor_set_addr(uint8_t *descriptor, uint64_t addr);
void descriptor_set_len(uint8_t *descriptor, uint32_t len);
void descriptor_set_next(uint8_t *descriptor, uint16_t next); /* packed: the id */
void descriptor_change_flags(uint8_t *descriptor, uint16_t set, uint16_t clear);
static inline uint8_t *chain_descriptor(const struct chain *chain, unsigned int i)
{
	return chain->descriptors + 16u * i;
}

void hostile_test_registers(void);
void hostile_test_resets(void);
void hostile_test_queue(void);
void hostile_test_rings(void);
void hostile_test_requests(void);
void hostile_test_framing(void);
void hostile_test_overlaps(void);
void hostile_test_batches(void);
void hostile_test_interrupts(void);

#endif
