/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What makes a state of a tree's kernel: its variables, and all that these lead to. Nothing
 * is known of its structures. A word that is the address of an object, of a frame or of
 * code stands for what lies there; objects and frames are numbered as the walk reaches
 * them, so that it does not matter where they are. All other words are what they are.
 */
#include <stdlib.h>

#include "machine/machine.h"
#include "search/walk.h"

/* What stands before the number of what a word leads to; and with a number of its own. */
#define TAG(c)		(0x6c756f77616c0000ull | (c))
#define TAG_NR(c, nr)	(TAG(c) + ((u64)(nr) << 8))
/* Page-aligned numbers below are sizes of small files, not addresses of frames. */
#define FIRST_FRAME	PFN_PHYS(4)

struct engine_walk {
	struct machine_walk *w;
	struct machine *m;
	const struct engine_kernel *kernel;
	struct tree_object **objects;		/* by address */
	u32 nr;
};

static void walk_memory(const struct engine_walk *c, const void *mem, u64 size);

/* ---- Objects of the heap ---- */

static struct engine_walk context_of(struct machine *m, struct machine_walk *w)
{
	struct engine_walk c = { .w = w, .m = m, .kernel = m->k->boot.release.tree->kernel };

	c.objects = walk_objects(w, &c.nr);
	return c;
}

/* The list has them by age, which mostly is by address, too. */
static void sort_objects(struct tree_object **objects, u32 nr)
{
	for (u32 i = 1; i < nr; i++) {
		struct tree_object *object = objects[i];
		u32 at = i;

		for (; at && objects[at - 1] > object; at--)
			objects[at] = objects[at - 1];
		objects[at] = object;
	}
}

/* The object that @at leads into, or NULL. */
static struct tree_object *object_at(const struct engine_walk *c, const char *at)
{
	u32 from = 0, to = c->nr;

	while (from < to) {
		u32 mid = from + (to - from) / 2;

		if ((const char *)(c->objects[mid] + 1) + c->objects[mid]->size <= at)
			from = mid + 1;
		else
			to = mid;
	}
	return from < c->nr && at >= (const char *)(c->objects[from] + 1) ? c->objects[from] : NULL;
}

static void *member(void *object, u64 offset)
{
	return *(void **)((char *)object + offset);
}

/* What the glue has in addition to the model's files and inodes says nothing that those do not. */
static void walk_contents(const struct engine_walk *c, struct tree_object *object)
{
	void *mem = object + 1;

	if (object->tracking)
		return;
	if (tree_is_file(c->kernel, object))
		walk_file(c->w, member(mem, c->kernel->file_model));
	else if (tree_is_inode(c->kernel, object))
		walk_inode(c->w, member(mem, c->kernel->inode_model));
	else
		walk_memory(c, mem, object->size);
}

/* ---- Frames ---- */

/* Does the frame hold what the kernel has written there for itself? */
static bool holds_data(const struct machine *m, u64 pfn)
{
	const struct page *page = &m->memmap[pfn];

	return (page->refcount || page->flags & PG_INCOMING) && !m->ledger.ghost[pfn].data &&
	       !(page->flags & (PG_MAPPING | PG_UNTRACKED | PG_TAIL | PG_BUDDY));
}

static void walk_page(const struct engine_walk *c, u64 pfn, u64 offset)
{
	struct machine *m = c->m;
	u64 pages = 1;

	walk_put(c->w, TAG('f'));
	walk_put(c->w, offset);
	if (!walk_frame(c->w, pfn) || pfn >= m->top)
		return;
	walk_put(c->w, (uintptr_t)member(m->memory.memmap, pfn * c->kernel->page_size +
							   c->kernel->page_private));
	if (!holds_data(m, pfn))
		return;
	if (m->memmap[pfn].order <= MAX_PAGE_ORDER)
		pages = min(1ull << m->memmap[pfn].order, m->top - pfn);
	walk_memory(c, m->memory.ram + PFN_PHYS(pfn), PFN_PHYS(pages));
}

