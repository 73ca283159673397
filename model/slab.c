/* SPDX-License-Identifier: GPL-2.0-only */
/* The running kernel's heap: gone at kexec with all that is in it. */
#include <limits.h>

#include "machine.h"

bool should_fail_alloc(struct machine *m)
{
	if (!m->fail_nth || --m->fail_nth)
		return false;
	m->fail_hit = true;
	return true;
}

static void *heap_alloc(struct machine *m, u64 size)
{
	void *ptr;

	if (should_fail_alloc(m))
		return NULL;
	ptr = arena_alloc(&m->heap, size);
	if (!ptr)
		return NULL;
	census_add(m, CENSUS_OBJECTS, 1);
	m->k->heap_bytes += size;
	return ptr;
}

void *kzalloc(struct machine *m, u64 size)
{
	return heap_alloc(m, size);
}

void kfree(struct machine *m, void *ptr, u64 size)
{
	if (!ptr)
		return;
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
	return heap_alloc(m, n * sizeof(u32));
}

void kvfree_pages(struct machine *m, u32 *pfns, u64 n)
{
	kfree(m, pfns, n * sizeof(u32));
}
