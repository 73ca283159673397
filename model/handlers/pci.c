/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The PCI core's part of preserving devices (drivers/pci/liveupdate.c of the posted series, v9,
 * or without the fix "pci-v9" v6): an FLB with blocks of what is preserved. A device is
 * preserved with each bridge above it, which counts the devices below.
 *
 * Bus 0 has a root port to bus 1, with eight functions and a bridge to bus 2, on which there is
 * a device that has two virtual functions.
 */
#include "handlers/handlers.h"
#include "handlers/pci.h"
#include "kernel/liveupdate/luo_internal.h"
#include "machine/machine.h"

#define pr_fmt "PCI: liveupdate: "

#define PCI_LUO_FLB_COMPATIBLE	"pci-v1"
#define PAGE_ENTRIES		((PAGE_SIZE - sizeof(struct kho_block_header_ser)) / \
				 sizeof(struct pci_dev_ser))

/* Handed over. */
struct pci_dev_ser {
	u64 nr;			/* which device */
	u64 refcount;		/* 0: the entry is unused */
} __packed;

struct pci_ser {
	u64 nr_devices;
	u64 devices;		/* the first block of them */
} __packed;

/* The object of the FLB, on either side. */
struct pci_flb_obj {
	phys_addr_t ser;
	struct kho_block_set block_set;
};

#define NONE	(-1)

static const struct pci_slot {
	const char *name;
	int bridge;		/* above it, or NONE */
	bool is_bridge, is_virtfn;
} slots[NR_PCI_DEVICES] = {
	{ "0000:01:00.0", PCI_ROOT_PORT, false, false },
	{ "0000:01:00.1", PCI_ROOT_PORT, false, false },
	{ "0000:01:00.2", PCI_ROOT_PORT, false, false },
	{ "0000:01:00.3", PCI_ROOT_PORT, false, false },
	{ "0000:01:00.4", PCI_ROOT_PORT, false, false },
	{ "0000:01:00.5", PCI_ROOT_PORT, false, false },
	{ "0000:01:00.6", PCI_ROOT_PORT, false, false },
	{ "0000:01:00.7", PCI_ROOT_PORT, false, false },
	{ "0000:02:00.0", PCI_BRIDGE, false, false },
	{ "0000:02:10.0", PCI_BRIDGE, false, true },
	{ "0000:02:10.1", PCI_BRIDGE, false, true },
	[PCI_ROOT_PORT] = { "0000:00:01.0", NONE, true, false },
	[PCI_BRIDGE] = { "0000:01:01.0", PCI_ROOT_PORT, true, false },
};

static struct pci_dev *device(struct machine *m, u32 nr)
{
	return &m->k->handlers->pci[nr];
}

/* What is above @nr; v6 does not look there. */
static int next_in_path(struct machine *m, int nr)
{
	return has_fix(m, FIX_PCI_V9) ? slots[nr].bridge : NONE;
}

#define for_each_in_path(_m, _nr) \
	for (; (_nr) != NONE; (_nr) = next_in_path(_m, _nr))

static struct liveupdate_flb *pci_flb(struct machine *m)
{
	return &m->k->handlers->pci_flb;
}

static void read_entry(struct machine *m, phys_addr_t phys, struct pci_dev_ser *entry)
{
	phys_read(m, phys, entry, sizeof(*entry));
}

static void write_entry(struct machine *m, phys_addr_t phys, const struct pci_dev_ser *entry)
{
	phys_write(m, phys, entry, sizeof(*entry));
}

/* One more or less of them, and where their blocks begin. */
static void count_devices(struct machine *m, struct pci_flb_obj *obj, int add)
{
	struct pci_ser ser;

	phys_read(m, obj->ser, &ser, sizeof(ser));
	ser.nr_devices += add;
	ser.devices = obj->block_set.head_pa;
	phys_write(m, obj->ser, &ser, sizeof(ser));
}

/* The FLB. */

static struct pci_flb_obj *new_obj(struct machine *m)
{
	struct pci_flb_obj *obj = kzalloc(m, sizeof(*obj));

	if (obj)
		kho_block_set_init(&obj->block_set, sizeof(struct pci_dev_ser), PAGE_ENTRIES);
	return obj;
}

static int pci_flb_preserve(struct liveupdate_flb_op_args *args)
{
	struct pci_flb_obj *obj = new_obj(args->m);
	struct pci_ser ser = { 0 };
	int err;

	if (!obj)
		return -ENOMEM;
	err = kho_alloc_preserve(args->m, sizeof(ser), &obj->ser);
	if (err) {
		kfree(args->m, obj, sizeof(*obj));
		return err;
	}
	phys_write(args->m, obj->ser, &ser, sizeof(ser));
	args->obj = obj;
	args->data = obj->ser;
	return 0;
}

