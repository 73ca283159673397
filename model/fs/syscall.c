/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The system calls on files: checks of arguments and descriptors in the order
 * of fs/open.c, fs/read_write.c, fs/fcntl.c, fs/stat.c and fs/ioctl.c.
 */
#include "lib/uapi.h"

#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "machine/machine.h"

#define MAX_RW_COUNT	((u64)INT32_MAX & PAGE_MASK)
#define SETFL_MASK	((u32)(O_APPEND | O_NONBLOCK | O_NOATIME))
#define PROC_FD		"/proc/self/fd/"

void exit_to_user_mode_loop(struct machine *m)
{
	KCALL(m);

	task_work_run(m);
}

/* Descriptors. */

int fd_add(struct machine *m, int fd, struct file *file)
{
	if (IS_ERR(file)) {
		put_unused_fd(m, fd);
		return PTR_ERR(file);
	}
	fd_install(m, fd, file);
	return fd;
}

static struct file *do_filp_open(struct machine *m, const char *path, u32 flags)
{
	const u64 len = strlen(PROC_FD);
	struct dentry *node;
	struct file *file;

	if (!strcmp(path, "/dev/liveupdate") && liveupdate_enabled(m))
		return do_open(m, m->k->fs.liveupdate, flags);
	node = plugin_lookup(m, path);
	if (node)
		return do_open(m, node, flags);
	if (strncmp(path, PROC_FD, len))
		return path_openat(m, NULL, path, flags, 0666);
	file = fdget_raw(m, atoi(path + len));
	return file ? do_open(m, file->f_dentry, flags) : ERR_PTR(-ENOENT);
}

static int do_sys_open(struct machine *m, const char *path, u32 flags)
{
	KCALL_NAMED(m, "__x64_sys_openat");
	u32 f_flags = (flags & ~(u32)O_CLOEXEC) | (flags & O_PATH ? 0 : KERNEL_O_LARGEFILE);
	/* getname() */
	u64 size = strlen(path) + 1;
	char *name = kzalloc(m, size);
	int fd;

	if (!name)
		return -ENOMEM;
	task_yield(m, YIELD_COPY_FROM_USER, NULL);
	fd = get_unused_fd_flags(m, flags);
	if (fd >= 0)
		fd = fd_add(m, fd, do_filp_open(m, path, f_flags));
	kfree(m, name, size);
	return fd;
}

int sys_open(struct machine *m, const char *path, int flags)
{
	SYSCALL(m, do_sys_open(m, path, flags));
}

static int do_open_kind(struct machine *m, enum file_kind kind)
{
	int fd = get_unused_fd_flags(m, 0);

	return fd < 0 ? fd : fd_add(m, fd, open_kind(m, kind));
}

int install_file(struct machine *m, struct file *file)
{
	int fd;

	if (IS_ERR(file))
		return PTR_ERR(file);
	fd = get_unused_fd_flags(m, O_CLOEXEC);
	if (fd < 0)
		fput(m, file);
	else
		fd_install(m, fd, file);
	return fd;
}

int sys_open_kind(struct machine *m, enum file_kind kind)
{
	SYSCALL(m, do_open_kind(m, kind));
}

static int do_close(struct machine *m, int fd)
{
	KCALL_NAMED(m, "__x64_sys_close");

	return file_close_fd(m, fd);
}

int sys_close(struct machine *m, int fd)
{
	SYSCALL(m, do_close(m, fd));
}

static int do_dup(struct machine *m, int fd, u32 flags)
{
	struct file *file = fdget_raw(m, fd);
	int new;

	if (!file)
		return -EBADF;
	new = get_unused_fd_flags(m, flags);
	if (new >= 0)
		fd_install(m, new, get_file(file));
	return new;
}

int sys_dup(struct machine *m, int fd)
{
	SYSCALL(m, do_dup(m, fd, 0));
}

static int setfl(struct file *file, u32 flags)
{
	if (flags & O_DIRECT)
		return -EINVAL;
	file->f_flags = (flags & SETFL_MASK) | (file->f_flags & ~SETFL_MASK);
	return 0;
}

static int do_fcntl(struct machine *m, int fd, int cmd, unsigned long arg)
{
	struct file *file = fdget_raw(m, fd);

	if (!file)
		return -EBADF;
	switch (cmd) {
	case F_GETFD:
		return get_close_on_exec(m, fd) ? FD_CLOEXEC : 0;
	case F_SETFD:
		set_close_on_exec(m, fd, arg & FD_CLOEXEC);
		return 0;
	case F_GETFL:
		return file->f_flags;
	}
	if (file->f_mode & FMODE_PATH)
		return -EBADF;
	switch (cmd) {
	case F_SETFL:
		return setfl(file, arg);
	case F_ADD_SEALS:
		return memfd_add_seals(m, file, arg);
	case F_GET_SEALS:
		return memfd_get_seals(m, file);
	}
	return -EINVAL;
}

