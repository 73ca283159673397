/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file handlers of tmpfs mounts and of files in their root directory, as posted in
 * September 2026 after memfd's in mm/memfd_luo.c, with which they share the folios.
 * docs/findings.md says what is wrong with them.
 */
#include "lib/uapi.h"

#include <limits.h>

#include "handlers/handlers.h"
#include "machine/machine.h"
#include "search/walk.h"

#define pr_fmt "memfd_luo: "

#define TMPFS_LUO_MNT_FH_COMPATIBLE	"tmpfs-mnt-v1"
#define TMPFS_LUO_FILE_FH_COMPATIBLE	"tmpfs-file-v1"
#define UNSUPPORTED			(TMPFS_MPOL | TMPFS_USRQUOTA | TMPFS_CASEFOLD)

/* Handed over (include/linux/kho/abi/tmpfs.h). */
struct tmpfs_luo_mnt_ser {
	u64 max_blocks;
	u32 mode;
	u32 flags;
} __packed;

struct tmpfs_luo_file_ser {
	u64 mnt_token;
	u64 pos;
	u64 size;
	u32 mode;
	u32 flags;
	u64 nr_folios;
	struct kho_vmalloc folios;
	char name[NAME_MAX + 1];
} __packed;

/* Mounts. */

static struct mount *mnt_of(const struct file *file)
{
	return file->f_dentry->d_mnt;
}

/* A mount is known by its superblock. */
static u64 tmpfs_luo_mnt_id(struct machine *m, const struct super_block *sb)
{
	return object_id(m, sb->s_mount);
}

/* Of quotas it asks for those of users alone. */
static bool tmpfs_luo_mnt_can_preserve(struct machine *m, struct liveupdate_file_handler *fh,
				       struct file *file)
{
	const struct mount *mnt = mnt_of(file);

	(void)m;
	(void)fh;
	return mnt && file->f_dentry == mnt->mnt_root && !(mnt->features & UNSUPPORTED);
}

static u64 tmpfs_luo_mnt_get_id(struct machine *m, struct liveupdate_file_handler *fh,
				struct file *file)
{
	(void)fh;
	return tmpfs_luo_mnt_id(m, &mnt_of(file)->mnt_sb);
}

static int tmpfs_luo_mnt_preserve(struct liveupdate_file_op_args *args)
{
	KCALL(args->m);
	phys_addr_t phys;
	int err = kho_alloc_preserve(args->m, sizeof(struct tmpfs_luo_mnt_ser), &phys);

	if (!err)
		args->serialized_data = phys;
	return err;
}

/* The mode is what the mount was told, whatever chmod(2) has made of its root directory. */
static int tmpfs_luo_mnt_freeze(struct liveupdate_file_op_args *args)
{
	KCALL(args->m);
	const struct mount *mnt = mnt_of(args->file);
	const struct tmpfs_luo_mnt_ser ser = {
		.max_blocks = mnt->mnt_sb.max_blocks, .mode = mnt->mode & 07777,
	};

	if (mnt->features & TMPFS_MPOL)
		return -EOPNOTSUPP;
	phys_write(args->m, args->serialized_data, &ser, sizeof(ser));
	return 0;
}

static void tmpfs_luo_mnt_unpreserve(struct liveupdate_file_op_args *args)
{
	KCALL(args->m);

	kho_unpreserve_free(args->m, args->serialized_data);
}

static struct file *retrieve_mnt(struct machine *m, const struct tmpfs_luo_mnt_ser *ser)
{
	struct mount *mnt;
	struct file *file;

	if (ser->mode & ~07777u || ser->flags)
		return ERR_PTR(-EINVAL);
	mnt = tmpfs_create_mount(m, ser->max_blocks, ser->mode);
	if (IS_ERR(mnt)) {
		pr_err(m, "failed to create tmpfs mount: %ld", PTR_ERR(mnt));
		return (struct file *)mnt;
	}
	file = vfs_open_detached_mount(m, mnt);
	if (IS_ERR(file))
		pr_err(m, "failed to open detached tmpfs mount: %ld", PTR_ERR(file));
	return file;
}

