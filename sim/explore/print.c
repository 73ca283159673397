/* SPDX-License-Identifier: GPL-2.0-only */
/* Worlds written down: operations as the steps of a scenario, and in short. */
#include <errno.h>

#include "scn/fail.h"
#include "scn/print.h"
#include "scn/schedule.h"
#include "scn/setting.h"
#include "scn/tree.h"
#include "scn/words.h"
#include "explore/internal.h"
#include "explore/pairs.h"

static const char *const task_names[MAX_WORLD_TASKS] = { "one", "two" };

void world_print_slot(GString *out, const struct world *world, guint slot)
{
	slot = own_slot(world, slot);
	if (slot == 0)
		g_string_append(out, "dev");
	else if (slot < in_slot(world, 0))
		g_string_append_printf(out, "s%u", slot - 1);
	else if (slot < file_slot(world, 0))
		g_string_append_printf(out, "r%u", slot - in_slot(world, 0));
	else
		g_string_append_printf(out, "f%u", slot - file_slot(world, 0));
}

static void put_call(GString *out, const struct world_op *op)
{
	const struct print as_it_is = { 0 };

	print_call(out, &as_it_is, &op->op);
}

/* In a line of text, where nothing else says who does it. */
static void print_whose(GString *out, const struct world *world, guint nr)
{
	if (op_of(world, nr)->process > 0)
		g_string_append_printf(out, "%s: ", process_name(op_of(world, nr)->process));
	put_call(out, op_of(world, nr));
}

static void print_pair(GString *out, const struct world *world, const struct world_pair *pair)
{
	g_string_append(out, "race(");
	for (guint i = 0; i < MAX_WORLD_TASKS; i++) {
		g_string_append(out, i > 0 ? ", " : "");
		print_whose(out, world, pair->ops[i]);
	}
	g_string_append_c(out, ')');
}

void world_print_call(GString *out, const struct world *world, guint nr, guint nth)
{
	if (world_pair(world, nr) != NULL) {
		print_pair(out, world, world_pair(world, nr));
		return;
	}
	print_whose(out, world, nr);
	if (nth >= FIRST_DAMAGE) {
		g_string_append(out, " [");
		world_print_damage(out, world, nth - FIRST_DAMAGE);
		g_string_append_c(out, ']');
	} else if (nth > 0) {
		g_string_append_printf(out, " [failing at %u]", nth);
	}
}

#define TASK_STEP	6

void world_print_step(GString *out, int indent, const char *call, const char *result)
{
	g_string_append_printf(out, "%*s", indent, "");
	if (*result == '\0')
		g_string_append_printf(out, "%s\n", call);
	else
		g_string_append_printf(out, "%-*s = %s\n", 41 - indent, call, result);
}

void world_print_enter(GString *out, guint process)
{
	g_string_append_printf(out, "  process %s\n", process_name(process));
}

static void print_processes(GString *out, const struct world *world)
{
	for (guint i = world->processes; i-- > 0 && world->processes > 1; )
		world_print_enter(out, i);
}

/* "0" or "-EBUSY" */
static void print_number(GString *out, gint64 ret)
{
	if (ret >= 0 || errno_name(-ret) == NULL)
		g_string_append_printf(out, "%" G_GINT64_FORMAT, ret);
	else
		g_string_append_printf(out, "-%s", errno_name(-ret));
}

void world_print_start(GString *out, const struct world *world,
		       const struct overrides *overrides)
{
	g_string_append_printf(out, "kernel 1 %s mem=%" G_GUINT64_FORMAT "M",
			       release_label(&world->boots[0].release), world->least_mem >> 20);
	if (world->hugepages > 0)
		g_string_append_printf(out, " hugepages=%u", world->hugepages);
	settings_print(out, overrides->settings);
	g_string_append_c(out, '\n');
	print_processes(out, world);
	world_print_step(out, WORLD_STEP, "open(\"/dev/liveupdate\")", "dev");
	g_string_append(out, world->start->str);
}

