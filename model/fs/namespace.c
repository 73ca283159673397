/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names and mounts (fs/namei.c, fs/namespace.c, and of mm/shmem.c what mounting needs): one
 * tree of directories and regular files, in which a tmpfs can be mounted in one place.
 */
#include "lib/uapi.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include <xxhash.h>

#include "machine/machine.h"
#include "search/walk.h"

#define UMASK		0022u	/* of every process */
#define MNT_NS_SIZE	256u	/* struct mnt_namespace */
#define ROOT_MODE	01777u	/* of a tmpfs of which mount(2) is not told another one */

/* Looking names up. */

bool d_unlinked(const struct dentry *dentry)
{
	return dentry->d_parent && !dentry->d_hashed;
}

static bool d_is_dir(const struct dentry *dentry)
{
	return S_ISDIR(dentry->d_inode->i_mode);
}

/* What is seen where @dentry is. */
static struct dentry *follow_mounts(struct dentry *dentry)
{
	while (dentry->d_mounted)
		dentry = dentry->d_mounted->mnt_root;
	return dentry;
}

static struct dentry *follow_dotdot(struct dentry *dentry)
{
	while (!dentry->d_parent && dentry->d_mnt && dentry->d_mnt->mnt_mountpoint)
		dentry = dentry->d_mnt->mnt_mountpoint;
	return dentry->d_parent ? follow_mounts(dentry->d_parent) : dentry;
}

/* The last component of a path, and the directory where it is looked for. */
struct last {
	struct dentry *dir;
	char name[NAME_MAX + 1];	/* empty: the directory itself */
};

/* NULL: there is no such name. */
static struct dentry *lookup(const struct last *last)
{
	struct dentry *child;

	if (!*last->name || !strcmp(last->name, "."))
		return last->dir;
	if (!strcmp(last->name, ".."))
		return follow_dotdot(last->dir);
	list_for_each_entry(child, &last->dir->d_children, d_child)
		if (!strcmp(child->d_name, last->name))
			return child;
	return NULL;
}

/* All of @path but its last component; @base NULL: from the root. */
static int filename_parentat(struct machine *m, struct dentry *base, const char *path,
			     struct last *last)
{
	size_t len;

	last->dir = *path == '/' || !base ? follow_mounts(m->k->fs.root) : base;
	for (;; path += len) {
		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (!d_is_dir(last->dir))
			return -ENOTDIR;
		if (inode_permission(m, last->dir->d_inode, MAY_EXEC))
			return -EACCES;
		if (len > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(last->name, path, len);
		last->name[len] = '\0';
		if (!path[len + strspn(path + len, "/")])
			return 0;
		last->dir = lookup(last);
		if (!last->dir)
			return -ENOENT;
		last->dir = follow_mounts(last->dir);
	}
}

static struct dentry *filename_lookup(struct machine *m, const char *path)
{
	struct last last;
	struct dentry *dentry;
	int err = filename_parentat(m, NULL, path, &last);

	if (err)
		return ERR_PTR(err);
	dentry = lookup(&last);
	return dentry ? follow_mounts(dentry) : ERR_PTR(-ENOENT);
}

static void put_path(const struct machine *m, const struct dentry *dentry, char *buf, size_t size)
{
	size_t len;

	if (!dentry->d_parent) {
		if (dentry->d_mnt && dentry->d_mnt->mnt_mountpoint)
			put_path(m, dentry->d_mnt->mnt_mountpoint, buf, size);
		return;
	}
	put_path(m, dentry->d_parent, buf, size);
	len = strlen(buf);
	snprintf(buf + len, size - len, "/%s", dentry->d_name);
}

void d_path(const struct machine *m, const struct dentry *dentry, char *buf, size_t size)
{
	size_t len;

	*buf = '\0';
	if (!dentry->d_parent && !dentry->d_mnt) {
		snprintf(buf, size, "%s", dentry->d_name);
		return;
	}
	put_path(m, dentry, buf, size);
	len = strlen(buf);
	snprintf(buf + len, size - len, "%s%s", len ? "" : "/",
		 d_unlinked(dentry) ? " (deleted)" : "");
}

/* Making and removing names. */

/* The name takes over the caller's reference of @inode; NULL: no memory, and it has not. */
static struct dentry *d_add(struct machine *m, const struct last *last, struct inode *inode)
{
	struct dentry *dentry = d_alloc_name(m, last->dir, inode, last->name);

