# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The device from code that is not 64-bit: every paging mode, segments, real mode, IA-32e mode and
# back, string I/O; and hardware task switches, which stop the guest. Each guest checks itself.
passes() {
	expect_status 0
}

scenario disk-from-32-bit-code guest=disk32 args='memory=16M timeout=30 cmdline="sector=64 size=65536"'
check_disk_from_32_bit_code() {
	expect_status 0
	expect_result disk_size 65536
	expect_changed_sectors '64 65 66 67 68 69 70 71 72 73 74 75 76 77 78 79'
}

# All parts of a guest in one run; the console says which one fails.
modes() {
	scenario "$1" guest="$1" args="memory=16M timeout=60 cmdline=\"$2\"" check=passes
}
modes paging32 '32-bit pae pae-cd pae-reserved cr0 cr4'
modes long32 'compatibility compatibility-cd 64-bit refused'
modes segments32 'code-16 bases wrap-16 wrap-32 l-bit real real-cd v86'
modes string32 'out out-16 console in in-16 out-fault in-fault step'

stops_at_task_switch() {
	expect_status 102
	expect_reason 'task switch'
	expect_log 'guest stopped: hardware task switch'
	expect_log 'the last exits'
}
for word in gate call jump return; do
	scenario "task-$word" guest=segments32 args="memory=16M timeout=20 cmdline=task-$word" \
		check=stops_at_task_switch
done