/* A kernel by more than its name: a tree's object may be made again. */
static void print_identity(GString *out, const struct boot *boot, guint nr)
{
	const struct release *r = &boot->release;

	g_string_append_printf(out, "kernel %u: %s", nr, release_label(r));
	if (r->tree != NULL) {
		g_autofree char *identity = tree_identity(r->tree), *bytes = NULL, *sum = NULL;
		gsize len = 0;

		g_file_get_contents(release_label(r), &bytes, &len, NULL);
		sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (guchar *)bytes, len);
		g_string_append_printf(out, " (%s, SHA-256 %s)", identity, sum);
	}
	g_string_append_c(out, '\n');
}

void world_identity(GString *out, const struct world *world, const struct overrides *overrides)
{
	g_string_append_printf(out, "sessions %u, inodes %u, opens %u, tokens %u, kernels %u, "
			       "faults %u, damage %u, processes %u, tasks %u, races %u, "
			       "max-states %u, mem %" G_GUINT64_FORMAT "\n",
			       world->sessions, world->inodes, world->opens, world->tokens,
			       world->kernels, world->faults, world->damage, world->processes,
			       world->tasks, world->races, world->max_states, world->mem);
	for (guint i = 0; i < world->kernels; i++)
		print_identity(out, &world->boots[i], i + 1);
	world_print_handlers(out, world);
	world_print_start(out, world, overrides);
	for (guint i = 0; i < world->ops->len; i++) {
		world_print_call(out, world, i, 0);
		g_string_append_c(out, '\n');
	}
}

static void print_open(GString *out, const struct machine *m, const struct done *done)
{
	g_autoptr(GString) dev = g_string_new("dev");

	if (done->dev < 0)
		g_string_truncate(dev, 0);
	if (done->dev < 0 && !machine_panicked(m))
		print_number(dev, done->dev);
	world_print_step(out, WORLD_STEP, "open(\"/dev/liveupdate\")", dev->str);
}

/* If the kernel was left. */
static void print_boot(GString *out, const struct world *world, const struct machine *m,
		       const struct done *done)
{
	guint kernel = machine_kernel(m);

	if (!done->left)
		return;
	g_string_append_printf(out, "\nkernel %u", kernel);
	if (!g_str_equal(release_label(&world->boots[kernel - 1].release),
			 release_label(&world->boots[kernel - 2].release)))
		g_string_append_printf(out, " %s",
				       release_label(&world->boots[kernel - 1].release));
	g_string_append_c(out, '\n');
	if (!done->booted)
		return;
	print_processes(out, world);
	print_open(out, m, done);
}

/* What an operation that does not return anything else has returned. */
static void put_result(GString *out, const struct world *world, const struct world_op *op,
			 const struct done *done, const char *closed)
{
	enum param_kind kind = op->op.info->result.kind;

	/* Whatever it has read or was told. */
	if (done->ret >= 0 && (kind == PARAM_STRING || kind == PARAM_FIELDS))
		return;
	if (done->ret >= 0 && kind == PARAM_NEW_MEMORY)
		g_string_append(out, "found");
	else if (done->ret < 0 || op->gives == GIVES_NONE)
		print_number(out, done->ret);
	else if (done->slot >= 0)
		world_print_slot(out, world, done->slot);
	else
		g_string_append(out, closed);
}

/* The steps of an operation; @closed is the name of a descriptor for which there is no slot. */
static void print_steps(GString *out, int indent, const struct world *world,
			const struct world_op *op, const struct done *done, bool returned,
			const char *closed)
{
	g_autoptr(GString) call = g_string_new(NULL), result = g_string_new(NULL);

	put_call(call, op);
	if (returned)
		put_result(result, world, op, done, closed);
	world_print_step(out, indent, call->str, result->str);
}

static void print_close(GString *out, const struct world_op *op, const struct done *done,
			const char *closed)
{
	g_autofree char *call = g_strdup_printf("close(%s)", closed);

	if (done->ret >= 0 && op->gives != GIVES_NONE && done->slot < 0)
		world_print_step(out, WORLD_STEP, call, "0");
}

