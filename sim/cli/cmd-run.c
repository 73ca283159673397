/* SPDX-License-Identifier: GPL-2.0-only */
/* luosim run: run scenarios and judge them. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/cmd.h"
#include "report/header.h"
#include "run/in-order.h"
#include "run/overrides.h"
#include "run/plan.h"
#include "run/progress.h"

struct run_args {
	struct overrides *overrides;
	gboolean all, keep_going, no_keep_going, quiet, header, lines;
	struct header about;
	char *format, *colour;
	bool in_colour;
	char **only;
	gint jobs;
	GPtrArray *unreadable;	/* of struct unreadable *; NULL: one is enough to stop */
	char **files;
	const struct release *claimed;	/* of claimed_release() */
};

static gboolean count_verbose(const char *option, const char *value, gpointer data,
			      GError **error)
{
	struct overrides *o = data;

	(void)option;
	(void)value;
	(void)error;
	o->verbose++;
	return TRUE;
}

static bool parse_options(struct run_args *o, int argc, char **argv, GError **error)
{
	const GOptionEntry entries[] = {
		{ "all", 0, 0, G_OPTION_ARG_NONE, &o->all,
		  "Run all variants that the scenarios name with 'runs'", NULL },
		{ "format", 0, 0, G_OPTION_ARG_STRING, &o->format,
		  "text, ktap, junit, json, svg or html", "FORMAT" },
		{ "jobs", 'j', 0, G_OPTION_ARG_INT, &o->jobs,
		  "Threads (1); the report is the same", "N" },
		{ "time-limit", 0, 0, G_OPTION_ARG_CALLBACK, overrides_time_limit,
		  "Stop a run of a scenario after this many seconds", "SECONDS" },
		{ "only", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o->only,
		  "Only the scenarios whose name matches, as with the shell", "GLOB" },
		{ "keep-going", 'k', 0, G_OPTION_ARG_NONE, &o->keep_going,
		  "Run others than those that do not parse (so it is with several files)", NULL },
		{ "no-keep-going", 'S', 0, G_OPTION_ARG_NONE, &o->no_keep_going,
		  "Run nothing when a file does not parse", NULL },
		{ "quiet", 'q', 0, G_OPTION_ARG_NONE, &o->quiet,
		  "Only the exit status", NULL },
		{ "verbose", 'v', G_OPTION_FLAG_NO_ARG, G_OPTION_ARG_CALLBACK,
		  count_verbose,
		  "All traces, with what changed after each step; -vv: all of it", NULL },
		{ "header", 0, 0, G_OPTION_ARG_NONE, &o->header,
		  "In text, say first what it is of: version, command line, digests", NULL },
		{ "line-numbers", 0, 0, G_OPTION_ARG_NONE, &o->lines,
		  "In text, traces with the scenario's lines", NULL },
		{ "color", 0, 0, G_OPTION_ARG_STRING, &o->colour, "auto, always or never", "WHEN" },
		{ G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &o->files, NULL, NULL },
		{ 0 },
	};
	g_autofree char *manual = command_manual();
	g_autofree char *description = g_strconcat(
		"Other commands: luosim build-kernel TREE -o NAME.so, luosim compare FILE...,\n"
		"luosim explain FILE, luosim explore, luosim minimise FILE,\n"
		"luosim list releases|fixes|limits|policies|operations|files|handlers|"
		"fields|points|bugs,\n"
		"luosim match FILE, luosim show BUG,\n"
		"luosim print FILE..., luosim replay FILE..., luosim step FILE,\n"
		"luosim --version. See ",
		manual, ".\n", NULL);

	return overrides_parse(o->overrides, entries, "FILE...",
		"Run live update scenarios on simulated kernels and judge what came out.",
		description, argc, argv, error);
}

/* Do options say what kernel or policy to run on? */
static bool is_overridden(const struct run_args *o)
{
	return o->overrides->releases->len > 0 || overrides_policy_name(o->overrides) != NULL;
}

/* What options cannot say by themselves; NULL when all is well. */
static const char *check_options(struct run_args *o)
{
	static const char *const formats[] = { "text", "ktap", "junit", "json", "svg", "html",
					       NULL };
	const char *wrong = parse_colour(o->colour, &o->in_colour);

	if (o->format == NULL)
		o->format = g_strdup("text");
	if (!g_strv_contains(formats, o->format))
		return "unknown --format, expected text, ktap, junit, json, svg or html";
	if (wrong != NULL)
		return wrong;
	if (o->jobs < 1 || o->jobs > MAX_JOBS)
		return "--jobs out of range, expected 1 to 64";
	if (o->all && is_overridden(o))
		return "--all together with --kernel or --policy, expected one of them";
	return NULL;
}

