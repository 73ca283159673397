/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The program that the build runs to make the index of luosim match, as C: docs/bugs.md as it
 * is, and what the scenarios that it names make kernels say.
 */
#include <stdio.h>

#include "match/collect.h"

/* A bug and what is found for it; bugs are run side by side. */
struct job {
	const struct bug *bug;
	const char *dir;
	GPtrArray *signatures;
	bool ok;
};

static void run_job(gpointer data, gpointer unused)
{
	struct job *job = data;
	g_auto(GStrv) names = bug_scenarios(job->bug, job->dir);

	(void)unused;
	job->ok = true;
	for (guint i = 0; names[i] != NULL; i++) {
		g_autofree char *path = g_strconcat(job->dir, "/", names[i], ".scn", NULL);
		g_autoptr(GError) error = NULL;
		struct scenario *scn = scenario_load(path, &error);

		if (scn == NULL) {
			fprintf(stderr, "%s\n", error->message);
			job->ok = false;
			continue;
		}
		collect(job->bug, scn, names[i], job->signatures);
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

static bool make(const char *page, const char *dir, GString *text)
{
	g_autoptr(GPtrArray) bugs = bugs_parse(page);
	g_autofree struct job *jobs = g_new0(struct job, bugs->len);
	GThreadPool *pool = g_thread_pool_new(run_job, NULL, g_get_num_processors(), TRUE, NULL);
	bool ok = true;

	for (guint i = 0; i < bugs->len; i++) {
		jobs[i] = (struct job){
			.bug = bugs->pdata[i], .dir = dir,
			.signatures = g_ptr_array_new_with_free_func(signature_free),
		};
		g_thread_pool_push(pool, &jobs[i], NULL);
	}
	g_thread_pool_free(pool, FALSE, TRUE);
	for (guint i = 0; i < bugs->len; i++) {
		for (guint j = 0; j < jobs[i].signatures->len; j++)
			signature_print(text, jobs[i].signatures->pdata[j]);
		ok = ok && jobs[i].ok;
		g_ptr_array_unref(jobs[i].signatures);
	}
	return ok;
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
