/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kexec handover: what is preserved, what the next kernel can restore and how
 * often, with the xarrays of 6.19 and 7.0 and the radix tree since.
 */
#include "machine-util.h"

#include "kernel/liveupdate/kho_track.h"

static const char *const forms[] = { "v7.0", "v7.3" };
#define for_each_form(f)	for (u32 f = 0; f < ARRAY_SIZE(forms); f++)

/* A machine of that form, in place of the one before. */
static void use(u32 form)
{
	machine_free(m);
	m = boot(forms[form]);
}

static struct folio *folio_with(unsigned int order, const char *text)
{
	struct folio *folio = folio_alloc(m, GFP_KERNEL | __GFP_ZERO, order);

	assert_non_null(folio);
	phys_write(m, folio_phys(m, folio), text, strlen(text) + 1);
	return folio;
}

static bool holds(phys_addr_t phys, const char *text)
{
	char buf[64] = "";

	phys_read(m, phys, buf, strlen(text) + 1);
	return !strcmp(buf, text);
}

/* All that the tracking has, as a sum over blocks. */
static struct walked {
	u64 blocks, sum;
} walked;

static void add_block(struct machine *machine, u64 pfn, unsigned int order)
{
	(void)machine;
	walked.blocks++;
	walked.sum += pfn * 31 + order;
}

static struct walked walk(void)
{
	phys_addr_t map = kho_track_map(m);
	int err = 0;

	walked = (struct walked){ 0 };
	if (!map)
		map = kho_mem_serialize(m, &err);
	assert_int_equal(err, 0);
	kho_track_walk(m, map, add_block);
	if (!kho_track_map(m))
		kho_mem_ser_free(m, map);
	return walked;
}

static void assert_tracks(struct walked want)
{
	walk();
	assert_int_equal(walked.blocks, want.blocks);
	assert_int_equal(walked.sum, want.sum);
}

/* Preserve and unpreserve. */

static void preserving_twice_is_preserving_once(void **state)
{
	(void)state;
	for_each_form(f) {
		struct folio *folio;
		struct walked before;
		s64 preserved;

		use(f);
		before = walk();
		preserved = census(m, CENSUS_PRESERVED);
		folio = folio_with(3, "twice");
		assert_int_equal(kho_preserve_folio(m, folio), 0);
		assert_int_equal(kho_preserve_folio(m, folio), 0);
		assert_int_equal(census(m, CENSUS_PRESERVED), preserved + 8);
		assert_int_equal(walk().blocks, before.blocks + 1);
		kho_unpreserve_folio(m, folio);
		assert_int_equal(census(m, CENSUS_PRESERVED), preserved);
		assert_tracks(before);
		assert_int_equal(seen.warns, 0);
	}
}

static void unpreserving_what_is_not_preserved_is_silent_next_to_what_is(void **state)
{
	(void)state;
	for_each_form(f) {
		struct walked before;

		use(f);
		before = walk();
		kho_unpreserve_folio(m, folio_with(0, "never"));
		assert_int_equal(seen.warns, 0);
		assert_tracks(before);
	}
}

static void unpreserving_where_no_node_leads_warns(void **state)
{
	(void)state;
	for_each_form(f) {
		use(f);
		kho_unpreserve_folio(m, folio_with(7, "never"));
		assert_int_equal(seen.warns, 1);
		assert_string_equal(seen.warn, f ? "kho_radix_del_key" : "__kho_unpreserve_order");
	}
}

static void scratch_memory_is_refused_with_a_warning(void **state)
{
	(void)state;
	for_each_form(f) {
		u64 first, frames;

		use(f);
		first = PHYS_PFN(m->k->kho.scratch.addr);
		frames = PHYS_PFN(m->k->kho.scratch.size);
		assert_int_equal(kho_preserve_folio(m, pfn_folio(m, first)), -EINVAL);
		assert_string_equal(seen.warn, "kho_preserve_folio");
		assert_int_equal(kho_preserve_pages(m, first - 1, 2), -EINVAL);
		assert_int_equal(kho_preserve_pages(m, first + frames - 1, 1), -EINVAL);
		assert_string_equal(seen.warn, "kho_preserve_pages");
		assert_int_equal(seen.warns, 3);
		assert_int_equal(kho_preserve_pages(m, first - 1, 1), 0);
	}
}

