/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where each field of a handover is. A field is named by a path such as
 * "session[vm0].count"; fields[] has them all. The running kernel's structures say
 * where things are, so that nothing that was damaged can lead astray.
 */
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>

#include "handlers/plugin.h"
#include "search/handover.h"
#include "kernel/liveupdate/kho_track.h"
#include "machine/machine.h"

struct field_pattern {
	const char *path;
	/* Store in @place where the object is whose field this is; 0 or -ENOENT. */
	int (*find)(struct machine *m, const struct args *args, const struct field_pattern *field,
		    struct handover_place *place);
	u32 offset;		/* in that object, unless a tree says otherwise: */
	const char *type, *member;
	u32 bits;		/* of a number; 0 of a string or an object */
	u32 bytes;		/* of a string; 0 of a number or an object */
	u32 shift;
	bool address;		/* of something else that is handed over */
	bool is_prop;		/* a property of an FDT, whose size is there */
	const char *node;	/* of LUO's FDT; "" for the root */
	const char *prop;	/* its name, or NULL for the name of the node */
};

static int found(struct handover_place *place, phys_addr_t phys)
{
	place->phys = phys;
	return phys ? 0 : -ENOENT;
}

/* FDTs. */

static int find_kho(struct machine *m, const struct args *args, const struct field_pattern *field,
		    struct handover_place *place)
{
	(void)args;
	place->big_endian = field->bits == 32;
	return found(place, m->k->kho.fdt);
}

/* The value of a property of @node, or the name of that. */
static int find_in_fdt(struct machine *m, phys_addr_t phys, const char *node, const char *prop,
		       struct handover_place *place)
{
	u8 fdt[PAGE_SIZE];
	const char *at;
	int off = 0, len;

	if (!phys || kho_read_fdt(m, phys, fdt))
		return -ENOENT;
	if (*node)
		off = fdt_subnode_offset(fdt, 0, node);
	if (off < 0)
		return -ENOENT;
	at = prop ? fdt_getprop(fdt, off, prop, &len) : fdt_get_name(fdt, off, &len);
	if (!at || !len)
		return -ENOENT;
	place->bytes = place->bits ? 0 : len;
	return found(place, phys + (at - (const char *)fdt));
}

static int find_kho_prop(struct machine *m, const struct args *args,
			 const struct field_pattern *field,
			 struct handover_place *place)
{
	return find_in_fdt(m, m->k->kho.fdt, args->name, field->prop, place);
}

static int find_subtree(struct machine *m, const struct args *args,
			const struct field_pattern *field,
			struct handover_place *place)
{
	(void)field;
	return find_in_fdt(m, m->k->kho.fdt, args->name, kho_subtree_prop(m), place);
}

static phys_addr_t subtree(struct machine *m, const char *name)
{
	struct handover_place place = { .bits = 64 };
	phys_addr_t phys = 0;

	if (!find_in_fdt(m, m->k->kho.fdt, name, kho_subtree_prop(m), &place))
		phys_read(m, place.phys, &phys, sizeof(phys));
	return phys;
}

/* A chunk of the map of preserved pages, up to 7.0, once that is written. */
static int find_map_chunk(struct machine *m, const struct args *args,
			  const struct field_pattern *field,
			  struct handover_place *place)
{
	struct handover_place map = { .bits = 64 };
	phys_addr_t chunk;

	(void)field;
	if (!m->k->boot.release.kho_radix && m->k->kho.fdt && !m->k->kho.finalized)
		return -EAGAIN;
	if (m->k->boot.release.kho_radix ||
	    find_in_fdt(m, m->k->kho.fdt, "", KHO_FDT_MEMORY_MAP, &map))
		return -ENOENT;
	chunk = phys_read_u64(m, map.phys);
	for (u64 nr = args->index[0]; chunk && nr; nr--)
		chunk = phys_read_u64(m, chunk);
	return found(place, chunk);
}

/* What it says of a bitmap; after the last one there is room for more. */
static int find_map_bitmap(struct machine *m, const struct args *args,
			   const struct field_pattern *field,
			   struct handover_place *place)
{
	int err = args->index[1] < KHOSER_BITMAP_SIZE ? find_map_chunk(m, args, field, place) :
							-ENOENT;

	if (err)
		return err;
	place->phys += SIZE_IN(m, khoser_mem_chunk_hdr) +
		       args->index[1] * SIZE_IN(m, khoser_mem_bitmap_ptr);
	return 0;
}

