/* SPDX-License-Identifier: GPL-2.0-only */
/* A handover that is damaged, or of which something is missing. */
#include <libfdt.h>

#include "machine-util.h"

static phys_addr_t page_of(int fd, u64 index)
{
	struct inode *inode = file_inode(fdget(m, fd));
	struct folio *folio = filemap_get_folio(m, &inode->i_mapping, index);

	assert_non_null(folio);
	return folio_phys(m, folio);
}

/* Where the running kernel has a subtree that it will hand over. */
static phys_addr_t outgoing_subtree(const char *name)
{
	phys_addr_t in = m->k->kho.fdt_in, phys = 0;
	u64 size;

	m->k->kho.fdt_in = m->k->kho.fdt;
	assert_int_equal(kho_retrieve_subtree(m, name, &phys, &size), 0);
	m->k->kho.fdt_in = in;
	return phys;
}

/* Where the @i-th session that was handed over is. */
static phys_addr_t incoming_session(u32 i)
{
	struct luo_session_header *sh = &m->k->luo.incoming;
	phys_addr_t first = r->luo_ser ?
		sh->block_set.head_pa + sizeof(struct kho_block_header_ser) :
		sh->header_ser + sizeof(struct luo_session_header_ser);

	return first + i * sizeof(struct luo_session_ser);
}

static struct luo_session_ser read_session(u32 i)
{
	struct luo_session_ser ser;

	phys_read(m, incoming_session(i), &ser, sizeof(ser));
	return ser;
}

static void write_session(u32 i, struct luo_session_ser ser)
{
	phys_write(m, incoming_session(i), &ser, sizeof(ser));
}

/* Where the first file of that session is. */
static phys_addr_t incoming_file(u32 i)
{
	return read_session(i).file_set_ser.files +
	       (r->luo_ser ? sizeof(struct kho_block_header_ser) : 0);
}

/* A session of that name with one memfd of three pages. */
static int hand_over(int dev, const char *name)
{
	int mem = memfd_sized(m, 3 * PAGE_SIZE);

	for (int i = 0; i < 3; i++)
		assert_int_equal(sys_pwrite(m, mem, "page", 4, i * PAGE_SIZE), 4);
	assert_int_equal(preserve_fd(m, create_session(m, dev, name), mem, 1), 0);
	return mem;
}

/* Folios. */

static void without_its_first_page_a_file_is_not_retrieved(void **state)
{
	(void)state;
	for_each_release(r) {
		phys_addr_t page;

		use_release(r);
		page = page_of(hand_over(open_dev(m), "a"), 0);
		assert_int_equal(kexec(m), 0);
		kho_restore_free(m, page);
		assert_int_equal(retrieve_fd(m, retrieve_session(m, open_dev(m), "a"), 1), -EIO);
		assert_string_equal(seen.warn, "kho_restore_page");
	}
}

static void without_a_later_page_a_file_has_a_hole_before_7_1(void **state)
{
	(void)state;
	for_each_release(r) {
		phys_addr_t page;
		int fd;

		use_release(r);
		page = page_of(hand_over(open_dev(m), "a"), 1);
		assert_int_equal(kexec(m), 0);
		kho_restore_free(m, page);
		fd = retrieve_fd(m, retrieve_session(m, open_dev(m), "a"), 1);
		if (since("v7.1")) {
			assert_int_equal(fd, -EIO);
			continue;
		}
		assert_reads(m, fd, 0, "page");
		assert_reads(m, fd, PAGE_SIZE, "");
		assert_int_equal(seen.violations[VIOLATION_LOST], 1);
	}
}

static void pages_behind_a_missing_one_are_given_back_since_7_0(void **state)
{
	(void)state;
	for_each_release(r) {
		phys_addr_t missing, behind;
		int mem;

		use_release(r);
		mem = hand_over(open_dev(m), "a");
		missing = page_of(mem, 0);
		behind = page_of(mem, 2);
		assert_int_equal(kexec(m), 0);
		kho_restore_free(m, missing);
		assert_int_equal(retrieve_fd(m, retrieve_session(m, open_dev(m), "a"), 1), -EIO);
		assert_int_equal(!!(pfn_to_page(m, PHYS_PFN(behind))->flags & PG_INCOMING),
				 !since("v7.0"));
	}
}

