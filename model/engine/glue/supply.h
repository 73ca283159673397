/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the glue defines a function of the kernel: under a name of its own in C, so that a
 * tree whose prototype differs in what does not matter here is no error, and under the
 * kernel's name for the linker.
 */
#ifndef LUOSIM_SUPPLY_H
#define LUOSIM_SUPPLY_H

#define SUPPLY(type, name, args)		\
	type luosim_##name args __asm__(#name);	\
	type luosim_##name args

/* What a tree's prototype may have more of at its end, which is handed on as it came. */
#define MORE	unsigned long more1, unsigned long more2, unsigned long more3
#define ON	more1, more2, more3

#endif
