/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * File-lifecycle-bound data by themselves: registration, reference counts in both
 * kernels, and what each fix of them changes. The handler takes pipes and has no
 * data of its own.
 */
#include "machine-util.h"

/* What the FLB's callbacks did since it was registered. */
static struct {
	unsigned int preserved, unpreserved, retrieved, finished;
	int preserve_err, retrieve_err;
	char order[64];
} did;

static void note(const char *what)
{
	strncat(did.order, what, sizeof(did.order) - strlen(did.order) - 1);
}

static int flb_preserve(struct liveupdate_flb_op_args *args)
{
	int err = did.preserve_err;

	did.preserved++;
	if (!err)
		err = kho_alloc_preserve(args->m, PAGE_SIZE, &args->data);
	args->obj = args->flb;
	return err;
}

static void flb_unpreserve(struct liveupdate_flb_op_args *args)
{
	note("F");
	did.unpreserved++;
	assert_ptr_equal(args->obj, args->flb);
	kho_unpreserve_free(args->m, args->data);
}

static phys_addr_t incoming;

static int flb_retrieve(struct liveupdate_flb_op_args *args)
{
	did.retrieved++;
	incoming = args->data;
	args->obj = args->flb;
	return did.retrieve_err;
}

static void flb_finish(struct liveupdate_flb_op_args *args)
{
	note("F");
	did.finished++;
	kho_restore_free(args->m, incoming);
}

static const struct liveupdate_flb_ops flb_ops = {
	.preserve = flb_preserve,
	.unpreserve = flb_unpreserve,
	.retrieve = flb_retrieve,
	.finish = flb_finish,
};

static int preserve_err;

static bool is_pipe(struct machine *machine, struct liveupdate_file_handler *fh, struct file *file)
{
	(void)machine;
	(void)fh;
	return !strcmp(file->f_op->name, "pipe");
}

static int preserve_pipe(struct liveupdate_file_op_args *args)
{
	(void)args;
	return preserve_err;
}

static void unpreserve_pipe(struct liveupdate_file_op_args *args)
{
	(void)args;
	note("f");
}

static int retrieve_pipe(struct liveupdate_file_op_args *args)
{
	args->file = open_kind(args->m, FILE_PIPE);
	return 0;
}

static void finish_pipe(struct liveupdate_file_op_args *args)
{
	(void)args;
	note("f");
}

static const struct liveupdate_file_ops pipe_ops = {
	.can_preserve = is_pipe,
	.preserve = preserve_pipe,
	.unpreserve = unpreserve_pipe,
	.retrieve = retrieve_pipe,
	.finish = finish_pipe,
};

static struct liveupdate_file_handler handler;
static struct liveupdate_flb flb;

static void name_flb(struct liveupdate_flb *f, const char *name)
{
	*f = (struct liveupdate_flb){ .ops = &flb_ops };
	strcpy(f->compatible, name);
}

static int register_handler(struct liveupdate_file_handler *fh, const char *name)
{
	*fh = (struct liveupdate_file_handler){ .ops = &pipe_ops };
	strcpy(fh->compatible, name);
	return liveupdate_register_file_handler(m, fh);
}

static void load(void)
{
	memset(&did, 0, sizeof(did));
	preserve_err = 0;
	name_flb(&flb, "flb-v1");
	assert_int_equal(register_handler(&handler, "pipe-v1"), 0);
	assert_int_equal(liveupdate_register_flb(m, &handler, &flb), 0);
	/* As if it had been there when the kernel came up. */
	m->ledger.at_boot = m->ledger.now;
}

static void use_loaded(const struct release *release)
{
	use_release(release);
	load();
}

static void use(const char *name)
{
	struct release release = release_named(name);

	use_loaded(&release);
}

static void use_without(const char *name, enum fix fix)
{
	struct release release = release_named(name);

	assert_true(release.fixes & FIX_BIT(fix));
	release.fixes &= ~FIX_BIT(fix);
	use_loaded(&release);
}

/* A session with @n pipes, tokens from 1 on. */
static int session_with(int dev, const char *name, u64 n)
{
	int s = create_session(m, dev, name);

	assert_true(s >= 0);
	for (u64 token = 1; token <= n; token++)
		assert_int_equal(preserve_fd(m, s, sys_open_kind(m, FILE_PIPE), token), 0);
	return s;
}

