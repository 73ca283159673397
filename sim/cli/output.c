/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What all subcommands say alike: what is wrong, that output cannot be written, and
 * whether it is in colours.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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

static bool terminal_has_colours(void)
{
	const char *no_colour = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && (no_colour == NULL || *no_colour == '\0') &&
	       g_strcmp0(getenv("TERM"), "dumb") != 0;
}

const char *parse_colour(const char *when, bool *colour)
{
	if (when == NULL || g_str_equal(when, "auto"))
		*colour = terminal_has_colours();
	else if (g_str_equal(when, "always") || g_str_equal(when, "never"))
		*colour = g_str_equal(when, "always");
	else
		return "unknown --color, expected auto, always or never";
	return NULL;
}

int finish_output(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	return complain("cannot write: %s", g_strerror(errno));
}
