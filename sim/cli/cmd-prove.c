/* SPDX-License-Identifier: GPL-2.0-only */
/* luosim prove: does a kernel tree do what a release, or another tree, does? */
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/cmd-world.h"
#include "explore/report.h"
#include "scn/select.h"
#include "scn/setting.h"
#include "scn/tree.h"

struct prove_args {
	struct world_options w;
	char *against;
	gboolean identify;
	const char *path;		/* of the tree */
	const struct release *tree;
};

static bool parse_options(struct prove_args *o, int argc, char **argv, GError **error)
{
	const GOptionEntry own[] = {
		{ "against", 0, 0, G_OPTION_ARG_FILENAME, &o->against,
		  "What it is held to (the release that it is)", "RELEASE|TREE.so" },
		{ "identify", 0, 0, G_OPTION_ARG_NONE, &o->identify,
		  "Say which release with which fixes it is like", NULL },
		{ 0 },
	};

	return world_options_parse(&o->w, own, "TREE.so [FILE]",
		"Do every sequence of operations in a small world on a kernel tree and on the\n"
		"model of its release, and say where they differ. See docs/kernel-tree.md.",
		argc, argv, error);
}

/* ---- One search ---- */

struct proof {
	const struct prove_args *o;
	struct overrides *first, *second;	/* what the tree is held to, and the tree */
	struct progress *progress;
	bool only_first;			/* the first difference is enough */
	struct explore_report report;
	struct explore_result *result;
	struct world worlds[2];
};

/* What is compiled into the tree is not the command line's to say. */
static struct overrides *tree_overrides(const struct prove_args *o)
{
	static const enum setting_kind rows[] = {
		SET_WITH, SET_WITHOUT, SET_POLICY, SET_HANDLERS,
	};
	struct overrides *tree = overrides_copy(o->w.overrides);

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
		overrides_drop(tree, rows[i]);
	g_ptr_array_set_size(tree->releases, 0);
	g_ptr_array_add(tree->releases, (gpointer)o->tree);
	return tree;
}

static bool proof_run(struct proof *p, GError **error)
{
	const struct world_options *w = &p->o->w;
	struct explore_options options = world_options_search(w, p->progress);
	bool ok;

	p->worlds[0] = p->worlds[1] = w->world;
	ok = world_plan(&p->worlds[1], p->second, error);
	ok = world_plan(&p->worlds[0], p->first, ok ? error : NULL) && ok;
	p->worlds[0].beside = &p->worlds[1];
	p->worlds[0].log = p->worlds[1].log = true;
	p->worlds[0].no_nodes = p->worlds[1].no_nodes = true;
	options.jobs = 1;
	options.through = true;
	options.only_first = p->only_first;
	if (!ok)
		return false;
	p->result = w->random ?
		explore_random(&p->worlds[0], &options, w->seed, w->runs, explore_report_found,
			       &p->report) :
		explore(&p->worlds[0], &options, explore_report_found, &p->report, error);
	if (p->result == NULL && w->random)
		g_set_error_literal(error, SCN_ERROR, 0, "not enough memory to search");
	return p->result != NULL;
}

static void proof_clear(struct proof *p)
{
	g_clear_pointer(&p->result, explore_result_free);
	world_clear(&p->worlds[0]);
	world_clear(&p->worlds[1]);
}

/* "v7.3 and ./x.so (7.3.4, configuration 0f3a...)" */
static char *subject_of(const struct prove_args *o, const struct release *first)
{
	g_autofree char *identity = tree_identity(o->tree->tree);

	return g_strdup_printf("%s and %s (%s)", release_label(first), o->path, identity);
}

static int status_of(const struct explore_result *r)
{
	return r->findings->len > 0 ? EXIT_FAILED : r->stopped != NULL ? EXIT_STOPPED : EXIT_OK;
}

