/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target of devices/virtio_*.c, devices/virtq*.c and the floors below: hostile register
 * accesses and hostile rings in a small guest memory, of which every piece, like the disk, has the
 * sanitizer's red zones around it. Between them a sane driver hands over single requests in random
 * framings, and a second, simple implementation (the model), in numbers too wide to wrap, says what
 * must become of each: its status, its length, the bytes of the disk and of its buffer. Whatever
 * happened before, a reset recovers.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "devices/virtio_blk.h"
#include "lib/bits.h"

#define SEAM    0x8000ull
#define HOLE    0xc000ull
#define BEHIND  0x20000ull
#define END     0x22000ull
#define SECTORS 24ull
#define SIZE    (SECTORS * 512 - 300)

/* The sane driver's memory. */
#define DESCRIPTORS 0x1000ull
#define DRIVER      0x2000ull
#define DEVICE      0x3000ull
#define ENTRIES     32u
#define STREAM      0x4000ull
#define MAX_STREAM  14000u
#define MAX_PIECES  24u

/* Where the input ends, a random sequence that depends on it goes on. */
struct input {
	const uint8_t *bytes;
	size_t left;
	uint64_t random;
};

struct machine {
	struct guest_memory memory;
	struct ramdisk disk;
	struct block block;
	struct bus mmio;
	struct virtio_blk device;
	bool line;

	/* The sane driver; sane is false once anything hostile has happened. */
	bool sane;
	uint64_t features;
	uint16_t next;
	uint16_t used;
	bool round;

	uint8_t disk_at_start[SECTORS * 512];
	uint8_t model[SECTORS * 512];
};

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void set_line(void *controller, unsigned int line, bool asserted)
{
	struct machine *machine = controller;

	must(line == VIRTIO_MMIO_GSI);
	machine->line = asserted;
}

static void *must_alloc(uint64_t size)
{
	void *memory = malloc(size);

	must(memory != NULL);
	return memory;
}

static void add_piece(struct machine *machine, uint64_t gpa, uint64_t end)
{
	static uint8_t pattern[SEAM];
	static bool made;
	uint8_t *host = must_alloc(end - gpa);

	for (uint64_t at = 0; !made && at < sizeof(pattern); at++)
		pattern[at] = (uint8_t)(at * 7 + at / 256);
	made = true;
	memcpy(host, pattern, end - gpa);
	must(guest_memory_add(&machine->memory, gpa, end - gpa, host) == STATUS_OK);
}

static void make_machine(struct machine *machine, enum ramdisk_mode mode, bool sync_at_exit)
{
	uint8_t *data = must_alloc(SECTORS * 512);
	uint64_t *dirty = must_alloc(ramdisk_dirty_words(SIZE) * sizeof(*dirty));
	struct virtio_blk_setup setup = {
		.memory = &machine->memory,
		.block = &machine->block,
		.line = { .set = set_line, .controller = machine, .line = VIRTIO_MMIO_GSI },
		.sync_at_exit = sync_at_exit,
	};

	memset(machine, 0, sizeof(*machine));
	add_piece(machine, BEHIND, END);
	add_piece(machine, 0, SEAM);
	add_piece(machine, SEAM, HOLE);
	for (uint32_t i = 0; i < SIZE; i++)
		data[i] = (uint8_t)(i * 11 + i / 512 + 1);
	must(ramdisk_init(&machine->disk, data, SIZE, dirty, mode) == STATUS_OK);
	memcpy(machine->disk_at_start, data, SECTORS * 512);
	block_init(&machine->block, &machine->disk);
	virtio_blk_init(&machine->device, &setup);
	must(bus_register(&machine->mmio, "virtio-blk", VIRTIO_MMIO_BASE, VIRTIO_MMIO_SIZE,
		     &virtio_blk_ops, &machine->device) == STATUS_OK);
}

static void free_machine(struct machine *machine)
{
	for (unsigned int i = 0; i < machine->memory.count; i++)
		free(machine->memory.ranges[i].host);
	free(machine->disk.data);
	free(machine->disk.dirty);
}

