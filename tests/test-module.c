/* SPDX-License-Identifier: GPL-2.0-only */
/* Modules of scripted handlers, and drivers that use FLBs outside of callbacks. */
#include "luosim-search.h"
#include "machine-util.h"

static const struct handler_script scripts[] = {
	{ .name = "first", .accepts = 1u << FILE_EVENTFD, .flb = { "shared" } },
	{ .name = "second", .accepts = 1u << FILE_PIPE, .flb = { "shared" } },
	{ .name = "third", .accepts = 1u << FILE_EPOLL },
};

static void use_scripts(const struct release *release)
{
	const struct machine_config config = {
		.boot = { .release = *release, .kho = true, .liveupdate = true },
		.mem = 64 * MIB, .emit = record,
		.scripts = scripts, .nr_scripts = ARRAY_SIZE(scripts),
	};

	machine_free(m);
	memset(&seen, 0, sizeof(seen));
	m = machine_new(&config);
	assert_non_null(m);
}

static void use(const char *name)
{
	struct release release = release_named(name);

	use_scripts(&release);
}

static void a_module_comes_and_goes(void **state)
{
	struct census before;

	(void)state;
	use("v7.3");
	assert_int_equal(sys_insmod(m, "none"), -ENOENT);
	assert_int_equal(sys_insmod(m, "third"), -EEXIST);
	assert_int_equal(sys_rmmod(m, "third", false), 0);
	assert_int_equal(sys_rmmod(m, "third", false), -ENOENT);
	before = m->ledger.now;
	assert_int_equal(sys_insmod(m, "third"), 0);
	assert_int_equal(sys_rmmod(m, "third", false), 0);
	assert_same_census(&before, &m->ledger.now);
	assert_int_equal(sys_insmod(m, "third"), 0);
	machine_end(m);
	assert_clean();
}

static void who_shares_an_flb_holds_its_module(void **state)
{
	(void)state;
	use("v7.3");
	assert_int_equal(sys_rmmod(m, "first", false), -EAGAIN);
	assert_int_equal(sys_rmmod(m, "second", false), 0);
	assert_int_equal(sys_rmmod(m, "first", false), 0);
	/* Now the FLB is the other one's. */
	assert_int_equal(sys_insmod(m, "second"), 0);
	assert_int_equal(sys_insmod(m, "first"), 0);
	assert_int_equal(sys_rmmod(m, "second", false), -EAGAIN);
	machine_end(m);
	assert_clean();
}

/* A session with a file of that kind, under token 1. */
static int session_with(enum file_kind kind)
{
	int session = create_session(m, open_dev(m), "s");

	assert_int_equal(preserve_fd(m, session, sys_open_kind(m, kind), 1), 0);
	return session;
}

static void a_file_holds_the_module_until_it_is_given_up(void **state)
{
	int session;

	(void)state;
	use("v7.3");
	session = session_with(FILE_EPOLL);
	assert_int_equal(sys_rmmod(m, "third", false), -EAGAIN);
	sys_close(m, session);
	assert_int_equal(sys_rmmod(m, "third", false), 0);
	machine_end(m);
	assert_clean();
}

static void a_file_that_is_refused_does_not(void **state)
{
	const enum handler_call calls[] = { CALL_CAN_PRESERVE, CALL_PRESERVE };
	struct failure f = { .point = FAIL_CALLBACK, .name = "third", .error = -EIO, .nth = 1 };
	int session, fd;

	(void)state;
	use("v7.3");
	session = create_session(m, open_dev(m), "s");
	fd = sys_open_kind(m, FILE_EPOLL);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		f.call = calls[i];
		assert_int_equal(machine_fail(m, &f), 0);
		assert_true(preserve_fd(m, session, fd, 1) < 0);
	}
	assert_int_equal(sys_rmmod(m, "third", false), 0);
}

static void a_look_at_what_is_preserved_holds_nothing(void **state)
{
	int session, file;

	(void)state;
	use("v7.3");
	session = create_session(m, open_dev(m), "s");
	file = sys_open_kind(m, FILE_EPOLL);
	assert_int_equal(preserve_fd(m, session, file, 1), 0);
	assert_int_equal(machine_module_references(m, 2), 1);
	assert_true(machine_is_preserved(m, file));
	assert_int_equal(machine_module_references(m, 2), 1);
	assert_int_equal(sys_close(m, session), 0);
	assert_false(machine_is_preserved(m, file));
	assert_int_equal(sys_rmmod(m, "third", false), 0);
	assert_int_equal(machine_module_references(m, 2), 0);
}

