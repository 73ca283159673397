/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A matrix as a page: no network, no other file. The traces' lines are stored
 * once each, as most of them come again and again; a run is two lists of them.
 */
#include <string.h>

#include "analysis/matrix.h"
#include "analysis/matrix-page.h"
#include "report/header.h"
#include "report/json.h"
#include "report/trace.h"

static void write_escaped(FILE *out, const char *text)
{
	g_autofree char *escaped = g_markup_escape_text(text, -1);

	fputs(escaped, out);
}

static void write_columns(const struct matrix *m, FILE *out)
{
	fputs("<tr><th scope=\"col\">scenario</th>", out);
	for (guint i = 0; i < m->columns->len; i++) {
		fputs("<th scope=\"col\">", out);
		write_escaped(out, ((struct matrix_column *)m->columns->pdata[i])->name);
		fputs("</th>", out);
	}
	fputs("</tr>\n", out);
}

static void write_cell(const struct matrix_cell *cell, FILE *out)
{
	fprintf(out, "<td><button class=\"%s\" data-line=\"%u\" title=\"",
		digest_outcome(cell->kind), cell->line);
	write_escaped(out, cell->words);
	fputs("\">", out);
	write_escaped(out, cell->text);
	fputs("</button></td>", out);
}

static void write_row(const struct matrix *m, guint row, FILE *out)
{
	const struct scenario *scn = m->scenarios->pdata[row];

	fprintf(out, "<tr data-row=\"%u\"%s><th scope=\"row\" title=\"", row,
		matrix_differs(m, row) ? "" : " data-same");
	write_escaped(out, scn->about != NULL ? scn->about : "");
	fputs("\">", out);
	write_escaped(out, scn->title);
	fputs("</th>", out);
	for (guint i = 0; i < m->columns->len; i++)
		write_cell(matrix_cell(m, row, i), out);
	fputs("</tr>\n", out);
}

static char *folder_of(const struct matrix *m, guint row)
{
	return g_path_get_dirname(((struct scenario *)m->scenarios->pdata[row])->path);
}

static void write_folder(const struct matrix *m, const char *folder, FILE *out)
{
	fprintf(out, "<tbody class=\"folder\">\n<tr><th class=\"name\" scope=\"rowgroup\" "
		"colspan=\"%u\"><span>", m->columns->len + 1);
	write_escaped(out, folder);
	fputs("/</span></th></tr>\n", out);
	for (guint row = 0; row < m->scenarios->len; row++) {
		g_autofree char *of = folder_of(m, row);

		if (g_str_equal(of, folder))
			write_row(m, row, out);
	}
	fputs("</tbody>\n", out);
}

/* Folders come in the order of their first scenarios. */
static void write_folders(const struct matrix *m, FILE *out)
{
	g_autoptr(GHashTable) written =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint row = 0; row < m->scenarios->len; row++) {
		char *folder = folder_of(m, row);

		if (!g_hash_table_contains(written, folder))
			write_folder(m, folder, out);
		g_hash_table_add(written, folder);
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

/* ---- What the script shows ---- */

/* All lines of all traces, once each. */
struct lines {
	GHashTable *numbers;		/* of what add_line() makes of a line */
	JsonBuilder *all;
};

/* Add the number of a line, which gets one if it is new. */
static void add_line(JsonBuilder *b, struct lines *lines, const char *text,
		     const struct trace_mark *mark)
{
	char *key = g_strdup_printf("%u %u %s", mark->tone, mark->line, text);
	gpointer number;

	if (g_hash_table_lookup_extended(lines->numbers, key, NULL, &number)) {
		g_free(key);
		json_builder_add_int_value(b, GPOINTER_TO_UINT(number));
		return;
	}
	json_builder_add_int_value(b, g_hash_table_size(lines->numbers));
	g_hash_table_insert(lines->numbers, key,
			    GUINT_TO_POINTER(g_hash_table_size(lines->numbers)));
	json_builder_begin_array(lines->all);
	json_builder_add_string_value(lines->all, text);
	json_builder_add_string_value(lines->all, tone_name(mark->tone));
	json_builder_add_int_value(lines->all, mark->line);
	json_builder_end_array(lines->all);
}

/* The trace as two arrays of lines, up to the verdict and from there on. */
static void add_run(JsonBuilder *b, struct lines *lines, const struct matrix_cell *cell)
{
	g_auto(GStrv) split = g_strsplit(cell->trace, "\n", -1);
	struct trace_mark mark = { 0 };
	guint next = 0;
	gsize at = 0;

	json_builder_begin_object(b);
	add_array(b, "trace");
	for (guint i = 0; split[i] != NULL && split[i + 1] != NULL; i++) {
		bool verdict = false;

		for (; next < cell->marks->len; next++) {
			const struct trace_mark *m =
				&g_array_index(cell->marks, struct trace_mark, next);

			if (m->at > at)
				break;
			mark = *m;
			verdict = verdict || m->verdict;
		}
		if (verdict) {
			json_builder_end_array(b);
			add_array(b, "verdict");
		}
		add_line(b, lines, split[i], &mark);
		at += strlen(split[i]) + 1;
	}
	json_builder_end_array(b);
	json_builder_end_object(b);
}

static void add_sources(JsonBuilder *b, const struct matrix *m)
{
	add_array(b, "sources");
	for (guint row = 0; row < m->scenarios->len; row++)
		json_builder_add_string_value(
			b, ((struct scenario *)m->scenarios->pdata[row])->text);
	json_builder_end_array(b);
}

static void write_data(const struct matrix *m, FILE *out)
{
	g_autoptr(GHashTable) numbers =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(JsonBuilder) b = json_builder_new(), all = json_builder_new();
	struct lines lines = { .numbers = numbers, .all = all };
	g_autofree char *json = NULL;

	json_builder_begin_array(all);
	json_builder_begin_object(b);
	add_array(b, "runs");
	for (guint i = 0; i < m->scenarios->len * m->columns->len; i++)
		add_run(b, &lines, &m->cells[i]);
	json_builder_end_array(b);
	add_sources(b, m);
	json_builder_end_array(all);
	json_builder_set_member_name(b, "lines");
	json_builder_add_value(b, json_builder_get_root(all));
	json_builder_end_object(b);
	json = json_page_text(b);
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
	fputs(page_controls, out);
	write_header(m, out);
	fputs("<div class=\"matrix\" role=\"region\" aria-label=\"Matrix\" tabindex=\"0\">\n"
	      "<table>\n<thead>", out);
	write_columns(m, out);
	fputs("</thead>\n<tbody class=\"totals\">\n", out);
	write_totals(m, out);
	fputs("</tbody>\n", out);
	write_folders(m, out);
	fputs("</table>\n</div>\n", out);
	fputs(page_panel, out);
	write_data(m, out);
	fputs(page_script, out);
}
