/* SPDX-License-Identifier: GPL-2.0-only */
/* Reports as JUnit's XML: a suite for each scenario, in it a case for each variant. */
#include "report/header.h"
#include "report/trace.h"

struct report_junit {
	struct report report;
	FILE *out;
	GString *text;		/* trace of the run that goes on */
	struct trace *trace;
	const char *variant;
	GString *cases;		/* of the scenario's that are over */
	guint run, runs, failed, skipped;
};

/* Attributes and text of the library's escaping. */
static void append(GString *out, const char *format, ...)
{
	g_autofree char *escaped = NULL;
	va_list ap;

	va_start(ap, format);
	escaped = g_markup_vprintf_escaped(format, ap);
	va_end(ap);
	g_string_append(out, escaped);
}

static void write_suite(struct report_junit *r, const char *title, guint errors)
{
	g_autoptr(GString) head = g_string_new(NULL);

	append(head, "  <testsuite name=\"%s\" tests=\"%u\" failures=\"%u\" skipped=\"%u\" "
	       "errors=\"%u\">\n", title, r->run, r->failed, r->skipped, errors);
	fprintf(r->out, "%s%s  </testsuite>\n", head->str, r->cases->str);
	g_string_truncate(r->cases, 0);
	r->run = r->failed = r->skipped = 0;
}

static void end_case(struct report_junit *r, const struct scenario *scn, const struct verdict *v)
{
	bool skipped = v->skipped != NULL, failed = !skipped && (!v->ok || v->stopped != NULL);

	append(r->cases, "    <testcase classname=\"%s\" name=\"%s\">\n", scn->path, r->variant);
	if (skipped)
		append(r->cases, "      <skipped message=\"%s\"/>\n", v->skipped);
	if (failed)
		append(r->cases, "      <failure message=\"%s\">%s</failure>\n",
		       v->ok ? v->stopped : "not as the scenario expects", r->text->str);
	g_string_append(r->cases, "    </testcase>\n");
	r->failed += failed;
	r->skipped += skipped;
	if (++r->run == r->runs)
		write_suite(r, scn->title, 0);
}

/* A file that does not parse is a suite of one case. */
static void write_unreadable(struct report_junit *r, const struct report_event *e)
{
	append(r->cases, "    <testcase classname=\"%s\" name=\"parse\">\n      <error "
	       "message=\"does not parse\">%s</error>\n    </testcase>\n", e->file, e->message);
	r->run = 1;
	write_suite(r, e->file, 1);
}

static void begin(struct report_junit *r, const struct report_event *e)
{
	g_autoptr(GString) header = g_string_new(NULL), escaped = g_string_new(NULL);

	if (e->header != NULL)
		header_print(header, e->header, "");
	append(escaped, "%s", header->str);
	fprintf(r->out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"luosim\">\n"
		"  <testsuite name=\"header\" tests=\"0\">\n    <system-out>%s</system-out>\n"
		"  </testsuite>\n", escaped->str);
}

static void junit_event(struct report *report, const struct report_event *e)
{
	struct report_junit *r = (struct report_junit *)report;

	trace_event(r->trace, e);
	if (e->type == REPORT_PLAN)
		begin(r, e);
	else if (e->type == REPORT_SCENARIO)
		r->runs = e->count;
	else if (e->type == REPORT_RUN)
		r->variant = e->variant;
	else if (e->type == REPORT_UNREADABLE)
		write_unreadable(r, e);
	else if (e->type == REPORT_END)
		fputs("</testsuites>\n", r->out);
	if (e->type != REPORT_VERDICT)
		return;
	end_case(r, e->scn, e->verdict);
	g_string_truncate(r->text, 0);
}

static void junit_free(struct report *report)
{
	struct report_junit *r = (struct report_junit *)report;

	trace_free(r->trace);
	g_string_free(r->text, TRUE);
	g_string_free(r->cases, TRUE);
	g_free(r);
}

struct report *report_junit(FILE *out)
{
	struct report_junit *r = g_new0(struct report_junit, 1);

	r->report = (struct report){ .event = junit_event, .free = junit_free };
	r->out = out;
	r->text = g_string_new(NULL);
	r->cases = g_string_new(NULL);
	r->trace = trace_new(r->text, TRACE_LINES | TRACE_PATHS);
	return &r->report;
}