	if (!dentry)
		return NULL;
	dentry->d_hashed = true;
	list_add_tail(&dentry->d_child, &last->dir->d_children);
	return dentry;
}

static void d_delete(struct machine *m, struct dentry *dentry)
{
	list_del(&dentry->d_child);
	dentry->d_hashed = false;
	dput(m, dentry);
}

/* shmem_mknod() */
static struct dentry *tmpfs_mknod(struct machine *m, const struct last *last, u32 mode)
{
	struct super_block *sb = last->dir->d_inode->i_sb;
	bool dir = S_ISDIR(mode);
	struct dentry *dentry;
	struct inode *inode;

	inode = dir ? new_inode_sb(m, sb, mode & ~UMASK, 2) :
		      shmem_get_inode(m, sb, mode & ~UMASK, 1);
	if (!inode)
		return ERR_PTR(-ENOSPC);
	if (dir)
		inode->i_fop = &dir_fops;
	dentry = d_add(m, last, inode);
	if (!dentry) {
		iput(m, inode);
		return ERR_PTR(-ENOMEM);
	}
	return dentry;
}

/* 0, or -EACCES, or -EPERM where everybody may write and remove only what is his own. */
static int may_delete(struct machine *m, const struct last *last, const struct dentry *victim)
{
	const struct inode *dir = last->dir->d_inode;
	const u32 uid = current_uid(m);
	int err = inode_permission(m, dir, MAY_WRITE | MAY_EXEC);

	if (!err && uid && dir->i_mode & S_ISVTX && uid != victim->d_inode->i_uid &&
	    uid != dir->i_uid)
		err = -EPERM;
	return err;
}

/* Of a name that O_CREAT may make; the directory is locked. */
static struct dentry *lookup_open(struct machine *m, const struct last *last, u32 flags, u32 mode)
{
	struct dentry *dentry = lookup(last);

