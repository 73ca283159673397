/* SPDX-License-Identifier: GPL-2.0-only */
/* What makes a state of a machine, see walk.h. */
#include <dlfcn.h>
#include <stdlib.h>
#include <xxhash.h>

#include "handlers/handlers.h"
#include "kernel/liveupdate/kho_track.h"
#include "machine/machine.h"
#include "policy/share.h"
#include "search/walk.h"

#define MAX_CONTENTS	64u
#define MAX_SLOTS	64u
#define CODES		256u	/* addresses of code that are remembered */
#define MAX_CHUNKS	8u	/* of an area in a damaged handover */

struct machine_walk {
	struct machine *m;
	const struct machine_view *view;
	struct file *slots[MAX_SLOTS];	/* what the view's descriptors stand for, or NULL */
	u32 nr_slots;
	bool refers;			/* some of them to others */
	bool dangles;			/* something refers to a free frame */
	bool outgoing;			/* the walk is at a file that this kernel hands over */
	u64 *out;
	u32 nr, max;
	struct code {
		const void *at;
		u64 id;
	} codes[CODES];
	/* Numbers given in this walk: epoch << 32 | number, by address, frame and claim. */
	u64 *objects, *frames, *claims;
	u64 *inodes;		/* of the old kernel, by the first claim on each */
	u64 nr_objects, nr_frames, nr_claims, nr_inodes;
	u64 epoch;
	u32 next;
	u32 base;		/* numbers from here on mean nothing outside of a part */
	u32 settled, floor;	/* those between were given on trial, and are given no more */
	u64 contents[MAX_CONTENTS];
	u32 nr_contents;
	struct tree_object **tree_objects;	/* engine/walk.c's */
	u32 nr_tree_objects, max_tree_objects;
};

struct machine_walk *machine_walk_new(void)
{
	return calloc(1, sizeof(struct machine_walk));
}

bool machine_walk_dangles(const struct machine_walk *w)
{
	return w->dangles;
}

void machine_walk_free(struct machine_walk *w)
{
	if (!w)
		return;
	free(w->out);
	free(w->objects);
	free(w->frames);
	free(w->claims);
	free(w->inodes);
	free(w->tree_objects);
	free(w);
}

/* Host memory that is missing ends the program: half a walk has no meaning. */
static void *grown(void *old, u64 bytes)
{
	void *new = realloc(old, bytes);

	if (!new)
		abort();
	return new;
}

static __attribute__((noinline)) void make_room(struct machine_walk *w)
{
	w->max = w->max ? 2 * w->max : 256;
	w->out = grown(w->out, w->max * sizeof(*w->out));
}

/* In line, as there are some hundred words in a state. */
static inline void put_word(struct machine_walk *w, u64 word)
{
	if (w->nr == w->max)
		make_room(w);
	w->out[w->nr++] = word;
}

void walk_put(struct machine_walk *w, u64 word)
{
	put_word(w, word);
}

/* The object of which it is a part, and where in that: the same in every process. */
static u64 code_id(const void *at)
{
	Dl_info info;
	const char *name;

	if (!at || !dladdr(at, &info) || !info.dli_fname)
		return (uintptr_t)at;
	name = strrchr(info.dli_fname, '/');
	name = name ? name + 1 : info.dli_fname;
	return XXH3_64bits_withSeed(name, strlen(name),
				    (const char *)at - (const char *)info.dli_fbase);
}

u64 walk_code(struct machine_walk *w, const void *at)
{
	struct code *code = &w->codes[((uintptr_t)at >> 4) % CODES];

	if (code->at != at)
		*code = (struct code){ .at = at, .id = code_id(at) };
	return code->id;
}

struct tree_object **walk_objects_reserve(struct machine_walk *w, u32 nr)
{
	if (nr > w->max_tree_objects) {
		w->max_tree_objects = 2 * nr;
		w->tree_objects = grown(w->tree_objects,
					w->max_tree_objects * sizeof(*w->tree_objects));
	}
	w->nr_tree_objects = nr;
	return w->tree_objects;
}

struct tree_object **walk_objects(const struct machine_walk *w, u32 *nr)
{
	*nr = w->nr_tree_objects;
	return w->tree_objects;
}

static void fit(u64 **stamps, u64 *nr, u64 need)
{
	if (need <= *nr)
		return;
	need *= 2;
	*stamps = grown(*stamps, need * sizeof(**stamps));
	memset(*stamps + *nr, 0, (need - *nr) * sizeof(**stamps));
	*nr = need;
}

