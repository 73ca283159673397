/* SPDX-License-Identifier: GPL-2.0-only */
/* Running a scenario on a machine: the only place that judges results. */

#include "run/aggregate.h"
#include "run/interleave.h"
#include "run/plan.h"
#include "run/run-state.h"
#include "scn/fail.h"
#include "scn/schedule.h"
#include "scn/select.h"
#include "run/sweep.h"

/* How many first rounds of a repetition are shown, before the last. */
#define SHOWN_ROUNDS	2

/* ---- Kernels ---- */

const struct boot *boot_of(const struct run *r, guint number)
{
	guint i = r->planned->len - 1;

	while (i > 0 && g_array_index(r->planned, struct planned, i).number > number)
		i--;
	return &g_array_index(r->planned, struct planned, i).boot;
}

const struct boot *running(const struct run *r)
{
	return boot_of(r, machine_kernel(r->machine));
}

/* ---- Steps ---- */

void report(struct run *r, struct report_event *e)
{
	e->scn = r->scn;
	e->machine = r->machine;
	e->vars = r->vars;
	e->op = r->caller->op;
	e->task = r->caller->task;
	r->report->event(r->report, e);
}

static void emit(void *data, const struct event *event)
{
	struct run *r = data;
	struct report_event e = { .type = REPORT_EVENT, .event = event };

	if (event->type == EVENT_BOOT)
		e.boot = boot_of(r, event->kernel);
	report(r, &e);
}

bool step_is_brief(const GArray *steps, const gint64 *vars, guint step)
{
	guint depth = g_array_index(steps, struct step, step).depth;

	while (step > 0 && depth > 0) {
		const struct step *s = &g_array_index(steps, struct step, --step);
		const struct repeat *repeat = &s->repeat;

		if (s->kind != STEP_REPEAT || s->depth >= depth)
			continue;
		depth = s->depth;
		if (vars[repeat->var - 1] - repeat->from >= SHOWN_ROUNDS &&
		    vars[repeat->var - 1] != repeat->to)
			return true;
	}
	return false;
}

static bool is_brief(const struct run *r, guint step)
{
	return step_is_brief(r->scn->steps, r->vars, step);
}

void run_fail(struct run *r, const struct step *step, bool brief)
{
	struct report_event e = { .type = REPORT_FAIL, .fail = &step->fail, .brief = brief };
	struct failure failure = step->fail.failure;

	if (step->fail.any) {
		r->sweep_line = step->line;
		failure.nth = ++r->sweeps == r->choice->sweep ? r->choice->nth : 0;
	}
	machine_fail(r->machine, &failure);
	report(r, &e);
}

static void run_process(struct run *r, const char *process, bool brief)
{
	struct report_event e = { .type = REPORT_PROCESS, .process = process, .brief = brief };

	e.differs = machine_process(r->machine, process) < 0;
	r->mismatches += e.differs;
	r->main.process = process;
	report(r, &e);
}

static bool out_of_time(struct run *r)
{
	r->late = r->late || (r->deadline != 0 && g_get_monotonic_time() > r->deadline);
	return r->late;
}

guint run_steps(struct run *r, guint pc)
{
	const GArray *steps = r->scn->steps;
	guint left = 0;

	while (pc < steps->len && !machine_panicked(r->machine) && !out_of_time(r)) {
		const struct step *step = &g_array_index(steps, struct step, pc);
		const struct repeat *repeat;

		switch (step->kind) {
		case STEP_KERNEL:
			if (step->kernel.number != machine_kernel(r->machine))
				goto stop;
			break;
		case STEP_OP:
			call_op(r, &r->main, &step->op, is_brief(r, pc));
			/* A crash kernel, where no step stands that would lead to it. */
			if (r->main.call.boots && !step->op.info->reboots) {
				pc++;
				goto stop;
			}
			break;
		case STEP_FAIL:
			run_fail(r, step, is_brief(r, pc));
			break;
		case STEP_RACE:
			pc = run_race(r, pc);
			continue;
		case STEP_TASK:
			break;
		case STEP_PROCESS:
			run_process(r, step->process, is_brief(r, pc));
			break;
		case STEP_REPEAT:
			r->vars[step->repeat.var - 1] = step->repeat.from;
			break;
		case STEP_END:
			repeat = &g_array_index(steps, struct step, step->match).repeat;
			if (r->vars[repeat->var - 1] < repeat->to) {
				r->vars[repeat->var - 1]++;
				pc = step->match;
			}
			break;
		}
		pc++;
	}
stop:
	for (; pc < steps->len; pc++)
		left += g_array_index(steps, struct step, pc).kind == STEP_OP;
	return left;
}

