/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * guest_memfd, memory of a virtual machine that no process reads or writes
 * (virt/kvm/guest_memfd.c), and its file handler (guest_memfd_luo.c of the posted
 * series). All of it is shared, as the handler takes no other; vCPUs read and
 * write it through sys_guest_read() and sys_guest_write().
 */
#include "lib/uapi.h"

#include "handlers/handlers.h"
#include "handlers/kvm.h"
#include "machine/machine.h"
#include "search/walk.h"

#define pr_fmt "gmem: "

#define GUEST_MEMFD_LUO_FH_COMPATIBLE	"guest_memfd_luo_v1"
#define GUEST_MEMFD_LUO_FOLIO_UPTODATE	1u

struct gmem_file {
	struct kvm *kvm;
};

struct guest_memfd_luo_folio_ser {
	u64 pfn:52;
	u64 flags:12;
	u64 index;
} __packed;

struct guest_memfd_luo_ser {
	u64 size;
	u64 nr_folios;
	u64 vm_token;
	struct kho_vmalloc folios;
};

/* The page cache. */

static struct folio *kvm_gmem_get_folio(struct machine *m, struct inode *inode, u64 index)
{
	struct folio *folio = filemap_get_folio(m, &inode->i_mapping, index);
	int err;

	if (folio)
		return folio;
	if (inode->flags & SHMEM_F_MAPPING_FROZEN)
		return ERR_PTR(-EPERM);
	folio = folio_alloc(m, __GFP_ZERO, 0);
	if (!folio)
		return ERR_PTR(-ENOMEM);
	err = filemap_add_folio(m, &inode->i_mapping, folio, index);
	folio_put(m, folio);
	if (err)
		return ERR_PTR(err);
	folio_mark_uptodate(folio);
	return folio;
}

static void kvm_gmem_punch(struct machine *m, struct inode *inode, u64 index, u64 end)
{
	struct folio *folio;

	while ((folio = filemap_next_folio(m, &inode->i_mapping, &index, end)))
		filemap_remove_folio_at(m, &inode->i_mapping, folio, index++);
}

void kvm_gmem_evict_inode(struct machine *m, struct inode *inode)
{
	kvm_gmem_punch(m, inode, 0, UINT64_MAX);
	shmem_freeze(m, inode, false);
}

/* The file. */

static int kvm_gmem_release(struct machine *m, struct file *file)
{
	struct gmem_file *gmem = file->private_data;

	kvm_put_kvm(m, gmem->kvm);
	kfree(m, gmem, sizeof(*gmem));
	return 0;
}

static int gmem_fallocate(struct machine *m, struct inode *inode, int mode, u64 index, u64 end)
{
	if (inode->flags & SHMEM_F_MAPPING_FROZEN)
		return -EPERM;
	if (mode & FALLOC_FL_PUNCH_HOLE) {
		kvm_gmem_punch(m, inode, index, end);
		return 0;
	}
	if (end > (u64)i_size_read(inode) >> PAGE_SHIFT)
		return -EINVAL;
	for (; index < end; index++) {
		struct folio *folio = kvm_gmem_get_folio(m, inode, index);

		if (IS_ERR(folio))
			return PTR_ERR(folio);
	}
	return 0;
}

static int kvm_gmem_fallocate(struct machine *m, struct file *file, int mode, s64 offset, s64 len)
{
	struct inode *inode = file_inode(file);
	int err;

	if (!(mode & FALLOC_FL_KEEP_SIZE) || mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	if (offset & ~PAGE_MASK || len & ~PAGE_MASK)
		return -EINVAL;
	inode_lock(m, inode);
	err = gmem_fallocate(m, inode, mode, offset >> PAGE_SHIFT, (offset + len) >> PAGE_SHIFT);
	inode_unlock(m, inode);
	return err;
}

static void kvm_gmem_walk(struct machine_walk *w, struct machine *m, struct file *file)
{
	(void)m;
	kvm_walk(w, ((struct gmem_file *)file->private_data)->kvm);
}

static const struct file_operations kvm_gmem_fops = {
	.name = "kvm-gmem", .release = kvm_gmem_release, .fallocate = kvm_gmem_fallocate,
	.walk = kvm_gmem_walk,
};

static struct inode *gmem_inode(struct machine *m, s64 size)
{
	struct inode *inode = new_inode(m, FS_GUEST_MEMFD, S_IFREG, 1);

	if (!inode)
		return NULL;
	inode->is_gmem = true;
	i_size_write(m, inode, size);
	return inode;
}

static struct file *__kvm_gmem_create_file(struct machine *m, struct kvm *kvm, s64 size)
{
	struct gmem_file *gmem = kzalloc(m, sizeof(*gmem));
	struct inode *inode = gmem ? gmem_inode(m, size) : NULL;
	struct file *file = ERR_PTR(-ENOMEM);

	if (inode)
		file = alloc_file(m, inode, "[kvm-gmem]", O_RDWR | KERNEL_O_LARGEFILE,
				  &kvm_gmem_fops);
	if (IS_ERR(file)) {
		if (inode)
			iput(m, inode);
		kfree(m, gmem, sizeof(*gmem));
		return file;
	}
	gmem->kvm = kvm_get_kvm(kvm);
	file->private_data = gmem;
	return file;
}

static int do_guest_memfd_create(struct machine *m, int vm, s64 size)
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
	if (size <= 0 || size & ~PAGE_MASK)
		return -EINVAL;
	return install_file(m, __kvm_gmem_create_file(m, file_kvm(file), size));
}

