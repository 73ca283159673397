/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * With --asan: gcc calls these before each access to memory in the tree's files. Which
 * memory there is, luosim knows; of variables the compiler tells, and lays a gap after each.
 */
#include "glue.h"
#include "supply.h"

/* As the compiler has it. */
struct asan_global {
	unsigned long start, size, size_with_gap;
	const char *name, *module;
	unsigned long initialized;
	const void *location;
	unsigned long other;
};

#define MAX_FILES	64

static struct {
	const struct asan_global *global;
	unsigned long nr;
} files[MAX_FILES] __attribute__((section(".luosim_keep")));

extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char luosim_end[] __asm__("_end");

SUPPLY(void, __asan_register_globals, (const struct asan_global *global, unsigned long nr))
{
	for (unsigned int i = 0; i < MAX_FILES; i++)
		if (!files[i].nr) {
			files[i].global = global;
			files[i].nr = nr;
			return;
		}
}

SUPPLY(void, __asan_unregister_globals, (const struct asan_global *global, unsigned long nr))
{
}

SUPPLY(void, __asan_handle_no_return, (void))
{
}

/* The variable that the access goes beyond, or NULL. */
static const char *beyond(unsigned long at, unsigned long size)
{
	if (at < (unsigned long)__ehdr_start || at >= (unsigned long)luosim_end)
		return NULL;
	for (unsigned int f = 0; f < MAX_FILES && files[f].nr; f++)
		for (unsigned long i = 0; i < files[f].nr; i++) {
			const struct asan_global *g = &files[f].global[i];

			if (at >= g->start && at < g->start + g->size_with_gap &&
			    at + size > g->start + g->size)
				return g->name;
		}
	return NULL;
}

#define CHECK(at, size, write)						\
	HOST(access, at, size, write, beyond((unsigned long)(at), size))

#define LOAD_AND_STORE(size)						\
	SUPPLY(void, __asan_load##size##_noabort, (const void *at))	\
	{								\
		CHECK(at, size, false);					\
	}								\
	SUPPLY(void, __asan_store##size##_noabort, (const void *at))	\
	{								\
		CHECK(at, size, true);					\
	}

LOAD_AND_STORE(1)
LOAD_AND_STORE(2)
LOAD_AND_STORE(4)
LOAD_AND_STORE(8)
LOAD_AND_STORE(16)

SUPPLY(void, __asan_loadN_noabort, (const void *at, unsigned long size))
{
	CHECK(at, size, false);
}

SUPPLY(void, __asan_storeN_noabort, (const void *at, unsigned long size))
{
	CHECK(at, size, true);
}
