/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The reboot gate: what keeps calls on sessions and their serialization apart, by
 * the policy axis gate. Merged was a rwsem of its own; the others were posted or
 * proposed, see docs/policies.md.
 */
#include "policy/gate.h"
#include "machine/machine.h"

static enum reboot_gate gate_of(const struct machine *m)
{
	enum reboot_gate gate = m->k->boot.release.policy.gate;

	if (gate != GATE_RELEASE)
		return gate;
	return has_fix(m, FIX_SERIALIZE_RWSEM) ? GATE_RWSEM : GATE_NONE;
}

static bool has_flag(const struct machine *m)
{
	enum reboot_gate gate = gate_of(m);

	return gate == GATE_FLAG || gate == GATE_FLAG_PIN || gate == GATE_COUNT;
}

static bool has_pins(const struct machine *m)
{
	return gate_of(m) == GATE_PIN || gate_of(m) == GATE_FLAG_PIN;
}

/* Calls. */

int gate_enter(struct machine *m)
{
	if (has_flag(m) && m->k->luo.rebooting)
		return -EBUSY;
	if (gate_of(m) == GATE_RWSEM)
		down_read(m, &m->k->luo.serialize_rwsem);
	return 0;
}

void gate_leave(struct machine *m)
{
	if (gate_of(m) == GATE_RWSEM)
		up_read(m, &m->k->luo.serialize_rwsem);
}

/* What release() holds: the lock of all calls, or one of its own. */
static struct rw_semaphore *release_sem(struct machine *m)
{
	switch (gate_of(m)) {
	case GATE_RWSEM:
		return &m->k->luo.serialize_rwsem;
	case GATE_COUNT:
		return &m->k->luo.closing;
	default:
		return NULL;
	}
}

void gate_enter_release(struct machine *m)
{
	if (release_sem(m))
		down_read(m, release_sem(m));
}

void gate_leave_release(struct machine *m)
{
	if (release_sem(m))
		up_read(m, release_sem(m));
}

void gate_lock(struct machine *m, struct luo_session_header *sh)
{
	if (gate_of(m) == GATE_HEADER_RWSEM)
		down_read(m, &sh->rwsem);
}

void gate_unlock(struct machine *m, struct luo_session_header *sh)
{
	if (gate_of(m) == GATE_HEADER_RWSEM)
		up_read(m, &sh->rwsem);
}

/* Reboot. */

void gate_close(struct machine *m)
{
	struct luo *luo = &m->k->luo;
	struct luo_session *session;

	if (release_sem(m))
		down_write(m, release_sem(m));
	if (has_flag(m))
		luo->rebooting = true;
	down_write(m, &luo->outgoing.rwsem);
	if (!has_pins(m))
		return;
	list_for_each_entry(session, &luo->outgoing.list, list)
		session->pinned = !session->dying;
}

bool gate_skips(const struct machine *m, const struct luo_session *session)
{
	return has_pins(m) && !session->pinned;
}

void gate_keep(struct machine *m)
{
	if (gate_of(m) != GATE_HEADER_RWSEM)
		up_write(m, &m->k->luo.outgoing.rwsem);
}

void gate_relock(struct machine *m)
{
	if (gate_of(m) != GATE_HEADER_RWSEM)
		down_write(m, &m->k->luo.outgoing.rwsem);
}

static void unpin(struct machine *m)
{
	struct luo_session *session;

	list_for_each_entry(session, &m->k->luo.outgoing.list, list)
		session->pinned = false;
}

static struct luo_session *first_closed(struct machine *m)
{
	struct luo_session *session;

	list_for_each_entry(session, &m->k->luo.outgoing.list, list)
		if (session->closed)
			return session;
	return NULL;
}

/* Sessions that were closed while pinned had only the pin left. */
static void put_closed(struct machine *m)
{
	struct luo_session *session;

	while ((session = first_closed(m)))
		luo_session_put(m, session);
}

void gate_reopen(struct machine *m)
{
	struct luo *luo = &m->k->luo;

	unpin(m);
	up_write(m, &luo->outgoing.rwsem);
	if (release_sem(m))
		up_write(m, release_sem(m));
	put_closed(m);
	luo->rebooting = false;
}

static bool any_pinned(struct machine *m)
{
	struct luo_session *session;

	list_for_each_entry(session, &m->k->luo.outgoing.list, list)
		if (session->pinned)
			return true;
	return false;
}

const char *gate_left(struct machine *m, enum violation_kind *kind)
{
	const struct luo *luo = &m->k->luo;

	*kind = VIOLATION_STUCK;
	if (luo->serialize_rwsem.writer)
		return "calls on sessions sleep for ever";
	if (luo->closing.writer)
		return "calls on sessions fail, and closing one sleeps, for ever";
	if (luo->outgoing.rwsem.writer)
		return "calls on outgoing sessions sleep for ever";
	if (any_pinned(m))
		return "sessions stay pinned: closing them does not end them";
	*kind = VIOLATION_UNCLEAN_ABORT;
	return luo->rebooting ? "calls on sessions fail for ever" : NULL;
}
