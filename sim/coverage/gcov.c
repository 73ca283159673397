/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What gcov(1) makes of the counts of an object. The notes of the compiler lie in the
 * object, as tar packs them, since the cache may hold those of another by then.
 */
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <sys/stat.h>

#include "coverage/coverage.h"
#include "scn/scn.h"

#define NOTES_SUFFIX	".coverage.gcno"

/* ---- Other programs ---- */

bool coverage_command(char **argv, char **out, GError **error)
{
	g_autofree char *said = NULL;
	int status;

	if (!g_spawn_sync(NULL, argv, NULL,
			  G_SPAWN_SEARCH_PATH | (out == NULL ? G_SPAWN_STDOUT_TO_DEV_NULL : 0),
			  NULL, NULL, out, &said, &status, error))
		return false;
	if (g_spawn_check_wait_status(status, NULL))
		return true;
	g_strchomp(said);
	g_set_error(error, SCN_ERROR, 0, "%s: %s", argv[0], said);
	return false;
}

bool coverage_unpack(const char *object, const char *dir, GError **error)
{
	g_autofree char *tar = g_build_filename(dir, "notes.tar", NULL);
	g_autofree char *copy = g_build_filename(dir, "copy.so", NULL);
	g_autofree char *dump = g_strdup_printf(".luosim_notes=%s", tar);
	char *dump_section[] = {
		(char *)"objcopy", (char *)"--dump-section", dump, (char *)object, copy, NULL };
	char *unpack[] = { (char *)"tar", (char *)"-xf", tar, (char *)"-C", (char *)dir, NULL };
	bool ok = coverage_command(dump_section, NULL, NULL);

	if (!ok)
		g_set_error(error, SCN_ERROR, 0, "%s counts nothing, expected what luosim "
			    "build-kernel --coverage has made", object);
	else
		ok = coverage_command(unpack, NULL, error);
	g_unlink(tar);
	g_unlink(copy);
	return ok;
}

/* ---- What gcov says ---- */

static void line_clear(gpointer line)
{
	struct covered_line *l = line;

	g_free(l->function);
	if (l->branches != NULL)
		g_array_unref(l->branches);
}

static void file_free(gpointer file)
{
	struct covered_file *f = file;

	g_free(f->name);
	g_array_unref(f->lines);
	g_free(f);
}

static struct covered_file *file_named(struct coverage *c, const char *name)
{
	struct covered_file *f;

	for (guint i = 0; i < c->files->len; i++) {
		f = c->files->pdata[i];
		if (strcmp(f->name, name) == 0)
			return f;
	}
	f = g_new0(struct covered_file, 1);
	f->name = g_strdup(name);
	f->lines = g_array_new(FALSE, TRUE, sizeof(struct covered_line));
	g_array_set_clear_func(f->lines, line_clear);
	g_ptr_array_add(c->files, f);
	return f;
}

static GArray *branches_of(JsonObject *line)
{
	JsonArray *from = json_object_get_array_member(line, "branches");
	GArray *branches;

	if (json_array_get_length(from) == 0)
		return NULL;
	branches = g_array_new(FALSE, FALSE, sizeof(guint64));
	for (guint i = 0; i < json_array_get_length(from); i++) {
		JsonObject *branch = json_array_get_object_element(from, i);
		guint64 count = json_object_get_int_member(branch, "count");

		g_array_append_val(branches, count);
	}
	return branches;
}

/* The same line of a header may be compiled many times: what any of them ran was run. */
static void merge_line(struct covered_line *into, const struct covered_line *from)
{
	into->count += from->count;
	if (from->branches == NULL)
		return;
	if (into->branches == NULL) {
		into->branches = g_array_copy(from->branches);
		return;
	}
	for (guint i = 0; i < from->branches->len; i++) {
		guint64 count = g_array_index(from->branches, guint64, i);

		if (i < into->branches->len)
			g_array_index(into->branches, guint64, i) += count;
		else
			g_array_append_val(into->branches, count);
	}
}

static void add_line(struct covered_file *f, JsonObject *from)
{
	struct covered_line line = {
		.number = json_object_get_int_member(from, "line_number"),
		.count = json_object_get_int_member(from, "count"),
		.branches = branches_of(from),
		.function = g_strdup(json_object_get_string_member_with_default(
			from, "function_name", "")),
	};
	guint at = 0;

	while (at < f->lines->len &&
	       g_array_index(f->lines, struct covered_line, at).number < line.number)
		at++;
	if (at < f->lines->len &&
	    g_array_index(f->lines, struct covered_line, at).number == line.number) {
		merge_line(&g_array_index(f->lines, struct covered_line, at), &line);
		line_clear(&line);
		return;
	}
	g_array_insert_val(f->lines, at, line);
}

/* Of "/linux/mm/memfd_luo.c", which was compiled to @object, the name and the tree. */
static const char *name_in_tree(struct coverage *c, const char *path)
{
	gsize len = c->tree != NULL ? strlen(c->tree) : 0;

	if (len > 0 && g_str_has_prefix(path, c->tree) && path[len] == '/')
		return path + len + 1;
	return NULL;
}

