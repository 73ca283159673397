/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A live update in which one allocation fails, for every step and every
 * allocation of it, in every release: what is left behind, and what still works.
 */
#include "machine-util.h"

/* The steps of one live update. */
enum step {
	CREATE, MEMFD, PRESERVE, KEXEC, OPEN, RETRIEVE_SESSION, RETRIEVE, FINISH, CLOSE, NR_STEPS
};

/* What the steps hand to one another. */
struct update {
	int dev, session, mem;
};

#define PAGES	3

/* A memfd of three pages with a hole in the middle. */
static int make_memfd(struct update *u)
{
	const int one = 1;

	u->mem = sys_memfd_create(m, "guest", 0);
	if (u->mem < 0)
		return u->mem;
	for (u32 i = 0; i < PAGES; i += 2) {
		s64 ret = sys_pwrite(m, u->mem, &one, sizeof(one), i * PAGE_SIZE);

		if (ret < 0)
			return ret;
	}
	return 0;
}

static int take(struct update *u, enum step step)
{
	switch (step) {
	case CREATE:
		return u->session = create_session(m, u->dev, "vm0");
	case MEMFD:
		return make_memfd(u);
	case PRESERVE:
		return preserve_fd(m, u->session, u->mem, 1);
	case KEXEC:
		return kexec(m);
	case OPEN:
		return u->dev = sys_open(m, "/dev/liveupdate", O_RDWR);
	case RETRIEVE_SESSION:
		return u->session = retrieve_session(m, u->dev, "vm0");
	case RETRIEVE:
		return u->mem = retrieve_fd(m, u->session, 1);
	case FINISH:
		return finish(m, u->session);
	case CLOSE:
		return sys_close(m, u->session);
	case NR_STEPS:
		break;
	}
	return -EINVAL;
}

/* Run @step as an operation that the judge looks at. */
static int judged(struct update *u, enum step step)
{
	int ret;

	machine_begin_op(m, step + 2);
	ret = take(u, step);
	machine_end_op(m, ret);
	return ret;
}

/*
 * A fresh machine, all steps before @step, and @step with its @nth allocation
 * failing. False when it has no so many.
 */
static bool fail_at(struct update *u, enum step step, u32 nth, int *ret)
{
	bool hit;

	use_release(r);
	u->dev = open_dev(m);
	for (enum step s = 0; s < step; s++)
		assert_true(judged(u, s) >= 0);
	fail_alloc(m, nth);
	*ret = judged(u, step);
	hit = fail_happened(m);
	fail_alloc(m, 0);
	return hit;
}

static void go_on(struct update *u, enum step from)
{
	for (enum step s = from; s < NR_STEPS; s++)
		assert_true(judged(u, s) >= 0);
}

/* Is the memfd what was preserved? */
static void assert_whole(struct update *u)
{
	for (u32 i = 0; i < PAGES; i++) {
		int word = -1;

		assert_int_equal(sys_pread(m, u->mem, &word, sizeof(word), i * PAGE_SIZE),
				 sizeof(word));
		assert_int_equal(word, i != 1);
	}
}

/* Failures of @step leave nothing behind and the step can be repeated. */
static void assert_repeatable(enum step step, int err, u32 min_allocations)
{
	for_each_release(r) {
		struct update u = { 0 };
		int ret;
		u32 nth;

		for (nth = 1; fail_at(&u, step, nth, &ret); nth++) {
			assert_int_equal(ret, err);
			go_on(&u, step);
			assert_whole(&u);
			end_clean(m);
			m = NULL;
		}
		assert_true(nth > min_allocations);
		end_clean(m);
		m = NULL;
	}
}

static void a_failed_create_can_be_repeated(void **state)
{
	(void)state;
	assert_repeatable(CREATE, -ENOMEM, 3);
}

static void a_failed_session_retrieve_can_be_repeated(void **state)
{
	(void)state;
	assert_repeatable(RETRIEVE_SESSION, -ENOMEM, 2);
}

