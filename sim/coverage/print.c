/* SPDX-License-Identifier: GPL-2.0-only */
/* What was reached and what was not: as text, as a patch with counts, as a file of lcov. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coverage/coverage.h"
#include "scn/scn.h"

struct share {
	guint reached, all;
};

struct shares {
	struct share lines, branches;
};

static void add_to_shares(struct shares *s, const struct covered_line *line)
{
	s->lines.all++;
	s->lines.reached += line->count > 0;
	for (guint i = 0; line->branches != NULL && i < line->branches->len; i++) {
		s->branches.all++;
		s->branches.reached += g_array_index(line->branches, guint64, i) > 0;
	}
}

static guint branches_taken(const struct covered_line *line)
{
	guint taken = 0;

	for (guint i = 0; line->branches != NULL && i < line->branches->len; i++)
		taken += g_array_index(line->branches, guint64, i) > 0;
	return taken;
}

static bool all_taken(const struct covered_line *line)
{
	return line->branches == NULL || branches_taken(line) == line->branches->len;
}

static void print_share(const struct share *s)
{
	g_autofree char *percent = g_strdup("-");

	if (s->all > 0) {
		g_free(percent);
		percent = g_strdup_printf("%u.%u %%", s->reached * 100 / s->all,
					  s->reached * 1000 / s->all % 10);
	}
	printf("  %5u of %5u  %7s", s->reached, s->all, percent);
}

static void print_shares(const char *name, const struct shares *s)
{
	printf("%-36s", name);
	print_share(&s->lines);
	print_share(&s->branches);
	printf("\n");
}

/* ---- All that was not reached ---- */

static bool is_compiled(const struct coverage *c, const struct covered_file *f)
{
	return g_hash_table_contains(c->compiled, f->name);
}

static char **source_of(const struct coverage *c, const struct covered_file *f)
{
	g_autofree char *path = g_build_filename(c->tree, f->name, NULL), *text = NULL;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return g_new0(char *, 1);
	return g_strsplit(text, "\n", -1);
}

/* How often, or how many of the ways from there: seven columns. */
static void print_mark(const struct covered_line *line)
{
	g_autofree char *mark = NULL;

	if (line == NULL)
		mark = g_strdup("");
	else if (line->count == 0)
		mark = g_strdup("#####");
	else if (!all_taken(line))
		mark = g_strdup_printf("%u of %u", branches_taken(line), line->branches->len);
	else
		mark = g_strdup_printf("%" G_GUINT64_FORMAT, line->count);
	printf("%9s", mark);
}

static void print_missed(const struct coverage *c, const struct covered_file *f)
{
	g_auto(GStrv) source = source_of(c, f);
	guint nr = g_strv_length(source);
	const char *function = "";

	for (guint i = 0; i < f->lines->len; i++) {
		const struct covered_line *l = &g_array_index(f->lines, struct covered_line, i);

		if (l->count > 0 && all_taken(l))
			continue;
		if (strcmp(function, l->function) != 0)
			printf("\n%s: %s()\n", f->name, l->function);
		function = l->function;
		print_mark(l);
		printf(" %5u  %s\n", l->number, l->number <= nr ? source[l->number - 1] : "");
	}
}

static void print_heading(void)
{
	printf("%-36s  %23s%23s\n", "file", "lines that were run", "branches taken");
}

void coverage_print(const struct coverage *c)
{
	struct shares all = { 0 };

	print_heading();
	for (guint i = 0; i < c->files->len; i++) {
		const struct covered_file *f = c->files->pdata[i];
		struct shares s = { 0 };

		for (guint l = 0; is_compiled(c, f) && l < f->lines->len; l++) {
			add_to_shares(&s, &g_array_index(f->lines, struct covered_line, l));
			add_to_shares(&all, &g_array_index(f->lines, struct covered_line, l));
		}
		if (is_compiled(c, f))
			print_shares(f->name, &s);
	}
	print_shares("all", &all);
	for (guint i = 0; i < c->files->len; i++)
		if (is_compiled(c, c->files->pdata[i]))
			print_missed(c, c->files->pdata[i]);
}

