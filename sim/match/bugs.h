/* SPDX-License-Identifier: GPL-2.0-only */
/* The known bugs, read from the tables of docs/bugs.md, which is where each fact about them is. */
#ifndef SIM_MATCH_BUGS_H
#define SIM_MATCH_BUGS_H

#include <glib.h>

#include "luosim.h"

/* One cell of a table. */
struct bug_fact {
	char *name;		/* of the column: "what goes wrong" */
	char *text;
};

/* A bug: all rows that begin with its id, whichever tables they are in. */
struct bug {
	char *id;
	char *section;		/* the heading above the first of them */
	GArray *facts;		/* of struct bug_fact, in the order of the page */
};

/**
 * bugs_parse() - read a page: of each table whose first column is "id", the rows.
 * Return: an array of struct bug *, in the order of the page.
 */
GPtrArray *bugs_parse(const char *page);

/** bugs_find() - the bug of that id, in capitals or not; or NULL. */
const struct bug *bugs_find(const GPtrArray *bugs, const char *id);

/** bug_fact() - what the column @name says of @bug; NULL when nothing. */
const char *bug_fact(const struct bug *bug, const char *name);

/**
 * bug_scenarios() - the words of the column "scenario" that are scenarios of @dir.
 * Return: "dup-token" and so on.
 */
GStrv bug_scenarios(const struct bug *bug, const char *dir);

/** bug_settings() - what the column "fix" names: "with=ioctl-direction", "policy=get-id". */
GStrv bug_settings(const struct bug *bug);

/** bug_concerns() - is it in @release, such as "7.0.9", by the column "releases"? */
bool bug_concerns(const struct bug *bug, const char *release);

#endif
