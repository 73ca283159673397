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

/*
 * A damaged handover may have any number where the tree's code expects an address or the
 * number of a frame. What it reads there is to be an oops and nothing of ours, so that much is
 * reserved around; not a power of two, as such numbers mostly are.
 */
#define GUARD_BELOW	(1ull << 30)
#define GUARD_ABOVE	(0x15555ull << 24)

static u64 ram_size(const struct machine *m)
{
	return PFN_PHYS(m->nr_frames);
}

static void *reserve(u64 size)
{
	return mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/* The room between guards; of @fd, or NULL. */
static void *guarded(u64 size, int fd)
{
	int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED;
	char *all = reserve(GUARD_BELOW + size + GUARD_ABOVE), *at = all + GUARD_BELOW;

	if (all == MAP_FAILED)
		return NULL;
	if (mmap(at, size, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0) != MAP_FAILED)
		return at;
	munmap(all, GUARD_BELOW + size + GUARD_ABOVE);
	return NULL;
}

static void unmap_guarded(void *at, u64 size)
{
	if (at)
		munmap((char *)at - GUARD_BELOW, GUARD_BELOW + size + GUARD_ABOVE);
}

/* What lies behind the last one is guarded only where a page of ours begins. */
static u64 memmap_size(const struct machine *m, u64 page_size)
{
	return (m->nr_frames * page_size + PAGE_SIZE - 1) & PAGE_MASK;
}

static u64 words_size(const struct machine *m)
{
	return (m->nr_frames * sizeof(u32) + PAGE_SIZE - 1) & PAGE_MASK;
}

static int map_all(struct machine *m, struct engine_memory *mem, u64 page_size)
{
	mem->page_size = page_size;
	mem->fd = memfd_create("luosim", MFD_CLOEXEC);
	if (mem->fd < 0 || ftruncate(mem->fd, ram_size(m)))
		return -ENOMEM;
	mem->ram = guarded(ram_size(m), mem->fd);
	mem->memmap = guarded(memmap_size(m, page_size), -1);
	mem->words = guarded(words_size(m), -1);
	mem->vmalloc = reserve(VMALLOC_SIZE);
	return !mem->ram || !mem->memmap || !mem->words || mem->vmalloc == MAP_FAILED ? -ENOMEM : 0;
}

static void unmap_all(const struct machine *m, const struct engine_memory *mem)
{
	unmap_guarded(mem->ram, ram_size(m));
	unmap_guarded(mem->memmap, memmap_size(m, mem->page_size));
	unmap_guarded(mem->words, words_size(m));
	if (mem->vmalloc && mem->vmalloc != MAP_FAILED)
		munmap(mem->vmalloc, VMALLOC_SIZE);
	if (mem->fd >= 0)
		close(mem->fd);
}

int engine_memory_init(struct machine *m)
{
	struct engine_memory mem = { .fd = -1 };
	u8 page[PAGE_SIZE];

	if (m->memory.ram)
		return 0;
	if (map_all(m, &mem, m->k->boot.release.tree->kernel->page_size)) {
		unmap_all(m, &mem);
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
	if (mem->ram)
		unmap_all(m, mem);
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

static bool is_zero(const u8 *page)
{
	return !page[0] && !memcmp(page, page + 1, PAGE_SIZE - 1);
}

u64 engine_save_size(const struct machine *m)
{
	return m->memory.ram ? m->top * (m->memory.page_size + 1 + PAGE_SIZE) : 0;
}

char *engine_save(struct machine *m, char *to)
{
	u64 size = m->top * m->memory.page_size;

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
	u64 size = m->top * m->memory.page_size;

	memset(m->memory.memmap, 0, max(top, m->top) * m->memory.page_size);
	memset(m->memory.words, 0, max(top, m->top) * sizeof(u32));
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

