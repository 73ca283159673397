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

struct reserve_mem {
	struct reserve_mem_table table[RESERVE_MEM_MAX_ENTRIES];
	u32 count;
	phys_addr_t huge, huge_end;	/* pages of 1 GiB that were set aside */
	phys_addr_t end;		/* below it memblock allocates from the top, */
	phys_addr_t scratch;		/* or on a KHO boot from here on, in scratch, */
	phys_addr_t extended;		/* or below it, in what serves as scratch */
};

/* hugepagesz=1G: how much; and set it aside at boot, before there are areas. */
u64 hugetlb_bootmem_size(const struct machine *m);
void hugetlb_bootmem_alloc(struct machine *m);
/* At boot, before there is an allocator: reserve what the options say, or take it over. */
void reserve_mem_setup(struct machine *m);
/* late_initcall: preserve all of it for the next kernel. */
void reserve_mem_init(struct machine *m);

#endif