static void pci_flb_unpreserve(struct liveupdate_flb_op_args *args)
{
	struct pci_flb_obj *obj = args->obj;
	struct machine *m = args->m;
	struct pci_ser ser;

	phys_read(m, obj->ser, &ser, sizeof(ser));
	WARN_ON(m, ser.nr_devices);
	kho_block_set_destroy(m, &obj->block_set);
	kho_unpreserve_free(m, obj->ser);
	kfree(m, obj, sizeof(*obj));
}

/* Without it no device could be told from one that is still at work. */
static int pci_flb_retrieve(struct liveupdate_flb_op_args *args)
{
	struct machine *m = args->m;
	struct pci_flb_obj *obj = new_obj(m);
	struct pci_ser ser;
	int err;

	if (!obj)
		panic(m, "Failed to allocate struct pci_flb_incoming");
	obj->ser = args->data;
	phys_read(m, obj->ser, &ser, sizeof(ser));
	err = kho_block_set_restore(m, &obj->block_set, ser.devices);
	if (err)
		panic(m, "Failed to restore devices KHO block set (%d)", err);
	args->obj = obj;
	return 0;
}

static void pci_flb_finish(struct liveupdate_flb_op_args *args)
{
	struct pci_flb_obj *obj = args->obj;
	struct machine *m = args->m;
	struct pci_ser ser;

	phys_read(m, obj->ser, &ser, sizeof(ser));
	if (ser.nr_devices && has_fix(m, FIX_PCI_V9))
		panic(m, "%llu preserved device(s) were never finished!",
		      (unsigned long long)ser.nr_devices);
	kho_block_set_destroy(m, &obj->block_set);
	kho_restore_free(m, obj->ser);
	kfree(m, obj, sizeof(*obj));
}

static const struct liveupdate_flb_ops pci_liveupdate_flb_ops = {
	.preserve = pci_flb_preserve,
	.unpreserve = pci_flb_unpreserve,
	.retrieve = pci_flb_retrieve,
	.finish = pci_flb_finish,
};

/* Outgoing devices. */

static int get_outgoing(struct machine *m, struct pci_flb_obj **objp)
{
	void *obj;
	int err = liveupdate_flb_get_outgoing(m, pci_flb(m), &obj);

	if (err)
		return err;
	*objp = obj;
	return obj ? 0 : -ENOENT;
}

/* The first entry that is not used any more, or one more. */
static int pci_flb_alloc_dev_ser(struct machine *m, struct pci_flb_obj *obj, phys_addr_t *entry)
{
	struct kho_block_set_it it;
	struct pci_dev_ser ser;
	u64 count = 0;
	int err;

	kho_block_set_it_init(&it, &obj->block_set);
	while ((*entry = kho_block_set_it_read_entry(m, &it))) {
		read_entry(m, *entry, &ser);
		if (!ser.refcount)
			return 0;
		count++;
	}
	err = kho_block_set_grow(m, &obj->block_set, count + 1);
	if (err)
		return err;
	if (!count)
		kho_block_set_it_init(&it, &obj->block_set);
	*entry = kho_block_set_it_reserve_entry(m, &it);
	return WARN_ON_ONCE(m, !*entry) ? -ENOSPC : 0;
}

static int unpreserve_device(struct machine *m, struct pci_flb_obj *obj, u32 nr)
{
	struct pci_dev *dev = device(m, nr);
	struct pci_dev_ser ser;

	if (!dev->outgoing) {
		pr_warn(m, "Cannot unpreserve device that is not preserved");
		return -EINVAL;
	}
	read_entry(m, dev->outgoing, &ser);
	if (WARN_ON(m, !ser.refcount))
		return -EINVAL;
	if (!--ser.refcount)
		ser.nr = 0;
	write_entry(m, dev->outgoing, &ser);
	if (ser.refcount)
		return 0;
	count_devices(m, obj, -1);
	dev->outgoing = 0;
	return 0;
}

static void unpreserve_path(struct machine *m, struct pci_flb_obj *obj, int nr, int end)
{
	for_each_in_path(m, nr)
		if (nr == end || unpreserve_device(m, obj, nr))
			return;
}

static int preserve_device(struct machine *m, struct pci_flb_obj *obj, u32 nr)
{
	struct pci_dev *dev = device(m, nr);
	struct pci_dev_ser ser;
	phys_addr_t entry;
	int err;

	if (slots[nr].is_virtfn) {
		pr_warn(m, "Cannot preserve Virtual Functions");
		return -EINVAL;
	}
	if (dev->outgoing && !slots[nr].is_bridge) {
		pr_warn(m, "Device is already preserved");
		return -EBUSY;
	}
	if (!dev->outgoing) {
		err = pci_flb_alloc_dev_ser(m, obj, &entry);
		if (err)
			return err;
		write_entry(m, entry, &(struct pci_dev_ser){ .nr = nr });
		count_devices(m, obj, 1);
		dev->outgoing = entry;
	}
	read_entry(m, dev->outgoing, &ser);
	ser.refcount++;
	write_entry(m, dev->outgoing, &ser);
	return 0;
}

