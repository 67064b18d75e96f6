# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The demo, twice in one start, under KVM with nested VT-x.
boot_engine nested
boot_limit 600
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
