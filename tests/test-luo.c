/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sessions and their files through system calls: what each ioctl answers, in
 * the order in which the kernel looks, in every release; limits; what crosses
 * kexec.
 */
#include "machine-util.h"

static void use_limited(const char *release, enum limit limit, u64 n)
{
	machine_free(m);
	m = boot_limited(release, limit, n);
}

/* The next descriptor that the process would get. */
static int next_fd(void)
{
	int fd = sys_memfd_create(m, "", 0);

	assert_int_equal(sys_close(m, fd), 0);
	return fd;
}

static bool is_frozen(int fd)
{
	int err = sys_ftruncate(m, fd, 64 * PAGE_SIZE);

	if (err)
		assert_int_equal(err, -EPERM);
	return err;
}

/* The device. */

static void the_device_is_open_once_at_a_time(void **state)
{
	(void)state;
	for_each_release(r) {
		int dev, copy;

		use_release(r);
		dev = open_dev(m);
		assert_int_equal(sys_open(m, "/dev/liveupdate", O_RDWR), -EBUSY);
		copy = sys_dup(m, dev);
		assert_int_equal(sys_close(m, dev), 0);
		assert_int_equal(sys_open(m, "/dev/liveupdate", O_RDWR), -EBUSY);
		assert_int_equal(sys_close(m, copy), 0);
		open_dev(m);
		end_clean(m);
		m = NULL;
	}
}

static void there_is_no_device_without_liveupdate(void **state)
{
	(void)state;
	for_each_release(r) {
		struct boot off = { .release = *r, .kho = true };
		struct boot no_kho = { .release = *r, .liveupdate = true };

		use_release(r);
		machine_set_next(m, &off);
		assert_int_equal(kexec(m), 0);
		assert_int_equal(sys_open(m, "/dev/liveupdate", O_RDWR), -ENOENT);
		machine_set_next(m, &no_kho);
		assert_int_equal(kexec(m), 0);
		assert_int_equal(sys_open(m, "/dev/liveupdate", O_RDWR), -ENOENT);
	}
}

/* The checks that all ioctls share. @min is the size of the struct of command @nr of @fd. */
static void assert_common_checks(int fd, u32 nr, u32 size)
{
	u8 buf[256] = { 0 };
	struct uptr arg = { .mem = buf, .size = sizeof(buf) }, null = { 0 };
	u32 len;

	/* A size that cannot be read comes before a command with other bits. */
	assert_int_equal(sys_ioctl(m, fd, LIVEUPDATE_IO(nr), null), -EFAULT);
	assert_int_equal(sys_ioctl(m, fd, 0x40000000 | LIVEUPDATE_IO(nr), null), -EFAULT);
	assert_int_equal(sys_ioctl(m, fd, 0x40000000 | LIVEUPDATE_IO(nr), arg), -ENOTTY);
	assert_int_equal(sys_ioctl(m, fd, 0xbb00 | nr, arg), -ENOTTY);
	arg.size = 3;
	assert_int_equal(sys_ioctl(m, fd, LIVEUPDATE_IO(nr), arg), -EFAULT);
	/* Then a size that is too small, even where nothing more could be read. */
	len = size - 1;
	memcpy(buf, &len, sizeof(len));
	arg.size = 4;
	assert_int_equal(sys_ioctl(m, fd, LIVEUPDATE_IO(nr), arg), -EINVAL);
	/* Then what cannot be read, then what is not zero behind it. */
	len = size;
	memcpy(buf, &len, sizeof(len));
	arg.size = size - 1;
	assert_int_equal(sys_ioctl(m, fd, LIVEUPDATE_IO(nr), arg), -EFAULT);
	len = size + 8;
	memcpy(buf, &len, sizeof(len));
	arg.size = size + 7;
	assert_int_equal(sys_ioctl(m, fd, LIVEUPDATE_IO(nr), arg), -EFAULT);
	arg.size = size + 8;
	buf[size + 7] = 1;
	assert_int_equal(sys_ioctl(m, fd, LIVEUPDATE_IO(nr), arg), -E2BIG);
}