static bool is_older(const struct stat *file, const struct stat *object)
{
	return file->st_mtim.tv_sec < object->st_mtim.tv_sec ||
	       (file->st_mtim.tv_sec == object->st_mtim.tv_sec &&
		file->st_mtim.tv_nsec <= object->st_mtim.tv_nsec);
}

static bool check_age(const char *object, const char *path, GError **error)
{
	struct stat file, built;

	if (stat(path, &file) != 0) {
		g_set_error(error, SCN_ERROR, 0, "%s: not there, expected what %s was built of",
			    path, object);
		return false;
	}
	if (stat(object, &built) == 0 && !is_older(&file, &built)) {
		g_set_error(error, SCN_ERROR, 0, "%s: changed since %s was built, expected it "
			    "to be built again", path, object);
		return false;
	}
	return true;
}

static bool add_file(struct coverage *c, const char *object, JsonObject *from, GError **error)
{
	const char *path = json_object_get_string_member(from, "file");
	JsonArray *lines = json_object_get_array_member(from, "lines");
	const char *name = name_in_tree(c, path);
	struct covered_file *f;

	if (name == NULL || json_array_get_length(lines) == 0)
		return true;
	if (!check_age(object, path, error))
		return false;
	f = file_named(c, name);
	for (guint i = 0; i < json_array_get_length(lines); i++)
		add_line(f, json_array_get_object_element(lines, i));
	return true;
}

/* "kernel+liveupdate+luo_file" of "kernel+liveupdate+luo_file.coverage.gcno". */
static char *compiled_name(const char *notes)
{
	g_autofree char *stem = g_strndup(notes, strlen(notes) - strlen(NOTES_SUFFIX));

	return g_strconcat(g_strdelimit(stem, "+", '/'), ".c", NULL);
}

/* Everything that one of gcov's answers has, of the file compiled as @name. */
static bool add_answer(struct coverage *c, const char *object, const char *name,
		       const char *json, GError **error)
{
	g_autoptr(JsonParser) parser = json_parser_new();
	JsonArray *files;

	if (!json_parser_load_from_data(parser, json, -1, error))
		return false;
	files = json_object_get_array_member(json_node_get_object(json_parser_get_root(parser)),
					     "files");
	for (guint i = 0; i < json_array_get_length(files) && c->tree == NULL; i++) {
		const char *path = json_object_get_string_member(
			json_array_get_object_element(files, i), "file");

		if (g_str_has_suffix(path, name) && strlen(path) > strlen(name))
			c->tree = g_strndup(path, strlen(path) - strlen(name) - 1);
	}
	for (guint i = 0; i < json_array_get_length(files); i++)
		if (!add_file(c, object, json_array_get_object_element(files, i), error))
			return false;
	return true;
}

/* Without counts gcov takes all lines of the notes for never run, as they are. */
static bool read_notes(struct coverage *c, const char *object, const char *dir,
		       const char *notes, GError **error)
{
	char *argv[] = { (char *)"gcov", (char *)"--json-format", (char *)"--stdout",
			 (char *)"--branch-counts", (char *)"--branch-probabilities",
			 (char *)"--object-directory", (char *)dir, NULL, NULL };
	g_autofree char *path = g_build_filename(dir, notes, NULL);
	g_autofree char *name = compiled_name(notes), *json = NULL;

	argv[G_N_ELEMENTS(argv) - 2] = path;
	if (!coverage_command(argv, &json, error))
		return false;
	g_hash_table_add(c->compiled, g_strdup(name));
	return add_answer(c, object, name, json, error);
}

static gint by_name(gconstpointer a, gconstpointer b)
{
	const struct covered_file *const *f = a, *const *g = b;

	return strcmp((*f)->name, (*g)->name);
}

struct coverage *coverage_read(const char *object, const char *dir, GError **error)
{
	struct coverage *c = g_new0(struct coverage, 1);
	g_autoptr(GDir) notes = g_dir_open(dir, 0, error);
	const char *name;
	bool ok = notes != NULL;

	c->files = g_ptr_array_new_with_free_func(file_free);
	c->compiled = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	while (ok && (name = g_dir_read_name(notes)) != NULL)
		if (g_str_has_suffix(name, NOTES_SUFFIX))
			ok = read_notes(c, object, dir, name, error);
	if (!ok) {
		coverage_free(c);
		return NULL;
	}
	g_ptr_array_sort(c->files, by_name);
	return c;
}

void coverage_free(struct coverage *c)
{
	g_ptr_array_unref(c->files);
	g_hash_table_unref(c->compiled);
	g_free(c->tree);
	g_free(c);
}

const struct covered_line *covered_line_at(const struct covered_file *file, guint number)
{
	for (guint i = 0; i < file->lines->len; i++) {
		const struct covered_line *line = &g_array_index(file->lines, struct covered_line,
								 i);

		if (line->number == number)
			return line;
	}
	return NULL;
}
