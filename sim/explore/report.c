/* SPDX-License-Identifier: GPL-2.0-only */
/* What a search found, as text or JSON, and as scenarios in a directory. */
#include <stdio.h>

#include "explore/report.h"
#include "report/header.h"
#include "report/json.h"

/* "get-id-leak-1f3a9c2e", the same in every run. */
static char *finding_name(const struct explore_report *r, const struct finding *f)
{
	char *name = g_strdup_printf("%s-%s-%08x", r->subject, finding_kind(f->kind),
				     (guint32)(f->id ^ f->id >> 32));

	return g_strcanon(name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS ".-_", '-');
}

static char *scenario_of(const struct explore_report *r, const struct finding *f)
{
	g_autofree char *name = finding_name(r, f);

	return finding_scenario(f, r->world, r->overrides, name);
}

static char *path_of(const struct explore_report *r, const struct finding *f)
{
	g_autofree char *name = finding_name(r, f), *file = g_strconcat(name, ".scn", NULL);

	return r->out != NULL ? g_build_filename(r->out, file, NULL) : NULL;
}

void explore_report_found(void *report, const struct finding *f)
{
	struct explore_report *r = report;
	g_autofree char *path = path_of(r, f), *text = NULL;

	if (path == NULL || r->error != NULL)
		return;
	text = scenario_of(r, f);
	g_file_set_contents(path, text, -1, &r->error);
}

static void print_finding(const struct explore_report *r, const struct finding *f)
{
	g_autoptr(GString) ops = g_string_new(NULL);
	g_autofree char *path = path_of(r, f);

	finding_summary(ops, f, r->world);
	printf("  %s", finding_kind(f->kind));
	if (f->func != NULL)
		printf(" in %s", f->func);
	printf(", %u operations, %" G_GUINT64_FORMAT " times: %s\n    %s\n", f->path->len,
	       f->count, f->text, ops->str);
	if (path != NULL)
		printf("    %s\n", path);
}

static void print_text(const struct explore_report *report, const struct explore_result *r)
{
	printf("%s: %" G_GUINT64_FORMAT " %s, %" G_GUINT64_FORMAT " transitions, depth %u, "
	       "%.2f s\n", report->subject, r->states, r->random ? "runs" : "states",
	       r->transitions, r->depth, r->seconds);
	printf("  %.0f transitions a CPU second", r->cpu > 0 ? r->transitions / r->cpu : 0);
	if (!r->random)
		printf(", %.1f bytes a state", r->bytes / (double)MAX(r->states, 1));
	putchar('\n');
	if (r->stopped == NULL)
		printf("  all seen, ");
	else
		printf("  stopped by %s, ", r->stopped);
	printf("%u findings\n", r->findings->len);
	for (guint i = 0; i < r->findings->len; i++)
		print_finding(report, r->findings->pdata[i]);
}

static void json_finding(const struct explore_report *r, const struct finding *f)
{
	g_autoptr(JsonBuilder) b = json_builder_new();
	g_autofree char *text = scenario_of(r, f);
	g_autoptr(GString) ops = g_string_new(NULL);

	finding_summary(ops, f, r->world);
	json_builder_begin_object(b);
	add_string(b, "type", "finding");
	add_string(b, "subject", r->subject);
	add_string(b, "kind", finding_kind(f->kind));
	add_string(b, "function", f->func != NULL ? f->func : "");
	add_printable(b, "text", f->text);
	add_number(b, "operations", f->path->len);
	add_number(b, "times", f->count);
	add_string(b, "path", ops->str);
	add_string(b, "scenario", text);
	json_builder_end_object(b);
	write_json(stdout, b);
}

static void print_json(const struct explore_report *report, const struct explore_result *r)
{
	g_autoptr(JsonBuilder) b = json_builder_new();

	json_builder_begin_object(b);
	add_string(b, "type", "search");
	add_header(b, report->header);
	add_string(b, "subject", report->subject);
	add_number(b, r->random ? "runs" : "states", r->states);
	add_number(b, "transitions", r->transitions);
	add_number(b, "depth", r->depth);
	add_number(b, "milliseconds", r->seconds * 1000);
	add_number(b, "cpu_milliseconds", r->cpu * 1000);
	add_number(b, "bytes", r->bytes);
	add_string(b, "stopped", r->stopped != NULL ? r->stopped : "");
	add_number(b, "findings", r->findings->len);
	json_builder_end_object(b);
	write_json(stdout, b);
	for (guint i = 0; i < r->findings->len; i++)
		json_finding(report, r->findings->pdata[i]);
}

void explore_report_print(struct explore_report *report, const struct explore_result *r)
{
	/* With several threads a finding may have been written with another path first. */
	for (guint i = 0; i < r->findings->len; i++)
		explore_report_found(report, r->findings->pdata[i]);
	if (report->json)
		print_json(report, r);
	else
		print_text(report, r);
	fflush(stdout);
}
