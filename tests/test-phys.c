/* SPDX-License-Identifier: GPL-2.0-only */
/* What page frames hold: spans, full pages, zeroes and garbage. */
#include "machine-util.h"

static u64 pfn;			/* the first of four frames that are zero */

static int make_frames(void **state)
{
	struct folio *folio;

	(void)state;
	m = boot("v7.3");
	folio = folio_alloc(m, GFP_KERNEL | __GFP_ZERO, 2);
	pfn = folio_pfn(m, folio);
	return 0;
}

static u64 bytes_used(void)
{
	struct machine_stats stats;

	machine_stats(m, &stats);
	return stats.bytes;
}

/* A frame and what it should hold, written to side by side. */
struct shadow {
	u8 bytes[4 * PAGE_SIZE];
};

static void write_both(struct shadow *s, u32 off, const void *buf, u32 len)
{
	memcpy(s->bytes + off, buf, len);
	phys_write(m, PFN_PHYS(pfn) + off, buf, len);
}

static void zero_both(struct shadow *s, u32 off, u32 len)
{
	memset(s->bytes + off, 0, len);
	phys_zero(m, PFN_PHYS(pfn) + off, len);
}

static void assert_equal_at(const struct shadow *s, u32 off, u32 len)
{
	u8 buf[4 * PAGE_SIZE];

	phys_read(m, PFN_PHYS(pfn) + off, buf, len);
	assert_memory_equal(buf, s->bytes + off, len);
}

static void an_unwritten_frame_is_zero_and_costs_nothing(void **state)
{
	struct shadow s = { 0 };
	u64 before = bytes_used();

	(void)state;
	assert_equal_at(&s, 0, sizeof(s.bytes));
	phys_write(m, PFN_PHYS(pfn), s.bytes, sizeof(s.bytes));
	phys_zero(m, PFN_PHYS(pfn) + 100, 200);
	assert_int_equal(bytes_used(), before);
}

static void a_span_grows_upwards(void **state)
{
	struct shadow s = { 0 };

	(void)state;
	for (u32 off = 1000; off < PAGE_SIZE; off += 40) {
		write_both(&s, off, "abcd", 4);
		assert_equal_at(&s, 0, PAGE_SIZE);
	}
}

static void a_span_grows_downwards(void **state)
{
	struct shadow s = { 0 };

	(void)state;
	for (u32 off = 3000; off >= 40; off -= 40) {
		write_both(&s, off, "wxyz", 4);
		assert_equal_at(&s, 0, PAGE_SIZE);
	}
}

static void a_few_bytes_cost_much_less_than_a_page(void **state)
{
	u64 before;

	(void)state;
	before = bytes_used();
	phys_write(m, PFN_PHYS(pfn), "span", 4);
	phys_write(m, PFN_PHYS(pfn + 1) + 4000, "span", 4);
	assert_true(bytes_used() - before <= 128);
}

static void a_full_page_keeps_every_byte(void **state)
{
	struct shadow s = { 0 };

	(void)state;
	for (u32 i = 0; i < PAGE_SIZE; i++)
		s.bytes[i] = i * 7 + 1;
	write_both(&s, 0, s.bytes, PAGE_SIZE);
	write_both(&s, 4095, "x", 1);
	write_both(&s, 0, "y", 1);
	zero_both(&s, 17, 100);
	assert_equal_at(&s, 0, PAGE_SIZE);
	assert_equal_at(&s, 4000, 96);
}

static void an_access_may_cross_frames(void **state)
{
	struct shadow s = { 0 };
	char text[2 * PAGE_SIZE];

	(void)state;
	memset(text, 't', sizeof(text));
	write_both(&s, 4090, text, 12);
	assert_equal_at(&s, 4000, 200);
	write_both(&s, 4000, text, sizeof(text));
	assert_equal_at(&s, 0, sizeof(s.bytes));
	zero_both(&s, 4050, PAGE_SIZE + 100);
	assert_equal_at(&s, 0, sizeof(s.bytes));
}

static void any_mix_of_accesses_reads_as_plain_memory_does(void **state)
{
	struct shadow s = { 0 };
	u32 seed = 1;

	(void)state;
	for (u32 round = 0; round < 2000; round++) {
		u8 buf[PAGE_SIZE];
		u32 off, len;

		seed = seed * 1103515245 + 12345;
		off = (seed >> 8) % (3 * PAGE_SIZE);
		seed = seed * 1103515245 + 12345;
		len = 1 + (seed >> 8) % (round % 16 ? 60 : PAGE_SIZE);
		memset(buf, round, sizeof(buf));
		if (round % 5)
			write_both(&s, off, buf, len);
		else
			zero_both(&s, off, len);
		assert_equal_at(&s, 0, sizeof(s.bytes));
	}
}

