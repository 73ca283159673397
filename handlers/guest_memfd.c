/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * guest_memfd, memory of a virtual machine that no process reads or writes
 * (virt/kvm/guest_memfd.c), and its file handler (guest_memfd_luo.c of the posted
 * series). vCPUs read and write it by guest_read() and guest_write(), shared or not.
 */
#define LUOSIM_PREFIX	"gmem"

#include "kvm.h"

#define GUEST_MEMFD_LUO_FH_COMPATIBLE	"guest_memfd_luo_v1"
#define GUEST_MEMFD_LUO_FOLIO_UPTODATE	1u
#define GUEST_MEMFD_MAGIC		0x474d454d

/* Of the user's, and what is handed over of them. */
#define GUEST_MEMFD_FLAG_MMAP		1u
#define GUEST_MEMFD_FLAG_INIT_SHARED	2u
#define GUEST_MEMFD_LUO_SUPPORTED_FLAGS	(GUEST_MEMFD_FLAG_MMAP | GUEST_MEMFD_FLAG_INIT_SHARED)

struct gmem_file {
	struct kvm *kvm;
	u32 flags;			/* in the kernel, of the inode, which has one file */
};

struct guest_memfd_luo_folio_ser {
	u64 pfn:52;
	u64 flags:12;
	u64 index;
} __attribute__((packed));

struct guest_memfd_luo_ser {
	u64 size;
	u64 flags;
	u64 nr_folios;
	u64 vm_token;
	struct kho_vmalloc folios;
};

/* The page cache. */

static struct folio *kvm_gmem_get_folio(struct inode *inode, u64 index)
{
	struct folio *folio = filemap_get_folio(inode_mapping(inode), index);
	int err;

	if (folio)
		return folio;
	if (luosim_frozen(inode))
		return ERR_PTR(-EPERM);
	folio = folio_alloc(GFP_KERNEL | __GFP_ZERO, 0);
	if (!folio)
		return ERR_PTR(-ENOMEM);
	err = filemap_add_folio(inode_mapping(inode), folio, index);
	folio_put(folio);
	if (err)
		return ERR_PTR(err);
	folio_mark_uptodate(folio);
	return folio;
}

/* The file. */

static int kvm_gmem_release(struct file *file)
{
	struct gmem_file *gmem = file->private_data;

	kvm_put_kvm(gmem->kvm);
	kfree(gmem);
	return 0;
}

static int gmem_fallocate(struct inode *inode, int mode, u64 index, u64 end)
{
	if (luosim_frozen(inode))
		return -EPERM;
	if (mode & FALLOC_FL_PUNCH_HOLE) {
		luosim_truncate(inode_mapping(inode), index, end);
		return 0;
	}
	if (end > (u64)i_size_read(inode) >> PAGE_SHIFT)
		return -EINVAL;
	for (; index < end; index++) {
		struct folio *folio = kvm_gmem_get_folio(inode, index);

		if (IS_ERR(folio))
			return PTR_ERR(folio);
	}
	return 0;
}

