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

struct translation *translate(const struct recording *rec);
void translation_free(struct translation *t);

#endif