static void reg_write(struct machine *machine, uint64_t offset, unsigned int width, uint64_t value)
{
	struct bus_region *region = bus_find(&machine->mmio, VIRTIO_MMIO_BASE + offset);

	if (region != NULL && bus_region_covers(region, VIRTIO_MMIO_BASE + offset, width))
		bus_region_write(
			region, VIRTIO_MMIO_BASE + offset, width, value & width_mask(width));
}

static uint64_t reg_read(struct machine *machine, uint64_t offset, unsigned int width)
{
	struct bus_region *region = bus_find(&machine->mmio, VIRTIO_MMIO_BASE + offset);
	uint64_t value;

	if (region == NULL || !bus_region_covers(region, VIRTIO_MMIO_BASE + offset, width))
		return 0;
	value = bus_region_read(region, VIRTIO_MMIO_BASE + offset, width);
	must((value & ~width_mask(width)) == 0);
	return value;
}

static void poke(struct machine *machine, uint64_t gpa, const void *bytes, uint64_t size)
{
	if (guest_memory_contains(&machine->memory, gpa, size))
		must(guest_memory_write(&machine->memory, gpa, bytes, size) == STATUS_OK);
}

static void peek(struct machine *machine, uint64_t gpa, void *bytes, uint64_t size)
{
	must(guest_memory_read(&machine->memory, gpa, bytes, size) == STATUS_OK);
}

/* Every byte that is no longer what it was at the start lies in a dirty run. */
static void check_dirty_map(const struct machine *machine)
{
	uint64_t offset = 0;
	uint64_t size = 0;
	uint64_t clean = 0;

	while (ramdisk_next_dirty(&machine->disk, &offset, &size)) {
		must(offset >= clean && offset + size <= machine->disk.size);
		must(memcmp(machine->disk.data + clean, machine->disk_at_start + clean,
			     offset - clean) == 0);
		clean = offset + size;
		offset = clean;
	}
	must(memcmp(machine->disk.data + clean, machine->disk_at_start + clean,
		     machine->disk.capacity - clean) == 0);
}

static void check(struct machine *machine)
{
	const uint32_t status = (uint32_t)reg_read(machine, VIRTIO_MMIO_STATUS, 4);

	must(machine->line == (reg_read(machine, VIRTIO_MMIO_INTERRUPT_STATUS, 4) != 0));
	must(machine->block.sync_wanted == machine->device.syncing);
	must((status & VIRTIO_STATUS_NEEDS_RESET) == 0 || !machine->device.mmio.running);
	must(machine->disk.size == SIZE || machine->disk.size == SECTORS * 512);
	must(machine->disk.mode != RAMDISK_READ_ONLY ||
		memcmp(machine->disk.data, machine->disk_at_start, SECTORS * 512) == 0);
	check_dirty_map(machine);
}

/* What the run loop does when a device wants everything to be durable. */
static void write_back(struct machine *machine, bool done)
{
	if (done) {
		ramdisk_clean(&machine->disk, 0, machine->disk.size);
		memcpy(machine->disk_at_start, machine->disk.data, SECTORS * 512);
	}
	block_complete_sync(&machine->block, done);
}

static uint8_t take_byte(struct input *input)
{
	input->random = input->random * 6364136223846793005ull + 1442695040888963407ull;
	if (input->left == 0)
		return (uint8_t)(input->random >> 56);
	input->left--;
	input->random ^= *input->bytes;
	return *input->bytes++;
}

static uint64_t take_raw(struct input *input, unsigned int bytes)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < bytes; i++)
		value |= (uint64_t)take_byte(input) << (8 * i);
	return value;
}

/* A number near one that matters, or any. */
static uint64_t take_number(struct input *input)
{
	static const uint64_t edges[] = { 0, 1, 16, 512, 1024, SEAM, HOLE, BEHIND, END, DESCRIPTORS,
		DRIVER, DEVICE, STREAM, 1ull << 32, 1ull << 55, ~0ull };
	uint8_t kind = take_byte(input);

	if (kind < 0x40)
		return kind;
	if (kind < 0x80)
		return take_raw(input, 2) & 0x3fff;
	if (kind < 0xf0)
		return edges[kind % 16] + (uint64_t)((int8_t)take_byte(input) / 8);
	return take_raw(input, 8);
}

