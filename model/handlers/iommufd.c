/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * iommufd: an address space in which memfds are mapped for devices, and its file
 * handler (drivers/iommu/iommufd/liveupdate.c of the posted series; v5 is its first phase, in
 * which nothing comes back: without the fix "iommu-v5" that is as in its RFC). An iommufd has
 * one address space and one page table here.
 *
 * What is preserved is the page table, if it was marked: which frame is at which
 * address. The memory behind it is for the memfds to preserve, which must lie in
 * the same session, sealed against a change of size.
 */
#include "lib/uapi.h"

#include "handlers/handlers.h"
#include "handlers/iommu.h"
#include "handlers/iommufd.h"
#include "machine/machine.h"
#include "search/walk.h"

#define pr_fmt "iommufd: "

#define IOMMUFD_LUO_COMPATIBLE	"iommufd-v1"
#define REQUIRED_SEALS		(F_SEAL_SEAL | F_SEAL_GROW | F_SEAL_SHRINK)

/* A memfd that is mapped; its folios are pinned. */
struct iopt_area {
	struct iopt_area *next;
	struct file *file;
	u32 seals;		/* when it was mapped */
	u64 iova;
	u32 *pfns;
	u32 nr, max;
};

struct iommufd_ctx {
	struct file *file;
	struct iopt_area *areas;
	u64 next_iova;
	bool lu_preserve;		/* the page table is marked */
	bool lu_map_immutable;
	phys_addr_t outgoing;		/* struct iommufd_lu, while preserved */
	struct vm_struct *restored;	/* the page table that came through kexec */
	u64 nr_restored;
	phys_addr_t incoming;		/* struct iommufd_lu that it came with; or 0 */
	u32 attached;
};

/* Handed over. */
struct iommufd_lu {
	u64 nr_entries;
	struct kho_vmalloc entries;
} __packed;

struct iommufd_pte {
	u64 iova;
	u64 pfn:52;
	u64 order:12;
} __packed;

/* The page table, one entry a folio. */

static u64 nr_entries(const struct iommufd_ctx *ictx)
{
	u64 nr = ictx->nr_restored;

	for (const struct iopt_area *area = ictx->areas; area; area = area->next)
		nr += area->nr;
	return nr;
}

static void read_pte(struct machine *m, const struct iommufd_ctx *ictx, u64 i,
		     struct iommufd_pte *pte)
{
	vmalloc_read(m, ictx->restored, i * sizeof(*pte), pte, sizeof(*pte));
}

/* Call @fn for each entry, those from before kexec first. */
static void for_each_pte(struct machine *m, const struct iommufd_ctx *ictx, bool restored_only,
			 void (*fn)(struct machine *m, const struct iommufd_pte *pte, u64 i,
				    void *data), void *data)
{
	struct iommufd_pte pte;
	u64 i = 0;

	for (; i < ictx->nr_restored; i++) {
		read_pte(m, ictx, i, &pte);
		fn(m, &pte, i, data);
	}
	if (restored_only)
		return;
	for (const struct iopt_area *area = ictx->areas; area; area = area->next) {
		u64 iova = area->iova;

		for (u32 j = 0; j < area->nr; j++) {
			const struct folio *folio = pfn_folio(m, area->pfns[j]);

			pte = (struct iommufd_pte){
				.iova = iova, .pfn = area->pfns[j], .order = folio_order(folio) };
			fn(m, &pte, i++, data);
			iova += folio_nr_pages(folio) << PAGE_SHIFT;
		}
	}
}

struct iommufd_hash {
	u64 hash;
	bool back;		/* a page is a memfd's again, which may be written to */
	bool gone;		/* one is nobody's */
};

