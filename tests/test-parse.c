/* SPDX-License-Identifier: GPL-2.0-only */
/* Parser and printer: they are inverses of each other, and selectors mean what they say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scn/op.h"
#include "scn/pattern.h"
#include "scn/print.h"
#include "scn/select.h"
#include "scn/value.h"

#define HEAD "scenario s\n\nkernel 1 v7.0\n"

static struct scenario *parse(const char *text)
{
	g_autoptr(GError) error = NULL;
	struct scenario *scn = scenario_parse("t", text, strlen(text), &error);

	if (scn == NULL)
		fail_msg("%s", error->message);
	return scn;
}

static char *print(const char *text)
{
	struct scenario *scn = parse(text);
	GString *out = g_string_new(NULL);

	scenario_print(out, scn);
	scenario_free(scn);
	return g_string_free(out, FALSE);
}

/* @text is printed as it is. */
static void is_printed_so(const char *text)
{
	g_autofree char *printed = print(text);

	assert_string_equal(printed, text);
}

/* What a step in step_becomes() stands behind: it binds dev. */
static const char preamble[] =
	"scenario s\n"
	"\n"
	"kernel 1 v7.0\n"
	"  open(\"/dev/liveupdate\")                  = dev\n";

/* The step @step comes out as @printed. */
static void step_becomes(const char *step, const char *printed)
{
	g_autofree char *text = g_strconcat(preamble, "  ", step, "\n", NULL);
	g_autofree char *want = g_strconcat(preamble, "  ", printed, "\n", NULL);
	g_autofree char *is = print(text);
	g_autofree char *again = print(is);

	assert_string_equal(is, want);
	assert_string_equal(again, want);
}

static void step_stays(const char *step)
{
	step_becomes(step, step);
}

/* The step number @i of @scn, counted from 0, the heading included. */
static const struct op *op_at(const struct scenario *scn, guint i)
{
	const struct step *step = &g_array_index(scn->steps, struct step, i);

	assert_int_equal(step->kind, STEP_OP);
	return &step->op;
}

static void the_design_example_parses_as_it_is_written(void **state)
{
	static const char text[] =
		"    scenario dup-token\n"
		"    about    One memfd under two tokens of one session, both retrieved.\n"
		"    source   lkml 2026-05-24, \"duplicate memfd preserve\", variant A\n"
		"\n"
		"    kernel 1 v7.0\n"
		"      open(\"/dev/liveupdate\")              = dev\n"
		"      create_session(dev, \"vm0\")           = vm0\n"
		"      memfd_create(\"guest\", 4K)            = mem\n"
		"      write(mem, 0, \"duplicate-preserve-marker\") = 25\n"
		"      preserve_fd(vm0, mem, 0xA)           = 0\n"
		"      preserve_fd(vm0, mem, 0xB)           = 0       | get-id: -EBUSY\n"
		"      kexec()                              = 0\n"
		"\n"
		"    kernel 2\n"
		"      open(\"/dev/liveupdate\")              = dev\n"
		"      retrieve_session(dev, \"vm0\")         = vm0\n"
		"      retrieve_fd(vm0, 0xA)                = a\n"
		"      read(a, 0, 25)                       = \"duplicate-preserve-marker\"\n"
		"      retrieve_fd(vm0, 0xB)                = -EIO    | get-id: -ENOENT\n"
		"\n"
		"    expect double-restore | get-id: clean\n";
	struct scenario *scn = parse(text);
	const struct op *op = op_at(scn, 6);

	(void)state;
	assert_string_equal(scn->name, "dup-token");
	assert_int_equal(scn->steps->len, 14);
	assert_string_equal(op->info->name, "preserve_fd");
	assert_string_equal(op->args[1].text.bytes, "mem");
	assert_int_equal(op->args[2].number, 0xb);
	assert_int_equal(op->line, 11);
	assert_int_equal(op->outcomes->len, 2);
	assert_int_equal((gint64)g_array_index(op->outcomes, struct outcome, 1).value.number,
			 -16);
	assert_int_equal(scn->expect_line, 21);
	assert_int_equal(scn->expects->len, 2);
	scenario_free(scn);
}

