/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine: page frames, which outlive kernels; the running kernel, which
 * lies in the heap and is dropped whole at kexec; the ledger, which no kernel
 * sees.
 */
#ifndef MODEL_MACHINE_H
#define MODEL_MACHINE_H

#include <setjmp.h>

#include "arena.h"
#include "fs.h"
#include "kho.h"
#include "ledger.h"
#include "liveupdate.h"
#include "luo_internal.h"
#include "luosim.h"
#include "mm.h"
#include "printk.h"
#include "xarray.h"

/* A place in the code that speaks only once, or only so often, per kernel. */
#define MAX_SITES	32
struct site {
	const void *where;
	u32 count;
};

/* All that a kernel holds in its global variables. */
struct kernel {
	struct boot boot;

	/* page_alloc.c: free blocks by order, as pfn + 1 of the first */
	u32 free_list[MAX_PAGE_ORDER + 1];
	u64 nr_free;

	/* fs.h */
	struct files_struct files;
	struct fs_struct fs;

	struct kho kho;
	struct luo luo;
	struct handlers *handlers;	/* handlers/handlers.h */
	bool kexec_image;		/* loaded */
	u64 kexec_fdt;			/* of that image: kho_fill_kimage() */

	struct site sites[MAX_SITES];
	u32 nr_sites;

	/* what policy_cost() counts */
	u64 heap_bytes;			/* given out by kzalloc() */
	s64 claims, claim_bytes;
};

struct machine {
	struct machine_config config;
	struct boot next_boot;
	struct arena persist;		/* this struct, page frames, ledger */
	struct arena heap;		/* the running kernel */
	struct kernel *k;
	u32 kernel_nr;

	struct page *memmap;
	u64 nr_frames;
	u64 top;			/* frames from here on were never touched */

	struct ledger ledger;

	const char *call[CALL_DEPTH];	/* see KCALL() */
	u32 call_depth;
	bool panicked;
	jmp_buf panic_env;		/* the system call under way */
	u32 fail_nth;
	bool fail_hit;

	u64 claims_held_max, claim_bytes_max, claim_lookups;	/* see policy_cost() */
};

static inline bool has_fix(const struct machine *m, enum fix fix)
{
	return m->k->boot.release.fixes & FIX_BIT(fix);
}

static inline u64 limit(const struct machine *m, enum limit limit)
{
	return m->k->boot.release.limit[limit];
}

static inline void census_add(struct machine *m, enum census_item item, s64 n)
{
	m->ledger.now.count[item] += n;
}

static inline bool pfn_valid(const struct machine *m, u64 pfn)
{
	return pfn < m->nr_frames;
}

/* A frame outside memory is an oops. */
static inline struct page *pfn_to_page(struct machine *m, u64 pfn)
{
	if (!pfn_valid(m, pfn))
		oops(m, PFN_PHYS(pfn));
	return &m->memmap[pfn];
}

static inline u64 page_to_pfn(const struct machine *m, const struct page *page)
{
	return page - m->memmap;
}

static inline struct folio *pfn_folio(struct machine *m, u64 pfn)
{
	return page_folio(pfn_to_page(m, pfn));
}

static inline u64 folio_pfn(const struct machine *m, const struct folio *folio)
{
	return page_to_pfn(m, &folio->page);
}

static inline phys_addr_t folio_phys(const struct machine *m, const struct folio *folio)
{
	return PFN_PHYS(folio_pfn(m, folio));
}

/*
 * A system call's body runs between SYSCALL_ENTER and its return; panic() comes
 * back to SYSCALL_ENTER, which then returns -EIO.
 */
#define SYSCALL_ENTER(m) do {						\
	if ((m)->panicked || setjmp((m)->panic_env))			\
		return -EIO;						\
	(m)->call_depth = 0;						\
} while (0)

/* Run @call as a system call; files given up meanwhile are released on its return. */
#define SYSCALL(m, call) do {						\
	int64_t __ret;							\
									\
	SYSCALL_ENTER(m);						\
	__ret = (call);							\
	if ((m)->k->files.task_works)					\
		exit_to_user_mode_loop(m);				\
	return __ret;							\
} while (0)

/* machine.c: start the next kernel with the handover FDT at @fdt, or none; all else is gone. */
void machine_kexec(struct machine *m, phys_addr_t fdt);
/* The object's address as a number that is the same in every run. */
static inline u64 object_id(const struct machine *m, const void *ptr)
{
	return (u64)((const char *)ptr - m->heap.base) / ARENA_STEP;
}

#endif