static void alloc_preserve_tells_bad_sizes_apart(void **state)
{
	phys_addr_t phys = 0;

	(void)state;
	for_each_form(f) {
		s64 frames, preserved;

		use(f);
		frames = census(m, CENSUS_FRAMES);
		preserved = census(m, CENSUS_PRESERVED);
		assert_int_equal(kho_alloc_preserve(m, 0, &phys), -EINVAL);
		assert_int_equal(kho_alloc_preserve(m, 4 * MIB + 1, &phys), -E2BIG);
		assert_int_equal(kho_alloc_preserve(m, UINT64_MAX, &phys), -E2BIG);
		assert_int_equal(kho_alloc_preserve(m, 4 * MIB, &phys), 0);
		assert_int_equal(census(m, CENSUS_PRESERVED), preserved + 1024);
		kho_unpreserve_free(m, phys);
		assert_int_equal(census(m, CENSUS_PRESERVED), preserved);
		assert_int_equal(census(m, CENSUS_FRAMES), frames);
		kho_unpreserve_free(m, 0);
	}
}

static void alloc_preserve_without_memory_is_enomem(void **state)
{
	phys_addr_t phys;

	(void)state;
	for_each_form(f) {
		use(f);
		while (folio_alloc(m, GFP_KERNEL, 0))
			;
		assert_int_equal(kho_alloc_preserve(m, 8, &phys), -ENOMEM);
	}
}

/*
 * Run @call, which gives 0 or an errno, with its first allocation failing, then
 * its second and so on until none does. No failure may leave a trace.
 */
#define assert_fails_without_trace(call) do {				\
	u32 __n = 1;							\
	for (;; __n++) {						\
		struct census before = m->ledger.now;			\
		struct walked was = walk();				\
		int err;						\
									\
		fail_alloc(m, __n);				\
		err = (call);						\
		if (!fail_happened(m)) {				\
			assert_int_equal(err, 0);			\
			break;						\
		}							\
		assert_int_equal(err, -ENOMEM);				\
		assert_same_census(&before, &m->ledger.now);		\
		assert_tracks(was);					\
	}								\
	fail_alloc(m, 0);						\
	assert_true(__n > 1);						\
} while (0)

static void a_failed_node_leaves_the_radix_tree_as_it_was(void **state)
{
	(void)state;
	use(1);
	/* These orders share the node below the root and have a branch of four each. */
	for (unsigned int order = 5; order <= MAX_PAGE_ORDER; order++) {
		struct folio *folio = folio_with(order, "branch");
		u32 nodes = order == 5 ? 5 : 4;
		u64 free = nr_free(m);

		for (u32 n = 1; n <= nodes; n++) {
			fail_alloc(m, n);
			assert_int_equal(kho_preserve_folio(m, folio), -ENOMEM);
			assert_int_equal(nr_free(m), free);
		}
		assert_fails_without_trace(kho_preserve_folio(m, folio));
		assert_int_equal(nr_free(m), free - nodes);
	}
}

static void a_failed_bitmap_leaves_the_xarrays_as_they_were(void **state)
{
	(void)state;
	use(0);
	for (unsigned int order = 5; order <= MAX_PAGE_ORDER; order++) {
		struct folio *folio = folio_with(order, "bitmap");

		assert_fails_without_trace(kho_preserve_folio(m, folio));
	}
}

