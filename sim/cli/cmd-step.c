/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * luosim step: a run, step by step, back and forth. The run is made once and kept, with the
 * state after each step, so that going anywhere is looking at another one. What changes the
 * run, changes the scenario, or what it runs on, and makes another run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/edit.h"
#include "cli/prompt.h"
#include "report/state.h"
#include "report/tone.h"
#include "report/trace.h"
#include "run/plan.h"

/* Of a terminal. */
#define COLUMNS		80

/* States of more steps than fit here are not kept. */
#define MAX_KEPT	(256ull << 20)

/* A step that was taken, or at last the verdict. */
struct step_moment {
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
	GPtrArray *moments;		/* of struct step_moment * */
	guint at;			/* steps that were done */
	GPtrArray *before;		/* of struct taken_back * */
	bool terminal, colour;
	/* the run that is being kept */
	GString *text;
	struct trace *trace;
	struct state_watch *watch;
	bool begun, broken;
	guint64 kept;
};

static void moment_free(struct step_moment *moment)
{
	g_free(moment->text);
	g_free(moment->changes);
	machine_state_free(&moment->state);
	g_free(moment);
}

/* ---- Keeping a run ---- */

static void keep_state(struct session *s, struct step_moment *moment, struct machine *m)
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

static struct step_moment *keep(struct session *s)
{
	struct step_moment *moment = g_new0(struct step_moment, 1);

	moment->text = g_strdup(s->text->str);
	g_string_truncate(s->text, 0);
	moment->broken = s->broken;
	s->broken = false;
	g_ptr_array_add(s->moments, moment);
	return moment;
}

static void keep_step(struct session *s, const struct report_event *e)
{
	struct step_moment *moment = keep(s);

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

	if (s->scn->title == NULL)
		s->scn->title = g_strdup(s->scn->name);
	g_ptr_array_set_size(s->moments, 0);
	g_string_truncate(s->text, 0);
	s->begun = false;
	s->broken = false;
	s->kept = 0;
	s->trace = trace_new(s->text, TRACE_VERBOSE | TRACE_LINES |
			     (s->colour ? TRACE_COLOUR : 0));
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
	return s->at > 0 ? ((struct step_moment *)s->moments->pdata[s->at - 1])->line : 0;
}

/* What was changed last, to take back. */
struct taken_back {
	char *source;
	struct overrides *overrides;
	guint at;
};

static void taken_back_free(struct taken_back *t)
{
	g_free(t->source);
	overrides_free(t->overrides);
	g_free(t);
}

static void remember(struct session *s)
{
	struct taken_back *t = g_new0(struct taken_back, 1);

	t->source = g_strdup(s->source->str);
	t->overrides = overrides_copy(s->overrides);
	t->at = s->at;
	g_ptr_array_add(s->before, t);
}

static void undo(struct session *s, const char *argument)
{
	struct taken_back *t;

	(void)argument;
	if (s->before->len == 0) {
		puts("nothing was changed");
		return;
	}
	t = g_ptr_array_steal_index(s->before, s->before->len - 1);
	overrides_free(s->overrides);
	s->overrides = g_steal_pointer(&t->overrides);
	s->at = t->at;
	take_source(s, g_string_new(t->source));
	g_free(t->source);
	g_free(t);
}

/* Run @source instead, which can be taken back. */
static bool change(struct session *s, GString *source)
{
	remember(s);
	if (take_source(s, source))
		return true;
	g_ptr_array_set_size(s->before, s->before->len - 1);
	return false;
}

static bool is_behind_step(const struct session *s)
{
	if (line_here(s) == 0)
		puts("not after a step");
	return line_here(s) != 0;
}

static void insert(struct session *s, const char *text)
{
	if (is_behind_step(s))
		change(s, edit_line(s->source->str, line_here(s), text));
}

static void drop(struct session *s, const char *argument)
{
	(void)argument;
	if (is_behind_step(s) && change(s, edit_line(s->source->str, line_here(s), NULL)) &&
	    s->at > 0)
		s->at--;
}

