/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What kernels a run has: those of the headings, as variant and command line change them;
 * and by them, which runs a scenario claims something of.
 */
#include "run/overrides.h"
#include "run/plan.h"
#include "scn/op.h"
#include "scn/plugin.h"
#include "scn/select.h"
#include "scn/setting.h"
#include "scn/tree.h"


/* The release that variant or command line ask for, or NULL. */
static const struct release *overridden(const struct variant *variant, const struct overrides *o,
					guint index)
{
	const struct release *tree = o != NULL ? overrides_tree(o) : NULL;

	/* What a scenario claims of a release is run on the tree that is one. */
	if (index == 0 && variant != NULL && variant->release != NULL)
		return tree != NULL && g_str_equal(tree->name, variant->release->name) ?
			tree : variant->release;
	if (o == NULL || (index > 0 && o->releases->len <= 1))
		return NULL;
	return o->releases->len > 0 ? o->releases->pdata[MIN(index, o->releases->len - 1)] : NULL;
}

/* The kernel at @h as it is written; its settings are yet to be applied. */
static struct boot written_boot(const GArray *plan, const struct kernel_heading *h)
{
	struct boot boot = { .kho = true, .liveupdate = true };

	if (plan->len > 0)
		boot = g_array_index(plan, struct planned, plan->len - 1).boot;
	if (h->release != NULL)
		boot.release = *h->release;
	else if (plan->len == 0)
		boot.release = *newest_release();
	return boot;
}

/* What is not LUO's, but comes with the handlers. */
#define HANDLER_FIXES	(FIX_BIT(FIX_KVM_TOKEN_FREEZE) | FIX_BIT(FIX_KVM_MMU_FREEZE) |	\
			 FIX_BIT(FIX_KVM_MEM_ATTRS) | FIX_BIT(FIX_GMEM_SHARED_ONLY) |	\
			 FIX_BIT(FIX_VFIO_V5) | FIX_BIT(FIX_IOMMU_V5) | FIX_BIT(FIX_PCI_V9))

/* @release takes the place of what is written. */
static void put_release(struct release *now, const struct release *release, bool keep_handlers)
{
	struct release written = *now;

	*now = *release;
	if (!keep_handlers)
		return;
	now->handlers |= written.handlers;
	now->fixes |= written.fixes & HANDLER_FIXES;
}

static void plan_kernel(GArray *plan, const struct variant *variant, const struct overrides *o,
			const struct kernel_heading *h, guint64 *mem)
{
	guint index = plan->len;
	const struct release *release = overridden(variant, o, index);
	struct planned planned = { .number = h->number, .boot = written_boot(plan, h) };
	struct boot *boot = &planned.boot;
	struct policy policy;
	const char *bad;

	if (release != NULL)
		put_release(&boot->release, release, o != NULL && o->keep_handlers);
	policy = boot->release.policy;
	settings_apply(h->settings, boot, mem);
	if (o != NULL && o->policy_given)
		boot->release.policy = policy;
	if (variant != NULL && variant->policy != NULL)
		policy_apply(variant->policy, &boot->release.policy, &bad);
	if (o != NULL)
		settings_apply(o->settings, boot, mem);
	g_array_append_val(plan, planned);
}

GArray *plan_kernels(const struct scenario *scn, const struct variant *variant,
		     const struct overrides *overrides, guint64 *mem)
{
	GArray *plan = g_array_new(FALSE, TRUE, sizeof(struct planned));

	*mem = DEFAULT_MEM;
	for (guint i = 0; i < scn->steps->len; i++) {
		const struct step *step = &g_array_index(scn->steps, struct step, i);

		if (step->kind == STEP_KERNEL)
			plan_kernel(plan, variant, overrides, &step->kernel, mem);
	}
	return plan;
}

char *boot_arguments(const struct boot *boot)
{
	return g_strdup_printf("kho=%s liveupdate=%s", boot->kho ? "on" : "off",
			       boot->liveupdate ? "on" : "off");
}

/* Does the variant leave all kernels as they are written? */
static bool changes_nothing(const struct scenario *scn, const struct variant *variant)
{
	guint64 mem;
	g_autoptr(GArray) written = plan_kernels(scn, NULL, NULL, &mem);
	g_autoptr(GArray) varied = plan_kernels(scn, variant, NULL, &mem);

	for (guint i = 0; i < written->len; i++) {
		const struct release *a = &g_array_index(written, struct planned, i).boot.release;
		const struct release *b = &g_array_index(varied, struct planned, i).boot.release;

		if (!g_str_equal(a->name, b->name) || !policy_equal(&a->policy, &b->policy))
			return false;
	}
	return true;
}

const struct variant *claimed_run(const struct scenario *scn)
{
	for (guint i = 0; i < scn->runs->len; i++)
		if (changes_nothing(scn, &g_array_index(scn->runs, struct variant, i)))
			return NULL;
	return scn->runs->len > 0 ? &g_array_index(scn->runs, struct variant, 0) : NULL;
}

