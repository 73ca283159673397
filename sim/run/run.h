/* SPDX-License-Identifier: GPL-2.0-only */
/* Running a scenario on a machine. */
#ifndef SIM_RUN_RUN_H
#define SIM_RUN_RUN_H

#include "run/event.h"

#define DEFAULT_STATES	1000000

/**
 * struct overrides - what the command line changes.
 * @releases: of const struct release *: of kernel 1 and those that inherit it;
 *	with more than one, of each kernel.
 * @settings: of struct setting, applied last.
 * @policy_given: @settings have the policy, and what the headings say of it counts for nothing.
 * @keep_handlers: releases that take the place of the scenario's load its handlers, too.
 * @no_reduction: run all orders of a race's steps, also those that lead to one state.
 * @max_states: of a race, at which its search stops; 0: DEFAULT_STATES.
 * @verbose: how often --verbose was given.
 * @time_limit: of run_scenario(), in microseconds; 0: none.
 * @outcomes: out, of char *: the outcomes of a race's schedules, see outcome.h; or NULL.
 */
struct overrides {
	GPtrArray *releases;
	GArray *settings;
	gboolean no_reduction;
	gint max_states;
	guint verbose;
	gint64 time_limit;
	bool policy_given, keep_handlers;
	GPtrArray *outcomes;
};

enum run_result { RUN_OK, RUN_FAILED, RUN_STOPPED, RUN_SKIPPED };

/**
 * struct choice - what "fail any" makes fail in a run.
 * @sweep: which "fail any" that the run reaches, counted from 1; 0: none.
 * @nth: which of the steps that can fail after it, counted from 1.
 * @counts: out, of guint32: how many such steps each "fail any" had; or NULL.
 * @seen: of struct failure: what it was for smaller @nth; this one is added.
 */
struct choice {
	guint sweep;
	guint32 nth;
	GArray *counts;
	GArray *seen;
};

/**
 * run_once() - run @scn once, as @variant has it; NULL: as it is written.
 * @deadline: when to stop, by g_get_monotonic_time(); 0: never.
 */
enum run_result run_once(const struct scenario *scn, const struct variant *variant,
			 const struct overrides *overrides, const struct choice *choice,
			 gint64 deadline, struct report *report);

/** run_scenario() - run_once(); with "fail any", as often as it takes. */
enum run_result run_scenario(const struct scenario *scn, const struct variant *variant,
			     const struct overrides *overrides, struct report *report);

/** step_is_brief() - is it neither in the first rounds of a repetition nor in its last? */
bool step_is_brief(const GArray *steps, const gint64 *vars, guint step);

/** run_causes() - @kinds without a WARN, or panic, that only says that another broke. */
guint32 run_causes(guint32 kinds, bool panic_on_warn);

/** run_skip() - do not run @scn as it is written, and report @why. */
enum run_result run_skip(const struct scenario *scn, const struct overrides *overrides,
			 const char *why, struct report *report);

#endif