/* Kexec with sessions of @a and @b pipes; the new kernel's device. */
static int kexec_with(u64 a, u64 b)
{
	int dev = open_dev(m);

	session_with(dev, "a", a);
	if (b)
		session_with(dev, "b", b);
	assert_int_equal(kexec(m), 0);
	load();
	return open_dev(m);
}

static const char *const with_flbs[] = { "v7.0", "v7.1", "v7.2", "v7.3", "next" };
#define for_each_with_flbs(name) \
	for (size_t __i = 0; __i < ARRAY_SIZE(with_flbs) && (name = with_flbs[__i]); __i++)

static void the_first_file_preserves_and_the_last_gives_up(void **state)
{
	const char *name;

	(void)state;
	for_each_with_flbs(name) {
		int dev, a, b;

		use(name);
		dev = open_dev(m);
		a = session_with(dev, "a", 2);
		b = session_with(dev, "b", 1);
		assert_int_equal(did.preserved, 1);
		assert_int_equal(flb.outgoing.count, 3);
		sys_close(m, a);
		assert_int_equal(did.unpreserved, 0);
		sys_close(m, b);
		assert_int_equal(did.unpreserved, 1);
		/* Each file before the FLB. */
		assert_string_equal(did.order, "fffF");
		sys_close(m, session_with(dev, "a", 1));
		assert_int_equal(did.preserved, 2);
		assert_int_equal(did.unpreserved, 2);
		assert_clean();
	}
}

static void it_goes_through_kexec_once(void **state)
{
	const char *name;

	(void)state;
	for_each_with_flbs(name) {
		int dev, a, b;
		void *obj;

		use(name);
		dev = kexec_with(2, 1);
		a = retrieve_session(m, dev, "a");
		b = retrieve_session(m, dev, "b");
		assert_int_equal(did.retrieved, 0);
		assert_int_equal(liveupdate_flb_get_incoming(m, &flb, &obj), 0);
		liveupdate_flb_put_incoming(m, &flb);
		assert_int_equal(did.retrieved, 1);
		assert_int_equal(flb.incoming.count, 3);
		assert_ptr_equal(obj, &flb);
		assert_int_equal(finish(m, a), 0);
		assert_int_equal(did.finished, 0);
		assert_int_equal(finish(m, b), 0);
		assert_int_equal(did.finished, 1);
		assert_string_equal(did.order, "fffF");
		assert_int_equal(liveupdate_flb_get_incoming(m, &flb, &obj), -ENODATA);
		machine_end(m);
		assert_clean();
	}
}

static void what_follows_the_last_put_is_not_for_the_flb(void **state)
{
	void *obj;
	int a;

	(void)state;
	use("v7.3");
	a = retrieve_session(m, kexec_with(1, 0), "a");
	assert_int_equal(liveupdate_flb_get_incoming(m, &flb, &obj), 0);
	assert_int_not_equal(flb.incoming.claim, 0);
	assert_int_equal(finish(m, a), 0);
	assert_int_equal(did.finished, 0);
	liveupdate_flb_put_incoming(m, &flb);
	assert_int_equal(did.finished, 1);
	assert_int_equal(m->task->claim, 0);
}

static void nothing_incoming_is_enodata_another_flb_enoent(void **state)
{
	struct liveupdate_flb other;
	void *obj;

	(void)state;
	use("v7.3");
	assert_int_equal(liveupdate_flb_get_incoming(m, &flb, &obj), -ENODATA);
	kexec_with(1, 0);
	name_flb(&other, "other-v1");
	assert_int_equal(liveupdate_register_flb(m, &handler, &other), 0);
	assert_int_equal(liveupdate_flb_get_incoming(m, &other, &obj), -ENOENT);
	assert_int_equal(did.retrieved, 0);
}

static void a_file_fails_with_its_flb(void **state)
{
	const char *name;

	(void)state;
	for_each_with_flbs(name) {
		struct census before;
		int s, pipe;

		use(name);
		s = session_with(open_dev(m), "a", 0);
		pipe = sys_open_kind(m, FILE_PIPE);
		before = m->ledger.now;
		did.preserve_err = -ENOSPC;
		assert_int_equal(preserve_fd(m, s, pipe, 1), -ENOSPC);
		assert_same_census(&before, &m->ledger.now);
		assert_int_equal(did.unpreserved, 0);
		/* And the FLB with its file. */
		did.preserve_err = 0;
		preserve_err = -EIO;
		assert_int_equal(preserve_fd(m, s, pipe, 1), -EIO);
		assert_same_census(&before, &m->ledger.now);
		assert_int_equal(did.unpreserved, 1);
		preserve_err = 0;
		assert_int_equal(preserve_fd(m, s, pipe, 1), 0);
	}
}

