/* SPDX-License-Identifier: GPL-2.0-only */
/* Adding members to JSON objects. */
#include "report/json.h"
#include "report/trace.h"

void add_string(JsonBuilder *b, const char *name, const char *value)
{
	json_builder_set_member_name(b, name);
	json_builder_add_string_value(b, value);
}

void add_number(JsonBuilder *b, const char *name, gint64 value)
{
	json_builder_set_member_name(b, name);
	json_builder_add_int_value(b, value);
}

void add_bool(JsonBuilder *b, const char *name, bool value)
{
	json_builder_set_member_name(b, name);
	json_builder_add_boolean_value(b, value);
}

void add_printable(JsonBuilder *b, const char *name, const char *value)
{
	g_autoptr(GString) printable = g_string_new(NULL);

	append_printable(printable, value);
	add_string(b, name, printable->str);
}

void add_hex(JsonBuilder *b, const char *name, guint64 value)
{
	g_autofree char *hex = g_strdup_printf("0x%" G_GINT64_MODIFIER "x", value);

	add_string(b, name, hex);
}

void add_kinds(JsonBuilder *b, const char *name, guint32 kinds)
{
	add_array(b, name);
	for (int kind = 0; kind < NR_VIOLATION_KINDS; kind++)
		if (kinds & 1u << kind)
			json_builder_add_string_value(b, violation_name(kind));
	json_builder_end_array(b);
}

void add_array(JsonBuilder *b, const char *name)
{
	json_builder_set_member_name(b, name);
	json_builder_begin_array(b);
}

void add_object(JsonBuilder *b, const char *name)
{
	json_builder_set_member_name(b, name);
	json_builder_begin_object(b);
}

char *json_text(JsonBuilder *b)
{
	g_autoptr(JsonNode) root = json_builder_get_root(b);
	g_autoptr(JsonGenerator) generator = json_generator_new();

	json_generator_set_root(generator, root);
	return json_generator_to_data(generator, NULL);
}

char *json_page_text(JsonBuilder *b)
{
	g_autofree char *json = json_text(b);
	/* "<" is in strings only. */
	g_auto(GStrv) parts = g_strsplit(json, "<", -1);

	return g_strjoinv("\\u003c", parts);
}

void write_json(FILE *out, JsonBuilder *b)
{
	g_autofree char *line = json_text(b);

	fprintf(out, "%s\n", line);
}
