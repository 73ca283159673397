/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the LUO files share (kernel/liveupdate/luo_internal.h), and the layout
 * of what LUO hands over (include/linux/kho/abi/luo.h, block.h, memfd.h).
 */
#ifndef MODEL_KERNEL_LIVEUPDATE_LUO_INTERNAL_H
#define MODEL_KERNEL_LIVEUPDATE_LUO_INTERNAL_H

#include "kernel/liveupdate/kho.h"
#include "lib/list.h"
#include "kernel/liveupdate/liveupdate.h"
#include "kernel/lock.h"
#include "lib/xarray.h"

/* Serialized forms. */

#define LUO_KHO_ENTRY_NAME	"LUO"
#define LUO_ABI_COMPAT_LEN	8

struct luo_ser {			/* 7.2 on */
	char compatible[LUO_ABI_COMPAT_LEN];
	u64 liveupdate_num;
	u64 sessions_pa;
	u64 flbs_pa;
} __packed;

struct luo_file_ser {
	char compatible[LIVEUPDATE_HNDL_COMPAT_LENGTH];
	u64 data;
	u64 token;
} __packed;

struct luo_file_set_ser {
	u64 files;
	u64 count;
} __packed;

struct luo_session_ser {
	char name[LIVEUPDATE_SESSION_NAME_LENGTH];
	struct luo_file_set_ser file_set_ser;
} __packed;

struct luo_session_header_ser {		/* before the array, up to 7.1 */
	u64 count;
} __packed;

#define LUO_SESSION_PGCNT	16ul
#define LUO_FILE_PGCNT		2ul

struct kho_block_header_ser {		/* 7.2 on */
	u64 next;
	u64 count;
} __packed;

struct memfd_luo_folio_ser {
	u64 pfn:52;
	u64 flags:12;
	u64 index;
} __packed;

struct memfd_luo_ser {
	u64 pos;
	u64 size;
	u32 seals;		/* memfd-v2; memfd-v1 has neither these nor flags */
	u32 flags;
	u64 nr_folios;
	struct kho_vmalloc folios;
} __packed;

struct luo_flb_header_ser {		/* 7.0 on */
	u64 pgcnt;
	u64 count;
} __packed;

struct luo_flb_ser {
	char name[LIVEUPDATE_FLB_COMPAT_LENGTH];
	u64 data;
	u64 count;
} __packed;

/* Up to 7.1: names in LUO's FDT. */
#define LUO_FDT_LIVEUPDATE_NUM	"liveupdate-number"
#define LUO_FDT_SESSION_NODE	"luo-session"
#define LUO_FDT_SESSION_HEADER	"luo-session-header"
#define LUO_FDT_FLB_NODE	"luo-flb"
#define LUO_FDT_FLB_HEADER	"luo-flb-header"

/* kho_block.c: chains of pages that hold entries of one size. */

struct kho_block {
	phys_addr_t ser;
	struct list_head list;
};

struct kho_block_set {
	struct list_head blocks;
	u64 nblocks;
	u64 head_pa;
	u64 entry_size;
	u64 count_per_block;
	bool incoming;
};

struct kho_block_set_it {
	struct kho_block_set *bs;
	struct kho_block *block;
	u64 i;
};

void kho_block_set_init(struct kho_block_set *bs, u64 entry_size, u64 count_per_block);
int kho_block_set_grow(struct machine *m, struct kho_block_set *bs, u64 count);
void kho_block_set_shrink(struct machine *m, struct kho_block_set *bs, u64 count);
int kho_block_set_restore(struct machine *m, struct kho_block_set *bs, u64 head_pa);
void kho_block_set_destroy(struct machine *m, struct kho_block_set *bs);
void kho_block_set_clear(struct machine *m, struct kho_block_set *bs);
void kho_block_set_it_init(struct kho_block_set_it *it, struct kho_block_set *bs);
/* Each gives the physical address of an entry, or 0. */
phys_addr_t kho_block_set_it_reserve_entry(struct machine *m, struct kho_block_set_it *it);
phys_addr_t kho_block_set_it_read_entry(struct machine *m, struct kho_block_set_it *it);
phys_addr_t kho_block_set_it_prev(struct kho_block_set_it *it);

/* Sessions and their files. */

struct luo_file_set {
	struct list_head files_list;
	struct xarray managed;		/* scope session: see managed.c */
	phys_addr_t files;		/* array of luo_file_ser, up to 7.1 */
	struct kho_block_set block_set;	/* 7.2 on */
	u64 count;
};

struct luo_file {
	struct liveupdate_file_handler *fh;
	struct file *file;		/* NULL in the new kernel until retrieved */
	u64 serialized_data;
	void *private_data;
	int retrieve_status;		/* 0 not tried, 1 done, or the errno */
	struct mutex mutex;
	struct list_head list;
	u64 token;
	struct luo_managed *managed;	/* duplicate share: the claim, see managed.c */
	struct luo_managed *shared;	/* duplicate share, incoming: the object */
	struct luo_session *session;	/* that it is in */
	u32 claim;			/* the ledger's, which the kernel has not */
	bool frozen;			/* likewise, for luo_file_after_abort() */
	u64 frozen_data;
};

