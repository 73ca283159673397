/* SPDX-License-Identifier: GPL-2.0-only */
/* The states of a small world, and what leads from one to another, for Graphviz. */
#ifndef SIM_EXPLORE_GRAPH_H
#define SIM_EXPLORE_GRAPH_H

#include "explore/states.h"
#include "explore/world.h"

struct graph;

/** graph_new() - @fold: states that hold the same of this kind are one; -1: none are. */
struct graph *graph_new(const struct world *world, int fold);
void graph_free(struct graph *g);

/** graph_state() - state @number is new, and @m is in it. */
void graph_state(struct graph *g, guint32 number, struct machine *m);

/** graph_step() - @origin led to state @number. */
void graph_step(struct graph *g, const struct origin *origin, guint32 number);

/** graph_broken() - @origin broke that; @at_end: when all was closed after it. */
void graph_broken(struct graph *g, const struct origin *origin, const char *kind, bool at_end);

/** graph_write() - as a page if @path ends in .html, else as DOT; shortest ways are thick. */
bool graph_write(struct graph *g, const char *path, GError **error);

#endif
