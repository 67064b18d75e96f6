/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of devices/block.c: who is told of a write-back, what needs none, and the arithmetic
 * of sectors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "devices/block.h"
#include "lib/bits.h"

#define DISK_SIZE (5 * RAMDISK_GRAIN)

struct client {
	struct block *block;
	unsigned int number;
	unsigned int told;
	bool done;
	bool asks_again;
};

struct bench {
	struct ramdisk disk;
	struct block block;
	uint8_t data[DISK_SIZE];
	uint64_t dirty[1];
	struct client clients[BLOCK_MAX_CLIENTS];
	unsigned int attention;
};

static void synced(void *context, bool done)
{
	struct client *client = context;

	client->told++;
	client->done = done;
	if (client->asks_again)
		block_request_sync(client->block, client->number);
	client->asks_again = false;
}

static void attention(void *context)
{
	struct bench *bench = context;

	bench->attention++;
}

static void make(struct bench *bench, enum ramdisk_mode mode)
{
	memset(bench, 0xd5, sizeof(*bench));
	assert_int_equal(
		ramdisk_init(&bench->disk, bench->data, DISK_SIZE, bench->dirty, mode), STATUS_OK);
	block_init(&bench->block, &bench->disk);
	bench->attention = 0;
	for (unsigned int i = 0; i < BLOCK_MAX_CLIENTS; i++) {
		bench->clients[i] = (struct client){ .block = &bench->block };
		bench->clients[i].number =
			block_add_client(&bench->block, synced, &bench->clients[i]);
		assert_int_equal(bench->clients[i].number, i);
	}
}

static void test_nobody_waits(void **state)
{
	struct bench bench;

	(void)state;
	make(&bench, RAMDISK_READ_WRITE);
	assert_false(bench.block.sync_wanted);
	block_complete_sync(&bench.block, true);
	for (unsigned int i = 0; i < BLOCK_MAX_CLIENTS; i++)
		assert_int_equal(bench.clients[i].told, 0);
}

static void test_sync(void **state)
{
	struct bench bench;

	(void)state;
	for (int done = 0; done <= 1; done++) {
		make(&bench, RAMDISK_READ_WRITE);
		block_request_sync(&bench.block, 1); /* without anyone to draw attention of */
		bench.block.attention = attention;
		bench.block.context = &bench;
		block_request_sync(&bench.block, 3);
		assert_int_equal(bench.attention, 1);
		block_request_sync(&bench.block, 3);
		assert_true(bench.block.sync_wanted);
		assert_int_equal(bench.clients[3].told, 0);
		block_complete_sync(&bench.block, done);
		for (unsigned int i = 0; i < BLOCK_MAX_CLIENTS; i++) {
			assert_int_equal(bench.clients[i].told, i == 1 || i == 3);
			assert_int_equal(bench.clients[i].done, done && (i == 1 || i == 3));
		}
		assert_false(bench.block.sync_wanted);
		block_complete_sync(&bench.block, done);
		assert_int_equal(bench.clients[1].told, 1);
	}
}

static void test_asking_again_while_told(void **state)
{
	struct bench bench;

	(void)state;
	make(&bench, RAMDISK_READ_WRITE);
	bench.clients[0].asks_again = true;
	bench.clients[3].asks_again = true;
	block_request_sync(&bench.block, 0);
	block_request_sync(&bench.block, 3);
	block_complete_sync(&bench.block, true);
	assert_int_equal(bench.clients[0].told, 1);
	assert_int_equal(bench.clients[3].told, 1);
	assert_true(bench.block.sync_wanted);
	block_complete_sync(&bench.block, true);
	assert_int_equal(bench.clients[0].told, 2);
	assert_int_equal(bench.clients[3].told, 2);
	assert_false(bench.block.sync_wanted);
}

