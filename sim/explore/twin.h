/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A second machine, with other kernels than the one that a search is on: it does the
 * same operations, and what the two answer is compared.
 */
#ifndef SIM_EXPLORE_TWIN_H
#define SIM_EXPLORE_TWIN_H

#include "explore/finding.h"

/* What a search keeps of it for a state. */
struct twin_spot {
	struct machine_snapshot snapshot;
	struct place place;
};

struct world_race;

/** struct race_difference - an outcome that only one of two machines has, and which. */
struct race_difference {
	bool differs;
	guint nth;			/* of the first machine's, if it is one of these */
	char first[96], second[96];
};

/**
 * twin_race() - two operations at once, under every schedule, on one machine and on the
 * other: what returns, and what breaks. Both are to be restored.
 * @op: the number of a pair.
 * Return: why not all schedules were seen, or NULL.
 */
const char *twin_race(struct world_race *first, struct world_race *second, guint op,
		      struct race_difference *d);

/**
 * twin_raced() - the same on the two machines of @twin.
 * @note: where to store what differs.
 * @nth: which outcome of the first machine that is.
 * Return: as twin_race(); *@differs says whether there is a note.
 */
const char *twin_raced(struct twin *twin, guint op, struct note *note, guint *nth,
		       bool *differs);

/**
 * twin_new() - the second machine, of @witness->world->beside, which @witness gets.
 * @first: the machine of @witness, and @place where it is.
 * Return: false without memory.
 */
bool twin_new(struct witness *witness, struct machine *first, struct place *place);
void twin_free(struct twin *twin);

/** twin_save() - as machine_save(). */
bool twin_save(struct twin *twin, struct twin_spot *spot);
void twin_restore(struct twin *twin, const struct twin_spot *spot);
bool twin_is_at(const struct twin *twin, const struct twin_spot *spot);

/** twin_begin() - nothing was said yet. */
void twin_begin(struct twin *twin);

/** twin_hear() - what the first machine says. */
void twin_hear(struct twin *twin, const struct event *event);

/** twin_run() - the second machine does what the first has done. */
void twin_run(struct twin *twin, guint op, guint nth);

/** twin_hit() - did the failure that was asked for happen on the second machine? */
bool twin_hit(const struct twin *twin);

/** twin_forget() - as machine_forget_violations(). */
void twin_forget(struct twin *twin);

/**
 * twin_compare() - do the two differ after operation @op?
 * @place: of the first machine; @done: what @op did there.
 * @note: where to store what differs first.
 */
bool twin_compare(struct twin *twin, const struct place *place, guint op,
		  const struct done *done, struct note *note);

/** twin_end() - likewise when all is closed, which is done with the second machine here. */
bool twin_end(struct twin *twin, struct note *note);

#endif
