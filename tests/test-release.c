/* SPDX-License-Identifier: GPL-2.0-only */
/* The tables of releases, fixes, limits and kinds hold together. */
#include <stdlib.h>

#include "machine-util.h"

static const struct release *table(size_t *nr)
{
	return release_table(nr);
}

static void the_releases_are_these_in_order(void **state)
{
	static const char *const names[] = {
		"v6.19", "v6.19.9", "v6.19.13", "v7.0.0", "v7.0", "v7.0.11", "v7.1.0", "v7.1",
		"v7.2", "v7.3", "next",
	};
	const struct release *r;
	size_t nr, series = 0;

	(void)state;
	r = table(&nr);
	assert_int_equal(nr, ARRAY_SIZE(names));
	for (size_t i = 0; i < nr; i++) {
		assert_string_equal(r[i].name, names[i]);
		assert_ptr_equal(release_find(r[i].name), &r[i]);
		if (!r[i].stable)
			assert_string_equal(r[i].name, all_releases[series++]);
	}
	assert_int_equal(series, ARRAY_SIZE(all_releases));
}

static void rows_stand_for_releases_of_their_series_and_no_two_for_one(void **state)
{
	const struct release *r;
	size_t nr;

	(void)state;
	r = table(&nr);
	for (size_t i = 0; i < nr; i++) {
		const struct stable_range *of = &r[i].covers;
		char name[32];

		if (r[i].posted) {
			assert_int_equal(of->major, 0);
			continue;
		}
		snprintf(name, sizeof(name), "v%u.%u", of->major, of->minor);
		assert_int_equal(strncmp(r[i].name, name, strlen(name)), 0);
		assert_int_equal(strlen(r[i].name) > strlen(name), r[i].stable);
		/* What it follows is among what it stands for. */
		assert_ptr_equal(release_find(r[i].uname), &r[i]);
		assert_true(release_covers(&r[i], r[i].uname));
		assert_true(of->first <= of->last);
		assert_true(release_is_series(name));
		assert_false(release_is_series(r[i].uname));
		if (i && release_same_series(&r[i - 1], &r[i]))
			assert_true(r[i - 1].covers.last < of->first);
	}
}

