/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who crashed, does not return, or ended the program: foreign code that is called is named,
 * with the step in which it was.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "scn/crash.h"

#define STATUS	2	/* input that cannot be used */
#define LIMIT	5	/* seconds of a thread's CPU time, for the foreign code of a step */

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id	_sigev_un._tid	/* older C libraries have no name for it */
#endif

static const struct {
	int number;
	const char *name;
} signals[] = {
	{ SIGSEGV, "SIGSEGV" }, { SIGBUS, "SIGBUS" }, { SIGFPE, "SIGFPE" },
	{ SIGILL, "SIGILL" }, { SIGTRAP, "SIGTRAP" }, { SIGABRT, "SIGABRT" },
};

static struct sigaction before[G_N_ELEMENTS(signals)];

/* What this thread does. */
static _Thread_local struct {
	const char *what, *path, *function;	/* of foreign code, or NULL */
	const char *file, *call;	/* of the step */
	guint line;
	guint ticks;			/* that fell into foreign code, of this step */
	bool has_stack;
	char stack[1 << 16];		/* for signals, as a stack may be what has run out */
} now;

/* In a signal handler there is no printf(): the heap may be locked, or damaged. */
static char *put(char *out, const char *end, const char *text)
{
	while (*text != '\0' && out < end)
		*out++ = *text++;
	return out;
}

static char *put_number(char *out, const char *end, guint number)
{
	char digits[16] = "", *p = digits + sizeof(digits) - 1;

	do
		*--p = '0' + number % 10;
	while (number /= 10);
	return put(out, end, p);
}

static char *put_step(char *out, const char *end)
{
	if (now.call == NULL)
		return out;
	out = put(out, end, ", in ");
	if (now.file != NULL) {
		out = put(out, end, now.file);
		out = put(out, end, ":");
		out = put_number(out, end, now.line);
		out = put(out, end, ": ");
	}
	return put(out, end, now.call);
}

/* Say what the foreign code did, and end. */
static G_NORETURN void tell(const char *did, const char *how)
{
	char text[1024] = "", *out = text, *end = text + sizeof(text) - 1;

	out = put(out, end, "luosim: ");
	out = put(out, end, now.what);
	out = put(out, end, " ");
	out = put(out, end, now.path);
	out = put(out, end, ": ");
	out = put(out, end, now.function);
	out = put(out, end, did);
	out = put(out, end, how);
	out = put_step(out, end);
	*out++ = '\n';
	if (write(STDERR_FILENO, text, out - text) < 0)
		_exit(STATUS);
	_exit(STATUS);
}

static void crashed(int number)
{
	guint i = 0;

	while (signals[i].number != number)
		i++;
	sigaction(number, &before[i], NULL);
	/* Not foreign code: the same happens again. */
	if (now.path == NULL)
		return;
	tell(" crashed with ", signals[i].name);
}

/* Once a second of the thread's own CPU time: a machine that is busy changes nothing. */
static void ticked(int number)
{
	(void)number;
	if (now.path != NULL && ++now.ticks >= LIMIT)
		tell(" does not return: ", G_STRINGIFY(LIMIT) " s of CPU time");
}

static void ended(void)
{
	if (now.path != NULL)
		tell(" called ", "exit()");
}

static void free_clock(gpointer clock)
{
	timer_delete(*(timer_t *)clock);
	g_free(clock);
}

static void start_clock(void)
{
	static GPrivate key = G_PRIVATE_INIT(free_clock);
	const struct itimerspec second = { { 1, 0 }, { 1, 0 } };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF };
	timer_t *clock = g_new(timer_t, 1);

	event.sigev_notify_thread_id = gettid();
	if (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, clock) != 0) {
		g_free(clock);
		return;
	}
	g_private_set(&key, clock);
	timer_settime(*clock, 0, &second, NULL);
}

void crash_init(void)
{
	static gsize done;
	const struct sigaction action = {
		.sa_handler = crashed, .sa_flags = SA_ONSTACK | SA_NODEFER,
	}, tick = { .sa_handler = ticked, .sa_flags = SA_ONSTACK | SA_RESTART };

	if (!g_once_init_enter(&done))
		return;
	for (guint i = 0; i < G_N_ELEMENTS(signals); i++)
		sigaction(signals[i].number, &action, &before[i]);
	sigaction(SIGPROF, &tick, NULL);
	atexit(ended);
	g_once_init_leave(&done, 1);
}

/* AddressSanitizer gives each thread a stack of its own for this. */
static void use_stack(void)
{
	const stack_t stack = { .ss_sp = now.stack, .ss_size = sizeof(now.stack) };
	stack_t old;

	now.has_stack = true;
	if (sigaltstack(NULL, &old) == 0 && old.ss_flags & SS_DISABLE)
		sigaltstack(&stack, NULL);
}

void crash_watch(const char *what, const char *path, const char *function)
{
	if (!now.has_stack) {
		use_stack();
		start_clock();
	}
	now.what = what;
	now.function = function;
	now.path = path;
}

void crash_step(const char *file, guint line, const char *call)
{
	now.file = file;
	now.line = line;
	now.call = call;
	now.ticks = 0;
}
