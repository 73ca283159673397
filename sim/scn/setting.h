/* SPDX-License-Identifier: GPL-2.0-only */
/* Settings: what a kernel heading or the command line changes of a kernel. */
#ifndef SIM_SCN_SETTING_H
#define SIM_SCN_SETTING_H

#include "scn/lex.h"

/** settings_new() - an empty array of struct setting. */
GArray *settings_new(void);

/**
 * setting_parse() - read "NAME" or "NAME=VALUE" at the cursor into @list.
 * Return: false after a failure.
 */
bool setting_parse(struct lex *l, GArray *list);

/** settings_append() - copies of @more behind those of @list. */
void settings_append(GArray *list, const GArray *more);

/** setting_print() - append " NAME=VALUE". */
void setting_print(GString *out, const struct setting *s);

/** settings_print() - append each as " NAME=VALUE". */
void settings_print(GString *out, const GArray *list);

/** settings_apply() - change @boot; the memory of the first kernel goes to @mem. */
void settings_apply(const GArray *list, struct boot *boot, guint64 *mem);

#endif
