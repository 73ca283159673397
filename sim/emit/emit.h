/* SPDX-License-Identifier: GPL-2.0-only */
/* A scenario as a C program that reproduces it on a real kernel. */
#ifndef SIM_EMIT_EMIT_H
#define SIM_EMIT_EMIT_H

#include "scn/scn.h"

/* What stands around the steps. */
enum frame {
	FRAME_C,		/* self-contained */
	FRAME_KSELFTEST,	/* helpers of tools/testing/selftests/liveupdate */
};

/**
 * emit() - the program.
 * Return: its text; or NULL with @error set to "FILE:LINE:COL: what a real kernel cannot be
 *	told, expected what".
 */
char *emit(const struct scenario *scn, enum frame frame, GError **error);

#endif
