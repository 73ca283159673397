/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs as a picture: steps from top to bottom with a lane for each process and task, and
 * next to them a bar for each preserved file and each folio that shows who has it.
 */
#include <string.h>

#include "report/header.h"
#include "report/state.h"
#include "report/trace.h"
#include "run/run.h"
#include "scn/print.h"
#include "scn/schedule.h"
#include "scn/tree.h"

#define ROW		20	/* pixels of a row */
#define CHAR		7.3	/* of a character */
#define MAX_TEXT	66	/* characters of a row; longer ones are cut */
#define LANE		20	/* between lanes */
#define BAR		26	/* between bars */
#define NARROW_BAR	18	/* between many */
#define MANY_BARS	12
#define BAR_WIDTH	14
#define MAX_BARS	40
#define MAX_ROWS	160
#define LEGEND		58	/* above the labels of bars */
#define LABEL_ROW	5.2	/* of a character, at 45 degrees */
#define MAX_LABEL	18
#define MARGIN		16

/* What a file or folio is at a moment, as classes of the style sheet. */
enum hold { HOLD_NONE, HOLD_USED, HOLD_PRESERVED, HOLD_HANDED_OVER, HOLD_RESTORED, HOLD_FAILED };

static const char *const hold_class[] = { NULL, "used", "kept", "over", "back", "lost" };
static const char *const hold_words[] = {
	NULL, "in use", "preserved", "handed over", "restored", "retrieve failed",
};

enum row_type { ROW_KERNEL, ROW_CALL, ROW_SAID, ROW_TURN, ROW_QUIET };

struct picture_row {
	enum row_type type;
	char *text;
	guint line, number;		/* of a call, which is the number-th of the run */
	guint lane;
	bool bad;
	enum hold holds[MAX_BARS];	/* after it */
};

/* A claim by its number, or a frame. */
struct bar {
	bool is_folio;
	guint64 key, pages;		/* of a folio, and how many from there on */
	char *name;
};

struct picture {
	struct report report;
	FILE *out;
	GString *body;			/* of all runs so far */
	guint height;			/* of that */
	guint width, max_width;		/* of this run, of all */
	guint runs;			/* that are yet to come */
	char *title;
	GArray *rows;			/* of struct picture_row */
	GArray *bars;			/* of struct bar */
	guint left_out;
	GHashTable *left;		/* names of the bars that are left out */
	guint top;			/* of the rows */
	guint calls;			/* that are over */
	GPtrArray *lanes;		/* of char * */
	struct state_watch *watch;
	guint race_step;
	const char *process;		/* that calls */
	bool gap;			/* "..." stands for what follows */
	bool bad;			/* something broke in the call under way */
	GPtrArray *said;		/* in it, of char * */
};

/* ---- What is kept of a run ---- */

static void row_clear(struct picture_row *row)
{
	g_free(row->text);
}

static void bar_clear(struct bar *bar)
{
	g_free(bar->name);
}

static guint lane_of(struct picture *p, const char *name)
{
	for (guint i = 0; i < p->lanes->len; i++)
		if (g_str_equal(p->lanes->pdata[i], name))
			return i;
	g_ptr_array_add(p->lanes, g_strdup(name));
	return p->lanes->len - 1;
}

static char *shortened(const char *text)
{
	g_autoptr(GString) printable = g_string_new(NULL);

	append_printable(printable, text);
	if (printable->len > MAX_TEXT) {
		g_string_truncate(printable, MAX_TEXT - 3);
		g_string_append(printable, "...");
	}
	return g_strdup(printable->str);
}

static struct picture_row *add_row(struct picture *p, enum row_type type, const char *text)
{
	struct picture_row row = { .type = type, .text = shortened(text) };

	if (p->rows->len > 0)
		memcpy(row.holds, g_array_index(p->rows, struct picture_row,
						p->rows->len - 1).holds,
		       sizeof(row.holds));
	g_array_append_val(p->rows, row);
	return &g_array_index(p->rows, struct picture_row, p->rows->len - 1);
}

