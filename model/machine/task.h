/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tasks: what a thread of control has of its own while it is in the kernel, and
 * how several of them take turns.
 *
 * Outside of races the one task is machine.init_task and nothing ever switches.
 * In a race each task is a coroutine with a stack of its own, which gives way at the
 * places that yield.h lists.
 */
#ifndef MODEL_MACHINE_TASK_H
#define MODEL_MACHINE_TASK_H

#include <setjmp.h>

#include "engine/abi.h"
#include "machine/fault.h"
#include "luosim.h"
#include "kernel/printk.h"
#include "lib/types.h"
#include "machine/yield.h"

struct file;
struct files_struct;

/* A lock that a task holds; see lock.c. */
#define MAX_HELD	16
struct held_lock {
	const void *lock;
	u32 class;
};

struct task {
	struct files_struct *files;
	struct file *task_works;	/* last reference gone, latest first */
	struct file *borrowed[4];	/* fdget(): given back when the system call returns */
	u32 nr_borrowed;

	const char *call[CALL_DEPTH];	/* see KCALL() */
	u32 call_depth, tree_depth;	/* see tree_push_chain() */
	u32 boot_depth;			/* what is below is of the kernel before */
	jmp_buf panic_env;		/* the system call under way */

	struct uptr user;		/* argument of an ioctl on a tree's file */
	const void *session;		/* of the tree's code: whose file it is, if one's */
	bool retrieves;			/* it is to retrieve the file of a token */
	bool in_tree;			/* code of a tree's kernel has called what runs */
	struct engine_task tree;	/* while it gives way in there */
	struct engine_touch touch;	/* while it gives way before that */
	u32 one_step;			/* it does not give way: see yield.h */

	u32 op;				/* operation under way, for the ledger */
	u32 claim;			/* on whose behalf KHO is called; 0: nobody's */
	u32 new_claim;			/* made in the system call under way */

	struct faults faults;		/* asked for in its next call */

	struct held_lock held[MAX_HELD];
	u32 nr_held;

	/* in a race */
	u32 exits;			/* of its process when it began */
	u32 id;				/* counted from 1; 0: init_task */
	enum task_state state;
	const char *at, *at_lock;	/* where it gave way */
	bool called;			/* by the operation under way, a system call */
	const void *waits_for;		/* lock, or NULL */
	u32 turn;			/* in the queue for it, counted from 1 */
	bool wants_write;
	bool (*may_go)(struct machine *m, const struct task *task);
	void (*body)(void *data);
	void *data;
	jmp_buf context;
	char *sp;			/* its stack is in use from here up */
};

/* Let another task run, if it is chosen; task_yield() in machine.h calls it in races. */
void task_give_way(struct machine *m, enum yield_point point, const char *lock);

/* How many tasks have the running one's descriptors. */
u32 task_sharers(struct machine *m);

/* The calling task runs again when its may_go() says so, and it is chosen. */
void task_sleep(struct machine *m);

/* Does not return: the race ends here, as the kernel does. */
void task_leave_kernel(struct machine *m) __attribute__((noreturn));

void tasks_destroy(struct machine *m);

#endif
