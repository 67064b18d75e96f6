/* SPDX-License-Identifier: MIT */
/*
 * The device as the hostile guest handles it, and the way back to normal work. Called by its
 * groups.
 */
#include "guest-driver/runtime/io.h"
#include "guest-driver/runtime/runtime.h"
#include "guest-driver/testing/memory_map.h"
#include "guest-driver/tests/virtio_hostile/hostile.h"
#include "lib/string.h"

#define STATUS_NOT_OPENED 96
#define PATIENCE          2000000ull /* ticks for a device that works beside its driver */
#define NORMAL_SECTORS    4u         /* from 0 on, written by hostile_recover */

/* In the ring of the largest size, too, the three areas lie apart. */
#define AVAIL_AT 16384u
#define USED_AT  20480u

struct hostile hostile;
uint8_t hostile_image[DISK_MAX] __attribute__((aligned(4096)));
uint8_t hostile_ring[VIRTQUEUE_MEMORY] __attribute__((aligned(4096)));
struct hostile_arena hostile_arena;

static struct virtio_blk normal;
static uint8_t whole_disk[DISK_MAX] __attribute__((aligned(4096)));

/* At the last notification: the requests, and what is the driver's of the ring. */
static struct {
	struct hostile_arena arena;
	uint8_t descriptors[16 * ENTRIES];
	uint8_t avail[sizeof(struct virtq_split_avail) + 2 * ENTRIES];
} before;

/* Where the next chain goes. */
static uint16_t next_entry, next_avail, next_used_slot;
static uint16_t slots_by_id[ENTRIES];

void hostile_open(const char *cmdline)
{
	const struct virtio_blk_options options = { 0 };
	enum virtio_error error = virtio_blk_open(&normal, cmdline, &options);
	const uint64_t size = normal.capacity * VIRTIO_BLK_SECTOR_SIZE;

	if (error == VIRTIO_OK && size >= 8192 && size <= DISK_MAX)
		error = virtio_blk_read(&normal, 0, hostile_image, (uint32_t)size);
	hostile.device = normal.transport;
	hostile.capacity = normal.capacity;
	hostile.memory_end = memory_map_end();
	hostile.read_only = virtio_blk_has(&normal, VIRTIO_BLK_F_RO);
	if (error == VIRTIO_OK && size >= 8192 && size <= DISK_MAX && hostile.memory_end != 0)
		return;
	print("needed: a memory map, and a disk of 16 to 2048 sectors; memory ends at 0x%llx, the "
	      "disk has %llu sectors, %s\n",
		(unsigned long long)hostile.memory_end, (unsigned long long)normal.capacity,
		virtio_error_text(error));
	runtime_exit(STATUS_NOT_OPENED);
}

bool hostile_offers(uint64_t features, const char *what)
{
	if ((hostile.device.offered & features) == features)
		return true;
	print("SKIP %s: the device does not offer it\n", what);
	return false;
}

struct virtio_queue_place hostile_place(void)
{
	const uint64_t ring = (uintptr_t)hostile_ring;

	return (struct virtio_queue_place){
		.size = ENTRIES,
		.descriptors = ring,
		.driver = ring + AVAIL_AT,
		.device = ring + USED_AT,
	};
}

struct virtq_split_avail *hostile_avail(void)
{
	return (struct virtq_split_avail *)(void *)(hostile_ring + AVAIL_AT);
}

static struct virtq_split_used *used_ring(void)
{
	return (struct virtq_split_used *)(void *)(hostile_ring + USED_AT);
}

void hostile_clear_ring(void)
{
	memset(hostile_ring, 0, sizeof(hostile_ring));
	next_entry = next_avail = next_used_slot = 0;
	hostile.used = 0;
}

void hostile_negotiate(bool packed, uint64_t features)
{
	hostile_clear_ring();
	memset(&hostile_arena, 0x5a, sizeof(hostile_arena));
	memset(hostile_requests, 0, sizeof(hostile_requests));
	for (unsigned int i = 0; i < 4; i++)
		hostile_requests[i].status = STATUS_UNSET;
	hostile.packed = packed;
	virtio_mmio_begin(&hostile.device);
	check_equal("features",
		virtio_mmio_negotiate(
			&hostile.device, features | (packed ? VIRTIO_F_RING_PACKED : 0)),
		VIRTIO_OK);
}

void hostile_start(bool packed, uint64_t features)
{
	struct virtio_queue_place place = hostile_place();

	hostile_negotiate(packed, features);
	check_equal("queue", virtio_mmio_start_queue(&hostile.device, 0, &place), VIRTIO_OK);
	virtio_mmio_finish(&hostile.device);
}

void descriptor_set_addr(uint8_t *descriptor, uint64_t addr)
{
	memcpy(descriptor, &addr, sizeof(addr));
}

void descriptor_set_len(uint8_t *descriptor, uint32_t len)
{
	memcpy(descriptor + 8, &len, sizeof(len));
}

/* The last two words stand the other way round in a packed ring. */
void descriptor_set_next(uint8_t *descriptor, uint16_t next)
{
	memcpy(descriptor + (hostile.packed ? 12 : 14), &next, sizeof(next));
}

