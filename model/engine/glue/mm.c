/* SPDX-License-Identifier: GPL-2.0-only */
/* Page frames, the heap, vmalloc areas and user memory, as luosim's model has them. */
#include <linux/gfp.h>
#include <linux/memblock.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/xarray.h>

#include "glue.h"
#include "supply.h"

extern void prep_compound_page(struct page *page, unsigned int order);

/* ARCH=um has physical memory and its struct pages wherever these say. */
unsigned long uml_physmem, high_physmem, max_mapnr, max_low_pfn, task_size;
struct page *mem_map;

/* Folios that were touched since luosim called: by number, what follows + 1. */
static u32 *touched;
static u32 first_touched;
#define TOUCHED_LAST	U32_MAX

static bool is_tracking, is_inserting, has_allocator, is_damaged;
static struct list_head areas = LIST_HEAD_INIT(areas);
static unsigned long vmalloc_start, vmalloc_next, vmalloc_end;

/* What KHO remembers is written in one step. */
void tracking(bool on)
{
	is_tracking = on;
	HOST(one_step, on);
}

void inserting(bool on)
{
	is_inserting = on;
}

void memory_init(const struct engine_boot *boot)
{
	uml_physmem = (unsigned long)boot->physmem;
	high_physmem = uml_physmem + (boot->nr_frames << PAGE_SHIFT);
	max_mapnr = boot->nr_frames;
	max_low_pfn = boot->nr_frames;
	mem_map = boot->memmap;
	touched = boot->touched;
	is_damaged = boot->damaged;
	task_size = ~0ul;
	vmalloc_start = vmalloc_next = (unsigned long)boot->vmalloc;
	vmalloc_end = vmalloc_next + boot->vmalloc_size;
}

void allocator_init(void)
{
	has_allocator = true;
}

/* ---- Folios ---- */

static void touch(unsigned long pfn)
{
	if (touched[pfn])
		return;
	touched[pfn] = first_touched ? first_touched : TOUCHED_LAST;
	first_touched = pfn + 1;
}

static struct folio *folio_fill(unsigned long pfn)
{
	struct page *page = pfn_to_page(pfn);
	struct engine_page ep;

	HOST(page_get, pfn, &ep);
	memset(page, 0, sizeof(*page) << ep.order);
	set_page_count(page, ep.refcount);
	if (ep.order)
		prep_compound_page(page, ep.order);
	page_folio(page)->index = ep.index;
	if (ep.uptodate)
		__SetPageUptodate(page);
	if (ep.dirty)
		SetPageDirty(page);
	touch(pfn);
	return page_folio(page);
}

struct folio *folio_pull(unsigned long pfn)
{
	return touched[pfn] ? page_folio(pfn_to_page(pfn)) : folio_fill(pfn);
}

static void folio_push(struct folio *folio)
{
	struct engine_page ep = {
		.refcount = folio_ref_count(folio),
		.order = folio_order(folio),
		.index = folio->index,
		.uptodate = folio_test_uptodate(folio),
		.dirty = folio_test_dirty(folio),
	};

	if (ep.refcount)
		HOST(page_set, folio_pfn(folio), &ep);
}

void pages_push(void)
{
	while (first_touched) {
		unsigned long pfn = first_touched - 1;

		first_touched = touched[pfn] == TOUCHED_LAST ? 0 : touched[pfn];
		touched[pfn] = 0;
		folio_push((struct folio *)pfn_to_page(pfn));
	}
}

/* Others may have taken references on pages that the task still has. */
static void pages_pull(void)
{
	struct engine_page ep;

	for (unsigned long pfn = 0; pfn < HOST(top); pfn++) {
		if (!page_count(pfn_to_page(pfn)))
			continue;
		HOST(page_get, pfn, &ep);
		set_page_count(pfn_to_page(pfn), ep.refcount);
	}
}

/*
 * The pages that a task touched last before it gave way, by its frame. Where it goes on it
 * may still change them.
 */
#define MAX_TASKS	8
#define MAX_KEPT	32

static struct kept {
	const void *frame;
	unsigned int nr;
	unsigned long pfns[MAX_KEPT];
} kept[MAX_TASKS];

