/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state as data, for whoever shows it: a walk over what a machine holds, through the
 * lists that kernel and ledger have. Frames that nobody has named cost nothing.
 */
#include <stdio.h>
#include <stdlib.h>

#include "engine/engine.h"
#include "handlers/handlers.h"
#include "machine/machine.h"
#include "search/handover.h"

/* Digests of more contents than this would be what all else takes together. */
#define MAX_DIGEST_PAGES	1024u

/* Frames that lie side by side, as a page cache or a claim has them. */
struct range {
	u32 pfn, nr;
	u32 owner;			/* place of the inode's object + 1, or 0 */
	u32 index;			/* offset in it, in pages */
	u32 order;
	u32 claim;			/* counted from 1, or 0 */
};

struct walk {
	struct machine *m;
	struct machine_state *s;
	struct range *ranges;
	u32 nr, max;
	u32 inodes, nr_inodes;		/* place of the first inode's object, and how many */
	u32 guess;			/* of the next that is looked for */
	const char *last;		/* text that was put, and where */
	u32 last_at;
	u32 session;			/* whose name was put last, of claims */
};

/* ---- Tables ---- */

static const char *const kind_names[NR_STATE_KINDS] = {
	[STATE_KERNEL] = "kernel", [STATE_FILE] = "file", [STATE_FOLIO] = "folio",
	[STATE_SESSION] = "session", [STATE_INODE] = "inode", [STATE_FLB] = "flb",
	[STATE_MODULE] = "module", [STATE_LOCK] = "lock", [STATE_TASK] = "task",
	[STATE_PROCESS] = "process", [STATE_DESCRIPTOR] = "descriptor",
	[STATE_CLAIM] = "claim", [STATE_HANDOVER] = "handover",
};

