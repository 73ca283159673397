/* SPDX-License-Identifier: GPL-2.0-only */
/* luosim explore: search for sequences of operations that break an invariant. */
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "explore/report.h"
#include "report/header.h"
#include "scn/lex.h"
#include "run/overrides.h"
#include "scn/tree.h"
#include "explore/random.h"
#include "scn/setting.h"
#include "scn/explore-block.h"

#define NOT_GIVEN	G_MININT
#define DEFAULT_AUDIT	100

#define DEFAULT_OPS	"create_session,retrieve_session,close_session,preserve_fd," \
			"retrieve_fd,finish,kexec,reboot,close"

#define PROCESS_OPS	",send_fd,exit"

#define REDUCED_OPS	"create_session,retrieve_session,close_session,preserve_fd," \
			"retrieve_fd,finish,kexec"

struct options {
	struct overrides *overrides;
	GPtrArray *subjects;		/* of struct subject; NULL for one search */
	struct world world;
	gint numbers[NR_WORLD_NUMBERS], jobs;
	gint64 seconds, seed, runs, audit;
	gboolean random;
	guint64 bytes;
	gboolean no_symmetry, no_prune, through, reduced;
	char *ops, *handlers, *memory, *policies, *releases, *out, *format;
	char **files;
	struct header about;
};

/* An option for each number of a world. */
static void add_numbers(GOptionEntry *entries, struct options *o)
{
	for (guint i = 0; i < NR_WORLD_NUMBERS; i++) {
		const struct world_number_info *info = world_number(i);
		g_autofree char *about = g_strdup_printf("%s (%u)", info->about, info->usual);

		o->numbers[i] = NOT_GIVEN;
		entries[i] = (GOptionEntry){
			.long_name = info->word, .arg = G_OPTION_ARG_INT,
			.arg_data = &o->numbers[i], .description = g_intern_string(about),
			.arg_description = "N",
		};
	}
}

/* The only option whose value may be left out: a callback, to which the overrides come. */
static gint64 audit_given;

static gboolean set_audit(const gchar *name, const gchar *value, gpointer data, GError **error)
{
	(void)data;
	audit_given = DEFAULT_AUDIT;
	if (value == NULL ||
	    g_ascii_string_to_signed(value, 10, 1, G_MAXINT32, &audit_given, NULL))
		return TRUE;
	g_set_error(error, SCN_ERROR, 0, "%s=%s, expected a number from 1 on", name, value);
	return FALSE;
}