static int find_metadata(struct machine *m, const struct args *args,
			 const struct field_pattern *field,
			 struct handover_place *place)
{
	(void)args;
	(void)field;
	return found(place, subtree(m, KHO_METADATA_NODE));
}

static int find_luo_fdt(struct machine *m, const struct args *args,
			const struct field_pattern *field,
			struct handover_place *place)
{
	(void)args;
	place->big_endian = field->bits == 32;
	return found(place, m->k->boot.release.luo_ser ? 0 : subtree(m, LUO_KHO_ENTRY_NAME));
}

static int find_luo_prop(struct machine *m, const struct args *args,
			 const struct field_pattern *field,
			 struct handover_place *place)
{
	struct handover_place fdt;

	if (find_luo_fdt(m, args, field, &fdt))
		return -ENOENT;
	return find_in_fdt(m, fdt.phys, field->node, field->prop, place);
}

/* LUO. */

static int find_luo_ser(struct machine *m, const struct args *args,
			const struct field_pattern *field,
			struct handover_place *place)
{
	(void)args;
	(void)field;
	return found(place, m->k->boot.release.luo_ser ? subtree(m, LUO_KHO_ENTRY_NAME) : 0);
}

static phys_addr_t block_at(const struct kho_block_set *bs, u64 nr)
{
	const struct kho_block *block;

	list_for_each_entry(block, &bs->blocks, list)
		if (!nr--)
			return block->ser;
	return 0;
}

static phys_addr_t entry_at(const struct machine *m, const struct kho_block_set *bs, u64 nr)
{
	phys_addr_t block = block_at(bs, nr / bs->count_per_block);

	return block ? block + SIZE_IN(m, kho_block_header_ser) +
		       nr % bs->count_per_block * bs->entry_size : 0;
}

static int find_sessions(struct machine *m, const struct args *args,
			 const struct field_pattern *field,
			 struct handover_place *place)
{
	(void)args;
	(void)field;
	return found(place, m->k->boot.release.luo_ser ? 0 : m->k->luo.outgoing.header_ser);
}

static int find_sessions_block(struct machine *m, const struct args *args,
			       const struct field_pattern *field, struct handover_place *place)
{
	(void)field;
	return found(place, block_at(&m->k->luo.outgoing.block_set, args->index[0]));
}

/* The session of that name, and how many come before it. */
static struct luo_session *session_named(struct machine *m, const char *name, u64 *nr)
{
	struct luo_session *session;

	*nr = 0;
	list_for_each_entry(session, &m->k->luo.outgoing.list, list) {
		if (!strcmp(session->name, name))
			return session;
		++*nr;
	}
	return NULL;
}

static int find_session(struct machine *m, const struct args *args,
			const struct field_pattern *field,
			struct handover_place *place)
{
	const struct luo_session_header *sh = &m->k->luo.outgoing;
	u64 nr;

	(void)field;
	if (!session_named(m, args->name, &nr))
		return -ENOENT;
	if (m->k->boot.release.luo_ser)
		return found(place, entry_at(m, &sh->block_set, nr));
	return found(place, sh->header_ser + SIZE_IN(m, luo_session_header_ser) +
			    nr * SIZE_IN(m, luo_session_ser));
}

static int find_files_block(struct machine *m, const struct args *args,
			    const struct field_pattern *field,
			    struct handover_place *place)
{
	struct luo_session *session;
	u64 nr;

	(void)field;
	session = session_named(m, args->name, &nr);
	return session ? found(place, block_at(&session->file_set.block_set, args->index[0])) :
			 -ENOENT;
}

static int find_file(struct machine *m, const struct args *args, const struct field_pattern *field,
		     struct handover_place *place)
{
	struct luo_session *session;
	u64 nr, data;

	(void)field;
	session = session_named(m, args->name, &nr);
	if (!session || luo_file_nth(&session->file_set, args->token, &nr, &data) == NULL)
		return -ENOENT;
	if (m->k->boot.release.luo_ser)
		return found(place, entry_at(m, &session->file_set.block_set, nr));
	return found(place, session->file_set.files + nr * SIZE_IN(m, luo_file_ser));
}

/* What the file's handler handed over. */
static int find_data(struct machine *m, const struct args *args, const struct field_pattern *field,
		     struct handover_place *place)
{
	struct luo_session *session;
	u64 nr, data;

	session = session_named(m, args->name, &nr);
	if (!session || luo_file_nth(&session->file_set, args->token, &nr, &data) == NULL ||
	    (field->bits && args->index[0] >= PAGE_SIZE / sizeof(u64)))
		return -ENOENT;
	return found(place, data + (field->bits ? args->index[0] * sizeof(u64) : 0));
}

