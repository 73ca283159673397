/* SPDX-License-Identifier: GPL-2.0-only */
/* One run as text: each call as strace prints it, and under it what the kernel said. */
#include <string.h>

#include "run/aggregate.h"
#include "scn/fail.h"
#include "scn/print.h"
#include "scn/schedule.h"
#include "scn/tree.h"
#include "report/state.h"
#include "report/trace.h"

#define CALL_INDENT	2
#define MAX_ALIGN	44	/* where "=" stands at most, unless the call is longer */
#define MAX_CALL	90	/* longer calls are cut */
#define SHORTEN		48	/* bytes of a string that are shown */
#define EVENT_INDENT	6
#define MAX_VIOLATIONS	10	/* described in full */
#define MAX_MISMATCHES	100	/* shown */
#define MAX_CHANGES	3	/* of a step, unless all are asked for */

struct trace {
	GString *out;
	guint flags;			/* of enum trace_flags */
	guint gutter;			/* columns that line numbers take */
	struct report_event run;	/* REPORT_RUN, for the summary */
	guint align;			/* where "=" stands */
	GString *pending;		/* what the machine said during the call */
	GArray *marks, *pending_marks;	/* of struct trace_mark, of both texts; or NULL */
	enum { BOOTING, CALLING, BETWEEN_CALLS } state;
	bool left_out;			/* calls of a repetition since the last shown one */
	guint mismatches;
	struct machine_stats stats;
	struct state_watch *watch;	/* TRACE_VERBOSE */
	guint race_step, race_kernel;
};

struct trace *trace_new(GString *out, guint flags)
{
	struct trace *t = g_new0(struct trace, 1);

	t->out = out;
	t->flags = flags;
	t->watch = flags & TRACE_VERBOSE ? state_watch_new() : NULL;
	t->pending = g_string_new(NULL);
	return t;
}

void trace_keep_marks(struct trace *t, GArray *marks)
{
	t->marks = marks;
	t->pending_marks = g_array_new(FALSE, FALSE, sizeof(struct trace_mark));
}

void trace_free(struct trace *t)
{
	if (t->pending_marks != NULL)
		g_array_unref(t->pending_marks);
	g_string_free(t->pending, TRUE);
	state_watch_free(t->watch);
	g_free(t);
}

void append_printable(GString *out, const char *text)
{
	for (; *text != '\0'; text++)
		g_string_append_printf(out, g_ascii_isprint(*text) ? "%c" : "\\x%02x",
				       (guint8)*text);
}

void append_wrapped(GString *out, const char *prefix, const char *text, gsize hang)
{
	gsize room = TRACE_WIDTH - strlen(prefix), n;

	g_string_append(out, prefix);
	while ((n = strlen(text)) > room) {
		for (n = room; n > 0 && text[n] != ' '; )
			n--;
		if (n == 0)
			n = room;
		g_string_append_len(out, text, n);
		g_string_append_printf(out, "\n%*s", (int)hang, "");
		text += n + strspn(text + n, " ");
		room = TRACE_WIDTH - hang;
	}
	g_string_append_printf(out, "%s\n", text);
}

/* Lines of another kind begin here, in @out, which is the trace or what is pending. */
static void mark(struct trace *t, const GString *out, struct trace_mark mark)
{
	GArray *marks = out == t->pending ? t->pending_marks : t->marks;

	mark.at = out->len;
	if (marks != NULL)
		g_array_append_val(marks, mark);
}

static void tone_on(struct trace *t, GString *out, enum tone tone)
{
	mark(t, out, (struct trace_mark){ .tone = tone });
	if (t->flags & TRACE_COLOUR)
		g_string_append(out, tone_code(tone));
}

static const char *file_of(const struct trace *t, const struct scenario *scn)
{
	return t->flags & TRACE_PATHS ? scn->path : scn->file;
}

/* Begin a line of the scenario's, with its number; 0: none. */
static void append_gutter(GString *out, const struct trace *t, guint line)
{
	if (t->gutter > 0 && line > 0)
		g_string_append_printf(out, "%*u", (int)t->gutter, line);
	else
		g_string_append_printf(out, "%*s", (int)t->gutter, "");
	g_string_append_printf(out, "%*s", CALL_INDENT, "");
}

