/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Damage to what one kernel hands to the next: asked for while the old kernel
 * runs, done when that has serialized all and the new one has not begun.
 */
#ifndef MODEL_SEARCH_DAMAGE_H
#define MODEL_SEARCH_DAMAGE_H

#include "lib/types.h"

struct machine;

/* What machine_damage() asked for; the next kernel boots with it. */
void damage_apply(struct machine *m);

#endif
