/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kernel tree's own live update code as a machine's kernel. All around it is the
 * model's: files, page caches, memory, processes, locks, the judge. Where the model would
 * go into LUO, KHO or the memfd handler, it comes here if the kernel is a tree's.
 */
#ifndef MODEL_ENGINE_ENGINE_H
#define MODEL_ENGINE_ENGINE_H

#include "engine/abi.h"
#include "luosim.h"
#include "lib/list.h"
#include "lib/types.h"

struct file;
struct file_operations;
struct inode;
struct machine;
struct page;

/* Where an address of code is in the source. */
struct tree_place {
	const void *where;
	char text[100];
};

/* Two places of a data race, and what is said of it. */
struct tree_race {
	const void *a, *b;
	char text[440];
};

/* A loaded object. Its variables are those of one machine at a time. */
struct luosim_tree {
	struct luosim_tree_info info;
	const struct engine_kernel *kernel;
	void *handle;
	void *fresh;			/* its variables as they were when it was loaded */
	struct machine *owner;		/* whose they are now */
	struct tree_symbol *symbols;	/* by address */
	u32 nr_symbols;
	char *names;
	struct tree_race races[64];
	struct tree_place places[16];	/* that were asked for last */
};

/* place.c */
/* "kernel/liveupdate/luo_file.c:512" of what a call returns to; "" where nobody knows. */
const char *tree_place(struct luosim_tree *tree, const void *where);

/* race.c: of what --preempt=access has made. */
void engine_touch(struct machine *m, const void *at, unsigned long size, bool write, bool marked,
		  const void *where);

/* access.c: of what luosim build-kernel --asan has made. */
/* Is freed memory not to be used again, so that late accesses are noticed? */
bool tree_keeps_freed(const struct machine *m);
void engine_access(struct machine *m, const void *at, unsigned long size, bool write,
		   const char *beyond);

/* object.c */
u64 tree_variables(const struct luosim_tree *tree);
/* The function that the address lies in, as the kernel prints it; "?" if none. */
const char *tree_function(struct luosim_tree *tree, const void *where);
/* Is it code of the glue, which no kernel has? */
bool tree_is_glue(const struct luosim_tree *tree, const void *where);

/* memory.c: physical memory as one piece, which the tree's code reads and writes itself. */
struct engine_memory {
	int fd;
	u8 *ram;
	u8 *garbage;			/* of frame 0, when it was scrambled */
	char *memmap;			/* the tree's struct pages ... */
	u64 page_size;			/* ... of this size, ... */
	u32 *words;			/* and a word for each */
	char *vmalloc;			/* addresses, ... */
	struct engine_aliases *aliases;	/* ... and which frames are there */
};
#define VMALLOC_SIZE	(16ull << 30)
/* Get it, with what the frames hold; does nothing when there is one. -ENOMEM. */
int engine_memory_init(struct machine *m);
void engine_memory_free(const struct machine *m, const struct engine_memory *mem);
bool engine_map(struct machine *m, void *at, unsigned long pfn);
void engine_unmap(struct machine *m, void *at, unsigned long nr);
void engine_unmap_all(struct machine *m);
void engine_oops(struct machine *m, const void *address) __attribute__((noreturn));
/* What snapshots keep of it: a size that suffices, a copy, back, and is it as in the copy? */
u64 engine_save_size(const struct machine *m);
char *engine_save(struct machine *m, char *to);
/* What is used now and was not in a snapshot of @top frames, which had @memmap, becomes zero. */
void engine_unuse(struct machine *m, const struct page *memmap, u64 top);
const char *engine_restore(struct machine *m, u64 top, const char *copy);
bool engine_is_at(const struct machine *m, const char *copy);

/* An object on the heap of a tree's kernel, which follows this. */
struct tree_object {
	struct list_head list;		/* kernel.tree_objects */
	u64 size;
	bool own;			/* the glue's */
	bool tracking;
};

/* Those of the glue that stand for the model's. */
static inline bool tree_is_file(const struct engine_kernel *kernel,
				const struct tree_object *object)
{
	return object->own && object->size == kernel->file_size;
}

static inline bool tree_is_inode(const struct engine_kernel *kernel,
				 const struct tree_object *object)
{
	return object->own && object->size == kernel->inode_size;
}

/*
 * handover.c: fill the model's structures with what the tree's kernel hands over at @phys;
 * once it has ended, or before, when @then is called with the machine as it will be.
 */
