/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs as a page that needs nothing else: of each its picture, the scenario's source, and a
 * slider through the steps with what each said and changed.
 */
#include <stdlib.h>

#include "report/header.h"
#include "report/json.h"
#include "report/trace.h"
#include "run/run.h"
#include "scn/tree.h"

struct page {
	struct report report;
	FILE *out;
	struct report *picture;		/* of the run that goes on */
	FILE *drawing;			/* it draws there */
	char *drawn;
	size_t drawn_size;
	char *title;
	GString *text;			/* of the step that goes on */
	struct trace *trace;
	JsonBuilder *steps;
	guint number;			/* of the scenario */
};

static const char head[] =
"<!DOCTYPE html>\n"
"<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
"<link rel=\"icon\" href=\"data:,\"><title>luosim</title>\n"
"<style>\n"
":root { color-scheme: light dark; --page: #fff; --ink: #1b1f24; --quiet: #59636e;\n"
"  --line: #d1d9e0; --raised: #f6f8fa; --mark: #fff3b8; }\n"
"@media (prefers-color-scheme: dark) { :root { --page: #0d1117; --ink: #e6edf3;\n"
"  --quiet: #9198a1; --line: #30363d; --raised: #161b22; --mark: #4a3d00; } }\n"
"body { margin: 0 auto; padding: .5rem 1rem; max-width: 1600px; background: var(--page);\n"
"  color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }\n"
"h2 { font-size: 1.1rem; } header pre, p { color: var(--quiet); }\n"
"pre { font: 12.5px/1.45 ui-monospace, monospace; margin: 0; white-space: pre-wrap;\n"
"  overflow-wrap: anywhere; }\n"
"section { border-top: 1px solid var(--line); padding-bottom: 1rem; }\n"
".parts { display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); gap: 1rem; }\n"
".picture { overflow-x: auto; } .picture svg { max-width: none; }\n"
".side { position: sticky; top: 0; align-self: start; max-height: 100vh; overflow: auto; }\n"
".said { background: var(--raised); border: 1px solid var(--line); border-radius: 6px;\n"
"  padding: .5rem; margin: .5rem 0; min-height: 9rem; }\n"
".go { display: flex; gap: .5rem; align-items: center; } .go input { flex: 1; min-width: 0; }\n"
".go button { font: inherit; min-width: 2.4rem; min-height: 2rem; }\n"
".source span { display: block; min-height: 1.45em; } .here { background: var(--mark); }\n"
"circle.now { stroke: #8250df; stroke-width: 5; }\n"
"@media (min-width: 1100px) { .picture svg { max-width: 100%; height: auto; } }\n"
"@media (max-width: 900px) { .parts { grid-template-columns: minmax(0, 1fr); }\n"
"  .side { position: static; max-height: none; } }\n"
"</style></head><body>\n";

static const char tail[] =
"<script>\n"
"'use strict';\n"
"const runs = [...document.querySelectorAll('section')].map(section => ({ section, at: 0,\n"
"  steps: JSON.parse(section.querySelector('script').textContent),\n"
"  slider: section.querySelector('input') }));\n"
"let current = 0;\n"
"function dot(run, at) {\n"
"  const line = run.steps[at].line, title = 'line ' + line;\n"
"  const dots = [...run.section.querySelectorAll('circle')]\n"
"    .filter(c => c.textContent === title);\n"
"  const nth = run.steps.slice(0, at).filter(s => s.line === line).length;\n"
"  return dots[Math.min(nth, dots.length - 1)];\n"
"}\n"
"function go(nr, at, link) {\n"
"  const run = runs[nr];\n"
"  if (!run || !run.steps.length) return;\n"
"  current = nr;\n"
"  run.at = at = Math.max(0, Math.min(at, run.steps.length - 1));\n"
"  run.slider.value = at;\n"
"  run.section.querySelector('.count').textContent = (at + 1) + '/' + run.steps.length;\n"
"  run.section.querySelector('.said').textContent = run.steps[at].text;\n"
"  run.section.querySelectorAll('.now, .here').forEach(e => e.classList.remove('now', 'here'));\n"
"  const d = run.steps[at].line && dot(run, at);\n"
"  if (d) d.classList.add('now');\n"
"  const l = run.section.querySelectorAll('.source span')[run.steps[at].line - 1];\n"
"  if (l) l.classList.add('here');\n"
"  if (link) history.replaceState(null, '', '#run=' + (nr + 1) + '&step=' + (at + 1));\n"
"}\n"
"runs.forEach((run, nr) => {\n"
"  run.slider.max = Math.max(run.steps.length - 1, 0);\n"
"  run.slider.addEventListener('input', () => go(nr, +run.slider.value, true));\n"
"  run.section.querySelector('.back').addEventListener('click', () => go(nr, run.at - 1, true));\n"
"  run.section.querySelector('.next').addEventListener('click', () => go(nr, run.at + 1, true));\n"
"  go(nr, 0, false);\n"
"});\n"
"function follow() {\n"
"  const link = new URLSearchParams(location.hash.slice(1)), nr = (+link.get('run') || 1) - 1;\n"
"  go(nr, (+link.get('step') || 1) - 1, false);\n"
"  if (link.has('run') && runs[nr]) runs[nr].section.scrollIntoView();\n"
"}\n"
"addEventListener('hashchange', follow);\n"
"addEventListener('keydown', e => {\n"
"  if (e.target.tagName === 'INPUT' || e.altKey || e.ctrlKey || e.metaKey) return;\n"
"  const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];\n"
"  if (step) { e.preventDefault(); go(current, runs[current].at + step, true); }\n"
"});\n"
"follow();\n"
"</script></body></html>\n";

