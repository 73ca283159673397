/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The releases as rows of data: what each hands over, its limits and its fixes.
 * The row of a series follows the stable release that was read or recorded last:
 * 6.19.6, 7.0.9, 7.1.13, 7.2.13, 7.3.4; others of the series that differ in a fix have
 * rows of their own around it. docs/fidelity.md has the sources.
 */
#include <ctype.h>

#include "handlers/shipped.h"
#include "machine/machine.h"

static const struct fix_info fixes[NR_FIXES] = {
	[FIX_RETRIEVE_STATUS] = { "retrieve-status", "B23",
		"a failed retrieve is remembered and never tried again" },
	[FIX_MEMFD_UPTODATE] = { "memfd-uptodate", "B27",
		"preserve zeroes folios that were never used and marks all uptodate and dirty" },
	[FIX_DESERIALIZE_ERROR] = { "deserialize-error", "B18",
		"an error in a session's files fails the open of /dev/liveupdate" },
	[FIX_SESSION_ALLOC_ERROR] = { "session-alloc-error", "B19",
		"a session that could not be allocated fails every later open too" },
	[FIX_FILE_COUNT] = { "file-count", "B21",
		"a session whose files do not match its count is refused" },
	[FIX_SERIALIZE_RWSEM] = { "serialize-rwsem", "B12",
		"session calls sleep while and after sessions are serialized" },
	[FIX_IOCTL_DIRECTION] = { "ioctl-direction", "B06",
		"session ioctls check that the session goes the right way" },
	[FIX_NAME_LENGTH] = { "name-length", "B09",
		"empty and unterminated session names are refused" },
	[FIX_FINISH_RESERVED] = { "finish-reserved", "B10",
		"FINISH refuses a reserved field that is not zero" },
	[FIX_GET_NAME] = { "get-name", "", "SESSION_GET_NAME exists" },
	[FIX_MEMFD_SEALS] = { "memfd-seals", "B29", "seals are carried over" },
	[FIX_MEMFD_EFBIG] = { "memfd-efbig", "B34",
		"a memfd of more folios than an unsigned int counts is refused" },
	[FIX_MEMFD_PFN_PHYS] = { "memfd-pfn-phys", "B30",
		"clean-up after a failed retrieve passes addresses, not frame numbers" },
	[FIX_MEMFD_RESTORE_EIO] = { "memfd-restore-eio", "B31",
		"a later folio that cannot be restored fails the retrieve" },
	[FIX_MEMFD_REMOVE_FOLIO] = { "memfd-remove-folio", "B32",
		"a folio that cannot be accounted leaves the page cache" },
	[FIX_MEMFD_ACCT_FOLIO] = { "memfd-acct-folio", "B33",
		"a large folio is accounted with all its pages" },
	[FIX_MEMFD_SEAL_EXEC] = { "memfd-seal-exec", "",
		"F_SEAL_EXEC looks for pins before it brings F_SEAL_WRITE with it" },
	[FIX_SHMEM_LARGE_WRITE] = { "shmem-large-write", "",
		"shmem checks a write in steps of the largest folio instead of a page" },
	[FIX_REGISTER_ANYTIME] = { "register-anytime", "B37",
		"handlers and FLBs are registered under a lock, also while there are sessions" },
	[FIX_FLB_INCOMING_REFS] = { "flb-incoming-refs", "B40",
		"an incoming FLB is not finished while somebody uses it" },
	[FIX_FLB_OUTGOING_REFS] = { "flb-outgoing-refs", "B41",
		"an outgoing FLB is not unpreserved while somebody uses it" },
	[FIX_FLB_RETRIEVE_STATUS] = { "flb-retrieve-status", "B42",
		"a failed retrieve of an FLB is remembered and never tried again" },
	[FIX_FLB_FINISH_STATE] = { "flb-finish-state", "B61",
		"finishing files counts an FLB that nobody has retrieved" },
	[FIX_RETRIEVE_LOCK] = { "retrieve-lock", "B16",
		"the list of sessions stays locked while a session is retrieved" },
	SHIPPED_FIXES
	[FIX_IOMMU_V5] = { "iommu-v5", "",
		"iommufds are handed over and cannot be retrieved, nor their sessions finished" },
	[FIX_PCI_V9] = { "pci-v9", "",
		"bridges are preserved with what is behind them; no device is left unfinished" },
	[FIX_UNFREEZE_DATA] = { "unfreeze-data", "B17",
		"unfreezing a file leaves its serialized data" },
	[FIX_KEXEC_JUMP] = { "kexec-jump", "B15",
		"a kexec that jumps back does not serialize sessions" },
	[FIX_REBOOT_ABORT] = { "reboot-abort", "B15",
		"a reboot that fails after sessions were serialized thaws them again" },
	[FIX_MODULE_PUT_LAST] = { "module-put-last", "B24",
		"a file gives up its handler's module when nothing of it is needed any more" },
	[FIX_BOUNDED_PRINT] = { "bounded-print", "B20",
		"strings of the previous kernel are printed no further than they can be" },
	[FIX_BLOCK_CHECKS] = { "block-checks", "B22",
		"chains of blocks that are a ring, too long or miscounted are refused" },
	[FIX_EXTENT_CHECKS] = { "extent-checks", "",
		"LUO follows no address to memory that was not handed over" },
	[FIX_SUBTREE_ERROR] = { "subtree-error", "B83",
		"a subtree that does not fit leaves no node, and fails with an errno" },
	[FIX_VMALLOC_CHUNKS] = { "vmalloc-chunks", "B55",
		"chunks of vmalloc areas are read to their end, pages unpreserved by their order" },
	[FIX_RESTORE_GIGANTIC] = { "restore-gigantic", "B49",
		"blocks above the largest order of the allocator are restored, too" },
	[FIX_RESERVE_SIZE] = { "reserve-size", "B45",
		"the size of a block that was handed over is computed with 64 bits" },
	[FIX_CHUNK_FREE_PAGE] = { "chunk-free-page", "B52",
		"pages of KHO's serialized map are freed as pages, not as slab objects" },
	[FIX_POPULATE_UNMAP] = { "populate-unmap", "B50",
		"a kernel that takes a handover unmaps what it mapped to look at it" },
	[FIX_RESTORE_TAGS] = { "restore-tags", "B48",
		"the profile of allocations is told that nobody allocated restored pages" },
	[FIX_RESTORE_KASAN] = { "restore-kasan", "B48",
		"KASAN is told that restored vmalloc areas may be used" },
	[FIX_PRESERVE_NODES] = { "preserve-nodes", "B44",
		"no block of preserved pages lies on two nodes" },
	[FIX_DEBUGFS_SIZE] = { "debugfs-size", "B51",
		"KHO's files in debugfs are as long as what they show, whatever that is" },
	[FIX_SCRATCH_ALIGN] = { "scratch-align", "B47",
		"scratch areas are aligned to the largest block of the allocator" },
	[FIX_DEFERRED_INIT] = { "deferred-init", "B46",
		"struct pages of preserved memory are initialized before KHO marks them" },
	[FIX_EXTEND_SCRATCH] = { "extend-scratch", "",
		"gigabytes without preserved memory serve the next boot as scratch does" },
	[FIX_SCRATCH_HUGETLB] = { "scratch-hugetlb", "B53",
		"huge pages set aside at boot do not count for the size of scratch" },
	[FIX_CRASH_IMAGE] = { "crash-image", "B43",
		"the image of a crash kernel is told nothing of what is handed over" },
	[FIX_CRASH_NO_KHO] = { "crash-no-kho", "B54",
		"KHO is off in a crash kernel, which sets no scratch aside" },
	[FIX_HWPOISON_KHO] = { "hwpoison-kho", "",
		"the next kernel is told which pages had memory errors" },
};

