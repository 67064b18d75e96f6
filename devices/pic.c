/* SPDX-License-Identifier: MIT */
/*
 * The two idle 8259A. Called by the port bus. Intel 8259A data sheet, 'Programming the 8259A'; ELCR
 * as in Intel's PIIX data sheets.
 */
#include "devices/pic.h"

#include "lib/bits.h"

#define ICW1            0x10u
#define ICW1_ICW4       0x01u
#define ICW1_SINGLE     0x02u
#define ALL_MASKED      0xffu
#define ELCR_MASTER_SET 0xf8u /* IRQ 0, 1 and 2 are edge for ever */
#define ELCR_SLAVE_SET  0xdeu /* as are 8 and 13 */

/* IRR, ISR and what a poll finds, by the even port: nothing requests, nothing is in service. */
static uint8_t chip_read(const struct pic_chip *chip, uint64_t port)
{
	return port == 0 ? 0 : chip->mask;
}

static void chip_write(struct pic_chip *chip, uint64_t port, uint8_t value)
{
	/* OCW2 and OCW3, the other words of the even port, have nothing to act on. */
	if (port == 0 && (value & ICW1) == 0)
		return;
	if (port == 0) {
		chip->mask = 0;
		chip->words_left =
			(uint8_t)(1u + ((value & ICW1_SINGLE) == 0) + ((value & ICW1_ICW4) != 0));
	} else if (chip->words_left > 0) {
		chip->words_left--;
	} else {
		chip->mask = value;
	}
}

/* The bytes of a wide access go to neighbouring ports. */
static uint64_t pic_read(void *device, uint64_t offset, unsigned int width)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < width; i++)
		value |= (uint64_t)chip_read(device, offset + i) << (8 * i);
	return value;
}

static void pic_write(void *device, uint64_t offset, unsigned int width, uint64_t value)
{
	for (unsigned int i = 0; i < width; i++)
		chip_write(device, offset + i, (uint8_t)(value >> (8 * i)));
}

static uint64_t elcr_read(void *device, uint64_t offset, unsigned int width)
{
	const struct pic *pic = device;

	return (pic->elcr[0] | (uint64_t)pic->elcr[1] << 8) >> (8 * offset) & width_mask(width);
}

static void elcr_write(void *device, uint64_t offset, unsigned int width, uint64_t value)
{
	static const uint8_t settable[PIC_CHIPS] = { ELCR_MASTER_SET, ELCR_SLAVE_SET };
	struct pic *pic = device;

	for (unsigned int i = 0; i < width; i++)
		pic->elcr[offset + i] = (uint8_t)(value >> (8 * i)) & settable[offset + i];
}

static const struct bus_ops pic_ops = { .read = pic_read, .write = pic_write };
static const struct bus_ops elcr_ops = { .read = elcr_read, .write = elcr_write };

enum status pic_register(struct pic *pic, struct bus *ports)
{
	enum status status;

	*pic = (struct pic){ .chips = { { .mask = ALL_MASKED }, { .mask = ALL_MASKED } } };
	status = bus_register(ports, "8259A master", PIC_PORT_MASTER, 2, &pic_ops, &pic->chips[0]);
	if (status == STATUS_OK)
		status = bus_register(
			ports, "8259A slave", PIC_PORT_SLAVE, 2, &pic_ops, &pic->chips[1]);
	if (status == STATUS_OK)
		status =
			bus_register(ports, "8259A ELCR", PIC_PORT_ELCR, PIC_CHIPS, &elcr_ops, pic);
	return status;
}
