/* SPDX-License-Identifier: GPL-2.0-only */
/* Constants of the system calls, with those that older system headers lack. */
#ifndef MODEL_LIB_UAPI_H
#define MODEL_LIB_UAPI_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/memfd.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC	0x0020
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL	0x0008U
#define MFD_EXEC	0x0010U
#endif
/* The kernel's own value; that of user space headers is 0 on 64 bits. */
#define KERNEL_O_LARGEFILE	00100000u

#endif
