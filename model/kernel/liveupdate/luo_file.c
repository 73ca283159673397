/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The files of a session: preserve, freeze, retrieve, finish
 * (kernel/liveupdate/luo_file.c).
 *
 * Up to 7.1 a session's files are serialized into two pages, from 7.2 on into a
 * chain of blocks.
 */
#include "machine/machine.h"
#include "policy/compat.h"
#include "policy/share.h"

#define pr_fmt "luo: "

static bool uses_blocks(struct machine *m)
{
	return m->k->boot.release.luo_ser;
}

static struct luo_file *find_token(struct luo_file_set *file_set, u64 token)
{
	struct luo_file *iter;

	list_for_each_entry(iter, &file_set->files_list, list)
		if (iter->token == token)
			return iter;
	return NULL;
}

const struct liveupdate_file_handler *luo_file_nth(struct luo_file_set *file_set, u64 token,
						   u64 *nr, u64 *data)
{
	const struct luo_file *iter;

	*nr = 0;
	list_for_each_entry(iter, &file_set->files_list, list) {
		*data = iter->serialized_data;
		if (iter->token == token)
			return iter->fh;
		++*nr;
	}
	return NULL;
}

static void luo_file_add(struct machine *m, struct luo_file_set *file_set,
			 struct luo_file *luo_file)
{
	list_add_tail(&luo_file->list, &file_set->files_list);
	census_add(m, CENSUS_LUO_FILES, 1);
}

static void luo_file_del(struct machine *m, struct luo_file *luo_file)
{
	list_del(&luo_file->list);
	if (luo_file->retrieve_status < 0)
		census_add(m, CENSUS_LATCHED, -1);
	kfree(m, luo_file, sizeof(*luo_file));
	census_add(m, CENSUS_LUO_FILES, -1);
}

/* The memory that a session's files will be serialized into. */

static int luo_alloc_files_mem(struct machine *m, struct luo_file_set *file_set)
{
	if (file_set->files)
		return 0;
	WARN_ON_ONCE_IN(m, "luo_preserve_file", file_set->count);
	return kho_alloc_preserve(m, LUO_FILE_PGCNT << PAGE_SHIFT, &file_set->files);
}

static void luo_free_files_mem(struct machine *m, struct luo_file_set *file_set)
{
	if (file_set->count || !file_set->files)
		return;
	kho_unpreserve_free(m, file_set->files);
	file_set->files = 0;
}

/* A file less: give back what it took. */
static void luo_shrink_files_mem(struct machine *m, struct luo_file_set *file_set)
{
	if (uses_blocks(m))
		kho_block_set_shrink(m, &file_set->block_set, file_set->count);
	else
		luo_free_files_mem(m, file_set);
}

/* The file and the room for it; the order differs between the two forms. */
static int luo_get_file(struct machine *m, struct luo_file_set *file_set, int fd,
			struct file **filep)
{
	int err;

	if (uses_blocks(m)) {
		err = kho_block_set_grow(m, &file_set->block_set, file_set->count + 1);
		if (err)
			return err;
		*filep = fget(m, fd);
		if (*filep)
			return 0;
		luo_shrink_files_mem(m, file_set);
		return -EBADF;
	}
	if (file_set->count == limit(m, LIMIT_FILES))
		return -ENOSPC;
	*filep = fget(m, fd);
	if (!*filep)
		return -EBADF;
	err = luo_alloc_files_mem(m, file_set);
	if (err)
		fput(m, *filep);
	return err;
}

/* Undo luo_get_file(). */
static void luo_put_file(struct machine *m, struct luo_file_set *file_set, struct file *file)
{
	if (uses_blocks(m)) {
		fput(m, file);
		luo_shrink_files_mem(m, file_set);
	} else {
		luo_shrink_files_mem(m, file_set);
		fput(m, file);
	}
}

/*
 * A file's reference on the module of its handler. Up to 7.0 the handler has one for
 * as long as it is registered, and files have none.
 */
static bool handler_get(struct machine *m, struct liveupdate_file_handler *fh)
{
	return !has_fix(m, FIX_REGISTER_ANYTIME) || try_module_get(m, fh->owner);
}

static void handler_put(struct machine *m, struct liveupdate_file_handler *fh)
{
	if (has_fix(m, FIX_REGISTER_ANYTIME))
		module_put(m, fh->owner);
}

