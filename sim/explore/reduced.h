/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The projection of a state onto the reduced machine of tests/bench/luo.pml, which has
 * no order among sessions and files, no descriptors, no sizes and no contents. Its
 * state counts are known from other checkers.
 */
#ifndef SIM_EXPLORE_REDUCED_H
#define SIM_EXPLORE_REDUCED_H

#include "explore/world.h"

/**
 * project() - a fingerprint of the projection.
 * @frames: of the page of each memfd.
 * @symmetry: sessions, tokens of a session, memfds and open files of a memfd that
 *	change places make no difference.
 */
void project(const struct world *world, struct machine *m, const guint64 *frames, bool symmetry,
	     guint64 fingerprint[2]);

#endif
