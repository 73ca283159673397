/* SPDX-License-Identifier: GPL-2.0-only */
/* Ownership policies: how they are written, and what each takes for the same object. */
#include "machine-util.h"

static struct policy parsed(const char *text)
{
	struct policy policy = { .name = "none" };
	const char *bad = NULL;

	assert_int_equal(policy_parse(text, &policy, &bad), 0);
	assert_null(bad);
	return policy;
}

/* Writing them. */

static void every_preset_is_read_by_its_name(void **state)
{
	const struct policy *preset;
	size_t nr;

	(void)state;
	preset = policy_presets(&nr);
	for (size_t i = 0; i < nr; i++) {
		struct policy policy = parsed(preset[i].name);

		assert_string_equal(policy.name, preset[i].name);
		assert_true(policy_equal(&policy, &preset[i]));
		for (size_t j = 0; j < i; j++)
			assert_false(policy_equal(&preset[i], &preset[j]));
	}
}

static void every_value_of_every_axis_is_set_by_name(void **state)
{
	const char *const *values, *axis;
	size_t nr_axes = 0;

	(void)state;
	for (; (axis = policy_axis(nr_axes, &values)); nr_axes++) {
		for (size_t v = 0; values[v]; v++) {
			struct policy policy = { .name = "none" };
			const char *bad;
			char text[64];

			snprintf(text, sizeof(text), "%s=%s", axis, values[v]);
			if (!strcmp(values[v], "plugin")) {
				assert_int_equal(policy_parse(text, &policy, &bad), -EINVAL);
				continue;
			}
			policy = parsed(text);
			assert_string_equal(policy_value(&policy, nr_axes), values[v]);
			assert_string_equal(policy.name, text);
		}
	}
	assert_int_equal(nr_axes, 10);
}

static void later_words_win_and_the_others_stay(void **state)
{
	struct policy policy = parsed("share,identity=file,retrieve=latch");

	(void)state;
	assert_int_equal(policy.identity, IDENTITY_FILE);
	assert_int_equal(policy.duplicate, DUPLICATE_SHARE);
	assert_int_equal(policy.retrieve, RETRIEVE_LATCH);
	assert_int_equal(policy.deserialize, DESERIALIZE_RELEASE);
	assert_string_equal(policy.name, "share,identity=file,retrieve=latch");
}

static void a_bad_word_is_pointed_at_and_nothing_changes(void **state)
{
	static const struct { const char *text; size_t at; } cases[] = {
		{ "", 0 }, { "gt-id", 0 }, { "none,", 5 }, { ",none", 0 }, { "none,bogus", 5 },
		{ "identity=", 0 }, { "identity=nodes", 0 }, { "identity", 0 }, { "none ", 0 },
		{ "get-id,identity=inod,file", 7 }, { "NONE", 0 }, { "=none", 0 },
		{ "scope=busy", 0 },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct policy before = { .name = "before", .identity = IDENTITY_INODE };
		struct policy policy = before;
		const char *bad = NULL;

		assert_int_equal(policy_parse(cases[i].text, &policy, &bad), -EINVAL);
		assert_ptr_equal(bad, cases[i].text + cases[i].at);
		assert_string_equal(policy.name, "before");
		assert_true(policy_equal(&policy, &before));
	}
}

static void a_text_that_does_not_fit_the_name_is_refused(void **state)
{
	struct policy policy = { .name = "before" };
	const char *bad;
	char text[100] = "none";

	(void)state;
	while (strlen(text) + 5 < sizeof(policy.name))
		strcat(text, ",none");
	assert_int_equal(policy_parse(text, &policy, &bad), 0);
	assert_string_equal(policy.name, text);
	strcat(text, ",none");
	assert_int_equal(policy_parse(text, &policy, &bad), -EINVAL);
}

/* What they do. */

/* A memfd preserved again as ... */
enum again { SAME_DESCRIPTOR, DUPED, REOPENED, OTHER_SESSION, NR_AGAIN };

static int preserve_again(const struct policy *policy, enum again again)
{
	struct release r = release_named("v7.3");
	int dev, a, b, mem, fd;
	char path[32];

	r.policy = *policy;
	use_release(&r);
	dev = open_dev(m);
	a = create_session(m, dev, "a");
	b = create_session(m, dev, "b");
	fd = mem = memfd_with(m, "x");
	assert_int_equal(preserve_fd(m, a, mem, 1), 0);
	if (again == DUPED)
		fd = sys_dup(m, mem);
	if (again == REOPENED) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", mem);
		fd = sys_open(m, path, O_RDWR);
	}
	assert_true(fd > 0);
	return preserve_fd(m, again == OTHER_SESSION ? b : a, fd, 2);
}

