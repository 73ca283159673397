/* SPDX-License-Identifier: GPL-2.0-only */
/* Inodes, struct file and descriptors (fs/file.c, fs/file_table.c, fs/open.c). */
#include "lib/uapi.h"

#include <limits.h>

#include "machine/machine.h"

#define BITS_PER_WORD	64u
#define NR_OPEN_DEFAULT	BITS_PER_WORD
#define FILE_LOCK	"files_struct.file_lock"
#define NR_OPEN		(1024u * 1024)	/* sysctl fs.nr_open */

/* Inodes. */

struct inode *new_inode_sb(struct machine *m, struct super_block *sb, u32 mode, u32 nlink)
{
	struct inode *inode = kzalloc(m, sizeof(*inode));

	if (!inode)
		return NULL;
	init_rwsem(&inode->i_rwsem, "inode.i_rwsem");
	inode->i_sb = sb;
	list_add_tail(&inode->i_sb_list, &inode->i_sb->s_inodes);
	inode->i_ino = inode->i_sb->next_ino++;
	inode->i_mode = mode;
	inode->i_uid = current_uid(m);
	inode->i_nlink = nlink;
	inode->i_count = 1;
	return inode;
}

struct inode *new_inode(struct machine *m, enum fs_type fs, u32 mode, u32 nlink)
{
	return new_inode_sb(m, &m->k->fs.sb[fs], mode, nlink);
}

/* A process keeps its group, which is 0 as that of all files, when setuid() changes its user. */
int inode_permission(struct machine *m, const struct inode *inode, u32 mask)
{
	const u32 uid = current_uid(m);
	u32 mode = inode->i_mode >> (uid == inode->i_uid ? 6 : 3);

	return !uid || (mode & mask) == mask ? 0 : -EACCES;
}

u32 sb_dev(const struct machine *m, const struct super_block *sb)
{
	return sb->s_mount ? NR_FS + sb->s_mount->mnt_id : (u32)(sb - m->k->fs.sb);
}

static void evict_pages(struct machine *m, struct inode *inode)
{
	filemap_truncate(m, &inode->i_mapping, 0, UINT64_MAX);
	shmem_freeze(m, inode, false);
}

/* A named file goes with its last user too: nobody could open it again. */
void iput(struct machine *m, struct inode *inode)
{
	if (--inode->i_count)
		return;
	if (inode->is_shmem)
		shmem_evict_inode(m, inode);
	else if (inode->is_hugetlb)
		hugetlbfs_evict_inode(m, inode);
	else if (inode->has_pages)
		evict_pages(m, inode);
	i_size_write(m, inode, 0);
	if (inode->shadow)
		tree_inode_gone(m, inode);
	list_del(&inode->i_sb_list);
	kfree(m, inode, sizeof(*inode));
}

static void drop_pagecache_sb(struct machine *m, struct super_block *sb)
{
	struct inode *inode;

	list_for_each_entry(inode, &sb->s_inodes, i_sb_list) {
		if (!inode->is_shmem)
			continue;
		invalidate_mapping_pages(m, &inode->i_mapping);
		shmem_recalc_inode(m, inode, 0);
	}
}

/* Of file systems on a disk, which there are none of here, there would be more to drop. */
static int drop_caches(struct machine *m)
{
	struct mount *mnt;

	for (int i = 0; i < NR_FS; i++)
		drop_pagecache_sb(m, &m->k->fs.sb[i]);
	list_for_each_entry(mnt, &m->k->fs.mounts, mnt_list)
		drop_pagecache_sb(m, &mnt->mnt_sb);
	return 0;
}

int sys_drop_caches(struct machine *m)
{
	SYSCALL(m, drop_caches(m));
}

void inode_lock(struct machine *m, struct inode *inode)
{
	down_write(m, &inode->i_rwsem);
}

void inode_unlock(struct machine *m, struct inode *inode)
{
	up_write(m, &inode->i_rwsem);
}

void i_size_write(struct machine *m, struct inode *inode, s64 size)
{
	census_add(m, CENSUS_SIZE, (u64)size - (u64)inode->i_size);
	inode->i_size = size;
}

static void d_free(struct machine *m, struct dentry *dentry)
{
	kfree(m, dentry, sizeof(*dentry) + dentry->d_size);
}

static struct dentry *__d_alloc(struct machine *m, struct inode *inode, const char *name, u32 size)
{
	struct dentry *dentry = kzalloc(m, sizeof(*dentry) + size);

