/* SPDX-License-Identifier: GPL-2.0-only */
/* The ledger: who claims each frame, who restored it, and the counts of the census. */
#include <stdio.h>
#include <stdlib.h>

#include "handlers/kho_caller.h"
#include "machine/machine.h"

/* An array of the ledger, twice as long; it never shrinks. */
static void *grow(struct machine *m, void *old, u64 size, u32 nr, u32 *max)
{
	u32 new_max = *max ? 2 * *max : 4;
	void *new = arena_alloc(&m->persist, new_max * size);

	if (!new)
		simulator_panic(m, "host memory reserved for the ledger is used up");
	if (old) {
		memcpy(new, old, nr * size);
		arena_free(&m->persist, old, *max * size);
	}
	*max = new_max;
	return new;
}

#define GROW(m, array, nr, max) do {						\
	if ((nr) == (max))							\
		(array) = grow(m, array, sizeof(*(array)), nr, &(max));		\
} while (0)

static struct claim *claim_of(struct machine *m, u32 claim)
{
	return claim ? m->ledger.claims[claim - 1] : NULL;
}

static u32 claim_new(struct machine *m, const char *session, u64 token)
{
	struct ledger *l = &m->ledger;
	struct claim *claim = arena_alloc(&m->persist, sizeof(*claim));

	GROW(m, l->claims, l->nr_claims, l->max_claims);
	if (!claim)
		simulator_panic(m, "host memory reserved for the ledger is used up");
	claim->op = m->task->op;
	claim->kernel = m->kernel_nr;
	memcpy(claim->session, session, strnlen(session, sizeof(claim->session)));
	claim->token = token;
	l->claims[l->nr_claims++] = claim;
	return l->nr_claims;
}

u32 ledger_claim(struct machine *m, const char *session, u64 token)
{
	m->task->claim = claim_new(m, session, token);
	m->task->new_claim = m->task->claim;
	return m->task->claim;
}

/* What stands for the session in the claim of an FLB. */
static void flb_name(char name[LIVEUPDATE_SESSION_NAME_LENGTH], const char *compatible)
{
	memset(name, 0, LIVEUPDATE_SESSION_NAME_LENGTH);
	snprintf(name, LIVEUPDATE_SESSION_NAME_LENGTH, "FLB %s", compatible);
}

void ledger_claim_file(struct machine *m, struct file *file)
{
	m->ledger.claims[m->task->claim - 1]->file = file;
}

bool ledger_is_restored(const struct machine *m, u64 pfn)
{
	return m->ledger.ghost[pfn].restored;
}

struct census_pause census_pause(const struct machine *m)
{
	return (struct census_pause){
		.objects = m->ledger.now.count[CENSUS_OBJECTS], .nodes = m->k->xa_nodes,
	};
}

void census_resume(struct machine *m, const struct census_pause *pause)
{
	m->ledger.now.count[CENSUS_OBJECTS] = pause->objects;
	m->k->xa_nodes = pause->nodes;
}

void census_keep(struct machine *m, enum census_item item, s64 nr)
{
	m->ledger.at_boot.count[item] += nr;
}

u32 ledger_claim_flb(struct machine *m, const char *compatible)
{
	char name[LIVEUPDATE_SESSION_NAME_LENGTH];
	u32 claim;

	flb_name(name, compatible);
	claim = claim_new(m, name, 0);
	claim_of(m, claim)->flb = true;
	return claim;
}

u32 ledger_claim_memory(struct machine *m, const char *what, u32 memory)
{
	char name[LIVEUPDATE_SESSION_NAME_LENGTH] = { 0 };
	u32 claim;

	snprintf(name, sizeof(name), "%s", what);
	claim = claim_new(m, name, 0);
	claim_of(m, claim)->memory = memory;
	/* To the module, which needs no system call's return. */
	claim_of(m, claim)->promised = true;
	m->task->claim = claim;
	return claim;
}

/* The first claim on memory that waits to be restored, or 0. */
static u32 pending_memory(struct machine *m, u32 memory)
{
	u32 nr = m->ledger.first_claim + 1;

	for (; nr <= m->ledger.nr_claims; nr++)
		if (claim_of(m, nr)->memory == memory && claim_of(m, nr)->state == CLAIM_PENDING)
			return nr;
	return 0;
}

