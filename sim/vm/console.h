/* SPDX-License-Identifier: GPL-2.0-only */
/* What a virtual machine said on its serial console, as a recording. */
#ifndef SIM_VM_CONSOLE_H
#define SIM_VM_CONSOLE_H

#include "vm/program.h"

/* What luosim itself writes after a console's text, when it has ended the machine. */
#define CONSOLE_TIME_LIMIT	"luosim: time limit"

/* What luosim-guest writes when there is nothing left to do. */
#define CONSOLE_END		"luosim: end "

/* Code of an error that says what this kernel lacks. */
#define ASK_LACKS	1

/* What luosim-guest says then of a race. */
#define CONSOLE_LACKS	"fewer processors than tasks"

/**
 * console_part() - what program @i of several in one machine said, after what the kernel did
 * as it booted; NULL: the machine did not reach its end, or it is not there.
 */
char *console_part(const char *text, guint i);

/**
 * console_recording() - a recording, as a line of luosim-recording(5) without its end.
 * @program: that ran there.
 * Return: the line; or NULL with @error set, if the guest did not run it.
 */
char *console_recording(const struct program *program, const char *text, GError **error);

#endif
