/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vfio device files, opened as character devices with a node each, and their file handler
 * (drivers/vfio/pci/vfio_pci_liveupdate.c of the posted series, with what the
 * iommufd series adds to it). A device that uses an iommufd needs that iommufd in
 * its session, and is attached to it again when it is retrieved; the posted series
 * leave this last step to user space.
 *
 * freeze() is that of v5: it resets the device, and from then on refuses what its files
 * are asked to do with it. Nothing takes that back, neither another open nor close.
 */
#include <luosim-handler.h>

#define NR_PCI_DEVICES			8u
#define VFIO_PCI_LUO_FH_COMPATIBLE	"vfio-pci-v1"

/* The module's variables. */
struct vfio_state {
	struct vfio_pci_core_device {
		bool bound;		/* through one file at a time */
		bool irqs;		/* they are on */
		bool frozen;
	} devices[NR_PCI_DEVICES];
};

/* An open device file. */
struct vfio_device_file {
	u32 nr;				/* of the PCI device */
	struct file *iommufd;		/* that it is attached to, with a reference; or NULL */
};

struct vfio_pci_core_device_ser {
	u64 nr;
	u64 attached;
	u64 token;			/* of the iommufd */
};

static struct vfio_pci_core_device *device_of(const struct vfio_device_file *df)
{
	return &((struct vfio_state *)luosim_state())->devices[df->nr];
}

static struct iommufd_ctx *ictx_of(const struct vfio_device_file *df)
{
	return iommufd_ctx_from_file(df->iommufd);
}

static void bind(struct vfio_device_file *df, struct file *iommufd, bool restored)
{
	df->iommufd = iommufd;
	device_of(df)->bound = true;
	iommufd_attach(ictx_of(df), restored);
}

static int vfio_release(struct file *file)
{
	struct vfio_device_file *df = file->private_data;

	if (df->iommufd) {
		iommufd_detach(ictx_of(df));
		device_of(df)->bound = false;
		device_of(df)->irqs = false;
		fput(df->iommufd);
	}
	kfree(df);
	return 0;
}

/* Which device it is, and what that reads. */
static u64 vfio_contents(struct file *file)
{
	const struct vfio_device_file *df = file->private_data;
	u64 reads = df->iommufd ? luosim_iommufd_contents(ictx_of(df)) : 0;

	if (reads == LUOSIM_CONTENTS_ANY)
		return reads;
	return df->nr + 1 + (df->iommufd ? NR_PCI_DEVICES + reads : 0);
}

/* That a device is frozen is seen by vfio_irqs() only, which no search tries. */
static void vfio_walk(struct file *file)
{
	const struct vfio_device_file *df = file->private_data;

	luosim_walk(df->nr << 2 | device_of(df)->irqs << 1 | !!df->iommufd);
	if (df->iommufd)
		luosim_walk_file(df->iommufd);
}

static struct vfio_device_file *vfio_allocate_device_file(u32 nr)
{
	struct vfio_device_file *df = kzalloc(sizeof(*df), GFP_KERNEL);

	if (df)
		df->nr = nr;
	return df;
}

/* Each open of the node gives a file of its own. */
static int vfio_device_fops_cdev_open(struct file *file)
{
	u32 nr = iminor(file_inode(file));

	/* An incoming device is for its session to give out. */
	if (pci_liveupdate_incoming(nr))
		return -EBUSY;
	file->private_data = vfio_allocate_device_file(nr);
	return file->private_data ? 0 : -ENOMEM;
}

static const struct file_operations vfio_device_fops = {
	.open = vfio_device_fops_cdev_open, .release = vfio_release,
};

static void node_path(u32 nr, char *path, size_t size)
{
	snprintf(path, size, "/dev/vfio/devices/vfio%u", nr);
}

static void vfio_driver(void)
{
	char path[40];

	for (u32 nr = 0; nr < NR_PCI_DEVICES; nr++) {
		node_path(nr, path, sizeof(path));
		luosim_create_node(path, 0600, &vfio_device_fops, nr);
	}
}

/* vfio_open("0000:01:00.1") */
static void *vfio_open(const struct luosim_arg *args)
{
	int nr = pci_find(args[0].bytes);
	char path[40];

	if (nr < 0)
		return ERR_PTR(-ENOENT);
	node_path(nr, path, sizeof(path));
	return filp_open(path, O_RDWR, 0);
}

