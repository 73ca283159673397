/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A libFuzzer target: whatever the parser takes, the printer writes so that the
 * parser takes it again and the printer writes the same; whatever it refuses
 * gets one line that says where and why.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "scn/scn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds, const char *what)
{
	if (holds)
		return;
	g_printerr("%s\n", what);
	abort();
}

/* The scenario at @text as the printer writes it; NULL when it does not parse. */
static GString *reprint(const char *text, gsize len)
{
	g_autoptr(GError) error = NULL;
	struct scenario *scn = scenario_parse("f", text, len, &error);
	GString *out;

	check((scn != NULL) == (error == NULL), "neither a scenario nor an error, or both");
	if (scn == NULL) {
		check(strchr(error->message, '\n') == NULL, "an error of several lines");
		check(g_str_has_prefix(error->message, "f:"), "an error without a place");
		check(strstr(error->message, ", expected ") != NULL, "an error without advice");
		return NULL;
	}
	out = g_string_new(NULL);
	scenario_print(out, scn);
	scenario_free(scn);
	return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	GString *once = reprint(size > 0 ? (const char *)data : "", size);
	GString *twice;

	if (once == NULL)
		return 0;
	twice = reprint(once->str, once->len);
	check(twice != NULL, "what the printer wrote does not parse");
	check(g_string_equal(once, twice), "what the printer wrote is printed otherwise");
	g_string_free(once, TRUE);
	g_string_free(twice, TRUE);
	return 0;
}
