/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An array indexed by u64, as a radix tree of 16-way nodes on the kernel's heap
 * (lib/xarray.c). Entries are non-NULL pointers.
 */
#ifndef MODEL_LIB_XARRAY_H
#define MODEL_LIB_XARRAY_H

#include "lib/types.h"

struct machine;

struct xarray {
	struct xa_node *root;
	u32 shift;		/* bits below the root's */
	void *single;		/* the entry at index 0, when there are no nodes */
};

void *xa_load(const struct xarray *xa, u64 index);
/* 0, -EBUSY when there is an entry, -ENOMEM. */
int xa_insert(struct machine *m, struct xarray *xa, u64 index, void *entry);
/* The entry that was there, or NULL. */
void *xa_erase(struct machine *m, struct xarray *xa, u64 index);
/* The first entry at or after *@index, which is set to its index; or NULL. */
void *xa_find(const struct xarray *xa, u64 *index);
#define xa_for_each(xa, index, entry)					\
	for (index = 0, entry = xa_find(xa, &index); entry;		\
	     index++, entry = index ? xa_find(xa, &index) : NULL)

#endif
