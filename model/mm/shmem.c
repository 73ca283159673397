/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmpfs files (mm/shmem.c, with what it uses of mm/truncate.c and of
 * generic_perform_write()): contents, size, holes, large folios, accounting.
 */
#include "lib/uapi.h"

#include "machine/machine.h"

#define HPAGE_PMD_ORDER	9u
#define MAX_FOLIO_SIZE	(PAGE_SIZE << HPAGE_PMD_ORDER)	/* in a page cache */
#define WRITE_SEALS	(F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)

/* What shmem_get_folio() is for. */
enum sgp_type {
	SGP_CACHE,	/* gives a folio that can be read, within the file's size */
	SGP_WRITE,	/* may extend the file; the caller fills the folio */
	SGP_FALLOC,	/* like SGP_WRITE; a folio that was there is made fit to read */
};

/* Accounting. */

int shmem_inode_acct_blocks(struct machine *m, struct inode *inode, u64 pages)
{
	struct super_block *sb = inode->i_sb;

	if (should_fail(m, FAIL_ACCT_BLOCKS, 0, NULL))
		return -ENOSPC;
	/* More than there is memory: the heuristic of overcommit says no. */
	if (pages > m->nr_frames)
		return -ENOSPC;
	if (sb->max_blocks && sb->used_blocks + pages > sb->max_blocks)
		return -ENOSPC;
	sb->used_blocks += pages;
	inode->i_blocks += pages * (PAGE_SIZE / 512);
	return 0;
}

static void shmem_inode_unacct_blocks(struct inode *inode, u64 pages)
{
	inode->i_sb->used_blocks -= pages;
	inode->i_blocks -= pages * (PAGE_SIZE / 512);
}

/* Note @alloced pages more, and those that have left the page cache since. */
void shmem_recalc_inode(struct machine *m, struct inode *inode, s64 alloced)
{
	s64 freed;

	(void)m;
	inode->alloced += alloced;
	freed = inode->alloced - inode->i_mapping.nrpages;
	if (freed > 0) {
		inode->alloced -= freed;
		shmem_inode_unacct_blocks(inode, freed);
	}
}

/* Folios. */

int shmem_add_to_page_cache(struct machine *m, struct folio *folio, struct address_space *mapping,
			    u64 index)
{
	return filemap_add_folio(m, mapping, folio, index);
}

/* The largest order with nothing in the page cache where the folio would be; 0: none. */
static unsigned int shmem_suitable_order(struct machine *m, struct inode *inode, u64 index)
{
	unsigned int order = inode->i_sb->huge ? HPAGE_PMD_ORDER : 0;

	for (; order; order--) {
		u64 pages = 1ull << order, at = index & ~(pages - 1);

		if (!filemap_next_folio(m, &inode->i_mapping, &at, at + pages))
			break;
	}
	return order;
}

/* A folio of @order or, if there is none, of the next smaller ones that are large. */
static struct folio *shmem_alloc_folio(struct machine *m, unsigned int order)
{
	u32 failed_before = m->task->faults.stats.happened;
	struct folio *folio = folio_alloc(m, GFP_KERNEL | __GFP_MOVABLE, order);

	/* A single page fails only on purpose; else the OOM killer would find nobody to kill. */
	if (!folio && !order && m->task->faults.stats.happened == failed_before)
		panic(m, "System is deadlocked on memory");
	while (!folio && order > 1)
		folio = folio_alloc(m, GFP_KERNEL | __GFP_MOVABLE, --order);
	return folio;
}

static struct folio *shmem_alloc_and_add_folio(struct machine *m, struct inode *inode, u64 index,
					       unsigned int order)
{
	struct folio *folio = shmem_alloc_folio(m, order);
	u64 pages;
	int err;

	if (!folio)
		return ERR_PTR(-ENOMEM);
	pages = folio_nr_pages(folio);
	err = mem_cgroup_charge(m, folio);
	if (err)
		goto out;
	err = shmem_add_to_page_cache(m, folio, &inode->i_mapping, index & ~(pages - 1));
	if (err)
		goto out;
	err = shmem_inode_acct_blocks(m, inode, pages);
	if (err) {
		filemap_remove_folio_at(m, &inode->i_mapping, folio, index);
		goto out;
	}
	shmem_recalc_inode(m, inode, pages);
out:
	folio_put(m, folio);
	return err ? ERR_PTR(err) : folio;
}

