/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Handlers made to order, for what no real handler does: they take files of the
 * kinds that they are told to, and fail where they are told to. What they hand over
 * is in script_pages.c.
 */
#include <stdio.h>

#include "handlers/plugin.h"
#include "handlers/script_pages.h"

#define pr_fmt "scripted: "

static const char *const call_names[NR_HANDLER_CALLS] = {
	[CALL_CAN_PRESERVE] = "can_preserve",
	[CALL_CAN_FINISH] = "can_finish",
	[CALL_PRESERVE] = "preserve",
	[CALL_UNPRESERVE] = "unpreserve",
	[CALL_FREEZE] = "freeze",
	[CALL_UNFREEZE] = "unfreeze",
	[CALL_RETRIEVE] = "retrieve",
	[CALL_FINISH] = "finish",
	[CALL_FLB_PRESERVE] = "flb_preserve",
	[CALL_FLB_UNPRESERVE] = "flb_unpreserve",
	[CALL_FLB_RETRIEVE] = "flb_retrieve",
	[CALL_FLB_FINISH] = "flb_finish",
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

/* Count the call, and take the page that it leaks; the errno that the script has, or 0. */
static int scripted_call(struct machine *m, struct scripted *s, enum handler_call call)
{
	u32 nth = s->script->fail[call].nth;

	s->calls[call]++;
	if (s->script->leaks & 1u << call)
		folio_alloc(m, GFP_KERNEL, 0);
	return !nth || nth == s->calls[call] ? s->script->fail[call].error : 0;
}

static bool holds(struct machine *m, const struct script_expr *expr, const struct file *file,
		  bool retrieved, u32 call)
{
	return !expr->nr || script_eval(m, expr, file, retrieved, call);
}

static bool scripted_can_preserve(struct machine *m, struct liveupdate_file_handler *fh,
				  struct file *file)
{
	struct scripted *s = scripted_of(fh);

	if (script_kind(m, s->script, file) == NR_SCRIPT_KINDS)
		return false;
	return !scripted_call(m, s, CALL_CAN_PRESERVE) &&
	       holds(m, &s->script->can_preserve, file, false, s->calls[CALL_CAN_PRESERVE]);
}

/* Is a file of the session's as far as @what? */
static bool has_come(const struct luo_file *luo_file, enum script_need what)
{
	switch (what) {
	case NEED_FROZEN:
		return luo_file->frozen;
	case NEED_RETRIEVED:
		return luo_file->retrieve_status > 0;
	default:
		return true;
	}
}

/* Has one of that handler's files, or for NEED_FINISHED all of them, come that far? */
static bool need_is_met(const struct luo_session *session, const char *handler,
			enum script_need what)
{
	const struct luo_file *luo_file;

	list_for_each_entry(luo_file, &session->file_set.files_list, list)
		if (!strcmp(luo_file->fh->name, handler) && has_come(luo_file, what))
			return what != NEED_FINISHED;
	return what == NEED_FINISHED;
}

static int check_needs(struct liveupdate_file_op_args *args, enum script_need what)
{
	const struct handler_script *script = scripted_of(args->handler)->script;

	for (int i = 0; i < MAX_SCRIPT_NEEDS && *script->needs[i].handler; i++)
		if (script->needs[i].what == what &&
		    !need_is_met(args->session, script->needs[i].handler, what))
			return what == NEED_PRESERVED ? -ENOENT : -EBUSY;
	return 0;
}

/* Does what fails here keep what it made? */
static bool keeps(const struct scripted *s, enum handler_call call)
{
	return s->script->fail[call].how == FAILS_AND_KEEPS;
}

static int scripted_preserve(struct liveupdate_file_op_args *args)
{
	struct scripted *s = scripted_of(args->handler);
	int fails = scripted_call(args->m, s, CALL_PRESERVE), err;
	phys_addr_t phys;

	if (fails && !keeps(s, CALL_PRESERVE))
		return fails;
	err = check_needs(args, NEED_PRESERVED);
	if (!err)
		err = script_save(args->m, s->script, args->file, &phys);
	if (err || fails)
		return err ? err : fails;
	args->serialized_data = phys;
	return 0;
}

static void scripted_unpreserve(struct liveupdate_file_op_args *args)
{
	if (!scripted_call(args->m, scripted_of(args->handler), CALL_UNPRESERVE))
		script_unsave(args->m, scripted_of(args->handler)->script,
			      args->serialized_data);
}

static int scripted_freeze(struct liveupdate_file_op_args *args)
{
	int err = scripted_call(args->m, scripted_of(args->handler), CALL_FREEZE);

	if (!err)
		err = check_needs(args, NEED_FROZEN);
	if (err)
		return err;
	script_save_state(args->m, scripted_of(args->handler)->script, args->file,
			  args->serialized_data);
	scripted_of(args->handler)->frozen++;
	return 0;
}

/* A device would run again from here on, which it cannot if it was not stopped. */
static void scripted_unfreeze(struct liveupdate_file_op_args *args)
{
	struct scripted *s = scripted_of(args->handler);

	scripted_call(args->m, s, CALL_UNFREEZE);
	WARN_ON(args->m, !s->frozen);
	s->frozen -= !!s->frozen;
}

/* A file needs its FLBs to come back, and only for that moment. */
static int use_flbs(struct machine *m, struct scripted *s)
{
	for (int i = 0; i < MAX_SCRIPT_FLBS && s->flb[i]; i++) {
		void *obj;
		int err;

		if (*s->script->flb_on[i])
			continue;
		err = liveupdate_flb_get_incoming(m, s->flb[i], &obj);
		if (err)
			return err;
		liveupdate_flb_put_incoming(m, s->flb[i]);
	}
	return 0;
}

/* A retrieve that fails leaves the data where they are, unless it keeps what it made. */
static int scripted_retrieve(struct liveupdate_file_op_args *args)
{
	struct scripted *s = scripted_of(args->handler);
	int fails = scripted_call(args->m, s, CALL_RETRIEVE), err;

	if (fails && s->script->fail[CALL_RETRIEVE].how == FAILS_WITHOUT_FILE)
		return 0;
	if (fails && !keeps(s, CALL_RETRIEVE))
		return fails;
	err = check_needs(args, NEED_RETRIEVED);
	if (!err)
		err = use_flbs(args->m, s);
	if (!err)
		err = script_restore(args->m, s->script, args->serialized_data, &args->file);
	return err ? err : fails;
}

static bool scripted_can_finish(struct liveupdate_file_op_args *args)
{
	struct scripted *s = scripted_of(args->handler);
	bool retrieved = args->retrieve_status > 0;

	if (scripted_call(args->m, s, CALL_CAN_FINISH) || s->script->finish == FINISH_NEVER ||
	    (s->script->finish == FINISH_RETRIEVED && !retrieved))
		return false;
	return holds(args->m, &s->script->can_finish, args->file, retrieved,
		     s->calls[CALL_CAN_FINISH]);
}

static void scripted_finish(struct liveupdate_file_op_args *args)
{
	struct scripted *s = scripted_of(args->handler);

	if (scripted_call(args->m, s, CALL_FINISH))
		return;
	WARN_ON(args->m, check_needs(args, NEED_FINISHED));
	/* What a retrieve has put away and then failed to hand out is gone. */
	if (args->retrieve_status > 0 || (args->retrieve_status < 0 && keeps(s, CALL_RETRIEVE)))
		return;
	script_discard(args->m, s->script, args->serialized_data);
}

struct liveupdate_file_handler *scripted_of_file(struct machine *m, struct file *file)
{
	struct scripted **s = m->k->handlers->scripted, **end = s + m->config.nr_scripts;

	for (; s < end; s++)
		if (*s && script_kind(m, (*s)->script, file) != NR_SCRIPT_KINDS)
			return &(*s)->fh;
	return NULL;
}

static u64 scripted_get_id(struct machine *m, struct liveupdate_file_handler *fh,
			   struct file *file)
{
	const struct scripted *s = container_of(fh, struct scripted, fh);

	/* What was handed over said that it is of a kind which it does not take. */
	if (script_kind(m, s->script, file) == NR_SCRIPT_KINDS)
		return object_id(m, file);
	switch (s->script->id) {
	case ID_INODE:
		return object_id(m, file_inode(file));
	case ID_CONSTANT:
		return s->script->constant;
	case ID_EXPR:
		return script_eval(m, &s->script->id_expr, file, false, 0);
	default:
		return object_id(m, file);
	}
}

#define SCRIPTED_OPS				\
	.can_preserve = scripted_can_preserve,	\
	.preserve = scripted_preserve,		\
	.unpreserve = scripted_unpreserve,	\
	.freeze = scripted_freeze,		\
	.unfreeze = scripted_unfreeze,		\
	.retrieve = scripted_retrieve,		\
	.can_finish = scripted_can_finish,	\
	.finish = scripted_finish,		\
	.features = script_features,		\
	.walk = script_walk

static const struct liveupdate_file_ops scripted_ops = { SCRIPTED_OPS };
/* With id=: without it the open file is the object. */
static const struct liveupdate_file_ops scripted_id_ops = {
	SCRIPTED_OPS, .get_id = scripted_get_id,
};

/* FLBs. Those who share one go by what the first of them says. */

struct scripted_flb {
	phys_addr_t ser;
};

static int flb_call(struct machine *m, struct liveupdate_flb *flb, enum handler_call call)
{
	return scripted_call(m, container_of(flb->owner, struct scripted, module), call);
}

static int scripted_flb_preserve(struct liveupdate_flb_op_args *args)
{
	struct machine *m = args->m;
	struct scripted_flb *obj;
	int err = flb_call(args->m, args->flb, CALL_FLB_PRESERVE);

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
	if (flb_call(args->m, args->flb, CALL_FLB_UNPRESERVE))
		return;
	kho_unpreserve_free(args->m, args->data);
	kfree(args->m, args->obj, sizeof(struct scripted_flb));
}

static int scripted_flb_retrieve(struct liveupdate_flb_op_args *args)
{
	struct scripted_flb *obj;
	int err = flb_call(args->m, args->flb, CALL_FLB_RETRIEVE);

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

	if (flb_call(args->m, args->flb, CALL_FLB_FINISH))
		return;
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

/* compat=sub: after it what it is made of, in alphabetical order, as the kernel's are. */
static void add_components(struct machine *m, const struct handler_script *script,
			   char *text, size_t size)
{
	u64 left = script_known(m, script);

	while (left) {
		int first = -1;

		for (int i = 0; i < MAX_SCRIPT_FEATURES; i++)
			if (left & 1ull << i &&
			    (first < 0 || strcmp(script->features[i].name,
						 script->features[first].name) < 0))
				first = i;
		snprintf(text + strlen(text), size - strlen(text), ";%s",
			 script->features[first].name);
		left &= ~(1ull << first);
	}
}

/* The compatible string that the script has in this kernel. */
static void compatible(struct machine *m, const struct handler_script *script,
		       char *sub, size_t size)
{
	const char *text = script->name;

	for (int i = 0; i < MAX_SCRIPT_COMPATIBLE && *script->compatible[i].text; i++)
		if (script->compatible[i].kernel <= m->kernel_nr)
			text = script->compatible[i].text;
	snprintf(sub, size, "%s", text);
	if (m->k->boot.release.policy.compat == COMPAT_SUB)
		add_components(m, script, sub, size);
}

/* The handler whose files need FLB @i; NULL: it is not loaded. */
static struct liveupdate_file_handler *handler_of_flb(struct machine *m, struct scripted *s, int i)
{
	struct liveupdate_file_handler *fh;

	if (!*s->script->flb_on[i])
		return &s->fh;
	list_for_each_entry(fh, &m->k->luo.handlers, list)
		if (!strcmp(fh->name, s->script->flb_on[i]))
			return fh;
	return NULL;
}

/* On failure the handler is unregistered. */
static int register_flb(struct machine *m, struct scripted *s, int i)
{
	int err;

	s->flb_on[i] = handler_of_flb(m, s, i);
	if (s->flb_on[i] == &s->fh)
		return handler_register_flb(m, &s->fh, s->flb[i]);
	err = s->flb_on[i] ? liveupdate_register_flb(m, s->flb_on[i], s->flb[i]) : -ENOENT;
	if (err) {
		pr_err(m, "Could not register FLB '%s' on '%s': %d", s->script->flb[i],
		       s->script->flb_on[i], err);
		liveupdate_unregister_file_handler(m, &s->fh);
	}
	return err;
}

/* All of them, or none. */
static int register_flbs(struct machine *m, struct scripted *s)
{
	int err = 0, i;

	for (i = 0; !err && i < MAX_SCRIPT_FLBS && s->flb[i]; i++)
		err = register_flb(m, s, i);
	for (i--; err && i--; )
		if (s->flb_on[i] != &s->fh)
			liveupdate_unregister_flb(m, s->flb_on[i], s->flb[i]);
	return err;
}

/* Choose and register what the files need, in the order of the script. */
static int register_all(struct machine *m, struct scripted *s)
{
	char sub[128];
	int err = 0;

	s->fh.features = script_known(m, s->script);
	for (int i = 0; !err && i < MAX_SCRIPT_FLBS && *s->script->flb[i]; i++)
		err = choose_flb(m, s, i);
	compatible(m, s->script, sub, sizeof(sub));
	if (!err && strlen(sub) >= LIVEUPDATE_HNDL_COMPAT_LENGTH) {
		pr_err(m, "compatible string '%s' is too long", sub);
		err = -ENAMETOOLONG;
	}
	if (!err)
		err = handler_register(m, &s->fh, s->script->name,
				       s->script->id == ID_FILE ? &scripted_ops :
								  &scripted_id_ops, sub, NULL);
	/* Who takes memfds is asked before memfd's own, as one with an earlier initcall is. */
	if (!err && s->script->accepts & 1u << FILE_MEMFD)
		luo_handler_first(m, &s->fh);
	if (!err)
		err = register_flbs(m, s);
	if (err)
		leave_flbs(m, s);
	else if (s->script->twice)
		liveupdate_register_file_handler(m, &s->fh);
	return err;
}

int scripted_init(struct machine *m, unsigned int i)
{
	/* Modules that are gone stay where they were, so that what still points there shows. */
	struct scripted *s;
	int err;

	if (m->config.scripts[i].plugin)
		return plugin_init(m, i);
	s = arena_alloc(&m->heap, sizeof(*s));
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
	if (s->script->plugin) {
		plugin_exit(m, s);
		return;
	}
	for (int i = 0; i < MAX_SCRIPT_FLBS && s->flb[i]; i++)
		liveupdate_unregister_flb(m, s->flb_on[i], s->flb[i]);
	liveupdate_unregister_file_handler(m, &s->fh);
	leave_flbs(m, s);
}
