/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Modules (kernel/module/main.c): references, loading and unloading. The only
 * modules are those of the scripted handlers, and lib/test_kho.c; all other handlers
 * are built in.
 */
#include "handlers/handlers.h"
#include "lib/test_kho.h"
#include "machine/machine.h"

bool try_module_get(struct machine *m, struct module *module)
{
	if (!module)
		return true;
	if (module->going || should_fail(m, FAIL_MODULE_GET, 0, module->name))
		return false;
	module->refcnt++;
	return true;
}

void module_put(struct machine *m, struct module *module)
{
	if (!module)
		return;
	module->refcnt--;
	task_yield(m, YIELD_MODULE_PUT, NULL);
}

void module_used(struct machine *m, const struct module *module)
{
	if (!module || !module->gone)
		return;
	judge(m, VIOLATION_USE_AFTER_FREE, 0, "handler \"%s\" is used, whose module was unloaded",
	      module->name);
	panic(m, "BUG: unable to handle page fault in module %s", module->name);
}

static int init_module(struct machine *m, const char *name)
{
	KCALL_NAMED(m, "__x64_sys_finit_module");
	int i = scripted_find(m, name);

	if (!capable(m))
		return -EPERM;
	if (i < 0 && !strcmp(name, "test_kho"))
		return m->kho_test ? -EEXIST : kho_test_init(m);
	if (i < 0)
		return i;
	if (m->k->handlers->scripted[i])
		return -EEXIST;
	return scripted_init(m, i);
}

static int delete_module(struct machine *m, const char *name, bool force)
{
	KCALL_NAMED(m, "__x64_sys_delete_module");
	int i = scripted_find(m, name);
	struct scripted *s;

	if (!capable(m))
		return -EPERM;
	if (i < 0 && !strcmp(name, "test_kho") && m->kho_test) {
		kho_test_exit(m);
		return 0;
	}
	if (i < 0)
		return i;
	s = m->k->handlers->scripted[i];
	if (!s)
		return -ENOENT;
	if (s->module.going)
		return -EBUSY;
	if (s->module.refcnt && !force)
		return -EWOULDBLOCK;
	s->module.going = true;
	scripted_exit(m, s);
	s->module.gone = true;
	m->k->handlers->scripted[i] = NULL;
	return 0;
}

int sys_insmod(struct machine *m, const char *name)
{
	SYSCALL(m, init_module(m, name));
}

int sys_rmmod(struct machine *m, const char *name, bool force)
{
	SYSCALL(m, delete_module(m, name, force));
}
