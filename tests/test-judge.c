/* SPDX-License-Identifier: GPL-2.0-only */
/* The judge: each violation is found where a kernel has the bug, and nowhere else. */
#include "luosim-search.h"
#include "machine-util.h"

static void use(const char *release)
{
	machine_free(m);
	m = boot(release);
}

static void use_without(const char *release, enum fix fix)
{
	machine_free(m);
	m = boot_without(release, fix);
}

/* Number @op, as a script's line would. */
#define OP(op, call) ({							\
	int64_t __ret;							\
									\
	machine_begin_op(m, op);					\
	__ret = (call);							\
	machine_end_op(m, __ret);					\
	__ret;								\
})

/* The violations found so far are of these kinds and no other. */
static void assert_found(u32 kinds)
{
	for (u32 i = 0; i < NR_VIOLATION_KINDS; i++)
		if (!!seen.violations[i] != (kinds >> i & 1))
			fail_msg("%s: %u times", violation_name(i), seen.violations[i]);
}

#define KIND(kind)	(1u << VIOLATION_##kind)

static int new_session(const char *name)
{
	return create_session(m, open_dev(m), name);
}

/* One memfd under two tokens of one session, both retrieved. */
static void dup_token(void)
{
	int s, mem;

	s = OP(10, new_session("vm0"));
	mem = OP(11, memfd_with(m, "twice"));
	OP(12, preserve_fd(m, s, mem, 0xa));
	OP(13, preserve_fd(m, s, mem, 0xb));
	assert_int_equal(OP(14, kexec(m)), 0);
	s = OP(20, retrieve_session(m, open_dev(m), "vm0"));
	OP(21, retrieve_fd(m, s, 0xa));
	OP(22, retrieve_fd(m, s, 0xb));
}

static void a_double_restore_is_found_and_names_its_claims(void **state)
{
	const struct violation *v;
	size_t nr, i;

	(void)state;
	use("v7.0");
	dup_token();
	assert_true(seen.violations[VIOLATION_DOUBLE_RESTORE] > 0);
	v = machine_violations(m, &nr);
	for (i = 0; i < nr && v->kind != VIOLATION_DOUBLE_RESTORE; i++)
		v++;
	assert_true(i < nr);
	assert_int_equal(v->op, 22);
	assert_int_equal(v->restored_op, 21);
	assert_int_equal(v->nr_claims, 2);
	assert_int_equal(v->claims[0].op, 12);
	assert_int_equal(v->claims[0].token, 0xa);
	assert_string_equal(v->claims[0].session, "vm0");
	assert_int_equal(v->claims[1].op, 13);
	assert_int_equal(v->claims[1].token, 0xb);
}

static void a_frame_is_of_its_first_claim_until_that_is_over(void **state)
{
	int dev, s, mem;
	u64 pfn;

	(void)state;
	use("v7.0");
	dev = open_dev(m);
	s = create_session(m, dev, "vm0");
	mem = memfd_with(m, "x");
	assert_int_equal(preserve_fd(m, s, mem, 0xa), 0);
	assert_int_equal(preserve_fd(m, s, mem, 0xb), 0);
	pfn = machine_file_frame(m, mem, 0);
	assert_int_equal(m->ledger.claims[m->ledger.ghost[pfn].claim - 1]->token, 0xa);
	assert_int_equal(sys_close(m, s), 0);
	s = create_session(m, dev, "vm0");
	assert_int_equal(preserve_fd(m, s, mem, 0xc), 0);
	assert_int_equal(m->ledger.claims[m->ledger.ghost[pfn].claim - 1]->token, 0xc);
}

/* Each claim takes the same, and of the arrays that became too short none is left. */
static void claims_cost_what_one_of_them_costs(void **state)
{
	u64 live[20];
	int dev, s, mem;

	(void)state;
	use("v7.3");
	dev = open_dev(m);
	mem = memfd_with(m, "x");
	for (size_t i = 0; i < ARRAY_SIZE(live); i++) {
		s = create_session(m, dev, "vm0");
		assert_int_equal(preserve_fd(m, s, mem, 1), 0);
		assert_int_equal(sys_close(m, s), 0);
		live[i] = m->persist.live;
	}
	assert_int_equal(live[19] - live[2], 17 * (live[2] - live[1]));
}

static void a_refused_duplicate_is_no_violation(void **state)
{
	(void)state;
	use("v7.3");
	dup_token();
	assert_found(0);
	machine_end(m);
	assert_found(0);
}

