/* SPDX-License-Identifier: GPL-2.0-only */
/* The text of a scenario, changed as luosim step is told. Each function returns a new text. */
#ifndef SIM_CLI_EDIT_H
#define SIM_CLI_EDIT_H

#include "run/overrides.h"

/** edit_line() - put @text in after line @line; NULL: take that line out. */
GString *edit_line(const char *source, guint line, const char *text);

/** edit_schedule() - let the race that is headed in line @line have that schedule only. */
GString *edit_schedule(const char *source, guint line, const char *schedule);

/**
 * edit_kernels() - write into the headings of @scn what @o says of its kernels.
 * A line that says on what kernels to run it goes, as it says so of others.
 */
GString *edit_kernels(const char *source, const struct scenario *scn, const struct overrides *o);

#endif