/* One line under a call. */
static void say(struct trace *t, enum tone tone, const char *prefix, const char *text)
{
	g_autofree char *indented = g_strdup_printf("%*s%s", (int)t->gutter + EVENT_INDENT, "",
						     prefix);
	g_autoptr(GString) printable = g_string_new(NULL);

	append_printable(printable, text);
	tone_on(t, t->pending, tone);
	append_wrapped(t->pending, indented, printable->str, t->gutter + EVENT_INDENT + 2);
	tone_on(t, t->pending, TONE_PLAIN);
}

/* ---- Headings ---- */

static guint widest_call(const struct scenario *scn)
{
	guint widest = 0;

	for (guint i = 0; i < scn->steps->len; i++) {
		const struct step *step = &g_array_index(scn->steps, struct step, i);
		g_autoptr(GString) call = g_string_new(NULL);

		if (step->kind != STEP_OP)
			continue;
		print_op_at(call, scn, step->line, SHORTEN);
		if (call->len <= MAX_ALIGN)
			widest = MAX(widest, call->len);
	}
	return widest;
}

/* Room for the largest line number. */
static guint gutter_of(const struct scenario *scn)
{
	guint last = 0, digits = 1;

	for (guint i = 0; i < scn->steps->len; i++)
		last = MAX(last, g_array_index(scn->steps, struct step, i).line);
	for (; last >= 10; last /= 10)
		digits++;
	return digits;
}

static void trace_run(struct trace *t, const struct report_event *e)
{
	t->run = *e;
	t->state = BOOTING;
	t->align = widest_call(e->scn);
	t->gutter = t->flags & TRACE_LINES ? gutter_of(e->scn) : 0;
	t->mismatches = 0;
	t->left_out = false;
	tone_on(t, t->out, TONE_HEADING);
	g_string_append_printf(t->out, "scenario %s, kernel %s, policy %s\n", e->scn->title,
			       release_label(&e->boot->release), e->boot->release.policy.name);
	tone_on(t, t->out, TONE_PLAIN);
}

/* What the kernel has otherwise than its release and the usual boot options. */
static void append_differences(GString *out, const struct boot *boot)
{
	const struct release *is = &boot->release, *was = release_find(is->name);
	g_autofree char *identity = is->tree != NULL ? tree_identity(is->tree) : NULL;

	if (identity != NULL)
		g_string_append_printf(out, ", version %s", identity);
	if (!policy_equal(&is->policy, &was->policy))
		g_string_append_printf(out, ", policy %s", is->policy.name);
	for (int i = 0; i < NR_FIXES; i++) {
		guint64 differs = (is->fixes ^ was->fixes) & FIX_BIT(i);

		if (differs != 0)
			g_string_append_printf(out, ", with%s %s",
					       is->fixes & differs ? "" : "out",
					       fix_table()[i].name);
	}
	for (int i = 0; i < NR_LIMITS; i++)
		if (is->limit[i] != was->limit[i])
			g_string_append_printf(out, ", %s %" G_GUINT64_FORMAT, limit_name(i),
					       is->limit[i]);
	g_string_append(out, boot->kho ? "" : ", kho=off");
	g_string_append(out, boot->liveupdate ? "" : ", liveupdate=off");
	g_string_append(out, boot->panic_on_warn ? ", panic_on_warn" : "");
	g_string_append(out, boot->kasan ? ", kasan" : "");
	g_string_append(out, boot->mem_profiling ? ", mem_profiling" : "");
	g_string_append(out, boot->deferred_init ? ", deferred_init" : "");
	g_string_append(out, boot->debugfs ? ", debugfs" : "");
	if (boot->crashkernel != 0) {
		g_string_append(out, ", crashkernel=");
		print_size(out, boot->crashkernel);
	}
}

static void trace_boot(struct trace *t, const struct report_event *e)
{
	g_autoptr(GString) differences = g_string_new(NULL);
	g_autofree char *heading = g_strdup_printf("kernel %u %s", e->event->kernel,
						   release_label(&e->boot->release));

	append_differences(differences, e->boot);
	g_string_append_c(t->pending, '\n');
	tone_on(t, t->pending, TONE_HEADING);
	append_wrapped(t->pending, heading, differences->str, CALL_INDENT);
	tone_on(t, t->pending, TONE_PLAIN);
}

/* ---- Events ---- */

