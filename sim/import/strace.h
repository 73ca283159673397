/* SPDX-License-Identifier: GPL-2.0-only */
/* What strace(1) saw of a program that uses live update, as a scenario. */
#ifndef SIM_IMPORT_STRACE_H
#define SIM_IMPORT_STRACE_H

#include <glib.h>

/**
 * import_strace() - one kernel's calls.
 * @out: to append steps and comments to.
 * @text: what strace printed.
 * @kernel: its number; in and out: it rises with each reboot.
 *
 * Return: how many calls there were, of any kind.
 */
guint import_strace(GString *out, const char *text, guint *kernel);

#endif
