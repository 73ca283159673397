/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the unit tests of model/ share: machines that record what they say, and
 * live update in few words. A helper that returns no errno fails the test when
 * what it does fails.
 */
#ifndef TESTS_MACHINE_UTIL_H
#define TESTS_MACHINE_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "lib/uapi.h"

#include "machine/machine.h"

#define MIB	(1ull << 20)
#define UTIL	__attribute__((unused)) static

/* What machines said since the latest one was made. */
struct seen {
	unsigned int warns, errors, violations[NR_VIOLATION_KINDS];
	char warn[64];			/* function of the latest WARN */
	char log[256];			/* the latest warning or error */
	char panic[256];
	struct violation violation;	/* the latest */
	bool may_panic;
};

UTIL struct seen seen;

UTIL void record(void *data, const struct event *event)
{
	(void)data;
	switch (event->type) {
	case EVENT_WARN:
		seen.warns++;
		snprintf(seen.warn, sizeof(seen.warn), "%s", event->func);
		break;
	case EVENT_LOG:
		if (event->level == LOG_INFO)
			break;
		seen.errors++;
		snprintf(seen.log, sizeof(seen.log), "%s", event->text);
		break;
	case EVENT_PANIC:
		snprintf(seen.panic, sizeof(seen.panic), "%s", event->text);
		if (!seen.may_panic)
			fail_msg("unexpected panic: %s", event->text);
		break;
	case EVENT_VIOLATION:
		seen.violations[event->violation->kind]++;
		seen.violation = *event->violation;
		break;
	case EVENT_BOOT:
		break;
	}
}

/* Does @stmt stop the machine? For code that no system call is around. */
#define panics(m, stmt) ({						\
	volatile bool __stopped = false;				\
	seen.may_panic = true;						\
	if (!setjmp((m)->task->panic_env)) {				\
		stmt;							\
	} else {							\
		__stopped = true;					\
	}								\
	seen.may_panic = false;						\
	__stopped;							\
})

/* Failures. */

/* Let the @n-th allocation from here on fail, once; 0: none. */
UTIL void fail_alloc(struct machine *m, uint32_t n)
{
	const struct failure failure = { .point = FAIL_ALLOC, .nth = n };

	machine_fail_clear(m);
	if (n)
		assert_int_equal(machine_fail(m, &failure), 0);
}

UTIL bool fail_happened(struct machine *m)
{
	struct fail_stats stats;

	machine_fail_stats(m, &stats);
	return stats.happened;
}

/* Machines. */

UTIL struct machine *boot_release(const struct release *release, u64 mem)
{
	struct machine_config config = {
		.boot = { .release = *release, .kho = true, .liveupdate = true },
		.mem = mem,
		.emit = record,
	};
	struct machine *m;

	memset(&seen, 0, sizeof(seen));
	m = machine_new(&config);
	assert_non_null(m);
	machine_begin_op(m, 1);
	return m;
}

UTIL struct release release_named(const char *name)
{
	assert_non_null(release_find(name));
	return *release_find(name);
}

UTIL struct machine *boot(const char *release)
{
	struct release r = release_named(release);

	return boot_release(&r, 64 * MIB);
}

/* A release that has one fix less. */
UTIL struct machine *boot_without(const char *release, enum fix fix)
{
	struct release r = release_named(release);

	assert_true(r.fixes & FIX_BIT(fix));
	r.fixes &= ~FIX_BIT(fix);
	return boot_release(&r, 64 * MIB);
}

UTIL struct machine *boot_limited(const char *release, enum limit limit, u64 n)
{
	struct release r = release_named(release);

	r.limit[limit] = n;
	return boot_release(&r, 64 * MIB);
}

/* The machine of the test, and the release that it is at. */
UTIL struct machine *m;
UTIL const struct release *r;

UTIL int make_machine(void **state)
{
	(void)state;
	m = boot("v7.3");
	return 0;
}

UTIL int free_machine(void **state)
{
	(void)state;
	machine_free(m);
	m = NULL;
	return 0;
}

/* A machine of that release in place of the one before. */
UTIL void use_release(const struct release *release)
{
	machine_free(m);
	m = boot_release(release, 64 * MIB);
}

UTIL const char *const all_releases[] = {
	"v6.19", "v7.0", "v7.1", "v7.2", "v7.3", "next",
};
#define for_each_release(r)						\
	for (size_t __r = 0; __r < ARRAY_SIZE(all_releases) &&		\
	     (r = release_find(all_releases[__r])); __r++)