static void begin_run(struct picture *p, const struct report_event *e)
{
	g_array_set_size(p->rows, 0);
	g_array_set_size(p->bars, 0);
	g_ptr_array_set_size(p->lanes, 0);
	g_ptr_array_set_size(p->said, 0);
	p->left_out = 0;
	p->calls = 0;
	g_hash_table_remove_all(p->left);
	p->process = "init";
	p->gap = false;
	p->bad = false;
	g_free(p->title);
	p->title = g_strdup_printf("%s, kernel %s, policy %s", e->scn->title,
				   release_label(&e->boot->release),
				   e->boot->release.policy.name);
}

/* ---- Bars ---- */

static struct bar *find_bar(const struct picture *p, bool is_folio, guint64 key)
{
	for (guint i = 0; i < p->bars->len; i++) {
		struct bar *bar = &g_array_index(p->bars, struct bar, i);

		if (bar->is_folio == is_folio && bar->key == key)
			return bar;
	}
	return NULL;
}

static void add_bar(struct picture *p, const struct state_object *o, char *name)
{
	bool is_folio = o->kind == STATE_FOLIO;
	struct bar bar = { is_folio, o->key, is_folio ? o->member[FOLIO_PAGES] : 0, name };

	if (p->bars->len < MAX_BARS) {
		g_array_append_val(p->bars, bar);
		return;
	}
	g_hash_table_add(p->left, name);
}

static enum hold hold_of(const struct state_object *o)
{
	if (o->kind == STATE_FOLIO)
		return o->member[FOLIO_INCOMING] != 0 ? HOLD_HANDED_OVER :
		       o->member[FOLIO_PRESERVED] != 0 ? HOLD_PRESERVED :
		       o->member[FOLIO_RESTORED] != 0 ? HOLD_RESTORED : HOLD_USED;
	return o->member[CLAIM_PRESERVED] != 0 ? HOLD_PRESERVED :
	       o->member[CLAIM_HANDED_OVER] == 0 && o->member[CLAIM_RESTORED] != 0 ?
	       HOLD_RESTORED : HOLD_HANDED_OVER;
}

static char *printable_name(const struct machine_state *s, const struct state_object *o)
{
	g_autoptr(GString) printable = g_string_new(o->kind == STATE_FOLIO ? "pfn " : "");
	char name[160];

	append_printable(printable, state_object_name(s, o, name, sizeof(name)));
	return g_strdup(printable->str);
}

/* The claim on a file of which retrieving was tried: what it hands over is there until finish. */
static void mark_retrieved(const struct picture *p, struct picture_row *row,
			   const struct machine_state *s,
			   const struct state_object *file)
{
	g_autofree char *name = printable_name(s, file);
	bool failed = (gint64)file->member[FILE_RETRIEVE_STATUS] < 0;

	for (guint b = 0; b < p->bars->len; b++) {
		const struct bar *bar = &g_array_index(p->bars, struct bar, b);

		if (!bar->is_folio && g_str_equal(bar->name, name) && row->holds[b] != HOLD_NONE)
			row->holds[b] = failed ? HOLD_FAILED : HOLD_RESTORED;
	}
}

/* Bars for what is new; how it stands for those that there are. */
static void look(struct picture *p, struct picture_row *row)
{
	const struct machine_state *s = p->watch->now;

	memset(row->holds, 0, sizeof(row->holds));
	for (guint i = 0; i < s->nr; i++) {
		const struct state_object *o = &s->objects[i];

		if (o->kind == STATE_CLAIM && find_bar(p, false, o->key) == NULL)
			add_bar(p, o, printable_name(s, o));
		if (o->kind == STATE_FOLIO && o->member[FOLIO_OWNER] != 0 &&
		    find_bar(p, true, o->key) == NULL)
			add_bar(p, o, printable_name(s, o));
		for (guint b = 0; b < p->bars->len; b++) {
			const struct bar *bar = &g_array_index(p->bars, struct bar, b);

			if (o->kind == STATE_CLAIM && !bar->is_folio && o->key == bar->key)
				row->holds[b] = hold_of(o);
			if (o->kind == STATE_FOLIO && bar->is_folio &&
			    bar->key - o->number < o->member[FOLIO_PAGES])
				row->holds[b] = hold_of(o);
		}
	}
	for (guint i = 0; i < s->nr; i++)
		if (s->objects[i].kind == STATE_FILE &&
		    s->objects[i].member[FILE_RETRIEVE_STATUS] != 0)
			mark_retrieved(p, row, s, &s->objects[i]);
}

