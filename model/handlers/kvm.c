/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtual machines and vCPUs, as far as files need them, and their file handlers
 * (virt/kvm/kvm_luo.c of the posted series). What a vCPU holds is how often it
 * ran.
 */
#include "lib/uapi.h"

#include "handlers/handlers.h"
#include "handlers/kvm.h"
#include "machine/machine.h"
#include "search/walk.h"

#define pr_fmt "kvm_luo: "

#define KVM_LUO_FH_COMPATIBLE		"kvm_vm_luo_v1"
#define KVM_VCPU_LUO_FH_COMPATIBLE	"kvm_vcpu_luo_x86_v1"
#define KVM_MAX_VCPU_IDS		64u

struct kvm {
	u32 users;
	struct file *vm_file;		/* NULL when it was closed */
	u64 type;
	u64 vcpu_ids;			/* bit map; a vCPU lives as long as its VM */
	const struct process *mm;	/* that made it, or retrieved it */
	u32 mm_exits;			/* its exits then: what comes behind has another mm */
};

struct kvm_vcpu {
	struct kvm *kvm;
	u64 id;
	u64 runs;
	bool luo_preserved;
};

struct kvm_luo_ser {
	u64 type;
} __packed;

struct kvm_vcpu_luo_ser {
	u64 vcpu_id;
	u64 vm_token;
	u64 runs;
};

struct kvm *kvm_get_kvm(struct kvm *kvm)
{
	kvm->users++;
	return kvm;
}

void kvm_put_kvm(struct machine *m, struct kvm *kvm)
{
	if (!--kvm->users)
		kfree(m, kvm, sizeof(*kvm));
}

int kvm_check_mm(const struct machine *m, const struct kvm *kvm)
{
	const struct process *current = process_of(m->task->files);

	return kvm->mm == current && kvm->mm_exits == current->exits ? 0 : -EIO;
}

/* Files. */

static int kvm_vm_release(struct machine *m, struct file *file)
{
	struct kvm *kvm = file->private_data;

	kvm->vm_file = NULL;
	kvm_put_kvm(m, kvm);
	return 0;
}

static u64 kvm_vm_state(struct machine *m, struct file *file)
{
	(void)m;
	return ((struct kvm *)file->private_data)->type;
}

void kvm_walk(struct machine_walk *w, const struct kvm *kvm)
{
	u64 mm = 0;

	if (!walk_object(w, kvm))
		return;
	walk_put(w, kvm->type);
	walk_put(w, kvm->vcpu_ids);
	if (kvm->mm_exits == kvm->mm->exits)
		memcpy(&mm, kvm->mm->comm, sizeof(mm));
	walk_put(w, mm);
	walk_put(w, kvm->users | (u64)!!kvm->vm_file << 32);
}

static void kvm_vm_walk(struct machine_walk *w, struct machine *m, struct file *file)
{
	(void)m;
	kvm_walk(w, file->private_data);
}

static const struct file_operations kvm_vm_fops = {
	.name = "kvm-vm", .release = kvm_vm_release, .state = kvm_vm_state,
	.walk = kvm_vm_walk,
};

static int kvm_vcpu_release(struct machine *m, struct file *file)
{
	struct kvm_vcpu *vcpu = file->private_data;

	kvm_put_kvm(m, vcpu->kvm);
	kfree(m, vcpu, sizeof(*vcpu));
	return 0;
}

static u64 kvm_vcpu_state(struct machine *m, struct file *file)
{
	const struct kvm_vcpu *vcpu = file->private_data;

	(void)m;
	return vcpu->runs * KVM_MAX_VCPU_IDS + vcpu->id;
}

static void kvm_vcpu_walk(struct machine_walk *w, struct machine *m, struct file *file)
{
	const struct kvm_vcpu *vcpu = file->private_data;

	(void)m;
	kvm_walk(w, vcpu->kvm);
	walk_put(w, vcpu->id << 1 | vcpu->luo_preserved);
	walk_put(w, vcpu->runs);
}

static const struct file_operations kvm_vcpu_fops = {
	.name = "kvm-vcpu", .release = kvm_vcpu_release, .state = kvm_vcpu_state,
	.walk = kvm_vcpu_walk,
};

struct kvm *file_kvm(const struct file *file)
{
	return file->f_op == &kvm_vm_fops ? file->private_data : NULL;
}

static struct file *kvm_create_vm_file(struct machine *m, u64 type)
{
	struct kvm *kvm = kzalloc(m, sizeof(*kvm));
	struct file *file;

	if (!kvm)
		return ERR_PTR(-ENOMEM);
	kvm->users = 1;
	kvm->type = type;
	kvm->mm = process_of(m->task->files);
	kvm->mm_exits = kvm->mm->exits;
	file = anon_inode_getfile(m, "kvm-vm", &kvm_vm_fops, kvm, O_RDWR);
	if (IS_ERR(file))
		kfree(m, kvm, sizeof(*kvm));
	else
		kvm->vm_file = file;
	return file;
}

