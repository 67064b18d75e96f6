/* SPDX-License-Identifier: MIT */
/*
 * The ACPI tables that a guest is given, as they lie in memory. ACPI specification 6.3, chapter 5
 * 'ACPI Software Programming Model'. Used by boot/acpi.c and its test.
 */
#ifndef BOOT_ACPI_ABI_H
#define BOOT_ACPI_ABI_H

#include <stddef.h>
#include <stdint.h>

#include "lib/bits.h"

/* 5.2.5.3 'Root System Description Pointer (RSDP) Structure' */
struct __attribute__((packed)) acpi_rsdp {
	uint8_t signature[8]; /* "RSD PTR " */
	uint8_t checksum;     /* of the first 20 bytes */
	uint8_t oem_id[6];
	uint8_t revision;
	uint32_t rsdt;
	uint32_t length;
	uint64_t xsdt;
	uint8_t extended_checksum; /* of all */
	uint8_t reserved[3];
};
_Static_assert(sizeof(struct acpi_rsdp) == 36, "RSDP, revision 2");
#define ACPI_RSDP_CHECKED_FIRST 20

/* 5.2.6 'System Description Table Header' */
struct __attribute__((packed)) acpi_header {
	uint8_t signature[4];
	uint32_t length;
	uint8_t revision;
	uint8_t checksum;
	uint8_t oem_id[6];
	uint8_t oem_table_id[8];
	uint32_t oem_revision;
	uint8_t creator_id[4];
	uint32_t creator_revision;
};
_Static_assert(sizeof(struct acpi_header) == 36, "table header");

#define ACPI_XSDT_MAX 3

/* 5.2.8 'Extended System Description Table (XSDT)' */
struct __attribute__((packed)) acpi_xsdt {
	struct acpi_header header;
	uint64_t entries[ACPI_XSDT_MAX]; /* as many as the length says */
};

/* 5.2.3.2 'Generic Address Structure' */
struct __attribute__((packed)) acpi_address {
	uint8_t space;
	uint8_t bits;
	uint8_t offset;
	uint8_t access;
	uint64_t address;
};
_Static_assert(sizeof(struct acpi_address) == 12, "generic address");
enum { ACPI_SPACE_IO = 1, ACPI_ACCESS_BYTE = 1 };

/* 5.2.9 'Fixed ACPI Description Table (FADT)'; what hardware-reduced ACPI leaves out is padding. */
struct __attribute__((packed)) acpi_fadt {
	struct acpi_header header;
	uint32_t facs;
	uint32_t dsdt;
	uint8_t reserved;
	uint8_t profile;
	uint8_t pm_blocks[50];
	uint16_t level2_latency;
	uint16_t level3_latency;
	uint8_t flush_and_duty[6];
	uint8_t alarms[3];
	uint16_t boot_architecture;
	uint8_t reserved_too;
	uint32_t flags;
	struct acpi_address reset;
	uint8_t reset_value;
	uint16_t arm_boot_architecture;
	uint8_t minor_revision;
	uint64_t x_facs;
	uint64_t x_dsdt;
	uint8_t x_pm_blocks[96];
	struct acpi_address sleep_control;
	struct acpi_address sleep_status;
	uint64_t hypervisor;
};
_Static_assert(sizeof(struct acpi_fadt) == 276, "FADT, revision 6");
_Static_assert(offsetof(struct acpi_fadt, level2_latency) == 96, "P_LVL2_LAT");
_Static_assert(offsetof(struct acpi_fadt, boot_architecture) == 109, "IAPC_BOOT_ARCH");
_Static_assert(offsetof(struct acpi_fadt, reset) == 116, "RESET_REG");
_Static_assert(offsetof(struct acpi_fadt, x_dsdt) == 140, "X_DSDT");
_Static_assert(offsetof(struct acpi_fadt, sleep_control) == 244, "SLEEP_CONTROL_REG");

/* Table 5-35 'Fixed ACPI Description Table Fixed Feature Flags' */
#define ACPI_FADT_WBINVD          ((uint32_t)BIT(0))
#define ACPI_FADT_PROC_C1         ((uint32_t)BIT(2))
#define ACPI_FADT_NO_POWER_BUTTON ((uint32_t)BIT(4)) /* none in fixed hardware */
#define ACPI_FADT_NO_SLEEP_BUTTON ((uint32_t)BIT(5))
#define ACPI_FADT_RESET           ((uint32_t)BIT(10))
#define ACPI_FADT_HEADLESS        ((uint32_t)BIT(12))
#define ACPI_FADT_HW_REDUCED      ((uint32_t)BIT(20))

/* Table 5-36 'Fixed ACPI Description Table Boot IA-PC Boot Architecture Flags': what is set says
 * that VGA and the CMOS clock are not there, what is clear that nothing else of a PC is. */
#define ACPI_BOOT_NO_VGA      ((uint16_t)BIT(2))
#define ACPI_BOOT_NO_CMOS_RTC ((uint16_t)BIT(5))

/* C states beyond C1 are not there. */
enum { ACPI_NO_LEVEL2 = 101, ACPI_NO_LEVEL3 = 1001 };

/* 5.2.12 'Multiple APIC Description Table (MADT)' */
struct __attribute__((packed)) acpi_madt_local_apic {
	uint8_t type; /* 0 */
	uint8_t length;
	uint8_t uid; /* of the ACPI0007 device */
	uint8_t apic_id;
	uint32_t flags; /* bit 0: enabled */
};
struct __attribute__((packed)) acpi_madt_io_apic {
	uint8_t type; /* 1 */
	uint8_t length;
	uint8_t id;
	uint8_t reserved;
	uint32_t address;
	uint32_t first_interrupt;
};
struct __attribute__((packed)) acpi_madt {
	struct acpi_header header;
	uint32_t local_apic_address;
	uint32_t flags; /* bit 0: there are 8259s, too, to be switched off */
	struct acpi_madt_local_apic processor;
	struct acpi_madt_io_apic io_apic;
};
_Static_assert(sizeof(struct acpi_madt) == 64, "MADT of one processor and one I/O APIC");

#endif
