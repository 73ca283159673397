/* SPDX-License-Identifier: GPL-2.0-only */
/* luosim: picks the subcommand. */
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/cmd-replay.h"
#include "report/version.h"
#include "scn/nearest.h"
#include "scn/scn.h"

static int version_main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("luosim %s\n", luosim_version);
	return finish_output(EXIT_OK);
}

static const struct command {
	const char *name;
	int (*main)(int argc, char **argv);
} commands[] = {
	{ "run", run_main },
	{ "bisect", bisect_main },
	{ "build-kernel", build_kernel_main },
	{ "compare", compare_main },
	{ "coverage", coverage_main },
	{ "emit", emit_main },
	{ "explain", explain_main },
	{ "explore", explore_main },
	{ "import", import_main },
	{ "list", list_main },
	{ "match", match_main },
	{ "minimise", minimise_main },
	{ "print", print_main },
	{ "prove", prove_main },
	{ "replay", replay_main },
	{ "show", show_main },
	{ "step", step_main },
	{ "vm", vm_main },
	{ "--version", version_main },
};

/* What --help calls it. */
static int command_main(const struct command *command, int argc, char **argv)
{
	g_autofree char *name = g_strconcat("luosim ", command->name, NULL);

	g_set_prgname(name);
	return command->main(argc, argv);
}

/* The command that @word, which names no file either, was meant to be; or NULL. */
static const char *meant(const char *word)
{
	struct nearest n;

	if (strpbrk(word, "./") != NULL || g_file_test(word, G_FILE_TEST_EXISTS))
		return NULL;
	if (strcmp(word, "help") == 0)
		return "--help";
	if (strcmp(word, "version") == 0)
		return "--version";
	nearest_init(&n, word);
	for (guint i = 0; i < G_N_ELEMENTS(commands); i++)
		nearest_try(&n, commands[i].name);
	return n.best;
}

/* "-j4", as make and others have it, which GOption does not read. */
static void detach_jobs(char **argv)
{
	for (; *argv != NULL && strcmp(*argv, "--") != 0; argv++) {
		g_autofree char *jobs = g_strconcat("--jobs=", *argv + strcspn(*argv, "0123456789"),
						    NULL);

		if (g_str_has_prefix(*argv, "-j") && g_ascii_isdigit((*argv)[2]))
			*argv = (char *)g_intern_string(jobs);
	}
}

int main(int argc, char **argv)
{
	g_autofree char *guest = guest_path();
	const char *command;

	detach_jobs(argv);
	command_remember(argv, source_folder(), guest);
	for (guint i = 0; argc > 1 && i < G_N_ELEMENTS(commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return command_main(&commands[i], argc - 1, argv + 1);
	command = argc > 1 && argv[1][0] != '-' ? meant(argv[1]) : NULL;
	if (command != NULL)
		return complain("no file or command '%s', expected perhaps '%s'", argv[1], command);
	g_set_prgname("luosim");
	return run_main(argc, argv);
}
