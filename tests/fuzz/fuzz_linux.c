/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target of boot/guest_image.c and boot/linux.c. The first byte chooses: raw bytes as the
 * guest's file, or a good bzImage that the rest of the input damages, with or without an initial
 * RAM disk. A refusal by the Linux loader explains itself and changes nothing; a kernel that was
 * taken lies, with all that belongs to it, in guest memory.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "boot/guest_image.h"
#include "boot/linux.h"
#include "lib/bits.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/loader_memory.h"
#include "tests/unit/linux_builder.h"

/* Room for the good kernel, with a border in the middle of it, and a page below 4 GiB. */
static const struct loader_piece pieces[] = {
	{ 0, MIB + PAGE_SIZE },
	{ BUILT_PREF, PAGE_SIZE },
	{ BUILT_PREF + PAGE_SIZE, BUILT_INIT_SIZE + 0x10000 },
	{ 4 * GIB - PAGE_SIZE, 2 * PAGE_SIZE },
};

static void expect_untouched(const struct guest_memory *memory)
{
	for (unsigned int i = 0; i < memory->count; i++) {
		const struct guest_range *range = &memory->ranges[i];

		must(range->host[0] == LOADER_FILL &&
			memcmp(range->host, range->host + 1, range->size - 1) == 0);
	}
}

static void expect_loaded(const struct guest_memory *memory, const struct guest_files *files,
	const struct vcpu_start *start)
{
	uint32_t initrd[2];
	uint8_t byte;

	must(start->long_mode);
	must(guest_memory_contains(memory, start->rip, files->kernel_size % 0x200));
	must(guest_memory_read(memory, start->rsi + 0x218, initrd, sizeof(initrd)) == STATUS_OK);
	must(initrd[1] == files->initrd_size);
	must(guest_memory_contains(memory, initrd[0], initrd[1]));
	if (initrd[1] == 0)
		return;
	must(initrd[0] >= start->rip);
	must(guest_memory_read(memory, initrd[0] + initrd[1] - 1, &byte, 1) == STATUS_OK);
	must(byte == 0x77);
}

static void load(const struct guest_files *files)
{
	const struct guest_memory *memory = loader_memory_fill(pieces, ARRAY_COUNT(pieces));
	struct vcpu_start start;
	char why[GUEST_WHY_SIZE];
	enum status status;

	memset(why, 'x', sizeof(why));
	status = linux_load(files, 0xe0000, memory, &start, why, sizeof(why));
	if (status == STATUS_OK) {
		expect_loaded(memory, files, &start);
	} else {
		must(memchr(why, '\0', sizeof(why)) != NULL && why[0] != '\0');
		expect_untouched(memory);
	}
	status = guest_image_load(
		files, loader_memory_fill(pieces, ARRAY_COUNT(pieces)), &start, why, sizeof(why));
	must(status == STATUS_OK || memchr(why, '\0', sizeof(why)) != NULL);
}

/* Each 4 bytes of the input put 1, 2, 4 or 8 bytes at some place of the header. */
static void damage(uint8_t *kernel, const uint8_t *data, size_t size)
{
	for (; size >= 4; data += 4, size -= 4) {
		const unsigned int at = 0x1f1 + data[0] % 0x80;
		const unsigned int width = 1u << (data[1] & 3);
		const int16_t small = (int16_t)(data[2] | data[3] << 8);

		built_put(kernel, at, (uint64_t)(int64_t)small << (data[1] >> 2), width);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t initrd[0x2100];
	uint8_t kernel[BUILT_KERNEL_SIZE];
	struct guest_files files = { .initrd = initrd, .cmdline = "words" };

	if (size == 0)
		return 0;
	memset(initrd, 0x77, sizeof(initrd));
	files.virtio_disk = data[0] & 2;
	files.initrd_size = data[0] & 4 ? sizeof(initrd) : 0;
	files.kernel = data + 1;
	files.kernel_size = size - 1;
	if (data[0] & 1) {
		built_kernel(kernel);
		damage(kernel, data + 1, size - 1);
		files.kernel = kernel;
		files.kernel_size = sizeof(kernel);
	}
	load(&files);
	return 0;
}
