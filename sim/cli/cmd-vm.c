/* SPDX-License-Identifier: GPL-2.0-only */
/* luosim vm: scenarios on a real kernel, in virtual machines, compared with the model. */
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/vm-programs.h"
#include "run/in-order.h"
#include "run/overrides.h"
#include "run/progress.h"
#include "vm/ask.h"
#include "vm/config.h"
#include "vm/console.h"
#include "vm/race.h"
#include "vm/share.h"
#include "vm/show.h"

#define MAX_TIMES	100000
#define DEFAULT_TIMES	10

/* What the command line says. */
struct vm_args {
	struct vm vm;
	char *machine, *record, *console, *save_console, *check_config;
	gboolean print_config, print_case, quiet, alone, programs;
	gint jobs, seconds, times;
};

/*
 * What came of one. A race that is run several times is as many of these, one after the
 * other; the last frees what they share.
 */
struct tried {
	char *name;
	struct program *program;	/* NULL: @error says what a kernel cannot be told */
	GError *error;
	struct answer answer;
	const char *behind;		/* the program that ran before it in the machine, or NULL */
	bool left;			/* ... and has left something that makes a difference */
	struct race_count *race;	/* of all times, or NULL */
	bool last;			/* time of a race */
};

struct vm_batch {
	const struct vm_args *o;
	GPtrArray *tried;		/* of struct tried */
	const struct overrides *overrides;
	GString *recordings;
	struct progress *progress;
	guint agreed, differed, skipped, failed;
};

static void tried_free(gpointer ptr)
{
	struct tried *t = ptr;

	g_clear_pointer(&t->program, program_free);
	answer_clear(&t->answer);
	g_clear_error(&t->error);
	if (t->last)
		race_count_free(t->race);
	g_free(t->name);
	g_free(t);
}

/* ---- Running ---- */

/* Did it answer so after another program, too? With a race there is nothing to compare. */
static bool as_the_model(const struct vm_batch *b, struct tried *t)
{
	return ask(&b->o->vm, t->program, b->overrides, &t->answer, &t->error) &&
	       (t->program->tasks > 0 || t->answer.agreement->differences->len == 0);
}

/*
 * What differs from the model after another program is asked again in a machine of its own:
 * the other one may have left something.
 */
static void run_one(void *data, guint i)
{
	struct vm_batch *b = data;
	struct tried *t = b->tried->pdata[i];

	if (t->program == NULL || progress_stopped(b->progress))
		return;
	if (b->o->console == NULL && t->answer.console != NULL && !as_the_model(b, t)) {
		answer_clear(&t->answer);
		g_clear_error(&t->error);
		t->left = true;
	}
	if (t->answer.recording == NULL)
		ask(&b->o->vm, t->program, b->overrides, &t->answer, &t->error);
	if (t->left && t->answer.agreement != NULL && t->answer.agreement->differences->len > 0)
		t->left = false;
}

/* Before that: as many as can be in one machine. */
static void run_shared(const struct vm_batch *b)
{
	g_autoptr(GArray) all = g_array_new(FALSE, TRUE, sizeof(struct shared));

	for (guint i = 0; i < b->tried->len; i++) {
		const struct tried *t = b->tried->pdata[i];
		const struct shared one = { .program = t->program };

		g_array_append_val(all, one);
	}
	share(&b->o->vm, all, b->o->jobs);
	for (guint i = 0; i < b->tried->len; i++) {
		struct tried *t = b->tried->pdata[i];
		const struct shared *one = &g_array_index(all, struct shared, i);

		t->answer.console = one->console;
		t->behind = one->behind;
	}
}

/* How a machine ended that has not done everything; "poweroff" is what the others end with. */
static const char *end_of(const struct recording *rec)
{
	if (g_str_equal(rec->end, "poweroff"))
		return NULL;
	if (g_str_equal(rec->end, "hang"))
		return "the machine did not end in time";
	if (g_str_equal(rec->end, "panic"))
		return "the machine ended with the panic";
	return "the machine ended before the scenario did";
}

static void print_trace(const struct tried *t)
{
	g_autoptr(GString) text = g_string_new(NULL);

	if (t->program->scn == NULL)
		return;
	show(text, t->program, t->answer.recording);
	g_print("%s", text->str);
	if (end_of(t->answer.recording) != NULL)
		g_print("\n%s\n", end_of(t->answer.recording));
	g_print("\n");
}

/* The one that was given: all of it. */
static void print_single(const struct vm_batch *b, const struct tried *t)
{
	const struct recording *rec = t->answer.recording;
	const struct agreement *a = t->answer.agreement;

	if (!b->o->quiet)
		print_trace(t);
	agreement_print(rec, a, "model");
	g_print("kernel %s, model %s: %u of %u operations agree, %u skipped, %u not modelled\n",
		rec->release, rec->row, a->agreed, a->ops, a->skipped, a->not_modelled);
}

