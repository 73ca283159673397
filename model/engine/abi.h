/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the two halves of an engine know of each other: luosim, which has the machine,
 * and the object that `luosim build-kernel` makes of a kernel tree. The object's half is
 * compiled with the tree's headers, so that nothing but C's own types is in here.
 */
#ifndef MODEL_ENGINE_ABI_H
#define MODEL_ENGINE_ABI_H

/* Counted up with every change of this file. */
#define ENGINE_ABI	7

struct machine;
struct file;
struct inode;

/* A page frame as the model has it; what the tree's struct page must agree with. */
struct engine_page {
	int refcount;
	unsigned int order;		/* of a head page */
	unsigned long index;
	_Bool uptodate, dirty;
};

/* The part of a file and of its inode that the tree's code reads and writes itself. */
struct engine_file {
	struct inode *inode;
	long long pos, size;
	unsigned int mode, flags;	/* FMODE_* as the model has it, O_* */
	unsigned int i_mode, nlink;
	unsigned long ino;
	_Bool is_shmem, frozen;
};

#define ENGINE_CHAIN	24		/* calls that are told of a chain, at most */

/* Locks lie in the memory of the tree's own; each kind fits into the smallest. */
#define ENGINE_LOCK_SIZE	24

enum engine_lock {
	ENGINE_LOCK, ENGINE_TRYLOCK, ENGINE_UNLOCK,
	ENGINE_READ, ENGINE_READ_UNLOCK, ENGINE_WRITE, ENGINE_WRITE_UNLOCK,
};

/* What the object knows of the task that runs, while others do. */
struct engine_task {
	const void *frame;
	_Bool tracking, inserting;
};

/* What a task is about to access; @at is NULL if nothing. */
struct engine_touch {
	const void *at, *where;
	unsigned long size;
	_Bool write, marked;
};

enum engine_callback {
	ENGINE_CAN_PRESERVE, ENGINE_PRESERVE, ENGINE_UNPRESERVE, ENGINE_FREEZE, ENGINE_UNFREEZE,
	ENGINE_RETRIEVE, ENGINE_CAN_FINISH, ENGINE_FINISH, ENGINE_GET_ID,
	ENGINE_FLB_PRESERVE, ENGINE_FLB_UNPRESERVE, ENGINE_FLB_RETRIEVE, ENGINE_FLB_FINISH,
};

/* The tree's code calls back a handler or an FLB of luosim's. */
struct engine_call {
	enum engine_callback what;
	void *of;			/* which of luosim's; of ENGINE_GET_ID nobody says */
	struct file *file;		/* the model's, or NULL */
	unsigned long data;		/* what is handed over */
	void *obj;			/* of an FLB */
	int retrieve_status;
};

/* What handlers and modules of luosim's ask of KHO. */
enum engine_kho {
	ENGINE_KHO_PRESERVE, ENGINE_KHO_UNPRESERVE, ENGINE_KHO_RESTORE,
	ENGINE_KHO_PRESERVE_PAGES, ENGINE_KHO_UNPRESERVE_PAGES, ENGINE_KHO_RESTORE_PAGES,
	ENGINE_KHO_PRESERVE_VMALLOC, ENGINE_KHO_UNPRESERVE_VMALLOC, ENGINE_KHO_RESTORE_VMALLOC,
	ENGINE_KHO_ALLOC, ENGINE_KHO_UNPRESERVE_FREE, ENGINE_KHO_RESTORE_FREE,
	ENGINE_KHO_ADD_SUBTREE, ENGINE_KHO_REMOVE_SUBTREE, ENGINE_KHO_RETRIEVE_SUBTREE,
};

/* With what, and what comes of it. */
struct engine_kho_call {
	unsigned long at;		/* a frame, or a physical address; of an area the latter
					 * of its first chunk */
	unsigned long nr;		/* pages, or bytes */
	const char *name;		/* of a subtree */
	const unsigned int *pfns;	/* of an area */
	unsigned int vm_flags;
	unsigned short flags, order;
	void *area;			/* the model's, of what was restored */
};

/*
 * What the object calls. Frames are named by number; 0 and NULL say that there is none,
 * which for memory may be a failure that was asked for.
 */
struct engine_host {
	/*
	 * The heap: counted in the census or not, in which case it never fails either. What
	 * KHO remembers pages with is @tracking; others do not run before what is @nowait.
	 */
	void *(*heap_alloc)(struct machine *m, unsigned long size, _Bool tracking, _Bool nowait);
	void (*heap_free)(struct machine *m, void *mem, unsigned long size);
	void *(*own_alloc)(struct machine *m, unsigned long size);
	void (*own_free)(struct machine *m, void *mem, unsigned long size);
	/* For as long as the kernel runs. */
	void *(*early_alloc)(struct machine *m, unsigned long size);
	/* The census does not count what KHO needs to remember pages. */
	void (*uncount)(struct machine *m, int objects);
	_Bool (*too_large)(struct machine *m, unsigned long size);

