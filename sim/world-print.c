/* SPDX-License-Identifier: GPL-2.0-only */
/* Worlds written down: operations as the steps of a scenario, and in short. */
#include <errno.h>

#include "fail.h"
#include "setting.h"
#include "words.h"
#include "world-slots.h"

static void print_slot(GString *out, const struct world *world, guint slot)
{
	if (slot == 0)
		g_string_append(out, "dev");
	else if (slot < in_slot(world, 0))
		g_string_append_printf(out, "s%u", slot - 1);
	else if (slot < file_slot(world, 0))
		g_string_append_printf(out, "r%u", slot - in_slot(world, 0));
	else
		g_string_append_printf(out, "f%u", slot - file_slot(world, 0));
}

static void print_call(GString *out, const struct world *world, guint nr)
{
	const struct world_op *op = &g_array_index(world->ops, struct world_op, nr);
	bool on_file = op->action == WORLD_CLOSE_FILE || op->action > WORLD_MEMFD ||
		       op->action == WORLD_REOPEN;

	if (op->action == WORLD_CLOSE)
		g_string_append(out, "close");
	else if (op->action == WORLD_TRUNCATE || op->action == WORLD_EXTEND)
		g_string_append(out, "ftruncate");
	else
		g_string_append(out, world_action_name(op->action));
	g_string_append_c(out, '(');
	if (on_file)
		print_slot(out, world, op->file);
	else if (op->action == WORLD_CREATE || op->action == WORLD_OPEN)
		g_string_append_printf(out, "dev, \"%c\"", 'a' + session_of(world, op->session));
	else if (op->action == WORLD_MEMFD)
		g_string_append(out, "\"guest\", 4K");
	else if (op->session > 0)
		print_slot(out, world, op->session);
	if (op->action == WORLD_PRESERVE) {
		g_string_append(out, ", ");
		print_slot(out, world, op->file);
	}
	if (op->action == WORLD_PRESERVE || op->action == WORLD_RETRIEVE)
		g_string_append_printf(out, ", 0x%x", op->token + 1);
	else if (op->action == WORLD_WRITE)
		g_string_append(out, ", 1, \"" WORLD_MARK "\"");
	else if (op->action == WORLD_TRUNCATE || op->action == WORLD_EXTEND)
		g_string_append(out, op->action == WORLD_EXTEND ? ", 8K" : ", 0");
	else if (op->action == WORLD_SEEK)
		g_string_append(out, ", 1");
	else if (op->action == WORLD_SEAL)
		g_string_append(out, ", F_SEAL_GROW");
	g_string_append_c(out, ')');
}

void world_print_call(GString *out, const struct world *world, guint nr, guint nth)
{
	print_call(out, world, nr);
	if (nth >= FIRST_DAMAGE) {
		g_string_append(out, " [");
		world_print_damage(out, world, nth - FIRST_DAMAGE);
		g_string_append_c(out, ']');
	} else if (nth > 0) {
		g_string_append_printf(out, " [failing at %u]", nth);
	}
}

static void print_step(GString *out, const char *call, const char *result)
{
	if (*result == '\0')
		g_string_append_printf(out, "  %s\n", call);
	else
		g_string_append_printf(out, "  %-39s = %s\n", call, result);
}

/* "0" or "-EBUSY" */
static void print_number(GString *out, gint64 ret)
{
	if (ret >= 0 || errno_name(-ret) == NULL)
		g_string_append_printf(out, "%" G_GINT64_FORMAT, ret);
	else
		g_string_append_printf(out, "-%s", errno_name(-ret));
}

static const char *memfd_call(const struct world *world)
{
	return memfd_flags(world) != 0 ? "memfd_create(\"guest\", 4K, MFD_ALLOW_SEALING)" :
					 "memfd_create(\"guest\", 4K)";
}

