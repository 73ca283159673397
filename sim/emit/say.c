/* SPDX-License-Identifier: GPL-2.0-only */
/* Arguments and results of steps as C expressions. */
#include <string.h>

#include "emit/chunk.h"
#include "emit/say.h"
#include "scn/value.h"

#define COLUMNS		100
#define TAB		8
#define MAX_PIECE	56	/* columns of one piece of a string */
#define MIN_RUN		32	/* equal bytes that are said as repeat() */

/* ---- Strings ---- */

static void say_byte(GString *out, guint8 c)
{
	if (c == '\n')
		g_string_append(out, "\\n");
	else if (c == '"' || c == '\\' || c == '?')
		g_string_append_printf(out, "\\%c", c);
	else if (g_ascii_isprint(c))
		g_string_append_c(out, c);
	else
		g_string_append_printf(out, "\\%03o", c);
}

void say_literal(GString *out, const char *bytes, gsize len)
{
	g_string_append_c(out, '"');
	for (gsize i = 0; i < len; i++)
		say_byte(out, bytes[i]);
	g_string_append_c(out, '"');
}

/* The variable of a loop, by its depth counted from 1. */
static char loop_variable(guint8 var)
{
	return 'i' + var - 1;
}

static void add_literal(GPtrArray *parts, struct saying_state *s, const char *bytes, gsize len)
{
	gsize i = 0;

	s->needs |= NEED(BYTES);
	do {
		GString *part = g_string_new("B(\"");

		while (i < len && part->len < MAX_PIECE)
			say_byte(part, bytes[i++]);
		g_string_append(part, "\")");
		g_ptr_array_add(parts, g_string_free(part, FALSE));
	} while (i < len);
}

static void add_run(GPtrArray *parts, struct saying_state *s, const char *byte, gsize times)
{
	GString *part = g_string_new("repeat(");

	s->needs |= NEED(REPEAT);
	g_string_append_c(part, '\'');
	if (*byte == '\'')
		g_string_append_c(part, '\\');
	if (*byte == '"')
		g_string_append_c(part, *byte);
	else
		say_byte(part, *byte);
	g_string_append_printf(part, "', %" G_GSIZE_FORMAT ")", times);
	g_ptr_array_add(parts, g_string_free(part, FALSE));
}

/* Bytes without loop variables: long runs of one byte, and what lies between them. */
static void add_bytes(GPtrArray *parts, struct saying_state *s, const char *bytes, gsize len)
{
	gsize from = 0, run;

	for (gsize i = 0; i < len; i += run) {
		for (run = 1; i + run < len && bytes[i + run] == bytes[i]; )
			run++;
		if (run < MIN_RUN)
			continue;
		if (i > from)
			add_literal(parts, s, bytes + from, i - from);
		add_run(parts, s, bytes + i, run);
		from = i + run;
	}
	if (len > from)
		add_literal(parts, s, bytes + from, len - from);
}

static void add_text(GPtrArray *parts, struct saying_state *s, const struct text *text)
{
	gsize from = 0;

	for (guint i = 0; text->vars != NULL && i < text->vars->len; i++) {
		const struct text_var *v = &g_array_index(text->vars, struct text_var, i);

		add_bytes(parts, s, text->bytes + from, v->at - from);
		g_ptr_array_add(parts, g_strdup_printf("number(%c)", loop_variable(v->var)));
		s->needs |= NEED(NUMBER);
		from = v->at;
	}
	add_bytes(parts, s, text->bytes + from, text->len - from);
}

/* join(A, join(B, C)) */
static void say_joined(GString *out, struct saying_state *s, GPtrArray *parts)
{
	if (parts->len == 0)
		add_literal(parts, s, "", 0);
	for (guint i = 0; i < parts->len; i++) {
		bool last = i + 1 == parts->len;

		g_string_append_printf(out, "%s%s%s", last ? "" : "join(", (char *)parts->pdata[i],
				       last ? "" : ", ");
		s->needs |= last ? 0 : NEED(JOIN);
	}
	for (guint i = 1; i < parts->len; i++)
		g_string_append_c(out, ')');
}

static void say_text(GString *out, struct saying_state *s, const struct text *text)
{
	g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func(g_free);

	add_text(parts, s, text);
	say_joined(out, s, parts);
}

/* ---- Names and numbers ---- */

