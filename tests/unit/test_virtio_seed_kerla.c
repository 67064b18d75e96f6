/* SPDX-License-Identifier: MIT */
/*
 * Kerla's driver, replayed on devices/virtio_*.c: what its author tried, one after the other, and
 * what he is told. Numbers behind a file's name are lines of shared/seeds/.
 */
#include "tests/unit/virtio_driver.h"

/* Pages, and the offsets that he adds to them: kerla-virtio-blk-pull-request.txt 435-470. */
#define KERLA_REQUEST 0xb000ull
#define KERLA_STATUS  0xc001ull
#define KERLA_BUFFER  0xd002ull

/* 319-321, 425: the configuration byte by byte. */
static uint64_t kerla_read_config64(struct board *board, uint64_t field)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < 8; i++)
		value |= board_access_read(board, VIRTIO_MMIO_CONFIG + field + i, 1) << (8 * i);
	return value;
}

static void kerla_enqueue(struct board *board, const struct board_buffer *chain, unsigned int count)
{
	board_put_header(board, KERLA_REQUEST, VIRTIO_BLK_T_OUT, 0);
	/* 185-190: the data behind the header, too. */
	memset(board_guest(board, KERLA_REQUEST + 16), 0x5a, 512);
	memset(board_guest(board, KERLA_BUFFER), 0x5a, 512);
	*board_guest(board, KERLA_STATUS) = BOARD_NO_STATUS;
	board_put(board, chain, count);
	board_notify(board);
}

static void test_kerla(void **state)
{
	static const struct {
		const char *name;
		struct board_buffer chain[3];
		unsigned int count;
		uint8_t status;
		uint64_t written; /* to the disk */
		const char *log;  /* null: none */
	} rows[] = {
		{ "131-134: header and data in one readable piece, no status",
			{ { KERLA_REQUEST, 16 + 512, false } }, 1, BOARD_NO_STATUS, 0,
			"request at head 0: 528 readable and 0 writable bytes; its header needs "
			"16, "
			"its status 1; status set to DEVICE_NEEDS_RESET" },
		{ "193-205: the data twice, the second time from the address that its first byte "
		  "is, the status likewise: two sectors, as far as a device can see",
			{ { KERLA_REQUEST, 16 + 512, false }, { 0x5a, 512, false },
				{ 0, 1, true } },
			3, BOARD_NO_STATUS, 1024, NULL },
		{ "409: half a sector",
			{ { KERLA_REQUEST, 16, false }, { KERLA_BUFFER, 256, false },
				{ KERLA_STATUS, 1, true } },
			3, VIRTIO_BLK_S_IOERR, 0,
			"request at head 0 (OUT): 256 bytes of data are no multiple of 512; "
			"IOERR" },
		{ "565: a byte",
			{ { KERLA_REQUEST, 16, false }, { KERLA_BUFFER, 1, false },
				{ KERLA_STATUS, 1, true } },
			3, VIRTIO_BLK_S_IOERR, 0,
			"request at head 0 (OUT): 1 bytes of data are no multiple of 512; "
			"IOERR" },
		{ "480-493: a sector",
			{ { KERLA_REQUEST, 16, false }, { KERLA_BUFFER, 512, false },
				{ KERLA_STATUS, 1, true } },
			3, VIRTIO_BLK_S_OK, 512, NULL },
	};
	struct board board;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		board_make(&board, RAMDISK_READ_WRITE, BOARD_DISK_SIZE, true);
		assert_int_equal(
			kerla_read_config64(&board, offsetof(struct virtio_blk_config, capacity)),
			BOARD_SECTORS);
		board_start(&board, VIRTIO_F_VERSION_1 | VIRTIO_BLK_F_BLK_SIZE, BOARD_ENTRIES);
		board_remember(&board);
		kerla_enqueue(&board, rows[i].chain, rows[i].count);
		if (rows[i].log != NULL)
			board_expect_log(rows[i].name, rows[i].log);
		assert_int_equal(board_log_lines(), 0);
		assert_int_equal(*board_guest(&board, KERLA_STATUS), rows[i].status);
		/* 384: 'see if the attached image file has changed'. */
		assert_true(board_disk_unchanged_but(&board, 0, rows[i].written));
		assert_int_equal(board.disk.data[0] == 0x5a, rows[i].written > 0);
		board_free(&board);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kerla),
	};

	return cmocka_run_group_tests_name("virtio_seed_kerla", tests, board_group_setup, NULL);
}
