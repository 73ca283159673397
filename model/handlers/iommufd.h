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
 * A device is preserved with its page table. -EINVAL when that is not marked, -ENOENT when
 * the iommufd is not in @session. Neither does anything where the handler is not loaded.
 */
int iommufd_device_preserve(struct machine *m, struct luo_session *session,
			    struct iommufd_ctx *ictx);
void iommufd_device_unpreserve(struct machine *m, struct iommufd_ctx *ictx);

#endif