static struct folio *shmem_new_folio(struct machine *m, struct inode *inode, u64 index)
{
	unsigned int order = shmem_suitable_order(m, inode, index);
	struct folio *folio;

	if (order) {
		folio = shmem_alloc_and_add_folio(m, inode, index, order);
		if (!IS_ERR(folio))
			return folio;
	}
	folio = shmem_alloc_and_add_folio(m, inode, index, 0);
	if (IS_ERR(folio))
		shmem_recalc_inode(m, inode, 0);
	return folio;
}

static int shmem_get_folio(struct machine *m, struct inode *inode, u64 index,
			   struct folio **foliop, enum sgp_type sgp)
{
	struct folio *folio;

	if (sgp == SGP_CACHE && index << PAGE_SHIFT >= (u64)i_size_read(inode))
		return -EINVAL;
	folio = filemap_get_folio(m, &inode->i_mapping, index);
	if (folio && folio_test_uptodate(folio))
		goto out;
	if (!folio) {
		folio = shmem_new_folio(m, inode, index);
		if (IS_ERR(folio))
			return PTR_ERR(folio);
		if (sgp == SGP_FALLOC)
			sgp = SGP_WRITE;
	}
	if (sgp != SGP_WRITE) {
		folio_zero(m, folio);
		folio_mark_uptodate(folio);
	}
out:
	*foliop = folio;
	return 0;
}

struct folio *shmem_read_folio(struct machine *m, struct inode *inode, u64 index)
{
	struct folio *folio;
	int err = shmem_get_folio(m, inode, index, &folio, SGP_CACHE);

	return err ? ERR_PTR(err) : folio;
}

int shmem_poke(struct machine *m, struct inode *inode, char byte)
{
	/* The mapping is one page long, too short for a large folio. */
	struct folio *folio = shmem_alloc_and_add_folio(m, inode, 0, 0);

	if (IS_ERR(folio))
		return PTR_ERR(folio);
	folio_zero(m, folio);
	folio_mark_uptodate(folio);
	folio_mark_dirty(folio);
	phys_write(m, folio_phys(m, folio), &byte, sizeof(byte));
	return 0;
}

/* Truncation. */

static void truncate_inode_folio(struct machine *m, struct inode *inode, struct folio *folio,
				 u64 index)
{
	filemap_remove_folio_at(m, &inode->i_mapping, folio, index);
}

/* Split at page @index; what then begins beyond the end of the file goes. */
static int try_folio_split(struct machine *m, struct inode *inode, struct folio *folio, u64 index)
{
	u64 first = folio_start(folio, index), next = first + folio_nr_pages(folio), at;
	u64 end = max(DIV_ROUND_UP((u64)i_size_read(inode), PAGE_SIZE), inode->fallocend);

	if (filemap_split_folio(m, &inode->i_mapping, folio, index))
		return -EAGAIN;
	at = max(end, first + folio_nr_pages(folio));
	while ((folio = filemap_next_folio(m, &inode->i_mapping, &at, next))) {
		u64 start = folio_start(folio, at);

		at = start + folio_nr_pages(folio);
		if (start >= end)
			truncate_inode_folio(m, inode, folio, start);
	}
	shmem_recalc_inode(m, inode, 0);
	return 0;
}

/*
 * Take [lstart, lend] out of the folio that holds page @index: all of it, or
 * with zeroes and, of a large one, a split. False if it could not be split.
 */
static bool truncate_inode_partial_folio(struct machine *m, struct inode *inode,
					 struct folio *folio, u64 index, u64 lstart, u64 lend)
{
	u64 first = folio_start(folio, index), pos = first << PAGE_SHIFT;
	u64 size = folio_nr_pages(folio) << PAGE_SHIFT;
	u64 offset = pos < lstart ? lstart - pos : 0;
	u64 length = (pos + size <= lend ? size : lend + 1 - pos) - offset;
	struct folio *other;

	if (length == size) {
		truncate_inode_folio(m, inode, folio, index);
		return true;
	}
	phys_zero(m, folio_phys(m, folio) + offset, length);
	if (!folio_order(folio))
		return true;
	if (try_folio_split(m, inode, folio, first + (offset >> PAGE_SHIFT)))
		return false;
	if (offset + length == size)
		return true;
	index = first + ((offset + length) >> PAGE_SHIFT);
	other = filemap_get_folio(m, &inode->i_mapping, index);
	if (other && folio_order(other))
		try_folio_split(m, inode, other, index);
	return true;
}