void descriptor_change_flags(uint8_t *descriptor, uint16_t set, uint16_t clear)
{
	uint8_t *at = descriptor + (hostile.packed ? 14 : 12);
	uint16_t flags;

	memcpy(&flags, at, sizeof(flags));
	flags = (uint16_t)((flags & ~clear) | set);
	memcpy(at, &flags, sizeof(flags));
}

static void put(uint8_t *descriptor, struct piece piece, uint16_t flags, uint16_t next)
{
	memset(descriptor, 0, 16);
	descriptor_set_addr(descriptor, piece.addr);
	descriptor_set_len(descriptor, piece.len);
	descriptor_set_next(descriptor, next);
	descriptor_change_flags(descriptor, flags | (piece.writable ? VIRTQ_DESC_F_WRITE : 0), 0);
}

/* No test puts more entries into a ring than it has: the wrap counter stays as it begins. */
static uint16_t available(void)
{
	return hostile.packed ? VIRTQ_DESC_F_AVAIL : 0;
}

struct chain hostile_add(const struct piece *pieces, unsigned int count, void *table)
{
	const bool in_table = table != NULL;
	struct chain chain = {
		.ring = hostile_ring + 16u * next_entry,
		.at = next_entry,
		.id = next_entry,
		.slots = (uint16_t)(in_table ? 1 : count),
	};
	const uint16_t flags = in_table ? 0 : available();
	const uint16_t first = in_table ? 0 : next_entry;

	chain.descriptors = in_table ? table : chain.ring;
	for (unsigned int i = 0; i < count; i++) {
		const bool last = i + 1 == count;
		const bool chained = !last && !(in_table && hostile.packed);

		put(chain_descriptor(&chain, i), pieces[i],
			flags | (chained ? VIRTQ_DESC_F_NEXT : 0),
			hostile.packed ? chain.id
			: last         ? 0
				       : (uint16_t)(first + i + 1));
	}
	if (in_table)
		put(chain.ring, (struct piece){ (uintptr_t)table, 16 * count, false },
			available() | VIRTQ_DESC_F_INDIRECT, hostile.packed ? chain.id : 0);
	slots_by_id[chain.id] = chain.slots;
	next_entry = (uint16_t)(next_entry + chain.slots);
	if (!hostile.packed) {
		hostile_avail()->ring[next_avail++ % ENTRIES] = chain.at;
		hostile_avail()->idx = next_avail;
	}
	return chain;
}

struct chain hostile_add_write(struct request *request, uint64_t sector, bool table)
{
	static uint8_t filling;
	const struct piece pieces[3] = {
		{ (uintptr_t)&request->header, sizeof(request->header), false },
		{ (uintptr_t)request->data, VIRTIO_BLK_SECTOR_SIZE, false },
		{ (uintptr_t)&request->status, 1, true },
	};

	filling = (uint8_t)(filling + 7);
	memset(request->data, filling, sizeof(request->data));
	request->header = (struct virtio_blk_header){ .type = VIRTIO_BLK_T_OUT, .sector = sector };
	return hostile_add(pieces, 3, table ? request->table : NULL);
}

void hostile_note_write(const struct request *request)
{
	if (!hostile.read_only)
		memcpy(hostile_image + request->header.sector * VIRTIO_BLK_SECTOR_SIZE,
			request->data, VIRTIO_BLK_SECTOR_SIZE);
}

/* Takes what has come back, as far as the ring says. */
void hostile_take_used(void)
{
	const struct virtq_packed_descriptor *slot;

	while (!hostile.packed && virtqueue_load(&used_ring()->idx) != hostile.used &&
		hostile.used < ENTRIES) {
		hostile.elements[hostile.used] = used_ring()->ring[hostile.used];
		hostile.used++;
	}
	while (hostile.packed && next_used_slot < ENTRIES && hostile.used < ENTRIES) {
		const uint16_t both = VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED;

		slot = (const struct virtq_packed_descriptor *)(const void *)hostile_ring +
		       next_used_slot;
		if ((virtqueue_load(&slot->flags) & both) != both)
			return;
		hostile.elements[hostile.used].id = slot->id;
		hostile.elements[hostile.used].len = slot->len;
		hostile.slots[hostile.used] = next_used_slot;
		hostile.used++;
		if (slot->id >= ENTRIES || slots_by_id[slot->id] == 0)
			return;
		next_used_slot = (uint16_t)(next_used_slot + slots_by_id[slot->id]);
	}
}