static u32 as_if_untried(const struct machine_walk *w, u32 number)
{
	return w->floor && number >= w->floor ? number - w->floor + w->settled : number;
}

/* Put the number of what @stamp belongs to; true when the walk reaches it for the first time. */
static bool put_number(struct machine_walk *w, u64 *stamp)
{
	u32 number = (u32)*stamp;
	bool first = *stamp >> 32 != w->epoch || (number >= w->settled && number < w->floor);

	if (first) {
		number = w->next++;
		*stamp = w->epoch << 32 | number;
	}
	number = as_if_untried(w, number);
	put_word(w, number < w->base ? 1 + number : ~(u64)(number - w->base));
	return first;
}

static u64 *object_stamp(struct machine_walk *w, const void *object)
{
	return &w->objects[object_id(w->m, object)];
}

static bool is_numbered(struct machine_walk *w, const void *object)
{
	u64 stamp = *object_stamp(w, object);

	return stamp >> 32 == w->epoch && ((u32)stamp < w->settled || (u32)stamp >= w->floor);
}

/* Before anything was tried. */
static bool is_settled(struct machine_walk *w, const void *object)
{
	u64 stamp = *object_stamp(w, object);

	return stamp >> 32 == w->epoch && (u32)stamp < w->settled;
}

bool walk_object(struct machine_walk *w, const void *object)
{
	if (!object) {
		put_word(w, 0);
		return false;
	}
	return put_number(w, object_stamp(w, object));
}

/* What reads alike is alike: contents are told apart, not named. */
static void put_content(struct machine_walk *w, u64 hash)
{
	u32 i = 0;

	if (!hash || w->view->contents) {
		put_word(w, hash);
		return;
	}
	while (i < w->nr_contents && w->contents[i] != hash)
		i++;
	if (i == w->nr_contents && i < MAX_CONTENTS)
		w->contents[w->nr_contents++] = hash;
	put_word(w, i < MAX_CONTENTS ? 1 + i : hash);
}

/* Claims and frames. */

static const struct claim *claim_on(const struct machine *m, u64 pfn)
{
	u32 nr = m->ledger.ghost[pfn].claim;

	return nr ? m->ledger.claims[nr - 1] : NULL;
}

/* Frames of a claim that is over, and that nobody can free: see judge.c. */
static bool is_stranded(const struct machine *m, u64 pfn)
{
	const struct claim *claim = claim_on(m, pfn);

	return claim && m->memmap[pfn].flags & PG_INCOMING && claim->state == CLAIM_DONE &&
	       claim->kernel + 1 == m->kernel_nr;
}

/* Does the frame wait for who takes it over, or for one more who does? */
static bool is_handed_over(const struct machine *m, u64 pfn)
{
	const u32 *waiting = xa_load(&m->k->kho.counts_in, pfn);

	return m->memmap[pfn].flags & PG_INCOMING || (waiting && *waiting);
}

static bool has_frame(const struct claim *claim, u64 pfn)
{
	for (u32 e = 0; e < claim->nr_extents; e++)
		if (pfn - claim->extents[e].pfn < claim->extents[e].nr)
			return true;
	return false;
}

/* Was the frame taken over, and is there still somebody else who would? */
static bool is_restored(const struct machine *m, u64 pfn)
{
	const struct ledger *l = &m->ledger;

	if (!l->ghost[pfn].restored)
		return false;
	for (u32 i = l->first_claim; i < l->nr_claims; i++) {
		const struct claim *claim = l->claims[i];

		if (claim->state != CLAIM_DONE && !claim->judged &&
		    claim->kernel < m->kernel_nr && has_frame(claim, pfn))
			return true;
	}
	return false;
}

/* Is what lies there still what the file that the walk is at says? */
static bool is_kept(const struct machine_walk *w, u64 pfn)
{
	if (!pfn_valid(w->m, pfn))
		return false;
	return w->outgoing ? w->m->ledger.ghost[pfn].preserved : is_handed_over(w->m, pfn);
}

/* May whose it is make a difference? A frame that was taken over and used again is others'. */
static bool is_claimed(const struct machine *m, u64 pfn)
{
	const struct claim *claim = claim_on(m, pfn);

	return claim && claim->state != CLAIM_DONE &&
	       (claim->kernel == m->kernel_nr || is_handed_over(m, pfn));
}

