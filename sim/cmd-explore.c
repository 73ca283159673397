/* SPDX-License-Identifier: GPL-2.0-only */
/* luosim explore: search for sequences of operations that break an invariant. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "explore.h"
#include "json.h"
#include "lex.h"
#include "overrides.h"

#define DEFAULT_OPS	"create_session,retrieve_session,close_session,preserve_fd," \
			"retrieve_fd,finish,kexec,reboot,close"

#define REDUCED_OPS	"create_session,retrieve_session,close_session,preserve_fd," \
			"retrieve_fd,finish,kexec"

struct options {
	struct overrides *overrides;
	struct world world;
	gint sessions, inodes, opens, tokens, kernels, faults, depth, jobs;
	gint64 seconds;
	gboolean no_symmetry, no_prune, through, reduced;
	char *ops, *memory, *policies, *releases, *out, *format;
	char **files;
};

static bool parse_options(struct options *o, int argc, char **argv, GError **error)
{
	const GOptionEntry entries[] = {
		{ "sessions", 0, 0, G_OPTION_ARG_INT, &o->sessions, "Names of sessions (2)", "N" },
		{ "inodes", 0, 0, G_OPTION_ARG_INT, &o->inodes, "Memfds (2)", "N" },
		{ "opens", 0, 0, G_OPTION_ARG_INT, &o->opens, "Open files of each (1)", "N" },
		{ "tokens", 0, 0, G_OPTION_ARG_INT, &o->tokens, "Tokens of a session (2)", "N" },
		{ "kernels", 0, 0, G_OPTION_ARG_INT, &o->kernels,
		  "Kernels, one after the other (2)", "N" },
		{ "faults", 0, 0, G_OPTION_ARG_INT, &o->faults,
		  "Allocations that may fail on one path (0)", "N" },
		{ "ops", 0, 0, G_OPTION_ARG_STRING, &o->ops, "Operations", "OP[,OP...]" },
		{ "depth", 0, 0, G_OPTION_ARG_INT, &o->depth, "Operations on a path", "N" },
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
		  "One search for each policy; '+' joins words of one", "P[,P2...]" },
		{ "releases", 0, 0, G_OPTION_ARG_STRING, &o->releases,
		  "One search for each release", "R[,R2...]" },
		{ "out", 0, 0, G_OPTION_ARG_FILENAME, &o->out,
		  "Write each finding there, as a scenario", "DIR" },
		{ "format", 0, 0, G_OPTION_ARG_STRING, &o->format, "text or json", "FORMAT" },
		{ G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &o->files, NULL, NULL },
		{ 0 },
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	GOptionGroup *group = overrides_group(o->overrides);

	g_option_group_add_entries(group, entries);
	g_option_context_set_main_group(context, group);
	g_option_context_set_summary(context,
		"Try every sequence of operations in a small world, shortest first, and say which\n"
		"of them break what must hold. See docs/explore.md.");
	return g_option_context_parse(context, &argc, &argv, error);
}

/* ---- What was asked for ---- */

static bool in_range(const char *option, gint n, gint max, GError **error)
{
	if (n >= 1 && n <= max)
		return true;
	g_set_error(error, SCN_ERROR, 0, "--%s %d out of range, expected 1 to %d", option, n, max);
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

	if (!in_range("sessions", o->sessions, MAX_SESSIONS, error) ||
	    !in_range("inodes", o->inodes, MAX_INODES, error) ||
	    !in_range("opens", o->opens, MAX_OPENS, error) ||
	    !in_range("tokens", o->tokens, MAX_TOKENS, error) ||
	    !in_range("kernels", o->kernels, MAX_KERNELS, error) ||
	    !in_range("faults", o->faults + 1, MAX_WORLD_FAULTS + 1, error) ||
	    !in_range("depth", o->depth, MAX_SEARCH_DEPTH, error) ||
	    !in_range("jobs", o->jobs, MAX_JOBS, error))
		return false;
	w->sessions = o->sessions;
	w->inodes = o->inodes;
	w->opens = o->opens;
	w->tokens = o->tokens;
	w->kernels = o->kernels;
	w->faults = o->faults;
	w->reduced = o->reduced;
	if (w->reduced)
		return world_set_ops(w, REDUCED_OPS, error);
	return world_set_ops(w, o->ops != NULL ? o->ops : DEFAULT_OPS, error);
}

/* ---- What came of it ---- */