static void a_range_of_which_a_block_fails_is_not_preserved_at_all(void **state)
{
	(void)state;
	for_each_form(f) {
		u64 pfn;

		use(f);
		/* Blocks of order 0, 1, ... 9 upwards. */
		pfn = folio_pfn(m, folio_with(10, "range"));
		assert_fails_without_trace(kho_preserve_pages(m, pfn + 1, 1023));
	}
}

static void alloc_preserve_that_fails_gives_its_memory_back(void **state)
{
	phys_addr_t phys;

	(void)state;
	for_each_form(f) {
		use(f);
		assert_fails_without_trace(kho_alloc_preserve(m, 64 * PAGE_SIZE, &phys));
	}
}

/* Restore. */

static void a_folio_is_restored_once(void **state)
{
	(void)state;
	for_each_form(f) {
		struct folio *folio;
		phys_addr_t phys;

		use(f);
		folio = folio_with(4, "once");
		phys = folio_phys(m, folio);
		assert_int_equal(kho_preserve_folio(m, folio), 0);
		assert_int_equal(kexec(m), 0);
		folio = kho_restore_folio(m, phys);
		assert_non_null(folio);
		assert_int_equal(folio_phys(m, folio), phys);
		assert_int_equal(folio_order(folio), 4);
		assert_int_equal(folio->page.refcount, 1);
		assert_int_equal(seen.warns, 0);

		assert_null(kho_restore_folio(m, phys));
		assert_int_equal(seen.warns, 1);
		assert_string_equal(seen.warn, "kho_restore_page");
		assert_int_equal(seen.violations[VIOLATION_DOUBLE_RESTORE], 1);

		assert_null(kho_restore_folio(m, phys));
		assert_int_equal(seen.warns, 1);
	}
}

static void a_freed_folio_is_not_restored_again(void **state)
{
	(void)state;
	for_each_form(f) {
		phys_addr_t phys;

		use(f);
		assert_int_equal(kho_alloc_preserve(m, PAGE_SIZE, &phys), 0);
		assert_int_equal(kexec(m), 0);
		kho_restore_free(m, phys);
		assert_int_equal(seen.warns, 0);
		kho_restore_free(m, phys);
		/* One of kho_restore_page(), one of kho_restore_free(). */
		assert_int_equal(seen.warns, 2);
		assert_string_equal(seen.warn, "kho_restore_free");
	}
}

static void only_the_head_of_a_preserved_block_is_restored(void **state)
{
	(void)state;
	for_each_form(f) {
		struct folio *folio;
		phys_addr_t phys;

		use(f);
		folio = folio_with(2, "head");
		phys = folio_phys(m, folio);
		assert_int_equal(kho_preserve_folio(m, folio), 0);
		assert_int_equal(kexec(m), 0);
		assert_null(kho_restore_folio(m, phys + PAGE_SIZE));
		assert_non_null(kho_restore_folio(m, phys));
		assert_int_equal(seen.violations[VIOLATION_DOUBLE_RESTORE], 0);
	}
}

static void a_frame_that_was_not_preserved_is_not_restored(void **state)
{
	(void)state;
	for_each_form(f) {
		phys_addr_t used, unused;

		use(f);
		used = folio_phys(m, folio_with(0, "lost"));
		assert_int_equal(kexec(m), 0);
		unused = PFN_PHYS(m->nr_frames / 2);
		assert_null(kho_restore_folio(m, used));
		assert_string_equal(seen.warn, "kho_restore_page");
		assert_null(kho_restore_folio(m, unused));
		assert_null(kho_restore_folio(m, folio_phys(m, folio_with(1, "mine"))));
		assert_null(kho_restore_folio(m, PFN_PHYS(m->nr_frames)));
		assert_int_equal(seen.warns, 1);
		assert_int_equal(seen.violations[VIOLATION_DOUBLE_RESTORE], 0);
	}
}