	if (!dentry && inode_permission(m, last->dir->d_inode, MAY_WRITE | MAY_EXEC))
		return ERR_PTR(-EACCES);
	if (!dentry)
		return tmpfs_mknod(m, last, S_IFREG | mode);
	if (flags & O_EXCL)
		return ERR_PTR(-EEXIST);
	return d_is_dir(dentry) ? ERR_PTR(-EISDIR) : dentry;
}

static struct dentry *open_last_lookups(struct machine *m, const struct last *last, u32 flags,
					u32 mode)
{
	struct inode *inode = last->dir->d_inode;
	struct dentry *dentry;

	if (!(flags & O_CREAT)) {
		dentry = lookup(last);
		return dentry ? follow_mounts(dentry) : ERR_PTR(-ENOENT);
	}
	inode_lock(m, inode);
	dentry = lookup_open(m, last, flags, mode);
	inode_unlock(m, inode);
	return dentry;
}

static int handle_truncate(struct machine *m, struct inode *inode)
{
	int err;

	inode_lock(m, inode);
	err = shmem_setattr_size(m, inode, 0);
	inode_unlock(m, inode);
	return err;
}

struct file *path_openat(struct machine *m, struct dentry *base, const char *path, u32 flags,
			 u32 mode)
{
	struct dentry *dentry;
	struct last last;
	struct file *file;
	int err;

	if (flags & O_PATH)
		flags &= O_PATH | O_DIRECTORY;
	err = *path ? filename_parentat(m, base, path, &last) : -ENOENT;
	if (err)
		return ERR_PTR(err);
	dentry = open_last_lookups(m, &last, flags, mode);
	if (IS_ERR(dentry))
		return (struct file *)dentry;
	if (flags & O_DIRECTORY && !d_is_dir(dentry))
		return ERR_PTR(-ENOTDIR);
	file = do_open(m, dentry, flags);
	err = flags & O_TRUNC && !IS_ERR(file) ? handle_truncate(m, dentry->d_inode) : 0;
	if (!err)
		return file;
	fput(m, file);
	return ERR_PTR(err);
}

static int do_openat(struct machine *m, int dirfd, const char *path, u32 flags)
{
	u32 f_flags = (flags & ~(u32)O_CLOEXEC) | (flags & O_PATH ? 0 : KERNEL_O_LARGEFILE);
	struct file *dir;
	int fd;

	task_yield(m, YIELD_COPY_FROM_USER, NULL);
	fd = get_unused_fd_flags(m, flags);
	if (fd < 0)
		return fd;
	dir = fdget_raw(m, dirfd);
	return fd_add(m, fd, dir ? path_openat(m, dir->f_dentry, path, f_flags, 0666) :
				   ERR_PTR(-EBADF));
}

int sys_openat(struct machine *m, int dirfd, const char *path, int flags)
{
	SYSCALL(m, do_openat(m, dirfd, path, flags));
}

/* Find the directory of @path, and lock it; filename_create() and the like. */
static int lock_parent(struct machine *m, const char *path, struct last *last)
{
	int err;

	task_yield(m, YIELD_COPY_FROM_USER, NULL);
	err = filename_parentat(m, NULL, path, last);
	if (!err)
		inode_lock(m, last->dir->d_inode);
	return err;
}

static int do_mkdir(struct machine *m, const char *path)
{
	struct dentry *dentry;
	struct last last;
	int err = lock_parent(m, path, &last);

	if (err)
		return err;
	if (lookup(&last))
		dentry = ERR_PTR(-EEXIST);
	else if (inode_permission(m, last.dir->d_inode, MAY_WRITE | MAY_EXEC))
		dentry = ERR_PTR(-EACCES);
	else
		dentry = tmpfs_mknod(m, &last, S_IFDIR | 0777);
	inode_unlock(m, last.dir->d_inode);
	return IS_ERR(dentry) ? PTR_ERR(dentry) : 0;
}

int sys_mkdir(struct machine *m, const char *path)
{
	SYSCALL(m, do_mkdir(m, path));
}

static int vfs_unlink(struct machine *m, struct dentry *dentry)
{
	struct inode *inode = dentry->d_inode;

	if (d_is_dir(dentry))
		return -EISDIR;
	inode_lock(m, inode);
	inode->i_nlink--;
	inode_unlock(m, inode);
	d_delete(m, dentry);
	return 0;
}

static int do_unlink(struct machine *m, const char *path)
{
	struct dentry *dentry;
	struct last last;
	int err = lock_parent(m, path, &last);

	if (err)
		return err;
	dentry = lookup(&last);
	err = dentry ? may_delete(m, &last, dentry) : -ENOENT;
	if (!err)
		err = vfs_unlink(m, dentry);
	inode_unlock(m, last.dir->d_inode);
	return err;
}

int sys_unlink(struct machine *m, const char *path)
{
	SYSCALL(m, do_unlink(m, path));
}

/* d_move(), in the place of what has the name. */
static int vfs_rename(struct machine *m, struct dentry *old, const struct last *from,
		      const struct last *to)
{
	struct dentry *target = lookup(to), *parent = old->d_parent;
	int err;

	if (old == target)
		return 0;
	err = may_delete(m, from, old);
	if (!err)
		err = target ? may_delete(m, to, target) :
			       inode_permission(m, to->dir->d_inode, MAY_WRITE | MAY_EXEC);
	if (err)
		return err;
	if (old->d_inode->i_sb != to->dir->d_inode->i_sb)
		return -EXDEV;
	if (d_is_dir(old))
		return target ? -ENOTDIR : -EOPNOTSUPP;
	err = target ? vfs_unlink(m, target) : 0;
	if (err)
		return err;
	list_del(&old->d_child);
	old->d_parent = to->dir;
	to->dir->d_count++;
	list_add_tail(&old->d_child, &to->dir->d_children);
	strcpy(old->d_name, to->name);
	dput(m, parent);
	return 0;
}

/* lock_rename(): the one that was made first comes first. */
static void lock_dirs(struct machine *m, struct inode *a, struct inode *b, bool lock)
{
	void (*const change)(struct machine *m, struct inode *inode) = lock ? inode_lock :
									      inode_unlock;

	change(m, a->i_ino < b->i_ino ? a : b);
	if (a != b)
		change(m, a->i_ino < b->i_ino ? b : a);
}

static int do_rename(struct machine *m, const char *from, const char *to)
{
	struct last last, new;
	struct dentry *old;
	int err;

	task_yield(m, YIELD_COPY_FROM_USER, NULL);
	err = filename_parentat(m, NULL, from, &last);
	if (!err)
		err = filename_parentat(m, NULL, to, &new);
	if (err)
		return err;
	lock_dirs(m, last.dir->d_inode, new.dir->d_inode, true);
	old = lookup(&last);
	if (!old)
		err = -ENOENT;
	else if (old->d_parent == last.dir && *new.name)
		err = vfs_rename(m, old, &last, &new);
	else
		err = -EBUSY;
	lock_dirs(m, last.dir->d_inode, new.dir->d_inode, false);
	return err;
}

int sys_rename(struct machine *m, const char *from, const char *to)
{
	SYSCALL(m, do_rename(m, from, to));
}

static bool inode_owner_or_capable(struct machine *m, const struct inode *inode)
{
	return capable(m) || current_uid(m) == inode->i_uid;
}

/* chmod_common(), and what shmem_setattr() says of it. */
static int do_fchmod(struct machine *m, int fd, u32 mode)
{
	struct file *file = fdget(m, fd);
	struct inode *inode;
	int err = 0;

	if (!file)
		return -EBADF;
	inode = file_inode(file);
	inode_lock(m, inode);
	if (!inode_owner_or_capable(m, inode) ||
	    (inode->seals & F_SEAL_EXEC && (inode->i_mode ^ mode) & 0111))
		err = -EPERM;
	else
		inode->i_mode = (inode->i_mode & ~07777u) | (mode & 07777);
	inode_unlock(m, inode);
	return err;
}

int sys_fchmod(struct machine *m, int fd, unsigned int mode)
{
	SYSCALL(m, do_fchmod(m, fd, mode));
}

/* Mounts. */

struct mount *mntget(struct mount *mnt)
{
	mnt->mnt_count++;
	return mnt;
}

/* All names in @dir go; what is open stays until it is closed. */
static void d_genocide(struct machine *m, struct dentry *dir)
{
	while (!list_empty(&dir->d_children)) {
		struct dentry *child = list_first_entry(&dir->d_children, struct dentry, d_child);

		d_genocide(m, child);
		d_delete(m, child);
	}
}

void mntput(struct machine *m, struct mount *mnt)
{
	if (--mnt->mnt_count)
		return;
	d_genocide(m, mnt->mnt_root);
	dput(m, mnt->mnt_root);
	list_del(&mnt->mnt_list);
	kfree(m, mnt, sizeof(*mnt));
}

struct mount *tmpfs_create_mount(struct machine *m, u64 max_blocks, u32 mode)
{
	struct mount *mnt = kzalloc(m, sizeof(*mnt));
	struct inode *inode;

