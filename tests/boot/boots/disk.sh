# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The disk's file on the boot volume: exactly what the guest wrote changes, and nothing where it
# must not. The guest fills each sector N with lines 'sector N'.

# expect_pattern FILE 'SECTOR,BYTES...': the file is what it was before, but for these.
expect_pattern() {
	local file=$1 wanted=$WORK/wanted.img part sector

	cp -- "$BEFORE/$file" "$wanted"
	for part in $2; do
		sector=${part%,*}
		for ((left = ${part#*,}; left > 0; left -= 512, sector++)); do
			yes "sector $sector" | head -c $((left < 512 ? left : 512)) |
				dd of="$wanted" bs=512 seek="$sector" conv=notrunc status=none
		done
	done
	[ -z "${3:-}" ] || truncate -s "$3" -- "$wanted"
	cmp -s -- "$wanted" "$AFTER/$file" ||
		refuse "$file differs: $(cmp -- "$wanted" "$AFTER/$file" 2>&1 | head -n 1)"
}

# pattern_scenario NAME SIZE 'WORDS FOR THE GUEST' [OPTION...]: its disk is NAME.img, random bytes.
pattern_scenario() {
	local name=$1 size=$2 words=$3

	shift 3
	disk_random "$name.img" "$size"
	scenario "$name" guest=svirtb_patterns disk="$name.img" \
		args="memory=8M timeout=20 $* cmdline=\"$words\""
}

pattern_scenario exactly-the-written-sectors $((3 * 1024 * 1024)) \
	'size=3145728 write=0,1 write=7,3 batch=100,5 batch=4000,256 bytes=5000,77 write=6143,1'
check_exactly_the_written_sectors() {
	expect_status 0
	expect_pattern exactly-the-written-sectors.img \
		'0,512 7,1536 100,2560 4000,131072 5000,77 6143,512'
	expect_changed_sectors "0 7 8 9 100 101 102 103 104 $(seq -s ' ' 4000 4255) 5000 6143"
	# Grains of 4 KiB: 0 and 1, 12 and 13, 500 to 531, 625, 767.
	expect_result bytes_written_back $(((2 + 2 + 32 + 1 + 1) * 4096))
	expect_log 'reading \exactly-the-written-sectors.img:  33 %'
	expect_log 'reading \exactly-the-written-sectors.img: 100 %'
}

pattern_scenario write-back-in-mid-run 65536 \
	'write=3,1 sync write=9,1 sync sync write=3,1'
check_write_back_in_mid_run() {
	expect_status 0
	expect_pattern write-back-in-mid-run.img '3,512 9,512'
	expect_log_count 3 '4096 bytes written back to \write-back-in-mid-run.img'
	expect_result bytes_written_back 12288
	expect_result give_backs 4
}

pattern_scenario read-only-disk-is-untouched 65536 \
	'size=65536 refused=0,512 refused=127,1 sync' disk.mode=ro
check_read_only_disk_is_untouched() {
	expect_status 0
	expect_log 'write of 512 bytes at sector 0 to a read-only disk; status set to RESET'
	expect_result bytes_written_back 0
	expect_disk_unchanged
}

pattern_scenario snapshot-is-forgotten 65536 \
	'write=0,128 sync write=127,1' disk.mode=snapshot
check_snapshot_is_forgotten() {
	expect_status 0
	expect_result bytes_written_back 0
	expect_disk_unchanged
}

pattern_scenario entry-size-32 65536 \
	'entry-size=32 size=65536 batch=10,100 write=127,1' svirtb.entry-size=32
check_entry_size_32() {
	expect_status 0
	expect_pattern entry-size-32.img '10,51200 127,512'
}

# Two sectors and a half: the last one can be filled up, and the image then is a whole sector longer.
pattern_scenario write-fills-last-sector-up 1300 \
	'size=1300 refused=2,513 refused=3,1 write=2,1 size=1536 refused=3,1'
check_write_fills_last_sector_up() {
	expect_status 0
	expect_disk_size 1536
	expect_result disk_size 1536
	expect_pattern write-fills-last-sector-up.img '2,512'
}

pattern_scenario short-write-grows-to-whole-sector 1300 \
	'bytes=2,276 size=1300 bytes=2,277 size=1536'
check_short_write_grows_to_whole_sector() {
	expect_status 0
	expect_disk_size 1536
	expect_pattern short-write-grows-to-whole-sector.img '2,277' 1536
}

pattern_scenario write-inside-last-sector-keeps-size 1300 \
	'bytes=2,276 size=1300'
check_write_inside_last_sector_keeps_size() {
	expect_status 0
	expect_disk_size 1300
	expect_pattern write-inside-last-sector-keeps-size.img '2,276'
}

pattern_scenario disk-of-one-byte 1 \
	'size=1 refused=1,1 refused=0,513 bytes=0,1 size=1 bytes=0,2 size=512'
check_disk_of_one_byte() {
	expect_status 0
	expect_disk_size 512
	expect_pattern disk-of-one-byte.img '0,2' 512
}

# The demo finds out by itself, and says so.
disk_random odd.img 5000
scenario demo-on-odd-disk guest=demo disk=odd.img args='memory=8M timeout=20'
check_demo_on_odd_disk() {
	expect_status 0
	expect_log "disk: 5000 bytes, SHA-256 $(sha_before odd.img)"
	expect_log 'the disk has grown from 5000 to 5120 bytes'
	expect_disk_size 5120
	expect_disk_text $((9 * 512)) 'Cafevisor demo run 1'
}

scenario demo-on-read-only-disk guest=demo args='memory=8M timeout=20 disk.mode=ro'
check_demo_on_read_only_disk() {
	expect_status 2
	expect_log 'is the disk write-protected (disk.mode=ro)?'
	expect_disk_unchanged
}
