/* SPDX-License-Identifier: GPL-2.0-only */
/* Recordings as scenarios: the case's operations with the kernel's answers as expectations. */
#ifndef SIM_REPLAY_TRANSLATE_H
#define SIM_REPLAY_TRANSLATE_H

#include "replay/recording.h"
#include "scn/scn.h"

/*
 * Steps have the number of the recorded operation that they are of as their line, counted
 * from 1.
 */
struct translation {
	struct scenario *scn;
	GArray *modelled;	/* of bool, by recorded operation */
};

/* For fail_nth: as recorded, or none at all. */
#define NTH_AS_RECORDED	G_MAXUINT
#define NTH_NONE	0

/**
 * translate() - a recording as a scenario.
 * @nth: by operation, which allocation fails instead of a fail_nth's; NULL: as recorded.
 * Return: NULL and @error "CASE:LINE:COL: message" if none is to be had.
 */
struct translation *translate(const struct recording *rec, const guint *nth, GError **error);
void translation_free(struct translation *t);

#endif
