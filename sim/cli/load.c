/* SPDX-License-Identifier: GPL-2.0-only */
/* Loading what a command line names: files, directories of scenarios, "-". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "scn/scn.h"

static gint compare_names(gconstpointer a, gconstpointer b)
{
	return g_strcmp0(*(char **)a, *(char **)b);
}

static bool is_stdin(const char *path)
{
	return strcmp(path, "-") == 0;
}

static bool is_directory(const char *path)
{
	return !is_stdin(path) && g_file_test(path, G_FILE_TEST_IS_DIR);
}

/* Append the scenarios in @path and below it; links to directories are not followed. */
static bool walk(const char *path, GPtrArray *files)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GDir) dir = g_dir_open(path, 0, &error);
	const char *name;
	bool ok = true;

	if (dir == NULL) {
		complain("%s", error->message);
		return false;
	}
	while ((name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *below = g_build_filename(path, name, NULL);

		if (is_directory(below))
			ok = (g_file_test(below, G_FILE_TEST_IS_SYMLINK) || walk(below, files)) &&
			     ok;
		else if (g_str_has_suffix(name, ".scn"))
			g_ptr_array_add(files, g_steal_pointer(&below));
	}
	return ok;
}

static bool find_scenarios(const char *path, GPtrArray *files)
{
	guint before = files->len;

	if (!is_directory(path)) {
		g_ptr_array_add(files, g_strdup(path));
		return true;
	}
	if (!walk(path, files))
		return false;
	if (files->len == before) {
		fprintf(stderr, "%s: Is a directory without *.scn, expected a scenario file\n",
			path);
		return false;
	}
	qsort(files->pdata + before, files->len - before, sizeof(files->pdata[0]), compare_names);
	return true;
}

struct scenario *load_scenario(const char *path, GError **error)
{
	return is_stdin(path) ? scenario_load_stdin(error) : scenario_load(path, error);
}

/* Nothing is left of standard input for the second that reads it. */
static bool reads_stdin_twice(char **paths)
{
	guint times = 0;

	for (guint i = 0; paths[i] != NULL; i++)
		times += is_stdin(paths[i]);
	return times > 1;
}

/* Of those that are called alike, the path tells which one is meant. */
static void make_titles(const GPtrArray *all)
{
	g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);

	for (guint i = 0; i < all->len; i++) {
		const char *name = ((struct scenario *)all->pdata[i])->name;

		g_hash_table_insert(names, (char *)name,
				    GINT_TO_POINTER(g_hash_table_contains(names, name) ? 2 : 1));
	}
	for (guint i = 0; i < all->len; i++) {
		struct scenario *scn = all->pdata[i];
		bool alike = GPOINTER_TO_INT(g_hash_table_lookup(names, scn->name)) > 1;

		scn->title = alike ? g_strdup_printf("%s (%s)", scn->name, scn->path) :
				     g_strdup(scn->name);
	}
}

static void set_path(struct scenario *scn, const char *file, const char *root)
{
	g_autofree char *below = path_below(root, file);

	if (is_stdin(file))
		return;
	g_free(scn->path);
	scn->path = display_name(below);
}

static void unreadable_free(gpointer data)
{
	struct unreadable *u = data;

	g_free(u->path);
	g_free(u->message);
	g_free(u);
}

GPtrArray *unreadable_new(void)
{
	return g_ptr_array_new_with_free_func(unreadable_free);
}

/* Messages begin with the file as it was opened, reports have its path. */
static void add_unreadable(GPtrArray *all, const char *file, const char *root, const char *message)
{
	struct unreadable *u = g_new(struct unreadable, 1);
	g_autofree char *below = path_below(root, file), *shown = display_name(file);
	gsize len = strlen(shown);

	u->path = is_stdin(file) ? g_strdup("<stdin>") : display_name(below);
	u->message = g_str_has_prefix(message, shown) && !is_stdin(file) ?
		     g_strconcat(u->path, message + len, NULL) : g_strdup(message);
	g_ptr_array_add(all, u);
}

static bool is_wanted(const struct scenario *scn, char **only)
{
	for (guint i = 0; only != NULL && only[i] != NULL; i++)
		if (g_pattern_match_simple(only[i], scn->name))
			return true;
	return only == NULL;
}

GPtrArray *load_scenarios(char **paths)
{
	return load_some(paths, NULL, NULL);
}

GPtrArray *load_some(char **paths, char **only, GPtrArray *unreadable)
{
	g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func((GDestroyNotify)scenario_free);
	g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *root = NULL;
	bool ok = true;

	if (paths == NULL || paths[0] == NULL) {
		complain("no file given, expected luosim FILE...");
		return NULL;
	}
	if (reads_stdin_twice(paths)) {
		complain("standard input several times, expected '-' once");
		return NULL;
	}
	root = scenario_root(paths);
	for (guint i = 0; paths[i] != NULL; i++)
		ok = find_scenarios(paths[i], files) && ok;
	for (guint i = 0; i < files->len; i++) {
		g_autoptr(GError) error = NULL;
		struct scenario *scn = load_scenario(files->pdata[i], &error);

		if (scn == NULL)
			fprintf(stderr, "%s\n", error->message);
		if (scn == NULL && unreadable != NULL)
			add_unreadable(unreadable, files->pdata[i], root, error->message);
		ok = ok && (scn != NULL || unreadable != NULL);
		if (scn != NULL && is_wanted(scn, only)) {
			set_path(scn, files->pdata[i], root);
			g_ptr_array_add(all, scn);
		} else if (scn != NULL) {
			scenario_free(scn);
		}
	}
	if (ok && only != NULL && all->len == 0) {
		complain("no scenario is called '%s', expected the pattern of a name", only[0]);
		return NULL;
	}
	make_titles(all);
	return ok ? g_steal_pointer(&all) : NULL;
}
