/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * iommufd: an address space in which memfds are mapped for devices, and its file
 * handler (drivers/iommu/iommufd/liveupdate.c of the posted series; v5 is its first phase, in
 * which nothing comes back: without the fix "iommu-v5" that is as in its RFC). An iommufd has
 * NR_HWPTS page tables here, each of an address space of its own.
 *
 * What is preserved are the page tables that were marked: which frame is at which
 * address. The memory after it is for the memfds to preserve, which must lie in
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

#define NR_HWPTS	4

struct iommufd_hwpt {
	struct iopt_area *areas;
	u64 next_iova;
	bool lu_preserve;		/* it is marked, with the token */
	u64 token;
	bool lu_map_immutable;
	struct vm_struct *saved;	/* while it is preserved, and has entries */
	struct vm_struct *restored;	/* what came through kexec */
	u64 nr_restored;
};

struct iommufd_ctx {
	struct file *file;
	struct iommufd_hwpt hwpts[NR_HWPTS];
	phys_addr_t outgoing;		/* struct iommufd_lu, while preserved */
	phys_addr_t incoming;		/* struct iommufd_lu that it came with; or 0 */
	u32 attached;
};

#define for_each_hwpt(_hwpt, _ictx) \
	for ((_hwpt) = (_ictx)->hwpts; (_hwpt) < (_ictx)->hwpts + NR_HWPTS; (_hwpt)++)

/* Handed over; those that were not marked are all zeros. */
struct iommufd_hwpt_lu {
	u64 marked, token;
	u64 nr_entries;
	struct kho_vmalloc entries;
} __packed;

struct iommufd_lu {
	struct iommufd_hwpt_lu hwpts[NR_HWPTS];
} __packed;

struct iommufd_pte {
	u64 iova;
	u64 pfn:52;
	u64 order:12;
} __packed;

/* A page table, one entry a folio. */

static u64 nr_entries(const struct iommufd_hwpt *hwpt)
{
	u64 nr = hwpt->nr_restored;

	for (const struct iopt_area *area = hwpt->areas; area; area = area->next)
		nr += area->nr;
	return nr;
}

static void read_pte(struct machine *m, const struct iommufd_hwpt *hwpt, u64 i,
		     struct iommufd_pte *pte)
{
	vmalloc_read(m, hwpt->restored, i * sizeof(*pte), pte, sizeof(*pte));
}

