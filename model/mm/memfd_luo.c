/* SPDX-License-Identifier: GPL-2.0-only */
/* The memfd file handler (mm/memfd_luo.c). */
#include "lib/uapi.h"

#include <limits.h>

#include "machine/machine.h"
#include "search/walk.h"

#define pr_fmt "memfd_luo: "

#define MEMFD_LUO_FOLIO_DIRTY		(1u << 0)
#define MEMFD_LUO_FOLIO_UPTODATE	(1u << 1)
#define MEMFD_LUO_ALL_SEALS	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | \
				 F_SEAL_FUTURE_WRITE | F_SEAL_EXEC)

/* Without seals and flags the members after them move up. */
static u64 ser_size(struct machine *m)
{
	return sizeof(struct memfd_luo_ser) - (has_fix(m, FIX_MEMFD_SEALS) ? 0 :
	       offsetof(struct memfd_luo_ser, nr_folios) - offsetof(struct memfd_luo_ser, seals));
}

static void write_ser(struct machine *m, phys_addr_t phys, const struct memfd_luo_ser *ser)
{
	if (has_fix(m, FIX_MEMFD_SEALS)) {
		phys_write(m, phys, ser, sizeof(*ser));
		return;
	}
	phys_write(m, phys, ser, offsetof(struct memfd_luo_ser, seals));
	phys_write(m, phys + offsetof(struct memfd_luo_ser, seals), &ser->nr_folios,
		   sizeof(*ser) - offsetof(struct memfd_luo_ser, nr_folios));
}

/* Not pos: where nobody asks for it, it need not be there. */
static void read_ser(struct machine *m, phys_addr_t phys, struct memfd_luo_ser *ser)
{
	u32 size = offsetof(struct memfd_luo_ser, size);

	ser->pos = 0;
	if (has_fix(m, FIX_MEMFD_SEALS)) {
		phys_read(m, phys + size, &ser->size, sizeof(*ser) - size);
		return;
	}
	phys_read(m, phys + size, &ser->size, offsetof(struct memfd_luo_ser, seals) - size);
	ser->seals = 0;
	ser->flags = 0;
	phys_read(m, phys + offsetof(struct memfd_luo_ser, seals), &ser->nr_folios,
		  sizeof(*ser) - offsetof(struct memfd_luo_ser, nr_folios));
}

static void read_folio_ser(struct machine *m, const struct vm_struct *vm, u64 i,
			   struct memfd_luo_folio_ser *pfolio)
{
	vmalloc_read(m, vm, i * sizeof(*pfolio), pfolio, sizeof(*pfolio));
}

/* Preserve. */

static int memfd_luo_preserve_folio(struct machine *m, struct folio *folio,
				    struct vm_struct *folios_ser, u64 i)
{
	struct memfd_luo_folio_ser pfolio;
	u64 flags = 0;
	int err;

	err = kho_preserve_folio(m, folio);
	if (err)
		return err;
	if (has_fix(m, FIX_MEMFD_UPTODATE)) {
		/* It may be written to later, and zeroes are what it would read as. */
		folio->page.flags |= PG_DIRTY;
		if (!(folio->page.flags & PG_UPTODATE)) {
			folio_zero(m, folio);
			folio_mark_uptodate(folio);
		}
	}
	if (folio->page.flags & PG_DIRTY)
		flags |= MEMFD_LUO_FOLIO_DIRTY;
	if (folio->page.flags & PG_UPTODATE)
		flags |= MEMFD_LUO_FOLIO_UPTODATE;
	pfolio = (struct memfd_luo_folio_ser){
		.pfn = folio_pfn(m, folio), .flags = flags, .index = folio->page.index };
	vmalloc_write(m, folios_ser, i * sizeof(pfolio), &pfolio, sizeof(pfolio));
	return 0;
}

/* Preserve the pinned folios @pfns and the array that describes them. */
static int preserve_pinned(struct machine *m, const u32 *pfns, u64 nr_folios,
			   struct vm_struct **folios_serp, struct kho_vmalloc *kho_vmalloc)
{
	struct vm_struct *folios_ser;
	u64 i;
	int err = 0;

