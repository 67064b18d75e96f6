/* SPDX-License-Identifier: MIT */
/*
 * Request errors, and requests that just can be: the chain comes back once with its status and
 * length, the queue lives on, and the next request is done. virtio 1.2, 5.2.6.
 */
#include "guest-driver/tests/virtio_hostile/hostile.h"
#include "lib/string.h"

#define OK     VIRTIO_BLK_S_OK
#define IOERR  VIRTIO_BLK_S_IOERR
#define UNSUPP VIRTIO_BLK_S_UNSUPP

#define NEXT_SECTOR 9u
#define END         (1ull << 63) /* added to sectors that count from the disk's end */

struct request_case {
	const char *name;
	uint32_t type;
	uint64_t sector;   /* END + n: n sectors from the disk's end on */
	uint32_t readable; /* bytes of data behind the header */
	uint32_t writable; /* bytes of data before the status */
	uint8_t status;
	uint64_t without; /* a feature that is not negotiated */
};

static const struct request_case cases[] = {
	{ "IN of the last sector", VIRTIO_BLK_T_IN, END - 1, 0, 512, OK, 0 },
	{ "IN of nothing", VIRTIO_BLK_T_IN, 0, 0, 0, OK, 0 },
	{ "IN of nothing at the end", VIRTIO_BLK_T_IN, END, 0, 0, OK, 0 },
	{ "IN behind the end", VIRTIO_BLK_T_IN, END, 0, 512, IOERR, 0 },
	{ "IN over the end", VIRTIO_BLK_T_IN, END - 1, 0, 1024, IOERR, 0 },
	{ "IN far behind", VIRTIO_BLK_T_IN, 1ull << 40, 0, 512, IOERR, 0 },
	{ "IN at 2^55, whose bytes wrap to 0", VIRTIO_BLK_T_IN, 1ull << 55, 0, 512, IOERR, 0 },
	{ "IN at the largest sector", VIRTIO_BLK_T_IN, ~0ull, 0, 1024, IOERR, 0 },
	{ "IN of 511 bytes", VIRTIO_BLK_T_IN, 0, 0, 511, IOERR, 0 },
	{ "IN of 513 bytes", VIRTIO_BLK_T_IN, 0, 0, 513, IOERR, 0 },
	{ "IN with readable data", VIRTIO_BLK_T_IN, 0, 512, 0, IOERR, 0 },
	{ "IN with data of both kinds", VIRTIO_BLK_T_IN, 0, 512, 512, IOERR, 0 },
	{ "OUT behind the end", VIRTIO_BLK_T_OUT, END, 512, 0, IOERR, 0 },
	{ "OUT over the end", VIRTIO_BLK_T_OUT, END - 1, 1024, 0, IOERR, 0 },
	{ "OUT at 2^55, whose bytes wrap to 0", VIRTIO_BLK_T_OUT, 1ull << 55, 512, 0, IOERR, 0 },
	{ "OUT of 1 byte", VIRTIO_BLK_T_OUT, 0, 1, 0, IOERR, 0 },
	{ "OUT of 513 bytes", VIRTIO_BLK_T_OUT, 0, 513, 0, IOERR, 0 },
	{ "OUT with writable data", VIRTIO_BLK_T_OUT, 0, 0, 512, IOERR, 0 },
	{ "OUT with data of both kinds", VIRTIO_BLK_T_OUT, 0, 512, 512, IOERR, 0 },
	{ "GET_ID", VIRTIO_BLK_T_GET_ID, 0, 0, VIRTIO_BLK_ID_SIZE, OK, 0 },
	{ "GET_ID of 19 bytes", VIRTIO_BLK_T_GET_ID, 0, 0, 19, IOERR, 0 },
	{ "GET_ID with readable data", VIRTIO_BLK_T_GET_ID, 0, 20, 0, IOERR, 0 },
	{ "type 2", 2, 0, 512, 0, UNSUPP, 0 },
	{ "type 99", 99, 0, 0, 512, UNSUPP, 0 },
	{ "type 0x80000000", 0x80000000, 0, 0, 0, UNSUPP, 0 },
	{ "GET_LIFETIME", VIRTIO_BLK_T_GET_LIFETIME, 0, 0, 512, UNSUPP, 0 },
	{ "SECURE_ERASE", VIRTIO_BLK_T_SECURE_ERASE, 0, 16, 0, UNSUPP, 0 },
	{ "FLUSH", VIRTIO_BLK_T_FLUSH, 0, 0, 0, OK, 0 },
	{ "FLUSH without its feature", VIRTIO_BLK_T_FLUSH, 0, 0, 0, UNSUPP, VIRTIO_BLK_F_FLUSH },
	{ "DISCARD without its feature", VIRTIO_BLK_T_DISCARD, 0, 16, 0, UNSUPP,
		VIRTIO_BLK_F_DISCARD },
	{ "WRITE_ZEROES without its feature", VIRTIO_BLK_T_WRITE_ZEROES, 0, 16, 0, UNSUPP,
		VIRTIO_BLK_F_WRITE_ZEROES },
	{ "DISCARD of no segment", VIRTIO_BLK_T_DISCARD, 0, 0, 0, IOERR, 0 },
	{ "DISCARD of 15 bytes", VIRTIO_BLK_T_DISCARD, 0, 15, 0, IOERR, 0 },
	{ "WRITE_ZEROES of 17 bytes", VIRTIO_BLK_T_WRITE_ZEROES, 0, 17, 0, IOERR, 0 },
	{ "WRITE_ZEROES with writable data", VIRTIO_BLK_T_WRITE_ZEROES, 0, 16, 16, IOERR, 0 },
};