static int prove(const struct prove_args *o, struct progress *progress)
{
	g_autofree char *subject = subject_of(o, o->w.overrides->releases->pdata[0]);
	struct proof p = {
		.o = o, .first = o->w.overrides, .second = tree_overrides(o),
		.progress = progress,
		.report = {
			.subject = subject, .overrides = o->w.overrides, .out = o->w.out,
			.json = g_strcmp0(o->w.format, "json") == 0, .header = &o->w.about,
		},
	};
	g_autoptr(GError) error = NULL;
	int status;

	p.report.world = &p.worlds[0];
	if (proof_run(&p, &error)) {
		explore_report_print(&p.report, p.result);
		status = p.report.error != NULL ? complain("%s", p.report.error->message) :
						  status_of(p.result);
	} else {
		status = complain("%s", error->message);
	}
	g_clear_error(&p.report.error);
	proof_clear(&p);
	overrides_free(p.second);
	return status;
}

/* ---- Which release with which fixes ---- */

/* How far two go together: what was done until the first difference came. */
struct reach {
	bool equal, failed;
	guint64 transitions;
};

static bool farther(const struct reach *a, const struct reach *b)
{
	return a->equal != b->equal ? a->equal : a->transitions > b->transitions;
}

static struct reach reach_of(const struct prove_args *o, const struct overrides *row,
			     struct progress *progress, GError **error)
{
	struct proof p = {
		.o = o, .first = overrides_copy(row), .second = tree_overrides(o),
		.progress = progress, .only_first = true, .report.subject = o->path,
	};
	struct reach reach = { .failed = true };

	p.report.world = &p.worlds[0];
	if (proof_run(&p, error))
		reach = (struct reach){
			.equal = status_of(p.result) == EXIT_OK,
			.failed = status_of(p.result) == EXIT_STOPPED,
			.transitions = p.result->transitions,
		};
	proof_clear(&p);
	overrides_free(p.first);
	overrides_free(p.second);
	return reach;
}

static bool goes_on(struct progress *progress, const GError *error)
{
	return error == NULL && !progress_stopped(progress);
}

static bool has(const struct overrides *row, guint fix)
{
	struct boot boot = { .release = *(const struct release *)row->releases->pdata[0] };
	guint64 mem = 0;

	settings_apply(row->settings, &boot, &mem);
	return boot.release.fixes & FIX_BIT(fix);
}

/* The same row, with the fix that it lacks or without the one that it has. */
static struct overrides *other_fix(const struct overrides *row, guint fix)
{
	struct overrides *o = overrides_copy(row);
	g_autofree char *text = g_strdup_printf("%s=%s", has(row, fix) ? "without" : "with",
						fix_table()[fix].name);

	overrides_set(o, "--identify", text, NULL);
	return o;
}

static struct overrides *row_overrides(const struct prove_args *o, const struct release *row)
{
	struct overrides *of = overrides_copy(o->w.overrides);

	g_ptr_array_set_size(of->releases, 0);
	g_ptr_array_add(of->releases, (gpointer)row);
	return of;
}

static void print_row(const struct overrides *row)
{
	g_autoptr(GString) settings = g_string_new(NULL);

	settings_print(settings, row->settings);
	printf("%s%s", release_label(row->releases->pdata[0]), settings->str);
}

/*
 * The release that goes with the tree farthest; NULL and @error. @cut: with
 * some release a bound came before a difference.
 */
static struct overrides *nearest_row(const struct prove_args *o, struct progress *progress,
				     struct reach *best, bool *cut, GError **error)
{
	struct overrides *nearest = NULL;
	const struct release *rows;
	size_t nr;

