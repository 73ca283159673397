/* SPDX-License-Identifier: GPL-2.0-only */
/* The options of the commands that search worlds. */
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/cmd-world.h"
#include "scn/handler.h"
#include "scn/lex.h"
#include "scn/setting.h"
#include "scn/tree.h"

#define NOT_GIVEN	G_MININT
#define MAX_OWN		16	/* options of a command */

#define DEFAULT_OPS	"create_session,retrieve_session,close_session,preserve_fd," \
			"retrieve_fd,finish,kexec,reboot,close"

#define KHO_OPS		"kho_preserve_folio,kho_unpreserve_folio,kho_restore_folio,folio_put," \
			"kho_preserve_vmalloc,kho_unpreserve_vmalloc,kho_restore_vmalloc,vfree," \
			"kho_add_subtree,kho_remove_subtree,kho_retrieve_subtree,kexec"

#define PROCESS_OPS	",send_fd,exit"

#define REDUCED_OPS	"create_session,retrieve_session,close_session,preserve_fd," \
			"retrieve_fd,finish,kexec"

/* ---- The command line ---- */

/* An option for each number of a world. */
static void add_numbers(GOptionEntry *entries, struct world_options *o)
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

bool world_options_parse(struct world_options *o, const GOptionEntry *own, const char *files,
			 const char *summary, int argc, char **argv, GError **error)
{
	const GOptionEntry others[] = {
		{ "handlers", 0, 0, G_OPTION_ARG_STRING, &o->handlers,
		  "Files in addition to memfds, by their handlers", "H[,H...]" },
		{ "from", 0, 0, G_OPTION_ARG_INT, &o->from,
		  "Begin after the scenario's steps before that line (all of them)", "LINE" },
		{ "ops", 0, 0, G_OPTION_ARG_STRING, &o->ops, "Operations", "OP[,OP...]" },
		{ "random", 0, 0, G_OPTION_ARG_NONE, &o->random,
		  "Random sequences instead of all", NULL },
		{ "seed", 0, 0, G_OPTION_ARG_INT64, &o->seed, "Seed of --random (1)", "N" },
		{ "runs", 0, 0, G_OPTION_ARG_INT64, &o->runs,
		  "Sequences of --random (10000)", "N" },
		{ "time", 0, 0, G_OPTION_ARG_INT64, &o->seconds, "Stop after N seconds", "N" },
		{ "memory", 0, 0, G_OPTION_ARG_STRING, &o->memory,
		  "Memory for states (1G)", "SIZE" },
		{ "jobs", 'j', 0, G_OPTION_ARG_INT, &o->jobs, "Threads (all processors)", "N" },
		{ "no-symmetry", 0, 0, G_OPTION_ARG_NONE, &o->no_symmetry,
		  "Do not merge states that differ only in names", NULL },
		{ "no-prune", 0, 0, G_OPTION_ARG_NONE, &o->no_prune,
		  "Also try operations that are symmetric to earlier ones", NULL },
		{ "out", 0, 0, G_OPTION_ARG_FILENAME, &o->out,
		  "Write each finding there, as a scenario", "DIR" },
		{ "format", 0, 0, G_OPTION_ARG_STRING, &o->format, "text or json", "FORMAT" },
		{ G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &o->files, NULL, NULL },
		{ 0 },
	};
	GOptionEntry entries[NR_WORLD_NUMBERS + MAX_OWN + G_N_ELEMENTS(others)];
	guint nr = 0;

	add_numbers(entries, o);
	for (; own[nr].long_name != NULL && nr < MAX_OWN; nr++)
		entries[NR_WORLD_NUMBERS + nr] = own[nr];
	memcpy(entries + NR_WORLD_NUMBERS + nr, others, sizeof(others));
	return overrides_parse(o->overrides, entries, files, summary, NULL, argc, argv, error);
}

/* ---- What was asked for ---- */

/* A world that begins with a scenario's steps has files from them, and one kernel more. */
static guint usual_number(const struct world_options *o, enum world_number which)
{
	guint kernel = 1;

	for (guint i = 0; o->scn != NULL && i < o->scn->steps->len; i++) {
		const struct step *step = &g_array_index(o->scn->steps, struct step, i);

		if (step->kind == STEP_KERNEL && step->line < o->world.from)
			kernel = step->kernel.number;
	}
	if (o->scn != NULL && which == WORLD_INODES)
		return 0;
	if (o->scn != NULL && which == WORLD_KERNELS)
		return MIN(kernel + 1, MAX_KERNELS);
	return world_number(which)->usual;
}

