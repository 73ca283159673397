/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * File-lifecycle-bound data (kernel/liveupdate/luo_flb.c, 7.0 on): one object
 * that all files of some handlers need. The first file preserves it and the last
 * one gives it up, in the old kernel as in the new one.
 */
#include <libfdt.h>
#include <stdio.h>

#include "machine/machine.h"
#include "policy/compat.h"

#define pr_fmt "luo: "

#define LUO_FLB_PGCNT		1ul
#define LUO_FLB_MAX		((LUO_FLB_PGCNT * PAGE_SIZE - sizeof(struct luo_flb_header_ser)) / \
				 sizeof(struct luo_flb_ser))

/* An FLB that a file handler depends on. */
struct luo_flb_link {
	struct liveupdate_flb *flb;
	struct list_head list;
};

/* 6.19 has none. */
static bool has_flbs(const struct machine *m)
{
	return m->k->boot.release.flb_compatible || m->k->boot.release.luo_ser;
}

/* luo_flb_get_private() */
static void init_private(struct liveupdate_flb *flb)
{
	if (flb->outgoing.lock.name)
		return;
	mutex_init(&flb->outgoing.lock, "liveupdate_flb.outgoing.lock");
	mutex_init(&flb->incoming.lock, "liveupdate_flb.incoming.lock");
}

/*
 * Reference counts. Before flb-incoming-refs they are plain numbers; since then
 * refcount_t, which warns once and stays where it is when it would go below 0.
 */

#define REFCOUNT_SATURATED	(INT32_MIN / 2)

static void refcount_warn_saturate(struct machine *m, s64 *count, bool add)
{
	static const char sites[2];

	*count = REFCOUNT_SATURATED;
	if (!once(m, &sites[add]))
		return;
	warn(m, __func__);
	printk(m, LOG_WARN, "refcount_t: %s; use-after-free.",
	       add ? "addition on 0" : "underflow");
}

static void count_inc(struct machine *m, s64 *count)
{
	if (has_fix(m, FIX_FLB_INCOMING_REFS) && *count <= 0)
		refcount_warn_saturate(m, count, true);
	else
		++*count;
}

static bool count_dec_and_test(struct machine *m, s64 *count)
{
	if (has_fix(m, FIX_FLB_INCOMING_REFS) && *count <= 0) {
		refcount_warn_saturate(m, count, false);
		return false;
	}
	return !--*count;
}

/*
 * The reference on the module of an FLB while its object is there. Up to 7.0 the FLB
 * has one for as long as it is registered, instead.
 */

static bool flb_get(struct machine *m, struct liveupdate_flb *flb)
{
	return !has_fix(m, FIX_REGISTER_ANYTIME) || try_module_get(m, flb->owner);
}

static void flb_put(struct machine *m, struct liveupdate_flb *flb)
{
	if (has_fix(m, FIX_REGISTER_ANYTIME))
		module_put(m, flb->owner);
}

/* Preserve. */

static int flb_preserve(struct machine *m, struct liveupdate_flb *flb)
{
	struct liveupdate_flb_op_args args = { .m = m, .flb = flb };
	int err;

	if (!flb_get(m, flb))
		return -ENODEV;
	err = luo_flb_preserve(&args);
	if (err) {
		flb_put(m, flb);
		return err;
	}
	flb->outgoing.data = args.data;
	flb->outgoing.obj = args.obj;
	flb->outgoing.count = 1;
	return 0;
}

static int luo_flb_file_preserve_one(struct machine *m, struct liveupdate_flb *flb)
{
	int err = 0;

	mutex_lock(m, &flb->outgoing.lock);
	if (!flb->outgoing.count)
		err = flb_preserve(m, flb);
	else
		count_inc(m, &flb->outgoing.count);
	mutex_unlock(m, &flb->outgoing.lock);
	return err;
}

static void put_outgoing(struct machine *m, struct liveupdate_flb *flb)
{
	KCALL_NAMED(m, has_fix(m, FIX_FLB_OUTGOING_REFS) ? "liveupdate_flb_put_outgoing" :
							   "luo_flb_file_unpreserve_one");
	struct luo_flb_private_state *out = &flb->outgoing;

	mutex_lock(m, &out->lock);
	if (count_dec_and_test(m, &out->count)) {
		struct liveupdate_flb_op_args args = {
			.m = m, .flb = flb, .data = out->data, .obj = out->obj,
		};

		luo_flb_unpreserve(&args);
		out->data = 0;
		out->obj = NULL;
		flb_put(m, flb);
	}
	mutex_unlock(m, &out->lock);
}