static void keep_touched(const void *frame)
{
	struct kept *k = kept;
	unsigned long pfn;

	if (!first_touched)
		return;
	while (k < kept + MAX_TASKS - 1 && k->frame)
		k++;
	k->frame = frame;
	for (pfn = first_touched - 1; k->nr < MAX_KEPT; pfn = touched[pfn] - 1) {
		k->pfns[k->nr++] = pfn;
		if (touched[pfn] == TOUCHED_LAST)
			break;
	}
}

static void touch_kept(const void *frame)
{
	struct engine_page ep;

	for (struct kept *k = kept; k < kept + MAX_TASKS; k++) {
		if (!frame || k->frame != frame)
			continue;
		while (k->nr) {
			HOST(page_get, k->pfns[--k->nr], &ep);
			if (ep.refcount)
				touch(k->pfns[k->nr]);
		}
		memset(k, 0, sizeof(*k));
	}
}

void memory_give_way(struct engine_task *task)
{
	keep_touched(task->frame);
	task->tracking = is_tracking;
	task->inserting = is_inserting;
}

void memory_go_on(const struct engine_task *task)
{
	is_tracking = task->tracking;
	is_inserting = task->inserting;
	pages_pull();
	touch_kept(task->frame);
}

static struct page *alloc(gfp_t gfp, unsigned int order)
{
	unsigned long pfn = HOST(frame_alloc, order, gfp & __GFP_ZERO, is_tracking);

	if (!pfn)
		return NULL;
	return &folio_fill(pfn)->page;
}

static void free_last(struct page *page)
{
	set_page_count(page, 0);
	page->private = 0;
	HOST(frame_free, page_to_pfn(page));
}

SUPPLY(struct folio *, __folio_alloc_noprof, (gfp_t gfp, unsigned int order))
{
	return (struct folio *)alloc(gfp, order);
}

SUPPLY(struct folio *, folio_alloc_noprof, (gfp_t gfp, unsigned int order))
{
	return (struct folio *)alloc(gfp, order);
}

SUPPLY(struct page *, __alloc_pages_noprof, (gfp_t gfp, unsigned int order))
{
	return alloc(gfp, order);
}

SUPPLY(struct page *, alloc_pages_noprof, (gfp_t gfp, unsigned int order))
{
	return alloc(gfp, order);
}

SUPPLY(unsigned long, get_free_pages_noprof, (gfp_t gfp, unsigned int order))
{
	struct page *page = alloc(gfp, order);

	return page ? (unsigned long)page_address(page) : 0;
}

SUPPLY(unsigned long, get_zeroed_page_noprof, (gfp_t gfp))
{
	return luosim_get_free_pages_noprof(gfp | __GFP_ZERO, 0);
}

SUPPLY(void, __folio_put, (struct folio *folio))
{
	free_last(&folio->page);
}

SUPPLY(void, __free_pages, (struct page *page, unsigned int order))
{
	if (put_page_testzero(page))
		free_last(page);
}

SUPPLY(void, free_pages, (unsigned long addr, unsigned int order))
{
	if (addr)
		luosim___free_pages(virt_to_page((void *)addr), order);
}

/* Up to where pages were restored last. */
unsigned long restored_end;

/* KHO gives pages that it restored to the kernel: whoever does, has restored them. */
SUPPLY(void, adjust_managed_page_count, (struct page *page, long count))
{
	unsigned long pfn = page_to_pfn(page);

	if (count <= 0)
		return;
	restored_end = pfn + count;
	HOST(folio_restored, pfn, count);
	for (long i = 0; i < count; i++) {
		touch(pfn + i);
		folio_push((struct folio *)(page + i));
		if (PageHead(page))
			break;
	}
}

SUPPLY(unsigned long, free_reserved_area, (void *start, void *end, int poison, const char *s))
{
	return 0;
}

SUPPLY(void, init_cma_reserved_pageblock, (struct page *page))
{
}

/* ---- Page caches ---- */

