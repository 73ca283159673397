/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Callers of KHO that are no file handlers, see luosim.h: modules, whose memory has
 * numbers that stay the same over kexec.
 */
#ifndef MODEL_HANDLERS_KHO_CALLER_H
#define MODEL_HANDLERS_KHO_CALLER_H

#include "lib/types.h"
#include "luosim.h"

struct memory;
struct kho_vmalloc;

struct memories {
	struct memory *all;		/* in the arena that outlives kernels */
	u32 nr, max;
};

/* For the ledger, by number from 1: how many pages are there, what do they hold, are they its? */
u64 kho_caller_pages(struct machine *m, u32 memory);
u64 kho_caller_hash(struct machine *m, u32 memory);
bool kho_caller_holds(struct machine *m, u32 memory);

/*
 * What the calls of luosim.h do, for a module of the kernel's own. @mem is found by its
 * number, and moves when memory is added.
 */
struct memory *memory_find(struct machine *m, int mem);
int memory_folio_alloc(struct machine *m, unsigned int order);
int memory_folio_put(struct machine *m, struct memory *mem);
int memory_vmalloc(struct machine *m, u64 size, enum module_vmalloc how);
int memory_vfree(struct machine *m, struct memory *mem);
s64 memory_write(struct machine *m, struct memory *mem, const void *buf, u64 len, u64 off);
s64 memory_read(struct machine *m, struct memory *mem, void *buf, u64 len, u64 off);
int memory_preserve_folio(struct machine *m, struct memory *mem);
int memory_unpreserve_folio(struct machine *m, struct memory *mem);
int memory_preserve_pages(struct machine *m, struct memory *mem, u64 first, u64 nr);
int memory_unpreserve_pages(struct machine *m, struct memory *mem, u64 first, u64 nr);
int memory_preserve_vmalloc(struct machine *m, struct memory *mem);
int memory_unpreserve_vmalloc(struct machine *m, struct memory *mem);
int memory_restore_folio(struct machine *m, struct memory *mem);
int memory_restore_vmalloc(struct machine *m, struct memory *mem);
int memory_add_subtree(struct machine *m, const char *name, const struct memory *mem);
int memory_remove_subtree(struct machine *m, const struct memory *mem);
/* The numbers of memory that was read of; where it is; and the module loses what it has. */
int memory_found(struct machine *m, phys_addr_t phys, u64 nr_pages);
int memory_found_area(struct machine *m, const struct kho_vmalloc *pres);
phys_addr_t memory_phys(const struct memory *mem);
const struct kho_vmalloc *memory_area(const struct memory *mem);
void memory_forget(struct memory *mem);

/* An area of reserve_mem= in this kernel; there are no more; it goes to the allocator. */
int memory_reserved(struct machine *m, phys_addr_t start, u64 nr_pages);
void memory_reserved_end(struct machine *m);
void memory_release_reserved(struct machine *m, struct memory *mem);

/* All modules are unloaded: they unpreserve and free what they have. */
void kho_callers_exit(struct machine *m);
/* What of it makes a state. */
struct machine_walk;
void kho_callers_walk(struct machine_walk *w, const struct machine *m);

#endif
