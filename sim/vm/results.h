/* SPDX-License-Identifier: GPL-2.0-only */
/* What the operations of a recording returned, as values of the scenario language. */
#ifndef SIM_VM_RESULTS_H
#define SIM_VM_RESULTS_H

#include "replay/recording.h"
#include "vm/program.h"

struct results;

/** results_of() - those of @rec; NULL: it cannot be a scenario. */
struct results *results_of(const struct recording *rec);
void results_free(struct results *results);

/** result_at() - what recorded operation @i returned; NULL: nobody knows. */
const struct value *result_at(const struct results *results, guint i);

/**
 * results_outcome() - what came of the race of @program, see run/outcome.h.
 * @rec: that @results are of.
 */
char *results_outcome(const struct results *results, const struct program *program,
		      const struct recording *rec);

#endif