static const uint64_t wanted_features =
	VIRTIO_F_VERSION_1 | VIRTIO_F_RING_PACKED | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX |
	VIRTIO_F_RING_RESET | VIRTIO_BLK_F_FLUSH | VIRTIO_BLK_F_CONFIG_WCE | VIRTIO_BLK_F_DISCARD |
	VIRTIO_BLK_F_WRITE_ZEROES;

/* From a reset to DRIVER_OK; must succeed, whatever was before. */
static void start(struct machine *machine, uint64_t features)
{
	static const uint8_t zeroes[0x1000];

	reg_write(machine, VIRTIO_MMIO_STATUS, 4, 0);
	must(reg_read(machine, VIRTIO_MMIO_STATUS, 4) == 0);
	must(!machine->line && !machine->block.sync_wanted);
	poke(machine, DESCRIPTORS, zeroes, sizeof(zeroes));
	poke(machine, DRIVER, zeroes, sizeof(zeroes));
	poke(machine, DEVICE, zeroes, sizeof(zeroes));
	reg_write(machine, VIRTIO_MMIO_STATUS, 4, 3);
	for (uint32_t word = 0; word < 2; word++) {
		reg_write(machine, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 4, word);
		reg_write(machine, VIRTIO_MMIO_DRIVER_FEATURES, 4,
			features >> (32 * word) & 0xffffffff);
	}
	reg_write(machine, VIRTIO_MMIO_STATUS, 4, 0x0b);
	reg_write(machine, VIRTIO_MMIO_QUEUE_SEL, 4, 0);
	reg_write(machine, VIRTIO_MMIO_QUEUE_NUM, 4, ENTRIES);
	reg_write(machine, VIRTIO_MMIO_QUEUE_DESC_LOW, 4, DESCRIPTORS);
	reg_write(machine, VIRTIO_MMIO_QUEUE_DESC_HIGH, 4, 0);
	reg_write(machine, VIRTIO_MMIO_QUEUE_DRIVER_LOW, 4, DRIVER);
	reg_write(machine, VIRTIO_MMIO_QUEUE_DRIVER_HIGH, 4, 0);
	reg_write(machine, VIRTIO_MMIO_QUEUE_DEVICE_LOW, 4, DEVICE);
	reg_write(machine, VIRTIO_MMIO_QUEUE_DEVICE_HIGH, 4, 0);
	reg_write(machine, VIRTIO_MMIO_QUEUE_READY, 4, 1);
	reg_write(machine, VIRTIO_MMIO_STATUS, 4, 0x0f);
	must(reg_read(machine, VIRTIO_MMIO_STATUS, 4) == 0x0f);
	must(reg_read(machine, VIRTIO_MMIO_QUEUE_READY, 4) == 1);
	machine->sane = true;
	machine->features = features;
	machine->next = 0;
	machine->used = 0;
	machine->round = true;
	memcpy(machine->model, machine->disk.data, SECTORS * 512);
}

/* One descriptor of the sane driver's next chain; the first is written last by the caller. */
static void put_descriptor(struct machine *machine, uint16_t *slot, bool *round, uint64_t gpa,
	uint32_t size, uint32_t flags)
{
	if ((machine->features & VIRTIO_F_RING_PACKED) != 0) {
		struct virtq_packed_descriptor descriptor = { .addr = gpa,
			.len = size,
			.flags = (uint16_t)(flags |
					    (*round ? VIRTQ_DESC_F_AVAIL : VIRTQ_DESC_F_USED)) };

		poke(machine, DESCRIPTORS + 16ull * *slot, &descriptor, sizeof(descriptor));
	} else {
		struct virtq_split_descriptor descriptor = { .addr = gpa,
			.len = size,
			.flags = (uint16_t)flags,
			.next = (uint16_t)((*slot + 1) % ENTRIES) };

		poke(machine, DESCRIPTORS + 16ull * *slot, &descriptor, sizeof(descriptor));
	}
	if (++*slot == ENTRIES) {
		*slot = 0;
		*round = !*round;
	}
}

struct piece {
	uint64_t gpa;
	uint32_t size;
};

