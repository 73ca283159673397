/* SPDX-License-Identifier: GPL-2.0-only */
/* Tasks that take turns, their locks, and what the judge says of those. */
#include "luosim-search.h"
#include "machine-util.h"

/* What a task does, said by locks that only this test has. */
struct work {
	struct machine *m;
	void (*run)(struct work *work);
	struct mutex *first, *second;
	struct rw_semaphore *sem;
	int fd, result;
	bool done;
};

static struct mutex a, b;
static struct rw_semaphore sem;

static int work_call(struct work *work)
{
	SYSCALL_ENTER(work->m);
	work->run(work);
	return 0;
}

static void body(void *data)
{
	struct work *work = data;

	machine_begin_op(work->m, 10 + work->m->task->id);
	work->result = work_call(work);
	work->done = true;
}

static struct machine *set_up_race(void)
{
	struct machine *m = boot("v7.3");

	mutex_init(&a, "a");
	mutex_init(&b, "b");
	init_rwsem(&sem, "sem");
	return m;
}

static void start(struct machine *m, struct work *work)
{
	work->m = m;
	assert_true(machine_task_new(m, body, work) > 0);
}

static void step(struct machine *m, unsigned int task, unsigned int steps)
{
	while (steps--) {
		assert_int_equal(machine_task_state(m, task), TASK_READY);
		machine_task_step(m, task);
	}
}

/* Until it is done or sleeps. */
static void run(struct machine *m, unsigned int task)
{
	while (machine_task_state(m, task) == TASK_READY)
		machine_task_step(m, task);
}

static void lock_both(struct work *work)
{
	mutex_lock(work->m, work->first);
	mutex_lock(work->m, work->second);
	mutex_unlock(work->m, work->second);
	mutex_unlock(work->m, work->first);
}

static void read_lock(struct work *work)
{
	down_read(work->m, work->sem);
	task_yield(work->m, YIELD_F_POS, NULL);
	up_read(work->m, work->sem);
}

static void write_lock(struct work *work)
{
	down_write(work->m, work->sem);
	up_write(work->m, work->sem);
}

static void close_fd(struct work *work)
{
	work->result = sys_close(work->m, work->fd);
}

static void a_task_gives_way_before_and_after_each_lock(void **state)
{
	struct work work = { .run = lock_both, .first = &a, .second = &b };
	struct machine *m = set_up_race();
	const char *lock;

	(void)state;
	start(m, &work);
	assert_null(machine_task_at(m, 1, &lock));
	step(m, 1, 1);
	assert_string_equal(machine_task_at(m, 1, &lock), "before mutex_lock");
	assert_string_equal(lock, "a");
	assert_false(a.held);
	step(m, 1, 1);
	assert_string_equal(lock, "a");
	assert_true(a.held);
	step(m, 1, 2);
	assert_string_equal(machine_task_at(m, 1, &lock), "after unlock");
	assert_string_equal(lock, "a");
	step(m, 1, 1);
	assert_int_equal(machine_task_state(m, 1), TASK_DONE);
	assert_true(work.done);
	machine_tasks_end(m);
	end_clean(m);
}

static void a_mutex_keeps_the_other_task_asleep(void **state)
{
	struct work one = { .run = lock_both, .first = &a, .second = &b }, two = one;
	struct machine *m = set_up_race();

	(void)state;
	start(m, &one);
	start(m, &two);
	step(m, 1, 2);
	run(m, 2);
	assert_int_equal(machine_task_state(m, 2), TASK_SLEEPS);
	run(m, 1);
	assert_int_equal(machine_task_state(m, 2), TASK_READY);
	run(m, 2);
	assert_true(one.done && two.done);
	machine_tasks_end(m);
	end_clean(m);
}

static void two_orders_of_locks_are_reported_without_a_deadlock(void **state)
{
	struct work one = { .run = lock_both, .first = &a, .second = &b };
	struct work two = { .run = lock_both, .first = &b, .second = &a };
	struct machine *m = set_up_race();

	(void)state;
	start(m, &one);
	start(m, &two);
	run(m, 1);
	assert_clean();
	run(m, 2);
	assert_true(two.done);
	assert_int_equal(seen.violations[VIOLATION_STUCK], 1);
	machine_tasks_end(m);
	machine_free(m);
}

static void a_deadlock_says_who_holds_what(void **state)
{
	struct work one = { .run = lock_both, .first = &a, .second = &b };
	struct work two = { .run = lock_both, .first = &b, .second = &a };
	struct machine *m = set_up_race();
	const struct violation *violations;
	size_t nr;

	(void)state;
	start(m, &one);
	start(m, &two);
	step(m, 1, 2);
	step(m, 2, 2);
	run(m, 1);
	run(m, 2);
	assert_int_equal(machine_task_state(m, 1), TASK_SLEEPS);
	assert_int_equal(machine_task_state(m, 2), TASK_SLEEPS);
	seen.may_panic = true;
	machine_tasks_end(m);
	assert_string_equal(seen.panic, "hung_task: blocked tasks");
	violations = machine_violations(m, &nr);
	assert_int_equal(seen.violations[VIOLATION_STUCK], 2);
	assert_string_equal(violations[1].text,
			    "a task sleeps for ever on a, which another holds");
	assert_int_equal(violations[1].waits_op, 12);
	assert_int_equal(violations[1].other_op, 11);
	machine_free(m);
}

