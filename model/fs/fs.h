/* SPDX-License-Identifier: GPL-2.0-only */
/* Inodes, open files and descriptors; page caches, shmem and memfd. */
#ifndef MODEL_FS_FS_H
#define MODEL_FS_FS_H

#include "lib/list.h"
#include "kernel/lock.h"
#include "luosim.h"
#include "mm/mm.h"
#include "lib/xarray.h"

struct file;
struct inode;
struct machine_walk;

#define MAX_LFS_FILESIZE	INT64_MAX

#define FILE_STATE_ANY		UINT64_MAX

struct file_operations {
	const char *name;
	/* What open() does once there is a file; NULL: nothing. */
	int (*open)(struct machine *m, struct file *file);
	/* Returns an error that close() ignores, as the VFS does. */
	int (*release)(struct machine *m, struct file *file);
	int (*unlocked_ioctl)(struct machine *m, struct file *file, unsigned int cmd,
			      struct uptr arg);
	s64 (*read)(struct machine *m, struct file *file, void *buf, u64 len, s64 *pos);
	s64 (*write)(struct machine *m, struct file *file, const void *buf, u64 len, s64 *pos);
	s64 (*llseek)(struct machine *m, struct file *file, s64 offset, int whence);
	int (*fallocate)(struct machine *m, struct file *file, int mode, s64 offset, s64 len);
	int (*fsync)(struct machine *m, struct file *file);
	/*
	 * For the ledger: a hash of what the file holds, or FILE_STATE_ANY when others may
	 * have changed that; NULL: a hash of its page cache.
	 */
	u64 (*state)(struct machine *m, struct file *file);
	/* For walk.c: what it refers to, and all else that is not in the inode or @state. */
	void (*walk)(struct machine_walk *w, struct machine *m, struct file *file);
};

/* The file systems that are mounted; st_dev is the place in this list. */
enum fs_type {
	FS_SHM,			/* the kernel's own tmpfs: memfds, shared anonymous memory */
	FS_ROOTFS,
	FS_TMP,
	FS_DEV_SHM,
	FS_DEV,
	FS_PIPE,
	FS_ANON_INODE,
	FS_HUGETLB,
	FS_HANDLER,		/* of luosim-handler.h's luosim_new_inode() */
	FS_LUO_SESSION,		/* session-inode=magic */
	NR_FS
};

struct super_block {
	struct list_head s_inodes;
	struct mount *s_mount;		/* NULL: it is there from boot on */
	u64 next_ino;
	u64 max_blocks;			/* tmpfs: pages it may have; 0 for no limit */
	u64 used_blocks;
	bool huge;			/* tmpfs: huge=always */
};

/*
 * The page cache of one inode (filemap.c): frame numbers of folios by offset in
 * pages, in chunks that grow. All pages of a large folio have its head's.
 */
struct address_space {
	struct xarray chunks;
	struct cache_chunk *last;	/* the chunk that was used last, as most are again */
	u64 last_number;
	u64 nrpages;
};

#define SHMEM_F_MAPPING_FROZEN	(1 << 0)

struct inode {
	u32 claim;		/* the ledger's, which the kernel has not: the first one on it */
	u32 i_uid;
	void *shadow;		/* what the code of a tree has in its place, or NULL */
	struct super_block *i_sb;
	struct list_head i_sb_list;
	const struct file_operations *i_fop;	/* NULL: it cannot be opened by path */
	u64 i_ino;
	s64 i_size;
	u64 i_blocks;			/* units of 512 bytes */
	u32 i_mode;			/* type and permission bits */
	u32 i_nlink;
	s32 i_count;
	struct rw_semaphore i_rwsem;
	bool is_shmem;
	bool is_hugetlb;
	bool has_pages;			/* a handler's own, which are in @i_mapping */
	bool large_folios;		/* mapping_set_large_folios() was called */
	/* shmem_inode_info */
	u32 flags;			/* SHMEM_F_* */
	u32 seals;
	u64 alloced;			/* pages accounted */
	u64 fallocend;			/* pages that fallocate() reserved, even beyond EOF */
	bool luo_managed;		/* identity inode-flag: see managed.c */
	u32 magic;			/* of its file system, where that is FS_HANDLER */
	struct address_space i_mapping;
};

