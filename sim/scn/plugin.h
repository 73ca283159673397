/* SPDX-License-Identifier: GPL-2.0-only */
/* Policies by name, and handlers: those of the library, and those from shared objects. */
#ifndef SIM_SCN_PLUGIN_H
#define SIM_SCN_PLUGIN_H

#include <glib.h>

#include "luosim.h"

/**
 * plugin_load() - load the policy that the shared object @path exports, once.
 * Return: FALSE and @error with one clear line when it is no such object.
 */
gboolean plugin_load(const char *path, GError **error);

/**
 * policy_apply() - policy_parse(), or the loaded policy whose path @text starts with,
 * with the values of axes that follow it. Its restore is one-shot unless they say.
 */
int policy_apply(const char *text, struct policy *policy, const char **bad);

/**
 * handler_load() - load the handler that the shared object @path exports, once.
 * @script: out: the handler; what it refers to stays.
 * Return: as plugin_load().
 */
gboolean handler_load(const char *path, struct handler_script *script, GError **error);

/**
 * handler_path() - a loaded handler's path, for "use" in a scenario in @folder; NULL: here.
 * One that was given as an absolute path stays that.
 */
char *handler_path(const struct handler_script *script, const char *folder);

#endif
