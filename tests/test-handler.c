/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What LUO makes of a file handler: the order of its callbacks, and what happens
 * when one of them refuses. The handler of this test takes pipes and does as the
 * script says.
 */
#include "machine-util.h"

/* What the callbacks answer; -EIO of freeze at the file with number @freeze_fails. */
static struct script {
	int preserve, retrieve;
	u64 freeze_fails;
	bool busy;
	u64 next;		/* number of the next file preserved */
	char calls[256];	/* what was called, with the file's number */
} script;

static void called(const char *what, u64 number)
{
	size_t len = strlen(script.calls);

	snprintf(script.calls + len, sizeof(script.calls) - len, "%s%s%llu", len ? " " : "", what,
		 (unsigned long long)number);
}

/* The callbacks since the last call are these. */
static void assert_calls(const char *want)
{
	assert_string_equal(script.calls, want);
	script.calls[0] = 0;
}

static bool is_pipe(struct machine *machine, struct liveupdate_file_handler *fh, struct file *file)
{
	(void)machine;
	(void)fh;
	return !strcmp(file->f_op->name, "pipe");
}

static int preserve_pipe(struct liveupdate_file_op_args *args)
{
	if (script.preserve)
		return script.preserve;
	args->serialized_data = script.next++;
	called("preserve", args->serialized_data);
	return 0;
}

static void unpreserve_pipe(struct liveupdate_file_op_args *args)
{
	called("unpreserve", args->serialized_data);
}

static int freeze_pipe(struct liveupdate_file_op_args *args)
{
	called("freeze", args->serialized_data);
	return args->serialized_data == script.freeze_fails ? -EIO : 0;
}

static void unfreeze_pipe(struct liveupdate_file_op_args *args)
{
	called("unfreeze", args->serialized_data);
}

static int retrieve_pipe(struct liveupdate_file_op_args *args)
{
	called("retrieve", args->serialized_data);
	if (script.retrieve)
		return script.retrieve;
	args->file = open_kind(args->m, FILE_PIPE);
	return 0;
}

static bool can_finish_pipe(struct liveupdate_file_op_args *args)
{
	(void)args;
	return !script.busy;
}

static void finish_pipe(struct liveupdate_file_op_args *args)
{
	called("finish", args->serialized_data);
}

static const struct liveupdate_file_ops pipe_ops = {
	.can_preserve = is_pipe,
	.preserve = preserve_pipe,
	.unpreserve = unpreserve_pipe,
	.freeze = freeze_pipe,
	.unfreeze = unfreeze_pipe,
	.retrieve = retrieve_pipe,
	.can_finish = can_finish_pipe,
	.finish = finish_pipe,
};

static struct liveupdate_file_handler handler;

static int register_handler(const struct liveupdate_file_ops *ops)
{
	handler = (struct liveupdate_file_handler){ .ops = ops, .compatible = "pipe-v1" };
	return liveupdate_register_file_handler(m, &handler);
}

static void use(const struct release *release)
{
	use_release(release);
	script = (struct script){ .next = 1 };
	assert_int_equal(register_handler(&pipe_ops), 0);
}

static int preserve_new_pipe(int session, u64 token)
{
	return preserve_fd(m, session, sys_open_kind(m, FILE_PIPE), token);
}

static void kexec_with_handler(void)
{
	assert_int_equal(kexec(m), 0);
	assert_int_equal(register_handler(&pipe_ops), 0);
	script.calls[0] = 0;
}

/* A session with @n pipes, tokens from 1 on. */
static int session_with(int dev, const char *name, u64 n)
{
	int s = create_session(m, dev, name);

	for (u64 token = 1; token <= n; token++)
		assert_int_equal(preserve_new_pipe(s, token), 0);
	script.calls[0] = 0;
	return s;
}

static void registration_is_checked(void **state)
{
	struct liveupdate_file_handler again = { .ops = &pipe_ops, .compatible = "pipe-v1" };
	struct liveupdate_file_ops ops[5];

	(void)state;
	r = release_find("v7.3");
	use(r);
	for (u32 i = 0; i < ARRAY_SIZE(ops); i++)
		ops[i] = pipe_ops;
	ops[0].can_preserve = NULL;
	ops[1].preserve = NULL;
	ops[2].unpreserve = NULL;
	ops[3].retrieve = NULL;
	ops[4].finish = NULL;
	for (u32 i = 0; i < ARRAY_SIZE(ops); i++) {
		struct liveupdate_file_handler bad = { .ops = &ops[i], .compatible = "other" };

		assert_int_equal(liveupdate_register_file_handler(m, &bad), -EINVAL);
	}
	assert_int_equal(liveupdate_register_file_handler(m, &again), -EEXIST);
	assert_said("luo: File handler registration failed: Compatible string 'pipe-v1'");
	m->k->luo.enabled = false;
	assert_int_equal(liveupdate_register_file_handler(m, &again), -EOPNOTSUPP);
}

