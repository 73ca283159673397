/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Chains of preserved pages that hold entries of one size
 * (kernel/liveupdate/kho_block.c, 7.2 on).
 */
#include "machine/machine.h"

#define pr_fmt "luo: "

#define KHO_BLOCK_SIZE	PAGE_SIZE

static void read_header(struct machine *m, phys_addr_t ser, struct kho_block_header_ser *hdr)
{
	phys_read(m, ser, hdr, sizeof(*hdr));
}

static void set_next(struct machine *m, phys_addr_t ser, u64 next)
{
	phys_write(m, ser + offsetof(struct kho_block_header_ser, next), &next, sizeof(next));
}

static void set_count(struct machine *m, phys_addr_t ser, u64 count)
{
	phys_write(m, ser + offsetof(struct kho_block_header_ser, count), &count, sizeof(count));
}

void kho_block_set_init(struct kho_block_set *bs, u64 entry_size, u64 count_per_block)
{
	*bs = (struct kho_block_set){
		.entry_size = entry_size,
		.count_per_block = count_per_block,
	};
	INIT_LIST_HEAD(&bs->blocks);
}

static phys_addr_t kho_block_entry(const struct kho_block_set_it *it, u64 index)
{
	return it->block->ser + sizeof(struct kho_block_header_ser) + index * it->bs->entry_size;
}

static void kho_block_free_ser(struct machine *m, struct kho_block_set *bs, phys_addr_t ser)
{
	if (bs->incoming)
		kho_restore_free(m, ser);
	else
		kho_unpreserve_free(m, ser);
}

/* Kernels before 7.2 have no blocks: series that are loaded there bring them along. */
static u64 max_blocks(const struct machine *m)
{
	return limit(m, LIMIT_BLOCKS) ?: 10000;
}

static struct kho_block *last_block(struct kho_block_set *bs)
{
	return list_empty(&bs->blocks) ? NULL :
		list_last_entry(&bs->blocks, struct kho_block, list);
}

static int kho_block_add(struct machine *m, struct kho_block_set *bs, phys_addr_t ser)
{
	struct kho_block *block, *last = last_block(bs);

	if (bs->nblocks >= max_blocks(m))
		return -ENOSPC;
	block = kzalloc(m, sizeof(*block));
	if (!block)
		return -ENOMEM;
	block->ser = ser;
	list_add_tail(&block->list, &bs->blocks);
	bs->nblocks++;
	if (last)
		set_next(m, last->ser, ser);
	else
		bs->head_pa = ser;
	return 0;
}

static int kho_block_set_grow_one(struct machine *m, struct kho_block_set *bs)
{
	phys_addr_t ser;
	int err;

	err = kho_alloc_preserve(m, KHO_BLOCK_SIZE, &ser);
	if (err)
		return err;
	err = kho_block_add(m, bs, ser);
	if (err)
		kho_block_free_ser(m, bs, ser);
	return err;
}

static void kho_block_set_shrink_one(struct machine *m, struct kho_block_set *bs)
{
	KCALL(m);
	struct kho_block *last = last_block(bs);

	if (!last)
		return;
	list_del(&last->list);
	bs->nblocks--;
	kho_block_free_ser(m, bs, last->ser);
	kfree(m, last, sizeof(*last));
	last = last_block(bs);
	if (last)
		set_next(m, last->ser, 0);
	else
		bs->head_pa = 0;
}

int kho_block_set_grow(struct machine *m, struct kho_block_set *bs, u64 count)
{
	u64 orig_nblocks = bs->nblocks;

	if (WARN_ON_ONCE(m, bs->incoming))
		return -EINVAL;
	while (count > bs->nblocks * bs->count_per_block) {
		int err = kho_block_set_grow_one(m, bs);

		if (!err)
			continue;
		while (bs->nblocks > orig_nblocks)
			kho_block_set_shrink_one(m, bs);
		return err;
	}
	return 0;
}

void kho_block_set_shrink(struct machine *m, struct kho_block_set *bs, u64 count)
{
	KCALL(m);
	while (bs->nblocks > 0 && count <= (bs->nblocks - 1) * bs->count_per_block)
		kho_block_set_shrink_one(m, bs);
}

/* Floyd's tortoise and hare, which also gives up on chains that are too long. */
static bool kho_block_set_is_cyclic(struct machine *m, struct kho_block_set *bs)
{
	struct kho_block_header_ser fast, slow;
	phys_addr_t fast_pa = bs->head_pa, slow_pa = bs->head_pa;
	u64 count = 0;

	while (fast_pa) {
		if (count++ >= max_blocks(m))
			goto corrupted;
		read_header(m, fast_pa, &fast);
		if (!fast.next)
			break;
		read_header(m, fast.next, &fast);
		if (!fast.next)
			break;
		fast_pa = fast.next;
		read_header(m, slow_pa, &slow);
		slow_pa = slow.next;
		if (slow_pa == fast_pa)
			goto corrupted;
	}
	return false;

corrupted:
	pr_err(m, "Block set is corrupted");
	return true;
}

