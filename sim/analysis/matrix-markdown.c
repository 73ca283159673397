/* SPDX-License-Identifier: GPL-2.0-only */
/* A matrix as a Markdown table, for reviews and issue trackers. */
#include <string.h>

#include "analysis/matrix.h"
#include "report/header.h"

/* Append what a table cell may hold: neither bars nor what starts mark-up. */
static void append_escaped(GString *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (strchr("\\`*_{}[]<>#|~", *text) != NULL)
			g_string_append_c(out, '\\');
		g_string_append_c(out, *text);
	}
}

static void append_cell(GString *out, const struct matrix_cell *cell)
{
	const char *mark = cell->kind == DIGEST_BROKEN ? "**" : "";

	g_string_append_printf(out, " %s", mark);
	append_escaped(out, cell->text);
	g_string_append_printf(out, "%s |", mark);
}

static void append_heading(GString *out, const struct matrix *m, const char *corner)
{
	g_string_append_printf(out, "| %s |", corner);
	for (guint i = 0; i < m->columns->len; i++) {
		g_string_append_c(out, ' ');
		append_escaped(out, ((struct matrix_column *)m->columns->pdata[i])->name);
		g_string_append(out, " |");
	}
	g_string_append(out, "\n| --- |");
	for (guint i = 0; i < m->columns->len; i++)
		g_string_append(out, " --- |");
	g_string_append_c(out, '\n');
}

void compare_markdown(const struct matrix *m, FILE *out)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autoptr(GPtrArray) totals = matrix_totals(m);

	append_heading(text, m, "scenario");
	for (guint row = 0; row < m->scenarios->len; row++) {
		if (m->differ && !matrix_differs(m, row))
			continue;
		g_string_append(text, "| ");
		append_escaped(text, ((struct scenario *)m->scenarios->pdata[row])->title);
		g_string_append(text, " |");
		for (guint i = 0; i < m->columns->len; i++)
			append_cell(text, matrix_cell(m, row, i));
		g_string_append_c(text, '\n');
	}
	g_string_append_c(text, '\n');
	append_heading(text, m, "total");
	for (guint row = 0; row < totals->len; row++) {
		const struct matrix_total *total = totals->pdata[row];

		g_string_append_printf(text, "| %s |", g_strstrip(total->label));
		for (guint i = 0; i < m->columns->len; i++)
			g_string_append_printf(text, " %s |", (char *)total->values->pdata[i]);
		g_string_append_c(text, '\n');
	}
	g_string_append_c(text, '\n');
	if (m->differ) {
		matrix_tell_left_out(m, text);
		g_string_append_c(text, '\n');
	}
	header_print(text, m->header, "    ");
	fprintf(out, "%u scenarios, %u %s, %s\n\n%s", m->scenarios->len, m->columns->len,
		m->across, m->on, text->str);
}
