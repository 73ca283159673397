/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files: the tree's struct file and struct inode for those of the model, and the functions
 * on files and descriptors that the tree's code calls.
 *
 * The model's objects are the real ones. What the tree's code reads and writes by itself
 * (get_file(), i_size_write()) lies in its own, and is taken over whenever luosim calls the
 * tree's code, and handed back when that is done.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/pagemap.h>
#include <linux/memfd.h>

#include "glue.h"
#include "supply.h"

static LIST_HEAD(files);

struct file *model_of(struct file *file)
{
	return container_of(file, struct shadow_file, file)->model;
}

struct inode *model_inode(struct inode *inode)
{
	return container_of(SHMEM_I(inode), struct shadow_inode, shmem)->model;
}

/* The lock of an inode is the model's; what stands for it leads there. */
static const char inode_lock_name[] = "i_rwsem";

struct inode *inode_of_lock(const void *lock)
{
	const struct {
		const char *name;
		struct inode *inode;
	} *l = lock;

	return l->name == inode_lock_name ? l->inode : NULL;
}

static struct shadow_inode *shadow_inode(struct inode *model)
{
	void **shadow = HOST_STATIC(inode_shadow, model);
	struct shadow_inode *si = *shadow;
	void **lock;

	if (si)
		return si;
	si = HOST(own_alloc, sizeof(*si));
	si->model = model;
	si->shmem.vfs_inode.i_mapping = &si->shmem.vfs_inode.i_data;
	si->shmem.vfs_inode.i_data.host = &si->shmem.vfs_inode;
	lock = (void **)&si->shmem.vfs_inode.i_rwsem;
	lock[0] = (void *)inode_lock_name;
	lock[1] = model;
	*shadow = si;
	return si;
}

static void file_fill(struct shadow_file *sf)
{
	struct file *file = &sf->file;
	struct shadow_inode *si;
	struct engine_file ef;

	HOST(file_get, sf->model, &ef);
	si = shadow_inode(ef.inode);
	file->f_inode = &si->shmem.vfs_inode;
	file->f_mapping = file->f_inode->i_mapping;
	file->f_pos = ef.pos;
	file->f_flags = ef.flags;
	file->f_mode = (__force fmode_t)ef.mode;
	file->f_inode->i_size = ef.size;
	file->f_inode->i_mode = ef.i_mode;
	file->f_inode->i_ino = ef.ino;
	file->f_inode->__i_nlink = ef.nlink;
	si->shmem.flags = ef.frozen ? SHMEM_F_MAPPING_FROZEN : 0;
}

void file_pull(struct file *file)
{
	struct shadow_file *sf = container_of(file, struct shadow_file, file);

	if (sf->touched)
		return;
	file_fill(sf);
	sf->touched = true;
}

/* References that the tree's code took by itself become the model's. */
static void push_references(struct shadow_file *sf)
{
	long more = file_count(&sf->file) - 1;

	if (!more)
		return;
	file_ref_init(&sf->file.f_ref, 1);
	HOST(file_get_more, sf->model, more);
}

static void file_push(struct shadow_file *sf)
{
	struct inode *inode = sf->file.f_inode;
	struct engine_file ef = {
		.pos = sf->file.f_pos,
		.size = i_size_read(inode),
		.frozen = SHMEM_I(inode)->flags & SHMEM_F_MAPPING_FROZEN,
	};

	HOST(file_set, sf->model, &ef);
}

void files_push(void)
{
	struct shadow_file *sf;

	list_for_each_entry(sf, &files, list) {
		push_references(sf);
		if (sf->touched)
			file_push(sf);
	}
}

void files_pull(void)
{
	struct shadow_file *sf;

	list_for_each_entry(sf, &files, list)
		file_pull(&sf->file);
}

void files_done(void)
{
	struct shadow_file *sf;

	files_push();
	list_for_each_entry(sf, &files, list)
		sf->touched = false;
}

void file_gone(struct file *file)
{
	struct shadow_file *sf = container_of(file, struct shadow_file, file);

	list_del(&sf->list);
	HOST(own_free, sf, sizeof(*sf));
}

static bool is_error(const void *ptr)
{
	return IS_ERR_OR_NULL(ptr);
}

struct file *shadow_of(struct file *model)
{
	void **shadow = HOST_STATIC(file_shadow, model);
	struct shadow_file *sf = *shadow;

	if (!sf) {
		sf = HOST(own_alloc, sizeof(*sf));
		sf->model = model;
		list_add_tail(&sf->list, &files);
		file_ref_init(&sf->file.f_ref, 1);
		*shadow = sf;
	}
	file_pull(&sf->file);
	return &sf->file;
}

SUPPLY(struct file *, fget, (unsigned int fd))
{
	struct file *file = HOST(file_by_fd, fd);

	return file ? shadow_of(file) : NULL;
}

SUPPLY(void, fput, (struct file *file))
{
	file_pull(file);
	files_push();
	pages_push();
	HOST(file_put, model_of(file));
}

SUPPLY(int, get_unused_fd_flags, (unsigned int flags))
{
	return HOST(get_unused_fd, flags);
}

SUPPLY(void, put_unused_fd, (unsigned int fd))
{
	HOST(put_unused_fd, fd);
}

SUPPLY(void, fd_install, (unsigned int fd, struct file *file))
{
	files_push();
	HOST(fd_install, fd, model_of(file));
}

static struct file *anon_inode_file(const char *name, const struct file_operations *fops,
				    void *priv, int flags)
{
	struct file *model = HOST(anon_inode_getfile, name, flags, NULL), *file;

	if (is_error(model))
		return model;
	file = shadow_of(model);
	file->f_op = fops;
	file->private_data = priv;
	return file;
}

SUPPLY(struct file *, anon_inode_getfile, (const char *name, const struct file_operations *fops,
					   void *priv, int flags))
{
	return anon_inode_file(name, fops, priv, flags);
}

SUPPLY(bool, shmem_mapping, (const struct address_space *mapping))
{
	return HOST_STATIC(inode_is_shmem, model_inode(mapping->host));
}

SUPPLY(struct file *, memfd_alloc_file, (const char *name, unsigned int flags))
{
	struct file *model = HOST(memfd_alloc, name, flags);

	return is_error(model) ? model : shadow_of(model);
}

SUPPLY(int, memfd_add_seals, (struct file *file, unsigned int seals))
{
	int err;

	files_push();
	pages_push();
	err = HOST(add_seals, model_of(file), seals);
	file_fill(container_of(file, struct shadow_file, file));
	return err;
}

SUPPLY(int, memfd_get_seals, (struct file *file))
{
	return HOST(get_seals, model_of(file));
}

SUPPLY(loff_t, vfs_setpos, (struct file *file, loff_t pos, loff_t max))
{
	if (pos < 0 || pos > max)
		return -EINVAL;
	file_pull(file);
	file->f_pos = pos;
	return pos;
}
