/* SPDX-License-Identifier: GPL-2.0-only */
/* Snapshots: what comes after a restore is what came after the save. */
#include "luosim-search.h"
#include "machine-util.h"

struct state {
	struct machine *m;
	struct machine_snapshot before, after;
	int dev, session, mem;
};

static struct state s;

static int set_up(void **state)
{
	(void)state;
	s.m = boot("v7.3");
	s.dev = open_dev(s.m);
	s.session = create_session(s.m, s.dev, "a");
	s.mem = memfd_with(s.m, "snapshot");
	assert_int_equal(machine_save(s.m, &s.before), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	machine_snapshot_free(&s.before);
	machine_snapshot_free(&s.after);
	return 0;
}

/* Everything between here and the end of another kernel. */
static void live_on(struct machine *m)
{
	int other = memfd_sized(m, 300 * PAGE_SIZE), dev, session, mem;

	assert_int_equal(preserve_fd(m, s.session, s.mem, 1), 0);
	assert_int_equal(preserve_fd(m, s.session, other, 2), 0);
	assert_int_equal(kexec(m), 0);
	dev = open_dev(m);
	session = retrieve_session(m, dev, "a");
	mem = retrieve_fd(m, session, 1);
	assert_reads(m, mem, 0, "snapshot");
	assert_int_equal(create_session(m, dev, "b"), mem + 1);
	assert_int_equal(finish(m, session), 0);
}

static void what_follows_is_the_same(void **state)
{
	struct machine_snapshot again = { 0 };

	(void)state;
	live_on(s.m);
	assert_int_equal(machine_save(s.m, &s.after), 0);
	for (int i = 0; i < 3; i++) {
		machine_restore(s.m, &s.before);
		live_on(s.m);
		assert_int_equal(machine_save(s.m, &again), 0);
		/* Only how much memory was ever dirty may differ. */
		assert_int_equal(again.used, s.after.used);
	}
	machine_snapshot_free(&again);
	end_clean(s.m);
}

static void a_later_kernel_comes_back(void **state)
{
	(void)state;
	live_on(s.m);
	assert_int_equal(machine_save(s.m, &s.after), 0);
	machine_restore(s.m, &s.before);
	assert_int_equal(machine_kernel(s.m), 1);
	assert_reads(s.m, s.mem, 0, "snapshot");
	machine_restore(s.m, &s.after);
	assert_int_equal(machine_kernel(s.m), 2);
	end_clean(s.m);
}

static void frames_never_touched_come_back(void **state)
{
	struct machine_stats before, after;

	(void)state;
	machine_stats(s.m, &before);
	for (int order = 0; order < 8; order++) {
		assert_non_null(folio_alloc(s.m, GFP_KERNEL | __GFP_ZERO, order));
		machine_restore(s.m, &s.before);
	}
	assert_non_null(folio_alloc(s.m, GFP_KERNEL, MAX_PAGE_ORDER));
	machine_restore(s.m, &s.before);
	machine_stats(s.m, &after);
	assert_memory_equal(&before, &after, sizeof(before));
	live_on(s.m);
	end_clean(s.m);
}

/* Heads of free blocks that only the time after the snapshot has, far beyond what was used. */
static void no_free_block_of_later_stays_behind(void **state)
{
	u64 size = s.m->nr_frames * sizeof(struct page);
	struct page *before = test_malloc(size);

	(void)state;
	memcpy(before, s.m->memmap, size);
	for (int n = 0x80; n < 0x90; n++) {
		for (int i = 0; i < n; i++)
			assert_non_null(folio_alloc(s.m, GFP_KERNEL | __GFP_ZERO, 0));
		machine_restore(s.m, &s.before);
		for (u64 pfn = s.m->top; pfn < s.m->nr_frames; pfn++)
			assert_int_equal(s.m->memmap[pfn].flags & PG_BUDDY,
					 before[pfn].flags & PG_BUDDY);
	}
	test_free(before);
	live_on(s.m);
	end_clean(s.m);
}

static void a_stopped_machine_runs_again(void **state)
{
	(void)state;
	s.m->panicked = true;
	machine_restore(s.m, &s.before);
	live_on(s.m);
	end_clean(s.m);
}

static void only_what_left_no_trace_is_where_it_was(void **state)
{
	(void)state;
	assert_true(machine_is_at(s.m, &s.before));
	assert_int_equal(preserve_fd(s.m, s.session, s.mem, 1), 0);
	assert_false(machine_is_at(s.m, &s.before));
	assert_int_equal(machine_save(s.m, &s.after), 0);
	assert_int_equal(preserve_fd(s.m, s.session, s.mem, 1), -EEXIST);
	assert_true(machine_is_at(s.m, &s.after));
	assert_int_equal(sys_lseek(s.m, s.mem, 1, SEEK_SET), 1);
	assert_false(machine_is_at(s.m, &s.after));
	machine_restore(s.m, &s.before);
	assert_true(machine_is_at(s.m, &s.before));
	end_clean(s.m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_follows_is_the_same, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_later_kernel_comes_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(frames_never_touched_come_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_free_block_of_later_stays_behind, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_stopped_machine_runs_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(only_what_left_no_trace_is_where_it_was, set_up,
						tear_down),
	};

	return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
