/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files of every kind that a process may have next to memfds: those of tmpfs
 * mounts, which live update takes when they have no name, and pipes, devices and
 * event files, which it refuses.
 */
#include "lib/uapi.h"

#include <stdio.h>

#include "machine/machine.h"
#include "search/walk.h"

/* The process is alone: nobody would wake it, so that no read or write sleeps. */
static s64 read_nothing(struct machine *m, struct file *file, void *buf, u64 len, s64 *pos)
{
	(void)m;
	(void)file;
	(void)buf;
	(void)pos;
	return len ? -EAGAIN : 0;
}

static s64 write_null(struct machine *m, struct file *file, const void *buf, u64 len, s64 *pos)
{
	(void)m;
	(void)file;
	(void)buf;
	(void)pos;
	return len;
}

static s64 read_null(struct machine *m, struct file *file, void *buf, u64 len, s64 *pos)
{
	(void)m;
	(void)file;
	(void)buf;
	(void)len;
	(void)pos;
	return 0;
}

static s64 null_lseek(struct machine *m, struct file *file, s64 offset, int whence)
{
	(void)m;
	(void)offset;
	(void)whence;
	return file->f_pos = 0;
}

static s64 noop_llseek(struct machine *m, struct file *file, s64 offset, int whence)
{
	(void)m;
	(void)offset;
	(void)whence;
	return file->f_pos;
}

static s64 read_dir(struct machine *m, struct file *file, void *buf, u64 len, s64 *pos)
{
	(void)m;
	(void)file;
	(void)buf;
	(void)len;
	(void)pos;
	return -EISDIR;
}

static s64 dir_lseek(struct machine *m, struct file *file, s64 offset, int whence)
{
	(void)m;
	return generic_file_llseek(file, offset, whence);
}

#define EVENTFD_LOCK	"eventfd_ctx.wqh.lock"
#define EFD_SEMAPHORE	1u

/* fs/eventfd.c. */
struct eventfd_ctx {
	u64 count;
	u32 flags;
};

static int eventfd_release(struct machine *m, struct file *file)
{
	kfree(m, file->private_data, sizeof(struct eventfd_ctx));
	return 0;
}

static s64 eventfd_read(struct machine *m, struct file *file, void *buf, u64 len, s64 *pos)
{
	struct eventfd_ctx *ctx = file->private_data;
	u64 count;

	(void)pos;
	if (len < sizeof(count))
		return -EINVAL;
	task_yield(m, YIELD_SPIN_LOCK, EVENTFD_LOCK);
	if (!ctx->count)
		return -EAGAIN;
	count = ctx->flags & EFD_SEMAPHORE ? 1 : ctx->count;
	ctx->count -= count;
	task_yield(m, YIELD_COPY_TO_USER, NULL);
	memcpy(buf, &count, sizeof(count));
	return sizeof(count);
}

static s64 eventfd_write(struct machine *m, struct file *file, const void *buf, u64 len,
			 s64 *pos)
{
	struct eventfd_ctx *ctx = file->private_data;
	u64 add;

	(void)pos;
	if (len < sizeof(add))
		return -EINVAL;
	task_yield(m, YIELD_COPY_FROM_USER, NULL);
	memcpy(&add, buf, sizeof(add));
	if (add == UINT64_MAX)
		return -EINVAL;
	task_yield(m, YIELD_SPIN_LOCK, EVENTFD_LOCK);
	if (UINT64_MAX - ctx->count <= add)
		return -EAGAIN;
	ctx->count += add;
	return sizeof(add);
}

static u64 eventfd_state(struct machine *m, struct file *file)
{
	(void)m;
	return ((const struct eventfd_ctx *)file->private_data)->count;
}

static void eventfd_walk(struct machine_walk *w, struct machine *m, struct file *file)
{
	const struct eventfd_ctx *ctx = file->private_data;

	(void)m;
	walk_put(w, ctx->count);
	walk_put(w, ctx->flags);
}

