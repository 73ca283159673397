/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tasks that take turns. Each has a stack in one mapping of the machine's and is
 * left and entered by setjmp() and longjmp(), so that saving a machine in the
 * middle of a race is copying the used part of that stack, too.
 */
#undef _FORTIFY_SOURCE			/* longjmp() to another stack is meant */
#include <sys/mman.h>
#include <ucontext.h>

#include "machine/machine.h"

#ifdef ARENA_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

/* A task's part of the mapping: the stack, and its struct task above it. */
#define STACK_SIZE	(256ul << 10)

struct task *task_of(struct machine *m, u32 id)
{
	return id ? (struct task *)(m->stacks + id * STACK_SIZE) - 1 : &m->init_task;
}

static char *stack_bottom(struct machine *m, u32 id)
{
	return m->stacks + (id - 1) * STACK_SIZE;
}

static u64 stack_size(void)
{
	return (STACK_SIZE - sizeof(struct task)) & ~63ul;
}

/* ---- Switching; AddressSanitizer wants to be told ---- */

static void leaving_to_task(struct machine *m, u32 id)
{
#ifdef ARENA_ASAN
	__sanitizer_start_switch_fiber(NULL, stack_bottom(m, id), stack_size());
#else
	(void)m;
	(void)id;
#endif
}

static void leaving_to_scheduler(struct machine *m)
{
#ifdef ARENA_ASAN
	__sanitizer_start_switch_fiber(NULL, m->scheduler_stack, m->scheduler_stack_size);
#else
	(void)m;
#endif
}

static void arrived(const void **from, size_t *size)
{
#ifdef ARENA_ASAN
	__sanitizer_finish_switch_fiber(NULL, from, size);
#else
	(void)from;
	(void)size;
#endif
}

/* The caller's frame lies above this one's. */
static __attribute__((noinline)) void note_sp(struct task *task)
{
	task->sp = __builtin_frame_address(0);
}

/* Back to the scheduler; returns when this task is stepped again. */
static __attribute__((noinline)) void switch_out(struct machine *m)
{
	struct task *task = m->task;

	if (task->in_tree)
		tree_give_way(m);
	note_sp(task);
	if (!_setjmp(task->context)) {
		leaving_to_scheduler(m);
		_longjmp(m->scheduler, 1);
	}
	arrived(NULL, NULL);
	if (m->task->in_tree)
		tree_go_on(m);
}

static void task_main(unsigned int low, unsigned int high)
{
	struct machine *m = (struct machine *)((uintptr_t)high << 32 | low);

	arrived(&m->scheduler_stack, &m->scheduler_stack_size);
	switch_out(m);
	m->task->body(m->task->data);
	m->task->state = TASK_DONE;
	m->task->at = NULL;
	switch_out(m);
}

/* Onto a task's stack, until it switches out. */
static __attribute__((noinline)) void enter(struct machine *m, struct task *task,
					    const ucontext_t *start)
{
	m->task = task;
	if (!_setjmp(m->scheduler)) {
		leaving_to_task(m, task->id);
		if (start)
			setcontext(start);
		_longjmp(task->context, 1);
	}
	arrived(NULL, NULL);
	m->task = &m->init_task;
	/* Two machines in the same state shall be the same bytes. */
	memset(&m->scheduler, 0, sizeof(m->scheduler));
}

/* ---- For the model ---- */

static const char *const yield_names[] = {
#define YIELD_NAME(id, name)	[id] = name,
	YIELD_POINTS(YIELD_NAME)
#undef YIELD_NAME
};

void task_give_way(struct machine *m, enum yield_point point, const char *lock)
{
	m->task->at = yield_names[point];
	m->task->at_lock = lock;
	switch_out(m);
}

u32 task_sharers(struct machine *m)
{
	u32 nr = 0;

	for (u32 id = 1; id <= m->nr_tasks; id++)
		nr += task_of(m, id)->files == m->task->files;
	return nr;
}

void task_sleep(struct machine *m)
{
	switch_out(m);
}

void task_leave_kernel(struct machine *m)
{
	m->task->state = TASK_DONE;
	m->leaving = true;
	m->init_task.op = m->task->op;
	switch_out(m);
	__builtin_unreachable();
}

/* ---- For the caller ---- */

void machine_task_yield(struct machine *m)
{
	task_yield(m, YIELD_SYSCALL, NULL);
}

int machine_task_new(struct machine *m, void (*body)(void *data), void *data)
{
	u32 id = m->nr_tasks + 1;
	struct task *task;
	ucontext_t start;

	if (id > MAX_TASKS)
		return -ENOSPC;
	if (!m->stacks) {
		void *stacks = mmap(NULL, MAX_TASKS * STACK_SIZE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (stacks == MAP_FAILED)
			return -ENOMEM;
		m->stacks = stacks;
	}
	m->nr_tasks = id;
	task = task_of(m, id);
	memset(task, 0, sizeof(*task));
	task->id = id;
	task->files = m->init_task.files;
	task->exits = process_of(task->files)->exits;
	task->body = body;
	task->data = data;
	getcontext(&start);
	start.uc_stack.ss_sp = stack_bottom(m, id);
	start.uc_stack.ss_size = stack_size();
	start.uc_link = NULL;
	makecontext(&start, (void (*)(void))task_main, 2, (unsigned int)(uintptr_t)m,
		    (unsigned int)((uintptr_t)m >> 32));
	enter(m, task, &start);
	return id;
}

enum task_state machine_task_state(struct machine *m, unsigned int id)
{
	const struct task *task = task_of(m, id);

	if (task->state == TASK_DONE)
		return TASK_DONE;
	if (m->panicked || m->leaving)
		return TASK_SLEEPS;
	/* A lock of a tree's is among its variables. */
	if (task->waits_for)
		tree_load_variables(m);
	/* One that sleeps on a lock which is gone finds out. */
	if (task->waits_for && !freed_by(task->waits_for) && !task->may_go(m, task))
		return TASK_SLEEPS;
	return TASK_READY;
}

bool machine_task_lives(const struct machine *m)
{
	return m->task->exits == process_of(m->task->files)->exits;
}

const char *machine_task_at(struct machine *m, unsigned int id, const char **lock)
{
	const struct task *task = task_of(m, id);

	*lock = task->at ? task->at_lock : NULL;
	return task->at;
}

void machine_task_step(struct machine *m, unsigned int id)
{
	enter(m, task_of(m, id), NULL);
}

static int hang(struct machine *m)
{
	SYSCALL_ENTER(m);
	judge_deadlock(m);
	panic(m, "hung_task: blocked tasks");
}

/* In the call that the last task made: nothing of the tasks is left. */
static void go_to_next(struct machine *m)
{
	KCALL_NAMED(m, "kernel_kexec");

	m->leaving = false;
	m->nr_tasks = 0;
	machine_kexec(m, m->k->kexec.fdt);
}

static int leave_kernel(struct machine *m)
{
	SYSCALL_ENTER(m);
	KCALL_NAMED(m, "__x64_sys_reboot");

	go_to_next(m);
	return 0;
}

void machine_tasks_end(struct machine *m)
{
	bool sleeps = false;

	for (u32 id = 1; id <= m->nr_tasks; id++)
		sleeps |= task_of(m, id)->state != TASK_DONE;
	if (m->leaving)
		leave_kernel(m);
	else if (sleeps)
		hang(m);
	m->nr_tasks = 0;
}

void tasks_destroy(struct machine *m)
{
	if (m->stacks)
		munmap(m->stacks, MAX_TASKS * STACK_SIZE);
}
