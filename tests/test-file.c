/* SPDX-License-Identifier: GPL-2.0-only */
/* Descriptors, open files and the kinds of files there are. */
#include "machine-util.h"

static struct luosim_stat stat_of(int fd)
{
	struct luosim_stat st;

	assert_int_equal(sys_fstat(m, fd, &st), 0);
	return st;
}

static int reopen(int fd, int flags)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return sys_open(m, path, flags);
}

static void the_lowest_free_descriptor_is_used(void **state)
{
	int fd[200];

	(void)state;
	for (int i = 0; i < 200; i++) {
		fd[i] = sys_memfd_create(m, "x", 0);
		assert_int_equal(fd[i], i + 3);
	}
	assert_int_equal(sys_close(m, 150), 0);
	assert_int_equal(sys_close(m, 70), 0);
	assert_int_equal(sys_dup(m, 3), 70);
	assert_int_equal(sys_dup(m, 3), 150);
	assert_int_equal(sys_dup(m, 3), 203);
}

static void bad_descriptors_are_ebadf(void **state)
{
	static const int bad[] = { -1, -100, 3, 63, 64, 1023, 1 << 20, INT32_MAX, INT32_MIN };
	struct luosim_stat st;
	char byte = 0;

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(sys_close(m, bad[i]), -EBADF);
		assert_int_equal(sys_dup(m, bad[i]), -EBADF);
		assert_int_equal(sys_fcntl(m, bad[i], F_GETFD, 0), -EBADF);
		assert_int_equal(sys_fstat(m, bad[i], &st), -EBADF);
		assert_int_equal(sys_pread(m, bad[i], &byte, 1, 0), -EBADF);
		assert_int_equal(sys_pwrite(m, bad[i], &byte, 1, 0), -EBADF);
		assert_int_equal(sys_lseek(m, bad[i], 0, SEEK_SET), -EBADF);
		assert_int_equal(sys_ftruncate(m, bad[i], 0), -EBADF);
		assert_int_equal(sys_fallocate(m, bad[i], 0, 0, 1), -EBADF);
		assert_int_equal(sys_ioctl(m, bad[i], 0, (struct uptr){ 0 }), -EBADF);
	}
}

static void rlimit_nofile_bounds_new_descriptors_only(void **state)
{
	int fd = sys_memfd_create(m, "x", 0);

	(void)state;
	assert_int_equal(fd, 3);
	assert_int_equal(sys_setrlimit_nofile(m, 2), 0);
	assert_int_equal(sys_dup(m, fd), -EMFILE);
	assert_int_equal(sys_memfd_create(m, "x", 0), -EMFILE);
	assert_int_equal(sys_open_kind(m, FILE_PIPE), -EMFILE);
	assert_int_equal(stat_of(fd).size, 0);
	assert_int_equal(sys_setrlimit_nofile(m, 5), 0);
	assert_int_equal(sys_dup(m, fd), 4);
	assert_int_equal(sys_dup(m, fd), -EMFILE);
	assert_int_equal(sys_setrlimit_nofile(m, 1ull << 30), -EPERM);
}

static void a_table_of_descriptors_grows_as_far_as_the_limit(void **state)
{
	int fd = sys_memfd_create(m, "x", 0), last = fd;

	(void)state;
	assert_int_equal(sys_setrlimit_nofile(m, 10000), 0);
	for (int want = fd + 1; want < 10000; want++) {
		last = sys_dup(m, fd);
		assert_int_equal(last, want);
	}
	assert_int_equal(sys_dup(m, fd), -EMFILE);
	assert_int_equal(sys_kcmp_file(m, fd, last), 1);
}

static void a_duplicate_shares_the_position_and_a_reopen_does_not(void **state)
{
	int fd = memfd_with(m, "shared"), copy = sys_dup(m, fd), other = reopen(fd, O_RDWR);

	(void)state;
	assert_int_equal(sys_lseek(m, fd, 3, SEEK_SET), 3);
	assert_int_equal(stat_of(copy).pos, 3);
	assert_int_equal(stat_of(other).pos, 0);
	assert_int_equal(sys_kcmp_file(m, fd, copy), 1);
	assert_int_equal(sys_kcmp_file(m, fd, other), 0);
	assert_int_equal(sys_kcmp_file(m, fd, 99), -EBADF);
	assert_int_equal(stat_of(other).ino, stat_of(fd).ino);
	assert_reads(m, other, 0, "shared");
}

