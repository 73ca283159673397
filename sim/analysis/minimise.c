/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Making a scenario smaller that shows the same. It is cut as text: whatever is left
 * out, the parser says whether a scenario remains, and a run what comes of it.
 */
#include <string.h>

#include "analysis/minimise.h"
#include "scn/print.h"

struct minimiser {
	GPtrArray *lines;		/* of char * */
	const struct overrides *overrides;
	guint32 kinds;			/* to be kept */
};

/* ---- Does it still show the same? ---- */

struct capture {
	struct report report;
	guint32 kinds;
	bool ran;
};

static void capture_event(struct report *report, const struct report_event *e)
{
	struct capture *c = (struct capture *)report;

	if (e->type != REPORT_VERDICT || e->verdict->skipped != NULL)
		return;
	c->ran = true;
	c->kinds |= e->verdict->kinds;
}

static bool kinds_of(const struct scenario *scn, const struct overrides *overrides,
		     guint32 *kinds)
{
	struct capture c = { .report = { .event = capture_event } };

	run_scenario(scn, NULL, overrides, &c.report);
	*kinds = c.kinds;
	return c.ran;
}

static bool text_shows(const struct minimiser *m, const char *text)
{
	struct scenario *scn = scenario_parse("minimised", text, strlen(text), NULL);
	guint32 kinds = 0;
	bool ran;

	if (scn == NULL)
		return false;
	ran = kinds_of(scn, m->overrides, &kinds);
	scenario_free(scn);
	return ran && kinds == m->kinds;
}

static char *joined(const GPtrArray *lines)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < lines->len; i++)
		g_string_append_printf(text, "%s\n", (char *)lines->pdata[i]);
	return g_string_free(text, FALSE);
}

/* Take @lines, which become the minimiser's, if they still show the same. */
static bool accept(struct minimiser *m, GPtrArray *lines)
{
	g_autofree char *text = joined(lines);
	bool shows = text_shows(m, text);

	if (shows) {
		g_ptr_array_unref(m->lines);
		m->lines = lines;
	} else {
		g_ptr_array_unref(lines);
	}
	return shows;
}

static GPtrArray *copy_lines(const GPtrArray *lines)
{
	GPtrArray *copy = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; i < lines->len; i++)
		g_ptr_array_add(copy, g_strdup(lines->pdata[i]));
	return copy;
}

static bool replace_line(struct minimiser *m, guint i, char *line)
{
	GPtrArray *lines = copy_lines(m->lines);

	g_free(lines->pdata[i]);
	lines->pdata[i] = line;
	return accept(m, lines);
}

/* ---- Lines ---- */

static const char *word_at(const char *line)
{
	return line + strspn(line, " ");
}

static bool is_step(const char *line)
{
	const char *word = word_at(line);
	gsize len = strspn(word, "abcdefghijklmnopqrstuvwxyz_0123456789");

	return len > 0 && word[len] == '(';
}

/* Where " = " begins after the call, or NULL. */
static const char *result_of(const char *line)
{
	const char *close = NULL;
	bool quoted = false;

	for (const char *c = line; *c != '\0'; c++) {
		if (*c == '\\' && quoted && c[1] != '\0')
			c++;
		else if (*c == '"')
			quoted = !quoted;
		else if (*c == ')' && !quoted && close == NULL)
			close = c;
		else if (*c == '=' && !quoted && close != NULL)
			return c;
	}
	return NULL;
}

/* The name that the step binds, or NULL. */
static char *bound_name(const char *line)
{
	const char *result = is_step(line) ? result_of(line) : NULL;
	const char *name = result != NULL ? word_at(result + 1) : NULL;
	gsize len = name != NULL ? strspn(name, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "_$") : 0;

	return len > 0 && !g_ascii_isdigit(*name) ? g_strndup(name, len) : NULL;
}

static bool uses(const char *line, const char *name)
{
	g_autofree char *pattern = g_strdup_printf("\\b%s\\b", name);

	return g_regex_match_simple(pattern, line, 0, 0);
}

/* ---- Dropping lines ---- */

/* Without the lines that @drop marks. */
static bool drop_marked(struct minimiser *m, const bool *drop)
{
	GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; i < m->lines->len; i++)
		if (!drop[i])
			g_ptr_array_add(lines, g_strdup(m->lines->pdata[i]));
	return accept(m, lines);
}

