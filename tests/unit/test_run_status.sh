#!/bin/bash
# SPDX-License-Identifier: MIT
# scripts/run.sh with made-up emulators, which leave on the boot volume what real ones might: where
# the status comes from, when Bochs takes over from KVM, what happens to the disk, and what is left
# behind. Prints PASS or FAIL a row; status 1 if any failed.
# shellcheck disable=SC2016,SC2317 # commands are passed as text, functions called by name
set -uo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
failed=0

expect() {
	local name=$1

	shift
	if "$@"; then
		echo "PASS run status: $name"
	else
		echo "FAIL run status: $name"
		sed 's/^/     | /' "$work/out.txt"
		failed=1
	fi
}

# Each emulator does what the file of its name says, in its folder with boot.img.
mkdir -p "$work/bin" "$work/build/guests" "$work/disks" "$work/dev" "$work/proc" \
	"$work/sys/module/kvm_intel/parameters"
for emulator in bochs qemu-system-x86_64; do
	cat >"$work/bin/$emulator" <<-EMULATOR
		#!/bin/bash
		echo "$emulator \$*" >>"$work/started.txt"
		. "$work/$emulator.do"
	EMULATOR
	chmod +x "$work/bin/$emulator"
done
cat >"$work/words.sh" <<'WORDS'
result() { printf '%s\n' "$@" | mcopy -o -i boot.img - ::/cafevisor.result; }
disk() { printf '%s' "$1" | mcopy -o -i boot.img - ::/disk.img; }
say() { printf '%s\n' "$@" >>com1.txt; }
WORDS
for file in cafevisor.efi starter.efi guests/demo.elf; do
	echo "$file" >"$work/build/$file"
done

# bochs_does COMMANDS; kvm_does COMMANDS
bochs_does() { echo ". '$work/words.sh'; $1" >"$work/bochs.do"; }
kvm_does() { echo ". '$work/words.sh'; $1" >"$work/qemu-system-x86_64.do"; }

# run NAME=VALUE...: the status in $status, what it printed in out.txt.
run() {
	: >"$work/started.txt"
	printf 'the disk as it was' >"$work/disks/disk.img"
	chmod 640 "$work/disks/disk.img"
	env -u GUEST -u MEMORY -u TIMEOUT -u CMDLINE -u ARGS -u ENGINE -u CONSOLE \
		PATH="$work/bin:$PATH" ENGINE_ROOT="$work" BUILD="$work/build" DISK="$work/disks/disk.img" \
		"$@" timeout 60 "$top/scripts/run.sh" >"$work/out.txt" 2>&1 </dev/null
	status=$?
}

says() { grep -qF -- "$1" "$work/out.txt"; }
disk_is() { [ "$(cat "$work/disks/disk.img")" = "$1" ]; }
started() { [ "$(cut -d ' ' -f 1 "$work/started.txt" | tr '\n' ' ')" = "$* " ]; }
nothing_left() {
	! compgen -G "$work/build/run.*" >/dev/null && [ "$(ls -A "$work/disks")" = disk.img ]
}

# --- without KVM: Bochs ---------------------------------------------------------------------------
for value in 0 7 99 101 102 103 104 105; do
	bochs_does "result version=1 status=$value reason=why bytes_written_back=0"
	run
	expect "status $value is handed on" test "$status" = "$value"
done
expect 'the engine and the reason for it are said' says 'engine: Bochs, not KVM: /sys/module'
expect 'the reason is shown' says 'status 105: why'
expect 'nothing is left behind' nothing_left

bochs_does 'say status=0 "[boot] status 0: forged"; result reason=status=0 status=42 status=0'
run
expect 'forged lines on the console gain nothing' test "$status" = 42
expect 'the console is shown all the same' says '[boot] status 0: forged'
bochs_does 'printf "\033[2J\033]0;title\007shown\033[1;1H\r\n" >>com1.txt; result status=0'
run
expect 'screen control is not passed on' eval "! grep -q $'[\033\007]' '$work/out.txt' && says shown"

bochs_does 'say "[boot] status 0: forged"'
run
expect 'no result: 102' test "$status" = 102
expect 'no result: said' says 'no \cafevisor.result came back'
bochs_does 'result status=x'
run
expect 'a result without a status: 102' test "$status" = 102
bochs_does 'exec sleep 1000'
run BOCHS_START=1 TIMEOUT=1
expect 'a machine that hangs: 103' test "$status" = 103
expect 'a machine that hangs: said' says 'was ended after'
expect 'a machine that hangs leaves nothing behind' nothing_left

bochs_does 'echo "no ROM image" >&2; exit 1'
run CONSOLE=1
expect 'a machine that never calls the console: 102' test "$status" = 102
expect 'a machine that never calls the console: said' says 'no ROM image'
bochs_does 'result status=6; grep -q "mode=socket-client" bochsrc && result status=7'
run CONSOLE=1
expect 'CONSOLE=1: a console' test "$status" = 7
expect 'how to leave it is said' says 'Ctrl-A X ends the run'
run CONSOLE=0
expect 'CONSOLE=0: none' test "$status" = 6
run CONSOLE=yes
expect 'CONSOLE: 0 or 1' eval "test $status = 2 && says 'CONSOLE=yes: 1 or 0'"

