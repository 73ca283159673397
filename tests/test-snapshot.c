/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Snapshots: what comes after a restore is what came after the save. And fingerprints: what
 * may come to something else has another one.
 */
#include <malloc.h>

#include "luosim-search.h"
#include "machine-util.h"

#include "search/walk.h"

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

static struct machine_walk *walk;

/* The fingerprint of @machine, where these descriptors are used later. */
static void fingerprint(struct machine *machine, uint64_t f[2])
{
	const int fds[] = { s.dev, s.session, s.mem };

	machine_fingerprint(machine, walk, &(struct machine_view){
		.fds = fds, .nr_fds = ARRAY_SIZE(fds), .own_fds = ARRAY_SIZE(fds) }, f);
}

static int set_up_walk(void **state)
{
	walk = machine_walk_new();
	assert_non_null(walk);
	return set_up(state);
}

static int tear_down_walk(void **state)
{
	machine_walk_free(walk);
	return tear_down(state);
}

static void where_a_file_is_at_is_told_apart(void **state)
{
	uint64_t before[2], after[2];

	(void)state;
	fingerprint(s.m, before);
	assert_int_equal(sys_lseek(s.m, s.mem, 1, SEEK_SET), 1);
	fingerprint(s.m, after);
	assert_memory_not_equal(before, after, sizeof(before));
	machine_restore(s.m, &s.before);
	fingerprint(s.m, after);
	assert_memory_equal(before, after, sizeof(before));
	end_clean(s.m);
}

/* The memfd and one that holds @text, both preserved. */
static void with_another(const char *text, uint64_t f[2])
{
	machine_restore(s.m, &s.before);
	assert_int_equal(preserve_fd(s.m, s.session, s.mem, 1), 0);
	assert_int_equal(preserve_fd(s.m, s.session, memfd_with(s.m, text), 2), 0);
	fingerprint(s.m, f);
}

static void contents_are_told_apart_and_not_named(void **state)
{
	uint64_t same[2], other[2], third[2];

	(void)state;
	with_another("snapshot", same);
	with_another("SNAPSHOT", other);
	with_another("Snapshot", third);
	assert_memory_not_equal(same, other, sizeof(same));
	assert_memory_equal(other, third, sizeof(other));
	end_clean(s.m);
}

/* Both times two owners or more, so that KHO's page of counts is there. */
static void how_often_a_frame_is_preserved_is_told_apart(void **state)
{
	struct release release = release_named("v7.3");
	uint64_t two[2], three[2];
	struct folio *folio;

	(void)state;
	machine_free(s.m);
	release.policy.restore = RESTORE_REFCOUNT;
	s.m = boot_release(&release, 64 * MIB);
	s.dev = open_dev(s.m);
	s.session = create_session(s.m, s.dev, "a");
	s.mem = memfd_with(s.m, "counted");
	assert_int_equal(preserve_fd(s.m, s.session, s.mem, 1), 0);
	folio = pfn_folio(s.m, machine_file_frame(s.m, s.mem, 0));
	kho_preserve_folio(s.m, folio);
	fingerprint(s.m, two);
	kho_preserve_folio(s.m, folio);
	fingerprint(s.m, three);
	assert_memory_not_equal(two, three, sizeof(two));
	machine_free(s.m);
}

static void what_is_no_frame_has_nothing_to_tell(void **state)
{
	uint64_t f[2];

	(void)state;
	fingerprint(s.m, f);
	assert_false(walk_frame(walk, 0));
	assert_false(walk_frame(walk, s.m->nr_frames));
	assert_false(walk_frame(walk, UINT64_MAX >> PAGE_SHIFT));
	assert_false(walk_object(walk, NULL));
	end_clean(s.m);
}

/* The first rounds leave with the allocator what the next ones take. */
static void memory_for_fingerprints_is_given_back(void **state)
{
	size_t before = 0;
	uint64_t f[2];

	(void)state;
	for (int i = 0; i < 100; i++) {
		if (i == 10)
			before = mallinfo2().uordblks;
		machine_walk_free(walk);
		walk = machine_walk_new();
		fingerprint(s.m, f);
	}
	assert_int_equal(mallinfo2().uordblks, before);
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
#define WALK(f)	cmocka_unit_test_setup_teardown(f, set_up_walk, tear_down_walk)
		WALK(where_a_file_is_at_is_told_apart),
		WALK(contents_are_told_apart_and_not_named),
		WALK(how_often_a_frame_is_preserved_is_told_apart),
		WALK(what_is_no_frame_has_nothing_to_tell),
		WALK(memory_for_fingerprints_is_given_back),
	};

	return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
