/* SPDX-License-Identifier: GPL-2.0-only */
/* Scenarios against policies or releases: runs them all and adds up what came out. */
#include "analysis/matrix.h"
#include "run/in-order.h"
#include "run/progress.h"

static void column_free(struct matrix_column *column)
{
	g_free(column->name);
	overrides_free(column->overrides);
	g_free(column);
}

struct matrix *matrix_new(const char *across, const GPtrArray *scenarios)
{
	struct matrix *m = g_new0(struct matrix, 1);

	m->across = across;
	m->scenarios = scenarios;
	m->columns = g_ptr_array_new_with_free_func((GDestroyNotify)column_free);
	return m;
}

void matrix_free(struct matrix *m)
{
	guint nr = m->cells != NULL ? m->scenarios->len * m->columns->len : 0;

	for (guint i = 0; i < nr; i++) {
		g_free(m->cells[i].text);
		g_free(m->cells[i].words);
		g_free(m->cells[i].error);
		g_free(m->cells[i].trace);
		g_clear_pointer(&m->cells[i].marks, g_array_unref);
	}
	g_free(m->cells);
	g_ptr_array_unref(m->columns);
	g_free(m->on);
	g_free(m);
}

void matrix_add_column(struct matrix *m, const char *name, struct overrides *overrides)
{
	struct matrix_column *column = g_new0(struct matrix_column, 1);

	column->name = g_strdup(name);
	column->overrides = overrides;
	g_ptr_array_add(m->columns, column);
}

const struct matrix_cell *matrix_cell(const struct matrix *m, guint row, guint column)
{
	return &m->cells[row * m->columns->len + column];
}

bool matrix_differs(const struct matrix *m, guint row)
{
	const struct matrix_cell *first = matrix_cell(m, row, 0);

	for (guint i = 1; i < m->columns->len; i++)
		if (!g_str_equal(matrix_cell(m, row, i)->text, first->text))
			return true;
	return false;
}

void matrix_tell_left_out(const struct matrix *m, GString *out)
{
	guint nr = 0;

	if (!m->differ)
		return;
	for (guint row = 0; row < m->scenarios->len; row++)
		nr += !matrix_differs(m, row);
	g_string_append_printf(out, "%u of %u scenarios not shown, as all their cells are the "
			       "same; the totals count them\n", nr, m->scenarios->len);
}

static void fill_cell(struct matrix_cell *cell, struct digest *d)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autoptr(GString) words = g_string_new(NULL);
	const struct digest_step *culprit = digest_culprit(d);

	digest_cell(text, d);
	digest_words(words, d);
	cell->kind = digest_kind(d);
	cell->causes = d->causes;
	cell->text = g_strdup(text->str);
	cell->words = g_strdup(words->str);
	cell->line = d->first.op;
	if (culprit != NULL) {
		cell->error = digest_error(culprit);
		cell->line = culprit->line;
	}
	if (d->trace != NULL)
		cell->trace = g_string_free(g_steal_pointer(&d->trace), FALSE);
	cell->marks = g_steal_pointer(&d->marks);
}

static void add_up(struct matrix_column *column, const struct digest *d)
{
	const struct machine_stats *stats = &d->stats;

	column->count[digest_kind(d)]++;
	for (int kind = 0; kind < NR_VIOLATION_KINDS; kind++)
		column->broken[kind] += (d->causes >> kind) & 1;
	column->claims_most = MAX(column->claims_most, stats->claims_held_max);
	column->files += d->files;
	column->bytes += stats->claim_bytes;
	column->lookups += stats->claim_lookups;
}

/* Run @scn on the kernels that it asks for; NULL when @common changes none of them. */
static struct digest *run_own(const struct scenario *scn, const struct overrides *common)
{
	struct overrides *own;
	struct digest *d;

	if (common->releases->len == 0 && common->settings->len == 0)
		return NULL;
	own = overrides_new();
	own->no_reduction = common->no_reduction;
	own->max_states = common->max_states;
	own->time_limit = common->time_limit;
	d = digest_run(scn, own, false);
	overrides_free(own);
	return d;
}

/* Runs of all rows that go on, in several threads. */
struct rows {
	struct matrix *m;
	const struct overrides *common;
	bool traces;
	struct progress *progress;
	struct digest ***runs;		/* of each row, one for each column and one more */
	bool stopped;
};

/* Run a row. What is refused shows when all its runs lie side by side. */
static void run_row(void *data, guint row)
{
	struct rows *rows = data;
	struct matrix *m = rows->m;
	const struct scenario *scn = m->scenarios->pdata[row];
	guint nr = m->columns->len;
	struct digest **runs = rows->runs[row] = g_new0(struct digest *, nr + 1), *own;

	for (guint i = 0; i < nr; i++) {
		const struct matrix_column *column = m->columns->pdata[i];

		if (progress_stopped(rows->progress))
			return;
		runs[i] = digest_run(scn, column->overrides, rows->traces);
	}
	runs[nr] = digest_run(scn, rows->common, false);
	own = run_own(scn, rows->common);
	digest_refusals(runs, nr + 1);
	digest_shared(runs, nr + 1, own);
	for (guint i = 0; i < nr; i++)
		fill_cell(&m->cells[row * nr + i], runs[i]);
	g_clear_pointer(&own, digest_free);
}

