/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The program that the build runs to make the index of luosim match, as C: docs/bugs.md as it
 * is, and what the scenarios that it names make kernels say.
 */
#include <stdio.h>

#include "match/collect.h"
#include "run/in-order.h"

/* A bug, and what was found for it. */
struct heard {
	const struct bug *bug;
	GPtrArray *signatures;
	bool ok;
};

struct index_maker {
	const char *dir;
	struct heard *heard;
	GString *text;
	bool ok;
};

static void hear_bug(void *data, guint nth)
{
	struct index_maker *m = data;
	struct heard *heard = &m->heard[nth];
	g_auto(GStrv) names = bug_scenarios(heard->bug, m->dir);

	heard->ok = true;
	for (guint i = 0; names[i] != NULL; i++) {
		g_autofree char *path = g_strconcat(m->dir, "/", names[i], ".scn", NULL);
		g_autoptr(GError) error = NULL;
		struct scenario *scn = scenario_load(path, &error);

		if (scn == NULL) {
			fprintf(stderr, "%s\n", error->message);
			heard->ok = false;
			continue;
		}
		collect(heard->bug, scn, names[i], heard->signatures);
		scenario_free(scn);
	}
}

/* @text as a C string of that name, a line of it a line. */
static void print_string(const char *name, const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	printf("const char %s[] =\n", name);
	for (guint i = 0; lines[i] != NULL; i++) {
		g_autofree char *line = g_strescape(lines[i], NULL);

		printf("\t\"%s%s\"\n", line, lines[i + 1] != NULL ? "\\n" : "");
	}
	printf("\t;\n");
}

static void print_bug(void *data, guint nth)
{
	struct index_maker *m = data;
	struct heard *heard = &m->heard[nth];

	for (guint i = 0; i < heard->signatures->len; i++)
		signature_print(m->text, heard->signatures->pdata[i]);
	m->ok = m->ok && heard->ok;
}

static bool make(const char *page, const char *dir, GString *text)
{
	g_autoptr(GPtrArray) bugs = bugs_parse(page);
	g_autofree struct heard *heard = g_new0(struct heard, bugs->len);
	struct index_maker m = { .dir = dir, .heard = heard, .text = text, .ok = true };

	for (guint i = 0; i < bugs->len; i++) {
		heard[i].bug = bugs->pdata[i];
		heard[i].signatures = g_ptr_array_new_with_free_func(signature_free);
	}
	in_order(g_get_num_processors(), bugs->len, hear_bug, print_bug, &m);
	for (guint i = 0; i < bugs->len; i++)
		g_ptr_array_unref(heard[i].signatures);
	return m.ok;
}

int main(int argc, char **argv)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autoptr(GError) error = NULL;
	g_autofree char *page = NULL;

	if (argc != 3) {
		fprintf(stderr, "expected make-index PAGE SCENARIOS\n");
		return 2;
	}
	if (!g_file_get_contents(argv[1], &page, NULL, &error)) {
		fprintf(stderr, "%s\n", error->message);
		return 2;
	}
	if (!make(page, argv[2], text))
		return 1;
	printf("/* Made by sim/make-index.c. */\n#include \"match/index.h\"\n\n");
	print_string("bugs_page", page);
	print_string("bugs_index", text->str);
	return fflush(stdout) != 0;
}
