/* SPDX-License-Identifier: GPL-2.0-only */
/* What a scenario says that a real kernel cannot be told. */
#ifndef SIM_EMIT_REFUSE_H
#define SIM_EMIT_REFUSE_H

#include "scn/scn.h"

/**
 * enum told - who tells it.
 * @TOLD_BY_PROGRAM: one that runs anywhere, and checks what each release claims.
 * @TOLD_BY_VM: luosim vm, which boots the kernels itself, has fault injection, and compares
 *	with the model.
 */
enum told { TOLD_BY_PROGRAM, TOLD_BY_VM };

/** scenario_told() - can a real kernel be told all of it? If not, @error says what not. */
bool scenario_told(const struct scenario *scn, enum told by, GError **error);

#endif
