/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs programs that luosim emit --c has written, compiled, as init of virtual machines. */
#ifndef SIM_VM_EMITTED_H
#define SIM_VM_EMITTED_H

#include "vm/qemu.h"

enum emitted_result { EMITTED_OK, EMITTED_FAILED, EMITTED_SKIPPED };

/**
 * emitted_run() - boot a machine for the static program @path.
 * @ktap: what it said in all kernels is appended.
 * Return: EMITTED_OK, if each kernel's plan was followed to its end and each test is ok; and
 *	EMITTED_FAILED with @error set if there was no machine.
 */
enum emitted_result emitted_run(const struct vm *vm, const char *path, GString *ktap,
				GError **error);

/** emitted_count() - how many tests passed in @ktap, and in how many kernels. */
void emitted_count(const char *ktap, guint *tests, guint *kernels);

#endif
