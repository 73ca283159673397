/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's test of KHO (lib/test_kho.c, 7.3): a module that preserves folios of
 * random orders, a list of them in an area, and a checksum in an FDT; in the next
 * kernel it restores them. Its memory is that of kho_caller.c.
 */
#include <libfdt.h>

#include "lib/test_kho.h"
#include "machine/machine.h"

#define pr_fmt "test_kho: "

#define KHO_TEST_MAGIC	0x4b484f21u
#define KHO_TEST_FDT	"kho_test"
#define KHO_TEST_COMPAT	"kho-test-v1"

/* The module parameter max_mem, as it is by default: two folios of the largest order. */
#define MAX_MEM		((PAGE_SIZE << MAX_PAGE_ORDER) * 2)
#define MAX_FOLIOS	(MAX_MEM >> PAGE_SHIFT)
/* Random bytes at the start of each page; the rest of it is zero. */
#define PAGE_BYTES	64

struct kho_test_state {
	u32 nr_folios, nr_folios_preserved;
	int folios[MAX_FOLIOS];		/* numbers of kho_caller.c; there is no 0 */
	int folios_info, fdt;
	u32 csum;
	u32 random;
};

/* The same in every run. */
static u32 get_random_u32(struct kho_test_state *state)
{
	state->random = state->random * 1664525u + 1013904223u;
	return state->random >> 8;
}

/* csum_partial(): the ones' complement sum of 32-bit words. */
static u32 csum_partial(const u32 *words, u32 nr, u32 csum)
{
	u64 sum = csum;

	for (u32 i = 0; i < nr; i++) {
		sum += words[i];
		sum = (u32)sum + (sum >> 32);
	}
	return sum;
}

static void kho_test_unpreserve_data(struct machine *m, struct kho_test_state *state)
{
	for (u32 i = 0; i < state->nr_folios_preserved; i++)
		memory_unpreserve_folio(m, memory_find(m, state->folios[i]));
	if (!state->folios_info)
		return;
	memory_unpreserve_vmalloc(m, memory_find(m, state->folios_info));
	memory_vfree(m, memory_find(m, state->folios_info));
	state->folios_info = 0;
}

static int kho_test_preserve_data(struct machine *m, struct kho_test_state *state)
{
	int err, info = memory_vmalloc(m, state->nr_folios * sizeof(u64), VMALLOC_ZEROED);

	if (info < 0)
		return info;
	err = memory_preserve_vmalloc(m, memory_find(m, info));
	if (err) {
		memory_vfree(m, memory_find(m, info));
		return err;
	}
	state->folios_info = info;
	for (u32 i = 0; i < state->nr_folios; i++) {
		phys_addr_t phys = memory_phys(memory_find(m, state->folios[i]));
		u64 entry = phys | folio_order(pfn_folio(m, PHYS_PFN(phys)));

		memory_write(m, memory_find(m, info), &entry, sizeof(entry), i * sizeof(entry));
		err = memory_preserve_folio(m, memory_find(m, state->folios[i]));
		if (err) {
			kho_test_unpreserve_data(m, state);
			return err;
		}
		state->nr_folios_preserved++;
	}
	return 0;
}

static int kho_test_prepare_fdt(struct machine *m, struct kho_test_state *state, u8 *fdt)
{
	u32 magic = KHO_TEST_MAGIC;
	int err;

	err = fdt_create(fdt, PAGE_SIZE);
	err |= fdt_finish_reservemap(fdt);
	err |= fdt_begin_node(fdt, "");
	err |= fdt_property_string(fdt, "compatible", KHO_TEST_COMPAT);
	err |= fdt_property(fdt, "magic", &magic, sizeof(magic));
	err |= fdt_begin_node(fdt, "data");
	err |= fdt_property(fdt, "nr_folios", &state->nr_folios, sizeof(state->nr_folios));
	err |= fdt_property(fdt, "folios_info", memory_area(memory_find(m, state->folios_info)),
			    sizeof(struct kho_vmalloc));
	err |= fdt_property(fdt, "csum", &state->csum, sizeof(state->csum));
	err |= fdt_end_node(fdt);
	err |= fdt_end_node(fdt);
	err |= fdt_finish(fdt);
	memory_write(m, memory_find(m, state->fdt), fdt, fdt_totalsize(fdt), 0);
	return err;
}

