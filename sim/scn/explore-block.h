/* SPDX-License-Identifier: GPL-2.0-only */
/* The block "explore" of a scenario: the world that luosim explore searches. */
#ifndef SIM_SCN_EXPLORE_BLOCK_H
#define SIM_SCN_EXPLORE_BLOCK_H

#include "scn/lex.h"

/** world_block_parse() - a line of the block whose @word at @at was read. */
bool world_block_parse(struct lex *l, const char *at, const char *word, struct world_block *block);

/** world_block_print() - append the block. */
void world_block_print(GString *out, const struct world_block *block);

/**
 * struct world_number_info - one of the numbers that make a world.
 * @word: in the block, and the long option.
 * @about: for --help.
 * @usual: where nobody says anything.
 * @offset: of its guint in struct world.
 */
struct world_number_info {
	const char *word, *about;
	guint min, max, usual;
	gsize offset;
};

const struct world_number_info *world_number(enum world_number which);

#endif