static void each_policy_refuses_what_it_takes_for_the_same(void **state)
{
	static const struct { const char *policy; int want[NR_AGAIN]; } cases[] = {
		{ "none", { 0, 0, 0, 0 } },
		{ "reject-file", { -EBUSY, -EBUSY, 0, -EBUSY } },
		{ "reject-inode", { -EBUSY, -EBUSY, -EBUSY, -EBUSY } },
		{ "inode-flag", { -EBUSY, -EBUSY, -EBUSY, -EBUSY } },
		{ "inode-managed", { -EBUSY, -EBUSY, -EBUSY, -EBUSY } },
		{ "get-id", { -EBUSY, -EBUSY, -EBUSY, -EBUSY } },
		{ "in-handler", { -EBUSY, -EBUSY, -EBUSY, -EBUSY } },
		{ "in-session", { -EBUSY, -EBUSY, -EBUSY, 0 } },
		{ "share", { 0, 0, 0, 0 } },
		{ "refcount", { 0, 0, 0, 0 } },
		{ "get-id,duplicate=accept", { 0, 0, 0, 0 } },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		struct policy policy = parsed(cases[i].policy);

		for (enum again again = 0; again < NR_AGAIN; again++)
			assert_int_equal(preserve_again(&policy, again), cases[i].want[again]);
	}
}

/* May a memfd be preserved while the session that it was retrieved from lives? */
static void each_scope_says_whether_a_retrieved_file_counts(void **state)
{
	static const struct { const char *policy; int want; } cases[] = {
		{ "none", 0 }, { "reject-file", -EBUSY }, { "inode-flag", 0 },
		{ "inode-managed", -EBUSY }, { "get-id", -EBUSY }, { "in-handler", 0 },
		{ "in-session", 0 }, { "share", 0 }, { "refcount", 0 },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		struct release r = release_named("v7.3");
		int dev, in, out, mem;

		r.policy = parsed(cases[i].policy);
		use_release(&r);
		in = create_session(m, open_dev(m), "vm0");
		assert_int_equal(preserve_fd(m, in, memfd_with(m, "x"), 1), 0);
		assert_int_equal(kexec(m), 0);
		dev = open_dev(m);
		in = retrieve_session(m, dev, "vm0");
		mem = retrieve_fd(m, in, 1);
		out = create_session(m, dev, "vm1");
		assert_int_equal(preserve_fd(m, out, mem, 1), cases[i].want);
		assert_int_equal(finish(m, in), 0);
		assert_int_equal(seen.warns, 0);
	}
}

static void a_refused_claim_is_not_released_by_its_refusal(void **state)
{
	struct policy policy = parsed("get-id");

	(void)state;
	assert_int_equal(preserve_again(&policy, SAME_DESCRIPTOR), -EBUSY);
	/* The first claim still stands. */
	assert_int_equal(census(m, CENSUS_LUO_FILES), 1);
	assert_int_equal(preserve_fd(m, 4, 6, 3), -EBUSY);
}

static void no_policy_keeps_a_claim_on_what_is_given_up(void **state)
{
	const struct policy *preset;
	size_t nr;

	(void)state;
	preset = policy_presets(&nr);
	for (size_t i = 0; i < nr; i++) {
		struct release r = release_named("v7.3");
		struct census before;
		int dev, s, mem;

		r.policy = preset[i];
		use_release(&r);
		dev = open_dev(m);
		mem = memfd_with(m, "x");
		before = m->ledger.now;
		s = create_session(m, dev, "a");
		assert_int_equal(preserve_fd(m, s, mem, 1), 0);
		preserve_fd(m, s, mem, 2);
		assert_int_equal(sys_close(m, s), 0);
		assert_same_census(&before, &m->ledger.now);
		s = create_session(m, dev, "a");
		assert_int_equal(preserve_fd(m, s, mem, 1), 0);
		end_clean(m);
		m = NULL;
	}
}

/* One memfd under two tokens, both retrieved in the next kernel. */
static void two_tokens(const char *policy)
{
	struct release r = release_named("v7.3");
	int s, mem;

	r.policy = parsed(policy);
	use_release(&r);
	s = create_session(m, open_dev(m), "vm0");
	mem = memfd_with(m, "twice");
	assert_int_equal(preserve_fd(m, s, mem, 1), 0);
	assert_int_equal(preserve_fd(m, s, mem, 2), 0);
	assert_int_equal(kexec(m), 0);
	s = retrieve_session(m, open_dev(m), "vm0");
	mem = retrieve_fd(m, s, 1);
	assert_reads(m, mem, 0, "twice");
	mem = retrieve_fd(m, s, 2);
	if (mem > 0)
		assert_reads(m, mem, 0, "twice");
	assert_int_equal(finish(m, s), 0);
}

static void shared_tokens_come_back_without_complaint(void **state)
{
	(void)state;
	two_tokens("share");
	end_clean(m);
	m = NULL;
}

