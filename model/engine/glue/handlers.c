/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the judge sees: our callbacks go round those of any handler that registers, and
 * our functions round those of KHO that preserve and restore. The build renames what is
 * in the tree to real_NAME, so that calls within one file come here as well.
 */
#include <linux/kexec_handover.h>
#include <linux/liveupdate.h>
#include <linux/slab.h>
#if __has_include(<linux/kho/abi/kexec_handover.h>)
#include <linux/kho/abi/kexec_handover.h>
#endif
#include <linux/kho/abi/luo.h>

#include "glue.h"
#include "supply.h"
#include "../kernel/liveupdate/luo_internal.h"

/* ---- Handlers ---- */

struct wrapped {
	struct liveupdate_file_ops ops;
	const struct liveupdate_file_ops *real;
};

static const struct liveupdate_file_ops *real_ops(const struct liveupdate_file_handler *fh)
{
	return container_of(fh->ops, struct wrapped, ops)->real;
}

static bool can_preserve(struct liveupdate_file_handler *fh, struct file *file)
{
	return !HOST(should_fail, ENGINE_CAN_PRESERVE, fh->compatible) &&
	       real_ops(fh)->can_preserve(fh, file);
}

static int preserve(struct liveupdate_file_op_args *args)
{
	int err;

	HOST(preserving, model_of(args->file));
	err = HOST(should_fail, ENGINE_PRESERVE, args->handler->compatible);
	if (!err)
		err = real_ops(args->handler)->preserve(args);
	HOST(preserved, args->serialized_data, err);
	return err;
}

static void unpreserve(struct liveupdate_file_op_args *args)
{
	struct file *file = model_of(args->file);
	unsigned int before = HOST(acting, file, args->serialized_data);

	file_pull(args->file);
	real_ops(args->handler)->unpreserve(args);
	HOST(acted, before);
	HOST(done, file, args->serialized_data);
}

static int freeze(struct liveupdate_file_op_args *args)
{
	unsigned long data = args->serialized_data;
	int err = HOST(should_fail, ENGINE_FREEZE, args->handler->compatible);

	file_pull(args->file);
	if (!err)
		err = real_ops(args->handler)->freeze(args);
	if (!err)
		HOST(frozen, model_of(args->file), data, args->serialized_data);
	return err;
}

static void unfreeze(struct liveupdate_file_op_args *args)
{
	file_pull(args->file);
	real_ops(args->handler)->unfreeze(args);
}

static int retrieve(struct liveupdate_file_op_args *args)
{
	unsigned int before = HOST(acting, NULL, args->serialized_data);
	int err = HOST(should_fail, ENGINE_RETRIEVE, args->handler->compatible);

	if (!err)
		err = real_ops(args->handler)->retrieve(args);
	HOST(acted, before);
	files_push();
	pages_push();
	if (err || args->file)
		HOST(retrieved, args->serialized_data, err ? NULL : model_of(args->file), err);
	return err;
}

static bool can_finish(struct liveupdate_file_op_args *args)
{
	return !HOST(should_fail, ENGINE_CAN_FINISH, args->handler->compatible) &&
	       real_ops(args->handler)->can_finish(args);
}

static void finish(struct liveupdate_file_op_args *args)
{
	struct file *file = args->file ? model_of(args->file) : NULL;
	unsigned int before = HOST(acting, file, args->serialized_data);

	if (args->file)
		file_pull(args->file);
	real_ops(args->handler)->finish(args);
	HOST(acted, before);
	HOST(done, file, args->serialized_data);
}

extern int real_liveupdate_register_file_handler(struct liveupdate_file_handler *fh) __weak;