/*
 * A name that leads to an inode. Without a directory d_name is what /proc/self/fd/N shows,
 * and nobody finds it.
 */
struct dentry {
	struct inode *d_inode;
	struct dentry *d_parent;	/* the directory, also of what was unlinked; or NULL */
	struct list_head d_child;	/* in that directory's, while @d_hashed */
	struct list_head d_children;
	struct mount *d_mnt;		/* the tmpfs that it is in, or NULL: see namespace.c */
	struct mount *d_mounted;	/* what is mounted here, or NULL */
	s32 d_count;
	u32 d_size;			/* bytes for @d_name */
	bool d_hashed;
	char d_name[];
};

/* A tmpfs that was mounted; it has one mount. */
struct mount {
	struct list_head mnt_list;	/* in fs_struct.mounts, oldest first */
	struct super_block mnt_sb;
	struct dentry *mnt_root;
	struct dentry *mnt_mountpoint;	/* NULL: nowhere */
	s32 mnt_count;			/* its place, its open files, what is mounted in it */
	u32 mnt_id;
	void *mnt_ns;			/* of its own, until it is attached or let go; or NULL */
	u32 mode;			/* of the root directory, when it was mounted */
	u32 features;			/* TMPFS_* */
};

#define TMPFS_MPOL	(1 << 0)	/* a memory policy */
#define TMPFS_USRQUOTA	(1 << 1)
#define TMPFS_GRPQUOTA	(1 << 2)
#define TMPFS_CASEFOLD	(1 << 3)

#define FMODE_READ	(1 << 0)
#define FMODE_WRITE	(1 << 1)
#define FMODE_LSEEK	(1 << 2)
#define FMODE_PREAD	(1 << 3)
#define FMODE_PWRITE	(1 << 4)
#define FMODE_PATH	(1 << 5)
#define FMODE_ATOMIC_POS	(1 << 6)	/* opened by path: f_pos has a lock */
#define FMODE_NEED_UNMOUNT	(1 << 7)	/* the last reference lets its mount go */

struct file {
	const struct file_operations *f_op;
	struct inode *f_inode;
	struct dentry *f_dentry;
	void *private_data;
	void *shadow;			/* as of an inode */
	struct plugin_file *view;	/* how loaded handlers see it, or NULL: see plugin.c */
	struct file *f_task_work;	/* next in task.task_works */
	struct mutex f_pos_lock;
	s64 f_pos;
	s32 f_count;
	u32 f_flags;
	u32 f_mode;
};

/* The process's descriptors. */
struct files_struct {
	struct file **fd;		/* NULL: free, or reserved */
	u64 *open_fds;			/* bit maps */
	u64 *close_on_exec;
	u32 max_fds;			/* entries in @fd, a multiple of 64 */
	u32 next_fd;			/* no free descriptor below */
	u64 nofile;			/* RLIMIT_NOFILE */
};

/* What every kernel has from boot on. */
struct fs_struct {
	struct super_block sb[NR_FS];
	struct inode *anon_inode;	/* that anonymous-inode files share */
	struct dentry *console, *null, *liveupdate, *root;
	struct list_head mounts;
	u32 next_mnt_id;
};

static inline struct inode *file_inode(const struct file *file)
{
	return file->f_inode;
}

/* file.c: descriptors and struct file. */
int get_unused_fd_flags(struct machine *m, u32 flags);	/* fd, or -EMFILE */
void put_unused_fd(struct machine *m, int fd);
void fd_install(struct machine *m, int fd, struct file *file);
/* fget() refuses O_PATH, fget_raw() does not; both take a reference; NULL: -EBADF. */
struct file *fget(struct machine *m, int fd);
struct file *fget_raw(struct machine *m, int fd);
/* The same without a reference: for the system call under way. */
struct file *fdget(struct machine *m, int fd);
static inline struct file *files_lookup(const struct files_struct *files, int fd)
{
	return (u32)fd < files->max_fds ? files->fd[fd] : NULL;
}