static void every_ioctl_checks_its_argument_in_the_same_order(void **state)
{
	(void)state;
	for_each_release(r) {
		struct uptr null = { 0 };
		int dev, session;

		use_release(r);
		dev = open_dev(m);
		session = create_session(m, dev, "out");
		assert_common_checks(dev, 0x00, sizeof(struct liveupdate_ioctl_session));
		assert_common_checks(dev, 0x01, sizeof(struct liveupdate_ioctl_session));
		assert_int_equal(sys_ioctl(m, dev, LIVEUPDATE_IO(0x02), null), -EINVAL);
		assert_int_equal(sys_ioctl(m, dev, LIVEUPDATE_SESSION_PRESERVE_FD, null), -EINVAL);
		assert_common_checks(session, 0x40, sizeof(struct liveupdate_session_fd));
		if (since("v7.2"))
			assert_common_checks(session, 0x43,
					     sizeof(struct liveupdate_session_get_name));
		assert_int_equal(sys_ioctl(m, session, LIVEUPDATE_IO(0x3f), null), -EINVAL);
		assert_int_equal(sys_ioctl(m, session, LIVEUPDATE_IO(0x44), null), -EINVAL);
		assert_int_equal(sys_ioctl(m, session, LIVEUPDATE_IO(0x00), null), -EINVAL);
		assert_int_equal(kexec(m), 0);
		dev = open_dev(m);
		session = retrieve_session(m, dev, "out");
		assert_common_checks(session, 0x41, sizeof(struct liveupdate_session_fd));
		assert_common_checks(session, 0x42, sizeof(struct liveupdate_session_finish));
	}
}

static void an_argument_may_be_longer_when_the_rest_is_zero(void **state)
{
	struct {
		struct liveupdate_ioctl_session arg;
		u8 more[16];
	} longer = { .arg = { .size = sizeof(longer), .name = "long" } };

	(void)state;
	for_each_release(r) {
		use_release(r);
		assert_int_equal(sys_ioctl(m, open_dev(m), LIVEUPDATE_IOCTL_CREATE_SESSION,
					   USER(&longer)), 0);
		assert_int_equal(longer.arg.fd, 4);
	}
}

/* Create and retrieve sessions. */

static void create_looks_for_a_descriptor_before_the_name(void **state)
{
	(void)state;
	for_each_release(r) {
		int dev;

		use_release(r);
		dev = open_dev(m);
		assert_int_equal(sys_setrlimit_nofile(m, dev + 1), 0);
		assert_int_equal(create_session(m, dev, ""), -EMFILE);
		assert_int_equal(retrieve_session(m, dev, "nobody"), -EMFILE);
	}
}

static void names_are_checked_since_7_1(void **state)
{
	char full[65];

	(void)state;
	memset(full, 'n', 64);
	full[64] = 0;
	for_each_release(r) {
		int dev;

		use_release(r);
		dev = open_dev(m);
		if (since("v7.1")) {
			assert_int_equal(create_session(m, dev, ""), -EINVAL);
			assert_int_equal(create_session(m, dev, full), -EINVAL);
		} else {
			assert_true(create_session(m, dev, "") > 0);
			assert_true(create_session(m, dev, full) > 0);
			/* It was cut to 63 bytes, under which it is found. */
			assert_int_equal(create_session(m, dev, full + 1), -EEXIST);
		}
		full[63] = 0;
		assert_true(create_session(m, dev, full + 2) > 0);
		full[63] = 'n';
	}
}

static void a_name_is_used_once_among_outgoing_sessions(void **state)
{
	(void)state;
	for_each_release(r) {
		int dev, fd;

		use_release(r);
		dev = open_dev(m);
		fd = create_session(m, dev, "vm0");
		assert_true(fd > dev);
		assert_int_equal(create_session(m, dev, "vm0"), -EEXIST);
		assert_int_equal(next_fd(), fd + 1);
		assert_int_equal(sys_close(m, fd), 0);
		assert_int_equal(create_session(m, dev, "vm0"), fd);
		/* Outgoing sessions are not there to be retrieved. */
		assert_int_equal(retrieve_session(m, dev, "vm0"), -ENOENT);
		/* In the next kernel the same name may go both ways. */
		assert_int_equal(kexec(m), 0);
		dev = open_dev(m);
		assert_true(create_session(m, dev, "vm0") > 0);
		assert_true(retrieve_session(m, dev, "vm0") > 0);
		end_clean(m);
		m = NULL;
	}
}

static void a_session_whose_answer_cannot_be_written_is_gone(void **state)
{
	(void)state;
	for_each_release(r) {
		struct liveupdate_ioctl_session arg = { .size = sizeof(arg), .name = "vm0" };
		struct uptr ro = { .mem = &arg, .size = sizeof(arg), .read_only = true };
		struct census before;
		int dev;

		use_release(r);
		dev = open_dev(m);
		before = m->ledger.now;
		assert_int_equal(sys_ioctl(m, dev, LIVEUPDATE_IOCTL_CREATE_SESSION, ro), -EFAULT);
		assert_same_census(&before, &m->ledger.now);
		assert_true(create_session(m, dev, "vm0") > 0);
	}
}