static const struct state_member members[NR_STATE_KINDS][MAX_STATE_MEMBERS + 1] = {
	[STATE_KERNEL] = {
		{ "release", STATE_TEXT, "its row" },
		{ "policy", STATE_TEXT, "of ownership" },
		{ "image", STATE_FLAG, "kexec has one loaded" },
		{ "finalized", STATE_FLAG, "KHO has written its record of pages (up to 7.0)" },
		{ "liveupdate", STATE_NUMBER, "the number of the live update that led here" },
		{ "deserialized", STATE_FLAG, "the sessions handed over were read" },
		{ "error", STATE_SIGNED, "that reading them ended with" },
		{ "rebooting", STATE_FLAG, "the gate keeps calls out" },
		{ "panicked", STATE_FLAG, "it has stopped for good" },
		{ 0 }
	},
	[STATE_SESSION] = {
		{ "direction", STATE_WORD, "outgoing or incoming" },
		{ "files", STATE_NUMBER, "preserved in it" },
		{ "retrieved", STATE_FLAG, "by name, in this kernel" },
		{ 0 }
	},
	[STATE_FILE] = {
		[FILE_DIRECTION] = { "direction", STATE_WORD, "of its session" },
		[FILE_HANDLER] = { "handler", STATE_TEXT, "its compatible string" },
		[FILE_DATA] = { "data", STATE_HEX, "what the handler hands over" },
		[FILE_RETRIEVE_STATUS] = { "retrieve_status", STATE_SIGNED,
					   "0: not tried, 1: done, or the errno" },
		[FILE_FROZEN] = { "frozen", STATE_FLAG, "for the reboot" },
		[FILE_INODE] = { "inode", STATE_OBJECT, "of the open file, while there is one" },
	},
	[STATE_FOLIO] = {
		[FOLIO_PRESERVED] = { "preserved", STATE_FLAG, "KHO was told by this kernel" },
		[FOLIO_INCOMING] = { "incoming", STATE_FLAG, "handed over and not restored" },
		[FOLIO_RESTORED] = { "restored", STATE_FLAG, "in this kernel" },
		[FOLIO_CLAIMS] = { "claims", STATE_TEXT, "sessions and tokens" },
		[FOLIO_OWNER] = { "owner", STATE_OBJECT, "the inode whose page cache has them" },
		[FOLIO_INDEX] = { "index", STATE_NUMBER, "offset in it, in pages" },
		[FOLIO_PAGES] = { "pages", STATE_NUMBER, "how many frames" },
		[FOLIO_ORDER] = { "order", STATE_NUMBER, "of each folio" },
		[FOLIO_REFERENCES] = { "references", STATE_SIGNED, "to each folio" },
	},
	[STATE_INODE] = {
		{ "size", STATE_NUMBER, "in bytes" },
		{ "cached", STATE_NUMBER, "pages in its page cache" },
		{ "seals", STATE_HEX, "F_SEAL_* mask" },
		{ "frozen", STATE_FLAG, "its mapping is" },
		{ "managed", STATE_FLAG, "the bit of identity inode-flag" },
		{ "references", STATE_SIGNED, "to the inode" },
		{ "digest", STATE_HEX, "of its contents, up to 1024 pages" },
		{ 0 }
	},
	[STATE_FLB] = {
		{ "outgoing", STATE_SIGNED, "files of this kernel that need it" },
		{ "incoming", STATE_SIGNED, "files handed over that need it" },
		{ "retrieve_status", STATE_SIGNED, "0: not tried, 1: done, or the errno" },
		{ "finished", STATE_FLAG, "what was handed over was given up" },
		{ 0 }
	},
	[STATE_MODULE] = {
		{ "references", STATE_SIGNED, "to it" },
		{ "going", STATE_FLAG, "it is being unloaded" },
		{ 0 }
	},
	[STATE_LOCK] = {
		{ "line", STATE_NUMBER, "of the call that holds it" },
		{ "waiting", STATE_NUMBER, "tasks that wait for it" },
		{ 0 }
	},
	[STATE_TASK] = {
		{ "state", STATE_WORD, "ready, sleeps or done" },
		{ "at", STATE_TEXT, "where it gave way" },
		{ "lock", STATE_TEXT, "that this is about" },
		{ "line", STATE_NUMBER, "of the call that it is in" },
		{ 0 }
	},
	[STATE_PROCESS] = {
		{ "exits", STATE_NUMBER, "how often one of its name has ended" },
		{ 0 }
	},
	[STATE_DESCRIPTOR] = {
		{ "file", STATE_TEXT, "what /proc/self/fd/N says" },
		{ "position", STATE_SIGNED, "of the open file" },
		{ "references", STATE_SIGNED, "to the open file" },
		{ 0 }
	},
	[STATE_CLAIM] = {
		[CLAIM_STATE] = { "state", STATE_WORD, "outgoing, pending or incoming" },
		[CLAIM_LINE] = { "line", STATE_NUMBER, "of the call that preserved it" },
		[CLAIM_PRESERVED] = { "preserved", STATE_NUMBER, "its frames that KHO is told of" },
		[CLAIM_HANDED_OVER] = { "incoming", STATE_NUMBER, "its frames not restored yet" },
		[CLAIM_RESTORED] = { "restored", STATE_NUMBER, "its frames that were restored" },
		[CLAIM_PFN] = { "pfn", STATE_HEX, "the first that its handler asked for" },
	},
	[STATE_HANDOVER] = {
		{ "address", STATE_HEX, "where it is" },
		{ "value", STATE_HEX, "of a number" },
		{ "text", STATE_TEXT, "of a string" },
		{ 0 }
	},
};

const char *state_kind_name(enum state_kind kind)
{
	return kind_names[kind];
}

int state_kind_find(const char *name)
{
	for (int i = 0; i < NR_STATE_KINDS; i++)
		if (!strcmp(kind_names[i], name))
			return i;
	return -ENOENT;
}

const struct state_member *state_members(enum state_kind kind)
{
	return members[kind];
}

