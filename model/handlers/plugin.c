/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Handlers that are built against luosim-handler.h, and are loaded from shared objects or
 * shipped (shipped.h). Here is what they see:
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

#include "handlers/iommufd.h"
#include "handlers/pci.h"
#include "handlers/plugin.h"
#include "handlers/shipped.h"
#include "kernel/liveupdate/kho.h"
#include "machine/machine.h"
#include "search/walk.h"

#define pr_fmt "handlers: "

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
#define kho_vmalloc	their_vmalloc
#define mutex	their_mutex
#include "luosim-handler.h"
#undef file
#undef file_operations
#undef liveupdate_file_handler
#undef liveupdate_file_op_args
#undef liveupdate_file_ops
#undef liveupdate_flb
#undef liveupdate_flb_op_args
#undef liveupdate_flb_ops
#undef kho_vmalloc
#undef mutex

struct window {
	struct list_head list;
	struct vm_struct *vm;		/* an area, at 0; NULL: frames, at @phys */
	phys_addr_t phys;
	u64 size;
	u8 mem[];			/* and a guard */
};

/* Bytes after what foreign code may write to, which stay zero. */
#define GUARD	64

struct plugin_handler {
	struct liveupdate_file_handler fh;
	struct their_handler *theirs;
	struct handler_plugin *plugin;
	u32 words;			/* of what it hands over, for searches */
	struct list_head list;
};

struct plugin_flb {
	struct liveupdate_flb flb;
	struct their_flb *theirs;
	struct handler_plugin *plugin;
	struct list_head list;
};

/* What opens as a file of a plugin's; it is never removed. */
struct plugin_node {
	struct handler_plugin *plugin;
	const struct their_file_operations *fops;
	struct dentry *dentry;
	u32 minor;
	struct plugin_node *next;
};

/* One in the running kernel. */
struct handler_plugin {
	struct scripted base;
	bool shipped;			/* the kernel has it built in: it is no module */
	const struct luosim_handler *code;
	struct list_head handlers, flbs, windows;
	void *state;
};

/* A file as the foreign code sees it. */
struct plugin_file {
	struct their_file view;
	struct file *file;
	struct handler_plugin *plugin;		/* whose it is; NULL: not a plugin's */
};

#define NO_PHYS	(~(phys_addr_t)0)

/* What this thread's foreign code runs on. */
struct plugin_context {
	struct machine *m;
	struct handler_plugin *plugin;
	const char *function;
	const struct uptr *user;	/* what copy_from_user() may read */
	bool looks;			/* it changes nothing, not even the heap */
	struct glance *glances;
	struct machine_walk *walk;
	void (*put)(const void *entry);
};

/* A window of foreign code that only looks, in no memory of the machine. */
struct glance {
	struct glance *next;
	u8 mem[];
};

static _Thread_local struct plugin_context now;

/*
 * What is kept here is no memory of the kernel's. It is not in its heap, so that all that
 * is there is where it is if the code is the kernel's own: what depends on addresses, such
 * as the nodes of an xarray, is the same.
 */
struct host_memory {
	struct list_head list;
	u64 size;
	u64 mem[];
};

static void *host_alloc(struct machine *m, u64 size)
{
	struct host_memory *h = arena_alloc(&m->persist, sizeof(*h) + size);

	if (!h)
		simulator_panic(m, "no memory for handlers");
	h->size = size;
	list_add_tail(&h->list, &m->host_memory);
	return h->mem;
}

static void host_free(struct machine *m, void *mem)
{
	struct host_memory *h = container_of(mem, struct host_memory, mem);

	list_del(&h->list);
	arena_free(&m->persist, h, sizeof(*h) + h->size);
}

void plugins_boot(struct machine *m)
{
	struct host_memory *h, *next;

	list_for_each_entry_safe(h, next, &m->host_memory, list)
		host_free(m, h->mem);
	INIT_LIST_HEAD(&m->k->handlers->objects);
}

/* What kzalloc() gave: kfree() is not told the size. */
struct object {
	struct list_head list;
	u8 *mem;
	size_t size, guard;
};

/* Windows. */

static void windows_read(struct machine *m, const struct handler_plugin *p)
{
	struct window *w;

	list_for_each_entry(w, &p->windows, list) {
		if (w->vm)
			vmalloc_read(m, w->vm, 0, w->mem, w->size);
		else
			phys_read(m, w->phys, w->mem, w->size);
	}
}

/* A page of it, from @at on: the frame. */
static phys_addr_t window_frame(const struct window *w, u64 at)
{
	return w->vm ? PFN_PHYS(w->vm->pfns[at >> PAGE_SHIFT]) : w->phys + at;
}

static bool is_clear(const void *guard)
{
	static const u8 zeros[GUARD];

	return !memcmp(guard, zeros, GUARD);
}

/* The foreign code has stopped: it may have changed nothing but what it was given. */
static void check_guards(const struct machine *m, const struct plugin_context *c)
{
	const struct handler_script *script = c->plugin->base.script;
	const struct window *w;
	const struct object *o;
	bool clear = true;

	list_for_each_entry(w, &c->plugin->windows, list)
		clear = clear && is_clear(w->mem + w->size);
	list_for_each_entry(o, &m->k->handlers->objects, list)
		clear = clear && (!o->guard || is_clear(o->mem + o->size));
	if (clear)
		return;
	if (script->accuse)
		script->accuse(script, c->function, "wrote after the end of its memory");
	abort();
}

