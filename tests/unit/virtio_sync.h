/* SPDX-License-Identifier: MIT */
/*
 * Requests that wait for the write-back, and the write-back: shared by test_virtio_blk_sync.c and
 * test_virtio_blk_waiting.c.
 */
#ifndef TESTS_UNIT_VIRTIO_SYNC_H
#define TESTS_UNIT_VIRTIO_SYNC_H

#include "tests/unit/virtio_driver.h"

/* With FLUSH but not CONFIG_WCE, a cache that writes back. */
#define WRITE_BACK    (VIRTIO_F_VERSION_1 | VIRTIO_BLK_F_FLUSH)
#define WRITE_THROUGH (VIRTIO_F_VERSION_1 | VIRTIO_BLK_F_WRITE_ZEROES | VIRTIO_BLK_F_DISCARD)

/* What the run loop does: writes the dirty grains back, or fails to. */
static inline void write_back(struct board *board, bool done)
{
	assert_true(board->block.sync_wanted);
	if (done)
		ramdisk_clean(&board->disk, 0, board->disk.size);
	block_complete_sync(&board->block, done);
}

static inline void put_out(struct board *board, unsigned int i)
{
	board_put_request_at(board, BOARD_TABLE + 16 * i, BOARD_STATUS + i, VIRTIO_BLK_T_OUT, i,
		BOARD_BUFFER, 512);
}

static inline void put_in(struct board *board, unsigned int i)
{
	board_put_request_at(board, BOARD_TABLE + 16 * i, BOARD_STATUS + i, VIRTIO_BLK_T_IN, i,
		BOARD_BUFFER + 1024, 512);
}

static inline void put_flush(struct board *board, unsigned int i)
{
	board_put_request_at(
		board, BOARD_TABLE + 16 * i, BOARD_STATUS + i, VIRTIO_BLK_T_FLUSH, 0, 0, 0);
}

#endif
