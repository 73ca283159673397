/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Handlers that are loaded from shared objects (luosim-handler.h). Here is what they see:
 * the kernel's calls without a machine to tell, memory as pointers, and files of their own.
 *
 * Which machine the foreign code runs on is in a variable of the thread, as that code has
 * nowhere else to keep it. It is set when a callback is entered, and again when one of the
 * functions here returns to it, as another task may have run meanwhile.
 *
 * Frames have no address in the program. A window is a copy of what is in one, which is
 * made anew whenever the foreign code goes on, and is written back whenever it stops.
 */
#include "lib/uapi.h"

#include <stdlib.h>

#include "handlers/plugin.h"
#include "machine/machine.h"
#include "search/walk.h"

/* The foreign code's structs of the kernel's names have other members than the model's. */
#define LUOSIM_HANDLER_HOST
#define file	their_file
#define file_operations	their_file_operations
#define liveupdate_file_handler	their_handler
#define liveupdate_file_op_args	their_args
#define liveupdate_file_ops	their_ops
#define liveupdate_flb	their_flb
#define liveupdate_flb_op_args	their_flb_args
#define liveupdate_flb_ops	their_flb_ops
#include "luosim-handler.h"
#undef file
#undef file_operations
#undef liveupdate_file_handler
#undef liveupdate_file_op_args
#undef liveupdate_file_ops
#undef liveupdate_flb
#undef liveupdate_flb_op_args
#undef liveupdate_flb_ops

struct window {
	struct list_head list;
	phys_addr_t phys;
	u64 size;
	u8 mem[];
};

struct plugin_handler {
	struct liveupdate_file_handler fh;
	struct their_handler *theirs;
	struct plugin *plugin;
	struct list_head list;
};

struct plugin_flb {
	struct liveupdate_flb flb;
	struct their_flb *theirs;
	struct plugin *plugin;
	struct list_head list;
};

/* One in the running kernel. */
struct plugin {
	struct scripted base;
	const struct luosim_handler *code;
	struct list_head handlers, flbs, windows;
	void *state;
};

/* A file as the foreign code sees it. */
struct plugin_file {
	struct their_file view;
	struct file *file;
	struct plugin *plugin;		/* whose it is; NULL: not a plugin's */
};

/* What this thread's foreign code runs on. */
struct context {
	struct machine *m;
	struct plugin *plugin;
	const char *function;
	const struct uptr *user;	/* what copy_from_user() may read */
	bool looks;			/* it changes nothing, not even the heap */
	struct glance *glances;
	struct machine_walk *walk;
};

/* A window of foreign code that only looks, in no memory of the machine. */
struct glance {
	struct glance *next;
	u8 mem[];
};

static _Thread_local struct context now;

/* Windows. */

static void windows_read(struct machine *m, const struct plugin *p)
{
	struct window *w;

	list_for_each_entry(w, &p->windows, list)
		phys_read(m, w->phys, w->mem, w->size);
}

/* Only what was changed: a frame that was given up may be another's. */
static void windows_write(struct machine *m, const struct plugin *p)
{
	u8 old[PAGE_SIZE];
	struct window *w;

	list_for_each_entry(w, &p->windows, list) {
		for (u64 at = 0; at < w->size; at += PAGE_SIZE) {
			u64 size = min(w->size - at, PAGE_SIZE);

			phys_read(m, w->phys + at, old, size);
			if (memcmp(old, w->mem + at, size))
				phys_write(m, w->phys + at, w->mem + at, size);
		}
	}
}

static void *window_open(struct machine *m, struct plugin *p, phys_addr_t phys, u64 size)
{
	struct window *w;

	list_for_each_entry(w, &p->windows, list)
		if (phys >= w->phys && phys + size <= w->phys + w->size)
			return w->mem + (phys - w->phys);
	/* No allocation of the kernel's. */
	w = arena_alloc(&m->heap, sizeof(*w) + size);
	if (!w)
		panic(m, "simulator: no memory for what a handler looks at");
	w->phys = phys;
	w->size = size;
	list_add_tail(&w->list, &p->windows);
	return w->mem;
}

static void windows_close(struct machine *m, struct plugin *p, phys_addr_t phys, u64 size)
{
	struct window *w, *next;

	list_for_each_entry_safe(w, next, &p->windows, list) {
		if (w->phys >= phys + size || w->phys + w->size <= phys)
			continue;
		list_del(&w->list);
		arena_free(&m->heap, w, sizeof(*w) + w->size);
	}
}

