/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page cache of an inode (mm/filemap.c and the split of mm/huge_memory.c):
 * which folio holds which page of the file.
 */
#include "machine/machine.h"

/* As many pages as the largest folio of the allocator has: none reaches into another chunk. */
#define CHUNK_SHIFT	MAX_PAGE_ORDER
#define CHUNK_PAGES	(1u << CHUNK_SHIFT)
#define CHUNK_MIN	4u

/* The folios of CHUNK_PAGES pages, so far as there are any: frame number of the head, or 0. */
struct cache_chunk {
	u32 *slot;
	u16 cap;		/* slots, a power of two */
	u16 nr;			/* of which are in use */
};

static u32 chunk_offset(u64 index)
{
	return index & (CHUNK_PAGES - 1);
}

static struct cache_chunk *chunk_of(struct address_space *mapping, u64 number)
{
	struct cache_chunk *chunk = mapping->last;

	if (chunk && mapping->last_number == number)
		return chunk;
	chunk = xa_load(&mapping->chunks, number);
	if (chunk) {
		mapping->last = chunk;
		mapping->last_number = number;
	}
	return chunk;
}

static void chunk_free(struct machine *m, struct address_space *mapping,
		       struct cache_chunk *chunk, u64 number)
{
	mapping->last = NULL;
	xa_erase(m, &mapping->chunks, number);
	kfree(m, chunk->slot, chunk->cap * sizeof(*chunk->slot));
	kfree(m, chunk, sizeof(*chunk));
}

static struct cache_chunk *chunk_new(struct machine *m, struct address_space *mapping, u64 number)
{
	struct cache_chunk *chunk = kzalloc_nowait(m, sizeof(*chunk));

	if (chunk && xa_insert(m, &mapping->chunks, number, chunk)) {
		kfree(m, chunk, sizeof(*chunk));
		chunk = NULL;
	}
	return chunk;
}

/* Make the chunk hold at least @need slots: a power of two, as CHUNK_MIN is one. */
static int chunk_grow(struct machine *m, struct cache_chunk *chunk, u32 need)
{
	u32 cap = need <= CHUNK_MIN ? CHUNK_MIN : 2u << ilog2(need - 1);
	u32 *slot = kzalloc_nowait(m, cap * sizeof(*slot));

	if (!slot)
		return -ENOMEM;
	if (chunk->cap) {
		memcpy(slot, chunk->slot, chunk->cap * sizeof(*slot));
		kfree(m, chunk->slot, chunk->cap * sizeof(*slot));
	}
	chunk->slot = slot;
	chunk->cap = cap;
	return 0;
}

/* Chunk @number with at least @need slots; NULL when there is no memory for it. */
static struct cache_chunk *chunk_reserve(struct machine *m, struct address_space *mapping,
					 u64 number, u32 need)
{
	struct cache_chunk *chunk = chunk_of(mapping, number);

	if (!chunk)
		chunk = chunk_new(m, mapping, number);
	if (!chunk || chunk->cap >= need || !chunk_grow(m, chunk, need))
		return chunk;
	if (!chunk->nr)
		chunk_free(m, mapping, chunk, number);
	return NULL;
}

struct folio *filemap_get_folio(struct machine *m, struct address_space *mapping, u64 index)
{
	const struct cache_chunk *chunk = chunk_of(mapping, index >> CHUNK_SHIFT);
	u32 off = chunk_offset(index);

	if (!chunk || off >= chunk->cap || !chunk->slot[off])
		return NULL;
	return pfn_folio(m, chunk->slot[off]);
}

struct folio *filemap_next_folio(struct machine *m, struct address_space *mapping,
				 u64 *index, u64 end)
{
	u64 number = *index >> CHUNK_SHIFT;
	u32 off = chunk_offset(*index);
	const struct cache_chunk *chunk = chunk_of(mapping, number);

	if (!chunk)
		chunk = xa_find(&mapping->chunks, &number);
	while (chunk) {
		u64 first = number << CHUNK_SHIFT;

		if (number != *index >> CHUNK_SHIFT)
			off = 0;
		for (; off < chunk->cap && first + off < end; off++) {
			if (!chunk->slot[off])
				continue;
			*index = first + off;
			return pfn_folio(m, chunk->slot[off]);
		}
		if (first + CHUNK_PAGES >= end)
			break;
		number++;
		chunk = xa_find(&mapping->chunks, &number);
	}
	return NULL;
}

