/* SPDX-License-Identifier: GPL-2.0-only */
/* Arenas: bump allocation with free lists by size. */
#include <sys/mman.h>

#include "arena.h"

#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define poison(ptr, size)	ASAN_POISON_MEMORY_REGION(ptr, size)
#define unpoison(ptr, size)	ASAN_UNPOISON_MEMORY_REGION(ptr, size)
#else
#define poison(ptr, size)	((void)0)
#define unpoison(ptr, size)	((void)0)
#endif

/* Machines that hold much data are faulted in by huge pages; small ones are not. */
#define ARENA_SMALL	(8ull << 20)

int arena_init(struct arena *a, u64 bytes)
{
	void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (base == MAP_FAILED)
		return -ENOMEM;
	if (bytes > ARENA_SMALL)
		madvise((char *)base + ARENA_SMALL, bytes - ARENA_SMALL, MADV_HUGEPAGE);
	*a = (struct arena){ .base = base, .reserved = bytes };
	return 0;
}

void arena_destroy(struct arena *a)
{
	unpoison(a->base, max(a->dirty, a->used));
	munmap(a->base, a->reserved);
}

void arena_reset(struct arena *a)
{
	poison(a->base, a->used);
	a->dirty = max(a->dirty, a->used);
	a->used = 0;
	a->live = 0;
	memset(a->free, 0, sizeof(a->free));
}

static unsigned int size_class(u64 *size)
{
	if (*size <= ARENA_STEP * ARENA_STEPS) {
		*size = (max(*size, 1) + ARENA_STEP - 1) / ARENA_STEP * ARENA_STEP;
		return *size / ARENA_STEP - 1;
	}
	*size = 2ull << ilog2(*size - 1);
	return ARENA_STEPS + ilog2(*size) - 11;
}

/* @rounded bytes that were freed before, or are new; *@clean: they are zero. */
static void *take(struct arena *a, unsigned int class, u64 rounded, bool *clean)
{
	void *ptr = a->free[class];

	if (ptr) {
		unpoison(ptr, rounded);
		a->free[class] = *(void **)ptr;
		*clean = false;
		return ptr;
	}
	if (rounded > a->reserved - a->used)
		return NULL;
	ptr = a->base + a->used;
	*clean = a->used >= a->dirty;
	a->used += rounded;
	unpoison(ptr, rounded);
	return ptr;
}

void *arena_alloc(struct arena *a, u64 size)
{
	u64 rounded = size;
	unsigned int class;
	bool clean;
	void *ptr;

	if (size > a->reserved)
		return NULL;
	class = size_class(&rounded);
	ptr = take(a, class, rounded, &clean);
	if (!ptr)
		return NULL;
	if (!clean)
		memset(ptr, 0, size);
	poison((char *)ptr + size, rounded - size);
	a->live++;
	return ptr;
}

void *arena_alloc_untouched(struct arena *a, u64 size)
{
	void *ptr = a->base + a->used;

	size = (size + ARENA_STEP - 1) / ARENA_STEP * ARENA_STEP;
	if (size > a->reserved - a->used)
		return NULL;
	a->used += size;
	return ptr;
}

void arena_free(struct arena *a, void *ptr, u64 size)
{
	unsigned int class = size_class(&size);

	unpoison(ptr, size);
	*(void **)ptr = a->free[class];
	a->free[class] = ptr;
	poison(ptr, size);
	a->live--;
}
