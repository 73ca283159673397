/* SPDX-License-Identifier: GPL-2.0-only */
/* A cursor over one line of a scenario: words, numbers, strings, and what is wrong. */
#include <string.h>

#include "scn/lex.h"
#include "scn/names.h"
#include "scn/nearest.h"

#define SHOWN_CHARS 40		/* of a word in a message */

/* "FILE:LINE:COL: message", of the command line "OPTION: message". */
static char *located(const struct lex *l, const char *at, const char *format, va_list ap)
{
	g_autofree char *message = g_strdup_vprintf(format, ap);

	if (l->nr == 0)
		return g_strdup_printf("%s: %s", l->file, message);
	return g_strdup_printf("%s:%u:%ld: %s", l->file, l->nr,
			       g_utf8_pointer_to_offset(l->line, at) + 1, message);
}

void lex_fail(struct lex *l, const char *at, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list ap;

	va_start(ap, format);
	text = located(l, at, format, ap);
	va_end(ap);
	g_set_error_literal(l->error, SCN_ERROR, 0, text);
}

void lex_note(struct lex *l, const char *at, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list ap;

	va_start(ap, format);
	text = located(l, at, format, ap);
	va_end(ap);
	g_printerr("%s\n", text);
}

/* @word in quotes, cut where it gets long. */
static char *quoted(const char *word)
{
	g_autofree char *cut = NULL;

	if (g_utf8_strlen(word, -1) <= SHOWN_CHARS)
		return g_strdup_printf("'%s'", word);
	cut = g_utf8_substring(word, 0, SHOWN_CHARS);
	return g_strdup_printf("'%s...'", cut);
}

void lex_expected(struct lex *l, const char *what)
{
	g_autofree char *found = NULL, *word = NULL;
	const char *end;

	lex_blank(l);
	if (lex_done(l)) {
		lex_fail(l, l->p, "line ends here, expected %s", what);
		return;
	}
	end = l->p;
	while (end < l->end && (g_ascii_isalnum(*end) || strchr("_-+.$", *end) != NULL))
		end++;
	if (end == l->p)
		end = g_utf8_next_char(end);
	word = g_strndup(l->p, end - l->p);
	found = quoted(word);
	lex_fail(l, l->p, "found %s, expected %s", found, what);
}

void lex_unknown(struct lex *l, const char *at, const char *what, const char *word,
		 const GPtrArray *words, bool list)
{
	g_autofree char *found = quoted(word);
	g_autoptr(GString) all = g_string_new(NULL);
	struct nearest n;

	nearest_init(&n, word);
	for (guint i = 0; i < words->len; i++) {
		nearest_try(&n, words->pdata[i]);
		g_string_append_printf(all, "%s%s", i > 0 ? ", " : "", (char *)words->pdata[i]);
	}
	if (n.best != NULL) {
		lex_fail(l, at, "unknown %s %s, expected perhaps '%s'", what, found, n.best);
	} else if (list) {
		lex_fail(l, at, "unknown %s %s, expected one of: %s", what, found, all->str);
	} else {
		lex_fail(l, at, "unknown %s %s, expected a known one", what, found);
	}
}

bool lex_blank(struct lex *l)
{
	const char *from = l->p;

	while (l->p < l->end && (*l->p == ' ' || *l->p == '\t'))
		l->p++;
	return l->p > from;
}

bool lex_done(struct lex *l)
{
	lex_blank(l);
	return l->p == l->end || *l->p == '#';
}

bool lex_accept(struct lex *l, char c)
{
	lex_blank(l);
	if (l->p == l->end || *l->p != c)
		return false;
	l->p++;
	return true;
}

bool lex_need(struct lex *l, char c)
{
	const char what[] = { '\'', c, '\'', '\0' };

	if (lex_accept(l, c))
		return true;
	lex_expected(l, what);
	return false;
}

static bool is_word(char c)
{
	return g_ascii_isalnum(c) || c == '_';
}

static const char *word_end(const struct lex *l)
{
	const char *p = l->p;

	if (p < l->end && g_ascii_isdigit(*p))
		return p;
	while (p < l->end && is_word(*p))
		p++;
	return p;
}

char *lex_word(struct lex *l)
{
	const char *from;

	lex_blank(l);
	from = l->p;
	l->p = word_end(l);
	return l->p > from ? g_strndup(from, l->p - from) : NULL;
}

bool lex_at_word(struct lex *l, const char *want)
{
	gsize len = strlen(want);

	lex_blank(l);
	return (gsize)(word_end(l) - l->p) == len && memcmp(l->p, want, len) == 0;
}

bool lex_accept_word(struct lex *l, const char *want)
{
	if (!lex_at_word(l, want))
		return false;
	l->p += strlen(want);
	return true;
}

