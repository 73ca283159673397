/* SPDX-License-Identifier: GPL-2.0-only */
/* Duplicate share: one object that several tokens own, see share.h. */
#include "fs/fs.h"
#include "machine/machine.h"
#include "policy/share.h"

void share_lock(struct machine *m, struct luo_managed *managed)
{
	if (managed)
		mutex_lock(m, &managed->lock);
}

/* ---- In the kernel that preserves ---- */

int share_preserve(struct machine *m, struct luo_file *luo_file,
		   int (*preserve)(struct machine *m, struct luo_file *luo_file))
{
	struct luo_managed *managed = luo_file->managed;
	int err = 0;

	if (!managed)
		return preserve(m, luo_file);
	mutex_lock(m, &managed->lock);
	if (managed->preserved) {
		luo_file->serialized_data = managed->serialized_data;
		luo_file->private_data = managed->private_data;
		ledger_share(m, luo_file->claim, managed->serialized_data);
	} else {
		err = preserve(m, luo_file);
	}
	if (!err) {
		managed->serialized_data = luo_file->serialized_data;
		managed->private_data = luo_file->private_data;
		managed->preserved = true;
	}
	mutex_unlock(m, &managed->lock);
	return err;
}

/* A new owner that comes meanwhile preserves the object again. */
bool share_unpreserve(struct machine *m, struct luo_file *luo_file)
{
	struct luo_managed *managed = luo_file->managed;

	share_lock(m, managed);
	if (managed && managed->owners > 1)
		return false;
	if (managed)
		managed->preserved = false;
	return true;
}

/* ---- In the kernel that retrieves ---- */

int share_incoming(struct machine *m, struct luo_file *luo_file)
{
	u64 key = PHYS_PFN(luo_file->serialized_data);
	struct luo_managed *managed;
	int err;

	if (m->k->boot.release.policy.duplicate != DUPLICATE_SHARE)
		return 0;
	managed = xa_load(&m->k->luo.shared, key);
	if (!managed) {
		managed = kzalloc(m, sizeof(*managed));
		if (!managed)
			return -ENOMEM;
		mutex_init(&managed->lock, "luo_managed.lock");
		err = xa_insert(m, &m->k->luo.shared, key, managed);
		if (err) {
			kfree(m, managed, sizeof(*managed));
			return err;
		}
	}
	managed->owners++;
	luo_file->shared = managed;
	return 0;
}

/* Another token of the object was retrieved, or failed to be. */
static int retrieved(struct machine *m, struct luo_file *luo_file)
{
	int status = luo_file->shared->retrieve_status;

	luo_file->retrieve_status = status;
	if (status < 0) {
		census_add(m, CENSUS_LATCHED, 1);
		return status;
	}
	luo_file->file = get_file(luo_file->shared->file);
	get_file(luo_file->file);
	return 0;
}

int share_retrieve(struct machine *m, struct luo_file_set *file_set, struct luo_file *luo_file,
		   int (*retrieve)(struct machine *m, struct luo_file_set *file_set,
				   struct luo_file *luo_file))
{
	struct luo_managed *shared = luo_file->shared;
	int err;

	if (!shared)
		return retrieve(m, file_set, luo_file);
	mutex_lock(m, &shared->lock);
	if (shared->retrieve_status) {
		err = retrieved(m, luo_file);
	} else {
		err = retrieve(m, file_set, luo_file);
		shared->retrieve_status = luo_file->retrieve_status;
		/* For the other owners, who may come when this one has finished. */
		if (!err)
			shared->file = get_file(luo_file->file);
	}
	mutex_unlock(m, &shared->lock);
	return err;
}

bool share_finish(struct machine *m, struct luo_file *luo_file, int *status)
{
	struct luo_managed *managed = luo_file->managed, *shared = luo_file->shared;

	share_lock(m, managed);
	share_lock(m, shared);
	if (shared)
		*status = shared->retrieve_status;
	return (!shared || shared->owners == 1) && (!managed || managed->owners == 1);
}

void share_put(struct machine *m, struct luo_file *luo_file)
{
	struct luo_managed *shared = luo_file->shared;

	if (!shared)
		return;
	if (--shared->owners) {
		mutex_unlock(m, &shared->lock);
		return;
	}
	xa_erase(m, &m->k->luo.shared, PHYS_PFN(luo_file->serialized_data));
	mutex_unlock(m, &shared->lock);
	if (shared->file)
		fput(m, shared->file);
	kfree(m, shared, sizeof(*shared));
}

void share_waiting(struct machine *m, struct census *census)
{
	struct luo_managed *managed;
	u64 key;

	xa_for_each(&m->k->luo.shared, key, managed) {
		const struct inode *inode;

		if (!managed->file || managed->file->f_count > 1)
			continue;
		inode = file_inode(managed->file);
		census->count[CENSUS_FILES]--;
		census->count[CENSUS_SIZE] = (u64)census->count[CENSUS_SIZE] - inode->i_size;
		census->count[CENSUS_CACHED] -= inode->i_mapping.nrpages;
		census->count[CENSUS_FRAMES] -= inode->i_mapping.nrpages;
	}
}
