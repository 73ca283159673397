/* SPDX-License-Identifier: GPL-2.0-only */
/* luosim replay: recordings of real kernels against the model or a tree, or as scenarios. */
#include <errno.h>

#include "replay/agreement.h"
#include "cli/cmd.h"
#include "cli/cmd-replay.h"
#include "run/in-order.h"
#include "run/overrides.h"
#include "scn/tree.h"

/* One release's row of the summary. */
struct replay_row {
	char *name;
	guint cases, good, aligned;
	struct agreement sum;
};

struct replay {
	struct overrides *overrides;
	GPtrArray *rows;	/* of struct replay_row, in the order of the recordings */
	gboolean quiet;
	char *to_scn;		/* directory, or NULL */
};

static void row_free(gpointer ptr)
{
	struct replay_row *row = ptr;

	g_free(row->name);
	g_free(row);
}

static struct replay_row *find_row(struct replay *r, const char *name)
{
	struct replay_row *row;

	for (guint i = 0; i < r->rows->len; i++) {
		row = g_ptr_array_index(r->rows, i);
		if (g_str_equal(row->name, name))
			return row;
	}
	row = g_new0(struct replay_row, 1);
	row->name = g_strdup(name);
	g_ptr_array_add(r->rows, row);
	return row;
}

/* A file's recordings, and what came of each. */
struct job {
	struct replay *replay;
	const GPtrArray *recordings;
	struct replayed {
		struct agreement *agreement;
		GError *error;
	} *outcomes;
};

/* Each recording has a machine of its own, so that they run side by side. */
static void run_job(void *data, guint i)
{
	struct job *job = data;
	struct replayed *outcome = &job->outcomes[i];

	outcome->agreement = recording_run(job->recordings->pdata[i], job->replay->overrides,
					   &outcome->error);
}

static void add_to_summary(struct replay *r, const struct recording *rec,
			   const struct replayed *outcome)
{
	const struct agreement *a = outcome->agreement;
	struct replay_row *row = find_row(r, rec->row);

	row->cases++;
	if (!a) {
		if (!r->quiet)
			g_print("%s, %s: cannot be run, %s\n", rec->name, rec->row,
				outcome->error->message);
		return;
	}
	row->good += a->differences->len == 0 && a->aligned->len == 0;
	row->aligned += a->aligned->len > 0;
	row->sum.ops += a->ops;
	row->sum.agreed += a->agreed;
	row->sum.not_modelled += a->not_modelled;
	row->sum.skipped += a->skipped;
	if (!r->quiet)
		agreement_print(rec, a, overrides_tree(r->overrides) ? "tree" : "model");
}

static void job_done(void *data, guint i)
{
	struct job *job = data;

	add_to_summary(job->replay, job->recordings->pdata[i], &job->outcomes[i]);
	g_clear_pointer(&job->outcomes[i].agreement, agreement_free);
	g_clear_error(&job->outcomes[i].error);
}

static void replay_all(struct replay *r, const GPtrArray *recordings)
{
	g_autofree struct replayed *outcomes = g_new0(struct replayed, recordings->len);
	struct job job = { .replay = r, .recordings = recordings, .outcomes = outcomes };

	in_order(g_get_num_processors(), recordings->len, run_job, job_done, &job);
}

/* DIR/RELEASE-CASE.scn */
static gboolean write_scenario(const struct replay *r, const struct recording *rec, GError **error)
{
	g_autofree char *base = g_path_get_basename(rec->name);
	g_autofree char *name = g_strdup_printf("%s-%s.scn", rec->row, base);
	g_autofree char *path = g_build_filename(r->to_scn, name, NULL);
	struct translation *t = translate(rec, NULL, error);
	g_autoptr(GString) text = g_string_new(NULL);

	if (!t)
		return FALSE;
	scenario_print(text, t->scn);
	translation_free(t);
	return g_file_set_contents(path, text->str, text->len, error);
}

static gboolean write_all(const struct replay *r, const GPtrArray *recordings, GError **error)
{
	for (guint i = 0; i < recordings->len; i++)
		if (!write_scenario(r, g_ptr_array_index(recordings, i), error))
			return FALSE;
	return TRUE;
}

static gboolean replay_file(struct replay *r, const char *path, GError **error)
{
	g_autoptr(GPtrArray) recordings = recordings_load(path, error);

	if (!recordings)
		return FALSE;
	if (r->to_scn)
		return write_all(r, recordings, error);
	replay_all(r, recordings);
	return TRUE;
}

/* The table, and whether all agrees. */
static gboolean print_summary(const struct replay *r)
{
	const struct release *on = overrides_tree(r->overrides);
	gboolean all = TRUE;

	if (on) {
		g_autofree char *identity = tree_identity(on->tree);

		g_print("on %s (%s)\n", release_label(on), identity);
	}
	g_print("%-9s %6s %6s %8s %11s %7s %13s %8s\n", "release", "cases", "agree", "aligned",
		"operations", "agreed", "not modelled", "skipped");
	for (guint i = 0; i < r->rows->len; i++) {
		const struct replay_row *row = g_ptr_array_index(r->rows, i);

		g_print("%-9s %6u %6u %8u %11u %7u %13u %8u\n", row->name, row->cases, row->good,
			row->aligned, row->sum.ops, row->sum.agreed, row->sum.not_modelled,
			row->sum.skipped);
		all = all && row->good + row->aligned == row->cases;
	}
	return all;
}

static int replay_files(struct replay *r, char **files, GError **error)
{
	for (guint i = 0; files[i]; i++)
		if (!replay_file(r, files[i], error))
			return EXIT_UNUSABLE;
	return r->to_scn || print_summary(r) ? EXIT_OK : EXIT_FAILED;
}

int replay_main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	g_auto(GStrv) files = NULL;
	struct replay r = { .overrides = overrides_new() };
	const GOptionEntry entries[] = {
		{ "quiet", 'q', 0, G_OPTION_ARG_NONE, &r.quiet, "Print the summary only", NULL },
		{ "to-scn", 0, 0, G_OPTION_ARG_FILENAME, &r.to_scn,
		  "Write each recording as a scenario instead of running it", "DIR" },
		{ G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &files, NULL, NULL },
		{ 0 },
	};
	int status = EXIT_UNUSABLE;

	r.rows = g_ptr_array_new_with_free_func(row_free);
	if (!overrides_parse(r.overrides, entries, "FILE...",
			     "Hold recordings of real kernels against the model, or a kernel tree.",
			     NULL, argc, argv, &error))
		;
	else if (!files)
		g_set_error(&error, G_OPTION_ERROR, 0, "no recording given, expected FILE...");
	else if (r.to_scn && g_mkdir_with_parents(r.to_scn, 0777))
		g_set_error(&error, G_OPTION_ERROR, 0, "%s: %s", r.to_scn, g_strerror(errno));
	else
		status = replay_files(&r, files, &error);
	if (error)
		g_printerr("luosim replay: %s\n", error->message);
	g_ptr_array_unref(r.rows);
	g_free(r.to_scn);
	overrides_free(r.overrides);
	return status;
}
