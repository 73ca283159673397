/* SPDX-License-Identifier: GPL-2.0-only */
/* Chains of preserved blocks: growing, iterating, and chains that are corrupt. */
#include "machine-util.h"

#define PER_BLOCK	3
#define ENTRY_SIZE	80
#define MAX_BLOCKS	4

static struct kho_block_set bs;

static int make_set(void **state)
{
	(void)state;
	m = boot_limited("v7.3", LIMIT_BLOCKS, MAX_BLOCKS);
	kho_block_set_init(&bs, ENTRY_SIZE, PER_BLOCK);
	return 0;
}

static struct kho_block_header_ser header(phys_addr_t ser)
{
	struct kho_block_header_ser hdr;

	phys_read(m, ser, &hdr, sizeof(hdr));
	return hdr;
}

static void set_header(phys_addr_t ser, u64 next, u64 count)
{
	struct kho_block_header_ser hdr = { .next = next, .count = count };

	phys_write(m, ser, &hdr, sizeof(hdr));
}

/* Write the numbers from 1 on into @n entries. */
static void fill(u64 n)
{
	struct kho_block_set_it it;

	kho_block_set_it_init(&it, &bs);
	for (u64 i = 1; i <= n; i++) {
		phys_addr_t entry = kho_block_set_it_reserve_entry(m, &it);

		assert_int_not_equal(entry, 0);
		phys_write(m, entry, &i, sizeof(i));
	}
}

/* Does reading give the numbers from 1 to @n and then nothing? */
static void assert_reads_up_to(u64 n)
{
	struct kho_block_set_it it;
	phys_addr_t entry;
	u64 found = 0, nr;

	kho_block_set_it_init(&it, &bs);
	while ((entry = kho_block_set_it_read_entry(m, &it))) {
		phys_read(m, entry, &nr, sizeof(nr));
		assert_int_equal(nr, ++found);
	}
	assert_int_equal(found, n);
	assert_int_equal(kho_block_set_it_read_entry(m, &it), 0);
}

static void growing_adds_just_the_blocks_needed(void **state)
{
	s64 preserved = census(m, CENSUS_PRESERVED);

	(void)state;
	for (u64 n = 0; n <= MAX_BLOCKS * PER_BLOCK; n++) {
		assert_int_equal(kho_block_set_grow(m, &bs, n), 0);
		assert_int_equal(bs.nblocks, (n + PER_BLOCK - 1) / PER_BLOCK);
		assert_int_equal(census(m, CENSUS_PRESERVED) - preserved, bs.nblocks);
	}
	assert_int_equal(kho_block_set_grow(m, &bs, 1), 0);
	assert_int_equal(bs.nblocks, MAX_BLOCKS);
}

static void shrinking_keeps_just_the_blocks_needed(void **state)
{
	struct census before = m->ledger.now;

	(void)state;
	assert_int_equal(kho_block_set_grow(m, &bs, MAX_BLOCKS * PER_BLOCK), 0);
	for (u64 n = MAX_BLOCKS * PER_BLOCK; n > 0; n--) {
		kho_block_set_shrink(m, &bs, n);
		assert_int_equal(bs.nblocks, (n + PER_BLOCK - 1) / PER_BLOCK);
	}
	kho_block_set_shrink(m, &bs, 0);
	assert_int_equal(bs.nblocks, 0);
	assert_int_equal(bs.head_pa, 0);
	assert_same_census(&before, &m->ledger.now);
}

static void the_chain_in_memory_follows_the_set(void **state)
{
	struct kho_block_header_ser hdr;
	u64 n = 0;

	(void)state;
	assert_int_equal(kho_block_set_grow(m, &bs, 3 * PER_BLOCK), 0);
	kho_block_set_shrink(m, &bs, PER_BLOCK + 1);
	for (phys_addr_t ser = bs.head_pa; ser; ser = hdr.next, n++)
		hdr = header(ser);
	assert_int_equal(n, 2);
}

