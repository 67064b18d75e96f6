/* SPDX-License-Identifier: MIT */
/*
 * A driver that keeps to the rules, and its checks, see virtio_blk_driver.h.
 */
#include "tests/fuzz/virtio_blk_driver.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

#define MAX_STREAM 14000u
#define MAX_PIECES 24u

uint64_t driver_take_number(struct input *input)
{
	static const uint64_t edges[INPUT_EDGES] = { 0, 1, 16, 512, 1024, SEAM, HOLE, BEHIND, END,
		DESCRIPTORS, DRIVER, DEVICE, STREAM, 1ull << 32, 1ull << 55, ~0ull };

	return take_near(input, edges);
}

void driver_start(struct machine *machine, uint64_t features)
{
	static const uint8_t zeroes[0x1000];

	reg_write(machine, VIRTIO_MMIO_STATUS, 4, 0);
	must(reg_read(machine, VIRTIO_MMIO_STATUS, 4) == 0);
	must(!machine->line && !machine->board.block.sync_wanted);
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
	machine->model.features = features;
	machine->next = 0;
	machine->used = 0;
	machine->round = true;
	machine->model.read_only = machine->board.disk.mode == RAMDISK_READ_ONLY;
	memcpy(machine->model.disk, machine->board.disk.data, SECTORS * 512);
}

/* One descriptor of the sane driver's next chain; the first is written last by the caller. */
static void put_descriptor(struct machine *machine, uint16_t *slot, bool *round, uint64_t gpa,
	uint32_t size, uint32_t flags)
{
	if ((machine->model.features & VIRTIO_F_RING_PACKED) != 0) {
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

/* Takes the one chain that was put back; its length. */
static uint32_t take_used(struct machine *machine, unsigned int slots)
{
	if ((machine->model.features & VIRTIO_F_RING_PACKED) != 0) {
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
	header->sector = kind < 0xe0 ? take_byte(input) % (SECTORS + 2) : driver_take_number(input);
}

void driver_do_request(struct machine *machine, struct input *input)
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
	expected = model_request(&machine->model, stream, readable, writable - 1);
	answer = take_byte(input) % 8;
	poke(machine, STREAM, stream, readable);
	peek(machine, SEAM - 64, before, writable);
	reads = cut(input, pieces, STREAM, readable);
	count = reads + cut(input, pieces + reads, SEAM - 64, writable);
	for (unsigned int i = 0; i < count; i++)
		put_descriptor(machine, &slot, &round, pieces[i].gpa, pieces[i].size,
			(i < reads ? 0 : VIRTQ_DESC_F_WRITE) |
				(i + 1 < count ? VIRTQ_DESC_F_NEXT : 0));
	if ((machine->model.features & VIRTIO_F_RING_PACKED) == 0) {
		const uint16_t index = (uint16_t)(machine->used + 1);

		poke(machine, DRIVER + 4 + 2 * (machine->used % ENTRIES), &machine->next, 2);
		poke(machine, DRIVER + 2, &index, 2);
	}
	machine->next = slot;
	machine->round = round;
	reg_write(machine, VIRTIO_MMIO_QUEUE_NOTIFY, 4, 0);
	failed = machine->board.block.sync_wanted && answer == 0;
	/* Left without an answer, for whatever comes next. */
	machine->sane = !machine->board.block.sync_wanted || answer != 1;
	if (!machine->sane)
		return;
	if (machine->board.block.sync_wanted)
		write_back(machine, answer != 0);
	length = take_used(machine, count);
	if (failed)
		expected.status = VIRTIO_BLK_S_IOERR;
	must(reg_read(machine, VIRTIO_MMIO_STATUS, 4) == 0x0f);
	must(length == expected.data + 1);
	peek(machine, SEAM - 64, after, writable);
	must(after[writable - 1] == expected.status);
	must(memcmp(machine->board.disk.data, machine->model.disk, SECTORS * 512) == 0);
	if (expected.data > 0 && header.type == VIRTIO_BLK_T_IN)
		must(memcmp(after, machine->model.disk + header.sector * 512, expected.data) == 0);
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

	if ((machine->model.features & VIRTIO_F_RING_PACKED) == 0) {
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

void driver_do_batch(struct machine *machine, struct input *input)
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
	if ((machine->model.features & VIRTIO_F_RING_PACKED) == 0)
		poke(machine, DRIVER + 2, &index, 2);
	reg_write(machine, VIRTIO_MMIO_QUEUE_NOTIFY, 4, 0);
	must(count_used(machine, slot, round) == good);
	must(reg_read(machine, VIRTIO_MMIO_STATUS, 4) == (bad < count ? 0x4f : 0x0f));
	for (unsigned int i = 0; i < count; i++) {
		peek(machine, STREAM + 0x400 * i + 16, &status, 1);
		peek(machine, STREAM + 0x400 * i + 32, data, sizeof(data));
		must(status == (i < good ? VIRTIO_BLK_S_OK : 0xaa));
		must(i >= good ||
			memcmp(data, machine->model.disk + sectors[i] * 512, sizeof(data)) == 0);
	}
	must(memcmp(machine->board.disk.data, machine->model.disk, SECTORS * 512) == 0);
	machine->sane = bad >= count;
}
