/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sessions: named sets of files, their ioctls, and how they go from one kernel
 * to the next (kernel/liveupdate/luo_session.c).
 *
 * Up to 7.1 sessions are serialized into one array of fixed size that is found
 * through LUO's FDT, from 7.2 on into a chain of blocks.
 */
#include <fcntl.h>
#include <libfdt.h>
#include <stdio.h>
#include <xxhash.h>

#include "policy/gate.h"
#include "machine/machine.h"

#define pr_fmt "luo: "

/* Where the table of sessions by name begins. */
#define MIN_BUCKETS	4

static bool uses_blocks(struct machine *m)
{
	return m->k->boot.release.luo_ser;
}

static struct luo_session *luo_session_alloc(struct machine *m, const char *name)
{
	struct luo_session *session = kzalloc(m, sizeof(*session));

	if (!session)
		return NULL;
	/* strscpy() */
	memcpy(session->name, name, strnlen(name, sizeof(session->name) - 1));
	mutex_init(&session->mutex, "luo_session.mutex");
	session->uid = current_uid(m);
	session->name_hash = XXH32(session->name, strlen(session->name), 0);
	luo_file_set_init(m, &session->file_set);
	return session;
}

static void luo_session_free(struct machine *m, struct luo_session *session)
{
	luo_file_set_destroy(m, &session->file_set);
	kfree(m, session, sizeof(*session));
}

/* Where the chain of sessions whose names hash alike begins. */
static struct luo_session **bucket_of(struct luo_session_header *sh, u32 name_hash)
{
	return &sh->buckets[name_hash % sh->nr_buckets];
}

/* A kernel has no such table, so that it fails no allocation and is in no census. */
static void set_buckets(struct machine *m, struct luo_session_header *sh, u32 nr)
{
	u64 size = sh->nr_buckets * sizeof(*sh->buckets);
	struct luo_session **buckets = arena_alloc(&m->heap, nr * sizeof(*buckets)), *session;

	if (!buckets)
		simulator_panic(m, "host memory reserved for the heap is used up");
	if (sh->buckets)
		arena_free(&m->heap, sh->buckets, size);
	sh->buckets = buckets;
	sh->nr_buckets = nr;
	list_for_each_entry(session, &sh->list, list) {
		struct luo_session **bucket = bucket_of(sh, session->name_hash);

		session->hash_next = *bucket;
		*bucket = session;
	}
}

static struct luo_session *find_session(struct luo_session_header *sh, const char *name)
{
	u32 hash = XXH32(name, strnlen(name, LIVEUPDATE_SESSION_NAME_LENGTH), 0);
	struct luo_session *it;

	for (it = *bucket_of(sh, hash); it; it = it->hash_next)
		if (it->name_hash == hash && !strncmp(it->name, name, sizeof(it->name)))
			break;
	return it;
}

/* Room for one more outgoing session, in the array or the blocks. */
static int luo_session_reserve(struct machine *m, struct luo_session_header *sh)
{
	if (uses_blocks(m))
		return kho_block_set_grow(m, &sh->block_set, sh->count + 1);
	return sh->count == (s64)limit(m, LIMIT_SESSIONS) ? -ENOMEM : 0;
}

static int luo_session_insert(struct machine *m, struct luo_session_header *sh,
			      struct luo_session *session)
{
	int err = 0;

	down_write(m, &sh->rwsem);
	if (sh == &m->k->luo.outgoing)
		err = luo_session_reserve(m, sh);
	if (!err && find_session(sh, session->name))
		err = -EEXIST;
	if (!err) {
		struct luo_session **bucket;

		if (sh->count == (s64)sh->nr_buckets)
			set_buckets(m, sh, 4 * sh->nr_buckets);
		bucket = bucket_of(sh, session->name_hash);
		session->hash_next = *bucket;
		*bucket = session;
		list_add_tail(&session->list, &sh->list);
		sh->count++;
	}
	up_write(m, &sh->rwsem);
	return err;
}

