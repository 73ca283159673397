/* SPDX-License-Identifier: GPL-2.0-only */
/* "fail any": a scenario run once for each step that can fail. */
#ifndef SIM_RUN_SWEEP_H
#define SIM_RUN_SWEEP_H

#include "run/run.h"

/**
 * sweep_run() - run @scn once without a failure and once with each, and judge them all.
 * @deadline: as for run_once(), of all of them.
 */
enum run_result sweep_run(const struct scenario *scn, const struct variant *variant,
			  const struct overrides *overrides, gint64 deadline,
			  struct report *report);

#endif