int sys_fcntl(struct machine *m, int fd, int cmd, unsigned long arg)
{
	SYSCALL(m, do_fcntl(m, fd, cmd, arg));
}

static s64 vfs_llseek(struct machine *m, struct file *file, s64 offset, int whence)
{
	if (whence < 0 || whence > SEEK_HOLE)
		return -EINVAL;
	if (!(file->f_mode & FMODE_LSEEK))
		return -ESPIPE;
	return file->f_op->llseek(m, file, offset, whence);
}

static s64 do_lseek(struct machine *m, int fd, s64 offset, int whence)
{
	bool locked;
	struct file *file = fdget_pos(m, fd, &locked);
	s64 ret;

	if (!file)
		return -EBADF;
	ret = vfs_llseek(m, file, offset, whence);
	fdput_pos(m, file, locked);
	return ret;
}

int64_t sys_lseek(struct machine *m, int fd, int64_t pos, int whence)
{
	SYSCALL(m, do_lseek(m, fd, pos, whence));
}

/* fstat(2) */
static int vfs_fstat(struct machine *m, int fd, struct luosim_stat *st)
{
	struct file *file = fdget_raw(m, fd);
	struct inode *inode;

	if (!file)
		return -EBADF;
	inode = file_inode(file);
	if (inode->is_shmem)
		shmem_recalc_inode(m, inode, 0);
	*st = (struct luosim_stat){
		.size = i_size_read(inode),
		.blocks = inode->i_blocks,
		.mode = inode->i_mode & 07777,
		.nlink = inode->i_nlink,
		.dev = sb_dev(m, inode->i_sb),
		.ino = inode->i_ino,
	};
	return 0;
}

/* The call before is over, and another one begins. */
static void next_call(struct machine *m)
{
	fdput_all(m);
	task_syscall(m);
}

/* Several calls, which others may come between: each looks the descriptor up again. */
static int do_fstat(struct machine *m, int fd, struct luosim_stat *st)
{
	struct file *file;
	int err = vfs_fstat(m, fd, st);

	if (err)
		return err;
	next_call(m);
	st->pos = do_lseek(m, fd, 0, SEEK_CUR);
	next_call(m);
	st->seals = do_fcntl(m, fd, F_GET_SEALS, 0);
	next_call(m);
	st->flags = do_fcntl(m, fd, F_GETFL, 0);
	next_call(m);
	st->cloexec = do_fcntl(m, fd, F_GETFD, 0) > 0;
	next_call(m);
	/* readlink(2) of /proc/self/fd */
	file = fdget_raw(m, fd);
	if (file)
		d_path(m, file->f_dentry, st->link, sizeof(st->link));
	return 0;
}

int sys_fstat(struct machine *m, int fd, struct luosim_stat *st)
{
	SYSCALL(m, do_fstat(m, fd, st));
}

/* Of the file systems here; that of sessions was posted and not merged. */
static const u32 fs_magic[NR_FS] = {
	[FS_SHM] = 0x01021994,
	[FS_ROOTFS] = 0x01021994,
	[FS_TMP] = 0x01021994,
	[FS_DEV_SHM] = 0x01021994,
	[FS_DEV] = 0x01021994,
	[FS_PIPE] = 0x50495045,
	[FS_ANON_INODE] = 0x09041934,
	[FS_HUGETLB] = 0x958458f6,
	[FS_LUO_SESSION] = 0x4c554f53,
};

static s64 do_fstatfs(struct machine *m, int fd)
{
	struct file *file = fdget_raw(m, fd);

	if (!file)
		return -EBADF;
	if (file_inode(file)->magic)
		return file_inode(file)->magic;
	return fs_magic[file_inode(file)->i_sb->s_mount ? FS_TMP :
			sb_dev(m, file_inode(file)->i_sb)];
}

s64 sys_fstatfs(struct machine *m, int fd)
{
	SYSCALL(m, do_fstatfs(m, fd));
}

static int do_kcmp_file(struct machine *m, int fd1, int fd2)
{
	struct file *file1 = fdget_raw(m, fd1), *file2 = fdget_raw(m, fd2);

	return file1 && file2 ? file1 == file2 : -EBADF;
}

int sys_kcmp_file(struct machine *m, int fd1, int fd2)
{
	SYSCALL(m, do_kcmp_file(m, fd1, fd2));
}

int sys_setrlimit_nofile(struct machine *m, uint64_t nofile)
{
	SYSCALL(m, setrlimit_nofile(m, nofile));
}

