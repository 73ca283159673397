/* SPDX-License-Identifier: GPL-2.0-only */
/* The judge: finds the invariants that broke, independently of what the kernel says. */
#include <stdarg.h>
#include <stdio.h>

#include "handlers/kho_caller.h"
#include "policy/gate.h"
#include "policy/kho_count.h"
#include "machine/machine.h"
#include "policy/share.h"

/* More findings than this of one machine say nothing new, unless they are of a new kind. */
#define MAX_VIOLATIONS	1000

static const char *const violation_names[NR_VIOLATION_KINDS] = {
	[VIOLATION_DOUBLE_RESTORE] = "double-restore",
	[VIOLATION_ALIAS] = "alias",
	[VIOLATION_STOLEN] = "stolen",
	[VIOLATION_LOST] = "lost",
	[VIOLATION_LEAK] = "leak",
	[VIOLATION_EXPOSED] = "exposed",
	[VIOLATION_UNCLEAN_ERROR] = "unclean-error",
	[VIOLATION_UNCLEAN_ABORT] = "unclean-abort",
	[VIOLATION_STUCK] = "stuck",
	[VIOLATION_USE_AFTER_FREE] = "use-after-free",
	[VIOLATION_DATA_RACE] = "data-race",
	[VIOLATION_WARN] = "warn",
	[VIOLATION_PANIC] = "panic",
};

static const char *const census_names[NR_CENSUS] = {
	[CENSUS_FRAMES] = "pages allocated",
	[CENSUS_PRESERVED] = "pages preserved",
	[CENSUS_INCOMING] = "pages handed over and not restored",
	[CENSUS_OBJECTS] = "heap objects",
	[CENSUS_FILES] = "open files",
	[CENSUS_DESCRIPTORS] = "descriptors",
	[CENSUS_SIZE] = "bytes of file size",
	[CENSUS_CACHED] = "pages cached",
	[CENSUS_PINS] = "pins",
	[CENSUS_FROZEN] = "frozen mappings",
	[CENSUS_LUO_FILES] = "preserved files",
	[CENSUS_LATCHED] = "files that failed to retrieve for good",
	[CENSUS_MANAGED] = "objects claimed",
	[CENSUS_LOCKS] = "locks held",
	[CENSUS_HANDLERS] = "things that handlers hold",
};

const char *violation_name(enum violation_kind kind)
{
	return violation_names[kind];
}

int violation_find(const char *name)
{
	for (int i = 0; i < NR_VIOLATION_KINDS; i++)
		if (!strcmp(violation_names[i], name))
			return i;
	return -ENOENT;
}

static bool was_found(const struct machine *m, enum violation_kind kind)
{
	u32 i = 0;

	while (i < m->ledger.nr_violations && m->ledger.violations[i].kind != kind)
		i++;
	return i < m->ledger.nr_violations;
}

/* The violation, still without its text; NULL: there are enough of its kind. */
static struct violation *found(struct machine *m, enum violation_kind kind, u64 pfn)
{
	if (m->ledger.nr_violations >= MAX_VIOLATIONS && was_found(m, kind))
		return NULL;
	return ledger_violation(m, kind, pfn);
}

static void say(struct machine *m, struct violation *v, const char *fmt, va_list ap)
{
	vsnprintf(v->text, sizeof(v->text), fmt, ap);
	if (m->config.emit) {
		const char *chain[CALL_DEPTH];
		u32 depth = call_chain(m, "", chain);

		m->config.emit(m->config.data, &(struct event){
			.type = EVENT_VIOLATION, .kernel = m->kernel_nr, .violation = v,
			.chain = chain, .depth = depth });
	}
}

void judge(struct machine *m, enum violation_kind kind, u64 pfn, const char *fmt, ...)
{
	struct violation *v = found(m, kind, pfn);
	va_list ap;

	va_start(ap, fmt);
	if (v)
		say(m, v, fmt, ap);
	va_end(ap);
}

void judge_tasks(struct machine *m, enum violation_kind kind, u32 waits_op, u32 other_op,
		 const char *fmt, ...)
{
	struct violation *v = found(m, kind, 0);
	va_list ap;

	va_start(ap, fmt);
	if (v) {
		v->waits_op = waits_op;
		v->other_op = other_op;
		say(m, v, fmt, ap);
	}
	va_end(ap);
}

void judge_log(struct machine *m, const char *fmt, ...)
{
	struct violation *v = found(m, VIOLATION_EXPOSED, 0);
	va_list ap;

	va_start(ap, fmt);
	if (v) {
		v->in_log = true;
		say(m, v, fmt, ap);
	}
	va_end(ap);
}

void judge_warn(struct machine *m, const char *func)
{
	judge(m, VIOLATION_WARN, 0, "WARN in %s", func);
}

void machine_begin_op(struct machine *m, uint32_t op)
{
	m->task->called = false;
	m->task->op = op;
	m->ledger.found = m->ledger.nr_violations;
	m->ledger.at_op = m->ledger.now;
}

/* Append "what 1 -> 2" for each count that differs; false when none does. */
static bool describe(char *text, size_t size, const struct census *before,
		     const struct census *after)
{
	size_t len = 0;

	for (int i = 0; i < NR_CENSUS && len < size; i++)
		if (before->count[i] != after->count[i])
			len += snprintf(text + len, size - len, "%s%s %lld -> %lld",
					len ? ", " : "", census_names[i],
					(long long)before->count[i], (long long)after->count[i]);
	return len;
}

