/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Handlers made to order, for what no real handler does: they take files of the
 * kinds that they are told to, and fail where they are told to. What they keep of
 * a file is one number, see kind_state().
 */
#include "handlers/handlers.h"
#include "machine/machine.h"
#include "search/walk.h"

struct scripted_ser {
	u64 kind;
	u64 state;
} __packed;

static const char *const call_names[NR_HANDLER_CALLS] = {
	[CALL_CAN_PRESERVE] = "can_preserve",
	[CALL_CAN_FINISH] = "can_finish",
	[CALL_PRESERVE] = "preserve",
	[CALL_FREEZE] = "freeze",
	[CALL_RETRIEVE] = "retrieve",
	[CALL_FLB_PRESERVE] = "flb_preserve",
	[CALL_FLB_RETRIEVE] = "flb_retrieve",
};

const char *handler_call_name(enum handler_call call)
{
	return call_names[call];
}

int handler_call_find(const char *name)
{
	for (int i = 0; i < NR_HANDLER_CALLS; i++)
		if (!strcmp(call_names[i], name))
			return i;
	return -ENOENT;
}

static struct scripted *scripted_of(struct liveupdate_file_handler *fh)
{
	return container_of(fh, struct scripted, fh);
}

/* Count the call; the errno that the script has for it, or 0. */
static int scripted_call(struct scripted *s, enum handler_call call)
{
	u32 nth = s->script->fail[call].nth;

	s->calls[call]++;
	return !nth || nth == s->calls[call] ? s->script->fail[call].error : 0;
}

/* The kind of @file that the script accepts, or NR_FILE_KINDS. */
static enum file_kind accepted(struct machine *m, const struct scripted *s, struct file *file)
{
	enum file_kind kind = 0;

	while (kind < NR_FILE_KINDS &&
	       !(s->script->accepts & 1u << kind && file_is_kind(m, file, kind)))
		kind++;
	return kind;
}

static bool scripted_can_preserve(struct machine *m, struct liveupdate_file_handler *fh,
				  struct file *file)
{
	return accepted(m, scripted_of(fh), file) < NR_FILE_KINDS;
}

static void scripted_save(struct liveupdate_file_op_args *args)
{
	struct scripted_ser ser = {
		.kind = accepted(args->m, scripted_of(args->handler), args->file),
		.state = kind_state(args->file),
	};

	phys_write(args->m, args->serialized_data, &ser, sizeof(ser));
}

static int scripted_preserve(struct liveupdate_file_op_args *args)
{
	int err = scripted_call(scripted_of(args->handler), CALL_PRESERVE);

	if (err)
		return err;
	err = kho_alloc_preserve(args->m, sizeof(struct scripted_ser), &args->serialized_data);
	if (!err)
		scripted_save(args);
	return err;
}

static void scripted_unpreserve(struct liveupdate_file_op_args *args)
{
	kho_unpreserve_free(args->m, args->serialized_data);
}

static int scripted_freeze(struct liveupdate_file_op_args *args)
{
	int err = scripted_call(scripted_of(args->handler), CALL_FREEZE);

	if (!err)
		scripted_save(args);
	return err;
}

/* A device would run again from here on; a number that was saved needs no undoing. */
static void scripted_unfreeze(struct liveupdate_file_op_args *args)
{
	(void)args;
}

/* A file needs its FLBs to come back, and only for that moment. */
static int use_flbs(struct machine *m, struct scripted *s)
{
	for (int i = 0; i < MAX_SCRIPT_FLBS && s->flb[i]; i++) {
		void *obj;
		int err = liveupdate_flb_get_incoming(m, s->flb[i], &obj);

		if (err)
			return err;
		liveupdate_flb_put_incoming(m, s->flb[i]);
	}
	return 0;
}

