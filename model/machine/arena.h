/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arenas: where all state of a machine lies. One reserved mapping, bump
 * allocation with free lists by size, so that the same calls give the same
 * addresses within it and a snapshot is a copy of the used part.
 */
#ifndef MODEL_MACHINE_ARENA_H
#define MODEL_MACHINE_ARENA_H

#include "lib/types.h"

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif

/* Sizes in steps up to 1024 bytes, then powers of two up to 2^40. */
#define ARENA_STEP	16u
#define ARENA_STEPS	64
#define ARENA_CLASSES	(ARENA_STEPS + 31)

/* How much of an arena is in use, and was ever. */
struct arena_use {
	u64 used, dirty;
};

struct arena {
	char *base;		/* start of the mapping */
	u64 reserved;		/* bytes of address space */
	u64 used;		/* bump pointer, as an offset */
	u64 dirty;		/* below it memory was in use before */
	u64 live;		/* objects handed out and not freed */
	void *free[ARENA_CLASSES];
	bool sparse;		/* copies leave out what is zero, of which there is much */
};

/* Reserve @bytes of address space; -ENOMEM when there is not as much. */
int arena_init(struct arena *a, u64 bytes);
void arena_destroy(struct arena *a);
/* Forget every object at once. */
void arena_reset(struct arena *a);
/* Zeroed memory, or NULL when the reservation is used up. */
void *arena_alloc(struct arena *a, u64 size);
/* Likewise, but never to be freed, so that nothing is rounded up. */
void *arena_alloc_for_good(struct arena *a, u64 size);
/* Zeroed memory that is not touched; only from an arena that was never reset. */
void *arena_alloc_untouched(struct arena *a, u64 size);
/* @size is what was asked for. */
void arena_free(struct arena *a, void *ptr, u64 size);

/*
 * Snapshots: copy what lies from offset @from on to @to, or back. @now is what the
 * use was before *@a itself was put back. Each returns what follows the copy.
 */
char *arena_save(const struct arena *a, u64 from, char *to);
const char *arena_restore(struct arena *a, u64 from, const struct arena_use *now,
			  const char *copy);
/* Is the arena as in the copy of when it was @then? *@copy is moved after it. */
bool arena_is_at(const struct arena *a, u64 from, const struct arena *then, const char **copy);
/* What a copy holds besides @size bytes of the arena: what AddressSanitizer knows of them. */
u64 arena_shadow_size(u64 size);

#endif