static void hash_pte(struct machine *m, const struct iommufd_pte *pte, u64 i, void *data)
{
	struct iommufd_hash *h = data;

	(void)i;
	if (!pfn_valid(m, pte->pfn))
		return;
	if (ledger_is_restored(m, pte->pfn))
		h->back = true;
	else if (!(m->memmap[pte->pfn].flags & PG_INCOMING))
		h->gone = true;
	for (u64 nr = 0; nr < 1ull << pte->order % 64 && pfn_valid(m, pte->pfn + nr); nr++)
		h->hash += phys_hash(m, PFN_PHYS(pte->pfn + nr), PAGE_SIZE,
				     pte->iova + (nr << PAGE_SHIFT));
}

/*
 * A hash of what a device reads through the page table that is handed over, or was;
 * FILE_STATE_ANY when memfds behind it are back.
 */
static u64 iommufd_state(struct machine *m, struct file *file)
{
	const struct iommufd_ctx *ictx = file->private_data;
	struct iommufd_hash h = { 0 };

	/* What was not marked is not meant to come back. */
	if (!ictx->outgoing || ictx->lu_preserve)
		for_each_pte(m, ictx, !ictx->outgoing, hash_pte, &h);
	return !ictx->outgoing && h.back && !h.gone ? FILE_STATE_ANY : h.hash;
}

/* The file. */

static void unmap_area(struct machine *m, struct iopt_area *area)
{
	for (u32 i = 0; i < area->nr; i++)
		unpin_folio(m, pfn_folio(m, area->pfns[i]));
	kvfree_pages(m, area->pfns, area->max);
	fput(m, area->file);
	kfree(m, area, sizeof(*area));
}

static int iommufd_release(struct machine *m, struct file *file)
{
	struct iommufd_ctx *ictx = file->private_data;

	while (ictx->areas) {
		struct iopt_area *area = ictx->areas;

		ictx->areas = area->next;
		unmap_area(m, area);
	}
	if (ictx->restored)
		vfree(m, ictx->restored);
	kfree(m, ictx, sizeof(*ictx));
	return 0;
}

static void walk_pte(struct machine *m, const struct iommufd_pte *pte, u64 i, void *w)
{
	(void)m;
	(void)i;
	walk_put(w, pte->iova);
	walk_put(w, pte->order);
	walk_frame(w, pte->pfn);
}

static void iommufd_walk(struct machine_walk *w, struct machine *m, struct file *file)
{
	struct iommufd_ctx *ictx = file->private_data;

	walk_put(w, ictx->lu_preserve | ictx->lu_map_immutable << 1 |
		 (u64)!!ictx->outgoing << 2 | (u64)!!ictx->incoming << 3 |
		 (u64)ictx->attached << 8);
	walk_put(w, ictx->next_iova);
	walk_put(w, nr_entries(ictx));
	for_each_pte(m, ictx, false, walk_pte, w);
	for (const struct iopt_area *area = ictx->areas; area; area = area->next) {
		walk_put(w, area->seals);
		walk_file(w, area->file);
	}
}

static struct iommufd_ctx *iommufd_ctx_alloc(struct machine *m)
{
	return kzalloc(m, sizeof(struct iommufd_ctx));
}

static int iommufd_fops_open(struct machine *m, struct file *file)
{
	struct iommufd_ctx *ictx = iommufd_ctx_alloc(m);

	if (!ictx)
		return -ENOMEM;
	ictx->file = file;
	file->private_data = ictx;
	return 0;
}

static const struct file_operations iommufd_fops = {
	.name = "iommufd", .open = iommufd_fops_open, .release = iommufd_release,
	.state = iommufd_state, .walk = iommufd_walk,
};

void iommufd_init(struct machine *m)
{
	m->k->handlers->iommu = devtmpfs_create_node(m, 0660, "/dev/iommu", &iommufd_fops);
}

struct iommufd_ctx *iommufd_ctx_from_file(const struct file *file)
{
	return file->f_op == &iommufd_fops ? file->private_data : NULL;
}

struct file *iommufd_file(const struct iommufd_ctx *ictx)
{
	return ictx->file;
}