static void luo_session_remove(struct machine *m, struct luo_session_header *sh,
			       struct luo_session *session)
{
	struct luo_session **link;

	down_write(m, &sh->rwsem);
	link = bucket_of(sh, session->name_hash);
	while (*link != session)
		link = &(*link)->hash_next;
	*link = session->hash_next;
	list_del(&session->list);
	sh->count--;
	if (uses_blocks(m) && sh == &m->k->luo.outgoing)
		kho_block_set_shrink(m, &sh->block_set, sh->count);
	up_write(m, &sh->rwsem);
}

/* Only incoming sessions are ever marked retrieved. */
static struct luo_session_header *header_of(struct machine *m, const struct luo_session *session)
{
	return session->retrieved ? &m->k->luo.incoming : &m->k->luo.outgoing;
}

static void luo_session_lock(struct machine *m, struct luo_session *session)
{
	gate_lock(m, header_of(m, session));
	mutex_lock(m, &session->mutex);
}

static void luo_session_unlock(struct machine *m, struct luo_session *session)
{
	mutex_unlock(m, &session->mutex);
	gate_unlock(m, header_of(m, session));
}

static int luo_session_finish_one(struct machine *m, struct luo_session *session)
{
	int err;

	luo_session_lock(m, session);
	err = luo_file_finish(m, &session->file_set);
	luo_session_unlock(m, session);
	return err;
}

static int luo_session_freeze_one(struct machine *m, struct luo_session *session, phys_addr_t ser)
{
	int err;

	mutex_lock(m, &session->mutex);
	err = luo_file_freeze(m, &session->file_set,
			      ser + offsetof(struct luo_session_ser, file_set_ser));
	mutex_unlock(m, &session->mutex);
	return err;
}

static void luo_session_unfreeze_one(struct machine *m, struct luo_session *session,
				     phys_addr_t ser)
{
	mutex_lock(m, &session->mutex);
	luo_file_unfreeze(m, &session->file_set,
			  ser + offsetof(struct luo_session_ser, file_set_ser));
	mutex_unlock(m, &session->mutex);
}

/* FINISH at the close was refused; true: that is all right, as others can try. */
static bool luo_session_reopen(struct machine *m, struct luo_session *session)
{
	if (m->k->boot.release.policy.session_close != SESSION_CLOSE_AGAIN)
		return false;
	mutex_lock(m, &session->mutex);
	session->retrieved = false;
	mutex_unlock(m, &session->mutex);
	return true;
}

int luo_session_may_close(struct machine *m, struct luo_session *session)
{
	int err;

	if (m->k->boot.release.policy.session_close != SESSION_CLOSE_REFUSED ||
	    !session->retrieved)
		return 0;
	luo_session_lock(m, session);
	err = luo_file_can_finish(m, &session->file_set);
	luo_session_unlock(m, session);
	return err;
}

void luo_session_stuck(struct machine *m, const char *name)
{
	judge(m, VIOLATION_STUCK, 0, "session \"%.64s\" is closed, and nobody can retrieve or "
	      "finish it any more", name);
}

int luo_session_put(struct machine *m, struct luo_session *session)
{
	struct luo_session_header *sh = header_of(m, session);

	if (session->retrieved) {
		int err = luo_session_finish_one(m, session);

		if (err) {
			pr_warn(m, "Unable to finish session [%s] on release", session->name);
			if (luo_session_reopen(m, session))
				return err;
			luo_session_stuck(m, session->name);
			return err;
		}
	} else {
		luo_session_lock(m, session);
		luo_file_unpreserve_files(m, &session->file_set);
		luo_session_unlock(m, session);
	}
	luo_session_remove(m, sh, session);
	luo_session_free(m, session);
	return 0;
}

static int luo_session_release(struct machine *m, struct file *file)
{
	KCALL(m);
	struct luo_session *session = file->private_data;
	int err = 0;

	gate_enter_release(m);
	session->dying = !session->pinned;
	if (session->pinned)
		session->closed = true;
	else
		err = luo_session_put(m, session);
	gate_leave_release(m);
	return err;
}

