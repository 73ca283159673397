/* SPDX-License-Identifier: GPL-2.0-only */
/* Arguments and results of steps as C expressions. */
#ifndef SIM_EMIT_SAY_H
#define SIM_EMIT_SAY_H

#include "emit/rows.h"
#include "scn/op.h"

/* What is known while a program is written. */
struct saying_state {
	const struct scenario *scn;
	guint32 needs;		/* out: mask of the chunks that were used */
	bool made;		/* loops make names: all are looked up as strings */
	rows_t among;		/* what the kernel at hand may be */
};

/** say_literal() - append @bytes as a C string in pieces that fit a line. */
void say_literal(GString *out, const char *bytes, gsize len);

/** say_name() - append the variable that a descriptor's name stands for. */
void say_name(GString *out, struct saying_state *s, const struct text *name);

/** say_arg() - append an argument. */
void say_arg(GString *out, struct saying_state *s, const struct param *param,
	     const struct value *value);

/** say_result() - append what a step has to return. */
void say_result(GString *out, struct saying_state *s, const struct op_info *info,
		const struct value *value);

/** say_line() - append @text at @depth, broken where it is longer than a line. */
void say_line(GString *out, guint depth, const char *text);

#endif
