/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a virtual machine is to do: operations of luosim-recording(5), made of a scenario or
 * read from a case. luosim-guest takes them one by one.
 */
#ifndef SIM_VM_PROGRAM_H
#define SIM_VM_PROGRAM_H

#include "scn/scn.h"

/**
 * struct program_op - one operation.
 * @stage: the kernel that is to make it; 0: whichever has reached it.
 * @line: of the scenario or case; 0: it sets the kernel up, and is in no recording.
 * @step: of the scenario.
 * @vars: the loop variables, where there are loops around it.
 */
struct program_op {
	guint stage, line, step;
	gint64 *vars;
	char *text;
};

/**
 * struct program - all of them.
 * @scn: that it was made of; NULL: of a case.
 * @append: boot arguments, "kho=off".
 * @tasks: of its race, of which each has a processor; 0: there is no race.
 * @race: the index of its first operation in @ops.
 * @round: of a race that is tried several times; tasks start at other times in each.
 */
struct program {
	char *name;
	const struct scenario *scn;
	GArray *ops;		/* of struct program_op */
	bool panic_on_warn;
	guint hugepages;
	char *append;
	guint tasks, race, round;
};

/**
 * program_of() - what the guest is to do for @scn.
 * Return: the program; or NULL with @error set to "FILE:LINE:COL: what a real kernel cannot
 *	be told, expected what".
 */
struct program *program_of(const struct scenario *scn, GError **error);

/** program_load_case() - read a case; or NULL with @error set. */
struct program *program_load_case(const char *path, GError **error);
void program_free(struct program *program);

/** program_case() - as a case, which program_load_case() reads. */
char *program_case(const struct program *program);

/** program_text() - append it as luosim-guest reads it, "STAGE LINE OPERATION" a line. */
void program_text(GString *out, const struct program *program);

/**
 * program_shares() - can it run after another one in the machine, and others after it? It
 *	starts no kernel, and changes no setting of the one that runs.
 */
bool program_shares(const struct program *program);

#endif
