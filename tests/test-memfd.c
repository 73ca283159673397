/* SPDX-License-Identifier: GPL-2.0-only */
/* memfds: contents, holes, sizes, seals, and what a frozen mapping refuses. */
#include "machine-util.h"

#define PAGE	((s64)PAGE_SIZE)

static void use(const char *release)
{
	machine_free(m);
	m = boot(release);
}

static int sealable(s64 size)
{
	int fd = sys_memfd_create(m, "guest", MFD_ALLOW_SEALING);

	assert_int_equal(sys_ftruncate(m, fd, size), 0);
	return fd;
}

static struct luosim_stat stat_of(int fd)
{
	struct luosim_stat st;

	assert_int_equal(sys_fstat(m, fd, &st), 0);
	return st;
}

static s64 pages_of(int fd)
{
	return stat_of(fd).blocks / 8;
}

static int add_seals(int fd, int seals)
{
	return sys_fcntl(m, fd, F_ADD_SEALS, seals);
}

static s64 write_at(int fd, const char *text, s64 pos)
{
	return sys_pwrite(m, fd, text, strlen(text), pos);
}

static int punch(int fd, s64 off, s64 len)
{
	return sys_fallocate(m, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off, len);
}

/* Preserve in a session of its own; the device was not open. */
static int preserve(int fd)
{
	return preserve_fd(m, create_session(m, open_dev(m), "vm0"), fd, 1);
}

/* Making them. */

static void flags_are_checked(void **state)
{
	static const struct { unsigned int flags; bool ok; } cases[] = {
		{ 0, true }, { MFD_CLOEXEC, true }, { MFD_ALLOW_SEALING, true },
		{ MFD_NOEXEC_SEAL, true }, { MFD_EXEC, true },
		{ MFD_EXEC | MFD_NOEXEC_SEAL, false }, { 0x20, false }, { 1u << 26, false },
		{ MFD_HUGETLB, true }, { MFD_HUGETLB | 21u << 26, true },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		int fd = sys_memfd_create(m, "x", cases[i].flags);

		if (cases[i].ok)
			assert_true(fd > 0);
		else
			assert_int_equal(fd, -EINVAL);
	}
}

static void names_are_at_most_249_bytes(void **state)
{
	char name[251];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[250] = 0;
	assert_int_equal(sys_memfd_create(m, name, 0), -EINVAL);
	name[249] = 0;
	assert_true(sys_memfd_create(m, name, 0) > 0);
	assert_true(sys_memfd_create(m, "", 0) > 0);
	assert_int_equal(sys_memfd_create(m, NULL, 0), -EFAULT);
}

static void a_new_memfd_is_empty_nameless_and_read_write(void **state)
{
	struct luosim_stat st = stat_of(sys_memfd_create(m, "guest", MFD_CLOEXEC));

	(void)state;
	assert_int_equal(st.size, 0);
	assert_int_equal(st.blocks, 0);
	assert_int_equal(st.pos, 0);
	assert_int_equal(st.nlink, 0);
	assert_int_equal(st.mode, 0777);
	assert_int_equal(st.flags & O_ACCMODE, O_RDWR);
	assert_true(st.cloexec);
	assert_string_equal(st.link, "/memfd:guest (deleted)");
}

/* Contents. */

static void a_hole_reads_as_zeroes_and_takes_no_page(void **state)
{
	int fd = memfd_sized(m, 100 * PAGE);
	char buf[64], zero[64] = { 0 };

	(void)state;
	assert_int_equal(sys_pread(m, fd, buf, sizeof(buf), 50 * PAGE), sizeof(buf));
	assert_memory_equal(buf, zero, sizeof(zero));
	assert_int_equal(pages_of(fd), 0);
	assert_int_equal(write_at(fd, "island", 70 * PAGE - 3), 6);
	assert_int_equal(pages_of(fd), 2);
	assert_reads(m, fd, 70 * PAGE - 3, "island");
}