int lex_choice(struct lex *l, const char *what, const char *kind, const GPtrArray *words)
{
	g_autofree char *word = lex_word(l);

	for (guint i = 0; word != NULL && i < words->len; i++)
		if (strcmp(words->pdata[i], word) == 0)
			return i;
	if (word == NULL)
		lex_expected(l, what);
	else
		lex_unknown(l, l->p - strlen(word), kind, word, words, true);
	return -1;
}

char *lex_run(struct lex *l, const char *stop)
{
	const char *from;

	lex_blank(l);
	from = l->p;
	while (l->p < l->end && strchr(" \t#", *l->p) == NULL && strchr(stop, *l->p) == NULL)
		l->p++;
	return l->p > from ? g_strndup(from, l->p - from) : NULL;
}

bool lex_loop_var(struct lex *l, guint8 *var)
{
	const char *at = l->p;
	bool braces = l->p < l->end && *l->p == '{';
	g_autofree char *name = NULL;

	l->p += braces;
	name = g_strndup(l->p, word_end(l) - l->p);
	l->p += strlen(name);
	if (braces && (l->p == l->end || *l->p++ != '}')) {
		lex_fail(l, at, "'${' without '}', expected the name of a repeat block");
		return false;
	}
	for (guint i = l->loops->len; i-- > 0; ) {
		if (strcmp(g_array_index(l->loops, struct repeat, i).name, name) == 0) {
			*var = i + 1;
			return true;
		}
	}
	lex_fail(l, at, "no repeat block around has the variable '%s', expected one that has"
		 " (a '$' itself is written \\$)", name);
	return false;
}

/* A text being read. */
struct builder {
	GString *bytes;
	GArray *vars;
};

static bool builder_var(struct lex *l, struct builder *b)
{
	struct text_var var = { .at = b->bytes->len };

	if (!lex_loop_var(l, &var.var))
		return false;
	g_array_append_val(b->vars, var);
	return true;
}

/* Give what was read to @text, or throw it away. */
static bool builder_end(struct builder *b, struct text *text, bool ok)
{
	if (ok) {
		text->len = b->bytes->len;
		text->bytes = g_string_free(b->bytes, FALSE);
		text->vars = b->vars->len > 0 ? g_array_ref(b->vars) : NULL;
	} else {
		g_string_free(b->bytes, TRUE);
	}
	g_array_unref(b->vars);
	return ok;
}

static struct builder builder_new(void)
{
	return (struct builder){
		g_string_new(NULL), g_array_new(FALSE, FALSE, sizeof(struct text_var)),
	};
}

bool lex_name(struct lex *l, const char *what, bool binds, struct text *text)
{
	struct builder b;
	const char *from;
	bool ok = true;

	lex_blank(l);
	from = l->p;
	if (word_end(l) == l->p) {
		lex_expected(l, what);
		return false;
	}
	b = builder_new();
	while (ok && l->p < l->end && (is_word(*l->p) || *l->p == '$')) {
		if (*l->p++ == '$')
			ok = builder_var(l, &b);
		else
			g_string_append_c(b.bytes, l->p[-1]);
	}
	if (ok && l->p - from > MAX_NAME) {
		lex_fail(l, from, "name longer than %d characters, expected a shorter one",
			 MAX_NAME);
		ok = false;
	}
	if (!builder_end(&b, text, ok))
		return false;
	names_add(l->names, l, from, text, binds);
	return true;
}

/* The rest of an escape; the cursor is after the backslash. */
static bool lex_escape(struct lex *l, GString *out)
{
	static const char from[] = "n0\"\\$", to[] = "\n\0\"\\$";
	const char *at = l->p - 1;
	const char *hit = l->p < l->end ? memchr(from, *l->p, sizeof(from) - 1) : NULL;

	if (hit != NULL) {
		g_string_append_c(out, to[hit - from]);
		l->p++;
		return true;
	}
	if (l->end - l->p >= 3 && l->p[0] == 'x' && g_ascii_isxdigit(l->p[1]) &&
	    g_ascii_isxdigit(l->p[2])) {
		g_string_append_c(out, g_ascii_xdigit_value(l->p[1]) << 4 |
				       g_ascii_xdigit_value(l->p[2]));
		l->p += 3;
		return true;
	}
	lex_fail(l, at, "unknown escape, expected \\n, \\0, \\xHH, \\\", \\\\ or \\$");
	return false;
}

/* One "..." literal, appended to @b. */
static bool lex_literal(struct lex *l, struct builder *b)
{
	const char *from = l->p++;

	while (l->p < l->end && *l->p != '"') {
		char c = *l->p++;

		if (c == '\\') {
			if (!lex_escape(l, b->bytes))
				return false;
		} else if (c == '$') {
			if (!builder_var(l, b))
				return false;
		} else {
			g_string_append_c(b->bytes, c);
		}
	}
	if (l->p == l->end) {
		lex_fail(l, from, "string does not end, expected '\"'");
		return false;
	}
	l->p++;
	return true;
}

