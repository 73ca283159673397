/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Modules that call KHO, as a scenario tells them to: what they allocate, preserve,
 * hand over and restore. They check nothing for KHO, so that what it does not refuse
 * takes its course.
 */
#include "lib/test_kho.h"
#include "machine/machine.h"
#include "search/walk.h"

enum memory_kind {
	MEMORY_FOLIO,
	MEMORY_PAGES,
	MEMORY_VMALLOC,
	NR_MEMORY_KINDS
};

/* What a module notes of one preservation, so that it can take it back. */
struct kept_memory {
	enum memory_kind as;
	u32 claim;
	u64 first, nr;			/* MEMORY_PAGES */
	phys_addr_t chunk;		/* MEMORY_VMALLOC */
};

#define MAX_KEPT	8

struct memory {
	enum memory_kind kind;
	u32 kernel;			/* that has it, or had it last */
	u32 refs;			/* how often that kernel may give it up */
	phys_addr_t phys;		/* MEMORY_FOLIO, MEMORY_PAGES */
	u64 nr_pages;
	struct vm_struct *vm;		/* MEMORY_VMALLOC, of that kernel */
	struct kho_vmalloc pres;	/* what kho_preserve_vmalloc() filled in last */
	struct kept_memory kept[MAX_KEPT];	/* by kernel @keeper */
	u32 nr_kept, keeper;
	bool reserved;			/* of reserve_mem=: the kernel's, not a module's */
};

/* How memory is written down in a blob. */
struct memory_ser {
	u64 kind;
	u64 nr_pages;
	u64 phys;
	struct kho_vmalloc vmalloc;
} __packed;

/* A module's names for what it does with KHO. */
static const char *const names[] = { "folio", "pages", "vmalloc area" };
#define RESERVED_NAME	"area of reserve_mem="

struct memory *memory_find(struct machine *m, int mem)
{
	u32 i = (u32)mem - MODULE_MEM_FIRST;

	return i < m->memories.nr ? &m->memories.all[i] : NULL;
}

static u32 number(const struct machine *m, const struct memory *mem)
{
	return mem - m->memories.all + 1;
}

static bool is_held(const struct machine *m, const struct memory *mem)
{
	return mem->kernel == m->kernel_nr && mem->refs;
}

static u64 first_pfn(const struct memory *mem)
{
	return PHYS_PFN(mem->kind == MEMORY_VMALLOC ? mem->pres.first : mem->phys);
}

/* To use what is somebody else's by now, or was never taken over, is the module's fault. */
static void check_held(struct machine *m, const struct memory *mem)
{
	u64 pfn = first_pfn(mem);

	if (is_held(m, mem))
		return;
	judge(m, VIOLATION_USE_AFTER_FREE, pfn_valid(m, pfn) ? pfn : 0, "memory is used that %s",
	      mem->kernel == m->kernel_nr ? "its owner gave up" : "this kernel did not restore");
}

/* The number of new memory; what there is by that address already keeps its own. */
static int add(struct machine *m, const struct memory *new)
{
	struct memories *all = &m->memories;

	if (all->nr == all->max) {
		u32 max = all->max ? 2 * all->max : 8;
		struct memory *more = arena_alloc(&m->persist, max * sizeof(*more));

		if (!more)
			simulator_panic(m, "host memory reserved for modules is used up");
		if (all->nr) {
			memcpy(more, all->all, all->nr * sizeof(*more));
			arena_free(&m->persist, all->all, all->max * sizeof(*more));
		}
		all->all = more;
		all->max = max;
	}
	all->all[all->nr] = *new;
	return MODULE_MEM_FIRST + all->nr++;
}

static int add_held(struct machine *m, struct memory new)
{
	new.kernel = m->kernel_nr;
	new.refs = 1;
	return add(m, &new);
}

