/* SPDX-License-Identifier: MIT */
/*
 * One start of cafevisor.efi, from the firmware's call to its return: everything it owns. The steps
 * that efi_main names are in boot/session.c.
 */
#ifndef BOOT_SESSION_H
#define BOOT_SESSION_H

#include "boot/config.h"
#include "boot/console.h"
#include "boot/disk.h"
#include "boot/files.h"
#include "boot/firmware.h"
#include "boot/machine.h"
#include "boot/preflight.h"
#include "boot/pvh.h"
#include "vmm/vcpu.h"

#define SESSION_MAX_OPTIONS 4096

struct session {
	struct firmware firmware;
	struct console console;
	struct volume volume;
	struct config config;
	struct preflight preflight;
	struct disk disk;
	struct machine machine;
	struct frame_pool pool; /* for EPT, VMCS and the like */
	struct vm vm;
	struct vcpu vcpu;

	char options[SESSION_MAX_OPTIONS]; /* the load options in ASCII */

	/* How it ended, for \cafevisor.result. */
	int status;
	char reason[CONFIG_ERROR_SIZE];
	uint64_t started_tsc; /* at efi_main */
	uint64_t loading_tsc; /* of that, spent on reading files */
	uint64_t entered_tsc; /* just before the first entry into the guest */
	unsigned int give_backs;
};

/*
 * A session in pages of its own, which the hypervisor maps; null when that fails, and the
 * firmware's console was told.
 */
struct session *session_new(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

/*
 * Each step answers whether the next may follow; if not, status and reason say why, and the reason
 * is in the log.
 */
bool session_open(struct session *session);
bool session_preflight(struct session *session);
bool session_configure(struct session *session);
bool session_load(struct session *session);
bool session_run_guest(struct session *session);
void session_write_back(struct session *session);

/* Statistics, \cafevisor.result and \cafevisor.log; waits for a key where somebody may be reading.
 */
void session_report(struct session *session);

/* Frees everything; what the firmware is told about the run. */
EFI_STATUS session_close(struct session *session);

#endif
