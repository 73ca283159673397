/* SPDX-License-Identifier: GPL-2.0-only */
/* Selectors: on which kernels an alternative of a step or expectation holds. */
#include <string.h>

#include "scn/plugin.h"
#include "scn/select.h"
#include "scn/tree.h"

#define TREE_WORD	"tree"

static GPtrArray *release_words(void)
{
	GPtrArray *words = g_ptr_array_new();
	size_t nr;
	const struct release *table = release_table(&nr);

	for (size_t i = 0; i < nr; i++)
		g_ptr_array_add(words, (char *)table[i].name);
	return words;
}

GPtrArray *fix_words(void)
{
	GPtrArray *words = g_ptr_array_new();

	for (int i = 0; i < NR_FIXES; i++)
		g_ptr_array_add(words, (char *)fix_table()[i].name);
	return words;
}

bool release_meant(const char *word)
{
	return release_find(word) != NULL || g_ascii_isdigit(word[*word == 'v']);
}

/* Say so, if @release is but the nearest to @name. */
static void note_nearest(struct lex *l, const char *at, const char *name,
			 const struct release *release)
{
	if (!release_covers(release, name))
		lex_note(l, at, "%s was not looked at, %s is the nearest and follows %s",
			 name, release->name, release->uname);
}

/* Fail at @at, if @name is a release of a series without a row; of others, false. */
static bool fail_series(struct lex *l, const char *at, const char *name)
{
	const struct release *above = release_above(name);

	if (above != NULL)
		lex_fail(l, at, "unknown release '%s', expected perhaps '%s'", name, above->name);
	return above != NULL;
}

/* The row of the kernel tree in the object @name; NULL: it was said what is wrong with it. */
static const struct release *tree_check(struct lex *l, const char *at, const char *name)
{
	const char *wrong;
	const struct release *release = tree_release(name, &wrong);

	if (release == NULL)
		lex_fail(l, at, "kernel %s: %s", name, wrong);
	return release;
}

const struct release *release_check(struct lex *l, const char *at, const char *name)
{
	const struct release *release;
	g_autoptr(GPtrArray) words = NULL;

	if (tree_is_path(name))
		return tree_check(l, at, name);
	release = release_find(name);
	if (release != NULL) {
		note_nearest(l, at, name, release);
	} else if (!fail_series(l, at, name)) {
		words = release_words();
		lex_unknown(l, at, "release", name, words, true);
	}
	return release;
}

const struct release *newest_release(void)
{
	size_t nr;
	const struct release *table = release_table(&nr);

	while (table[nr - 1].posted)
		nr--;
	return &table[nr - 1];
}

static void selector_clear(struct selector *s)
{
	g_free(s->text);
}

/*
 * The rows that @name is: of a series, "v7.0", all that it has; of a stable release,
 * "v7.0.9", its own.
 */
static bool release_rows(struct lex *l, const char *at, const char *name, gsize *first,
			 gsize *last)
{
	size_t nr;
	const struct release *table = release_table(&nr), *release = release_find(name);

	if (release == NULL)
		return false;
	note_nearest(l, at, name, release);
	*first = *last = release - table;
	if (!release_is_series(name))
		return true;
	while (*first > 0 && release_same_series(&table[*first - 1], release))
		(*first)--;
	while (*last + 1 < nr && release_same_series(&table[*last + 1], release))
		(*last)++;
	return true;
}

/* "v7.1", "v7.1+", "-v7.0" or "v6.19-v7.0"? */
static bool parse_range(struct lex *l, const char *at, const char *text, struct selector *s)
{
	const char *dash = strchr(text, '-');
	g_autofree char *from = NULL;
	gsize within;
	size_t nr;

	s->kind = SELECT_RELEASE;
	if (release_rows(l, at, text, &s->from, &s->to))
		return true;
	if (g_str_has_suffix(text, "+")) {
		from = g_strndup(text, strlen(text) - 1);
		if (!release_rows(l, at, from, &s->from, &within))
			return false;
		release_table(&nr);
		s->to = nr - 1;
		return true;
	}
	if (dash == NULL)
		return false;
	from = g_strndup(text, dash - text);
	s->from = 0;
	return (*from == '\0' || release_rows(l, at, from, &s->from, &within)) &&
	       release_rows(l, at, dash + 1, &within, &s->to);
}

/* "+fix" or "-fix"? */
static bool parse_fix(const char *text, struct selector *s)
{
	int fix = *text == '+' || *text == '-' ? fix_find(text + 1) : -1;

	s->kind = SELECT_FIX;
	s->fix = fix;
	s->has = *text == '+';
	return fix >= 0;
}

