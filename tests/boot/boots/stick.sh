# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The image for a USB stick, as 'make image' makes it: the firmware's boot manager finds it and starts
# cafevisor.efi by itself, with the cafevisor.conf that stands on it, and has its machine back when
# the demo has ended: it shows its menu.
boot_image "$BUILD/cafevisor.img"
boot_until shows 'Boot Manager'
# shellcheck disable=SC2154 # top is run.sh's
[ -n "${DESCRIBE_ONLY:-}" ] ||
	env -u MAKEFLAGS make -s -C "$top" BUILD="$(realpath --relative-to="$top" "$BUILD")" image

scenario stick-starts-by-itself bare=yes
check_stick_starts_by_itself() {
	local last line

	last=$(($(stat -c %s "$BEFORE/disk.img") / 512 - 1))
	# The stick's disk is a copy of make run's, on which the demo may have been before.
	line=$(tail -c 512 "$BEFORE/disk.img" | grep -aom 1 '^Cafevisor demo run [0-9]*' || :)
	line="Cafevisor demo run $((${line##* } + 1))"
	expect_machine_ended
	expect_serial 'Boot Manager'
	expect_status 0
	expect_reason 'guest wrote 0x0 to port 0xf4 (exit port)'
	expect_log '[config] guest = \guest.elf'
	expect_log "SHA-256 $(sha_before disk.img)"
	expect_log "wrote \"$line\" to sector $last"
	expect_result bytes_written_back 4096
	expect_changed_sectors "$last" disk.img
	expect_disk_text $((last * 512)) "$line" disk.img
}
