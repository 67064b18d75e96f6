# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Whole machines for whoever sources this: run.sh, the machine tests, the processor models.
#   machine_start ENGINE FOLDER IMAGE   bochs, kvm or tcg boots FOLDER/IMAGE; sets MACHINE_PID
#   machine_wait SECONDS [COMMAND...]   0 when it ended by itself, 1 when it was ended after SECONDS (0: never);
#                                       also ends it, with 0, as soon as COMMAND succeeds
#   machine_stop                        ends it now
# FOLDER, one for each machine, receives com1.txt and the emulator's own output (emulator.txt). IMAGE
# is one that make-esp.sh or make-image.sh made. What a caller may set before machine_start:
MACHINE_MEMORY=${MACHINE_MEMORY:-512}              # MiB
MACHINE_CPUS=${MACHINE_CPUS:-1}                    # processors
MACHINE_MODEL=${MACHINE_MODEL:-corei7_skylake_x}   # Bochs's name of the processor
MACHINE_CONSOLE=${MACHINE_CONSOLE:-}               # a TCP port of this host for COM1, else com1.txt
OVMF=${OVMF:-/usr/share/ovmf/OVMF.fd}              # the firmware

# Instructions in one second of the time of a machine in Bochs, which is also its TSC's rate. Bochs
# executes 25 to 35 million in a second of ours, so that both seconds are about the same.
MACHINE_IPS=${MACHINE_IPS:-25000000}

# Bochs keeps at most so many MiB in memory; what a machine has beyond that goes to a file.
readonly BOCHS_HOST_MAX=2048

readonly CYLINDER_BYTES=516096

# Paths in the two emulators' options are relative: a folder's name may have any character in it.
machine_write_bochsrc() {
	local folder=$1 image=$2 host=$MACHINE_MEMORY cylinders com1='mode=file, dev=com1.txt'

	cylinders=$(($(stat -c %s -- "$folder/$image") / CYLINDER_BYTES))
	((host <= BOCHS_HOST_MAX)) || host=$BOCHS_HOST_MAX
	[ -z "$MACHINE_CONSOLE" ] || com1="mode=socket-client, dev=localhost:$MACHINE_CONSOLE"
	cat <<-BOCHSRC
		config_interface: textconfig
		display_library: rfb, options="timeout=0"
		memory: guest=$MACHINE_MEMORY, host=$host
		romimage: file=$OVMF
		vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
		cpu: model=$MACHINE_MODEL, count=$MACHINE_CPUS, ips=$MACHINE_IPS, reset_on_triple_fault=0
		pci: enabled=1, chipset=i440fx
		ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
		ata0-master: type=disk, path=$image, mode=flat, cylinders=$cylinders, heads=16, spt=63
		boot: disk
		com1: enabled=1, $com1
		port_e9_hack: enabled=1
		clock: sync=none, time0=utc
		sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
		speaker: enabled=0
		log: bochs.log
		panic: action=fatal
		error: action=${BOCHS_ERROR:-ignore}
		info: action=${BOCHS_INFO:-ignore}
		debug: action=ignore
	BOCHSRC
}

machine_start_bochs() {
	local folder=$1 image=$2

	machine_write_bochsrc "$folder" "$image" >"$folder/bochsrc"
	# Debian's build starts in its debugger: 'c' lets it run.
	echo c >"$folder/bochs.rc"
	(
		cd "$folder" || exit
		exec bochs -q -f bochsrc -rc bochs.rc
	) >"$folder/emulator.txt" 2>&1 </dev/null &
	MACHINE_PID=$!
}

machine_start_qemu() {
	local engine=$1 folder=$2 image=$3 accelerator=() com1=file:com1.txt

	case $engine in
	kvm) accelerator=(-accel kvm -cpu host) ;;
	tcg) accelerator=(-accel tcg -cpu "${MACHINE_QEMU_CPU:-max}") ;;
	esac
	[ -z "$MACHINE_CONSOLE" ] || com1=tcp:localhost:$MACHINE_CONSOLE
	(
		cd "$folder" || exit
		exec qemu-system-x86_64 -machine pc "${accelerator[@]}" -m "$MACHINE_MEMORY" \
			-smp "$MACHINE_CPUS" -bios "$OVMF" -nodefaults -display none -no-reboot \
			-serial "$com1" -debugcon file:port_e9.txt \
			-drive "if=none,id=boot,format=raw,file=$image" \
			-device virtio-blk-pci,drive=boot,bootindex=0
	) >"$folder/emulator.txt" 2>&1 </dev/null &
	MACHINE_PID=$!
}

machine_start() {
	local engine=$1 folder=$2 image=$3

	: >"$folder/com1.txt"
	rm -f -- "$folder/$image.lock"
	case $engine in
	bochs) machine_start_bochs "$folder" "$image" ;;
	*) machine_start_qemu "$engine" "$folder" "$image" ;;
	esac
}

machine_stop() {
	[ -n "${MACHINE_PID:-}" ] || return 0
	kill "$MACHINE_PID" 2>/dev/null || :
	# One that a test has stopped sees nothing else.
	kill -CONT "$MACHINE_PID" 2>/dev/null || :
	wait "$MACHINE_PID" 2>/dev/null || :
	MACHINE_PID=
}

machine_wait() {
	local limit=$1 deadline=$((SECONDS + $1))

	shift
	while kill -0 "$MACHINE_PID" 2>/dev/null; do
		if (($# > 0)) && "$@"; then
			machine_stop
			return 0
		fi
		if ((limit != 0 && SECONDS >= deadline)); then
			machine_stop
			return 1
		fi
		sleep 0.2
	done
	wait "$MACHINE_PID" 2>/dev/null || :
	MACHINE_PID=
}
