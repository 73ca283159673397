/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sparse copies, see sparse.h: a mask of 64 blocks says which are there, and these follow.
 * Nothing is written where it is zero already.
 */
#include <string.h>

#include "machine/sparse.h"

#define BLOCK		256u
#define GROUP		(64ull * BLOCK)

static bool is_zero(const void *mem, u64 size)
{
	static const char zeroes[GROUP];

	return !memcmp(mem, zeroes, size);
}

char *sparse_save(char *to, const void *from, u64 size)
{
	const char *at = from, *end = at + size / BLOCK * BLOCK;

	while (at < end) {
		char *mask_at = to;
		u64 mask = 0;

		to += sizeof(mask);
		for (u32 i = 0; i < GROUP / BLOCK && at < end; i++, at += BLOCK) {
			if (is_zero(at, BLOCK))
				continue;
			mask |= 1ull << i;
			memcpy(to, at, BLOCK);
			to += BLOCK;
		}
		memcpy(mask_at, &mask, sizeof(mask));
	}
	memcpy(to, at, size % BLOCK);
	return to + size % BLOCK;
}

/* The blocks up to @end, of a group at most. */
static const char *restore_group(char *at, const char *end, const char *from)
{
	u64 mask;

	memcpy(&mask, from, sizeof(mask));
	from += sizeof(mask);
	if (!mask && is_zero(at, end - at))
		return from;
	for (; at < end; at += BLOCK, mask >>= 1) {
		if (mask & 1) {
			memcpy(at, from, BLOCK);
			from += BLOCK;
		} else if (!is_zero(at, BLOCK)) {
			memset(at, 0, BLOCK);
		}
	}
	return from;
}

const char *sparse_restore(void *mem, u64 size, const char *from)
{
	char *at = mem, *end = at + size / BLOCK * BLOCK;

	for (; at < end; at += min(GROUP, (u64)(end - at)))
		from = restore_group(at, at + min(GROUP, (u64)(end - at)), from);
	memcpy(at, from, size % BLOCK);
	return from + size % BLOCK;
}

/* The blocks up to @end, of a group at most. */
static bool group_is_at(const char *at, const char *end, const char **copy)
{
	u64 mask;

	memcpy(&mask, *copy, sizeof(mask));
	*copy += sizeof(mask);
	if (!mask)
		return is_zero(at, end - at);
	for (; at < end; at += BLOCK, mask >>= 1) {
		if (!(mask & 1 ? !memcmp(at, *copy, BLOCK) : is_zero(at, BLOCK)))
			return false;
		*copy += mask & 1 ? BLOCK : 0;
	}
	return true;
}

bool sparse_is_at(const void *mem, u64 size, const char **copy)
{
	const char *at = mem, *end = at + size / BLOCK * BLOCK;

	for (; at < end; at += min(GROUP, (u64)(end - at)))
		if (!group_is_at(at, at + min(GROUP, (u64)(end - at)), copy))
			return false;
	*copy += size % BLOCK;
	return !memcmp(at, *copy - size % BLOCK, size % BLOCK);
}
