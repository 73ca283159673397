/* SPDX-License-Identifier: GPL-2.0-only */
/* The block "explore" of a scenario: the world that luosim explore searches. */
#ifndef SIM_SCN_EXPLORE_BLOCK_H
#define SIM_SCN_EXPLORE_BLOCK_H

#include "scn/lex.h"

#define MAX_SESSIONS	4
#define MAX_INODES	4
#define MAX_OPENS	4
#define MAX_TOKENS	8
#define MAX_KERNELS	8
#define MAX_MEMORIES	3
#define MAX_WORLD_FAULTS	3
#define MAX_WORLD_DAMAGE	2
#define MAX_WORLD_TASKS	2
#define MAX_WORLD_RACES	3
#define MAX_PROCESSES	2
#define MAX_SEARCH_DEPTH	100
#define MAX_OTHERS	6		/* files other than memfds */

/**
 * struct world_words - what a world says in lists of words.
 * @tries: a bit for each op_try() that is tried.
 * @others: files other than memfds, in this order.
 * @own: which of them are of a loaded handler's own kind, at the same places.
 * @scripts: of struct handler_script: handlers whose own files there may be; or NULL.
 * @loaded: those of which there are, and who preserves eventfds.
 */
struct world_words {
	guint64 tries;
	const struct luosim_kind *others[MAX_OTHERS];
	struct luosim_kind own[MAX_OTHERS];
	guint nr_others;
	const GArray *scripts;
	struct handler_script loaded[1 + MAX_OTHERS];
	guint nr_loaded;
};

/** world_ops_parse() - "OP,OP..." into @w->tries; false and @error. */
bool world_ops_parse(struct world_words *w, const char *text, GError **error);

/** world_handlers_parse() - "KIND,KIND..." into @w->others; false and @error. */
bool world_handlers_parse(struct world_words *w, const char *text, GError **error);

/** world_handlers_load() - all of @w->scripts, whatever files there are; false and @error. */
bool world_handlers_load(struct world_words *w, GError **error);

/** world_block_parse() - a line of the block whose @word at @at was read. */
bool world_block_parse(struct lex *l, const char *at, const char *word, struct world_block *block);

/** world_block_print() - append the block. */
void world_block_print(GString *out, const struct world_block *block);

/**
 * struct world_number_info - one of the numbers that make a world.
 * @word: in the block, and the long option.
 * @about: for --help.
 * @usual: where nobody says anything.
 */
struct world_number_info {
	const char *word, *about;
	guint min, max, usual;
};

const struct world_number_info *world_number(enum world_number which);

#endif
