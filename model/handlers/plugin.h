/* SPDX-License-Identifier: GPL-2.0-only */
/* Handlers that are loaded from shared objects, see plugin.c. */
#ifndef MODEL_HANDLERS_PLUGIN_H
#define MODEL_HANDLERS_PLUGIN_H

#include "handlers/handlers.h"

/* What plugins of the kernel before had here is no more. */
void plugins_boot(struct machine *m);
/* Load and unload the module of script @i, which has a plugin: what its init() said. */
int plugin_init(struct machine *m, unsigned int i);
void plugin_exit(struct machine *m, struct scripted *s);
/* Nodes outlive the files that are opened by them; for handlers_walk(). */
void plugin_walk_nodes(struct machine_walk *w, const struct machine *m);
/* A new file of its own kind, or an ERR_PTR(). */
struct file *plugin_open(struct machine *m, struct scripted *s);
/* Where field @name is in what the plugin of @fh hands over: false if it has none. */
bool plugin_field(const struct liveupdate_file_handler *fh, const char *name, u32 *offset,
		  u32 *bits);

#endif