static void the_inode_goes_with_its_last_file(void **state)
{
	u64 free = nr_free(m);
	int fd = memfd_with(m, "page"), other = reopen(fd, O_RDONLY);

	(void)state;
	assert_int_equal(sys_close(m, fd), 0);
	assert_reads(m, other, 0, "page");
	assert_int_equal(nr_free(m), free - 1);
	assert_int_equal(sys_close(m, other), 0);
	assert_int_equal(nr_free(m), free);
}

static void a_read_only_file_is_not_written(void **state)
{
	int fd = memfd_with(m, "fixed"), ro = reopen(fd, O_RDONLY), wo = reopen(fd, O_WRONLY);
	char byte = 'x';

	(void)state;
	assert_int_equal(sys_pwrite(m, ro, &byte, 1, 0), -EBADF);
	assert_int_equal(sys_ftruncate(m, ro, 0), -EINVAL);
	assert_int_equal(sys_fallocate(m, ro, 0, 0, 1), -EBADF);
	assert_int_equal(sys_fcntl(m, ro, F_ADD_SEALS, F_SEAL_GROW), -EPERM);
	assert_int_equal(sys_pread(m, wo, &byte, 1, 0), -EBADF);
	assert_reads(m, ro, 0, "fixed");
}

static void close_on_exec_belongs_to_the_descriptor(void **state)
{
	int fd = sys_memfd_create(m, "x", MFD_CLOEXEC), copy = sys_dup(m, fd);

	(void)state;
	assert_int_equal(sys_fcntl(m, fd, F_GETFD, 0), FD_CLOEXEC);
	assert_int_equal(sys_fcntl(m, copy, F_GETFD, 0), 0);
	assert_int_equal(sys_fcntl(m, copy, F_SETFD, FD_CLOEXEC), 0);
	assert_int_equal(sys_fcntl(m, fd, F_SETFD, 0), 0);
	assert_true(stat_of(copy).cloexec);
	assert_false(stat_of(fd).cloexec);
}

static void status_flags_belong_to_the_file(void **state)
{
	int fd = sys_memfd_create(m, "x", 0), copy = sys_dup(m, fd);

	(void)state;
	assert_int_equal(sys_fcntl(m, fd, F_SETFL, O_APPEND | O_NONBLOCK), 0);
	assert_int_equal(sys_fcntl(m, copy, F_GETFL, 0) & (O_APPEND | O_NONBLOCK),
			 O_APPEND | O_NONBLOCK);
	assert_int_equal(sys_fcntl(m, copy, F_SETFL, 0), 0);
	assert_int_equal(sys_fcntl(m, fd, F_GETFL, 0) & (O_APPEND | O_NONBLOCK), 0);
	assert_int_equal(sys_fcntl(m, fd, F_GETFL, 0) & O_ACCMODE, O_RDWR);
}

static void seeking_checks_direction_and_bounds(void **state)
{
	int fd = memfd_sized(m, 100);

	(void)state;
	assert_int_equal(sys_lseek(m, fd, -1, SEEK_SET), -EINVAL);
	assert_int_equal(sys_lseek(m, fd, -1, SEEK_END), 99);
	assert_int_equal(sys_lseek(m, fd, -100, SEEK_CUR), -EINVAL);
	assert_int_equal(sys_lseek(m, fd, 1, SEEK_CUR), 100);
	assert_int_equal(sys_lseek(m, fd, 0, 77), -EINVAL);
	assert_int_equal(sys_lseek(m, fd, 1000000, SEEK_SET), 1000000);
	assert_int_equal(sys_lseek(m, sys_open_kind(m, FILE_PIPE), 0, SEEK_SET), -ESPIPE);
	assert_int_equal(sys_pread(m, sys_open_kind(m, FILE_PIPE), &(char){ 0 }, 1, 0), -ESPIPE);
}

