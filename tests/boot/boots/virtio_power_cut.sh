# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2153 # WORK, BEFORE, BUILD, SCENARIO and MACHINE_PID are run.sh's
# Power cuts: a guest writes generations of stamps, with and without FLUSH, and the machine dies at
# random moments: each sector then holds what was stable, or what was written later; no other file has
# changed, and the FAT is sound. Bochs writes a flat image with one write(2) a sector and keeps nothing
# back, and its COM1 is flushed with each byte: what the two files hold while Bochs stands still is
# what they hold after a kill. So it is stopped, the files are copied, and it goes on; the last time
# it is killed. POWER_CUT_SEED in the environment repeats the guest's choice of sectors, and the
# moments so far as the host's speed is the same.
readonly POWER_CUTS=20 POWER_CUT_BYTES=98304
power_cut_seed=${POWER_CUT_SEED:-$RANDOM}
power_cut=-1
RANDOM=$power_cut_seed

# Until all of Bochs's threads stand still: one may be in the middle of a write.
freeze_machine() {
	kill -STOP "$MACHINE_PID"
	while cat "/proc/$MACHINE_PID"/task/*/stat | grep -qv ') [tT] '; do
		sleep 0.01
	done
}

keep_cut() {
	cp --sparse=always -- "$WORK/boot.img" "$WORK/cut-$1.img"
	cp -- "$WORK/com1.txt" "$WORK/cut-$1.txt"
}

# For boot_until. Cut 0 is no cut: the volume as it is when all of the guest's disk is in use.
cut_power() {
	shows 'stable 160 32 1' || return 1
	power_cut=$((power_cut + 1))
	((power_cut == 0)) || sleep "0.$(printf '%03d' $((RANDOM % 1000)))"
	if ((power_cut < POWER_CUTS)); then
		freeze_machine
		keep_cut $power_cut
		kill -CONT "$MACHINE_PID"
		return 1
	fi
	kill -KILL "$MACHINE_PID"
	wait "$MACHINE_PID" 2>/dev/null
	keep_cut $power_cut
}
boot_until cut_power

disk_zero stamps.img "$POWER_CUT_BYTES"
scenario power-cut guest=virtio_stamps disk=stamps.img program=cafevisor.efi \
	args="guest=virtio_stamps.elf disk=stamps.img memory=8M cmdline=\"loop=0,$power_cut_seed\""

# What fsck.vfat says beyond that the volume was not unmounted.
fat_mistakes() {
	fsck.vfat -n "$1" 2>&1 | grep -vE \
		'^fsck.fat |^$|^0x[0-9a-f]+: Dirty bit is set|^ Automatically removing dirty bit|files, .* clusters$|^Leaving filesystem unchanged'
}

# The files of a copy, but for the disk: those of cut 0.
other_files_differ() {
	rm -rf -- "$WORK/files"
	mkdir "$WORK/files"
	mcopy -n -s -i "$1" '::/*' "$WORK/files/" || return
	mv -- "$WORK/files/stamps.img" "$WORK/stamps.img"
	diff -r -- "$WORK/files-0" "$WORK/files"
}

check_cut() {
	local cut=$WORK/cut-$1 mistakes

	mistakes=$(other_files_differ "$cut.img" 2>&1) || refuse "cut $1: other files: $mistakes"
	[ "$(stat -c %s "$WORK/stamps.img")" = "$POWER_CUT_BYTES" ] || refuse "cut $1: disk's size"
	mistakes=$("$BUILD/boot/stamps" cut "$WORK/stamps.img" "$cut.txt" 2>>"$WORK/cuts.txt") ||
		refuse "cut $1: ${mistakes//$'\n'/; }"
	mistakes=$(fat_mistakes "$cut.img")
	[ -z "$mistakes" ] || refuse "cut $1: fsck.vfat: ${mistakes//$'\n'/; }"
}

check_power_cut() {
	local cut

	((power_cut == POWER_CUTS)) || refuse "$power_cut cuts; $(last_words)"
	mkdir "$WORK/files-0"
	mcopy -n -s -i "$WORK/cut-0.img" '::/*' "$WORK/files-0/"
	rm -- "$WORK/files-0/stamps.img"
	for ((cut = 1; cut <= power_cut; cut++)); do
		check_cut $cut
	done
	for cut in cafevisor.efi virtio_stamps.elf start.txt; do
		cmp -s -- "$BEFORE/$cut" "$WORK/files/$cut" || refuse "$cut has changed"
	done
	echo "     (seed $power_cut_seed: $(grep -c ' [1-9][0-9]* sectors' "$WORK/cuts.txt") of" \
		"$POWER_CUTS cuts found something newer than what was stable)"
}
