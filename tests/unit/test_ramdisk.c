/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/ramdisk.c: where the disk ends, growth of a partial last sector, and the
 * dirty map against a plain array of flags.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "devices/ramdisk.h"
#include "lib/bits.h"

/* Disk and map in memory of exactly their size, filled with junk first. */
static void make_disk(struct ramdisk *disk, uint64_t size, enum ramdisk_mode mode)
{
	uint64_t capacity = align_up(size, RAMDISK_SECTOR_SIZE);
	uint64_t words = ramdisk_dirty_words(size);
	uint8_t *data = malloc(capacity);
	uint64_t *dirty = malloc(words * sizeof(*dirty));

	assert_non_null(data);
	assert_non_null(dirty);
	memset(data, 0xd5, capacity);
	memset(dirty, 0xd5, words * sizeof(*dirty));
	assert_int_equal(ramdisk_init(disk, data, size, dirty, mode), STATUS_OK);
}

static void free_disk(struct ramdisk *disk)
{
	free(disk->data);
	free(disk->dirty);
}

static void test_dirty_words(void **state)
{
	static const struct {
		uint64_t size, words;
	} rows[] = {
		{ 1, 1 },
		{ 64 * RAMDISK_GRAIN, 1 },
		{ 64 * RAMDISK_GRAIN + 1, 2 },
		{ 128 * RAMDISK_GRAIN, 2 },
		{ ~0ull, BIT(46) },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		if (ramdisk_dirty_words(rows[i].size) != rows[i].words)
			fail_msg("size 0x%lx", rows[i].size);
	}
}

static void test_init(void **state)
{
	static const struct {
		uint64_t size, capacity;
	} rows[] = { { 1, 512 }, { 511, 512 }, { 512, 512 }, { 513, 1024 }, { 10000, 10240 } };
	struct ramdisk disk;
	uint64_t offset = 0;
	uint64_t size;

	(void)state;
	assert_int_equal(ramdisk_init(&disk, NULL, 0, NULL, RAMDISK_READ_WRITE), STATUS_BAD_VALUE);
	assert_int_equal(
		ramdisk_init(&disk, NULL, ~0ull, NULL, RAMDISK_READ_WRITE), STATUS_BAD_VALUE);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		make_disk(&disk, rows[i].size, RAMDISK_READ_WRITE);
		assert_true(disk.size == rows[i].size && disk.capacity == rows[i].capacity);
		for (uint64_t at = 0; at < disk.capacity; at++)
			assert_int_equal(disk.data[at], at < disk.size ? 0xd5 : 0);
		assert_false(ramdisk_next_dirty(&disk, &offset, &size));
		free_disk(&disk);
	}
}

static void test_readable(void **state)
{
	static const struct {
		uint64_t offset, size, wanted;
	} rows[] = {
		{ 0, 0, 0 },
		{ 0, 1, 1 },
		{ 0, 1000, 1000 },
		{ 0, 1001, 1000 },
		{ 999, 1, 1 },
		{ 999, 512, 1 },
		{ 1000, 1, 0 },
		{ 512, 512, 488 },
		{ 1024, 512, 0 },
		{ ~0ull, 1, 0 },
		{ 0, ~0ull, 1000 },
		{ 512, ~0ull, 488 },
		{ ~0ull, ~0ull, 0 },
	};
	struct ramdisk disk;

	(void)state;
	make_disk(&disk, 1000, RAMDISK_READ_ONLY);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		if (ramdisk_readable(&disk, rows[i].offset, rows[i].size) != rows[i].wanted)
			fail_msg("row %zu", i);
	}
	assert_ptr_equal(ramdisk_read_at(&disk, 512), disk.data + 512);
	free_disk(&disk);
}

static void test_check_write(void **state)
{
	static const struct {
		uint64_t offset, size;
		enum status wanted;
	} rows[] = {
		{ 0, 0, STATUS_OK },
		{ 0, 1000, STATUS_OK },
		{ 0, 1024, STATUS_OK },
		{ 512, 512, STATUS_OK },
		{ 512, 513, STATUS_OUT_OF_RANGE },
		{ 0, 1025, STATUS_OUT_OF_RANGE },
		{ 1024, 0, STATUS_OK },
		{ 1024, 1, STATUS_OUT_OF_RANGE },
		{ 1025, 0, STATUS_OUT_OF_RANGE },
		{ 512, ~0ull, STATUS_OUT_OF_RANGE },
		{ ~0ull, 2, STATUS_OUT_OF_RANGE },
		{ ~0ull - 511, 512, STATUS_OUT_OF_RANGE },
		{ ~0ull - 511, 1024, STATUS_OUT_OF_RANGE },
	};
	struct ramdisk disk;

	(void)state;
	make_disk(&disk, 1000, RAMDISK_READ_WRITE);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		disk.mode = RAMDISK_READ_WRITE;
		if (ramdisk_check_write(&disk, rows[i].offset, rows[i].size) != rows[i].wanted)
			fail_msg("row %zu", i);
		disk.mode = RAMDISK_SNAPSHOT;
		if (ramdisk_check_write(&disk, rows[i].offset, rows[i].size) != rows[i].wanted)
			fail_msg("row %zu as a snapshot", i);
		disk.mode = RAMDISK_READ_ONLY;
		if (ramdisk_check_write(&disk, rows[i].offset, rows[i].size) != STATUS_READ_ONLY)
			fail_msg("row %zu read-only", i);
	}
	free_disk(&disk);
}

