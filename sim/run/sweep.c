/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * "fail any": a scenario run once for each step that can fail. The first run has
 * no failure and counts how many such steps there are after each "fail any".
 */
#include "run/aggregate.h"
#include "run/sweep.h"

/* A report that keeps the results of runs, and shows one of them. */
struct sweep {
	struct report report;
	struct report *shown;		/* NULL: only collect */
	const struct scenario *scn;
	const struct variant *variant;
	const struct overrides *overrides;
	gint64 deadline;
	const char *stopped;		/* why not all was run, or NULL */
	struct aggregate *set;		/* since the first run has begun */
	struct choice *choice;		/* of the run that goes on */
	struct choice best;		/* to be shown */
	struct boot boot;		/* kernel 1 */
};

/* A run that was stopped has no result that could be counted. */
static void take_verdict(struct sweep *s, const struct report_event *e)
{
	if (e->verdict->stopped != NULL)
		s->stopped = e->verdict->stopped;
	else if (e->verdict->skipped == NULL && aggregate_add(s->set, e->verdict, 1, e->choice))
		s->best = *s->choice;
}

static void sweep_event(struct report *report, const struct report_event *e)
{
	struct sweep *s = (struct sweep *)report;
	struct report_event kept = *e;

	/* The report goes back to the kernel when the run is gone. */
	if (e->type == REPORT_RUN) {
		s->boot = *e->boot;
		kept.boot = &s->boot;
		if (s->set == NULL)
			s->set = aggregate_new(s->scn, &s->boot.release, "run", "first");
	}
	if (s->shown != NULL && e->type != REPORT_VERDICT)
		s->shown->event(s->shown, &kept);
	else if (s->shown == NULL && e->type == REPORT_VERDICT)
		take_verdict(s, e);
}

static enum run_result run(struct sweep *s, struct choice *choice)
{
	s->choice = choice;
	return run_once(s->scn, s->variant, s->overrides, choice, s->deadline, &s->report);
}

/* Let each of the @nr steps after one "fail any" fail. */
static void sweep_one(struct sweep *s, guint sweep, guint32 nr)
{
	g_autoptr(GArray) seen = g_array_new(FALSE, FALSE, sizeof(struct failure));

	for (guint32 nth = 1; nth <= nr && s->stopped == NULL; nth++) {
		struct choice choice = { .sweep = sweep, .nth = nth, .seen = seen };

		run(s, &choice);
	}
}

/* Show the run that says most, which was in time before, with the verdict on all. */
static enum run_result show(struct sweep *s, struct report *report)
{
	g_autoptr(GArray) seen = g_array_new(FALSE, FALSE, sizeof(struct failure));
	struct choice choice = s->best;
	struct report_event e = { .type = REPORT_VERDICT, .scn = s->scn };
	struct verdict verdict;

	choice.seen = seen;
	choice.counts = NULL;
	s->shown = report;
	if (s->set->runs > 0)
		s->deadline = 0;
	s->set->partial = s->stopped != NULL;
	run(s, &choice);
	aggregate_verdict(s->set, &verdict);
	verdict.stopped = s->stopped;
	verdict.untried = "runs";
	verdict.tried = s->set->runs;
	e.verdict = &verdict;
	report->event(report, &e);
	if (!verdict.ok)
		return RUN_FAILED;
	return verdict.stopped != NULL ? RUN_STOPPED : RUN_OK;
}

enum run_result sweep_run(const struct scenario *scn, const struct variant *variant,
			  const struct overrides *overrides, gint64 deadline, struct report *report)
{
	g_autoptr(GArray) counts = g_array_new(FALSE, FALSE, sizeof(guint32));
	struct choice none = { .counts = counts };
	struct sweep s = {
		.report.event = sweep_event, .scn = scn, .variant = variant,
		.overrides = overrides, .deadline = deadline,
	};
	enum run_result result = run(&s, &none);

	if (result == RUN_SKIPPED) {
		result = run_once(scn, variant, overrides, NULL, deadline, report);
	} else {
		for (guint i = 0; i < counts->len; i++)
			sweep_one(&s, i + 1, g_array_index(counts, guint32, i));
		result = show(&s, report);
	}
	aggregate_free(s.set);
	return result;
}
