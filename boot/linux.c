/* SPDX-License-Identifier: MIT */
/*
 * Linux/x86 boot protocol, "64-bit Boot Protocol" (Documentation/arch/x86/boot.rst). First
 * everything is checked, then everything is copied: a kernel that is refused has changed nothing.
 */
#include "boot/linux.h"

#include <stdarg.h>

#include "boot/linux_abi.h"
#include "boot/pvh.h"
#include "lib/bits.h"
#include "lib/format.h"
#include "lib/string.h"

#define TABLE_ENTRIES  512u
#define TABLES_MAP     (4 * GIB)
#define TABLE_ENTRY    UINT64_C(0x003) /* present, writable */
#define LARGE_PAGE     (2 * MIB)
#define LARGE_PAGE_MAP UINT64_C(0x083) /* and a page of 2 MiB */

/* Flat segments, present, ring 0, accessed: 64-bit code, data. SDM vol. 3A, 'Segment Descriptors'.
 */
#define GDT_CODE_64 UINT64_C(0x00af9b000000ffff)
#define GDT_DATA    UINT64_C(0x00cf93000000ffff)

/* One loading: what every step needs, and where a complaint goes. */
struct loader {
	const struct guest_files *files;
	const struct guest_memory *memory;
	struct linux_header header;
	uint64_t setup_size; /* the part for real mode, at the file's beginning */
	uint64_t kernel_gpa;
	uint64_t initrd_gpa;
	char *why;
	size_t why_size;
};