int iommufd_attach(struct machine *m, struct iommufd_ctx *ictx, u32 nr)
{
	int err = iommu_device_claim_dma_owner(m, nr, ictx->incoming);

	if (!err)
		ictx->attached++;
	return err;
}

void iommufd_detach(struct iommufd_ctx *ictx)
{
	ictx->attached--;
}

/* All have the inode of the one node. */
static struct file *iommufd_open(struct machine *m)
{
	struct dentry *node = m->k->handlers->iommu;

	return node ? dentry_open(m, node, O_RDWR | KERNEL_O_LARGEFILE) : ERR_PTR(-ENOENT);
}

static int map_area(struct machine *m, struct iommufd_ctx *ictx, struct iopt_area *area)
{
	s64 size = i_size_read(file_inode(area->file));
	struct iopt_area **last = &ictx->areas;
	s64 nr;

	if (size <= 0)
		return -EINVAL;
	area->max = DIV_ROUND_UP((u64)size, PAGE_SIZE);
	area->pfns = kvmalloc_pages(m, area->max);
	if (!area->pfns)
		return -ENOMEM;
	nr = memfd_pin_folios(m, area->file, 0, size - 1, area->pfns, area->max);
	if (nr < 0) {
		kvfree_pages(m, area->pfns, area->max);
		return nr;
	}
	area->nr = nr;
	area->seals = memfd_get_seals(m, area->file);
	area->iova = ictx->next_iova;
	ictx->next_iova += PAGE_ALIGN((u64)size);
	while (*last)
		last = &(*last)->next;
	*last = area;
	return 0;
}

static int do_iommufd_map(struct machine *m, int iommufd, int memfd)
{
	struct file *file = fdget(m, iommufd);
	struct iommufd_ctx *ictx = file ? iommufd_ctx_from_file(file) : NULL;
	struct iopt_area *area;
	int err;

	if (!file)
		return -EBADF;
	if (!ictx)
		return -ENOTTY;
	file = fget(m, memfd);
	if (!file)
		return -EBADF;
	err = ictx->lu_map_immutable ? -EBUSY : -ENOMEM;
	area = err == -EBUSY ? NULL : kzalloc(m, sizeof(*area));
	if (area) {
		area->file = file;
		err = map_area(m, ictx, area);
		if (!err)
			return 0;
		kfree(m, area, sizeof(*area));
	}
	fput(m, file);
	return err;
}

static int do_iommufd_mark(struct machine *m, int iommufd)
{
	struct file *file = fdget(m, iommufd);
	struct iommufd_ctx *ictx = file ? iommufd_ctx_from_file(file) : NULL;

	if (!file)
		return -EBADF;
	if (!ictx)
		return -ENOTTY;
	ictx->lu_preserve = true;
	return 0;
}

int sys_iommufd_open(struct machine *m)
{
	SYSCALL(m, install_file(m, iommufd_open(m)));
}

int sys_iommufd_map(struct machine *m, int iommufd, int memfd)
{
	SYSCALL(m, do_iommufd_map(m, iommufd, memfd));
}

int sys_iommufd_mark(struct machine *m, int iommufd)
{
	SYSCALL(m, do_iommufd_mark(m, iommufd));
}

/* Preserve. */

static int check_iopt_pages_preserved(struct luo_session *session, const struct iommufd_ctx *ictx)
{
	u64 token;
	int err;

	for (const struct iopt_area *area = ictx->areas; area; area = area->next) {
		if ((area->seals & REQUIRED_SEALS) != REQUIRED_SEALS)
			return -EINVAL;
		err = liveupdate_get_token_outgoing(session, area->file, &token);
		if (err)
			return err;
	}
	return 0;
}

static void save_pte(struct machine *m, const struct iommufd_pte *pte, u64 i, void *data)
{
	vmalloc_write(m, data, i * sizeof(*pte), pte, sizeof(*pte));
}