static const struct range_case {
	const char *name;
	uint32_t type;
	struct virtio_blk_range ranges[2]; /* the second one where it has sectors */
	uint8_t status;
} range_cases[] = {
	{ "DISCARD with UNMAP", VIRTIO_BLK_T_DISCARD, { { 10, 1, 1 } }, UNSUPP },
	{ "DISCARD with flag 2", VIRTIO_BLK_T_DISCARD, { { 10, 1, 2 } }, UNSUPP },
	{ "WRITE_ZEROES with flag 2", VIRTIO_BLK_T_WRITE_ZEROES, { { 10, 1, 2 } }, UNSUPP },
	{ "WRITE_ZEROES with flag 2^31", VIRTIO_BLK_T_WRITE_ZEROES, { { 10, 1, 1u << 31 } },
		UNSUPP },
	{ "WRITE_ZEROES behind the end", VIRTIO_BLK_T_WRITE_ZEROES, { { END, 1, 0 } }, IOERR },
	{ "WRITE_ZEROES over the end", VIRTIO_BLK_T_WRITE_ZEROES, { { END - 1, 2, 0 } }, IOERR },
	{ "WRITE_ZEROES of 2^32 - 1 sectors", VIRTIO_BLK_T_WRITE_ZEROES, { { 10, ~0u, 0 } },
		IOERR },
	{ "WRITE_ZEROES at the largest sector", VIRTIO_BLK_T_WRITE_ZEROES, { { ~0ull, 2, 0 } },
		IOERR },
	{ "WRITE_ZEROES of two segments, the second bad", VIRTIO_BLK_T_WRITE_ZEROES,
		{ { 10, 1, 0 }, { END, 1, 0 } }, IOERR },
	{ "DISCARD over the end", VIRTIO_BLK_T_DISCARD, { { END - 1, 2, 0 } }, IOERR },
	{ "DISCARD of two segments, the second with UNMAP", VIRTIO_BLK_T_DISCARD,
		{ { 10, 1, 0 }, { 11, 1, 1 } }, UNSUPP },
	{ "WRITE_ZEROES of the last sector", VIRTIO_BLK_T_WRITE_ZEROES, { { END - 1, 1, 0 } }, OK },
	{ "WRITE_ZEROES with UNMAP", VIRTIO_BLK_T_WRITE_ZEROES, { { 12, 2, 1 } }, OK },
	{ "DISCARD of two segments", VIRTIO_BLK_T_DISCARD, { { 14, 1, 0 }, { 15, 1, 0 } }, OK },
};

static uint64_t sector_of(uint64_t sector)
{
	const uint64_t from_end = sector - END;

	/* END - 1 to END + small: everything near END counts from the disk's end. */
	return from_end + 16 < 32 ? hostile.capacity + from_end : sector;
}

/* Header, readable data, writable data, status: those of them that have bytes. */
static struct chain add_case(struct request *request, uint32_t readable, uint32_t writable)
{
	struct piece pieces[4] = {
		{ (uintptr_t)&request->header, sizeof(request->header), false },
	};
	unsigned int count = 1;
	/* Ranges are the data of requests that have some. */
	const bool ranges = request->ranges[0].num_sectors != 0;