static void reads_end_at_the_size(void **state)
{
	int fd = memfd_with(m, "short");
	char buf[16];

	(void)state;
	assert_int_equal(sys_ftruncate(m, fd, 5), 0);
	assert_int_equal(sys_pread(m, fd, buf, sizeof(buf), 0), 5);
	assert_int_equal(sys_pread(m, fd, buf, sizeof(buf), 5), 0);
	assert_int_equal(sys_pread(m, fd, buf, sizeof(buf), 1000000), 0);
}

static void a_write_extends_the_file_and_moves_the_position(void **state)
{
	int fd = sys_memfd_create(m, "x", 0);

	(void)state;
	assert_int_equal(sys_pwrite(m, fd, "hello ", 6, -1), 6);
	assert_int_equal(sys_pwrite(m, fd, "world", 5, -1), 5);
	assert_int_equal(stat_of(fd).size, 11);
	assert_int_equal(stat_of(fd).pos, 11);
	assert_int_equal(write_at(fd, "far", 10 * PAGE), 3);
	assert_int_equal(stat_of(fd).pos, 11);
	assert_int_equal(stat_of(fd).size, 10 * PAGE + 3);
	assert_reads(m, fd, 0, "hello world");
}

static void shrinking_forgets_what_was_behind_the_end(void **state)
{
	int fd = memfd_with(m, "first page");
	char buf[8], zero[8] = { 0 };

	(void)state;
	write_at(fd, "third page", 2 * PAGE);
	assert_int_equal(sys_ftruncate(m, fd, 5), 0);
	assert_int_equal(pages_of(fd), 1);
	assert_int_equal(sys_ftruncate(m, fd, 3 * PAGE), 0);
	assert_reads(m, fd, 0, "first");
	assert_int_equal(sys_pread(m, fd, buf, sizeof(buf), 5), sizeof(buf));
	assert_memory_equal(buf, zero, sizeof(zero));
	assert_int_equal(sys_pread(m, fd, buf, sizeof(buf), 2 * PAGE), sizeof(buf));
	assert_memory_equal(buf, zero, sizeof(zero));
}

static void truncated_pages_are_free_again(void **state)
{
	int fd = sys_memfd_create(m, "x", 0);
	u64 free = nr_free(m);

	(void)state;
	assert_int_equal(sys_fallocate(m, fd, 0, 0, 1000 * PAGE), 0);
	assert_int_equal(nr_free(m), free - 1000);
	assert_int_equal(sys_ftruncate(m, fd, 10 * PAGE), 0);
	assert_int_equal(nr_free(m), free - 10);
	assert_int_equal(sys_close(m, fd), 0);
	assert_int_equal(nr_free(m), free);
}

static void a_large_write_gives_back_the_buffer_of_the_process(void **state)
{
	static char buf[1 << 20];
	int fd = sys_memfd_create(m, "x", 0);
	u64 free = nr_free(m);

	(void)state;
	memset(buf, 'b', sizeof(buf));
	assert_int_equal(sys_pwrite(m, fd, buf, sizeof(buf), 0), sizeof(buf));
	assert_int_equal(free - nr_free(m), sizeof(buf) / PAGE_SIZE);
	assert_int_equal(sys_pread(m, fd, buf, sizeof(buf), 0), sizeof(buf));
	assert_int_equal(free - nr_free(m), sizeof(buf) / PAGE_SIZE);
	assert_int_equal(sys_close(m, fd), 0);
	assert_int_equal(nr_free(m), free);
}

static void a_punched_hole_reads_as_zeroes(void **state)
{
	int fd = sys_memfd_create(m, "x", 0);
	char buf[3 * PAGE_SIZE];

	(void)state;
	memset(buf, 'x', sizeof(buf));
	assert_int_equal(sys_pwrite(m, fd, buf, sizeof(buf), 0), sizeof(buf));
	assert_int_equal(punch(fd, PAGE - 10, PAGE + 20), 0);
	assert_int_equal(pages_of(fd), 2);
	assert_int_equal(stat_of(fd).size, 3 * PAGE);
	assert_int_equal(sys_pread(m, fd, buf, sizeof(buf), 0), sizeof(buf));
	for (s64 i = 0; i < 3 * PAGE; i++)
		assert_int_equal(buf[i], i >= PAGE - 10 && i < 2 * PAGE + 10 ? 0 : 'x');
}