/* ---- A patch ---- */

static const struct covered_file *find_file(const struct coverage *c, const char *name)
{
	for (guint i = 0; i < c->files->len; i++)
		if (strcmp(((struct covered_file *)c->files->pdata[i])->name, name) == 0)
			return c->files->pdata[i];
	return NULL;
}

/* The first line of a hunk in the new file: 12 of "@@ -10,3 +12,4 @@". */
static guint first_line(const char *hunk)
{
	const char *plus = strstr(hunk, " +");

	return plus != NULL ? strtoul(plus + 2, NULL, 10) : 0;
}

/* Lines of the patch, with what is known of those that it adds. */
static void print_hunks(const struct coverage *c, char **patch, struct shares *s)
{
	const struct covered_file *f = NULL;
	bool in_hunk = false;
	guint number = 0;

	for (guint i = 0; patch[i] != NULL && *patch[i] != '\0'; i++) {
		const struct covered_line *line = NULL;
		const char *text = patch[i];

		if (g_str_has_prefix(text, "diff ")) {
			in_hunk = false;
			f = NULL;
			continue;
		}
		if (!in_hunk && g_str_has_prefix(text, "+++ b/")) {
			f = find_file(c, text + strlen("+++ b/"));
			if (f != NULL)
				printf("\n%9s  %s\n", "", f->name);
		}
		if (g_str_has_prefix(text, "@@ ")) {
			in_hunk = true;
			number = first_line(text) - 1;
		} else if (in_hunk && (*text == '+' || *text == ' ')) {
			number++;
		}
		if (!in_hunk || f == NULL)
			continue;
		if (*text == '+')
			line = covered_line_at(f, number);
		if (line != NULL)
			add_to_shares(s, line);
		print_mark(line);
		printf("  %s\n", text);
	}
}

bool coverage_print_patch(const struct coverage *c, const char *revision, GError **error)
{
	char *argv[] = { (char *)"git", (char *)"-C", c->tree, (char *)"diff",
			 (char *)"--no-color", (char *)"--no-ext-diff", (char *)"--relative",
			 (char *)"--src-prefix=a/", (char *)"--dst-prefix=b/", (char *)revision,
			 (char *)"--", (char *)".", NULL };
	g_autofree char *patch = NULL;
	g_auto(GStrv) lines = NULL;
	struct shares s = { 0 };

	if (!coverage_command(argv, &patch, error))
		return false;
	lines = g_strsplit(patch, "\n", -1);
	print_hunks(c, lines, &s);
	printf("\n");
	print_heading();
	print_shares("added by the patch", &s);
	return true;
}

/* ---- lcov ---- */

static void add_lcov_file(GString *out, const struct coverage *c, const struct covered_file *f)
{
	struct shares s = { 0 };

	g_string_append_printf(out, "TN:\nSF:%s/%s\n", c->tree, f->name);
	for (guint i = 0; i < f->lines->len; i++) {
		const struct covered_line *l = &g_array_index(f->lines, struct covered_line, i);
		const GArray *branches = l->branches;

		add_to_shares(&s, l);
		for (guint b = 0; branches != NULL && b < branches->len; b++)
			g_string_append_printf(out, "BRDA:%u,0,%u,%" G_GUINT64_FORMAT "\n",
					       l->number, b, g_array_index(branches, guint64, b));
		g_string_append_printf(out, "DA:%u,%" G_GUINT64_FORMAT "\n", l->number, l->count);
	}
	g_string_append_printf(out, "BRF:%u\nBRH:%u\nLF:%u\nLH:%u\nend_of_record\n",
			       s.branches.all, s.branches.reached, s.lines.all, s.lines.reached);
}

bool coverage_write_lcov(const struct coverage *c, const char *path, GError **error)
{
	g_autoptr(GString) out = g_string_new(NULL);

	for (guint i = 0; i < c->files->len; i++)
		if (is_compiled(c, c->files->pdata[i]))
			add_lcov_file(out, c, c->files->pdata[i]);
	return g_file_set_contents(path, out->str, out->len, error);
}