/* What the module reads of in this kernel: memory that has a number, or other. */
static int add_found(struct machine *m, const struct memory *found)
{
	for (u32 i = m->memories.nr; i-- > 0; ) {
		const struct memory *mem = &m->memories.all[i];

		if ((mem->kind == MEMORY_VMALLOC) == (found->kind == MEMORY_VMALLOC) &&
		    first_pfn(mem) == first_pfn(found))
			return MODULE_MEM_FIRST + i;
	}
	return add(m, found);
}

int memory_found(struct machine *m, phys_addr_t phys, u64 nr_pages)
{
	return add_found(m, &(struct memory){ .kind = MEMORY_FOLIO, .phys = phys,
					      .nr_pages = nr_pages });
}

int memory_found_area(struct machine *m, const struct kho_vmalloc *pres)
{
	return add_found(m, &(struct memory){ .kind = MEMORY_VMALLOC, .pres = *pres,
					      .nr_pages = pres->total_pages });
}
const struct kho_vmalloc *memory_area(const struct memory *mem)
{
	return &mem->pres;
}

phys_addr_t memory_phys(const struct memory *mem)
{
	return mem->phys;
}

void memory_forget(struct memory *mem)
{
	mem->refs = 0;
}

/* Restored, or allocated: the running kernel has a reference more. */
static void hold(struct machine *m, struct memory *mem)
{
	mem->refs = is_held(m, mem) ? mem->refs + 1 : 1;
	mem->kernel = m->kernel_nr;
}

static u64 hash_pages(struct machine *m, u64 pfn, u64 nr, u64 index)
{
	u64 hash = 0;

	for (u64 i = 0; i < nr && pfn_valid(m, pfn + i); i++) {
		const struct page *page = &m->memmap[pfn + i];

		/* Garbage that nobody wrote is not made up for gigabytes to be hashed. */
		hash += page->flags & PG_SCRAMBLED && !page->data ? index + i + 1 :
			phys_hash(m, PFN_PHYS(pfn + i), PAGE_SIZE, (index + i) << PAGE_SHIFT);
	}
	return hash;
}

static u64 hash_memory(struct machine *m, const struct memory *mem)
{
	u64 hash = 0;

	if (mem->kind != MEMORY_VMALLOC)
		return hash_pages(m, PHYS_PFN(mem->phys), mem->nr_pages, 0);
	for (u32 i = 0; is_held(m, mem) && i < mem->vm->nr_pages; i++)
		hash += hash_pages(m, mem->vm->pfns[i], 1, i);
	return hash;
}

u64 kho_caller_pages(struct machine *m, u32 memory)
{
	return m->memories.all[memory - 1].nr_pages;
}

u64 kho_caller_hash(struct machine *m, u32 memory)
{
	return hash_memory(m, &m->memories.all[memory - 1]);
}

bool kho_caller_holds(struct machine *m, u32 memory)
{
	return is_held(m, &m->memories.all[memory - 1]);
}

/* Allocating and freeing. */

int memory_folio_alloc(struct machine *m, unsigned int order)
{
	struct folio *folio;

	task_yield(m, YIELD_ALLOC_PAGES, NULL);
	folio = order > MAX_PAGE_ORDER ? folio_alloc_gigantic(m, order) :
					 folio_alloc(m, GFP_KERNEL, order);
	return folio ? add_held(m, (struct memory){ .kind = MEMORY_FOLIO, .nr_pages = 1ull << order,
						    .phys = folio_phys(m, folio) }) : -ENOMEM;
}

static void put_folio(struct machine *m, struct memory *mem)
{
	check_held(m, mem);
	mem->refs -= is_held(m, mem);
	folio_put(m, pfn_folio(m, PHYS_PFN(mem->phys)));
}

int memory_folio_put(struct machine *m, struct memory *mem)
{
	if (!mem || mem->kind == MEMORY_VMALLOC)
		return mem ? -EINVAL : -EBADF;
	put_folio(m, mem);
	return 0;
}

