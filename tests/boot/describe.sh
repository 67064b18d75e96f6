# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034 # what is set here is run.sh's
# The words in which tests/boot/boots/*.sh describe a boot; run.sh sources this. A boot's file is
# sourced, too, once to learn its scenarios' names and once to run it:
#
#   boot_via shell                    starts things by startup.nsh; else a starter of ours does, fast
#   boot_memory 6144                  MiB of the machine; boot_cpus, boot_model, boot_engine (bochs,
#                                     tcg, nested), boot_limit (seconds of ours) likewise
#   boot_image FILE                   boots a copy of FILE, which make-image.sh made, as it is
#   boot_until shows TEXT             ends the machine, which would not end by itself, once COM1 shows
#                                     TEXT; 'has_result': once \cafevisor.result is written
#   disk_random big.img 5242880       a file of random bytes on the boot volume; disk_zero likewise
#   put NAME FILE; put_text NAME TEXT other files on the boot volume
#
#   scenario NAME [WORD=VALUE...]     one start of cafevisor.efi:
#       guest=demo                    build/guests/demo.elf becomes its guest
#       disk=big.img                  its disk; without it, one of 64 KiB of its own (NAME.img)
#       args='memory=32M'             more load options; guest= and disk= come by themselves
#       conf=TEXT                     the contents of cafevisor.conf; without it there is none
#       bare=yes                      nothing comes by itself: args and conf are all
#       program=state.efi             starts that instead of cafevisor.efi, with args
#       check=FUNCTION                checks it instead of check_NAME
#       before=LINES after=LINES      commands around it: 'copy A B', 'delete A', 'program.efi words'
#   check_NAME() { ... }              what is expected of it ('-' in NAME is '_' here)

describe_reset() {
	SCENARIOS=()
	declare -gA SCENARIO_WORD=()
	BOOT_VIA=starter BOOT_ENGINE=bochs BOOT_LIMIT=420
	BOOT_TARGETS=() BOOT_ENDED='' BOOT_IMAGE='' BOOT_UNTIL=()
	EMPTY_DISK_SIZE=65536
}

# describe_one_of WORD VALUE PATTERN: VALUE must be one of PATTERN's.
describe_one_of() {
	[[ $2 =~ ^($3)$ ]] || { echo "$BOOT_NAME: $1 $2: must be $3" >&2 && exit 2; }
}

boot_via() { describe_one_of boot_via "$1" 'shell|starter' && BOOT_VIA=$1; }
boot_engine() { describe_one_of boot_engine "$1" 'bochs|tcg|nested' && BOOT_ENGINE=$1; }
boot_limit() { describe_one_of boot_limit "$1" '[0-9]+' && BOOT_LIMIT=$1; }
boot_memory() { describe_one_of boot_memory "$1" '[0-9]+' && MACHINE_MEMORY=$1; }
boot_cpus() { describe_one_of boot_cpus "$1" '[0-9]+' && MACHINE_CPUS=$1; }
boot_model() { MACHINE_MODEL=$1; }
boot_image() { BOOT_IMAGE=$1; }
boot_until() { BOOT_UNTIL=("$@"); }

# In DESCRIBE_ONLY there is no volume to fill.
disk_random() { [ -n "${DESCRIBE_ONLY:-}" ] || head -c "$2" /dev/urandom >"$BEFORE/$1"; }
disk_zero() { [ -n "${DESCRIBE_ONLY:-}" ] || head -c "$2" /dev/zero >"$BEFORE/$1"; }
put() { [ -n "${DESCRIBE_ONLY:-}" ] || cp -- "$2" "$BEFORE/$1"; }
put_text() { [ -n "${DESCRIBE_ONLY:-}" ] || printf '%s' "$2" >"$BEFORE/$1"; }

