/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The half of an engine that is compiled with the tree's headers: it defines what the
 * tree's files call, mostly by asking luosim. Nothing in here asks for a version: what
 * differs between trees is probed when the object is built (see probed.h) or weak.
 */
#ifndef LUOSIM_GLUE_H
#define LUOSIM_GLUE_H

#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/shmem_fs.h>

#include "abi.h"

/* Which machine the object works for; not among the variables that a boot puts back. */
struct attached {
	const struct engine_host *host;
	struct machine *m;
	const void *frame;		/* that called luosim last */
};
extern struct attached luosim;

#define HOST(call, ...)	(luosim.frame = __builtin_frame_address(0), \
			 luosim.host->call(luosim.m, ##__VA_ARGS__))
#define HOST_STATIC(call, arg)	(luosim.host->call(arg))

/* A struct file of the tree, for one of the model. */
struct shadow_file {
	struct file file;
	struct file *model;
	struct list_head list;		/* of all that there are */
	bool touched;			/* since luosim called */
};

struct shadow_inode {
	struct shmem_inode_info shmem;	/* with its vfs_inode */
	struct inode *model;
};

/* fs.c */
struct file *shadow_of(struct file *model);
struct file *model_of(struct file *file);
struct inode *model_inode(struct inode *inode);
/* Take over what the model has of the file; or give it what the tree's code changed. */
void file_pull(struct file *file);
void files_push(void);
/* The same, and luosim's turn comes. */
void files_done(void);
void file_gone(struct file *file);
/* Take over anew what the model has of files. */
void files_pull(void);
/* Is the lock at @lock the one of a file's inode? */
struct inode *inode_of_lock(const void *lock);

/* mm.c */
void memory_init(const struct engine_boot *boot);
extern unsigned int early_maps;
extern unsigned long restored_end;
/* From here on there are free frames to allocate. */
void allocator_init(void);
void pages_push(void);
/* What belongs to the task that runs. */
void memory_give_way(struct engine_task *task);
void memory_go_on(const struct engine_task *task);
/* Fill the tree's struct page of a folio from the model's. */
struct folio *folio_pull(unsigned long pfn);
/* An area of the model's, for as long as the tree's code looks at it: its address. */
void *area_show(const unsigned int *pfns, unsigned long nr, unsigned int order,
		unsigned long flags);
void area_hide(void *addr);
/* One of the tree's becomes the model's, which is returned. */
void *area_give(void *addr);
/* Allocations from here on are KHO's own, until it is called with false. */
void tracking(bool on);
/* Nodes of xarrays from here on are those of one whose depth the model knows. */
void inserting(bool on);

/* handlers.c: as the tree's code does it, and with the judge's callbacks round its own. */
struct liveupdate_file_handler;
int handler_register(struct liveupdate_file_handler *fh);

/* scripted.c: handlers and FLBs of luosim's, as engine_kernel names them. */
void *new_handler(void *of, const char *compatible, void *owner, bool has_id);
int register_handler(void *handler);
void unregister_handler(void *handler);
void handler_first(void *handler);
void *new_flb(void *of, const char *compatible, void *owner);
int register_flb(void *handler, void *flb);
void unregister_flb(void *handler, void *flb);
int flb_get(void *flb, bool incoming, void **obj);
void flb_put(void *flb, bool incoming);

/* kho.c */
int call_kho(enum engine_kho what, struct engine_kho_call *call);

/* chain.c */
unsigned int chain_from(const void *frame, const void **chain);
unsigned int call_chain(const void **chain);

#endif
