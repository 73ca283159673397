/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtual machines and vCPUs, as far as files need them, and their file handlers
 * (virt/kvm/kvm_luo.c of the posted series). What a vCPU holds is how often it
 * ran.
 */
#include "kvm.h"

#define KVM_LUO_FH_COMPATIBLE		"kvm_vm_luo_v1"
#define KVM_VCPU_LUO_FH_COMPATIBLE	"kvm_vcpu_luo_x86_v1"
#define KVM_MAX_VCPU_IDS		64u
#define KVM_X86_SW_PROTECTED_VM		1	/* its memory may be private */

struct kvm {
	u32 users;
	struct file *vm_file;		/* NULL when it was closed */
	u64 type;
	u64 vcpu_ids;			/* bit map; a vCPU lives as long as its VM */
	u64 mm;				/* of the process that made it, or retrieved it */
	struct kvm_mmu mmu;
	struct kvm_attrs attrs;
};

struct kvm_vcpu {
	struct kvm *kvm;
	u64 id;
	u64 runs;
	bool luo_preserved;
};

struct kvm_luo_ser {
	u64 type;
	u64 kho_folios;			/* page tables, for vCPUs that run on; or 0 */
	struct kvm_attrs_ser attrs;	/* with "kvm-mem-attrs" */
};

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

void kvm_put_kvm(struct kvm *kvm)
{
	if (--kvm->users)
		return;
	kvm_mmu_zap(&kvm->mmu);
	kvm_attrs_free(&kvm->attrs);
	kfree(kvm);
}

int kvm_check_mm(const struct kvm *kvm)
{
	return kvm->mm == luosim_current_mm() ? 0 : -EIO;
}

bool kvm_has_private_mem(const struct kvm *kvm)
{
	return kvm->type == KVM_X86_SW_PROTECTED_VM;
}

/* Files. */

static int kvm_vm_release(struct file *file)
{
	struct kvm *kvm = file->private_data;

	kvm->vm_file = NULL;
	kvm_put_kvm(kvm);
	return 0;
}

void kvm_walk(const struct kvm *kvm)
{
	if (!luosim_walk_object(kvm))
		return;
	luosim_walk(kvm->type);
	luosim_walk(kvm->vcpu_ids);
	luosim_walk_mm(kvm->mm);
	luosim_walk(kvm->users | (u64)!!kvm->vm_file << 32);
	kvm_mmu_walk(&kvm->mmu);
	luosim_walk(kvm_attrs_hash(&kvm->attrs));
}

static const struct file_operations kvm_vm_fops = {
	.release = kvm_vm_release,
};

static int kvm_vcpu_release(struct file *file)
{
	struct kvm_vcpu *vcpu = file->private_data;

	kvm_put_kvm(vcpu->kvm);
	kfree(vcpu);
	return 0;
}

static const struct file_operations kvm_vcpu_fops = {
	.release = kvm_vcpu_release,
};

static u64 kvm_contents(struct file *file)
{
	const struct kvm_vcpu *vcpu = file->private_data;

	if (file_kvm(file))
		return file_kvm(file)->type ^ kvm_attrs_hash(&file_kvm(file)->attrs);
	return vcpu->runs * KVM_MAX_VCPU_IDS + vcpu->id;
}

static void kvm_walk_file(struct file *file)
{
	const struct kvm_vcpu *vcpu = file->private_data;

	if (file_kvm(file)) {
		kvm_walk(file_kvm(file));
		return;
	}
	kvm_walk(vcpu->kvm);
	luosim_walk(vcpu->id << 1 | vcpu->luo_preserved);
	luosim_walk(vcpu->runs);
}

struct kvm *file_kvm(const struct file *file)
{
	return file->f_op == &kvm_vm_fops ? file->private_data : NULL;
}

static struct file *kvm_create_vm_file(u64 type)
{
	struct kvm *kvm;
	struct file *file;

