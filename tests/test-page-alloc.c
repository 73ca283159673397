/* SPDX-License-Identifier: GPL-2.0-only */
/* The buddy allocator: splitting, merging, exhaustion, references and pins. */
#include <stdlib.h>

#include "machine-util.h"

/* Free blocks of each order. */
struct free_blocks {
	u64 nr[MAX_PAGE_ORDER + 1];
};

static struct free_blocks count_free(void)
{
	struct free_blocks blocks = { 0 };

	for (u32 order = 0; order <= MAX_PAGE_ORDER; order++)
		for (u64 pfn = m->k->free_list[MIGRATE_MOVABLE][order]; pfn; blocks.nr[order]++)
			pfn = m->memmap[pfn - 1].buddy.next;
	blocks.nr[MAX_PAGE_ORDER] += (m->k->fresh_end - m->k->fresh) >> MAX_PAGE_ORDER;
	return blocks;
}

static void assert_same_blocks(const struct free_blocks *before)
{
	struct free_blocks now = count_free();
	u64 pages = 0;

	for (u32 order = 0; order <= MAX_PAGE_ORDER; order++) {
		assert_int_equal(now.nr[order], before->nr[order]);
		pages += now.nr[order] << order;
	}
	assert_int_equal(pages, nr_free(m));
}

static void a_block_of_each_order_is_aligned_and_counted(void **state)
{
	(void)state;
	for (unsigned int order = 0; order <= MAX_PAGE_ORDER; order++) {
		s64 frames = census(m, CENSUS_FRAMES);
		u64 free = nr_free(m);
		struct folio *folio = folio_alloc(m, GFP_KERNEL, order);

		assert_non_null(folio);
		assert_int_equal(folio_order(folio), order);
		assert_int_equal(folio_pfn(m, folio) % (1ull << order), 0);
		assert_int_equal(free - nr_free(m), 1ull << order);
		assert_int_equal(census(m, CENSUS_FRAMES) - frames, 1ll << order);
	}
}

static void freed_buddies_merge_to_the_highest_order(void **state)
{
	struct free_blocks before = count_free();
	struct folio *folio[3000];

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(folio); i++)
		folio[i] = folio_alloc(m, GFP_KERNEL, i % 3);
	/* In an order that leaves no block's buddy free at once. */
	for (u32 step = 0; step < 7; step++)
		for (u32 i = step; i < ARRAY_SIZE(folio); i += 7)
			folio_put(m, folio[i]);
	assert_same_blocks(&before);
}

static void a_block_is_split_only_as_far_as_needed(void **state)
{
	struct free_blocks before = count_free(), after;
	struct folio *folio = folio_alloc(m, GFP_KERNEL, 9);

	(void)state;
	after = count_free();
	/* The boot allocations already cut one block of the highest order. */
	assert_int_equal(before.nr[9] + 2 * before.nr[10] - 1, after.nr[9] + 2 * after.nr[10]);
	for (u32 order = 0; order < 9; order++)
		assert_int_equal(after.nr[order], before.nr[order]);
	folio_put(m, folio);
	assert_same_blocks(&before);
}

static void no_frame_is_handed_out_twice_and_frame_0_never(void **state)
{
	u8 *taken = calloc(m->nr_frames, 1);
	u64 total = nr_free(m), n = 0;
	struct folio *folio;

	(void)state;
	while ((folio = folio_alloc(m, GFP_KERNEL, 0))) {
		u64 pfn = folio_pfn(m, folio);

		assert_int_not_equal(pfn, 0);
		assert_int_equal(taken[pfn]++, 0);
		n++;
	}
	assert_int_equal(n, total);
	assert_int_equal(nr_free(m), 0);
	free(taken);
}

static void an_exhausted_allocator_recovers(void **state)
{
	struct free_blocks before = count_free();
	u32 *pfns = calloc(m->nr_frames, sizeof(u32)), n = 0;
	struct folio *folio;

	(void)state;
	while ((folio = folio_alloc(m, GFP_KERNEL, 0)))
		pfns[n++] = folio_pfn(m, folio);
	assert_null(folio_alloc(m, GFP_KERNEL, 3));
	while (n--)
		folio_put(m, pfn_folio(m, pfns[n]));
	assert_same_blocks(&before);
	free(pfns);
}