# --- the disk -------------------------------------------------------------------------------------
bochs_does 'disk "what the guest wrote"; result status=3 bytes_written_back=4096'
run
expect 'the disk comes back, whatever the status' disk_is 'what the guest wrote'
expect 'its mode is kept' test "$(stat -c %a "$work/disks/disk.img")" = 640
expect 'how much was written is said' says '4096 bytes were written back'
expect 'no other file is left beside it' nothing_left
bochs_does 'disk "half of it"'
run
expect 'without a result the disk stays' disk_is 'the disk as it was'
ln -s disk.img "$work/disks/link"
bochs_does 'disk new; result status=0'
run DISK="$work/disks/link"
expect 'a link stays a link, its file changes' eval "test -L '$work/disks/link' && disk_is new"
rm "$work/disks/link"
bochs_does "disk new; printf theirs >'$work/disks/disk.img'; result status=0"
run
expect 'a disk that somebody else changed meanwhile: 104' \
	eval "test $status = 104 && says 'changed by somebody else'"
expect 'it stays theirs' disk_is theirs
expect 'and the disk of the run is kept' grep -qx new "$work"/disks/disk.img.run.*
rm "$work"/disks/disk.img.run.*
run ARGS=disk.mode=snapshot
expect 'a run that changes nothing does not mind' eval "test $status = 0 && disk_is theirs && nothing_left"
exec 8<"$work/disks/disk.img"
flock 8
run
expect 'a disk that another run uses: 105' eval "test $status = 105 && says 'another run is using it'"
expect 'no machine was started for it' test ! -s "$work/started.txt"
exec 8<&-
cp "$work/disks/disk.img" "$work/444.img"
chmod 444 "$work/444.img"
run DISK="$work/444.img"
expect 'a disk that is not writable: 105, also for root' \
	eval "test $status = 105 && says '444.img: not writable'"
run DISK="$work/444.img" ARGS='disk.mode=rw disk.mode=ro'
expect 'unless it is only read' test "$status" = 0
: >"$work/empty.img"
run DISK="$work/empty.img"
expect 'a disk of 0 bytes: 105' eval "test $status = 105 && says 'empty.img: an image of 0 bytes'"

# --- what reaches cafevisor.efi -------------------------------------------------------------------
bochs_does "(mtype -i boot.img ::/cafevisor.conf; mtype -i boot.img ::/start.txt) >$work/conf.txt
	result status=0"
run MEMORY=256M TIMEOUT=9 CMDLINE='some # "words" here' ARGS='disk.mode=ro log=debug'
expect 'a command line that no file can carry: 2' test "$status" = 2
run MEMORY=256M TIMEOUT=9 CMDLINE='some # words' ARGS='disk.mode=ro log=debug'
for line in 'memory = 256M' 'timeout = 9' 'cmdline = "some # words"' 'cafevisor.efi disk.mode=ro log=debug'; do
	expect "on the volume: $line" grep -qxF -- "$line" "$work/conf.txt" || cat "$work/conf.txt"
done
run CMDLINE=$'words\nmemory = 1M'
expect 'a line break in the command line: 2' test "$status" = 2
run GUEST="$work/nobody.elf"
expect 'a guest that is not there: 105, by name' eval "test $status = 105 && says '$work/nobody.elf'"
run DISK="$work/disks"
expect 'a disk that is a folder: 105' test "$status" = 105
run ENGINE=vmware
expect 'an engine that there is not: 2' test "$status" = 2

# --- with KVM -------------------------------------------------------------------------------------
echo Y >"$work/sys/module/kvm_intel/parameters/nested"
echo 'flags : vmx' >"$work/proc/cpuinfo"
: >"$work/dev/kvm"
bochs_does 'result status=5'
kvm_does 'say booted; result status=4 vtx=yes'
run
expect 'KVM is used where there is one' eval "test $status = 4 && started qemu-system-x86_64"
expect 'KVM is said' says 'engine: QEMU with KVM'
run ENGINE=bochs
expect 'unless Bochs is asked for' eval "test $status = 5 && started bochs"
kvm_does 'say booted; result status=105 reason=preflight vtx=no'
run
expect 'KVM without VT-x: repeated in Bochs' \
	eval "test $status = 5 && started qemu-system-x86_64 bochs && says 'no VT-x'"
run ENGINE=kvm
expect 'but not where KVM was asked for' eval "test $status = 105 && started qemu-system-x86_64"
kvm_does 'say booted; result status=105 reason=configuration vtx=yes'
run
expect 'another error of configuration is not repeated' test "$status" = 105
kvm_does 'echo "Could not access KVM kernel module" >&2; exit 1'
run
expect 'KVM that does not start: Bochs' \
	eval "test $status = 5 && says 'Could not access KVM kernel module'"
kvm_does 'say booted; echo "KVM internal error. Suberror: 1" >&2; exec sleep 1000'
run
expect 'KVM that stops the machine: Bochs' eval "test $status = 5 && says 'KVM internal error. Suberror: 1'"
run ENGINE=kvm
expect 'or, where it was asked for, 102 and the error' \
	eval "test $status = 102 && says 'KVM internal error. Suberror: 1: this KVM cannot run the machine'"

# --- side by side ---------------------------------------------------------------------------------
bochs_does 'sleep 1; n=$(mtype -i boot.img ::/start.txt); result status=${n##*=}'
statuses=()
for value in 11 12 13; do
	cp "$work/disks/disk.img" "$work/disk$value.img"
	(
		ENGINE=bochs ARGS="timeout=$value" PATH="$work/bin:$PATH" BUILD="$work/build" \
			DISK="$work/disk$value.img" "$top/scripts/run.sh" >/dev/null 2>&1
		echo $? >"$work/status$value"
	) &
done
wait
for value in 11 12 13; do
	statuses+=("$(cat "$work/status$value")")
done
expect 'runs side by side keep apart' test "${statuses[*]}" = '11 12 13'
exit $failed