/* Mark line @i and, of what it binds, all that uses it before it is bound again. */
static void mark(const struct minimiser *m, guint i, bool *drop)
{
	g_autofree char *name = bound_name(m->lines->pdata[i]);

	drop[i] = true;
	for (guint j = i + 1; name != NULL && j < m->lines->len; j++) {
		g_autofree char *again = bound_name(m->lines->pdata[j]);

		if (!drop[j] && is_step(m->lines->pdata[j]) && uses(m->lines->pdata[j], name) &&
		    g_strcmp0(again, name) != 0)
			mark(m, j, drop);
		if (g_strcmp0(again, name) == 0)
			break;
	}
}

/* @nr lines from @from on, with or without what depends on them. */
static bool drop_lines(struct minimiser *m, guint from, guint nr, bool dependent)
{
	g_autofree bool *drop = g_new0(bool, m->lines->len);

	for (guint i = from; i < from + nr; i++) {
		if (dependent)
			mark(m, i, drop);
		drop[i] = true;
	}
	return drop_marked(m, drop);
}

/* The first line of a block and its "end", but not what is between them. */
static bool unwrap(struct minimiser *m, guint from)
{
	g_autofree bool *drop = g_new0(bool, m->lines->len);
	gsize depth = word_at(m->lines->pdata[from]) - (char *)m->lines->pdata[from];

	if (!g_str_has_prefix(word_at(m->lines->pdata[from]), "repeat "))
		return false;
	drop[from] = true;
	for (guint i = from + 1; i < m->lines->len; i++) {
		const char *line = m->lines->pdata[i];

		if (!g_str_equal(word_at(line), "end") || (gsize)(word_at(line) - line) != depth)
			continue;
		drop[i] = true;
		return drop_marked(m, drop);
	}
	return false;
}

static bool drop_some(struct minimiser *m)
{
	bool changed = false;

	for (guint nr = m->lines->len / 2; nr >= 1; nr /= 2)
		for (guint i = 1; i + nr <= m->lines->len; )
			if (drop_lines(m, i, nr, false) || (nr <= 2 && drop_lines(m, i, nr, true)))
				changed = true;
			else
				i++;
	for (guint i = 1; i < m->lines->len; i++)
		changed = unwrap(m, i) || changed;
	return changed;
}

/* ---- Making lines shorter ---- */

/* What a step is expected to return, unless it is a name. */
static bool drop_results(struct minimiser *m)
{
	bool changed = false;

	for (guint i = 1; i < m->lines->len; i++) {
		const char *line = m->lines->pdata[i], *result;
		g_autofree char *name = bound_name(line);
		char *bar;

		result = is_step(line) ? result_of(line) : NULL;
		if (result != NULL && name == NULL) {
			changed = replace_line(m, i, g_strchomp(g_strndup(line, result - line))) ||
				  changed;
		} else if (name != NULL && (bar = strstr(result, " | ")) != NULL) {
			changed = replace_line(m, i, g_strndup(line, bar - line)) || changed;
		}
	}
	return changed;
}

/* The words after the release of a kernel's heading. */
static bool drop_settings(struct minimiser *m)
{
	bool changed = false;

	for (guint i = 1; i < m->lines->len; i++) {
		g_auto(GStrv) words = g_strsplit(m->lines->pdata[i], " ", -1);

		if (!g_str_equal(words[0] != NULL ? words[0] : "", "kernel"))
			continue;
		for (guint w = g_strv_length(words); w-- > 2; ) {
			g_autoptr(GString) line = g_string_new(NULL);

			for (guint v = 0; words[v] != NULL; v++)
				if (v != w)
					g_string_append_printf(line, "%s%s", v > 0 ? " " : "",
							       words[v]);
			if (!replace_line(m, i, g_strdup(line->str)))
				continue;
			changed = true;
			g_free(words[w]);
			memmove(&words[w], &words[w + 1],
				(g_strv_length(&words[w + 1]) + 1) * sizeof(*words));
		}
	}
	return changed;
}

/* Line @i with the number at [@from, @to) replaced. */
static bool put_number(struct minimiser *m, guint i, gsize from, gsize to, guint64 n)
{
	const char *line = m->lines->pdata[i];

	return replace_line(m, i, g_strdup_printf("%.*s%" G_GUINT64_FORMAT "%s", (int)from, line,
						  n, line + to));
}

static bool lower_number(struct minimiser *m, guint i, gsize from, gsize to)
{
	guint64 n = g_ascii_strtoull((char *)m->lines->pdata[i] + from, NULL, 0);

	if (n > 0 && put_number(m, i, from, to, 0))
		return true;
	if (n > 1 && put_number(m, i, from, to, 1))
		return true;
	return n > 2 && put_number(m, i, from, to, n / 2);
}

