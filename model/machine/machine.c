/* SPDX-License-Identifier: GPL-2.0-only */
/* Making a machine, booting kernels on it, and replacing one by the next. */
#include <stdlib.h>

#include "search/damage.h"
#include "handlers/handlers.h"
#include "machine/machine.h"

#define MEM_ALIGN	(PAGE_SIZE << MAX_PAGE_ORDER)

/* Address space; only what is touched is ever backed by memory. */
#define RESERVE_SLACK	(256ull << 20)
#define RESERVE_DATA	(24ull << 30)

/* Every frame that was used and not handed over holds garbage now and is free. */
static void mm_init(struct machine *m)
{
	const struct kho_scratch *scratch = &m->k->kho.scratch;

	/* Areas that were set aside are touched, and after all that was so far. */
	if (m->reserve_mem.count || m->reserve_mem.huge || m->reserve_mem.nr_gaps ||
	    m->k->kexec.crash.end)
		m->top = m->nr_frames;
	for (u64 pfn = m->first_pfn; pfn < min(m->top, m->end_pfn); pfn++)
		if ((m->memmap[pfn].flags & (PG_USED | PG_INCOMING)) == PG_USED)
			phys_drop(m, pfn, m->kernel_nr > 1);
	for (u32 i = 0; i < m->reserve_mem.nr_gaps; i++)
		memblock_free_all(m, DIV_ROUND_UP(m->reserve_mem.gap[i].start, PAGE_SIZE),
				  PHYS_PFN(m->reserve_mem.gap[i].end));
	/* Frame 0 stays unused, as physical address 0 means none. */
	memblock_free_all(m, max(m->first_pfn, 1ull), PHYS_PFN(m->reserve_mem.end));
	if (m->k->kho.scratch_cma)
		init_cma_reserved(m, PHYS_PFN(max(m->reserve_mem.scratch, scratch->addr)),
				  PHYS_PFN(scratch->addr + scratch->size));
}

static void start_model(struct machine *m)
{
	reserve_crashkernel(m);
	hugetlb_bootmem_alloc(m);
	reserve_mem_setup(m);
	kho_memory_init(m);
	mm_init(m);
	luo_early_init(m);
	kho_init(m);
	luo_late_init(m);
	memfd_luo_init(m);
	reserve_mem_init(m);
	hwpoison_kho_init(m);
	check_early_ioremap_leak(m);
}

/* The same of a tree: it brings its own initcalls. */
static void start_tree(struct machine *m, phys_addr_t fdt)
{
	tree_boot_memory(m, fdt);
	mm_init(m);
	tree_boot_rest(m);
	check_early_ioremap_leak(m);
}

/* The kernel's start, in the order of its initcalls. */
static void start_kernel(struct machine *m, phys_addr_t fdt)
{
	struct kernel *k = arena_alloc_for_good(&m->heap, sizeof(*k));

	k->boot = m->next_boot;
	k->kho.enabled = k->boot.kho;
	k->luo.enabled = k->boot.liveupdate;
	INIT_LIST_HEAD(&k->luo.handlers);
	INIT_LIST_HEAD(&k->luo.flbs);
	INIT_LIST_HEAD(&k->tree_objects);
	INIT_LIST_HEAD(&k->kho.debugfs);
	mutex_init(&k->kho.lock, "kho_out.lock");
	mutex_init(&k->kexec.lock, "kexec_lock");
	mutex_init(&k->system_transition_mutex, "system_transition_mutex");
	m->k = k;
	m->task->boot_depth = m->task->call_depth;
	init_process(m);
	m->kernel_nr++;
	if (m->config.emit)
		m->config.emit(m->config.data, &(struct event){
			.type = EVENT_BOOT, .kernel = m->kernel_nr,
			.text = k->boot.release.name });
	if (fdt && !k->boot.release.tree)
		kho_populate(m, fdt);
	crash_map_memory(m);
	kho_scratch_init(m);
	m->reserve_mem = (struct reserve_mem){ .end = k->kho.scratch.addr,
					       .scratch = k->kho.scratch.addr,
					       .extended = k->kho.scratch.addr };
	/* That of a crash kernel was not at the end of memory. */
	if (PHYS_PFN(k->kho.scratch.addr + k->kho.scratch.size) < m->end_pfn)
		m->reserve_mem.gap[m->reserve_mem.nr_gaps++] = (struct memblock_gap){
			k->kho.scratch.addr + k->kho.scratch.size, PFN_PHYS(m->end_pfn) };
	m->kho_test = NULL;
	luo_session_init(m);
	if (k->boot.release.tree)
		start_tree(m, fdt);
	else
		start_model(m);
	if (files_init(m))
		panic(m, "VFS: Unable to mount root fs");
	handlers_init(m);
	/* What exists now exists again when all processes are gone. */
	ledger_booted(m);
	if (open_console(m))
		panic(m, "No working init found.");
}

