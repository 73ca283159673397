/* SPDX-License-Identifier: GPL-2.0-only */
/* KHO's record of preserved pages, see kho_track.h. */
#include "kho_track.h"
#include "machine.h"

/* The radix tree (linux/kho/abi/kexec_handover.h): five levels of tables, one of bitmaps. */
#define KHO_TABLE_SIZE_LOG2	9
#define KHO_BITMAP_SIZE_LOG2	15
#define KHO_TREE_MAX_DEPTH	6

/* The serialized bitmaps of 6.19 and 7.0. */
#define PRESERVE_BITS		(PAGE_SIZE * 8)

struct kho_mem_phys {
	struct xarray phys_bits;	/* entries are physical addresses of bitmaps */
};

struct khoser_mem_bitmap_ptr {
	u64 phys_start;
	u64 bitmap;
};

struct khoser_mem_chunk_hdr {
	u64 next;
	u32 order;
	u32 num_elms;
};

#define KHOSER_BITMAP_SIZE							\
	((PAGE_SIZE - sizeof(struct khoser_mem_chunk_hdr)) / sizeof(struct khoser_mem_bitmap_ptr))

static u64 read_u64(struct machine *m, phys_addr_t phys)
{
	u64 val;

	phys_read(m, phys, &val, sizeof(val));
	return val;
}

static void write_u64(struct machine *m, phys_addr_t phys, u64 val)
{
	phys_write(m, phys, &val, sizeof(val));
}

/* Set or clear one bit of the bitmap at @phys. */
static void assign_bit(struct machine *m, phys_addr_t phys, u64 bit, bool set)
{
	u8 *byte = phys_byte(m, phys + bit / 8), mask = 1u << (bit % 8);

	*byte = set ? *byte | mask : *byte & ~mask;
}

static void for_each_set_bit(struct machine *m, phys_addr_t bitmap, u64 first, unsigned int order,
			     void (*keep)(struct machine *m, u64 pfn, unsigned int order))
{
	u64 words[PAGE_SIZE / sizeof(u64)];

	phys_read(m, bitmap, words, sizeof(words));
	for (u64 w = 0; w < ARRAY_SIZE(words); w++) {
		while (words[w]) {
			u64 bit = w * 64 + __builtin_ctzll(words[w]);

			words[w] &= words[w] - 1;
			keep(m, (first + bit) << order, order);
		}
	}
}

/* Radix tree. */

static u64 kho_encode_radix_key(u64 pfn, unsigned int order)
{
	return 1ull << (64 - PAGE_SHIFT - order) | pfn >> order;
}

static u64 kho_radix_get_table_index(u64 key, unsigned int level)
{
	unsigned int shift = (level - 1) * KHO_TABLE_SIZE_LOG2 + KHO_BITMAP_SIZE_LOG2;

	return (key >> shift) & ((1 << KHO_TABLE_SIZE_LOG2) - 1);
}

static phys_addr_t kho_radix_alloc_node(struct machine *m)
{
	return get_zeroed_page(m, __GFP_UNTRACKED);
}

static int kho_radix_add_key(struct machine *m, u64 key)
{
	struct kho *kho = &m->k->kho;
	phys_addr_t new_nodes[KHO_TREE_MAX_DEPTH] = { 0 };
	phys_addr_t node = kho->tree_root, anchor = 0;
	unsigned int i;

	for (i = KHO_TREE_MAX_DEPTH - 1; i > 0; i--) {
		phys_addr_t slot = node + kho_radix_get_table_index(key, i) * sizeof(u64);

		node = read_u64(m, slot);
		if (node)
			continue;
		node = kho_radix_alloc_node(m);
		if (!node)
			goto err_free_nodes;
		write_u64(m, slot, node);
		/* Where the new branch begins, to cut it off again on failure. */
		if (!anchor)
			anchor = slot;
		new_nodes[i] = node;
	}
	kho->last_leaf_key = key >> KHO_BITMAP_SIZE_LOG2;
	kho->last_leaf = node;
	assign_bit(m, node, key % PRESERVE_BITS, true);
	return 0;

err_free_nodes:
	for (i = KHO_TREE_MAX_DEPTH - 1; i > 0; i--)
		if (new_nodes[i])
			free_page(m, new_nodes[i]);
	if (anchor)
		write_u64(m, anchor, 0);
	return -ENOMEM;
}

