/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vfio device files, opened as character devices with a node each, and their file handler
 * (drivers/vfio/pci/vfio_pci_liveupdate.c of the posted series, with what the
 * iommufd series adds to it). A device that uses an iommufd needs that iommufd in
 * its session, and is attached to it again when it is retrieved; the posted series
 * leave this last step to user space.
 */
#include <stdio.h>

#include "handlers/handlers.h"
#include "handlers/iommufd.h"
#include "handlers/pci.h"
#include "lib/uapi.h"
#include "machine/machine.h"
#include "search/walk.h"

#define pr_fmt "vfio_pci: "

#define VFIO_PCI_LUO_FH_COMPATIBLE	"vfio-pci-v1"

/* An open device file. */
struct vfio_device_file {
	u32 nr;				/* of the PCI device */
	struct iommufd_ctx *ictx;	/* that it is attached to, with a reference on the file */
};

struct vfio_pci_core_device_ser {
	u64 nr;
	u64 attached;
	u64 token;			/* of the iommufd */
};

static struct pci_dev *pdev_of(struct machine *m, const struct vfio_device_file *df)
{
	return &m->k->handlers->pci[df->nr];
}

/* A device is bound through one file at a time. */
static void bind(struct machine *m, struct vfio_device_file *df, struct file *iommufd,
		 bool restored)
{
	df->ictx = iommufd_ctx_from_file(iommufd);
	pdev_of(m, df)->bound = true;
	iommufd_attach(df->ictx, restored);
}

static int vfio_release(struct machine *m, struct file *file)
{
	struct vfio_device_file *df = file->private_data;

	if (df->ictx) {
		iommufd_detach(df->ictx);
		pdev_of(m, df)->bound = false;
		fput(m, iommufd_file(df->ictx));
	}
	kfree(m, df, sizeof(*df));
	return 0;
}

/* Which device it is, and what that reads. */
static u64 vfio_state(struct machine *m, struct file *file)
{
	const struct vfio_device_file *df = file->private_data;

	u64 reads = df->ictx ? iommufd_state(m, df->ictx) : 0;

	if (reads == FILE_STATE_ANY)
		return reads;
	return df->nr + 1 + (df->ictx ? NR_PCI_DEVICES + reads : 0);
}

static void vfio_walk(struct machine_walk *w, struct machine *m, struct file *file)
{
	const struct vfio_device_file *df = file->private_data;

	(void)m;
	walk_put(w, df->nr << 1 | !!df->ictx);
	if (df->ictx)
		walk_file(w, iommufd_file(df->ictx));
}

static struct vfio_device_file *vfio_allocate_device_file(struct machine *m, u32 nr)
{
	struct vfio_device_file *df = kzalloc(m, sizeof(*df));

	if (df)
		df->nr = nr;
	return df;
}

/* Each open of the node gives a file of its own. */
static int vfio_device_fops_cdev_open(struct machine *m, struct file *file)
{
	const struct pci_dev *pci = m->k->handlers->pci;
	u32 nr = 0;

	while (!pci[nr].cdev || pci[nr].cdev->d_inode != file_inode(file))
		nr++;
	/* An incoming device is for its session to give out. */
	if (pci[nr].incoming)
		return -EBUSY;
	file->private_data = vfio_allocate_device_file(m, nr);
	return file->private_data ? 0 : -ENOMEM;
}

static const struct file_operations vfio_device_fops = {
	.name = "vfio-device", .open = vfio_device_fops_cdev_open, .release = vfio_release,
	.state = vfio_state, .walk = vfio_walk,
};

void vfio_init(struct machine *m)
{
	char path[40];

	for (u32 nr = 0; nr < NR_PCI_DEVICES; nr++) {
		snprintf(path, sizeof(path), "/dev/vfio/devices/vfio%u", nr);
		m->k->handlers->pci[nr].cdev = devtmpfs_create_node(m, 0600, path,
								    &vfio_device_fops);
	}
}

static struct file *vfio_open(struct machine *m, const char *bdf)
{
	int nr = pci_find(bdf);

	if (nr < 0 || !m->k->handlers->pci[nr].cdev)
		return ERR_PTR(-ENOENT);
	return dentry_open(m, m->k->handlers->pci[nr].cdev, O_RDWR | KERNEL_O_LARGEFILE);
}

/* What a session gives out was not opened by its node, and has not the inode of that. */
static struct file *vfio_device_liveupdate_cdev_open(struct machine *m, u32 nr)
{
	struct vfio_device_file *df = vfio_allocate_device_file(m, nr);
	struct file *file;

	if (!df)
		return ERR_PTR(-ENOMEM);
	file = anon_inode_getfile(m, "[vfio-device-liveupdate]", &vfio_device_fops, df, O_RDWR);
	if (IS_ERR(file))
		kfree(m, df, sizeof(*df));
	return file;
}

