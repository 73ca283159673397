/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file handler of memfds of huge pages, and the FLB that tells the next
 * kernel how many it need not set aside (mm/hugetlb_luo.c of the posted RFC).
 * As there, seals are not carried over, and FINISH of a file that was not retrieved
 * forgets the page that describes it.
 */
#include "lib/uapi.h"

#include "handlers/handlers.h"
#include "machine/machine.h"
#include "search/walk.h"

#define pr_fmt "hugetlb_luo: "

#define HUGETLB_FLB_COMPATIBLE	"hugetlb-v1"
#define HUGE_MEMFD_COMPATIBLE	"huge-memfd-v1"
#define HPAGE_ORDER		9u

/* One size of huge pages there is here, of the four that the RFC has room for. */
struct hugetlb_ser {
	u64 nr_pages;
	u64 order;
} __packed;

struct hugemfd_folio_ser {
	u64 pfn:52;
	u64 reserved:12;
	u64 index;
} __packed;

/* What this kernel remembers of a file that it preserves. */
struct hugemfd_private {
	struct vm_struct *folios_ser;
	u64 nr_folios;
};

struct hugemfd_ser {
	u64 size;
	u64 pos;
	u64 nr_folios;
	struct kho_vmalloc folios;
	u8 order;
} __packed;

/*
 * kho_alloc_preserve() says with an ERR_PTR() that there is no memory, and both callers ask
 * for NULL: they write to what it returned.
 */
static phys_addr_t alloc_ser(struct machine *m, size_t size)
{
	phys_addr_t phys;
	int err = kho_alloc_preserve(m, size, &phys);

	if (err)
		oops(m, (s64)err);
	return phys;
}

/* The FLB. */

static struct liveupdate_flb *hugetlb_flb(struct machine *m)
{
	return &m->k->handlers->hugetlb_flb;
}

static int hugetlb_flb_preserve(struct liveupdate_flb_op_args *args)
{
	struct hugetlb_ser ser = { .order = HPAGE_ORDER };
	struct machine *m = args->m;
	phys_addr_t *obj = kzalloc(m, sizeof(*obj));

	if (!obj)
		return -ENOMEM;
	*obj = alloc_ser(m, sizeof(ser));
	phys_write(m, *obj, &ser, sizeof(ser));
	args->data = *obj;
	args->obj = obj;
	return 0;
}

static void hugetlb_flb_unpreserve(struct liveupdate_flb_op_args *args)
{
	kho_unpreserve_free(args->m, args->data);
	kfree(args->m, args->obj, sizeof(phys_addr_t));
}

static int hugetlb_flb_retrieve(struct liveupdate_flb_op_args *args)
{
	args->obj = (void *)(uintptr_t)args->data;
	return 0;
}

static void hugetlb_flb_finish(struct liveupdate_flb_op_args *args)
{
	kho_restore_free(args->m, (uintptr_t)args->obj);
}

static const struct liveupdate_flb_ops hugetlb_flb_ops = {
	.preserve = hugetlb_flb_preserve,
	.unpreserve = hugetlb_flb_unpreserve,
	.retrieve = hugetlb_flb_retrieve,
	.finish = hugetlb_flb_finish,
};

/* A huge page more or less for the next kernel. */
static int hugetlb_flb_count(struct machine *m, s64 n)
{
	struct hugetlb_ser ser;
	void *obj;
	int err;

	err = liveupdate_flb_get_outgoing(m, hugetlb_flb(m), &obj);
	if (err)
		return err;
	phys_read(m, *(phys_addr_t *)obj, &ser, sizeof(ser));
	ser.nr_pages += n;
	phys_write(m, *(phys_addr_t *)obj, &ser, sizeof(ser));
	liveupdate_flb_put_outgoing(m, hugetlb_flb(m));
	return 0;
}

u64 hugetlb_liveupdate_pages(struct machine *m, unsigned int order)
{
	struct hugetlb_ser ser;
	void *obj;

	if (!hugetlb_flb(m)->ops || liveupdate_flb_get_incoming(m, hugetlb_flb(m), &obj))
		return 0;
	phys_read(m, (uintptr_t)obj, &ser, sizeof(ser));
	liveupdate_flb_put_incoming(m, hugetlb_flb(m));
	return ser.order == order ? ser.nr_pages : 0;
}

/* Preserve. */

static int hugemfd_preserve_folio(struct machine *m, struct folio *folio,
				  struct vm_struct *folios_ser, u64 i)
{
	const struct hugemfd_folio_ser ser = {
		.pfn = folio_pfn(m, folio), .index = folio->page.index,
	};
	int err;

	err = kho_preserve_folio(m, folio);
	if (err)
		return err;
	err = hugetlb_flb_count(m, 1);
	if (err) {
		kho_unpreserve_folio(m, folio);
		return err;
	}
	vmalloc_write(m, folios_ser, i * sizeof(ser), &ser, sizeof(ser));
	return 0;
}

