/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Making a scenario smaller that shows the same. A copy is cut, printed and read again:
 * whatever is left out, the parser says whether a scenario remains, and a run what comes
 * of it.
 */
#include <string.h>

#include "analysis/minimise.h"
#include "scn/print.h"

struct minimiser {
	struct scenario *scn;		/* the smallest so far */
	char *text;			/* of it */
	const char *file;		/* where the first was, and what it loads is found from */
	const struct overrides *overrides;
	guint32 kinds;			/* to be kept */
};

/* ---- Does it still show the same? ---- */

struct capture {
	struct report report;
	guint32 kinds;
	bool ran;
};

static void capture_event(struct report *report, const struct report_event *e)
{
	struct capture *c = (struct capture *)report;

	if (e->type != REPORT_VERDICT || e->verdict->skipped != NULL)
		return;
	c->ran = true;
	c->kinds |= e->verdict->kinds;
}

static bool kinds_of(const struct scenario *scn, const struct overrides *overrides,
		     guint32 *kinds)
{
	struct capture c = { .report = { .event = capture_event } };

	run_scenario(scn, NULL, overrides, &c.report);
	*kinds = c.kinds;
	return c.ran;
}

static struct scenario *parsed(const struct minimiser *m, const char *text)
{
	return scenario_parse(m->file, text, strlen(text), NULL);
}

static char *printed(const struct scenario *scn)
{
	GString *text = g_string_new(NULL);

	scenario_print(text, scn);
	return g_string_free(text, FALSE);
}

/* Take the scenario of @text if it shows the same as the first. */
static bool take(struct minimiser *m, const char *text)
{
	struct scenario *scn = parsed(m, text);
	guint32 kinds = 0;

	if (scn == NULL)
		return false;
	if (!kinds_of(scn, m->overrides, &kinds) || kinds != m->kinds) {
		scenario_free(scn);
		return false;
	}
	g_clear_pointer(&m->scn, scenario_free);
	g_free(m->text);
	m->scn = scn;
	m->text = g_strdup(text);
	return true;
}

/* One to be cut. */
static struct scenario *copy(const struct minimiser *m)
{
	return parsed(m, m->text);
}

/* Take @cut, unless nothing was cut. It is freed. */
static bool accept(struct minimiser *m, struct scenario *cut)
{
	g_autofree char *text = printed(cut);

	scenario_free(cut);
	return !g_str_equal(text, m->text) && take(m, text);
}

static struct step *step_at(const struct scenario *scn, guint i)
{
	return &g_array_index(scn->steps, struct step, i);
}

/* ---- Names ---- */

typedef void (*name_fn)(struct text *name, gpointer data);

static void visit_value(struct value *value, name_fn visit, gpointer data)
{
	if (value->text.bytes != NULL && value->kind != VALUE_STRING)
		visit(&value->text, data);
	for (guint i = 0; value->kind == VALUE_PIECES && i < value->list->len; i++)
		visit_value(&g_array_index(value->list, struct piece, i).value, visit, data);
}

/* All names that @op uses or gives. */
static void visit_names(const struct op *op, name_fn visit, gpointer data)
{
	for (guint i = 0; i < op_nr_args(op->info); i++)
		visit_value(&op->args[i], visit, data);
	for (guint i = 0; op->outcomes != NULL && i < op->outcomes->len; i++)
		visit_value(&g_array_index(op->outcomes, struct outcome, i).value, visit, data);
}

/* The name that the step gives, or NULL; one that loop variables are part of is none. */
static const char *bound_name(const struct step *step)
{
	const struct value *value;

	if (step->kind != STEP_OP || step->op.outcomes == NULL)
		return NULL;
	value = &g_array_index(step->op.outcomes, struct outcome, 0).value;
	return value->kind != VALUE_STRING && value->text.vars == NULL ? value->text.bytes : NULL;
}

struct name_search {
	const char *name;
	bool found;
};

static void compare_name(struct text *name, gpointer data)
{
	struct name_search *search = data;

	search->found = search->found ||
		(name->vars == NULL && g_str_equal(name->bytes, search->name));
}

static bool uses(const struct step *step, const char *name)
{
	struct name_search search = { .name = name };

	if (step->kind == STEP_OP)
		visit_names(&step->op, compare_name, &search);
	return search.found;
}

