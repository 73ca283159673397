/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kexec handover (kernel/liveupdate/kexec_handover.c): which memory the next
 * kernel gets, and the one-shot restore there.
 */
#include <libfdt.h>
#include <stdio.h>

#include "policy/kho_count.h"
#include "kernel/liveupdate/kho_track.h"
#include "machine/machine.h"

#define pr_fmt "KHO: "

#define KHO_METADATA_VERSION	1

/* kho_vmalloc.flags */
#define KHO_VMALLOC_ALLOC	0x0001
#define KHO_VMALLOC_HUGE_VMAP	0x0002

bool kho_is_enabled(struct machine *m)
{
	return m->k->kho.enabled;
}

bool is_kho_boot(struct machine *m)
{
	return m->k->kho.fdt_in;
}

/* A block that claims more than the page ends with it; after that nothing is mapped. */
static void cut_block(struct machine *m, phys_addr_t phys, u32 off, fdt32_t *size)
{
	if (off >= PAGE_SIZE)
		oops(m, phys + off);
	*size = cpu_to_fdt32(min(fdt32_to_cpu(*size), (u32)PAGE_SIZE - off));
}

/* The kernel's libfdt looks at this, that of the system need not. */
static bool is_aligned(const struct machine *m, const struct fdt_header *fdt)
{
	return m->k->boot.release.fdt_unaligned ||
	       fdt_magic(fdt) != FDT_MAGIC || fdt_totalsize(fdt) < sizeof(*fdt) ||
	       (fdt_off_mem_rsvmap(fdt) % sizeof(u64) == 0 &&
		fdt_off_dt_struct(fdt) % sizeof(u32) == 0);
}

int kho_read_fdt(struct machine *m, phys_addr_t phys, void *buf)
{
	struct fdt_header *fdt = buf;
	int err;

	phys_read(m, phys, fdt, PAGE_SIZE);
	err = is_aligned(m, fdt) ? fdt_check_header(fdt) : -FDT_ERR_ALIGNMENT;
	if (err)
		return err;
	cut_block(m, phys, fdt_off_dt_struct(fdt), &fdt->size_dt_struct);
	cut_block(m, phys, fdt_off_dt_strings(fdt), &fdt->size_dt_strings);
	cut_block(m, phys, 0, &fdt->totalsize);
	return 0;
}

static void write_fdt(struct machine *m, phys_addr_t phys, const void *fdt)
{
	phys_write(m, phys, fdt, fdt_totalsize(fdt));
}

/* Preserve. */

static bool kho_scratch_overlap(struct machine *m, u64 pfn, u64 nr)
{
	const struct kho_scratch *scratch = &m->k->kho.scratch;

	return PFN_PHYS(pfn) < scratch->addr + scratch->size &&
	       PFN_PHYS(pfn + nr) > scratch->addr;
}

/* Asked for every folio, so that the calls to kho_count.c are not made in vain. */
static bool counted(const struct machine *m)
{
	return m->k->boot.release.policy.restore == RESTORE_REFCOUNT;
}

static int track_add(struct machine *m, u64 pfn, unsigned int order)
{
	int err = counted(m) ? kho_count_get(m, pfn) : 0;

	if (err < 0)
		return err;
	err = kho_track_add(m, pfn, order);
	if (err)
		kho_count_put(m, pfn);
	else
		ledger_preserve(m, pfn, 1ull << order, true);
	return err;
}

static void track_del(struct machine *m, u64 pfn, unsigned int order)
{
	if (counted(m) && kho_count_put(m, pfn))
		return;
	kho_track_del(m, pfn, order);
	ledger_preserve(m, pfn, 1ull << order, false);
}

int kho_preserve_folio(struct machine *m, struct folio *folio)
{
	u64 pfn = folio_pfn(m, folio);
	unsigned int order = folio_order(folio);

	if (m->k->boot.release.tree)
		return tree_kho(m, ENGINE_KHO_PRESERVE, &(struct engine_kho_call){ .at = pfn });
	if (WARN_ON(m, kho_scratch_overlap(m, pfn, 1ull << order)))
		return -EINVAL;
	return track_add(m, pfn, order);
}

void kho_unpreserve_folio(struct machine *m, struct folio *folio)
{
	struct engine_kho_call call = { .at = folio_pfn(m, folio) };

	if (m->k->boot.release.tree)
		tree_kho(m, ENGINE_KHO_UNPRESERVE, &call);
	else
		track_del(m, folio_pfn(m, folio), folio_order(folio));
}

/* The order of the first block of [pfn, end), wherever that lies. */
static unsigned int pages_order(u64 pfn, u64 end)
{
	unsigned int zeros = pfn ? __builtin_ctzll(pfn) : 64;

	return min(zeros, ilog2(end - pfn));
}

/* The same, on one node. */
static unsigned int kho_preserve_pages_order(struct machine *m, u64 pfn, u64 end)
{
	unsigned int order = pages_order(pfn, end);

	while (has_fix(m, FIX_PRESERVE_NODES) &&
	       pfn_to_nid(m, pfn) != pfn_to_nid(m, pfn + (1ull << order) - 1))
		order--;
	return order;
}