/* A retrieve that fails leaves the data where they are. */
static int scripted_retrieve(struct liveupdate_file_op_args *args)
{
	struct scripted *s = scripted_of(args->handler);
	struct machine *m = args->m;
	struct scripted_ser ser;
	struct file *file;
	int err;

	err = scripted_call(s, CALL_RETRIEVE);
	if (!err)
		err = use_flbs(m, s);
	if (err)
		return err;
	phys_read(m, args->serialized_data, &ser, sizeof(ser));
	if (ser.kind >= NR_FILE_KINDS)
		return -EINVAL;
	file = open_kind(m, ser.kind);
	if (IS_ERR(file))
		return PTR_ERR(file);
	kind_set_state(file, ser.state);
	kho_restore_free(m, args->serialized_data);
	args->file = file;
	return 0;
}

static bool scripted_can_finish(struct liveupdate_file_op_args *args)
{
	switch (scripted_of(args->handler)->script->finish) {
	case FINISH_NEVER:
		return false;
	case FINISH_RETRIEVED:
		return args->retrieve_status > 0;
	default:
		return true;
	}
}

static void scripted_finish(struct liveupdate_file_op_args *args)
{
	if (args->retrieve_status <= 0)
		kho_restore_free(args->m, args->serialized_data);
}

/* The kernel does not say which handler it asks; it is the first that takes the file. */
static u64 scripted_get_id(struct machine *m, struct file *file)
{
	struct scripted **s = m->k->handlers->scripted, **end = s + m->config.nr_scripts;

	while (s < end && (!*s || accepted(m, *s, file) == NR_FILE_KINDS))
		s++;
	/* What was handed over said that it is of a kind which nobody takes. */
	if (s == end)
		return object_id(m, file);
	switch ((*s)->script->id) {
	case ID_INODE:
		return object_id(m, file_inode(file));
	case ID_CONSTANT:
		return (*s)->script->constant;
	default:
		return object_id(m, file);
	}
}

static void scripted_walk(struct machine_walk *w, struct machine *m, u64 serialized_data)
{
	(void)m;
	walk_words(w, serialized_data, sizeof(struct scripted_ser) / sizeof(u64));
}

static const struct liveupdate_file_ops scripted_ops = {
	.can_preserve = scripted_can_preserve,
	.preserve = scripted_preserve,
	.unpreserve = scripted_unpreserve,
	.freeze = scripted_freeze,
	.unfreeze = scripted_unfreeze,
	.retrieve = scripted_retrieve,
	.can_finish = scripted_can_finish,
	.finish = scripted_finish,
	.get_id = scripted_get_id,
	.walk = scripted_walk,
};

/* FLBs. Those who share one go by what the first of them says. */

struct scripted_flb {
	phys_addr_t ser;
};

static int flb_call(struct liveupdate_flb *flb, enum handler_call call)
{
	return scripted_call(container_of(flb->owner, struct scripted, module), call);
}

static int scripted_flb_preserve(struct liveupdate_flb_op_args *args)
{
	struct machine *m = args->m;
	struct scripted_flb *obj;
	int err = flb_call(args->flb, CALL_FLB_PRESERVE);

	if (err)
		return err;
	obj = kzalloc(m, sizeof(*obj));
	if (!obj)
		return -ENOMEM;
	err = kho_alloc_preserve(m, PAGE_SIZE, &obj->ser);
	if (err) {
		kfree(m, obj, sizeof(*obj));
		return err;
	}
	args->obj = obj;
	args->data = obj->ser;
	return 0;
}

static void scripted_flb_unpreserve(struct liveupdate_flb_op_args *args)
{
	kho_unpreserve_free(args->m, args->data);
	kfree(args->m, args->obj, sizeof(struct scripted_flb));
}

static int scripted_flb_retrieve(struct liveupdate_flb_op_args *args)
{
	struct scripted_flb *obj;
	int err = flb_call(args->flb, CALL_FLB_RETRIEVE);

	if (err)
		return err;
	obj = kzalloc(args->m, sizeof(*obj));
	if (!obj)
		return -ENOMEM;
	obj->ser = args->data;
	args->obj = obj;
	return 0;
}