static void counted_folios_are_restored_as_often_as_they_were_preserved(void **state)
{
	(void)state;
	two_tokens("refcount");
	assert_int_equal(seen.warns, 0);
	assert_int_equal(seen.violations[VIOLATION_LEAK], 0);
	two_tokens("none");
	assert_true(seen.violations[VIOLATION_DOUBLE_RESTORE] > 0);
}

/* One memfd of @size in the sessions "a" and "b", tokens 1 and 2; the memfd. */
static int two_owners(const char *policy, u64 size, int *a, int *b)
{
	struct release r = release_named("v7.3");
	int dev, mem;

	r.policy = parsed(policy);
	use_release(&r);
	dev = open_dev(m);
	*a = create_session(m, dev, "a");
	*b = create_session(m, dev, "b");
	mem = memfd_with(m, "owned by two");
	assert_int_equal(sys_ftruncate(m, mem, size), 0);
	assert_int_equal(preserve_fd(m, *a, mem, 1), 0);
	assert_int_equal(preserve_fd(m, *b, mem, 2), 0);
	return mem;
}

static void what_is_shared_goes_with_its_last_owner(void **state)
{
	int a, b, mem = two_owners("share", PAGE_SIZE, &a, &b);
	s64 preserved = census(m, CENSUS_PRESERVED);

	(void)state;
	/* The second owner brought its session's page of files, and nothing of the memfd. */
	assert_int_equal(census(m, CENSUS_MANAGED), 1);
	assert_int_equal(sys_close(m, a), 0);
	assert_int_equal(census(m, CENSUS_PRESERVED), preserved - 1);
	assert_int_equal(census(m, CENSUS_FROZEN), 1);
	assert_int_equal(sys_ftruncate(m, mem, 0), -EPERM);
	assert_int_equal(sys_close(m, b), 0);
	assert_int_equal(census(m, CENSUS_FROZEN), 0);
	assert_int_equal(census(m, CENSUS_MANAGED), 0);
	assert_int_equal(sys_ftruncate(m, mem, 0), 0);
	end_clean(m);
	m = NULL;
}

static void a_shared_file_waits_for_its_second_owner(void **state)
{
	int a, b, dev, x, y;

	(void)state;
	two_owners("share", PAGE_SIZE, &a, &b);
	assert_int_equal(kexec(m), 0);
	dev = open_dev(m);
	a = retrieve_session(m, dev, "a");
	x = retrieve_fd(m, a, 1);
	assert_int_equal(finish(m, a), 0);
	assert_int_equal(sys_close(m, a), 0);
	assert_int_equal(sys_close(m, x), 0);
	/* What takes the place of anything that was freed. */
	x = memfd_with(m, "somebody else");
	b = retrieve_session(m, dev, "b");
	y = retrieve_fd(m, b, 2);
	assert_reads(m, y, 0, "owned by two");
	assert_reads(m, x, 0, "somebody else");
	assert_int_equal(finish(m, b), 0);
	end_clean(m);
	m = NULL;
}

static void a_retrieved_file_has_an_owner_anew_when_it_is_preserved(void **state)
{
	int a, b, dev, mem;

	(void)state;
	two_owners("share", PAGE_SIZE, &a, &b);
	assert_int_equal(kexec(m), 0);
	dev = open_dev(m);
	a = retrieve_session(m, dev, "a");
	mem = retrieve_fd(m, a, 1);
	b = create_session(m, dev, "c");
	assert_int_equal(preserve_fd(m, b, mem, 3), 0);
	assert_int_equal(census(m, CENSUS_FROZEN), 1);
	assert_int_equal(finish(m, a), 0);
	assert_int_equal(kexec(m), 0);
	b = retrieve_session(m, open_dev(m), "c");
	assert_reads(m, retrieve_fd(m, b, 3), 0, "owned by two");
	assert_int_equal(finish(m, b), 0);
	end_clean(m);
	m = NULL;
}

static void counts_take_a_page_for_255_pages_and_give_it_back(void **state)
{
	int a, b, mem;

	(void)state;
	for (u64 nr = 254; nr <= 256; nr++) {
		s64 before;

		mem = two_owners("refcount", nr * PAGE_SIZE, &a, &b);
		before = census(m, CENSUS_PRESERVED);
		assert_int_equal(m->k->kho.nr_shared, nr);
		assert_int_equal(m->k->kho.nr_count_pages, nr > 255 ? 2 : 1);
		/* Of each page one, of what describes them some more. */
		assert_in_range(m->claims_held_max, nr, nr + 20);
		/* A third owner is one more on counts that are there. */
		assert_int_equal(preserve_fd(m, a, mem, 3), 0);
		assert_int_equal(m->k->kho.nr_shared, nr);
		assert_true(census(m, CENSUS_PRESERVED) > before);
		assert_int_equal(sys_close(m, a), 0);
		assert_int_equal(m->k->kho.nr_shared, 0);
		assert_int_equal(m->k->kho.nr_count_pages, 0);
		assert_int_equal(m->k->kho.counts_head, 0);
		assert_int_equal(sys_close(m, b), 0);
		end_clean(m);
		m = NULL;
	}
}

