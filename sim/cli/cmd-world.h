/* SPDX-License-Identifier: GPL-2.0-only */
/* The options of the commands that search worlds: which world, and how. */
#ifndef SIM_CLI_CMD_WORLD_H
#define SIM_CLI_CMD_WORLD_H

#include "explore/random.h"
#include "report/header.h"
#include "run/overrides.h"
#include "scn/explore-block.h"

/**
 * struct world_options - what the command line says.
 * @overrides: the kernels.
 * @jobs: threads, or 0; then there are @usual_jobs.
 * @bytes: of memory for states.
 * @files: the scenario that has the world, or NULL.
 * @scn: that, if it has steps before line @from, by which the world begins.
 * @about: what reports begin with.
 */
struct world_options {
	struct overrides *overrides;
	struct world world;
	GArray *scripts;	/* of struct handler_script, which the world refers to */
	struct scenario *scn;
	gint numbers[NR_WORLD_NUMBERS], jobs, usual_jobs, from;
	gint64 seconds, seed, runs;
	gboolean random, no_symmetry, no_prune;
	guint64 bytes;
	char *ops, *handlers, *memory, *out, *format;
	char **files;
	struct header about;
};

void world_options_init(struct world_options *o);
void world_options_clear(struct world_options *o);

/**
 * world_options_parse() - parse the command line.
 * @own: options of the command's own, which end with an empty one.
 * @files, @summary: as of overrides_parse().
 */
bool world_options_parse(struct world_options *o, const GOptionEntry *own, const char *files,
			 const char *summary, int argc, char **argv, GError **error);

/**
 * world_options_finish() - the world that was asked for, of which the scenario says what
 * the command line does not.
 * @subjects: of struct subject; their kernels are what the scenario says, too. Or NULL.
 * Return: EXIT_OK, or EXIT_UNUSABLE after it was said why.
 */
int world_options_finish(struct world_options *o, const GPtrArray *subjects);

/** world_options_search() - how to search. */
struct explore_options world_options_search(const struct world_options *o,
					    struct progress *progress);

/** world_options_subject() - the name of the only search. */
const char *world_options_subject(const struct world_options *o);

#endif