static int do_alloc_contig_pages(struct machine *m, u64 nr)
{
	u64 pfn;

	task_yield(m, YIELD_ALLOC_PAGES, NULL);
	pfn = alloc_contig_pages(m, nr);
	return pfn ? add_held(m, (struct memory){ .kind = MEMORY_PAGES, .nr_pages = nr,
						  .phys = PFN_PHYS(pfn) }) : -ENOMEM;
}

static void free_pages(struct machine *m, struct memory *mem)
{
	check_held(m, mem);
	mem->refs -= is_held(m, mem);
	free_contig_range(m, PHYS_PFN(mem->phys), mem->nr_pages);
}

static int do_free_contig_range(struct machine *m, struct memory *mem)
{
	if (!mem || mem->kind == MEMORY_VMALLOC)
		return mem ? -EINVAL : -EBADF;
	free_pages(m, mem);
	return 0;
}

int memory_vmalloc(struct machine *m, u64 size, enum module_vmalloc how)
{
	struct vm_struct *vm;

	task_yield(m, YIELD_ALLOC_PAGES, NULL);
	vm = how == VMALLOC_HUGE ? vmalloc_huge(m, size) : vcalloc(m, 1, size);
	if (!vm)
		return -ENOMEM;
	if (how == VMALLOC_USER)
		vm->flags |= VM_USERMAP;
	return add_held(m, (struct memory){ .kind = MEMORY_VMALLOC, .nr_pages = vm->nr_pages,
					    .vm = vm });
}

/* The area, or a page fault at its address. */
static struct vm_struct *area_of(struct machine *m, const struct memory *mem)
{
	if (is_held(m, mem))
		return mem->vm;
	check_held(m, mem);
	printk(m, LOG_ERR, "BUG: unable to handle page fault in a vmalloc area that is not there");
	panic(m, "Fatal exception");
}

static void free_area(struct machine *m, struct memory *mem)
{
	struct vm_struct *vm = is_held(m, mem) ? mem->vm : NULL;

	check_held(m, mem);
	/* vfree() warns of an address without an area. */
	if (WARN_ON(m, !vm))
		return;
	mem->vm = NULL;
	mem->refs--;
	vfree(m, vm);
}

int memory_vfree(struct machine *m, struct memory *mem)
{
	KCALL_NAMED(m, "vfree");

	if (!mem || mem->kind != MEMORY_VMALLOC)
		return mem ? -EINVAL : -EBADF;
	free_area(m, mem);
	return 0;
}

int module_folio_alloc(struct machine *m, unsigned int order)
{
	SYSCALL(m, memory_folio_alloc(m, order));
}

int module_folio_put(struct machine *m, int mem)
{
	SYSCALL(m, memory_folio_put(m, memory_find(m, mem)));
}

int module_alloc_contig_pages(struct machine *m, uint64_t nr)
{
	SYSCALL(m, do_alloc_contig_pages(m, nr));
}

int module_free_contig_range(struct machine *m, int mem)
{
	SYSCALL(m, do_free_contig_range(m, memory_find(m, mem)));
}

int module_vmalloc(struct machine *m, uint64_t size, enum module_vmalloc how)
{
	SYSCALL(m, memory_vmalloc(m, size, how));
}

int module_vfree(struct machine *m, int mem)
{
	SYSCALL(m, memory_vfree(m, memory_find(m, mem)));
}

/* What it holds. */

int64_t module_mem_pages(struct machine *m, int mem)
{
	return memory_find(m, mem) ? (s64)memory_find(m, mem)->nr_pages : -EBADF;
}

static bool ends_before(const struct memory *mem, u64 off, u64 len)
{
	u64 size = mem->nr_pages << PAGE_SHIFT;

	return off > size || len > size - off;
}

/* What was handed over may be read before it is restored, as FDTs are. */
static bool may_read(struct machine *m, const struct memory *mem)
{
	u64 pfn = PHYS_PFN(mem->phys);

	return mem->kernel != m->kernel_nr && pfn_valid(m, pfn) &&
	       m->memmap[pfn].flags & PG_INCOMING;
}