/* ioctls. */

static int luo_session_preserve_fd(struct machine *m, struct luo_session *session,
				   struct luo_ucmd *ucmd)
{
	KCALL(m);
	struct liveupdate_session_fd *argp = ucmd->cmd;
	int err;

	luo_session_lock(m, session);
	err = luo_preserve_file(m, session, argp->token, argp->fd);
	if (!err) {
		err = luo_ucmd_respond(m, ucmd, sizeof(*argp));
		if (err)
			pr_warn(m, "The file was successfully preserved, but response to user "
				   "failed");
	}
	luo_session_unlock(m, session);
	return err;
}

static int luo_session_retrieve_fd(struct machine *m, struct luo_session *session,
				   struct luo_ucmd *ucmd)
{
	KCALL(m);
	struct liveupdate_session_fd *argp = ucmd->cmd;
	/* Up to 7.1 a guard keeps the lock to the end. */
	bool guard = !uses_blocks(m);
	struct file *file;
	int err;

	argp->fd = get_unused_fd_flags(m, O_CLOEXEC);
	if (argp->fd < 0)
		return argp->fd;
	luo_session_lock(m, session);
	err = luo_retrieve_file(m, &session->file_set, argp->token, &file);
	if (!guard)
		luo_session_unlock(m, session);
	if (!err) {
		err = luo_ucmd_respond(m, ucmd, sizeof(*argp));
		if (err)
			fput(m, file);
	}
	if (err)
		put_unused_fd(m, argp->fd);
	else
		fd_install(m, argp->fd, file);
	if (guard)
		luo_session_unlock(m, session);
	return err;
}

static int luo_session_finish(struct machine *m, struct luo_session *session,
			      struct luo_ucmd *ucmd)
{
	KCALL(m);
	struct liveupdate_session_finish *argp = ucmd->cmd;
	int err;

	if (has_fix(m, FIX_FINISH_RESERVED) && argp->reserved)
		return -EINVAL;
	err = luo_session_finish_one(m, session);
	if (err)
		return err;
	return luo_ucmd_respond(m, ucmd, sizeof(*argp));
}

static int luo_session_get_name(struct machine *m, struct luo_session *session,
				struct luo_ucmd *ucmd)
{
	KCALL(m);
	struct liveupdate_session_get_name *argp = ucmd->cmd;

	if (argp->reserved)
		return -EINVAL;
	memcpy(argp->name, session->name, sizeof(argp->name));
	return luo_ucmd_respond(m, ucmd, sizeof(*argp));
}

enum luo_ioctl_type { LUO_IOCTL_INCOMING, LUO_IOCTL_OUTGOING, LUO_IOCTL_ALL };

struct luo_ioctl_op {
	u32 size;
	u32 min_size;
	enum luo_ioctl_type type;
	int (*execute)(struct machine *m, struct luo_session *session, struct luo_ucmd *ucmd);
};

union ucmd_buffer {
	struct liveupdate_session_fd fd;
	struct liveupdate_session_finish finish;
	struct liveupdate_session_get_name get_name;
};

#define LIVEUPDATE_CMD_SESSION_BASE	0x40
#define IOCTL_OP(_ioctl, _fn, _struct, _last, _type)				\
	[((_ioctl) & 0xff) - LIVEUPDATE_CMD_SESSION_BASE] = {			\
		.size = sizeof(_struct),					\
		.min_size = offsetofend(_struct, _last),			\
		.type = _type,							\
		.execute = _fn,							\
	}

