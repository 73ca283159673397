/* SPDX-License-Identifier: GPL-2.0-only */
/* luosim import: what strace saw, as a scenario. */
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "import/strace.h"
#include "scn/scn.h"
#include "scn/select.h"

/* Of a longer log the end is not read. */
#define MAX_STRACE_BYTES	(256u << 20)

static bool import_file(GString *out, const char *path, guint *kernel)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GString) text = read_text(path, MAX_STRACE_BYTES, &error);

	if (text == NULL) {
		complain("%s", error->message);
		return false;
	}
	if (import_strace(out, text->str, kernel) == 0) {
		complain("%s: no system call in it, expected what strace has written", path);
		return false;
	}
	return true;
}

static void head(GString *out, char **files, const char *release)
{
	g_string_append(out, "scenario imported\n");
	for (guint i = 0; files[i] != NULL; i++) {
		g_autofree char *base = g_path_get_basename(files[i]);
		g_autofree char *shown = g_filename_display_name(base);
		g_autofree char *plain = g_strdelimit(g_strdup(shown), "\n\r\t", ' ');

		g_string_append_printf(out, "source   strace %s\n", plain);
	}
	g_string_append_printf(out, "\nkernel 1%s%s\n", release != NULL ? " " : "",
			       release != NULL ? release : "");
}

int import_main(int argc, char **argv)
{
	g_autoptr(GOptionContext) context = g_option_context_new("FILE...|-");
	g_autofree char *release = NULL;
	g_autoptr(GString) out = g_string_new(NULL);
	g_autoptr(GError) error = NULL;
	struct scenario *scn;
	guint kernel = 1;
	const GOptionEntry entries[] = {
		{ "kernel", 0, 0, G_OPTION_ARG_STRING, &release, "the release that ran",
		  "RELEASE" },
		{ 0 },
	};

	g_option_context_add_main_entries(context, entries, NULL);
	g_option_context_set_summary(context,
		"Print the scenario of a program that strace has seen; of several files, each is\n"
		"of the next kernel. What a scenario cannot say is a comment.");
	if (!g_option_context_parse(context, &argc, &argv, &error))
		return complain("%s", error->message);
	if (argc < 2)
		return complain("no file given, expected luosim import FILE");
	if (release != NULL && release_find(release) == NULL)
		return complain("unknown release '%s', expected one of luosim list releases",
				release);
	head(out, argv + 1, release);
	for (int i = 1; i < argc; i++) {
		if (i > 1 && kernel < (guint)i)
			g_string_append_printf(out, "  kexec() = 0\n\nkernel %u\n", ++kernel);
		if (!import_file(out, argv[i], &kernel))
			return EXIT_UNUSABLE;
	}
	g_string_append(out, "\nexpect any\n");
	if (out->len > MAX_FILE_BYTES)
		return complain("the scenario has %zu bytes, expected at most %u; with a smaller "
				"-s, strace cuts strings off, and their calls are comments",
				out->len, MAX_FILE_BYTES);
	/* What is printed can be read. */
	scn = scenario_parse("<imported>", out->str, out->len, &error);
	if (scn == NULL)
		return complain("%s", error->message);
	scenario_free(scn);
	fputs(out->str, stdout);
	return finish_output(EXIT_OK);
}
