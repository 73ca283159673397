/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * File handlers besides memfd's, and the drivers whose files they preserve, as
 * far as those matter to live update. One file per handler; each says which
 * posted series it follows.
 */
#ifndef MODEL_HANDLERS_HANDLERS_H
#define MODEL_HANDLERS_HANDLERS_H

#include "kernel/liveupdate/liveupdate.h"
#include "luosim.h"

/* PCI devices: those that user space drives, and the bridges above them. */
enum { PCI_ROOT_PORT = 11, PCI_BRIDGE, NR_PCI_DEVICES };

/* A scripted handler in the running kernel. */
struct scripted {
	struct liveupdate_file_handler fh;
	struct module module;			/* that it is the memory of */
	const struct handler_script *script;
	struct liveupdate_flb *flb[MAX_SCRIPT_FLBS];	/* its own, another module's, or NULL */
	struct liveupdate_flb own_flb[MAX_SCRIPT_FLBS];
	struct liveupdate_file_handler *flb_on[MAX_SCRIPT_FLBS];	/* whose files need each */
	u32 calls[NR_HANDLER_CALLS];
	u32 frozen;				/* files that it has stopped */
};

/* A driver that uses the object of an FLB outside of callbacks. */
struct flb_user {
	struct liveupdate_flb *flb;		/* NULL: unused entry */
	bool incoming;
	u32 count;
	void *obj;				/* as it was got first */
	u32 claim;				/* the ledger's of that object */
};
#define MAX_FLB_USERS	8

struct pci_dev {
	phys_addr_t outgoing, incoming;	/* its entry in that FLB; or 0 */
	bool removed;
	u32 hwpt;			/* of its iommufd, that it is attached to */
	phys_addr_t dma_owner;		/* whom it was claimed for at boot; 0: nobody */
};

/* All of them in the running kernel. */
struct handlers {
	struct liveupdate_file_handler tmpfs_mnt, tmpfs_file, hugetlb, iommufd;
	struct liveupdate_flb hugetlb_flb, pci_flb, iommu_flb;
	struct handler_plugin *shipped[NR_SHIPPED];
	struct list_head objects;	/* that plugins have from kzalloc() */
	struct plugin_node *nodes;	/* of devices that plugins have made */
	struct scripted **scripted;	/* one for each script of the machine; NULL: not loaded */
	struct flb_user flb_users[MAX_FLB_USERS];

	struct dentry *iommu;		/* /dev/iommu; or NULL */
	struct pci_dev pci[NR_PCI_DEVICES];
	u32 huge_pool;			/* first free huge page, linked by index; 0: none */
	u32 huge_free, huge_total;
};

/* What they have in common, for walk.c. */
void handlers_walk(struct machine_walk *w, const struct machine *m);
/* handlers.c: load what the release row and the scripts ask for. */
void handlers_init(struct machine *m);
/*
 * Register @fh and @flb, or neither; @flb may be NULL. Complains when it cannot.
 * @name is what failures on demand call the handler.
 */
int handler_register(struct machine *m, struct liveupdate_file_handler *fh,
		     const char *name, const struct liveupdate_file_ops *ops,
		     const char *compatible, struct liveupdate_flb *flb);
/* One more of a registered handler; on failure the handler is unregistered. */
int handler_register_flb(struct machine *m, struct liveupdate_file_handler *fh,
			 struct liveupdate_flb *flb);
/* get_id() of files that are one object each with what is behind them. */
u64 handler_private_id(struct machine *m, struct liveupdate_file_handler *fh, struct file *file);
void flb_init(struct liveupdate_flb *flb, const struct liveupdate_flb_ops *ops,
	      const char *compatible);

/* own.c: a new file of the kind that script @i brings, without pages; or an ERR_PTR(). */
struct file *own_file(struct machine *m, u32 i);
/* Is it one of script @i? */
bool is_own_file(const struct file *file, u32 i);
/* expr.c: what @expr, which is not empty, says of @file, which may be NULL. */
u64 script_eval(struct machine *m, const struct script_expr *expr, const struct file *file,
		bool retrieved, u32 call);
/* scripted.c: the number of a script, or -ENOENT. */
int scripted_find(struct machine *m, const char *name);
/* The first that takes files of that kind, or NULL. */
struct liveupdate_file_handler *scripted_of_file(struct machine *m, struct file *file);
/* Load and unload its module: what registering said. */
int scripted_init(struct machine *m, unsigned int i);
void scripted_exit(struct machine *m, struct scripted *s);
void tmpfs_luo_init(struct machine *m);
void hugetlb_luo_init(struct machine *m);
/* Drivers: the nodes of their devices. */
void iommufd_init(struct machine *m);
void iommufd_luo_init(struct machine *m);

#endif