static void a_chain_that_cannot_grow_stays_as_it_was(void **state)
{
	u32 n;

	(void)state;
	assert_int_equal(kho_block_set_grow(m, &bs, 1), 0);
	for (n = 1;; n++) {
		struct census before = m->ledger.now;
		int err;

		fail_alloc(m, n);
		err = kho_block_set_grow(m, &bs, MAX_BLOCKS * PER_BLOCK);
		if (!fail_happened(m))
			break;
		assert_int_equal(err, -ENOMEM);
		assert_int_equal(bs.nblocks, 1);
		assert_int_equal(header(bs.head_pa).next, 0);
		assert_same_census(&before, &m->ledger.now);
	}
	/* A page and a struct for each of three blocks. */
	assert_int_equal(n, 7);
	assert_int_equal(bs.nblocks, MAX_BLOCKS);
}

static void the_limit_of_blocks_is_enospc(void **state)
{
	struct census before;

	(void)state;
	assert_int_equal(kho_block_set_grow(m, &bs, 2 * PER_BLOCK), 0);
	before = m->ledger.now;
	assert_int_equal(kho_block_set_grow(m, &bs, MAX_BLOCKS * PER_BLOCK + 1), -ENOSPC);
	assert_int_equal(bs.nblocks, 2);
	assert_same_census(&before, &m->ledger.now);
}

static void entries_are_written_and_read_in_order(void **state)
{
	(void)state;
	for (u64 n = 0; n <= MAX_BLOCKS * PER_BLOCK; n++) {
		kho_block_set_clear(m, &bs);
		assert_int_equal(kho_block_set_grow(m, &bs, n), 0);
		fill(n);
		assert_reads_up_to(n);
	}
}

static void entries_do_not_overlap_and_stay_in_their_page(void **state)
{
	phys_addr_t entry, last = 0;
	struct kho_block_set_it it;

	(void)state;
	assert_int_equal(kho_block_set_grow(m, &bs, 2 * PER_BLOCK), 0);
	kho_block_set_it_init(&it, &bs);
	while ((entry = kho_block_set_it_reserve_entry(m, &it))) {
		assert_true(entry % PAGE_SIZE >= sizeof(struct kho_block_header_ser));
		assert_true(entry % PAGE_SIZE + ENTRY_SIZE <= PAGE_SIZE);
		assert_true(entry / PAGE_SIZE != last / PAGE_SIZE || entry - last == ENTRY_SIZE);
		last = entry;
	}
}

static void a_full_set_has_no_entry_to_reserve(void **state)
{
	struct kho_block_set_it it;

	(void)state;
	kho_block_set_it_init(&it, &bs);
	assert_int_equal(kho_block_set_it_reserve_entry(m, &it), 0);
	assert_int_equal(kho_block_set_it_read_entry(m, &it), 0);
	assert_int_equal(kho_block_set_it_prev(&it), 0);
	assert_int_equal(kho_block_set_grow(m, &bs, PER_BLOCK), 0);
	kho_block_set_it_init(&it, &bs);
	for (u32 i = 0; i < PER_BLOCK; i++)
		assert_int_not_equal(kho_block_set_it_reserve_entry(m, &it), 0);
	assert_int_equal(kho_block_set_it_reserve_entry(m, &it), 0);
}

static void prev_walks_back_what_reserve_gave(void **state)
{
	phys_addr_t entry[2 * PER_BLOCK];
	struct kho_block_set_it it;

	(void)state;
	assert_int_equal(kho_block_set_grow(m, &bs, ARRAY_SIZE(entry)), 0);
	kho_block_set_it_init(&it, &bs);
	for (u32 i = 0; i < ARRAY_SIZE(entry); i++)
		entry[i] = kho_block_set_it_reserve_entry(m, &it);
	for (u32 i = ARRAY_SIZE(entry); i--; )
		assert_int_equal(kho_block_set_it_prev(&it), entry[i]);
	assert_int_equal(kho_block_set_it_prev(&it), 0);
}

static void clearing_empties_the_blocks_but_keeps_them(void **state)
{
	char zero[PAGE_SIZE - sizeof(struct kho_block_header_ser)] = { 0 }, buf[sizeof(zero)];

	(void)state;
	assert_int_equal(kho_block_set_grow(m, &bs, 2 * PER_BLOCK), 0);
	fill(2 * PER_BLOCK);
	kho_block_set_clear(m, &bs);
	assert_int_equal(bs.nblocks, 2);
	assert_int_equal(header(bs.head_pa).count, 0);
	assert_int_equal(header(header(bs.head_pa).next).count, 0);
	phys_read(m, bs.head_pa + sizeof(struct kho_block_header_ser), buf, sizeof(buf));
	assert_memory_equal(buf, zero, sizeof(zero));
}

