/* SPDX-License-Identifier: GPL-2.0-only */
/* The result of a run, in short: compare and explain are made of these. */
#include <errno.h>

#include "analysis/digest.h"
#include "report/trace.h"
#include "scn/words.h"

struct report_digest {
	struct report report;
	struct digest *digest;
	struct trace *trace;
};

static guint32 hash_value(const struct value *value)
{
	guint32 hash = value->kind * 31 + (guint32)value->number;

	for (gsize i = 0; value->kind == VALUE_STRING && i < value->text.len; i++)
		hash = hash * 33 + (guint8)value->text.bytes[i];
	for (guint i = 0; value->kind == VALUE_FIELDS && i < value->list->len; i++)
		hash = hash * 33 + hash_value(&g_array_index(value->list, struct field, i).value);
	return hash;
}

static void take_step(struct digest *d, const struct report_event *e)
{
	struct digest_step step = {
		.line = e->op->line, .hash = hash_value(e->result),
		.injected = e->fault == FAULT_HIT,
	};
	struct machine_stats stats;

	if (e->result->kind == VALUE_LOST)
		step.error = -1;
	else if (e->result->kind == VALUE_NUMBER && (gint64)e->result->number < 0)
		step.error = -(gint64)e->result->number;
	step.meant = e->expected != NULL && !e->differs;
	g_array_append_val(d->steps, step);
	if (e->differs && d->mismatch == 0)
		d->mismatch = d->steps->len;
	machine_stats(e->machine, &stats);
	d->files = MAX(d->files, stats.files);
}

static void take_verdict(struct digest *d, const struct report_event *e)
{
	const struct verdict *v = e->verdict;

	d->skipped = v->skipped;
	d->stopped = v->stopped;
	d->ok = v->ok;
	d->causes = v->causes;
	d->expected = v->expected;
	for (gsize i = v->nr_violations; i > 0; i--)
		if (v->causes & 1u << v->violations[i - 1].kind)
			d->first = v->violations[i - 1];
	if (e->machine != NULL)
		machine_stats(e->machine, &d->stats);
}

static void digest_event(struct report *report, const struct report_event *e)
{
	struct report_digest *r = (struct report_digest *)report;

	if (r->trace != NULL)
		trace_event(r->trace, e);
	if (e->type == REPORT_RUN)
		r->digest->boot = *e->boot;
	else if (e->type == REPORT_EVENT && e->event->type == EVENT_BOOT)
		r->digest->lacks |= ~e->boot->release.fixes;
	else if (e->type == REPORT_RESULT)
		take_step(r->digest, e);
	else if (e->type == REPORT_VERDICT)
		take_verdict(r->digest, e);
}

struct digest *digest_run(const struct scenario *scn, const struct overrides *overrides,
			  bool trace)
{
	struct digest *d = g_new0(struct digest, 1);
	struct report_digest r = { .report.event = digest_event, .digest = d };

	d->steps = g_array_new(FALSE, FALSE, sizeof(struct digest_step));
	if (trace) {
		d->trace = g_string_new(NULL);
		d->marks = g_array_new(FALSE, FALSE, sizeof(struct trace_mark));
		r.trace = trace_new(d->trace, TRACE_LINES | TRACE_PATHS);
		trace_keep_marks(r.trace, d->marks);
	}
	run_scenario(scn, NULL, overrides, &r.report);
	if (trace)
		trace_free(r.trace);
	return d;
}

void digest_free(struct digest *d)
{
	g_array_unref(d->steps);
	if (d->trace != NULL)
		g_string_free(d->trace, TRUE);
	g_clear_pointer(&d->marks, g_array_unref);
	g_free(d);
}

const struct digest_step *digest_step(const struct digest *d, guint nr)
{
	return nr <= d->steps->len ? &g_array_index(d->steps, struct digest_step, nr - 1) : NULL;
}

static bool worked_in_another(struct digest *const *runs, guint nr, guint step)
{
	for (guint i = 0; i < nr; i++) {
		const struct digest_step *other = digest_step(runs[i], step);

		if (other != NULL && other->error == 0)
			return true;
	}
	return false;
}

void digest_refusals(struct digest *const *runs, guint nr)
{
	for (guint i = 0; i < nr; i++) {
		const struct digest_step *step;

		runs[i]->refused = NULL;
		for (guint j = 1; runs[i]->refused == NULL; j++) {
			step = digest_step(runs[i], j);
			if (step == NULL)
				break;

			if (step->error > 0 && step->error != EBADF &&
			    worked_in_another(runs, nr, j))
				runs[i]->refused = step;
		}
	}
}

/* What a kernel answers that has no handler for the file, or not the call. */
static bool is_lack(gint32 error)
{
	return error == ENOENT || error == EINVAL || error == ENOTTY || error == EOPNOTSUPP;
}

static bool is_shared(struct digest *const *runs, guint nr, const struct digest_step *step,
		      guint number)
{
	return step->error > 0 && step->error != EBADF && !step->injected &&
	       !worked_in_another(runs, nr, number);
}