void tree_handover_read(struct machine *m, phys_addr_t phys);
/* The tree's kernel has read @count files of a session, from what lies at @files. */
void tree_handover_claim(struct machine *m, const void *session, const char *name, u64 files,
			 u64 count);
int tree_handover_try(struct machine *m, void (*then)(struct machine *m, void *data), void *data);
/* Has the tree a member of that name? */
bool tree_member(const struct machine *m, const char *type, const char *name, u32 *offset,
		 u32 *size);
/* Where a structure of a handover has a member: as the model has it, unless a tree says so. */
u32 layout_offset(const struct machine *m, const char *type, const char *name, u32 offset);
u32 layout_size(const struct machine *m, const char *type, u32 size);
#define OFFSET_IN(m, type, member)	\
	layout_offset(m, #type, #member, offsetof(struct type, member))
#define SIZE_IN(m, type)	layout_size(m, #type, sizeof(struct type))

/* walk.c: the kernel; and what a file of the tree is, next to the model's. */
struct machine_walk;
void engine_walk(struct machine *m, struct machine_walk *w);
void engine_walk_file(struct machine *m, struct machine_walk *w, const struct file *file);

/* tree.c: what the model calls in place of its own. */
extern const struct file_operations tree_device_fops, tree_session_fops;

/** tree_token() - that a session is asked for. */
u64 tree_token(const struct uptr *arg);
/** tree_session_name() - of the session that the file is of; NULL: of no session of a tree. */
const char *tree_session_name(const struct file *file);
void tree_boot_memory(struct machine *m, phys_addr_t fdt);
void tree_boot_rest(struct machine *m);
phys_addr_t tree_fill_kimage(struct machine *m);
int tree_reboot(struct machine *m);
bool tree_is_preserved(const struct machine *m, const struct file *file);
void tree_file_gone(struct machine *m, struct file *file);
void tree_inode_gone(struct machine *m, struct inode *inode);
/* The variables are to be in the machine's memory; or are taken from there anew. */
void tree_save_variables(struct machine *m);
void tree_variables_changed(struct machine *m);
/* Are they as they were when that was last done? */
bool tree_variables_same(const struct machine *m);
/* They are to be where the tree's code has them, if the machine's kernel is a tree's. */
void tree_load_variables(struct machine *m);
/* The task that runs gives way in the midst of the tree's code; and goes on there. */
void tree_give_way(struct machine *m);
void tree_go_on(struct machine *m);
/* Code of the tree runs from here on: @where was the last that is known of it. */
void tree_push_chain(struct machine *m, const void *const *chain, u32 depth);
void tree_pop_chain(struct machine *m);
/* The functions of the tree's code that has called, innermost first; NULL after the last. */
void tree_callers(struct machine *m, const char **names, u32 nr);

/* Code of the tree is called, in the kernel that is returned, until tree_end(). */
const struct engine_kernel *tree_begin(struct machine *m, bool *before);
void tree_end(struct machine *m, bool before);

/* handlers.c: what the model calls for a scenario's handlers and FLBs in place of its own. */
struct liveupdate_file_handler;
struct liveupdate_flb;
int tree_register_handler(struct machine *m, struct liveupdate_file_handler *fh);
void tree_unregister_handler(struct machine *m, struct liveupdate_file_handler *fh);
void tree_handler_first(struct machine *m, struct liveupdate_file_handler *fh);
int tree_register_flb(struct machine *m, struct liveupdate_file_handler *fh,
		      struct liveupdate_flb *flb);
void tree_unregister_flb(struct machine *m, struct liveupdate_file_handler *fh,
			 struct liveupdate_flb *flb);
int tree_flb_get(struct machine *m, struct liveupdate_flb *flb, bool incoming, void **objp);
void tree_flb_put(struct machine *m, struct liveupdate_flb *flb, bool incoming);
int tree_kho(struct machine *m, enum engine_kho what, struct engine_kho_call *call);
/* The model's FLBs are to say what the tree's do. */
void tree_take_flbs(struct machine *m);
/* What it remembers of one, as of now. */
void tree_take_flb(struct machine *m, struct liveupdate_flb *flb);
/* What the object calls. */
unsigned long engine_call_back(struct machine *m, struct engine_call *call);
void engine_registered(struct machine *m, void *handler, const char *compatible);
/* What failures on demand call the handler. */
const char *engine_handler_name(const struct machine *m, const char *compatible);

/* host.c */
extern const struct engine_host engine_host;

#endif