/* ---- Rows ---- */

static void say_all(struct picture *p)
{
	for (guint i = 0; i < p->said->len; i++) {
		const char *text = p->said->pdata[i];

		if (*text == '\n')
			add_row(p, ROW_KERNEL, text + 1);
		else
			add_row(p, ROW_SAID, text)->bad = true;
	}
	g_ptr_array_set_size(p->said, 0);
}

static const char *caller_name(const struct picture *p, const struct report_event *e)
{
	if (e->task != 0)
		return race_task(e->scn, p->race_step, e->task);
	return p->process;
}

static void end_call(struct picture *p, const struct report_event *e)
{
	g_autoptr(GString) text = g_string_new(NULL);
	struct picture_row *row;

	state_watch_look(p->watch, e->machine, false);
	p->calls++;
	if ((e->brief || p->rows->len >= MAX_ROWS) && !p->bad && !e->differs) {
		if (!p->gap)
			add_row(p, ROW_QUIET, "...");
		p->gap = true;
		p->left_out++;
		look(p, &g_array_index(p->rows, struct picture_row, p->rows->len - 1));
		return;
	}
	p->gap = false;
	trace_call(text, e);
	row = add_row(p, ROW_CALL, text->str);
	row->line = e->op->line;
	row->number = p->calls;
	row->lane = lane_of(p, caller_name(p, e));
	row->bad = p->bad || e->differs;
	look(p, row);
	say_all(p);
	p->bad = false;
}

/* In a race calls go on side by side, and one may never return. */
static void begin_call(struct picture *p, const struct report_event *e)
{
	const struct print print = { .vars = e->vars };
	g_autoptr(GString) text = g_string_new(NULL);
	struct picture_row *row;

	if (e->task == 0)
		return;
	print_call(text, &print, e->op);
	g_string_append(text, " ...");
	row = add_row(p, ROW_CALL, text->str);
	row->lane = lane_of(p, caller_name(p, e));
}

static void end_turn(struct picture *p, const struct report_event *e)
{
	g_autoptr(GString) text = g_string_new(NULL);
	guint lane = lane_of(p, race_task(e->scn, e->race_step, e->turn));

	trace_turn_text(text, e);
	add_row(p, ROW_TURN, text->str)->lane = lane;
}

static void hear(struct picture *p, const struct report_event *e)
{
	const struct event *event = e->event;
	g_autoptr(GString) broken = g_string_new(NULL);
	g_autofree char *text = NULL;

	switch (event->type) {
	case EVENT_BOOT:
		text = g_strdup_printf("kernel %u %s", event->kernel,
				       release_label(&e->boot->release));
		/* It belongs after the call that reboots, which is not over yet. */
		if (e->op != NULL)
			g_ptr_array_add(p->said, g_strconcat("\n", text, NULL));
		else
			add_row(p, ROW_KERNEL, text);
		p->process = "init";
		return;
	case EVENT_WARN:
		text = g_strconcat("WARNING: ", event->func, NULL);
		break;
	case EVENT_PANIC:
		text = g_strconcat("Kernel panic: ", event->text, NULL);
		break;
	case EVENT_VIOLATION:
		append_violation(broken, event->violation);
		text = g_strconcat(violation_name(event->violation->kind), ": ", broken->str, NULL);
		break;
	default:
		return;
	}
	p->bad = true;
	g_ptr_array_add(p->said, g_steal_pointer(&text));
}

