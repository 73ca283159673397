/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs a recording through the model, or a kernel tree, and compares: results and data, WARNs with
 * their call chains, log lines, panics, and what each kernel said as it booted.
 */
#include <string.h>

#include "replay/agreement.h"
#include "run/plan.h"
#include "run/run.h"
#include "report/trace.h"

/* What was said on one side during one operation or boot. */
struct reply {
	GString *result;	/* model only: how a result differs */
	enum fault fault;	/* model only: of the first call */
	GPtrArray *lines;	/* of char *: "WARN f < g", log lines, "panic: ..." */
};

/* How far back a failure is looked for, and how far ahead. */
#define MAX_BEFORE	64
#define MAX_BEHIND	4

struct collector {
	struct report report;
	const struct translation *t;
	const struct release *on;	/* what it runs on, if not the recording's row */
	GPtrArray *ops;		/* of struct reply, by recorded operation */
	GPtrArray *boots;	/* of struct reply, by stage */
	guint op;		/* under way, counted from 1, or 0 */
	gboolean booting;
	char *panic;
};

static struct reply *said_new(void)
{
	struct reply *said = g_new0(struct reply, 1);

	said->result = g_string_new(NULL);
	said->lines = g_ptr_array_new_with_free_func(g_free);
	return said;
}

static void said_free(gpointer ptr)
{
	struct reply *said = ptr;

	g_string_free(said->result, TRUE);
	g_ptr_array_unref(said->lines);
	g_free(said);
}

char *log_line_normal(const char *text)
{
	static const char *const marks[] = { "address: ", "0x" };
	GString *out = g_string_new(NULL);

	while (*text) {
		gsize hex = 0, mark = 0;

		for (guint i = 0; i < G_N_ELEMENTS(marks) && !hex; i++) {
			mark = strlen(marks[i]);
			if (g_str_has_prefix(text, marks[i]))
				hex = strspn(text + mark, "0123456789abcdefABCDEF");
		}
		if (hex) {
			g_string_append_len(out, text, mark);
			g_string_append(out, "ADDR");
			text += mark + hex;
		} else {
			g_string_append_c(out, *text++);
		}
	}
	return g_string_free(out, FALSE);
}

void log_lines_add(GPtrArray *lines, const char *line)
{
	const char *last = lines->len ? g_ptr_array_index(lines, lines->len - 1) : "";
	gsize len = strlen(line);
	guint64 n = 1;

	if (g_str_has_prefix(last, line) && (!last[len] || g_str_has_prefix(last + len, " [x"))) {
		if (last[len])
			n = g_ascii_strtoull(last + len + strlen(" [x"), NULL, 10);
		g_free(lines->pdata[lines->len - 1]);
		lines->pdata[lines->len - 1] =
			g_strdup_printf("%s [x%" G_GUINT64_FORMAT "]", line, n + 1);
		return;
	}
	g_ptr_array_add(lines, g_strdup(line));
}

/*
 * The release that KHO names, without what the builder of a kernel added to it
 * (CONFIG_LOCALVERSION): that of the recording is the one that its row follows.
 */
static char *with_row_release(const char *line, const struct recording *rec,
			      const struct release *row)
{
	static const char exec[] = "KHO: exec from: ";
	g_autofree char *number = NULL;
	const char *end;

	if (!g_str_has_prefix(line, exec))
		return g_strdup(line);
	end = line + strlen(exec) + strspn(line + strlen(exec), "0123456789.");
	number = g_strndup(line + strlen(exec), end - line - strlen(exec));
	if (*end == '-')
		end += strcspn(end, " ");
	return g_strconcat(exec, row && g_str_equal(number, rec->release) ? row->uname : number,
			   end, NULL);
}