char *state_object_name(const struct machine_state *s, const struct state_object *o, char *buf,
			size_t size)
{
	const char *name = s->strings + o->name, *blank = *name ? " " : "";
	unsigned long long number = o->number;

	switch (o->kind) {
	case STATE_FILE:
	case STATE_CLAIM:
		snprintf(buf, size, "%s %#llx", name, number);
		break;
	case STATE_FOLIO:
		if (o->member[FOLIO_PAGES] == 1)
			snprintf(buf, size, "%#llx", number);
		else
			snprintf(buf, size, "%#llx-%#llx", number,
				 number + (unsigned long long)o->member[FOLIO_PAGES] - 1);
		break;
	case STATE_KERNEL:
	case STATE_TASK:
	case STATE_INODE:
	case STATE_LOCK:
	case STATE_DESCRIPTOR:
		snprintf(buf, size, "%s%s%llu", name, blank, number);
		break;
	default:
		snprintf(buf, size, "%s", name);
	}
	return buf;
}

/* ---- Memory ---- */

/* Half a state has no meaning. */
static void *room_for(void *array, u32 nr, u32 *max, u64 size)
{
	if (nr <= *max)
		return array;
	*max = max(2 * nr, 64u);
	array = realloc(array, *max * size);
	if (!array)
		abort();
	return array;
}

void machine_state_free(struct machine_state *s)
{
	free(s->objects);
	free(s->strings);
	*s = (struct machine_state){ 0 };
}

/* The text begins here, and may grow for as long as no other is put. */
static u32 put_bytes(struct walk *w, const char *text, u32 len)
{
	struct machine_state *s = w->s;
	u32 at = s->len;

	s->strings = room_for(s->strings, s->len + len + 1, &s->size, 1);
	memcpy(s->strings + at, text, len);
	s->strings[at + len] = '\0';
	s->len += len + 1;
	return at;
}

/* The empty one is the first. */
static u32 put_text(struct walk *w, const char *text)
{
	return text && *text ? put_bytes(w, text, strlen(text)) : 0;
}

/* Go on with the text that was put last. */
static void append_bytes(struct walk *w, const char *text, u32 len)
{
	w->s->len--;
	put_bytes(w, text, len);
}

static void append_hex(struct walk *w, u64 number)
{
	char text[18];
	u32 at = sizeof(text);

	do
		text[--at] = "0123456789abcdef"[number & 15];
	while (number >>= 4);
	text[--at] = 'x';
	text[--at] = '0';
	append_bytes(w, text + at, sizeof(text) - at);
}

/* The same text as last time is there already; names come in runs. */
static u32 put_again(struct walk *w, const char *text)
{
	if (text != w->last || !w->last) {
		w->last = text;
		w->last_at = put_text(w, text);
	}
	return w->last_at;
}

/* It lives until the next one is put. */
static struct state_object *put_object(struct walk *w, enum state_kind kind, u64 key, u32 name,
				       u64 number)
{
	struct machine_state *s = w->s;
	struct state_object *o;

	s->objects = room_for(s->objects, s->nr + 1, &s->max, sizeof(*s->objects));
	o = &s->objects[s->nr++];
	*o = (struct state_object){ .kind = kind, .key = key, .name = name, .number = number };
	return o;
}

#define SET(o, ...) do {							\
	const u64 __values[] = { __VA_ARGS__ };					\
	memcpy((o)->member, __values, sizeof(__values));			\
} while (0)

/* ---- The kernel, processes, tasks ---- */

static void take_kernel(struct walk *w)
{
	const struct machine *m = w->m;
	const struct kernel *k = m->k;
	u32 release = put_text(w, k->boot.release.name);
	u32 policy = put_text(w, k->boot.release.policy.name);

	SET(put_object(w, STATE_KERNEL, 0, 0, m->kernel_nr), release, policy, k->kexec.loaded,
	    k->kho.finalized, k->luo.liveupdate_num, k->luo.is_deserialized,
	    (s64)k->luo.deserialize_err, k->luo.rebooting, m->panicked);
}

