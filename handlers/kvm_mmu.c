/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page tables of a virtual machine, two levels of them, and what is handed over of those
 * for vCPUs that run on through kexec (arch/x86/kvm/mmu/kho.c, kvm_caretaker.c). The
 * hardware finds them by their addresses: in the next kernel they are where they were.
 */
#include "kvm.h"

#define KVM_PRESENT	1ull
#define KVM_LEAF	0x80ull		/* maps memory, and no other table */
#define KVM_FLAGS	(PAGE_SIZE - 1)
#define KVM_ENTRIES	(PAGE_SIZE / sizeof(u64))
#define KVM_ATTEMPTS	5

struct kvm_kho_folios_ser {
	u64 nr_folios;
	u64 folios_pa[];		/* the root first; the kernel sorts them */
};

/* Addresses of tables. Without an array they are only counted. */
struct kvm_kho_pages {
	u64 *pages;
	u64 nr;
	u64 capacity;
	bool overflow;
};

static phys_addr_t slot_of(phys_addr_t table, u64 gpa, bool leaf)
{
	return table + (gpa >> (leaf ? 12 : 21)) % KVM_ENTRIES * sizeof(u64);
}

static u64 read_entry(phys_addr_t table, u64 gpa, bool leaf)
{
	u64 entry;

	memcpy_from_phys(&entry, slot_of(table, gpa, leaf), sizeof(entry));
	return entry;
}

static void write_entry(phys_addr_t table, u64 gpa, bool leaf, u64 entry)
{
	memcpy_to_phys(slot_of(table, gpa, leaf), &entry, sizeof(entry));
}

/* The address of a new table, or 0. */
static phys_addr_t new_table(void)
{
	struct folio *folio = folio_alloc(GFP_KERNEL | __GFP_ZERO, 0);

	return folio ? PFN_PHYS(folio_pfn(folio)) : 0;
}

int kvm_mmu_map(struct kvm_mmu *mmu, u64 gpa)
{
	u64 entry;

	if (!mmu->root)
		mmu->root = new_table();
	if (!mmu->root)
		return -ENOMEM;
	entry = read_entry(mmu->root, gpa, false);
	if (!entry) {
		entry = new_table();
		if (!entry)
			return -ENOMEM;
		entry |= KVM_PRESENT;
		write_entry(mmu->root, gpa, false, entry);
	}
	write_entry(entry & ~KVM_FLAGS, gpa, true, (gpa & ~KVM_FLAGS) | KVM_LEAF | KVM_PRESENT);
	return 0;
}

int kvm_mmu_lookup(const struct kvm_mmu *mmu, u64 gpa)
{
	phys_addr_t root = mmu->root;
	u64 entry;

	if (mmu->incoming)
		memcpy_from_phys(&root, mmu->incoming +
				 offsetof(struct kvm_kho_folios_ser, folios_pa), sizeof(root));
	if (!root)
		return 0;
	entry = read_entry(root, gpa, false);
	if (!entry)
		return 0;
	if ((entry & KVM_FLAGS) != KVM_PRESENT)
		return -EFAULT;
	entry = read_entry(entry & ~KVM_FLAGS, gpa, true);
	if (!entry)
		return 0;
	return entry == ((gpa & ~KVM_FLAGS) | KVM_LEAF | KVM_PRESENT) ? 1 : -EFAULT;
}

/* @put with the address of each table and @data, those behind the root before it. */
static void each_table(const struct kvm_mmu *mmu, void (*put)(phys_addr_t table, void *data),
		       void *data)
{
	if (!mmu->root)
		return;
	for (u64 i = 0; i < KVM_ENTRIES; i++) {
		u64 entry = read_entry(mmu->root, i << 21, false);

		if (entry)
			put(entry & ~KVM_FLAGS, data);
	}
	put(mmu->root, data);
}

static void free_table(phys_addr_t table, void *unused)
{
	(void)unused;
	folio_put(pfn_folio(PHYS_PFN(table)));
}

void kvm_mmu_zap(struct kvm_mmu *mmu)
{
	each_table(mmu, free_table, NULL);
	mmu->root = 0;
}

