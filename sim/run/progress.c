/* SPDX-License-Identifier: GPL-2.0-only */
/* How far a long command is, on a terminal; and stopping it with Ctrl-C. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "run/progress.h"

#define A_MOMENT	(G_USEC_PER_SEC / 2)	/* before the first line */
#define PACE		(G_USEC_PER_SEC / 10)	/* between two */

struct progress {
	const char *what;
	guint64 done;
	gint64 start, next;	/* when it began, and when to show the next line */
	double expected;	/* or 0 */
	bool held;
	bool terminal;
	guint columns;		/* of the terminal */
	guint shown;		/* columns that the line takes there, or 0 */
	struct sigaction before;
};

static volatile sig_atomic_t interrupted;

static void interrupt(int sig)
{
	interrupted = sig;
}

/* As the environment has it, or else the terminal, or else what terminals usually have. */
static guint terminal_columns(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size = { 0 };
	guint64 n;

	if (columns != NULL && g_ascii_string_to_unsigned(columns, 10, 1, G_MAXINT, &n, NULL))
		return n;
	ioctl(STDERR_FILENO, TIOCGWINSZ, &size);
	return size.ws_col > 0 ? size.ws_col : 80;
}

struct progress *progress_new(const char *what)
{
	/* The second Ctrl-C is not caught: it ends a run that takes too long. */
	const struct sigaction action = { .sa_handler = interrupt, .sa_flags = SA_RESETHAND };
	struct progress *p = g_new0(struct progress, 1);

	p->what = what;
	p->terminal = what != NULL && isatty(STDERR_FILENO) && gettid() == getpid();
	p->columns = p->terminal ? terminal_columns() : 0;
	p->start = g_get_monotonic_time();
	p->next = p->start + A_MOMENT;
	sigaction(SIGINT, &action, &p->before);
	if (p->before.sa_handler == SIG_IGN)
		sigaction(SIGINT, &p->before, NULL);
	return p;
}

/*
 * Put @text in place of the line that is shown. A line that wraps could not be cleared, so
 * it is cut; and blanks clear on any terminal, where not all know an escape for it.
 */
static void show(struct progress *p, const char *text)
{
	guint len = MIN(strlen(text), p->columns - 1);

	fprintf(stderr, "\r%.*s", (int)len, text);
	if (len < p->shown)
		fprintf(stderr, "%*s\r%.*s", (int)(p->shown - len), "", (int)len, text);
	fflush(stderr);
	p->shown = len;
}

bool progress_step(struct progress *p, guint64 total)
{
	return progress_at(p, p->done + 1, total);
}

double progress_seconds(const struct progress *p)
{
	return p == NULL || !p->terminal ? 0 :
		(g_get_monotonic_time() - p->start) / (double)G_USEC_PER_SEC;
}

void progress_hold(struct progress *p, bool hold)
{
	p->held = hold;
}

void progress_expect(struct progress *p, double total)
{
	p->expected = total;
	if (total == 0)
		p->start = g_get_monotonic_time();
}

/* Of how many, and how long that takes. */
static char *of_what(const struct progress *p, guint64 total)
{
	double left = progress_seconds(p) * (p->expected - p->done) / MAX(p->done, 1);
	double unit = pow(10, floor(log10(MAX(p->expected, 10))) - 1);

	if (p->expected > p->done)
		return g_strdup_printf(" of about %.0f %s, about %.0f %s left",
				       round(p->expected / unit) * unit, p->what,
				       ceil(left < 100 ? left : left / 60),
				       left < 100 ? "s" : "min");
	return total > 0 ? g_strdup_printf(" of %" G_GUINT64_FORMAT " %s", total, p->what) :
			   g_strdup_printf(" %s", p->what);
}

bool progress_at(struct progress *p, guint64 done, guint64 total)
{
	g_autofree char *of = NULL, *line = NULL;
	gint64 now;

	p->done = done;
	if (!p->terminal || p->held || interrupted)
		return !interrupted;
	now = g_get_monotonic_time();
	if (now < p->next)
		return true;
	of = of_what(p, total);
	line = g_strdup_printf("%" G_GUINT64_FORMAT "%s", p->done, of);
	show(p, line);
	p->next = now + PACE;
	return true;
}

bool progress_stopped(const struct progress *p)
{
	(void)p;
	return interrupted;
}

void progress_free(struct progress *p)
{
	if (p->shown > 0)
		show(p, "");
	sigaction(SIGINT, &p->before, NULL);
	g_free(p);
	if (interrupted)
		raise(SIGINT);
}
