/* SPDX-License-Identifier: GPL-2.0-only */
/* What iommufd needs of the IOMMU core; a device is its function number. */
#ifndef MODEL_HANDLERS_IOMMU_H
#define MODEL_HANDLERS_IOMMU_H

#include "lib/types.h"

struct liveupdate_flb;
struct machine;

/* The FLB, for a handler to register. */
struct liveupdate_flb *iommu_liveupdate_flb(struct machine *m);
/* The device goes on with the page table of @dma_owner. -ENOENT without the FLB. */
int iommu_preserve_device(struct machine *m, u32 nr, phys_addr_t dma_owner);
void iommu_unpreserve_device(struct machine *m, u32 nr);
/* At boot, when the FLB is registered: claim what was preserved. */
void iommu_probe_devices(struct machine *m);
/* Does one still use the page table that came with @dma_owner? */
bool iommu_owns_devices(const struct machine *m, phys_addr_t dma_owner);
/* It gets another page table. -EPERM: it is claimed, and not for @dma_owner. */
int iommu_device_claim_dma_owner(struct machine *m, u32 nr, phys_addr_t dma_owner);

#endif