static void trace_warn(struct trace *t, const struct event *event)
{
	g_autofree char *chain = NULL;
	g_autoptr(GPtrArray) functions = g_ptr_array_new();

	for (unsigned int i = 0; i < event->depth; i++)
		g_ptr_array_add(functions, (char *)event->chain[i]);
	g_ptr_array_add(functions, NULL);
	chain = g_strjoinv(" < ", (char **)functions->pdata);
	say(t, TONE_BAD, "WARNING: ", event->func);
	if (event->depth > 0)
		say(t, TONE_PLAIN, "Call trace: ", chain);
}

static void trace_machine(struct trace *t, const struct report_event *e)
{
	const struct event *event = e->event;

	switch (event->type) {
	case EVENT_LOG:
		say(t, event->level == LOG_INFO ? TONE_PLAIN : TONE_BAD, "", event->text);
		break;
	case EVENT_WARN:
		trace_warn(t, event);
		break;
	case EVENT_PANIC:
		say(t, TONE_BAD, "Kernel panic - not syncing: ", event->text);
		break;
	case EVENT_BOOT:
		trace_boot(t, e);
		break;
	case EVENT_VIOLATION:
		if (t->flags & TRACE_VERBOSE)
			say(t, TONE_BAD, "violation: ", violation_name(event->violation->kind));
		break;
	}
}

/* ---- Results ---- */

/* The result, with the name that it got. */
static void append_result(GString *out, const struct print *p, const struct report_event *e)
{
	bool as_written = e->expected != NULL && !e->differs && e->result->kind != VALUE_LOST &&
			  e->result->kind != VALUE_FIELDS;

	print_result(out, p, e->op->info, as_written ? e->expected : e->result);
	if (e->fault != FAULT_NONE)
		g_string_append(out, e->fault == FAULT_HIT ? " (INJECTED)" : " (nothing injected)");
	if (e->fail != NULL) {
		g_string_append_c(out, ' ');
		fail_print(out, e->fail);
	}
}

/* Append the call and its result, aligned. */
static void append_step(struct trace *t, const struct report_event *e)
{
	const struct print p = { .vars = e->vars, .shorten = SHORTEN };
	g_autoptr(GString) line = g_string_new(NULL);
	g_autoptr(GString) result = g_string_new(NULL);

	mark(t, t->out, (struct trace_mark){ .line = e->op->line });
	append_gutter(line, t, e->op->line);
	if (e->task != 0)
		g_string_append_printf(line, "%s: ", race_task(e->scn, t->race_step, e->task));
	print_call(line, &p, e->op);
	if (line->len > MAX_CALL) {
		g_string_truncate(line, MAX_CALL - 3);
		g_string_append(line, "...");
	}
	g_string_append_printf(line, "%*s",
			       MAX((int)(t->gutter + CALL_INDENT + t->align - line->len), 0), "");
	append_result(result, &p, e);
	if (line->len + result->len > TRACE_WIDTH - 3 && line->len > TRACE_WIDTH / 2) {
		g_string_append_printf(t->out, "%s\n", line->str);
		g_string_printf(line, "%*s", (int)t->gutter + EVENT_INDENT, "");
	}
	g_string_append(line, " = ");
	append_wrapped(t->out, line->str, result->str, line->len);
	mark(t, t->out, (struct trace_mark){ .tone = TONE_PLAIN });
}

void trace_call(GString *out, const struct report_event *e)
{
	const struct print p = { .vars = e->vars, .shorten = SHORTEN };

	print_call(out, &p, e->op);
	g_string_append(out, " = ");
	append_result(out, &p, e);
}

void trace_mismatch(GString *out, const struct report_event *e)
{
	const struct print p = { .vars = e->vars, .shorten = SHORTEN };

	print_call(out, &p, e->op);
	g_string_append(out, ": got ");
	print_result(out, &p, e->op->info, e->result);
	g_string_append(out, ", expected ");
	if (e->expected->kind == VALUE_NAME)
		g_string_append(out, "a descriptor");
	else
		print_result(out, &p, e->op->info, e->expected);
}

static void append_change(GString *out, const char *what, guint64 before, guint64 after)
{
	if (before != after)
		g_string_append_printf(out, "%s%s %" G_GUINT64_FORMAT " -> %" G_GUINT64_FORMAT,
				       out->len > 0 ? ", " : "", what, before, after);
}

