/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The boot option reserve_mem= (mm/memblock.c): areas with a name, which KHO hands
 * over, so that they lie at the same place in the next kernel.
 */
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>

#include "machine/machine.h"

#define pr_fmt ""

#define MEMBLOCK_KHO_FDT		"memblock"
#define MEMBLOCK_KHO_NODE_COMPATIBLE	"memblock-v1"
#define RESERVE_MEM_KHO_NODE_COMPATIBLE	"reserve-mem-v1"
#define SMP_CACHE_BYTES			64

static struct reserve_mem_table *reserve_mem_find(struct machine *m, const char *name)
{
	struct reserve_mem *rm = &m->reserve_mem;

	for (u32 i = 0; i < rm->count; i++)
		if (rm->table[i].size && !strcmp(rm->table[i].name, name))
			return &rm->table[i];
	return NULL;
}

static void reserved_mem_add(struct machine *m, phys_addr_t start, u64 size, const char *name)
{
	struct reserve_mem_table *map = &m->reserve_mem.table[m->reserve_mem.count++];

	map->start = start;
	map->size = size;
	snprintf(map->name, sizeof(map->name), "%s", name);
	map->mem = memory_reserved(m, start, DIV_ROUND_UP(size, PAGE_SIZE));
}

phys_addr_t memblock_phys_alloc(struct machine *m, u64 size, u64 align)
{
	struct reserve_mem *rm = &m->reserve_mem;
	const struct kho_scratch *scratch = &m->k->kho.scratch;
	phys_addr_t start;

	if (is_kho_boot(m)) {
		start = (rm->scratch + align - 1) & ~(align - 1);
		if (start + size < start || start + size > scratch->addr + scratch->size) {
			start = kho_extended_alloc(m, size, align, rm->extended);
			if (start)
				rm->extended = start;
			return start;
		}
		rm->scratch = start + size;
		return start;
	}
	if (size >= rm->end)
		return 0;
	start = (rm->end - size) & ~(align - 1);
	if (PHYS_PFN(start) < max(m->first_pfn, 1ull))
		return 0;
	if (start + size < rm->end && rm->nr_gaps < ARRAY_SIZE(rm->gap)) {
		rm->gap[rm->nr_gaps].start = start + size;
		rm->gap[rm->nr_gaps++].end = rm->end;
	}
	rm->end = start;
	return start;
}

#define SZ_1G	(1ull << 30)

u64 hugetlb_bootmem_size(const struct machine *m)
{
	return m->k->boot.gigantic_pages * SZ_1G;
}

void hugetlb_bootmem_alloc(struct machine *m)
{
	struct reserve_mem *rm = &m->reserve_mem;
	/* With the fix not from scratch, which on a KHO boot leaves what extends it. */
	bool extended = is_kho_boot(m) && has_fix(m, FIX_SCRATCH_HUGETLB);
	u32 want = m->k->boot.gigantic_pages, nr;
	phys_addr_t start;

	for (nr = 0; nr < want; nr++) {
		start = extended ? kho_extended_alloc(m, SZ_1G, SZ_1G, rm->extended) :
				   memblock_phys_alloc(m, SZ_1G, SZ_1G);
		if (!start)
			break;
		if (extended)
			rm->extended = start;
		rm->huge = true;
	}
	if (nr < want)
		pr_warn(m, "HugeTLB: allocating %u of page size 1.00 GiB failed.  Only allocated "
			"%u hugepages.", want, nr);
}

/* The FDT of the last kernel's areas in @fdt, of a page. */
static bool retrieve_fdt(struct machine *m, void *fdt)
{
	phys_addr_t phys;
	u64 size;
	int err = kho_retrieve_subtree(m, MEMBLOCK_KHO_FDT, &phys, &size);

	if (err) {
		if (err != -ENOENT)
			pr_warn(m, "failed to retrieve FDT '%s' from KHO: %d", MEMBLOCK_KHO_FDT,
				err);
		return false;
	}
	err = kho_read_fdt(m, phys, fdt);
	if (!err)
		err = fdt_node_check_compatible(fdt, 0, MEMBLOCK_KHO_NODE_COMPATIBLE);
	if (err)
		pr_warn(m, "FDT '%s' is incompatible with '%s': %d", MEMBLOCK_KHO_FDT,
			MEMBLOCK_KHO_NODE_COMPATIBLE, err);
	return !err;
}