static void print_agreement(struct vm_batch *b, const struct tried *t)
{
	const struct recording *rec = t->answer.recording;
	const struct agreement *a = t->answer.agreement;
	bool ended = g_str_equal(rec->end, "poweroff") || g_str_equal(rec->end, "panic");
	bool same = a->differences->len == 0 && ended;

	b->agreed += same;
	b->differed += !same;
	if (b->tried->len == 1) {
		print_single(b, t);
		return;
	}
	g_print("%s %s, kernel %s: %u of %u operations as the model%s%s\n",
		same ? "ok  " : "DIFF", t->name, rec->release, a->agreed, a->ops,
		ended ? "" : "; ", ended ? "" : end_of(rec));
	if (t->left && t->behind != NULL)
		g_print("     not after %s, which leaves something\n", t->behind);
	agreement_print(rec, a, "model");
}

/* One time of a race; the last prints what came of all. */
static void race_done(struct vm_batch *b, struct tried *t)
{
	g_autoptr(GString) out = g_string_new(NULL);
	bool same;

	if (t->answer.recording != NULL &&
	    !race_count_add(t->race, t->program, t->answer.recording))
		g_set_error(&t->error, SCN_ERROR, 0, "what it returned cannot be read");
	if (t->error != NULL && t->error->code == ASK_LACKS) {
		b->skipped += t->last;
		if (t->last)
			g_print("skip %s: %s\n", t->name, t->error->message);
		return;
	}
	b->failed += t->error != NULL || t->answer.recording == NULL;
	if (t->error != NULL || t->answer.recording == NULL)
		g_print("FAIL %s: %s\n", t->name, t->error != NULL ? t->error->message : "stopped");
	if (!t->last)
		return;
	if (race_count_runs(t->race) == 0)
		return;
	same = race_count_print(out, t->race, t->name);
	b->agreed += same;
	b->differed += !same;
	g_print("%s", out->str);
}

static void one_done(void *data, guint i)
{
	struct vm_batch *b = data;
	struct tried *t = b->tried->pdata[i];
	bool single = b->tried->len == 1;

	progress_at(b->progress, i + 1, b->tried->len);
	if (t->race != NULL) {
		race_done(b, t);
	} else if (t->program == NULL) {
		b->skipped++;
		g_print("%s %s\n", single ? "skipped:" : "skip", t->error->message);
	} else if (t->error != NULL && t->error->code == ASK_LACKS) {
		b->skipped++;
		g_print("%s %s: %s\n", single ? "skipped:" : "skip", t->name, t->error->message);
	} else if (t->answer.agreement == NULL) {
		b->failed++;
		g_print("%s %s: %s\n", single ? "failed:" : "FAIL", t->name,
			t->error != NULL ? t->error->message : "stopped");
	} else {
		print_agreement(b, t);
	}
	if (t->answer.line != NULL && t->race == NULL)
		g_string_append_printf(b->recordings, "%s\n", t->answer.line);
}

static void print_totals(const struct vm_batch *b)
{
	guint all = b->agreed + b->differed + b->skipped + b->failed;

	if (all > 1)
		g_print("%u scenarios: %u agree, %u differ, %u skipped, %u failed\n", all,
			b->agreed, b->differed, b->skipped, b->failed);
}

static int status_of(const struct vm_batch *b)
{
	if (b->failed > 0 || b->differed > 0)
		return EXIT_FAILED;
	return b->agreed > 0 ? EXIT_OK : EXIT_SKIPPED;
}

/* ---- What to run ---- */

static struct tried *add_tried(GPtrArray *all, const char *name, struct program *program,
			       GError *error)
{
	struct tried *t = g_new0(struct tried, 1);

	t->name = g_strdup(name);
	t->program = program;
	t->error = error;
	g_ptr_array_add(all, t);
	return t;
}

static bool is_case(const char *path)
{
	return g_str_has_suffix(path, ".case");
}

/* Those of @files that are cases; the scenarios are left in it. */
static bool take_cases(char **files, GPtrArray *all)
{
	guint kept = 0;

	for (guint i = 0; files[i] != NULL; i++) {
		g_autofree char *path = files[i];
		GError *error = NULL;
		struct program *p = NULL;

		if (!is_case(path)) {
			files[kept++] = g_steal_pointer(&path);
			continue;
		}
		p = program_load_case(path, &error);
		if (p == NULL) {
			complain("%s", error->message);
			g_error_free(error);
			while (files[++i] != NULL)
				g_free(files[i]);
			files[kept] = NULL;
			return false;
		}
		add_tried(all, p->name, p, NULL);
	}
	files[kept] = NULL;
	return true;
}

