# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# A guest with more memory than fits below the hole under 4 GiB. Bochs gives the firmware 3 GiB below
# it and 2 GiB above, and keeps 2 of all that in memory (scripts/machine.sh).
boot_memory 6144
# The firmware fills what cafevisor.efi frees in the end, byte by byte: minutes for so much.
boot_until has_result

disk_random high.img 65536
scenario memory-of-3584-mib-around-the-hole guest=svirtb_memory disk=high.img \
	args='memory=3584M timeout=120 cmdline=memory=3584'
check_memory_of_3584_mib_around_the_hole() {
	expect_status 0
	expect_log 'map: 0x0-0xa0000 type 1'
	expect_log 'map: 0xa0000-0x100000 type 2'
	expect_log 'map: 0x100000-0xc0000000 type 1'
	expect_log 'map: 0x100000000-0x120000000 type 1'
	expect_log '17 checks, 0 failures'
	expect_log 'boundaries: 2 checks, 0 failures'
	expect_changed_sectors 1
}
