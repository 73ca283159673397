/* SPDX-License-Identifier: GPL-2.0-only */
/* How a kernel tells whether it can read what was handed over, see compat.c. */
#ifndef MODEL_POLICY_COMPAT_H
#define MODEL_POLICY_COMPAT_H

#include "kernel/liveupdate/liveupdate.h"
#include "machine/machine.h"

/* Put what the file uses into @compatible, which has the handler's string. */
void compat_put(struct machine *m, const struct liveupdate_file_handler *fh, u64 serialized_data,
		char compatible[LIVEUPDATE_HNDL_COMPAT_LENGTH]);
/* Is it a file of that handler? */
bool compat_matches(const struct machine *m, const struct liveupdate_file_handler *fh,
		    const char compatible[LIVEUPDATE_HNDL_COMPAT_LENGTH]);
/* -EPROTO: the file uses what the handler does not know. */
int compat_check(struct machine *m, const struct liveupdate_file_handler *fh,
		 const char compatible[LIVEUPDATE_HNDL_COMPAT_LENGTH]);
/* Is it another version of that FLB, and does the policy tell that from nothing? */
bool compat_other_version(const struct machine *m, const char *compatible,
			  const char theirs[LIVEUPDATE_FLB_COMPAT_LENGTH]);

#endif
