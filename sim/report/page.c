/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs as a page that needs nothing else: of each its picture, the scenario's source, and a
 * slider through the steps with what each said and changed.
 */
#include <stdlib.h>

#include "report/header.h"
#include "report/json.h"
#include "report/state.h"
#include "report/trace.h"
#include "run/run.h"
#include "scn/print.h"
#include "scn/schedule.h"
#include "scn/tree.h"

/* How many objects of the states after how many steps are told; after later ones none is. */
#define MAX_OBJECTS	20000

struct html_page {
	struct report report;
	FILE *out;
	struct report *picture;		/* of the run that goes on */
	FILE *drawing;			/* it draws there */
	char *drawn;
	size_t drawn_size;
	char *title;
	GString *text;			/* of the step that goes on */
	struct trace *trace;
	JsonBuilder *steps, *objects;	/* objects of all states in words, once each */
	GHashTable *numbers;		/* of these */
	guint nr_objects;
	struct machine_state state;
	guint number;			/* of the scenario */
	guint race;			/* races so far that have several verdicts */
	GPtrArray *verdicts;		/* on the schedules of this one, of char * */
	guint shown, next;		/* of them: which one, and which comes next */
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
"h2 { font-size: 1.1rem; } select { font: inherit; max-width: 100%; min-height: 2rem; }\n"
"header pre, p { color: var(--quiet); }\n"
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
".source span, .state span { display: block; min-height: 1.45em; }\n"
".here { background: var(--mark); }\n"
"circle.now { stroke: #8250df; stroke-width: 5; }\n"
"@media (min-width: 1100px) { .picture svg { max-width: 100%; height: auto; } }\n"
".state { margin-bottom: .5rem; } .state pre { max-height: 40vh; overflow: auto; }\n"
"@media (max-width: 900px) { .parts { display: flex; flex-direction: column; }\n"
"  .side { display: contents; } .control { order: -1; position: sticky; top: 0;\n"
"    background: var(--page); padding-top: .25rem; }\n"
"  .said { min-height: 5.5rem; height: 5.5rem; overflow: auto; } }\n"
"</style></head><body>\n";

static const char tail[] =
"<script>\n"
"'use strict';\n"
"const runs = [...document.querySelectorAll('section')].map(section => ({ section, at: 0,\n"
"  ...JSON.parse(section.querySelector('script').textContent),\n"
"  slider: section.querySelector('input') }));\n"
"let current = 0;\n"
"/* The dot of a step; of one that is left out, the one before. */\n"
"function dot(run, at) {\n"
"  return [...run.section.querySelectorAll('circle[data-step]')]\n"
"    .filter(c => +c.dataset.step > 0 && +c.dataset.step <= at + 1).pop();\n"
"}\n"
"/* Behind a step: what it made otherwise is marked. */\n"
"function showState(run, at) {\n"
"  const now = run.steps[at].state, then = at > 0 && run.steps[at - 1].state || [];\n"
"  const spans = (now || []).map(number => {\n"
"    const span = document.createElement('span');\n"
"    span.textContent = run.objects[number];\n"
"    if (!then.includes(number)) span.className = 'here';\n"
"    return span;\n"
"  });\n"
"  run.section.querySelector('.state pre').replaceChildren(...now ? spans :\n"
"    [run.steps[at].line ? 'states of this many objects are not kept' : 'the run is over']);\n"
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
"  showState(run, at);\n"
"  const d = run.steps[at].line && dot(run, at);\n"
"  if (d) d.classList.add('now');\n"
"  const l = run.section.querySelectorAll('.source span')[run.steps[at].line - 1];\n"
"  if (l) l.classList.add('here');\n"
"  if (link) history.replaceState(null, '', '#run=' + (nr + 1) + '&step=' + (at + 1));\n"
"}\n"
"/* Of a race one section is shown, and each chooses among them. */\n"
"function others(run) {\n"
"  const race = run.section.dataset.race;\n"
"  return race ? runs.filter(r => r.section.dataset.race === race) : [run];\n"
"}\n"
"function choose(run) {\n"
"  others(run).forEach(r => { r.section.hidden = r !== run; });\n"
"}\n"
"/* A wide picture is not made small. */\n"
"document.querySelectorAll('.picture svg').forEach(svg => {\n"
"  if (svg.viewBox.baseVal.width > 1000) svg.style.maxWidth = 'none';\n"
"});\n"
"runs.forEach((run, nr) => {\n"
"  const group = others(run);\n"
"  if (group.length > 1) {\n"
"    const select = document.createElement('select'), label = document.createElement('label');\n"
"    label.append('schedule ', select);\n"
"    group.forEach(r => select.add(new Option(r.section.dataset.verdict, runs.indexOf(r),\n"
"      false, r === run)));\n"
"    select.addEventListener('change', () => {\n"
"      const chosen = +select.value;\n"
"      select.value = nr;\n"
"      choose(runs[chosen]);\n"
"      go(chosen, runs[chosen].at, true);\n"
"      runs[chosen].section.querySelector('select').focus();\n"
"    });\n"
"    run.section.querySelector('h2').after(label);\n"
"  }\n"
"  run.slider.max = Math.max(run.steps.length - 1, 0);\n"
"  run.slider.addEventListener('input', () => go(nr, +run.slider.value, true));\n"
"  run.section.querySelector('.back').addEventListener('click', () => go(nr, run.at - 1, true));\n"
"  run.section.querySelector('.next').addEventListener('click', () => go(nr, run.at + 1, true));\n"
"  go(nr, 0, false);\n"
"});\n"
"function follow() {\n"
"  const link = new URLSearchParams(location.hash.slice(1)), nr = (+link.get('run') || 1) - 1;\n"
"  if (link.has('run') && runs[nr]) choose(runs[nr]);\n"
"  go(nr, (+link.get('step') || 1) - 1, false);\n"
"  if (link.has('run') && runs[nr]) runs[nr].section.scrollIntoView();\n"
"}\n"
"addEventListener('hashchange', follow);\n"
"addEventListener('keydown', e => {\n"
"  if (/INPUT|SELECT/.test(e.target.tagName) || e.altKey || e.ctrlKey || e.metaKey) return;\n"
"  const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];\n"
"  if (step) { e.preventDefault(); go(current, runs[current].at + step, true); }\n"
"});\n"
"follow();\n"
"</script></body></html>\n";

/* ---- Steps ---- */

static guint object_number(struct html_page *p, const struct state_object *o)
{
	g_autoptr(GString) text = g_string_new(NULL);
	gpointer number;

	state_print_object(text, &p->state, o);
	if (g_hash_table_lookup_extended(p->numbers, text->str, NULL, &number))
		return GPOINTER_TO_UINT(number);
	number = GUINT_TO_POINTER(g_hash_table_size(p->numbers));
	json_builder_add_string_value(p->objects, text->str);
	g_hash_table_insert(p->numbers, g_string_free(g_steal_pointer(&text), FALSE), number);
	return GPOINTER_TO_UINT(number);
}

/* The state after a step, as numbers of objects. */
static void add_state(struct html_page *p, struct machine *m)
{
	if (m == NULL || p->nr_objects > MAX_OBJECTS)
		return;
	machine_state_take(m, &p->state, true);
	add_array(p->steps, "state");
	for (guint i = 0; i < p->state.nr; i++)
		json_builder_add_int_value(p->steps, object_number(p, &p->state.objects[i]));
	json_builder_end_array(p->steps);
	p->nr_objects += p->state.nr;
}

static void add_step(struct html_page *p, guint line, struct machine *m)
{
	const char *text = p->text->str;

	while (*text == '\n')
		text++;
	json_builder_begin_object(p->steps);
	add_number(p->steps, "line", line);
	add_string(p->steps, "text", text);
	add_state(p, m);
	json_builder_end_object(p->steps);
	g_string_truncate(p->text, 0);
}

static void begin_run(struct html_page *p, const struct report_event *e)
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
	json_builder_begin_object(p->steps);
	add_array(p->steps, "steps");
	p->objects = json_builder_new();
	json_builder_begin_array(p->objects);
	p->numbers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	p->nr_objects = 0;
}

