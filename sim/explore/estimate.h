/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How large a world is, before it is searched. Levels are gone through as always as long as
 * they are small; of a larger one, and of those after it, a sample is expanded. Some of the
 * steps from there to states that were not known are taken at random. If m states lead to a
 * state, it is met m times, so that it counts as 1/m: what a step counts on the average, times
 * the steps from each state, is by what the next level is larger. The next sample is taken
 * from them by these weights, so that it is one of states and not of steps.
 *
 * Without symmetry there are too many states that are met too seldom. So what is gone through
 * are the states with symmetry, and for some of each level it is tried out how many states it
 * stands for, by giving other names to all that is on the way there: n states drawn at random
 * from N have n^2 / 2N pairs of equal ones.
 *
 * This is Knuth's way to estimate the size of a tree, with many probes side by side and those
 * that stand for more followed more often (Chen), of a graph in which each state hangs from all
 * that lead to it, with a share of each.
 */
#ifndef SIM_EXPLORE_ESTIMATE_H
#define SIM_EXPLORE_ESTIMATE_H

#include "explore/states.h"
#include "explore/ways.h"

struct estimate;

/** struct world_size - how many there are, all levels up to the last one together. */
struct world_size {
	double states, transitions;
	guint depth;
	double each;		/* seconds of a transition */
	bool exact;		/* everything was seen */
};

/** estimate_new() - options as of struct explore_options; NULL: no memory. */
struct estimate *estimate_new(const struct world *world, bool symmetry, bool folds,
			      bool through);
void estimate_free(struct estimate *e);

/**
 * estimate_level() - what was found since @first is the next level.
 * Return: the number of the first state of it that is to be expanded, up to the last number
 *	that was given; there are none if this is the end.
 */
guint32 estimate_level(struct estimate *e, struct states *states, guint32 first);

/** estimate_samples() - is this level a sample? */
bool estimate_samples(const struct estimate *e);

/** estimate_step() - a transition of a sample led to state @number. */
void estimate_step(struct estimate *e, guint32 number, const struct origin *origin);

/** estimate_level_done() - with the number of transitions from the states that were expanded. */
void estimate_level_done(struct estimate *e, guint64 transitions);

struct world_size estimate_size(const struct estimate *e);

#endif
