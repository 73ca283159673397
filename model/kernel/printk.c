/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel says: log lines, WARN with its call chain, panic. */
#include <stdarg.h>
#include <stdio.h>

#include "machine/machine.h"

/* DEFAULT_RATELIMIT_BURST; the interval is never over within a scenario. */
#define RATELIMIT_BURST	10

static void emit(struct machine *m, struct event *event)
{
	event->kernel = m->kernel_nr;
	if (m->config.emit)
		m->config.emit(m->config.data, event);
}

/* As /dev/kmsg shows it: what is no printable ASCII character as \xNN. */
static void escape(char *out, u32 size, const char *text)
{
	u32 n = 0;

	for (; *text && n + 5 < size; text++) {
		if (*text >= ' ' && *text < 127 && *text != '\\')
			out[n++] = *text;
		else
			n += snprintf(out + n, size - n, "\\x%02x", (u8)*text);
	}
	out[n] = '\0';
}

static bool is_heard(const struct machine *m)
{
	return m->config.emit && !m->config.no_log;
}

static void put_line(struct machine *m, struct event line, const char *raw)
{
	char text[512];

	escape(text, sizeof(text), raw);
	line.text = text;
	emit(m, &line);
}

static void vprintk(struct machine *m, enum log_level level, const char *fmt, va_list ap)
{
	char raw[256];

	if (!is_heard(m))
		return;
	vsnprintf(raw, sizeof(raw), fmt, ap);
	put_line(m, (struct event){ .type = EVENT_LOG, .level = level }, raw);
}

void printk(struct machine *m, enum log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintk(m, level, fmt, ap);
	va_end(ap);
}

static struct site *site_of(struct machine *m, const void *where)
{
	struct kernel *k = m->k;
	u32 i;

	for (i = 0; i < k->nr_sites; i++)
		if (k->sites[i].where == where)
			return &k->sites[i];
	if (i == MAX_SITES)
		simulator_panic(m, "more than %d places that speak once", MAX_SITES);
	k->sites[i].where = where;
	k->nr_sites++;
	return &k->sites[i];
}

bool once(struct machine *m, const void *site)
{
	struct site *s = site_of(m, site);

	s->once = true;
	return s->count++ == 0;
}

bool printk_allowed(struct machine *m, const void *site)
{
	return site_of(m, site)->count++ < RATELIMIT_BURST;
}

void printk_ratelimited(struct machine *m, const void *site, enum log_level level,
			const char *fmt, ...)
{
	va_list ap;

	if (!printk_allowed(m, site))
		return;
	va_start(ap, fmt);
	vprintk(m, level, fmt, ap);
	va_end(ap);
}

u32 call_chain(const struct machine *m, const char *func, const char *chain[CALL_DEPTH])
{
	const struct task *task = m->task;
	u32 depth = min(task->call_depth, (u32)CALL_DEPTH), n = 0;

	while (depth-- > task->boot_depth) {
		if (!n && !strcmp(task->call[depth], func))
			continue;
		chain[n++] = task->call[depth];
	}
	return n;
}

void warn(struct machine *m, const char *func)
{
	const char *chain[CALL_DEPTH];
	u32 depth = call_chain(m, func, chain);

	emit(m, &(struct event){ .type = EVENT_WARN, .func = func, .chain = chain,
				 .depth = depth });
	judge_warn(m, func);
	if (m->k->boot.panic_on_warn)
		panic(m, "kernel: panic_on_warn set ...");
}

/* To the system call under way, out of whatever runs. */
static void __attribute__((noreturn)) stop(struct machine *m)
{
	m->task->in_tree = false;
	m->task->session = NULL;
	m->task->retrieves = false;
	m->task->one_step = 0;
	longjmp(m->task->panic_env, 1);
}

static void say_panic(struct machine *m, const char *text, bool simulator)
{
	m->panicked = true;
	emit(m, &(struct event){ .type = EVENT_PANIC, .text = text, .simulator = simulator });
}

void panic_asked(struct machine *m, const char *text)
{
	say_panic(m, text, false);
	crash_kexec(m);
	stop(m);
}

static void __attribute__((noreturn)) die(struct machine *m, const char *text, bool simulator)
{
	say_panic(m, text, simulator);
	judge(m, VIOLATION_PANIC, 0, "the kernel stopped: %s", text);
	crash_kexec(m);
	stop(m);
}

void panic(struct machine *m, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	die(m, text, false);
}

/* What the program says of itself, with a word before it that says so. */
static void vsimulator(char *text, u32 size, const char *fmt, va_list ap)
{
	u32 n = snprintf(text, size, "simulator: ");

	vsnprintf(text + n, size - n, fmt, ap);
}

void simulator_panic(struct machine *m, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsimulator(text, sizeof(text), fmt, ap);
	va_end(ap);
	die(m, text, true);
}

void simulator_warn(struct machine *m, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	if (!is_heard(m))
		return;
	va_start(ap, fmt);
	vsimulator(text, sizeof(text), fmt, ap);
	va_end(ap);
	put_line(m, (struct event){ .type = EVENT_LOG, .level = LOG_WARN, .simulator = true },
		 text);
}

void loop_forever(struct machine *m, const char *func)
{
	printk(m, LOG_ERR, "watchdog: BUG: soft lockup - CPU#0 stuck in %s", func);
	m->panicked = true;
	judge(m, VIOLATION_STUCK, 0, "a loop that never ends, in %s", func);
	stop(m);
}

void oops(struct machine *m, phys_addr_t phys)
{
	printk(m, LOG_ERR, "BUG: unable to handle page fault for physical address 0x%llx",
	       (unsigned long long)phys);
	panic(m, "Fatal exception");
}

/* The function that runs. */
static const char *running(const struct machine *m)
{
	const struct task *task = m->task;

	return task->call_depth ? task->call[min(task->call_depth, CALL_DEPTH) - 1] : "a task";
}

void kasan_report(struct machine *m, const char *what)
{
	static const char site;

	if (!once(m, &site))
		return;
	printk(m, LOG_ERR, "BUG: KASAN: %s in %s", what, running(m));
	warn(m, "kasan_report");
}

void use_after_free(struct machine *m, u64 poison)
{
	const char *func = running(m);

	judge_tasks(m, VIOLATION_USE_AFTER_FREE, 0, (u32)poison,
		    "%s uses memory that another task has freed", func);
	panic(m, "BUG: KASAN: slab-use-after-free in %s", func);
}