static void a_hole_ends_where_its_page_does(void **state)
{
	int fd = memfd_sized(m, 2 * PAGE), other = memfd_sized(m, PAGE);

	(void)state;
	/* The frame behind that of the hole is another file's. */
	assert_int_equal(write_at(fd, "own", 0), 3);
	assert_int_equal(write_at(other, "other", 0), 5);
	assert_int_equal(write_at(fd, "own", PAGE), 3);
	assert_int_equal(punch(fd, 100, PAGE - 99), 0);
	assert_reads(m, fd, 0, "own");
	assert_reads(m, other, 0, "other");
}

static void fallocate_reserves_without_or_with_a_larger_size(void **state)
{
	int fd = sys_memfd_create(m, "x", 0);

	(void)state;
	assert_int_equal(sys_fallocate(m, fd, FALLOC_FL_KEEP_SIZE, 0, 4 * PAGE), 0);
	assert_int_equal(stat_of(fd).size, 0);
	assert_int_equal(pages_of(fd), 4);
	assert_int_equal(sys_fallocate(m, fd, 0, PAGE + 1, PAGE), 0);
	assert_int_equal(stat_of(fd).size, 2 * PAGE + 1);
	assert_int_equal(pages_of(fd), 4);
}

static void fallocate_checks_its_arguments_in_order(void **state)
{
	int fd = memfd_sized(m, PAGE), pipe = sys_open_kind(m, FILE_PIPE);

	(void)state;
	assert_int_equal(sys_fallocate(m, -1, 0, -1, 0), -EBADF);
	assert_int_equal(sys_fallocate(m, fd, 0, -1, 1), -EINVAL);
	assert_int_equal(sys_fallocate(m, fd, 0, 0, 0), -EINVAL);
	assert_int_equal(sys_fallocate(m, fd, FALLOC_FL_PUNCH_HOLE, 0, 1), -EOPNOTSUPP);
	assert_int_equal(sys_fallocate(m, fd, FALLOC_FL_ZERO_RANGE, 0, 1), -EOPNOTSUPP);
	assert_int_equal(sys_fallocate(m, fd, 0, INT64_MAX, 1), -EFBIG);
	assert_int_equal(sys_fallocate(m, pipe, 0, 0, 1), -EBADF);
}

static void seek_tells_data_from_holes(void **state)
{
	int fd = memfd_sized(m, 10 * PAGE);

	(void)state;
	write_at(fd, "data", 3 * PAGE + 5);
	write_at(fd, "data", 4 * PAGE);
	assert_int_equal(sys_lseek(m, fd, 0, SEEK_DATA), 3 * PAGE);
	assert_int_equal(sys_lseek(m, fd, 3 * PAGE + 7, SEEK_DATA), 3 * PAGE + 7);
	assert_int_equal(sys_lseek(m, fd, 3 * PAGE + 7, SEEK_HOLE), 5 * PAGE);
	assert_int_equal(sys_lseek(m, fd, 1, SEEK_HOLE), 1);
	assert_int_equal(sys_lseek(m, fd, 5 * PAGE, SEEK_DATA), -ENXIO);
	assert_int_equal(sys_lseek(m, fd, 10 * PAGE, SEEK_HOLE), -ENXIO);
	/* Reserved but never used is a hole. */
	assert_int_equal(sys_fallocate(m, fd, 0, 7 * PAGE, PAGE), 0);
	assert_int_equal(sys_lseek(m, fd, 5 * PAGE, SEEK_DATA), -ENXIO);
}

