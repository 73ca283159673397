/* SPDX-License-Identifier: GPL-2.0-only */
/* With --asan: is there what the tree's code is about to read or write? */
#include <stdio.h>

#include "engine/engine.h"
#include "machine/machine.h"

bool tree_keeps_freed(const struct machine *m)
{
	const struct luosim_tree *tree = m->k->boot.release.tree;

	return tree && !strcmp(tree->kernel->kind, "asan");
}

/* "luo_file_finish() reads 8 bytes at kernel/liveupdate/luo_file.c:512": who does it. */
static const void *describe(struct machine *m, unsigned long size, bool write, char *text, u32 len)
{
	struct luosim_tree *tree = m->k->boot.release.tree;
	const void *chain[ENGINE_CHAIN], *where = NULL;
	u32 depth = tree->kernel->chain(chain);

	for (u32 i = 0; i < depth && !where; i++)
		if (!tree_is_glue(tree, chain[i]))
			where = chain[i];
	tree_push_chain(m, chain, depth);
	snprintf(text, len, "%s() %s %lu byte%s at %s", tree_function(tree, where),
		 write ? "writes" : "reads", size, size == 1 ? "" : "s", tree_place(tree, where));
	return where;
}

static void __attribute__((noreturn)) stop(struct machine *m, const char *what, const void *where)
{
	struct luosim_tree *tree = m->k->boot.release.tree;

	panic(m, "BUG: KASAN: %s in %s, %s", what, tree_function(tree, where),
	      tree_place(tree, where));
}

static void check_heap(struct machine *m, const char *at, unsigned long size, bool write)
{
	const void *where, *word = (const void *)((uintptr_t)at & ~7ul);
	const struct tree_object *object;
	char text[160];

	list_for_each_entry(object, &m->k->tree_objects, list) {
		const char *mem = (const char *)(object + 1);

		if (at >= mem && at + size <= mem + object->size)
			return;
	}
	where = describe(m, size, write, text, sizeof(text));
	if (!freed_by(word))
		stop(m, "slab-out-of-bounds", where);
	judge(m, VIOLATION_USE_AFTER_FREE, 0, "%s, in memory that has been freed", text);
	stop(m, "slab-use-after-free", where);
}

static void check_frame(struct machine *m, u64 pfn, unsigned long size, bool write)
{
	const void *where;
	char text[160];

	if (!page_is_free(m, pfn))
		return;
	where = describe(m, size, write, text, sizeof(text));
	judge(m, VIOLATION_USE_AFTER_FREE, pfn, "%s, in a page that is free", text);
	stop(m, "use-after-free", where);
}

void engine_access(struct machine *m, const void *at, unsigned long size, bool write,
		   const char *beyond)
{
	u64 heap = (const char *)at - m->heap.base, ram = (const u8 *)at - m->memory.ram;
	char text[160];

	if (beyond)
		stop(m, "global-out-of-bounds", describe(m, size, write, text, sizeof(text)));
	if (heap < m->heap.reserved)
		check_heap(m, at, size, write);
	else if (m->k->fresh_end && ram < PFN_PHYS(m->nr_frames))
		check_frame(m, PHYS_PFN(ram), size, write);
}
