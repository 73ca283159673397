/* SPDX-License-Identifier: GPL-2.0-only */
/* luosim build-kernel and bisect: hand over to the scripts that do it, which lie with theirs. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"

#ifndef PKGDATADIR
#define PKGDATADIR	"/usr/local/share/luosim"
#define PKGLIBEXECDIR	"/usr/local/libexec/luosim"
#define PKGLIBDIR	"/usr/local/lib/luosim"
#define SRCDIR		"."
#define BUILDDIR	"."
#endif

const char *source_folder(void)
{
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);

	return self != NULL && g_str_has_prefix(self, BUILDDIR "/") ? SRCDIR : NULL;
}

char *guest_path(void)
{
	return g_build_filename(source_folder() != NULL ? BUILDDIR : PKGLIBEXECDIR, "luosim-guest",
				NULL);
}

char *net_module(void)
{
	return source_folder() != NULL ?
		g_build_filename(BUILDDIR, ".libs", "luosim-mpi.so", NULL) :
		g_build_filename(PKGLIBDIR, "luosim-mpi.so", NULL);
}

char *engine_script(const char *name)
{
	const char *source = source_folder();

	/* The program that lies where it was built uses what it was built with. */
	return source != NULL ? g_build_filename(source, "model", "engine", name, NULL) :
				g_build_filename(PKGDATADIR, "engine", name, NULL);
}

/* With @words before what was given. */
static int run_script(const char *name, const char *const *words, int argc, char **argv)
{
	g_autofree char *script = engine_script(name);
	g_autoptr(GPtrArray) args = g_ptr_array_new();

	if (!g_file_test(script, G_FILE_TEST_IS_REGULAR))
		return complain("%s: not there, expected luosim as it was installed or built",
				script);
	g_ptr_array_add(args, "bash");
	g_ptr_array_add(args, script);
	for (; *words != NULL; words++)
		g_ptr_array_add(args, (char *)*words);
	for (int i = 1; i < argc; i++)
		g_ptr_array_add(args, argv[i]);
	g_ptr_array_add(args, NULL);
	execvp("bash", (char **)args->pdata);
	return complain("bash: %s, expected it to run %s", g_strerror(errno), script);
}

int build_kernel_main(int argc, char **argv)
{
	const char *words[] = { NULL };

	return run_script("build-kernel.sh", words, argc, argv);
}

int bisect_main(int argc, char **argv)
{
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
	const char *words[] = { self, "bisect", NULL };

	return run_script("git-kernel.sh", words, argc, argv);
}