	folios_ser = vcalloc(m, nr_folios, sizeof(struct memfd_luo_folio_ser));
	if (!folios_ser)
		return -ENOMEM;
	for (i = 0; i < nr_folios; i++) {
		err = memfd_luo_preserve_folio(m, pfn_folio(m, pfns[i]), folios_ser, i);
		if (err)
			goto err_unpreserve;
	}
	err = kho_preserve_vmalloc(m, folios_ser, kho_vmalloc);
	if (err)
		goto err_unpreserve;
	*folios_serp = folios_ser;
	return 0;

err_unpreserve:
	while (i--)
		kho_unpreserve_folio(m, pfn_folio(m, pfns[i]));
	vfree(m, folios_ser);
	return err;
}

int memfd_luo_preserve_folios(struct machine *m, struct file *file,
			      struct kho_vmalloc *kho_vmalloc, struct vm_struct **folios_serp,
			      u64 *nr_foliosp)
{
	s64 size = i_size_read(file_inode(file));
	u64 max_folios = PAGE_ALIGN((u64)size) / PAGE_SIZE;
	u32 *pfns;
	s64 nr;
	int err;

	*folios_serp = NULL;
	*nr_foliosp = 0;
	if (!size)
		return 0;
	/* Before FIX_MEMFD_EFBIG the count is cut to an unsigned int. */
	max_folios = (u32)max_folios;
	pfns = kvmalloc_pages(m, max_folios);
	if (!pfns)
		return -ENOMEM;
	nr = memfd_pin_folios(m, file, 0, size - 1, pfns, max_folios);
	if (nr < 0) {
		err = nr;
		pr_err(m, "failed to pin folios: %d", err);
		goto out;
	}
	err = preserve_pinned(m, pfns, nr, folios_serp, kho_vmalloc);
	if (!err)
		*nr_foliosp = nr;
	else
		for (s64 i = 0; i < nr; i++)
			unpin_folio(m, pfn_folio(m, pfns[i]));
out:
	kvfree_pages(m, pfns, max_folios);
	return err;
}

static int memfd_luo_check_seals(struct machine *m, struct file *file, struct memfd_luo_ser *ser)
{
	int seals;

	if (!has_fix(m, FIX_MEMFD_SEALS))
		return 0;
	seals = memfd_get_seals(m, file);
	if (seals < 0)
		return seals;
	if (seals & ~MEMFD_LUO_ALL_SEALS)
		return -EOPNOTSUPP;
	ser->seals = seals;
	return 0;
}

static int preserve_locked(struct liveupdate_file_op_args *args)
{
	struct machine *m = args->m;
	struct inode *inode = file_inode(args->file);
	struct memfd_luo_ser ser = { 0 };
	struct vm_struct *folios_ser;
	phys_addr_t phys;
	u64 nr_folios;
	int err;

	err = kho_alloc_preserve(m, ser_size(m), &phys);
	if (err)
		return err;
	err = memfd_luo_check_seals(m, args->file, &ser);
	if (err)
		goto err_free_ser;
	ser.pos = args->file->f_pos;
	ser.size = i_size_read(inode);
	if (has_fix(m, FIX_MEMFD_EFBIG) && DIV_ROUND_UP(ser.size, PAGE_SIZE) > UINT_MAX) {
		err = -EFBIG;
		goto err_free_ser;
	}
	err = memfd_luo_preserve_folios(m, args->file, &ser.folios, &folios_ser, &nr_folios);
	if (err)
		goto err_free_ser;
	ser.nr_folios = nr_folios;
	write_ser(m, phys, &ser);
	args->private_data = folios_ser;
	args->serialized_data = phys;
	return 0;

err_free_ser:
	kho_unpreserve_free(m, phys);
	return err;
}

