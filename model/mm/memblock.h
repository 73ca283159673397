/* SPDX-License-Identifier: GPL-2.0-only */
/* The boot option reserve_mem=, see memblock.c. */
#ifndef MODEL_MM_MEMBLOCK_H
#define MODEL_MM_MEMBLOCK_H

#include "luosim.h"
#include "lib/types.h"

struct machine;

struct reserve_mem_table {
	char name[RESERVE_MEM_NAME_SIZE];
	phys_addr_t start;
	u64 size;			/* 0: released */
	int mem;			/* its number as memory of kho_caller.c */
};

struct memblock_gap {
	phys_addr_t start, end;
};

struct reserve_mem {
	struct reserve_mem_table table[RESERVE_MEM_MAX_ENTRIES];
	u32 count;
	bool huge;			/* pages of 1 GiB were set aside */
	struct memblock_gap gap[RESERVE_MEM_MAX_ENTRIES + 3];	/* between what is set aside */
	u32 nr_gaps;
	phys_addr_t end;		/* below it memblock allocates from the top, */
	phys_addr_t scratch;		/* or on a KHO boot from here on, in scratch, */
	phys_addr_t extended;		/* or below it, in what serves as scratch */
};

/*
 * From the top of memory, below scratch. With KHO there is nothing but scratch to be
 * had before the kernel knows what was handed over. 0: there is no room.
 */
phys_addr_t memblock_phys_alloc(struct machine *m, u64 size, u64 align);
/* hugepagesz=1G: how much; and set it aside at boot, before there are areas. */
u64 hugetlb_bootmem_size(const struct machine *m);
void hugetlb_bootmem_alloc(struct machine *m);
/* At boot, before there is an allocator: reserve what the options say, or take it over. */
void reserve_mem_setup(struct machine *m);
/* late_initcall: preserve all of it for the next kernel. */
void reserve_mem_init(struct machine *m);

#endif