	if (!mnt)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&mnt->mnt_sb.s_inodes);
	mnt->mnt_sb.s_mount = mnt;
	mnt->mnt_sb.next_ino = 1;
	mnt->mnt_sb.max_blocks = max_blocks;
	mnt->mode = mode;
	mnt->mnt_count = 1;
	inode = new_inode_sb(m, &mnt->mnt_sb, S_IFDIR | mode, 2);
	if (inode) {
		inode->i_fop = &dir_fops;
		mnt->mnt_root = d_alloc_name(m, NULL, inode, "/");
	}
	if (!mnt->mnt_root) {
		if (inode)
			iput(m, inode);
		kfree(m, mnt, sizeof(*mnt));
		return ERR_PTR(-ENOMEM);
	}
	mnt->mnt_id = m->k->fs.next_mnt_id++;
	list_add_tail(&mnt->mnt_list, &m->k->fs.mounts);
	return mnt;
}

/* What mount(2) is told of a tmpfs. */
struct shmem_options {
	u64 blocks;
	u32 mode, features;
	bool seen_blocks;
};

/* memparse() */
static u64 parse_size(const char *text, char **end)
{
	static const char units[] = "kmg";
	u64 size = strtoull(text, end, 0);
	const char *unit = **end ? strchr(units, **end | 0x20) : NULL;

	if (unit) {
		size <<= 10 * (unit - units + 1);
		++*end;
	}
	return size;
}

