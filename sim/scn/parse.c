/* SPDX-License-Identifier: GPL-2.0-only */
/* The scenario parser: one statement a line, see luosim-scn(5). */
#include <string.h>

#include "scn/fail.h"
#include "scn/handler.h"
#include "scn/names.h"
#include "scn/op.h"
#include "scn/print.h"
#include "scn/schedule.h"
#include "scn/select.h"
#include "scn/tree.h"
#include "scn/setting.h"
#include "scn/value.h"
#include "scn/explore-block.h"

struct parser {
	struct lex lex;
	struct scenario *scn;
	GArray *loops;		/* of struct repeat, borrowed from the steps */
	GArray *open;		/* of guint: the steps that opened the blocks around */
	guint race;		/* step that opened the race around, counted from 1; 0: none */
	guint race_line;	/* where the first race of this scenario is */
	bool race_free;		/* it has no schedule */
	bool race_reboots;
	guint handler_line;	/* inside a handler's block: where that began */
	guint explore_line;	/* inside an explore block: likewise */
	guint64 kernel;		/* number of the kernel that runs here */
	bool heading_due;	/* a reboot came since the last heading */
	guint fails;		/* "fail" statements since the last operation */
	bool sweeps;		/* one of them is "fail any" */
};

static struct step *add_step(struct parser *p, enum step_kind kind)
{
	bool in_task = p->race != 0 && (kind == STEP_OP || kind == STEP_FAIL);
	struct step step = {
		.kind = kind, .line = p->lex.nr, .depth = p->open->len + in_task,
		.column = strspn(p->lex.line, " \t") + 1,
	};

	g_array_append_val(p->scn->steps, step);
	return &g_array_index(p->scn->steps, struct step, p->scn->steps->len - 1);
}

static bool twice(struct parser *p, const char *keyword, guint line)
{
	lex_fail(&p->lex, p->lex.line, "second '%s', expected one (the first is in line %u)",
		 keyword, line);
	return false;
}

static bool parse_scenario(struct parser *p)
{
	struct lex *l = &p->lex;
	const char *at;

	if (p->scn->name != NULL)
		return twice(p, "scenario", p->scn->line);
	lex_blank(l);
	at = l->p;
	p->scn->line = l->nr;
	p->scn->name = lex_run(l, "");
	if (p->scn->name == NULL) {
		lex_expected(l, "the scenario's name");
		return false;
	}
	for (const char *c = p->scn->name; *c != '\0'; c++) {
		if (g_ascii_isalnum(*c) || strchr("-_.", *c) != NULL)
			continue;
		lex_fail(l, at + (c - p->scn->name), "bad character in the scenario's name, "
			 "expected letters, digits, '-', '_' and '.'");
		return false;
	}
	return true;
}

/* The rest of the line, as another line of *@text. */
static bool parse_text(struct parser *p, char **text)
{
	struct lex *l = &p->lex;
	g_autofree char *line = NULL, *before = *text;

	*text = NULL;
	lex_blank(l);
	line = g_strchomp(g_strndup(l->p, l->end - l->p));
	if (*line == '\0') {
		*text = g_steal_pointer(&before);
		lex_expected(l, "text");
		return false;
	}
	l->p = l->end;
	*text = before != NULL ? g_strjoin("\n", before, line, NULL) : g_steal_pointer(&line);
	return true;
}

static bool parse_about(struct parser *p)
{
	return parse_text(p, &p->scn->about);
}

static bool parse_source(struct parser *p)
{
	return parse_text(p, &p->scn->source);
}

/* "v7.1", "get-id" or "v7.1/get-id" */
static bool parse_variant(struct lex *l, struct variant *v)
{
	const char *at = l->p, *slash, *policy;
	g_autofree char *release = NULL;

	v->name = lex_run(l, "");
	slash = strchr(v->name, '/');
	policy = slash != NULL ? slash + 1 : v->name;
	release = g_strndup(v->name, strcspn(v->name, "/"));
	if (slash != NULL || release_meant(release)) {
		v->release = release_check(l, at, release);
		if (v->release == NULL || slash == NULL)
			return v->release != NULL;
	}
	v->policy = g_strdup(policy);
	return policy_check(l, at + (policy - v->name), policy);
}