int luo_flb_file_preserve(struct machine *m, struct liveupdate_file_handler *fh)
{
	KCALL(m);
	struct luo_flb_link *iter;
	int err = 0;

	luo_register_read_lock(m);
	list_for_each_entry(iter, &fh->flb_list, list) {
		err = luo_flb_file_preserve_one(m, iter->flb);
		if (err)
			break;
	}
	if (err)
		list_for_each_entry_continue_reverse(iter, &fh->flb_list, list)
			put_outgoing(m, iter->flb);
	luo_register_read_unlock(m);
	return err;
}

void luo_flb_file_unpreserve(struct machine *m, struct liveupdate_file_handler *fh)
{
	KCALL(m);
	struct luo_flb_link *iter;

	luo_register_read_lock(m);
	iter = list_entry(&fh->flb_list, struct luo_flb_link, list);
	list_for_each_entry_continue_reverse(iter, &fh->flb_list, list)
		put_outgoing(m, iter->flb);
	luo_register_read_unlock(m);
}

int liveupdate_flb_get_outgoing(struct machine *m, struct liveupdate_flb *flb, void **objp)
{
	bool refs = has_fix(m, FIX_FLB_OUTGOING_REFS);
	int err = 0;

	if (m->k->boot.release.tree)
		return tree_flb_get(m, flb, false, objp);
	if (!liveupdate_enabled(m))
		return -EOPNOTSUPP;
	init_private(flb);
	mutex_lock(m, &flb->outgoing.lock);
	if (refs && !flb->outgoing.obj)
		err = -ENOENT;
	else if (refs)
		count_inc(m, &flb->outgoing.count);
	/* Without the fix NULL is what a caller gets when nothing is preserved. */
	if (!err)
		*objp = flb->outgoing.obj;
	mutex_unlock(m, &flb->outgoing.lock);
	return err;
}

void liveupdate_flb_put_outgoing(struct machine *m, struct liveupdate_flb *flb)
{
	/* Otherwise get took nothing. */
	if (m->k->boot.release.tree)
		tree_flb_put(m, flb, false);
	else if (has_fix(m, FIX_FLB_OUTGOING_REFS))
		put_outgoing(m, flb);
}

/* Retrieve. */

/* The entry of @flb in the page that the previous kernel left. */
static int find_incoming(struct machine *m, struct liveupdate_flb *flb, struct luo_flb_ser *ser)
{
	phys_addr_t phys = m->k->luo.flb_incoming;
	struct luo_flb_header_ser header;
	int err = -ENOENT;

	if (!phys)
		return -ENODATA;
	phys_read(m, phys, &header, sizeof(header));
	phys += sizeof(header);
	for (int i = 0; (u64)i < header.count; i++, phys += sizeof(*ser)) {
		phys_read(m, phys, ser, sizeof(*ser));
		if (!strncmp(ser->name, flb->compatible, sizeof(ser->name)))
			return 0;
		if (compat_other_version(m, flb->compatible, ser->name))
			err = -EPROTO;
	}
	return err;
}

/* With the lock of the incoming state held. */
static int luo_flb_retrieve_one(struct machine *m, struct liveupdate_flb *flb)
{
	struct liveupdate_flb_op_args args = { .m = m, .flb = flb };
	struct luo_flb_private_state *in = &flb->incoming;
	struct luo_flb_ser ser;
	int err;

	if (in->finished)
		return -ENODATA;
	if (in->retrieve_status)
		return min(in->retrieve_status, 0);
	err = find_incoming(m, flb, &ser);
	if (err)
		return err;
	in->data = args.data = ser.data;
	in->count = ser.count;
	if (!flb_get(m, flb))
		return -ENODEV;
	err = luo_flb_retrieve(&args);
	if (err) {
		flb_put(m, flb);
		if (has_fix(m, FIX_FLB_RETRIEVE_STATUS))
			in->retrieve_status = err;
		return err;
	}
	in->obj = args.obj;
	in->retrieve_status = 1;
	return 0;
}

static void flb_finish(struct machine *m, struct liveupdate_flb *flb)
{
	struct luo_flb_private_state *in = &flb->incoming;
	struct liveupdate_flb_op_args args = { .m = m, .flb = flb, .obj = in->obj };

	luo_flb_finish(&args);
	in->data = 0;
	in->obj = NULL;
	in->finished = true;
	flb_put(m, flb);
}

/* The count comes with retrieve: of an FLB that nobody retrieved it is 0 still. */
static void init_incoming(struct machine *m, struct liveupdate_flb *flb)
{
	struct luo_flb_ser ser;

	if (has_fix(m, FIX_FLB_FINISH_STATE) && !flb->incoming.count &&
	    !flb->incoming.retrieve_status && !find_incoming(m, flb, &ser))
		flb->incoming.count = ser.count;
}

