/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vfio device files, opened as character devices with a node each, and their file handler
 * (drivers/vfio/pci/vfio_pci_liveupdate.c of the posted series, v5 or without the fix
 * "vfio-v5" v4, with what the iommufd series adds to it where the handler of that is
 * loaded: a device that uses an iommufd needs that iommufd in its session).
 *
 * freeze() of v5 resets the device, and from then on refuses what its files are asked to do
 * with it. Nothing takes that back, neither another open nor close.
 */
#include <luosim-handler.h>

#define NR_PCI_DEVICES			11u	/* that are no bridges */
#define VFIO_PCI_LUO_FH_COMPATIBLE	"vfio-pci-v1"

/* The module's variables. */
struct vfio_state {
	struct vfio_pci_core_device {
		struct iommufd_ctx *ictx;	/* it is bound to, by one file; NULL: in D3 */
		u32 files;			/* that are open, for which removing it waits */
		bool irqs;			/* they are on */
		bool frozen;
	} devices[NR_PCI_DEVICES];
};

/* An open device file. */
struct vfio_device_file {
	u32 nr;				/* of the PCI device */
	struct file *iommufd;		/* that it bound it to, with a reference; or NULL */
};

struct vfio_pci_core_device_ser {
	u64 nr;
};

static struct vfio_pci_core_device *device_of(const struct vfio_device_file *df)
{
	return &((struct vfio_state *)luosim_state())->devices[df->nr];
}

static u32 nr_of(const struct file *file)
{
	return ((const struct vfio_device_file *)file->private_data)->nr;
}

static int vfio_release(struct file *file)
{
	struct vfio_device_file *df = file->private_data;
	struct vfio_pci_core_device *device = device_of(df);

	if (df->iommufd) {
		iommufd_detach(device->ictx);
		device->ictx = NULL;
		device->irqs = false;
		fput(df->iommufd);
	}
	device->files--;
	kfree(df);
	return 0;
}

/* Which device it is. What it reads is its iommufd's. */
static u64 vfio_contents(struct file *file)
{
	const struct vfio_device_file *df = file->private_data;

	return df->nr + 1;
}

/* That a device is frozen is seen by vfio_irqs() only, which no search tries. */
static void vfio_walk(struct file *file)
{
	const struct vfio_device_file *df = file->private_data;
	const struct vfio_pci_core_device *device = device_of(df);

	luosim_walk((u64)device->files << 8 | df->nr << 3 | !!device->ictx << 2 |
		    device->irqs << 1 | !!df->iommufd);
	if (df->iommufd)
		luosim_walk_file(df->iommufd);
}

static struct vfio_device_file *vfio_allocate_device_file(u32 nr)
{
	struct vfio_device_file *df = kzalloc(sizeof(*df), GFP_KERNEL);

	if (df) {
		df->nr = nr;
		device_of(df)->files++;
	}
	return df;
}

/* Each open of the node gives a file of its own. */
static int vfio_device_fops_cdev_open(struct file *file)
{
	u32 nr = iminor(file_inode(file));

	if (pci_removed(nr))
		return -ENODEV;
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

	if (nr < 0 || (u32)nr >= NR_PCI_DEVICES)
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
	if (IS_ERR(file)) {
		device_of(df)->files--;
		kfree(df);
	}
	return file;
}

