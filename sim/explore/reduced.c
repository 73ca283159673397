/* SPDX-License-Identifier: GPL-2.0-only */
/* The projection onto the reduced machine, see project.h. */
#include <string.h>

#include <xxhash.h>

#include "explore/reduced.h"
#include "explore/internal.h"

/* One state: of each session a word, then the memfds. */
struct projection {
	guint64 sessions[MAX_SESSIONS];
	guint64 memfds;
};

/* Which memfd stands for which, and whether its two open files change places. */
struct naming {
	guint8 inode[MAX_INODES];
	guint8 swapped;			/* mask */
};

/* So few that a call of qsort() would take longer. */
static void sort_words(guint64 *words, guint nr)
{
	for (guint i = 1; i < nr; i++) {
		guint64 word = words[i];
		guint at = i;

		for (; at > 0 && words[at - 1] > word; at--)
			words[at] = words[at - 1];
		words[at] = word;
	}
}

/* The open file that the operation preserved, counted from 1, as @n calls it. */
static guint64 file_of(const struct world *world, const struct naming *n, guint32 op)
{
	guint file, inode, open;

	if (op < 2)
		return 0;
	file = op_of(world, op - 2)->file - file_slot(world, 0);
	inode = file / world->opens;
	open = file % world->opens;
	if (n->swapped & 1u << inode)
		open = world->opens - 1 - open;
	return 1 + n->inode[inode] * world->opens + open;
}

static guint64 session_word(const struct world *world, const struct machine_reduced *r,
			    const struct naming *n, guint s, bool sorted)
{
	guint64 tokens[MAX_TOKENS] = { 0 }, word = r->sessions[s];

	for (guint t = 0; t < world->tokens; t++)
		tokens[t] = file_of(world, n, r->ops[s][t]) << 2 | r->got[s][t];
	if (sorted)
		sort_words(tokens, world->tokens);
	for (guint t = 0; t < world->tokens; t++)
		word = word << 7 | tokens[t];
	return word;
}

static void put_projection(const struct world *world, const struct machine_reduced *r,
			   const struct naming *n, bool sorted, struct projection *p)
{
	memset(p, 0, sizeof(*p));
	for (guint s = 0; s < world->sessions; s++)
		p->sessions[s] = session_word(world, r, n, s, sorted);
	if (sorted)
		sort_words(p->sessions, world->sessions);
	p->memfds = r->second;
	for (guint i = 0; i < world->inodes; i++)
		p->memfds |= (guint64)(r->mark[i] | r->used[i] << 1) << (8 + 2 * n->inode[i]);
}

/* The next order of @n->inode, as std::next_permutation has them; false after the last. */
static bool next_order(struct naming *n, guint nr)
{
	guint i = nr - 1, j = nr - 1;
	guint8 swap;

	while (i > 0 && n->inode[i - 1] >= n->inode[i])
		i--;
	if (i == 0)
		return false;
	while (n->inode[j] <= n->inode[i - 1])
		j--;
	swap = n->inode[i - 1];
	n->inode[i - 1] = n->inode[j];
	n->inode[j] = swap;
	for (j = nr - 1; i < j; i++, j--) {
		swap = n->inode[i];
		n->inode[i] = n->inode[j];
		n->inode[j] = swap;
	}
	return true;
}

/* The least projection under all ways to name memfds and their two files. */
static void least(const struct world *world, const struct machine_reduced *r,
		  struct projection *best)
{
	struct naming n = { .inode = { 0, 1, 2, 3 } };
	guint swaps = world->opens == 2 ? 1u << world->inodes : 1;
	struct projection p;

	put_projection(world, r, &n, true, best);
	do {
		for (n.swapped = 0; n.swapped < swaps; n.swapped++) {
			put_projection(world, r, &n, true, &p);
			if (memcmp(&p, best, sizeof(p)) < 0)
				*best = p;
		}
	} while (next_order(&n, world->inodes));
}

void project(const struct world *world, struct machine *m, const guint64 *frames, bool symmetry,
	     guint64 fingerprint[2])
{
	const struct naming as_is = { .inode = { 0, 1, 2, 3 } };
	struct machine_reduced r;
	struct projection p;
	XXH128_hash_t hash;

	machine_reduce(m, frames, world->inodes, &r);
	if (symmetry)
		least(world, &r, &p);
	else
		put_projection(world, &r, &as_is, false, &p);
	hash = XXH3_128bits(&p, sizeof(p));
	fingerprint[0] = hash.low64;
	fingerprint[1] = hash.high64;
}
