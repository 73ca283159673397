/* SPDX-License-Identifier: GPL-2.0-only */
/* What a search found, as text or JSON, and as scenarios in a directory. */
#include <math.h>
#include <stdio.h>

#include "explore/audit.h"
#include "explore/report.h"
#include "report/header.h"
#include "report/json.h"
#include "report/version.h"

/* "get-id-leak-1f3a9c2e", the same in every run. */
static char *finding_name(const struct explore_report *r, const struct finding *f)
{
	bool differs = f->kind == FINDING_DIFFERS;
	/* Of a kernel tree, and of a policy that is a file, only how the file is called. */
	g_autofree char *subject = g_path_get_basename(r->subject);
	char *name = g_strdup_printf("%s%s%s-%08x", differs ? "" : subject, differs ? "" : "-",
				     finding_kind(f->kind), (guint32)(f->id ^ f->id >> 32));

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

char *explore_report_what(const struct explore_report *r, const struct explore_options *o)
{
	GString *what = g_string_new(NULL);

	g_string_append_printf(what, "luosim %s\n%s\n", luosim_version, r->subject);
	g_string_append_printf(what,
			       "symmetry %d, prune %d, through %d, reduced %d, reduction %d\n",
			       o->symmetry, o->prune, o->through, r->world->reduced,
			       !r->world->no_reduction);
	world_identity(what, r->world, r->overrides);
	return g_string_free(what, FALSE);
}

/* Of two subjects that are called the same but for what a file cannot be, a number tells. */
char *explore_report_path(const struct explore_report *r, const char *folder)
{
	g_autofree char *subject = g_path_get_basename(r->subject), *name = NULL;

	g_strcanon(subject, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS ".-_", '-');
	name = g_strdup_printf("%s-%08x.search", subject, g_str_hash(r->subject));
	return g_build_filename(folder, name, NULL);
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

/* "get-id-audit-1", and the other one */
static char *audit_name(const struct explore_report *r, guint nr)
{
	char *name = g_strdup_printf("%s-audit-%u", r->subject, nr + 1);

	return g_strcanon(name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS ".-_", '-');
}

static char *audit_scenario(const struct explore_report *r, const struct audit_difference *d,
			    guint nr)
{
	g_autofree char *name = audit_name(r, nr);

	return difference_scenario(d, nr, r->world, r->overrides, name);
}

/* Both paths, to a directory or as they are. */
static void print_difference(struct explore_report *r, const struct audit_difference *d)
{
	printf("  audit: two paths to one state: %s\n", d->text);
	for (guint i = 0; i < G_N_ELEMENTS(d->paths); i++) {
		g_autoptr(GString) ops = g_string_new(NULL);
		g_autofree char *text = audit_scenario(r, d, i);

		path_summary(ops, d->paths[i], d->at_end, r->world);
		printf("    %s\n", ops->str);
		if (r->out == NULL)
			printf("%s", text);
	}
}

/* Where findings are written. */
static void write_difference(struct explore_report *r, const struct audit_difference *d)
{
	for (guint i = 0; r->out != NULL && r->error == NULL && i < G_N_ELEMENTS(d->paths); i++) {
		g_autofree char *name = audit_name(r, i);
		g_autofree char *file = g_strconcat(name, ".scn", NULL);
		g_autofree char *path = g_build_filename(r->out, file, NULL);
		g_autofree char *text = audit_scenario(r, d, i);

		g_file_set_contents(path, text, -1, &r->error);
	}
}

/* What a real kernel makes of it, where it is asked; or NULL. */
static char *confirmed(const struct explore_report *r, const struct finding *f)
{
	g_autofree char *text = r->confirm != NULL ? scenario_of(r, f) : NULL;

	return text != NULL ? r->confirm(r->confirmer, text) : NULL;
}

static void print_finding(const struct explore_report *r, const struct finding *f)
{
	g_autoptr(GString) ops = g_string_new(NULL);
	g_autofree char *path = path_of(r, f), *kernel = confirmed(r, f);

	path_summary(ops, f->path, f->at_end, r->world);
	printf("  %s", finding_kind(f->kind));
	if (f->func != NULL)
		printf(" in %s", f->func);
	printf(", %u operations, %" G_GUINT64_FORMAT " times: %s\n    %s\n", f->path->len,
	       f->count, f->text, ops->str);
	if (path != NULL)
		printf("    %s\n", path);
	if (kernel != NULL)
		printf("    on the kernel: %s\n", kernel);
	fflush(stdout);
}

static void print_ranks(const struct explore_result *r)
{
	double transitions = MAX(r->transitions, 1);

	printf("  %u ranks, %.3f messages and %.1f bytes a transition; the fullest has %.2f times "
	       "the mean of ", r->ranks, r->messages / transitions, r->sent / transitions,
	       r->fullest_work);
	if (r->random)
		printf("transitions\n");
	else
		printf("transitions, %.2f times that of states\n", r->fullest_states);
}

static void print_text(struct explore_report *report, const struct explore_result *r)
{
	printf("%s: %" G_GUINT64_FORMAT " %s, %" G_GUINT64_FORMAT " transitions, depth %u, "
	       "%.2f s\n", report->subject, r->states, r->random ? "runs" : "states",
	       r->transitions, r->depth, r->seconds);
	printf("  %.0f transitions a CPU second", r->cpu > 0 ? r->transitions / r->cpu : 0);
	if (!r->random)
		printf(", %.1f bytes a state", r->bytes / (double)MAX(r->states, 1));
	putchar('\n');
	if (r->ranks > 0)
		print_ranks(r);
	if (r->stopped == NULL)
		printf("  all seen, ");
	else
		printf("  stopped by %s, ", r->stopped);
	printf("%u %s\n", r->findings->len,
	       report->world->beside != NULL ? "differences" : "findings");
	for (guint i = 0; i < r->findings->len; i++)
		print_finding(report, r->findings->pdata[i]);
	if (r->difference != NULL)
		print_difference(report, r->difference);
	/* Of two that are not alike the first difference is what is wanted. */
	if (report->world->beside != NULL && r->findings->len > 0) {
		g_autofree char *text = scenario_of(report, r->findings->pdata[0]);

		printf("\n%s", text);
	}
}

static void json_finding(const struct explore_report *r, const struct finding *f)
{
	g_autoptr(JsonBuilder) b = json_builder_new();
	g_autofree char *text = scenario_of(r, f), *kernel = confirmed(r, f);
	g_autoptr(GString) ops = g_string_new(NULL);

	path_summary(ops, f->path, f->at_end, r->world);
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
	if (kernel != NULL)
		add_string(b, "kernel", kernel);
	json_builder_end_object(b);
	write_json(stdout, b);
}

static void json_difference(const struct explore_report *r, const struct audit_difference *d)
{
	g_autoptr(JsonBuilder) b = json_builder_new();

	json_builder_begin_object(b);
	add_string(b, "type", "audit");
	add_string(b, "subject", r->subject);
	add_string(b, "text", d->text);
	for (guint i = 0; i < G_N_ELEMENTS(d->paths); i++) {
		g_autofree char *text = audit_scenario(r, d, i);
		g_autoptr(GString) ops = g_string_new(NULL);

		path_summary(ops, d->paths[i], d->at_end, r->world);
		add_string(b, i == 0 ? "path" : "path2", ops->str);
		add_string(b, i == 0 ? "scenario" : "scenario2", text);
	}
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
	if (r->ranks > 0) {
		add_number(b, "ranks", r->ranks);
		add_number(b, "messages", r->messages);
		add_number(b, "bytes_sent", r->sent);
	}
	add_string(b, "stopped", r->stopped != NULL ? r->stopped : "");
	add_number(b, "findings", r->findings->len);
	json_builder_end_object(b);
	write_json(stdout, b);
	for (guint i = 0; i < r->findings->len; i++)
		json_finding(report, r->findings->pdata[i]);
	if (r->difference != NULL)
		json_difference(report, r->difference);
}

void explore_report_print(struct explore_report *report, const struct explore_result *r)
{
	/* With several threads a finding may have been written with another path first. */
	for (guint i = 0; i < r->findings->len; i++)
		explore_report_found(report, r->findings->pdata[i]);
	if (r->difference != NULL)
		write_difference(report, r->difference);
	if (report->json)
		print_json(report, r);
	else
		print_text(report, r);
	fflush(stdout);
}

/* Of an estimate two digits. */
static double rounded(double number, bool exact)
{
	double unit = number >= 100 && !exact ? pow(10, floor(log10(number)) - 1) : 1;

	return round(number / unit) * unit;
}

void explore_report_size(struct explore_report *report, const struct explore_result *r)
{
	const struct world_size *size = &r->size;
	double states = rounded(size->states, size->exact);
	double transitions = rounded(size->transitions, size->exact);
	double seconds = size->each * size->transitions / report->jobs;
	double bytes = size->exact ? r->bytes : states_need(states);

	if (report->json) {
		g_autoptr(JsonBuilder) b = json_builder_new();

		json_builder_begin_object(b);
		add_string(b, "type", "estimate");
		add_header(b, report->header);
		add_string(b, "subject", report->subject);
		add_number(b, "states", states);
		add_number(b, "transitions", transitions);
		add_number(b, "depth", size->depth);
		add_number(b, "milliseconds", seconds * 1000);
		add_number(b, "bytes", bytes);
		add_number(b, "jobs", report->jobs);
		add_bool(b, "exact", size->exact);
		json_builder_end_object(b);
		write_json(stdout, b);
		return;
	}
	printf("%s: %s%.0f states, %.0f transitions, depth %u, %.0f MiB, %.*f s with %u thread%s\n",
	       report->subject, size->exact ? "" : "about ", states, transitions, size->depth,
	       ceil(bytes / (1 << 20)), seconds < 10, seconds, report->jobs,
	       report->jobs == 1 ? "" : "s");
	if (r->stopped != NULL && !g_str_equal(r->stopped, "depth"))
		printf("  at least: stopped by %s\n", r->stopped);
}