/* Cuts a stream of size bytes from gpa on into pieces. */
static unsigned int cut(struct input *input, struct piece *pieces, uint64_t gpa, uint32_t size)
{
	unsigned int count = 0;

	while (size > 0) {
		const uint8_t kind = take_byte(input);
		uint32_t piece = kind < 0x40 ? 1 + kind % 20 : kind < 0x60 ? 512 : size;

		if (piece > size || count == MAX_PIECES / 2 - 1)
			piece = size;
		pieces[count++] = (struct piece){ gpa, piece };
		gpa += piece;
		size -= piece;
	}
	return count;
}

/* What the model expects of a request. */
struct expectation {
	uint8_t status;
	bool writes;   /* to the disk */
	uint32_t data; /* bytes written before the status */
};

static struct expectation fails(uint8_t status)
{
	return (struct expectation){ .status = status };
}

static bool model_holds(uint64_t sector, uint64_t sectors)
{
	return (unsigned __int128)sector + sectors <= SECTORS;
}

static struct expectation expect_zeroes(struct machine *machine,
	const struct virtio_blk_header *header, const uint8_t *data, uint32_t size, uint32_t room)
{
	const bool discard = header->type == VIRTIO_BLK_T_DISCARD;
	struct virtio_blk_range ranges[32];
	bool bad_flags = false;
	bool bad_sectors = machine->disk.mode == RAMDISK_READ_ONLY;

	if ((machine->features & (discard ? VIRTIO_BLK_F_DISCARD : VIRTIO_BLK_F_WRITE_ZEROES)) == 0)
		return fails(VIRTIO_BLK_S_UNSUPP);
	if (room != 0 || size == 0 || size % 16 != 0 || size > sizeof(ranges))
		return fails(VIRTIO_BLK_S_IOERR);
	memcpy(ranges, data, size);
	for (uint32_t i = 0; i < size / 16; i++) {
		bad_flags = bad_flags || ranges[i].flags > (discard ? 0 : 1);
		bad_sectors = bad_sectors || !model_holds(ranges[i].sector, ranges[i].num_sectors);
	}
	if (bad_flags || bad_sectors)
		return fails(bad_flags ? VIRTIO_BLK_S_UNSUPP : VIRTIO_BLK_S_IOERR);
	for (uint32_t i = 0; i < size / 16; i++)
		memset(machine->model + ranges[i].sector * 512, 0, ranges[i].num_sectors * 512ull);
	return (struct expectation){ .status = VIRTIO_BLK_S_OK, .writes = true };
}

/* stream: the readable bytes; room: writable ones before the status. */
static struct expectation expect(
	struct machine *machine, const uint8_t *stream, uint32_t readable, uint32_t room)
{
	const uint32_t size = readable - 16;
	struct virtio_blk_header header;

	memcpy(&header, stream, sizeof(header));
	switch (header.type) {
	case VIRTIO_BLK_T_IN:
		if (size != 0 || room % 512 != 0 || !model_holds(header.sector, room / 512))
			return fails(VIRTIO_BLK_S_IOERR);
		return (struct expectation){ .status = VIRTIO_BLK_S_OK, .data = room };
	case VIRTIO_BLK_T_OUT:
		if (room != 0 || size % 512 != 0 || !model_holds(header.sector, size / 512) ||
			machine->disk.mode == RAMDISK_READ_ONLY)
			return fails(VIRTIO_BLK_S_IOERR);
		memcpy(machine->model + header.sector * 512, stream + 16, size);
		return (struct expectation){ .status = VIRTIO_BLK_S_OK, .writes = true };
	case VIRTIO_BLK_T_FLUSH:
		return fails((machine->features & VIRTIO_BLK_F_FLUSH) != 0 ? VIRTIO_BLK_S_OK
									   : VIRTIO_BLK_S_UNSUPP);
	case VIRTIO_BLK_T_GET_ID:
		if (size != 0 || room != VIRTIO_BLK_ID_SIZE)
			return fails(VIRTIO_BLK_S_IOERR);
		return (struct expectation){ .status = VIRTIO_BLK_S_OK, .data = room };
	case VIRTIO_BLK_T_DISCARD:
	case VIRTIO_BLK_T_WRITE_ZEROES:
		return expect_zeroes(machine, &header, stream + 16, size, room);
	default: return fails(VIRTIO_BLK_S_UNSUPP);
	}
}