static int kho_test_preserve(struct machine *m, struct kho_test_state *state)
{
	u8 fdt[PAGE_SIZE];
	int err;

	state->fdt = memory_folio_alloc(m, get_order(state->nr_folios * sizeof(u64) + PAGE_SIZE));
	if (state->fdt < 0)
		return state->fdt;
	err = memory_preserve_folio(m, memory_find(m, state->fdt));
	if (err)
		goto err_free_fdt;
	err = kho_test_preserve_data(m, state);
	if (err)
		goto err_unpreserve_fdt;
	err = kho_test_prepare_fdt(m, state, fdt);
	if (!err)
		err = memory_add_subtree(m, KHO_TEST_FDT, memory_find(m, state->fdt));
	if (!err)
		return 0;
	kho_test_unpreserve_data(m, state);
err_unpreserve_fdt:
	memory_unpreserve_folio(m, memory_find(m, state->fdt));
err_free_fdt:
	memory_folio_put(m, memory_find(m, state->fdt));
	return err;
}

static void fill_folio(struct machine *m, struct kho_test_state *state, int folio, u64 size)
{
	u32 words[PAGE_BYTES / sizeof(u32)];

	phys_zero(m, memory_phys(memory_find(m, folio)), size);
	for (u64 off = 0; off < size; off += PAGE_SIZE) {
		for (u32 i = 0; i < ARRAY_SIZE(words); i++)
			words[i] = get_random_u32(state);
		memory_write(m, memory_find(m, folio), words, sizeof(words), off);
		state->csum = csum_partial(words, ARRAY_SIZE(words), state->csum);
	}
}

static int kho_test_generate_data(struct machine *m, struct kho_test_state *state)
{
	u64 alloc_size = 0;

	while (alloc_size < MAX_MEM) {
		unsigned int order = get_random_u32(state) % (MAX_PAGE_ORDER + 1);
		int folio;

		/* get_order() rounds up. */
		if (alloc_size + (PAGE_SIZE << order) > MAX_MEM) {
			order = get_order(MAX_MEM - alloc_size);
			order -= order > 0;
		}
		folio = memory_folio_alloc(m, order);
		if (folio < 0)
			break;
		state->folios[state->nr_folios++] = folio;
		fill_folio(m, state, folio, PAGE_SIZE << order);
		alloc_size += PAGE_SIZE << order;
	}
	if (alloc_size >= MAX_MEM)
		return 0;
	for (u32 i = 0; i < state->nr_folios; i++)
		memory_folio_put(m, memory_find(m, state->folios[i]));
	state->nr_folios = 0;
	return -ENOMEM;
}

static int kho_test_save(struct machine *m, struct kho_test_state *state)
{
	int err = kho_test_generate_data(m, state);

	if (err)
		return err;
	err = kho_test_preserve(m, state);
	/* The array of folios is freed then, and the folios are not. */
	for (u32 i = 0; err && i < state->nr_folios; i++)
		memory_forget(memory_find(m, state->folios[i]));
	return err;
}

/* Restore one folio of the list, and give it up: false ends the list. */
static bool restore_folio(struct machine *m, u64 entry, u32 *csum)
{
	unsigned int order = entry & (PAGE_SIZE - 1);
	phys_addr_t phys = entry & ~(PAGE_SIZE - 1);
	u32 words[PAGE_BYTES / sizeof(u32)];
	int folio = memory_found(m, phys, 1ull << order % 32);

	if (memory_restore_folio(m, memory_find(m, folio)))
		return false;
	if (folio_order(pfn_folio(m, PHYS_PFN(phys))) != order)
		return false;
	for (u64 off = 0; off < PAGE_SIZE << order; off += PAGE_SIZE) {
		memory_read(m, memory_find(m, folio), words, sizeof(words), off);
		*csum = csum_partial(words, ARRAY_SIZE(words), *csum);
	}
	memory_folio_put(m, memory_find(m, folio));
	return true;
}

