/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Handlers and FLBs of luosim's: what a scenario scripts is registered as the tree's own
 * types have it, and all callbacks go back to luosim. Without FLBs in the tree's headers
 * there are none.
 */
#include <linux/kexec_handover.h>
#include <linux/liveupdate.h>
#include <linux/string.h>

#include "glue.h"
#include "probed.h"

/* Luosim sees what the tree's code did so far, and the other way round. */
static unsigned long call_back(struct engine_call *call)
{
	unsigned long ret;

	files_done();
	pages_push();
	ret = HOST(call_back, call);
	files_pull();
	return ret;
}

/* And luosim's turn comes again. */
static void done(void)
{
	files_done();
	pages_push();
}

/* ---- Handlers ---- */

struct registered {
	struct liveupdate_file_handler fh;
	struct liveupdate_file_ops ops;
	void *of;
};

static unsigned long file_call(enum engine_callback what, struct liveupdate_file_op_args *args,
			       struct engine_call *call)
{
	*call = (struct engine_call){
		.what = what,
		.of = container_of(args->handler, struct registered, fh)->of,
		.file = args->file ? model_of(args->file) : NULL,
		.data = args->serialized_data,
#ifdef PROBED_RETRIEVE_STATUS
		.retrieve_status = args->retrieve_status,
#else
		.retrieve_status = args->retrieved,
#endif
	};
	return call_back(call);
}

static bool can_preserve(struct liveupdate_file_handler *fh, struct file *file)
{
	struct engine_call call = {
		.what = ENGINE_CAN_PRESERVE,
		.of = container_of(fh, struct registered, fh)->of,
		.file = model_of(file),
	};

	return call_back(&call);
}

static int preserve(struct liveupdate_file_op_args *args)
{
	struct engine_call call;
	int err = file_call(ENGINE_PRESERVE, args, &call);

	args->serialized_data = call.data;
	return err;
}

static void unpreserve(struct liveupdate_file_op_args *args)
{
	struct engine_call call;

	file_call(ENGINE_UNPRESERVE, args, &call);
}

static int freeze(struct liveupdate_file_op_args *args)
{
	struct engine_call call;
	int err = file_call(ENGINE_FREEZE, args, &call);

	args->serialized_data = call.data;
	return err;
}

static void unfreeze(struct liveupdate_file_op_args *args)
{
	struct engine_call call;

	file_call(ENGINE_UNFREEZE, args, &call);
}

static int retrieve(struct liveupdate_file_op_args *args)
{
	struct engine_call call;
	int err = file_call(ENGINE_RETRIEVE, args, &call);

	if (!err && call.file)
		args->file = shadow_of(call.file);
	return err;
}

static bool can_finish(struct liveupdate_file_op_args *args)
{
	struct engine_call call;

	return file_call(ENGINE_CAN_FINISH, args, &call);
}

static void finish(struct liveupdate_file_op_args *args)
{
	struct engine_call call;

	file_call(ENGINE_FINISH, args, &call);
}

static unsigned long get_id(struct file *file)
{
	struct engine_call call = { .what = ENGINE_GET_ID, .file = model_of(file) };

	return call_back(&call);
}

/* It stays where it is when its module is gone, so that what still leads there shows. */
void *new_handler(void *of, const char *compatible, void *owner, bool has_id)
{
	struct registered *s = HOST(own_alloc, sizeof(*s));

	s->of = of;
	s->ops = (struct liveupdate_file_ops){
		.can_preserve = can_preserve, .preserve = preserve, .unpreserve = unpreserve,
		.freeze = freeze, .unfreeze = unfreeze, .retrieve = retrieve,
		.can_finish = can_finish, .finish = finish, .owner = owner };
#ifdef PROBED_GET_ID
	if (has_id)
		s->ops.get_id = get_id;
#endif
	s->fh.ops = &s->ops;
	strscpy((char *)s->fh.compatible, compatible, sizeof(s->fh.compatible));
	return s;
}

int register_handler(void *handler)
{
	struct registered *s = handler;
	int err = handler_register(&s->fh);

	done();
	return err;
}

void unregister_handler(void *handler)
{
	struct registered *s = handler;

	liveupdate_unregister_file_handler(&s->fh);
	done();
}

/* The last of all, which it is when it was registered, is before the list's head. */
void handler_first(void *handler)
{
	struct liveupdate_file_handler *fh = handler;

	list_move(&ACCESS_PRIVATE(fh, list), ACCESS_PRIVATE(fh, list).next);
}

/* ---- FLBs ---- */

#ifdef PROBED_FLB

struct registered_flb {
	struct liveupdate_flb flb;
	struct liveupdate_flb_ops ops;
	void *of;
};

static int flb_call(enum engine_callback what, struct liveupdate_flb_op_args *args)
{
	struct engine_call call = {
		.what = what, .of = container_of(args->flb, struct registered_flb, flb)->of,
		.data = args->data, .obj = args->obj };
	int err = call_back(&call);

	args->data = call.data;
	args->obj = call.obj;
	return err;
}

static int flb_preserve(struct liveupdate_flb_op_args *args)
{
	return flb_call(ENGINE_FLB_PRESERVE, args);
}

static void flb_unpreserve(struct liveupdate_flb_op_args *args)
{
	flb_call(ENGINE_FLB_UNPRESERVE, args);
}

static int flb_retrieve(struct liveupdate_flb_op_args *args)
{
	return flb_call(ENGINE_FLB_RETRIEVE, args);
}

static void flb_finish(struct liveupdate_flb_op_args *args)
{
	flb_call(ENGINE_FLB_FINISH, args);
}

void *new_flb(void *of, const char *compatible, void *owner)
{
	struct registered_flb *s = HOST(own_alloc, sizeof(*s));

	s->of = of;
	s->ops = (struct liveupdate_flb_ops){
		.preserve = flb_preserve, .unpreserve = flb_unpreserve,
		.retrieve = flb_retrieve, .finish = flb_finish, .owner = owner };
	s->flb.ops = &s->ops;
	strscpy((char *)s->flb.compatible, compatible, sizeof(s->flb.compatible));
	return s;
}

int register_flb(void *handler, void *flb)
{
	int err = liveupdate_register_flb(handler, flb);

	done();
	return err;
}

void unregister_flb(void *handler, void *flb)
{
	liveupdate_unregister_flb(handler, flb);
	done();
}

extern void liveupdate_flb_put_incoming(struct liveupdate_flb *flb) __weak;
extern void liveupdate_flb_put_outgoing(struct liveupdate_flb *flb) __weak;

int flb_get(void *flb, bool incoming, void **obj)
{
	int err = incoming ? liveupdate_flb_get_incoming(flb, obj) :
			     liveupdate_flb_get_outgoing(flb, obj);

	done();
	return err;
}

/* Where nothing is put, get took nothing. */
void flb_put(void *flb, bool incoming)
{
	if (incoming && liveupdate_flb_put_incoming)
		liveupdate_flb_put_incoming(flb);
	else if (!incoming && liveupdate_flb_put_outgoing)
		liveupdate_flb_put_outgoing(flb);
	done();
}

#else

void *new_flb(void *of, const char *compatible, void *owner)
{
	return NULL;
}

int register_flb(void *handler, void *flb)
{
	return -EOPNOTSUPP;
}

void unregister_flb(void *handler, void *flb)
{
}

int flb_get(void *flb, bool incoming, void **obj)
{
	return -EOPNOTSUPP;
}

void flb_put(void *flb, bool incoming)
{
}

#endif
