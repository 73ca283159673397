/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What makes a state of a machine: a walk over all that can influence what comes
 * later, or the judge. Where something lies in memory is left out: objects and
 * frames are numbered in the order in which the walk comes to them.
 */
#ifndef MODEL_WALK_H
#define MODEL_WALK_H

#include "types.h"

struct machine_walk;

/* One more word of the state. */
void walk_put(struct machine_walk *w, u64 word);
/* A frame that something refers to, and all that is known of it. */
void walk_frame(struct machine_walk *w, u64 pfn);

#endif
