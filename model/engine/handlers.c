/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A scenario's handlers and FLBs on a tree's kernel. What they do is the model's code, and so
 * is who knows them by name; how LUO goes about it is the tree's. What it remembers of an FLB
 * is taken over when its code has run.
 */
#include <stdio.h>

#include "engine/engine.h"
#include "handlers/handlers.h"
#include "machine/machine.h"

/* ---- What the tree knows of FLBs ---- */

/* A number or an address; 0: the tree has no such member. */
static s64 flb_member(const struct machine *m, const struct liveupdate_flb *flb, const char *name)
{
	u32 offset, size;
	s64 word = 0;

	if (!tree_member(m, "liveupdate_flb", name, &offset, &size))
		return 0;
	memcpy(&word, (const char *)flb->in_tree + offset, size);
	return size == sizeof(s32) ? (s32)word : word;
}

void tree_take_flb(struct machine *m, struct liveupdate_flb *flb)
{
	struct luo_flb_private_state *out = &flb->outgoing, *in = &flb->incoming;

	out->count = flb_member(m, flb, "outgoing.count");
	out->obj = (void *)flb_member(m, flb, "outgoing.obj");
	out->data = flb_member(m, flb, "outgoing.data");
	in->count = flb_member(m, flb, "incoming.count");
	in->obj = (void *)flb_member(m, flb, "incoming.obj");
	in->data = flb_member(m, flb, "incoming.data");
	in->finished = flb_member(m, flb, "incoming.finished");
	in->retrieve_status = flb_member(m, flb, "incoming.retrieve_status");
}

void tree_take_flbs(struct machine *m)
{
	struct liveupdate_flb *flb, *next;

	list_for_each_entry_safe(flb, next, &m->k->luo.flbs, list) {
		int users = flb_member(m, flb, "users");

		tree_take_flb(m, flb);
		/* A link of each handler stays for as long as that is registered. */
		census_keep(m, CENSUS_OBJECTS, users - flb->users);
		flb->users = users;
		if (!users)
			list_del(&flb->list);
	}
}

/* ---- Registration ---- */

int tree_register_handler(struct machine *m, struct liveupdate_file_handler *fh)
{
	const struct engine_kernel *kernel;
	bool before;
	int err;

	kernel = tree_begin(m, &before);
	if (!fh->in_tree)
		fh->in_tree = kernel->new_handler(fh, fh->compatible, fh->owner, fh->ops->get_id);
	err = kernel->register_handler(fh->in_tree);
	tree_end(m, before);
	if (!err)
		list_add_tail(&fh->list, &m->k->luo.handlers);
	return err;
}

void tree_unregister_handler(struct machine *m, struct liveupdate_file_handler *fh)
{
	const struct engine_kernel *kernel;
	bool before;

	kernel = tree_begin(m, &before);
	kernel->unregister_handler(fh->in_tree);
	tree_end(m, before);
	list_del(&fh->list);
}

void tree_handler_first(struct machine *m, struct liveupdate_file_handler *fh)
{
	const struct engine_kernel *kernel;
	bool before;

	kernel = tree_begin(m, &before);
	kernel->handler_first(fh->in_tree);
	tree_end(m, before);
}

int tree_register_flb(struct machine *m, struct liveupdate_file_handler *fh,
		      struct liveupdate_flb *flb)
{
	const struct engine_kernel *kernel;
	bool before, is_new = !flb->users;
	int err;

	kernel = tree_begin(m, &before);
	if (!flb->in_tree)
		flb->in_tree = kernel->new_flb(flb, flb->compatible, flb->owner);
	err = kernel->register_flb(fh->in_tree, flb->in_tree);
	if (!err && is_new)
		list_add_tail(&flb->list, &m->k->luo.flbs);
	tree_end(m, before);
	return err;
}

void tree_unregister_flb(struct machine *m, struct liveupdate_file_handler *fh,
			 struct liveupdate_flb *flb)
{
	const struct engine_kernel *kernel;
	bool before;

	kernel = tree_begin(m, &before);
	kernel->unregister_flb(fh->in_tree, flb->in_tree);
	tree_end(m, before);
}

int tree_flb_get(struct machine *m, struct liveupdate_flb *flb, bool incoming, void **objp)
{
	const struct engine_kernel *kernel;
	bool before;
	int err;

	kernel = tree_begin(m, &before);
	err = kernel->flb_get(flb->in_tree, incoming, objp);
	tree_end(m, before);
	return err;
}

void tree_flb_put(struct machine *m, struct liveupdate_flb *flb, bool incoming)
{
	const struct engine_kernel *kernel;
	bool before;

	kernel = tree_begin(m, &before);
	kernel->flb_put(flb->in_tree, incoming);
	tree_end(m, before);
}