static void hugemfd_unpreserve_folio(struct machine *m, struct folio *folio)
{
	WARN_ON_ONCE(m, hugetlb_flb_count(m, -1));
	kho_unpreserve_folio(m, folio);
}

static int preserve_pinned(struct machine *m, struct hugemfd_ser *ser, const u32 *pfns, s64 nr,
			   struct vm_struct **folios_serp)
{
	struct vm_struct *folios_ser = vcalloc(m, nr, sizeof(struct hugemfd_folio_ser));
	int err = 0;
	s64 i;

	if (!folios_ser)
		return -ENOMEM;
	for (i = 0; i < nr && !err; i++)
		err = hugemfd_preserve_folio(m, pfn_folio(m, pfns[i]), folios_ser, i);
	if (err)
		i--;
	else
		err = kho_preserve_vmalloc(m, folios_ser, &ser->folios);
	if (err) {
		while (i--)
			hugemfd_unpreserve_folio(m, pfn_folio(m, pfns[i]));
		vfree(m, folios_ser);
		return err;
	}
	ser->nr_folios = nr;
	*folios_serp = folios_ser;
	return 0;
}

static int hugemfd_preserve_folios(struct machine *m, struct hugemfd_ser *ser, struct file *file,
				   struct vm_struct **folios_ser)
{
	u64 max_folios = ser->size >> (HPAGE_ORDER + PAGE_SHIFT);
	u32 *pfns;
	s64 nr;
	int err;

	*folios_ser = NULL;
	if (!ser->size)
		return 0;
	pfns = kvmalloc_pages(m, max_folios);
	if (!pfns)
		return -ENOMEM;
	nr = memfd_pin_folios(m, file, 0, ser->size - 1, pfns, max_folios);
	err = nr < 0 ? (int)nr : preserve_pinned(m, ser, pfns, nr, folios_ser);
	for (s64 i = 0; err && i < nr; i++)
		unpin_folio(m, pfn_folio(m, pfns[i]));
	kvfree_pages(m, pfns, max_folios);
	return err;
}

static int hugemfd_preserve(struct liveupdate_file_op_args *args)
{
	struct machine *m = args->m;
	struct inode *inode = file_inode(args->file);
	struct hugemfd_ser ser = { .order = HPAGE_ORDER };
	struct hugemfd_private *private = kzalloc(m, sizeof(*private));
	phys_addr_t phys;
	int err;

	if (!private)
		return -ENOMEM;
	phys = alloc_ser(m, sizeof(ser));
	inode_lock(m, inode);
	shmem_freeze(m, inode, true);
	ser.size = i_size_read(inode);
	ser.pos = args->file->f_pos;
	err = hugemfd_preserve_folios(m, &ser, args->file, &private->folios_ser);
	if (err)
		shmem_freeze(m, inode, false);
	inode_unlock(m, inode);
	if (err) {
		kho_unpreserve_free(m, phys);
		kfree(m, private, sizeof(*private));
		return err;
	}
	private->nr_folios = ser.nr_folios;
	phys_write(m, phys, &ser, sizeof(ser));
	args->private_data = private;
	args->serialized_data = phys;
	return 0;
}

static void read_folio_ser(struct machine *m, const struct vm_struct *vm, u64 i,
			   struct hugemfd_folio_ser *ser)
{
	vmalloc_read(m, vm, i * sizeof(*ser), ser, sizeof(*ser));
}

static void hugemfd_unpreserve(struct liveupdate_file_op_args *args)
{
	struct machine *m = args->m;
	struct inode *inode = file_inode(args->file);
	struct hugemfd_private *private = args->private_data;
	struct hugemfd_folio_ser folio_ser;
	struct hugemfd_ser ser;

	inode_lock(m, inode);
	phys_read(m, args->serialized_data, &ser, sizeof(ser));
	if (private->nr_folios)
		kho_unpreserve_vmalloc(m, &ser.folios);
	for (u64 i = 0; i < private->nr_folios; i++) {
		read_folio_ser(m, private->folios_ser, i, &folio_ser);
		hugemfd_unpreserve_folio(m, pfn_folio(m, folio_ser.pfn));
		unpin_folio(m, pfn_folio(m, folio_ser.pfn));
	}
	if (private->nr_folios)
		vfree(m, private->folios_ser);
	shmem_freeze(m, inode, false);
	kho_unpreserve_free(m, args->serialized_data);
	kfree(m, private, sizeof(*private));
	inode_unlock(m, inode);
}

static int hugemfd_freeze(struct liveupdate_file_op_args *args)
{
	u64 pos = args->file->f_pos;

	phys_write(args->m, args->serialized_data + offsetof(struct hugemfd_ser, pos), &pos,
		   sizeof(pos));
	return 0;
}