static void append_writes_at_the_end(void **state)
{
	int fd = memfd_sized(m, 10);

	(void)state;
	assert_int_equal(sys_fcntl(m, fd, F_SETFL, O_APPEND), 0);
	assert_int_equal(sys_pwrite(m, fd, "end", 3, -1), 3);
	assert_int_equal(stat_of(fd).size, 13);
	assert_int_equal(stat_of(fd).pos, 13);
	assert_reads(m, fd, 10, "end");
}

static void large_folios_are_used_when_asked_for(void **state)
{
	int fd;

	(void)state;
	sys_shmem_enabled(m, true);
	fd = memfd_sized(m, 4 << 20);
	assert_int_equal(write_at(fd, "huge", 3 << 20), 4);
	assert_int_equal(pages_of(fd), 512);
	assert_int_equal(write_at(fd, "huge", 0), 4);
	assert_int_equal(pages_of(fd), 1024);
	/* A hole in one of them: it is split, and the page given back. */
	assert_int_equal(punch(fd, 5 * PAGE, PAGE), 0);
	assert_int_equal(pages_of(fd), 1023);
	assert_reads(m, fd, 0, "huge");
	assert_reads(m, fd, 3 << 20, "huge");
}

static void splitting_a_large_folio_gives_back_what_is_beyond_the_end(void **state)
{
	int fd;

	(void)state;
	sys_shmem_enabled(m, true);
	fd = memfd_sized(m, 5 * PAGE);
	assert_int_equal(write_at(fd, "huge", 0), 4);
	assert_int_equal(pages_of(fd), 512);
	assert_int_equal(punch(fd, PAGE, PAGE), 0);
	assert_reads(m, fd, 0, "huge");
	/* It is split to pages only around the hole: 0, 2 and 3, 4 to 7 are left. */
	assert_int_equal(pages_of(fd), 7);
}

static void a_large_folio_crosses_kexec_as_one(void **state)
{
	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(all_releases); i++) {
		int fd, s;

		use(all_releases[i]);
		sys_shmem_enabled(m, true);
		fd = memfd_sized(m, 4 << 20);
		write_at(fd, "low", 0);
		write_at(fd, "high", (4 << 20) - 100);
		assert_int_equal(preserve(fd), 0);
		assert_int_equal(census(m, CENSUS_PINS), 2);
		assert_int_equal(kexec(m), 0);
		s = retrieve_session(m, open_dev(m), "vm0");
		fd = retrieve_fd(m, s, 1);
		assert_reads(m, fd, 0, "low");
		assert_reads(m, fd, (4 << 20) - 100, "high");
		/* Up to 7.0 one page is accounted for each folio. */
		assert_int_equal(pages_of(fd), i < 2 ? 2 : 1024);
		assert_int_equal(seen.warns, 0);
	}
}

/* Seals. */

static void without_allow_sealing_there_is_the_seal_of_seals(void **state)
{
	int fd = sys_memfd_create(m, "x", 0);

	(void)state;
	assert_int_equal(sys_fcntl(m, fd, F_GET_SEALS, 0), F_SEAL_SEAL);
	assert_int_equal(add_seals(fd, F_SEAL_GROW), -EPERM);
	assert_int_equal(add_seals(fd, 0x1000), -EINVAL);
}

static void the_size_seals_refuse_each_their_direction(void **state)
{
	int grow = sealable(2 * PAGE), shrink = sealable(2 * PAGE);

	(void)state;
	assert_int_equal(add_seals(grow, F_SEAL_GROW), 0);
	assert_int_equal(sys_ftruncate(m, grow, 3 * PAGE), -EPERM);
	assert_int_equal(sys_fallocate(m, grow, 0, 2 * PAGE, 1), -EPERM);
	assert_int_equal(sys_fallocate(m, grow, FALLOC_FL_KEEP_SIZE, 2 * PAGE, 1), -EPERM);
	assert_int_equal(write_at(grow, "x", 2 * PAGE), -EPERM);
	assert_int_equal(sys_fallocate(m, grow, 0, PAGE, PAGE), 0);
	assert_int_equal(write_at(grow, "x", 2 * PAGE - 1), 1);
	assert_int_equal(sys_ftruncate(m, grow, PAGE), 0);

	assert_int_equal(add_seals(shrink, F_SEAL_SHRINK), 0);
	assert_int_equal(sys_ftruncate(m, shrink, PAGE), -EPERM);
	assert_int_equal(sys_ftruncate(m, shrink, 2 * PAGE), 0);
	assert_int_equal(sys_ftruncate(m, shrink, 3 * PAGE), 0);
	assert_int_equal(punch(shrink, 0, PAGE), 0);
}