int filemap_migrate_folio(struct machine *m, struct address_space *mapping, struct folio *old)
{
	struct folio *new = folio_alloc(m, GFP_KERNEL, folio_order(old));
	u8 page[PAGE_SIZE];

	if (!new)
		return -ENOMEM;
	for (u64 i = 0; i < folio_nr_pages(old); i++) {
		u64 index = old->page.index + i;

		phys_read(m, folio_phys(m, old) + PFN_PHYS(i), page, PAGE_SIZE);
		phys_write(m, folio_phys(m, new) + PFN_PHYS(i), page, PAGE_SIZE);
		chunk_of(mapping, index >> CHUNK_SHIFT)->slot[chunk_offset(index)] =
			folio_pfn(m, new);
	}
	new->page.index = old->page.index;
	new->page.flags |= old->page.flags & (PG_UPTODATE | PG_DIRTY | PG_MAPPING);
	old->page.flags &= ~PG_MAPPING;
	folio_put(m, old);
	return 0;
}

static void clear_slots(struct machine *m, struct address_space *mapping, u64 start, u64 nr)
{
	struct cache_chunk *chunk;

	for (u64 step; nr; start += step, nr -= step) {
		chunk = chunk_of(mapping, start >> CHUNK_SHIFT);
		step = min(nr, CHUNK_PAGES);
		memset(&chunk->slot[chunk_offset(start)], 0, step * sizeof(*chunk->slot));
		chunk->nr -= step;
		if (!chunk->nr)
			chunk_free(m, mapping, chunk, start >> CHUNK_SHIFT);
	}
}

/* A folio larger than a chunk, as 1 GiB pages are, fills several. */
static int set_slots(struct machine *m, struct address_space *mapping, u64 start, u64 nr, u32 pfn)
{
	for (u64 done = 0, step; done < nr; done += step) {
		u64 number = (start + done) >> CHUNK_SHIFT;
		u32 off = chunk_offset(start + done);
		struct cache_chunk *chunk;

		step = min(nr - done, CHUNK_PAGES);
		/* The kernel asks for memory first without sleeping, then in earnest. */
		chunk = chunk_reserve(m, mapping, number, off + step);
		if (!chunk)
			chunk = chunk_reserve(m, mapping, number, off + step);
		if (!chunk) {
			clear_slots(m, mapping, start, done);
			return -ENOMEM;
		}
		for (u32 i = 0; i < step; i++)
			chunk->slot[off + i] = pfn;
		chunk->nr += step;
	}
	return 0;
}

int filemap_add_folio(struct machine *m, struct address_space *mapping, struct folio *folio,
		      u64 index)
{
	u64 start = folio_start(folio, index), nr = folio_nr_pages(folio), at = start;
	u32 pfn = folio_pfn(m, folio);

	if (filemap_next_folio(m, mapping, &at, start + nr))
		return -EEXIST;
	if (set_slots(m, mapping, start, nr, pfn))
		return -ENOMEM;
	mapping->nrpages += nr;
	census_add(m, CENSUS_CACHED, nr);
	if (folio->page.flags & PG_MAPPING)
		ledger_alias(m, pfn);
	folio->page.flags |= PG_MAPPING;
	folio->page.index = index;
	folio_get(folio);
	return 0;
}

void filemap_remove_folio_at(struct machine *m, struct address_space *mapping,
			     struct folio *folio, u64 index)
{
	u64 nr = folio_nr_pages(folio);

	clear_slots(m, mapping, folio_start(folio, index), nr);
	mapping->nrpages -= nr;
	census_add(m, CENSUS_CACHED, -(s64)nr);
	folio->page.flags &= ~PG_MAPPING;
	folio_put(m, folio);
}

