/* SPDX-License-Identifier: GPL-2.0-only */
/* luosim emit: a scenario as a C program for a real kernel. */
#include <stdio.h>

#include "cli/cmd.h"
#include "emit/emit.h"

static int emit_file(const struct scenario *scn, enum frame frame)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *text = emit(scn, frame, &error);

	if (text == NULL) {
		fprintf(stderr, "%s\n", error->message);
		return EXIT_UNUSABLE;
	}
	fputs(text, stdout);
	return finish_output(EXIT_OK);
}

int emit_main(int argc, char **argv)
{
	g_autoptr(GOptionContext) context = g_option_context_new("FILE");
	gboolean c = FALSE, kselftest = FALSE;
	g_autoptr(GPtrArray) scenarios = NULL;
	g_autoptr(GError) error = NULL;
	const GOptionEntry entries[] = {
		{ "c", 0, 0, G_OPTION_ARG_NONE, &c, "a self-contained program", NULL },
		{ "kselftest", 0, 0, G_OPTION_ARG_NONE, &kselftest,
		  "one with the helpers of tools/testing/selftests/liveupdate", NULL },
		{ 0 },
	};

	g_option_context_add_main_entries(context, entries, NULL);
	g_option_context_set_summary(context,
		"Print a C program that takes the steps of a scenario on a real kernel, over as\n"
		"many kexecs as it has, and checks what the scenario expects of that release.");
	if (!g_option_context_parse(context, &argc, &argv, &error))
		return complain("%s", error->message);
	if (c == kselftest)
		return complain("expected one of --c and --kselftest");
	if (argc != 2)
		return complain("%d files, expected luosim emit --c FILE", argc - 1);
	scenarios = load_scenarios(argv + 1);
	if (scenarios == NULL)
		return EXIT_UNUSABLE;
	if (scenarios->len != 1)
		return complain("%u scenarios, expected one", scenarios->len);
	return emit_file(scenarios->pdata[0], c ? FRAME_C : FRAME_KSELFTEST);
}
