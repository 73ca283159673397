/* SPDX-License-Identifier: GPL-2.0-only */
/* The functions that programs are made of; a program has those that it needs. */
#ifndef SIM_EMIT_CHUNK_H
#define SIM_EMIT_CHUNK_H

#include "scn/op.h"

/* What operations have in common, in the order in which it is printed. */
enum chunk {
	CHUNK_UAPI,		/* the ioctls */
	CHUNK_UAPI_NAME,	/* the one that came with v7.2 */
	CHUNK_RESULT,		/* or_errno() */
	CHUNK_SINCE,		/* since(), which release runs */
	CHUNK_BYTES,		/* struct bytes, B() */
	CHUNK_ALLOC,
	CHUNK_REPEAT,
	CHUNK_NUMBER,
	CHUNK_JOIN,
	CHUNK_LE,		/* numbers in raw arguments */
	CHUNK_FD,		/* fd(), names that loops make */
	CHUNK_STEP,		/* step(), judge() */
	CHUNK_ROUNDS,
	CHUNK_EXPECT,
	CHUNK_EXPECT_FD,
	CHUNK_ANSWER,		/* what a call gave besides its result */
	CHUNK_EXPECT_BYTES,
	CHUNK_EXPECT_FIELDS,
	CHUNK_WRITE_FILE,
	CHUNK_PATTERN,
	CHUNK_STAGE,		/* find_stage() */
	CHUNK_LOAD,
	CHUNK_LEAVE,		/* leave_kernel() */
	CHUNK_REBOOT,		/* do_reboot() */
	CHUNK_SUPERVISE,
	NR_CHUNKS
};

#define NEED(name) (1u << CHUNK_##name)

/* How an operation is said in C: do_NAME() with the operation's arguments. */
struct saying {
	const char *op;
	const char *defaults[MAX_ARGS];	/* of arguments that may be left out */
	guint32 needs;
	const char *cannot;		/* or what a real kernel cannot be told */
};

/* guest.c.in, by the Makefile. */
extern const char guest_text[];

/** saying_of() - the row of an operation; NULL: there is none. */
const struct saying *saying_of(const struct op_info *info);

/** chunk_needs() - @needs with all that these need. */
guint32 chunk_needs(guint32 needs);

/** chunk_name() - that of its section. */
const char *chunk_name(enum chunk chunk);

/** section_append() - append that section of guest.c.in; false: there is none. */
bool section_append(GString *out, const char *name);

#endif