void machine_kexec(struct machine *m, phys_addr_t fdt)
{
	if (m->task->id)
		task_leave_kernel(m);
	damage_apply(m);
	ledger_kexec(m);
	m->kho_scratch_in.area = m->k->kho.scratch;
	m->kho_scratch_in.cma = m->k->kho.scratch_cma;
	for (u64 pfn = 0; pfn < m->top; pfn++) {
		struct page *page = &m->memmap[pfn];

		*page = (struct page){ .data = page->data, .flags = page->flags & PG_BYTES };
	}
	/* Beyond m->top heads of free blocks were written, in the block that it lies in. */
	memset(&m->memmap[m->top], 0, -m->top % (1ull << MAX_PAGE_ORDER) * sizeof(*m->memmap));
	tree_variables_changed(m);
	arena_reset(&m->heap);
	m->k = NULL;
	faults_kexec(m);
	m->init_task.nr_held = 0;
	start_kernel(m, fdt);
}

static int first_boot(struct machine *m)
{
	SYSCALL_ENTER(m);
	start_kernel(m, 0);
	return 0;
}

static struct machine *machine_alloc(const struct machine_config *config, u64 nr_frames)
{
	u64 data = min(nr_frames << PAGE_SHIFT, RESERVE_DATA);
	struct arena persist, heap;
	struct machine *m;

	if (arena_init(&persist, nr_frames * (sizeof(struct page) + sizeof(struct ghost)) + data +
		       RESERVE_SLACK))
		return NULL;
	if (arena_init(&heap, data + RESERVE_SLACK)) {
		arena_destroy(&persist);
		return NULL;
	}
	m = arena_alloc_for_good(&persist, sizeof(*m));
	m->persist = persist;
	m->heap = heap;
	m->config = *config;
	m->task = &m->init_task;
	m->next_boot = config->boot;
	m->nr_frames = nr_frames;
	m->memmap = arena_alloc_untouched(&m->persist, nr_frames * sizeof(struct page));
	/* Firmware's. */
	frames_use(m, 0, 1);
	ledger_init(m);
	return m;
}

struct machine *machine_new(const struct machine_config *config)
{
	struct machine *m;

	if (config->mem < MACHINE_MIN_MEM || config->mem > MACHINE_MAX_MEM) {
		errno = EINVAL;
		return NULL;
	}
	m = machine_alloc(config, config->mem / MEM_ALIGN * MEM_ALIGN >> PAGE_SHIFT);
	if (!m) {
		errno = ENOMEM;
		return NULL;
	}
	INIT_LIST_HEAD(&m->host_memory);
	first_boot(m);
	return m;
}

void machine_free(struct machine *m)
{
	struct arena persist;

	if (!m)
		return;
	persist = m->persist;
	tree_variables_changed(m);
	engine_memory_free(m, &m->memory);
	tasks_destroy(m);
	free(m->ledger.violations);
	arena_destroy(&m->heap);
	arena_destroy(&persist);
}

void machine_set_next(struct machine *m, const struct boot *boot)
{
	m->next_boot = *boot;
}

unsigned int machine_kernel(const struct machine *m)
{
	return m->kernel_nr;
}

bool machine_panicked(const struct machine *m)
{
	return m->panicked;
}

void machine_stats(const struct machine *m, struct machine_stats *stats)
{
	*stats = (struct machine_stats){
		.frames = m->nr_frames,
		.frames_free = m->k->nr_free,
		.frames_preserved = m->ledger.now.count[CENSUS_PRESERVED],
		.frames_incoming = m->ledger.now.count[CENSUS_INCOMING],
		.bytes = m->persist.used + m->heap.used,
		.files = m->ledger.now.count[CENSUS_LUO_FILES],
		.claims_held_max = m->claims_held_max,
		.claim_bytes = m->claim_bytes_max,
		.claim_lookups = m->claim_lookups,
	};
}