static bool is_collection(const struct run_args *o)
{
	return o->files[1] != NULL || g_file_test(o->files[0], G_FILE_TEST_IS_DIR);
}

/*
 * The release whose claims are to be run, or NULL. It is so of a collection; what becomes of
 * one scenario on a release may be asked whether it says so or not.
 */
static const struct release *claimed_release(const struct run_args *o)
{
	if (!is_collection(o) || o->overrides->releases->len != 1 ||
	    overrides_policy_name(o->overrides) != NULL)
		return NULL;
	return o->overrides->releases->pdata[0];
}

/*
 * On what a scenario is run: variants, NULL among them for the scenario as it stands. None:
 * it says nothing of the release whose claims are run.
 */
static GPtrArray *runs_of(const struct run_args *o, const struct scenario *scn)
{
	bool all = o->all || g_str_equal(o->format, "ktap") ||
		   g_str_equal(o->format, "junit");
	GPtrArray *runs = g_ptr_array_new();

	if (o->claimed != NULL)
		claimed_runs_on(scn, o->claimed, runs);
	else if (is_overridden(o))
		g_ptr_array_add(runs, NULL);
	else if (!all || scn->runs->len == 0)
		g_ptr_array_add(runs, (gpointer)claimed_run(scn));
	else
		for (guint i = 0; i < scn->runs->len; i++)
			g_ptr_array_add(runs, &g_array_index(scn->runs, struct variant, i));
	return runs;
}

static guint text_flags(const struct run_args *o)
{
	return (o->overrides->verbose > 0 ? TRACE_VERBOSE : 0) |
	       (o->overrides->verbose > 1 ? TRACE_ALL : 0) |
	       (o->in_colour ? TRACE_COLOUR : 0) |
	       (o->lines ? TRACE_LINES : 0) | (o->header ? TRACE_PATHS : 0);
}

/* All that is run, and what came of each scenario. */
struct run_batch {
	const struct run_args *o;
	const GPtrArray *all;		/* of struct scenario * */
	bool single;			/* one run is all there is */
	struct progress *progress;
	struct outcome_of {
		char *text;		/* its report, where they are not written at once */
		size_t len;
		guint count[RUN_SKIPPED + 1];
	} *outcomes;
	guint count[RUN_SKIPPED + 1];
};

static bool is_single(const struct run_args *o, const GPtrArray *all)
{
	g_autoptr(GPtrArray) runs = NULL;

	if (all->len != 1 || (o->unreadable != NULL && o->unreadable->len > 0))
		return false;
	runs = runs_of(o, all->pdata[0]);
	return runs->len <= 1;
}

static struct report *new_report(const struct run_batch *b, FILE *out)
{
	const struct run_args *o = b->o;

	if (o->quiet)
		return report_none();
	if (g_str_equal(o->format, "ktap"))
		return report_ktap(out);
	if (g_str_equal(o->format, "junit"))
		return report_junit(out);
	if (g_str_equal(o->format, "json"))
		return report_json(out, text_flags(o));
	if (g_str_equal(o->format, "svg"))
		return report_svg(out);
	if (g_str_equal(o->format, "html"))
		return report_html(out);
	return report_text(out, b->single, text_flags(o));
}

static void run_one(const struct run_batch *b, guint i, struct report *report, guint *count)
{
	const struct run_args *o = b->o;
	const struct scenario *scn = b->all->pdata[i];
	g_autoptr(GPtrArray) runs = runs_of(o, scn);
	struct report_event e = {
		.type = REPORT_SCENARIO, .scn = scn, .count = MAX(runs->len, 1), .number = i + 1,
	};

	report->event(report, &e);
	for (guint j = 0; j < runs->len; j++)
		count[run_scenario(scn, runs->pdata[j], o->overrides, report)]++;
	if (runs->len == 0)
		count[run_skip(scn, o->overrides, "says nothing of this release", report)]++;
}

/* Threads write to memory, each scenario's report by itself. */
static void batch_work(void *data, guint i)
{
	struct run_batch *b = data;
	struct outcome_of *outcome = &b->outcomes[i];
	FILE *out = b->o->jobs > 1 ? open_memstream(&outcome->text, &outcome->len) : stdout;
	struct report *report = new_report(b, out);

	if (!progress_stopped(b->progress))
		run_one(b, i, report, outcome->count);
	report->free(report);
	if (out != stdout)
		fclose(out);
}