/* Fill @n entries, kexec and forget the set; returns where the chain begins. */
static phys_addr_t hand_over(u64 n)
{
	phys_addr_t head;

	assert_int_equal(kho_block_set_grow(m, &bs, n), 0);
	fill(n);
	head = bs.head_pa;
	assert_int_equal(kexec(m), 0);
	kho_block_set_init(&bs, ENTRY_SIZE, PER_BLOCK);
	return head;
}

/* The physical address of each block of the chain. */
static u32 chain(phys_addr_t head, phys_addr_t *ser)
{
	u32 n = 0;

	for (; head; head = header(head).next)
		ser[n++] = head;
	return n;
}

static void the_next_kernel_reads_what_was_written(void **state)
{
	s64 incoming;
	phys_addr_t head;

	(void)state;
	head = hand_over(2 * PER_BLOCK + 1);
	incoming = census(m, CENSUS_INCOMING);
	assert_int_equal(kho_block_set_restore(m, &bs, head), 0);
	assert_int_equal(bs.nblocks, 3);
	assert_reads_up_to(2 * PER_BLOCK + 1);
	kho_block_set_destroy(m, &bs);
	assert_int_equal(incoming - census(m, CENSUS_INCOMING), 3);
	assert_int_equal(seen.warns, 0);
}

static void an_empty_chain_is_restored_as_an_empty_set(void **state)
{
	(void)state;
	assert_int_equal(kho_block_set_restore(m, &bs, 0), 0);
	assert_true(bs.incoming);
	assert_reads_up_to(0);
}

static void an_incoming_set_does_not_grow(void **state)
{
	(void)state;
	assert_int_equal(kho_block_set_restore(m, &bs, 0), 0);
	assert_int_equal(kho_block_set_grow(m, &bs, 1), -EINVAL);
	assert_string_equal(seen.warn, "kho_block_set_grow");
	assert_int_equal(kho_block_set_grow(m, &bs, 1), -EINVAL);
	assert_int_equal(seen.warns, 1);
}

static void an_incoming_set_shrinks_by_restoring(void **state)
{
	phys_addr_t head;
	s64 incoming;

	(void)state;
	head = hand_over(2 * PER_BLOCK);
	incoming = census(m, CENSUS_INCOMING);
	assert_int_equal(kho_block_set_restore(m, &bs, head), 0);
	kho_block_set_shrink(m, &bs, PER_BLOCK);
	assert_int_equal(bs.nblocks, 1);
	assert_int_equal(incoming - census(m, CENSUS_INCOMING), 1);
}

/* A chain that is refused: nothing of it stays behind in @bs. */
static void assert_refused(phys_addr_t head, int err, const char *log)
{
	s64 objects = census(m, CENSUS_OBJECTS);

	assert_int_equal(kho_block_set_restore(m, &bs, head), err);
	if (log)
		assert_string_equal(seen.log, log);
	assert_int_equal(bs.nblocks, 0);
	assert_int_equal(bs.head_pa, 0);
	assert_int_equal(census(m, CENSUS_OBJECTS), objects);
}

static void a_cyclic_chain_is_refused_and_left_alone(void **state)
{
	/* Which block of four the last one leads back to. */
	for (u32 back = 0; back < 4; back++) {
		phys_addr_t ser[MAX_BLOCKS], head;
		s64 incoming;

		if (back) {
			free_machine(state);
			make_set(state);
		}
		head = hand_over(4 * PER_BLOCK);
		assert_int_equal(chain(head, ser), 4);
		set_header(ser[3], ser[back], PER_BLOCK);
		incoming = census(m, CENSUS_INCOMING);
		assert_refused(head, -EINVAL, "luo: Block set is corrupted");
		assert_int_equal(census(m, CENSUS_INCOMING), incoming);
		assert_int_equal(seen.warns, 0);
	}
}

static void a_block_that_leads_to_itself_is_cyclic(void **state)
{
	phys_addr_t head = hand_over(1);

	(void)state;
	set_header(head, head, 1);
	assert_refused(head, -EINVAL, "luo: Block set is corrupted");
}

/* A next kernel that takes fewer blocks than this one gives. */
static void limit_next(u64 blocks)
{
	struct boot next = m->k->boot;

	next.release.limit[LIMIT_BLOCKS] = blocks;
	machine_set_next(m, &next);
}