static int refuse(struct liveupdate_flb_op_args *args)
{
	(void)args;
	return -ENOMEM;
}

static void what_was_preserved_before_a_failing_flb_is_given_up(void **state)
{
	struct liveupdate_flb_ops refusing = flb_ops;
	struct liveupdate_flb second, third;
	int dev, s;

	(void)state;
	use("v7.3");
	refusing.preserve = refuse;
	name_flb(&second, "second-v1");
	name_flb(&third, "third-v1");
	third.ops = &refusing;
	assert_int_equal(liveupdate_register_flb(m, &handler, &second), 0);
	assert_int_equal(liveupdate_register_flb(m, &handler, &third), 0);
	dev = open_dev(m);
	s = session_with(dev, "a", 0);
	assert_int_equal(preserve_fd(m, s, sys_open_kind(m, FILE_PIPE), 1), -ENOMEM);
	assert_int_equal(did.preserved, 2);
	assert_int_equal(did.unpreserved, 2);
	liveupdate_unregister_flb(m, &handler, &third);
	assert_int_equal(preserve_fd(m, s, sys_open_kind(m, FILE_PIPE), 1), 0);
	assert_int_equal(second.outgoing.count, 1);
}

static void without_flb_outgoing_refs_a_getter_holds_nothing(void **state)
{
	void *obj = &flb;
	int dev, s;

	(void)state;
	use("v7.3");
	assert_int_equal(liveupdate_flb_get_outgoing(m, &flb, &obj), -ENOENT);
	dev = open_dev(m);
	s = session_with(dev, "a", 1);
	assert_int_equal(liveupdate_flb_get_outgoing(m, &flb, &obj), 0);
	sys_close(m, s);
	assert_int_equal(did.unpreserved, 0);
	liveupdate_flb_put_outgoing(m, &flb);
	assert_int_equal(did.unpreserved, 1);

	use_without("v7.3", FIX_FLB_OUTGOING_REFS);
	assert_int_equal(liveupdate_flb_get_outgoing(m, &flb, &obj), 0);
	assert_null(obj);
	s = session_with(open_dev(m), "a", 1);
	assert_int_equal(liveupdate_flb_get_outgoing(m, &flb, &obj), 0);
	assert_ptr_equal(obj, &flb);
	/* It is gone under the one who got it. */
	sys_close(m, s);
	assert_int_equal(did.unpreserved, 1);
	liveupdate_flb_put_outgoing(m, &flb);
	assert_int_equal(did.unpreserved, 1);
	assert_clean();
}

static void without_flb_incoming_refs_a_getter_holds_nothing(void **state)
{
	void *obj;
	int dev;

	(void)state;
	use("v7.3");
	dev = kexec_with(1, 0);
	assert_int_equal(liveupdate_flb_get_incoming(m, &flb, &obj), 0);
	assert_int_equal(finish(m, retrieve_session(m, dev, "a")), 0);
	assert_int_equal(did.finished, 0);
	liveupdate_flb_put_incoming(m, &flb);
	assert_int_equal(did.finished, 1);

	use_without("v7.3", FIX_FLB_INCOMING_REFS);
	dev = kexec_with(1, 0);
	assert_int_equal(liveupdate_flb_get_incoming(m, &flb, &obj), 0);
	assert_int_equal(finish(m, retrieve_session(m, dev, "a")), 0);
	assert_int_equal(did.finished, 1);
	liveupdate_flb_put_incoming(m, &flb);
	assert_int_equal(did.finished, 1);
}

static void without_flb_retrieve_status_a_failure_is_tried_again(void **state)
{
	void *obj;

	(void)state;
	use("v7.3");
	kexec_with(1, 0);
	did.retrieve_err = -EIO;
	assert_int_equal(liveupdate_flb_get_incoming(m, &flb, &obj), -EIO);
	did.retrieve_err = 0;
	assert_int_equal(liveupdate_flb_get_incoming(m, &flb, &obj), -EIO);
	assert_int_equal(did.retrieved, 1);

	use_without("v7.3", FIX_FLB_RETRIEVE_STATUS);
	kexec_with(1, 0);
	did.retrieve_err = -EIO;
	assert_int_equal(liveupdate_flb_get_incoming(m, &flb, &obj), -EIO);
	did.retrieve_err = 0;
	assert_int_equal(liveupdate_flb_get_incoming(m, &flb, &obj), 0);
	assert_int_equal(did.retrieved, 2);
}

