/* SPDX-License-Identifier: GPL-2.0-only */
/* Outcomes of a race as texts: a line for each call, and one for what else was seen. */
#include <string.h>

#include "run/outcome.h"
#include "scn/print.h"

#define LOST	" = ?"

char *outcome_result(const struct op_info *info, const struct value *value)
{
	static const struct print plain = { .vars = NULL };
	GString *out;

	if (value == NULL || value->kind == VALUE_LOST)
		return NULL;
	/* Which number or name it has says nothing. */
	if (value->kind == VALUE_NAME ||
	    (value->kind == VALUE_NUMBER && (gint64)value->number >= 0 &&
	     (info->result.kind == PARAM_NEW || info->binds_fd)))
		return g_strdup("fd");
	/* Of these only some are compared. */
	if (value->kind == VALUE_FIELDS)
		return g_strdup("...");
	out = g_string_new(NULL);
	print_result(out, &plain, info, value);
	return g_string_free(out, FALSE);
}

void outcome_add(GString *text, const struct op_info *info, const char *result)
{
	g_string_append(text, info->name);
	if (result != NULL)
		g_string_append_printf(text, " = %s", result);
	else
		g_string_append(text, LOST);
	g_string_append_c(text, '\n');
}

void outcome_end(GString *text, bool warned, bool panicked)
{
	g_string_append(text, panicked ? "panic" : warned ? "WARNING" : "");
}

bool outcome_is(const char *model, const char *seen)
{
	g_auto(GStrv) of_model = g_strsplit(model, "\n", -1);
	g_auto(GStrv) of_seen = g_strsplit(seen, "\n", -1);
	guint nr = g_strv_length(of_model), nr_seen = g_strv_length(of_seen);

	if (!g_str_equal(of_model[nr - 1], of_seen[nr_seen - 1]))
		return false;
	for (guint i = 0; i + 1 < nr_seen; i++)
		if (!g_str_has_suffix(of_seen[i], LOST) &&
		    (i + 1 >= nr || !g_str_equal(of_model[i], of_seen[i])))
			return false;
	return true;
}

void outcome_print(GString *out, const char *outcome)
{
	g_auto(GStrv) lines = g_strsplit(outcome, "\n", -1);
	const char *between = "";

	for (guint i = 0; lines[i] != NULL; i++) {
		if (*lines[i] == '\0')
			continue;
		g_string_append_printf(out, "%s%s", between, lines[i]);
		between = ", ";
	}
}
