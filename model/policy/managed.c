/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of files that live update manages, where an ownership policy takes
 * effect: what is one object, among which files, and what a second one gets.
 * luo_file.c asks here and nowhere else.
 *
 * An entry is the struct file, as in 7.1; where duplicates share, it is a struct
 * luo_managed that counts its tokens.
 */
#include "machine/machine.h"
#include "policy/share.h"

static const struct policy *policy_of(const struct machine *m)
{
	return &m->k->boot.release.policy;
}

static struct luo_session *session_of(struct luo_file_set *file_set)
{
	return container_of(file_set, struct luo_session, file_set);
}

static const char *kind_of(struct machine *m, const struct file *file)
{
	enum file_kind kind = 0;

	/* Shared memory of processes is like one. */
	if (file_is_kind(m, file, FILE_MEMFD))
		return file_kind_name(FILE_MEMFD);
	while (kind < NR_FILE_KINDS && !file_is_kind(m, file, kind))
		kind++;
	return kind < NR_FILE_KINDS ? file_kind_name(kind) : "";
}

static struct luosim_object object_of(struct machine *m, const struct managed_file *mf)
{
	return (struct luosim_object){
		.file = object_id(m, mf->file),
		.inode = object_id(m, file_inode(mf->file)),
		.id = luo_get_id(m, mf->fh, mf->file),
		.session = object_id(m, session_of(mf->file_set)),
		.token = mf->token,
		.incoming = mf->incoming,
		.compatible = mf->fh->compatible,
		.process = process_of(m->task->files)->comm,
		.uid = current_uid(m),
		.owner = file_inode(mf->file)->i_uid,
		.session_owner = session_of(mf->file_set)->uid,
		.kind = kind_of(m, mf->file),
		.seals = file_inode(mf->file)->seals,
		.release = m->k->boot.release.name,
	};
}

/* What the policy says of preserving it at all. */
static int plugin_permit(struct machine *m, const struct managed_file *mf)
{
	const struct policy *policy = policy_of(m);
	struct luosim_object object;
	int err;

	if (policy->identity != IDENTITY_PLUGIN || !policy->plugin->permit || mf->incoming)
		return 0;
	object = object_of(m, mf);
	err = policy->call_permit ? policy->call_permit(policy->plugin, &object) :
				    policy->plugin->permit(&object);
	/* Anything else would be taken for success, or for no errno. */
	return err > 0 || err < -MAX_ERRNO ? -EPERM : err;
}

static bool plugin_key(struct machine *m, const struct managed_file *mf, u64 *key)
{
	const struct policy *policy = policy_of(m);
	const struct luosim_object object = object_of(m, mf);

	if (policy->call_key)
		return policy->call_key(policy->plugin, &object, key);
	return policy->plugin->key(&object, key);
}

/* The object's key; false when the policy has no key for it. */
static bool policy_key(struct machine *m, const struct managed_file *mf, u64 *key)
{
	switch (policy_of(m)->identity) {
	case IDENTITY_FILE:
		*key = object_id(m, mf->file);
		return true;
	case IDENTITY_INODE:
		*key = object_id(m, file_inode(mf->file));
		return true;
	case IDENTITY_GET_ID:
		*key = luo_get_id(m, mf->fh, mf->file);
		return true;
	case IDENTITY_PLUGIN:
		return plugin_key(m, mf, key);
	default:
		return false;
	}
}

/* Does the policy look at this file at all? */
static bool in_scope(struct machine *m, const struct managed_file *mf)
{
	const struct policy *policy = policy_of(m);

	if (policy->duplicate == DUPLICATE_ACCEPT)
		return false;
	/* A claim on a retrieved file is there to refuse, which sharing does not. */
	return !mf->incoming || (policy->scope != SCOPE_GLOBAL_OUTGOING &&
				 policy->duplicate != DUPLICATE_SHARE);
}

static struct xarray *table_of(struct machine *m, const struct managed_file *mf)
{
	return policy_of(m)->scope == SCOPE_SESSION ? &mf->file_set->managed :
						      &m->k->luo.preserved_files;
}