/* Contents. */

int sys_eventfd2(struct machine *m, unsigned int count, int flags)
{
	SYSCALL(m, do_eventfd(m, count, flags));
}

int sys_memfd_create(struct machine *m, const char *name, unsigned int flags)
{
	SYSCALL(m, do_memfd_create(m, name, flags));
}

/* What read and write have in common. */
struct rw {
	struct file *file;
	s64 pos;
	bool at_f_pos;			/* no offset was given: at the file's position */
	bool locked;
};

/* The file to read or write, and where; a negative errno if it cannot do that there. */
static int rw_begin(struct machine *m, struct rw *rw, int fd, s64 pos, u32 direction)
{
	u32 positional = direction == FMODE_READ ? FMODE_PREAD : FMODE_PWRITE;

	*rw = (struct rw){ .pos = pos, .at_f_pos = pos < 0 };
	rw->file = rw->at_f_pos ? fdget_pos(m, fd, &rw->locked) : fdget(m, fd);
	if (!rw->file)
		return -EBADF;
	if (!rw->at_f_pos)
		return rw->file->f_mode & positional ? 0 : -ESPIPE;
	rw->pos = rw->file->f_pos;
	if (!rw->locked)
		task_yield(m, YIELD_F_POS, NULL);
	return 0;
}

/* Whatever others made of the position meanwhile, if it has no lock. */
static s64 rw_end(struct machine *m, const struct rw *rw, s64 ret)
{
	if (ret >= 0 && rw->at_f_pos)
		rw->file->f_pos = rw->pos;
	if (rw->file)
		fdput_pos(m, rw->file, rw->locked);
	return ret;
}

/* A count that is negative, or leads beyond the last offset, is refused. */
static bool rw_verify_area(s64 pos, u64 len)
{
	return len <= INT64_MAX && len <= (u64)(INT64_MAX - pos);
}

static s64 vfs_read(struct machine *m, struct rw *rw, void *buf, u64 len)
{
	struct file *file = rw->file;
	s64 ret;

	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	if (!file->f_op->read || !rw_verify_area(rw->pos, len))
		return -EINVAL;
	ret = file->f_op->read(m, file, buf, min(len, MAX_RW_COUNT), &rw->pos);
	if (ret > 0)
		user_buffer_unmap(m, user_buffer_map(m, buf, ret));
	return ret;
}

static s64 do_pread(struct machine *m, int fd, void *buf, u64 len, s64 pos)
{
	struct rw rw;
	int err = rw_begin(m, &rw, fd, pos, FMODE_READ);

	return rw_end(m, &rw, err ? err : vfs_read(m, &rw, buf, len));
}

int64_t sys_pread(struct machine *m, int fd, void *buf, size_t len, int64_t pos)
{
	SYSCALL(m, do_pread(m, fd, buf, len, pos));
}

static s64 vfs_write(struct machine *m, struct rw *rw, const void *buf, u64 len)
{
	struct file *file = rw->file;
	u64 pages;
	s64 ret;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	if (!file->f_op->write || !rw_verify_area(rw->pos, len))
		return -EINVAL;
	len = min(len, MAX_RW_COUNT);
	pages = user_buffer_map(m, buf, len);
	ret = file->f_op->write(m, file, buf, len, &rw->pos);
	user_buffer_unmap(m, pages);
	return ret;
}

static s64 do_pwrite(struct machine *m, int fd, const void *buf, u64 len, s64 pos)
{
	struct rw rw;
	int err = rw_begin(m, &rw, fd, pos, FMODE_WRITE);

	return rw_end(m, &rw, err ? err : vfs_write(m, &rw, buf, len));
}

int64_t sys_pwrite(struct machine *m, int fd, const void *buf, size_t len, int64_t pos)
{
	SYSCALL(m, do_pwrite(m, fd, buf, len, pos));
}

static int do_ftruncate(struct machine *m, int fd, s64 size)
{
	struct file *file = fdget(m, fd);
	struct inode *inode;
	int err;

	if (size < 0)
		return -EINVAL;
	if (!file)
		return -EBADF;
	inode = file_inode(file);
	if (!S_ISREG(inode->i_mode) || !(file->f_mode & FMODE_WRITE))
		return -EINVAL;
	if (inode->has_pages)
		return -EINVAL;
	inode_lock(m, inode);
	if (inode->is_hugetlb)
		err = hugetlbfs_setattr_size(m, inode, size);
	else
		err = shmem_setattr_size(m, inode, size);
	inode_unlock(m, inode);
	return err;
}

int sys_ftruncate(struct machine *m, int fd, int64_t size)
{
	SYSCALL(m, do_ftruncate(m, fd, size));
}

