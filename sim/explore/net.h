/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processes that search together, and what they send each other. A module does it, which
 * the program loads where it was started as one of several: sim/mpi/module.c.
 */
#ifndef SIM_EXPLORE_NET_H
#define SIM_EXPLORE_NET_H

#include <glib.h>
#include <stdbool.h>

/**
 * struct net - the processes, of which each is a rank.
 * @rank: of this one, counted from 0.
 * @size: how many there are.
 * @messages, @bytes: sent by this one.
 * @send: a message, which is copied; does not wait.
 * @receive: the next one that has come, in the order of each sender; false: there is none.
 * @all_here: called until it is true, which is when all ranks call it.
 * @gather: @nr numbers of each rank, for all: @all has those of rank 0 first.
 * @exchange: bytes from each rank to each; those that came replace what was to be sent.
 * @close: the last call; all ranks make it.
 *
 * All ranks call gather(), exchange() and all_here() in the same order.
 */
struct net {
	guint rank, size;
	guint64 messages, bytes;
	void (*send)(struct net *net, guint to, guint tag, const void *data, guint size);
	bool (*receive)(struct net *net, guint *from, guint *tag, GByteArray *data);
	bool (*all_here)(struct net *net);
	void (*gather)(struct net *net, const guint64 *mine, guint nr, guint64 *all);
	void (*exchange)(struct net *net, GByteArray **parts);
	void (*close)(struct net *net);
};

/** net_open() - what the module has, by this name; NULL if the processes do not come together. */
#define NET_OPEN	"net_open"
typedef struct net *net_open_fn(void);
net_open_fn net_open;

/** net_sum() - of a number of each rank. */
guint64 net_sum(struct net *net, guint64 mine);

/** net_max() - the largest one. */
guint64 net_max(struct net *net, guint64 mine);

/** net_parts() - an empty one for each rank; net_parts_free() - all of them. */
GByteArray **net_parts(const struct net *net);
void net_parts_free(const struct net *net, GByteArray **parts);

#endif
