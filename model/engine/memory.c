/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory of a machine that a tree's kernel has run on: physical memory as one mapping
 * (phys.c keeps frames there from then on), the tree's struct pages, and addresses at
 * which frames are mapped once more.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/engine.h"
#include "machine/machine.h"
#include "machine/sparse.h"

/*
 * A damaged handover may have any number where the tree's code expects an address or the
 * number of a frame. What it reads there is to be an oops and nothing of ours, so that much is
 * reserved around; not a power of two, as such numbers mostly are.
 */
#define GUARD_BELOW	(1ull << 30)
#define GUARD_ABOVE	(0x15555ull << 24)

/* Of each page of addresses the frame that is there, + 1; all after @nr are 0. */
struct engine_aliases {
	u64 nr;
	u32 frame[VMALLOC_SIZE >> PAGE_SHIFT];
};

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

/* What lies past the last one is guarded only where a page of ours begins. */
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
	mem->vmalloc = guarded(VMALLOC_SIZE, -1);
	mem->aliases = guarded(sizeof(*mem->aliases), -1);
	mem->garbage = guarded(PAGE_SIZE, -1);
	if (!mem->garbage || !mem->ram || !mem->memmap || !mem->words || !mem->vmalloc ||
	    !mem->aliases)
		return -ENOMEM;
	return mprotect(mem->vmalloc, VMALLOC_SIZE, PROT_NONE) ? -ENOMEM : 0;
}

static void unmap_all(const struct machine *m, const struct engine_memory *mem)
{
	unmap_guarded(mem->ram, ram_size(m));
	unmap_guarded(mem->memmap, memmap_size(m, mem->page_size));
	unmap_guarded(mem->garbage, PAGE_SIZE);
	unmap_guarded(mem->words, words_size(m));
	unmap_guarded(mem->vmalloc, VMALLOC_SIZE);
	unmap_guarded(mem->aliases, sizeof(*mem->aliases));
	if (mem->fd >= 0)
		close(mem->fd);
}

/* All others are zero. */
#define for_each_used(m, pfn)					\
	for (u64 pfn = 0; pfn < (m)->top; pfn++)		\
		if ((m)->memmap[pfn].flags & PG_USED)

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
	for_each_used(m, pfn) {
		phys_read(m, PFN_PHYS(pfn), page, PAGE_SIZE);
		phys_drop(m, pfn, m->memmap[pfn].flags & PG_SCRAMBLED);
		memcpy(mem.ram + PFN_PHYS(pfn), page, PAGE_SIZE);
	}
	phys_fill_garbage(NULL, 0, mem.garbage);
	m->memory = mem;
	m->heap.sparse = true;
	return 0;
}

void engine_memory_free(const struct machine *m, const struct engine_memory *mem)
{
	if (mem->ram)
		unmap_all(m, mem);
}

/* ---- Frames that are mapped once more ---- */

static bool map_alias(const struct engine_memory *mem, u64 page, u32 frame)
{
	char *at = mem->vmalloc + PFN_PHYS(page);
	bool ok;

	if (frame)
		ok = mmap(at, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, mem->fd,
			  PFN_PHYS(frame - 1)) != MAP_FAILED;
	else
		ok = mmap(at, PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
			  MAP_FIXED, -1, 0) != MAP_FAILED;
	return ok;
}

static bool set_alias(const struct engine_memory *mem, u64 page, u32 frame)
{
	struct engine_aliases *aliases = mem->aliases;

	if (aliases->frame[page] == frame)
		return true;
	if (!map_alias(mem, page, frame))
		return false;
	aliases->frame[page] = frame;
	if (frame && page >= aliases->nr)
		aliases->nr = page + 1;
	while (aliases->nr && !aliases->frame[aliases->nr - 1])
		aliases->nr--;
	return true;
}

bool engine_map(struct machine *m, void *at, unsigned long pfn)
{
	return set_alias(&m->memory, PHYS_PFN((char *)at - m->memory.vmalloc), pfn + 1);
}

void engine_unmap(struct machine *m, void *at, unsigned long nr)
{
	u64 page = PHYS_PFN((char *)at - m->memory.vmalloc);

	while (nr-- > 0)
		set_alias(&m->memory, page + nr, 0);
}

void engine_unmap_all(struct machine *m)
{
	while (m->memory.aliases->nr)
		set_alias(&m->memory, m->memory.aliases->nr - 1, 0);
}

/* ---- Bad pointers ---- */

/* Numbers that are no addresses at all, such as NULL and a member of what is there. */
#define SMALL	(1ull << 20)