int tree_kho(struct machine *m, enum engine_kho what, struct engine_kho_call *call)
{
	const struct engine_kernel *kernel;
	bool before;
	int err;

	kernel = tree_begin(m, &before);
	err = kernel->kho(what, call);
	tree_end(m, before);
	return err;
}

/* A handler of the tree's own: the first word of what it is called there is its name. */
void engine_registered(struct machine *m, void *handler, const char *compatible)
{
	struct {
		struct liveupdate_file_handler fh;
		char name[LIVEUPDATE_HNDL_COMPAT_LENGTH];
	} *own = arena_alloc(&m->heap, sizeof(*own));

	if (!own)
		simulator_panic(m, "host memory reserved for the heap is used up");
	snprintf(own->name, sizeof(own->name), "%.*s", (int)strcspn(compatible, "-"), compatible);
	snprintf(own->fh.compatible, sizeof(own->fh.compatible), "%s", compatible);
	own->fh.name = own->name;
	own->fh.in_tree = handler;
	list_add_tail(&own->fh.list, &m->k->luo.handlers);
}

const char *engine_handler_name(const struct machine *m, const char *compatible)
{
	const struct liveupdate_file_handler *fh;

	list_for_each_entry(fh, &m->k->luo.handlers, list)
		if (!strcmp(fh->compatible, compatible))
			return fh->name;
	return compatible;
}

/* ---- Callbacks ---- */

static unsigned long call_flb(struct machine *m, struct engine_call *call)
{
	struct liveupdate_flb_op_args args = {
		.m = m, .flb = call->of, .data = call->data, .obj = call->obj };
	int err = 0;

	switch (call->what) {
	case ENGINE_FLB_PRESERVE:
		err = luo_flb_preserve(&args);
		break;
	case ENGINE_FLB_UNPRESERVE:
		luo_flb_unpreserve(&args);
		break;
	case ENGINE_FLB_RETRIEVE:
		err = luo_flb_retrieve(&args);
		break;
	default:
		luo_flb_finish(&args);
	}
	call->data = args.data;
	call->obj = args.obj;
	return err;
}

/* The tree's get_id() does not say whose it is: that of the handler that takes such files. */
static u64 get_id(struct machine *m, struct file *file)
{
	struct liveupdate_file_handler *fh = scripted_of_file(m, file);

	return fh && fh->ops->get_id ? luo_get_id(m, fh, file) : object_id(m, file);
}

/* Whether it is to fail was asked before: all handlers of a tree are. */
static unsigned long call_handler(struct machine *m, struct engine_call *call)
{
	struct liveupdate_file_handler *fh = call->of;
	struct liveupdate_file_op_args args = {
		.m = m, .handler = fh, .retrieve_status = call->retrieve_status,
		.file = call->file, .serialized_data = call->data };
	unsigned long ret = 0;

	module_used(m, fh->owner);
	switch (call->what) {
	case ENGINE_CAN_PRESERVE:
		return fh->ops->can_preserve(m, fh, call->file);
	case ENGINE_PRESERVE:
		ret = fh->ops->preserve(&args);
		break;
	case ENGINE_UNPRESERVE:
		fh->ops->unpreserve(&args);
		break;
	case ENGINE_FREEZE:
		ret = fh->ops->freeze(&args);
		break;
	case ENGINE_UNFREEZE:
		fh->ops->unfreeze(&args);
		break;
	case ENGINE_RETRIEVE:
		ret = fh->ops->retrieve(&args);
		break;
	case ENGINE_CAN_FINISH:
		return fh->ops->can_finish(&args);
	default:
		fh->ops->finish(&args);
	}
	call->file = args.file;
	call->data = args.serialized_data;
	return ret;
}

/* The functions that have called are the tree's, and are told of like the model's. */
unsigned long engine_call_back(struct machine *m, struct engine_call *call)
{
	const struct engine_kernel *kernel = m->k->boot.release.tree->kernel;
	u32 depth = m->task->call_depth, tree_depth = m->task->tree_depth;
	const void *chain[ENGINE_CHAIN];
	unsigned long ret;

	tree_push_chain(m, chain, kernel->chain(chain));
	if (call->what == ENGINE_GET_ID)
		ret = get_id(m, call->file);
	else if (call->what >= ENGINE_FLB_PRESERVE)
		ret = call_flb(m, call);
	else
		ret = call_handler(m, call);
	m->task->call_depth = depth;
	m->task->tree_depth = tree_depth;
	return ret;
}