void filemap_truncate(struct machine *m, struct address_space *mapping, u64 index, u64 end)
{
	struct folio *folio;

	while ((folio = filemap_next_folio(m, mapping, &index, end)))
		filemap_remove_folio_at(m, mapping, folio, index++);
}

void invalidate_mapping_pages(struct machine *m, struct address_space *mapping)
{
	struct folio *folio;

	for (u64 index = 0, next;; index = next) {
		folio = filemap_next_folio(m, mapping, &index, UINT64_MAX);
		if (!folio)
			break;
		next = folio_start(folio, index) + folio_nr_pages(folio);
		if (folio->page.flags & PG_DIRTY || folio->page.refcount != 1)
			continue;
		ledger_evict(m, folio);
		filemap_remove_folio_at(m, mapping, folio, index);
	}
}

int filemap_split_folio(struct machine *m, struct address_space *mapping, struct folio *folio,
			u64 index)
{
	struct cache_chunk *chunk = chunk_of(mapping, index >> CHUNK_SHIFT);
	u32 at = chunk_offset(index), off = chunk_offset(folio_start(folio, index));

	/* Whoever else holds the folio, LUO's pin for one, does not expect it to shrink. */
	if (folio->page.refcount != 1)
		return -EAGAIN;
	while (folio_order(folio)) {
		struct folio *half = folio_split(folio);
		u32 nr = folio_nr_pages(half), middle = off + nr, pfn = folio_pfn(m, half);

		for (u32 i = 0; i < nr; i++)
			chunk->slot[middle + i] = pfn;
		if (at >= middle) {
			folio = half;
			off = middle;
		}
	}
	return 0;
}

/*
 * From one folio, or hole, as much as there is. Who reads takes no lock: the folio may
 * leave the file before it is copied, but not be freed.
 */
static u64 read_folio(struct machine *m, struct inode *inode, u8 *buf, u64 len, s64 pos)
{
	struct folio *folio = filemap_get_folio(m, &inode->i_mapping, pos >> PAGE_SHIFT);
	bool hole = !folio || !folio_test_uptodate(folio);
	u64 fsize = hole ? PAGE_SIZE : folio_nr_pages(folio) << PAGE_SHIFT;
	u64 offset = pos & (fsize - 1), nr = min(len, fsize - offset);

	if (!hole)
		folio_get(folio);
	task_yield(m, YIELD_COPY_TO_USER, NULL);
	if (hole) {
		memset(buf, 0, nr);
	} else {
		phys_read(m, folio_phys(m, folio) + offset, buf, nr);
		folio_put(m, folio);
	}
	return nr;
}

s64 filemap_read(struct machine *m, struct file *file, void *buf, u64 len, s64 *pos)
{
	struct inode *inode = file_inode(file);
	u64 done = 0;
	s64 size;

	while (done < len && *pos < (size = i_size_read(inode))) {
		const struct folio *folio = filemap_get_folio(m, &inode->i_mapping,
							      *pos >> PAGE_SHIFT);

		if (folio && folio_test_hwpoison(folio))
			return done ? (s64)done : -EIO;
		u64 nr = read_folio(m, inode, (u8 *)buf + done, min(len - done, (u64)(size - *pos)),
				    *pos);

		*pos += nr;
		done += nr;
	}
	return done;
}

void folio_mark_uptodate(struct folio *folio)
{
	folio->page.flags |= PG_UPTODATE;
}

void folio_mark_dirty(struct folio *folio)
{
	folio->page.flags |= PG_DIRTY;
}

bool folio_test_hwpoison(const struct folio *folio)
{
	return folio->page.flags & PG_HWPOISON;
}

bool folio_test_uptodate(const struct folio *folio)
{
	return folio->page.flags & PG_UPTODATE;
}

void folio_zero(struct machine *m, struct folio *folio)
{
	phys_zero(m, folio_phys(m, folio), folio_nr_pages(folio) << PAGE_SHIFT);
}