struct file *fdget_raw(struct machine *m, int fd);
/* For calls that use the position: its lock is taken if others may use the file, too. */
struct file *fdget_pos(struct machine *m, int fd, bool *locked);
void fdput_pos(struct machine *m, struct file *file, bool locked);
/* What these borrowed goes back. */
void fdput_all(struct machine *m);
/* The same; what the call did was promised. */
void syscall_exit(struct machine *m);
struct file *get_file(struct file *file);
/* The last reference is released when the system call returns, as in the kernel. */
void fput(struct machine *m, struct file *file);
void task_work_run(struct machine *m);
int file_close_fd(struct machine *m, int fd);
bool get_close_on_exec(struct machine *m, int fd);
void set_close_on_exec(struct machine *m, int fd, bool flag);
int setrlimit_nofile(struct machine *m, u64 nofile);

struct inode *new_inode_sb(struct machine *m, struct super_block *sb, u32 mode, u32 nlink);
struct inode *new_inode(struct machine *m, enum fs_type fs, u32 mode, u32 nlink);
/* st_dev: an fs_type, or from NR_FS on a mount. */
u32 sb_dev(const struct machine *m, const struct super_block *sb);
void iput(struct machine *m, struct inode *inode);
/* The dentry takes over the caller's reference of @inode; NULL: it did not. */
struct dentry *d_alloc(struct machine *m, struct inode *inode, const char *name);
/* The same in the directory @parent, or with NULL at the root of a mount, with room to rename. */
struct dentry *d_alloc_name(struct machine *m, struct dentry *parent, struct inode *inode,
			    const char *name);
void dput(struct machine *m, struct dentry *dentry);
/* An open file of @inode, whose reference it takes over on success; or ERR_PTR(-ENOMEM). */
struct file *alloc_file(struct machine *m, struct inode *inode, const char *path, u32 flags,
			const struct file_operations *fops);
/* Open what @dentry leads to once more. */
struct file *dentry_open(struct machine *m, struct dentry *dentry, u32 flags);
/* Likewise for user space, which may not open everything: -EACCES. */
struct file *do_open(struct machine *m, struct dentry *dentry, u32 flags);

enum { MAY_EXEC = 1, MAY_WRITE = 2, MAY_READ = 4 };

/* May the process that runs do all of @mask? 0 or -EACCES. */
int inode_permission(struct machine *m, const struct inode *inode, u32 mask);
/* A file over the one inode that anonymous-inode files share. */
struct file *anon_inode_getfile(struct machine *m, const char *name,
				const struct file_operations *fops, void *priv, u32 flags);
/* The same over an inode of its own. */
struct file *anon_inode_create_getfile(struct machine *m, const char *name,
				       const struct file_operations *fops, void *priv,
				       u32 flags);
/* Likewise, in another file system. */
struct file *inode_create_getfile(struct machine *m, enum fs_type fs, const char *name,
				  const struct file_operations *fops, void *priv, u32 flags);
/* The file systems of a freshly booted kernel and an empty table of descriptors. */
int files_init(struct machine *m);
/* What the first process starts with: descriptors 0, 1 and 2. */
int open_console(struct machine *m);
/* A table without descriptors: 0, -ENOMEM. */
int files_alloc(struct machine *m, struct files_struct *files);
void files_free(struct machine *m, struct files_struct *files);
/* Give up all descriptors; task_work_run() is to come. */
void exit_files(struct machine *m);

void inode_lock(struct machine *m, struct inode *inode);
void inode_unlock(struct machine *m, struct inode *inode);
static inline s64 i_size_read(const struct inode *inode)
{
	return inode->i_size;
}
void i_size_write(struct machine *m, struct inode *inode, s64 size);
/* Set the file position; -EINVAL below 0. */
s64 vfs_setpos(struct file *file, s64 offset);
s64 generic_file_llseek(struct file *file, s64 offset, int whence);
int noop_fsync(struct machine *m, struct file *file);