static void the_write_seals_refuse_writes_and_holes(void **state)
{
	static const int seals[] = { F_SEAL_WRITE, F_SEAL_FUTURE_WRITE };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(seals); i++) {
		int fd = sealable(2 * PAGE);

		write_at(fd, "sealed", 0);
		assert_int_equal(add_seals(fd, seals[i]), 0);
		assert_int_equal(write_at(fd, "x", 0), -EPERM);
		assert_int_equal(punch(fd, 0, PAGE), -EPERM);
		assert_int_equal(sys_fallocate(m, fd, 0, 0, 4 * PAGE), 0);
		assert_int_equal(sys_ftruncate(m, fd, PAGE), 0);
		assert_reads(m, fd, 0, "sealed");
	}
}

static void seals_add_up_until_they_are_sealed(void **state)
{
	int fd = sealable(0);

	(void)state;
	assert_int_equal(add_seals(fd, F_SEAL_GROW), 0);
	assert_int_equal(add_seals(fd, F_SEAL_SHRINK), 0);
	assert_int_equal(sys_fcntl(m, fd, F_GET_SEALS, 0), F_SEAL_GROW | F_SEAL_SHRINK);
	assert_int_equal(add_seals(fd, F_SEAL_SEAL), 0);
	assert_int_equal(add_seals(fd, F_SEAL_WRITE), -EPERM);
}

static void the_exec_seal_brings_the_others_where_there_are_exec_bits(void **state)
{
	int exec = sealable(0), noexec = sys_memfd_create(m, "x", MFD_NOEXEC_SEAL);

	(void)state;
	assert_int_equal(add_seals(exec, F_SEAL_EXEC), 0);
	assert_int_equal(sys_fcntl(m, exec, F_GET_SEALS, 0), F_SEAL_EXEC | F_SEAL_SHRINK |
			 F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE);
	assert_int_equal(sys_fcntl(m, noexec, F_GET_SEALS, 0), F_SEAL_EXEC);
	assert_int_equal(stat_of(noexec).mode, 0666);
	assert_int_equal(add_seals(noexec, F_SEAL_GROW), 0);
}

static void a_pinned_folio_refuses_the_write_seal(void **state)
{
	int fd = sealable(PAGE);

	(void)state;
	write_at(fd, "pinned", 0);
	assert_int_equal(preserve(fd), 0);
	assert_int_equal(add_seals(fd, F_SEAL_WRITE), -EBUSY);
	assert_int_equal(add_seals(fd, F_SEAL_FUTURE_WRITE | F_SEAL_GROW), 0);
	assert_int_equal(sys_fcntl(m, fd, F_GET_SEALS, 0), F_SEAL_FUTURE_WRITE | F_SEAL_GROW);
}

static void seals_cross_kexec_since_7_1(void **state)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_WRITE;

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(all_releases); i++) {
		bool carried = i >= 2;
		int fd, s;

		use(all_releases[i]);
		fd = sealable(PAGE);
		write_at(fd, "sealed", 0);
		assert_int_equal(add_seals(fd, seals), 0);
		assert_int_equal(preserve(fd), 0);
		assert_int_equal(kexec(m), 0);
		s = retrieve_session(m, open_dev(m), "vm0");
		fd = retrieve_fd(m, s, 1);
		assert_reads(m, fd, 0, "sealed");
		assert_int_equal(sys_fcntl(m, fd, F_GET_SEALS, 0), carried ? seals : F_SEAL_SEAL);
		assert_int_equal(write_at(fd, "x", 0), carried ? -EPERM : 1);
		assert_int_equal(seen.violations[VIOLATION_LOST], !carried);
	}
}