static bool parse_options(struct options *o, int argc, char **argv, GError **error)
{
	const GOptionEntry others[] = {
		{ "handlers", 0, 0, G_OPTION_ARG_STRING, &o->handlers,
		  "Files beside memfds, by their handlers", "H[,H...]" },
		{ "ops", 0, 0, G_OPTION_ARG_STRING, &o->ops, "Operations", "OP[,OP...]" },
		{ "random", 0, 0, G_OPTION_ARG_NONE, &o->random,
		  "Random sequences instead of all", NULL },
		{ "seed", 0, 0, G_OPTION_ARG_INT64, &o->seed, "Of --random (1)", "N" },
		{ "runs", 0, 0, G_OPTION_ARG_INT64, &o->runs, "Of --random (10000)", "N" },
		{ "time", 0, 0, G_OPTION_ARG_INT64, &o->seconds, "Seconds", "N" },
		{ "memory", 0, 0, G_OPTION_ARG_STRING, &o->memory,
		  "Memory for states (1G)", "SIZE" },
		{ "jobs", 'j', 0, G_OPTION_ARG_INT, &o->jobs, "Threads (all processors)", "N" },
		{ "no-symmetry", 0, 0, G_OPTION_ARG_NONE, &o->no_symmetry,
		  "States that differ only in names are different", NULL },
		{ "no-prune", 0, 0, G_OPTION_ARG_NONE, &o->no_prune,
		  "Try also operations that only name other like objects", NULL },
		{ "through", 0, 0, G_OPTION_ARG_NONE, &o->through,
		  "Go on behind a violation", NULL },
		{ "reduced", 0, 0, G_OPTION_ARG_NONE, &o->reduced,
		  "Only what the reduced machine of docs/explore.md has", NULL },
		{ "policies", 0, 0, G_OPTION_ARG_STRING, &o->policies,
		  "One search for each policy; '+' joins words of one", "all|P[,P2...]" },
		{ "releases", 0, 0, G_OPTION_ARG_STRING, &o->releases,
		  "One search for each release", "all|R[,R2...]" },
		{ "audit", 0, G_OPTION_FLAG_OPTIONAL_ARG, G_OPTION_ARG_CALLBACK, set_audit,
		  "Compare every N-th state that is met again (100) with the one stored", "N" },
		{ "out", 0, 0, G_OPTION_ARG_FILENAME, &o->out,
		  "Write each finding there, as a scenario", "DIR" },
		{ "format", 0, 0, G_OPTION_ARG_STRING, &o->format, "text or json", "FORMAT" },
		{ G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &o->files, NULL, NULL },
		{ 0 },
	};
	GOptionEntry entries[NR_WORLD_NUMBERS + G_N_ELEMENTS(others)];

	bool ok;

	add_numbers(entries, o);
	memcpy(entries + NR_WORLD_NUMBERS, others, sizeof(others));
	ok = overrides_parse(o->overrides, entries, "[FILE]",
		"Try every sequence of operations in a small world, shortest first, and say which\n"
		"of them break what must hold. See docs/explore.md.", NULL, argc, argv, error);
	o->audit = audit_given;
	return ok;
}

/* ---- What was asked for ---- */

/* Where neither the command line nor the scenario says anything else. */
static void fill_in(struct options *o, const struct world_block *block)
{
	for (guint i = 0; i < NR_WORLD_NUMBERS; i++)
		if (o->numbers[i] == NOT_GIVEN)
			o->numbers[i] = block->given & 1u << i ? block->numbers[i] :
								 world_number(i)->usual;
	if (o->ops == NULL)
		o->ops = g_strdup(block->ops != NULL ? block->ops :
				  o->numbers[WORLD_PROCESSES] > 1 ? DEFAULT_OPS PROCESS_OPS :
				  DEFAULT_OPS);
	if (o->handlers == NULL)
		o->handlers = g_strdup(block->handlers);
}

static bool in_range(const char *option, gint64 n, gint64 min, gint64 max, GError **error)
{
	if (n >= min && n <= max)
		return true;
	g_set_error(error, SCN_ERROR, 0, "--%s %" G_GINT64_FORMAT " out of range, expected %"
		    G_GINT64_FORMAT " to %" G_GINT64_FORMAT, option, n, min, max);
	return false;
}

/* "512M" */
static bool parse_memory(const char *text, guint64 *bytes, GError **error)
{
	struct lex l = {
		.file = "--memory", .line = text, .p = text, .end = text + strlen(text),
		.error = error,
	};
	enum number_style style;

	return lex_magnitude(&l, "a size", bytes, &style);
}

static bool make_world(struct options *o, GError **error)
{
	struct world *w = &o->world;

	for (guint i = 0; i < NR_WORLD_NUMBERS; i++) {
		const struct world_number_info *info = world_number(i);

		if (!in_range(info->word, o->numbers[i], info->min, info->max, error))
			return false;
		G_STRUCT_MEMBER(guint, w, info->offset) = o->numbers[i];
	}
	if ((o->jobs != NOT_GIVEN && !in_range("jobs", o->jobs, 1, MAX_JOBS, error)) ||
	    !in_range("seed", o->seed, 0, G_MAXUINT32, error) ||
	    !in_range("runs", o->runs, 0, G_MAXINT64, error) ||
	    !in_range("time", o->seconds, 0, G_MAXINT32, error))
		return false;
	if (o->handlers != NULL && !world_set_handlers(w, o->handlers, error))
		return false;
	w->reduced = o->reduced;
	if (w->reduced) {
		w->tasks = 1;
		w->processes = 1;
		return world_set_ops(w, REDUCED_OPS, error);
	}
	return world_set_ops(w, o->ops, error);
}

