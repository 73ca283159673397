/* SPDX-License-Identifier: GPL-2.0-only */
/* vmalloc areas: order-0 pages that are contiguous only in virtual addresses. */
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

static void free_pages(struct machine *m, struct vm_struct *vm, u32 nr)
{
	for (u32 i = 0; i < nr; i++)
		free_page(m, PFN_PHYS(vm->pfns[i]));
	kfree(m, vm->pfns, (u64)vm->nr_pages * sizeof(u32));
	free_vm_area(m, vm);
}

struct vm_struct *vcalloc(struct machine *m, u64 n, u64 size)
{
	struct vm_struct *vm;
	u64 bytes;

	if (__builtin_mul_overflow(n, size, &bytes) || !bytes ||
	    DIV_ROUND_UP(bytes, PAGE_SIZE) > m->nr_frames)
		return NULL;
	vm = get_vm_area(m);
	if (!vm)
		return NULL;
	vm->nr_pages = DIV_ROUND_UP(bytes, PAGE_SIZE);
	vm->flags = VM_ALLOC;
	vm->pfns = kzalloc_nowait(m, (u64)vm->nr_pages * sizeof(u32));
	if (!vm->pfns) {
		free_vm_area(m, vm);
		return NULL;
	}
	for (u32 i = 0; i < vm->nr_pages; i++) {
		phys_addr_t phys = get_zeroed_page(m, GFP_KERNEL);

		if (!phys) {
			free_pages(m, vm, i);
			return NULL;
		}
		vm->pfns[i] = PHYS_PFN(phys);
	}
	return vm;
}

void vfree(struct machine *m, struct vm_struct *vm)
{
	if (vm)
		free_pages(m, vm, vm->nr_pages);
}

/*
 * Where byte @off of the area is, and how many bytes of @size follow in that page.
 * Behind the area is a guard page.
 */
static phys_addr_t vmalloc_to_phys(struct machine *m, const struct vm_struct *vm, u64 off,
				   u64 size, u64 *len)
{
	if (off / PAGE_SIZE >= vm->nr_pages) {
		printk(m, LOG_ERR, "BUG: unable to handle page fault behind a vmalloc area of "
		       "%u pages", vm->nr_pages);
		panic(m, "Fatal exception");
	}
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
