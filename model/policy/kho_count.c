/* SPDX-License-Identifier: GPL-2.0-only */
/* Counts of how often KHO blocks were preserved, see kho_count.h. */
#include "policy/kho_count.h"
#include "machine/machine.h"

#define KHO_COUNTS_NODE	"preserve-counts"

struct kho_count {
	u32 count;		/* preserves, or restores that are left */
	u32 owners;		/* incoming: what @count began with */
};

/*
 * Handed over: the address of a chain of pages with the blocks that have several
 * owners. There is room for each from its second preserve on, so that reboot
 * has nothing to allocate.
 */
struct kho_counts_ser {
	u64 next;
	u64 nr;
} __packed;

struct kho_count_ser {
	u64 pfn;
	u64 count;
} __packed;

#define COUNTS_PER_PAGE	\
	((PAGE_SIZE - sizeof(struct kho_counts_ser)) / sizeof(struct kho_count_ser))

static bool counts(struct machine *m)
{
	return m->k->boot.release.policy.restore == RESTORE_REFCOUNT;
}

static int insert(struct machine *m, struct xarray *xa, u64 pfn, u32 count)
{
	struct kho_count *new = kzalloc_nowait(m, sizeof(*new));
	int err;

	if (!new)
		return -ENOMEM;
	new->count = count;
	new->owners = count;
	err = xa_insert(m, xa, pfn, new);
	if (err)
		kfree(m, new, sizeof(*new));
	return err;
}

/* One more block with several owners. */
static int shared_add(struct machine *m)
{
	struct kho *kho = &m->k->kho;
	struct kho_counts_ser ser = { .next = kho->counts_head };
	phys_addr_t page;
	u32 before;
	int err;

	if (kho->nr_shared == kho->nr_count_pages * COUNTS_PER_PAGE) {
		/* Nobody's in particular: it serves all sessions. */
		before = ledger_act_for(m, 0);
		err = kho_alloc_preserve(m, PAGE_SIZE, &page);
		ledger_act_for(m, before);
		if (err)
			return err;
		phys_write(m, page, &ser, sizeof(ser));
		kho->counts_head = page;
		kho->nr_count_pages++;
	}
	kho->nr_shared++;
	return 0;
}

static void shared_del(struct machine *m)
{
	struct kho *kho = &m->k->kho;
	phys_addr_t page = kho->counts_head;
	struct kho_counts_ser ser;

	if (--kho->nr_shared > (kho->nr_count_pages - 1) * COUNTS_PER_PAGE)
		return;
	phys_read(m, page, &ser, sizeof(ser));
	kho->counts_head = ser.next;
	kho->nr_count_pages--;
	kho_unpreserve_free(m, page);
}

static int count_first(struct machine *m, u64 pfn)
{
	struct census_pause pause = census_pause(m);
	u64 heap = m->k->heap_bytes;
	int err = insert(m, &m->k->kho.counts, pfn, 1);

	policy_cost(m, !err, heap);
	/* Tracking, which counts for nobody, as that of kho_track.c. */
	census_resume(m, &pause);
	return err ? err : 1;
}

int kho_count_get(struct machine *m, u64 pfn)
{
	struct kho_count *count;
	int err;

	if (!counts(m))
		return 1;
	count = xa_load(&m->k->kho.counts, pfn);
	if (!count)
		return count_first(m, pfn);
	policy_cost(m, 0, m->k->heap_bytes);
	if (count->count == 1) {
		err = shared_add(m);
		if (err)
			return err;
	}
	return ++count->count;
}

u32 kho_count_put(struct machine *m, u64 pfn)
{
	struct census_pause pause = census_pause(m);
	struct kho_count *count;
	u64 heap = m->k->heap_bytes;

	if (!counts(m))
		return 0;
	count = xa_load(&m->k->kho.counts, pfn);
	if (!count)
		return 0;
	if (--count->count) {
		if (count->count == 1)
			shared_del(m);
		return count->count;
	}
	xa_erase(m, &m->k->kho.counts, pfn);
	kfree(m, count, sizeof(*count));
	policy_cost(m, -1, heap);
	census_resume(m, &pause);
	return 0;
}

