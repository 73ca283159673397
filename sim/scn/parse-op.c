/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading one operation: "call(args) = RESULT | SELECTORS: RESULT". */
#include "scn/select.h"
#include "scn/value.h"

/*
 * How many arguments there are between the cursor, after '(', and its ')';
 * -1 after a failure.
 */
static int count_args(struct lex *l, const char *call)
{
	const char *quote = NULL;
	int depth = 1, commas = 0;
	bool any = false;

	for (const char *c = l->p; c < l->end; c++) {
		if (quote != NULL) {
			if (*c == '\\')
				c++;
			else if (*c == '"')
				quote = NULL;
			continue;
		}
		if (*c == '#')
			break;
		if (*c == '"')
			quote = c;
		depth += (*c == '(') - (*c == ')');
		if (depth == 0)
			return any ? commas + 1 : 0;
		commas += depth == 1 && *c == ',';
		any |= *c != ' ' && *c != '\t';
	}
	if (quote != NULL)
		lex_fail(l, quote, "string does not end, expected '\"'");
	else
		lex_fail(l, call, "call does not end, expected ')'");
	return -1;
}

static bool parse_args(struct lex *l, const char *call, struct op *op)
{
	guint nr = op_nr_args(op->info), omitted = 0;
	int count = count_args(l, call);
	const char *sep = "";

	if (count < 0)
		return false;
	for (guint i = nr, left = nr; i-- > 0 && left > (guint)count; )
		if (op->info->optional & 1 << i) {
			omitted |= 1 << i;
			left--;
		}
	if (nr - __builtin_popcount(omitted) != (guint)count) {
		g_autoptr(GString) signature = g_string_new(NULL);

		op_signature(signature, op->info);
		lex_fail(l, call, "%s with %d argument%s, expected %s", op->info->name, count,
			 count == 1 ? "" : "s", signature->str);
		return false;
	}
	for (guint i = 0; i < nr; i++) {
		if (omitted & 1 << i)
			continue;
		if (*sep != '\0' && !lex_need(l, *sep))
			return false;
		if (!value_parse(l, &op->info->args[i], &op->args[i]))
			return false;
		sep = ",";
	}
	return lex_need(l, ')');
}

/* "RESULT" or "SELECTORS: RESULT", with what is as good. */
static bool parse_outcome(struct lex *l, struct op *op)
{
	struct outcome o = { 0 };
	bool ok = op->outcomes->len == 0 || (o.selectors = select_parse(l)) != NULL;

	do {
		ok = ok && result_parse(l, op->info, &o.value);
		g_array_append_val(op->outcomes, o);
		if (!ok)
			return false;
		o = (struct outcome){ .also = true };
	} while (l->raced && lex_accept_word(l, "or"));
	return true;
}

static bool parse_outcomes(struct lex *l, struct op *op)
{
	op->outcomes = outcomes_new();
	do {
		if (!parse_outcome(l, op))
			return false;
	} while (lex_accept(l, '|'));
	return true;
}

static void unknown_operation(struct lex *l, const char *at, const char *name)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new();

	for (const struct op_info *info = op_table(); info->name != NULL; info++)
		g_ptr_array_add(words, (char *)info->name);
	lex_unknown(l, at, "operation", name, words, false);
}

bool op_parse(struct lex *l, const char *at, const char *name, struct op *op)
{
	op->info = op_find(name);
	op->line = l->nr;
	if (op->info == NULL) {
		unknown_operation(l, at, name);
		return false;
	}
	op->args = g_new0(struct value, op_nr_args(op->info));
	if (!lex_need(l, '(') || !parse_args(l, at, op))
		return false;
	return !lex_accept(l, '=') || parse_outcomes(l, op);
}
