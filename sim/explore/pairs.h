/* SPDX-License-Identifier: GPL-2.0-only */
/* Two operations of a world at once, under every schedule. */
#ifndef SIM_EXPLORE_PAIRS_H
#define SIM_EXPLORE_PAIRS_H

#include "explore/finding.h"
#include "run/interleave.h"

/* Outcomes of a race are numbered in a byte. */
#define MAX_OUTCOMES	256

/** struct race_done - what the tasks of a race did. */
struct race_done {
	struct done done[MAX_WORLD_TASKS];
	bool returned[MAX_WORLD_TASKS];		/* or the kernel was left, or stopped, before */
	struct done boot;			/* if the next kernel runs */
};

/**
 * struct world_race - races on one machine.
 * @world: of it.
 * @place: of the machine as it is.
 * @witness: of what it says.
 * @done: what the tasks did, in an outcome.
 * @stopped: why not all schedules were seen, or NULL.
 */
struct world_race {
	const struct world *world;
	struct machine *machine;
	struct place *place;
	struct witness *witness;
	struct race_done done;
	const char *stopped;
	bool results;		/* what the calls return makes outcomes, too */

	/* sim/explore/pairs.c's own */
	struct schedules all;
	struct machine_walk *walk;
	struct place start;
	const struct world_pair *pair;
	struct pair_task *tasks;
	GArray *outcomes;
	guint wanted;
	void (*outcome)(void *data, guint nth, guint found);
	void *data;
};

/** race_init() - for races on @machine, see struct world_race. False: no memory. */
bool race_init(struct world_race *race, const struct world *world, struct machine *machine,
	       struct place *place, struct witness *witness);
void race_clear(struct world_race *race);

/**
 * race_search() - do the operations of pair @op under every schedule.
 * @outcome: called in each state that comes of it, different from those before: @nth
 *	counts them from 0, and of violations @found notes are with the witness. May be
 *	NULL.
 *
 * An outcome with violations is one with others that break the same. The machine is
 * left with tasks that have just begun: restore it.
 *
 * Return: how many outcomes there are.
 */
guint race_search(struct world_race *race, guint op,
		  void (*outcome)(void *data, guint nth, guint found), void *data);

/**
 * race_go() - do the operations of pair @op so that outcome @nth comes, on the first way
 * that race_search() finds.
 * Return: how many notes are with the witness; -1 if there is no such outcome, and
 *	then the machine is to be restored.
 */
int race_go(struct world_race *race, guint op, guint nth);

/**
 * race_follow() - the same by the shortest schedule, of struct turn, that race_search()
 * has found just before.
 */
const GArray *race_follow(struct world_race *race, guint op, guint nth);

/** race_task_at() - the task whose call is the @i-th to be followed up: ends come first. */
guint race_task_at(const struct world *world, const struct world_pair *pair, guint i);

/** world_print_race() - the race as steps of a scenario, and the kernel after it. */
void world_print_race(GString *out, const struct world *world, const struct machine *m, guint op,
		      const GArray *schedule, const struct race_done *done);

#endif
