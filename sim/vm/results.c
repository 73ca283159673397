/* SPDX-License-Identifier: GPL-2.0-only */
/* From a recording to results, by way of the scenario that it is translated to. */
#include <string.h>

#include "replay/translate.h"
#include "run/outcome.h"
#include "vm/results.h"

struct results {
	struct translation *translation;	/* that has the values */
	GArray *values;			/* of const struct value *, by recorded operation */
};

/* Of several steps that an operation becomes, the last counts. */
static void take_values(struct results *r)
{
	const GArray *steps = r->translation->scn->steps;

	for (guint i = 0; i < steps->len; i++) {
		const struct step *step = &g_array_index(steps, struct step, i);

		if (step->kind == STEP_OP && step->op.outcomes != NULL)
			g_array_index(r->values, const struct value *, step->line - 1) =
				&g_array_index(step->op.outcomes, struct outcome, 0).value;
	}
}

struct results *results_of(const struct recording *rec)
{
	struct results *r = g_new0(struct results, 1);

	r->translation = translate(rec, NULL, NULL);
	r->values = g_array_new(FALSE, TRUE, sizeof(const struct value *));
	g_array_set_size(r->values, rec->ops->len);
	if (r->translation == NULL) {
		results_free(r);
		return NULL;
	}
	take_values(r);
	return r;
}

void results_free(struct results *r)
{
	if (r == NULL)
		return;
	g_clear_pointer(&r->translation, translation_free);
	g_array_unref(r->values);
	g_free(r);
}

const struct value *result_at(const struct results *r, guint i)
{
	return g_array_index(r->values, const struct value *, i);
}

/* ---- Races ---- */

static bool warned(const GPtrArray *log)
{
	for (guint i = 0; i < log->len; i++)
		if (g_str_has_prefix(log->pdata[i], "WARNING "))
			return true;
	return false;
}

static bool any_warned(const struct recording *rec)
{
	for (guint i = 0; i < rec->boot_log->len; i++)
		if (warned(rec->boot_log->pdata[i]))
			return true;
	for (guint i = 0; i < rec->ops->len; i++)
		if (warned(g_array_index(rec->ops, struct recorded_op, i).log))
			return true;
	return false;
}

/* The answer to the operation of @line that comes as number @nth of those; NULL: there is none. */
static const struct value *answer_to(const struct results *r, const struct recording *rec,
				     guint line, guint nth)
{
	for (guint i = 0; i < rec->ops->len; i++)
		if (g_array_index(rec->ops, struct recorded_op, i).line == line && nth-- == 0)
			return result_at(r, i);
	return NULL;
}

/* How many operations of that line come before @index. */
static guint rounds_before(const struct program *p, guint index)
{
	guint nth = 0;

	for (guint i = 0; i < index; i++)
		nth += g_array_index(p->ops, struct program_op, i).line ==
		       g_array_index(p->ops, struct program_op, index).line;
	return nth;
}

char *results_outcome(const struct results *r, const struct program *p,
		      const struct recording *rec)
{
	GString *text = g_string_new(NULL);

	for (guint i = p->race; i < p->ops->len; i++) {
		const struct program_op *op = &g_array_index(p->ops, struct program_op, i);
		const struct op_info *info;
		const struct value *value;
		g_autofree char *result = NULL;

		if (op->line == 0)
			continue;
		info = g_array_index(p->scn->steps, struct step, op->step).op.info;
		value = answer_to(r, rec, op->line, rounds_before(p, i));
		result = outcome_result(info, value);
		outcome_add(text, info, result);
	}
	outcome_end(text, any_warned(rec), g_str_equal(rec->end, "panic"));
	return g_string_free(text, FALSE);
}
