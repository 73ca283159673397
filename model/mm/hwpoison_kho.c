/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The list of pages with memory errors, handed over by KHO (mm/hwpoison_kho.c, posted in 2026):
 * an array of frame numbers that grows, and a header, which is the subtree "hwpoison". The next
 * kernel says memory_failure() of each.
 */
#include "machine/machine.h"

#define pr_fmt "hwpoison-kho: "

#define KHO_HWPOISON_NODE_NAME		"hwpoison"
#define KHO_HWPOISON_METADATA_VERSION	1
#define HWPOISON_KHO_MIN_PFNS		512

struct kho_hwpoison_metadata {
	u32 version;
	u32 pad;
	u64 count;
	struct kho_vmalloc pfns;
} __packed;

static struct kho_hwpoison_metadata read_hdr(struct machine *m, phys_addr_t phys)
{
	struct kho_hwpoison_metadata hdr;

	phys_read(m, phys, &hdr, sizeof(hdr));
	return hdr;
}

static int publish(struct machine *m)
{
	struct hwpoison_kho *hk = &m->k->hwpoison_kho;
	int err;

	if (hk->replaying || hk->published)
		return 0;
	err = kho_add_subtree(m, KHO_HWPOISON_NODE_NAME, hk->hdr,
			      sizeof(struct kho_hwpoison_metadata));
	hk->published = !err;
	return err;
}

static void copy_pfns(struct machine *m, struct vm_struct *to, const struct vm_struct *from,
		      u64 count)
{
	u64 pfn;

	for (u64 i = 0; i < count; i++) {
		vmalloc_read(m, from, i * sizeof(pfn), &pfn, sizeof(pfn));
		vmalloc_write(m, to, i * sizeof(pfn), &pfn, sizeof(pfn));
	}
}

/* Room for twice as many, in an array that takes the place of the old one. */
static int grow(struct machine *m, struct kho_hwpoison_metadata *hdr)
{
	struct hwpoison_kho *hk = &m->k->hwpoison_kho;
	u64 capacity = hk->capacity ? 2 * hk->capacity : HWPOISON_KHO_MIN_PFNS;
	struct vm_struct *pfns = vcalloc(m, capacity, sizeof(u64));
	struct kho_vmalloc pres;
	int err;

	if (!pfns)
		return -ENOMEM;
	err = kho_preserve_vmalloc(m, pfns, &pres);
	if (err) {
		vfree(m, pfns);
		return err;
	}
	if (hk->pfns) {
		copy_pfns(m, pfns, hk->pfns, hdr->count);
		kho_unpreserve_vmalloc(m, &hdr->pfns);
		vfree(m, hk->pfns);
	}
	hk->pfns = pfns;
	hk->capacity = capacity;
	hdr->pfns = pres;
	return 0;
}

static int ensure_hdr(struct machine *m)
{
	static const struct kho_hwpoison_metadata empty = {
		.version = KHO_HWPOISON_METADATA_VERSION,
	};
	struct hwpoison_kho *hk = &m->k->hwpoison_kho;
	int err;

	if (hk->hdr)
		return 0;
	err = kho_alloc_preserve(m, sizeof(empty), &hk->hdr);
	if (!err)
		phys_write(m, hk->hdr, &empty, sizeof(empty));
	return err;
}

static int record(struct machine *m, u64 pfn, const char **what)
{
	struct hwpoison_kho *hk = &m->k->hwpoison_kho;
	struct kho_hwpoison_metadata hdr;
	int err;

	*what = "hdr alloc";
	err = ensure_hdr(m);
	if (err)
		return err;
	*what = "grow";
	hdr = read_hdr(m, hk->hdr);
	if (hdr.count + 1 > hk->capacity) {
		err = grow(m, &hdr);
		if (err)
			return err;
	}
	vmalloc_write(m, hk->pfns, hdr.count++ * sizeof(pfn), &pfn, sizeof(pfn));
	phys_write(m, hk->hdr, &hdr, sizeof(hdr));
	*what = "publish";
	return publish(m);
}

void hwpoison_kho_record(struct machine *m, u64 pfn)
{
	static const char site;
	struct census before = ledger_counts(m);
	const char *what;
	int err;

	if (!kho_is_enabled(m) || !has_fix(m, FIX_HWPOISON_KHO))
		return;
	err = record(m, pfn, &what);
	if (err)
		printk_ratelimited(m, &site, LOG_WARN,
				   pr_fmt "PFN 0x%llx not preserved: %s %d",
				   (unsigned long long)pfn, what, err);
	/* The list stays for as long as the kernel. */
	ledger_kept(m, &before);
}

static void replay(struct machine *m, phys_addr_t phys)
{
	struct kho_hwpoison_metadata src = read_hdr(m, phys);
	struct vm_struct *pfns = kho_restore_vmalloc(m, &src.pfns);
	u64 pfn;
	int err;

	if (!pfns)
		return;
	pr_info(m, "re-poisoning %llu pages from previous kernel", (unsigned long long)src.count);
	m->k->hwpoison_kho.replaying = true;
	for (u64 i = 0; i < src.count; i++) {
		vmalloc_read(m, pfns, i * sizeof(pfn), &pfn, sizeof(pfn));
		err = memory_failure(m, pfn);
		if (err && err != -EHWPOISON)
			pr_warn(m, "re-poison PFN 0x%llx failed: %d", (unsigned long long)pfn,
				err);
	}
	m->k->hwpoison_kho.replaying = false;
	publish(m);
	vfree(m, pfns);
}

void hwpoison_kho_init(struct machine *m)
{
	struct kho_hwpoison_metadata src = { 0 };
	phys_addr_t phys;
	u64 size = 0;
	int err;

	if (!kho_is_enabled(m) || !has_fix(m, FIX_HWPOISON_KHO))
		return;
	err = kho_retrieve_subtree(m, KHO_HWPOISON_NODE_NAME, &phys, &size);
	if (err == -ENOENT)
		return;
	if (err) {
		pr_warn(m, "retrieve failed: %d", err);
		return;
	}
	if (size < sizeof(src.version)) {
		pr_warn(m, "blob too small (%llu bytes)", (unsigned long long)size);
		return;
	}
	phys_read(m, phys, &src.version, sizeof(src.version));
	if (src.version != KHO_HWPOISON_METADATA_VERSION)
		pr_warn(m, "metadata version %u not supported (expected %u)", src.version,
			KHO_HWPOISON_METADATA_VERSION);
	else if (size < sizeof(src))
		pr_warn(m, "blob too small for v%u (%llu < %zu)", src.version,
			(unsigned long long)size, sizeof(src));
	else
		replay(m, phys);
}