	rows = release_table(&nr);
	for (size_t i = 0; i < nr && goes_on(progress, *error); i++) {
		struct overrides *row = row_overrides(o, &rows[i]);
		struct reach reach = reach_of(o, row, progress, error);

		*cut |= reach.failed;
		/* Of several the release that the tree says it is, or the last one. */
		if (!rows[i].posted && !reach.failed &&
		    (nearest == NULL || !farther(best, &reach))) {
			bool own = nearest != NULL && !farther(&reach, best) &&
				   g_str_equal(release_label(nearest->releases->pdata[0]),
					       o->tree->name);

			if (!own) {
				g_clear_pointer(&nearest, overrides_free);
				nearest = g_steal_pointer(&row);
				*best = reach;
			}
		}
		g_clear_pointer(&row, overrides_free);
	}
	return nearest;
}

/*
 * Change the one fix that leads farthest; false if none leads farther. The first with which a
 * bound comes before a difference is @unsure.
 */
static bool step(const struct prove_args *o, struct progress *progress, struct overrides **row,
		 struct reach *best, struct overrides **unsure, GError **error)
{
	struct overrides *better = NULL;

	for (guint fix = 0; fix < NR_FIXES && goes_on(progress, *error); fix++) {
		struct overrides *other = other_fix(*row, fix);
		struct reach reach = reach_of(o, other, progress, error);

		if (!reach.failed && farther(&reach, best)) {
			g_clear_pointer(&better, overrides_free);
			better = g_steal_pointer(&other);
			*best = reach;
		} else if (reach.failed && *unsure == NULL) {
			*unsure = g_steal_pointer(&other);
		}
		g_clear_pointer(&other, overrides_free);
	}
	if (better == NULL)
		return false;
	overrides_free(*row);
	*row = better;
	return true;
}

/* What this world cannot say: with the fix and without it is the same here. */
static void print_unknown(const struct prove_args *o, struct progress *progress,
			  const struct overrides *row, GError **error)
{
	const char *sep = "  not told by this world: ";

	for (guint fix = 0; fix < NR_FIXES && goes_on(progress, *error); fix++) {
		struct overrides *other = other_fix(row, fix);

		if (reach_of(o, other, progress, error).equal) {
			printf("%s%s", sep, fix_table()[fix].name);
			sep = ", ";
		}
		overrides_free(other);
	}
	if (*sep == ',')
		putchar('\n');
}

/* The row of the tree's release, or that with one fix more or less; NULL if neither is equal. */
static struct overrides *own_row(const struct prove_args *o, struct progress *progress,
				 struct reach *best, struct overrides **unsure, GError **error)
{
	struct overrides *row = row_overrides(o, release_find(o->tree->name));

	*best = reach_of(o, row, progress, error);
	if (goes_on(progress, *error) && !best->equal && !best->failed)
		step(o, progress, &row, best, unsure, error);
	if (!best->equal)
		g_clear_pointer(&row, overrides_free);
	return row;
}

/* Likewise of any release, with as many fixes more and less as it takes; or the nearest one. */
static struct overrides *any_row(const struct prove_args *o, struct progress *progress,
				 struct reach *best, bool *cut, struct overrides **unsure,
				 GError **error)
{
	struct overrides *row;

	*best = (struct reach){ 0 };
	row = nearest_row(o, progress, best, cut, error);
	*cut &= !best->equal;
	while (row != NULL && goes_on(progress, *error) && !best->equal && !*cut &&
	       step(o, progress, &row, best, unsure, error))
		;
	return row;
}

static void print_unsure(const struct prove_args *o, const struct overrides *unsure)
{
	const struct luosim_tree_info *info = luosim_tree_info(o->tree->tree);

	if (unsure == NULL) {
		printf("%s (%s): a bound ended the search before any release was seen to be "
		       "equal\n", o->path, info->version);
		return;
	}
	printf("%s (%s): a bound ended the search before it differed from ", o->path,
	       info->version);
	print_row(unsure);
	putchar('\n');
}