/* What a session gives out was not opened by its node, and has not the inode of that. */
static struct file *vfio_device_liveupdate_cdev_open(u32 nr)
{
	struct vfio_device_file *df = vfio_allocate_device_file(nr);
	struct file *file;

	if (!df)
		return ERR_PTR(-ENOMEM);
	file = anon_inode_getfile("[vfio-device-liveupdate]", &vfio_device_fops, df, O_RDWR);
	if (IS_ERR(file))
		kfree(df);
	return file;
}

/* vfio_attach(VFIO, IOMMUFD) */
static s64 vfio_attach(const struct luosim_arg *args)
{
	struct file *file = fdget(args[0].number), *to = fdget(args[1].number);
	struct vfio_device_file *df;

	if (!file)
		return -EBADF;
	if (file->f_op != &vfio_device_fops)
		return -ENOTTY;
	if (!to || !iommufd_ctx_from_file(to))
		return -EBADF;
	df = file->private_data;
	if (df->iommufd || device_of(df)->bound)
		return -EINVAL;
	bind(df, get_file(to), false);
	return 0;
}

/* vfio_irqs(VFIO, ON): VFIO_DEVICE_SET_IRQS, of MSIs. None can be taken off that is not on. */
static s64 vfio_irqs(const struct luosim_arg *args)
{
	struct file *file = fdget(args[0].number);
	struct vfio_device_file *df;

	if (!file)
		return -EBADF;
	if (file->f_op != &vfio_device_fops)
		return -ENOTTY;
	df = file->private_data;
	if (!df->iommufd)
		return -EINVAL;
	if (device_of(df)->frozen)
		return -EIO;
	if (!args[1].number && !device_of(df)->irqs)
		return -EINVAL;
	device_of(df)->irqs = args[1].number;
	return 0;
}

static const struct luosim_call vfio_calls[] = {
	{ .name = "vfio_open", .params = { { "BDF", LUOSIM_STRING, 0, 31 } }, .open = vfio_open,
	  .about = "open a PCI device, \"0000:01:00.0\" to \"0000:01:00.7\"" },
	{ .name = "vfio_attach",
	  .params = { { "VFIO", LUOSIM_FD, 0, 0 }, { "IOMMUFD", LUOSIM_FD, 0, 0 } },
	  .call = vfio_attach, .tries = "vfio_attach(FILE, FILE)",
	  .about = "bind it to an iommufd, and attach it to the page table of that" },
	{ .name = "vfio_irqs",
	  .params = { { "VFIO", LUOSIM_FD, 0, 0 }, { "ON", LUOSIM_NUMBER, 0, 1 } },
	  .call = vfio_irqs, .about = "switch its interrupts on or off" },
	{ .name = NULL },
};

static const struct luosim_kind vfio_kinds[] = {
	{ .name = "vfio", .uses = "iommufd", .steps = {
		"vfio_open(\"0000:01:00.#\") = NEW", "vfio_attach(NEW, ON) = 0" } },
	{ .name = NULL },
};

/* The handler. */

static bool vfio_pci_liveupdate_can_preserve(struct liveupdate_file_handler *handler,
					     struct file *file)
{
	(void)handler;
	return file->f_op == &vfio_device_fops;
}

static int vfio_pci_liveupdate_preserve(struct liveupdate_file_op_args *args)
{
	struct vfio_device_file *df = args->file->private_data;
	struct vfio_pci_core_device_ser ser = { .nr = df->nr, .attached = df->iommufd != NULL };
	void *mem;
	int err;

	if (df->iommufd) {
		err = iommufd_device_preserve(args->session, ictx_of(df), &ser.token);
		if (err)
			return err;
	}
	mem = kho_alloc_preserve(sizeof(ser));
	err = IS_ERR(mem) ? PTR_ERR(mem) : 0;
	if (err)
		goto err_iommufd;
	err = pci_liveupdate_preserve(df->nr);
	if (err)
		goto err_free;
	memcpy(mem, &ser, sizeof(ser));
	args->serialized_data = virt_to_phys(mem);
	return 0;

err_free:
	kho_unpreserve_free(mem);
err_iommufd:
	if (df->iommufd)
		iommufd_device_unpreserve(ictx_of(df));
	return err;
}