static void a_scrambled_frame_reads_as_the_same_garbage_every_time(void **state)
{
	u8 first[PAGE_SIZE], again[PAGE_SIZE], other[PAGE_SIZE], zero[PAGE_SIZE] = { 0 };

	(void)state;
	phys_drop(m, pfn, true);
	phys_drop(m, pfn + 1, true);
	phys_read(m, PFN_PHYS(pfn), first, PAGE_SIZE);
	phys_read(m, PFN_PHYS(pfn), again, PAGE_SIZE);
	phys_read(m, PFN_PHYS(pfn + 1), other, PAGE_SIZE);
	assert_memory_equal(first, again, PAGE_SIZE);
	assert_memory_not_equal(first, other, PAGE_SIZE);
	assert_memory_not_equal(first, zero, PAGE_SIZE);
}

static void what_is_written_to_a_scrambled_frame_lies_in_its_garbage(void **state)
{
	struct shadow s;

	(void)state;
	phys_drop(m, pfn, true);
	phys_read(m, PFN_PHYS(pfn), s.bytes, PAGE_SIZE);
	write_both(&s, 2000, "island", 6);
	write_both(&s, 2100, "another", 7);
	write_both(&s, 1900, "third", 5);
	zero_both(&s, 3000, 50);
	assert_equal_at(&s, 0, PAGE_SIZE);
	zero_both(&s, 0, PAGE_SIZE);
	assert_equal_at(&s, 0, PAGE_SIZE);
}

static void zeroes_are_stored_in_a_scrambled_frame(void **state)
{
	struct shadow s;

	(void)state;
	phys_drop(m, pfn, true);
	phys_read(m, PFN_PHYS(pfn), s.bytes, PAGE_SIZE);
	write_both(&s, 64, "\0\0\0\0\0\0\0\0", 8);
	assert_equal_at(&s, 0, PAGE_SIZE);
}

static void dropping_gives_the_memory_back(void **state)
{
	char page[PAGE_SIZE];
	u64 before;

	(void)state;
	memset(page, 'p', sizeof(page));
	phys_write(m, PFN_PHYS(pfn), page, sizeof(page));
	before = bytes_used();
	for (int i = 0; i < 100; i++) {
		phys_drop(m, pfn, false);
		phys_write(m, PFN_PHYS(pfn), page, sizeof(page));
	}
	assert_int_equal(bytes_used(), before);
}

static void the_hash_depends_on_bytes_alone(void **state)
{
	char page[PAGE_SIZE] = { 0 };
	u64 hash;

	(void)state;
	assert_int_equal(phys_hash(m, PFN_PHYS(pfn), PAGE_SIZE, 5), 0);
	phys_write(m, PFN_PHYS(pfn) + 9, "x", 1);
	hash = phys_hash(m, PFN_PHYS(pfn), PAGE_SIZE, 5);
	assert_int_not_equal(hash, 0);
	assert_int_not_equal(hash, phys_hash(m, PFN_PHYS(pfn), PAGE_SIZE, 6));
	/* The same bytes as a page that is stored in full, and somewhere else. */
	page[9] = 'x';
	phys_drop(m, pfn + 1, true);
	phys_write(m, PFN_PHYS(pfn + 1), page, PAGE_SIZE);
	assert_int_equal(phys_hash(m, PFN_PHYS(pfn + 1), PAGE_SIZE, 5), hash);
	/* Written and zeroed again is the same as never written. */
	phys_write(m, PFN_PHYS(pfn) + 9, "\0", 1);
	assert_int_equal(phys_hash(m, PFN_PHYS(pfn), PAGE_SIZE, 5), 0);
}

static void an_address_beyond_memory_stops_the_machine(void **state)
{
	char byte;

	(void)state;
	assert_false(panics(m, phys_read(m, 64 * MIB - 1, &byte, 1)));
	assert_true(panics(m, phys_read(m, 64 * MIB, &byte, 1)));
	assert_string_equal(seen.panic, "Fatal exception");
	assert_true(machine_panicked(m));
}

static void an_access_that_runs_off_the_end_stops_the_machine(void **state)
{
	(void)state;
	assert_true(panics(m, phys_write(m, 64 * MIB - 4, "12345678", 8)));
}

static void the_highest_address_stops_the_machine(void **state)
{
	(void)state;
	assert_true(panics(m, phys_zero(m, UINT64_MAX, 1)));
}

int main(void)
{
#define TEST(f)	cmocka_unit_test_setup_teardown(f, make_frames, free_machine)
	const struct CMUnitTest tests[] = {
		TEST(an_unwritten_frame_is_zero_and_costs_nothing),
		TEST(a_span_grows_upwards),
		TEST(a_span_grows_downwards),
		TEST(a_few_bytes_cost_much_less_than_a_page),
		TEST(a_full_page_keeps_every_byte),
		TEST(an_access_may_cross_frames),
		TEST(any_mix_of_accesses_reads_as_plain_memory_does),
		TEST(a_scrambled_frame_reads_as_the_same_garbage_every_time),
		TEST(what_is_written_to_a_scrambled_frame_lies_in_its_garbage),
		TEST(zeroes_are_stored_in_a_scrambled_frame),
		TEST(dropping_gives_the_memory_back),
		TEST(the_hash_depends_on_bytes_alone),
		TEST(an_address_beyond_memory_stops_the_machine),
		TEST(an_access_that_runs_off_the_end_stops_the_machine),
		TEST(the_highest_address_stops_the_machine),
	};

	return cmocka_run_group_tests_name("phys", tests, NULL, NULL);
}