	/* Frames. */
	unsigned long (*frame_alloc)(struct machine *m, unsigned int order, _Bool zero,
				     _Bool uncounted);
	void (*frame_free)(struct machine *m, unsigned long pfn);
	unsigned long (*top)(struct machine *m);	/* none from there on was ever used */
	void (*page_get)(struct machine *m, unsigned long pfn, struct engine_page *page);
	void (*page_set)(struct machine *m, unsigned long pfn, const struct engine_page *page);
	void (*folio_restored)(struct machine *m, unsigned long pfn, unsigned long nr);
	void (*reserve)(struct machine *m, unsigned long phys, unsigned long size);
	_Bool (*early_memremap)(struct machine *m);
	unsigned long (*scratch)(struct machine *m, unsigned long *size);
	_Bool (*map)(struct machine *m, void *at, unsigned long pfn);
	void (*unmap)(struct machine *m, void *at, unsigned long nr);
	/* An area of the model's in place of the object's; it does not fail. */
	void *(*area)(struct machine *m, const unsigned int *pfns, unsigned long nr,
		      unsigned int order, unsigned int vm_flags);

	/* User memory: what could not be copied. */
	unsigned long (*copy_from_user)(struct machine *m, void *to, const void *from,
					unsigned long n);
	unsigned long (*copy_to_user)(struct machine *m, void *to, const void *from,
				      unsigned long n);

	/* Files and descriptors; an error is a negative errno, as pointer where there is one. */
	struct file *(*file_by_fd)(struct machine *m, int fd);
	void (*file_get_more)(struct machine *m, struct file *file, long references);
	void (*file_put)(struct machine *m, struct file *file);
	int (*get_unused_fd)(struct machine *m, unsigned int flags);
	void (*put_unused_fd)(struct machine *m, int fd);
	void (*fd_install)(struct machine *m, int fd, struct file *file);
	struct file *(*anon_inode_getfile)(struct machine *m, const char *name,
					   unsigned int flags, void *priv);
	struct file *(*memfd_alloc)(struct machine *m, const char *name, unsigned int flags);
	int (*add_seals)(struct machine *m, struct file *file, unsigned int seals);
	int (*get_seals)(struct machine *m, struct file *file);
	void **(*file_shadow)(struct file *file);
	void **(*inode_shadow)(struct inode *inode);
	_Bool (*inode_is_shmem)(struct inode *inode);
	void (*file_get)(struct machine *m, struct file *file, struct engine_file *f);
	void (*file_set)(struct machine *m, struct file *file, const struct engine_file *f);
	void (*inode_lock)(struct machine *m, struct inode *inode, _Bool lock);

	/* Page caches. */
	long (*pin_folios)(struct machine *m, struct file *file, long long start, long long end,
			   unsigned int *pfns, unsigned int max);
	void (*unpin_folio)(struct machine *m, unsigned long pfn);
	int (*add_to_page_cache)(struct machine *m, struct inode *inode, unsigned long pfn,
				 unsigned long index);
	void (*remove_folio)(struct machine *m, struct inode *inode, unsigned long pfn,
			     unsigned long index);
	int (*acct_blocks)(struct machine *m, struct inode *inode, long pages);
	void (*recalc_inode)(struct machine *m, struct inode *inode, long alloced);

	/* What the kernel says. Addresses stand for the functions that they are in. */
	void (*print)(struct machine *m, int level, const char *text);
	_Bool (*ratelimit)(struct machine *m, const void *site);
	void (*warn)(struct machine *m, const void *where, const void *const *chain,
		     unsigned int depth);
	void (*stop)(struct machine *m, const char *text) __attribute__((noreturn));
	void (*missing)(struct machine *m, const char *name, const void *const *chain,
			unsigned int depth) __attribute__((noreturn));

	/* Others may run; or not, from here on until it is called with false. */
	void (*yield_alloc_pages)(struct machine *m);
	void (*one_step)(struct machine *m, _Bool on);
	_Bool (*is_held)(struct machine *m, const void *inside);
	/* Is there a lock, and not what has been freed? It does not return then. */
	void (*check_freed)(struct machine *m, const void *lock);
	void (*lock)(struct machine *m, enum engine_lock what, void *lock, const char *name,
		     _Bool *taken);

	/* With --asan: the tree's code is about to; @beyond names a variable that ends before. */
	void (*access)(struct machine *m, const void *at, unsigned long size, _Bool write,
		       const char *beyond);

	/* With --preempt=access: likewise, from @where on; @marked: as READ_ONCE() does it. */
	void (*touch)(struct machine *m, const void *at, unsigned long size, _Bool write,
		      _Bool marked, const void *where);
	/* A spin lock is taken, or given up. */
	void (*spin)(struct machine *m, _Bool on);

	/* Handlers of luosim's, and modules; a handler of the tree's has been registered. */
	unsigned long (*call_back)(struct machine *m, struct engine_call *call);
	_Bool (*module_get)(struct machine *m, void *module);
	void (*module_put)(struct machine *m, void *module);
	void (*registered)(struct machine *m, void *handler, const char *compatible);