static bool parse_runs(struct parser *p)
{
	if (lex_done(&p->lex)) {
		lex_expected(&p->lex, "releases or policies");
		return false;
	}
	while (!lex_done(&p->lex)) {
		struct variant v = { 0 };
		bool ok = parse_variant(&p->lex, &v);

		g_array_append_val(p->scn->runs, v);
		if (!ok)
			return false;
	}
	return true;
}

/* One more handler, whose name begins after @at. */
static bool add_handler(struct parser *p, const char *at, const struct handler_script *script)
{
	GArray *all = p->scn->handlers;

	for (guint i = 0; i < all->len; i++) {
		if (strcmp(g_array_index(all, struct handler_script, i).name, script->name) != 0)
			continue;
		lex_fail(&p->lex, at + 1, "second handler '%s', expected another name",
			 script->name);
		return false;
	}
	if (all->len == MAX_SCRIPTS) {
		lex_fail(&p->lex, p->lex.line, "too many handlers, expected at most %d",
			 MAX_SCRIPTS);
		return false;
	}
	g_array_append_val(all, *script);
	if (p->scn->handler_line == 0)
		p->scn->handler_line = p->lex.nr;
	return true;
}

static bool parse_handler(struct parser *p)
{
	struct handler_script script = { 0 };
	const char *at = p->lex.p;

	if (!handler_parse_head(&p->lex, &script) || !add_handler(p, at, &script))
		return false;
	p->handler_line = p->lex.nr;
	return true;
}

static bool parse_use(struct parser *p)
{
	struct handler_script script = { 0 };
	const char *at = p->lex.p;

	/* What the command line gives to all scenarios, one may ask for by itself. */
	return handler_parse_use(&p->lex, &script) &&
	       (handler_is_given(&script) || add_handler(p, at, &script));
}

static bool parse_explore(struct parser *p)
{
	if (p->scn->explore.line != 0)
		return twice(p, "explore", p->scn->explore.line);
	p->scn->explore.line = p->explore_line = p->lex.nr;
	return true;
}

/* A line between "explore" and its "end". */
static bool parse_explore_line(struct parser *p, const char *at, const char *word)
{
	if (strcmp(word, "end") == 0) {
		p->explore_line = 0;
		return true;
	}
	return world_block_parse(&p->lex, at, word, &p->scn->explore);
}

/* A line between "handler" and its "end". */
static bool parse_handler_line(struct parser *p, const char *at, const char *word)
{
	if (strcmp(word, "end") == 0) {
		p->handler_line = 0;
		return true;
	}
	return handler_parse_line(&p->lex, at, word,
				  &g_array_index(p->scn->handlers, struct handler_script,
						 p->scn->handlers->len - 1));
}

static bool parse_kernel_number(struct parser *p)
{
	struct lex *l = &p->lex;
	enum number_style style;
	const char *at;
	guint64 number;

	lex_blank(l);
	at = l->p;
	if (!lex_magnitude(l, "the number of the kernel", &number, &style))
		return false;
	if (p->open->len > 0)
		lex_fail(l, l->line, "kernel inside a block, expected 'end' before it");
	else if (!p->heading_due)
		lex_fail(l, l->line, "kernel without a reboot before it, expected a step such "
			 "as kexec()");
	else if (number != p->kernel)
		lex_fail(l, at, "kernel %" G_GUINT64_FORMAT " here, expected kernel %"
			 G_GUINT64_FORMAT, number, p->kernel);
	else
		return true;
	return false;
}

/* A release, if that is what comes; false after a failure. */
static bool parse_release(struct lex *l, const struct release **release)
{
	const char *at = l->p;
	g_autofree char *word = lex_run(l, "=:");

	*release = NULL;
	if (word == NULL)
		return true;
	if (tree_is_path(word) || release_meant(word)) {
		*release = release_check(l, at, word);
		return *release != NULL;
	}
	l->p = at;
	return true;
}

