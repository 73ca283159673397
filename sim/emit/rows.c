/* SPDX-License-Identifier: GPL-2.0-only */
/* Sets of rows of release_table(), and how they are told apart at run time. */
#include <string.h>

#include "emit/rows.h"
#include "run/plan.h"

/* Of stable releases, more than any series has. */
#define MAX_STABLE 64

static gsize nr_rows(void)
{
	size_t nr;

	release_table(&nr);
	return nr;
}

static const struct release *row_at(gsize i)
{
	size_t nr;

	return &release_table(&nr)[i];
}

rows_t rows_of(const struct release *release)
{
	for (gsize i = 0; i < nr_rows(); i++)
		if (strcmp(row_at(i)->name, release->name) == 0)
			return (rows_t)1 << i;
	return 0;
}

rows_t rows_claimed(const struct scenario *scn)
{
	rows_t rows = 0;

	for (gsize i = 0; i < nr_rows(); i++) {
		g_autoptr(GPtrArray) runs = g_ptr_array_new();
		const struct release *row = row_at(i);

		claimed_runs_on(scn, row, runs);
		for (guint r = 0; r < runs->len; r++) {
			guint64 mem;
			g_autoptr(GArray) plan = plan_kernels(scn, runs->pdata[r], NULL, &mem);
			const struct boot *boot = &g_array_index(plan, struct planned, 0).boot;

			if (!row->posted && policy_equal(&boot->release.policy, &row->policy))
				rows |= (rows_t)1 << i;
		}
	}
	return rows;
}

/* "since(7, 0, 4)": from the first release that follows row @i. */
static char *since(gsize i)
{
	const struct release *row = row_at(i);
	unsigned int n = 0;

	for (; n < MAX_STABLE; n++) {
		g_autofree char *name = g_strdup_printf("%u.%u.%u", row->covers.major,
							row->covers.minor, n);

		if (release_find(name) == row)
			break;
	}
	return g_strdup_printf("since(%u, %u, %u)", row->covers.major, row->covers.minor, n);
}

/* The row of @among after (@step 1) or before (-1) row @i; -1: none. */
static gssize neighbour(rows_t among, gssize i, int step)
{
	for (i += step; i >= 0 && i < (gssize)nr_rows(); i += step)
		if (among >> i & 1)
			return i;
	return -1;
}

static void append_range(GString *out, const char *from, const char *to)
{
	bool both = *from != '\0' && *to != '\0';

	if (out->len > 0)
		g_string_append(out, " || ");
	g_string_append_printf(out, "%s%s%s%s%s%s", both ? "(" : "", from, both ? " && " : "",
			       *to != '\0' ? "!" : "", to, both ? ")" : "");
}

char *rows_condition(rows_t rows, rows_t among)
{
	g_autoptr(GString) out = g_string_new(NULL);

	for (gssize i = neighbour(among, -1, 1); i >= 0; i = neighbour(among, i, 1)) {
		gssize before = neighbour(among, i, -1), next;
		g_autofree char *from = before >= 0 ? since(i) : g_strdup("");
		g_autofree char *to = NULL;

		if (!(rows >> i & 1))
			continue;
		while ((next = neighbour(among, i, 1)) >= 0 && rows >> next & 1)
			i = next;
		to = next >= 0 ? since(next) : g_strdup("");
		append_range(out, from, to);
	}
	return g_strdup(out->str);
}

char *rows_bounded(rows_t rows)
{
	g_autoptr(GString) out = g_string_new(NULL);

	for (gsize i = 0; i < nr_rows(); i++) {
		g_autofree char *from = since(i), *to = NULL;
		const struct release *last;

		if (!(rows >> i & 1))
			continue;
		while (i + 1 < nr_rows() && rows >> (i + 1) & 1)
			i++;
		last = row_at(i);
		if (i + 1 < nr_rows() && release_same_series(last, row_at(i + 1)))
			to = since(i + 1);
		else
			to = g_strdup_printf("since(%u, %u, 0)", last->covers.major,
					     last->covers.minor + 1);
		append_range(out, from, to);
	}
	return g_strdup(out->str);
}