static const struct luo_ioctl_op luo_session_ioctl_ops[] = {
	IOCTL_OP(LIVEUPDATE_SESSION_PRESERVE_FD, luo_session_preserve_fd,
		 struct liveupdate_session_fd, token, LUO_IOCTL_OUTGOING),
	IOCTL_OP(LIVEUPDATE_SESSION_RETRIEVE_FD, luo_session_retrieve_fd,
		 struct liveupdate_session_fd, token, LUO_IOCTL_INCOMING),
	IOCTL_OP(LIVEUPDATE_SESSION_FINISH, luo_session_finish,
		 struct liveupdate_session_finish, reserved, LUO_IOCTL_INCOMING),
	IOCTL_OP(LIVEUPDATE_SESSION_GET_NAME, luo_session_get_name,
		 struct liveupdate_session_get_name, name, LUO_IOCTL_ALL),
};

static bool luo_ioctl_type_valid(const struct luo_session *session, enum luo_ioctl_type type)
{
	switch (type) {
	case LUO_IOCTL_INCOMING:
		return session->retrieved;
	case LUO_IOCTL_OUTGOING:
		return !session->retrieved;
	default:
		return true;
	}
}

/* The row of the table for command number @nr, if this release has it. */
static const struct luo_ioctl_op *find_op(struct machine *m, unsigned int nr)
{
	unsigned int last = has_fix(m, FIX_GET_NAME) ? LIVEUPDATE_SESSION_GET_NAME & 0xff :
						       LIVEUPDATE_SESSION_FINISH & 0xff;

	if (nr < LIVEUPDATE_CMD_SESSION_BASE || nr > last)
		return NULL;
	return &luo_session_ioctl_ops[nr - LIVEUPDATE_CMD_SESSION_BASE];
}

static int luo_session_ioctl(struct machine *m, struct file *file, unsigned int cmd,
			     struct uptr arg)
{
	KCALL(m);
	const struct luo_ioctl_op *op = find_op(m, cmd & 0xff);
	struct luo_session *session = file->private_data;
	struct luo_ucmd ucmd = { .ubuffer = arg };
	union ucmd_buffer buf;
	int err;

	if (!op)
		return -EINVAL;
	err = get_user_size(m, &ucmd);
	if (err)
		return err;
	if (cmd != (unsigned int)LIVEUPDATE_IO(cmd & 0xff))
		return -ENOIOCTLCMD;
	if (has_fix(m, FIX_IOCTL_DIRECTION) && !luo_ioctl_type_valid(session, op->type))
		return -EINVAL;
	if (ucmd.user_size < op->min_size)
		return -EINVAL;
	ucmd.cmd = &buf;
	err = copy_struct_from_user(m, &buf, op->size, &ucmd);
	if (err)
		return err;
	err = gate_enter(m);
	if (err)
		return err;
	err = op->execute(m, session, &ucmd);
	gate_leave(m);
	return err;
}

const struct file_operations luo_session_fops = {
	.name = "luo_session",
	.release = luo_session_release,
	.unlocked_ioctl = luo_session_ioctl,
};

static int luo_session_getfile(struct machine *m, struct luo_session *session,
			       struct file **filep)
{
	char name[128];
	struct file *file;

	snprintf(name, sizeof(name), "[luo_session] %s", session->name);
	switch (m->k->boot.release.policy.session_inode) {
	case SESSION_INODE_OWN:
		file = anon_inode_create_getfile(m, name, &luo_session_fops, session, O_RDWR);
		break;
	case SESSION_INODE_MAGIC:
		file = inode_create_getfile(m, FS_LUO_SESSION, name, &luo_session_fops, session,
					    O_RDWR);
		break;
	default:
		file = anon_inode_getfile(m, name, &luo_session_fops, session, O_RDWR);
	}
	if (IS_ERR(file))
		return PTR_ERR(file);
	*filep = file;
	return 0;
}

