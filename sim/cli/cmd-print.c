/* SPDX-License-Identifier: GPL-2.0-only */
/* luosim print: scenarios as the printer writes them. */
#include <stdio.h>

#include "cli/cmd.h"
#include "scn/scn.h"

int print_main(int argc, char **argv)
{
	g_autoptr(GOptionContext) context = g_option_context_new("FILE...");
	g_autoptr(GPtrArray) all = NULL;
	g_autoptr(GError) error = NULL;

	g_option_context_set_summary(context, "Parse scenarios and print them in one form.");
	if (!g_option_context_parse(context, &argc, &argv, &error))
		return complain("%s", error->message);
	all = load_scenarios(argv + 1);
	if (all == NULL)
		return EXIT_UNUSABLE;
	for (guint i = 0; i < all->len; i++) {
		g_autoptr(GString) text = g_string_new(NULL);

		scenario_print(text, all->pdata[i]);
		fwrite(text->str, 1, text->len, stdout);
	}
	return finish_output(EXIT_OK);
}
