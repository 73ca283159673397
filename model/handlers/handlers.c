/* SPDX-License-Identifier: GPL-2.0-only */
/* Which handlers there are, and loading them when a kernel boots. */
#include <stdio.h>

#include "engine/engine.h"
#include "handlers/handlers.h"
#include "handlers/plugin.h"
#include "handlers/shipped.h"
#include "machine/machine.h"
#include "search/walk.h"

#define pr_fmt "handlers: "

static const char *const names[HANDLER_SHIPPED] = {
	[HANDLER_TMPFS] = "tmpfs",
	[HANDLER_HUGETLB] = "hugetlb",
	[HANDLER_IOMMUFD] = "iommufd",
};

const char *handler_name(enum handler handler)
{
	return handler < HANDLER_SHIPPED ? names[handler] :
					   handler_shipped(handler - HANDLER_SHIPPED)->name;
}

int handler_find(const char *name)
{
	for (int i = 0; i < NR_HANDLERS; i++)
		if (!strcmp(handler_name(i), name))
			return i;
	return -ENOENT;
}

void flb_init(struct liveupdate_flb *flb, const struct liveupdate_flb_ops *ops,
	      const char *compatible)
{
	flb->ops = ops;
	snprintf(flb->compatible, sizeof(flb->compatible), "%.*s", LIVEUPDATE_FLB_COMPAT_LENGTH,
		 compatible);
}

static void complain(struct machine *m, struct liveupdate_file_handler *fh, int err)
{
	if (liveupdate_enabled(m))
		pr_err(m, "Could not register '%s': %d", fh->compatible, err);
}

u64 handler_private_id(struct machine *m, struct liveupdate_file_handler *fh, struct file *file)
{
	(void)fh;
	return object_id(m, file->private_data);
}

int handler_register_flb(struct machine *m, struct liveupdate_file_handler *fh,
			 struct liveupdate_flb *flb)
{
	int err = liveupdate_register_flb(m, fh, flb);

	if (err) {
		liveupdate_unregister_file_handler(m, fh);
		complain(m, fh, err);
	}
	return err;
}

int handler_register(struct machine *m, struct liveupdate_file_handler *fh,
		     const char *name, const struct liveupdate_file_ops *ops,
		     const char *compatible, struct liveupdate_flb *flb)
{
	int err;

	fh->name = name;
	fh->ops = ops;
	snprintf(fh->compatible, sizeof(fh->compatible), "%.*s", LIVEUPDATE_HNDL_COMPAT_LENGTH,
		 compatible);
	err = liveupdate_register_file_handler(m, fh);
	if (err)
		complain(m, fh, err);
	else if (flb)
		err = handler_register_flb(m, fh, flb);
	return err;
}

static void init_scripted(struct machine *m, u64 nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		const struct handler_script *script = &m->config.scripts[i];
		int err = 0;

		if (m->k->boot.release.handlers & HANDLER_BIT(HANDLER_SCRIPTED(i)))
			err = scripted_init(m, i);
		/* What is made of words has said why. */
		if (err && script->plugin && liveupdate_enabled(m))
			pr_err(m, "init() of '%s' returned %d", script->name, err);
	}
}

void handlers_init(struct machine *m)
{
	u64 mask = m->k->boot.release.handlers, nr = min(m->config.nr_scripts, MAX_SCRIPTS);
	struct handlers *handlers;

	static void (*const inits[HANDLER_SHIPPED])(struct machine *m) = {
		[HANDLER_TMPFS] = tmpfs_luo_init,
		[HANDLER_HUGETLB] = hugetlb_luo_init,
		[HANDLER_IOMMUFD] = iommufd_luo_init,
	};

	handlers = m->k->handlers = arena_alloc_for_good(&m->heap, sizeof(*handlers));
	/* One more, which stays NULL. */
	handlers->scripted = arena_alloc(&m->heap, (nr + 1) * sizeof(*handlers->scripted));
	/* A tree has no others but its own. */
	if (m->k->boot.release.tree) {
		init_scripted(m, nr);
		return;
	}
	plugins_boot(m);
	iommufd_init(m);
	for (int i = 0; i < NR_SHIPPED; i++)
		shipped_boot(m, i);
	for (int i = 0; i < HANDLER_SHIPPED; i++)
		if (mask & HANDLER_BIT(i))
			inits[i](m);
	/* A scenario's own come before what is shipped, so that it gets the files it asks for. */
	init_scripted(m, nr);
	for (int i = 0; i < NR_SHIPPED; i++)
		if (mask & HANDLER_BIT(HANDLER_SHIPPED + i))
			shipped_init(m, i);
	hugetlb_init(m);
}

