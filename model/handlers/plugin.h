/* SPDX-License-Identifier: GPL-2.0-only */
/* Handlers that are loaded from shared objects, see plugin.c. */
#ifndef MODEL_HANDLERS_PLUGIN_H
#define MODEL_HANDLERS_PLUGIN_H

#include "handlers/handlers.h"

/* Load and unload the module of script @i, which has a plugin: what its init() said. */
int plugin_init(struct machine *m, unsigned int i);
void plugin_exit(struct machine *m, struct scripted *s);
/* A new file of its own kind, or an ERR_PTR(). */
struct file *plugin_open(struct machine *m, struct scripted *s);
/* Where field @name is in what the plugin of @fh hands over: false if it has none. */
bool plugin_field(const struct liveupdate_file_handler *fh, const char *name, u32 *offset,
		  u32 *bits);

#endif
