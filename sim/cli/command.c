/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command line as reports say it: as it would be in the directory that all scenarios
 * are in, so that the same scenarios give the same bytes from anywhere.
 */
#include <stdbool.h>
#include <string.h>

#include "cli/cmd.h"
#include "report/header.h"

#define PLAIN_CHARACTERS G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_=+,./:@%^"

static GStrv given;
static char *built_from, *guest;

const char *guest_program(void)
{
	return guest;
}

void command_remember(char **argv, const char *source, const char *guest_path)
{
	guest = g_strdup(guest_path);
	given = g_strdupv(argv);
	built_from = source != NULL ? g_canonicalize_filename(source, NULL) : NULL;
}

char *command_manual(void)
{
	g_autofree char *dir = g_get_current_dir(), *page = NULL;

	if (built_from == NULL)
		return g_strdup("luosim(1)");
	page = g_build_filename(built_from, "docs", "luosim.1", NULL);
	return g_strdup_printf("luosim(1): man -l %s",
			       strcmp(dir, built_from) == 0 ? "docs/luosim.1" : page);
}

/* Take from @root what @path is not in. */
static void common_root(GString *root, const char *path)
{
	gsize len;

	while (!g_str_has_prefix(path, root->str) ||
	       (path[root->len] != '/' && path[root->len] != '\0' && root->len > 1)) {
		len = strrchr(root->str, '/') - root->str;
		g_string_truncate(root, MAX(len, 1));
	}
}

char *scenario_root(char **files)
{
	g_autoptr(GString) root = NULL;

	for (guint i = 0; files[i] != NULL; i++) {
		g_autofree char *path = g_canonicalize_filename(files[i], NULL);
		g_autofree char *dir = g_path_get_dirname(path);
		const char *in = g_file_test(path, G_FILE_TEST_IS_DIR) ? path : dir;

		if (strcmp(files[i], "-") == 0)
			continue;
		if (root == NULL)
			root = g_string_new(in);
		common_root(root, in);
	}
	return root != NULL ? g_string_free(g_steal_pointer(&root), FALSE) : g_strdup("/");
}

char *path_below(const char *root, const char *file)
{
	g_autofree char *path = g_canonicalize_filename(file, NULL);
	const char *below = path + strlen(root);

	return g_strdup(*below == '\0' ? "." : below + (*below == '/'));
}

static void append_word(GString *line, const char *word)
{
	g_autofree char *quoted = g_shell_quote(word);
	bool plain = *word != '\0' && word[strspn(word, PLAIN_CHARACTERS)] == '\0';

	g_string_append_printf(line, " %s", plain ? word : quoted);
}

/* How many words a choice takes that changes no byte of a report; 0: it does change one. */
static guint idle_words(const char *word)
{
	if (g_str_equal(word, "-j") || g_str_equal(word, "--jobs"))
		return 2;
	return g_str_has_prefix(word, "--jobs=");
}

/* Which of the words @given are @files: the last that are equal, as values stand before them. */
static GArray *places_of_files(guint nr, char **files)
{
	GArray *places = g_array_new(FALSE, TRUE, sizeof(bool));
	guint left = g_strv_length(files);

	g_array_set_size(places, nr);
	for (guint i = nr; left > 0 && i-- > 1;) {
		g_array_index(places, bool, i) = g_str_equal(given[i], files[left - 1]);
		left -= g_array_index(places, bool, i);
	}
	return places;
}

/* Options in their order, then the files. */
static char *command_line(const char *root, char **files)
{
	g_autoptr(GString) line = g_string_new("luosim");
	guint nr = g_strv_length(given), idle;
	g_autoptr(GArray) is_file = places_of_files(nr, files);

	for (guint i = 1; i < nr; i++) {
		idle = idle_words(given[i]);
		if (idle > 0)
			i += idle - 1;
		else if (!g_array_index(is_file, bool, i) && !g_str_equal(given[i], "--"))
			append_word(line, given[i]);
	}
	for (guint i = 0; files[i] != NULL; i++) {
		g_autofree char *below = g_str_equal(files[i], "-") ? g_strdup("-") :
								      path_below(root, files[i]);
		g_autofree char *shown = g_filename_display_name(below);

		append_word(line, shown);
	}
	return g_strdup(line->str);
}

void header_init(struct header *h, char **files, const GPtrArray *scenarios)
{
	static char *none[] = { NULL };
	g_autofree char *root = NULL;

	files = files != NULL ? files : none;
	root = scenario_root(files);
	h->command = command_line(root, files);
	h->scenarios = scenarios;
}
