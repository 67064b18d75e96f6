# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The virtio disk on a whole machine: the demo guest on it, both devices over one disk, its modes, and
# when writes are durable; and interrupts, the disk's among them. What a write-back leaves in the
# middle of a run when the machine dies is in virtio_power_cut.sh.

# The same disk for both: the second reads what the first has left.
disk_random demo.img 65536
scenario demo-on-virtio guest=demo disk=demo.img \
	args='memory=8M timeout=20 disk.device=virtio' after='copy \demo.img \first.img'
check_demo_on_virtio() {
	expect_status 0
	expect_log 'no svirtb device was found at 0xcafe0000'
	expect_log 'device: virtio-blk at 0xcafe1000, packed ring of 256 entries, indirect, EVENT_IDX'
	expect_log "disk: 65536 bytes, SHA-256 $(sha_before demo.img)"
	expect_log 'wrote "Cafevisor demo run 1" to sector 127'
	cp "$AFTER/first.img" "$AFTER/$SCENARIO.img"
	cp "$BEFORE/demo.img" "$BEFORE/$SCENARIO.img"
	expect_changed_sectors 127 "$SCENARIO.img"
}

scenario demo-on-svirtb guest=demo disk=demo.img args='memory=8M timeout=20 disk.device=svirtb'
check_demo_on_svirtb() {
	expect_status 0
	expect_log 'device: svirtb at 0xcafe0000'
	expect_log "disk: 65536 bytes, SHA-256 $(sha_after first.img)"
	expect_log 'last sector (127): found "Cafevisor demo run 1"'
	expect_disk_text $((127 * 512)) 'Cafevisor demo run 2'
	expect_changed_sectors 127
}

# stamps_scenario NAME 'WORDS FOR THE GUEST' [OPTION...]: its disk is NAME.img, random bytes.
stamps_scenario() {
	local name=$1 words=$2

	shift 2
	disk_random "$name.img" 65536
	scenario "$name" guest=virtio_stamps disk="$name.img" \
		args="memory=8M timeout=60 $* cmdline=\"$words\""
}

# expect_stamps FIRST COUNT GENERATION: what these sectors are in the file.
expect_stamps() {
	local why

	why=$("$BUILD/boot/stamps" sectors "$AFTER/$(scenario_disk "$SCENARIO")" "$@") ||
		refuse "stamps: ${why//$'\n'/; }"
}

# expect_write_backs N: so many were asked for in mid-run; at the end there is one more give-back.
expect_write_backs() {
	expect_status 0
	expect_result give_backs $(($1 + 1))
}

stamps_scenario only-virtio 'no-svirtb write-back write=0,16,1 read=0,16,1' disk.device=virtio
check_only_virtio() {
	expect_write_backs 0
	expect_changed_sectors "$(seq -s ' ' 0 15)"
	expect_stamps 0 16 1
}

stamps_scenario only-svirtb 'no-virtio svirtb-write=0,16,1 read=0,16,1' disk.device=svirtb
check_only_svirtb() {
	expect_write_backs 0
	expect_changed_sectors "$(seq -s ' ' 0 15)"
	expect_stamps 0 16 1
}

stamps_scenario each-device-sees-the-other \
	"svirtb-write=0,32,1 read=0,32,1 write-back write=16,32,2 read=0,16,1 read=16,32,2 \
svirtb-write=24,8,3 read=24,8,3 write=24,1,4 read=24,1,4 read=25,7,3" disk.device=both
check_each_device_sees_the_other() {
	expect_write_backs 0
	expect_changed_sectors "$(seq -s ' ' 0 47)"
	expect_stamps 0 16 1
	expect_stamps 16 8 2
	expect_stamps 24 1 4
	expect_stamps 25 7 3
	expect_stamps 32 16 2
}

# A read-only disk has nothing to flush, and FLUSH succeeds.
stamps_scenario virtio-read-only 'read-only=0,8 read-only=127,1 flush' disk.mode=ro
check_virtio_read_only() {
	expect_write_backs 0
	expect_result bytes_written_back 0
	expect_disk_unchanged
}

# Nothing is written back: every FLUSH and every durable write is over at once.
stamps_scenario virtio-snapshot \
	"write=0,16,1 flush read=0,16,1 write-through write=8,16,2 no-cache write=16,16,3 \
read=0,8,1 read=8,8,2 read=16,16,3" disk.mode=snapshot
check_virtio_snapshot() {
	expect_write_backs 0
	expect_result bytes_written_back 0
	expect_disk_unchanged
}

stamps_scenario flush-writes-back 'write=0,8,1 flush flush write=8,8,1 svirtb-write=16,8,1 flush'
check_flush_writes_back() {
	expect_write_backs 2
	expect_result bytes_written_back 12288
	expect_stamps 0 24 1
	expect_log_order 'did write=0,8,1' '4096 bytes written back' 'did flush' 'did flush' \
		'did svirtb-write=16,8,1' '8192 bytes written back' 'did flush' 'guest ended'
}

stamps_scenario write-back-without-flush 'write-back write=0,8,1 write=8,8,1'
check_write_back_without_flush() {
	expect_write_backs 0
	expect_stamps 0 16 1
	expect_log_order 'did write=8,8,1' 'guest ended' '8192 bytes written back'
}

# Each notification's writes are made durable by one write-back before they complete.
expect_durable_writes() {
	expect_write_backs 2
	expect_result bytes_written_back 8192
	expect_stamps 0 16 1
	expect_log_order "did $1" '4096 bytes written back' 'did write=0,8,1' \
		'4096 bytes written back' 'did write=8,8,1' 'guest ended'
}

stamps_scenario writeback-off-is-durable 'write-through write=0,8,1 write=8,8,1'
check_writeback_off_is_durable() {
	expect_durable_writes write-through
}

stamps_scenario no-flush-negotiated-is-durable 'no-cache write=0,8,1 write=8,8,1'
check_no_flush_negotiated_is_durable() {
	expect_durable_writes no-cache
}

# The documented deviation: such writes are durable at the end of the run, or after a FLUSH.
stamps_scenario sync-at-exit \
	'write-through write=0,8,1 no-cache write=8,8,1 write-back flush write-through write=16,8,1' \
	disk.sync=exit
check_sync_at_exit() {
	expect_write_backs 1
	expect_stamps 0 24 1
	expect_log_order 'did write=0,8,1' 'did write=8,8,1' '8192 bytes written back' 'did flush' \
		'did write=16,8,1' 'guest ended' '4096 bytes written back'
}

scenario interrupts guest=interrupts args='memory=32M timeout=60 cmdline="strict=1"'
check_interrupts() {
	expect_status 0
	expect_log_line 'storm: [0-9]+ checks, 0 failures, .*'
	expect_log_line 'x2apic: [0-9]+ checks, 0 failures, .*'
	expect_no_log skipped
}
