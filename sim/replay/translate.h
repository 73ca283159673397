/* SPDX-License-Identifier: GPL-2.0-only */
/* Recordings as scenarios: the case's operations with the kernel's answers as expectations. */
#ifndef SIM_REPLAY_TRANSLATE_H
#define SIM_REPLAY_TRANSLATE_H

#include "replay/recording.h"

/* Which recorded operation a line of the scenario belongs to, or none. */
#define NO_OP		G_MAXUINT

struct translation {
	GString *text;		/* the scenario */
	GArray *op_of_line;	/* guint by line, counted from 0 */
	GArray *modelled;	/* gboolean by recorded operation */
};

/* For fail_nth: as recorded, or none at all. */
#define NTH_AS_RECORDED	G_MAXUINT
#define NTH_NONE	0

/**
 * translate() - a recording as a scenario.
 * @nth: by operation, which allocation fails instead of a fail_nth's; NULL: as recorded.
 */
struct translation *translate(const struct recording *rec, const guint *nth);
void translation_free(struct translation *t);

#endif