static void a_file_that_cannot_be_accounted_leaves_no_page_behind(void **state)
{
	(void)state;
	for_each_release(r) {
		s64 files, cached;
		int dev, s;

		use_release(r);
		hand_over(open_dev(m), "a");
		assert_int_equal(kexec(m), 0);
		dev = open_dev(m);
		s = retrieve_session(m, dev, "a");
		files = census(m, CENSUS_FILES);
		cached = census(m, CENSUS_CACHED);
		m->k->fs.sb[FS_SHM].max_blocks = m->k->fs.sb[FS_SHM].used_blocks + 1;
		assert_int_equal(retrieve_fd(m, s, 1), -ENOSPC);
		assert_int_equal(census(m, CENSUS_FILES), files);
		assert_int_equal(census(m, CENSUS_CACHED), cached);
		assert_int_equal(census(m, CENSUS_LOCKS), 0);
	}
}

/* Files. */

/* Address 0 is one like others. */
static void a_file_without_data_is_what_frame_0_holds(void **state)
{
	(void)state;
	for_each_release(r) {
		const u64 zero = 0;

		use_release(r);
		hand_over(open_dev(m), "a");
		assert_int_equal(kexec(m), 0);
		phys_write(m, incoming_file(0) + offsetof(struct luo_file_ser, data), &zero,
			   sizeof(zero));
		seen.may_panic = true;
		retrieve_fd(m, retrieve_session(m, open_dev(m), "a"), 1);
		seen.may_panic = false;
		assert_true(seen.warns || *seen.panic);
	}
}

static void data_that_lie_outside_of_memory_stop_the_machine(void **state)
{
	(void)state;
	for_each_release(r) {
		const u64 beyond = 1ull << 40;
		int s;

		use_release(r);
		hand_over(open_dev(m), "a");
		assert_int_equal(kexec(m), 0);
		phys_write(m, incoming_file(0) + offsetof(struct luo_file_ser, data), &beyond,
			   sizeof(beyond));
		s = retrieve_session(m, open_dev(m), "a");
		seen.may_panic = true;
		assert_int_equal(retrieve_fd(m, s, 1), -EIO);
		assert_string_equal(seen.panic, "Fatal exception");
	}
}

static void more_files_than_counted_are_refused_since_7_2(void **state)
{
	struct luo_session_ser ser;

	(void)state;
	for_each_release(r) {
		if (!r->luo_ser)
			continue;
		use_release(r);
		hand_over(open_dev(m), "a");
		assert_int_equal(kexec(m), 0);
		ser = read_session(0);
		ser.file_set_ser.count = 0;
		write_session(0, ser);
		assert_int_equal(sys_open(m, "/dev/liveupdate", O_RDWR), -EIO);
		assert_said("luo: Failed to deserialize files for session [a] -22");
	}
	machine_free(m);
	m = boot_without("v7.3", FIX_FILE_COUNT);
	r = release_find("v7.3");
	hand_over(open_dev(m), "a");
	assert_int_equal(kexec(m), 0);
	ser = read_session(0);
	ser.file_set_ser.count = 0;
	write_session(0, ser);
	assert_true(retrieve_fd(m, retrieve_session(m, open_dev(m), "a"), 1) > 0);
}

static void a_count_beyond_the_files_finds_no_handler(void **state)
{
	(void)state;
	for_each_release(r) {
		struct luo_session_ser ser;
		int dev;

		if (r->luo_ser)
			continue;
		use_release(r);
		hand_over(open_dev(m), "a");
		assert_int_equal(kexec(m), 0);
		ser = read_session(0);
		ser.file_set_ser.count++;
		write_session(0, ser);
		dev = sys_open(m, "/dev/liveupdate", O_RDWR);
		if (since("v7.0")) {
			assert_int_equal(dev, -EIO);
			continue;
		}
		/* 6.19 opens; the count is wrong until the session ends. */
		assert_true(retrieve_fd(m, retrieve_session(m, dev, "a"), 1) > 0);
	}
}

static void files_without_memory_but_with_a_count_warn(void **state)
{
	(void)state;
	for_each_release(r) {
		struct luo_session_ser ser = { .name = "a", .file_set_ser = { .count = 5 } };

		use_release(r);
		hand_over(open_dev(m), "a");
		assert_int_equal(kexec(m), 0);
		write_session(0, ser);
		assert_true(retrieve_session(m, open_dev(m), "a") > 0);
		assert_int_equal(seen.warns, 1);
	}
}

/* Sessions. */

static void two_sessions_of_one_name_fail_the_open(void **state)
{
	(void)state;
	for_each_release(r) {
		struct luo_session_ser ser;
		int dev;

		use_release(r);
		dev = open_dev(m);
		hand_over(dev, "a");
		hand_over(dev, "b");
		assert_int_equal(kexec(m), 0);
		ser = read_session(1);
		ser.name[0] = 'a';
		write_session(1, ser);
		for (int i = 0; i < 2; i++)
			assert_int_equal(sys_open(m, "/dev/liveupdate", O_RDWR), -EIO);
		assert_said("luo: Failed to insert session [a] -17");
	}
}

