/* SPDX-License-Identifier: GPL-2.0-only */
/* The buddy allocator of the running kernel, orders 0 to MAX_PAGE_ORDER. */
#include "machine/machine.h"

bool is_migrate_cma(const struct machine *m, u64 pfn)
{
	const struct kho_scratch *scratch = &m->k->kho.scratch;

	return m->k->kho.scratch_cma && PFN_PHYS(pfn) - scratch->addr < scratch->size;
}

static u32 *free_list(struct machine *m, u64 pfn, unsigned int order)
{
	return &m->k->free_list[is_migrate_cma(m, pfn) ? MIGRATE_CMA : MIGRATE_MOVABLE][order];
}

static void list_push(struct machine *m, u64 pfn, unsigned int order)
{
	struct page *page = &m->memmap[pfn];
	u32 *list = free_list(m, pfn, order), head = *list;

	page->flags |= PG_BUDDY;
	page->order = order;
	page->buddy.next = head;
	page->buddy.prev = 0;
	if (head)
		m->memmap[head - 1].buddy.prev = pfn + 1;
	*list = pfn + 1;
}

static void list_remove(struct machine *m, u64 pfn, unsigned int order)
{
	struct page *page = &m->memmap[pfn];

	if (page->buddy.prev)
		m->memmap[page->buddy.prev - 1].buddy.next = page->buddy.next;
	else
		*free_list(m, pfn, order) = page->buddy.next;
	if (page->buddy.next)
		m->memmap[page->buddy.next - 1].buddy.prev = page->buddy.prev;
	page->flags &= ~PG_BUDDY;
	page->private = 0;
}

/* The first section of a node's last zone is initialized early, as are the zones below. */
bool page_is_deferred(const struct machine *m, u64 pfn)
{
	static const u64 zones[] = { 1ull << (24 - PAGE_SHIFT), 1ull << (32 - PAGE_SHIFT) };
	u32 nid = pfn_to_nid(m, pfn), nodes = max(m->k->boot.nodes, 1u);
	u64 start = nid ? nid * node_frames(m) : 0;
	u64 end = nid == nodes - 1 ? m->nr_frames : start + node_frames(m);

	if (!m->k->boot.deferred_init)
		return false;
	for (u32 i = 0; i < ARRAY_SIZE(zones); i++)
		if (end > zones[i])
			start = max(start, zones[i]);
	return pfn >= DIV_ROUND_UP(start + SECTION_FRAMES, SECTION_FRAMES) * SECTION_FRAMES;
}

/* What lies in a struct page before it is initialized is anything. */
static void check_initialized(struct machine *m, u64 pfn)
{
	if (!page_is_deferred(m, pfn) || is_migrate_cma(m, pfn))
		return;
	printk(m, LOG_ERR, "page dumped because: VM_BUG_ON_PAGE(PagePoisoned(page))");
	panic(m, "Fatal exception");
}

/* Of different types, blocks of a page block or more stay apart. */
static bool page_is_buddy(struct machine *m, u64 pfn, u64 buddy, unsigned int order)
{
	const struct page *page = &m->memmap[buddy];

	if (m->k->deferred)
		check_initialized(m, buddy);
	if (!(page->flags & PG_BUDDY) || page->order != order)
		return false;
	return order < PAGEBLOCK_ORDER || is_migrate_cma(m, pfn) == is_migrate_cma(m, buddy);
}

/* Free a block and merge it with its buddies as far as they are free. */
static void free_one_page(struct machine *m, u64 pfn, unsigned int order)
{
	m->k->nr_free += 1ull << order;
	for (; order < MAX_PAGE_ORDER; order++) {
		u64 buddy = pfn ^ (1ull << order);

		if (!pfn_valid(m, buddy + (1ull << order) - 1) ||
		    !page_is_buddy(m, pfn, buddy, order))
			break;
		list_remove(m, buddy, order);
		pfn &= ~(1ull << order);
	}
	list_push(m, pfn, order);
}