static void take_processes(struct walk *w)
{
	struct process *p;
	u64 key = 0;

	list_for_each_entry(p, &w->m->k->processes, list)
		SET(put_object(w, STATE_PROCESS, key++, put_text(w, p->comm), 0), p->exits);
}

static void take_tasks(struct walk *w)
{
	static const char *const states[] = { "ready", "sleeps", "done" };
	struct machine *m = w->m;

	for (u32 id = 1; id <= m->nr_tasks; id++) {
		const struct task *task = task_of(m, id);
		u32 state = put_text(w, states[task->state]);
		u32 at = put_text(w, task->at), lock = put_text(w, task->at_lock);

		SET(put_object(w, STATE_TASK, id, 0, id), state, at, lock, task->op);
	}
}

static void take_locks(struct walk *w)
{
	struct machine *m = w->m;

	for (u32 id = 0; id <= m->nr_tasks; id++) {
		const struct task *task = task_of(m, id);

		for (u32 i = 0; i < task->nr_held; i++) {
			const struct held_lock *held = &task->held[i];
			u32 name = put_text(w, m->lock_class[held->class].name);
			u64 waiting = 0;

			for (u32 other = 1; other <= m->nr_tasks; other++)
				waiting += task_of(m, other)->waits_for == held->lock;
			SET(put_object(w, STATE_LOCK, (u64)id << 32 | held->class, name, id),
			    task->op, waiting);
		}
	}
}

/* ---- Inodes and open files ---- */

static void take_inode(struct walk *w, u32 fs, struct inode *inode)
{
	u64 digest = 0;

	if (inode->i_mapping.nrpages && inode->i_mapping.nrpages <= MAX_DIGEST_PAGES)
		digest = inode_hash(w->m, inode);
	SET(put_object(w, STATE_INODE, (u64)fs << 56 | inode->i_ino, 0, inode->i_ino),
	    inode->i_size, inode->i_mapping.nrpages, inode->seals,
	    inode->flags & SHMEM_F_MAPPING_FROZEN, inode->luo_managed, (s64)inode->i_count,
	    digest);
}

static void add_range(struct walk *w, struct range range)
{
	struct range *last = w->nr ? &w->ranges[w->nr - 1] : NULL;

	if (last && last->claim == range.claim && last->owner == range.owner &&
	    last->order == range.order && last->pfn + last->nr == range.pfn &&
	    (range.claim || last->index + last->nr == range.index)) {
		last->nr += range.nr;
		return;
	}
	w->ranges = room_for(w->ranges, w->nr + 1, &w->max, sizeof(*w->ranges));
	w->ranges[w->nr++] = range;
}

static void cached_ranges(struct walk *w, struct inode *inode, u32 owner)
{
	struct folio *folio;
	u64 at = 0;

	if (!inode->i_mapping.nrpages)
		return;
	while ((folio = filemap_next_folio(w->m, &inode->i_mapping, &at, UINT64_MAX))) {
		u64 start = folio_start(folio, at);

		add_range(w, (struct range){
			.pfn = folio_pfn(w->m, folio), .nr = folio_nr_pages(folio),
			.owner = owner, .index = start, .order = folio_order(folio) });
		at = start + folio_nr_pages(folio);
	}
}

/* Those with contents; of device nodes and the like there is no end. */
static void take_inodes_of(struct walk *w, struct super_block *sb)
{
	struct inode *inode;

	list_for_each_entry(inode, &sb->s_inodes, i_sb_list) {
		if (!inode->is_shmem && !inode->is_hugetlb && !inode->has_pages)
			continue;
		take_inode(w, sb_dev(w->m, sb), inode);
		cached_ranges(w, inode, w->s->nr);
	}
}

static void take_inodes(struct walk *w)
{
	struct mount *mnt;

	w->inodes = w->s->nr;
	for (u32 fs = 0; fs < NR_FS; fs++)
		take_inodes_of(w, &w->m->k->fs.sb[fs]);
	list_for_each_entry(mnt, &w->m->k->fs.mounts, mnt_list)
		take_inodes_of(w, &mnt->mnt_sb);
	w->nr_inodes = w->s->nr - w->inodes;
}

