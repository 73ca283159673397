/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mutexes and reader-writer semaphores. A task that cannot have a lock sleeps
 * until it can; where there is no other task that could give the lock up, it
 * sleeps for ever, which stops the machine as a hung task does.
 *
 * Any waiter can take a free mutex, as spinning tasks steal it from sleeping ones.
 * Semaphores are granted in FIFO order, so that readers do not pass a writer that
 * waits.
 */
#include "machine/machine.h"

/* ---- Who holds what ---- */

/* *@class is kept with the lock, counted from 1. */
static u32 lock_class(struct machine *m, const char *name, u8 *class)
{
	u32 i;

	if (*class)
		return *class - 1;
	/* Mostly it is the very string. */
	for (i = 0; i < m->nr_lock_classes; i++)
		if (m->lock_class[i].name == name)
			break;
	if (i == m->nr_lock_classes)
		for (i = 0; i < m->nr_lock_classes; i++)
			if (!strcmp(m->lock_class[i].name, name))
				break;
	if (i == MAX_LOCK_CLASSES)
		simulator_panic(m, "more than %d classes of locks", MAX_LOCK_CLASSES);
	if (i == m->nr_lock_classes)
		m->lock_class[m->nr_lock_classes++].name = name;
	*class = i + 1;
	return i;
}

/* Was @to ever taken under @from, directly or through others? */
static bool leads_to(const struct machine *m, u32 from, u32 to)
{
	u32 reached = m->lock_class[from].under, seen = 0;

	while (reached & ~seen) {
		u32 next = __builtin_ctz(reached & ~seen);

		seen |= 1u << next;
		reached |= m->lock_class[next].under;
	}
	return reached >> to & 1;
}

/* The order of locks: two tasks that take them in different orders can block each other. */
static void record_order(struct machine *m, const struct task *task, u32 to)
{
	for (u32 i = 0; i < task->nr_held; i++) {
		u32 from = task->held[i].class;

		if (from == to || m->lock_class[from].under >> to & 1)
			continue;
		if (leads_to(m, to, from))
			judge(m, VIOLATION_STUCK, 0, "lock order: %s is taken under %s here, and "
			      "the other way round elsewhere", m->lock_class[to].name,
			      m->lock_class[from].name);
		m->lock_class[from].under |= 1u << to;
	}
}

static void acquired(struct machine *m, const void *lock, u32 class)
{
	struct task *task = m->task;

	census_add(m, CENSUS_LOCKS, 1);
	if (task->nr_held == MAX_HELD)
		simulator_panic(m, "more than %d locks held", MAX_HELD);
	record_order(m, task, class);
	task->held[task->nr_held++] = (struct held_lock){ .lock = lock, .class = class };
	task->waits_for = NULL;
}

static void released(struct machine *m, const void *lock, const char *name)
{
	struct task *task = m->task;
	u32 i = task->nr_held;

	census_add(m, CENSUS_LOCKS, -1);
	while (i-- > 0)
		if (task->held[i].lock == lock)
			break;
	/* Mostly it is the last one. */
	if (i < task->nr_held && i < --task->nr_held)
		memmove(&task->held[i], &task->held[i + 1],
			(task->nr_held - i) * sizeof(task->held[0]));
	task_yield(m, YIELD_UNLOCK, name);
}

/* Who comes before @task for the lock that it waits for, and is in its way? */
static bool is_behind(struct machine *m, const struct task *task)
{
	for (u32 id = 1; id <= m->nr_tasks; id++) {
		const struct task *other = task_of(m, id);

		if (other->waits_for == task->waits_for && other->turn < task->turn &&
		    (other->wants_write || task->wants_write))
			return true;
	}
	return false;
}

static u32 last_turn(struct machine *m, const void *lock)
{
	u32 turn = 0;

	for (u32 id = 1; id <= m->nr_tasks; id++)
		if (task_of(m, id)->waits_for == lock)
			turn = max(turn, task_of(m, id)->turn);
	return turn;
}