static void a_registered_handler_holds_its_module_up_to_7_0(void **state)
{
	(void)state;
	use("v7.0");
	assert_int_equal(sys_rmmod(m, "third", false), -EAGAIN);
	assert_int_equal(sys_rmmod(m, "second", false), -EAGAIN);
	assert_int_equal(sys_rmmod(m, "third", true), 0);
	assert_int_equal(sys_insmod(m, "third"), 0);
	create_session(m, open_dev(m), "s");
	assert_int_equal(sys_rmmod(m, "third", true), 0);
	assert_int_equal(sys_insmod(m, "third"), -EBUSY);
}

static void what_is_used_of_a_module_that_is_gone_is_found(void **state)
{
	int session;

	(void)state;
	use("v7.3");
	session = session_with(FILE_EPOLL);
	assert_int_equal(sys_rmmod(m, "third", true), 0);
	seen.may_panic = true;
	sys_close(m, session);
	assert_true(machine_panicked(m));
	assert_int_equal(seen.violations[VIOLATION_USE_AFTER_FREE], 1);
}

static void a_driver_holds_the_flb_and_its_module(void **state)
{
	int session;

	(void)state;
	use("v7.3");
	assert_int_equal(machine_flb_get(m, "none", false), -ENOENT);
	assert_int_equal(machine_flb_get(m, "shared", false), -ENOENT);
	assert_int_equal(machine_flb_get(m, "shared", true), -ENODATA);
	assert_int_equal(machine_flb_put(m, "shared", false), -EINVAL);
	session = session_with(FILE_EVENTFD);
	assert_int_equal(machine_flb_get(m, "shared", false), 0);
	assert_int_equal(machine_flb_get(m, "shared", false), 0);
	sys_close(m, session);
	assert_int_equal(sys_rmmod(m, "second", false), 0);
	assert_int_equal(sys_rmmod(m, "first", false), -EAGAIN);
	assert_int_equal(machine_flb_put(m, "shared", false), 0);
	assert_int_equal(machine_flb_put(m, "shared", false), 0);
	assert_int_equal(machine_flb_put(m, "shared", false), -EINVAL);
	assert_int_equal(sys_rmmod(m, "first", false), 0);
	machine_end(m);
	assert_clean();
}

static void an_flb_that_fails_to_retrieve_lets_its_module_go(void **state)
{
	const struct failure f = { .point = FAIL_FLB, .call = CALL_FLB_RETRIEVE, .name = "shared",
				   .error = -EIO, .nth = 1 };

	(void)state;
	use("v7.3");
	session_with(FILE_EVENTFD);
	assert_int_equal(kexec(m), 0);
	assert_int_equal(machine_fail(m, &f), 0);
	assert_int_equal(machine_flb_get(m, "shared", true), -EIO);
	assert_int_equal(sys_rmmod(m, "second", false), 0);
	assert_int_equal(sys_rmmod(m, "first", false), 0);
}

static void without_references_it_uses_what_is_gone(void **state)
{
	int session;

	(void)state;
	use("v7.1");
	/* Nothing is preserved: it gets NULL, which is not used. */
	assert_int_equal(machine_flb_get(m, "shared", false), 0);
	assert_int_equal(machine_flb_put(m, "shared", false), -EINVAL);
	session = session_with(FILE_EVENTFD);
	assert_int_equal(machine_flb_get(m, "shared", false), 0);
	sys_close(m, session);
	assert_int_equal(machine_flb_put(m, "shared", false), 0);
	assert_int_equal(seen.violations[VIOLATION_USE_AFTER_FREE], 1);
}

#define TEST(f) cmocka_unit_test_teardown(f, free_machine)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_module_comes_and_goes),
		TEST(who_shares_an_flb_holds_its_module),
		TEST(a_file_holds_the_module_until_it_is_given_up),
		TEST(a_file_that_is_refused_does_not),
		TEST(a_look_at_what_is_preserved_holds_nothing),
		TEST(a_registered_handler_holds_its_module_up_to_7_0),
		TEST(what_is_used_of_a_module_that_is_gone_is_found),
		TEST(a_driver_holds_the_flb_and_its_module),
		TEST(an_flb_that_fails_to_retrieve_lets_its_module_go),
		TEST(without_references_it_uses_what_is_gone),
	};

	return cmocka_run_group_tests_name("module", tests, NULL, NULL);
}