#define FIXES_6_19	(FIX_BIT(FIX_UNFREEZE_DATA) | FIX_BIT(FIX_VMALLOC_CHUNKS) |	\
			 FIX_BIT(FIX_CHUNK_FREE_PAGE) | FIX_BIT(FIX_POPULATE_UNMAP))
#define FIXES_6_19_9	(FIXES_6_19 | FIX_BIT(FIX_RETRIEVE_STATUS) | FIX_BIT(FIX_MEMFD_UPTODATE))
#define FIXES_6_19_13	(FIXES_6_19_9 | FIX_BIT(FIX_DESERIALIZE_ERROR))
#define FIXES_7_0_0	FIXES_6_19_13
#define FIXES_7_0	(FIXES_7_0_0 | FIX_BIT(FIX_MEMFD_PFN_PHYS) | FIX_BIT(FIX_SUBTREE_ERROR))
#define FIXES_7_0_11	(FIXES_7_0 | FIX_BIT(FIX_MEMFD_RESTORE_EIO) | FIX_BIT(FIX_CRASH_IMAGE))
#define FIXES_7_1_0	(FIXES_7_0_11 | FIX_BIT(FIX_SESSION_ALLOC_ERROR) |		\
			 FIX_BIT(FIX_MEMFD_SEALS) | FIX_BIT(FIX_MEMFD_EFBIG) |		\
			 FIX_BIT(FIX_MEMFD_REMOVE_FOLIO) | FIX_BIT(FIX_MEMFD_ACCT_FOLIO) | \
			 FIX_BIT(FIX_MEMFD_SEAL_EXEC) | FIX_BIT(FIX_REGISTER_ANYTIME) |	\
			 FIX_BIT(FIX_BOUNDED_PRINT) | FIX_BIT(FIX_RESTORE_GIGANTIC) |	\
			 FIX_BIT(FIX_RESTORE_TAGS) | FIX_BIT(FIX_RESTORE_KASAN) |	\
			 FIX_BIT(FIX_DEBUGFS_SIZE) | FIX_BIT(FIX_PRESERVE_NODES))
