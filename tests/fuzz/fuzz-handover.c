/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A libFuzzer target: the input makes a small world, preserves it, damages the
 * handover, and the next kernels take what they get: open, retrieve all, read,
 * write, preserve again, finish, close. Whatever is in the handover, the run ends
 * in a verdict; the kernels may panic, this program may not.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "luosim.h"
#include "../handler-calls.h"

#define MAX_SESSIONS	3
#define MAX_FILES	4
#define NR_KERNELS	3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *p, *end;
};

static unsigned int byte(struct input *in)
{
	return in->p < in->end ? *in->p++ : 0;
}

/* One of @n. */
static unsigned int choose(struct input *in, unsigned int n)
{
	return byte(in) % n;
}

static uint64_t word(struct input *in)
{
	uint64_t word = 0;

	for (int i = 0; i < 8; i++)
		word = word << 8 | byte(in);
	return word;
}

/* ---- The kernels ---- */

static const struct release *choose_release(struct input *in)
{
	size_t nr;
	const struct release *table = release_table(&nr);

	return &table[choose(in, nr)];
}

static void choose_boot(struct input *in, struct boot *boot)
{
	static const char *const policies[] = {
		"", "none", "share", "refcount", "deserialize=ignore", "deserialize=rollback",
		"deserialize=panic", "retrieve=retry",
	};
	const char *policy = policies[choose(in, 8)], *bad;

	*boot = (struct boot){ .release = *choose_release(in), .kho = true, .liveupdate = true };
	boot->hugepages = 1;
	if (*policy)
		policy_parse(policy, &boot->release.policy, &bad);
	if (choose(in, 2)) {
		boot->release.limit[LIMIT_SESSIONS_PER_BLOCK] = 1;
		boot->release.limit[LIMIT_FILES_PER_BLOCK] = 1 + choose(in, 2);
	}
	boot->release.fixes ^= word(in) & (FIX_BIT(NR_FIXES) - 1) & word(in) & word(in);
}

/* ---- What user space does ---- */

struct world {
	struct machine *m;
	int dev, vm;
	int session[MAX_SESSIONS];
	int file[MAX_SESSIONS][MAX_FILES];
};

static int session_call(struct world *w, unsigned int cmd, unsigned int s)
{
	struct liveupdate_ioctl_session arg = { .size = sizeof(arg) };
	int ret;

	snprintf((char *)arg.name, sizeof(arg.name), "s%u", s);
	ret = sys_ioctl(w->m, w->dev, cmd, (struct uptr){ &arg, sizeof(arg), false });
	return ret ? ret : arg.fd;
}

static int fd_call(struct world *w, int session, unsigned int cmd, int fd, uint64_t token)
{
	struct liveupdate_session_fd arg = { .size = sizeof(arg), .fd = fd, .token = token };
	int ret;

	ret = sys_ioctl(w->m, session, cmd, (struct uptr){ &arg, sizeof(arg), false });
	return ret ? ret : arg.fd;
}

static void finish(struct world *w, int session)
{
	struct liveupdate_session_finish arg = { .size = sizeof(arg) };

	sys_ioctl(w->m, session, LIVEUPDATE_SESSION_FINISH,
		  (struct uptr){ &arg, sizeof(arg), false });
}

static int make_memfd(struct input *in, struct world *w)
{
	unsigned int pages = choose(in, 9);
	int fd = sys_memfd_create(w->m, "m", MFD_ALLOW_SEALING);

	sys_ftruncate(w->m, fd, pages * 4096);
	for (unsigned int i = 0; i < pages; i += 1 + choose(in, 3))
		sys_pwrite(w->m, fd, "bytes of this page", 18, i * 4096 + choose(in, 2) * 100);
	sys_fcntl(w->m, fd, F_ADD_SEALS, choose(in, 32));
	return fd;
}

static int make_file(struct input *in, struct world *w)
{
	int fd, memfd;

	switch (choose(in, 10)) {
	case 0:
		return sys_open_kind(w->m, FILE_EVENTFD);
	case 1:
		fd = sys_memfd_create(w->m, "huge", MFD_HUGETLB);
		sys_ftruncate(w->m, fd, 2 << 20);
		sys_huge_write(w->m, fd, "huge", 4, 0);
		return fd;
	case 2:
		fd = sys_iommufd_open(w->m);
		memfd = make_memfd(in, w);
		sys_iommufd_map(w->m, fd, memfd, 0);
		sys_iommufd_mark(w->m, fd, 0, 0);
		fd_call(w, w->session[0], LIVEUPDATE_SESSION_PRESERVE_FD, memfd, 77);
		return fd;
	case 3:
		return sys_vfio_open(w->m, "0000:01:00.0");
	case 4:
		w->vm = sys_kvm_create_vm(w->m);
		return w->vm;
	case 5:
		return sys_kvm_create_vcpu(w->m, w->vm, 0);
	case 6:
		return sys_guest_memfd_create(w->m, w->vm, 8192);
	default:
		return make_memfd(in, w);
	}
}

static void make_world(struct input *in, struct world *w)
{
	unsigned int sessions = 1 + choose(in, MAX_SESSIONS);

	w->dev = sys_open(w->m, "/dev/liveupdate", O_RDWR);
	sys_shmem_enabled(w->m, choose(in, 4) == 0);
	for (unsigned int s = 0; s < sessions; s++) {
		unsigned int files = 1 + choose(in, MAX_FILES);

		w->session[s] = session_call(w, LIVEUPDATE_IOCTL_CREATE_SESSION, s);
		for (unsigned int f = 0; f < files; f++) {
			w->file[s][f] = make_file(in, w);
			fd_call(w, w->session[s], LIVEUPDATE_SESSION_PRESERVE_FD, w->file[s][f],
				f);
		}
	}
}

