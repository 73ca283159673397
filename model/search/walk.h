/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What makes a state of a machine: a walk over all that can influence what comes
 * later, or the judge. Where something lies in memory is left out: objects and
 * frames are numbered in the order in which the walk reaches them.
 */
#ifndef MODEL_SEARCH_WALK_H
#define MODEL_SEARCH_WALK_H

#include "luosim-search.h"
#include "lib/types.h"

struct file;
struct inode;
struct kho_vmalloc;
struct machine_walk;

/* One more word of the state. */
void walk_put(struct machine_walk *w, u64 word);
/* A number for an address of code or of what the program has from its start. */
u64 walk_code(struct machine_walk *w, const void *at);
/* The number of an object, or 0 for NULL; true when the walk reaches it for the first time. */
bool walk_object(struct machine_walk *w, const void *object);
/* A file that another one refers to, and all that is known of it. */
void walk_file(struct machine_walk *w, struct file *file);
/* What was handed over at @phys: @nr words. */
void walk_words(struct machine_walk *w, phys_addr_t phys, u64 nr);
/* The same of an inode. */
void walk_inode(struct machine_walk *w, struct inode *inode);
/* A frame that something refers to, and all that is known of it; true when it comes first. */
bool walk_frame(struct machine_walk *w, u64 pfn);
/* What the ledger knows of a preserved file. */
struct claim;
void walk_claim(struct machine_walk *w, const struct claim *claim);
void walk_claim_nr(struct machine_walk *w, u32 nr);
/* Those on the memory of kho_caller.c with that number, which begins at @pfn. */
void walk_memory_claims(struct machine_walk *w, u32 memory, u64 pfn);
/* Room for @nr objects of a tree's kernel; and what was put there. */
struct tree_object **walk_objects_reserve(struct machine_walk *w, u32 nr);
struct tree_object **walk_objects(const struct machine_walk *w, u32 *nr);
/* An area that is handed over: @put puts each of its @nr entries of @size bytes. */
void walk_vmalloc(struct machine_walk *w, const struct kho_vmalloc *vmalloc, u64 nr, u64 size,
		  void (*put)(struct machine_walk *w, const void *entry));

/*
 * From @at on the next of the entries of sessions that a reboot which failed has left there,
 * in an area of @size bytes.
 */
struct luo_session_ser;
bool walk_left_entry(struct machine *m, phys_addr_t entries, u64 size, u64 *at,
		     struct luo_session_ser *ser);

#endif