static void print_memfd(GString *out, const struct world *world, guint inode, const char *name)
{
	g_autofree char *write = g_strdup_printf("write(%s, 0, \"%c\")", name,
						 mark_of(world, inode));

	print_step(out, memfd_call(world), name);
	print_step(out, write, "1");
}

void world_print_handlers(GString *out, const struct world *world)
{
	if (world->eventfds > 0)
		g_string_append_printf(out, "handler %s\n  accepts    eventfd\nend\n\n",
				       WORLD_HANDLER);
}

void world_print_start(GString *out, const struct world *world,
		       const struct overrides *overrides)
{
	g_string_append_printf(out, "kernel 1 %s mem=4M", world->boots[0].release.name);
	settings_print(out, overrides->settings);
	g_string_append_c(out, '\n');
	print_step(out, "open(\"/dev/liveupdate\")", "dev");
	for (guint f = 0; f < nr_files(world); f++) {
		g_autoptr(GString) name = g_string_new(NULL), call = g_string_new("reopen(");

		print_slot(name, world, file_slot(world, f));
		if (is_eventfd(world, f)) {
			print_step(out, "open_file(eventfd)", name->str);
			continue;
		}
		if (f % world->opens == 0) {
			print_memfd(out, world, f / world->opens, name->str);
			continue;
		}
		print_slot(call, world, file_slot(world, f - f % world->opens));
		g_string_append_c(call, ')');
		print_step(out, call->str, name->str);
	}
}

static void print_boot(GString *out, const struct world *world, const struct machine *m,
		       const struct done *done)
{
	guint kernel = machine_kernel(m);
	g_autoptr(GString) dev = g_string_new("dev");

	g_string_append_printf(out, "\nkernel %u", kernel);
	if (!g_str_equal(world->boots[kernel - 1].release.name,
			 world->boots[kernel - 2].release.name))
		g_string_append_printf(out, " %s", world->boots[kernel - 1].release.name);
	g_string_append_c(out, '\n');
	if (done->dev < 0)
		g_string_truncate(dev, 0);
	if (done->dev < 0 && !machine_panicked(m))
		print_number(dev, done->dev);
	print_step(out, "open(\"/dev/liveupdate\")", dev->str);
}

/* What goes wrong in the step that follows. */
static void print_variant(GString *out, const struct world *world, guint nth,
			  const struct done *done)
{
	const struct fail fail = { .failure = done->failure };
	g_autoptr(GString) step = g_string_new(NULL);

	if (nth >= FIRST_DAMAGE) {
		world_print_damage(step, world, nth - FIRST_DAMAGE);
		print_step(out, step->str, "0");
	} else {
		fail_print(step, &fail);
		print_step(out, step->str, "");
	}
}

void world_print_op(GString *out, const struct world *world, const struct machine *m, guint nr,
		    guint nth, const struct done *done)
{
	const struct world_op *op = &g_array_index(world->ops, struct world_op, nr);
	g_autoptr(GString) call = g_string_new(NULL), result = g_string_new(NULL);
	bool binds = op->action == WORLD_CREATE || op->action == WORLD_OPEN ||
		     op->action == WORLD_RETRIEVE || op->action == WORLD_REOPEN ||
		     op->action == WORLD_MEMFD;

	if (nth > 0)
		print_variant(out, world, nth, done);
	print_call(call, world, nr);
	if (done->ret >= 0 && binds && done->slot >= 0)
		print_slot(result, world, done->slot);
	else if (done->ret >= 0 && binds)
		g_string_append(result, "tmp");
	else if (!machine_panicked(m))
		print_number(result, done->ret);
	if (op->action == WORLD_MEMFD && done->ret >= 0)
		print_memfd(out, world, 0, result->str);
	else
		print_step(out, call->str, result->str);
	if (done->ret >= 0 && binds && done->slot < 0)
		print_step(out, "close(tmp)", "0");
	if (done->booted)
		print_boot(out, world, m, done);
}
