/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The index: what the scenarios of each bug make a kernel say. The build makes it from
 * their runs (sim/make-index.c), and the program carries it with docs/bugs.md.
 */
#ifndef SIM_MATCH_INDEX_H
#define SIM_MATCH_INDEX_H

#include "match/bugs.h"
#include "match/log.h"

/* What sim/make-index.c writes down as C: the page, and the signatures as text. */
extern const char bugs_page[], bugs_index[];

/**
 * struct signature - what one scenario of a bug makes kernels say.
 * @scenario: "dup-token".
 * @kernels: of char *: "v7.0", or "v7.1 without=ioctl-direction" with a fix taken out.
 * @incidents: of struct incident *.
 * @errnos: of char *, that its steps return.
 */
struct signature {
	const struct bug *bug;
	char *scenario;
	GPtrArray *kernels;
	GPtrArray *incidents;
	GPtrArray *errnos;
};

/**
 * struct index - the index as it is searched.
 * @prefixes: of the messages in it; the last is NULL.
 * @distinct: of struct incident *: of those of all signatures that say the same, one.
 * @known: functions, and of how many bugs each is part.
 * @texts: likewise texts.
 * @repeats: functions that warn more than once in a kernel.
 */
struct index {
	GPtrArray *bugs;
	GPtrArray *signatures;
	GPtrArray *distinct;
	GPtrArray *prefixes;
	GHashTable *known, *texts, *repeats;
};

struct signature *signature_new(void);
void signature_free(gpointer signature);

/** signature_print() - append @s as index_load() reads it. */
void signature_print(GString *out, const struct signature *s);

struct index *index_load(const char *page, const char *text);
void index_free(struct index *index);

/** index_weight() - of a function or text: how much it says that it is there. */
double index_weight(const struct index *index, GHashTable *table, const char *word);

#endif
