/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * luosim step: a run, step by step, back and forth. The run is made once and kept, with the
 * state behind each step, so that going anywhere is looking at another one. What changes the
 * run, changes the scenario, or what it runs on, and makes another run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "report/state.h"
#include "report/trace.h"
#include "run/overrides.h"
#include "run/plan.h"

/* States of more steps than fit here are not kept. */
#define MAX_KEPT	(256ull << 20)

/* A step that was taken, or at last the verdict. */
struct moment {
	char *text;			/* as a trace has it */
	guint line, kernel;		/* 0: the verdict */
	bool broken;			/* something broke in it */
	char *changes;			/* a line for each object that it changed */
	struct machine_state state;
};

struct session {
	struct report report;
	struct scenario *scn;
	GString *source;		/* its text, with what was typed in */
	struct overrides *overrides;
	GPtrArray *moments;		/* of struct moment * */
	guint at;			/* so many steps are behind us */
	/* the run that is being kept */
	GString *text;
	struct trace *trace;
	struct state_watch *watch;
	bool begun, broken;
	guint64 kept;
};

static void moment_free(struct moment *moment)
{
	g_free(moment->text);
	g_free(moment->changes);
	machine_state_free(&moment->state);
	g_free(moment);
}

/* ---- Keeping a run ---- */

static void keep_state(struct session *s, struct moment *moment, struct machine *m)
{
	if (s->kept > MAX_KEPT)
		return;
	machine_state_take(m, &moment->state, true);
	s->kept += moment->state.max * sizeof(*moment->state.objects) + moment->state.size;
}

static char *changes_text(const struct state_watch *w)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < w->changes->len; i++) {
		state_print_change(text, w, &g_array_index(w->changes, struct state_change, i));
		g_string_append_c(text, '\n');
	}
	return g_string_free(text, FALSE);
}

static struct moment *keep(struct session *s)
{
	struct moment *moment = g_new0(struct moment, 1);

	moment->text = g_strdup(s->text->str);
	g_string_truncate(s->text, 0);
	moment->broken = s->broken;
	s->broken = false;
	g_ptr_array_add(s->moments, moment);
	return moment;
}

static void keep_step(struct session *s, const struct report_event *e)
{
	struct moment *moment = keep(s);

	state_watch_look(s->watch, e->machine, true);
	moment->line = e->op->line;
	moment->kernel = machine_kernel(e->machine);
	moment->changes = changes_text(s->watch);
	moment->broken = moment->broken || e->differs;
	keep_state(s, moment, e->machine);
}

static void step_event(struct report *report, const struct report_event *e)
{
	struct session *s = (struct session *)report;

	if (e->type == REPORT_OP && !s->begun) {
		state_watch_look(s->watch, e->machine, false);
		s->begun = true;
	}
	trace_event(s->trace, e);
	s->broken = s->broken ||
		    (e->type == REPORT_EVENT && e->event->type == EVENT_VIOLATION);
	if (e->type == REPORT_RESULT)
		keep_step(s, e);
	if (e->type == REPORT_VERDICT)
		keep(s);
}

static void make_run(struct session *s)
{
	bool overridden = s->overrides->releases->len > 0 ||
			  overrides_policy_name(s->overrides) != NULL;

	g_ptr_array_set_size(s->moments, 0);
	g_string_truncate(s->text, 0);
	s->begun = false;
	s->broken = false;
	s->kept = 0;
	s->trace = trace_new(s->text, TRACE_VERBOSE | TRACE_LINES);
	s->watch = state_watch_new();
	run_scenario(s->scn, overridden ? NULL : claimed_run(s->scn), s->overrides, &s->report);
	trace_free(s->trace);
	state_watch_free(s->watch);
	s->at = MIN(s->at, s->moments->len);
}

/* ---- Changing it ---- */

/* Run @source in place of what there is; or say what is wrong with it. */
static bool take_source(struct session *s, GString *source)
{
	g_autoptr(GError) error = NULL;
	struct scenario *scn = scenario_parse(s->scn->file, source->str, source->len, &error);

	if (scn == NULL) {
		printf("%s\n", error->message);
		g_string_free(source, TRUE);
		return false;
	}
	scenario_free(s->scn);
	s->scn = scn;
	g_string_free(s->source, TRUE);
	s->source = source;
	make_run(s);
	return true;
}

static guint line_here(const struct session *s)
{
	return s->at > 0 ? ((struct moment *)s->moments->pdata[s->at - 1])->line : 0;
}

