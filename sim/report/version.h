/* SPDX-License-Identifier: GPL-2.0-only */
/* Which luosim it is that says something. */
#ifndef SIM_REPORT_VERSION_H
#define SIM_REPORT_VERSION_H

/** luosim_version - "0.1.0-gCOMMIT"; without a repository what its tarball says. */
extern const char luosim_version[];

#endif