static const struct file_operations console_fops = {
	.name = "console", .read = read_nothing, .write = write_null,
};
static const struct file_operations pipe_fops = {
	.name = "pipe", .read = read_nothing,
};
static const struct file_operations null_fops = {
	.name = "null", .read = read_null, .write = write_null, .llseek = null_lseek,
};
static const struct file_operations eventfd_fops = {
	.name = "eventfd", .read = eventfd_read, .write = eventfd_write, .llseek = noop_llseek,
	.release = eventfd_release, .state = eventfd_state, .walk = eventfd_walk,
};
static const struct file_operations eventpoll_fops = {
	.name = "eventpoll", .llseek = noop_llseek,
};

/* Of a mounted tmpfs: how many pages it may have. */
static u64 dir_state(struct machine *m, struct file *file)
{
	const struct mount *mnt = file->f_dentry->d_mnt;

	(void)m;
	return mnt ? mnt->mnt_sb.max_blocks : 0;
}

const struct file_operations dir_fops = {
	.name = "dir", .read = read_dir, .llseek = dir_lseek, .fsync = noop_fsync,
	.state = dir_state,
};

/* Nodes that are there from boot on. */

static struct dentry *mknod_at_boot(struct machine *m, enum fs_type fs, u32 mode, const char *path,
				    const struct file_operations *fops)
{
	struct inode *inode = new_inode(m, fs, mode, S_ISDIR(mode) ? 2 : 1);

	if (!inode)
		return NULL;
	inode->i_fop = fops;
	return d_alloc(m, inode, path);
}

struct dentry *devtmpfs_create_node(struct machine *m, u32 perm, const char *path,
				    const struct file_operations *fops)
{
	return mknod_at_boot(m, FS_DEV, S_IFCHR | perm, path, fops);
}

int open_special_nodes(struct machine *m)
{
	struct fs_struct *fs = &m->k->fs;

	fs->anon_inode = new_inode(m, FS_ANON_INODE, S_IRUSR | S_IWUSR, 1);
	fs->console = devtmpfs_create_node(m, 0600, "/dev/console", &console_fops);
	fs->null = devtmpfs_create_node(m, 0666, "/dev/null", &null_fops);
	fs->liveupdate = devtmpfs_create_node(m, 0600, "/dev/liveupdate",
					      m->k->boot.release.tree ? &tree_device_fops :
									&luo_fops);
	fs->root = mknod_at_boot(m, FS_ROOTFS, S_IFDIR | 0755, "/", &dir_fops);
	if (!fs->anon_inode || !fs->console || !fs->null || !fs->liveupdate || !fs->root)
		return -ENOMEM;
	return 0;
}

/* Open by path a new file of a tmpfs, which keeps its name if @nlink is 1. */
static struct file *tmpfs_create(struct machine *m, enum fs_type fs, const char *path, u32 nlink,
				 u32 flags)
{
	struct inode *inode = shmem_get_inode(m, &m->k->fs.sb[fs], S_IFREG | 0600, nlink);
	struct dentry *dentry;
	struct file *file;
	char tmpname[40];

	if (!inode)
		return ERR_PTR(-ENOSPC);
	if (!path) {
		snprintf(tmpname, sizeof(tmpname), "/tmp/#%llu (deleted)",
			 (unsigned long long)inode->i_ino);
		path = tmpname;
	}
	dentry = d_alloc(m, inode, path);
	if (!dentry) {
		iput(m, inode);
		return ERR_PTR(-ENOMEM);
	}
	file = dentry_open(m, dentry, flags);
	dput(m, dentry);
	return file;
}

static struct file *pipe_create(struct machine *m)
{
	struct inode *inode = new_inode(m, FS_PIPE, S_IFIFO | 0600, 1);
	struct file *file;
	char name[40];

	if (!inode)
		return ERR_PTR(-ENFILE);
	inode->i_fop = &pipe_fops;
	snprintf(name, sizeof(name), "pipe:[%llu]", (unsigned long long)inode->i_ino);
	file = alloc_file(m, inode, name, O_RDONLY, &pipe_fops);
	if (IS_ERR(file))
		iput(m, inode);
	return file;
}

