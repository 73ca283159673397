/* SPDX-License-Identifier: GPL-2.0-only */
/* What a report is of: which luosim, which command line, which scenarios. */
#ifndef SIM_REPORT_HEADER_H
#define SIM_REPORT_HEADER_H

#include <json-glib/json-glib.h>

/**
 * struct header - what a report is of.
 * @command: line, as it would be in the directory that all scenarios are in.
 * @scenarios: of struct scenario *.
 */
struct header {
	char *command;
	const GPtrArray *scenarios;
};

/** header_print() - append it as lines, each after @prefix. */
void header_print(GString *out, const struct header *h, const char *prefix);

/** add_header() - append members: luosim, its version, and command. */
void add_header(JsonBuilder *b, const struct header *h);

#endif
