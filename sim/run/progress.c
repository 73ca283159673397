/* SPDX-License-Identifier: GPL-2.0-only */
/* How far a long command is, on a terminal; and stopping it with Ctrl-C. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "run/progress.h"

#define A_MOMENT	(G_USEC_PER_SEC / 2)	/* before the first line */
#define PACE		(G_USEC_PER_SEC / 10)	/* between two */

struct progress {
	const char *what;
	guint64 done;
	gint64 next;		/* when to show the next line */
	bool terminal, shown;
	struct sigaction before;
};

static volatile sig_atomic_t interrupted;

static void interrupt(int sig)
{
	interrupted = sig;
}

struct progress *progress_new(const char *what)
{
	/* The second Ctrl-C is not caught: it ends a run that takes too long. */
	const struct sigaction action = { .sa_handler = interrupt, .sa_flags = SA_RESETHAND };
	struct progress *p = g_new0(struct progress, 1);

	p->what = what;
	p->terminal = what != NULL && isatty(STDERR_FILENO);
	p->next = g_get_monotonic_time() + A_MOMENT;
	sigaction(SIGINT, &action, &p->before);
	if (p->before.sa_handler == SIG_IGN)
		sigaction(SIGINT, &p->before, NULL);
	return p;
}

bool progress_step(struct progress *p, guint64 total)
{
	return progress_at(p, p->done + 1, total);
}

bool progress_at(struct progress *p, guint64 done, guint64 total)
{
	gint64 now;

	p->done = done;
	if (!p->terminal || interrupted)
		return !interrupted;
	now = g_get_monotonic_time();
	if (now < p->next)
		return true;
	fprintf(stderr, "\r%" G_GUINT64_FORMAT, p->done);
	if (total > 0)
		fprintf(stderr, " of %" G_GUINT64_FORMAT, total);
	fprintf(stderr, " %s\033[K", p->what);
	fflush(stderr);
	p->next = now + PACE;
	p->shown = true;
	return true;
}

bool progress_stopped(const struct progress *p)
{
	(void)p;
	return interrupted;
}

void progress_free(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	sigaction(SIGINT, &p->before, NULL);
	g_free(p);
	if (interrupted)
		raise(SIGINT);
}
