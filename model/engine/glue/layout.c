/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Compiled, not linked: where the tree has each member of what it hands over, of FLBs, and
 * one that tells what it remembers. The lines that do not compile name what this tree has not; the
 * build leaves them out.
 */
#include "kernel/liveupdate/kexec_handover.c"
#include <linux/liveupdate.h>
#if __has_include(<linux/kho/abi/luo.h>)
#include <linux/kho/abi/luo.h>
#endif
#if __has_include(<linux/kho/abi/memfd.h>)
#include <linux/kho/abi/memfd.h>
#endif

/* @name: as the model has it. */
#define MEMBER(type, name, member)						\
	__asm__ volatile("\n.ascii \"->" #type " " #name " %0 %1\"" : :		\
		"i" (offsetof(struct type, member)),				\
		"i" (sizeof(((struct type *)0)->member)))
#define SIZE(type)								\
	__asm__ volatile("\n.ascii \"->" #type " - $0 %0\"" : : "i" (sizeof(struct type)))

void luosim_layout(void);
void luosim_layout(void)
{
	/* Not handed over: only a tree that remembers what a retrieve returned has it. */
	MEMBER(liveupdate_file_op_args, retrieve_status, retrieve_status);
	MEMBER(liveupdate_file_ops, get_id, get_id);
	MEMBER(liveupdate_flb, users, private.users);
	MEMBER(liveupdate_flb, outgoing.count, private.outgoing.count);
	MEMBER(liveupdate_flb, outgoing.obj, private.outgoing.obj);
	MEMBER(liveupdate_flb, outgoing.data, private.outgoing.data);
	MEMBER(liveupdate_flb, incoming.count, private.incoming.count);
	MEMBER(liveupdate_flb, incoming.obj, private.incoming.obj);
	MEMBER(liveupdate_flb, incoming.data, private.incoming.data);
	MEMBER(liveupdate_flb, incoming.finished, private.incoming.finished);
	MEMBER(liveupdate_flb, incoming.retrieve_status, private.incoming.retrieve_status);
	MEMBER(liveupdate_flb, incoming.retrieve_status, private.incoming.retrieved);
	MEMBER(kho_kexec_metadata, version, version);
	MEMBER(kho_kexec_metadata, previous_release, previous_release);
	MEMBER(kho_kexec_metadata, kexec_count, kexec_count);
	MEMBER(luo_ser, compatible, compatible);
	MEMBER(luo_ser, liveupdate_num, liveupdate_num);
	MEMBER(luo_ser, sessions_pa, sessions_pa);
	MEMBER(luo_ser, flbs_pa, flbs_pa);
	MEMBER(khoser_mem_chunk_hdr, next, next);
	MEMBER(khoser_mem_chunk_hdr, order, order);
	MEMBER(khoser_mem_chunk_hdr, num_elms, num_elms);
	SIZE(khoser_mem_chunk_hdr);
	MEMBER(khoser_mem_bitmap_ptr, phys_start, phys_start);
	MEMBER(khoser_mem_bitmap_ptr, bitmap, bitmap);
	SIZE(khoser_mem_bitmap_ptr);
	SIZE(kho_block_header_ser);
	MEMBER(kho_block_header_ser, next, next);
	MEMBER(kho_block_header_ser, count, count);
	SIZE(luo_session_header_ser);
	MEMBER(luo_session_header_ser, count, count);
	SIZE(luo_session_ser);
	MEMBER(luo_session_ser, name, name);
	MEMBER(luo_session_ser, file_set_ser.files, file_set_ser.files);
	MEMBER(luo_session_ser, file_set_ser.count, file_set_ser.count);
	SIZE(luo_file_ser);
	MEMBER(luo_file_ser, compatible, compatible);
	MEMBER(luo_file_ser, data, data);
	MEMBER(luo_file_ser, token, token);
	MEMBER(memfd_luo_ser, pos, pos);
	MEMBER(memfd_luo_ser, size, size);
	MEMBER(memfd_luo_ser, seals, seals);
	MEMBER(memfd_luo_ser, flags, flags);
	MEMBER(memfd_luo_ser, nr_folios, nr_folios);
	MEMBER(memfd_luo_ser, folios, folios);
	MEMBER(memfd_luo_ser, folios.first, folios.first);
	MEMBER(memfd_luo_ser, folios.total_pages, folios.total_pages);
	MEMBER(memfd_luo_ser, folios.flags, folios.flags);
	MEMBER(memfd_luo_ser, folios.order, folios.order);
	MEMBER(kho_vmalloc_chunk, next, hdr.next);
	MEMBER(kho_vmalloc_chunk, phys, phys);
	SIZE(memfd_luo_folio_ser);
	MEMBER(memfd_luo_folio_ser, index, index);
	SIZE(luo_flb_header_ser);
	MEMBER(luo_flb_header_ser, pgcnt, pgcnt);
	MEMBER(luo_flb_header_ser, count, count);
	SIZE(luo_flb_ser);
	MEMBER(luo_flb_ser, name, name);
	MEMBER(luo_flb_ser, data, data);
	MEMBER(luo_flb_ser, count, count);
}
