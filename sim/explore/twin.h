/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A second machine beside the one that a search is on, with other kernels: it does the
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

/**
 * twin_new() - the second machine, of @witness->world->beside, which @witness gets.
 * @first: the machine of @witness.
 * Return: false without memory.
 */
bool twin_new(struct witness *witness, struct machine *first);
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
