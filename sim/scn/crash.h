/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who crashed, or does not return: foreign code that is called is named, with the step in
 * which it was.
 */
#ifndef SIM_SCN_CRASH_H
#define SIM_SCN_CRASH_H

#include <stdbool.h>

#include <glib.h>

/**
 * crash_init() - from here on, a crash while crash_watch() has a plugin, fork(), exit(), five
 * seconds of CPU time there in one step, or ten without any, ends the program with a line on
 * standard error and exit status 2. What was not written until then is lost. So does a crash
 * elsewhere, as foreign code may have written anywhere.
 */
void crash_init(void);

/**
 * crash_watch() - this thread goes into @function of the plugin @path; NULL: it is back.
 * @what: "policy" or "handler".
 */
void crash_watch(const char *what, const char *path, const char *function);

/** crash_accuse() - end in the same way, as @function of the plugin @path @did something. */
G_NORETURN void crash_accuse(const char *what, const char *path, const char *function,
			     const char *did);

/**
 * crash_step() - say what this thread does from here on.
 * @file: of the scenario; NULL in a search, which has no lines.
 * @call: of the step; NULL: none, as before the first and after the last.
 */
void crash_step(const char *file, guint line, const char *call);

#endif