/* ---- Searches ---- */

/* Which states are compared must not depend on which thread is faster. */
static guint usual_jobs(const struct options *o)
{
	return o->audit > 0 ? 1 : MIN(g_get_num_processors(), MAX_JOBS);
}

/* One search; the exit status for it alone. */
static int search(const struct options *o, const struct overrides *overrides, const char *subject,
		  struct progress *progress)
{
	const struct explore_options options = {
		.seconds = o->seconds, .memory = o->bytes, .audit = o->audit,
		.jobs = o->jobs > 0 ? (guint)o->jobs : usual_jobs(o),
		.symmetry = !o->no_symmetry, .prune = !o->no_prune && !o->reduced,
		.through = o->through || o->reduced, .progress = progress,
	};
	struct world world = o->world;
	struct explore_report report = {
		.subject = subject, .world = &world, .overrides = overrides, .out = o->out,
		.json = g_strcmp0(o->format, "json") == 0, .header = &o->about,
	};
	g_autoptr(GError) error = NULL;
	struct explore_result *r;
	int status;

	if (overrides_tree(overrides) != NULL)
		return complain("explore of the kernel tree %s, expected a release",
				release_label(overrides_tree(overrides)));
	if (!world_plan(&world, overrides, &error)) {
		world_clear(&world);
		return complain("%s", error->message);
	}
	if (o->random)
		r = explore_random(&world, &options, o->seed, o->runs, explore_report_found,
				   &report);
	else
		r = explore(&world, &options, explore_report_found, &report);
	if (r == NULL) {
		world_clear(&world);
		return complain("not enough memory to search");
	}
	explore_report_print(&report, r);
	status = r->difference != NULL ? EXIT_UNEQUAL :
		 r->findings->len > 0 ? EXIT_FAILED : r->stopped != NULL ? EXIT_STOPPED : EXIT_OK;
	if (report.error != NULL)
		status = complain("%s", report.error->message);
	g_clear_error(&report.error);
	explore_result_free(r);
	world_clear(&world);
	return status;
}

/* Findings count for more than a search that was stopped. */
static int worse(int a, int b)
{
	static const int order[] = {
		EXIT_OK, EXIT_STOPPED, EXIT_FAILED, EXIT_UNEQUAL, EXIT_UNUSABLE,
	};
	guint i = 0, j = 0;

	while (order[i] != a)
		i++;
	while (order[j] != b)
		j++;
	return order[MAX(i, j)];
}

static int search_each(const struct options *o, struct progress *progress)
{
	int status = EXIT_OK;

	for (guint i = 0; i < o->subjects->len && !progress_stopped(progress); i++) {
		const struct subject *subject = o->subjects->pdata[i];

		status = worse(status, search(o, subject->overrides, subject->name, progress));
	}
	return status;
}

/* The name of the only search. */
static const char *only_subject(const struct options *o)
{
	const char *policy = overrides_policy_name(o->overrides);
	const GPtrArray *releases = o->overrides->releases;

	if (policy != NULL)
		return policy;
	return releases->len > 0 ? ((struct release *)releases->pdata[0])->name : "newest";
}

static int explore_all(const struct options *o)
{
	struct progress *progress = progress_new("states");
	int status;

	if (o->subjects != NULL)
		status = search_each(o, progress);
	else
		status = search(o, o->overrides, only_subject(o), progress);
	progress_free(progress);
	return status;
}

