/* SPDX-License-Identifier: GPL-2.0-only */
/* Handlers that are shipped, and how plugin.c runs them. */
#ifndef MODEL_HANDLERS_SHIPPED_H
#define MODEL_HANDLERS_SHIPPED_H

#include "luosim.h"

struct machine;

/* As a kernel boots, whether or not it has the handler: its devices are there. */
void shipped_boot(struct machine *m, unsigned int i);
/* The kernel has it: register it. */
void shipped_init(struct machine *m, unsigned int i);

#endif