/* The page table goes into pages of its own. */
static int domain_preserve(struct machine *m, const struct iommufd_ctx *ictx,
			   struct iommufd_lu *lu, struct vm_struct **entries)
{
	int err;

	*entries = NULL;
	if (!ictx->lu_preserve || !nr_entries(ictx))
		return 0;
	*entries = vcalloc(m, nr_entries(ictx), sizeof(struct iommufd_pte));
	if (!*entries)
		return -ENOMEM;
	for_each_pte(m, ictx, false, save_pte, *entries);
	err = kho_preserve_vmalloc(m, *entries, &lu->entries);
	if (err) {
		vfree(m, *entries);
		return err;
	}
	lu->nr_entries = nr_entries(ictx);
	return 0;
}

static int iommufd_liveupdate_preserve(struct liveupdate_file_op_args *args)
{
	struct iommufd_ctx *ictx = iommufd_ctx_from_file(args->file);
	struct machine *m = args->m;
	struct vm_struct *entries;
	struct iommufd_lu lu = { 0 };
	phys_addr_t phys;
	int err;

	if (ictx->lu_preserve) {
		ictx->lu_map_immutable = true;
		err = check_iopt_pages_preserved(args->session, ictx);
		if (err)
			goto err_mutable;
	}
	err = kho_alloc_preserve(m, sizeof(lu), &phys);
	if (err)
		goto err_mutable;
	err = domain_preserve(m, ictx, &lu, &entries);
	if (err)
		goto err_free;
	phys_write(m, phys, &lu, sizeof(lu));
	ictx->outgoing = phys;
	args->serialized_data = phys;
	args->private_data = entries;
	return 0;

err_free:
	kho_unpreserve_free(m, phys);
err_mutable:
	ictx->lu_map_immutable = false;
	return err;
}

static void iommufd_liveupdate_unpreserve(struct liveupdate_file_op_args *args)
{
	struct iommufd_ctx *ictx = iommufd_ctx_from_file(args->file);
	struct machine *m = args->m;
	struct iommufd_lu lu;

	phys_read(m, args->serialized_data, &lu, sizeof(lu));
	if (args->private_data) {
		kho_unpreserve_vmalloc(m, &lu.entries);
		vfree(m, args->private_data);
	}
	kho_unpreserve_free(m, args->serialized_data);
	ictx->outgoing = 0;
	ictx->lu_map_immutable = false;
}

/* Is CONFIG_IOMMU_LIVEUPDATE there? */
static bool is_loaded(const struct machine *m)
{
	return m->k->handlers->iommufd.ops;
}

int iommufd_device_preserve(struct machine *m, struct luo_session *session,
			    struct iommufd_ctx *ictx, u32 nr)
{
	u64 token;
	int err;

	if (!is_loaded(m))
		return 0;
	if (!ictx->lu_preserve)
		return -EINVAL;
	err = liveupdate_get_token_outgoing(session, ictx->file, &token);
	return err ? err : iommu_preserve_device(m, nr, ictx->outgoing);
}

void iommufd_device_unpreserve(struct machine *m, struct iommufd_ctx *ictx, u32 nr)
{
	if (is_loaded(m) && !WARN_ON(m, !ictx->lu_preserve))
		iommu_unpreserve_device(m, nr);
}

/* Retrieve. */

/* As in the RFC not by the node, but with an inode that no other file has. */
static struct file *iommufd_create(struct machine *m)
{
	struct iommufd_ctx *ictx = iommufd_ctx_alloc(m);
	struct file *file;

	if (!ictx)
		return ERR_PTR(-ENOMEM);
	file = anon_inode_create_getfile(m, "iommufd", &iommufd_fops, ictx, O_RDWR);
	if (IS_ERR(file))
		kfree(m, ictx, sizeof(*ictx));
	else
		ictx->file = file;
	return file;
}