static void unpreserved_is_as_if_it_had_never_been_preserved(void **state)
{
	(void)state;
	for_each_form(f) {
		struct folio *folio;
		phys_addr_t phys;

		use(f);
		folio = folio_with(0, "regret");
		phys = folio_phys(m, folio);
		assert_int_equal(kho_preserve_folio(m, folio), 0);
		kho_unpreserve_folio(m, folio);
		assert_int_equal(kexec(m), 0);
		assert_null(kho_restore_folio(m, phys));
		assert_false(holds(phys, "regret"));
	}
}

static void contents_survive_only_where_preserved(void **state)
{
	(void)state;
	for_each_form(f) {
		struct folio *folio[40];

		use(f);
		for (u32 i = 0; i < ARRAY_SIZE(folio); i++) {
			folio[i] = folio_with(0, "treasure");
			if (i % 2)
				assert_int_equal(kho_preserve_folio(m, folio[i]), 0);
		}
		assert_int_equal(kexec(m), 0);
		for (u32 i = 0; i < ARRAY_SIZE(folio); i++)
			assert_int_equal(holds(folio_phys(m, folio[i]), "treasure"), i % 2);
	}
}

static void blocks_of_every_order_survive_whole(void **state)
{
	(void)state;
	for_each_form(f) {
		phys_addr_t phys[MAX_PAGE_ORDER + 1];

		use(f);
		for (unsigned int order = 0; order <= MAX_PAGE_ORDER; order++) {
			struct folio *folio = folio_with(order, "first");
			u64 last = PAGE_SIZE * (folio_nr_pages(folio) - 1);

			phys[order] = folio_phys(m, folio);
			phys_write(m, phys[order] + last + 100, "last", 5);
			assert_int_equal(kho_preserve_folio(m, folio), 0);
		}
		assert_int_equal(kexec(m), 0);
		for (unsigned int order = 0; order <= MAX_PAGE_ORDER; order++) {
			struct folio *folio = kho_restore_folio(m, phys[order]);

			assert_non_null(folio);
			assert_int_equal(folio_order(folio), order);
			assert_true(holds(phys[order], "first"));
			assert_true(holds(phys[order] + PAGE_SIZE * ((1ull << order) - 1) + 100,
					  "last"));
			folio_put(m, folio);
		}
		assert_int_equal(seen.warns, 0);
	}
}

static void restored_pages_are_each_their_own(void **state)
{
	(void)state;
	for_each_form(f) {
		struct page *page;
		u64 pfn, free;

		use(f);
		/* Seven pages that begin and end within blocks: orders 0, 1, 2. */
		pfn = folio_pfn(m, folio_with(4, "")) + 1;
		assert_int_equal(kho_preserve_pages(m, pfn, 7), 0);
		assert_int_equal(kexec(m), 0);
		page = kho_restore_pages(m, PFN_PHYS(pfn), 7);
		assert_non_null(page);
		assert_int_equal(page_to_pfn(m, page), pfn);
		free = nr_free(m);
		for (u32 i = 0; i < 7; i++) {
			assert_int_equal(page[i].refcount, 1);
			assert_int_equal(page[i].order, 0);
			free_page(m, PFN_PHYS(pfn + i));
			assert_int_equal(nr_free(m), free + i + 1);
		}
		assert_int_equal(seen.warns, 0);
	}
}

static void the_tail_pages_of_a_restored_folio_have_no_reference(void **state)
{
	(void)state;
	for_each_form(f) {
		struct folio *folio;
		phys_addr_t phys;
		u64 free;

		use(f);
		folio = folio_with(3, "");
		phys = folio_phys(m, folio);
		assert_int_equal(kho_preserve_folio(m, folio), 0);
		assert_int_equal(kexec(m), 0);
		folio = kho_restore_folio(m, phys);
		for (u32 i = 1; i < 8; i++) {
			assert_int_equal((&folio->page)[i].refcount, 0);
			assert_true((&folio->page)[i].flags & PG_TAIL);
		}
		free = nr_free(m);
		folio_put(m, folio);
		assert_int_equal(nr_free(m), free + 8);
	}
}