SUPPLY(long, memfd_pin_folios, (struct file *file, loff_t start, loff_t end,
				struct folio **folios, unsigned int max, pgoff_t *offset))
{
	u32 *pfns = HOST(own_alloc, (unsigned long)max * sizeof(*pfns));
	long nr;

	files_push();
	pages_push();
	nr = HOST(pin_folios, model_of(file), start, end, pfns, max);
	for (long i = 0; i < nr; i++)
		folios[i] = folio_fill(pfns[i]);
	HOST(own_free, pfns, (unsigned long)max * sizeof(*pfns));
	if (nr >= 0)
		*offset = offset_in_folio(folios[0], start);
	return nr;
}

SUPPLY(void, unpin_folio, (struct folio *folio))
{
	unsigned long pfn = folio_pfn(folio_pull(folio_pfn(folio)));

	folio_push(folio);
	HOST(unpin_folio, pfn);
	folio_fill(pfn);
}

SUPPLY(void, unpin_folios, (struct folio **folios, unsigned long nr))
{
	for (unsigned long i = 0; i < nr; i++)
		luosim_unpin_folio(folios[i]);
}

SUPPLY(int, shmem_add_to_page_cache, (struct folio *folio, struct address_space *mapping,
				      pgoff_t index))
{
	unsigned long pfn = folio_pfn(folio);
	int err;

	folio_push(folio);
	err = HOST(add_to_page_cache, model_inode(mapping->host), pfn, index);
	if (err)
		return err;
	folio_ref_add(folio, 1);
	folio->mapping = mapping;
	folio->index = index;
	return 0;
}

SUPPLY(void, filemap_remove_folio, (struct folio *folio))
{
	struct address_space *mapping = folio->mapping;

	folio_push(folio);
	HOST(remove_folio, model_inode(mapping->host), folio_pfn(folio), folio->index);
	folio->mapping = NULL;
	folio_ref_sub(folio, 1);
}

SUPPLY(int, shmem_inode_acct_blocks, (struct inode *inode, long pages))
{
	return HOST(acct_blocks, model_inode(inode), pages);
}

SUPPLY(void, shmem_recalc_inode, (struct inode *inode, long alloced, long swapped))
{
	HOST(recalc_inode, model_inode(inode), alloced);
}

SUPPLY(bool, folio_mark_dirty, (struct folio *folio))
{
	folio_pull(folio_pfn(folio));
	SetPageDirty(&folio->page);
	return true;
}

SUPPLY(void, folio_add_lru, (struct folio *folio))
{
}

SUPPLY(void, folio_unlock, (struct folio *folio))
{
	/* The flags come first in a struct page, whatever their type is. */
	__clear_bit(PG_locked, (unsigned long *)&folio->page);
}

/* ---- The heap ---- */

struct mm_object {
	size_t size;
	bool uncounted, own;
} __aligned(16);

kmem_buckets luosim_kmalloc_caches[NR_KMALLOC_TYPES] __asm__("kmalloc_caches");
struct kmem_cache *luosim_node_cachep __asm__("radix_tree_node_cachep");

static void *object_alloc(size_t size, bool nowait)
{
	struct mm_object *object;

	if (size > KMALLOC_MAX_SIZE)
		return NULL;
	object = HOST(heap_alloc, sizeof(*object) + size, is_tracking, nowait);
	if (!object)
		return NULL;
	object->size = size;
	object->uncounted = is_tracking;
	if (is_tracking)
		HOST(uncount, 1);
	return object + 1;
}

/* One that never fails, and that nobody counts. */
static void *own_object_alloc(size_t size)
{
	struct mm_object *object = HOST(own_alloc, sizeof(*object) + size);

	object->size = size;
	object->own = true;
	return object + 1;
}

/*
 * What is as large as a page is one: the kernel may hand its address over. It is counted as an
 * object all the same.
 */
static void *page_object_alloc(gfp_t gfp)
{
	unsigned long pfn = HOST(frame_alloc, 0, gfp & __GFP_ZERO, true);

	if (!pfn)
		return NULL;
	HOST(uncount, -1);
	return page_address(&folio_fill(pfn)->page);
}

static bool is_page_object(const void *mem)
{
	return (unsigned long)mem - uml_physmem < high_physmem - uml_physmem;
}

