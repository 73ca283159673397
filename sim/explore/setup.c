/* SPDX-License-Identifier: GPL-2.0-only */
/* The files that a world begins with: memfds, and files of other handlers. */
#include <fcntl.h>
#include <sys/mman.h>

#include "explore/internal.h"

#define HUGE_BYTES	(2 << 20)
#define IOMMU_SEALS	(F_SEAL_SEAL | F_SEAL_GROW | F_SEAL_SHRINK)
/* vCPUs that write to guest memory before the search begins, and are closed then. */
#define FIRST_WRITER	32

/* What preserves eventfds. */
static const struct handler_script eventfd_script = {
	.name = "counter", .accepts = 1u << FILE_EVENTFD,
};

/* By name; some need another one before them, or use it if there is one. */
static const struct {
	const char *name;
	enum world_kind needs, uses;
} kinds[NR_WORLD_KINDS] = {
	[KIND_NONE] = { .name = "" },
	[KIND_EVENTFD] = { .name = "eventfd" },
	[KIND_HUGETLB] = { .name = "hugetlb" },
	[KIND_KVM] = { .name = "kvm" },
	[KIND_VCPU] = { .name = "vcpu", .needs = KIND_KVM },
	[KIND_GUEST_MEMFD] = { .name = "guest_memfd", .needs = KIND_KVM },
	[KIND_IOMMUFD] = { .name = "iommufd" },
	[KIND_VFIO] = { .name = "vfio", .uses = KIND_IOMMUFD },
};

/* ---- Which there are ---- */

static enum world_kind find_kind(const char *name)
{
	enum world_kind kind = KIND_NONE + 1;

	while (kind < NR_WORLD_KINDS && !g_str_equal(kinds[kind].name, name))
		kind++;
	return kind;
}

/* "eventfd, hugetlb, ..." */
static char *all_kinds(void)
{
	const char *names[NR_WORLD_KINDS] = { NULL };

	for (guint i = KIND_NONE + 1; i < NR_WORLD_KINDS; i++)
		names[i - 1] = kinds[i].name;
	return g_strjoinv(", ", (char **)names);
}

guint world_count(const struct world *world, enum world_kind kind)
{
	guint nr = 0;

	for (guint i = 0; i < world->nr_others; i++)
		nr += world->others[i] == kind;
	return nr;
}

/* The last one of that kind before number @nr, or -1. */
static int last_before(const struct world *world, guint nr, enum world_kind kind)
{
	int i = nr;

	while (--i >= 0 && world->others[i] != kind)
		;
	return i;
}

gboolean world_set_handlers(struct world *world, const char *text, GError **error)
{
	g_auto(GStrv) words = g_strsplit(text, ",", -1);

	world->nr_others = 0;
	for (guint i = 0; words[i] != NULL; i++) {
		enum world_kind kind = find_kind(words[i]);

		if (kind == NR_WORLD_KINDS) {
			g_autofree char *all = all_kinds();

			g_set_error(error, SCN_ERROR, 0, "unknown handler '%s', expected %s",
				    words[i], all);
			return FALSE;
		}
		if (i == MAX_OTHERS) {
			g_set_error(error, SCN_ERROR, 0, "too many handlers, expected %u at most",
				    MAX_OTHERS);
			return FALSE;
		}
		if (kinds[kind].needs != KIND_NONE &&
		    last_before(world, i, kinds[kind].needs) < 0) {
			g_set_error(error, SCN_ERROR, 0, "%s without one to belong to, expected %s "
				    "before it", words[i], kinds[kinds[kind].needs].name);
			return FALSE;
		}
		world->others[world->nr_others++] = kind;
	}
	return TRUE;
}

/* ---- Making them ---- */

void world_scripts(const struct world *world, struct machine_config *config)
{
	config->scripts = &eventfd_script;
	config->nr_scripts = world_count(world, KIND_EVENTFD) > 0;
}

static char mark_of(const struct world *world, guint inode)
{
	/* What is written later makes a difference only where all began alike. */
	return world->actions & 1u << WORLD_WRITE ? 'a' : 'a' + inode;
}

