/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What scripted handlers hand over: one page that says what the file is, and after
 * that which folios belong to it. Those of a memfd or of an own file are in its page
 * cache; of other files they are the handler's, as what a device has in memory is.
 */
#include "handlers/script_pages.h"

#define pr_fmt "scripted: "

/* The kind of @file that the script accepts, or NR_SCRIPT_KINDS. */
enum file_kind script_kind(struct machine *m, const struct handler_script *script,
			   const struct file *file)
{
	enum file_kind kind = 0;

	while (kind < NR_SCRIPT_KINDS &&
	       !(script->accepts & 1u << kind &&
		 (kind == FILE_OWN ? is_own_file(file, script - m->config.scripts) :
				     file_is_kind(m, file, kind))))
		kind++;
	return kind;
}

static bool has_cache(enum file_kind kind)
{
	return kind == FILE_MEMFD || kind == FILE_OWN;
}

static phys_addr_t entry_at(phys_addr_t phys, u64 i)
{
	return phys + offsetof(struct scripted_ser, pages) + i * sizeof(struct scripted_page);
}

static struct scripted_page read_entry(struct machine *m, phys_addr_t phys, u64 i)
{
	struct scripted_page page;

	phys_read(m, entry_at(phys, i), &page, sizeof(page));
	return page;
}

/* What a device wrote into its page @i, which must come back. */
static u64 device_word(u64 i)
{
	return 0x6465766963650000 + i;
}

static int add_page(struct machine *m, phys_addr_t phys, struct scripted_ser *ser,
		    struct folio *folio, u64 index)
{
	struct scripted_page page = { .pfn = folio_pfn(m, folio), .index = index };
	int err = ser->nr < MAX_SCRIPT_FOLIOS ? kho_preserve_folio(m, folio) : -EFBIG;

	if (!err)
		phys_write(m, entry_at(phys, ser->nr++), &page, sizeof(page));
	return err;
}

static int preserve_cache(struct machine *m, phys_addr_t phys, struct scripted_ser *ser,
			  struct address_space *mapping)
{
	struct folio *folio;
	int err = 0;

	for (u64 at = 0; !err && (folio = filemap_next_folio(m, mapping, &at, UINT64_MAX));
	     at = folio_start(folio, at) + folio_nr_pages(folio))
		err = add_page(m, phys, ser, folio, folio_start(folio, at));
	return err;
}

static int preserve_device(struct machine *m, phys_addr_t phys, struct scripted_ser *ser, u64 nr)
{
	int err = 0;

	for (u64 i = 0; !err && i < nr; i++) {
		struct folio *folio = folio_alloc(m, __GFP_ZERO, 0);
		u64 word = device_word(i);

		if (!folio)
			return -ENOMEM;
		phys_write(m, folio_phys(m, folio), &word, sizeof(word));
		err = add_page(m, phys, ser, folio, i);
		if (err)
			folio_put(m, folio);
	}
	return err;
}

static void unpreserve_pages(struct machine *m, phys_addr_t phys, const struct scripted_ser *ser)
{
	for (u64 i = ser->nr; i--; ) {
		struct folio *folio = pfn_folio(m, read_entry(m, phys, i).pfn);

		kho_unpreserve_folio(m, folio);
		if (!has_cache(ser->kind))
			folio_put(m, folio);
	}
}

/* False: no script hands that over. */
static bool read_ser(struct machine *m, const struct handler_script *script, phys_addr_t phys,
		     struct scripted_ser *ser)
{
	phys_read(m, phys, ser, sizeof(*ser));
	return ser->kind < NR_SCRIPT_KINDS &&
	       ser->nr <= (has_cache(ser->kind) ? MAX_SCRIPT_FOLIOS : script->folios);
}

u64 script_known(const struct machine *m, const struct handler_script *script)
{
	u64 known = 0;

	for (int i = 0; i < MAX_SCRIPT_FEATURES && *script->features[i].name; i++)
		if (script->features[i].first <= m->kernel_nr &&
		    m->kernel_nr <= script->features[i].last)
			known |= 1ull << i;
	return known;
}

static u64 features_of(struct machine *m, const struct handler_script *script, struct file *file)
{
	u64 known = script_known(m, script), used = 0;

	for (int i = 0; i < MAX_SCRIPT_FEATURES; i++)
		if (known & 1ull << i &&
		    (!script->features[i].uses.nr ||
		     script_eval(m, &script->features[i].uses, file, false, 0)))
			used |= 1ull << i;
	return used;
}

u64 script_features(struct machine *m, u64 serialized_data)
{
	u64 features;

	phys_read(m, serialized_data + offsetof(struct scripted_ser, features), &features,
		  sizeof(features));
	return features;
}

int script_save(struct machine *m, const struct handler_script *script, struct file *file,
		phys_addr_t *physp)
{
	struct scripted_ser ser = {
		.kind = script_kind(m, script, file),
		.state = kind_state(file),
		.size = i_size_read(file_inode(file)),
		.seals = file_inode(file)->seals,
		.features = features_of(m, script, file),
	};
	phys_addr_t phys;
	int err = kho_alloc_preserve(m, PAGE_SIZE, &phys);

	if (err)
		return err;
	if (has_cache(ser.kind))
		err = preserve_cache(m, phys, &ser, &file_inode(file)->i_mapping);
	else
		err = preserve_device(m, phys, &ser, script->folios);
	if (err) {
		unpreserve_pages(m, phys, &ser);
		kho_unpreserve_free(m, phys);
		return err;
	}
	phys_write(m, phys, &ser, sizeof(ser));
	*physp = phys;
	return 0;
}

