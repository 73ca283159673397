/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory cgroups, as far as pages of files are charged to them: see memcontrol.c. */
#ifndef MODEL_MM_MEMCONTROL_H
#define MODEL_MM_MEMCONTROL_H

#include "mm/mm.h"

#define MAX_MEMCGS	8

struct mem_cgroup {
	u64 max, usage;			/* in pages */
};

/* Charge it to the cgroup of the calling process: 0 or -ENOMEM. */
int mem_cgroup_charge(struct machine *m, struct folio *folio);
/* It is being freed. */
void mem_cgroup_uncharge(struct machine *m, struct folio *folio);
/* Two folios now. */
void mem_cgroup_split(struct folio *folio, struct folio *half);

#endif