/* Where a file ends: before its claim, which asks get_id(), or with the fix after it. */
static void handler_put_if(struct machine *m, struct liveupdate_file_handler *fh, bool last)
{
	if (has_fix(m, FIX_MODULE_PUT_LAST) == last)
		handler_put(m, fh);
}

static struct liveupdate_file_handler *luo_find_handler(struct machine *m, struct file *file)
{
	struct liveupdate_file_handler *fh, *found = NULL;

	luo_register_read_lock(m);
	list_for_each_entry(fh, &m->k->luo.handlers, list) {
		if (luo_can_preserve(m, fh, file)) {
			if (handler_get(m, fh))
				found = fh;
			break;
		}
	}
	luo_register_read_unlock(m);
	return found;
}

/* Preserve. */

static int luo_handler_preserve(struct machine *m, struct luo_file *luo_file)
{
	struct liveupdate_file_op_args args = {
		.m = m, .handler = luo_file->fh, .session = luo_file->session,
		.file = luo_file->file,
	};
	int err;

	ledger_data(m, luo_file->claim);
	err = luo_preserve(&args);
	if (err)
		return err;
	luo_file->serialized_data = args.serialized_data;
	luo_file->private_data = args.private_data;
	return 0;
}

static int luo_file_create(struct machine *m, const struct managed_file *mf,
			   struct luo_managed *managed)
{
	struct luo_file *luo_file = kzalloc(m, sizeof(*luo_file));
	int err;

	if (!luo_file)
		return -ENOMEM;
	mutex_init(&luo_file->mutex, "luo_file.mutex");
	luo_file->file = mf->file;
	luo_file->fh = mf->fh;
	luo_file->token = mf->token;
	luo_file->managed = managed;
	luo_file->session = container_of(mf->file_set, struct luo_session, file_set);
	luo_file->claim = m->task->claim;
	err = share_preserve(m, luo_file, luo_handler_preserve);
	if (err) {
		kfree(m, luo_file, sizeof(*luo_file));
		return err;
	}
	luo_file_add(m, mf->file_set, luo_file);
	mf->file_set->count++;
	return 0;
}

static int __luo_preserve_file(struct machine *m, struct managed_file *mf, int fd)
{
	struct luo_managed *managed;
	int err;

	err = luo_get_file(m, mf->file_set, fd, &mf->file);
	if (err)
		return err;
	ledger_claim_file(m, mf->file);
	mf->fh = luo_find_handler(m, mf->file);
	if (!mf->fh) {
		err = -ENOENT;
		goto err_put_file;
	}
	err = policy_claim(m, mf, &managed);
	if (err)
		goto err_put_handler;
	err = luo_flb_file_preserve(m, mf->fh);
	if (err)
		goto err_release;
	err = luo_file_create(m, mf, managed);
	if (err)
		goto err_flb_unpreserve;
	return 0;

err_flb_unpreserve:
	luo_flb_file_unpreserve(m, mf->fh);
err_release:
	share_lock(m, managed);
	policy_release(m, mf, managed);
err_put_handler:
	handler_put(m, mf->fh);
err_put_file:
	luo_put_file(m, mf->file_set, mf->file);
	return err;
}

int luo_preserve_file(struct machine *m, struct luo_session *session, u64 token, int fd)
{
	KCALL(m);
	struct managed_file mf = { .file_set = &session->file_set, .token = token };
	u32 claim;
	int err;

	if (find_token(&session->file_set, token))
		return -EEXIST;
	claim = ledger_claim(m, session->name, token);
	err = __luo_preserve_file(m, &mf, fd);
	if (err)
		ledger_done(m, claim);
	ledger_act_for(m, 0);
	return err;
}

static struct liveupdate_file_op_args op_args(struct machine *m, const struct luo_file *luo_file)
{
	return (struct liveupdate_file_op_args){
		.m = m,
		.handler = luo_file->fh,
		.session = luo_file->session,
		.file = luo_file->file,
		.serialized_data = luo_file->serialized_data,
		.private_data = luo_file->private_data,
		.retrieve_status = luo_file->retrieve_status,
	};
}

static struct managed_file managed_file(struct luo_file_set *file_set,
					const struct luo_file *luo_file, bool incoming)
{
	return (struct managed_file){
		.file_set = file_set,
		.fh = luo_file->fh,
		.file = luo_file->file,
		.token = luo_file->token,
		.incoming = incoming,
	};
}