static void print_received(GString *out, const struct world *world, const struct world_op *op,
			   const struct done *done)
{
	g_autoptr(GString) result = g_string_new(NULL);

	world_print_enter(out, !op->process);
	if (done->received >= 0)
		world_print_slot(result, world, op->file);
	else
		print_number(result, done->received);
	world_print_step(out, WORLD_STEP, "recv_fd()", result->str);
	world_print_enter(out, op->process);
}

/* What an operation brings with it. */
static void print_rest(GString *out, const struct world *world, const struct machine *m,
		       const struct world_op *op, const struct done *done, const char *closed)
{
	print_close(out, op, done, closed);
	if (op->peer && done->ret >= 0)
		print_received(out, world, op, done);
	if (done->restarted)
		print_open(out, m, done);
	print_boot(out, world, m, done);
}

/* What goes wrong in the step that follows. */
static void print_variant(GString *out, const struct world *world, guint nth,
			  const struct done *done)
{
	const struct fail fail = { .failure = done->failure };
	g_autoptr(GString) step = g_string_new(NULL);

	if (nth >= FIRST_DAMAGE) {
		world_print_damage(step, world, nth - FIRST_DAMAGE);
		world_print_step(out, WORLD_STEP, step->str, "0");
	} else if (!done->hit) {
		g_string_append(out, "  # the step that fails is not there\n");
	} else {
		fail_print(step, &fail);
		world_print_step(out, WORLD_STEP, step->str, "");
	}
}

void world_print_done(GString *out, const struct world *world, const struct machine *m,
		      const struct world_op *op, const struct done *done)
{
	print_steps(out, WORLD_STEP, world, op, done, !machine_panicked(m), "tmp");
	print_rest(out, world, m, op, done, "tmp");
}

void world_print_op(GString *out, const struct world *world, const struct machine *m, guint nr,
		    guint nth, const struct done *done)
{
	guint process = op_of(world, nr)->process;

	if (process > 0)
		world_print_enter(out, process);
	if (nth > 0)
		print_variant(out, world, nth, done);
	world_print_done(out, world, m, op_of(world, nr), done);
	if (process > 0)
		world_print_enter(out, 0);
}

static void print_schedule(GString *out, const GArray *schedule)
{
	g_string_append(out, "  race schedule=");
	turns_print(out, schedule, task_names);
	g_string_append_c(out, '\n');
}

static void print_task(GString *out, const struct world *world, const struct world_pair *pair,
		       guint task)
{
	guint process = op_of(world, pair->ops[task])->process;

	g_string_append_printf(out, "    task %s", task_names[task]);
	if (process > 0)
		g_string_append_printf(out, " of %s", process_name(process));
	g_string_append_c(out, '\n');
}

/* The same, after a race. */
static void print_rest_of(GString *out, const struct world *world, const struct machine *m,
			  guint nr, const struct done *done, const char *closed)
{
	g_autoptr(GString) rest = g_string_new(NULL);
	guint process = op_of(world, nr)->process;

	print_rest(rest, world, m, op_of(world, nr), done, closed);
	if (rest->len == 0)
		return;
	if (process > 0)
		world_print_enter(out, process);
	g_string_append(out, rest->str);
	if (process > 0)
		world_print_enter(out, 0);
}

void world_print_race(GString *out, const struct world *world, const struct machine *m, guint nr,
		      const GArray *schedule, const struct race_done *done)
{
	static const char *const closed[] = { "tmp1", "tmp2" };
	const struct world_pair *pair = world_pair(world, nr);
	bool goes_on = !machine_panicked(m) && !done->boot.booted;

	print_schedule(out, schedule);
	for (guint i = 0; i < MAX_WORLD_TASKS; i++) {
		print_task(out, world, pair, i);
		print_steps(out, TASK_STEP, world, op_of(world, pair->ops[i]), &done->done[i],
			    done->returned[i] && !machine_panicked(m), closed[i]);
	}
	g_string_append(out, "  end\n");
	for (guint i = 0; i < MAX_WORLD_TASKS && goes_on; i++) {
		guint task = race_task_at(world, pair, i);

		if (done->returned[task])
			print_rest_of(out, world, m, pair->ops[task], &done->done[task],
				      closed[task]);
	}
	print_boot(out, world, m, &done->boot);
}
