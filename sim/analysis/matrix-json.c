/* SPDX-License-Identifier: GPL-2.0-only */
/* A matrix as one JSON object, see luosim(1). */
#include "analysis/matrix.h"
#include "report/header.h"
#include "report/json.h"

static void add_cell(JsonBuilder *b, const struct matrix *m, guint row, guint column)
{
	const struct matrix_cell *cell = matrix_cell(m, row, column);

	json_builder_begin_object(b);
	add_string(b, "column", ((struct matrix_column *)m->columns->pdata[column])->name);
	add_string(b, "cell", cell->text);
	add_string(b, "outcome", digest_outcome(cell->kind));
	add_number(b, "line", cell->line);
	if (cell->error != NULL)
		add_string(b, "errno", cell->error);
	add_kinds(b, "violations", cell->causes);
	json_builder_end_object(b);
}

static void add_scenario(JsonBuilder *b, const struct matrix *m, guint row)
{
	const struct scenario *scn = m->scenarios->pdata[row];

	json_builder_begin_object(b);
	add_string(b, "name", scn->name);
	add_string(b, "file", scn->path);
	add_string(b, "sha256", scn->digest);
	add_array(b, "cells");
	for (guint i = 0; i < m->columns->len; i++)
		add_cell(b, m, row, i);
	json_builder_end_array(b);
	json_builder_end_object(b);
}

static void add_column(JsonBuilder *b, const struct matrix_column *column)
{
	json_builder_begin_object(b);
	add_string(b, "name", column->name);
	for (enum digest_kind kind = 0; kind < NR_DIGEST_KINDS; kind++)
		add_number(b, digest_outcome(kind), column->count[kind]);
	add_object(b, "kinds");
	for (int kind = 0; kind < NR_VIOLATION_KINDS; kind++)
		add_number(b, violation_name(kind), column->broken[kind]);
	json_builder_end_object(b);
	add_number(b, "claims_most", column->claims_most);
	add_number(b, "lookups", column->lookups);
	add_number(b, "bytes", column->bytes);
	add_number(b, "files", column->files);
	json_builder_end_object(b);
}

void compare_json(const struct matrix *m, FILE *out)
{
	g_autoptr(JsonBuilder) b = json_builder_new();

	json_builder_begin_object(b);
	add_header(b, m->header);
	add_string(b, "across", m->across);
	add_string(b, "on", m->on);
	add_array(b, "scenarios");
	for (guint row = 0; row < m->scenarios->len; row++)
		add_scenario(b, m, row);
	json_builder_end_array(b);
	add_array(b, "columns");
	for (guint i = 0; i < m->columns->len; i++)
		add_column(b, m->columns->pdata[i]);
	json_builder_end_array(b);
	json_builder_end_object(b);
	write_json(out, b);
}