static phys_addr_t window_phys(const struct plugin *p, const void *mem)
{
	const struct window *w;

	list_for_each_entry(w, &p->windows, list)
		if ((const u8 *)mem >= w->mem && (const u8 *)mem < w->mem + w->size)
			return w->phys + ((const u8 *)mem - w->mem);
	return 0;
}

/* In and out. */

static void watch(const struct plugin *p, const char *function)
{
	if (p && p->base.script->watch)
		p->base.script->watch(p->base.script, function);
}

/* The foreign code goes on, or begins, in @c. */
static void go_in(const struct context *c)
{
	windows_read(c->m, c->plugin);
	now = *c;
	watch(c->plugin, c->function);
}

/* It is in the kernel, or has returned; where it was. */
static struct context go_out(void)
{
	struct context c = now;

	/* Who only looks may call nothing that does more: that is a crash of the foreign code. */
	if (c.looks)
		abort();
	watch(c.plugin, NULL);
	windows_write(c.m, c.plugin);
	return c;
}

static struct context enter(struct machine *m, struct plugin *p, const char *function)
{
	struct context before = now;

	module_used(m, &p->base.module);
	go_in(&(struct context){ .m = m, .plugin = p, .function = function });
	return before;
}

/* What was there before goes on only when the function that called the kernel returns. */
static void leave(struct context before)
{
	go_out();
	now = before;
}

/* A call of foreign code that only looks: anything goes, also where the kernel is no more. */
#define LOOK(_m, _p, _function, _call) do {				\
	struct context __before = now;					\
									\
	now = (struct context){						\
		.m = _m, .plugin = _p, .function = _function, .looks = true,	\
	};								\
	watch(_p, _function);						\
	_call;								\
	watch(_p, NULL);						\
	glances_close();						\
	now = __before;							\
} while (0)

static void *glance(struct machine *m, phys_addr_t phys, u64 size)
{
	struct glance *g = calloc(1, sizeof(*g) + size);

	/* Host memory that is missing ends the program. */
	if (!g)
		abort();
	if (phys_valid(m, phys, size))
		phys_read(m, phys, g->mem, size);
	g->next = now.glances;
	now.glances = g;
	return g->mem;
}

static void glances_close(void)
{
	struct glance *next;

	for (struct glance *g = now.glances; g; g = next) {
		next = g->next;
		free(g);
	}
}

/* A call of a callback. */
#define CALL(_m, _p, _function, _call) do {				\
	struct context __before = enter(_m, _p, _function);		\
									\
	_call;								\
	leave(__before);						\
} while (0)

/*
 * A bad pointer is a crash of the foreign code while that is watched, as it is before KERNEL().
 * That it is one is not the sanitizers' to find.
 */
static __attribute__((noinline, no_sanitize("address", "undefined")))
void touch(const volatile void *ptr)
{
	(void)*(const volatile char *)ptr;
}

/* A function that the foreign code calls: @_do is done with the machine m and plugin p. */
#define KERNEL(_do) do {						\
	struct context c = go_out();					\
	struct machine *m __attribute__((unused)) = c.m;		\
	struct plugin *p __attribute__((unused)) = c.plugin;		\
									\
	_do;								\
	go_in(&c);							\
} while (0)

/* Files. */

static const struct file_operations plugin_fops;

static struct plugin_file *plugin_file(const struct file *file)
{
	return file->f_op == &plugin_fops ? file->private_data : NULL;
}

/* How the code of @p sees @file; @other is for one that is not its own. */
static struct their_file *view_of(struct plugin *p, struct file *file, struct plugin_file *other)
{
	struct plugin_file *pf = file ? plugin_file(file) : NULL;

	if (!file)
		return NULL;
	if (pf && pf->plugin == p)
		return &pf->view;
	*other = (struct plugin_file){ .file = file };
	return &other->view;
}

static struct plugin_file *seen(struct their_file *view)
{
	return container_of(view, struct plugin_file, view);
}

static const struct their_file_operations *their_fops(const struct file *file)
{
	return plugin_file(file)->view.f_op;
}

static int plugin_release(struct machine *m, struct file *file)
{
	struct plugin_file *pf = plugin_file(file);

	if (their_fops(file)->release)
		CALL(m, pf->plugin, "release()", pf->view.f_op->release(&pf->view));
	arena_free(&m->heap, pf, sizeof(*pf));
	return 0;
}

