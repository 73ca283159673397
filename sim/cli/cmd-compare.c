/* SPDX-License-Identifier: GPL-2.0-only */
/* luosim compare: scenarios against policies or releases. */
#include <stdio.h>

#include "cli/cmd.h"
#include "analysis/matrix.h"
#include "report/header.h"
#include "run/in-order.h"
#include "scn/plugin.h"

struct compare_args {
	struct overrides *overrides;	/* of all columns */
	char *policies, *releases, *git, *refs, *configured, *format, *colour;
	GPtrArray *names;		/* of releases that are of a git; or NULL */
	bool in_colour;
	char **only;
	gint jobs;
	gboolean header, differ;
	struct header about;
	char **files;
};

static const struct format {
	const char *name;
	void (*write)(const struct matrix *m, FILE *out);
	bool traces, all_rows;
} formats[] = {
	{ "text", compare_text, false, false },
	{ "markdown", compare_markdown, false, false },
	{ "json", compare_json, false, true },
	{ "html", compare_html, true, true },
};

static bool parse_options(struct compare_args *o, int argc, char **argv, GError **error)
{
	const GOptionEntry entries[] = {
		{ "policies", 0, 0, G_OPTION_ARG_STRING, &o->policies,
		  "Policies across, instead of all presets; '+' joins words of one", "P[,P2...]" },
		{ "releases", 0, 0, G_OPTION_ARG_STRING, &o->releases,
		  "Releases across, instead of policies", "all|R[,R2...]" },
		{ "kernels", 0, 0, G_OPTION_ARG_FILENAME, &o->releases,
		  "The same; kernel trees may be among them", "R|TREE.so[,...]" },
		{ "git", 0, 0, G_OPTION_ARG_FILENAME, &o->git,
		  "With --refs: commits of this git of a kernel across", "DIR" },
		{ "refs", 0, 0, G_OPTION_ARG_STRING, &o->refs,
		  "Which, as a range with its base, or by name", "BASE..TIP|REF[,REF...]" },
		{ "configured", 0, 0, G_OPTION_ARG_FILENAME, &o->configured,
		  "With --git: as for build-kernel", "TREE" },
		{ "format", 0, 0, G_OPTION_ARG_STRING, &o->format,
		  "text, markdown, json or html", "FORMAT" },
		{ "color", 0, 0, G_OPTION_ARG_STRING, &o->colour,
		  "In text, auto, always or never", "WHEN" },
		{ "differ", 0, 0, G_OPTION_ARG_NONE, &o->differ,
		  "In text and markdown, only the scenarios whose cells differ", NULL },
		{ "jobs", 'j', 0, G_OPTION_ARG_INT, &o->jobs,
		  "Threads (1); the report is the same", "N" },
		{ "time-limit", 0, 0, G_OPTION_ARG_CALLBACK, overrides_time_limit,
		  "Stop a run of a scenario after this many seconds", "SECONDS" },
		{ "only", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o->only,
		  "Only the scenarios whose name matches, as with the shell", "GLOB" },
		{ "header", 0, 0, G_OPTION_ARG_NONE, &o->header,
		  "In text, say first what it is of: version, command line, digests", NULL },
		{ G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &o->files, NULL, NULL },
		{ 0 },
	};

	return overrides_parse(o->overrides, entries, "FILE|DIRECTORY...",
		"Run scenarios under each ownership policy, or on each release, and show what\n"
		"came out as a matrix.", NULL, argc, argv, error);
}

/* A policy is called what its axes are called together. */
static void add_column(struct matrix *m, const struct subject *subject, bool is_policy,
		       const char *name)
{
	struct policy policy = { 0 };
	const char *bad;

	if (is_policy)
		policy_apply(subject->name, &policy, &bad);
	if (name == NULL)
		name = is_policy ? policy.name : subject->name;
	matrix_add_column(m, name,
			  overrides_copy(subject->overrides));
}

static gboolean add_columns(struct matrix *m, const struct compare_args *o, GError **error)
{
	const char *policies = o->policies == NULL && o->releases == NULL ? "all" : o->policies;
	g_autoptr(GPtrArray) subjects =
		subjects_parse(o->overrides, policies, o->releases, error);

	for (guint i = 0; subjects != NULL && i < subjects->len; i++)
		add_column(m, subjects->pdata[i], policies != NULL,
			   o->names != NULL ? o->names->pdata[i] : NULL);
	return subjects != NULL;
}

