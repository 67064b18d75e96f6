/* SPDX-License-Identifier: MIT */
/*
 * \cafevisor.result, which scripts read: key=value lines, written after give-back. No byte of the
 * guest's console gets in here.
 */
#ifndef BOOT_RESULT_H
#define BOOT_RESULT_H

#include "boot/session.h"

MUST_USE enum status result_write(struct session *session);

/* \cafevisor.log: what the log's ring holds. */
MUST_USE enum status result_write_log(struct session *session);

#endif
