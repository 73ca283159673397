/* SPDX-License-Identifier: GPL-2.0-only */
/* The runner: what it makes of names, results, expectations, kernels and stops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "scn/print.h"
#include "run/run.h"
#include "scn/setting.h"

/* Takes down what a run reported: calls with results, kernels, the verdict. */
struct notes {
	struct report report;
	GString *results;	/* "close(a)=0 " */
	GString *boots;		/* "v7.0 " */
	struct verdict verdict;
	guint warns;
};

static void take_note(struct report *report, const struct report_event *e)
{
	struct notes *n = (struct notes *)report;
	const struct print p = { .vars = e->vars };

	if (e->type == REPORT_VERDICT)
		n->verdict = *e->verdict;
	if (e->type == REPORT_EVENT && e->event->type == EVENT_BOOT)
		g_string_append_printf(n->boots, "%s/%s ", e->boot->release.name,
				       e->boot->release.policy.name);
	if (e->type == REPORT_EVENT && e->event->type == EVENT_WARN)
		n->warns++;
	if (e->type != REPORT_RESULT)
		return;
	print_call(n->results, &p, e->op);
	g_string_append_c(n->results, '=');
	print_result(n->results, &p, e->op->info, e->result);
	g_string_append(n->results, e->fault == FAULT_HIT ? " INJECTED " : " ");
}

/* What the command line would change; a policy or a list of releases. */
static const char *option_policy;
static const char *option_releases;

static struct overrides options(void)
{
	struct overrides o = { .releases = g_ptr_array_new(), .settings = settings_new() };
	struct setting s = { .kind = SET_POLICY, .policy = g_strdup(option_policy) };
	g_auto(GStrv) releases = g_strsplit(option_releases ? option_releases : "", ",", -1);

	if (option_policy != NULL)
		g_array_append_val(o.settings, s);
	for (guint i = 0; releases[i] != NULL; i++)
		g_ptr_array_add(o.releases, (gpointer)release_find(releases[i]));
	option_policy = option_releases = NULL;
	return o;
}

static struct notes notes;

static enum run_result run(const char *body)
{
	g_autofree char *text = g_strconcat("scenario s\n", body, NULL);
	g_autoptr(GError) error = NULL;
	struct scenario *scn = scenario_parse("t", text, strlen(text), &error);
	struct overrides o = options();
	enum run_result result;

	if (scn == NULL)
		fail_msg("%s", error->message);
	if (notes.results != NULL) {
		g_string_free(notes.results, TRUE);
		g_string_free(notes.boots, TRUE);
	}
	notes = (struct notes){
		.report.event = take_note,
		.results = g_string_new(NULL), .boots = g_string_new(NULL),
	};
	result = run_scenario(scn, NULL, &o, &notes.report);
	scenario_free(scn);
	g_ptr_array_unref(o.releases);
	g_array_unref(o.settings);
	return result;
}

static void fails(const char *body)
{
	assert_int_equal(run(body), RUN_FAILED);
}

static void succeeds(const char *body)
{
	assert_int_equal(run(body), RUN_OK);
}

#define DEV		"open(\"/dev/liveupdate\") = dev\n"
#define DUPLICATE							\
	"kernel 1 v7.0\n" DEV						\
	"create_session(dev, \"s\") = s\n"				\
	"memfd_create(\"m\", 4K) = m\n"					\
	"write(m, \"x\") = 1\n"						\
	"preserve_fd(s, m, 1)\n"					\
	"preserve_fd(s, m, 2)\n"					\
	"kexec()\n"							\
	"kernel 2\n" DEV						\
	"retrieve_session(dev, \"s\") = s\n"				\
	"retrieve_fd(s, 1)\n"						\
	"retrieve_fd(s, 2)\n"

static void a_result_that_differs_fails_the_run(void **state)
{
	(void)state;
	succeeds("kernel 1\n" DEV "close(dev) = 0\n");
	fails("kernel 1\n" DEV "close(dev) = -EBADF\n");
	assert_int_equal(notes.verdict.mismatches, 1);
	fails("kernel 1\n" DEV "dup(dev) = -EMFILE\n");
	fails("kernel 1\nopen(\"/none\") = none\n");
	succeeds("kernel 1\nopen(\"/none\")\n");
}

static void the_first_alternative_that_holds_is_the_one_judged(void **state)
{
	(void)state;
	succeeds("kernel 1 v7.0\n" DEV
		 "close(dev) = -EIO | v7.1+: -EPERM | v7.0: 0 | none: -EIO\n");
	fails("kernel 1 v7.1\n" DEV "close(dev) = -EIO | v7.1+: -EPERM | v7.1: 0\n");
	succeeds("kernel 1 v7.3\n" DEV "close(dev) = 0 | -v7.2: -EPERM\n");
}

