/* SPDX-License-Identifier: GPL-2.0-only */
/* The descriptors of the processes that strace followed, and what a scenario calls them. */
#ifndef SIM_IMPORT_FDS_H
#define SIM_IMPORT_FDS_H

#include <stdbool.h>

#include <glib.h>

/* One name of the scenario: a descriptor, its copies in other processes, and those on their way. */
struct named {
	char *name;
	guint held;	/* how many of them there are */
};

struct fds *fds_new(void);
void fds_free(struct fds *fds);

/** fds_of() - from now on, the calls are those of process or thread @pid; "" is the first. */
void fds_of(struct fds *fds, const char *pid);

/** fds_name() - what the descriptor @fd is called; NULL: it has nothing to do with live update. */
const char *fds_name(const struct fds *fds, gint64 fd);

/** fds_name_in() - likewise, in process @pid. */
const char *fds_name_in(const struct fds *fds, const char *pid, gint64 fd);

/**
 * fds_add() - a new descriptor.
 * @like: what its name shall be like; one is found that is not taken.
 * @cloexec: execve() closes it.
 *
 * Return: the name.
 */
const char *fds_add(struct fds *fds, gint64 fd, const char *like, bool cloexec);

/**
 * fds_drop() - the descriptor is closed.
 *
 * Return: its name, to be freed, if it was the last that has it; or NULL.
 */
char *fds_drop(struct fds *fds, gint64 fd);

/** fds_cloexec() - execve() closes the descriptor from now on, or does not. */
void fds_cloexec(struct fds *fds, gint64 fd, bool cloexec);

/**
 * fds_list() - the descriptors that have a name, in ascending order.
 * @cloexec: those alone that execve() closes.
 *
 * Return: an array of gint.
 */
GArray *fds_list(const struct fds *fds, bool cloexec);

/** fds_fork() - @pid has the descriptors of the process that calls: themselves, or copies. */
void fds_fork(struct fds *fds, const char *pid, bool shared);

/** fds_send() - @fd is put into a message, and fds_receive() takes the next that was. */
void fds_send(struct fds *fds, gint64 fd);
void fds_receive(struct fds *fds, gint64 fd, bool cloexec);

/** fds_reboot() - nothing is left of any process. */
void fds_reboot(struct fds *fds);

#endif