int sys_guest_memfd_create(struct machine *m, int vm, int64_t size)
{
	SYSCALL(m, do_guest_memfd_create(m, vm, size));
}

/* What the guest does. */

/* The inode of guest memory at which the vCPU may be. */
static int guest_inode(struct machine *m, int vcpu, int gmem, u64 len, s64 pos,
		       struct inode **inodep)
{
	struct file *file = fdget(m, gmem);
	struct kvm *kvm;
	int err;

	if (!file)
		return -EBADF;
	if (file->f_op != &kvm_gmem_fops)
		return -EINVAL;
	err = vcpu_enter(m, vcpu, &kvm);
	if (err)
		return err;
	if (((struct gmem_file *)file->private_data)->kvm != kvm)
		return -EINVAL;
	*inodep = file_inode(file);
	if (pos < 0 || len > INT64_MAX - (u64)pos || pos + (s64)len > i_size_read(*inodep))
		return -EFAULT;
	return 0;
}

/* In one direction, by pages; @in is NULL to read. A page that cannot be had is a fault. */
static s64 guest_access(struct machine *m, struct inode *inode, const u8 *in, u8 *out, u64 len,
			s64 pos)
{
	for (u64 done = 0, nr; done < len; done += nr, pos += nr) {
		u64 offset = pos & ~PAGE_MASK;
		struct folio *folio;

		task_yield(m, YIELD_FAULT, NULL);
		folio = kvm_gmem_get_folio(m, inode, pos >> PAGE_SHIFT);
		nr = min(len - done, PAGE_SIZE - offset);
		if (IS_ERR(folio))
			return done ? (s64)done : -EFAULT;
		if (in)
			phys_write(m, folio_phys(m, folio) + offset, in + done, nr);
		else
			phys_read(m, folio_phys(m, folio) + offset, out + done, nr);
	}
	return len;
}

static s64 do_guest_access(struct machine *m, int vcpu, int gmem, const u8 *in, u8 *out, u64 len,
			   s64 pos)
{
	struct inode *inode;
	int err = guest_inode(m, vcpu, gmem, len, pos, &inode);

	return err ? err : guest_access(m, inode, in, out, len, pos);
}

int64_t sys_guest_write(struct machine *m, int vcpu, int gmem, const void *buf, size_t len,
			int64_t pos)
{
	SYSCALL(m, do_guest_access(m, vcpu, gmem, buf, NULL, len, pos));
}

int64_t sys_guest_read(struct machine *m, int vcpu, int gmem, void *buf, size_t len, int64_t pos)
{
	SYSCALL(m, do_guest_access(m, vcpu, gmem, NULL, buf, len, pos));
}

/* Preserve. */

/* Preserve all folios that there are, and describe them in @folios_ser. */
static int preserve_folios(struct machine *m, struct inode *inode, struct vm_struct *folios_ser,
			   u64 *count)
{
	struct folio *folio;
	u64 index = 0;

	*count = 0;
	while ((folio = filemap_next_folio(m, &inode->i_mapping, &index, UINT64_MAX))) {
		const struct guest_memfd_luo_folio_ser ser = {
			.pfn = folio_pfn(m, folio), .index = index++,
			.flags = folio_test_uptodate(folio) ? GUEST_MEMFD_LUO_FOLIO_UPTODATE : 0,
		};
		int err = kho_preserve_folio(m, folio);

		if (err)
			return err;
		vmalloc_write(m, folios_ser, *count * sizeof(ser), &ser, sizeof(ser));
		++*count;
	}
	return 0;
}

static void read_folio_ser(struct machine *m, const struct vm_struct *vm, u64 i,
			   struct guest_memfd_luo_folio_ser *ser)
{
	vmalloc_read(m, vm, i * sizeof(*ser), ser, sizeof(*ser));
}