/* filemap.c */
/* Insert a folio; the page cache takes its own reference. -EEXIST, -ENOMEM. */
int filemap_add_folio(struct machine *m, struct address_space *mapping, struct folio *folio,
		      u64 index);
void filemap_remove_folio_at(struct machine *m, struct address_space *mapping,
			     struct folio *folio, u64 index);
/* The same by folio->index, which has no more than 32 bits here. */
/* The folio that covers page @index, or NULL. No reference is taken. */
/* Another folio in the place of @old, with what that holds; 0, or -ENOMEM. */
int filemap_migrate_folio(struct machine *m, struct address_space *mapping, struct folio *old);
struct folio *filemap_get_folio(struct machine *m, struct address_space *mapping, u64 index);
/* The first folio with a page in [*@index, @end); *@index becomes that page's offset. */
struct folio *filemap_next_folio(struct machine *m, struct address_space *mapping,
				 u64 *index, u64 end);
/* Drop the folios with a page in [@index, @end). */
void filemap_truncate(struct machine *m, struct address_space *mapping, u64 index, u64 end);
/* Drop the folios that are clean and that nobody else holds (mm/truncate.c). */
void invalidate_mapping_pages(struct machine *m, struct address_space *mapping);
/* Halve the folio over and over until page @index is a folio of its own: 0, or -EAGAIN. */
int filemap_split_folio(struct machine *m, struct address_space *mapping, struct folio *folio,
			u64 index);
static inline u64 folio_start(const struct folio *folio, u64 index)
{
	return index & ~(folio_nr_pages(folio) - 1);
}
/* What read() of a file in memory does; a folio that was never used is a hole. */
s64 filemap_read(struct machine *m, struct file *file, void *buf, u64 len, s64 *pos);
void folio_mark_uptodate(struct folio *folio);
void folio_mark_dirty(struct folio *folio);
bool folio_test_uptodate(const struct folio *folio);
bool folio_test_hwpoison(const struct folio *folio);
void folio_zero(struct machine *m, struct folio *folio);

/* shmem.c */
extern const struct file_operations shmem_file_operations;
bool shmem_file(const struct file *file);
struct inode *shmem_get_inode(struct machine *m, struct super_block *sb, u32 mode, u32 nlink);
/* A memfd's struct file with a new inode; ERR_PTR on failure. */
struct file *shmem_file_setup(struct machine *m, const char *path, s64 size);
void shmem_freeze(struct machine *m, struct inode *inode, bool freeze);
int shmem_add_to_page_cache(struct machine *m, struct folio *folio, struct address_space *mapping,
			    u64 index);
int shmem_inode_acct_blocks(struct machine *m, struct inode *inode, u64 pages);
void shmem_recalc_inode(struct machine *m, struct inode *inode, s64 alloced);
/* Read page @index in, allocating it in a hole; ERR_PTR on failure. */
struct folio *shmem_read_folio(struct machine *m, struct inode *inode, u64 index);
/* Store a byte through a mapping of the file's first page. */
int shmem_poke(struct machine *m, struct inode *inode, char byte);
/* ftruncate() with i_rwsem held. */
int shmem_setattr_size(struct machine *m, struct inode *inode, s64 size);
/* Drop all pages: the last reference to the inode is gone. */
void shmem_evict_inode(struct machine *m, struct inode *inode);

/* memfd.c */
struct file *memfd_alloc_file(struct machine *m, const char *name, unsigned int flags);
int do_memfd_create(struct machine *m, const char *name, unsigned int flags);
int memfd_add_seals(struct machine *m, struct file *file, unsigned int seals);
int memfd_get_seals(struct machine *m, struct file *file);
/*
 * Pin the folios of [start, end] (bytes, inclusive), allocating those of holes,
 * at most @max of them into @pfns. Return: how many, or a negative errno with
 * nothing pinned.
 */
