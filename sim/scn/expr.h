/* SPDX-License-Identifier: GPL-2.0-only */
/* Expressions in handlers: "size > 4K && state == 0". */
#ifndef SIM_SCN_EXPR_H
#define SIM_SCN_EXPR_H

#include "scn/lex.h"

/** expr_parse() - up to the end of the line; false with the error set. */
bool expr_parse(struct lex *l, struct script_expr *expr);

/** expr_print() - the inverse, with the parentheses that are needed. */
void expr_print(GString *out, const struct script_expr *expr);

#endif
