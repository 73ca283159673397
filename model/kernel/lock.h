/* SPDX-License-Identifier: GPL-2.0-only */
/* Mutexes and reader-writer semaphores with the kernel's names. */
#ifndef MODEL_KERNEL_LOCK_H
#define MODEL_KERNEL_LOCK_H

#include "lib/types.h"

struct machine;

struct mutex {
	const char *name;		/* the class of the lock, for reports */
	bool held;
	u8 class;			/* lock.c's number for the name, or 0 */
};

struct rw_semaphore {
	const char *name;
	bool writer;
	u8 class;
	s32 readers;
};

void mutex_init(struct mutex *lock, const char *name);
void mutex_lock(struct machine *m, struct mutex *lock);
void mutex_unlock(struct machine *m, struct mutex *lock);
/* False, and nothing taken, when it is held. */
bool mutex_trylock(struct machine *m, struct mutex *lock);
void init_rwsem(struct rw_semaphore *sem, const char *name);
void down_read(struct machine *m, struct rw_semaphore *sem);
void up_read(struct machine *m, struct rw_semaphore *sem);
void down_write(struct machine *m, struct rw_semaphore *sem);
void up_write(struct machine *m, struct rw_semaphore *sem);

/* Tell the judge which tasks sleep, on what, and who holds that: nobody can go on. */
void judge_deadlock(struct machine *m);

#endif
