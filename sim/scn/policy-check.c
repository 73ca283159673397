/* SPDX-License-Identifier: GPL-2.0-only */
/* What is wrong with the name of a policy, and what was expected. */
#include <string.h>

#include "scn/plugin.h"
#include "scn/select.h"

GPtrArray *policy_words(void)
{
	GPtrArray *words = g_ptr_array_new();
	size_t nr;
	const struct policy *table = policy_presets(&nr);

	for (size_t i = 0; i < nr; i++)
		g_ptr_array_add(words, (char *)table[i].name);
	return words;
}

/* The names of all axes; of @wanted, its values go to @values. */
static GPtrArray *axis_words(const char *wanted, GPtrArray *values)
{
	GPtrArray *words = g_ptr_array_new();
	const char *const *value;
	const char *axis;

	for (size_t i = 0; (axis = policy_axis(i, &value)) != NULL; i++) {
		g_ptr_array_add(words, (char *)axis);
		for (; strcmp(axis, wanted) == 0 && *value != NULL; value++)
			if (strcmp(*value, "plugin") != 0)
				g_ptr_array_add(values, (char *)*value);
	}
	return words;
}

static bool is_path(const char *word)
{
	return strchr(word, '/') != NULL;
}

/* All words of @text are policies; @word is @parsed, if a plugin is before it. */
static void bad_mix(struct lex *l, const char *at, const char *text, const char *word,
		    const struct policy *parsed)
{
	g_autofree char *first = g_strndup(text, strcspn(text, ","));

	if (is_path(first) && parsed->identity != IDENTITY_PLUGIN)
		lex_fail(l, at, "'%s' after the plugin '%s', which says itself what is the same "
			 "object, expected a value of another axis", word, first);
	else
		lex_fail(l, at, "policy '%s' too long, expected fewer words", text);
}

static void bad_word(struct lex *l, const char *at, const char *word)
{
	const char *equals = strchr(word, '=');
	g_autofree char *axis = g_strndup(word, equals != NULL ? equals - word : 0);
	g_autofree char *what = g_strdup_printf("value of %s", axis);
	g_autoptr(GPtrArray) values = g_ptr_array_new();
	g_autoptr(GPtrArray) words = equals != NULL ? axis_words(axis, values) : policy_words();

	if (*word == '\0')
		lex_fail(l, at, "empty word in a policy, expected a preset or AXIS=VALUE");
	else if (values->len > 0)
		lex_unknown(l, at + strlen(axis) + 1, what, equals + 1, values, true);
	else if (equals != NULL)
		lex_unknown(l, at, "axis", axis, words, true);
	else
		lex_unknown(l, at, "policy", word, words, true);
}

bool policy_check(struct lex *l, const char *at, const char *text)
{
	g_autofree char *word = NULL;
	struct policy policy = { .identity = IDENTITY_PLUGIN };
	const char *bad = text, *ignored;

	if (policy_apply(text, &policy, &bad) == 0)
		return true;
	word = g_strndup(bad, strcspn(bad, ","));
	at += bad - text;
	if (is_path(word) && bad > text)
		lex_fail(l, at, "plugin '%s' after another word, expected it first", word);
	else if (is_path(word))
		lex_fail(l, at, "plugin '%s' in a scenario, expected a preset or AXIS=VALUE, "
			 "as only the command line may load one", word);
	else if (policy_parse(word, &policy, &ignored) == 0)
		bad_mix(l, at, text, word, &policy);
	else
		bad_word(l, at, word);
	return false;
}