static int vfs_fallocate(struct machine *m, struct file *file, int mode, s64 off, s64 len)
{
	u32 type = file_inode(file)->i_mode;
	s64 sum;

	if (off < 0 || len <= 0)
		return -EINVAL;
	if (mode & FALLOC_FL_PUNCH_HOLE && !(mode & FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	if (S_ISFIFO(type))
		return -ESPIPE;
	if (S_ISDIR(type))
		return -EISDIR;
	if (!S_ISREG(type))
		return -ENODEV;
	if (__builtin_add_overflow(off, len, &sum))
		return -EFBIG;
	return file->f_op->fallocate(m, file, mode, off, len);
}

static int do_fallocate(struct machine *m, int fd, int mode, s64 off, s64 len)
{
	struct file *file = fdget(m, fd);

	return file ? vfs_fallocate(m, file, mode, off, len) : -EBADF;
}

int sys_fallocate(struct machine *m, int fd, int mode, int64_t off, int64_t len)
{
	SYSCALL(m, do_fallocate(m, fd, mode, off, len));
}

/* A page of shared memory is first read in, as a mapping of it would. */
static int do_hwpoison(struct machine *m, int fd, s64 off)
{
	struct file *file = fdget(m, fd);
	struct folio *folio;
	struct inode *inode;

	if (!file)
		return -EBADF;
	inode = file_inode(file);
	if (off & (PAGE_SIZE - 1))
		return -EINVAL;
	if (!inode->is_shmem && !inode->has_pages)
		return -ENODEV;
	folio = filemap_get_folio(m, &inode->i_mapping, off >> PAGE_SHIFT);
	if (!folio && inode->is_shmem)
		folio = shmem_read_folio(m, inode, off >> PAGE_SHIFT);
	if (!folio || IS_ERR(folio))
		return -EFAULT;
	/* It is not mapped any more, and not again. */
	if (folio_test_hwpoison(folio))
		return -EFAULT;
	return memory_failure(m, folio_pfn(m, folio));
}

int sys_hwpoison(struct machine *m, int fd, int64_t off)
{
	SYSCALL(m, do_hwpoison(m, fd, off));
}

static int do_fsync(struct machine *m, int fd)
{
	struct file *file = fdget(m, fd);

	if (!file)
		return -EBADF;
	return file->f_op->fsync ? file->f_op->fsync(m, file) : -EINVAL;
}

int sys_fsync(struct machine *m, int fd)
{
	SYSCALL(m, do_fsync(m, fd));
}

void sys_shmem_enabled(struct machine *m, bool always)
{
	if (!m->panicked)
		m->k->fs.sb[FS_SHM].huge = always;
}

/* ioctl */

/* What all files answer, or -ENOIOCTLCMD. */
static int do_vfs_ioctl(struct machine *m, struct file *file, int fd, unsigned int cmd,
			struct uptr arg)
{
	int on, block_size = PAGE_SIZE;

	switch (cmd) {
	case FIOCLEX:
	case FIONCLEX:
		set_close_on_exec(m, fd, cmd == FIOCLEX);
		return 0;
	case FIONBIO:
		if (!arg.mem || arg.size < sizeof(on))
			return -EFAULT;
		memcpy(&on, arg.mem, sizeof(on));
		file->f_flags = on ? file->f_flags | O_NONBLOCK : file->f_flags & ~O_NONBLOCK;
		return 0;
	case FIGETBSZ:
		if (!arg.mem || arg.size < sizeof(block_size) || arg.read_only)
			return -EFAULT;
		memcpy(arg.mem, &block_size, sizeof(block_size));
		return 0;
	case FIBMAP:
		/* No file system here maps blocks. */
		if (!S_ISREG(file->f_inode->i_mode))
			break;
		return arg.mem && arg.size >= sizeof(on) && !arg.read_only ? -EINVAL : -EFAULT;
	}
	return -ENOIOCTLCMD;
}

static int do_ioctl(struct machine *m, int fd, unsigned int cmd, struct uptr arg)
{
	KCALL_NAMED(m, "__x64_sys_ioctl");
	struct file *file = fdget(m, fd);
	int err;

	if (!file)
		return -EBADF;
	err = do_vfs_ioctl(m, file, fd, cmd, arg);
	if (err == -ENOIOCTLCMD && file->f_op->unlocked_ioctl)
		err = file->f_op->unlocked_ioctl(m, file, cmd, arg);
	return err == -ENOIOCTLCMD ? -ENOTTY : err;
}

int sys_ioctl(struct machine *m, int fd, unsigned int cmd, struct uptr arg)
{
	SYSCALL(m, do_ioctl(m, fd, cmd, arg));
}