static int plugin_ioctl(struct machine *m, struct file *file, unsigned int cmd, struct uptr arg)
{
	struct plugin_file *pf = plugin_file(file);
	long ret = -ENOTTY;

	if (!their_fops(file)->unlocked_ioctl)
		return ret;
	CALL(m, pf->plugin, "unlocked_ioctl()",
	     now.user = &arg;
	     ret = pf->view.f_op->unlocked_ioctl(&pf->view, cmd, (uintptr_t)arg.mem));
	return ret;
}

static s64 plugin_read(struct machine *m, struct file *file, void *buf, u64 len, s64 *pos)
{
	const struct uptr user = { .mem = buf, .size = len };
	struct plugin_file *pf = plugin_file(file);
	s64 ret = -EINVAL;

	if (their_fops(file)->read)
		CALL(m, pf->plugin, "read()",
		     now.user = &user; ret = pf->view.f_op->read(&pf->view, buf, len, pos));
	return ret;
}

static s64 plugin_write(struct machine *m, struct file *file, const void *buf, u64 len, s64 *pos)
{
	const struct uptr user = { .mem = (void *)buf, .size = len, .read_only = true };
	struct plugin_file *pf = plugin_file(file);
	s64 ret = -EINVAL;

	if (their_fops(file)->write)
		CALL(m, pf->plugin, "write()",
		     now.user = &user; ret = pf->view.f_op->write(&pf->view, buf, len, pos));
	return ret;
}

static s64 plugin_llseek(struct machine *m, struct file *file, s64 offset, int whence)
{
	(void)m;
	return generic_file_llseek(file, offset, whence);
}

static u64 plugin_contents(struct machine *m, struct file *file)
{
	struct plugin_file *pf = plugin_file(file);
	u64 hash = FILE_STATE_ANY;

	if (pf->plugin->code->contents)
		LOOK(m, pf->plugin, "contents()",
		     hash = pf->plugin->code->contents(&pf->view));
	return hash;
}

static void plugin_walk_file(struct machine_walk *w, struct machine *m, struct file *file)
{
	struct plugin_file *pf = plugin_file(file);

	walk_put(w, pf->plugin->base.script - m->config.scripts);
	if (!pf->plugin->code->walk_file) {
		walk_put(w, plugin_contents(m, file));
		return;
	}
	LOOK(m, pf->plugin, "walk_file()",
	     now.walk = w; pf->plugin->code->walk_file(&pf->view));
}

static const struct file_operations plugin_fops = {
	.name = "plugin", .release = plugin_release, .unlocked_ioctl = plugin_ioctl,
	.read = plugin_read, .write = plugin_write, .llseek = plugin_llseek,
	.state = plugin_contents, .walk = plugin_walk_file,
};

static struct file *new_file(struct machine *m, struct plugin *p, const char *name,
			     const struct their_file_operations *fops, void *priv, int flags,
			     bool own_inode)
{
	struct plugin_file *pf = arena_alloc(&m->heap, sizeof(*pf));
	struct file *file;

	if (!pf)
		return ERR_PTR(-ENOMEM);
	*pf = (struct plugin_file){ .view = { .f_op = fops, .private_data = priv }, .plugin = p };
	file = (own_inode ? anon_inode_create_getfile : anon_inode_getfile)
		(m, name, &plugin_fops, pf, flags);
	if (IS_ERR(file)) {
		arena_free(&m->heap, pf, sizeof(*pf));
		return file;
	}
	file->f_mode |= FMODE_PREAD | FMODE_PWRITE;
	pf->file = file;
	return file;
}

/* Callbacks of handlers. */

static struct plugin_handler *handler_of(struct liveupdate_file_handler *fh)
{
	return container_of(fh, struct plugin_handler, fh);
}

/* Call _call with the arguments a of the foreign code; what it stores there comes back. */
#define CALLBACK(_args, _function, _call) do {				\
	struct plugin_handler *h = handler_of((_args)->handler);	\
	const struct their_ops *ops __attribute__((unused)) = h->theirs->ops;	\
	struct plugin_file other;					\
	struct their_args a = {						\
		.handler = h->theirs, .session = (_args)->session,	\
		.retrieve_status = (_args)->retrieve_status,		\
		.their_file = view_of(h->plugin, (_args)->file, &other),	\
		.serialized_data = (_args)->serialized_data,		\
		.private_data = (_args)->private_data,			\
	};								\
									\
	CALL((_args)->m, h->plugin, _function, _call);			\
	(_args)->serialized_data = a.serialized_data;			\
	(_args)->private_data = a.private_data;				\
} while (0)

