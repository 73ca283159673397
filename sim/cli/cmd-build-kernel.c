/* SPDX-License-Identifier: GPL-2.0-only */
/* luosim build-kernel: hands over to the script that does it, which lies with its sources. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"

#ifndef PKGDATADIR
#define PKGDATADIR	"/usr/local/share/luosim"
#define PKGLIBEXECDIR	"/usr/local/libexec/luosim"
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

int build_kernel_main(int argc, char **argv)
{
	const char *source = source_folder();
	/* The program that lies where it was built uses what it was built with. */
	g_autofree char *script = source != NULL ?
		g_build_filename(source, "model", "engine", "build-kernel.sh", NULL) :
		g_build_filename(PKGDATADIR, "engine", "build-kernel.sh", NULL);
	g_autoptr(GPtrArray) args = g_ptr_array_new();

	if (!g_file_test(script, G_FILE_TEST_IS_REGULAR))
		return complain("%s: not there, expected luosim as it was installed or built",
				script);
	g_ptr_array_add(args, "bash");
	g_ptr_array_add(args, script);
	for (int i = 1; i < argc; i++)
		g_ptr_array_add(args, argv[i]);
	g_ptr_array_add(args, NULL);
	execvp("bash", (char **)args->pdata);
	return complain("bash: %s, expected it to run %s", g_strerror(errno), script);
}
