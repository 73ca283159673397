/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The view of what was and will be handed over in /sys/kernel/debug/kho
 * (kernel/liveupdate/kexec_handover_debugfs.c): files that show memory as it is, and
 * as long as it was when they were made.
 */
#include <libfdt.h>

#include "machine/machine.h"

#define pr_fmt "KHO: "

struct fdt_debugfs {
	struct list_head list;
	phys_addr_t data;
	u64 size;
	const char *dir;
	char name[];
};

static int blob_add(struct machine *m, const char *dir, const char *name, phys_addr_t blob,
		    u64 size)
{
	struct fdt_debugfs *f = kzalloc_nowait(m, sizeof(*f) + strlen(name) + 1);
	fdt32_t totalsize;

	if (!f)
		return -ENOMEM;
	/* Without the fix everything is an FDT, which says how large it is. */
	if (!has_fix(m, FIX_DEBUGFS_SIZE)) {
		phys_read(m, blob + offsetof(struct fdt_header, totalsize), &totalsize,
			  sizeof(totalsize));
		size = fdt32_to_cpu(totalsize);
	}
	f->data = blob;
	f->size = size;
	f->dir = dir;
	strcpy(f->name, name);
	list_add_tail(&f->list, &m->k->kho.debugfs);
	return 0;
}

int kho_debugfs_blob_add(struct machine *m, const char *name, phys_addr_t blob, u64 size,
			 bool root)
{
	if (!m->k->boot.debugfs)
		return 0;
	return blob_add(m, root ? "out" : "out/sub_fdts", name, blob, size);
}

void kho_debugfs_blob_remove(struct machine *m, phys_addr_t blob)
{
	struct fdt_debugfs *f;

	list_for_each_entry(f, &m->k->kho.debugfs, list) {
		if (f->data != blob || strncmp(f->dir, "out", 3))
			continue;
		list_del(&f->list);
		kfree(m, f, sizeof(*f) + strlen(f->name) + 1);
		return;
	}
}

static bool get_u64(const void *fdt, int node, const char *name, u64 *val, int *len)
{
	const void *prop = fdt_getprop(fdt, node, name, len);

	if (prop && *len == sizeof(*val))
		memcpy(val, prop, sizeof(*val));
	return prop;
}

static void add_child(struct machine *m, const void *fdt, int child)
{
	const char *name = fdt_get_name(fdt, child, NULL);
	u64 phys, size = 0;
	int len;

	if (!get_u64(fdt, child, kho_subtree_prop(m), &phys, &len))
		return;
	if (len != sizeof(phys)) {
		pr_warn(m, "node %s prop %s has invalid length: %d", name, kho_subtree_prop(m),
			len);
		return;
	}
	if (m->k->boot.release.blob_size &&
	    (!get_u64(fdt, child, "blob-size", &size, &len) || len != sizeof(size))) {
		pr_warn(m, "node %s missing or invalid blob-size property", name);
		return;
	}
	if (blob_add(m, "in/sub_fdts", name, phys, size))
		pr_warn(m, "failed to add blob %s to debugfs: -ENOMEM", name);
}

void kho_in_debugfs_init(struct machine *m, phys_addr_t phys)
{
	u8 fdt[PAGE_SIZE];
	int child;

	if (!m->k->boot.debugfs || kho_read_fdt(m, phys, fdt))
		return;
	if (blob_add(m, "in", "fdt", phys, fdt_totalsize(fdt))) {
		pr_err(m, "failed exposing handover FDT in debugfs: -ENOMEM");
		return;
	}
	fdt_for_each_subnode(child, fdt, 0)
		add_child(m, fdt, child);
}

static struct fdt_debugfs *find(struct machine *m, const char *path)
{
	struct fdt_debugfs *f;

	list_for_each_entry(f, &m->k->kho.debugfs, list) {
		size_t dir = strlen(f->dir);

		if (!strncmp(path, f->dir, dir) && path[dir] == '/' &&
		    !strcmp(path + dir + 1, f->name))
			return f;
	}
	return NULL;
}

static s64 do_read(struct machine *m, const char *path, void *buf, u64 len, u64 off)
{
	const struct fdt_debugfs *f = find(m, path);

	if (!f)
		return -ENOENT;
	if (off >= f->size)
		return 0;
	len = min(len, f->size - off);
	phys_read(m, f->data + off, buf, len);
	return len;
}

int64_t sys_read_kho_debugfs(struct machine *m, const char *path, void *buf, size_t len,
			     uint64_t off)
{
	SYSCALL(m, do_read(m, path, buf, len, off));
}