	if (readable != 0)
		pieces[count++] = (struct piece){ ranges ? (uintptr_t)request->ranges
							 : (uintptr_t)request->data,
			readable, false };
	if (writable != 0)
		pieces[count++] = (struct piece){ (uintptr_t)request->data, writable, true };
	pieces[count++] = (struct piece){ (uintptr_t)&request->status, 1, true };
	return hostile_add(pieces, count, NULL);
}

/*
 * The case's chain and a good write behind it; both come back, in this order, and nothing else was
 * written.
 */
static void run_request(
	struct request *request, uint32_t readable, uint32_t writable, uint8_t status)
{
	struct request *good = &hostile_requests[1];
	const struct chain chain = add_case(request, readable, writable);
	const struct chain next = hostile_add_write(good, NEXT_SECTOR, NEVER_A_TABLE);
	const struct piece written[] = {
		{ (uintptr_t)&request->status, sizeof(request->status), true },
		{ (uintptr_t)&good->status, sizeof(good->status), true },
		{ (uintptr_t)request->data, status == OK ? writable : 0, true },
	};

	hostile_notify(2);
	hostile_note_write(good);
	hostile_check_unharmed(written, 3);
	check_equal("chains that came back", hostile.used, 2);
	hostile_check_used(0, &chain, 1 + (status == OK ? writable : 0));
	hostile_check_used(1, &next, 1);
	check_equal("status", request->status, status);
	check_equal("status of the next", good->status, hostile.read_only ? IOERR : OK);
	check_true("the device is not broken", !virtio_mmio_needs_reset(&hostile.device));
	hostile_recover();
}

static void run_case(const struct request_case *test, bool packed)
{
	static const char id[VIRTIO_BLK_ID_SIZE] = "cafevisor";
	struct request *request = &hostile_requests[0];

	check_begin("%s ring: %s", packed ? "packed" : "split", test->name);
	hostile_start(packed, ALL_FEATURES & ~test->without);
	request->header =
		(struct virtio_blk_header){ .type = test->type, .sector = sector_of(test->sector) };
	memset(request->data, 0, sizeof(request->data));
	run_request(request, test->readable, test->writable, test->status);
	if (test->status == OK && test->type == VIRTIO_BLK_T_IN)
		check_true("what is read",
			memcmp(request->data, hostile_image + 512 * sector_of(test->sector),
				test->writable) == 0);
	if (test->status == OK && test->type == VIRTIO_BLK_T_GET_ID)
		check_true("the name", memcmp(request->data, id, sizeof(id)) == 0);
}

static void run_range_case(const struct range_case *test, bool packed)
{
	struct request *request = &hostile_requests[0];
	const uint8_t expected = test->status == OK && hostile.read_only ? IOERR : test->status;
	uint32_t size = sizeof(struct virtio_blk_range);

	check_begin("%s ring: %s", packed ? "packed" : "split", test->name);
	hostile_start(packed, ALL_FEATURES);
	request->header.type = test->type;
	for (unsigned int i = 0; i < 2; i++) {
		request->ranges[i] = test->ranges[i];
		request->ranges[i].sector = sector_of(test->ranges[i].sector);
	}
	if (test->ranges[1].num_sectors != 0)
		size *= 2;
	for (unsigned int i = 0; i < 2 && expected == OK; i++)
		memset(hostile_image + 512 * request->ranges[i].sector, 0,
			512 * request->ranges[i].num_sectors);
	run_request(request, size, 0, expected);
}

static void run_all(bool packed)
{
	const bool has_discard =
		hostile_offers(VIRTIO_BLK_F_DISCARD | VIRTIO_BLK_F_WRITE_ZEROES, "DISCARD");

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* A read-only disk refuses these for that, whatever else is wrong. */
		if (hostile.read_only && cases[i].type == VIRTIO_BLK_T_WRITE_ZEROES)
			continue;
		run_case(&cases[i], packed);
	}
	for (unsigned int i = 0; i < sizeof(range_cases) / sizeof(range_cases[0]); i++) {
		if (has_discard)
			run_range_case(&range_cases[i], packed);
	}
}

void hostile_test_requests(void)
{
	run_all(false);
	if (hostile_offers(VIRTIO_F_RING_PACKED, "packed ring"))
		run_all(true);
}