static void put_incoming(struct machine *m, struct liveupdate_flb *flb)
{
	const char *name = has_fix(m, FIX_FLB_INCOMING_REFS) ? "liveupdate_flb_put_incoming" :
							       "luo_flb_file_finish_one";
	KCALL_NAMED(m, name);
	struct luo_flb_private_state *in = &flb->incoming;

	mutex_lock(m, &in->lock);
	init_incoming(m, flb);
	if (count_dec_and_test(m, &in->count)) {
		if (in->retrieve_status <= 0 && luo_flb_retrieve_one(m, flb))
			warn(m, name);
		else
			flb_finish(m, flb);
	}
	mutex_unlock(m, &in->lock);
}

void luo_flb_file_finish(struct machine *m, struct liveupdate_file_handler *fh)
{
	KCALL(m);
	struct luo_flb_link *iter;

	luo_register_read_lock(m);
	iter = list_entry(&fh->flb_list, struct luo_flb_link, list);
	list_for_each_entry_continue_reverse(iter, &fh->flb_list, list)
		put_incoming(m, iter->flb);
	luo_register_read_unlock(m);
}

int liveupdate_flb_get_incoming(struct machine *m, struct liveupdate_flb *flb, void **objp)
{
	int err = 0;

	if (m->k->boot.release.tree)
		return tree_flb_get(m, flb, true, objp);
	if (!liveupdate_enabled(m))
		return -EOPNOTSUPP;
	init_private(flb);
	mutex_lock(m, &flb->incoming.lock);
	if (!flb->incoming.obj)
		err = luo_flb_retrieve_one(m, flb);
	if (!err && has_fix(m, FIX_FLB_INCOMING_REFS))
		count_inc(m, &flb->incoming.count);
	if (!err)
		*objp = flb->incoming.obj;
	mutex_unlock(m, &flb->incoming.lock);
	return err;
}

void liveupdate_flb_put_incoming(struct machine *m, struct liveupdate_flb *flb)
{
	if (m->k->boot.release.tree)
		tree_flb_put(m, flb, true);
	else if (has_fix(m, FIX_FLB_INCOMING_REFS))
		put_incoming(m, flb);
}

/* Registration. */

static struct luo_flb_link *find_link(struct liveupdate_file_handler *fh,
				      const struct liveupdate_flb *flb)
{
	struct luo_flb_link *iter;

	list_for_each_entry(iter, &fh->flb_list, list)
		if (iter->flb == flb)
			return iter;
	return NULL;
}

/* The first handler brings it into the list of all. */
static int flb_list_add(struct machine *m, struct liveupdate_flb *flb)
{
	struct luo *luo = &m->k->luo;
	struct liveupdate_flb *iter;

	if (luo->flb_count == LUO_FLB_MAX)
		return -ENOSPC;
	list_for_each_entry(iter, &luo->flbs, list) {
		module_used(m, iter->owner);
		if (!strcmp(iter->compatible, flb->compatible))
			return -EEXIST;
	}
	/* Up to 7.0 the module is held for as long as the FLB is registered. */
	if (!has_fix(m, FIX_REGISTER_ANYTIME) && !try_module_get(m, flb->owner))
		return -EAGAIN;
	list_add_tail(&flb->list, &luo->flbs);
	luo->flb_count++;
	return 0;
}

int liveupdate_register_flb(struct machine *m, struct liveupdate_file_handler *fh,
			    struct liveupdate_flb *flb)
{
	struct luo_flb_link *link;
	int err = 0;

	if (m->k->boot.release.tree)
		return tree_register_flb(m, fh, flb);
	if (!liveupdate_enabled(m) || !has_flbs(m))
		return -EOPNOTSUPP;
	if (WARN_ON(m, !flb->ops->preserve || !flb->ops->unpreserve || !flb->ops->retrieve ||
		       !flb->ops->finish))
		return -EINVAL;
	/* A handler has its list since it was registered. */
	if (WARN_ON(m, !fh->list.next))
		return -EINVAL;
	link = kzalloc(m, sizeof(*link));
	if (!link)
		return -ENOMEM;
	init_private(flb);
	if (!luo_register_write_lock(m)) {
		kfree(m, link, sizeof(*link));
		return -EBUSY;
	}
	if (find_link(fh, flb))
		err = -EEXIST;
	else if (!flb->users)
		err = flb_list_add(m, flb);
	if (err) {
		kfree(m, link, sizeof(*link));
	} else {
		flb->users++;
		link->flb = flb;
		list_add_tail(&link->list, &fh->flb_list);
		census_keep(m, CENSUS_OBJECTS, 1);
	}
	luo_register_write_unlock(m);
	return err;
}

/* With the lists locked for writing. */
static void unregister_one(struct machine *m, struct liveupdate_file_handler *fh,
			   struct liveupdate_flb *flb)
{
	struct luo_flb_link *link = find_link(fh, flb);