static void test_growth(void **state)
{
	static const struct {
		const char *name;
		uint64_t offset, size, grown;
	} rows[] = {
		{ "up to the image's end", 4096, 904, 5000 },
		{ "before the image's end", 4096, 512, 5000 },
		{ "one byte beyond it", 4096, 905, 5120 },
		{ "the whole last sector", 4608, 512, 5120 },
		{ "nothing at the image's end", 5000, 0, 5000 },
		{ "nothing at the sector's end", 5120, 0, 5000 },
	};
	struct ramdisk disk;
	uint64_t offset = 0;
	uint64_t size;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		make_disk(&disk, 5000, RAMDISK_READ_WRITE);
		assert_ptr_equal(ramdisk_write_at(&disk, rows[i].offset, rows[i].size),
			disk.data + rows[i].offset);
		if (disk.size != rows[i].grown)
			fail_msg("%s: size %lu", rows[i].name, disk.size);
		assert_true(disk.capacity == 5120);
		offset = 0;
		if (ramdisk_next_dirty(&disk, &offset, &size) != (rows[i].size > 0))
			fail_msg("%s: dirty", rows[i].name);
		if (rows[i].size > 0)
			assert_true(offset == 4096 && size == disk.size - 4096);
		free_disk(&disk);
	}
}

#define MAP_GRAINS 200u

/* The runs that ramdisk_next_dirty gives are the flags' runs, no more and no less. */
static void check_runs(const struct ramdisk *disk, const bool *flags)
{
	uint64_t offset = 0;
	uint64_t size = 0;
	uint64_t grain = 0;

	while (ramdisk_next_dirty(disk, &offset, &size)) {
		uint64_t end = (offset + size + RAMDISK_GRAIN - 1) / RAMDISK_GRAIN;

		assert_true(is_aligned(offset, RAMDISK_GRAIN) && size > 0);
		assert_true(is_aligned(size, RAMDISK_GRAIN) || offset + size == disk->size);
		for (; grain < offset / RAMDISK_GRAIN; grain++)
			assert_false(flags[grain]);
		for (; grain < end; grain++)
			assert_true(flags[grain]);
		assert_true(grain == MAP_GRAINS || !flags[grain]);
		offset += size;
	}
	for (; grain < MAP_GRAINS; grain++)
		assert_false(flags[grain]);
}

/* Random writes and cleanings, with the disk's end inside its last grain. */
static void test_dirty_map(void **state)
{
	const uint64_t disk_size = (MAP_GRAINS - 1) * RAMDISK_GRAIN + 700;
	bool flags[MAP_GRAINS] = { false };
	struct ramdisk disk;

	(void)state;
	srand(1);
	make_disk(&disk, disk_size, RAMDISK_READ_WRITE);
	for (int round = 0; round < 2000; round++) {
		uint64_t offset = (uint64_t)rand() % disk.capacity;
		uint64_t size = (uint64_t)rand() % (round % 16 == 0 ? disk.capacity : 9000);

		size = min_u64(size, disk.capacity - offset);
		if (round % 3 == 0) {
			ramdisk_clean(&disk, offset, size);
			for (uint64_t grain = 0; grain < MAP_GRAINS; grain++) {
				uint64_t start = grain * RAMDISK_GRAIN;
				uint64_t end = min_u64(start + RAMDISK_GRAIN, disk.size);

				if (start >= offset && end <= offset + size)
					flags[grain] = false;
			}
		} else {
			(void)ramdisk_write_at(&disk, offset, size);
			for (uint64_t at = offset; at < offset + size; at++)
				flags[at / RAMDISK_GRAIN] = true;
		}
		check_runs(&disk, flags);
	}
	free_disk(&disk);
}

static void test_next_dirty_edges(void **state)
{
	static const struct {
		const char *name;
		uint64_t from;
		bool found;
		uint64_t offset, size;
	} rows[] = {
		{ "from the start", 0, true, 4096, 8192 },
		{ "at the run", 4096, true, 4096, 8192 },
		{ "inside a dirty grain: from the next one", 4097, true, 8192, 4096 },
		{ "behind the run", 12288, true, 16384, 100 },
		{ "at the image's end", 16484, false, 0, 0 },
		{ "far beyond", 1 << 20, false, 0, 0 },
		{ "at the end of numbers", ~0ull, false, 0, 0 },
	};
	struct ramdisk disk;

	(void)state;
	make_disk(&disk, 16484, RAMDISK_READ_WRITE);
	(void)ramdisk_write_at(&disk, 4096 + 4095, 2);
	(void)ramdisk_write_at(&disk, 16384, 1);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		uint64_t offset = rows[i].from;
		uint64_t size = 0;

		if (ramdisk_next_dirty(&disk, &offset, &size) != rows[i].found)
			fail_msg("%s", rows[i].name);
		if (rows[i].found && (offset != rows[i].offset || size != rows[i].size))
			fail_msg("%s: %lu+%lu", rows[i].name, offset, size);
	}
	free_disk(&disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dirty_words),
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_readable),
		cmocka_unit_test(test_check_write),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_dirty_map),
		cmocka_unit_test(test_next_dirty_edges),
	};

	return cmocka_run_group_tests_name("ramdisk", tests, NULL, NULL);
}