static void memory_handed_over_is_not_allocated_before_it_is_restored(void **state)
{
	(void)state;
	for_each_form(f) {
		struct folio *folio;
		u64 pfn;

		use(f);
		folio = folio_with(6, "reserved");
		pfn = folio_pfn(m, folio);
		assert_int_equal(kho_preserve_folio(m, folio), 0);
		assert_int_equal(kexec(m), 0);
		while ((folio = folio_alloc(m, GFP_KERNEL, 0)))
			assert_false(folio_pfn(m, folio) >= pfn && folio_pfn(m, folio) < pfn + 64);
		assert_true(holds(PFN_PHYS(pfn), "reserved"));
	}
}

static void what_is_not_preserved_anew_is_gone_after_the_second_kexec(void **state)
{
	(void)state;
	for_each_form(f) {
		struct folio *folio;
		phys_addr_t phys;

		use(f);
		folio = folio_with(0, "one hop");
		phys = folio_phys(m, folio);
		assert_int_equal(kho_preserve_folio(m, folio), 0);
		assert_int_equal(kexec(m), 0);
		assert_true(holds(phys, "one hop"));
		assert_int_equal(kexec(m), 0);
		assert_false(holds(phys, "one hop"));
		assert_null(kho_restore_folio(m, phys));
	}
}

/* vmalloc */

/* An area that begins each page with its number. */
static struct vm_struct *numbered_area(u32 nr_pages)
{
	struct vm_struct *vm = vcalloc(m, nr_pages, PAGE_SIZE);

	assert_non_null(vm);
	for (u32 i = 0; i < nr_pages; i++)
		vmalloc_write(m, vm, i * PAGE_SIZE, &i, sizeof(i));
	return vm;
}

static void vmalloc_areas_of_any_length_cross_kexec(void **state)
{
	/* A chunk describes 511 pages; a full one always has a successor. */
	static const u32 lengths[] = { 1, 510, 511, 512, 1022, 1023, 1500 };

	(void)state;
	for_each_form(f) {
		for (u32 l = 0; l < ARRAY_SIZE(lengths); l++) {
			struct kho_vmalloc pres;
			struct vm_struct *vm;
			s64 incoming;

			use(f);
			vm = numbered_area(lengths[l]);
			assert_int_equal(kho_preserve_vmalloc(m, vm, &pres), 0);
			assert_int_equal(pres.total_pages, lengths[l]);
			assert_int_equal(kexec(m), 0);
			incoming = census(m, CENSUS_INCOMING);
			vm = kho_restore_vmalloc(m, &pres);
			assert_non_null(vm);
			assert_int_equal(vm->nr_pages, lengths[l]);
			assert_int_equal(vm->flags, VM_ALLOC);
			for (u32 i = 0; i < vm->nr_pages; i++) {
				u32 nr;

				vmalloc_read(m, vm, i * PAGE_SIZE, &nr, sizeof(nr));
				assert_int_equal(nr, i);
			}
			/* The pages and the chunks. */
			assert_int_equal(incoming - census(m, CENSUS_INCOMING),
					 lengths[l] + lengths[l] / 511 + 1);
			vfree(m, vm);
			assert_int_equal(seen.warns, 0);
		}
	}
}

static void unpreserving_a_vmalloc_area_undoes_all_of_it(void **state)
{
	(void)state;
	for_each_form(f) {
		struct kho_vmalloc pres;
		struct vm_struct *vm;
		struct census before;

		use(f);
		vm = numbered_area(1300);
		before = m->ledger.now;
		assert_int_equal(kho_preserve_vmalloc(m, vm, &pres), 0);
		assert_int_equal(census(m, CENSUS_PRESERVED),
				 before.count[CENSUS_PRESERVED] + 1300 + 3);
		kho_unpreserve_vmalloc(m, &pres);
		assert_same_census(&before, &m->ledger.now);
		assert_int_equal(seen.warns, 0);
	}
}

