/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a tree's kernel hands over, as the model's structures have it: read back from the
 * bytes that it has serialized, with the tree's own layout.
 */
#include <libfdt.h>
#include <stdlib.h>

#include "luosim-search.h"
#include "engine/engine.h"
#include "kernel/liveupdate/kho_track.h"
#include "machine/machine.h"

/* Of a chain or an array that a tree's code has written wrongly. */
#define MAX_BLOCKS	1024

/* ---- Layouts ---- */

static const struct engine_member *member_of(const struct machine *m, const char *type,
					     const char *name)
{
	const struct engine_member *member = m->k->boot.release.tree->kernel->members;

	while (member->type && (strcmp(member->type, type) || strcmp(member->name, name)))
		member++;
	return member->type ? member : NULL;
}

bool tree_member(const struct machine *m, const char *type, const char *name, u32 *offset,
		 u32 *size)
{
	const struct engine_member *member = member_of(m, type, name);

	if (!member)
		return false;
	*offset = member->offset;
	*size = member->size;
	return true;
}

u32 layout_offset(const struct machine *m, const char *type, const char *name, u32 offset)
{
	u32 size;

	if (m->k->boot.release.tree)
		tree_member(m, type, name, &offset, &size);
	return offset;
}

u32 layout_size(const struct machine *m, const char *type, u32 size)
{
	u32 offset;

	if (m->k->boot.release.tree)
		tree_member(m, type, "-", &offset, &size);
	return size;
}

/* ---- Reading ---- */

/* What cannot be read is 0. */
static u64 read_u64(struct machine *m, phys_addr_t phys)
{
	u64 word = 0;

	if (phys_valid(m, phys, sizeof(word)))
		phys_read(m, phys, &word, sizeof(word));
	return word;
}

static void read_name(struct machine *m, phys_addr_t phys, char *name, u32 size)
{
	if (phys_valid(m, phys, size))
		phys_read(m, phys, name, size);
	name[size - 1] = '\0';
}

static void *new_object(struct machine *m, u64 size)
{
	void *object = arena_alloc(&m->heap, size);

	if (!object)
		simulator_panic(m, "host memory reserved for the heap is used up");
	return object;
}

/* ---- Blocks, sessions, files ---- */

static void read_blocks(struct machine *m, struct kho_block_set *bs, u64 head, u64 entry_size)
{
	u32 next = OFFSET_IN(m, kho_block_header_ser, next), nr = 0;

	kho_block_set_init(bs, entry_size,
			   (PAGE_SIZE - SIZE_IN(m, kho_block_header_ser)) / entry_size);
	for (; head && nr < MAX_BLOCKS; head = read_u64(m, head + next), nr++) {
		struct kho_block *block = new_object(m, sizeof(*block));

		block->ser = head;
		list_add_tail(&block->list, &bs->blocks);
	}
}

typedef void (*entry_fn)(struct machine *m, void *data, phys_addr_t at);

/* Call @entry for each entry of the chain of blocks, @most at most. */
static void each_in_blocks(struct machine *m, u64 head, u64 most, u64 size, entry_fn entry,
			   void *data)
{
	u32 header = SIZE_IN(m, kho_block_header_ser);

	for (u32 n = 0; head && n < MAX_BLOCKS; n++) {
		u64 nr = read_u64(m, head + OFFSET_IN(m, kho_block_header_ser, count));

		for (u64 i = 0; i < min(nr, (PAGE_SIZE - header) / size) && most; i++, most--)
			entry(m, data, head + header + i * size);
		head = read_u64(m, head + OFFSET_IN(m, kho_block_header_ser, next));
	}
}

static void each_in_array(struct machine *m, u64 array, u64 nr, u64 size, entry_fn entry,
			  void *data)
{
	for (u64 i = 0; array && i < nr; i++)
		entry(m, data, array + i * size);
}

/* Of the files of a session that has @count in what lies at @head. */
static void each_file(struct machine *m, u64 head, u64 count, entry_fn entry, void *data)
{
	u64 size = SIZE_IN(m, luo_file_ser);

	if (m->k->boot.release.luo_ser)
		each_in_blocks(m, head, count, size, entry, data);
	else
		each_in_array(m, head, min(count, LUO_FILE_PGCNT * PAGE_SIZE / size), size, entry,
			      data);
}

static void add_file(struct machine *m, void *data, phys_addr_t at)
{
	struct luo_file_set *files = data;
	struct luo_file *file = new_object(m, sizeof(*file));
	char compatible[LIVEUPDATE_HNDL_COMPAT_LENGTH] = "";

	read_name(m, at + OFFSET_IN(m, luo_file_ser, compatible), compatible, sizeof(compatible));
	file->token = read_u64(m, at + OFFSET_IN(m, luo_file_ser, token));
	file->serialized_data = read_u64(m, at + OFFSET_IN(m, luo_file_ser, data));
	/* No other handler's data has fields of its own. */
	if (!strncmp(compatible, "memfd-", 6))
		file->fh = &m->k->luo.memfd_handler;
	else
		file->fh = new_object(m, sizeof(*file->fh));
	list_add_tail(&file->list, &files->files_list);
}