int luo_session_create(struct machine *m, const char *name, struct file **filep)
{
	u64 len = strnlen(name, LIVEUPDATE_SESSION_NAME_LENGTH);
	struct luo_session *session;
	int err;

	if (has_fix(m, FIX_NAME_LENGTH) && (!len || len == LIVEUPDATE_SESSION_NAME_LENGTH))
		return -EINVAL;
	session = luo_session_alloc(m, name);
	if (!session)
		return -ENOMEM;
	err = gate_enter(m);
	if (err)
		goto err_free;
	err = luo_session_insert(m, &m->k->luo.outgoing, session);
	if (err)
		goto err_leave;
	mutex_lock(m, &session->mutex);
	err = luo_session_getfile(m, session, filep);
	mutex_unlock(m, &session->mutex);
	if (err)
		goto err_remove;
	gate_leave(m);
	return 0;

err_remove:
	luo_session_remove(m, &m->k->luo.outgoing, session);
err_leave:
	luo_session_free(m, session);
	gate_leave(m);
	return err;

err_free:
	luo_session_free(m, session);
	return err;
}

static int luo_session_retrieve_one(struct machine *m, struct luo_session *session,
				    struct file **filep)
{
	int err = -EINVAL;

	mutex_lock(m, &session->mutex);
	if (!session->retrieved)
		err = luo_session_getfile(m, session, filep);
	if (!err) {
		session->retrieved = true;
		session->uid = current_uid(m);
	}
	mutex_unlock(m, &session->mutex);
	return err;
}

int luo_session_retrieve(struct machine *m, const char *name, struct file **filep)
{
	KCALL(m);
	struct luo_session_header *sh = &m->k->luo.incoming;
	/* Without the fix the list is locked only to find the session. */
	bool keep = has_fix(m, FIX_RETRIEVE_LOCK);
	struct luo_session *session;
	int err;

	err = gate_enter(m);
	if (err)
		return err;
	down_read(m, &sh->rwsem);
	session = find_session(sh, name);
	if (!keep)
		up_read(m, &sh->rwsem);
	err = session ? luo_session_retrieve_one(m, session, filep) : -ENOENT;
	if (keep)
		up_read(m, &sh->rwsem);
	gate_leave(m);
	return err;
}

/* Boot. */

static void init_header(struct machine *m, struct luo_session_header *sh)
{
	INIT_LIST_HEAD(&sh->list);
	init_rwsem(&sh->rwsem, "luo_session_header.rwsem");
	set_buckets(m, sh, MIN_BUCKETS);
	kho_block_set_init(&sh->block_set, sizeof(struct luo_session_ser),
			   limit(m, LIMIT_SESSIONS_PER_BLOCK));
}

void luo_register_read_lock(struct machine *m)
{
	if (has_fix(m, FIX_REGISTER_ANYTIME))
		down_read(m, &m->k->luo.register_rwlock);
}

void luo_register_read_unlock(struct machine *m)
{
	if (has_fix(m, FIX_REGISTER_ANYTIME))
		up_read(m, &m->k->luo.register_rwlock);
}

bool luo_register_write_lock(struct machine *m)
{
	struct luo *luo = &m->k->luo;

	if (has_fix(m, FIX_REGISTER_ANYTIME)) {
		down_write(m, &luo->register_rwlock);
		return true;
	}
	down_write(m, &luo->incoming.rwsem);
	down_write(m, &luo->outgoing.rwsem);
	if (!luo->incoming.count && !luo->outgoing.count)
		return true;
	luo_register_write_unlock(m);
	return false;
}

void luo_register_write_unlock(struct machine *m)
{
	struct luo *luo = &m->k->luo;

	if (has_fix(m, FIX_REGISTER_ANYTIME)) {
		up_write(m, &luo->register_rwlock);
		return;
	}
	up_write(m, &luo->outgoing.rwsem);
	up_write(m, &luo->incoming.rwsem);
}

void luo_session_init(struct machine *m)
{
	init_header(m, &m->k->luo.incoming);
	init_header(m, &m->k->luo.outgoing);
	init_rwsem(&m->k->luo.serialize_rwsem, "luo_session_serialize_rwsem");
	init_rwsem(&m->k->luo.closing, "luo_session_closing");
	init_rwsem(&m->k->luo.register_rwlock, "luo_register_rwlock");
}

