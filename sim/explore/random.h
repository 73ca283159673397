/* SPDX-License-Identifier: GPL-2.0-only */
/* Random and directed search, for worlds that cannot be exhausted. */
#ifndef SIM_EXPLORE_RANDOM_H
#define SIM_EXPLORE_RANDOM_H

#include "explore/bfs.h"

/**
 * explore_random() - @runs sequences of random operations, of @options->depth each.
 * What breaks is cut down to the operations that it takes.
 * @seed: the same gives the same.
 * Return: as explore(); its states are the runs.
 */
struct explore_result *explore_random(const struct world *world,
				      const struct explore_options *options, guint32 seed,
				      guint64 runs,
				      void (*found)(void *data, const struct finding *f),
				      void *data);

#endif