void ledger_memory_freed(struct machine *m, u32 memory)
{
	ledger_done(m, pending_memory(m, memory));
}

u32 ledger_incoming_flb(struct machine *m, phys_addr_t phys, const char *compatible)
{
	char name[LIVEUPDATE_SESSION_NAME_LENGTH];

	flb_name(name, compatible);
	return ledger_incoming(m, phys, name, 0);
}

u32 ledger_act_for(struct machine *m, u32 claim)
{
	u32 before = m->task->claim;

	m->task->claim = claim;
	return before;
}

void ledger_serialize_none(struct machine *m)
{
	for (u32 i = 0; i < m->ledger.nr_claims; i++)
		m->ledger.claims[i]->serialized = false;
}

void ledger_serialize(struct machine *m, u32 claim, bool serialized)
{
	if (claim)
		claim_of(m, claim)->serialized = serialized;
}

void ledger_promise(struct machine *m)
{
	if (m->task->new_claim)
		claim_of(m, m->task->new_claim)->promised = true;
	m->task->new_claim = 0;
}

void ledger_done(struct machine *m, u32 claim)
{
	struct ledger *l = &m->ledger;

	if (!claim)
		return;
	claim_of(m, claim)->state = CLAIM_DONE;
	claim_of(m, claim)->done_op = m->task->op;
	claim_of(m, claim)->file = NULL;
	while (l->first_claim < l->nr_claims &&
	       l->claims[l->first_claim]->state == CLAIM_DONE)
		l->first_claim++;
}

static bool is_of(const struct claim *claim, const char *session, u64 token)
{
	return claim->state == CLAIM_PENDING && claim->token == token &&
	       !strncmp(claim->session, session, sizeof(claim->session));
}

u32 ledger_incoming(struct machine *m, phys_addr_t phys, const char *session, u64 token)
{
	struct ledger *l = &m->ledger;
	u32 nr = pfn_valid(m, PHYS_PFN(phys)) ? l->ghost[PHYS_PFN(phys)].claim : 0;

	/* The frame tells at once, unless it was damaged, is shared, or there is none. */
	if (!nr || !is_of(claim_of(m, nr), session, token)) {
		nr = l->first_claim + 1;
		while (nr <= l->nr_claims && !is_of(claim_of(m, nr), session, token))
			nr++;
	}
	if (nr > l->nr_claims)
		return 0;
	claim_of(m, nr)->state = CLAIM_INCOMING;
	return nr;
}

void ledger_unread(struct machine *m, u32 claim)
{
	if (claim)
		claim_of(m, claim)->state = CLAIM_PENDING;
}

static void claim_frames(struct machine *m, struct claim *claim, u64 pfn, u64 nr)
{
	struct extent *last = claim->nr_extents ? &claim->extents[claim->nr_extents - 1] : NULL;

	if (last && claim->nr_extents > claim->data && (u64)last->pfn + last->nr == pfn) {
		last->nr += nr;
		return;
	}
	GROW(m, claim->extents, claim->nr_extents, claim->max_extents);
	claim->extents[claim->nr_extents++] = (struct extent){ .pfn = pfn, .nr = nr };
}

void ledger_data(struct machine *m, u32 claim)
{
	if (claim)
		claim_of(m, claim)->data = claim_of(m, claim)->nr_extents;
}

void ledger_share(struct machine *m, u32 nr, phys_addr_t phys)
{
	const struct claim *first = claim_of(m, m->ledger.ghost[PHYS_PFN(phys)].claim);

	for (u32 e = first ? first->data : 0; first && e < first->nr_extents; e++)
		claim_frames(m, claim_of(m, nr), first->extents[e].pfn, first->extents[e].nr);
}

void ledger_preserve(struct machine *m, u64 pfn, u64 nr, bool keep)
{
	struct claim *claim = claim_of(m, m->task->claim);

	/* What is read past a chunk may name any frame. */
	nr = pfn_valid(m, pfn) ? min(nr, m->nr_frames - pfn) : 0;
	for (u64 i = 0; i < nr; i++) {
		struct ghost *ghost = &m->ledger.ghost[pfn + i];
		struct claim *owner = claim_of(m, ghost->claim);

		census_add(m, CENSUS_PRESERVED, keep - (s64)ghost->preserved);
		ghost->preserved = keep;
		/* What this kernel preserves was never restored, whatever the frame held before. */
		ghost->restored = ghost->restored && !keep;
		if (claim && keep && (!owner || owner->state == CLAIM_DONE ||
				      owner->kernel != claim->kernel))
			ghost->claim = m->task->claim;
	}
	if (claim && keep)
		claim_frames(m, claim, pfn, nr);
}

