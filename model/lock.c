/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mutexes and reader-writer semaphores. One task runs, so that a lock that is
 * not free now never will be: taking it stops the machine as a hung task does.
 */
#include "machine.h"

static void acquired(struct machine *m)
{
	census_add(m, CENSUS_LOCKS, 1);
}

static void released(struct machine *m)
{
	census_add(m, CENSUS_LOCKS, -1);
}

static void must_not_wait(struct machine *m, bool would_wait)
{
	if (would_wait)
		panic(m, "hung_task: blocked tasks");
}

void mutex_lock(struct machine *m, struct mutex *lock)
{
	must_not_wait(m, lock->held);
	lock->held = true;
	acquired(m);
}

void mutex_unlock(struct machine *m, struct mutex *lock)
{
	lock->held = false;
	released(m);
}

void down_read(struct machine *m, struct rw_semaphore *sem)
{
	must_not_wait(m, sem->writer);
	sem->readers++;
	acquired(m);
}

void up_read(struct machine *m, struct rw_semaphore *sem)
{
	sem->readers--;
	released(m);
}

void down_write(struct machine *m, struct rw_semaphore *sem)
{
	must_not_wait(m, sem->writer || sem->readers);
	sem->writer = true;
	acquired(m);
}

void up_write(struct machine *m, struct rw_semaphore *sem)
{
	sem->writer = false;
	released(m);
}
