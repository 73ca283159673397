/* SPDX-License-Identifier: GPL-2.0-only */
/* Reports for people: the trace of one run, or a line for each of several. */
#include "report/header.h"
#include "report/tone.h"
#include "report/trace.h"
#include "run/run.h"

struct report_text {
	struct report report;
	FILE *out;
	bool single;
	guint flags;
	GString *text;		/* of the run that goes on */
	struct trace *trace;
	struct report_event run;
	guint unreadable;
};

static void write_out(struct report_text *r)
{
	fwrite(r->text->str, 1, r->text->len, r->out);
	g_string_truncate(r->text, 0);
}

/* "ok   NAME, kernel R, policy P: OUTCOME", and the trace where it is wanted. */
static void write_verdict(struct report_text *r, const struct verdict *v)
{
	g_autoptr(GString) line = g_string_new(NULL);
	const char *word = v->skipped != NULL ? "skip" : !v->ok ? "FAIL" :
			   v->stopped != NULL ? "stop" : "ok  ";

	if (r->single)
		return;
	append_toned(line, v->ok ? TONE_GOOD : TONE_BAD, r->flags & TRACE_COLOUR, word);
	g_string_append_c(line, ' ');
	trace_summary(line, &r->run, v);
	fprintf(r->out, "%s\n", line->str);
	if (r->flags & TRACE_VERBOSE || (!v->ok && v->skipped == NULL)) {
		g_string_prepend_c(r->text, '\n');
		g_string_append_c(r->text, '\n');
		write_out(r);
	}
	g_string_truncate(r->text, 0);
}

static void write_totals(const struct report_text *r, const guint *totals)
{
	guint runs = totals[RUN_OK] + totals[RUN_FAILED] + totals[RUN_SKIPPED] +
		     totals[RUN_STOPPED];

	if (r->single)
		return;
	fprintf(r->out, "%u run%s: %u passed, %u failed", runs, runs == 1 ? "" : "s",
		totals[RUN_OK], totals[RUN_FAILED]);
	if (totals[RUN_SKIPPED] > 0)
		fprintf(r->out, ", %u skipped", totals[RUN_SKIPPED]);
	if (totals[RUN_STOPPED] > 0)
		fprintf(r->out, ", %u stopped", totals[RUN_STOPPED]);
	if (r->unreadable > 0)
		fprintf(r->out, "; %u file%s not read", r->unreadable,
			r->unreadable == 1 ? "" : "s");
	fputc('\n', r->out);
}

static void write_header(struct report_text *r, const struct header *header)
{
	header_print(r->text, header, "");
	g_string_append_c(r->text, '\n');
	write_out(r);
}

static void text_event(struct report *report, const struct report_event *e)
{
	struct report_text *r = (struct report_text *)report;

	if (e->type == REPORT_PLAN && e->header != NULL)
		write_header(r, e->header);
	trace_event(r->trace, e);
	r->unreadable += e->type == REPORT_UNREADABLE;
	if (e->type == REPORT_RUN)
		r->run = *e;
	if (r->single)
		write_out(r);
	if (e->type == REPORT_VERDICT)
		write_verdict(r, e->verdict);
	if (e->type == REPORT_END)
		write_totals(r, e->totals);
}

static void text_free(struct report *report)
{
	struct report_text *r = (struct report_text *)report;

	trace_free(r->trace);
	g_string_free(r->text, TRUE);
	g_free(r);
}

struct report *report_text(FILE *out, bool single, guint flags)
{
	struct report_text *r = g_new0(struct report_text, 1);

	r->report = (struct report){ .event = text_event, .free = text_free };
	r->out = out;
	r->single = single;
	r->flags = flags;
	r->text = g_string_new(NULL);
	r->trace = trace_new(r->text, flags);
	return &r->report;
}

static void none_event(struct report *report, const struct report_event *e)
{
	(void)report;
	(void)e;
}

static void none_free(struct report *report)
{
	g_free(report);
}

struct report *report_none(void)
{
	struct report *report = g_new0(struct report, 1);

	*report = (struct report){ .event = none_event, .free = none_free };
	return report;
}
