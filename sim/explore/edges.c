/* SPDX-License-Identifier: GPL-2.0-only */
/* Which edges of a kernel tree's code a search has run: those whose counter is not 0. */
#include "explore/edges.h"

struct edges {
	const int64_t *counters;
	size_t nr;
	bool *run;
};

struct edges *edges_new(const struct luosim_tree *tree)
{
	struct edges *e;
	size_t nr;
	const int64_t *counters = luosim_tree_counters(tree, &nr);

	if (nr == 0)
		return NULL;
	e = g_new0(struct edges, 1);
	*e = (struct edges){ .counters = counters, .nr = nr, .run = g_new0(bool, nr) };
	return e;
}

void edges_free(struct edges *e)
{
	if (e == NULL)
		return;
	g_free(e->run);
	g_free(e);
}

bool edges_take(struct edges *e)
{
	bool any = false;

	for (size_t i = 0; i < e->nr; i++) {
		any |= e->counters[i] != 0 && !e->run[i];
		e->run[i] |= e->counters[i] != 0;
	}
	return any;
}
