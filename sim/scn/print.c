/* SPDX-License-Identifier: GPL-2.0-only */
/* Printing scenarios and operations; what is printed parses back to the same. */
#include "scn/fail.h"
#include "scn/handler.h"
#include "scn/print.h"
#include "scn/schedule.h"
#include "scn/select.h"
#include "scn/setting.h"
#include "scn/tree.h"
#include "scn/value.h"
#include "scn/explore-block.h"

#define CALL_WIDTH	40	/* where "=" stands, unless the call is longer */
#define MIN_RUN		8	/* equal bytes that are printed as "x"*N */

void print_size(GString *out, guint64 n)
{
	static const char units[] = "KMGT";
	gssize unit = -1;

	while (unit < 3 && n != 0 && n % 1024 == 0) {
		n /= 1024;
		unit++;
	}
	g_string_append_printf(out, "%" G_GUINT64_FORMAT, n);
	if (unit >= 0)
		g_string_append_c(out, units[unit]);
}

static void print_byte(GString *out, guint8 c)
{
	if (c == '\n')
		g_string_append(out, "\\n");
	else if (c == '\0')
		g_string_append(out, "\\0");
	else if (c == '"' || c == '\\' || c == '$')
		g_string_append_printf(out, "\\%c", c);
	else if (g_ascii_isprint(c))
		g_string_append_c(out, c);
	else
		g_string_append_printf(out, "\\x%02x", c);
}

/* A string being printed: literals and repetitions separated by blanks. */
struct quote {
	GString *out;
	gsize start;		/* of the string in @out */
	bool open;		/* inside a literal */
};

static void quote_open(struct quote *q)
{
	if (!q->open)
		g_string_append(q->out, q->out->len > q->start ? " \"" : "\"");
	q->open = true;
}

static void quote_close(struct quote *q)
{
	if (q->open)
		g_string_append_c(q->out, '"');
	q->open = false;
}

/* @len bytes without loop variables. */
static void quote_bytes(struct quote *q, const char *bytes, gsize len)
{
	gsize run;

	for (gsize i = 0; i < len; i += run) {
		for (run = 1; i + run < len && bytes[i + run] == bytes[i]; )
			run++;
		if (run < MIN_RUN) {
			quote_open(q);
			for (gsize j = 0; j < run; j++)
				print_byte(q->out, bytes[i]);
			continue;
		}
		quote_close(q);
		quote_open(q);
		print_byte(q->out, bytes[i]);
		quote_close(q);
		g_string_append_printf(q->out, "*%" G_GSIZE_FORMAT, run);
	}
}

static void print_string(GString *out, const struct print *p, const char *bytes, gsize len)
{
	struct quote q = { .out = out, .start = out->len };
	bool cut = p->shorten != 0 && len > p->shorten;

	quote_bytes(&q, bytes, cut ? p->shorten : len);
	if (out->len == q.start)
		quote_open(&q);
	quote_close(&q);
	if (cut)
		g_string_append(out, "...");
}

/* The name of a loop variable; one that no loop has prints so that it does not parse. */
static const char *loop_name(const struct print *p, guint8 var)
{
	return p->names[var - 1] != NULL ? p->names[var - 1] : "?";
}

/* Is @c part of the name that a '$' before it starts? */
static bool joins_name(char c)
{
	return g_ascii_isalnum(c) || c == '_';
}

/* A string or, without quotes, a name with loop variables left in. */
static void print_template(GString *out, const struct print *p, const struct text *text,
			   bool quotes)
{
	struct quote q = { .out = out, .start = out->len };
	gsize from = 0;

	for (guint i = 0; i < text->vars->len; i++) {
		const struct text_var *v = &g_array_index(text->vars, struct text_var, i);
		bool braces = v->at < text->len && joins_name(text->bytes[v->at]);

		if (quotes) {
			quote_bytes(&q, text->bytes + from, v->at - from);
			quote_open(&q);
		} else {
			g_string_append_len(out, text->bytes + from, v->at - from);
		}
		g_string_append_printf(out, braces ? "${%s}" : "$%s", loop_name(p, v->var));
		from = v->at;
	}
	if (quotes)
		quote_bytes(&q, text->bytes + from, text->len - from);
	else
		g_string_append_len(out, text->bytes + from, text->len - from);
	quote_close(&q);
}

static void print_text(GString *out, const struct print *p, const struct text *text, bool quotes)
{
	g_autoptr(GString) expanded = NULL;

	if (text->vars != NULL && p->vars == NULL) {
		print_template(out, p, text, quotes);
		return;
	}
	expanded = g_string_new(NULL);
	text_expand(expanded, text, p->vars);
	if (quotes)
		print_string(out, p, expanded->str, expanded->len);
	else
		g_string_append_len(out, expanded->str, expanded->len);
}

/* "$i*4096+1" */
static void print_linear(GString *out, const struct print *p, const struct value *value)
{
	g_string_append_printf(out, "$%s", loop_name(p, value->var));
	if (value->factor != 1)
		g_string_append_printf(out, "*%" G_GINT64_FORMAT, value->factor);
	if (value->number != 0)
		g_string_append_printf(out, "%+" G_GINT64_FORMAT, (gint64)value->number);
}