static int shmem_parse_one(struct shmem_options *ctx, char *opt)
{
	char *value = strchr(opt, '='), *end = "";

	if (value)
		*value++ = '\0';
	if (value && !strcmp(opt, "size")) {
		ctx->blocks = DIV_ROUND_UP(parse_size(value, &end), PAGE_SIZE);
		ctx->seen_blocks = true;
	} else if (value && !strcmp(opt, "nr_blocks")) {
		ctx->blocks = parse_size(value, &end);
		ctx->seen_blocks = true;
	} else if (value && !strcmp(opt, "mode")) {
		ctx->mode = strtoul(value, &end, 8) & 07777;
	} else if (value && !strcmp(opt, "mpol")) {
		ctx->features |= TMPFS_MPOL;
	} else if (!strcmp(opt, "usrquota")) {
		ctx->features |= TMPFS_USRQUOTA;
	} else if (!strcmp(opt, "grpquota")) {
		ctx->features |= TMPFS_GRPQUOTA;
	} else if (!strcmp(opt, "casefold")) {
		ctx->features |= TMPFS_CASEFOLD;
	} else {
		return -EINVAL;
	}
	return *end ? -EINVAL : 0;
}

/* "size=8K,mode=0700" */
static int shmem_parse_options(struct machine *m, struct shmem_options *ctx, const char *options)
{
	char copy[256], *next = copy, *opt;
	int err = 0;

	*ctx = (struct shmem_options){ .blocks = m->nr_frames / 2, .mode = ROOT_MODE };
	task_yield(m, YIELD_COPY_FROM_USER, NULL);
	if (strlen(options) >= sizeof(copy))
		return -EINVAL;
	strcpy(copy, options);
	while (!err && (opt = strsep(&next, ",")))
		err = *opt ? shmem_parse_one(ctx, opt) : 0;
	return err;
}

static struct mount *new_mount(struct machine *m, const char *options)
{
	struct shmem_options ctx;
	int err = shmem_parse_options(m, &ctx, options);
	struct mount *mnt = err ? ERR_PTR(err) : tmpfs_create_mount(m, ctx.blocks, ctx.mode);

	if (!IS_ERR(mnt))
		mnt->features = ctx.features;
	return mnt;
}

/* The place takes over the caller's reference. */
static void attach_mnt(struct mount *mnt, struct dentry *mountpoint)
{
	mountpoint->d_count++;
	mountpoint->d_mounted = mnt;
	if (mountpoint->d_mnt)
		mntget(mountpoint->d_mnt);
	mnt->mnt_mountpoint = mountpoint;
}

static void detach_mnt(struct machine *m, struct mount *mnt)
{
	struct dentry *mountpoint = mnt->mnt_mountpoint;
	struct mount *parent = mountpoint->d_mnt;

	mnt->mnt_mountpoint = NULL;
	mountpoint->d_mounted = NULL;
	dput(m, mountpoint);
	if (parent)
		mntput(m, parent);
}

