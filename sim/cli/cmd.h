/* SPDX-License-Identifier: GPL-2.0-only */
/* The subcommands. Each parses its own options and returns the exit status. */
#ifndef SIM_CLI_CMD_H
#define SIM_CLI_CMD_H

#include <glib.h>

struct scenario;

/* Exit statuses, the same for all subcommands. */
enum {
	EXIT_OK = 0,
	EXIT_FAILED = 1,	/* an expectation or invariant failed */
	EXIT_UNUSABLE = 2,	/* usage, or input that does not parse */
	EXIT_STOPPED = 3,	/* a search ended early, with nothing found */
	EXIT_SKIPPED = 4,	/* nothing could be run */
};

int run_main(int argc, char **argv);
int compare_main(int argc, char **argv);
int explain_main(int argc, char **argv);
int explore_main(int argc, char **argv);
int list_main(int argc, char **argv);
int minimise_main(int argc, char **argv);
int print_main(int argc, char **argv);

/** complain() - print "luosim: MESSAGE"; returns EXIT_UNUSABLE. */
int complain(const char *format, ...) G_GNUC_PRINTF(1, 2);

/**
 * load_scenarios() - load all files, and of a directory all *.scn in and below it,
 * sorted; or say on standard error what is wrong.
 * Return: an array of struct scenario *, or NULL.
 */
GPtrArray *load_scenarios(char **files);

/**
 * load_scenario() - load one file, "-" for standard input.
 * Return: the scenario, or NULL with @error set.
 */
struct scenario *load_scenario(const char *path, GError **error);

/** finish_output() - @status, unless standard output could not be written. */
int finish_output(int status);

#endif