/* Finish: the pages of a file that was not retrieved go to the pool. */
static void hugemfd_finish(struct liveupdate_file_op_args *args)
{
	struct machine *m = args->m;
	struct hugemfd_folio_ser folio_ser;
	struct vm_struct *folios_ser;
	struct hugemfd_ser ser;

	if (args->retrieve_status)
		return;
	phys_read(m, args->serialized_data, &ser, sizeof(ser));
	folios_ser = kho_restore_vmalloc(m, &ser.folios);
	if (WARN_ON_ONCE(m, !folios_ser))
		return;
	for (u64 i = 0; i < ser.nr_folios; i++) {
		struct folio *folio;

		read_folio_ser(m, folios_ser, i, &folio_ser);
		folio = kho_restore_folio(m, PFN_PHYS(folio_ser.pfn));
		if (folio)
			hugetlb_free_folio(m, folio, true);
	}
	vfree(m, folios_ser);
}

/* Retrieve. What was restored when something fails is leaked: devices may still use it. */

static int hugemfd_retrieve_folios(struct machine *m, struct inode *inode,
				   const struct hugemfd_ser *ser,
				   const struct vm_struct *folios_ser)
{
	struct hugemfd_folio_ser folio_ser;
	struct folio *folio;
	int err;

	for (u64 i = 0; i < ser->nr_folios; i++) {
		read_folio_ser(m, folios_ser, i, &folio_ser);
		folio = kho_restore_folio(m, PFN_PHYS(folio_ser.pfn));
		if (!folio)
			return -EINVAL;
		folio_mark_uptodate(folio);
		m->k->handlers->huge_total++;
	}
	for (u64 i = 0; i < ser->nr_folios; i++) {
		read_folio_ser(m, folios_ser, i, &folio_ser);
		folio = pfn_folio(m, folio_ser.pfn);
		err = filemap_add_folio(m, &inode->i_mapping, folio, folio_ser.index);
		if (err) {
			pr_err(m, "failed to add to page cache: %d", err);
			return err;
		}
		inode->i_blocks += folio_nr_pages(folio) * (PAGE_SIZE / 512);
		folio_put(m, folio);
	}
	return 0;
}

static int retrieve_file(struct machine *m, const struct hugemfd_ser *ser, struct file **filep)
{
	struct vm_struct *folios_ser;
	int err;

	*filep = memfd_alloc_file(m, "", MFD_HUGETLB);
	if (IS_ERR(*filep))
		return PTR_ERR(*filep);
	vfs_setpos(*filep, ser->pos);
	i_size_write(m, file_inode(*filep), ser->size);
	if (!ser->nr_folios)
		return 0;
	folios_ser = kho_restore_vmalloc(m, &ser->folios);
	if (!folios_ser)
		return -ENOMEM;
	err = hugemfd_retrieve_folios(m, file_inode(*filep), ser, folios_ser);
	vfree(m, folios_ser);
	return err;
}

static int hugemfd_retrieve(struct liveupdate_file_op_args *args)
{
	struct hugemfd_ser ser;
	int err;

	phys_read(args->m, args->serialized_data, &ser, sizeof(ser));
	err = retrieve_file(args->m, &ser, &args->file);
	kho_restore_free(args->m, args->serialized_data);
	return err;
}

static bool hugemfd_can_preserve(struct machine *m, struct liveupdate_file_handler *fh,
				 struct file *file)
{
	(void)m;
	(void)fh;
	return file_inode(file)->is_hugetlb && !file_inode(file)->i_nlink;
}

static u64 hugemfd_get_id(struct machine *m, struct liveupdate_file_handler *fh,
			  struct file *file)
{
	(void)fh;
	return object_id(m, file_inode(file));
}

static void walk_folio(struct machine_walk *w, const void *entry)
{
	const struct hugemfd_folio_ser *folio_ser = entry;

	walk_put(w, folio_ser->index);
	walk_frame(w, folio_ser->pfn);
}

static void hugemfd_walk(struct machine_walk *w, struct machine *m,
			 struct liveupdate_file_handler *handler, u64 serialized_data)
{
	struct hugemfd_ser ser;

	(void)handler;
	if (!phys_valid(m, serialized_data, sizeof(ser)))
		return;
	phys_read(m, serialized_data, &ser, sizeof(ser));
	walk_put(w, ser.size);
	walk_put(w, ser.pos);
	walk_put(w, ser.nr_folios);
	walk_put(w, ser.order);
	walk_vmalloc(w, &ser.folios, ser.nr_folios, sizeof(struct hugemfd_folio_ser), walk_folio);
}

static const struct liveupdate_file_ops hugemfd_luo_ops = {
	.can_preserve = hugemfd_can_preserve,
	.preserve = hugemfd_preserve,
	.unpreserve = hugemfd_unpreserve,
	.freeze = hugemfd_freeze,
	.retrieve = hugemfd_retrieve,
	.finish = hugemfd_finish,
	.get_id = hugemfd_get_id,
	.walk = hugemfd_walk,
};

void hugetlb_luo_init(struct machine *m)
{
	flb_init(hugetlb_flb(m), &hugetlb_flb_ops, HUGETLB_FLB_COMPATIBLE);
	handler_register(m, &m->k->handlers->hugetlb, "hugetlb", &hugemfd_luo_ops,
			 HUGE_MEMFD_COMPATIBLE, hugetlb_flb(m));
}