/* Only what was changed: a frame that was given up may be another's. */
static void windows_write(struct machine *m, const struct handler_plugin *p)
{
	u8 old[PAGE_SIZE];
	struct window *w;

	list_for_each_entry(w, &p->windows, list) {
		for (u64 at = 0; at < w->size; at += PAGE_SIZE) {
			u64 size = min(w->size - at, PAGE_SIZE);

			phys_read(m, window_frame(w, at), old, size);
			if (memcmp(old, w->mem + at, size))
				phys_write(m, window_frame(w, at), w->mem + at, size);
		}
	}
}

static struct window *window_new(struct machine *m, struct handler_plugin *p, u64 size)
{
	struct window *w = host_alloc(m, sizeof(*w) + size + GUARD);

	w->size = size;
	list_add_tail(&w->list, &p->windows);
	return w;
}

static void window_free(struct machine *m, struct window *w)
{
	list_del(&w->list);
	host_free(m, w);
}

static void *window_open(struct machine *m, struct handler_plugin *p, phys_addr_t phys, u64 size)
{
	struct window *w;

	list_for_each_entry(w, &p->windows, list)
		if (!w->vm && phys >= w->phys && phys + size <= w->phys + w->size)
			return w->mem + (phys - w->phys);
	w = window_new(m, p, size);
	w->phys = phys;
	return w->mem;
}

/* An area's; NULL for NULL. */
static void *window_open_area(struct machine *m, struct handler_plugin *p, struct vm_struct *vm)
{
	struct window *w = vm ? window_new(m, p, (u64)vm->nr_pages << PAGE_SHIFT) : NULL;

	if (w)
		w->vm = vm;
	return w ? w->mem : NULL;
}

/* The window of an area that begins at @mem, which was never anything else, or NULL. */
static struct window *window_area(const struct handler_plugin *p, const void *mem)
{
	struct window *w;

	list_for_each_entry(w, &p->windows, list)
		if (w->vm && w->mem == mem)
			return w;
	return NULL;
}

static void windows_close(struct machine *m, struct handler_plugin *p, phys_addr_t phys, u64 size)
{
	struct window *w, *next;

	list_for_each_entry_safe(w, next, &p->windows, list) {
		if (!w->vm && w->phys < phys + size && w->phys + w->size > phys)
			window_free(m, w);
	}
}

static phys_addr_t window_phys(const struct handler_plugin *p, const void *mem)
{
	const struct window *w;

	list_for_each_entry(w, &p->windows, list)
		if (!w->vm && (const u8 *)mem >= w->mem && (const u8 *)mem < w->mem + w->size)
			return w->phys + ((const u8 *)mem - w->mem);
	return NO_PHYS;
}

/* In and out. */

static void watch(const struct handler_plugin *p, const char *function)
{
	if (p && p->base.script->watch)
		p->base.script->watch(p->base.script, function);
}

/* The foreign code goes on, or begins, in @c. */
static void go_in(const struct plugin_context *c)
{
	windows_read(c->m, c->plugin);
	now = *c;
	watch(c->plugin, c->function);
}

/* It is in the kernel, or has returned; where it was. */
static struct plugin_context go_out(void)
{
	struct plugin_context c = now;

	/* Who only looks may call nothing that does more: that is a crash of the foreign code. */
	if (c.looks)
		abort();
	watch(c.plugin, NULL);
	check_guards(c.m, &c);
	windows_write(c.m, c.plugin);
	return c;
}

static struct plugin_context enter(struct machine *m, struct handler_plugin *p,
				   const char *function)
{
	struct plugin_context before = now;

	module_used(m, &p->base.module);
	go_in(&(struct plugin_context){ .m = m, .plugin = p, .function = function });
	return before;
}

/* What was there before goes on only when the function that called the kernel returns. */
static void leave(struct plugin_context before)
{
	go_out();
	now = before;
}

/* A call of foreign code that only looks: anything goes, also where the kernel is no more. */
#define LOOK(_m, _p, _function, _call) do {				\
	struct plugin_context __before = now;					\
									\
	now = (struct plugin_context){						\
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
	struct plugin_context __before = enter(_m, _p, _function);		\
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
	struct plugin_context c = go_out();					\
	struct machine *m __attribute__((unused)) = c.m;		\
	struct handler_plugin *p __attribute__((unused)) = c.plugin;		\
									\
	_do;								\
	go_in(&c);							\
} while (0)

/* Files. */

/* One for each set of what a file may lack: see fops_of(). */
#define FOPS_SEEK	1
#define FOPS_STATE	2
static const struct file_operations plugin_fops[4];

static struct plugin_file *plugin_file(const struct file *file)
{
	bool is_one = file->f_op >= plugin_fops && file->f_op < plugin_fops + 4;

	return is_one ? file->private_data : NULL;
}

/* How foreign code sees @file, until the file goes; one that is no plugin's says nothing. */
static struct their_file *view_of(struct machine *m, struct file *file)
{
	struct plugin_file *pf = file ? plugin_file(file) : NULL;

	if (!file)
		return NULL;
	if (pf)
		return &pf->view;
	if (!file->view) {
		file->view = host_alloc(m, sizeof(*file->view));
		file->view->file = file;
	}
	return &file->view->view;
}

void plugin_view_free(struct machine *m, struct file *file)
{
	host_free(m, file->view);
}