static void wait_for(struct machine *m, const void *lock, bool write,
		     bool (*may_go)(struct machine *m, const struct task *task))
{
	struct task *task = m->task;

	task->turn = m->nr_tasks ? last_turn(m, lock) + 1 : 1;
	task->waits_for = lock;
	task->wants_write = write;
	task->may_go = may_go;
	if (may_go(m, task))
		return;
	if (!task->id) {
		judge_deadlock(m);
		panic(m, "hung_task: blocked tasks");
	}
	task_sleep(m);
}

static const struct task *holder(struct machine *m, const void *lock)
{
	for (u32 id = 0; id <= m->nr_tasks; id++) {
		const struct task *task = task_of(m, id);

		for (u32 i = 0; i < task->nr_held; i++)
			if (task->held[i].lock == lock)
				return task;
	}
	return NULL;
}

void judge_deadlock(struct machine *m)
{
	for (u32 id = 0; id <= m->nr_tasks; id++) {
		const struct task *task = task_of(m, id), *by;

		if (!task->waits_for)
			continue;
		by = holder(m, task->waits_for);
		/* Every lock begins with its name. */
		judge_tasks(m, VIOLATION_STUCK, task->op, by && by != task ? by->op : 0,
			    "a task sleeps for ever on %s, which %s holds",
			    *(const char *const *)task->waits_for,
			    !by ? "nobody any more" : by == task ? "itself" : "another");
	}
}

/* ---- Mutexes ---- */

void mutex_init(struct mutex *lock, const char *name)
{
	*lock = (struct mutex){ .name = name };
}

static bool mutex_is_free(struct machine *m, const struct task *task)
{
	(void)m;
	return !((const struct mutex *)task->waits_for)->held;
}

void mutex_lock(struct machine *m, struct mutex *lock)
{
	check_freed(m, lock);
	task_yield(m, YIELD_MUTEX_LOCK, lock->name);
	check_freed(m, lock);
	wait_for(m, lock, true, mutex_is_free);
	check_freed(m, lock);
	lock->held = true;
	acquired(m, lock, lock_class(m, lock->name, &lock->class));
}

bool mutex_trylock(struct machine *m, struct mutex *lock)
{
	task_yield(m, YIELD_MUTEX_TRYLOCK, lock->name);
	if (lock->held)
		return false;
	lock->held = true;
	acquired(m, lock, lock_class(m, lock->name, &lock->class));
	return true;
}

void mutex_unlock(struct machine *m, struct mutex *lock)
{
	check_freed(m, lock);
	lock->held = false;
	released(m, lock, lock->name);
}

/* ---- Reader-writer semaphores ---- */

void init_rwsem(struct rw_semaphore *sem, const char *name)
{
	*sem = (struct rw_semaphore){ .name = name };
}

static bool may_read(struct machine *m, const struct task *task)
{
	return !((const struct rw_semaphore *)task->waits_for)->writer && !is_behind(m, task);
}

static bool may_write(struct machine *m, const struct task *task)
{
	const struct rw_semaphore *sem = task->waits_for;

	return !sem->writer && !sem->readers && !is_behind(m, task);
}

void down_read(struct machine *m, struct rw_semaphore *sem)
{
	task_yield(m, YIELD_DOWN_READ, sem->name);
	wait_for(m, sem, false, may_read);
	sem->readers++;
	acquired(m, sem, lock_class(m, sem->name, &sem->class));
}

void up_read(struct machine *m, struct rw_semaphore *sem)
{
	sem->readers--;
	released(m, sem, sem->name);
}

void down_write(struct machine *m, struct rw_semaphore *sem)
{
	task_yield(m, YIELD_DOWN_WRITE, sem->name);
	wait_for(m, sem, true, may_write);
	sem->writer = true;
	acquired(m, sem, lock_class(m, sem->name, &sem->class));
}

void up_write(struct machine *m, struct rw_semaphore *sem)
{
	sem->writer = false;
	released(m, sem, sem->name);
}