/* A number there that a loaded handler has given a name. */
static int find_own(struct machine *m, const struct args *args, const struct field_pattern *field,
		    struct handover_place *place)
{
	const struct liveupdate_file_handler *fh;
	struct luo_session *session;
	u64 nr, data;
	u32 offset;

	(void)field;
	session = session_named(m, args->name, &nr);
	fh = session ? luo_file_nth(&session->file_set, args->token, &nr, &data) : NULL;
	if (!fh || !plugin_field(fh, args->field, &offset, &place->bits))
		return -ENOENT;
	return found(place, data + offset);
}

/* Memfds. */

static int find_memfd(struct machine *m, const struct args *args, const struct field_pattern *field,
		      struct handover_place *place)
{
	bool seals = has_fix(m, FIX_MEMFD_SEALS);
	u32 off = offsetof(struct memfd_luo_ser, seals);
	u32 end = offsetof(struct memfd_luo_ser, nr_folios);
	struct luo_session *session;
	u64 nr, data;

	session = session_named(m, args->name, &nr);
	if (!session || luo_file_nth(&session->file_set, args->token, &nr, &data) !=
	    &m->k->luo.memfd_handler)
		return -ENOENT;
	if (m->k->boot.release.tree)
		return found(place, data);
	/* memfd-v1 is without these two, and what is behind them has moved up. */
	if (!seals && field->offset >= off && field->offset < end)
		return -ENOENT;
	return found(place, seals || field->offset < off ? data : data - (end - off));
}

static int memfd_folios(struct machine *m, const struct args *args, struct kho_vmalloc *folios,
			u64 *nr_folios)
{
	const struct field_pattern fields[] = {
		{ .offset = offsetof(struct memfd_luo_ser, nr_folios) },
		{ .offset = offsetof(struct memfd_luo_ser, folios) },
	};
	struct handover_place place;

	if (find_memfd(m, args, &fields[0], &place))
		return -ENOENT;
	phys_read(m, place.phys + OFFSET_IN(m, memfd_luo_ser, nr_folios), nr_folios,
		  sizeof(*nr_folios));
	phys_read(m, place.phys + OFFSET_IN(m, memfd_luo_ser, folios), folios, sizeof(*folios));
	return 0;
}

/* Chunk @nr of the list of the pages that hold the list of folios. */
static phys_addr_t chunk_at(struct machine *m, const struct kho_vmalloc *vmalloc, u64 nr)
{
	phys_addr_t chunk = vmalloc->first;

	while (chunk && nr--)
		phys_read(m, chunk, &chunk, sizeof(chunk));
	return chunk;
}

static phys_addr_t chunk_of(struct machine *m, const struct args *args)
{
	struct kho_vmalloc folios;
	u64 nr_folios;

	if (memfd_folios(m, args, &folios, &nr_folios) || !nr_folios)
		return 0;
	return chunk_at(m, &folios, args->index[0]);
}

static int find_chunk(struct machine *m, const struct args *args, const struct field_pattern *field,
		      struct handover_place *place)
{
	(void)field;
	return found(place, chunk_of(m, args));
}

static int find_chunk_phys(struct machine *m, const struct args *args,
			   const struct field_pattern *field,
			   struct handover_place *place)
{
	phys_addr_t chunk = chunk_of(m, args);

	(void)field;
	if (!chunk || args->index[1] >= KHO_VMALLOC_SIZE)
		return -ENOENT;
	return found(place, chunk + OFFSET_IN(m, kho_vmalloc_chunk, phys) +
			    args->index[1] * sizeof(u64));
}

/* Entry of the list of folios. */
static int find_folio_ser(struct machine *m, const struct args *args,
			  const struct field_pattern *field,
			  struct handover_place *place)
{
	u64 at = args->index[0] * SIZE_IN(m, memfd_luo_folio_ser), page = at / PAGE_SIZE;
	struct kho_vmalloc folios;
	phys_addr_t chunk, phys;
	u64 nr_folios;

	if (memfd_folios(m, args, &folios, &nr_folios) || args->index[0] >= nr_folios)
		return -ENOENT;
	chunk = chunk_at(m, &folios, page / KHO_VMALLOC_SIZE);
	if (!chunk)
		return -ENOENT;
	phys_read(m, chunk + OFFSET_IN(m, kho_vmalloc_chunk, phys) +
		  page % KHO_VMALLOC_SIZE * sizeof(u64), &phys, sizeof(phys));
	place->pfn = field->bits == 52;
	return found(place, phys ? phys + at % PAGE_SIZE : 0);
}