void luo_file_unpreserve_files(struct machine *m, struct luo_file_set *file_set)
{
	KCALL(m);

	while (!list_empty(&file_set->files_list)) {
		struct luo_file *luo_file = list_last_entry(&file_set->files_list,
							    struct luo_file, list);
		struct managed_file mf = managed_file(file_set, luo_file, false);
		struct liveupdate_file_op_args args = op_args(m, luo_file);
		u32 before = ledger_act_for(m, luo_file->claim);

		if (share_unpreserve(m, luo_file))
			luo_unpreserve(&args);
		luo_flb_file_unpreserve(m, luo_file->fh);
		handler_put_if(m, luo_file->fh, false);
		policy_release(m, &mf, luo_file->managed);
		handler_put_if(m, luo_file->fh, true);
		ledger_done(m, luo_file->claim);
		ledger_act_for(m, before);
		luo_file_del(m, luo_file);
		file_set->count--;
		if (uses_blocks(m))
			kho_block_set_shrink(m, &file_set->block_set, file_set->count);
		fput(m, args.file);
	}
	if (uses_blocks(m))
		kho_block_set_destroy(m, &file_set->block_set);
	else
		luo_free_files_mem(m, file_set);
}

/* Freeze. */

static int luo_file_freeze_one(struct machine *m, struct luo_file *luo_file)
{
	struct liveupdate_file_op_args args = op_args(m, luo_file);
	u32 before = ledger_act_for(m, luo_file->claim);
	int err;

	mutex_lock(m, &luo_file->mutex);
	err = luo_freeze(&args);
	ledger_act_for(m, before);
	if (!err)
		luo_file->serialized_data = args.serialized_data;
	luo_file->frozen = !err;
	luo_file->frozen_data = luo_file->serialized_data;
	mutex_unlock(m, &luo_file->mutex);
	return err;
}

static void luo_file_unfreeze_one(struct machine *m, struct luo_file *luo_file)
{
	struct liveupdate_file_op_args args = op_args(m, luo_file);
	u32 before = ledger_act_for(m, luo_file->claim);

	mutex_lock(m, &luo_file->mutex);
	luo_unfreeze(&args);
	ledger_act_for(m, before);
	if (!has_fix(m, FIX_UNFREEZE_DATA))
		luo_file->serialized_data = 0;
	luo_file->frozen = false;
	ledger_serialize(m, luo_file->claim, false);
	mutex_unlock(m, &luo_file->mutex);
}

/* Up to @failed_entry, or all. */
static void __luo_file_unfreeze(struct machine *m, struct luo_file_set *file_set,
				struct luo_file *failed_entry)
{
	struct luo_file *luo_file;

	list_for_each_entry(luo_file, &file_set->files_list, list) {
		if (luo_file == failed_entry)
			break;
		luo_file_unfreeze_one(m, luo_file);
	}
	if (uses_blocks(m))
		kho_block_set_clear(m, &file_set->block_set);
	else
		phys_zero(m, file_set->files, LUO_FILE_PGCNT << PAGE_SHIFT);
}

static void luo_file_serialize(struct machine *m, const struct luo_file *luo_file,
			       phys_addr_t phys)
{
	struct luo_file_ser ser = {
		.data = luo_file->serialized_data,
		.token = luo_file->token,
	};

	memcpy(ser.compatible, luo_file->fh->compatible, sizeof(ser.compatible) - 1);
	compat_put(m, luo_file->fh, luo_file->serialized_data, ser.compatible);
	phys_write(m, phys, &ser, sizeof(ser));
}

