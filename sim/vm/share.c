/* SPDX-License-Identifier: GPL-2.0-only */
/* Puts programs together that a machine can run one after the other. */
#include "run/in-order.h"
#include "run/progress.h"
#include "vm/console.h"
#include "vm/share.h"

#define MAX_IN_MACHINE	32u

struct sharing {
	const struct vm *vm;
	GArray *all;		/* of struct shared */
	GPtrArray *machines;	/* of GArray of guint, which index @all */
	struct progress *progress;
};

static const struct program *program_at(const struct sharing *s, guint i)
{
	return g_array_index(s->all, struct shared, i).program;
}

static bool fit(const struct program *a, const struct program *b)
{
	return a->tasks == b->tasks && g_str_equal(a->append, b->append);
}

/* Into the last machine that it fits into, if there is a place; else one of its own. */
static void put(struct sharing *s, guint i, guint room)
{
	GArray *machine;

	for (guint m = s->machines->len; m-- > 0;) {
		machine = s->machines->pdata[m];
		if (!fit(program_at(s, g_array_index(machine, guint, 0)), program_at(s, i)))
			continue;
		if (machine->len >= room)
			break;
		g_array_append_val(machine, i);
		return;
	}
	machine = g_array_new(FALSE, FALSE, sizeof(guint));
	g_array_append_val(machine, i);
	g_ptr_array_add(s->machines, machine);
}

static void run_machine(void *data, guint m)
{
	struct sharing *s = data;
	const GArray *machine = s->machines->pdata[m];
	g_autoptr(GPtrArray) programs = g_ptr_array_new();
	g_autofree char *text = NULL;

	if (machine->len == 1 || progress_stopped(s->progress))
		return;
	for (guint k = 0; k < machine->len; k++)
		g_ptr_array_add(programs,
				(gpointer)program_at(s, g_array_index(machine, guint, k)));
	text = vm_run(s->vm, programs, NULL);
	for (guint k = 0; k < machine->len && text != NULL; k++) {
		struct shared *of = &g_array_index(s->all, struct shared,
						   g_array_index(machine, guint, k));

		of->console = console_part(text, k);
		of->behind = k > 0 ? ((const struct program *)programs->pdata[k - 1])->name : NULL;
	}
}

static void machine_done(void *data, guint m)
{
	struct sharing *s = data;

	progress_at(s->progress, m + 1, s->machines->len);
}

void share(const struct vm *vm, GArray *all, guint jobs)
{
	struct sharing s = {
		.vm = vm, .all = all,
		.machines = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref),
	};
	guint shareable = 0, room;

	for (guint i = 0; i < all->len; i++)
		shareable += program_at(&s, i) != NULL && program_shares(program_at(&s, i));
	room = CLAMP((shareable + jobs - 1) / jobs, 1, MAX_IN_MACHINE);
	for (guint i = 0; i < all->len; i++)
		if (program_at(&s, i) != NULL && program_shares(program_at(&s, i)))
			put(&s, i, room);
	s.progress = progress_new("machines");
	in_order(jobs, s.machines->len, run_machine, machine_done, &s);
	progress_free(s.progress);
	g_ptr_array_unref(s.machines);
}
