/* SPDX-License-Identifier: GPL-2.0-only */
/* Page frames, folios, the slab heap and vmalloc areas. */
#ifndef MODEL_MM_MM_H
#define MODEL_MM_MM_H

#include "lib/types.h"

struct machine;

/*
 * Twenty-four bytes a frame, so that a machine of many gigabytes fits. Frames
 * that were never touched are all zero and cost nothing.
 */
struct page {
	union {
		u64 private;		/* KHO's magic and order, or 0 */
		struct {
			u32 next, prev;	/* PG_BUDDY: free list, pfn + 1; 0 ends it */
		} buddy;
	};
	u32 data;	/* contents: see phys.c; 0 means all zero, or scrambled */
	u32 index;	/* of a folio in a page cache: offset in pages */
	s32 refcount;
	u8 order;	/* of a head page, or of a free block */
	u8 memcg;	/* of a head page: who is charged, see memcontrol.c; 0: nobody */
	u16 flags;
};

/* A folio is its head page. */
struct folio {
	struct page page;
};

enum pageflags {
	PG_BUDDY	= 1 << 0,	/* head of a free block */
	PG_TAIL		= 1 << 1,	/* of a compound page */
	PG_UPTODATE	= 1 << 2,
	PG_DIRTY	= 1 << 3,
	PG_INCOMING	= 1 << 4,	/* handed over and not restored */
	PG_SCRAMBLED	= 1 << 5,	/* bytes not written since are garbage */
	PG_UNTRACKED	= 1 << 6,	/* KHO's own tracking: not in the census */
	PG_MAPPING	= 1 << 7,	/* head of a folio in a page cache */
	PG_UNTAGGED	= 1 << 8,	/* restored, and the profile of allocations not told */
	PG_HWPOISON	= 1 << 9,	/* memory_failure(): it cannot be read */
	PG_USED		= 1 << 10,	/* some kernel has had it: all others are zero */
	/* What is said of a frame's bytes, and stays when it is free. */
	PG_BYTES	= PG_SCRAMBLED | PG_USED,
};

/* Of free memory, by page blocks: scratch areas are for movable pages. */
#define PAGEBLOCK_ORDER	9
enum migratetype { MIGRATE_MOVABLE, MIGRATE_CMA, NR_MIGRATETYPES };

enum gfp {
	GFP_KERNEL	= 0,
	__GFP_ZERO	= 1 << 0,
	__GFP_UNTRACKED	= 1 << 1,	/* see PG_UNTRACKED */
	__GFP_MOVABLE	= 1 << 3,	/* may lie in scratch */
	__GFP_USER	= 1 << 2,	/* for the process: no failure is injected */
};

/* phys.c: what the frames hold. An address outside memory is an oops. */
void phys_read(struct machine *m, phys_addr_t phys, void *buf, u64 size);
static inline u64 phys_read_u64(struct machine *m, phys_addr_t phys)
{
	u64 val;

	phys_read(m, phys, &val, sizeof(val));
	return val;
}

/* Of the page at @phys, word *@i or the next one that is not zero; false if there is none. */
bool phys_next_word(struct machine *m, phys_addr_t phys, u32 *i, u64 *word);
void phys_write(struct machine *m, phys_addr_t phys, const void *buf, u64 size);
void phys_zero(struct machine *m, phys_addr_t phys, u64 size);
/* Where the byte at @phys is stored, until its frame is written to again. */
u8 *phys_byte(struct machine *m, phys_addr_t phys);
/* The frames from @pfn to @end may hold anything from now on. */
void frames_use(struct machine *m, u64 pfn, u64 end);
/* Give frame @pfn's contents up; @scramble says what remains. */
void phys_drop(struct machine *m, u64 pfn, bool scramble);
void phys_fill_garbage(const u8 *base, u64 pfn, u8 *page);
bool phys_is_garbage(const u8 *base, u64 pfn, const u8 *page);
/*
 * A hash of @size bytes at @phys, which lie in one frame, as bytes @offset and on of
 * something; 0 if they are all zero.
 */
u64 phys_hash(struct machine *m, phys_addr_t phys, u64 size, u64 offset);

