/* SPDX-License-Identifier: GPL-2.0-only */
/* luosim explore: search for sequences of operations that break an invariant. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/cmd-world.h"
#include "explore/edges.h"
#include "explore/graph.h"
#include "explore/report.h"
#include "vm/ask.h"

#define DEFAULT_AUDIT	100
#define DEFAULT_EVERY	10	/* minutes */
#define MAX_EVERY	100000

struct explore_args {
	struct world_options w;
	GPtrArray *subjects;		/* of struct subject; NULL for one search */
	gboolean through, reduced, guided, estimate;
	gint64 audit;
	double every;			/* minutes */
	struct net *net;		/* with which it searches, or NULL */
	char *policies, *releases, *confirm, *graph, *fold, *checkpoint, *resume;
};

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

static bool parse_options(struct explore_args *o, int argc, char **argv, GError **error)
{
	const GOptionEntry own[] = {
		{ "through", 0, 0, G_OPTION_ARG_NONE, &o->through,
		  "Continue after a violation", NULL },
		{ "guided", 0, 0, G_OPTION_ARG_NONE, &o->guided,
		  "With --random: continue sequences that ran new code", NULL },
		{ "reduced", 0, 0, G_OPTION_ARG_NONE, &o->reduced,
		  "Only what the reduced machine of docs/explore.md has", NULL },
		{ "policies", 0, 0, G_OPTION_ARG_STRING, &o->policies,
		  "One search for each policy; '+' joins words of one", "all|P[,P2...]" },
		{ "releases", 0, 0, G_OPTION_ARG_STRING, &o->releases,
		  "One search for each release", "all|R[,R2...]" },
		{ "audit", 0, G_OPTION_FLAG_OPTIONAL_ARG, G_OPTION_ARG_CALLBACK, set_audit,
		  "Compare every N-th state that is met again (100) with the one stored", "N" },
		{ "confirm", 0, 0, G_OPTION_ARG_FILENAME, &o->confirm,
		  "Run what was found on that kernel, as luosim vm does", "BZIMAGE" },
		{ "checkpoint", 0, 0, G_OPTION_ARG_FILENAME, &o->checkpoint,
		  "Write the search down there, so that another one goes on with it", "DIR" },
		{ "checkpoint-every", 0, 0, G_OPTION_ARG_DOUBLE, &o->every,
		  "Within a level at intervals of MIN minutes (10)", "MIN" },
		{ "resume", 0, 0, G_OPTION_ARG_FILENAME, &o->resume,
		  "Go on with a search that --checkpoint has written down", "DIR" },
		{ "estimate", 0, 0, G_OPTION_ARG_NONE, &o->estimate,
		  "Only say how many states there are, and how long a search takes", NULL },
		{ "graph", 0, 0, G_OPTION_ARG_FILENAME, &o->graph,
		  "Write the states and what leads from one to another as DOT", "FILE" },
		{ "fold", 0, 0, G_OPTION_ARG_STRING, &o->fold,
		  "In the graph, states with the same objects of that kind are one", "KIND" },
		{ 0 },
	};
	bool ok;

	if (o->net != NULL)
		o->w.usual_jobs = 1;
	ok = world_options_parse(&o->w, own, "[FILE]",
		"Try every sequence of operations in a small world, shortest first, and say which\n"
		"of them break what must hold. See docs/explore.md.", argc, argv, error);
	o->audit = audit_given;
	/* Which states are compared must not depend on which thread is faster. */
	if (o->audit > 0 || o->graph != NULL)
		o->w.usual_jobs = 1;
	return ok;
}

/* ---- Searches ---- */

static char *confirm(void *kernel, const char *text)
{
	struct vm vm = VM_DEFAULT;

	vm.kernel = kernel;
	vm.guest = guest_program();
	return ask_confirmed(&vm, text);
}

static int fold_of(const struct explore_args *o)
{
	return o->fold != NULL ? state_kind_find(o->fold) : -1;
}

/* Of several searches those that had not begun are not there. */
static bool is_to_go_on(const struct explore_args *o, const char *path)
{
	return o->resume != NULL &&
	       (o->subjects == NULL || g_file_test(path, G_FILE_TEST_EXISTS));
}

/* Of several processes one reports what they found. */
static bool is_first(const struct explore_args *o)
{
	return o->net == NULL || o->net->rank == 0;
}

static struct explore_result *explore_world(const struct explore_args *o,
					    struct explore_options *options,
					    struct explore_report *report, GError **error)
{
	const char *folder = o->checkpoint != NULL ? o->checkpoint : o->resume;
	g_autofree char *what = NULL, *from = NULL, *to = NULL;
	void (*found)(void *data, const struct finding *f) =
		o->estimate || !is_first(o) ? NULL : explore_report_found;