static void look_at(struct world *w, int fd)
{
	struct luosim_stat st;
	char buf[10000];

	sys_fstat(w->m, fd, &st);
	sys_pread(w->m, fd, buf, sizeof(buf), 0);
	sys_pread(w->m, fd, buf, 100, -1);
	sys_pwrite(w->m, fd, "new", 3, 4095);
	sys_pwrite(w->m, fd, "new", 3, -1);
	sys_lseek(w->m, fd, 0, SEEK_END);
	sys_lseek(w->m, fd, 0, SEEK_DATA);
	sys_fallocate(w->m, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 4096);
	sys_ftruncate(w->m, fd, 5000);
}

/* The way of a second kernel; @in says what it leaves out. */
static void take_over(struct input *in, struct world *w)
{
	w->dev = sys_open(w->m, "/dev/liveupdate", O_RDWR);
	if (w->dev < 0)
		w->dev = sys_open(w->m, "/dev/liveupdate", O_RDWR);
	for (unsigned int s = 0; s < MAX_SESSIONS; s++) {
		int session = session_call(w, LIVEUPDATE_IOCTL_RETRIEVE_SESSION, s);
		unsigned int way = byte(in);
		int fd;

		for (unsigned int f = 0; f < MAX_FILES; f++) {
			if (way >> f & 1)
				continue;
			fd = fd_call(w, session, LIVEUPDATE_SESSION_RETRIEVE_FD, 0, f);
			look_at(w, fd);
			w->file[s][f] = fd;
		}
		if (!(way >> 5 & 1))
			finish(w, session);
		if (!(way >> 6 & 1))
			sys_close(w->m, session);
	}
	for (unsigned int s = 0; s < MAX_SESSIONS; s++) {
		w->session[s] = session_call(w, LIVEUPDATE_IOCTL_CREATE_SESSION, s);
		for (unsigned int f = 0; f < MAX_FILES; f++)
			fd_call(w, w->session[s], LIVEUPDATE_SESSION_PRESERVE_FD, w->file[s][f], f);
	}
}

/* ---- Damage ---- */

/* Put something in the place of NAME, TOKEN and N. */
static void choose_path(struct input *in, char *path, size_t size)
{
	static const char *const names[] = {
		"s0", "s1", "s2", "LUO", "kexec-metadata", "hugetlb-v1", "pci-v1",
	};
	static const char *const aspects[] = {
		".preserved", ".radix[1]", ".radix[3]", ".radix[5]",
	};
	unsigned int nr = byte(in);
	const char *pattern;
	size_t len = 0;

	while (!handover_field(nr))
		nr /= 2;
	pattern = handover_field(nr);
	while (*pattern && len + 20 < size) {
		if (!strncmp(pattern, "NAME", 4))
			len += sprintf(path + len, "%s", names[choose(in, 7)]);
		else if (!strncmp(pattern, "TOKEN", 5) || !strncmp(pattern, "N]", 2))
			len += sprintf(path + len, "%u", choose(in, 4));
		else
			path[len++] = *pattern;
		pattern += strspn(pattern, "NAMETOKEN") + (strspn(pattern, "NAMETOKEN") == 0);
	}
	path[len] = '\0';
	if (handover_path(path) == 1 && choose(in, 2))
		strcat(path, aspects[choose(in, 4)]);
}

static uint64_t choose_number(struct input *in)
{
	switch (choose(in, 6)) {
	case 0:
		return choose(in, 4);
	case 1:
		return byte(in);
	case 2:
		return 1ull << choose(in, 64);
	case 3:
		return ~0ull >> choose(in, 64);
	case 4:
		return (word(in) & 0xffff) << 12;
	default:
		return word(in);
	}
}

static void damage(struct input *in, struct world *w)
{
	char field[128], other[128];
	struct luosim_damage d = { .field = field, .other = other };
	char bytes[64];

	choose_path(in, field, sizeof(field) - 16);
	d.kind = choose(in, DAMAGE_COPY + 1);
	if (d.kind == DAMAGE_ADDRESS || d.kind == DAMAGE_COPY)
		choose_path(in, other, sizeof(other) - 16);
	else if (d.kind == DAMAGE_FLIP)
		d.number = choose(in, 64);
	else
		d.number = choose_number(in);
	d.len = choose(in, sizeof(bytes) + 1);
	for (size_t i = 0; d.kind == DAMAGE_BYTES && i < d.len; i++)
		bytes[i] = byte(in);
	d.bytes = bytes;
	machine_damage(w->m, &d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct handler_script script = {
		.name = "script", .accepts = 1u << FILE_EVENTFD, .flb = "script-flb",
	};
	struct input in = { data, data + size };
	struct machine_config config = { .scripts = &script, .nr_scripts = 1 };
	struct world world = { .vm = -1 };
	struct boot boot;
	size_t nr;

	choose_boot(&in, &config.boot);
	config.mem = (4ull << 20) << choose(&in, 4);
	world.m = machine_new(&config);
	if (!world.m)
		return 0;
	make_world(&in, &world);
	for (int kernel = 1; kernel < NR_KERNELS; kernel++) {
		for (unsigned int i = choose(&in, 6); i > 0; i--)
			damage(&in, &world);
		if (choose(&in, 4) == 0) {
			choose_boot(&in, &boot);
			machine_set_next(world.m, &boot);
		}
		if (sys_kexec_load(world.m, KEXEC_FILE) || sys_reboot_kexec(world.m))
			break;
		take_over(&in, &world);
	}
	machine_end(world.m);
	machine_violations(world.m, &nr);
	machine_free(world.m);
	return 0;
}
