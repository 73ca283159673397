/* SPDX-License-Identifier: GPL-2.0-only */
/* The result of a run, in short: compare and explain are made of these. */
#ifndef SIM_ANALYSIS_DIGEST_H
#define SIM_ANALYSIS_DIGEST_H

#include "run/overrides.h"

/* How a step went. A scenario's runs take the same steps up to where one ends. */
struct digest_step {
	guint32 line;
	gint32 error;		/* the errno, 0: it worked, -1: the machine stopped in it */
	guint32 hash;		/* of what it returned */
	bool injected;		/* it failed as the scenario asked for */
	bool meant;		/* the scenario says that it returns this */
};

enum digest_kind {
	DIGEST_CLEAN,
	DIGEST_REFUSED,
	DIGEST_ALIKE,
	DIGEST_MEANT,
	DIGEST_NOT_HERE,
	DIGEST_BROKEN,
	DIGEST_STOPPED,
	DIGEST_SKIPPED,
	NR_DIGEST_KINDS,
};

/**
 * struct digest - a run.
 * @stopped: why not all of it was tried, or NULL.
 * @ok: as the scenario expects.
 * @expected: violations that the scenario expects, or EXPECT_ANY.
 * @mismatch: the first step whose result is not what the scenario expects, counted
 *	from 1; or 0.
 * @causes: as in struct verdict.
 * @first: the first violation of @causes, if there is one.
 * @steps: of struct digest_step.
 * @refused: step that digest_refusals() found to be refused; NULL: none.
 * @not_here, @alike, @meant: likewise, by digest_shared().
 * @boot: what kernel 1 was.
 * @lacks: fixes that one of its kernels lacked.
 * @stats: what the machine held at the end.
 * @files: preserved files at most.
 * @trace: as text, if it was asked for, with its @marks, of struct trace_mark.
 */
struct digest {
	const char *skipped, *stopped;
	bool ok;
	guint mismatch;
	guint32 causes, expected;
	struct violation first;
	GArray *steps;
	const struct digest_step *refused, *not_here, *alike, *meant;
	struct boot boot;
	guint64 lacks;
	struct machine_stats stats;
	guint64 files;
	GString *trace;
	GArray *marks;
};

/** digest_run() - run @scn; @trace: keep its trace. */
struct digest *digest_run(const struct scenario *scn, const struct overrides *overrides,
			  bool trace);
void digest_free(struct digest *d);

/**
 * digest_refusals() - find what was refused in each of @nr runs of one scenario:
 * the first step that failed there with an errno and worked in another of them.
 * EBADF is not counted: the name stood for no descriptor, as an earlier step went otherwise.
 */
void digest_refusals(struct digest *const *runs, guint nr);

/**
 * digest_shared() - find what worked in none of the @nr runs, though it failed with an
 * errno in each that came there. It could not be made here if it worked in @own and the
 * errno is one that a kernel returns which has no handler for the file, or not the
 * call; else all were refused alike, or as the scenario means it: it says that the step
 * returns this. A failure that the scenario asked for is not among them.
 * @own: the scenario on the kernels that it asks for; NULL: one of @runs is it.
 */
void digest_shared(struct digest *const *runs, guint nr, struct digest *own);

enum digest_kind digest_kind(const struct digest *d);

/** digest_outcome() - "clean", "refused": what formats call a kind. */
const char *digest_outcome(enum digest_kind kind);

/** digest_culprit() - the step that failed, in a run that is refused in any way; or NULL. */
const struct digest_step *digest_culprit(const struct digest *d);

/** digest_error() - "EBUSY", or the number of one that has no name in user space. */
char *digest_error(const struct digest_step *step);

/**
 * digest_cell() - append "clean", "EBUSY:14", "all-EBUSY:14", "meant-EBUSY:14",
 * "not-here:14", "lost:22 +1".
 */
void digest_cell(GString *out, const struct digest *d);

/** digest_words() - the same for a sentence: "refused at line 14 with EBUSY". */
void digest_words(GString *out, const struct digest *d);

/** digest_step() - step number @nr, counted from 1; NULL when it was not reached. */
const struct digest_step *digest_step(const struct digest *d, guint nr);

#endif
