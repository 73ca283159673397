/* SPDX-License-Identifier: GPL-2.0-only */
/* Reports as JSON lines: one object for each event, see luosim(1). */
#include "run/aggregate.h"
#include "scn/fail.h"
#include "report/header.h"
#include "report/json.h"
#include "report/state.h"
#include "scn/print.h"
#include "scn/schedule.h"
#include "scn/tree.h"

struct report_json {
	struct report report;
	FILE *out;
	guint flags;			/* of enum trace_flags */
	bool begun;			/* the state was looked at before */
	struct state_watch *watch;	/* or NULL */
};

static void add_result(JsonBuilder *b, const char *name, const struct report_event *e,
		       const struct value *value)
{
	const struct print p = { .vars = e->vars };
	g_autoptr(GString) text = g_string_new(NULL);

	print_result(text, &p, e->op->info, value);
	add_string(b, name, text->str);
}

static void add_run(JsonBuilder *b, const struct report_event *e)
{
	add_string(b, "type", "scenario");
	add_string(b, "name", e->scn->name);
	add_string(b, "file", e->scn->path);
	add_string(b, "sha256", e->scn->digest);
	add_string(b, "variant", e->variant);
	add_string(b, "kernel", release_label(&e->boot->release));
	add_string(b, "policy", e->boot->release.policy.name);
}

static void add_plan(JsonBuilder *b, const struct report_event *e)
{
	add_string(b, "type", "plan");
	add_header(b, e->header);
	add_number(b, "scenarios", e->count);
}

static void add_unreadable(JsonBuilder *b, const struct report_event *e)
{
	add_string(b, "type", "unreadable");
	add_string(b, "file", e->file);
	add_string(b, "text", e->message);
}

static void add_fail(JsonBuilder *b, const struct report_event *e)
{
	g_autoptr(GString) text = g_string_new(NULL);

	fail_print(text, e->fail);
	add_string(b, "type", "fail");
	add_string(b, "statement", text->str);
}

static void add_process(JsonBuilder *b, const struct report_event *e)
{
	add_string(b, "type", "process");
	add_string(b, "name", e->process);
	add_bool(b, "started", !e->differs);
}

static void add_op(JsonBuilder *b, const struct report_event *e)
{
	const struct print p = { .vars = e->vars };
	g_autoptr(GString) call = g_string_new(NULL);

	print_call(call, &p, e->op);
	add_string(b, "type", "op");
	add_number(b, "kernel", machine_kernel(e->machine));
	add_number(b, "line", e->op->line);
	add_string(b, "op", call->str);
}

static void add_op_result(JsonBuilder *b, const struct report_event *e)
{
	add_string(b, "type", "result");
	add_number(b, "line", e->op->line);
	add_result(b, "result", e, e->result);
	if (e->expected != NULL)
		add_result(b, "expected", e, e->expected);
	add_bool(b, "ok", !e->differs);
	if (e->fault != FAULT_NONE)
		add_string(b, "fault", e->fault == FAULT_HIT ? "hit" : "miss");
}

static void add_violation(JsonBuilder *b, const struct violation *v)
{
	add_string(b, "kind", violation_name(v->kind));
	add_printable(b, "text", v->text);
	add_number(b, "line", v->op);
	add_hex(b, "pfn", v->pfn);
	add_number(b, "restored_line", v->restored_op);
	add_number(b, "asleep_line", v->waits_op);
	add_number(b, "other_line", v->other_op);
	add_array(b, "claims");
	for (guint i = 0; i < MIN(v->nr_claims, G_N_ELEMENTS(v->claims)); i++) {
		g_autofree char *session = g_strndup(v->claims[i].session,
						     sizeof(v->claims[i].session));

		json_builder_begin_object(b);
		add_number(b, "line", v->claims[i].op);
		add_printable(b, "session", session);
		add_hex(b, "token", v->claims[i].token);
		json_builder_end_object(b);
	}
	json_builder_end_array(b);
}

static void add_event(JsonBuilder *b, const struct event *event)
{
	static const char *const types[] = { "log", "warn", "panic", "boot", "violation" };
	static const char *const levels[] = { "info", "warn", "err" };

	add_string(b, "type", types[event->type]);
	add_number(b, "kernel", event->kernel);
	if (event->type == EVENT_LOG)
		add_string(b, "level", levels[event->level]);
	if (event->type == EVENT_BOOT)
		add_string(b, "release", event->text);
	if (event->type == EVENT_LOG || event->type == EVENT_PANIC)
		add_printable(b, "text", event->text);
	if (event->type == EVENT_VIOLATION)
		add_violation(b, event->violation);
	if (event->type != EVENT_WARN)
		return;
	add_string(b, "function", event->func);
	add_array(b, "callers");
	for (unsigned int i = 0; i < event->depth; i++)
		json_builder_add_string_value(b, event->chain[i]);
	json_builder_end_array(b);
}

static void add_race(JsonBuilder *b, const struct report_event *e)
{
	g_autoptr(GString) schedule = g_string_new(NULL);

	schedule_print(schedule, e->scn, e->race->step, e->race->shown);
	add_string(b, "type", "race");
	add_string(b, "schedule", schedule->str);
}

