// SPDX-License-Identifier: GPL-2.0-only
/*
 * What tests/tree-reached.sh compiles into a tree as well: a driver that registers handlers and
 * FLBs as none should, a handler of eventfds that has only the callbacks it must have, and sets
 * of blocks as LUO has none.
 */
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/io.h>
#include <linux/kho_block.h>
#include <linux/liveupdate.h>
#include <linux/printk.h>
#include <linux/slab.h>

static struct liveupdate_flb flb;

static bool can_preserve(struct liveupdate_file_handler *handler, struct file *file)
{
	return !file_inode(file)->i_size && !S_ISREG(file_inode(file)->i_mode);
}

static int preserve(struct liveupdate_file_op_args *args)
{
	args->serialized_data = 1;
	return 0;
}

static int retrieve(struct liveupdate_file_op_args *args)
{
	void *obj;

	/* There is none, and it is not an error. */
	if (liveupdate_flb_get_incoming(&flb, &obj) || liveupdate_flb_get_incoming(&flb, &obj))
		return -EIO;
	return -ENXIO;
}

static void done(struct liveupdate_file_op_args *args)
{
}

static int flb_call(struct liveupdate_flb_op_args *args)
{
	return 0;
}

static void flb_done(struct liveupdate_flb_op_args *args)
{
}

static const struct liveupdate_file_ops ops = {
	.can_preserve = can_preserve, .preserve = preserve, .unpreserve = done,
	.retrieve = retrieve, .finish = done, .owner = THIS_MODULE,
};
static struct liveupdate_file_handler handler = { .ops = &ops, .compatible = "driver" };

static const struct liveupdate_flb_ops flb_ops = {
	.preserve = flb_call, .unpreserve = flb_done, .retrieve = flb_call, .finish = flb_done,
	.owner = THIS_MODULE,
};
static struct liveupdate_flb flb = { .ops = &flb_ops, .compatible = "flb" };

/* ---- What is refused ---- */

static void lacks_a_callback(void)
{
	for (int i = 0; i < 5; i++) {
		struct liveupdate_file_ops less = ops;
		struct liveupdate_file_handler bad = { .ops = &less, .compatible = "bad" };
		void *members[] = { &less.preserve, &less.unpreserve, &less.retrieve, &less.finish,
				    &less.can_preserve };

		*(void **)members[i] = NULL;
		pr_info("handler: %d\n", liveupdate_register_file_handler(&bad));
	}
	for (int i = 0; i < 4; i++) {
		struct liveupdate_flb_ops less = flb_ops;
		struct liveupdate_flb bad = { .ops = &less, .compatible = "bad" };
		void *members[] = { &less.preserve, &less.unpreserve, &less.retrieve,
				    &less.finish };

		*(void **)members[i] = NULL;
		pr_info("FLB: %d\n", liveupdate_register_flb(&handler, &bad));
	}
}

static void out_of_order(void)
{
	static struct liveupdate_flb twin = { .ops = &flb_ops, .compatible = "flb" };
	struct liveupdate_file_handler unknown = { .ops = &ops, .compatible = "unknown" };

	INIT_LIST_HEAD(&ACCESS_PRIVATE(&unknown, list));
	pr_info("not registered: %d\n", liveupdate_register_flb(&unknown, &flb));
	pr_info("twin: %d\n", liveupdate_register_flb(&handler, &twin));
}

/* ---- Sets of blocks ---- */

#define MAX_BLOCKS	10000

static void empty_set(void)
{
	struct kho_block_set set;
	struct kho_block_set_it it;

	kho_block_set_init(&set, 2 * PAGE_SIZE);
	kho_block_set_init(&set, 8);
	kho_block_set_it_init(&it, &set);
	pr_info("empty: %d %d %d\n", !kho_block_set_it_reserve_entry(&it),
		!kho_block_set_it_read_entry(&it), !kho_block_set_it_prev(&it));
	pr_info("restore nothing: %d\n", kho_block_set_restore(&set, 0));
	pr_info("incoming: %d\n", kho_block_set_grow(&set, 1));
}

/* More entries than there are, at both ends; and no third block. */
static void full_set(void)
{
	struct kho_block_set set;
	struct kho_block_set_it it;
	int nr = 0;

	kho_block_set_init(&set, PAGE_SIZE / 4);
	pr_info("grow: %d\n", kho_block_set_grow(&set, 6));
	kho_block_set_it_init(&it, &set);
	while (kho_block_set_it_reserve_entry(&it))
		nr++;
	while (kho_block_set_it_prev(&it))
		nr--;
	pr_info("reserved and given back: %d\n", nr);
	set.nblocks = MAX_BLOCKS - 1;
	pr_info("too large: %d\n", kho_block_set_grow(&set, 3 * (MAX_BLOCKS + 1)));
	set.nblocks = 2;
	kho_block_set_destroy(&set);
}

/* A ring that is not found to be one before there are too many: none has so many blocks. */
static void long_ring(void)
{
	const int nr = 3 * MAX_BLOCKS;
	struct kho_block_header_ser *ser = kcalloc(nr, sizeof(*ser), GFP_KERNEL);
	struct kho_block_set set;

	if (!ser)
		return;
	for (int i = 0; i < nr; i++)
		ser[i].next = virt_to_phys(&ser[(i + 1) % nr]);
	kho_block_set_init(&set, 8);
	pr_info("ring: %d\n", kho_block_set_restore(&set, virt_to_phys(ser)));
	kfree(ser);
}

/* Without live update there is nothing, and nothing is taken back. */
static void without(void)
{
	void *obj;

	pr_info("incoming: %d\n", liveupdate_flb_get_incoming(&flb, &obj));
	pr_info("outgoing: %d\n", liveupdate_flb_get_outgoing(&flb, &obj));
	liveupdate_unregister_flb(&handler, &flb);
	liveupdate_unregister_file_handler(&handler);
}

static int __init driver_init(void)
{
	int err = liveupdate_register_file_handler(&handler), flb_err;

	flb_err = liveupdate_register_flb(&handler, &flb);
	pr_info("handler: %d, FLB: %d\n", err, flb_err);
	if (err) {
		without();
	} else {
		lacks_a_callback();
		out_of_order();
		empty_set();
		full_set();
		long_ring();
	}
	return 0;
}
late_initcall(driver_init);
