/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a search found: one finding for each cause, which is the kind of violation, the
 * function of the kernel in which it showed, and what the ledger says of the claims.
 */
#ifndef SIM_EXPLORE_FINDING_H
#define SIM_EXPLORE_FINDING_H

#include "explore/checkpoint.h"
#include "explore/world.h"

/* Beside the kinds of violations: a file was refused as another one, which it is not. */
#define FINDING_REFUSED	((enum violation_kind)NR_VIOLATION_KINDS)
/* Two machines side by side are not alike. */
#define FINDING_DIFFERS	((enum violation_kind)(NR_VIOLATION_KINDS + 1))

struct twin;

/* One step of a path. */
struct path_step {
	guint16 op;
	guint16 nth;		/* as world_run() takes it */
};

/**
 * struct finding - one cause, with the shortest way to it.
 * @id: hash of what makes it one.
 * @kind: of violation.
 * @func: where in the kernel, or the operation's name.
 * @text: what the judge said of it first.
 * @path: of struct path_step.
 * @at_end: it showed when all was closed after the last step.
 * @rank: place of the path among those of its length.
 * @count: transitions that had it.
 * @plain: after a damaged handover, the id that it would have without; otherwise 0.
 * @told: somebody was told of it.
 */
struct finding {
	guint64 id;
	enum violation_kind kind;
	char *func;
	char *text;
	GArray *path;
	bool at_end;
	guint64 rank;
	guint64 count;
	guint64 plain;
	bool told;
};

/**
 * struct witness - what a machine says during one operation; events go to it.
 * @mute: nothing is noted.
 * @twin: the machine compared with it; then only what differs is noted. Or NULL, see twin.h.
 * @nr: violations, of which WARNs that only say that another broke are left out.
 */
#define MAX_NOTES	16
struct note {
	guint64 id, plain;
	enum violation_kind kind;
	const char *func;
	char text[280];
};

struct witness {
	const struct world *world;
	bool mute;
	struct twin *twin;
	guint64 warn_id;
	const char *warn_func;
	struct note notes[MAX_NOTES];
	guint nr;
};

/** witness_run() - world_run() on the machine of the witness, and on the one compared with it. */
void witness_run(struct witness *w, struct machine *m, struct place *place, guint op, guint nth,
		 struct done *done);

/** witness_hit() - did the failure that was asked for happen, on either machine? */
bool witness_hit(const struct witness *w, const struct done *done);

/** witness_forget() - machine_forget_violations(), likewise. */
void witness_forget(struct witness *w, struct machine *m);

/** witness_event() - for machine_config.emit, with the witness as data. */
void witness_event(void *data, const struct event *event);

/**
 * witness_close() - the operation is over: drop the symptoms.
 * @place: where it led.
 * @done: what @op did; NULL after the last one, when all was closed.
 * Return: how many notes are left.
 */
guint witness_close(struct witness *w, const struct place *place, guint op,
		     const struct done *done);

/** witness_end() - close all of @m, where @place is; likewise. */
guint witness_end(struct witness *w, struct machine *m, const struct place *place);

/** finding_id() - of what else two texts, without numbers and names, make it. */
guint64 finding_id(guint64 kind, const char *func, const char *text);

/** finding_kind() - "refused", "differs", or the violation's name. */
const char *finding_kind(enum violation_kind kind);

/** finding_new() - with what @n says. */
struct finding *finding_new(const struct note *n, GArray *path, bool at_end, guint64 rank);

/** findings_new() - findings by id, of which there are none yet. */
GHashTable *findings_new(void);

/** findings_move() - all of @findings. */
void findings_move(GHashTable *findings, struct checkpoint *c);

/**
 * findings_merge() - add all of @from to @into; of two of one cause the shortest, and of these
 * the first, is left.
 * @found: told of each that is new, if not NULL.
 */
void findings_merge(GHashTable *into, GHashTable *from,
		    void (*found)(void *data, const struct finding *f), void *data);

/** findings_take() - all of @findings, which has none from here on; in order. */
GPtrArray *findings_take(GHashTable *findings);

/**
 * findings_settle() - drop findings after damaged handovers that come without damage too.
 * @findings: of struct finding *, by id.
 * @found: told of each that is left and was not told of, if not NULL.
 */
void findings_settle(GHashTable *findings,
		     void (*found)(void *data, const struct finding *f), void *data);

/**
 * finding_scenario() - the finding as a scenario that luosim runs and that fails.
 * @name: of the scenario.
 */
char *finding_scenario(const struct finding *f, const struct world *world,
		       const struct overrides *overrides, const char *name);

/**
 * path_scenario() - a path, of struct path_step, as a scenario with what it returns.
 * @kind: FINDING_REFUSED: the last operation should have worked; FINDING_DIFFERS: what the
 *	judge says is expected. Of others, that it says nothing.
 * @about: a sentence.
 */
char *path_scenario(const GArray *path, enum violation_kind kind, const char *about,
		    const struct world *world, const struct overrides *overrides,
		    const char *name);

/** path_summary() - append its operations in short, joined by "; ". */
void path_summary(GString *out, const GArray *path, bool at_end, const struct world *world);

#endif
