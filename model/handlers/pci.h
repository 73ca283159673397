/* SPDX-License-Identifier: GPL-2.0-only */
/* What drivers need of the PCI core; a device is its function number. */
#ifndef MODEL_HANDLERS_PCI_H
#define MODEL_HANDLERS_PCI_H

#include "lib/types.h"

struct liveupdate_flb;
struct machine;

/* The device called "0000:01:00.N", or -ENOENT. */
int pci_find(const char *bdf);
/* -ENOENT without the FLB, -EBUSY, -ENOSPC. */
int pci_liveupdate_preserve(struct machine *m, u32 nr);
void pci_liveupdate_unpreserve(struct machine *m, u32 nr);
/* An incoming device is like any other from here on. */
void pci_liveupdate_finish(struct machine *m, u32 nr);
/* The FLB, for a handler to register. */
struct liveupdate_flb *pci_liveupdate_flb(struct machine *m);
/* At boot, when that is registered. */
void pci_enumerate(struct machine *m);

#endif
