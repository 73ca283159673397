/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bench: measured figures, one a line: name, value, unit. Times are CPU times, and are told
 * as turns of a loop of this program's own as well, which is measured right before and
 * behind each: that ratio can be compared between machines and runs, busy or not. Memory
 * and a large machine's boot have a limit, and the exit status is 1 when it was passed; other
 * times have none.
 *
 *	bench [LUOSIM SCENARIO RACE RECORDING...]
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "luosim.h"

#define GIB		(1ull << 30)
#define PAGE_SIZE	4096
#define ARG(arg)	((struct uptr){ .mem = (arg), .size = sizeof(*(arg)) })

static bool over;

static void report_bytes(const char *name, double bytes, double limit)
{
	printf("%-24s %10.2f B/folio (%.0f %% of %g)\n", name, bytes, 100 * bytes / limit, limit);
	fflush(stdout);
	over |= bytes > limit;
}

static void check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "bench: %s failed\n", what);
	exit(EXIT_FAILURE);
}

static double cpu_seconds(int who)
{
	struct rusage now, *usage = &now;

	getrusage(who, usage);
	return usage->ru_utime.tv_sec + usage->ru_utime.tv_usec / 1e6 +
	       usage->ru_stime.tv_sec + usage->ru_stime.tv_usec / 1e6;
}

/* ---- The loop that all else is held against ---- */

#define TURNS	(1u << 21)
#define CELLS	(1u << 20)	/* more than a cache of the second level */

/* CPU time of a turn: a look at memory that the one before chose, and some arithmetic. */
static double turn_seconds(void)
{
	static uint32_t cells[CELLS];
	uint64_t hash = 1;
	double start;

	for (uint32_t i = 0; i < CELLS; i++)
		cells[i] = i * 2654435761u;
	start = cpu_seconds(RUSAGE_SELF);
	for (uint32_t i = 0; i < TURNS; i++)
		hash = (hash ^ cells[hash % CELLS]) * 0x9e3779b97f4a7c15ull + (hash >> 29);
	check(hash != 0, "the loop");
	return (cpu_seconds(RUSAGE_SELF) - start) / TURNS;
}

/* What goes on, and how fast the loop was before it. */
struct timing {
	int who;
	double turn, start;
};

static struct timing timing_start(int who)
{
	struct timing t = { .who = who, .turn = turn_seconds() };

	t.start = cpu_seconds(who);
	return t;
}

/* For each of @nr, in units of 1 / @scale seconds. */
static void timing_report(const struct timing *t, const char *name, double nr, double scale,
			  const char *unit)
{
	double each = (cpu_seconds(t->who) - t->start) / nr;
	double turn = (t->turn + turn_seconds()) / 2;

	printf("%-24s %10.2f %-12s %14.1f turns\n", name, each * scale, unit, each / turn);
	fflush(stdout);
}

static uint64_t maxrss_bytes(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss * 1024ull;
}

static struct machine *make_machine_of(uint64_t mem, uint32_t nodes)
{
	struct machine_config config = {
		.boot = { .release = *release_find("v7.3"), .kho = true, .liveupdate = true,
			  .nodes = nodes },
		.mem = mem,
	};
	struct machine *m = machine_new(&config);

	check(m, "machine_new");
	return m;
}

static struct machine *make_machine(uint64_t mem)
{
	return make_machine_of(mem, 1);
}

static int open_dev(struct machine *m)
{
	int dev = sys_open(m, "/dev/liveupdate", O_RDWR);

	check(dev >= 0, "open");
	return dev;
}

static int session(struct machine *m, int dev, unsigned int cmd, const char *name)
{
	struct liveupdate_ioctl_session arg = { .size = sizeof(arg) };

	memcpy(arg.name, name, strlen(name));
	check(!sys_ioctl(m, dev, cmd, ARG(&arg)), "session");
	return arg.fd;
}

static void preserve(struct machine *m, int s, int fd, uint64_t token)
{
	struct liveupdate_session_fd arg = { .size = sizeof(arg), .fd = fd, .token = token };

	check(!sys_ioctl(m, s, LIVEUPDATE_SESSION_PRESERVE_FD, ARG(&arg)), "preserve");
}

static int retrieve(struct machine *m, int s, uint64_t token)
{
	struct liveupdate_session_fd arg = { .size = sizeof(arg), .token = token };

	check(!sys_ioctl(m, s, LIVEUPDATE_SESSION_RETRIEVE_FD, ARG(&arg)), "retrieve");
	return arg.fd;
}