static void a_release_is_found_by_its_number_with_or_without_v(void **state)
{
	static const char *const found[][2] = {
		{ "6.19.6", "v6.19" }, { "v6.19.8", "v6.19" }, { "6.19.9", "v6.19.9" },
		{ "6.19.12", "v6.19.9" }, { "6.19.13", "v6.19.13" },
		{ "7.0.0", "v7.0.0" }, { "v7.0.3", "v7.0.0" }, { "7.0.4", "v7.0" },
		{ "v7.0.9", "v7.0" }, { "7.0.10", "v7.0" }, { "v7.0.11", "v7.0.11" },
		{ "7.1.0", "v7.1.0" }, { "v7.1.3", "v7.1.0" }, { "7.1.8", "v7.1" },
		{ "v7.1.13", "v7.1" }, { "7.2.13", "v7.2" }, { "7.3.4", "v7.3" },
		{ "6.19", "v6.19" }, { "7.0", "v7.0" }, { "7.1", "v7.1" }, { "7.3", "v7.3" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(found); i++) {
		const struct release *r = release_find(found[i][0]);

		assert_non_null(r);
		assert_string_equal(r->name, found[i][1]);
		assert_true(release_covers(r, found[i][0]));
	}
}

static void what_no_row_covers_gets_the_nearest_of_its_series(void **state)
{
	static const char *const nearest[][2] = {
		{ "6.19.0", "v6.19" }, { "6.19.14", "v6.19.13" }, { "7.0.12", "v7.0.11" },
		{ "v7.0.99999", "v7.0.11" }, { "7.1.4", "v7.1.0" }, { "7.1.5", "v7.1.0" },
		{ "7.1.6", "v7.1" }, { "7.1.7", "v7.1" }, { "7.1.14", "v7.1" },
		{ "7.2.0", "v7.2" }, { "7.2.14", "v7.2" }, { "7.3.0", "v7.3" }, { "7.3.9", "v7.3" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(nearest); i++) {
		const struct release *r = release_find(nearest[i][0]);

		assert_non_null(r);
		assert_string_equal(r->name, nearest[i][1]);
		assert_false(release_covers(r, nearest[i][0]));
	}
}

static void a_series_that_is_not_there_has_no_row_but_one_above(void **state)
{
	static const char *const above[][2] = {
		{ "v5.4", "v6.19" }, { "6.18.9", "v6.19" }, { "v6.20", "v7.0" },
		{ "v7.4", "next" }, { "7.4.1", "next" }, { "8.0", "next" },
	};
	static const char *const none[] = {
		"", "v", "v7", "7", "v7.", "7.1.", "7.1.3.1", "7.1.x", "v7.1-rc1", "vv7.1", " 7.1",
		"7.1 ", "7.-1", "NEXT", "7.1.1000000", "7.4294967297", "-v7.1",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(above); i++) {
		assert_null(release_find(above[i][0]));
		assert_string_equal(release_above(above[i][0])->name, above[i][1]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		assert_null(release_find(none[i]));
		assert_null(release_above(none[i]));
	}
}

static void stable_rows_lack_what_was_fixed_after_them(void **state)
{
	static const struct {
		const char *before, *after;
		u64 fixes;
	} between[] = {
		{ "v6.19", "v6.19.9", FIX_BIT(FIX_RETRIEVE_STATUS) | FIX_BIT(FIX_MEMFD_UPTODATE) },
		{ "v6.19.9", "v6.19.13", FIX_BIT(FIX_DESERIALIZE_ERROR) },
		{ "v7.0.0", "v7.0", FIX_BIT(FIX_MEMFD_PFN_PHYS) | FIX_BIT(FIX_SUBTREE_ERROR) },
		{ "v7.0", "v7.0.11", FIX_BIT(FIX_MEMFD_RESTORE_EIO) | FIX_BIT(FIX_CRASH_IMAGE) },
		{ "v7.1.0", "v7.1", FIX_BIT(FIX_SERIALIZE_RWSEM) | FIX_BIT(FIX_IOCTL_DIRECTION) |
				    FIX_BIT(FIX_NAME_LENGTH) | FIX_BIT(FIX_KEXEC_JUMP) |
				    FIX_BIT(FIX_RETRIEVE_LOCK) | FIX_BIT(FIX_MODULE_PUT_LAST) |
				    FIX_BIT(FIX_FLB_INCOMING_REFS) |
				    FIX_BIT(FIX_SCRATCH_ALIGN) },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(between); i++) {
		struct release before = release_named(between[i].before);
		struct release after = release_named(between[i].after);

		assert_true(release_same_series(&before, &after));
		assert_int_equal(after.fixes & ~before.fixes, between[i].fixes);
		/* Nothing else of a series changes. */
		before.fixes = after.fixes;
		before.name = after.name;
		before.uname = after.uname;
		before.covers = after.covers;
		before.stable = after.stable;
		assert_memory_equal(&before, &after, sizeof(before));
	}
}

static void no_release_loses_a_fix(void **state)
{
	const struct release *r;
	size_t nr;

	(void)state;
	r = table(&nr);
	for (size_t i = 0; i < nr; i++) {
		assert_int_equal(r[i].fixes >> NR_FIXES, 0);
		if (i)
			assert_int_equal(r[i - 1].fixes & ~r[i].fixes, 0);
	}
	/* The first row is a stable release, too. */
	assert_int_equal(r[0].fixes,
			 FIX_BIT(FIX_UNFREEZE_DATA) | FIX_BIT(FIX_VMALLOC_CHUNKS) |
			 FIX_BIT(FIX_CHUNK_FREE_PAGE) | FIX_BIT(FIX_POPULATE_UNMAP));
}

static void every_fix_has_a_name_of_its_own_and_a_sentence(void **state)
{
	const struct fix_info *fix = fix_table();

	(void)state;
	for (int i = 0; i < NR_FIXES; i++) {
		assert_non_null(fix[i].name);
		assert_int_equal(fix_find(fix[i].name), i);
		assert_int_equal(strspn(fix[i].name, "abcdefghijklmnopqrstuvwxyz0123456789-"),
				 strlen(fix[i].name));
		assert_non_null(fix[i].bug);
		assert_true(!*fix[i].bug || (fix[i].bug[0] == 'B' && atoi(fix[i].bug + 1) > 0));
		assert_true(strlen(fix[i].about) > 10);
		assert_int_not_equal(fix[i].about[strlen(fix[i].about) - 1], '.');
	}
	assert_int_equal(fix_find("no-such-fix"), -ENOENT);
}

static void every_limit_has_a_name_that_leads_back_to_it(void **state)
{
	(void)state;
	for (int i = 0; i < NR_LIMITS; i++)
		assert_int_equal(limit_find(limit_name(i)), i);
	assert_int_equal(limit_find("sky"), -ENOENT);
}

static void every_kind_of_file_has_a_name_that_leads_back_to_it(void **state)
{
	(void)state;
	for (int i = 0; i < NR_FILE_KINDS; i++)
		assert_int_equal(file_kind_find(file_kind_name(i)), i);
	assert_int_equal(file_kind_find("socket"), -ENOENT);
}

static void limits_are_those_of_the_layout(void **state)
{
	const struct release *r;
	size_t nr;

	(void)state;
	r = table(&nr);
	for (size_t i = 0; i < nr; i++) {
		const u64 *limit = r[i].limit;

		assert_int_equal(limit[LIMIT_NOFILE], 1024);
		assert_int_equal(limit[LIMIT_SESSIONS], r[i].luo_ser ? 0 : 819);
		assert_int_equal(limit[LIMIT_FILES], r[i].luo_ser ? 0 : 128);
		assert_int_equal(limit[LIMIT_SESSIONS_PER_BLOCK], r[i].luo_ser ? 51 : 0);
		assert_int_equal(limit[LIMIT_FILES_PER_BLOCK], r[i].luo_ser ? 63 : 0);
		assert_int_equal(limit[LIMIT_BLOCKS], r[i].luo_ser ? 10000 : 0);
	}
}

static void the_strings_go_with_the_formats(void **state)
{
	const struct release *r;
	size_t nr;

	(void)state;
	r = table(&nr);
	for (size_t i = 0; i < nr; i++) {
		assert_non_null(r[i].kho_compatible);
		assert_non_null(r[i].luo_compatible);
		/* One page of KHO is tracked in a radix tree, or is not. */
		assert_int_equal(r[i].kho_radix, strcmp(r[i].kho_compatible, "kho-v1") != 0);
		assert_int_equal(!r[i].luo_ser, r[i].session_compatible != NULL);
		assert_true(!r[i].flb_compatible || !r[i].luo_ser);
		assert_int_equal(!!(r[i].fixes & FIX_BIT(FIX_MEMFD_SEALS)),
				 strcmp(r[i].memfd_compatible, "memfd-v1") != 0);
		assert_true(strlen(r[i].memfd_compatible) < LIVEUPDATE_HNDL_COMPAT_LENGTH);
		if (r[i].luo_ser)
			assert_true(strlen(r[i].luo_compatible) <= LUO_ABI_COMPAT_LEN);
	}
}

static void each_release_names_a_preset_as_its_policy(void **state)
{
	const struct release *r;
	size_t nr;

	(void)state;
	r = table(&nr);
	for (size_t i = 0; i < nr; i++) {
		struct policy policy = { .name = "" };
		const char *bad;

		assert_int_equal(policy_parse(r[i].policy.name, &policy, &bad), 0);
		assert_true(policy_equal(&policy, &r[i].policy));
	}
}

static void serialized_forms_have_the_sizes_of_the_abi(void **state)
{
	(void)state;
	assert_int_equal(sizeof(struct luo_ser), 32);
	assert_int_equal(sizeof(struct luo_file_ser), 64);
	assert_int_equal(sizeof(struct luo_session_ser), 80);
	assert_int_equal(sizeof(struct luo_session_header_ser), 8);
	assert_int_equal(sizeof(struct kho_block_header_ser), 16);
	assert_int_equal(sizeof(struct kho_vmalloc), 16);
	assert_int_equal(KHO_VMALLOC_SIZE, 511);
	assert_int_equal(sizeof(struct liveupdate_ioctl_session), 72);
	assert_int_equal(sizeof(struct liveupdate_session_fd), 16);
	assert_int_equal(sizeof(struct liveupdate_session_finish), 8);
	assert_int_equal(sizeof(struct liveupdate_session_get_name), 72);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_releases_are_these_in_order),
		cmocka_unit_test(rows_stand_for_releases_of_their_series_and_no_two_for_one),
		cmocka_unit_test(a_release_is_found_by_its_number_with_or_without_v),
		cmocka_unit_test(what_no_row_covers_gets_the_nearest_of_its_series),
		cmocka_unit_test(a_series_that_is_not_there_has_no_row_but_one_above),
		cmocka_unit_test(stable_rows_lack_what_was_fixed_after_them),
		cmocka_unit_test(no_release_loses_a_fix),
		cmocka_unit_test(every_fix_has_a_name_of_its_own_and_a_sentence),
		cmocka_unit_test(every_limit_has_a_name_that_leads_back_to_it),
		cmocka_unit_test(every_kind_of_file_has_a_name_that_leads_back_to_it),
		cmocka_unit_test(limits_are_those_of_the_layout),
		cmocka_unit_test(the_strings_go_with_the_formats),
		cmocka_unit_test(each_release_names_a_preset_as_its_policy),
		cmocka_unit_test(serialized_forms_have_the_sizes_of_the_abi),
	};

	return cmocka_run_group_tests_name("release", tests, NULL, NULL);
}