static void a_chain_that_is_a_little_too_long_is_enospc_and_freed(void **state)
{
	s64 incoming;
	phys_addr_t head;

	(void)state;
	limit_next(3);
	head = hand_over(4 * PER_BLOCK);
	incoming = census(m, CENSUS_INCOMING);
	assert_refused(head, -ENOSPC, NULL);
	assert_int_equal(incoming - census(m, CENSUS_INCOMING), 4);
	assert_int_equal(seen.warns, 0);
}

static void a_chain_of_twice_the_limit_is_taken_for_a_cycle(void **state)
{
	s64 incoming;
	phys_addr_t head;

	(void)state;
	limit_next(1);
	head = hand_over(4 * PER_BLOCK);
	incoming = census(m, CENSUS_INCOMING);
	assert_refused(head, -EINVAL, "luo: Block set is corrupted");
	assert_int_equal(census(m, CENSUS_INCOMING), incoming);
}

static void a_bad_count_is_refused_and_the_chain_freed(void **state)
{
	static const u64 counts[] = { 0, PER_BLOCK + 1, UINT64_MAX };

	for (u32 i = 0; i < ARRAY_SIZE(counts); i++) {
		for (u32 at = 0; at < 3; at++) {
			phys_addr_t ser[MAX_BLOCKS], head;
			s64 incoming;
			char log[80];

			free_machine(state);
			make_set(state);
			head = hand_over(3 * PER_BLOCK);
			chain(head, ser);
			set_header(ser[at], header(ser[at]).next, counts[i]);
			incoming = census(m, CENSUS_INCOMING);
			snprintf(log, sizeof(log), "luo: Block contains invalid entry "
				 "count: %llu", (unsigned long long)counts[i]);
			assert_refused(head, -EINVAL, log);
			assert_int_equal(incoming - census(m, CENSUS_INCOMING), 3);
			assert_int_equal(seen.warns, 0);
		}
	}
}

static void a_chain_without_memory_for_it_is_freed(void **state)
{
	for (u32 n = 1; n <= 3; n++) {
		phys_addr_t head;
		s64 incoming;

		free_machine(state);
		make_set(state);
		head = hand_over(3 * PER_BLOCK);
		incoming = census(m, CENSUS_INCOMING);
		fail_alloc(m, n);
		assert_refused(head, -ENOMEM, NULL);
		assert_int_equal(incoming - census(m, CENSUS_INCOMING), 3);
	}
}

static void a_chain_that_leads_out_of_memory_stops_the_machine(void **state)
{
	phys_addr_t head = hand_over(1);

	(void)state;
	set_header(head, 1ull << 50, 1);
	assert_true(panics(m, kho_block_set_restore(m, &bs, head)));
}

int main(void)
{
#define TEST(f)	cmocka_unit_test_setup_teardown(f, make_set, free_machine)
	const struct CMUnitTest tests[] = {
		TEST(growing_adds_just_the_blocks_needed),
		TEST(shrinking_keeps_just_the_blocks_needed),
		TEST(the_chain_in_memory_follows_the_set),
		TEST(a_chain_that_cannot_grow_stays_as_it_was),
		TEST(the_limit_of_blocks_is_enospc),
		TEST(entries_are_written_and_read_in_order),
		TEST(entries_do_not_overlap_and_stay_in_their_page),
		TEST(a_full_set_has_no_entry_to_reserve),
		TEST(prev_walks_back_what_reserve_gave),
		TEST(clearing_empties_the_blocks_but_keeps_them),
		TEST(the_next_kernel_reads_what_was_written),
		TEST(an_empty_chain_is_restored_as_an_empty_set),
		TEST(an_incoming_set_does_not_grow),
		TEST(an_incoming_set_shrinks_by_restoring),
		TEST(a_cyclic_chain_is_refused_and_left_alone),
		TEST(a_block_that_leads_to_itself_is_cyclic),
		TEST(a_chain_that_is_a_little_too_long_is_enospc_and_freed),
		TEST(a_chain_of_twice_the_limit_is_taken_for_a_cycle),
		TEST(a_bad_count_is_refused_and_the_chain_freed),
		TEST(a_chain_without_memory_for_it_is_freed),
		TEST(a_chain_that_leads_out_of_memory_stops_the_machine),
	};

	return cmocka_run_group_tests_name("kho-block", tests, NULL, NULL);
}
