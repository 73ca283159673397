/* SPDX-License-Identifier: GPL-2.0-only */
/* Writing down what a log was found to be, and bugs. */
#ifndef SIM_MATCH_PRINT_H
#define SIM_MATCH_PRINT_H

#include <stdio.h>

#include "match/score.h"

struct header;

/**
 * match_text() - for people; match_json() - as one JSON object, see luosim(1).
 * @header: what it is of.
 */
void match_text(const GPtrArray *episodes, const struct log *log, FILE *out);
void match_json(const GPtrArray *episodes, const struct log *log, const struct header *header,
		FILE *out);

/** bug_text() - all that is known of @bug. */
void bug_text(const struct bug *bug, const struct index *index, FILE *out);

/** match_command() - "luosim --kernel=v7.1 --policy=none", for a kernel of a signature. */
char *match_command(const char *kernel, const char *scenario);

#endif
