/* SPDX-License-Identifier: GPL-2.0-only */
/* Outcomes of a race that a real kernel ran several times, compared with those of the model. */
#ifndef SIM_VM_RACE_H
#define SIM_VM_RACE_H

#include "replay/recording.h"
#include "vm/program.h"

struct race_count;

struct race_count *race_count_new(void);
void race_count_free(struct race_count *count);

/** race_count_add() - one time more; false: the recording cannot be read as results. */
bool race_count_add(struct race_count *count, const struct program *program,
		    const struct recording *rec);

/** race_count_runs() - how often that was. */
guint race_count_runs(const struct race_count *count);

/**
 * race_count_print() - append how often each outcome came, and which of the model's did not.
 * @name: of the scenario.
 * Return: false, if one came that the model has not, or a machine did not end.
 */
bool race_count_print(GString *out, const struct race_count *count, const char *name);

#endif
