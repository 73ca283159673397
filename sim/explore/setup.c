/* SPDX-License-Identifier: GPL-2.0-only */
/* The files that a world begins with: memfds, and files of other handlers. */
#include <string.h>

#include "explore/internal.h"
#include "scn/handler.h"
#include "scn/plugin.h"

/* ---- Which there are ---- */

guint world_count(const struct world *world, const char *kind)
{
	guint nr = 0;

	for (guint i = 0; i < world->words.nr_others; i++)
		nr += g_str_equal(world->words.others[i]->name, kind);
	return nr;
}

/* The last one of that kind before number @nr, or -1. */
static int last_before(const struct world *world, guint nr, const char *kind)
{
	int i = nr;

	while (--i >= 0 && !g_str_equal(world->words.others[i]->name, kind))
		;
	return i;
}

/* ---- The steps that make them ---- */

void world_scripts(const struct world *world, struct machine_config *config)
{
	config->scripts = world->words.loaded;
	config->nr_scripts = world->words.nr_loaded;
}

static char mark_of(const struct world *world, guint inode)
{
	/* What is written later makes a difference only where all began alike. */
	return world->contents ? 'a' : 'a' + inode;
}

static void add_step(struct world *world, const char *call, const char *result)
{
	g_autofree char *step = g_strdup_printf("%s = %s", call, result);
	struct world_op op = { 0 };

	world_op_parse(world, &op, step);
	g_array_append_val(world->prelude, op);
	world_print_step(world->start, WORLD_STEP, call, result);
}

static void add_memfd(struct world *world, guint inode, const char *name)
{
	bool seals = world_tries(world, "add_seals") || world_count(world, "iommufd") > 0;
	g_autofree char *write = g_strdup_printf("write(%s, 0, \"%c\")", name,
						 mark_of(world, inode));

	add_step(world, seals ? "memfd_create(\"guest\", 4K, MFD_ALLOW_SEALING)" :
				"memfd_create(\"guest\", 4K)", name);
	add_step(world, write, "1");
}

/* A step of struct luosim_kind, of file @f, number @nr, on @on or -1; the first of its kind? */
static void add_kind_step(struct world *world, const char *text, guint f, guint nr, int on,
			  bool first)
{
	g_autofree char *name = g_strdup_printf("f%u", f), *other = g_strdup_printf("f%d", on);
	g_autofree char *number = g_strdup_printf("%u", nr);
	g_autofree char *writer = g_strdup_printf("%u", nr + 32);
	g_autofree char *next = g_strdup_printf("%u", nr + 1);
	g_autoptr(GString) step = g_string_new(text);
	char *result, *else_result;

	if (on < 0 && strstr(text, "ON") != NULL)
		return;
	g_string_replace(step, "NEW", name, 0);
	g_string_replace(step, "ON", other, 0);
	g_string_replace(step, "#+32", writer, 0);
	g_string_replace(step, "#+1", next, 0);
	g_string_replace(step, "#", number, 0);
	result = g_strrstr(step->str, " = ");
	*result = '\0';
	result += strlen(" = ");
	else_result = strstr(result, " / ");
	if (else_result != NULL) {
		*else_result = '\0';
		if (!first)
			result = else_result + strlen(" / ");
	}
	add_step(world, step->str, result);
}

static void add_other(struct world *world, guint nr)
{
	const struct luosim_kind *kind = world->words.others[nr];
	const char *on_kind = kind->needs != NULL ? kind->needs : kind->uses;
	guint memfds = world->inodes * world->opens;
	int on = on_kind != NULL ? last_before(world, nr, on_kind) : -1;

	if (on >= 0)
		on += memfds;
	for (guint i = 0; i < LUOSIM_MAX_STEPS && kind->steps[i] != NULL; i++)
		add_kind_step(world, kind->steps[i], memfds + nr, nr, on,
			      last_before(world, nr, kind->name) < 0);
}

static void add_reopen(struct world *world, guint f, const char *name)
{
	g_autofree char *call = g_strdup_printf("reopen(f%u)", f);

	add_step(world, call, name);
}

void world_list_files(struct world *world)
{
	world->start = g_string_new(NULL);
	world->prelude = g_array_new(FALSE, TRUE, sizeof(struct world_op));
	g_array_set_clear_func(world->prelude, world_op_clear);
	for (guint f = 0; f < world->inodes * world->opens; f++) {
		g_autofree char *name = g_strdup_printf("f%u", f);

		if (f % world->opens == 0)
			add_memfd(world, f / world->opens, name);
		else
			add_reopen(world, f - f % world->opens, name);
	}
	for (guint i = 0; i < world->words.nr_others; i++)
		add_other(world, i);
	for (guint i = 0; i < world->memories; i++) {
		g_autofree char *name = g_strdup_printf("m%u", i);

		add_step(world, memory_made(i), name);
	}
}

void world_print_handlers(GString *out, const struct world *world)
{
	for (guint i = 0; i < world->words.nr_loaded; i++) {
		g_autoptr(GString) block = g_string_new(NULL);

		if (world->words.loaded[i].plugin != NULL) {
			g_autofree char *path = handler_path(&world->words.loaded[i], world->out);

			g_string_append_printf(out, "use %s\n\n", path);
			continue;
		}
		handler_print(block, &world->words.loaded[i]);
		/* The empty line stands behind it here. */
		if (block->len > 0)
			g_string_append_printf(out, "%s\n", block->str + 1);
	}
}
