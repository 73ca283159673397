/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kexec handover: the functions of kernel/liveupdate/kexec_handover.c and the
 * layout of what one kernel hands to the next (include/linux/kho/abi/).
 *
 * Memory of the direct mapping is named by its physical address; phys_read()
 * and phys_write() are the loads and stores.
 */
#ifndef MODEL_KERNEL_LIVEUPDATE_KHO_H
#define MODEL_KERNEL_LIVEUPDATE_KHO_H

#include "kernel/lock.h"
#include "mm/mm.h"
#include "lib/xarray.h"

#define KHO_PAGE_MAGIC	0x4b484f50u	/* "KHOP" */

union kho_page_info {
	u64 page_private;
	struct {
		u32 order;
		u32 magic;
	};
};

struct kho_vmalloc {
	u64 first;		/* physical address of the first chunk */
	u32 total_pages;
	u16 flags;
	u16 order;
} __packed;

#define KHO_VMALLOC_SIZE	((PAGE_SIZE - sizeof(u64)) / sizeof(u64))

struct kho_vmalloc_chunk {
	u64 next;
	u64 phys[KHO_VMALLOC_SIZE];
};

struct kho_kexec_metadata {		/* 7.1 on */
	u32 version;
	char previous_release[65];
	u32 kexec_count;
} __packed;

/* Names in KHO's FDT. */
#define KHO_FDT_MEMORY_MAP	"preserved-memory-map"
#define KHO_METADATA_NODE	"kexec-metadata"
/* The property of a subtree that says where it is. */
#define kho_subtree_prop(m)	((m)->k->boot.release.blob_size ? "preserved-data" : "fdt")

struct kho_scratch {
	u64 addr;
	u64 size;
};

struct kho {
	bool enabled;
	/* out */
	phys_addr_t fdt;
	struct mutex lock;
	phys_addr_t tree_root;		/* releases with the radix tree */
	u64 last_leaf_key;		/* of the leaf used last, to save the walk */
	phys_addr_t last_leaf;
	struct xarray orders;		/* releases without: order -> bitmaps */
	bool finalized;
	struct xarray counts;		/* restore refcount: see kho_count.c */
	struct xarray counts_in;
	phys_addr_t counts_ser;
	phys_addr_t counts_head;
	u64 nr_shared, nr_count_pages;
	struct kho_scratch scratch;
	bool scratch_cma;		/* movable pages may use it */
	struct list_head debugfs;	/* files that show memory */
	/* in */
	phys_addr_t fdt_in;
	phys_addr_t mem_map_in;
	u64 *busy;			/* kho_extend_scratch() */
	u32 early_maps;			/* that kho_populate() made, and left */
	char previous_release[65];
	u32 kexec_count;
};

/* Boot, in the order of the kernel's initcalls. */
void kho_populate(struct machine *m, phys_addr_t fdt);
void kho_memory_init(struct machine *m);
/* Where scratch memory is. */
void kho_scratch_init(struct machine *m);
/*
 * Before it is known what was handed over: @size bytes outside of scratch, below @end, where
 * nothing was; 0: there are none.
 */
phys_addr_t kho_extended_alloc(struct machine *m, u64 size, u64 align, phys_addr_t end);
/* Frames that were handed over are kept from the allocator; and one of them is restored. */
void kho_reserve(struct machine *m, u64 pfn, u64 end);
void kho_frame_restored(struct machine *m, struct page *page);
int kho_init(struct machine *m);
/* The last initcall: what was mapped before there were page tables is unmapped again. */
void check_early_ioremap_leak(struct machine *m);

int kho_preserve_folio(struct machine *m, struct folio *folio);
void kho_unpreserve_folio(struct machine *m, struct folio *folio);
int kho_preserve_pages(struct machine *m, u64 pfn, u64 nr_pages);
void kho_unpreserve_pages(struct machine *m, u64 pfn, u64 nr_pages);
int kho_preserve_vmalloc(struct machine *m, struct vm_struct *vm, struct kho_vmalloc *pres);
void kho_unpreserve_vmalloc(struct machine *m, const struct kho_vmalloc *pres);
/* 0, -EINVAL, -E2BIG, -ENOMEM or what preserving says; *@phys is zeroed memory. */
int kho_alloc_preserve(struct machine *m, u64 size, phys_addr_t *phys);
void kho_unpreserve_free(struct machine *m, phys_addr_t phys);
void kho_restore_free(struct machine *m, phys_addr_t phys);
/* NULL when the frame was not handed over, or was restored already. */
struct folio *kho_restore_folio(struct machine *m, phys_addr_t phys);
struct page *kho_restore_pages(struct machine *m, phys_addr_t phys, u64 nr_pages);
struct vm_struct *kho_restore_vmalloc(struct machine *m, const struct kho_vmalloc *pres);
int kho_add_subtree(struct machine *m, const char *name, phys_addr_t blob, u64 size);
void kho_remove_subtree(struct machine *m, phys_addr_t blob);
int kho_retrieve_subtree(struct machine *m, const char *name, phys_addr_t *phys, u64 *size);
/* Read the FDT in the page at @phys into @buf, of a page: 0 or the error of libfdt. */
int kho_read_fdt(struct machine *m, phys_addr_t phys, void *buf);
/* With extent-checks: were the @size bytes at @phys handed over, and not restored yet? */
bool kho_extent_ok(struct machine *m, phys_addr_t phys, u64 size);
bool kho_is_enabled(struct machine *m);
bool is_kho_boot(struct machine *m);
int kho_finalize(struct machine *m);
/* kexec_handover_debugfs.c: nothing unless the kernel has it. */
int kho_debugfs_blob_add(struct machine *m, const char *name, phys_addr_t blob, u64 size,
			 bool root);
void kho_debugfs_blob_remove(struct machine *m, phys_addr_t blob);
void kho_in_debugfs_init(struct machine *m, phys_addr_t fdt);
/* kexec_file_load: what the image carries to the next kernel; 0 without KHO. */
phys_addr_t kho_fill_kimage(struct machine *m);

#endif
