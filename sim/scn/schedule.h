/* SPDX-License-Identifier: GPL-2.0-only */
/* Schedules of races: the heading "race ...", and "A*3,B,A" read and written. */
#ifndef SIM_SCN_SCHEDULE_H
#define SIM_SCN_SCHEDULE_H

#include "scn/lex.h"

/** schedule_new() - an empty array of struct turn. */
GArray *schedule_new(void);

/** schedule_step() - one more step, of @task, counted from 1. */
void schedule_step(GArray *schedule, guint task);

/** turns_print() - append "A*3,B,A"; @names of the tasks, the first of which is task 1. */
void turns_print(GString *out, const GArray *schedule, const char *const *names);

/** schedule_print() - append "A*3,B,A"; @race is the step of @scn that began it. */
void schedule_print(GString *out, const struct scenario *scn, guint race, const GArray *schedule);

/** race_parse() - read what is after "race". False after a failure. */
bool race_parse(struct lex *l, struct race *race);

/** race_check() - at the end of a race: are there tasks, and those of its schedule? */
bool race_check(struct lex *l, struct scenario *scn, guint race);

/** race_print() - append the heading. */
void race_print(GString *out, const struct scenario *scn, guint race);

/** race_task() - the name of task @number of the race that step @race began. */
const char *race_task(const struct scenario *scn, guint race, guint number);

#endif
