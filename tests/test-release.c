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
	const struct release *r;
	size_t nr;

	(void)state;
	r = table(&nr);
	assert_int_equal(nr, ARRAY_SIZE(all_releases));
	for (size_t i = 0; i < nr; i++) {
		assert_string_equal(r[i].name, all_releases[i]);
		assert_ptr_equal(release_find(r[i].name), &r[i]);
		if (r[i].posted)
			continue;
		/* "7.1.13" is of "v7.1". */
		assert_int_equal(strncmp(r[i].uname, r[i].name + 1, strlen(r[i].name + 1)), 0);
		assert_int_equal(r[i].uname[strlen(r[i].name + 1)], '.');
	}
	assert_null(release_find("v5.4"));
	assert_null(release_find(""));
	assert_null(release_find("v7"));
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
	assert_int_equal(r[0].fixes, FIX_BIT(FIX_UNFREEZE_DATA));
}

static void every_fix_has_a_name_of_its_own_and_a_sentence(void **state)
{
	const struct fix_info *fix = fix_table();

	(void)state;
	for (int i = 0; i < NR_FIXES; i++) {
		assert_non_null(fix[i].name);
		assert_int_equal(fix_find(fix[i].name), i);
		assert_int_equal(strspn(fix[i].name, "abcdefghijklmnopqrstuvwxyz-"),
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