static void __kho_unpreserve(struct machine *m, u64 pfn, u64 end)
{
	KCALL(m);

	while (pfn < end) {
		unsigned int order = kho_preserve_pages_order(m, pfn, end);

		track_del(m, pfn, order);
		pfn += 1ull << order;
	}
}

int kho_preserve_pages(struct machine *m, u64 start, u64 nr_pages)
{
	struct engine_kho_call call = { .at = start, .nr = nr_pages };
	u64 pfn = start, end = start + nr_pages;

	if (m->k->boot.release.tree)
		return tree_kho(m, ENGINE_KHO_PRESERVE_PAGES, &call);
	if (WARN_ON(m, kho_scratch_overlap(m, start, nr_pages)))
		return -EINVAL;
	while (pfn < end) {
		unsigned int order = kho_preserve_pages_order(m, pfn, end);
		int err = track_add(m, pfn, order);

		if (err) {
			__kho_unpreserve(m, start, pfn);
			return err;
		}
		pfn += 1ull << order;
	}
	return 0;
}

void kho_unpreserve_pages(struct machine *m, u64 start, u64 nr_pages)
{
	struct engine_kho_call call = { .at = start, .nr = nr_pages };

	if (m->k->boot.release.tree)
		tree_kho(m, ENGINE_KHO_UNPRESERVE_PAGES, &call);
	else
		__kho_unpreserve(m, start, start + nr_pages);
}

/* A new chunk, linked after @cur; 0 on failure. */
static phys_addr_t new_vmalloc_chunk(struct machine *m, phys_addr_t cur)
{
	phys_addr_t chunk = get_zeroed_page(m, GFP_KERNEL);

	if (!chunk)
		return 0;
	if (kho_preserve_pages(m, PHYS_PFN(chunk), 1)) {
		free_page(m, chunk);
		return 0;
	}
	if (cur)
		phys_write(m, cur, &chunk, sizeof(chunk));
	return chunk;
}

static int tree_preserve_vmalloc(struct machine *m, const struct vm_struct *vm,
				 struct kho_vmalloc *pres)
{
	struct engine_kho_call call = { .pfns = vm->pfns, .nr = vm->nr_pages, .order = vm->order,
					.vm_flags = vm->flags };
	int err = tree_kho(m, ENGINE_KHO_PRESERVE_VMALLOC, &call);

	*pres = (struct kho_vmalloc){ .first = call.at, .total_pages = call.nr,
				      .flags = call.flags, .order = call.order };
	return err;
}

/* The description of an area, for a tree's code. */
static struct engine_kho_call described(const struct kho_vmalloc *pres)
{
	return (struct engine_kho_call){ .at = pres->first, .nr = pres->total_pages,
					 .flags = pres->flags, .order = pres->order };
}

int kho_preserve_vmalloc(struct machine *m, struct vm_struct *vm, struct kho_vmalloc *pres)
{
	u32 nr_contig_pages = 1u << vm->order, idx = 0;
	phys_addr_t chunk;
	int err;

	if (m->k->boot.release.tree)
		return tree_preserve_vmalloc(m, vm, pres);
	if (vm->flags & ~(VM_ALLOC | VM_ALLOW_HUGE_VMAP))
		return -EOPNOTSUPP;
	chunk = new_vmalloc_chunk(m, 0);
	if (!chunk)
		return -ENOMEM;
	pres->first = chunk;
	for (u32 i = 0; i < vm->nr_pages; i += nr_contig_pages) {
		phys_addr_t phys = PFN_PHYS(vm->pfns[i]);

		err = kho_preserve_pages(m, vm->pfns[i], nr_contig_pages);
		if (err)
			goto err_free;
		phys_write(m, chunk + sizeof(u64) + idx++ * sizeof(u64), &phys, sizeof(phys));
		if (idx == KHO_VMALLOC_SIZE) {
			chunk = new_vmalloc_chunk(m, chunk);
			if (!chunk) {
				err = -ENOMEM;
				goto err_free;
			}
			idx = 0;
		}
	}
	pres->total_pages = vm->nr_pages;
	pres->flags = (vm->flags & VM_ALLOC ? KHO_VMALLOC_ALLOC : 0) |
		      (vm->flags & VM_ALLOW_HUGE_VMAP ? KHO_VMALLOC_HUGE_VMAP : 0);
	pres->order = vm->order;
	return 0;

err_free:
	kho_unpreserve_vmalloc(m, pres);
	return err;
}

/* Entry @i of the chunk at @chunk; 0 after the last one. */
static phys_addr_t chunk_phys(struct machine *m, phys_addr_t chunk, u32 i)
{
	/* Without the fix what follows in memory is taken for more of them. */
	if (i == KHO_VMALLOC_SIZE && has_fix(m, FIX_VMALLOC_CHUNKS))
		return 0;
	return phys_read_u64(m, chunk + offsetof(struct kho_vmalloc_chunk, phys) +
			     i * sizeof(u64));
}