static void print_number(GString *out, const struct print *p, const struct param *param,
			 const struct value *value)
{
	const char *name = NULL;
	gint64 n;

	if (value->var != 0 && p->vars == NULL) {
		print_linear(out, p, value);
		return;
	}
	n = value_number(value, p->vars);
	if (value->style == STYLE_ERRNO)
		name = errno_name(-n);
	else if (param->kind == PARAM_NUMBER && param->words != NULL)
		name = words_name(param->words, n);
	if (name != NULL)
		g_string_append_printf(out, "%s%s", value->style == STYLE_ERRNO ? "-" : "", name);
	else if (param->min < 0 && n < 0)
		g_string_append_printf(out, "%" G_GINT64_FORMAT, n);
	else if (value->style == STYLE_HEX)
		g_string_append_printf(out, "%#" G_GINT64_MODIFIER "x", n);
	else if (value->style == STYLE_SIZE)
		print_size(out, n);
	else
		g_string_append_printf(out, "%" G_GUINT64_FORMAT, (guint64)n);
}

static void print_value(GString *out, const struct print *p, const struct param *param,
			const struct value *value);

static void print_piece(GString *out, const struct print *p, const struct piece *piece)
{
	static const struct param number = { "number", PARAM_NUMBER, 0, G_MAXUINT64, NULL };

	if (piece->width == 0) {
		print_text(out, p, &piece->value.text, true);
		return;
	}
	if (piece->value.kind == VALUE_NAME)
		g_string_append(out, "fd(");
	else
		g_string_append_printf(out, "u%u(", piece->width * 8);
	print_value(out, p, &number, &piece->value);
	g_string_append_c(out, ')');
}

/* An argument or field. */
static void print_value(GString *out, const struct print *p, const struct param *param,
			const struct value *value)
{
	switch (value->kind) {
	case VALUE_NUMBER:
		if (value->style == STYLE_ERRNO && (gint64)value->number < 0)
			print_number(out, p, param, value);
		else if (param->kind == PARAM_FLAGS)
			words_flags(out, param->words, value->number);
		else if (param->kind == PARAM_WORD)
			g_string_append(out, words_name(param->words, value->number));
		else if (param->kind == PARAM_OCTAL)
			g_string_append_printf(out, "%" G_GINT64_MODIFIER "o", value->number);
		else
			print_number(out, p, param, value);
		break;
	case VALUE_NAME:
		print_text(out, p, &value->text, false);
		break;
	case VALUE_STRING:
		print_text(out, p, &value->text, true);
		break;
	case VALUE_PIECES:
		for (guint i = 0; i < value->list->len; i++) {
			if (i > 0)
				g_string_append_c(out, ' ');
			print_piece(out, p, &g_array_index(value->list, struct piece, i));
		}
		break;
	default:
		g_string_append_c(out, '?');
	}
}

void print_result(GString *out, const struct print *p, const struct op_info *info,
		  const struct value *value)
{
	if (value->kind != VALUE_FIELDS) {
		print_value(out, p, &info->result, value);
		if (value->kind == VALUE_NUMBER && value->text.bytes != NULL) {
			g_string_append(out, " -> ");
			print_text(out, p, &value->text, false);
		}
		return;
	}
	for (guint i = 0; i < value->list->len; i++) {
		const struct field *field = &g_array_index(value->list, struct field, i);
		const struct param *param = &info->fields[field->index];

		g_string_append_printf(out, "%s%s=", i > 0 ? " " : "", param->name);
		print_value(out, p, param, &field->value);
	}
}

void print_call(GString *out, const struct print *p, const struct op *op)
{
	const char *comma = "";

	g_string_append_printf(out, "%s(", op->info->name);
	for (guint i = 0; i < op_nr_args(op->info); i++) {
		if (op->args[i].kind == VALUE_ABSENT)
			continue;
		g_string_append(out, comma);
		print_value(out, p, &op->info->args[i], &op->args[i]);
		comma = ", ";
	}
	g_string_append_c(out, ')');
}

const char *list_name(enum list list)
{
	static const char *const names[NR_LISTS] = {
		[LIST_ALWAYS] = "always",
		[LIST_NEVER] = "never",
		[LIST_SOMETIMES] = "sometimes",
	};

	return names[list];
}

void print_kinds(GString *out, guint32 kinds)
{
	const char *blank = "";

	for (int kind = 0; kind < NR_VIOLATION_KINDS; kind++) {
		if ((kinds & 1u << kind) == 0)
			continue;
		g_string_append_printf(out, "%s%s", blank, violation_name(kind));
		blank = " ";
	}
	if (kinds == 0 || kinds & EXPECT_CLEAN)
		g_string_append_printf(out, "%sclean", blank);
	else if (kinds == EXPECT_ANY)
		g_string_append(out, "any");
}

