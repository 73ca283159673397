/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The event stream of runs, and its renderers. What run.c does is a sequence of
 * these events; text, KTAP and JSON are three ways of writing them down.
 */
#ifndef SIM_RUN_EVENT_H
#define SIM_RUN_EVENT_H

#include <stdio.h>

#include "scn/op.h"

/**
 * enum report_type - in the order in which they come.
 * @REPORT_PLAN: @count scenarios follow.
 * @REPORT_SCENARIO: @scn follows, the @number-th, which is run @count times.
 * @REPORT_RUN: a run starts: @variant on the kernel @boot.
 * @REPORT_PROCESS: calls are those of @process from here on; @differs: it could not
 *	be started.
 * @REPORT_FAIL: @fail is asked for, of the call that comes next.
 * @REPORT_OP: @op is called with the loop variables @vars.
 * @REPORT_EVENT: @event came from the machine, in the call if one goes on;
 *	with EVENT_BOOT, @boot is what came up.
 * @REPORT_RESULT: the call is over with @result. @expected: what it had to be,
 *	NULL: anything; @differs: it is not. @fault: whether all failures
 *	that were asked for happened; @fail: the one that "fail any" chose, or NULL.
 * @REPORT_RACE: a race begins; @race tells what was found out about it.
 * @REPORT_TURN: task @turn of the race that step @race_step began has taken @count
 *	steps, of @wanted or more, and is @turn_ended: it gave way @at a place that
 *	is about @at_lock.
 * @REPORT_VERDICT: the run is over.
 * @REPORT_UNREADABLE: @file, the @number-th, is no scenario, as @message says.
 * @REPORT_END: so are all; of @totals, by enum run_result, runs ended so.
 */
enum report_type {
	REPORT_PLAN,
	REPORT_SCENARIO,
	REPORT_RUN,
	REPORT_PROCESS,
	REPORT_FAIL,
	REPORT_OP,
	REPORT_EVENT,
	REPORT_RESULT,
	REPORT_RACE,
	REPORT_TURN,
	REPORT_VERDICT,
	REPORT_UNREADABLE,
	REPORT_END,
};

enum fault { FAULT_NONE, FAULT_HIT, FAULT_MISS };

/**
 * struct race_verdict - schedules of a race that end alike.
 * @causes: as in struct verdict; @kinds: what any of them had, symptoms included.
 * @differs: a result was not as expected.
 * @count: how many schedules there are; G_MAXUINT64: at least that.
 * @schedule: of struct turn: the shortest; the first, if the search was stopped.
 */
struct race_verdict {
	guint32 causes, kinds;
	bool differs;
	guint64 count;
	GArray *schedule;
};

/**
 * struct race_summary - what was found out about a race.
 * @step: that began it.
 * @reduced: orders of steps that lead to one state were merged.
 * @max_states: when to stop. How many there are depends on the compiler.
 * @verdicts: of struct race_verdict, clean first; empty when one schedule was given.
 * @stopped: why the search is not complete, or NULL.
 * @tried: how many schedules were run to their end.
 * @shown: of struct turn: the schedule that the run follows; NULL without a race.
 */
struct race_summary {
	guint step;
	bool reduced;
	guint max_states;
	GArray *verdicts;
	const char *stopped;
	guint64 tried;
	GArray *shown;
};

/**
 * struct verdict - how a run ended.
 * @skipped: why it could not run, or NULL.
 * @kinds: violations that the judge found, a bit for each kind.
 * @causes: the same without a WARN, or the panic of panic_on_warn, that only
 *	says that another broke.
 * @expected: what they had to be.
 * @violations: each of them.
 * @mismatches: results that differ from what they had to be.
 * @stopped: why not all was tried, or NULL.
 * @untried: of what, then: "schedules" of a race, "runs" of a set, "steps".
 * @tried: how many of the schedules or runs were.
 * @set: the runs that it is the verdict on; NULL: one.
 * @not_reached: steps that were not run because the machine had stopped.
 */
struct verdict {
	bool ok;
	const char *skipped;
	guint32 kinds, causes, expected;
	const struct violation *violations;
	gsize nr_violations;
	guint64 mismatches;
	guint not_reached;
	const char *stopped, *untried;
	guint64 tried;
	const struct aggregate *set;
};

struct report_event {
	enum report_type type;
	guint count, number;
	const guint *totals;
	const struct scenario *scn;
	const char *variant;
	struct machine *machine;
	const struct boot *boot;
	const char *process;
	const struct fail *fail;
	const struct op *op;
	guint task;		/* of a race, counted from 1, that makes the call; 0: none */
	const struct race_summary *race;
	guint race_step, turn, wanted;
	enum task_state turn_ended;
	const char *at, *at_lock;
	const gint64 *vars;
	bool brief;		/* in the middle of a long repetition */
	const struct value *result, *expected;
	bool differs;
	enum fault fault;
	const struct event *event;
	const struct verdict *verdict;
	const struct header *header;	/* REPORT_PLAN: what the report is of, or NULL */
	const char *file, *message;	/* REPORT_UNREADABLE */
	const char *choice;	/* REPORT_VERDICT: what "fail any" chose */
};

/**
 * enum trace_flags - how a trace is written.
 * @TRACE_VERBOSE: every round of repetitions, and what changed most after each step.
 * @TRACE_ALL: all that changed; with TRACE_VERBOSE.
 * @TRACE_LINES: with the scenario's line before each call.
 * @TRACE_PATHS: files as reports call them that are the same from everywhere, not as
 *	they were given, which is what editors open.
 */
enum trace_flags {
	TRACE_VERBOSE = 1 << 0,
	TRACE_COLOUR = 1 << 1,
	TRACE_LINES = 1 << 2,
	TRACE_PATHS = 1 << 3,
	TRACE_ALL = 1 << 4,
};

/**
 * struct report - who is told.
 * @each_verdict: of a race of which all schedules were tried, tell also of a run for each other
 *	verdict on them, from REPORT_RUN on, in the order of &struct race_summary.
 */
struct report {
	void (*event)(struct report *report, const struct report_event *e);
	void (*free)(struct report *report);
	bool each_verdict;
};

/**
 * report_text() - as strace prints it.
 * @flags: of enum trace_flags; TRACE_VERBOSE: all traces.
 * @single: of the one run, the whole trace; otherwise a line for each run, and
 *	the trace of those that failed.
 */
struct report *report_text(FILE *out, bool single, guint flags);
struct report *report_ktap(FILE *out);
struct report *report_junit(FILE *out);
/** report_svg() - all runs as one picture. */
struct report *report_svg(FILE *out);
/** report_html() - a page with the picture, the source and a slider through the steps of each. */
struct report *report_html(FILE *out);
/** report_json() - @flags: TRACE_VERBOSE: with what each step changed; TRACE_ALL: and the state. */
struct report *report_json(FILE *out, guint flags);
/** report_none() - nothing at all. */
struct report *report_none(void);

#endif
