/* SPDX-License-Identifier: GPL-2.0-only */
/* Who crashed: foreign code that is called is named, with the step in which it was. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "scn/crash.h"

#define STATUS	2	/* input that cannot be used */

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

static void crashed(int number)
{
	char text[1024], *out = text, *end = text + sizeof(text) - 1;
	guint i = 0;

	while (signals[i].number != number)
		i++;
	sigaction(number, &before[i], NULL);
	/* Not foreign code: the same happens again. */
	if (now.path == NULL)
		return;
	out = put(out, end, "luosim: ");
	out = put(out, end, now.what);
	out = put(out, end, " ");
	out = put(out, end, now.path);
	out = put(out, end, ": ");
	out = put(out, end, now.function);
	out = put(out, end, " crashed with ");
	out = put(out, end, signals[i].name);
	out = put_step(out, end);
	*out++ = '\n';
	if (write(STDERR_FILENO, text, out - text) < 0)
		_exit(STATUS);
	_exit(STATUS);
}

void crash_init(void)
{
	static gsize done;
	const struct sigaction action = {
		.sa_handler = crashed, .sa_flags = SA_ONSTACK | SA_NODEFER,
	};

	if (!g_once_init_enter(&done))
		return;
	for (guint i = 0; i < G_N_ELEMENTS(signals); i++)
		sigaction(signals[i].number, &action, &before[i]);
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
	if (!now.has_stack)
		use_stack();
	now.what = what;
	now.function = function;
	now.path = path;
}

void crash_step(const char *file, guint line, const char *call)
{
	now.file = file;
	now.line = line;
	now.call = call;
}