/* The same for one call, which does not keep it. */
static struct their_file *glimpse(struct file *file, struct plugin_file *other)
{
	if (plugin_file(file))
		return &plugin_file(file)->view;
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

/* What is shipped is built in, and has no module. */
static struct module *owner_of(struct handler_plugin *p, const struct their_file_operations *fops)
{
	return fops->owner && !p->shipped ? &p->base.module : NULL;
}

static int plugin_release(struct machine *m, struct file *file)
{
	struct plugin_file *pf = plugin_file(file);
	struct module *owner = owner_of(pf->plugin, their_fops(file));

	if (their_fops(file)->release)
		CALL(m, pf->plugin, "release()", pf->view.f_op->release(&pf->view));
	host_free(m, pf);
	module_put(m, owner);
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

static int plugin_fallocate(struct machine *m, struct file *file, int mode, s64 offset, s64 len)
{
	struct plugin_file *pf = plugin_file(file);
	long ret = -EOPNOTSUPP;

	if (their_fops(file)->fallocate)
		CALL(m, pf->plugin, "fallocate()",
		     ret = pf->view.f_op->fallocate(&pf->view, mode, offset, len));
	return ret;
}

static u64 plugin_contents(struct machine *m, struct file *file)
{
	struct plugin_file *pf = plugin_file(file);
	u64 hash;

	LOOK(m, pf->plugin, "contents()", hash = pf->plugin->code->contents(&pf->view));
	return hash;
}

static void plugin_walk_file(struct machine_walk *w, struct machine *m, struct file *file)
{
	struct plugin_file *pf = plugin_file(file);

	walk_put(w, walk_code(w, pf->plugin->code));
	walk_put(w, walk_code(w, pf->view.f_op));
	if (!pf->plugin->code->walk_file) {
		walk_put(w, pf->plugin->code->contents ? plugin_contents(m, file) : 0);
		return;
	}
	LOOK(m, pf->plugin, "walk_file()",
	     now.walk = w; pf->plugin->code->walk_file(&pf->view));
}

static int plugin_open_node(struct machine *m, struct file *file);

#define FOPS(_mask) {							\
	.name = "plugin", .open = plugin_open_node, .release = plugin_release,	\
	.unlocked_ioctl = plugin_ioctl, .read = plugin_read, .write = plugin_write,	\
	.llseek = (_mask) & FOPS_SEEK ? plugin_llseek : NULL,		\
	.fallocate = plugin_fallocate,					\
	.state = (_mask) & FOPS_STATE ? plugin_contents : NULL,		\
	.walk = plugin_walk_file,					\
}

static const struct file_operations plugin_fops[4] = { FOPS(0), FOPS(1), FOPS(2), FOPS(3) };

static bool has_position(const struct their_file_operations *fops)
{
	return fops->read || fops->write;
}

static const struct file_operations *fops_of(const struct handler_plugin *p,
					     const struct their_file_operations *fops)
{
	return &plugin_fops[(has_position(fops) ? FOPS_SEEK : 0) |
			    (p->code->contents ? FOPS_STATE : 0)];
}

static struct plugin_file *plugin_file_new(struct machine *m, struct handler_plugin *p,
					   const struct their_file_operations *fops, void *priv)
{
	struct plugin_file *pf = host_alloc(m, sizeof(*pf));

	*pf = (struct plugin_file){
		.view = { .f_op = fops, .private_data = priv }, .plugin = p };
	return pf;
}

static const struct plugin_node *node_of(const struct machine *m, const struct inode *inode)
{
	const struct plugin_node *node = m->k->handlers->nodes;

	while (node && node->dentry->d_inode != inode)
		node = node->next;
	return node;
}

void plugin_walk_nodes(struct machine_walk *w, const struct machine *m)
{
	u64 managed = 0;

	for (const struct plugin_node *node = m->k->handlers->nodes; node; node = node->next)
		managed = managed << 1 | node->dentry->d_inode->luo_managed;
	walk_put(w, managed);
}

static int plugin_open_node(struct machine *m, struct file *file)
{
	const struct plugin_node *node = node_of(m, file_inode(file));
	struct module *owner = owner_of(node->plugin, node->fops);
	struct plugin_file *pf;
	int err = 0;

	if (!try_module_get(m, owner))
		return -ENXIO;
	pf = plugin_file_new(m, node->plugin, node->fops, NULL);
	pf->file = file;
	file->private_data = pf;
	if (node->fops->open)
		CALL(m, node->plugin, "open()", err = node->fops->open(&pf->view));
	if (err) {
		host_free(m, pf);
		module_put(m, owner);
	}
	return err;
}

/* Over @inode, whose reference it takes over; NULL: over an anonymous one. */
static struct file *new_file(struct machine *m, struct handler_plugin *p, const char *name,
			     const struct their_file_operations *fops, void *priv, int flags,
			     bool own_inode, struct inode *inode)
{
	struct module *owner = owner_of(p, fops);
	struct plugin_file *pf;
	struct file *file;

	if (!try_module_get(m, owner))
		return ERR_PTR(-ENOENT);
	pf = plugin_file_new(m, p, fops, priv);
	if (inode)
		file = alloc_file(m, inode, name, flags | KERNEL_O_LARGEFILE, fops_of(p, fops));
	else
		file = (own_inode ? anon_inode_create_getfile : anon_inode_getfile)
			(m, name, fops_of(p, fops), pf, flags);
	if (IS_ERR(file)) {
		host_free(m, pf);
		module_put(m, owner);
		return file;
	}
	file->private_data = pf;
	if (has_position(fops))
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
	struct their_args a = {						\
		.handler = h->theirs, .session = (_args)->session,	\
		.retrieve_status = (_args)->retrieve_status,		\
		.their_file = view_of((_args)->m, (_args)->file),	\
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
	struct their_file *view = glimpse(file, &other);
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

static u64 plugin_get_id(struct machine *m, struct liveupdate_file_handler *fh,
			 struct file *file);

static void plugin_walk_data(struct machine_walk *w, struct machine *m,
			     struct liveupdate_file_handler *fh, u64 serialized_data);

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

static u64 plugin_get_id(struct machine *m, struct liveupdate_file_handler *fh,
			 struct file *file)
{
	struct plugin_handler *h = handler_of(fh);
	struct plugin_file other;
	u64 id;

	CALL(m, h->plugin, "get_id()", id = h->theirs->ops->get_id(glimpse(file, &other)));
	/* An address, as in the kernel, which is to be the same in every run. */
	if (id - (uintptr_t)m->heap.base < m->heap.used)
		id = object_id(m, (void *)(uintptr_t)id);
	return id;
}

static void plugin_walk_data(struct machine_walk *w, struct machine *m,
			     struct liveupdate_file_handler *fh, u64 serialized_data)
{
	struct handler_plugin *p = handler_of(fh)->plugin;

	if (!p->code->walk_data)
		walk_words(w, serialized_data, handler_of(fh)->words);
	else if (phys_valid(m, serialized_data, sizeof(u64)))
		LOOK(m, p, "walk_data()", now.walk = w; p->code->walk_data(serialized_data));
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

static struct object *find_object(const struct machine *m, const void *mem)
{
	struct object *o;

	list_for_each_entry(o, &m->k->handlers->objects, list)
		if (o->mem == mem)
			return o;
	return NULL;
}

static void *host_kzalloc(size_t size)
{
	void *mem;

	KERNEL(struct object *o;
	       /* What is shipped has its memory where the kernel's own code would have it. */
	       size_t guard = p->shipped ? 0 : GUARD;

	       mem = size > SIZE_MAX - guard ? NULL : kzalloc(m, size + guard);
	       if (mem) {
		       o = host_alloc(m, sizeof(*o));
		       o->mem = mem;
		       o->size = size;
		       o->guard = guard;
		       list_add_tail(&o->list, &m->k->handlers->objects);
	       });
	return mem;
}

static void host_kfree(void *mem)
{
	if (!mem)
		return;
	touch(mem);
	KERNEL(struct object *o = find_object(m, mem);

	       /* As of any other bad pointer. */
	       if (!o)
		       abort();
	       kfree(m, mem, o->size + o->guard);
	       list_del(&o->list);
	       host_free(m, o));
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

static struct folio *host_pfn_folio(u64 pfn)
{
	struct folio *folio;

	KERNEL(folio = pfn_folio(m, pfn));
	return folio;
}

static bool host_folio_uptodate(struct folio *folio, bool mark)
{
	touch(folio);
	if (mark)
		folio_mark_uptodate(folio);
	return folio_test_uptodate(folio);
}

static bool host_folio_test_hwpoison(const struct folio *folio)
{
	touch(folio);
	return folio_test_hwpoison(folio);
}

static void host_copy_phys(phys_addr_t phys, void *mem, size_t size, bool to_phys)
{
	if (now.looks && !to_phys) {
		memset(mem, 0, size);
		if (phys_valid(now.m, phys, size))
			phys_read(now.m, phys, mem, size);
		return;
	}
	KERNEL(if (to_phys)
		       phys_write(m, phys, mem, size);
	       else
		       phys_read(m, phys, mem, size));
}

static void *host_vcalloc(size_t n, size_t size)
{
	void *mem;

	KERNEL(mem = window_open_area(m, p, vcalloc(m, n, size)));
	return mem;
}

static void host_vfree(const void *mem)
{
	KERNEL(struct window *w = window_area(p, mem);

	       if (w) {
		       vfree(m, w->vm);
		       window_free(m, w);
	       });
}

/* A bad pointer is a crash of the foreign code. */
static struct vm_struct *area(const struct handler_plugin *p, const void *mem)
{
	struct window *w = window_area(p, mem);

	if (!w)
		abort();
	return w->vm;
}

static void host_copy_vmalloc(const void *mem, size_t offset, void *buf, size_t size, bool to)
{
	KERNEL(if (to)
		       vmalloc_write(m, area(p, mem), offset, buf, size);
	       else
		       vmalloc_read(m, area(p, mem), offset, buf, size));
}

static int host_kho_preserve_vmalloc(void *mem, struct their_vmalloc *preservation)
{
	int err;

	KERNEL(err = kho_preserve_vmalloc(m, area(p, mem), (struct kho_vmalloc *)preservation));
	return err;
}

static void host_kho_unpreserve_vmalloc(const struct their_vmalloc *preservation)
{
	KERNEL(kho_unpreserve_vmalloc(m, (const struct kho_vmalloc *)preservation));
}

static void *host_kho_restore_vmalloc(const struct their_vmalloc *preservation)
{
	void *mem;

	KERNEL(mem = window_open_area(m, p, kho_restore_vmalloc(m,
				      (const struct kho_vmalloc *)preservation)));
	return mem;
}

static void host_mutex(struct their_mutex *lock, const char *name, int what)
{
	struct mutex *mutex = (struct mutex *)lock;

	_Static_assert(sizeof(*mutex) <= sizeof(*lock), "luosim-handler.h has room for a mutex");
	KERNEL(if (what == 0)
		       mutex_init(mutex, name);
	       else if (what == 1)
		       mutex_lock(m, mutex);
	       else
		       mutex_unlock(m, mutex));
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
	KERNEL(phys_addr_t phys = mem ? window_phys(p, mem) : NO_PHYS;

	       if (phys != NO_PHYS) {
		       struct folio *folio = pfn_folio(m, PHYS_PFN(phys));

		       windows_close(m, p, phys, folio_nr_pages(folio) << PAGE_SHIFT);
		       kho_unpreserve_free(m, phys);
	       });
}

static void host_kho_restore_free(void *mem)
{
	KERNEL(phys_addr_t phys = mem ? window_phys(p, mem) : NO_PHYS;

	       if (phys != NO_PHYS) {
		       windows_close(m, p, phys, PAGE_SIZE);
		       kho_restore_free(m, phys);
	       });
}

static void host_restore_free(phys_addr_t phys)
{
	KERNEL(windows_close(m, p, phys, PAGE_SIZE);
	       kho_restore_free(m, phys));
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

static struct plugin_handler *find_handler(struct handler_plugin *p,
					   const struct their_handler *theirs)
{
	struct plugin_handler *h;

	list_for_each_entry(h, &p->handlers, list)
		if (h->theirs == theirs)
			return h;
	return NULL;
}

static struct plugin_flb *find_flb(struct handler_plugin *p, const struct their_flb *theirs)
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

/* What registering asks for and is not there, or NULL. */
static const char *missing(const struct their_ops *ops)
{
	return !ops ? "ops" : !ops->preserve ? "preserve()" : !ops->unpreserve ? "unpreserve()" :
	       !ops->retrieve ? "retrieve()" : !ops->finish ? "finish()" :
	       !ops->can_preserve ? "can_preserve()" : NULL;
}

static u32 nr_handlers(const struct handler_plugin *p)
{
	const struct plugin_handler *h;
	u32 nr = 0;

	list_for_each_entry(h, &p->handlers, list)
		nr++;
	return nr;
}

/* The first one has the name of the module, others their compatible strings; or as it says. */
static const char *next_name(const struct handler_plugin *p, const char *compatible)
{
	const char *const *names = p->code->names;
	const struct plugin_handler *h;

	list_for_each_entry(h, &p->handlers, list)
		if (names && *names)
			names++;
	if (names && *names)
		return *names;
	return list_empty(&p->handlers) ? p->base.script->name : compatible;
}

static int register_handler(struct machine *m, struct handler_plugin *p,
			    struct their_handler *theirs)
{
	const char *lacks = missing(theirs->ops);
	struct plugin_handler *h;
	int err;

	if (lacks && liveupdate_enabled(m)) {
		pr_err(m, "handler '%.*s' lacks %s", LIVEUPDATE_HNDL_COMPAT_LENGTH,
		       theirs->compatible, lacks);
		return -EINVAL;
	}
	if (lacks)
		return -EOPNOTSUPP;
	h = host_alloc(m, sizeof(*h));
	h->theirs = theirs;
	h->plugin = p;
	h->fh.owner = p->shipped ? NULL : &p->base.module;
	h->fh.ops = ops_of(theirs->ops);
	h->fh.name = next_name(p, h->fh.compatible);
	h->words = p->code->data_words ? p->code->data_words[nr_handlers(p)] : 8;
	memcpy(h->fh.compatible, theirs->compatible, sizeof(theirs->compatible));
	err = p->shipped ? handler_register(m, &h->fh, h->fh.name, h->fh.ops, theirs->compatible,
					    NULL) :
			   liveupdate_register_file_handler(m, &h->fh);
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

static int register_flb(struct machine *m, struct handler_plugin *p, struct their_handler *handler,
			struct their_flb *theirs)
{
	struct plugin_handler *h = find_handler(p, handler);
	struct plugin_flb *f = find_flb(p, theirs);
	int err;

	if (!h || !theirs->ops || !theirs->ops->preserve || !theirs->ops->unpreserve ||
	    !theirs->ops->retrieve || !theirs->ops->finish)
		return -EINVAL;
	if (!f) {
		f = host_alloc(m, sizeof(*f));
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

	       err = liveupdate_get_file_incoming(m, session, token, &file);
	       if (!err)
		       *filep = view_of(m, file));
	return err;
}

/* What the foreign code calls: files. */

static struct their_file *host_anon_inode_getfile(const char *name,
						  const struct their_file_operations *fops,
						  void *priv, int flags, bool own_inode)
{
	struct file *file;

	KERNEL(file = new_file(m, p, name, fops, priv, flags, own_inode, NULL));
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
	KERNEL(fput(m, seen(file)->file));
}

static struct their_file *host_fdget(unsigned int fd)
{
	return view_of(now.m, fdget(now.m, fd));
}

static struct their_file *host_fget(unsigned int fd)
{
	struct their_file *view;

	KERNEL(view = view_of(m, fget(m, fd)));
	return view;
}

static int host_close_fd(unsigned int fd)
{
	int err;

	KERNEL(err = file_close_fd(m, fd));
	return err;
}

static int host_eventfd_create(u64 count, unsigned int flags)
{
	int fd;

	KERNEL(fd = do_eventfd(m, count, flags));
	return fd;
}

static int host_eventfd_luo_get_state(struct their_file *view, u64 *count, unsigned int *flags)
{
	int err;

	touch(seen(view));
	KERNEL(err = eventfd_luo_get_state(m, seen(view)->file, count, flags));
	return err;
}

static int create_node(struct machine *m, struct handler_plugin *p, const char *path,
		       unsigned int mode,
		       const struct their_file_operations *fops, u32 minor)
{
	struct plugin_node *node = host_alloc(m, sizeof(*node));

	*node = (struct plugin_node){
		.plugin = p, .fops = fops, .minor = minor, .next = m->k->handlers->nodes,
		.dentry = devtmpfs_create_node(m, mode, path, fops_of(p, fops)),
	};
	if (!node->dentry)
		return -ENOMEM;
	m->k->handlers->nodes = node;
	return 0;
}

struct dentry *plugin_lookup(const struct machine *m, const char *path)
{
	/* A kernel tree has no handlers of ours. */
	const struct plugin_node *node = m->k->handlers ? m->k->handlers->nodes : NULL;

	while (node && strcmp(node->dentry->d_name, path))
		node = node->next;
	return node ? node->dentry : NULL;
}

static int host_create_node(const char *path, unsigned int mode,
			    const struct their_file_operations *fops, u32 minor)
{
	int err;

	KERNEL(err = create_node(m, p, path, mode, fops, minor));
	return err;
}

static struct file *open_node(struct machine *m, const struct handler_plugin *p, const char *path,
			      int flags)
{
	const struct plugin_node *node = m->k->handlers->nodes;

	while (node && (node->plugin != p || strcmp(node->dentry->d_name, path)))
		node = node->next;
	return node ? do_open(m, node->dentry, flags | KERNEL_O_LARGEFILE) : ERR_PTR(-ENOENT);
}

static struct their_file *host_filp_open(const char *path, int flags)
{
	struct file *file;

	KERNEL(file = open_node(m, p, path, flags));
	return IS_ERR(file) ? (void *)file : &plugin_file(file)->view;
}

static struct inode *host_new_inode(u32 magic, s64 size)
{
	struct inode *inode;

	KERNEL(inode = new_inode(m, FS_HANDLER, S_IFREG, 1);
	       if (inode) {
		       inode->has_pages = true;
		       inode->magic = magic;
		       i_size_write(m, inode, size);
	       });
	return inode;
}

static void host_iput(struct inode *inode)
{
	touch(inode);
	KERNEL(iput(m, inode));
}

static struct their_file *host_alloc_file(struct inode *inode, const char *name, int flags,
					  const struct their_file_operations *fops, void *priv)
{
	struct file *file;

	touch(inode);
	KERNEL(file = new_file(m, p, name, fops, priv, flags, true, inode));
	return IS_ERR(file) ? (void *)file : &plugin_file(file)->view;
}

static struct inode *host_file_inode(const struct their_file *file)
{
	return file_inode(seen((struct their_file *)file)->file);
}

static u32 host_iminor(const struct inode *inode)
{
	const struct plugin_node *node = node_of(now.m, inode);

	return node ? node->minor : 0;
}

static s64 host_i_size_read(const struct inode *inode)
{
	return i_size_read(inode);
}

static void host_inode_lock(struct inode *inode, bool lock)
{
	touch(inode);
	KERNEL(if (lock)
		       inode_lock(m, inode);
	       else
		       inode_unlock(m, inode));
}

static bool host_freeze(struct inode *inode, int freeze)
{
	bool was = inode->flags & SHMEM_F_MAPPING_FROZEN;

	if (freeze >= 0)
		shmem_freeze(now.m, inode, freeze);
	return was;
}

/* What the foreign code calls: page caches. */

static struct address_space *host_mapping(struct inode *inode)
{
	return &inode->i_mapping;
}

static u64 host_nrpages(const struct address_space *mapping)
{
	return mapping->nrpages;
}

static struct folio *host_filemap_get_folio(struct address_space *mapping, u64 index)
{
	struct folio *folio;

	KERNEL(folio = filemap_get_folio(m, mapping, index));
	return folio;
}

static struct folio *host_filemap_next_folio(struct address_space *mapping, u64 *index, u64 end)
{
	struct folio *folio;

	KERNEL(folio = filemap_next_folio(m, mapping, index, end));
	return folio;
}

static int host_filemap_add_folio(struct address_space *mapping, struct folio *folio, u64 index)
{
	int err;

	touch(folio);
	KERNEL(err = filemap_add_folio(m, mapping, folio, index));
	return err;
}

static void host_filemap_truncate(struct address_space *mapping, u64 index, u64 end)
{
	KERNEL(filemap_truncate(m, mapping, index, end));
}

/* What the foreign code calls: the PCI core and iommufd. */

static bool host_pci_incoming(u32 nr)
{
	return now.m->k->handlers->pci[nr % NR_PCI_DEVICES].incoming;
}

static bool host_pci_removed(u32 nr)
{
	return now.m->k->handlers->pci[nr % NR_PCI_DEVICES].removed;
}

static int host_pci_refs(u32 nr, bool incoming)
{
	int refs;

	KERNEL(refs = nr < NR_PCI_DEVICES ? pci_refs(m, nr, incoming) : 0);
	return refs;
}

static void host_pci_remove(u32 nr)
{
	KERNEL(if (nr < NR_PCI_DEVICES)
		       pci_remove(m, nr));
}

static void host_pci_rescan(void)
{
	KERNEL(pci_rescan(m));
}

/* On failure the handler is unregistered. */
static int host_pci_register_flb(struct their_handler *theirs)
{
	int err = -EINVAL;

	KERNEL(struct plugin_handler *h = find_handler(p, theirs);

	       if (h)
		       err = handler_register_flb(m, &h->fh, pci_liveupdate_flb(m));
	       if (h && err)
		       list_del(&h->list);
	       if (!err)
		       pci_enumerate(m));
	return err;
}

static int host_pci_preserve(u32 nr)
{
	int err;

	KERNEL(err = nr < NR_PCI_DEVICES ? pci_liveupdate_preserve(m, nr) : -ENODEV);
	return err;
}

static void host_pci_unpreserve(u32 nr)
{
	KERNEL(if (nr < NR_PCI_DEVICES)
		       pci_liveupdate_unpreserve(m, nr));
}

static void host_pci_finish(u32 nr)
{
	KERNEL(if (nr < NR_PCI_DEVICES)
		       pci_liveupdate_finish(m, nr));
}

static struct iommufd_ctx *host_iommufd_ctx_from_file(struct their_file *file)
{
	return iommufd_ctx_from_file(seen(file)->file);
}

static int host_iommufd_attach(struct iommufd_ctx *ictx, u32 nr, u32 hwpt)
{
	int err;

	touch(ictx);
	KERNEL(err = nr < NR_PCI_DEVICES ? iommufd_attach(m, ictx, nr, hwpt) : -ENODEV);
	return err;
}

static int host_iommufd_device_preserve(struct luo_session *session, struct iommufd_ctx *ictx,
					u32 nr)
{
	int err;

	touch(session);
	KERNEL(err = iommufd_device_preserve(m, session, ictx, nr));
	return err;
}

static void host_iommufd_device_unpreserve(struct iommufd_ctx *ictx, u32 nr)
{
	KERNEL(iommufd_device_unpreserve(m, ictx, nr));
}

static const char *host_file_kind(struct their_file *view)
{
	struct file *file = seen(view)->file;
	enum file_kind kind = 0;

	if (seen(view)->plugin)
		return seen(view)->plugin->base.script->name;
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

static void host_printk(int level, const char *prefix, const char *text)
{
	KERNEL(printk(m, min((enum log_level)level, LOG_ERR), "%s: %s",
		      prefix ? prefix : p->base.script->name, text));
}

static bool host_has_fix(const char *fix)
{
	int nr = fix_find(fix);

	return nr >= 0 && has_fix(now.m, nr);
}

/* Which process, and how often it had ended: what comes after that has another mm. */
static u64 host_current_mm(void)
{
	const struct process *process = process_of(now.m->task->files);

	return object_id(now.m, process) << 32 | process->exits;
}

static void host_page_fault(void)
{
	KERNEL(task_yield(m, YIELD_FAULT, NULL));
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

static bool host_walk_object(const void *object)
{
	return now.walk && walk_object(now.walk, object);
}

static void host_walk_file(struct their_file *file)
{
	if (now.walk)
		walk_file(now.walk, seen(file)->file);
}

static void host_walk_pfn(u64 pfn)
{
	if (now.walk)
		walk_frame(now.walk, pfn);
}

static void host_walk_mm(u64 mm)
{
	const struct process *process = (void *)(now.m->heap.base + (mm >> 32) * ARENA_STEP);
	u64 name = 0;

	if (process->exits == (u32)mm)
		memcpy(&name, process->comm, sizeof(name));
	host_walk(name);
}

/* walk_vmalloc() has no place for the foreign function, which is in @now. */
static void put_entry(struct machine_walk *w, const void *entry)
{
	(void)w;
	now.put(entry);
}

static void host_walk_vmalloc(const struct their_vmalloc *vmalloc, u64 nr, size_t size,
			      void (*put)(const void *entry))
{
	if (!now.walk)
		return;
	now.put = put;
	walk_vmalloc(now.walk, (const struct kho_vmalloc *)vmalloc, nr, size, put_entry);
}

const struct luosim_kernel luosim_kernel_calls = {
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
	.restore_free = host_restore_free,
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
	.has_fix = host_has_fix,
	.pfn_folio = host_pfn_folio,
	.folio_uptodate = host_folio_uptodate,
	.copy_phys = host_copy_phys,
	.vcalloc = host_vcalloc,
	.vfree = host_vfree,
	.copy_vmalloc = host_copy_vmalloc,
	.kho_preserve_vmalloc = host_kho_preserve_vmalloc,
	.kho_unpreserve_vmalloc = host_kho_unpreserve_vmalloc,
	.kho_restore_vmalloc = host_kho_restore_vmalloc,
	.their_mutex = host_mutex,
	.create_node = host_create_node,
	.filp_open = host_filp_open,
	.new_inode = host_new_inode,
	.iput = host_iput,
	.alloc_file = host_alloc_file,
	.file_inode = host_file_inode,
	.iminor = host_iminor,
	.i_size_read = host_i_size_read,
	.inode_lock = host_inode_lock,
	.freeze = host_freeze,
	.mapping = host_mapping,
	.nrpages = host_nrpages,
	.filemap_get_folio = host_filemap_get_folio,
	.filemap_next_folio = host_filemap_next_folio,
	.filemap_add_folio = host_filemap_add_folio,
	.filemap_truncate = host_filemap_truncate,
	.fdget = host_fdget,
	.current_mm = host_current_mm,
	.page_fault = host_page_fault,
	.pci_find = pci_find,
	.pci_is_virtfn = pci_is_virtfn,
	.pci_is_below = pci_is_below,
	.pci_removed = host_pci_removed,
	.pci_refs = host_pci_refs,
	.pci_remove = host_pci_remove,
	.pci_rescan = host_pci_rescan,
	.pci_incoming = host_pci_incoming,
	.pci_register_flb = host_pci_register_flb,
	.pci_preserve = host_pci_preserve,
	.pci_unpreserve = host_pci_unpreserve,
	.pci_finish = host_pci_finish,
	.iommufd_ctx_from_file = host_iommufd_ctx_from_file,
	.iommufd_attach = host_iommufd_attach,
	.iommufd_detach = iommufd_detach,
	.iommufd_device_preserve = host_iommufd_device_preserve,
	.iommufd_device_unpreserve = host_iommufd_device_unpreserve,
	.walk_object = host_walk_object,
	.walk_file = host_walk_file,
	.walk_pfn = host_walk_pfn,
	.walk_mm = host_walk_mm,
	.walk_vmalloc = host_walk_vmalloc,
	.fget = host_fget,
	.close_fd = host_close_fd,
	.eventfd_create = host_eventfd_create,
	.eventfd_luo_get_state = host_eventfd_luo_get_state,
	.folio_test_hwpoison = host_folio_test_hwpoison,
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
	*plugin->kernel = &luosim_kernel_calls;
	return 0;
}

/* Its code is there. */
static struct handler_plugin *plugin_new(struct machine *m, const struct handler_script *script)
{
	struct handler_plugin *p = host_alloc(m, sizeof(*p));

	p->base.script = script;
	p->base.module.name = p->base.script->name;
	p->code = p->base.script->plugin;
	INIT_LIST_HEAD(&p->handlers);
	INIT_LIST_HEAD(&p->flbs);
	INIT_LIST_HEAD(&p->windows);
	if (p->code->state_size)
		p->state = host_alloc(m, p->code->state_size);
	return p;
}

static void run_driver(struct machine *m, struct handler_plugin *p)
{
	if (p->code->driver)
		CALL(m, p, "driver()", p->code->driver());
}

int plugin_init(struct machine *m, unsigned int i)
{
	struct handler_plugin *p = plugin_new(m, &m->config.scripts[i]);
	int err;

	run_driver(m, p);
	CALL(m, p, "init()", err = p->code->init());
	if (!err)
		m->k->handlers->scripted[i] = &p->base;
	return err;
}

void shipped_boot(struct machine *m, unsigned int i)
{
	struct handler_plugin *p = plugin_new(m, handler_shipped(i));

	p->shipped = true;
	m->k->handlers->shipped[i] = p;
	run_driver(m, p);
}

void shipped_init(struct machine *m, unsigned int i)
{
	struct handler_plugin *p = m->k->handlers->shipped[i];

	/* What it says of a failure was said. */
	CALL(m, p, "init()", p->code->init());
}

static struct handler_plugin *plugin_of(struct scripted *s)
{
	return container_of(s, struct handler_plugin, base);
}

void plugin_exit(struct machine *m, struct scripted *s)
{
	CALL(m, plugin_of(s), "exit()", plugin_of(s)->code->exit());
}

struct file *plugin_open(struct machine *m, struct scripted *s)
{
	struct handler_plugin *p = plugin_of(s);
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

static bool brings(const struct luosim_handler *code, const struct luosim_call *call)
{
	const struct luosim_call *c = code->calls;

	while (c && c->name && c != call)
		c++;
	return c && c->name;
}

/* Who has @call, which need not be loaded. */
static struct handler_plugin *find_caller(struct machine *m, const struct luosim_call *call)
{
	struct handlers *handlers = m->k->handlers;

	/* A tree's kernel has none. */
	if (!handlers)
		return NULL;
	for (unsigned int i = 0; i < NR_SHIPPED; i++)
		if (brings(handlers->shipped[i]->code, call))
			return handlers->shipped[i];
	for (unsigned int i = 0; i < m->config.nr_scripts; i++) {
		struct scripted *s = handlers->scripted[i];

		if (s && s->script->plugin && brings(s->script->plugin, call))
			return plugin_of(s);
	}
	return NULL;
}

static s64 handler_call(struct machine *m, const struct luosim_call *call,
			const struct luosim_arg *args)
{
	struct handler_plugin *p = find_caller(m, call);
	struct their_file *view = NULL;
	s64 ret = 0;

	if (!p)
		return -ENOENT;
	if (!call->open) {
		CALL(m, p, call->name, ret = call->call(args));
		return ret;
	}
	CALL(m, p, call->name, view = call->open(args));
	return install_file(m, IS_ERR(view) ? (void *)view : seen(view)->file);
}

int64_t sys_handler_call(struct machine *m, const struct luosim_call *call,
			 const struct luosim_arg *args)
{
	SYSCALL(m, handler_call(m, call, args));
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
