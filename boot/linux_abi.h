/* SPDX-License-Identifier: MIT */
/*
 * What the Linux/x86 boot protocol lays down: the header in a bzImage and the page of parameters
 * that a kernel is handed. Linux, Documentation/arch/x86/boot.rst and zero-page.rst.
 */
#ifndef BOOT_LINUX_ABI_H
#define BOOT_LINUX_ABI_H

#include <stddef.h>
#include <stdint.h>

#include "lib/bits.h"

#define LINUX_SECTOR        512u
#define LINUX_BOOT_FLAG     0xaa55u
#define LINUX_MAGIC         0x53726448u /* "HdrS" */
#define LINUX_VERSION_MIN   0x020cu     /* 2.12: the first with xloadflags */
#define LINUX_ENTRY_64      0x200u      /* behind where the kernel was loaded */
#define LINUX_LOADER_OTHER  0xffu       /* type_of_loader: none with a number */
#define LINUX_SETUP_SECTORS 4u          /* what 0 means */

enum linux_load_flag { LINUX_LOADED_HIGH = BIT(0) };
enum linux_extended_load_flag { LINUX_KERNEL_64 = BIT(0), LINUX_CAN_LOAD_ABOVE_4G = BIT(1) };

/* Selectors that a kernel entered in 64-bit mode expects: __BOOT_CS and __BOOT_DS. */
enum { LINUX_BOOT_CS = 0x10, LINUX_BOOT_DS = 0x18 };

/* From 0x1f1 in the file as in the parameters. "The Real-Mode Kernel Header". */
struct __attribute__((packed)) linux_header {
	uint8_t setup_sects;
	uint16_t root_flags;
	uint32_t syssize;
	uint16_t ram_size;
	uint16_t vid_mode;
	uint16_t root_dev;
	uint16_t boot_flag;
	uint16_t jump;
	uint32_t magic;
	uint16_t version;
	uint32_t realmode_switch;
	uint16_t start_sys_seg;
	uint16_t kernel_version;
	uint8_t type_of_loader;
	uint8_t loadflags;
	uint16_t setup_move_size;
	uint32_t code32_start;
	uint32_t ramdisk_image;
	uint32_t ramdisk_size;
	uint32_t bootsect_kludge;
	uint16_t heap_end_ptr;
	uint8_t ext_loader_version;
	uint8_t ext_loader_type;
	uint32_t cmd_line_ptr;
	uint32_t initrd_addr_max;
	uint32_t kernel_alignment;
	uint8_t relocatable_kernel;
	uint8_t min_alignment;
	uint16_t xloadflags;
	uint32_t cmdline_size;
	uint32_t hardware_subarch;
	uint64_t hardware_subarch_data;
	uint32_t payload_offset;
	uint32_t payload_length;
	uint64_t setup_data;
	uint64_t pref_address;
	uint32_t init_size;
	uint32_t handover_offset;
	uint32_t kernel_info_offset;
};
#define LINUX_HEADER_OFFSET 0x1f1u
#define LINUX_JUMP_END      0x202u /* the jump goes from here to the header's end */
#define LINUX_MAGIC_END     0x206u
#define LINUX_HEADER_MIN    0x264u /* the end of init_size, which 2.12 has */
_Static_assert(LINUX_HEADER_OFFSET + offsetof(struct linux_header, magic) + 4 == LINUX_MAGIC_END,
	"magic at 0x202");
_Static_assert(
	LINUX_HEADER_OFFSET + offsetof(struct linux_header, xloadflags) == 0x236, "xloadflags");
_Static_assert(
	LINUX_HEADER_OFFSET + offsetof(struct linux_header, pref_address) == 0x258, "pref_address");
_Static_assert(
	LINUX_HEADER_OFFSET + offsetof(struct linux_header, init_size) + 4 == LINUX_HEADER_MIN,
	"init_size");

struct __attribute__((packed)) linux_e820_entry {
	uint64_t addr;
	uint64_t size;
	uint32_t type; /* as enum hvm_memmap_type */
};
#define LINUX_E820_MAX 128u

/* struct boot_params, "The zero page": what is not named stays zero. */
struct __attribute__((packed)) linux_params {
	uint8_t screen_and_bios[0x70];
	uint64_t acpi_rsdp_addr;
	uint8_t old_hardware[0x48];
	uint32_t ext_ramdisk_image;
	uint32_t ext_ramdisk_size;
	uint32_t ext_cmd_line_ptr;
	uint8_t more_hardware[0x11c];
	uint8_t e820_entries;
	uint8_t flags[8];
	struct linux_header header;
	uint8_t header_rest[0x2d0 - LINUX_HEADER_OFFSET - sizeof(struct linux_header)];
	struct linux_e820_entry e820_table[LINUX_E820_MAX];
	uint8_t rest[4096 - 0x2d0 - LINUX_E820_MAX * sizeof(struct linux_e820_entry)];
};
_Static_assert(sizeof(struct linux_params) == 4096, "boot_params");
_Static_assert(offsetof(struct linux_params, acpi_rsdp_addr) == 0x70, "acpi_rsdp_addr");
_Static_assert(offsetof(struct linux_params, ext_ramdisk_image) == 0xc0, "ext_ramdisk_image");
_Static_assert(offsetof(struct linux_params, e820_entries) == 0x1e8, "e820_entries");
_Static_assert(offsetof(struct linux_params, header) == LINUX_HEADER_OFFSET, "the header");
_Static_assert(offsetof(struct linux_params, e820_table) == 0x2d0, "e820_table");

#endif
