/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A matrix as a page: no network, no other file. The traces' lines are stored
 * once each, as most of them come again and again; a run is a list of them.
 */
#include "analysis/matrix.h"
#include "analysis/matrix-page.h"
#include "report/header.h"
#include "report/json.h"

static void write_escaped(FILE *out, const char *text)
{
	g_autofree char *escaped = g_markup_escape_text(text, -1);

	fputs(escaped, out);
}

static void write_columns(const struct matrix *m, FILE *out, const char *corner)
{
	fprintf(out, "<tr><th scope=\"col\">%s</th>", corner);
	for (guint i = 0; i < m->columns->len; i++) {
		fputs("<th scope=\"col\">", out);
		write_escaped(out, ((struct matrix_column *)m->columns->pdata[i])->name);
		fputs("</th>", out);
	}
	fputs("</tr>\n", out);
}

static void write_cell(const struct matrix_cell *cell, FILE *out)
{
	fprintf(out, "<td><button class=\"%s\" title=\"", digest_outcome(cell->kind));
	write_escaped(out, cell->words);
	fputs("\">", out);
	write_escaped(out, cell->text);
	fputs("</button></td>", out);
}

static void write_rows(const struct matrix *m, FILE *out)
{
	for (guint row = 0; row < m->scenarios->len; row++) {
		const struct scenario *scn = m->scenarios->pdata[row];

		fprintf(out, "<tr%s><th scope=\"row\" title=\"",
			!matrix_differs(m, row) ? " class=\"uniform\"" : "");
		write_escaped(out, scn->about != NULL ? scn->about : "");
		fputs("\">", out);
		write_escaped(out, scn->title);
		fputs("</th>", out);
		for (guint i = 0; i < m->columns->len; i++)
			write_cell(matrix_cell(m, row, i), out);
		fputs("</tr>\n", out);
	}
}

static void write_totals(const struct matrix *m, FILE *out)
{
	g_autoptr(GPtrArray) totals = matrix_totals(m);

	for (guint i = 0; i < totals->len; i++) {
		const struct matrix_total *total = totals->pdata[i];

		fprintf(out, "<tr><th scope=\"row\"%s>%s</th>",
			*total->label == ' ' ? " class=\"part\"" : "", total->label);
		for (guint j = 0; j < total->values->len; j++)
			fprintf(out, "<td>%s</td>", (char *)total->values->pdata[j]);
		fputs("</tr>\n", out);
	}
}

/* The number of a line, which gets one if it is new. */
static gint64 line_number(GHashTable *numbers, GPtrArray *lines, char *line)
{
	gpointer number;

	if (g_hash_table_lookup_extended(numbers, line, NULL, &number)) {
		g_free(line);
		return GPOINTER_TO_INT(number);
	}
	g_hash_table_insert(numbers, line, GINT_TO_POINTER((gint)lines->len));
	g_ptr_array_add(lines, line);
	return lines->len - 1;
}

static void add_runs(JsonBuilder *b, const struct matrix *m, GPtrArray *lines)
{
	g_autoptr(GHashTable) numbers = g_hash_table_new(g_str_hash, g_str_equal);

	add_array(b, "runs");
	for (guint i = 0; i < m->scenarios->len * m->columns->len; i++) {
		g_autofree char **split = g_strsplit(m->cells[i].trace, "\n", -1);

		json_builder_begin_array(b);
		for (guint j = 0; split[j] != NULL; j++)
			json_builder_add_int_value(b, line_number(numbers, lines, split[j]));
		json_builder_end_array(b);
	}
	json_builder_end_array(b);
}

static void write_data(const struct matrix *m, FILE *out)
{
	g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(JsonBuilder) b = json_builder_new();
	g_autofree char *json = NULL;
	g_auto(GStrv) parts = NULL;

	json_builder_begin_object(b);
	add_runs(b, m, lines);
	add_array(b, "lines");
	for (guint i = 0; i < lines->len; i++)
		json_builder_add_string_value(b, lines->pdata[i]);
	json_builder_end_array(b);
	json_builder_end_object(b);
	json = json_text(b);
	/* "<" is in strings only; nothing in them may end the element. */
	parts = g_strsplit(json, "<", -1);
	g_free(json);
	json = g_strjoinv("\\u003c", parts);
	fprintf(out, "<script type=\"application/json\" id=\"data\">%s</script>\n", json);
}

static void write_header(const struct matrix *m, FILE *out)
{
	g_autoptr(GString) header = g_string_new(NULL);

	header_print(header, m->header, "");
	fputs("<details><summary>What this is of</summary>\n<pre>", out);
	write_escaped(out, header->str);
	fputs("</pre></details>\n", out);
}

void compare_html(const struct matrix *m, FILE *out)
{
	fputs(page_head, out);
	fprintf(out, "<p>%u scenarios, %u %s, %s.</p>\n", m->scenarios->len, m->columns->len,
		m->across, m->on);
	write_header(m, out);
	fputs(page_legend, out);
	fputs("<table>\n<thead>", out);
	write_columns(m, out, "scenario");
	fputs("</thead>\n<tbody>\n", out);
	write_rows(m, out);
	fputs("</tbody>\n<tfoot>\n", out);
	write_columns(m, out, "total");
	write_totals(m, out);
	fputs("</tfoot>\n</table>\n", out);
	fputs(page_panel, out);
	write_data(m, out);
	fputs(page_script, out);
}