static struct state_object *inode_object(struct walk *w, const struct inode *inode)
{
	u64 key = (u64)sb_dev(w->m, inode->i_sb) << 56 | inode->i_ino;

	if (!inode->is_shmem && !inode->is_hugetlb && !inode->has_pages)
		return NULL;
	/* Mostly files come in the order of their inodes. */
	for (u32 i = 0; i < w->nr_inodes; i++) {
		u32 at = (w->guess + i) % w->nr_inodes;

		if (w->s->objects[w->inodes + at].key == key) {
			w->guess = at + 1;
			return &w->s->objects[w->inodes + at];
		}
	}
	return NULL;
}

/* "memfd:guest", once an open file tells. */
static const struct state_object *name_inode(struct walk *w, const struct file *file)
{
	struct state_object *o = inode_object(w, file_inode(file));
	char path[512];
	const char *name = path;
	u32 len;

	if (!o || o->name)
		return o;
	d_path(w->m, file->f_dentry, path, sizeof(path));
	if (!*name)
		return o;
	name += *name == '/';
	len = strlen(name);
	if (len >= 10 && !memcmp(name + len - 10, " (deleted)", 10))
		len -= 10;
	if (len)
		o->name = put_bytes(w, name, len);
	return o;
}

/* In a race a descriptor may lead to what was freed. */
static bool is_whole(const struct file *file)
{
	return file && !freed_by(file) && file->f_inode && file->f_dentry;
}

static void take_descriptor(struct walk *w, const struct process *p, u32 fd,
			    const struct file *file)
{
	u32 name = put_again(w, p->comm), link;
	char path[512];
	u64 key = fd;

	d_path(w->m, file->f_dentry, path, sizeof(path));
	link = put_text(w, path);
	name_inode(w, file);
	for (const char *c = p->comm; *c; c++)
		key = key * 31 + *c;
	SET(put_object(w, STATE_DESCRIPTOR, key << 24 | fd, name, fd), link, file->f_pos,
	    (s64)file->f_count);
}

static void take_descriptors(struct walk *w)
{
	const struct process *p;

	list_for_each_entry(p, &w->m->k->processes, list)
		for (u32 fd = 0; fd < p->files.max_fds; fd++)
			if (is_whole(p->files.fd[fd]))
				take_descriptor(w, p, fd, p->files.fd[fd]);
}

/* ---- Sessions ---- */

/* Told apart by their address: a name may come again. */
static u64 key_of(const struct walk *w, const void *object)
{
	return object_id(w->m, object);
}

static const char *direction(const struct walk *w, const struct luo_session_header *sh)
{
	return sh == &w->m->k->luo.incoming ? "incoming" : "outgoing";
}

static void take_sessions(struct walk *w, const struct luo_session_header *sh)
{
	const u32 towards = put_text(w, direction(w, sh));
	const struct luo_session *session;

	list_for_each_entry(session, &sh->list, list)
		SET(put_object(w, STATE_SESSION, key_of(w, session), put_text(w, session->name), 0),
		    towards, session->file_set.count, session->retrieved);
}

/* Of a tree's session the ledger knows which files it has, and by them its direction. */
static void take_tree_session(struct walk *w, const struct file *file, const char *name)
{
	const struct ledger *l = &w->m->ledger;
	const char *towards = NULL;
	u64 files = 0;
	u32 text;

	for (u32 i = 0; i < l->nr_claims; i++) {
		const struct claim *claim = l->claims[i];

		if ((claim->state != CLAIM_OUTGOING && claim->state != CLAIM_INCOMING) ||
		    strcmp(claim->session, name))
			continue;
		towards = claim->state == CLAIM_OUTGOING ? "outgoing" : "incoming";
		files++;
	}
	text = put_text(w, towards);
	SET(put_object(w, STATE_SESSION, key_of(w, file), put_text(w, name), 0), text, files);
}