static void headers_settings_and_expectations_are_printed_as_written(void **state)
{
	(void)state;
	is_printed_so("scenario s\n"
		      "about    first # not a comment\n"
		      "about    second\n"
		      "source   somewhere\n"
		      "runs     v7.1 get-id v7.0/none\n"
		      "\n"
		      "kernel 1 v7.0 kho=off liveupdate=on panic_on_warn=on mem=64M"
		      " with=memfd-seals without=get-name limit:files=2 policy=get-id\n"
		      "  kexec()\n"
		      "\n"
		      "kernel 2 panic_on_warn=off\n"
		      "\n"
		      "expect leak panic | v7.1+,-v6.19: clean | get-id/+memfd-seals: warn\n");
}

static void numbers_keep_their_value_and_their_style(void **state)
{
	(void)state;
	step_stays("lseek(dev, 0)");
	step_stays("lseek(dev, -9223372036854775808)");
	step_stays("lseek(dev, 0x7fffffffffffffff)");
	step_stays("fill(dev, 4K, 3M, 18446744073709551615)");
	step_becomes("lseek(dev, 1024K)", "lseek(dev, 1M)");
	step_becomes("lseek(dev, -1K)", "lseek(dev, -1024)");
	step_becomes("lseek( dev ,0xA )", "lseek(dev, 0xa)");
}

static void arguments_that_may_be_left_out_are_told_apart(void **state)
{
	struct scenario *scn = parse(HEAD "write(f, \"a\")\nwrite(f, 7, \"a\")\nread(f, 5)\n"
				     "read(f, 6, 5)\nioctl(f, 0, null)\ndup(f) = f\n");

	(void)state;
	assert_int_equal(op_at(scn, 1)->args[1].kind, VALUE_ABSENT);
	assert_int_equal(op_at(scn, 1)->args[2].kind, VALUE_STRING);
	assert_int_equal(op_at(scn, 2)->args[1].number, 7);
	assert_int_equal(op_at(scn, 3)->args[1].kind, VALUE_ABSENT);
	assert_int_equal(op_at(scn, 3)->args[2].number, 5);
	assert_int_equal(op_at(scn, 4)->args[1].number, 6);
	assert_int_equal(op_at(scn, 5)->args[3].kind, VALUE_ABSENT);
	assert_int_equal(op_at(scn, 5)->args[4].kind, VALUE_ABSENT);
	scenario_free(scn);
	step_stays("reopen(dev)");
	step_stays("reopen(dev, O_RDONLY)");
	step_stays("memfd_create(\"m\", 4K)");
	step_stays("memfd_create(\"m\", 4K, MFD_CLOEXEC|MFD_ALLOW_SEALING)");
	step_stays("ioctl(dev, 0x40, 16, fd(dev) u64(0xa), ro)");
}

static void strings_hold_any_byte(void **state)
{
	struct scenario *scn = parse(HEAD "write(f, \"\\n\\0\\x7f\\\"\\\\\\$\" \"ab\"*3)\n"
				     "dup(f) = f\n");
	const struct text *text = &op_at(scn, 1)->args[2].text;

	(void)state;
	assert_int_equal(text->len, 12);
	assert_memory_equal(text->bytes, "\n\0\x7f\"\\$ababab", 12);
	scenario_free(scn);
	step_stays("write(dev, \"\")");
	step_stays("write(dev, \"\\n\\0\\x01\\xff\\\"\\\\\\$\")");
	step_stays("write(dev, \"aaaaaaab\")");
	step_stays("write(dev, \"a\"*8 \"b\" \"c\"*9)");
	step_becomes("write(dev, \"a\" \"b\"*2 \"c\")", "write(dev, \"abbc\")");
	step_becomes("write(dev, \"\xc3\xbc\")", "write(dev, \"\\xc3\\xbc\")");
}