static void kho_radix_del_key(struct machine *m, u64 key)
{
	phys_addr_t node = m->k->kho.tree_root;

	for (unsigned int i = KHO_TREE_MAX_DEPTH - 1; i > 0; i--) {
		node = read_u64(m, node + kho_radix_get_table_index(key, i) * sizeof(u64));
		if (WARN_ON(m, !node))
			return;
	}
	assign_bit(m, node, key % PRESERVE_BITS, false);
}

static void kho_radix_walk(struct machine *m, phys_addr_t node, unsigned int level, u64 start,
			   void (*keep)(struct machine *m, u64 pfn, unsigned int order))
{
	u64 table[PAGE_SIZE / sizeof(u64)];

	if (!level) {
		/* The highest bit of a key says the order, the rest is the shifted pfn. */
		unsigned int order_bit = ilog2(start);

		for_each_set_bit(m, node, start & ~(1ull << order_bit),
				 64 - PAGE_SHIFT - order_bit, keep);
		return;
	}
	phys_read(m, node, table, sizeof(table));
	for (u64 i = 0; i < ARRAY_SIZE(table); i++) {
		unsigned int shift = (level - 1) * KHO_TABLE_SIZE_LOG2 + KHO_BITMAP_SIZE_LOG2;

		if (table[i])
			kho_radix_walk(m, table[i], level - 1, start | i << shift, keep);
	}
}

/* Bitmaps in xarrays. */

static int xa_load_or_alloc(struct machine *m, struct xarray *xa, u64 index, phys_addr_t *bits)
{
	int err;

	*bits = (phys_addr_t)xa_load(xa, index);
	if (*bits)
		return 0;
	*bits = get_zeroed_page(m, __GFP_UNTRACKED);
	if (!*bits)
		return -ENOMEM;
	err = xa_insert(m, xa, index, (void *)*bits);
	if (err)
		free_page(m, *bits);
	return err;
}

static int __kho_preserve_order(struct machine *m, u64 pfn, unsigned int order)
{
	struct kho *kho = &m->k->kho;
	struct kho_mem_phys *physxa = xa_load(&kho->orders, order);
	phys_addr_t bits;
	int err;

	if (!physxa) {
		physxa = kzalloc_nowait(m, sizeof(*physxa));
		if (!physxa)
			return -ENOMEM;
		err = xa_insert(m, &kho->orders, order, physxa);
		if (err) {
			kfree(m, physxa, sizeof(*physxa));
			return err;
		}
	}
	err = xa_load_or_alloc(m, &physxa->phys_bits, (pfn >> order) / PRESERVE_BITS, &bits);
	if (err)
		return err;
	assign_bit(m, bits, (pfn >> order) % PRESERVE_BITS, true);
	return 0;
}

static void __kho_unpreserve_order(struct machine *m, u64 pfn, unsigned int order)
{
	struct kho_mem_phys *physxa = xa_load(&m->k->kho.orders, order);
	phys_addr_t bits;

	if (WARN_ON_ONCE(m, !physxa))
		return;
	bits = (phys_addr_t)xa_load(&physxa->phys_bits, (pfn >> order) / PRESERVE_BITS);
	if (WARN_ON_ONCE(m, !bits))
		return;
	assign_bit(m, bits, (pfn >> order) % PRESERVE_BITS, false);
}

/* A page of the map that kho_mem_serialize() writes; 0 when there is none. */
static phys_addr_t new_chunk(struct machine *m, phys_addr_t cur, u32 order)
{
	struct khoser_mem_chunk_hdr hdr = { .order = order };
	phys_addr_t chunk = get_zeroed_page(m, __GFP_UNTRACKED);

	if (!chunk)
		return 0;
	phys_write(m, chunk, &hdr, sizeof(hdr));
	if (cur)
		write_u64(m, cur, chunk);
	return chunk;
}

void kho_mem_ser_free(struct machine *m, phys_addr_t chunk)
{
	while (chunk) {
		phys_addr_t next = read_u64(m, chunk);

		free_page(m, chunk);
		chunk = next;
	}
}

