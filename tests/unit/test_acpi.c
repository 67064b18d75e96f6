/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of boot/acpi.c: the tables found as a guest finds them, their sums, what they say at
 * the ACPI specification's offsets, and iasl's opinion of each.
 */
#define _DEFAULT_SOURCE /* mkdtemp */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "boot/acpi.h"
#include "lib/bits.h"

#define FILL 0xcc

static uint8_t host[MIB];

static uint64_t place(bool virtio_disk)
{
	struct guest_memory memory = { 0 };
	uint64_t rsdp = 0;

	memset(host, FILL, sizeof(host));
	assert_int_equal(guest_memory_add(&memory, 0, sizeof(host), host), STATUS_OK);
	assert_int_equal(acpi_place(&memory, virtio_disk, &rsdp), STATUS_OK);
	return rsdp;
}

static uint64_t get(uint64_t gpa, unsigned int size)
{
	uint64_t value = 0;

	assert_true(gpa + size <= sizeof(host));
	memcpy(&value, host + gpa, size);
	return value;
}

static unsigned int sum(uint64_t gpa, uint64_t size)
{
	unsigned int total = 0;

	for (uint64_t at = gpa; at < gpa + size; at++)
		total += (unsigned int)get(at, 1);
	return total & 0xff;
}

/* The table of that signature by way of the XSDT; 0 when there is none. */
static uint64_t find(uint64_t rsdp, const char *signature)
{
	const uint64_t xsdt = get(rsdp + 24, 8);

	for (uint64_t at = 36; at < get(xsdt + 4, 4); at += 8) {
		const uint64_t table = get(xsdt + at, 8);

		assert_true(is_aligned(table, 16));
		if (memcmp(host + table, signature, 4) == 0)
			return table;
	}
	return 0;
}

static void expect_sums(uint64_t rsdp)
{
	const uint64_t xsdt = get(rsdp + 24, 8);

	assert_int_equal(sum(rsdp, 20), 0);
	assert_int_equal(get(rsdp + 20, 4), 36);
	assert_int_equal(sum(rsdp, 36), 0);
	assert_memory_equal(host + xsdt, "XSDT", 4);
	assert_int_equal(sum(xsdt, get(xsdt + 4, 4)), 0);
	for (uint64_t at = 36; at < get(xsdt + 4, 4); at += 8) {
		const uint64_t table = get(xsdt + at, 8);

		assert_int_equal(sum(table, get(table + 4, 4)), 0);
	}
}

static void test_finding(void **state)
{
	const uint64_t rsdp = place(true);
	const uint64_t fadt = find(rsdp, "FACP");

	(void)state;
	/* Where a guest that nobody tells would look: at multiples of 16 there. */
	assert_true(rsdp >= 0xe0000 && rsdp < 0x100000 && is_aligned(rsdp, 16));
	assert_memory_equal(host + rsdp, "RSD PTR ", 8);
	expect_sums(rsdp);
	assert_int_not_equal(fadt, 0);
	assert_int_not_equal(find(rsdp, "APIC"), 0);
	assert_memory_equal(host + get(fadt + 140, 8), "DSDT", 4);
	assert_int_equal(get(fadt + 40, 4), get(fadt + 140, 8));
	assert_int_equal(sum(get(fadt + 140, 8), get(get(fadt + 140, 8) + 4, 4)), 0);
	for (uint64_t at = 0; at < 0xe0000; at++)
		assert_int_equal(host[at], FILL);
}

static void test_disk(void **state)
{
	uint64_t rsdp = place(true), ssdt = find(rsdp, "SSDT");
	/* Memory32Fixed read-write 0xcafe1000+0x200; Extended Interrupt, consumer, level, high. */
	static const uint8_t resources[] = { 0x86, 9, 0, 1, 0, 0x10, 0xfe, 0xca, 0, 2, 0, 0, 0x89,
		6, 0, 0x01, 1, 16, 0, 0, 0 };
	bool found = false;

	(void)state;
	assert_int_not_equal(ssdt, 0);
	for (uint64_t at = ssdt; at + sizeof(resources) <= ssdt + get(ssdt + 4, 4); at++)
		found = found || memcmp(host + at, resources, sizeof(resources)) == 0;
	assert_true(found);
	rsdp = place(false);
	expect_sums(rsdp);
	assert_int_equal(find(rsdp, "SSDT"), 0);
	assert_int_not_equal(find(rsdp, "FACP"), 0);
}