/* LUO's and KHO's own. */

static void damaged_luo_data_stop_the_next_kernel(void **state)
{
	(void)state;
	for_each_release(r) {
		use_release(r);
		phys_write(m, outgoing_subtree(LUO_KHO_ENTRY_NAME), "\0\0\0\0", 4);
		seen.may_panic = true;
		assert_int_equal(kexec(m), -EIO);
		assert_non_null(strstr(seen.panic, "The incoming tree failed to initialize"));
	}
}

static void luo_data_without_a_number_stop_the_next_kernel(void **state)
{
	u8 fdt[PAGE_SIZE];

	(void)state;
	for_each_release(r) {
		if (r->luo_ser)
			continue;
		use_release(r);
		phys_read(m, outgoing_subtree(LUO_KHO_ENTRY_NAME), fdt, sizeof(fdt));
		assert_int_equal(fdt_nop_property(fdt, 0, LUO_FDT_LIVEUPDATE_NUM), 0);
		phys_write(m, outgoing_subtree(LUO_KHO_ENTRY_NAME), fdt, sizeof(fdt));
		seen.may_panic = true;
		assert_int_equal(kexec(m), -EIO);
		assert_non_null(strstr(seen.panic, "failed to initialize properly [-22]"));
	}
}

static void damaged_luo_data_do_no_harm_without_kho(void **state)
{
	(void)state;
	for_each_release(r) {
		struct boot next = { .release = *r, .liveupdate = true };

		use_release(r);
		phys_write(m, outgoing_subtree(LUO_KHO_ENTRY_NAME), "\0\0\0\0", 4);
		machine_set_next(m, &next);
		assert_int_equal(kexec(m), 0);
		assert_int_equal(sys_open(m, "/dev/liveupdate", O_RDWR), -ENOENT);
	}
}

static void a_damaged_kho_tree_is_not_taken(void **state)
{
	(void)state;
	for_each_release(r) {
		use_release(r);
		hand_over(open_dev(m), "a");
		phys_write(m, m->k->kho.fdt, "\0\0\0\0", 4);
		assert_int_equal(kexec(m), 0);
		assert_said("KHO: disabling KHO revival");
		assert_int_equal(m->k->kho.fdt_in, 0);
		assert_int_equal(retrieve_session(m, open_dev(m), "a"), -ENOENT);
		assert_int_equal(seen.violations[VIOLATION_LOST], 1);
	}
}

static void metadata_of_another_version_are_passed_over(void **state)
{
	(void)state;
	for_each_release(r) {
		const u32 version = 2;

		if (!r->kexec_metadata)
			continue;
		use_release(r);
		hand_over(open_dev(m), "a");
		phys_write(m, outgoing_subtree("kexec-metadata"), &version, sizeof(version));
		assert_int_equal(kexec(m), 0);
		assert_said("KHO: kexec-metadata version 2 not supported (expected 1)");
		assert_int_equal(m->k->kho.kexec_count, 0);
		assert_true(retrieve_session(m, open_dev(m), "a") > 0);
	}
}

int main(void)
{
#define TEST(f)	cmocka_unit_test_teardown(f, free_machine)
	const struct CMUnitTest tests[] = {
		TEST(without_its_first_page_a_file_is_not_retrieved),
		TEST(without_a_later_page_a_file_has_a_hole_before_7_1),
		TEST(pages_behind_a_missing_one_are_given_back_since_7_0),
		TEST(a_file_that_cannot_be_accounted_leaves_no_page_behind),
		TEST(a_file_without_data_is_what_frame_0_holds),
		TEST(data_that_lie_outside_of_memory_stop_the_machine),
		TEST(more_files_than_counted_are_refused_since_7_2),
		TEST(a_count_beyond_the_files_finds_no_handler),
		TEST(files_without_memory_but_with_a_count_warn),
		TEST(two_sessions_of_one_name_fail_the_open),
		TEST(damaged_luo_data_stop_the_next_kernel),
		TEST(luo_data_without_a_number_stop_the_next_kernel),
		TEST(damaged_luo_data_do_no_harm_without_kho),
		TEST(a_damaged_kho_tree_is_not_taken),
		TEST(metadata_of_another_version_are_passed_over),
	};

	return cmocka_run_group_tests_name("handover", tests, NULL, NULL);
}