void hostile_notify(uint16_t used)
{
	const uint64_t start = tsc_read();

	before.arena = hostile_arena;
	memcpy(before.descriptors, hostile_ring, sizeof(before.descriptors));
	memcpy(before.avail, hostile_avail(), sizeof(before.avail));
	virtqueue_barrier();
	virtio_mmio_write(&hostile.device, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	do
		hostile_take_used();
	while (hostile.used < used && tsc_read() - start < PATIENCE);
	hostile_take_used();
}

/* Size is a multiple of 8; word by word, an emulator's time is dear. */
bool hostile_same(const void *one, const void *other, size_t size)
{
	const uint64_t *words = one, *others = other;
	size_t i = 0;

	while (i < size / sizeof(*words) && words[i] == others[i])
		i++;
	return i == size / sizeof(*words);
}

void hostile_check_unharmed(const struct piece *written, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		const uint64_t offset = written[i].addr - (uintptr_t)&hostile_arena;

		if (check_true("the piece is one of a request",
			    offset < sizeof(before.arena) &&
				    written[i].len <= sizeof(before.arena) - offset))
			memcpy((uint8_t *)&before.arena + offset,
				(const uint8_t *)&hostile_arena + offset, written[i].len);
	}
	for (unsigned int i = 0; hostile.packed && i < hostile.used; i++) {
		const uint32_t at = 16u * hostile.slots[i];

		memcpy(before.descriptors + at, hostile_ring + at, 16);
	}
	check_true("the requests, and what lies around them, are as they were",
		hostile_same(&before.arena, &hostile_arena, sizeof(before.arena)));
	check_true("the descriptors are as they were",
		hostile_same(before.descriptors, hostile_ring, sizeof(before.descriptors)));
	check_true("the driver's area is as it was",
		memcmp(before.avail, hostile_avail(), sizeof(before.avail)) == 0);
}

void hostile_check_used(unsigned int number, const struct chain *chain, uint32_t written)
{
	if (!check_true("it has come back", number < hostile.used))
		return;
	check_equal("id", hostile.elements[number].id, chain->id);
	check_equal("bytes written", hostile.elements[number].len, written);
}

void hostile_check_works(uint64_t sector)
{
	struct request *request = &hostile_requests[0];
	const struct chain chain = hostile_add_write(request, sector, NEVER_A_TABLE);
	const uint16_t used = hostile.used;

	hostile_notify((uint16_t)(used + 1));
	hostile_note_write(request);
	check_equal("chains that came back", hostile.used - used, 1);
	hostile_check_used(used, &chain, 1);
}

void hostile_check_broken(void)
{
	const struct virtio_mmio *device = &hostile.device;
	const uint16_t used = hostile.used;
	const uint64_t start = tsc_read();
	uint32_t status;

	while (!virtio_mmio_needs_reset(device) && tsc_read() - start < PATIENCE)
		;
	status = virtio_mmio_read(device, VIRTIO_MMIO_STATUS);
	check_equal("DEVICE_NEEDS_RESET", status & VIRTIO_STATUS_NEEDS_RESET,
		VIRTIO_STATUS_NEEDS_RESET);
	if ((status & VIRTIO_STATUS_DRIVER_OK) != 0)
		check_equal("configuration interrupt",
			virtio_mmio_read(device, VIRTIO_MMIO_INTERRUPT_STATUS) &
				VIRTIO_INTERRUPT_CONFIG,
			VIRTIO_INTERRUPT_CONFIG);
	/* Neither an acknowledge nor a status nor a notify heals it. */
	virtio_mmio_acknowledge(device);
	virtio_mmio_write(
		device, VIRTIO_MMIO_STATUS, status & ~(uint32_t)VIRTIO_STATUS_NEEDS_RESET);
	check_true("it stays", virtio_mmio_needs_reset(device));
	hostile_notify(used);
	check_equal("chains that came back afterwards", hostile.used - used, 0);
}

void hostile_recover(void)
{
	static uint32_t number;
	const struct virtio_blk_options options = {
		.packed = number % 2 != 0, .indirect = number % 4 >= 2, .size = ENTRIES
	};
	uint8_t sector[VIRTIO_BLK_SECTOR_SIZE];
	const uint32_t size = (uint32_t)hostile.capacity * VIRTIO_BLK_SECTOR_SIZE;

	virtio_mmio_write(&hostile.device, VIRTIO_MMIO_STATUS, 0);
	check_equal(
		"status after a reset", virtio_mmio_read(&hostile.device, VIRTIO_MMIO_STATUS), 0);
	check_equal("interrupt status after a reset",
		virtio_mmio_read(&hostile.device, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	virtio_mmio_write(&hostile.device, VIRTIO_MMIO_QUEUE_SEL, 0);
	check_equal("queue ready after a reset",
		virtio_mmio_read(&hostile.device, VIRTIO_MMIO_QUEUE_READY), 0);
	check_equal("initialisation", virtio_blk_restart(&normal, &options), VIRTIO_OK);
	memset(sector, (int)++number, sizeof(sector));
	if (!hostile.read_only) {
		const uint32_t at = number % NORMAL_SECTORS;

		check_equal(
			"write", virtio_blk_write(&normal, at, sector, sizeof(sector)), VIRTIO_OK);
		memcpy(hostile_image + at * sizeof(sector), sector, sizeof(sector));
	}
	check_equal("read", virtio_blk_read(&normal, 0, whole_disk, size), VIRTIO_OK);
	check_true(
		"the disk is what the image says", hostile_same(whole_disk, hostile_image, size));
}