void ledger_restoring(struct machine *m, u64 pfn, u64 nr)
{
	u64 end = pfn + min(max(nr, 1), m->nr_frames - pfn), at = pfn;

	while (at < end && !m->ledger.ghost[at].restored)
		at++;
	if (at < end)
		judge(m, VIOLATION_DOUBLE_RESTORE, at, "a page was restored twice");
}

void ledger_restored(struct machine *m, u64 pfn, u64 nr)
{
	u64 end = pfn + min(nr, m->nr_frames - pfn);

	for (; pfn < end; pfn++) {
		m->ledger.ghost[pfn].restored = 1;
		m->ledger.ghost[pfn].restored_op = m->task->op;
	}
}

void ledger_restore(struct machine *m, u64 pfn, u64 nr)
{
	ledger_restoring(m, pfn, nr);
	ledger_restored(m, pfn, nr);
}

void ledger_freed_twice(struct machine *m, u64 pfn)
{
	judge(m, VIOLATION_ALIAS, pfn, "a free page was freed once more");
}

void ledger_alias(struct machine *m, u64 pfn)
{
	judge(m, VIOLATION_ALIAS, pfn, "two page caches own one page");
}

void ledger_evict(struct machine *m, const struct folio *folio)
{
	u64 pfn = folio_pfn(m, folio), hash = 0;

	for (u64 i = 0; i < folio_nr_pages(folio); i++)
		hash |= phys_hash(m, PFN_PHYS(pfn + i), PAGE_SIZE, 0);
	if (hash && folio->page.flags & PG_UPTODATE)
		judge(m, VIOLATION_LOST, pfn, "a page was dropped as clean, with what was written "
		      "to it");
}

/* What the file reads as, holes and unused folios being zero. */
u64 inode_hash(struct machine *m, struct inode *inode)
{
	u64 size = i_size_read(inode), end = DIV_ROUND_UP(size, PAGE_SIZE);
	struct folio *folio;
	u64 hash = 0;

	for (u64 index = 0;; index++) {
		u64 start, len;

		folio = filemap_next_folio(m, &inode->i_mapping, &index, end);
		if (!folio)
			break;
		/* By page, so that the sizes of folios make no difference. */
		start = index << PAGE_SHIFT;
		len = min(PAGE_SIZE, size - start);
		if (folio->page.flags & PG_UPTODATE)
			hash += phys_hash(m, folio_phys(m, folio) + start -
					  (folio_start(folio, index) << PAGE_SHIFT), len, start);
	}
	return hash;
}

/* The rights that @file has and @claim had not, or NULL. */
static const char *more_rights(const struct claim *claim, const struct file *file)
{
	const struct inode *inode = file_inode(file);

	if (claim->seals & ~inode->seals)
		return "without seals that it had";
	if (file->f_mode & FMODE_WRITE && !(claim->f_mode & FMODE_WRITE))
		return "open for writing";
	if (inode->i_mode & ~claim->i_mode & 07777)
		return "with permissions that it had not";
	return NULL;
}

/* Does user space see in a page of @claim's file what is not its own? */
static bool judge_page(struct machine *m, const struct claim *claim, u64 pfn)
{
	u32 data = m->ledger.ghost[pfn].data;
	const struct claim *other = data == DATA_ALIASED ? NULL : claim_of(m, data);
	char whose[96] = "the kernel";

	if (data == DATA_ALIASED || data == claim->object ||
	    !phys_hash(m, PFN_PHYS(pfn), PAGE_SIZE, 0))
		return true;
	if (other)
		snprintf(whose, sizeof(whose), "token 0x%llx of session \"%.64s\"",
			 (unsigned long long)other->token, other->session);
	judge(m, VIOLATION_EXPOSED, pfn, "token 0x%llx of session \"%.64s\" shows a page of %s",
	      (unsigned long long)claim->token, claim->session, whose);
	return false;
}