	if (type > KVM_X86_SW_PROTECTED_VM)
		return ERR_PTR(-EINVAL);
	kvm = kzalloc(sizeof(*kvm), GFP_KERNEL);
	if (!kvm)
		return ERR_PTR(-ENOMEM);
	kvm->users = 1;
	kvm->type = type;
	kvm->mm = luosim_current_mm();
	file = anon_inode_getfile("kvm-vm", &kvm_vm_fops, kvm, O_RDWR);
	if (IS_ERR(file))
		kfree(kvm);
	else
		kvm->vm_file = file;
	return file;
}

static struct file *kvm_create_vcpu_file(struct kvm *kvm, u64 id)
{
	struct kvm_vcpu *vcpu;
	struct file *file;

	if (id >= KVM_MAX_VCPU_IDS)
		return ERR_PTR(-EINVAL);
	if (kvm->vcpu_ids >> id & 1)
		return ERR_PTR(-EEXIST);
	vcpu = kzalloc(sizeof(*vcpu), GFP_KERNEL);
	if (!vcpu)
		return ERR_PTR(-ENOMEM);
	*vcpu = (struct kvm_vcpu){ .kvm = kvm, .id = id };
	file = anon_inode_getfile("kvm-vcpu", &kvm_vcpu_fops, vcpu, O_RDWR);
	if (IS_ERR(file)) {
		kfree(vcpu);
		return file;
	}
	kvm_get_kvm(kvm);
	kvm->vcpu_ids |= 1ull << id;
	return file;
}

/* kvm_create_vm([TYPE]) */
static void *kvm_create_vm(const struct luosim_arg *args)
{
	return kvm_create_vm_file(args[0].number);
}

/* kvm_create_vcpu(VM, ID) */
static void *kvm_create_vcpu(const struct luosim_arg *args)
{
	struct file *file = fdget(args[0].number);
	int err;

	if (!file)
		return ERR_PTR(-EBADF);
	if (!file_kvm(file))
		return ERR_PTR(-ENOTTY);
	err = kvm_check_mm(file_kvm(file));
	return err ? ERR_PTR(err) : kvm_create_vcpu_file(file_kvm(file), args[1].number);
}

/* guest_fault(VCPU, GPA) */
static s64 guest_fault(const struct luosim_arg *args)
{
	struct kvm *kvm;
	int err = vcpu_enter(args[0].number, &kvm);

	if (err)
		return err;
	luosim_page_fault();
	return kvm_mmu_map(&kvm->mmu, args[1].number);
}

/* A virtual machine that this process may use, or NULL and an errno. */
static struct kvm *kvm_of_fd(unsigned int fd, int *errp)
{
	struct file *file = fdget(fd);
	struct kvm *kvm = file ? file_kvm(file) : NULL;

	*errp = !file ? -EBADF : !kvm ? -ENOTTY : kvm_check_mm(kvm);
	return *errp ? NULL : kvm;
}

/* kvm_delete_memslot(VM): all page tables go with it. */
static s64 kvm_delete_memslot(const struct luosim_arg *args)
{
	int err;
	struct kvm *kvm = kvm_of_fd(args[0].number, &err);

	if (kvm)
		kvm_mmu_zap(&kvm->mmu);
	return err;
}

/* guest_lookup(VM, GPA): what vCPUs that have run on see, while LUO keeps their tables. */
static s64 guest_lookup(const struct luosim_arg *args)
{
	int err;
	struct kvm *kvm = kvm_of_fd(args[0].number, &err);

	return kvm ? kvm_mmu_lookup(&kvm->mmu, args[1].number) : err;
}

/* kvm_set_memory_attributes(VM, GPA, SIZE, ATTRIBUTES) */
static s64 kvm_set_memory_attributes(const struct luosim_arg *args)
{
	int err;
	struct kvm *kvm = kvm_of_fd(args[0].number, &err);

	return kvm ? kvm_attrs_set(&kvm->attrs, kvm, args[1].number, args[2].number,
				   args[3].number) : err;
}

/* kvm_memory_attributes(VM, GPA): what a fault there goes by. */
static s64 kvm_memory_attributes(const struct luosim_arg *args)
{
	int err;
	struct kvm *kvm = kvm_of_fd(args[0].number, &err);

	return kvm ? (s64)kvm_attrs_get(&kvm->attrs, args[1].number >> PAGE_SHIFT) : err;
}