/* Remove the folios that lie in [start, end) as a whole. */
static void remove_whole_folios(struct machine *m, struct inode *inode, u64 start, u64 end,
				bool unfalloc)
{
	struct folio *folio;
	u64 at = start;

	while ((folio = filemap_next_folio(m, &inode->i_mapping, &at, end))) {
		u64 first = folio_start(folio, at), next = first + folio_nr_pages(folio);

		if (first >= start && next <= end && !(unfalloc && folio_test_uptodate(folio)))
			truncate_inode_folio(m, inode, folio, at);
		at = next;
	}
}

/* Remove or cut what is left in [start, end): large folios that reach beyond it. */
static void remove_cut_folios(struct machine *m, struct inode *inode, u64 start, u64 end,
			      u64 lstart, u64 lend, bool unfalloc)
{
	struct folio *folio;
	u64 at = start;

	while ((folio = filemap_next_folio(m, &inode->i_mapping, &at, end))) {
		u64 next = folio_start(folio, at) + folio_nr_pages(folio);

		if (unfalloc && folio_test_uptodate(folio)) {
			at = next;
		} else if (!folio_order(folio)) {
			truncate_inode_folio(m, inode, folio, at);
		} else if (!truncate_inode_partial_folio(m, inode, folio, at, lstart, lend)) {
			at = next;
		}
	}
}

/*
 * Drop the bytes [lstart, lend]; UINT64_MAX is the end of all. @unfalloc undoes
 * an fallocate(): only folios that were never used go.
 */
static void shmem_undo_range(struct machine *m, struct inode *inode, u64 lstart, u64 lend,
			     bool unfalloc)
{
	u64 start = (lstart + PAGE_SIZE - 1) >> PAGE_SHIFT;
	u64 end = lend == UINT64_MAX ? UINT64_MAX : (lend + 1) >> PAGE_SHIFT;
	bool same_folio = lstart >> PAGE_SHIFT == lend >> PAGE_SHIFT;
	u64 index = lstart >> PAGE_SHIFT;
	struct folio *folio;

	if (inode->fallocend > start && inode->fallocend <= end && !unfalloc)
		inode->fallocend = start;
	remove_whole_folios(m, inode, start, end, unfalloc);
	if (unfalloc)
		goto whole_folios;

	folio = filemap_get_folio(m, &inode->i_mapping, index);
	if (folio) {
		u64 first = folio_start(folio, index), next = first + folio_nr_pages(folio);

		same_folio = lend < next << PAGE_SHIFT;
		folio_mark_dirty(folio);
		if (!truncate_inode_partial_folio(m, inode, folio, index, lstart, lend)) {
			start = next;
			if (same_folio)
				end = first;
		}
	}
	index = lend >> PAGE_SHIFT;
	folio = same_folio ? NULL : filemap_get_folio(m, &inode->i_mapping, index);
	if (folio) {
		u64 first = folio_start(folio, index);

		folio_mark_dirty(folio);
		if (!truncate_inode_partial_folio(m, inode, folio, index, lstart, lend))
			end = first;
	}
whole_folios:
	if (start < end)
		remove_cut_folios(m, inode, start, end, lstart, lend, unfalloc);
	shmem_recalc_inode(m, inode, 0);
}

int shmem_setattr_size(struct machine *m, struct inode *inode, s64 newsize)
{
	s64 oldsize = i_size_read(inode);

	if ((newsize < oldsize && inode->seals & F_SEAL_SHRINK) ||
	    (newsize > oldsize && inode->seals & F_SEAL_GROW))
		return -EPERM;
	if (newsize != oldsize) {
		if (inode->flags & SHMEM_F_MAPPING_FROZEN)
			return -EPERM;
		i_size_write(m, inode, newsize);
	}
	if (newsize <= oldsize && inode->alloced)
		shmem_undo_range(m, inode, newsize, UINT64_MAX, false);
	return 0;
}

void shmem_evict_inode(struct machine *m, struct inode *inode)
{
	i_size_write(m, inode, 0);
	shmem_undo_range(m, inode, 0, UINT64_MAX, false);
	WARN_ON(m, inode->i_blocks);
	shmem_freeze(m, inode, false);
}