s64 memory_write(struct machine *m, struct memory *mem, const void *buf, u64 len, u64 off)
{
	if (!mem || ends_before(mem, off, len))
		return mem ? -EFAULT : -EBADF;
	if (mem->kind == MEMORY_VMALLOC) {
		vmalloc_write(m, area_of(m, mem), off, buf, len);
		return len;
	}
	check_held(m, mem);
	phys_write(m, mem->phys + off, buf, len);
	return len;
}

s64 memory_read(struct machine *m, struct memory *mem, void *buf, u64 len, u64 off)
{
	if (!mem || ends_before(mem, off, len))
		return mem ? -EFAULT : -EBADF;
	if (mem->kind == MEMORY_VMALLOC) {
		vmalloc_read(m, area_of(m, mem), off, buf, len);
		return len;
	}
	if (!may_read(m, mem))
		check_held(m, mem);
	phys_read(m, mem->phys + off, buf, len);
	return len;
}

/* Too far on is past any end. */
static u64 entry(u64 index)
{
	return min(index, PFN_PHYS(1ull << 40)) * sizeof(struct memory_ser);
}

static int do_store(struct machine *m, struct memory *blob, u64 index, struct memory *mem)
{
	struct memory_ser ser;

	if (!mem)
		return -EBADF;
	ser = (struct memory_ser){ .kind = 1 + mem->kind, .nr_pages = mem->nr_pages,
				   .phys = mem->phys, .vmalloc = mem->pres };
	return min(memory_write(m, blob, &ser, sizeof(ser), entry(index)), 0);
}

static int do_load(struct machine *m, struct memory *blob, u64 index)
{
	struct memory_ser ser;
	s64 ret = memory_read(m, blob, &ser, sizeof(ser), entry(index));

	if (ret < 0)
		return ret;
	if (!ser.kind || ser.kind > NR_MEMORY_KINDS)
		return -EINVAL;
	return add_found(m, &(struct memory){ .kind = ser.kind - 1, .nr_pages = ser.nr_pages,
					      .phys = ser.phys, .pres = ser.vmalloc });
}

int64_t module_mem_write(struct machine *m, int mem, const void *buf, size_t len, uint64_t off)
{
	SYSCALL(m, memory_write(m, memory_find(m, mem), buf, len, off));
}

int64_t module_mem_read(struct machine *m, int mem, void *buf, size_t len, uint64_t off)
{
	SYSCALL(m, memory_read(m, memory_find(m, mem), buf, len, off));
}

int module_mem_store(struct machine *m, int blob, uint64_t index, int mem)
{
	SYSCALL(m, do_store(m, memory_find(m, blob), index, memory_find(m, mem)));
}

int module_mem_load(struct machine *m, int blob, uint64_t index)
{
	SYSCALL(m, do_load(m, memory_find(m, blob), index));
}

/* Preserving. */

static struct kept_memory *last_kept(const struct machine *m, struct memory *mem,
				     const struct kept_memory *as)
{
	u32 i = mem->keeper == m->kernel_nr ? mem->nr_kept : 0;

	while (i && (mem->kept[i - 1].as != as->as || mem->kept[i - 1].first != as->first ||
		     mem->kept[i - 1].nr != as->nr || mem->kept[i - 1].chunk != as->chunk))
		i--;
	return i ? &mem->kept[i - 1] : NULL;
}

/* Before KHO is told of @mem: -ENOSPC, or 0 with a claim, for which it acts. */
static int begin_keep(struct machine *m, struct memory *mem, struct kept_memory *as)
{
	if (mem->keeper != m->kernel_nr)
		mem->nr_kept = 0;
	mem->keeper = m->kernel_nr;
	if (mem->nr_kept == MAX_KEPT)
		return -ENOSPC;
	as->claim = ledger_claim_memory(m, mem->reserved ? RESERVED_NAME : names[as->as],
					number(m, mem));
	return 0;
}

