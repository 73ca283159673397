/* SPDX-License-Identifier: GPL-2.0-only */
/* Arguments and results: reading, evaluating and comparing them. */
#include <errno.h>
#include <string.h>

#include "scn/nearest.h"
#include "scn/value.h"

void value_clear(struct value *value)
{
	text_clear(&value->text);
	if (value->list != NULL)
		g_array_unref(value->list);
	*value = (struct value){ 0 };
}

gint64 value_number(const struct value *value, const gint64 *vars)
{
	guint64 product = value->var != 0 ?
		(guint64)value->factor * (guint64)vars[value->var - 1] : 0;

	return value->number + product;
}

void text_expand(GString *out, const struct text *text, const gint64 *vars)
{
	gsize from = 0;

	for (guint i = 0; text->vars != NULL && i < text->vars->len; i++) {
		const struct text_var *v = &g_array_index(text->vars, struct text_var, i);

		g_string_append_len(out, text->bytes + from, v->at - from);
		g_string_append_printf(out, "%" G_GINT64_FORMAT, vars[v->var - 1]);
		from = v->at;
	}
	g_string_append_len(out, text->bytes + from, text->len - from);
}

/* ---- Reading ---- */

/* The words of the parameter, for messages. */
static char *param_words(const struct param *param)
{
	GString *all = g_string_new(NULL);
	const char *name;
	guint64 value;

	for (guint i = 0; (name = param->words(i, &value)) != NULL; i++)
		g_string_append_printf(all, "%s%s", i > 0 ? ", " : "", name);
	return g_string_free(all, FALSE);
}

static void param_unknown(struct lex *l, const char *at, const struct param *param,
			  const char *word)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new();
	const char *name;
	guint64 value;

	for (guint i = 0; (name = param->words(i, &value)) != NULL; i++)
		g_ptr_array_add(words, (char *)name);
	lex_unknown(l, at, param->name, word, words, true);
}

static bool in_range(const struct lex *l, const struct param *param, const struct value *value,
		     bool negative)
{
	const struct repeat *loop;
	__int128 from = value->number, to;

	if (negative || value->var != 0)
		from = (gint64)value->number;
	to = from;
	if (value->var != 0) {
		loop = &g_array_index(l->loops, struct repeat, value->var - 1);
		from += (__int128)value->factor * loop->from;
		to += (__int128)value->factor * loop->to;
	}
	return from >= param->min && to <= (__int128)param->max;
}

/* Behind "$i": "*N", "+N" or "-N". */
static bool parse_linear(struct lex *l, struct value *value)
{
	enum number_style style;
	const char *at;
	guint64 n = 1;
	bool minus;

	if (!lex_loop_var(l, &value->var))
		return false;
	if (lex_accept(l, '*')) {
		at = l->p;
		if (!lex_magnitude(l, "a number", &n, &style))
			return false;
		if (n > G_MAXINT32) {
			lex_fail(l, at, "factor too large, expected at most %d", G_MAXINT32);
			return false;
		}
	}
	value->factor = n;
	minus = l->p < l->end && *l->p == '-';
	if (!minus && (l->p == l->end || *l->p != '+'))
		return true;
	l->p++;
	at = l->p;
	if (!lex_magnitude(l, "a number", &n, &style))
		return false;
	if (n > G_MAXINT64) {
		lex_fail(l, at, "number too large, expected one of 63 bits");
		return false;
	}
	value->number = minus ? -n : n;
	return true;
}

/* "-ERRNO" at the cursor? Only results have those. */
static bool parse_errno(struct lex *l, struct value *value, bool *ok)
{
	g_autofree char *word = NULL;
	const char *at;
	int error;

	if (l->end - l->p < 2 || l->p[0] != '-' || !g_ascii_isupper(l->p[1]))
		return false;
	at = ++l->p;
	word = lex_word(l);
	error = errno_find(word);
	*ok = error != 0;
	if (!*ok)
		lex_fail(l, at, "unknown error '%s', expected one such as EBUSY", word);
	value->kind = VALUE_NUMBER;
	value->style = STYLE_ERRNO;
	value->number = -(gint64)error;
	return true;
}