/* What options cannot say by themselves; NULL when all is well. */
static const char *check_options(const struct options *o)
{
	if (o->files != NULL && o->files[1] != NULL)
		return "several files, expected one scenario or none";
	if (o->format != NULL && !g_str_equal(o->format, "text") &&
	    !g_str_equal(o->format, "json"))
		return "unknown --format, expected text or json";
	if (o->reduced && o->world.opens > 2)
		return "--reduced with more than two open files, expected --opens 1 or 2";
	if (o->reduced && (o->world.nr_others > 0 || o->world.damage > 0 || o->world.faults > 0))
		return "--reduced with --handlers, --damage or --faults, expected none of them";
	if (o->audit > 0 && o->random)
		return "--audit with --random, expected one of them";
	if (o->audit > 0 && o->jobs > 1)
		return "--audit with several --jobs, expected --jobs 1";
	if (o->out != NULL && !g_file_test(o->out, G_FILE_TEST_IS_DIR))
		return "--out is no directory, expected one that exists";
	return NULL;
}

/* What the command line says comes after what the heading of kernel 1 says. */
static void put_below(const struct kernel_heading *kernel, struct overrides **o)
{
	struct overrides *both = overrides_copy(*o);

	g_array_set_size(both->settings, 0);
	settings_append(both->settings, kernel->settings);
	settings_append(both->settings, (*o)->settings);
	if (both->releases->len == 0 && kernel->release != NULL)
		g_ptr_array_add(both->releases, (gpointer)kernel->release);
	overrides_free(*o);
	*o = both;
}

/* The world of the scenario that is named, and the kernel that it begins with. */
static bool take_scenario(struct options *o, struct world_block *block, GError **error)
{
	struct scenario *scn;
	const struct kernel_heading *kernel;

	if (o->files == NULL)
		return true;
	scn = load_scenario(o->files[0], error);
	if (scn == NULL)
		return false;
	kernel = &g_array_index(scn->steps, struct step, 0).kernel;
	*block = scn->explore;
	scn->explore.ops = scn->explore.handlers = NULL;
	put_below(kernel, &o->overrides);
	for (guint i = 0; o->subjects != NULL && i < o->subjects->len; i++)
		put_below(kernel, &((struct subject *)o->subjects->pdata[i])->overrides);
	if (block->line == 0)
		g_set_error(error, SCN_ERROR, 0, "%s: no explore block, expected one", scn->file);
	scenario_free(scn);
	return block->line != 0;
}

static int parse_and_explore(struct options *o, int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	struct world_block block = { 0 };
	const char *wrong;

	if (!parse_options(o, argc, argv, &error))
		return complain("%s", error->message);
	if (o->policies != NULL || o->releases != NULL) {
		o->subjects = subjects_parse(o->overrides, o->policies, o->releases, &error);
		if (o->subjects == NULL)
			return complain("%s", error->message);
	}
	if (!take_scenario(o, &block, &error)) {
		fprintf(stderr, "%s\n", error->message);
		return EXIT_UNUSABLE;
	}
	fill_in(o, &block);
	g_free(block.ops);
	g_free(block.handlers);
	if (!make_world(o, &error) ||
	    !parse_memory(o->memory != NULL ? o->memory : "1G", &o->bytes, &error))
		return complain("%s", error->message);
	wrong = check_options(o);
	if (wrong != NULL)
		return complain("%s", wrong);
	header_init(&o->about, o->files, NULL);
	return finish_output(explore_all(o));
}

int explore_main(int argc, char **argv)
{
	struct options o = {
		.overrides = overrides_new(), .seed = 1, .runs = 10000,
		.jobs = NOT_GIVEN,
	};
	int status = parse_and_explore(&o, argc, argv);

	g_clear_pointer(&o.subjects, g_ptr_array_unref);
	overrides_free(o.overrides);
	g_free(o.ops);
	g_free(o.handlers);
	g_free(o.memory);
	g_free(o.policies);
	g_free(o.releases);
	g_free(o.out);
	g_free(o.format);
	g_free(o.about.command);
	g_strfreev(o.files);
	return status;
}
