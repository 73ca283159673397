/* SPDX-License-Identifier: GPL-2.0-only */
/* Counts the outcomes of a race, and holds them to those of the model. */
#include "run/outcome.h"
#include "run/overrides.h"
#include "vm/race.h"
#include "vm/results.h"

struct outcome_count {
	char *text;
	guint times;
};

struct race_count {
	const struct scenario *scn;
	char *release, *row;
	GArray *seen;		/* of struct outcome_count */
	guint runs, unended;
};

static void outcome_count_clear(gpointer ptr)
{
	struct outcome_count *count = ptr;

	g_free(count->text);
}

struct race_count *race_count_new(void)
{
	struct race_count *count = g_new0(struct race_count, 1);

	count->seen = g_array_new(FALSE, FALSE, sizeof(struct outcome_count));
	g_array_set_clear_func(count->seen, outcome_count_clear);
	return count;
}

void race_count_free(struct race_count *count)
{
	g_array_unref(count->seen);
	g_free(count->release);
	g_free(count->row);
	g_free(count);
}

static void count_outcome(struct race_count *count, char *text)
{
	struct outcome_count new = { .text = text, .times = 1 };

	for (guint i = 0; i < count->seen->len; i++) {
		struct outcome_count *old = &g_array_index(count->seen, struct outcome_count, i);

		if (!g_str_equal(old->text, text))
			continue;
		old->times++;
		g_free(text);
		return;
	}
	g_array_append_val(count->seen, new);
}

bool race_count_add(struct race_count *count, const struct program *program,
		    const struct recording *rec)
{
	struct results *results = results_of(rec);

	if (results == NULL)
		return false;
	if (count->runs++ == 0) {
		count->scn = program->scn;
		count->release = g_strdup(rec->release);
		count->row = g_strdup(rec->row);
	}
	count->unended += !g_str_equal(rec->end, "poweroff") && !g_str_equal(rec->end, "panic");
	count_outcome(count, results_outcome(results, program, rec));
	results_free(results);
	return true;
}

guint race_count_runs(const struct race_count *count)
{
	return count->runs;
}

/* The outcomes of all schedules of the model; @stopped: there may be more. */
static GPtrArray *model_outcomes(const struct race_count *count, bool *stopped)
{
	GPtrArray *outcomes = g_ptr_array_new_with_free_func(g_free);
	const struct release *row = release_find(count->row);
	struct overrides *overrides = overrides_new();
	struct report *none = report_none();

	if (row != NULL)
		g_ptr_array_add(overrides->releases, (gpointer)row);
	overrides->outcomes = outcomes;
	*stopped = run_once(count->scn, NULL, overrides, NULL, 0, none) == RUN_STOPPED;
	none->free(none);
	overrides_free(overrides);
	return outcomes;
}

static bool has_outcome(const GPtrArray *model, const char *seen)
{
	for (guint i = 0; i < model->len; i++)
		if (outcome_is(model->pdata[i], seen))
			return true;
	return false;
}

static bool was_seen(const struct race_count *count, const char *outcome)
{
	for (guint i = 0; i < count->seen->len; i++)
		if (outcome_is(outcome, g_array_index(count->seen, struct outcome_count, i).text))
			return true;
	return false;
}

bool race_count_print(GString *out, const struct race_count *count, const char *name)
{
	bool stopped, same = count->unended == 0;
	g_autoptr(GPtrArray) model = model_outcomes(count, &stopped);
	g_autoptr(GString) lines = g_string_new(NULL);

	for (guint i = 0; i < count->seen->len; i++) {
		const struct outcome_count *c = &g_array_index(count->seen,
							       struct outcome_count, i);
		bool known = has_outcome(model, c->text);

		same = same && known;
		g_string_append_printf(lines, "  %5u times%s: ", c->times,
				       known ? "" : ", and never in the model");
		outcome_print(lines, c->text);
		g_string_append_c(lines, '\n');
	}
	for (guint i = 0; i < model->len; i++) {
		if (was_seen(count, model->pdata[i]))
			continue;
		g_string_append(lines, "  only the model: ");
		outcome_print(lines, model->pdata[i]);
		g_string_append_c(lines, '\n');
	}
	g_string_append_printf(out, "%s %s, kernel %s: %u times, %u outcomes; model %s: %s%u\n",
			       same ? "ok  " : "DIFF", name, count->release, count->runs,
			       count->seen->len, count->row, stopped ? "at least " : "",
			       model->len);
	if (count->unended > 0)
		g_string_append_printf(out, "  %5u times the machine did not end\n",
				       count->unended);
	g_string_append(out, lines->str);
	return same;
}
