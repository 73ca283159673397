/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory cgroups (mm/memcontrol.c): pages of memfds and of tmpfs files are charged to the
 * cgroup of the process that makes or retrieves them, and stay so until they are freed. A
 * cgroup here has one process, nothing is reclaimed in it, and its process is one that the
 * OOM killer spares, so that what does not fit is -ENOMEM. Its numbers are a kernel's own:
 * the next one starts with none.
 */
#include "machine/machine.h"

int mem_cgroup_charge(struct machine *m, struct folio *folio)
{
	u8 id = m->task->files ? process_of(m->task->files)->memcg : 0;
	struct mem_cgroup *memcg = &m->k->memcg[id];
	u64 nr = folio_nr_pages(folio);

	if (!id)
		return 0;
	if (memcg->usage + nr > memcg->max)
		return -ENOMEM;
	memcg->usage += nr;
	folio->page.memcg = id;
	return 0;
}

void mem_cgroup_uncharge(struct machine *m, struct folio *folio)
{
	m->k->memcg[folio->page.memcg].usage -= folio->page.memcg ? folio_nr_pages(folio) : 0;
	folio->page.memcg = 0;
}

void mem_cgroup_split(struct folio *folio, struct folio *half)
{
	half->page.memcg = folio->page.memcg;
}

static int memory_max(struct machine *m, u64 bytes)
{
	struct process *p = process_of(m->task->files);

	if (!p->memcg) {
		if (m->k->nr_memcgs + 1 == MAX_MEMCGS)
			return -ENOSPC;
		p->memcg = ++m->k->nr_memcgs;
	}
	m->k->memcg[p->memcg].max = bytes >> PAGE_SHIFT;
	return 0;
}

int machine_memory_max(struct machine *m, uint64_t bytes)
{
	SYSCALL(m, memory_max(m, bytes));
}