/* A number that is the address of a frame in use. */
static bool is_frame(const struct machine *m, u64 word)
{
	const struct page *page = &m->memmap[PHYS_PFN(word)];

	return word >= FIRST_FRAME && !(word & ~PAGE_MASK) && PHYS_PFN(word) < m->top &&
	       (page->refcount || page->flags & PG_INCOMING) && !(page->flags & PG_BUDDY);
}

/* ---- Words ---- */

/* Where in the range @word leads, if it does. */
static bool leads_to(u64 word, const void *start, u64 size, u64 *offset)
{
	*offset = word - (uintptr_t)start;
	return *offset < size;
}

static void walk_heap(const struct engine_walk *c, u64 word)
{
	struct tree_object *object = object_at(c, (const char *)word);

	walk_put(c->w, TAG('h'));
	if (!object) {
		/* The model's, or what was freed. */
		walk_object(c->w, (const void *)word);
		return;
	}
	walk_put(c->w, word - (uintptr_t)(object + 1));
	if (walk_object(c->w, object))
		walk_contents(c, object);
}

/*
 * Limits of areas, and what lies in the machine itself, as scratch areas do, of which the
 * kernel keeps the physical address, too: each process has them elsewhere. A damaged address
 * may lead just outside of memory.
 */
static bool leads_into_machine(struct machine *m, u64 word, u64 *what)
{
	const u8 *ram = m->memory.ram;
	const struct {
		const void *start;
		u64 size;
	} areas[] = {
		{ m, sizeof(*m) }, { (const void *)((uintptr_t)m - (uintptr_t)ram), sizeof(*m) },
		{ ram - PAGE_SIZE, PFN_PHYS(m->nr_frames) + 2 * PAGE_SIZE },
		{ m->memory.vmalloc, VMALLOC_SIZE + 1 },
		{ m->memory.words, m->nr_frames * sizeof(*m->memory.words) },
	};

	for (u64 i = 0; i < ARRAY_SIZE(areas); i++) {
		if (leads_to(word, areas[i].start, areas[i].size, what)) {
			*what |= i << 48;
			return true;
		}
	}
	return false;
}

static void walk_word(const struct engine_walk *c, u64 word)
{
	struct machine *m = c->m;
	u64 offset;

	if (word < FIRST_FRAME) {
		walk_put(c->w, word);
	} else if (leads_to(word, m->heap.base, m->heap.used, &offset)) {
		walk_heap(c, word);
	} else if (leads_to(word, m->memory.ram, PFN_PHYS(m->nr_frames), &offset)) {
		walk_page(c, PHYS_PFN(offset), offset & ~PAGE_MASK);
	} else if (leads_to(word, m->memory.memmap, m->nr_frames * c->kernel->page_size, &offset)) {
		walk_put(c->w, TAG('p'));
		walk_page(c, offset / c->kernel->page_size, offset % c->kernel->page_size);
	} else if (leads_to(word, c->kernel->text, (const char *)c->kernel->data_end -
			    (const char *)c->kernel->text, &offset)) {
		walk_put(c->w, TAG('c'));
		walk_put(c->w, offset);
	} else if (word < PFN_PHYS(m->nr_frames) && is_frame(m, word)) {
		walk_page(c, PHYS_PFN(word), 0);
	} else if (leads_into_machine(m, word, &offset)) {
		walk_put(c->w, TAG('m'));
		walk_put(c->w, offset);
	} else {
		walk_put(c->w, word);
	}
}

/* Most of a page is. */
static const u64 *skip_zeros(const u64 *words, const u64 *end)
{
	static const u64 zeros[64];

	while (end - words >= 8 && !(words[0] | words[1] | words[2] | words[3] |
				     words[4] | words[5] | words[6] | words[7])) {
		words += 8;
		while (end - words >= 64 && !memcmp(words, zeros, sizeof(zeros)))
			words += 64;
	}
	return words;
}

