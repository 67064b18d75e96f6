/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of mm/frames.c: chunks, zeroing, and an owner who has little left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/frame_source.h"

static struct frame_store store;

static void assert_zeroed(const void *frame)
{
	static const uint8_t zeros[PAGE_SIZE];

	assert_memory_equal(frame, zeros, PAGE_SIZE);
}

static void test_chunks(void **state)
{
	static const size_t chunks[] = { 0, 1, 2, 3, 7, 16, STORE_PAGES };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(chunks); i++) {
		const size_t chunk = chunks[i] > 0 ? chunks[i] : 1;
		struct frame_pool pool;

		frame_store_init(&store, &pool, STORE_PAGES);
		frame_pool_init(&pool, frame_store_take, &store, chunks[i]);
		assert_int_equal(store.used, 0);
		for (size_t n = 0; n < STORE_PAGES; n++) {
			void *frame = frame_alloc(&pool);

			/* Chunks follow each other in the store, and single pages when none is
			 * left. */
			assert_ptr_equal(frame, store.pages[n]);
			assert_zeroed(frame);
			assert_int_equal(host_physical(frame), (uintptr_t)frame);
			assert_ptr_equal(host_pointer(host_physical(frame)), frame);
			assert_int_equal(pool.total, n + 1);
			if (n + 1 < STORE_PAGES / chunk * chunk)
				assert_int_equal(store.used, (n + chunk) / chunk * chunk);
			memset(frame, 0xff, PAGE_SIZE);
		}
		assert_null(frame_alloc(&pool));
		assert_null(frame_alloc(&pool));
		assert_int_equal(pool.total, STORE_PAGES);
	}
}

/* The owner may come to have some again. */
static void test_refill(void **state)
{
	struct frame_pool pool;

	(void)state;
	frame_store_init(&store, &pool, 0);
	assert_null(frame_alloc(&pool));
	store.limit = 2;
	assert_non_null(frame_alloc(&pool));
	assert_non_null(frame_alloc(&pool));
	assert_null(frame_alloc(&pool));
	assert_int_equal(pool.total, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_refill),
	};

	return cmocka_run_group_tests_name("frames", tests, NULL, NULL);
}