static void put_counts(struct machine_walk *w, u64 pfn)
{
	const u32 *out = xa_load(&w->m->k->kho.counts, pfn);
	const u32 *in = xa_load(&w->m->k->kho.counts_in, pfn);

	/* struct kho_count: what is left, and what it began with. */
	put_word(w, (out ? *out : 0) | (u64)(in ? in[0] : 0) << 16 | (u64)(in ? in[1] : 0) << 32);
}

bool walk_frame(struct machine_walk *w, u64 pfn)
{
	struct machine *m = w->m;
	const struct ghost *ghost;
	const struct page *page;
	union kho_page_info info;

	if (!pfn_valid(m, pfn) || !pfn) {
		put_word(w, UINT64_MAX - pfn);
		return false;
	}
	fit(&w->frames, &w->nr_frames, pfn + 1);
	if (!put_number(w, &w->frames[pfn]))
		return false;
	page = &m->memmap[pfn];
	ghost = &m->ledger.ghost[pfn];
	w->dangles |= !page->refcount && page_is_free(m, pfn);
	info.page_private = page->flags & PG_BUDDY ? 0 : page->private;
	put_word(w, (page->flags & 0xff & ~(PG_BUDDY | PG_SCRAMBLED)) |
		 (u64)!!(page->flags & PG_UNTAGGED) << 19 |
		 (u64)(info.magic == KHO_PAGE_MAGIC) << 8 | (u64)(info.order & 0x7f) << 9 |
		 (u64)is_restored(m, pfn) << 16 | (u64)ghost->preserved << 17 |
		 (u64)is_stranded(m, pfn) << 18 | (u64)page->refcount << 32);
	put_word(w, page->refcount ? page->order | (u64)page->index << 8 |
		 (u64)page->memcg << 40 : 0);
	/* An order that is none does not fit above. */
	if (w->view->damaged)
		put_word(w, info.page_private);
	if (m->k->boot.release.policy.restore == RESTORE_REFCOUNT)
		put_counts(w, pfn);
	if (is_claimed(m, pfn))
		put_number(w, &w->claims[ghost->claim]);
	else
		put_word(w, 0);
	/* Whose bytes it held, of which nobody asks when it has been taken over. */
	if (!is_handed_over(m, pfn))
		put_word(w, 0);
	else if (ghost->data && ghost->data != DATA_ALIASED)
		put_number(w, &w->inodes[ghost->data]);
	else
		put_word(w, ghost->data);
	return true;
}

/* Memory that was handed over, which damage may have led outside. */
static bool walk_read(struct machine_walk *w, phys_addr_t phys, void *buf, u64 len)
{
	if (!phys_valid(w->m, phys, len))
		return false;
	phys_read(w->m, phys, buf, len);
	return true;
}

/* All that a page holds, where it is not known to be what a claim says. */
static void put_page(struct machine_walk *w, phys_addr_t phys)
{
	put_word(w, phys);
	if (pfn_valid(w->m, PHYS_PFN(phys)))
		put_word(w, phys_hash(w->m, phys & PAGE_MASK, PAGE_SIZE, 0));
}

static void put_chunks(struct machine_walk *w, phys_addr_t chunk)
{
	for (u64 nr = 0; chunk && nr < MAX_CHUNKS; nr++) {
		put_page(w, chunk);
		if (!walk_read(w, chunk, &chunk, sizeof(chunk)))
			return;
	}
}

void walk_words(struct machine_walk *w, phys_addr_t phys, u64 nr)
{
	u64 word;

	for (u64 i = 0; i < nr && walk_read(w, phys + i * sizeof(word), &word, sizeof(word)); i++)
		put_word(w, word);
}

void walk_vmalloc(struct machine_walk *w, const struct kho_vmalloc *vmalloc, u64 nr, u64 size,
		  void (*put)(struct machine_walk *w, const void *entry))
{
	const u64 per_page = PAGE_SIZE / size;
	u64 entry[8], phys;

	/* What was restored is others' memory by now. */
	if (!is_kept(w, PHYS_PFN(vmalloc->first)) && !w->view->damaged) {
		put_word(w, 0);
		return;
	}
	put_word(w, (u64)vmalloc->total_pages << 32 | vmalloc->flags | (u64)vmalloc->order << 16);
	walk_frame(w, PHYS_PFN(vmalloc->first));
	if (w->view->damaged)
		put_chunks(w, vmalloc->first);
	nr = min(nr, min(vmalloc->total_pages, KHO_VMALLOC_SIZE) * per_page);
	for (u64 i = 0; i < nr; i++) {
		if (!walk_read(w, vmalloc->first + sizeof(phys) + i / per_page * sizeof(phys),
			       &phys, sizeof(phys)) ||
		    !walk_read(w, phys + i % per_page * size, entry, size))
			return;
		put(w, entry);
	}
}