/* Finish all files of an FLB that nobody asked for; did it finish? */
static bool finishes_unretrieved(const struct release *release)
{
	int dev;

	use_loaded(release);
	dev = kexec_with(2, 0);
	assert_int_equal(finish(m, retrieve_session(m, dev, "a")), 0);
	return did.finished;
}

static void an_flb_that_nobody_retrieved_is_not_finished(void **state)
{
	struct release release = release_named("v7.0");

	(void)state;
	assert_false(finishes_unretrieved(&release));
	assert_int_equal(seen.warns, 0);
	machine_end(m);
	assert_int_equal(seen.violations[VIOLATION_LEAK], 1);
	release = release_named("v7.3");
	assert_false(finishes_unretrieved(&release));
	/* The second time the count stands where it was put, and it warns once. */
	assert_int_equal(seen.warns, 1);
	assert_string_equal(seen.warn, "refcount_warn_saturate");
	machine_end(m);
	assert_int_equal(seen.violations[VIOLATION_LEAK], 1);
	release.fixes |= FIX_BIT(FIX_FLB_FINISH_STATE);
	assert_true(finishes_unretrieved(&release));
	assert_int_equal(did.retrieved, 1);
	machine_end(m);
	assert_clean();
}

static void a_failed_retrieve_is_a_warning_at_the_last_finish(void **state)
{
	void *obj;
	int dev;

	(void)state;
	use("v7.3");
	dev = kexec_with(2, 0);
	did.retrieve_err = -EIO;
	assert_int_equal(liveupdate_flb_get_incoming(m, &flb, &obj), -EIO);
	assert_int_equal(finish(m, retrieve_session(m, dev, "a")), 0);
	assert_int_equal(seen.warns, 1);
	assert_string_equal(seen.warn, "liveupdate_flb_put_incoming");
	assert_int_equal(did.finished, 0);
}

static void a_reference_held_at_reboot_counts_as_a_file(void **state)
{
	void *obj;
	int dev;

	(void)state;
	use("v7.3");
	session_with(open_dev(m), "a", 1);
	assert_int_equal(liveupdate_flb_get_outgoing(m, &flb, &obj), 0);
	assert_int_equal(kexec(m), 0);
	load();
	dev = open_dev(m);
	assert_int_equal(liveupdate_flb_get_incoming(m, &flb, &obj), 0);
	liveupdate_flb_put_incoming(m, &flb);
	assert_int_equal(finish(m, retrieve_session(m, dev, "a")), 0);
	assert_int_equal(flb.incoming.count, 1);
	assert_int_equal(did.finished, 0);
	machine_end(m);
	assert_int_equal(seen.violations[VIOLATION_LEAK], 1);
}

static void only_preserved_flbs_are_handed_over(void **state)
{
	struct liveupdate_file_handler unused;
	struct liveupdate_flb other;
	void *obj;

	(void)state;
	use("v7.3");
	assert_int_equal(register_handler(&unused, "unused-v1"), 0);
	name_flb(&other, "other-v1");
	assert_int_equal(liveupdate_register_flb(m, &unused, &other), 0);
	kexec_with(1, 0);
	name_flb(&other, "other-v1");
	assert_int_equal(liveupdate_register_flb(m, &handler, &other), 0);
	assert_int_equal(liveupdate_flb_get_incoming(m, &other, &obj), -ENOENT);
	assert_int_equal(liveupdate_flb_get_incoming(m, &flb, &obj), 0);
}