static struct eventfd_ctx *eventfd_ctx_alloc(struct machine *m, unsigned int count, u32 flags)
{
	struct eventfd_ctx *ctx = kzalloc(m, sizeof(*ctx));

	if (ctx)
		*ctx = (struct eventfd_ctx){ .count = count, .flags = flags };
	return ctx;
}

/* The file takes over @ctx, which is freed if the file cannot be made. */
static struct file *eventfd_getfile(struct machine *m, struct eventfd_ctx *ctx)
{
	struct file *file = ERR_PTR(-ENOMEM);

	if (ctx)
		file = anon_inode_getfile(m, "[eventfd]", &eventfd_fops, ctx,
					  (ctx->flags & O_NONBLOCK) | O_RDWR);
	if (ctx && IS_ERR(file))
		kfree(m, ctx, sizeof(*ctx));
	return file;
}

int do_eventfd(struct machine *m, unsigned int count, u32 flags)
{
	struct eventfd_ctx *ctx;
	struct file *file;
	int fd;

	if (flags & ~(u32)(O_CLOEXEC | O_NONBLOCK | EFD_SEMAPHORE))
		return -EINVAL;
	ctx = eventfd_ctx_alloc(m, count, flags);
	if (!ctx)
		return -ENOMEM;
	fd = get_unused_fd_flags(m, flags & O_CLOEXEC);
	if (fd < 0) {
		kfree(m, ctx, sizeof(*ctx));
		return fd;
	}
	file = eventfd_getfile(m, ctx);
	if (IS_ERR(file)) {
		put_unused_fd(m, fd);
		return PTR_ERR(file);
	}
	fd_install(m, fd, file);
	return fd;
}

int eventfd_luo_get_state(struct machine *m, const struct file *file, u64 *count, u32 *flags)
{
	const struct eventfd_ctx *ctx = file->private_data;

	if (file->f_op != &eventfd_fops)
		return -EINVAL;
	task_yield(m, YIELD_SPIN_LOCK, EVENTFD_LOCK);
	*count = ctx->count;
	*flags = ctx->flags;
	return 0;
}

/* The file of a page of shared anonymous memory that was written to. */
static struct file *devzero_shared(struct machine *m)
{
	struct file *file = shmem_file_setup(m, "/dev/zero (deleted)", PAGE_SIZE);
	int err;

	if (IS_ERR(file))
		return file;
	file->f_flags |= KERNEL_O_LARGEFILE;
	file->f_mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE;
	err = shmem_poke(m, file_inode(file), 'z');
	if (err) {
		fput(m, file);
		return ERR_PTR(err);
	}
	return file;
}

struct file *open_kind(struct machine *m, enum file_kind kind)
{
	struct fs_struct *fs = &m->k->fs;
	u32 rdwr = O_RDWR | KERNEL_O_LARGEFILE;

	switch (kind) {
	case FILE_REGULAR:
		return tmpfs_create(m, FS_TMP, "/tmp/file", 1, rdwr);
	case FILE_REGULAR_UNLINKED:
		return tmpfs_create(m, FS_TMP, "/tmp/unlinked (deleted)", 0, rdwr);
	case FILE_ROOTFS:
		return tmpfs_create(m, FS_ROOTFS, "/rootfile", 1, rdwr);
	case FILE_ROOTFS_UNLINKED:
		return tmpfs_create(m, FS_ROOTFS, "/rootfile2 (deleted)", 0, rdwr);
	case FILE_TMPFILE:
		return tmpfs_create(m, FS_TMP, NULL, 0, rdwr | O_TMPFILE);
	case FILE_SHM:
		return tmpfs_create(m, FS_DEV_SHM, "/dev/shm/x (deleted)", 0, rdwr);
	case FILE_OPATH:
		return tmpfs_create(m, FS_TMP, "/tmp/file", 1, O_PATH);
	case FILE_PIPE:
		return pipe_create(m);
	case FILE_DEVNULL:
		return dentry_open(m, fs->null, rdwr);
	case FILE_DEVZERO_SHARED:
		return devzero_shared(m);
	case FILE_EVENTFD:
		return eventfd_getfile(m, eventfd_ctx_alloc(m, 0, 0));
	case FILE_EPOLL:
		return anon_inode_getfile(m, "[eventpoll]", &eventpoll_fops, NULL, O_RDWR);
	case FILE_DIR:
		return dentry_open(m, fs->root, O_RDONLY | O_DIRECTORY | KERNEL_O_LARGEFILE);
	case FILE_MEMFD:
		return memfd_alloc_file(m, "", MFD_ALLOW_SEALING);
	case FILE_OWN:
	case NR_SCRIPT_KINDS:
		break;
	}
	return ERR_PTR(-EINVAL);
}

