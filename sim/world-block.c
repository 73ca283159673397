/* SPDX-License-Identifier: GPL-2.0-only */
/* The block "explore" of a scenario: the world that luosim explore searches. */
#include <string.h>

#include "explore.h"
#include "world-block.h"

static const struct {
	const char *word;
	guint min, max;
} numbers[NR_WORLD_NUMBERS] = {
	[WORLD_SESSIONS] = { "sessions", 1, MAX_SESSIONS },
	[WORLD_INODES] = { "inodes", 1, MAX_INODES },
	[WORLD_OPENS] = { "opens", 1, MAX_OPENS },
	[WORLD_EVENTFDS] = { "eventfds", 0, MAX_EVENTFDS },
	[WORLD_TOKENS] = { "tokens", 1, MAX_TOKENS },
	[WORLD_KERNELS] = { "kernels", 1, MAX_KERNELS },
	[WORLD_FAULTS] = { "faults", 0, MAX_WORLD_FAULTS },
	[WORLD_DEPTH] = { "depth", 1, MAX_SEARCH_DEPTH },
};

const char *world_block_word(enum world_number which)
{
	return numbers[which].word;
}

guint world_block_max(enum world_number which)
{
	return numbers[which].max;
}

guint world_block_min(enum world_number which)
{
	return numbers[which].min;
}

static bool parse_ops(struct lex *l, struct world_block *block)
{
	g_autoptr(GError) error = NULL;
	struct world world;
	const char *at;

	lex_blank(l);
	at = l->p;
	g_free(block->ops);
	block->ops = lex_run(l, "");
	if (block->ops == NULL) {
		lex_expected(l, "operations joined by ','");
		return false;
	}
	if (world_set_ops(&world, block->ops, &error))
		return true;
	lex_fail(l, at, "%s", error->message);
	return false;
}

bool world_block_parse(struct lex *l, const char *at, const char *word, struct world_block *block)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new();
	enum number_style style;
	guint64 number;

	if (strcmp(word, "ops") == 0)
		return parse_ops(l, block);
	for (guint i = 0; i < NR_WORLD_NUMBERS; i++) {
		if (strcmp(numbers[i].word, word) != 0) {
			g_ptr_array_add(words, (char *)numbers[i].word);
			continue;
		}
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
	g_ptr_array_add(words, "ops");
	g_ptr_array_add(words, "end");
	g_ptr_array_add(words, NULL);
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
	if (block->ops != NULL)
		g_string_append_printf(out, "  %-10s %s\n", "ops", block->ops);
	g_string_append(out, "end\n");
}