static bool plugin_can_preserve(struct machine *m, struct liveupdate_file_handler *fh,
				struct file *file)
{
	struct plugin_handler *h = handler_of(fh);
	struct plugin_file other;
	struct their_file *view = view_of(h->plugin, file, &other);
	bool yes;

	CALL(m, h->plugin, "can_preserve()", yes = h->theirs->ops->can_preserve(h->theirs, view));
	return yes;
}

static int plugin_preserve(struct liveupdate_file_op_args *args)
{
	int err;

	CALLBACK(args, "preserve()", err = ops->preserve(&a));
	return err;
}

static void plugin_unpreserve(struct liveupdate_file_op_args *args)
{
	CALLBACK(args, "unpreserve()", ops->unpreserve(&a));
}

static int plugin_freeze(struct liveupdate_file_op_args *args)
{
	int err;

	CALLBACK(args, "freeze()", err = ops->freeze(&a));
	return err;
}

static void plugin_unfreeze(struct liveupdate_file_op_args *args)
{
	CALLBACK(args, "unfreeze()", ops->unfreeze(&a));
}

static int plugin_retrieve(struct liveupdate_file_op_args *args)
{
	int err;

	CALLBACK(args, "retrieve()",
		 err = ops->retrieve(&a);
		 if (!err && a.their_file && !IS_ERR(a.their_file))
			 args->file = seen(a.their_file)->file);
	return err;
}

static bool plugin_can_finish(struct liveupdate_file_op_args *args)
{
	bool yes;

	CALLBACK(args, "can_finish()", yes = ops->can_finish(&a));
	return yes;
}

static void plugin_finish(struct liveupdate_file_op_args *args)
{
	CALLBACK(args, "finish()", ops->finish(&a));
}

/* Whether a callback may be missing: the foreign code's table says, by this bit of a mask. */
#define HAS_FREEZE	1
#define HAS_UNFREEZE	2
#define HAS_CAN_FINISH	4
#define HAS_GET_ID	8

static u64 plugin_get_id(struct machine *m, struct file *file);

static void plugin_walk_data(struct machine_walk *w, struct machine *m, u64 serialized_data);

/* One for each set of callbacks that a handler may leave out, as LUO asks whether it has. */
#define OPS(_mask) {							\
	.can_preserve = plugin_can_preserve,				\
	.preserve = plugin_preserve,					\
	.unpreserve = plugin_unpreserve,				\
	.freeze = (_mask) & HAS_FREEZE ? plugin_freeze : NULL,		\
	.unfreeze = (_mask) & HAS_UNFREEZE ? plugin_unfreeze : NULL,	\
	.retrieve = plugin_retrieve,					\
	.can_finish = (_mask) & HAS_CAN_FINISH ? plugin_can_finish : NULL,	\
	.finish = plugin_finish,					\
	.get_id = (_mask) & HAS_GET_ID ? plugin_get_id : NULL,		\
	.walk = plugin_walk_data,					\
}

static const struct liveupdate_file_ops plugin_ops[] = {
	OPS(0), OPS(1), OPS(2), OPS(3), OPS(4), OPS(5), OPS(6), OPS(7),
	OPS(8), OPS(9), OPS(10), OPS(11), OPS(12), OPS(13), OPS(14), OPS(15),
};

static bool is_plugin(const struct liveupdate_file_handler *fh)
{
	return fh->ops >= plugin_ops && fh->ops < plugin_ops + ARRAY_SIZE(plugin_ops);
}

/* The kernel does not say which handler it asks; it is the first that takes the file. */
static u64 plugin_get_id(struct machine *m, struct file *file)
{
	struct liveupdate_file_handler *fh;
	struct plugin_file other;
	u64 id = object_id(m, file);

	list_for_each_entry(fh, &m->k->luo.handlers, list) {
		struct plugin_handler *h = handler_of(fh);

		if (!is_plugin(fh) || !plugin_can_preserve(m, fh, file))
			continue;
		if (h->theirs->ops->get_id)
			CALL(m, h->plugin, "get_id()", id = h->theirs->ops->get_id(
				view_of(h->plugin, file, &other)));
		break;
	}
	return id;
}

/* As of get_id(): walks know of no handler, and a kernel with two has both of their words. */
static void plugin_walk_data(struct machine_walk *w, struct machine *m, u64 serialized_data)
{
	struct liveupdate_file_handler *fh;

	walk_words(w, serialized_data, 8);
	list_for_each_entry(fh, &m->k->luo.handlers, list) {
		struct plugin *p = is_plugin(fh) ? handler_of(fh)->plugin : NULL;

		if (p && p->code->walk_data && phys_valid(m, serialized_data, PAGE_SIZE))
			LOOK(m, p, "walk_data()",
			     now.walk = w; p->code->walk_data(serialized_data));
	}
}