/* The sessions of a tree's kernel are its own; those that a descriptor leads to can be told. */
static void take_tree_sessions(struct walk *w)
{
	const u32 first = w->s->nr;
	const struct process *p;

	list_for_each_entry(p, &w->m->k->processes, list)
		for (u32 fd = 0; fd < p->files.max_fds; fd++) {
			const struct file *file = p->files.fd[fd];
			const char *name = is_whole(file) ? tree_session_name(file) : NULL;
			u32 i = first;

			while (name && i < w->s->nr && w->s->objects[i].key != key_of(w, file))
				i++;
			if (name && i == w->s->nr)
				take_tree_session(w, file, name);
		}
}

static void take_files(struct walk *w, const struct luo_session_header *sh)
{
	const u32 towards = put_text(w, direction(w, sh));
	const struct luo_session *session;
	const struct liveupdate_file_handler *fh = NULL;
	const struct luo_file *f;
	u32 compatible = 0;

	list_for_each_entry(session, &sh->list, list)
		list_for_each_entry(f, &session->file_set.files_list, list) {
			const struct state_object *inode = NULL;
			u32 name = put_again(w, session->name);
			u32 handler = f->fh == fh ? compatible : put_text(w, f->fh->compatible);

			fh = f->fh;
			compatible = handler;

			if (is_whole(f->file))
				inode = name_inode(w, f->file);
			SET(put_object(w, STATE_FILE, key_of(w, f), name, f->token), towards,
			    handler, f->serialized_data, (s64)f->retrieve_status, f->frozen,
			    inode ? inode - w->s->objects + 1 : 0);
		}
}

static void take_flbs(struct walk *w)
{
	const struct liveupdate_flb *flb;

	list_for_each_entry(flb, &w->m->k->luo.flbs, list)
		SET(put_object(w, STATE_FLB, key_of(w, flb), put_text(w, flb->compatible), 0),
		    flb->outgoing.count, flb->incoming.count, (s64)flb->incoming.retrieve_status,
		    flb->incoming.finished);
}

static void take_modules(struct walk *w)
{
	const struct handlers *h = w->m->k->handlers;
	u32 nr = min(w->m->config.nr_scripts, MAX_SCRIPTS);

	for (u32 i = 0; h && i < nr; i++)
		if (h->scripted[i])
			SET(put_object(w, STATE_MODULE, i,
				       put_text(w, h->scripted[i]->module.name), 0),
			    h->scripted[i]->module.refcnt, h->scripted[i]->module.going);
}

/* ---- Claims and frames ---- */

static bool is_restored(const struct machine *m, const struct claim *claim, u64 pfn)
{
	return claim->kernel < m->kernel_nr && m->ledger.ghost[pfn].restored &&
	       m->memmap[pfn].refcount > 0;
}

/* Is the frame still of interest for that claim? Nothing else frees what lies stranded. */
static bool is_held(const struct machine *m, const struct claim *claim, u64 pfn)
{
	if (m->memmap[pfn].flags & PG_INCOMING)
		return claim->kernel < m->kernel_nr;
	if (claim->state == CLAIM_DONE)
		return false;
	/* What was lost on the way may be the new kernel's own by now. */
	return claim->kernel == m->kernel_nr ? m->ledger.ghost[pfn].preserved :
					       is_restored(m, claim, pfn);
}

/* Claims come in runs of one session. */
static u32 put_session(struct walk *w, const struct claim *claim)
{
	const char *last = w->s->strings + w->session;
	u32 len = strnlen(claim->session, sizeof(claim->session));

	if (strncmp(last, claim->session, len) || last[len])
		w->session = put_bytes(w, claim->session, len);
	return w->session;
}