static int tmpfs_luo_mnt_retrieve(struct liveupdate_file_op_args *args)
{
	KCALL(args->m);
	struct tmpfs_luo_mnt_ser ser;
	struct file *file;

	if (!args->serialized_data)
		return -EINVAL;
	phys_read(args->m, args->serialized_data, &ser, sizeof(ser));
	file = retrieve_mnt(args->m, &ser);
	if (!IS_ERR(file))
		args->file = file;
	kho_restore_free(args->m, args->serialized_data);
	return IS_ERR(file) ? PTR_ERR(file) : 0;
}

static void tmpfs_luo_mnt_finish(struct liveupdate_file_op_args *args)
{
	KCALL(args->m);

	if (!args->retrieve_status && args->serialized_data)
		kho_restore_free(args->m, args->serialized_data);
}

static void tmpfs_luo_mnt_walk(struct machine_walk *w, struct machine *m,
			       struct liveupdate_file_handler *fh, u64 serialized_data)
{
	(void)m;
	(void)fh;
	walk_words(w, serialized_data, sizeof(struct tmpfs_luo_mnt_ser) / sizeof(u64));
}

static const struct liveupdate_file_ops tmpfs_luo_mnt_ops = {
	.can_preserve = tmpfs_luo_mnt_can_preserve,
	.preserve = tmpfs_luo_mnt_preserve,
	.unpreserve = tmpfs_luo_mnt_unpreserve,
	.freeze = tmpfs_luo_mnt_freeze,
	.retrieve = tmpfs_luo_mnt_retrieve,
	.finish = tmpfs_luo_mnt_finish,
	.get_id = tmpfs_luo_mnt_get_id,
	.walk = tmpfs_luo_mnt_walk,
};

/* Files. */

static bool tmpfs_luo_file_can_preserve(struct machine *m, struct liveupdate_file_handler *fh,
					struct file *file)
{
	const struct dentry *dentry = file->f_dentry;

	(void)m;
	(void)fh;
	return shmem_file(file) && dentry->d_mnt && !d_unlinked(dentry) &&
	       dentry->d_parent == dentry->d_mnt->mnt_root;
}

static u64 tmpfs_luo_file_get_id(struct machine *m, struct liveupdate_file_handler *fh,
				 struct file *file)
{
	(void)fh;
	return object_id(m, file_inode(file));
}

static int preserve_locked(struct liveupdate_file_op_args *args, phys_addr_t phys, u64 mnt_token)
{
	struct tmpfs_luo_file_ser ser = { .mnt_token = mnt_token };
	struct machine *m = args->m;
	struct vm_struct *folios_ser;
	u64 nr_folios;
	int err;

	if (DIV_ROUND_UP(i_size_read(file_inode(args->file)), PAGE_SIZE) > UINT_MAX)
		return -EFBIG;
	err = memfd_luo_preserve_folios(m, args->file, &ser.folios, &folios_ser, &nr_folios);
	if (err)
		return err;
	ser.nr_folios = nr_folios;
	phys_write(m, phys, &ser, sizeof(ser));
	args->private_data = folios_ser;
	args->serialized_data = phys;
	return 0;
}

static int tmpfs_luo_file_preserve(struct liveupdate_file_op_args *args)
{
	struct machine *m = args->m;
	KCALL(m);
	struct inode *inode = file_inode(args->file);
	phys_addr_t phys;
	u64 mnt_token;
	int err;

	err = liveupdate_get_token_of_id(m, args->session, tmpfs_luo_mnt_id(m, inode->i_sb),
					 &mnt_token);
	if (err)
		return err;
	err = kho_alloc_preserve(m, sizeof(struct tmpfs_luo_file_ser), &phys);
	if (err)
		return err;
	inode_lock(m, inode);
	shmem_freeze(m, inode, true);
	err = preserve_locked(args, phys, mnt_token);
	if (err) {
		kho_unpreserve_free(m, phys);
		shmem_freeze(m, inode, false);
	}
	inode_unlock(m, inode);
	return err;
}