/* vfio_attach(VFIO, IOMMUFD[, HWPT]) */
static s64 vfio_attach(const struct luosim_arg *args)
{
	struct file *file = fdget(args[0].number), *to = fdget(args[1].number);
	struct vfio_pci_core_device *device;
	struct vfio_device_file *df;
	int err;

	if (!file)
		return -EBADF;
	if (file->f_op != &vfio_device_fops)
		return -ENOTTY;
	if (!to || !iommufd_ctx_from_file(to))
		return -EBADF;
	df = file->private_data;
	device = device_of(df);
	if (device->ictx)
		return -EINVAL;
	err = iommufd_attach(iommufd_ctx_from_file(to), df->nr, args[2].number);
	if (err)
		return err;
	df->iommufd = get_file(to);
	device->ictx = iommufd_ctx_from_file(to);
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

/* pci_refs(BDF[, INCOMING]) */
static s64 call_pci_refs(const struct luosim_arg *args)
{
	int nr = pci_find(args[0].bytes);

	return nr < 0 ? nr : pci_refs(nr, args[1].number);
}

/* pci_remove(BDF): a write to its remove in sysfs, which waits until no file is open. */
static s64 call_pci_remove(const struct luosim_arg *args)
{
	const struct vfio_state *state = luosim_state();
	int nr = pci_find(args[0].bytes);

	if (nr < 0 || pci_removed(nr))
		return -ENOENT;
	for (u32 i = 0; i < NR_PCI_DEVICES; i++)
		if (pci_is_below(i, nr) && state->devices[i].files)
			return -EAGAIN;
	pci_remove(nr);
	return 0;
}

/* pci_rescan() */
static s64 call_pci_rescan(const struct luosim_arg *args)
{
	(void)args;
	pci_rescan();
	return 0;
}

#define BDF { "BDF", LUOSIM_STRING, 0, 31 }

static const struct luosim_call vfio_calls[] = {
	{ .name = "pci_refs", .params = { BDF, { "INCOMING", LUOSIM_NUMBER, 0, 1 } },
	  .optional = 1 << 1, .call = call_pci_refs,
	  .about = "for how many preserved devices a PCI device or bridge stands" },
	{ .name = "pci_remove", .params = { BDF }, .call = call_pci_remove,
	  .about = "remove a PCI device with all that is under it" },
	{ .name = "pci_rescan", .params = { { NULL, 0, 0, 0 } }, .call = call_pci_rescan,
	  .about = "find removed PCI devices again" },
	{ .name = "vfio_open", .params = { BDF }, .open = vfio_open,
	  .about = "open a PCI device, such as \"0000:01:00.0\"" },
	{ .name = "vfio_attach",
	  .params = { { "VFIO", LUOSIM_FD, 0, 0 }, { "IOMMUFD", LUOSIM_FD, 0, 0 },
		      { "HWPT", LUOSIM_NUMBER, 0, UINT32_MAX } },
	  .optional = 1 << 2, .call = vfio_attach, .tries = "vfio_attach(FILE, FILE)",
	  .about = "bind it to an iommufd, and attach it to the page table of that" },
	{ .name = "vfio_irqs",
	  .params = { { "VFIO", LUOSIM_FD, 0, 0 }, { "ON", LUOSIM_NUMBER, 0, 1 } },
	  .call = vfio_irqs, .about = "switch its interrupts on or off" },
	{ .name = NULL },
};

static const struct luosim_kind vfio_kinds[] = {
	{ .name = "vfio", .needs = "iommufd", .steps = {
		"vfio_open(\"0000:01:00.#\") = NEW", "vfio_attach(NEW, ON) = 0" } },
	{ .name = NULL },
};

/* The handler. */

static bool vfio_pci_liveupdate_can_preserve(struct liveupdate_file_handler *handler,
					     struct file *file)
{
	(void)handler;
	/* It is the device that is asked: another file of it may be the one that is bound. */
	return file->f_op == &vfio_device_fops && device_of(file->private_data)->ictx &&
	       !(luosim_has_fix("vfio-v5") && pci_is_virtfn(nr_of(file)));
}

static int vfio_pci_liveupdate_preserve(struct liveupdate_file_op_args *args)
{
	struct vfio_device_file *df = args->file->private_data;
	struct vfio_pci_core_device *device = device_of(df);
	struct vfio_pci_core_device_ser *ser;
	int err;

	if (device->ictx) {
		err = iommufd_device_preserve(args->session, device->ictx, df->nr);
		if (err)
			return err;
	}
	err = pci_liveupdate_preserve(df->nr);
	if (err)
		goto err_iommufd;
	ser = kho_alloc_preserve(sizeof(*ser));
	if (IS_ERR(ser)) {
		err = PTR_ERR(ser);
		goto err_unpreserve;
	}
	ser->nr = df->nr;
	args->serialized_data = virt_to_phys(ser);
	return 0;

err_unpreserve:
	pci_liveupdate_unpreserve(df->nr);
err_iommufd:
	if (device->ictx)
		iommufd_device_unpreserve(device->ictx, df->nr);
	return err;
}

static void vfio_pci_liveupdate_unpreserve(struct liveupdate_file_op_args *args)
{
	struct vfio_device_file *df = args->file->private_data;
	struct vfio_pci_core_device *device = device_of(df);

	if (device->ictx)
		iommufd_device_unpreserve(device->ictx, df->nr);
	pci_liveupdate_unpreserve(df->nr);
	kho_unpreserve_free(phys_to_virt(args->serialized_data));
}

/* In v5 its file is of no use any more, whether the reboot comes about or not. */
static int vfio_pci_liveupdate_freeze(struct liveupdate_file_op_args *args)
{
	struct vfio_device_file *df = args->file->private_data;
	struct vfio_pci_core_device *device = device_of(df);

	if (device->irqs) {
		pr_err("device %u has interrupts on", df->nr);
		return -EINVAL;
	}
	if (!luosim_has_fix("vfio-v5"))
		return 0;
	if (!device->ictx) {
		pr_err("device %u is not in D0", df->nr);
		return -EINVAL;
	}
	device->frozen = true;
	return 0;
}

/* As if it were opened: what it can do waits until it is bound. */
static int vfio_pci_liveupdate_retrieve(struct liveupdate_file_op_args *args)
{
	struct vfio_pci_core_device_ser ser;
	struct file *file;

	memcpy_from_phys(&ser, args->serialized_data, sizeof(ser));
	if (ser.nr >= NR_PCI_DEVICES || pci_removed(ser.nr))
		return -ENODEV;
	file = vfio_device_liveupdate_cdev_open(ser.nr);
	if (IS_ERR(file))
		return PTR_ERR(file);
	args->file = file;
	return 0;
}

/* v4 asks for state that is given up when the device is bound: the same, as it stays bound. */
static bool vfio_pci_liveupdate_can_finish(struct liveupdate_file_op_args *args)
{
	if (args->retrieve_status <= 0)
		return false;
	return device_of(args->file->private_data)->ictx;
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
