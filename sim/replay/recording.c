/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads recordings of real kernels: JSON, one case a line. */
#include <json-glib/json-glib.h>
#include <string.h>

#include "luosim.h"
#include "replay/recording.h"

#define RECORDING_ERROR g_quark_from_static_string("luosim-recording")

/* The pool of huge pages of recordings that do not say, if they use hugetlb. */
#define NR_HUGEPAGES	4

static void recorded_op_clear(gpointer ptr)
{
	struct recorded_op *op = ptr;

	g_free(op->text);
	g_free(op->rc);
	g_free(op->data);
	g_ptr_array_unref(op->log);
}

void recording_free(struct recording *rec)
{
	g_free(rec->name);
	g_free(rec->kernel);
	g_free(rec->release);
	g_free(rec->row);
	g_free(rec->end);
	g_free(rec->panic);
	g_array_unref(rec->ops);
	g_ptr_array_unref(rec->boot_log);
	g_free(rec);
}

/* A member that is a string; "" when it is missing or something else. */
static const char *get_string(JsonObject *object, const char *name)
{
	JsonNode *node = json_object_get_member(object, name);

	if (!node || json_node_get_value_type(node) != G_TYPE_STRING)
		return "";
	return json_node_get_string(node);
}

static guint get_number(JsonObject *object, const char *name)
{
	JsonNode *node = json_object_get_member(object, name);

	if (!node || json_node_get_value_type(node) != G_TYPE_INT64)
		return 0;
	return CLAMP(json_node_get_int(node), 0, G_MAXUINT16);
}