/* What is said of an address is not to depend on where our memory is. */
void engine_oops(struct machine *m, const void *address)
{
	const struct engine_memory *mem = &m->memory;
	const char *at = address;
	u64 page = PHYS_PFN(at - mem->vmalloc), nr = 0;

	if (at >= mem->vmalloc && at < mem->vmalloc + VMALLOC_SIZE)
		while (nr < page && mem->aliases->frame[page - nr - 1])
			nr++;
	if (nr)
		vmalloc_oops(m, nr);
	if (at >= mem->memmap && at < mem->memmap + memmap_size(m, mem->page_size) + GUARD_ABOVE)
		oops(m, PFN_PHYS((at - mem->memmap) / mem->page_size));
	oops(m, (u64)at < SMALL ? (u64)at : (u64)(at - (char *)mem->ram));
}

/* ---- Snapshots ---- */

u64 engine_save_size(const struct machine *m)
{
	const struct engine_aliases *aliases = m->memory.aliases;

	return m->memory.ram ? m->top * (m->memory.page_size + 1 + SPARSE_MAX(PAGE_SIZE)) +
			       sizeof(aliases->nr) + aliases->nr * sizeof(aliases->frame[0]) : 0;
}

static char *save_aliases(const struct engine_aliases *aliases, char *to)
{
	u64 size = sizeof(aliases->nr) + aliases->nr * sizeof(aliases->frame[0]);

	memcpy(to, aliases, size);
	return to + size;
}

static const char *restore_aliases(struct machine *m, const char *copy)
{
	const struct engine_memory *mem = &m->memory;
	u32 frame;
	u64 nr;

	memcpy(&nr, copy, sizeof(nr));
	copy += sizeof(nr);
	for (u64 page = 0, end = max(nr, mem->aliases->nr); page < end; page++) {
		memcpy(&frame, copy + page * sizeof(frame), page < nr ? sizeof(frame) : 0);
		if (!set_alias(mem, page, page < nr ? frame : 0))
			abort();
	}
	return copy + nr * sizeof(frame);
}

char *engine_save(struct machine *m, char *to)
{
	u64 size = m->top * m->memory.page_size;

	if (!m->memory.ram)
		return to;
	memcpy(to, m->memory.memmap, size);
	to += size;
	for_each_used(m, pfn) {
		const u8 *page = m->memory.ram + PFN_PHYS(pfn);

		*to++ = phys_is_garbage(m->memory.garbage, pfn, page);
		if (!to[-1])
			to = sparse_save(to, page, PAGE_SIZE);
	}
	return save_aliases(m->memory.aliases, to);
}

void engine_unuse(struct machine *m, const struct page *memmap, u64 top)
{
	for_each_used(m, pfn)
		if (pfn >= top || !(memmap[pfn].flags & PG_USED))
			memset(m->memory.ram + PFN_PHYS(pfn), 0, PAGE_SIZE);
}

/* Of a machine whose highest frame was @top. */
const char *engine_restore(struct machine *m, u64 top, const char *copy)
{
	u64 size = m->top * m->memory.page_size;

	memset(m->memory.memmap, 0, max(top, m->top) * m->memory.page_size);
	memset(m->memory.words, 0, max(top, m->top) * sizeof(u32));
	memcpy(m->memory.memmap, copy, size);
	copy += size;
	for_each_used(m, pfn) {
		u8 *page = m->memory.ram + PFN_PHYS(pfn);

		if (!*copy++)
			copy = sparse_restore(page, PAGE_SIZE, copy);
		else if (!phys_is_garbage(m->memory.garbage, pfn, page))
			phys_fill_garbage(m->memory.garbage, pfn, page);
	}
	return restore_aliases(m, copy);
}

static bool page_is_at(const struct machine *m, u64 pfn, const char **copy)
{
	const u8 *page = m->memory.ram + PFN_PHYS(pfn);
	bool garbage = *(*copy)++;

	return garbage ? phys_is_garbage(m->memory.garbage, pfn, page) :
			 sparse_is_at(page, PAGE_SIZE, copy);
}

bool engine_is_at(const struct machine *m, const char *copy)
{
	const struct engine_aliases *aliases = m->memory.aliases;
	u64 size = m->top * m->memory.page_size;

	if (memcmp(m->memory.memmap, copy, size))
		return false;
	copy += size;
	for_each_used(m, pfn)
		if (!page_is_at(m, pfn, &copy))
			return false;
	return !memcmp(aliases, copy, sizeof(aliases->nr)) &&
	       !memcmp(aliases->frame, copy + sizeof(aliases->nr),
		       aliases->nr * sizeof(aliases->frame[0]));
}
