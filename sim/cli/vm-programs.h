/* SPDX-License-Identifier: GPL-2.0-only */
/* luosim vm --programs: emitted programs on a real kernel. */
#ifndef SIM_CLI_VM_PROGRAMS_H
#define SIM_CLI_VM_PROGRAMS_H

#include "vm/qemu.h"

/** run_programs() - run each of @files in @jobs machines at the same time, and print. */
int run_programs(const struct vm *vm, char **files, guint jobs);

#endif
