/* SPDX-License-Identifier: GPL-2.0-only */
/* Processes: what tasks that belong together share. */
#ifndef MODEL_KERNEL_PROCESS_H
#define MODEL_KERNEL_PROCESS_H

#include "fs/fs.h"
#include "lib/list.h"

#define TASK_COMM_LEN	16

struct process {
	char comm[TASK_COMM_LEN];
	struct files_struct files;
	struct list_head inbox;		/* of struct scm_fp: its socket's queue */
	struct list_head list;
	u32 exits;			/* how often it ended, and another took its place */
	u32 uid;
	u8 memcg;			/* its memory cgroup; 0: the root's */
};

struct process *process_of(struct files_struct *files);
/* By its name; NULL when there is none. */
struct process *find_process(struct machine *m, const char *comm);

/* Of the process that runs; 0 while the kernel boots. */
u32 current_uid(struct machine *m);
/* May it do what only root may? */
bool capable(struct machine *m);

/* The process that every kernel starts, and that runs. */
void init_process(struct machine *m);
/* All of them end, the first one last. */
void exit_all(struct machine *m);

#endif
