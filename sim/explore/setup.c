/* SPDX-License-Identifier: GPL-2.0-only */
/* The files that a world begins with: memfds, and files of other handlers. */
#include "explore/internal.h"
#include "scn/handler.h"

/* vCPUs that write to guest memory before the search begins, and are closed then. */
#define FIRST_WRITER	32

/* ---- Which there are ---- */

guint world_count(const struct world *world, enum world_kind kind)
{
	guint nr = 0;

	for (guint i = 0; i < world->words.nr_others; i++)
		nr += world->words.others[i] == kind;
	return nr;
}

/* The last one of that kind before number @nr, or -1. */
static int last_before(const struct world *world, guint nr, enum world_kind kind)
{
	int i = nr;

	while (--i >= 0 && world->words.others[i] != kind)
		;
	return i;
}

/* ---- The steps by which they come to be ---- */

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
	bool seals = world_tries(world, "add_seals") || world_count(world, KIND_IOMMUFD) > 0;
	g_autofree char *write = g_strdup_printf("write(%s, 0, \"%c\")", name,
						 mark_of(world, inode));

	add_step(world, seals ? "memfd_create(\"guest\", 4K, MFD_ALLOW_SEALING)" :
				"memfd_create(\"guest\", 4K)", name);
	add_step(world, write, "1");
}

/* A step whose call takes @on, and a number if it has a place for one. */
static void add_on(struct world *world, const char *format, guint on, guint nr, const char *result)
{
	g_autoptr(GString) call = g_string_new(format);
	g_autofree char *number = g_strdup_printf("%u", nr);
	g_autofree char *name = g_strdup_printf("f%u", on);

	g_string_replace(call, "$", name, 0);
	g_string_replace(call, "#", number, 0);
	add_step(world, call->str, result);
}

static void add_guest_memfd(struct world *world, guint vm, guint f, guint nr, const char *name)
{
	add_on(world, "guest_memfd_create($, 4K)", vm, nr, name);
	add_on(world, "kvm_create_vcpu($, #)", vm, FIRST_WRITER + nr, "tmp");
	add_on(world, "guest_write(tmp, $, 0, \"g\")", f, nr, "1");
	add_step(world, "close(tmp)", "0");
}

static void add_iommufd(struct world *world, bool first, guint f, const char *name)
{
	add_step(world, "iommufd_open()", name);
	add_step(world, "add_seals(f0, F_SEAL_SEAL|F_SEAL_GROW|F_SEAL_SHRINK)",
			 first ? "0" : "-EPERM");
	add_on(world, "iommufd_map($, f0)", f, 0, "0");
	add_on(world, "iommufd_mark($)", f, 0, "0");
}

static void add_vfio(struct world *world, int iommufd, guint f, guint nr, const char *name)
{
	add_on(world, "vfio_open(\"0000:01:00.#\")", f, nr, name);
	if (iommufd < 0)
		return;
	add_on(world, "vfio_attach($, f#)", f, iommufd, "0");
}

static void add_own(struct world *world, const char *handler, const char *name)
{
	g_autofree char *call = g_strdup_printf("open_own(\"%s\")", handler);

	add_step(world, call, name);
}

static void add_other(struct world *world, guint nr)
{
	enum world_kind kind = world->words.others[nr];
	guint memfds = world->inodes * world->opens, f = memfds + nr;
	int on = last_before(world, nr, world_kind_on(kind));
	g_autofree char *name = g_strdup_printf("f%u", f);

	if (on >= 0)
		on += memfds;
	switch (kind) {
	case KIND_EVENTFD:
		add_step(world, "open_file(eventfd)", name);
		break;
	case KIND_HUGETLB:
		add_step(world, "memfd_create(\"huge\", 2M, MFD_HUGETLB)", name);
		add_on(world, "huge_write($, 0, \"h\")", f, nr, "1");
		break;
	case KIND_KVM:
		add_step(world, "kvm_create_vm()", name);
		break;
	case KIND_VCPU:
		add_on(world, "kvm_create_vcpu($, #)", on, nr, name);
		break;
	case KIND_GUEST_MEMFD:
		add_guest_memfd(world, on, f, nr, name);
		break;
	case KIND_IOMMUFD:
		add_iommufd(world, last_before(world, nr, KIND_IOMMUFD) < 0, f, name);
		break;
	case KIND_VFIO:
		add_vfio(world, on, f, nr, name);
		break;
	case KIND_OWN:
		add_own(world, world->words.own[nr], name);
		break;
	default:
		g_assert_not_reached();
	}
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
			add_on(world, "reopen($)", f - f % world->opens, 0, name);
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

		handler_print(block, &world->words.loaded[i]);
		/* The empty line stands behind it here. */
		if (block->len > 0)
			g_string_append_printf(out, "%s\n", block->str + 1);
	}
}