struct luo_session {
	char name[LIVEUPDATE_SESSION_NAME_LENGTH];
	u32 name_hash;
	u32 uid;			/* who created or retrieved it, for policies */
	struct luo_session *hash_next;	/* so that a name is found without walking the list */
	bool retrieved;
	bool pinned;			/* gate pin: the reboot holds a reference, */
	bool closed;			/* which is the last one */
	bool dying;			/* there was none left: it is too late for a pin */
	struct list_head list;
	struct mutex mutex;
	struct luo_file_set file_set;
};

struct luo_session_header {
	s64 count;
	struct list_head list;
	struct luo_session **buckets;	/* by name_hash; more of them as sessions come */
	u32 nr_buckets;
	struct rw_semaphore rwsem;
	phys_addr_t header_ser;		/* array and its header, up to 7.1 */
	struct kho_block_set block_set;	/* 7.2 on */
	phys_addr_t sessions_pa;	/* where that word of luo_ser is */
	bool active;
};

struct luo {
	bool enabled;
	u64 liveupdate_num;
	bool in_use;			/* /dev/liveupdate is open */
	bool is_deserialized;
	int deserialize_err;
	struct rw_semaphore serialize_rwsem;
	bool rebooting;			/* gate flag */
	struct rw_semaphore closing;	/* gate count: its readers are what is counted */
	struct rw_semaphore register_rwlock;
	struct list_head handlers;
	struct list_head flbs;
	u32 flb_count;
	phys_addr_t flb_outgoing;	/* page of entries, and the previous kernel's or 0 */
	phys_addr_t flb_incoming;
	struct xarray preserved_files;	/* see managed.c */
	struct xarray shared;		/* duplicate share: incoming files by their data */
	struct luo_session_header incoming;
	struct luo_session_header outgoing;
	struct liveupdate_file_handler memfd_handler;
};

/* An ioctl's argument: where it came from, how long user space says it is. */
struct luo_ucmd {
	struct uptr ubuffer;
	u32 user_size;
	void *cmd;
};

/* luo_core.c */
extern const struct file_operations luo_fops;
void luo_early_init(struct machine *m);
void luo_late_init(struct machine *m);
int luo_ucmd_respond(struct machine *m, struct luo_ucmd *ucmd, u64 kernel_size);
int get_user_size(struct machine *m, struct luo_ucmd *ucmd);
int copy_struct_from_user(struct machine *m, void *dst, u64 size,
			  const struct luo_ucmd *ucmd);

/*
 * A string of @size bytes in the handover, for a message, in @buf of @len. Without
 * bounded-print it goes on to the next NUL, whatever is on the way.
 */
void luo_handover_string(struct machine *m, phys_addr_t phys, u32 size, char *buf, u32 len);

/* luo_session.c */
extern const struct file_operations luo_session_fops;
int luo_session_create(struct machine *m, const char *name, struct file **filep);
int luo_session_retrieve(struct machine *m, const char *name, struct file **filep);
int luo_session_deserialize(struct machine *m);
int luo_session_serialize(struct machine *m);
/* It was serialized, but the kernel goes on. */
void luo_session_unserialize(struct machine *m);
/* The last reference is gone; an error of finish() leaves the session. */
int luo_session_put(struct machine *m, struct luo_session *session);
/* Its file was closed, and it could not be finished. */
void luo_session_stuck(struct machine *m, const char *name);
void luo_session_init(struct machine *m);
/* session-close=refused: what the close of the last descriptor says, as FINISH would. */
int luo_session_may_close(struct machine *m, struct luo_session *session);
/*
 * The lists of handlers and FLBs. From 7.1 on they have a lock. Up to 7.0 they change
 * only while there are no sessions (luo_session_quiesce()), and are read as they are;
 * false: there are some.
 */
void luo_register_read_lock(struct machine *m);
void luo_register_read_unlock(struct machine *m);
bool luo_register_write_lock(struct machine *m);
void luo_register_write_unlock(struct machine *m);
int luo_session_setup_outgoing(struct machine *m, void *fdt);
void luo_session_setup_outgoing_ser(struct machine *m, phys_addr_t sessions_pa);
int luo_session_setup_incoming(struct machine *m, const void *fdt);
int luo_session_setup_incoming_ser(struct machine *m, u64 sessions_pa);

/* luo_file.c */
int luo_preserve_file(struct machine *m, struct luo_session *session, u64 token, int fd);
void luo_file_unpreserve_files(struct machine *m, struct luo_file_set *file_set);
int luo_file_freeze(struct machine *m, struct luo_file_set *file_set, phys_addr_t file_set_ser);
void luo_file_unfreeze(struct machine *m, struct luo_file_set *file_set,
		       phys_addr_t file_set_ser);