/* Of the objects: what matters most comes first. */
static void trace_objects(struct trace *t, const struct report_event *e)
{
	guint max = t->flags & TRACE_ALL ? G_MAXUINT : MAX_CHANGES;
	guint nr, shown = 0;
	int last = -1;

	state_watch_look(t->watch, e->machine, true);
	nr = t->watch->changes->len;
	for (guint i = 0; i < nr; i++) {
		const struct state_change *c = &g_array_index(t->watch->changes,
							      struct state_change, i);
		const int kind = (c->after != NULL ? c->after : c->before)->kind;
		g_autoptr(GString) text = g_string_new(NULL);

		/* One of each kind says more than several of one. */
		if (nr > max && (shown == max || kind == last))
			continue;
		last = kind;
		shown++;
		state_print_change(text, t->watch, c);
		if (shown == max && nr > max)
			g_string_append_printf(text, " (and %u more)", nr - max);
		say(t, TONE_PLAIN, "", text->str);
	}
}

/* What the step changed in the machine's memory. */
static void trace_changes(struct trace *t, const struct report_event *e)
{
	g_autoptr(GString) changes = g_string_new(NULL);
	struct machine_stats stats;

	machine_stats(e->machine, &stats);
	append_change(changes, "free", t->stats.frames_free, stats.frames_free);
	append_change(changes, "preserved", t->stats.frames_preserved, stats.frames_preserved);
	append_change(changes, "incoming", t->stats.frames_incoming, stats.frames_incoming);
	t->stats = stats;
	if (changes->len > 0)
		say(t, TONE_PLAIN, "pages: ", changes->str);
	trace_objects(t, e);
}

static void flush_pending(struct trace *t)
{
	for (guint i = 0; t->marks != NULL && i < t->pending_marks->len; i++) {
		struct trace_mark pending = g_array_index(t->pending_marks, struct trace_mark, i);

		pending.at += t->out->len;
		g_array_append_val(t->marks, pending);
	}
	if (t->marks != NULL)
		g_array_set_size(t->pending_marks, 0);
	g_string_append_len(t->out, t->pending->str, t->pending->len);
	g_string_truncate(t->pending, 0);
}

static void trace_result(struct trace *t, const struct report_event *e)
{
	g_autoptr(GString) mismatch = NULL;

	t->state = BETWEEN_CALLS;
	if (e->brief && (t->flags & TRACE_VERBOSE) == 0 && t->pending->len == 0 &&
	    (!e->differs || t->mismatches >= MAX_MISMATCHES)) {
		if (!t->left_out) {
			append_gutter(t->out, t, 0);
			g_string_append(t->out, "...\n");
		}
		t->left_out = true;
		return;
	}
	t->left_out = false;
	if (t->flags & TRACE_VERBOSE)
		trace_changes(t, e);
	append_step(t, e);
	flush_pending(t);
	if (!e->differs)
		return;
	t->mismatches++;
	mismatch = g_string_new(NULL);
	g_string_append_printf(mismatch, "%s:%u: ", file_of(t, e->scn), e->op->line);
	trace_mismatch(mismatch, e);
	tone_on(t, t->out, TONE_BAD);
	g_string_append_printf(t->out, "%s\n", mismatch->str);
	tone_on(t, t->out, TONE_PLAIN);
}

/* ---- Races ---- */

/* The schedule that is shown. */
static void trace_race(struct trace *t, const struct report_event *e)
{
	const struct race_summary *race = e->race;
	g_autoptr(GString) schedule = g_string_new(NULL), heading = g_string_new(NULL);

	flush_pending(t);
	t->race_step = race->step;
	t->race_kernel = machine_kernel(e->machine);
	schedule_print(schedule, e->scn, race->step, race->shown);
	append_gutter(heading, t, g_array_index(e->scn->steps, struct step, race->step).line);
	g_string_append(heading, "race, in the order ");
	append_wrapped(t->out, heading->str, schedule->str, t->gutter + 6);
}

void trace_turn_text(GString *out, const struct report_event *e)
{
	static const char *const ends[] = {
		[TASK_READY] = "now", [TASK_SLEEPS] = "sleeps", [TASK_DONE] = "done",
	};

	g_string_append_printf(out, "%s: %u step%s, %s",
			       race_task(e->scn, e->race_step, e->turn), e->count,
			       e->count == 1 ? "" : "s", ends[e->turn_ended]);
	if (e->at != NULL && e->turn_ended != TASK_DONE)
		g_string_append_printf(out, " %s(%s)", e->at,
				       e->at_lock != NULL ? e->at_lock : "");
}