/* ---- The verdict ---- */

guint32 run_kinds(const struct run *r)
{
	size_t nr;
	const struct violation *violations = machine_violations(r->machine, &nr);
	guint32 kinds = 0;

	for (gsize i = 0; i < nr; i++)
		kinds |= 1u << violations[i].kind;
	return kinds;
}

guint32 run_causes(guint32 kinds, bool panic_on_warn)
{
	guint32 symptoms = 1u << VIOLATION_WARN, others;

	if (panic_on_warn)
		symptoms |= 1u << VIOLATION_PANIC;
	/* The model stops where a real kernel goes on in undefined ways, or not at all. */
	if (kinds & (1u << VIOLATION_USE_AFTER_FREE | 1u << VIOLATION_STUCK))
		symptoms |= 1u << VIOLATION_PANIC;
	others = kinds & ~symptoms;
	return others != 0 ? others : kinds;
}

/*
 * What is expected must be there, but for what steps that were left out may have led to; a
 * symptom together with a cause may be.
 */
static bool is_ok(const struct verdict *v)
{
	return v->mismatches == 0 &&
	       (v->expected == EXPECT_ANY ||
		((v->stopped != NULL || (v->expected & ~v->kinds) == 0) &&
		 (v->causes & ~v->expected) == 0));
}

/* The run that was shown. */
static void judge_run(const struct run *r, struct verdict *v)
{
	v->violations = machine_violations(r->machine, &v->nr_violations);
	v->kinds = run_kinds(r);
	v->mismatches = r->mismatches;
	v->causes = run_causes(v->kinds, running(r)->panic_on_warn);
	/* Of one schedule of a race nothing is said. */
	v->expected = r->schedule != NULL ? EXPECT_ANY :
		      expected_kinds(r->scn->expects, &boot_of(r, 1)->release);
	if (r->late) {
		v->stopped = TIME_LIMIT;
		v->untried = "steps";
	}
	v->ok = is_ok(v);
}

/* All schedules of its race, or the one that was given. */
static struct aggregate *judge_race(const struct run *r, struct verdict *v)
{
	/* How much was found before the search stopped depends on the compiler. */
	bool all_found = r->race.stopped == NULL;
	struct aggregate *set = aggregate_new(r->scn, &boot_of(r, 1)->release, "schedule",
					      all_found ? "shortest" : "such as");
	struct verdict all;

	set->partial = !all_found || r->late;
	if (r->race.verdicts->len == 0 && all_found)
		aggregate_add(set, v, 1, "as given");
	for (guint i = 0; i < r->race.verdicts->len; i++) {
		const struct race_verdict *rv = &g_array_index(r->race.verdicts,
							       struct race_verdict, i);
		struct verdict one = {
			.kinds = rv->kinds, .causes = rv->causes, .mismatches = rv->differs,
			.expected = v->expected,
		};
		g_autoptr(GString) schedule = g_string_new(NULL);

		one.ok = is_ok(&one);
		schedule_print(schedule, r->scn, r->race.step, rv->schedule);
		aggregate_add(set, &one, all_found ? rv->count : 0, schedule->str);
	}
	aggregate_verdict(set, &all);
	all.violations = v->violations;
	all.nr_violations = v->nr_violations;
	all.not_reached = v->not_reached;
	all.stopped = all_found ? v->stopped : r->race.stopped;
	all.untried = all_found ? v->untried : "schedules";
	all.tried = r->race.tried;
	*v = all;
	return set;
}

static enum run_result give_verdict(struct run *r, struct verdict *v)
{
	struct report_event e = {
		.type = REPORT_VERDICT, .verdict = v,
	};
	g_autoptr(GString) choice = g_string_new(NULL);
	struct aggregate *set = NULL;

	if (r->chosen_line != 0) {
		g_string_printf(choice, "line %u: ", r->chosen_line);
		fail_print(choice, &r->chosen);
	} else {
		g_string_assign(choice, "as it stands");
	}
	e.choice = choice->str;
	if (v->skipped == NULL)
		judge_run(r, v);
	if (r->race.shown != NULL && r->schedule == NULL)
		set = judge_race(r, v);
	report(r, &e);
	g_clear_pointer(&set, aggregate_free);
	if (v->skipped != NULL)
		return RUN_SKIPPED;
	if (!v->ok)
		return RUN_FAILED;
	return v->stopped != NULL ? RUN_STOPPED : RUN_OK;
}