static void walk_table(phys_addr_t table, void *unused)
{
	(void)unused;
	luosim_walk_pfn(PHYS_PFN(table));
	luosim_walk_folio(pfn_folio(PHYS_PFN(table)));
}

void kvm_mmu_walk(const struct kvm_mmu *mmu)
{
	each_table(mmu, walk_table, NULL);
	luosim_walk(mmu->incoming);
}

/* What is handed over. */

static void kvm_kho_pages_add(phys_addr_t table, void *data)
{
	struct kvm_kho_pages *acc = data;

	if (acc->pages && acc->nr == acc->capacity)
		acc->overflow = true;
	else if (acc->pages)
		acc->pages[acc->nr++] = table;
	else
		acc->nr++;
}

/* Count them, and write them down; once more when others have come while there was none. */
static int kvm_mmu_collect_all(const struct kvm_mmu *mmu, struct kvm_kho_pages *acc)
{
	for (int attempt = 0; attempt < KVM_ATTEMPTS; attempt++) {
		acc->nr = 0;
		acc->overflow = false;
		each_table(mmu, kvm_kho_pages_add, acc);
		if (acc->pages && !acc->overflow)
			return 0;
		acc->capacity = acc->nr + (acc->nr >> 2) + 16;
		kfree(acc->pages);
		acc->pages = kzalloc(acc->capacity * sizeof(*acc->pages), GFP_KERNEL);
		if (!acc->pages)
			return -ENOMEM;
	}
	return acc->overflow ? -EAGAIN : 0;
}

static int preserve_tables(const struct kvm_kho_pages *acc, phys_addr_t *folios_pa)
{
	const u64 nr = acc->nr;
	struct kvm_kho_folios_ser *kp = kho_alloc_preserve(sizeof(*kp) + nr * sizeof(u64));
	int err;

	if (IS_ERR(kp))
		return PTR_ERR(kp);
	*folios_pa = virt_to_phys(kp);
	for (u64 i = 0; i < nr; i++) {
		err = kho_preserve_folio(pfn_folio(PHYS_PFN(acc->pages[i])));
		if (err) {
			while (i--)
				kho_unpreserve_folio(pfn_folio(PHYS_PFN(acc->pages[i])));
			kho_unpreserve_free(kp);
			*folios_pa = 0;
			return err;
		}
		memcpy_to_phys(*folios_pa + sizeof(*kp) + (nr - 1 - i) * sizeof(u64),
			       &acc->pages[i], sizeof(u64));
	}
	memcpy_to_phys(*folios_pa, &nr, sizeof(nr));
	return 0;
}

int kvm_mmu_preserve_kho(const struct kvm_mmu *mmu, phys_addr_t *folios_pa)
{
	struct kvm_kho_pages acc = { .pages = NULL };
	int err = kvm_mmu_collect_all(mmu, &acc);

	if (!err && acc.nr)
		err = preserve_tables(&acc, folios_pa);
	kfree(acc.pages);
	return err;
}

/* @put with the address of each folio in the list. */
static void each_folio(phys_addr_t folios_pa, void (*put)(phys_addr_t table))
{
	u64 nr, table;

	memcpy_from_phys(&nr, folios_pa, sizeof(nr));
	for (u64 i = 0; i < nr; i++) {
		memcpy_from_phys(&table, folios_pa + sizeof(struct kvm_kho_folios_ser) +
				 i * sizeof(table), sizeof(table));
		put(table);
	}
}

static void unpreserve_table(phys_addr_t table)
{
	kho_unpreserve_folio(pfn_folio(PHYS_PFN(table)));
}

void kvm_kho_folios_unpreserve(phys_addr_t folios_pa)
{
	if (!folios_pa)
		return;
	each_folio(folios_pa, unpreserve_table);
	kho_unpreserve_free(phys_to_virt(folios_pa));
}

void kvm_kho_folios_finish(phys_addr_t folios_pa)
{
	if (!folios_pa)
		return;
	each_folio(folios_pa, luosim_restore_free);
	luosim_restore_free(folios_pa);
}