void say_name(GString *out, struct saying_state *s, const struct text *name)
{
	gsize from = 0;

	if (!s->made) {
		g_string_append_printf(out, "fd_%s", name->bytes);
		return;
	}
	s->needs |= NEED(FD);
	g_string_append(out, "*fd(\"");
	for (guint i = 0; name->vars != NULL && i < name->vars->len; i++) {
		const struct text_var *v = &g_array_index(name->vars, struct text_var, i);

		g_string_append_len(out, name->bytes + from, v->at - from);
		g_string_append(out, "%lld");
		from = v->at;
	}
	g_string_append_printf(out, "%s\"", name->bytes + from);
	for (guint i = 0; name->vars != NULL && i < name->vars->len; i++)
		g_string_append_printf(out, ", %c", loop_variable(
			g_array_index(name->vars, struct text_var, i).var));
	g_string_append_c(out, ')');
}

static void say_constant(GString *out, guint64 n, bool is_signed, bool hex)
{
	if (is_signed && (gint64)n == G_MININT64)
		g_string_append(out, "(-0x7fffffffffffffffLL - 1)");
	else if (is_signed && (gint64)n < 0)
		g_string_append_printf(out, "-%" G_GINT64_FORMAT "%s", -(gint64)n,
				       -(gint64)n > G_MAXINT32 ? "LL" : "");
	else if (hex)
		g_string_append_printf(out, "%#" G_GINT64_MODIFIER "x%s", n,
				       n > G_MAXINT64 ? "ULL" : n > G_MAXINT32 ? "LL" : "");
	else
		g_string_append_printf(out, "%" G_GUINT64_FORMAT "%s", n,
				       n > G_MAXINT64 ? "ULL" : n > G_MAXINT32 ? "LL" : "");
}

static void say_linear(GString *out, const struct value *value)
{
	g_string_append_c(out, loop_variable(value->var));
	if (value->factor != 1)
		g_string_append_printf(out, " * %" G_GINT64_FORMAT "LL", value->factor);
	if (value->number != 0)
		g_string_append_printf(out, " %c %" G_GINT64_FORMAT "LL",
				       (gint64)value->number < 0 ? '-' : '+',
				       ABS((gint64)value->number));
}

/* What libc spells otherwise than the kernel, if at all. */
static bool is_libc_word(const char *name)
{
	return strcmp(name, "O_LARGEFILE") != 0;
}

static void say_flags(GString *out, const struct param *param, guint64 value)
{
	const char *name, *bar = "";
	guint64 v;

	for (guint i = 0; (name = param->words(i, &v)) != NULL; i++) {
		if ((value & v) != v || (v == 0 && value != 0) || !is_libc_word(name))
			continue;
		g_string_append_printf(out, "%s%s", bar, name);
		bar = " | ";
		value &= ~v;
	}
	if (value != 0 || *bar == '\0')
		g_string_append_printf(out, "%s%#" G_GINT64_MODIFIER "x", bar, value);
}

static void say_number(GString *out, const struct param *param, const struct value *value)
{
	const char *name = value->style == STYLE_ERRNO ? errno_name(-(gint64)value->number) : NULL;

	if (value->var != 0)
		say_linear(out, value);
	else if (name != NULL)
		g_string_append_printf(out, "-%s", name);
	else if (param->kind == PARAM_FLAGS)
		say_flags(out, param, value->number);
	else
		say_constant(out, value->number,
			     param->min < 0 || param->words == words_to_end ||
			     param->words == words_null, value->style == STYLE_HEX);
}

/* ---- Arguments and results ---- */

static void say_pieces(GString *out, struct saying_state *s, const GArray *pieces)
{
	g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; i < pieces->len; i++) {
		const struct piece *piece = &g_array_index(pieces, struct piece, i);
		GString *part;

		if (piece->width == 0) {
			add_text(parts, s, &piece->value.text);
			continue;
		}
		part = g_string_new("le(");
		s->needs |= NEED(LE);
		if (piece->value.kind == VALUE_NAME)
			say_name(part, s, &piece->value.text);
		else if (piece->value.var != 0)
			say_linear(part, &piece->value);
		else
			say_constant(part, piece->value.number, false, true);
		g_string_append_printf(part, ", %u)", piece->width);
		g_ptr_array_add(parts, g_string_free(part, FALSE));
	}
	say_joined(out, s, parts);
}

void say_arg(GString *out, struct saying_state *s, const struct param *param,
	     const struct value *value)
{
	switch (value->kind) {
	case VALUE_NAME:
		say_name(out, s, &value->text);
		break;
	case VALUE_STRING:
		say_text(out, s, &value->text);
		break;
	case VALUE_PIECES:
		say_pieces(out, s, value->list);
		break;
	default:
		if (param->kind == PARAM_WORD)
			g_string_append_printf(out, "\"%s\"",
					       words_name(param->words, value->number));
		else
			say_number(out, param, value);
	}
}

