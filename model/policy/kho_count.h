/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Restore refcount: KHO counts how often a block was preserved, and the next
 * kernel restores it as often. Never posted as a patch; docs/policies.md says
 * what it means. Without that policy none of this does anything.
 */
#ifndef MODEL_POLICY_KHO_COUNT_H
#define MODEL_POLICY_KHO_COUNT_H

#include "mm/mm.h"

/* Preserve once more: the new count, 1 for the first time; -ENOMEM. */
int kho_count_get(struct machine *m, u64 pfn);
/* Unpreserve once: the count that remains. */
u32 kho_count_put(struct machine *m, u64 pfn);
/* The owners that a block had when its kernel ended. */
u32 kho_count_owners(struct machine *m, u64 pfn);
/* Restore a block that was restored already for another owner; false: there is none. */
bool kho_count_restore(struct machine *m, u64 pfn);
/* Pages that were restored for one owner and are kept for others that have not come yet. */
u64 kho_count_waiting(struct machine *m);
/* Hand the counts over, or take them. */
int kho_count_init(struct machine *m);
void kho_count_serialize(struct machine *m);
int kho_count_deserialize(struct machine *m);

#endif
