/* SPDX-License-Identifier: GPL-2.0-only */
/* Reports as JSON lines: one object for each event, see luosim(1). */
#include <json-glib/json-glib.h>

#include "print.h"
#include "trace.h"

struct report_json {
	struct report report;
	FILE *out;
	JsonGenerator *generator;
};

static void add_string(JsonBuilder *b, const char *name, const char *value)
{
	json_builder_set_member_name(b, name);
	json_builder_add_string_value(b, value);
}

/* Text of the kernel's, of which every byte is allowed. */
static void add_printable(JsonBuilder *b, const char *name, const char *value)
{
	g_autoptr(GString) printable = g_string_new(NULL);

	append_printable(printable, value);
	add_string(b, name, printable->str);
}

static void add_number(JsonBuilder *b, const char *name, gint64 value)
{
	json_builder_set_member_name(b, name);
	json_builder_add_int_value(b, value);
}

static void add_bool(JsonBuilder *b, const char *name, bool value)
{
	json_builder_set_member_name(b, name);
	json_builder_add_boolean_value(b, value);
}

/* 64 bits do not fit into the numbers that many readers have. */
static void add_hex(JsonBuilder *b, const char *name, guint64 value)
{
	g_autofree char *hex = g_strdup_printf("0x%" G_GINT64_MODIFIER "x", value);

	add_string(b, name, hex);
}

static void add_kinds(JsonBuilder *b, const char *name, guint32 kinds)
{
	json_builder_set_member_name(b, name);
	json_builder_begin_array(b);
	for (int kind = 0; kind < NR_VIOLATION_KINDS; kind++)
		if (kinds & 1u << kind)
			json_builder_add_string_value(b, violation_name(kind));
	json_builder_end_array(b);
}

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
	add_string(b, "file", e->scn->file);
	add_string(b, "variant", e->variant);
	add_string(b, "kernel", e->boot->release.name);
	add_string(b, "policy", e->boot->release.policy.name);
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
	json_builder_set_member_name(b, "claims");
	json_builder_begin_array(b);
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
	json_builder_set_member_name(b, "callers");
	json_builder_begin_array(b);
	for (unsigned int i = 0; i < event->depth; i++)
		json_builder_add_string_value(b, event->chain[i]);
	json_builder_end_array(b);
}

static void add_verdict(JsonBuilder *b, const struct report_event *e)
{
	const struct verdict *v = e->verdict;

	add_string(b, "type", "verdict");
	add_string(b, "name", e->scn->name);
	add_string(b, "outcome", v->skipped != NULL ? "skipped" : v->ok ? "ok" : "failed");
	if (v->skipped != NULL) {
		add_string(b, "reason", v->skipped);
		return;
	}
	add_kinds(b, "violations", v->kinds);
	add_kinds(b, "expected", v->expected);
	add_number(b, "mismatches", v->mismatches);
	add_number(b, "not_reached", v->not_reached);
}

static void write_object(struct report_json *r, JsonBuilder *b)
{
	g_autoptr(JsonNode) root = json_builder_get_root(b);
	g_autofree char *line = NULL;

	json_generator_set_root(r->generator, root);
	line = json_generator_to_data(r->generator, NULL);
	fprintf(r->out, "%s\n", line);
}

static void json_event(struct report *report, const struct report_event *e)
{
	struct report_json *r = (struct report_json *)report;
	g_autoptr(JsonBuilder) b = NULL;

	if (e->type < REPORT_RUN || e->type > REPORT_VERDICT)
		return;
	b = json_builder_new();
	json_builder_begin_object(b);
	if (e->type == REPORT_RUN)
		add_run(b, e);
	else if (e->type == REPORT_OP)
		add_op(b, e);
	else if (e->type == REPORT_EVENT)
		add_event(b, e->event);
	else if (e->type == REPORT_RESULT)
		add_op_result(b, e);
	else
		add_verdict(b, e);
	json_builder_end_object(b);
	write_object(r, b);
}

static void json_free(struct report *report)
{
	struct report_json *r = (struct report_json *)report;

	g_object_unref(r->generator);
	g_free(r);
}

struct report *report_json(FILE *out)
{
	struct report_json *r = g_new0(struct report_json, 1);

	r->report = (struct report){ json_event, json_free };
	r->out = out;
	r->generator = json_generator_new();
	return &r->report;
}