static long kvm_gmem_fallocate(struct file *file, int mode, s64 offset, s64 len)
{
	struct inode *inode = file_inode(file);
	int err;

	if (!(mode & FALLOC_FL_KEEP_SIZE) || mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	if (offset & ~PAGE_MASK || len & ~PAGE_MASK)
		return -EINVAL;
	inode_lock(inode);
	err = gmem_fallocate(inode, mode, offset >> PAGE_SHIFT, (offset + len) >> PAGE_SHIFT);
	inode_unlock(inode);
	return err;
}

static void kvm_gmem_walk(struct file *file)
{
	const struct gmem_file *gmem = file->private_data;

	luosim_walk(gmem->flags);
	kvm_walk(gmem->kvm);
}

static const struct file_operations kvm_gmem_fops = {
	.release = kvm_gmem_release, .fallocate = kvm_gmem_fallocate,
};

static u64 kvm_gmem_get_supported_flags(const struct kvm *kvm)
{
	return GUEST_MEMFD_FLAG_MMAP |
	       (kvm_has_private_mem(kvm) ? 0 : GUEST_MEMFD_FLAG_INIT_SHARED);
}

static struct file *__kvm_gmem_create_file(struct kvm *kvm, s64 size, u64 flags)
{
	struct gmem_file *gmem = kzalloc(sizeof(*gmem), GFP_KERNEL);
	struct inode *inode = gmem ? luosim_new_inode(GUEST_MEMFD_MAGIC, size) : NULL;
	struct file *file = ERR_PTR(-ENOMEM);

	if (inode)
		file = luosim_alloc_file(inode, "[kvm-gmem]", O_RDWR, &kvm_gmem_fops, gmem);
	if (IS_ERR(file)) {
		if (inode)
			iput(inode);
		kfree(gmem);
		return file;
	}
	gmem->kvm = kvm_get_kvm(kvm);
	gmem->flags = flags;
	return file;
}

/* guest_memfd_create(VM, SIZE[, FLAGS]) */
static void *guest_memfd_create(const struct luosim_arg *args)
{
	struct file *file = fdget(args[0].number);
	s64 size = args[1].number;
	u64 flags = args[2].number;
	int err;

	if (!file)
		return ERR_PTR(-EBADF);
	if (!file_kvm(file))
		return ERR_PTR(-ENOTTY);
	err = kvm_check_mm(file_kvm(file));
	if (err)
		return ERR_PTR(err);
	if (flags & ~kvm_gmem_get_supported_flags(file_kvm(file)))
		return ERR_PTR(-EINVAL);
	if (size <= 0 || size & ~PAGE_MASK)
		return ERR_PTR(-EINVAL);
	return __kvm_gmem_create_file(file_kvm(file), size, flags);
}

/* What the guest does. */

/* The inode of guest memory at which the vCPU may be: VCPU, GMEM, OFF and @len bytes. */
static int guest_inode(const struct luosim_arg *args, u64 len, struct inode **inodep)
{
	struct file *file = fdget(args[1].number);
	s64 pos = args[2].number;
	struct kvm *kvm;
	int err;

	if (!file)
		return -EBADF;
	if (file->f_op != &kvm_gmem_fops)
		return -EINVAL;
	err = vcpu_enter(args[0].number, &kvm);
	if (err)
		return err;
	if (((struct gmem_file *)file->private_data)->kvm != kvm)
		return -EINVAL;
	*inodep = file_inode(file);
	if (pos < 0 || len > INT64_MAX - (u64)pos || pos + (s64)len > i_size_read(*inodep))
		return -EFAULT;
	return 0;
}

/* In one direction, by pages. A page that cannot be had is a fault. */
static s64 guest_access(const struct luosim_arg *args, bool write)
{
	u64 len = args[3].len, pos = args[2].number;
	struct inode *inode;
	int err = guest_inode(args, len, &inode);

	if (err)
		return err;
	for (u64 done = 0, nr; done < len; done += nr, pos += nr) {
		u64 offset = pos & ~PAGE_MASK;
		struct folio *folio;

		luosim_page_fault();
		folio = kvm_gmem_get_folio(inode, pos >> PAGE_SHIFT);
		nr = min(len - done, PAGE_SIZE - offset);
		if (IS_ERR(folio))
			return done ? (s64)done : -EFAULT;
		if (folio_test_hwpoison(folio))
			return done ? (s64)done : -EHWPOISON;
		if (write)
			memcpy_to_folio(folio, offset, args[3].bytes + done, nr);
		else
			memcpy_from_folio(args[3].bytes + done, folio, offset, nr);
	}
	return len;
}

/* guest_write(VCPU, GMEM, OFF, BYTES) */
static s64 guest_write(const struct luosim_arg *args)
{
	return guest_access(args, true);
}

/* guest_read(VCPU, GMEM, OFF, LEN) */
static s64 guest_read(const struct luosim_arg *args)
{
	return guest_access(args, false);
}

#define VCPU	{ "VCPU", LUOSIM_FD, 0, 0 }
#define GMEM	{ "GMEM", LUOSIM_FD, 0, 0 }
#define OFF	{ "OFF", LUOSIM_NUMBER, 0, INT64_MAX }

static const struct luosim_call kvm_gmem_calls[] = {
	{ .name = "guest_memfd_create",
	  .params = { { "VM", LUOSIM_FD, 0, 0 },
		      { "SIZE", LUOSIM_NUMBER, INT64_MIN, INT64_MAX },
		      { "FLAGS", LUOSIM_NUMBER, 0, INT64_MAX } },
	  .optional = 1 << 2, .otherwise = { [2] = GUEST_MEMFD_LUO_SUPPORTED_FLAGS },
	  .open = guest_memfd_create, .about = "KVM_CREATE_GUEST_MEMFD" },
	{ .name = "guest_write",
	  .params = { VCPU, GMEM, OFF, { "BYTES", LUOSIM_STRING, 0, LUOSIM_MAX_BYTES } },
	  .call = guest_write,
	  .about = "the guest writes to a guest_memfd, which processes cannot" },
	{ .name = "guest_read",
	  .params = { VCPU, GMEM, OFF, { "LEN", LUOSIM_NUMBER, 0, LUOSIM_MAX_BYTES } },
	  .call = guest_read, .reads = true, .about = "the guest reads from it" },
	{ .name = NULL },
};

static const struct luosim_kind kvm_gmem_kinds[] = {
	{ .name = "guest_memfd", .needs = "kvm", .steps = {
		"guest_memfd_create(ON, 4K) = NEW", "kvm_create_vcpu(ON, #+32) = tmp",
		"guest_write(tmp, NEW, 0, \"g\") = 1", "close(tmp) = 0" } },
	{ .name = NULL },
};

/* Preserve. */

/* Preserve all folios that there are, and describe them in @folios_ser. */
static int preserve_folios(struct inode *inode, void *folios_ser,
			   u64 *count)
{
	struct folio *folio;
	u64 index = 0;

	*count = 0;
	while ((folio = filemap_next_folio(inode_mapping(inode), &index, UINT64_MAX))) {
		const struct guest_memfd_luo_folio_ser ser = {
			.pfn = folio_pfn(folio), .index = index++,
			.flags = folio_test_uptodate(folio) ? GUEST_MEMFD_LUO_FOLIO_UPTODATE : 0,
		};
		int err = folio_test_hwpoison(folio) ? -EHWPOISON : kho_preserve_folio(folio);

		if (err)
			return err;
		memcpy_to_vmalloc(folios_ser, *count * sizeof(ser), &ser, sizeof(ser));
		++*count;
	}
	return 0;
}

static void read_folio_ser(const void *folios_ser, u64 i,
			   struct guest_memfd_luo_folio_ser *ser)
{
	memcpy_from_vmalloc(ser, folios_ser, i * sizeof(*ser), sizeof(*ser));
}

static void unpreserve_folios(void *folios_ser, u64 count)
{
	struct guest_memfd_luo_folio_ser ser;

	while (count--) {
		read_folio_ser(folios_ser, count, &ser);
		kho_unpreserve_folio(pfn_folio(ser.pfn));
	}
	vfree(folios_ser);
}

static int kvm_gmem_preserve_folios(struct inode *inode,
				    struct guest_memfd_luo_ser *ser,
				    void **folios_serp)
{
	void *folios_ser;
	u64 count;
	int err;

	*folios_serp = NULL;
	ser->nr_folios = mapping_nrpages(inode_mapping(inode));
	if (!ser->nr_folios)
		return 0;
	folios_ser = vcalloc(ser->nr_folios, sizeof(struct guest_memfd_luo_folio_ser));
	if (!folios_ser)
		return -ENOMEM;
	err = preserve_folios(inode, folios_ser, &count);
	if (!err)
		err = kho_preserve_vmalloc(folios_ser, &ser->folios);
	if (err)
		unpreserve_folios(folios_ser, count);
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
	struct guest_memfd_luo_ser ser = {
		.size = i_size_read(inode),
		.flags = ((struct gmem_file *)args->file->private_data)->flags,
	};
	void *folios_ser;
	void *mem;
	int err = 0;

	luosim_freeze(inode, true);
	if (!luosim_has_fix("kvm-token-freeze"))
		err = kvm_get_token(args->session, kvm_of(args), &ser.vm_token);
	if (err)
		goto err_unfreeze;
	mem = kho_alloc_preserve(sizeof(ser));
	err = IS_ERR(mem) ? PTR_ERR(mem) : 0;
	if (err)
		goto err_unfreeze;
	err = kvm_gmem_preserve_folios(inode, &ser, &folios_ser);
	if (err)
		goto err_free_ser;
	memcpy(mem, &ser, sizeof(ser));
	args->serialized_data = virt_to_phys(mem);
	args->private_data = folios_ser;
	return 0;

err_free_ser:
	kho_unpreserve_free(mem);
err_unfreeze:
	luosim_freeze(inode, false);
	return err;
}

static int kvm_gmem_luo_freeze(struct liveupdate_file_op_args *args)
{
	u64 token;
	int err;

	if (!luosim_has_fix("kvm-token-freeze"))
		return 0;
	err = kvm_get_token(args->session, kvm_of(args), &token);
	if (!err)
		memcpy_to_phys(args->serialized_data +
			   offsetof(struct guest_memfd_luo_ser, vm_token), &token, sizeof(token));
	return err;
}

static void kvm_gmem_luo_unpreserve(struct liveupdate_file_op_args *args)
{
	struct guest_memfd_luo_ser ser;

	memcpy_from_phys(&ser, args->serialized_data, sizeof(ser));
	if (ser.nr_folios) {
		kho_unpreserve_vmalloc(&ser.folios);
		unpreserve_folios(args->private_data, ser.nr_folios);
	}
	kho_unpreserve_free(phys_to_virt(args->serialized_data));
	luosim_freeze(file_inode(args->file), false);
}

/* Retrieve and finish. */

static void discard_folios(const void *folios_ser, u64 nr_folios,
			   u64 from)
{
	struct guest_memfd_luo_folio_ser ser;

	for (u64 i = from; i < nr_folios; i++) {
		struct folio *folio;

		read_folio_ser(folios_ser, i, &ser);
		folio = kho_restore_folio(PFN_PHYS(ser.pfn));
		if (folio)
			folio_put(folio);
	}
}

static int retrieve_folio(struct inode *inode, const struct guest_memfd_luo_folio_ser *ser)
{
	phys_addr_t phys = PFN_PHYS(ser->pfn);
	struct folio *folio = kho_restore_folio(phys);
	int err;

	if (!folio) {
		pr_err("failed to restore folio at %llx", (unsigned long long)phys);
		return -EIO;
	}
	err = filemap_add_folio(inode_mapping(inode), folio, ser->index);
	if (err)
		pr_err("failed to add folio to page cache");
	else if (ser->flags & GUEST_MEMFD_LUO_FOLIO_UPTODATE)
		folio_mark_uptodate(folio);
	folio_put(folio);
	return err;
}

/* *@donep: the first that the file has not taken, nor lost. */
static int retrieve_folios(struct inode *inode, const void *folios_ser, u64 nr_folios, u64 *donep)
{
	struct guest_memfd_luo_folio_ser ser;
	int err = 0;

	while (*donep < nr_folios && !err) {
		read_folio_ser(folios_ser, (*donep)++, &ser);
		err = retrieve_folio(inode, &ser);
	}
	return err;
}

/* The file without its folios, or an ERR_PTR(). */
static struct file *retrieve_file(struct luo_session *session,
				  const struct guest_memfd_luo_ser *ser)
{
	struct file *file = ERR_PTR(-EINVAL);
	struct kvm *kvm;
	int err;

	if ((s64)ser->size <= 0 || ser->size & ~PAGE_MASK)
		return ERR_PTR(-EINVAL);
	if (ser->flags & ~(u64)GUEST_MEMFD_LUO_SUPPORTED_FLAGS)
		return ERR_PTR(-EOPNOTSUPP);
	err = kvm_get_incoming(session, ser->vm_token, &kvm);
	if (err) {
		pr_warn("provided VM FD token (%llx) on preserve is incorrect",
			(unsigned long long)ser->vm_token);
		return ERR_PTR(err);
	}
	if (!(ser->flags & ~kvm_gmem_get_supported_flags(kvm)))
		file = __kvm_gmem_create_file(kvm, ser->size, ser->flags);
	kvm_put_kvm(kvm);
	return file;
}

/* Behind an error: what the file has not taken; and the list once more, if it was not had. */
static void discard_rest(const struct guest_memfd_luo_ser *ser, void *folios_ser, u64 from)
{
	if (!ser->nr_folios)
		return;
	if (!folios_ser)
		folios_ser = kho_restore_vmalloc(&ser->folios);
	if (!folios_ser)
		return;
	discard_folios(folios_ser, ser->nr_folios, from);
	vfree(folios_ser);
}

static int kvm_gmem_luo_retrieve(struct liveupdate_file_op_args *args)
{
	struct guest_memfd_luo_ser ser;
	void *folios_ser = NULL;
	struct file *file;
	u64 done = 0;
	int err = 0;

	memcpy_from_phys(&ser, args->serialized_data, sizeof(ser));
	file = retrieve_file(args->session, &ser);
	if (IS_ERR(file)) {
		err = PTR_ERR(file);
		goto err_discard;
	}
	if (ser.nr_folios) {
		folios_ser = kho_restore_vmalloc(&ser.folios);
		err = folios_ser ? retrieve_folios(file_inode(file), folios_ser, ser.nr_folios,
						   &done) : -EINVAL;
		if (err)
			goto err_destroy_file;
		vfree(folios_ser);
	}
	args->file = file;
	luosim_restore_free(args->serialized_data);
	return 0;

err_destroy_file:
	fput(file);
err_discard:
	discard_rest(&ser, folios_ser, done);
	luosim_restore_free(args->serialized_data);
	return err;
}

static void kvm_gmem_luo_finish(struct liveupdate_file_op_args *args)
{
	struct guest_memfd_luo_ser ser;
	void *folios_ser;

	if (args->retrieve_status)
		return;
	memcpy_from_phys(&ser, args->serialized_data, sizeof(ser));
	folios_ser = ser.nr_folios ? kho_restore_vmalloc(&ser.folios) : NULL;
	if (folios_ser) {
		discard_folios(folios_ser, ser.nr_folios, 0);
		vfree(folios_ser);
	}
	luosim_restore_free(args->serialized_data);
}

static bool kvm_gmem_luo_can_preserve(struct liveupdate_file_handler *handler, struct file *file)
{
	const struct gmem_file *gmem = file->private_data;

	(void)handler;
	if (file->f_op != &kvm_gmem_fops)
		return false;
	if (luosim_has_fix("gmem-shared-only") && !(gmem->flags & GUEST_MEMFD_FLAG_INIT_SHARED))
		return false;
	return !kvm_has_private_mem(gmem->kvm);
}

static void walk_folio(const void *entry)
{
	const struct guest_memfd_luo_folio_ser *folio_ser = entry;

	luosim_walk(folio_ser->index << 12 | folio_ser->flags);
	luosim_walk_pfn(folio_ser->pfn);
}

static void kvm_gmem_luo_walk(u64 serialized_data)
{
	struct guest_memfd_luo_ser ser;

	memcpy_from_phys(&ser, serialized_data, sizeof(ser));
	luosim_walk(ser.size);
	luosim_walk(ser.flags);
	luosim_walk(ser.nr_folios);
	luosim_walk(ser.vm_token);
	luosim_walk_vmalloc(&ser.folios, ser.nr_folios, sizeof(struct guest_memfd_luo_folio_ser),
			    walk_folio);
}

static unsigned long kvm_gmem_get_id(struct file *file)
{
	return (unsigned long)file->private_data;
}

static const struct liveupdate_file_ops kvm_gmem_luo_file_ops = {
	.can_preserve = kvm_gmem_luo_can_preserve,
	.preserve = kvm_gmem_luo_preserve,
	.unpreserve = kvm_gmem_luo_unpreserve,
	.freeze = kvm_gmem_luo_freeze,
	.retrieve = kvm_gmem_luo_retrieve,
	.finish = kvm_gmem_luo_finish,
	.get_id = kvm_gmem_get_id,
};

static struct liveupdate_file_handler kvm_gmem_luo_fh = {
	.ops = &kvm_gmem_luo_file_ops, .compatible = GUEST_MEMFD_LUO_FH_COMPATIBLE,
};

static int kvm_gmem_luo_init(void)
{
	return liveupdate_register_file_handler(&kvm_gmem_luo_fh);
}

static void kvm_gmem_luo_exit(void)
{
	liveupdate_unregister_file_handler(&kvm_gmem_luo_fh);
}

LUOSIM_HANDLER_AS(guest_memfd, .name = "guest_memfd", .init = kvm_gmem_luo_init,
		  .exit = kvm_gmem_luo_exit, .walk_file = kvm_gmem_walk,
		  .walk_data = kvm_gmem_luo_walk, .calls = kvm_gmem_calls,
		  .kinds = kvm_gmem_kinds);