#define FIXES_7_1	(FIXES_7_1_0 | FIX_BIT(FIX_SERIALIZE_RWSEM) |			\
			 FIX_BIT(FIX_IOCTL_DIRECTION) | FIX_BIT(FIX_NAME_LENGTH) |	\
			 FIX_BIT(FIX_FLB_INCOMING_REFS) | FIX_BIT(FIX_KEXEC_JUMP) |	\
			 FIX_BIT(FIX_RETRIEVE_LOCK) | FIX_BIT(FIX_MODULE_PUT_LAST) |	\
			 FIX_BIT(FIX_SCRATCH_ALIGN))
#define FIXES_7_2	(FIXES_7_1 | FIX_BIT(FIX_FILE_COUNT) |				\
			 FIX_BIT(FIX_FINISH_RESERVED) | FIX_BIT(FIX_GET_NAME) |		\
			 FIX_BIT(FIX_SHMEM_LARGE_WRITE) | FIX_BIT(FIX_FLB_OUTGOING_REFS) | \
			 FIX_BIT(FIX_FLB_RETRIEVE_STATUS) | FIX_BIT(FIX_BLOCK_CHECKS) |	\
			 FIX_BIT(FIX_RESERVE_SIZE) | FIX_BIT(FIX_DEFERRED_INIT))
#define FIXES_7_3	(FIXES_7_2 | FIX_BIT(FIX_EXTEND_SCRATCH) | FIX_BIT(FIX_SCRATCH_HUGETLB) | \
			 FIX_BIT(FIX_CRASH_NO_KHO))

/* What the array of sessions, of files, and a block of each hold. */
#define ARRAY_SESSIONS								\
	((LUO_SESSION_PGCNT * PAGE_SIZE - sizeof(struct luo_session_header_ser)) /	\
	 sizeof(struct luo_session_ser))
#define ARRAY_FILES	(LUO_FILE_PGCNT * PAGE_SIZE / sizeof(struct luo_file_ser))
#define PER_BLOCK(type)	((PAGE_SIZE - sizeof(struct kho_block_header_ser)) / sizeof(type))

#define LIMITS_ARRAY { [LIMIT_SESSIONS] = ARRAY_SESSIONS, [LIMIT_FILES] = ARRAY_FILES,	\
		       [LIMIT_NOFILE] = 1024 }
#define LIMITS_BLOCK { [LIMIT_SESSIONS_PER_BLOCK] = PER_BLOCK(struct luo_session_ser),	\
		       [LIMIT_FILES_PER_BLOCK] = PER_BLOCK(struct luo_file_ser),	\
		       [LIMIT_BLOCKS] = 10000, [LIMIT_NOFILE] = 1024 }

