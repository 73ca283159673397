/* SPDX-License-Identifier: GPL-2.0-only */
/* How far a long command is, on a terminal; and stopping it with Ctrl-C. */
#ifndef SIM_RUN_PROGRESS_H
#define SIM_RUN_PROGRESS_H

#include <glib.h>
#include <stdbool.h>

struct progress;

/**
 * progress_new() - @what, such as "runs", is counted; from here on Ctrl-C asks to stop.
 * NULL, or not in the first thread: nothing is shown. One within another hands the signal
 * on to it when freed.
 */
struct progress *progress_new(const char *what);

/**
 * progress_step() - one more is about to be done, of @total; 0: nobody knows.
 * Return: false when it is to be left, as the user wants to stop.
 */
bool progress_step(struct progress *p, guint64 total);

/** progress_at() - likewise, but @done are. */
bool progress_at(struct progress *p, guint64 done, guint64 total);

/** progress_seconds() - since it began; 0 if nothing is shown. */
double progress_seconds(const struct progress *p);

/** progress_hold() - show nothing until it is called with false. */
void progress_hold(struct progress *p, bool hold);

/**
 * progress_expect() - there will be about @total in the end, which progress_at() did not know:
 * how long that takes at the pace until now is shown, too. 0: it begins, and nobody knows.
 */
void progress_expect(struct progress *p, double total);

/** progress_stopped() - does the user want to stop? */
bool progress_stopped(const struct progress *p);

/** progress_free() - clear the line; after Ctrl-C, end the program as it would have. */
void progress_free(struct progress *p);

#endif
