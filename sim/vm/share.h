/* SPDX-License-Identifier: GPL-2.0-only */
/* Programs that can run one after the other, in as few machines as they need. */
#ifndef SIM_VM_SHARE_H
#define SIM_VM_SHARE_H

#include "vm/ask.h"

/**
 * struct shared - a program among others.
 * @console: of it alone, if it reached its end after others or before them; else NULL.
 * @behind: the program that ran right before it, which may have left something, or NULL.
 */
struct shared {
	const struct program *program;
	char *console;
	const char *behind;
};

/**
 * share() - run those that can be, in @jobs machines at the same time.
 * @all: of struct shared, whose results are put there. What has none is to be run alone.
 */
void share(const struct vm *vm, GArray *all, guint jobs);

#endif
