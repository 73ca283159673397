/* SPDX-License-Identifier: GPL-2.0-only */
/* What cures a scenario that breaks, found by running it. */
#ifndef SIM_ANALYSIS_EXPLAIN_H
#define SIM_ANALYSIS_EXPLAIN_H

#include <stdio.h>

#include "analysis/story.h"

/**
 * struct change - something that a kernel may have otherwise.
 * @fix: the row of fix_table(), or -1 for a policy.
 * @axis: of a policy that is one value of an axis; -1 for a preset.
 * @name: of the fix or policy.
 * @setting: as overrides_set() takes it.
 */
struct change {
	int fix, axis;
	char *name, *setting;
};

/**
 * struct effect - what came out with something changed.
 * @change: NULL for a release.
 * @name: of the change or the release.
 * @words: see digest_words(); or which result differs.
 * @clean: nothing broke that way.
 */
struct effect {
	const struct change *change;
	const char *name;
	char *words;
	bool clean;
};

/**
 * struct explanation - of one scenario.
 * @broken: it breaks as it is. Otherwise @fixes and @policies are those that break
 *	it, the former when they are missing.
 * @words: its result as it is.
 * @boot: kernel 1.
 * @fixes, @policies: of struct effect: each a cure by itself.
 * @set: of const struct change *: the smallest cure of several, if nothing else is
 *	one; or NULL.
 * @set_words: its result with them.
 * @releases: of struct effect, in order.
 * @first_release: from which on it is clean, or NULL.
 * @story: NULL unless @broken.
 */
struct explanation {
	const struct scenario *scn;
	bool broken;
	char *words;
	struct boot boot;
	GPtrArray *changes;		/* of struct change * */
	GArray *fixes, *policies, *releases;
	GPtrArray *set;
	char *set_words;
	const char *first_release;
	struct story *story;
};

/** explain() - run @scn with all that may cure it; NULL when the user stopped it. */
struct explanation *explain(const struct scenario *scn, const struct overrides *overrides);
void explanation_free(struct explanation *x);

/** explanation_found() - is there anything to say? */
bool explanation_found(const struct explanation *x);

struct header;

void explain_text(const struct explanation *x, FILE *out);
/** explain_json() - one object; @header: what it is of. */
void explain_json(const struct explanation *x, const struct header *header, FILE *out);

#endif
