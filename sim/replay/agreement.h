/* SPDX-License-Identifier: GPL-2.0-only */
/* What the model answers to a recorded case, compared with what the kernel answered. */
#ifndef SIM_REPLAY_AGREEMENT_H
#define SIM_REPLAY_AGREEMENT_H

#include "replay/translate.h"
#include "run/run.h"

/* One operation on which they differ. */
struct difference {
	guint op;		/* of the recording; its number of operations for boot and end */
	char *kernel, *model;	/* what each said */
};

/* A fail_nth that agrees when another allocation of the model fails. */
struct aligned {
	guint op;		/* of the recording */
	guint nth;		/* of the model; NTH_NONE: none fails */
};

struct agreement {
	guint ops, agreed, not_modelled, skipped;
	GArray *differences;	/* of struct difference */
	GArray *aligned;	/* of struct aligned, if that is how all agrees */
};

/**
 * recording_run() - run a recording through the model, or a kernel tree.
 * @o: the kernel that takes the place of the recording's, with its settings; or none.
 *
 * If it does not agree as it stands, it may by letting other allocations fail than those
 * that are counted in the recording: those are in @aligned then.
 *
 * Return: the agreement, or NULL and @error when the case cannot be a scenario.
 */
struct agreement *recording_run(const struct recording *rec, const struct overrides *o,
				GError **error);
void agreement_free(struct agreement *a);

/** agreement_print() - print where they differ; @model: what the recording was compared with. */
void agreement_print(const struct recording *rec, const struct agreement *a, const char *model);

/** log_line_normal() - a line of a kernel's log without what differs from machine to machine. */
char *log_line_normal(const char *text);

/** log_lines_add() - append @line; what is repeated is said once, "line [x2]". */
void log_lines_add(GPtrArray *lines, const char *line);

#endif