/* Callbacks of FLBs. */

#define FLB_CALLBACK(_args, _function, _call) do {			\
	struct plugin_flb *f = container_of((_args)->flb, struct plugin_flb, flb);	\
	const struct their_flb_ops *ops = f->theirs->ops;		\
	struct their_flb_args a = {					\
		.flb = f->theirs, .data = (_args)->data, .obj = (_args)->obj,	\
	};								\
									\
	CALL((_args)->m, f->plugin, _function, _call);			\
	(_args)->data = a.data;						\
	(_args)->obj = a.obj;						\
} while (0)

static int plugin_flb_preserve(struct liveupdate_flb_op_args *args)
{
	int err;

	FLB_CALLBACK(args, "preserve() of an FLB", err = ops->preserve(&a));
	return err;
}

static void plugin_flb_unpreserve(struct liveupdate_flb_op_args *args)
{
	FLB_CALLBACK(args, "unpreserve() of an FLB", ops->unpreserve(&a));
}

static int plugin_flb_retrieve(struct liveupdate_flb_op_args *args)
{
	int err;

	FLB_CALLBACK(args, "retrieve() of an FLB", err = ops->retrieve(&a));
	return err;
}

static void plugin_flb_finish(struct liveupdate_flb_op_args *args)
{
	FLB_CALLBACK(args, "finish() of an FLB", ops->finish(&a));
}

static const struct liveupdate_flb_ops plugin_flb_ops = {
	.preserve = plugin_flb_preserve,
	.unpreserve = plugin_flb_unpreserve,
	.retrieve = plugin_flb_retrieve,
	.finish = plugin_flb_finish,
};

/* What the foreign code calls: memory. */

/* What is before each object, as kfree() is not told its size. */
struct header {
	u64 size;
	u64 unused;
};

static void *host_kzalloc(size_t size)
{
	struct header *header;

	KERNEL(header = kzalloc(m, sizeof(*header) + size); if (header) header->size = size);
	return header ? header + 1 : NULL;
}

static void host_kfree(void *ptr)
{
	struct header *header = (struct header *)ptr - 1;

	if (!ptr)
		return;
	touch(header);
	KERNEL(kfree(m, header, sizeof(*header) + header->size));
}

static struct folio *host_folio_alloc(unsigned int order)
{
	struct folio *folio;

	KERNEL(folio = order > MAX_PAGE_ORDER ? NULL : folio_alloc(m, __GFP_ZERO, order));
	return folio;
}

static void host_folio_get(struct folio *folio)
{
	touch(folio);
	KERNEL(folio_get(folio));
}

static void host_folio_put(struct folio *folio)
{
	touch(folio);
	KERNEL(if (folio->page.refcount == 1)
		       windows_close(m, p, folio_phys(m, folio),
				     folio_nr_pages(folio) << PAGE_SHIFT);
	       folio_put(m, folio));
}

static u64 host_folio_pfn(struct folio *folio)
{
	return folio_pfn(now.m, folio);
}

static int host_kho_preserve_folio(struct folio *folio)
{
	int err;

	touch(folio);
	KERNEL(err = kho_preserve_folio(m, folio));
	return err;
}

static void host_kho_unpreserve_folio(struct folio *folio)
{
	touch(folio);
	KERNEL(kho_unpreserve_folio(m, folio));
}

static struct folio *host_kho_restore_folio(phys_addr_t phys)
{
	struct folio *folio;

	KERNEL(folio = kho_restore_folio(m, phys));
	return folio;
}

static void *host_kho_alloc_preserve(size_t size)
{
	void *mem;

	KERNEL(phys_addr_t phys = 0;
	       int err = kho_alloc_preserve(m, size, &phys);

	       mem = err ? ERR_PTR(err) : window_open(m, p, phys, PAGE_ALIGN(size)));
	return mem;
}

static void host_kho_unpreserve_free(void *mem)
{
	KERNEL(phys_addr_t phys = mem ? window_phys(p, mem) : 0;

	       if (phys) {
		       struct folio *folio = pfn_folio(m, PHYS_PFN(phys));

		       windows_close(m, p, phys, folio_nr_pages(folio) << PAGE_SHIFT);
		       kho_unpreserve_free(m, phys);
	       });
}