/* A node and its bit outlive the files that are opened by it. */
static bool is_managed(const struct dentry *node)
{
	return node && node->d_inode->luo_managed;
}

void handlers_walk(struct machine_walk *w, const struct machine *m)
{
	const struct handlers *h = m->k->handlers;
	u64 pci = is_managed(h->iommu);

	for (int i = 0; i < NR_PCI_DEVICES; i++)
		pci = pci << 4 | !!h->pci[i].outgoing | !!h->pci[i].incoming << 1 |
		      !!h->pci[i].dma_owner << 2 | h->pci[i].removed << 3;
	walk_put(w, pci);
	pci = 0;
	for (int i = 0; i < NR_PCI_DEVICES; i++)
		pci = pci << 2 | h->pci[i].hwpt;
	walk_put(w, pci);
	plugin_walk_nodes(w, m);
	walk_put(w, (u64)h->huge_free << 32 | h->huge_total);
}

static struct liveupdate_flb *find_flb(const struct machine *m, const char *compatible)
{
	struct liveupdate_flb *flb;

	list_for_each_entry(flb, &m->k->luo.flbs, list)
		if (!strcmp(flb->compatible, compatible))
			return flb;
	return NULL;
}

int machine_flb(const struct machine *m, const char *compatible, struct flb_stats *stats)
{
	const struct liveupdate_flb *flb = find_flb(m, compatible);

	if (!flb)
		return -ENOENT;
	*stats = (struct flb_stats){
		.outgoing = flb->outgoing.count,
		.incoming = flb->incoming.count,
		.retrieved = flb->incoming.retrieve_status,
		.finished = flb->incoming.finished,
	};
	return 0;
}

/* Drivers that use FLBs. */

static const struct luo_flb_private_state *state_of(const struct flb_user *user)
{
	return user->incoming ? &user->flb->incoming : &user->flb->outgoing;
}

/* The entry of @flb, or with NULL an unused one. */
static struct flb_user *find_user(struct machine *m, const char *compatible, bool incoming)
{
	struct flb_user *users = m->k->handlers->flb_users;

	for (int i = 0; i < MAX_FLB_USERS; i++)
		if (users[i].flb ? compatible && users[i].incoming == incoming &&
				   !strcmp(users[i].flb->compatible, compatible) : !compatible)
			return &users[i];
	return NULL;
}

static int flb_get(struct machine *m, const char *compatible, bool incoming)
{
	struct flb_user *user = find_user(m, compatible, incoming);
	struct liveupdate_flb *flb = user ? user->flb : find_flb(m, compatible);
	struct flb_user *new = find_user(m, NULL, false);
	void *obj;
	int err;

	if (!flb)
		return -ENOENT;
	if (!user && !new)
		return -ENOSPC;
	module_used(m, flb->owner);
	err = incoming ? liveupdate_flb_get_incoming(m, flb, &obj) :
			 liveupdate_flb_get_outgoing(m, flb, &obj);
	/* Kernels without references give NULL where there is no object, and nobody uses it. */
	if (err || !obj)
		return err;
	if (!user) {
		user = new;
		*user = (struct flb_user){ .flb = flb, .incoming = incoming, .obj = obj };
		user->claim = state_of(user)->claim;
	}
	user->count++;
	return 0;
}

static int flb_put(struct machine *m, const char *compatible, bool incoming)
{
	struct flb_user *user = find_user(m, compatible, incoming);
	struct liveupdate_flb *flb;

	if (!user)
		return -EINVAL;
	flb = user->flb;
	module_used(m, flb->owner);
	if (m->k->boot.release.tree)
		tree_take_flb(m, flb);
	if (state_of(user)->obj != user->obj || state_of(user)->claim != user->claim)
		judge(m, VIOLATION_USE_AFTER_FREE, 0, "a driver uses the object of FLB \"%s\", "
		      "which has been given up", flb->compatible);
	if (!--user->count)
		*user = (struct flb_user){ 0 };
	if (incoming)
		liveupdate_flb_put_incoming(m, flb);
	else
		liveupdate_flb_put_outgoing(m, flb);
	return 0;
}

int machine_flb_get(struct machine *m, const char *compatible, bool incoming)
{
	SYSCALL(m, flb_get(m, compatible, incoming));
}

int machine_flb_put(struct machine *m, const char *compatible, bool incoming)
{
	SYSCALL(m, flb_put(m, compatible, incoming));
}
