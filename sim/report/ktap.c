/* SPDX-License-Identifier: GPL-2.0-only */
/* Reports as KTAP: one subtest for each scenario, in it one result for each variant. */
#include "run/aggregate.h"
#include "report/header.h"
#include "report/trace.h"

struct report_ktap {
	struct report report;
	FILE *out;
	GString *text;		/* trace of the run that goes on */
	struct trace *trace;
	const char *variant;
	guint scenario;		/* its number */
	guint run, runs;	/* ... of the scenario's */
	guint failed, skipped;
};

static void write_result(FILE *out, const char *indent, bool ok, guint number, const char *name,
			 const char *skipped)
{
	fprintf(out, "%s%s %u %s", indent, ok ? "ok" : "not ok", number, name);
	if (skipped != NULL)
		fprintf(out, " # SKIP %s", skipped);
	fputc('\n', out);
}

/* What is wrong, as comments before the result: the trace of a failed run. */
static void write_comments(FILE *out, const char *indent, const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (guint i = 0; lines[i] != NULL; i++)
		if (*lines[i] != '\0')
			fprintf(out, "%s# %s\n", indent, lines[i]);
}

static void write_set(struct report_ktap *r, const struct aggregate *set)
{
	g_autoptr(GString) line = g_string_new(NULL);

	aggregate_print(line, set);
	fprintf(r->out, "    # %s\n", line->str);
}

static void write_verdict(struct report_ktap *r, const struct scenario *scn,
			  const struct verdict *v)
{
	bool skipped = v->skipped != NULL, passed = v->ok && v->stopped == NULL;

	if (!passed && !skipped)
		write_comments(r->out, "    ", r->text->str);
	else if (v->set != NULL)
		write_set(r, v->set);
	write_result(r->out, "    ", passed || skipped, ++r->run, r->variant, v->skipped);
	r->failed += !passed && !skipped;
	r->skipped += skipped;
	if (r->run == r->runs)
		write_result(r->out, "", r->failed == 0, r->scenario, scn->title,
			     r->skipped == r->runs ? v->skipped : NULL);
}

static void write_plan(struct report_ktap *r, const struct report_event *e)
{
	g_autoptr(GString) header = g_string_new(NULL);

	if (e->header != NULL)
		header_print(header, e->header, "# ");
	fprintf(r->out, "KTAP version 1\n%s1..%u\n", header->str, e->count);
}

static void ktap_event(struct report *report, const struct report_event *e)
{
	struct report_ktap *r = (struct report_ktap *)report;

	trace_event(r->trace, e);
	switch (e->type) {
	case REPORT_PLAN:
		write_plan(r, e);
		break;
	case REPORT_SCENARIO:
		r->scenario = e->number;
		r->run = r->failed = r->skipped = 0;
		r->runs = e->count;
		fprintf(r->out, "    KTAP version 1\n    # Subtest: %s\n    1..%u\n", e->scn->title,
			e->count);
		break;
	case REPORT_RUN:
		r->variant = e->variant;
		break;
	case REPORT_UNREADABLE:
		write_comments(r->out, "", e->message);
		write_result(r->out, "", false, e->number, e->file, NULL);
		break;
	case REPORT_VERDICT:
		write_verdict(r, e->scn, e->verdict);
		g_string_truncate(r->text, 0);
		break;
	default:
		break;
	}
}

static void ktap_free(struct report *report)
{
	struct report_ktap *r = (struct report_ktap *)report;

	trace_free(r->trace);
	g_string_free(r->text, TRUE);
	g_free(r);
}

struct report *report_ktap(FILE *out)
{
	struct report_ktap *r = g_new0(struct report_ktap, 1);

	r->report = (struct report){ .event = ktap_event, .free = ktap_free };
	r->out = out;
	r->text = g_string_new(NULL);
	r->trace = trace_new(r->text, TRACE_LINES | TRACE_PATHS);
	return &r->report;
}
