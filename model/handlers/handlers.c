/* SPDX-License-Identifier: GPL-2.0-only */
/* Which handlers there are, and loading them when a kernel boots. */
#include <stdio.h>

#include "handlers.h"
#include "machine.h"

#define pr_fmt "handlers: "

static const char *const names[NR_HANDLERS] = {
	[HANDLER_HUGETLB] = "hugetlb",
	[HANDLER_IOMMUFD] = "iommufd",
	[HANDLER_VFIO] = "vfio",
	[HANDLER_KVM] = "kvm",
	[HANDLER_GUEST_MEMFD] = "guest_memfd",
};

const char *handler_name(enum handler handler)
{
	return names[handler];
}

int handler_find(const char *name)
{
	for (int i = 0; i < NR_HANDLERS; i++)
		if (!strcmp(names[i], name))
			return i;
	return -ENOENT;
}

void flb_init(struct liveupdate_flb *flb, const struct liveupdate_flb_ops *ops,
	      const char *compatible)
{
	flb->ops = ops;
	snprintf(flb->compatible, sizeof(flb->compatible), "%s", compatible);
}

int handler_register(struct machine *m, struct liveupdate_file_handler *fh,
		     const char *name, const struct liveupdate_file_ops *ops,
		     const char *compatible, struct liveupdate_flb *flb)
{
	int err;

	fh->name = name;
	fh->ops = ops;
	snprintf(fh->compatible, sizeof(fh->compatible), "%s", compatible);
	err = liveupdate_register_file_handler(m, fh);
	if (!err && flb) {
		err = liveupdate_register_flb(m, fh, flb);
		if (err)
			liveupdate_unregister_file_handler(m, fh);
	}
	if (err && liveupdate_enabled(m))
		pr_err(m, "Could not register '%s': %d", fh->compatible, err);
	return err;
}

void handlers_init(struct machine *m)
{
	u64 mask = m->k->boot.release.handlers, nr = min(m->config.nr_scripts, MAX_SCRIPTS);
	struct handlers *handlers;

	static void (*const inits[NR_HANDLERS])(struct machine *m) = {
		[HANDLER_HUGETLB] = hugetlb_luo_init,
		[HANDLER_IOMMUFD] = iommufd_luo_init,
		[HANDLER_VFIO] = vfio_luo_init,
		[HANDLER_KVM] = kvm_luo_init,
		[HANDLER_GUEST_MEMFD] = kvm_gmem_luo_init,
	};

	handlers = m->k->handlers = arena_alloc(&m->heap, sizeof(*handlers));
	handlers->scripted = arena_alloc(&m->heap, nr * sizeof(*handlers->scripted));
	/* One more, which stays empty: the end of the list. */
	handlers->script_flbs = arena_alloc(&m->heap, (nr + 1) * sizeof(*handlers->script_flbs));
	for (int i = 0; i < NR_HANDLERS; i++)
		if (mask & HANDLER_BIT(i))
			inits[i](m);
	hugetlb_init(m);
	for (unsigned int i = 0; i < nr; i++)
		if (mask & HANDLER_BIT(HANDLER_SCRIPTED(i)))
			scripted_init(m, i);
}

int machine_flb(const struct machine *m, const char *compatible, struct flb_stats *stats)
{
	const struct liveupdate_flb *flb;

	list_for_each_entry(flb, &m->k->luo.flbs, list) {
		if (strcmp(flb->compatible, compatible))
			continue;
		*stats = (struct flb_stats){
			.outgoing = flb->outgoing.count,
			.incoming = flb->incoming.count,
			.retrieved = flb->incoming.retrieve_status,
			.finished = flb->incoming.finished,
		};
		return 0;
	}
	return -ENOENT;
}