/* Frozen. */

static void a_preserved_memfd_keeps_its_size(void **state)
{
	int fd = memfd_sized(m, 2 * PAGE);

	(void)state;
	assert_int_equal(preserve(fd), 0);
	assert_int_equal(sys_ftruncate(m, fd, PAGE), -EPERM);
	assert_int_equal(sys_ftruncate(m, fd, 3 * PAGE), -EPERM);
	assert_int_equal(sys_ftruncate(m, fd, 2 * PAGE), 0);
	assert_int_equal(sys_fallocate(m, fd, 0, 0, 1), -EPERM);
	assert_int_equal(sys_fallocate(m, fd, FALLOC_FL_KEEP_SIZE, 0, 1), -EPERM);
	assert_int_equal(punch(fd, 0, 1), -EPERM);
	assert_int_equal(write_at(fd, "x", 2 * PAGE), -EPERM);
	assert_int_equal(write_at(fd, "inside", 100), 6);
	assert_reads(m, fd, 100, "inside");
}

static void a_write_across_the_end_is_cut_or_refused_by_its_step(void **state)
{
	static const struct { const char *release; s64 ret; } cases[] = {
		{ "v6.19", 6 }, { "v7.1", 6 }, { "v7.2", -EPERM }, { "v7.3", -EPERM },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		int fd;

		use(cases[i].release);
		fd = memfd_sized(m, PAGE);
		assert_int_equal(preserve(fd), 0);
		assert_int_equal(write_at(fd, "fourteen bytes", PAGE - 6), cases[i].ret);
		assert_int_equal(stat_of(fd).size, PAGE);
	}
}

static void preserving_fills_the_holes(void **state)
{
	int fd = memfd_sized(m, 10 * PAGE + 1);

	(void)state;
	write_at(fd, "x", 5 * PAGE);
	assert_int_equal(preserve(fd), 0);
	assert_int_equal(pages_of(fd), 11);
	assert_int_equal(census(m, CENSUS_PINS), 11);
}

static void pages_beyond_the_end_are_not_preserved(void **state)
{
	int fd = memfd_sized(m, 2 * PAGE);

	(void)state;
	assert_int_equal(sys_fallocate(m, fd, FALLOC_FL_KEEP_SIZE, 0, 6 * PAGE), 0);
	assert_int_equal(preserve(fd), 0);
	assert_int_equal(census(m, CENSUS_PINS), 2);
}

static void a_write_after_preserve_reaches_the_next_kernel_since_7_0(void **state)
{
	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(all_releases); i++) {
		char buf[5] = "";
		int fd, s;

		use(all_releases[i]);
		fd = sys_memfd_create(m, "x", 0);
		assert_int_equal(sys_fallocate(m, fd, 0, 0, 2 * PAGE), 0);
		assert_int_equal(preserve(fd), 0);
		assert_int_equal(write_at(fd, "late", 0), 4);
		assert_int_equal(kexec(m), 0);
		s = retrieve_session(m, open_dev(m), "vm0");
		fd = retrieve_fd(m, s, 1);
		assert_int_equal(sys_pread(m, fd, buf, 4, 0), 4);
		assert_string_equal(buf, i ? "late" : "");
		assert_int_equal(seen.violations[VIOLATION_LOST], !i);
	}
}

/* Sizes. */

static void an_empty_memfd_crosses_kexec(void **state)
{
	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(all_releases); i++) {
		int fd, s;

		use(all_releases[i]);
		fd = sys_memfd_create(m, "x", 0);
		assert_int_equal(preserve(fd), 0);
		assert_int_equal(kexec(m), 0);
		s = retrieve_session(m, open_dev(m), "vm0");
		fd = retrieve_fd(m, s, 1);
		assert_int_equal(stat_of(fd).size, 0);
		end_clean(m);
		m = NULL;
	}
}

