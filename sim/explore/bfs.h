/* SPDX-License-Identifier: GPL-2.0-only */
/* Exhaustive search: every sequence of operations of a world, breadth first. */
#ifndef SIM_EXPLORE_BFS_H
#define SIM_EXPLORE_BFS_H

#include "explore/estimate.h"
#include "explore/finding.h"
#include "explore/net.h"
#include "run/progress.h"

#include "run/in-order.h"

/**
 * struct explore_options - how to search.
 * @seconds: of time, at most; 0: no bound.
 * @memory: bytes for the states.
 * @jobs: threads.
 * @symmetry: states that differ only in names are one.
 * @prune: skip operations that are symmetric to an earlier one.
 * @through: go on past a violation.
 * @audit: with one thread: each time that this many states were met again by other paths, the
 *	last one is compared with the one that was stored; 0: never.
 * @graph: told of all states and steps, with one thread; or NULL.
 * @edges: a random search goes on from where it has run new ones; or NULL.
 * @estimate: with one thread: only estimate how large the world is.
 * @folds: of an estimate without symmetry, explore()'s own: each state is one of several.
 * @checkpoint: a file into which the search is written down when a level begins, each
 *	@every microseconds, and when it ends early; or NULL.
 * @resume: such a file, with which it goes on, or NULL.
 * @what: lines that say what is searched and by what, for these.
 * @net: the processes that search together, with one thread each, or NULL.
 * @only_first: the first finding ends the search.
 * @progress: shows how many states there are, and knows of Ctrl-C.
 */
struct explore_options {
	guint64 seconds;
	guint64 memory, audit;
	guint jobs;
	struct progress *progress;
	struct graph *graph;
	struct edges *edges;
	struct net *net;
	const char *checkpoint, *resume, *what;
	gint64 every;
	bool symmetry, prune, through, only_first, estimate, folds;
};

/**
 * struct explore_result - what came of it.
 * @stopped: why it ended before all was seen, or NULL.
 * @random: what @states counts are runs.
 * @depth: of the last level that had new states.
 * @seconds: of time.
 * @cpu: seconds of all threads.
 * @ranks: processes; if there were several, what they sent, and of the fullest one, as a part
 *	of the mean, states and, level by level, transitions.
 * @size: what was estimated.
 * @findings: of struct finding *, shortest first.
 * @error: why a checkpoint could not be written, or NULL.
 * @difference: why the audit ended it, or NULL.
 */
struct explore_result {
	const char *stopped;
	bool random;
	guint64 states, transitions, bytes;
	guint depth;
	double seconds, cpu;
	guint ranks;
	guint64 messages, sent;
	double fullest_states, fullest_work;
	struct world_size size;
	GPtrArray *findings;
	GError *error;
	struct audit_difference *difference;
};

/**
 * explore() - search @world.
 * @found: called for each finding as it comes, one at a time; may be NULL.
 * Of several processes, rank 0 has the findings and the others only the numbers.
 * Return: NULL and @error when there is no memory for a machine, or nothing to go on with.
 */
struct explore_result *explore(const struct world *world, const struct explore_options *options,
			       void (*found)(void *data, const struct finding *f), void *data,
			       GError **error);
void explore_result_free(struct explore_result *result);

#endif
