/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memfds of huge pages (fs/hugetlbfs/inode.c) and the pool that these come from
 * (mm/hugetlb.c): pages of 2 MiB, set aside at boot. Without hugepages= it is
 * empty, so that a file is never more than a size.
 */
#include "lib/uapi.h"

#include "handlers/handlers.h"
#include "machine/machine.h"

#define HPAGE_ORDER	9u
#define HPAGE_PAGES	(1ull << HPAGE_ORDER)
#define HPAGE_SIZE	(2ll << 20)
#define HPAGE_LOG	21u

/*
 * The pool: a list through the index of the first frame of each page. For the
 * census its pages are free.
 */

void hugetlb_free_folio(struct machine *m, struct folio *folio, bool is_new)
{
	struct handlers *h = m->k->handlers;

	h->huge_total += is_new;
	folio->page.flags &= ~(PG_UPTODATE | PG_DIRTY);
	folio->page.index = h->huge_pool;
	h->huge_pool = folio_pfn(m, folio);
	h->huge_free++;
	census_add(m, CENSUS_FRAMES, -(s64)HPAGE_PAGES);
}

static struct folio *dequeue_folio(struct machine *m)
{
	struct handlers *h = m->k->handlers;
	struct folio *folio;

	if (!h->huge_free)
		return NULL;
	folio = pfn_folio(m, h->huge_pool);
	h->huge_pool = folio->page.index;
	h->huge_free--;
	census_add(m, CENSUS_FRAMES, HPAGE_PAGES);
	return folio;
}

/* What the huge pages preserved by the previous kernel will bring is not allocated again. */
void hugetlb_init(struct machine *m)
{
	u64 want = m->k->boot.hugepages, coming = hugetlb_liveupdate_pages(m, HPAGE_ORDER);

	while (want > coming) {
		struct folio *folio = folio_alloc(m, __GFP_USER, HPAGE_ORDER);

		if (!folio)
			break;
		hugetlb_free_folio(m, folio, true);
		want--;
	}
}

/* The page cache. */

struct folio *hugetlb_get_folio(struct machine *m, struct inode *inode, u64 index)
{
	struct folio *folio = filemap_get_folio(m, &inode->i_mapping, index);

	if (folio)
		return folio;
	folio = dequeue_folio(m);
	if (!folio)
		return ERR_PTR(-ENOMEM);
	if (filemap_add_folio(m, &inode->i_mapping, folio, index & ~(HPAGE_PAGES - 1))) {
		hugetlb_free_folio(m, folio, false);
		return ERR_PTR(-ENOMEM);
	}
	folio_zero(m, folio);
	folio_mark_uptodate(folio);
	inode->i_blocks += HPAGE_SIZE / 512;
	/* The reference that the pool had is the page cache's now. */
	folio->page.refcount--;
	return folio;
}

/* Pages that begin in [start, end) go back to the pool, unless somebody has them pinned. */
static void remove_inode_hugepages(struct machine *m, struct inode *inode, u64 start, u64 end)
{
	struct folio *folio;
	u64 index = start;

	while ((folio = filemap_next_folio(m, &inode->i_mapping, &index, end))) {
		u64 first = folio_start(folio, index);

		folio_get(folio);
		filemap_remove_folio_at(m, &inode->i_mapping, folio, first);
		inode->i_blocks -= HPAGE_SIZE / 512;
		if (folio->page.refcount == 1)
			hugetlb_free_folio(m, folio, false);
		else
			folio_put(m, folio);
		index = first + HPAGE_PAGES;
	}
}

void hugetlbfs_evict_inode(struct machine *m, struct inode *inode)
{
	remove_inode_hugepages(m, inode, 0, UINT64_MAX);
	shmem_freeze(m, inode, false);
}

/* The file. */

static s64 hugetlbfs_llseek(struct machine *m, struct file *file, s64 offset, int whence)
{
	(void)m;
	return generic_file_llseek(file, offset, whence);
}

static bool frozen(const struct inode *inode)
{
	return inode->flags & SHMEM_F_MAPPING_FROZEN;
}

