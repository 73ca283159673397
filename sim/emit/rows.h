/* SPDX-License-Identifier: GPL-2.0-only */
/* Sets of rows of release_table(), and how they are told apart at run time. */
#ifndef SIM_EMIT_ROWS_H
#define SIM_EMIT_ROWS_H

#include "scn/scn.h"

/* A bit for each row. */
typedef guint64 rows_t;

/** rows_of() - the row that is @release. */
rows_t rows_of(const struct release *release);

/** rows_claimed() - on which releases, as they are, @scn claims something as kernel 1. */
rows_t rows_claimed(const struct scenario *scn);

/**
 * rows_condition() - a C expression that holds on @rows of @among; "" where it always does.
 */
char *rows_condition(rows_t rows, rows_t among);

/** rows_bounded() - likewise, among all kernels that there are and will be. */
char *rows_bounded(rows_t rows);

#endif
