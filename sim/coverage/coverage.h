/* SPDX-License-Identifier: GPL-2.0-only */
/* Which lines and branches of a kernel tree's files were run: what gcov has counted. */
#ifndef SIM_COVERAGE_COVERAGE_H
#define SIM_COVERAGE_COVERAGE_H

#include <glib.h>
#include <stdbool.h>

/**
 * struct covered_line - a line that has code.
 * @number: counted from 1.
 * @count: how often it was run.
 * @branches: of guint64: how often each way from there was taken; NULL: there is one.
 * @function: whose it is.
 */
struct covered_line {
	guint number;
	guint64 count;
	GArray *branches;
	char *function;
};

/**
 * struct covered_file - a file of the tree.
 * @name: below the tree, "kernel/liveupdate/luo_file.c".
 * @lines: of struct covered_line, by number.
 */
struct covered_file {
	char *name;
	GArray *lines;
};

/**
 * struct coverage - what was counted.
 * @tree: the folder of the tree.
 * @files: of struct covered_file *, by name; headers with code among them.
 * @compiled: names of those that were compiled themselves, as a set.
 */
struct coverage {
	char *tree;
	GPtrArray *files;
	GHashTable *compiled;
};

/**
 * coverage_unpack() - put what the object at @object has of gcov's notes into @dir.
 * Return: false with @error set: it has none.
 */
bool coverage_unpack(const char *object, const char *dir, GError **error);

/**
 * coverage_read() - what gcov says of the counts in @dir, where the notes are, too.
 * @object: what was run. A file that was changed after it was built is an error.
 * Return: the counts, or NULL with @error set.
 */
struct coverage *coverage_read(const char *object, const char *dir, GError **error);

void coverage_free(struct coverage *c);

/** covered_line_at() - the line @number of @file, or NULL: it has no code. */
const struct covered_line *covered_line_at(const struct covered_file *file, guint number);

/** coverage_command() - run @argv, its output to @out if that is not NULL. */
bool coverage_command(char **argv, char **out, GError **error);

/* print.c: as text on standard output, and as a file that lcov(1) reads. */

/** coverage_print() - how much was run of each file, and then what was not. */
void coverage_print(const struct coverage *c);

/**
 * coverage_print_patch() - the same of the lines that the tree has added since @revision.
 * Return: false with @error set: git does not know it.
 */
bool coverage_print_patch(const struct coverage *c, const char *revision, GError **error);

/** coverage_write_lcov() - a trace file at @path, of the files that were compiled. */
bool coverage_write_lcov(const struct coverage *c, const char *path, GError **error);

#endif
