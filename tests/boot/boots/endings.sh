# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Every end that a guest can come to, each with its status, its reason and the UEFI status of the
# application; and that the disk has what the guest wrote before, whatever the end was.

# end_scenario NAME WORD [OPTION...]: the guest writes a line to sector 5 and ends as WORD says.
end_scenario() {
	local name=$1 word=$2

	shift 2
	scenario "$name" guest=ends \
		args="memory=8M timeout=20 $* cmdline=\"write=5 $word\""
}

# expect_end STATUS REASON UEFI-STATUS
expect_end() {
	expect_status "$1"
	expect_reason "$2"
	expect_efi_statuses "$3"
	expect_changed_sectors 5
	expect_disk_text $((5 * 512)) 'written before the end'
	expect_result bytes_written_back 4096
}

end_scenario exit-0 exit=0
check_exit_0() {
	expect_end 0 'guest wrote 0x0 to port 0xf4 (exit port)' 0
}

end_scenario exit-1 exit=1
check_exit_1() {
	expect_end 1 'guest wrote 0x1 to port 0xf4 (exit port)' 15
}

end_scenario exit-99 exit=99
check_exit_99() {
	expect_end 99 'guest wrote 0x63 to port 0xf4 (exit port)' 15
}

end_scenario exit-100-is-99 exit=100
check_exit_100_is_99() {
	expect_end 99 'guest wrote 0x64 to port 0xf4 (exit port)' 15
}

end_scenario exit-255-is-99 exit=255
check_exit_255_is_99() {
	expect_end 99 'guest wrote 0xff to port 0xf4 (exit port)' 15
}

end_scenario hlt-with-interrupts-off hlt
check_hlt_with_interrupts_off() {
	expect_end 0 'guest halted with interrupts off at RIP 0x1' 0
}

end_scenario hlt-with-interrupts-on hlt-interrupts-on
check_hlt_with_interrupts_on() {
	expect_end 103 'guest halted with interrupts on at RIP 0x1' 12
	expect_log 'no timer is armed and no device will raise an interrupt'
}

end_scenario reset-by-port-64 reset-keyboard
check_reset_by_port_64() {
	expect_end 0 'guest wrote 0xfe to port 0x64 (reset port)' 0
}

end_scenario reset-by-port-92 reset-fast
check_reset_by_port_92() {
	expect_end 0 'guest wrote 0x3 to port 0x92 (reset port)' 0
}

end_scenario reset-by-port-cf9 reset-chipset
check_reset_by_port_cf9() {
	expect_end 0 'guest wrote 0x6 to port 0xcf9 (reset port)' 0
}

end_scenario power-off-by-port-604 poweroff-qemu
check_power_off_by_port_604() {
	expect_end 0 'guest wrote 0x2000 to port 0x604 (power-off port)' 0
}

end_scenario power-off-by-port-b004 poweroff-bochs
check_power_off_by_port_b004() {
	expect_end 0 'guest wrote 0x2000 to port 0xb004 (power-off port)' 0
}

end_scenario power-off-by-port-4004 poweroff-virtualbox
check_power_off_by_port_4004() {
	expect_end 0 'guest wrote 0x3400 to port 0x4004 (power-off port)' 0
}

end_scenario triple-fault triple
check_triple_fault() {
	expect_end 101 'triple fault at guest RIP 0x1' 15
	expect_log '[vmm] bytes at RIP: 0f 0b'
}

# Lines that say that all went well, from a guest that ends with 7.
end_scenario forged-log-lines forged
check_forged_log_lines() {
	expect_log '[boot] status 0: guest wrote 0x0 to port 0xf4 (exit port)'
	expect_end 7 'guest wrote 0x7 to port 0xf4 (exit port)' 15
	expect_log_line '\[boot\] status 7: guest wrote 0x7 to port 0xf4 \(exit port\)'
}

expect_timeout() {
	expect_end 103 "time-out of $1 s, guest RIP 0x1" 12
	expect_log "[vmm] warning: the guest's time is up: $1 s"
	expect_log '[vmm] bytes at RIP:'
	expect_log '[vmm] the last exits'
}