/* ---- Dropping steps ---- */

/* Without the steps that @drop marks. */
static bool drop_marked(struct minimiser *m, const bool *drop)
{
	struct scenario *cut = copy(m);

	for (guint i = cut->steps->len; i-- > 0;)
		if (drop[i])
			g_array_remove_index(cut->steps, i);
	return accept(m, cut);
}

/* Mark step @i and, of what it binds, all that uses it before it is bound again. */
static void mark(const struct minimiser *m, guint i, bool *drop)
{
	const char *name = bound_name(step_at(m->scn, i));

	drop[i] = true;
	for (guint j = i + 1; name != NULL && j < m->scn->steps->len; j++) {
		const struct step *step = step_at(m->scn, j);

		if (g_strcmp0(bound_name(step), name) == 0)
			break;
		if (!drop[j] && uses(step, name))
			mark(m, j, drop);
	}
}

/* @nr steps from @from on, with or without what depends on them. */
static bool drop_steps(struct minimiser *m, guint from, guint nr, bool dependent)
{
	g_autofree bool *drop = g_new0(bool, m->scn->steps->len);

	for (guint i = from; i < from + nr; i++) {
		if (dependent)
			mark(m, i, drop);
		drop[i] = true;
	}
	return drop_marked(m, drop);
}

/* A loop, but not what is in it. */
static bool unwrap(struct minimiser *m, guint from)
{
	g_autofree bool *drop = g_new0(bool, m->scn->steps->len);

	if (step_at(m->scn, from)->kind != STEP_REPEAT)
		return false;
	for (guint i = from; i < m->scn->steps->len; i++) {
		const struct step *step = step_at(m->scn, i);

		drop[i] = i == from || (step->kind == STEP_END && step->match == from);
	}
	return drop_marked(m, drop);
}

static bool drop_some(struct minimiser *m)
{
	bool changed = false;

	for (guint nr = MAX(m->scn->steps->len / 2, 1); nr >= 1; nr /= 2)
		for (guint i = 0; i + nr <= m->scn->steps->len;)
			if (drop_steps(m, i, nr, false) || (nr <= 2 && drop_steps(m, i, nr, true)))
				changed = true;
			else
				i++;
	for (guint i = 0; i < m->scn->steps->len; i++)
		changed = unwrap(m, i) || changed;
	return changed;
}

/* ---- Scripted handlers ---- */

#define ROWS(member, nr) \
	.at = offsetof(struct handler_script, member), \
	.size = sizeof(((struct handler_script *)NULL)->member) / (nr), .rows = (nr)

/* What may be said of a handler. */
static const struct script_part {
	gsize at, size;
	guint rows;
	bool fixed;		/* a row's place says what it is */
	gsize also;		/* rows of the same size that belong to these, or 0 */
} parts[] = {
	{ ROWS(accepts, 1) },
	{ ROWS(fail, NR_HANDLER_CALLS), .fixed = true },
	{ ROWS(finish, 1) },
	{ ROWS(id, 1) },
	{ ROWS(can_preserve, 1) },
	{ ROWS(can_finish, 1) },
	{ ROWS(flb, MAX_SCRIPT_FLBS), .also = offsetof(struct handler_script, flb_on) },
	{ ROWS(folios, 1) },
	{ ROWS(loses, 1) },
	{ ROWS(leaks, 1) },
	{ ROWS(needs, MAX_SCRIPT_NEEDS) },
	{ ROWS(compatible, MAX_SCRIPT_COMPATIBLE) },
	{ ROWS(features, MAX_SCRIPT_FEATURES) },
	{ ROWS(twice, 1) },
};

/* Take a row away; those behind it move up. */
static void drop_row(guint8 *rows, const struct script_part *part, guint row)
{
	gsize behind = part->fixed ? 0 : (part->rows - row - 1) * part->size;
	guint8 *at = rows + row * part->size;

	memmove(at, at + part->size, behind);
	memset(at + behind, 0, part->size);
}

static bool drop_part(struct minimiser *m, guint handler, const struct script_part *part, guint row)
{
	struct scenario *cut = copy(m);
	guint8 *script = (guint8 *)&g_array_index(cut->handlers, struct handler_script, handler);

	drop_row(script + part->at, part, row);
	if (part->also != 0)
		drop_row(script + part->also, part, row);
	return accept(m, cut);
}

