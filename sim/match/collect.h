/* SPDX-License-Identifier: GPL-2.0-only */
/* What the scenarios of a bug make kernels say because of it. */
#ifndef SIM_MATCH_COLLECT_H
#define SIM_MATCH_COLLECT_H

#include "match/index.h"
#include "scn/scn.h"

/**
 * collect() - run @scn on all releases, where a setting cures the bug with and without it,
 * and append what is said only without it to @signatures, alike ones once.
 * @name: what the index calls the scenario.
 */
void collect(const struct bug *bug, const struct scenario *scn, const char *name,
	     GPtrArray *signatures);

#endif
