/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of what is shipped: handlers of handlers/ at the top of the tree. */
#ifndef MODEL_HANDLERS_SHIPPED_H
#define MODEL_HANDLERS_SHIPPED_H

#include "luosim.h"

/* In the order in which they are registered; there are NR_SHIPPED. */
#define SHIPPED(_handler)	_handler(vfio) _handler(kvm) _handler(guest_memfd)	\
				_handler(eventfd_luo) _handler(cpu)

/* What can be left out of them, in the table of fixes. */
#define SHIPPED_FIXES \
	[FIX_KVM_TOKEN_FREEZE] = { "kvm-token-freeze", "", \
		"guest_memfds and vCPUs look for their VM when frozen, "	\
		"so that any order will do" },				\
	[FIX_KVM_MMU_FREEZE] = { "kvm-mmu-freeze", "", \
		"page tables of a VM are looked for when it is frozen, as no vCPU runs any more" },\
	[FIX_KVM_MEM_ATTRS] = { "kvm-mem-attrs", "", \
		"memory attributes of VMs are handed over, as first posted" },\
	[FIX_GMEM_SHARED_ONLY] = { "gmem-shared-only", "", \
		"guest_memfds that are not shared from the start are not taken" }, \
	[FIX_VFIO_V5] = { "vfio-v5", "", \
		"a vfio device must be in D0 to be frozen, is of no use then, and is no VF" },

struct machine;

/* As a kernel boots, whether or not it has the handler: its devices are there. */
void shipped_boot(struct machine *m, unsigned int i);
/* The kernel has it: register it. */
void shipped_init(struct machine *m, unsigned int i);

#endif
