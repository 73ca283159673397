/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Saving a machine and restoring it: copies of what it uses of its two arenas.
 * Frames from m->top on were never touched; of those only the heads of the free
 * blocks that they lie in are kept, which are few.
 */
#include <stdlib.h>

#include "luosim-search.h"
#include "machine/machine.h"
#include "machine/sparse.h"

/* Free blocks beyond m->top: two of each order at most, and those that were given back. */
static u64 next_head(const struct machine *m, u64 pfn)
{
	if (page_is_fresh(m, pfn))
		pfn = m->k->fresh_end;
	for (unsigned int order = 0; order <= MAX_PAGE_ORDER && pfn < m->nr_frames; order++) {
		u64 head = pfn & ~((1ull << order) - 1);
		const struct page *page = &m->memmap[head];

		if (page->flags & PG_BUDDY && page->order >= order &&
		    head + (1ull << page->order) > pfn)
			return head;
	}
	return m->nr_frames;
}

/* Walk the heads of the blocks that lie beyond m->top. */
static u64 first_beyond(const struct machine *m)
{
	u64 head = next_head(m, m->top);

	if (head >= m->top || head >= m->nr_frames)
		return head;
	return next_head(m, head + (1ull << m->memmap[head].order));
}

#define for_each_beyond(m, head)						\
	for (head = first_beyond(m); head < (m)->nr_frames;			\
	     head = next_head(m, head + (1ull << (m)->memmap[head].order)))

struct saved_head {
	u64 pfn;
	struct page page;
};

/* The bytes of each arena whose shadow, under AddressSanitizer, goes along. */
static u64 data_start(const struct machine *m)
{
	return (char *)(m->ledger.ghost + m->nr_frames) - m->persist.base;
}

static int reserve(struct machine_snapshot *s, u64 size)
{
	void *mem;

	if (size <= s->size)
		return 0;
	mem = realloc(s->mem, 2 * size);
	if (!mem)
		return -ENOMEM;
	s->mem = mem;
	s->size = 2 * size;
	return 0;
}

/*
 * Not in line: for a size that it knows the compiler has one instruction copy word
 * by word, which takes twice as long as memcpy().
 */
static __attribute__((noinline)) char *put(char *to, const void *from, u64 size)
{
	memcpy(to, from, size);
	return to + size;
}

static __attribute__((noinline)) const char *get(const char *from, void *to, u64 size)
{
	memcpy(to, from, size);
	return from + size;
}

/* A task's stack, as an arena: the struct task lies above it. */
static struct arena stack_of(struct machine *m, u32 id)
{
	struct task *task = task_of(m, id);

	return (struct arena){ .base = task->sp, .used = (char *)(task + 1) - task->sp };
}

static u64 stacks_size(struct machine *m)
{
	u64 size = 0;

	for (u32 id = 1; id <= m->nr_tasks; id++)
		size += sizeof(char *) + stack_of(m, id).used +
			arena_shadow_size(stack_of(m, id).used);
	return size;
}

static u64 violations_size(const struct machine *m)
{
	return m->ledger.nr_violations * sizeof(*m->ledger.violations);
}

/* @now is what had the memory for them before the machine was put back. */
static const char *restore_violations(struct machine *m, const struct ledger *now, const char *p)
{
	m->ledger.violations = now->violations;
	m->ledger.max_violations = now->max_violations;
	ledger_reserve(&m->ledger, m->ledger.nr_violations);
	return m->ledger.nr_violations ? get(p, m->ledger.violations, violations_size(m)) : p;
}

static char *save_stacks(struct machine *m, char *p)
{
	for (u32 id = 1; id <= m->nr_tasks; id++) {
		struct arena stack = stack_of(m, id);

		p = put(p, &stack.base, sizeof(stack.base));
		p = arena_save(&stack, 0, p);
	}
	return p;
}

static const char *restore_stacks(struct machine *m, const char *p)
{
	for (u32 id = 1; id <= m->nr_tasks; id++) {
		struct arena stack = { 0 };

		p = get(p, &stack.base, sizeof(stack.base));
		stack.used = (char *)(task_of(m, id) + 1) - stack.base;
		p = arena_restore(&stack, 0, &(struct arena_use){ .used = stack.used }, p);
	}
	return p;
}

/* How much was ever in use makes no difference to what can follow. */
static void forget_past(struct machine *saved)
{
	saved->persist.dirty = 0;
	saved->heap.dirty = 0;
	saved->ledger.violations = NULL;
	saved->ledger.max_violations = 0;
}