static void a_handler_makes_files_preservable(void **state)
{
	(void)state;
	for_each_release(r) {
		int s;

		use(r);
		s = create_session(m, open_dev(m), "a");
		assert_int_equal(preserve_new_pipe(s, 1), 0);
		assert_int_equal(preserve_fd(m, s, memfd_with(m, "still"), 2), 0);
		assert_calls("preserve1");
		kexec_with_handler();
		s = retrieve_session(m, open_dev(m), "a");
		assert_true(retrieve_fd(m, s, 1) > 0);
		assert_calls("retrieve1");
		assert_int_equal(finish(m, s), 0);
		assert_calls("finish1");
		end_clean(m);
		m = NULL;
	}
}

static void a_preserve_that_the_handler_refuses_is_undone(void **state)
{
	(void)state;
	for_each_release(r) {
		struct census before;
		int s, pipe;

		use(r);
		s = create_session(m, open_dev(m), "a");
		pipe = sys_open_kind(m, FILE_PIPE);
		script.preserve = -EXDEV;
		before = m->ledger.now;
		assert_int_equal(preserve_fd(m, s, pipe, 1), -EXDEV);
		assert_same_census(&before, &m->ledger.now);
		script.preserve = 0;
		assert_int_equal(preserve_fd(m, s, pipe, 1), 0);
		end_clean(m);
		m = NULL;
	}
}

static void files_are_unpreserved_and_finished_latest_first(void **state)
{
	(void)state;
	for_each_release(r) {
		int dev, s;

		use(r);
		dev = open_dev(m);
		s = session_with(dev, "a", 3);
		assert_int_equal(sys_close(m, s), 0);
		assert_calls("unpreserve3 unpreserve2 unpreserve1");
		session_with(dev, "a", 3);
		assert_int_equal(kexec(m), 0);
		assert_calls("freeze4 freeze5 freeze6");
		assert_int_equal(register_handler(&pipe_ops), 0);
		s = retrieve_session(m, open_dev(m), "a");
		assert_int_equal(finish(m, s), 0);
		assert_calls("finish6 finish5 finish4");
	}
}

static void a_failed_freeze_thaws_what_was_frozen(void **state)
{
	(void)state;
	for_each_release(r) {
		struct census before;
		int dev, s;

		use(r);
		dev = open_dev(m);
		session_with(dev, "a", 2);
		session_with(dev, "b", 1);
		s = session_with(dev, "c", 3);
		session_with(dev, "d", 1);
		before = m->ledger.now;
		script.freeze_fails = 5;
		assert_int_equal(kexec(m), -EIO);
		assert_calls("freeze1 freeze2 freeze3 freeze4 freeze5 "
			     "unfreeze4 unfreeze3 unfreeze1 unfreeze2");
		assert_said("luo: Freeze failed for token[0x2] handler[pipe-v1] err[-5]");
		assert_same_census(&before, &m->ledger.now);
		assert_int_equal(machine_kernel(m), 1);
		/* All goes on: more files, another try, and all arrive. */
		assert_int_equal(preserve_new_pipe(s, 9), 0);
		script.freeze_fails = 0;
		kexec_with_handler();
		dev = open_dev(m);
		s = retrieve_session(m, dev, "c");
		for (u64 token = 1; token <= 3; token++)
			assert_true(retrieve_fd(m, s, token) > 0);
		assert_true(retrieve_fd(m, s, 9) > 0);
		assert_calls("retrieve4 retrieve5 retrieve6 retrieve8");
		for (const char *name = "abd"; *name; name++)
			assert_true(retrieve_session(m, dev, (char[]){ *name, 0 }) > 0);
		end_clean(m);
		m = NULL;
	}
}

static void after_a_failed_freeze_sessions_can_be_closed(void **state)
{
	(void)state;
	for_each_release(r) {
		int dev, a, b;

		use(r);
		dev = open_dev(m);
		a = session_with(dev, "a", 2);
		b = session_with(dev, "b", 2);
		script.freeze_fails = 3;
		assert_int_equal(kexec(m), -EIO);
		script.calls[0] = 0;
		assert_int_equal(sys_close(m, b), 0);
		assert_int_equal(sys_close(m, a), 0);
		assert_calls("unpreserve4 unpreserve3 unpreserve2 unpreserve1");
		assert_int_equal(kexec(m), 0);
		assert_int_equal(retrieve_session(m, open_dev(m), "a"), -ENOENT);
		end_clean(m);
		m = NULL;
	}
}

