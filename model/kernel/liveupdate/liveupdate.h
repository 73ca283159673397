/* SPDX-License-Identifier: GPL-2.0-only */
/* What a file handler sees of LUO (include/linux/liveupdate.h). */
#ifndef MODEL_KERNEL_LIVEUPDATE_LIVEUPDATE_H
#define MODEL_KERNEL_LIVEUPDATE_LIVEUPDATE_H

#include "fs/fs.h"
#include "lib/list.h"
#include "kernel/module.h"

struct liveupdate_file_handler;
struct liveupdate_flb;
struct luo_session;
struct machine_walk;
struct vm_struct;

struct liveupdate_file_op_args {
	struct machine *m;
	struct liveupdate_file_handler *handler;
	struct luo_session *session;	/* that the file belongs to */
	int retrieve_status;
	struct file *file;
	u64 serialized_data;
	void *private_data;
};

struct liveupdate_file_ops {
	bool (*can_preserve)(struct machine *m, struct liveupdate_file_handler *handler,
			     struct file *file);
	int (*preserve)(struct liveupdate_file_op_args *args);
	void (*unpreserve)(struct liveupdate_file_op_args *args);
	int (*freeze)(struct liveupdate_file_op_args *args);
	void (*unfreeze)(struct liveupdate_file_op_args *args);
	int (*retrieve)(struct liveupdate_file_op_args *args);
	bool (*can_finish)(struct liveupdate_file_op_args *args);
	void (*finish)(struct liveupdate_file_op_args *args);
	u64 (*get_id)(struct machine *m, struct liveupdate_file_handler *fh, struct file *file);
	/* compat=flags, which no kernel has: the features that the serialized form uses. */
	u64 (*features)(struct machine *m, u64 serialized_data);
	/* For walk.c: what the serialized form says. */
	void (*walk)(struct machine_walk *w, struct machine *m,
		     struct liveupdate_file_handler *handler, u64 serialized_data);
};

#define LIVEUPDATE_HNDL_COMPAT_LENGTH	48

struct liveupdate_file_handler {
	const struct liveupdate_file_ops *ops;
	const char *name;		/* what failures on demand call it */
	struct module *owner;		/* the kernel has it in @ops */
	/* The kernel has no room for the NUL of one that is as long, and reads on after it. */
	char compatible[LIVEUPDATE_HNDL_COMPAT_LENGTH + 1];
	u64 features;			/* those that it knows, see policy/compat.c */
	struct list_head list;
	struct list_head flb_list;	/* of struct luo_flb_link */
	void *in_tree;			/* what a tree's kernel has in its place */
};

struct liveupdate_flb_op_args {
	struct machine *m;
	struct liveupdate_flb *flb;
	u64 data;
	void *obj;
};

struct liveupdate_flb_ops {
	int (*preserve)(struct liveupdate_flb_op_args *args);
	void (*unpreserve)(struct liveupdate_flb_op_args *args);
	int (*retrieve)(struct liveupdate_flb_op_args *args);
	void (*finish)(struct liveupdate_flb_op_args *args);
};

#define LIVEUPDATE_FLB_COMPAT_LENGTH	48

struct luo_flb_private_state {
	s64 count;			/* files that depend on it, and getters */
	u64 data;
	void *obj;
	struct mutex lock;
	bool finished;
	int retrieve_status;		/* 0 not tried, 1 done, or the errno */
	u32 claim;			/* the ledger's, which the kernel has not */
};

/* Data that all files of some handlers need: see luo_flb.c. */
struct liveupdate_flb {
	const struct liveupdate_flb_ops *ops;
	struct module *owner;		/* the kernel has it in @ops */
	char compatible[LIVEUPDATE_FLB_COMPAT_LENGTH + 1];
	struct list_head list;		/* of all that handlers have registered */
	struct luo_flb_private_state outgoing;
	struct luo_flb_private_state incoming;
	int users;			/* handlers */
	void *in_tree;			/* what a tree's kernel has in its place */
};

bool liveupdate_enabled(struct machine *m);
int liveupdate_reboot(struct machine *m);
/* With the fix reboot-abort: it succeeded, and this kernel goes on all the same. */
void liveupdate_reboot_abort(struct machine *m);
/*
 * -EOPNOTSUPP when live update is off, -EINVAL for missing callbacks, -EBUSY, -EEXIST,
 * -EAGAIN when the module is going.
 */
int liveupdate_register_file_handler(struct machine *m, struct liveupdate_file_handler *fh);
/* Up to 7.0 that may be refused, which returns an error; callers have no use for it. */
void liveupdate_unregister_file_handler(struct machine *m, struct liveupdate_file_handler *fh);
/* Of those that take a file @fh, which was just registered, is the first to be asked. */
void luo_handler_first(struct machine *m, struct liveupdate_file_handler *fh);
/* The same errors, and -ENOSPC, -ENOMEM. @fh must be registered. */
int liveupdate_register_flb(struct machine *m, struct liveupdate_file_handler *fh,
			    struct liveupdate_flb *flb);
void liveupdate_unregister_flb(struct machine *m, struct liveupdate_file_handler *fh,
			       struct liveupdate_flb *flb);
/* -ENODATA, -ENOENT, or what the FLB's retrieve() says. */
int liveupdate_flb_get_incoming(struct machine *m, struct liveupdate_flb *flb, void **objp);
void liveupdate_flb_put_incoming(struct machine *m, struct liveupdate_flb *flb);
int liveupdate_flb_get_outgoing(struct machine *m, struct liveupdate_flb *flb, void **objp);
void liveupdate_flb_put_outgoing(struct machine *m, struct liveupdate_flb *flb);

/*
 * Posted, not merged: what one file needs of another in its session. The token of
 * @file or -ENOENT; the file of a token, with a reference, or what retrieve says.
 */
int liveupdate_get_token_outgoing(struct luo_session *session, struct file *file, u64 *tokenp);
/* The same as the tmpfs series calls it, with what get_id() says in place of the file. */
int liveupdate_get_token_of_id(struct machine *m, struct luo_session *session, u64 id,
			       u64 *tokenp);
int liveupdate_get_file_incoming(struct machine *m, struct luo_session *session, u64 token,
				 struct file **filep);

#endif