/* What was taken over from another kernel may be others' since. */
static void put_extents(struct machine_walk *w, const struct claim *claim)
{
	for (u32 e = 0; e < claim->nr_extents && claim->state != CLAIM_DONE; e++)
		for (u32 i = 0; i < claim->extents[e].nr; i++)
			if (claim->kernel == w->m->kernel_nr ||
			    is_handed_over(w->m, claim->extents[e].pfn + i))
				walk_frame(w, claim->extents[e].pfn + i);
	put_word(w, UINT64_MAX);
}

static void put_claim(struct machine_walk *w, u32 nr)
{
	const struct claim *claim;

	if (!nr) {
		put_word(w, 0);
		return;
	}
	claim = w->m->ledger.claims[nr - 1];
	put_number(w, &w->claims[nr]);
	if (claim->object)
		put_number(w, &w->inodes[claim->object]);
	put_word(w, claim->state | (u64)claim->judged << 8 |
		 (u64)(w->m->kernel_nr - claim->kernel) << 16 | (u64)claim->seals << 32);
	put_word(w, claim->f_mode | (u64)claim->i_mode << 32);
	put_word(w, claim->name);
	put_word(w, claim->size);
	put_word(w, claim->pos);
	put_content(w, claim->hash);
	put_extents(w, claim);
}

void walk_claim(struct machine_walk *w, const struct claim *claim)
{
	const struct ledger *l = &w->m->ledger;
	u32 nr = 0;

	while (l->claims[nr++] != claim)
		;
	put_word(w, XXH3_64bits(claim->session, strlen(claim->session)));
	put_word(w, claim->token);
	put_claim(w, nr);
}

void walk_claim_nr(struct machine_walk *w, u32 nr)
{
	walk_claim(w, w->m->ledger.claims[nr - 1]);
}

void walk_memory_claims(struct machine_walk *w, u32 memory, u64 pfn)
{
	const struct ledger *l = &w->m->ledger;

	for (u32 i = l->first_claim; i < l->nr_claims; i++) {
		if (l->claims[i]->memory != memory || l->claims[i]->state == CLAIM_DONE)
			continue;
		put_word(w, l->ghost[pfn].restored);
		walk_claim(w, l->claims[i]);
	}
}

/* Claims that no file of a session has: what became of them, in numbers. */
static void put_lost_claims(struct machine_walk *w)
{
	const struct ledger *l = &w->m->ledger;
	u64 waiting = 0, stranded = 0;

	for (u32 i = 0; i < l->nr_claims; i++) {
		const struct claim *claim = l->claims[i];

		if (claim->state != CLAIM_DONE)
			waiting += w->claims[i + 1] >> 32 != w->epoch;
		/* Of several claims on a frame it is the first that counts. */
		for (u32 e = 0; e < claim->nr_extents; e++)
			for (u32 j = 0; j < claim->extents[e].nr; j++)
				stranded += claim_on(w->m, claim->extents[e].pfn + j) == claim &&
					    is_stranded(w->m, claim->extents[e].pfn + j);
	}
	put_word(w, waiting << 32 | stranded);
}

/* Files and inodes. */

/* Is the object in the table of the policy? */
static void put_managed(struct machine_walk *w, const void *object)
{
	const struct xarray *table = &w->m->k->luo.preserved_files;

	put_word(w, (table->root || table->single) && xa_load(table, object_id(w->m, object)));
}

static void put_inode_words(struct machine_walk *w, struct inode *inode)
{
	struct machine *m = w->m;
	struct folio *folio;

	put_word(w, inode->i_size);
	put_word(w, inode->flags | (u64)inode->seals << 8 | (u64)inode->luo_managed << 24 |
		 (u64)inode->i_mode << 32 | (u64)inode->i_uid << 48);
	put_word(w, inode->i_nlink | (u64)inode->i_count << 32);
	put_word(w, inode->i_mapping.nrpages | inode->fallocend << 32);
	put_word(w, inode->alloced | inode->i_blocks << 32);
	put_managed(w, inode);
	if (inode->i_mapping.nrpages)
		put_content(w, inode_hash(m, inode));
	for (u64 at = 0; (folio = filemap_next_folio(m, &inode->i_mapping, &at, UINT64_MAX));
	     at = folio_start(folio, at) + folio_nr_pages(folio)) {
		put_word(w, at);
		walk_frame(w, folio_pfn(m, folio));
	}
}

