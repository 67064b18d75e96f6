/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target of boot/elf.c and boot/pvh.c. The first byte chooses: raw bytes as the file, or a
 * good guest of either class that the rest of the input damages. A refusal explains itself and
 * changes nothing; a loaded guest changes nothing outside its segments, and the start info nothing
 * inside them.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "boot/elf.h"
#include "lib/bits.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/loader_memory.h"
#include "tests/unit/elf_builder.h"

/* Small pieces around each border: 0, 640 KiB, 1 MiB (where the text goes), the data, 4 GiB. */
static const struct loader_piece pieces[] = {
	{ 0, 2 * PAGE_SIZE },
	{ 0x9e000, 3 * PAGE_SIZE },
	{ 0xff000, 3 * PAGE_SIZE },
	{ 0x102000, PAGE_SIZE },
	{ 0x200000, 4 * PAGE_SIZE },
	{ 4 * GIB - PAGE_SIZE, 2 * PAGE_SIZE },
};

static bool in_image(const struct pvh_image *image, uint64_t gpa)
{
	for (unsigned int i = 0; i < image->count; i++) {
		if (gpa >= image->ranges[i].start && gpa < image->ranges[i].end)
			return true;
	}
	return false;
}

/* Expects a page to be as it was, except that what is in the image may or may not differ. */
static void expect_page(const uint8_t *page, const uint8_t *was, uint64_t gpa,
	const struct pvh_image *image, bool image_may_differ)
{
	if (memcmp(page, was, PAGE_SIZE) == 0)
		return;
	for (uint64_t at = 0; at < PAGE_SIZE; at++)
		must(page[at] == was[at] || in_image(image, gpa + at) == image_may_differ);
}

static void expect_rest_untouched(const struct guest_memory *memory, const struct pvh_image *image)
{
	uint8_t fill[PAGE_SIZE];

	memset(fill, LOADER_FILL, sizeof(fill));
	for (unsigned int i = 0; i < memory->count; i++) {
		const struct guest_range *range = &memory->ranges[i];

		for (uint64_t at = 0; at < range->size; at += PAGE_SIZE)
			expect_page(range->host + at, fill, range->gpa + at, image, true);
	}
}

static void expect_start_info(const struct guest_memory *memory, const struct pvh_image *image)
{
	const struct pvh_words words = { .cmdline = "words" };
	static uint8_t was[GUEST_MEMORY_MAX_RANGES][4 * PAGE_SIZE];
	struct hvm_start_info info;
	uint32_t gpa;

	for (unsigned int i = 0; i < memory->count; i++)
		memcpy(was[i], memory->ranges[i].host, memory->ranges[i].size);
	if (pvh_place_start_info(memory, image, &words, &gpa) != STATUS_OK)
		return;
	for (unsigned int i = 0; i < memory->count; i++) {
		const struct guest_range *range = &memory->ranges[i];

		for (uint64_t at = 0; at < range->size; at += PAGE_SIZE)
			expect_page(range->host + at, was[i] + at, range->gpa + at, image, false);
	}
	must(guest_memory_read(memory, gpa, &info, sizeof(info)) == STATUS_OK);
	must(info.magic == HVM_START_MAGIC);
}

static void load(const uint8_t *file, size_t size)
{
	static const struct pvh_image nothing;
	const struct guest_memory *memory = loader_memory_fill(pieces, ARRAY_COUNT(pieces));
	struct pvh_image image;
	char why[ELF_WHY_SIZE];
	enum status status;

	memset(why, 'x', sizeof(why));
	status = elf_load_pvh(file, size, memory, &image, why, sizeof(why));
	if (status != STATUS_OK) {
		must(memchr(why, '\0', sizeof(why)) != NULL && why[0] != '\0');
		expect_rest_untouched(memory, &nothing);
	} else {
		must(in_image(&image, image.entry));
		expect_rest_untouched(memory, &image);
		expect_start_info(memory, &image);
	}
}

/* Each 5 bytes of the input put 1, 2, 4 or 8 bytes at some place of the headers or notes. */
static void load_damaged(const uint8_t *data, size_t size, const struct built_kind *kind)
{
	struct built built;
	uint8_t *copy;

	built_init(&built, kind);
	for (; size >= 5; data += 5, size -= 5) {
		size_t at = (size_t)(data[0] | (data[1] & 3) << 8) % (BUILT_SIZE - 8);
		size_t width = (size_t)1 << (data[1] >> 2 & 3);
		int16_t small;
		uint64_t value;

		memcpy(&small, data + 2, sizeof(small));
		value = (uint64_t)(int64_t)small << (data[4] & 63);
		memcpy(built.bytes + at, &value, width);
	}
	copy = must_alloc(built.size);
	memcpy(copy, built.bytes, built.size);
	load(copy, built.size);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct built_kind kind;

	if (size == 0)
		return 0;
	kind = (struct built_kind){
		.wide = data[0] & 2, .desc_size = data[0] & 4 ? 4 : 8, .align = data[0] & 8 ? 8 : 4
	};
	if (data[0] & 1)
		load_damaged(data + 1, size - 1, &kind);
	else
		load(data + 1, size - 1);
	return 0;
}
