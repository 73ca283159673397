/* SPDX-License-Identifier: GPL-2.0-only */
/* What guest_memfd needs of virtual machines. */
#ifndef HANDLERS_KVM_H
#define HANDLERS_KVM_H

#include <luosim-handler.h>

struct kvm;

/* Of page tables only addresses are there; 0 for none. */
struct kvm_mmu {
	phys_addr_t root;
	phys_addr_t incoming;		/* the list of those that the kernel before has left */
};

/* Of pages, by number; those without any are not there. */
struct kvm_attrs {
	struct kvm_mem_attr {
		u64 gfn, attributes;
	} *list;
	u64 nr, room;
};

struct kvm_attrs_ser {
	u64 nr;
	struct kho_vmalloc area;	/* of struct kvm_mem_attr, if there are any */
};

/* The virtual machine of its file, or NULL for another file. */
struct kvm *file_kvm(const struct file *file);
struct kvm *kvm_get_kvm(struct kvm *kvm);
void kvm_put_kvm(struct kvm *kvm);
/* Can memory of it be the guest's alone? */
bool kvm_has_private_mem(const struct kvm *kvm);
/* For searches. */
void kvm_walk(const struct kvm *kvm);
/* The token of the file of @kvm. -ENOENT: that is closed, or not in @session. */
int kvm_get_token(struct luo_session *session, const struct kvm *kvm, u64 *tokenp);
/* The virtual machine behind the token, with a reference. -EINVAL: that is another file. */
int kvm_get_incoming(struct luo_session *session, u64 token, struct kvm **kvmp);
/* May this process make ioctls of @kvm, and of what hangs on it? -EIO: another one made it. */
int kvm_check_mm(const struct kvm *kvm);
/* The virtual machine of a vCPU that may run. -EBUSY: it is preserved; or as kvm_check_mm(). */
int vcpu_enter(unsigned int fd, struct kvm **kvmp);

/* Map the page at @gpa. -ENOMEM: there is none for a table. */
int kvm_mmu_map(struct kvm_mmu *mmu, u64 gpa);
/* What a vCPU finds at @gpa: 1 or 0 pages; -EFAULT where a page on the way is no table. */
int kvm_mmu_lookup(const struct kvm_mmu *mmu, u64 gpa);
/* Free all tables. */
void kvm_mmu_zap(struct kvm_mmu *mmu);
void kvm_mmu_walk(const struct kvm_mmu *mmu);
/* Hand all tables over: *@folios_pa is where the list of them is, if there are any. */
int kvm_mmu_preserve_kho(const struct kvm_mmu *mmu, phys_addr_t *folios_pa);
void kvm_kho_folios_unpreserve(phys_addr_t folios_pa);
/* In the next kernel: free them. */
void kvm_kho_folios_finish(phys_addr_t folios_pa);

/* KVM_SET_MEMORY_ATTRIBUTES: 0, -EINVAL or -ENOMEM. */
int kvm_attrs_set(struct kvm_attrs *attrs, const struct kvm *kvm, u64 start, u64 size,
		  u64 attributes);
u64 kvm_attrs_get(const struct kvm_attrs *attrs, u64 gfn);
/* 0: there are none. */
u64 kvm_attrs_hash(const struct kvm_attrs *attrs);
void kvm_attrs_free(struct kvm_attrs *attrs);
/* *@areap, if anything, is for kvm_attrs_unpreserve(). */
int kvm_attrs_preserve(const struct kvm_attrs *attrs, struct kvm_attrs_ser *ser, void **areap);
void kvm_attrs_unpreserve(const struct kvm_attrs_ser *ser, void *area);
/* What was handed over is given up, also on failure. */
int kvm_attrs_retrieve(struct kvm_attrs *attrs, const struct kvm_attrs_ser *ser);
void kvm_attrs_finish(const struct kvm_attrs_ser *ser);

#endif
