/* SPDX-License-Identifier: GPL-2.0-only */
/* What a scenario says that a real kernel cannot be told. */
#include <stdarg.h>

#include "emit/chunk.h"
#include "emit/refuse.h"
#include "emit/rows.h"
#include "scn/fail.h"

static bool refuse(GError **error, const struct scenario *scn, guint line, guint column,
		   const char *format, ...)
{
	g_autofree char *what = NULL;
	va_list args;

	va_start(args, format);
	what = g_strdup_vprintf(format, args);
	va_end(args);
	g_set_error(error, SCN_ERROR, 0, "%s:%u:%u: %s, expected what a real kernel can be told",
		    scn->file, line, column, what);
	return false;
}

static const char *setting_refused(const struct setting *s, guint kernel, enum told by)
{
	switch (s->kind) {
	case SET_PANIC_ON_WARN:
	case SET_MEM:
	case SET_HUGEPAGES:
		return NULL;
	case SET_KHO:
	case SET_LIVEUPDATE:
		return by == TOLD_BY_VM || kernel == 1 ? NULL :
			"a later kernel with boot options of its own";
	case SET_WITH:
	case SET_WITHOUT:
		return "a fix that is given or taken away";
	case SET_LIMIT:
		return "a limit that is changed";
	case SET_POLICY:
		return "a policy of its own";
	case SET_HANDLERS:
		return "file handlers of its own";
	case SET_RESERVE_MEM:
		return "reserve_mem=, of which user space sees nothing";
	case SET_KASAN:
	case SET_MEM_PROFILING:
	case SET_DEBUGFS:
		return "a kernel built to be debugged";
	case SET_KHO_SCRATCH:
		return "scratch areas of their own sizes";
	case SET_GIGANTIC_PAGES:
		return "huge pages of 1 GiB";
	case SET_DEFERRED_INIT:
		return "a kernel with deferred initialization of struct pages";
	case SET_CRASHKERNEL:
		return "a crash kernel";
	case SET_NODES:
		return "a machine of several nodes";
	}
	return NULL;
}

static bool kernel_told(const struct scenario *scn, const struct step *step, enum told by,
			GError **error)
{
	const struct kernel_heading *k = &step->kernel;

	for (guint i = 0; i < k->settings->len; i++) {
		const char *what = setting_refused(&g_array_index(k->settings, struct setting, i),
						   k->number, by);

		if (what != NULL)
			return refuse(error, scn, step->line, step->column, "%s", what);
	}
	if (k->release == NULL)
		return true;
	if (k->release->tree != NULL)
		return refuse(error, scn, step->line, step->column, "a kernel tree");
	if (k->release->posted)
		return refuse(error, scn, step->line, step->column, "%s, which is no release",
			      k->release->name);
	return true;
}

/* A task of a race is no loop. */
static bool in_loop(const struct scenario *scn, const struct step *step)
{
	const struct step *s = step;

	while (s > (struct step *)scn->steps->data && s->depth > 0) {
		guint depth = s->depth;

		while (s->depth >= depth)
			s--;
		if (s->kind == STEP_REPEAT)
			return true;
	}
	return false;
}

/* The flags of an image, or the length to its end, are all that an argument may not be. */
static bool op_told(const struct scenario *scn, const struct step *step, GError **error)
{
	const struct op *op = &step->op;
	const struct saying *saying = saying_of(op->info);

	if (saying == NULL)
		return refuse(error, scn, step->line, step->column, "%s(), which is the model's",
			      op->info->name);
	if (saying->cannot != NULL)
		return refuse(error, scn, step->line, step->column, "%s(): %s", op->info->name,
			      saying->cannot);
	if (op->info->args[0].words == words_images && op->args[0].kind == VALUE_NUMBER &&
	    op->args[0].number != KEXEC_FILE)
		return refuse(error, scn, step->line, step->column,
			      "%s() of segments or for a crash", op->info->name);
	if (op->info->reboots && in_loop(scn, step))
		return refuse(error, scn, step->line, step->column, "%s() in a loop",
			      op->info->name);
	return true;
}

static bool fail_told(const struct scenario *scn, const struct step *step, enum told by,
		      GError **error)
{
	const struct fail *fail = &step->fail;
	g_autoptr(GString) text = g_string_new(NULL);

	if (by == TOLD_BY_VM && !fail->any && fail->failure.point == FAIL_ALLOC)
		return true;
	if (by == TOLD_BY_PROGRAM)
		return refuse(error, scn, step->line, step->column, "a failure");
	fail_print(text, fail);
	return refuse(error, scn, step->line, step->column, fail->any ?
		      "%s, each failure in turn" : "%s, a failure of no allocation", text->str);
}

static bool race_told(const struct scenario *scn, const struct step *step, enum told by,
		      GError **error)
{
	if (by == TOLD_BY_VM && step->race.schedule == NULL && !step->race.seeded)
		return true;
	return refuse(error, scn, step->line, step->column, by == TOLD_BY_PROGRAM ? "a race" :
		      "a race whose order is given");
}

static bool step_told(const struct scenario *scn, const struct step *step, enum told by,
		      GError **error)
{
	switch (step->kind) {
	case STEP_KERNEL:
		return kernel_told(scn, step, by, error);
	case STEP_OP:
		return op_told(scn, step, error);
	case STEP_FAIL:
		return fail_told(scn, step, by, error);
	case STEP_RACE:
		return race_told(scn, step, by, error);
	case STEP_TASK:
		return step->task.process == NULL ||
		       refuse(error, scn, step->line, step->column, "a second process");
	case STEP_PROCESS:
		return refuse(error, scn, step->line, step->column, "a second process");
	case STEP_REPEAT:
	case STEP_END:
		break;
	}
	return true;
}

bool scenario_told(const struct scenario *scn, enum told by, GError **error)
{
	if (scn->handlers->len > 0)
		return refuse(error, scn, scn->handler_line, 1, "a scripted handler");
	for (guint i = 0; i < scn->steps->len; i++)
		if (!step_told(scn, &g_array_index(scn->steps, struct step, i), by, error))
			return false;
	if (by == TOLD_BY_PROGRAM && rows_claimed(scn) == 0)
		return refuse(error, scn, scn->line, 1,
			      "nothing is claimed of a release with its own policy");
	return true;
}
