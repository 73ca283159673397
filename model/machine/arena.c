/* SPDX-License-Identifier: GPL-2.0-only */
/* Arenas: bump allocation with free lists by size. */
#include <sys/mman.h>

#include "machine/arena.h"
#include "machine/sparse.h"

#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define poison(ptr, size)	ASAN_POISON_MEMORY_REGION(ptr, size)
#define unpoison(ptr, size)	ASAN_UNPOISON_MEMORY_REGION(ptr, size)
#else
#define poison(ptr, size)	((void)0)
#define unpoison(ptr, size)	((void)0)
#endif

#ifdef ARENA_ASAN
#define SHADOW_SCALE	8

u64 arena_shadow_size(u64 size)
{
	return DIV_ROUND_UP(size, SHADOW_SCALE);
}

static u8 *shadow_of(const void *ptr)
{
	size_t scale, offset;

	__asan_get_shadow_mapping(&scale, &offset);
	return (u8 *)(((uintptr_t)ptr >> scale) + offset);
}

/* Poisoned bytes are copied too, which only code without checks may do. */
__attribute__((no_sanitize_address))
static void copy_raw(void *to, const void *from, u64 size)
{
	u8 *t = to;

	for (u64 i = 0; i < size; i++)
		t[i] = ((const u8 *)from)[i];
}

__attribute__((no_sanitize_address))
static bool equal_raw(const void *a, const void *b, u64 size)
{
	u64 i = 0;

	while (i < size && ((const u8 *)a)[i] == ((const u8 *)b)[i])
		i++;
	return i == size;
}

static bool raw_is_at(const struct arena *a, const void *mem, u64 size, const char **copy)
{
	(void)a;
	*copy += size;
	return equal_raw(mem, *copy - size, size);
}

static char *save_raw(const struct arena *a, char *to, const void *from, u64 size)
{
	(void)a;
	copy_raw(to, from, size);
	return to + size;
}

static const char *restore_raw(const struct arena *a, void *to, u64 size, const char *from)
{
	(void)a;
	copy_raw(to, from, size);
	return from + size;
}
#else
u64 arena_shadow_size(u64 size)
{
	(void)size;
	return 0;
}

static u8 *shadow_of(const void *ptr)
{
	return (u8 *)ptr;
}

static void copy_raw(void *to, const void *from, u64 size)
{
	memcpy(to, from, size);
}

static bool raw_is_at(const struct arena *a, const void *mem, u64 size, const char **copy)
{
	if (a->sparse)
		return sparse_is_at(mem, size, copy);
	*copy += size;
	return !memcmp(mem, *copy - size, size);
}

static char *save_raw(const struct arena *a, char *to, const void *from, u64 size)
{
	if (a->sparse)
		return sparse_save(to, from, size);
	memcpy(to, from, size);
	return to + size;
}

static const char *restore_raw(const struct arena *a, void *to, u64 size, const char *from)
{
	if (a->sparse)
		return sparse_restore(to, size, from);
	memcpy(to, from, size);
	return from + size;
}
#endif

/* Machines that hold much data are faulted in by huge pages; small ones are not. */
#define ARENA_SMALL	(8ull << 20)

/*
 * A tree's kernel may index an array by addresses, so that these are to be the same in each
 * process: the first of a few places that is free, and anywhere only without one.
 */
#define ARENA_FIRST	(1ull << 45)
#define ARENA_STRIDE	(1ull << 38)
#ifdef __SANITIZE_THREAD__		/* which has its own data there */
#define ARENA_PLACES	0
#else
#define ARENA_PLACES	64
#endif

static void *map_arena(u64 bytes)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

	for (int i = 0; i < ARENA_PLACES && bytes <= ARENA_STRIDE; i++) {
		void *at = (void *)(ARENA_FIRST + i * ARENA_STRIDE), *base;

		base = mmap(at, bytes, PROT_READ | PROT_WRITE, flags | MAP_FIXED_NOREPLACE, -1, 0);
		if (base == at)
			return base;
		if (base != MAP_FAILED)
			munmap(base, bytes);
	}
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
}

int arena_init(struct arena *a, u64 bytes)
{
	void *base = map_arena(bytes);

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

void *arena_alloc_for_good(struct arena *a, u64 size)
{
	void *ptr = a->base + a->used;

	size = (size + ARENA_STEP - 1) / ARENA_STEP * ARENA_STEP;
	if (size > a->reserved - a->used)
		return NULL;
	unpoison(ptr, size);
	if (a->used < a->dirty)
		memset(ptr, 0, size);
	a->used += size;
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

char *arena_save(const struct arena *a, u64 from, char *to)
{
	u64 size = a->used - from, shadow = arena_shadow_size(size);

	to = save_raw(a, to, a->base + from, size);
	copy_raw(to, shadow_of(a->base + from), shadow);
	return to + shadow;
}

const char *arena_restore(struct arena *a, u64 from, const struct arena_use *now,
			  const char *copy)
{
	u64 size = a->used - from, shadow = arena_shadow_size(size);

	/* Where both are equal there is nothing to poison. */
	if (now->used > a->used)
		poison(a->base + a->used, now->used - a->used);
	a->dirty = max(a->dirty, max(now->dirty, now->used));
	copy = restore_raw(a, a->base + from, size, copy);
	copy_raw(shadow_of(a->base + from), copy, shadow);
	return copy + shadow;
}

bool arena_is_at(const struct arena *a, u64 from, const struct arena *then, const char **copy)
{
	u64 size = then->used - from;

	if (a->used != then->used || !raw_is_at(a, a->base + from, size, copy))
		return false;
	*copy += arena_shadow_size(size);
	return true;
}