/* Takes the one chain that was put back; its length. */
static uint32_t take_used(struct machine *machine, unsigned int slots)
{
	if ((machine->features & VIRTIO_F_RING_PACKED) != 0) {
		struct virtq_packed_descriptor descriptor;
		const uint32_t both = VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED;
		const bool round = machine->next < slots ? !machine->round : machine->round;
		const unsigned int first = (machine->next + ENTRIES - slots) % ENTRIES;

		peek(machine, DESCRIPTORS + 16ull * first, &descriptor, sizeof(descriptor));
		must((descriptor.flags & both) == (round ? both : 0));
		return descriptor.len;
	} else {
		struct virtq_split_used_element element;
		uint16_t index;

		peek(machine, DEVICE + 2, &index, 2);
		must(index == (uint16_t)(machine->used + 1));
		peek(machine, DEVICE + 4 + 8 * (machine->used % ENTRIES), &element,
			sizeof(element));
		machine->used++;
		return element.len;
	}
}

/* A header that makes sense, more or less. */
static void take_header(struct input *input, struct virtio_blk_header *header)
{
	static const uint8_t types[] = { 0, 0, 1, 1, 4, 8, 11, 13 };
	const uint8_t kind = take_byte(input);

	header->type = kind < 0xf8 ? types[kind % 8] : (uint32_t)take_raw(input, 4);
	header->reserved = 0;
	header->sector = kind < 0xe0 ? take_byte(input) % (SECTORS + 2) : take_number(input);
}

/* The sane driver does one request in a random framing, and the model says what must be. */
static void do_request(struct machine *machine, struct input *input)
{
	static const uint16_t sizes[] = { 0, 512, 1024, 16, 32, 20, 12800, 511 };
	struct piece pieces[MAX_PIECES];
	struct virtio_blk_header header;
	uint8_t stream[MAX_STREAM];
	uint8_t before[MAX_STREAM];
	uint8_t after[MAX_STREAM];
	struct expectation expected;
	const uint8_t kind = take_byte(input);
	uint32_t readable = 16u + sizes[kind & 7];
	uint32_t writable = 1u + sizes[kind >> 3 & 7];
	unsigned int reads, count;
	bool round = machine->round;
	uint16_t slot = machine->next;
	uint32_t length;
	uint8_t answer;
	bool failed;

	if (!machine->sane)
		return;
	take_header(input, &header);
	for (uint32_t i = 0; i < readable; i++)
		stream[i] = (uint8_t)(i * kind + 3);
	memcpy(stream, &header, sizeof(header));
	for (uint32_t at = 16; at + 16 <= readable && at < 64 && header.type > 1; at += 16) {
		const struct virtio_blk_range range = { take_byte(input) % (SECTORS + 2),
			take_byte(input) % 32u, take_byte(input) > 0xf0 };

		memcpy(stream + at, &range, sizeof(range));
	}
	expected = expect(machine, stream, readable, writable - 1);
	answer = take_byte(input) % 8;
	poke(machine, STREAM, stream, readable);
	peek(machine, SEAM - 64, before, writable);
	reads = cut(input, pieces, STREAM, readable);
	count = reads + cut(input, pieces + reads, SEAM - 64, writable);
	for (unsigned int i = 0; i < count; i++)
		put_descriptor(machine, &slot, &round, pieces[i].gpa, pieces[i].size,
			(i < reads ? 0 : VIRTQ_DESC_F_WRITE) |
				(i + 1 < count ? VIRTQ_DESC_F_NEXT : 0));
	if ((machine->features & VIRTIO_F_RING_PACKED) == 0) {
		const uint16_t index = (uint16_t)(machine->used + 1);

		poke(machine, DRIVER + 4 + 2 * (machine->used % ENTRIES), &machine->next, 2);
		poke(machine, DRIVER + 2, &index, 2);
	}
	machine->next = slot;
	machine->round = round;
	reg_write(machine, VIRTIO_MMIO_QUEUE_NOTIFY, 4, 0);
	failed = machine->block.sync_wanted && answer == 0;
	/* Left without an answer, for whatever comes next. */
	machine->sane = !machine->block.sync_wanted || answer != 1;
	if (!machine->sane)
		return;
	if (machine->block.sync_wanted)
		write_back(machine, answer != 0);
	length = take_used(machine, count);
	if (failed)
		expected.status = VIRTIO_BLK_S_IOERR;
	must(reg_read(machine, VIRTIO_MMIO_STATUS, 4) == 0x0f);
	must(length == expected.data + 1);
	peek(machine, SEAM - 64, after, writable);
	must(after[writable - 1] == expected.status);
	must(memcmp(machine->disk.data, machine->model, SECTORS * 512) == 0);
	if (expected.data > 0 && header.type == VIRTIO_BLK_T_IN)
		must(memcmp(after, machine->model + header.sector * 512, expected.data) == 0);
	else
		must(expected.data > 0 || memcmp(after, before, writable - 1) == 0);
}