static void add_turn(JsonBuilder *b, const struct report_event *e)
{
	static const char *const states[] = { "ready", "sleeps", "done" };

	add_string(b, "type", "turn");
	add_string(b, "task", race_task(e->scn, e->race_step, e->turn));
	add_number(b, "steps", e->count);
	add_string(b, "state", states[e->turn_ended]);
	if (e->at != NULL)
		add_string(b, "at", e->at);
	if (e->at_lock != NULL)
		add_string(b, "lock", e->at_lock);
}

/* The results of a set of runs, with what was chosen in the first of each. */
static void add_set(JsonBuilder *b, const struct aggregate *set)
{
	add_number(b, "runs", set->runs);
	add_array(b, "outcomes");
	for (guint i = 0; i < set->groups->len; i++) {
		const struct group *g = &g_array_index(set->groups, struct group, i);

		json_builder_begin_object(b);
		add_kinds(b, "violations", g->causes);
		add_bool(b, "differs", g->differs);
		add_number(b, "runs", g->runs);
		add_string(b, "first", g->first);
		json_builder_end_object(b);
	}
	json_builder_end_array(b);
	add_array(b, "complaints");
	for (guint i = 0; i < set->complaints->len; i++)
		json_builder_add_string_value(b, set->complaints->pdata[i]);
	json_builder_end_array(b);
}

static void add_verdict(JsonBuilder *b, const struct report_event *e)
{
	const struct verdict *v = e->verdict;

	add_string(b, "type", "verdict");
	add_string(b, "name", e->scn->name);
	add_string(b, "outcome", v->skipped != NULL ? "skipped" : !v->ok ? "failed" :
				 v->stopped != NULL ? "stopped" : "ok");
	if (v->skipped != NULL) {
		add_string(b, "reason", v->skipped);
		return;
	}
	add_kinds(b, "violations", v->kinds);
	add_kinds(b, "expected", v->expected);
	add_number(b, "mismatches", v->mismatches);
	add_number(b, "not_reached", v->not_reached);
	if (v->stopped != NULL) {
		add_string(b, "stopped", v->stopped);
		add_string(b, "untried", v->untried);
		if (!g_str_equal(v->untried, "steps"))
			add_number(b, "tried", v->tried);
	}
	if (v->set != NULL)
		add_set(b, v->set);
}

/* What the call changed in the machine. */
static void write_state(struct report_json *r, const struct report_event *e)
{
	g_autoptr(JsonBuilder) b = json_builder_new();

	state_watch_look(r->watch, e->machine, true);
	json_builder_begin_object(b);
	add_string(b, "type", "state");
	add_number(b, "kernel", machine_kernel(e->machine));
	add_number(b, "line", e->op->line);
	add_changes(b, r->watch);
	if (r->flags & TRACE_ALL)
		add_objects(b, r->watch->now);
	json_builder_end_object(b);
	write_json(r->out, b);
}

/* It is looked at before the first call, and after each. */
static void json_state(struct report_json *r, const struct report_event *e)
{
	if (e->type == REPORT_RUN)
		r->begun = false;
	if (e->type == REPORT_OP && !r->begun) {
		state_watch_look(r->watch, e->machine, false);
		r->begun = true;
	}
	if (e->type == REPORT_RESULT)
		write_state(r, e);
}

static void json_event(struct report *report, const struct report_event *e)
{
	struct report_json *r = (struct report_json *)report;
	g_autoptr(JsonBuilder) b = NULL;

	if (e->type == REPORT_PLAN ? e->header == NULL :
	    e->type < REPORT_RUN || e->type > REPORT_UNREADABLE)
		return;
	b = json_builder_new();
	json_builder_begin_object(b);
	if (e->type == REPORT_PLAN)
		add_plan(b, e);
	else if (e->type == REPORT_RUN)
		add_run(b, e);
	else if (e->type == REPORT_UNREADABLE)
		add_unreadable(b, e);
	else if (e->type == REPORT_PROCESS)
		add_process(b, e);
	else if (e->type == REPORT_FAIL)
		add_fail(b, e);
	else if (e->type == REPORT_OP)
		add_op(b, e);
	else if (e->type == REPORT_EVENT)
		add_event(b, e->event);
	else if (e->type == REPORT_RESULT)
		add_op_result(b, e);
	else if (e->type == REPORT_RACE)
		add_race(b, e);
	else if (e->type == REPORT_TURN)
		add_turn(b, e);
	else
		add_verdict(b, e);
	json_builder_end_object(b);
	write_json(r->out, b);
	if (r->watch != NULL)
		json_state(r, e);
}

static void json_free(struct report *report)
{
	state_watch_free(((struct report_json *)report)->watch);
	g_free(report);
}

struct report *report_json(FILE *out, guint flags)
{
	struct report_json *r = g_new0(struct report_json, 1);

	r->report = (struct report){ .event = json_event, .free = json_free };
	r->out = out;
	r->flags = flags;
	r->watch = flags & TRACE_VERBOSE ? state_watch_new() : NULL;
	return &r->report;
}