static void readers_share_and_a_writer_waits_for_them(void **state)
{
	struct work r1 = { .run = read_lock, .sem = &sem }, r2 = r1;
	struct work w = { .run = write_lock, .sem = &sem };
	struct machine *m = set_up_race();

	(void)state;
	start(m, &r1);
	start(m, &r2);
	start(m, &w);
	step(m, 1, 2);
	step(m, 2, 2);
	assert_int_equal(sem.readers, 2);
	run(m, 3);
	assert_int_equal(machine_task_state(m, 3), TASK_SLEEPS);
	run(m, 1);
	assert_int_equal(machine_task_state(m, 3), TASK_SLEEPS);
	run(m, 2);
	run(m, 3);
	assert_true(w.done);
	machine_tasks_end(m);
	end_clean(m);
}

static void a_reader_does_not_pass_a_writer_that_waits(void **state)
{
	struct work r1 = { .run = read_lock, .sem = &sem }, r2 = r1;
	struct work w = { .run = write_lock, .sem = &sem };
	struct machine *m = set_up_race();

	(void)state;
	start(m, &r1);
	start(m, &w);
	start(m, &r2);
	step(m, 1, 2);
	run(m, 2);
	run(m, 3);
	assert_int_equal(machine_task_state(m, 3), TASK_SLEEPS);
	run(m, 1);
	assert_int_equal(machine_task_state(m, 2), TASK_READY);
	assert_int_equal(machine_task_state(m, 3), TASK_SLEEPS);
	run(m, 2);
	run(m, 3);
	assert_true(r2.done);
	machine_tasks_end(m);
	end_clean(m);
}

static void a_call_keeps_the_file_that_another_task_closes(void **state)
{
	struct work closes = { .run = close_fd };
	struct machine *m = set_up_race();
	int mem = memfd_sized(m, PAGE_SIZE);
	struct file *file = m->task->files->fd[mem];

	(void)state;
	closes.fd = mem;
	m->nr_tasks = 1;		/* as if another task ran */
	assert_ptr_equal(fdget(m, mem), file);
	assert_int_equal(file->f_count, 2);
	syscall_exit(m);
	assert_int_equal(file->f_count, 1);
	m->nr_tasks = 0;
	start(m, &closes);
	run(m, 1);
	assert_int_equal(closes.result, 0);
	machine_tasks_end(m);
	end_clean(m);
}

static void lock_freed(struct work *work)
{
	struct { struct mutex lock; u64 more[4]; } *object = kzalloc(work->m, sizeof(*object));

	mutex_init(&object->lock, "object");
	kfree(work->m, object, sizeof(*object));
	mutex_lock(work->m, &object->lock);
}

static void a_lock_in_freed_memory_names_who_freed_it(void **state)
{
	struct work work = { .run = lock_freed };
	struct machine *m = set_up_race();

	(void)state;
	start(m, &work);
	seen.may_panic = true;
	run(m, 1);
	assert_int_equal(seen.violations[VIOLATION_USE_AFTER_FREE], 1);
	assert_non_null(strstr(seen.panic, "use-after-free"));
	assert_true(machine_panicked(m));
	machine_tasks_end(m);
	machine_free(m);
}

static void going_back_brings_back_the_middle_of_a_call(void **state)
{
	struct work work = { .run = lock_both, .first = &a, .second = &b };
	struct machine_snapshot before = { 0 }, again = { 0 };
	struct machine *m = set_up_race();
	struct mutex a_before;

	(void)state;
	start(m, &work);
	step(m, 1, 2);
	assert_int_equal(machine_save(m, &before), 0);
	a_before = a;
	for (int i = 0; i < 3; i++) {
		run(m, 1);
		assert_true(work.done);
		work.done = false;
		machine_restore(m, &before);
		a = a_before;
		assert_int_equal(machine_task_state(m, 1), TASK_READY);
		assert_int_equal(machine_save(m, &again), 0);
		assert_int_equal(again.used, before.used);
		assert_memory_equal(again.mem, before.mem, before.used);
	}
	run(m, 1);
	machine_tasks_end(m);
	machine_snapshot_free(&before);
	machine_snapshot_free(&again);
	end_clean(m);
}

static void more_tasks_than_there_may_be_are_refused(void **state)
{
	struct work work[MAX_TASKS + 1] = { 0 };
	struct machine *m = set_up_race();

	(void)state;
	for (int i = 0; i < MAX_TASKS; i++) {
		work[i].run = read_lock;
		work[i].sem = &sem;
		start(m, &work[i]);
	}
	assert_int_equal(machine_task_new(m, body, &work[MAX_TASKS]), -ENOSPC);
	for (int i = 1; i <= MAX_TASKS; i++)
		run(m, i);
	machine_tasks_end(m);
	end_clean(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_task_gives_way_before_and_after_each_lock),
		cmocka_unit_test(a_mutex_keeps_the_other_task_asleep),
		cmocka_unit_test(two_orders_of_locks_are_reported_without_a_deadlock),
		cmocka_unit_test(a_deadlock_says_who_holds_what),
		cmocka_unit_test(readers_share_and_a_writer_waits_for_them),
		cmocka_unit_test(a_reader_does_not_pass_a_writer_that_waits),
		cmocka_unit_test(a_call_keeps_the_file_that_another_task_closes),
		cmocka_unit_test(a_lock_in_freed_memory_names_who_freed_it),
		cmocka_unit_test(going_back_brings_back_the_middle_of_a_call),
		cmocka_unit_test(more_tasks_than_there_may_be_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
