/* SPDX-License-Identifier: GPL-2.0-only */
/* What all subcommands say alike: what is wrong, and that output cannot be written. */
#include <errno.h>
#include <stdio.h>

#include "cli/cmd.h"

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

int finish_output(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	return complain("cannot write: %s", g_strerror(errno));
}