static void a_name_without_descriptor_is_minus_one(void **state)
{
	(void)state;
	succeeds("kernel 1\n" DEV
		 "close(x) = -EBADF\n"
		 "open(\"/none\") = -ENOENT | v6.19: x\n"
		 "close(x) = -EBADF\n"
		 "dup(dev) = x\n"
		 "close(x) = 0\n"
		 "close(x) = -EBADF\n"
		 "close(dev) = 0\n");
	succeeds("kernel 1\n" DEV "dup(dev) = x\nopen(\"/none\") = -ENOENT | v6.19: x\n"
		 "close(x) = -EBADF\n");
}

static void names_end_with_their_kernel_and_with_their_process(void **state)
{
	(void)state;
	succeeds("kernel 1 v7.3\n" DEV "kexec() = 0\nkernel 2\nclose(dev) = -EBADF\n" DEV);
	succeeds("kernel 1 v7.3\n" DEV "exit() = 0\nclose(dev) = -EBADF\n" DEV);
}

static void violations_must_be_those_expected(void **state)
{
	(void)state;
	fails(DUPLICATE);
	succeeds(DUPLICATE "expect double-restore\n");
	succeeds(DUPLICATE "expect double-restore warn\n");
	fails(DUPLICATE "expect warn\n");
	fails(DUPLICATE "expect clean\n");
	fails(DUPLICATE "expect double-restore lost\n");
	fails(DUPLICATE "expect clean | v7.1: double-restore\n");
	succeeds(DUPLICATE "expect clean | v7.0/none: double-restore\n");
	fails("kernel 1\n" DEV "expect warn\n");
}

static void a_stopped_machine_leaves_steps_out_without_judging_them(void **state)
{
	(void)state;
	succeeds("kernel 1 v7.0 panic_on_warn\n" DEV
		 "create_session(dev, \"s\") = s\n"
		 "memfd_create(\"m\", 4K) = m\n"
		 "preserve_fd(s, m, 1) = 0\n"
		 "retrieve_fd(s, 1) = r\n"
		 "close(s) = -EIO\n"
		 "repeat i 1..5\nclose(s) = -EIO\nend\n"
		 "expect warn panic\n");
	assert_int_equal(notes.verdict.not_reached, 2);
	assert_int_equal(notes.verdict.mismatches, 0);
	assert_non_null(strstr(notes.results->str, "retrieve_fd(s, 1)=? "));
	assert_int_equal(notes.warns, 1);
}

static void a_kernel_that_never_came_up_ends_the_scenario(void **state)
{
	(void)state;
	fails("kernel 1\n" DEV "reboot() = 0\nkernel 2\nclose(dev) = 0\n");
	assert_int_equal(notes.verdict.mismatches, 1);
	assert_int_equal(notes.verdict.not_reached, 1);
	succeeds("kernel 1\n" DEV "reboot() = -EINVAL\nclose(dev) = 0\n");
}

static void kernels_inherit_what_they_do_not_say(void **state)
{
	static const char chain[] =
		"kernel 1 v7.0 policy=reject-file\nkexec()\nkernel 2\nkexec()\n"
		"kernel 3 v7.1\nkexec()\nkernel 4\n";

	(void)state;
	run(chain);
	assert_string_equal(notes.boots->str,
			    "v7.0/reject-file v7.0/reject-file v7.1/get-id v7.1/get-id ");
	option_releases = "v6.19";
	run(chain);
	assert_string_equal(notes.boots->str,
			    "v6.19/reject-file v6.19/reject-file v7.1/get-id v7.1/get-id ");
	option_releases = "v6.19,v7.3";
	run(chain);
	assert_string_equal(notes.boots->str,
			    "v6.19/reject-file v7.3/get-id v7.3/get-id v7.3/get-id ");
	option_policy = "none";
	run(chain);
	assert_string_equal(notes.boots->str, "v7.0/none v7.0/none v7.1/none v7.1/none ");
	run("kernel 1\n");
	assert_string_equal(notes.boots->str, "v7.3/get-id ");
}

static void blocks_run_once_for_each_value(void **state)
{
	(void)state;
	succeeds("kernel 1\nmemfd_create(\"m\", 0) = f\n"
		 "repeat i 0..1\nrepeat j 7..8\nlseek(f, $i*16+3) = $i*16+3\nlseek(f, $j)\n"
		 "end\nend\n");
	assert_string_equal(notes.results->str,
			    "memfd_create(\"m\", 0)=3 "
			    "lseek(f, 3)=3 lseek(f, 7)=7 lseek(f, 3)=3 lseek(f, 8)=8 "
			    "lseek(f, 19)=19 lseek(f, 7)=7 lseek(f, 19)=19 lseek(f, 8)=8 ");
	succeeds("kernel 1\nrepeat i 1..3\nkexec() = 0\nend\nkernel 4\n" DEV);
	fails("kernel 1\nrepeat i 1..1000\nclose(f) = 0\nend\ndup(f) = -EBADF | v6.19: f\n");
	assert_int_equal(notes.verdict.mismatches, 1000);
}

