/* SPDX-License-Identifier: GPL-2.0-only */
/* The xarray against a plain list of what it should hold. */
#include <stdlib.h>

#include "machine-util.h"

static struct xarray xa;
static s64 objects;		/* on the heap, before the first insert */

static int make_xarray(void **state)
{
	(void)state;
	m = boot("v7.3");
	xa = (struct xarray){ 0 };
	objects = census(m, CENSUS_OBJECTS);
	return 0;
}

static s64 nodes(void)
{
	return census(m, CENSUS_OBJECTS) - objects;
}

/* Entries need only differ and not be NULL. */
static void *entry_of(u64 n)
{
	return (void *)(uintptr_t)(2 * n + 1);
}

static const u64 edge_keys[] = {
	0, 1, 63, 64, 65, 4095, 4096, 262143, 262144, 1ull << 30, (1ull << 30) + 1,
	1ull << 59, (1ull << 60) - 1, 1ull << 60, 1ull << 63, UINT64_MAX - 1, UINT64_MAX,
};

static void an_empty_array_has_nothing(void **state)
{
	u64 index = 0;

	(void)state;
	assert_null(xa_load(&xa, 0));
	assert_null(xa_load(&xa, UINT64_MAX));
	assert_null(xa_erase(m, &xa, 5));
	assert_null(xa_find(&xa, &index));
	index = UINT64_MAX;
	assert_null(xa_find(&xa, &index));
	assert_int_equal(nodes(), 0);
}

static void index_0_alone_needs_no_node(void **state)
{
	(void)state;
	assert_int_equal(xa_insert(m, &xa, 0, entry_of(0)), 0);
	assert_int_equal(nodes(), 0);
	assert_ptr_equal(xa_load(&xa, 0), entry_of(0));
	assert_ptr_equal(xa_erase(m, &xa, 0), entry_of(0));
	assert_null(xa_load(&xa, 0));
}

static void keys_at_the_edges_of_nodes_are_kept_apart(void **state)
{
	const u32 nr = ARRAY_SIZE(edge_keys);
	u64 index;
	void *entry;
	u32 i = 0;

	(void)state;
	/* From both ends inwards, so that the tree grows at the top more than once. */
	for (u32 k = 0; k < nr; k++) {
		u32 at = k % 2 ? nr - 1 - k / 2 : k / 2;

		assert_int_equal(xa_insert(m, &xa, edge_keys[at], entry_of(at)), 0);
	}
	xa_for_each(&xa, index, entry) {
		assert_true(index == edge_keys[i]);
		assert_ptr_equal(entry, entry_of(i));
		i++;
	}
	assert_int_equal(i, nr);
	for (i = 0; i < nr; i++)
		assert_ptr_equal(xa_load(&xa, edge_keys[i]), entry_of(i));
	assert_null(xa_load(&xa, 2));
	assert_null(xa_load(&xa, (1ull << 60) + 1));
	for (i = 0; i < nr; i++)
		assert_ptr_equal(xa_erase(m, &xa, edge_keys[i]), entry_of(i));
	assert_int_equal(nodes(), 0);
}

static void an_index_in_use_is_busy(void **state)
{
	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(edge_keys); i++) {
		assert_int_equal(xa_insert(m, &xa, edge_keys[i], entry_of(1)), 0);
		assert_int_equal(xa_insert(m, &xa, edge_keys[i], entry_of(2)), -EBUSY);
		assert_ptr_equal(xa_load(&xa, edge_keys[i]), entry_of(1));
	}
}

static void find_gives_the_next_entry_from_any_start(void **state)
{
	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(edge_keys); i++)
		xa_insert(m, &xa, edge_keys[i], entry_of(i));
	for (u32 i = 1; i < ARRAY_SIZE(edge_keys); i++) {
		u64 index = edge_keys[i - 1] + 1;

		assert_ptr_equal(xa_find(&xa, &index), entry_of(i));
		assert_true(index == edge_keys[i]);
	}
}

static void find_leaves_the_index_alone_when_there_is_nothing(void **state)
{
	u64 index = 70;

	(void)state;
	xa_insert(m, &xa, 3, entry_of(3));
	assert_null(xa_find(&xa, &index));
	assert_int_equal(index, 70);
	index = 4;
	assert_null(xa_find(&xa, &index));
	assert_int_equal(index, 4);
}

#define NR_KEYS	600

/* A key of the reference: small, large and huge ones. */
static u64 key(u32 i)
{
	u64 x = (i + 1) * 0x9e3779b97f4a7c15ull;

	switch (i % 4) {
	case 0:
		return i;
	case 1:
		return 100000 + i * 64ull;
	case 2:
		return x >> 24;
	default:
		return x;
	}
}

static int by_value(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return (x > y) - (x < y);
}

