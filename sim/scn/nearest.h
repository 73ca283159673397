/* SPDX-License-Identifier: GPL-2.0-only */
/* The known word that comes nearest to a mistyped one. */
#ifndef SIM_SCN_NEAREST_H
#define SIM_SCN_NEAREST_H

#include <glib.h>

struct nearest {
	const char *word;	/* what was typed */
	const char *best;	/* NULL: nothing comes near */
	guint distance;		/* of @best, or the first distance too far away */
};

void nearest_init(struct nearest *n, const char *word);

/** nearest_try() - @candidate, which must live as long as @n is used. */
void nearest_try(struct nearest *n, const char *candidate);

#endif