end_scenario timeout-of-endless-loop loop timeout=3
check_timeout_of_endless_loop() {
	expect_timeout 3
	expect_log '[vmm] bytes at RIP: eb fe'
}

end_scenario timeout-of-exits cpuid-loop timeout=1
check_timeout_of_exits() {
	expect_timeout 1
}

end_scenario timeout-of-doorbells doorbell-loop timeout=1
check_timeout_of_doorbells() {
	expect_timeout 1
}

# One doorbell has work for minutes.
end_scenario timeout-inside-a-batch batch-loop timeout=1
check_timeout_inside_a_batch() {
	expect_timeout 1
	expect_log '[svirtb] batch ended between entries'
}

# Each write-back suspends the guest and lets the firmware write; none of them puts off the end.
end_scenario timeout-of-write-backs sync-loop timeout=1
check_timeout_of_write_backs() {
	local rounds written

	expect_status 103
	expect_reason 'time-out of 1 s, guest RIP 0x1'
	expect_efi_statuses 12
	expect_changed_sectors '5 8'
	expect_disk_text $((5 * 512)) 'written before the end'
	rounds=$(tail -c +$((8 * 512 + 1)) "$AFTER/$(scenario_disk "$SCENARIO")" |
		head -n 1 | tr -d '\0' | sed -n 's/^after \([0-9]*\) write-backs$/\1/p')
	written=$(result_value bytes_written_back)
	# Sectors 5 and 8 lie in two grains of 4 KiB: the first once, the second for each line.
	((${rounds:-0} > 0 && written == (rounds + 2) * 4096)) ||
		refuse "'$rounds' rounds are on the disk, $written bytes were written back"
}

end_scenario timeout-of-string-io string-loop timeout=1
check_timeout_of_string_io() {
	expect_timeout 1
}

end_scenario timeout-of-faults fault-loop timeout=1
check_timeout_of_faults() {
	expect_timeout 1
}

end_scenario timeout-of-debug-exceptions debug-loop timeout=1
check_timeout_of_debug_exceptions() {
	expect_timeout 1
}

# The device page, or nothing, as code, as page tables, as what an event is delivered through.
expect_stop() {
	expect_end 102 "$1" 15
	expect_log '[vmm] exit reason 48 (EPT violation)'
	expect_log "$2"
	expect_no_log '[svirtb] warning'
}

end_scenario fetch-from-device-page fetch
check_fetch_from_device_page() {
	expect_stop 'instruction fetch from' 'guest-physical 0xcafe0000'
}

end_scenario fetch-from-nowhere fetch-nowhere
check_fetch_from_nowhere() {
	expect_stop 'instruction fetch from' 'guest-physical 0xd0000000'
}

end_scenario fetch-across-into-device-page fetch-across
check_fetch_across_into_device_page() {
	expect_stop 'instruction fetch from' 'guest-physical 0xcafe0000'
}

end_scenario page-walk-from-cr3-in-device-page walk-cr3
check_page_walk_from_cr3_in_device_page() {
	expect_stop 'page walk through' 'guest-physical 0xcafe0'
}

end_scenario page-walk-through-device-page walk-pde
check_page_walk_through_device_page() {
	expect_stop 'page walk through' 'guest-physical 0xcafe0'
}

end_scenario page-walk-through-nowhere walk-nowhere
check_page_walk_through_nowhere() {
	expect_stop 'page walk through' 'guest-physical 0xd0000'
}

end_scenario event-through-idt-in-device-page idt
check_event_through_idt_in_device_page() {
	expect_stop 'delivery of an event through' 'guest-physical 0xcafe0'
}

end_scenario event-onto-stack-in-device-page stack
check_event_onto_stack_in_device_page() {
	expect_stop 'delivery of an event through' 'guest-physical 0xcafe0'
}

end_scenario event-through-tss-in-device-page tss
check_event_through_tss_in_device_page() {
	expect_stop 'delivery of an event through' 'guest-physical 0xcafe0'
}

end_scenario event-through-gdt-in-device-page gdt
check_event_through_gdt_in_device_page() {
	expect_stop 'delivery of an event through' 'guest-physical 0xcafe0'
}