/* The recorded lines that the model is held to, in its form. */
static GPtrArray *recorded_lines(const struct recording *rec, const struct release *row,
				 const GPtrArray *log)
{
	static const char *const prefixes[] = { "KHO: ", "luo: ", "memfd_luo: " };
	GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; i < log->len; i++) {
		const char *line = g_ptr_array_index(log, i);
		const char *next = i + 1 < log->len ? g_ptr_array_index(log, i + 1) : "";

		if (g_str_has_prefix(line, "WARNING ") && strrchr(line, ' ')) {
			gboolean trace = g_str_has_prefix(next, "Call Trace: ");

			g_autofree char *warn = g_strdup_printf("WARN in%s%s%s", strrchr(line, ' '),
					trace ? " < " : "",
					trace ? next + strlen("Call Trace: ") : "");

			log_lines_add(lines, warn);
		}
		if (g_str_has_prefix(line, "Kernel panic"))
			g_ptr_array_add(lines, g_strdup(line));
		for (guint p = 0; p < G_N_ELEMENTS(prefixes); p++)
			if (g_str_has_prefix(line, prefixes[p]))
				g_ptr_array_add(lines, with_row_release(line, rec, row));
	}
	return lines;
}

static char *warn_line(const struct event *event)
{
	GString *line = g_string_new("WARN in ");

	g_string_append(line, event->func);
	for (guint i = 0; i < event->depth; i++)
		g_string_append_printf(line, " < %s", event->chain[i]);
	return g_string_free(line, FALSE);
}

static struct reply *listening(struct collector *c)
{
	if (c->booting)
		return g_ptr_array_index(c->boots, c->boots->len - 1);
	return c->op == 0 ? NULL : g_ptr_array_index(c->ops, c->op - 1);
}

static void collect_event(struct collector *c, const struct event *event)
{
	g_autofree char *line = NULL;
	struct reply *said;

	if (event->type == EVENT_BOOT) {
		g_ptr_array_add(c->boots, said_new());
		c->booting = TRUE;
		return;
	}
	if (event->type == EVENT_WARN)
		line = warn_line(event);
	else if (event->type == EVENT_LOG)
		line = log_line_normal(event->text);
	else if (event->type == EVENT_PANIC)
		line = g_strconcat("Kernel panic - not syncing: ", event->text, NULL);
	said = listening(c);
	if (!line || !said)
		return;
	log_lines_add(said->lines, line);
	if (event->type == EVENT_PANIC && !c->panic)
		c->panic = g_strdup(line);
}

static void collect(struct report *report, const struct report_event *e)
{
	struct collector *c = (struct collector *)report;

	if (e->type == REPORT_OP) {
		c->op = e->op->line;
		c->booting = FALSE;
	} else if (e->type == REPORT_EVENT) {
		collect_event(c, e->event);
	} else if (e->type == REPORT_RESULT && c->op != 0) {
		struct reply *said = g_ptr_array_index(c->ops, c->op - 1);

		if (e->differs && !said->result->len)
			trace_mismatch(said->result, e);
		if (said->fault == FAULT_NONE)
			said->fault = e->fault;
		/* What is said as the machine ends belongs to no operation. */
		c->op = 0;
	}
}

/* The lines joined, or "nothing". */
static char *join(const GPtrArray *lines)
{
	GString *out = g_string_new(NULL);

	for (guint i = 0; i < lines->len; i++)
		g_string_append_printf(out, "%s%s", i ? "; " : "",
				       (char *)g_ptr_array_index(lines, i));
	return g_string_free(out, FALSE);
}

static void differ(struct agreement *a, guint op, char *kernel, char *model)
{
	struct difference d = { op, kernel, model };

	g_array_append_val(a->differences, d);
}

/* FALSE, with the difference noted, when other lines were printed. */
static gboolean compare_lines(struct agreement *a, const struct recording *rec,
			      const struct release *on, guint op, const GPtrArray *log,
			      const struct reply *said)
{
	g_autoptr(GPtrArray) kernel = recorded_lines(rec, on, log);
	g_autofree char *is = join(said->lines), *should = join(kernel);

	if (g_str_equal(is, should))
		return TRUE;
	differ(a, op, g_strconcat("said: ", should, NULL), g_strconcat("said: ", is, NULL));
	return FALSE;
}

/* FALSE, with the difference noted, when what was to fail did in one of the two only. */
static gboolean compare_fault(struct agreement *a, guint i, const struct recorded_op *op,
			      const struct reply *said)
{
	const char *model = said->fault == FAULT_HIT ? "fault=hit" : "fault=miss";

	if (said->fault == FAULT_NONE || !strstr(op->data, "fault=") || strstr(op->data, model))
		return TRUE;
	differ(a, i, g_strdup(op->data), g_strdup(model));
	return FALSE;
}