void kho_unpreserve_vmalloc(struct machine *m, const struct kho_vmalloc *pres)
{
	u64 nr = has_fix(m, FIX_VMALLOC_CHUNKS) ? 1ull << pres->order : 1;
	struct engine_kho_call call = described(pres);
	phys_addr_t addr = pres->first, phys, next;

	if (m->k->boot.release.tree) {
		tree_kho(m, ENGINE_KHO_UNPRESERVE_VMALLOC, &call);
		return;
	}
	for (; addr; addr = next) {
		__kho_unpreserve(m, PHYS_PFN(addr), PHYS_PFN(addr) + 1);
		for (u32 i = 0; (phys = chunk_phys(m, addr, i)); i++)
			__kho_unpreserve(m, PHYS_PFN(phys), PHYS_PFN(phys) + nr);
		next = phys_read_u64(m, addr);
		free_page(m, addr);
	}
}

int kho_alloc_preserve(struct machine *m, u64 size, phys_addr_t *phys)
{
	struct engine_kho_call call = { .nr = size };
	struct folio *folio;
	int err;

	if (m->k->boot.release.tree) {
		err = tree_kho(m, ENGINE_KHO_ALLOC, &call);
		*phys = call.at;
		return err;
	}
	if (!size)
		return -EINVAL;
	if (get_order(size) > MAX_PAGE_ORDER)
		return -E2BIG;
	task_yield(m, YIELD_ALLOC_PAGES, NULL);
	folio = folio_alloc(m, GFP_KERNEL | __GFP_ZERO, get_order(size));
	if (!folio)
		return -ENOMEM;
	err = kho_preserve_folio(m, folio);
	if (err) {
		folio_put(m, folio);
		return err;
	}
	*phys = folio_phys(m, folio);
	return 0;
}

void kho_unpreserve_free(struct machine *m, phys_addr_t phys)
{
	struct engine_kho_call call = { .at = phys };
	struct folio *folio;

	if (m->k->boot.release.tree) {
		tree_kho(m, ENGINE_KHO_UNPRESERVE_FREE, &call);
		return;
	}
	if (!phys)
		return;
	folio = pfn_folio(m, PHYS_PFN(phys));
	kho_unpreserve_folio(m, folio);
	folio_put(m, folio);
}

/* Restore. */

void kho_frame_restored(struct machine *m, struct page *page)
{
	census_add(m, CENSUS_INCOMING, page->flags & PG_INCOMING ? -1 : 0);
	census_add(m, CENSUS_FRAMES, 1);
	page->order = 0;
	page->flags = (page->flags & (PG_SCRAMBLED | PG_HWPOISON)) | PG_USED;
}

static struct page *kho_restore_page(struct machine *m, phys_addr_t phys, bool is_folio)
{
	union kho_page_info info = { 0 };
	struct page *page;
	u64 pfn = PHYS_PFN(phys), nr_pages = 0;

	if (!pfn_valid(m, pfn))
		return NULL;
	page = pfn_to_page(m, pfn);
	if (!(page->flags & PG_BUDDY))
		info.page_private = page->private;
	if (counted(m) && info.magic != KHO_PAGE_MAGIC && kho_count_restore(m, pfn))
		return page;
	/* Only the head of a preserved block has the magic, and only once. An int counts it. */
	if (info.magic == KHO_PAGE_MAGIC &&
	    (info.order <= MAX_PAGE_ORDER || has_fix(m, FIX_RESTORE_GIGANTIC)))
		nr_pages = (s32)(1u << info.order % 32);
	ledger_restore(m, pfn, nr_pages);
	if (WARN_ON_ONCE(m, !nr_pages))
		return NULL;
	/* Behind the end of memory there are no struct pages. */
	if (nr_pages > m->nr_frames - pfn)
		oops(m, PFN_PHYS(m->nr_frames));
	page->private = 0;
	adjust_managed_page_count(m, pfn, nr_pages);
	for (u64 i = 0; i < nr_pages; i++) {
		kho_frame_restored(m, &page[i]);
		page[i].refcount = i && is_folio ? 0 : 1;
		page[i].memcg = 0;
		if (page[i].refcount && m->k->boot.mem_profiling && !has_fix(m, FIX_RESTORE_TAGS))
			page[i].flags |= PG_UNTAGGED;
	}
	if (is_folio)
		prep_compound_page(m, page, info.order % 32);
	/* With counts, every owner has a reference from here on. */
	if (counted(m)) {
		page->refcount = kho_count_owners(m, pfn);
		kho_count_restore(m, pfn);
	}
	return page;
}

static struct folio *restore_folio(struct machine *m, phys_addr_t phys)
{
	KCALL_NAMED(m, "kho_restore_folio");
	struct page *page = kho_restore_page(m, phys, true);

	return page ? page_folio(page) : NULL;
}

struct folio *kho_restore_folio(struct machine *m, phys_addr_t phys)
{
	struct engine_kho_call call = { .at = phys };