/* Is @release the one of that name, or a later one? */
UTIL bool is_since(const struct release *release, const char *name)
{
	return release_find(release->name) >= release_find(name);
}

UTIL bool since(const char *name)
{
	return is_since(r, name);
}

UTIL s64 census(struct machine *m, enum census_item item)
{
	return m->ledger.now.count[item];
}

UTIL void assert_same_census(const struct census *before, const struct census *after)
{
	for (int i = 0; i < NR_CENSUS; i++)
		if (before->count[i] != after->count[i])
			fail_msg("census item %d was %lld and is %lld", i,
				 (long long)before->count[i], (long long)after->count[i]);
}

UTIL u64 nr_free(struct machine *m)
{
	return m->k->nr_free;
}

/* Does the latest warning or error begin with @text? */
UTIL void assert_said(const char *text)
{
	if (strncmp(seen.log, text, strlen(text)))
		fail_msg("said \"%s\" and not \"%s\"", seen.log, text);
}

/* No complaint of the kernel's and none of the judge's. */
UTIL void assert_clean(void)
{
	if (seen.warns)
		fail_msg("WARN in %s", seen.warn);
	for (int i = 0; i < NR_VIOLATION_KINDS; i++)
		if (seen.violations[i])
			fail_msg("%s: %s", violation_name(i), seen.violation.text);
}

UTIL void end_clean(struct machine *m)
{
	machine_end(m);
	assert_clean();
	machine_free(m);
}

/* System calls. */

#define USER(arg)	((struct uptr){ .mem = (arg), .size = sizeof(*(arg)) })

UTIL int session_call(struct machine *m, int dev, unsigned int cmd, const char *name)
{
	struct liveupdate_ioctl_session arg = { .size = sizeof(arg), .fd = -1 };
	int err;

	memcpy(arg.name, name, min(strlen(name), sizeof(arg.name)));
	err = sys_ioctl(m, dev, cmd, USER(&arg));
	return err ? err : arg.fd;
}

UTIL int create_session(struct machine *m, int dev, const char *name)
{
	return session_call(m, dev, LIVEUPDATE_IOCTL_CREATE_SESSION, name);
}

UTIL int retrieve_session(struct machine *m, int dev, const char *name)
{
	return session_call(m, dev, LIVEUPDATE_IOCTL_RETRIEVE_SESSION, name);
}

UTIL int preserve_fd(struct machine *m, int session, int fd, u64 token)
{
	struct liveupdate_session_fd arg = { .size = sizeof(arg), .fd = fd, .token = token };

	return sys_ioctl(m, session, LIVEUPDATE_SESSION_PRESERVE_FD, USER(&arg));
}

UTIL int retrieve_fd(struct machine *m, int session, u64 token)
{
	struct liveupdate_session_fd arg = { .size = sizeof(arg), .fd = -1, .token = token };
	int err = sys_ioctl(m, session, LIVEUPDATE_SESSION_RETRIEVE_FD, USER(&arg));

	return err ? err : arg.fd;
}

UTIL int finish(struct machine *m, int session)
{
	struct liveupdate_session_finish arg = { .size = sizeof(arg) };

	return sys_ioctl(m, session, LIVEUPDATE_SESSION_FINISH, USER(&arg));
}

UTIL int open_dev(struct machine *m)
{
	int dev = sys_open(m, "/dev/liveupdate", O_RDWR);

	assert_true(dev >= 0);
	return dev;
}

UTIL int memfd_sized(struct machine *m, s64 size)
{
	int fd = sys_memfd_create(m, "guest", 0);

	assert_true(fd >= 0);
	assert_int_equal(sys_ftruncate(m, fd, size), 0);
	return fd;
}

/* A memfd of one page that begins with @text. */
UTIL int memfd_with(struct machine *m, const char *text)
{
	int fd = memfd_sized(m, PAGE_SIZE);

	assert_int_equal(sys_pwrite(m, fd, text, strlen(text), 0), strlen(text));
	return fd;
}

UTIL void assert_reads(struct machine *m, int fd, s64 pos, const char *text)
{
	char buf[256] = "";

	assert_true(strlen(text) < sizeof(buf));
	assert_int_equal(sys_pread(m, fd, buf, strlen(text), pos), strlen(text));
	assert_string_equal(buf, text);
}

UTIL int kexec(struct machine *m)
{
	assert_int_equal(sys_kexec_load(m, KEXEC_FILE), 0);
	return sys_reboot_kexec(m);
}

#endif