int handler_register(struct liveupdate_file_handler *fh)
{
	const struct liveupdate_file_ops *real = fh->ops;
	struct wrapped *wrapped = HOST(own_alloc, sizeof(*wrapped));
	int err;

	wrapped->real = real;
	wrapped->ops = *real;
	/* What is missing stays so: that is LUO's to find. */
	if (real->can_preserve)
		wrapped->ops.can_preserve = can_preserve;
	if (real->preserve)
		wrapped->ops.preserve = preserve;
	if (real->unpreserve)
		wrapped->ops.unpreserve = unpreserve;
	if (real->retrieve)
		wrapped->ops.retrieve = retrieve;
	if (real->finish)
		wrapped->ops.finish = finish;
	if (real->freeze)
		wrapped->ops.freeze = freeze;
	if (real->unfreeze)
		wrapped->ops.unfreeze = unfreeze;
	if (real->can_finish)
		wrapped->ops.can_finish = can_finish;
	fh->ops = &wrapped->ops;
	err = real_liveupdate_register_file_handler(fh);
	if (err) {
		fh->ops = real;
		HOST(own_free, wrapped, sizeof(*wrapped));
	}
	return err;
}

SUPPLY(int, liveupdate_register_file_handler, (struct liveupdate_file_handler *fh))
{
	int err = handler_register(fh);

	if (!err)
		HOST(registered, fh, fh->compatible);
	return err;
}

/* ---- Sessions ---- */

static const struct luo_session *session_of(const struct luo_file_set *set)
{
	return container_of(set, struct luo_session, file_set);
}

extern int real_luo_file_freeze(struct luo_file_set *set, struct luo_file_set_ser *ser,
				MORE) __weak;
extern void real_luo_file_unfreeze(struct luo_file_set *set, struct luo_file_set_ser *ser,
				   MORE) __weak;

SUPPLY(int, luo_file_freeze, (struct luo_file_set *set, struct luo_file_set_ser *ser, MORE))
{
	int err = real_luo_file_freeze(set, ser, ON);

	if (!err)
		HOST(serialized, session_of(set)->name, true);
	return err;
}

SUPPLY(void, luo_file_unfreeze, (struct luo_file_set *set, struct luo_file_set_ser *ser, MORE))
{
	real_luo_file_unfreeze(set, ser, ON);
	HOST(serialized, session_of(set)->name, false);
}

extern int real_luo_file_deserialize(struct luo_file_set *set,
				     struct luo_file_set_ser *ser, MORE) __weak;

SUPPLY(int, luo_file_deserialize, (struct luo_file_set *set, struct luo_file_set_ser *ser, MORE))
{
	int err = real_luo_file_deserialize(set, ser, ON);

	/* Those that came before one that failed stay. */
	HOST(deserializing, session_of(set), session_of(set)->name, ser->files,
	     list_count_nodes(&set->files_list));
	return err;
}

extern int real_luo_session_deserialize(MORE) __weak;

SUPPLY(int, luo_session_deserialize, (MORE))
{
	int err = real_luo_session_deserialize(ON);

	HOST(deserialized, err);
	return err;
}

/* ---- Objects that may be preserved only once ---- */

extern struct xarray luo_preserved_files __weak;
extern int real___xa_insert(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp);
extern void *real_xa_erase(struct xarray *xa, unsigned long index);

/*
 * Which keys there are is the tree's. How many nodes it takes to hold one, each of which may
 * not be had, follows from where objects lie: in luosim, not in a kernel. The model says.
 */
SUPPLY(int, __xa_insert, (struct xarray *xa, unsigned long index, void *entry, gfp_t gfp))
{
	int err;

	if (xa != &luo_preserved_files)
		return real___xa_insert(xa, index, entry, gfp);
	inserting(true);
	err = real___xa_insert(xa, index, entry, gfp);
	inserting(false);
	if (err)
		return err;
	err = HOST(manage, index);
	if (err)
		real_xa_erase(xa, index);
	return err;
}

SUPPLY(void *, xa_erase, (struct xarray *xa, unsigned long index))
{
	void *entry = real_xa_erase(xa, index);

	if (entry && xa == &luo_preserved_files)
		HOST(unmanage, index);
	return entry;
}

/* ---- Frames ---- */

static void preserved(struct page *page, unsigned long nr, bool keep)
{
	HOST(kho_preserve, page_to_pfn(page), nr, keep);
}

extern void *real_kho_alloc_preserve(size_t size, MORE) __weak;