/* One finding says it all of a file. */
static void judge_exposed(struct machine *m, const struct claim *claim, struct file *file)
{
	struct address_space *mapping = &file_inode(file)->i_mapping;
	const char *what = more_rights(claim, file);
	struct folio *folio;
	bool own = true;

	if (what)
		judge(m, VIOLATION_EXPOSED, 0, "token 0x%llx of session \"%.64s\" came back %s",
		      (unsigned long long)claim->token, claim->session, what);
	for (u64 index = 0; own; index++) {
		folio = filemap_next_folio(m, mapping, &index, UINT64_MAX);
		if (!folio)
			break;
		if (folio->page.flags & PG_UPTODATE)
			own = judge_page(m, claim, folio_pfn(m, folio) + index -
					 folio_start(folio, index));
	}
}

/* The same of O_PATH, as of what a mount comes back as. */
static const struct file_operations *fops_of(const struct file *file)
{
	return file->f_mode & FMODE_PATH ? file_inode(file)->i_fop : file->f_op;
}

static u64 file_hash(struct machine *m, struct file *file)
{
	const struct file_operations *fops = fops_of(file);

	return fops->state ? fops->state(m, file) : inode_hash(m, file_inode(file));
}

/* In its directory; 0 for a file that has no name there. */
static u64 file_name(const struct file *file)
{
	const struct dentry *dentry = file->f_dentry;

	return dentry->d_hashed ? name_hash(dentry->d_name) : 0;
}

static bool holds(struct machine *m, const struct claim *claim, struct file *file)
{
	u64 hash = file_hash(m, file);

	return hash == claim->hash || hash == FILE_STATE_ANY;
}

void ledger_retrieved(struct machine *m, u32 nr, struct file *file)
{
	struct claim *claim = claim_of(m, nr);
	const char *what = NULL;
	u64 pfn;

	/* Up to 7.0 also an outgoing file may be "retrieved": there is nothing to compare. */
	if (!claim || claim->state != CLAIM_INCOMING || claim->judged)
		return;
	claim->judged = true;
	if (fops_of(file) == claim->f_op)
		judge_exposed(m, claim, file);
	if (fops_of(file) != claim->f_op)
		what = "kind";
	else if (file_name(file) != claim->name)
		what = "name";
	else if (claim->name && claim->i_mode & ~file_inode(file)->i_mode)
		what = "permissions";
	else if (i_size_read(file_inode(file)) != claim->size)
		what = "size";
	else if (file->f_pos != claim->pos)
		what = "position";
	else if (file_inode(file)->seals != claim->seals)
		what = "set of seals";
	else if (!holds(m, claim, file))
		what = "content";
	pfn = claim->nr_extents ? claim->extents[0].pfn : 0;
	if (what)
		judge(m, VIOLATION_LOST, pfn, "token 0x%llx of session \"%.64s\" came back with "
		      "another %s", (unsigned long long)claim->token, claim->session, what);
}

void ledger_memory_restored(struct machine *m, u32 memory, u64 nr, u64 hash, bool stays)
{
	u32 claim_nr = pending_memory(m, memory);
	struct claim *claim = claim_of(m, claim_nr);
	u64 pfn = claim && claim->nr_extents ? claim->extents[0].pfn : 0;

	if (!claim)
		return;
	if ((s64)nr != claim->size)
		judge(m, VIOLATION_LOST, pfn, "the %.64s came back with %llu pages, of %lld",
		      claim->session, (unsigned long long)nr, (long long)claim->size);
	else if (hash != claim->hash)
		judge(m, VIOLATION_LOST, pfn, "the %.64s came back with another content",
		      claim->session);
	if (stays)
		claim->state = CLAIM_INCOMING;
	else
		ledger_done(m, claim_nr);
}

/* What messages call a claim. */
static const char *claim_name(const struct claim *claim, char buf[112])
{
	if (claim->memory)
		snprintf(buf, 112, "the %.64s", claim->session);
	else
		snprintf(buf, 112, "token 0x%llx of session \"%.64s\"",
			 (unsigned long long)claim->token, claim->session);
	return buf;
}

/* At the end of the kernel: are the frames that a claim needs preserved? */
static void judge_stolen(struct machine *m, const struct claim *claim)
{
	char name[112];

	for (u32 e = 0; e < claim->nr_extents; e++) {
		for (u32 i = 0; i < claim->extents[e].nr; i++) {
			u64 pfn = claim->extents[e].pfn + i;

			if (m->ledger.ghost[pfn].preserved)
				continue;
			judge(m, VIOLATION_STOLEN, pfn, "a page of %s is not preserved at kexec",
			      claim_name(claim, name));
			return;
		}
	}
}

