/* SPDX-License-Identifier: GPL-2.0-only */
/* What drivers of devices need of iommufd. */
#ifndef MODEL_HANDLERS_IOMMUFD_H
#define MODEL_HANDLERS_IOMMUFD_H

#include "lib/types.h"

struct file;
struct iommufd_ctx;
struct luo_session;
struct machine;

/* The context of an iommufd, or NULL for another file. */
struct iommufd_ctx *iommufd_ctx_from_file(const struct file *file);
struct file *iommufd_file(const struct iommufd_ctx *ictx);
/* A device comes to use the page table, or no longer does. @restored: as it did before kexec. */
void iommufd_attach(struct iommufd_ctx *ictx, bool restored);
void iommufd_detach(struct iommufd_ctx *ictx);
/*
 * A device is preserved with its page table: the token of its iommufd. -EINVAL
 * when the page table is not marked, -ENOENT when the iommufd is not in @session.
 */
int iommufd_device_preserve(struct machine *m, struct luo_session *session,
			    struct iommufd_ctx *ictx, u64 *tokenp);
void iommufd_device_unpreserve(struct machine *m, struct iommufd_ctx *ictx);
/*
 * A hash of what a device reads through the page table that is handed over, or was;
 * FILE_STATE_ANY when memfds behind it are back.
 */
u64 iommufd_state(struct machine *m, const struct iommufd_ctx *ictx);

#endif