	if (!link) {
		pr_warn(m, "Failed to unregister FLB '%s': not found in file handler '%s'",
			flb->compatible, fh->compatible);
		return;
	}
	list_del(&link->list);
	kfree(m, link, sizeof(*link));
	census_keep(m, CENSUS_OBJECTS, -1);
	if (--flb->users)
		return;
	list_del(&flb->list);
	m->k->luo.flb_count--;
	if (!has_fix(m, FIX_REGISTER_ANYTIME))
		module_put(m, flb->owner);
}

void liveupdate_unregister_flb(struct machine *m, struct liveupdate_file_handler *fh,
			       struct liveupdate_flb *flb)
{
	if (m->k->boot.release.tree) {
		tree_unregister_flb(m, fh, flb);
		return;
	}
	if (!liveupdate_enabled(m) || !luo_register_write_lock(m))
		return;
	unregister_one(m, fh, flb);
	luo_register_write_unlock(m);
}

void luo_flb_unregister_all(struct machine *m, struct liveupdate_file_handler *fh)
{
	struct luo_flb_link *iter, *tmp;

	list_for_each_entry_safe(iter, tmp, &fh->flb_list, list)
		unregister_one(m, fh, iter->flb);
}

/* Handover. */

/* The outgoing page; luo_flb_setup_outgoing() of either form. */
static int alloc_header(struct machine *m, phys_addr_t *phys)
{
	struct luo_flb_header_ser header = { .pgcnt = LUO_FLB_PGCNT };
	int err;

	err = kho_alloc_preserve(m, LUO_FLB_PGCNT * PAGE_SIZE, phys);
	if (err)
		return err;
	phys_write(m, *phys, &header, sizeof(header));
	m->k->luo.flb_outgoing = *phys;
	return 0;
}

int luo_flb_setup_outgoing(struct machine *m, void *fdt)
{
	phys_addr_t header;
	int err;

	err = alloc_header(m, &header);
	if (err)
		return err;
	err = fdt_begin_node(fdt, LUO_FDT_FLB_NODE);
	err |= fdt_property_string(fdt, "compatible", m->k->boot.release.flb_compatible);
	err |= fdt_property(fdt, LUO_FDT_FLB_HEADER, &header, sizeof(header));
	err |= fdt_end_node(fdt);
	if (err)
		kho_unpreserve_free(m, header);
	return err;
}

int luo_flb_setup_outgoing_ser(struct machine *m, phys_addr_t flbs_pa)
{
	phys_addr_t header;
	int err;

	err = alloc_header(m, &header);
	if (!err)
		phys_write(m, flbs_pa, &header, sizeof(header));
	return err;
}

int luo_flb_setup_incoming(struct machine *m, const void *fdt)
{
	const void *val;
	int off, len, err;

	off = fdt_subnode_offset(fdt, 0, LUO_FDT_FLB_NODE);
	if (off < 0) {
		pr_err(m, "Unable to get FLB node [%s]", LUO_FDT_FLB_NODE);
		return -ENOENT;
	}
	err = fdt_node_check_compatible(fdt, off, m->k->boot.release.flb_compatible);
	if (err) {
		pr_err(m, "FLB node is incompatible with '%s' [%d]",
		       m->k->boot.release.flb_compatible, err);
		return -EINVAL;
	}
	val = fdt_getprop(fdt, off, LUO_FDT_FLB_HEADER, &len);
	if (!val || len != sizeof(m->k->luo.flb_incoming)) {
		pr_err(m, "Unable to get FLB header property '%s'", LUO_FDT_FLB_HEADER);
		return -EINVAL;
	}
	memcpy(&m->k->luo.flb_incoming, val, sizeof(m->k->luo.flb_incoming));
	return 0;
}

void luo_flb_setup_incoming_ser(struct machine *m, u64 flbs_pa)
{
	m->k->luo.flb_incoming = flbs_pa;
}

void luo_flb_serialize(struct machine *m)
{
	struct luo_flb_header_ser header = { .pgcnt = LUO_FLB_PGCNT };
	struct luo *luo = &m->k->luo;
	struct liveupdate_flb *flb;
	phys_addr_t phys = luo->flb_outgoing + sizeof(header);

	if (!has_flbs(m))
		return;
	luo_register_read_lock(m);
	list_for_each_entry(flb, &luo->flbs, list) {
		struct luo_flb_ser ser = {
			.data = flb->outgoing.data, .count = flb->outgoing.count,
		};

		module_used(m, flb->owner);
		if (flb->outgoing.count <= 0)
			continue;
		/* strscpy() */
		memcpy(ser.name, flb->compatible, sizeof(ser.name) - 1);
		phys_write(m, phys, &ser, sizeof(ser));
		phys += sizeof(ser);
		header.count++;
	}
	phys_write(m, luo->flb_outgoing, &header, sizeof(header));
	luo_register_read_unlock(m);
}