static void trace_turn(struct trace *t, const struct report_event *e)
{
	append_gutter(t->out, t, 0);
	trace_turn_text(t->out, e);
	g_string_append_c(t->out, '\n');
	if (e->count >= e->wanted)
		return;
	tone_on(t, t->out, TONE_BAD);
	g_string_append_printf(t->out, "%s:%u: schedule: %s took %u step%s, expected %u\n",
			       file_of(t, e->scn),
			       g_array_index(e->scn->steps, struct step, e->race_step).line,
			       race_task(e->scn, e->race_step, e->turn), e->count,
			       e->count == 1 ? "" : "s", e->wanted);
	tone_on(t, t->out, TONE_PLAIN);
}

/* ---- The verdict ---- */

/* "line 10: call(...)" */
static void append_op(GString *out, const struct scenario *scn, guint32 line)
{
	g_string_append_printf(out, "line %u: ", line);
	print_op_at(out, scn, line, SHORTEN);
}

void append_violation(GString *out, const struct violation *v)
{
	append_printable(out, v->text);
	if (v->pfn != 0)
		g_string_append_printf(out, "; pfn %#" G_GINT64_MODIFIER "x", v->pfn);
}

/* "    restored in line 10: call(...)"; nothing if @line is 0. */
static void trace_line(struct trace *t, const char *first, guint32 line)
{
	g_autoptr(GString) text = g_string_new(NULL);

	if (line == 0)
		return;
	append_op(text, t->run.scn, line);
	append_wrapped(t->out, first, text->str, 6);
}

static void trace_violation(struct trace *t, const struct violation *v)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autofree char *first = g_strdup_printf("  %s: ", violation_name(v->kind));

	append_violation(text, v);
	tone_on(t, t->out, TONE_BAD);
	append_wrapped(t->out, first, text->str, 4);
	tone_on(t, t->out, TONE_PLAIN);
	for (guint i = 0; i < MIN(v->nr_claims, G_N_ELEMENTS(v->claims)); i++) {
		g_autofree char *session = g_strndup(v->claims[i].session,
						     sizeof(v->claims[i].session));

		g_string_assign(text, v->claims[i].memory ? "the " : "session \"");
		append_printable(text, session);
		if (!v->claims[i].memory)
			g_string_append_printf(text, "\" token %#" G_GINT64_MODIFIER "x",
					       v->claims[i].token);
		g_string_append(text, ", ");
		if (v->claims[i].op != 0)
			append_op(text, t->run.scn, v->claims[i].op);
		else
			g_string_append(text, "at the first boot");
		append_wrapped(t->out, "    claimed by ", text->str, 6);
	}
	trace_line(t, "    restored in ", v->restored_op);
	trace_line(t, "    asleep in ", v->waits_op);
	trace_line(t, v->kind == VIOLATION_STUCK ? "    held in " : "    freed in ", v->other_op);
	trace_line(t, "    found in ", v->op);
	if (v->op == 0)
		append_wrapped(t->out, "    found at the end", "", 6);
}

static void append_stopped(GString *out, const struct verdict *v)
{
	g_string_append_printf(out, "; not all %s tried: %s", v->untried, v->stopped);
	if (!g_str_equal(v->untried, "steps"))
		g_string_append_printf(out, "; %" G_GUINT64_FORMAT " %s", v->tried,
				       v->tried == 1 ? "was" : "were");
}

/* "double-restore", or "clean, expected double-restore; 2 results differ" */
static void append_outcome(GString *out, const struct verdict *v)
{
	if (v->skipped != NULL) {
		g_string_append(out, v->skipped);
		return;
	}
	if (v->set != NULL)
		aggregate_print(out, v->set);
	else if (v->causes == 0 && v->stopped != NULL)
		g_string_append(out, "clean so far");
	else
		print_kinds(out, v->causes);
	if (v->set == NULL && !v->ok && v->expected != EXPECT_ANY && v->causes != v->expected) {
		g_string_append(out, ", expected ");
		print_kinds(out, v->expected);
	}
	if (v->mismatches > 0)
		g_string_append_printf(out, "; %" G_GUINT64_FORMAT " result%s", v->mismatches,
				       v->mismatches == 1 ? " differs" : "s differ");
	if (v->stopped != NULL)
		append_stopped(out, v);
	if (v->not_reached > 0)
		g_string_append_printf(out, "; %u step%s not reached", v->not_reached,
				       v->not_reached == 1 ? "" : "s");
}

