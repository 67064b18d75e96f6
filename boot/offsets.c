/* SPDX-License-Identifier: MIT */
/*
 * Offsets for boot/switch.asm, generated from the C structure; see vmm/offsets.h.
 */
#include "vmm/offsets.h"

#include "boot/machine.h"

#define FRAME(name, member) OFFSET(FRAME_##name, struct machine_frame, member)

void offsets_generate(void)
{
	FRAME(FIRMWARE_GDTR, firmware_gdtr);
	FRAME(FIRMWARE_IDTR, firmware_idtr);
	FRAME(HOST_GDTR, host_gdtr);
	FRAME(HOST_IDTR, host_idtr);
	FRAME(FIRMWARE_CS, firmware_cs);
	FRAME(FIRMWARE_DS, firmware_ds);
	FRAME(FIRMWARE_ES, firmware_es);
	FRAME(FIRMWARE_FS, firmware_fs);
	FRAME(FIRMWARE_GS, firmware_gs);
	FRAME(FIRMWARE_SS, firmware_ss);
	FRAME(FIRMWARE_TR, firmware_tr);
	FRAME(FIRMWARE_LDTR, firmware_ldtr);
	FRAME(FIRMWARE_CR3, firmware_cr3);
	FRAME(FIRMWARE_CR4, firmware_cr4);
	FRAME(FIRMWARE_RSP, firmware_rsp);
	FRAME(FIRMWARE_S_CET, firmware_s_cet);
	FRAME(HOST_CR3, host_cr3);
	FRAME(HOST_RSP, host_rsp);
	CONSTANT(FRAME_HOST_CODE, HOST_SELECTOR_CODE);
	CONSTANT(FRAME_HOST_DATA, HOST_SELECTOR_DATA);
	CONSTANT(FRAME_HOST_TSS, HOST_SELECTOR_TSS);
}