/* The folio itself. */
static int find_folio(struct machine *m, const struct args *args, const struct field_pattern *field,
		      struct handover_place *place)
{
	struct memfd_luo_folio_ser ser;

	if (find_folio_ser(m, args, field, place))
		return -ENOENT;
	phys_read(m, place->phys, &ser, sizeof(ser));
	return found(place, PFN_PHYS(ser.pfn));
}

/* FLBs. */

static int find_flbs(struct machine *m, const struct args *args, const struct field_pattern *field,
		     struct handover_place *place)
{
	(void)args;
	(void)field;
	return found(place, m->k->luo.flb_outgoing);
}

static int find_flb(struct machine *m, const struct args *args, const struct field_pattern *field,
		    struct handover_place *place)
{
	phys_addr_t phys = m->k->luo.flb_outgoing + sizeof(struct luo_flb_header_ser);
	const struct liveupdate_flb *flb;

	(void)field;
	list_for_each_entry(flb, &m->k->luo.flbs, list) {
		if (flb->outgoing.count <= 0)
			continue;
		if (!strcmp(flb->compatible, args->name))
			return found(place, phys);
		phys += sizeof(struct luo_flb_ser);
	}
	return -ENOENT;
}

/* Places that are in no handover. */

static int find_scratch(struct machine *m, const struct args *args,
			const struct field_pattern *field,
			struct handover_place *place)
{
	(void)args;
	(void)field;
	return found(place, m->k->kho.scratch.addr);
}

static int find_outside(struct machine *m, const struct args *args,
			const struct field_pattern *field,
			struct handover_place *place)
{
	(void)args;
	(void)field;
	return found(place, PFN_PHYS(m->nr_frames));
}

#define OBJECT(_path, _find) { .path = _path, .find = _find }
#define MEMBER(_path, _find, _type, _member, ...) {				\
	.path = _path, .find = _find, .offset = offsetof(_type, _member),	\
	.bits = 8 * sizeof(((_type *)0)->_member),				\
	.type = #_type, .member = #_member, __VA_ARGS__				\
}
#define STRING(_path, _find, _type, _member) {					\
	.path = _path, .find = _find, .offset = offsetof(_type, _member),	\
	.bytes = sizeof(((_type *)0)->_member),					\
	.type = #_type, .member = #_member,					\
}
#define BITFIELD(_path, _find, _shift, _bits, ...)				\
	{ .path = _path, .find = _find, .shift = _shift, .bits = _bits, __VA_ARGS__ }
#define PROP(_path, _find, _prop, _bits, ...)					\
	{ .path = _path, .find = _find, .is_prop = true, .prop = _prop, .bits = _bits,	\
	  __VA_ARGS__ }
#define LUO_PROP(_path, _node, _prop, _bits, ...) {				\
	.path = _path, .find = find_luo_prop, .is_prop = true, .node = _node,	\
	.prop = _prop, .bits = _bits, __VA_ARGS__				\
}
#define ADDRESS .address = true

