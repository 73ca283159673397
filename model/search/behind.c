/* SPDX-License-Identifier: GPL-2.0-only */
/* What a call on a descriptor can reach: inodes, frames, sessions and their files. */
#include "machine/machine.h"
#include "kernel/liveupdate/luo_internal.h"
#include "search/walk.h"

/* Frames and objects are numbers of their own. */
#define OBJECT	(1ull << 63)

struct ids {
	u64 *at;
	size_t nr, max;
};

static void put(struct ids *ids, u64 id)
{
	if (ids->nr < ids->max)
		ids->at[ids->nr] = id;
	ids->nr++;
}

static void put_object(struct machine *m, struct ids *ids, const void *object)
{
	put(ids, OBJECT | object_id(m, object));
}

static void put_inode(struct machine *m, struct ids *ids, struct inode *inode)
{
	struct folio *folio;

	put_object(m, ids, inode);
	if (!inode->i_mapping.nrpages)
		return;
	for (u64 at = 0; (folio = filemap_next_folio(m, &inode->i_mapping, &at, UINT64_MAX));
	     at = folio_start(folio, at) + folio_nr_pages(folio))
		put(ids, folio_pfn(m, folio));
}

static void put_luo_file(struct machine *m, struct ids *ids, const struct luo_file *luo_file)
{
	const struct claim *claim;

	if (luo_file->file)
		put_inode(m, ids, file_inode(luo_file->file));
	if (!luo_file->claim)
		return;
	claim = m->ledger.claims[luo_file->claim - 1];
	for (u32 e = 0; e < claim->nr_extents; e++)
		for (u32 i = 0; i < claim->extents[e].nr; i++)
			put(ids, claim->extents[e].pfn + i);
}

size_t machine_behind(struct machine *m, int fd, uint64_t *at, size_t max)
{
	struct file *file = fdget_raw(m, fd);
	struct ids ids = { .at = at, .max = max };
	const struct luo_session *session;
	const struct luo_file *luo_file;

	if (!file)
		return 0;
	if (file->f_op != &luo_session_fops) {
		put_inode(m, &ids, file_inode(file));
		return ids.nr;
	}
	session = file->private_data;
	put_object(m, &ids, session);
	list_for_each_entry(luo_file, &session->file_set.files_list, list)
		put_luo_file(m, &ids, luo_file);
	return ids.nr;
}

/* Whoever told KHO of a frame first has it, as long as nobody else has it too. */
static bool is_shared(const struct machine *m, u32 nr)
{
	const struct claim *claim = m->ledger.claims[nr - 1];

	for (u32 e = 0; e < claim->nr_extents && claim->state != CLAIM_DONE; e++)
		for (u32 i = 0; i < claim->extents[e].nr; i++)
			if (m->ledger.ghost[claim->extents[e].pfn + i].claim != nr)
				return true;
	return false;
}

/* Of a reboot that failed, which the next one hands over whatever is there by then. */
static bool has_left(struct machine *m)
{
	const struct luo_session_header *sh = &m->k->luo.outgoing;
	struct luo_session_ser ser;
	struct kho_block *block;
	u64 at = sizeof(struct luo_session_header_ser);

	if (sh->header_ser &&
	    walk_left_entry(m, sh->header_ser, LUO_SESSION_PGCNT * PAGE_SIZE, &at, &ser))
		return true;
	list_for_each_entry(block, &sh->block_set.blocks, list) {
		at = sizeof(struct kho_block_header_ser);
		if (walk_left_entry(m, block->ser, PAGE_SIZE, &at, &ser))
			return true;
	}
	return false;
}

bool machine_shares(struct machine *m)
{
	for (u32 nr = m->ledger.first_claim + 1; nr <= m->ledger.nr_claims; nr++)
		if (is_shared(m, nr))
			return true;
	return has_left(m);
}