static void find_slots(struct machine_walk *w)
{
	const struct machine_view *view = w->view;
	const struct files_struct *own = w->m->task->files, *other = NULL;

	if (view->other)
		other = &find_process(w->m, view->other)->files;
	w->nr_slots = min(view->nr_fds, MAX_SLOTS);
	w->refers = false;
	for (u32 i = 0; i < w->nr_slots; i++) {
		w->slots[i] = view->fds[i] < 0 ? NULL :
			      files_lookup(i < view->own_fds ? own : other, view->fds[i]);
		w->refers |= w->slots[i] && w->slots[i]->f_op->walk;
	}
}

/* Which slots have the file; without names only how many of each process. */
static u64 slots_of(const struct machine_walk *w, const struct file *file)
{
	u64 slots = 0;

	for (u32 i = 0; i < w->nr_slots; i++) {
		if (w->slots[i] != file)
			continue;
		if (w->view->names)
			slots |= 1ull << i;
		else
			slots += i < w->view->own_fds ? 1 : 1ull << 32;
	}
	return slots;
}

static void put_file_words(struct machine_walk *w, struct file *file)
{
	put_word(w, walk_code(w, file->f_op));
	put_word(w, file->f_pos);
	put_word(w, file->f_flags | (u64)file->f_mode << 32);
	put_word(w, file->f_count);
	put_word(w, slots_of(w, file));
	put_managed(w, file);
	if (file->f_op == &luo_session_fops)
		walk_object(w, file->private_data);
	else if (file->f_op->walk)
		file->f_op->walk(w, w->m, file);
	else if (file->f_op->state)
		put_word(w, file->f_op->state(w->m, file));
	else if (file->f_op == &tree_session_fops || file->f_op == &tree_device_fops)
		engine_walk_file(w->m, w, file);
	else
		put_word(w, walk_code(w, file->private_data));
}

void walk_file(struct machine_walk *w, struct file *file)
{
	if (!walk_object(w, file))
		return;
	put_file_words(w, file);
	walk_inode(w, file_inode(file));
}

void walk_inode(struct machine_walk *w, struct inode *inode)
{
	if (walk_object(w, inode))
		put_inode_words(w, inode);
}

/* Sessions. */

static void put_blocks(struct machine_walk *w, struct kho_block_set *bs)
{
	struct kho_block_header_ser hdr;
	struct kho_block *block;

	put_word(w, bs->nblocks | (u64)bs->incoming << 32 | (u64)!!bs->head_pa << 33);
	list_for_each_entry(block, &bs->blocks, list) {
		walk_frame(w, PHYS_PFN(block->ser));
		phys_read(w->m, block->ser, &hdr, sizeof(hdr));
		put_word(w, hdr.count << 1 | !!hdr.next);
	}
}

static void put_shared(struct machine_walk *w, const struct luo_managed *managed)
{
	if (!walk_object(w, managed))
		return;
	put_word(w, managed->owners | (u64)managed->retrieve_status << 32);
	if (managed->file)
		walk_file(w, managed->file);
}

static void put_luo_file(struct machine_walk *w, struct luo_file *luo_file)
{
	walk_object(w, luo_file);
	put_word(w, XXH3_64bits(luo_file->fh->compatible,
				 strnlen(luo_file->fh->compatible,
					 sizeof(luo_file->fh->compatible))));
	put_word(w, luo_file->frozen << 16 |
		 !!luo_file->frozen_data << 17 | (u64)luo_file->retrieve_status << 32);
	if (w->view->names)
		put_word(w, luo_file->token);
	if (luo_file->file)
		walk_file(w, luo_file->file);
	put_shared(w, luo_file->managed);
	put_shared(w, luo_file->shared);
	put_claim(w, luo_file->claim);
	w->outgoing = luo_file->claim &&
		      w->m->ledger.claims[luo_file->claim - 1]->kernel == w->m->kernel_nr;
	/* Most retrieves, good or failed, give the serialized form up. */
	if (luo_file->retrieve_status && !is_kept(w, PHYS_PFN(luo_file->serialized_data)))
		return;
	walk_frame(w, PHYS_PFN(luo_file->serialized_data));
	luo_file->fh->ops->walk(w, w->m, luo_file->fh, luo_file->serialized_data);
}

