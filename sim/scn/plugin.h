/* SPDX-License-Identifier: GPL-2.0-only */
/* Policies by name: those of the library, and those loaded from shared objects. */
#ifndef SIM_SCN_PLUGIN_H
#define SIM_SCN_PLUGIN_H

#include <glib.h>

#include "luosim.h"

/**
 * plugin_load() - load the policy that the shared object @path exports, once.
 * Only the command line may ask for one: a scenario never runs foreign code.
 * Return: FALSE and @error with one clear line when it is no such object.
 */
gboolean plugin_load(const char *path, GError **error);

/**
 * policy_apply() - policy_parse(), or the loaded policy whose path @text starts with,
 * with the values of axes that follow it. Its restore is one-shot unless they say.
 */
int policy_apply(const char *text, struct policy *policy, const char **bad);

#endif
