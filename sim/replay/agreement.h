/* SPDX-License-Identifier: GPL-2.0-only */
/* What the model answers to a recorded case, put beside what the kernel answered. */
#ifndef SIM_REPLAY_AGREEMENT_H
#define SIM_REPLAY_AGREEMENT_H

#include "replay/translate.h"

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
 * recording_run() - run a recording through the model.
 *
 * If it does not agree as it stands, it may by letting other allocations fail than those
 * that are counted in the recording: those are in @aligned then.
 *
 * Return: the agreement, or NULL and @error when the case is not to be had as a
 *	scenario.
 */
struct agreement *recording_run(const struct recording *rec, GError **error);
void agreement_free(struct agreement *a);

#endif
