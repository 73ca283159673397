/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calling handlers and FLBs back: the one place where LUO does, so that each
 * callback that can fail can be told to, none is called of a module that is gone, and the
 * ledger knows for which FLB it is.
 */
#include "machine/machine.h"

static const struct liveupdate_file_ops *ops(const struct liveupdate_file_op_args *args)
{
	module_used(args->m, args->handler->owner);
	return args->handler->ops;
}

static const struct liveupdate_flb_ops *flb_ops(const struct liveupdate_flb_op_args *args)
{
	module_used(args->m, args->flb->owner);
	return args->flb->ops;
}

static int fails(const struct liveupdate_file_op_args *args, enum handler_call call)
{
	return should_fail(args->m, FAIL_CALLBACK, call, args->handler->name);
}

bool luo_can_preserve(struct machine *m, struct liveupdate_file_handler *fh, struct file *file)
{
	module_used(m, fh->owner);
	return !should_fail(m, FAIL_CALLBACK, CALL_CAN_PRESERVE, fh->name) &&
	       fh->ops->can_preserve(m, fh, file);
}

u64 luo_get_id(struct machine *m, struct liveupdate_file_handler *fh, struct file *file)
{
	module_used(m, fh->owner);
	return fh->ops->get_id ? fh->ops->get_id(m, fh, file) : object_id(m, file);
}

int luo_preserve(struct liveupdate_file_op_args *args)
{
	int err = fails(args, CALL_PRESERVE);

	return err ? err : ops(args)->preserve(args);
}

void luo_unpreserve(struct liveupdate_file_op_args *args)
{
	ops(args)->unpreserve(args);
}

int luo_freeze(struct liveupdate_file_op_args *args)
{
	int err;

	if (!ops(args)->freeze)
		return 0;
	err = fails(args, CALL_FREEZE);
	return err ? err : ops(args)->freeze(args);
}

void luo_unfreeze(struct liveupdate_file_op_args *args)
{
	if (ops(args)->unfreeze)
		ops(args)->unfreeze(args);
}

int luo_retrieve(struct liveupdate_file_op_args *args)
{
	int err = fails(args, CALL_RETRIEVE);

	return err ? err : ops(args)->retrieve(args);
}

bool luo_can_finish(struct liveupdate_file_op_args *args)
{
	if (!ops(args)->can_finish)
		return true;
	return !fails(args, CALL_CAN_FINISH) && ops(args)->can_finish(args);
}

void luo_finish(struct liveupdate_file_op_args *args)
{
	ops(args)->finish(args);
}

static int flb_fails(const struct liveupdate_flb_op_args *args, enum handler_call call)
{
	return should_fail(args->m, FAIL_FLB, call, args->flb->compatible);
}

int luo_flb_preserve(struct liveupdate_flb_op_args *args)
{
	u32 claim = ledger_claim_flb(args->m, args->flb->compatible);
	u32 before = ledger_act_for(args->m, claim);
	int err = flb_fails(args, CALL_FLB_PRESERVE);

	if (!err)
		err = flb_ops(args)->preserve(args);
	ledger_act_for(args->m, before);
	if (err)
		ledger_done(args->m, claim);
	else
		args->flb->outgoing.claim = claim;
	return err;
}

void luo_flb_unpreserve(struct liveupdate_flb_op_args *args)
{
	u32 before = ledger_act_for(args->m, args->flb->outgoing.claim);

	flb_ops(args)->unpreserve(args);
	ledger_act_for(args->m, before);
	ledger_done(args->m, args->flb->outgoing.claim);
}

int luo_flb_retrieve(struct liveupdate_flb_op_args *args)
{
	struct liveupdate_flb *flb = args->flb;
	int err = flb_fails(args, CALL_FLB_RETRIEVE);
	u32 before;

	flb->incoming.claim = ledger_incoming_flb(args->m, args->data, flb->compatible);
	before = ledger_act_for(args->m, flb->incoming.claim);
	if (!err)
		err = flb_ops(args)->retrieve(args);
	ledger_act_for(args->m, before);
	return err;
}

void luo_flb_finish(struct liveupdate_flb_op_args *args)
{
	u32 before = ledger_act_for(args->m, args->flb->incoming.claim);

	flb_ops(args)->finish(args);
	ledger_act_for(args->m, before);
	ledger_done(args->m, args->flb->incoming.claim);
}