/* ---- Drawing ---- */

static const char style[] =
"<style>\n"
"text { font: 12px ui-monospace, 'DejaVu Sans Mono', monospace; fill: #1b1f24; }\n"
".page { fill: #fff; } .quiet { fill: #59636e; } .bad { fill: #a40e26; }\n"
".title { font-weight: 700; font-size: 14px; } .kernel { font-weight: 700; }\n"
".band { fill: #e8edf2; } .lane, .row { stroke: #b6bfc8; } .row { stroke-opacity: .35; }\n"
".dot { fill: #59636e; } .baddot { fill: #cf222e; } .chain { stroke: #cf222e;\n"
"  stroke-width: 2; fill: none; } .ring { stroke: #cf222e; stroke-width: 2.5; fill: none; }\n"
".used { fill: #afb8c1; } .kept { fill: #0969da; } .over { fill: #bf8700; }\n"
".back { fill: #1a7f37; } .lost { fill: #cf222e; }\n"
"@media (prefers-color-scheme: dark) { text { fill: #e6edf3; } .page { fill: #0d1117; }\n"
"  .quiet { fill: #9198a1; } .bad { fill: #ffb3ad; } .band { fill: #1f2630; }\n"
"  .lane, .row { stroke: #4a525c; } .dot { fill: #9198a1; } .used { fill: #57606a; }\n"
"  .kept { fill: #4493f8; } .over { fill: #d29922; } .back { fill: #3fb950; } }\n"
"</style>\n";

static void draw_text(GString *out, double x, guint y, const char *class, const char *text)
{
	g_autofree char *escaped = g_markup_escape_text(text, -1);

	g_string_append_printf(out, "<text x=\"%.0f\" y=\"%u\"", x, y);
	if (class != NULL)
		g_string_append_printf(out, " class=\"%s\"", class);
	g_string_append_printf(out, ">%s</text>\n", escaped);
}

static guint text_x(const struct picture *p)
{
	return MARGIN + MAX(p->lanes->len, 1) * LANE;
}

static guint bars_x(const struct picture *p)
{
	gsize longest = 20;

	for (guint i = 0; i < p->rows->len; i++) {
		const struct picture_row *row = &g_array_index(p->rows, struct picture_row, i);

		longest = MAX(longest, strlen(row->text) + (row->type == ROW_SAID ? 2 : 0));
	}
	return text_x(p) + (guint)(longest * CHAR) + 24;
}

/* The middle of a row. */
static guint row_y(const struct picture *p, guint row)
{
	return p->top + 30 + row * ROW;
}

static guint bar_width(const struct picture *p)
{
	return p->bars->len > MANY_BARS ? NARROW_BAR : BAR;
}

static guint bar_x(const struct picture *p, guint bar)
{
	return bars_x(p) + bar * bar_width(p);
}

/* Labels of bars and lanes are between the legend and the rows. */
static guint find_top(const struct picture *p)
{
	gsize longest = 7;

	for (guint i = 0; i < p->bars->len; i++)
		longest = MAX(longest, strlen(g_array_index(p->bars, struct bar, i).name));
	for (guint i = 0; p->lanes->len > 1 && i < p->lanes->len; i++)
		longest = MAX(longest, strlen(p->lanes->pdata[i]));
	return LEGEND + (guint)(MIN(longest, MAX_LABEL) * LABEL_ROW);
}

