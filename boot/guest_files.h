/* SPDX-License-Identifier: MIT */
/*
 * What a guest is started from, as boot/session.c read it and the loaders take it.
 */
#ifndef BOOT_GUEST_FILES_H
#define BOOT_GUEST_FILES_H

#include <stdbool.h>
#include <stdint.h>

#define GUEST_WHY_SIZE 200 /* bytes that the longest explanation of a loader needs */

struct guest_files {
	const void *kernel;
	uint64_t kernel_size;
	const void *initrd; /* an initial RAM disk; its size is 0 where there is none */
	uint64_t initrd_size;
	const char *cmdline;
	bool virtio_disk; /* the disk is a virtio device, and announced as such */
};

#endif