static struct file *kvm_create_vcpu_file(struct machine *m, struct kvm *kvm, u64 id)
{
	struct kvm_vcpu *vcpu;
	struct file *file;

	if (id >= KVM_MAX_VCPU_IDS)
		return ERR_PTR(-EINVAL);
	if (kvm->vcpu_ids >> id & 1)
		return ERR_PTR(-EEXIST);
	vcpu = kzalloc(m, sizeof(*vcpu));
	if (!vcpu)
		return ERR_PTR(-ENOMEM);
	*vcpu = (struct kvm_vcpu){ .kvm = kvm, .id = id };
	file = anon_inode_getfile(m, "kvm-vcpu", &kvm_vcpu_fops, vcpu, O_RDWR);
	if (IS_ERR(file)) {
		kfree(m, vcpu, sizeof(*vcpu));
		return file;
	}
	kvm_get_kvm(kvm);
	kvm->vcpu_ids |= 1ull << id;
	return file;
}

static int do_kvm_create_vcpu(struct machine *m, int vm, unsigned int id)
{
	struct file *file = fdget(m, vm);
	int err;

	if (!file)
		return -EBADF;
	if (!file_kvm(file))
		return -ENOTTY;
	err = kvm_check_mm(m, file_kvm(file));
	if (err)
		return err;
	return install_file(m, kvm_create_vcpu_file(m, file_kvm(file), id));
}

int sys_kvm_create_vm(struct machine *m)
{
	SYSCALL(m, install_file(m, kvm_create_vm_file(m, 0)));
}

int sys_kvm_create_vcpu(struct machine *m, int vm, unsigned int id)
{
	SYSCALL(m, do_kvm_create_vcpu(m, vm, id));
}

int vcpu_enter(struct machine *m, int fd, struct kvm **kvmp)
{
	struct file *file = fdget(m, fd);
	struct kvm_vcpu *vcpu;
	int err;

	if (!file)
		return -EBADF;
	if (file->f_op != &kvm_vcpu_fops)
		return -ENOTTY;
	vcpu = file->private_data;
	err = kvm_check_mm(m, vcpu->kvm);
	if (err)
		return err;
	if (vcpu->luo_preserved)
		return -EBUSY;
	vcpu->runs++;
	*kvmp = vcpu->kvm;
	return 0;
}

/* Tokens. */

int kvm_get_token(struct luo_session *session, const struct kvm *kvm, u64 *tokenp)
{
	if (!kvm->vm_file)
		return -ENOENT;
	return liveupdate_get_token_outgoing(session, kvm->vm_file, tokenp);
}

int kvm_get_incoming(struct machine *m, struct luo_session *session, u64 token, struct kvm **kvmp)
{
	struct file *file;
	int err;

	err = liveupdate_get_file_incoming(m, session, token, &file);
	if (err)
		return err;
	*kvmp = file_kvm(file);
	if (*kvmp)
		kvm_get_kvm(*kvmp);
	fput(m, file);
	return *kvmp ? 0 : -EINVAL;
}

/* The handler of virtual machines. */

static bool kvm_luo_can_preserve(struct machine *m, struct liveupdate_file_handler *fh,
				 struct file *file)
{
	(void)m;
	(void)fh;
	return file_kvm(file);
}

static int kvm_luo_preserve(struct liveupdate_file_op_args *args)
{
	const struct kvm_luo_ser ser = { .type = file_kvm(args->file)->type };
	int err;

	err = kho_alloc_preserve(args->m, sizeof(ser), &args->serialized_data);
	if (!err)
		phys_write(args->m, args->serialized_data, &ser, sizeof(ser));
	return err;
}

static void kvm_luo_unpreserve(struct liveupdate_file_op_args *args)
{
	kho_unpreserve_free(args->m, args->serialized_data);
}

static int kvm_luo_retrieve(struct liveupdate_file_op_args *args)
{
	struct machine *m = args->m;
	struct kvm_luo_ser ser;

	phys_read(m, args->serialized_data, &ser, sizeof(ser));
	args->file = kvm_create_vm_file(m, ser.type);
	kho_restore_free(m, args->serialized_data);
	return IS_ERR(args->file) ? PTR_ERR(args->file) : 0;
}

static void kvm_luo_finish(struct liveupdate_file_op_args *args)
{
	if (!args->retrieve_status)
		kho_restore_free(args->m, args->serialized_data);
}

static void kvm_luo_walk(struct machine_walk *w, struct machine *m, u64 serialized_data)
{
	(void)m;
	walk_words(w, serialized_data, sizeof(struct kvm_luo_ser) / sizeof(u64));
}