static bool get_u64(const void *fdt, int node, const char *name, u64 *val)
{
	int len;
	const void *prop = fdt_getprop(fdt, node, name, &len);

	if (!prop || len != sizeof(*val))
		return false;
	memcpy(val, prop, sizeof(*val));
	return true;
}

static bool reserve_mem_kho_revive(struct machine *m, const char *name, u64 size, u64 align)
{
	u8 fdt[PAGE_SIZE];
	u64 start, old_size;
	int node, err;

	if (!retrieve_fdt(m, fdt))
		return false;
	node = fdt_subnode_offset(fdt, 0, name);
	if (node < 0) {
		pr_warn(m, "FDT '%s' has no child '%s': %d", MEMBLOCK_KHO_FDT, name, node);
		return false;
	}
	err = fdt_node_check_compatible(fdt, node, RESERVE_MEM_KHO_NODE_COMPATIBLE);
	if (err) {
		pr_warn(m, "Node '%s' is incompatible with '%s': %d", name,
			RESERVE_MEM_KHO_NODE_COMPATIBLE, err);
		return false;
	}
	if (!get_u64(fdt, node, "start", &start) || !get_u64(fdt, node, "size", &old_size))
		return false;
	if (start & (align - 1)) {
		pr_warn(m, "KHO reserve-mem '%s' has wrong alignment (0x%lx, 0x%lx)", name,
			(long)align, (long)start);
		return false;
	}
	if (old_size != size) {
		pr_warn(m, "KHO reserve-mem '%s' has wrong size (0x%lx != 0x%lx)", name,
			(long)old_size, (long)size);
		return false;
	}
	reserved_mem_add(m, start, size, name);
	pr_info(m, "Revived memory reservation '%s' from KHO", name);
	return true;
}

/* Digits, which strtoull() takes, with K, M, G or T behind them. */
static u64 memparse(const char *p, const char **end)
{
	static const char units[] = "KMGT";
	char *behind;
	u64 n = strtoull(p, &behind, 0);
	const char *unit = *behind ? strchr(units, *behind) : NULL;

	*end = behind + !!unit;
	return unit ? n << 10 * (unit - units + 1) : n;
}

/* One option, up to a comma: SIZE:ALIGN:NAME. */
static void reserve_mem(struct machine *m, const char *p)
{
	char name[RESERVE_MEM_NAME_SIZE];
	phys_addr_t start;
	u64 size, align = 0;
	u32 len = 0;

	if (m->reserve_mem.count == RESERVE_MEM_MAX_ENTRIES) {
		pr_err(m, "reserve_mem: no more room for reserved memory");
		return;
	}
	size = memparse(p, &p);
	if (*p == ':')
		align = memparse(p + 1, &p);
	if (*p == ':')
		len = strcspn(p + 1, ",");
	if (!size || !len || len >= sizeof(name)) {
		pr_err(m, "reserve_mem: empty or malformed parameter");
		return;
	}
	snprintf(name, sizeof(name), "%.*s", (int)len, p + 1);
	align = max(align, (u64)SMP_CACHE_BYTES);
	if (reserve_mem_find(m, name)) {
		pr_err(m, "reserve_mem: name \"%s\" was already used", name);
		return;
	}
	if (reserve_mem_kho_revive(m, name, size, align))
		return;
	start = memblock_phys_alloc(m, size, align);
	if (start)
		reserved_mem_add(m, start, size, name);
	else
		pr_err(m, "reserve_mem: memblock allocation failed");
}