static void every_size_around_a_page_crosses_kexec(void **state)
{
	static const s64 sizes[] = { 1, 4095, 4096, 4097, 8191, 8192, 255 * 4096, 256 * 4096,
				     257 * 4096 + 17, 600 * 4096 };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(sizes); i++) {
		int fd, s;

		use("v7.3");
		fd = memfd_sized(m, sizes[i]);
		assert_int_equal(write_at(fd, "!", sizes[i] - 1), 1);
		assert_int_equal(preserve(fd), 0);
		assert_int_equal(kexec(m), 0);
		s = retrieve_session(m, open_dev(m), "vm0");
		fd = retrieve_fd(m, s, 1);
		assert_int_equal(stat_of(fd).size, sizes[i]);
		assert_reads(m, fd, sizes[i] - 1, "!");
		end_clean(m);
		m = NULL;
	}
}

static void sizes_that_no_array_of_pages_describes_are_refused(void **state)
{
	static const struct {
		const char *release;
		s64 pages;
		int err;
		unsigned int warns;
	} cases[] = {
		{ "v6.19", 1ll << 28, -ENOMEM, 1 }, { "v7.3", 1ll << 28, -ENOMEM, 1 },
		{ "v6.19", 1ll << 32, -EINVAL, 0 }, { "v7.0", 1ll << 32, -EINVAL, 0 },
		{ "v7.1", 1ll << 32, -EFBIG, 0 }, { "v7.3", 1ll << 32, -EFBIG, 0 },
		{ "v7.3", (1ll << 32) + 1, -EFBIG, 0 }, { "v7.3", (1ll << 32) - 1, -ENOMEM, 1 },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		struct census before;
		int fd, s;

		use(cases[i].release);
		fd = memfd_sized(m, cases[i].pages * PAGE);
		s = create_session(m, open_dev(m), "vm0");
		before = m->ledger.now;
		assert_int_equal(preserve_fd(m, s, fd, 1), cases[i].err);
		assert_int_equal(seen.warns, cases[i].warns);
		assert_same_census(&before, &m->ledger.now);
		assert_int_equal(sys_ftruncate(m, fd, PAGE), 0);
	}
}

static void before_the_fix_a_wrapped_count_preserves_only_a_prefix(void **state)
{
	int fd;

	(void)state;
	use("v7.0");
	fd = memfd_sized(m, ((1ll << 32) + 3) * PAGE);
	assert_int_equal(preserve(fd), 0);
	assert_int_equal(census(m, CENSUS_PINS), 3);
}

static void a_memfd_larger_than_memory_stops_the_machine_when_preserved(void **state)
{
	int fd = memfd_sized(m, 128 * MIB);

	(void)state;
	seen.may_panic = true;
	assert_int_equal(preserve(fd), -EIO);
	assert_string_equal(seen.panic, "System is deadlocked on memory");
}