static void a_session_is_retrieved_once(void **state)
{
	(void)state;
	for_each_release(r) {
		int dev, fd;

		use_release(r);
		create_session(m, open_dev(m), "vm0");
		assert_int_equal(kexec(m), 0);
		dev = open_dev(m);
		assert_int_equal(retrieve_session(m, dev, "vm"), -ENOENT);
		assert_int_equal(retrieve_session(m, dev, ""), -ENOENT);
		fd = retrieve_session(m, dev, "vm0");
		assert_true(fd > dev);
		assert_int_equal(retrieve_session(m, dev, "vm0"), -EINVAL);
		assert_int_equal(next_fd(), fd + 1);
		assert_int_equal(sys_close(m, fd), 0);
		assert_int_equal(retrieve_session(m, dev, "vm0"), -ENOENT);
		end_clean(m);
		m = NULL;
	}
}

/* Preserve. */

static void preserve_tells_its_errors_apart_in_order(void **state)
{
	(void)state;
	for_each_release(r) {
		int dev, s, mem, pipe;

		use_release(r);
		dev = open_dev(m);
		s = create_session(m, dev, "vm0");
		mem = memfd_with(m, "page");
		pipe = sys_open_kind(m, FILE_PIPE);
		assert_int_equal(preserve_fd(m, s, mem, 1), 0);
		assert_int_equal(preserve_fd(m, s, -1, 1), -EEXIST);
		assert_int_equal(preserve_fd(m, s, -1, 2), -EBADF);
		assert_int_equal(preserve_fd(m, s, 99, 2), -EBADF);
		assert_int_equal(preserve_fd(m, s, pipe, 2), -ENOENT);
		assert_int_equal(preserve_fd(m, s, s, 2), -ENOENT);
		assert_int_equal(preserve_fd(m, s, dev, 2), -ENOENT);
		assert_int_equal(preserve_fd(m, s, mem, 2), since("v7.1") ? -EBUSY : 0);
		assert_int_equal(preserve_fd(m, mem, mem, 2), -ENOTTY);
		assert_int_equal(preserve_fd(m, -1, mem, 2), -EBADF);
	}
}

static void only_unlinked_shmem_files_are_preserved(void **state)
{
	static const bool preserved[NR_FILE_KINDS] = {
		[FILE_REGULAR_UNLINKED] = true,
		[FILE_ROOTFS_UNLINKED] = true,
		[FILE_TMPFILE] = true,
		[FILE_SHM] = true,
		[FILE_DEVZERO_SHARED] = true,
	};

	(void)state;
	for_each_release(r) {
		int s;

		use_release(r);
		s = create_session(m, open_dev(m), "vm0");
		for (int kind = 0; kind < NR_FILE_KINDS; kind++) {
			int fd = sys_open_kind(m, kind);
			/* A posted handler takes them. */
			bool posted = kind == FILE_EVENTFD && is_since(r, "next");
			int want = preserved[kind] || posted ? 0 :
				   kind == FILE_OPATH ? -EBADF : -ENOENT;

			assert_true(fd > 0);
			assert_int_equal(preserve_fd(m, s, fd, kind), want);
		}
		end_clean(m);
		m = NULL;
	}
}

static void a_preserve_that_is_refused_changes_nothing(void **state)
{
	(void)state;
	for_each_release(r) {
		struct census before;
		int s, pipe;

		use_release(r);
		s = create_session(m, open_dev(m), "vm0");
		pipe = sys_open_kind(m, FILE_PIPE);
		before = m->ledger.now;
		assert_int_equal(preserve_fd(m, s, -1, 2), -EBADF);
		assert_same_census(&before, &m->ledger.now);
		assert_int_equal(preserve_fd(m, s, pipe, 2), -ENOENT);
		assert_same_census(&before, &m->ledger.now);
	}
}

static void a_preserve_whose_answer_cannot_be_written_has_happened(void **state)
{
	(void)state;
	for_each_release(r) {
		struct liveupdate_session_fd arg = { .size = sizeof(arg), .token = 1 };
		struct uptr ro = { .mem = &arg, .size = sizeof(arg), .read_only = true };
		int s;

		use_release(r);
		s = create_session(m, open_dev(m), "vm0");
		arg.fd = memfd_with(m, "page");
		assert_int_equal(sys_ioctl(m, s, LIVEUPDATE_SESSION_PRESERVE_FD, ro), -EFAULT);
		assert_int_equal(preserve_fd(m, s, arg.fd, 1), -EEXIST);
		assert_true(is_frozen(arg.fd));
	}
}

