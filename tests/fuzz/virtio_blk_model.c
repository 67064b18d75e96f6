/* SPDX-License-Identifier: MIT */
/*
 * What must become of a request, see virtio_blk_model.h. virtio 1.2, 5.2.6.
 */
#include "tests/fuzz/virtio_blk_model.h"

#include <string.h>

#include "lib/virtio_abi.h"

static struct expectation answers(uint8_t status)
{
	return (struct expectation){ .status = status };
}

static bool model_holds(uint64_t sector, uint64_t sectors)
{
	return (unsigned __int128)sector + sectors <= SECTORS;
}

static struct expectation expect_zeroes(struct model *model, const struct virtio_blk_header *header,
	const uint8_t *data, uint32_t size, uint32_t room)
{
	const bool discard = header->type == VIRTIO_BLK_T_DISCARD;
	struct virtio_blk_range ranges[32];
	bool bad_flags = false;
	bool bad_sectors = model->read_only;

	if ((model->features & (discard ? VIRTIO_BLK_F_DISCARD : VIRTIO_BLK_F_WRITE_ZEROES)) == 0)
		return answers(VIRTIO_BLK_S_UNSUPP);
	if (room != 0 || size == 0 || size % 16 != 0 || size > sizeof(ranges))
		return answers(VIRTIO_BLK_S_IOERR);
	memcpy(ranges, data, size);
	for (uint32_t i = 0; i < size / 16; i++) {
		bad_flags = bad_flags || ranges[i].flags > (discard ? 0 : 1);
		bad_sectors = bad_sectors || !model_holds(ranges[i].sector, ranges[i].num_sectors);
	}
	if (bad_flags || bad_sectors)
		return answers(bad_flags ? VIRTIO_BLK_S_UNSUPP : VIRTIO_BLK_S_IOERR);
	for (uint32_t i = 0; i < size / 16; i++)
		memset(model->disk + ranges[i].sector * 512, 0, ranges[i].num_sectors * 512ull);
	return answers(VIRTIO_BLK_S_OK);
}

struct expectation model_request(
	struct model *model, const uint8_t *stream, uint32_t readable, uint32_t room)
{
	const uint32_t size = readable - 16;
	struct virtio_blk_header header;

	memcpy(&header, stream, sizeof(header));
	switch (header.type) {
	case VIRTIO_BLK_T_IN:
		if (size != 0 || room % 512 != 0 || !model_holds(header.sector, room / 512))
			return answers(VIRTIO_BLK_S_IOERR);
		return (struct expectation){ .status = VIRTIO_BLK_S_OK, .data = room };
	case VIRTIO_BLK_T_OUT:
		if (room != 0 || size % 512 != 0 || !model_holds(header.sector, size / 512) ||
			model->read_only)
			return answers(VIRTIO_BLK_S_IOERR);
		memcpy(model->disk + header.sector * 512, stream + 16, size);
		return answers(VIRTIO_BLK_S_OK);
	case VIRTIO_BLK_T_FLUSH:
		return answers((model->features & VIRTIO_BLK_F_FLUSH) != 0 ? VIRTIO_BLK_S_OK
									   : VIRTIO_BLK_S_UNSUPP);
	case VIRTIO_BLK_T_GET_ID:
		if (size != 0 || room != VIRTIO_BLK_ID_SIZE)
			return answers(VIRTIO_BLK_S_IOERR);
		return (struct expectation){ .status = VIRTIO_BLK_S_OK, .data = room };
	case VIRTIO_BLK_T_DISCARD:
	case VIRTIO_BLK_T_WRITE_ZEROES:
		return expect_zeroes(model, &header, stream + 16, size, room);
	default: return answers(VIRTIO_BLK_S_UNSUPP);
	}
}
