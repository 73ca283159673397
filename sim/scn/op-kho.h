/* SPDX-License-Identifier: GPL-2.0-only */
/* Operations that are calls of a kernel module to KHO, for the table of op.c. */
#ifndef SIM_SCN_OP_KHO_H
#define SIM_SCN_OP_KHO_H

#include "scn/op.h"

gint64 call_folio_alloc(struct call *c);
gint64 call_folio_put(struct call *c);
gint64 call_alloc_contig_pages(struct call *c);
gint64 call_free_contig_range(struct call *c);
gint64 call_vmalloc(struct call *c);
gint64 call_vfree(struct call *c);
gint64 call_mem_write(struct call *c);
gint64 call_mem_read(struct call *c);
gint64 call_mem_store(struct call *c);
gint64 call_mem_load(struct call *c);
gint64 call_kho_preserve_folio(struct call *c);
gint64 call_kho_unpreserve_folio(struct call *c);
gint64 call_kho_preserve_pages(struct call *c);
gint64 call_kho_unpreserve_pages(struct call *c);
gint64 call_kho_preserve_vmalloc(struct call *c);
gint64 call_kho_unpreserve_vmalloc(struct call *c);
gint64 call_kho_alloc_preserve(struct call *c);
gint64 call_kho_unpreserve_free(struct call *c);
gint64 call_kho_restore_folio(struct call *c);
gint64 call_kho_restore_pages(struct call *c);
gint64 call_kho_restore_vmalloc(struct call *c);
gint64 call_kho_restore_free(struct call *c);
gint64 call_kho_add_subtree(struct call *c);
gint64 call_kho_remove_subtree(struct call *c);
gint64 call_kho_retrieve_subtree(struct call *c);
gint64 call_reserve_mem_find_by_name(struct call *c);
gint64 call_reserve_mem_release_by_name(struct call *c);
gint64 call_kho_debugfs_read(struct call *c);
gint64 call_kho_is_enabled(struct call *c);
gint64 call_is_kho_boot(struct call *c);

#endif