int luo_file_freeze(struct machine *m, struct luo_file_set *file_set, phys_addr_t file_set_ser)
{
	KCALL(m);
	struct luo_file_set_ser set_ser = { .count = file_set->count };
	struct kho_block_set_it it;
	struct luo_file *luo_file;
	u64 i = 0;
	int err;

	if (!file_set->count)
		return 0;
	if (!uses_blocks(m) && WARN_ON(m, !file_set->files))
		return -EINVAL;
	kho_block_set_it_init(&it, &file_set->block_set);
	list_for_each_entry(luo_file, &file_set->files_list, list) {
		phys_addr_t ser = uses_blocks(m) ? kho_block_set_it_reserve_entry(m, &it) :
			file_set->files + i++ * sizeof(struct luo_file_ser);

		if (WARN_ON_ONCE(m, !ser)) {
			err = -ENOSPC;
			goto err_unfreeze;
		}
		err = luo_file_freeze_one(m, luo_file);
		if (err < 0) {
			pr_warn(m, "Freeze failed for token[%#0llx] handler[%s] err[%d]",
				(unsigned long long)luo_file->token, luo_file->fh->compatible,
				err);
			goto err_unfreeze;
		}
		luo_file_serialize(m, luo_file, ser);
		ledger_serialize(m, luo_file->claim, true);
	}
	set_ser.files = uses_blocks(m) ? file_set->block_set.head_pa : file_set->files;
	phys_write(m, file_set_ser, &set_ser, sizeof(set_ser));
	return 0;

err_unfreeze:
	__luo_file_unfreeze(m, file_set, luo_file);
	return err;
}

void luo_file_unfreeze(struct machine *m, struct luo_file_set *file_set, phys_addr_t file_set_ser)
{
	if (!file_set->count)
		return;
	__luo_file_unfreeze(m, file_set, NULL);
	phys_zero(m, file_set_ser, sizeof(struct luo_file_set_ser));
}

void luo_file_given_up(struct machine *m, const struct luo_file_set *file_set)
{
	const struct luo_file *luo_file;

	list_for_each_entry(luo_file, &file_set->files_list, list)
		ledger_done(m, luo_file->claim);
}

const char *luo_file_after_abort(const struct luo_file_set *file_set, u64 *token)
{
	const struct luo_file *luo_file;

	list_for_each_entry(luo_file, &file_set->files_list, list) {
		*token = luo_file->token;
		if (luo_file->frozen && luo_file->fh->ops->unfreeze)
			return "is frozen";
		if (luo_file->frozen_data && !luo_file->serialized_data)
			return "has lost its serialized data";
	}
	return NULL;
}

/* Retrieve. */

/* Does a failed retrieve stay failed? */
static bool retrieve_latches(struct machine *m)
{
	enum retrieve_failure retrieve = m->k->boot.release.policy.retrieve;

	return retrieve == RETRIEVE_LATCH ||
	       (retrieve == RETRIEVE_RELEASE && has_fix(m, FIX_RETRIEVE_STATUS));
}

static int luo_handler_retrieve(struct machine *m, struct luo_file_set *file_set,
				struct luo_file *luo_file)
{
	struct liveupdate_file_op_args args = {
		.m = m,
		.handler = luo_file->fh,
		.session = luo_file->session,
		.serialized_data = luo_file->serialized_data,
	};
	u32 before = ledger_act_for(m, luo_file->claim);
	struct luo_managed *unused;
	struct managed_file mf;
	int err;

	err = luo_retrieve(&args);
	ledger_act_for(m, before);
	if (err) {
		if (retrieve_latches(m)) {
			luo_file->retrieve_status = err;
			census_add(m, CENSUS_LATCHED, 1);
		}
		return err;
	}
	/* A handler that says it worked is believed; f_count is what get_file() touches first. */
	if (!args.file)
		oops(m, offsetof(struct file, f_count));
	/* One reference is the caller's, one stays with LUO until finish. */
	luo_file->file = get_file(args.file);
	mf = managed_file(file_set, luo_file, true);
	if (policy_claim(m, &mf, &unused))
		warn(m, "luo_retrieve_file");
	luo_file->retrieve_status = 1;
	return 0;
}

static int retrieve_locked(struct machine *m, struct luo_file_set *file_set,
			   struct luo_file *luo_file)
{
	int err;

	if (luo_file->retrieve_status < 0)
		return luo_file->retrieve_status;
	if (luo_file->retrieve_status > 0) {
		get_file(luo_file->file);
		return 0;
	}
	err = share_retrieve(m, file_set, luo_file, luo_handler_retrieve);
	if (!err)
		ledger_retrieved(m, luo_file->claim, luo_file->file);
	return err;
}

int luo_retrieve_file(struct machine *m, struct luo_file_set *file_set, u64 token,
		      struct file **filep)
{
	KCALL(m);
	struct luo_file *luo_file = find_token(file_set, token);
	int err;

	if (!luo_file)
		return -ENOENT;
	mutex_lock(m, &luo_file->mutex);
	err = retrieve_locked(m, file_set, luo_file);
	*filep = luo_file->file;
	mutex_unlock(m, &luo_file->mutex);
	return err;
}