/* Where neither the command line nor the scenario says anything else. */
static void fill_in(struct world_options *o, const struct world_block *block)
{
	for (guint i = 0; i < NR_WORLD_NUMBERS; i++)
		if (o->numbers[i] == NOT_GIVEN)
			o->numbers[i] = block->given & 1u << i ? block->numbers[i] :
								 usual_number(o, i);
	if (o->ops == NULL)
		o->ops = g_strdup(block->ops != NULL ? block->ops :
				  o->numbers[WORLD_MEMORIES] > 0 ? KHO_OPS :
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

/* Where each number is in struct world. */
static const gsize offsets[NR_WORLD_NUMBERS] = {
	[WORLD_SESSIONS] = offsetof(struct world, sessions),
	[WORLD_INODES] = offsetof(struct world, inodes),
	[WORLD_OPENS] = offsetof(struct world, opens),
	[WORLD_TOKENS] = offsetof(struct world, tokens),
	[WORLD_MEMORIES] = offsetof(struct world, memories),
	[WORLD_KERNELS] = offsetof(struct world, kernels),
	[WORLD_FAULTS] = offsetof(struct world, faults),
	[WORLD_DAMAGE] = offsetof(struct world, damage),
	[WORLD_PROCESSES] = offsetof(struct world, processes),
	[WORLD_TASKS] = offsetof(struct world, tasks),
	[WORLD_RACES] = offsetof(struct world, races),
	[WORLD_DEPTH] = offsetof(struct world, depth),
};

static bool make_world(struct world_options *o, GError **error)
{
	struct world *w = &o->world;

	for (guint i = 0; i < NR_WORLD_NUMBERS; i++) {
		const struct world_number_info *info = world_number(i);

		if (!in_range(info->word, o->numbers[i], info->min, info->max, error))
			return false;
		G_STRUCT_MEMBER(guint, w, offsets[i]) = o->numbers[i];
	}
	if ((o->jobs != 0 && !in_range("jobs", o->jobs, 1, MAX_JOBS, error)) ||
	    !in_range("seed", o->seed, 0, G_MAXUINT32, error) ||
	    !in_range("runs", o->runs, 0, G_MAXINT64, error) ||
	    !in_range("time", o->seconds, 0, G_MAXINT32, error))
		return false;
	if (o->handlers != NULL && !world_handlers_parse(&w->words, o->handlers, error))
		return false;
	if (o->scn != NULL && !world_handlers_load(&w->words, error))
		return false;
	if (w->reduced) {
		w->tasks = 1;
		w->processes = 1;
		return world_ops_parse(&w->words, REDUCED_OPS, error);
	}
	return world_ops_parse(&w->words, o->ops, error);
}

/* Of each kernel that has a heading. */
static void add_releases(GPtrArray *releases, const struct scenario *scn)
{
	for (guint i = 0; i < scn->steps->len; i++) {
		const struct step *step = &g_array_index(scn->steps, struct step, i);
		gconstpointer before = releases->len > 0 ? g_ptr_array_index(releases,
							releases->len - 1) : NULL;

		if (step->kind != STEP_KERNEL || (before == NULL && step->kernel.release == NULL))
			continue;
		while (releases->len > 0 && releases->len + 1 < step->kernel.number)
			g_ptr_array_add(releases, (gpointer)before);
		if (step->kernel.release != NULL)
			g_ptr_array_add(releases, (gpointer)step->kernel.release);
	}
}

/* What the command line says comes after what the headings say. */
static void put_below(const struct scenario *scn, struct overrides **o)
{
	const struct kernel_heading *kernel = &g_array_index(scn->steps, struct step, 0).kernel;
	struct overrides *both = overrides_copy(*o);

	g_array_set_size(both->settings, 0);
	settings_append(both->settings, kernel->settings);
	settings_append(both->settings, (*o)->settings);
	if (both->releases->len == 0)
		add_releases(both->releases, scn);
	overrides_free(*o);
	*o = both;
}

/* Is there more than kernels before that line? */
static bool has_steps(const struct scenario *scn, guint from)
{
	for (guint i = 0; i < scn->steps->len; i++) {
		const struct step *step = &g_array_index(scn->steps, struct step, i);

		if (step->kind != STEP_KERNEL && step->line < from)
			return true;
	}
	return false;
}

/* The world of the scenario that is named, and the kernel that it begins with. */
static bool take_scenario(struct world_options *o, const GPtrArray *subjects,
			  struct world_block *block, GError **error)
{
	struct scenario *scn;

	if (o->files == NULL)
		return true;
	scn = load_scenario(o->files[0], error);
	if (scn == NULL)
		return false;
	o->scripts = g_array_ref(scn->handlers);
	*block = scn->explore;
	scn->explore.ops = scn->explore.handlers = NULL;
	put_below(scn, &o->overrides);
	for (guint i = 0; subjects != NULL && i < subjects->len; i++)
		put_below(scn, &((struct subject *)subjects->pdata[i])->overrides);
	o->world.from = o->from > 0 ? (guint)o->from : G_MAXUINT;
	if (has_steps(scn, o->world.from))
		o->world.scn = o->scn = scn;
	if (block->line == 0 && o->from == 0)
		g_set_error(error, SCN_ERROR, 0, "%s: no explore block, expected one, or --from "
			    "the line where a search is to begin", scn->file);
	if (o->scn == NULL)
		scenario_free(scn);
	return block->line != 0 || o->from > 0;
}

/* What options cannot say by themselves; NULL when all is well. */
static const char *check_options(const struct world_options *o)
{
	if (o->files != NULL && o->files[1] != NULL)
		return "several files, expected one scenario or none";
	if (o->from < 0 || (o->from > 0 && o->files == NULL))
		return "--from expected with a scenario, and a line of it";
	if (o->format != NULL && !g_str_equal(o->format, "text") &&
	    !g_str_equal(o->format, "json"))
		return "unknown --format, expected text or json";
	if (o->out != NULL && !g_file_test(o->out, G_FILE_TEST_IS_DIR))
		return "--out is no directory, expected one that exists";
	return NULL;
}

int world_options_finish(struct world_options *o, const GPtrArray *subjects)
{
	g_autoptr(GError) error = NULL;
	struct world_block block = { 0 };
	const char *wrong;

	o->world.out = o->out;
	if (!take_scenario(o, subjects, &block, &error)) {
		fprintf(stderr, "%s\n", error->message);
		return EXIT_UNUSABLE;
	}
	if (o->scripts == NULL) {
		o->scripts = g_array_new(FALSE, FALSE, sizeof(struct handler_script));
		handlers_append_given(o->scripts);
	}
	o->world.words.scripts = o->scripts;
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
	return EXIT_OK;
}

struct explore_options world_options_search(const struct world_options *o,
					    struct progress *progress)
{
	return (struct explore_options){
		.seconds = o->seconds, .memory = o->bytes,
		.jobs = o->jobs != 0 ? o->jobs : o->usual_jobs,
		.symmetry = !o->no_symmetry, .prune = !o->no_prune, .progress = progress,
	};
}

const char *world_options_subject(const struct world_options *o)
{
	const char *policy = overrides_policy_name(o->overrides);
	const GPtrArray *releases = o->overrides->releases;

	if (policy != NULL)
		return policy;
	return releases->len > 0 ? release_label(releases->pdata[0]) : "newest";
}

void world_options_init(struct world_options *o)
{
	*o = (struct world_options){
		.overrides = overrides_new(), .seed = 1, .runs = 10000,
		.usual_jobs = MIN(g_get_num_processors(), MAX_JOBS),
	};
}

void world_options_clear(struct world_options *o)
{
	overrides_free(o->overrides);
	if (o->scripts != NULL)
		g_array_unref(o->scripts);
	g_clear_pointer(&o->scn, scenario_free);
	g_free(o->ops);
	g_free(o->handlers);
	g_free(o->memory);
	g_free(o->out);
	g_free(o->format);
	g_strfreev(o->files);
	g_free(o->about.command);
}