static void one_object_is_preserved_once_since_7_1(void **state)
{
	(void)state;
	for_each_release(r) {
		int want = since("v7.1") ? -EBUSY : 0;
		int dev, a, b, mem, again;
		char path[32];

		use_release(r);
		dev = open_dev(m);
		a = create_session(m, dev, "a");
		b = create_session(m, dev, "b");
		mem = memfd_with(m, "page");
		snprintf(path, sizeof(path), "/proc/self/fd/%d", mem);
		again = sys_open(m, path, O_RDWR);
		assert_int_equal(preserve_fd(m, a, mem, 1), 0);
		assert_int_equal(preserve_fd(m, a, sys_dup(m, mem), 2), want);
		assert_int_equal(preserve_fd(m, b, mem, 1), want);
		assert_int_equal(preserve_fd(m, b, again, 3), want);
		/* Given up by the one session it is free for the other. */
		assert_int_equal(sys_close(m, a), 0);
		assert_int_equal(preserve_fd(m, b, mem, 4), 0);
	}
}

static void closing_a_session_undoes_all_its_preserves(void **state)
{
	(void)state;
	for_each_release(r) {
		struct census before, after;
		int dev, s, mem[200];

		use_release(r);
		dev = open_dev(m);
		for (u32 i = 0; i < 100; i++)
			mem[i] = memfd_with(m, "page");
		before = m->ledger.now;
		s = create_session(m, dev, "vm0");
		for (u32 i = 0; i < 100; i++)
			assert_int_equal(preserve_fd(m, s, mem[i], i), 0);
		assert_int_equal(census(m, CENSUS_LUO_FILES), 100);
		assert_int_equal(census(m, CENSUS_PINS), 100);
		assert_int_equal(sys_close(m, s), 0);
		after = m->ledger.now;
		assert_same_census(&before, &after);
		for (u32 i = 0; i < 100; i++)
			assert_false(is_frozen(mem[i]));
		end_clean(m);
		m = NULL;
	}
}

static void a_preserved_file_outlives_its_descriptor(void **state)
{
	(void)state;
	for_each_release(r) {
		int s, mem;

		use_release(r);
		s = create_session(m, open_dev(m), "vm0");
		mem = memfd_with(m, "orphan");
		assert_int_equal(preserve_fd(m, s, mem, 1), 0);
		assert_int_equal(sys_close(m, mem), 0);
		assert_int_equal(kexec(m), 0);
		s = retrieve_session(m, open_dev(m), "vm0");
		assert_reads(m, retrieve_fd(m, s, 1), 0, "orphan");
		end_clean(m);
		m = NULL;
	}
}

/* Directions. */

static void ioctls_of_the_other_direction_are_refused_since_7_1(void **state)
{
	(void)state;
	for_each_release(r) {
		struct liveupdate_session_finish small = { .size = 4 };
		int dev, s, mem;

		use_release(r);
		if (!since("v7.1"))
			continue;
		dev = open_dev(m);
		s = create_session(m, dev, "vm0");
		mem = memfd_with(m, "page");
		assert_int_equal(preserve_fd(m, s, mem, 1), 0);
		assert_int_equal(retrieve_fd(m, s, 1), -EINVAL);
		assert_int_equal(finish(m, s), -EINVAL);
		/* Even with an argument that is too small. */
		assert_int_equal(sys_ioctl(m, s, LIVEUPDATE_SESSION_FINISH, USER(&small)),
				 -EINVAL);
		assert_int_equal(kexec(m), 0);
		dev = open_dev(m);
		s = retrieve_session(m, dev, "vm0");
		assert_int_equal(preserve_fd(m, s, memfd_with(m, "other"), 2), -EINVAL);
		assert_int_equal(retrieve_fd(m, s, 2), -ENOENT);
		end_clean(m);
		m = NULL;
	}
}

/* Retrieve. */

static void retrieve_tells_its_errors_apart_in_order(void **state)
{
	(void)state;
	for_each_release(r) {
		int dev, s, first, again;

		use_release(r);
		s = create_session(m, open_dev(m), "vm0");
		assert_int_equal(preserve_fd(m, s, memfd_with(m, "page"), 0xab), 0);
		assert_int_equal(kexec(m), 0);
		dev = open_dev(m);
		s = retrieve_session(m, dev, "vm0");
		assert_int_equal(sys_setrlimit_nofile(m, s + 1), 0);
		assert_int_equal(retrieve_fd(m, s, 0xff), -EMFILE);
		assert_int_equal(sys_setrlimit_nofile(m, 1024), 0);
		assert_int_equal(retrieve_fd(m, s, 0xff), -ENOENT);
		assert_int_equal(next_fd(), s + 1);
		first = retrieve_fd(m, s, 0xab);
		again = retrieve_fd(m, s, 0xab);
		assert_int_equal(first, s + 1);
		assert_int_equal(again, s + 2);
		assert_int_equal(sys_kcmp_file(m, first, again), 1);
		end_clean(m);
		m = NULL;
	}
}

