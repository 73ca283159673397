/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory attributes of a virtual machine, which say of a page whether it is the guest's alone
 * (virt/kvm/kvm_main.c), and how the first posted version hands them over.
 */
#include "kvm.h"

#define KVM_MEMORY_ATTRIBUTE_PRIVATE	8u

/* Where @gfn is, or would be. */
static u64 find(const struct kvm_attrs *attrs, u64 gfn)
{
	u64 low = 0, high = attrs->nr;

	while (low < high) {
		u64 middle = (low + high) / 2;

		if (attrs->list[middle].gfn < gfn)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Room for @nr more, where the kernel has nodes of an xarray. */
static int reserve(struct kvm_attrs *attrs, u64 nr)
{
	u64 room = attrs->room ? attrs->room : 4;
	struct kvm_mem_attr *list;

	if (attrs->nr + nr <= attrs->room)
		return 0;
	while (room < attrs->nr + nr)
		room *= 2;
	list = kzalloc(room * sizeof(*list), GFP_KERNEL);
	if (!list)
		return -ENOMEM;
	if (attrs->nr)
		memcpy(list, attrs->list, attrs->nr * sizeof(*list));
	kfree(attrs->list);
	attrs->list = list;
	attrs->room = room;
	return 0;
}

/* There is room. */
static void store(struct kvm_attrs *attrs, u64 gfn, u64 attributes)
{
	u64 i = find(attrs, gfn);
	struct kvm_mem_attr *at = attrs->list + i;
	bool is_there = i < attrs->nr && at->gfn == gfn;

	if (!attributes && !is_there)
		return;
	if (!attributes) {
		attrs->nr--;
		memmove(at, at + 1, (attrs->nr - i) * sizeof(*at));
		return;
	}
	if (!is_there) {
		memmove(at + 1, at, (attrs->nr - i) * sizeof(*at));
		attrs->nr++;
	}
	*at = (struct kvm_mem_attr){ .gfn = gfn, .attributes = attributes };
}

int kvm_attrs_set(struct kvm_attrs *attrs, const struct kvm *kvm, u64 start, u64 size,
		  u64 attributes)
{
	int err;

	if (attributes & ~(kvm_has_private_mem(kvm) ? KVM_MEMORY_ATTRIBUTE_PRIVATE : 0))
		return -EINVAL;
	if (!size || (start | size) & ~PAGE_MASK)
		return -EINVAL;
	err = reserve(attrs, size >> PAGE_SHIFT);
	for (u64 at = 0; !err && at < size; at += PAGE_SIZE)
		store(attrs, (start + at) >> PAGE_SHIFT, attributes);
	return err;
}

u64 kvm_attrs_get(const struct kvm_attrs *attrs, u64 gfn)
{
	u64 i = find(attrs, gfn);

	return i < attrs->nr && attrs->list[i].gfn == gfn ? attrs->list[i].attributes : 0;
}

u64 kvm_attrs_hash(const struct kvm_attrs *attrs)
{
	u64 hash = 0;

	for (u64 i = 0; i < attrs->nr; i++)
		hash = (hash ^ (attrs->list[i].gfn << 4 | attrs->list[i].attributes)) *
		       0x100000001b3;
	return hash;
}

void kvm_attrs_free(struct kvm_attrs *attrs)
{
	kfree(attrs->list);
	*attrs = (struct kvm_attrs){ .nr = 0 };
}

/* The handler. */

int kvm_attrs_preserve(const struct kvm_attrs *attrs, struct kvm_attrs_ser *ser, void **areap)
{
	void *area;
	int err;

	ser->nr = attrs->nr;
	if (!ser->nr)
		return 0;
	area = vcalloc(ser->nr, sizeof(*attrs->list));
	if (!area)
		return -ENOMEM;
	memcpy(area, attrs->list, ser->nr * sizeof(*attrs->list));
	err = kho_preserve_vmalloc(area, &ser->area);
	if (err)
		vfree(area);
	else
		*areap = area;
	return err;
}

/* As posted: the pages are given back before they are unmarked. */
void kvm_attrs_unpreserve(const struct kvm_attrs_ser *ser, void *area)
{
	vfree(area);
	if (ser->nr)
		kho_unpreserve_vmalloc(&ser->area);
}

int kvm_attrs_retrieve(struct kvm_attrs *attrs, const struct kvm_attrs_ser *ser)
{
	void *area = kho_restore_vmalloc(&ser->area);
	int err = 0;

	if (!area)
		return -EINVAL;
	for (u64 i = 0; !err && i < ser->nr; i++) {
		struct kvm_mem_attr attr;

		memcpy_from_vmalloc(&attr, area, i * sizeof(attr), sizeof(attr));
		err = reserve(attrs, 1);
		if (!err)
			store(attrs, attr.gfn, attr.attributes);
	}
	vfree(area);
	return err;
}

void kvm_attrs_finish(const struct kvm_attrs_ser *ser)
{
	if (ser->nr)
		vfree(kho_restore_vmalloc(&ser->area));
}