/* Call @fn for each entry, those from before kexec first. */
static void for_each_pte(struct machine *m, const struct iommufd_hwpt *hwpt, bool restored_only,
			 void (*fn)(struct machine *m, const struct iommufd_pte *pte, u64 i,
				    void *data), void *data)
{
	struct iommufd_pte pte;
	u64 i = 0;

	for (; i < hwpt->nr_restored; i++) {
		read_pte(m, hwpt, i, &pte);
		fn(m, &pte, i, data);
	}
	if (restored_only)
		return;
	for (const struct iopt_area *area = hwpt->areas; area; area = area->next) {
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
 * A hash of what devices read through the page tables that are handed over, or were;
 * FILE_STATE_ANY when the memfds that it uses are back.
 */
static u64 iommufd_state(struct machine *m, struct file *file)
{
	const struct iommufd_ctx *ictx = file->private_data;
	const struct iommufd_hwpt *hwpt;
	struct iommufd_hash h = { 0 };

	/* What was not marked is not meant to come back. */
	for_each_hwpt(hwpt, ictx)
		if (!ictx->outgoing || hwpt->lu_preserve)
			for_each_pte(m, hwpt, !ictx->outgoing, hash_pte, &h);
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
	struct iommufd_hwpt *hwpt;

	for_each_hwpt(hwpt, ictx) {
		while (hwpt->areas) {
			struct iopt_area *area = hwpt->areas;

			hwpt->areas = area->next;
			unmap_area(m, area);
		}
		if (hwpt->restored)
			vfree(m, hwpt->restored);
	}
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
	struct iommufd_hwpt *hwpt;

	walk_put(w, (u64)ictx->attached << 8 | (u64)!!ictx->incoming << 1 | !!ictx->outgoing);
	for_each_hwpt(hwpt, ictx) {
		walk_put(w, hwpt->lu_preserve | hwpt->lu_map_immutable << 1);
		walk_put(w, hwpt->token);
		walk_put(w, hwpt->next_iova);
		walk_put(w, nr_entries(hwpt));
		for_each_pte(m, hwpt, false, walk_pte, w);
		for (const struct iopt_area *area = hwpt->areas; area; area = area->next) {
			walk_put(w, area->seals);
			walk_file(w, area->file);
		}
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

int iommufd_attach(struct machine *m, struct iommufd_ctx *ictx, u32 nr, u32 hwpt)
{
	int err;

	if (hwpt >= NR_HWPTS)
		return -ENOENT;
	err = iommu_device_claim_dma_owner(m, nr, ictx->incoming);
	if (err)
		return err;
	m->k->handlers->pci[nr].hwpt = hwpt;
	ictx->attached++;
	return 0;
}

void iommufd_detach(struct iommufd_ctx *ictx)
{
	ictx->attached--;
}

/* All have the inode of the one node. */
static struct file *iommufd_open(struct machine *m)
{
	struct dentry *node = m->k->handlers->iommu;

	return node ? do_open(m, node, O_RDWR | KERNEL_O_LARGEFILE) : ERR_PTR(-ENOENT);
}

static int map_area(struct machine *m, struct iommufd_hwpt *hwpt, struct iopt_area *area)
{
	s64 size = i_size_read(file_inode(area->file));
	struct iopt_area **last = &hwpt->areas;
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
	area->iova = hwpt->next_iova;
	hwpt->next_iova += PAGE_ALIGN((u64)size);
	while (*last)
		last = &(*last)->next;
	*last = area;
	return 0;
}

/* The page table of that number. */
static struct iommufd_hwpt *get_hwpt(struct machine *m, int iommufd, u64 nr)
{
	struct file *file = fdget(m, iommufd);
	struct iommufd_ctx *ictx = file ? iommufd_ctx_from_file(file) : NULL;

	if (!ictx)
		return ERR_PTR(file ? -ENOTTY : -EBADF);
	return nr < NR_HWPTS ? &ictx->hwpts[nr] : ERR_PTR(-ENOENT);
}

static int do_iommufd_map(struct machine *m, int iommufd, int memfd, u64 nr)
{
	struct iommufd_hwpt *hwpt = get_hwpt(m, iommufd, nr);
	struct iopt_area *area;
	struct file *file;
	int err;

	if (IS_ERR(hwpt))
		return PTR_ERR(hwpt);
	file = fget(m, memfd);
	if (!file)
		return -EBADF;
	err = hwpt->lu_map_immutable ? -EBUSY : -ENOMEM;
	area = err == -EBUSY ? NULL : kzalloc(m, sizeof(*area));
	if (area) {
		area->file = file;
		err = map_area(m, hwpt, area);
		if (!err)
			return 0;
		kfree(m, area, sizeof(*area));
	}
	fput(m, file);
	return err;
}

/* v5 finds the token also where it is the page table's own, and refuses what is preserved. */
static int do_iommufd_mark(struct machine *m, int iommufd, u64 token, u64 nr)
{
	struct iommufd_hwpt *hwpt = get_hwpt(m, iommufd, nr), *other;
	bool v5 = has_fix(m, FIX_IOMMU_V5);
	struct iommufd_ctx *ictx;

	if (IS_ERR(hwpt))
		return PTR_ERR(hwpt);
	ictx = container_of(hwpt, struct iommufd_ctx, hwpts[nr]);
	if (v5 && ictx->outgoing)
		return -EBUSY;
	for_each_hwpt(other, ictx)
		if (other->lu_preserve && other->token == token && (v5 || other != hwpt))
			return -EADDRINUSE;
	hwpt->lu_preserve = true;
	hwpt->token = token;
	return 0;
}

int sys_iommufd_open(struct machine *m)
{
	SYSCALL(m, install_file(m, iommufd_open(m)));
}

int sys_iommufd_map(struct machine *m, int iommufd, int memfd, uint64_t hwpt)
{
	SYSCALL(m, do_iommufd_map(m, iommufd, memfd, hwpt));
}

int sys_iommufd_mark(struct machine *m, int iommufd, uint64_t token, uint64_t hwpt)
{
	SYSCALL(m, do_iommufd_mark(m, iommufd, token, hwpt));
}

/* Preserve. */

static int check_iopt_pages_preserved(struct luo_session *session, const struct iommufd_hwpt *hwpt)
{
	u64 token;
	int err;

	for (const struct iopt_area *area = hwpt->areas; area; area = area->next) {
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
static int domain_preserve(struct machine *m, struct iommufd_hwpt *hwpt,
			   struct iommufd_hwpt_lu *lu)
{
	struct vm_struct *entries;
	int err;

	if (!nr_entries(hwpt))
		return 0;
	entries = vcalloc(m, nr_entries(hwpt), sizeof(struct iommufd_pte));
	if (!entries)
		return -ENOMEM;
	for_each_pte(m, hwpt, false, save_pte, entries);
	err = kho_preserve_vmalloc(m, entries, &lu->entries);
	if (err) {
		vfree(m, entries);
		return err;
	}
	lu->nr_entries = nr_entries(hwpt);
	hwpt->saved = entries;
	return 0;
}

static int preserve_hwpt(struct machine *m, struct luo_session *session,
			 struct iommufd_hwpt *hwpt, struct iommufd_hwpt_lu *lu)
{
	int err;

	hwpt->lu_map_immutable = true;
	err = check_iopt_pages_preserved(session, hwpt);
	if (!err)
		err = domain_preserve(m, hwpt, lu);
	if (err) {
		hwpt->lu_map_immutable = false;
		return err;
	}
	lu->marked = true;
	lu->token = hwpt->token;
	return 0;
}

static void unpreserve_hwpts(struct machine *m, struct iommufd_ctx *ictx, struct iommufd_lu *lu)
{
	for (int i = 0; i < NR_HWPTS; i++) {
		struct iommufd_hwpt *hwpt = &ictx->hwpts[i];

		if (hwpt->saved) {
			kho_unpreserve_vmalloc(m, &lu->hwpts[i].entries);
			vfree(m, hwpt->saved);
			hwpt->saved = NULL;
		}
		hwpt->lu_map_immutable = false;
	}
}

static int iommufd_liveupdate_preserve(struct liveupdate_file_op_args *args)
{
	struct iommufd_ctx *ictx = iommufd_ctx_from_file(args->file);
	struct machine *m = args->m;
	struct iommufd_lu lu = { 0 };
	phys_addr_t phys;
	int err;

	err = kho_alloc_preserve(m, sizeof(lu), &phys);
	if (err)
		return err;
	for (int i = 0; i < NR_HWPTS && !err; i++)
		if (ictx->hwpts[i].lu_preserve)
			err = preserve_hwpt(m, args->session, &ictx->hwpts[i], &lu.hwpts[i]);
	if (err) {
		unpreserve_hwpts(m, ictx, &lu);
		kho_unpreserve_free(m, phys);
		return err;
	}
	phys_write(m, phys, &lu, sizeof(lu));
	ictx->outgoing = phys;
	args->serialized_data = phys;
	return 0;
}

static void iommufd_liveupdate_unpreserve(struct liveupdate_file_op_args *args)
{
	struct iommufd_ctx *ictx = iommufd_ctx_from_file(args->file);
	struct machine *m = args->m;
	struct iommufd_lu lu;

	phys_read(m, args->serialized_data, &lu, sizeof(lu));
	unpreserve_hwpts(m, ictx, &lu);
	kho_unpreserve_free(m, args->serialized_data);
	ictx->outgoing = 0;
}

/* Is CONFIG_IOMMU_LIVEUPDATE there? */
static bool is_loaded(const struct machine *m)
{
	return m->k->handlers->iommufd.ops;
}

int iommufd_device_preserve(struct machine *m, struct luo_session *session,
			    struct iommufd_ctx *ictx, u32 nr)
{
	const struct iommufd_hwpt *hwpt = &ictx->hwpts[m->k->handlers->pci[nr].hwpt];
	u64 token;
	int err;

	if (!is_loaded(m))
		return 0;
	if (!hwpt->lu_preserve)
		return -EINVAL;
	err = liveupdate_get_token_outgoing(session, ictx->file, &token);
	/* It was marked when its iommufd had been preserved. */
	if (!err && !hwpt->lu_map_immutable)
		err = -EINVAL;
	return err ? err : iommu_preserve_device(m, nr, ictx->outgoing);
}

void iommufd_device_unpreserve(struct machine *m, struct iommufd_ctx *ictx, u32 nr)
{
	if (is_loaded(m) && !WARN_ON(m, !ictx->hwpts[m->k->handlers->pci[nr].hwpt].lu_preserve))
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
	for (int i = 0; i < NR_HWPTS; i++) {
		struct iommufd_hwpt *hwpt = &ictx->hwpts[i];

		if (!lu->hwpts[i].nr_entries)
			continue;
		hwpt->restored = kho_restore_vmalloc(m, &lu->hwpts[i].entries);
		if (!hwpt->restored) {
			fput(m, file);
			return -EINVAL;
		}
		hwpt->nr_restored = lu->hwpts[i].nr_entries;
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
		for (int i = 0; i < NR_HWPTS; i++) {
			entries = lu.hwpts[i].nr_entries ?
				  kho_restore_vmalloc(m, &lu.hwpts[i].entries) : NULL;
			if (entries)
				vfree(m, entries);
		}
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
	for (int i = 0; i < NR_HWPTS; i++) {
		const struct iommufd_hwpt_lu *hwpt = &lu.hwpts[i];

		walk_put(w, hwpt->marked);
		walk_put(w, hwpt->token);
		walk_put(w, hwpt->nr_entries);
		walk_vmalloc(w, &hwpt->entries, hwpt->nr_entries, sizeof(struct iommufd_pte),
			     walk_entry);
	}
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