static bool parse_kernel(struct parser *p)
{
	struct lex *l = &p->lex;
	struct kernel_heading *kernel;
	const char *at;

	if (!parse_kernel_number(p))
		return false;
	kernel = &add_step(p, STEP_KERNEL)->kernel;
	kernel->settings = settings_new();
	kernel->number = p->kernel;
	p->heading_due = false;
	lex_blank(l);
	if (!parse_release(l, &kernel->release))
		return false;
	while (!lex_done(l)) {
		at = l->p;
		if (!setting_parse(l, kernel->settings))
			return false;
		if (p->kernel > 1 && g_array_index(kernel->settings, struct setting,
						   kernel->settings->len - 1).kind == SET_MEM) {
			lex_fail(l, at, "memory of kernel %" G_GUINT64_FORMAT ", expected mem= "
				 "at kernel 1 only", p->kernel);
			return false;
		}
	}
	return true;
}

/* "clean" and "any" stand alone; in a list "clean" is a kind and "any" unknown. */
static bool parse_kinds(struct lex *l, guint32 *kinds, bool list)
{
	const char *alone = NULL;
	guint words_read = 0;
	const char *at;

	do {
		g_autoptr(GPtrArray) words = g_ptr_array_new();
		g_autofree char *word = NULL;
		int kind;

		lex_blank(l);
		at = l->p;
		word = lex_run(l, ",|");
		if (word == NULL) {
			lex_expected(l, "clean or a kind of violation");
			return false;
		}
		words_read++;
		kind = violation_find(word);
		if (kind >= 0) {
			*kinds |= 1u << kind;
			continue;
		}
		if (strcmp(word, "clean") == 0) {
			alone = list ? NULL : "clean";
			*kinds |= list ? EXPECT_CLEAN : 0;
			continue;
		}
		if (!list && strcmp(word, "any") == 0) {
			alone = "any";
			*kinds = EXPECT_ANY;
			continue;
		}
		g_ptr_array_add(words, "clean");
		if (!list)
			g_ptr_array_add(words, "any");
		for (int i = 0; i < NR_VIOLATION_KINDS; i++)
			g_ptr_array_add(words, (char *)violation_name(i));
		lex_unknown(l, at, "kind of violation", word, words, true);
		return false;
	} while (!lex_done(l) && *l->p != '|');
	if (alone == NULL || words_read == 1)
		return true;
	lex_fail(l, at, "%s together with another word, expected it alone", alone);
	return false;
}

/* "KIND... | SELECTORS: KIND...", which may stand once, in *@line. */
static bool parse_expectations(struct parser *p, const char *keyword, guint *line, GArray *expects)
{
	struct lex *l = &p->lex;

	if (*line != 0)
		return twice(p, keyword, *line);
	*line = l->nr;
	do {
		struct expectation e = { 0 };
		bool ok = expects->len == 0 || (e.selectors = select_parse(l)) != NULL;

		ok = ok && parse_kinds(l, &e.kinds, expects != p->scn->expects);
		g_array_append_val(expects, e);
		if (!ok)
			return false;
	} while (lex_accept(l, '|'));
	return true;
}

static bool parse_expect(struct parser *p)
{
	for (int i = 0; i < NR_LISTS; i++) {
		if (p->scn->list_line[i] == 0)
			continue;
		lex_fail(&p->lex, p->lex.line, "'expect' together with '%s', expected one of them",
			 list_name(i));
		return false;
	}
	return parse_expectations(p, "expect", &p->scn->expect_line, p->scn->expects);
}

/* Kinds that runs on @release must have and must not: a clean run has no other kind. */
static guint32 contradiction(const struct scenario *scn, const struct release *release)
{
	guint32 always = expected_kinds(scn->lists[LIST_ALWAYS], release);
	guint32 never = expected_kinds(scn->lists[LIST_NEVER], release);
	guint32 wanted = always | expected_kinds(scn->lists[LIST_SOMETIMES], release);

	if (always & EXPECT_CLEAN)
		never |= ~EXPECT_CLEAN;
	else if (always != 0)
		never |= EXPECT_CLEAN;
	return wanted & never;
}

/* On the releases, each with its own policy and with the presets. */
static bool check_lists(struct parser *p)
{
	size_t nr, nr_presets;
	const struct release *table = release_table(&nr);
	const struct policy *presets = policy_presets(&nr_presets);

	for (size_t i = 0; i < nr * (nr_presets + 1); i++) {
		struct release release = table[i % nr];
		g_autoptr(GString) kind = g_string_new(NULL);
		guint32 kinds;

		if (i >= nr)
			release.policy = presets[i / nr - 1];
		kinds = contradiction(p->scn, &release);
		if (kinds == 0)
			continue;
		print_kinds(kind, kinds & -kinds);
		lex_fail(&p->lex, p->lex.line, "%s must come and must not on %s%s%s, expected one "
			 "of them", kind->str, release.name, i >= nr ? "/" : "",
			 i >= nr ? release.policy.name : "");
		return false;
	}
	return true;
}

