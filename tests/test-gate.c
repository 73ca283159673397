/* SPDX-License-Identifier: GPL-2.0-only */
/* The reboot gate: which calls it stops, and that it is open again after a failure. */
#include "policy/gate.h"
#include "machine-util.h"

static void boot_with(enum reboot_gate gate)
{
	struct release r = release_named("v7.3");

	machine_free(m);
	r.policy.gate = gate;
	m = boot_release(&r, 64 * MIB);
}

/* What is called while the gate is closed. */
enum call { CREATE, PRESERVE, NAME, CLOSE, INCOMING, NR_CALLS };

static int dev, s, in, mem;

/* One session of the previous kernel, one of this one, and the gate closed behind them. */
static void close_gate(enum reboot_gate gate)
{
	boot_with(gate);
	create_session(m, open_dev(m), "in");
	assert_int_equal(kexec(m), 0);
	machine_begin_op(m, 1);
	dev = open_dev(m);
	in = retrieve_session(m, dev, "in");
	s = create_session(m, dev, "s");
	mem = memfd_sized(m, PAGE_SIZE);
	assert_true(in >= 0 && s >= 0);
	gate_close(m);
	gate_keep(m);
}

static int get_name(int session)
{
	struct liveupdate_session_get_name arg = { .size = sizeof(arg) };

	return sys_ioctl(m, session, LIVEUPDATE_SESSION_GET_NAME, USER(&arg));
}

static int make(enum call call)
{
	switch (call) {
	case CREATE:
		return min(create_session(m, dev, "t"), 0);
	case PRESERVE:
		return preserve_fd(m, s, mem, 1);
	case NAME:
		return get_name(s);
	case CLOSE:
		return sys_close(m, s);
	default:
		return finish(m, in);
	}
}

/* -EIO: it hangs, and the machine with it. */
static void each_gate_stops_what_it_can(void **state)
{
	static const int want[NR_REBOOT_GATES][NR_CALLS] = {
		[GATE_RELEASE] = { -EIO, -EIO, -EIO, -EIO, -EIO },
		[GATE_FLAG] = { -EBUSY, -EBUSY, -EBUSY, 0, -EBUSY },
		[GATE_FLAG_PIN] = { -EBUSY, -EBUSY, -EBUSY, 0, -EBUSY },
		[GATE_COUNT] = { -EBUSY, -EBUSY, -EBUSY, -EIO, -EBUSY },
		[GATE_HEADER_RWSEM] = { -EIO, -EIO, 0, -EIO, 0 },
		[GATE_RWSEM] = { -EIO, -EIO, -EIO, -EIO, -EIO },
	};

	(void)state;
	for (enum reboot_gate gate = 0; gate < NR_REBOOT_GATES; gate++) {
		for (enum call call = 0; call < NR_CALLS; call++) {
			int got;

			close_gate(gate);
			seen.may_panic = true;
			got = make(call);
			if (got != want[gate][call])
				fail_msg("gate %d, call %d: got %d, expected %d", gate, call, got,
					 want[gate][call]);
			assert_int_equal(seen.violations[VIOLATION_STUCK], got == -EIO);
		}
	}
}

static void a_gate_that_was_opened_again_stops_nothing(void **state)
{
	(void)state;
	for (enum reboot_gate gate = 0; gate < NR_REBOOT_GATES; gate++) {
		enum violation_kind kind;

		close_gate(gate);
		gate_relock(m);
		gate_reopen(m);
		assert_null(gate_left(m, &kind));
		assert_int_equal(census(m, CENSUS_LOCKS), 0);
		for (enum call call = 0; call < NR_CALLS; call++)
			assert_int_equal(make(call), 0);
		machine_end(m);
		assert_clean();
	}
}

static void what_a_closed_gate_breaks_is_told(void **state)
{
	static const struct {
		enum reboot_gate gate;
		int kind;		/* -1: nothing */
	} cases[] = {
		{ GATE_RELEASE, VIOLATION_STUCK }, { GATE_NONE, -1 },
		{ GATE_FLAG, VIOLATION_UNCLEAN_ABORT }, { GATE_PIN, VIOLATION_STUCK },
		{ GATE_FLAG_PIN, VIOLATION_STUCK }, { GATE_COUNT, VIOLATION_STUCK },
		{ GATE_HEADER_RWSEM, VIOLATION_STUCK }, { GATE_RWSEM, VIOLATION_STUCK },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum violation_kind kind;
		const char *what;

		close_gate(cases[i].gate);
		what = gate_left(m, &kind);
		assert_int_equal(what ? (int)kind : -1, cases[i].kind);
	}
}

/* The pin is the last reference: the session ends when the reboot has failed. */
static void what_is_closed_under_a_pin_ends_later(void **state)
{
	(void)state;
	boot_with(GATE_PIN);
	dev = open_dev(m);
	s = create_session(m, dev, "s");
	mem = memfd_sized(m, PAGE_SIZE);
	assert_int_equal(preserve_fd(m, s, mem, 1), 0);
	gate_close(m);
	gate_keep(m);
	assert_int_equal(sys_close(m, s), 0);
	assert_int_equal(sys_ftruncate(m, mem, 0), -EPERM);
	assert_int_equal(create_session(m, dev, "s"), -EEXIST);
	gate_relock(m);
	gate_reopen(m);
	assert_int_equal(sys_ftruncate(m, mem, 0), 0);
	assert_true(create_session(m, dev, "s") >= 0);
	machine_end(m);
	assert_clean();
}

static void the_release_says_which_gate_it_has(void **state)
{
	const struct release *r;

	(void)state;
	for_each_release(r) {
		enum violation_kind kind;

		machine_free(m);
		m = boot(r->name);
		gate_close(m);
		gate_keep(m);
		assert_int_equal(gate_left(m, &kind) != NULL, is_since(r, "v7.1"));
	}
}

#define TEST(f)	cmocka_unit_test_teardown(f, free_machine)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_gate_stops_what_it_can),
		TEST(a_gate_that_was_opened_again_stops_nothing),
		TEST(what_a_closed_gate_breaks_is_told),
		TEST(what_is_closed_under_a_pin_ends_later),
		TEST(the_release_says_which_gate_it_has),
	};

	return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