/* Put @text behind the line of the last step; NULL: take that line out. */
static void edit(struct session *s, const char *text)
{
	g_auto(GStrv) lines = g_strsplit(s->source->str, "\n", -1);
	GString *source = g_string_new(NULL);
	guint here = line_here(s);

	if (here == 0) {
		puts("no step was taken yet, expected to be behind one");
		g_string_free(source, TRUE);
		return;
	}
	for (guint i = 0; lines[i] != NULL; i++) {
		if (text != NULL || i + 1 != here)
			g_string_append_printf(source, "%s%s", lines[i],
					       lines[i + 1] != NULL ? "\n" : "");
		if (text != NULL && i + 1 == here)
			g_string_append_printf(source, "  %s\n", text);
	}
	if (!take_source(s, source))
		return;
	if (text == NULL && s->at > 0)
		s->at--;
}

static void what_if(struct session *s, const char *options)
{
	const GOptionEntry none[] = { { 0 } };
	g_autofree char *line = g_strconcat("what-if ", options, NULL);
	struct overrides *overrides = overrides_new();
	g_autoptr(GError) error = NULL;
	g_auto(GStrv) words = NULL;
	g_autofree char **argv = NULL;
	int argc;

	/* Words that are options are taken out of argv. */
	if (g_shell_parse_argv(line, &argc, &words, &error))
		argv = g_memdup2(words, (argc + 1) * sizeof(*words));
	if (argv == NULL || strstr(options, "-h") == options ||
	    strstr(options, "--help") != NULL ||
	    !overrides_parse(overrides, none, "", NULL, NULL, argc, argv, &error)) {
		puts(error != NULL ? error->message : "expected options such as --policy=get-id");
		overrides_free(overrides);
		return;
	}
	overrides_free(s->overrides);
	s->overrides = overrides;
	make_run(s);
}

static void save(const struct session *s, const char *path)
{
	g_autoptr(GError) error = NULL;

	if (*path == '\0')
		puts("expected save FILE");
	else if (!g_file_set_contents(path, s->source->str, s->source->len, &error))
		puts(error->message);
}

/* ---- Looking ---- */

static void show(const struct session *s)
{
	const struct moment *moment;

	if (s->at == 0) {
		puts("before the first step");
		return;
	}
	moment = s->moments->pdata[s->at - 1];
	fputs(moment->text + strspn(moment->text, "\n"), stdout);
}

/* With @kind, those objects; "changes": of the last step; else all. */
static void print_part(const struct session *s, const char *part)
{
	const struct moment *moment = s->at > 0 ? s->moments->pdata[s->at - 1] : NULL;
	int kind = state_kind_find(part);

	if (moment == NULL || moment->changes == NULL) {
		puts("not behind a step");
		return;
	}
	if (g_str_equal(part, "changes")) {
		fputs(moment->changes, stdout);
		return;
	}
	if (*part != '\0' && kind < 0) {
		g_autoptr(GString) kinds = g_string_new("expected changes");

		for (int i = 0; i < NR_STATE_KINDS; i++)
			g_string_append_printf(kinds, ", %s", state_kind_name(i));
		puts(kinds->str);
		return;
	}
	if (moment->state.objects == NULL)
		puts("the states of so many steps are not kept");
	for (guint i = 0; i < moment->state.nr; i++) {
		const struct state_object *o = &moment->state.objects[i];
		g_autoptr(GString) text = g_string_new(NULL);

		if (kind >= 0 && (int)o->kind != kind)
			continue;
		state_print_object(text, &moment->state, o);
		puts(text->str);
	}
}

/* ---- Going ---- */

static bool is_wanted(const struct moment *moment, const char *what)
{
	if (g_str_equal(what, "violation"))
		return moment->broken;
	return moment->changes != NULL && strstr(moment->changes, what) != NULL;
}

static void until(struct session *s, const char *what)
{
	if (g_str_has_prefix(what, "change "))
		what += strlen("change ");
	else if (!g_str_equal(what, "violation")) {
		puts("expected until violation, or until change WORDS");
		return;
	}
	for (guint i = s->at; i < s->moments->len; i++)
		if (is_wanted(s->moments->pdata[i], what)) {
			s->at = i + 1;
			show(s);
			return;
		}
	puts("none in what follows");
}

/* Behind the next step of that line; from the start, if there is none. */
static void go_to(struct session *s, guint line)
{
	for (guint n = 0; n < s->moments->len; n++) {
		guint i = (s->at + n) % s->moments->len;

		if (((struct moment *)s->moments->pdata[i])->line != line)
			continue;
		s->at = i + 1;
		show(s);
		return;
	}
	printf("no step of line %u was taken\n", line);
}