static int memfd_luo_preserve(struct liveupdate_file_op_args *args)
{
	struct machine *m = args->m;
	KCALL(m);
	struct inode *inode = file_inode(args->file);
	int err;

	inode_lock(m, inode);
	shmem_freeze(m, inode, true);
	err = preserve_locked(args);
	if (err)
		shmem_freeze(m, inode, false);
	inode_unlock(m, inode);
	return err;
}

static int memfd_luo_freeze(struct liveupdate_file_op_args *args)
{
	struct machine *m = args->m;
	KCALL(m);
	u64 pos = args->file->f_pos;

	if (WARN_ON_ONCE(m, !args->serialized_data))
		return -EINVAL;
	phys_write(m, args->serialized_data + offsetof(struct memfd_luo_ser, pos), &pos,
		   sizeof(pos));
	return 0;
}

void memfd_luo_unpreserve_folios(struct machine *m, const struct kho_vmalloc *kho_vmalloc,
				 struct vm_struct *folios_ser, u64 nr_folios)
{
	struct memfd_luo_folio_ser pfolio;

	if (!nr_folios)
		return;
	kho_unpreserve_vmalloc(m, kho_vmalloc);
	for (u64 i = 0; i < nr_folios; i++) {
		read_folio_ser(m, folios_ser, i, &pfolio);
		if (!pfolio.pfn)
			continue;
		kho_unpreserve_folio(m, pfn_folio(m, pfolio.pfn));
		unpin_folio(m, pfn_folio(m, pfolio.pfn));
	}
	vfree(m, folios_ser);
}

static void memfd_luo_unpreserve(struct liveupdate_file_op_args *args)
{
	struct machine *m = args->m;
	KCALL(m);
	struct inode *inode = file_inode(args->file);
	struct memfd_luo_ser ser;

	if (WARN_ON_ONCE(m, !args->serialized_data))
		return;
	inode_lock(m, inode);
	shmem_freeze(m, inode, false);
	read_ser(m, args->serialized_data, &ser);
	memfd_luo_unpreserve_folios(m, &ser.folios, args->private_data, ser.nr_folios);
	kho_unpreserve_free(m, args->serialized_data);
	inode_unlock(m, inode);
}

/* Finish. */

void memfd_luo_discard_folios(struct machine *m, const struct vm_struct *folios_ser,
			      u64 nr_folios)
{
	struct memfd_luo_folio_ser pfolio;

	for (u64 i = 0; i < nr_folios; i++) {
		struct folio *folio;
		phys_addr_t phys;

		read_folio_ser(m, folios_ser, i, &pfolio);
		if (!pfolio.pfn)
			continue;
		phys = PFN_PHYS(pfolio.pfn);
		folio = kho_restore_folio(m, phys);
		if (!folio) {
			pr_warn_ratelimited(m, "Unable to restore folio at physical address: %llx",
					    (unsigned long long)phys);
			continue;
		}
		folio_put(m, folio);
	}
}

static void memfd_luo_finish(struct liveupdate_file_op_args *args)
{
	struct machine *m = args->m;
	KCALL(m);
	struct vm_struct *folios_ser;
	struct memfd_luo_ser ser;

	/* A retrieve, good or failed, has cleaned up all that it could. */
	if (args->retrieve_status)
		return;
	read_ser(m, args->serialized_data, &ser);
	if (ser.nr_folios) {
		folios_ser = kho_restore_vmalloc(m, &ser.folios);
		if (folios_ser) {
			memfd_luo_discard_folios(m, folios_ser, ser.nr_folios);
			vfree(m, folios_ser);
		}
	}
	kho_restore_free(m, args->serialized_data);
}

/* Retrieve. */