static void unpreserve_folios(struct machine *m, struct vm_struct *folios_ser, u64 count)
{
	struct guest_memfd_luo_folio_ser ser;

	while (count--) {
		read_folio_ser(m, folios_ser, count, &ser);
		kho_unpreserve_folio(m, pfn_folio(m, ser.pfn));
	}
	vfree(m, folios_ser);
}

static int kvm_gmem_preserve_folios(struct machine *m, struct inode *inode,
				    struct guest_memfd_luo_ser *ser,
				    struct vm_struct **folios_serp)
{
	struct vm_struct *folios_ser;
	u64 count;
	int err;

	*folios_serp = NULL;
	ser->nr_folios = inode->i_mapping.nrpages;
	if (!ser->nr_folios)
		return 0;
	folios_ser = vcalloc(m, ser->nr_folios, sizeof(struct guest_memfd_luo_folio_ser));
	if (!folios_ser)
		return -ENOMEM;
	err = preserve_folios(m, inode, folios_ser, &count);
	if (!err)
		err = kho_preserve_vmalloc(m, folios_ser, &ser->folios);
	if (err)
		unpreserve_folios(m, folios_ser, count);
	else
		*folios_serp = folios_ser;
	return err;
}

static struct kvm *kvm_of(const struct liveupdate_file_op_args *args)
{
	return ((struct gmem_file *)args->file->private_data)->kvm;
}

static int kvm_gmem_luo_preserve(struct liveupdate_file_op_args *args)
{
	struct inode *inode = file_inode(args->file);
	struct guest_memfd_luo_ser ser = { .size = i_size_read(inode) };
	struct machine *m = args->m;
	struct vm_struct *folios_ser;
	phys_addr_t phys;
	int err = 0;

	shmem_freeze(m, inode, true);
	if (!has_fix(m, FIX_KVM_TOKEN_FREEZE))
		err = kvm_get_token(args->session, kvm_of(args), &ser.vm_token);
	if (!err)
		err = kho_alloc_preserve(m, sizeof(ser), &phys);
	if (err)
		goto err_unfreeze;
	err = kvm_gmem_preserve_folios(m, inode, &ser, &folios_ser);
	if (err)
		goto err_free_ser;
	phys_write(m, phys, &ser, sizeof(ser));
	args->serialized_data = phys;
	args->private_data = folios_ser;
	return 0;

err_free_ser:
	kho_unpreserve_free(m, phys);
err_unfreeze:
	shmem_freeze(m, inode, false);
	return err;
}

static int kvm_gmem_luo_freeze(struct liveupdate_file_op_args *args)
{
	u64 token;
	int err;

	if (!has_fix(args->m, FIX_KVM_TOKEN_FREEZE))
		return 0;
	err = kvm_get_token(args->session, kvm_of(args), &token);
	if (!err)
		phys_write(args->m, args->serialized_data +
			   offsetof(struct guest_memfd_luo_ser, vm_token), &token, sizeof(token));
	return err;
}

static void kvm_gmem_luo_unpreserve(struct liveupdate_file_op_args *args)
{
	struct guest_memfd_luo_ser ser;
	struct machine *m = args->m;

	phys_read(m, args->serialized_data, &ser, sizeof(ser));
	if (ser.nr_folios) {
		kho_unpreserve_vmalloc(m, &ser.folios);
		unpreserve_folios(m, args->private_data, ser.nr_folios);
	}
	kho_unpreserve_free(m, args->serialized_data);
	shmem_freeze(m, file_inode(args->file), false);
}

/* Retrieve and finish. */

static void discard_folios(struct machine *m, const struct vm_struct *folios_ser, u64 nr_folios,
			   u64 from)
{
	struct guest_memfd_luo_folio_ser ser;

	for (u64 i = from; i < nr_folios; i++) {
		struct folio *folio;

		read_folio_ser(m, folios_ser, i, &ser);
		folio = kho_restore_folio(m, PFN_PHYS(ser.pfn));
		if (folio)
			folio_put(m, folio);
	}
}

static int retrieve_folio(struct machine *m, struct inode *inode,
			  const struct guest_memfd_luo_folio_ser *ser)
{
	phys_addr_t phys = PFN_PHYS(ser->pfn);
	struct folio *folio = kho_restore_folio(m, phys);
	int err;

	if (!folio) {
		pr_err(m, "failed to restore folio at %llx", (unsigned long long)phys);
		return -EIO;
	}
	err = filemap_add_folio(m, &inode->i_mapping, folio, ser->index);
	if (err)
		pr_err(m, "failed to add folio to page cache");
	else if (ser->flags & GUEST_MEMFD_LUO_FOLIO_UPTODATE)
		folio_mark_uptodate(folio);
	folio_put(m, folio);
	return err;
}