/* One field as the program prints what it finds: numbers decimal, flags hexadecimal. */
static void append_field(GString *text, const struct param *param, const struct value *value)
{
	gint64 n = value->number;

	g_string_append_printf(text, "%s=", param->name);
	if (value->kind == VALUE_STRING)
		g_string_append_len(text, value->text.bytes, value->text.len);
	else if (n < 0)
		g_string_append_printf(text, "%" G_GINT64_FORMAT, n);
	else if (param->kind == PARAM_WORD)
		g_string_append(text, words_name(param->words, n));
	else
		g_string_append_printf(text, param->kind == PARAM_FLAGS ?
				       "%#" G_GINT64_MODIFIER "x" :
				       param->kind == PARAM_OCTAL ? "%" G_GINT64_MODIFIER "o" :
				       "%" G_GINT64_FORMAT, n);
	g_string_append_c(text, ';');
}

/* Each piece but the last ends after a field, and stands on a line of its own. */
static void say_split(GString *out, const char *fields)
{
	while (strlen(fields) > MAX_PIECE) {
		const char *end = g_strrstr_len(fields, MAX_PIECE, ";");

		if (end == NULL || end[1] == '\0')
			break;
		say_literal(out, fields, end + 1 - fields);
		g_string_append_c(out, '\n');
		fields = end + 1;
	}
	say_literal(out, fields, strlen(fields));
}

static void say_fields(GString *out, const struct op_info *info, const struct value *value)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; value->kind == VALUE_FIELDS && i < value->list->len; i++) {
		const struct field *field = &g_array_index(value->list, struct field, i);

		append_field(text, &info->fields[field->index], &field->value);
	}
	if (value->kind != VALUE_FIELDS)
		g_string_printf(text, "error=%" G_GINT64_FORMAT ";", -(gint64)value->number);
	say_split(out, text->str);
}

void say_result(GString *out, struct saying_state *s, const struct op_info *info,
		const struct value *value)
{
	if (info->result.kind == PARAM_FIELDS)
		say_fields(out, info, value);
	else if (value->kind == VALUE_STRING)
		say_text(out, s, &value->text);
	else if (value->kind == VALUE_NAME)
		g_string_append_c(out, '0');
	else if (info->result.kind == PARAM_STRING)
		g_string_append_printf(out, "FAILS(%s)",
				       errno_name(-(gint64)value->number) ?: "EIO");
	else
		say_number(out, &info->result, value);
}

/* ---- Lines ---- */

/*
 * Where @text can be broken so that what stands before has at most @room columns, or is to be
 * broken; 0: nowhere.
 */
static gsize break_at(const char *text, gsize room, gsize *paren)
{
	gsize parens[64] = { 0 }, best = 0;
	guint depth = 0;
	bool quoted = false;

	*paren = 0;
	for (gsize i = 0; text[i] != '\0' && i < room; i++) {
		if (quoted && text[i] == '\\') {
			i++;
			continue;
		}
		if (text[i] == '"' || (text[i] == '\'' && !quoted)) {
			if (text[i] == '\'')
				i += text[i + 1] == '\\' ? 2 + strcspn(text + i + 3, "'") : 2;
			else
				quoted = !quoted;
		}
		if (quoted)
			continue;
		if (text[i] == '(')
			parens[MIN(++depth, 63)] = i + 1;
		if (text[i] == ')' && depth > 0)
			depth--;
		if (!g_ascii_isspace(text[i]) || i == 0)
			continue;
		if (text[i] == '\n' || strchr(",?:&|", text[i - 1]) != NULL) {
			best = i;
			*paren = parens[MIN(depth, 63)];
		}
		if (text[i] == '\n')
			break;
	}
	return best;
}

static void append_indent(GString *out, gsize column)
{
	for (; column >= TAB; column -= TAB)
		g_string_append_c(out, '\t');
	for (; column > 0; column--)
		g_string_append_c(out, ' ');
}

void say_line(GString *out, guint depth, const char *text)
{
	gsize column = (gsize)depth * TAB, paren, at;

	append_indent(out, column);
	while (strlen(text) + column > COLUMNS || strchr(text, '\n') != NULL) {
		at = break_at(text, COLUMNS + 1 - column, &paren);
		if (at == 0)
			break;
		g_string_append_len(out, text, at);
		g_string_append_c(out, '\n');
		if (paren > 0 && paren + column < COLUMNS / 2)
			column += paren;
		else if (column == (gsize)depth * TAB)
			column += 2 * TAB;
		append_indent(out, column);
		text += at + 1;
	}
	g_string_append(out, text);
	g_string_append_c(out, '\n');
}