#define GPA	{ "GPA", LUOSIM_NUMBER, 0, (1 << 30) - 1 }

static const struct luosim_call kvm_calls[] = {
	{ .name = "kvm_create_vm", .params = { { "TYPE", LUOSIM_NUMBER, 0, UINT32_MAX } },
	  .optional = 1 << 0, .open = kvm_create_vm, .about = "KVM_CREATE_VM" },
	{ .name = "kvm_create_vcpu",
	  .params = { { "VM", LUOSIM_FD, 0, 0 }, { "ID", LUOSIM_NUMBER, 0, UINT32_MAX } },
	  .open = kvm_create_vcpu, .about = "KVM_CREATE_VCPU" },
	{ .name = "guest_fault", .params = { { "VCPU", LUOSIM_FD, 0, 0 }, GPA },
	  .call = guest_fault, .about = "the guest touches a page: KVM maps it" },
	{ .name = "guest_lookup", .params = { { "VM", LUOSIM_FD, 0, 0 }, GPA },
	  .call = guest_lookup, .about = "what page tables say of a page, 1 for mapped" },
	{ .name = "kvm_set_memory_attributes",
	  .params = { { "VM", LUOSIM_FD, 0, 0 }, GPA, { "SIZE", LUOSIM_NUMBER, 0, 1 << 30 },
		      { "ATTRIBUTES", LUOSIM_NUMBER, 0, UINT32_MAX } },
	  .call = kvm_set_memory_attributes, .about = "KVM_SET_MEMORY_ATTRIBUTES" },
	{ .name = "kvm_memory_attributes", .params = { { "VM", LUOSIM_FD, 0, 0 }, GPA },
	  .call = kvm_memory_attributes, .about = "attributes of a page, 8 for private" },
	{ .name = "kvm_delete_memslot", .params = { { "VM", LUOSIM_FD, 0, 0 } },
	  .call = kvm_delete_memslot,
	  .about = "KVM_SET_USER_MEMORY_REGION of a slot that goes, and page tables with it" },
	{ .name = NULL },
};

static const struct luosim_kind kvm_kinds[] = {
	{ .name = "kvm", .steps = { "kvm_create_vm() = NEW" } },
	{ .name = "vcpu", .needs = "kvm", .steps = { "kvm_create_vcpu(ON, #) = NEW" } },
	{ .name = NULL },
};

