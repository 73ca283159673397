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

gint64 call_vmalloc(struct call *c)
{
	return module_vmalloc(c->machine, c->args[0].number,
			      c->args[1].given ? c->args[1].number : VMALLOC_ZEROED);
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

/* ---- Those that are one call ---- */

#define NUMBER(i)	c->args[i].number
#define BYTES(i)	c->args[i].bytes

#define DEFINE_CALL(name, ...)						\
	gint64 call_##name(struct call *c)				\
	{								\
		return module_##name(c->machine, ##__VA_ARGS__);	\
	}
#define DEFINE_CALL_ON_PAGES(name)					\
	gint64 call_##name(struct call *c)				\
	{								\
		return on_pages(c, module_##name);			\
	}

DEFINE_CALL(folio_alloc, NUMBER(0))
DEFINE_CALL(folio_put, NUMBER(0))
DEFINE_CALL(alloc_contig_pages, NUMBER(0))
DEFINE_CALL(free_contig_range, NUMBER(0))
DEFINE_CALL(vfree, NUMBER(0))
DEFINE_CALL(mem_store, NUMBER(0), NUMBER(1), NUMBER(2))
DEFINE_CALL(mem_load, NUMBER(0), NUMBER(1))
DEFINE_CALL(kho_preserve_folio, NUMBER(0))
DEFINE_CALL(kho_unpreserve_folio, NUMBER(0))
DEFINE_CALL_ON_PAGES(kho_preserve_pages)
DEFINE_CALL_ON_PAGES(kho_unpreserve_pages)
DEFINE_CALL(kho_preserve_vmalloc, NUMBER(0))
DEFINE_CALL(kho_unpreserve_vmalloc, NUMBER(0))
DEFINE_CALL(kho_alloc_preserve, NUMBER(0))
DEFINE_CALL(kho_unpreserve_free, NUMBER(0))
DEFINE_CALL(kho_restore_folio, NUMBER(0))
DEFINE_CALL_ON_PAGES(kho_restore_pages)
DEFINE_CALL(kho_restore_vmalloc, NUMBER(0))
DEFINE_CALL(kho_restore_free, NUMBER(0))
DEFINE_CALL(kho_add_subtree, BYTES(0), NUMBER(1))
DEFINE_CALL(kho_remove_subtree, NUMBER(0))
DEFINE_CALL(kho_retrieve_subtree, BYTES(0))
DEFINE_CALL(kho_is_enabled)
DEFINE_CALL(is_kho_boot)
DEFINE_CALL(reserve_mem_find_by_name, BYTES(0))
DEFINE_CALL(reserve_mem_release_by_name, BYTES(0))