/* "tree": whatever tree's own code it is. */
static bool parse_tree(const char *text, struct selector *s)
{
	s->kind = SELECT_TREE;
	return g_str_equal(text, TREE_WORD);
}

static bool parse_policy(const char *text, struct selector *s)
{
	struct policy policy = { 0 };
	const char *bad;

	s->kind = SELECT_POLICY;
	return policy_apply(text, &policy, &bad) == 0;
}

static void unknown_selector(struct lex *l, const char *at, const char *text)
{
	g_autoptr(GPtrArray) words = NULL;

	if (*text == '+' || (*text == '-' && text[1] != 'v')) {
		words = fix_words();
		lex_unknown(l, at + 1, "fix", text + 1, words, false);
		return;
	}
	if (fix_find(text) >= 0) {
		lex_fail(l, at, "fix '%s' without sign, expected +%s or -%s", text, text, text);
		return;
	}
	if (fail_series(l, at, text))
		return;
	words = release_words();
	g_ptr_array_extend_and_steal(words, policy_words());
	g_ptr_array_add(words, TREE_WORD);
	lex_unknown(l, at, "release, policy or fix", text, words, true);
}

GArray *select_parse(struct lex *l)
{
	GArray *list = g_array_new(FALSE, TRUE, sizeof(struct selector));

	g_array_set_clear_func(list, (GDestroyNotify)selector_clear);
	do {
		struct selector s = { 0 };
		const char *at;

		lex_blank(l);
		at = l->p;
		s.text = lex_run(l, ",:/|");
		if (s.text == NULL) {
			lex_expected(l, "a release, a policy or a fix with + or -");
			goto fail;
		}
		if (!parse_range(l, at, s.text, &s) && !parse_fix(s.text, &s) &&
		    !parse_tree(s.text, &s) && !parse_policy(s.text, &s)) {
			unknown_selector(l, at, s.text);
			g_free(s.text);
			goto fail;
		}
		if (s.kind == SELECT_RELEASE && s.from > s.to) {
			lex_fail(l, at, "'%s' is empty, expected the older release first",
				 s.text);
			g_free(s.text);
			goto fail;
		}
		s.joined = lex_accept(l, '/');
		g_array_append_val(list, s);
	} while (g_array_index(list, struct selector, list->len - 1).joined ||
		 lex_accept(l, ','));
	if (lex_need(l, ':'))
		return list;
fail:
	g_array_unref(list);
	return NULL;
}

void select_print(GString *out, const GArray *selectors)
{
	for (guint i = 0; i < selectors->len; i++) {
		const struct selector *s = &g_array_index(selectors, struct selector, i);
		bool last = i + 1 == selectors->len;

		g_string_append_printf(out, "%s%s", s->text, s->joined ? "/" : last ? ": " : ",");
	}
}

/* A policy holds when adopting it would change nothing. */
static bool policy_holds(const char *text, const struct policy *running)
{
	struct policy policy = *running;
	const char *bad;

	return policy_apply(text, &policy, &bad) == 0 && policy_equal(&policy, running);
}

static bool selector_match(const struct selector *s, const struct release *release)
{
	size_t nr, row;

	switch (s->kind) {
	case SELECT_RELEASE:
		row = release_find(release->name) - release_table(&nr);
		return s->from <= row && row <= s->to;
	case SELECT_POLICY:
		return policy_holds(s->text, &release->policy);
	case SELECT_TREE:
		return release->tree != NULL;
	case SELECT_FIX:
		return ((release->fixes & FIX_BIT(s->fix)) != 0) == s->has;
	}
	return false;
}

bool select_match(const GArray *selectors, const struct release *release)
{
	bool all = true;

	for (guint i = 0; i < selectors->len; i++) {
		const struct selector *s = &g_array_index(selectors, struct selector, i);

		all = all && selector_match(s, release);
		if (!s->joined && all)
			return true;
		if (!s->joined)
			all = true;
	}
	return false;
}

guint outcome_on(const GArray *outcomes, const struct release *release)
{
	for (guint i = 1; i < outcomes->len; i++) {
		const struct outcome *o = &g_array_index(outcomes, struct outcome, i);

		if (o->selectors != NULL && select_match(o->selectors, release))
			return i;
	}
	return 0;
}

guint32 expected_kinds(const GArray *expects, const struct release *release)
{
	guint32 kinds = 0;

	for (guint i = 0; i < expects->len; i++) {
		const struct expectation *e = &g_array_index(expects, struct expectation, i);

		if (i == 0)
			kinds = e->kinds;
		else if (select_match(e->selectors, release))
			return e->kinds;
	}
	return kinds;
}