static void one_busy_file_keeps_all_from_being_finished(void **state)
{
	(void)state;
	for_each_release(r) {
		int s;

		use(r);
		session_with(open_dev(m), "a", 2);
		kexec_with_handler();
		s = retrieve_session(m, open_dev(m), "a");
		script.busy = true;
		assert_int_equal(finish(m, s), -EBUSY);
		assert_calls("");
		assert_true(retrieve_fd(m, s, 1) > 0);
		script.busy = false;
		assert_int_equal(finish(m, s), 0);
		end_clean(m);
		m = NULL;
	}
}

static void a_session_closed_while_busy_is_out_of_reach(void **state)
{
	(void)state;
	for_each_release(r) {
		int dev, s;

		use(r);
		session_with(open_dev(m), "a", 2);
		kexec_with_handler();
		dev = open_dev(m);
		s = retrieve_session(m, dev, "a");
		script.busy = true;
		assert_int_equal(sys_close(m, s), 0);
		assert_said("luo: Unable to finish session [a] on release");
		script.busy = false;
		assert_int_equal(retrieve_session(m, dev, "a"), -EINVAL);
		assert_calls("");
	}
}

static void a_refused_retrieve_is_asked_again_only_before_7_0(void **state)
{
	(void)state;
	for_each_release(r) {
		int s;

		use(r);
		session_with(open_dev(m), "a", 1);
		kexec_with_handler();
		s = retrieve_session(m, open_dev(m), "a");
		script.retrieve = -ENXIO;
		assert_int_equal(retrieve_fd(m, s, 1), -ENXIO);
		script.retrieve = 0;
		if (since("v7.0")) {
			assert_int_equal(retrieve_fd(m, s, 1), -ENXIO);
			assert_calls("retrieve1");
		} else {
			assert_true(retrieve_fd(m, s, 1) > 0);
			assert_calls("retrieve1 retrieve1");
		}
		assert_int_equal(finish(m, s), 0);
		assert_calls("finish1");
	}
}

static void a_handler_without_get_id_tells_files_apart_by_struct_file(void **state)
{
	(void)state;
	r = release_find("v7.3");
	use(r);
	for (int i = 0; i < 2; i++) {
		int s = create_session(m, i ? 3 : open_dev(m), i ? "b" : "a");
		int pipe = sys_open_kind(m, FILE_PIPE);

		assert_int_equal(preserve_fd(m, s, pipe, 1), 0);
		assert_int_equal(preserve_fd(m, s, sys_dup(m, pipe), 2), -EBUSY);
	}
}

static u64 one_id(struct machine *machine, struct liveupdate_file_handler *fh, struct file *file)
{
	(void)fh;
	(void)machine;
	(void)file;
	return 42;
}

static void files_that_get_id_takes_for_one_exclude_each_other(void **state)
{
	struct liveupdate_file_ops ops = pipe_ops;
	int s;

	(void)state;
	machine_free(m);
	m = boot("v7.3");
	script = (struct script){ .next = 1 };
	ops.get_id = one_id;
	assert_int_equal(register_handler(&ops), 0);
	s = create_session(m, open_dev(m), "a");
	assert_int_equal(preserve_new_pipe(s, 1), 0);
	assert_int_equal(preserve_new_pipe(s, 2), -EBUSY);
	assert_int_equal(sys_close(m, s), 0);
	s = create_session(m, 3, "a");
	assert_int_equal(preserve_new_pipe(s, 2), 0);
}

int main(void)
{
#define TEST(f)	cmocka_unit_test_teardown(f, free_machine)
	const struct CMUnitTest tests[] = {
		TEST(registration_is_checked),
		TEST(a_handler_makes_files_preservable),
		TEST(a_preserve_that_the_handler_refuses_is_undone),
		TEST(files_are_unpreserved_and_finished_latest_first),
		TEST(a_failed_freeze_thaws_what_was_frozen),
		TEST(after_a_failed_freeze_sessions_can_be_closed),
		TEST(one_busy_file_keeps_all_from_being_finished),
		TEST(a_session_closed_while_busy_is_out_of_reach),
		TEST(a_refused_retrieve_is_asked_again_only_before_7_0),
		TEST(a_handler_without_get_id_tells_files_apart_by_struct_file),
		TEST(files_that_get_id_takes_for_one_exclude_each_other),
	};

	return cmocka_run_group_tests_name("handler", tests, NULL, NULL);
}