static void end_row(void *data, guint row)
{
	struct rows *rows = data;
	guint nr = rows->m->columns->len;
	guint64 total = (guint64)rows->m->scenarios->len * nr;

	rows->stopped = !progress_at(rows->progress, (guint64)(row + 1) * nr, total);
	for (guint i = 0; i < nr && !rows->stopped; i++)
		add_up(rows->m->columns->pdata[i], rows->runs[row][i]);
	for (guint i = 0; i <= nr; i++)
		g_clear_pointer(&rows->runs[row][i], digest_free);
	g_free(rows->runs[row]);
}

bool matrix_run(struct matrix *m, const struct overrides *common, bool traces, guint jobs)
{
	g_autofree struct digest ***runs = g_new0(struct digest **, m->scenarios->len);
	struct rows rows = {
		.m = m, .common = common, .traces = traces, .runs = runs,
		.progress = progress_new("runs"),
	};

	m->cells = g_new0(struct matrix_cell, (gsize)m->scenarios->len * m->columns->len);
	in_order(jobs, m->scenarios->len, run_row, end_row, &rows);
	progress_free(rows.progress);
	return !rows.stopped;
}

/* ---- Totals ---- */

static void total_free(struct matrix_total *total)
{
	g_free(total->label);
	g_ptr_array_unref(total->values);
	g_free(total);
}

static struct matrix_total *add_total(GPtrArray *totals, const char *label)
{
	struct matrix_total *total = g_new0(struct matrix_total, 1);

	total->label = g_strdup(label);
	total->values = g_ptr_array_new_with_free_func(g_free);
	g_ptr_array_add(totals, total);
	return total;
}

static void add_value(struct matrix_total *total, guint64 value)
{
	g_ptr_array_add(total->values, g_strdup_printf("%" G_GUINT64_FORMAT, value));
}

guint64 matrix_count(const struct matrix *m, enum digest_kind kind)
{
	guint64 sum = 0;

	for (guint i = 0; i < m->columns->len; i++)
		sum += ((struct matrix_column *)m->columns->pdata[i])->count[kind];
	return sum;
}

/* What comes up seldom has a row only where it does. */
static void total_counts(const struct matrix *m, GPtrArray *totals)
{
	for (enum digest_kind kind = 0; kind < NR_DIGEST_KINDS; kind++) {
		bool seldom = kind == DIGEST_ALIKE || kind == DIGEST_MEANT ||
			      kind == DIGEST_NOT_HERE || kind == DIGEST_STOPPED ||
			      kind == DIGEST_SKIPPED;
		struct matrix_total *total;

		if (seldom && matrix_count(m, kind) == 0)
			continue;
		total = add_total(totals, digest_outcome(kind));
		for (guint i = 0; i < m->columns->len; i++) {
			const struct matrix_column *column = m->columns->pdata[i];

			add_value(total, column->count[kind]);
		}
	}
}

/* A row for each kind that broke anywhere. */
static void total_kinds(const struct matrix *m, GPtrArray *totals)
{
	for (int kind = 0; kind < NR_VIOLATION_KINDS; kind++) {
		g_autofree char *label = g_strdup_printf("  %s", violation_name(kind));
		struct matrix_total *total = add_total(totals, label);
		guint sum = 0;

		for (guint i = 0; i < m->columns->len; i++) {
			const struct matrix_column *column = m->columns->pdata[i];

			add_value(total, column->broken[kind]);
			sum += column->broken[kind];
		}
		if (sum == 0)
			g_ptr_array_set_size(totals, totals->len - 1);
	}
}

GPtrArray *matrix_totals(const struct matrix *m)
{
	GPtrArray *totals = g_ptr_array_new_with_free_func((GDestroyNotify)total_free);
	struct matrix_total *claims, *lookups, *bytes;

	total_counts(m, totals);
	total_kinds(m, totals);
	claims = add_total(totals, "claims at most");
	lookups = add_total(totals, "lookups");
	bytes = add_total(totals, "bytes per file");
	for (guint i = 0; i < m->columns->len; i++) {
		const struct matrix_column *column = m->columns->pdata[i];

		add_value(claims, column->claims_most);
		add_value(lookups, column->lookups);
		if (column->files > 0)
			add_value(bytes, column->bytes / column->files);
		else
			g_ptr_array_add(bytes->values, g_strdup("-"));
	}
	return totals;
}
