/* SPDX-License-Identifier: GPL-2.0-only */
/* Paths, the damage that is done to what they name, and what readers make of it. */
#include <libfdt.h>

#include "search/handover.h"
#include "kernel/liveupdate/kho_track.h"
#include "machine-util.h"

/* Session a with two memfds of two pages, tokens 1 and 2; session b with a third. */
static void make_world(void)
{
	int dev = open_dev(m), a = create_session(m, dev, "a"), b = create_session(m, dev, "b");

	for (int i = 1; i <= 3; i++) {
		int mem = memfd_sized(m, 2 * PAGE_SIZE);

		assert_int_equal(sys_pwrite(m, mem, "first", 5, 0), 5);
		assert_int_equal(sys_pwrite(m, mem, "second", 6, PAGE_SIZE), 6);
		assert_int_equal(preserve_fd(m, i < 3 ? a : b, mem, i), 0);
	}
}

static int set(const char *field, u64 number)
{
	return machine_damage(m, &(struct luosim_damage){
		.field = field, .kind = DAMAGE_NUMBER, .number = number });
}

static int set_bytes(const char *field, const char *bytes)
{
	return machine_damage(m, &(struct luosim_damage){
		.field = field, .kind = DAMAGE_BYTES, .bytes = bytes, .len = strlen(bytes) });
}

static int flip(const char *field, u64 bit)
{
	return machine_damage(m, &(struct luosim_damage){
		.field = field, .kind = DAMAGE_FLIP, .number = bit });
}

static int point(const char *field, const char *object)
{
	return machine_damage(m, &(struct luosim_damage){
		.field = field, .kind = DAMAGE_ADDRESS, .other = object });
}

static int copy(const char *field, const char *other)
{
	return machine_damage(m, &(struct luosim_damage){
		.field = field, .kind = DAMAGE_COPY, .other = other });
}

/* Where @text is in the running kernel's handover. */
static phys_addr_t place(const char *text)
{
	struct path path;
	struct handover_place place;

	assert_int_equal(path_read(text, &path), 0);
	assert_int_equal(path_find(m, &path, &place), 0);
	return place.phys;
}

static u64 read_u64(phys_addr_t phys)
{
	u64 word;

	phys_read(m, phys, &word, sizeof(word));
	return word;
}

/* Paths. */

static void every_field_is_spelled_as_it_is_listed(void **state)
{
	const char *pattern;

	(void)state;
	for (size_t i = 0; (pattern = handover_field(i)); i++) {
		char path[128] = "";

		if (!strncmp(pattern, "OBJECT", 6))
			continue;
		for (; *pattern; pattern++) {
			size_t len = strlen(path);

			if (!strncmp(pattern, "NAME", 4)) {
				strcpy(path + len, "vm0");
				pattern += 3;
			} else if (!strncmp(pattern, "TOKEN", 5)) {
				strcpy(path + len, "0xA");
				pattern += 4;
			} else if (!strncmp(pattern, "FIELD", 5)) {
				strcpy(path + len, "pfn");
				pattern += 4;
			} else {
				path[len] = *pattern == 'N' ? '7' : *pattern;
			}
		}
		assert_in_range(handover_path(path), 0, 1);
	}
}