/* The folios behind the one that failed are discarded, the others go with the file. */
static int retrieve_folios(struct machine *m, struct inode *inode,
			   const struct vm_struct *folios_ser, u64 nr_folios)
{
	struct guest_memfd_luo_folio_ser ser;
	int err = 0;
	u64 i;

	for (i = 0; i < nr_folios && !err; i++) {
		read_folio_ser(m, folios_ser, i, &ser);
		err = retrieve_folio(m, inode, &ser);
	}
	if (err)
		discard_folios(m, folios_ser, nr_folios, i);
	return err;
}

static int retrieve_file(struct machine *m, struct luo_session *session,
			 const struct guest_memfd_luo_ser *ser, const struct vm_struct *folios_ser,
			 struct file **filep)
{
	struct file *file;
	struct kvm *kvm;
	int err;

	err = kvm_get_incoming(m, session, ser->vm_token, &kvm);
	if (err) {
		pr_warn(m, "provided VM FD token (%llx) on preserve is incorrect",
			(unsigned long long)ser->vm_token);
	} else {
		file = __kvm_gmem_create_file(m, kvm, ser->size);
		kvm_put_kvm(m, kvm);
		err = IS_ERR(file) ? PTR_ERR(file) : 0;
	}
	if (err) {
		if (folios_ser)
			discard_folios(m, folios_ser, ser->nr_folios, 0);
		return err;
	}
	if (folios_ser)
		err = retrieve_folios(m, file_inode(file), folios_ser, ser->nr_folios);
	if (err)
		fput(m, file);
	else
		*filep = file;
	return err;
}

static int kvm_gmem_luo_retrieve(struct liveupdate_file_op_args *args)
{
	struct vm_struct *folios_ser = NULL;
	struct guest_memfd_luo_ser ser;
	struct machine *m = args->m;
	int err = 0;

	phys_read(m, args->serialized_data, &ser, sizeof(ser));
	if (ser.nr_folios) {
		folios_ser = kho_restore_vmalloc(m, &ser.folios);
		if (!folios_ser)
			err = -EINVAL;
	}
	if (!err)
		err = retrieve_file(m, args->session, &ser, folios_ser, &args->file);
	if (folios_ser)
		vfree(m, folios_ser);
	kho_restore_free(m, args->serialized_data);
	return err;
}

static void kvm_gmem_luo_finish(struct liveupdate_file_op_args *args)
{
	struct vm_struct *folios_ser;
	struct guest_memfd_luo_ser ser;
	struct machine *m = args->m;

	if (args->retrieve_status)
		return;
	phys_read(m, args->serialized_data, &ser, sizeof(ser));
	folios_ser = ser.nr_folios ? kho_restore_vmalloc(m, &ser.folios) : NULL;
	if (folios_ser) {
		discard_folios(m, folios_ser, ser.nr_folios, 0);
		vfree(m, folios_ser);
	}
	kho_restore_free(m, args->serialized_data);
}

static bool kvm_gmem_luo_can_preserve(struct machine *m, struct liveupdate_file_handler *fh,
				      struct file *file)
{
	(void)m;
	(void)fh;
	return file->f_op == &kvm_gmem_fops;
}

static void walk_folio(struct machine_walk *w, const void *entry)
{
	const struct guest_memfd_luo_folio_ser *folio_ser = entry;

	walk_put(w, folio_ser->index << 12 | folio_ser->flags);
	walk_frame(w, folio_ser->pfn);
}

static void kvm_gmem_luo_walk(struct machine_walk *w, struct machine *m, u64 serialized_data)
{
	struct guest_memfd_luo_ser ser;

	if (!phys_valid(m, serialized_data, sizeof(ser)))
		return;
	phys_read(m, serialized_data, &ser, sizeof(ser));
	walk_put(w, ser.size);
	walk_put(w, ser.nr_folios);
	walk_put(w, ser.vm_token);
	walk_vmalloc(w, &ser.folios, ser.nr_folios, sizeof(struct guest_memfd_luo_folio_ser),
		     walk_folio);
}

static const struct liveupdate_file_ops kvm_gmem_luo_file_ops = {
	.can_preserve = kvm_gmem_luo_can_preserve,
	.preserve = kvm_gmem_luo_preserve,
	.unpreserve = kvm_gmem_luo_unpreserve,
	.freeze = kvm_gmem_luo_freeze,
	.retrieve = kvm_gmem_luo_retrieve,
	.finish = kvm_gmem_luo_finish,
	.get_id = handler_private_id,
	.walk = kvm_gmem_luo_walk,
};

void kvm_gmem_luo_init(struct machine *m)
{
	handler_register(m, &m->k->handlers->guest_memfd, "guest_memfd",
			 &kvm_gmem_luo_file_ops, GUEST_MEMFD_LUO_FH_COMPATIBLE, NULL);
}
