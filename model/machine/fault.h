/* SPDX-License-Identifier: GPL-2.0-only */
/* Failures on demand: every step that can be told to fail asks here first. */
#ifndef MODEL_MACHINE_FAULT_H
#define MODEL_MACHINE_FAULT_H

#include "luosim.h"
#include "lib/types.h"

#define MAX_SEEN	16

struct faults {
	struct failure armed[MAX_FAILURES];
	u32 reached[MAX_FAILURES];	/* how often its point was */
	u32 nr;
	bool node;			/* what is allocated is of an xarray */
	struct fail_stats stats;
	/* with FAIL_ANYWHERE: how often each point was reached, one by one */
	struct {
		const char *name;
		enum fail_point point;
		enum handler_call call;
		u32 nth;
	} seen[MAX_SEEN];
	u32 nr_seen;
};

/*
 * Does the step that is about to be taken fail? 0, or what machine_fail() asked
 * for; -1 where the step answers no instead of an errno. @call and @name are of
 * callbacks, @name also of modules.
 */
int should_fail(struct machine *m, enum fail_point point, enum handler_call call,
		const char *name);
/* The allocators' question. */
bool should_fail_alloc(struct machine *m);
/* The kernel ends: left is what the next one may meet while it boots. */
void faults_kexec(struct machine *m);

#endif
