/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A search by several processes. The fingerprint of a state says which of them owns it: who
 * reaches a state asks the owner if it is new, in batches, and goes on without the answer.
 * Who was the first, in the order of a search by one thread, expands it in the next level,
 * where the snapshots of the way to it are; states of who has many of them go to who has few,
 * as the operations that lead there.
 *
 * So a process has two sorts of numbers: those of the fingerprints that it owns, and those of
 * nodes, which are states that it expands with the way to each.
 */
#ifndef SIM_EXPLORE_RANKS_H
#define SIM_EXPLORE_RANKS_H

#include "explore/finding.h"
#include "explore/independent.h"
#include "explore/net.h"
#include "explore/states.h"

struct ranks;

/**
 * struct ranks_level - the states of a level that are expanded here.
 * @first, @end: their nodes, in order.
 * @rank: of each: its place in the whole level.
 * @key: of each: what states of a level are put in order by, see key_of().
 * @total: states of the whole level.
 */
struct ranks_level {
	guint32 first, end;
	guint32 *rank;
	guint64 *key;
	guint64 total;
};

/**
 * ranks_new() - with @nodes, of which there is the first state; NULL without address space.
 * @idle: called now and then while there is nothing but to wait; may call ranks_pause().
 */
struct ranks *ranks_new(struct net *net, struct states *nodes, guint64 memory,
			void (*idle)(void *data), void *data);
void ranks_free(struct ranks *r);

/** ranks_number() - from here on states have numbers, which ranks_save() needs. */
void ranks_number(struct ranks *r);

/**
 * ranks_save() - reduction and states, as move_search() has them, at the begin of a level: all
 * ranks call it. @c: of rank 0, or NULL.
 */
void ranks_save(struct ranks *r, struct checkpoint *c, const struct reduction *reduction);

/**
 * ranks_load() - the same, by each rank for itself.
 * @places: numbers of the states of this level, in order; they are from @first on.
 * Return: false if there is no room.
 */
bool ranks_load(struct ranks *r, struct checkpoint *c, struct ranks_level *level, guint depth,
		GArray *places, guint32 first, struct reduction *reduction);

/** ranks_first() - the number of the first state of this level; ranks_numbers() - given. */
guint32 ranks_first(const struct ranks *r);
guint32 ranks_numbers(const struct ranks *r);

/** ranks_ask() - somebody reached a state by the path with that key; keys grow in a level. */
void ranks_ask(struct ranks *r, const guint64 fingerprint[2], guint64 key);

/** ranks_poll() - take and answer what has come; false: somebody called ranks_pause(). */
bool ranks_poll(struct ranks *r);

/** ranks_pause() - all are to stop expanding, and to settle. */
void ranks_pause(struct ranks *r);

/** ranks_settle() - all ranks do it: until every question is answered. */
void ranks_settle(struct ranks *r);

/** ranks_reason() - of the first rank that has one, or NULL; @mine is what this one has. */
const char *ranks_reason(struct ranks *r, const char *mine);

/**
 * ranks_next() - the states that are new are the next level, @depth steps from the first state.
 * @reduction: or NULL.
 * Return: false if this level has none, and then nothing was done, or if nodes have no room.
 */
bool ranks_next(struct ranks *r, struct ranks_level *level, guint depth,
		struct reduction *reduction);

/**
 * ranks_merge() - rank 0 collects the findings of all; see findings_merge().
 */
void ranks_merge(struct net *net, GHashTable *findings,
		 void (*found)(void *data, const struct finding *f), void *data);

/** ranks_full() - did an owner or the nodes have no room? */
bool ranks_full(const struct ranks *r);

/** ranks_owned() - states of this one; ranks_bytes() - that they and the nodes take. */
guint64 ranks_owned(const struct ranks *r);
guint64 ranks_bytes(const struct ranks *r);

#endif