/* The head of the first block of at least @order, cut down to it; 0: none. */
static u64 take_block(struct machine *m, enum migratetype type, unsigned int order)
{
	const u32 *list = m->k->free_list[type];
	unsigned int found = order;
	u64 pfn;

	while (found <= MAX_PAGE_ORDER && !list[found])
		found++;
	if (found <= MAX_PAGE_ORDER) {
		pfn = list[found] - 1;
		list_remove(m, pfn, found);
	} else if (type == MIGRATE_MOVABLE && m->k->fresh < m->k->fresh_end) {
		found = MAX_PAGE_ORDER;
		pfn = m->k->fresh;
		m->k->fresh += 1ull << found;
	} else {
		return 0;
	}
	while (found > order) {
		found--;
		list_push(m, pfn + (1ull << found), found);
	}
	m->k->nr_free -= 1ull << order;
	return pfn;
}

void prep_compound_page(struct machine *m, struct page *page, unsigned int order)
{
	u64 pfn = page_to_pfn(m, page);

	page->order = order;
	for (u64 i = 1; i < 1ull << order; i++)
		m->memmap[pfn + i].flags |= PG_TAIL;
}

struct folio *folio_alloc(struct machine *m, unsigned int gfp, unsigned int order)
{
	struct page *page;
	u64 pfn;

	if (!(gfp & __GFP_USER) && should_fail_alloc(m))
		return NULL;
	pfn = take_block(m, MIGRATE_MOVABLE, order);
	if (!pfn && gfp & __GFP_MOVABLE)
		pfn = take_block(m, MIGRATE_CMA, order);
	if (!pfn)
		return NULL;
	frames_use(m, pfn, pfn + (1ull << order));
	page = &m->memmap[pfn];
	page->refcount = 1;
	page->memcg = 0;
	page->index = 0;
	page->flags &= PG_BYTES;
	if (gfp & __GFP_UNTRACKED)
		page->flags |= PG_UNTRACKED;
	else
		census_add(m, CENSUS_FRAMES, 1ll << order);
	prep_compound_page(m, page, order);
	if (gfp & __GFP_ZERO)
		for (u64 i = 0; i < 1ull << order; i++)
			phys_drop(m, pfn + i, false);
	return page_folio(page);
}

void split_page(struct folio *folio)
{
	struct page *page = &folio->page;

	for (u64 i = 1ull << page->order; i-- > 0; ) {
		page[i].flags &= ~PG_TAIL;
		page[i].order = 0;
		page[i].refcount = 1;
	}
}

/* Is the block of MAX_PAGE_ORDER at @pfn free as a whole, and not for movable pages alone? */
static bool max_block_is_free(const struct machine *m, u64 pfn)
{
	const struct page *page = &m->memmap[pfn];

	if (is_migrate_cma(m, pfn))
		return false;
	return page_is_fresh(m, pfn) || (page->flags & PG_BUDDY && page->order == MAX_PAGE_ORDER);
}

/* Take the free blocks of MAX_PAGE_ORDER from @start to @end out of the allocator. */
static void take_range(struct machine *m, u64 start, u64 end)
{
	const u64 step = 1ull << MAX_PAGE_ORDER;

	for (u64 pfn = start; pfn < end; pfn += step) {
		if (!page_is_fresh(m, pfn)) {
			list_remove(m, pfn, MAX_PAGE_ORDER);
			continue;
		}
		/* What lies before it in the fresh ones is free, and is written down now. */
		for (; m->k->fresh < pfn; m->k->fresh += step)
			list_push(m, m->k->fresh, MAX_PAGE_ORDER);
		m->k->fresh += step;
	}
	m->k->nr_free -= end - start;
}

/* Contiguous free blocks for @nr pages, aligned to @nr rounded up; 0: there are none. */
static u64 take_contig(struct machine *m, u64 nr)
{
	const u64 step = 1ull << MAX_PAGE_ORDER;
	u64 align = max(1ull << get_order(nr << PAGE_SHIFT), step), run = 0;
	u64 end = (nr + step - 1) & ~(step - 1);

	for (u64 start = align; start + end <= m->nr_frames; start += align) {
		for (run = 0; run < end && max_block_is_free(m, start + run); )
			run += step;
		if (run < end)
			continue;
		take_range(m, start, start + end);
		return start;
	}
	return 0;
}

