# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # top and BUILD are run.sh's
# The engine 'nested' of the machine tests: a volume boots under QEMU and KVM with nested VT-x, in a
# Linux that itself runs in Bochs: what most users meet, on a host without VT-x. Sourced by
# tests/boot/run.sh.
#   nested_start FOLDER IMAGE    like machine_start
#   nested_fetch FOLDER IMAGE    afterwards: brings what QEMU wrote back into IMAGE
# Debian's cloud kernel is downloaded once and unpacked into BUILD, never installed.
# shellcheck source=scripts/linux-files.sh
. "$top/scripts/linux-files.sh"

readonly NESTED_LINUX_MEMORY=1536 NESTED_QEMU_MEMORY=256
# A Linux clock tick costs the more of the machine's time, the slower its seconds are made.
readonly NESTED_IPS=50000000
readonly NESTED_STUB=/usr/lib/systemd/boot/efi/linuxx64.efi.stub
# OVMF looks for a TPM at 0xfed40000; the ROM's last byte lies below 4 GiB.
readonly NESTED_ROM_SIZE=$((0x100000000 - 0xfed40000))

# nested_pack_volume IMAGE FOLDER: the mebibytes of IMAGE that are not all zero.
nested_pack_volume() {
	local part

	split -b 1M -d -a 5 -- "$1" "$2/part."
	for part in "$2"/part.*; do
		! cmp -s -n "$(stat -c %s "$part")" "$part" /dev/zero || rm "$part"
	done
}

# nested_pack_root FOLDER IMAGE: the tree of the initial RAM file system, in FOLDER/root.
nested_pack_root() {
	local root=$1/root image=$2 qemu module library

	mkdir -p "$root"/{bin,modules,dev,proc,sys,tmp,volume,usr/bin,usr/share/qemu}
	cp "$(command -v busybox)" "$root/bin/busybox"
	cp "$top/tests/nested/init.sh" "$root/init"
	chmod 755 "$root/init"
	for module in irqbypass kvm kvm-intel; do
		linux_copy_module "$module" "$root/modules"
		# Without its symbols a module loads faster.
		objcopy --strip-debug "$root/modules/$module.ko"
	done
	qemu=$(command -v qemu-system-x86_64)
	cp "$qemu" "$root/usr/bin/"
	ldd "$qemu" | grep -o '/[^ ]*' | while read -r library; do
		mkdir -p "$root$(dirname "$library")"
		cp -L "$library" "$root$library"
	done
	cp /usr/share/qemu/kvmvapic.bin "$root/usr/share/qemu/"
	cp "$OVMF" "$root/OVMF.fd"
	nested_pack_volume "$1/$image" "$root/volume"
	qemu-img create -q -f qcow2 -o cluster_size=4096 "$root/overlay.qcow2" \
		"$(stat -c %s "$1/$image")"
	cat >"$root/sizes" <<-SIZES
		VOLUME_SIZE=$(stat -c %s "$1/$image")
		PADDING_SIZE=$((NESTED_ROM_SIZE - $(stat -L -c %s "$OVMF")))
	SIZES
	cat >"$root/qemu.sh" <<-QEMU
		/usr/bin/qemu-system-x86_64 -machine pc,accel=kvm,i8042=off,hpet=off,vmport=off,smm=off \\
			-cpu host,+vmx -m $NESTED_QEMU_MEMORY -bios /ovmf.fd -nodefaults -nographic \\
			-vga none -net none -no-reboot -serial stdio \\
			-blockdev file,node-name=base,filename=/boot.img,read-only=on \\
			-blockdev qcow2,node-name=boot,file.driver=file,file.filename=/overlay.qcow2,backing=base \\
			-device virtio-blk-pci,drive=boot,bootindex=0 </dev/null 2>&1
	QEMU
}

# One EFI program of kernel, command line and initial RAM file system, on a volume of its own.
nested_make_image() {
	local folder=$1 initrd_address

	(cd "$folder/root" && find . -mindepth 1 | cpio --quiet -o -H newc) >"$folder/initrd"
	# Bochs reports a size of the compacted XSAVE area that Linux does not believe: no XSAVEC.
	printf '%s' "console=ttyS0,115200 quiet loglevel=0 nokaslr mitigations=off tsc=reliable" \
		" tsc_early_khz=$((NESTED_IPS / 1000)) panic=1 reboot=triple nowatchdog audit=0" \
		" clearcpuid=xsaves,xsavec cryptomgr.notests" >"$folder/cmdline"
	initrd_address=$(((0x100000 + $(stat -c %s "$LINUX_KERNEL") + 0xfffff) & ~0xfffff))
	objcopy --add-section .cmdline="$folder/cmdline" --change-section-vma .cmdline=0x30000 \
		--add-section .linux="$LINUX_KERNEL" --change-section-vma .linux=0x100000 \
		--add-section .initrd="$folder/initrd" \
		--change-section-vma .initrd=$initrd_address "$NESTED_STUB" "$folder/linux.efi"
	"$top/scripts/make-esp.sh" "$folder/linux.img" auto "EFI/BOOT/BOOTX64.EFI=$folder/linux.efi"
	rm -rf -- "$folder/root" "$folder/initrd" "$folder/linux.efi"
}

nested_start() {
	local folder=$1 image=$2

	linux_get_kernel || return
	nested_pack_root "$folder" "$image"
	nested_make_image "$folder"
	MACHINE_MEMORY=$NESTED_LINUX_MEMORY MACHINE_IPS=$NESTED_IPS \
		machine_start bochs "$folder" linux.img
}

# What Linux printed between the marks is the overlay in which QEMU's writes are.
nested_fetch() {
	local folder=$1 image=$2

	tr -d '\r' <"$folder/com1.txt" | sed '1,/^@@overlay$/d; /^@@end$/,$d' |
		base64 -d 2>/dev/null | gunzip >"$folder/overlay.qcow2" 2>/dev/null || return
	mv -- "$folder/$image" "$folder/base.img"
	qemu-img rebase -q -u -f qcow2 -F raw -b base.img "$folder/overlay.qcow2" &&
		qemu-img convert -q -f qcow2 -O raw "$folder/overlay.qcow2" "$folder/$image"
	rm -f -- "$folder/base.img" "$folder/overlay.qcow2" "$folder/linux.img"
}