	if (!dentry)
		return NULL;
	dentry->d_inode = inode;
	dentry->d_count = 1;
	dentry->d_size = size;
	INIT_LIST_HEAD(&dentry->d_children);
	strcpy(dentry->d_name, name);
	return dentry;
}

struct dentry *d_alloc(struct machine *m, struct inode *inode, const char *name)
{
	return __d_alloc(m, inode, name, strlen(name) + 1);
}

struct dentry *d_alloc_name(struct machine *m, struct dentry *parent, struct inode *inode,
			    const char *name)
{
	struct dentry *dentry = __d_alloc(m, inode, name, NAME_MAX + 1);

	if (!dentry)
		return NULL;
	dentry->d_mnt = inode->i_sb->s_mount;
	if (parent) {
		parent->d_count++;
		dentry->d_parent = parent;
	}
	return dentry;
}

void dput(struct machine *m, struct dentry *dentry)
{
	struct dentry *parent = dentry->d_parent;

	if (--dentry->d_count)
		return;
	iput(m, dentry->d_inode);
	d_free(m, dentry);
	if (parent)
		dput(m, parent);
}

/* Open files. */

static struct file *alloc_empty_file(struct machine *m, u32 flags)
{
	struct file *file = kzalloc(m, sizeof(*file));

	if (!file)
		return NULL;
	mutex_init(&file->f_pos_lock, "file.f_pos_lock");
	file->f_count = 1;
	file->f_flags = flags;
	if (flags & O_PATH)
		file->f_mode = FMODE_PATH;
	else if ((flags & O_ACCMODE) == O_RDWR)
		file->f_mode = FMODE_READ | FMODE_WRITE;
	else
		file->f_mode = (flags & O_ACCMODE) == O_WRONLY ? FMODE_WRITE : FMODE_READ;
	census_add(m, CENSUS_FILES, 1);
	return file;
}

static void file_free(struct machine *m, struct file *file)
{
	if (file->shadow)
		tree_file_gone(m, file);
	if (file->view)
		plugin_view_free(m, file);
	kfree(m, file, sizeof(*file));
	census_add(m, CENSUS_FILES, -1);
}

/* The file takes over the reference of @dentry. */
static void file_init_path(struct file *file, struct dentry *dentry,
			   const struct file_operations *fops)
{
	file->f_dentry = dentry;
	file->f_inode = dentry->d_inode;
	file->f_op = fops;
	if (fops->llseek)
		file->f_mode |= FMODE_LSEEK;
}

struct file *alloc_file(struct machine *m, struct inode *inode, const char *path, u32 flags,
			const struct file_operations *fops)
{
	struct dentry *dentry = d_alloc(m, inode, path);
	struct file *file;

	if (!dentry)
		return ERR_PTR(-ENOMEM);
	file = alloc_empty_file(m, flags);
	if (!file) {
		d_free(m, dentry);
		return ERR_PTR(-ENOMEM);
	}
	file_init_path(file, dentry, fops);
	return file;
}

static int do_dentry_open(struct machine *m, struct file *file, struct dentry *dentry)
{
	KCALL(m);
	static const struct file_operations empty_fops = { .name = "path" };
	struct inode *inode = dentry->d_inode;

	if (file->f_mode & FMODE_PATH) {
		file_init_path(file, dentry, &empty_fops);
		return 0;
	}
	if (!inode->i_fop)
		return -ENXIO;
	if (S_ISDIR(inode->i_mode) && file->f_mode & FMODE_WRITE)
		return -EISDIR;
	file_init_path(file, dentry, inode->i_fop);
	if (S_ISREG(inode->i_mode) || S_ISDIR(inode->i_mode))
		file->f_mode |= FMODE_ATOMIC_POS;
	file->f_mode |= FMODE_PREAD | FMODE_PWRITE;
	if (S_ISFIFO(inode->i_mode) || dentry == m->k->fs.console)
		file->f_mode &= ~(FMODE_PREAD | FMODE_PWRITE);
	return inode->i_fop->open ? inode->i_fop->open(m, file) : 0;
}

struct file *dentry_open(struct machine *m, struct dentry *dentry, u32 flags)
{
	struct file *file = alloc_empty_file(m, flags);
	int err;

	if (!file)
		return ERR_PTR(-ENOMEM);
	err = do_dentry_open(m, file, dentry);
	if (err) {
		file_free(m, file);
		return ERR_PTR(err);
	}
	dentry->d_count++;
	if (dentry->d_mnt)
		mntget(dentry->d_mnt);
	file->f_flags &= ~(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC);
	return file;
}