/* "none-1-double-restore.scn" in --out, which it returns; or NULL. */
static char *write_scenario(const struct options *o, const struct overrides *overrides,
			    const struct world *world, const struct finding *f,
			    const char *subject, guint nr, GError **error)
{
	g_autofree char *name = g_strdup_printf("%s-%u-%s", subject, nr,
						violation_name(f->kind));
	g_autofree char *text = NULL, *file = NULL, *path = NULL;

	if (o->out == NULL)
		return NULL;
	g_strdelimit(name, ",=/", '-');
	text = finding_scenario(f, world, overrides, name);
	file = g_strconcat(name, ".scn", NULL);
	path = g_build_filename(o->out, file, NULL);
	return g_file_set_contents(path, text, -1, error) ? g_steal_pointer(&path) : NULL;
}

static void print_finding(const struct finding *f, const struct world *world, const char *path)
{
	g_autoptr(GString) ops = g_string_new(NULL);

	finding_summary(ops, f, world);
	printf("  %s%s%s, %u operations, %" G_GUINT64_FORMAT " times: %s\n    %s\n",
	       violation_name(f->kind), f->func != NULL ? " in " : "",
	       f->func != NULL ? f->func : "", f->path->len, f->count, f->text, ops->str);
	if (path != NULL)
		printf("    %s\n", path);
}

static void print_head(const struct explore_result *r, const char *subject)
{
	double rate = r->cpu > 0 ? r->transitions / r->cpu : 0;

	printf("%s: %" G_GUINT64_FORMAT " states, %" G_GUINT64_FORMAT " transitions, depth %u, "
	       "%.2f s", subject, r->states, r->transitions, r->depth, r->seconds);
	printf(" (%.0f transitions a CPU second, %.1f bytes a state)\n  %s, %u findings\n", rate,
	       r->bytes / (double)r->states,
	       r->stopped == NULL ? "all seen" : "not all seen", r->findings->len);
	if (r->stopped != NULL)
		printf("  stopped by the bound on %s\n", r->stopped);
}

static int search(const struct options *o, const struct overrides *overrides, const char *subject,
		  struct progress *progress)
{
	const struct explore_options options = {
		.depth = o->depth, .seconds = o->seconds, .memory = o->world.mem, .jobs = o->jobs,
		.symmetry = !o->no_symmetry, .prune = !o->no_prune && !o->reduced, .through = o->through || o->reduced,
		.progress = progress,
	};
	struct world world = o->world;
	struct explore_result *r;
	int status = EXIT_OK;

	world_plan(&world, overrides);
	r = explore(&world, &options, NULL, NULL);
	if (r == NULL)
		return complain("not enough memory for a machine");
	print_head(r, subject);
	for (guint i = 0; i < r->findings->len; i++) {
		const struct finding *f = r->findings->pdata[i];
		g_autoptr(GError) error = NULL;
		g_autofree char *path = write_scenario(o, overrides, &world, f, subject, i + 1,
						       &error);

		if (error != NULL)
			status = complain("%s", error->message);
		print_finding(f, &world, path);
	}
	fflush(stdout);
	if (status == EXIT_OK)
		status = r->findings->len > 0 ? EXIT_FAILED :
			 r->stopped != NULL ? EXIT_STOPPED : EXIT_OK;
	explore_result_free(r);
	world_clear(&world);
	return status;
}

static int explore_all(struct options *o, GError **error)
{
	struct progress *progress = progress_new("states");
	int status = search(o, o->overrides, "world", progress);

	(void)error;
	progress_free(progress);
	return status;
}

static int parse_and_explore(struct options *o, int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	int status;

	if (!parse_options(o, argc, argv, &error) || !make_world(o, &error) ||
	    !parse_memory(o->memory != NULL ? o->memory : "1G", &o->world.mem, &error))
		return complain("%s", error->message);
	status = explore_all(o, &error);
	return error != NULL ? complain("%s", error->message) : finish_output(status);
}

int explore_main(int argc, char **argv)
{
	struct options o = {
		.overrides = overrides_new(), .sessions = 2, .inodes = 2, .opens = 1, .tokens = 2,
		.kernels = 2, .depth = MAX_SEARCH_DEPTH, .jobs = 1,
	};
	int status = parse_and_explore(&o, argc, argv);

	overrides_free(o.overrides);
	g_free(o.ops);
	g_free(o.memory);
	g_free(o.policies);
	g_free(o.releases);
	g_free(o.out);
	g_free(o.format);
	g_strfreev(o.files);
	return status;
}