static void a_retrieve_whose_answer_cannot_be_written_can_be_repeated(void **state)
{
	(void)state;
	for_each_release(r) {
		struct liveupdate_session_fd arg = { .size = sizeof(arg), .token = 1 };
		struct uptr ro = { .mem = &arg, .size = sizeof(arg), .read_only = true };
		int s;

		use_release(r);
		s = create_session(m, open_dev(m), "vm0");
		assert_int_equal(preserve_fd(m, s, memfd_with(m, "kept"), 1), 0);
		assert_int_equal(kexec(m), 0);
		s = retrieve_session(m, open_dev(m), "vm0");
		assert_int_equal(sys_ioctl(m, s, LIVEUPDATE_SESSION_RETRIEVE_FD, ro), -EFAULT);
		assert_reads(m, retrieve_fd(m, s, 1), 0, "kept");
		end_clean(m);
		m = NULL;
	}
}

static void a_retrieved_file_is_managed_until_finish(void **state)
{
	(void)state;
	for_each_release(r) {
		int dev, in, out, mem;

		use_release(r);
		in = create_session(m, open_dev(m), "vm0");
		assert_int_equal(preserve_fd(m, in, memfd_with(m, "page"), 1), 0);
		assert_int_equal(kexec(m), 0);
		dev = open_dev(m);
		in = retrieve_session(m, dev, "vm0");
		out = create_session(m, dev, "vm0");
		mem = retrieve_fd(m, in, 1);
		assert_int_equal(preserve_fd(m, out, mem, 1), since("v7.1") ? -EBUSY : 0);
		assert_int_equal(finish(m, in), 0);
		assert_int_equal(preserve_fd(m, out, mem, 2), 0);
	}
}

/* Finish and close. */

static void finish_checks_its_reserved_word_since_7_2(void **state)
{
	(void)state;
	for_each_release(r) {
		struct liveupdate_session_finish arg = { .size = sizeof(arg), .reserved = 1 };
		int s;

		use_release(r);
		create_session(m, open_dev(m), "vm0");
		assert_int_equal(kexec(m), 0);
		s = retrieve_session(m, open_dev(m), "vm0");
		assert_int_equal(sys_ioctl(m, s, LIVEUPDATE_SESSION_FINISH, USER(&arg)),
				 since("v7.2") ? -EINVAL : 0);
		assert_int_equal(finish(m, s), 0);
	}
}

static void finish_ends_what_retrieve_gave_but_not_the_files(void **state)
{
	(void)state;
	for_each_release(r) {
		int s, mem;

		use_release(r);
		s = create_session(m, open_dev(m), "vm0");
		assert_int_equal(preserve_fd(m, s, memfd_with(m, "page"), 1), 0);
		assert_int_equal(kexec(m), 0);
		s = retrieve_session(m, open_dev(m), "vm0");
		mem = retrieve_fd(m, s, 1);
		assert_int_equal(finish(m, s), 0);
		assert_int_equal(retrieve_fd(m, s, 1), -ENOENT);
		assert_int_equal(finish(m, s), 0);
		assert_reads(m, mem, 0, "page");
		assert_false(is_frozen(mem));
		end_clean(m);
		m = NULL;
	}
}

static void files_that_were_not_retrieved_are_discarded(void **state)
{
	bool by_close = false;

	(void)state;
	do {
		for_each_release(r) {
			s64 frames;
			int dev, s;

			use_release(r);
			s = create_session(m, open_dev(m), "vm0");
			for (u64 token = 1; token <= 20; token++)
				assert_int_equal(preserve_fd(m, s, memfd_sized(m, 9 * PAGE_SIZE),
							     token), 0);
			assert_int_equal(kexec(m), 0);
			dev = open_dev(m);
			frames = census(m, CENSUS_FRAMES);
			s = retrieve_session(m, dev, "vm0");
			if (!by_close)
				assert_int_equal(finish(m, s), 0);
			assert_int_equal(sys_close(m, s), 0);
			assert_int_equal(census(m, CENSUS_FRAMES), frames);
			assert_int_equal(census(m, CENSUS_LUO_FILES), 0);
			end_clean(m);
			m = NULL;
		}
		by_close = !by_close;
	} while (by_close);
}

static void a_session_nobody_retrieves_waits(void **state)
{
	(void)state;
	for_each_release(r) {
		s64 incoming;
		int s;

		use_release(r);
		s = create_session(m, open_dev(m), "vm0");
		assert_int_equal(preserve_fd(m, s, memfd_with(m, "page"), 1), 0);
		assert_int_equal(kexec(m), 0);
		sys_close(m, open_dev(m));
		incoming = census(m, CENSUS_INCOMING);
		s = retrieve_session(m, open_dev(m), "vm0");
		assert_int_equal(census(m, CENSUS_INCOMING), incoming);
		assert_reads(m, retrieve_fd(m, s, 1), 0, "page");
		end_clean(m);
		m = NULL;
	}
}

