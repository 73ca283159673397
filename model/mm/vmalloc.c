/* SPDX-License-Identifier: GPL-2.0-only */
/* vmalloc areas: pages that are contiguous only in virtual addresses. */
#include "machine/machine.h"

struct vmap_area {
	u64 start;
};

struct vm_struct *get_vm_area(struct machine *m)
{
	struct vm_struct *vm = kzalloc_nowait(m, sizeof(*vm));

	if (!vm)
		return NULL;
	vm->area = kzalloc_nowait(m, sizeof(*vm->area));
	if (!vm->area) {
		kfree(m, vm, sizeof(*vm));
		return NULL;
	}
	return vm;
}

static void free_vm_area(struct machine *m, struct vm_struct *vm)
{
	kfree(m, vm->area, sizeof(*vm->area));
	kfree(m, vm, sizeof(*vm));
}

struct vm_struct *vm_area_of(struct machine *m, const u32 *pfns, u32 nr, unsigned int order,
			     u32 flags)
{
	struct vm_struct *vm = kzalloc_nofail(m, sizeof(*vm));

	*vm = (struct vm_struct){
		.nr_pages = nr, .order = order, .flags = flags,
		.pfns = kzalloc_nofail(m, (u64)nr * sizeof(u32)),
		.area = kzalloc_nofail(m, sizeof(*vm->area)) };
	memcpy(vm->pfns, pfns, (u64)nr * sizeof(u32));
	return vm;
}

#define PMD_ORDER	9

static void free_pages(struct machine *m, struct vm_struct *vm, u32 nr)
{
	for (u32 i = 0; i < nr; i++)
		free_page(m, PFN_PHYS(vm->pfns[i]));
	kfree(m, vm->pfns, (u64)vm->nr_pages * sizeof(u32));
	free_vm_area(m, vm);
}

/* Pages @i and on of the area, 1 << order of them; false on failure. */
static bool area_alloc_pages(struct machine *m, struct vm_struct *vm, u32 i)
{
	struct folio *folio = folio_alloc(m, GFP_KERNEL | __GFP_ZERO, vm->order);

	if (!folio)
		return false;
	split_page(folio);
	for (u32 j = 0; j < 1u << vm->order; j++)
		vm->pfns[i + j] = folio_pfn(m, folio) + j;
	return true;
}

static struct vm_struct *vmalloc_order(struct machine *m, u64 bytes, unsigned int order)
{
	struct vm_struct *vm;

	if (!bytes || DIV_ROUND_UP(bytes, PAGE_SIZE) > m->nr_frames)
		return NULL;
	vm = get_vm_area(m);
	if (!vm)
		return NULL;
	vm->nr_pages = DIV_ROUND_UP(bytes, PAGE_SIZE << order) << order;
	vm->order = order;
	vm->flags = VM_ALLOC;
	vm->pfns = kzalloc_nowait(m, (u64)vm->nr_pages * sizeof(u32));
	if (!vm->pfns) {
		free_vm_area(m, vm);
		return NULL;
	}
	for (u32 i = 0; i < vm->nr_pages; i += 1u << order) {
		if (!area_alloc_pages(m, vm, i)) {
			free_pages(m, vm, i);
			return NULL;
		}
	}
	return vm;
}

struct vm_struct *vcalloc(struct machine *m, u64 n, u64 size)
{
	u64 bytes;

	return __builtin_mul_overflow(n, size, &bytes) ? NULL : vmalloc_order(m, bytes, 0);
}

struct vm_struct *vmalloc_huge(struct machine *m, u64 size)
{
	unsigned int order = size >= PAGE_SIZE << PMD_ORDER ? PMD_ORDER : 0;
	struct vm_struct *vm = vmalloc_order(m, size, order);

	if (vm)
		vm->flags |= VM_ALLOW_HUGE_VMAP;
	return vm;
}

void vfree(struct machine *m, struct vm_struct *vm)
{
	if (vm)
		free_pages(m, vm, vm->nr_pages);
}

void vmalloc_oops(struct machine *m, u32 nr_pages)
{
	printk(m, LOG_ERR, "BUG: unable to handle page fault behind a vmalloc area of %u pages",
	       nr_pages);
	panic(m, "Fatal exception");
}

/*
 * Where byte @off of the area is, and how many bytes of @size follow in that page.
 * Behind the area is a guard page.
 */
static phys_addr_t vmalloc_to_phys(struct machine *m, const struct vm_struct *vm, u64 off,
				   u64 size, u64 *len)
{
	if (off / PAGE_SIZE >= vm->nr_pages)
		vmalloc_oops(m, vm->nr_pages);
	if (vm->poisoned)
		kasan_report(m, "vmalloc-out-of-bounds");
	*len = min(size, PAGE_SIZE - off % PAGE_SIZE);
	return PFN_PHYS(vm->pfns[off / PAGE_SIZE]) + off % PAGE_SIZE;
}

void vmalloc_read(struct machine *m, const struct vm_struct *vm, u64 off, void *buf, u64 size)
{
	u64 len;

	for (u8 *p = buf; size; p += len, off += len, size -= len) {
		phys_addr_t phys = vmalloc_to_phys(m, vm, off, size, &len);

		phys_read(m, phys, p, len);
	}
}

void vmalloc_write(struct machine *m, struct vm_struct *vm, u64 off, const void *buf, u64 size)
{
	u64 len;

	for (const u8 *p = buf; size; p += len, off += len, size -= len) {
		phys_addr_t phys = vmalloc_to_phys(m, vm, off, size, &len);

		phys_write(m, phys, p, len);
	}
}