/* Words that are 0 are left out, and said how many there were. */
static void walk_memory(const struct engine_walk *c, const void *mem, u64 size)
{
	const u64 *words = mem, *end = words + size / sizeof(*words), *from = words;

	for (; words < end; words++) {
		words = skip_zeros(words, end);
		if (words == end || !*words)
			continue;
		if (words > from)
			walk_put(c->w, TAG_NR('z', words - from));
		walk_word(c, *words);
		from = words + 1;
	}
}

/* ---- The kernel ---- */

/* The glue's list of files is in the order in which these were used first. */
static bool leads_to_file(const struct engine_walk *c, u64 word)
{
	struct tree_object *object;
	u64 offset;

	if (!leads_to(word, c->m->heap.base, c->m->heap.used, &offset))
		return false;
	object = object_at(c, (const char *)word);
	return object && tree_is_file(c->kernel, object);
}

static void walk_variable(const struct engine_walk *c, u64 i, u64 now, u64 fresh)
{
	if (now == fresh || leads_to_file(c, now))
		return;
	walk_put(c->w, i);
	walk_word(c, now);
}

/* Most are as they were. */
static void walk_variables(const struct engine_walk *c)
{
	const struct luosim_tree *tree = c->m->k->boot.release.tree;
	const u64 *fresh = tree->fresh;
	const u64 *now = tree->owner == c->m ? c->kernel->data : c->m->tree_variables;
	const u64 nr = tree_variables(tree) / sizeof(*now), block = 32;

	for (u64 from = 0; from < nr; from += block) {
		u64 to = min(from + block, nr);

		if (!memcmp(now + from, fresh + from, (to - from) * sizeof(*now)))
			continue;
		for (u64 i = from; i < to; i++)
			walk_variable(c, i, now[i], fresh[i]);
	}
}

/* By session and token, which is the order of what sessions hold, too. */
static int compare_claims(const void *a, const void *b)
{
	const struct claim *x = *(const struct claim *const *)a;
	const struct claim *y = *(const struct claim *const *)b;
	int order = strcmp(x->session, y->session);

	if (!order)
		order = (x->token > y->token) - (x->token < y->token);
	return order ? order : (x->state > y->state) - (x->state < y->state);
}

static void walk_claims(const struct engine_walk *c)
{
	const struct ledger *l = &c->m->ledger;
	const struct claim **claims = calloc(l->nr_claims + 1, sizeof(*claims));
	u32 nr = 0;

	if (!claims)
		abort();
	for (u32 i = l->first_claim; i < l->nr_claims; i++)
		if (l->claims[i]->state != CLAIM_DONE)
			claims[nr++] = l->claims[i];
	qsort(claims, nr, sizeof(*claims), compare_claims);
	for (u32 i = 0; i < nr; i++) {
		const struct claim *claim = claims[i];

		walk_put(c->w, TAG('l'));
		walk_word(c, claim->data_phys);
		walk_put(c->w, claim->kept | claim->latched << 1 | claim->serialized << 2 |
			       claim->promised << 3);
		walk_claim(c->w, claim);
		if (claim->state == CLAIM_OUTGOING && claim->file)
			walk_file(c->w, claim->file);
	}
	free(claims);
}

void engine_walk(struct machine *m, struct machine_walk *w)
{
	struct tree_object *object, **objects;
	struct engine_walk c;
	u32 nr = 0;

	list_for_each_entry(object, &m->k->tree_objects, list)
		nr++;
	objects = walk_objects_reserve(w, nr);
	nr = 0;
	list_for_each_entry(object, &m->k->tree_objects, list)
		objects[nr++] = object;
	sort_objects(objects, nr);
	c = context_of(m, w);
	walk_variables(&c);
	walk_claims(&c);
}

void engine_walk_file(struct machine *m, struct machine_walk *w, const struct file *file)
{
	struct engine_walk c = context_of(m, w);

	walk_word(&c, (uintptr_t)member(file->shadow, c.kernel->file_op));
	walk_word(&c, (uintptr_t)member(file->shadow, c.kernel->file_private));
}
