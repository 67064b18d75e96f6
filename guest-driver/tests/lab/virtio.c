/* SPDX-License-Identifier: MIT */
/*
 * Random requests to the virtio block device through a split ring. Words: sectors=N (of the disk),
 * requests=N, size=N (of the ring), piece=N (bytes of a buffer's pieces), indirect.
 */
#include "guest-driver/runtime/runtime.h"
#include "guest-driver/testing/words.h"
#include "guest-driver/tests/lab/lab.h"
#include "guest-driver/virtio_blk.h"
#include "lib/string.h"

#define MAX_BATCH   5u
#define MAX_SECTORS 4u
#define SECTOR      512u

static struct virtio_blk disk;
static uint8_t area[MAX_BATCH][MAX_SECTORS * SECTOR];

static void run_batch(struct lab *lab, uint32_t batch, uint32_t sectors)
{
	uint32_t sizes[MAX_BATCH] = { 0 }; /* of the reads */

	for (uint32_t i = 0; i < batch; i++) {
		const bool write = lab_below(lab, 2) != 0;
		const uint32_t size = (1 + lab_below(lab, MAX_SECTORS)) * SECTOR;
		const uint32_t sector = lab_below(lab, sectors - MAX_SECTORS);

		memset(area[i], 0, size);
		if (write)
			lab_fill(lab, area[i], size);
		else
			sizes[i] = size;
		lab_see(lab, virtio_blk_queue(&disk, write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN,
				     sector, area[i], size));
	}
	lab_see(lab, virtio_blk_submit(&disk));
	lab_see(lab, disk.done);
	for (uint32_t i = 0; i < batch; i++)
		sha256_update(&lab->seen, area[i], sizes[i]);
}

bool lab_virtio(struct lab *lab)
{
	const uint32_t sectors = (uint32_t)words_number(lab->cmdline, "sectors=", 16);
	uint32_t left = (uint32_t)words_number(lab->cmdline, "requests=", 0);
	const struct virtio_blk_options options = {
		.indirect = runtime_has_word(lab->cmdline, "indirect"),
		.size = (uint16_t)words_number(lab->cmdline, "size=", 16),
		.piece = (uint32_t)words_number(lab->cmdline, "piece=", 0),
	};
	const enum virtio_error error = virtio_blk_open(&disk, lab->cmdline, &options);

	if (error != VIRTIO_OK) {
		print("lab: virtio-blk: %s\n", virtio_error_text(error));
		return false;
	}
	lab_see(lab, (uint32_t)disk.capacity);
	while (left > 0) {
		uint32_t batch = 1 + lab_below(lab, MAX_BATCH);

		if (batch > left)
			batch = left;
		run_batch(lab, batch, sectors);
		left -= batch;
	}
	return true;
}