static bool drop_handler(struct minimiser *m, guint i)
{
	struct scenario *cut = copy(m);

	g_array_remove_index(cut->handlers, i);
	return accept(m, cut);
}

static bool drop_parts(struct minimiser *m, guint handler)
{
	bool changed = false;

	for (gsize p = 0; p < G_N_ELEMENTS(parts); p++)
		for (guint row = parts[p].rows; row-- > 0;)
			changed = drop_part(m, handler, &parts[p], row) || changed;
	return changed;
}

static bool drop_handlers(struct minimiser *m)
{
	bool changed = false;

	for (guint i = 0; i < m->scn->handlers->len;)
		if (drop_handler(m, i))
			changed = true;
		else
			changed = drop_parts(m, i++) || changed;
	return changed;
}

/* ---- Making steps shorter ---- */

/* What step @i is expected to return: all but a name, or else all but the first. */
static bool drop_result(struct minimiser *m, guint i)
{
	struct scenario *cut = copy(m);
	struct op *op = &step_at(cut, i)->op;

	if (g_array_index(op->outcomes, struct outcome, 0).value.kind == VALUE_NAME)
		g_array_set_size(op->outcomes, 1);
	else
		g_clear_pointer(&op->outcomes, g_array_unref);
	return accept(m, cut);
}

static bool drop_results(struct minimiser *m)
{
	bool changed = false;

	for (guint i = 0; i < m->scn->steps->len; i++)
		if (step_at(m->scn, i)->kind == STEP_OP && step_at(m->scn, i)->op.outcomes != NULL)
			changed = drop_result(m, i) || changed;
	return changed;
}

/* A setting of the kernel that step @i begins; behind the last of them, its release. */
static bool drop_setting(struct minimiser *m, guint i, guint setting)
{
	struct scenario *cut = copy(m);
	struct kernel_heading *kernel = &step_at(cut, i)->kernel;

	if (setting > 0)
		g_array_remove_index(kernel->settings, setting - 1);
	else
		kernel->release = NULL;
	return accept(m, cut);
}

static bool drop_settings(struct minimiser *m)
{
	bool changed = false;

	for (guint i = 0; i < m->scn->steps->len; i++)
		for (guint s = step_at(m->scn, i)->kind != STEP_KERNEL ? 0 :
			       step_at(m->scn, i)->kernel.settings->len + 1; s-- > 0;)
			changed = drop_setting(m, i, s) || changed;
	return changed;
}

/* Where a number is: an argument, or a piece of one. */
struct number_place {
	guint step, arg;
	gint piece;		/* -1: the argument itself */
};

static struct value *value_at(const struct scenario *scn, const struct number_place *place)
{
	struct value *value = &step_at(scn, place->step)->op.args[place->arg];

	return place->piece < 0 ? value :
		&g_array_index(value->list, struct piece, place->piece).value;
}

/* A number that is written as one, or 0. */
static guint64 number_at(const struct scenario *scn, const struct number_place *place)
{
	const struct param *param = &step_at(scn, place->step)->op.info->args[place->arg];
	const struct value *value = value_at(scn, place);
	bool worded = param->kind == PARAM_FLAGS || param->kind == PARAM_WORD ||
		      (param->words != NULL && words_name(param->words, value->number) != NULL);

	if (value->kind != VALUE_NUMBER || value->var != 0 || (place->piece < 0 && worded) ||
	    (param->min < 0 && (gint64)value->number < 0))
		return 0;
	return value->number;
}

static bool put_number(struct minimiser *m, const struct number_place *place, guint64 n)
{
	struct scenario *cut = copy(m);
	struct value *value = value_at(cut, place);

	value->number = n;
	value->style = STYLE_DECIMAL;
	return accept(m, cut);
}

static bool lower_number(struct minimiser *m, const struct number_place *place)
{
	guint64 n = number_at(m->scn, place);

	return (n > 0 && put_number(m, place, 0)) || (n > 1 && put_number(m, place, 1)) ||
	       (n > 2 && put_number(m, place, n / 2));
}

