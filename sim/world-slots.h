/* SPDX-License-Identifier: GPL-2.0-only */
/* How a world's slots are laid out, and what its objects begin with. */
#ifndef SIM_WORLD_SLOTS_H
#define SIM_WORLD_SLOTS_H

#include <sys/mman.h>

#include "world.h"

#define WORLD_HANDLER	"counter"	/* preserves eventfds */
#define WORLD_MARK	"wrote"		/* what a write writes */

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

#endif