static void *object_or_page_alloc(size_t size, gfp_t gfp)
{
	return size == PAGE_SIZE ? page_object_alloc(gfp) : object_alloc(size, false);
}

SUPPLY(void, kfree, (const void *mem))
{
	struct mm_object *object = (struct mm_object *)mem - 1;

	if (ZERO_OR_NULL_PTR(mem))
		return;
	if (is_page_object(mem)) {
		HOST(uncount, 1);
		free_last(virt_to_page((void *)mem));
		return;
	}
	if (object->own) {
		HOST(own_free, object, sizeof(*object) + object->size);
		return;
	}
	if (object->uncounted)
		HOST(uncount, -1);
	HOST(heap_free, object, sizeof(*object) + object->size);
}

SUPPLY(void *, __kmalloc_noprof, (size_t size, gfp_t gfp))
{
	return size ? object_or_page_alloc(size, gfp) : ZERO_SIZE_PTR;
}

SUPPLY(void *, __kmalloc_cache_noprof, (struct kmem_cache *s, gfp_t gfp, size_t size))
{
	return object_or_page_alloc(size, gfp);
}

SUPPLY(void *, __kmalloc_large_noprof, (size_t size, gfp_t gfp))
{
	return object_or_page_alloc(size, gfp);
}

SUPPLY(void *, kmem_cache_alloc_lru_noprof, (struct kmem_cache *s, void *lru, gfp_t gfp))
{
	return is_inserting ? own_object_alloc(sizeof(struct xa_node)) :
			      object_alloc(sizeof(struct xa_node), true);
}

SUPPLY(void, kmem_cache_free, (struct kmem_cache *s, void *mem))
{
	luosim_kfree(mem);
}

SUPPLY(void, radix_tree_node_rcu_free, (struct rcu_head *head))
{
	luosim_kfree(container_of(head, struct xa_node, rcu_head));
}

SUPPLY(void, call_rcu, (struct rcu_head *head, rcu_callback_t func))
{
	func(head);
}

SUPPLY(bool, slab_is_available, (void))
{
	return has_allocator;
}

/* ---- vmalloc ---- */

struct area {
	struct vm_struct vm;
	struct list_head list;
	void *object;			/* what the kernel would have of it besides */
	unsigned int order;
	bool mapped;
};

static struct area *area_of(const void *addr)
{
	struct area *area;

	list_for_each_entry(area, &areas, list)
		if (area->vm.addr == addr)
			return area;
	return NULL;
}

static void area_free(struct area *area)
{
	list_del(&area->list);
	if (area->mapped)
		HOST(unmap, area->vm.addr, area->vm.size >> PAGE_SHIFT);
	luosim_kfree(area->object);
	luosim_kfree(area);
	if (list_empty(&areas))
		vmalloc_next = vmalloc_start;
}

static struct area *area_alloc(size_t size, unsigned long flags)
{
	struct area *area = size ? object_alloc(sizeof(*area), true) : NULL;

	if (!area)
		return NULL;
	INIT_LIST_HEAD(&area->list);
	area->object = object_alloc(16, true);
	if (!area->object) {
		area_free(area);
		return NULL;
	}
	area->vm.size = PAGE_ALIGN(size) + PAGE_SIZE;	/* with a guard page */
	area->vm.flags = flags;
	area->vm.addr = (void *)vmalloc_next;
	if (area->vm.size > vmalloc_end - vmalloc_next)
		HOST(stop, "simulator: addresses for vmalloc areas are used up");
	list_add(&area->list, &areas);
	return area;
}

/*
 * One page needs no second address, unless what is read past it matters; more of them get
 * a range.
 */
static int area_map(struct area *area, struct page **pages, unsigned long nr)
{
	list_move(&area->list, &areas);
	if (nr == 1 && !is_damaged) {
		area->vm.addr = page_address(pages[0]);
		return 0;
	}
	for (unsigned long i = 0; i < nr; i++)
		if (!HOST(map, area->vm.addr + i * PAGE_SIZE, page_to_pfn(pages[i])))
			return -ENOMEM;
	area->mapped = true;
	vmalloc_next += area->vm.size;
	return 0;
}