void script_save_state(struct machine *m, const struct handler_script *script, struct file *file,
		       phys_addr_t phys)
{
	u32 kind = script_kind(m, script, file);
	u64 state = kind_state(file), features = features_of(m, script, file);

	phys_write(m, phys + offsetof(struct scripted_ser, kind), &kind, sizeof(kind));
	phys_write(m, phys + offsetof(struct scripted_ser, state), &state, sizeof(state));
	phys_write(m, phys + offsetof(struct scripted_ser, features), &features, sizeof(features));
}

void script_unsave(struct machine *m, const struct handler_script *script, phys_addr_t phys)
{
	struct scripted_ser ser;

	if (phys && read_ser(m, script, phys, &ser))
		unpreserve_pages(m, phys, &ser);
	kho_unpreserve_free(m, phys);
}

static int put_into_cache(struct machine *m, struct file *file, struct folio *folio, u64 index)
{
	struct inode *inode = file_inode(file);
	int err;

	if (!inode->is_shmem)
		err = filemap_add_folio(m, &inode->i_mapping, folio, index);
	else
		err = shmem_add_to_page_cache(m, folio, &inode->i_mapping, index);
	if (err)
		return err;
	folio_mark_uptodate(folio);
	folio_mark_dirty(folio);
	if (!inode->is_shmem)
		return 0;
	err = shmem_inode_acct_blocks(m, inode, folio_nr_pages(folio));
	if (err)
		filemap_remove_folio_at(m, &inode->i_mapping, folio, index);
	else
		shmem_recalc_inode(m, inode, folio_nr_pages(folio));
	return err;
}

/* One folio comes back: to @file, to the device that @file is, or with NULL to nobody. */
static int restore_page(struct machine *m, const struct scripted_page *page, bool cached,
			struct file *file)
{
	struct folio *folio = kho_restore_folio(m, PFN_PHYS(page->pfn));
	u64 word;
	int err = 0;

	if (!folio)
		return -EIO;
	phys_read(m, folio_phys(m, folio), &word, sizeof(word));
	if (file && cached)
		err = put_into_cache(m, file, folio, page->index);
	else if (!cached && word != device_word(page->index))
		err = -EIO;
	folio_put(m, folio);
	return err;
}

/* All come back, also after one that does not. */
static int restore_pages(struct machine *m, phys_addr_t phys, const struct scripted_ser *ser,
			 struct file *file)
{
	int first = 0;

	for (u64 i = 0; i < ser->nr; i++) {
		struct scripted_page page = read_entry(m, phys, i);
		int err = restore_page(m, &page, has_cache(ser->kind), first ? NULL : file);

		first = first ? first : err;
	}
	if (first)
		pr_err(m, "a folio did not come back: %d", first);
	return first;
}

static struct file *open_again(struct machine *m, const struct handler_script *script,
			       const struct scripted_ser *ser)
{
	struct file *file;
	int err = 0;

	if (ser->kind == FILE_OWN)
		file = own_file(m, script - m->config.scripts);
	else
		file = open_kind(m, ser->kind);
	if (IS_ERR(file) || !has_cache(ser->kind))
		return file;
	if (ser->kind == FILE_MEMFD)
		err = memfd_add_seals(m, file, ser->seals);
	i_size_write(m, file_inode(file), ser->size);
	if (!err)
		return file;
	fput(m, file);
	return ERR_PTR(err);
}

int script_restore(struct machine *m, const struct handler_script *script, phys_addr_t phys,
		   struct file **filep)
{
	struct scripted_ser ser;
	struct file *file;
	int err;

	if (!read_ser(m, script, phys, &ser))
		return -EINVAL;
	file = open_again(m, script, &ser);
	if (IS_ERR(file))
		return PTR_ERR(file);
	/* What a feature says that this kernel does not know is not understood. */
	if (!(script->loses & LOSES_STATE) && !(ser.features & ~script_known(m, script)))
		kind_set_state(file, ser.state);
	err = restore_pages(m, phys, &ser, script->loses & LOSES_BYTES ? NULL : file);
	kho_restore_free(m, phys);
	if (err) {
		fput(m, file);
		return err;
	}
	*filep = file;
	return 0;
}

void script_discard(struct machine *m, const struct handler_script *script, phys_addr_t phys)
{
	struct scripted_ser ser;

	if (read_ser(m, script, phys, &ser))
		restore_pages(m, phys, &ser, NULL);
	kho_restore_free(m, phys);
}

void script_walk(struct machine_walk *w, struct machine *m,
		 struct liveupdate_file_handler *handler, u64 phys)
{
	struct scripted_ser ser;

	(void)handler;
	walk_words(w, phys, 2);
	if (!phys_valid(m, phys, PAGE_SIZE))
		return;
	phys_read(m, phys, &ser, sizeof(ser));
	if (has_cache(ser.kind)) {
		walk_put(w, ser.size);
		walk_put(w, ser.seals);
	}
	if (ser.features)
		walk_put(w, ser.features);
	for (u64 i = 0; ser.nr <= MAX_SCRIPT_FOLIOS && i < ser.nr; i++) {
		struct scripted_page page = read_entry(m, phys, i);

		walk_put(w, page.index);
		walk_frame(w, page.pfn);
	}
}
