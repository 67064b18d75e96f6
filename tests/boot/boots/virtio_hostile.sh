# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# virtio-blk under a driver that does everything wrong, on a whole machine. The guest checks what a
# driver can see, against its own image of the disk; here is checked what the log tells the driver's
# author, and what the disk's file has then.

EMPTY_DISK_SIZE=65536

# expect_told TEXT...: each is on the log.
expect_told() {
	local text

	for text in "$@"; do
		expect_log "$text"
	done
}

# expect_broken TEXT...: likewise, and each has cost the driver a reset.
expect_broken() {
	local text

	for text in "$@"; do
		expect_log "$text; status set to DEVICE_NEEDS_RESET"
	done
}

disk_random virtio-hostile.img "$EMPTY_DISK_SIZE"
scenario virtio-hostile guest=virtio_hostile disk=virtio-hostile.img \
	args='memory=8M timeout=60 disk.device=virtio'
check_virtio_hostile() {
	expect_status 0
	told_of_registers
	told_of_queues
	told_of_rings
	told_of_requests
	expect_changed_sectors '0 1 2 3 6 9 12 13 14 15 127'
}

told_of_registers() {
	expect_told \
		'write of 0x0 at 0x0, where there is no register to be written; ignored' \
		'read at 0xffc, where there is no register to be read; reads 0' \
		'write of 0x0 in 1 bytes at 0x70 is no aligned 32-bit access; ignored' \
		'read of 4 bytes at 0x1 is no aligned 32-bit access; reads all ones' \
		'FEATURES_OK refused: of the driver'\''s features 0x100000001, 0x1 were not offered' \
		'0x0 and some beyond bit 63 were not offered' \
		'DriverFeatures 0xffffffff (word 1) written after FEATURES_OK; ignored' \
		'register 0x38 written with 0x8: QueueSel is 1, and there are 1 queues; ignored' \
		'QueueNotify 65536: there are 1 queues; ignored' \
		'QueueNotify while Status is 0xb and QueueReady 1; ignored' \
		'of the queue, written with 0x12345678 while QueueReady is 1; ignored' \
		'bytes at 0x46 of the configuration, which has 72; reads all ones' \
		'in 4 bytes at 0x48 of the configuration, which has 72; ignored' \
		'Status 0x4f: bits 0x40 are not the driver'\''s; ignored' \
		'InterruptACK 0xfffffffc: only the bits 0x3 exist; the others are ignored' \
		'DRIVER_OK without FEATURES_OK; features 0x100000000 are taken as they are'
}

told_of_queues() {
	expect_broken \
		'QueueReady: queue size 0 is not 1 to 1024, a power of two' \
		'QueueReady: queue size 1025 is not 1 to 1024, a power of two' \
		'QueueReady: queue size 24 is not 1 to 1024, a power of two' \
		'QueueReady: descriptor table 0x800000+512 is outside guest memory' \
		'QueueReady: available ring 0x800000+70 is outside guest memory' \
		'QueueReady: used ring 0xfffffffffffffff0+262 is outside guest memory' \
		'is not aligned to 16' 'is not aligned to 2' 'is not aligned to 4'
}

told_of_rings() {
	expect_broken \
		'descriptor 4: buffer 0x800000+512 is outside guest memory' \
		'descriptor 4: buffer 0x7ffe01+512 is outside guest memory' \
		'descriptor 4: buffer 0xcafe1000+512 is outside guest memory' \
		'descriptor 5: device-readable, but behind a device-writable one' \
		'request at head 3: 15 readable and 513 writable bytes; its header needs 16, its status 1' \
		'request at head 3: 529 readable and 0 writable bytes; its header needs 16, its status 1' \
		'request at head 3: 0 readable and 529 writable bytes; its header needs 16, its status 1' \
		'descriptor 3: length 0 of the indirect table is 0 or no multiple of 16' \
		'descriptor 3: length 47 of the indirect table is 0 or no multiple of 16' \
		'descriptor 3: indirect table 0x7fffe0+48 is outside guest memory' \
		'descriptor 3: indirect table 0xfffffffffffffff0+48 is outside guest memory' \
		': INDIRECT inside an indirect table' \
		'descriptor 3: INDIRECT together with NEXT' \
		'descriptor 3: INDIRECT, but VIRTIO_F_INDIRECT_DESC was not negotiated' \
		'descriptor 4: INDIRECT inside a chain' \
		': the chain has more descriptors than the queue has entries (32), or loops' \
		': next is 3; the table has 3 descriptors' \
		'descriptor 3: next is 32; the table has 32 descriptors' \
		'descriptor 4: next is 65535; the table has 32 descriptors' \
		'available entry 1: head 32; the table has 32 descriptors' \
		'available entry 1: head 65535; the table has 32 descriptors' \
		'available index jumps from 0 to 33; the ring has 32 entries, 0 of them in use' \
		'available index jumps from 1 to 34; the ring has 32 entries, 0 of them in use' \
		'descriptor 4: the chain goes on here, but this is not available'
}

told_of_requests() {
	expect_told \
		'(IN): 1 sectors at sector 0x80 pass the end of the disk (128 sectors); IOERR' \
		'(IN): 2 sectors at sector 0x7f pass the end of the disk (128 sectors); IOERR' \
		'(IN): 2 sectors at sector 0xffffffffffffffff wrap around, beyond the end' \
		'(OUT): 1 sectors at sector 0x80 pass the end of the disk (128 sectors); IOERR' \
		'(IN): 511 bytes of data are no multiple of 512; IOERR' \
		'(OUT): 1 bytes of data are no multiple of 512; IOERR' \
		'(IN): 512 bytes are readable that were to be writable; IOERR' \
		'(OUT): 512 bytes are writable that were to be readable; IOERR' \
		'(GET_ID): 19 bytes of data, not 20; IOERR' \
		'(unknown type): type 2 is not supported; UNSUPP' \
		'(FLUSH): its feature was not negotiated; UNSUPP' \
		'(DISCARD): 15 bytes of data are not 1 to 32 segments of 16; IOERR' \
		'(DISCARD): segment 0 has flags 0x1; only 0x0 are known; UNSUPP' \
		'(WRITE_ZEROES): segment 0 has flags 0x2; only 0x1 are known; UNSUPP'
}

disk_random virtio-hostile-read-only.img "$EMPTY_DISK_SIZE"
scenario virtio-hostile-read-only guest=virtio_hostile disk=virtio-hostile-read-only.img \
	args='memory=8M timeout=60 disk.device=virtio disk.mode=ro cmdline="rings requests"'
check_virtio_hostile_read_only() {
	expect_status 0
	expect_told '(OUT): the disk is read-only; IOERR'
	expect_result bytes_written_back 0
	expect_disk_unchanged
}

# A batch that was left in its middle is taken up at an exit that the timer, set to 0, forces.
disk_random virtio-hostile-batches.img $((1024 * 1024))
scenario virtio-hostile-batches guest=virtio_hostile disk=virtio-hostile-batches.img \
	args='memory=8M timeout=60 disk.device=virtio cmdline=batches'
check_virtio_hostile_batches() {
	local batches=16 exits

	expect_status 0
	exits=$(sed -nE 's/^\[stat\] VMX-preemption timer +([0-9]+) .*/\1/p' \
		"$AFTER/$SCENARIO.log")
	((${exits:-0} >= batches)) ||
		refuse "${exits:-0} exits by the timer for $batches batches of more than 16 MiB"
	expect_changed_sectors "$(seq -s ' ' 0 2047)"
}