static JsonArray *get_array(JsonObject *object, const char *name)
{
	JsonNode *node = json_object_get_member(object, name);

	return node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

/* Element @i of an array of objects, or NULL. */
static JsonObject *get_object(JsonArray *array, guint i)
{
	JsonNode *node = json_array_get_element(array, i);

	return JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static GPtrArray *get_lines(JsonObject *object, const char *name)
{
	GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);
	JsonArray *array = get_array(object, name);

	for (guint i = 0; array && i < json_array_get_length(array); i++) {
		JsonNode *node = json_array_get_element(array, i);

		if (json_node_get_value_type(node) == G_TYPE_STRING)
			g_ptr_array_add(lines, json_node_dup_string(node));
	}
	return lines;
}

static gboolean read_ops(struct recording *rec, JsonArray *ops)
{
	for (guint i = 0; i < json_array_get_length(ops); i++) {
		JsonObject *object = get_object(ops, i);
		struct recorded_op op;

		if (!object)
			return FALSE;
		op = (struct recorded_op){
			.stage = get_number(object, "stage"),
			.line = get_number(object, "line"),
			.text = g_strdup(get_string(object, "op")),
			.rc = g_strdup(get_string(object, "rc")),
			.data = g_strdup(get_string(object, "data")),
			.log = get_lines(object, "kernel_log"),
		};
		g_array_append_val(rec->ops, op);
		if (!*op.text || !*op.rc || !op.stage)
			return FALSE;
	}
	return TRUE;
}

/* "kho=off liveupdate=off" */
static void read_boot_args(struct recording *rec, const char *args)
{
	if (strstr(args, "kho=off"))
		rec->kho = FALSE;
	if (strstr(args, "liveupdate=off"))
		rec->liveupdate = FALSE;
}

/* The settings of the case's own text, where it lies next to the recording. */
static void read_case(struct recording *rec, const char *path)
{
	g_autofree char *dir = g_path_get_dirname(path);
	g_autofree char *base = g_path_get_basename(rec->name);
	g_autofree char *name = g_strconcat(base, ".case", NULL);
	g_autofree char *file = g_build_filename(dir, "cases", name, NULL);
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	if (!g_file_get_contents(file, &text, NULL, NULL))
		return;
	lines = g_strsplit(text, "\n", -1);
	for (guint i = 0; lines[i]; i++)
		if (g_str_has_prefix(lines[i], "#! append "))
			read_boot_args(rec, lines[i]);
}

/*
 * A kernel that panics while it boots answers nothing: a recording has what it said with
 * the kexec that led to it. It belongs to the boot.
 */
static void split_boot(struct recording *rec)
{
	for (guint i = 0; i < rec->ops->len; i++) {
		struct recorded_op *op = &g_array_index(rec->ops, struct recorded_op, i);
		GPtrArray *boot;
		guint mark = 0;

		while (mark < op->log->len &&
		       !g_str_equal(op->log->pdata[mark], "next kernel boots"))
			mark++;
		if (mark == op->log->len || op->stage != rec->boot_log->len)
			continue;
		boot = g_ptr_array_new_with_free_func(g_free);
		for (guint line = mark + 1; line < op->log->len; line++)
			g_ptr_array_add(boot, g_strdup(op->log->pdata[line]));
		g_ptr_array_set_size(op->log, mark);
		g_ptr_array_add(rec->boot_log, boot);
	}
}

/* "7.1.3" of "7.1.3-amd64", "7.1.0" of "7.1"; of a release candidate nothing. */
static char *plain_release(const char *release)
{
	gsize len = strspn(release, "0123456789.");
	g_autofree char *number = g_strndup(release, len);

	if (g_str_has_prefix(release + len, "-rc"))
		return g_strdup("");
	if (release_is_series(number))
		return g_strconcat(number, ".0", NULL);
	return g_steal_pointer(&number);
}

/* That of the exact release, if a row stands for it; else the kernel. */
static char *row_of(const struct recording *rec)
{
	const struct release *row = release_find(rec->release);

	if (!row || !release_covers(row, rec->release))
		row = release_find(rec->kernel);
	return g_strdup(row ? row->name : rec->kernel);
}

static gboolean uses_hugetlb(const struct recording *rec)
{
	for (guint i = 0; i < rec->ops->len; i++) {
		const char *op = g_array_index(rec->ops, struct recorded_op, i).text;

		if (g_str_has_prefix(op, "memfd ") && strstr(op, "hugetlb"))
			return TRUE;
	}
	return FALSE;
}

static struct recording *read_recording(JsonObject *object, const char *path)
{
	struct recording *rec = g_new0(struct recording, 1);
	JsonArray *ops = get_array(object, "ops"), *stages = get_array(object, "stages");

	rec->name = g_strdup(get_string(object, "case"));
	rec->kernel = g_strdup(get_string(object, "kernel"));
	rec->release = plain_release(get_string(object, "release"));
	rec->row = row_of(rec);
	rec->end = g_strdup(get_string(object, "end"));
	rec->panic = g_strdup(get_string(object, "panic"));
	rec->panic_on_warn = json_object_has_member(object, "panic_on_warn") &&
		json_object_get_boolean_member(object, "panic_on_warn");
	rec->kho = rec->liveupdate = TRUE;
	rec->ops = g_array_new(FALSE, FALSE, sizeof(struct recorded_op));
	g_array_set_clear_func(rec->ops, recorded_op_clear);
	rec->boot_log = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
	for (guint i = 0; stages && i < json_array_get_length(stages); i++) {
		JsonObject *stage = get_object(stages, i);

		if (stage)
			g_ptr_array_add(rec->boot_log, get_lines(stage, "boot_log"));
	}
	if (!*rec->name || !*rec->kernel || !ops || !read_ops(rec, ops)) {
		recording_free(rec);
		return NULL;
	}
	split_boot(rec);
	rec->hugepages = json_object_has_member(object, "hugepages") ?
		get_number(object, "hugepages") : uses_hugetlb(rec) ? NR_HUGEPAGES : 0;
	if (path)
		read_case(rec, path);
	read_boot_args(rec, get_string(object, "append"));
	return rec;
}

/* @path: next to which cases may lie, or NULL. */
static struct recording *parse_line(const char *name, guint line, const char *path,
				    const char *text, GError **error)
{
	g_autoptr(JsonParser) parser = json_parser_new_immutable();
	struct recording *rec;
	JsonNode *root;

	if (!json_parser_load_from_data(parser, text, -1, NULL)) {
		g_set_error(error, RECORDING_ERROR, 0, "%s:%u: not JSON, expected one recording",
			    name, line);
		return NULL;
	}
	root = json_parser_get_root(parser);
	rec = root && JSON_NODE_HOLDS_OBJECT(root) ?
		read_recording(json_node_get_object(root), path) : NULL;
	if (!rec)
		g_set_error(error, RECORDING_ERROR, 0, "%s:%u: not a recording, expected \"case\", "
			    "\"kernel\" and \"ops\" with \"op\", \"rc\" and \"stage\"", name, line);
	return rec;
}

struct recording *recording_parse(const char *line, GError **error)
{
	return parse_line("recording", 1, NULL, line, error);
}

GPtrArray *recordings_load(const char *path, GError **error)
{
	g_autoptr(GPtrArray) recordings =
		g_ptr_array_new_with_free_func((GDestroyNotify)recording_free);
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	if (!g_file_get_contents(path, &text, NULL, error))
		return NULL;
	lines = g_strsplit(text, "\n", -1);
	for (guint i = 0; lines[i]; i++) {
		struct recording *rec = *lines[i] ?
			parse_line(path, i + 1, path, lines[i], error) : NULL;

		if (*lines[i] && !rec)
			return NULL;
		if (rec)
			g_ptr_array_add(recordings, rec);
	}
	return g_steal_pointer(&recordings);
}
