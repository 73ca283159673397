/* SPDX-License-Identifier: GPL-2.0-only */
/* Mutexes and reader-writer semaphores with the kernel's names. */
#ifndef MODEL_LOCK_H
#define MODEL_LOCK_H

#include "types.h"

struct machine;

struct mutex {
	bool held;
};

struct rw_semaphore {
	s32 readers;
	bool writer;
};

void mutex_lock(struct machine *m, struct mutex *lock);
void mutex_unlock(struct machine *m, struct mutex *lock);
void down_read(struct machine *m, struct rw_semaphore *sem);
void up_read(struct machine *m, struct rw_semaphore *sem);
void down_write(struct machine *m, struct rw_semaphore *sem);
void up_write(struct machine *m, struct rw_semaphore *sem);

#endif
