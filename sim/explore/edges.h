/* SPDX-License-Identifier: GPL-2.0-only */
/* Which edges of a kernel tree's code a search has run. */
#ifndef SIM_EXPLORE_EDGES_H
#define SIM_EXPLORE_EDGES_H

#include <glib.h>
#include <stdbool.h>

#include "luosim.h"

struct edges;

/** edges_new() - none so far. Return: NULL if @tree is not built with --coverage. */
struct edges *edges_new(const struct luosim_tree *tree);
/** edges_free() - @e may be NULL. */
void edges_free(struct edges *e);

/** edges_take() - have any been run that had not been when this was last asked? */
bool edges_take(struct edges *e);

#endif
