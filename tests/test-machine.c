/* SPDX-License-Identifier: GPL-2.0-only */
/* Machines as a whole: making, kexec, what they say, locks, determinism. */
#include "machine-util.h"

static struct machine_config config_of(u64 mem)
{
	return (struct machine_config){
		.boot = { .release = release_named("v7.3"), .kho = true, .liveupdate = true },
		.mem = mem,
	};
}

/* Memory. */

static void memory_is_from_4_mib_to_1_tib(void **state)
{
	static const u64 bad[] = { 0, 1, 4 * MIB - 1, (1ull << 40) + 1, UINT64_MAX };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		struct machine_config config = config_of(bad[i]);

		errno = 0;
		assert_null(machine_new(&config));
		assert_int_equal(errno, EINVAL);
	}
}

static void memory_is_rounded_down_to_whole_4_mib(void **state)
{
	struct machine_config config = config_of(23 * MIB);
	struct machine_stats stats;
	struct machine *small = machine_new(&config);

	(void)state;
	machine_stats(small, &stats);
	assert_int_equal(stats.frames, 20 * MIB / PAGE_SIZE);
	machine_free(small);
}

static void the_smallest_machine_does_a_live_update(void **state)
{
	struct release r = release_named("v7.3");
	int s;

	(void)state;
	machine_free(m);
	m = boot_release(&r, 4 * MIB);
	s = create_session(m, open_dev(m), "vm0");
	assert_int_equal(preserve_fd(m, s, memfd_with(m, "small"), 1), 0);
	assert_int_equal(kexec(m), 0);
	s = retrieve_session(m, open_dev(m), "vm0");
	assert_reads(m, retrieve_fd(m, s, 1), 0, "small");
}

static void the_largest_machine_costs_no_more_than_it_uses(void **state)
{
	struct machine_config config = config_of(1ull << 40);
	struct machine *large = machine_new(&config);
	struct machine_stats stats;

	(void)state;
	if (!large) {
		/* Some environments lend no such address space. */
		assert_int_equal(errno, ENOMEM);
		skip();
	}
	machine_stats(large, &stats);
	assert_int_equal(stats.frames, 1ull << 28);
	machine_free(large);
}

static void freeing_no_machine_is_allowed(void **state)
{
	(void)state;
	machine_free(NULL);
}

static void the_statistics_follow_what_happens(void **state)
{
	struct machine_stats before, preserved, incoming, finished;
	int s;

	(void)state;
	machine_stats(m, &before);
	s = create_session(m, open_dev(m), "vm0");
	assert_int_equal(preserve_fd(m, s, memfd_sized(m, 100 * PAGE_SIZE), 1), 0);
	machine_stats(m, &preserved);
	assert_in_range(preserved.frames_preserved - before.frames_preserved, 100, 110);
	assert_in_range(before.frames_free - preserved.frames_free, 100, 120);
	assert_int_equal(kexec(m), 0);
	machine_stats(m, &incoming);
	assert_in_range(incoming.frames_incoming, 100, 120);
	s = retrieve_session(m, open_dev(m), "vm0");
	assert_int_equal(finish(m, s), 0);
	machine_stats(m, &finished);
	assert_in_range(incoming.frames_incoming - finished.frames_incoming, 100, 110);
}

/* Kexec. */

static void kexec_closes_everything_and_counts(void **state)
{
	int mem = memfd_with(m, "gone");

	(void)state;
	assert_int_equal(machine_kernel(m), 1);
	assert_int_equal(kexec(m), 0);
	assert_int_equal(machine_kernel(m), 2);
	assert_int_equal(sys_close(m, mem), -EBADF);
	/* The console is there again. */
	assert_int_equal(sys_close(m, 2), 0);
	assert_int_equal(census(m, CENSUS_DESCRIPTORS), 2);
}

