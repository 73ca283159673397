/* SPDX-License-Identifier: GPL-2.0-only */
/* Expressions in handlers, as C has them: read into postfix order, and written back. */
#include <string.h>

#include "scn/expr.h"

#define LOWEST	1

static const struct {
	const char *text;
	int level;		/* of an operator: the higher, the closer it binds */
} terms[NR_SCRIPT_TERMS] = {
	[TERM_FILE] = { "file", 0 },
	[TERM_INODE] = { "inode", 0 },
	[TERM_SIZE] = { "size", 0 },
	[TERM_STATE] = { "state", 0 },
	[TERM_SEALS] = { "seals", 0 },
	[TERM_RETRIEVED] = { "retrieved", 0 },
	[TERM_CALL] = { "call", 0 },
	[TERM_KERNEL] = { "kernel", 0 },
	[TERM_OR] = { "||", 1 },
	[TERM_AND] = { "&&", 2 },
	[TERM_BITOR] = { "|", 3 },
	[TERM_BITAND] = { "&", 4 },
	[TERM_EQ] = { "==", 5 },
	[TERM_NE] = { "!=", 5 },
	[TERM_LE] = { "<=", 6 },
	[TERM_GE] = { ">=", 6 },
	[TERM_LT] = { "<", 6 },
	[TERM_GT] = { ">", 6 },
	[TERM_ADD] = { "+", 7 },
	[TERM_SUB] = { "-", 7 },
	[TERM_MUL] = { "*", 8 },
	[TERM_DIV] = { "/", 8 },
	[TERM_MOD] = { "%", 8 },
};

static bool parse_level(struct lex *l, struct script_expr *expr, int level);

static bool put_term(struct lex *l, struct script_expr *expr, enum script_term term,
		     guint64 number)
{
	if (expr->nr == MAX_SCRIPT_TERMS) {
		lex_fail(l, l->p, "expression too long, expected at most %d numbers, words and "
			 "operators", MAX_SCRIPT_TERMS);
		return false;
	}
	expr->term[expr->nr] = term;
	expr->number[expr->nr++] = number;
	return true;
}

static bool parse_word(struct lex *l, struct script_expr *expr)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new();
	int word;

	for (guint i = TERM_FILE; i < TERM_OR; i++)
		g_ptr_array_add(words, (char *)terms[i].text);
	word = lex_choice(l, "a number, a word such as size, or '('", "word", words);
	return word >= 0 && put_term(l, expr, TERM_FILE + word, 0);
}

static bool parse_operand(struct lex *l, struct script_expr *expr)
{
	enum number_style style;
	guint64 number;

	lex_blank(l);
	if (lex_accept(l, '('))
		return parse_level(l, expr, LOWEST) && lex_need(l, ')');
	if (l->p == l->end || !g_ascii_isdigit(*l->p))
		return parse_word(l, expr);
	return lex_magnitude(l, "a number", &number, &style) &&
	       put_term(l, expr, TERM_NUMBER, number);
}

/* The operator at the cursor, the longest that it can be; 0: none. */
static enum script_term at_operator(struct lex *l)
{
	enum script_term found = 0;

	lex_blank(l);
	for (enum script_term i = TERM_OR; i < NR_SCRIPT_TERMS; i++) {
		gsize len = strlen(terms[i].text);

		if ((gsize)(l->end - l->p) >= len && memcmp(l->p, terms[i].text, len) == 0 &&
		    (found == 0 || len > strlen(terms[found].text)))
			found = i;
	}
	return found;
}

/* Operators of @level and above, from the left. Parentheses are bounded by the line. */
static bool parse_level(struct lex *l, struct script_expr *expr, int level)
{
	enum script_term op;

	if (!parse_operand(l, expr))
		return false;
	while ((op = at_operator(l)) != 0 && terms[op].level >= level) {
		l->p += strlen(terms[op].text);
		if (!parse_level(l, expr, terms[op].level + 1) || !put_term(l, expr, op, 0))
			return false;
	}
	return true;
}

bool expr_parse(struct lex *l, struct script_expr *expr)
{
	const char *deep = l->p;
	guint open = 0;

	expr->nr = 0;
	for (; deep < l->end && *deep != '#'; deep++)
		open += *deep == '(';
	if (open > MAX_SCRIPT_TERMS) {
		lex_fail(l, l->p, "too many parentheses, expected at most %d", MAX_SCRIPT_TERMS);
		return false;
	}
	return parse_level(l, expr, LOWEST);
}

/* Where the operand begins that ends before term @end. */
static guint begin_of(const struct script_expr *expr, guint end)
{
	guint need = 1;

	while (need > 0)
		need += expr->term[--end] >= TERM_OR ? 1 : -1;
	return end;
}

static void print_part(GString *out, const struct script_expr *expr, guint end, int level)
{
	enum script_term term = expr->term[end - 1];
	bool parentheses = term >= TERM_OR && terms[term].level < level;

	if (term == TERM_NUMBER) {
		g_string_append_printf(out, "%" G_GUINT64_FORMAT, expr->number[end - 1]);
		return;
	}
	if (term < TERM_OR) {
		g_string_append(out, terms[term].text);
		return;
	}
	if (parentheses)
		g_string_append_c(out, '(');
	print_part(out, expr, begin_of(expr, end - 1), terms[term].level);
	g_string_append_printf(out, " %s ", terms[term].text);
	print_part(out, expr, end - 1, terms[term].level + 1);
	if (parentheses)
		g_string_append_c(out, ')');
}

void expr_print(GString *out, const struct script_expr *expr)
{
	print_part(out, expr, expr->nr, LOWEST);
}
