# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Debian's own Linux and what it boots with, for whoever sources this: linux.sh and the tests.
#   linux_get_kernel             sets LINUX_KERNEL to the bzImage and LINUX_MODULES to its modules'
#                                folder; downloads and unpacks the package into BUILD once
#   linux_make_initrd INIT FILE [FOLDER]
#                                an initial RAM disk of busybox, the disk's modules, the script
#                                INIT and what FOLDER has; modules are loaded by /bin/load-modules
#   linux_unpack_kernel FILE     the ELF file inside LINUX_KERNEL
#   linux_make_disk FILE MIB FOLDER   an ext4 image of MIB mebibytes with FOLDER's files
# BUILD is set before. Each says on standard error what went wrong, and returns 1.

# In the order in which they are loaded.
readonly LINUX_DISK_MODULES=(virtio_ring virtio virtio_mmio virtio_blk)

# Words for the kernel. Without a speed Linux sets 9600 baud. The crypto self-tests alone take as long in Bochs as all the rest. Against
# RETBleed the kernel could do nothing with what Bochs's processors offer, and would only warn.
# shellcheck disable=SC2034 # the caller's
readonly LINUX_WORDS='console=ttyS0,115200 cryptomgr.notests retbleed=off'

linux_say() {
	echo "linux: $*" >&2
}

# The package that the meta-package depends on, whatever its version is by now, and unpacked.
linux_try_download() {
	local work=$1 package

	package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/ *Depends: *//p' |
		head -n 1)
	[ -n "$package" ] || return
	linux_say "downloading $package, once"
	(cd "$work" && apt-get download -qq -o APT::Sandbox::User=root "$package" >&2 &&
		dpkg -x ./*.deb tree)
}

# Lists of packages may be missing, or name a version that is no more.
linux_update_lists() {
	if [ "$(id -u)" = 0 ]; then
		apt-get update -qq >&2
	else
		sudo -n apt-get update -qq >&2
	fi
}

linux_download() {
	linux_try_download "$1" || { linux_update_lists && linux_try_download "$1"; } ||
		linux_say "apt could not download Debian's linux-image-cloud-amd64; try apt-get update"
}

linux_get_kernel() {
	local tree=$BUILD/linux-package work

	if ! compgen -G "$tree/boot/vmlinuz-*" >/dev/null; then
		mkdir -p "$BUILD"
		work=$(mktemp -d "$BUILD/linux-package.XXXXXX")
		linux_download "$work"
		# Whoever comes second finds the folder there.
		[ ! -d "$work/tree" ] || mv -T -- "$work/tree" "$tree" 2>/dev/null || :
		rm -rf -- "$work"
	fi
	# shellcheck disable=SC2034 # the caller's, as is the other
	LINUX_KERNEL=$(compgen -G "$tree/boot/vmlinuz-*" | head -n 1) || return 1
	LINUX_MODULES=$(compgen -G "$tree/lib/modules/*" | head -n 1)
}

# linux_copy_module NAME FOLDER
linux_copy_module() {
	local file

	file=$(find "$LINUX_MODULES" -name "$1.ko")
	[ -n "$file" ] || { linux_say "$LINUX_MODULES has no module $1" && return 1; }
	cp -- "$file" "$2/$1.ko"
}

linux_make_initrd() {
	local init=$1 file=$2 folder=${3:-} root module

	root=$(mktemp -d "$BUILD/initrd.XXXXXX")
	mkdir -p "$root"/{bin,modules,dev,proc,sys,tmp,mnt}
	cp -- "$(command -v busybox)" "$root/bin/busybox"
	ln -s busybox "$root/bin/sh"
	cp -- "$init" "$root/init"
	chmod 755 "$root/init"
	for module in "${LINUX_DISK_MODULES[@]}"; do
		linux_copy_module "$module" "$root/modules" || return
		echo "insmod /modules/$module.ko"
	done >"$root/bin/load-modules"
	[ -z "$folder" ] || cp -r -- "$folder/." "$root/"
	(cd "$root" && find . -mindepth 1 -print0 | LC_ALL=C sort -z |
		cpio --quiet --null -o -H newc --reproducible -R 0:0 | gzip -n -1) >"$file"
	rm -rf -- "$root"
}

# Linux, Documentation/arch/x86/boot.rst: setup_sects, payload_offset, payload_length. Debian's payload
# is LZ4 with the unpacked size behind it.
linux_unpack_kernel() {
	local offset length

	read -r offset length < <(perl -e '
		open(my $file, "<:raw", $ARGV[0]) or exit;
		read($file, my $header, 0x250) == 0x250 or exit;
		my ($sectors, $offset, $length) = unpack("x497 C x86 V V", $header);
		print(512 * (1 + ($sectors || 4)) + $offset, " ", $length, "\n");' "$LINUX_KERNEL")
	dd if="$LINUX_KERNEL" bs=1M iflag=skip_bytes,count_bytes skip="$offset" count=$((length - 4)) \
		status=none | lz4 -dcq >"$1"
}

linux_make_disk() {
	local file=$1 mebibytes=$2 folder=$3

	rm -f -- "$file"
	truncate -s "${mebibytes}M" -- "$file"
	mke2fs -q -t ext4 -d "$folder" "$file"
}