static void words_stand_for_numbers(void **state)
{
	struct scenario *scn = parse(HEAD "add_seals(f, F_SEAL_GROW|0x20)\nsum(f, 0, -)\n"
				     "ioctl(f, LIVEUPDATE_SESSION_FINISH, null)\n"
				     "open_file(eventfd)\ndup(f) = f\n");

	(void)state;
	assert_int_equal(op_at(scn, 1)->args[1].number, 0x24);
	assert_int_equal(op_at(scn, 2)->args[2].number, -1);
	assert_int_equal(op_at(scn, 3)->args[1].number, LIVEUPDATE_SESSION_FINISH);
	assert_int_equal(op_at(scn, 3)->args[2].number, -1);
	assert_int_equal(op_at(scn, 4)->args[0].number, FILE_EVENTFD);
	scenario_free(scn);
	step_stays("add_seals(dev, F_SEAL_SEAL|F_SEAL_EXEC|0x400)");
	step_stays("add_seals(dev, 0)");
	step_stays("sum(dev, 0, -)");
	step_stays("shmem_enabled(always)");
}

static void each_kind_of_result_is_read_and_printed(void **state)
{
	(void)state;
	step_stays("close(dev)                               = 0");
	step_stays("close(dev)                               = -EBADF");
	step_stays("dup(dev)                                 = d2");
	step_stays("read(dev, 3)                             = \"a\\0b\"");
	step_stays("get_seals(dev)                           = F_SEAL_SEAL|F_SEAL_GROW"
		   " | v6.19: -EINVAL");
	step_stays("fstat(dev)                               = size=4K pos=-ESPIPE"
		   " seals=F_SEAL_SEAL flags=O_RDWR mode=777 link=\"/x\"");
	step_stays("same(dev, dev)                           = inode=same file=diff");
	step_stays("ioctl(dev, 0, 72, \"x\")                   = 0 -> s | v6.19: -EINVAL");
}

static void a_race_is_printed_as_it_is_written(void **state)
{
	g_autofree char *text = g_strconcat(preamble,
		"  race preemptions=2\n"
		"    task A\n"
		"      fail alloc\n"
		"      get_seals(dev)                           = -EINVAL or -EBADF | v7.2: 0\n"
		"      fstat(dev)                               = size=0 pos=0 or -EBADF\n"
		"    task B of agent\n"
		"      close(dev)                               = 0\n"
		"  end\n"
		"  close(dev)                               = -EBADF\n", NULL);

	(void)state;
	is_printed_so(text);
}

static void loop_variables_go_into_names_strings_and_numbers(void **state)
{
	static const char text[] =
		"scenario s\n"
		"\n"
		"kernel 1 v7.0\n"
		"  repeat i -1..2\n"
		"    repeat long_name 3..3\n"
		"      dup(d${i}x)                              = d${i}x$long_name\n"
		"      write(d${i}x, $i*4096+8192, \"${i}\" \"a\"*8 \"$long_name\")\n"
		"    end\n"
		"    lseek(d${i}x, $i-5)\n"
		"    dup(d0)                                  = d${i}x\n"
		"  end\n"
		"  dup(d1x)                                 = d0\n";
	const gint64 vars[] = { 2, 3 };
	const struct print p = { .vars = vars };
	GString *out = g_string_new(NULL);
	struct scenario *scn = parse(text);

	(void)state;
	is_printed_so(text);
	print_call(out, &p, op_at(scn, 4));
	assert_string_equal(out->str, "write(d2x, 16384, \"2\" \"a\"*8 \"3\")");
	g_string_free(out, TRUE);
	scenario_free(scn);
}

static void comments_blanks_and_line_ends_mean_nothing(void **state)
{
	g_autofree char *printed = print("# c\r\n\r\nscenario s# c\r\n \tkernel\t1 v7.0 # c\r\n"
					 "write( f,\t\"#\" )=1# c\r\ndup(f)=f");

	(void)state;
	assert_string_equal(printed, HEAD
			    "  write(f, \"#\")                            = 1\n"
			    "  dup(f)                                   = f\n");
}

/* Do the selectors @text hold on @release with its policy? */
static bool holds(const char *text, const struct release *release)
{
	g_autofree char *with_colon = g_strconcat(text, ":", NULL);
	struct lex l = {
		.file = "t", .nr = 1, .line = with_colon, .p = with_colon,
		.end = with_colon + strlen(with_colon),
	};
	GArray *selectors = select_parse(&l);
	bool match;

	assert_non_null(selectors);
	match = select_match(selectors, release);
	g_array_unref(selectors);
	return match;
}