/* KHO has answered @err. What it refused was no claim. */
static int end_keep(struct machine *m, struct memory *mem, const struct kept_memory *as, int err)
{
	if (err)
		ledger_done(m, as->claim);
	else
		mem->kept[mem->nr_kept++] = *as;
	ledger_act_for(m, 0);
	return err;
}

/* KHO was told to forget it, with just these arguments. */
static void end_kept(struct machine *m, struct memory *mem, struct kept_memory as)
{
	struct kept_memory *kept = last_kept(m, mem, &as);

	if (!kept)
		return;
	ledger_done(m, kept->claim);
	memmove(kept, kept + 1, (&mem->kept[--mem->nr_kept] - kept) * sizeof(*kept));
}

int memory_preserve_folio(struct machine *m, struct memory *mem)
{
	KCALL_NAMED(m, "kho_preserve_folio");
	struct kept_memory as = { .as = MEMORY_FOLIO };
	int err;

	if (!mem || mem->kind == MEMORY_VMALLOC)
		return mem ? -EINVAL : -EBADF;
	check_held(m, mem);
	err = begin_keep(m, mem, &as);
	if (err)
		return err;
	err = kho_preserve_folio(m, pfn_folio(m, PHYS_PFN(mem->phys)));
	return end_keep(m, mem, &as, err);
}

int memory_unpreserve_folio(struct machine *m, struct memory *mem)
{
	KCALL_NAMED(m, "kho_unpreserve_folio");

	if (!mem || mem->kind == MEMORY_VMALLOC)
		return mem ? -EINVAL : -EBADF;
	check_held(m, mem);
	kho_unpreserve_folio(m, pfn_folio(m, PHYS_PFN(mem->phys)));
	end_kept(m, mem, (struct kept_memory){ .as = MEMORY_FOLIO });
	return 0;
}

/* 0 if @nr pages from @first on are pages of @mem. */
static int check_part(const struct memory *mem, u64 first, u64 nr)
{
	if (!mem || mem->kind == MEMORY_VMALLOC)
		return mem ? -EINVAL : -EBADF;
	return !nr || first >= mem->nr_pages || nr > mem->nr_pages - first ? -EFAULT : 0;
}

int memory_preserve_pages(struct machine *m, struct memory *mem, u64 first, u64 nr)
{
	KCALL_NAMED(m, "kho_preserve_pages");
	struct kept_memory as = { .as = MEMORY_PAGES, .first = first, .nr = nr };
	int err = check_part(mem, first, nr);

	if (err)
		return err;
	check_held(m, mem);
	err = begin_keep(m, mem, &as);
	if (err)
		return err;
	err = kho_preserve_pages(m, PHYS_PFN(mem->phys) + first, nr);
	return end_keep(m, mem, &as, err);
}

int memory_unpreserve_pages(struct machine *m, struct memory *mem, u64 first, u64 nr)
{
	KCALL_NAMED(m, "kho_unpreserve_pages");
	int err = check_part(mem, first, nr);

	if (err)
		return err;
	check_held(m, mem);
	kho_unpreserve_pages(m, PHYS_PFN(mem->phys) + first, nr);
	end_kept(m, mem, (struct kept_memory){ .as = MEMORY_PAGES, .first = first, .nr = nr });
	return 0;
}

int memory_preserve_vmalloc(struct machine *m, struct memory *mem)
{
	KCALL_NAMED(m, "kho_preserve_vmalloc");
	struct kept_memory as = { .as = MEMORY_VMALLOC };
	struct kho_vmalloc pres = { 0 };
	int err;

	/* find_vm_area() finds none. */
	if (!mem || mem->kind != MEMORY_VMALLOC || !is_held(m, mem))
		return mem ? -EINVAL : -EBADF;
	err = begin_keep(m, mem, &as);
	if (err)
		return err;
	err = kho_preserve_vmalloc(m, mem->vm, &pres);
	as.chunk = pres.first;
	if (!err)
		mem->pres = pres;
	return end_keep(m, mem, &as, err);
}