/* GET_NAME */

static int get_name(int s, struct liveupdate_session_get_name *arg)
{
	arg->size = sizeof(*arg);
	return sys_ioctl(m, s, LIVEUPDATE_SESSION_GET_NAME, USER(arg));
}

static void get_name_works_both_ways_since_7_2(void **state)
{
	(void)state;
	for_each_release(r) {
		struct liveupdate_session_get_name arg = { 0 };
		int s;

		use_release(r);
		s = create_session(m, open_dev(m), "vm0");
		if (!since("v7.2")) {
			assert_int_equal(get_name(s, &arg), -EINVAL);
			continue;
		}
		assert_int_equal(get_name(s, &arg), 0);
		assert_string_equal((char *)arg.name, "vm0");
		assert_int_equal(kexec(m), 0);
		s = retrieve_session(m, open_dev(m), "vm0");
		memset(&arg, 0, sizeof(arg));
		assert_int_equal(get_name(s, &arg), 0);
		assert_string_equal((char *)arg.name, "vm0");
		arg.reserved = 1;
		assert_int_equal(get_name(s, &arg), -EINVAL);
	}
}

/* Limits. */

static void create_n(int dev, u32 n)
{
	char name[16];

	for (u32 i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		assert_true(create_session(m, dev, name) > 0);
	}
}

static void the_array_of_sessions_is_full_before_a_name_is_looked_at(void **state)
{
	static const char *const names[] = { "v6.19", "v7.0", "v7.1" };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(names); i++) {
		int dev, fd;

		use_limited(names[i], LIMIT_SESSIONS, 3);
		dev = open_dev(m);
		create_n(dev, 2);
		fd = create_session(m, dev, "last");
		assert_int_equal(create_session(m, dev, "more"), -ENOMEM);
		assert_int_equal(create_session(m, dev, "s0"), -ENOMEM);
		assert_int_equal(sys_close(m, fd), 0);
		assert_int_equal(create_session(m, dev, "more"), fd);
		end_clean(m);
		m = NULL;
	}
}

static void blocks_of_sessions_end_at_the_limit_of_blocks(void **state)
{
	static const char *const names[] = { "v7.2", "v7.3" };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(names); i++) {
		struct release limited = release_named(names[i]);
		int dev, fd;

		limited.limit[LIMIT_BLOCKS] = 2;
		limited.limit[LIMIT_SESSIONS_PER_BLOCK] = 2;
		use_release(&limited);
		dev = open_dev(m);
		create_n(dev, 3);
		fd = create_session(m, dev, "last");
		assert_int_equal(create_session(m, dev, "more"), -ENOSPC);
		assert_int_equal(sys_close(m, fd), 0);
		assert_int_equal(create_session(m, dev, "s0"), -EEXIST);
		assert_int_equal(create_session(m, dev, "more"), fd);
		end_clean(m);
		m = NULL;
	}
}

static void the_array_holds_819_sessions_and_128_files(void **state)
{
	int dev, s, mem;

	(void)state;
	machine_free(m);
	m = boot("v6.19");
	dev = open_dev(m);
	create_n(dev, 818);
	s = create_session(m, dev, "files");
	assert_int_equal(create_session(m, dev, "more"), -ENOMEM);
	for (u64 token = 0; token < 128; token++) {
		mem = memfd_with(m, "x");
		assert_int_equal(preserve_fd(m, s, mem, token), 0);
		sys_close(m, mem);
	}
	mem = memfd_with(m, "x");
	assert_int_equal(preserve_fd(m, s, -1, 1), -EEXIST);
	assert_int_equal(preserve_fd(m, s, -1, 128), -ENOSPC);
	assert_int_equal(preserve_fd(m, s, mem, 128), -ENOSPC);
	assert_int_equal(kexec(m), 0);
	dev = open_dev(m);
	s = retrieve_session(m, dev, "files");
	assert_reads(m, retrieve_fd(m, s, 127), 0, "x");
	assert_true(retrieve_session(m, dev, "s817") > 0);
	end_clean(m);
	m = NULL;
}

