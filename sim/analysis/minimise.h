/* SPDX-License-Identifier: GPL-2.0-only */
/* Making a scenario smaller that shows the same. */
#ifndef SIM_ANALYSIS_MINIMISE_H
#define SIM_ANALYSIS_MINIMISE_H

#include "run/run.h"

/**
 * minimise() - the shortest scenario, by dropping one thing after the other, in which
 * the same kinds of violations are found as in @scn, on kernels as @overrides has them.
 * Return: its text, or NULL when @scn cannot be run, or nothing is found in it.
 */
char *minimise(const struct scenario *scn, const struct overrides *overrides);

#endif
