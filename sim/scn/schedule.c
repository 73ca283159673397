/* SPDX-License-Identifier: GPL-2.0-only */
/* Schedules of races: the heading "race ...", and "A*3,B,A" read and written. */
#include <string.h>

#include "scn/schedule.h"

static void turn_clear(struct turn *turn)
{
	g_free(turn->name);
}

GArray *schedule_new(void)
{
	GArray *schedule = g_array_new(FALSE, TRUE, sizeof(struct turn));

	g_array_set_clear_func(schedule, (GDestroyNotify)turn_clear);
	return schedule;
}

void schedule_step(GArray *schedule, guint task)
{
	struct turn *last = schedule->len > 0 ?
		&g_array_index(schedule, struct turn, schedule->len - 1) : NULL;
	struct turn turn = { .task = task, .steps = 1 };

	if (last != NULL && last->task == task)
		last->steps++;
	else
		g_array_append_val(schedule, turn);
}

const char *race_task(const struct scenario *scn, guint race, guint number)
{
	for (guint i = race + 1; i < scn->steps->len; i++) {
		const struct step *step = &g_array_index(scn->steps, struct step, i);

		if (step->kind == STEP_TASK && step->task.number == number)
			return step->task.name;
	}
	return "?";	/* of a scenario that is being cut; it does not parse */
}

void turns_print(GString *out, const GArray *schedule, const char *const *names)
{
	for (guint i = 0; i < schedule->len; i++) {
		const struct turn *turn = &g_array_index(schedule, struct turn, i);

		g_string_append_printf(out, "%s%s", i > 0 ? "," : "", names[turn->task - 1]);
		if (turn->steps > 0)
			g_string_append_printf(out, "*%u", turn->steps);
	}
}

void schedule_print(GString *out, const struct scenario *scn, guint race, const GArray *schedule)
{
	guint nr = g_array_index(scn->steps, struct step, race).race.nr_tasks;
	const char *names[MAX_TASKS];

	for (guint i = 0; i < nr; i++)
		names[i] = race_task(scn, race, i + 1);
	turns_print(out, schedule, names);
}

/* "A*3" */
static bool parse_turn(struct lex *l, GArray *schedule)
{
	enum number_style style;
	struct turn turn = { 0 };
	guint64 steps = 0;

	turn.at = l->p;
	turn.line = l->line;
	turn.line_nr = l->nr;
	turn.name = lex_word(l);
	if (turn.name == NULL) {
		lex_expected(l, "the name of a task");
		return false;
	}
	g_array_append_val(schedule, turn);
	if (!lex_accept(l, '*'))
		return true;
	if (!lex_magnitude(l, "a number of steps", &steps, &style))
		return false;
	if (steps == 0 || steps > G_MAXINT32) {
		lex_fail(l, turn.at, "%" G_GUINT64_FORMAT " steps, expected 1 to %d", steps,
			 G_MAXINT32);
		return false;
	}
	g_array_index(schedule, struct turn, schedule->len - 1).steps = steps;
	return true;
}

static bool parse_schedule(struct lex *l, struct race *race)
{
	race->schedule = schedule_new();
	do {
		if (!parse_turn(l, race->schedule))
			return false;
	} while (lex_accept(l, ','));
	return true;
}

static bool parse_seed(struct lex *l, struct race *race)
{
	enum number_style style;

	race->seeded = true;
	return lex_magnitude(l, "a seed", &race->seed, &style);
}

static bool parse_preemptions(struct lex *l, struct race *race)
{
	enum number_style style;
	const char *at = l->p;
	guint64 n;

	if (!lex_magnitude(l, "a number of preemptions", &n, &style))
		return false;
	if (n >= NO_BOUND) {
		lex_fail(l, at, "number too large, expected one of 32 bits");
		return false;
	}
	race->preemptions = n;
	return true;
}

static const struct {
	const char *name;
	bool (*parse)(struct lex *l, struct race *race);
} options[] = {
	{ "preemptions", parse_preemptions },
	{ "schedule", parse_schedule },
	{ "seed", parse_seed },
};

static bool parse_option(struct lex *l, struct race *race)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new();
	int option;

	for (guint i = 0; i < G_N_ELEMENTS(options); i++)
		g_ptr_array_add(words, (char *)options[i].name);
	option = lex_choice(l, "preemptions=, schedule= or seed=", "option of a race", words);
	return option >= 0 && lex_need(l, '=') && options[option].parse(l, race);
}

bool race_parse(struct lex *l, struct race *race)
{
	const char *at = l->p;

	race->preemptions = NO_BOUND;
	while (!lex_done(l))
		if (!parse_option(l, race))
			return false;
	if (race->schedule == NULL || (!race->seeded && race->preemptions == NO_BOUND))
		return true;
	lex_fail(l, at, "schedule= together with another option, expected it alone");
	return false;
}

static guint task_find(const struct scenario *scn, guint race, guint nr_tasks, const char *name)
{
	guint number = nr_tasks;

	while (number > 0 && strcmp(race_task(scn, race, number), name) != 0)
		number--;
	return number;
}

bool race_check(struct lex *l, struct scenario *scn, guint index)
{
	struct race *race = &g_array_index(scn->steps, struct step, index).race;

	if (race->nr_tasks < 2) {
		lex_fail(l, l->line, "race of fewer than two tasks, expected 'task NAME' twice");
		return false;
	}
	for (guint i = 0; race->schedule != NULL && i < race->schedule->len; i++) {
		struct turn *turn = &g_array_index(race->schedule, struct turn, i);
		g_autoptr(GPtrArray) words = NULL;

		turn->task = task_find(scn, index, race->nr_tasks, turn->name);
		if (turn->task != 0)
			continue;
		words = g_ptr_array_new();
		for (guint t = 1; t <= race->nr_tasks; t++)
			g_ptr_array_add(words, (char *)race_task(scn, index, t));
		l->line = turn->line;
		l->nr = turn->line_nr;
		lex_unknown(l, turn->at, "task", turn->name, words, true);
		return false;
	}
	return true;
}

void race_print(GString *out, const struct scenario *scn, guint index)
{
	const struct race *race = &g_array_index(scn->steps, struct step, index).race;

	g_string_append(out, "race");
	if (race->preemptions != NO_BOUND)
		g_string_append_printf(out, " preemptions=%u", race->preemptions);
	if (race->seeded)
		g_string_append_printf(out, " seed=%" G_GUINT64_FORMAT, race->seed);
	if (race->schedule == NULL)
		return;
	g_string_append(out, " schedule=");
	schedule_print(out, scn, index, race->schedule);
}