static void single_pages_in_use_keep_a_large_block_from_being_found(void **state)
{
	struct folio *big, *small = NULL;
	u32 n = 0;

	(void)state;
	while ((big = folio_alloc(m, GFP_KERNEL, MAX_PAGE_ORDER))) {
		folio_put(m, big);
		small = folio_alloc(m, GFP_KERNEL, 0);
		/* Use up what the split left, but for one page. */
		while (m->k->free_list[MIGRATE_MOVABLE][0])
			folio_alloc(m, GFP_KERNEL, 0);
		n++;
	}
	assert_true(n > 0);
	assert_non_null(small);
	assert_true(nr_free(m) > 0);
}

static void scratch_memory_is_never_handed_out(void **state)
{
	const struct kho_scratch *scratch = &m->k->kho.scratch;
	struct folio *folio;

	(void)state;
	assert_true(scratch->size > 0);
	while ((folio = folio_alloc(m, GFP_KERNEL, 0)))
		assert_true(folio_phys(m, folio) + PAGE_SIZE <= scratch->addr ||
			    folio_phys(m, folio) >= scratch->addr + scratch->size);
}

static void a_zeroed_block_is_zero_after_use(void **state)
{
	char buf[4 * PAGE_SIZE];
	struct folio *folio = folio_alloc(m, GFP_KERNEL, 2);
	u64 pfn = folio_pfn(m, folio);

	(void)state;
	memset(buf, 'x', sizeof(buf));
	phys_write(m, PFN_PHYS(pfn), buf, sizeof(buf));
	folio_put(m, folio);
	folio = folio_alloc(m, GFP_KERNEL | __GFP_ZERO, 2);
	assert_int_equal(folio_pfn(m, folio), pfn);
	phys_read(m, PFN_PHYS(pfn), buf, sizeof(buf));
	for (u32 i = 0; i < sizeof(buf); i++)
		assert_int_equal(buf[i], 0);
}

static void a_block_that_is_not_zeroed_holds_what_it_held(void **state)
{
	struct folio *folio = folio_alloc(m, GFP_KERNEL, 0);
	phys_addr_t phys = folio_phys(m, folio);
	char buf[6];

	(void)state;
	phys_write(m, phys, "secret", 6);
	folio_put(m, folio);
	folio = folio_alloc(m, GFP_KERNEL, 0);
	assert_int_equal(folio_phys(m, folio), phys);
	phys_read(m, phys, buf, sizeof(buf));
	assert_memory_equal(buf, "secret", 6);
}

static void tail_pages_are_marked_and_freed_with_the_head(void **state)
{
	struct folio *folio = folio_alloc(m, GFP_KERNEL, 3);
	u64 pfn = folio_pfn(m, folio);

	(void)state;
	assert_false(m->memmap[pfn].flags & PG_TAIL);
	for (u32 i = 1; i < 8; i++)
		assert_true(m->memmap[pfn + i].flags & PG_TAIL);
	folio_put(m, folio);
	for (u32 i = 1; i < 8; i++)
		assert_false(m->memmap[pfn + i].flags & PG_TAIL);
}

static void the_last_reference_frees(void **state)
{
	struct folio *folio = folio_alloc(m, GFP_KERNEL, 1);
	u64 free = nr_free(m);

	(void)state;
	folio_get(folio);
	folio_put(m, folio);
	assert_int_equal(nr_free(m), free);
	folio_put(m, folio);
	assert_int_equal(nr_free(m), free + 2);
}

static void a_pin_keeps_the_folio_and_is_counted(void **state)
{
	struct folio *folio = folio_alloc(m, GFP_KERNEL, 0);
	u64 free = nr_free(m);

	(void)state;
	folio_pin(m, folio);
	folio_pin(m, folio);
	assert_int_equal(census(m, CENSUS_PINS), 2);
	folio_put(m, folio);
	unpin_folio(m, folio);
	assert_int_equal(nr_free(m), free);
	unpin_folio(m, folio);
	assert_int_equal(census(m, CENSUS_PINS), 0);
	assert_int_equal(nr_free(m), free + 1);
}