int memory_unpreserve_vmalloc(struct machine *m, struct memory *mem)
{
	KCALL_NAMED(m, "kho_unpreserve_vmalloc");

	if (!mem || mem->kind != MEMORY_VMALLOC)
		return mem ? -EINVAL : -EBADF;
	kho_unpreserve_vmalloc(m, &mem->pres);
	end_kept(m, mem, (struct kept_memory){ .as = MEMORY_VMALLOC, .chunk = mem->pres.first });
	return 0;
}

static int do_alloc_preserve(struct machine *m, u64 size)
{
	KCALL_NAMED(m, "kho_alloc_preserve");
	struct kept_memory as = { .as = MEMORY_FOLIO };
	phys_addr_t phys;
	int err, nr;

	as.claim = ledger_claim_memory(m, names[as.as], m->memories.nr + 1);
	err = kho_alloc_preserve(m, size, &phys);
	if (err) {
		ledger_done(m, as.claim);
		ledger_act_for(m, 0);
		return err;
	}
	nr = add_held(m, (struct memory){ .kind = MEMORY_FOLIO, .phys = phys,
					  .nr_pages = 1ull << get_order(size),
					  .keeper = m->kernel_nr });
	end_keep(m, memory_find(m, nr), &as, 0);
	return nr;
}

static int do_unpreserve_free(struct machine *m, struct memory *mem)
{
	KCALL_NAMED(m, "kho_unpreserve_free");
	int err = memory_unpreserve_folio(m, mem);

	return err ? err : memory_folio_put(m, mem);
}

int module_kho_preserve_folio(struct machine *m, int mem)
{
	SYSCALL(m, memory_preserve_folio(m, memory_find(m, mem)));
}

int module_kho_unpreserve_folio(struct machine *m, int mem)
{
	SYSCALL(m, memory_unpreserve_folio(m, memory_find(m, mem)));
}

int module_kho_preserve_pages(struct machine *m, int mem, uint64_t first, uint64_t nr)
{
	SYSCALL(m, memory_preserve_pages(m, memory_find(m, mem), first, nr));
}

int module_kho_unpreserve_pages(struct machine *m, int mem, uint64_t first, uint64_t nr)
{
	SYSCALL(m, memory_unpreserve_pages(m, memory_find(m, mem), first, nr));
}

int module_kho_preserve_vmalloc(struct machine *m, int mem)
{
	SYSCALL(m, memory_preserve_vmalloc(m, memory_find(m, mem)));
}

int module_kho_unpreserve_vmalloc(struct machine *m, int mem)
{
	SYSCALL(m, memory_unpreserve_vmalloc(m, memory_find(m, mem)));
}

int module_kho_alloc_preserve(struct machine *m, uint64_t size)
{
	SYSCALL(m, do_alloc_preserve(m, size));
}

int module_kho_unpreserve_free(struct machine *m, int mem)
{
	SYSCALL(m, do_unpreserve_free(m, memory_find(m, mem)));
}

/* Restoring. */

static int restored(struct machine *m, struct memory *mem)
{
	hold(m, mem);
	ledger_memory_restored(m, number(m, mem), mem->nr_pages, hash_memory(m, mem),
			       mem->reserved);
	return 0;
}

int memory_restore_folio(struct machine *m, struct memory *mem)
{
	struct folio *folio;

	if (!mem || mem->kind == MEMORY_VMALLOC)
		return mem ? -EINVAL : -EBADF;
	folio = kho_restore_folio(m, mem->phys);
	if (!folio)
		return -ENOENT;
	mem->kind = MEMORY_FOLIO;
	mem->nr_pages = folio_nr_pages(folio);
	return restored(m, mem);
}

static int do_restore_pages(struct machine *m, struct memory *mem, u64 first, u64 nr)
{
	int err = check_part(mem, first, nr);

	if (err)
		return err;
	if (!kho_restore_pages(m, mem->phys + PFN_PHYS(first), nr))
		return -ENOENT;
	mem->kind = MEMORY_PAGES;
	return restored(m, mem);
}