static void run_free(struct run *r)
{
	machine_free(r->machine);
	g_array_unref(r->planned);
	g_hash_table_unref(r->names);
	g_array_unref(r->fds);
	g_string_free(r->key, TRUE);
	g_array_unref(r->race.verdicts);
	if (r->race.shown != NULL)
		g_array_unref(r->race.shown);
	caller_clear(&r->main);
}

/* Run with @r, of which what is to be run is set. */
static enum run_result make_run(struct run *r, const struct overrides *overrides)
{
	struct machine_config config = {
		.emit = emit, .data = r,
		.scripts = (struct handler_script *)r->scn->handlers->data,
		.nr_scripts = r->scn->handlers->len,
	};
	struct report_event e = { .type = REPORT_RUN };
	g_autofree char *objection = NULL;
	struct verdict verdict = { 0 };

	caller_init(&r->main, 0, INIT);
	r->planned = plan_kernels(r->scn, r->variant, overrides, &config.mem);
	config.boot = *boot_of(r, 1);
	e.boot = &config.boot;
	e.variant = r->variant != NULL ? r->variant->name : config.boot.release.name;
	report(r, &e);
	objection = plan_objection(r->scn, r->variant, overrides);
	verdict.skipped = objection;
	r->machine = objection == NULL ? machine_new(&config) : NULL;
	if (r->machine != NULL) {
		verdict.not_reached = run_steps(r, 0);
		if (!r->late)
			machine_end(r->machine);
	} else if (objection == NULL) {
		verdict.skipped = "not enough address space";
	}
	return give_verdict(r, &verdict);
}

/* @schedule: of its race, NULL: all that there are. */
static enum run_result run_with(const struct scenario *scn, const struct variant *variant,
				const struct overrides *overrides, const struct choice *choice,
				gint64 deadline, struct report *rep, const GArray *schedule)
{
	struct run r = {
		.scn = scn, .variant = variant, .report = rep, .choice = choice,
		.deadline = deadline, .schedule = schedule, .outcomes = overrides->outcomes,
		.names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
		.fds = g_array_new(FALSE, TRUE, sizeof(gint32)),
		.key = g_string_new(NULL),
		.caller = &r.main,
		.race = {
			.reduced = !overrides->no_reduction,
			.max_states = overrides->max_states > 0 ? (guint)overrides->max_states :
								  DEFAULT_STATES,
			.verdicts = race_verdicts_new(),
		},
	};
	enum run_result result = make_run(&r, overrides);

	for (guint i = 0; rep->each_verdict && i < r.race.verdicts->len; i++) {
		const GArray *other = g_array_index(r.race.verdicts, struct race_verdict,
						    i).schedule;

		if (other != r.race.shown)
			run_with(scn, variant, overrides, choice, deadline, rep, other);
	}
	run_free(&r);
	return result;
}

enum run_result run_once(const struct scenario *scn, const struct variant *variant,
			 const struct overrides *overrides, const struct choice *choice,
			 gint64 deadline, struct report *rep)
{
	return run_with(scn, variant, overrides, choice, deadline, rep, NULL);
}

enum run_result run_scenario(const struct scenario *scn, const struct variant *variant,
			     const struct overrides *overrides, struct report *rep)
{
	gint64 deadline = overrides->time_limit > 0 ?
				  g_get_monotonic_time() + overrides->time_limit : 0;

	if (scn->sweeps)
		return sweep_run(scn, variant, overrides, deadline, rep);
	return run_once(scn, variant, overrides, NULL, deadline, rep);
}

enum run_result run_skip(const struct scenario *scn, const struct overrides *overrides,
			 const char *why, struct report *rep)
{
	guint64 mem;
	g_autoptr(GArray) plan = plan_kernels(scn, NULL, overrides, &mem);
	const struct boot *boot = &g_array_index(plan, struct planned, 0).boot;
	const struct verdict verdict = { .skipped = why };
	struct report_event e = {
		.type = REPORT_RUN, .scn = scn, .boot = boot, .variant = boot->release.name,
	};

	rep->event(rep, &e);
	e = (struct report_event){ .type = REPORT_VERDICT, .scn = scn, .verdict = &verdict };
	rep->event(rep, &e);
	return RUN_SKIPPED;
}
