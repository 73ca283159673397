/* SPDX-License-Identifier: GPL-2.0-only */
/* A race that goes on: its tasks, stepping them, and going back to an earlier moment. */
#include <string.h>

#include "run/run-state.h"
#include "scn/schedule.h"
#include "run/interleave.h"
#include "run/outcome.h"

struct race_task {
	struct racing *racing;
	guint first, next;		/* steps of the scenario */
	struct caller *caller;		/* of the call that goes on, or NULL */
};

struct racing {
	struct run *r;
	guint pc;			/* step that began the race */
	const struct race *race;
	guint kernel;			/* in which it began */
	struct race_task tasks[MAX_TASKS];
	struct caller *callers;		/* one for each step of the race */
	guint nr_steps;
	struct schedules all;
};

static const struct step *step_at(const struct racing *g, guint pc)
{
	return &g_array_index(g->r->scn->steps, struct step, pc);
}

/* ---- Tasks ---- */

/* The names that the next call uses are looked up when it is made. */
static void between_calls(struct race_task *task)
{
	task->caller = NULL;
	machine_task_yield(task->racing->r->machine);
}

/* What a task does; on its own stack. Only what the machine holds may be kept over a call. */
static void task_body(void *data)
{
	struct race_task *task = data;
	struct racing *g = task->racing;
	const struct step *step;

	while (((step = step_at(g, task->next))->kind == STEP_OP || step->kind == STEP_FAIL) &&
	       machine_task_lives(g->r->machine)) {
		task->caller = &g->callers[task->next - g->pc];
		g->r->caller = task->caller;
		if (step->kind == STEP_FAIL)
			run_fail(g->r, step, false);
		else
			call_op(g->r, task->caller, &step->op, false);
		task->next++;
		if (step->kind == STEP_OP && step[1].kind != STEP_TASK && step[1].kind != STEP_END)
			between_calls(task);
	}
	task->caller = NULL;
}

static void start_task(struct racing *g, guint number, guint first, const char *process)
{
	struct race_task *task = &g->tasks[number - 1];

	g->r->mismatches += machine_process(g->r->machine, process) < 0;
	*task = (struct race_task){ .racing = g, .first = first, .next = first };
	machine_task_new(g->r->machine, task_body, task);
}

static void racing_step(void *data, guint task)
{
	struct racing *g = data;

	if (g->tasks[task].caller != NULL)
		g->r->caller = g->tasks[task].caller;
	caller_step(g->r, g->r->caller);
	machine_task_step(g->r->machine, task + 1);
	g->r->caller = &g->r->main;
}

/* The call that started the next kernel is treated as returning there. */
static struct caller *left_kernel(struct racing *g)
{
	for (guint i = 0; i < g->race->nr_tasks; i++)
		if (g->tasks[i].caller != NULL &&
		    machine_task_state(g->r->machine, i + 1) == TASK_DONE)
			return g->tasks[i].caller;
	return NULL;
}

/* The race is over: go on to the step after it. */
static guint racing_end(struct racing *g)
{
	struct run *r = g->r;
	struct caller *left = left_kernel(g);

	if (left != NULL)
		r->caller = left;
	machine_tasks_end(r->machine);
	if (left != NULL) {
		left->call.boots = machine_kernel(r->machine) != g->kernel;
		call_returned(r, left, 0, false);
	}
	r->caller = &r->main;
	return g->pc + g->nr_steps + 1;
}

/* ---- Moments ---- */

static void put(GByteArray *out, const void *data, gsize len)
{
	g_byte_array_append(out, data, len);
}

static void racing_save(void *data, GByteArray *rest)
{
	const struct racing *g = data;
	const struct run *r = g->r;

	put(rest, &r->mismatches, sizeof(r->mismatches));
	put(rest, r->fds->data, r->fds->len * sizeof(gint32));
	put(rest, g->tasks, g->race->nr_tasks * sizeof(g->tasks[0]));
	put(rest, g->callers, g->nr_steps * sizeof(g->callers[0]));
}

static const guint8 *get(const guint8 *from, void *data, gsize len)
{
	memcpy(data, from, len);
	return from + len;
}

static void racing_restore(void *data, const GByteArray *rest)
{
	struct racing *g = data;
	const guint8 *p = rest->data;
	gsize behind = g->race->nr_tasks * sizeof(g->tasks[0]) +
		       g->nr_steps * sizeof(g->callers[0]);
	struct run *r = g->r;

	p = get(p, &r->mismatches, sizeof(r->mismatches));
	/* Names that later steps bound stay known, for nothing. */
	for (guint i = 0; i < r->fds->len; i++)
		g_array_index(r->fds, gint32, i) = -1;
	p = get(p, r->fds->data, rest->data + rest->len - behind - p);
	p = get(p, g->tasks, g->race->nr_tasks * sizeof(g->tasks[0]));
	get(p, g->callers, g->nr_steps * sizeof(g->callers[0]));
}

