/* SPDX-License-Identifier: GPL-2.0-only */
/* Printing scenarios and operations; what is printed parses back to the same. */
#ifndef SIM_SCN_PRINT_H
#define SIM_SCN_PRINT_H

#include "scn/op.h"

/**
 * struct print - how values are printed.
 * @vars: the loop variables' values; NULL prints their names instead.
 * @names: the loop variables' names, outermost first, for that.
 * @shorten: strings longer than this are cut, as strace does; 0: none is.
 */
struct print {
	const gint64 *vars;
	const char *names[MAX_LOOPS];
	gsize shorten;
};

/** print_size() - append @n in the largest unit that divides it. */
void print_size(GString *out, guint64 n);

/** print_result() - append what a step of @info returns. */
void print_result(GString *out, const struct print *p, const struct op_info *info,
		  const struct value *value);

/** print_call() - append "open("/dev/liveupdate")". */
void print_call(GString *out, const struct print *p, const struct op *op);

/** list_name() - "always" and so on. */
const char *list_name(enum list list);

/** print_kinds() - append a set of violation kinds separated by blanks, or "clean". */
void print_kinds(GString *out, guint32 kinds);

/** print_expects() - append "KEYWORD clean | v7.0: leak" and a newline; nothing of none. */
void print_expects(GString *out, const char *keyword, const GArray *expects);

/** print_op_at() - append the call of line @line of @scn as it is written. */
void print_op_at(GString *out, const struct scenario *scn, guint line, gsize shorten);

#endif
