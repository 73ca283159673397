/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A matrix as text: as many tables as it takes for none to be wider than a mail.
 * Scenarios that are clean, or refused alike or as meant, throughout are named below them;
 * where only those are wanted that differ, they are counted.
 */
#include <string.h>

#include "analysis/matrix.h"
#include "report/header.h"
#include "report/tone.h"
#include "report/trace.h"

#define GAP	2

/* The rows of a table: the columns' names, the cells, the totals. */
struct table {
	const struct matrix *m;
	FILE *out;
	guint label_width;
	guint from, to;			/* columns */
	guint *widths;			/* of all columns */
	GPtrArray *totals;
	GPtrArray *names;		/* char **: each column's, in lines */
	guint name_lines;
};

/* "get-id,duplicate=share" takes a line for each word. */
static char **name_lines(const struct matrix_column *column)
{
	return g_strsplit(column->name, ",", -1);
}

/* Is the row all clean, or the same refused in all columns? */
static bool is_quiet(const struct matrix *m, guint row)
{
	enum digest_kind kind = matrix_cell(m, row, 0)->kind;

	return !matrix_differs(m, row) &&
	       (kind == DIGEST_CLEAN || kind == DIGEST_ALIKE || kind == DIGEST_MEANT);
}

static bool is_shown(const struct matrix *m, guint row)
{
	return m->differ ? matrix_differs(m, row) : !is_quiet(m, row);
}

static const char *row_name(const struct matrix *m, guint row)
{
	return ((struct scenario *)m->scenarios->pdata[row])->title;
}

static const char *total_name(const struct table *t, guint row)
{
	return ((struct matrix_total *)t->totals->pdata[row])->label;
}

static guint column_width(const struct table *t, guint column)
{
	char **lines = t->names->pdata[column];
	guint width = 0;

	for (guint i = 0; lines[i] != NULL; i++)
		width = MAX(width, strlen(lines[i]));
	for (guint row = 0; row < t->m->scenarios->len; row++)
		if (is_shown(t->m, row))
			width = MAX(width, strlen(matrix_cell(t->m, row, column)->text));
	for (guint i = 0; i < t->totals->len; i++) {
		const struct matrix_total *total = t->totals->pdata[i];

		width = MAX(width, strlen(total->values->pdata[column]));
	}
	return width;
}

static void measure(struct table *t)
{
	const struct matrix *m = t->m;

	for (guint i = 0; i < m->columns->len; i++) {
		g_ptr_array_add(t->names, name_lines(m->columns->pdata[i]));
		t->name_lines = MAX(t->name_lines, g_strv_length(t->names->pdata[i]));
		t->widths[i] = column_width(t, i);
	}
	for (guint row = 0; row < m->scenarios->len; row++)
		if (is_shown(m, row))
			t->label_width = MAX(t->label_width, strlen(row_name(m, row)));
	for (guint i = 0; i < t->totals->len; i++)
		t->label_width = MAX(t->label_width, strlen(total_name(t, i)));
}

static void write_row(const struct table *t, const char *label,
		      const char *(*text)(const struct table *, guint, guint, enum tone *),
		      guint row)
{
	g_autoptr(GString) line = g_string_new(NULL);

	g_string_append_printf(line, "%-*s", (int)t->label_width, label);
	for (guint i = t->from; i < t->to; i++) {
		enum tone tone = TONE_PLAIN;
		const char *word = text(t, row, i, &tone);

		g_string_append_printf(line, "%*s", GAP, "");
		append_toned(line, tone, t->m->colour, word);
		g_string_append_printf(line, "%*s", (int)(t->widths[i] - strlen(word)), "");
	}
	fprintf(t->out, "%s\n", g_strchomp(line->str));
}

/* Names stand on the last line of the heading. */
static const char *name_text(const struct table *t, guint row, guint column, enum tone *tone)
{
	char **lines = t->names->pdata[column];
	guint above = t->name_lines - g_strv_length(lines);

	*tone = TONE_HEADING;
	return row < above ? "" : lines[row - above];
}

static const char *cell_text(const struct table *t, guint row, guint column, enum tone *tone)
{
	const struct matrix_cell *cell = matrix_cell(t->m, row, column);

	*tone = cell->kind == DIGEST_CLEAN ? TONE_GOOD :
		cell->kind == DIGEST_BROKEN ? TONE_BAD : TONE_PLAIN;
	return cell->text;
}

static const char *total_text(const struct table *t, guint row, guint column, enum tone *tone)
{
	*tone = TONE_PLAIN;
	return ((struct matrix_total *)t->totals->pdata[row])->values->pdata[column];
}

static void write_table(const struct table *t)
{
	fputc('\n', t->out);
	for (guint i = 0; i < t->name_lines; i++)
		write_row(t, "", name_text, i);
	for (guint i = 0; i < t->m->scenarios->len; i++)
		if (is_shown(t->m, i))
			write_row(t, row_name(t->m, i), cell_text, i);
	fputc('\n', t->out);
	for (guint i = 0; i < t->totals->len; i++)
		write_row(t, total_name(t, i), total_text, i);
}

/* The rows that are all of @kind, below the tables. */
static void append_quiet(const struct matrix *m, GString *out, enum digest_kind kind,
			 const char *words)
{
	g_autoptr(GString) names = g_string_new(NULL);
	g_autofree char *heading = NULL;
	guint nr = 0;

	for (guint row = 0; row < m->scenarios->len; row++) {
		const struct matrix_cell *cell = matrix_cell(m, row, 0);

		if (!is_quiet(m, row) || cell->kind != kind)
			continue;
		g_string_append_printf(names, "%s%s", nr++ > 0 ? ", " : "", row_name(m, row));
		if (kind != DIGEST_CLEAN)
			g_string_append_printf(names, " %s:%u", cell->error, cell->line);
	}
	if (nr == 0)
		return;
	heading = g_strdup_printf("%u %s: ", nr, words);
	g_string_append_c(out, '\n');
	append_wrapped(out, heading, names->str, 4);
}

static void append_hidden(const struct matrix *m, GString *out)
{
	if (m->differ) {
		g_string_append_c(out, '\n');
		matrix_tell_left_out(m, out);
		return;
	}
	append_quiet(m, out, DIGEST_CLEAN, "clean throughout");
	append_quiet(m, out, DIGEST_MEANT, "refused as meant throughout");
	append_quiet(m, out, DIGEST_ALIKE, "refused alike throughout");
}

void compare_text(const struct matrix *m, FILE *out)
{
	g_autofree guint *widths = g_new0(guint, m->columns->len);
	g_autoptr(GString) header = g_string_new(NULL), hidden = g_string_new(NULL);
	g_autoptr(GPtrArray) totals = matrix_totals(m);
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);
	struct table t = { .m = m, .out = out, .widths = widths, .totals = totals, .names = names };

	if (m->header != NULL) {
		header_print(header, m->header, "");
		fprintf(out, "%s\n", header->str);
	}
	measure(&t);
	fprintf(out, "%u scenario%s, %u %s, %s\n", m->scenarios->len,
		m->scenarios->len == 1 ? "" : "s", m->columns->len, m->across, m->on);
	while (t.to < m->columns->len) {
		guint width = t.label_width;

		t.from = t.to;
		do {
			width += GAP + widths[t.to++];
		} while (t.to < m->columns->len && width + GAP + widths[t.to] <= TRACE_WIDTH);
		write_table(&t);
	}
	append_hidden(m, hidden);
	fputs(hidden->str, out);
}
