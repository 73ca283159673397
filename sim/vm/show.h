/* SPDX-License-Identifier: GPL-2.0-only */
/* A recording as the trace of the scenario that it is of. */
#ifndef SIM_VM_SHOW_H
#define SIM_VM_SHOW_H

#include "replay/recording.h"
#include "vm/program.h"

/** show() - append what the real kernel answered, in the form of luosim run. */
void show(GString *out, const struct program *program, const struct recording *rec);

#endif