/* The race that the last step is in, or that comes next; else the last one. */
static const struct step *race_here(const struct session *s)
{
	const struct step *race = NULL;

	for (guint i = 0; i < s->scn->steps->len; i++) {
		const struct step *step = &g_array_index(s->scn->steps, struct step, i);

		if (step->kind == STEP_RACE)
			race = step;
		if (step->line >= line_here(s) && race != NULL)
			break;
	}
	return race;
}

static void schedule(struct session *s, const char *turns)
{
	const struct step *race = race_here(s);

	if (race == NULL || *turns == '\0')
		puts(race == NULL ? "the scenario has no race" :
				    "expected schedule TASK[*STEPS],...");
	else
		change(s, edit_schedule(s->source->str, race->line, turns));
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
	remember(s);
	overrides_free(s->overrides);
	s->overrides = overrides;
	make_run(s);
}

/* As it runs: with the kernels that what_if() was told. */
static GString *source_now(const struct session *s)
{
	if (s->overrides->releases->len == 0 && s->overrides->settings->len == 0)
		return g_string_new(s->source->str);
	return edit_kernels(s->source->str, s->scn, s->overrides);
}

static void source(struct session *s, const char *argument)
{
	g_autoptr(GString) source = source_now(s);

	(void)argument;
	fputs(source->str, stdout);
}

static void save(struct session *s, const char *path)
{
	g_autoptr(GString) source = source_now(s);
	g_autoptr(GError) error = NULL;

	if (*path == '\0')
		puts("expected save FILE");
	else if (!g_file_set_contents(path, source->str, source->len, &error))
		puts(error->message);
}

/* ---- Looking ---- */

static void say(const struct session *s, const char *text)
{
	g_autoptr(GString) folded = g_string_new(NULL);

	if (s->terminal)
		append_folded(folded, text, COLUMNS);
	fputs(s->terminal ? folded->str : text, stdout);
}

static void show(struct session *s, const char *argument)
{
	const struct step_moment *moment;

	(void)argument;

	if (s->at == 0) {
		puts("before the first step");
		return;
	}
	moment = s->moments->pdata[s->at - 1];
	say(s, moment->text + strspn(moment->text, "\n"));
}

/* With @kind, those objects; "changes": of the last step; else all. */
static void print_part(struct session *s, const char *part)
{
	const struct step_moment *moment = s->at > 0 ? s->moments->pdata[s->at - 1] : NULL;
	int kind = state_kind_find(part);

	if (moment == NULL || moment->changes == NULL) {
		puts("not after a step");
		return;
	}
	if (g_str_equal(part, "changes")) {
		say(s, moment->changes);
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
		puts("the states of this many steps are not kept");
	for (guint i = 0; i < moment->state.nr; i++) {
		const struct state_object *o = &moment->state.objects[i];
		g_autoptr(GString) text = g_string_new(NULL);

		if (kind >= 0 && (int)o->kind != kind)
			continue;
		state_print_object(text, &moment->state, o);
		g_string_append_c(text, '\n');
		say(s, text->str);
	}
}

/* ---- Going ---- */

static bool is_wanted(const struct step_moment *moment, const char *what)
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
			show(s, "");
			return;
		}
	puts("none in what follows");
}

static gint64 count_of(const char *argument)
{
	return *argument != '\0' ? (gint64)MIN(strtoull(argument, NULL, 10), G_MAXINT) : 1;
}

/* Past the next step of that line; from the start, if there is none. */
static void go_to(struct session *s, const char *argument)
{
	guint line = count_of(argument);

	for (guint n = 0; n < s->moments->len; n++) {
		guint i = (s->at + n) % s->moments->len;

		if (((struct step_moment *)s->moments->pdata[i])->line != line)
			continue;
		s->at = i + 1;
		show(s, "");
		return;
	}
	printf("no step of line %u was taken\n", line);
}

