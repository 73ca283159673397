/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine: page frames, which outlive kernels; the running kernel, which
 * lies in the heap and is dropped whole at kexec; the ledger, which no kernel
 * sees.
 */
#ifndef MODEL_MACHINE_MACHINE_H
#define MODEL_MACHINE_MACHINE_H

#include "machine/arena.h"
#include "engine/engine.h"
#include "fs/fs.h"
#include "handlers/kho_caller.h"
#include "kernel/liveupdate/kho.h"
#include "judge/ledger.h"
#include "kernel/liveupdate/liveupdate.h"
#include "kernel/liveupdate/luo_internal.h"
#include "luosim.h"
#include "mm/memblock.h"
#include "mm/memcontrol.h"
#include "mm/mm.h"
#include "kernel/printk.h"
#include "kernel/process.h"
#include "machine/task.h"
#include "lib/xarray.h"

/* A place in the code that speaks only once, or only so often, per kernel. */
#define MAX_SITES	32
struct site {
	const void *where;
	u32 count;
	bool once;			/* it warns, and only once */
};

/* Locks of one name, and the classes that were ever taken under one of them. */
#define MAX_LOCK_CLASSES	32
struct lock_class {
	const char *name;
	u32 under;			/* mask of classes */
};

/* kexec_core.c */
struct kexec {
	struct mutex lock;		/* only ever tried */
	bool loaded;			/* an image: */
	bool preserve_context;
	u64 fdt;			/* kho_fill_kimage() */
	struct crash {			/* crash_core.c */
		u64 start, end;		/* frames set aside for the crash kernel; 0: none */
		bool loaded;
		u64 fdt;
	} crash;
};

/* All that a kernel holds in its global variables. */
struct kernel {
	struct boot boot;

	/*
	 * page_alloc.c: free blocks by order, as pfn + 1 of the first. Behind those of the
	 * highest order come, lowest first, the frames from @fresh to @fresh_end, of which
	 * none was ever touched; nothing is written of them before they are taken.
	 */
	u32 free_list[NR_MIGRATETYPES][MAX_PAGE_ORDER + 1];
	u64 fresh, fresh_end;
	u64 nr_free;
	s64 managed[MAX_NODES];		/* more pages of each node than it has; see page_alloc.c */
	bool deferred;			/* there are struct pages that are not initialized yet */

	/* fs.h */
	struct list_head processes;	/* process.h */
	struct process init_process;
	struct mem_cgroup memcg[MAX_MEMCGS];	/* 0: the root's, which has no limit */
	u8 nr_memcgs;
	struct fs_struct fs;

	struct kho kho;
	struct hwpoison_kho hwpoison_kho;
	struct luo luo;
	struct list_head tree_objects;	/* of a tree's kernel, see engine.h */
	struct handlers *handlers;	/* handlers/handlers.h */
	struct kexec kexec;
	struct mutex system_transition_mutex;

	struct site sites[MAX_SITES];
	u32 nr_sites;

	/* what policy_cost() counts */
	u64 heap_bytes;			/* given out by kzalloc() */
	s64 xa_nodes;			/* of xarrays: as many as the indices need */
	s64 objects_managed;		/* objects that the policy has claims on */
	s64 claims, claim_bytes;
};

struct machine {
	struct machine_config config;
	struct boot next_boot;
	struct arena persist;		/* this struct, page frames, ledger */
	struct arena heap;		/* the running kernel */
	struct kernel *k;
	u32 kernel_nr;

	struct page *memmap;
	u64 nr_frames;
	u64 first_pfn, end_pfn;		/* what the running kernel has of them, see crash_core.c */
	u64 top;			/* frames from here on were never touched */

	struct engine_memory memory;	/* once a tree's kernel has run; see engine.h */
	void *tree_variables;		/* of the tree's kernel while others use the object */
	u64 tree_variables_size;
	struct {			/* what the last kernel had */
		struct kho_scratch area;
		bool cma;
	} kho_scratch_in;
	u8 kho_scratch[256];		/* what a tree's kernel tells the next: scratch areas */
	u64 kho_scratch_size;

	struct ledger ledger;
	struct memories memories;	/* that callers of KHO have, or had; see kho_caller.h */
	struct reserve_mem reserve_mem;		/* the running kernel's, see mm/memblock.h */
	struct kho_test_state *kho_test;	/* likewise, lib/test_kho.c's; NULL: not loaded */
	struct list_head host_memory;	/* of handlers that are built against luosim-handler.h */
	struct damage *damages;		/* for the next kexec, in order; see damage.c */
	bool damaged;			/* what this kernel was handed over */
	struct crash crash;		/* of the last kernel, if this one is its crash kernel */

	struct task init_task;
	struct task *task;		/* that runs */
	u32 nr_tasks;			/* of a race; 0 outside of races */
	char *stacks;			/* see task.c */
	jmp_buf scheduler;
	const void *scheduler_stack;	/* AddressSanitizer's */
	size_t scheduler_stack_size;
	bool leaving;			/* a task of the race has started the next kernel */
	struct lock_class lock_class[MAX_LOCK_CLASSES];
	u32 nr_lock_classes;

	bool panicked;

	u64 claims_held_max, claim_bytes_max, claim_lookups;	/* see policy_cost() */
};