u64 alloc_contig_pages(struct machine *m, u64 nr)
{
	unsigned int order;
	u64 pfn, taken;

	if (!nr || nr > m->nr_frames || should_fail_alloc(m))
		return 0;
	order = get_order(nr << PAGE_SHIFT);
	pfn = order > MAX_PAGE_ORDER ? take_contig(m, nr) :
					take_block(m, MIGRATE_MOVABLE, order);
	if (!pfn)
		return 0;
	taken = order > MAX_PAGE_ORDER ? (nr + (1ull << MAX_PAGE_ORDER) - 1) &
					 ~((1ull << MAX_PAGE_ORDER) - 1) : 1ull << order;
	frames_use(m, pfn, pfn + taken);
	for (u64 i = 0; i < nr; i++) {
		m->memmap[pfn + i].flags &= PG_BYTES;
		m->memmap[pfn + i].order = 0;
		m->memmap[pfn + i].index = 0;
		m->memmap[pfn + i].refcount = 1;
	}
	census_add(m, CENSUS_FRAMES, nr);
	for (u64 i = nr; i < taken; i++)
		free_one_page(m, pfn + i, 0);
	return pfn;
}

void free_contig_range(struct machine *m, u64 pfn, u64 nr)
{
	for (u64 i = 0; i < nr; i++)
		free_page(m, PFN_PHYS(pfn + i));
}

struct folio *folio_alloc_gigantic(struct machine *m, unsigned int order)
{
	u64 pfn = alloc_contig_pages(m, 1ull << order);
	struct page *page;

	if (!pfn)
		return NULL;
	page = &m->memmap[pfn];
	for (u64 i = 1; i < 1ull << order; i++)
		page[i].refcount = 0;
	prep_compound_page(m, page, order);
	return page_folio(page);
}

void folio_get(struct folio *folio)
{
	folio->page.refcount++;
}

void adjust_managed_page_count(struct machine *m, u64 pfn, s64 nr)
{
	m->k->managed[pfn_to_nid(m, pfn)] += nr;
}

int64_t machine_managed_pages(const struct machine *m, uint32_t nid)
{
	u32 nodes = max(m->k->boot.nodes, 1u);
	u64 start, end;

	if (nid >= nodes)
		return -ENOENT;
	start = nid ? nid * node_frames(m) : 0;
	end = nid == nodes - 1 ? m->end_pfn : min(start + node_frames(m), m->end_pfn);
	start = min(max(start, m->first_pfn), end);
	return (s64)(end - start) + m->k->managed[nid];
}

bool page_is_fresh(const struct machine *m, u64 pfn)
{
	return pfn >= m->k->fresh && pfn < m->k->fresh_end;
}

bool page_is_free(const struct machine *m, u64 pfn)
{
	if (page_is_fresh(m, pfn))
		return true;
	for (unsigned int order = 0; order <= MAX_PAGE_ORDER; order++) {
		const struct page *head = &m->memmap[pfn & ~((1ull << order) - 1)];

		if (head->flags & PG_BUDDY && head->order >= order)
			return true;
	}
	return false;
}

void take_page_off_buddy(struct machine *m, u64 pfn)
{
	const u64 step = 1ull << MAX_PAGE_ORDER;
	unsigned int order = 0;
	u64 head;

	/* What comes before it in the fresh ones is written down, and its block with it. */
	while (page_is_fresh(m, pfn)) {
		list_push(m, m->k->fresh, MAX_PAGE_ORDER);
		m->k->fresh += step;
	}
	m->top = max(m->top, pfn + 1);
	while (!(m->memmap[pfn & ~((1ull << order) - 1)].flags & PG_BUDDY))
		order++;
	head = pfn & ~((1ull << order) - 1);
	order = m->memmap[head].order;
	list_remove(m, head, order);
	while (order-- > 0) {
		u64 half = head + (1ull << order);

		list_push(m, pfn < half ? half : head, order);
		head = pfn < half ? head : half;
	}
	m->k->nr_free--;
	m->memmap[pfn].refcount = 1;
}

/*
 * Of a folio that is free already, in part or as a whole, nothing is freed: two
 * had it, as only a damaged map of preserved pages makes it come about.
 */
static bool bad_page(struct machine *m, u64 pfn, u64 nr)
{
	bool bad = page_is_free(m, pfn);

	for (u64 i = 1; i < nr && !bad; i++)
		bad = m->memmap[pfn + i].flags & PG_BUDDY || page_is_fresh(m, pfn + i);
	if (!bad)
		return false;
	printk(m, LOG_ERR, "BUG: Bad page state  pfn:%05llx", (unsigned long long)pfn);
	ledger_freed_twice(m, pfn);
	return true;
}