/* A property of that node with exactly @size bytes: true, and in @val. */
static bool get_prop(const void *fdt, int node, const char *name, void *val, int size)
{
	int len;
	const void *prop = fdt_getprop(fdt, node, name, &len);

	if (!prop || len != size)
		return false;
	memcpy(val, prop, size);
	return true;
}

static int kho_test_restore_data(struct machine *m, const void *fdt)
{
	int node = fdt_path_offset(fdt, "/data"), info;
	struct kho_vmalloc folios_info;
	u32 nr_folios, old_csum, csum = 0;
	u64 entry;

	if (!get_prop(fdt, node, "nr_folios", &nr_folios, sizeof(nr_folios)) ||
	    !get_prop(fdt, node, "csum", &old_csum, sizeof(old_csum)) ||
	    !get_prop(fdt, node, "folios_info", &folios_info, sizeof(folios_info)))
		return -EINVAL;
	info = memory_found_area(m, &folios_info);
	if (memory_restore_vmalloc(m, memory_find(m, info)))
		return -EINVAL;
	for (u32 i = 0; i < nr_folios; i++) {
		memory_read(m, memory_find(m, info), &entry, sizeof(entry), i * sizeof(entry));
		if (!restore_folio(m, entry, &csum))
			break;
	}
	memory_vfree(m, memory_find(m, info));
	return csum == old_csum ? 0 : -EINVAL;
}

static int kho_test_restore(struct machine *m, phys_addr_t phys)
{
	u8 fdt[PAGE_SIZE];
	u32 magic;

	if (kho_read_fdt(m, phys, fdt) || fdt_path_offset(fdt, "/") < 0 ||
	    fdt_node_check_compatible(fdt, 0, KHO_TEST_COMPAT))
		return -EINVAL;
	if (!get_prop(fdt, 0, "magic", &magic, sizeof(magic)) || magic != KHO_TEST_MAGIC)
		return -EINVAL;
	return kho_test_restore_data(m, fdt);
}

static int kho_test_start(struct machine *m, struct kho_test_state *state)
{
	phys_addr_t phys;
	u64 size;
	int err;

	if (!kho_is_enabled(m))
		return 0;
	err = kho_retrieve_subtree(m, KHO_TEST_FDT, &phys, &size);
	if (!err) {
		err = kho_test_restore(m, phys);
		if (err)
			pr_err(m, "KHO restore failed");
		else
			pr_info(m, "KHO restore succeeded");
		return err;
	}
	if (err != -ENOENT) {
		pr_warn(m, "failed to retrieve %s FDT: %d", KHO_TEST_FDT, err);
		return err;
	}
	return kho_test_save(m, state);
}

int kho_test_init(struct machine *m)
{
	KCALL_NAMED(m, "kho_test_init");
	struct kho_test_state *state = kzalloc(m, sizeof(*state));
	int err;

	if (!state)
		return -ENOMEM;
	err = kho_test_start(m, state);
	if (err)
		kfree(m, state, sizeof(*state));
	else
		m->kho_test = state;
	return err;
}

void kho_test_exit(struct machine *m)
{
	KCALL_NAMED(m, "kho_test_exit");
	struct kho_test_state *state = m->kho_test;

	/* There is none where it has restored, or where KHO is off: it looks at it all the same. */
	if (!state->fdt)
		oops(m, 0);
	memory_remove_subtree(m, memory_find(m, state->fdt));
	kho_test_unpreserve_data(m, state);
	for (u32 i = 0; i < state->nr_folios; i++)
		memory_folio_put(m, memory_find(m, state->folios[i]));
	memory_unpreserve_folio(m, memory_find(m, state->fdt));
	memory_folio_put(m, memory_find(m, state->fdt));
	kho_test_end(m);
}

void kho_test_end(struct machine *m)
{
	kfree(m, m->kho_test, sizeof(*m->kho_test));
	m->kho_test = NULL;
}
