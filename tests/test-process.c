/* SPDX-License-Identifier: GPL-2.0-only */
/* Processes: tables of their own, descriptors passed on, and how they end. */
#include "machine-util.h"

static void become(const char *comm)
{
	assert_int_equal(machine_process(m, comm), 0);
}

static void each_has_descriptors_of_its_own(void **state)
{
	struct luosim_stat st;
	int a, b;

	(void)state;
	a = memfd_with(m, "init's");
	become("other");
	assert_int_equal(sys_fstat(m, 2, &st), 0);
	assert_int_equal(sys_close(m, a), -EBADF);
	b = memfd_with(m, "other's");
	assert_int_equal(a, b);
	assert_reads(m, b, 0, "other's");
	become("init");
	assert_reads(m, a, 0, "init's");
	become("other");
	assert_reads(m, b, 0, "other's");
	machine_end(m);
	assert_clean();
}

static void names_are_up_to_fifteen_characters(void **state)
{
	(void)state;
	assert_int_equal(machine_process(m, ""), -EINVAL);
	assert_int_equal(machine_process(m, "sixteen_letters_"), -EINVAL);
	assert_int_equal(machine_process(m, "fifteen_letters"), 0);
	assert_int_equal(machine_process(m, "fifteen_letterz"), 0);
	assert_int_equal(sys_kill(m, "fifteen_letterz"), 0);
}

static void one_that_cannot_be_started_leaves_nothing(void **state)
{
	struct census before = m->ledger.now;
	int fd = memfd_with(m, "x");

	(void)state;
	assert_int_equal(sys_close(m, fd), 0);
	for (u32 nth = 1;; nth++) {
		int err;

		fail_alloc(m, nth);
		err = machine_process(m, "other");
		if (!fail_happened(m))
			break;
		fail_alloc(m, 0);
		assert_int_equal(err, -ENOMEM);
		become("init");
		assert_same_census(&before, &m->ledger.now);
	}
	fail_alloc(m, 0);
	assert_int_equal(sys_kill(m, "init"), -EPERM);
	before = m->ledger.now;
	assert_true(memfd_with(m, "x") >= 0);
	become("init");
	assert_int_equal(sys_kill(m, "other"), 0);
	assert_same_census(&before, &m->ledger.now);
}

static void a_passed_descriptor_is_the_same_open_file(void **state)
{
	int a = memfd_with(m, "text"), b;

	(void)state;
	assert_int_equal(sys_send_fd(m, a, "other"), -ECONNREFUSED);
	become("other");
	assert_int_equal(sys_recv_fd(m), -EAGAIN);
	become("init");
	assert_int_equal(sys_send_fd(m, 99, "other"), -EBADF);
	assert_int_equal(sys_lseek(m, a, 3, SEEK_SET), 3);
	assert_int_equal(sys_send_fd(m, a, "other"), 0);
	assert_int_equal(sys_send_fd(m, a, "init"), 0);
	assert_int_equal(sys_close(m, a), 0);
	b = sys_recv_fd(m);
	assert_int_equal(sys_lseek(m, b, 1, SEEK_CUR), 4);
	become("other");
	b = sys_recv_fd(m);
	assert_int_equal(sys_lseek(m, b, 0, SEEK_CUR), 4);
	assert_true(get_close_on_exec(m, b));
	assert_int_equal(sys_recv_fd(m), -EAGAIN);
	machine_end(m);
	assert_clean();
}

static void what_finds_no_descriptor_is_dropped(void **state)
{
	struct census before;

	(void)state;
	become("other");
	assert_int_equal(sys_setrlimit_nofile(m, 3), 0);
	become("init");
	before = m->ledger.now;
	assert_int_equal(sys_send_fd(m, memfd_with(m, "x"), "other"), 0);
	assert_int_equal(sys_close(m, 3), 0);
	become("other");
	assert_int_equal(sys_recv_fd(m), -EMFILE);
	assert_int_equal(sys_recv_fd(m), -EAGAIN);
	assert_same_census(&before, &m->ledger.now);
}

static void sessions_end_with_their_last_holder(void **state)
{
	int dev, s, mem = memfd_sized(m, PAGE_SIZE);

	(void)state;
	dev = open_dev(m);
	s = create_session(m, dev, "s");
	assert_int_equal(preserve_fd(m, s, mem, 1), 0);
	become("a");
	become("b");
	become("init");
	assert_int_equal(sys_send_fd(m, s, "a"), 0);
	assert_int_equal(sys_send_fd(m, s, "b"), 0);
	assert_int_equal(sys_close(m, s), 0);
	become("a");
	assert_true(sys_recv_fd(m) >= 0);
	become("init");
	assert_int_equal(sys_kill(m, "b"), 0);
	assert_int_equal(sys_ftruncate(m, mem, 0), -EPERM);
	become("a");
	assert_int_equal(sys_exit_group(m), 0);
	become("init");
	assert_int_equal(sys_ftruncate(m, mem, 0), 0);
	assert_int_equal(sys_kill(m, "c"), -ESRCH);
	machine_end(m);
	assert_clean();
}

static void kexec_leaves_init_only(void **state)
{
	(void)state;
	become("other");
	assert_int_equal(memfd_with(m, "x"), 3);
	assert_int_equal(kexec(m), 0);
	assert_int_equal(memfd_with(m, "x"), 3);
	assert_int_equal(sys_kill(m, "other"), -ESRCH);
	become("other");
	assert_int_equal(sys_close(m, 3), -EBADF);
	machine_end(m);
	assert_clean();
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, make_machine, free_machine)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_has_descriptors_of_its_own),
		TEST(names_are_up_to_fifteen_characters),
		TEST(one_that_cannot_be_started_leaves_nothing),
		TEST(a_passed_descriptor_is_the_same_open_file),
		TEST(what_finds_no_descriptor_is_dropped),
		TEST(sessions_end_with_their_last_holder),
		TEST(kexec_leaves_init_only),
	};

	return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