/* ---- Races ---- */

static char *verdict_words(const struct report_event *e, const struct race_verdict *v)
{
	g_autoptr(GString) text = g_string_new(NULL);

	print_kinds(text, v->causes);
	if (v->differs)
		g_string_append(text, ", not as expected");
	g_string_append_printf(text, ": %s%" G_GUINT64_FORMAT " schedule%s, such as ",
			       v->count == G_MAXUINT64 ? "at least " : "", v->count,
			       v->count == 1 ? "" : "s");
	schedule_print(text, e->scn, e->race->step, v->schedule);
	return g_string_free(g_steal_pointer(&text), FALSE);
}

/* The run that goes on is that of one of several verdicts; the others are run after it. */
static void begin_race(struct html_page *p, const struct report_event *e)
{
	const GArray *verdicts = e->race->verdicts;

	if (verdicts->len < 2)
		return;
	g_ptr_array_set_size(p->verdicts, 0);
	for (guint i = 0; i < verdicts->len; i++) {
		const struct race_verdict *v = &g_array_index(verdicts, struct race_verdict, i);

		g_ptr_array_add(p->verdicts, verdict_words(e, v));
		if (v->schedule == e->race->shown)
			p->shown = i;
	}
	p->next = 0;
	p->race++;
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

static void write_steps(const struct html_page *p)
{
	g_autofree char *text = json_page_text(p->steps);

	fprintf(p->out, "<script type=\"application/json\">%s</script>\n", text);
}

/* Of a race, which verdict on its schedules it is; the first that is written is shown. */
static void begin_section(struct html_page *p)
{
	guint verdict = p->shown;

	if (p->verdicts->len == 0) {
		fputs("<section>\n<h2>", p->out);
	} else {
		if (p->next > 0)
			verdict = p->next - 1 < p->shown ? p->next - 1 : p->next;
		fprintf(p->out, "<section data-race=\"%u\" data-verdict=\"", p->race);
		write_escaped(p->out, p->verdicts->pdata[verdict]);
		fprintf(p->out, "\"%s>\n<h2>", p->next > 0 ? " hidden" : "");
		if (++p->next == p->verdicts->len)
			g_ptr_array_set_size(p->verdicts, 0);
	}
	write_escaped(p->out, p->title);
	fputs("</h2>\n", p->out);
}

static void end_run(struct html_page *p, const struct report_event *e)
{
	add_step(p, 0, NULL);
	json_builder_end_array(p->steps);
	json_builder_end_array(p->objects);
	json_builder_set_member_name(p->steps, "objects");
	json_builder_add_value(p->steps, json_builder_get_root(p->objects));
	json_builder_end_object(p->steps);
	p->picture->free(p->picture);
	fclose(p->drawing);
	begin_section(p);
	fprintf(p->out, "<div class=\"parts\"><div class=\"picture\">%s</div>\n"
		"<div class=\"side\"><div class=\"control\"><div class=\"go\">"
		"<button class=\"back\" aria-label=\"back\">"
		"&larr;</button><input type=\"range\" min=\"0\" value=\"0\" aria-label=\"step\">"
		"<button class=\"next\" aria-label=\"next\">&rarr;</button>"
		"<span class=\"count\"></span></div>\n"
		"<pre class=\"said\" aria-live=\"polite\"></pre></div>\n"
		"<details class=\"state\"><summary>state</summary><pre></pre></details>\n",
		p->drawn);
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
	g_clear_object(&p->objects);
	g_clear_pointer(&p->numbers, g_hash_table_unref);
}

static void write_head(const struct html_page *p, const struct header *header)
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
	struct html_page *p = (struct html_page *)report;

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
	if (e->type == REPORT_RACE)
		begin_race(p, e);
	p->picture->event(p->picture, e);
	trace_event(p->trace, e);
	if (e->type == REPORT_RESULT)
		add_step(p, e->op->line, e->machine);
	if (e->type == REPORT_VERDICT)
		end_run(p, e);
}

static void page_free(struct report *report)
{
	struct html_page *p = (struct html_page *)report;

	g_ptr_array_unref(p->verdicts);
	machine_state_free(&p->state);
	g_free(p);
}

struct report *report_html(FILE *out)
{
	struct html_page *p = g_new0(struct html_page, 1);

	p->report = (struct report){
		.event = page_event, .free = page_free, .each_verdict = true,
	};
	p->verdicts = g_ptr_array_new_with_free_func(g_free);
	p->out = out;
	return &p->report;
}