static void the_next_kernel_is_the_same_unless_said_otherwise(void **state)
{
	struct boot next = { .release = release_named("v7.2"), .kho = true };

	(void)state;
	assert_int_equal(kexec(m), 0);
	assert_string_equal(m->k->boot.release.name, "v7.3");
	machine_set_next(m, &next);
	assert_string_equal(m->k->boot.release.name, "v7.3");
	assert_int_equal(kexec(m), 0);
	assert_string_equal(m->k->boot.release.name, "v7.2");
	assert_false(liveupdate_enabled(m));
	assert_int_equal(kexec(m), 0);
	assert_string_equal(m->k->boot.release.name, "v7.2");
}

static void a_failure_asked_for_does_not_outlive_its_kernel(void **state)
{
	(void)state;
	fail_alloc(m, 1);
	assert_int_equal(kexec(m), 0);
	assert_false(fail_happened(m));
	assert_true(sys_memfd_create(m, "x", 0) > 0);
}

/* Saying. */

static void a_place_speaks_once_in_each_kernel(void **state)
{
	static const char here, there;

	(void)state;
	for (int kernel = 0; kernel < 2; kernel++) {
		assert_true(once(m, &here));
		assert_false(once(m, &here));
		assert_true(once(m, &there));
		assert_int_equal(kexec(m), 0);
	}
}

static void a_rate_limited_place_says_ten_lines(void **state)
{
	static const char here;

	(void)state;
	for (int i = 0; i < 25; i++)
		printk_ratelimited(m, &here, LOG_WARN, "line %d", i);
	assert_int_equal(seen.errors, 10);
	assert_string_equal(seen.log, "line 9");
}

static char chain_text[200];

static void record_chain(void *data, const struct event *event)
{
	(void)data;
	if (event->type != EVENT_WARN)
		return;
	snprintf(chain_text, sizeof(chain_text), "%s", event->func);
	for (u32 i = 0; i < event->depth; i++) {
		strcat(chain_text, " < ");
		strcat(chain_text, event->chain[i]);
	}
}

static void inner(void)
{
	KCALL(m);

	WARN_ON(m, true);
}

static void inlined(void)
{
	WARN_ON(m, true);
}

static void outer(void (*call)(void))
{
	KCALL(m);

	call();
}

static void a_warning_names_its_callers_nearest_first(void **state)
{
	(void)state;
	m->config.emit = record_chain;
	outer(inner);
	assert_string_equal(chain_text, "inner < outer");
	outer(inlined);
	assert_string_equal(chain_text, "inlined < outer");
	inlined();
	assert_string_equal(chain_text, "inlined");
	assert_int_equal(m->task->call_depth, 0);
}

static void dive(int depth)
{
	KCALL(m);

	if (depth)
		dive(depth - 1);
}

static void a_call_chain_that_is_too_deep_does_no_harm(void **state)
{
	(void)state;
	dive(10 * CALL_DEPTH);
	assert_int_equal(m->task->call_depth, 0);
}

static void a_stopped_machine_answers_eio(void **state)
{
	struct uptr null = { 0 };

	(void)state;
	assert_true(panics(m, panic(m, "because")));
	assert_string_equal(seen.panic, "because");
	assert_true(machine_panicked(m));
	assert_int_equal(sys_open(m, "/dev/liveupdate", O_RDWR), -EIO);
	assert_int_equal(sys_ioctl(m, 3, 0, null), -EIO);
	assert_int_equal(sys_memfd_create(m, "x", 0), -EIO);
	assert_int_equal(sys_kexec_load(m, KEXEC_FILE), -EIO);
	assert_int_equal(sys_reboot_kexec(m), -EIO);
	machine_end(m);
}

/* Locks: one task that waits for itself waits for ever. */

static void locks_that_are_free_are_counted_and_given_back(void **state)
{
	struct rw_semaphore sem = { .name = "sem" };
	struct mutex mutex = { .name = "mutex" };

	(void)state;
	mutex_lock(m, &mutex);
	down_read(m, &sem);
	down_read(m, &sem);
	assert_int_equal(census(m, CENSUS_LOCKS), 3);
	up_read(m, &sem);
	up_read(m, &sem);
	mutex_unlock(m, &mutex);
	down_write(m, &sem);
	assert_int_equal(census(m, CENSUS_LOCKS), 1);
	up_write(m, &sem);
	assert_int_equal(census(m, CENSUS_LOCKS), 0);
}