static void finish(struct machine *m, int s)
{
	struct liveupdate_session_finish arg = { .size = sizeof(arg) };

	check(!sys_ioctl(m, s, LIVEUPDATE_SESSION_FINISH, ARG(&arg)), "finish");
}

static void kexec(struct machine *m)
{
	check(!sys_kexec_load(m, KEXEC_FILE) && !sys_reboot_kexec(m), "kexec");
}

static int memfd(struct machine *m, int64_t size)
{
	int fd = sys_memfd_create(m, "guest", 0);

	check(fd >= 0 && !sys_ftruncate(m, fd, size), "memfd");
	return fd;
}

static void check_clean(struct machine *m)
{
	size_t nr;

	machine_violations(m, &nr);
	check(!nr, "a clean live update");
}

/*
 * A large memfd all of holes, through everything. The first run pays for memory
 * that the host has to find, which in a virtual machine takes longer than all
 * the rest.
 */
static void bench_folios(bool first)
{
	const uint64_t folios = 16 * GIB / PAGE_SIZE;
	struct timing timing = timing_start(RUSAGE_SELF);
	uint64_t rss = maxrss_bytes();
	struct machine *m = make_machine(18 * GIB);
	struct machine_stats stats;
	int dev, s, fd;

	dev = open_dev(m);
	s = session(m, dev, LIVEUPDATE_IOCTL_CREATE_SESSION, "vm0");
	fd = memfd(m, 16 * GIB);
	preserve(m, s, fd, 1);
	kexec(m);
	dev = open_dev(m);
	s = session(m, dev, LIVEUPDATE_IOCTL_RETRIEVE_SESSION, "vm0");
	retrieve(m, s, 1);
	finish(m, s);
	timing_report(&timing, first ? "folio-time-first" : "folio-time", folios, 1e9, "ns/folio");
	machine_stats(m, &stats);
	check_clean(m);
	if (first) {
		report_bytes("folio-memory", (double)stats.bytes / folios, 64);
		report_bytes("folio-memory-resident", (double)(maxrss_bytes() - rss) / folios, 64);
	}
	machine_free(m);
}

#define BOOTS		10
#define BOOT_LIMIT	10e-3		/* seconds */

/* The largest machine there is, from nothing, and what follows a kexec. */
static void bench_boot(void)
{
	struct timing timing = timing_start(RUSAGE_SELF);
	struct machine *m[BOOTS];

	for (int i = 0; i < BOOTS; i++)
		m[i] = make_machine_of(MACHINE_MAX_MEM, 4);
	over |= (cpu_seconds(RUSAGE_SELF) - timing.start) / BOOTS > BOOT_LIMIT;
	timing_report(&timing, "boot of 1 TiB", BOOTS, 1e3, "ms");
	timing = timing_start(RUSAGE_SELF);
	for (int i = 0; i < BOOTS; i++)
		kexec(m[i]);
	over |= (cpu_seconds(RUSAGE_SELF) - timing.start) / BOOTS > BOOT_LIMIT;
	timing_report(&timing, "kexec of 1 TiB", BOOTS, 1e3, "ms");
	for (int i = 0; i < BOOTS; i++)
		machine_free(m[i]);
}

#define SESSIONS	10000
#define FILES		100

static void bench_preserves(void)
{
	struct machine *m = make_machine(64 * GIB);
	struct timing timing = timing_start(RUSAGE_SELF);
	int dev = open_dev(m);
	char name[16];

	check(!sys_setrlimit_nofile(m, 2 * SESSIONS), "setrlimit");
	for (int i = 0; i < SESSIONS; i++) {
		int s;

		snprintf(name, sizeof(name), "vm%d", i);
		s = session(m, dev, LIVEUPDATE_IOCTL_CREATE_SESSION, name);
		for (int token = 0; token < FILES; token++) {
			int fd = memfd(m, PAGE_SIZE);

			preserve(m, s, fd, token);
			sys_close(m, fd);
		}
	}
	timing_report(&timing, "preserve", (double)SESSIONS * FILES, 1e9, "ns");

	timing = timing_start(RUSAGE_SELF);
	kexec(m);
	dev = open_dev(m);
	check(!sys_setrlimit_nofile(m, 2 * SESSIONS), "setrlimit");
	for (int i = 0; i < SESSIONS; i++) {
		int s;

		snprintf(name, sizeof(name), "vm%d", i);
		s = session(m, dev, LIVEUPDATE_IOCTL_RETRIEVE_SESSION, name);
		for (int token = 0; token < FILES; token++)
			sys_close(m, retrieve(m, s, token));
		finish(m, s);
		sys_close(m, s);
	}
	timing_report(&timing, "retrieve", (double)SESSIONS * FILES, 1e9, "ns");
	check_clean(m);
	machine_free(m);
}

