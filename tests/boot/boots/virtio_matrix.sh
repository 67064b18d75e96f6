# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Every way of using the virtio disk: both rings, direct and indirect descriptors, with and without
# EVENT_IDX, polled and by interrupt. Each writes MATRIX_MIB, 64 in 'make test-full', and reads them
# back; the guest's digests must be those of the host. The processor is one that hashes by itself:
# with the driver's C, the digests alone take minutes.
boot_model corei7_icelake_u

matrix_mib=${MATRIX_MIB:-4}
matrix_bytes=$((matrix_mib * 1024 * 1024))
boot_limit $((300 + matrix_mib * 60))

# Room behind the patterns, for the commands that are neither reads nor writes.
disk_zero virtio-matrix.img $((matrix_bytes + 65536))
scenario virtio-matrix guest=virtio_matrix disk=virtio-matrix.img \
	args="memory=32M timeout=$((matrix_mib * 30)) disk.device=virtio cmdline=\"strict=1 mib=$matrix_mib\""

# A line for each of the 16 ways, with one of two digests by turns; what the last one wrote is on the
# disk now.
check_virtio_matrix() {
	local what=": $matrix_bytes bytes, SHA-256 " now said

	expect_status 0
	expect_log "SHA-256 by the processor's own instructions"
	expect_log_count 16 "$what"
	expect_no_log SKIP
	said=$(grep -aF "$what" "$AFTER/$SCENARIO.log" | tail -n 1 |
		sed 's/.*SHA-256 \([0-9a-f]*\).*/\1/')
	now=$(head -c "$matrix_bytes" "$AFTER/virtio-matrix.img" | sha256sum | cut -d ' ' -f 1)
	[ "$now" = "$said" ] || refuse "the image's SHA-256 is '$now', the guest's was '$said'"
	expect_log_count 8 "$what$said"
}
