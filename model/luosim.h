/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libluosim: a deterministic model of Linux live update (LUO over KHO).
 *
 * A machine runs one kernel after another. The caller makes system calls on it
 * with the sys_* functions, reads what happened from a stream of events, and
 * asks the judge at the end which invariants broke. Nothing here reads a clock,
 * a random number or a file; the same calls give the same results, always.
 *
 * Context: a machine is used by one thread at a time; machines are independent.
 */
#ifndef LUOSIM_H
#define LUOSIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "luosim-words.h"

#ifdef __cplusplus
extern "C" {
#endif

struct machine;

/* ------------------------------------------------------------------------
 * Releases, fixes, limits and policies: what a kernel is made of.
 */

/**
 * enum fix - one correction or feature that a release has or has not.
 *
 * fix_table() gives the name, the bug that it cures and the first release of
 * each; a release row holds the set as a bit mask of FIX_BIT().
 */
enum fix {
	FIX_RETRIEVE_STATUS,
	FIX_MEMFD_UPTODATE,
	FIX_DESERIALIZE_ERROR,
	FIX_SESSION_ALLOC_ERROR,
	FIX_FILE_COUNT,
	FIX_SERIALIZE_RWSEM,
	FIX_IOCTL_DIRECTION,
	FIX_NAME_LENGTH,
	FIX_FINISH_RESERVED,
	FIX_GET_NAME,
	FIX_MEMFD_SEALS,
	FIX_MEMFD_EFBIG,
	FIX_MEMFD_PFN_PHYS,
	FIX_MEMFD_RESTORE_EIO,
	FIX_MEMFD_REMOVE_FOLIO,
	FIX_MEMFD_ACCT_FOLIO,
	FIX_MEMFD_SEAL_EXEC,
	FIX_SHMEM_LARGE_WRITE,
	FIX_REGISTER_ANYTIME,
	FIX_FLB_INCOMING_REFS,
	FIX_FLB_OUTGOING_REFS,
	FIX_FLB_RETRIEVE_STATUS,
	FIX_FLB_FINISH_STATE,
	FIX_KVM_TOKEN_FREEZE,
	FIX_KVM_MMU_FREEZE,
	FIX_KVM_MEM_ATTRS,
	FIX_GMEM_SHARED_ONLY,
	FIX_VFIO_V5,
	FIX_IOMMU_V5,
	FIX_PCI_V9,
	FIX_RETRIEVE_LOCK,
	FIX_MODULE_PUT_LAST,
	FIX_UNFREEZE_DATA,
	FIX_KEXEC_JUMP,
	FIX_REBOOT_ABORT,
	FIX_BOUNDED_PRINT,
	FIX_BLOCK_CHECKS,
	FIX_EXTENT_CHECKS,
	FIX_SUBTREE_ERROR,
	FIX_VMALLOC_CHUNKS,
	FIX_RESTORE_GIGANTIC,
	FIX_RESERVE_SIZE,
	FIX_CHUNK_FREE_PAGE,
	FIX_POPULATE_UNMAP,
	FIX_RESTORE_TAGS,
	FIX_RESTORE_KASAN,
	FIX_DEBUGFS_SIZE,
	FIX_PRESERVE_NODES,
	FIX_SCRATCH_ALIGN,
	FIX_DEFERRED_INIT,
	FIX_EXTEND_SCRATCH,
	FIX_SCRATCH_HUGETLB,
	FIX_CRASH_IMAGE,
	FIX_CRASH_NO_KHO,
	FIX_HWPOISON_KHO,
	NR_FIXES
};

#define FIX_BIT(fix)	(1ull << (fix))

/**
 * struct fix_info - what is known of one fix.
 * @name: the word that --with, --without and reports use.
 * @bug: id in docs/bugs.md ("B23"), or "" for a feature.
 * @about: one sentence, without a full stop.
 */
struct fix_info {
	const char *name;
	const char *bug;
	const char *about;
};

/**
 * enum limit - a number of a release that a run may change.
 * @LIMIT_SESSIONS: sessions the outgoing array holds; 0 in releases with blocks.
 * @LIMIT_FILES: files the array of a session holds; 0 in releases with blocks.
 * @LIMIT_SESSIONS_PER_BLOCK: entries in one block of sessions; 0 with arrays.
 * @LIMIT_FILES_PER_BLOCK: entries in one block of files; 0 with arrays.
 * @LIMIT_BLOCKS: blocks in one chain (KHO_MAX_BLOCKS).
 * @LIMIT_NOFILE: file descriptors a process may have open (RLIMIT_NOFILE).
 */
enum limit {
	LIMIT_SESSIONS,
	LIMIT_FILES,
	LIMIT_SESSIONS_PER_BLOCK,
	LIMIT_FILES_PER_BLOCK,
	LIMIT_BLOCKS,
	LIMIT_NOFILE,
	NR_LIMITS
};

/** enum identity - what makes two preserved files "the same object". */
enum identity {
	IDENTITY_NONE,		/* nothing does: 6.19, 7.0 */
	IDENTITY_FILE,		/* the struct file: a global xarray keyed by it */
	IDENTITY_INODE,		/* the inode, as a key */
	IDENTITY_INODE_FLAG,	/* one bit in the inode, which cannot fail */
	IDENTITY_GET_ID,	/* what the handler's get_id() says: 7.1 on */
	IDENTITY_PLUGIN,	/* what a loaded policy says */
};

/** enum scope - among which files an object must be the only one. */
enum scope {
	SCOPE_GLOBAL,		/* all sessions, outgoing and retrieved: 7.1 on */
	SCOPE_GLOBAL_OUTGOING,	/* all outgoing sessions; retrieve does not look */
	SCOPE_SESSION,		/* the files of one session */
	NR_SCOPES
};

/** enum duplicate - what a second preserve of one object gets. */
enum duplicate {
	DUPLICATE_BUSY,		/* -EBUSY: 7.1 on */
	DUPLICATE_ACCEPT,	/* it is preserved once more */
	DUPLICATE_SHARE,	/* a second token, one owner count: docs/policies.md */
	NR_DUPLICATES
};

/** enum restore - what KHO does for each folio. */
enum restore {
	RESTORE_ONE_SHOT,	/* one bit, one restore */
	RESTORE_REFCOUNT,	/* as many restores as preserves: docs/policies.md */
};

/** enum deserialize_failure - what follows when a session cannot be read. */
enum deserialize_failure {
	DESERIALIZE_RELEASE,	/* latch with the fix deserialize-error, else ignore */
	DESERIALIZE_IGNORE,	/* go on without the rest of that session's files */
	DESERIALIZE_LATCH,	/* leak what was read, fail every open */
	DESERIALIZE_ROLLBACK,	/* discard all that was read, fail every open */
	DESERIALIZE_PANIC,
};

/** enum retrieve_failure - what a second retrieve gets after one that failed. */
enum retrieve_failure {
	RETRIEVE_RELEASE,	/* latch with the fix retrieve-status, else retry */
	RETRIEVE_RETRY,		/* the handler is asked again */
	RETRIEVE_LATCH,		/* the first one's errno */
};

/** enum reboot_gate - what keeps calls on sessions and their serialization apart. */
enum reboot_gate {
	GATE_RELEASE,		/* rwsem with the fix serialize-rwsem, else none */
	GATE_NONE,
	GATE_FLAG,		/* calls fail with -EBUSY; close() goes on */
	GATE_PIN,		/* the reboot holds a reference to each outgoing session */
	GATE_FLAG_PIN,		/* both */
	GATE_COUNT,		/* reboot waits for close(), then as flag; close() sleeps */
	GATE_HEADER_RWSEM,	/* calls take the rwsem of the session's list */
	GATE_RWSEM,		/* a rwsem of its own, held for ever after success */
	NR_REBOOT_GATES
};

/** enum session_close - what becomes of a session when FINISH at its close is refused. */
enum session_close {
	SESSION_CLOSE_STUCK,	/* nobody can retrieve or finish it any more: merged */
	SESSION_CLOSE_AGAIN,	/* it can be retrieved again */
	SESSION_CLOSE_REFUSED,	/* close() fails, and leaves the descriptor as it was */
};

/** enum session_inode - what inode the file of a session has. */
enum session_inode {
	SESSION_INODE_SHARED,	/* the anonymous one: merged */
	SESSION_INODE_OWN,	/* one of its own */
	SESSION_INODE_MAGIC,	/* likewise, in a file system whose type says what it is */
};

/** enum compat - how a kernel tells whether it can read what a handler handed over. */
enum compat {
	COMPAT_STRING,		/* one compatible string, which must be the same: merged */
	COMPAT_SUB,		/* likewise, followed by those of its parts */
	COMPAT_FLAGS,		/* the string, and no flag of a file that it does not know */
};

/**
 * struct luosim_object - a file as a loaded policy sees it.
 * @file: number of the struct file, the same for the life of the kernel.
 * @inode: number of its inode, which unrelated files may share: those of one device
 *	node, and most of anonymous inodes.
 * @id: what the handler's get_id() says; @file for a handler without one.
 * @session: number of the session.
 * @token: the token in that session.
 * @incoming: it was retrieved; otherwise it is being preserved.
 * @compatible: the handler's compatible string.
 * @process: who asks: the name of the process that preserves or retrieves it,
 * @uid: and its user.
 * @owner: the user whose process made the inode; of a retrieved file who retrieved it.
 * @session_owner: the user whose process created or retrieved the session.
 * @kind: what file_kind_name() says, "memfd", or "" of any other file.
 * @seals: F_SEAL_* mask; 0 of files without any.
 * @release: the name of the running release.
 */
struct luosim_object {
	uint64_t file;
	uint64_t inode;
	uint64_t id;
	uint64_t session;
	uint64_t token;
	bool incoming;
	const char *compatible;
	const char *process;
	uint32_t uid, owner, session_owner;
	const char *kind;
	uint32_t seals;
	const char *release;
};

#define LUOSIM_POLICY_ABI	2

/**
 * struct luosim_policy - a policy of a designer's own, in a shared object that
 * exports it as "luosim_policy".
 * @abi: LUOSIM_POLICY_ABI.
 * @name: what reports call it, at most 31 characters.
 * @key: store in @key what identifies the object, among the files of @scope;
 *	false when nothing does, so that it is never a duplicate.
 * @scope: see &enum scope.
 * @duplicate: see &enum duplicate.
 * @permit: may the object be preserved at all? 0, or the negative errno that
 *	PRESERVE_FD returns; NULL: always.
 */
struct luosim_policy {
	uint32_t abi;
	const char *name;
	bool (*key)(const struct luosim_object *object, uint64_t *key);
	enum scope scope;
	enum duplicate duplicate;
	int (*permit)(const struct luosim_object *object);
};

/**
 * struct policy - one point in the space of ownership policies.
 * @name: what reports call it: a preset's name, or the values joined by commas.
 * @identity: the key that the table of managed files is indexed by.
 * @scope: see &enum scope.
 * @duplicate: see &enum duplicate.
 * @restore: see &enum restore.
 * @deserialize: see &enum deserialize_failure.
 * @retrieve: see &enum retrieve_failure.
 * @gate: see &enum reboot_gate.
 * @session_close: see &enum session_close.
 * @session_inode: see &enum session_inode.
 * @compat: see &enum compat.
 * @plugin: of IDENTITY_PLUGIN.
 * @call_key: calls the plugin's key(), as foreign code may need to be watched; NULL: it is
 *	just called.
 * @call_permit: likewise.
 */
struct policy {
	char name[64];
	enum identity identity;
	enum scope scope;
	enum duplicate duplicate;
	enum restore restore;
	enum deserialize_failure deserialize;
	enum retrieve_failure retrieve;
	enum reboot_gate gate;
	enum session_close session_close;
	enum session_inode session_inode;
	enum compat compat;
	const struct luosim_policy *plugin;
	bool (*call_key)(const struct luosim_policy *plugin,
			 const struct luosim_object *object, uint64_t *key);
	int (*call_permit)(const struct luosim_policy *plugin,
			   const struct luosim_object *object);
};

/**
 * enum handler - file handlers that were posted and not merged; memfd's is always there.
 * @HANDLER_TMPFS: mounts of tmpfs, and the files in them.
 * @HANDLER_HUGETLB: memfds of huge pages, and the FLB that counts those.
 * @HANDLER_IOMMUFD: iommufds with the memfds that are mapped in them.
 * @HANDLER_SHIPPED: the first of those that handler_shipped() has.
 */
enum handler {
	HANDLER_TMPFS,
	HANDLER_HUGETLB,
	HANDLER_IOMMUFD,
	HANDLER_SHIPPED,
	NR_SHIPPED = 5,
	NR_HANDLERS = HANDLER_SHIPPED + NR_SHIPPED
};

#define HANDLER_BIT(handler)	(1ull << (handler))
/* The scripted handlers, in the order of machine_config.scripts. */
#define HANDLER_SCRIPTED(i)	(NR_HANDLERS + (i))
#define HANDLERS_SCRIPTED	(~0ull << NR_HANDLERS)

/** handler_name() - the word for a handler, such as "iommufd". */
const char *handler_name(enum handler handler);

/** handler_find() - the handler of that name, or -ENOENT. */
int handler_find(const char *name);

/**
 * struct stable_range - the stable releases that a row stands for.
 * @major, @minor: the series; 0 and 0 in a row that is no release yet.
 * @first, @last: of the series, inclusive.
 */
struct stable_range {
	unsigned int major, minor;
	unsigned int first, last;
};

/**
 * struct release - one kernel release as a row of data.
 * @name: "v7.1", or "v7.1.0" of a @stable row.
 * @uname: the stable release that the row follows, "7.1.13".
 * @covers: the stable releases that are known to be like that one.
 * @stable: another row than this has the name of the series, and stands for it.
 * @kho_compatible: compatible string of the KHO root FDT.
 * @luo_compatible: compatible string of the LUO FDT or of struct luo_ser.
 * @session_compatible: of the LUO FDT's session node; NULL since struct luo_ser.
 * @flb_compatible: of the LUO FDT's FLB node; NULL without one.
 * @memfd_compatible: of the memfd file handler.
 * @kho_radix: KHO tracks pages in a radix tree that the next kernel reads as it
 *	is (7.1 on); otherwise in xarrays that kho_finalize() serializes.
 * @kho_keys: that tree is of keys, by which its functions are called (7.3 on), and not of pages.
 * @blob_size: subtrees carry their size in the KHO FDT (7.1 on).
 * @fdt_unaligned: libfdt takes an FDT whose blocks are not aligned (6.19; 7.0 was not read,
 *	7.1 does not).
 * @populate_error: KHO says which error keeps it from reviving a handover (6.19).
 * @kexec_metadata: KHO hands over the release and the count of kexecs (7.1 on).
 * @luo_ser: LUO hands over struct luo_ser and block chains (7.2 on) instead of
 *	an FDT and arrays.
 * @limit: see &enum limit.
 * @fixes: mask of FIX_BIT().
 * @handlers: mask of HANDLER_BIT(): the handlers that are loaded.
 * @posted: it is no release yet: the latest one and what was posted for the next.
 * @policy: the ownership policy that was merged.
 * @tree: a kernel tree whose own code runs; NULL: the model's.
 */
struct release {
	const char *name;
	const char *uname;
	struct stable_range covers;
	bool stable;
	const char *kho_compatible;
	const char *luo_compatible;
	const char *session_compatible;
	const char *flb_compatible;
	const char *memfd_compatible;
	bool kho_radix;
	bool kho_keys;
	bool blob_size;
	bool fdt_unaligned;
	bool populate_error;
	bool kexec_metadata;
	bool luo_ser;
	uint64_t limit[NR_LIMITS];
	uint64_t fixes;
	uint64_t handlers;
	bool posted;
	struct policy policy;
	struct luosim_tree *tree;
};

/**
 * release_table() - all releases, oldest first.
 * @nr: where to store how many there are.
 * Return: an array with static storage.
 */
const struct release *release_table(size_t *nr);

/**
 * release_find() - look a release up by name.
 * @name: of a row; or a release, with or without the v: "7.1.13" is of the row that
 *	covers it, or else of the row of its series that comes nearest by number.
 * Return: the row, or NULL if there is none of that series.
 */
const struct release *release_find(const char *name);

/**
 * release_covers() - does @release stand for the release @name by what is known?
 * @release: what release_find() found for it; if it does not, it is but the nearest.
 */
bool release_covers(const struct release *release, const char *name);

/** release_is_series() - does @name name a series, as "v7.1" or "7.1" does? */
bool release_is_series(const char *name);

/** release_same_series() - are both of 7.1, say? */
bool release_same_series(const struct release *a, const struct release *b);

/**
 * release_above() - of a series that has no row, the next that has one.
 * @name: "v6.20".
 * Return: the row; what is no release yet if there is no later one; NULL if @name is
 *	no release.
 */
const struct release *release_above(const char *name);

/**
 * fix_table() - what is known of each fix, indexed by &enum fix.
 * Return: NR_FIXES entries with static storage.
 */
const struct fix_info *fix_table(void);

/** fix_find() - the fix of that name, or -ENOENT. */
int fix_find(const char *name);

/** limit_name() - the word for a limit, such as "files-per-block". */
const char *limit_name(enum limit limit);

/** limit_find() - the limit of that name, or -ENOENT. */
int limit_find(const char *name);

/**
 * policy_presets() - the named policies.
 * @nr: where to store how many there are.
 * Return: an array with static storage.
 */
const struct policy *policy_presets(size_t *nr);

/**
 * policy_equal() - do two policies do the same? Their names do not matter.
 */
bool policy_equal(const struct policy *a, const struct policy *b);

/**
 * policy_axis() - the axes and their values, for lists and messages.
 * @axis: counted from 0.
 * @values: where to store the values' names, which end with NULL.
 * Return: the axis's name, or NULL after the last one.
 */
const char *policy_axis(size_t axis, const char *const **values);

/** policy_value() - the name of the value that @policy has on @axis. */
const char *policy_value(const struct policy *policy, size_t axis);

/**
 * policy_plug() - use a loaded policy.
 * @policy: its identity, scope and duplicate become the plugin's.
 * Return: 0; -EPROTO for another ABI; -EINVAL when something is missing.
 */
int policy_plug(struct policy *policy, const struct luosim_policy *plugin);

/**
 * policy_parse() - read "PRESET", "AXIS=VALUE" or a comma-joined mix.
 * @text: what to read. A preset sets identity, scope, duplicate and restore.
 * @policy: in: what the axes that @text does not name keep; out: the result.
 * @bad: set to the first character of the word that was not understood.
 * Return: 0, or -EINVAL with @policy unchanged.
 */
int policy_parse(const char *text, struct policy *policy, const char **bad);

/**
 * struct luosim_tree_info - what an object of luosim build-kernel was made of.
 * @version: by the tree's Makefile, "7.3.4".
 * @commit: "" when the tree is no git checkout; with "-dirty" when files differ from it.
 * @config: a digest of the configuration.
 * @missing: functions that it calls and luosim does not supply, with spaces between.
 */
struct luosim_tree_info {
	const char *version;
	const char *commit;
	const char *config;
	const char *missing;
};

/** struct luosim_tree - a loaded object: a kernel tree's own live update code. */
struct luosim_tree;

/**
 * luosim_tree_load() - load what luosim build-kernel has made.
 * @path: with a '/' in it.
 * @wrong: where to store what is wrong with it: "is of another version...".
 * Return: the tree, for struct release; or NULL.
 * Context: machines that run on one tree must be used by one thread.
 */
struct luosim_tree *luosim_tree_load(const char *path, const char **wrong);

/** luosim_tree_unload() - give it back; no machine may be left that runs on it. */
void luosim_tree_unload(struct luosim_tree *tree);

/** luosim_tree_info() - what it was made of. */
const struct luosim_tree_info *luosim_tree_info(const struct luosim_tree *tree);

/**
 * luosim_tree_counters() - how often each edge of the tree's code was run since it was loaded.
 * @nr: where to store how many there are; 0: it was not built with --coverage.
 * Return: the counters, which go on counting; no snapshot brings them back.
 */
const int64_t *luosim_tree_counters(const struct luosim_tree *tree, size_t *nr);

/**
 * luosim_tree_race() - a data race that was seen since the tree was loaded.
 * @i: counted from 0, in the order in which they were seen.
 * Return: both sides in words, or NULL: there are no more. Always that, where the tree was
 *	not built with --preempt=access.
 */
const char *luosim_tree_race(const struct luosim_tree *tree, unsigned int i);

/* ------------------------------------------------------------------------
 * Events: everything that happens, as one stream.
 */

/**
 * enum event_type - kind of an event.
 * @EVENT_LOG: a line that the kernel printed; @text holds it.
 * @EVENT_WARN: a WARN; @func is the function, @chain its callers, nearest first.
 * @EVENT_PANIC: the kernel stopped for good; @text is the panic line.
 * @EVENT_BOOT: a kernel came up; @text is its release.
 * @EVENT_VIOLATION: the judge found an invariant broken; @violation says which.
 */
enum event_type {
	EVENT_LOG,
	EVENT_WARN,
	EVENT_PANIC,
	EVENT_BOOT,
	EVENT_VIOLATION,
};

/** enum log_level - how loudly a line was printed. */
enum log_level { LOG_INFO, LOG_WARN, LOG_ERR };

/**
 * enum violation_kind - the invariants, see docs/design.md "What must hold".
 */
enum violation_kind {
	VIOLATION_DOUBLE_RESTORE,
	VIOLATION_ALIAS,
	VIOLATION_STOLEN,
	VIOLATION_LOST,
	VIOLATION_LEAK,
	VIOLATION_EXPOSED,
	VIOLATION_UNCLEAN_ERROR,
	VIOLATION_UNCLEAN_ABORT,
	VIOLATION_STUCK,
	VIOLATION_USE_AFTER_FREE,
	VIOLATION_DATA_RACE,
	VIOLATION_WARN,
	VIOLATION_PANIC,
	NR_VIOLATION_KINDS
};

/** violation_name() - "double-restore" and so on. */
const char *violation_name(enum violation_kind kind);

/** violation_find() - the kind of that name, or -ENOENT. */
int violation_find(const char *name);

/**
 * struct violation - one broken invariant.
 * @kind: which.
 * @op: the caller's number of the operation during which it was found, as given
 *	to machine_begin_op(); 0 at the end, in machine_end().
 * @pfn: the first page frame concerned, or 0.
 * @nr_claims: how many of @claims are set.
 * @claims: who claimed the frame: operation, session, token, the range of frames
 *	that it claimed around this one, and the operation that gave it up, or 0; @memory:
 *	no file of a session did but a caller of KHO, and @session says what it is.
 * @restored_op: the operation that had restored the frame before, or 0.
 * @in_log: of VIOLATION_EXPOSED: what shows it is not a file but the kernel's log.
 * @waits_op: the operation of the task that sleeps for ever, or 0.
 * @other_op: that of the task that holds what it waits for, or has freed what is used; or 0.
 * @text: one sentence without a full stop, naming what broke, but neither @pfn nor
 *	operations, which are for those who show it to name.
 */
struct violation {
	enum violation_kind kind;
	uint32_t op;
	uint64_t pfn;
	uint32_t nr_claims;
	struct {
		uint32_t op, done_op;
		char session[64];
		uint64_t token;
		uint64_t pfn, nr;
		bool memory;
	} claims[4];
	uint32_t restored_op, waits_op, other_op;
	bool in_log;
	char text[200];
};

/**
 * struct event - one entry of the stream; valid only during the callback.
 * @type: see &enum event_type; the other members as that says.
 * @level: of EVENT_LOG.
 * @kernel: which kernel, counted from 1.
 * @text: of EVENT_LOG, EVENT_PANIC, EVENT_BOOT.
 * @simulator: of EVENT_LOG, EVENT_PANIC: no kernel says it, but the simulator of itself.
 * @func: of EVENT_WARN: the function whose WARN it is.
 * @chain: of EVENT_WARN: its callers; of EVENT_VIOLATION: where in the kernel it was
 *	found, the function called last first.
 * @depth: entries in @chain.
 * @violation: of EVENT_VIOLATION.
 */
struct event {
	enum event_type type;
	enum log_level level;
	unsigned int kernel;
	const char *text;
	bool simulator;
	const char *func;
	const char *const *chain;
	unsigned int depth;
	const struct violation *violation;
};

/* ------------------------------------------------------------------------
 * Machines.
 */

/** enum handler_call - callbacks of handlers and FLBs, all of which a script can let fail. */
enum handler_call {
	CALL_PRESERVE,
	CALL_FREEZE,
	CALL_RETRIEVE,
	CALL_FLB_PRESERVE,
	CALL_FLB_RETRIEVE,
	CALL_CAN_PRESERVE,
	CALL_CAN_FINISH,
	CALL_UNPRESERVE,
	CALL_UNFREEZE,
	CALL_FINISH,
	CALL_FLB_UNPRESERVE,
	CALL_FLB_FINISH,
	NR_HANDLER_CALLS
};

/** handler_call_name() - the word for a callback, such as "flb_preserve". */
const char *handler_call_name(enum handler_call call);

/** handler_call_find() - the callback of that name, or -ENOENT. */
int handler_call_find(const char *name);

/** enum handler_finish - what can_finish() of a scripted handler says. */
enum handler_finish { FINISH_ALWAYS, FINISH_RETRIEVED, FINISH_NEVER };

/** enum handler_id - what get_id() of a scripted handler says. */
enum handler_id { ID_FILE, ID_INODE, ID_CONSTANT, ID_EXPR };

/**
 * enum script_term - what an expression of a script is made of, in postfix order.
 * @TERM_NUMBER: a number of its own.
 * @TERM_FILE: number of the struct file; and @TERM_INODE of its inode.
 * @TERM_SIZE: i_size; @TERM_STATE: the count of an eventfd, or the position;
 *	@TERM_SEALS: seals. 0 of a file that was not retrieved.
 * @TERM_RETRIEVED: 1 when the file was retrieved, else 0.
 * @TERM_CALL: which call of that callback it is in the kernel, counted from 1; 0 in an id.
 * @TERM_KERNEL: the number of the kernel.
 * @TERM_OR: from here on operators, of the two terms before them.
 */
enum script_term {
	TERM_NUMBER,
	TERM_FILE, TERM_INODE, TERM_SIZE, TERM_STATE, TERM_SEALS, TERM_RETRIEVED, TERM_CALL,
	TERM_KERNEL,
	TERM_OR, TERM_AND, TERM_EQ, TERM_NE, TERM_LT, TERM_LE, TERM_GT, TERM_GE,
	TERM_BITOR, TERM_BITAND, TERM_ADD, TERM_SUB, TERM_MUL, TERM_DIV, TERM_MOD,
	NR_SCRIPT_TERMS
};

#define MAX_SCRIPT_TERMS	24

/**
 * struct script_expr - an expression; numbers have 64 bits without a sign.
 * @nr: terms; 0: there is none.
 * @term: see &enum script_term.
 * @number: of TERM_NUMBER.
 */
struct script_expr {
	uint32_t nr;
	uint8_t term[MAX_SCRIPT_TERMS];
	uint64_t number[MAX_SCRIPT_TERMS];
};

/**
 * enum script_failure - how a callback of a scripted handler fails.
 * @FAILS_AT_ONCE: it does nothing, and returns the errno if it returns any.
 * @FAILS_AND_KEEPS: it returns the errno and keeps what it has made up to there.
 * @FAILS_WITHOUT_FILE: retrieve() returns 0, and has no file to give.
 */
enum script_failure { FAILS_AT_ONCE, FAILS_AND_KEEPS, FAILS_WITHOUT_FILE };

/**
 * enum script_need - how far another file of the session must be.
 * @NEED_PRESERVED: before preserve(), or that returns -ENOENT.
 * @NEED_FROZEN: before freeze(), or that returns -EBUSY.
 * @NEED_RETRIEVED: before retrieve(), or that returns -EBUSY.
 * @NEED_FINISHED: before finish(), or that warns.
 */
enum script_need { NEED_PRESERVED, NEED_FROZEN, NEED_RETRIEVED, NEED_FINISHED, NR_SCRIPT_NEEDS };

struct luosim_handler;

/* What "loses" names. */
#define LOSES_STATE	(1 << 0)
#define LOSES_BYTES	(1 << 1)

/* A scripted handler has no more FLBs, needs, compatible strings and features than this. */
#define MAX_SCRIPT_FLBS		4
#define MAX_SCRIPT_NEEDS	4
#define MAX_SCRIPT_COMPATIBLE	4
#define MAX_SCRIPT_FEATURES	4

/* Pages of one file that it hands over, at most. */
#define MAX_SCRIPT_FOLIOS	250

/**
 * struct handler_script - a file handler made to order. It keeps the count of an
 * eventfd, and of other files the position; the bytes of memfds and of its own files.
 * @name: what it is called, and its compatible string unless @compatible says another.
 * @accepts: mask of 1 << &enum file_kind: the files that it takes.
 * @fail: for each callback: the errno, negative, -1 where it returns none, or 0; which
 *	call of a kernel's fails, counted from 1; 0 for all; and how.
 * @finish: see &enum handler_finish.
 * @id: see &enum handler_id.
 * @constant: of ID_CONSTANT.
 * @id_expr: of ID_EXPR.
 * @can_preserve, @can_finish: what must be true besides; may be empty.
 * @flb: compatible strings of the FLBs that its files need, in the order in which
 *	they are registered; "" ends them. Handlers that name the same FLB share it.
 * @flb_on: for each the handler whose files need it; "": its own.
 * @folios: pages of each of its own files; of a file of another kind, pages that are
 *	handed over in addition to it.
 * @loses: mask of LOSES_STATE and LOSES_BYTES: what does not come back.
 * @leaks: mask of 1 << &enum handler_call: which take a page and never give it back.
 * @needs: what there must be of other handlers' files in the session; "" ends them.
 * @compatible: compatible strings, each from that kernel on; "" ends them.
 * @features: what it knows besides, in those kernels; which of its files use that: all, or
 *	those of which @uses is true. "" ends them.
 * @twice: it is registered once more, which is refused.
 * @plugin: it is this code, see luosim-handler.h, which handler_plug() has set with
 *	@name; but for @path and @watch, all else is 0 then. NULL: it is the script.
 * @path: of @plugin, for who prints it.
 * @watch: called before a callback of @plugin, and with NULL after it, as foreign code
 *	may need to be watched; may be NULL.
 * @accuse: called when @plugin has done in @function what no luosim can go on after; it does
 *	not return. NULL: abort().
 */
struct handler_script {
	char name[32];
	uint32_t accepts;
	struct {
		int error;
		uint32_t nth;
		enum script_failure how;
	} fail[NR_HANDLER_CALLS];
	enum handler_finish finish;
	enum handler_id id;
	uint64_t constant;
	struct script_expr id_expr, can_preserve, can_finish;
	char flb[MAX_SCRIPT_FLBS][32];
	char flb_on[MAX_SCRIPT_FLBS][32];
	uint32_t folios;
	uint32_t loses;
	uint32_t leaks;
	struct {
		char handler[32];
		enum script_need what;
	} needs[MAX_SCRIPT_NEEDS];
	struct {
		uint32_t kernel;
		char text[48];
	} compatible[MAX_SCRIPT_COMPATIBLE];
	struct {
		char name[16];
		uint32_t first, last;
		struct script_expr uses;
	} features[MAX_SCRIPT_FEATURES];
	bool twice;
	const struct luosim_handler *plugin;
	const char *path;
	void (*watch)(const struct handler_script *script, const char *function);
	void (*accuse)(const struct handler_script *script, const char *function,
		       const char *what);
};

#define MAX_NODES	8

#define RESERVE_MEM_NAME_SIZE	16
#define RESERVE_MEM_MAX_ENTRIES	8

/**
 * handler_plug() - use a loaded handler.
 * @script: gets its name.
 * Return: 0; -EPROTO for another ABI; -EINVAL when something is missing.
 */
int handler_plug(struct handler_script *script, const struct luosim_handler *plugin);

/** handler_shipped() - the @i-th handler that luosim brings along; NULL after the last. */
const struct handler_script *handler_shipped(unsigned int i);

/** handler_calls() - operations that a shipped or loaded handler brings, or NULL. */
const struct luosim_call *handler_calls(const struct handler_script *script);

/** handler_kinds() - kinds of files for searched worlds that it brings, or NULL. */
const struct luosim_kind *handler_kinds(const struct handler_script *script);

/** handler_field() - its @i-th field of what is handed over, and its bits; NULL after the last. */
const char *handler_field(const struct handler_script *script, unsigned int i, unsigned int *bits);

/** handler_names() - what failures call its handlers, ends with NULL; or NULL. */
const char *const *handler_names(const struct handler_script *script);

/**
 * struct boot - what one kernel is started with.
 * @release: the row to run, changed by the caller as it likes; copied.
 * @kho: boot option kho=.
 * @liveupdate: boot option liveupdate=.
 * @panic_on_warn: sysctl panic_on_warn, from the first instruction on.
 * @kasan: KASAN looks after vmalloc areas (CONFIG_KASAN_VMALLOC).
 * @mem_profiling: allocations are counted by their place in the code, and the counts checked
 *	(CONFIG_MEM_ALLOC_PROFILING_DEBUG, sysctl vm.mem_profiling).
 * @deferred_init: most struct pages are initialized after the scratch areas are in use
 *	(CONFIG_DEFERRED_STRUCT_PAGE_INIT).
 * @debugfs: CONFIG_KEXEC_HANDOVER_DEBUGFS, see sys_read_kho_debugfs().
 * @scratch: boot option kho_scratch=, bytes of the lowmem, the global and each node's area;
 *	all 0: a 64th of memory at its end, which nobody gets.
 * @nodes: NUMA nodes, 1 to MAX_NODES; 0 is 1.
 * @crashkernel: boot option crashkernel=, bytes that are set aside for the crash kernel, which
 *	takes no notice of it.
 * @hugepages: boot option hugepages=, of 2 MiB each.
 * @gigantic_pages: boot options hugepagesz=1G hugepages=; they are set aside, and no more.
 * @reserve_mem: boot options reserve_mem=, SIZE:ALIGN:NAME each, joined with commas, or
 *	NULL; it must live as long as the machine.
 */
struct boot {
	struct release release;
	bool kho;
	bool liveupdate;
	bool panic_on_warn;
	bool kasan;
	bool mem_profiling;
	bool deferred_init;
	bool debugfs;
	uint64_t scratch[3];
	uint64_t crashkernel;
	uint32_t nodes;
	uint32_t hugepages, gigantic_pages;
	const char *reserve_mem;
};

/* Memory that a machine may have, in bytes. */
#define MACHINE_MIN_MEM	(4ull << 20)
#define MACHINE_MAX_MEM	(1ull << 40)

/* More scripted handlers than this are not loaded. */
#define MAX_SCRIPTS	16

/**
 * struct machine_config - what a machine is made with.
 * @boot: its first kernel.
 * @mem: memory in bytes, MACHINE_MIN_MEM to MACHINE_MAX_MEM, rounded down to whole 4 MiB.
 * @emit: called for each event, in order; may be NULL.
 * @data: passed to @emit.
 * @scripts: scripted handlers, which must live as long as the machine.
 * @nr_scripts: how many there are, at most MAX_SCRIPTS.
 * @no_log: there is no EVENT_LOG, which takes the time to format the lines.
 */
struct machine_config {
	struct boot boot;
	uint64_t mem;
	void (*emit)(void *data, const struct event *event);
	void *data;
	const struct handler_script *scripts;
	unsigned int nr_scripts;
	bool no_log;
};

/**
 * machine_new() - make a machine and boot its first kernel.
 * @config: copied.
 * Return: the machine, or NULL with errno ENOMEM (no address space for it) or
 *	EINVAL (@config.mem out of range).
 */
struct machine *machine_new(const struct machine_config *config);

/** machine_free() - give a machine back; NULL is allowed. */
void machine_free(struct machine *m);

/**
 * machine_set_next() - say what the next kexec boots.
 * @boot: copied. Without this call the running kernel's own is used again.
 */
void machine_set_next(struct machine *m, const struct boot *boot);

/** machine_kernel() - number of the running kernel, counted from 1. */
unsigned int machine_kernel(const struct machine *m);

/** machine_panicked() - true once the machine stopped; every call then gives -EIO. */
bool machine_panicked(const struct machine *m);

/**
 * machine_begin_op() - tell the ledger that operation @op starts.
 * @op: a number of the caller's, above 0, such as a line of a script.
 */
void machine_begin_op(struct machine *m, uint32_t op);

/**
 * machine_end_op() - tell the judge that the operation is over.
 * @ret: what it returned; a negative value asks for unclean-error.
 */
void machine_end_op(struct machine *m, int64_t ret);

/**
 * machine_end() - end all processes, "init" last, and judge what must hold at the end.
 */
void machine_end(struct machine *m);

/**
 * machine_violations() - what the judge found so far, in order.
 * @nr: where to store how many.
 * Return: an array that lives until the next call on @m.
 */
const struct violation *machine_violations(const struct machine *m, size_t *nr);

/** machine_forget_violations() - go on as if nothing had been found. */
void machine_forget_violations(struct machine *m);

/**
 * enum fail_point - a step that can be told to fail.
 * @FAIL_ALLOC: an allocation of memory, whichever: -ENOMEM.
 * @FAIL_COPY_FROM_USER: reading an ioctl's argument: -EFAULT.
 * @FAIL_COPY_TO_USER: writing an ioctl's answer: -EFAULT.
 * @FAIL_UNUSED_FD: finding a free file descriptor: -EMFILE.
 * @FAIL_ACCT_BLOCKS: accounting pages of a memfd: -ENOSPC.
 * @FAIL_MODULE_GET: taking a reference on a scripted handler's module.
 * @FAIL_FREEZE_PROCESSES: the first step of a kexec that is to jump back: -EBUSY.
 * @FAIL_DPM_SUSPEND_START: and those that follow: suspending devices,
 * @FAIL_DPM_SUSPEND_END: the second half of it,
 * @FAIL_SUSPEND_CPUS: taking the other processors down,
 * @FAIL_SYSCORE_SUSPEND: suspending what is left.
 * @FAIL_EARLY_MEMREMAP: of the next kernel, to look at what it is handed over: first at the FDT,
 *	then at the scratch areas.
 * @FAIL_CALLBACK: a callback of a file handler, which then does nothing.
 * @FAIL_FLB: a callback of an FLB, likewise.
 * @FAIL_ANYWHERE: all of these but FAIL_EARLY_MEMREMAP; what may return any errno returns -EIO.
 */
enum fail_point {
	FAIL_ALLOC,
	FAIL_COPY_FROM_USER,
	FAIL_COPY_TO_USER,
	FAIL_UNUSED_FD,
	FAIL_ACCT_BLOCKS,
	FAIL_MODULE_GET,
	FAIL_FREEZE_PROCESSES,
	FAIL_DPM_SUSPEND_START,
	FAIL_DPM_SUSPEND_END,
	FAIL_SUSPEND_CPUS,
	FAIL_SYSCORE_SUSPEND,
	FAIL_EARLY_MEMREMAP,
	FAIL_CALLBACK,
	FAIL_FLB,
	FAIL_ANYWHERE,
	NR_FAIL_POINTS
};

/* Of a point that may fail with any errno. */
#define FAIL_ANY_ERROR	1

/**
 * struct failure - a failure that is asked for.
 * @point: where.
 * @call: of FAIL_CALLBACK and FAIL_FLB: which callback.
 * @name: of FAIL_MODULE_GET and FAIL_CALLBACK the handler, as fail_point_target() or
 *	the script calls it; of FAIL_FLB its compatible string; "" for any.
 * @error: the errno, negative; ignored where fail_point_error() says which it is.
 * @nth: which time the point is reached, counted from 1; 0: never, but count.
 * @no_nodes: of FAIL_ANYWHERE: not where an xarray gets a node, which it asks for again. How
 *	many it needs follows from where objects lie, and differs between engines.
 */
struct failure {
	enum fail_point point;
	enum handler_call call;
	char name[48];
	int error;
	uint32_t nth;
	bool no_nodes;
};

/* So many failures may be asked for at once. */
#define MAX_FAILURES	8
/* So many functions are said of one that happened. */
#define FAIL_CALLERS	3

/**
 * struct fail_stats - what became of the failures that were asked for.
 * @armed: how many there are.
 * @happened: how many of them happened.
 * @counted: how often the points of those with an @nth of 0 were reached.
 * @last: the one that happened last; of FAIL_ANYWHERE what it was there, and which
 *	time that very point was reached.
 * @in: the functions in which it happened, innermost first, as far as there are; the
 *	model's are those that show in call chains.
 */
struct fail_stats {
	uint32_t armed;
	uint32_t happened;
	uint32_t counted;
	struct failure last;
	const char *in[FAIL_CALLERS];
};

/** fail_point_name() - the word for a point, such as "copy_to_user". */
const char *fail_point_name(enum fail_point point);

/** fail_point_find() - the point of that name, or -ENOENT. */
int fail_point_find(const char *name);

/**
 * fail_point_error() - what a failure at @point is.
 * @call: of FAIL_CALLBACK and FAIL_FLB.
 * Return: the errno, negative; FAIL_ANY_ERROR; or 0 where the step has no errno to
 *	return and answers no.
 */
int fail_point_error(enum fail_point point, enum handler_call call);

/** fail_point_target() - the @i-th built-in handler or FLB of @point; NULL after the last. */
const char *fail_point_target(enum fail_point point, unsigned int i);

/**
 * machine_fail() - ask for a failure of the running task, once.
 * @failure: copied. It stays asked for until it happens, machine_fail_clear() is
 *	called, or the kernel ends.
 * Return: 0, or -ENOSPC when MAX_FAILURES are asked for already.
 */
int machine_fail(struct machine *m, const struct failure *failure);

/** machine_fail_clear() - ask for no more failures, and forget those that happened. */
void machine_fail_clear(struct machine *m);

/** machine_fail_stats() - what happened since machine_fail_clear(). */
void machine_fail_stats(const struct machine *m, struct fail_stats *stats);

/**
 * enum luosim_damage_kind - what is done to a field of a handover.
 * @DAMAGE_NUMBER: it becomes @number.
 * @DAMAGE_FLIP: its bit @number, counted from 0, is flipped.
 * @DAMAGE_BYTES: it becomes @bytes, cut off or filled up with NUL.
 * @DAMAGE_ADDRESS: it becomes the physical address of the object or field @other; in a
 *	field that holds a pfn, the pfn.
 * @DAMAGE_COPY: it becomes what the field @other is.
 */
enum luosim_damage_kind {
	DAMAGE_NUMBER,
	DAMAGE_FLIP,
	DAMAGE_BYTES,
	DAMAGE_ADDRESS,
	DAMAGE_COPY,
};

/**
 * struct luosim_damage - damage to one field, see &enum luosim_damage_kind.
 * @field: a path such as "session[vm0].count"; handover_field() names all.
 * @kind: which of the members after it count.
 * @number: a value or a bit.
 * @bytes: for a string; the first 4096 count.
 * @len: of @bytes.
 * @other: a path, too.
 */
struct luosim_damage {
	const char *field;
	enum luosim_damage_kind kind;
	uint64_t number;
	const void *bytes;
	size_t len;
	const char *other;
};

/**
 * machine_damage() - damage what the running kernel hands to the next one.
 * @damage: copied. It is done when the next reboot into another kernel has
 *	serialized all, and once; all of it is looked up before any of it is written.
 * Return: 0; -EINVAL for paths that are none, for an object instead of a field, and
 *	when the field is a number and @damage a string or the other way round; -ENOENT
 *	when this kernel hands over no such field; -ERANGE when the field has no such
 *	bit, or the value does not fit; -ENOSPC after 64 of them; -ENOMEM.
 */
int machine_damage(struct machine *m, const struct luosim_damage *damage);

/** machine_damage_clear() - forget all that machine_damage() asked for and is not done yet. */
void machine_damage_clear(struct machine *m);

/**
 * handover_field() - the fields and objects of a handover, for lists and messages.
 * @i: counted from 0.
 * Return: a path with NAME, TOKEN and N for what stands there, or NULL after the
 *	last one.
 */
const char *handover_field(size_t i);

/**
 * handover_bits() - how large a field of a handover is, if it is a number.
 * Return: 1 to 64; 0 for a string or an object; -ENOENT.
 */
int handover_bits(const char *path);

/** handover_is_address() - is @path a field that says where something else of it is? */
bool handover_is_address(const char *path);

/**
 * handover_path() - is @path spelled as handover_field() has it?
 * Return: 0 for a field, 1 for an object, -ENOENT.
 */
int handover_path(const char *path);

/**
 * struct machine_stats - what a machine holds now, in pages, bytes and counts.
 * @frames: pages of memory.
 * @frames_free: of which the running kernel's allocator has free.
 * @frames_preserved: told to KHO by the running kernel.
 * @frames_incoming: handed over by the previous kernel and not restored yet.
 * @bytes: host memory that the machine occupies.
 * @files: preserved files of all sessions, outgoing and incoming.
 * @claims_held_max: entries in the tables of the ownership policy, at most so far.
 * @claim_bytes: heap that these tables took, at most so far.
 * @claim_lookups: how often it looked into them so far.
 */
struct machine_stats {
	uint64_t frames;
	uint64_t frames_free;
	uint64_t frames_preserved;
	uint64_t frames_incoming;
	uint64_t bytes;
	uint64_t files;
	uint64_t claims_held_max;
	uint64_t claim_bytes;
	uint64_t claim_lookups;
};

/** machine_stats() - fill @stats. */
void machine_stats(const struct machine *m, struct machine_stats *stats);

/**
 * struct flb_stats - the state of an FLB in the running kernel.
 * @outgoing: reference count of what is preserved here.
 * @incoming: reference count of what the previous kernel preserved; 0 until retrieved.
 * @retrieved: 0, 1, or the errno that retrieve() failed with.
 * @finished: what the previous kernel preserved was given up.
 */
struct flb_stats {
	int64_t outgoing;
	int64_t incoming;
	int retrieved;
	bool finished;
};

/**
 * machine_flb_get() - what a driver does that uses an FLB outside of callbacks: take
 * its object.
 * @compatible: of an FLB that some handler has registered.
 * @incoming: that of the previous kernel.
 * Return: 0, also without an object where a kernel has it so; -ENOENT, also when there
 *	is no such FLB; -ENODATA; -ENOSPC when too many are in use; or what retrieving
 *	it said.
 */
int machine_flb_get(struct machine *m, const char *compatible, bool incoming);

/**
 * machine_flb_put() - the driver uses the object for the last time, and gives it back.
 * Return: 0, or -EINVAL when it has none.
 */
int machine_flb_put(struct machine *m, const char *compatible, bool incoming);

/**
 * sys_insmod() - load the module of a scripted handler, which registers it; or
 *	"test_kho", lib/test_kho.c.
 * Return: 0; -ENOENT when no script has that name; -EEXIST when it is loaded; or what
 *	registering it says, as -EBUSY; of test_kho -ENOMEM, -EINVAL or what KHO says.
 */
int sys_insmod(struct machine *m, const char *name);

/**
 * sys_rmmod() - unload it, which unregisters the handler.
 * @force: though it is in use.
 * Return: 0; -ENOENT when it is not loaded; -EAGAIN when it is in use; -EBUSY when it
 *	is being unloaded already.
 */
int sys_rmmod(struct machine *m, const char *name, bool force);

/** machine_flb() - fill @stats for the FLB of that compatible string; or -ENOENT. */
int machine_flb(const struct machine *m, const char *compatible, struct flb_stats *stats);

/* ------------------------------------------------------------------------
 * The state as data: what there is in a machine between two calls, object by object.
 */

/**
 * enum state_kind - what an object of the state is. state_members() has what is known
 *	of each kind; what its name is stands here.
 * @STATE_KERNEL: the running kernel: its number.
 * @STATE_FILE: a preserved file: session and token.
 * @STATE_FOLIO: frames that are alike and lie side by side, of a page cache or told to KHO:
 *	the first pfn, and the last one if there are several.
 * @STATE_SESSION: of LUO: its name.
 * @STATE_INODE: of a file with contents: what /proc/self/fd/N says, and its number.
 * @STATE_FLB: its compatible string.
 * @STATE_MODULE: the name of a scripted handler that is loaded.
 * @STATE_LOCK: that is held: its class, and the task's number; 0 outside of races.
 * @STATE_TASK: of a race: its number.
 * @STATE_PROCESS: its comm.
 * @STATE_DESCRIPTOR: process and number.
 * @STATE_CLAIM: the judge's note of a file, or FLB, that was preserved and not given up:
 *	session and token, and which claim it is.
 * @STATE_HANDOVER: a field of what the running kernel would hand over: its path.
 */
enum state_kind {
	STATE_KERNEL,
	STATE_FILE,
	STATE_FOLIO,
	STATE_SESSION,
	STATE_INODE,
	STATE_FLB,
	STATE_MODULE,
	STATE_LOCK,
	STATE_TASK,
	STATE_PROCESS,
	STATE_DESCRIPTOR,
	STATE_CLAIM,
	STATE_HANDOVER,
	NR_STATE_KINDS
};

/** state_kind_name() - "session" and so on. */
const char *state_kind_name(enum state_kind kind);

/** state_kind_find() - the kind of that name, or -ENOENT. */
int state_kind_find(const char *name);

/** enum state_format - how the number of a member is meant. */
enum state_format {
	STATE_NUMBER,
	STATE_SIGNED,
	STATE_HEX,
	STATE_FLAG,		/* 0 or 1 */
	STATE_TEXT,		/* where in machine_state.strings it begins */
	STATE_WORD,		/* likewise; it says by itself what it is */
	STATE_OBJECT,		/* place in machine_state.objects, counted from 1; 0: none */
};

/**
 * struct state_member - one thing that is known of the objects of a kind.
 * @name: NULL after the last.
 * @about: what it is, without a full stop.
 */
struct state_member {
	const char *name;
	enum state_format format;
	const char *about;
};

#define MAX_STATE_MEMBERS	10

/** state_members() - of one kind, in the order of state_object.member. */
const struct state_member *state_members(enum state_kind kind);

/* Places of members that a caller may look for. */
enum { FILE_DIRECTION, FILE_HANDLER, FILE_DATA, FILE_RETRIEVE_STATUS, FILE_FROZEN, FILE_INODE };
enum { FOLIO_PRESERVED, FOLIO_INCOMING, FOLIO_RESTORED, FOLIO_CLAIMS, FOLIO_OWNER, FOLIO_INDEX,
	FOLIO_PAGES, FOLIO_ORDER, FOLIO_REFERENCES };
enum { CLAIM_STATE, CLAIM_LINE, CLAIM_PRESERVED, CLAIM_HANDED_OVER, CLAIM_RESTORED, CLAIM_PFN };

/**
 * struct state_object - one object of the state.
 * @name: where in machine_state.strings its name, or what that begins with, is.
 * @number: the rest of the name: see state_object_name().
 * @key: tells it from all others of its kind; the same for as long as it lives.
 * @member: as state_members() says.
 */
struct state_object {
	enum state_kind kind;
	uint32_t name;
	uint64_t number;
	uint64_t key;
	uint64_t member[MAX_STATE_MEMBERS];
};

/**
 * struct machine_state - memory for a state; all zero before the first machine_state_take().
 * @objects: those of a kind side by side, in the kernel's order.
 * @nr, @max: how many there are, and are room for.
 * @strings: names and texts, each with a NUL.
 * @len, @size: bytes there, and room.
 * @stopped: the machine has panicked: there is nothing but the kernel and claims.
 */
struct machine_state {
	struct state_object *objects;
	uint32_t nr, max;
	char *strings;
	uint32_t len, size;
	bool stopped;
};

/**
 * machine_state_take() - look at a machine, which stays as it is.
 * @state: overwritten.
 * @handover: look the handover up, too, field by field, which takes longer than the rest.
 * Context: between system calls, or between the steps of a race's tasks. Without memory
 *	on the host the program ends.
 *
 * Of a kernel tree there is what the model has of it: sessions, their files, FLBs and the
 * handover lie in the tree's own variables.
 */
void machine_state_take(struct machine *m, struct machine_state *state, bool handover);

/**
 * state_object_name() - the object's name, put together.
 * @buf: of @size bytes, 160 of which suffice. Two objects of a kind may have one name.
 * Return: @buf.
 */
char *state_object_name(const struct machine_state *state, const struct state_object *o,
			char *buf, size_t size);

/** machine_state_free() - give the memory back. */
void machine_state_free(struct machine_state *state);

/* ------------------------------------------------------------------------
 * Callers of KHO in the kernel, which are no file handlers: the functions of
 * linux/kexec_handover.h as a module calls them, and the memory that it gives them.
 *
 * Memory has a number, which stands for its address: it stays the same in the next
 * kernels, which know the memory by that number before they have restored it. Where a
 * kernel's function returns NULL, these return -ENOENT (restoring) or -ENOMEM; where it
 * returns nothing, 0. All return -EBADF for a number that was never given, and -EINVAL
 * for memory of a kind that the function cannot be called with.
 */

/* No descriptor has such a number. */
#define MODULE_MEM_FIRST	(1 << 30)

/** enum module_vmalloc - which function allocates an area. */
enum module_vmalloc {
	VMALLOC_ZEROED,		/* vzalloc(): pages of order 0 */
	VMALLOC_HUGE,		/* vmalloc_huge(): pages of 2 MiB, if it is that large */
	VMALLOC_USER,		/* vmalloc_user(): KHO does not preserve those */
};

/**
 * module_folio_alloc() - folio_alloc(), or folio_alloc_gigantic() above 4 MiB.
 * @order: of the folio, in pages of 4 KiB.
 * Return: the number of the folio, or -ENOMEM.
 */
int module_folio_alloc(struct machine *m, unsigned int order);

/** module_folio_put() - folio_put(): give a reference up; 0. */
int module_folio_put(struct machine *m, int mem);

/**
 * module_alloc_contig_pages() - alloc_contig_pages(): contiguous pages of order 0.
 * @nr: how many.
 * Return: the number of the range, or -ENOMEM.
 */
int module_alloc_contig_pages(struct machine *m, uint64_t nr);

/** module_free_contig_range() - free_contig_range() of all its pages; 0. */
int module_free_contig_range(struct machine *m, int mem);

/**
 * module_vmalloc() - allocate an area.
 * @size: in bytes.
 * Return: the number of the area, or -ENOMEM.
 */
int module_vmalloc(struct machine *m, uint64_t size, enum module_vmalloc how);

/** module_vfree() - vfree(); 0. */
int module_vfree(struct machine *m, int mem);

/** module_mem_pages() - how many pages of 4 KiB it has. */
int64_t module_mem_pages(struct machine *m, int mem);

/**
 * module_mem_write() - store bytes in it.
 * @off: in bytes, from its start.
 * Return: @len, or -EFAULT if it ends before. An area that is not mapped here is an oops.
 */
int64_t module_mem_write(struct machine *m, int mem, const void *buf, size_t len, uint64_t off);

/** module_mem_read() - load bytes from it, likewise. */
int64_t module_mem_read(struct machine *m, int mem, void *buf, size_t len, uint64_t off);

/**
 * module_mem_store() - write down in @blob where @mem is, for who reads it there.
 * @index: of the entry, from 0, of 40 bytes each.
 * Return: 0, or -EFAULT if the blob ends before.
 */
int module_mem_store(struct machine *m, int blob, uint64_t index, int mem);

/**
 * module_mem_load() - read such an entry.
 * Return: the number of the memory that it describes; -EFAULT; -EINVAL if it describes none.
 */
int module_mem_load(struct machine *m, int blob, uint64_t index);

/** module_kho_preserve_folio() - 0; -EINVAL without KHO (7.1 on); -ENOMEM. */
int module_kho_preserve_folio(struct machine *m, int mem);
int module_kho_unpreserve_folio(struct machine *m, int mem);

/**
 * module_kho_preserve_pages() - preserve a part of the memory.
 * @first: its first page, from 0.
 * @nr: how many.
 * Return: as module_kho_preserve_folio(); -EFAULT if it ends before.
 */
int module_kho_preserve_pages(struct machine *m, int mem, uint64_t first, uint64_t nr);
int module_kho_unpreserve_pages(struct machine *m, int mem, uint64_t first, uint64_t nr);

/** module_kho_preserve_vmalloc() - likewise; -EOPNOTSUPP for VMALLOC_USER. */
int module_kho_preserve_vmalloc(struct machine *m, int mem);
int module_kho_unpreserve_vmalloc(struct machine *m, int mem);

/**
 * module_kho_alloc_preserve() - allocate a zeroed folio, and preserve it.
 * @size: in bytes.
 * Return: its number; -EINVAL for 0 bytes or without KHO; -E2BIG above 4 MiB; -ENOMEM.
 */
int module_kho_alloc_preserve(struct machine *m, uint64_t size);
int module_kho_unpreserve_free(struct machine *m, int mem);

/** module_kho_restore_folio() - 0, or -ENOENT: it was not preserved, or restored before. */
int module_kho_restore_folio(struct machine *m, int mem);
/** module_kho_restore_pages() - likewise; @first and @nr as they were preserved. */
int module_kho_restore_pages(struct machine *m, int mem, uint64_t first, uint64_t nr);
int module_kho_restore_vmalloc(struct machine *m, int mem);
/** module_kho_restore_free() - restore a folio and free it; 0, and a WARN if it cannot. */
int module_kho_restore_free(struct machine *m, int mem);

/**
 * module_kho_add_subtree() - hand the address of @mem over by name.
 * Return: 0; -EEXIST; -ENOMEM, or -ESRCH without subtree-error, when KHO's FDT is full.
 *	Without KHO an oops.
 */
int module_kho_add_subtree(struct machine *m, const char *name, int mem);
int module_kho_remove_subtree(struct machine *m, int mem);

/**
 * module_kho_retrieve_subtree() - the memory that the previous kernel handed over so.
 * Return: its number; -ENOENT; -EINVAL for a node that is broken.
 */
int module_kho_retrieve_subtree(struct machine *m, const char *name);

/**
 * sys_read_kho_debugfs() - read a file of /sys/kernel/debug/kho, with boot.debugfs.
 * @path: "in/fdt", "out/fdt", "in/sub_fdts/NAME" or "out/sub_fdts/NAME".
 * Return: how many bytes; -ENOENT.
 */
int64_t sys_read_kho_debugfs(struct machine *m, const char *path, void *buf, size_t len,
			     uint64_t off);

/**
 * machine_managed_pages() - MemTotal of /sys/devices/system/node/nodeN/meminfo, in pages, but
 *	for what is reserved for good.
 * Return: -ENOENT if there is no node @nid.
 */
int64_t machine_managed_pages(const struct machine *m, uint32_t nid);

/** module_reserve_mem_find_by_name() - the number of an area of reserve_mem=; -ENOENT. */
int module_reserve_mem_find_by_name(struct machine *m, const char *name);
/** module_reserve_mem_release_by_name() - give it to the allocator: 1, or 0: there is none. */
int module_reserve_mem_release_by_name(struct machine *m, const char *name);

/** module_kho_is_enabled(), module_is_kho_boot() - 0 or 1. */
int module_kho_is_enabled(struct machine *m);
int module_is_kho_boot(struct machine *m);

/* ------------------------------------------------------------------------
 * Races: system calls that run at the same time. The caller makes tasks, steps
 * them in whatever order it likes, one at a time, and ends the race.
 */

/* Tasks of one race. */
#define MAX_TASKS	8

/**
 * enum task_state - what a task of a race does.
 * @TASK_READY: a step can be taken.
 * @TASK_SLEEPS: it waits for a lock that another task holds.
 * @TASK_DONE: its body returned, or it has started the next kernel.
 */
enum task_state { TASK_READY, TASK_SLEEPS, TASK_DONE };

/**
 * machine_task_new() - make a task that shares the process's descriptors.
 * @body: makes system calls; runs on a stack of 256 KiB, from the first step on.
 *	Between two system calls and while it is in one, machine_task_step() may
 *	return. What it changes outside the machine no snapshot brings back.
 * @data: passed to @body.
 * Return: the task's number, counted from 1; -ENOSPC; -ENOMEM.
 */
int machine_task_new(struct machine *m, void (*body)(void *data), void *data);

/**
 * machine_task_lives() - does the process of the running task live? When it has ended,
 * the task returns from the call that it is in and makes no other.
 */
bool machine_task_lives(const struct machine *m);

/** machine_task_yield() - called by a task between two of its operations: others may go on. */
void machine_task_yield(struct machine *m);

/** machine_task_state() - what task @id does; no task is ready once the machine stopped. */
enum task_state machine_task_state(struct machine *m, unsigned int id);

/**
 * machine_task_at() - where task @id gave way last.
 * @lock: where to store the class of the lock that the call is about, or NULL.
 * Return: such as "before mutex_lock"; NULL before its first step and when it is done.
 */
const char *machine_task_at(struct machine *m, unsigned int id, const char **lock);

/**
 * machine_task_step() - let task @id, which must be ready, run until it takes or
 * gives up a lock, allocates, or copies from or to user memory.
 */
void machine_task_step(struct machine *m, unsigned int id);

/**
 * machine_tasks_end() - end the race. Where a task has started the next kernel, it
 * boots now; a task that still sleeps sleeps for ever, which stops the machine.
 */
void machine_tasks_end(struct machine *m);

/* ------------------------------------------------------------------------
 * System calls, made by one process after another. Each returns what the call
 * returns, or a negative errno; -EIO when the machine has stopped.
 */

/**
 * struct uptr - a pointer into user memory.
 * @mem: the bytes; NULL is the null pointer.
 * @size: bytes that are mapped there.
 * @read_only: copy_to_user() faults.
 */
struct uptr {
	void *mem;
	size_t size;
	bool read_only;
};

/**
 * machine_user_alloc() - memory for the arguments of system calls that snapshots cover.
 * @size: bytes, above 0.
 * Return: zeroed memory, or NULL when the reservation for the machine is used up.
 * Context: where a task of a race keeps memory over a system call, it must be this.
 */
void *machine_user_alloc(struct machine *m, size_t size);

/** machine_user_free() - give it back; @size is what was asked for. */
void machine_user_free(struct machine *m, void *mem, size_t size);

/** enum file_kind - what sys_open_kind() makes. */
enum file_kind {
	FILE_REGULAR,		/* tmpfs file with a name */
	FILE_REGULAR_UNLINKED,	/* tmpfs file, unlinked */
	FILE_ROOTFS,		/* file of the root file system, with a name */
	FILE_ROOTFS_UNLINKED,
	FILE_TMPFILE,		/* O_TMPFILE on tmpfs */
	FILE_SHM,		/* unlinked file of /dev/shm */
	FILE_PIPE,		/* read end of a pipe */
	FILE_DEVNULL,
	FILE_DEVZERO_SHARED,	/* what backs a shared mapping of /dev/zero */
	FILE_EVENTFD,
	FILE_EPOLL,
	FILE_DIR,
	FILE_OPATH,		/* a file opened with O_PATH */
	NR_FILE_KINDS,
	/* what a scripted handler may take besides: */
	FILE_MEMFD = NR_FILE_KINDS,
	FILE_OWN,		/* what sys_open_own() makes of it */
	NR_SCRIPT_KINDS
};

/** file_kind_name() - the word for a kind, such as "eventfd". */
const char *file_kind_name(enum file_kind kind);

/** file_kind_find() - the kind of that name, or -ENOENT. */
int file_kind_find(const char *name);

/*
 * Files that handlers of &enum handler preserve. The ioctls of these calls
 * are not modelled argument by argument.
 */

/** sys_iommufd_open() - open /dev/iommu, with four page tables in it. */
int sys_iommufd_open(struct machine *m);

/** sys_iommufd_map() - map all of @memfd after what is mapped there (IOMMU_IOAS_MAP_FILE). */
int sys_iommufd_map(struct machine *m, int iommufd, int memfd, uint64_t hwpt);

/**
 * sys_iommufd_mark() - mark a page table for preservation, with a token.
 *
 * Return: 0, or -EADDRINUSE where the token is taken.
 */
int sys_iommufd_mark(struct machine *m, int iommufd, uint64_t token, uint64_t hwpt);

/**
 * sys_handler_call() - an operation that a handler brings.
 * @args: one for each of its parameters.
 * Return: what it returns, the descriptor of what it opens, or -ENOENT: nobody has it.
 */
int64_t sys_handler_call(struct machine *m, const struct luosim_call *call,
			 const struct luosim_arg *args);

/**
 * sys_memory_failure() - a memory error of a frame, by debugfs' hwpoison/corrupt-pfn.
 * Return: 0; -EBUSY when somebody has it who cannot be told; -EHWPOISON the second time;
 *	-ENXIO outside memory.
 */
int sys_memory_failure(struct machine *m, uint64_t pfn);
/** sys_hwpoison() - madvise(2) with MADV_HWPOISON on the page of a file at @off. */
int sys_hwpoison(struct machine *m, int fd, int64_t off);
/** sys_huge_write() - store through a mapping of a memfd of huge pages. */
int64_t sys_huge_write(struct machine *m, int fd, const void *buf, size_t len, int64_t pos);

/**
 * struct luosim_stat - what fstat, lseek, fcntl and readlink say of a descriptor.
 * @size: i_size in bytes.
 * @blocks: i_blocks, in units of 512 bytes.
 * @pos: file position, or -ESPIPE.
 * @seals: F_SEAL_* mask, or -EINVAL.
 * @flags: F_GETFL.
 * @cloexec: FD_CLOEXEC.
 * @mode: permission bits.
 * @nlink: link count.
 * @dev: which file system the inode is of.
 * @ino: inode number.
 * @link: /proc/self/fd/N.
 */
struct luosim_stat {
	int64_t size;
	int64_t blocks;
	int64_t pos;
	int32_t seals;
	uint32_t flags;
	bool cloexec;
	uint32_t mode;
	uint32_t nlink;
	uint32_t dev;
	uint64_t ino;
	char link[256];
};

/**
 * machine_process() - from here on calls are those of the process @comm.
 * @comm: at most 15 characters. Every kernel starts with "init", and makes it the
 *	one that calls. Another one begins with descriptors 0, 1 and 2.
 * Return: 0; -ENOMEM; -EINVAL; -EIO. Not in a race.
 */
int machine_process(struct machine *m, const char *comm);

/**
 * sys_exit_group() - the process ends; a new one of its name makes the next call.
 * Return: 0; -ENOMEM when there is no new one.
 */
int sys_exit_group(struct machine *m);

/**
 * sys_kill() - kill(2) with SIGKILL; the process has ended when this returns, and a
 *	new one of its name is there.
 * Return: 0; -ESRCH; -EPERM for "init"; -ENOMEM when there is no new one.
 */
int sys_kill(struct machine *m, const char *comm);

/**
 * sys_setuid() - setuid(2) of the calling process, which begins as user 0.
 * Return: 0; -EPERM from one user to another.
 */
int sys_setuid(struct machine *m, uint32_t uid);

/**
 * machine_memory_max() - memory.max of the calling process's memory cgroup, which holds it alone.
 * @bytes: rounded down to pages.
 * Return: 0; -ENOSPC when there are seven of them.
 */
int machine_memory_max(struct machine *m, uint64_t bytes);

/**
 * sys_send_fd() - sendmsg(2) with SCM_RIGHTS to the socket of the process @comm.
 * Return: 0; -EBADF; -ENOMEM; -ECONNREFUSED without such a process.
 */
int sys_send_fd(struct machine *m, int fd, const char *comm);

/**
 * sys_recv_fd() - recvmsg(2) of what was sent first to this process.
 * Return: the new descriptor; -EAGAIN when nothing is there; -EMFILE and -ENOMEM, with
 *	which what was sent is gone.
 */
int sys_recv_fd(struct machine *m);

/* Descriptors (fs/open.c, fs/file.c). */
int sys_open(struct machine *m, const char *path, int flags);
/** sys_openat() - @path from the directory @fd on; as sys_open(), with O_CREAT for mode 0666. */
int sys_openat(struct machine *m, int fd, const char *path, int flags);
int sys_open_kind(struct machine *m, enum file_kind kind);
/**
 * sys_open_own() - open a new file of the kind that a handler brings along.
 * @handler: its name.
 * Return: the descriptor; -ENOENT when it has no such kind; -ENODEV when it is not
 *	loaded; -EMFILE; -ENOMEM.
 */
int sys_open_own(struct machine *m, const char *handler);
/**
 * sys_own_call() - an operation that a loaded handler has for files of its kind.
 * Return: what it returns; -EBADF; -ENOTTY when there is no operation of that name.
 */
int sys_own_call(struct machine *m, int fd, const char *name, uint64_t arg);
int sys_close(struct machine *m, int fd);
int sys_dup(struct machine *m, int fd);
int sys_fcntl(struct machine *m, int fd, int cmd, unsigned long arg);
int sys_fstat(struct machine *m, int fd, struct luosim_stat *st);
/** sys_fstatfs() - the type of the file system that it is on, as fstatfs(2) says: f_type. */
int64_t sys_fstatfs(struct machine *m, int fd);
/** sys_kcmp_file() - 1 when both are one open file description, 0 when not. */
int sys_kcmp_file(struct machine *m, int fd1, int fd2);
int sys_setrlimit_nofile(struct machine *m, uint64_t nofile);
/** sys_eventfd2() - @flags: EFD_SEMAPHORE, EFD_NONBLOCK, EFD_CLOEXEC. */
int sys_eventfd2(struct machine *m, unsigned int count, int flags);

/* Names and mounts (fs/namei.c, fs/namespace.c). The umask is 022. */
int sys_mkdir(struct machine *m, const char *path);
int sys_unlink(struct machine *m, const char *path);
/** sys_rename() - of files; -EOPNOTSUPP for a directory, which the kernel would move. */
int sys_rename(struct machine *m, const char *from, const char *to);
int sys_fchmod(struct machine *m, int fd, unsigned int mode);
/**
 * sys_mount() - mount a new tmpfs in the directory @path.
 * @options: as mount(8) has them: size, nr_blocks, mode, mpol, usrquota, grpquota, casefold.
 * Return: 0, or the errno of mount(2).
 */
int sys_mount(struct machine *m, const char *path, const char *options);
/** sys_remount() - mount(2) with MS_REMOUNT. */
int sys_remount(struct machine *m, const char *path, const char *options);
/** sys_umount() - umount2(2), with @detach and MNT_DETACH. */
int sys_umount(struct machine *m, const char *path, bool detach);
/** sys_fsmount() - fsopen(2), fsconfig(2) and fsmount(2) of a tmpfs. */
int sys_fsmount(struct machine *m, const char *options);
/** sys_move_mount() - move_mount(2) of what @fd is the root of to the directory @path. */
int sys_move_mount(struct machine *m, int fd, const char *path);

/* Contents (mm/shmem.c, mm/memfd.c). @pos below 0: at the file position. */
int sys_memfd_create(struct machine *m, const char *name, unsigned int flags);
int64_t sys_pread(struct machine *m, int fd, void *buf, size_t len, int64_t pos);
int64_t sys_pwrite(struct machine *m, int fd, const void *buf, size_t len, int64_t pos);
int64_t sys_lseek(struct machine *m, int fd, int64_t pos, int whence);
int sys_ftruncate(struct machine *m, int fd, int64_t size);
int sys_fallocate(struct machine *m, int fd, int mode, int64_t off, int64_t len);
/** sys_fsync() - fsync(2): -EINVAL for a file that cannot be synchronised. */
int sys_fsync(struct machine *m, int fd);
/** sys_drop_caches() - /proc/sys/vm/drop_caches = 1: what is clean is dropped. */
int sys_drop_caches(struct machine *m);
/** sys_shmem_enabled() - /sys/kernel/mm/transparent_hugepage/shmem_enabled = always. */
void sys_shmem_enabled(struct machine *m, bool always);

/* Live update (kernel/liveupdate, kernel/kexec_core.c). */
int sys_ioctl(struct machine *m, int fd, unsigned int cmd, struct uptr arg);

/** enum kexec_image - what is loaded, and with which call. */
enum kexec_image {
	KEXEC_FILE,		/* kexec_file_load(2) */
	KEXEC_SEGMENTS,		/* kexec_load(2): without KHO's data */
	KEXEC_JUMP,		/* kexec_load(2) with KEXEC_PRESERVE_CONTEXT */
	KEXEC_CRASH,		/* kexec_file_load(2) with KEXEC_FILE_ON_CRASH: for a panic */
};

/**
 * sys_kexec_load() - load the image of the next kernel in place of what was loaded; that of
 * the crash kernel is one of its own.
 * Return: 0; -EBUSY while another task loads one or reboots; -EADDRNOTAVAIL of KEXEC_CRASH
 *	where no memory was set aside for it.
 */
int sys_kexec_load(struct machine *m, enum kexec_image image);
/** sys_kexec_unload() - drop that image, if any; returns as sys_kexec_load(). */
int sys_kexec_unload(struct machine *m);
/**
 * sys_reboot_kexec() - reboot(LINUX_REBOOT_CMD_KEXEC): kernel_kexec().
 * Return: 0 in the next kernel, where no descriptor is open; 0 in this one when
 *	the kernel of KEXEC_JUMP has jumped back; or an errno in this one:
 *	-EINVAL without an image; -EBUSY while another task loads one; -EAGAIN
 *	when KHO cannot write its record of pages (up to 7.0); what a handler's
 *	freeze() returned; before a jump -EBUSY when a task sleeps that cannot be
 *	frozen, and what devices return that cannot be suspended.
 */
int sys_reboot_kexec(struct machine *m);
/**
 * sys_sysrq_crash() - "c" to /proc/sysrq-trigger: a panic that was asked for.
 * Return: 0 in the crash kernel, if one is loaded, as it is after any other panic of one task.
 */
int sys_sysrq_crash(struct machine *m);

/* The ioctl commands and their arguments (include/uapi/linux/liveupdate.h). */
#define LIVEUPDATE_IOCTL_TYPE		0xBA
#define LIVEUPDATE_SESSION_NAME_LENGTH	64
#define LIVEUPDATE_IO(nr)		((LIVEUPDATE_IOCTL_TYPE << 8) | (nr))
#define LIVEUPDATE_IOCTL_CREATE_SESSION		LIVEUPDATE_IO(0x00)
#define LIVEUPDATE_IOCTL_RETRIEVE_SESSION	LIVEUPDATE_IO(0x01)
#define LIVEUPDATE_SESSION_PRESERVE_FD		LIVEUPDATE_IO(0x40)
#define LIVEUPDATE_SESSION_RETRIEVE_FD		LIVEUPDATE_IO(0x41)
#define LIVEUPDATE_SESSION_FINISH		LIVEUPDATE_IO(0x42)
#define LIVEUPDATE_SESSION_GET_NAME		LIVEUPDATE_IO(0x43)

struct liveupdate_ioctl_session {	/* CREATE_SESSION, RETRIEVE_SESSION */
	uint32_t size;
	int32_t fd;
	uint8_t name[LIVEUPDATE_SESSION_NAME_LENGTH];
};

struct liveupdate_session_fd {		/* PRESERVE_FD, RETRIEVE_FD */
	uint32_t size;
	int32_t fd;
	uint64_t token;
};

struct liveupdate_session_finish {
	uint32_t size;
	uint32_t reserved;
};

struct liveupdate_session_get_name {
	uint32_t size;
	uint32_t reserved;
	uint8_t name[LIVEUPDATE_SESSION_NAME_LENGTH];
};

#ifdef __cplusplus
}
#endif

#endif