int luo_session_setup_outgoing(struct machine *m, void *fdt)
{
	struct luo_session_header *sh = &m->k->luo.outgoing;
	int err;

	err = kho_alloc_preserve(m, LUO_SESSION_PGCNT * PAGE_SIZE, &sh->header_ser);
	if (err)
		return err;
	err = fdt_begin_node(fdt, LUO_FDT_SESSION_NODE);
	err |= fdt_property_string(fdt, "compatible", m->k->boot.release.session_compatible);
	err |= fdt_property(fdt, LUO_FDT_SESSION_HEADER, &sh->header_ser, sizeof(sh->header_ser));
	err |= fdt_end_node(fdt);
	if (err) {
		kho_unpreserve_free(m, sh->header_ser);
		return err;
	}
	sh->active = true;
	return 0;
}

void luo_session_setup_outgoing_ser(struct machine *m, phys_addr_t sessions_pa)
{
	m->k->luo.outgoing.sessions_pa = sessions_pa;
	m->k->luo.outgoing.active = true;
}

int luo_session_setup_incoming(struct machine *m, const void *fdt)
{
	KCALL(m);
	struct luo_session_header *sh = &m->k->luo.incoming;
	const void *val;
	int off, len;

	off = fdt_subnode_offset(fdt, 0, LUO_FDT_SESSION_NODE);
	if (off < 0) {
		pr_err(m, "Unable to get session node: [%s]", LUO_FDT_SESSION_NODE);
		return -EINVAL;
	}
	if (fdt_node_check_compatible(fdt, off, m->k->boot.release.session_compatible)) {
		pr_err(m, "Session node incompatible [%s]",
		       m->k->boot.release.session_compatible);
		return -EINVAL;
	}
	val = fdt_getprop(fdt, off, LUO_FDT_SESSION_HEADER, &len);
	if (!val || len != sizeof(sh->header_ser)) {
		pr_err(m, "Unable to get session header '%s' [%d]", LUO_FDT_SESSION_HEADER, len);
		return -EINVAL;
	}
	memcpy(&sh->header_ser, val, sizeof(sh->header_ser));
	sh->active = true;
	return 0;
}

int luo_session_setup_incoming_ser(struct machine *m, u64 sessions_pa)
{
	KCALL_NAMED(m, "luo_session_setup_incoming");
	struct luo_session_header *sh = &m->k->luo.incoming;
	int err;

	if (!sessions_pa)
		return 0;
	err = kho_block_set_restore(m, &sh->block_set, sessions_pa);
	if (!err)
		sh->active = true;
	/* A kernel panics now; what a policy says of sessions goes for their chain, too. */
	switch (m->k->boot.release.policy.deserialize) {
	case DESERIALIZE_IGNORE:
		return 0;
	case DESERIALIZE_LATCH:
	case DESERIALIZE_ROLLBACK:
		m->k->luo.is_deserialized = err;
		m->k->luo.deserialize_err = err;
		return 0;
	default:
		return err;
	}
}

/* Does the policy say to go on without what cannot be read? */
static bool ignores(struct machine *m)
{
	return m->k->boot.release.policy.deserialize == DESERIALIZE_IGNORE;
}

/* What becomes of an error in the files of a session. */
static enum deserialize_failure on_failure(struct machine *m)
{
	enum deserialize_failure want = m->k->boot.release.policy.deserialize;

	if (want != DESERIALIZE_RELEASE)
		return want;
	return has_fix(m, FIX_DESERIALIZE_ERROR) ? DESERIALIZE_LATCH : DESERIALIZE_IGNORE;
}

/* Finish and drop all that was read before the failure. */
static void roll_back(struct machine *m, struct luo_session_header *sh)
{
	while (!list_empty(&sh->list)) {
		struct luo_session *session = list_last_entry(&sh->list, struct luo_session, list);

		luo_file_discard(m, &session->file_set);
		luo_session_remove(m, sh, session);
		luo_session_free(m, session);
	}
	ledger_rolled_back(m);
}

