/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of a world share: its slots, what objects begin with, single calls. */
#ifndef SIM_WORLD_PARTS_H
#define SIM_WORLD_PARTS_H

#include <sys/mman.h>

#include "world.h"

#define WORLD_HANDLER	"counter"	/* preserves eventfds */
#define WORLD_MARK	"wrote"		/* what a write writes */
#define NO_SLOT		0xff

static inline guint out_slot(guint session)
{
	return 1 + session;
}

static inline guint in_slot(const struct world *world, guint session)
{
	return 1 + world->sessions + session;
}

static inline guint file_slot(const struct world *world, guint file)
{
	return 1 + 2 * world->sessions + file;
}

static inline guint nr_files(const struct world *world)
{
	return world->inodes * world->opens + world->eventfds;
}

static inline bool is_eventfd(const struct world *world, guint file)
{
	return file >= world->inodes * world->opens;
}

static inline guint session_of(const struct world *world, guint slot)
{
	return (slot - 1) % world->sessions;
}

static inline char mark_of(const struct world *world, guint inode)
{
	/* What is written later makes a difference only where all began alike. */
	return world->actions & 1u << WORLD_WRITE ? 'a' : 'a' + inode;
}

static inline guint memfd_flags(const struct world *world)
{
	return world->actions & 1u << WORLD_SEAL ? MFD_ALLOW_SEALING : 0;
}

static inline const struct world_op *op_of(const struct world *world, guint nr)
{
	return &g_array_index(world->ops, struct world_op, nr);
}

/** world_call() - make the call of operation @nr; what it returned. */
gint64 world_call(const struct world *world, struct machine *m, const struct place *place,
		  guint nr);

/**
 * world_bind() - a slot for the descriptor that operation @nr returned, which is closed
 * if there is none; NO_SLOT if it returns none.
 */
void world_bind(const struct world *world, struct machine *m, struct place *place, guint nr,
		struct done *done);

/** world_settle() - what follows from operation @nr, which worked. */
void world_settle(const struct world *world, struct machine *m, struct place *place, guint nr,
		  struct done *done);

/** world_boot() - the next kernel runs. */
void world_boot(const struct world *world, struct machine *m, struct place *place,
		struct done *done);

#endif
