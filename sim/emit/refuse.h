/* SPDX-License-Identifier: GPL-2.0-only */
/* What a scenario says that a real kernel cannot be told. */
#ifndef SIM_EMIT_REFUSE_H
#define SIM_EMIT_REFUSE_H

#include "scn/scn.h"

/** scenario_told() - can a real kernel be told all of it? If not, @error says what not. */
bool scenario_told(const struct scenario *scn, GError **error);

#endif