static int hugetlbfs_punch_hole(struct machine *m, struct inode *inode, s64 offset, s64 len)
{
	u64 start = PAGE_ALIGN((u64)offset) >> PAGE_SHIFT, end = (u64)(offset + len) >> PAGE_SHIFT;

	if (inode->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return -EPERM;
	/* Whole huge pages; of those at either end only the bytes, as in shmem. */
	start = (start + HPAGE_PAGES - 1) & ~(HPAGE_PAGES - 1);
	end &= ~(HPAGE_PAGES - 1);
	if (start < end)
		remove_inode_hugepages(m, inode, start, end);
	return 0;
}

static int hugetlbfs_allocate(struct machine *m, struct inode *inode, int mode, s64 offset, s64 len)
{
	s64 end = offset + len;

	if (inode->seals & F_SEAL_GROW && end > i_size_read(inode))
		return -EPERM;
	for (s64 pos = offset & ~(HPAGE_SIZE - 1); pos < end; pos += HPAGE_SIZE)
		if (IS_ERR(hugetlb_get_folio(m, inode, pos >> PAGE_SHIFT)))
			return -ENOSPC;
	if (!(mode & FALLOC_FL_KEEP_SIZE) && end > i_size_read(inode))
		i_size_write(m, inode, end);
	return 0;
}

static int hugetlbfs_fallocate(struct machine *m, struct file *file, int mode, s64 offset, s64 len)
{
	struct inode *inode = file_inode(file);
	int err = -EPERM;

	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	inode_lock(m, inode);
	if (!frozen(inode))
		err = mode & FALLOC_FL_PUNCH_HOLE ?
			hugetlbfs_punch_hole(m, inode, offset, len) :
			hugetlbfs_allocate(m, inode, mode, offset, len);
	inode_unlock(m, inode);
	return err;
}

static const struct file_operations hugetlbfs_fops = {
	.name = "hugetlbfs", .read = filemap_read, .llseek = hugetlbfs_llseek,
	.fallocate = hugetlbfs_fallocate, .fsync = noop_fsync,
};

int hugetlbfs_setattr_size(struct machine *m, struct inode *inode, s64 size)
{
	s64 old = i_size_read(inode);

	if (size & (HPAGE_SIZE - 1))
		return -EINVAL;
	if ((size < old && inode->seals & F_SEAL_SHRINK) ||
	    (size > old && inode->seals & F_SEAL_GROW))
		return -EPERM;
	if (frozen(inode) && size != old)
		return -EPERM;
	i_size_write(m, inode, size);
	remove_inode_hugepages(m, inode, size >> PAGE_SHIFT, UINT64_MAX);
	return 0;
}

struct file *hugetlb_file_setup(struct machine *m, const char *path, unsigned int size_log)
{
	struct inode *inode;
	struct file *file;

	if (size_log && size_log != HPAGE_LOG)
		return ERR_PTR(-ENODEV);
	inode = new_inode(m, FS_HUGETLB, S_IFREG | 0777, 0);
	if (!inode)
		return ERR_PTR(-ENOSPC);
	inode->is_hugetlb = true;
	inode->i_fop = &hugetlbfs_fops;
	inode->seals = F_SEAL_SEAL;
	file = alloc_file(m, inode, path, O_RDWR, &hugetlbfs_fops);
	if (IS_ERR(file))
		iput(m, inode);
	return file;
}

/* Stores through a shared mapping, as there is no write(2). */

static s64 store(struct machine *m, struct inode *inode, const u8 *buf, u64 len, s64 pos)
{
	for (u64 done = 0, nr; done < len; done += nr, pos += nr) {
		u64 offset = pos & (HPAGE_SIZE - 1);
		struct folio *folio;

		task_yield(m, YIELD_FAULT, NULL);
		folio = hugetlb_get_folio(m, inode, pos >> PAGE_SHIFT);
		nr = min(len - done, HPAGE_SIZE - offset);
		if (IS_ERR(folio))
			return done ? (s64)done : PTR_ERR(folio);
		phys_write(m, folio_phys(m, folio) + offset, buf + done, nr);
		folio_mark_dirty(folio);
	}
	return len;
}

static s64 do_huge_write(struct machine *m, int fd, const void *buf, u64 len, s64 pos)
{
	struct file *file = fdget(m, fd);
	struct inode *inode;

	if (!file)
		return -EBADF;
	inode = file_inode(file);
	if (!inode->is_hugetlb)
		return -ENODEV;
	if (inode->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return -EPERM;
	/* Behind the end the process gets a SIGBUS. */
	if (pos < 0 || len > INT64_MAX - (u64)pos || pos + (s64)len > i_size_read(inode))
		return -EFAULT;
	return store(m, inode, buf, len, pos);
}

int64_t sys_huge_write(struct machine *m, int fd, const void *buf, size_t len, int64_t pos)
{
	SYSCALL(m, do_huge_write(m, fd, buf, len, pos));
}