/* Where the pages were allocated has that many fewer from here on. */
static void __pgalloc_tag_sub(struct machine *m, const struct page *page)
{
	static const char site;

	if (!(page->flags & PG_UNTAGGED) || !once(m, &site))
		return;
	warn(m, __func__);
	printk(m, LOG_WARN, "alloc_tag was not set");
}

void folio_put(struct machine *m, struct folio *folio)
{
	struct page *page = &folio->page;
	u64 pfn = page_to_pfn(m, page), nr = folio_nr_pages(folio);
	unsigned int order = min((unsigned int)page->order, MAX_PAGE_ORDER);

	if (--page->refcount)
		return;
	if (!(page->flags & PG_UNTRACKED))
		census_add(m, CENSUS_FRAMES, -(s64)nr);
	if (bad_page(m, pfn, nr))
		return;
	mem_cgroup_uncharge(m, folio);
	__pgalloc_tag_sub(m, page);
	page->flags &= PG_BYTES;
	page->private = 0;
	for (u64 i = 1; i < nr; i++)
		m->memmap[pfn + i].flags &= PG_BYTES;
	for (u64 i = 0; i < nr; i += 1ull << order)
		free_one_page(m, pfn + i, order);
}

void folio_pin(struct machine *m, struct folio *folio)
{
	folio->page.refcount++;
	census_add(m, CENSUS_PINS, 1);
}

void unpin_folio(struct machine *m, struct folio *folio)
{
	census_add(m, CENSUS_PINS, -1);
	folio_put(m, folio);
}

phys_addr_t get_zeroed_page(struct machine *m, unsigned int gfp)
{
	struct folio *folio = folio_alloc(m, gfp | __GFP_ZERO, 0);

	return folio ? folio_phys(m, folio) : 0;
}

void free_page(struct machine *m, phys_addr_t phys)
{
	folio_put(m, pfn_folio(m, PHYS_PFN(phys)));
}

struct folio *folio_split(struct folio *folio)
{
	struct page *head = &folio->page, *half;

	head->order--;
	half = head + folio_nr_pages(folio);
	half->order = head->order;
	half->refcount = head->refcount;
	half->index = head->index + folio_nr_pages(folio);
	half->flags = (half->flags & PG_BYTES) | (head->flags & ~PG_BYTES);
	mem_cgroup_split(folio, page_folio(half));
	return page_folio(half);
}

/* Where what is free ends below @end: at a frame that was handed over, or at @start. */
static u64 free_run(const struct machine *m, u64 start, u64 end)
{
	/* Frames from m->top on were never touched. */
	u64 pfn = min(end, max(start, m->top));

	while (pfn > start && !(m->memmap[pfn - 1].flags & PG_INCOMING))
		pfn--;
	return pfn;
}

/* The blocks from @start to @end, which is set to where they begin, are left as they are. */
static void keep_fresh(struct machine *m, u64 start, u64 *end)
{
	const u64 max_block = 1ull << MAX_PAGE_ORDER;

	m->k->fresh = (start + max_block - 1) & ~(max_block - 1);
	m->k->fresh_end = *end;
	m->k->nr_free += *end - m->k->fresh;
	*end = m->k->fresh;
}

void memblock_free_all(struct machine *m, u64 start, u64 end)
{
	unsigned int order;
	u64 run = start;

	/* From the top down, so that the lists begin with the lowest blocks. */
	for (; end > start; end = run > start ? run - 1 : start) {
		run = free_run(m, start, end);
		while (end > run) {
			order = min((unsigned int)__builtin_ctzll(end), MAX_PAGE_ORDER);
			while (end - (1ull << order) < run)
				order--;
			if (order == MAX_PAGE_ORDER && end - (1ull << order) >= m->top) {
				keep_fresh(m, max(run, m->top), &end);
				continue;
			}
			end -= 1ull << order;
			free_one_page(m, end, order);
		}
	}
}

void init_cma_reserved(struct machine *m, u64 start, u64 end)
{
	unsigned int order;

	/* Where there was a handover they are in use before all else is initialized. */
	m->k->deferred = is_kho_boot(m) && m->k->boot.deferred_init;
	for (u64 pfn = start; pfn < end; pfn += 1ull << order) {
		order = min((unsigned int)__builtin_ctzll(pfn), MAX_PAGE_ORDER);
		free_one_page(m, pfn, order);
	}
	m->k->deferred = false;
	/* Heads of free blocks were written everywhere. */
	m->top = m->nr_frames;
}