/* Words in capitals stand for what the user writes there. */
static const struct field_pattern fields[] = {
	OBJECT("kho", find_kho),
	MEMBER("kho.magic", find_kho, struct fdt_header, magic),
	MEMBER("kho.totalsize", find_kho, struct fdt_header, totalsize),
	MEMBER("kho.off_dt_struct", find_kho, struct fdt_header, off_dt_struct),
	PROP("kho.compatible", find_kho_prop, "compatible", 0),
	PROP("kho.preserved-memory-map", find_kho_prop, KHO_FDT_MEMORY_MAP, 64, ADDRESS),
	PROP("kho.subtree[NAME].name", find_kho_prop, NULL, 0),
	PROP("kho.subtree[NAME].phys", find_subtree, NULL, 64, ADDRESS),
	PROP("kho.subtree[NAME].blob-size", find_kho_prop, "blob-size", 64),
	OBJECT("kho.chunk[N]", find_map_chunk),
	MEMBER("kho.chunk[N].next", find_map_chunk, struct khoser_mem_chunk_hdr, next, ADDRESS),
	MEMBER("kho.chunk[N].order", find_map_chunk, struct khoser_mem_chunk_hdr, order),
	MEMBER("kho.chunk[N].num_elms", find_map_chunk, struct khoser_mem_chunk_hdr, num_elms),
	MEMBER("kho.chunk[N].bitmap[N].phys_start", find_map_bitmap,
	       struct khoser_mem_bitmap_ptr, phys_start, ADDRESS),
	MEMBER("kho.chunk[N].bitmap[N].bitmap", find_map_bitmap, struct khoser_mem_bitmap_ptr,
	       bitmap, ADDRESS),
	OBJECT("metadata", find_metadata),
	MEMBER("metadata.version", find_metadata, struct kho_kexec_metadata, version),
	STRING("metadata.previous_release", find_metadata, struct kho_kexec_metadata,
	       previous_release),
	MEMBER("metadata.kexec_count", find_metadata, struct kho_kexec_metadata, kexec_count),

	OBJECT("luo", find_luo_fdt),
	MEMBER("luo.magic", find_luo_fdt, struct fdt_header, magic),
	MEMBER("luo.totalsize", find_luo_fdt, struct fdt_header, totalsize),
	MEMBER("luo.off_dt_struct", find_luo_fdt, struct fdt_header, off_dt_struct),
	LUO_PROP("luo.compatible", "", "compatible", 0),
	LUO_PROP("luo.liveupdate-number", "", LUO_FDT_LIVEUPDATE_NUM, 64),
	LUO_PROP("luo.luo-session", LUO_FDT_SESSION_NODE, NULL, 0),
	LUO_PROP("luo.luo-session.compatible", LUO_FDT_SESSION_NODE, "compatible", 0),
	LUO_PROP("luo.luo-session.header", LUO_FDT_SESSION_NODE, LUO_FDT_SESSION_HEADER, 64,
		 ADDRESS),
	LUO_PROP("luo.luo-flb", LUO_FDT_FLB_NODE, NULL, 0),
	LUO_PROP("luo.luo-flb.compatible", LUO_FDT_FLB_NODE, "compatible", 0),
	LUO_PROP("luo.luo-flb.header", LUO_FDT_FLB_NODE, LUO_FDT_FLB_HEADER, 64, ADDRESS),

	OBJECT("luo_ser", find_luo_ser),
	STRING("luo_ser.compatible", find_luo_ser, struct luo_ser, compatible),
	MEMBER("luo_ser.liveupdate_num", find_luo_ser, struct luo_ser, liveupdate_num),
	MEMBER("luo_ser.sessions_pa", find_luo_ser, struct luo_ser, sessions_pa, ADDRESS),
	MEMBER("luo_ser.flbs_pa", find_luo_ser, struct luo_ser, flbs_pa, ADDRESS),

	OBJECT("sessions", find_sessions),
	MEMBER("sessions.count", find_sessions, struct luo_session_header_ser, count),
	OBJECT("sessions.block[N]", find_sessions_block),
	MEMBER("sessions.block[N].next", find_sessions_block, struct kho_block_header_ser, next,
	       ADDRESS),
	MEMBER("sessions.block[N].count", find_sessions_block, struct kho_block_header_ser,
	       count),
	OBJECT("session[NAME]", find_session),
	STRING("session[NAME].name", find_session, struct luo_session_ser, name),
	MEMBER("session[NAME].files", find_session, struct luo_session_ser, file_set_ser.files,
	       ADDRESS),
	MEMBER("session[NAME].count", find_session, struct luo_session_ser, file_set_ser.count),

	OBJECT("files[NAME].block[N]", find_files_block),
	MEMBER("files[NAME].block[N].next", find_files_block, struct kho_block_header_ser, next,
	       ADDRESS),
	MEMBER("files[NAME].block[N].count", find_files_block, struct kho_block_header_ser,
	       count),
	OBJECT("file[NAME, TOKEN]", find_file),
	STRING("file[NAME, TOKEN].compatible", find_file, struct luo_file_ser, compatible),
	MEMBER("file[NAME, TOKEN].data", find_file, struct luo_file_ser, data, ADDRESS),
	MEMBER("file[NAME, TOKEN].token", find_file, struct luo_file_ser, token),
	OBJECT("data[NAME, TOKEN]", find_data),
	BITFIELD("data[NAME, TOKEN].word[N]", find_data, 0, 64),
	BITFIELD("own[NAME, TOKEN].FIELD", find_own, 0, 64),

	OBJECT("memfd[NAME, TOKEN]", find_memfd),
	MEMBER("memfd[NAME, TOKEN].pos", find_memfd, struct memfd_luo_ser, pos),
	MEMBER("memfd[NAME, TOKEN].size", find_memfd, struct memfd_luo_ser, size),
	MEMBER("memfd[NAME, TOKEN].seals", find_memfd, struct memfd_luo_ser, seals),
	MEMBER("memfd[NAME, TOKEN].flags", find_memfd, struct memfd_luo_ser, flags),
	MEMBER("memfd[NAME, TOKEN].nr_folios", find_memfd, struct memfd_luo_ser, nr_folios),
	MEMBER("memfd[NAME, TOKEN].folios.first", find_memfd, struct memfd_luo_ser,
	       folios.first, ADDRESS),
	MEMBER("memfd[NAME, TOKEN].folios.total_pages", find_memfd, struct memfd_luo_ser,
	       folios.total_pages),
	MEMBER("memfd[NAME, TOKEN].folios.flags", find_memfd, struct memfd_luo_ser,
	       folios.flags),
	MEMBER("memfd[NAME, TOKEN].folios.order", find_memfd, struct memfd_luo_ser,
	       folios.order),
	OBJECT("memfd[NAME, TOKEN].chunk[N]", find_chunk),
	MEMBER("memfd[NAME, TOKEN].chunk[N].next", find_chunk, struct kho_vmalloc_chunk, next,
	       ADDRESS),
	BITFIELD("memfd[NAME, TOKEN].chunk[N].phys[N]", find_chunk_phys, 0, 64),
	OBJECT("folio[NAME, TOKEN, N]", find_folio),
	BITFIELD("folio[NAME, TOKEN, N].pfn", find_folio_ser, 0, 52, ADDRESS),
	BITFIELD("folio[NAME, TOKEN, N].flags", find_folio_ser, 52, 12),
	MEMBER("folio[NAME, TOKEN, N].index", find_folio_ser, struct memfd_luo_folio_ser, index),

	OBJECT("flbs", find_flbs),
	MEMBER("flbs.pgcnt", find_flbs, struct luo_flb_header_ser, pgcnt),
	MEMBER("flbs.count", find_flbs, struct luo_flb_header_ser, count),
	OBJECT("flb[NAME]", find_flb),
	STRING("flb[NAME].name", find_flb, struct luo_flb_ser, name),
	MEMBER("flb[NAME].data", find_flb, struct luo_flb_ser, data, ADDRESS),
	MEMBER("flb[NAME].count", find_flb, struct luo_flb_ser, count),

	OBJECT("scratch", find_scratch),
	OBJECT("outside", find_outside),
};