/* Where the files of each kind are, and how they are used. */
static const struct {
	const struct file_operations *fops;
	enum fs_type fs;
	u32 nlink;
} kinds[NR_FILE_KINDS] = {
	[FILE_REGULAR] = { &shmem_file_operations, FS_TMP, 1 },
	[FILE_REGULAR_UNLINKED] = { &shmem_file_operations, FS_TMP, 0 },
	[FILE_ROOTFS] = { &shmem_file_operations, FS_ROOTFS, 1 },
	[FILE_ROOTFS_UNLINKED] = { &shmem_file_operations, FS_ROOTFS, 0 },
	[FILE_TMPFILE] = { &shmem_file_operations, FS_TMP, 0 },
	[FILE_SHM] = { &shmem_file_operations, FS_DEV_SHM, 0 },
	[FILE_PIPE] = { &pipe_fops, FS_PIPE, 1 },
	[FILE_DEVNULL] = { &null_fops, FS_DEV, 1 },
	[FILE_DEVZERO_SHARED] = { &shmem_file_operations, FS_SHM, 0 },
	[FILE_EVENTFD] = { &eventfd_fops, FS_ANON_INODE, 1 },
	[FILE_EPOLL] = { &eventpoll_fops, FS_ANON_INODE, 1 },
	[FILE_DIR] = { &dir_fops, FS_ROOTFS, 2 },
	[FILE_OPATH] = { NULL, FS_TMP, 1 },
};

bool file_is_kind(struct machine *m, const struct file *file, enum file_kind kind)
{
	const struct inode *inode = file_inode(file);

	if (kind == FILE_MEMFD)
		return inode->is_shmem && inode->i_sb == &m->k->fs.sb[FS_SHM];
	return kind < NR_FILE_KINDS && file->f_op == kinds[kind].fops &&
	       inode->i_sb == &m->k->fs.sb[kinds[kind].fs] &&
	       inode->i_nlink == kinds[kind].nlink;
}

u64 kind_state(const struct file *file)
{
	const struct eventfd_ctx *ctx = file->private_data;

	return file->f_op == &eventfd_fops ? ctx->count : (u64)file->f_pos;
}

void kind_set_state(struct file *file, u64 state)
{
	struct eventfd_ctx *ctx = file->private_data;

	if (file->f_op == &eventfd_fops)
		ctx->count = state;
	else
		file->f_pos = state;
}

static const char *const kind_names[NR_SCRIPT_KINDS] = {
	[FILE_REGULAR] = "regular",
	[FILE_REGULAR_UNLINKED] = "regular_unlinked",
	[FILE_ROOTFS] = "rootfs",
	[FILE_ROOTFS_UNLINKED] = "rootfs_unlinked",
	[FILE_TMPFILE] = "tmpfile",
	[FILE_SHM] = "shm",
	[FILE_PIPE] = "pipe",
	[FILE_DEVNULL] = "devnull",
	[FILE_DEVZERO_SHARED] = "devzero_shared",
	[FILE_EVENTFD] = "eventfd",
	[FILE_EPOLL] = "epoll",
	[FILE_DIR] = "dir",
	[FILE_OPATH] = "opath",
	[FILE_MEMFD] = "memfd",
	[FILE_OWN] = "own",
};

const char *file_kind_name(enum file_kind kind)
{
	return kind_names[kind];
}

int file_kind_find(const char *name)
{
	for (int i = 0; i < NR_FILE_KINDS; i++)
		if (!strcmp(kind_names[i], name))
			return i;
	return -ENOENT;
}