static const struct liveupdate_file_ops kvm_luo_file_ops = {
	.can_preserve = kvm_luo_can_preserve,
	.preserve = kvm_luo_preserve,
	.unpreserve = kvm_luo_unpreserve,
	.retrieve = kvm_luo_retrieve,
	.finish = kvm_luo_finish,
	.get_id = handler_private_id,
	.walk = kvm_luo_walk,
};

/* The handler of vCPUs. */

static bool kvm_vcpu_luo_can_preserve(struct machine *m, struct liveupdate_file_handler *fh,
				      struct file *file)
{
	(void)m;
	(void)fh;
	return file->f_op == &kvm_vcpu_fops;
}

static int kvm_vcpu_luo_preserve(struct liveupdate_file_op_args *args)
{
	struct kvm_vcpu *vcpu = args->file->private_data;
	struct kvm_vcpu_luo_ser ser = { .vcpu_id = vcpu->id, .runs = vcpu->runs };
	struct machine *m = args->m;
	int err = 0;

	if (vcpu->luo_preserved)
		return -EBUSY;
	if (!has_fix(m, FIX_KVM_TOKEN_FREEZE))
		err = kvm_get_token(args->session, vcpu->kvm, &ser.vm_token);
	if (!err)
		err = kho_alloc_preserve(m, sizeof(ser), &args->serialized_data);
	if (err)
		return err;
	phys_write(m, args->serialized_data, &ser, sizeof(ser));
	vcpu->luo_preserved = true;
	return 0;
}

static int kvm_vcpu_luo_freeze(struct liveupdate_file_op_args *args)
{
	const struct kvm_vcpu *vcpu = args->file->private_data;
	struct kvm_vcpu_luo_ser ser;
	int err;

	if (!has_fix(args->m, FIX_KVM_TOKEN_FREEZE))
		return 0;
	phys_read(args->m, args->serialized_data, &ser, sizeof(ser));
	err = kvm_get_token(args->session, vcpu->kvm, &ser.vm_token);
	if (!err)
		phys_write(args->m, args->serialized_data, &ser, sizeof(ser));
	return err;
}

static void kvm_vcpu_luo_unpreserve(struct liveupdate_file_op_args *args)
{
	((struct kvm_vcpu *)args->file->private_data)->luo_preserved = false;
	kho_unpreserve_free(args->m, args->serialized_data);
}

static int retrieve_vcpu(struct liveupdate_file_op_args *args, const struct kvm_vcpu_luo_ser *ser)
{
	struct machine *m = args->m;
	struct file *file;
	struct kvm *kvm;
	int err;

	err = kvm_get_incoming(m, args->session, ser->vm_token, &kvm);
	if (err)
		return err;
	file = kvm_create_vcpu_file(m, kvm, ser->vcpu_id);
	kvm_put_kvm(m, kvm);
	if (IS_ERR(file))
		return PTR_ERR(file);
	((struct kvm_vcpu *)file->private_data)->runs = ser->runs;
	args->file = file;
	return 0;
}

static int kvm_vcpu_luo_retrieve(struct liveupdate_file_op_args *args)
{
	struct kvm_vcpu_luo_ser ser;
	int err;

	phys_read(args->m, args->serialized_data, &ser, sizeof(ser));
	err = retrieve_vcpu(args, &ser);
	if (err)
		kho_restore_free(args->m, args->serialized_data);
	return err;
}

static void kvm_vcpu_luo_finish(struct liveupdate_file_op_args *args)
{
	if (args->retrieve_status >= 0)
		kho_restore_free(args->m, args->serialized_data);
}

static void kvm_vcpu_luo_walk(struct machine_walk *w, struct machine *m, u64 serialized_data)
{
	(void)m;
	walk_words(w, serialized_data, sizeof(struct kvm_vcpu_luo_ser) / sizeof(u64));
}

static const struct liveupdate_file_ops kvm_vcpu_luo_file_ops = {
	.can_preserve = kvm_vcpu_luo_can_preserve,
	.preserve = kvm_vcpu_luo_preserve,
	.unpreserve = kvm_vcpu_luo_unpreserve,
	.freeze = kvm_vcpu_luo_freeze,
	.retrieve = kvm_vcpu_luo_retrieve,
	.finish = kvm_vcpu_luo_finish,
	.get_id = handler_private_id,
	.walk = kvm_vcpu_luo_walk,
};

void kvm_luo_init(struct machine *m)
{
	if (handler_register(m, &m->k->handlers->kvm, "kvm", &kvm_luo_file_ops,
			     KVM_LUO_FH_COMPATIBLE, NULL))
		return;
	if (handler_register(m, &m->k->handlers->kvm_vcpu, "kvm_vcpu", &kvm_vcpu_luo_file_ops,
			     KVM_VCPU_LUO_FH_COMPATIBLE, NULL))
		liveupdate_unregister_file_handler(m, &m->k->handlers->kvm);
}