static guint memfd_flags(const struct world *world)
{
	bool seals = world->actions & 1u << WORLD_SEAL || world_count(world, KIND_IOMMUFD) > 0;

	return seals ? MFD_ALLOW_SEALING : 0;
}

int world_new_memfd(const struct world *world, struct machine *m, guint inode)
{
	char mark = mark_of(world, inode);
	int fd = sys_memfd_create(m, "guest", memfd_flags(world));

	if (fd >= 0 && (sys_ftruncate(m, fd, FILE_BYTES) < 0 || sys_pwrite(m, fd, &mark, 1, 0) < 0))
		return -1;
	return fd;
}

int world_reopen(struct machine *m, int fd)
{
	char path[32];

	g_snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return sys_open(m, path, O_RDWR);
}

static int new_hugetlb(struct machine *m)
{
	int fd = sys_memfd_create(m, "huge", MFD_HUGETLB);

	if (sys_ftruncate(m, fd, HUGE_BYTES) < 0 || sys_huge_write(m, fd, "h", 1, 0) < 0)
		return -1;
	return fd;
}

static int new_guest_memfd(struct machine *m, int vm, guint nr)
{
	int fd = sys_guest_memfd_create(m, vm, FILE_BYTES);
	int writer = sys_kvm_create_vcpu(m, vm, FIRST_WRITER + nr);

	sys_guest_write(m, writer, fd, "g", 1, 0);
	sys_close(m, writer);
	return fd;
}

/* The first memfd is in all of them, which takes seals. */
static int new_iommufd(struct machine *m, int memfd)
{
	int fd = sys_iommufd_open(m);

	sys_fcntl(m, memfd, F_ADD_SEALS, IOMMU_SEALS);
	if (sys_iommufd_map(m, fd, memfd) < 0 || sys_iommufd_mark(m, fd) < 0)
		return -1;
	return fd;
}

static int new_vfio(struct machine *m, int iommufd, guint nr)
{
	char bdf[16];
	int fd;

	g_snprintf(bdf, sizeof(bdf), "0000:01:00.%u", nr);
	fd = sys_vfio_open(m, bdf);
	if (iommufd >= 0)
		sys_vfio_attach(m, fd, iommufd);
	return fd;
}

static int open_other(const struct world *world, struct machine *m, const struct place *place,
		      guint nr)
{
	enum world_kind kind = world->others[nr];
	int on = last_before(world, nr, MAX(kinds[kind].needs, kinds[kind].uses));

	if (on >= 0)
		on = place->fds[other_slot(world, on)];
	switch (kind) {
	case KIND_EVENTFD:
		return sys_open_kind(m, FILE_EVENTFD);
	case KIND_HUGETLB:
		return new_hugetlb(m);
	case KIND_KVM:
		return sys_kvm_create_vm(m);
	case KIND_VCPU:
		return sys_kvm_create_vcpu(m, on, nr);
	case KIND_GUEST_MEMFD:
		return new_guest_memfd(m, on, nr);
	case KIND_IOMMUFD:
		return new_iommufd(m, place->fds[file_slot(world, 0)]);
	case KIND_VFIO:
		return new_vfio(m, on, nr);
	default:
		g_assert_not_reached();
	}
}

void world_open_files(const struct world *world, struct machine *m, struct place *place)
{
	for (guint f = 0; f < world->inodes * world->opens; f++) {
		int *fd = &place->fds[file_slot(world, f)];

		if (f % world->opens == 0)
			*fd = world_new_memfd(world, m, f / world->opens);
		else
			*fd = world_reopen(m, fd[-(int)(f % world->opens)]);
	}
	for (guint i = 0; i < world->nr_others; i++)
		place->fds[other_slot(world, i)] = open_other(world, m, place, i);
}

/* ---- The same as text ---- */

void world_print_memfd(GString *out, int indent, const struct world *world, guint inode,
		       const char *name)
{
	g_autofree char *write = g_strdup_printf("write(%s, 0, \"%c\")", name,
						 mark_of(world, inode));

	world_print_step(out, indent, memfd_flags(world) != 0 ?
			 "memfd_create(\"guest\", 4K, MFD_ALLOW_SEALING)" :
			 "memfd_create(\"guest\", 4K)", name);
	world_print_step(out, indent, write, "1");
}