/* The proposal that was refused: is all of the chain in memory that was handed over? */
static bool extents_ok(struct machine *m, phys_addr_t block)
{
	struct kho_block_header_ser hdr;

	for (u64 i = 0; block && i < max_blocks(m); i++, block = hdr.next) {
		if (!kho_extent_ok(m, block, KHO_BLOCK_SIZE))
			return false;
		read_header(m, block, &hdr);
	}
	return true;
}

int kho_block_set_restore(struct machine *m, struct kho_block_set *bs, u64 head_pa)
{
	KCALL(m);
	struct kho_block_header_ser hdr;
	struct chain chain = { 0 };
	u64 next_pa = head_pa;
	int err;

	bs->incoming = true;
	if (!head_pa)
		return 0;
	if (has_fix(m, FIX_EXTENT_CHECKS) && !extents_ok(m, head_pa))
		return -EINVAL;
	bs->head_pa = head_pa;
	if (has_fix(m, FIX_BLOCK_CHECKS) && kho_block_set_is_cyclic(m, bs)) {
		bs->head_pa = 0;
		return -EINVAL;
	}
	while (next_pa) {
		read_header(m, next_pa, &hdr);
		if (has_fix(m, FIX_BLOCK_CHECKS) &&
		    (!hdr.count || hdr.count > bs->count_per_block)) {
			pr_warn(m, "Block contains invalid entry count: %llu",
				(unsigned long long)hdr.count);
			err = -EINVAL;
			goto err_destroy;
		}
		err = kho_block_add(m, bs, next_pa);
		if (err)
			goto err_destroy;
		next_pa = hdr.next;
	}
	return 0;

err_destroy:
	kho_block_set_destroy(m, bs);
	while (next_pa) {
		phys_addr_t ser = next_pa;

		if (chain_repeats(&chain, ser))
			loop_forever(m, "kho_block_set_restore");
		read_header(m, ser, &hdr);
		next_pa = hdr.next;
		kho_block_free_ser(m, bs, ser);
	}
	return err;
}

void kho_block_set_destroy(struct machine *m, struct kho_block_set *bs)
{
	KCALL(m);
	struct kho_block *block, *tmp;

	list_for_each_entry_safe(block, tmp, &bs->blocks, list) {
		list_del(&block->list);
		kho_block_free_ser(m, bs, block->ser);
		kfree(m, block, sizeof(*block));
	}
	bs->nblocks = 0;
	bs->head_pa = 0;
}

void kho_block_set_clear(struct machine *m, struct kho_block_set *bs)
{
	struct kho_block *block;

	list_for_each_entry(block, &bs->blocks, list) {
		set_count(m, block->ser, 0);
		phys_zero(m, block->ser + sizeof(struct kho_block_header_ser),
			  KHO_BLOCK_SIZE - sizeof(struct kho_block_header_ser));
	}
}

void kho_block_set_it_init(struct kho_block_set_it *it, struct kho_block_set *bs)
{
	it->bs = bs;
	it->block = list_empty(&bs->blocks) ? NULL :
		list_first_entry(&bs->blocks, struct kho_block, list);
	it->i = 0;
}

/* Go on to the next block when @full entries of this one are used. */
static bool next_block(struct kho_block_set_it *it, u64 full)
{
	if (it->i != full)
		return true;
	if (list_is_last(&it->block->list, &it->bs->blocks))
		return false;
	it->block = list_next_entry(it->block, list);
	it->i = 0;
	return true;
}

phys_addr_t kho_block_set_it_reserve_entry(struct machine *m, struct kho_block_set_it *it)
{
	phys_addr_t entry;

	if (!it->block || !next_block(it, it->bs->count_per_block))
		return 0;
	entry = kho_block_entry(it, it->i++);
	set_count(m, it->block->ser, it->i);
	return entry;
}

phys_addr_t kho_block_set_it_read_entry(struct machine *m, struct kho_block_set_it *it)
{
	struct kho_block_header_ser hdr;

	if (!it->block)
		return 0;
	read_header(m, it->block->ser, &hdr);
	if (!next_block(it, hdr.count))
		return 0;
	return kho_block_entry(it, it->i++);
}

phys_addr_t kho_block_set_it_prev(struct kho_block_set_it *it)
{
	if (!it->block)
		return 0;
	if (it->i == 0) {
		if (list_is_first(&it->block->list, &it->bs->blocks))
			return 0;
		it->block = list_prev_entry(it->block, list);
		it->i = it->bs->count_per_block;
	}
	return kho_block_entry(it, --it->i);
}
