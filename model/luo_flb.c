/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * File-lifecycle-bound data (kernel/liveupdate/luo_flb.c, 7.0 on): the page of
 * entries that every kernel since hands over, empty while no handler has an FLB.
 */
#include <libfdt.h>

#include "machine.h"

#define pr_fmt "luo: "

#define LUO_FDT_FLB_NODE	"luo-flb"
#define LUO_FDT_FLB_HEADER	"luo-flb-header"
#define LUO_FLB_PGCNT		1ul

struct luo_flb_header_ser {
	u64 pgcnt;
	u64 count;
} __packed;

/* The outgoing page; luo_flb_setup_outgoing() of either form. */
static int alloc_header(struct machine *m, phys_addr_t *phys)
{
	struct luo_flb_header_ser header = { .pgcnt = LUO_FLB_PGCNT };
	int err;

	err = kho_alloc_preserve(m, LUO_FLB_PGCNT * PAGE_SIZE, phys);
	if (!err)
		phys_write(m, *phys, &header, sizeof(header));
	return err;
}

int luo_flb_setup_outgoing(struct machine *m, void *fdt)
{
	phys_addr_t header;
	int err;

	err = alloc_header(m, &header);
	if (err)
		return err;
	err = fdt_begin_node(fdt, LUO_FDT_FLB_NODE);
	err |= fdt_property_string(fdt, "compatible", m->k->boot.release.flb_compatible);
	err |= fdt_property(fdt, LUO_FDT_FLB_HEADER, &header, sizeof(header));
	err |= fdt_end_node(fdt);
	if (err)
		kho_unpreserve_free(m, header);
	return err;
}

int luo_flb_setup_outgoing_ser(struct machine *m, phys_addr_t flbs_pa)
{
	phys_addr_t header;
	int err;

	err = alloc_header(m, &header);
	if (!err)
		phys_write(m, flbs_pa, &header, sizeof(header));
	return err;
}

int luo_flb_setup_incoming(struct machine *m, const void *fdt)
{
	int off, len;

	off = fdt_subnode_offset(fdt, 0, LUO_FDT_FLB_NODE);
	if (off < 0) {
		pr_err(m, "Unable to get FLB node [%s]", LUO_FDT_FLB_NODE);
		return -ENOENT;
	}
	if (fdt_node_check_compatible(fdt, off, m->k->boot.release.flb_compatible)) {
		pr_err(m, "FLB node is incompatible with '%s'", m->k->boot.release.flb_compatible);
		return -EINVAL;
	}
	if (!fdt_getprop(fdt, off, LUO_FDT_FLB_HEADER, &len) || len != sizeof(u64)) {
		pr_err(m, "Unable to get FLB header property '%s'", LUO_FDT_FLB_HEADER);
		return -EINVAL;
	}
	return 0;
}
