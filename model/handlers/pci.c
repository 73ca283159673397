/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The PCI core's part of preserving devices (drivers/pci/liveupdate.c of the
 * posted series): an FLB with the list of preserved devices. A bus has
 * NR_PCI_DEVICES functions here, 0000:01:00.0 and on, and no bridges.
 */
#include <stdio.h>

#include "handlers/handlers.h"
#include "machine/machine.h"
#include "handlers/pci.h"

#define pr_fmt "PCI: "

#define PCI_LUO_FLB_COMPATIBLE	"pci-v1"

struct pci_ser {
	u64 max_nr_devices;
	u64 nr_devices;
	u32 devices[NR_PCI_DEVICES];	/* function numbers, ascending */
} __packed;

static struct liveupdate_flb *pci_flb(struct machine *m)
{
	return &m->k->handlers->pci_flb;
}

/* The object is the address of the serialized list. */
static void *to_obj(phys_addr_t phys)
{
	return (void *)(uintptr_t)phys;
}

static void read_ser(struct machine *m, const void *obj, struct pci_ser *ser)
{
	phys_read(m, (uintptr_t)obj, ser, sizeof(*ser));
}

static void write_ser(struct machine *m, const void *obj, const struct pci_ser *ser)
{
	phys_write(m, (uintptr_t)obj, ser, sizeof(*ser));
}

/* The FLB. */

static int pci_flb_preserve(struct liveupdate_flb_op_args *args)
{
	struct pci_ser ser = { .max_nr_devices = NR_PCI_DEVICES };
	int err;

	err = kho_alloc_preserve(args->m, sizeof(ser), &args->data);
	if (err)
		return err;
	args->obj = to_obj(args->data);
	write_ser(args->m, args->obj, &ser);
	return 0;
}

static void pci_flb_unpreserve(struct liveupdate_flb_op_args *args)
{
	struct machine *m = args->m;
	struct pci_ser ser;

	read_ser(m, args->obj, &ser);
	WARN_ON_ONCE(m, ser.nr_devices);
	kho_unpreserve_free(m, args->data);
}

static int pci_flb_retrieve(struct liveupdate_flb_op_args *args)
{
	args->obj = to_obj(args->data);
	return 0;
}

static void pci_flb_finish(struct liveupdate_flb_op_args *args)
{
	kho_restore_free(args->m, (uintptr_t)args->obj);
}

static const struct liveupdate_flb_ops pci_liveupdate_flb_ops = {
	.preserve = pci_flb_preserve,
	.unpreserve = pci_flb_unpreserve,
	.retrieve = pci_flb_retrieve,
	.finish = pci_flb_finish,
};

/* Outgoing devices. */

static int list_add_device(struct machine *m, void *obj, u32 nr)
{
	struct pci_ser ser;
	u64 i;

	read_ser(m, obj, &ser);
	if (ser.nr_devices == ser.max_nr_devices)
		return -ENOSPC;
	for (i = ser.nr_devices; i > 0 && ser.devices[i - 1] > nr; i--)
		ser.devices[i] = ser.devices[i - 1];
	ser.devices[i] = nr;
	ser.nr_devices++;
	write_ser(m, obj, &ser);
	return 0;
}

static void list_del_device(struct machine *m, void *obj, u32 nr)
{
	struct pci_ser ser;
	u64 i = 0;

	read_ser(m, obj, &ser);
	while (ser.devices[i] != nr)
		i++;
	for (ser.nr_devices--; i < ser.nr_devices; i++)
		ser.devices[i] = ser.devices[i + 1];
	write_ser(m, obj, &ser);
}

int pci_liveupdate_preserve(struct machine *m, u32 nr)
{
	struct pci_dev *dev = &m->k->handlers->pci[nr];
	void *obj;
	int err;

	err = liveupdate_flb_get_outgoing(m, pci_flb(m), &obj);
	if (err)
		return err;
	if (!obj)
		return -ENOENT;
	err = dev->outgoing ? -EBUSY : list_add_device(m, obj, nr);
	if (!err)
		dev->outgoing = true;
	liveupdate_flb_put_outgoing(m, pci_flb(m));
	return err;
}

void pci_liveupdate_unpreserve(struct machine *m, u32 nr)
{
	void *obj;

	if (WARN_ON_ONCE(m, liveupdate_flb_get_outgoing(m, pci_flb(m), &obj) || !obj))
		return;
	list_del_device(m, obj, nr);
	m->k->handlers->pci[nr].outgoing = false;
	liveupdate_flb_put_outgoing(m, pci_flb(m));
}

/* Incoming devices. */

/* As a device is found on its bus; one that was preserved keeps the list. */
static void setup_device(struct machine *m, u32 nr)
{
	struct pci_ser ser;
	void *obj;

	if (liveupdate_flb_get_incoming(m, pci_flb(m), &obj))
		return;
	read_ser(m, obj, &ser);
	for (u64 i = 0; i < ser.nr_devices && i < NR_PCI_DEVICES; i++)
		m->k->handlers->pci[nr].incoming |= ser.devices[i] == nr;
	if (!m->k->handlers->pci[nr].incoming)
		liveupdate_flb_put_incoming(m, pci_flb(m));
}

void pci_liveupdate_finish(struct machine *m, u32 nr)
{
	m->k->handlers->pci[nr].incoming = false;
	liveupdate_flb_put_incoming(m, pci_flb(m));
}

struct liveupdate_flb *pci_liveupdate_flb(struct machine *m)
{
	flb_init(pci_flb(m), &pci_liveupdate_flb_ops, PCI_LUO_FLB_COMPATIBLE);
	return pci_flb(m);
}

void pci_enumerate(struct machine *m)
{
	for (u32 nr = 0; nr < NR_PCI_DEVICES; nr++)
		setup_device(m, nr);
}

int pci_find(const char *bdf)
{
	char name[24];

	for (int nr = 0; nr < NR_PCI_DEVICES; nr++) {
		snprintf(name, sizeof(name), "0000:01:00.%d", nr);
		if (!strcmp(name, bdf))
			return nr;
	}
	return -ENOENT;
}
