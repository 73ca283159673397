/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages with memory errors (mm/memory-failure.c), as far as they are injected: what the page
 * holds can still be read, by who does not ask. What was found in one kernel is unknown to the
 * next one, unless hwpoison_kho.c tells it.
 */
#include "machine/machine.h"

#define pr_fmt "Memory failure: "

enum mf_result { MF_IGNORED, MF_FAILED, MF_RECOVERED };

static int action_result(struct machine *m, u64 pfn, const char *type, enum mf_result result)
{
	static const char *const names[] = { "Ignored", "Failed", "Recovered" };

	hwpoison_kho_record(m, pfn);
	pr_err(m, "0x%llx: recovery action for %s: %s", (unsigned long long)pfn, type,
	       names[result]);
	return result == MF_RECOVERED ? 0 : -EBUSY;
}

/* The page stays in the file; who has pinned it goes on to use it. */
static int page_cache_failure(struct machine *m, u64 pfn, const struct folio *folio)
{
	s32 users = folio->page.refcount - 1;

	if (users > 0)
		pr_err(m, "0x%llx: dirty LRU page still referenced by %d users",
		       (unsigned long long)pfn, users);
	return action_result(m, pfn, "dirty LRU page", users > 0 ? MF_FAILED : MF_RECOVERED);
}

int memory_failure(struct machine *m, u64 pfn)
{
	struct page *page;

	if (!pfn_valid(m, pfn)) {
		pr_err(m, "0x%llx: memory outside kernel control", (unsigned long long)pfn);
		return -ENXIO;
	}
	page = pfn_to_page(m, pfn);
	if (page->flags & PG_HWPOISON)
		return -EHWPOISON;
	if (page_is_free(m, pfn)) {
		take_page_off_buddy(m, pfn);
		page->flags |= PG_HWPOISON;
		return action_result(m, pfn, "free buddy page", MF_RECOVERED);
	}
	page->flags |= PG_HWPOISON;
	if (page->flags & PG_MAPPING)
		return page_cache_failure(m, pfn, page_folio(page));
	/* So are pages that were handed over and that nobody has restored yet. */
	return action_result(m, pfn, "reserved kernel page", MF_IGNORED);
}

int sys_memory_failure(struct machine *m, uint64_t pfn)
{
	SYSCALL(m, memory_failure(m, pfn));
}
