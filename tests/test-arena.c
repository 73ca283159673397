/* SPDX-License-Identifier: GPL-2.0-only */
/* Arenas: what they hand out, take back and refuse. */
#include "machine-util.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define unusable(ptr)	__asan_address_is_poisoned(ptr)
#else
#define unusable(ptr)	((void)(ptr), true)
#endif

#define ARENA_SIZE	(8 * MIB)

static int make_arena(void **state)
{
	static struct arena a;

	*state = &a;
	return arena_init(&a, ARENA_SIZE);
}

static int destroy_arena(void **state)
{
	arena_destroy(*state);
	return 0;
}

static bool is_filled(const u8 *ptr, u64 size, u8 byte)
{
	for (u64 i = 0; i < size; i++)
		if (ptr[i] != byte)
			return false;
	return true;
}

static void objects_of_all_sizes_are_zero_and_apart(void **state)
{
	static const u64 sizes[] = { 0, 1, 15, 16, 17, 64, 512, 1023, 1024, 1025, 4096, 65536 };
	struct arena *a = *state;
	u8 *ptr[ARRAY_SIZE(sizes)];

	for (u32 i = 0; i < ARRAY_SIZE(sizes); i++) {
		ptr[i] = arena_alloc(a, sizes[i]);
		assert_non_null(ptr[i]);
		assert_int_equal((uintptr_t)ptr[i] % 16, 0);
		assert_true(is_filled(ptr[i], sizes[i], 0));
		memset(ptr[i], i + 1, sizes[i]);
	}
	for (u32 i = 0; i < ARRAY_SIZE(sizes); i++)
		assert_true(is_filled(ptr[i], sizes[i], i + 1));
	assert_int_equal(a->live, ARRAY_SIZE(sizes));
}

static void a_freed_object_is_handed_out_again_and_zero(void **state)
{
	static const u64 sizes[] = { 1, 100, 1024, 1025, 5000 };
	struct arena *a = *state;

	for (u32 i = 0; i < ARRAY_SIZE(sizes); i++) {
		u8 *ptr = arena_alloc(a, sizes[i]);
		u64 used = a->used;

		memset(ptr, 0xff, sizes[i]);
		arena_free(a, ptr, sizes[i]);
		assert_true(unusable(ptr));
		assert_ptr_equal(arena_alloc(a, sizes[i]), ptr);
		assert_true(is_filled(ptr, sizes[i], 0));
		assert_int_equal(a->used, used);
	}
}

static void objects_of_one_class_share_the_free_list(void **state)
{
	struct arena *a = *state;
	void *ptr = arena_alloc(a, 33);

	arena_free(a, ptr, 33);
	assert_ptr_not_equal(arena_alloc(a, 49), ptr);
	assert_ptr_not_equal(arena_alloc(a, 32), ptr);
	assert_ptr_equal(arena_alloc(a, 48), ptr);
}

static void the_byte_after_an_object_is_unusable(void **state)
{
	u8 *ptr = arena_alloc(*state, 20);

	assert_true(unusable(ptr + 20));
	assert_true(unusable(ptr + 31));
}

static void a_full_arena_gives_null_until_something_is_freed(void **state)
{
	struct arena *a = *state;
	void *last = NULL, *ptr;
	u32 n = 0;

	while ((ptr = arena_alloc(a, 64 * 1024))) {
		last = ptr;
		n++;
	}
	assert_int_equal(n, ARENA_SIZE / (64 * 1024));
	assert_null(arena_alloc(a, 1));
	assert_null(arena_alloc_untouched(a, 1));
	arena_free(a, last, 64 * 1024);
	assert_ptr_equal(arena_alloc(a, 64 * 1024), last);
}

static void absurd_sizes_are_refused(void **state)
{
	assert_null(arena_alloc(*state, ARENA_SIZE + 1));
	assert_null(arena_alloc(*state, 1ull << 40));
	assert_null(arena_alloc(*state, UINT64_MAX));
}

static void reset_forgets_all_and_repeats_the_addresses(void **state)
{
	struct arena *a = *state;
	char *first = arena_alloc(a, 40), *second = arena_alloc(a, 4000);

	memset(second, 0xff, 4000);
	arena_free(a, first, 40);
	arena_reset(a);
	assert_int_equal(a->live, 0);
	assert_int_equal(a->used, 0);
	assert_true(unusable(second));
	assert_ptr_equal(arena_alloc(a, 40), first);
	assert_ptr_equal(arena_alloc(a, 4000), second);
	assert_true(is_filled((u8 *)second, 4000, 0));
}

static void untouched_memory_is_zero_and_apart(void **state)
{
	struct arena *a = *state;
	u8 *big = arena_alloc_untouched(a, 1000001), *next = arena_alloc(a, 16);

	assert_true(is_filled(big, 1000001, 0));
	memset(big, 0xff, 1000001);
	assert_true(is_filled(next, 16, 0));
}

/* Sparse copies are of groups of 16 KiB, in blocks of 256 bytes. */
static void a_copy_tells_what_was_changed_since(void **state)
{
	static const u64 at[] = { 0, 255, 256, 5000, 16383, 16384, 33000, 40000 };
	struct arena *a = *state;
	u8 *mem = arena_alloc_for_good(a, 40001);
	char *copy = test_malloc(2 * 40001);

	memset(mem + 5000, 0xff, 3000);
	for (u32 i = 0; i < 2 * ARRAY_SIZE(at); i++) {
		u8 *byte = &mem[at[i / 2]];
		const char *end, *p = copy;

		a->sparse = i & 1;
		end = arena_save(a, 0, copy);
		assert_true(arena_is_at(a, 0, a, &p));
		assert_ptr_equal(p, end);
		*byte ^= 1;
		p = copy;
		assert_false(arena_is_at(a, 0, a, &p));
		*byte ^= 1;
		p = copy;
		assert_true(arena_is_at(a, 0, a, &p));
	}
	test_free(copy);
}

int main(void)
{
#define TEST(f)	cmocka_unit_test_setup_teardown(f, make_arena, destroy_arena)
	const struct CMUnitTest tests[] = {
		TEST(objects_of_all_sizes_are_zero_and_apart),
		TEST(a_freed_object_is_handed_out_again_and_zero),
		TEST(objects_of_one_class_share_the_free_list),
		TEST(the_byte_after_an_object_is_unusable),
		TEST(a_full_arena_gives_null_until_something_is_freed),
		TEST(absurd_sizes_are_refused),
		TEST(reset_forgets_all_and_repeats_the_addresses),
		TEST(untouched_memory_is_zero_and_apart),
		TEST(a_copy_tells_what_was_changed_since),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
