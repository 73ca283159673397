/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files that run a scenario share: the run, and calls under way in it. */
#ifndef SIM_RUN_RUN_STATE_H
#define SIM_RUN_RUN_STATE_H

#include "run/run.h"

/* A task's call: the arguments are its own, as other tasks' calls go on at the same time. */
struct caller {
	guint task;			/* of a race, counted from 1; 0 outside */
	const char *process;		/* that makes it */
	const struct op *op;		/* that goes on, or NULL */
	struct call call;
	GString *args[MAX_ARGS];	/* texts of the arguments */
	struct value result;
	guint kernel;			/* in which it was made */
	GQuark said;			/* what it returned, if outcomes of a race are asked for */
};

struct run {
	const struct scenario *scn;
	const struct variant *variant;
	struct report *report;
	struct machine *machine;
	GArray *planned;		/* of struct planned, by number */
	GHashTable *names;		/* "PROCESS/NAME" to place in @fds */
	GArray *fds;			/* of gint32: descriptors, -1 for none */
	guint64 mismatches;
	gint64 vars[MAX_LOOPS];
	GString *key;			/* a name put together */
	struct caller main;
	struct caller *caller;		/* whose call the machine works on */
	struct race_summary race;	/* how it went */
	const GArray *schedule;		/* that its race is to have; NULL: as it is written */
	const struct choice *choice;	/* what "fail any" makes fail */
	gint64 deadline;		/* of run_once() */
	bool late;			/* it has passed: steps were left out */
	guint sweeps;			/* "fail any" so far */
	guint sweep_line;		/* of the one before the step that comes; 0: none */
	struct fail chosen;		/* what failed; from there on no result counts */
	guint32 chosen_line;		/* that it stands in; 0: nothing did */
	GPtrArray *outcomes;		/* of struct overrides */
	GString *outcome;		/* of the schedule under way, after its race; or NULL */
};

/* run.c */
/** boot_of() - what kernel @number boots: what the last heading up to it says. */
const struct boot *boot_of(const struct run *r, guint number);
const struct boot *running(const struct run *r);
void report(struct run *r, struct report_event *e);
/** run_kinds() - mask of the kinds of violations so far. */
guint32 run_kinds(const struct run *r);
/** run_steps() - from step @pc to the end; how many were left out as the machine stopped. */
guint run_steps(struct run *r, guint pc);
/** run_fail() - let a failure happen in the step that follows. */
void run_fail(struct run *r, const struct step *step, bool brief);

/* The process that every kernel starts. */
#define INIT	"init"

/* caller.c */
void caller_init(struct caller *c, guint task, const char *process);
void caller_clear(struct caller *c);
/** caller_step() - what a plugin does from here on, it does in the call of @c, if any. */
void caller_step(const struct run *r, const struct caller *c);
/** call_op() - make the call of @op and judge what it returns. */
void call_op(struct run *r, struct caller *c, const struct op *op, bool brief);
/** call_returned() - the other half of that, for a call that ended with its kernel. */
void call_returned(struct run *r, struct caller *c, gint64 ret, bool brief);
/** names_reserve() - make room for the names that @op may bind in @process. */
void names_reserve(struct run *r, const char *process, const struct op *op);

/* race.c */
/** race_verdicts_new() - an empty array of struct race_verdict. */
GArray *race_verdicts_new(void);
/** run_race() - run the race that step @pc begins. Return: the step after it. */
guint run_race(struct run *r, guint pc);

#endif
