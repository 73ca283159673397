/* SPDX-License-Identifier: GPL-2.0-only */
/* luosim: picks the subcommand. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "replay.h"
#include "scn.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

static int version_main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("luosim %s\n", PACKAGE_VERSION);
	return finish_output(EXIT_OK);
}

static const struct command {
	const char *name;
	int (*main)(int argc, char **argv);
} commands[] = {
	{ "run", run_main },
	{ "list", list_main },
	{ "print", print_main },
	{ "replay", replay_main },
	{ "--version", version_main },
};

int complain(const char *format, ...)
{
	g_autofree char *message = NULL;
	va_list ap;

	va_start(ap, format);
	message = g_strdup_vprintf(format, ap);
	va_end(ap);
	g_strdelimit(message, "\r\n", ' ');
	fprintf(stderr, "luosim: %s\n", message);
	return EXIT_UNUSABLE;
}

GPtrArray *load_scenarios(char **files)
{
	g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func((GDestroyNotify)scenario_free);
	bool ok = true;

	if (files == NULL || files[0] == NULL) {
		complain("no file given, expected luosim FILE...");
		return NULL;
	}
	for (guint i = 0; files[i] != NULL; i++) {
		g_autoptr(GError) error = NULL;
		struct scenario *scn = scenario_load(files[i], &error);

		if (scn != NULL)
			g_ptr_array_add(all, scn);
		else
			fprintf(stderr, "%s\n", error->message);
		ok = ok && scn != NULL;
	}
	return ok ? g_steal_pointer(&all) : NULL;
}

int finish_output(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	return complain("cannot write: %s", g_strerror(errno));
}

int main(int argc, char **argv)
{
	g_set_prgname("luosim");
	for (guint i = 0; argc > 1 && i < G_N_ELEMENTS(commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].main(argc - 1, argv + 1);
	return run_main(argc, argv);
}