/* Finish. */

static int luo_file_can_finish_one(struct machine *m, struct luo_file *luo_file)
{
	struct liveupdate_file_op_args args = op_args(m, luo_file);
	bool can_finish;

	mutex_lock(m, &luo_file->mutex);
	can_finish = luo_can_finish(&args);
	mutex_unlock(m, &luo_file->mutex);
	return can_finish ? 0 : -EBUSY;
}

static void luo_file_finish_one(struct machine *m, struct luo_file *luo_file)
{
	struct liveupdate_file_op_args args = op_args(m, luo_file);
	u32 before = ledger_act_for(m, luo_file->claim);

	mutex_lock(m, &luo_file->mutex);
	if (share_finish(m, luo_file, &args.retrieve_status))
		luo_finish(&args);
	luo_flb_file_finish(m, luo_file->fh);
	mutex_unlock(m, &luo_file->mutex);
	ledger_done(m, luo_file->claim);
	ledger_act_for(m, before);
}

/*
 * The claim on a retrieved file ends, and one owner of a shared object. Without
 * the fix ioctl-direction it may be the claim of a file that is being preserved.
 */
static void luo_file_unmanage(struct machine *m, struct luo_file_set *file_set,
			      struct luo_file *luo_file)
{
	struct managed_file mf = managed_file(file_set, luo_file, !luo_file->managed);

	if (mf.file)
		policy_release(m, &mf, luo_file->managed);
	share_put(m, luo_file);
}

static void luo_file_finish_last(struct machine *m, struct luo_file_set *file_set)
{
	struct luo_file *luo_file = list_last_entry(&file_set->files_list, struct luo_file, list);
	struct file *file = luo_file->file;

	luo_file_finish_one(m, luo_file);
	handler_put_if(m, luo_file->fh, false);
	luo_file_unmanage(m, file_set, luo_file);
	if (file)
		fput(m, file);
	handler_put_if(m, luo_file->fh, true);
	luo_file_del(m, luo_file);
}

/* The memory that the files were serialized into. */
static void luo_restore_files_mem(struct machine *m, struct luo_file_set *file_set)
{
	if (uses_blocks(m)) {
		kho_block_set_destroy(m, &file_set->block_set);
	} else if (file_set->files) {
		kho_restore_free(m, file_set->files);
		file_set->files = 0;
	}
}

int luo_file_can_finish(struct machine *m, struct luo_file_set *file_set)
{
	struct luo_file *luo_file;
	int err;

	list_for_each_entry(luo_file, &file_set->files_list, list) {
		err = luo_file_can_finish_one(m, luo_file);
		if (err)
			return err;
	}
	return 0;
}

int luo_file_finish(struct machine *m, struct luo_file_set *file_set)
{
	KCALL(m);
	int err;

	if (!file_set->count)
		return 0;
	err = luo_file_can_finish(m, file_set);
	if (err)
		return err;
	while (!list_empty(&file_set->files_list)) {
		luo_file_finish_last(m, file_set);
		file_set->count--;
		if (uses_blocks(m))
			kho_block_set_shrink(m, &file_set->block_set, file_set->count);
	}
	luo_restore_files_mem(m, file_set);
	return 0;
}

void luo_file_discard(struct machine *m, struct luo_file_set *file_set)
{
	while (!list_empty(&file_set->files_list))
		luo_file_finish_last(m, file_set);
	luo_restore_files_mem(m, file_set);
	file_set->count = 0;
}

/* Deserialize. */

/* The file of a handler that has been found for it. */
static int luo_file_restore(struct machine *m, struct luo_file_set *file_set,
			    struct liveupdate_file_handler *fh, const struct luo_file_ser *ser)
{
	struct luo_file *luo_file = kzalloc(m, sizeof(*luo_file));
	int err;

	if (!luo_file)
		return -ENOMEM;
	mutex_init(&luo_file->mutex, "luo_file.mutex");
	luo_file->fh = fh;
	luo_file->serialized_data = ser->data;
	luo_file->token = ser->token;
	luo_file->session = container_of(file_set, struct luo_session, file_set);
	err = share_incoming(m, luo_file);
	if (err) {
		kfree(m, luo_file, sizeof(*luo_file));
		return err;
	}
	luo_file->claim = ledger_incoming(m, ser->data, luo_file->session->name, ser->token);
	luo_file_add(m, file_set, luo_file);
	return 0;
}

