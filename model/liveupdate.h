/* SPDX-License-Identifier: GPL-2.0-only */
/* What a file handler sees of LUO (include/linux/liveupdate.h). */
#ifndef MODEL_LIVEUPDATE_H
#define MODEL_LIVEUPDATE_H

#include "fs.h"
#include "list.h"

struct liveupdate_file_handler;
struct vm_struct;

struct liveupdate_file_op_args {
	struct machine *m;
	struct liveupdate_file_handler *handler;
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
	u64 (*get_id)(struct machine *m, struct file *file);
};

#define LIVEUPDATE_HNDL_COMPAT_LENGTH	48

struct liveupdate_file_handler {
	const struct liveupdate_file_ops *ops;
	char compatible[LIVEUPDATE_HNDL_COMPAT_LENGTH];
	struct list_head list;
};

bool liveupdate_enabled(struct machine *m);
int liveupdate_reboot(struct machine *m);
/* -EOPNOTSUPP when live update is off, -EINVAL for missing callbacks, -EEXIST. */
int liveupdate_register_file_handler(struct machine *m, struct liveupdate_file_handler *fh);

#endif