static void registration_checks_in_this_order(void **state)
{
	struct liveupdate_flb_ops ops = flb_ops;
	struct liveupdate_file_handler second, stranger = { .ops = &pipe_ops };
	struct liveupdate_flb bad, twin;

	(void)state;
	use("v7.3");
	name_flb(&bad, "bad-v1");
	name_flb(&twin, "flb-v1");
	ops.finish = NULL;
	bad.ops = &ops;
	assert_int_equal(liveupdate_register_flb(m, &handler, &bad), -EINVAL);
	assert_int_equal(seen.warns, 1);
	bad.ops = &flb_ops;
	assert_int_equal(liveupdate_register_flb(m, &stranger, &bad), -EINVAL);
	assert_int_equal(seen.warns, 2);
	assert_int_equal(liveupdate_register_flb(m, &handler, &flb), -EEXIST);
	assert_int_equal(liveupdate_register_flb(m, &handler, &twin), -EEXIST);
	assert_int_equal(register_handler(&second, "second-v1"), 0);
	assert_int_equal(liveupdate_register_flb(m, &second, &flb), 0);
	assert_int_equal(flb.users, 2);
	liveupdate_unregister_flb(m, &handler, &flb);
	assert_int_equal(m->k->luo.flb_count, 1);
	liveupdate_unregister_flb(m, &second, &flb);
	assert_int_equal(m->k->luo.flb_count, 0);
	liveupdate_unregister_flb(m, &second, &flb);
	assert_said("luo: Failed to unregister FLB 'flb-v1'");
	assert_int_equal(liveupdate_register_flb(m, &handler, &twin), 0);
}

static void the_page_holds_63(void **state)
{
	static struct liveupdate_flb many[64];
	char name[32];

	(void)state;
	use("v7.3");
	for (int i = 0; i < 63; i++) {
		snprintf(name, sizeof(name), "many-%d", i);
		name_flb(&many[i], name);
		assert_int_equal(liveupdate_register_flb(m, &handler, &many[i]),
				 i < 62 ? 0 : -ENOSPC);
	}
	session_with(open_dev(m), "a", 1);
	assert_int_equal(did.preserved, 63);
	assert_int_equal(kexec(m), 0);
	assert_false(m->panicked);
}

static void unregistering_a_handler_takes_its_flbs_along(void **state)
{
	struct census before;

	(void)state;
	machine_free(m);
	m = boot("v7.3");
	before = m->ledger.now;
	load();
	liveupdate_unregister_file_handler(m, &handler);
	assert_same_census(&before, &m->ledger.now);
	assert_int_equal(m->k->luo.flb_count, 0);
	load();
}

static void up_to_7_0_sessions_keep_handlers_out(void **state)
{
	struct liveupdate_file_handler late;
	struct liveupdate_flb other;

	(void)state;
	name_flb(&other, "other-v1");
	for_each_release(r) {
		bool refuses = !(r->fixes & FIX_BIT(FIX_REGISTER_ANYTIME));
		bool flbs = strcmp(r->name, "v6.19");

		use_release(r);
		assert_int_equal(register_handler(&handler, "pipe-v1"), 0);
		create_session(m, open_dev(m), "a");
		assert_int_equal(register_handler(&late, "late-v1"), refuses ? -EBUSY : 0);
		name_flb(&other, "other-v1");
		assert_int_equal(liveupdate_register_flb(m, &handler, &other),
				 !flbs ? -EOPNOTSUPP : refuses ? -EBUSY : 0);
		assert_int_equal(refuses, !strcmp(r->name, "v6.19") || !strcmp(r->name, "v7.0"));
	}
}

int main(void)
{
#define TEST(f)	cmocka_unit_test_teardown(f, free_machine)
	const struct CMUnitTest tests[] = {
		TEST(the_first_file_preserves_and_the_last_gives_up),
		TEST(it_goes_through_kexec_once),
		TEST(what_follows_the_last_put_is_not_for_the_flb),
		TEST(nothing_incoming_is_enodata_another_flb_enoent),
		TEST(a_file_fails_with_its_flb),
		TEST(what_was_preserved_before_a_failing_flb_is_given_up),
		TEST(without_flb_outgoing_refs_a_getter_holds_nothing),
		TEST(without_flb_incoming_refs_a_getter_holds_nothing),
		TEST(without_flb_retrieve_status_a_failure_is_tried_again),
		TEST(an_flb_that_nobody_retrieved_is_not_finished),
		TEST(a_failed_retrieve_is_a_warning_at_the_last_finish),
		TEST(a_reference_held_at_reboot_counts_as_a_file),
		TEST(only_preserved_flbs_are_handed_over),
		TEST(registration_checks_in_this_order),
		TEST(the_page_holds_63),
		TEST(unregistering_a_handler_takes_its_flbs_along),
		TEST(up_to_7_0_sessions_keep_handlers_out),
	};

	return cmocka_run_group_tests_name("flb", tests, NULL, NULL);
}