static bool parse_number(struct lex *l, const struct param *param, struct value *value)
{
	const char *at = l->p;
	bool negative = l->p < l->end && *l->p == '-';

	value->kind = VALUE_NUMBER;
	if (l->p < l->end && *l->p == '$') {
		l->p++;
		if (!parse_linear(l, value))
			return false;
	} else {
		l->p += negative;
		if (!lex_magnitude(l, param->name, &value->number, &value->style))
			return false;
		if (negative && value->number > (guint64)G_MAXINT64 + 1) {
			lex_fail(l, at, "number too small, expected one of 64 bits");
			return false;
		}
		value->number = negative ? -value->number : value->number;
	}
	if (in_range(l, param, value, negative))
		return true;
	lex_fail(l, at, "%s out of range, expected %" G_GINT64_FORMAT " to %" G_GUINT64_FORMAT,
		 param->name, param->min, param->max);
	return false;
}

/* A number, or one of the few words that stand for one. */
static bool parse_number_or_word(struct lex *l, const struct param *param, struct value *value)
{
	const char *at = l->p;
	g_autofree char *word = NULL;

	if (param->words == NULL)
		return parse_number(l, param, value);
	value->kind = VALUE_NUMBER;
	word = lex_run(l, ",)");
	if (word != NULL && words_find(param->words, word, &value->number) == 0)
		return true;
	l->p = at;
	value->number = 0;
	return parse_number(l, param, value);
}

static bool parse_word(struct lex *l, const struct param *param, struct value *value)
{
	const char *at = l->p;
	g_autofree char *word = lex_word(l);
	g_autofree char *all = NULL;

	value->kind = VALUE_NUMBER;
	if (word == NULL) {
		all = param_words(param);
		lex_expected(l, all);
		return false;
	}
	if (words_find(param->words, word, &value->number) == 0)
		return true;
	param_unknown(l, at, param, word);
	return false;
}

/* A number or a word, with more after '|' where no blank is before it. */
static bool parse_flags(struct lex *l, const struct param *param, struct value *value)
{
	guint64 mask = 0;

	for (;;) {
		struct value part = { 0 };
		bool number = l->p < l->end && g_ascii_isdigit(*l->p);

		if (!(number ? parse_number : parse_word)(l, param, &part))
			return false;
		mask |= part.number;
		if (l->p == l->end || *l->p != '|')
			break;
		l->p++;
	}
	value->kind = VALUE_NUMBER;
	value->number = mask;
	return true;
}

static bool parse_octal(struct lex *l, const struct param *param, struct value *value)
{
	const char *from = l->p;

	value->kind = VALUE_NUMBER;
	while (l->p < l->end && *l->p >= '0' && *l->p <= '7' && value->number <= param->max)
		value->number = value->number * 8 + (*l->p++ - '0');
	if (l->p > from && value->number <= param->max &&
	    (l->p == l->end || !g_ascii_isalnum(*l->p)))
		return true;
	l->p = from;
	lex_expected(l, "octal digits up to 7777");
	return false;
}

/* The longest that a loop variable's value gets. */
static gsize loop_digits(const struct lex *l, guint8 var)
{
	const struct repeat *loop = &g_array_index(l->loops, struct repeat, var - 1);
	g_autofree char *from = g_strdup_printf("%" G_GINT64_FORMAT, loop->from);
	g_autofree char *to = g_strdup_printf("%" G_GINT64_FORMAT, loop->to);

	return MAX(strlen(from), strlen(to));
}

static bool parse_string(struct lex *l, const struct param *param, struct value *value)
{
	const char *at = l->p;
	gsize len;

	value->kind = VALUE_STRING;
	if (!lex_string(l, "a string in double quotes", &value->text))
		return false;
	len = value->text.len;
	for (guint i = 0; value->text.vars != NULL && i < value->text.vars->len; i++)
		len += loop_digits(l, g_array_index(value->text.vars, struct text_var, i).var);
	if (len <= param->max)
		return true;
	lex_fail(l, at, "%s of %" G_GSIZE_FORMAT " bytes, expected at most %" G_GUINT64_FORMAT,
		 param->name, len, param->max);
	return false;
}

/* @path without what stands in its brackets. */
static char *path_shape(const char *path)
{
	GString *shape = g_string_new(NULL);
	bool inside = false;

	for (; *path != '\0'; path++) {
		inside = inside && *path != ']';
		if (!inside)
			g_string_append_c(shape, *path);
		inside |= *path == '[';
	}
	return g_string_free(shape, FALSE);
}