/* A race, @times times. */
static void add_race(GPtrArray *all, const struct scenario *scn, struct program *p, guint times)
{
	struct race_count *race = race_count_new();

	for (guint round = 0; round < times; round++) {
		struct tried *t = add_tried(all, scn->title,
					    round == 0 ? p : program_of(scn, NULL), NULL);

		t->program->round = round;
		t->race = race;
		t->last = round + 1 == times;
	}
}

static void take_scenarios(const struct vm_args *o, const GPtrArray *scenarios, GPtrArray *all)
{
	bool once = o->print_case || o->console != NULL || o->save_console != NULL;

	for (guint i = 0; i < scenarios->len; i++) {
		const struct scenario *scn = scenarios->pdata[i];
		GError *error = NULL;
		struct program *p = program_of(scn, &error);

		if (p != NULL && p->tasks > 0)
			add_race(all, scn, p, once ? 1 : o->times);
		else
			add_tried(all, scn->title, p, error);
	}
}

static int write_files(const struct vm_batch *b)
{
	const struct tried *first = b->tried->pdata[0];
	g_autoptr(GError) error = NULL;

	if (b->o->record != NULL &&
	    !g_file_set_contents(b->o->record, b->recordings->str, -1, &error))
		return complain("%s", error->message);
	if (b->o->save_console != NULL && first->answer.console != NULL &&
	    !g_file_set_contents(b->o->save_console, first->answer.console, -1, &error))
		return complain("%s", error->message);
	return EXIT_OK;
}

static int run_all(const struct vm_args *o, GPtrArray *tried)
{
	struct overrides *overrides = overrides_new();
	struct vm_batch b = {
		.o = o, .tried = tried, .overrides = overrides, .recordings = g_string_new(NULL),
	};
	int status;

	if (o->console == NULL && !o->alone)
		run_shared(&b);
	b.progress = progress_new(tried->len > 1 ? "scenarios" : NULL);
	in_order(o->jobs, tried->len, run_one, one_done, &b);
	print_totals(&b);
	status = write_files(&b);
	if (status == EXIT_OK)
		status = status_of(&b);
	progress_free(b.progress);
	g_string_free(b.recordings, TRUE);
	overrides_free(overrides);
	return finish_output(status);
}

/* What the guest would be told; or why not. */
static int print_cases(const GPtrArray *all)
{
	guint skipped = 0;

	for (guint i = 0; i < all->len; i++) {
		const struct tried *t = all->pdata[i];
		g_autofree char *text = t->program != NULL ? program_case(t->program) : NULL;

		skipped += text == NULL;
		if (text == NULL)
			fprintf(stderr, "%s\n", t->error->message);
		else
			g_print("%s", text);
	}
	return finish_output(skipped < all->len ? EXIT_OK : EXIT_SKIPPED);
}

static int run_files(const struct vm_args *o, char **files)
{
	g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(tried_free);
	g_autoptr(GPtrArray) scenarios = NULL;
	g_autoptr(GError) error = NULL;

	if (!take_cases(files, all))
		return EXIT_UNUSABLE;
	if (files[0] != NULL) {
		scenarios = load_scenarios(files);
		if (scenarios == NULL)
			return EXIT_UNUSABLE;
		take_scenarios(o, scenarios, all);
	}
	if (o->print_case)
		return print_cases(all);
	if (all->len != 1 && (o->console != NULL || o->save_console != NULL))
		return complain("%u scenarios, expected one with --console or --save-console",
				all->len);
	if (o->console != NULL) {
		struct tried *t = all->pdata[0];

		if (!g_file_get_contents(o->console, &t->answer.console, NULL, &error))
			return complain("%s", error->message);
	}
	if (o->console == NULL && !vm_check(&o->vm, &error))
		return complain("%s", error->message);
	return run_all(o, all);
}

/* ---- Configuration ---- */

#define MAX_CONFIG_BYTES	(16u << 20)

static int print_config(void)
{
	g_autoptr(GString) text = g_string_new(NULL);

	config_print(text);
	g_print("%s", text->str);
	return finish_output(EXIT_OK);
}

static int check_config(const char *path)
{
	g_autoptr(GString) lacks = g_string_new(NULL), text = NULL;
	g_autoptr(GError) error = NULL;
	bool ok;

	text = read_text(path, MAX_CONFIG_BYTES, &error);
	if (text == NULL)
		return complain("%s", error->message);
	if (strstr(text->str, "CONFIG_") == NULL)
		return complain("%s: no option, expected a kernel's .config", path);
	ok = config_check(text->str, lacks);
	g_print("%s", lacks->str);
	return finish_output(ok ? EXIT_OK : EXIT_FAILED);
}

/* ---- The command line ---- */

