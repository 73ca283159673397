/* SPDX-License-Identifier: GPL-2.0-only */
/* What a search found, as text or JSON, and as scenarios in a directory. */
#ifndef SIM_EXPLORE_REPORT_H
#define SIM_EXPLORE_REPORT_H

#include "explore/bfs.h"

/**
 * struct explore_report - where a search is reported.
 * @subject: the policy or release that is searched.
 * @out: directory for scenarios, or NULL.
 * @json: JSON lines instead of text.
 * @header: what they are of.
 * @error: the first that came from writing.
 * @jobs: threads that a search would have.
 * @confirm: what a real kernel makes of the text of a finding's scenario, in words; or NULL.
 * @confirmer: for it.
 */
struct explore_report {
	const char *subject;
	const struct world *world;
	const struct overrides *overrides;
	const char *out;
	bool json;
	guint jobs;
	const struct header *header;
	GError *error;
	char *(*confirm)(void *confirmer, const char *text);
	void *confirmer;
};

/**
 * explore_report_what() - what a checkpoint of the search is of: luosim, the world, and how it
 * is searched.
 */
char *explore_report_what(const struct explore_report *report,
			  const struct explore_options *options);

/** explore_report_path() - the file in @folder in which the search is written down. */
char *explore_report_path(const struct explore_report *report, const char *folder);

/** explore_report_found() - for explore(): write the scenario at once. */
void explore_report_found(void *report, const struct finding *f);

/** explore_report_print() - the whole result. */
void explore_report_print(struct explore_report *report, const struct explore_result *r);

/** explore_report_size() - how large the world is, of struct explore_options' @sample. */
void explore_report_size(struct explore_report *report, const struct explore_result *r);

#endif
