/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Callers of KHO that are no file handlers, see luosim.h: modules, whose memory has
 * numbers that stay the same over kexec.
 */
#ifndef MODEL_HANDLERS_KHO_CALLER_H
#define MODEL_HANDLERS_KHO_CALLER_H

#include "lib/types.h"

struct machine;
struct memory;

struct memories {
	struct memory *all;		/* in the arena that outlives kernels */
	u32 nr, max;
};

/* For the ledger, by number from 1: how many pages are there, what do they hold, are they its? */
u64 kho_caller_pages(struct machine *m, u32 memory);
u64 kho_caller_hash(struct machine *m, u32 memory);
bool kho_caller_holds(struct machine *m, u32 memory);

/* All modules are unloaded: they unpreserve and free what they have. */
void kho_callers_exit(struct machine *m);

#endif
