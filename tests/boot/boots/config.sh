# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Configuration: what is said about each mistake, that no guest starts then, and that the disk stays
# as it was; the configurations that are right; and what is said about a machine that is not.

# expect_refused TEXT: status 105 for this reason, before anything was started.
expect_refused() {
	expect_status 105
	expect_reason "$1"
	expect_log "$1"
	expect_no_log 'starting the guest'
	expect_result give_backs 0
	expect_result bytes_written_back 0
	expect_efi_statuses 3
	[ ! -f "$BEFORE/$(scenario_disk "$SCENARIO")" ] || expect_disk_unchanged
}

scenario config-unknown-key-in-file guest=demo \
	conf=$'# a comment\n\ntimeout = 20\n  colour = red # nonsense\n'
check_config_unknown_key_in_file() {
	expect_refused 'cafevisor.conf:4: colour = red: unknown key; there are guest, initrd, cmdline, memory'
}

scenario config-unknown-key-in-options guest=demo args='timeout=20 colour=red'
check_config_unknown_key_in_options() {
	expect_refused 'load options: colour = red: unknown key; there are guest, initrd, cmdline, memory'
}

scenario config-key-twice-in-file guest=demo conf=$'timeout = 20\r\nmemory = 8M\r\ntimeout = 30\r\n'
check_config_key_twice_in_file() {
	expect_refused 'cafevisor.conf:3: timeout = 30: line 1 gives this key already; give it once'
}

scenario config-line-without-value guest=demo conf=$'timeout = 20\nmemory 8M\n'
check_config_line_without_value() {
	expect_refused 'cafevisor.conf:2: memory 8M: not a line of the form key = value'
}

scenario config-word-without-value guest=demo args='faster'
check_config_word_without_value() {
	expect_refused "load options: 'faster': neither key=value nor the word check"
}

scenario config-bad-memory guest=demo conf=$'memory = plenty\n'
check_config_bad_memory() {
	expect_refused 'cafevisor.conf:1: memory = plenty: not a size (like 64M)'
}

scenario config-memory-out-of-range guest=demo args='memory=2000G'
check_config_memory_out_of_range() {
	expect_refused 'load options: memory = 2000G: must be from 1M to 1024G'
}

scenario config-bad-disk-mode guest=demo args='disk.mode=rx'
check_config_bad_disk_mode() {
	expect_refused 'load options: disk.mode = rx: must be rw, ro or snapshot'
}

scenario config-bad-entry-size guest=demo args='svirtb.entry-size=30'
check_config_bad_entry_size() {
	expect_refused 'load options: svirtb.entry-size = 30: must be 28 (packed, as specified) or 32'
}

scenario config-bad-timeout guest=demo args='timeout=-1'
check_config_bad_timeout() {
	expect_refused 'load options: timeout = -1: must be a number of seconds from 0 (none)'
}

scenario config-bad-log-level guest=demo args='log=loud'
check_config_bad_log_level() {
	expect_refused 'load options: log = loud: must be error, warn, info, debug or trace'
}

scenario config-missing-guest args='guest=\nowhere\guest.elf'
check_config_missing_guest() {
	expect_refused 'guest = \nowhere\guest.elf: '
	expect_reason 'not found'
}

scenario config-missing-disk guest=demo args='disk=gone.img'
check_config_missing_disk() {
	expect_refused 'disk = \gone.img: '
	expect_log 'cannot open \gone.img: not found'
}

# A name as long as this leaves room for what is wrong with it.
LONG_NAME=$(printf 'deep%.0s' {1..50})
scenario config-long-guest-name args="guest=$LONG_NAME"
check_config_long_guest_name() {
	expect_refused "guest = \\$LONG_NAME: not found"
}

scenario config-long-disk-name guest=demo args="disk=$LONG_NAME"
check_config_long_disk_name() {
	expect_refused "disk = \\$LONG_NAME: cannot open \\$LONG_NAME: not found"
}

disk_zero empty.img 0
scenario config-empty-disk guest=demo disk=empty.img
check_config_empty_disk() {
	expect_refused 'disk = \empty.img: '
	expect_log 'empty disk image \empty.img'
}

put_text empty.elf ''
scenario config-empty-guest args='guest=empty.elf'
check_config_empty_guest() {
	expect_refused 'guest = \empty.elf: neither an ELF file nor a Linux kernel'
}

put_text text.elf 'This is no program.'
scenario config-guest-is-no-elf args='guest=text.elf'
check_config_guest_is_no_elf() {
	expect_refused 'guest = \text.elf: neither an ELF file nor a Linux kernel'
}