/* Everything that is in @in, in order, and nothing else. */
static void assert_holds(const bool *in)
{
	u64 want[NR_KEYS], index;
	u32 nr = 0, i = 0;
	void *entry;

	for (u32 k = 0; k < NR_KEYS; k++) {
		assert_ptr_equal(xa_load(&xa, key(k)), in[k] ? entry_of(k) : NULL);
		if (in[k])
			want[nr++] = key(k);
	}
	qsort(want, nr, sizeof(*want), by_value);
	xa_for_each(&xa, index, entry) {
		assert_true(i < nr);
		assert_true(index == want[i++]);
	}
	assert_int_equal(i, nr);
}

static void any_mix_of_operations_agrees_with_the_reference(void **state)
{
	bool in[NR_KEYS] = { false };
	u32 seed = 7;

	(void)state;
	for (u32 round = 0; round < 20000; round++) {
		u32 k;

		seed = seed * 1103515245 + 12345;
		k = (seed >> 8) % NR_KEYS;
		/* Fill first, then drain. */
		if ((seed >> 4) % 8 < (round < 10000 ? 6 : 2)) {
			assert_int_equal(xa_insert(m, &xa, key(k), entry_of(k)),
					 in[k] ? -EBUSY : 0);
			in[k] = true;
		} else {
			assert_ptr_equal(xa_erase(m, &xa, key(k)), in[k] ? entry_of(k) : NULL);
			in[k] = false;
		}
		if (round % 500 == 0)
			assert_holds(in);
	}
	for (u32 k = 0; k < NR_KEYS; k++)
		xa_erase(m, &xa, key(k));
	assert_int_equal(nodes(), 0);
}

/* What the heap takes for a node. */
#define NODE_ROOM	144

/* Insert @index with a full heap, then with room for one more node, and so on. */
static u32 assert_failed_insert_changes_nothing(u64 index)
{
	u64 reserved = m->heap.reserved;
	s64 before = nodes();
	u32 failures = 0;

	m->heap.reserved = m->heap.used;
	for (;; failures++) {
		struct xarray was = xa;
		int err = xa_insert(m, &xa, index, entry_of(index));

		if (!err)
			break;
		assert_int_equal(err, -ENOMEM);
		assert_int_equal(nodes(), before);
		assert_null(xa_load(&xa, index));
		assert_ptr_equal(xa.root, was.root);
		assert_int_equal(xa.shift, was.shift);
		assert_ptr_equal(xa.single, was.single);
		m->heap.reserved += NODE_ROOM;
	}
	m->heap.reserved = reserved;
	return failures;
}

static void a_failed_insert_leaves_an_empty_array_as_it_was(void **state)
{
	/* From the largest on: later keys find nodes that were freed. */
	u32 nr = ARRAY_SIZE(edge_keys);

	(void)state;
	assert_int_equal(assert_failed_insert_changes_nothing(edge_keys[nr - 1]), 16);
	xa_erase(m, &xa, edge_keys[nr - 1]);
	while (nr--) {
		assert_failed_insert_changes_nothing(edge_keys[nr]);
		xa_erase(m, &xa, edge_keys[nr]);
		assert_int_equal(nodes(), 0);
	}
}

static void a_failed_insert_leaves_a_filled_array_as_it_was(void **state)
{
	u32 failures = 0;

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(edge_keys); i++)
		failures += assert_failed_insert_changes_nothing(edge_keys[i]);
	assert_int_equal(failures, nodes());
	for (u32 i = 0; i < ARRAY_SIZE(edge_keys); i++)
		assert_ptr_equal(xa_load(&xa, edge_keys[i]), entry_of(edge_keys[i]));
}

static void a_node_that_cannot_be_had_is_asked_for_once_more(void **state)
{
	(void)state;
	for (u32 n = 1; n <= 16; n++) {
		fail_alloc(m, n);
		assert_int_equal(xa_insert(m, &xa, UINT64_MAX, entry_of(1)), 0);
		assert_true(fail_happened(m));
		xa_erase(m, &xa, UINT64_MAX);
	}
}

int main(void)
{
#define TEST(f)	cmocka_unit_test_setup_teardown(f, make_xarray, free_machine)
	const struct CMUnitTest tests[] = {
		TEST(an_empty_array_has_nothing),
		TEST(index_0_alone_needs_no_node),
		TEST(keys_at_the_edges_of_nodes_are_kept_apart),
		TEST(an_index_in_use_is_busy),
		TEST(find_gives_the_next_entry_from_any_start),
		TEST(find_leaves_the_index_alone_when_there_is_nothing),
		TEST(any_mix_of_operations_agrees_with_the_reference),
		TEST(a_failed_insert_leaves_an_empty_array_as_it_was),
		TEST(a_failed_insert_leaves_a_filled_array_as_it_was),
		TEST(a_node_that_cannot_be_had_is_asked_for_once_more),
	};

	return cmocka_run_group_tests_name("xarray", tests, NULL, NULL);
}