/*
 * The error of one session; where the policy does not say to ignore them, only those
 * of its files ever are. @saved says whether later opens will hear of it too:
 * in 6.19 and 7.0 an early return forgets it.
 */
static int luo_session_deserialize_one(struct machine *m, struct luo_session_header *sh,
				       phys_addr_t phys, bool *saved)
{
	struct luo_session *session;
	struct luo_session_ser ser;
	char text[160];
	int err;

	phys_read(m, phys, &ser, sizeof(ser));
	*saved = true;
	session = luo_session_alloc(m, ser.name);
	if (!session) {
		luo_handover_string(m, phys, sizeof(ser.name), text, sizeof(text));
		pr_warn(m, "Failed to allocate session [%s] during deserialization %d", text,
			-ENOMEM);
		*saved = has_fix(m, FIX_SESSION_ALLOC_ERROR);
		return ignores(m) ? 0 : -ENOMEM;
	}
	err = luo_session_insert(m, sh, session);
	if (err) {
		pr_warn(m, "Failed to insert session [%s] %d", session->name, err);
		luo_session_free(m, session);
		return ignores(m) ? 0 : err;
	}
	mutex_lock(m, &session->mutex);
	err = luo_file_deserialize(m, &session->file_set,
				   phys + offsetof(struct luo_session_ser, file_set_ser));
	mutex_unlock(m, &session->mutex);
	if (on_failure(m) == DESERIALIZE_IGNORE)
		return 0;
	if (err)
		pr_warn(m, "Failed to deserialize files for session [%s] %d", session->name, err);
	return err;
}

static int deserialize_array(struct machine *m, struct luo_session_header *sh, bool *saved)
{
	const u64 max_sessions = (LUO_SESSION_PGCNT * PAGE_SIZE - sizeof(u64)) /
				 sizeof(struct luo_session_ser);
	struct luo_session_header_ser header;
	phys_addr_t ser = sh->header_ser + sizeof(header);

	if (!kho_extent_ok(m, sh->header_ser, LUO_SESSION_PGCNT * PAGE_SIZE))
		return -EINVAL;
	phys_read(m, sh->header_ser, &header, sizeof(header));
	/* Who goes on whatever is wrong must know where to end. */
	if (ignores(m))
		header.count = min(header.count, max_sessions);
	/* The kernel counts in an int. */
	for (int i = 0; (u64)i < header.count; i++, ser += sizeof(struct luo_session_ser)) {
		int err = luo_session_deserialize_one(m, sh, ser, saved);

		if (err)
			return err;
	}
	kho_restore_free(m, sh->header_ser);
	sh->header_ser = 0;
	return 0;
}

static int deserialize_blocks(struct machine *m, struct luo_session_header *sh, bool *saved)
{
	struct kho_block_set_it it;
	phys_addr_t ser;
	int err = 0;

	kho_block_set_it_init(&it, &sh->block_set);
	while (!err && (ser = kho_block_set_it_read_entry(m, &it)))
		err = luo_session_deserialize_one(m, sh, ser, saved);
	kho_block_set_destroy(m, &sh->block_set);
	return err;
}

int luo_session_deserialize(struct machine *m)
{
	KCALL(m);
	struct luo *luo = &m->k->luo;
	bool saved = true;
	int err;

	if (luo->is_deserialized)
		return luo->deserialize_err;
	luo->is_deserialized = true;
	if (!luo->incoming.active)
		return 0;
	if (uses_blocks(m))
		err = deserialize_blocks(m, &luo->incoming, &saved);
	else
		err = deserialize_array(m, &luo->incoming, &saved);
	if (err && on_failure(m) == DESERIALIZE_PANIC)
		panic(m, "luo: Failed to deserialize sessions [%d]", err);
	if (err && on_failure(m) == DESERIALIZE_ROLLBACK)
		roll_back(m, &luo->incoming);
	if (!err)
		ledger_deserialized(m);
	/* Otherwise what was read stays and leaks: there is no safe way back. */
	if (saved)
		luo->deserialize_err = err;
	return err;
}