static void managed_add(struct machine *m, s64 nr)
{
	m->k->objects_managed += nr;
	census_add(m, CENSUS_MANAGED, nr);
}

void policy_cost(struct machine *m, s64 entries, u64 heap)
{
	struct kernel *k = m->k;

	k->claims += entries;
	k->claim_bytes += k->heap_bytes - heap;
	m->claim_lookups++;
	m->claims_held_max = max(m->claims_held_max, (u64)k->claims);
	m->claim_bytes_max = max(m->claim_bytes_max, (u64)k->claim_bytes);
}

/* The RFC's bit in the inode: nothing to allocate, nothing to count. */
static int claim_flag(struct machine *m, const struct managed_file *mf)
{
	struct inode *inode = file_inode(mf->file);
	bool taken = inode->luo_managed;

	policy_cost(m, !taken, m->k->heap_bytes);
	if (taken)
		return -EBUSY;
	inode->luo_managed = true;
	managed_add(m, 1);
	return 0;
}

static int insert(struct machine *m, const struct managed_file *mf, u64 key, void *entry)
{
	int err = xa_insert(m, table_of(m, mf), key, entry);

	if (!err)
		managed_add(m, 1);
	return err;
}

/* A second token of one object becomes one more owner; the first makes the entry. */
static int claim_shared(struct machine *m, const struct managed_file *mf, u64 key,
			struct luo_managed **managed)
{
	struct luo_managed *new;
	int err;

	*managed = xa_load(table_of(m, mf), key);
	new = *managed ? NULL : kzalloc(m, sizeof(*new));
	/* Another owner may have come while memory was looked for. */
	*managed = xa_load(table_of(m, mf), key);
	if (*managed) {
		kfree(m, new, sizeof(*new));
		(*managed)->owners++;
		return 0;
	}
	if (!new)
		return -ENOMEM;
	mutex_init(&new->lock, "luo_managed.lock");
	err = insert(m, mf, key, new);
	if (err) {
		kfree(m, new, sizeof(*new));
		return err;
	}
	new->owners = 1;
	*managed = new;
	return 0;
}

int policy_claim(struct machine *m, const struct managed_file *mf, struct luo_managed **managed)
{
	u64 key, heap = m->k->heap_bytes;
	s64 claims = m->k->objects_managed;
	int err;

	*managed = NULL;
	err = plugin_permit(m, mf);
	if (err)
		return err;
	if (!in_scope(m, mf))
		return 0;
	if (policy_of(m)->identity == IDENTITY_INODE_FLAG)
		return claim_flag(m, mf);
	if (!policy_key(m, mf, &key))
		return 0;
	if (policy_of(m)->duplicate == DUPLICATE_SHARE)
		err = claim_shared(m, mf, key, managed);
	else
		err = insert(m, mf, key, mf->file);
	policy_cost(m, m->k->objects_managed - claims, heap);
	return err;
}

void policy_release(struct machine *m, const struct managed_file *mf, struct luo_managed *managed)
{
	u64 key, heap = m->k->heap_bytes;
	s64 claims = m->k->objects_managed;

	if (!in_scope(m, mf))
		return;
	if (policy_of(m)->identity == IDENTITY_INODE_FLAG) {
		managed_add(m, -(s64)file_inode(mf->file)->luo_managed);
		policy_cost(m, -(s64)file_inode(mf->file)->luo_managed, heap);
		file_inode(mf->file)->luo_managed = false;
		return;
	}
	if (managed && --managed->owners) {
		mutex_unlock(m, &managed->lock);
		return;
	}
	if (!policy_key(m, mf, &key))
		return;
	if (xa_erase(m, table_of(m, mf), key))
		managed_add(m, -1);
	if (managed) {
		mutex_unlock(m, &managed->lock);
		kfree(m, managed, sizeof(*managed));
	}
	policy_cost(m, m->k->objects_managed - claims, heap);
}
