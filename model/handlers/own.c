/* SPDX-License-Identifier: GPL-2.0-only */
/* Files of the kind that a scripted handler brings along: pages that one reads and writes. */
#include "lib/uapi.h"

#include <stdio.h>

#include "handlers/plugin.h"
#include "machine/machine.h"
#include "search/walk.h"

static s64 own_write(struct machine *m, struct file *file, const void *buf, u64 len, s64 *pos)
{
	struct inode *inode = file_inode(file);
	u64 done = 0, nr;

	inode_lock(m, inode);
	if (*pos < inode->i_size)
		len = min(len, (u64)(inode->i_size - *pos));
	else if (len)
		done = -ENOSPC;
	for (; (s64)done >= 0 && done < len; done += nr, *pos += nr) {
		struct folio *folio = filemap_get_folio(m, &inode->i_mapping, *pos >> PAGE_SHIFT);

		nr = min(len - done, PAGE_SIZE - (*pos & ~PAGE_MASK));
		/* A page that did not come back. */
		if (!folio) {
			done = done ? done : (u64)-EIO;
			break;
		}
		phys_write(m, folio_phys(m, folio) + (*pos & ~PAGE_MASK), (const u8 *)buf + done,
			   nr);
	}
	inode_unlock(m, inode);
	return done;
}

static s64 own_llseek(struct machine *m, struct file *file, s64 offset, int whence)
{
	(void)m;
	return generic_file_llseek(file, offset, whence);
}

static void own_walk(struct machine_walk *w, struct machine *m, struct file *file)
{
	(void)m;
	walk_put(w, (uintptr_t)file->private_data);
}

static const struct file_operations own_fops = {
	.name = "own", .read = filemap_read, .write = own_write, .llseek = own_llseek,
	.walk = own_walk,
};

bool is_own_file(const struct file *file, u32 i)
{
	return file->f_op == &own_fops && (uintptr_t)file->private_data == i + 1;
}

struct file *own_file(struct machine *m, u32 i)
{
	struct inode *inode = new_inode(m, FS_ANON_INODE, S_IFREG | 0600, 1);
	char path[64];
	struct file *file;

	if (!inode)
		return ERR_PTR(-ENOMEM);
	inode->has_pages = true;
	snprintf(path, sizeof(path), "anon_inode:[%s]", m->config.scripts[i].name);
	file = alloc_file(m, inode, path, O_RDWR | KERNEL_O_LARGEFILE, &own_fops);
	if (IS_ERR(file)) {
		iput(m, inode);
		return file;
	}
	file->f_mode |= FMODE_PREAD | FMODE_PWRITE;
	file->private_data = (void *)(uintptr_t)(i + 1);
	return file;
}

/* Give it @nr pages of zeros: 0 or -ENOMEM. */
static int own_file_fill(struct machine *m, struct file *file, u64 nr)
{
	struct inode *inode = file_inode(file);
	int err = 0;

	for (u64 index = 0; !err && index < nr; index++) {
		struct folio *folio = folio_alloc(m, __GFP_ZERO, 0);

		if (!folio)
			return -ENOMEM;
		err = filemap_add_folio(m, &inode->i_mapping, folio, index);
		folio_put(m, folio);
		if (!err)
			folio_mark_uptodate(folio);
	}
	if (!err)
		i_size_write(m, inode, nr << PAGE_SHIFT);
	return err;
}

/* A new file of script @i, with its pages. */
static struct file *new_own_file(struct machine *m, u32 i)
{
	struct file *file = own_file(m, i);
	int err;

	if (IS_ERR(file))
		return file;
	err = own_file_fill(m, file, m->config.scripts[i].folios);
	if (!err)
		return file;
	fput(m, file);
	return ERR_PTR(err);
}

static int open_own(struct machine *m, const char *name)
{
	const struct handler_script *script;
	int i = scripted_find(m, name);

	if (i < 0)
		return -ENOENT;
	script = &m->config.scripts[i];
	if (!script->plugin && !(script->accepts & 1u << FILE_OWN))
		return -ENOENT;
	if (!m->k->handlers->scripted[i])
		return -ENODEV;
	return install_file(m, script->plugin ? plugin_open(m, m->k->handlers->scripted[i]) :
						new_own_file(m, i));
}

int sys_open_own(struct machine *m, const char *handler)
{
	SYSCALL(m, open_own(m, handler));
}
