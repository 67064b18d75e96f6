# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The device on a whole machine: the hostile guest, batches through rings of all sizes, both entry
# sizes. Each guest checks what it can see itself; here is checked what the disk's file has then.

EMPTY_DISK_SIZE=65536

# A disk of random bytes for each, so that whatever is written to it shows.
hostile_scenario() {
	local name=$1 groups=$2

	shift 2
	disk_random "$name.img" "$EMPTY_DISK_SIZE"
	scenario "$name" guest=svirtb_hostile disk="$name.img" \
		args="memory=8M timeout=60 cmdline=\"$groups\" $*"
}

hostile_scenario hostile-registers registers
check_hostile_registers() {
	expect_status 0
	expect_log 'status 0x74726976 (MAGIC) written in state'
	expect_log 'status 0x3 (unknown) written in state'
	expect_log 'written in state READY, not DRIVER_OK; ignored'
	expect_log 'queue_head 8 written, the ring has the entries 0..7; status set to RESET'
	expect_log 'queue_head 1 written in state RESET, not READY; ignored'
	expect_log 'queue_tail 5 written; only the device moves it; ignored'
	expect_changed_sectors '0 1 2 3'
}

hostile_scenario hostile-accesses accesses
check_hostile_accesses() {
	expect_status 0
	expect_log 'read of 1 bytes at 0xcafe0000+0x0 is no aligned 32-bit access; reads all ones'
	expect_log 'where there is no register; ignored'
	expect_changed_sectors '0 1 2 3'
}

hostile_scenario hostile-rings rings
check_hostile_rings() {
	expect_status 0
	expect_log 'READY: queue_size is 0, not 1..32768; status set to RESET'
	expect_log 'READY: queue_size is 32769, not 1..32768; status set to RESET'
	expect_log 'READY: ring 0x800000+224 (8 entries of 28 bytes) is outside guest memory'
	expect_changed_sectors '0 1 2 3'
}

hostile_scenario hostile-entries entries
check_hostile_entries() {
	expect_status 0
	expect_log 'entry 0: cmd 0x2 is neither 0 (read) nor 1 (write); status set to RESET'
	expect_log 'entry 1: cmd 0x2 is neither 0 (read) nor 1 (write); status set to RESET'
	expect_log 'entry 0: buffer 0x7ffe01+512 is outside guest memory; status set to RESET'
	expect_log 'entry 0: sector 0x80000000000000 with size 0x200 wraps around'
	expect_log 'entry 0: write of 513 bytes at sector 127 passes the end of the disk (128 sect'
	expect_changed_sectors '0 1 2 3 5 6 7 9 10 127'
}

hostile_scenario hostile-overlaps overlaps
check_hostile_overlaps() {
	expect_status 0
	expect_changed_sectors '0 1 2 3 9 14'
}

hostile_scenario hostile-read-only-disk 'read-only' disk.mode=ro
check_hostile_read_only_disk() {
	expect_status 0
	expect_log 'entry 1: write of 512 bytes at sector 0 to a read-only disk; status set to RES'
	expect_result bytes_written_back 0
	expect_disk_unchanged
}

hostile_scenario hostile-entry-size-32 \
	'entry-size=32 registers accesses rings entries overlaps' svirtb.entry-size=32
check_hostile_entry_size_32() {
	expect_status 0
	expect_log 'READY: ring 0x800000+256 (8 entries of 32 bytes) is outside guest memory'
	expect_changed_sectors '0 1 2 3 5 6 7 9 10 14 127'
}

hostile_scenario hostile-garbage 'garbage seed=1'
check_hostile_garbage() {
	expect_status 0
	expect_log '(number 64 of its kind) '
}

hostile_scenario hostile-garbage-entry-size-32 'garbage entry-size=32 seed=2' \
	svirtb.entry-size=32
check_hostile_garbage_entry_size_32() {
	expect_status 0
}

# All sectors but the last are written.
expect_batches() {
	expect_status 0
	expect_log 'ring-32768: 3 checks, 0 failures'
	expect_changed_sectors "$(seq -s ' ' 0 126)"
}

disk_random batches.img "$EMPTY_DISK_SIZE"
scenario batches-of-1-to-size-minus-1 guest=svirtb_batches disk=batches.img \
	args='memory=8M timeout=60'
check_batches_of_1_to_size_minus_1() {
	expect_batches
}

disk_random batches32.img "$EMPTY_DISK_SIZE"
scenario batches-entry-size-32 guest=svirtb_batches disk=batches32.img \
	args='memory=8M timeout=60 svirtb.entry-size=32 cmdline=entry-size=32'
check_batches_entry_size_32() {
	expect_batches
}

disk_random memory.img "$EMPTY_DISK_SIZE"
scenario memory-of-64-mib guest=svirtb_memory disk=memory.img \
	args='memory=64M timeout=60 cmdline=memory=64'
check_memory_of_64_mib() {
	expect_status 0
	expect_log 'map: 0x0-0xa0000 type 1'
	expect_log 'map: 0xa0000-0x100000 type 2'
	expect_log 'map: 0x100000-0x4000000 type 1'
	expect_changed_sectors 1
}