static void take_claim(struct walk *w, u32 nr)
{
	static const char *const states[] = { "outgoing", "pending", "incoming", "done" };
	const struct machine *m = w->m;
	const struct claim *claim = m->ledger.claims[nr - 1];
	u64 preserved = 0, incoming = 0, restored = 0;
	u32 session, state;

	for (u32 e = 0; e < claim->nr_extents; e++)
		for (u32 i = 0; i < claim->extents[e].nr; i++) {
			u32 pfn = claim->extents[e].pfn + i;

			if (!is_held(m, claim, pfn))
				continue;
			preserved += m->ledger.ghost[pfn].preserved;
			incoming += !!(m->memmap[pfn].flags & PG_INCOMING);
			restored += is_restored(m, claim, pfn);
			add_range(w, (struct range){ .pfn = pfn, .nr = 1, .claim = nr });
		}
	if (claim->state == CLAIM_DONE)
		return;
	session = put_session(w, claim);
	state = put_again(w, states[claim->state]);
	SET(put_object(w, STATE_CLAIM, nr, session, claim->token), state, claim->op, preserved,
	    incoming, restored,
	    claim->data < claim->nr_extents ? claim->extents[claim->data].pfn : 0);
}

/* Of claims that are over only those of the kernel before can have left anything. */
static void take_claims(struct walk *w)
{
	const struct ledger *l = &w->m->ledger;

	for (u32 i = 0; i < l->nr_claims; i++)
		if (l->claims[i]->state != CLAIM_DONE ||
		    l->claims[i]->kernel + 1 == w->m->kernel_nr)
			take_claim(w, i + 1);
}

static int compare_ranges(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	if (x->pfn != y->pfn)
		return x->pfn < y->pfn ? -1 : 1;
	return x->claim < y->claim ? -1 : x->claim > y->claim;
}

/* How many of the ranges from @from on are in order. */
static u32 run_of(const struct walk *w, u32 from)
{
	u32 i = from + 1;

	while (i < w->nr && compare_ranges(&w->ranges[i - 1], &w->ranges[i]) <= 0)
		i++;
	return min(i, w->nr) - from;
}

/* Mostly page caches are in order, and so are claims behind them. */
static void sort_ranges(struct walk *w)
{
	u32 first = run_of(w, 0), i = 0, j = first;
	struct range *merged;

	if (first == w->nr)
		return;
	if (first + run_of(w, first) < w->nr) {
		qsort(w->ranges, w->nr, sizeof(*w->ranges), compare_ranges);
		return;
	}
	merged = room_for(NULL, w->nr, &(u32){ 0 }, sizeof(*merged));
	for (u32 nr = 0; nr < w->nr; nr++)
		if (j == w->nr || (i < first && compare_ranges(&w->ranges[i], &w->ranges[j]) <= 0))
			merged[nr] = w->ranges[i++];
		else
			merged[nr] = w->ranges[j++];
	free(w->ranges);
	w->ranges = merged;
}

/* All that tells frames apart, but for whose they are. */
static u64 look_of(const struct machine *m, u64 pfn)
{
	const struct page *page = &m->memmap[pfn];
	const struct ghost *ghost = &m->ledger.ghost[pfn];

	return (page->flags & PG_INCOMING ? 1 : 0) | (u64)ghost->preserved << 1 |
	       (u64)ghost->restored << 2 | (u64)(u32)page->refcount << 32;
}

/* Append to the list at @claims, or begin one. There may be very many of these. */
static u32 add_claim(struct walk *w, u32 claims, const struct claim *claim)
{
	u32 len = strnlen(claim->session, sizeof(claim->session));

	if (claims) {
		append_bytes(w, ", ", 2);
		append_bytes(w, claim->session, len);
	} else {
		claims = put_bytes(w, claim->session, len);
	}
	append_bytes(w, " ", 1);
	append_hex(w, claim->token);
	return claims;
}