/* Reboot. */

/* Where the next session goes: the array's next entry, or one of the blocks'. */
struct ser_cursor {
	struct luo_session_header *sh;
	struct kho_block_set_it it;
	u64 i;
};

static phys_addr_t ser_next(struct machine *m, struct ser_cursor *cur)
{
	if (uses_blocks(m))
		return kho_block_set_it_reserve_entry(m, &cur->it);
	return cur->sh->header_ser + sizeof(struct luo_session_header_ser) +
	       cur->i++ * sizeof(struct luo_session_ser);
}

static phys_addr_t ser_prev(struct machine *m, struct ser_cursor *cur)
{
	if (uses_blocks(m))
		return kho_block_set_it_prev(&cur->it);
	return cur->sh->header_ser + sizeof(struct luo_session_header_ser) +
	       --cur->i * sizeof(struct luo_session_ser);
}

/* Where the list begins, for the next kernel. */
static void publish(struct machine *m, struct luo_session_header *sh, u64 count)
{
	if (!uses_blocks(m))
		phys_write(m, sh->header_ser, &count, sizeof(count));
	else if (count)
		phys_write(m, sh->sessions_pa, &sh->block_set.head_pa, sizeof(u64));
}

/* Undo what serialize_list() did for the sessions before @session. */
static void unserialize_before(struct machine *m, struct ser_cursor *cur,
			       struct luo_session *session)
{
	list_for_each_entry_continue_reverse(session, &cur->sh->list, list) {
		phys_addr_t ser;

		if (gate_skips(m, session))
			continue;
		ser = ser_prev(m, cur);
		luo_session_unfreeze_one(m, session, ser);
		phys_zero(m, ser, sizeof(session->name));
	}
}

static int serialize_list(struct machine *m, struct luo_session_header *sh)
{
	struct ser_cursor cur = { .sh = sh };
	struct luo_session *session;
	phys_addr_t ser;
	u64 count = 0;
	int err;

	kho_block_set_it_init(&cur.it, &sh->block_set);
	list_for_each_entry(session, &sh->list, list) {
		if (gate_skips(m, session)) {
			luo_file_given_up(m, &session->file_set);
			continue;
		}
		ser = ser_next(m, &cur);
		if (!ser) {
			warn(m, "luo_session_serialize");
			unserialize_before(m, &cur, session);
			return -ENOSPC;
		}
		err = luo_session_freeze_one(m, session, ser);
		if (err) {
			ser_prev(m, &cur);
			unserialize_before(m, &cur, session);
			return err;
		}
		phys_write(m, ser, session->name, sizeof(session->name));
		count++;
	}
	publish(m, sh, count);
	return 0;
}

int luo_session_serialize(struct machine *m)
{
	KCALL(m);
	struct luo_session_header *sh = &m->k->luo.outgoing;
	int err;

	gate_close(m);
	ledger_serialize_none(m);
	if (uses_blocks(m))
		phys_zero(m, sh->sessions_pa, sizeof(u64));
	err = serialize_list(m, sh);
	if (err)
		gate_reopen(m);
	else
		gate_keep(m);
	return err;
}

void luo_session_unserialize(struct machine *m)
{
	struct luo_session_header *sh = &m->k->luo.outgoing;
	struct ser_cursor cur = { .sh = sh };
	struct luo_session *session;

	gate_relock(m);
	phys_zero(m, uses_blocks(m) ? sh->sessions_pa : sh->header_ser, sizeof(u64));
	kho_block_set_it_init(&cur.it, &sh->block_set);
	list_for_each_entry(session, &sh->list, list)
		if (!gate_skips(m, session))
			ser_next(m, &cur);
	unserialize_before(m, &cur, session);
	gate_reopen(m);
}