static void run_once(char *const argv[])
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		execv(argv[0], argv);
		_exit(127);
	}
	check(waitpid(pid, &status, 0) == pid && !status, argv[0]);
}

/* A whole run of the program, from fork to exit. */
static void bench_process(char *luosim, char *scenario)
{
	char *argv[] = { luosim, "-q", scenario, NULL };
	struct timing timing = timing_start(RUSAGE_CHILDREN);

	for (int i = 0; i < 20; i++)
		run_once(argv);
	timing_report(&timing, "scenario-process", 20, 1e3, "ms");
}

/* What a report of a run takes, and how large it is; @limit: in bytes, 0: none. */
static void bench_report(const char *luosim, const char *options, const char *scenario,
			 const char *name, double limit)
{
	struct timing timing = timing_start(RUSAGE_CHILDREN);
	double bytes = 0;
	char command[4096], some[4096];
	size_t nr;
	FILE *out;

	snprintf(command, sizeof(command), "'%s' %s '%s'", luosim, options, scenario);
	for (int i = 0; i < 10; i++) {
		out = popen(command, "r");
		check(out != NULL, "popen");
		for (bytes = 0; (nr = fread(some, 1, sizeof(some), out)) > 0; )
			bytes += nr;
		check(pclose(out) == 0, command);
	}
	timing_report(&timing, name, 10, 1e3, "ms");
	printf("%-24s %10.0f B", name, bytes);
	if (limit > 0)
		printf(" (%.0f %% of %g)", 100 * bytes / limit, limit);
	putchar('\n');
	over |= limit > 0 && bytes > limit;
}

/* As many steps back and forth as a person never takes. */
static void bench_step(const char *luosim, const char *scenario)
{
	struct timing timing = timing_start(RUSAGE_CHILDREN);
	char command[4096];

	snprintf(command, sizeof(command),
		 "awk 'BEGIN { for (; i < 50000; i++) print \"next\\nback\" }' | "
		 "'%s' step '%s' >/dev/null", luosim, scenario);
	check(system(command) == 0, "luosim step");
	timing_report(&timing, "step", 100000, 1e6, "us");
}

/* All schedules of a race run one by one. */
static void bench_schedules(const char *luosim, const char *race)
{
	struct timing timing = timing_start(RUSAGE_CHILDREN);
	unsigned long long schedules = 0;
	char command[4096], line[256];
	FILE *out;

	snprintf(command, sizeof(command),
		 "'%s' --no-reduction --max-states=10000000 --kernel=v7.0 '%s'", luosim, race);
	out = popen(command, "r");
	check(out != NULL, "popen");
	while (fgets(line, sizeof(line), out))
		sscanf(line, "verdict: %llu schedules", &schedules);
	pclose(out);
	check(schedules > 0, "counting schedules");
	timing_report(&timing, "schedule of a race", schedules, 1e9, "ns");
}

/* @argv: the program, two words to be replaced, and recordings, which may be many. */
static void bench_replay(char *argv[])
{
	int quiet = open("/dev/null", O_WRONLY), out = dup(STDOUT_FILENO);
	struct timing timing;

	check(quiet >= 0 && out >= 0, "/dev/null");
	argv[1] = "replay";
	argv[2] = "-q";
	timing = timing_start(RUSAGE_CHILDREN);
	dup2(quiet, STDOUT_FILENO);
	run_once(argv);
	dup2(out, STDOUT_FILENO);
	close(out);
	close(quiet);
	timing_report(&timing, "recordings", 1, 1, "s");
}

int main(int argc, char *argv[])
{
	if (argc != 1 && argc < 5) {
		fprintf(stderr, "usage: bench [LUOSIM SCENARIO RACE RECORDING...]\n");
		return 2;
	}
	/* First, while this process is small and fork() cheap. */
	if (argc > 1) {
		bench_process(argv[1], argv[2]);
		bench_report(argv[1], "", argv[2], "trace", 0);
		bench_report(argv[1], "-v", argv[2], "trace -v", 0);
		bench_report(argv[1], "--format=svg", argv[2], "svg", 30000);
		bench_report(argv[1], "--format=html", argv[2], "html", 100000);
		bench_report(argv[1], "--format=html", argv[3], "html of a race", 200000);
		bench_step(argv[1], argv[2]);
		bench_schedules(argv[1], argv[3]);
		bench_replay(argv + 1);
	}
	bench_boot();
	bench_folios(true);
	bench_folios(false);
	bench_preserves();
	return over;
}
