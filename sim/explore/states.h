/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The states that a search has seen: a fingerprint of 128 bits and how each was
 * come to, 24 bytes, and in a hash table its number, 4 bytes more.
 *
 * Several threads insert at once; growing the table is for one alone.
 */
#ifndef SIM_EXPLORE_STATES_H
#define SIM_EXPLORE_STATES_H

#include <glib.h>
#include <stdbool.h>

#include "explore/checkpoint.h"

struct states;

/* How a state was reached. */
struct origin {
	guint32 parent;
	guint16 op;
	guint16 nth;		/* as world_run() takes it */
};

enum seen { STATE_NEW, STATE_SEEN, STATE_NO_ROOM };

/** states_new() - room for as many as @memory bytes hold; NULL without address space. */
struct states *states_new(guint64 memory);
void states_free(struct states *states);

/**
 * states_insert() - is @fingerprint new? If so it gets a number.
 * @number: where to store the number that it has.
 * @spare: of this thread: 0 at first.
 */
enum seen states_insert(struct states *states, const guint64 fingerprint[2],
			const struct origin *origin, guint32 *number, guint32 *spare);

/** states_append() - one that is not looked up; false: there is no room. */
bool states_append(struct states *states, const guint64 fingerprint[2],
		   const struct origin *origin, guint32 *number);

/** states_fingerprints() - of all, 16 bytes each. */
const guint8 *states_fingerprints(const struct states *states);

/** states_equal() - is that the fingerprint of @number? */
bool states_equal(const struct states *states, guint32 number, const guint64 fingerprint[2]);

/** states_crowded() - is it time for states_grow()? */
bool states_crowded(const struct states *states);
/** states_grow() - make the table larger; false without memory. */
bool states_grow(struct states *states);

/** states_is() - does @number stand for a state? */
bool states_is(const struct states *states, guint32 number);

/** states_nr() - numbers given; one that its thread kept as spare stands for no state. */
guint32 states_nr(const struct states *states);
/** states_fingerprint() - of @number. */
void states_fingerprint(const struct states *states, guint32 number, guint64 fingerprint[2]);
struct origin *states_origin(const struct states *states, guint32 number);
/** states_move() - all of them; false where there is not enough memory. */
bool states_move(struct states *states, struct checkpoint *c);
/** states_bytes() - memory in use; states_need() - likely, by @nr of them. */
guint64 states_bytes(const struct states *states);
double states_need(double nr);

#endif