static int luo_file_deserialize_one(struct machine *m, struct luo_file_set *file_set,
				    phys_addr_t phys)
{
	struct liveupdate_file_handler *fh, *found = NULL;
	struct luo_file_ser ser;
	char text[160];
	int err;

	phys_read(m, phys, &ser, sizeof(ser));
	luo_register_read_lock(m);
	list_for_each_entry(fh, &m->k->luo.handlers, list) {
		module_used(m, fh->owner);
		if (compat_matches(m, fh, ser.compatible)) {
			if (handler_get(m, fh))
				found = fh;
			break;
		}
	}
	luo_register_read_unlock(m);
	if (!found) {
		luo_handover_string(m, phys, sizeof(ser.compatible), text, sizeof(text));
		pr_warn(m, "No registered handler for compatible '%s'", text);
		return -ENOENT;
	}
	err = compat_check(m, found, ser.compatible);
	if (!err && !kho_extent_ok(m, ser.data, sizeof(u64)))
		err = -EINVAL;
	if (!err)
		err = luo_file_restore(m, file_set, found, &ser);
	if (err)
		handler_put(m, found);
	return err;
}

/* What was restored before a failure stays, and the count too, up to 7.1. */
static int deserialize_array(struct machine *m, struct luo_file_set *file_set,
			     const struct luo_file_set_ser *set_ser)
{
	if (!kho_extent_ok(m, set_ser->files, LUO_FILE_PGCNT << PAGE_SHIFT))
		return -EINVAL;
	file_set->count = set_ser->count;
	file_set->files = set_ser->files;
	for (u64 i = 0; i < file_set->count; i++) {
		int err = luo_file_deserialize_one(m, file_set, file_set->files +
						   i * sizeof(struct luo_file_ser));

		if (err)
			return err;
	}
	return 0;
}

static int deserialize_blocks(struct machine *m, struct luo_file_set *file_set,
			      const struct luo_file_set_ser *set_ser)
{
	struct kho_block_set_it it;
	phys_addr_t ser;
	int err;

	file_set->count = 0;
	err = kho_block_set_restore(m, &file_set->block_set, set_ser->files);
	if (err)
		return err;
	kho_block_set_it_init(&it, &file_set->block_set);
	while ((ser = kho_block_set_it_read_entry(m, &it))) {
		err = luo_file_deserialize_one(m, file_set, ser);
		if (err)
			goto err_destroy_blocks;
		file_set->count++;
	}
	if (!has_fix(m, FIX_FILE_COUNT) || file_set->count == set_ser->count)
		return 0;
	pr_warn(m, "File count mismatch: expected %llu, found %llu",
		(unsigned long long)set_ser->count, (unsigned long long)file_set->count);
	err = -EINVAL;

err_destroy_blocks:
	/* What a rollback discards it must find. */
	if (m->k->boot.release.policy.deserialize == DESERIALIZE_ROLLBACK)
		return err;
	while (!list_empty(&file_set->files_list)) {
		struct luo_file *luo_file = list_first_entry(&file_set->files_list,
							     struct luo_file, list);

		share_lock(m, luo_file->shared);
		luo_file_unmanage(m, file_set, luo_file);
		handler_put(m, luo_file->fh);
		ledger_unread(m, luo_file->claim);
		luo_file_del(m, luo_file);
	}
	file_set->count = 0;
	kho_block_set_destroy(m, &file_set->block_set);
	return err;
}

int luo_file_deserialize(struct machine *m, struct luo_file_set *file_set,
			 phys_addr_t file_set_ser)
{
	KCALL(m);
	struct luo_file_set_ser set_ser;

	phys_read(m, file_set_ser, &set_ser, sizeof(set_ser));
	if (!set_ser.files) {
		WARN_ON(m, set_ser.count);
		return 0;
	}
	if (uses_blocks(m))
		return deserialize_blocks(m, file_set, &set_ser);
	return deserialize_array(m, file_set, &set_ser);
}

void luo_file_set_init(struct machine *m, struct luo_file_set *file_set)
{
	INIT_LIST_HEAD(&file_set->files_list);
	kho_block_set_init(&file_set->block_set, sizeof(struct luo_file_ser),
			   limit(m, LIMIT_FILES_PER_BLOCK));
}