static void compare_op(struct agreement *a, const struct recording *rec, guint i,
		       const struct collector *c)
{
	const struct recorded_op *op = &g_array_index(rec->ops, struct recorded_op, i);
	const struct reply *said = g_ptr_array_index(c->ops, i);

	if (g_str_equal(op->rc, "skipped") || g_str_equal(op->rc, "badop")) {
		a->skipped++;
	} else if (!g_array_index(c->t->modelled, bool, i)) {
		a->not_modelled++;
	} else if (said->result->len) {
		a->ops++;
		differ(a, i, g_strdup_printf("%s %s", op->rc, op->data),
		       g_strdup(said->result->str));
	} else {
		a->ops++;
		a->agreed += compare_lines(a, rec, c->on, i, op->log, said) &&
			     compare_fault(a, i, op, said);
	}
}

static void compare_end(struct agreement *a, const struct recording *rec,
			const struct collector *c)
{
	const char *panic = g_str_equal(rec->end, "panic") ? rec->panic : "";

	for (guint stage = 0; stage < rec->boot_log->len && stage < c->boots->len; stage++)
		compare_lines(a, rec, c->on, rec->ops->len, g_ptr_array_index(rec->boot_log, stage),
			      g_ptr_array_index(c->boots, stage));
	if (!g_str_equal(panic, c->panic ? c->panic : ""))
		differ(a, rec->ops->len, g_strdup_printf("end: %s %s", rec->end, panic),
		       g_strdup_printf("end: %s", c->panic ? c->panic : "poweroff"));
}

static void difference_clear(gpointer ptr)
{
	struct difference *d = ptr;

	g_free(d->kernel);
	g_free(d->model);
}

static struct agreement *agreement_new(void)
{
	struct agreement *a = g_new0(struct agreement, 1);

	a->differences = g_array_new(FALSE, FALSE, sizeof(struct difference));
	g_array_set_clear_func(a->differences, difference_clear);
	a->aligned = g_array_new(FALSE, FALSE, sizeof(struct aligned));
	return a;
}

/* What the recording runs on: the release of --kernel, or that of the recording. */
static const struct release *runs_on(const struct recording *rec, const struct overrides *o)
{
	return o->releases->len > 0 ? o->releases->pdata[0] : release_find(rec->row);
}

static struct agreement *run_translated(const struct recording *rec,
					const struct translation *t, const struct overrides *o)
{
	struct collector c = {
		.report.event = collect, .t = t, .on = runs_on(rec, o),
	};
	struct agreement *a = agreement_new();

	c.ops = g_ptr_array_new_with_free_func(said_free);
	c.boots = g_ptr_array_new_with_free_func(said_free);
	for (guint i = 0; i < rec->ops->len; i++)
		g_ptr_array_add(c.ops, said_new());
	run_scenario(t->scn, NULL, o, &c.report);
	for (guint i = 0; i < rec->ops->len; i++)
		compare_op(a, rec, i, &c);
	compare_end(a, rec, &c);
	g_ptr_array_unref(c.ops);
	g_ptr_array_unref(c.boots);
	g_free(c.panic);
	return a;
}

static struct agreement *run_with(const struct recording *rec, const struct overrides *o,
				  const guint *nth, GError **error)
{
	struct translation *t = translate(rec, nth, error);
	g_autofree char *objection = t ? plan_objection(t->scn, NULL, o) : NULL;
	struct agreement *a = NULL;

	if (objection)
		g_set_error(error, SCN_ERROR, 0, "%s", objection);
	else if (t)
		a = run_translated(rec, t, o);
	g_clear_pointer(&t, translation_free);
	return a;
}

/* Which allocation a recorded fail_nth asks for; 0 if the operation is another. */
static guint asked_nth(const struct recording *rec, guint i)
{
	const struct recorded_op *op = &g_array_index(rec->ops, struct recorded_op, i);
	const char *number = op->text + strlen("fail_nth ");

	if (!g_str_has_prefix(op->text, "fail_nth ") || g_str_equal(op->rc, "skipped"))
		return 0;
	return g_ascii_strtoull(number, NULL, 10);
}