/* File operations. */

/* The folio to write @len bytes at @pos to, or as many as fit into it. */
static int shmem_write_begin(struct machine *m, struct inode *inode, s64 pos, u64 len,
			     struct folio **foliop)
{
	u64 end = pos + len, size = i_size_read(inode);
	int err;

	if (inode->seals & WRITE_SEALS)
		return -EPERM;
	if (inode->seals & F_SEAL_GROW && end > size)
		return -EPERM;
	if (inode->flags & SHMEM_F_MAPPING_FROZEN && end > size)
		return -EPERM;
	err = shmem_get_folio(m, inode, pos >> PAGE_SHIFT, foliop, SGP_WRITE);
	return !err && folio_test_hwpoison(*foliop) ? -EIO : err;
}

static void shmem_write_end(struct machine *m, struct inode *inode, s64 pos, const void *buf,
			    u64 len, struct folio *folio)
{
	u64 fsize = folio_nr_pages(folio) << PAGE_SHIFT;

	if (!folio_test_uptodate(folio)) {
		if (len < fsize)
			folio_zero(m, folio);
		folio_mark_uptodate(folio);
	}
	phys_write(m, folio_phys(m, folio) + (pos & (fsize - 1)), buf, len);
	folio_mark_dirty(folio);
	if (pos + (s64)len > i_size_read(inode))
		i_size_write(m, inode, pos + len);
}

/* generic_perform_write(): in steps of a page, or of the largest folio there can be. */
static s64 shmem_perform_write(struct machine *m, struct inode *inode, const char *buf, u64 len,
			       s64 pos)
{
	u64 chunk = inode->large_folios ? MAX_FOLIO_SIZE : PAGE_SIZE, done, bytes;

	for (done = 0; done < len; done += bytes, pos += bytes) {
		struct folio *folio;
		u64 fsize;
		int err;

		bytes = min(len - done, chunk - (pos & (chunk - 1)));
		task_yield(m, YIELD_COPY_FROM_USER, NULL);
		err = shmem_write_begin(m, inode, pos, bytes, &folio);
		if (err)
			return done ? (s64)done : err;
		fsize = folio_nr_pages(folio) << PAGE_SHIFT;
		bytes = min(bytes, fsize - (pos & (fsize - 1)));
		shmem_write_end(m, inode, pos, buf + done, bytes, folio);
	}
	return done;
}

static s64 shmem_file_write(struct machine *m, struct file *file, const void *buf, u64 len,
			    s64 *pos)
{
	struct inode *inode = file_inode(file);
	s64 ret = -EFBIG;

	inode_lock(m, inode);
	if (len && file->f_flags & O_APPEND)
		*pos = i_size_read(inode);
	if (!len)
		ret = 0;
	else if (*pos < MAX_LFS_FILESIZE)
		ret = shmem_perform_write(m, inode, buf,
					  min(len, (u64)(MAX_LFS_FILESIZE - *pos)), *pos);
	if (ret > 0)
		*pos += ret;
	inode_unlock(m, inode);
	return ret;
}

/* Where data begins or ends, from @offset on; a folio that was never used is a hole. */
static s64 shmem_seek_hole_data(struct machine *m, struct inode *inode, s64 offset, int whence)
{
	u64 end = i_size_read(inode), max = DIV_ROUND_UP(end, PAGE_SIZE);
	u64 index = offset >> PAGE_SHIFT;
	struct folio *folio;

	if (offset < 0 || (u64)offset >= end)
		return -ENXIO;
	while ((folio = filemap_next_folio(m, &inode->i_mapping, &index, max))) {
		u64 pos = index << PAGE_SHIFT;

		if ((u64)offset < pos && whence == SEEK_HOLE)
			return offset;
		offset = max((u64)offset, pos);
		if (folio_test_uptodate(folio) == (whence == SEEK_DATA))
			return offset;
		index = folio_start(folio, index) + folio_nr_pages(folio);
		offset = min(index << PAGE_SHIFT, end);
	}
	return whence == SEEK_DATA ? -ENXIO : offset;
}

static s64 shmem_file_llseek(struct machine *m, struct file *file, s64 offset, int whence)
{
	struct inode *inode = file_inode(file);

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return generic_file_llseek(file, offset, whence);
	inode_lock(m, inode);
	offset = shmem_seek_hole_data(m, inode, offset, whence);
	if (offset >= 0)
		vfs_setpos(file, offset);
	inode_unlock(m, inode);
	return offset;
}