static void blocks_of_files_end_at_the_limit_of_blocks(void **state)
{
	struct release limited = release_named("v7.3");
	int s, mem, pipe;

	(void)state;
	limited.limit[LIMIT_BLOCKS] = 2;
	limited.limit[LIMIT_FILES_PER_BLOCK] = 2;
	use_release(&limited);
	s = create_session(m, open_dev(m), "vm0");
	pipe = sys_open_kind(m, FILE_PIPE);
	for (u64 token = 0; token < 4; token++)
		assert_int_equal(preserve_fd(m, s, memfd_with(m, "x"), token), 0);
	mem = memfd_with(m, "x");
	assert_int_equal(preserve_fd(m, s, mem, 4), -ENOSPC);
	/* Before the descriptor is looked at. */
	assert_int_equal(preserve_fd(m, s, -1, 4), -ENOSPC);
	assert_int_equal(preserve_fd(m, s, pipe, 4), -ENOSPC);
	assert_int_equal(kexec(m), 0);
	s = retrieve_session(m, open_dev(m), "vm0");
	for (u64 token = 0; token < 4; token++)
		assert_reads(m, retrieve_fd(m, s, token), 0, "x");
	end_clean(m);
	m = NULL;
}

/* Kexec. */

static void kexec_needs_an_image(void **state)
{
	(void)state;
	for_each_release(r) {
		use_release(r);
		assert_int_equal(sys_reboot_kexec(m), -EINVAL);
		assert_int_equal(sys_kexec_load(m, KEXEC_FILE), 0);
		assert_int_equal(sys_kexec_unload(m), 0);
		assert_int_equal(sys_reboot_kexec(m), -EINVAL);
		assert_int_equal(machine_kernel(m), 1);
		assert_int_equal(kexec(m), 0);
		assert_int_equal(machine_kernel(m), 2);
	}
}

static void many_sessions_with_many_files_cross_kexec(void **state)
{
	char name[16], text[32];

	(void)state;
	for_each_release(r) {
		int dev, s, fd;

		m = boot_release(r, 256 * MIB);
		dev = open_dev(m);
		for (u32 i = 0; i < 120; i++) {
			snprintf(name, sizeof(name), "vm%u", i);
			s = create_session(m, dev, name);
			assert_true(s > 0);
			/* From none, over one block, to two. */
			for (u32 token = 0; token < (i * i) % 130 && token < 128; token++) {
				snprintf(text, sizeof(text), "%u/%u", i, token);
				fd = memfd_with(m, text);
				assert_int_equal(preserve_fd(m, s, fd, token), 0);
				sys_close(m, fd);
			}
		}
		assert_int_equal(kexec(m), 0);
		dev = open_dev(m);
		for (u32 i = 120; i--; ) {
			snprintf(name, sizeof(name), "vm%u", i);
			s = retrieve_session(m, dev, name);
			assert_true(s > 0);
			for (u32 token = (i * i) % 130; token--; ) {
				if (token >= 128)
					continue;
				snprintf(text, sizeof(text), "%u/%u", i, token);
				fd = retrieve_fd(m, s, token);
				assert_reads(m, fd, 0, text);
				sys_close(m, fd);
			}
			assert_int_equal(finish(m, s), 0);
			sys_close(m, s);
		}
		end_clean(m);
		m = NULL;
	}
}

static void a_file_crosses_many_kexecs(void **state)
{
	(void)state;
	for_each_release(r) {
		int dev, s, mem;

		use_release(r);
		mem = memfd_with(m, "traveller");
		dev = open_dev(m);
		for (u32 hop = 0; hop < 20; hop++) {
			s = create_session(m, dev, "vm0");
			assert_int_equal(preserve_fd(m, s, mem, hop), 0);
			assert_int_equal(kexec(m), 0);
			dev = open_dev(m);
			s = retrieve_session(m, dev, "vm0");
			mem = retrieve_fd(m, s, hop);
			assert_int_equal(finish(m, s), 0);
			sys_close(m, s);
		}
		assert_reads(m, mem, 0, "traveller");
		end_clean(m);
		m = NULL;
	}
}

static void the_position_is_that_of_kexec_and_the_size_that_of_preserve(void **state)
{
	(void)state;
	for_each_release(r) {
		struct luosim_stat st;
		int s, mem;

		use_release(r);
		s = create_session(m, open_dev(m), "vm0");
		mem = memfd_sized(m, 5000);
		assert_int_equal(preserve_fd(m, s, mem, 1), 0);
		assert_int_equal(sys_lseek(m, mem, 4321, SEEK_SET), 4321);
		assert_int_equal(sys_pwrite(m, mem, "late", 4, 100), 4);
		assert_int_equal(kexec(m), 0);
		s = retrieve_session(m, open_dev(m), "vm0");
		mem = retrieve_fd(m, s, 1);
		assert_int_equal(sys_fstat(m, mem, &st), 0);
		assert_int_equal(st.pos, 4321);
		assert_int_equal(st.size, 5000);
		assert_true(st.cloexec);
		assert_reads(m, mem, 100, "late");
		end_clean(m);
		m = NULL;
	}
}