/* Frames from @pfn to @end, which the @nr ranges at @active have. */
static void take_folio(struct walk *w, const struct range *active, u32 nr, u64 pfn, u64 end)
{
	const struct machine *m = w->m;
	const struct range *owner = NULL;
	u32 claims = 0;

	for (u32 i = 0; i < nr; i++) {
		if (!active[i].claim) {
			owner = &active[i];
			continue;
		}
		claims = add_claim(w, claims, m->ledger.claims[active[i].claim - 1]);
	}
	SET(put_object(w, STATE_FOLIO, pfn, 0, pfn), m->ledger.ghost[pfn].preserved,
	    !!(m->memmap[pfn].flags & PG_INCOMING), m->ledger.ghost[pfn].restored, claims,
	    owner ? owner->owner : 0,
	    owner ? owner->index + (pfn - owner->pfn) : 0, end - pfn,
	    owner ? owner->order : m->memmap[pfn].order, (s64)m->memmap[pfn].refcount);
}

/* The same whose they are from @pfn to @end, they may look otherwise. */
static void split_folios(struct walk *w, const struct range *active, u32 nr, u64 pfn, u64 end)
{
	const struct machine *m = w->m;
	u64 from = pfn, look = look_of(m, pfn);

	for (u64 at = pfn + 1; at < end; at++) {
		if (m->memmap[at].flags & PG_TAIL || look_of(m, at) == look)
			continue;
		take_folio(w, active, nr, from, at);
		from = at;
		look = look_of(m, at);
	}
	take_folio(w, active, nr, from, end);
}

/* Drop those of the @nr ranges that end at @pfn; how many are left. */
static u32 drop_ended(struct range *active, u32 nr, u64 pfn)
{
	u32 left = 0;

	for (u32 i = 0; i < nr; i++)
		if ((u64)active[i].pfn + active[i].nr > pfn)
			active[left++] = active[i];
	return left;
}

/* Where ranges overlap, frames have several who claim them. */
static void take_folios(struct walk *w)
{
	struct range *active = NULL;
	u32 nr = 0, max_active = 0;
	u64 pfn = 0;

	sort_ranges(w);
	for (u32 i = 0; i < w->nr || nr; ) {
		u64 end = i < w->nr ? w->ranges[i].pfn : UINT64_MAX;

		if (nr) {
			for (u32 j = 0; j < nr; j++)
				end = min(end, (u64)active[j].pfn + active[j].nr);
			if (end > pfn)
				split_folios(w, active, nr, pfn, end);
			nr = drop_ended(active, nr, end);
		}
		pfn = end;
		while (i < w->nr && w->ranges[i].pfn == pfn) {
			active = room_for(active, nr + 1, &max_active, sizeof(*active));
			active[nr++] = w->ranges[i++];
		}
	}
	free(active);
}

/* ---- The handover ---- */

static void take_field(void *data, const char *path, const struct handover_place *place)
{
	struct walk *w = data;
	char text[65] = "";
	u32 name, string;

	if (place->bytes)
		phys_read(w->m, place->phys, text, min(place->bytes, 64u));
	name = put_text(w, path);
	string = put_text(w, text);
	SET(put_object(w, STATE_HANDOVER, w->s->nr, name, 0), place->phys,
	    place->bits ? place_read(w->m, place) : 0, string);
}

/* ---- All of it ---- */

static void take_all(struct walk *w)
{
	const struct luo *luo = &w->m->k->luo;

	take_sessions(w, &luo->outgoing);
	take_sessions(w, &luo->incoming);
	if (w->m->k->boot.release.tree)
		take_tree_sessions(w);
	take_inodes(w);
	take_files(w, &luo->outgoing);
	take_files(w, &luo->incoming);
	take_flbs(w);
	take_modules(w);
	take_locks(w);
	take_tasks(w);
	take_processes(w);
	take_descriptors(w);
}

void machine_state_take(struct machine *m, struct machine_state *s, bool handover)
{
	struct walk w = { .m = m, .s = s };

	s->nr = 0;
	s->len = 0;
	s->stopped = m->panicked;
	put_bytes(&w, "", 0);
	take_kernel(&w);
	/* A kernel that stopped may be half built, or half taken apart. */
	if (!m->panicked)
		take_all(&w);
	take_claims(&w);
	if (!m->panicked)
		take_folios(&w);
	if (handover && !m->panicked)
		handover_each(m, take_field, &w);
	free(w.ranges);
}