static void a_vmalloc_area_that_cannot_be_preserved_is_left_as_it_was(void **state)
{
	(void)state;
	for_each_form(f) {
		struct kho_vmalloc pres = { 0 };
		struct vm_struct *vm;

		use(f);
		vm = numbered_area(1100);
		assert_fails_without_trace(kho_preserve_vmalloc(m, vm, &pres));
	}
}

static void unknown_vmalloc_flags_are_not_supported(void **state)
{
	struct kho_vmalloc pres;
	struct vm_struct *vm;

	(void)state;
	use(1);
	vm = numbered_area(1);
	vm->flags |= 1 << 0;
	assert_int_equal(kho_preserve_vmalloc(m, vm, &pres), -EOPNOTSUPP);
	vm->flags = VM_ALLOC | VM_ALLOW_HUGE_VMAP;
	assert_int_equal(kho_preserve_vmalloc(m, vm, &pres), 0);
	assert_int_equal(kexec(m), 0);
	assert_int_equal(kho_restore_vmalloc(m, &pres)->flags, VM_ALLOC | VM_ALLOW_HUGE_VMAP);
}

static void a_vmalloc_area_with_a_page_missing_is_not_restored(void **state)
{
	(void)state;
	for_each_form(f) {
		struct kho_vmalloc pres;
		struct vm_struct *vm;
		phys_addr_t phys;

		use(f);
		vm = numbered_area(4);
		phys = PFN_PHYS(vm->pfns[2]);
		assert_int_equal(kho_preserve_vmalloc(m, vm, &pres), 0);
		assert_int_equal(kexec(m), 0);
		kho_restore_free(m, phys);
		assert_null(kho_restore_vmalloc(m, &pres));
		assert_string_equal(seen.warn, "kho_restore_page");
	}
}

static void a_vmalloc_area_of_another_length_than_promised_is_not_restored(void **state)
{
	static const s32 off[] = { -1, 1 };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(off); i++) {
		struct kho_vmalloc pres;

		use(1);
		assert_int_equal(kho_preserve_vmalloc(m, numbered_area(4), &pres), 0);
		pres.total_pages += off[i];
		assert_int_equal(kexec(m), 0);
		assert_null(kho_restore_vmalloc(m, &pres));
	}
}

/* Subtrees. */

static void a_subtree_is_found_by_the_next_kernel(void **state)
{
	(void)state;
	for_each_form(f) {
		phys_addr_t phys;
		u64 size = 0;

		use(f);
		assert_int_equal(kho_retrieve_subtree(m, "mine", &phys, &size), -ENOENT);
		assert_int_equal(kho_add_subtree(m, "mine", 0x123000, 77), 0);
		assert_int_equal(kho_retrieve_subtree(m, "mine", &phys, &size), -ENOENT);
		assert_int_equal(kexec(m), 0);
		assert_int_equal(kho_retrieve_subtree(m, "mine", &phys, &size), 0);
		assert_int_equal(phys, 0x123000);
		assert_int_equal(size, f ? 77 : 0);
		assert_int_equal(kho_retrieve_subtree(m, "yours", &phys, &size), -ENOENT);
	}
}

static void a_subtree_name_is_used_once(void **state)
{
	(void)state;
	for_each_form(f) {
		phys_addr_t phys;
		u64 size;

		use(f);
		assert_int_equal(kho_add_subtree(m, "mine", 0x1000, 1), 0);
		assert_int_equal(kho_add_subtree(m, "mine", 0x2000, 2), -EEXIST);
		assert_int_equal(kho_add_subtree(m, LUO_KHO_ENTRY_NAME, 0x2000, 2), -EEXIST);
		assert_int_equal(kexec(m), 0);
		assert_int_equal(kho_retrieve_subtree(m, "mine", &phys, &size), 0);
		assert_int_equal(phys, 0x1000);
	}
}

