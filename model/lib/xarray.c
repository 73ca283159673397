/* SPDX-License-Identifier: GPL-2.0-only */
/* A radix tree of 16-way nodes, small as most of them lead to few entries. */
#include "machine/machine.h"

#define XA_SHIFT	4
#define XA_SLOTS	(1u << XA_SHIFT)
#define XA_MASK		(XA_SLOTS - 1)

struct xa_node {
	u32 count;
	void *slot[XA_SLOTS];		/* nodes; entries where shift is 0 */
};

/* Does the tree reach up to @index? */
static bool covers(const struct xarray *xa, u64 index)
{
	if (!xa->root)
		return !index;
	return xa->shift + XA_SHIFT >= 64 || !(index >> (xa->shift + XA_SHIFT));
}

void *xa_load(const struct xarray *xa, u64 index)
{
	const struct xa_node *node = xa->root;

	if (!covers(xa, index))
		return NULL;
	if (!node)
		return xa->single;
	for (u32 shift = xa->shift; shift && node; shift -= XA_SHIFT)
		node = node->slot[(index >> shift) & XA_MASK];
	return node ? node->slot[index & XA_MASK] : NULL;
}

static struct xa_node *new_node(struct machine *m)
{
	struct xa_node *node;

	m->task->faults.node = true;
	/* The kernel asks for memory first without sleeping, then in earnest. */
	node = kzalloc_nowait(m, sizeof(*node));
	if (!node)
		node = kzalloc_nowait(m, sizeof(*node));
	m->task->faults.node = false;
	m->k->xa_nodes += node != NULL;
	return node;
}

static void free_node(struct machine *m, struct xa_node *node)
{
	m->k->xa_nodes--;
	kfree(m, node, sizeof(*node));
}

/* Put nodes on top until the tree reaches @index. */
static int expand(struct machine *m, struct xarray *xa, u64 index)
{
	while (!covers(xa, index)) {
		struct xa_node *node = new_node(m);

		if (!node)
			return -ENOMEM;
		if (!xa->root && !xa->single) {
			/* Empty: one root of the right height. */
			xa->shift = ilog2(index) / XA_SHIFT * XA_SHIFT;
		} else {
			node->slot[0] = xa->root ? (void *)xa->root : xa->single;
			node->count = 1;
			xa->shift += xa->root ? XA_SHIFT : 0;
			xa->single = NULL;
		}
		xa->root = node;
	}
	return 0;
}

static void erase_empty(struct machine *m, struct xarray *xa, u64 index);

int xa_insert(struct machine *m, struct xarray *xa, u64 index, void *entry)
{
	struct xa_node *node;

	if (xa_load(xa, index))
		return -EBUSY;
	if (expand(m, xa, index)) {
		erase_empty(m, xa, index);
		return -ENOMEM;
	}
	if (!xa->root) {
		xa->single = entry;
		return 0;
	}
	node = xa->root;
	for (u32 shift = xa->shift; shift; shift -= XA_SHIFT) {
		void **slot = &node->slot[(index >> shift) & XA_MASK];

		if (!*slot) {
			*slot = new_node(m);
			if (!*slot) {
				erase_empty(m, xa, index);
				return -ENOMEM;
			}
			node->count++;
		}
		node = *slot;
	}
	node->slot[index & XA_MASK] = entry;
	node->count++;
	return 0;
}

/* Take off the nodes on top that lead only to slot 0. */
static void shrink(struct machine *m, struct xarray *xa)
{
	while (xa->root && xa->root->count == 1 && xa->root->slot[0]) {
		struct xa_node *node = xa->root;

		xa->root = xa->shift ? node->slot[0] : NULL;
		xa->single = xa->shift ? NULL : node->slot[0];
		xa->shift -= xa->shift ? XA_SHIFT : 0;
		free_node(m, node);
	}
}

/* Free the empty nodes on the way to @index, bottom up, then those on top that are not needed. */
static void erase_empty(struct machine *m, struct xarray *xa, u64 index)
{
	struct xa_node *path[64 / XA_SHIFT + 1];
	struct xa_node *node = xa->root;
	u32 depth = 0;

	for (u32 shift = xa->shift; node && covers(xa, index); shift -= XA_SHIFT) {
		path[depth++] = node;
		if (!shift)
			break;
		node = node->slot[(index >> shift) & XA_MASK];
	}
	while (depth && !path[depth - 1]->count) {
		free_node(m, path[--depth]);
		if (!depth) {
			xa->root = NULL;
			xa->shift = 0;
			break;
		}
		path[depth - 1]->count--;
		path[depth - 1]->slot[(index >> (xa->shift - (depth - 1) * XA_SHIFT)) & XA_MASK] =
			NULL;
	}
	shrink(m, xa);
}

void *xa_erase(struct machine *m, struct xarray *xa, u64 index)
{
	struct xa_node *node = xa->root;
	void *entry = xa_load(xa, index);

	if (!entry)
		return NULL;
	if (!node) {
		xa->single = NULL;
		return entry;
	}
	for (u32 shift = xa->shift; shift; shift -= XA_SHIFT)
		node = node->slot[(index >> shift) & XA_MASK];
	node->slot[index & XA_MASK] = NULL;
	node->count--;
	erase_empty(m, xa, index);
	return entry;
}

static void *find_in(const struct xa_node *node, u32 shift, u64 *index)
{
	u64 at = *index;

	for (u32 i = (at >> shift) & XA_MASK; i < XA_SLOTS; i++) {
		void *entry = node->slot[i];

		if (entry && shift)
			entry = find_in(entry, shift - XA_SHIFT, &at);
		if (entry) {
			*index = at;
			return entry;
		}
		at = ((at >> shift) + 1) << shift;
	}
	return NULL;
}

void *xa_find(const struct xarray *xa, u64 *index)
{
	if (!covers(xa, *index))
		return NULL;
	if (!xa->root)
		return xa->single;
	return find_in(xa->root, xa->shift, index);
}
