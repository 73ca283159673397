/* SPDX-License-Identifier: GPL-2.0-only */
/* Failures on demand: fault.c, and that all who may fail ask it. */
#include "machine-util.h"

static void ask(enum fail_point point, enum handler_call call, const char *name, int error,
		uint32_t nth)
{
	struct failure f = { .point = point, .call = call, .error = error, .nth = nth };

	snprintf(f.name, sizeof(f.name), "%s", name);
	assert_int_equal(machine_fail(m, &f), 0);
}

static struct fail_stats stats(void)
{
	struct fail_stats st;

	machine_fail_stats(m, &st);
	return st;
}

static void points_have_names_and_errnos(void **state)
{
	(void)state;
	for (int point = 0; point < NR_FAIL_POINTS; point++)
		assert_int_equal(fail_point_find(fail_point_name(point)), point);
	assert_int_equal(fail_point_find("nowhere"), -ENOENT);
	assert_int_equal(fail_point_error(FAIL_ALLOC, 0), -ENOMEM);
	assert_int_equal(fail_point_error(FAIL_CALLBACK, CALL_FREEZE), FAIL_ANY_ERROR);
	assert_int_equal(fail_point_error(FAIL_CALLBACK, CALL_CAN_FINISH), 0);
	assert_string_equal(fail_point_target(FAIL_CALLBACK, 0), handler_name(0));
	assert_null(fail_point_target(FAIL_ALLOC, 0));
}

static void each_failure_counts_for_itself(void **state)
{
	(void)state;
	ask(FAIL_ALLOC, 0, "", 0, 2);
	ask(FAIL_UNUSED_FD, 0, "", 0, 1);
	ask(FAIL_ALLOC, 0, "", 0, 3);
	assert_non_null(kzalloc(m, 8));
	assert_int_equal(get_unused_fd_flags(m, 0), -EMFILE);
	assert_int_equal(stats().last.point, FAIL_UNUSED_FD);
	assert_null(kzalloc(m, 8));
	assert_null(kzalloc(m, 8));
	assert_non_null(kzalloc(m, 8));
	assert_int_equal(stats().armed, 3);
	assert_int_equal(stats().happened, 3);
	machine_fail_clear(m);
	assert_int_equal(stats().armed, 0);
}

static void no_more_than_so_many_may_be_asked_for(void **state)
{
	const struct failure f = { .point = FAIL_ALLOC, .nth = 1000 };

	(void)state;
	for (int i = 0; i < MAX_FAILURES; i++)
		assert_int_equal(machine_fail(m, &f), 0);
	assert_int_equal(machine_fail(m, &f), -ENOSPC);
}

static void the_time_number_zero_only_counts(void **state)
{
	(void)state;
	ask(FAIL_ANYWHERE, 0, "", 0, 0);
	create_session(m, open_dev(m), "s");
	assert_true(stats().counted > 5);
	assert_int_equal(stats().armed, 0);
	assert_int_equal(stats().happened, 0);
}

static void a_callback_is_known_by_handler_and_call(void **state)
{
	int session = create_session(m, open_dev(m), "s"), fd = memfd_with(m, "x");

	(void)state;
	ask(FAIL_CALLBACK, CALL_PRESERVE, "iommufd", -EIO, 1);
	ask(FAIL_CALLBACK, CALL_RETRIEVE, "memfd", -EIO, 1);
	assert_int_equal(preserve_fd(m, session, fd, 1), 0);
	ask(FAIL_CALLBACK, CALL_PRESERVE, "memfd", -ENXIO, 1);
	assert_int_equal(preserve_fd(m, session, memfd_with(m, "y"), 2), -ENXIO);
	ask(FAIL_CALLBACK, CALL_CAN_PRESERVE, "memfd", 0, 1);
	assert_int_equal(preserve_fd(m, session, memfd_with(m, "y"), 2), -ENOENT);
	assert_int_equal(stats().happened, 2);
}

static void a_freeze_that_fails_fails_the_reboot(void **state)
{
	int session = create_session(m, open_dev(m), "s"), fd = memfd_with(m, "x");

	(void)state;
	assert_int_equal(preserve_fd(m, session, fd, 1), 0);
	ask(FAIL_CALLBACK, CALL_FREEZE, "memfd", -EBUSY, 1);
	assert_int_equal(sys_kexec_load(m, KEXEC_FILE), 0);
	assert_int_equal(sys_reboot_kexec(m), -EBUSY);
	assert_int_equal(machine_kernel(m), 1);
	assert_int_equal(sys_reboot_kexec(m), 0);
}

static void anywhere_says_where_it_was(void **state)
{
	int dev = open_dev(m);

	(void)state;
	ask(FAIL_ANYWHERE, 0, "", 0, 1);
	assert_int_equal(session_call(m, dev, LIVEUPDATE_IOCTL_CREATE_SESSION, "s"), -EFAULT);
	assert_int_equal(stats().last.point, FAIL_COPY_FROM_USER);
	assert_int_equal(stats().last.error, -EFAULT);
}

static void accounting_can_fail(void **state)
{
	int fd = sys_memfd_create(m, "x", 0);

	(void)state;
	ask(FAIL_ACCT_BLOCKS, 0, "", 0, 1);
	assert_int_equal(sys_pwrite(m, fd, "x", 1, 0), -ENOSPC);
	assert_int_equal(sys_pwrite(m, fd, "x", 1, 0), 1);
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, make_machine, free_machine)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(points_have_names_and_errnos),
		TEST(each_failure_counts_for_itself),
		TEST(no_more_than_so_many_may_be_asked_for),
		TEST(the_time_number_zero_only_counts),
		TEST(a_callback_is_known_by_handler_and_call),
		TEST(a_freeze_that_fails_fails_the_reboot),
		TEST(anywhere_says_where_it_was),
		TEST(accounting_can_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