# The demo, its note's owner made another one; and the demo, cut off.
make_broken_guests() {
	local at

	put note.elf "$BUILD/guests/demo.elf"
	at=$(LC_ALL=C grep -obUaP 'Xen\x00' "$BEFORE/note.elf" | head -n 1 | cut -d : -f 1)
	printf 'Xem' | dd of="$BEFORE/note.elf" bs=1 seek="$at" conv=notrunc status=none
	head -c 10000 "$BUILD/guests/demo.elf" >"$BEFORE/cut.elf"
}
[ -n "${DESCRIBE_ONLY:-}" ] || make_broken_guests

scenario config-guest-without-pvh-note args='guest=note.elf'
check_config_guest_without_pvh_note() {
	expect_refused 'guest = \note.elf: no PVH note (XEN_ELFNOTE_PHYS32_ENTRY)'
}

scenario config-guest-cut-off args='guest=cut.elf'
check_config_guest_cut_off() {
	expect_refused 'guest = \cut.elf: segment '
	expect_reason "beyond the file's 10000 bytes"
}

scenario config-guest-too-large-for-memory guest=demo args='memory=1M'
check_config_guest_too_large_for_memory() {
	expect_refused 'guest = \demo.elf: segment '
	expect_reason 'does not fit in guest memory of 1 MiB'
}

scenario config-more-memory-than-there-is guest=demo args='memory=1G'
check_config_more_memory_than_there_is() {
	expect_refused 'memory = 1024M: the firmware has not that much free'
}

# After all these refusals: defaults only, which name \guest.elf and \disk.img.
put guest.elf "$BUILD/guests/demo.elf"
disk_random disk.img 8192
scenario config-defaults bare=yes
check_config_defaults() {
	expect_status 0
	expect_log '[config] guest = \guest.elf'
	expect_log '[config] memory = 64M'
	expect_log '[config] disk.mode = rw'
	expect_log "SHA-256 $(sha_before disk.img)"
	expect_changed_sectors 15 disk.img
	expect_efi_statuses 0
}

scenario config-file-alone bare=yes conf='# every key, and both kinds of quotes
guest = /demo.elf   # a slash is as good
cmdline = "one  two # three"
memory=8192K
disk = config-options-override-file.img
disk.mode = snapshot
svirtb.entry-size = 28
timeout = 20
pause = no
log = debug'
check_config_file_alone() {
	expect_status 0
	expect_log '[config] guest = \demo.elf'
	expect_log '[config] cmdline = "one  two # three"'
	expect_log '[config] memory = 8M'
	expect_log '[config] disk.mode = snapshot'
	expect_log '[config] pause = no'
	expect_log '[config] log = debug'
	expect_result bytes_written_back 0
}

scenario config-options-override-file guest=demo \
	conf=$'guest = nowhere.elf\ndisk = nowhere.img\ndisk.mode = rw\ntimeout = 1\n' \
	args='memory=8M timeout=30 disk.mode=ro timeout=20'
check_config_options_override_file() {
	expect_status 2
	expect_log '[config] timeout = 20'
	expect_log '[config] disk.mode = ro'
	expect_disk_unchanged
}

scenario check-prints-the-table bare=yes args=check
check_check_prints_the_table() {
	expect_status 0
	expect_log_line '\[preflight\] VT-x \(CPUID.1:ECX.VMX\) +needed yes.*'
	expect_log_line '\[preflight\] VMX outside SMX \(IA32_FEATURE_CONTROL\) +needed yes.*'
	expect_log_line '\[preflight\] unrestricted guest +needed yes.*'
	expect_log_line '\[preflight\] EPT page-walk length 4 +needed yes.*'
	expect_no_log 'starting the guest'
	expect_efi_statuses 0
}

# A machine that is not as it must be. The local APIC last: its timer, by which the firmware ticks,
# stays off.
put state.efi "$BUILD/efi/state.efi"
scenario preflight-vmx-in-use program=state.efi args=vmxe \
	after='copy \state.result \preflight-vmx-in-use.state'
check_preflight_vmx_in_use() {
	expect_status 105
	expect_reason 'preflight: VMX not in use already (CR4.VMXE) is needed and missing: start '
	grep -aq '^differences=0' "$AFTER/$SCENARIO.state" || refuse 'the state has changed'
}

scenario preflight-no-local-apic program=state.efi args=noapic
check_preflight_no_local_apic() {
	expect_status 105
	expect_reason 'preflight: local APIC on (IA32_APIC_BASE.EN) is needed and missing: '
	expect_log_line '\[preflight\] local APIC on .* needed no .*switch it on.*'
}