/* ---- Verdicts ---- */

static void verdict_clear(struct race_verdict *v)
{
	g_array_unref(v->schedule);
}

GArray *race_verdicts_new(void)
{
	GArray *verdicts = g_array_new(FALSE, TRUE, sizeof(struct race_verdict));

	g_array_set_clear_func(verdicts, (GDestroyNotify)verdict_clear);
	return verdicts;
}

static guint find_verdict(struct racing *g, guint32 kinds, bool differs)
{
	GArray *verdicts = g->r->race.verdicts;
	const struct race_verdict new = {
		.causes = run_causes(kinds, running(g->r)->panic_on_warn),
		.kinds = kinds, .differs = differs,
	};

	for (guint i = 0; i < verdicts->len; i++) {
		struct race_verdict *v = &g_array_index(verdicts, struct race_verdict, i);

		if (v->causes != new.causes || v->differs != differs)
			continue;
		v->kinds |= kinds;
		return i;
	}
	g_array_append_val(verdicts, new);
	return verdicts->len - 1;
}

/* The results of the calls of the race; those of later calls are added. */
static void outcome_begin(struct racing *g)
{
	g->r->outcome = g_string_new(NULL);
	for (guint i = 0; i < g->nr_steps; i++)
		if (step_at(g, g->pc + i)->kind == STEP_OP)
			outcome_add(g->r->outcome, step_at(g, g->pc + i)->op.info,
				    g_quark_to_string(g->callers[i].said));
}

static void outcome_take(struct run *r)
{
	g_autofree char *text = NULL;

	outcome_end(r->outcome, run_kinds(r) & 1u << VIOLATION_WARN, machine_panicked(r->machine));
	text = g_string_free(g_steal_pointer(&r->outcome), FALSE);
	if (!g_ptr_array_find_with_equal_func(r->outcomes, text, g_str_equal, NULL))
		g_ptr_array_add(r->outcomes, g_steal_pointer(&text));
}

/*
 * Nobody can take a step any more: the rest of the scenario tells what came of it, if there
 * is time for all of it.
 */
static guint racing_verdict(void *data)
{
	struct racing *g = data;
	struct run *r = g->r;
	guint behind = racing_end(g);

	if (r->outcomes != NULL)
		outcome_begin(g);
	run_steps(r, behind);
	if (r->outcomes != NULL)
		outcome_take(r);
	if (r->late) {
		g->all.stopped = TIME_LIMIT;
		return NO_ENDING;
	}
	machine_end(r->machine);
	return find_verdict(g, run_kinds(r), r->mismatches > 0);
}

/* ---- A race ---- */

static struct racing *racing_new(struct run *r, guint pc)
{
	struct racing *g = g_new0(struct racing, 1);
	const char *process = r->main.process;
	guint task = 0;

	g->r = r;
	g->pc = pc;
	g->race = &step_at(g, pc)->race;
	g->kernel = machine_kernel(r->machine);
	while (step_at(g, pc + g->nr_steps)->kind != STEP_END)
		g->nr_steps++;
	g->callers = g_new0(struct caller, g->nr_steps);
	for (guint i = 0; i < g->nr_steps; i++) {
		const struct step *step = step_at(g, pc + i);

		if (step->kind == STEP_TASK) {
			process = step->task.process != NULL ? step->task.process :
							       r->main.process;
			start_task(g, ++task, pc + i + 1, process);
		}
		caller_init(&g->callers[i], task, process);
		if (step->kind == STEP_OP)
			names_reserve(r, process, &step->op);
	}
	machine_process(r->machine, r->main.process);
	g->all = (struct schedules){
		.machine = r->machine, .nr_tasks = g->race->nr_tasks,
		.preemptions = g->race->preemptions, .max_states = r->race.max_states,
		.reduced = r->race.reduced, .step = racing_step, .save = racing_save,
		.restore = racing_restore, .end = racing_verdict, .data = g,
		.deadline = r->deadline,
	};
	schedules_init(&g->all);
	return g;
}

static void racing_free(struct racing *g)
{
	for (guint i = 0; i < g->nr_steps; i++)
		caller_clear(&g->callers[i]);
	g_free(g->callers);
	schedules_clear(&g->all);
	g_free(g);
}

static gint by_causes(gconstpointer a, gconstpointer b)
{
	const struct race_verdict *v = a, *w = b;

	if (v->causes != w->causes)
		return v->causes < w->causes ? -1 : 1;
	return v->differs - w->differs;
}

/* What to look at first: a result that nobody expected, then what broke. */
static guint badness(const struct race_verdict *v)
{
	return 2 * v->differs + (v->causes != 0);
}

