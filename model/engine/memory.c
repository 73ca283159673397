/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory of a machine that a tree's kernel has run on: physical memory as one mapping
 * (phys.c keeps frames there from then on), the tree's struct pages, and addresses at
 * which frames are mapped once more.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "engine/engine.h"
#include "machine/machine.h"

static u64 ram_size(const struct machine *m)
{
	return PFN_PHYS(m->nr_frames);
}

static void *reserve(u64 size, int prot)
{
	return mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static int map_all(struct machine *m, struct engine_memory *mem, u64 page_size)
{
	mem->fd = memfd_create("luosim", MFD_CLOEXEC);
	if (mem->fd < 0 || ftruncate(mem->fd, ram_size(m)))
		return -ENOMEM;
	mem->ram = mmap(NULL, ram_size(m), PROT_READ | PROT_WRITE, MAP_SHARED, mem->fd, 0);
	if (mem->ram == MAP_FAILED)
		return -ENOMEM;
	mem->memmap_size = m->nr_frames * (page_size + sizeof(u32));
	mem->memmap = reserve(mem->memmap_size, PROT_READ | PROT_WRITE);
	mem->vmalloc = reserve(VMALLOC_SIZE, PROT_NONE);
	return mem->memmap == MAP_FAILED || mem->vmalloc == MAP_FAILED ? -ENOMEM : 0;
}

int engine_memory_init(struct machine *m)
{
	struct engine_memory mem = { .fd = -1 };
	u8 page[PAGE_SIZE];

	if (m->memory.ram)
		return 0;
	if (map_all(m, &mem, m->k->boot.release.tree->kernel->page_size)) {
		if (mem.fd >= 0)
			close(mem.fd);
		return -ENOMEM;
	}
	for (u64 pfn = 0; pfn < m->top; pfn++) {
		phys_read(m, PFN_PHYS(pfn), page, PAGE_SIZE);
		phys_drop(m, pfn, m->memmap[pfn].flags & PG_SCRAMBLED);
		memcpy(mem.ram + PFN_PHYS(pfn), page, PAGE_SIZE);
	}
	m->memory = mem;
	return 0;
}

void engine_memory_free(const struct machine *m, const struct engine_memory *mem)
{
	if (!mem->ram)
		return;
	munmap(mem->ram, ram_size(m));
	munmap(mem->memmap, mem->memmap_size);
	munmap(mem->vmalloc, VMALLOC_SIZE);
	close(mem->fd);
}

bool engine_map(struct machine *m, void *at, unsigned long pfn)
{
	return mmap(at, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, m->memory.fd,
		    PFN_PHYS(pfn)) != MAP_FAILED;
}

void engine_unmap(struct machine *m, void *at, unsigned long nr)
{
	(void)m;
	mmap(at, nr << PAGE_SHIFT, PROT_NONE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

/* ---- Snapshots ---- */

static u64 page_size(const struct machine *m)
{
	return m->memory.memmap_size / m->nr_frames - sizeof(u32);
}

static bool is_zero(const u8 *page)
{
	return !page[0] && !memcmp(page, page + 1, PAGE_SIZE - 1);
}

u64 engine_save_size(const struct machine *m)
{
	return m->memory.ram ? m->top * (page_size(m) + 1 + PAGE_SIZE) : 0;
}

char *engine_save(struct machine *m, char *to)
{
	u64 size = m->top * page_size(m);

	if (!m->memory.ram)
		return to;
	memcpy(to, m->memory.memmap, size);
	to += size;
	for (u64 pfn = 0; pfn < m->top; pfn++) {
		const u8 *page = m->memory.ram + PFN_PHYS(pfn);

		*to++ = !is_zero(page);
		if (!to[-1])
			continue;
		memcpy(to, page, PAGE_SIZE);
		to += PAGE_SIZE;
	}
	return to;
}

/* Of a machine whose highest frame was @top. */
const char *engine_restore(struct machine *m, u64 top, const char *copy)
{
	u64 size = m->top * page_size(m);

	memset(m->memory.memmap, 0, max(top, m->top) * page_size(m));
	memset(m->memory.memmap + m->nr_frames * page_size(m), 0, max(top, m->top) * sizeof(u32));
	memcpy(m->memory.memmap, copy, size);
	copy += size;
	for (u64 pfn = 0; pfn < max(top, m->top); pfn++) {
		u8 *page = m->memory.ram + PFN_PHYS(pfn);

		if (pfn < m->top && *copy++) {
			memcpy(page, copy, PAGE_SIZE);
			copy += PAGE_SIZE;
		} else if (!is_zero(page)) {
			memset(page, 0, PAGE_SIZE);
		}
	}
	return copy;
}