static bool parse_list(struct parser *p, enum list list)
{
	if (p->scn->expect_line != 0) {
		lex_fail(&p->lex, p->lex.line, "'%s' together with 'expect', expected one of them",
			 list_name(list));
		return false;
	}
	return parse_expectations(p, list_name(list), &p->scn->list_line[list],
				  p->scn->lists[list]) && check_lists(p);
}

static bool parse_always(struct parser *p)
{
	return parse_list(p, LIST_ALWAYS);
}

static bool parse_never(struct parser *p)
{
	return parse_list(p, LIST_NEVER);
}

static bool parse_sometimes(struct parser *p)
{
	return parse_list(p, LIST_SOMETIMES);
}

/* A number with an optional '-'. */
static bool parse_bound(struct lex *l, gint64 *n)
{
	enum number_style style;
	guint64 magnitude;
	const char *at;
	bool minus;

	lex_blank(l);
	at = l->p;
	minus = lex_accept(l, '-');
	if (!lex_magnitude(l, "a number", &magnitude, &style))
		return false;
	if (magnitude > G_MAXINT64) {
		lex_fail(l, at, "number too large, expected one of 63 bits");
		return false;
	}
	*n = minus ? -(gint64)magnitude : (gint64)magnitude;
	return true;
}

/* Is it clear in which kernel the step at @at runs? Inside blocks, no heading can say. */
static bool heading_done(struct parser *p, const char *at)
{
	if (!p->heading_due || p->open->len > 0)
		return true;
	lex_fail(&p->lex, at, "step without a heading, expected 'kernel %" G_GUINT64_FORMAT
		 "' before it", p->kernel);
	return false;
}

static bool parse_repeat(struct parser *p)
{
	struct lex *l = &p->lex;
	guint index = p->scn->steps->len;
	struct repeat *repeat;
	const char *at;

	if (p->race != 0) {
		lex_fail(l, l->line, "repeat inside a race, expected steps of its tasks");
		return false;
	}
	if (p->open->len == MAX_LOOPS) {
		lex_fail(l, l->line, "blocks nested too deeply, expected at most %d", MAX_LOOPS);
		return false;
	}
	if (!heading_done(p, l->line))
		return false;
	repeat = &add_step(p, STEP_REPEAT)->repeat;
	lex_blank(l);
	at = l->p;
	repeat->name = lex_word(l);
	repeat->var = p->loops->len + 1;
	if (repeat->name == NULL) {
		lex_expected(l, "a variable");
		return false;
	}
	for (guint i = 0; i < p->loops->len; i++) {
		if (strcmp(g_array_index(p->loops, struct repeat, i).name, repeat->name) == 0) {
			lex_fail(l, at, "variable '%s' is taken, expected another name",
				 repeat->name);
			return false;
		}
	}
	at = l->p;
	if (!parse_bound(l, &repeat->from) || !lex_need(l, '.') || !lex_need(l, '.') ||
	    !parse_bound(l, &repeat->to))
		return false;
	if (repeat->from > repeat->to) {
		lex_fail(l, at, "empty range, expected the smaller number first");
		return false;
	}
	g_array_append_val(p->loops, *repeat);
	g_array_append_val(p->open, index);
	return true;
}

/* Of several races each must have its schedule: what could come of others is not tried. */
static bool check_races(struct parser *p, const struct race *race)
{
	bool free = race->schedule == NULL;

	if (p->race_line != 0 && (free || p->race_free)) {
		lex_fail(&p->lex, p->lex.line, "second 'race', expected one, or 'schedule=' in all "
			 "(the first is in line %u)", p->race_line);
		return false;
	}
	p->race_free = free;
	p->race_line = p->race_line != 0 ? p->race_line : p->lex.nr;
	return true;
}