static void subtrees_fit_until_the_page_is_full(void **state)
{
	(void)state;
	for_each_form(f) {
		char name[16];
		u32 n = 0;
		int err;

		use(f);
		do {
			snprintf(name, sizeof(name), "blob%u", n++);
			err = kho_add_subtree(m, name, n, 1);
		} while (!err);
		assert_int_equal(err, -ENOMEM);
		assert_in_range(n, 30, 200);
		/* The one that did not fit has destroyed nothing. */
		assert_int_equal(kexec(m), 0);
		for (u32 i = 0; i + 1 < n; i++) {
			phys_addr_t phys;
			u64 size;

			snprintf(name, sizeof(name), "blob%u", i);
			assert_int_equal(kho_retrieve_subtree(m, name, &phys, &size), 0);
			assert_int_equal(phys, i + 1);
		}
	}
}

/* From kernel to kernel. */

static struct boot boot_of(const char *release)
{
	return (struct boot){ .release = release_named(release), .kho = true, .liveupdate = true };
}

static void a_kernel_with_another_kho_format_starts_from_nothing(void **state)
{
	static const char *const pairs[][2] = {
		{ "v6.19", "v7.1" }, { "v7.0", "v7.3" }, { "v7.1", "v7.2" }, { "v7.3", "v7.1" },
		{ "v7.1", "v6.19" },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(pairs); i++) {
		struct boot next = boot_of(pairs[i][1]);
		phys_addr_t phys;

		machine_free(m);
		m = boot(pairs[i][0]);
		assert_int_equal(kho_alloc_preserve(m, 8, &phys), 0);
		machine_set_next(m, &next);
		assert_int_equal(kexec(m), 0);
		assert_said("KHO: disabling KHO revival");
		assert_int_equal(census(m, CENSUS_INCOMING), 0);
		assert_null(kho_restore_folio(m, phys));
	}
}

static void a_kernel_with_the_same_formats_takes_over(void **state)
{
	static const char *const pairs[][2] = {
		{ "v7.0", "v6.19" }, { "v7.2", "v7.3" }, { "v7.3", "v7.2" },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(pairs); i++) {
		struct boot next = boot_of(pairs[i][1]);
		phys_addr_t phys;

		machine_free(m);
		m = boot(pairs[i][0]);
		assert_int_equal(kho_alloc_preserve(m, 8, &phys), 0);
		machine_set_next(m, &next);
		assert_int_equal(kexec(m), 0);
		assert_int_equal(seen.errors, 0);
		kho_restore_free(m, phys);
		assert_int_equal(seen.warns, 0);
	}
}

static void without_kho_nothing_is_carried_over(void **state)
{
	struct boot next = boot_of("v7.3");
	phys_addr_t phys;

	(void)state;
	use(1);
	next.kho = false;
	machine_set_next(m, &next);
	assert_int_equal(kexec(m), 0);
	assert_false(kho_is_enabled(m));
	assert_int_equal(kho_fill_kimage(m), 0);
	assert_int_equal(kho_finalize(m), -EOPNOTSUPP);
	assert_int_equal(kexec(m), 0);
	assert_int_equal(m->k->kho.fdt_in, 0);
	assert_int_equal(kho_retrieve_subtree(m, LUO_KHO_ENTRY_NAME, &phys, &(u64){ 0 }), -ENOENT);
}

static void nobody_finalizes_an_old_kernel_without_liveupdate(void **state)
{
	struct boot next = boot_of("v7.0");

	(void)state;
	use(0);
	next.liveupdate = false;
	machine_set_next(m, &next);
	assert_int_equal(kexec(m), 0);
	assert_int_equal(seen.errors, 0);
	assert_int_equal(kexec(m), 0);
	assert_said("KHO: disabling KHO revival");
}