static void what_is_spelled_otherwise_is_none(void **state)
{
	static const char *const bad[] = {
		"", "session", "session[]", "session[a]x", "session[a].", "session[a].counts",
		"session[a", "file[a].data", "file[a, ].data", "file[a, x].data",
		"file[a, 99999999999999999999].data", "folio[a, 1].pfn", "sessions.block[-1].next",
		"session[a].count.preserved", "session[a].preservedx", "session[a].radix[]",
		"session[a].radix[1].count", "own[a, 1].", "own[a, 1].Pfn",
		"own[a, 1].pfn.preserved", "luo.compatible.preserved",
		"session[0123456789012345678901234567890123456789012345678901234567890123456789]",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(handover_path(bad[i]), -ENOENT);
	assert_int_equal(handover_path("file[a,1].data"), 0);
	assert_int_equal(handover_path("session[a]"), 1);
	assert_int_equal(handover_path("session[a].preserved"), 0);
	assert_int_equal(handover_path("session[a].radix[5]"), 0);
}

static void each_release_hands_over_what_it_has(void **state)
{
	(void)state;
	for_each_release(r) {
		int since_7_2 = r->luo_ser ? 0 : -ENOENT, to_7_1 = r->luo_ser ? -ENOENT : 0;
		bool seals = r->fixes & FIX_BIT(FIX_MEMFD_SEALS);

		use_release(r);
		make_world();
		assert_int_equal(set("luo_ser.sessions_pa", 0), since_7_2);
		assert_int_equal(set("sessions.block[0].count", 0), since_7_2);
		assert_int_equal(set("files[a].block[0].count", 0), since_7_2);
		assert_int_equal(set("files[a].block[1].count", 0), -ENOENT);
		assert_int_equal(set("luo.liveupdate-number", 0), to_7_1);
		assert_int_equal(set("sessions.count", 0), to_7_1);
		assert_int_equal(set("memfd[a, 1].seals", 0), seals ? 0 : -ENOENT);
		assert_int_equal(set("memfd[a, 1].nr_folios", 0), 0);
		assert_int_equal(set("metadata.version", 0), r->kexec_metadata ? 0 : -ENOENT);
		assert_int_equal(set("folio[a, 1, 0].radix[1]", 0), r->kho_radix ? 0 : -ENOENT);
		assert_int_equal(set("folio[a, 1, 0].radix[6]", 0), -ENOENT);
		assert_int_equal(set("folio[a, 1, 0].preserved", 0), 0);
		assert_int_equal(set("folio[a, 1, 2].pfn", 0), -ENOENT);
		assert_int_equal(set("file[b, 1].data", 0), -ENOENT);
		assert_int_equal(set("session[c].count", 0), -ENOENT);
		assert_int_equal(set("flb[none].count", 0), -ENOENT);
		assert_int_equal(set("kho.subtree[LUO].phys", 0), 0);
		assert_int_equal(set("kho.subtree[none].phys", 0), -ENOENT);
	}
}

static void a_field_is_where_the_kernel_wrote_it(void **state)
{
	(void)state;
	for_each_release(r) {
		struct luo_session_ser session;
		struct luo_file_ser file;

		use_release(r);
		make_world();
		/* Names and counts are written as the kernel reboots. */
		assert_int_equal(luo_session_serialize(m), 0);
		phys_read(m, place("session[b]"), &session, sizeof(session));
		assert_string_equal(session.name, "b");
		assert_int_equal(session.file_set_ser.count, 1);
		phys_read(m, place("file[a, 2]"), &file, sizeof(file));
		assert_int_equal(file.token, 2);
		assert_string_equal(file.compatible, r->memfd_compatible);
		assert_int_equal(file.data, place("data[a, 2]"));
		assert_int_equal(read_u64(place("memfd[a, 2].size")), 2 * PAGE_SIZE);
		assert_int_equal(read_u64(place("memfd[a, 2].nr_folios")), 2);
		assert_int_equal(read_u64(place("folio[a, 2, 1].index")), 1);
	}
}

/* Damage. */

static void damage_that_cannot_be_is_refused(void **state)
{
	(void)state;
	r = release_find("v7.3");
	use_release(r);
	make_world();
	assert_int_equal(set("session[a].cuont", 0), -EINVAL);
	assert_int_equal(set("session[a]", 0), -EINVAL);
	assert_int_equal(set("session[a].name", 0), -EINVAL);
	assert_int_equal(set_bytes("session[a].count", "x"), -EINVAL);
	assert_int_equal(point("session[a].files", "nowhere"), -EINVAL);
	assert_int_equal(copy("session[a].files", "session[b]"), -EINVAL);
	assert_int_equal(copy("session[a].files", "session[b].name"), -EINVAL);
	assert_int_equal(flip("session[a].count", 64), -ERANGE);
	assert_int_equal(flip("session[a].name", 64 * 8), -ERANGE);
	assert_int_equal(set("memfd[a, 1].seals", 1ull << 32), -ERANGE);
	assert_int_equal(set("folio[a, 1, 0].preserved", 2), -ERANGE);
	for (int i = 0; i < 64; i++)
		assert_int_equal(set("session[a].count", 2), 0);
	assert_int_equal(set("session[a].count", 2), -ENOSPC);
}

static void it_can_be_forgotten_before(void **state)
{
	(void)state;
	r = release_find("v7.3");
	use_release(r);
	make_world();
	assert_int_equal(set_bytes("kho.compatible", "other"), 0);
	machine_damage_clear(m);
	assert_int_equal(kexec(m), 0);
	assert_true(m->k->kho.fdt_in);
}

static void numbers_say_how_large_they_are(void **state)
{
	(void)state;
	assert_int_equal(handover_bits("session[a].count"), 64);
	assert_int_equal(handover_bits("memfd[a, 1].seals"), 32);
	assert_int_equal(handover_bits("folio[a, 1, 0].pfn"), 52);
	assert_int_equal(handover_bits("folio[a, 1, 0].preserved"), 1);
	assert_int_equal(handover_bits("luo_ser.radix[1]"), 64);
	assert_int_equal(handover_bits("session[a].name"), 0);
	assert_int_equal(handover_bits("session[a]"), 0);
	assert_int_equal(handover_bits("session[a].cuont"), -ENOENT);
}

static void it_is_done_at_the_next_kexec_and_once(void **state)
{
	(void)state;
	for_each_release(r) {
		use_release(r);
		make_world();
		assert_int_equal(set_bytes("kho.compatible", "other"), 0);
		assert_int_equal(sys_reboot_kexec(m), -EINVAL);
		assert_int_equal(kexec(m), 0);
		assert_false(m->k->kho.fdt_in);
		assert_int_equal(kexec(m), 0);
		assert_true(m->k->kho.fdt_in);
	}
}

static void values_are_those_that_were_there_before(void **state)
{
	struct memfd_luo_folio_ser a, b;
	phys_addr_t first, second;

	(void)state;
	for_each_release(r) {
		use_release(r);
		make_world();
		first = place("folio[a, 1, 0].pfn");
		second = place("folio[a, 1, 1].pfn");
		phys_read(m, first, &a, sizeof(a));
		phys_read(m, second, &b, sizeof(b));
		assert_int_equal(copy("folio[a, 1, 0].pfn", "folio[a, 1, 1].pfn"), 0);
		assert_int_equal(copy("folio[a, 1, 1].pfn", "folio[a, 1, 0].pfn"), 0);
		assert_int_equal(kexec(m), 0);
		assert_int_equal(read_u64(first), (u64)b.pfn | (u64)a.flags << 52);
		assert_int_equal(read_u64(second), (u64)a.pfn | (u64)b.flags << 52);
	}
}

static void each_kind_writes_its_field_and_no_more(void **state)
{
	struct luo_session_ser before, after;
	phys_addr_t session, file, pfn;
	char compatible[9];

	(void)state;
	for_each_release(r) {
		use_release(r);
		make_world();
		session = place("session[a]");
		file = place("file[a, 1].compatible");
		pfn = place("folio[b, 3, 0].pfn");
		assert_int_equal(set_bytes("session[a].name", "renamed"), 0);
		assert_int_equal(flip("session[a].name", 8 * 8), 0);
		assert_int_equal(set_bytes("file[a, 1].compatible", "x"), 0);
		assert_int_equal(flip("session[a].count", 63), 0);
		assert_int_equal(point("session[a].files", "session[b].files"), 0);
		assert_int_equal(point("folio[b, 3, 0].pfn", "outside"), 0);
		before.file_set_ser.files = place("session[b].files");
		seen.may_panic = true;
		kexec(m);
		phys_read(m, session, &after, sizeof(after));
		assert_string_equal(after.name, "renamed");
		assert_int_equal(after.name[8], 1);
		/* Behind what is written a string has nothing of what it was. */
		phys_read(m, file, compatible, sizeof(compatible));
		assert_memory_equal(compatible, "x\0\0\0\0\0\0\0", sizeof(compatible));
		assert_int_equal(after.file_set_ser.count, 1ull << 63 | 2);
		assert_int_equal(after.file_set_ser.files, before.file_set_ser.files);
		assert_int_equal(read_u64(pfn) & ((1ull << 52) - 1), 64 * MIB / PAGE_SIZE);
		seen.may_panic = false;
	}
}

static void a_page_that_is_not_preserved_is_free(void **state)
{
	u64 pfn;

	(void)state;
	for_each_release(r) {
		use_release(r);
		make_world();
		pfn = PHYS_PFN(place("folio[a, 1, 1]"));
		/* Of what only the reboot writes, too; with a radix tree there is no such page. */
		assert_int_equal(set("kho.chunk[0].preserved", 0), m->k->boot.release.kho_radix ?
				 -ENOENT : 0);
		assert_int_equal(set("folio[a, 1, 1].preserved", 0), 0);
		assert_int_equal(kexec(m), 0);
		assert_false(m->memmap[pfn].flags & PG_INCOMING);
	}
}

/* Readers. */

static void an_fdt_may_claim_to_be_longer_than_it_is(void **state)
{
	(void)state;
	for_each_release(r) {
		use_release(r);
		make_world();
		assert_int_equal(set("kho.totalsize", 0x7fffffff), 0);
		assert_int_equal(kexec(m), 0);
		assert_true(m->k->kho.fdt_in);
		assert_int_equal(set("kho.magic", 0), 0);
		assert_int_equal(kexec(m), 0);
		assert_false(m->k->kho.fdt_in);
	}
}

static void an_fdt_that_lies_behind_its_page_is_an_oops(void **state)
{
	(void)state;
	for_each_release(r) {
		use_release(r);
		make_world();
		assert_int_equal(set("kho.totalsize", 0x7fffffff), 0);
		assert_int_equal(set("kho.off_dt_struct", 8192), 0);
		seen.may_panic = true;
		assert_int_equal(kexec(m), -EIO);
		assert_string_equal(seen.panic, "Fatal exception");
	}
}

static void whether_an_fdt_is_aligned_is_looked_at_from_7_0_on(void **state)
{
	u8 fdt[PAGE_SIZE];

	(void)state;
	for_each_release(r) {
		phys_addr_t phys;

		use_release(r);
		phys = m->k->kho.fdt;
		assert_int_equal(kho_read_fdt(m, phys, fdt), 0);
		*phys_byte(m, phys + offsetof(struct fdt_header, off_dt_struct) + 3) ^= 1;
		assert_int_equal(kho_read_fdt(m, phys, fdt), m->k->boot.release.fdt_unaligned ?
				 0 : -FDT_ERR_ALIGNMENT);
	}
}

/* -FDT_ERR_BADOFFSET and -FDT_ERR_NOTFOUND, as libfdt comes to the root without the header. */
static void nobody_looks_at_the_header_of_luos_fdt(void **state)
{
	(void)state;
	for_each_release(r) {
		for (int i = 0; i < 2 && !r->luo_ser; i++) {
			use_release(r);
			make_world();
			assert_int_equal(set(i ? "kho.subtree[LUO].phys" : "luo.magic", -i), 0);
			seen.may_panic = true;
			assert_int_equal(kexec(m), -EIO);
			assert_said(i ? "luo: FDT 'LUO' is incompatible with 'luo-v1' [-4]" :
					"luo: FDT 'LUO' is incompatible with 'luo-v1' [-1]");
		}
	}
}

static void keep_nothing(struct machine *m, phys_addr_t phys, unsigned int order)
{
	(void)m;
	(void)phys;
	(void)order;
}

/* A root all of whose entries lead back to it. */
static void a_tree_without_end_is_stuck(void **state)
{
	phys_addr_t root;

	(void)state;
	r = release_find("v7.3");
	use_release(r);
	root = get_zeroed_page(m, 0);
	for (u64 i = 0; i < PAGE_SIZE / sizeof(root); i++)
		phys_write(m, root + i * sizeof(root), &root, sizeof(root));
	assert_true(panics(m, kho_track_walk(m, root, keep_nothing)));
	assert_int_equal(seen.violations[VIOLATION_STUCK], 1);
}

static void a_list_of_bitmaps_without_end_is_stuck(void **state)
{
	phys_addr_t map;
	int err;

	(void)state;
	r = release_find("v7.0");
	use_release(r);
	make_world();
	map = kho_mem_serialize(m, &err);
	assert_int_equal(err, 0);
	phys_write(m, map, &map, sizeof(map));
	assert_true(panics(m, kho_track_walk(m, map, keep_nothing)));
	assert_int_equal(seen.violations[VIOLATION_STUCK], 1);
}

static unsigned int kept_order;
static phys_addr_t kept_phys;

static void keep_last(struct machine *m, phys_addr_t phys, unsigned int order)
{
	(void)m;
	kept_phys = phys;
	kept_order = order;
}

/* No order has these keys: what comes out is what shifts of the processor make of them. */
static void keys_that_are_none_are_decoded_all_the_same(void **state)
{
	phys_addr_t node, root;
	u8 bits = 1;

	(void)state;
	r = release_find("v7.3");
	use_release(r);
	node = get_zeroed_page(m, 0);
	phys_write(m, node, &bits, 1);
	for (int level = 1; level < 6; level++) {
		root = get_zeroed_page(m, 0);
		phys_write(m, root, &node, sizeof(node));
		node = root;
	}
	kho_track_walk(m, root, keep_last);
	assert_int_equal(kept_order, 53);
	assert_int_equal(kept_phys, 0);
}

static void an_area_ends_with_its_pages(void **state)
{
	struct vm_struct *vm;
	u64 word;

	(void)state;
	r = release_find("v7.3");
	use_release(r);
	vm = vcalloc(m, 1, 2 * PAGE_SIZE);
	vmalloc_read(m, vm, 2 * PAGE_SIZE - sizeof(word), &word, sizeof(word));
	assert_true(panics(m, vmalloc_read(m, vm, 2 * PAGE_SIZE - 1, &word, sizeof(word))));
}

/* Of two blocks that overlap, the second finds its page restored, and freed with the first. */
static void a_page_in_two_blocks_is_not_freed_twice(void **state)
{
	struct folio *pair;
	u64 pfn;

	(void)state;
	r = release_find("v7.3");
	use_release(r);
	make_world();
	pair = folio_alloc(m, 0, 1);
	pfn = folio_pfn(m, pair);
	assert_int_equal(kho_track_add(m, pfn, 1), 0);
	assert_int_equal(kho_track_add(m, pfn + 1, 0), 0);
	assert_int_equal(kexec(m), 0);
	folio_put(m, kho_restore_folio(m, PFN_PHYS(pfn)));
	folio_put(m, kho_restore_folio(m, PFN_PHYS(pfn + 1)));
	assert_int_equal(seen.violations[VIOLATION_DOUBLE_RESTORE], 1);
	assert_int_equal(seen.violations[VIOLATION_ALIAS], 1);
	assert_said("BUG: Bad page state");
}

static void a_folio_larger_than_any_is_freed_in_pieces(void **state)
{
	u64 pfn = 4096, free;

	(void)state;
	r = release_find("v7.3");
	use_release(r);
	free = nr_free(m);
	assert_int_equal(kho_track_add(m, pfn, 12), 0);
	assert_int_equal(kexec(m), 0);
	assert_in_range(free - nr_free(m), 4096, 4200);
	folio_put(m, kho_restore_folio(m, PFN_PHYS(pfn)));
	assert_in_range(nr_free(m), free - 100, free + 100);
}

static void a_chain_repeats_at_the_third_round_at_the_latest(void **state)
{
	(void)state;
	for (u64 before = 0; before < 20; before++) {
		for (u64 ring = 1; ring < 20; ring++) {
			struct chain chain = { 0 };
			u64 n = 0, at = 1;

			while (!chain_repeats(&chain, at)) {
				at = at == before + ring ? before + 1 : at + 1;
				assert_true(++n <= 3 * (before + ring));
			}
		}
	}
}

#define TEST(f)	cmocka_unit_test_teardown(f, free_machine)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_field_is_spelled_as_it_is_listed),
		TEST(what_is_spelled_otherwise_is_none),
		TEST(each_release_hands_over_what_it_has),
		TEST(a_field_is_where_the_kernel_wrote_it),
		TEST(damage_that_cannot_be_is_refused),
		TEST(it_can_be_forgotten_before),
		TEST(numbers_say_how_large_they_are),
		TEST(it_is_done_at_the_next_kexec_and_once),
		TEST(values_are_those_that_were_there_before),
		TEST(each_kind_writes_its_field_and_no_more),
		TEST(a_page_that_is_not_preserved_is_free),
		TEST(an_fdt_may_claim_to_be_longer_than_it_is),
		TEST(an_fdt_that_lies_behind_its_page_is_an_oops),
		TEST(whether_an_fdt_is_aligned_is_looked_at_from_7_0_on),
		TEST(nobody_looks_at_the_header_of_luos_fdt),
		TEST(a_tree_without_end_is_stuck),
		TEST(a_list_of_bitmaps_without_end_is_stuck),
		TEST(keys_that_are_none_are_decoded_all_the_same),
		TEST(an_area_ends_with_its_pages),
		TEST(a_page_in_two_blocks_is_not_freed_twice),
		TEST(a_folio_larger_than_any_is_freed_in_pieces),
		TEST(a_chain_repeats_at_the_third_round_at_the_latest),
	};

	return cmocka_run_group_tests_name("damage", tests, NULL, NULL);
}