static int identify(const struct prove_args *o, struct progress *progress)
{
	const struct luosim_tree_info *info = luosim_tree_info(o->tree->tree);
	g_autoptr(GError) error = NULL;
	struct reach best;
	bool cut = false;
	struct overrides *unsure = NULL;
	struct overrides *row = own_row(o, progress, &best, &unsure, &error);

	if (row == NULL && goes_on(progress, error))
		row = any_row(o, progress, &best, &cut, &unsure, &error);
	cut |= unsure != NULL && !best.equal;
	if (row != NULL && goes_on(progress, error) && !cut) {
		printf("%s (%s) %s ", o->path, info->version,
		       best.equal ? "is equal in this world to" : "is equal to none; nearest is");
		print_row(row);
		printf(best.equal ? "\n" : ", for %" G_GUINT64_FORMAT " transitions\n",
		       best.transitions);
		if (best.equal)
			print_unknown(o, progress, row, &error);
	}
	g_clear_pointer(&row, overrides_free);
	if (error != NULL) {
		g_clear_pointer(&unsure, overrides_free);
		return complain("%s", error->message);
	}
	if (cut && !progress_stopped(progress))
		print_unsure(o, unsure);
	g_clear_pointer(&unsure, overrides_free);
	if (progress_stopped(progress) || cut)
		return EXIT_STOPPED;
	return best.equal ? EXIT_OK : EXIT_FAILED;
}

/* ---- What was asked for ---- */

/* The tree is the first file; the scenario that has the world is what is left. */
static bool take_tree(struct prove_args *o, GError **error)
{
	char **files = o->w.files, *path = files != NULL ? files[0] : NULL;
	struct lex l = { .file = "luosim prove", .line = path, .p = path, .error = error };

	if (path == NULL || !tree_is_path(path)) {
		g_set_error(error, SCN_ERROR, 0, "%s: no kernel tree, expected what luosim "
			    "build-kernel has made, such as ./x.so", path != NULL ? path : "prove");
		return false;
	}
	o->tree = release_check(&l, path, path);
	o->path = g_intern_string(path);
	memmove(files, files + 1, g_strv_length(files) * sizeof(*files));
	g_free(path);
	if (files[0] == NULL)
		g_clear_pointer(&o->w.files, g_strfreev);
	return o->tree != NULL;
}

static bool take_against(struct prove_args *o, GError **error)
{
	GPtrArray *releases = o->w.overrides->releases;

	if (releases->len > 0) {
		g_set_error_literal(error, SCN_ERROR, 0, "--kernel, expected --against");
		return false;
	}
	return releases_parse("--against", o->against != NULL ? o->against : o->tree->name,
			      releases, error);
}

/* NULL when all is well. */
static const char *check_options(const struct prove_args *o)
{
	if (o->w.overrides->releases->len > 1)
		return "--against several kernels, expected one";
	if (o->w.world.tasks > 1 && o->w.random)
		return "prove with --tasks 2 together with --random, expected all sequences";
	if (o->identify && (o->against != NULL || o->w.random))
		return "--identify together with --against or --random, expected it alone";
	return NULL;
}

static int parse_and_prove(struct prove_args *o, int argc, char **argv)
{
	struct progress *progress;
	g_autoptr(GError) error = NULL;
	const char *wrong;
	int status;

	if (!parse_options(o, argc, argv, &error) || !take_tree(o, &error) ||
	    !take_against(o, &error))
		return complain("%s", error->message);
	status = world_options_finish(&o->w, NULL);
	if (status != EXIT_OK)
		return status;
	wrong = check_options(o);
	if (wrong != NULL)
		return complain("%s", wrong);
	progress = progress_new("states");
	status = o->identify ? identify(o, progress) : prove(o, progress);
	progress_free(progress);
	return finish_output(status);
}

int prove_main(int argc, char **argv)
{
	struct prove_args o = { 0 };
	int status;

	world_options_init(&o.w);
	status = parse_and_prove(&o, argc, argv);
	g_free(o.against);
	world_options_clear(&o.w);
	return status;
}