	if (o->w.random)
		return explore_random(report->world, options, o->w.seed, o->w.runs, found, report);
	if (folder != NULL) {
		what = explore_report_what(report, options);
		to = explore_report_path(report, folder);
		from = explore_report_path(report, o->resume != NULL ? o->resume : folder);
		options->what = what;
		options->checkpoint = to;
		options->every = o->every * 60 * G_USEC_PER_SEC;
		options->resume = is_to_go_on(o, from) ? from : NULL;
	}
	return explore(report->world, options, found, report, error);
}

/* All ranks plan it, or none does. */
static bool plan(const struct explore_args *o, struct world *world,
		 const struct overrides *overrides, GError **error)
{
	bool ok = world_plan(world, overrides, error);

	if (o->net == NULL || net_max(o->net, !ok) == 0)
		return ok;
	if (ok)
		g_set_error_literal(error, SCN_ERROR, 0, "another rank cannot begin what this "
				    "one can, expected the same files and as much memory");
	return false;
}

/* Why there was no search, said by one of several processes. */
static int unusable(const struct explore_args *o, const GError *error)
{
	return is_first(o) ? complain("%s", error != NULL ? error->message :
					    "not enough memory to search") : EXIT_UNUSABLE;
}

/* One search; the exit status for it alone. */
static int search(const struct explore_args *o, const struct overrides *overrides,
		  const char *subject,
		  struct progress *progress)
{
	struct explore_options options = world_options_search(&o->w, progress);
	struct world world = o->w.world;
	struct explore_report report = {
		.subject = subject, .world = &world, .overrides = overrides, .out = o->w.out,
		.json = g_strcmp0(o->w.format, "json") == 0, .header = &o->w.about,
		.confirm = o->confirm != NULL ? confirm : NULL, .confirmer = o->confirm,
	};
	g_autoptr(GError) error = NULL;
	struct explore_result *r;
	int status;