/* The numbers among the arguments of steps, from the first on. */
static bool lower_numbers(struct minimiser *m)
{
	bool changed = false;

	for (guint i = 1; i < m->lines->len; i++) {
		for (gsize at = 0; at < strlen(m->lines->pdata[i]); at++) {
			const char *line = m->lines->pdata[i];
			gsize len = strspn(line + at, "0123456789xabcdefABCDEFKMGT");
			bool begins = at > 0 && strchr("(, ", line[at - 1]) != NULL;

			if (!is_step(line) || !begins || !g_ascii_isdigit(line[at]) ||
			    strchr(",)", line[at + len]) == NULL)
				continue;
			while (lower_number(m, i, at, at + len)) {
				changed = true;
				len = strspn((char *)m->lines->pdata[i] + at, "0123456789");
			}
		}
	}
	return changed;
}

/* ---- Merging objects ---- */

static GPtrArray *renamed(const GPtrArray *lines, const char *from, const char *to)
{
	g_autofree char *pattern = g_strdup_printf("\\b%s\\b", from);
	g_autoptr(GRegex) regex = g_regex_new(pattern, 0, 0, NULL);
	GPtrArray *copy = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; i < lines->len; i++) {
		const char *line = lines->pdata[i];

		g_ptr_array_add(copy, !is_step(line) ? g_strdup(line) :
				g_regex_replace_literal(regex, line, -1, 0, to, 0, NULL));
	}
	return copy;
}

/* Use one object where two were used, and make only that one. */
static bool merge_at(struct minimiser *m, guint i, guint j)
{
	g_autofree char *one = bound_name(m->lines->pdata[i]);
	g_autofree char *other = bound_name(m->lines->pdata[j]);
	GPtrArray *lines;

	if (one == NULL || other == NULL || g_str_equal(one, other))
		return false;
	lines = renamed(m->lines, other, one);
	g_ptr_array_remove_index(lines, j);
	return accept(m, lines);
}

static bool merge_objects(struct minimiser *m)
{
	bool changed = false;

	for (guint i = 1; i < m->lines->len; i++)
		for (guint j = i + 1; j < m->lines->len; )
			if (merge_at(m, i, j))
				changed = true;
			else
				j++;
	return changed;
}

/* ---- All of it ---- */

/* Text lines without comments; what is expected is what came. */
static void take_lines(struct minimiser *m, const struct scenario *scn)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_auto(GStrv) lines = NULL;

	scenario_print(text, scn);
	lines = g_strsplit(text->str, "\n", -1);
	m->lines = g_ptr_array_new_with_free_func(g_free);
	for (guint i = 0; lines[i] != NULL; i++) {
		const char *word = word_at(lines[i]);

		if (*word == '\0' || g_str_has_prefix(word, "expect ") ||
		    g_str_has_prefix(word, "runs ") || g_str_has_prefix(word, "always ") ||
		    g_str_has_prefix(word, "never ") || g_str_has_prefix(word, "sometimes "))
			continue;
		g_ptr_array_add(m->lines, g_strdup(lines[i]));
	}
}

/* As the printer writes it, with the kinds as expectation. */
static char *finished(const struct minimiser *m)
{
	g_autoptr(GString) out = g_string_new(NULL);
	g_autofree char *text = joined(m->lines);
	g_autoptr(GString) with = g_string_new(text);
	struct scenario *scn;

	g_string_append(with, "expect ");
	print_kinds(with, m->kinds);
	scn = scenario_parse("minimised", with->str, with->len, NULL);
	if (scn == NULL)
		return g_strdup(text);
	scenario_print(out, scn);
	scenario_free(scn);
	return g_strdup(out->str);
}

char *minimise(const struct scenario *scn, const struct overrides *overrides)
{
	struct minimiser m = { .overrides = overrides };
	g_autofree char *text = NULL;
	bool changed = true;
	char *result;

	if (!kinds_of(scn, overrides, &m.kinds) || m.kinds == 0)
		return NULL;
	take_lines(&m, scn);
	text = joined(m.lines);
	/* Without its expectations it must still be a scenario, of which the same comes. */
	while (changed && text_shows(&m, text)) {
		changed = drop_some(&m);
		changed = drop_results(&m) || changed;
		changed = drop_settings(&m) || changed;
		changed = merge_objects(&m) || changed;
		changed = lower_numbers(&m) || changed;
	}
	result = finished(&m);
	g_ptr_array_unref(m.lines);
	return result;
}