static void test_fadt(void **state)
{
	static const struct {
		const char *name;
		unsigned int offset, size;
		uint64_t value;
	} rows[] = {
		{ "length", 4, 4, 276 },
		{ "revision", 8, 1, 6 },
		{ "SCI_INT", 46, 2, 0 },
		{ "SMI_CMD", 48, 4, 0 },
		{ "PM1a_CNT_BLK", 64, 4, 0 },
		{ "PM_TMR_BLK", 76, 4, 0 },
		/* Neither legacy devices nor 8042; VGA and CMOS clock 'not present'. */
		{ "IAPC_BOOT_ARCH", 109, 2, BIT(2) | BIT(5) },
		/* WBINVD, PROC_C1, no fixed buttons, RESET_REG_SUP, HEADLESS, HW_REDUCED_ACPI. */
		{ "flags", 112, 4,
			BIT(0) | BIT(2) | BIT(4) | BIT(5) | BIT(10) | BIT(12) | BIT(20) },
		{ "RESET_REG: port, 8 bits, byte access", 116, 4, 0x01000801 },
		{ "RESET_REG", 120, 8, 0xcf9 },
		{ "RESET_VALUE", 128, 1, 6 },
		{ "FADT Minor Version, of ACPI 6.3", 131, 1, 3 },
		{ "SLEEP_CONTROL_REG: port, 8 bits, byte access", 244, 4, 0x01000801 },
		{ "SLEEP_CONTROL_REG", 248, 8, 0x600 },
		{ "SLEEP_STATUS_REG", 260, 8, 0x601 },
	};
	const uint64_t fadt = find(place(true), "FACP");

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		if (get(fadt + rows[i].offset, rows[i].size) != rows[i].value)
			fail_msg("%s is 0x%llx", rows[i].name,
				(unsigned long long)get(fadt + rows[i].offset, rows[i].size));
	}
}

static void test_madt(void **state)
{
	static const uint8_t wanted[] = {
		0, 0, 0xe0, 0xfe, 0, 0, 0, 0,             /* local APIC's address; no 8259s */
		0, 8, 0, 0, 1, 0, 0, 0,                   /* processor 0, APIC ID 0, enabled */
		1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0 /* I/O APIC 0 from interrupt 0 on */
	};
	const uint64_t madt = find(place(true), "APIC");

	(void)state;
	assert_int_equal(get(madt + 4, 4), 36 + sizeof(wanted));
	assert_memory_equal(host + madt + 36, wanted, sizeof(wanted));
}

static void write_table(const char *folder, const char *name, uint64_t gpa)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s.dat", folder, name);
	file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(host + gpa, 1, get(gpa + 4, 4), file), get(gpa + 4, 4));
	assert_int_equal(fclose(file), 0);
}

/* What iasl says of a table that it disassembles; 0 when it found nothing wrong. */
static int disassemble(const char *folder, const char *name)
{
	char command[1024];

	snprintf(command, sizeof(command),
		"cd '%s' && iasl -d %s.dat >%s.txt 2>&1 && ! grep -iE "
		"'error|warning|invalid|checksum "
		"mismatch|unknown' %s.txt %s.dsl | grep -v 'Compiler\\|Error Source'",
		folder, name, name, name, name);
	return system(command);
}

static void test_iasl(void **state)
{
	static const char *const names[] = { "FACP", "APIC", "SSDT", "DSDT" };
	const uint64_t rsdp = place(true);
	char folder[] = "/tmp/test_acpi.XXXXXX";
	char command[64];

	(void)state;
	assert_non_null(mkdtemp(folder));
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		write_table(folder, names[i],
			i < 3 ? find(rsdp, names[i]) : get(find(rsdp, "FACP") + 140, 8));
		if (disassemble(folder, names[i]) != 0)
			fail_msg("iasl is not content with %s: see %s", names[i], folder);
	}
	snprintf(command, sizeof(command), "rm -r %s", folder);
	assert_int_equal(system(command), 0);
}

static void test_no_memory(void **state)
{
	struct guest_memory memory = { 0 };
	uint64_t rsdp;

	(void)state;
	memset(host, FILL, sizeof(host));
	assert_int_equal(guest_memory_add(&memory, 0, 0xe0000, host), STATUS_OK);
	assert_int_equal(acpi_place(&memory, true, &rsdp), STATUS_OUT_OF_RANGE);
	for (uint64_t at = 0; at < sizeof(host); at++)
		assert_int_equal(host[at], FILL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finding),
		cmocka_unit_test(test_disk),
		cmocka_unit_test(test_fadt),
		cmocka_unit_test(test_madt),
		cmocka_unit_test(test_iasl),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests_name("acpi", tests, NULL, NULL);
}