	if (!m->k->boot.release.tree)
		return restore_folio(m, phys);
	return tree_kho(m, ENGINE_KHO_RESTORE, &call) ? NULL : pfn_folio(m, PHYS_PFN(phys));
}

struct page *kho_restore_pages(struct machine *m, phys_addr_t phys, u64 nr_pages)
{
	KCALL(m);
	struct engine_kho_call call = { .at = phys, .nr = nr_pages };
	u64 start = PHYS_PFN(phys), pfn = start, end = start + nr_pages;

	if (m->k->boot.release.tree)
		return tree_kho(m, ENGINE_KHO_RESTORE_PAGES, &call) ? NULL : pfn_to_page(m, start);
	while (pfn < end) {
		/* Whatever node it is on, so that what was split for that is passed over. */
		unsigned int order = pages_order(pfn, end);

		if (!kho_restore_page(m, PFN_PHYS(pfn), false))
			return NULL;
		pfn += 1ull << order;
	}
	return pfn_to_page(m, start);
}

static void restore_free(struct machine *m, phys_addr_t phys)
{
	KCALL_NAMED(m, "kho_restore_free");
	struct folio *folio = restore_folio(m, phys);

	if (folio)
		folio_put(m, folio);
	else
		warn(m, "kho_restore_free");
}

void kho_restore_free(struct machine *m, phys_addr_t phys)
{
	struct engine_kho_call call = { .at = phys };

	if (m->k->boot.release.tree)
		tree_kho(m, ENGINE_KHO_RESTORE_FREE, &call);
	else
		restore_free(m, phys);
}

/*
 * Restore the pages of all chunks into @vm->pfns; false when something is amiss. A
 * chain that leads back fails at the chunk that was restored before.
 */
static bool restore_chunks(struct machine *m, phys_addr_t addr, struct vm_struct *vm)
{
	u64 idx = 0, contig_pages = (s32)(1u << vm->order % 32);
	phys_addr_t phys, next;

	for (; addr; addr = next) {
		for (u32 i = 0; (phys = chunk_phys(m, addr, i)); i++) {
			if (idx + contig_pages > vm->nr_pages)
				return false;
			if (!kho_restore_pages(m, phys, contig_pages))
				return false;
			for (u64 j = 0; j < contig_pages; j++)
				vm->pfns[idx++] = PHYS_PFN(phys) + j;
		}
		if (!kho_restore_pages(m, addr, 1))
			return false;
		next = phys_read_u64(m, addr + offsetof(struct kho_vmalloc_chunk, next));
		free_page(m, addr);
	}
	return idx == vm->nr_pages;
}

struct vm_struct *kho_restore_vmalloc(struct machine *m, const struct kho_vmalloc *pres)
{
	KCALL(m);
	struct vm_struct vm = { .nr_pages = pres->total_pages, .order = pres->order }, *area;
	struct engine_kho_call call = described(pres);

	if (m->k->boot.release.tree) {
		tree_kho(m, ENGINE_KHO_RESTORE_VMALLOC, &call);
		return call.area;
	}
	if (pres->flags & KHO_VMALLOC_ALLOC)
		vm.flags |= VM_ALLOC;
	if (pres->flags & KHO_VMALLOC_HUGE_VMAP)
		vm.flags |= VM_ALLOW_HUGE_VMAP;
	vm.pfns = kvmalloc_pages(m, vm.nr_pages);
	if (!vm.pfns)
		return NULL;
	if (!restore_chunks(m, pres->first, &vm))
		goto err_free_pages_array;
	/* There are no areas of size 0. */
	area = vm.nr_pages ? get_vm_area(m) : NULL;
	if (!area)
		goto err_free_pages_array;
	vm.area = area->area;
	/* An area of other flags is not poisoned where it is made. */
	vm.poisoned = m->k->boot.kasan && vm.flags & VM_ALLOC && !has_fix(m, FIX_RESTORE_KASAN);
	*area = vm;
	return area;

	/* The pages restored so far belong to nobody from here on. */
err_free_pages_array:
	kvfree_pages(m, vm.pfns, vm.nr_pages);
	return NULL;
}

bool kho_extent_ok(struct machine *m, phys_addr_t phys, u64 size)
{
	u64 first = PHYS_PFN(phys), last = PHYS_PFN(phys + size - 1);

	if (!has_fix(m, FIX_EXTENT_CHECKS))
		return true;
	for (u64 pfn = first; pfn <= last; pfn++)
		if (!pfn_valid(m, pfn) || !(m->memmap[pfn].flags & PG_INCOMING))
			return false;
	return first <= last;
}

/* Subtrees. */

static int set_subtree(struct machine *m, void *fdt, int off, phys_addr_t blob, u64 size)
{
	int err = fdt_setprop(fdt, off, kho_subtree_prop(m), &blob, sizeof(blob));

	if (!err && m->k->boot.release.blob_size)
		err = fdt_setprop(fdt, off, "blob-size", &size, sizeof(size));
	return err;
}

