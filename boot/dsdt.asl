// SPDX-License-Identifier: MIT
// What a guest finds of the machine in ACPI's namespace, whatever its disk is: the processor, the
// serial port, and how to switch off. Compiled by iasl into a table that boot/acpi.c hands out.
// The disk stands in boot/ssdt_disk.asl, the interrupt controllers in the MADT.
DefinitionBlock ("", "DSDT", 2, "CAFE", "CAFEVISO", 1)
{
	// S5 is 'off'; its sleep type goes into the FADT's sleep control register.
	Name (\_S5, Package () { 5, 0, 0, 0 })

	Scope (\_SB)
	{
		// _UID is the processor's number in the MADT.
		Device (CPU0)
		{
			Name (_HID, "ACPI0007")
			Name (_UID, 0)
		}

		// A 16550A (devices/uart.c), on the I/O APIC's line 4 as on every PC.
		Device (COM1)
		{
			Name (_HID, EisaId ("PNP0501"))
			Name (_UID, 1)
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x03f8, 0x03f8, 0, 8)
				Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive) { 4 }
			})
		}
	}
}