static void go(struct session *s, gint64 steps)
{
	gint64 at = (gint64)s->at + steps;

	if (at < 0 || at > s->moments->len)
		puts(at < 0 ? "that is before the first step" : "that is after the verdict");
	s->at = CLAMP(at, 0, s->moments->len);
	show(s, "");
}

static void next(struct session *s, const char *argument)
{
	go(s, count_of(argument));
}

static void back(struct session *s, const char *argument)
{
	go(s, -count_of(argument));
}

/* ---- Commands ---- */

static void help(struct session *s, const char *argument);

/* "quit" has no function, as nothing is left to do. */
static const struct step_command {
	const char *name, *arguments, *help;
	void (*run)(struct session *s, const char *argument);
} commands[] = {
	{ "next", "[N]", "go on N steps (1)", next },
	{ "back", "[N]", "go back N steps (1)", back },
	{ "to", "LINE", "go past the next step of that line of the scenario", go_to },
	{ "until", "violation", "go to the next step that breaks something", until },
	{ "until", "change WORDS", "or changes an object so: \"folio 0x6\", \"restored\"", until },
	{ "show", "", "the step again", show },
	{ "print", "[KIND|changes]", "the state after it: all, or folios...; or what changed",
	  print_part },
	{ "do", "OPERATION", "type a step in after this one; fail..., too", insert },
	{ "drop", "", "take this step out", drop },
	{ "schedule", "TASK,...", "of a race: that task goes first; or TASK*STEPS, ...", schedule },
	{ "what-if", "[OPTION...]", "run it with options of luosim run; without: as it is",
	  what_if },
	{ "undo", "", "go back to before the last do, drop, schedule or what-if", undo },
	{ "source", "", "the scenario as it is now", source },
	{ "save", "FILE", "write that to a file", save },
	{ "help", "", "this list", help },
	{ "quit", "", "", NULL },
};

static void help(struct session *s, const char *argument)
{
	(void)s;
	(void)argument;
	for (gsize i = 0; i < G_N_ELEMENTS(commands); i++) {
		const struct step_command *c = &commands[i];
		g_autofree char *usage = g_strconcat(c->name, " ", c->arguments, NULL);
		g_autofree char *line = g_strdup_printf("%-22s %s", usage, c->help);

		puts(g_strchomp(line));
	}
}

/* False when it is over. */
static bool obey(struct session *s, const char *word, const char *argument)
{
	for (gsize i = 0; i < G_N_ELEMENTS(commands); i++) {
		if (!g_str_equal(commands[i].name, word))
			continue;
		if (commands[i].run != NULL)
			commands[i].run(s, argument);
		return commands[i].run != NULL;
	}
	printf("unknown command '%s', expected one that help lists\n", word);
	return true;
}

/* ---- Completion ---- */

static void add_policies(GStrvBuilder *words)
{
	gsize nr;
	const struct policy *presets = policy_presets(&nr);

	for (gsize i = 0; i < nr; i++)
		g_strv_builder_add(words, presets[i].name);
}

static void add_releases(GStrvBuilder *words)
{
	gsize nr;
	const struct release *table = release_table(&nr);

	for (gsize i = 0; i < nr; i++)
		g_strv_builder_add(words, table[i].name);
}

static void add_fixes(GStrvBuilder *words)
{
	for (int i = 0; i < NR_FIXES; i++)
		g_strv_builder_add(words, fix_table()[i].name);
}

static void add_state_kinds(GStrvBuilder *words)
{
	g_strv_builder_add(words, "changes");
	for (int i = 0; i < NR_STATE_KINDS; i++)
		g_strv_builder_add(words, state_kind_name(i));
}

static void add_operations(GStrvBuilder *words)
{
	g_strv_builder_add(words, "fail");
	for (const struct op_info *info = op_table(); info->name != NULL; info++)
		g_strv_builder_add(words, info->name);
}

static void add_commands(GStrvBuilder *words)
{
	for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
		if (i == 0 || !g_str_equal(commands[i].name, commands[i - 1].name))
			g_strv_builder_add(words, commands[i].name);
}

