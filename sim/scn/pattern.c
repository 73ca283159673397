/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bytes of fill() and verify(): those of the recordings, a hash of offset
 * and seed for each byte.
 */
#include "scn/pattern.h"

#define STEP		0x9e3779b97f4a7c15ull
#define SEED_STEP	0xd1b54a32d192ed03ull
#define MIX		0xbf58476d1ce4e5b9ull

/* Large fills are common: let the loop use the widest vectors that the machine has. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) &&			\
	!defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define WIDE	__attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"),	\
			       optimize("O3")))
#else
#define WIDE
#endif

WIDE
void pattern_fill(guint8 *buf, guint64 off, gsize len, guint64 seed)
{
	guint64 x = off * STEP + seed * SEED_STEP;

	for (gsize i = 0; i < len; i++, x += STEP) {
		guint64 mixed = (x ^ (x >> 29)) * MIX;

		buf[i] = mixed ^ (mixed >> 32);
	}
}
