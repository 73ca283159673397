/* SPDX-License-Identifier: GPL-2.0-only */
/* The known bugs, read from the tables of docs/bugs.md, which is where each fact about them is. */
#include <string.h>

#include "match/bugs.h"

static void bug_free(gpointer data)
{
	struct bug *bug = data;

	g_free(bug->id);
	g_free(bug->section);
	g_array_unref(bug->facts);
	g_free(bug);
}

static void clear_fact(gpointer data)
{
	struct bug_fact *fact = data;

	g_free(fact->name);
	g_free(fact->text);
}

static struct bug *bug_get(GPtrArray *bugs, const char *id, const char *section)
{
	struct bug *bug = (struct bug *)bugs_find(bugs, id);

	if (bug != NULL)
		return bug;
	bug = g_new0(struct bug, 1);
	bug->id = g_strdup(id);
	bug->section = g_strdup(section);
	bug->facts = g_array_new(FALSE, FALSE, sizeof(struct bug_fact));
	g_array_set_clear_func(bug->facts, clear_fact);
	g_ptr_array_add(bugs, bug);
	return bug;
}

/* "| a | b |" to its cells; NULL when @line is no row. */
static GStrv row_cells(const char *line)
{
	g_autofree char *inner = NULL;
	gsize len = strlen(line);
	GStrv cells;

	if (len < 2 || line[0] != '|' || line[len - 1] != '|')
		return NULL;
	inner = g_strndup(line + 1, len - 2);
	cells = g_strsplit(inner, "|", -1);
	for (guint i = 0; cells[i] != NULL; i++)
		g_strstrip(cells[i]);
	return cells;
}

static void take_facts(struct bug *bug, GStrv head, GStrv cells)
{
	for (guint i = 1; head[i] != NULL && cells[i] != NULL; i++) {
		struct bug_fact fact = { g_strdup(head[i]), g_strdup(cells[i]) };

		g_array_append_val(bug->facts, fact);
	}
}

/* A row may be of several bugs: "B06, B07". */
static void take_row(GPtrArray *bugs, const char *section, GStrv head, GStrv cells)
{
	g_auto(GStrv) ids = NULL;

	if (cells[0][0] == '-')
		return;
	ids = g_strsplit(cells[0], ", ", -1);
	for (guint i = 0; ids[i] != NULL; i++)
		take_facts(bug_get(bugs, ids[i], section), head, cells);
}

GPtrArray *bugs_parse(const char *page)
{
	GPtrArray *bugs = g_ptr_array_new_with_free_func(bug_free);
	g_auto(GStrv) lines = g_strsplit(page, "\n", -1);
	g_auto(GStrv) head = NULL;
	const char *section = "";

	for (guint i = 0; lines[i] != NULL; i++) {
		g_auto(GStrv) cells = row_cells(lines[i]);

		if (g_str_has_prefix(lines[i], "## "))
			section = lines[i] + 3;
		if (cells == NULL)
			g_clear_pointer(&head, g_strfreev);
		else if (head == NULL)
			head = g_steal_pointer(&cells);
		else if (g_str_equal(head[0], "id"))
			take_row(bugs, section, head, cells);
	}
	return bugs;
}

const struct bug *bugs_find(const GPtrArray *bugs, const char *id)
{
	for (guint i = 0; i < bugs->len; i++) {
		const struct bug *bug = bugs->pdata[i];

		if (g_ascii_strcasecmp(bug->id, id) == 0)
			return bug;
	}
	return NULL;
}

const char *bug_fact(const struct bug *bug, const char *name)
{
	for (guint i = 0; i < bug->facts->len; i++) {
		const struct bug_fact *fact = &g_array_index(bug->facts, struct bug_fact, i);

		if (g_str_equal(fact->name, name) && fact->text[0] != '\0')
			return fact->text;
	}
	return NULL;
}

GStrv bug_scenarios(const struct bug *bug, const char *dir)
{
	const char *text = bug_fact(bug, "scenario");
	g_auto(GStrv) words = g_strsplit_set(text != NULL ? text : "", " ,;", -1);
	g_autoptr(GStrvBuilder) found = g_strv_builder_new();

	for (guint i = 0; words[i] != NULL; i++) {
		g_autofree char *path = g_strconcat(dir, "/", words[i], ".scn", NULL);

		if (words[i][0] != '\0' && g_file_test(path, G_FILE_TEST_EXISTS))
			g_strv_builder_add(found, words[i]);
	}
	return g_strv_builder_end(found);
}

/* A fix is "with=" what it is called; get-id is a policy. */
GStrv bug_settings(const struct bug *bug)
{
	const char *text = bug_fact(bug, "fix");
	g_auto(GStrv) words = g_strsplit_set(text != NULL ? text : "", " ,;", -1);
	g_autoptr(GStrvBuilder) settings = g_strv_builder_new();

	for (guint i = 0; words[i] != NULL; i++) {
		g_autofree char *setting = NULL;

		if (fix_find(words[i]) >= 0)
			setting = g_strconcat("with=", words[i], NULL);
		else if (g_str_equal(words[i], "get-id"))
			setting = g_strdup("policy=get-id");
		if (setting != NULL)
			g_strv_builder_add(settings, setting);
	}
	return g_strv_builder_end(settings);
}

/* "v7.1" is 7.1.0: three numbers in one, to compare. */
static guint64 version(const char *word)
{
	guint64 number[3] = { 0 };
	const char *p = word + (word[0] == 'v');
	char *end;

	for (guint i = 0; i < 3 && g_ascii_isdigit(*p); i++) {
		number[i] = MIN(g_ascii_strtoull(p, &end, 10), 999);
		p = *end == '.' ? end + 1 : end;
	}
	return (number[0] * 1000 + number[1]) * 1000 + number[2];
}

/*
 * Not after @end, "v7.0" with all of its stable releases or "7.1.3". What lies between two
 * releases that were looked at is as the row says that is the nearest to it.
 */
static bool not_after(const char *end, const char *wanted)
{
	const struct release *row = release_find(end);

	if (release_is_series(end))
		return version(wanted) / 1000 <= version(end) / 1000;
	return version(wanted) <= version(end) ||
	       (row != NULL && release_covers(row, end) && release_find(wanted) == row);
}

/* "v7.0", "v6.19 to v7.1", "7.1.0 to 7.1.3", "6.19.9 on", "before 7.3.4" or "all". */
static bool in_part(const char *part, const char *wanted)
{
	g_auto(GStrv) ends = g_strsplit(part, " to ", 2);

	if (g_str_has_prefix(part, "all"))
		return true;
	if (g_str_has_prefix(part, "before "))
		return version(wanted) < version(part + strlen("before "));
	if (ends[0] == NULL || version(ends[0]) == 0 || version(wanted) < version(ends[0]))
		return false;
	return g_str_has_suffix(part, " on") ||
	       not_after(ends[1] != NULL ? ends[1] : ends[0], wanted);
}

bool bug_concerns(const struct bug *bug, const char *release)
{
	const char *text = bug_fact(bug, "releases");
	g_auto(GStrv) parts = g_strsplit_set(text != NULL ? text : "all", ",;", -1);

	for (guint i = 0; parts[i] != NULL; i++)
		if (in_part(g_strstrip(parts[i]), release))
			return true;
	return false;
}
