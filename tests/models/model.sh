# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The demo on one of Bochs's processor models. The files in boots/, each named for a model, source
# this and say what that model is to do:
#   model_runs yes|no     runs the demo; it has EPT pages of 1 GiB or not
#   model_lacks ROW       gets the preflight table, in which ROW is needed and missing

model_describe() {
	boot_model "$BOOT_NAME"
	disk_random model.img 100000
	scenario "$BOOT_NAME-check" bare=yes args=check check=check_table
	scenario "$BOOT_NAME-demo" guest=demo disk=model.img args='timeout=60' check=check_demo
}

model_runs() {
	MODEL_1G_PAGES=$1 MODEL_LACKS=''
	model_describe
}

model_lacks() {
	MODEL_LACKS=$1
	model_describe
}

# expect_row NAME needed|wanted yes|no
expect_row() {
	expect_log_line "\\[preflight\\] $1 +$2 $3.*"
}

check_table() {
	if [ -n "$MODEL_LACKS" ]; then
		expect_status 105
		expect_row "$MODEL_LACKS" needed no
		expect_efi_statuses 3
	else
		expect_status 0
		expect_row 'EPT 1 GiB pages' wanted "$MODEL_1G_PAGES"
		expect_efi_statuses 0
	fi
	expect_row 'HLT exiting' needed yes
}

check_demo() {
	if [ -n "$MODEL_LACKS" ]; then
		expect_status 105
		expect_reason "is needed and missing"
		expect_row "$MODEL_LACKS" needed no
		expect_disk_unchanged
		expect_efi_statuses 3
	else
		expect_status 0
		expect_log "SHA-256 $(sha_before model.img)"
		expect_changed_sectors 195
		expect_efi_statuses 0
	fi
	expect_machine_ended
}
