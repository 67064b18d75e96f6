#!/bin/bash
# SPDX-License-Identifier: MIT
# The engine behind 'make run': boots Cafevisor with a guest and a disk in KVM or Bochs, shows the
# log while it runs, brings the changed disk back, and exits with the run's status. From the
# environment, each may be missing or empty:
#   GUEST INITRD DISK MEMORY TIMEOUT CMDLINE
#                                       as in cafevisor.conf; DISK is changed in place
#   ARGS                                words for cafevisor.efi, which override those
#   ENGINE                              kvm, bochs or tcg instead of what scripts/engine.sh finds
#   CONSOLE                             1: what is typed goes to the guest, Ctrl-A X ends the run; 0: not
#   BUILD                               the folder with cafevisor.efi and starter.efi
#   BOCHS_START, QEMU_START             seconds for the firmware and for loading, on a slow host
# Exit status: the guest's and Cafevisor's (README.md); without a result of theirs 103 when the
# machine had to be ended, else 102; 105 for a file that cannot be used, 2 for a wrong word; 104 when
# somebody else has changed the disk meanwhile.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/machine.sh
. "$here/machine.sh"
# shellcheck source=scripts/engine.sh
. "$here/engine.sh"

BUILD=${BUILD:-build}
GUEST=${GUEST:-$BUILD/guests/demo.elf}
INITRD=${INITRD:-}
DISK=${DISK:-$BUILD/disk.img}
MEMORY=${MEMORY:-64M}
TIMEOUT=${TIMEOUT:-120}
CMDLINE=${CMDLINE:-}
ARGS=${ARGS:-}
CONSOLE=${CONSOLE:-}

readonly STATUS_USAGE=2 STATUS_NO_RESULT=102 STATUS_TIMEOUT=103 STATUS_WRITE_BACK=104
readonly STATUS_CONFIGURATION=105
readonly CONSOLE_LEFT=3 # console.pl's status after Ctrl-A X
readonly MIB=1048576
# Seconds of ours for the firmware and for loading files, and per second of the guest's time-out:
# the seconds of a machine in Bochs are instructions, and pass more slowly where the host is slow.
readonly QEMU_START=${QEMU_START:-60} BOCHS_START=${BOCHS_START:-150} BOCHS_SLOWNESS=3

say() {
	echo "run: $*" >&2
}

fail() {
	local status=$1

	shift
	say "$*"
	exit "$status"
}

work='' tail_pid='' incoming='' terminal='' untouched=''
# shellcheck disable=SC2317 # the trap calls it
cleanup() {
	machine_stop
	restore_terminal
	[ -z "$tail_pid" ] || kill "$tail_pid" 2>/dev/null || :
	[ -z "$incoming" ] || rm -f -- "$incoming"
	[ -z "$work" ] || rm -rf -- "$work"
}
trap cleanup EXIT
trap 'say "interrupted${untouched:+; $disk_name is left as it was}"; exit 130' INT
trap 'exit 143' TERM HUP

# shellcheck disable=SC2317 # the trap calls it, too
restore_terminal() {
	[ -z "$terminal" ] || stty "$terminal"
	terminal=
}

check_files() {
	local file

	for file in "$BUILD/cafevisor.efi" "$BUILD/starter.efi"; do
		[ -f "$file" ] || fail "$STATUS_CONFIGURATION" "$file: not built yet; 'make' builds it"
	done
	for file in "GUEST=$GUEST" "DISK=$DISK" ${INITRD:+"INITRD=$INITRD"}; do
		[ -e "${file#*=}" ] || fail "$STATUS_CONFIGURATION" "$file: no such file"
		[ -f "${file#*=}" ] || fail "$STATUS_CONFIGURATION" "$file: not a file"
		[ -r "${file#*=}" ] || fail "$STATUS_CONFIGURATION" "$file: not readable"
	done
	disk_name=$DISK
	DISK=$(readlink -f -- "$DISK")
	[ -s "$DISK" ] || fail "$STATUS_CONFIGURATION" "DISK=$disk_name: an image of 0 bytes"
	! changes_disk || claim_disk
	disk_was=$(disk_state)
	untouched=1
}