static void add_session(struct machine *m, void *data, phys_addr_t at)
{
	struct luo_session_header *sh = data;
	struct luo_session *session = new_object(m, sizeof(*session));
	struct luo_file_set *files = &session->file_set;
	u64 head, count;

	read_name(m, at + OFFSET_IN(m, luo_session_ser, name), session->name,
		  sizeof(session->name));
	head = read_u64(m, at + OFFSET_IN(m, luo_session_ser, file_set_ser.files));
	count = read_u64(m, at + OFFSET_IN(m, luo_session_ser, file_set_ser.count));
	list_add_tail(&session->list, &sh->list);
	INIT_LIST_HEAD(&files->files_list);
	INIT_LIST_HEAD(&files->block_set.blocks);
	files->files = head;
	if (m->k->boot.release.luo_ser)
		read_blocks(m, &files->block_set, head, SIZE_IN(m, luo_file_ser));
	each_file(m, head, count, add_file, files);
}

/* The ledger learns which file each token is of, now. */
struct incoming_session {
	const void *in_tree;
	const char *name;
};

static void claim_file(struct machine *m, void *data, phys_addr_t at)
{
	const struct incoming_session *session = data;
	u64 token = read_u64(m, at + OFFSET_IN(m, luo_file_ser, token));
	u64 phys = read_u64(m, at + OFFSET_IN(m, luo_file_ser, data));
	u32 claim = ledger_incoming(m, phys, session->name, token);

	census_add(m, CENSUS_LUO_FILES, 1);
	if (!claim)
		return;
	m->ledger.claims[claim - 1]->data_phys = phys;
	m->ledger.claims[claim - 1]->in_session = session->in_tree;
}

void tree_handover_claim(struct machine *m, const void *session, const char *name, u64 files,
			 u64 count)
{
	struct incoming_session in = { .in_tree = session, .name = name };

	each_file(m, files, count, claim_file, &in);
}

/* ---- Either form of LUO's part ---- */

static void read_luo_ser(struct machine *m, phys_addr_t ser)
{
	struct luo_session_header *sh = &m->k->luo.outgoing;

	read_blocks(m, &sh->block_set, read_u64(m, ser + OFFSET_IN(m, luo_ser, sessions_pa)),
		    SIZE_IN(m, luo_session_ser));
	each_in_blocks(m, read_u64(m, ser + OFFSET_IN(m, luo_ser, sessions_pa)), UINT64_MAX,
		       SIZE_IN(m, luo_session_ser), add_session, sh);
	m->k->luo.flb_outgoing = read_u64(m, ser + OFFSET_IN(m, luo_ser, flbs_pa));
}

static phys_addr_t prop_in(const void *fdt, const char *node, const char *name)
{
	int off = *node ? fdt_subnode_offset(fdt, 0, node) : 0, len = 0;
	const void *prop = off < 0 ? NULL : fdt_getprop(fdt, off, name, &len);
	phys_addr_t phys = 0;

	if (prop && len == sizeof(phys))
		memcpy(&phys, prop, sizeof(phys));
	return phys;
}

static void read_luo_fdt(struct machine *m, phys_addr_t phys)
{
	struct luo_session_header *sh = &m->k->luo.outgoing;
	u64 size = SIZE_IN(m, luo_session_ser), count;
	phys_addr_t at;
	u8 fdt[PAGE_SIZE];

	if (!phys || kho_read_fdt(m, phys, fdt))
		return;
	m->k->luo.flb_outgoing = prop_in(fdt, LUO_FDT_FLB_NODE, LUO_FDT_FLB_HEADER);
	at = prop_in(fdt, LUO_FDT_SESSION_NODE, LUO_FDT_SESSION_HEADER);
	if (!at)
		return;
	sh->header_ser = at;
	count = read_u64(m, at + OFFSET_IN(m, luo_session_header_ser, count));
	each_in_array(m, at + SIZE_IN(m, luo_session_header_ser),
		      min(count, LUO_SESSION_PGCNT * PAGE_SIZE / size), size, add_session, sh);
}

/* ---- What is kept ---- */

void tree_handover_read(struct machine *m, phys_addr_t phys)
{
	struct kernel *k = m->k;
	phys_addr_t map, luo;
	u8 fdt[PAGE_SIZE];

	k->kho.fdt = phys;
	INIT_LIST_HEAD(&k->luo.outgoing.list);
	INIT_LIST_HEAD(&k->luo.outgoing.block_set.blocks);
	if (!phys || kho_read_fdt(m, phys, fdt))
		return;
	map = prop_in(fdt, "", KHO_FDT_MEMORY_MAP);
	if (k->boot.release.kho_radix)
		k->kho.tree_root = map;
	else
		kho_track_read(m, map);
	k->kho.finalized = true;
	luo = prop_in(fdt, LUO_KHO_ENTRY_NAME, kho_subtree_prop(m));
	if (luo && k->boot.release.luo_ser)
		read_luo_ser(m, luo);
	else
		read_luo_fdt(m, luo);
}

/* ---- Before it is time ---- */

/* What stops it ends here. */
static void end_kernel(struct machine *m, void (*then)(struct machine *m, void *data), void *data)
{
	phys_addr_t fdt;

	if (setjmp(m->task->panic_env))
		return;
	fdt = tree_fill_kimage(m);
	if (tree_reboot(m))
		return;
	tree_handover_read(m, fdt);
	then(m, data);
}

int tree_handover_try(struct machine *m, void (*then)(struct machine *m, void *data), void *data)
{
	struct machine_snapshot before = { 0 };
	int err = machine_save(m, &before);

	if (err)
		return err;
	m->config.emit = NULL;
	m->task->faults.nr = 0;
	m->task->call_depth = 0;
	end_kernel(m, then, data);
	machine_restore(m, &before);
	machine_snapshot_free(&before);
	return 0;
}