static void a_memfd_that_cannot_be_made_leaves_nothing(void **state)
{
	(void)state;
	for_each_release(r) {
		struct update u = { 0 };
		int ret;
		u32 nth;

		for (nth = 1; fail_at(&u, MEMFD, nth, &ret); nth++) {
			/* The page cache asks twice for what it needs. */
			assert_true(ret == -ENOMEM || ret == -ENOSPC || ret == 0);
			if (u.mem > 0)
				assert_int_equal(sys_close(m, u.mem), 0);
			go_on(&u, MEMFD);
			assert_whole(&u);
			machine_end(m);
			assert_int_equal(seen.warns, 0);
			assert_int_equal(seen.violations[VIOLATION_LEAK], 0);
		}
		assert_true(nth > 6);
	}
}

static u64 references(int fd)
{
	struct file *file = fget(m, fd);
	u64 count = file->f_count - 1;

	fput(m, file);
	return count;
}

static void a_failed_preserve_can_be_repeated(void **state)
{
	(void)state;
	for_each_release(r) {
		struct update u = { 0 };
		u32 nth, unclean = 0;
		int ret;

		for (nth = 1; fail_at(&u, PRESERVE, nth, &ret); nth++) {
			assert_true(ret == -ENOMEM || ret == 0);
			unclean += seen.violations[VIOLATION_UNCLEAN_ERROR];
			assert_int_equal(references(u.mem), ret ? 1 : 2);
			go_on(&u, ret ? PRESERVE : KEXEC);
			assert_whole(&u);
			machine_end(m);
			assert_int_equal(seen.warns, 0);
			assert_int_equal(seen.violations[VIOLATION_LEAK], 0);
		}
		assert_true(nth > 8);
		/* A page that filled the hole before the failure stays in the file. */
		assert_true(unclean > 0 && unclean < nth);
	}
}

static void a_failed_preserve_can_be_repeated_under_every_policy(void **state)
{
	const struct policy *preset;
	size_t nr;

	(void)state;
	preset = policy_presets(&nr);
	for (size_t i = 0; i < nr; i++) {
		struct release with_policy = release_named("v7.3");
		struct update u = { 0 };
		int ret;

		with_policy.policy = preset[i];
		r = &with_policy;
		for (u32 nth = 1; fail_at(&u, PRESERVE, nth, &ret); nth++) {
			assert_true(ret == -ENOMEM || ret == 0);
			go_on(&u, ret ? PRESERVE : KEXEC);
			assert_whole(&u);
			machine_end(m);
			assert_int_equal(seen.warns, 0);
			assert_int_equal(seen.violations[VIOLATION_LEAK], 0);
		}
	}
}

static void a_failed_kexec_can_be_repeated(void **state)
{
	(void)state;
	for_each_release(r) {
		struct update u = { 0 };
		int ret;
		u32 nth;

		for (nth = 1; fail_at(&u, KEXEC, nth, &ret); nth++) {
			assert_int_equal(ret, -EAGAIN);
			assert_int_equal(machine_kernel(m), 1);
			go_on(&u, KEXEC);
			assert_whole(&u);
			end_clean(m);
			m = NULL;
		}
		/* The radix tree needs no memory any more. */
		assert_int_equal(nth > 1, !since("v7.1"));
	}
}

static void a_failed_kexec_leaves_the_session_usable(void **state)
{
	struct update u = { 0 };
	int ret;

	(void)state;
	r = release_find("v7.0");
	assert_true(fail_at(&u, KEXEC, 1, &ret));
	assert_int_equal(preserve_fd(m, u.session, memfd_with(m, "more"), 2), 0);
	assert_int_equal(sys_close(m, u.session), 0);
	assert_int_equal(sys_ftruncate(m, u.mem, 0), 0);
	end_clean(m);
	m = NULL;
}

static void a_failed_retrieve_is_final_since_7_0(void **state)
{
	(void)state;
	for_each_release(r) {
		struct update u = { 0 };
		u32 nth, failures = 0;
		int ret;

		for (nth = 1; fail_at(&u, RETRIEVE, nth, &ret); nth++) {
			if (ret >= 0) {
				assert_whole(&u);
				end_clean(m);
				m = NULL;
				continue;
			}
			failures++;
			assert_true(ret == -ENOMEM || ret == -ENOSPC || ret == -EINVAL);
			assert_int_equal(seen.warns, 0);
			if (since("v7.0")) {
				assert_int_equal(retrieve_fd(m, u.session, 1), ret);
				assert_int_equal(seen.warns, 0);
			} else {
				/* It is tried again, on what the first attempt gave back. */
				retrieve_fd(m, u.session, 1);
				assert_string_equal(seen.warn, "kho_restore_free");
			}
			assert_int_equal(finish(m, u.session), 0);
			assert_int_equal(sys_close(m, u.session), 0);
		}
		assert_true(failures > 3);
	}
}

