/* SPDX-License-Identifier: GPL-2.0-only */
/* memfd_create(), seals (mm/memfd.c) and the pinning of a memfd's folios (mm/gup.c). */
#include "lib/uapi.h"

#include <stdio.h>

#include "machine/machine.h"

#define MFD_ALL_FLAGS	(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB | MFD_NOEXEC_SEAL | \
			 MFD_EXEC)
#define MFD_HUGE_BITS	((unsigned int)MFD_HUGE_MASK << MFD_HUGE_SHIFT)
#define F_ALL_SEALS	(F_SEAL_SEAL | F_SEAL_EXEC | F_SEAL_SHRINK | F_SEAL_GROW | \
			 F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)

#define MFD_NAME_PREFIX		"memfd:"
#define MFD_NAME_MAX_LEN	(255u - sizeof(MFD_NAME_PREFIX) + 1)

static u32 *memfd_file_seals_ptr(struct file *file)
{
	struct inode *inode = file_inode(file);

	return inode->is_shmem || inode->is_hugetlb ? &inode->seals : NULL;
}

/* Does somebody other than the page cache hold a folio, who might still write to it? */
static int memfd_wait_for_pins(struct machine *m, struct address_space *mapping)
{
	struct folio *folio;
	u64 index = 0;

	while ((folio = filemap_next_folio(m, mapping, &index, UINT64_MAX))) {
		if (folio->page.refcount != 1)
			return -EBUSY;
		index = folio_start(folio, index) + folio_nr_pages(folio);
	}
	return 0;
}

static u32 implied_seals(const struct inode *inode, u32 seals)
{
	if (seals & F_SEAL_EXEC && inode->i_mode & 0111)
		seals |= F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
	return seals;
}

static int add_seals_locked(struct machine *m, struct file *file, u32 seals)
{
	struct inode *inode = file_inode(file);
	u32 *file_seals = memfd_file_seals_ptr(file);
	int err;

	if (!file_seals)
		return -EINVAL;
	if (*file_seals & F_SEAL_SEAL)
		return -EPERM;
	if (has_fix(m, FIX_MEMFD_SEAL_EXEC))
		seals = implied_seals(inode, seals);
	if (seals & F_SEAL_WRITE && !(*file_seals & F_SEAL_WRITE)) {
		err = memfd_wait_for_pins(m, &inode->i_mapping);
		if (err)
			return err;
	}
	*file_seals |= implied_seals(inode, seals);
	return 0;
}

int memfd_add_seals(struct machine *m, struct file *file, unsigned int seals)
{
	int err;

	if (!(file->f_mode & FMODE_WRITE))
		return -EPERM;
	if (seals & ~(unsigned int)F_ALL_SEALS)
		return -EINVAL;
	inode_lock(m, file_inode(file));
	err = add_seals_locked(m, file, seals);
	inode_unlock(m, file_inode(file));
	return err;
}

int memfd_get_seals(struct machine *m, struct file *file)
{
	u32 *seals = memfd_file_seals_ptr(file);

	(void)m;
	return seals ? (int)*seals : -EINVAL;
}

struct file *memfd_alloc_file(struct machine *m, const char *name, unsigned int flags)
{
	char path[sizeof("/ (deleted)") + sizeof(MFD_NAME_PREFIX) + MFD_NAME_MAX_LEN];
	struct inode *inode;
	struct file *file;

	snprintf(path, sizeof(path), "/%s (deleted)", name);
	if (flags & MFD_HUGETLB)
		file = hugetlb_file_setup(m, path, (flags & MFD_HUGE_BITS) >> MFD_HUGE_SHIFT);
	else
		file = shmem_file_setup(m, path, 0);
	if (IS_ERR(file))
		return file;
	file->f_mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE;
	file->f_flags |= KERNEL_O_LARGEFILE;
	inode = file_inode(file);
	if (flags & (MFD_NOEXEC_SEAL | MFD_ALLOW_SEALING))
		inode->seals &= ~F_SEAL_SEAL;
	if (flags & MFD_NOEXEC_SEAL) {
		inode->i_mode &= ~0111u;
		inode->seals |= F_SEAL_EXEC;
	}
	return file;
}

