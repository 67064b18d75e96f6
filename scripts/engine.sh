# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Which engine can run us: KVM where it hands VT-x on to its guests, else Bochs. Sourced by run.sh;
# tests/unit/test_engine.sh points ENGINE_ROOT at made-up /sys, /proc and /dev.

# Prints why KVM cannot be used; nothing when it can.
engine_kvm_obstacle() {
	local root=${ENGINE_ROOT:-} nested=/sys/module/kvm_intel/parameters/nested value

	# kvm_amd has a parameter of the same name, but what it nests is no VT-x.
	if [ ! -r "$root$nested" ]; then
		echo "$nested is not there (kvm_intel is not loaded)"
		return
	fi
	value=$(<"$root$nested")
	if [ "$value" != Y ] && [ "$value" != 1 ]; then
		echo "$nested is $value, not Y or 1"
		return
	fi
	if ! grep -qsw '^flags.*\<vmx' "$root/proc/cpuinfo"; then
		echo "/proc/cpuinfo shows no vmx"
		return
	fi
	if [ ! -e "$root/dev/kvm" ]; then
		echo "/dev/kvm is not there"
		return
	fi
	if ! (exec 3<>"$root/dev/kvm") 2>/dev/null; then
		echo "/dev/kvm does not open for writing (is the user in the group kvm?)"
	fi
}

# Sets ENGINE_NAME to bochs, kvm or tcg and ENGINE_WHY to one line on why. The argument is the
# user's wish, or empty. Returns 1 for a wish that there is not.
engine_choose() {
	local obstacle

	case $1 in
	bochs | kvm | tcg)
		ENGINE_NAME=$1 ENGINE_WHY="engine: $1, as asked for"
		return
		;;
	'') ;;
	*) return 1 ;;
	esac
	obstacle=$(engine_kvm_obstacle)
	if [ -z "$obstacle" ]; then
		ENGINE_NAME=kvm ENGINE_WHY="engine: QEMU with KVM, whose VT-x is nested"
	else
		# shellcheck disable=SC2034 # both are read by whoever sources this
		ENGINE_NAME=bochs ENGINE_WHY="engine: Bochs, not KVM: $obstacle"
	fi
}
