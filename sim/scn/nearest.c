/* SPDX-License-Identifier: GPL-2.0-only */
/* The known word that comes nearest to a mistyped one. */
#include <stdbool.h>
#include <string.h>

#include "scn/nearest.h"

#define MAX_WORD 64

/* One typing mistake in three letters is still near, and always one. */
void nearest_init(struct nearest *n, const char *word)
{
	*n = (struct nearest){ .word = word, .distance = MAX(strlen(word) / 3, 1) + 1 };
}

/*
 * Edit distance: a letter more, less or other, and two neighbours swapped, are
 * one mistake each.
 */
static guint distance(const char *a, gsize la, const char *b, gsize lb)
{
	guint rows[3][MAX_WORD + 1];
	guint *before = rows[0], *last = rows[1], *row = rows[2];

	for (gsize j = 0; j <= lb; j++)
		last[j] = j;
	for (gsize i = 1; i <= la; i++) {
		guint *spare = before;

		row[0] = i;
		for (gsize j = 1; j <= lb; j++) {
			bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
				       a[i - 2] == b[j - 1];

			row[j] = MIN(MIN(last[j], row[j - 1]) + 1,
				     last[j - 1] + (a[i - 1] != b[j - 1]));
			if (swapped)
				row[j] = MIN(row[j], before[j - 2] + 1);
		}
		before = last;
		last = row;
		row = spare;
	}
	return last[lb];
}

void nearest_try(struct nearest *n, const char *candidate)
{
	gsize la = strlen(n->word), lb = strlen(candidate);
	guint d;

	if (la > MAX_WORD || lb > MAX_WORD)
		return;
	d = distance(n->word, la, candidate, lb);
	if (d < n->distance) {
		n->distance = d;
		n->best = candidate;
	}
}