/* Paths. */

static const char *skip_word(const char *pattern)
{
	while (*pattern >= 'A' && *pattern <= 'Z')
		pattern++;
	return pattern;
}

/* Decimal digits, or 0x and hexadecimal ones; NULL if there are none, or too many. */
static const char *read_number(const char *p, u64 *number)
{
	int base = p[0] == '0' && p[1] == 'x' ? 16 : 10;
	char *end;

	if (*p < '0' || *p > '9')
		return NULL;
	errno = 0;
	*number = strtoull(p, &end, base);
	return errno ? NULL : end;
}

static const char *read_name(const char *p, char *name)
{
	size_t len = strcspn(p, ",]");

	if (!len || len > MAX_NAME)
		return NULL;
	memcpy(name, p, len);
	name[len] = '\0';
	return p + len;
}

/* Up to the end of the path. */
static const char *read_field(const char *p, char *field, size_t size)
{
	size_t len = strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789_");

	if (!len || len >= size || p[len])
		return NULL;
	memcpy(field, p, len + 1);
	return p + len;
}

/* Is what begins at @p as @pattern says? Where it ends then, or NULL. */
static const char *match(const char *pattern, const char *p, struct args *args)
{
	u64 nr = 0;

	*args = (struct args){ 0 };
	while (*pattern && p) {
		if (*pattern == ' ') {
			pattern++;
			p += *p == ' ';
		} else if (!strncmp(pattern, "NAME", 4)) {
			p = read_name(p, args->name);
			pattern = skip_word(pattern);
		} else if (!strncmp(pattern, "TOKEN", 5)) {
			p = read_number(p, &args->token);
			pattern = skip_word(pattern);
		} else if (!strcmp(pattern, "FIELD")) {
			p = read_field(p, args->field, sizeof(args->field));
			pattern = skip_word(pattern);
		} else if (*pattern == 'N') {
			p = read_number(p, &args->index[nr++]);
			pattern = skip_word(pattern);
		} else if (*pattern++ != *p++) {
			return NULL;
		}
	}
	return p;
}