int machine_save(struct machine *m, struct machine_snapshot *s)
{
	u64 data = m->persist.used - data_start(m), nr = 0, head;
	u64 shadow = arena_shadow_size(data) + arena_shadow_size(m->heap.used);
	char *p;

	tree_save_variables(m);
	for_each_beyond(m, head)
		nr++;
	if (reserve(s, sizeof(*m) + m->top * (sizeof(struct page) + sizeof(struct ghost)) +
		    sizeof(nr) + nr * sizeof(struct saved_head) + data +
		    SPARSE_MAX(m->heap.used) + shadow +
		    violations_size(m) + stacks_size(m) + engine_save_size(m)))
		return -ENOMEM;
	p = put(s->mem, m, sizeof(*m));
	forget_past(s->mem);
	p = put(p, m->memmap, m->top * sizeof(*m->memmap));
	p = put(p, m->ledger.ghost, m->top * sizeof(*m->ledger.ghost));
	p = put(p, &nr, sizeof(nr));
	for_each_beyond(m, head) {
		struct saved_head saved = { .pfn = head, .page = m->memmap[head] };

		p = put(p, &saved, sizeof(saved));
	}
	p = arena_save(&m->persist, data_start(m), p);
	p = arena_save(&m->heap, 0, p);
	if (m->ledger.nr_violations)
		p = put(p, m->ledger.violations, violations_size(m));
	p = save_stacks(m, p);
	p = engine_save(m, p);
	s->used = p - (char *)s->mem;
	return 0;
}

void machine_restore(struct machine *m, const struct machine_snapshot *s)
{
	const struct machine *saved = s->mem;
	const struct arena_use persist = { m->persist.used, m->persist.dirty };
	const struct arena_use heap = { m->heap.used, m->heap.dirty };
	const struct ledger ledger = m->ledger;
	const struct engine_memory memory = m->memory;
	char *stacks = m->stacks;
	u64 top = m->top, nr, head, next;
	struct saved_head beyond;
	const char *p;

	if (!saved)
		return;
	/* The walk reads a head to find the next one. */
	for (next = first_beyond(m); (head = next) < m->nr_frames; ) {
		next = next_head(m, head + (1ull << m->memmap[head].order));
		m->memmap[head] = (struct page){ 0 };
	}
	if (top > saved->top) {
		u64 more = top - saved->top;

		memset(&m->memmap[saved->top], 0, more * sizeof(*m->memmap));
		memset(&m->ledger.ghost[saved->top], 0, more * sizeof(*m->ledger.ghost));
	}
	tree_variables_changed(m);
	if (memory.ram && saved->memory.ram)
		engine_unuse(m, (const struct page *)(saved + 1), saved->top);
	p = get(s->mem, m, sizeof(*m));
	/* They may have come since. */
	m->stacks = stacks;
	p = get(p, m->memmap, m->top * sizeof(*m->memmap));
	p = get(p, m->ledger.ghost, m->top * sizeof(*m->ledger.ghost));
	for (p = get(p, &nr, sizeof(nr)); nr; nr--, p += sizeof(beyond)) {
		memcpy(&beyond, p, sizeof(beyond));
		m->memmap[beyond.pfn] = beyond.page;
	}
	p = arena_restore(&m->persist, data_start(m), &persist, p);
	p = arena_restore(&m->heap, 0, &heap, p);
	p = restore_violations(m, &ledger, p);
	p = restore_stacks(m, p);
	tree_variables_changed(m);
	if (m->memory.ram)
		engine_restore(m, top, p);
	else if (memory.ram)
		engine_memory_free(m, &memory);
}

/* Frames, the kernel, and what the judge knows; the rest follows from them. */
bool machine_is_at(const struct machine *m, const struct machine_snapshot *s)
{
	const struct machine *then = s->mem;
	const char *p = (const char *)(then + 1);
	u64 nr;

	if (m->memory.ram != then->memory.ram || then->nr_tasks)
		return false;
	if (m->kernel_nr != then->kernel_nr || m->panicked || m->top != then->top ||
	    memcmp(&m->ledger.now, &then->ledger.now, sizeof(m->ledger.now)) ||
	    memcmp(m->lock_class, then->lock_class, sizeof(m->lock_class)))
		return false;
	if (memcmp(m->memmap, p, m->top * sizeof(*m->memmap)))
		return false;
	p += m->top * sizeof(*m->memmap);
	if (memcmp(m->ledger.ghost, p, m->top * sizeof(*m->ledger.ghost)))
		return false;
	p += m->top * sizeof(*m->ledger.ghost);
	memcpy(&nr, p, sizeof(nr));
	p += sizeof(nr) + nr * sizeof(struct saved_head);
	if (!arena_is_at(&m->persist, data_start(m), &then->persist, &p) ||
	    !arena_is_at(&m->heap, 0, &then->heap, &p))
		return false;
	p += violations_size(then);
	return !m->memory.ram || (tree_variables_same(m) && engine_is_at(m, p));
}

void machine_snapshot_free(struct machine_snapshot *s)
{
	free(s->mem);
	*s = (struct machine_snapshot){ 0 };
}
