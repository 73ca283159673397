/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs a program in a virtual machine, and reads its serial console. */
#ifndef SIM_VM_QEMU_H
#define SIM_VM_QEMU_H

#include "vm/program.h"

/**
 * struct vm - how virtual machines are made.
 * @qemu: the program, "qemu-system-x86_64".
 * @machine: as QEMU calls it, "pc", "microvm".
 * @accel: "kvm", "tcg"; NULL: the first of them that works.
 * @kernel: bzImage.
 * @guest: luosim-guest.
 * @seconds: that a machine may take, at most.
 * @append: more boot arguments, or NULL.
 * @emitted: a static program that is run in place of operations, or NULL.
 */
struct vm {
	const char *qemu, *machine, *accel, *kernel, *guest, *append, *emitted;
	guint seconds;
};

/* Without ACPI, but with the clocks by which a kernel under TCG measures time. */
#define MICROVM		"microvm,pit=on,pic=on,rtc=on,acpi=off"

/* All but the kernel and the guest. */
#define VM_DEFAULT	((struct vm){ .qemu = "qemu-system-x86_64", .machine = MICROVM, \
				.seconds = 60 })

/**
 * vm_check() - can machines be made?
 * Return: false with @error set to what is missing, and what was expected.
 */
bool vm_check(const struct vm *vm, GError **error);

/**
 * vm_run() - boot a machine, run @programs one after the other, and end it.
 * @programs: of const struct program *, of which several must share, see program_shares(),
 *	and have the same boot arguments and tasks.
 * Return: the console's text; or NULL with @error set, if there was no machine.
 */
char *vm_run(const struct vm *vm, const GPtrArray *programs, GError **error);

#endif
