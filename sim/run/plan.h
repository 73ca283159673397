/* SPDX-License-Identifier: GPL-2.0-only */
/* What kernels a run has: those of the headings, as variant and command line change them. */
#ifndef SIM_RUN_PLAN_H
#define SIM_RUN_PLAN_H

#include "run/run.h"

/* A kernel heading and what comes up there. */
struct planned {
	guint number;
	struct boot boot;
};

/**
 * plan_kernels() - what comes up at each heading of @scn.
 * @variant: NULL: as it is written.
 * @mem: out, the machine's memory.
 * Return: an array of struct planned, by number.
 */
GArray *plan_kernels(const struct scenario *scn, const struct variant *variant,
		     const struct overrides *overrides, guint64 *mem);

#endif
