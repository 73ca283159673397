/* SPDX-License-Identifier: GPL-2.0-only */
/* What guest_memfd needs of virtual machines. */
#ifndef HANDLERS_KVM_H
#define HANDLERS_KVM_H

#include <luosim-handler.h>

struct kvm;

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

#endif