/* ---- Steps ---- */

static void add_step(struct page *p, guint line)
{
	const char *text = p->text->str;

	while (*text == '\n')
		text++;
	json_builder_begin_object(p->steps);
	add_number(p->steps, "line", line);
	add_string(p->steps, "text", text);
	json_builder_end_object(p->steps);
	g_string_truncate(p->text, 0);
}

static void begin_run(struct page *p, const struct report_event *e)
{
	const struct report_event scenario = {
		.type = REPORT_SCENARIO, .scn = e->scn, .count = 1, .number = p->number,
	};

	p->title = g_strdup_printf("%s, kernel %s, policy %s", e->scn->title,
				   release_label(&e->boot->release),
				   e->boot->release.policy.name);
	p->drawing = open_memstream(&p->drawn, &p->drawn_size);
	p->picture = report_svg(p->drawing);
	p->picture->event(p->picture, &scenario);
	p->text = g_string_new(NULL);
	p->trace = trace_new(p->text, TRACE_VERBOSE | TRACE_ALL | TRACE_PATHS);
	p->steps = json_builder_new();
	json_builder_begin_array(p->steps);
}

/* ---- Writing ---- */

static void write_escaped(FILE *out, const char *text)
{
	g_autofree char *escaped = g_markup_escape_text(text, -1);

	fputs(escaped, out);
}

static void write_source(FILE *out, const struct scenario *scn)
{
	g_auto(GStrv) lines = g_strsplit(scn->text != NULL ? scn->text : "", "\n", -1);

	fputs("<pre class=\"source\">", out);
	for (guint i = 0; lines[i] != NULL; i++) {
		g_autoptr(GString) line = g_string_new(NULL);

		for (const char *c = lines[i]; *c != '\0'; c++)
			if (*c == '\t' || (guint8)*c >= ' ')
				g_string_append_c(line, *c);
		fputs("<span>", out);
		write_escaped(out, line->str);
		fputs("</span>", out);
	}
	fputs("</pre>", out);
}

/* No text may end the element that it is in. */
static void write_steps(const struct page *p)
{
	g_autofree char *text = json_text(p->steps);

	fputs("<script type=\"application/json\">", p->out);
	for (const char *c = text; *c != '\0'; c++)
		if (*c == '<')
			fputs("\\u003c", p->out);
		else
			fputc(*c, p->out);
	fputs("</script>\n", p->out);
}

static void end_run(struct page *p, const struct report_event *e)
{
	add_step(p, 0);
	json_builder_end_array(p->steps);
	p->picture->free(p->picture);
	fclose(p->drawing);
	fputs("<section>\n<h2>", p->out);
	write_escaped(p->out, p->title);
	fprintf(p->out, "</h2>\n<div class=\"parts\"><div class=\"picture\">%s</div>\n"
		"<div class=\"side\"><div class=\"go\"><button class=\"back\" aria-label=\"back\">"
		"&larr;</button><input type=\"range\" min=\"0\" value=\"0\" aria-label=\"step\">"
		"<button class=\"next\" aria-label=\"next\">&rarr;</button>"
		"<span class=\"count\"></span></div>\n"
		"<pre class=\"said\" aria-live=\"polite\"></pre>\n", p->drawn);
	write_source(p->out, e->scn);
	fputs("</div></div>\n", p->out);
	write_steps(p);
	fputs("</section>\n", p->out);
	free(p->drawn);
	p->drawn = NULL;
	g_clear_pointer(&p->title, g_free);
	g_clear_pointer(&p->trace, trace_free);
	g_string_free(p->text, TRUE);
	g_clear_object(&p->steps);
}

static void write_head(const struct page *p, const struct header *header)
{
	g_autoptr(GString) about = g_string_new(NULL);

	header_print(about, header, "");
	fprintf(p->out, "%s<header><details><summary>of what</summary><pre>", head);
	write_escaped(p->out, about->str);
	fputs("</pre></details><p>Arrow keys go through the steps; the address is that of the "
	      "step.</p></header>\n", p->out);
}

static void page_event(struct report *report, const struct report_event *e)
{
	struct page *p = (struct page *)report;

	if (e->type == REPORT_PLAN)
		write_head(p, e->header);
	if (e->type == REPORT_UNREADABLE) {
		fputs("<p>", p->out);
		write_escaped(p->out, e->message);
		fputs("</p>\n", p->out);
	}
	if (e->type == REPORT_END)
		fputs(tail, p->out);
	if (e->type == REPORT_SCENARIO)
		p->number = e->number;
	if (e->type == REPORT_RUN)
		begin_run(p, e);
	if (e->type < REPORT_RUN || e->type > REPORT_VERDICT)
		return;
	p->picture->event(p->picture, e);
	trace_event(p->trace, e);
	if (e->type == REPORT_RESULT)
		add_step(p, e->op->line);
	if (e->type == REPORT_VERDICT)
		end_run(p, e);
}

static void page_free(struct report *report)
{
	g_free(report);
}

struct report *report_html(FILE *out)
{
	struct page *p = g_new0(struct page, 1);

	p->report = (struct report){ page_event, page_free };
	p->out = out;
	return &p->report;
}