static enum status refuse(struct loader *loader, enum status status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static enum status refuse(struct loader *loader, enum status status, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	format_text_va(loader->why, loader->why_size, format, arguments);
	va_end(arguments);
	return status;
}

static struct linux_header header_read(const void *file, uint64_t size)
{
	struct linux_header header = { 0 };

	memcpy(&header, (const uint8_t *)file + LINUX_HEADER_OFFSET,
		min_u64(sizeof(header), size - LINUX_HEADER_OFFSET));
	return header;
}

bool linux_is_image(const void *file, uint64_t size)
{
	struct linux_header header;

	if (size < LINUX_MAGIC_END)
		return false;
	header = header_read(file, size);
	return header.boot_flag == LINUX_BOOT_FLAG && header.magic == LINUX_MAGIC;
}

static unsigned int mebibytes(uint64_t bytes)
{
	return (unsigned int)(align_up(bytes, MIB) / MIB);
}

static enum status check_header(struct loader *loader)
{
	const uint64_t size = loader->files->kernel_size;
	const struct linux_header *header = &loader->header;
	uint64_t sectors;

	loader->header = header_read(loader->files->kernel, size);
	sectors = header->setup_sects != 0 ? header->setup_sects : LINUX_SETUP_SECTORS;
	loader->setup_size = (sectors + 1) * LINUX_SECTOR;
	if (size <= loader->setup_size + LINUX_ENTRY_64)
		return refuse(loader, STATUS_TRUNCATED,
			"a Linux kernel that is cut off: 0x%llx bytes, and its setup alone says "
			"0x%llx",
			(unsigned long long)size, (unsigned long long)loader->setup_size);
	if (header->version < LINUX_VERSION_MIN)
		return refuse(loader, STATUS_UNSUPPORTED,
			"a Linux kernel of boot protocol %u.%02u; 2.12 is the first that can be "
			"entered in 64-bit mode",
			header->version >> 8, header->version & 0xffu);
	if (!(header->loadflags & LINUX_LOADED_HIGH))
		return refuse(loader, STATUS_UNSUPPORTED,
			"a Linux kernel for low memory (zImage), not a bzImage");
	if (!(header->xloadflags & LINUX_KERNEL_64))
		return refuse(loader, STATUS_UNSUPPORTED,
			"a Linux kernel without a 64-bit entry (xloadflags 0x%x): a 32-bit one?",
			header->xloadflags);
	return STATUS_OK;
}

/*
 * The kernel goes where it prefers to run: loaded below that, it would only move there by itself,
 * and the memory that it needs then is the same. "pref_address", "init_size".
 */
static enum status check_kernel_place(struct loader *loader)
{
	const struct linux_header *header = &loader->header;
	const uint64_t payload = loader->files->kernel_size - loader->setup_size;
	uint64_t need;

	if (header->pref_address < PVH_HIGH_RAM_START || header->pref_address >= TABLES_MAP)
		return refuse(loader, STATUS_BAD_VALUE,
			"a Linux kernel that wants to run at 0x%llx, not from 1 MiB to 4 GiB",
			(unsigned long long)header->pref_address);
	if (payload > header->init_size)
		return refuse(loader, STATUS_BAD_VALUE,
			"a Linux kernel of 0x%llx bytes that says it needs 0x%x (init_size)",
			(unsigned long long)payload, header->init_size);
	if (header->relocatable_kernel &&
		(header->kernel_alignment == 0 ||
			(header->kernel_alignment & (header->kernel_alignment - 1)) != 0))
		return refuse(loader, STATUS_BAD_VALUE,
			"a Linux kernel with an alignment of 0x%x, no power of two",
			header->kernel_alignment);
	loader->kernel_gpa = header->pref_address;
	if (header->relocatable_kernel)
		loader->kernel_gpa = align_up(loader->kernel_gpa, header->kernel_alignment);
	need = loader->kernel_gpa + header->init_size;
	if (need > TABLES_MAP ||
		!guest_memory_contains(loader->memory, loader->kernel_gpa, header->init_size))
		return refuse(loader, STATUS_OUT_OF_RANGE,
			"a Linux kernel that needs memory from 0x%llx to 0x%llx: memory = %uM, "
			"at least, and more for its initrd",
			(unsigned long long)loader->kernel_gpa, (unsigned long long)need,
			mebibytes(need));
	return STATUS_OK;
}

static enum status check_cmdline(struct loader *loader)
{
	const uint64_t length = strlen(loader->files->cmdline);
	const uint64_t limit = min_u64(loader->header.cmdline_size, LINUX_CMDLINE_MAX - 1);

	if (length > limit)
		return refuse(loader, STATUS_OUT_OF_RANGE,
			"a command line of %llu characters, and this kernel takes %llu",
			(unsigned long long)length, (unsigned long long)limit);
	if (!guest_memory_contains(loader->memory, LINUX_PARAMS_GPA,
		    LINUX_CMDLINE_GPA + LINUX_CMDLINE_MAX - LINUX_PARAMS_GPA))
		return refuse(loader, STATUS_OUT_OF_RANGE,
			"a Linux kernel, and no memory at 0x%llx for its parameters",
			(unsigned long long)LINUX_PARAMS_GPA);
	return STATUS_OK;
}

static enum status check_initrd(struct loader *loader)
{
	const uint64_t size = loader->files->initrd_size;
	const uint64_t floor = loader->kernel_gpa + loader->header.init_size;
	const uint64_t limit = min_u64((uint64_t)loader->header.initrd_addr_max + 1, TABLES_MAP);

	if (size == 0)
		return STATUS_OK;
	loader->initrd_gpa = pvh_find_high_place(loader->memory, floor, limit, size);
	if (loader->initrd_gpa != 0)
		return STATUS_OK;
	return refuse(loader, STATUS_OUT_OF_RANGE,
		"its initrd of %u MiB does not fit: not above the kernel, which ends at 0x%llx, "
		"and below 0x%llx in %u MiB of memory",
		mebibytes(size), (unsigned long long)floor, (unsigned long long)limit,
		mebibytes(guest_memory_size(loader->memory)));
}

static enum status write_page_tables(const struct guest_memory *memory)
{
	const unsigned int directories = (unsigned int)(TABLES_MAP / GIB);
	uint64_t table[TABLE_ENTRIES] = { LINUX_TABLES_GPA + PAGE_SIZE + TABLE_ENTRY };
	enum status status = guest_memory_write(memory, LINUX_TABLES_GPA, table, sizeof(table));
	uint64_t page = 0;

	for (unsigned int i = 0; i < directories; i++)
		table[i] = LINUX_TABLES_GPA + (2 + i) * PAGE_SIZE + TABLE_ENTRY;
	if (status == STATUS_OK)
		status = guest_memory_write(
			memory, LINUX_TABLES_GPA + PAGE_SIZE, table, sizeof(table));
	for (unsigned int i = 0; i < directories && status == STATUS_OK; i++) {
		for (unsigned int j = 0; j < TABLE_ENTRIES; j++, page += LARGE_PAGE)
			table[j] = page + LARGE_PAGE_MAP;
		status = guest_memory_write(
			memory, LINUX_TABLES_GPA + (2 + i) * PAGE_SIZE, table, sizeof(table));
	}
	return status;
}

static void fill_memory_map(struct linux_params *params, const struct guest_memory *memory)
{
	struct hvm_memmap_entry map[PVH_MAX_MAP];
	const unsigned int count = pvh_build_map(memory, map);

	_Static_assert(PVH_MAX_MAP <= LINUX_E820_MAX, "every entry has its place");
	for (unsigned int i = 0; i < count; i++)
		params->e820_table[i] =
			(struct linux_e820_entry){ map[i].addr, map[i].size, map[i].type };
	params->e820_entries = (uint8_t)count;
}

/* As long as it says itself, but not without what its version has. boot.rst, "64-bit Boot
 * Protocol". */
static void copy_header(struct linux_params *params, const struct linux_header *header)
{
	const uint64_t end = max_u64(LINUX_JUMP_END + (header->jump >> 8), LINUX_HEADER_MIN);

	/* Of a header longer than the one known here, the rest is zero, as if it were shorter. */
	memcpy(&params->header, header, min_u64(end - LINUX_HEADER_OFFSET, sizeof(*header)));
}

static enum status write_params(const struct loader *loader, uint64_t rsdp)
{
	struct linux_params params = { .acpi_rsdp_addr = rsdp };

	copy_header(&params, &loader->header);
	params.header.type_of_loader = LINUX_LOADER_OTHER;
	params.header.code32_start = (uint32_t)loader->kernel_gpa;
	params.header.cmd_line_ptr = (uint32_t)LINUX_CMDLINE_GPA;
	params.header.ramdisk_image = (uint32_t)loader->initrd_gpa;
	params.header.ramdisk_size = (uint32_t)loader->files->initrd_size;
	params.header.setup_data = 0;
	fill_memory_map(&params, loader->memory);
	return guest_memory_write(loader->memory, LINUX_PARAMS_GPA, &params, sizeof(params));
}

static enum status copy_all(const struct loader *loader, uint64_t rsdp)
{
	static const uint64_t gdt[] = {
		[LINUX_BOOT_CS / 8] = GDT_CODE_64,
		[LINUX_BOOT_DS / 8] = GDT_DATA,
	};
	const struct guest_files *files = loader->files;
	const struct {
		uint64_t gpa;
		const void *bytes;
		uint64_t size;
	} pieces[] = {
		{ loader->kernel_gpa, (const uint8_t *)files->kernel + loader->setup_size,
			files->kernel_size - loader->setup_size },
		{ loader->initrd_gpa, files->initrd, files->initrd_size },
		{ LINUX_CMDLINE_GPA, files->cmdline, strlen(files->cmdline) + 1 },
		{ LINUX_GDT_GPA, gdt, sizeof(gdt) },
	};
	enum status status = write_page_tables(loader->memory);

	for (unsigned int i = 0; i < ARRAY_COUNT(pieces) && status == STATUS_OK; i++)
		status = guest_memory_write(
			loader->memory, pieces[i].gpa, pieces[i].bytes, pieces[i].size);
	if (status == STATUS_OK)
		status = write_params(loader, rsdp);
	return status;
}

enum status linux_load(const struct guest_files *files, uint64_t rsdp,
	const struct guest_memory *memory, struct vcpu_start *start, char *why, size_t why_size)
{
	struct loader loader = {
		.files = files, .memory = memory, .why = why, .why_size = why_size
	};
	enum status status = STATUS_BAD_VALUE;

	*start = (struct vcpu_start){ 0 };
	if (!linux_is_image(files->kernel, files->kernel_size))
		return refuse(&loader, status, "not a Linux kernel (bzImage)");
	status = check_header(&loader);
	if (status == STATUS_OK)
		status = check_kernel_place(&loader);
	if (status == STATUS_OK)
		status = check_cmdline(&loader);
	if (status == STATUS_OK)
		status = check_initrd(&loader);
	if (status == STATUS_OK)
		status = copy_all(&loader, rsdp);
	if (status != STATUS_OK)
		return status;
	*start = (struct vcpu_start){
		.rip = loader.kernel_gpa + LINUX_ENTRY_64,
		.rsi = LINUX_PARAMS_GPA,
		.long_mode = true,
		.cr3 = LINUX_TABLES_GPA,
		.gdt_base = LINUX_GDT_GPA,
		.gdt_limit = LINUX_BOOT_DS + 7,
		.code_selector = LINUX_BOOT_CS,
		.data_selector = LINUX_BOOT_DS,
	};
	return STATUS_OK;
}
