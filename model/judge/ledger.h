/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ledger: ghost state that no kernel has. It records who claims each page
 * frame, who restored it and what preserved files held when their kernel ended.
 * The model writes it and never reads it; judge.c reads it.
 */
#ifndef MODEL_JUDGE_LEDGER_H
#define MODEL_JUDGE_LEDGER_H

#include "luosim.h"
#include "lib/types.h"

struct machine;
struct file;
struct folio;
struct luo_session;

enum claim_state {
	CLAIM_OUTGOING,		/* preserved in the running kernel */
	CLAIM_PENDING,		/* handed over, not read by the new kernel yet */
	CLAIM_INCOMING,		/* a file of an incoming session */
	CLAIM_DONE,		/* unpreserved, or finished */
};

struct extent {
	u32 pfn;
	u32 nr;
};

/* One preserved file: from PRESERVE_FD to unpreserve, or to finish after kexec. */
struct claim {
	enum claim_state state;
	u32 op;			/* operation that preserved it */
	u32 done_op;		/* operation that gave it up; 0: none did */
	u32 kernel;		/* in which it did */
	u64 data_phys;		/* of a tree's kernel: where its handler put what it preserved, */
	bool kept;		/* which it did, */
	bool latched;		/* or could not retrieve; */
	const void *in_session;	/* the session of its code that has it, */
	struct file *retrieved;	/* and what came of a retrieve there */
	char session[LIVEUPDATE_SESSION_NAME_LENGTH];
	u64 token;
	struct file *file;	/* CLAIM_OUTGOING: the preserved file */
	bool flb;		/* of no file: an FLB, @session says which */
	u32 memory;		/* of no file: of kho_caller.c, its number there, from 1 */
	bool promised;		/* the call that preserved it has returned */
	bool serialized;	/* what is handed over names it */
	/* what the file had when its kernel ended */
	const struct file_operations *f_op;
	u64 name;		/* hash of it in its directory; 0: there it has none */
	s64 size, pos;
	u32 seals, f_mode, i_mode;
	u64 hash;
	u32 object;		/* first claim on the same inode */
	bool judged;		/* what was retrieved has been looked at */
	struct extent *extents;	/* frames that KHO was told of for it */
	u32 nr_extents, max_extents;
	u32 data;		/* first extent that the file's handler asked for */
};

/* Per frame; claim numbers count from 1. */
struct ghost {
	u32 claim;		/* who told KHO of the frame first */
	u32 data;		/* claim on the file whose bytes it held at kexec, or 0, or: */
#define DATA_ALIASED	UINT32_MAX	/* several files had it in the old kernel already */
	u32 restored_op:30;	/* operation of this kernel that restored it */
	u32 restored:1;		/* it did */
	u32 preserved:1;	/* the running kernel told KHO to keep it */
};

/* What is compared around a failed operation, and between boot and end. */
enum census_item {
	CENSUS_FRAMES,		/* pages allocated */
	CENSUS_PRESERVED,	/* pages that KHO was told of */
	CENSUS_INCOMING,	/* pages handed over and not restored */
	CENSUS_OBJECTS,		/* heap objects */
	CENSUS_FILES,		/* struct files */
	CENSUS_DESCRIPTORS,
	CENSUS_SIZE,		/* sum of i_size */
	CENSUS_CACHED,		/* pages in page caches */
	CENSUS_PINS,		/* FOLL_PIN references */
	CENSUS_FROZEN,		/* frozen mappings */
	CENSUS_LUO_FILES,
	CENSUS_LATCHED,		/* files whose retrieve failed for good */
	CENSUS_MANAGED,		/* objects that the policy has claims on */
	CENSUS_LOCKS,		/* locks held */
	CENSUS_HANDLERS,	/* what loaded handlers count by themselves */
	NR_CENSUS
};

struct census {
	s64 count[NR_CENSUS];
};

/* What is allocated between the two counts for nobody. */
struct census_pause {
	s64 objects, nodes;
};
struct census_pause census_pause(const struct machine *m);
void census_resume(struct machine *m, const struct census_pause *pause);
/* From here on, that many more are no leak. */
void census_keep(struct machine *m, enum census_item item, s64 nr);

struct ledger {
	u32 found;		/* violations when it began */
	struct census at_op;	/* counts when it began */
	struct census at_boot;
	struct census now;	/* kept by census_add(), see machine.h */
	struct ghost *ghost;	/* by frame */
	struct claim **claims;
	u32 nr_claims, max_claims;
	u32 first_claim;	/* claims before this one are CLAIM_DONE */
	struct violation *violations;	/* not in the arena: most machines have none */
	u32 nr_violations, max_violations;
};