static void a_path_only_descriptor_leads_to_no_contents(void **state)
{
	int fd = sys_open_kind(m, FILE_OPATH);
	char byte;

	(void)state;
	assert_true(fd > 0);
	assert_int_equal(sys_pread(m, fd, &byte, 1, 0), -EBADF);
	assert_int_equal(sys_fcntl(m, fd, F_GET_SEALS, 0), -EBADF);
	assert_int_equal(sys_ioctl(m, fd, 0, (struct uptr){ 0 }), -EBADF);
	assert_true(stat_of(fd).ino > 0);
	assert_true(reopen(fd, O_RDWR) > 0);
}

static void unknown_paths_are_enoent(void **state)
{
	(void)state;
	assert_int_equal(sys_open(m, "/no/such/file", O_RDWR), -ENOENT);
	assert_int_equal(sys_open(m, "", O_RDWR), -ENOENT);
	assert_int_equal(sys_open(m, "/proc/self/fd/99", O_RDWR), -ENOENT);
	assert_int_equal(reopen(create_session(m, open_dev(m), "vm0"), O_RDWR), -ENXIO);
}

static void each_kind_reads_and_writes_as_it_should(void **state)
{
	char buf[8] = "";
	u64 count = 3;
	int fd;

	(void)state;
	fd = sys_open_kind(m, FILE_DEVNULL);
	assert_int_equal(sys_pwrite(m, fd, "gone", 4, -1), 4);
	assert_int_equal(sys_pread(m, fd, buf, 4, -1), 0);
	fd = sys_open_kind(m, FILE_EVENTFD);
	assert_int_equal(sys_pread(m, fd, buf, 8, -1), -EAGAIN);
	assert_int_equal(sys_pwrite(m, fd, &count, 8, -1), 8);
	assert_int_equal(sys_pwrite(m, fd, &count, 8, -1), 8);
	assert_int_equal(sys_pread(m, fd, &count, 8, -1), 8);
	assert_int_equal(count, 6);
	/* Its page is one that somebody else has written to. */
	assert_int_equal(sys_close(m, memfd_with(m, "left behind")), 0);
	fd = sys_open_kind(m, FILE_DEVZERO_SHARED);
	assert_int_equal(stat_of(fd).size, PAGE_SIZE);
	assert_int_equal(stat_of(fd).blocks, 8);
	assert_int_equal(sys_pread(m, fd, buf, 4, 0), 4);
	assert_memory_equal(buf, "z\0\0\0", 4);
	fd = sys_open_kind(m, FILE_TMPFILE);
	assert_int_equal(sys_pwrite(m, fd, "temp", 4, 0), 4);
	assert_reads(m, fd, 0, "temp");
	assert_int_equal(stat_of(fd).nlink, 0);
	assert_int_equal(sys_pread(m, sys_open_kind(m, FILE_DIR), buf, 1, 0), -EISDIR);
}

static void exit_leaves_only_what_boot_gave(void **state)
{
	s64 frames = census(m, CENSUS_FRAMES);

	(void)state;
	for (int kind = 0; kind < NR_FILE_KINDS; kind++)
		for (int i = 0; i < 20; i++)
			assert_true(sys_dup(m, sys_open_kind(m, kind)) > 0);
	memfd_sized(m, 1 << 20);
	machine_end(m);
	assert_clean();
	assert_int_equal(census(m, CENSUS_FILES), 0);
	assert_int_equal(census(m, CENSUS_DESCRIPTORS), 0);
	assert_int_equal(census(m, CENSUS_FRAMES), frames);
}

int main(void)
{
#define TEST(f)	cmocka_unit_test_setup_teardown(f, make_machine, free_machine)
	const struct CMUnitTest tests[] = {
		TEST(the_lowest_free_descriptor_is_used),
		TEST(bad_descriptors_are_ebadf),
		TEST(rlimit_nofile_bounds_new_descriptors_only),
		TEST(a_table_of_descriptors_grows_as_far_as_the_limit),
		TEST(a_duplicate_shares_the_position_and_a_reopen_does_not),
		TEST(the_inode_goes_with_its_last_file),
		TEST(a_read_only_file_is_not_written),
		TEST(close_on_exec_belongs_to_the_descriptor),
		TEST(status_flags_belong_to_the_file),
		TEST(seeking_checks_direction_and_bounds),
		TEST(a_path_only_descriptor_leads_to_no_contents),
		TEST(unknown_paths_are_enoent),
		TEST(each_kind_reads_and_writes_as_it_should),
		TEST(exit_leaves_only_what_boot_gave),
	};

	return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
