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
/*
 * Device @nr begins to use page table @hwpt, or no longer does. -ENOENT: there is none of that
 * number. -EPERM: the device goes on with the one that it had in the kernel before, and that
 * is of another iommufd.
 */
int iommufd_attach(struct machine *m, struct iommufd_ctx *ictx, u32 nr, u32 hwpt);
void iommufd_detach(struct iommufd_ctx *ictx);
/*
 * Device @nr is preserved with its page table. -EINVAL when that is not marked, -ENOENT when
 * the iommufd is not in @session. Neither does anything where the handler is not loaded.
 */
int iommufd_device_preserve(struct machine *m, struct luo_session *session,
			    struct iommufd_ctx *ictx, u32 nr);
void iommufd_device_unpreserve(struct machine *m, struct iommufd_ctx *ictx, u32 nr);

#endif