/* "*N" after a literal that began at @at and @var: N copies in all. */
static bool lex_copies(struct lex *l, struct builder *b, gsize at, guint var)
{
	gsize len = b->bytes->len - at;
	guint nr = b->vars->len - var;
	enum number_style style;
	const char *from;
	guint64 copies;

	if (!lex_accept(l, '*'))
		return true;
	lex_blank(l);
	from = l->p;
	if (!lex_magnitude(l, "a number of copies", &copies, &style))
		return false;
	if (copies == 0 || copies > MAX_STRING_BYTES / MAX(len + nr, 1)) {
		lex_fail(l, from, "%s, expected 1 copy to %u bytes in all",
			 copies == 0 ? "no copies" : "string too long", MAX_STRING_BYTES);
		return false;
	}
	for (guint64 i = 1; i < copies && len + nr > 0; i++) {
		g_string_append_len(b->bytes, b->bytes->str + at, len);
		for (guint j = 0; j < nr; j++) {
			struct text_var v = g_array_index(b->vars, struct text_var, var + j);

			v.at += len * i;
			g_array_append_val(b->vars, v);
		}
	}
	return true;
}

bool lex_string(struct lex *l, const char *what, struct text *text)
{
	struct builder b;
	const char *from;
	bool ok = true;

	lex_blank(l);
	from = l->p;
	if (l->p == l->end || *l->p != '"') {
		lex_expected(l, what);
		return false;
	}
	b = builder_new();
	while (ok && l->p < l->end && *l->p == '"') {
		gsize at = b.bytes->len;
		guint var = b.vars->len;

		ok = lex_literal(l, &b) && lex_copies(l, &b, at, var);
		if (ok && b.bytes->len + b.vars->len > MAX_STRING_BYTES) {
			lex_fail(l, from, "string too long, expected at most %u bytes",
				 MAX_STRING_BYTES);
			ok = false;
		}
		lex_blank(l);
	}
	l->string_bytes += b.bytes->len + b.vars->len * sizeof(struct text_var);
	if (ok && l->string_bytes > MAX_ALL_STRING_BYTES) {
		lex_fail(l, from, "strings of this file too long, expected at most %u bytes",
			 MAX_ALL_STRING_BYTES);
		ok = false;
	}
	return builder_end(&b, text, ok);
}

/* The digits at the cursor in @base. */
static bool lex_digits(struct lex *l, guint base, guint64 *n)
{
	const char *from = l->p;

	*n = 0;
	while (l->p < l->end && g_ascii_isxdigit(*l->p)) {
		guint digit = g_ascii_xdigit_value(*l->p);

		if (digit >= base)
			break;
		if (*n > (G_MAXUINT64 - digit) / base) {
			lex_fail(l, from, "number too large, expected one of 64 bits");
			return false;
		}
		*n = *n * base + digit;
		l->p++;
	}
	return true;
}

bool lex_magnitude(struct lex *l, const char *what, guint64 *n, enum number_style *style)
{
	static const char units[] = "KMGT";
	const char *from = l->p, *unit;
	bool hex = l->end - l->p > 2 && l->p[0] == '0' && l->p[1] == 'x' &&
		   g_ascii_isxdigit(l->p[2]);

	if (l->p == l->end || !g_ascii_isdigit(*l->p)) {
		lex_expected(l, what);
		return false;
	}
	l->p += hex ? 2 : 0;
	if (!lex_digits(l, hex ? 16 : 10, n))
		return false;
	*style = hex ? STYLE_HEX : STYLE_DECIMAL;
	unit = l->p < l->end ? memchr(units, *l->p, sizeof(units) - 1) : NULL;
	if (unit != NULL) {
		guint shift = (unit - units + 1) * 10;

		if (*n > G_MAXUINT64 >> shift) {
			lex_fail(l, from, "number too large, expected one of 64 bits");
			return false;
		}
		*n <<= shift;
		*style = STYLE_SIZE;
		l->p++;
	}
	if (!hex && *from == '0' && l->p - from > 1 && g_ascii_isdigit(from[1])) {
		lex_fail(l, from, "number starts with 0, expected decimal or 0x...");
		return false;
	}
	if (l->p < l->end && is_word(*l->p)) {
		lex_fail(l, l->p, "'%c' in a number, expected digits or K, M, G or T", *l->p);
		return false;
	}
	return true;
}

void text_clear(struct text *text)
{
	g_free(text->bytes);
	if (text->vars != NULL)
		g_array_unref(text->vars);
	*text = (struct text){ 0 };
}
