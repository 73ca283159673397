/* SPDX-License-Identifier: GPL-2.0-only */
/* KHO's record of preserved pages, see kho_track.h. */
#include "kernel/liveupdate/kho_track.h"
#include "machine/machine.h"

/* The radix tree (linux/kho/abi/kexec_handover.h): five levels of tables, one of bitmaps. */
#define KHO_TABLE_SIZE_LOG2	9
#define KHO_BITMAP_SIZE_LOG2	15
#define KHO_TREE_MAX_DEPTH	6

/* No tree has this many nodes: each leaf can speak for 128 MiB. */
#define MAX_TREE_NODES		(1u << 20)

/* The serialized bitmaps of 6.19 and 7.0. */
#define PRESERVE_BITS		(PAGE_SIZE * 8)

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

/* Of a bitmap, the first bit that is set in word @i, which is @word. */
static u64 first_bit(u32 i, u64 word)
{
	return i * 64ull + __builtin_ctzll(word);
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

/* What a WARN calls these two. */
static const char *radix_name(const struct machine *m, bool add)
{
	if (m->k->boot.release.kho_keys)
		return add ? "kho_radix_add_key" : "kho_radix_del_key";
	return add ? "kho_radix_add_page" : "kho_radix_del_page";
}

static int kho_radix_add_key(struct machine *m, u64 key)
{
	struct kho *kho = &m->k->kho;
	phys_addr_t new_nodes[KHO_TREE_MAX_DEPTH] = { 0 };
	phys_addr_t node = kho->tree_root, anchor = 0;
	unsigned int i;

	/* Without KHO. */
	if (WARN_ON_ONCE_IN(m, radix_name(m, true), !node))
		return -EINVAL;
	for (i = KHO_TREE_MAX_DEPTH - 1; i > 0; i--) {
		phys_addr_t slot = node + kho_radix_get_table_index(key, i) * sizeof(u64);

		node = phys_read_u64(m, slot);
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

	if (WARN_ON_ONCE_IN(m, radix_name(m, false), !node))
		return;
	for (unsigned int i = KHO_TREE_MAX_DEPTH - 1; i > 0; i--) {
		node = phys_read_u64(m, node + kho_radix_get_table_index(key, i) * sizeof(u64));
		if (!node) {
			warn(m, radix_name(m, false));
			return;
		}
	}
	assign_bit(m, node, key % PRESERVE_BITS, false);
}

/*
 * The highest bit of a key says the order, the rest is the shifted pfn. Of what is
 * no key at all the processor makes its own: it shifts by the count modulo 64.
 */
static void keep_key(struct machine *m, u64 key, kho_keep_fn keep)
{
	unsigned int order_bit = key ? ilog2(key) : -1u;
	unsigned int order = 64 - (PAGE_SHIFT + order_bit);

	keep(m, key << ((PAGE_SHIFT + order) % 64), order);
}

struct radix_walk {
	kho_keep_fn keep;
	kho_node_fn node;	/* or NULL */
	u64 nodes;		/* read so far */
};

static void kho_radix_walk(struct machine *m, struct radix_walk *walk, phys_addr_t node,
			   unsigned int level, u64 start)
{
	u64 word;

	/* A tree that leads back into itself ends after five levels, but not before long. */
	if (walk->nodes++ == MAX_TREE_NODES)
		loop_forever(m, "__kho_radix_walk_tree");
	if (walk->node)
		walk->node(m, node);
	for (u32 i = 0; phys_next_word(m, node, &i, &word); i++) {
		unsigned int shift = (level - 1) * KHO_TABLE_SIZE_LOG2 + KHO_BITMAP_SIZE_LOG2;

		if (level)
			kho_radix_walk(m, walk, word, level - 1, start | (u64)i << shift);
		for (; !level && word; word &= word - 1)
			keep_key(m, start | first_bit(i, word), walk->keep);
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

/* kfree() of what the slab allocator does not know frees nothing. */
static void free_large_kmalloc(struct machine *m)
{
	WARN_ON_ONCE(m, true);
}

void kho_mem_ser_free(struct machine *m, phys_addr_t chunk)
{
	while (chunk) {
		phys_addr_t next = phys_read_u64(m, chunk);

		if (has_fix(m, FIX_CHUNK_FREE_PAGE))
			free_page(m, chunk);
		else
			free_large_kmalloc(m);
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

static void deserialize_bitmap(struct machine *m, const struct khoser_mem_bitmap_ptr *elm,
			       unsigned int order, kho_keep_fn keep)
{
	u64 word;

	if (!elm->bitmap)
		oops(m, 0);
	for (u32 i = 0; phys_next_word(m, elm->bitmap, &i, &word); i++)
		for (; word; word &= word - 1)
			keep(m, elm->phys_start +
				(first_bit(i, word) << ((order + PAGE_SHIFT) % 64)), order);
}

static void kho_mem_deserialize(struct machine *m, phys_addr_t chunk, kho_keep_fn keep)
{
	struct khoser_mem_chunk_hdr hdr;
	struct chain chain = { 0 };

	for (; chunk; chunk = hdr.next) {
		if (chain_repeats(&chain, chunk))
			loop_forever(m, "kho_mem_deserialize");
		phys_read(m, chunk, &hdr, sizeof(hdr));
		for (u32 i = 0; i != hdr.num_elms; i++) {
			struct khoser_mem_bitmap_ptr elm;

			phys_read(m, chunk + sizeof(hdr) + i * sizeof(elm), &elm, sizeof(elm));
			deserialize_bitmap(m, &elm, hdr.order, keep);
		}
	}
}

void kho_track_read(struct machine *m, phys_addr_t chunk)
{
	struct chain chain = { 0 };
	struct khoser_mem_chunk_hdr hdr;

	for (; chunk && phys_valid(m, chunk, PAGE_SIZE); chunk = hdr.next) {
		struct kho_mem_phys *physxa;

		if (chain_repeats(&chain, chunk))
			return;
		phys_read(m, chunk, &hdr, sizeof(hdr));
		physxa = xa_load(&m->k->kho.orders, hdr.order);
		if (!physxa) {
			physxa = kzalloc_nowait(m, sizeof(*physxa));
			if (!physxa || xa_insert(m, &m->k->kho.orders, hdr.order, physxa))
				return;
		}
		for (u32 i = 0; i < min(hdr.num_elms, KHOSER_BITMAP_SIZE); i++) {
			struct khoser_mem_bitmap_ptr elm;
			u64 index;

			phys_read(m, chunk + sizeof(hdr) + i * sizeof(elm), &elm, sizeof(elm));
			index = (elm.phys_start >> ((hdr.order + PAGE_SHIFT) % 64)) / PRESERVE_BITS;
			if (xa_insert(m, &physxa->phys_bits, index, (void *)elm.bitmap))
				return;
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
	struct census_pause pause = census_pause(m);
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
	census_resume(m, &pause);
	return err;
}

void kho_track_del(struct machine *m, u64 pfn, unsigned int order)
{
	if (m->k->boot.release.kho_radix)
		kho_radix_del_key(m, kho_encode_radix_key(pfn, order));
	else
		__kho_unpreserve_order(m, pfn, order);
}

void kho_track_walk(struct machine *m, phys_addr_t map, kho_keep_fn keep)
{
	if (m->k->boot.release.kho_radix)
		kho_track_walk_nodes(m, map, keep, NULL);
	else
		kho_mem_deserialize(m, map, keep);
}

void kho_track_walk_nodes(struct machine *m, phys_addr_t map, kho_keep_fn keep, kho_node_fn node)
{
	struct radix_walk walk = { .keep = keep, .node = node };

	kho_radix_walk(m, &walk, map, KHO_TREE_MAX_DEPTH - 1, 0);
}

bool kho_track_slot(struct machine *m, u64 pfn, unsigned int order, unsigned int level,
		    phys_addr_t *slot)
{
	u64 key = kho_encode_radix_key(pfn, order);
	phys_addr_t node = m->k->kho.tree_root;

	if (!m->k->boot.release.kho_radix || !level || level >= KHO_TREE_MAX_DEPTH)
		return false;
	for (unsigned int i = KHO_TREE_MAX_DEPTH - 1; i >= level; i--) {
		if (!node)
			return false;
		*slot = node + kho_radix_get_table_index(key, i) * sizeof(u64);
		node = phys_read_u64(m, *slot);
	}
	return true;
}

bool kho_track_bit(struct machine *m, u64 pfn, unsigned int order, phys_addr_t *byte,
		   unsigned int *bit)
{
	u64 nr = (pfn >> order) % PRESERVE_BITS;
	struct kho_mem_phys *physxa;
	phys_addr_t map = 0, slot;

	if (m->k->boot.release.kho_radix) {
		if (kho_track_slot(m, pfn, order, 1, &slot))
			map = phys_read_u64(m, slot);
		nr = kho_encode_radix_key(pfn, order) % PRESERVE_BITS;
	} else {
		physxa = xa_load(&m->k->kho.orders, order);
		if (physxa)
			map = (phys_addr_t)xa_load(&physxa->phys_bits,
						   (pfn >> order) / PRESERVE_BITS);
	}
	*byte = map + nr / 8;
	*bit = nr % 8;
	return map;
}
