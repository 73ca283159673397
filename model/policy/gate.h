/* SPDX-License-Identifier: GPL-2.0-only */
/* The reboot gate: what keeps calls on sessions and their serialization apart. */
#ifndef MODEL_POLICY_GATE_H
#define MODEL_POLICY_GATE_H

#include "luosim.h"
#include "lib/types.h"

struct luo_session;
struct luo_session_header;
struct machine;

/* A call on sessions begins: 0, or -EBUSY during a reboot. May sleep. */
int gate_enter(struct machine *m);
void gate_leave(struct machine *m);
/* release() of a session begins, which cannot fail. May sleep. */
void gate_enter_release(struct machine *m);
void gate_leave_release(struct machine *m);
/* The call goes to the files of a session in @sh, whose mutex it takes next. May sleep. */
void gate_lock(struct machine *m, struct luo_session_header *sh);
void gate_unlock(struct machine *m, struct luo_session_header *sh);

/* Outgoing sessions are about to be serialized; locks their list. May sleep. */
void gate_close(struct machine *m);
/* Is @session being released, and so not serialized? */
bool gate_skips(const struct machine *m, const struct luo_session *session);
/* They were: unlocks the list, where the gate is not made of its lock. */
void gate_keep(struct machine *m);
/* What was kept is to be undone: locks the list again. */
void gate_relock(struct machine *m);
/* With the list locked: as before gate_close(). */
void gate_reopen(struct machine *m);
/*
 * For the judge, when the reboot is over: what is wrong with a gate that was not
 * opened again, and the invariant that this breaks; NULL if nothing is.
 */
const char *gate_left(struct machine *m, enum violation_kind *kind);

#endif