static void add_if_on(GPtrArray *runs, const struct scenario *scn, const struct variant *variant,
		      const struct release *release)
{
	guint64 mem;
	g_autoptr(GArray) plan = plan_kernels(scn, variant, NULL, &mem);

	if (g_str_equal(g_array_index(plan, struct planned, 0).boot.release.name, release->name))
		g_ptr_array_add(runs, (gpointer)variant);
}

void claimed_runs_on(const struct scenario *scn, const struct release *release, GPtrArray *runs)
{
	if (scn->runs->len == 0)
		add_if_on(runs, scn, NULL, release);
	for (guint i = 0; i < scn->runs->len; i++)
		add_if_on(runs, scn, &g_array_index(scn->runs, struct variant, i), release);
}

bool release_as_built(const struct release *release)
{
	const struct release *row = release_find(release->name);

	for (int i = 0; i < NR_LIMITS; i++)
		if (i != LIMIT_NOFILE && release->limit[i] != row->limit[i])
			return false;
	return release->fixes == row->fixes &&
	       !((release->handlers ^ row->handlers) & ~HANDLERS_SCRIPTED) &&
	       policy_equal(&release->policy, &row->policy);
}

static char *object(const struct scenario *scn, guint line, const char *what,
		    const struct release *release)
{
	return g_strdup_printf("%s:%u: %s on the kernel tree %s, expected a release", scn->file,
			       line, what, release_label(release));
}

const char *handler_lacking(const struct handler_script *script)
{
	if (script->plugin != NULL)
		return "a handler of a shared object";
	return *script->needs[0].handler != '\0' ? "a handler that needs another" : NULL;
}

static char *handler_objection(const struct scenario *scn, guint nr,
			       const struct release *release)
{
	const char *what = handler_lacking(&g_array_index(scn->handlers, struct handler_script,
							  nr));

	return what != NULL ? object(scn, scn->line, what, release) : NULL;
}

/* A module that is not one of the scenario's handlers, and no test of KHO. */
static bool is_other_module(const struct scenario *scn, const struct op *op)
{
	if (!g_str_equal(op->info->name, "insmod") && !g_str_equal(op->info->name, "rmmod"))
		return false;
	if (g_str_equal(op->args[0].text.bytes, "test_kho"))
		return false;
	for (guint i = 0; i < scn->handlers->len; i++)
		if (g_str_equal(g_array_index(scn->handlers, struct handler_script, i).name,
				op->args[0].text.bytes))
			return false;
	return true;
}

static char *step_objection(const struct scenario *scn, const struct step *step,
			    const struct release *release)
{
	if (step->kind == STEP_KERNEL && !release_as_built(release))
		return object(scn, step->line, "a policy, fix, limit or handler", release);
	/* What it would say has an address of luosim's. */
	if (step->kind == STEP_FAIL && step->fail.failure.point == FAIL_EARLY_MEMREMAP &&
	    step->fail.failure.nth > 1)
		return object(scn, step->line, "a second early_memremap() that fails", release);
	if (step->kind == STEP_OP &&
	    (step->op.info->model_only || is_other_module(scn, &step->op)))
		return object(scn, step->line, step->op.info->name, release);
	return NULL;
}

/* The setting that asks for memory which a tree's kernel has not. */
static const char *boot_objection(const struct boot *boot)
{
	const guint64 *scratch = boot->scratch;

	return boot->reserve_mem != NULL ? "reserve_mem=" :
	       boot->crashkernel != 0 ? "crashkernel=" :
	       boot->nodes > 1 ? "nodes=" :
	       scratch[0] + scratch[1] + scratch[2] > 0 ? "kho_scratch=" :
	       boot->gigantic_pages > 0 ? "gigantic_pages=" :
	       boot->kasan ? "kasan=" :
	       boot->mem_profiling ? "mem_profiling=" :
	       boot->deferred_init ? "deferred_init=" : NULL;
}

char *plan_objection(const struct scenario *scn, const struct variant *variant,
		     const struct overrides *overrides)
{
	guint64 mem;
	g_autoptr(GArray) plan = plan_kernels(scn, variant, overrides, &mem);
	const struct release *release = NULL;
	const struct boot *boot;
	char *objection = NULL;
	guint kernel = 0;

	for (guint i = 0; i < scn->steps->len && objection == NULL; i++) {
		const struct step *step = &g_array_index(scn->steps, struct step, i);

		if (step->kind == STEP_KERNEL) {
			boot = &g_array_index(plan, struct planned, kernel++).boot;
			release = &boot->release;
			if (release->tree != NULL && boot_objection(boot) != NULL)
				return object(scn, step->line, boot_objection(boot), release);
		}
		if (release == NULL || release->tree == NULL)
			continue;
		for (guint n = 0; n < scn->handlers->len && objection == NULL; n++)
			objection = handler_objection(scn, n, release);
		if (objection == NULL)
			objection = step_objection(scn, step, release);
	}
	return objection;
}