struct file *do_open(struct machine *m, struct dentry *dentry, u32 flags)
{
	static const u32 masks[] = {
		[O_RDONLY] = MAY_READ, [O_WRONLY] = MAY_WRITE, [O_RDWR] = MAY_READ | MAY_WRITE,
		[O_ACCMODE] = MAY_READ | MAY_WRITE,
	};
	u32 mask = masks[flags & O_ACCMODE] | (flags & O_TRUNC ? MAY_WRITE : 0);
	/* Whoever has made it may open it in any way. */
	bool made = (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
	int err = 0;

	if (!(flags & O_PATH) && !made)
		err = inode_permission(m, dentry->d_inode, mask);
	return err ? ERR_PTR(err) : dentry_open(m, dentry, flags);
}

/* The file takes over the reference of @inode, if it is made. */
static struct file *__anon_inode_getfile(struct machine *m, struct inode *inode, const char *name,
					 const struct file_operations *fops, void *priv,
					 u32 flags)
{
	char path[160] = "anon_inode:";
	struct file *file;

	strncat(path, name, sizeof(path) - strlen(path) - 1);
	file = alloc_file(m, inode, path, flags, fops);
	if (!IS_ERR(file))
		file->private_data = priv;
	return file;
}

struct file *anon_inode_getfile(struct machine *m, const char *name,
				const struct file_operations *fops, void *priv, u32 flags)
{
	struct inode *inode = m->k->fs.anon_inode;
	struct file *file = __anon_inode_getfile(m, inode, name, fops, priv, flags);

	if (!IS_ERR(file))
		inode->i_count++;
	return file;
}

struct file *inode_create_getfile(struct machine *m, enum fs_type fs, const char *name,
				  const struct file_operations *fops, void *priv, u32 flags)
{
	struct inode *inode = new_inode(m, fs, S_IRUSR | S_IWUSR, 1);
	struct file *file;

	if (!inode)
		return ERR_PTR(-ENOMEM);
	file = __anon_inode_getfile(m, inode, name, fops, priv, flags);
	if (IS_ERR(file))
		iput(m, inode);
	return file;
}

struct file *anon_inode_create_getfile(struct machine *m, const char *name,
				       const struct file_operations *fops, void *priv,
				       u32 flags)
{
	return inode_create_getfile(m, FS_ANON_INODE, name, fops, priv, flags);
}

struct file *get_file(struct file *file)
{
	file->f_count++;
	return file;
}

static void __fput(struct machine *m, struct file *file)
{
	KCALL(m);
	struct mount *mnt = file->f_dentry->d_mnt;
	bool dissolve = file->f_mode & FMODE_NEED_UNMOUNT;

	if (file->f_op->release)
		file->f_op->release(m, file);
	dput(m, file->f_dentry);
	if (dissolve)
		dissolve_on_fput(m, mnt);
	if (mnt)
		mntput(m, mnt);
	file_free(m, file);
}

static void fput_close_sync(struct machine *m, struct file *file)
{
	KCALL(m);

	if (!--file->f_count)
		__fput(m, file);
}

void fput(struct machine *m, struct file *file)
{
	struct task *task = m->task;

	check_freed(m, file);
	if (--file->f_count)
		return;
	file->f_task_work = task->task_works;
	task->task_works = file;
}

void task_work_run(struct machine *m)
{
	KCALL(m);
	struct task *task = m->task;

	while (task->task_works) {
		struct file *file, *next = task->task_works;

		task->task_works = NULL;
		while ((file = next)) {
			next = file->f_task_work;
			__fput(m, file);
		}
	}
}

s64 vfs_setpos(struct file *file, s64 offset)
{
	if (offset < 0)
		return -EINVAL;
	file->f_pos = offset;
	return offset;
}

s64 generic_file_llseek(struct file *file, s64 offset, int whence)
{
	switch (whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		/* Only asks for the position. */
		if (!offset)
			return file->f_pos;
		if (__builtin_add_overflow(offset, file->f_pos, &offset))
			return -EINVAL;
		break;
	case SEEK_END:
		if (__builtin_add_overflow(offset, i_size_read(file_inode(file)), &offset))
			return -EINVAL;
		break;
	default:
		return -EINVAL;
	}
	return vfs_setpos(file, offset);
}

/* A file system in memory: nothing else stores what is in memory. */
int noop_fsync(struct machine *m, struct file *file)
{
	(void)m;
	(void)file;
	return 0;
}

/* Descriptors. */

static bool test_bit(const u64 *map, u32 nr)
{
	return map[nr / BITS_PER_WORD] >> (nr % BITS_PER_WORD) & 1;
}

static void assign_bit(u64 *map, u32 nr, bool set)
{
	u64 bit = 1ull << (nr % BITS_PER_WORD);

	if (set)
		map[nr / BITS_PER_WORD] |= bit;
	else
		map[nr / BITS_PER_WORD] &= ~bit;
}

static void free_fdtable(struct machine *m, struct files_struct *files)
{
	u64 map = files->max_fds / 8;

	kfree(m, files->fd, files->max_fds * sizeof(*files->fd));
	kfree(m, files->open_fds, map);
	kfree(m, files->close_on_exec, map);
}

static int expand_fdtable(struct machine *m, struct files_struct *files, u32 max_fds)
{
	struct files_struct new = *files;
	u64 map = files->max_fds / 8;

	new.max_fds = max_fds;
	new.fd = kzalloc_nowait(m, max_fds * sizeof(*new.fd));
	new.open_fds = new.fd ? kzalloc_nowait(m, max_fds / 8) : NULL;
	new.close_on_exec = new.open_fds ? kzalloc_nowait(m, max_fds / 8) : NULL;
	if (!new.close_on_exec) {
		free_fdtable(m, &new);
		return -ENOMEM;
	}
	if (map) {
		memcpy(new.fd, files->fd, files->max_fds * sizeof(*new.fd));
		memcpy(new.open_fds, files->open_fds, map);
		memcpy(new.close_on_exec, files->close_on_exec, map);
		free_fdtable(m, files);
	}
	*files = new;
	return 0;
}

/* The lowest free descriptor; max_fds if all are taken. */
static u32 find_next_fd(const struct files_struct *files)
{
	u64 below = (1ull << (files->next_fd % BITS_PER_WORD)) - 1;

	for (u32 i = files->next_fd / BITS_PER_WORD; i < files->max_fds / BITS_PER_WORD; i++) {
		u64 taken = files->open_fds[i] | below;

		if (~taken)
			return i * BITS_PER_WORD + __builtin_ctzll(~taken);
		below = 0;
	}
	return files->max_fds;
}

int get_unused_fd_flags(struct machine *m, u32 flags)
{
	struct files_struct *files = m->task->files;
	u32 fd;

	task_yield(m, YIELD_SPIN_LOCK, FILE_LOCK);
	/* The lock is let go for memory for a larger table, and what is free looked for again. */
	if (find_next_fd(files) == files->max_fds)
		task_yield(m, YIELD_KZALLOC, NULL);
	fd = find_next_fd(files);
	if (fd >= files->nofile || should_fail(m, FAIL_UNUSED_FD, 0, NULL))
		return -EMFILE;
	if (fd == files->max_fds && expand_fdtable(m, files, 2 * files->max_fds))
		return -ENOMEM;
	assign_bit(files->open_fds, fd, true);
	assign_bit(files->close_on_exec, fd, flags & O_CLOEXEC);
	files->next_fd = fd + 1;
	census_add(m, CENSUS_DESCRIPTORS, 1);
	return fd;
}

static void free_fd(struct machine *m, int fd)
{
	struct files_struct *files = m->task->files;

	assign_bit(files->open_fds, fd, false);
	files->next_fd = min(files->next_fd, (u32)fd);
	census_add(m, CENSUS_DESCRIPTORS, -1);
}

void put_unused_fd(struct machine *m, int fd)
{
	task_yield(m, YIELD_SPIN_LOCK, FILE_LOCK);
	free_fd(m, fd);
}

/* The descriptors of a process that has ended are closed when its last task returns. */
void fd_install(struct machine *m, int fd, struct file *file)
{
	if (m->task->id && !machine_task_lives(m)) {
		free_fd(m, fd);
		fput(m, file);
		return;
	}
	m->task->files->fd[fd] = file;
}

struct file *fdget_raw(struct machine *m, int fd)
{
	struct file *file = files_lookup(m->task->files, fd);
	struct task *task = m->task;