/* A hole that is filled by preserving is a clean page of zeros. */
static void clean_pages_are_dropped_unless_they_are_held(void **state)
{
	const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	int fd, tmp, dev, s;

	(void)state;
	machine_free(m);
	m = boot_without("v7.0", FIX_MEMFD_UPTODATE);
	dev = open_dev(m);
	fd = sealable(2 * PAGE);
	assert_int_equal(sys_pwrite(m, fd, "x", 1, 0), 1);
	s = create_session(m, dev, "s");
	assert_int_equal(preserve_fd(m, s, fd, 1), 0);
	assert_int_equal(sys_drop_caches(m), 0);
	assert_int_equal(stat_of(fd).blocks, 16);
	assert_int_equal(sys_close(m, s), 0);
	assert_int_equal(sys_drop_caches(m), 0);
	assert_int_equal(stat_of(fd).blocks, 8);
	assert_reads(m, fd, 0, "x");
	/* A page that a hole begins or ends in is no clean one. */
	for (u64 from = 10; from <= PAGE + 10; from += PAGE) {
		s = create_session(m, dev, "s");
		assert_int_equal(preserve_fd(m, s, fd, 1), 0);
		assert_int_equal(sys_close(m, s), 0);
		assert_int_equal(sys_fallocate(m, fd, punch, from, PAGE + 30 - from), 0);
		assert_int_equal(sys_drop_caches(m), 0);
		assert_int_equal(stat_of(fd).blocks, 16);
		assert_int_equal(sys_fallocate(m, fd, punch, PAGE, PAGE), 0);
	}
	assert_int_equal(sys_pwrite(m, fd, "y", 1, PAGE), 1);
	/* On any file system. */
	tmp = sys_open_kind(m, FILE_TMPFILE);
	assert_int_equal(sys_ftruncate(m, tmp, PAGE), 0);
	s = create_session(m, dev, "s");
	assert_int_equal(preserve_fd(m, s, tmp, 1), 0);
	assert_int_equal(sys_close(m, s), 0);
	assert_int_equal(stat_of(tmp).blocks, 8);
	assert_int_equal(sys_drop_caches(m), 0);
	assert_int_equal(stat_of(tmp).blocks, 0);
	assert_reads(m, fd, PAGE, "y");
	machine_end(m);
	assert_clean();
}

int main(void)
{
#define TEST(f)	cmocka_unit_test_setup_teardown(f, make_machine, free_machine)
	const struct CMUnitTest tests[] = {
		TEST(flags_are_checked),
		TEST(clean_pages_are_dropped_unless_they_are_held),
		TEST(names_are_at_most_249_bytes),
		TEST(a_new_memfd_is_empty_nameless_and_read_write),
		TEST(a_hole_reads_as_zeroes_and_takes_no_page),
		TEST(reads_end_at_the_size),
		TEST(a_write_extends_the_file_and_moves_the_position),
		TEST(shrinking_forgets_what_was_behind_the_end),
		TEST(truncated_pages_are_free_again),
		TEST(a_large_write_gives_back_the_buffer_of_the_process),
		TEST(a_punched_hole_reads_as_zeroes),
		TEST(a_hole_ends_where_its_page_does),
		TEST(fallocate_reserves_without_or_with_a_larger_size),
		TEST(fallocate_checks_its_arguments_in_order),
		TEST(seek_tells_data_from_holes),
		TEST(append_writes_at_the_end),
		TEST(large_folios_are_used_when_asked_for),
		TEST(splitting_a_large_folio_gives_back_what_is_beyond_the_end),
		TEST(a_large_folio_crosses_kexec_as_one),
		TEST(without_allow_sealing_there_is_the_seal_of_seals),
		TEST(the_size_seals_refuse_each_their_direction),
		TEST(the_write_seals_refuse_writes_and_holes),
		TEST(seals_add_up_until_they_are_sealed),
		TEST(the_exec_seal_brings_the_others_where_there_are_exec_bits),
		TEST(a_pinned_folio_refuses_the_write_seal),
		TEST(seals_cross_kexec_since_7_1),
		TEST(a_preserved_memfd_keeps_its_size),
		TEST(a_write_across_the_end_is_cut_or_refused_by_its_step),
		TEST(preserving_fills_the_holes),
		TEST(pages_beyond_the_end_are_not_preserved),
		TEST(a_write_after_preserve_reaches_the_next_kernel_since_7_0),
		TEST(an_empty_memfd_crosses_kexec),
		TEST(every_size_around_a_page_crosses_kexec),
		TEST(sizes_that_no_array_of_pages_describes_are_refused),
		TEST(before_the_fix_a_wrapped_count_preserves_only_a_prefix),
		TEST(a_memfd_larger_than_memory_stops_the_machine_when_preserved),
	};

	return cmocka_run_group_tests_name("memfd", tests, NULL, NULL);
}