static int restore_file(struct machine *m, const struct iommufd_lu *lu, struct file **filep)
{
	struct file *file = iommufd_create(m);
	struct iommufd_ctx *ictx;

	if (IS_ERR(file))
		return PTR_ERR(file);
	ictx = file->private_data;
	if (lu->nr_entries) {
		ictx->restored = kho_restore_vmalloc(m, &lu->entries);
		if (!ictx->restored) {
			fput(m, file);
			return -EINVAL;
		}
		ictx->nr_restored = lu->nr_entries;
	}
	*filep = file;
	return 0;
}

static int iommufd_liveupdate_retrieve(struct liveupdate_file_op_args *args)
{
	struct machine *m = args->m;
	struct iommufd_lu lu;
	int err;

	if (has_fix(m, FIX_IOMMU_V5))
		return -EOPNOTSUPP;
	phys_read(m, args->serialized_data, &lu, sizeof(lu));
	err = restore_file(m, &lu, &args->file);
	if (err)
		kho_restore_free(m, args->serialized_data);
	else
		iommufd_ctx_from_file(args->file)->incoming = args->serialized_data;
	return err;
}

/* Only when no device uses its page table any more, which is never in the first phase. */
static bool iommufd_liveupdate_can_finish(struct liveupdate_file_op_args *args)
{
	if (has_fix(args->m, FIX_IOMMU_V5))
		return false;
	if (args->retrieve_status <= 0) {
		pr_warn(args->m, "%s: fd not reclaimed", __func__);
		return false;
	}
	return !iommu_owns_devices(args->m, args->serialized_data);
}

static void iommufd_liveupdate_finish(struct liveupdate_file_op_args *args)
{
	struct machine *m = args->m;
	struct vm_struct *entries;
	struct iommufd_lu lu;

	if (has_fix(m, FIX_IOMMU_V5) || args->retrieve_status < 0)
		return;
	if (args->file)
		iommufd_ctx_from_file(args->file)->incoming = 0;
	if (!args->retrieve_status) {
		phys_read(m, args->serialized_data, &lu, sizeof(lu));
		entries = lu.nr_entries ? kho_restore_vmalloc(m, &lu.entries) : NULL;
		if (entries)
			vfree(m, entries);
	}
	kho_restore_free(m, args->serialized_data);
}

static bool iommufd_liveupdate_can_preserve(struct machine *m, struct liveupdate_file_handler *fh,
					    struct file *file)
{
	(void)m;
	(void)fh;
	return iommufd_ctx_from_file(file);
}

static void walk_entry(struct machine_walk *w, const void *entry)
{
	walk_pte(NULL, entry, 0, w);
}

static void iommufd_liveupdate_walk(struct machine_walk *w, struct machine *m,
				    struct liveupdate_file_handler *handler, u64 serialized_data)
{
	struct iommufd_lu lu;

	(void)handler;
	if (!phys_valid(m, serialized_data, sizeof(lu)))
		return;
	phys_read(m, serialized_data, &lu, sizeof(lu));
	walk_put(w, lu.nr_entries);
	walk_vmalloc(w, &lu.entries, lu.nr_entries, sizeof(struct iommufd_pte), walk_entry);
}

static const struct liveupdate_file_ops iommufd_lu_file_ops = {
	.can_preserve = iommufd_liveupdate_can_preserve,
	.preserve = iommufd_liveupdate_preserve,
	.unpreserve = iommufd_liveupdate_unpreserve,
	.retrieve = iommufd_liveupdate_retrieve,
	.can_finish = iommufd_liveupdate_can_finish,
	.finish = iommufd_liveupdate_finish,
	.get_id = handler_private_id,
	.walk = iommufd_liveupdate_walk,
};

void iommufd_luo_init(struct machine *m)
{
	if (!handler_register(m, &m->k->handlers->iommufd, "iommufd", &iommufd_lu_file_ops,
			      IOMMUFD_LUO_COMPATIBLE, iommu_liveupdate_flb(m)))
		iommu_probe_devices(m);
}
