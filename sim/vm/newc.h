/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes initramfs archives, in the format that cpio(1) calls newc. Plain C, as luosim and
 * its guest share it: the guest makes the archive of the kernel that comes.
 */
#ifndef SIM_VM_NEWC_H
#define SIM_VM_NEWC_H

#include <stddef.h>
#include <stdio.h>

/**
 * newc_begin() - begin an entry, whose @size bytes the caller writes next.
 * @name: without a leading slash.
 * @mode: as of stat(2), with the file's type.
 */
void newc_begin(FILE *out, const char *name, unsigned int mode, size_t size);

/** newc_end() - that was all of the entry: @size as before. */
void newc_end(FILE *out, size_t size);

/** newc_close() - the entry after the last. */
void newc_close(FILE *out);

#endif