static void put_session(struct machine_walk *w, struct luo_session *session)
{
	struct luo_file_set *file_set = &session->file_set;
	struct luo_file *luo_file;

	walk_object(w, session);
	put_word(w, session->retrieved | session->pinned << 1 | session->closed << 2 |
		 session->dying << 3 | file_set->count << 8);
	if (w->view->names)
		put_word(w, session->name_hash);
	walk_frame(w, PHYS_PFN(file_set->files));
	put_blocks(w, &file_set->block_set);
	list_for_each_entry(luo_file, &file_set->files_list, list)
		put_luo_file(w, luo_file);
	put_word(w, UINT64_MAX);
}

/*
 * What a reboot that failed has left in the entries of sessions: one without files does not
 * write over those of the session that had the entry before.
 */
bool walk_left_entry(struct machine *m, phys_addr_t entries, u64 size, u64 *at,
		     struct luo_session_ser *ser)
{
	for (; *at + sizeof(*ser) <= size; *at += sizeof(*ser)) {
		if ((*at & ~PAGE_MASK) < sizeof(*ser) &&
		    !phys_hash(m, (entries + *at) & PAGE_MASK, PAGE_SIZE, 0))
			return false;
		phys_read(m, entries + *at, ser, sizeof(*ser));
		if (ser->file_set_ser.files)
			return true;
	}
	return false;
}

static void put_entries(struct machine_walk *w, phys_addr_t entries, u64 head, u64 size)
{
	struct luo_session_ser ser;

	for (u64 at = head; walk_left_entry(w->m, entries, size, &at, &ser); at += sizeof(ser)) {
		put_word(w, at | ser.file_set_ser.count << 32);
		walk_frame(w, PHYS_PFN(ser.file_set_ser.files));
	}
}

static void put_left_entries(struct machine_walk *w, struct luo_session_header *sh)
{
	struct kho_block *block;

	if (sh->header_ser)
		put_entries(w, sh->header_ser, sizeof(struct luo_session_header_ser),
			    LUO_SESSION_PGCNT * PAGE_SIZE);
	list_for_each_entry(block, &sh->block_set.blocks, list)
		put_entries(w, block->ser, sizeof(struct kho_block_header_ser), PAGE_SIZE);
}

static void put_sessions(struct machine_walk *w, struct luo_session_header *sh)
{
	struct luo_session *session;

	put_word(w, sh->count << 1 | sh->active);
	put_word(w, sh->rwsem.readers | (u64)sh->rwsem.writer << 32);
	walk_frame(w, PHYS_PFN(sh->header_ser));
	put_blocks(w, &sh->block_set);
	list_for_each_entry(session, &sh->list, list)
		put_session(w, session);
}

/* What no session refers to: files that are only open. */

/* So few that a call of qsort() would take longer. */
static void put_sorted(struct machine_walk *w, u64 *words, u32 nr)
{
	for (u32 i = 1; i < nr; i++) {
		u64 word = words[i];
		u32 at = i;

		for (; at && words[at - 1] > word; at--)
			words[at] = words[at - 1];
		words[at] = word;
	}
	for (u32 i = 0; i < nr; i++)
		put_word(w, words[i]);
}

/* Replace what was put since @from by a hash of it. */
static u64 digest(struct machine_walk *w, u32 from)
{
	u64 hash = XXH3_64bits(w->out + from, (w->nr - from) * sizeof(*w->out));

	w->nr = from;
	return hash;
}

/* A hash for each file of @inode that the walk has not reached; how many there are. */
static u32 files_of(struct machine_walk *w, const struct inode *inode, u64 *hashes)
{
	u32 nr = 0;

	for (u32 i = 0; i < w->nr_slots; i++) {
		struct file *file = w->slots[i];
		u32 from = w->nr;

		if (!file || file_inode(file) != inode || is_numbered(w, file))
			continue;
		walk_object(w, file);
		w->nr = from;
		put_file_words(w, file);
		hashes[nr++] = digest(w, from);
	}
	return nr;
}