static void unknown_path(struct lex *l, const char *at, const char *path)
{
	g_autoptr(GPtrArray) shapes = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *shape = path_shape(path), *escaped = g_strescape(path, NULL);
	struct nearest nearest;
	gsize i;

	nearest_init(&nearest, shape);
	for (i = 0; handover_field(i) != NULL; i++) {
		g_ptr_array_add(shapes, path_shape(handover_field(i)));
		nearest_try(&nearest, shapes->pdata[i]);
	}
	for (i = 0; nearest.best != NULL && shapes->pdata[i] != nearest.best; )
		i++;
	lex_fail(l, at, "unknown field '%s', expected %s%s%s", escaped,
		 nearest.best != NULL ? "perhaps '" : "one of luosim list fields",
		 nearest.best != NULL ? handover_field(i) : "", nearest.best != NULL ? "'" : "");
}

/* A loop variable could be any number. */
static bool parse_path(struct lex *l, const struct param *param, struct value *value)
{
	const gint64 zeroes[MAX_LOOPS] = { 0 };
	g_autoptr(GString) path = g_string_new(NULL);
	g_autofree char *escaped = NULL;
	const char *at = l->p;
	int ret;

	if (!parse_string(l, param, value))
		return false;
	text_expand(path, &value->text, zeroes);
	ret = strlen(path->str) == path->len ? handover_path(path->str) : -ENOENT;
	if (ret == 0 || (ret > 0 && param->kind == PARAM_OBJECT))
		return true;
	if (ret > 0) {
		escaped = g_strescape(path->str, NULL);
		lex_fail(l, at, "'%s' has an address and no value, expected a field such as "
			 "'%s.preserved'", escaped, escaped);
		return false;
	}
	unknown_path(l, at, path->str);
	return false;
}

static void piece_clear(struct piece *piece)
{
	value_clear(&piece->value);
}

/* "fd(name)" or "u32(number)" */
static bool parse_typed_piece(struct lex *l, struct piece *piece)
{
	static const char *const types[] = { "fd", "u8", "u16", "u32", "u64" };
	static const guint8 widths[] = { 4, 1, 2, 4, 8 };
	struct param number = { .name = "number", .kind = PARAM_NUMBER };
	const struct param name = { .name = "FD", .kind = PARAM_FD };
	const char *at = l->p;
	g_autofree char *word = lex_word(l);
	guint i = 0;

	while (i < G_N_ELEMENTS(types) && g_strcmp0(word, types[i]) != 0)
		i++;
	if (i == G_N_ELEMENTS(types)) {
		l->p = at;
		lex_expected(l, "a string, fd(), u8(), u16(), u32() or u64()");
		return false;
	}
	piece->width = widths[i];
	number.max = G_MAXUINT64 >> (64 - 8 * widths[i]);
	return lex_need(l, '(') && value_parse(l, i == 0 ? &name : &number, &piece->value) &&
	       lex_need(l, ')');
}

static bool parse_pieces(struct lex *l, const struct param *param, struct value *value)
{
	const struct param string = { "PIECES", PARAM_STRING, 0, param->max, NULL };

	value->kind = VALUE_PIECES;
	value->list = g_array_new(FALSE, TRUE, sizeof(struct piece));
	g_array_set_clear_func(value->list, (GDestroyNotify)piece_clear);
	do {
		struct piece piece = { 0 };
		bool ok;

		if (l->p < l->end && *l->p == '"')
			ok = parse_string(l, &string, &piece.value);
		else
			ok = parse_typed_piece(l, &piece);
		if (!ok) {
			piece_clear(&piece);
			return false;
		}
		g_array_append_val(value->list, piece);
		lex_blank(l);
	} while (l->p < l->end && *l->p != ',' && *l->p != ')');
	return true;
}

static bool parse_name(struct lex *l, struct value *value, bool binds, const char *what)
{
	value->kind = VALUE_NAME;
	return lex_name(l, what, binds, &value->text);
}