/* A chain of three that reads a sector; or, with how, one of the mistakes that break the ring. */
static void put_read(struct machine *machine, uint64_t gpa, uint64_t sector, unsigned int how)
{
	const struct virtio_blk_header header = { .type = VIRTIO_BLK_T_IN, .sector = sector };
	static const uint8_t no_status = 0xaa;

	poke(machine, gpa, &header, sizeof(header));
	poke(machine, gpa + 16, &no_status, 1);
	put_descriptor(machine, &machine->next, &machine->round, gpa, how == 1 ? 15 : 16,
		VIRTQ_DESC_F_NEXT);
	put_descriptor(machine, &machine->next, &machine->round, how == 2 ? HOLE - 1 : gpa + 32,
		512, VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_WRITE);
	put_descriptor(machine, &machine->next, &machine->round, gpa + 16, 1,
		how == 3 ? 0 : VIRTQ_DESC_F_WRITE);
}

/* How many chains of three from slot on the driver can see used, with the length of a read. */
static unsigned int count_used(struct machine *machine, uint16_t slot, bool round)
{
	unsigned int count = 0;
	uint32_t entry[4];
	uint16_t index;

	if ((machine->features & VIRTIO_F_RING_PACKED) == 0) {
		peek(machine, DEVICE + 2, &index, 2);
		for (; machine->used != index; machine->used++, count++) {
			peek(machine, DEVICE + 4 + 8 * (machine->used % ENTRIES), entry, 8);
			must(entry[0] == (slot + 3 * count) % ENTRIES && entry[1] == 513);
		}
		return count;
	}
	for (; count < ENTRIES / 3; count++, slot = (uint16_t)(slot + 3)) {
		if (slot >= ENTRIES) {
			slot = (uint16_t)(slot - ENTRIES);
			round = !round;
		}
		peek(machine, DESCRIPTORS + 16ull * slot, entry, sizeof(entry));
		if ((entry[3] >> 16 & 0x8080) != (round ? 0x8080 : 0))
			break;
		must(entry[2] == 513);
	}
	return count;
}

/* Some reads at once, one of them maybe with a ring error: those before it are used, no other. */
static void do_batch(struct machine *machine, struct input *input)
{
	const unsigned int count = 1 + take_byte(input) % 8u;
	const unsigned int bad = take_byte(input) % 12u;
	const unsigned int good = bad < count ? bad : count;
	const uint16_t slot = machine->next;
	const bool round = machine->round;
	uint8_t data[512], status;
	uint64_t sectors[8];
	uint16_t index = (uint16_t)(machine->used + count);

	if (!machine->sane)
		return;
	for (unsigned int i = 0; i < count; i++) {
		const uint16_t place = (uint16_t)(machine->used + i) % ENTRIES;

		sectors[i] = take_byte(input) % SECTORS;
		poke(machine, DRIVER + 4 + 2ull * place, &machine->next, 2);
		put_read(machine, STREAM + 0x400 * i, sectors[i],
			i == bad ? 1 + take_byte(input) % 3u : 0);
	}
	if ((machine->features & VIRTIO_F_RING_PACKED) == 0)
		poke(machine, DRIVER + 2, &index, 2);
	reg_write(machine, VIRTIO_MMIO_QUEUE_NOTIFY, 4, 0);
	must(count_used(machine, slot, round) == good);
	must(reg_read(machine, VIRTIO_MMIO_STATUS, 4) == (bad < count ? 0x4f : 0x0f));
	for (unsigned int i = 0; i < count; i++) {
		peek(machine, STREAM + 0x400 * i + 16, &status, 1);
		peek(machine, STREAM + 0x400 * i + 32, data, sizeof(data));
		must(status == (i < good ? VIRTIO_BLK_S_OK : 0xaa));
		must(i >= good ||
			memcmp(data, machine->model + sectors[i] * 512, sizeof(data)) == 0);
	}
	must(memcmp(machine->disk.data, machine->model, SECTORS * 512) == 0);
	machine->sane = bad >= count;
}