u32 kho_count_owners(struct machine *m, u64 pfn)
{
	const struct kho_count *count = xa_load(&m->k->kho.counts_in, pfn);

	return count ? count->owners : 1;
}

bool kho_count_restore(struct machine *m, u64 pfn)
{
	struct kho_count *count = xa_load(&m->k->kho.counts_in, pfn);

	if (!count || !count->count)
		return false;
	count->count--;
	return true;
}

u64 kho_count_waiting(struct machine *m)
{
	struct kho_count *count;
	u64 pfn, nr = 0;

	xa_for_each(&m->k->kho.counts_in, pfn, count) {
		struct page *page = pfn_to_page(m, pfn);

		if (count->count && count->count < count->owners &&
		    page->refcount == (s32)count->count)
			nr += 1ull << folio_order(page_folio(page));
	}
	return nr;
}

int kho_count_init(struct machine *m)
{
	phys_addr_t *ser = &m->k->kho.counts_ser;
	int err;

	if (!counts(m))
		return 0;
	err = kho_alloc_preserve(m, sizeof(u64), ser);
	if (err)
		return err;
	return kho_add_subtree(m, KHO_COUNTS_NODE, *ser, sizeof(u64));
}

/* The next block from @pfn on that has several owners. */
static struct kho_count *next_shared(struct machine *m, u64 *pfn)
{
	struct kho_count *count;

	do
		count = xa_find(&m->k->kho.counts, pfn);
	while (count && count->count < 2 && ++*pfn);
	return count;
}

void kho_count_serialize(struct machine *m)
{
	phys_addr_t page = m->k->kho.counts_head;
	struct kho_counts_ser ser;
	struct kho_count *count;
	u64 pfn = 0;

	if (!counts(m))
		return;
	phys_write(m, m->k->kho.counts_ser, &page, sizeof(u64));
	for (; page; page = ser.next) {
		phys_read(m, page, &ser, sizeof(ser));
		for (ser.nr = 0; ser.nr < COUNTS_PER_PAGE; ser.nr++) {
			struct kho_count_ser out;

			count = next_shared(m, &pfn);
			if (!count)
				break;
			out = (struct kho_count_ser){ .pfn = pfn++, .count = count->count };
			phys_write(m, page + sizeof(ser) + ser.nr * sizeof(out), &out, sizeof(out));
		}
		phys_write(m, page, &ser, sizeof(ser));
	}
}

static int deserialize_page(struct machine *m, phys_addr_t page, u64 nr)
{
	struct kho_count_ser in;

	for (u64 i = 0; i < nr; i++) {
		int err;

		phys_read(m, page + sizeof(struct kho_counts_ser) + i * sizeof(in), &in,
			  sizeof(in));
		err = insert(m, &m->k->kho.counts_in, in.pfn, in.count);
		if (err)
			return err;
	}
	return 0;
}

int kho_count_deserialize(struct machine *m)
{
	struct kho_counts_ser ser;
	struct chain chain = { 0 };
	phys_addr_t phys;
	u64 size, page;
	int err = 0;

	if (!counts(m) || kho_retrieve_subtree(m, KHO_COUNTS_NODE, &phys, &size))
		return 0;
	phys_read(m, phys, &page, sizeof(page));
	kho_restore_free(m, phys);
	for (; page && !err; page = ser.next) {
		phys_read(m, page, &ser, sizeof(ser));
		if (chain_repeats(&chain, page) || ser.nr > COUNTS_PER_PAGE)
			return -EINVAL;
		err = deserialize_page(m, page, ser.nr);
		kho_restore_free(m, page);
	}
	return err;
}