bool value_parse(struct lex *l, const struct param *param, struct value *value)
{
	lex_blank(l);
	switch (param->kind) {
	case PARAM_FD:
		return parse_name(l, value, false, "the name of a descriptor");
	case PARAM_FD_NUMBER:
		if (l->p < l->end && (*l->p == '-' || *l->p == '$' || g_ascii_isdigit(*l->p)))
			return parse_number(l, param, value);
		return parse_name(l, value, false, "the name or number of a descriptor");
	case PARAM_NEW:
		return parse_name(l, value, true, "a name for the descriptor or -ERRNO");
	case PARAM_MEMORY:
		return parse_name(l, value, false, "the name of memory");
	case PARAM_NEW_MEMORY:
		return parse_name(l, value, true, "a name for the memory or -ERRNO");
	case PARAM_NUMBER:
		return parse_number_or_word(l, param, value);
	case PARAM_FLAGS:
		return parse_flags(l, param, value);
	case PARAM_OCTAL:
		return parse_octal(l, param, value);
	case PARAM_WORD:
		return parse_word(l, param, value);
	case PARAM_STRING:
		return parse_string(l, param, value);
	case PARAM_FIELD:
	case PARAM_OBJECT:
		return parse_path(l, param, value);
	case PARAM_PIECES:
		return parse_pieces(l, param, value);
	default:
		g_return_val_if_reached(false);
	}
}

static void field_clear(struct field *field)
{
	value_clear(&field->value);
}

static bool parse_field(struct lex *l, const struct param *params, struct field *field)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new();
	const char *at = l->p;
	g_autofree char *word = lex_word(l);
	bool ok;

	if (word == NULL) {
		lex_expected(l, "FIELD=VALUE or -ERRNO");
		return false;
	}
	while (params[field->index].name != NULL && strcmp(params[field->index].name, word) != 0)
		field->index++;
	if (params[field->index].name == NULL) {
		for (guint i = 0; params[i].name != NULL; i++)
			g_ptr_array_add(words, (char *)params[i].name);
		lex_unknown(l, at, "field", word, words, true);
		return false;
	}
	if (!lex_need(l, '='))
		return false;
	if (parse_errno(l, &field->value, &ok))
		return ok;
	return value_parse(l, &params[field->index], &field->value);
}

static bool parse_fields(struct lex *l, const struct op_info *info, struct value *value)
{
	value->kind = VALUE_FIELDS;
	value->list = g_array_new(FALSE, TRUE, sizeof(struct field));
	g_array_set_clear_func(value->list, (GDestroyNotify)field_clear);
	do {
		struct field field = { 0 };

		if (!parse_field(l, info->fields, &field)) {
			field_clear(&field);
			return false;
		}
		g_array_append_val(value->list, field);
	} while (!lex_done(l) && *l->p != '|' && !lex_at_word(l, "or"));
	return true;
}

bool result_parse(struct lex *l, const struct op_info *info, struct value *value)
{
	bool ok;

	lex_blank(l);
	if (parse_errno(l, value, &ok))
		return ok;
	if (info->result.kind == PARAM_FIELDS)
		return parse_fields(l, info, value);
	if (!value_parse(l, &info->result, value))
		return false;
	lex_blank(l);
	if (!info->binds_fd || l->end - l->p < 2 || memcmp(l->p, "->", 2) != 0)
		return true;
	l->p += 2;
	return lex_name(l, "a name for the descriptor", true, &value->text);
}

/* ---- Comparing ---- */

static bool text_equal(const struct text *expected, const struct text *actual,
		       const gint64 *vars)
{
	g_autoptr(GString) expanded = NULL;

	if (expected->vars == NULL)
		return expected->len == actual->len &&
		       memcmp(expected->bytes, actual->bytes, actual->len) == 0;
	expanded = g_string_new(NULL);
	text_expand(expanded, expected, vars);
	return expanded->len == actual->len &&
	       memcmp(expanded->str, actual->bytes, actual->len) == 0;
}

static bool value_equal(const struct value *expected, const struct value *actual,
			const gint64 *vars)
{
	if (expected->kind != actual->kind)
		return false;
	if (expected->kind == VALUE_STRING)
		return text_equal(&expected->text, &actual->text, vars);
	return value_number(expected, vars) == value_number(actual, vars);
}

static bool fields_equal(const struct value *expected, const struct value *actual,
			 const gint64 *vars)
{
	for (guint i = 0; i < expected->list->len; i++) {
		const struct field *e = &g_array_index(expected->list, struct field, i);
		const struct field *a = &g_array_index(actual->list, struct field, e->index);

		if (!value_equal(&e->value, &a->value, vars))
			return false;
	}
	return true;
}

bool result_equal(const struct value *expected,
		  const struct value *actual, const gint64 *vars)
{
	if (expected->kind == VALUE_FIELDS && actual->kind == VALUE_FIELDS)
		return fields_equal(expected, actual, vars);
	if (expected->kind == VALUE_NAME)
		return actual->kind == VALUE_NUMBER && (gint64)actual->number >= 0;
	return value_equal(expected, actual, vars);
}