static void vfio_pci_liveupdate_unpreserve(struct liveupdate_file_op_args *args)
{
	struct vfio_device_file *df = args->file->private_data;

	if (df->iommufd)
		iommufd_device_unpreserve(ictx_of(df));
	pci_liveupdate_unpreserve(df->nr);
	kho_unpreserve_free(phys_to_virt(args->serialized_data));
}

/* Its file is of no use any more, whether the reboot comes about or not. */
static int vfio_pci_liveupdate_freeze(struct liveupdate_file_op_args *args)
{
	struct vfio_device_file *df = args->file->private_data;

	if (device_of(df)->irqs) {
		pr_err("device %u has interrupts on", df->nr);
		return -EINVAL;
	}
	device_of(df)->frozen = true;
	return 0;
}

/* The iommufd behind the token, with a reference. */
static int find_iommufd(struct liveupdate_file_op_args *args, u64 token, struct file **filep)
{
	int err = liveupdate_get_file_incoming(args->session, token, filep);

	if (err || iommufd_ctx_from_file(*filep))
		return err;
	fput(*filep);
	return -EINVAL;
}

static int vfio_pci_liveupdate_retrieve(struct liveupdate_file_op_args *args)
{
	struct vfio_pci_core_device_ser ser;
	struct file *iommufd = NULL;
	struct file *file;
	int err;

	memcpy_from_phys(&ser, args->serialized_data, sizeof(ser));
	if (ser.nr >= NR_PCI_DEVICES)
		return -ENODEV;
	if (ser.attached) {
		err = find_iommufd(args, ser.token, &iommufd);
		if (err)
			return err;
	}
	file = vfio_device_liveupdate_cdev_open(ser.nr);
	if (IS_ERR(file)) {
		if (iommufd)
			fput(iommufd);
		return PTR_ERR(file);
	}
	if (iommufd)
		bind(file->private_data, iommufd, true);
	args->file = file;
	return 0;
}

static bool vfio_pci_liveupdate_can_finish(struct liveupdate_file_op_args *args)
{
	return args->retrieve_status > 0;
}

static void vfio_pci_liveupdate_finish(struct liveupdate_file_op_args *args)
{
	struct vfio_pci_core_device_ser ser;

	memcpy_from_phys(&ser, args->serialized_data, sizeof(ser));
	if (ser.nr < NR_PCI_DEVICES)
		pci_liveupdate_finish(ser.nr);
	luosim_restore_free(args->serialized_data);
}

static unsigned long vfio_get_id(struct file *file)
{
	return (unsigned long)file->private_data;
}

static const struct liveupdate_file_ops vfio_pci_liveupdate_file_ops = {
	.can_preserve = vfio_pci_liveupdate_can_preserve,
	.preserve = vfio_pci_liveupdate_preserve,
	.unpreserve = vfio_pci_liveupdate_unpreserve,
	.freeze = vfio_pci_liveupdate_freeze,
	.retrieve = vfio_pci_liveupdate_retrieve,
	.can_finish = vfio_pci_liveupdate_can_finish,
	.finish = vfio_pci_liveupdate_finish,
	.get_id = vfio_get_id,
	.owner = THIS_MODULE,
};

static struct liveupdate_file_handler vfio_pci_luo_fh = {
	.ops = &vfio_pci_liveupdate_file_ops, .compatible = VFIO_PCI_LUO_FH_COMPATIBLE,
};

static int vfio_init(void)
{
	int err = liveupdate_register_file_handler(&vfio_pci_luo_fh);

	if (err)
		return err;
	err = pci_liveupdate_register_flb(&vfio_pci_luo_fh);
	if (err)
		liveupdate_unregister_file_handler(&vfio_pci_luo_fh);
	return err;
}

static void vfio_exit(void)
{
	liveupdate_unregister_file_handler(&vfio_pci_luo_fh);
}

static const u8 vfio_words[] = { sizeof(struct vfio_pci_core_device_ser) / sizeof(u64) };

LUOSIM_HANDLER_AS(vfio, .name = "vfio", .data_words = vfio_words, .driver = vfio_driver,
		  .init = vfio_init, .exit = vfio_exit, .state_size = sizeof(struct vfio_state),
		  .contents = vfio_contents, .walk_file = vfio_walk, .calls = vfio_calls,
		  .kinds = vfio_kinds);