	/* Only where other tasks may close it meanwhile is a reference needed. */
	if (file && m->nr_tasks && task->nr_borrowed < ARRAY_SIZE(task->borrowed))
		task->borrowed[task->nr_borrowed++] = get_file(file);
	return file;
}

void fdput_all(struct machine *m)
{
	struct task *task = m->task;

	while (task->nr_borrowed)
		fput(m, task->borrowed[--task->nr_borrowed]);
}

void syscall_exit(struct machine *m)
{
	fdput_all(m);
	ledger_promise(m);
}

struct file *fdget(struct machine *m, int fd)
{
	struct file *file = fdget_raw(m, fd);

	return file && !(file->f_mode & FMODE_PATH) ? file : NULL;
}

/*
 * Can others use the file, too? Who shares no descriptors looks it up without a
 * reference; here there is one all the same while tasks run, which does not count.
 */
static bool file_needs_f_pos_lock(struct machine *m, const struct file *file)
{
	bool borrowed = m->nr_tasks && task_sharers(m) == 1;

	if (!(file->f_mode & FMODE_ATOMIC_POS))
		return false;
	return file->f_count - borrowed > 1 || S_ISDIR(file_inode(file)->i_mode);
}

struct file *fdget_pos(struct machine *m, int fd, bool *locked)
{
	struct file *file = fdget(m, fd);

