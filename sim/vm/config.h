/* SPDX-License-Identifier: GPL-2.0-only */
/* What a kernel must be configured with to be told a scenario. */
#ifndef SIM_VM_CONFIG_H
#define SIM_VM_CONFIG_H

#include <glib.h>
#include <stdbool.h>

/** config_print() - append a fragment, as scripts/kconfig/merge_config.sh takes it. */
void config_print(GString *out);

/**
 * config_check() - append what @text, a .config, lacks of it, one line each.
 * Return: false, if without that no scenario can be run.
 */
bool config_check(const char *text, GString *out);

#endif
