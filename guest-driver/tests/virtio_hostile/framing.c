/* SPDX-License-Identifier: MIT */
/*
 * Good requests whose bytes are cut into descriptors in any way. virtio 1.2, 2.7.4.
 */
#include "guest-driver/tests/virtio_hostile/hostile.h"
#include "lib/string.h"

/* How the bytes of one good request may be cut: 2.7.4. 0 ends the list. */
static const struct framing_case {
	const char *name;
	uint32_t sizes[24];
} framing_cases[] = {
	{ "header and data in one piece", { 16 + 1024 } },
	{ "header in two pieces", { 1, 15, 1024 } },
	{ "header in sixteen pieces", { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1024 } },
	{ "header's end with the data's beginning", { 15, 2, 1023 } },
	{ "data in odd pieces", { 16, 1, 510, 2, 511 } },
	{ "an empty piece between", { 16, 0x80000000, 1024 } },
};

/* Cuts a stream of bytes as the case says; the number of pieces. 2^31 stands for an empty one. */
static unsigned int cut(const struct framing_case *test, const uint8_t *bytes, uint32_t skip,
	bool writable, struct piece *pieces)
{
	unsigned int count = 0;

	for (unsigned int i = 0; test->sizes[i] != 0; i++) {
		const uint32_t size = test->sizes[i] & 0x7fffffff;
		const uint32_t rest = size > skip ? size - skip : 0;

		skip -= size - rest;
		if (rest != 0 || size == 0)
			pieces[count++] = (struct piece){ (uintptr_t)bytes, rest, writable };
		bytes += rest;
	}
	return count;
}

/* OUT with header and data cut so; then IN with data and status cut the same way, from behind. */
static void run_framing(const struct framing_case *test, bool packed, bool table)
{
	static uint8_t out[16 + 1024], in[1024 + 1];
	const struct virtio_blk_header in_header = { .type = VIRTIO_BLK_T_IN, .sector = 12 };
	struct request *request = &hostile_requests[0];
	struct piece pieces[MAX_PIECES];
	struct chain write, read;
	unsigned int count;

	check_begin(
		"%s ring%s: %s", packed ? "packed" : "split", table ? ", table" : "", test->name);
	hostile_start(packed, ALL_FEATURES);
	request->header = (struct virtio_blk_header){ .type = VIRTIO_BLK_T_OUT, .sector = 12 };
	memcpy(out, &request->header, 16);
	for (unsigned int i = 16; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 7 + (packed ? 1 : 0) + (table ? 2 : 0));
	count = cut(test, out, 0, false, pieces);
	pieces[count++] = (struct piece){ (uintptr_t)&request->status, 1, true };
	write = hostile_add(pieces, count, table ? request->table : NULL);
	hostile_notify(1);
	hostile_check_used(0, &write, 1);
	check_equal("status of OUT", request->status, VIRTIO_BLK_S_OK);
	memcpy(hostile_image + 12 * 512, out + 16, 1024);

	/* The same cuts, less the header; the status is the last byte of the last piece. */
	hostile_start(packed, ALL_FEATURES);
	memset(in, STATUS_UNSET, sizeof(in));
	request->header = in_header;
	pieces[0] = (struct piece){ (uintptr_t)&request->header, 16, false };
	count = 1 + cut(test, in, 16, true, &pieces[1]);
	pieces[count - 1].len++;
	read = hostile_add(pieces, count, table ? request->table : NULL);
	hostile_notify(1);
	hostile_check_used(0, &read, 1025);
	check_equal("status of IN", in[1024], VIRTIO_BLK_S_OK);
	check_true("what was written is read", memcmp(in, out + 16, 1024) == 0);
	hostile_recover();
}

void hostile_test_framing(void)
{
	const bool has_packed = hostile_offers(VIRTIO_F_RING_PACKED, "packed ring");

	if (hostile.read_only) {
		check_skip("the disk is read-only");
		return;
	}
	for (unsigned int i = 0; i < sizeof(framing_cases) / sizeof(framing_cases[0]); i++) {
		for (unsigned int table = 0; table < 2; table++) {
			run_framing(&framing_cases[i], false, table != 0);
			if (has_packed)
				run_framing(&framing_cases[i], true, table != 0);
		}
	}
}