void ledger_rolled_back(struct machine *m)
{
	struct ledger *l = &m->ledger;
	u32 lost = 0;

	for (u32 i = 0; i < l->nr_claims; i++)
		lost += l->claims[i]->kernel + 1 == m->kernel_nr &&
			l->claims[i]->state == CLAIM_DONE;
	if (lost)
		judge(m, VIOLATION_LOST, 0, "the rollback discarded %u preserved files", lost);
}

/* What the file has when its kernel ends, and which frames hold its bytes. */
static void describe_file(struct machine *m, u32 nr, struct claim *claim)
{
	struct inode *inode = file_inode(claim->file);
	struct folio *folio;
	u32 *data;

	claim->f_op = fops_of(claim->file);
	claim->name = file_name(claim->file);
	claim->size = i_size_read(inode);
	claim->pos = claim->file->f_pos;
	claim->seals = inode->seals;
	claim->f_mode = claim->file->f_mode;
	claim->i_mode = inode->i_mode;
	claim->hash = file_hash(m, claim->file);
	claim->file = NULL;
	claim->retrieved = NULL;
	inode->claim = inode->claim ? inode->claim : nr;
	claim->object = inode->claim;
	for (u64 index = 0;; index++) {
		folio = filemap_next_folio(m, &inode->i_mapping, &index, UINT64_MAX);
		if (!folio)
			break;
		data = &m->ledger.ghost[folio_pfn(m, folio) + index -
					folio_start(folio, index)].data;
		*data = *data && *data != claim->object ? DATA_ALIASED : claim->object;
	}
}

static void describe_memory(struct machine *m, struct claim *claim)
{
	u64 pfn = claim->nr_extents ? claim->extents[0].pfn : 0;

	claim->size = kho_caller_pages(m, claim->memory);
	claim->hash = kho_caller_hash(m, claim->memory);
	if (!kho_caller_holds(m, claim->memory))
		judge(m, VIOLATION_STOLEN, pfn, "the %.64s was given up, and is still preserved "
		      "at kexec", claim->session);
}

/* Does what is handed over name a file that is not preserved any more? */
static void judge_given_up(struct machine *m, const struct claim *claim)
{
	if (claim->serialized && claim->state == CLAIM_DONE)
		judge(m, VIOLATION_STOLEN, claim->nr_extents ? claim->extents[0].pfn : 0,
		      "token 0x%llx of session \"%.64s\" was given up after it had been serialized",
		      (unsigned long long)claim->token, claim->session);
}

void ledger_kexec(struct machine *m)
{
	struct ledger *l = &m->ledger;

	for (u64 pfn = 0; pfn < m->top; pfn++)
		l->ghost[pfn].data = 0;
	for (u32 i = 0; i < l->nr_claims; i++) {
		struct claim *claim = l->claims[i];

		judge_given_up(m, claim);
		/* The call that would have preserved it never returned. */
		if (!claim->promised && !claim->serialized && !claim->flb)
			claim->state = CLAIM_DONE;
		claim->serialized = false;
		if (claim->state != CLAIM_OUTGOING) {
			/* What nobody claimed in this kernel is lost to the next one. */
			claim->state = CLAIM_DONE;
			continue;
		}
		judge_stolen(m, claim);
		claim->state = CLAIM_PENDING;
		if (claim->memory)
			describe_memory(m, claim);
		else if (!claim->flb)
			describe_file(m, i + 1, claim);
	}
	for (u64 pfn = 0; pfn < m->top; pfn++) {
		l->ghost[pfn].restored = 0;
		l->ghost[pfn].restored_op = 0;
		l->ghost[pfn].preserved = 0;
	}
	memset(&l->now, 0, sizeof(l->now));
	m->task->claim = 0;
}

struct census ledger_counts(const struct machine *m)
{
	return m->ledger.now;
}

void ledger_kept(struct machine *m, const struct census *before)
{
	struct ledger *l = &m->ledger;

	for (int i = 0; i < NR_CENSUS; i++)
		l->at_boot.count[i] += l->now.count[i] - before->count[i];
}

void ledger_crash(struct machine *m)
{
	for (u32 i = 0; i < m->ledger.nr_claims; i++) {
		m->ledger.claims[i]->serialized = false;
		m->ledger.claims[i]->state = CLAIM_DONE;
	}
}