/* Room for @nr violations; host memory that is missing ends the program. */
void ledger_reserve(struct ledger *l, u32 nr);
/* A new claim, which becomes the current one. */
u32 ledger_claim(struct machine *m, const char *session, u64 token);
/* The file of the current claim is known. */
void ledger_claim_file(struct machine *m, struct file *file);
/* Is it a frame that this kernel has restored? For what judges by it. */
bool ledger_is_restored(const struct machine *m, u64 pfn);
/* The same for an FLB; the current claim stays. */
u32 ledger_claim_flb(struct machine *m, const char *compatible);
u32 ledger_incoming_flb(struct machine *m, phys_addr_t phys, const char *compatible);
/* The same for memory of kho_caller.c, which becomes the current one; @what it is. */
u32 ledger_claim_memory(struct machine *m, const char *what, u32 memory);
/*
 * It was taken over, as @nr pages with bytes of that hash: restored, or it @stays as it is,
 * reserved; or it was restored and freed at once.
 */
void ledger_memory_restored(struct machine *m, u32 memory, u64 nr, u64 hash, bool stays);
void ledger_memory_freed(struct machine *m, u32 memory);
/* KHO acts for @claim from here on; returns the one before, to be put back. */
u32 ledger_act_for(struct machine *m, u32 claim);
/* It goes into what is handed over, or is taken out again. */
void ledger_serialize_none(struct machine *m);
void ledger_serialize(struct machine *m, u32 claim, bool serialized);
/* The system call under way returns: what it preserved was promised. */
void ledger_promise(struct machine *m);
/* What KHO is told of for @claim from here on is the handler's, not the session's. */
void ledger_data(struct machine *m, u32 claim);
/* @claim is also one on all of the handler's that the data at @phys was claimed with. */
void ledger_share(struct machine *m, u32 claim, phys_addr_t phys);
/* The claim is over: @claim was given up before kexec, or finished after it. */
void ledger_done(struct machine *m, u32 claim);
/* The claim of that session and token, whose serialized data should be at @phys; 0 if none. */
u32 ledger_incoming(struct machine *m, phys_addr_t phys, const char *session, u64 token);
/* What was read for the claim is dropped, as if it had never been. */
void ledger_unread(struct machine *m, u32 claim);
/* KHO was told to keep frames, or to forget them. */
void ledger_preserve(struct machine *m, u64 pfn, u64 nr, bool keep);
/* kho_restore_page() was called on a frame, and restored @nr from there on, or none. */
void ledger_restore(struct machine *m, u64 pfn, u64 nr);
/* The two halves of that. */
void ledger_restoring(struct machine *m, u64 pfn, u64 nr);
void ledger_restored(struct machine *m, u64 pfn, u64 nr);
/* A frame that is free was given up once more. */
void ledger_freed_twice(struct machine *m, u64 pfn);
/* A folio went into a page cache that some page cache holds already. */
void ledger_alias(struct machine *m, u64 pfn);
/* A clean folio leaves its page cache: it may hold nothing but zeros. */
void ledger_evict(struct machine *m, const struct folio *folio);
/* A file was retrieved: is it what was preserved? */
void ledger_retrieved(struct machine *m, u32 claim, struct file *file);
/* All sessions were deserialized, without an error: is nothing missing? */
void ledger_deserialized(struct machine *m);
/* What was deserialized was discarded, as a failure asked for it. */
void ledger_rolled_back(struct machine *m);
/* What came since @before is the kernel's own, and stays: nothing of it is a leak. */
struct census ledger_counts(const struct machine *m);
void ledger_kept(struct machine *m, const struct census *before);
/* The kernel ends, or has come up. */
void ledger_kexec(struct machine *m);
/* It ends in a panic: nobody waits for what it had. */
void ledger_crash(struct machine *m);
void ledger_booted(struct machine *m);

/* A hash of what the pages of an inode read as. */
u64 inode_hash(struct machine *m, struct inode *inode);

int ledger_init(struct machine *m);
struct violation *ledger_violation(struct machine *m, enum violation_kind kind, u64 pfn);

/* judge.c */
void judge(struct machine *m, enum violation_kind kind, u64 pfn, const char *fmt, ...)
	__printf(4, 5);
/* Of tasks: that of @waits_op waits, and that of @other_op is the other one; 0: none. */
void judge_tasks(struct machine *m, enum violation_kind kind, u32 waits_op, u32 other_op,
		 const char *fmt, ...) __printf(5, 6);
/* VIOLATION_EXPOSED, in a line of the kernel's log. */
void judge_log(struct machine *m, const char *fmt, ...) __printf(2, 3);
void judge_warn(struct machine *m, const char *func);
/* A reboot that got as far as LUO has failed: are sessions as they were before? */
void judge_abort(struct machine *m);

#endif