static void selectors_choose_releases_policies_and_fixes(void **state)
{
	const struct release *v70 = release_find("v7.0");
	struct release with_id = *v70;
	const char *bad;

	(void)state;
	assert_true(holds("v7.0", v70));
	assert_false(holds("v7.1", v70));
	assert_true(holds("v7.0+", v70));
	assert_true(holds("v6.19+", v70));
	assert_false(holds("v7.1+", v70));
	assert_true(holds("-v7.0", v70));
	assert_false(holds("-v6.19", v70));
	assert_true(holds("v6.19-v7.1", v70));
	assert_false(holds("v7.1-v7.3", v70));
	assert_true(holds("v7.2,v7.0", v70));
	assert_true(holds("none", v70));
	assert_false(holds("get-id", v70));
	assert_true(holds("v7.0/none", v70));
	assert_false(holds("v7.0/get-id", v70));
	assert_false(holds("v7.1/none", v70));
	assert_true(holds("v7.1/none,v7.0", v70));
	assert_true(holds("-memfd-seals", v70));
	assert_false(holds("+memfd-seals", v70));
	assert_int_equal(policy_parse("get-id", &with_id.policy, &bad), 0);
	with_id.fixes |= FIX_BIT(FIX_MEMFD_SEALS);
	assert_true(holds("get-id", &with_id));
	assert_true(holds("identity=get-id", &with_id));
	assert_false(holds("none", &with_id));
	assert_true(holds("+memfd-seals", &with_id));
	assert_false(holds("-memfd-seals", &with_id));
}

/* Does a result @text of fstat() hold for size 5 and position -ESPIPE? */
static bool fields_hold(const char *text)
{
	g_autofree char *all = g_strconcat(HEAD "dup(f) = f\nfstat(f) = ", text, "\n", NULL);
	struct scenario *scn = parse(all);
	const struct op *op = op_at(scn, 2);
	struct field actual[9] = { 0 };
	struct value value = { .kind = VALUE_FIELDS, .list = g_array_new(FALSE, TRUE,
									 sizeof(actual[0])) };
	bool equal;

	for (guint i = 0; i < G_N_ELEMENTS(actual); i++) {
		actual[i].index = i;
		actual[i].value.kind = VALUE_NUMBER;
	}
	actual[0].value.number = 5;
	actual[1].value.number = -29;
	actual[8].value.kind = VALUE_STRING;
	actual[8].value.text = (struct text){ .bytes = (char *)"/x", .len = 2 };
	g_array_append_vals(value.list, actual, G_N_ELEMENTS(actual));
	equal = result_equal(&g_array_index(op->outcomes, struct outcome, 0).value, &value, NULL);
	g_array_unref(value.list);
	scenario_free(scn);
	return equal;
}

static void only_the_fields_that_are_named_must_agree(void **state)
{
	(void)state;
	assert_true(fields_hold("size=5"));
	assert_false(fields_hold("size=6"));
	assert_true(fields_hold("pos=-ESPIPE size=5"));
	assert_false(fields_hold("pos=-EINVAL size=5"));
	assert_true(fields_hold("link=\"/x\""));
	assert_false(fields_hold("link=\"/xy\""));
	assert_false(fields_hold("-EBADF"));
}

static void every_operation_can_be_written_down(void **state)
{
	static const char *const by_kind[] = {
		[PARAM_FD] = "f", [PARAM_FD_NUMBER] = "7", [PARAM_NUMBER] = "1",
		[PARAM_MEMORY] = "m", [PARAM_OCTAL] = "0600",
		[PARAM_FLAGS] = "0x10", [PARAM_STRING] = "\"s\"", [PARAM_PIECES] = "u8(1) \"s\"",
		[PARAM_FIELD] = "\"sessions.count\"", [PARAM_OBJECT] = "\"sessions\"",
	};
	guint nr = 0;

	(void)state;
	for (const struct op_info *info = op_table(); info->name != NULL; info++, nr++) {
		GString *call = g_string_new(NULL);
		struct scenario *scn;

		g_string_printf(call, HEAD "dup(f) = f\nfolio_alloc(0) = m\n%s(",
				info->name);
		for (guint i = 0; i < op_nr_args(info); i++) {
			guint64 value;

			g_string_append(call, i > 0 ? ", " : "");
			g_string_append(call, info->args[i].kind == PARAM_WORD ?
					info->args[i].words(0, &value) :
					by_kind[info->args[i].kind]);
		}
		g_string_append(call, ")\n");
		scn = parse(call->str);
		assert_ptr_equal(op_at(scn, 3)->info, info);
		scenario_free(scn);
		g_string_free(call, TRUE);
	}
	assert_true(nr > 30);
}

