/* SPDX-License-Identifier: GPL-2.0-only */
/* Adding members to JSON objects. */
#ifndef SIM_REPORT_JSON_H
#define SIM_REPORT_JSON_H

#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdio.h>

void add_string(JsonBuilder *b, const char *name, const char *value);
void add_number(JsonBuilder *b, const char *name, gint64 value);
void add_bool(JsonBuilder *b, const char *name, bool value);
/** add_printable() - text of the kernel's, of which every byte is allowed. */
void add_printable(JsonBuilder *b, const char *name, const char *value);
/** add_hex() - 64 bits, which do not fit into the numbers that many readers have. */
void add_hex(JsonBuilder *b, const char *name, guint64 value);
/** add_kinds() - an array of the names of violation kinds. */
void add_kinds(JsonBuilder *b, const char *name, guint32 kinds);
/** add_array(), add_object() - to be ended with json_builder_end_...(). */
void add_array(JsonBuilder *b, const char *name);
void add_object(JsonBuilder *b, const char *name);

/** json_text() - what was built, without blanks. */
char *json_text(JsonBuilder *b);

/** json_page_text() - likewise, for an element of a page: nothing in it may end that. */
char *json_page_text(JsonBuilder *b);

/** write_json() - write what was built as one line. */
void write_json(FILE *out, JsonBuilder *b);

#endif