/* A chain that nobody checks, into whichever ring the device has. */
static void put_hostile(struct machine *machine, struct input *input)
{
	const uint8_t place = take_byte(input) % ENTRIES;
	uint64_t fields[2] = { take_number(input), take_number(input) & 0xffff };
	uint16_t entry;

	fields[1] |= (uint64_t)take_byte(input) << 32 | (uint64_t)take_byte(input) << 48;
	if (take_byte(input) & 1)
		fields[1] |= (uint64_t)VIRTQ_DESC_F_AVAIL << 48;
	poke(machine, DESCRIPTORS + 16ull * place, fields, sizeof(fields));
	entry = take_byte(input) % (ENTRIES + 4);
	poke(machine, DRIVER + 4 + 2ull * (place % ENTRIES), &entry, 2);
	peek(machine, DRIVER + 2, &entry, 2);
	entry = (uint16_t)(entry + take_byte(input) % 4);
	poke(machine, DRIVER + 2, &entry, 2);
}

static void do_step(struct machine *machine, struct input *input)
{
	static const uint8_t registers[] = { 0x14, 0x20, 0x24, 0x30, 0x38, 0x44, 0x50, 0x50, 0x64,
		0x70, 0x70, 0x80, 0x84, 0x90, 0xa0, 0xac, 0xc0, 0x34 };
	uint8_t bytes[16];
	uint64_t at;

	switch (take_byte(input) % 14) {
	case 0:
		at = registers[take_byte(input) % ARRAY_COUNT(registers)];
		reg_write(machine, at, 4, take_number(input) & 0xffffffff);
		machine->sane = false;
		break;
	case 1:
		at = take_raw(input, 2) % VIRTIO_MMIO_SIZE;
		reg_write(machine, at, 1u << (take_byte(input) & 3), take_number(input));
		machine->sane = false;
		break;
	case 2:
		at = take_raw(input, 2) % VIRTIO_MMIO_SIZE;
		reg_read(machine, at, 1u << (take_byte(input) & 3));
		break;
	case 3: start(machine, take_raw(input, 6) & wanted_features); break;
	case 4:
		at = take_number(input);
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = take_byte(input);
		poke(machine, at, bytes, sizeof(bytes));
		machine->sane = false;
		break;
	case 5:
		machine->sane = false;
		put_hostile(machine, input);
		break;
	case 6:
		machine->sane = false;
		reg_write(machine, VIRTIO_MMIO_QUEUE_NOTIFY, 4, 0);
		break;
	case 7: virtio_blk_continue(&machine->device); break;
	case 8:
		if (machine->block.sync_wanted)
			write_back(machine, take_byte(input) & 1);
		break;
	case 9:
	case 10: do_batch(machine, input); break;
	default: do_request(machine, input); break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const uint8_t recovery[] = { 0, 0, 1, 1, 0xff, 0xff, 0xff };
	static struct machine machine;
	struct input input = { bytes, size, size };
	uint8_t kind = take_byte(&input);

	log_set_level(LOG_DEBUG);
	make_machine(&machine, kind % 3, kind & 0x80);
	if (kind & 0x40)
		start(&machine, take_raw(&input, 6) & wanted_features);
	for (int step = 0; step < 200 && (input.left > 0 || step < 16); step++) {
		do_step(&machine, &input);
		check(&machine);
	}
	/* A reset recovers from whatever it was. */
	start(&machine, kind & 0x20 ? wanted_features : VIRTIO_F_VERSION_1);
	input = (struct input){ recovery, sizeof(recovery), 0 };
	do_request(&machine, &input);
	check(&machine);
	free_machine(&machine);
	return 0;
}