	*locked = file && file_needs_f_pos_lock(m, file);
	if (*locked)
		mutex_lock(m, &file->f_pos_lock);
	return file;
}

void fdput_pos(struct machine *m, struct file *file, bool locked)
{
	if (locked)
		mutex_unlock(m, &file->f_pos_lock);
}

struct file *fget(struct machine *m, int fd)
{
	struct file *file = fdget(m, fd);

	return file ? get_file(file) : NULL;
}

struct file *fget_raw(struct machine *m, int fd)
{
	struct file *file = fdget_raw(m, fd);

	return file ? get_file(file) : NULL;
}

static struct file *take_fd(struct machine *m, int fd)
{
	struct file *file = files_lookup(m->task->files, fd);

	if (file) {
		m->task->files->fd[fd] = NULL;
		free_fd(m, fd);
	}
	return file;
}

int file_close_fd(struct machine *m, int fd)
{
	struct file *file;

	task_yield(m, YIELD_SPIN_LOCK, FILE_LOCK);
	file = files_lookup(m->task->files, fd);
	if (file && file->f_op == &luo_session_fops && file->f_count == 1) {
		int err = luo_session_may_close(m, file->private_data);

		if (err)
			return err;
	}
	file = take_fd(m, fd);
	if (!file)
		return -EBADF;
	fput_close_sync(m, file);
	return 0;
}

bool get_close_on_exec(struct machine *m, int fd)
{
	return test_bit(m->task->files->close_on_exec, fd);
}

void set_close_on_exec(struct machine *m, int fd, bool flag)
{
	assign_bit(m->task->files->close_on_exec, fd, flag);
}

int setrlimit_nofile(struct machine *m, u64 nofile)
{
	if (nofile > NR_OPEN)
		return -EPERM;
	m->task->files->nofile = nofile;
	return 0;
}

int files_alloc(struct machine *m, struct files_struct *files)
{
	files->nofile = limit(m, LIMIT_NOFILE);
	return expand_fdtable(m, files, NR_OPEN_DEFAULT);
}

void files_free(struct machine *m, struct files_struct *files)
{
	free_fdtable(m, files);
}

/* Boot and exit. */

int open_console(struct machine *m)
{
	struct file *file = dentry_open(m, m->k->fs.console, O_RDWR | KERNEL_O_LARGEFILE);

	if (IS_ERR(file))
		return PTR_ERR(file);
	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		int got = get_unused_fd_flags(m, 0);

		if (got < 0)
			break;
		fd_install(m, got, get_file(file));
	}
	fput(m, file);
	return 0;
}

int files_init(struct machine *m)
{
	struct fs_struct *fs = &m->k->fs;
	int err;

	INIT_LIST_HEAD(&fs->mounts);
	for (int i = 0; i < NR_FS; i++) {
		INIT_LIST_HEAD(&fs->sb[i].s_inodes);
		fs->sb[i].next_ino = 2;	/* the root has 1 */
	}
	/* What mount gives a tmpfs without size=: half of memory. */
	fs->sb[FS_ROOTFS].max_blocks = m->nr_frames / 2;
	fs->sb[FS_TMP].max_blocks = m->nr_frames / 2;
	fs->sb[FS_DEV_SHM].max_blocks = m->nr_frames / 2;
	err = files_alloc(m, m->task->files);
	if (err)
		return err;
	return open_special_nodes(m);
}

/* fput() of all, lowest descriptor first, leaves them to be released latest first. */
void exit_files(struct machine *m)
{
	struct files_struct *files = m->task->files;

	for (u32 fd = 0; fd < files->max_fds; fd++) {
		struct file *file = take_fd(m, fd);

		if (file)
			fput(m, file);
	}
}