/* Append one bitmap to the map whose last chunk is *@chunk. */
static int add_bitmap(struct machine *m, phys_addr_t *chunk, u32 order, u64 index,
		      phys_addr_t bits)
{
	struct khoser_mem_bitmap_ptr elm = {
		.phys_start = index * PRESERVE_BITS << (order + PAGE_SHIFT),
		.bitmap = bits,
	};
	struct khoser_mem_chunk_hdr hdr;

	phys_read(m, *chunk, &hdr, sizeof(hdr));
	if (hdr.num_elms == KHOSER_BITMAP_SIZE) {
		phys_addr_t next = new_chunk(m, *chunk, order);

		if (!next)
			return -ENOMEM;
		*chunk = next;
		phys_read(m, *chunk, &hdr, sizeof(hdr));
	}
	phys_write(m, *chunk + sizeof(hdr) + hdr.num_elms * sizeof(elm), &elm, sizeof(elm));
	hdr.num_elms++;
	phys_write(m, *chunk, &hdr, sizeof(hdr));
	return 0;
}

phys_addr_t kho_mem_serialize(struct machine *m, int *err)
{
	phys_addr_t first = 0, chunk = 0;
	struct kho_mem_phys *physxa;
	u64 order, index;
	void *bits;

	xa_for_each(&m->k->kho.orders, order, physxa) {
		phys_addr_t next = new_chunk(m, chunk, order);

		if (!next)
			goto err_free;
		chunk = next;
		if (!first)
			first = chunk;
		xa_for_each(&physxa->phys_bits, index, bits)
			if (add_bitmap(m, &chunk, order, index, (phys_addr_t)bits))
				goto err_free;
	}
	*err = 0;
	return first;

err_free:
	kho_mem_ser_free(m, first);
	*err = -ENOMEM;
	return 0;
}

static void kho_mem_deserialize(struct machine *m, phys_addr_t chunk,
				void (*keep)(struct machine *m, u64 pfn, unsigned int order))
{
	struct khoser_mem_chunk_hdr hdr;

	for (; chunk; chunk = hdr.next) {
		phys_read(m, chunk, &hdr, sizeof(hdr));
		for (u32 i = 0; i != hdr.num_elms; i++) {
			struct khoser_mem_bitmap_ptr elm;

			phys_read(m, chunk + sizeof(hdr) + i * sizeof(elm), &elm, sizeof(elm));
			for_each_set_bit(m, elm.bitmap, PHYS_PFN(elm.phys_start) >> hdr.order,
					 hdr.order, keep);
		}
	}
}

/* Either form. */

int kho_track_init(struct machine *m)
{
	if (!m->k->boot.release.kho_radix)
		return 0;
	m->k->kho.tree_root = kho_radix_alloc_node(m);
	return m->k->kho.tree_root ? 0 : -ENOMEM;
}

phys_addr_t kho_track_map(struct machine *m)
{
	return m->k->kho.tree_root;
}

int kho_track_add(struct machine *m, u64 pfn, unsigned int order)
{
	struct kho *kho = &m->k->kho;
	s64 objects = m->ledger.now.count[CENSUS_OBJECTS];
	int err;

	if (m->k->boot.release.kho_radix) {
		u64 key = kho_encode_radix_key(pfn, order);

		if (kho->last_leaf && key >> KHO_BITMAP_SIZE_LOG2 == kho->last_leaf_key) {
			assign_bit(m, kho->last_leaf, key % PRESERVE_BITS, true);
			return 0;
		}
		return kho_radix_add_key(m, key);
	}
	err = __kho_preserve_order(m, pfn, order);
	/* The tracking is never given back, so that it counts for nobody. */
	m->ledger.now.count[CENSUS_OBJECTS] = objects;
	return err;
}

void kho_track_del(struct machine *m, u64 pfn, unsigned int order)
{
	if (m->k->boot.release.kho_radix)
		kho_radix_del_key(m, kho_encode_radix_key(pfn, order));
	else
		__kho_unpreserve_order(m, pfn, order);
}

void kho_track_walk(struct machine *m, phys_addr_t map,
		    void (*keep)(struct machine *m, u64 pfn, unsigned int order))
{
	if (m->k->boot.release.kho_radix)
		kho_radix_walk(m, map, KHO_TREE_MAX_DEPTH - 1, 0, keep);
	else
		kho_mem_deserialize(m, map, keep);
}