/* pfn_valid(), pfn_to_page(), page_to_pfn() and those of folios are in machine.h. */
static inline struct folio *page_folio(struct page *page)
{
	return (struct folio *)page;
}
static inline unsigned int folio_order(const struct folio *folio)
{
	return folio->page.order;
}
static inline u64 folio_nr_pages(const struct folio *folio)
{
	return 1ull << folio->page.order;
}
/* page_alloc.c: the buddy allocator. NULL when no block is free or the allocation fails. */
struct folio *folio_alloc(struct machine *m, unsigned int gfp, unsigned int order);
void folio_get(struct folio *folio);
void folio_put(struct machine *m, struct folio *folio);
void folio_pin(struct machine *m, struct folio *folio);
void unpin_folio(struct machine *m, struct folio *folio);
/* Order-0 pages with a physical address instead of a folio; 0 on failure. */
phys_addr_t get_zeroed_page(struct machine *m, unsigned int gfp);
void free_page(struct machine *m, phys_addr_t phys);
/* @nr contiguous pages of order 0, any number of them; the pfn of the first, 0 on failure. */
u64 alloc_contig_pages(struct machine *m, u64 nr);
void free_contig_range(struct machine *m, u64 pfn, u64 nr);
/* A folio above MAX_PAGE_ORDER, of as many contiguous pages; NULL on failure. */
struct folio *folio_alloc_gigantic(struct machine *m, unsigned int order);
/* Halve a folio; the upper half, which is returned, has its flags and references too. */
struct folio *folio_split(struct folio *folio);
/* Make pages of order 0, each with a reference, of a folio. */
void split_page(struct folio *folio);
/* Make a compound page of a restored range. */
void prep_compound_page(struct machine *m, struct page *page, unsigned int order);
/* The zones of the node of @pfn manage this many more pages, from @pfn on. */
void adjust_managed_page_count(struct machine *m, u64 pfn, s64 nr);
/* Is it one of those that are initialized late, with CONFIG_DEFERRED_STRUCT_PAGE_INIT? */
bool page_is_deferred(const struct machine *m, u64 pfn);
/* Take one page, which is free, out of the allocator for good. */
void take_page_off_buddy(struct machine *m, u64 pfn);
/* Is it in a free block of which nothing is written down? */
bool page_is_fresh(const struct machine *m, u64 pfn);
/* Is the frame part of a free block? */
bool page_is_free(const struct machine *m, u64 pfn);
/* Give scratch memory from @start on to movable pages. */
void init_cma_reserved(struct machine *m, u64 start, u64 end);
/* Is it scratch memory that movable pages may use? A long-term pin may not stay there. */
bool is_migrate_cma(const struct machine *m, u64 pfn);
/* Give all frames of [start, end) that are not PG_INCOMING to the allocator. */
void memblock_free_all(struct machine *m, u64 start, u64 end);

/* slab.c: the running kernel's heap. kzalloc is zeroed; NULL on failure. */
void *kzalloc(struct machine *m, u64 size);
/* The same where no other task may run in between. */
void *kzalloc_nowait(struct machine *m, u64 size);
/* For what a tree's kernel has allocated already. */
void *kzalloc_nofail(struct machine *m, u64 size);
void kfree(struct machine *m, void *ptr, u64 size);
/*
 * Arrays of @n page pointers, which the model keeps as page frame numbers. Above
 * INT_MAX bytes of pointers kvmalloc() warns and fails, as in the kernel.
 */
u32 *kvmalloc_pages(struct machine *m, u64 n);
void kvfree_pages(struct machine *m, u32 *pfns, u64 n);

/* usermem.c: put @len bytes into fresh pages of the process; what to unmap, or 0. */
u64 user_buffer_map(struct machine *m, const void *buf, u64 len);
void user_buffer_unmap(struct machine *m, u64 first);

/* memory-failure.c: 0, -EBUSY when somebody has it who cannot be told, -EHWPOISON again. */
int memory_failure(struct machine *m, u64 pfn);

/* hwpoison_kho.c */
struct hwpoison_kho {
	struct vm_struct *pfns;
	u64 capacity;
	phys_addr_t hdr;
	bool published, replaying;
};
void hwpoison_kho_record(struct machine *m, u64 pfn);
/* late_initcall */
void hwpoison_kho_init(struct machine *m);

/* vmalloc.c: areas of order-0 pages, contiguous only in virtual addresses. */
struct vm_struct {
	u32 nr_pages;
	u16 order;
	bool poisoned;			/* KASAN was not told that it may be used */
	u32 flags;
	u32 *pfns;
	struct vmap_area *area;		/* its place among the virtual addresses */
};
#define VM_ALLOC		0x00000002
#define VM_USERMAP		0x00000008
#define VM_ALLOW_HUGE_VMAP	0x00000400
/* __get_vm_area_node(): an area without pages; NULL on failure. */
struct vm_struct *get_vm_area(struct machine *m);
/* What a tree's kernel has made: it does not fail. */
struct vm_struct *vm_area_of(struct machine *m, const u32 *pfns, u32 nr, unsigned int order,
			     u32 flags);
struct vm_struct *vcalloc(struct machine *m, u64 n, u64 size);
/* The same of pages of PMD_ORDER, where it has one of them at least. */
struct vm_struct *vmalloc_huge(struct machine *m, u64 size);
void vfree(struct machine *m, struct vm_struct *vm);
/* What is read lies past an area. */
void vmalloc_oops(struct machine *m, u32 nr_pages) __attribute__((noreturn));
void vmalloc_read(struct machine *m, const struct vm_struct *vm, u64 off, void *buf, u64 size);
void vmalloc_write(struct machine *m, struct vm_struct *vm, u64 off, const void *buf, u64 size);

#endif