/* Where something can be mounted. */
static struct dentry *lock_mount(struct machine *m, const char *path)
{
	struct dentry *dentry = filename_lookup(m, path);

	return IS_ERR(dentry) || d_is_dir(dentry) ? dentry : ERR_PTR(-ENOTDIR);
}

static int do_mount(struct machine *m, const char *path, const char *options)
{
	struct dentry *mountpoint;
	struct mount *mnt;

	mountpoint = lock_mount(m, path);
	if (IS_ERR(mountpoint))
		return PTR_ERR(mountpoint);
	if (!capable(m))
		return -EPERM;
	mnt = new_mount(m, options);
	if (IS_ERR(mnt))
		return PTR_ERR(mnt);
	attach_mnt(mnt, mountpoint);
	return 0;
}

int sys_mount(struct machine *m, const char *path, const char *options)
{
	SYSCALL(m, do_mount(m, path, options));
}

/* The mount whose root is at @path. */
static struct mount *find_mount(struct machine *m, const char *path)
{
	struct dentry *dentry = filename_lookup(m, path);

	if (IS_ERR(dentry))
		return (struct mount *)dentry;
	return dentry->d_mnt && dentry == dentry->d_mnt->mnt_root ? dentry->d_mnt :
								     ERR_PTR(-EINVAL);
}

/* shmem_reconfigure(), which leaves the mode alone */
static int do_remount(struct machine *m, const char *path, const char *options)
{
	struct mount *mnt = find_mount(m, path);
	struct shmem_options ctx;
	int err;

	if (IS_ERR(mnt))
		return PTR_ERR(mnt);
	if (!capable(m))
		return -EPERM;
	err = shmem_parse_options(m, &ctx, options);
	if (err)
		return err;
	if (ctx.seen_blocks && ctx.blocks &&
	    (!mnt->mnt_sb.max_blocks || mnt->mnt_sb.used_blocks > ctx.blocks))
		return -EINVAL;
	if (ctx.features & ~(u32)TMPFS_MPOL & ~mnt->features)
		return -EINVAL;
	if (ctx.seen_blocks)
		mnt->mnt_sb.max_blocks = ctx.blocks;
	mnt->features |= ctx.features & TMPFS_MPOL;
	return 0;
}

int sys_remount(struct machine *m, const char *path, const char *options)
{
	SYSCALL(m, do_remount(m, path, options));
}

/* One that is mounted in @parent, or with NULL in what is there from boot on; or NULL. */
static struct mount *first_child(struct machine *m, const struct mount *parent)
{
	struct mount *mnt;

	list_for_each_entry(mnt, &m->k->fs.mounts, mnt_list)
		if (mnt->mnt_mountpoint && mnt->mnt_mountpoint->d_mnt == parent)
			return mnt;
	return NULL;
}

/* With all that is mounted in it. */
static void umount_tree(struct machine *m, struct mount *mnt)
{
	struct mount *child;

	while ((child = first_child(m, mnt)))
		umount_tree(m, child);
	detach_mnt(m, mnt);
	mntput(m, mnt);
}

static int do_umount(struct machine *m, const char *path, bool detach)
{
	struct mount *mnt = find_mount(m, path);

	if (IS_ERR(mnt))
		return PTR_ERR(mnt);
	if (!capable(m))
		return -EPERM;
	if (!detach && mnt->mnt_count > 1)
		return -EBUSY;
	umount_tree(m, mnt);
	return 0;
}

int sys_umount(struct machine *m, const char *path, bool detach)
{
	SYSCALL(m, do_umount(m, path, detach));
}

static void free_mnt_ns(struct machine *m, struct mount *mnt)
{
	kfree(m, mnt->mnt_ns, MNT_NS_SIZE);
	mnt->mnt_ns = NULL;
}

void dissolve_on_fput(struct machine *m, struct mount *mnt)
{
	if (!mnt->mnt_ns)
		return;
	free_mnt_ns(m, mnt);
	mntput(m, mnt);
}