static void an_injected_failure_hits_the_next_operation_only(void **state)
{
	(void)state;
	succeeds("kernel 1\n" DEV
		 "fail alloc\n"
		 "create_session(dev, \"s\") = -ENOMEM\n"
		 "create_session(dev, \"s\") = s\n"
		 "fail alloc nth 1000\n"
		 "close(s) = 0\n");
	assert_non_null(strstr(notes.results->str, "create_session(dev, \"s\")=-ENOMEM INJECTED"));
	assert_null(strstr(notes.results->str, "close(s)=0 INJECTED"));
}

static void a_set_of_runs_has_one_verdict(void **state)
{
	static const char text[] =
		"kernel 1\n" DEV
		"create_session(dev, \"s\") = s\n"
		"memfd_create(\"m\", 4K) = m\n"
		"fail any%s\n"
		"preserve_fd(s, m, 1) = 0\n"
		"preserve_fd(s, m, 1) = -EEXIST\n%s\n";
	g_autofree char *all = g_strdup_printf(text, "", "sometimes unclean-error clean");
	g_autofree char *never = g_strdup_printf(text, "", "never unclean-error");
	g_autofree char *always = g_strdup_printf(text, "", "always unclean-error");
	g_autofree char *expect = g_strdup_printf(text, "", "expect any");
	g_autofree char *plain = g_strdup_printf(text, "", "");
	g_autofree char *alloc = g_strdup_printf(text, " alloc", "sometimes unclean-error");
	g_autofree char *fd = g_strdup_printf(text, " get_unused_fd", "always clean");
	g_autofree char *other = g_strdup_printf(text, " get_unused_fd", "sometimes lost");

	(void)state;
	succeeds(all);
	assert_int_equal(notes.verdict.kinds, 1u << VIOLATION_UNCLEAN_ERROR);
	fails(never);
	fails(always);
	succeeds(expect);
	fails(plain);
	succeeds(alloc);
	succeeds(fd);
	fails(other);
}

static void a_run_without_failure_is_judged_by_its_results(void **state)
{
	(void)state;
	fails("kernel 1\n" DEV
	      "fail any\n"
	      "create_session(dev, \"s\") = -EBUSY | v6.19: s\n"
	      "always clean\n");
	assert_int_equal(notes.verdict.mismatches, 1);
}

static void raw_ioctls_are_put_together_byte_by_byte(void **state)
{
	(void)state;
	succeeds("kernel 1 v7.3\n" DEV
		 "memfd_create(\"m\", 4K) = m\n"
		 "ioctl(dev, 0x00, 72, u32(0) \"raw\") = 0 -> s\n"
		 "get_name(s) = \"raw\"\n"
		 "ioctl(s, 0x40, 16, fd(m) u64(5)) = 0\n"
		 "preserve_fd(s, m, 5) = -EEXIST\n"
		 "ioctl(s, LIVEUPDATE_SESSION_PRESERVE_FD, null) = -EFAULT\n"
		 "ioctl(s, 0x43, 72, \"\", ro) = -EFAULT\n");
}

/* What the process has of it. */
static rlim_t address_space(void)
{
	g_autofree char *pages = NULL;

	assert_true(g_file_get_contents("/proc/self/statm", &pages, NULL, NULL));
	return g_ascii_strtoull(pages, NULL, 10) * sysconf(_SC_PAGESIZE);
}

static void memory_that_cannot_be_had_skips_the_run(void **state)
{
	struct rlimit before, tight;
	enum run_result result;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
	tight = before;
	tight.rlim_cur = address_space() + (8ull << 30);
	assert_int_equal(setrlimit(RLIMIT_AS, &tight), 0);
	result = run("kernel 1 mem=1T\n" DEV);
	assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
	assert_int_equal(result, RUN_SKIPPED);
	assert_non_null(notes.verdict.skipped);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_result_that_differs_fails_the_run),
		cmocka_unit_test(the_first_alternative_that_holds_is_the_one_judged),
		cmocka_unit_test(a_name_without_descriptor_is_minus_one),
		cmocka_unit_test(names_end_with_their_kernel_and_with_their_process),
		cmocka_unit_test(violations_must_be_those_expected),
		cmocka_unit_test(a_stopped_machine_leaves_steps_out_without_judging_them),
		cmocka_unit_test(a_kernel_that_never_came_up_ends_the_scenario),
		cmocka_unit_test(kernels_inherit_what_they_do_not_say),
		cmocka_unit_test(blocks_run_once_for_each_value),
		cmocka_unit_test(an_injected_failure_hits_the_next_operation_only),
		cmocka_unit_test(a_set_of_runs_has_one_verdict),
		cmocka_unit_test(a_run_without_failure_is_judged_by_its_results),
		cmocka_unit_test(raw_ioctls_are_put_together_byte_by_byte),
		cmocka_unit_test(memory_that_cannot_be_had_skips_the_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