static void host_kho_restore_free(void *mem)
{
	KERNEL(phys_addr_t phys = mem ? window_phys(p, mem) : 0;

	       if (phys) {
		       windows_close(m, p, phys, PAGE_SIZE);
		       kho_restore_free(m, phys);
	       });
}

static void *host_map(phys_addr_t phys, size_t size)
{
	phys_addr_t page = phys & PAGE_MASK;
	u64 bytes = PAGE_ALIGN(size + (phys - page));
	void *mem;

	if (now.looks)
		return (u8 *)glance(now.m, page, bytes) + (phys - page);
	KERNEL(if (!phys_valid(m, page, bytes))
		       oops(m, phys);
	       mem = window_open(m, p, page, bytes));
	return (u8 *)mem + (phys - page);
}

static phys_addr_t host_unmap(const void *mem)
{
	return window_phys(now.plugin, mem);
}

/* What the foreign code calls: LUO. */

static struct plugin_handler *find_handler(struct plugin *p, const struct their_handler *theirs)
{
	struct plugin_handler *h;

	list_for_each_entry(h, &p->handlers, list)
		if (h->theirs == theirs)
			return h;
	return NULL;
}

static struct plugin_flb *find_flb(struct plugin *p, const struct their_flb *theirs)
{
	struct plugin_flb *f;

	list_for_each_entry(f, &p->flbs, list)
		if (f->theirs == theirs)
			return f;
	return NULL;
}

static const struct liveupdate_file_ops *ops_of(const struct their_ops *ops)
{
	return &plugin_ops[(ops->freeze ? HAS_FREEZE : 0) | (ops->unfreeze ? HAS_UNFREEZE : 0) |
			   (ops->can_finish ? HAS_CAN_FINISH : 0) |
			   (ops->get_id ? HAS_GET_ID : 0)];
}

static bool is_complete(const struct their_ops *ops)
{
	return ops && ops->can_preserve && ops->preserve && ops->unpreserve && ops->retrieve &&
	       ops->finish;
}

/* The first one has the name of the module, others their compatible strings. */
static int register_handler(struct machine *m, struct plugin *p, struct their_handler *theirs)
{
	struct plugin_handler *h;
	int err;

	if (!is_complete(theirs->ops))
		return liveupdate_enabled(m) ? -EINVAL : -EOPNOTSUPP;
	h = arena_alloc(&m->heap, sizeof(*h));
	h->theirs = theirs;
	h->plugin = p;
	h->fh.owner = &p->base.module;
	h->fh.ops = ops_of(theirs->ops);
	h->fh.name = list_empty(&p->handlers) ? p->base.script->name : theirs->compatible;
	memcpy(h->fh.compatible, theirs->compatible, sizeof(h->fh.compatible) - 1);
	err = liveupdate_register_file_handler(m, &h->fh);
	if (!err)
		list_add_tail(&h->list, &p->handlers);
	return err;
}

static int host_register_file_handler(struct their_handler *theirs)
{
	int err;

	KERNEL(err = register_handler(m, p, theirs));
	return err;
}

static void host_unregister_file_handler(struct their_handler *theirs)
{
	KERNEL(struct plugin_handler *h = find_handler(p, theirs);

	       if (h) {
		       liveupdate_unregister_file_handler(m, &h->fh);
		       list_del(&h->list);
	       });
}

static int register_flb(struct machine *m, struct plugin *p, struct their_handler *handler,
			struct their_flb *theirs)
{
	struct plugin_handler *h = find_handler(p, handler);
	struct plugin_flb *f = find_flb(p, theirs);
	int err;

	if (!h || !theirs->ops || !theirs->ops->preserve || !theirs->ops->unpreserve ||
	    !theirs->ops->retrieve || !theirs->ops->finish)
		return -EINVAL;
	if (!f) {
		f = arena_alloc(&m->heap, sizeof(*f));
		flb_init(&f->flb, &plugin_flb_ops, theirs->compatible);
		f->flb.owner = &p->base.module;
		f->theirs = theirs;
		f->plugin = p;
		list_add_tail(&f->list, &p->flbs);
	}
	err = liveupdate_register_flb(m, &h->fh, &f->flb);
	if (err && !f->flb.users)
		list_del(&f->list);
	return err;
}

static int host_register_flb(struct their_handler *handler, struct their_flb *theirs)
{
	int err;

	KERNEL(err = register_flb(m, p, handler, theirs));
	return err;
}