/* Of each node but the last; nodes begin where sections of memory do. */
#define SECTION_FRAMES	(1ull << (27 - PAGE_SHIFT))
static inline u64 node_frames(const struct machine *m)
{
	return DIV_ROUND_UP(DIV_ROUND_UP(m->nr_frames, m->k->boot.nodes), SECTION_FRAMES) *
	       SECTION_FRAMES;
}

static inline bool has_fix(const struct machine *m, enum fix fix)
{
	return m->k->boot.release.fixes & FIX_BIT(fix);
}

static inline u64 limit(const struct machine *m, enum limit limit)
{
	return m->k->boot.release.limit[limit];
}

static inline void census_add(struct machine *m, enum census_item item, s64 n)
{
	/* Sizes that a damaged handover gives to files may add up to anything. */
	m->ledger.now.count[item] = (u64)m->ledger.now.count[item] + (u64)n;
}

static inline u32 pfn_to_nid(const struct machine *m, u64 pfn)
{
	return m->k->boot.nodes > 1 ? min(pfn / node_frames(m), m->k->boot.nodes - 1ull) : 0;
}

static inline bool pfn_valid(const struct machine *m, u64 pfn)
{
	return pfn >= m->first_pfn && pfn < m->end_pfn;
}

/* Are the few bytes there in memory? */
static inline bool phys_valid(const struct machine *m, phys_addr_t phys, u64 len)
{
	return pfn_valid(m, PHYS_PFN(phys)) && pfn_valid(m, PHYS_PFN(phys + len - 1));
}

/* A frame outside memory is an oops. */
static inline struct page *pfn_to_page(struct machine *m, u64 pfn)
{
	if (!pfn_valid(m, pfn))
		oops(m, PFN_PHYS(pfn));
	return &m->memmap[pfn];
}

static inline u64 page_to_pfn(const struct machine *m, const struct page *page)
{
	return page - m->memmap;
}

static inline struct folio *pfn_folio(struct machine *m, u64 pfn)
{
	return page_folio(pfn_to_page(m, pfn));
}

static inline u64 folio_pfn(const struct machine *m, const struct folio *folio)
{
	return page_to_pfn(m, &folio->page);
}

static inline phys_addr_t folio_phys(const struct machine *m, const struct folio *folio)
{
	return PFN_PHYS(folio_pfn(m, folio));
}

/* For KCALL(). */
static inline struct machine *kcall_push(struct machine *m, const char *func)
{
	struct task *task = m->task;

	if (task->call_depth < CALL_DEPTH)
		task->call[task->call_depth] = func;
	task->call_depth++;
	return m;
}

static inline void kcall_pop(struct machine **m)
{
	(*m)->task->call_depth--;
}

struct task *task_of(struct machine *m, u32 id);

/* A place where another task may run next; @point and @lock say which. */
static inline void task_yield(struct machine *m, enum yield_point point, const char *lock)
{
	if (m->task->id && !m->task->one_step)
		task_give_way(m, point, lock);
}

/* Of an operation that makes several system calls others may run between any two. */
static inline void task_syscall(struct machine *m)
{
	if (m->task->called)
		task_yield(m, YIELD_SYSCALL, NULL);
	m->task->called = m->task->id;
}

/*
 * A system call's body runs between SYSCALL_ENTER and its return; panic() comes
 * back to SYSCALL_ENTER, which then returns -EIO.
 */
#define SYSCALL_ENTER(m) do {						\
	if ((m)->panicked || setjmp((m)->task->panic_env))		\
		return -EIO;						\
	(m)->task->call_depth = (m)->task->boot_depth = 0;		\
} while (0)

/* Run @call as a system call; files given up meanwhile are released on its return. */
#define SYSCALL(m, call) do {						\
	int64_t __ret;							\
									\
	task_syscall(m);						\
	SYSCALL_ENTER(m);						\
	__ret = (call);							\
	syscall_exit(m);						\
	if ((m)->task->task_works)					\
		exit_to_user_mode_loop(m);				\
	return __ret;							\
} while (0)

/*
 * What kfree() leaves while tasks run: who freed it. No pointer looks so, and
 * locks and files begin with one.
 */
#define POISON_FREE	0x6b6bull
void use_after_free(struct machine *m, u64 poison) __attribute__((noreturn));
static inline u64 freed_by(const void *object)
{
	u64 first;

	memcpy(&first, object, sizeof(first));
	return first >> 48 == POISON_FREE ? first : 0;
}

static inline void check_freed(struct machine *m, const void *object)
{
	u64 poison = freed_by(object);

	if (poison)
		use_after_free(m, poison);
}

/* machine.c: start the next kernel with the handover FDT at @fdt, or none; all else is gone. */
void machine_kexec(struct machine *m, phys_addr_t fdt);

/* crash_core.c: at boot, set memory aside for the crash kernel. */
void reserve_crashkernel(struct machine *m);
/* How much is asked for; a crash kernel asks for none. */
u64 crashkernel_size(const struct machine *m);
/* Load its image with the handover FDT at @fdt, or none. */
int crash_load(struct machine *m, phys_addr_t fdt);
/* Start it where the kernel panics, if it is loaded. */
void crash_kexec(struct machine *m);
/* Of the frames that KHO or the boot say it has, a crash kernel maps its own alone. */
void crash_map_memory(struct machine *m);
static inline bool is_kdump_kernel(const struct machine *m)
{
	return m->crash.end;
}
/* The object's address as a number that is the same in every run. */
static inline u64 object_id(const struct machine *m, const void *ptr)
{
	return (u64)((const char *)ptr - m->heap.base) / ARENA_STEP;
}

#endif
