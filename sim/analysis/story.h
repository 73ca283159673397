/* SPDX-License-Identifier: GPL-2.0-only */
/* The chain of ownership that broke: which steps of a run led to its verdict. */
#ifndef SIM_ANALYSIS_STORY_H
#define SIM_ANALYSIS_STORY_H

#include "analysis/digest.h"

/* What a step did to the frames that a violation is about. */
enum part_type { PART_CLAIM, PART_GIVE_UP, PART_RESTORE };

struct part {
	enum part_type type;
	char *session;			/* not of PART_RESTORE */
	guint64 token;
	guint64 pfn, nr;
	bool memory;			/* no session's: @session is what kind it is */
};

/* A WARN, with its callers, nearest first; or a panic or a line that the kernel printed. */
struct said {
	char *func;			/* NULL: not a WARN */
	GPtrArray *callers;
	char *text;
};

/**
 * struct story_moment - a step of the story.
 * @line: 0: the end, when all is closed.
 * @release: of the kernel @kernel.
 * @times: it was taken so often, in a repetition; the last time is what is told.
 */
struct story_moment {
	guint kernel;
	const char *release;
	guint32 line;
	char *call, *result;
	guint times;
	bool injected;			/* an allocation failed because it was told to */
	GArray *parts;			/* of struct part */
	GArray *said;			/* of struct said */
};

/**
 * struct story - what happened.
 * @moments: of struct story_moment *, in order; the last is the one that broke it.
 * @found: what was found there: a violation, or a result that differs.
 * @kind: of the violation, or NULL.
 * @later: of char *, what was found afterwards: "lost at line 20: TEXT".
 */
struct story {
	GPtrArray *moments;
	char *kind, *found;
	GPtrArray *later;
};

/** story_tell() - run @scn again, whose result was @digest, and keep the steps that matter. */
struct story *story_tell(const struct scenario *scn, const struct overrides *overrides,
			 const struct digest *digest);
void story_free(struct story *story);

#endif