static bool parse_race(struct parser *p)
{
	guint index = p->scn->steps->len;
	struct step *step;

	if (p->open->len > 0) {
		lex_fail(&p->lex, p->lex.line, "race inside a block, expected it outside");
		return false;
	}
	if (!heading_done(p, p->lex.line))
		return false;
	step = add_step(p, STEP_RACE);
	p->race = index + 1;
	p->lex.raced = true;
	g_array_append_val(p->open, index);
	return race_parse(&p->lex, &step->race) && check_races(p, &step->race);
}

static struct race *race_of(struct parser *p)
{
	return &g_array_index(p->scn->steps, struct step, p->race - 1).race;
}

static char *parse_process_name(struct lex *l)
{
	g_autofree char *name = NULL;
	const char *at;

	lex_blank(l);
	at = l->p;
	name = lex_word(l);
	if (name == NULL)
		lex_expected(l, "the process's name");
	else if (strlen(name) > MAX_PROCESS)
		lex_fail(l, at, "name of %zu characters, expected at most %d", strlen(name),
			 MAX_PROCESS);
	else
		return g_steal_pointer(&name);
	return NULL;
}

static bool parse_process(struct parser *p)
{
	struct step *step;

	if (!heading_done(p, p->lex.line))
		return false;
	if (p->race != 0) {
		lex_fail(&p->lex, p->lex.line, "process inside a race, expected 'task NAME of "
			 "PROCESS'");
		return false;
	}
	step = add_step(p, STEP_PROCESS);
	step->process = parse_process_name(&p->lex);
	return step->process != NULL;
}

static bool parse_task(struct parser *p)
{
	struct lex *l = &p->lex;
	struct step *step;
	const char *at;

	if (p->race == 0) {
		lex_fail(l, l->line, "task outside a race, expected 'race' before it");
		return false;
	}
	if (race_of(p)->nr_tasks == MAX_TASKS) {
		lex_fail(l, l->line, "too many tasks, expected at most %d", MAX_TASKS);
		return false;
	}
	step = add_step(p, STEP_TASK);
	lex_blank(l);
	at = l->p;
	step->task.name = lex_word(l);
	if (step->task.name == NULL) {
		lex_expected(l, "the name of a task");
		return false;
	}
	for (guint i = 1; i <= race_of(p)->nr_tasks; i++) {
		if (strcmp(race_task(p->scn, p->race - 1, i), step->task.name) != 0)
			continue;
		lex_fail(l, at, "second task '%s', expected another name", step->task.name);
		return false;
	}
	step->task.number = ++race_of(p)->nr_tasks;
	return !lex_accept_word(l, "of") ||
	       (step->task.process = parse_process_name(l)) != NULL;
}

static bool parse_end(struct parser *p)
{
	struct step *step;
	guint match;

	if (p->open->len == 0) {
		lex_fail(&p->lex, p->lex.line, "'end' without a block, expected a step");
		return false;
	}
	match = g_array_index(p->open, guint, p->open->len - 1);
	g_array_set_size(p->open, p->open->len - 1);
	step = add_step(p, STEP_END);
	step->match = match;
	if (p->race == 0) {
		g_array_set_size(p->loops, p->loops->len - 1);
		return true;
	}
	p->race = 0;
	p->race_reboots = false;
	return race_check(&p->lex, p->scn, match);
}

/* Does the step reboot, as its main outcome has it? */
static bool will_reboot(const struct op *op)
{
	return op->info->reboots &&
	       (op->outcomes == NULL ||
		(gint64)g_array_index(op->outcomes, struct outcome, 0).value.number >= 0);
}

/* Count the reboots of a step, as often as the blocks around repeat it. */
static void count_reboots(struct parser *p)
{
	guint64 times = 1;

	for (guint i = 0; i < p->loops->len; i++) {
		const struct repeat *r = &g_array_index(p->loops, struct repeat, i);
		guint64 rounds = MIN((guint64)r->to - (guint64)r->from, G_MAXUINT32 - 1) + 1;

		times = MIN(times * rounds, G_MAXUINT32);
	}
	p->kernel = MIN(p->kernel + times, G_MAXUINT32);
	p->heading_due = true;
}