/* What may come after a text that ends so; the first that fits. */
static const struct completion {
	const char *begin, *end;
	const char *words[8];
	void (*add)(GStrvBuilder *words);
} completions[] = {
	{ "", "", { 0 }, add_commands },
	{ "print ", "", { 0 }, add_state_kinds },
	{ "until ", "", { "violation", "change" }, NULL },
	{ "do ", "", { 0 }, add_operations },
	{ "what-if ", "--policy=", { 0 }, add_policies },
	{ "what-if ", "--kernel=", { 0 }, add_releases },
	{ "what-if ", "--with=", { 0 }, add_fixes },
	{ "what-if ", "--without=", { 0 }, add_fixes },
	{ "what-if ", " ", { "--kernel=", "--policy=", "--with=", "--without=", "--limit=",
			     "--mem=", "--panic-on-warn" }, NULL },
};

static GStrv words_behind(const char *before)
{
	g_autoptr(GStrvBuilder) words = g_strv_builder_new();

	if (g_str_equal(before, "save "))
		return NULL;
	for (gsize i = 0; i < G_N_ELEMENTS(completions); i++) {
		const struct completion *c = &completions[i];

		if (*c->end == '\0' ? !g_str_equal(before, c->begin) :
				      !g_str_has_prefix(before, c->begin) ||
				      !g_str_has_suffix(before, c->end))
			continue;
		for (gsize j = 0; c->words[j] != NULL; j++)
			g_strv_builder_add(words, c->words[j]);
		if (c->add != NULL)
			c->add(words);
		break;
	}
	return g_strv_builder_end(words);
}

static void prompt(struct session *s)
{
	bool more = true;

	while (more) {
		g_autofree char *place = g_strdup_printf("(%u/%u) ", s->at, s->moments->len);
		g_autofree char *line = prompt_line(place, words_behind);
		char *argument;

		if (line == NULL)
			break;
		g_strstrip(line);
		argument = line + strcspn(line, " ");
		if (*argument != '\0')
			*argument++ = '\0';
		g_strstrip(argument);
		more = *line == '\0' || *line == '#' || obey(s, line, argument);
	}
}

static int step_file(struct overrides *overrides, const char *file, bool colour)
{
	g_autoptr(GError) error = NULL;
	struct session s = {
		.report.event = step_event, .overrides = overrides, .text = g_string_new(NULL),
		.moments = g_ptr_array_new_with_free_func((GDestroyNotify)moment_free),
		.before = g_ptr_array_new_with_free_func((GDestroyNotify)taken_back_free),
		.terminal = prompt_is_terminal(), .colour = colour,
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
	g_ptr_array_unref(s.before);
	g_string_free(s.text, TRUE);
	overrides_free(s.overrides);
	return error != NULL ? complain("%s", error->message) : finish_output(EXIT_OK);
}

int step_main(int argc, char **argv)
{
	struct overrides *overrides = overrides_new();
	g_autofree char *when = NULL;
	g_auto(GStrv) files = NULL;
	const GOptionEntry entries[] = {
		{ "color", 0, 0, G_OPTION_ARG_STRING, &when, "auto, always or never", "WHEN" },
		{ G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &files, NULL, NULL },
		{ 0 },
	};
	g_autoptr(GError) error = NULL;
	const char *wrong = NULL;
	bool colour = false;
	guint nr;

	if (overrides_parse(overrides, entries, "FILE",
		"Go through a run step by step, back and forth, and try what would have been.",
		"Commands are read from standard input; help lists them.\n", argc, argv, &error))
		wrong = parse_colour(when, &colour);
	nr = files != NULL ? g_strv_length(files) : 0;
	if (error == NULL && wrong == NULL && nr == 1)
		return step_file(overrides, files[0], colour);
	overrides_free(overrides);
	if (error != NULL || wrong != NULL)
		return complain("%s", error != NULL ? error->message : wrong);
	return complain("%u files, expected luosim step FILE", nr);
}
