/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who crashed, does not return, or ended the program: foreign code that is called is named,
 * with the step in which it was.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "scn/crash.h"

#define STATUS	2	/* input that cannot be used */
#define LIMIT	5	/* seconds of a thread's CPU time, for the foreign code of a step */
#define NAPS	5	/* without any, of 2 seconds each */

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
	guint calls, seen;		/* into foreign code; of those, at the tick before */
	guint ticks;			/* that fell into foreign code, of this step */
	guint naps;			/* one after another without CPU time */
	guint64 used;			/* CPU time at the nap before, in nanoseconds */
	const char *last_what, *last, *last_function;	/* of foreign code that ran before */
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

static G_NORETURN void end_program(int status)
{
	for (;;)
		syscall(SYS_exit_group, status);
}

/* Say these words and the step, and end. */
static G_NORETURN void tell_words(const char *const *words)
{
	char text[1024] = "", *out = text, *end = text + sizeof(text) - 1;

	out = put(out, end, "luosim: ");
	while (*words != NULL)
		out = put(out, end, *words++);
	out = put_step(out, end);
	*out++ = '\n';
	if (write(STDERR_FILENO, text, out - text) < 0)
		end_program(STATUS);
	end_program(STATUS);
}

/* Say what the foreign code did, and end. */
static G_NORETURN void tell(const char *did, const char *how)
{
	const char *const words[] = {
		now.what, " ", now.path, ": ", now.function, did, how, NULL,
	};

	tell_words(words);
}

void crash_accuse(const char *what, const char *path, const char *function, const char *did)
{
	now.what = what;
	now.path = path;
	now.function = function;
	tell(" ", did);
}

/* Foreign code that ends the program in this way is told, too: no atexit() is called then. */
void _exit(int status)
{
	if (now.path != NULL)
		tell(" called ", "_exit()");
	end_program(status);
}

static void crashed(int number)
{
	guint i = 0;

	while (signals[i].number != number)
		i++;
	sigaction(number, &before[i], NULL);
	if (now.path == NULL)
		tell_words((const char *const []){
			"crashed with ", signals[i].name, ", which ",
			now.last != NULL ? now.last_what : "another thread of a plugin",
			now.last != NULL ? " " : "", now.last != NULL ? now.last : "",
			" may have caused by what it wrote", NULL });
	tell(" crashed with ", signals[i].name);
}

/* Once a second of the thread's own CPU time: a machine that is busy changes nothing. */
static void ticked(int number)
{
	bool is_foreign = now.path != NULL || now.calls != now.seen;

	(void)number;
	now.seen = now.calls;
	if (!is_foreign || ++now.ticks < LIMIT)
		return;
	/* It does nothing but call functions of the kernel. */
	if (now.path == NULL)
		crash_watch(now.last_what, now.last, now.last_function);
	tell(" does not return: ", G_STRINGIFY(LIMIT) " s of CPU time");
}

/* Every two seconds: has the thread used the CPU since, be it ever so little? */
static void napped(int number)
{
	struct timespec time;
	guint64 used;

	(void)number;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	used = time.tv_sec * G_GUINT64_CONSTANT(1000000000) + time.tv_nsec;
	if (now.path == NULL || used - now.used > 1000000)
		now.naps = 0;
	else if (++now.naps >= NAPS)
		tell(" does not return: ", "10 s without CPU time");
	now.used = used;
}

static void ended(void)
{
	if (now.path != NULL)
		tell(" called ", "exit()");
}

static void forked(void)
{
	if (now.path != NULL)
		tell(" called ", "fork()");
}

static void free_clock(gpointer clock)
{
	timer_delete(*(timer_t *)clock);
	g_free(clock);
}

/* This thread gets a signal every @seconds of the clock, until it ends. */
static void start_clock(GPrivate *key, clockid_t which, int number, int seconds)
{
	const struct itimerspec period = { { seconds, 0 }, { seconds, 0 } };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = number };
	timer_t *clock = g_new(timer_t, 1);

	event.sigev_notify_thread_id = gettid();
	if (timer_create(which, &event, clock) != 0) {
		g_free(clock);
		return;
	}
	g_private_set(key, clock);
	timer_settime(*clock, 0, &period, NULL);
}

static void start_clocks(void)
{
	static GPrivate ticks = G_PRIVATE_INIT(free_clock), naps = G_PRIVATE_INIT(free_clock);

	start_clock(&ticks, CLOCK_THREAD_CPUTIME_ID, SIGPROF, 1);
	start_clock(&naps, CLOCK_MONOTONIC, SIGVTALRM, 2);
}

void crash_init(void)
{
	static gsize done;
	const struct sigaction action = {
		.sa_handler = crashed, .sa_flags = SA_ONSTACK | SA_NODEFER,
	}, tick = { .sa_handler = ticked, .sa_flags = SA_ONSTACK | SA_RESTART },
	   nap = { .sa_handler = napped, .sa_flags = SA_ONSTACK | SA_RESTART };

	if (!g_once_init_enter(&done))
		return;
	for (guint i = 0; i < G_N_ELEMENTS(signals); i++)
		sigaction(signals[i].number, &action, &before[i]);
	sigaction(SIGPROF, &tick, NULL);
	sigaction(SIGVTALRM, &nap, NULL);
	atexit(ended);
	pthread_atfork(forked, NULL, NULL);
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
		start_clocks();
	}
	if (path != NULL) {
		now.calls++;
		now.last_what = what;
		now.last = path;
		now.last_function = function;
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
	now.naps = 0;
}
