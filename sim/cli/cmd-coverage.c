/* SPDX-License-Identifier: GPL-2.0-only */
/* luosim coverage: which lines and branches of a kernel tree a command has run. */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "coverage/coverage.h"
#include "scn/tree.h"

struct options {
	char *diff, *lcov, *data;
	const char *object;
	char **command;			/* what follows the object */
};

static bool parse_options(struct options *o, int *argc, char ***argv, GError **error)
{
	g_autoptr(GOptionContext) context =
		g_option_context_new("TREE.so [FILE... | [COMMAND] OPTION...]");
	const GOptionEntry entries[] = {
		{ "diff", 0, 0, G_OPTION_ARG_STRING, &o->diff,
		  "Only the lines that the tree has added since REV of its git", "REV" },
		{ "lcov", 0, 0, G_OPTION_ARG_FILENAME, &o->lcov,
		  "Write all counts to a file as lcov has them", "FILE" },
		{ "data", 0, 0, G_OPTION_ARG_FILENAME, &o->data,
		  "Add to the counts in this folder, and keep them", "DIR" },
		{ 0 },
	};

	g_option_context_add_main_entries(context, entries, NULL);
	/* All others are the command's. */
	g_option_context_set_ignore_unknown_options(context, TRUE);
	g_option_context_set_summary(context,
		"Run scenarios or a search on an object of luosim build-kernel --coverage, and\n"
		"print which lines and branches of the tree's files were not reached. COMMAND is\n"
		"one of run, explore, prove and replay.");
	return g_option_context_parse(context, argc, argv, error);
}

/* What is run: luosim, the command, the object where that command wants it, and the rest. */
static char **command_line(const struct options *o)
{
	static const char *const commands[] = { "run", "explore", "prove", "replay" };
	g_autoptr(GPtrArray) words = g_ptr_array_new();
	char **rest = o->command;
	const char *command = **rest == '-' ? "explore" : "run";

	for (guint i = 0; i < G_N_ELEMENTS(commands); i++)
		if (strcmp(*rest, commands[i]) == 0) {
			command = *rest++;
			break;
		}
	g_ptr_array_add(words, g_file_read_link("/proc/self/exe", NULL));
	g_ptr_array_add(words, g_strdup(command));
	if (strcmp(command, "prove") != 0)
		g_ptr_array_add(words, g_strdup("--kernel"));
	g_ptr_array_add(words, g_strdup(o->object));
	for (; *rest != NULL; rest++)
		g_ptr_array_add(words, g_strdup(*rest));
	g_ptr_array_add(words, NULL);
	return (char **)g_ptr_array_free(g_steal_pointer(&words), FALSE);
}

/* The counts are written when it ends; how it ends does not matter, unless it cannot begin. */
static int run_command(const struct options *o, const char *dir)
{
	g_auto(GStrv) argv = command_line(o), env = g_get_environ();
	g_autoptr(GError) error = NULL;
	int status;

	env = g_environ_setenv(env, "GCOV_PREFIX", dir, TRUE);
	/* Folders to take from the names of files: all. */
	env = g_environ_setenv(env, "GCOV_PREFIX_STRIP", "1000", TRUE);
	if (!g_spawn_sync(NULL, argv, env, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, NULL,
			  &status, &error))
		return complain("%s", error->message);
	if (!g_spawn_check_wait_status(status, &error) &&
	    (error->domain != G_SPAWN_EXIT_ERROR || error->code == EXIT_UNUSABLE))
		return error->domain == G_SPAWN_EXIT_ERROR ? EXIT_UNUSABLE :
							     complain("%s", error->message);
	return EXIT_OK;
}

static int print_all(const struct options *o, const char *dir)
{
	g_autoptr(GError) error = NULL;
	struct coverage *c = coverage_read(o->object, dir, &error);
	bool ok = c != NULL;

	if (ok && o->lcov != NULL)
		ok = coverage_write_lcov(c, o->lcov, &error);
	if (ok && o->diff != NULL)
		ok = coverage_print_patch(c, o->diff, &error);
	else if (ok)
		coverage_print(c);
	if (c != NULL)
		coverage_free(c);
	return ok ? finish_output(EXIT_OK) : complain("%s", error->message);
}

static int measure(const struct options *o, const char *dir)
{
	g_autoptr(GError) error = NULL;
	int status = EXIT_OK;

	if (!coverage_unpack(o->object, dir, &error))
		return complain("%s", error->message);
	if (*o->command != NULL)
		status = run_command(o, dir);
	return status == EXIT_OK ? print_all(o, dir) : status;
}

/* A folder that gcov's files are in, and nothing else. */
static void remove_folder(const char *path)
{
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name;

	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *file = g_build_filename(path, name, NULL);

		g_unlink(file);
	}
	g_rmdir(path);
}

static int measure_there(const struct options *o)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *dir = NULL;
	int status;

	if (o->data != NULL) {
		if (g_mkdir_with_parents(o->data, 0777) != 0)
			return complain("--data %s: %s, expected a folder", o->data,
					g_strerror(errno));
		dir = g_canonicalize_filename(o->data, NULL);
		return measure(o, dir);
	}
	if (*o->command == NULL)
		return complain("nothing to run and no --data, expected scenarios or a search");
	dir = g_dir_make_tmp("luosim-XXXXXX", &error);
	if (dir == NULL)
		return complain("%s", error->message);
	status = measure(o, dir);
	remove_folder(dir);
	return status;
}

int coverage_main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	struct options o = { 0 };
	int status;

	if (!parse_options(&o, &argc, &argv, &error))
		return complain("%s", error->message);
	if (argc < 2 || !tree_is_path(argv[1]))
		return complain("%s, expected luosim coverage ./TREE.so FILE...",
				argc < 2 ? "no object" : argv[1]);
	o.object = argv[1];
	o.command = argv + 2;
	status = measure_there(&o);
	g_free(o.diff);
	g_free(o.lcov);
	g_free(o.data);
	return status;
}
