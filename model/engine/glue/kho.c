/* SPDX-License-Identifier: GPL-2.0-only */
/* KHO's functions for luosim's handlers and modules, whose memory is the model's. */
#include <linux/kexec_handover.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>
#if __has_include(<linux/kho/abi/kexec_handover.h>)
#include <linux/kho/abi/kexec_handover.h>
#endif

#include "glue.h"
#include "supply.h"

/* Up to 7.0 without the size. */
extern int add_subtree(const char *name, void *blob, size_t size) __asm__("kho_add_subtree");
extern int retrieve_subtree(const char *name, phys_addr_t *phys, size_t *size)
	__asm__("kho_retrieve_subtree");

static void *address(unsigned long phys)
{
	return phys ? __va(phys) : NULL;
}

static int alloc_preserve(struct engine_kho_call *call)
{
	void *mem = kho_alloc_preserve(call->nr);

	if (IS_ERR(mem))
		return PTR_ERR(mem);
	call->at = __pa(mem);
	return 0;
}

/* ---- Areas ---- */

static int preserve_vmalloc(struct engine_kho_call *call)
{
	void *area = area_show(call->pfns, call->nr, call->order, call->vm_flags);
	struct kho_vmalloc pres = { 0 };
	int err = kho_preserve_vmalloc(area, &pres);

	area_hide(area);
	call->at = pres.first.phys;
	call->nr = pres.total_pages;
	call->flags = pres.flags;
	call->order = pres.order;
	return err;
}

static struct kho_vmalloc described(const struct engine_kho_call *call)
{
	return (struct kho_vmalloc){ .first.phys = call->at, .total_pages = call->nr,
				     .flags = call->flags, .order = call->order };
}

static void unpreserve_vmalloc(const struct engine_kho_call *call)
{
	struct kho_vmalloc pres = described(call);

	kho_unpreserve_vmalloc(&pres);
}

static int restore_vmalloc(struct engine_kho_call *call)
{
	struct kho_vmalloc pres = described(call);
	void *area = kho_restore_vmalloc(&pres);

	if (!area)
		return -ENOENT;
	call->area = area_give(area);
	return 0;
}

/* ---- */

static int kho(enum engine_kho what, struct engine_kho_call *call)
{
	switch (what) {
	case ENGINE_KHO_PRESERVE:
		return kho_preserve_folio(folio_pull(call->at));
	case ENGINE_KHO_UNPRESERVE:
		kho_unpreserve_folio(folio_pull(call->at));
		return 0;
	case ENGINE_KHO_RESTORE:
		return kho_restore_folio(call->at) ? 0 : -ENOENT;
	case ENGINE_KHO_PRESERVE_PAGES:
		return kho_preserve_pages(pfn_to_page(call->at), call->nr);
	case ENGINE_KHO_UNPRESERVE_PAGES:
		kho_unpreserve_pages(pfn_to_page(call->at), call->nr);
		return 0;
	case ENGINE_KHO_RESTORE_PAGES:
		return kho_restore_pages(call->at, call->nr) ? 0 : -ENOENT;
	case ENGINE_KHO_PRESERVE_VMALLOC:
		return preserve_vmalloc(call);
	case ENGINE_KHO_UNPRESERVE_VMALLOC:
		unpreserve_vmalloc(call);
		return 0;
	case ENGINE_KHO_RESTORE_VMALLOC:
		return restore_vmalloc(call);
	case ENGINE_KHO_ALLOC:
		return alloc_preserve(call);
	case ENGINE_KHO_UNPRESERVE_FREE:
		kho_unpreserve_free(address(call->at));
		return 0;
	case ENGINE_KHO_RESTORE_FREE:
		kho_restore_free(__va(call->at));
		return 0;
	case ENGINE_KHO_ADD_SUBTREE:
		return add_subtree(call->name, __va(call->at), call->nr);
	case ENGINE_KHO_REMOVE_SUBTREE:
		kho_remove_subtree(__va(call->at));
		return 0;
	case ENGINE_KHO_RETRIEVE_SUBTREE:
		return retrieve_subtree(call->name, (phys_addr_t *)&call->at, &call->nr);
	}
	return -EINVAL;
}

int call_kho(enum engine_kho what, struct engine_kho_call *call)
{
	int err = kho(what, call);

	files_done();
	pages_push();
	return err;
}