changes_disk() {
	[[ $(value_in_force disk.mode rw) != @(ro|snapshot) ]]
}

# It is replaced by another file in the end, which asks the folder only, and root nobody at all: what
# is marked as not writable is not meant to be.
claim_disk() {
	[[ -w $DISK && $(stat -c %A -- "$DISK") == *w* && -w $(dirname -- "$DISK") ]] ||
		fail "$STATUS_CONFIGURATION" \
			"DISK=$disk_name: not writable; ARGS=disk.mode=ro leaves it unchanged"
	exec 9<"$DISK"
	flock --nonblock 9 ||
		fail "$STATUS_CONFIGURATION" "DISK=$disk_name: another run is using it"
}

# Another one when somebody has written to the image or replaced it.
disk_state() {
	stat -c '%d:%i %s %y' -- "$DISK"
}

check_words() {
	local name

	for name in MEMORY TIMEOUT CMDLINE ARGS; do
		[[ ${!name} != *[[:cntrl:]]* ]] ||
			fail "$STATUS_USAGE" "$name: only text may stand there, no line breaks"
	done
	[[ $CONSOLE =~ ^[01]?$ ]] || fail "$STATUS_USAGE" "CONSOLE=$CONSOLE: 1 or 0"
	[ "$CONSOLE" != 0 ] || CONSOLE=
	((${#ARGS} < 4000)) || fail "$STATUS_USAGE" "ARGS: longer than 3999 characters"
}

# cafevisor.conf takes quotes around a value, but not within them.
quoted_cmdline() {
	if [[ $CMDLINE != *'"'* ]]; then
		echo "\"$CMDLINE\""
	elif [[ $CMDLINE == [\"\ ]* || $CMDLINE == *' #'* || $CMDLINE == *' ' ]]; then
		fail "$STATUS_USAGE" "CMDLINE: with quotes in it, it may not begin with one," \
			"have ' #' in it, or begin or end with a space"
	else
		echo "$CMDLINE"
	fi
}

write_configuration() {
	local cmdline

	cmdline=$(quoted_cmdline) || exit
	cat >"$work/cafevisor.conf" <<-CONF
		guest = \\guest.elf
		initrd = ${INITRD:+\\initrd.img}
		disk = \\disk.img
		memory = $MEMORY
		timeout = $TIMEOUT
		cmdline = $cmdline
	CONF
	echo "cafevisor.efi $ARGS" >"$work/start.txt"
}

# The value that will be in force for a key: the last in ARGS, else the one given.
value_in_force() {
	local key=$1 value=$2 word

	set -f
	for word in $ARGS; do
		[[ $word != "$key="* ]] || value=${word#*=}
	done
	set +f
	echo "${value//\"/}"
}

# What cafevisor.efi will refuse counts as little here.
mebibytes() {
	case $1 in
	*[!0-9kKmMgG]* | '' | [kKmMgG]* | ??????????????*) echo 0 ;;
	*[kK]) echo $((10#${1%?} / 1024)) ;;
	*[mM]) echo $((10#${1%?})) ;;
	*[gG]) echo $((10#${1%?} * 1024)) ;;
	*) echo $((10#$1 / MIB)) ;;
	esac 2>/dev/null || echo 0
}

file_mebibytes() {
	echo $((($(stat -L -c %s -- "$1") + MIB - 1) / MIB))
}

# The machine holds the guest's memory, the disk, the guest's files, and the firmware.
set_machine_memory() {
	local need

	need=$(mebibytes "$(value_in_force memory "$MEMORY")")
	need=$((need + $(file_mebibytes "$DISK") + $(file_mebibytes "$GUEST") + 192))
	[ -z "$INITRD" ] || need=$((need + $(file_mebibytes "$INITRD")))
	# Bochs maps no memory into the gigabyte below 4 GiB, and what would lie there is lost.
	((need < 2560)) || need=$((need + 1536))
	((need > 512)) || need=512
	MACHINE_MEMORY=$(((need + 63) / 64 * 64))
}

# How long the emulator gets altogether, in seconds of ours; 0 for no limit.
set_limit() {
	local timeout

	timeout=$(value_in_force timeout "$TIMEOUT")
	[[ $timeout =~ ^[0-9]{1,7}$ ]] || timeout=0
	timeout=$((10#$timeout))
	limit=$((QEMU_START + timeout))
	[ "$ENGINE_NAME" != bochs ] || limit=$((BOCHS_START + $(file_mebibytes "$DISK") +
		BOCHS_SLOWNESS * timeout))
	((timeout != 0)) || limit=0
}

# The serial line without the firmware's screen control, as it comes.
show_log() {
	tail -c +1 -s 0.2 --pid="$MACHINE_PID" -f "$work/com1.txt" 2>/dev/null | perl -e '
		$| = 1;
		while (sysread(STDIN, $more, 65536)) {
			$text .= $more;
			$text =~ s/\e\[[0-9;=?]*[A-Za-z]//g;
			$rest = $text =~ s/(\e[^A-Za-z]{0,16})\z// ? $1 : "";
			$text =~ s/\r\n/\n/g;
			$text =~ tr/\r\t\n -~\x80-\xff//cd;
			print $text;
			$text = $rest;
		}' &
	tail_pid=$!
}

# The console in show_log's place: bytes go both ways by a TCP connection that the machine makes.
start_console() {
	exec 3<&0
	say "what is typed goes to the guest; Ctrl-A X ends the run, as pulling the plug does"
	if [ -t 3 ]; then
		terminal=$(stty -g <&3)
		stty raw -echo <&3
	fi
	perl "$here/console.pl" "$work/port" "$work/com1.txt" <&3 &
	tail_pid=$!
	while [ ! -s "$work/port" ]; do
		kill -0 "$tail_pid" 2>/dev/null || fail "$STATUS_NO_RESULT" "no port for the console"
		sleep 0.1
	done
	MACHINE_CONSOLE=$(<"$work/port")
}

# A machine that did not start has not called; this call is answered in its place, and ends at once.
end_unanswered_console() {
	(: <>"/dev/tcp/127.0.0.1/$MACHINE_CONSOLE") 2>/dev/null || :
}

# shellcheck disable=SC2317 # machine_wait calls it
# For machine_wait: Ctrl-A X ends the console, and with it the machine; and QEMU only stops one that
# KVM cannot go on with.
is_over() {
	{ [ -n "$CONSOLE" ] && ! kill -0 "$tail_pid" 2>/dev/null; } || [ -n "$(kvm_error)" ]
}

# What QEMU says of it; nothing as a rule.
kvm_error() {
	[ "$ENGINE_NAME" = kvm ] || return 0
	grep -aom 1 '^KVM internal error.*' "$work/emulator.txt" 2>/dev/null || :
}

# 0: it ended by itself, or by Ctrl-A X, and then plug_pulled is 1. The result's lines go to
# $work/cafevisor.result if there are any.
run_machine() {
	local ended=0 initrd=() file console=0

	rm -f -- "$work/cafevisor.result" "$work/port"
	[ -z "$INITRD" ] || initrd=("initrd.img=$INITRD")
	"$here/make-esp.sh" "$work/boot.img" auto \
		"EFI/BOOT/BOOTX64.EFI=$BUILD/starter.efi" "start.txt=$work/start.txt" \
		"cafevisor.efi=$BUILD/cafevisor.efi" "cafevisor.conf=$work/cafevisor.conf" \
		"guest.elf=$GUEST" "disk.img=$DISK" "${initrd[@]}" || exit "$STATUS_CONFIGURATION"
	[ -z "$CONSOLE" ] || start_console
	machine_start "$ENGINE_NAME" "$work" boot.img
	[ -n "$CONSOLE" ] || show_log
	machine_wait "$limit" is_over || ended=$?
	restore_terminal
	[ -z "$CONSOLE" ] || end_unanswered_console
	wait "$tail_pid" 2>/dev/null || console=$?
	tail_pid=
	((console != CONSOLE_LEFT)) || plug_pulled=1
	echo
	for file in cafevisor.result cafevisor.log; do
		mcopy -n -i "$work/boot.img" "::/$file" "$work/$file" 2>/dev/null || :
		[ ! -f "$work/$file" ] || cp -- "$work/$file" "$BUILD/$file"
	done
	return "$ended"
}

result_value() {
	[ -f "$work/cafevisor.result" ] || return 0
	sed -n "s/^$1=//p" "$work/cafevisor.result" | head -n 1
}

# The original is replaced in one step, by a file that was complete before.
bring_disk_back() {
	local kept

	changes_disk || return 0
	mcopy -n -i "$work/boot.img" ::/disk.img "$work/disk.img"
	! cmp -s -- "$work/disk.img" "$DISK" || return 0
	if [ "$(disk_state)" != "$disk_was" ]; then
		kept=$(mktemp -- "$DISK.run.XXXXXX")
		cp -- "$work/disk.img" "$kept"
		fail "$STATUS_WRITE_BACK" "DISK=$disk_name was changed by somebody else during the run," \
			"and is left so; the disk of this run is $kept"
	fi
	incoming=$(mktemp -- "$(dirname -- "$DISK")/.cafevisor.XXXXXX")
	cp -- "$work/disk.img" "$incoming"
	chmod --reference="$DISK" -- "$incoming"
	chown --reference="$DISK" -- "$incoming" 2>/dev/null || :
	untouched=
	mv -f -- "$incoming" "$DISK"
	incoming=
	say "$disk_name has changed${1:+: $1 bytes were written back}"
}

announce_engine() {
	say "$ENGINE_WHY"
	[ "$ENGINE_NAME" != bochs ] || say "the firmware takes about 20 s in Bochs, please wait"
}

check_words
check_files
engine_choose "${ENGINE:-}" || fail "$STATUS_USAGE" "ENGINE=$ENGINE: must be kvm, bochs or tcg"
mkdir -p "$BUILD"
work=$(cd "$BUILD" && mktemp -d "$PWD/run.XXXXXX")
rm -f -- "$BUILD/cafevisor.result" "$BUILD/cafevisor.log"
write_configuration
set_machine_memory
announce_engine
set_limit
ended=0 plug_pulled=0
run_machine || ended=1

if [ "$ENGINE_NAME" = kvm ] && [ -z "${ENGINE:-}" ]; then
	why=
	[ "$(result_value vtx)" != no ] || why="this KVM offers its guests no VT-x"
	[ "$ended" = 1 ] || ((plug_pulled)) || [ -s "$work/com1.txt" ] ||
		why="KVM did not start: $(tail -n 1 "$work/emulator.txt")"
	[ -z "$(kvm_error)" ] || why=$(kvm_error)
	if [ -n "$why" ]; then
		ENGINE_NAME=bochs ENGINE_WHY="engine: Bochs, for $why"
		announce_engine
		set_limit
		ended=0
		run_machine || ended=1
	fi
fi

status=$(result_value status)
if ((plug_pulled)) && [ -z "$status" ]; then
	say "ended by Ctrl-A X, as by pulling the plug: what the guest had not synced is lost"
	bring_disk_back ''
	exit 0
fi
if [[ ! $status =~ ^[0-9]{1,3}$ ]]; then
	[ -z "$(kvm_error)" ] || fail "$STATUS_NO_RESULT" "$(kvm_error): this KVM cannot run the machine," \
		"ENGINE=bochs can; $disk_name is left as it was"
	tail -n 3 "$work/emulator.txt" >&2
	say "no \\cafevisor.result came back; $disk_name is left as it was"
	[ "$ended" = 0 ] || fail "$STATUS_TIMEOUT" "the machine was ended after $limit s"
	fail "$STATUS_NO_RESULT" "the machine ended by itself, before Cafevisor did"
fi
bring_disk_back "$(result_value bytes_written_back)"
say "status $status: $(result_value reason)"
exit "$((10#$status))"
