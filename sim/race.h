/* SPDX-License-Identifier: GPL-2.0-only */
/* A race that goes on: its tasks, stepping them, and going back to an earlier moment. */
#ifndef SIM_RACE_H
#define SIM_RACE_H

#include "run-state.h"

struct race_task {
	struct racing *racing;
	guint first, next;		/* steps of the scenario */
	struct caller *caller;		/* of the call that goes on, or NULL */
};

struct racing {
	struct run *r;
	guint pc;			/* step that began the race */
	const struct race *race;
	guint kernel;			/* in which it began */
	struct race_task tasks[MAX_TASKS];
	struct caller *callers;		/* one for each step of the race */
	guint nr_steps;
};

/* All of one moment. */
struct moment {
	struct machine_snapshot machine;
	GByteArray *run;
};

/** racing_new() - start the tasks of the race that step @pc begins. */
struct racing *racing_new(struct run *r, guint pc);
void racing_free(struct racing *g);

/** racing_ready() - mask of the tasks that can take a step, the first being 1. */
guint racing_ready(struct racing *g);

/** racing_step() - let @task, counted from 0, take a step. */
void racing_step(struct racing *g, guint task);

/** racing_end() - the race is over: go on to the step behind it. */
guint racing_end(struct racing *g);

/** moment_save() - everything, to come back to. False: no memory. */
bool moment_save(struct racing *g, struct moment *moment);
void moment_restore(struct racing *g, const struct moment *moment);
void moment_clear(struct moment *moment);

/* search.c */
/**
 * search_race() - run all schedules, and the rest of the scenario behind each.
 * @g: as it just began, and again so when this returns.
 * @summary: filled.
 */
void search_race(struct racing *g, struct race_summary *summary);

#endif
