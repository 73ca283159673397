/* SPDX-License-Identifier: GPL-2.0-only */
/* How near a log is to each bug, and why. */
#ifndef SIM_MATCH_SCORE_H
#define SIM_MATCH_SCORE_H

#include "match/index.h"

/**
 * struct candidate - a bug that a part of a log may be.
 * @rank: 1 for the nearest; bugs that are as near have the same.
 * @nearness: 0 to 100.
 * @signature: of the bug's the nearest.
 * @kernel: on which of its kernels: of the log's release, if there is one.
 * @why: of char *, sentences.
 * @released: the log's release has the bug, by what is known; true when it says none.
 */
struct candidate {
	const struct bug *bug;
	guint rank, nearness;
	const struct signature *signature;
	const char *kernel;
	GPtrArray *why;
	bool released;
};

/**
 * struct episode - what belongs together in a log, and whose it may be.
 * @incidents: of struct incident *, of the log.
 * @release: of the kernel that said the last of them, or the log's; NULL: none is said.
 * @candidates: of struct candidate *, nearest first; empty: nothing is near.
 */
struct episode {
	GPtrArray *incidents;
	const char *release;
	GPtrArray *candidates;
};

/**
 * score() - take a log apart and compare it with the bugs.
 * Return: an array of struct episode *; without what is about something else.
 */
GPtrArray *score(const struct index *index, const struct log *log);

#endif
