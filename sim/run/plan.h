/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What kernels a run has: those of the headings, as variant and command line change them;
 * and by them, which runs a scenario claims something of.
 */
#ifndef SIM_RUN_PLAN_H
#define SIM_RUN_PLAN_H

#include "run/run.h"

/* Of a machine whose scenario does not say how much it has. */
#define DEFAULT_MEM	(512ull << 20)

/* A kernel heading and what comes up there. */
struct planned {
	guint number;
	struct boot boot;
};

/**
 * plan_kernels() - what comes up at each heading of @scn.
 * @variant: NULL: as it is written.
 * @overrides: NULL: none.
 * @mem: out, the machine's memory.
 * Return: an array of struct planned, by number.
 */
GArray *plan_kernels(const struct scenario *scn, const struct variant *variant,
		     const struct overrides *overrides, guint64 *mem);

/** boot_arguments() - "kho=on liveupdate=on", as @boot has them. */
char *boot_arguments(const struct boot *boot);

/**
 * claimed_run() - the one run for which @scn is judged, unless more are asked for.
 * Return: NULL, as it is written, if it has no "runs" or this is one of them; or else the
 *	first of them.
 */
const struct variant *claimed_run(const struct scenario *scn);

/**
 * claimed_runs_on() - append to @runs all with @release as kernel 1 that @scn claims
 * something of: of "runs", or without it NULL, as it is written.
 */
void claimed_runs_on(const struct scenario *scn, const struct release *release, GPtrArray *runs);

/**
 * release_as_built() - is the kernel tree as its row is? What is compiled cannot be
 * changed by a word.
 */
bool release_as_built(const struct release *tree);

/**
 * handler_lacking() - what a kernel tree has not, of which a scenario's handler is made.
 * Return: "a handler that needs another", or NULL when it can be there.
 */
const char *handler_lacking(const struct handler_script *script);

/**
 * plan_objection() - what a kernel tree in the plan of a run cannot do.
 * Return: "FILE:LINE: what, expected what", or NULL when all kernels can do all steps.
 */
char *plan_objection(const struct scenario *scn, const struct variant *variant,
		     const struct overrides *overrides);

#endif
