/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ways to a state: most are one of them with its steps in another order, or with a step of
 * another file, session or token in the place of one. So each step of a way is left out, done
 * last, and replaced, and likewise in each way that is found so.
 */
#ifndef SIM_EXPLORE_WAYS_H
#define SIM_EXPLORE_WAYS_H

#include "explore/finding.h"
#include "explore/pairs.h"

struct ways;

/** ways_new() - states that differ only in names are one. NULL: no memory. */
struct ways *ways_new(const struct world *world, bool through);
void ways_free(struct ways *w);

/**
 * ways_to() - how many states lead to the one to which the way @path, of struct path_step,
 *	leads, in one step of ways as long as this one.
 * Return: 0 if there is a shorter way, as far as it was found.
 */
guint ways_to(struct ways *w, const GArray *path);

/** ways_alike() - about how many states differ from that one only in names. */
double ways_alike(struct ways *w, const GArray *path);

/** ways_runs() - operations that were done for all that. */
guint64 ways_runs(const struct ways *w);

#endif