/* For the ledger: files of a session on its way out are not to be handed over. */
void luo_file_given_up(struct machine *m, const struct luo_file_set *file_set);
/* For the judge: what a reboot that failed left of a file, and its token; or NULL. */
const char *luo_file_after_abort(const struct luo_file_set *file_set, u64 *token);
int luo_retrieve_file(struct machine *m, struct luo_file_set *file_set, u64 token,
		      struct file **filep);
int luo_file_finish(struct machine *m, struct luo_file_set *file_set);
/* What luo_file_finish() would say of all files, before it does anything. */
int luo_file_can_finish(struct machine *m, struct luo_file_set *file_set);
/* Deserialize rollback: finish what there is, whatever the count says. */
void luo_file_discard(struct machine *m, struct luo_file_set *file_set);
int luo_file_deserialize(struct machine *m, struct luo_file_set *file_set,
			 phys_addr_t file_set_ser);
/*
 * For damage.c: the handler of the file with that token, how many files come before
 * it and what it hands over; NULL if there is none.
 */
const struct liveupdate_file_handler *luo_file_nth(struct luo_file_set *file_set, u64 token,
						   u64 *nr, u64 *data);
void luo_file_set_init(struct machine *m, struct luo_file_set *file_set);
void luo_file_set_destroy(struct machine *m, struct luo_file_set *file_set);

/* luo_flb.c */
int luo_flb_setup_outgoing(struct machine *m, void *fdt);
int luo_flb_setup_outgoing_ser(struct machine *m, phys_addr_t flbs_pa);
int luo_flb_setup_incoming(struct machine *m, const void *fdt);
void luo_flb_setup_incoming_ser(struct machine *m, u64 flbs_pa);
void luo_flb_serialize(struct machine *m);
/* A file of @fh is about to be preserved, was unpreserved, was finished. */
int luo_flb_file_preserve(struct machine *m, struct liveupdate_file_handler *fh);
void luo_flb_file_unpreserve(struct machine *m, struct liveupdate_file_handler *fh);
void luo_flb_file_finish(struct machine *m, struct liveupdate_file_handler *fh);
void luo_flb_unregister_all(struct machine *m, struct liveupdate_file_handler *fh);

/* luo_ops.c: the callbacks, as struct liveupdate_file_ops and liveupdate_flb_ops say. */
bool luo_can_preserve(struct machine *m, struct liveupdate_file_handler *fh, struct file *file);
u64 luo_get_id(struct machine *m, struct liveupdate_file_handler *fh, struct file *file);
int luo_preserve(struct liveupdate_file_op_args *args);
void luo_unpreserve(struct liveupdate_file_op_args *args);
int luo_freeze(struct liveupdate_file_op_args *args);
void luo_unfreeze(struct liveupdate_file_op_args *args);
int luo_retrieve(struct liveupdate_file_op_args *args);
bool luo_can_finish(struct liveupdate_file_op_args *args);
void luo_finish(struct liveupdate_file_op_args *args);
int luo_flb_preserve(struct liveupdate_flb_op_args *args);
void luo_flb_unpreserve(struct liveupdate_flb_op_args *args);
int luo_flb_retrieve(struct liveupdate_flb_op_args *args);
void luo_flb_finish(struct liveupdate_flb_op_args *args);

/* memfd_luo.c */
void memfd_luo_init(struct machine *m);
/* What tmpfs_luo.c needs of it: the folios of a tmpfs file, whose lock is held. */
int memfd_luo_preserve_folios(struct machine *m, struct file *file,
			      struct kho_vmalloc *kho_vmalloc, struct vm_struct **folios_serp,
			      u64 *nr_foliosp);
void memfd_luo_unpreserve_folios(struct machine *m, const struct kho_vmalloc *kho_vmalloc,
				 struct vm_struct *folios_ser, u64 nr_folios);
int memfd_luo_retrieve_folios(struct machine *m, struct file *file,
			      const struct vm_struct *folios_ser, u64 nr_folios);
void memfd_luo_discard_folios(struct machine *m, const struct vm_struct *folios_ser,
			      u64 nr_folios);
void memfd_luo_walk_folio(struct machine_walk *w, const void *entry);

/* managed.c: what is "the same object", and who has it. */

/* A file as the policy is asked about it. */
struct managed_file {
	struct luo_file_set *file_set;
	struct liveupdate_file_handler *fh;
	struct file *file;
	u64 token;
	bool incoming;			/* it was retrieved */
};

/*
 * 0, -EBUSY when the object is managed already, -ENOMEM. Where duplicates share,
 * *@managed is the object with one more owner, otherwise NULL.
 */
int policy_claim(struct machine *m, const struct managed_file *mf, struct luo_managed **managed);
/* Give the claim up; the last owner's @managed is gone then. */
void policy_release(struct machine *m, const struct managed_file *mf,
		    struct luo_managed *managed);
/*
 * A table that the policy costs was looked into: it has @entries more than when
 * the heap was @heap. Only machine_stats() reads what is counted.
 */
void policy_cost(struct machine *m, s64 entries, u64 heap);

#endif
