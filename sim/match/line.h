/* SPDX-License-Identifier: GPL-2.0-only */
/* A line of a log, without what a terminal or a page made of it. */
#ifndef SIM_MATCH_LINE_H
#define SIM_MATCH_LINE_H

#include <glib.h>

/** line_at() - the line at @p, up to @end; *@next: where the next one begins. */
char *line_at(const char *p, const char *end, const char **next);

#endif