void luo_file_set_destroy(struct machine *m, struct luo_file_set *file_set)
{
	WARN_ON(m, file_set->count);
	WARN_ON(m, !list_empty(&file_set->files_list));
	if (uses_blocks(m))
		WARN_ON(m, !list_empty(&file_set->block_set.blocks));
}

int liveupdate_register_file_handler(struct machine *m, struct liveupdate_file_handler *fh)
{
	struct luo *luo = &m->k->luo;
	struct liveupdate_file_handler *it;
	int err = 0;

	if (m->k->boot.release.tree)
		return tree_register_handler(m, fh);
	if (!liveupdate_enabled(m))
		return -EOPNOTSUPP;
	if (!fh->ops->preserve || !fh->ops->unpreserve || !fh->ops->retrieve ||
	    !fh->ops->finish || !fh->ops->can_preserve)
		return -EINVAL;
	if (!luo_register_write_lock(m))
		return -EBUSY;
	list_for_each_entry(it, &luo->handlers, list) {
		module_used(m, it->owner);
		if (!strcmp(it->compatible, fh->compatible))
			err = -EEXIST;
	}
	/* Up to 7.0 the module is held for as long as the handler is registered. */
	if (!err && !has_fix(m, FIX_REGISTER_ANYTIME) && !try_module_get(m, fh->owner))
		err = -EAGAIN;
	if (err == -EEXIST) {
		pr_err(m, "File handler registration failed: Compatible string '%s' already "
		       "registered.", fh->compatible);
	} else if (!err) {
		INIT_LIST_HEAD(&fh->flb_list);
		list_add_tail(&fh->list, &luo->handlers);
	}
	luo_register_write_unlock(m);
	return err;
}

void liveupdate_unregister_file_handler(struct machine *m, struct liveupdate_file_handler *fh)
{
	if (m->k->boot.release.tree) {
		tree_unregister_handler(m, fh);
		return;
	}
	if (!liveupdate_enabled(m) || !luo_register_write_lock(m))
		return;
	luo_flb_unregister_all(m, fh);
	list_del(&fh->list);
	if (!has_fix(m, FIX_REGISTER_ANYTIME))
		module_put(m, fh->owner);
	luo_register_write_unlock(m);
}

void luo_handler_first(struct machine *m, struct liveupdate_file_handler *fh)
{
	list_del(&fh->list);
	list_add_tail(&fh->list, m->k->luo.handlers.next);
	if (m->k->boot.release.tree)
		tree_handler_first(m, fh);
}

int liveupdate_get_token_outgoing(struct luo_session *session, struct file *file, u64 *tokenp)
{
	struct luo_file *iter;

	list_for_each_entry(iter, &session->file_set.files_list, list) {
		if (iter->file != file)
			continue;
		*tokenp = iter->token;
		return 0;
	}
	return -ENOENT;
}

int liveupdate_get_token_of_id(struct machine *m, struct luo_session *session, u64 id,
			       u64 *tokenp)
{
	struct luo_file *iter;

	list_for_each_entry(iter, &session->file_set.files_list, list) {
		if (luo_get_id(m, iter->fh, iter->file) != id)
			continue;
		*tokenp = iter->token;
		return 0;
	}
	return -ENOENT;
}

int liveupdate_get_file_incoming(struct machine *m, struct luo_session *session, u64 token,
				 struct file **filep)
{
	return luo_retrieve_file(m, &session->file_set, token, filep);
}

/* Does a session of @sh have a file with that id? */
static bool has_id(struct machine *m, struct luo_session_header *sh, u64 id)
{
	struct luo_session *session;
	struct luo_file *luo_file;

	list_for_each_entry(session, &sh->list, list)
		list_for_each_entry(luo_file, &session->file_set.files_list, list)
			if (luo_file->file && luo_get_id(m, luo_file->fh, luo_file->file) == id)
				return true;
	return false;
}

bool machine_is_preserved(struct machine *m, int fd)
{
	struct file *file = fdget_raw(m, fd);
	struct liveupdate_file_handler *fh;
	u64 id;

	if (file && m->k->boot.release.tree)
		return tree_is_preserved(m, file);
	fh = file ? luo_find_handler(m, file) : NULL;
	if (!fh)
		return false;
	id = luo_get_id(m, fh, file);
	handler_put(m, fh);
	return has_id(m, &m->k->luo.outgoing, id) || has_id(m, &m->k->luo.incoming, id);
}
