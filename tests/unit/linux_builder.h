/* SPDX-License-Identifier: MIT */
/*
 * A small bzImage built in memory, as the Linux/x86 boot protocol describes it, with offsets of its
 * own. Used by the unit test and by the fuzz target of boot/linux.c, which then damage it.
 */
#ifndef TESTS_UNIT_LINUX_BUILDER_H
#define TESTS_UNIT_LINUX_BUILDER_H

#include <stdint.h>
#include <string.h>

#define BUILT_SETUP_SECTS 2u
#define BUILT_SETUP_SIZE  (3u * 512u)
#define BUILT_PAYLOAD     0x900u
#define BUILT_KERNEL_SIZE (BUILT_SETUP_SIZE + BUILT_PAYLOAD)
#define BUILT_PREF        0x200000u /* 2 MiB */
#define BUILT_INIT_SIZE   0x180000u /* to 3.5 MiB */

static inline void built_put(uint8_t *bytes, unsigned int offset, uint64_t value, unsigned int size)
{
	for (unsigned int i = 0; i < size; i++)
		bytes[offset + i] = (uint8_t)(value >> (8 * i));
}

static inline void built_kernel(uint8_t bytes[BUILT_KERNEL_SIZE])
{
	static const struct {
		unsigned int offset, size;
		uint64_t value;
	} fields[] = {
		{ 0x1f1, 1, BUILT_SETUP_SECTS }, { 0x1fe, 2, 0xaa55 }, { 0x200, 2, 0x66eb },
		{ 0x202, 4, 0x53726448 },      /* "HdrS" */
		{ 0x206, 2, 0x020f },          /* version */
		{ 0x211, 1, 0x01 },            /* loadflags: high */
		{ 0x22c, 4, 0x7fffffff },      /* initrd_addr_max */
		{ 0x230, 4, 0x200000 },        /* kernel_alignment */
		{ 0x234, 1, 1 },               /* relocatable_kernel */
		{ 0x236, 2, 0x0001 },          /* xloadflags: 64-bit entry */
		{ 0x238, 4, 255 },             /* cmdline_size */
		{ 0x258, 8, BUILT_PREF },      /* pref_address */
		{ 0x260, 4, BUILT_INIT_SIZE }, /* init_size */
	};

	memset(bytes, 0, BUILT_SETUP_SIZE);
	for (unsigned int i = 0; i < BUILT_PAYLOAD; i++)
		bytes[BUILT_SETUP_SIZE + i] = (uint8_t)(i * 7 + 1);
	for (unsigned int i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		built_put(bytes, fields[i].offset, fields[i].value, fields[i].size);
}

#endif
