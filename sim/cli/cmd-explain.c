/* SPDX-License-Identifier: GPL-2.0-only */
/* luosim explain: why a scenario breaks, and what cures it. */
#include <stdio.h>

#include "cli/cmd.h"
#include "analysis/explain.h"
#include "report/header.h"

struct explain_args {
	struct overrides *overrides;
	char *format;
	gboolean header;
	struct header about;
	char **files;
};

static bool parse_options(struct explain_args *o, int argc, char **argv, GError **error)
{
	const GOptionEntry entries[] = {
		{ "format", 0, 0, G_OPTION_ARG_STRING, &o->format, "text or json", "FORMAT" },
		{ "header", 0, 0, G_OPTION_ARG_NONE, &o->header,
		  "In text, say first what it is of: version, command line, digests", NULL },
		{ G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &o->files, NULL, NULL },
		{ 0 },
	};

	return overrides_parse(o->overrides, entries, "FILE",
		"Tell why a scenario breaks: which steps led to it, and which fix, policy or\n"
		"release cures it.", NULL, argc, argv, error);
}

static int explain_one(const struct explain_args *o, const struct scenario *scn)
{
	struct explanation *x = explain(scn, o->overrides);
	g_autoptr(GString) header = g_string_new(NULL);
	bool json = g_strcmp0(o->format, "json") == 0;
	int status = EXIT_OK;

	if (x == NULL)
		return EXIT_UNUSABLE;
	if (o->header && !json) {
		header_print(header, &o->about, "");
		printf("%s\n", header->str);
	}
	if (json)
		explain_json(x, &o->about, stdout);
	else
		explain_text(x, stdout);
	if (!explanation_found(x))
		status = x->broken ? EXIT_FAILED : EXIT_SKIPPED;
	explanation_free(x);
	return status;
}

static int load_and_explain(struct explain_args *o, int argc, char **argv)
{
	static const char *const formats[] = { "text", "json", NULL };
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) scenarios = NULL;

	if (!parse_options(o, argc, argv, &error))
		return complain("%s", error->message);
	if (o->format != NULL && !g_strv_contains(formats, o->format))
		return complain("unknown --format, expected text or json");
	if (o->files == NULL || o->files[0] == NULL || o->files[1] != NULL)
		return complain("expected luosim explain FILE");
	scenarios = load_scenarios(o->files);
	if (scenarios == NULL)
		return EXIT_UNUSABLE;
	if (scenarios->len > 1)
		return complain("%s: %u scenarios, expected one file", o->files[0], scenarios->len);
	header_init(&o->about, o->files, scenarios);
	return finish_output(explain_one(o, scenarios->pdata[0]));
}

int explain_main(int argc, char **argv)
{
	struct explain_args o = { .overrides = overrides_new() };
	int status = load_and_explain(&o, argc, argv);

	overrides_free(o.overrides);
	g_free(o.format);
	g_free(o.about.command);
	g_strfreev(o.files);
	return status;
}