/* Do the two differ in an operation before @end? All differences count for G_MAXUINT. */
static gboolean differs_before(const struct agreement *a, guint end)
{
	for (guint i = 0; i < a->differences->len; i++)
		if (g_array_index(a->differences, struct difference, i).op < end)
			return TRUE;
	return FALSE;
}

/*
 * Let other allocations of the model fail at operation @fail until all agrees up to @end:
 * earlier ones, the nearest first, then none, then a few later ones.
 */
static struct agreement *try_neighbours(const struct recording *rec, const struct overrides *o,
					guint *nth, guint fail, guint end)
{
	guint asked = asked_nth(rec, fail), before = MIN(asked, MAX_BEFORE);

	for (guint i = 0; i < before + MAX_BEHIND; i++) {
		struct agreement *a;

		nth[fail] = i < before ? before - i - 1 : asked + 1 + i - before;
		a = run_with(rec, o, nth, NULL);
		if (!a || !differs_before(a, end))
			return a;
		agreement_free(a);
	}
	return NULL;
}

/*
 * A real kernel counts allocations that the model does not make: the slab allocator's for
 * itself, where a slab is full. So the model's failure is looked for around the recorded
 * one, failure by failure, from its result @as_recorded on. NULL when there is none
 * to align, or the rest does not agree that way either.
 */
static struct agreement *align(const struct recording *rec, const struct overrides *o,
			       const struct agreement *as_recorded)
{
	g_autofree guint *nth = g_new(guint, rec->ops->len);
	struct agreement *a = NULL;

	for (guint i = 0; i < rec->ops->len; i++)
		nth[i] = NTH_AS_RECORDED;
	for (guint i = 0; i < rec->ops->len; i++) {
		guint end = i + 1;

		if (!asked_nth(rec, i))
			continue;
		while (end < rec->ops->len && !asked_nth(rec, end))
			end++;
		end = end < rec->ops->len ? end : G_MAXUINT;
		if (!differs_before(a ? a : as_recorded, end))
			continue;
		g_clear_pointer(&a, agreement_free);
		a = try_neighbours(rec, o, nth, i, end);
		if (!a)
			return NULL;
	}
	for (guint i = 0; a && i < rec->ops->len; i++) {
		struct aligned aligned = { i, nth[i] };

		if (nth[i] != NTH_AS_RECORDED)
			g_array_append_val(a->aligned, aligned);
	}
	return a;
}

struct agreement *recording_run(const struct recording *rec, const struct overrides *o,
				GError **error)
{
	struct agreement *a = run_with(rec, o, NULL, error), *aligned;

	if (!a || !a->differences->len)
		return a;
	aligned = align(rec, o, a);
	if (!aligned)
		return a;
	agreement_free(a);
	return aligned;
}

void agreement_free(struct agreement *a)
{
	g_array_unref(a->differences);
	g_array_unref(a->aligned);
	g_free(a);
}

static void print_difference(const struct recording *rec, const struct difference *d,
			     const char *model)
{
	if (d->op < rec->ops->len) {
		const struct recorded_op *op = &g_array_index(rec->ops, struct recorded_op, d->op);

		g_print("%s, %s, line %u: %s\n", rec->name, rec->row, op->line, op->text);
	} else {
		g_print("%s, %s, boot and end\n", rec->name, rec->row);
	}
	g_print("    kernel  %s\n    %-7s %s\n", d->kernel, model, d->model);
}

static void print_aligned(const struct recording *rec, const struct aligned *aligned)
{
	const struct recorded_op *op = &g_array_index(rec->ops, struct recorded_op, aligned->op);

	g_print("%s, %s, line %u: %s\n    agrees when ", rec->name, rec->row, op->line, op->text);
	if (aligned->nth == NTH_NONE)
		g_print("no allocation of the model fails\n");
	else
		g_print("allocation %u of the model fails\n", aligned->nth);
}

void agreement_print(const struct recording *rec, const struct agreement *a, const char *model)
{
	for (guint i = 0; i < a->differences->len; i++)
		print_difference(rec, &g_array_index(a->differences, struct difference, i), model);
	for (guint i = 0; i < a->aligned->len; i++)
		print_aligned(rec, &g_array_index(a->aligned, struct aligned, i));
}
