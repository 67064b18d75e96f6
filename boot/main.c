/* SPDX-License-Identifier: MIT */
/*
 * The whole story. UEFI starts us here, by GNU-EFI's start-up code.
 */
#include "boot/session.h"

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
	struct session *session = session_new(image, system);

	if (session == NULL)
		return EFI_UNSUPPORTED; /* as for status 105; session_new has said why */
	if (session_open(session) && session_configure(session) && /* file, then load options */
		session_preflight(session) && /* what must the machine have, and has it? */
		session_load(session) &&      /* disk and guest, from the boot volume */
		session_run_guest(session))   /* take the machine, run, give it back */
		session_write_back(session);  /* what the guest changed on its disk */
	session_report(session);
	return session_close(session);
}