	/* The judge. */
	int (*should_fail)(struct machine *m, enum engine_callback call, const char *name);
	void (*preserving)(struct machine *m, struct file *file);
	void (*preserved)(struct machine *m, unsigned long data, int err);
	unsigned int (*acting)(struct machine *m, struct file *file, unsigned long data);
	void (*acted)(struct machine *m, unsigned int before);
	void (*frozen)(struct machine *m, struct file *file, unsigned long old_data,
		       unsigned long data);
	void (*serialized)(struct machine *m, const char *session, _Bool serialized);
	void (*retrieved)(struct machine *m, unsigned long data, struct file *file, int err);
	void (*done)(struct machine *m, struct file *file, unsigned long data);
	void (*deserializing)(struct machine *m, const void *session, const char *name,
			      unsigned long files, unsigned long count);
	void (*deserialized)(struct machine *m, int err);
	int (*manage)(struct machine *m, unsigned long key);
	void (*unmanage)(struct machine *m, unsigned long key);
	void (*kho_preserve)(struct machine *m, unsigned long pfn, unsigned long nr, _Bool keep);
	void (*kho_restore)(struct machine *m, unsigned long pfn);
	void (*chain_begin)(struct machine *m, const void *const *chain, unsigned int depth);
	void (*chain_end)(struct machine *m);

	void *(*copy)(void *to, const void *from, unsigned long n);
	void *(*move)(void *to, const void *from, unsigned long n);
	void *(*fill)(void *mem, int byte, unsigned long n);
	int (*compare)(const void *a, const void *b, unsigned long n);
};

/* What the tree's kernel is in, as far as the judge wants to know. */
struct engine_status {
	_Bool kho, enabled;		/* KHO is, and live update */
	unsigned long kho_in;		/* the handover that KHO has taken, or 0 */
	_Bool has_incoming;		/* the previous kernel handed sessions over */
	long incoming;			/* sessions of it that are left */
	unsigned int early_maps;	/* that early_memremap() made and nobody undid */
};

/* Where in a structure that is handed over a member is; "-": the structure, and its size. */
struct engine_member {
	const char *type, *name;
	unsigned int offset, size;
};

/* What a kernel is started with. */
struct engine_boot {
	_Bool kho, liveupdate;
	unsigned long fdt;		/* physical address of the handover, or 0 */
	const void *scratch;		/* and what it says of scratch areas */
	unsigned long scratch_size;
	unsigned long nr_frames;
	void *physmem;			/* where physical memory lies */
	void *vmalloc;			/* addresses for areas that are mapped once more */
	unsigned long vmalloc_size;
	void *memmap;			/* room for the tree's struct pages, ... */
	_Bool damaged;			/* the handover; reads past an area are to be oopses */
	unsigned int *touched;		/* and a word for each, which are 0 */
};

/* What the object has for luosim, under the name luosim_kernel. */
struct engine_kernel {
	unsigned int abi;
	const char *version, *commit, *config, *missing;	/* what it was made of */
	const char *kind;		/* and for what: coverage, asan, access, or nothing */
	unsigned long page_size, file_size, inode_size;	/* of what stands for the model's */
	/* Where in these is the model's, and what the tree's code put there. */
	unsigned long file_model, inode_model, file_op, file_private, page_private;
	const void *data, *data_end;	/* its variables */
	const long long *counters, *counters_end;	/* of edges run, with --coverage */
	const void *glue, *glue_end;	/* code that is in no kernel */
	const void *text, *text_end;	/* all code */
	const struct engine_member *members;	/* of what it hands over; the last has no type */
	void (*attach)(const struct engine_host *host, struct machine *m);
	/* Who has called luosim: addresses of code, innermost first, ENGINE_CHAIN at most. */
	unsigned int (*chain)(const void **chain);
	/* The task that runs gives way, and goes on. */
	void (*give_way)(struct engine_task *task);
	void (*go_on)(const struct engine_task *task);
	/* Everything up to where the allocator gets the free frames, and what follows. */
	void (*boot_memory)(const struct engine_boot *boot);
	void (*boot_rest)(void);
	void (*status)(struct engine_status *status);
	int (*open)(struct file *file);
	int (*release)(struct file *file);
	int (*ioctl)(struct file *file, unsigned int cmd, const void *arg);
	void (*file_gone)(struct file *file);
	int (*reboot)(void);
	/*
	 * Handlers and FLBs: the tree's, made for those of luosim's and from then on named by
	 * what these return; NULL: this kernel has no such thing.
	 */
	void *(*new_handler)(void *of, const char *compatible, void *owner, _Bool has_id);
	int (*register_handler)(void *handler);
	void (*unregister_handler)(void *handler);
	/* It is the first to be asked. */
	void (*handler_first)(void *handler);
	void *(*new_flb)(void *of, const char *compatible, void *owner);
	int (*register_flb)(void *handler, void *flb);
	void (*unregister_flb)(void *handler, void *flb);
	int (*flb_get)(void *flb, _Bool incoming, void **obj);
	void (*flb_put)(void *flb, _Bool incoming);
	/* An errno; -ENOENT where the kernel says NULL. */
	int (*kho)(enum engine_kho what, struct engine_kho_call *call);
	/* What the next kernel is told: the handover's address and the scratch areas. */
	unsigned long (*fill_kimage)(const void **scratch, unsigned long *size);
};

#endif
