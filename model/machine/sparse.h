/* SPDX-License-Identifier: GPL-2.0-only */
/* Copies of memory that is zero for the most part: only what is not zero is in them. */
#ifndef MODEL_MACHINE_SPARSE_H
#define MODEL_MACHINE_SPARSE_H

#include "lib/types.h"

/* The most that a copy of this many bytes, from a multiple of 8 on, can take. */
#define SPARSE_MAX(size)	((size) + (size) / 128 + 16)

/* Behind what was written, or read. */
char *sparse_save(char *to, const void *from, u64 size);
const char *sparse_restore(void *to, u64 size, const char *from);
/* Is the memory as in the copy? *@copy is moved after it. */
bool sparse_is_at(const void *mem, u64 size, const char **copy);

#endif
