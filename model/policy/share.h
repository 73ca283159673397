/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Duplicate share, which nobody has posted: a second token of an object becomes one more
 * owner of what the first one preserved. luo_file.c calls these where it would call the
 * handler; without the policy each does what the kernel does there.
 */
#ifndef MODEL_POLICY_SHARE_H
#define MODEL_POLICY_SHARE_H

#include "kernel/liveupdate/luo_internal.h"

/* Duplicate share: one object that several tokens own. */
struct luo_managed {
	struct mutex lock;		/* what owners do to the object, one after the other */
	bool preserved;
	u32 owners;
	u64 serialized_data;
	void *private_data;
	struct file *file;		/* incoming: once it was retrieved, with a reference */
	int retrieve_status;
};

/* Nobody else preserves, gives up, retrieves or finishes @managed, if it is not NULL. */
void share_lock(struct machine *m, struct luo_managed *managed);
/* Have @preserve called, or take what it did for another token. */
int share_preserve(struct machine *m, struct luo_file *luo_file,
		   int (*preserve)(struct machine *m, struct luo_file *luo_file));
/*
 * Is it for this owner to have the handler unpreserve, or finish, the object? It is locked
 * from here on, until policy_release() and share_put(). *@status is that of the object.
 */
bool share_unpreserve(struct machine *m, struct luo_file *luo_file);
bool share_finish(struct machine *m, struct luo_file *luo_file, int *status);
/* Have @retrieve called, or take what came of it for another token. */
int share_retrieve(struct machine *m, struct luo_file_set *file_set, struct luo_file *luo_file,
		   int (*retrieve)(struct machine *m, struct luo_file_set *file_set,
				   struct luo_file *luo_file));
/* Tokens with the same data are owners of one object. */
int share_incoming(struct machine *m, struct luo_file *luo_file);
/* One owner less of an incoming object. */
void share_put(struct machine *m, struct luo_file *luo_file);
/* Take from @census what is open only for tokens that may still come. */
void share_waiting(struct machine *m, struct census *census);

#endif