/* Put one restored, locked folio into the file. */
static int memfd_luo_add_folio(struct machine *m, struct inode *inode, struct folio *folio,
			       const struct memfd_luo_folio_ser *pfolio, u64 i, s64 *nr_added)
{
	s64 npages = has_fix(m, FIX_MEMFD_ACCT_FOLIO) ? (s64)folio_nr_pages(folio) : 1;
	int err;

	err = mem_cgroup_charge(m, folio);
	if (err) {
		pr_err(m, "shmem: failed to charge folio index %llu: %d",
		       (unsigned long long)i, err);
		return err;
	}
	err = shmem_add_to_page_cache(m, folio, &inode->i_mapping, pfolio->index);
	if (err) {
		pr_err(m, "shmem: failed to add to page cache folio index %llu: %d",
		       (unsigned long long)i, err);
		return err;
	}
	if (pfolio->flags & MEMFD_LUO_FOLIO_UPTODATE)
		folio_mark_uptodate(folio);
	if (pfolio->flags & MEMFD_LUO_FOLIO_DIRTY)
		folio->page.flags |= PG_DIRTY;
	err = shmem_inode_acct_blocks(m, inode, npages);
	if (err) {
		pr_err(m, "shmem: failed to account folio index %llu(%lld pages): %d",
		       (unsigned long long)i, (long long)npages, err);
		if (has_fix(m, FIX_MEMFD_REMOVE_FOLIO))
			filemap_remove_folio_at(m, &inode->i_mapping, folio, pfolio->index);
		return err;
	}
	*nr_added += npages;
	return 0;
}

/* Restore and drop the folios after the one that failed. */
static void memfd_luo_put_folios(struct machine *m, const struct vm_struct *folios_ser, u64 from,
				 u64 nr_folios)
{
	struct memfd_luo_folio_ser pfolio;

	for (u64 j = from; j < nr_folios; j++) {
		struct folio *folio;

		read_folio_ser(m, folios_ser, j, &pfolio);
		if (has_fix(m, FIX_MEMFD_PFN_PHYS)) {
			if (!pfolio.pfn)
				continue;
			folio = kho_restore_folio(m, PFN_PHYS(pfolio.pfn));
		} else {
			folio = kho_restore_folio(m, pfolio.pfn);
		}
		if (folio)
			folio_put(m, folio);
	}
}

int memfd_luo_retrieve_folios(struct machine *m, struct file *file,
			      const struct vm_struct *folios_ser, u64 nr_folios)
{
	struct inode *inode = file_inode(file);
	struct memfd_luo_folio_ser pfolio;
	s64 nr_added = 0;
	int err = -EIO;
	u64 i;

	for (i = 0; i < nr_folios; i++) {
		struct folio *folio;

		read_folio_ser(m, folios_ser, i, &pfolio);
		if (!pfolio.pfn)
			continue;
		folio = kho_restore_folio(m, PFN_PHYS(pfolio.pfn));
		if (!folio) {
			pr_err(m, "Unable to restore folio at physical address: %llx",
			       (unsigned long long)PFN_PHYS(pfolio.pfn));
			/* Without the fix err is what the folio before left: 0. */
			if (has_fix(m, FIX_MEMFD_RESTORE_EIO))
				err = -EIO;
			break;
		}
		err = memfd_luo_add_folio(m, inode, folio, &pfolio, i, &nr_added);
		folio_put(m, folio);
		if (err)
			break;
	}
	if (i < nr_folios)
		memfd_luo_put_folios(m, folios_ser, i + 1, nr_folios);
	else
		err = 0;
	shmem_recalc_inode(m, inode, nr_added);
	return err;
}

/* The new file, sealed and sized as the preserved one was. */
static struct file *memfd_luo_new_file(struct machine *m, phys_addr_t phys,
				       const struct memfd_luo_ser *ser)
{
	bool seals = has_fix(m, FIX_MEMFD_SEALS);
	struct file *file;
	int err;

	file = memfd_alloc_file(m, "", seals ? MFD_ALLOW_SEALING : 0);
	if (IS_ERR(file)) {
		pr_err(m, "failed to setup file: %ld", PTR_ERR(file));
		return file;
	}
	if (seals) {
		err = memfd_add_seals(m, file, ser->seals);
		if (err) {
			pr_err(m, "failed to add seals: %d", err);
			fput(m, file);
			return ERR_PTR(err);
		}
	}
	vfs_setpos(file, phys_read_u64(m, phys + offsetof(struct memfd_luo_ser, pos)));
	i_size_write(m, file_inode(file), ser->size);
	return file;
}