static void draw_row(const struct picture *p, guint i)
{
	const struct picture_row *row = &g_array_index(p->rows, struct picture_row, i);
	GString *out = p->body;
	guint y = row_y(p, i), x = text_x(p);

	if (row->type == ROW_KERNEL) {
		g_string_append_printf(out, "<rect class=\"band\" x=\"0\" y=\"%u\" "
				       "width=\"%u\" height=\"%u\"/>\n", y - ROW / 2,
				       p->width, ROW - 2);
		draw_text(out, MARGIN, y + 4, "kernel", row->text);
		return;
	}
	if (row->type == ROW_CALL)
		g_string_append_printf(out, "<circle class=\"%s\" cx=\"%u\" cy=\"%u\" "
				       "r=\"4\" data-step=\"%u\"><title>line %u</title></circle>\n",
				       row->bad ? "baddot" : "dot",
				       MARGIN + row->lane * LANE, y, row->number, row->line);
	if (row->type == ROW_TURN)
		g_string_append_printf(out, "<rect class=\"dot\" x=\"%u\" y=\"%u\" width=\"4\" "
				       "height=\"%u\"/>\n", MARGIN + row->lane * LANE - 2,
				       y - ROW / 2, ROW);
	draw_text(out, x + (row->type == ROW_SAID ? 14 : 0), y + 4,
		  row->bad ? "bad" : row->type >= ROW_TURN ? "quiet" : NULL, row->text);
}

/* Pieces that are alike are one; they change in the middle of a row. */
static void draw_bar(const struct picture *p, guint bar)
{
	const struct bar *b = &g_array_index(p->bars, struct bar, bar);
	guint x = bar_x(p, bar), from = 0;
	enum hold hold = HOLD_NONE;

	for (guint i = 0; i <= p->rows->len; i++) {
		enum hold now = i < p->rows->len ?
				g_array_index(p->rows, struct picture_row,
					      i).holds[bar] : HOLD_NONE;
		g_autofree char *name = NULL;

		if (now == hold)
			continue;
		name = g_markup_escape_text(b->name, -1);
		if (hold != HOLD_NONE)
			g_string_append_printf(p->body, "<rect class=\"%s\" x=\"%u\" y=\"%u\" "
				"width=\"%d\" height=\"%u\"><title>%s: %s</title></rect>\n",
				hold_class[hold], x, row_y(p, from), BAR_WIDTH, (i - from) * ROW,
				name, hold_words[hold]);
		hold = now;
		from = i;
	}
}

static void draw_label(const struct picture *p, guint bar)
{
	const struct bar *b = &g_array_index(p->bars, struct bar, bar);
	g_autoptr(GString) printable = g_string_new(NULL);
	g_autofree char *escaped = NULL;

	append_printable(printable, b->name);
	if (printable->len > MAX_LABEL) {
		g_string_truncate(printable, MAX_LABEL - 3);
		g_string_append(printable, "...");
	}
	escaped = g_markup_escape_text(printable->str, -1);
	g_string_append_printf(p->body, "<text transform=\"translate(%u,%u) rotate(-45)\">%s"
			       "</text>\n", bar_x(p, bar) + 8, p->top + 14, escaped);
}

static void draw_lanes(const struct picture *p)
{
	for (guint i = 0; i < p->lanes->len; i++)
		g_string_append_printf(p->body, "<path class=\"lane\" d=\"M%u %u V%u\"><title>%s"
				       "</title></path>\n", MARGIN + i * LANE, row_y(p, 0),
				       row_y(p, p->rows->len), (char *)p->lanes->pdata[i]);
	for (guint i = 0; p->lanes->len > 1 && i < p->lanes->len; i++)
		g_string_append_printf(p->body, "<text class=\"quiet\" transform=\""
				       "translate(%u,%u) rotate(-45)\">%s</text>\n",
				       MARGIN + i * LANE + 4,
				       p->top + 14, (char *)p->lanes->pdata[i]);
}

static void draw_legend(const struct picture *p)
{
	guint x = MARGIN;

	for (enum hold hold = HOLD_USED; hold <= HOLD_FAILED; hold++) {
		g_string_append_printf(p->body, "<rect class=\"%s\" x=\"%u\" y=\"34\" "
				       "width=\"12\" height=\"12\"/>\n", hold_class[hold], x);
		draw_text(p->body, x + 17, 44, "quiet", hold_words[hold]);
		x += 34 + (guint)(strlen(hold_words[hold]) * CHAR);
	}
}

