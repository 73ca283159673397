/* SPDX-License-Identifier: GPL-2.0-only */
/* The block "explore" of a scenario: the world that luosim explore searches. */
#ifndef SIM_WORLD_BLOCK_H
#define SIM_WORLD_BLOCK_H

#include "lex.h"

/** world_block_parse() - a line of the block whose @word at @at was read. */
bool world_block_parse(struct lex *l, const char *at, const char *word, struct world_block *block);

/** world_block_print() - append the block. */
void world_block_print(GString *out, const struct world_block *block);

/** world_block_word() - the word for a number of the block. */
const char *world_block_word(enum world_number which);

/** world_block_max() - the largest that such a number may be; the least is 0 or 1. */
guint world_block_max(enum world_number which);
guint world_block_min(enum world_number which);

#endif