static void a_retrieve_repeated_on_purpose_is_no_double_restore(void **state)
{
	int s;

	(void)state;
	use("v7.3");
	s = new_session("vm0");
	assert_int_equal(preserve_fd(m, s, memfd_with(m, "x"), 1), 0);
	assert_int_equal(kexec(m), 0);
	s = retrieve_session(m, open_dev(m), "vm0");
	assert_true(retrieve_fd(m, s, 1) > 0);
	assert_true(retrieve_fd(m, s, 1) > 0);
	machine_end(m);
	assert_found(0);
}

static void a_folio_in_two_page_caches_is_an_alias(void **state)
{
	struct inode *one, *two;
	struct folio *folio;

	(void)state;
	use("v7.3");
	one = shmem_get_inode(m, &m->k->fs.sb[FS_SHM], S_IFREG, 0);
	two = shmem_get_inode(m, &m->k->fs.sb[FS_SHM], S_IFREG, 0);
	folio = folio_alloc(m, GFP_KERNEL, 0);
	assert_int_equal(filemap_add_folio(m, &one->i_mapping, folio, 0), 0);
	filemap_remove_folio_at(m, &one->i_mapping, folio, 0);
	assert_int_equal(filemap_add_folio(m, &two->i_mapping, folio, 7), 0);
	assert_found(0);
	assert_int_equal(filemap_add_folio(m, &one->i_mapping, folio, 0), 0);
	assert_found(KIND(ALIAS));
	assert_int_equal(seen.violation.pfn, folio_pfn(m, folio));
}

/* One memfd in two sessions of which the second is given up. */
static void abort_one_of_two(void)
{
	int dev, a, b, mem;

	dev = open_dev(m);
	a = create_session(m, dev, "a");
	b = create_session(m, dev, "b");
	mem = memfd_with(m, "tenant");
	OP(5, preserve_fd(m, a, mem, 1));
	OP(6, preserve_fd(m, b, mem, 2));
	assert_int_equal(OP(7, sys_close(m, b)), 0);
	assert_int_equal(OP(8, kexec(m)), 0);
}

static void a_claimed_frame_that_is_not_preserved_is_stolen(void **state)
{
	(void)state;
	use("v7.0");
	abort_one_of_two();
	assert_found(KIND(STOLEN));
	assert_int_equal(seen.violation.op, 8);
	assert_int_equal(seen.violation.claims[0].op, 5);
	assert_string_equal(seen.violation.claims[0].session, "a");
	use("v7.1");
	abort_one_of_two();
	assert_found(0);
}

/* A sealed memfd, carried over. */
static void carry_seals(void)
{
	int s, mem;

	s = new_session("vm0");
	mem = sys_memfd_create(m, "x", MFD_ALLOW_SEALING);
	assert_int_equal(sys_fcntl(m, mem, F_ADD_SEALS, F_SEAL_GROW), 0);
	assert_int_equal(preserve_fd(m, s, mem, 1), 0);
	assert_int_equal(kexec(m), 0);
	s = retrieve_session(m, open_dev(m), "vm0");
	assert_true(retrieve_fd(m, s, 1) > 0);
}

static void seals_that_do_not_come_back_are_lost(void **state)
{
	(void)state;
	use_without("v7.3", FIX_MEMFD_SEALS);
	carry_seals();
	assert_found(KIND(LOST) | KIND(EXPOSED));
	assert_non_null(strstr(seen.violation.text, "seals"));
	use("v7.3");
	carry_seals();
	assert_found(0);
}

/* Written to between preserve and kexec. */
static void write_late(void)
{
	int s, mem;

	s = new_session("vm0");
	mem = sys_memfd_create(m, "x", 0);
	assert_int_equal(sys_fallocate(m, mem, 0, 0, PAGE_SIZE), 0);
	assert_int_equal(preserve_fd(m, s, mem, 1), 0);
	assert_int_equal(sys_pwrite(m, mem, "late", 4, 0), 4);
	assert_int_equal(kexec(m), 0);
	s = retrieve_session(m, open_dev(m), "vm0");
	assert_true(retrieve_fd(m, s, 1) > 0);
}

static void content_that_does_not_come_back_is_lost(void **state)
{
	(void)state;
	use_without("v7.3", FIX_MEMFD_UPTODATE);
	write_late();
	assert_found(KIND(LOST));
	assert_non_null(strstr(seen.violation.text, "content"));
	use("v7.3");
	write_late();
	assert_found(0);
}