static void a_failed_retrieve_leaves_no_descriptor_file_or_lock(void **state)
{
	static const enum census_item items[] = {
		CENSUS_DESCRIPTORS, CENSUS_FILES, CENSUS_SIZE, CENSUS_CACHED, CENSUS_LOCKS,
		CENSUS_OBJECTS,
	};

	(void)state;
	for_each_release(r) {
		struct update u = { 0 };
		int ret;

		for (u32 nth = 1; fail_at(&u, RETRIEVE, nth, &ret); nth++)
			for (u32 i = 0; ret < 0 && i < ARRAY_SIZE(items); i++)
				assert_int_equal(census(m, items[i]),
						 m->ledger.at_op.count[items[i]]);
	}
}

static void finish_without_memory_leaks_and_says_nothing(void **state)
{
	struct update u = { 0 };
	u32 leaks = 0;

	(void)state;
	for_each_release(r) {
		for (u32 nth = 1;; nth++) {
			use_release(r);
			u.dev = open_dev(m);
			for (enum step s = 0; s < RETRIEVE; s++)
				assert_true(judged(&u, s) >= 0);
			/* Without a retrieve, finish is what restores the folios, to drop them. */
			fail_alloc(m, nth);
			assert_int_equal(finish(m, u.session), 0);
			machine_end(m);
			assert_int_equal(seen.warns, 0);
			if (!fail_happened(m))
				break;
			assert_int_equal(seen.violations[VIOLATION_LEAK] > 0, true);
			leaks++;
		}
		assert_int_equal(seen.violations[VIOLATION_LEAK], 0);
	}
	assert_true(leaks >= 2 * ARRAY_SIZE(all_releases));
}

/* Which allocation of the open fails decides what 6.19 and 7.0 make of it. */
static void without_memory_for_its_state_there_is_no_live_update(void **state)
{
	(void)state;
	for_each_release(r) {
		use_release(r);
		fail_alloc(m, 1);
		luo_late_init(m);
		assert_false(m->k->luo.enabled);
		assert_said("luo: failed to prepare LUO state: -12");
	}
}

static void a_failed_open_is_remembered_since_7_1(void **state)
{
	(void)state;
	for_each_release(r) {
		struct update u = { 0 };
		u32 nth, forgotten = 0, latched = 0;
		int ret;

		for (nth = 1; fail_at(&u, OPEN, nth, &ret); nth++) {
			if (ret == -ENOMEM) {
				/* The struct file: nothing was deserialized yet. */
				go_on(&u, OPEN);
				assert_whole(&u);
				end_clean(m);
				m = NULL;
				continue;
			}
			if (ret == -EIO) {
				ret = sys_open(m, "/dev/liveupdate", O_RDWR);
				latched += ret == -EIO;
				forgotten += ret >= 0;
				continue;
			}
			/* 6.19 does not hear of it. */
			assert_true(ret >= 0);
			assert_false(since("v7.0"));
		}
		assert_true(nth > 3);
		assert_int_equal(forgotten, since("v7.1") ? 0 : 1);
		assert_int_equal(latched > 0, since("v7.0"));
	}
}

int main(void)
{
#define TEST(f)	cmocka_unit_test_teardown(f, free_machine)
	const struct CMUnitTest tests[] = {
		TEST(a_failed_create_can_be_repeated),
		TEST(a_failed_session_retrieve_can_be_repeated),
		TEST(a_memfd_that_cannot_be_made_leaves_nothing),
		TEST(a_failed_preserve_can_be_repeated),
		TEST(a_failed_preserve_can_be_repeated_under_every_policy),
		TEST(a_failed_kexec_can_be_repeated),
		TEST(a_failed_kexec_leaves_the_session_usable),
		TEST(a_failed_retrieve_is_final_since_7_0),
		TEST(a_failed_retrieve_leaves_no_descriptor_file_or_lock),
		TEST(finish_without_memory_leaks_and_says_nothing),
		TEST(a_failed_open_is_remembered_since_7_1),
		TEST(without_memory_for_its_state_there_is_no_live_update),
	};

	return cmocka_run_group_tests_name("luo-fault", tests, NULL, NULL);
}