static void host_unregister_flb(struct their_handler *handler, struct their_flb *theirs)
{
	KERNEL(struct plugin_handler *h = find_handler(p, handler);
	       struct plugin_flb *f = find_flb(p, theirs);

	       if (h && f)
		       liveupdate_unregister_flb(m, &h->fh, &f->flb));
}

static int host_flb_get(struct their_flb *theirs, void **objp, bool incoming)
{
	int err;

	KERNEL(struct plugin_flb *f = find_flb(p, theirs);

	       err = !f ? -ENOENT : incoming ? liveupdate_flb_get_incoming(m, &f->flb, objp) :
					       liveupdate_flb_get_outgoing(m, &f->flb, objp));
	return err;
}

static void host_flb_put(struct their_flb *theirs, bool incoming)
{
	KERNEL(struct plugin_flb *f = find_flb(p, theirs);

	       if (f && incoming)
		       liveupdate_flb_put_incoming(m, &f->flb);
	       else if (f)
		       liveupdate_flb_put_outgoing(m, &f->flb));
}

static int host_get_token_outgoing(struct luo_session *session, struct their_file *file,
				   u64 *tokenp)
{
	int err;

	touch(seen(file));
	touch(session);
	KERNEL(err = liveupdate_get_token_outgoing(session, seen(file)->file, tokenp));
	return err;
}

static int host_get_file_incoming(struct luo_session *session, u64 token,
				  struct their_file **filep)
{
	int err;

	touch(session);
	KERNEL(struct file *file = NULL;
	       struct plugin_file *other = arena_alloc(&m->heap, sizeof(*other));

	       err = liveupdate_get_file_incoming(m, session, token, &file);
	       if (!err)
		       *filep = view_of(p, file, other);
	       if (err || *filep != &other->view)
		       arena_free(&m->heap, other, sizeof(*other)));
	return err;
}

/* What the foreign code calls: files. */

static struct their_file *host_anon_inode_getfile(const char *name,
						  const struct their_file_operations *fops,
						  void *priv, int flags, bool own_inode)
{
	struct file *file;

	KERNEL(file = new_file(m, p, name, fops, priv, flags, own_inode));
	return IS_ERR(file) ? (void *)file : &plugin_file(file)->view;
}

static struct their_file *host_get_file(struct their_file *file)
{
	get_file(seen(file)->file);
	return file;
}

static void host_fput(struct their_file *file)
{
	touch(seen(file)->file);
	KERNEL(struct plugin_file *pf = seen(file);

	       fput(m, pf->file);
	       if (!pf->plugin)
		       arena_free(&m->heap, pf, sizeof(*pf)));
}

static const char *host_file_kind(struct their_file *view)
{
	struct file *file = seen(view)->file;
	enum file_kind kind = 0;

	if (seen(view)->plugin)
		return now.plugin->base.script->name;
	/* Shared memory of processes is like one. */
	if (file_is_kind(now.m, file, FILE_MEMFD))
		return file_kind_name(FILE_MEMFD);
	while (kind < NR_FILE_KINDS && !file_is_kind(now.m, file, kind))
		kind++;
	return kind < NR_FILE_KINDS ? file_kind_name(kind) : "";
}

static unsigned long host_copy_user(void *kernel, unsigned long user, size_t size, bool to_user)
{
	const struct uptr *arg = now.user;
	uintptr_t from = arg ? (uintptr_t)arg->mem : 0;

	if (!from || user < from || user - from > arg->size || size > arg->size - (user - from) ||
	    (to_user && arg->read_only))
		return size;
	memcpy(to_user ? (void *)user : kernel, to_user ? kernel : (void *)user, size);
	return 0;
}

/* What the foreign code calls: all else. */

static void host_printk(int level, const char *text)
{
	KERNEL(printk(m, min((enum log_level)level, LOG_ERR), "%s: %s", p->base.script->name,
		      text));
}

static void host_warn(const char *func)
{
	KERNEL(warn(m, func));
}

static void *host_state(void)
{
	return now.plugin->state;
}

static void host_census(s64 nr)
{
	census_add(now.m, CENSUS_HANDLERS, nr);
}

static void host_walk(u64 word)
{
	if (now.walk)
		walk_put(now.walk, word);
}

static void host_walk_folio(struct folio *folio)
{
	if (now.walk)
		walk_frame(now.walk, folio_pfn(now.m, folio));
}

