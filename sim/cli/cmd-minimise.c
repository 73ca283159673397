/* SPDX-License-Identifier: GPL-2.0-only */
/* luosim minimise: the shortest scenario that shows what a scenario shows. */
#include <stdio.h>

#include "cli/cmd.h"
#include "analysis/minimise.h"
#include "run/overrides.h"

static int minimise_file(const struct overrides *overrides, const GPtrArray *scenarios)
{
	g_autofree char *text = minimise(scenarios->pdata[0], overrides);

	if (text == NULL) {
		fputs("luosim: no violation was found, expected a scenario that has one\n", stderr);
		return EXIT_SKIPPED;
	}
	fputs(text, stdout);
	return EXIT_OK;
}

static int parse_and_minimise(struct overrides *overrides, int argc, char **argv)
{
	g_auto(GStrv) files = NULL;
	const GOptionEntry entries[] = {
		{ G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &files, NULL, NULL },
		{ 0 },
	};
	g_autoptr(GPtrArray) scenarios = NULL;
	g_autoptr(GError) error = NULL;
	guint nr;

	if (!overrides_parse(overrides, entries, "FILE",
		"Drop, merge and lower what a scenario does not need to show the same kinds of\n"
		"violations, and print what is left.", NULL, argc, argv, &error))
		return complain("%s", error->message);
	nr = files != NULL ? g_strv_length(files) : 0;
	if (nr != 1)
		return complain("%u files, expected luosim minimise FILE", nr);
	scenarios = load_scenarios(files);
	if (scenarios == NULL)
		return EXIT_UNUSABLE;
	if (scenarios->len != 1)
		return complain("%u scenarios, expected one", scenarios->len);
	return finish_output(minimise_file(overrides, scenarios));
}

int minimise_main(int argc, char **argv)
{
	struct overrides *overrides = overrides_new();
	int status = parse_and_minimise(overrides, argc, argv);

	overrides_free(overrides);
	return status;
}
