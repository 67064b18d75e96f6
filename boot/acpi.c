/* SPDX-License-Identifier: MIT */
/*
 * Makes the tables, each behind those that it points to, and the RSDP in front of all.
 */
#include "boot/acpi.h"

#include "boot/acpi_abi.h"
#include "devices/apic.h"
#include "devices/io_apic.h"
#include "devices/power.h"
#include "lib/string.h"

#define OEM_ID       "CAFE  "
#define OEM_TABLE_ID "CAFEVISO"
#define CREATOR_ID   "CAFE"

/* What iasl made of boot/dsdt.asl and boot/ssdt_disk.asl: whole tables. */
static const uint8_t dsdt[] = {
#include "boot/dsdt.inc"
};
static const uint8_t ssdt_disk[] = {
#include "boot/ssdt_disk.inc"
};

struct placer {
	const struct guest_memory *memory;
	uint64_t next; /* where the next table goes */
	enum status status;
};

/* The byte that makes the sum of all 0. */
static uint8_t checksum(const void *bytes, size_t size)
{
	const uint8_t *byte = bytes;
	uint8_t sum = 0;

	while (size-- > 0)
		sum = (uint8_t)(sum + *byte++);
	return (uint8_t)-sum;
}

/* Puts a table, and answers where. */
static uint64_t place(struct placer *placer, const void *table, size_t size)
{
	const uint64_t at = placer->next;

	if (placer->status == STATUS_OK)
		placer->status = guest_memory_write(placer->memory, at, table, size);
	placer->next = align_up(at + size, 16);
	return at;
}

/* The same for one of ours, whose header begins with the signature and the revision. */
static uint64_t place_own(struct placer *placer, struct acpi_header *header, size_t size)
{
	header->length = (uint32_t)size;
	memcpy(header->oem_id, OEM_ID, sizeof(header->oem_id));
	memcpy(header->oem_table_id, OEM_TABLE_ID, sizeof(header->oem_table_id));
	header->oem_revision = 1;
	memcpy(header->creator_id, CREATOR_ID, sizeof(header->creator_id));
	header->creator_revision = 1;
	header->checksum = 0;
	header->checksum = checksum(header, size);
	return place(placer, header, size);
}

static struct acpi_address byte_port(uint16_t port)
{
	return (struct acpi_address){
		.space = ACPI_SPACE_IO, .bits = 8, .access = ACPI_ACCESS_BYTE, .address = port
	};
}

static uint64_t place_fadt(struct placer *placer, uint64_t dsdt_at)
{
	struct acpi_fadt fadt = {
		.header = { .signature = "FACP", .revision = 6 },
		.minor_revision = 3,
		.dsdt = (uint32_t)dsdt_at,
		.x_dsdt = dsdt_at,
		.level2_latency = ACPI_NO_LEVEL2,
		.level3_latency = ACPI_NO_LEVEL3,
		.boot_architecture = ACPI_BOOT_NO_VGA | ACPI_BOOT_NO_CMOS_RTC,
		.flags = ACPI_FADT_WBINVD | ACPI_FADT_PROC_C1 | ACPI_FADT_NO_POWER_BUTTON |
			 ACPI_FADT_NO_SLEEP_BUTTON | ACPI_FADT_RESET | ACPI_FADT_HEADLESS |
			 ACPI_FADT_HW_REDUCED,
		.reset = byte_port(POWER_PORT_RESET),
		.reset_value = POWER_RESET_VALUE,
		.sleep_control = byte_port(POWER_PORT_SLEEP),
		.sleep_status = byte_port(POWER_PORT_SLEEP + 1),
	};

	memcpy(&fadt.hypervisor, "Cafeviso", sizeof(fadt.hypervisor));
	return place_own(placer, &fadt.header, sizeof(fadt));
}

static uint64_t place_madt(struct placer *placer)
{
	struct acpi_madt madt = {
		.header = { .signature = "APIC", .revision = 5 },
		.local_apic_address = (uint32_t)APIC_BASE,
		.processor = { .type = 0, .length = sizeof(madt.processor), .flags = 1 },
		.io_apic = { .type = 1,
			.length = sizeof(madt.io_apic),
			.address = (uint32_t)IO_APIC_BASE },
	};

	return place_own(placer, &madt.header, sizeof(madt));
}

static uint64_t place_xsdt(struct placer *placer, bool virtio_disk)
{
	const uint64_t dsdt_at = place(placer, dsdt, sizeof(dsdt));
	struct acpi_xsdt xsdt = { .header = { .signature = "XSDT", .revision = 1 } };
	unsigned int count = 0;

	xsdt.entries[count++] = place_fadt(placer, dsdt_at);
	xsdt.entries[count++] = place_madt(placer);
	if (virtio_disk)
		xsdt.entries[count++] = place(placer, ssdt_disk, sizeof(ssdt_disk));
	return place_own(
		placer, &xsdt.header, sizeof(xsdt.header) + count * sizeof(xsdt.entries[0]));
}

enum status acpi_place(const struct guest_memory *memory, bool virtio_disk, uint64_t *rsdp)
{
	struct acpi_rsdp first = {
		.signature = "RSD PTR ",
		.oem_id = OEM_ID,
		.revision = 2,
		.length = sizeof(first),
	};
	struct placer placer = { .memory = memory, .next = ACPI_TABLES_START };

	(void)place(&placer, &first, sizeof(first));
	first.xsdt = place_xsdt(&placer, virtio_disk);
	first.checksum = checksum(&first, ACPI_RSDP_CHECKED_FIRST);
	first.extended_checksum = checksum(&first, sizeof(first));
	*rsdp = ACPI_TABLES_START;
	if (placer.status == STATUS_OK)
		placer.status = guest_memory_write(memory, *rsdp, &first, sizeof(first));
	return placer.status;
}