static void the_pattern_is_the_same_byte_by_byte_and_in_bulk(void **state)
{
	guint8 bulk[64], byte;

	(void)state;
	for (guint64 off = 0; off < 24; off++) {
		for (gsize len = 0; len <= 40; len++) {
			memset(bulk, 0, sizeof(bulk));
			pattern_fill(bulk, off, len, 3);
			for (gsize i = 0; i < len; i++) {
				pattern_fill(&byte, off + i, 1, 3);
				assert_int_equal(bulk[i], byte);
			}
			assert_int_equal(bulk[len], 0);
		}
	}
	pattern_fill(bulk, 0, 64, 4);
	assert_int_not_equal(memcmp(bulk, bulk + 32, 32), 0);
}

/* Which selectors of @words hold on a row: '+' or '-' for each. */
static void assert_holds(const char *row, const char *const *words, const char *want)
{
	for (gsize i = 0; words[i] != NULL; i++) {
		g_autoptr(GError) error = NULL;
		g_autofree char *text = g_strdup_printf("%s:", words[i]);
		struct lex l = { .file = "test", .nr = 1, .line = text, .p = text,
				 .end = text + strlen(text), .error = &error };
		GArray *selectors = select_parse(&l);

		assert_non_null(selectors);
		assert_int_equal(select_match(selectors, release_find(row)), want[i] == '+');
		g_array_unref(selectors);
	}
}

static void a_series_selects_all_its_rows_and_a_release_its_own(void **state)
{
	static const char *const words[] = {
		"v7.0", "v7.0.9", "7.0.4", "v7.0.0", "7.0.1", "v7.0+", "v7.0.9+", "-v7.0",
		"-v7.0.3", "v6.19-v7.0", "v7.0.11-v7.1", "v6.19.9-v7.0.0", "next", NULL,
	};

	(void)state;
	assert_holds("v6.19",   words, "-------+++---");
	assert_holds("v6.19.9", words, "-------+++-+-");
	assert_holds("v7.0.0",  words, "+--+++-+++-+-");
	assert_holds("v7.0",    words, "+++--+++-+---");
	assert_holds("v7.0.11", words, "+----+++-++--");
	assert_holds("v7.1.0",  words, "-----++---+--");
	assert_holds("v7.1",    words, "-----++---+--");
	assert_holds("v7.2",    words, "-----++------");
	assert_holds("next",    words, "-----++-----+");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_design_example_parses_as_it_is_written),
		cmocka_unit_test(headers_settings_and_expectations_are_printed_as_written),
		cmocka_unit_test(numbers_keep_their_value_and_their_style),
		cmocka_unit_test(arguments_that_may_be_left_out_are_told_apart),
		cmocka_unit_test(strings_hold_any_byte),
		cmocka_unit_test(words_stand_for_numbers),
		cmocka_unit_test(each_kind_of_result_is_read_and_printed),
		cmocka_unit_test(a_race_is_printed_as_it_is_written),
		cmocka_unit_test(loop_variables_go_into_names_strings_and_numbers),
		cmocka_unit_test(comments_blanks_and_line_ends_mean_nothing),
		cmocka_unit_test(selectors_choose_releases_policies_and_fixes),
		cmocka_unit_test(only_the_fields_that_are_named_must_agree),
		cmocka_unit_test(every_operation_can_be_written_down),
		cmocka_unit_test(the_pattern_is_the_same_byte_by_byte_and_in_bulk),
		cmocka_unit_test(a_series_selects_all_its_rows_and_a_release_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