static void counts_are_handed_over_for_every_page(void **state)
{
	int a, b, dev, y;

	(void)state;
	two_owners("refcount", 600 * PAGE_SIZE, &a, &b);
	/* Nothing to allocate, nothing to fail. */
	assert_int_equal(sys_kexec_load(m, KEXEC_FILE), 0);
	fail_alloc(m, 1);
	assert_int_equal(sys_reboot_kexec(m), 0);
	fail_alloc(m, 0);
	dev = open_dev(m);
	a = retrieve_session(m, dev, "a");
	assert_int_equal(finish(m, a), 0);
	b = retrieve_session(m, dev, "b");
	y = retrieve_fd(m, b, 2);
	assert_reads(m, y, 0, "owned by two");
	assert_int_equal(finish(m, b), 0);
	assert_int_equal(seen.warns, 0);
	end_clean(m);
	m = NULL;
}

/* Loaded policies. */

static bool key_by_token(const struct luosim_object *object, uint64_t *key)
{
	*key = object->token / 10;
	return object->token < 100;
}

static struct luosim_policy plugin(void)
{
	return (struct luosim_policy){
		.abi = LUOSIM_POLICY_ABI, .name = "by-token", .key = key_by_token,
	};
}

static void a_loaded_policy_decides_what_is_the_same(void **state)
{
	const struct luosim_policy loaded = plugin();
	struct release r = release_named("v7.3");
	int s;

	(void)state;
	assert_int_equal(policy_plug(&r.policy, &loaded), 0);
	assert_string_equal(r.policy.name, "by-token");
	m = boot_release(&r, 64 * MIB);
	s = create_session(m, open_dev(m), "a");
	assert_int_equal(preserve_fd(m, s, memfd_with(m, "x"), 10), 0);
	assert_int_equal(preserve_fd(m, s, memfd_with(m, "x"), 19), -EBUSY);
	assert_int_equal(preserve_fd(m, s, memfd_with(m, "x"), 20), 0);
	/* Without a key nothing is a duplicate. */
	assert_int_equal(preserve_fd(m, s, memfd_with(m, "x"), 100), 0);
	assert_int_equal(preserve_fd(m, s, memfd_with(m, "x"), 101), 0);
	end_clean(m);
	m = NULL;
}

static void an_unfit_plugin_is_refused(void **state)
{
	struct luosim_policy bad[6];
	struct policy policy = { .name = "before" };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++)
		bad[i] = plugin();
	bad[0].name = NULL;
	bad[1].name = "";
	bad[2].name = "a-name-of-thirty-two-characters.";
	bad[3].key = NULL;
	bad[4].scope = NR_SCOPES;
	bad[5].duplicate = NR_DUPLICATES;
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(policy_plug(&policy, &bad[i]), -EINVAL);
	bad[0].abi++;
	assert_int_equal(policy_plug(&policy, &bad[0]), -EPROTO);
	assert_string_equal(policy.name, "before");
	assert_int_equal(policy.identity, IDENTITY_NONE);
}

int main(void)
{
#define TEST(f)	cmocka_unit_test_teardown(f, free_machine)
	const struct CMUnitTest tests[] = {
		TEST(every_preset_is_read_by_its_name),
		TEST(every_value_of_every_axis_is_set_by_name),
		TEST(later_words_win_and_the_others_stay),
		TEST(a_bad_word_is_pointed_at_and_nothing_changes),
		TEST(a_text_that_does_not_fit_the_name_is_refused),
		TEST(each_policy_refuses_what_it_takes_for_the_same),
		TEST(each_scope_says_whether_a_retrieved_file_counts),
		TEST(a_refused_claim_is_not_released_by_its_refusal),
		TEST(no_policy_keeps_a_claim_on_what_is_given_up),
		TEST(shared_tokens_come_back_without_complaint),
		TEST(counted_folios_are_restored_as_often_as_they_were_preserved),
		TEST(what_is_shared_goes_with_its_last_owner),
		TEST(a_shared_file_waits_for_its_second_owner),
		TEST(a_retrieved_file_has_an_owner_anew_when_it_is_preserved),
		TEST(counts_take_a_page_for_255_pages_and_give_it_back),
		TEST(counts_are_handed_over_for_every_page),
		TEST(a_loaded_policy_decides_what_is_the_same),
		TEST(an_unfit_plugin_is_refused),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