static int freeze_locked(struct liveupdate_file_op_args *args)
{
	const struct dentry *dentry = args->file->f_dentry;
	const struct inode *inode = file_inode(args->file);
	struct tmpfs_luo_file_ser ser;

	if (dentry->d_parent != dentry->d_mnt->mnt_root)
		return -EOPNOTSUPP;
	if (d_unlinked(dentry))
		return -ENOENT;
	phys_read(args->m, args->serialized_data, &ser, sizeof(ser));
	memset(ser.name, 0, sizeof(ser.name));
	memcpy(ser.name, dentry->d_name, strlen(dentry->d_name));
	ser.mode = inode->i_mode & 0777;
	ser.size = i_size_read(inode);
	ser.pos = args->file->f_pos;
	phys_write(args->m, args->serialized_data, &ser, sizeof(ser));
	return 0;
}

static int tmpfs_luo_file_freeze(struct liveupdate_file_op_args *args)
{
	struct machine *m = args->m;
	KCALL(m);
	struct inode *inode = file_inode(args->file);
	struct inode *root = mnt_of(args->file)->mnt_root->d_inode;
	int err;

	down_read(m, &root->i_rwsem);
	down_read(m, &inode->i_rwsem);
	err = freeze_locked(args);
	up_read(m, &inode->i_rwsem);
	up_read(m, &root->i_rwsem);
	return err;
}

static void tmpfs_luo_file_unpreserve(struct liveupdate_file_op_args *args)
{
	struct machine *m = args->m;
	KCALL(m);
	struct inode *inode = file_inode(args->file);
	struct tmpfs_luo_file_ser ser;

	inode_lock(m, inode);
	shmem_freeze(m, inode, false);
	phys_read(m, args->serialized_data, &ser, sizeof(ser));
	memfd_luo_unpreserve_folios(m, &ser.folios, args->private_data, ser.nr_folios);
	kho_unpreserve_free(m, args->serialized_data);
	inode_unlock(m, inode);
}

/* It comes from another kernel. */
static bool tmpfs_luo_name_valid(const char *name, size_t size)
{
	size_t len = strnlen(name, size);

	return len && len < size && !memchr(name, '/', len) && strcmp(name, ".") &&
	       strcmp(name, "..");
}

/* From here on others see the file, which is empty. */
static struct file *open_in_mnt(struct liveupdate_file_op_args *args,
				const struct tmpfs_luo_file_ser *ser)
{
	struct machine *m = args->m;
	struct file *mnt_file, *file;
	int err;

	err = liveupdate_get_file_incoming(m, args->session, ser->mnt_token, &mnt_file);
	if (err) {
		pr_err(m, "failed to retrieve tmpfs mount: %d", err);
		return ERR_PTR(err);
	}
	file = path_openat(m, mnt_file->f_dentry, ser->name,
			   O_RDWR | O_CREAT | O_EXCL | KERNEL_O_LARGEFILE, ser->mode);
	fput(m, mnt_file);
	if (IS_ERR(file))
		pr_err(m, "failed to create '%s': %ld", ser->name, PTR_ERR(file));
	return file;
}

/* What fails here leaves the name, and the file as far as it was restored. */
static int restore_file(struct machine *m, struct file *file, const struct tmpfs_luo_file_ser *ser)
{
	struct inode *inode = file_inode(file);
	struct vm_struct *folios_ser;
	int err;

	inode_lock(m, inode);
	i_size_write(m, inode, ser->size);
	inode_unlock(m, inode);
	vfs_setpos(file, ser->pos);
	if (!ser->nr_folios)
		return 0;
	folios_ser = kho_restore_vmalloc(m, &ser->folios);
	if (!folios_ser)
		return -EINVAL;
	err = memfd_luo_retrieve_folios(m, file, folios_ser, ser->nr_folios);
	vfree(m, folios_ser);
	return err;
}