static void test_cancel(void **state)
{
	struct bench bench;

	(void)state;
	make(&bench, RAMDISK_READ_WRITE);
	block_request_sync(&bench.block, 0);
	block_request_sync(&bench.block, 2);
	block_cancel_sync(&bench.block, 0);
	assert_true(bench.block.sync_wanted);
	block_complete_sync(&bench.block, true);
	assert_int_equal(bench.clients[0].told, 0);
	assert_int_equal(bench.clients[2].told, 1);
	block_request_sync(&bench.block, 2);
	block_cancel_sync(&bench.block, 2);
	assert_false(bench.block.sync_wanted);
	block_complete_sync(&bench.block, true);
	assert_int_equal(bench.clients[2].told, 1);
}

static void test_stable(void **state)
{
	static const enum ramdisk_mode modes[] = { RAMDISK_READ_WRITE, RAMDISK_SNAPSHOT,
		RAMDISK_READ_ONLY };
	struct bench bench;
	uint8_t byte = 1;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(modes); i++) {
		make(&bench, modes[i]);
		assert_true(block_is_stable(&bench.block));
		block_write(&bench.block, DISK_SIZE - 1, &byte, 1);
		assert_int_equal(block_is_stable(&bench.block), modes[i] != RAMDISK_READ_WRITE);
		ramdisk_clean(&bench.disk, 0, DISK_SIZE);
		assert_true(block_is_stable(&bench.block));
	}
}

static void test_find_sector(void **state)
{
	static const struct {
		const char *name;
		uint64_t sector, size;
		bool found;
		uint64_t offset;
	} rows[] = {
		{ "the first", 0, 512, true, 0 },
		{ "nothing", 0, 0, true, 0 },
		{ "nothing further on", 7, 0, true, 7 * 512 },
		{ "the last byte that there can be", BIT(55) - 1, 512, true, ~0ull - 511 },
		{ "one byte more", BIT(55) - 1, 513, false, 0 },
		{ "nothing there", BIT(55) - 1, 0, true, ~0ull - 511 },
		{ "sector wraps", BIT(55), 1, false, 0 },
		{ "sector wraps to 512", BIT(55) + 1, 512, false, 0 },
		{ "largest sector", ~0ull, 512, false, 0 },
		{ "largest size", 0, ~0ull, true, 0 },
		{ "largest size further on", 1, ~0ull, false, 0 },
	};
	uint64_t offset;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		bool found = block_find_sector(rows[i].sector, rows[i].size, &offset);

		if (found != rows[i].found || (found && offset != rows[i].offset))
			fail_msg("%s", rows[i].name);
	}
}

static void test_copies(void **state)
{
	struct bench bench;
	uint8_t bytes[1024];
	uint64_t offset = 0;
	uint64_t size;

	(void)state;
	make(&bench, RAMDISK_READ_WRITE);
	memset(bytes, 0x11, sizeof(bytes));
	block_write(&bench.block, RAMDISK_GRAIN - 512, bytes, 1024);
	memset(bytes, 0, sizeof(bytes));
	block_read(&bench.block, RAMDISK_GRAIN - 513, bytes, 1024);
	assert_int_equal(bytes[0], 0xd5);
	for (size_t i = 1; i < sizeof(bytes); i++)
		assert_int_equal(bytes[i], 0x11);
	assert_true(ramdisk_next_dirty(&bench.disk, &offset, &size));
	assert_true(offset == 0 && size == 2 * RAMDISK_GRAIN);
	ramdisk_clean(&bench.disk, 0, DISK_SIZE);
	block_zero(&bench.block, 4 * RAMDISK_GRAIN, 512);
	assert_int_equal(bench.data[4 * RAMDISK_GRAIN - 1], 0xd5);
	for (size_t i = 0; i < 512; i++)
		assert_int_equal(bench.data[4 * RAMDISK_GRAIN + i], 0);
	assert_int_equal(bench.data[4 * RAMDISK_GRAIN + 512], 0xd5);
	offset = 0;
	assert_true(ramdisk_next_dirty(&bench.disk, &offset, &size));
	assert_true(offset == 4 * RAMDISK_GRAIN && size == RAMDISK_GRAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody_waits),
		cmocka_unit_test(test_sync),
		cmocka_unit_test(test_asking_again_while_told),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_stable),
		cmocka_unit_test(test_find_sector),
		cmocka_unit_test(test_copies),
	};

	return cmocka_run_group_tests_name("block", tests, NULL, NULL);
}