/* What is still pending of files never comes. */
static void lose_pending(struct machine *m, bool flbs, const char *why)
{
	struct ledger *l = &m->ledger;
	u32 lost = 0;

	for (u32 i = l->first_claim; i < l->nr_claims; i++) {
		if (l->claims[i]->state != CLAIM_PENDING || l->claims[i]->memory ||
		    (l->claims[i]->flb && !flbs))
			continue;
		l->claims[i]->state = CLAIM_DONE;
		lost += !l->claims[i]->flb && l->claims[i]->promised;
	}
	if (lost)
		judge(m, VIOLATION_LOST, 0, "%u preserved files %s", lost, why);
}

void ledger_deserialized(struct machine *m)
{
	lose_pending(m, false, "are in no session");
}

/* Memory waits for who knows its address, but in a kernel that does not take the handover. */
static void lose_memory(struct machine *m)
{
	struct ledger *l = &m->ledger;
	u32 lost = 0;

	for (u32 i = l->first_claim; i < l->nr_claims; i++) {
		if (l->claims[i]->state != CLAIM_PENDING || !l->claims[i]->memory)
			continue;
		l->claims[i]->state = CLAIM_DONE;
		lost++;
	}
	if (lost)
		judge(m, VIOLATION_LOST, 0, "memory that was preserved %u times did not reach this "
		      "kernel", lost);
}

/* A kernel that does not take the handover loses all that was preserved. */
static void judge_handover(struct machine *m)
{
	if (!is_kho_boot(m))
		lose_memory(m);
	/* An open that fails for ever says so itself. */
	if (m->k->luo.deserialize_err)
		return;
	if (!m->k->luo.incoming.active || !liveupdate_enabled(m))
		lose_pending(m, true, "did not reach this kernel");
}

void ledger_booted(struct machine *m)
{
	judge_handover(m);
	m->ledger.at_boot = m->ledger.now;
	/* The operation that booted it is not to be compared across kernels. */
	m->ledger.at_op = m->ledger.now;
}

int ledger_init(struct machine *m)
{
	/* Zero pages of the reservation, so that frames never touched cost nothing. */
	m->ledger.ghost = arena_alloc_untouched(&m->persist, m->nr_frames * sizeof(struct ghost));
	return m->ledger.ghost ? 0 : -ENOMEM;
}

/* The claims on a frame, as far as @v has room. */
static void name_claims(struct machine *m, struct violation *v)
{
	struct ledger *l = &m->ledger;

	for (u32 i = 0; i < l->nr_claims && v->nr_claims < ARRAY_SIZE(v->claims); i++) {
		const struct claim *claim = l->claims[i];

		/* The frames of earlier kernels' files are others' by now. */
		if (claim->kernel + 1 < m->kernel_nr)
			continue;
		for (u32 e = 0; e < claim->nr_extents; e++) {
			u32 n = v->nr_claims;

			if (v->pfn < claim->extents[e].pfn ||
			    v->pfn >= (u64)claim->extents[e].pfn + claim->extents[e].nr)
				continue;
			v->claims[n].op = claim->op;
			v->claims[n].done_op = claim->done_op;
			v->claims[n].pfn = claim->extents[e].pfn;
			v->claims[n].nr = claim->extents[e].nr;
			v->claims[n].token = claim->token;
			v->claims[n].memory = claim->memory;
			memcpy(v->claims[n].session, claim->session, sizeof(v->claims[n].session));
			v->nr_claims++;
			break;
		}
	}
}

void ledger_reserve(struct ledger *l, u32 nr)
{
	if (nr <= l->max_violations)
		return;
	l->max_violations = 2 * nr;
	l->violations = realloc(l->violations, l->max_violations * sizeof(*l->violations));
	if (!l->violations)
		abort();
}

struct violation *ledger_violation(struct machine *m, enum violation_kind kind, u64 pfn)
{
	struct ledger *l = &m->ledger;
	struct violation *v;

	ledger_reserve(l, l->nr_violations + 1);
	v = &l->violations[l->nr_violations++];
	*v = (struct violation){ .kind = kind, .op = m->task->op, .pfn = pfn };
	if (pfn) {
		v->restored_op = l->ghost[pfn].restored_op;
		name_claims(m, v);
	}
	return v;
}
