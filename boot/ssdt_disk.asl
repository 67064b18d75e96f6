// SPDX-License-Identifier: MIT
// The disk as a virtio-mmio device (devices/virtio_mmio.c), for a guest whose disk is one.
// Compiled by iasl into a table that boot/acpi.c hands out in that case.
DefinitionBlock ("", "SSDT", 2, "CAFE", "CAFEDISK", 1)
{
	Scope (\_SB)
	{
		Device (VIO0)
		{
			Name (_HID, "LNRO0005")
			Name (_UID, 0)
			Name (_CRS, ResourceTemplate ()
			{
				Memory32Fixed (ReadWrite, 0xcafe1000, 0x00000200)
				Interrupt (ResourceConsumer, Level, ActiveHigh, Exclusive) { 16 }
			})
		}
	}
}