int memory_restore_vmalloc(struct machine *m, struct memory *mem)
{
	struct vm_struct *vm;

	if (!mem || mem->kind != MEMORY_VMALLOC)
		return mem ? -EINVAL : -EBADF;
	vm = kho_restore_vmalloc(m, &mem->pres);
	if (!vm)
		return -ENOENT;
	mem->vm = vm;
	mem->nr_pages = vm->nr_pages;
	return restored(m, mem);
}

static int do_restore_free(struct machine *m, struct memory *mem)
{
	if (!mem || mem->kind == MEMORY_VMALLOC)
		return mem ? -EINVAL : -EBADF;
	kho_restore_free(m, mem->phys);
	ledger_memory_freed(m, number(m, mem));
	return 0;
}

int module_kho_restore_folio(struct machine *m, int mem)
{
	SYSCALL(m, memory_restore_folio(m, memory_find(m, mem)));
}

int module_kho_restore_pages(struct machine *m, int mem, uint64_t first, uint64_t nr)
{
	SYSCALL(m, do_restore_pages(m, memory_find(m, mem), first, nr));
}

int module_kho_restore_vmalloc(struct machine *m, int mem)
{
	SYSCALL(m, memory_restore_vmalloc(m, memory_find(m, mem)));
}

int module_kho_restore_free(struct machine *m, int mem)
{
	SYSCALL(m, do_restore_free(m, memory_find(m, mem)));
}

/* Areas of reserve_mem=, which nobody restores: they stay reserved. */

int memory_reserved(struct machine *m, phys_addr_t start, u64 nr_pages)
{
	int nr = memory_found(m, start, nr_pages);
	struct memory *mem = memory_find(m, nr);

	mem->kind = MEMORY_PAGES;
	mem->nr_pages = nr_pages;
	mem->reserved = true;
	restored(m, mem);
	return nr;
}

void memory_reserved_end(struct machine *m)
{
	for (u32 i = 0; i < m->memories.nr; i++)
		if (m->memories.all[i].reserved && !is_held(m, &m->memories.all[i]))
			ledger_memory_freed(m, i + 1);
}

void memory_release_reserved(struct machine *m, struct memory *mem)
{
	u64 pfn = PHYS_PFN(mem->phys);

	for (u64 i = 0; i < mem->nr_pages; i++) {
		kho_frame_restored(m, &m->memmap[pfn + i]);
		m->memmap[pfn + i].refcount = 1;
		free_page(m, PFN_PHYS(pfn + i));
	}
	mem->refs = 0;
}

/* Subtrees. */

int memory_add_subtree(struct machine *m, const char *name, const struct memory *mem)
{
	KCALL_NAMED(m, "kho_add_subtree");

	if (!mem || mem->kind == MEMORY_VMALLOC)
		return mem ? -EINVAL : -EBADF;
	return kho_add_subtree(m, name, mem->phys, mem->nr_pages << PAGE_SHIFT);
}

int memory_remove_subtree(struct machine *m, const struct memory *mem)
{
	KCALL_NAMED(m, "kho_remove_subtree");

	if (!mem || mem->kind == MEMORY_VMALLOC)
		return mem ? -EINVAL : -EBADF;
	kho_remove_subtree(m, mem->phys);
	return 0;
}

static int do_retrieve_subtree(struct machine *m, const char *name)
{
	KCALL_NAMED(m, "kho_retrieve_subtree");
	phys_addr_t phys;
	u64 size = PAGE_SIZE;
	int err = kho_retrieve_subtree(m, name, &phys, &size);

	return err ? err : memory_found(m, phys, DIV_ROUND_UP(size, PAGE_SIZE));
}

int module_kho_add_subtree(struct machine *m, const char *name, int mem)
{
	SYSCALL(m, memory_add_subtree(m, name, memory_find(m, mem)));
}

int module_kho_remove_subtree(struct machine *m, int mem)
{
	SYSCALL(m, memory_remove_subtree(m, memory_find(m, mem)));
}

