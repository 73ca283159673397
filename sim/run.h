/* SPDX-License-Identifier: GPL-2.0-only */
/* Running a scenario on a machine. */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include "report.h"

/**
 * struct overrides - what the command line changes.
 * @releases: of const struct release *: of kernel 1 and those that inherit it;
 *	with more than one, of each kernel.
 * @settings: of struct setting, applied last.
 */
struct overrides {
	GPtrArray *releases;
	GArray *settings;
};

enum run_result { RUN_OK, RUN_FAILED, RUN_SKIPPED };

/** run_scenario() - run @scn once, as @variant has it; NULL: as it is written. */
enum run_result run_scenario(const struct scenario *scn, const struct variant *variant,
			     const struct overrides *overrides, struct report *report);

#endif