static const struct luosim_kernel kernel_calls = {
	.kzalloc = host_kzalloc,
	.kfree = host_kfree,
	.folio_alloc = host_folio_alloc,
	.folio_get = host_folio_get,
	.folio_put = host_folio_put,
	.folio_pfn = host_folio_pfn,
	.kho_preserve_folio = host_kho_preserve_folio,
	.kho_unpreserve_folio = host_kho_unpreserve_folio,
	.kho_restore_folio = host_kho_restore_folio,
	.kho_alloc_preserve = host_kho_alloc_preserve,
	.kho_unpreserve_free = host_kho_unpreserve_free,
	.kho_restore_free = host_kho_restore_free,
	.map = host_map,
	.unmap = host_unmap,
	.register_file_handler = host_register_file_handler,
	.unregister_file_handler = host_unregister_file_handler,
	.register_flb = host_register_flb,
	.unregister_flb = host_unregister_flb,
	.flb_get = host_flb_get,
	.flb_put = host_flb_put,
	.get_token_outgoing = host_get_token_outgoing,
	.get_file_incoming = host_get_file_incoming,
	.anon_inode_getfile = host_anon_inode_getfile,
	.get_file = host_get_file,
	.fput = host_fput,
	.file_kind = host_file_kind,
	.copy_user = host_copy_user,
	.printk = host_printk,
	.warn = host_warn,
	.state = host_state,
	.census = host_census,
	.walk = host_walk,
	.walk_folio = host_walk_folio,
};

/* Loading and unloading. */

int handler_plug(struct handler_script *script, const struct luosim_handler *plugin)
{
	if (plugin->abi != LUOSIM_HANDLER_ABI)
		return -EPROTO;
	if (!plugin->name || !plugin->kernel || !plugin->init || !plugin->exit || !*plugin->name ||
	    strlen(plugin->name) >= sizeof(script->name) ||
	    plugin->name[strspn(plugin->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				"0123456789-_.")])
		return -EINVAL;
	memcpy(script->name, plugin->name, strlen(plugin->name) + 1);
	script->plugin = plugin;
	*plugin->kernel = &kernel_calls;
	return 0;
}

int plugin_init(struct machine *m, unsigned int i)
{
	struct plugin *p = arena_alloc(&m->heap, sizeof(*p));
	int err;

	p->base.script = &m->config.scripts[i];
	p->base.module.name = p->base.script->name;
	p->code = p->base.script->plugin;
	INIT_LIST_HEAD(&p->handlers);
	INIT_LIST_HEAD(&p->flbs);
	INIT_LIST_HEAD(&p->windows);
	if (p->code->state_size)
		p->state = arena_alloc(&m->heap, p->code->state_size);
	CALL(m, p, "init()", err = p->code->init());
	if (!err)
		m->k->handlers->scripted[i] = &p->base;
	return err;
}

static struct plugin *plugin_of(struct scripted *s)
{
	return container_of(s, struct plugin, base);
}

void plugin_exit(struct machine *m, struct scripted *s)
{
	CALL(m, plugin_of(s), "exit()", plugin_of(s)->code->exit());
}

struct file *plugin_open(struct machine *m, struct scripted *s)
{
	struct plugin *p = plugin_of(s);
	struct their_file *view;

	if (!p->code->open)
		return ERR_PTR(-ENOENT);
	CALL(m, p, "open()", view = p->code->open());
	return IS_ERR(view) ? (void *)view : seen(view)->file;
}

static int own_call(struct machine *m, int fd, const char *name, u64 arg)
{
	struct file *file = fdget(m, fd);
	struct plugin_file *pf = file ? plugin_file(file) : NULL;
	const struct luosim_operation *op;
	long ret;

	if (!file)
		return -EBADF;
	op = pf ? pf->plugin->code->operations : NULL;
	while (op && op->name && strcmp(op->name, name))
		op++;
	if (!op || !op->name)
		return -ENOTTY;
	CALL(m, pf->plugin, op->name, ret = op->call(&pf->view, arg));
	return ret;
}

int sys_own_call(struct machine *m, int fd, const char *name, uint64_t arg)
{
	SYSCALL(m, own_call(m, fd, name, arg));
}

bool plugin_field(const struct liveupdate_file_handler *fh, const char *name, u32 *offset,
		  u32 *bits)
{
	const struct luosim_field *field;

	if (!is_plugin(fh))
		return false;
	field = container_of(fh, struct plugin_handler, fh)->plugin->code->fields;
	while (field && field->name && strcmp(field->name, name))
		field++;
	if (!field || !field->name)
		return false;
	*offset = field->offset;
	*bits = field->bits;
	return true;
}