/* An inode with its files that no session has, as one word. */
static u64 open_inode(struct machine_walk *w, struct inode *inode)
{
	u64 hashes[MAX_SLOTS], hash;
	u32 from = w->nr, nr, nr_contents = w->nr_contents;

	w->base = as_if_untried(w, w->next);
	if (walk_object(w, inode))
		put_inode_words(w, inode);
	nr = files_of(w, inode, hashes);
	put_sorted(w, hashes, nr);
	hash = digest(w, from);
	w->base = UINT32_MAX;
	w->nr_contents = nr_contents;
	return hash;
}

/* Their order means nothing: it is that of their hashes. */
static void put_open_inodes(struct machine_walk *w)
{
	u64 hashes[MAX_SLOTS];
	u32 nr = 0;

	for (u32 i = 0; i < w->nr_slots; i++)
		if (w->slots[i] && !is_numbered(w, w->slots[i]))
			hashes[nr++] = open_inode(w, file_inode(w->slots[i]));
	put_sorted(w, hashes, nr);
}

/* A file that refers to others: how much that is, and a hash of all that. */
struct referrer {
	struct file *file;
	u32 reach;
	u64 hash;
};

static int compare_referrers(const void *a, const void *b)
{
	const struct referrer *x = a, *y = b;

	if (x->reach != y->reach)
		return x->reach > y->reach ? -1 : 1;
	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

/* What the walk reaches from @file alone, of which it remembers nothing. */
static struct referrer try_file(struct machine_walk *w, struct file *file)
{
	struct referrer r = { .file = file };
	u32 from = w->nr, nr_contents = w->nr_contents;

	w->floor = w->next;
	walk_file(w, file);
	r.reach = w->next - w->floor;
	r.hash = digest(w, from);
	w->nr_contents = nr_contents;
	return r;
}

/*
 * Files that refer to others, and what they refer to. Slots say nothing of their order:
 * it is that of what is behind them, of which a file that others refer to has less than
 * these.
 */
static void put_referrers(struct machine_walk *w)
{
	struct referrer all[MAX_SLOTS];
	u32 nr = 0;

	w->settled = w->next;
	for (u32 i = 0; i < w->nr_slots; i++)
		if (w->slots[i] && w->slots[i]->f_op->walk && !is_settled(w, w->slots[i]))
			all[nr++] = try_file(w, w->slots[i]);
	w->floor = w->next;
	qsort(all, nr, sizeof(all[0]), compare_referrers);
	for (u32 i = 0; i < nr; i++)
		walk_file(w, all[i].file);
}

/* Those that no session refers to. */
static void put_open_files(struct machine_walk *w)
{
	if (w->refers)
		put_referrers(w);
	put_open_inodes(w);
}

/* The kernel as a whole. */

static void put_flbs(struct machine_walk *w)
{
	const struct liveupdate_flb *flb;

	list_for_each_entry(flb, &w->m->k->luo.flbs, list) {
		put_word(w, flb->outgoing.count);
		put_word(w, flb->incoming.count);
		put_word(w, (u32)flb->incoming.retrieve_status |
			 (u64)flb->incoming.finished << 32 | (u64)!!flb->incoming.obj << 33 |
			 (u64)!!flb->outgoing.obj << 34);
		put_claim(w, flb->outgoing.claim);
		put_claim(w, flb->incoming.claim);
		if (w->view->damaged && !flb->incoming.finished)
			put_page(w, flb->incoming.data);
	}
	/* Where the next ones will be looked for. */
	if (w->view->damaged)
		put_page(w, w->m->k->luo.flb_incoming);
}

/* Places that warn only once, and have. */
static void put_sites(struct machine_walk *w)
{
	const struct kernel *k = w->m->k;
	u64 all = 0, id;

	for (u32 i = 0; i < k->nr_sites; i++) {
		if (!k->sites[i].once)
			continue;
		id = walk_code(w, k->sites[i].where);
		all += XXH3_64bits(&id, sizeof(id));
	}
	put_word(w, all);
}

/* What the judge counts, as far as it is not as at boot. */
static void put_census(struct machine_walk *w)
{
	const struct ledger *l = &w->m->ledger;

	for (int i = 0; i < NR_CENSUS; i++) {
		s64 more = l->now.count[i] - l->at_boot.count[i];

		/* How many nodes an array has lies in the addresses that index it. */
		put_word(w, i == CENSUS_OBJECTS ? more - w->m->k->xa_nodes : more);
	}
}

/* Bitmaps in which KHO keeps track stay when they are empty: they need not be had again. */
static void put_bitmaps(struct machine_walk *w)
{
	const struct kho_mem_phys *physxa;
	u64 order, index;
	void *bits;

	xa_for_each(&w->m->k->kho.orders, order, physxa)
		xa_for_each(&physxa->phys_bits, index, bits)
			put_word(w, order | index << 8);
}

/* Likewise leaves of the tree, of each order one; files need but that of order 0. */
static void put_leaves(struct machine_walk *w)
{
	phys_addr_t slot;
	u64 leaves = 0;

	for (unsigned int order = 0; order <= MAX_PAGE_ORDER; order++)
		if (kho_track_slot(w->m, 1ull << order, order, 1, &slot) &&
		    phys_read_u64(w->m, slot))
			leaves |= 1ull << order;
	put_word(w, leaves);
}

static void put_kernel(struct machine_walk *w)
{
	const struct machine *m = w->m;
	const struct kernel *k = m->k;
	const struct luo *luo = &k->luo;

	put_word(w, m->kernel_nr | (u64)k->kexec.loaded << 16 | (u64)!!k->kexec.fdt << 17 |
		 (u64)k->kexec.preserve_context << 25 | (u64)k->kexec.crash.loaded << 26 |
		 (u64)!!k->kexec.crash.fdt << 27 | (u64)is_kdump_kernel(m) << 28 |
		 (u64)luo->enabled << 18 | (u64)luo->in_use << 19 |
		 (u64)luo->is_deserialized << 20 | (u64)k->kho.enabled << 21 |
		 (u64)k->kho.finalized << 22 | (u64)luo->serialize_rwsem.writer << 23 |
		 (u64)k->fs.sb[FS_SHM].huge << 24 | (u64)luo->serialize_rwsem.readers << 32);
	if (k->hwpoison_kho.hdr) {
		put_word(w, k->hwpoison_kho.capacity << 1 | k->hwpoison_kho.published);
		walk_frame(w, PHYS_PFN(k->hwpoison_kho.hdr));
		for (u32 i = 0; k->hwpoison_kho.pfns && i < k->hwpoison_kho.pfns->nr_pages; i++)
			walk_frame(w, k->hwpoison_kho.pfns->pfns[i]);
	}
	for (int i = 1; i <= k->nr_memcgs; i++) {
		put_word(w, k->memcg[i].max);
		put_word(w, k->memcg[i].usage);
	}
	put_word(w, luo->rebooting | (u64)current_uid(w->m) << 1 |
		 (u64)process_of(m->task->files)->memcg << 40);
	put_word(w, (u32)luo->deserialize_err | m->task->files->nofile << 32);
	put_word(w, k->kho.nr_shared);
	put_census(w);
	put_sites(w);
	if (w->view->faults)
		put_bitmaps(w);
	if (w->view->faults && m->memories.nr)
		put_leaves(w);
	if (!k->boot.release.tree)
		handlers_walk(w, m);
}

void machine_fingerprint(struct machine *m, struct machine_walk *w, const struct machine_view *view,
			 uint64_t fingerprint[2])
{
	XXH128_hash_t hash;

	w->m = m;
	w->view = view;
	w->nr = 0;
	w->nr_contents = 0;
	w->dangles = false;
	w->next = 0;
	w->base = UINT32_MAX;
	w->settled = UINT32_MAX;
	w->floor = 0;
	w->epoch++;
	fit(&w->objects, &w->nr_objects, m->heap.used / ARENA_STEP + 1);
	fit(&w->claims, &w->nr_claims, m->ledger.nr_claims + 1);
	fit(&w->inodes, &w->nr_inodes, m->ledger.nr_claims + 1);
	put_word(w, m->panicked);
	if (!m->panicked) {
		find_slots(w);
		put_kernel(w);
		if (m->k->boot.release.tree)
			engine_walk(m, w);
		namespace_walk(w, m);
		put_sessions(w, &m->k->luo.outgoing);
		put_left_entries(w, &m->k->luo.outgoing);
		put_sessions(w, &m->k->luo.incoming);
		put_flbs(w);
		kho_callers_walk(w, m);
		/* Where their blobs are. */
		if (m->memories.nr && view->damaged && m->k->kho.fdt_in)
			put_page(w, m->k->kho.fdt_in);
		put_open_files(w);
		put_lost_claims(w);
	}
	hash = XXH3_128bits(w->out, w->nr * sizeof(*w->out));
	fingerprint[0] = hash.low64;
	fingerprint[1] = hash.high64;
}