SUPPLY(struct vm_struct *, __get_vm_area_node, (unsigned long size, unsigned long align,
						unsigned long shift, unsigned long flags))
{
	struct area *area = area_alloc(size, flags);

	if (!area)
		return NULL;
	area->order = shift - PAGE_SHIFT;
	return &area->vm;
}

SUPPLY(struct vm_struct *, find_vm_area, (const void *addr))
{
	struct area *area = area_of(addr);

	return area ? &area->vm : NULL;
}

SUPPLY(unsigned int, get_vm_area_page_order, (struct vm_struct *vm))
{
	return container_of(vm, struct area, vm)->order;
}

SUPPLY(void, clear_vm_uninitialized_flag, (struct vm_struct *vm))
{
	vm->flags &= ~VM_UNINITIALIZED;
}

SUPPLY(void, free_vm_area, (struct vm_struct *vm))
{
	area_free(container_of(vm, struct area, vm));
}

SUPPLY(int, vmap_pages_range, (unsigned long addr, unsigned long end, pgprot_t prot,
			       struct page **pages, unsigned int shift))
{
	return area_map(area_of((void *)addr), pages, (end - addr) >> PAGE_SHIFT);
}

static void free_area_pages(struct area *area, unsigned long nr)
{
	for (unsigned long i = 0; i < nr; i++)
		luosim___free_pages(area->vm.pages[i], 0);
	luosim_kfree(area->vm.pages);
	area_free(area);
}

SUPPLY(void, vfree, (const void *addr))
{
	struct area *area = addr ? area_of(addr) : NULL;

	if (area)
		free_area_pages(area, area->vm.nr_pages);
}

void *area_show(const unsigned int *pfns, unsigned long nr, unsigned int order,
		unsigned long flags)
{
	struct area *area = own_object_alloc(sizeof(*area));

	area->vm.addr = (void *)vmalloc_next;
	area->vm.flags = flags;
	area->vm.nr_pages = nr;
	area->vm.pages = own_object_alloc(nr * sizeof(struct page *));
	area->order = order;
	for (unsigned long i = 0; i < nr; i++)
		area->vm.pages[i] = pfn_to_page(pfns[i]);
	list_add(&area->list, &areas);
	return area->vm.addr;
}

void area_hide(void *addr)
{
	struct area *area = area_of(addr);

	luosim_kfree(area->vm.pages);
	area_free(area);
}

/* Numbers of frames are shorter than addresses, and take their place. */
void *area_give(void *addr)
{
	const struct area *area = area_of(addr);
	unsigned int *pfns = (unsigned int *)area->vm.pages;
	void *given;

	for (unsigned int i = 0; i < area->vm.nr_pages; i++)
		pfns[i] = page_to_pfn(area->vm.pages[i]);
	given = HOST(area, pfns, area->vm.nr_pages, area->order, area->vm.flags);
	area_hide(addr);
	return given;
}

static void *vzalloc_pages(size_t size)
{
	struct area *area;
	unsigned long i;

	if (!size || HOST(too_large, size))
		return NULL;
	area = area_alloc(size, VM_ALLOC);
	if (!area)
		return NULL;
	area->vm.nr_pages = PAGE_ALIGN(size) >> PAGE_SHIFT;
	area->vm.pages = object_alloc(area->vm.nr_pages * sizeof(struct page *), true);
	if (!area->vm.pages) {
		area_free(area);
		return NULL;
	}
	for (i = 0; i < area->vm.nr_pages; i++) {
		area->vm.pages[i] = alloc(__GFP_ZERO, 0);
		if (!area->vm.pages[i])
			break;
	}
	if (i < area->vm.nr_pages || area_map(area, area->vm.pages, i)) {
		free_area_pages(area, i);
		return NULL;
	}
	return area->vm.addr;
}

SUPPLY(void *, vcalloc_noprof, (size_t n, size_t size))
{
	size_t bytes;

	return check_mul_overflow(n, size, &bytes) ? NULL : vzalloc_pages(bytes);
}