static int retrieve_file(struct liveupdate_file_op_args *args, const struct tmpfs_luo_file_ser *ser)
{
	struct file *file;
	int err;

	if (ser->mode & ~0777u || ser->flags || !tmpfs_luo_name_valid(ser->name, sizeof(ser->name)))
		return -EINVAL;
	file = open_in_mnt(args, ser);
	if (IS_ERR(file))
		return PTR_ERR(file);
	err = restore_file(args->m, file, ser);
	if (err)
		fput(args->m, file);
	else
		args->file = file;
	return err;
}

static int tmpfs_luo_file_retrieve(struct liveupdate_file_op_args *args)
{
	KCALL(args->m);
	struct tmpfs_luo_file_ser ser;
	int err;

	if (!args->serialized_data)
		return -EINVAL;
	phys_read(args->m, args->serialized_data, &ser, sizeof(ser));
	err = retrieve_file(args, &ser);
	kho_restore_free(args->m, args->serialized_data);
	return err;
}

static void tmpfs_luo_file_finish(struct liveupdate_file_op_args *args)
{
	struct machine *m = args->m;
	KCALL(m);
	struct tmpfs_luo_file_ser ser;
	struct vm_struct *folios_ser;

	if (args->retrieve_status || !args->serialized_data)
		return;
	phys_read(m, args->serialized_data, &ser, sizeof(ser));
	folios_ser = ser.nr_folios ? kho_restore_vmalloc(m, &ser.folios) : NULL;
	if (folios_ser) {
		memfd_luo_discard_folios(m, folios_ser, ser.nr_folios);
		vfree(m, folios_ser);
	}
	kho_restore_free(m, args->serialized_data);
}

static void tmpfs_luo_file_walk(struct machine_walk *w, struct machine *m,
				struct liveupdate_file_handler *fh, u64 serialized_data)
{
	struct tmpfs_luo_file_ser ser;

	(void)fh;
	if (!phys_valid(m, serialized_data, sizeof(ser)))
		return;
	phys_read(m, serialized_data, &ser, sizeof(ser));
	walk_put(w, ser.mnt_token);
	walk_put(w, ser.pos);
	walk_put(w, ser.size);
	walk_put(w, ser.mode | (u64)ser.flags << 32);
	walk_words(w, serialized_data + offsetof(struct tmpfs_luo_file_ser, name),
		   sizeof(ser.name) / sizeof(u64));
	walk_put(w, ser.nr_folios);
	walk_vmalloc(w, &ser.folios, ser.nr_folios, sizeof(struct memfd_luo_folio_ser),
		     memfd_luo_walk_folio);
}

static const struct liveupdate_file_ops tmpfs_luo_file_ops = {
	.can_preserve = tmpfs_luo_file_can_preserve,
	.preserve = tmpfs_luo_file_preserve,
	.unpreserve = tmpfs_luo_file_unpreserve,
	.freeze = tmpfs_luo_file_freeze,
	.retrieve = tmpfs_luo_file_retrieve,
	.finish = tmpfs_luo_file_finish,
	.get_id = tmpfs_luo_file_get_id,
	.walk = tmpfs_luo_file_walk,
};

void tmpfs_luo_init(struct machine *m)
{
	struct handlers *h = m->k->handlers;

	if (handler_register(m, &h->tmpfs_mnt, "tmpfs", &tmpfs_luo_mnt_ops,
			     TMPFS_LUO_MNT_FH_COMPATIBLE, NULL))
		return;
	if (handler_register(m, &h->tmpfs_file, "tmpfs_file", &tmpfs_luo_file_ops,
			     TMPFS_LUO_FILE_FH_COMPATIBLE, NULL))
		liveupdate_unregister_file_handler(m, &h->tmpfs_mnt);
}