static int do_vfio_attach(struct machine *m, int vfio, int iommufd)
{
	struct file *file = fdget(m, vfio), *to = fdget(m, iommufd);
	struct vfio_device_file *df;

	if (!file)
		return -EBADF;
	if (file->f_op != &vfio_device_fops)
		return -ENOTTY;
	if (!to || !iommufd_ctx_from_file(to))
		return -EBADF;
	df = file->private_data;
	if (df->ictx || pdev_of(m, df)->bound)
		return -EINVAL;
	bind(m, df, get_file(to), false);
	return 0;
}

int sys_vfio_open(struct machine *m, const char *bdf)
{
	SYSCALL(m, install_file(m, vfio_open(m, bdf)));
}

int sys_vfio_attach(struct machine *m, int vfio, int iommufd)
{
	SYSCALL(m, do_vfio_attach(m, vfio, iommufd));
}

/* The handler. */

static bool vfio_pci_liveupdate_can_preserve(struct machine *m, struct liveupdate_file_handler *fh,
					     struct file *file)
{
	(void)m;
	(void)fh;
	return file->f_op == &vfio_device_fops;
}

static int vfio_pci_liveupdate_preserve(struct liveupdate_file_op_args *args)
{
	struct vfio_device_file *df = args->file->private_data;
	struct vfio_pci_core_device_ser ser = { .nr = df->nr, .attached = df->ictx != NULL };
	struct machine *m = args->m;
	phys_addr_t phys;
	int err;

	if (df->ictx) {
		err = iommufd_device_preserve(m, args->session, df->ictx, &ser.token);
		if (err)
			return err;
	}
	err = kho_alloc_preserve(m, sizeof(ser), &phys);
	if (err)
		goto err_iommufd;
	err = pci_liveupdate_preserve(m, df->nr);
	if (err)
		goto err_free;
	phys_write(m, phys, &ser, sizeof(ser));
	args->serialized_data = phys;
	return 0;

err_free:
	kho_unpreserve_free(m, phys);
err_iommufd:
	if (df->ictx)
		iommufd_device_unpreserve(m, df->ictx);
	return err;
}

static void vfio_pci_liveupdate_unpreserve(struct liveupdate_file_op_args *args)
{
	struct vfio_device_file *df = args->file->private_data;

	if (df->ictx)
		iommufd_device_unpreserve(args->m, df->ictx);
	pci_liveupdate_unpreserve(args->m, df->nr);
	kho_unpreserve_free(args->m, args->serialized_data);
}

/* The iommufd behind the token, with a reference. */
static int find_iommufd(struct liveupdate_file_op_args *args, u64 token, struct file **filep)
{
	int err = liveupdate_get_file_incoming(args->m, args->session, token, filep);

	if (err || iommufd_ctx_from_file(*filep))
		return err;
	fput(args->m, *filep);
	return -EINVAL;
}

static int vfio_pci_liveupdate_retrieve(struct liveupdate_file_op_args *args)
{
	struct vfio_pci_core_device_ser ser;
	struct machine *m = args->m;
	struct file *iommufd = NULL;
	struct file *file;
	int err;

	phys_read(m, args->serialized_data, &ser, sizeof(ser));
	if (ser.nr >= NR_PCI_DEVICES)
		return -ENODEV;
	if (ser.attached) {
		err = find_iommufd(args, ser.token, &iommufd);
		if (err)
			return err;
	}
	file = vfio_device_liveupdate_cdev_open(m, ser.nr);
	if (IS_ERR(file)) {
		if (iommufd)
			fput(m, iommufd);
		return PTR_ERR(file);
	}
	if (iommufd)
		bind(m, file->private_data, iommufd, true);
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

	phys_read(args->m, args->serialized_data, &ser, sizeof(ser));
	if (ser.nr < NR_PCI_DEVICES)
		pci_liveupdate_finish(args->m, ser.nr);
	kho_restore_free(args->m, args->serialized_data);
}

static void vfio_pci_liveupdate_walk(struct machine_walk *w, struct machine *m,
				     u64 serialized_data)
{
	(void)m;
	walk_words(w, serialized_data, sizeof(struct vfio_pci_core_device_ser) / sizeof(u64));
}

static const struct liveupdate_file_ops vfio_pci_liveupdate_file_ops = {
	.can_preserve = vfio_pci_liveupdate_can_preserve,
	.preserve = vfio_pci_liveupdate_preserve,
	.unpreserve = vfio_pci_liveupdate_unpreserve,
	.retrieve = vfio_pci_liveupdate_retrieve,
	.can_finish = vfio_pci_liveupdate_can_finish,
	.finish = vfio_pci_liveupdate_finish,
	.get_id = handler_private_id,
	.walk = vfio_pci_liveupdate_walk,
};

void vfio_luo_init(struct machine *m)
{
	if (!handler_register(m, &m->k->handlers->vfio, "vfio",
			      &vfio_pci_liveupdate_file_ops, VFIO_PCI_LUO_FH_COMPATIBLE,
			      pci_liveupdate_flb(m)))
		pci_enumerate(m);
}