/* The schedule to look at: one that goes wrong, with as few switches as can be. */
static const struct race_verdict *worst(const struct race_summary *summary)
{
	const struct race_verdict *worst = &g_array_index(summary->verdicts,
							  struct race_verdict, 0);

	for (guint i = 1; i < summary->verdicts->len; i++) {
		const struct race_verdict *v = &g_array_index(summary->verdicts,
							      struct race_verdict, i);

		if (badness(v) > badness(worst) ||
		    (badness(v) == badness(worst) && v->schedule->len < worst->schedule->len))
			worst = v;
	}
	return worst;
}

static void search_race(struct racing *g)
{
	struct race_summary *summary = &g->r->race;
	struct schedules *all = &g->all;

	all->progress = progress_new("states of the race");
	schedules_search(all);
	progress_free(all->progress);
	summary->stopped = all->stopped;
	summary->tried = all->tried;
	for (guint i = 0; i < summary->verdicts->len; i++) {
		struct race_verdict *v = &g_array_index(summary->verdicts, struct race_verdict, i);
		const struct ending *ending = &g_array_index(all->endings, struct ending, i);

		v->schedule = g_array_ref(ending->schedule);
		v->count = ending->count;
	}
	g_array_sort(summary->verdicts, by_causes);
	/* The one to show was in time before, if there is one. */
	if (summary->verdicts->len > 0) {
		g->r->deadline = 0;
		g->r->late = false;
	}
	summary->shown = summary->verdicts->len > 0 ? g_array_ref(worst(summary)->schedule) :
						      schedule_new();
}

/* ---- One schedule ---- */

/* Let one task take its turn; how many steps it took. */
static guint take_turn(struct racing *g, guint task, guint steps)
{
	struct report_event e = {
		.type = REPORT_TURN, .race_step = g->pc, .turn = task + 1, .wanted = MAX(steps, 1),
	};
	guint taken = 0;

	while ((steps == 0 || taken < steps) && schedules_ready(&g->all) >> task & 1) {
		racing_step(g, task);
		taken++;
	}
	e.count = taken;
	e.turn_ended = machine_task_state(g->r->machine, task + 1);
	e.at = machine_task_at(g->r->machine, task + 1, &e.at_lock);
	report(g->r, &e);
	return taken;
}

/* As @schedule has it, and after its end in the order of the tasks. */
static void follow_schedule(struct racing *g, const GArray *schedule)
{
	guint ready;

	for (guint i = 0; i < schedule->len; i++) {
		const struct turn *turn = &g_array_index(schedule, struct turn, i);
		guint taken = take_turn(g, turn->task - 1, turn->steps);

		/* It is not a schedule of this race then. */
		g->r->mismatches += taken == 0 || taken < turn->steps;
	}
	while ((ready = schedules_ready(&g->all)) != 0)
		take_turn(g, __builtin_ctz(ready), 0);
}

/* SplitMix64 */
static guint64 next_random(guint64 *state)
{
	guint64 z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static guint choose_bit(guint mask, guint64 *random)
{
	guint nth = next_random(random) % __builtin_popcount(mask);

	while (nth-- > 0)
		mask &= mask - 1;
	return __builtin_ctz(mask);
}

/* A schedule that the seed chooses, step by step. */
static GArray *random_schedule(struct racing *g)
{
	GArray *schedule = schedule_new();
	guint64 random = g->race->seed;
	guint preemptions = 0, last = 0, ready;
	struct moment start = { 0 };

	moment_save(&g->all, &start);
	for (; (ready = schedules_ready(&g->all)) != 0; racing_step(g, last)) {
		guint task = choose_bit(ready, &random);
		bool preempts = ready >> last & 1 && task != last && schedule->len > 0;

		if (preempts && preemptions >= g->race->preemptions)
			task = last;
		else
			preemptions += preempts;
		schedule_step(schedule, task + 1);
		last = task;
	}
	moment_restore(&g->all, &start);
	moment_clear(&start);
	return schedule;
}

guint run_race(struct run *r, guint pc)
{
	struct report *shown = r->report, *none = report_none();
	struct racing *g = racing_new(r, pc);
	struct report_event e = { .type = REPORT_RACE, .race = &r->race };

	r->race.step = pc;
	if (r->race.shown != NULL)
		g_array_unref(r->race.shown);
	r->report = none;
	if (g->race->schedule != NULL)
		r->race.shown = g_array_ref(g->race->schedule);
	else if (r->schedule != NULL)
		r->race.shown = g_array_ref((GArray *)r->schedule);
	else if (g->race->seeded)
		r->race.shown = random_schedule(g);
	else
		search_race(g);
	r->report = shown;
	none->free(none);
	report(r, &e);
	follow_schedule(g, r->race.shown);
	pc = racing_end(g);
	racing_free(g);
	return pc;
}