/* The rest of a path, after an object. */
static bool read_aspect(const char *p, struct path *path)
{
	struct args args;
	const char *end;

	if (!strcmp(p, ".preserved")) {
		path->aspect = ASPECT_PRESERVED;
		return true;
	}
	end = match(".radix[N]", p, &args);
	path->aspect = ASPECT_RADIX;
	path->level = args.index[0];
	return end && !*end;
}

int path_read(const char *text, struct path *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const struct field_pattern *field = &fields[i];
		const char *end;

		*path = (struct path){ .field = field };
		end = match(field->path, text, &path->args);
		if (end && (!*end || (!field->bits && !field->bytes && !field->is_prop &&
				      read_aspect(end, path))))
			return 0;
	}
	return -ENOENT;
}

const char *path_pattern(const struct path *path)
{
	return path->field->path;
}

bool path_is_object(const struct path *path)
{
	return path->aspect == ASPECT_SELF && !path->field->bits && !path->field->bytes &&
	       !path->field->is_prop;
}

int handover_path(const char *text)
{
	struct path path;
	int err = path_read(text, &path);

	return err ? err : path_is_object(&path);
}

int handover_bits(const char *text)
{
	struct path path;
	int err = path_read(text, &path);

	if (err)
		return err;
	if (path.aspect != ASPECT_SELF)
		return path.aspect == ASPECT_PRESERVED ? 1 : 64;
	return path.field->bits;
}

bool handover_is_address(const char *text)
{
	struct path path;

	return !path_read(text, &path) && path.aspect == ASPECT_SELF && path.field->address;
}

const char *handover_field(size_t i)
{
	static const char *const aspects[] = { "OBJECT.preserved", "OBJECT.radix[N]" };

	if (i < ARRAY_SIZE(fields))
		return fields[i].path;
	i -= ARRAY_SIZE(fields);
	return i < ARRAY_SIZE(aspects) ? aspects[i] : NULL;
}

/* Places. */

static int find_aspect(struct machine *m, const struct path *path, struct handover_place *place)
{
	u64 pfn = PHYS_PFN(place->phys);
	unsigned int bit = 0, order;
	phys_addr_t phys;
	bool there;

	if (!pfn_valid(m, pfn))
		return -ENOENT;
	while (m->memmap[pfn].flags & PG_TAIL)
		pfn--;
	order = m->memmap[pfn].order;
	if (path->aspect == ASPECT_PRESERVED)
		there = kho_track_bit(m, pfn, order, &phys, &bit);
	else
		there = kho_track_slot(m, pfn, order, path->level, &phys);
	*place = (struct handover_place){
		.phys = phys, .shift = bit, .bits = path->aspect == ASPECT_PRESERVED ? 1 : 64,
	};
	return there ? 0 : -ENOENT;
}

/* FDTs have one layout; of what is no structure of C only the beginning counts. */
static bool is_laid_out(const struct field_pattern *field)
{
	return field->type && strcmp(field->type, "struct fdt_header") != 0;
}

/* Where the tree has it. */
static int find_in_tree(const struct machine *m, const struct field_pattern *field,
			struct handover_place *place,
			u32 *offset)
{
	u32 size;

	if (!m->k->boot.release.tree || !is_laid_out(field))
		return 0;
	if (!tree_member(m, field->type + strlen("struct "), field->member, offset, &size))
		return -ENOENT;
	if (place->bits)
		place->bits = 8 * size;
	else
		place->bytes = size;
	return 0;
}

int path_find(struct machine *m, const struct path *path, struct handover_place *place)
{
	const struct field_pattern *field = path->field;
	u32 offset = field->offset;
	int err;

	*place = (struct handover_place){
		.shift = field->shift, .bits = field->bits, .bytes = field->bytes,
	};
	err = find_in_tree(m, field, place, &offset);
	if (!err)
		err = field->find(m, &path->args, field, place);
	if (err == -EAGAIN && path->aspect != ASPECT_SELF) {
		/* What the reboot makes is of a release that has no radix tree. */
		place->bits = 1;
		return path->aspect == ASPECT_PRESERVED ? err : -ENOENT;
	}
	if (err)
		return err;
	place->phys += offset;
	return path->aspect == ASPECT_SELF ? 0 : find_aspect(m, path, place);
}

u64 place_word(struct machine *m, const struct handover_place *place)
{
	u64 word = 0;

	phys_read(m, place->phys, &word, DIV_ROUND_UP(place->shift + place->bits, 8));
	return place->big_endian ? fdt32_to_cpu(word) : word;
}

