/* SPDX-License-Identifier: GPL-2.0-only */
/* The running kernel's heap: gone at kexec with all that is in it. */
#include <limits.h>

#include "machine/machine.h"

static void *take(struct machine *m, u64 size)
{
	void *ptr = arena_alloc(&m->heap, size);

	if (!ptr)
		return NULL;
	census_add(m, CENSUS_OBJECTS, 1);
	m->k->heap_bytes += size;
	return ptr;
}

static void *heap_alloc(struct machine *m, u64 size)
{
	return should_fail_alloc(m) ? NULL : take(m, size);
}

void *kzalloc(struct machine *m, u64 size)
{
	task_yield(m, YIELD_KZALLOC, NULL);
	return heap_alloc(m, size);
}

void *kzalloc_nowait(struct machine *m, u64 size)
{
	return heap_alloc(m, size);
}

void *kzalloc_nofail(struct machine *m, u64 size)
{
	void *ptr = take(m, size);

	if (!ptr)
		panic(m, "simulator: host memory reserved for the heap is used up");
	return ptr;
}

/*
 * While tasks run, or a tree asks for it, nothing is used again, so that a late use of it is
 * noticed.
 */
static void poison(struct machine *m, void *ptr, u64 size)
{
	u64 word = POISON_FREE << 48 | m->task->op;

	for (u64 off = 0; off + sizeof(word) <= size; off += sizeof(word))
		memcpy((char *)ptr + off, &word, sizeof(word));
}

void kfree(struct machine *m, void *ptr, u64 size)
{
	if (!ptr)
		return;
	if (m->nr_tasks || tree_keeps_freed(m))
		poison(m, ptr, size);
	else
		arena_free(&m->heap, ptr, size);
	census_add(m, CENSUS_OBJECTS, -1);
	m->k->heap_bytes -= size;
}

u32 *kvmalloc_pages(struct machine *m, u64 n)
{
	if (n > INT_MAX / sizeof(void *)) {
		static const char site;

		if (once(m, &site))
			warn(m, "__kvmalloc_node_noprof");
		return NULL;
	}
	/* vmalloc() does not try what cannot be. */
	if (n * sizeof(void *) > PFN_PHYS(m->nr_frames))
		return NULL;
	return heap_alloc(m, n * sizeof(u32));
}

void kvfree_pages(struct machine *m, u32 *pfns, u64 n)
{
	kfree(m, pfns, n * sizeof(u32));
}