SUPPLY(void *, kho_alloc_preserve, (size_t size, MORE))
{
	HOST(yield_alloc_pages);
	return real_kho_alloc_preserve(size, ON);
}

extern int real_kho_radix_init_tree(void *tree, void *root, MORE) __weak;
extern int real_kho_preserve_folio(struct folio *folio, MORE) __weak;
extern void real_kho_unpreserve_folio(struct folio *folio, MORE) __weak;
extern int real_kho_preserve_pages(struct page *page, unsigned long nr, MORE) __weak;
extern void real_kho_unpreserve_pages(struct page *page, unsigned long nr, MORE) __weak;
extern void real_kho_unpreserve_vmalloc(void *preservation, MORE) __weak;
extern struct folio *real_kho_restore_folio(phys_addr_t phys, MORE) __weak;
extern struct page *real_kho_restore_pages(phys_addr_t phys, unsigned long nr, MORE) __weak;

SUPPLY(int, kho_radix_init_tree, (void *tree, void *root, MORE))
{
	int err;

	tracking(true);
	err = real_kho_radix_init_tree(tree, root, ON);
	tracking(false);
	return err;
}

SUPPLY(int, kho_preserve_folio, (struct folio *folio, MORE))
{
	int err;

	tracking(true);
	err = real_kho_preserve_folio(folio, ON);
	tracking(false);
	if (!err)
		preserved(&folio->page, folio_nr_pages(folio), true);
	return err;
}

SUPPLY(void, kho_unpreserve_folio, (struct folio *folio, MORE))
{
	HOST(one_step, true);
	real_kho_unpreserve_folio(folio, ON);
	HOST(one_step, false);
	preserved(&folio->page, folio_nr_pages(folio), false);
}

SUPPLY(int, kho_preserve_pages, (struct page *page, unsigned long nr, MORE))
{
	int err;

	tracking(true);
	err = real_kho_preserve_pages(page, nr, ON);
	tracking(false);
	if (!err)
		preserved(page, nr, true);
	return err;
}

SUPPLY(void, kho_unpreserve_pages, (struct page *page, unsigned long nr, MORE))
{
	HOST(one_step, true);
	real_kho_unpreserve_pages(page, nr, ON);
	HOST(one_step, false);
	preserved(page, nr, false);
}

/* The pages of an area are listed in pages that begin with the address of the next one. */
SUPPLY(void, kho_unpreserve_vmalloc, (struct kho_vmalloc *preservation, MORE))
{
	const phys_addr_t *chunk = KHOSER_LOAD_PTR(preservation->first);
	unsigned long nr = 1ul << preservation->order;

	for (; chunk; chunk = chunk[0] ? phys_to_virt(chunk[0]) : NULL) {
		preserved(virt_to_page((void *)chunk), 1, false);
		for (unsigned int i = 1; i < PAGE_SIZE / sizeof(*chunk) && chunk[i]; i++)
			preserved(pfn_to_page(PHYS_PFN(chunk[i])), nr, false);
	}
	HOST(one_step, true);
	real_kho_unpreserve_vmalloc(preservation, ON);
	HOST(one_step, false);
}

static void restoring(phys_addr_t phys)
{
	const void *chain[ENGINE_CHAIN];

	if (!pfn_valid(PHYS_PFN(phys)))
		return;
	HOST(chain_begin, chain, call_chain(chain));
	HOST(kho_restore, PHYS_PFN(phys));
	HOST(chain_end);
}

SUPPLY(struct folio *, kho_restore_folio, (phys_addr_t phys, MORE))
{
	restoring(phys);
	return real_kho_restore_folio(phys, ON);
}

SUPPLY(struct page *, kho_restore_pages, (phys_addr_t phys, unsigned long nr, MORE))
{
	struct page *page;

	restoring(phys);
	restored_end = PHYS_PFN(phys);
	page = real_kho_restore_pages(phys, nr, ON);
	/* It is another block than the first that was not to be had. */
	if (!page && restored_end != PHYS_PFN(phys))
		restoring(PFN_PHYS(restored_end));
	return page;
}