void digest_shared(struct digest *const *runs, guint nr, struct digest *own)
{
	for (guint i = 0; i < nr; i++) {
		struct digest *d = runs[i];
		const struct digest_step *step;

		d->not_here = d->alike = d->meant = NULL;
		for (guint j = 1; (step = digest_step(d, j)) != NULL; j++) {
			bool worked;

			if (!is_shared(runs, nr, step, j))
				continue;
			worked = own != NULL && worked_in_another(&own, 1, j);
			if (worked && is_lack(step->error) && d->not_here == NULL)
				d->not_here = step;
			if (step->meant && d->meant == NULL)
				d->meant = step;
			if (!step->meant && d->alike == NULL)
				d->alike = step;
		}
	}
}

const char *digest_outcome(enum digest_kind kind)
{
	static const char *const outcomes[] = {
		[DIGEST_CLEAN] = "clean",
		[DIGEST_REFUSED] = "refused",
		[DIGEST_ALIKE] = "refused-alike",
		[DIGEST_MEANT] = "refused-as-meant",
		[DIGEST_NOT_HERE] = "not-here",
		[DIGEST_BROKEN] = "broken",
		[DIGEST_STOPPED] = "stopped",
		[DIGEST_SKIPPED] = "skipped",
	};

	return outcomes[kind];
}

const struct digest_step *digest_culprit(const struct digest *d)
{
	switch (digest_kind(d)) {
	case DIGEST_REFUSED:
		return d->refused;
	case DIGEST_ALIKE:
		return d->alike;
	case DIGEST_MEANT:
		return d->meant;
	case DIGEST_NOT_HERE:
		return d->not_here;
	default:
		return NULL;
	}
}

enum digest_kind digest_kind(const struct digest *d)
{
	if (d->skipped != NULL)
		return DIGEST_SKIPPED;
	if (d->causes != 0)
		return DIGEST_BROKEN;
	if (d->stopped != NULL)
		return DIGEST_STOPPED;
	if (d->not_here != NULL)
		return DIGEST_NOT_HERE;
	if (d->refused != NULL)
		return DIGEST_REFUSED;
	if (d->alike != NULL)
		return DIGEST_ALIKE;
	return d->meant != NULL ? DIGEST_MEANT : DIGEST_CLEAN;
}

char *digest_error(const struct digest_step *step)
{
	const char *name = errno_name(step->error);

	return name != NULL ? g_strdup(name) : g_strdup_printf("%d", step->error);
}

void digest_cell(GString *out, const struct digest *d)
{
	const struct digest_step *culprit = digest_culprit(d);
	g_autofree char *error = culprit != NULL ? digest_error(culprit) : NULL;
	gint others = -1;

	switch (digest_kind(d)) {
	case DIGEST_CLEAN:
		g_string_append(out, "clean");
		break;
	case DIGEST_REFUSED:
		g_string_append_printf(out, "%s:%u", error, culprit->line);
		break;
	case DIGEST_ALIKE:
		g_string_append_printf(out, "all-%s:%u", error, culprit->line);
		break;
	case DIGEST_MEANT:
		g_string_append_printf(out, "meant-%s:%u", error, culprit->line);
		break;
	case DIGEST_NOT_HERE:
		g_string_append_printf(out, "not-here:%u", culprit->line);
		break;
	case DIGEST_BROKEN:
		g_string_append_printf(out, "%s:", violation_name(d->first.kind));
		if (d->first.op != 0)
			g_string_append_printf(out, "%u", d->first.op);
		else
			g_string_append(out, "end");
		for (int kind = 0; kind < NR_VIOLATION_KINDS; kind++)
			others += (d->causes >> kind) & 1;
		if (others > 0)
			g_string_append_printf(out, " +%d", others);
		break;
	case DIGEST_STOPPED:
	case DIGEST_SKIPPED:
		g_string_append(out, digest_outcome(digest_kind(d)));
		break;
	case NR_DIGEST_KINDS:
		break;
	}
}

void digest_words(GString *out, const struct digest *d)
{
	const struct digest_step *culprit = digest_culprit(d);
	g_autofree char *error = culprit != NULL ? digest_error(culprit) : NULL;

	switch (digest_kind(d)) {
	case DIGEST_CLEAN:
		g_string_append(out, "clean");
		break;
	case DIGEST_REFUSED:
		g_string_append_printf(out, "refused at line %u with %s", culprit->line, error);
		break;
	case DIGEST_ALIKE:
		g_string_append_printf(out, "refused everywhere at line %u with %s",
				       culprit->line, error);
		break;
	case DIGEST_MEANT:
		g_string_append_printf(out, "refused everywhere at line %u with %s, as the "
				       "scenario means it", culprit->line, error);
		break;
	case DIGEST_NOT_HERE:
		g_string_append_printf(out, "cannot be done here at line %u: %s",
				       culprit->line, error);
		break;
	case DIGEST_BROKEN:
		g_string_append(out, violation_name(d->first.kind));
		if (d->first.op != 0)
			g_string_append_printf(out, " at line %u", d->first.op);
		else
			g_string_append(out, " at the end");
		for (int kind = 0; kind < NR_VIOLATION_KINDS; kind++)
			if (d->causes & ~(1u << d->first.kind) & 1u << kind)
				g_string_append_printf(out, ", %s", violation_name(kind));
		break;
	case DIGEST_STOPPED:
		g_string_append_printf(out, "stopped before all was tried: %s", d->stopped);
		break;
	case DIGEST_SKIPPED:
		g_string_append(out, d->skipped);
		break;
	case NR_DIGEST_KINDS:
		break;
	}
}