struct file *vfs_open_detached_mount(struct machine *m, struct mount *mnt)
{
	struct file *file;

	mnt->mnt_ns = kzalloc(m, MNT_NS_SIZE);
	if (!mnt->mnt_ns) {
		mntput(m, mnt);
		return ERR_PTR(-ENOMEM);
	}
	file = dentry_open(m, mnt->mnt_root, O_PATH);
	if (IS_ERR(file))
		dissolve_on_fput(m, mnt);
	else
		file->f_mode |= FMODE_NEED_UNMOUNT;
	return file;
}

static int do_fsmount(struct machine *m, const char *options)
{
	struct mount *mnt = capable(m) ? new_mount(m, options) : ERR_PTR(-EPERM);
	int fd = IS_ERR(mnt) ? PTR_ERR(mnt) : get_unused_fd_flags(m, O_CLOEXEC);

	if (!IS_ERR(mnt) && fd < 0)
		mntput(m, mnt);
	return fd < 0 ? fd : fd_add(m, fd, vfs_open_detached_mount(m, mnt));
}

int sys_fsmount(struct machine *m, const char *options)
{
	SYSCALL(m, do_fsmount(m, options));
}

static int do_move_mount(struct machine *m, int fd, const char *path)
{
	struct file *file = fdget_raw(m, fd);
	struct dentry *mountpoint, *at;
	struct mount *mnt;

	if (!capable(m))
		return -EPERM;
	mountpoint = lock_mount(m, path);
	if (IS_ERR(mountpoint))
		return PTR_ERR(mountpoint);
	if (!file)
		return -EBADF;
	mnt = file->f_dentry->d_mnt;
	/* The root of a mount that is in a namespace. */
	if (!mnt || file->f_dentry != mnt->mnt_root || (!mnt->mnt_ns && !mnt->mnt_mountpoint))
		return -EINVAL;
	for (at = mountpoint; at && at->d_mnt; at = at->d_mnt->mnt_mountpoint)
		if (at->d_mnt == mnt)
			return -ELOOP;
	if (mnt->mnt_mountpoint)
		detach_mnt(m, mnt);
	else
		free_mnt_ns(m, mnt);
	attach_mnt(mnt, mountpoint);
	return 0;
}

int sys_move_mount(struct machine *m, int fd, const char *path)
{
	SYSCALL(m, do_move_mount(m, fd, path));
}

/* For the judge and for searches. */

void namespace_exit(struct machine *m)
{
	struct mount *mnt;

	while ((mnt = first_child(m, NULL)))
		umount_tree(m, mnt);
	d_genocide(m, m->k->fs.root);
}

u64 name_hash(const char *name)
{
	return XXH3_64bits(name, strlen(name));
}

static void walk_names(struct machine_walk *w, const struct dentry *dir)
{
	const struct dentry *child;

	list_for_each_entry(child, &dir->d_children, d_child) {
		walk_put(w, name_hash(child->d_name));
		walk_inode(w, child->d_inode);
		walk_names(w, child);
	}
}

void namespace_walk(struct machine_walk *w, const struct machine *m)
{
	const struct mount *mnt;
	char path[256];

	walk_names(w, m->k->fs.root);
	list_for_each_entry(mnt, &m->k->fs.mounts, mnt_list) {
		d_path(m, mnt->mnt_root, path, sizeof(path));
		walk_put(w, name_hash(path));
		walk_put(w, mnt->mnt_count | (u64)!!mnt->mnt_ns << 16 |
			 (u64)!!mnt->mnt_mountpoint << 17 | (u64)mnt->features << 18 |
			 (u64)mnt->mode << 32);
		walk_put(w, mnt->mnt_sb.max_blocks << 32 | mnt->mnt_sb.used_blocks);
		walk_inode(w, mnt->mnt_root->d_inode);
		walk_names(w, mnt->mnt_root);
	}
}
