/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The IOMMU core's part of preserving devices (drivers/iommu/liveupdate.c of the posted
 * series): an FLB that says which devices go on using a page table, and whose they are. Those
 * are claimed while the next kernel boots, before anybody can bind them.
 */
#include "handlers/handlers.h"
#include "handlers/iommu.h"
#include "machine/machine.h"

#define pr_fmt "iommu: "

#define IOMMU_LUO_FLB_COMPATIBLE	"iommu-v1"

struct iommu_device_ser {
	u64 preserved;
	u64 dma_owner;		/* struct iommufd_lu of its iommufd */
} __packed;

struct iommu_flb_ser {
	struct iommu_device_ser devices[NR_PCI_DEVICES];
} __packed;

static struct liveupdate_flb *iommu_flb(struct machine *m)
{
	return &m->k->handlers->iommu_flb;
}

/* Where in the FLB, whose object is its address, a device is. */
static phys_addr_t device_ser(const void *obj, u32 nr)
{
	return (uintptr_t)obj + nr * sizeof(struct iommu_device_ser);
}

/* The FLB. */

static int iommu_flb_preserve(struct liveupdate_flb_op_args *args)
{
	struct iommu_flb_ser ser = { 0 };
	int err;

	err = kho_alloc_preserve(args->m, sizeof(ser), &args->data);
	if (err)
		return err;
	args->obj = (void *)(uintptr_t)args->data;
	phys_write(args->m, args->data, &ser, sizeof(ser));
	return 0;
}

static void iommu_flb_unpreserve(struct liveupdate_flb_op_args *args)
{
	kho_unpreserve_free(args->m, args->data);
}

static int iommu_flb_retrieve(struct liveupdate_flb_op_args *args)
{
	args->obj = (void *)(uintptr_t)args->data;
	return 0;
}

static void iommu_flb_finish(struct liveupdate_flb_op_args *args)
{
	kho_restore_free(args->m, (uintptr_t)args->obj);
}

static const struct liveupdate_flb_ops iommu_flb_ops = {
	.preserve = iommu_flb_preserve,
	.unpreserve = iommu_flb_unpreserve,
	.retrieve = iommu_flb_retrieve,
	.finish = iommu_flb_finish,
};

struct liveupdate_flb *iommu_liveupdate_flb(struct machine *m)
{
	flb_init(iommu_flb(m), &iommu_flb_ops, IOMMU_LUO_FLB_COMPATIBLE);
	return iommu_flb(m);
}

/* Outgoing devices. */

static int write_device(struct machine *m, u32 nr, const struct iommu_device_ser *ser)
{
	void *obj;
	int err;

	err = liveupdate_flb_get_outgoing(m, iommu_flb(m), &obj);
	if (err)
		return err;
	if (!obj)
		return -ENOENT;
	phys_write(m, device_ser(obj, nr), ser, sizeof(*ser));
	liveupdate_flb_put_outgoing(m, iommu_flb(m));
	return 0;
}

int iommu_preserve_device(struct machine *m, u32 nr, phys_addr_t dma_owner)
{
	return write_device(m, nr, &(struct iommu_device_ser){
		.preserved = true, .dma_owner = dma_owner });
}

void iommu_unpreserve_device(struct machine *m, u32 nr)
{
	WARN_ON(m, write_device(m, nr, &(struct iommu_device_ser){ 0 }));
}

/* Incoming devices. */

void iommu_probe_devices(struct machine *m)
{
	struct iommu_device_ser ser;
	void *obj;

	if (liveupdate_flb_get_incoming(m, iommu_flb(m), &obj))
		return;
	for (u32 nr = 0; nr < NR_PCI_DEVICES; nr++) {
		phys_read(m, device_ser(obj, nr), &ser, sizeof(ser));
		if (ser.preserved)
			m->k->handlers->pci[nr].dma_owner = ser.dma_owner;
	}
	liveupdate_flb_put_incoming(m, iommu_flb(m));
}

bool iommu_owns_devices(const struct machine *m, phys_addr_t dma_owner)
{
	for (u32 nr = 0; nr < NR_PCI_DEVICES; nr++)
		if (m->k->handlers->pci[nr].dma_owner == dma_owner)
			return true;
	return false;
}

int iommu_device_claim_dma_owner(struct machine *m, u32 nr, phys_addr_t dma_owner)
{
	struct pci_dev *dev = &m->k->handlers->pci[nr];

	if (dev->dma_owner && dev->dma_owner != dma_owner)
		return -EPERM;
	dev->dma_owner = 0;
	return 0;
}
