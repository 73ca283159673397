/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How KHO tracks which pages to keep, and how the next kernel reads that: in
 * xarrays that are serialized when the machine reboots (6.19, 7.0), or in a
 * radix tree that the next kernel walks as it lies (7.1 on).
 */
#ifndef MODEL_KERNEL_LIVEUPDATE_KHO_TRACK_H
#define MODEL_KERNEL_LIVEUPDATE_KHO_TRACK_H

#include "lib/xarray.h"
#include "mm/mm.h"

/* Of blocks of one order, up to 7.0. */
struct kho_mem_phys {
	struct xarray phys_bits;	/* entries are physical addresses of bitmaps */
};

/* The map of 6.19 and 7.0: chunks of a page, each of an order and with pointers to bitmaps. */
struct khoser_mem_bitmap_ptr {
	u64 phys_start;
	u64 bitmap;
};

struct khoser_mem_chunk_hdr {
	u64 next;
	u32 order;
	u32 num_elms;
};

#define KHOSER_BITMAP_SIZE							\
	((PAGE_SIZE - sizeof(struct khoser_mem_chunk_hdr)) / sizeof(struct khoser_mem_bitmap_ptr))

int kho_track_init(struct machine *m);
/* The preserved-memory-map property: where the next kernel finds the map now. */
phys_addr_t kho_track_map(struct machine *m);
/* -ENOMEM when a node or a bitmap cannot be had. */
int kho_track_add(struct machine *m, u64 pfn, unsigned int order);
void kho_track_del(struct machine *m, u64 pfn, unsigned int order);
/* Up to 7.0: write the map down; its address, or 0 and *@err. */
phys_addr_t kho_mem_serialize(struct machine *m, int *err);
void kho_mem_ser_free(struct machine *m, phys_addr_t chunk);
/* For damage.c: the bitmaps that such a map leads to, as if this kernel had made it. */
void kho_track_read(struct machine *m, phys_addr_t map);
typedef void (*kho_keep_fn)(struct machine *m, phys_addr_t phys, unsigned int order);
/* Call @keep for each preserved block of the map at @map, whatever that holds. */
void kho_track_walk(struct machine *m, phys_addr_t map, kho_keep_fn keep);
typedef void (*kho_node_fn)(struct machine *m, phys_addr_t node);
/* The same of a radix tree, with the tables and bitmaps that it is made of. */
void kho_track_walk_nodes(struct machine *m, phys_addr_t map, kho_keep_fn keep, kho_node_fn node);

/* For damage.c: where the bit of a block is, and the table entry on the way to it. */
bool kho_track_bit(struct machine *m, u64 pfn, unsigned int order, phys_addr_t *byte,
		   unsigned int *bit);
bool kho_track_slot(struct machine *m, u64 pfn, unsigned int order, unsigned int level,
		    phys_addr_t *slot);

#endif