static void batch_done(void *data, guint i)
{
	struct run_batch *b = data;

	for (guint result = 0; result < G_N_ELEMENTS(b->count); result++)
		b->count[result] += b->outcomes[i].count[result];
	if (b->outcomes[i].text != NULL)
		fwrite(b->outcomes[i].text, 1, b->outcomes[i].len, stdout);
	free(b->outcomes[i].text);
}

static void tell_unreadable(const struct run_batch *b, guint i, struct report *report)
{
	const struct unreadable *u = b->o->unreadable->pdata[i];
	struct report_event e = {
		.type = REPORT_UNREADABLE, .number = b->all->len + i + 1,
		.file = u->path, .message = u->message,
	};

	report->event(report, &e);
}

/* Steps that a kernel tree has not, before anything runs. */
static bool check_trees(const struct run_args *o, const GPtrArray *all)
{
	bool ok = true;

	for (guint i = 0; i < all->len; i++) {
		g_autoptr(GPtrArray) runs = runs_of(o, all->pdata[i]);

		for (guint j = 0; j < runs->len; j++) {
			g_autofree char *objection = plan_objection(all->pdata[i], runs->pdata[j],
								    o->overrides);

			if (objection != NULL)
				fprintf(stderr, "%s\n", objection);
			ok = ok && objection == NULL;
		}
	}
	return ok;
}

static void run_batch(struct run_batch *b, guint unreadable)
{
	struct report *report = new_report(b, stdout);
	struct report_event e = { .type = REPORT_PLAN, .count = b->all->len + unreadable };

	if (b->o->header || !g_str_equal(b->o->format, "text"))
		e.header = &b->o->about;
	report->event(report, &e);
	in_order(b->o->jobs, b->all->len, batch_work, batch_done, b);
	for (guint i = 0; i < unreadable; i++)
		tell_unreadable(b, i, report);
	e = (struct report_event){ .type = REPORT_END, .totals = b->count };
	report->event(report, &e);
	report->free(report);
}

/* A trace shows one schedule; these are of all. */
static void tell_races(const struct run_args *o)
{
	const struct release *tree = overrides_tree(o->overrides);
	const char *race;

	if (tree == NULL || !g_str_equal(o->format, "text"))
		return;
	for (guint i = 0; (race = luosim_tree_race(tree->tree, i)) != NULL; i++)
		printf("%s  %s\n", i == 0 ? "\ndata races in all schedules:\n" : "", race);
}

static int run_all(const struct run_args *o, const GPtrArray *all)
{
	guint unreadable = o->unreadable != NULL ? o->unreadable->len : 0;
	g_autofree struct outcome_of *outcomes = g_new0(struct outcome_of, all->len);
	struct run_batch b = {
		.o = o, .all = all, .single = is_single(o, all), .outcomes = outcomes,
		.progress = progress_new(NULL),
	};

	run_batch(&b, unreadable);
	tell_races(o);
	fflush(stdout);
	progress_free(b.progress);
	if (unreadable > 0)
		return EXIT_UNUSABLE;
	if (b.count[RUN_FAILED] > 0)
		return EXIT_FAILED;
	if (b.count[RUN_STOPPED] > 0)
		return EXIT_STOPPED;
	return b.count[RUN_OK] == 0 ? EXIT_SKIPPED : EXIT_OK;
}

static int load_and_run(struct run_args *o, int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) all = NULL;
	const char *wrong;

	if (!parse_options(o, argc, argv, &error))
		return complain("%s", error->message);
	wrong = check_options(o);
	if (wrong != NULL)
		return complain("%s", wrong);
	if (o->files != NULL && !o->no_keep_going && (o->keep_going || is_collection(o)))
		o->unreadable = unreadable_new();
	all = load_some(o->files, o->only, o->unreadable);
	/* Of a collection the others are run. */
	if (all == NULL || (all->len == 1 && !check_trees(o, all)))
		return EXIT_UNUSABLE;
	if (g_str_equal(o->format, "svg") && (all->len != 1 || o->unreadable != NULL))
		return complain("--format=svg of several scenarios, expected one file");
	o->claimed = claimed_release(o);
	header_init(&o->about, o->files, all);
	return finish_output(run_all(o, all));
}

int run_main(int argc, char **argv)
{
	struct run_args o = { .overrides = overrides_new(), .jobs = 1 };
	int status = load_and_run(&o, argc, argv);

	overrides_free(o.overrides);
	g_free(o.format);
	g_free(o.colour);
	g_free(o.about.command);
	g_strfreev(o.only);
	g_clear_pointer(&o.unreadable, g_ptr_array_unref);
	g_strfreev(o.files);
	return status;
}