static bool parse_step(struct parser *p, const char *at, const char *name)
{
	struct op *op;

	if (!heading_done(p, at))
		return false;
	p->fails = 0;
	if (p->race != 0 && race_of(p)->nr_tasks == 0) {
		lex_fail(&p->lex, at, "step of no task, expected 'task NAME' before it");
		return false;
	}
	p->sweeps = false;
	op = &add_step(p, STEP_OP)->op;
	if (!op_parse(&p->lex, at, name, op))
		return false;
	/* Of all that a race lists, one can happen. */
	if (will_reboot(op) && !p->race_reboots) {
		count_reboots(p);
		p->race_reboots = p->race != 0;
	}
	return true;
}

static bool parse_fail(struct parser *p)
{
	struct fail *fail;

	if (!heading_done(p, p->lex.line))
		return false;
	if (p->fails++ == MAX_FAILURES) {
		lex_fail(&p->lex, p->lex.line, "too many failures of one step, expected at most %d",
			 MAX_FAILURES);
		return false;
	}
	fail = &add_step(p, STEP_FAIL)->fail;
	if (!fail_parse(&p->lex, fail))
		return false;
	if (fail->any && p->race != 0) {
		lex_fail(&p->lex, p->lex.line,
			 "'fail any' in a race, expected a failure to be named");
		return false;
	}
	p->scn->sweeps |= fail->any;
	p->sweeps |= fail->any;
	if (!p->sweeps || p->fails == 1)
		return true;
	lex_fail(&p->lex, p->lex.line, "'fail any' and another 'fail' of one step, expected one");
	return false;
}

/* No operation may be called like one of these. */
static const struct statement {
	const char *keyword;
	bool (*parse)(struct parser *p);
	bool header;		/* stands before the first kernel */
} statements[] = {
	{ "scenario", parse_scenario, true },
	{ "about", parse_about, true },
	{ "source", parse_source, true },
	{ "runs", parse_runs, true },
	{ "handler", parse_handler, true },
	{ "use", parse_use, true },
	{ "explore", parse_explore, true },
	{ "kernel", parse_kernel, false },
	{ "repeat", parse_repeat, false },
	{ "race", parse_race, false },
	{ "task", parse_task, false },
	{ "end", parse_end, false },
	{ "fail", parse_fail, false },
	{ "process", parse_process, false },
	{ "expect", parse_expect, false },
	{ "always", parse_always, false },
	{ "never", parse_never, false },
	{ "sometimes", parse_sometimes, false },
};

static const struct statement *statement_find(const char *word)
{
	for (guint i = 0; i < G_N_ELEMENTS(statements); i++)
		if (strcmp(statements[i].keyword, word) == 0)
			return &statements[i];
	return NULL;
}

static void unknown_statement(struct lex *l, const char *at, const char *word)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new();

	for (guint i = 0; i < G_N_ELEMENTS(statements); i++)
		g_ptr_array_add(words, (char *)statements[i].keyword);
	for (const struct op_info *info = op_table(); info->name != NULL; info++)
		g_ptr_array_add(words, (char *)info->name);
	lex_unknown(l, at, "statement", word, words, false);
}

/* A line that starts with @word at @at. */
static bool parse_statement(struct parser *p, const char *at, const char *word)
{
	const struct statement *statement = statement_find(word);
	struct lex *l = &p->lex;

	if (p->scn->name == NULL && g_strcmp0(word, "scenario") != 0) {
		lex_fail(l, at, "no scenario yet, expected 'scenario NAME'");
		return false;
	}
	if (statement != NULL && statement->header && p->scn->steps->len > 0) {
		lex_fail(l, at, "'%s' after a kernel, expected it before 'kernel 1'", word);
		return false;
	}
	if (p->fails > 0 && statement != NULL && statement->parse != parse_fail) {
		lex_fail(l, at, "'%s' after 'fail', expected the step that is to fail", word);
		return false;
	}
	if (statement != NULL)
		return statement->parse(p);
	lex_blank(l);
	if (l->p < l->end && *l->p == '(')
		return parse_step(p, at, word);
	unknown_statement(l, at, word);
	return false;
}

