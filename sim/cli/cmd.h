/* SPDX-License-Identifier: GPL-2.0-only */
/* The subcommands. Each parses its own options and returns the exit status. */
#ifndef SIM_CLI_CMD_H
#define SIM_CLI_CMD_H

#include <glib.h>
#include <stdbool.h>

#include "explore/net.h"

struct header;
struct scenario;

/* Exit statuses, the same for all subcommands. */
enum {
	EXIT_OK = 0,
	EXIT_FAILED = 1,	/* an expectation or invariant failed */
	EXIT_UNUSABLE = 2,	/* usage, or input that does not parse */
	EXIT_STOPPED = 3,	/* a search ended early, with nothing found */
	EXIT_SKIPPED = 4,	/* nothing could be run */
	EXIT_UNEQUAL = 5,	/* a search took two states for one that are not alike */
};

int run_main(int argc, char **argv);
int bisect_main(int argc, char **argv);
int build_kernel_main(int argc, char **argv);
int compare_main(int argc, char **argv);
int coverage_main(int argc, char **argv);
int emit_main(int argc, char **argv);
int explain_main(int argc, char **argv);
int explore_main(int argc, char **argv);
int import_main(int argc, char **argv);
int list_main(int argc, char **argv);
int match_main(int argc, char **argv);
int minimise_main(int argc, char **argv);
int print_main(int argc, char **argv);
int prove_main(int argc, char **argv);
int show_main(int argc, char **argv);
int step_main(int argc, char **argv);
int vm_main(int argc, char **argv);

/** complain() - print "luosim: MESSAGE"; returns EXIT_UNUSABLE. */
int complain(const char *format, ...) G_GNUC_PRINTF(1, 2);

/**
 * load_scenarios() - load all files, and of a directory all *.scn in and below it,
 * sorted; or say on standard error what is wrong.
 * Return: an array of struct scenario *, or NULL.
 */
GPtrArray *load_scenarios(char **files);

/* A file that is no scenario; @path as in struct scenario. */
struct unreadable {
	char *path, *message;
};

/**
 * load_some() - likewise.
 * @only: patterns of names, of which one has to match; or NULL.
 * @unreadable: out, of struct unreadable *: with them, the others are loaded; NULL:
 *	with one, none is.
 */
GPtrArray *load_some(char **files, char **only, GPtrArray *unreadable);

/** unreadable_new() - an empty array for that. */
GPtrArray *unreadable_new(void);

/**
 * load_scenario() - load one file, "-" for standard input.
 * Return: the scenario, or NULL with @error set.
 */
struct scenario *load_scenario(const char *path, GError **error);

/**
 * read_text() - up to @max bytes of a file of text, "-" for standard input.
 * It may be compressed by gzip, in UTF-16, and without newlines; NUL bytes become blanks.
 * Return: the text, or NULL with @error set.
 */
GString *read_text(const char *path, gsize max, GError **error);

/**
 * command_remember() - the command line that header_init() tells.
 * @source: source_folder().
 * @guest_path: guest_path().
 */
void command_remember(char **argv, const char *source, const char *guest_path);

/** command_manual() - how to read the manual page: "luosim(1)", where it is installed. */
char *command_manual(void);

/** source_folder() - of the program, where it lies where it was built; NULL: it does not. */
const char *source_folder(void);

/** engine_script() - where the script @name of model/engine is. */
char *engine_script(const char *name);

/** net_rank() - which of several processes this is, if mpirun has started them; or NULL. */
const char *net_rank(void);

/** net_load() - the others; NULL and @error if they cannot be had. */
struct net *net_load(GError **error);

/** net_module() - where the module is by which processes search together, or would be. */
char *net_module(void);

/** guest_path() - where luosim-guest is, or would be. */
char *guest_path(void);

/** guest_program() - that, as command_remember() was told it. */
const char *guest_program(void);

/** scenario_root() - the directory that all @files are in. */
char *scenario_root(char **files);

/** path_below() - @file as seen from @root, which it is in; "." for that itself. */
char *path_below(const char *root, const char *file);

/**
 * header_init() - what a report on @scenarios is of, which @files name.
 * @files: or of another kind; NULL: none.
 * @scenarios: NULL: only the command line is told.
 */
void header_init(struct header *h, char **files, const GPtrArray *scenarios);

/**
 * parse_colour() - shall text have colours?
 * @when: the value of --color, or NULL.
 * Return: what is wrong with it, or NULL.
 */
const char *parse_colour(const char *when, bool *colour);

/** finish_output() - @status, unless standard output could not be written. */
int finish_output(int status);

#endif