scenario() {
	local name=$1 word

	shift
	[[ " ${SCENARIOS[*]} " != *" $name "* ]] ||
		{ echo "$BOOT_NAME: $name: there are two of this name" >&2 && exit 2; }
	SCENARIOS+=("$name")
	for word in "$@"; do
		case ${word%%=*} in
		guest | disk | args | conf | bare | program | before | after | check) ;;
		*) echo "$BOOT_NAME: $name: no such word: $word" >&2 && exit 2 ;;
		esac
		SCENARIO_WORD[$name/${word%%=*}]=${word#*=}
	done
	[ -n "${DESCRIBE_ONLY:-}" ] || describe_fill_volume "$name"
}

# A word of a scenario, or nothing.
word_of() {
	echo "${SCENARIO_WORD[$1/$2]:-}"
}

scenario_check() {
	local check

	check=$(word_of "$1" check)
	echo "${check:-check_${1//-/_}}"
}

scenario_disk() {
	local disk

	disk=$(word_of "$1" disk)
	echo "${disk:-$1.img}"
}

describe_fill_volume() {
	local name=$1 guest

	guest=$(word_of "$name" guest)
	[[ -z $guest || -e $BEFORE/$guest.elf ]] || put "$guest.elf" "$BUILD/guests/$guest.elf"
	[ -z "${SCENARIO_WORD[$name/conf]+given}" ] || put_text "$name.conf" "$(word_of "$name" conf)"
	[[ -n $(word_of "$name" disk)$(word_of "$name" bare)$(word_of "$name" program) ]] ||
		disk_zero "$name.img" "$EMPTY_DISK_SIZE"
}

# Prints the line that starts a scenario's program.
scenario_command() {
	local name=$1 guest program

	program=$(word_of "$name" program)
	if [ -n "$program" ]; then
		echo "$program $(word_of "$name" args)"
		return
	fi
	if [ -n "$(word_of "$name" bare)" ]; then
		echo "cafevisor.efi $(word_of "$name" args)"
		return
	fi
	guest=$(word_of "$name" guest)
	echo "cafevisor.efi ${guest:+guest=$guest.elf }disk=$(scenario_disk "$name")" \
		"$(word_of "$name" args)"
}

# The commands of a scenario in the starter's words. What an earlier one left behind goes first.
scenario_commands() {
	local name=$1

	echo 'delete \cafevisor.result'
	echo 'delete \cafevisor.log'
	if [ -n "${SCENARIO_WORD[$name/conf]+given}" ]; then
		echo "copy \\$name.conf \\cafevisor.conf"
	else
		echo 'delete \cafevisor.conf'
	fi
	word_of "$name" before
	scenario_command "$name"
	echo "copy \\cafevisor.result \\$name.result"
	echo "copy \\cafevisor.log \\$name.log"
	word_of "$name" after
}

# From the starter's words to a UEFI shell's. Each program leaves its status in \start.log.
commands_to_shell() {
	local command from to words

	while read -r command from to words; do
		case $command in
		copy) printf 'cp -q %s %s\r\n' "$from" "$to" ;;
		delete) printf 'if exist %s then\r\nrm -q %s\r\nendif\r\n' "$from" "$from" ;;
		'' | '#'*) ;;
		*)
			printf '%s %s %s %s\r\n' "$command" "$from" "$to" "$words"
			printf 'echo "%%lasterror%% %s" >>a \\start.log\r\n' "$command"
			;;
		esac
	done
}

# How many programs a scenario starts.
scenario_program_count() {
	scenario_commands "$1" | grep -cvE '^(copy |delete |#|$)'
}

describe_write_script() {
	local name

	put cafevisor.efi "$BUILD/cafevisor.efi"
	for name in "${SCENARIOS[@]}"; do
		scenario_commands "$name"
	done >"$WORK/commands.txt"
	case $BOOT_VIA in
	starter)
		put start.txt "$WORK/commands.txt"
		BOOT_TARGETS+=("EFI/BOOT/BOOTX64.EFI=$BUILD/starter.efi")
		;;
	shell)
		{
			printf '@echo -off\r\nfs0:\r\n'
			commands_to_shell <"$WORK/commands.txt"
			printf 'reset -s\r\n'
		} >"$BEFORE/startup.nsh"
		;;
	esac
}
