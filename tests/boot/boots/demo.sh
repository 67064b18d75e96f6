# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The demo guest, twice in one startup.nsh of the UEFI shell, on a disk of random bytes.
boot_via shell
disk_random random.img $((5 * 1024 * 1024))

scenario demo-sha256-of-random-disk guest=demo disk=random.img \
	args='timeout=60' after='copy \random.img \first.img'
check_demo_sha256_of_random_disk() {
	expect_status 0
	expect_log "SHA-256 $(sha_before random.img)"
	expect_log 'wrote "Cafevisor demo run 1" to sector 10239'
	expect_result bytes_written_back 4096
	expect_efi_statuses 0
	cp "$AFTER/first.img" "$AFTER/random.img"
	expect_changed_sectors 10239
	expect_disk_text $((10239 * 512)) 'Cafevisor demo run 1'
}

scenario demo-second-run-finds-line guest=demo disk=random.img args='timeout=60'
check_demo_second_run_finds_line() {
	expect_status 0
	expect_log "SHA-256 $(sha_after first.img)"
	expect_log 'Cafevisor demo run 1'
	expect_log 'wrote "Cafevisor demo run 2" to sector 10239'
	expect_efi_statuses 0
}