int pci_liveupdate_preserve(struct machine *m, u32 nr)
{
	struct pci_flb_obj *obj;
	int err, i = nr;

	err = get_outgoing(m, &obj);
	if (err)
		return err;
	for_each_in_path(m, i) {
		err = preserve_device(m, obj, i);
		if (err) {
			unpreserve_path(m, obj, nr, i);
			break;
		}
	}
	liveupdate_flb_put_outgoing(m, pci_flb(m));
	return err;
}

void pci_liveupdate_unpreserve(struct machine *m, u32 nr)
{
	struct pci_flb_obj *obj;

	if (get_outgoing(m, &obj)) {
		pr_warn(m, "Cannot unpreserve device without outgoing Live Update state");
		return;
	}
	unpreserve_path(m, obj, nr, NONE);
	liveupdate_flb_put_outgoing(m, pci_flb(m));
}

/* Incoming devices. */

/* As a device is found on its bus; in v6 one that was preserved keeps the FLB. */
static void setup_device(struct machine *m, u32 nr)
{
	struct kho_block_set_it it;
	struct pci_dev_ser ser;
	phys_addr_t entry;
	void *obj;

	if (liveupdate_flb_get_incoming(m, pci_flb(m), &obj))
		return;
	kho_block_set_it_init(&it, &((struct pci_flb_obj *)obj)->block_set);
	while ((entry = kho_block_set_it_read_entry(m, &it))) {
		read_entry(m, entry, &ser);
		if (ser.refcount && ser.nr == nr)
			device(m, nr)->incoming = entry;
	}
	if (!device(m, nr)->incoming || has_fix(m, FIX_PCI_V9))
		liveupdate_flb_put_incoming(m, pci_flb(m));
}

static int finish_device(struct machine *m, struct pci_flb_obj *obj, u32 nr)
{
	struct pci_dev *dev = device(m, nr);
	struct pci_dev_ser ser;

	if (!dev->incoming) {
		pr_warn(m, "Cannot finish preserving an unpreserved device");
		return -EINVAL;
	}
	read_entry(m, dev->incoming, &ser);
	if (WARN_ON(m, !ser.refcount))
		return -EINVAL;
	ser.refcount--;
	write_entry(m, dev->incoming, &ser);
	if (ser.refcount)
		return 0;
	dev->incoming = 0;
	count_devices(m, obj, -1);
	if (!has_fix(m, FIX_PCI_V9))
		liveupdate_flb_put_incoming(m, pci_flb(m));
	return 0;
}

void pci_liveupdate_finish(struct machine *m, u32 nr)
{
	void *obj;
	int i = nr;

	if (liveupdate_flb_get_incoming(m, pci_flb(m), &obj)) {
		pr_warn(m, "Cannot finish preserving device without incoming FLB");
		return;
	}
	for_each_in_path(m, i)
		if (finish_device(m, obj, i))
			break;
	liveupdate_flb_put_incoming(m, pci_flb(m));
}

struct liveupdate_flb *pci_liveupdate_flb(struct machine *m)
{
	flb_init(pci_flb(m), &pci_liveupdate_flb_ops, PCI_LUO_FLB_COMPATIBLE);
	return pci_flb(m);
}

/* Buses and devices. */

void pci_enumerate(struct machine *m)
{
	for (u32 nr = 0; nr < NR_PCI_DEVICES; nr++)
		setup_device(m, nr);
}

int pci_find(const char *bdf)
{
	for (int nr = 0; nr < NR_PCI_DEVICES; nr++)
		if (!strcmp(slots[nr].name, bdf))
			return nr;
	return -ENOENT;
}

bool pci_is_virtfn(u32 nr)
{
	return slots[nr].is_virtfn;
}

bool pci_is_below(int nr, u32 above)
{
	while (nr != NONE && nr != (int)above)
		nr = slots[nr].bridge;
	return nr != NONE;
}

int pci_refs(struct machine *m, u32 nr, bool incoming)
{
	phys_addr_t entry = incoming ? device(m, nr)->incoming : device(m, nr)->outgoing;
	struct pci_dev_ser ser = { 0 };

	if (entry)
		read_entry(m, entry, &ser);
	return ser.refcount;
}

void pci_remove(struct machine *m, u32 nr)
{
	for (u32 i = 0; i < NR_PCI_DEVICES; i++) {
		struct pci_dev *dev = device(m, i);

		if (dev->removed || !pci_is_below(i, nr))
			continue;
		/* Drivers are to prevent both. */
		WARN_ON(m, dev->outgoing);
		WARN_ON(m, dev->incoming);
		*dev = (struct pci_dev){ .removed = true, .dma_owner = dev->dma_owner };
	}
}

void pci_rescan(struct machine *m)
{
	for (u32 nr = 0; nr < NR_PCI_DEVICES; nr++) {
		if (!device(m, nr)->removed)
			continue;
		device(m, nr)->removed = false;
		setup_device(m, nr);
	}
}