/* ---- What broke ---- */

static const struct violation *first_cause(const struct verdict *v)
{
	for (gsize i = 0; i < v->nr_violations; i++)
		if (v->causes & 1u << v->violations[i].kind)
			return &v->violations[i];
	return NULL;
}

/* The last row of a line's call, or G_MAXUINT. */
static guint row_of(const struct picture *p, guint line)
{
	guint found = G_MAXUINT;

	for (guint i = 0; i < p->rows->len && line != 0; i++)
		if (g_array_index(p->rows, struct picture_row, i).line == line)
			found = i;
	return found;
}

/* The bar of the frame; else, as it is one that only describes a file, that of the claim on it. */
static guint chain_bar(const struct picture *p, const struct violation *v)
{
	g_autofree char *claim = v->nr_claims > 0 ?
		g_strdup_printf("%s %#" G_GINT64_MODIFIER "x", v->claims[0].session,
				v->claims[0].token) : NULL;
	guint at = G_MAXUINT;

	for (guint i = 0; i < p->bars->len; i++) {
		const struct bar *bar = &g_array_index(p->bars, struct bar, i);

		if (bar->is_folio && v->pfn - bar->key < bar->pages)
			return i;
		if (!bar->is_folio && g_strcmp0(claim, bar->name) == 0)
			at = i;
	}
	return at;
}

/* The steps that the verdict names, on the bar of the frame; without one, next to the calls. */
static void draw_chain(const struct picture *p, const struct violation *v)
{
	guint lines[G_N_ELEMENTS(v->claims) + 2], nr = 0, last = 0;
	guint bar = chain_bar(p, v);
	guint x = bar != G_MAXUINT ? bar_x(p, bar) + BAR_WIDTH / 2 : MARGIN;

	for (guint i = 0; i < MIN(v->nr_claims, G_N_ELEMENTS(v->claims)); i++)
		lines[nr++] = v->claims[i].op;
	lines[nr++] = v->restored_op;
	lines[nr++] = v->op;
	for (guint i = 0; i < nr; i++) {
		guint row = row_of(p, lines[i]);

		if (row == G_MAXUINT)
			continue;
		if (last != 0 && row_y(p, row) > last + 12)
			g_string_append_printf(p->body, "<path class=\"chain\" "
					       "d=\"M%u %u V%u\"/>\n", x, last + 6,
					       row_y(p, row) - 6);
		last = row_y(p, row);
		g_string_append_printf(p->body, "<circle class=\"ring\" cx=\"%u\" cy=\"%u\" "
				       "r=\"6\"/>\n", x, last);
	}
}

/* The verdict in the words of a trace; where it ends. */
static guint draw_verdict(const struct picture *p, const struct report_event *e, guint y)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_auto(GStrv) lines = NULL;

	trace_verdict_text(text, e);
	lines = g_strsplit(text->str, "\n", -1);
	for (guint i = 0; lines[i] != NULL; i++) {
		if (lines[i][0] == '\0')
			continue;
		draw_text(p->body, MARGIN + 7 * strspn(lines[i], " "), y,
			  !e->verdict->ok || e->verdict->causes != 0 ? "bad" : NULL,
			  lines[i] + strspn(lines[i], " "));
		p->body->str[p->body->len - 1] = '\n';
		y += 17;
	}
	return y;
}

static void draw_left_out(const struct picture *p, guint y)
{
	g_autoptr(GString) text = g_string_new(NULL);

	if (p->left_out > 0)
		g_string_append_printf(text, "%u calls", p->left_out);
	if (g_hash_table_size(p->left) > 0)
		g_string_append_printf(text, "%s%u bars", text->len > 0 ? " and " : "",
				       g_hash_table_size(p->left));
	if (text->len > 0) {
		g_string_append(text, " are not shown");
		draw_text(p->body, MARGIN, y, "quiet", text->str);
	}
}

