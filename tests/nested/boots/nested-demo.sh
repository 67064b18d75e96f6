# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Under KVM with nested VT-x, all in one start: the demo twice, what an exit costs, single steps, the
# virtio disk by both rings and by interrupt, interrupts.
boot_engine nested
boot_limit 900
disk_random nested.img 8192

scenario nested-demo guest=demo disk=nested.img args='timeout=60' after='copy \nested.img \first.img'
check_nested_demo() {
	expect_status 0
	expect_log "SHA-256 $(sha_before nested.img)"
	expect_log 'wrote "Cafevisor demo run 1" to sector 15'
	expect_result bytes_written_back 4096
	expect_efi_statuses 0
}

scenario nested-demo-again guest=demo disk=nested.img args='timeout=60'
check_nested_demo_again() {
	expect_status 0
	expect_log "SHA-256 $(sha_after first.img)"
	expect_log 'found "Cafevisor demo run 1"'
	expect_changed_sectors 15
	expect_disk_text $((15 * 512)) 'Cafevisor demo run 2'
	expect_efi_statuses 0
}

# What KVM's part of an exit costs is beyond us, 12,900 or so; the rest is ours, and each VMREAD or
# VMWRITE of a field that KVM does not shadow would cost as much again.
disk_zero bench.img 16384
scenario nested-register-write-budget guest=bench disk=bench.img args='timeout=120'
check_nested_register_write_budget() {
	local cost

	expect_status 0
	cost=$(tr -d '\0' <"$AFTER/bench.img" | sed -n 's/^register write,0,0,//p')
	echo "     (a register write takes $cost instructions under nested KVM)"
	((${cost:-0} > 0 && cost <= 14500)) || refuse "a register write takes '$cost', not at most 14500"
}

# KVM keeps the pending single steps and the blocking of events by other rules than Bochs.
scenario nested-events guest=events args='timeout=120 cmdline="stepping shadow"'
check_nested_events() {
	expect_status 0
	expect_log 'checks, 0 failures'
}

# Snapshots: what the guests write need not come back over Linux's serial port.
disk_zero matrix.img 1114112
scenario nested-virtio-matrix guest=virtio_matrix disk=matrix.img \
	args='memory=32M timeout=300 disk.mode=snapshot cmdline="strict=1 mib=1 event-idx interrupt"'
check_nested_virtio_matrix() {
	expect_status 0
	expect_log_count 4 ': 1048576 bytes, SHA-256 '
	expect_no_log SKIP
}

scenario nested-interrupts guest=interrupts args="memory=32M timeout=300 disk.mode=snapshot \
cmdline=\"strict=1 ipi priority window timer deadline lines storm\""
check_nested_interrupts() {
	expect_status 0
	expect_log 'checks, 0 failures'
	expect_no_log skipped
}
