/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How large a world is, before it is searched. Levels of the search are gone through as
 * always as long as they are small; of a large one only a sample is expanded, of states
 * whose fingerprints are lowest. How many states the next level has is estimated by
 * capture and recapture, from how often steps of the sample lead to the same one.
 */
#ifndef SIM_EXPLORE_ESTIMATE_H
#define SIM_EXPLORE_ESTIMATE_H

#include "explore/states.h"

struct estimate;

/** struct world_size - how many there are, all levels up to the last one together. */
struct world_size {
	double states, transitions;
	guint depth;
	bool exact;		/* everything was seen */
};

/** estimate_new() - expanding up to @sample states of each level. */
struct estimate *estimate_new(guint sample);
void estimate_free(struct estimate *e);

/** estimate_level() - the level with numbers from @first to @end; false if that is the end. */
bool estimate_level(struct estimate *e, const struct states *states, guint32 first, guint32 end);

/** estimate_takes() - is state @number of this level one that is expanded? */
bool estimate_takes(const struct estimate *e, const struct states *states, guint32 number);

/** estimate_step() - a transition led to state @to. */
void estimate_step(struct estimate *e, guint32 to);

/** estimate_level_done() - with the number of transitions from the states that were expanded. */
void estimate_level_done(struct estimate *e, guint64 transitions);

struct world_size estimate_size(const struct estimate *e);

#endif