/* The numbers in one argument. */
static bool lower_arg(struct minimiser *m, struct number_place place)
{
	const struct value *value = &step_at(m->scn, place.step)->op.args[place.arg];
	gint nr = value->kind == VALUE_PIECES ? (gint)value->list->len : 0;
	bool changed = false;

	for (place.piece = nr > 0 ? 0 : -1; place.piece < nr; place.piece++)
		while (lower_number(m, &place))
			changed = true;
	return changed;
}

static bool lower_numbers(struct minimiser *m)
{
	bool changed = false;

	for (guint i = 0; i < m->scn->steps->len; i++) {
		const struct step *step = step_at(m->scn, i);
		guint nr = step->kind == STEP_OP ? op_nr_args(step->op.info) : 0;

		for (guint arg = 0; arg < nr; arg++)
			changed = lower_arg(m, (struct number_place){ .step = i, .arg = arg }) ||
				  changed;
	}
	return changed;
}

/* ---- Merging objects ---- */

struct renaming {
	const char *from, *to;
};

static void rename_one(struct text *name, gpointer data)
{
	const struct renaming *renaming = data;

	if (name->vars != NULL || !g_str_equal(name->bytes, renaming->from))
		return;
	g_free(name->bytes);
	name->bytes = g_strdup(renaming->to);
	name->len = strlen(renaming->to);
}

/* Use one object where two were used, and make only that one. */
static bool merge_at(struct minimiser *m, guint i, guint j)
{
	struct renaming renaming = {
		.from = bound_name(step_at(m->scn, j)), .to = bound_name(step_at(m->scn, i)),
	};
	struct scenario *cut;

	if (renaming.from == NULL || renaming.to == NULL ||
	    g_str_equal(renaming.from, renaming.to))
		return false;
	cut = copy(m);
	for (guint s = 0; s < cut->steps->len; s++)
		if (step_at(cut, s)->kind == STEP_OP)
			visit_names(&step_at(cut, s)->op, rename_one, &renaming);
	g_array_remove_index(cut->steps, j);
	return accept(m, cut);
}

static bool merge_objects(struct minimiser *m)
{
	bool changed = false;

	for (guint i = 0; i < m->scn->steps->len; i++)
		for (guint j = i + 1; j < m->scn->steps->len;)
			if (merge_at(m, i, j))
				changed = true;
			else
				j++;
	return changed;
}

/* ---- All of it ---- */

/* Begin with what only says what the scenario is for, and what comes of it, left out. */
static bool begin(struct minimiser *m, const struct scenario *scn)
{
	g_autofree char *text = printed(scn);
	struct scenario *cut = parsed(m, text);

	if (cut == NULL)
		return false;
	g_clear_pointer(&cut->about, g_free);
	g_clear_pointer(&cut->source, g_free);
	g_array_set_size(cut->runs, 0);
	cut->explore.line = 0;
	g_array_set_size(cut->expects, 0);
	cut->expect_line = 0;
	for (int i = 0; i < NR_LISTS; i++) {
		g_array_set_size(cut->lists[i], 0);
		cut->list_line[i] = 0;
	}
	g_free(text);
	text = printed(cut);
	scenario_free(cut);
	return take(m, text);
}

/* With the kinds as expectation. */
static char *finished(struct minimiser *m)
{
	struct expectation expected = { .kinds = m->kinds };

	g_array_append_val(m->scn->expects, expected);
	m->scn->expect_line = 1;
	return printed(m->scn);
}

char *minimise(const struct scenario *scn, const struct overrides *overrides)
{
	struct minimiser m = { .overrides = overrides, .file = scn->file };
	bool changed = true;
	char *result;

	if (!kinds_of(scn, overrides, &m.kinds) || m.kinds == 0)
		return NULL;
	/* What it comes to depends on what is left out here. */
	if (!begin(&m, scn))
		return printed(scn);
	while (changed) {
		changed = drop_some(&m);
		changed = drop_handlers(&m) || changed;
		changed = drop_results(&m) || changed;
		changed = drop_settings(&m) || changed;
		changed = merge_objects(&m) || changed;
		changed = lower_numbers(&m) || changed;
	}
	result = finished(&m);
	scenario_free(m.scn);
	g_free(m.text);
	return result;
}