int vcpu_enter(unsigned int fd, struct kvm **kvmp)
{
	struct file *file = fdget(fd);
	struct kvm_vcpu *vcpu;
	int err;

	if (!file)
		return -EBADF;
	if (file->f_op != &kvm_vcpu_fops)
		return -ENOTTY;
	vcpu = file->private_data;
	err = kvm_check_mm(vcpu->kvm);
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

int kvm_get_incoming(struct luo_session *session, u64 token, struct kvm **kvmp)
{
	struct file *file;
	int err;

	err = liveupdate_get_file_incoming(session, token, &file);
	if (err)
		return err;
	*kvmp = file_kvm(file);
	if (*kvmp)
		kvm_get_kvm(*kvmp);
	fput(file);
	return *kvmp ? 0 : -EINVAL;
}

/* The handler of virtual machines. */

static bool kvm_luo_can_preserve(struct liveupdate_file_handler *handler,
				 struct file *file)
{
	(void)handler;
	return file_kvm(file);
}

static int kvm_luo_preserve(struct liveupdate_file_op_args *args)
{
	const struct kvm *kvm = file_kvm(args->file);
	struct kvm_luo_ser ser = { .type = kvm->type };
	void *mem = kho_alloc_preserve(sizeof(ser));
	void *area = NULL;
	int err = 0;

	if (IS_ERR(mem))
		return PTR_ERR(mem);
	if (luosim_has_fix("kvm-mem-attrs"))
		err = kvm_attrs_preserve(&kvm->attrs, &ser.attrs, &area);
	if (err)
		goto err_free_ser;
	if (!luosim_has_fix("kvm-mmu-freeze"))
		err = kvm_mmu_preserve_kho(&kvm->mmu, &ser.kho_folios);
	if (err)
		goto err_attrs;
	memcpy(mem, &ser, sizeof(ser));
	args->serialized_data = virt_to_phys(mem);
	args->private_data = area;
	return 0;

err_attrs:
	kvm_attrs_unpreserve(&ser.attrs, area);
err_free_ser:
	kho_unpreserve_free(mem);
	return err;
}

/* By now no vCPU runs any more, if all are preserved. */
static int kvm_luo_freeze(struct liveupdate_file_op_args *args)
{
	struct kvm_luo_ser ser;
	int err;

	if (!luosim_has_fix("kvm-mmu-freeze"))
		return 0;
	memcpy_from_phys(&ser, args->serialized_data, sizeof(ser));
	err = kvm_mmu_preserve_kho(&file_kvm(args->file)->mmu, &ser.kho_folios);
	if (!err)
		memcpy_to_phys(args->serialized_data, &ser, sizeof(ser));
	return err;
}

static void kvm_luo_unpreserve(struct liveupdate_file_op_args *args)
{
	struct kvm_luo_ser ser;

	memcpy_from_phys(&ser, args->serialized_data, sizeof(ser));
	kvm_attrs_unpreserve(&ser.attrs, args->private_data);
	kvm_kho_folios_unpreserve(ser.kho_folios);
	kho_unpreserve_free(phys_to_virt(args->serialized_data));
}

/* The tables stay for vCPUs that were not retrieved yet. */
static int kvm_luo_retrieve(struct liveupdate_file_op_args *args)
{
	struct kvm_luo_ser ser;
	struct file *file;
	int err = 0;

	memcpy_from_phys(&ser, args->serialized_data, sizeof(ser));
	file = kvm_create_vm_file(ser.type);
	if (IS_ERR(file)) {
		kvm_attrs_finish(&ser.attrs);
		err = PTR_ERR(file);
		goto err_free_ser;
	}
	if (ser.attrs.nr)
		err = kvm_attrs_retrieve(&file_kvm(file)->attrs, &ser.attrs);
	if (err) {
		fput(file);
		goto err_free_ser;
	}
	file_kvm(file)->mmu.incoming = ser.kho_folios;
	args->file = file;
	return 0;

err_free_ser:
	kvm_kho_folios_finish(ser.kho_folios);
	luosim_restore_free(args->serialized_data);
	return err;
}

/* A retrieve that failed has given all of it up; only the first version posted asks. */
static void kvm_luo_finish(struct liveupdate_file_op_args *args)
{
	struct kvm_luo_ser ser;

	if (args->retrieve_status < 0 && luosim_has_fix("kvm-mem-attrs"))
		return;
	if (args->retrieve_status > 0)
		file_kvm(args->file)->mmu.incoming = 0;
	memcpy_from_phys(&ser, args->serialized_data, sizeof(ser));
	if (!args->retrieve_status)
		kvm_attrs_finish(&ser.attrs);
	kvm_kho_folios_finish(ser.kho_folios);
	luosim_restore_free(args->serialized_data);
}

static unsigned long kvm_get_id(struct file *file)
{
	return (unsigned long)file->private_data;
}

static const struct liveupdate_file_ops kvm_luo_file_ops = {
	.can_preserve = kvm_luo_can_preserve,
	.preserve = kvm_luo_preserve,
	.unpreserve = kvm_luo_unpreserve,
	.freeze = kvm_luo_freeze,
	.retrieve = kvm_luo_retrieve,
	.finish = kvm_luo_finish,
	.get_id = kvm_get_id,
};

/* The handler of vCPUs. */

static bool kvm_vcpu_luo_can_preserve(struct liveupdate_file_handler *handler,
				      struct file *file)
{
	(void)handler;
	return file->f_op == &kvm_vcpu_fops;
}

static int kvm_vcpu_luo_preserve(struct liveupdate_file_op_args *args)
{
	struct kvm_vcpu *vcpu = args->file->private_data;
	struct kvm_vcpu_luo_ser ser = { .vcpu_id = vcpu->id, .runs = vcpu->runs };
	void *mem;
	int err = 0;

	if (vcpu->luo_preserved)
		return -EBUSY;
	if (!luosim_has_fix("kvm-token-freeze"))
		err = kvm_get_token(args->session, vcpu->kvm, &ser.vm_token);
	if (err)
		return err;
	mem = kho_alloc_preserve(sizeof(ser));
	if (IS_ERR(mem))
		return PTR_ERR(mem);
	memcpy(mem, &ser, sizeof(ser));
	args->serialized_data = virt_to_phys(mem);
	vcpu->luo_preserved = true;
	return 0;
}

static int kvm_vcpu_luo_freeze(struct liveupdate_file_op_args *args)
{
	const struct kvm_vcpu *vcpu = args->file->private_data;
	struct kvm_vcpu_luo_ser ser;
	int err;

	if (!luosim_has_fix("kvm-token-freeze"))
		return 0;
	memcpy_from_phys(&ser, args->serialized_data, sizeof(ser));
	err = kvm_get_token(args->session, vcpu->kvm, &ser.vm_token);
	if (!err)
		memcpy_to_phys(args->serialized_data, &ser, sizeof(ser));
	return err;
}

static void kvm_vcpu_luo_unpreserve(struct liveupdate_file_op_args *args)
{
	((struct kvm_vcpu *)args->file->private_data)->luo_preserved = false;
	kho_unpreserve_free(phys_to_virt(args->serialized_data));
}

static int retrieve_vcpu(struct liveupdate_file_op_args *args, const struct kvm_vcpu_luo_ser *ser)
{
	struct file *file;
	struct kvm *kvm;
	int err;

	err = kvm_get_incoming(args->session, ser->vm_token, &kvm);
	if (err)
		return err;
	file = kvm_create_vcpu_file(kvm, ser->vcpu_id);
	kvm_put_kvm(kvm);
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

	memcpy_from_phys(&ser, args->serialized_data, sizeof(ser));
	err = retrieve_vcpu(args, &ser);
	if (err)
		luosim_restore_free(args->serialized_data);
	return err;
}

static void kvm_vcpu_luo_finish(struct liveupdate_file_op_args *args)
{
	luosim_restore_free(args->serialized_data);
}

static const struct liveupdate_file_ops kvm_vcpu_luo_file_ops = {
	.can_preserve = kvm_vcpu_luo_can_preserve,
	.preserve = kvm_vcpu_luo_preserve,
	.unpreserve = kvm_vcpu_luo_unpreserve,
	.freeze = kvm_vcpu_luo_freeze,
	.retrieve = kvm_vcpu_luo_retrieve,
	.finish = kvm_vcpu_luo_finish,
	.get_id = kvm_get_id,
};

static struct liveupdate_file_handler kvm_luo_fh = {
	.ops = &kvm_luo_file_ops, .compatible = KVM_LUO_FH_COMPATIBLE,
};

static struct liveupdate_file_handler kvm_vcpu_luo_fh = {
	.ops = &kvm_vcpu_luo_file_ops, .compatible = KVM_VCPU_LUO_FH_COMPATIBLE,
};

static int kvm_luo_init(void)
{
	int err = liveupdate_register_file_handler(&kvm_luo_fh);

	if (err)
		return err;
	err = liveupdate_register_file_handler(&kvm_vcpu_luo_fh);
	if (err)
		liveupdate_unregister_file_handler(&kvm_luo_fh);
	return err;
}

static void kvm_luo_exit(void)
{
	liveupdate_unregister_file_handler(&kvm_vcpu_luo_fh);
	liveupdate_unregister_file_handler(&kvm_luo_fh);
}

static const char *const kvm_names[] = { "kvm", "kvm_vcpu", NULL };

static const u8 kvm_words[] = {
	sizeof(struct kvm_luo_ser) / sizeof(u64), sizeof(struct kvm_vcpu_luo_ser) / sizeof(u64),
};

LUOSIM_HANDLER_AS(kvm, .name = "kvm", .names = kvm_names, .data_words = kvm_words,
		  .init = kvm_luo_init, .exit = kvm_luo_exit, .contents = kvm_contents,
		  .walk_file = kvm_walk_file, .calls = kvm_calls, .kinds = kvm_kinds);
