/* SPDX-License-Identifier: GPL-2.0-only */
/* What drivers need of the PCI core; a device is its number in a table. */
#ifndef MODEL_HANDLERS_PCI_H
#define MODEL_HANDLERS_PCI_H

#include "lib/types.h"

struct liveupdate_flb;
struct machine;

/* The device called "0000:01:00.N" or what else there is, or -ENOENT. */
int pci_find(const char *bdf);
bool pci_is_virtfn(u32 nr);
/* Is @nr the device @above, or behind that bridge? */
bool pci_is_below(int nr, u32 above);
/* -ENOENT without the FLB, -EINVAL of a virtual function, -EBUSY. */
int pci_liveupdate_preserve(struct machine *m, u32 nr);
void pci_liveupdate_unpreserve(struct machine *m, u32 nr);
/* An incoming device is like any other from here on. */
void pci_liveupdate_finish(struct machine *m, u32 nr);
/* How many preserved devices it stands for. */
int pci_refs(struct machine *m, u32 nr, bool incoming);
/* The device goes, with all behind it; and what is gone comes back. */
void pci_remove(struct machine *m, u32 nr);
void pci_rescan(struct machine *m);
/* The FLB, for a handler to register. */
struct liveupdate_flb *pci_liveupdate_flb(struct machine *m);
/* At boot, when that is registered. */
void pci_enumerate(struct machine *m);

#endif
