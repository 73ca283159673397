/* SPDX-License-Identifier: GPL-2.0-only */
/* Modules (kernel/module/main.c), as far as they own file handlers and FLBs. */
#ifndef MODEL_KERNEL_MODULE_H
#define MODEL_KERNEL_MODULE_H

#include "lib/types.h"

struct machine;

struct module {
	const char *name;
	s64 refcnt;
	bool going;		/* its exit function runs */
	bool gone;		/* its memory is free */
};

/* NULL is the kernel itself, which has no count. False when the module is going. */
bool try_module_get(struct machine *m, struct module *module);
void module_put(struct machine *m, struct module *module);
/* What the module owns is about to be used: it had better be there. */
void module_used(struct machine *m, const struct module *module);

#endif
