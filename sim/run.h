/* SPDX-License-Identifier: GPL-2.0-only */
/* Running a scenario on a machine. */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include "report.h"

#define DEFAULT_STATES	1000000

/**
 * struct overrides - what the command line changes.
 * @releases: of const struct release *: of kernel 1 and those that inherit it;
 *	with more than one, of each kernel.
 * @settings: of struct setting, applied last.
 * @no_reduction: run all orders of a race's steps, also those that lead to one state.
 * @max_states: of a race, at which its search stops; 0: DEFAULT_STATES.
 */
struct overrides {
	GPtrArray *releases;
	GArray *settings;
	gboolean no_reduction;
	gint max_states;
};

enum run_result { RUN_OK, RUN_FAILED, RUN_SKIPPED };

/** run_scenario() - run @scn once, as @variant has it; NULL: as it is written. */
enum run_result run_scenario(const struct scenario *scn, const struct variant *variant,
			     const struct overrides *overrides, struct report *report);

#endif
