/* SPDX-License-Identifier: GPL-2.0-only */
/* Scenarios against policies or releases: what came out of each pair. */
#ifndef SIM_ANALYSIS_MATRIX_H
#define SIM_ANALYSIS_MATRIX_H

#include <stdio.h>

#include "analysis/digest.h"

/**
 * struct matrix_cell - a run.
 * @text: see digest_cell().
 * @words: see digest_words().
 * @error: what a refused step returned, or NULL.
 * @line: of the refused step or the violation; 0: at the end, or none.
 * @trace: NULL unless the matrix was made with traces; with its @marks, of struct trace_mark.
 */
struct matrix_cell {
	enum digest_kind kind;
	guint32 causes;
	char *text, *words, *error;
	guint line;
	char *trace;
	GArray *marks;
};

/**
 * struct matrix_column - a policy or release, and what its runs add up to.
 * @count: runs, by enum digest_kind.
 * @broken: runs in which that kind broke, by enum violation_kind.
 * @claims_most: entries in the policy's tables at most, of all runs.
 * @lookups: in these tables.
 * @bytes, @files: what the tables took and how many files were preserved, at most in
 *	each run; added up.
 */
struct matrix_column {
	char *name;
	struct overrides *overrides;
	guint count[NR_DIGEST_KINDS];
	guint broken[NR_VIOLATION_KINDS];
	guint64 claims_most, lookups, bytes, files;
};

/**
 * struct matrix - all runs.
 * @across: "policies" or "releases".
 * @on: "each on its own kernel", or which kernel it is.
 * @header: what it is of; NULL: it is not told.
 * @scenarios: of struct scenario *, the rows.
 * @differ: text and Markdown leave out the rows whose cells are all the same.
 * @colour: text has colours.
 * @columns: of struct matrix_column *.
 * @cells: row by row.
 */
struct matrix {
	const char *across;
	char *on;
	const struct header *header;
	const GPtrArray *scenarios;
	bool differ, colour;
	GPtrArray *columns;
	struct matrix_cell *cells;
};

struct matrix *matrix_new(const char *across, const GPtrArray *scenarios);
void matrix_free(struct matrix *m);

/** matrix_add_column() - @overrides is the matrix's from here on. */
void matrix_add_column(struct matrix *m, const char *name, struct overrides *overrides);

/**
 * matrix_run() - run all scenarios as all columns say.
 * @common: what all columns have in common; a run without more says what is refused.
 * @traces: keep them.
 * @jobs: threads.
 * Return: false when the user stopped it.
 */
bool matrix_run(struct matrix *m, const struct overrides *common, bool traces, guint jobs);

/** matrix_count() - how many cells are of @kind. */
guint64 matrix_count(const struct matrix *m, enum digest_kind kind);

const struct matrix_cell *matrix_cell(const struct matrix *m, guint row, guint column);

/** matrix_differs() - are not all cells of @row the same? */
bool matrix_differs(const struct matrix *m, guint row);

/** matrix_tell_left_out() - append how many rows @m->differ leaves out, as a line. */
void matrix_tell_left_out(const struct matrix *m, GString *out);

/* A row below the matrix: a number, or "-", for each column. */
struct matrix_total {
	char *label;
	GPtrArray *values;
};

/** matrix_totals() - an array of struct matrix_total *. */
GPtrArray *matrix_totals(const struct matrix *m);

void compare_text(const struct matrix *m, FILE *out);
void compare_markdown(const struct matrix *m, FILE *out);
void compare_json(const struct matrix *m, FILE *out);
/** compare_html() - a page that needs nothing else; the matrix has to have traces. */
void compare_html(const struct matrix *m, FILE *out);

#endif