static int __kho_add_subtree(struct machine *m, void *fdt, const char *name, phys_addr_t blob,
			     u64 size)
{
	int off = fdt_add_subnode(fdt, 0, name), err;

	if (off < 0)
		return off == -FDT_ERR_EXISTS ? -EEXIST : -ENOMEM;
	err = set_subtree(m, fdt, off, blob, size);
	if (!err)
		return 0;
	/* Without the fix half a node stays, and the number is one of libfdt's. */
	if (!has_fix(m, FIX_SUBTREE_ERROR))
		return err;
	fdt_del_node(fdt, off);
	return -ENOMEM;
}

/* The FDT of what this kernel hands over, with room for more in it. Without KHO there is none. */
static bool open_fdt(struct machine *m, void *fdt)
{
	if (!m->k->kho.fdt)
		oops(m, 0);
	kho_read_fdt(m, m->k->kho.fdt, fdt);
	return fdt_open_into(fdt, fdt, PAGE_SIZE) >= 0;
}

static void close_fdt(struct machine *m, void *fdt)
{
	fdt_pack(fdt);
	write_fdt(m, m->k->kho.fdt, fdt);
}

int kho_add_subtree(struct machine *m, const char *name, phys_addr_t blob, u64 size)
{
	struct engine_kho_call call = { .name = name, .at = blob, .nr = size };
	u8 fdt[PAGE_SIZE];
	int err = -ENOMEM;

	if (m->k->boot.release.tree)
		return tree_kho(m, ENGINE_KHO_ADD_SUBTREE, &call);
	mutex_lock(m, &m->k->kho.lock);
	if (open_fdt(m, fdt)) {
		err = __kho_add_subtree(m, fdt, name, blob, size);
		if (!err)
			WARN_ON_ONCE(m, kho_debugfs_blob_add(m, name, blob, size, false));
		close_fdt(m, fdt);
	}
	mutex_unlock(m, &m->k->kho.lock);
	return err;
}

static bool is_subtree_of(struct machine *m, const void *fdt, int off, phys_addr_t blob)
{
	const void *val;
	int len;

	val = fdt_getprop(fdt, off, kho_subtree_prop(m), &len);
	return val && len == sizeof(blob) && !memcmp(val, &blob, sizeof(blob));
}

void kho_remove_subtree(struct machine *m, phys_addr_t blob)
{
	struct engine_kho_call call = { .at = blob };
	u8 fdt[PAGE_SIZE];
	int off;

	if (m->k->boot.release.tree) {
		tree_kho(m, ENGINE_KHO_REMOVE_SUBTREE, &call);
		return;
	}
	mutex_lock(m, &m->k->kho.lock);
	if (open_fdt(m, fdt)) {
		off = fdt_first_subnode(fdt, 0);
		while (off >= 0 && !is_subtree_of(m, fdt, off, blob))
			off = fdt_next_subnode(fdt, off);
		if (off >= 0) {
			fdt_del_node(fdt, off);
			kho_debugfs_blob_remove(m, blob);
		}
		close_fdt(m, fdt);
	}
	mutex_unlock(m, &m->k->kho.lock);
}

/* Up to 7.0 nobody says how large it is. */
static int tree_retrieve_subtree(struct machine *m, const char *name, phys_addr_t *phys, u64 *size)
{
	struct engine_kho_call call = { .name = name, .nr = PAGE_SIZE };
	int err = tree_kho(m, ENGINE_KHO_RETRIEVE_SUBTREE, &call);

	if (!err) {
		*phys = call.at;
		*size = call.nr;
	}
	return err;
}

int kho_retrieve_subtree(struct machine *m, const char *name, phys_addr_t *phys, u64 *size)
{
	u8 fdt[PAGE_SIZE];
	const void *val;
	int off, len;

	if (m->k->boot.release.tree)
		return tree_retrieve_subtree(m, name, phys, size);
	if (!m->k->kho.fdt_in || kho_read_fdt(m, m->k->kho.fdt_in, fdt))
		return -ENOENT;
	/* Never 0, which is the root. */
	off = fdt_subnode_offset(fdt, 0, name);
	if (off < 0)
		return -ENOENT;
	val = fdt_getprop(fdt, off, kho_subtree_prop(m), &len);
	if (!val || len != sizeof(*phys))
		return -EINVAL;
	memcpy(phys, val, sizeof(*phys));
	if (!m->k->boot.release.blob_size)
		return 0;
	val = fdt_getprop(fdt, off, "blob-size", &len);
	if (!val || len != sizeof(*size)) {
		pr_warn(m, "broken KHO subnode '%s': missing or invalid blob-size property", name);
		return -EINVAL;
	}
	memcpy(size, val, sizeof(*size));
	return 0;
}

/* Boot. */

static phys_addr_t kho_get_mem_map_phys(struct machine *m, const void *fdt)
{
	const void *val;
	phys_addr_t phys;
	int len;

	val = fdt_getprop(fdt, 0, KHO_FDT_MEMORY_MAP, &len);
	if (!val || len != sizeof(phys)) {
		pr_err(m, "failed to get preserved memory map");
		return 0;
	}
	memcpy(&phys, val, sizeof(phys));
	return phys;
}