/* Allocate folios for [offset, offset + len), marked as never used. */
static int shmem_allocate_range(struct machine *m, struct inode *inode, u64 offset, u64 len)
{
	u64 start = offset >> PAGE_SHIFT, end = DIV_ROUND_UP(offset + len, PAGE_SIZE), index;
	u64 undo_fallocend = inode->fallocend;

	if (inode->i_sb->max_blocks && end - start > inode->i_sb->max_blocks)
		return -ENOSPC;
	inode->fallocend = max(inode->fallocend, end);
	for (index = start; index < end; ) {
		struct folio *folio;
		int err = shmem_get_folio(m, inode, index, &folio, SGP_FALLOC);

		if (err) {
			inode->fallocend = undo_fallocend;
			if (index > start)
				shmem_undo_range(m, inode, start << PAGE_SHIFT,
						 (index << PAGE_SHIFT) - 1, true);
			return err;
		}
		index = folio_start(folio, index) + folio_nr_pages(folio);
		folio_mark_dirty(folio);
	}
	return 0;
}

static int shmem_fallocate_locked(struct machine *m, struct inode *inode, int mode, s64 offset,
				  s64 len)
{
	s64 aligned_end;
	int err;

	if (inode->flags & SHMEM_F_MAPPING_FROZEN)
		return -EPERM;
	if (mode & FALLOC_FL_PUNCH_HOLE) {
		if (inode->seals & WRITE_SEALS)
			return -EPERM;
		shmem_undo_range(m, inode, offset, offset + len - 1, false);
		return 0;
	}
	if (inode->seals & F_SEAL_GROW && offset + len > i_size_read(inode))
		return -EPERM;
	if (__builtin_add_overflow(offset + len, (s64)PAGE_SIZE - 1, &aligned_end))
		return -EFBIG;
	err = shmem_allocate_range(m, inode, offset, len);
	if (!err && !(mode & FALLOC_FL_KEEP_SIZE) && offset + len > i_size_read(inode))
		i_size_write(m, inode, offset + len);
	return err;
}

static int shmem_fallocate(struct machine *m, struct file *file, int mode, s64 offset, s64 len)
{
	struct inode *inode = file_inode(file);
	int err;

	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	inode_lock(m, inode);
	err = shmem_fallocate_locked(m, inode, mode, offset, len);
	inode_unlock(m, inode);
	return err;
}

const struct file_operations shmem_file_operations = {
	.name = "shmem",
	.read = filemap_read,
	.write = shmem_file_write,
	.llseek = shmem_file_llseek,
	.fallocate = shmem_fallocate,
	.fsync = noop_fsync,
};

/* Making them. */

bool shmem_file(const struct file *file)
{
	return file_inode(file)->is_shmem;
}

void shmem_freeze(struct machine *m, struct inode *inode, bool freeze)
{
	bool frozen = inode->flags & SHMEM_F_MAPPING_FROZEN;

	census_add(m, CENSUS_FROZEN, freeze - frozen);
	if (freeze)
		inode->flags |= SHMEM_F_MAPPING_FROZEN;
	else
		inode->flags &= ~SHMEM_F_MAPPING_FROZEN;
}

struct inode *shmem_get_inode(struct machine *m, struct super_block *sb, u32 mode, u32 nlink)
{
	struct inode *inode = new_inode_sb(m, sb, mode, nlink);

	if (!inode)
		return NULL;
	inode->i_fop = &shmem_file_operations;
	inode->is_shmem = true;
	inode->large_folios = has_fix(m, FIX_SHMEM_LARGE_WRITE) || inode->i_sb->huge;
	inode->seals = F_SEAL_SEAL;
	return inode;
}

struct file *shmem_file_setup(struct machine *m, const char *path, s64 size)
{
	struct inode *inode = shmem_get_inode(m, &m->k->fs.sb[FS_SHM], S_IFREG | 0777, 0);
	struct file *file;

	if (!inode)
		return ERR_PTR(-ENOSPC);
	i_size_write(m, inode, size);
	file = alloc_file(m, inode, path, O_RDWR, &shmem_file_operations);
	if (IS_ERR(file))
		iput(m, inode);
	return file;
}