/* For each outcome of a set of runs, what was chosen in the first of them. */
static void trace_set(struct trace *t, const struct aggregate *set)
{
	for (guint i = 0; i < set->groups->len; i++) {
		const struct group *g = &g_array_index(set->groups, struct group, i);
		g_autoptr(GString) kinds = g_string_new("  ");

		print_kinds(kinds, g->causes);
		g_string_append_printf(kinds, ": %s%s", g->runs > 1 ? set->which : "",
				       g->runs > 1 ? " " : "");
		append_wrapped(t->out, kinds->str, g->first, 4);
	}
}

static void trace_verdict(struct trace *t, const struct verdict *v)
{
	g_autoptr(GString) outcome = g_string_new(NULL);
	guint nr = 0;

	if (t->pending->len > 0 && t->state == BETWEEN_CALLS) {
		append_gutter(t->out, t, 0);
		g_string_append(t->out, "the last process ends\n");
	}
	flush_pending(t);
	append_outcome(outcome, v);
	g_string_append_c(t->out, '\n');
	tone_on(t, t->out, v->ok ? TONE_GOOD : TONE_BAD);
	mark(t, t->out, (struct trace_mark){ .tone = TONE_HEADING, .verdict = true });
	append_wrapped(t->out, v->skipped != NULL ? "skipped: " : "verdict: ", outcome->str, 4);
	tone_on(t, t->out, TONE_PLAIN);
	if (v->set != NULL)
		trace_set(t, v->set);
	for (gsize i = 0; i < v->nr_violations; i++) {
		if ((v->causes & 1u << v->violations[i].kind) == 0)
			continue;
		if (nr++ < MAX_VIOLATIONS)
			trace_violation(t, &v->violations[i]);
	}
	if (nr > MAX_VIOLATIONS)
		g_string_append_printf(t->out, "  and %u more\n", nr - MAX_VIOLATIONS);
}

void trace_end(struct trace *t)
{
	flush_pending(t);
}

void trace_verdict_text(GString *out, const struct report_event *e)
{
	struct trace *t = trace_new(out, 0);

	t->run.scn = e->scn;
	trace_verdict(t, e->verdict);
	trace_free(t);
}

void trace_summary(GString *out, const struct report_event *run, const struct verdict *v)
{
	const struct release *release = &run->boot->release;

	g_string_append_printf(out, "%s, kernel %s, policy %s: ", run->scn->title,
			       release_label(release), release->policy.name);
	append_outcome(out, v);
}

static void trace_fail(struct trace *t, const struct report_event *e)
{
	if (e->brief && (t->flags & TRACE_VERBOSE) == 0)
		return;
	flush_pending(t);
	append_gutter(t->out, t, 0);
	fail_print(t->out, e->fail);
	g_string_append_c(t->out, '\n');
}

static void trace_process(struct trace *t, const struct report_event *e)
{
	if (e->brief && (t->flags & TRACE_VERBOSE) == 0)
		return;
	flush_pending(t);
	append_gutter(t->out, t, 0);
	g_string_append_printf(t->out, "process %s%s\n", e->process,
			       e->differs ? ": could not be started" : "");
}

void trace_event(struct trace *t, const struct report_event *e)
{
	switch (e->type) {
	case REPORT_RUN:
		trace_run(t, e);
		break;
	case REPORT_PROCESS:
		trace_process(t, e);
		break;
	case REPORT_FAIL:
		trace_fail(t, e);
		break;
	case REPORT_RACE:
		trace_race(t, e);
		break;
	case REPORT_TURN:
		trace_turn(t, e);
		break;
	case REPORT_OP:
		flush_pending(t);
		if (t->state == BOOTING && t->flags & TRACE_VERBOSE)
			machine_stats(e->machine, &t->stats);
		if (t->state == BOOTING && t->watch != NULL)
			state_watch_look(t->watch, e->machine, false);
		t->state = CALLING;
		break;
	case REPORT_EVENT:
		trace_machine(t, e);
		/*
		 * Calls that go on side by side have no place of their own for it, but the
		 * one that started the next kernel has.
		 */
		if (e->task != 0 && e->event->kernel == t->race_kernel)
			flush_pending(t);
		break;
	case REPORT_RESULT:
		trace_result(t, e);
		break;
	case REPORT_VERDICT:
		trace_verdict(t, e->verdict);
		break;
	default:
		break;
	}
}