SUPPLY(void *, vzalloc_noprof, (size_t size))
{
	return vzalloc_pages(size);
}

SUPPLY(void *, vmalloc_noprof, (size_t size))
{
	return vzalloc_pages(size);
}

SUPPLY(void *, __kvmalloc_node_noprof, (size_t size))
{
	static bool warned;

	if (size > INT_MAX) {
		if (!warned) {
			const void *chain[ENGINE_CHAIN];

			warned = true;
			HOST(warn, luosim___kvmalloc_node_noprof, chain, call_chain(chain));
		}
		return NULL;
	}
	return HOST(too_large, size) ? NULL : object_alloc(size, true);
}

SUPPLY(void, kvfree, (const void *mem))
{
	luosim_kfree(mem);
}

/* ---- Memory before there is an allocator ---- */

SUPPLY(int, memblock_add, (phys_addr_t base, phys_addr_t size))
{
	return 0;
}

SUPPLY(int, memblock_mark_kho_scratch, (phys_addr_t base, phys_addr_t size))
{
	return 0;
}

SUPPLY(void, memblock_set_kho_scratch_only, (void))
{
}

SUPPLY(int, memblock_reserved_mark_noinit, (phys_addr_t base, phys_addr_t size))
{
	return 0;
}

SUPPLY(void, memmap_init_kho_scratch_pages, (void))
{
}

struct memblock memblock;

/* Nobody keeps account of ranges, so there is nothing to count. */
SUPPLY(void, __next_mem_range, (u64 *idx))
{
	*idx = U64_MAX;
}

static int reserve(phys_addr_t base, phys_addr_t size)
{
	if (pfn_valid(PHYS_PFN(base)))
		HOST(reserve, base, size);
	return 0;
}

SUPPLY(int, __memblock_reserve, (phys_addr_t base, phys_addr_t size))
{
	return reserve(base, size);
}

SUPPLY(int, memblock_reserve, (phys_addr_t base, phys_addr_t size))
{
	return reserve(base, size);
}

SUPPLY(phys_addr_t, memblock_end_of_DRAM, (void))
{
	return PFN_PHYS(max_mapnr);
}

/* One scratch area, which is that of the node: scratch_scale makes it twice this. */
SUPPLY(phys_addr_t, memblock_reserved_kern_size, (phys_addr_t limit, int nid))
{
	unsigned long size;

	HOST(scratch, &size);
	return nid == NUMA_NO_NODE ? 0 : size / 2;
}

SUPPLY(phys_addr_t, memblock_reserved_hugetlb_size, (phys_addr_t limit, int nid))
{
	return 0;
}

SUPPLY(phys_addr_t, memblock_phys_alloc_range, (phys_addr_t size, phys_addr_t align))
{
	unsigned long scratch_size;

	return HOST(scratch, &scratch_size);
}

SUPPLY(phys_addr_t, memblock_alloc_range_nid, (phys_addr_t size, phys_addr_t align))
{
	return luosim_memblock_phys_alloc_range(size, align);
}

SUPPLY(int, memblock_phys_free, (phys_addr_t base, phys_addr_t size))
{
	return 0;
}

/* Not in a frame: what is taken so early nobody hands over or gives back later. */
SUPPLY(void *, memblock_alloc_try_nid, (phys_addr_t size, phys_addr_t align))
{
	return HOST(early_alloc, size);
}

SUPPLY(void, memblock_free, (void *mem, size_t size))
{
}

unsigned int early_maps;

SUPPLY(void *, early_memremap, (resource_size_t phys, unsigned long size))
{
	if (!HOST(early_memremap))
		return NULL;
	early_maps++;
	return __va(phys);
}

SUPPLY(void, early_memunmap, (void *addr, unsigned long size))
{
	early_maps--;
}

/* ---- User memory ---- */

SUPPLY(unsigned long, raw_copy_from_user, (void *to, const void *from, unsigned long n))
{
	return HOST(copy_from_user, to, from, n);
}

SUPPLY(unsigned long, raw_copy_to_user, (void *to, const void *from, unsigned long n))
{
	return HOST(copy_to_user, to, from, n);
}