static void scripted_flb_finish(struct liveupdate_flb_op_args *args)
{
	struct scripted_flb *obj = args->obj;

	kho_restore_free(args->m, obj->ser);
	kfree(args->m, obj, sizeof(*obj));
}

static const struct liveupdate_flb_ops scripted_flb_ops = {
	.preserve = scripted_flb_preserve,
	.unpreserve = scripted_flb_unpreserve,
	.retrieve = scripted_flb_retrieve,
	.finish = scripted_flb_finish,
};

/* Loading and unloading. */

static unsigned int nr_scripts(const struct machine *m)
{
	return min(m->config.nr_scripts, MAX_SCRIPTS);
}

int scripted_find(struct machine *m, const char *name)
{
	for (unsigned int i = 0; i < nr_scripts(m); i++)
		if (!strcmp(m->config.scripts[i].name, name))
			return i;
	return -ENOENT;
}

/* The FLB of that name, which a loaded module may have; or NULL. */
static struct liveupdate_flb *flb_named(struct machine *m, const char *name)
{
	for (unsigned int i = 0; i < nr_scripts(m); i++) {
		struct scripted *s = m->k->handlers->scripted[i];

		for (int j = 0; s && j < MAX_SCRIPT_FLBS && s->flb[j]; j++)
			if (s->flb[j] == &s->own_flb[j] && !strcmp(s->flb[j]->compatible, name))
				return s->flb[j];
	}
	return NULL;
}

/* Its own FLB, or another's, whose module is then needed for as long as this one is. */
static int choose_flb(struct machine *m, struct scripted *s, int i)
{
	struct liveupdate_flb *flb = flb_named(m, s->script->flb[i]);

	if (flb && !try_module_get(m, flb->owner))
		return -ENOENT;
	if (!flb) {
		flb = &s->own_flb[i];
		flb_init(flb, &scripted_flb_ops, s->script->flb[i]);
		flb->owner = &s->module;
	}
	s->flb[i] = flb;
	return 0;
}

static void leave_flbs(struct machine *m, struct scripted *s)
{
	for (int i = 0; i < MAX_SCRIPT_FLBS && s->flb[i]; i++)
		if (s->flb[i] != &s->own_flb[i])
			module_put(m, s->flb[i]->owner);
}

/* Choose and register what the files need, in the order of the script. */
static int register_all(struct machine *m, struct scripted *s)
{
	const char *name = s->script->name;
	int err = 0;

	for (int i = 0; !err && i < MAX_SCRIPT_FLBS && *s->script->flb[i]; i++)
		err = choose_flb(m, s, i);
	if (!err)
		err = handler_register(m, &s->fh, name, &scripted_ops, name, NULL);
	for (int i = 0; !err && i < MAX_SCRIPT_FLBS && s->flb[i]; i++)
		err = handler_register_flb(m, &s->fh, s->flb[i]);
	if (err)
		leave_flbs(m, s);
	return err;
}

int scripted_init(struct machine *m, unsigned int i)
{
	/* Modules that are gone stay where they were, so that what still points there shows. */
	struct scripted *s = arena_alloc(&m->heap, sizeof(*s));
	int err;

	s->script = &m->config.scripts[i];
	s->module.name = s->script->name;
	s->fh.owner = &s->module;
	err = register_all(m, s);
	if (!err)
		m->k->handlers->scripted[i] = s;
	return err;
}

void scripted_exit(struct machine *m, struct scripted *s)
{
	for (int i = 0; i < MAX_SCRIPT_FLBS && s->flb[i]; i++)
		liveupdate_unregister_flb(m, &s->fh, s->flb[i]);
	liveupdate_unregister_file_handler(m, &s->fh);
	leave_flbs(m, s);
}