static int kho_populate_fdt(struct machine *m, phys_addr_t phys)
{
	const char *compatible = m->k->boot.release.kho_compatible;
	u8 fdt[PAGE_SIZE];
	int err;

	if (should_fail(m, FAIL_EARLY_MEMREMAP, 0, NULL)) {
		pr_warn(m, "setup: failed to memremap FDT (0x%llx)", (unsigned long long)phys);
		return -EFAULT;
	}
	err = kho_read_fdt(m, phys, fdt);
	if (err) {
		pr_warn(m, "setup: handover FDT (0x%llx) is invalid: %d", (unsigned long long)phys,
			err);
		return -EINVAL;
	}
	err = fdt_node_check_compatible(fdt, 0, compatible);
	if (err) {
		pr_warn(m, "setup: handover FDT (0x%llx) is incompatible with '%s': %d",
			(unsigned long long)phys, compatible, err);
		return -EINVAL;
	}
	m->k->kho.mem_map_in = kho_get_mem_map_phys(m, fdt);
	if (!m->k->kho.mem_map_in)
		return -ENOENT;
	/* Where the image has the list of areas is nowhere said. */
	if (should_fail(m, FAIL_EARLY_MEMREMAP, 0, NULL)) {
		pr_warn(m, "setup: failed to memremap scratch");
		return -EFAULT;
	}
	return 0;
}

void kho_populate(struct machine *m, phys_addr_t fdt)
{
	int err = kho_populate_fdt(m, fdt);

	if (err && !m->k->boot.release.populate_error) {
		pr_warn(m, "disabling KHO revival");
		return;
	}
	if (err) {
		pr_warn(m, "disabling KHO revival: %d", err);
		return;
	}
	m->k->kho.fdt_in = fdt;
	/* The FDT and the array of scratch areas stay mapped without the fix. */
	m->k->kho.early_maps = has_fix(m, FIX_POPULATE_UNMAP) ? 0 : 2;
	pr_info(m, "found kexec handover data.");
}

void check_early_ioremap_leak(struct machine *m)
{
	if (WARN_ON(m, m->k->kho.early_maps))
		printk(m, LOG_WARN, "Debug warning: early ioremap leak of %u areas detected.",
		       m->k->kho.early_maps);
}

/* Without the fix it is an int, which is negative from 2 GiB on, and wraps at 4 GiB. */
static u64 block_size(struct machine *m, unsigned int order)
{
	unsigned int shift = order + PAGE_SHIFT;

	if (has_fix(m, FIX_RESERVE_SIZE))
		return 1ull << shift % 64;
	/* Up to the end of memory; memblock cuts it off. */
	return shift % 32 == 31 ? PFN_PHYS(m->nr_frames) : 1ull << shift % 32;
}

/*
 * kho_preserved_memory_reserve(), deserialize_bitmap(). The block may reach beyond
 * memory, its first page may not. Counts of shifts are taken as the processor does.
 */
static void keep_pages(struct machine *m, phys_addr_t phys, unsigned int order)
{
	union kho_page_info info = { .magic = KHO_PAGE_MAGIC, .order = order };
	u64 pfn = PHYS_PFN(phys);
	struct page *page = pfn_to_page(m, pfn);

	kho_reserve(m, pfn, min(pfn + DIV_ROUND_UP(block_size(m, order), PAGE_SIZE), m->nr_frames));
	/* Without the fix this struct page, as one of reserved memory, is initialized later. */
	if (has_fix(m, FIX_DEFERRED_INIT) || !page_is_deferred(m, pfn))
		page->private = info.page_private;
}

void kho_reserve(struct machine *m, u64 pfn, u64 end)
{
	for (u64 i = pfn; i < end; i++) {
		struct page *p = &m->memmap[i];

		if (p->flags & PG_INCOMING)
			continue;
		/* Frames that no kernel ever used are as the last one's allocator left them. */
		*p = (struct page){ .data = p->data, .flags = (p->flags & PG_BYTES) |
							      PG_INCOMING };
		census_add(m, CENSUS_INCOMING, 1);
		adjust_managed_page_count(m, i, -1);
	}
	frames_use(m, pfn, end);
}

/* Blocks of memory that are given to the boot as a whole, or not at all. */
#define KHO_SCRATCH_EXT_BLKSHIFT	30
#define KHO_SCRATCH_EXT_BLOCKS		(MACHINE_MAX_MEM >> KHO_SCRATCH_EXT_BLKSHIFT)

/* What lies past the end of memory can be nobody's. */
static void busy_add(struct machine *m, phys_addr_t start, phys_addr_t end)
{
	end = min(end, PFN_PHYS(m->nr_frames));
	for (; start < end; start += 1ull << KHO_SCRATCH_EXT_BLKSHIFT) {
		u64 block = start >> KHO_SCRATCH_EXT_BLKSHIFT;

		m->k->kho.busy[block / 64] |= 1ull << block % 64;
	}
}

static void kho_ext_walk_leaf(struct machine *m, phys_addr_t phys, unsigned int order)
{
	busy_add(m, phys, phys + (1ull << (order + PAGE_SHIFT) % 64));
}

