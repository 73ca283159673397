/* SPDX-License-Identifier: GPL-2.0-only */
/* From a program over a console and a recording to the model. */
#include <string.h>

#include "run/overrides.h"
#include "run/plan.h"
#include "scn/select.h"
#include "vm/ask.h"
#include "vm/console.h"

static char *run_alone(const struct vm *vm, const struct program *program, GError **error)
{
	g_autoptr(GPtrArray) programs = g_ptr_array_new();

	g_ptr_array_add(programs, (gpointer)program);
	return vm_run(vm, programs, error);
}

/* Something that only the kernel's configuration could give. */
static bool lacks(const struct recording *rec, GError **error)
{
	for (guint i = 0; i < rec->ops->len; i++) {
		const struct recorded_op *op = &g_array_index(rec->ops, struct recorded_op, i);

		if (!g_str_has_prefix(op->text, "fail_nth") || !g_str_equal(op->rc, "-EOPNOTSUPP"))
			continue;
		g_set_error(error, SCN_ERROR, ASK_LACKS,
			    "line %u: fail alloc, expected a kernel with fault injection",
			    op->line);
		return true;
	}
	return false;
}

bool ask(const struct vm *vm, const struct program *program, const struct overrides *overrides,
	 struct answer *answer, GError **error)
{
	if (answer->console == NULL)
		answer->console = run_alone(vm, program, error);
	if (answer->console != NULL)
		answer->line = console_recording(program, answer->console, error);
	if (answer->line != NULL)
		answer->recording = recording_parse(answer->line, error);
	if (answer->recording != NULL && lacks(answer->recording, error))
		return false;
	if (answer->recording != NULL && program->tasks == 0)
		answer->agreement = recording_run(answer->recording, overrides, error);
	return program->tasks > 0 ? answer->recording != NULL : answer->agreement != NULL;
}

void answer_clear(struct answer *answer)
{
	g_clear_pointer(&answer->console, g_free);
	g_clear_pointer(&answer->line, g_free);
	g_clear_pointer(&answer->recording, recording_free);
	g_clear_pointer(&answer->agreement, agreement_free);
}

/* The first difference, in one line. */
static char *other_result(const struct recording *rec, const struct agreement *a)
{
	const struct difference *d = &g_array_index(a->differences, struct difference, 0);
	const char *op = d->op < rec->ops->len ?
		g_array_index(rec->ops, struct recorded_op, d->op).text : "boot and end";

	return g_strdup_printf("other result: %s: %s, the model %s", op, d->kernel, d->model);
}

/* What was found is of a release, whichever the kernel is. */
static struct overrides *on_its_release(const struct scenario *scn)
{
	struct overrides *overrides = overrides_new();
	guint64 mem;
	g_autoptr(GArray) plan = plan_kernels(scn, NULL, NULL, &mem);
	const struct boot *first = &g_array_index(plan, struct planned, 0).boot;
	const struct release *release = release_find(first->release.name);

	if (release != NULL)
		g_ptr_array_add(overrides->releases, (gpointer)release);
	return overrides;
}

static char *confirm(const struct vm *vm, const struct program *program)
{
	struct overrides *overrides = on_its_release(program->scn);
	struct answer answer = { 0 };
	g_autoptr(GError) error = NULL;
	char *words;

	if (program->tasks > 0)
		words = g_strdup("cannot be tried: a race, of which luosim vm counts outcomes");
	else if (!ask(vm, program, overrides, &answer, &error))
		words = g_strdup_printf("cannot be tried: %s", error->message);
	else if (answer.agreement->differences->len > 0)
		words = other_result(answer.recording, answer.agreement);
	else
		words = g_strdup_printf("confirmed: %u of %u operations as the model",
					answer.agreement->agreed, answer.agreement->ops);
	answer_clear(&answer);
	overrides_free(overrides);
	return words;
}

char *ask_confirmed(const struct vm *vm, const char *text)
{
	g_autoptr(GError) error = NULL;
	struct scenario *scn = scenario_parse("finding", text, strlen(text), &error);
	struct program *program = scn != NULL ? program_of(scn, &error) : NULL;
	char *words = program != NULL ? confirm(vm, program) :
					g_strdup_printf("cannot be tried: %s", error->message);

	if (program != NULL)
		program_free(program);
	if (scn != NULL)
		scenario_free(scn);
	return words;
}