static const char *bad_options(const struct vm_args *o)
{
	if (o->vm.kernel == NULL && o->console == NULL && !o->print_case)
		return "no kernel, expected --kernel bzImage";
	if (o->seconds < 1)
		return "--timeout, expected seconds";
	if (o->times < 1 || o->times > MAX_TIMES)
		return "--times, expected a number up to 100000";
	if (o->jobs < 1 || o->jobs > MAX_JOBS)
		return "-j, expected a number of machines up to 64";
	if (o->vm.accel != NULL && !g_str_equal(o->vm.accel, "kvm") &&
	    !g_str_equal(o->vm.accel, "tcg"))
		return "--accel, expected kvm or tcg";
	return NULL;
}

static int vm_options(struct vm_args *o, int argc, char **argv)
{
	g_autoptr(GOptionContext) context = g_option_context_new("FILE...");
	g_autoptr(GError) error = NULL;
	g_auto(GStrv) files = NULL;
	const GOptionEntry entries[] = {
		{ "kernel", 0, 0, G_OPTION_ARG_FILENAME, &o->vm.kernel,
		  "What is booted", "BZIMAGE" },
		{ "quiet", 'q', 0, G_OPTION_ARG_NONE, &o->quiet, "Print no trace", NULL },
		{ "jobs", 'j', 0, G_OPTION_ARG_INT, &o->jobs, "Machines at the same time", "N" },
		{ "times", 0, 0, G_OPTION_ARG_INT, &o->times, "How often a race is run (10)", "N" },
		{ "alone", 0, 0, G_OPTION_ARG_NONE, &o->alone,
		  "Give each scenario a machine of its own", NULL },
		{ "timeout", 0, 0, G_OPTION_ARG_INT, &o->seconds,
		  "End a machine after so long (60)", "SECONDS" },
		{ "accel", 0, 0, G_OPTION_ARG_STRING, &o->vm.accel,
		  "kvm or tcg; the first that works", "HOW" },
		{ "machine", 0, 0, G_OPTION_ARG_STRING, &o->machine,
		  "As QEMU calls it: pc (microvm)", "NAME" },
		{ "append", 0, 0, G_OPTION_ARG_STRING, &o->vm.append,
		  "More boot arguments", "ARGS" },
		{ "record", 0, 0, G_OPTION_ARG_FILENAME, &o->record,
		  "Write recordings, see luosim-recording(5)", "FILE" },
		{ "save-console", 0, 0, G_OPTION_ARG_FILENAME, &o->save_console,
		  "Write what was on the serial console", "FILE" },
		{ "console", 0, 0, G_OPTION_ARG_FILENAME, &o->console,
		  "Read that instead of booting", "FILE" },
		{ "programs", 0, 0, G_OPTION_ARG_NONE, &o->programs,
		  "The files are static programs that luosim emit --c has written", NULL },
		{ "print-case", 0, 0, G_OPTION_ARG_NONE, &o->print_case,
		  "Print the operations that the kernel would be told", NULL },
		{ "print-config", 0, 0, G_OPTION_ARG_NONE, &o->print_config,
		  "Print what the kernel must be configured with", NULL },
		{ "check-config", 0, 0, G_OPTION_ARG_FILENAME, &o->check_config,
		  "Print what a kernel's .config lacks of it", "FILE" },
		{ 0 },
	};
	const char *bad;

	g_option_context_add_main_entries(context, entries, NULL);
	g_option_context_set_summary(context,
		"Run scenarios on a real kernel in a virtual machine, and hold the model to it.");
	if (!g_option_context_parse(context, &argc, &argv, &error))
		return complain("%s", error->message);
	if (o->print_config)
		return print_config();
	if (o->check_config != NULL)
		return check_config(o->check_config);
	bad = bad_options(o);
	if (bad != NULL)
		return complain("%s", bad);
	if (argc < 2)
		return complain("no file given, expected luosim vm --kernel bzImage FILE...");
	o->vm.seconds = o->seconds;
	if (o->machine != NULL)
		o->vm.machine = o->machine;
	files = g_strdupv(argv + 1);
	return o->programs ? run_programs(&o->vm, files, o->jobs) : run_files(o, files);
}

int vm_main(int argc, char **argv)
{
	struct vm_args o = {
		.vm = VM_DEFAULT, .jobs = 1, .times = DEFAULT_TIMES,
		.seconds = VM_DEFAULT.seconds,
	};
	int status;

	o.vm.guest = guest_program();
	status = vm_options(&o, argc, argv);
	g_free((char *)o.vm.kernel);
	g_free((char *)o.vm.accel);
	g_free((char *)o.vm.append);
	g_free(o.machine);
	g_free(o.record);
	g_free(o.console);
	g_free(o.save_console);
	g_free(o.check_config);
	return status;
}