/* A step whose call takes @on, and a number if it has a place for one. */
static void print_on(GString *out, const char *format, guint on, guint nr, const char *result)
{
	g_autoptr(GString) call = g_string_new(format);
	g_autofree char *number = g_strdup_printf("%u", nr);
	g_autofree char *name = g_strdup_printf("f%u", on);

	g_string_replace(call, "$", name, 0);
	g_string_replace(call, "#", number, 0);
	world_print_step(out, WORLD_STEP, call->str, result);
}

static void print_guest_memfd(GString *out, guint vm, guint f, guint nr, const char *name)
{
	print_on(out, "guest_memfd_create($, 4K)", vm, nr, name);
	print_on(out, "kvm_create_vcpu($, #)", vm, FIRST_WRITER + nr, "tmp");
	print_on(out, "guest_write(tmp, $, 0, \"g\")", f, nr, "1");
	world_print_step(out, WORLD_STEP, "close(tmp)", "0");
}

static void print_iommufd(GString *out, bool first, guint f, const char *name)
{
	world_print_step(out, WORLD_STEP, "iommufd_open()", name);
	world_print_step(out, WORLD_STEP, "add_seals(f0, F_SEAL_SEAL|F_SEAL_GROW|F_SEAL_SHRINK)",
			 first ? "0" : "-EPERM");
	print_on(out, "iommufd_map($, f0)", f, 0, "0");
	print_on(out, "iommufd_mark($)", f, 0, "0");
}

static void print_vfio(GString *out, int iommufd, guint f, guint nr, const char *name)
{
	print_on(out, "vfio_open(\"0000:01:00.#\")", f, nr, name);
	if (iommufd < 0)
		return;
	print_on(out, "vfio_attach($, f#)", f, iommufd, "0");
}

static void print_other(GString *out, const struct world *world, guint nr)
{
	enum world_kind kind = world->others[nr];
	guint memfds = world->inodes * world->opens, f = memfds + nr;
	int on = last_before(world, nr, MAX(kinds[kind].needs, kinds[kind].uses));
	g_autofree char *name = g_strdup_printf("f%u", f);

	if (on >= 0)
		on += memfds;
	switch (kind) {
	case KIND_EVENTFD:
		world_print_step(out, WORLD_STEP, "open_file(eventfd)", name);
		break;
	case KIND_HUGETLB:
		world_print_step(out, WORLD_STEP, "memfd_create(\"huge\", 2M, MFD_HUGETLB)", name);
		print_on(out, "huge_write($, 0, \"h\")", f, nr, "1");
		break;
	case KIND_KVM:
		world_print_step(out, WORLD_STEP, "kvm_create_vm()", name);
		break;
	case KIND_VCPU:
		print_on(out, "kvm_create_vcpu($, #)", on, nr, name);
		break;
	case KIND_GUEST_MEMFD:
		print_guest_memfd(out, on, f, nr, name);
		break;
	case KIND_IOMMUFD:
		print_iommufd(out, last_before(world, nr, KIND_IOMMUFD) < 0, f, name);
		break;
	case KIND_VFIO:
		print_vfio(out, on, f, nr, name);
		break;
	default:
		g_assert_not_reached();
	}
}

void world_print_files(GString *out, const struct world *world)
{
	for (guint f = 0; f < world->inodes * world->opens; f++) {
		g_autofree char *name = g_strdup_printf("f%u", f);

		if (f % world->opens == 0)
			world_print_memfd(out, WORLD_STEP, world, f / world->opens, name);
		else
			print_on(out, "reopen($)", f - f % world->opens, 0, name);
	}
	for (guint i = 0; i < world->nr_others; i++)
		print_other(out, world, i);
}

void world_print_handlers(GString *out, const struct world *world)
{
	if (world_count(world, KIND_EVENTFD) > 0)
		g_string_append_printf(out, "handler %s\n  accepts    eventfd\nend\n\n",
				       eventfd_script.name);
}