static void go(struct session *s, gint64 steps)
{
	gint64 at = (gint64)s->at + steps;

	if (at < 0 || at > s->moments->len)
		puts(at < 0 ? "that is before the first step" : "that is behind the verdict");
	s->at = CLAMP(at, 0, s->moments->len);
	show(s);
}

static const char help[] =
"next [N], back [N]       go so many steps\n"
"to LINE                  go behind the next step of that line of the scenario\n"
"until violation          go to the next step that breaks something\n"
"until change WORDS       or changes an object so, as \"folio 0x6\" or \"restored\"\n"
"show                     the step again\n"
"print [KIND|changes]     the state behind it: all, folios..., or all that it changed\n"
"do OPERATION             type a step in behind this one; fail..., too\n"
"drop                     take this step out\n"
"what-if [OPTION...]      run it with options of luosim run; without: as it was\n"
"source                   the scenario as it is now\n"
"save FILE                write that to a file\n"
"quit\n";

static gint64 count_of(const char *argument)
{
	return *argument != '\0' ? (gint64)MIN(strtoull(argument, NULL, 10), G_MAXINT) : 1;
}

/* False when it is over. */
static bool obey(struct session *s, const char *command, const char *argument)
{
	if (g_str_equal(command, "quit"))
		return false;
	if (g_str_equal(command, "next"))
		go(s, count_of(argument));
	else if (g_str_equal(command, "back"))
		go(s, -count_of(argument));
	else if (g_str_equal(command, "to"))
		go_to(s, count_of(argument));
	else if (g_str_equal(command, "until"))
		until(s, argument);
	else if (g_str_equal(command, "show"))
		show(s);
	else if (g_str_equal(command, "print"))
		print_part(s, argument);
	else if (g_str_equal(command, "do"))
		edit(s, argument);
	else if (g_str_equal(command, "drop"))
		edit(s, NULL);
	else if (g_str_equal(command, "what-if"))
		what_if(s, argument);
	else if (g_str_equal(command, "source"))
		fputs(s->source->str, stdout);
	else if (g_str_equal(command, "save"))
		save(s, argument);
	else if (g_str_equal(command, "help"))
		fputs(help, stdout);
	else
		printf("unknown command '%s', expected one that help lists\n", command);
	return true;
}

/* Commands from standard input. */
static void prompt(struct session *s)
{
	bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	g_autofree char *line = NULL;
	size_t size = 0;
	bool more = true;

	while (more) {
		char *argument;

		if (terminal) {
			printf("(%u/%u) ", s->at, s->moments->len);
			fflush(stdout);
		}
		if (getline(&line, &size, stdin) < 0)
			break;
		g_strstrip(line);
		argument = line + strcspn(line, " ");
		if (*argument != '\0')
			*argument++ = '\0';
		g_strstrip(argument);
		more = *line == '\0' || *line == '#' || obey(s, line, argument);
	}
}

static int step_file(struct overrides *overrides, const char *file)
{
	g_autoptr(GError) error = NULL;
	struct session s = {
		.report.event = step_event, .overrides = overrides, .text = g_string_new(NULL),
		.moments = g_ptr_array_new_with_free_func((GDestroyNotify)moment_free),
	};

	s.scn = load_scenario(file, &error);
	if (s.scn != NULL) {
		s.source = g_string_new(s.scn->text);
		make_run(&s);
		prompt(&s);
		scenario_free(s.scn);
		g_string_free(s.source, TRUE);
	}
	g_ptr_array_unref(s.moments);
	g_string_free(s.text, TRUE);
	overrides_free(s.overrides);
	return error != NULL ? complain("%s", error->message) : finish_output(EXIT_OK);
}

int step_main(int argc, char **argv)
{
	struct overrides *overrides = overrides_new();
	g_auto(GStrv) files = NULL;
	const GOptionEntry entries[] = {
		{ G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &files, NULL, NULL },
		{ 0 },
	};
	g_autoptr(GError) error = NULL;
	guint nr;

	if (!overrides_parse(overrides, entries, "FILE",
		"Go through a run step by step, back and forth, and try what would have been.",
		"Commands are read from standard input; help lists them.\n", argc, argv, &error)) {
		overrides_free(overrides);
		return complain("%s", error->message);
	}
	nr = files != NULL ? g_strv_length(files) : 0;
	if (nr == 1)
		return step_file(overrides, files[0]);
	overrides_free(overrides);
	return complain("%u files, expected luosim step FILE", nr);
}