void machine_end_op(struct machine *m, int64_t ret)
{
	char changed[160];

	/*
	 * What broke in this operation already accounts for its traces; in a race they
	 * may be those of the other tasks.
	 */
	if (ret >= 0 || m->panicked || m->nr_tasks ||
	    m->ledger.nr_violations != m->ledger.found)
		return;
	if (describe(changed, sizeof(changed), &m->ledger.at_op, &m->ledger.now))
		judge(m, VIOLATION_UNCLEAN_ERROR, 0, "it failed but left: %s", changed);
}

void judge_abort(struct machine *m)
{
	const struct luo_session *session;
	enum violation_kind kind;
	const char *what;
	u64 token;

	list_for_each_entry(session, &m->k->luo.outgoing.list, list) {
		what = luo_file_after_abort(&session->file_set, &token);
		if (what)
			judge(m, VIOLATION_UNCLEAN_ABORT, 0, "this kernel goes on, and token "
			      "0x%llx of session \"%.64s\" %s", (unsigned long long)token,
			      session->name, what);
	}
	what = gate_left(m, &kind);
	if (what)
		judge(m, kind, 0, "this kernel goes on, and %s", what);
}

/* May frames of @claim still be reserved? */
static bool may_wait(struct machine *m, const struct claim *claim)
{
	/* Whoever knows the address may come. */
	if (claim->memory && claim->state == CLAIM_PENDING)
		return is_kho_boot(m);
	/* A device that does not open any more gives nothing out. */
	if (m->k->luo.deserialize_err)
		return false;
	/* An FLB waits as long as there are sessions whose files may need it. */
	if (claim->flb && claim->state != CLAIM_DONE)
		return m->k->luo.incoming.count || !m->k->luo.is_deserialized;
	return claim->state == CLAIM_INCOMING ||
	       (claim->state == CLAIM_PENDING && !m->k->luo.is_deserialized);
}

/* Does somebody still wait for a frame that another one has claimed first? */
static bool is_waited_for(struct machine *m, u64 pfn)
{
	struct ledger *l = &m->ledger;

	for (u32 i = l->first_claim; i < l->nr_claims; i++) {
		const struct claim *claim = l->claims[i];

		if (claim->kernel + 1 != m->kernel_nr || !may_wait(m, claim))
			continue;
		for (u32 e = 0; e < claim->nr_extents; e++)
			if (pfn - claim->extents[e].pfn < claim->extents[e].nr)
				return true;
	}
	return false;
}

/* Frames handed over for a file that is finished, or that nobody can reach any more. */
static void judge_unreachable(struct machine *m)
{
	struct ledger *l = &m->ledger;

	for (u32 i = 0; i < l->nr_claims; i++) {
		const struct claim *claim = l->claims[i];
		u64 nr = 0, first = 0;

		if (claim->kernel + 1 != m->kernel_nr || may_wait(m, claim))
			continue;
		for (u32 e = 0; e < claim->nr_extents; e++) {
			for (u32 j = 0; j < claim->extents[e].nr; j++) {
				u64 pfn = claim->extents[e].pfn + j;

				if (!(m->memmap[pfn].flags & PG_INCOMING) ||
				    l->ghost[pfn].claim != i + 1 || is_waited_for(m, pfn))
					continue;
				first = nr++ ? first : pfn;
			}
		}
		if (nr && (claim->flb || claim->memory))
			judge(m, VIOLATION_LEAK, first, "%llu pages handed over for the %.64s are "
			      "reserved and nobody can free them", (unsigned long long)nr,
			      claim->session);
		else if (nr)
			judge(m, VIOLATION_LEAK, first, "%llu pages handed over for token 0x%llx "
			      "of session \"%.64s\" are reserved and nobody can free them",
			      (unsigned long long)nr, (unsigned long long)claim->token,
			      claim->session);
	}
}

/*
 * What is left when all is closed. Sessions of the previous kernel that nobody
 * retrieved are no leak: they wait, with their objects and pages.
 */
static void judge_left(struct machine *m)
{
	struct census before = m->ledger.at_boot, after = m->ledger.now;
	char changed[160];

	before.count[CENSUS_INCOMING] = after.count[CENSUS_INCOMING];
	if (m->k->luo.incoming.count) {
		before.count[CENSUS_OBJECTS] = after.count[CENSUS_OBJECTS];
		before.count[CENSUS_LUO_FILES] = after.count[CENSUS_LUO_FILES];
		after.count[CENSUS_FRAMES] -= kho_count_waiting(m);
		share_waiting(m, &after);
	}
	/* Less than at boot is no leak: what the boot read of the handover is gone. */
	for (int i = 0; i < NR_CENSUS; i++)
		before.count[i] = min(before.count[i], after.count[i]);
	if (describe(changed, sizeof(changed), &before, &after))
		judge(m, VIOLATION_LEAK, 0, "all is closed, and still: %s", changed);
}

static int end(struct machine *m)
{
	SYSCALL_ENTER(m);
	exit_all(m);
	namespace_exit(m);
	kho_callers_exit(m);
	return 0;
}

void machine_end(struct machine *m)
{
	m->task->op = 0;
	if (end(m))
		return;
	judge_unreachable(m);
	judge_left(m);
}

void machine_forget_violations(struct machine *m)
{
	m->ledger.nr_violations = 0;
	m->ledger.found = 0;
}

const struct violation *machine_violations(const struct machine *m, size_t *nr)
{
	*nr = m->ledger.nr_violations;
	return m->ledger.violations;
}