/* What the stable releases of a series have in common; 6.19 and 7.0 among themselves. */
#define SERIES_OF_KHO_V1							\
	.kho_compatible = "kho-v1", .luo_compatible = "luo-v1",			\
	.session_compatible = "luo-session-v2", .memfd_compatible = "memfd-v1",	\
	.limit = LIMITS_ARRAY, .handlers = HANDLERS_SCRIPTED,			\
	.policy = { .name = "none", .identity = IDENTITY_NONE }
#define SERIES_6_19	SERIES_OF_KHO_V1, .populate_error = true, .fdt_unaligned = true
#define SERIES_7_0	SERIES_OF_KHO_V1, .flb_compatible = "luo-flb-v1"
#define SERIES_7_1								\
	.kho_compatible = "kho-v3", .luo_compatible = "luo-v1",			\
	.session_compatible = "luo-session-v2", .flb_compatible = "luo-flb-v1",	\
	.memfd_compatible = "memfd-v2",						\
	.kho_radix = true, .blob_size = true, .kexec_metadata = true,		\
	.limit = LIMITS_ARRAY, .handlers = HANDLERS_SCRIPTED,			\
	.policy = { .name = "get-id", .identity = IDENTITY_GET_ID }

/* By series and number. */
static const struct release releases[] = {
	{
		.name = "v6.19", .uname = "6.19.6", .covers = { 6, 19, 6, 8 },
		SERIES_6_19, .fixes = FIXES_6_19,
	},
	{
		.name = "v6.19.9", .uname = "6.19.9", .covers = { 6, 19, 9, 12 }, .stable = true,
		SERIES_6_19, .fixes = FIXES_6_19_9,
	},
	{
		.name = "v6.19.13", .uname = "6.19.13", .covers = { 6, 19, 13, 13 },
		.stable = true,
		SERIES_6_19, .fixes = FIXES_6_19_13,
	},
	{
		.name = "v7.0.0", .uname = "7.0.0", .covers = { 7, 0, 0, 3 }, .stable = true,
		SERIES_7_0, .fixes = FIXES_7_0_0,
	},
	{
		.name = "v7.0", .uname = "7.0.9", .covers = { 7, 0, 4, 10 },
		SERIES_7_0, .fixes = FIXES_7_0,
	},
	{
		.name = "v7.0.11", .uname = "7.0.11", .covers = { 7, 0, 11, 11 }, .stable = true,
		SERIES_7_0, .fixes = FIXES_7_0_11,
	},
	{
		.name = "v7.1.0", .uname = "7.1.3", .covers = { 7, 1, 0, 3 }, .stable = true,
		SERIES_7_1, .fixes = FIXES_7_1_0,
	},
	{
		.name = "v7.1", .uname = "7.1.13", .covers = { 7, 1, 8, 13 },
		SERIES_7_1, .fixes = FIXES_7_1,
	},
	{
		.name = "v7.2", .uname = "7.2.13", .covers = { 7, 2, 13, 13 },
		.kho_compatible = "kho-v4", .luo_compatible = "luo-v5",
		.memfd_compatible = "memfd-v2",
		.kho_radix = true, .blob_size = true, .kexec_metadata = true, .luo_ser = true,
		.limit = LIMITS_BLOCK,
		.fixes = FIXES_7_2,
		.handlers = HANDLERS_SCRIPTED,
		.policy = { .name = "get-id", .identity = IDENTITY_GET_ID },
	},
	{
		.name = "v7.3", .uname = "7.3.4", .covers = { 7, 3, 4, 4 },
		.kho_compatible = "kho-v4", .luo_compatible = "luo-v5",
		.memfd_compatible = "memfd-v2",
		.kho_radix = true, .kho_keys = true, .blob_size = true, .kexec_metadata = true,
		.luo_ser = true,
		.limit = LIMITS_BLOCK,
		.fixes = FIXES_7_3,
		.handlers = HANDLERS_SCRIPTED,
		.policy = { .name = "get-id", .identity = IDENTITY_GET_ID },
	},
	{
		.name = "next", .uname = "7.4.0-next",
		.kho_compatible = "kho-v4", .luo_compatible = "luo-v5",
		.memfd_compatible = "memfd-v2",
		.kho_radix = true, .kho_keys = true, .blob_size = true, .kexec_metadata = true,
		.luo_ser = true,
		.limit = LIMITS_BLOCK,
		.fixes = FIXES_7_3 | FIX_BIT(FIX_KVM_TOKEN_FREEZE) |
			 FIX_BIT(FIX_KVM_MMU_FREEZE) | FIX_BIT(FIX_GMEM_SHARED_ONLY) |
			 FIX_BIT(FIX_VFIO_V5) | FIX_BIT(FIX_IOMMU_V5) | FIX_BIT(FIX_PCI_V9) |
			 FIX_BIT(FIX_HWPOISON_KHO) | FIX_BIT(FIX_FLB_FINISH_STATE),
		.handlers = ~0ull, .posted = true,
		.policy = { .name = "get-id", .identity = IDENTITY_GET_ID },
	},
};