static int retrieve_file(struct machine *m, phys_addr_t phys, const struct memfd_luo_ser *ser,
			 struct file **filep)
{
	struct vm_struct *folios_ser;
	struct file *file;
	int err = 0;

	if (has_fix(m, FIX_MEMFD_SEALS) && ser->seals & ~MEMFD_LUO_ALL_SEALS)
		return -EOPNOTSUPP;
	file = memfd_luo_new_file(m, phys, ser);
	if (IS_ERR(file))
		return PTR_ERR(file);
	if (ser->nr_folios) {
		folios_ser = kho_restore_vmalloc(m, &ser->folios);
		if (!folios_ser) {
			fput(m, file);
			return -EINVAL;
		}
		err = memfd_luo_retrieve_folios(m, file, folios_ser, ser->nr_folios);
		vfree(m, folios_ser);
	}
	if (err)
		fput(m, file);
	else
		*filep = file;
	return err;
}

static int memfd_luo_retrieve(struct liveupdate_file_op_args *args)
{
	struct machine *m = args->m;
	KCALL(m);
	struct memfd_luo_ser ser;
	int err;

	read_ser(m, args->serialized_data, &ser);
	err = retrieve_file(m, args->serialized_data, &ser, &args->file);
	kho_restore_free(m, args->serialized_data);
	return err;
}

static bool memfd_luo_can_preserve(struct machine *m, struct liveupdate_file_handler *handler,
				   struct file *file)
{
	(void)m;
	(void)handler;
	return shmem_file(file) && !file_inode(file)->i_nlink;
}

static u64 memfd_luo_get_id(struct machine *m, struct liveupdate_file_handler *fh,
			    struct file *file)
{
	(void)fh;
	return object_id(m, file_inode(file));
}

void memfd_luo_walk_folio(struct machine_walk *w, const void *entry)
{
	const struct memfd_luo_folio_ser *pfolio = entry;

	walk_put(w, pfolio->index << 12 | pfolio->flags);
	walk_frame(w, pfolio->pfn);
}

static void memfd_luo_walk(struct machine_walk *w, struct machine *m,
			   struct liveupdate_file_handler *handler, u64 serialized_data)
{
	struct memfd_luo_ser ser;

	(void)handler;
	if (!phys_valid(m, serialized_data, sizeof(ser)))
		return;
	read_ser(m, serialized_data, &ser);
	walk_put(w, phys_read_u64(m, serialized_data + offsetof(struct memfd_luo_ser, pos)));
	walk_put(w, ser.size);
	walk_put(w, ser.seals);
	walk_put(w, ser.nr_folios);
	walk_vmalloc(w, &ser.folios, ser.nr_folios, sizeof(struct memfd_luo_folio_ser),
		     memfd_luo_walk_folio);
}

static const struct liveupdate_file_ops memfd_luo_file_ops = {
	.can_preserve = memfd_luo_can_preserve,
	.preserve = memfd_luo_preserve,
	.unpreserve = memfd_luo_unpreserve,
	.freeze = memfd_luo_freeze,
	.retrieve = memfd_luo_retrieve,
	.finish = memfd_luo_finish,
	.get_id = memfd_luo_get_id,
	.walk = memfd_luo_walk,
};

void memfd_luo_init(struct machine *m)
{
	struct liveupdate_file_handler *fh = &m->k->luo.memfd_handler;
	int err;

	fh->ops = &memfd_luo_file_ops;
	fh->name = "memfd";
	memcpy(fh->compatible, m->k->boot.release.memfd_compatible,
	       strnlen(m->k->boot.release.memfd_compatible, sizeof(fh->compatible) - 1));
	err = liveupdate_register_file_handler(m, fh);
	if (err && err != -EOPNOTSUPP)
		pr_err(m, "Could not register luo filesystem handler: %d", err);
}
