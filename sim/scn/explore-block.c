/* SPDX-License-Identifier: GPL-2.0-only */
/* The block "explore" of a scenario: the world that luosim explore searches. */
#include <string.h>

#include "explore/world.h"
#include "scn/explore-block.h"

#define NUMBER(_member, _min, _max, _usual, _about) {				\
	.word = #_member, .about = _about, .min = _min, .max = _max,		\
	.usual = _usual, .offset = offsetof(struct world, _member),		\
}

static const struct world_number_info numbers[NR_WORLD_NUMBERS] = {
	[WORLD_SESSIONS] = NUMBER(sessions, 1, MAX_SESSIONS, 2, "Names of sessions"),
	[WORLD_INODES] = NUMBER(inodes, 1, MAX_INODES, 2, "Memfds"),
	[WORLD_OPENS] = NUMBER(opens, 1, MAX_OPENS, 1, "Open files of each"),
	[WORLD_TOKENS] = NUMBER(tokens, 1, MAX_TOKENS, 2, "Tokens of a session"),
	[WORLD_KERNELS] = NUMBER(kernels, 1, MAX_KERNELS, 2, "Kernels, one after the other"),
	[WORLD_FAULTS] = NUMBER(faults, 0, MAX_WORLD_FAULTS, 0,
				"Allocations that may fail on one path"),
	[WORLD_DAMAGE] = NUMBER(damage, 0, MAX_WORLD_DAMAGE, 0,
				"Handovers that may be damaged on one path"),
	[WORLD_PROCESSES] = NUMBER(processes, 1, MAX_PROCESSES, 1, "Processes"),
	[WORLD_TASKS] = NUMBER(tasks, 1, MAX_WORLD_TASKS, 1,
			       "Tasks that call at the same time"),
	[WORLD_RACES] = NUMBER(races, 0, MAX_WORLD_RACES, 1,
			       "Places of a path where they do, with two tasks"),
	[WORLD_DEPTH] = NUMBER(depth, 1, MAX_SEARCH_DEPTH, MAX_SEARCH_DEPTH,
			       "Operations on a path"),
};

const struct world_number_info *world_number(enum world_number which)
{
	return &numbers[which];
}

static bool twice(struct lex *l, const char *at, const char *word)
{
	lex_fail(l, at, "second '%s' of a world, expected one", word);
	return false;
}

/* Words joined by ',', of which @set knows what they mean. */
static bool parse_words(struct lex *l, const char *what, char **words,
			gboolean (*set)(struct world *world, const char *text, GError **error))
{
	g_autoptr(GError) error = NULL;
	struct world world;
	const char *at;

	lex_blank(l);
	at = l->p;
	*words = lex_run(l, "");
	if (*words == NULL) {
		lex_expected(l, what);
		return false;
	}
	if (set(&world, *words, &error))
		return true;
	lex_fail(l, at, "%s", error->message);
	return false;
}

bool world_block_parse(struct lex *l, const char *at, const char *word, struct world_block *block)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new();
	enum number_style style;
	guint64 number;

	if ((block->ops != NULL && strcmp(word, "ops") == 0) ||
	    (block->handlers != NULL && strcmp(word, "handlers") == 0))
		return twice(l, at, word);
	if (strcmp(word, "ops") == 0)
		return parse_words(l, "operations joined by ','", &block->ops, world_set_ops);
	if (strcmp(word, "handlers") == 0)
		return parse_words(l, "handlers joined by ','", &block->handlers,
				   world_set_handlers);
	for (guint i = 0; i < NR_WORLD_NUMBERS; i++) {
		if (strcmp(numbers[i].word, word) != 0) {
			g_ptr_array_add(words, (char *)numbers[i].word);
			continue;
		}
		if (block->given & 1u << i)
			return twice(l, at, word);
		lex_blank(l);
		at = l->p;
		if (!lex_magnitude(l, "a number", &number, &style))
			return false;
		block->numbers[i] = number;
		block->given |= 1u << i;
		if (number >= numbers[i].min && number <= numbers[i].max)
			return true;
		lex_fail(l, at, "number out of range, expected %u to %u", numbers[i].min,
			 numbers[i].max);
		return false;
	}
	g_ptr_array_add(words, "handlers");
	g_ptr_array_add(words, "ops");
	g_ptr_array_add(words, "end");
	lex_unknown(l, at, "line of an explore block", word, words, true);
	return false;
}

void world_block_print(GString *out, const struct world_block *block)
{
	g_string_append(out, "\nexplore\n");
	for (guint i = 0; i < NR_WORLD_NUMBERS; i++)
		if (block->given & 1u << i)
			g_string_append_printf(out, "  %-10s %u\n", numbers[i].word,
					       block->numbers[i]);
	if (block->handlers != NULL)
		g_string_append_printf(out, "  %-10s %s\n", "handlers", block->handlers);
	if (block->ops != NULL)
		g_string_append_printf(out, "  %-10s %s\n", "ops", block->ops);
	g_string_append(out, "end\n");
}