static const char *const limit_names[NR_LIMITS] = {
	[LIMIT_SESSIONS] = "sessions",
	[LIMIT_FILES] = "files",
	[LIMIT_SESSIONS_PER_BLOCK] = "sessions-per-block",
	[LIMIT_FILES_PER_BLOCK] = "files-per-block",
	[LIMIT_BLOCKS] = "blocks",
	[LIMIT_NOFILE] = "nofile",
};

const struct release *release_table(size_t *nr)
{
	*nr = ARRAY_SIZE(releases);
	return releases;
}

/* Of "v7.1.13" or "7.1", how many numbers it has: 2 or 3; 0 if it is something else. */
static int release_numbers(const char *name, unsigned int n[3])
{
	int nr = 0;

	name += *name == 'v';
	for (; nr < 3; name++) {
		const char *start = name;

		for (n[nr] = 0; isdigit((unsigned char)*name) && name - start < 6; name++)
			n[nr] = 10 * n[nr] + (*name - '0');
		if (name == start)
			return 0;
		nr++;
		if (*name != '.')
			break;
	}
	return nr >= 2 && !*name ? nr : 0;
}

/* How far from what the row covers. */
static unsigned int distance(const struct stable_range *covers, unsigned int number)
{
	if (number < covers->first)
		return covers->first - number;
	return number > covers->last ? number - covers->last : 0;
}

const struct release *release_find(const char *name)
{
	const struct release *found = NULL;
	unsigned int n[3];
	int nr = release_numbers(name, n);

	for (size_t i = 0; i < ARRAY_SIZE(releases); i++) {
		const struct release *r = &releases[i];

		if (!strcmp(r->name, name))
			return r;
		if (!nr || r->covers.major != n[0] || r->covers.minor != n[1])
			continue;
		if (nr == 2 ? !r->stable :
		    !found || distance(&r->covers, n[2]) <= distance(&found->covers, n[2]))
			found = r;
	}
	return found;
}

bool release_covers(const struct release *release, const char *name)
{
	unsigned int n[3];

	return release_numbers(name, n) < 3 || !distance(&release->covers, n[2]);
}

bool release_is_series(const char *name)
{
	unsigned int n[3];

	return release_numbers(name, n) == 2;
}

bool release_same_series(const struct release *a, const struct release *b)
{
	return a->covers.major == b->covers.major && a->covers.minor == b->covers.minor;
}

const struct release *release_above(const char *name)
{
	unsigned int n[3];

	if (!release_numbers(name, n))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(releases); i++) {
		const struct stable_range *of = &releases[i].covers;

		if (releases[i].posted || (!releases[i].stable &&
		    (of->major > n[0] || (of->major == n[0] && of->minor > n[1]))))
			return &releases[i];
	}
	return NULL;
}

const struct fix_info *fix_table(void)
{
	return fixes;
}

int fix_find(const char *name)
{
	for (int i = 0; i < NR_FIXES; i++)
		if (!strcmp(fixes[i].name, name))
			return i;
	return -ENOENT;
}

const char *limit_name(enum limit limit)
{
	return limit_names[limit];
}

int limit_find(const char *name)
{
	for (int i = 0; i < NR_LIMITS; i++)
		if (!strcmp(limit_names[i], name))
			return i;
	return -ENOENT;
}
