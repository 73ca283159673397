/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The results of a set of runs of one scenario: those in which something was chosen,
 * such as where a failure happens, and what always, never and sometimes say of them.
 */
#ifndef SIM_RUN_AGGREGATE_H
#define SIM_RUN_AGGREGATE_H

#include "run/event.h"

/** runs_add() - that many more; G_MAXUINT64, "at least", stays. */
static inline void runs_add(guint64 *sum, guint64 runs)
{
	*sum = *sum + runs < runs ? G_MAXUINT64 : *sum + runs;
}

/**
 * struct group - runs with the same result.
 * @causes: violations, as in struct verdict.
 * @differs: results were not what they had to be, either.
 * @runs: how many there are; G_MAXUINT64: at least that.
 * @first: what was chosen in one of them: see struct aggregate.
 */
struct group {
	guint32 causes;
	bool differs;
	guint64 runs;
	char *first;
};

/**
 * struct aggregate - a set of runs.
 * @what: what one of them is called, such as "run".
 * @which: which one a group names, such as "first".
 * @groups: of struct group, in the order in which they came up.
 * @runs: how many there are; 0: they were not all counted.
 * @partial: set by the caller: there are others, so that it does not count what none of
 *	these had as their result.
 * @complaints: of char *: what is not as the scenario expects; set by
 *	aggregate_verdict().
 */
struct aggregate {
	const char *what, *which;
	GArray *groups;
	guint64 runs;
	bool partial;
	GPtrArray *complaints;

	const struct scenario *scn;
	const struct release *release;
	guint32 some, all;	/* kinds that some runs had, and that all had */
	guint64 not_ok;		/* runs that were not as "expect" has it */
	guint64 mismatches;
	guint rank;		/* of the run to show */
	struct violation *violations;	/* its */
	gsize nr_violations;
};

/** aggregate_new() - an empty set; @release, that of kernel 1, must live as long. */
struct aggregate *aggregate_new(const struct scenario *scn, const struct release *release,
				const char *what, const char *which);
void aggregate_free(struct aggregate *a);

/**
 * aggregate_add() - add @runs runs that had the verdict @v.
 * @choice: what was chosen in it, in words that reproduce it.
 * Return: it is the run to show, of those so far: the first that is not as
 *	expected, or else the first that broke anything, or else the first.
 */
bool aggregate_add(struct aggregate *a, const struct verdict *v, guint64 runs,
		   const char *choice);

/** aggregate_verdict() - the verdict on all of them; it lives as long as @a. */
void aggregate_verdict(struct aggregate *a, struct verdict *v);

/** aggregate_print() - append "16 runs: 14 clean, 2 leak". */
void aggregate_print(GString *out, const struct aggregate *a);

#endif