static void end_run(struct picture *p, const struct report_event *e)
{
	const struct violation *v = first_cause(e->verdict);
	guint y;

	say_all(p);
	p->top = find_top(p);
	p->width = bars_x(p) + MAX(p->bars->len * bar_width(p), 60) + 90;
	p->width = MAX(p->width, 2 * MARGIN + (guint)(100 * CHAR));
	g_string_append_printf(p->body, "<g transform=\"translate(0,%u)\">\n", p->height);
	draw_text(p->body, MARGIN, 22, "title", p->title);
	draw_legend(p);
	draw_lanes(p);
	for (guint i = 0; i < p->rows->len; i++)
		draw_row(p, i);
	for (guint i = 0; i < p->bars->len; i++) {
		draw_label(p, i);
		draw_bar(p, i);
	}
	if (v != NULL)
		draw_chain(p, v);
	y = row_y(p, p->rows->len) + 24;
	draw_left_out(p, y);
	y = draw_verdict(p, e, y + (p->left_out + g_hash_table_size(p->left) > 0 ? 20 : 0));
	g_string_append(p->body, "</g>\n");
	p->height += y + 8;
	p->max_width = MAX(p->max_width, p->width);
}

static void write_all(const struct picture *p)
{
	fprintf(p->out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %u %u\" "
		"width=\"%u\" height=\"%u\">\n%s"
		"<rect class=\"page\" width=\"100%%\" height=\"100%%\"/>\n%s</svg>\n",
		p->max_width, p->height, p->max_width, p->height, style, p->body->str);
}

/* Such a line may stand in front of all else. */
static void write_header(const struct picture *p, const struct header *header)
{
	g_autoptr(GString) about = g_string_new(NULL);

	header_print(about, header, "");
	g_strdelimit(about->str, "\n?", ' ');
	fprintf(p->out, "<?luosim %s?>\n", about->str);
}

/* ---- The report ---- */

static void picture_event(struct report *report, const struct report_event *e)
{
	struct picture *p = (struct picture *)report;

	switch (e->type) {
	case REPORT_PLAN:
		write_header(p, e->header);
		break;
	case REPORT_SCENARIO:
		p->runs = e->count;
		break;
	case REPORT_RUN:
		begin_run(p, e);
		break;
	case REPORT_PROCESS:
		p->process = e->process;
		break;
	case REPORT_RACE:
		p->race_step = e->race->step;
		break;
	case REPORT_OP:
		begin_call(p, e);
		break;
	case REPORT_TURN:
		end_turn(p, e);
		break;
	case REPORT_EVENT:
		hear(p, e);
		break;
	case REPORT_RESULT:
		end_call(p, e);
		break;
	case REPORT_VERDICT:
		end_run(p, e);
		if (--p->runs == 0)
			write_all(p);
		break;
	default:
		break;
	}
}

static void picture_free(struct report *report)
{
	struct picture *p = (struct picture *)report;

	g_string_free(p->body, TRUE);
	g_free(p->title);
	g_array_unref(p->rows);
	g_array_unref(p->bars);
	g_ptr_array_unref(p->lanes);
	g_ptr_array_unref(p->said);
	g_hash_table_unref(p->left);
	state_watch_free(p->watch);
	g_free(p);
}

struct report *report_svg(FILE *out)
{
	struct picture *p = g_new0(struct picture, 1);

	p->report = (struct report){ .event = picture_event, .free = picture_free };
	p->out = out;
	p->body = g_string_new(NULL);
	p->rows = g_array_new(FALSE, TRUE, sizeof(struct picture_row));
	g_array_set_clear_func(p->rows, (GDestroyNotify)row_clear);
	p->bars = g_array_new(FALSE, TRUE, sizeof(struct bar));
	g_array_set_clear_func(p->bars, (GDestroyNotify)bar_clear);
	p->lanes = g_ptr_array_new_with_free_func(g_free);
	p->said = g_ptr_array_new_with_free_func(g_free);
	p->left = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	p->watch = state_watch_new();
	return &p->report;
}
