/* SPDX-License-Identifier: GPL-2.0-only */
/* Arguments and results: reading them as a row of the table of operations says. */
#ifndef SIM_SCN_VALUE_H
#define SIM_SCN_VALUE_H

#include "scn/lex.h"
#include "scn/op.h"

/** value_parse() - an argument or field; fails when it returns false. */
bool value_parse(struct lex *l, const struct param *param, struct value *value);

/** result_parse() - what a step of @info returns: also -ERRNO, "N -> name", fields. */
bool result_parse(struct lex *l, const struct op_info *info, struct value *value);

/**
 * op_parse() - the rest of a step whose operation @name at @at was read.
 * What @op holds, also after a failure, is freed by op_clear().
 */
bool op_parse(struct lex *l, const char *at, const char *name, struct op *op);

/** value_number() - a VALUE_NUMBER with the loop variables @vars put in. */
gint64 value_number(const struct value *value, const gint64 *vars);

/** text_expand() - append @text with the loop variables @vars put in. */
void text_expand(GString *out, const struct text *text, const gint64 *vars);

/**
 * result_equal() - is @actual, which has no loop variables, what @expected says?
 * Of fields, those that @expected names.
 */
bool result_equal(const struct value *expected,
		  const struct value *actual, const gint64 *vars);

void value_clear(struct value *value);

#endif