static void a_6_19_handover_stops_7_0_which_wants_its_flb_node(void **state)
{
	struct boot next = { .release = release_named("v7.0"), .kho = true };

	(void)state;
	use_limited("v6.19", LIMIT_NOFILE, 1024);
	machine_set_next(m, &next);
	seen.may_panic = true;
	assert_int_equal(kexec(m), -EIO);
	assert_true(machine_panicked(m));
	assert_int_equal(sys_memfd_create(m, "", 0), -EIO);
}

static void luo_data_of_another_format_stop_the_next_kernel(void **state)
{
	(void)state;
	for_each_release(r) {
		struct boot next = { .release = *r, .kho = true, .liveupdate = true };

		use_release(r);
		next.release.luo_compatible = "luo-v9";
		machine_set_next(m, &next);
		seen.may_panic = true;
		assert_int_equal(kexec(m), -EIO);
		assert_non_null(strstr(seen.log, "incompatible"));
		assert_true(machine_panicked(m));
	}
}

/* What a missing handler does when the device is opened. */
static void a_file_without_handler_fails_the_open_since_7_0(void **state)
{
	(void)state;
	for_each_release(r) {
		struct boot next = { .release = *r, .kho = true, .liveupdate = true };
		int s;

		use_release(r);
		s = create_session(m, open_dev(m), "vm0");
		assert_int_equal(preserve_fd(m, s, memfd_with(m, "page"), 1), 0);
		next.release.memfd_compatible = "memfd-v9";
		machine_set_next(m, &next);
		assert_int_equal(kexec(m), 0);
		if (!since("v7.0")) {
			s = retrieve_session(m, open_dev(m), "vm0");
			assert_int_equal(retrieve_fd(m, s, 1), -ENOENT);
			continue;
		}
		assert_int_equal(sys_open(m, "/dev/liveupdate", O_RDWR), -EIO);
		assert_int_equal(sys_open(m, "/dev/liveupdate", O_RDWR), -EIO);
		assert_said("luo: Failed to deserialize files for session [vm0] -2");
	}
}

int main(void)
{
#define TEST(f)	cmocka_unit_test_teardown(f, free_machine)
	const struct CMUnitTest tests[] = {
		TEST(the_device_is_open_once_at_a_time),
		TEST(there_is_no_device_without_liveupdate),
		TEST(every_ioctl_checks_its_argument_in_the_same_order),
		TEST(an_argument_may_be_longer_when_the_rest_is_zero),
		TEST(create_looks_for_a_descriptor_before_the_name),
		TEST(names_are_checked_since_7_1),
		TEST(a_name_is_used_once_among_outgoing_sessions),
		TEST(a_session_whose_answer_cannot_be_written_is_gone),
		TEST(a_session_is_retrieved_once),
		TEST(preserve_tells_its_errors_apart_in_order),
		TEST(only_unlinked_shmem_files_are_preserved),
		TEST(a_preserve_that_is_refused_changes_nothing),
		TEST(a_preserve_whose_answer_cannot_be_written_has_happened),
		TEST(one_object_is_preserved_once_since_7_1),
		TEST(closing_a_session_undoes_all_its_preserves),
		TEST(a_preserved_file_outlives_its_descriptor),
		TEST(ioctls_of_the_other_direction_are_refused_since_7_1),
		TEST(retrieve_tells_its_errors_apart_in_order),
		TEST(a_retrieve_whose_answer_cannot_be_written_can_be_repeated),
		TEST(a_retrieved_file_is_managed_until_finish),
		TEST(finish_checks_its_reserved_word_since_7_2),
		TEST(finish_ends_what_retrieve_gave_but_not_the_files),
		TEST(files_that_were_not_retrieved_are_discarded),
		TEST(a_session_nobody_retrieves_waits),
		TEST(get_name_works_both_ways_since_7_2),
		TEST(the_array_of_sessions_is_full_before_a_name_is_looked_at),
		TEST(blocks_of_sessions_end_at_the_limit_of_blocks),
		TEST(the_array_holds_819_sessions_and_128_files),
		TEST(blocks_of_files_end_at_the_limit_of_blocks),
		TEST(kexec_needs_an_image),
		TEST(many_sessions_with_many_files_cross_kexec),
		TEST(a_file_crosses_many_kexecs),
		TEST(the_position_is_that_of_kexec_and_the_size_that_of_preserve),
		TEST(a_6_19_handover_stops_7_0_which_wants_its_flb_node),
		TEST(luo_data_of_another_format_stop_the_next_kernel),
		TEST(a_file_without_handler_fails_the_open_since_7_0),
	};

	return cmocka_run_group_tests_name("luo", tests, NULL, NULL);
}