	options.through = o->through || o->reduced;
	options.prune = options.prune && !o->reduced;
	options.audit = o->audit;
	options.net = o->net;
	options.edges = o->guided ? edges_new(overrides_tree(overrides)->tree) : NULL;
	options.estimate = o->estimate;
	options.graph = o->graph != NULL ? graph_new(&world, fold_of(o)) : NULL;
	if (!plan(o, &world, overrides, &error)) {
		world_clear(&world);
		graph_free(options.graph);
		return unusable(o, error);
	}
	options.jobs = report.jobs = world_jobs(&world, options.jobs);
	if (o->estimate)
		options.jobs = 1;
	r = explore_world(o, &options, &report, &error);
	if (r == NULL) {
		world_clear(&world);
		graph_free(options.graph);
		return unusable(o, error);
	}
	edges_free(options.edges);
	if (o->estimate)
		explore_report_size(&report, r);
	else
		explore_report_print(&report, r);
	status = o->estimate ? EXIT_OK :
		 r->difference != NULL ? EXIT_UNEQUAL :
		 r->findings->len > 0 ? EXIT_FAILED : r->stopped != NULL ? EXIT_STOPPED : EXIT_OK;
	if (report.error != NULL)
		status = complain("%s", report.error->message);
	if (r->error != NULL)
		status = complain("%s", r->error->message);
	g_clear_error(&report.error);
	if (options.graph != NULL && !graph_write(options.graph, o->graph, &error))
		status = complain("%s", error->message);
	graph_free(options.graph);
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

static int search_each(const struct explore_args *o, struct progress *progress)
{
	int status = EXIT_OK;

	for (guint i = 0; i < o->subjects->len && !progress_stopped(progress); i++) {
		const struct subject *subject = o->subjects->pdata[i];

		status = worse(status, search(o, subject->overrides, subject->name, progress));
	}
	return status;
}

static int explore_all(const struct explore_args *o)
{
	struct progress *progress = progress_new("states");
	int status;

	if (o->subjects != NULL)
		status = search_each(o, progress);
	else
		status = search(o, o->w.overrides, world_options_subject(&o->w), progress);
	progress_free(progress);
	return status;
}

static const char *check_guided(const struct explore_args *o)
{
	const struct release *tree = overrides_tree(o->w.overrides);
	size_t nr = 0;

	if (!o->w.random)
		return "--guided without --random, expected both";
	if (tree != NULL)
		luosim_tree_counters(tree->tree, &nr);
	return nr == 0 || o->subjects != NULL ?
		"--guided, expected one search with --kernel and what luosim build-kernel "
		"--coverage has made" : NULL;
}

/* What options cannot say by themselves; NULL when all is well. */
static const char *check_options(const struct explore_args *o)
{
	const struct world *world = &o->w.world;

	if (o->reduced && world->opens > 2)
		return "--reduced with more than two open files, expected --opens 1 or 2";
	if (o->reduced && (world->words.nr_others > 0 || world->damage > 0 || world->faults > 0))
		return "--reduced with --handlers, --damage or --faults, expected none of them";
	if (o->reduced && (world->inodes == 0 || world->scn != NULL))
		return "--reduced without memfds or after a scenario's steps, expected --inodes "
		       "1 or more and no --from";
	if (o->audit > 0 && o->w.random)
		return "--audit with --random, expected one of them";
	if (o->audit > 0 && o->w.jobs > 1)
		return "--audit with several --jobs, expected --jobs 1";
	if (o->estimate && (o->w.random || o->audit > 0 || o->graph != NULL))
		return "--estimate with --random, --audit or --graph, expected it alone";
	if ((o->checkpoint != NULL || o->resume != NULL) &&
	    (o->w.random || o->audit > 0 || o->graph != NULL || o->estimate))
		return "--checkpoint or --resume with --random, --audit, --graph or --estimate, "
		       "expected none of them";
	if (o->net != NULL && (o->audit > 0 || o->graph != NULL || o->estimate || o->guided ||
			       o->w.jobs > 1))
		return "--audit, --graph, --estimate, --guided or several --jobs under mpirun, "
		       "expected one process";
	if (!(o->every > 0 && o->every <= MAX_EVERY))
		return "--checkpoint-every out of range, expected up to 100000 minutes";
	if ((o->checkpoint != NULL && !g_file_test(o->checkpoint, G_FILE_TEST_IS_DIR)) ||
	    (o->resume != NULL && !g_file_test(o->resume, G_FILE_TEST_IS_DIR)))
		return "--checkpoint or --resume, expected a directory that exists";
	if (o->fold != NULL && (o->graph == NULL || fold_of(o) < 0))
		return "--fold expected with --graph, and a kind such as session, file or inode";
	if (o->graph != NULL && (o->w.random || o->w.jobs > 1 || o->subjects != NULL))
		return "--graph with --random, several --jobs, --policies or --releases, expected "
		       "one search by one thread";
	if (o->reduced && overrides_tree(o->w.overrides) != NULL)
		return "--reduced on a kernel tree, expected a release";
	return o->guided ? check_guided(o) : NULL;
}

static bool can_confirm(const struct explore_args *o, GError **error)
{
	struct vm vm = VM_DEFAULT;

	vm.kernel = o->confirm;
	vm.guest = guest_program();
	return vm_check(&vm, error);
}

static int prepare(struct explore_args *o, int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	const char *wrong;
	int status;

	if (!parse_options(o, argc, argv, &error))
		return complain("%s", error->message);
	if (o->policies != NULL || o->releases != NULL) {
		o->subjects = subjects_parse(o->w.overrides, o->policies, o->releases, &error);
		if (o->subjects == NULL)
			return complain("%s", error->message);
	}
	o->w.world.reduced = o->reduced;
	status = world_options_finish(&o->w, o->subjects);
	if (status != EXIT_OK)
		return status;
	wrong = check_options(o);
	if (wrong != NULL)
		return complain("%s", wrong);
	if (o->confirm != NULL && is_first(o) && !can_confirm(o, &error))
		return complain("%s", error->message);
	return EXIT_OK;
}

/* Another one than rank 0 says nothing that rank 0 says, too. */
static int prepare_quietly(struct explore_args *o, int argc, char **argv)
{
	int out = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int status;

	fflush(stdout);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	status = prepare(o, argc, argv);
	dup2(out, STDERR_FILENO);
	close(out);
	close(null);
	return status;
}

/* If one of several processes cannot begin, none does. */
static int prepare_all(struct explore_args *o, int argc, char **argv)
{
	int status = is_first(o) ? prepare(o, argc, argv) : prepare_quietly(o, argc, argv);
	guint64 worst;

	if (o->net == NULL)
		return status;
	worst = net_max(o->net, status);
	if (is_first(o) && status == EXIT_OK && worst != EXIT_OK)
		complain("another rank cannot read what this one can, expected the same files");
	return worst;
}

static int explore_net(struct explore_args *o, int argc, char **argv)
{
	int status = prepare_all(o, argc, argv);

	if (status == EXIT_OK)
		status = finish_output(explore_all(o));
	/* What was found is the status of rank 0. */
	return is_first(o) || status == EXIT_UNUSABLE ? status : EXIT_OK;
}

int explore_main(int argc, char **argv)
{
	struct explore_args o = { .every = DEFAULT_EVERY };
	g_autoptr(GError) error = NULL;
	int status;

	o.net = net_rank() != NULL ? net_load(&error) : NULL;
	if (error != NULL)
		return complain("%s", error->message);
	world_options_init(&o.w);
	status = explore_net(&o, argc, argv);
	if (o.net != NULL)
		o.net->close(o.net);
	g_clear_pointer(&o.subjects, g_ptr_array_unref);
	g_free(o.policies);
	g_free(o.releases);
	g_free(o.confirm);
	g_free(o.graph);
	g_free(o.fold);
	g_free(o.checkpoint);
	g_free(o.resume);
	world_options_clear(&o.w);
	return status;
}