static void the_halves_of_a_split_folio_live_on_their_own(void **state)
{
	struct free_blocks before = count_free();
	struct folio *lower = folio_alloc(m, GFP_KERNEL, 4), *upper;

	(void)state;
	lower->page.index = 100;
	lower->page.flags |= PG_DIRTY;
	upper = folio_split(lower);
	assert_int_equal(folio_order(lower), 3);
	assert_int_equal(folio_order(upper), 3);
	assert_int_equal(folio_pfn(m, upper), folio_pfn(m, lower) + 8);
	assert_int_equal(upper->page.index, 108);
	assert_true(upper->page.flags & PG_DIRTY);
	assert_false(upper->page.flags & PG_TAIL);
	folio_put(m, lower);
	assert_int_equal(folio_order(upper), 3);
	folio_put(m, upper);
	assert_same_blocks(&before);
}

static void untracked_pages_are_not_in_the_census(void **state)
{
	s64 frames = census(m, CENSUS_FRAMES);
	phys_addr_t page = get_zeroed_page(m, __GFP_UNTRACKED);
	u64 free = nr_free(m);

	(void)state;
	assert_int_equal(census(m, CENSUS_FRAMES), frames);
	free_page(m, page);
	assert_int_equal(census(m, CENSUS_FRAMES), frames);
	assert_int_equal(nr_free(m), free + 1);
}

static void the_nth_allocation_fails_once(void **state)
{
	(void)state;
	fail_alloc(m, 3);
	assert_non_null(folio_alloc(m, GFP_KERNEL, 0));
	assert_non_null(kzalloc(m, 8));
	assert_false(fail_happened(m));
	assert_null(folio_alloc(m, GFP_KERNEL, 0));
	assert_true(fail_happened(m));
	assert_non_null(folio_alloc(m, GFP_KERNEL, 0));
}

static void the_next_kernel_has_all_memory_back(void **state)
{
	u64 free = nr_free(m);
	struct free_blocks before = count_free();

	(void)state;
	/* LUO and KHO hand some pages over: compare the second kernel with the third. */
	assert_int_equal(kexec(m), 0);
	for (int i = 0; i < 1000; i++)
		folio_alloc(m, GFP_KERNEL, i % 4);
	free = nr_free(m) + 15 * 250;
	assert_int_equal(kexec(m), 0);
	assert_int_equal(nr_free(m), free);
	assert_int_equal(before.nr[10] - count_free().nr[10] <= 1, 1);
}

static void a_frame_number_beyond_memory_stops_the_machine(void **state)
{
	(void)state;
	assert_false(pfn_valid(m, m->nr_frames));
	assert_true(pfn_valid(m, m->nr_frames - 1));
	assert_true(panics(m, pfn_to_page(m, m->nr_frames)));
}

int main(void)
{
#define TEST(f)	cmocka_unit_test_setup_teardown(f, make_machine, free_machine)
	const struct CMUnitTest tests[] = {
		TEST(a_block_of_each_order_is_aligned_and_counted),
		TEST(freed_buddies_merge_to_the_highest_order),
		TEST(a_block_is_split_only_as_far_as_needed),
		TEST(no_frame_is_handed_out_twice_and_frame_0_never),
		TEST(an_exhausted_allocator_recovers),
		TEST(single_pages_in_use_keep_a_large_block_from_being_found),
		TEST(scratch_memory_is_never_handed_out),
		TEST(a_zeroed_block_is_zero_after_use),
		TEST(a_block_that_is_not_zeroed_holds_what_it_held),
		TEST(tail_pages_are_marked_and_freed_with_the_head),
		TEST(the_last_reference_frees),
		TEST(a_pin_keeps_the_folio_and_is_counted),
		TEST(the_halves_of_a_split_folio_live_on_their_own),
		TEST(untracked_pages_are_not_in_the_census),
		TEST(the_nth_allocation_fails_once),
		TEST(the_next_kernel_has_all_memory_back),
		TEST(a_frame_number_beyond_memory_stops_the_machine),
	};

	return cmocka_run_group_tests_name("page-alloc", tests, NULL, NULL);
}