int module_kho_retrieve_subtree(struct machine *m, const char *name)
{
	SYSCALL(m, do_retrieve_subtree(m, name));
}

int module_kho_is_enabled(struct machine *m)
{
	SYSCALL(m, kho_is_enabled(m));
}

int module_is_kho_boot(struct machine *m)
{
	SYSCALL(m, is_kho_boot(m));
}

/* States. */

static void walk_frames(struct machine_walk *w, const struct machine *m, const struct memory *mem)
{
	if (mem->kind == MEMORY_VMALLOC) {
		for (u32 i = 0; is_held(m, mem) && i < mem->vm->nr_pages; i++)
			walk_frame(w, mem->vm->pfns[i]);
		return;
	}
	for (u64 i = 0; i < mem->nr_pages; i++)
		walk_frame(w, PHYS_PFN(mem->phys) + i);
}

static void walk_kept(struct machine_walk *w, const struct kept_memory *kept)
{
	walk_put(w, kept->as | kept->first << 8 | kept->nr << 32);
	walk_claim_nr(w, kept->claim);
	if (kept->as == MEMORY_VMALLOC)
		walk_frame(w, PHYS_PFN(kept->chunk));
}

/* What waits, and what the ledger would say of a restore that fails. */
static void walk_waiting(struct machine_walk *w, const struct machine *m, const struct memory *mem)
{
	u64 pfn = first_pfn(mem);

	if (!pfn_valid(m, pfn))
		return;
	/* Where what the last kernel did not keep was, something else may lie by now. */
	if (m->memmap[pfn].flags & PG_INCOMING && mem->nr_kept &&
	    mem->keeper + 1 == m->kernel_nr)
		walk_frame(w, pfn);
	walk_memory_claims(w, number(m, mem), pfn);
}

void kho_callers_walk(struct machine_walk *w, const struct machine *m)
{
	for (u32 i = 0; i < m->memories.nr; i++) {
		const struct memory *mem = &m->memories.all[i];
		u32 nr_kept = mem->keeper == m->kernel_nr ? mem->nr_kept : 0;

		walk_put(w, mem->kind | (u64)nr_kept << 4 |
			    (u64)(is_held(m, mem) ? mem->refs : 0) << 8 | mem->nr_pages << 32);
		if (is_held(m, mem))
			walk_frames(w, m, mem);
		if (mem->kernel != m->kernel_nr || !mem->refs)
			walk_waiting(w, m, mem);
		for (u32 n = 0; n < nr_kept; n++)
			walk_kept(w, &mem->kept[n]);
	}
}

/* The end. */

static void give_up(struct machine *m, struct memory *mem)
{
	if (mem->kind == MEMORY_FOLIO)
		put_folio(m, mem);
	else if (mem->kind == MEMORY_PAGES)
		free_pages(m, mem);
	else
		free_area(m, mem);
}

/* A module that has given memory up, or lost its area's description, leaves it preserved. */
static void unpreserve(struct machine *m, struct memory *mem, const struct kept_memory *kept)
{
	if (kept->as == MEMORY_FOLIO)
		kho_unpreserve_folio(m, pfn_folio(m, PHYS_PFN(mem->phys)));
	else if (kept->as == MEMORY_PAGES)
		kho_unpreserve_pages(m, PHYS_PFN(mem->phys) + kept->first, kept->nr);
	else if (kept->chunk == mem->pres.first)
		kho_unpreserve_vmalloc(m, &mem->pres);
}

void kho_callers_exit(struct machine *m)
{
	for (u32 i = m->memories.nr; i-- > 0; ) {
		struct memory *mem = &m->memories.all[i];

		if (!is_held(m, mem) || mem->reserved)
			continue;
		for (u32 k = mem->keeper == m->kernel_nr ? mem->nr_kept : 0; k-- > 0; )
			unpreserve(m, mem, &mem->kept[k]);
		mem->nr_kept = 0;
		while (mem->refs)
			give_up(m, mem);
	}
	kho_test_end(m);
}