/* What the rows are run on, as far as the columns do not say. */
static char *describe_kernel(const struct compare_args *o)
{
	g_autoptr(GString) text = g_string_new("kernel");
	const GPtrArray *releases = o->overrides->releases;
	const char *policy = overrides_policy_name(o->overrides);

	if (o->releases != NULL)
		return policy != NULL ? g_strdup_printf("policy %s", policy) :
					g_strdup("each with its own policy");
	if (releases->len == 0)
		return g_strdup("each on its own kernel");
	for (guint i = 0; i < releases->len; i++)
		g_string_append_printf(text, "%s %s", i > 0 ? "," : "",
				       ((struct release *)releases->pdata[i])->name);
	return g_strdup(text->str);
}

static int compare(const struct compare_args *o, const struct format *format,
		   const GPtrArray *scenarios)
{
	struct matrix *m = matrix_new(o->releases != NULL ? "releases" : "policies", scenarios);
	g_autoptr(GError) error = NULL;
	int status = EXIT_OK;

	o->overrides->keep_handlers = o->releases == NULL;
	m->on = describe_kernel(o);
	m->differ = o->differ;
	m->colour = o->in_colour;
	m->header = o->header || format != formats ? &o->about : NULL;
	if (!add_columns(m, o, &error))
		status = complain("%s", error->message);
	else if (!matrix_run(m, o->overrides, format->traces, o->jobs))
		status = EXIT_UNUSABLE;
	else
		format->write(m, stdout);
	if (status == EXIT_OK && matrix_count(m, DIGEST_STOPPED) > 0)
		status = EXIT_STOPPED;
	matrix_free(m);
	return status;
}

/* Objects of all commits, in place of --releases. What cannot be built the script has told. */
static bool build_commits(struct compare_args *o, GError **error)
{
	g_autofree char *script = engine_script("git-kernel.sh"), *out = NULL;
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
	char *argv[] = { (char *)"bash", script, self, (char *)"objects", o->git, o->refs,
			 o->configured, NULL };
	g_autoptr(GString) list = g_string_new(NULL);
	g_auto(GStrv) lines = NULL;
	int status;

	if (!g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, NULL, &status,
			  error) || !g_spawn_check_wait_status(status, NULL))
		return false;
	o->names = g_ptr_array_new_with_free_func(g_free);
	lines = g_strsplit(g_strchomp(out), "\n", -1);
	for (guint i = 0; lines[i] != NULL; i++) {
		g_auto(GStrv) words = g_strsplit(lines[i], "\t", 2);

		g_ptr_array_add(o->names, g_strdup(words[0]));
		g_string_append_printf(list, "%s%s", i > 0 ? "," : "", words[1]);
	}
	o->releases = g_strdup(list->str);
	return true;
}

static int load_and_compare(struct compare_args *o, int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) scenarios = NULL;
	const struct format *format = formats;
	const char *wrong;

	if (!parse_options(o, argc, argv, &error))
		return complain("%s", error->message);
	while (o->format != NULL && !g_str_equal(format->name, o->format))
		if (++format == formats + G_N_ELEMENTS(formats))
			return complain("unknown --format, expected text, markdown, json or html");
	wrong = parse_colour(o->colour, &o->in_colour);
	if (wrong != NULL)
		return complain("%s", wrong);
	if (o->differ && format->all_rows)
		return complain("--differ with --format=%s, expected text or markdown",
				format->name);
	if ((o->git != NULL) != (o->refs != NULL))
		return complain("expected --git and --refs together");
	if (o->git != NULL && (o->releases != NULL || o->policies != NULL))
		return complain("--git and --kernels, --releases or --policies, expected one");
	if (o->git != NULL && !build_commits(o, &error))
		return error != NULL ? complain("%s", error->message) : EXIT_UNUSABLE;
	if (o->jobs < 1 || o->jobs > MAX_JOBS)
		return complain("--jobs out of range, expected 1 to %u", MAX_JOBS);
	scenarios = load_some(o->files, o->only, NULL);
	if (scenarios == NULL)
		return EXIT_UNUSABLE;
	header_init(&o->about, o->files, scenarios);
	return finish_output(compare(o, format, scenarios));
}

int compare_main(int argc, char **argv)
{
	struct compare_args o = { .overrides = overrides_new(), .jobs = 1 };
	int status = load_and_compare(&o, argc, argv);

	overrides_free(o.overrides);
	g_free(o.policies);
	g_free(o.releases);
	g_free(o.git);
	g_free(o.refs);
	g_free(o.configured);
	g_clear_pointer(&o.names, g_ptr_array_unref);
	g_free(o.format);
	g_free(o.colour);
	g_free(o.about.command);
	g_strfreev(o.only);
	g_strfreev(o.files);
	return status;
}