static void files_that_the_next_kernel_cannot_read_are_lost(void **state)
{
	struct boot next = { .release = release_named("v7.3"), .kho = true, .liveupdate = true };

	(void)state;
	use("v7.1");
	assert_int_equal(preserve_fd(m, new_session("vm0"), memfd_with(m, "x"), 1), 0);
	machine_set_next(m, &next);
	assert_int_equal(kexec(m), 0);
	assert_found(KIND(LOST));
}

static void nothing_is_lost_where_nothing_was_preserved(void **state)
{
	struct boot next = { .release = release_named("v7.3"), .kho = true, .liveupdate = true };

	(void)state;
	use("v7.1");
	new_session("vm0");
	memfd_with(m, "x");
	machine_set_next(m, &next);
	assert_int_equal(kexec(m), 0);
	machine_end(m);
	assert_found(0);
}

/* FINISH of a session that was never handed over. */
static void finish_outgoing(void)
{
	int s = new_session("vm0");

	assert_int_equal(preserve_fd(m, s, memfd_with(m, "x"), 1), 0);
	finish(m, s);
}

static void what_nobody_can_free_at_the_end_is_a_leak(void **state)
{
	(void)state;
	use_without("v7.3", FIX_IOCTL_DIRECTION);
	finish_outgoing();
	machine_end(m);
	assert_true(seen.violations[VIOLATION_LEAK] > 0);
	use("v7.3");
	finish_outgoing();
	machine_end(m);
	assert_found(0);
}

static void pages_of_a_file_that_failed_to_retrieve_are_a_leak(void **state)
{
	int s;

	(void)state;
	use("v7.3");
	assert_int_equal(preserve_fd(m, new_session("vm0"), memfd_with(m, "x"), 0xabc), 0);
	assert_int_equal(kexec(m), 0);
	s = retrieve_session(m, open_dev(m), "vm0");
	fail_alloc(m, 1);
	assert_true(retrieve_fd(m, s, 0xabc) < 0);
	fail_alloc(m, 0);
	machine_end(m);
	assert_found(KIND(LEAK));
	assert_non_null(strstr(seen.violation.text, "token 0xabc of session \"vm0\""));
}

static void what_waits_for_a_retrieve_is_no_leak(void **state)
{
	(void)state;
	for (int opened = 0; opened < 2; opened++) {
		use("v7.3");
		assert_int_equal(preserve_fd(m, new_session("vm0"), memfd_with(m, "x"), 1), 0);
		assert_int_equal(kexec(m), 0);
		if (opened)
			open_dev(m);
		machine_end(m);
		assert_found(0);
	}
}

static void files_that_are_open_at_the_end_are_no_leak(void **state)
{
	(void)state;
	use("v7.3");
	for (int kind = 0; kind < NR_FILE_KINDS; kind++)
		assert_true(sys_open_kind(m, kind) > 0);
	preserve_fd(m, new_session("vm0"), memfd_sized(m, 50 * PAGE_SIZE), 1);
	machine_end(m);
	assert_found(0);
}

static void an_error_that_leaves_something_behind_is_unclean(void **state)
{
	int s;

	(void)state;
	use("v7.3");
	assert_int_equal(preserve_fd(m, new_session("vm0"), memfd_with(m, "x"), 1), 0);
	assert_int_equal(kexec(m), 0);
	s = retrieve_session(m, open_dev(m), "vm0");
	fail_alloc(m, 2);
	assert_true(OP(9, retrieve_fd(m, s, 1)) < 0);
	assert_found(KIND(UNCLEAN_ERROR));
	assert_int_equal(seen.violation.op, 9);
	assert_non_null(strstr(seen.violation.text, "failed to retrieve for good 0 -> 1"));
}

static void an_error_that_leaves_nothing_behind_is_clean(void **state)
{
	int s;

	(void)state;
	use("v7.3");
	s = new_session("vm0");
	assert_int_equal(OP(2, preserve_fd(m, s, -1, 1)), -EBADF);
	assert_int_equal(OP(3, sys_close(m, 99)), -EBADF);
	assert_int_equal(OP(4, sys_open(m, "/dev/liveupdate", O_RDWR)), -EBUSY);
	/* What changes outside of the operation is not its fault. */
	memfd_with(m, "between");
	assert_int_equal(OP(5, sys_reboot_kexec(m)), -EINVAL);
	assert_found(0);
}

static void success_is_never_unclean(void **state)
{
	(void)state;
	use("v7.3");
	assert_true(OP(2, memfd_with(m, "new")) > 0);
	assert_int_equal(OP(3, kexec(m)), 0);
	assert_found(0);
}