/* The tables of the tree are not preserved, and are read again later. */
static void kho_ext_walk_node(struct machine *m, phys_addr_t phys)
{
	busy_add(m, phys, phys + 1);
}

/* Of the blocks that [start, end) touches, the lowest one that is busy; -1: none is. */
static s64 first_busy(const u64 *busy, phys_addr_t start, phys_addr_t end)
{
	u64 last = (end - 1) >> KHO_SCRATCH_EXT_BLKSHIFT;

	for (u64 block = start >> KHO_SCRATCH_EXT_BLKSHIFT; block <= last; block++)
		if (busy[block / 64] & 1ull << block % 64)
			return block;
	return -1;
}

/*
 * kho_extend_scratch(), for who finds no room in scratch: nothing else can tell that the
 * kernel has walked the tree at each boot.
 */
phys_addr_t kho_extended_alloc(struct machine *m, u64 size, u64 align, phys_addr_t end)
{
	u64 busy[KHO_SCRATCH_EXT_BLOCKS / 64] = { 0 };
	s64 block;

	if (!has_fix(m, FIX_EXTEND_SCRATCH))
		return 0;
	m->k->kho.busy = busy;
	kho_track_walk_nodes(m, m->k->kho.mem_map_in, kho_ext_walk_leaf, kho_ext_walk_node);
	m->k->kho.busy = NULL;
	while (size < end) {
		phys_addr_t start = (end - size) & ~(align - 1);

		/* Address 0 means none. */
		if (!start)
			return 0;
		block = first_busy(busy, start, start + size);
		if (block < 0) {
			kho_reserve(m, PHYS_PFN(start), PHYS_PFN(start + size + PAGE_SIZE - 1));
			return start;
		}
		end = (phys_addr_t)block << KHO_SCRATCH_EXT_BLKSHIFT;
	}
	return 0;
}

/* To the largest block of the page allocator; CMA is content with a page block. */
static u64 round_scratch(const struct machine *m, u64 size)
{
	u64 align = PAGE_SIZE << (has_fix(m, FIX_SCRATCH_ALIGN) ? MAX_PAGE_ORDER : PAGEBLOCK_ORDER);

	return DIV_ROUND_UP(size, align) * align;
}

/* Struct pages, which are in use by then, are a 64th of memory. */
static u64 default_scratch(const struct machine *m)
{
	u64 size = (m->end_pfn - m->first_pfn) / 64 * PAGE_SIZE;

	if (!m->k->kho.enabled)
		return size;
	/* 200 percent of it are in the global area, and in those of the nodes again. */
	size += 4 * crashkernel_size(m);
	return size + (has_fix(m, FIX_SCRATCH_HUGETLB) ? 0 : 4 * hugetlb_bootmem_size(m));
}

static void kho_reserve_scratch(struct machine *m)
{
	struct kho_scratch *scratch = &m->k->kho.scratch;
	const u64 *sizes = m->k->boot.scratch;

	/* All areas, next to each other. */
	for (u32 i = 0; i < 3 && m->k->kho.enabled; i++)
		scratch->size += round_scratch(m, sizes[i]) *
				 (i < 2 ? 1 : max(m->k->boot.nodes, 1u));
	m->k->kho.scratch_cma = scratch->size;
	if (!scratch->size)
		scratch->size = default_scratch(m);
	if (m->k->kho.enabled &&
	    scratch->size + hugetlb_bootmem_size(m) >= PFN_PHYS(m->end_pfn - m->first_pfn)) {
		pr_err(m, "Failed to reserve global scratch buffer");
		pr_warn(m, "Failed to reserve scratch area, disabling kexec handover");
		*scratch = (struct kho_scratch){ 0 };
		m->k->kho.scratch_cma = m->k->kho.enabled = false;
	}
	scratch->addr = PFN_PHYS(m->end_pfn) - scratch->size;
}

/* Who takes a handover has the scratch areas of the kernel that hands over. */
void kho_scratch_init(struct machine *m)
{
	if (is_kho_boot(m)) {
		m->k->kho.scratch = m->kho_scratch_in.area;
		m->k->kho.scratch_cma = m->kho_scratch_in.cma;
		return;
	}
	if (is_kdump_kernel(m) && has_fix(m, FIX_CRASH_NO_KHO)) {
		pr_info(m, "disabled in the kdump kernel");
		m->k->kho.enabled = false;
	}
	kho_reserve_scratch(m);
}

void kho_memory_init(struct machine *m)
{
	if (!is_kho_boot(m))
		return;
	/* By the direct map, which kho_populate() does without, and a crash kernel has not. */
	if (m->k->boot.release.kho_radix)
		phys_read_u64(m, m->k->kho.fdt_in);
	kho_track_walk(m, m->k->kho.mem_map_in, keep_pages);
}

