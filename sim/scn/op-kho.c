/* SPDX-License-Identifier: GPL-2.0-only */
/* Operations that are calls of a kernel module to KHO: the functions of the rows in op.c. */
#include <errno.h>

#include "scn/op-kho.h"

/* On the part of memory that the arguments say: its first page, and how many; or on all. */
static gint64 on_pages(struct call *c, int (*call)(struct machine *m, int mem, uint64_t first,
						   uint64_t nr))
{
	gint64 nr = c->args[1].given ? c->args[2].number :
				       module_mem_pages(c->machine, c->args[0].number);

	return nr < 0 ? nr : call(c->machine, c->args[0].number, c->args[1].number, nr);
}

gint64 call_folio_alloc(struct call *c)
{
	return module_folio_alloc(c->machine, c->args[0].number);
}

gint64 call_folio_put(struct call *c)
{
	return module_folio_put(c->machine, c->args[0].number);
}

gint64 call_alloc_contig_pages(struct call *c)
{
	return module_alloc_contig_pages(c->machine, c->args[0].number);
}

gint64 call_free_contig_range(struct call *c)
{
	return module_free_contig_range(c->machine, c->args[0].number);
}

gint64 call_vmalloc(struct call *c)
{
	return module_vmalloc(c->machine, c->args[0].number,
			      c->args[1].given ? c->args[1].number : VMALLOC_ZEROED);
}

gint64 call_vfree(struct call *c)
{
	return module_vfree(c->machine, c->args[0].number);
}

gint64 call_mem_write(struct call *c)
{
	return module_mem_write(c->machine, c->args[0].number, c->args[2].bytes, c->args[2].len,
				c->args[1].number);
}

/* Of memory, or of a file of debugfs: args[2] bytes from args[1] on. */
static gint64 read_bytes(struct call *c, bool debugfs)
{
	gsize len = c->args[2].number;
	guint8 *buf = machine_user_alloc(c->machine, MAX(len, 1));
	gint64 ret;

	if (buf == NULL)
		return -ENOMEM;
	ret = debugfs ? sys_read_kho_debugfs(c->machine, c->args[0].bytes, buf, len,
					     c->args[1].number) :
			module_mem_read(c->machine, c->args[0].number, buf, len, c->args[1].number);
	g_string_truncate(c->out, 0);
	g_string_append_len(c->out, (char *)buf, MAX(ret, 0));
	machine_user_free(c->machine, buf, MAX(len, 1));
	return ret;
}

gint64 call_mem_read(struct call *c)
{
	return read_bytes(c, false);
}

gint64 call_kho_debugfs_read(struct call *c)
{
	return read_bytes(c, true);
}

gint64 call_mem_store(struct call *c)
{
	return module_mem_store(c->machine, c->args[0].number, c->args[1].number,
				c->args[2].number);
}

gint64 call_mem_load(struct call *c)
{
	return module_mem_load(c->machine, c->args[0].number, c->args[1].number);
}

gint64 call_kho_preserve_folio(struct call *c)
{
	return module_kho_preserve_folio(c->machine, c->args[0].number);
}

gint64 call_kho_unpreserve_folio(struct call *c)
{
	return module_kho_unpreserve_folio(c->machine, c->args[0].number);
}

gint64 call_kho_preserve_pages(struct call *c)
{
	return on_pages(c, module_kho_preserve_pages);
}

gint64 call_kho_unpreserve_pages(struct call *c)
{
	return on_pages(c, module_kho_unpreserve_pages);
}

gint64 call_kho_preserve_vmalloc(struct call *c)
{
	return module_kho_preserve_vmalloc(c->machine, c->args[0].number);
}

gint64 call_kho_unpreserve_vmalloc(struct call *c)
{
	return module_kho_unpreserve_vmalloc(c->machine, c->args[0].number);
}

gint64 call_kho_alloc_preserve(struct call *c)
{
	return module_kho_alloc_preserve(c->machine, c->args[0].number);
}

gint64 call_kho_unpreserve_free(struct call *c)
{
	return module_kho_unpreserve_free(c->machine, c->args[0].number);
}

gint64 call_kho_restore_folio(struct call *c)
{
	return module_kho_restore_folio(c->machine, c->args[0].number);
}

gint64 call_kho_restore_pages(struct call *c)
{
	return on_pages(c, module_kho_restore_pages);
}

gint64 call_kho_restore_vmalloc(struct call *c)
{
	return module_kho_restore_vmalloc(c->machine, c->args[0].number);
}

gint64 call_kho_restore_free(struct call *c)
{
	return module_kho_restore_free(c->machine, c->args[0].number);
}

gint64 call_kho_add_subtree(struct call *c)
{
	return module_kho_add_subtree(c->machine, c->args[0].bytes, c->args[1].number);
}

gint64 call_kho_remove_subtree(struct call *c)
{
	return module_kho_remove_subtree(c->machine, c->args[0].number);
}

gint64 call_kho_retrieve_subtree(struct call *c)
{
	return module_kho_retrieve_subtree(c->machine, c->args[0].bytes);
}

gint64 call_kho_is_enabled(struct call *c)
{
	return module_kho_is_enabled(c->machine);
}

gint64 call_is_kho_boot(struct call *c)
{
	return module_is_kho_boot(c->machine);
}

gint64 call_reserve_mem_find_by_name(struct call *c)
{
	return module_reserve_mem_find_by_name(c->machine, c->args[0].bytes);
}

gint64 call_reserve_mem_release_by_name(struct call *c)
{
	return module_reserve_mem_release_by_name(c->machine, c->args[0].bytes);
}