/* Without the fix the handler runs on a live session and the kernel warns. */
static int retrieve_outgoing(void)
{
	int s = new_session("vm0");

	assert_int_equal(preserve_fd(m, s, memfd_with(m, "x"), 1), 0);
	return OP(7, retrieve_fd(m, s, 1));
}

static void a_warning_of_the_kernel_is_a_violation(void **state)
{
	(void)state;
	use_without("v7.3", FIX_IOCTL_DIRECTION);
	assert_int_equal(retrieve_outgoing(), -EINVAL);
	assert_true(seen.warns > 0);
	assert_int_equal(seen.violations[VIOLATION_WARN], seen.warns);
	use("v7.3");
	assert_int_equal(retrieve_outgoing(), -EINVAL);
	assert_found(0);
}

static void a_panic_is_a_violation_and_ends_all_calls(void **state)
{
	struct machine_config config = {
		.boot = { .release = release_named("v7.0"), .kho = true, .liveupdate = true,
			  .panic_on_warn = true },
		.mem = 64 * MIB,
		.emit = record,
	};

	(void)state;
	memset(&seen, 0, sizeof(seen));
	m = machine_new(&config);
	seen.may_panic = true;
	assert_int_equal(retrieve_outgoing(), -EIO);
	assert_found(KIND(WARN) | KIND(PANIC));
	assert_non_null(strstr(seen.panic, "panic_on_warn"));
	assert_int_equal(sys_close(m, 0), -EIO);
	machine_end(m);
	assert_found(KIND(WARN) | KIND(PANIC));
}

static void one_warning_does_not_count_as_an_unclean_error_too(void **state)
{
	(void)state;
	use_without("v7.3", FIX_IOCTL_DIRECTION);
	assert_int_equal(retrieve_outgoing(), -EINVAL);
	assert_int_equal(seen.violations[VIOLATION_UNCLEAN_ERROR], 0);
}

static void violations_are_kept_in_order_and_their_number_is_bounded(void **state)
{
	const struct violation *v;
	size_t nr;

	(void)state;
	use("v7.3");
	machine_begin_op(m, 4);
	for (u32 i = 0; i < 1500; i++)
		judge(m, VIOLATION_LOST, 0, "number %u", i);
	v = machine_violations(m, &nr);
	assert_in_range(nr, 100, 1499);
	assert_string_equal(v[0].text, "number 0");
	assert_string_equal(v[99].text, "number 99");
	assert_int_equal(v[99].op, 4);
}

static void every_kind_has_a_name_that_leads_back_to_it(void **state)
{
	(void)state;
	for (int i = 0; i < NR_VIOLATION_KINDS; i++)
		assert_int_equal(violation_find(violation_name(i)), i);
	assert_int_equal(violation_find("fun"), -ENOENT);
	assert_int_equal(violation_find(""), -ENOENT);
}

int main(void)
{
#define TEST(f)	cmocka_unit_test_teardown(f, free_machine)
	const struct CMUnitTest tests[] = {
		TEST(a_double_restore_is_found_and_names_its_claims),
		TEST(a_frame_is_of_its_first_claim_until_that_is_over),
		TEST(claims_cost_what_one_of_them_costs),
		TEST(a_refused_duplicate_is_no_violation),
		TEST(a_retrieve_repeated_on_purpose_is_no_double_restore),
		TEST(a_folio_in_two_page_caches_is_an_alias),
		TEST(a_claimed_frame_that_is_not_preserved_is_stolen),
		TEST(seals_that_do_not_come_back_are_lost),
		TEST(content_that_does_not_come_back_is_lost),
		TEST(files_that_the_next_kernel_cannot_read_are_lost),
		TEST(nothing_is_lost_where_nothing_was_preserved),
		TEST(what_nobody_can_free_at_the_end_is_a_leak),
		TEST(pages_of_a_file_that_failed_to_retrieve_are_a_leak),
		TEST(what_waits_for_a_retrieve_is_no_leak),
		TEST(files_that_are_open_at_the_end_are_no_leak),
		TEST(an_error_that_leaves_something_behind_is_unclean),
		TEST(an_error_that_leaves_nothing_behind_is_clean),
		TEST(success_is_never_unclean),
		TEST(a_warning_of_the_kernel_is_a_violation),
		TEST(a_panic_is_a_violation_and_ends_all_calls),
		TEST(one_warning_does_not_count_as_an_unclean_error_too),
		TEST(violations_are_kept_in_order_and_their_number_is_bounded),
		TEST(every_kind_has_a_name_that_leads_back_to_it),
	};

	return cmocka_run_group_tests_name("judge", tests, NULL, NULL);
}