static int sanitize_flags(unsigned int flags)
{
	unsigned int known = MFD_ALL_FLAGS | (flags & MFD_HUGETLB ? MFD_HUGE_BITS : 0);

	if (flags & ~known)
		return -EINVAL;
	if (flags & MFD_EXEC && flags & MFD_NOEXEC_SEAL)
		return -EINVAL;
	return 0;
}

static int install_memfd(struct machine *m, const char *name, unsigned int flags)
{
	int fd = get_unused_fd_flags(m, flags & MFD_CLOEXEC ? O_CLOEXEC : 0);
	struct file *file;

	if (fd < 0)
		return fd;
	file = memfd_alloc_file(m, name, flags);
	if (IS_ERR(file)) {
		put_unused_fd(m, fd);
		return PTR_ERR(file);
	}
	fd_install(m, fd, file);
	return fd;
}

int do_memfd_create(struct machine *m, const char *uname, unsigned int flags)
{
	const u64 size = sizeof(MFD_NAME_PREFIX) + MFD_NAME_MAX_LEN;
	int err = sanitize_flags(flags);
	char *name;

	if (err)
		return err;
	name = kzalloc(m, size);
	if (!name)
		return -ENOMEM;
	task_yield(m, YIELD_COPY_FROM_USER, NULL);
	if (!uname)
		err = -EFAULT;
	else if (strnlen(uname, MFD_NAME_MAX_LEN + 1) > MFD_NAME_MAX_LEN)
		err = -EINVAL;
	if (!err) {
		strcat(strcpy(name, MFD_NAME_PREFIX), uname);
		err = install_memfd(m, name, flags);
	}
	kfree(m, name, size);
	return err;
}

/* All @nr found so far, when the next one fails. */
static void unpin_folios(struct machine *m, const u32 *pfns, u32 nr)
{
	while (nr--)
		unpin_folio(m, pfn_folio(m, pfns[nr]));
}

/* Pinned for long, nothing may stay in scratch: it is moved, and then all is pinned again. */
static int check_and_migrate_movable_folios(struct machine *m, struct inode *inode, u32 *pfns,
					    u32 nr)
{
	bool moves = false;

	for (u32 i = 0; i < nr && !moves; i++)
		moves = is_migrate_cma(m, pfns[i]);
	if (!moves)
		return 0;
	unpin_folios(m, pfns, nr);
	for (u32 i = 0; i < nr; i++)
		if (is_migrate_cma(m, pfns[i]) &&
		    filemap_migrate_folio(m, &inode->i_mapping, pfn_folio(m, pfns[i])))
			return -ENOMEM;
	return -EAGAIN;
}

static s64 __memfd_pin_folios(struct machine *m, struct file *file, s64 start, s64 end, u32 *pfns,
			      u32 max)
{
	struct inode *inode = file_inode(file);
	u64 index = start >> PAGE_SHIFT, last = end >> PAGE_SHIFT;
	u32 nr = 0;
	int err;

	if (start < 0 || start > end || !max || !(inode->is_shmem || inode->is_hugetlb) ||
	    end >= i_size_read(inode))
		return -EINVAL;
	while (index <= last && nr < max) {
		struct folio *folio = filemap_get_folio(m, &inode->i_mapping, index);

		if (!folio) {
			folio = inode->is_hugetlb ? hugetlb_get_folio(m, inode, index) :
						    shmem_read_folio(m, inode, index);
			if (IS_ERR(folio)) {
				unpin_folios(m, pfns, nr);
				return PTR_ERR(folio);
			}
		}
		folio_pin(m, folio);
		pfns[nr++] = folio_pfn(m, folio);
		index = folio_start(folio, index) + folio_nr_pages(folio);
	}
	err = check_and_migrate_movable_folios(m, inode, pfns, nr);
	return err ? err : (s64)nr;
}

s64 memfd_pin_folios(struct machine *m, struct file *file, s64 start, s64 end, u32 *pfns, u32 max)
{
	s64 nr;

	do {
		nr = __memfd_pin_folios(m, file, start, end, pfns, max);
	} while (nr == -EAGAIN);
	return nr;
}
