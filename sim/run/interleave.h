/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All schedules of tasks that run at the same time on one machine. What they do,
 * and what comes of it, is the caller's.
 */
#ifndef SIM_RUN_INTERLEAVE_H
#define SIM_RUN_INTERLEAVE_H

#include "luosim-search.h"
#include "run/progress.h"
#include "scn/scn.h"

/* All of one moment: the machine, and what the caller has in addition. */
struct moment {
	struct machine_snapshot machine;
	GByteArray *rest;
};

/**
 * struct ending - schedules with the same result.
 * @schedule: the shortest, which is the one with the fewest turns.
 * @count: how many there are; G_MAXUINT64: at least that. 0 if the search was
 *	stopped, and then @schedule is just the first.
 */
struct ending {
	GArray *schedule;
	guint64 count;
};

#define NO_ENDING	G_MAXUINT

/* Why a search or a run was stopped. */
#define TIME_LIMIT	"the time limit"

/**
 * struct schedules - tasks, and how they can end.
 * @machine: with @nr_tasks tasks that have just begun.
 * @preemptions: only those schedules in which a task that could have gone on was left
 *	at most this many times; or NO_BOUND.
 * @max_states, @deadline: when to stop; the latter as for run_once().
 * @reduced: orders of steps that lead to one state are merged.
 * @progress: or NULL.
 * @step: let a task, counted from 0, take a step.
 * @save: append what belongs to a moment in addition to the machine.
 * @restore: take that back.
 * @end: no task can take a step any more. Return: a number for how it ended, each new
 *	one being the next; or NO_ENDING, which ends the search right here.
 * @data: for those four.
 * @endings: of struct ending, by number.
 * @tried: how many schedules were run to their end.
 * @stopped: why the search did not see all, or NULL; @end may set it.
 * @moments: memory of the search.
 */
struct schedules {
	struct machine *machine;
	guint nr_tasks, preemptions;
	guint64 max_states;
	gint64 deadline;
	bool reduced;
	struct progress *progress;
	void (*step)(void *data, guint task);
	void (*save)(void *data, GByteArray *rest);
	void (*restore)(void *data, const GByteArray *rest);
	guint (*end)(void *data);
	void *data;

	GArray *endings;
	guint64 tried;
	const char *stopped;
	GPtrArray *moments;
};

/** schedules_init() - what @s has of its own; all above it is the caller's. */
void schedules_init(struct schedules *s);
void schedules_clear(struct schedules *s);

/** schedules_search() - run all of them. The tasks then are as they began, but for NO_ENDING. */
void schedules_search(struct schedules *s);

/** schedules_ready() - mask of the tasks that can take a step, the first being 1. */
guint schedules_ready(const struct schedules *s);

/** moment_save() - everything, to come back to. False: no memory. */
bool moment_save(const struct schedules *s, struct moment *moment);
void moment_restore(const struct schedules *s, const struct moment *moment);
void moment_clear(struct moment *moment);

#endif