s64 memfd_pin_folios(struct machine *m, struct file *file, s64 start, s64 end,
		     u32 *pfns, u32 max);

/* syscall.c: @file under the descriptor that get_unused_fd_flags() gave; what to return. */
int fd_add(struct machine *m, int fd, struct file *file);
/* Give @file, unless it is an error, a descriptor; what to return. */
int install_file(struct machine *m, struct file *file);
void exit_to_user_mode_loop(struct machine *m);

/* hugetlbfs.c */
struct file *hugetlb_file_setup(struct machine *m, const char *path, unsigned int size_log);
int hugetlbfs_setattr_size(struct machine *m, struct inode *inode, s64 size);
/* Reserve boot's huge pages, but for those that the previous kernel hands over. */
void hugetlb_init(struct machine *m);
/* handlers/hugetlb.c: how many those are. */
u64 hugetlb_liveupdate_pages(struct machine *m, unsigned int order);
/* The huge page at page @index, allocated in a hole; or ERR_PTR(-ENOMEM). */
struct folio *hugetlb_get_folio(struct machine *m, struct inode *inode, u64 index);
/* Drop all of a file's huge pages: the last reference to the inode is gone. */
void hugetlbfs_evict_inode(struct machine *m, struct inode *inode);
/* A huge page that nobody uses any more goes to the pool; that is how a restored one gets there. */
void hugetlb_free_folio(struct machine *m, struct folio *folio, bool is_new);

/* handlers/plugin.c: the file goes. */
void plugin_view_free(struct machine *m, struct file *file);
/* The node of a handler at that path, or NULL. */
struct dentry *plugin_lookup(const struct machine *m, const char *path);

/* namespace.c */
/* Open @path, which begins at @base unless there is a slash before it; or ERR_PTR(). */
struct file *path_openat(struct machine *m, struct dentry *base, const char *path, u32 flags,
			 u32 mode);
/* What readlink(2) of /proc/self/fd says. */
void d_path(const struct machine *m, const struct dentry *dentry, char *buf, size_t size);
bool d_unlinked(const struct dentry *dentry);
u64 name_hash(const char *name);
struct mount *mntget(struct mount *mnt);
void mntput(struct machine *m, struct mount *mnt);
/* The last file of fsmount() goes: its mount, too, unless it was attached. */
void dissolve_on_fput(struct machine *m, struct mount *mnt);
/* A tmpfs that is mounted nowhere, with one reference, of that many pages; or ERR_PTR(). */
struct mount *tmpfs_create_mount(struct machine *m, u64 max_blocks, u32 mode);
/* The file of fsmount(2), which takes the caller's reference of @mnt; or ERR_PTR(). */
struct file *vfs_open_detached_mount(struct machine *m, struct mount *mnt);
/* The end of all: names and mounts are gone, but for those that somebody holds. */
void namespace_exit(struct machine *m);
void namespace_walk(struct machine_walk *w, const struct machine *m);

/* special.c */
extern const struct file_operations dir_fops;
struct file *open_kind(struct machine *m, enum file_kind kind);
/* Is @file what open_kind() gives for @kind? Unlinked files of one tmpfs are all alike. */
bool file_is_kind(struct machine *m, const struct file *file, enum file_kind kind);
/* What a file has besides its contents: the count of an eventfd, or the position. */
u64 kind_state(const struct file *file);
void kind_set_state(struct file *file, u64 state);
/* Its count is no more than an unsigned int, whoever asks. Returns a descriptor. */
int do_eventfd(struct machine *m, unsigned int count, u32 flags);
/* What the posted handler of eventfds asks of one; -EINVAL: @file is no eventfd. */
int eventfd_luo_get_state(struct machine *m, const struct file *file, u64 *count, u32 *flags);
int open_special_nodes(struct machine *m);
/* The node of a device in /dev, which is there from now on; NULL: no memory. */
struct dentry *devtmpfs_create_node(struct machine *m, u32 perm, const char *path,
				    const struct file_operations *fops);

#endif
