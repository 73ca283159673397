/* SPDX-License-Identifier: GPL-2.0-only */
/* What linux/kexec.h asks of an architecture; ARCH=um has no kexec. */
#ifndef LUOSIM_ASM_KEXEC_H
#define LUOSIM_ASM_KEXEC_H

#define KEXEC_SOURCE_MEMORY_LIMIT	(~0ul)
#define KEXEC_DESTINATION_MEMORY_LIMIT	(~0ul)
#define KEXEC_CONTROL_MEMORY_LIMIT	(~0ul)
#define KEXEC_CONTROL_PAGE_SIZE		4096
#define KEXEC_ARCH			0

struct pt_regs;
static inline void crash_setup_regs(struct pt_regs *to, struct pt_regs *from)
{
}

#endif
