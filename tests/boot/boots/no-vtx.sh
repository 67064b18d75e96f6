# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# A machine without VT-x (QEMU's TCG): the message that says so, and a clean way back.
boot_engine tcg

scenario no-vtx-is-said guest=demo
check_no_vtx_is_said() {
	expect_status 105
	expect_result vtx no
	expect_reason 'preflight: '
	expect_log 'VT-x'
	expect_disk_unchanged
	expect_efi_statuses 3
}

scenario no-vtx-check-prints-table bare=yes args=check
check_no_vtx_check_prints_table() {
	expect_status 105
	expect_log 'unrestricted guest'
	expect_efi_statuses 3
}