/* "call(args)   = RESULT | SELECTORS: RESULT" */
static void print_op(GString *out, const struct print *p, const struct op *op)
{
	gsize start = out->len;

	print_call(out, p, op);
	for (guint i = 0; op->outcomes != NULL && i < op->outcomes->len; i++) {
		const struct outcome *o = &g_array_index(op->outcomes, struct outcome, i);
		int pad = CALL_WIDTH - (int)(out->len - start);

		g_string_append_printf(out, "%*s%s", i == 0 ? MAX(pad, 0) : 0, "",
				       i == 0 ? " = " : o->also ? " or " : " | ");
		if (o->selectors != NULL)
			select_print(out, o->selectors);
		print_result(out, p, op->info, &o->value);
	}
}

static void print_lines(GString *out, const char *keyword, const char *text)
{
	g_auto(GStrv) lines = text != NULL ? g_strsplit(text, "\n", -1) : NULL;

	for (guint i = 0; lines != NULL && lines[i] != NULL; i++)
		g_string_append_printf(out, "%-8s %s\n", keyword, lines[i]);
}

static void print_headers(GString *out, const struct scenario *scn)
{
	g_string_append_printf(out, "scenario %s\n", scn->name);
	print_lines(out, "about", scn->about);
	print_lines(out, "source", scn->source);
	for (guint i = 0; i < scn->runs->len; i++)
		g_string_append_printf(out, "%s%s", i == 0 ? "runs     " : " ",
				       g_array_index(scn->runs, struct variant, i).name);
	if (scn->runs->len > 0)
		g_string_append_c(out, '\n');
	for (guint i = 0; i < scn->handlers->len; i++)
		handler_print(out, &g_array_index(scn->handlers, struct handler_script, i));
	if (scn->explore.line != 0)
		world_block_print(out, &scn->explore);
}

static void print_step(GString *out, struct print *p, const struct scenario *scn,
		       const struct step *step)
{
	g_string_append_printf(out, "%*s", step->kind == STEP_KERNEL ? 0 : 2 + 2 * step->depth,
			       "");
	switch (step->kind) {
	case STEP_KERNEL:
		g_string_append_printf(out, "\nkernel %u", step->kernel.number);
		if (step->kernel.release != NULL)
			g_string_append_printf(out, " %s", release_label(step->kernel.release));
		settings_print(out, step->kernel.settings);
		break;
	case STEP_OP:
		print_op(out, p, &step->op);
		break;
	case STEP_REPEAT:
		p->names[step->repeat.var - 1] = step->repeat.name;
		g_string_append_printf(out, "repeat %s %" G_GINT64_FORMAT "..%" G_GINT64_FORMAT,
				       step->repeat.name, step->repeat.from, step->repeat.to);
		break;
	case STEP_RACE:
		race_print(out, scn, step - (struct step *)scn->steps->data);
		break;
	case STEP_TASK:
		g_string_append_printf(out, "task %s", step->task.name);
		if (step->task.process != NULL)
			g_string_append_printf(out, " of %s", step->task.process);
		break;
	case STEP_END:
		g_string_append(out, "end");
		break;
	case STEP_FAIL:
		fail_print(out, &step->fail);
		break;
	case STEP_PROCESS:
		g_string_append_printf(out, "process %s", step->process);
		break;
	}
	g_string_append_c(out, '\n');
}

void print_expects(GString *out, const char *keyword, const GArray *expects)
{
	for (guint i = 0; i < expects->len; i++) {
		const struct expectation *e = &g_array_index(expects, struct expectation, i);

		if (i == 0)
			g_string_append_printf(out, "%s ", keyword);
		else
			g_string_append(out, " | ");
		if (i > 0)
			select_print(out, e->selectors);
		print_kinds(out, e->kinds);
	}
	if (expects->len > 0)
		g_string_append_c(out, '\n');
}

void scenario_print(GString *out, const struct scenario *scn)
{
	struct print p = { 0 };

	print_headers(out, scn);
	for (guint i = 0; i < scn->steps->len; i++)
		print_step(out, &p, scn, &g_array_index(scn->steps, struct step, i));
	if (scn->expect_line + scn->list_line[LIST_ALWAYS] + scn->list_line[LIST_NEVER] +
	    scn->list_line[LIST_SOMETIMES] > 0)
		g_string_append_c(out, '\n');
	print_expects(out, "expect", scn->expects);
	for (int i = 0; i < NR_LISTS; i++)
		print_expects(out, list_name(i), scn->lists[i]);
}

void print_op_at(GString *out, const struct scenario *scn, guint line, gsize shorten)
{
	struct print p = { .shorten = shorten };

	for (guint i = 0; i < scn->steps->len; i++) {
		const struct step *step = &g_array_index(scn->steps, struct step, i);

		if (step->kind == STEP_REPEAT)
			p.names[step->repeat.var - 1] = step->repeat.name;
		if (step->kind == STEP_OP && step->line == line) {
			print_call(out, &p, &step->op);
			return;
		}
	}
}