static void a_failed_finalize_is_eagain_and_can_be_repeated(void **state)
{
	struct census before;
	u32 n;

	(void)state;
	use(0);
	assert_int_equal(sys_kexec_load(m, KEXEC_FILE), 0);
	before = m->ledger.now;
	for (n = 1;; n++) {
		int err;

		fail_alloc(m, n);
		err = sys_reboot_kexec(m);
		if (!err)
			break;
		assert_int_equal(err, -EAGAIN);
		assert_said("luo: kho_finalize failed -12");
		assert_same_census(&before, &m->ledger.now);
	}
	assert_true(n > 1);
	assert_int_equal(machine_kernel(m), 2);
	assert_int_not_equal(m->k->kho.fdt_in, 0);
}

static void each_kernel_counts_the_kexecs_before_it(void **state)
{
	(void)state;
	use(1);
	assert_int_equal(m->k->kho.kexec_count, 0);
	assert_int_equal(kexec(m), 0);
	assert_int_equal(kexec(m), 0);
	assert_int_equal(m->k->kho.kexec_count, 2);
	assert_string_equal(m->k->kho.previous_release, "7.3.4");
}

int main(void)
{
#define TEST(f)	cmocka_unit_test_teardown(f, free_machine)
	const struct CMUnitTest tests[] = {
		TEST(preserving_twice_is_preserving_once),
		TEST(unpreserving_what_is_not_preserved_is_silent_next_to_what_is),
		TEST(unpreserving_where_no_node_leads_warns),
		TEST(scratch_memory_is_refused_with_a_warning),
		TEST(alloc_preserve_tells_bad_sizes_apart),
		TEST(alloc_preserve_without_memory_is_enomem),
		TEST(a_failed_node_leaves_the_radix_tree_as_it_was),
		TEST(a_failed_bitmap_leaves_the_xarrays_as_they_were),
		TEST(a_range_of_which_a_block_fails_is_not_preserved_at_all),
		TEST(alloc_preserve_that_fails_gives_its_memory_back),
		TEST(a_folio_is_restored_once),
		TEST(a_freed_folio_is_not_restored_again),
		TEST(only_the_head_of_a_preserved_block_is_restored),
		TEST(a_frame_that_was_not_preserved_is_not_restored),
		TEST(unpreserved_is_as_if_it_had_never_been_preserved),
		TEST(contents_survive_only_where_preserved),
		TEST(blocks_of_every_order_survive_whole),
		TEST(restored_pages_are_each_their_own),
		TEST(the_tail_pages_of_a_restored_folio_have_no_reference),
		TEST(memory_handed_over_is_not_allocated_before_it_is_restored),
		TEST(what_is_not_preserved_anew_is_gone_after_the_second_kexec),
		TEST(vmalloc_areas_of_any_length_cross_kexec),
		TEST(unpreserving_a_vmalloc_area_undoes_all_of_it),
		TEST(a_vmalloc_area_that_cannot_be_preserved_is_left_as_it_was),
		TEST(unknown_vmalloc_flags_are_not_supported),
		TEST(a_vmalloc_area_with_a_page_missing_is_not_restored),
		TEST(a_vmalloc_area_of_another_length_than_promised_is_not_restored),
		TEST(a_subtree_is_found_by_the_next_kernel),
		TEST(a_subtree_name_is_used_once),
		TEST(subtrees_fit_until_the_page_is_full),
		TEST(a_kernel_with_another_kho_format_starts_from_nothing),
		TEST(a_kernel_with_the_same_formats_takes_over),
		TEST(without_kho_nothing_is_carried_over),
		TEST(nobody_finalizes_an_old_kernel_without_liveupdate),
		TEST(a_failed_finalize_is_eagain_and_can_be_repeated),
		TEST(each_kernel_counts_the_kexecs_before_it),
	};

	return cmocka_run_group_tests_name("kho", tests, NULL, NULL);
}
