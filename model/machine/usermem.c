/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The process's own memory, as far as it matters to others: a large buffer is
 * fresh anonymous memory, so that its pages come from the same allocator as all
 * the rest and overwrite what was freed there.
 */
#include "machine/machine.h"

/* From here on malloc() maps new pages; smaller ones the process has already. */
#define MMAP_THRESHOLD	(128u << 10)

u64 user_buffer_map(struct machine *m, const void *buf, u64 len)
{
	u64 first = 0;

	if (len < MMAP_THRESHOLD)
		return 0;
	for (u64 off = 0; off < len; off += PAGE_SIZE) {
		struct folio *folio = folio_alloc(m, __GFP_USER, 0);

		if (!folio)
			break;
		phys_write(m, folio_phys(m, folio), (const u8 *)buf + off,
			   min(PAGE_SIZE, len - off));
		folio->page.index = first;
		first = folio_pfn(m, folio);
	}
	return first;
}

void user_buffer_unmap(struct machine *m, u64 first)
{
	while (first) {
		struct folio *folio = pfn_folio(m, first);

		first = folio->page.index;
		folio_put(m, folio);
	}
}

void *machine_user_alloc(struct machine *m, size_t size)
{
	return arena_alloc(&m->persist, size);
}

void machine_user_free(struct machine *m, void *mem, size_t size)
{
	arena_free(&m->persist, mem, size);
}
