/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bench: measured figures, one a line: name, value, unit, and the limit if there
 * is one, with the share of it that was used. Exit status 1 when one was passed.
 *
 *	bench [LUOSIM SCENARIO RACE]
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
#include <time.h>
#include <unistd.h>

#include "luosim.h"

#define GIB		(1ull << 30)
#define PAGE_SIZE	4096
#define ARG(arg)	((struct uptr){ .mem = (arg), .size = sizeof(*(arg)) })

static bool over;

static void report(const char *name, double value, const char *unit, double limit)
{
	printf("%-24s %10.2f %s", name, value, unit);
	if (limit)
		printf(" (%.0f %% of %g)", 100 * value / limit, limit);
	printf("\n");
	fflush(stdout);
	over |= limit && value > limit;
}

static void check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "bench: %s failed\n", what);
	exit(EXIT_FAILURE);
}

static double seconds(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static double cpu_seconds(const struct rusage *usage)
{
	return usage->ru_utime.tv_sec + usage->ru_utime.tv_usec / 1e6 +
	       usage->ru_stime.tv_sec + usage->ru_stime.tv_usec / 1e6;
}

static uint64_t maxrss_bytes(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss * 1024ull;
}

static struct machine *make_machine(uint64_t mem)
{
	struct machine_config config = {
		.boot = { .release = *release_find("v7.3"), .kho = true, .liveupdate = true },
		.mem = mem,
	};
	struct machine *m = machine_new(&config);

	check(m, "machine_new");
	return m;
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
	uint64_t rss = maxrss_bytes();
	double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
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
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	machine_stats(m, &stats);
	check_clean(m);
	if (first) {
		report("folio-time-first", cpu / folios * 1e9, "ns/folio", 0);
		report("folio-memory", (double)stats.bytes / folios, "B/folio", 64);
		report("folio-memory-resident", (double)(maxrss_bytes() - rss) / folios,
		       "B/folio", 64);
	} else {
		report("folio-time", cpu / folios * 1e9, "ns/folio", 100);
	}
	machine_free(m);
}

#define SESSIONS	10000
#define FILES		100

static void bench_preserves(void)
{
	struct machine *m = make_machine(64 * GIB);
	double start = seconds(CLOCK_MONOTONIC);
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
	report("million-preserves", seconds(CLOCK_MONOTONIC) - start, "s", 5);

	start = seconds(CLOCK_MONOTONIC);
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
	report("million-retrieves", seconds(CLOCK_MONOTONIC) - start, "s", 5);
	check_clean(m);
	machine_free(m);
}

static double run_once(char *const argv[])
{
	double start = seconds(CLOCK_MONOTONIC);
	pid_t pid = fork();
	int status;

	if (!pid) {
		execv(argv[0], argv);
		_exit(127);
	}
	check(waitpid(pid, &status, 0) == pid && !status, argv[0]);
	return seconds(CLOCK_MONOTONIC) - start;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* A whole run of the program, from fork to exit. */
static void bench_process(char *luosim, char *scenario)
{
	char *argv[] = { luosim, "-q", scenario, NULL };
	double times[20];

	for (int i = 0; i < 20; i++)
		times[i] = run_once(argv);
	qsort(times, 20, sizeof(*times), by_value);
	report("scenario-process", (times[9] + times[10]) / 2 * 1e3, "ms", 10);
}

/* All schedules of a race run one by one: CPU time of the whole process for each. */
static void bench_schedules(const char *luosim, const char *race)
{
	unsigned long long schedules = 0;
	struct rusage before, after;
	char command[4096], line[256];
	FILE *out;

	snprintf(command, sizeof(command),
		 "'%s' --no-reduction --max-states=10000000 --kernel=v7.0 '%s'", luosim, race);
	getrusage(RUSAGE_CHILDREN, &before);
	out = popen(command, "r");
	check(out != NULL, "popen");
	while (fgets(line, sizeof(line), out))
		sscanf(line, "verdict: %llu schedules", &schedules);
	pclose(out);
	getrusage(RUSAGE_CHILDREN, &after);
	check(schedules > 0, "counting schedules");
	report("schedule of a race", 1e9 * (cpu_seconds(&after) - cpu_seconds(&before)) / schedules,
	       "ns", 10000);
}

int main(int argc, char *argv[])
{
	if (argc != 1 && argc != 4) {
		fprintf(stderr, "usage: bench [LUOSIM SCENARIO RACE]\n");
		return 2;
	}
	/* First, while this process is small and fork() cheap. */
	if (argc == 4) {
		bench_process(argv[1], argv[2]);
		bench_schedules(argv[1], argv[3]);
	}
	bench_folios(true);
	bench_folios(false);
	bench_preserves();
	return over;
}