static int kho_out_fdt_setup(struct machine *m)
{
	phys_addr_t map = kho_track_map(m);
	u8 fdt[PAGE_SIZE];
	int err;

	err = fdt_create(fdt, PAGE_SIZE);
	err |= fdt_finish_reservemap(fdt);
	err |= fdt_begin_node(fdt, "");
	err |= fdt_property_string(fdt, "compatible", m->k->boot.release.kho_compatible);
	err |= fdt_property(fdt, KHO_FDT_MEMORY_MAP, &map, sizeof(map));
	err |= fdt_end_node(fdt);
	err |= fdt_finish(fdt);
	if (!err)
		write_fdt(m, m->k->kho.fdt, fdt);
	return err;
}

static void kho_in_kexec_metadata(struct machine *m)
{
	struct kho_kexec_metadata metadata;
	phys_addr_t phys;
	u64 size;

	/* A kernel that hands none over is fine. */
	if (kho_retrieve_subtree(m, KHO_METADATA_NODE, &phys, &size))
		return;
	if (size < sizeof(metadata.version)) {
		pr_warn(m, "kexec-metadata blob too small (%llu bytes)", (unsigned long long)size);
		return;
	}
	phys_read(m, phys, &metadata, sizeof(metadata));
	if (metadata.version != KHO_METADATA_VERSION) {
		pr_warn(m, "kexec-metadata version %u not supported (expected %u)",
			metadata.version, KHO_METADATA_VERSION);
		return;
	}
	if (size < sizeof(metadata)) {
		pr_warn(m, "kexec-metadata blob too small for v%u (%llu < %zu)", metadata.version,
			(unsigned long long)size, sizeof(metadata));
		return;
	}
	m->k->kho.kexec_count = metadata.kexec_count;
	snprintf(m->k->kho.previous_release, sizeof(m->k->kho.previous_release), "%.64s",
		 metadata.previous_release);
	pr_info(m, "exec from: %s (count %u)", m->k->kho.previous_release, metadata.kexec_count);
}

static int kho_out_kexec_metadata(struct machine *m)
{
	struct kho_kexec_metadata metadata = {
		.version = KHO_METADATA_VERSION,
		.kexec_count = m->k->kho.kexec_count + 1,
	};
	phys_addr_t phys;
	int err;

	err = kho_alloc_preserve(m, sizeof(metadata), &phys);
	if (err)
		return err;
	snprintf(metadata.previous_release, sizeof(metadata.previous_release), "%s",
		 m->k->boot.release.uname);
	phys_write(m, phys, &metadata, sizeof(metadata));
	err = kho_add_subtree(m, KHO_METADATA_NODE, phys, sizeof(metadata));
	if (err)
		kho_unpreserve_free(m, phys);
	return err;
}

static u64 out_fdt_size(struct machine *m)
{
	struct fdt_header fdt;

	phys_read(m, m->k->kho.fdt, &fdt, sizeof(fdt));
	return fdt_totalsize(&fdt);
}

int kho_init(struct machine *m)
{
	struct kho *kho = &m->k->kho;
	int err;

	if (!kho->enabled)
		return 0;
	err = kho_track_init(m);
	if (!err)
		err = kho_alloc_preserve(m, PAGE_SIZE, &kho->fdt);
	if (!err)
		err = kho_out_fdt_setup(m);
	if (!err && m->k->boot.release.kexec_metadata) {
		if (kho->fdt_in)
			kho_in_kexec_metadata(m);
		err = kho_out_kexec_metadata(m);
		if (err)
			pr_warn(m, "failed to initialize kexec-metadata subtree: %d", err);
	}
	/* A kernel that took a handover has no file of what it will hand over as a whole. */
	if (!err && kho->fdt_in)
		kho_in_debugfs_init(m, kho->fdt_in);
	else if (!err)
		WARN_ON_ONCE(m, kho_debugfs_blob_add(m, "fdt", kho->fdt, out_fdt_size(m), true));
	if (!err)
		err = kho_count_deserialize(m);
	if (!err)
		err = kho_count_init(m);
	if (err) {
		kho->enabled = false;
		kho->fdt = 0;
	}
	return err;
}

/* Reboot. */

int kho_finalize(struct machine *m)
{
	u8 fdt[PAGE_SIZE];
	phys_addr_t map, old;
	int err;

	if (!kho_is_enabled(m))
		return -EOPNOTSUPP;
	mutex_lock(m, &m->k->kho.lock);
	map = kho_mem_serialize(m, &err);
	if (!err) {
		kho_read_fdt(m, m->k->kho.fdt, fdt);
		old = kho_get_mem_map_phys(m, fdt);
		if (old)
			kho_mem_ser_free(m, old);
		fdt_setprop_inplace(fdt, 0, KHO_FDT_MEMORY_MAP, &map, sizeof(map));
		write_fdt(m, m->k->kho.fdt, fdt);
		m->k->kho.finalized = true;
	}
	mutex_unlock(m, &m->k->kho.lock);
	return err;
}

phys_addr_t kho_fill_kimage(struct machine *m)
{
	if (m->k->boot.release.tree)
		return tree_fill_kimage(m);
	return kho_is_enabled(m) ? m->k->kho.fdt : 0;
}
