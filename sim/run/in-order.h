/* SPDX-License-Identifier: GPL-2.0-only */
/* Independent work in several threads, whose results are taken in order. */
#ifndef SIM_RUN_IN_ORDER_H
#define SIM_RUN_IN_ORDER_H

#include <glib.h>

#define MAX_JOBS	64

/**
 * in_order() - do @work for 0 to @nr - 1 in @jobs threads, and in this one @done for each
 * that is over, in order; so what @done makes of it does not depend on @jobs.
 */
void in_order(guint jobs, guint nr, void (*work)(void *data, guint i),
	      void (*done)(void *data, guint i), void *data);

#endif