void reserve_mem_setup(struct machine *m)
{
	for (const char *p = m->k->boot.reserve_mem; p; p += !!p) {
		reserve_mem(m, p);
		p = strchr(p, ',');
	}
	memory_reserved_end(m);
}

static int reserved_mem_preserve(struct machine *m)
{
	struct reserve_mem *rm = &m->reserve_mem;

	for (u32 i = 0; i < rm->count; i++) {
		int err = memory_preserve_pages(m, memory_find(m, rm->table[i].mem), 0,
						rm->table[i].size >> PAGE_SHIFT);

		if (!err)
			continue;
		while (i-- > 0)
			memory_unpreserve_pages(m, memory_find(m, rm->table[i].mem), 0,
						rm->table[i].size >> PAGE_SHIFT);
		return err;
	}
	return 0;
}

static int fill_fdt(const struct reserve_mem *rm, void *fdt)
{
	int err = fdt_create(fdt, PAGE_SIZE);

	err |= fdt_finish_reservemap(fdt);
	err |= fdt_begin_node(fdt, "");
	err |= fdt_property_string(fdt, "compatible", MEMBLOCK_KHO_NODE_COMPATIBLE);
	for (u32 i = 0; !err && i < rm->count; i++) {
		const struct reserve_mem_table *map = &rm->table[i];

		err |= fdt_begin_node(fdt, map->name);
		err |= fdt_property_string(fdt, "compatible", RESERVE_MEM_KHO_NODE_COMPATIBLE);
		err |= fdt_property(fdt, "start", &map->start, sizeof(map->start));
		err |= fdt_property(fdt, "size", &map->size, sizeof(map->size));
		err |= fdt_end_node(fdt);
	}
	err |= fdt_end_node(fdt);
	err |= fdt_finish(fdt);
	return err;
}

static int prepare_kho_fdt(struct machine *m)
{
	phys_addr_t page = get_zeroed_page(m, GFP_KERNEL);
	u8 fdt[PAGE_SIZE];
	int err;

	if (!page)
		return -ENOMEM;
	err = kho_preserve_pages(m, PHYS_PFN(page), 1);
	if (err)
		goto err_free_fdt;
	err = fill_fdt(&m->reserve_mem, fdt);
	if (err)
		goto err_unpreserve_fdt;
	phys_write(m, page, fdt, fdt_totalsize(fdt));
	err = kho_add_subtree(m, MEMBLOCK_KHO_FDT, page, fdt_totalsize(fdt));
	if (err)
		goto err_unpreserve_fdt;
	err = reserved_mem_preserve(m);
	if (!err)
		return 0;
	kho_remove_subtree(m, page);
err_unpreserve_fdt:
	kho_unpreserve_pages(m, PHYS_PFN(page), 1);
err_free_fdt:
	free_page(m, page);
	return err;
}

void reserve_mem_init(struct machine *m)
{
	KCALL(m);
	int err;

	if (!kho_is_enabled(m) || !m->reserve_mem.count)
		return;
	err = prepare_kho_fdt(m);
	if (err)
		pr_err(m, "failed to prepare memblock FDT for KHO: %d", err);
}

static int do_find_by_name(struct machine *m, const char *name)
{
	const struct reserve_mem_table *map = reserve_mem_find(m, name);

	return map ? map->mem : -ENOENT;
}

/* KHO is told nothing of it, as in the kernel. */
static int do_release_by_name(struct machine *m, const char *name)
{
	struct reserve_mem_table *map = reserve_mem_find(m, name);

	if (!map)
		return 0;
	memory_release_reserved(m, memory_find(m, map->mem));
	map->size = 0;
	return 1;
}

int module_reserve_mem_find_by_name(struct machine *m, const char *name)
{
	SYSCALL(m, do_find_by_name(m, name));
}

int module_reserve_mem_release_by_name(struct machine *m, const char *name)
{
	SYSCALL(m, do_release_by_name(m, name));
}