static bool parse_line(struct parser *p)
{
	struct lex *l = &p->lex;
	g_autofree char *word = NULL;
	const char *at;

	if (lex_done(l))
		return true;
	at = l->p;
	word = lex_word(l);
	if (word == NULL) {
		lex_expected(l, "a step or a statement");
		return false;
	}
	if (p->handler_line != 0 ? !parse_handler_line(p, at, word) :
	    p->explore_line != 0 ? !parse_explore_line(p, at, word) :
				   !parse_statement(p, at, word))
		return false;
	if (lex_done(l))
		return true;
	lex_expected(l, "the end of the line");
	return false;
}

/* Text only: no NUL, no control characters, valid UTF-8. */
static bool check_text(struct lex *l, const char *text, gsize len)
{
	const char *bad, *p = text, *end = text + len;

	g_utf8_validate(text, len, &bad);
	l->line = text;
	l->nr = 1;
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		lex_fail(l, text, "byte order mark, expected text without one");
		return false;
	}
	for (; p < bad; p = g_utf8_next_char(p)) {
		if (*p == '\n') {
			l->line = p + 1;
			l->nr++;
		} else if (*p != '\t' && *p != '\r' && g_unichar_iscntrl(g_utf8_get_char(p))) {
			lex_fail(l, p, "control character 0x%02x, expected text",
				 g_utf8_get_char(p));
			return false;
		}
	}
	if (p == end)
		return true;
	if (*p == '\0')
		lex_fail(l, p, "NUL byte, expected text");
	else
		lex_fail(l, p, "byte 0x%02x is not UTF-8, expected text", (guint8)*p);
	return false;
}

/* What can be told only once all has been read. */
static bool check_scenario(struct parser *p, const char *end)
{
	struct lex *l = &p->lex;

	l->line = end;
	if (p->scn->name == NULL) {
		lex_fail(l, end, "no scenario, expected 'scenario NAME'");
		return false;
	}
	if (p->handler_line != 0 || p->explore_line != 0) {
		lex_fail(l, end, "block of line %u does not end, expected 'end'",
			 p->handler_line + p->explore_line);
		return false;
	}
	if (p->scn->steps->len == 0) {
		lex_fail(l, end, "scenario without a kernel, expected 'kernel 1'");
		return false;
	}
	if (p->fails > 0) {
		lex_fail(l, end, "'fail' at the end, expected the step that is to fail");
		return false;
	}
	if (p->open->len > 0) {
		lex_fail(l, end, "block of line %u does not end, expected 'end'",
			 g_array_index(p->scn->steps, struct step,
				       g_array_index(p->open, guint, p->open->len - 1)).line);
		return false;
	}
	for (int i = 0; i < NR_LISTS; i++) {
		if (p->scn->lists[i]->len > 0 && !p->scn->sweeps && p->race_line == 0) {
			l->nr = p->scn->list_line[i];
			lex_fail(l, l->line, "'%s' of a single run, expected 'expect', a race "
				 "or a 'fail any'",
				 list_name(i));
			return false;
		}
	}
	return names_check(l->names, l);
}

static bool parse_lines(struct parser *p, const char *text, gsize len)
{
	struct lex *l = &p->lex;
	const char *end = text + len;

	if (!check_text(l, text, len))
		return false;
	l->nr = 0;
	for (const char *line = text; line < end; ) {
		const char *newline = memchr(line, '\n', end - line);

		l->nr++;
		l->line = l->p = line;
		l->end = newline != NULL ? newline : end;
		line = newline != NULL ? newline + 1 : end;
		if (l->end > l->line && l->end[-1] == '\r')
			l->end--;
		if (!parse_line(p))
			return false;
	}
	l->nr = MAX(l->nr, 1);
	return check_scenario(p, end);
}

struct scenario *scenario_parse(const char *file, const char *text, gsize len, GError **error)
{
	struct parser p = {
		.lex = { .file = file, .error = error, .names = names_new() },
		.scn = scenario_new(file),
		.loops = g_array_new(FALSE, TRUE, sizeof(struct repeat)),
		.open = g_array_new(FALSE, TRUE, sizeof(guint)),
		.kernel = 1,
		.heading_due = true,
	};

	p.lex.loops = p.loops;
	p.lex.handlers = p.scn->handlers;
	if (!parse_lines(&p, text, len))
		g_clear_pointer(&p.scn, scenario_free);
	g_array_unref(p.loops);
	g_array_unref(p.open);
	names_free(p.lex.names);
	return p.scn;
}
