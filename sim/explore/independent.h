/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Partial-order reduction: which operations need not be done in a state, as the order of
 * the last two makes no difference.
 *
 * State x came of state p by operation b, first of all. Operation a could be done in p
 * too, broke nothing there, and shares nothing with b. Then a in x leads where b leads
 * after a, and a in x is left out
 *
 *  - if a was refused in p without a trace: it will be refused in x, also if the two share
 *    something, as long as b is not what its row says may end that; or
 *  - if a comes before b: the state after a in p stands before x in the order of the
 *    search, so that whoever goes on from there has reached it first.
 *
 * The second is so by induction over that order, also where a was left out in p itself. It
 * takes no transition by which a state is found first: states, their numbers, how each was
 * reached, and depths are the same. What was left out counts as done where it leads to the
 * states after x.
 */
#ifndef SIM_EXPLORE_INDEPENDENT_H
#define SIM_EXPLORE_INDEPENDENT_H

#include "explore/states.h"
#include "explore/world.h"

struct reduction;

/** enum after - what is known of an operation in a state. */
enum after {
	AFTER_UNKNOWN,		/* not done, or it broke something */
	AFTER_CLEAN,		/* it led to a state */
	AFTER_REFUSED,		/* it left no trace */
	AFTER_LASTING,		/* likewise, for the first reason that its row has; and so on */
};

/**
 * struct behind - what is behind the descriptors of a state: a bit for each thing.
 * @shares: as machine_shares() has it: what is free makes a difference.
 */
struct behind {
	guint64 slots[MAX_WORLD_SLOTS];
	bool shares;
};

/**
 * reduction_new() - for a search of @world; NULL if there is nothing to reduce in it.
 * @symmetry: as of struct explore_options.
 */
struct reduction *reduction_new(const struct world *world, bool symmetry);
void reduction_free(struct reduction *r);

/** reduction_look() - fill in @behind of the state in which @m is at @place. */
void reduction_look(const struct reduction *r, struct machine *m, const struct place *place,
		    struct behind *behind);

/** reduction_move() - what is known of this level and the one before. */
void reduction_move(struct reduction *r, struct checkpoint *c);

/**
 * reduction_row() - what is known of state @number of this level, as reduction_row_bytes() bytes.
 * reduction_receive() - that of a state of another process, which has @number here; the level
 *	of its followers is the next one.
 */
gsize reduction_row_bytes(const struct reduction *r);
const guint8 *reduction_row(const struct reduction *r, guint32 number);
void reduction_receive(struct reduction *r, guint32 number, const guint8 *row);

/** reduction_before() - the rows of the level before, of states in the order of their numbers. */
const guint8 *reduction_before(const struct reduction *r);

/** reduction_level() - states with numbers from @first to @end are worked on. */
void reduction_level(struct reduction *r, guint32 first, guint32 end);

/**
 * reduction_known() - what comes of operations in state @number, before any is done there.
 * @origin: how it was reached, from a state of the level before.
 * @place: of that state, with what is @behind its descriptors; NULL in the first state.
 *
 * What is not AFTER_UNKNOWN in reduction_after() from then on need not be done.
 */
void reduction_known(struct reduction *r, guint32 number, const struct origin *origin,
		     const struct place *place, const struct behind *behind);

/** reduction_after() - what is known of operation @op in state @number of this level. */
enum after reduction_after(const struct reduction *r, guint32 number, guint op);

/**
 * reduction_set() - it was done, and returned @ret. Where steps may fail, and it has some,
 * that is AFTER_UNKNOWN: what was done before may have made one more or less of them.
 */
void reduction_set(struct reduction *r, guint32 number, guint op, enum after after, gint64 ret);

#endif