static void a_mutex_taken_twice_hangs(void **state)
{
	struct mutex mutex = { .name = "mutex" };

	(void)state;
	mutex_lock(m, &mutex);
	assert_true(panics(m, mutex_lock(m, &mutex)));
	assert_string_equal(seen.panic, "hung_task: blocked tasks");
}

static void a_writer_behind_a_reader_hangs(void **state)
{
	struct rw_semaphore sem = { .name = "sem" };

	(void)state;
	down_read(m, &sem);
	assert_true(panics(m, down_write(m, &sem)));
}

static void a_reader_behind_a_writer_hangs(void **state)
{
	struct rw_semaphore sem = { .name = "sem" };

	(void)state;
	down_write(m, &sem);
	assert_true(panics(m, down_read(m, &sem)));
}

/* Determinism. */

/* Something of everything; gives a number that depends on all of it. */
static u64 fingerprint(void)
{
	struct machine_stats stats;
	int dev, s;

	machine_free(m);
	m = boot("v7.3");
	dev = open_dev(m);
	s = create_session(m, dev, "vm0");
	for (u64 token = 1; token < 100; token++)
		assert_int_equal(preserve_fd(m, s, memfd_with(m, "text"), token), 0);
	create_session(m, dev, "vm1");
	assert_int_equal(kexec(m), 0);
	s = retrieve_session(m, open_dev(m), "vm0");
	for (u64 token = 50; token < 100; token++)
		assert_true(retrieve_fd(m, s, token) > 0);
	machine_stats(m, &stats);
	return stats.bytes * 31 + stats.frames_free * 17 + m->k->free_list[MIGRATE_MOVABLE][0] +
	       object_id(m, m->k->luo.incoming.list.next);
}

static void the_same_calls_give_the_same_machine(void **state)
{
	u64 first = fingerprint();

	(void)state;
	assert_int_equal(fingerprint(), first);
	assert_int_equal(fingerprint(), first);
}

static void machines_do_not_know_of_each_other(void **state)
{
	struct machine_config config = config_of(64 * MIB);
	struct machine *other = machine_new(&config);
	int fd;

	(void)state;
	fd = memfd_with(m, "mine");
	assert_int_equal(sys_close(other, fd), -EBADF);
	assert_int_equal(open_dev(m), open_dev(other) + 1);
	assert_int_equal(kexec(m), 0);
	assert_int_equal(machine_kernel(other), 1);
	machine_free(other);
	open_dev(m);
}

int main(void)
{
#define TEST(f)	cmocka_unit_test_setup_teardown(f, make_machine, free_machine)
	const struct CMUnitTest tests[] = {
		TEST(memory_is_from_4_mib_to_1_tib),
		TEST(memory_is_rounded_down_to_whole_4_mib),
		TEST(the_smallest_machine_does_a_live_update),
		TEST(the_largest_machine_costs_no_more_than_it_uses),
		TEST(freeing_no_machine_is_allowed),
		TEST(the_statistics_follow_what_happens),
		TEST(kexec_closes_everything_and_counts),
		TEST(the_next_kernel_is_the_same_unless_said_otherwise),
		TEST(a_failure_asked_for_does_not_outlive_its_kernel),
		TEST(a_place_speaks_once_in_each_kernel),
		TEST(a_rate_limited_place_says_ten_lines),
		TEST(a_warning_names_its_callers_nearest_first),
		TEST(a_call_chain_that_is_too_deep_does_no_harm),
		TEST(a_stopped_machine_answers_eio),
		TEST(locks_that_are_free_are_counted_and_given_back),
		TEST(a_mutex_taken_twice_hangs),
		TEST(a_writer_behind_a_reader_hangs),
		TEST(a_reader_behind_a_writer_hangs),
		TEST(the_same_calls_give_the_same_machine),
		TEST(machines_do_not_know_of_each_other),
	};

	return cmocka_run_group_tests_name("machine", tests, NULL, NULL);
}