u64 place_mask(const struct handover_place *place)
{
	return (~0ull >> (64 - place->bits)) << place->shift;
}

u64 place_read(struct machine *m, const struct handover_place *place)
{
	return (place_word(m, place) & place_mask(place)) >> place->shift;
}

/* ---- All of it ---- */

/* How many entries of a list are told. */
#define MAX_TOLD	64u

struct field_teller {
	struct machine *m;
	struct path path;
	void (*each)(void *data, const char *path, const struct handover_place *place);
	void *data;
};

/* Not the end of TOKEN; no path begins with one. */
static bool is_index(const char *p)
{
	return *p == 'N' && (p[1] == ']' || p[1] == ',') && (p[-1] == '[' || p[-1] == ' ');
}

/* The path with what stands for NAME, TOKEN and N. */
static void spell(const struct path *path, char *text, size_t size)
{
	const char *p = path->field->path;
	u32 nr = 0;
	int len = 0;

	while (*p && len < (int)size - 1) {
		if (!strncmp(p, "NAME", 4))
			len += snprintf(text + len, size - len, "%s", path->args.name);
		else if (!strncmp(p, "TOKEN", 5))
			len += snprintf(text + len, size - len, "%#llx",
					(unsigned long long)path->args.token);
		else if (is_index(p))
			len += snprintf(text + len, size - len, "%llu",
					(unsigned long long)path->args.index[nr++]);
		else
			text[len++] = *p;
		p = *p >= 'A' && *p <= 'Z' ? skip_word(p) : p + 1;
	}
	text[min(len, (int)size - 1)] = '\0';
}

/* False when there is no such field, or a list ends there. */
static bool tell(struct field_teller *t, bool in_list)
{
	struct handover_place place;
	char text[256];

	if (path_find(t->m, &t->path, &place))
		return false;
	if (in_list && place.bits && !place_read(t->m, &place))
		return false;
	spell(&t->path, text, sizeof(text));
	t->each(t->data, text, &place);
	return true;
}

/* From index @depth on; was there any? Entries of a list of numbers end with a zero. */
static bool tell_indices(struct field_teller *t, u32 depth, u32 nr)
{
	const char *path = t->path.field->path;
	bool list = path[strlen(path) - 1] == ']' && nr;
	u32 told = 0;

	if (depth == nr)
		return tell(t, list);
	for (u64 i = 0; i < MAX_TOLD; i++) {
		t->path.args.index[depth] = i;
		if (!tell_indices(t, depth + 1, nr))
			break;
		told++;
	}
	return told;
}

static void tell_field(struct field_teller *t)
{
	u32 nr = 0;

	for (const char *p = t->path.field->path + 1; *p; p++)
		nr += is_index(p);
	tell_indices(t, 0, nr);
}

static void tell_session(struct field_teller *t, const struct luo_session *session)
{
	const struct luo_file *file;

	strncpy(t->path.args.name, session->name, MAX_NAME);
	if (!strstr(t->path.field->path, "TOKEN")) {
		tell_field(t);
		return;
	}
	list_for_each_entry(file, &session->file_set.files_list, list) {
		t->path.args.token = file->token;
		tell_field(t);
	}
}

static void tell_name(struct field_teller *t, const char *name)
{
	snprintf(t->path.args.name, sizeof(t->path.args.name), "%s", name);
	tell_field(t);
}

/* Whatever the NAME of the path is that of. */
static void tell_names(struct field_teller *t)
{
	const char *pattern = t->path.field->path;
	const struct luo_session *session;
	const struct liveupdate_flb *flb;

	if (!strncmp(pattern, "kho.", 4)) {
		tell_name(t, KHO_METADATA_NODE);
		tell_name(t, LUO_KHO_ENTRY_NAME);
	} else if (!strncmp(pattern, "flb[", 4)) {
		list_for_each_entry(flb, &t->m->k->luo.flbs, list)
			tell_name(t, flb->compatible);
	} else {
		list_for_each_entry(session, &t->m->k->luo.outgoing.list, list)
			tell_session(t, session);
	}
}

void handover_each(struct machine *m,
		   void (*each)(void *data, const char *path, const struct handover_place *place),
		   void *data)
{
	struct field_teller t = { .m = m, .each = each, .data = data };

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		t.path = (struct path){ .field = &fields[i] };
		if (strstr(fields[i].path, "NAME"))
			tell_names(&t);
		else
			tell_field(&t);
	}
}
