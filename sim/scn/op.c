/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of operations, and for each the system calls that it makes. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "scn/op.h"
#include "scn/op-kho.h"
#include "scn/pattern.h"

#define CHUNK_BYTES	((gsize)1 << 20)
/* User memory after the argument of a raw ioctl, at least: more than the kernel reads. */
#define IOCTL_BYTES	((gsize)64 << 10)

/* Only when the last system call is over: what is kept over one is the machine's. */
static void put_out(struct call *c, const void *bytes, gsize len)
{
	g_string_truncate(c->out, 0);
	g_string_append_len(c->out, bytes, len);
}

static gint64 call_open(struct call *c)
{
	return sys_open(c->machine, c->args[0].bytes,
			c->args[1].given ? c->args[1].number : O_RDWR);
}

static gint64 call_openat(struct call *c)
{
	return sys_openat(c->machine, c->args[0].number, c->args[1].bytes,
			  c->args[2].given ? c->args[2].number : O_RDWR);
}

static gint64 call_mkdir(struct call *c)
{
	return sys_mkdir(c->machine, c->args[0].bytes);
}

static gint64 call_unlink(struct call *c)
{
	return sys_unlink(c->machine, c->args[0].bytes);
}

static gint64 call_rename(struct call *c)
{
	return sys_rename(c->machine, c->args[0].bytes, c->args[1].bytes);
}

static gint64 call_fchmod(struct call *c)
{
	return sys_fchmod(c->machine, c->args[0].number, c->args[1].number);
}

static gint64 call_mount(struct call *c)
{
	return sys_mount(c->machine, c->args[0].bytes, c->args[1].given ? c->args[1].bytes : "");
}

static gint64 call_remount(struct call *c)
{
	return sys_remount(c->machine, c->args[0].bytes, c->args[1].bytes);
}

static gint64 call_umount(struct call *c)
{
	return sys_umount(c->machine, c->args[0].bytes, c->args[1].given && c->args[1].number);
}

static gint64 call_fsmount(struct call *c)
{
	return sys_fsmount(c->machine, c->args[0].given ? c->args[0].bytes : "");
}

static gint64 call_move_mount(struct call *c)
{
	return sys_move_mount(c->machine, c->args[0].number, c->args[1].bytes);
}

static gint64 call_open_file(struct call *c)
{
	return sys_open_kind(c->machine, c->args[0].number);
}

static gint64 call_setuid(struct call *c)
{
	return sys_setuid(c->machine, c->args[0].number);
}

static gint64 call_memory_max(struct call *c)
{
	return machine_memory_max(c->machine, c->args[0].number);
}

static gint64 call_open_own(struct call *c)
{
	return sys_open_own(c->machine, c->args[0].bytes);
}

static gint64 call_own_call(struct call *c)
{
	return sys_own_call(c->machine, c->args[0].number, c->args[1].bytes, c->args[2].number);
}

static gint64 call_close(struct call *c)
{
	return sys_close(c->machine, c->args[0].number);
}

static gint64 call_dup(struct call *c)
{
	return sys_dup(c->machine, c->args[0].number);
}

static gint64 call_reopen(struct call *c)
{
	char path[64];

	g_snprintf(path, sizeof(path), "/proc/self/fd/%" G_GINT64_FORMAT, c->args[0].number);
	return sys_open(c->machine, path, c->args[1].given ? c->args[1].number : O_RDWR);
}

/* Call ioctl @cmd with the struct @arg, which fits in its @size bytes. */
static gint64 do_ioctl(struct call *c, unsigned int cmd, void *arg, gsize size)
{
	struct uptr uptr = { .mem = arg, .size = size };

	return sys_ioctl(c->machine, c->args[0].number, cmd, uptr);
}

static gint64 session_ioctl(struct call *c, unsigned int cmd)
{
	struct liveupdate_ioctl_session arg = { .size = sizeof(arg) };
	gint64 ret;

	memcpy(arg.name, c->args[1].bytes, MIN(c->args[1].len, sizeof(arg.name)));
	ret = do_ioctl(c, cmd, &arg, sizeof(arg));
	return ret < 0 ? ret : arg.fd;
}

static gint64 call_create_session(struct call *c)
{
	return session_ioctl(c, LIVEUPDATE_IOCTL_CREATE_SESSION);
}

static gint64 call_retrieve_session(struct call *c)
{
	return session_ioctl(c, LIVEUPDATE_IOCTL_RETRIEVE_SESSION);
}

static gint64 call_preserve_fd(struct call *c)
{
	struct liveupdate_session_fd arg = {
		.size = sizeof(arg), .fd = c->args[1].number, .token = c->args[2].number,
	};

	return do_ioctl(c, LIVEUPDATE_SESSION_PRESERVE_FD, &arg, sizeof(arg));
}

static gint64 call_retrieve_fd(struct call *c)
{
	struct liveupdate_session_fd arg = { .size = sizeof(arg), .token = c->args[1].number };
	gint64 ret = do_ioctl(c, LIVEUPDATE_SESSION_RETRIEVE_FD, &arg, sizeof(arg));

	return ret < 0 ? ret : arg.fd;
}

static gint64 call_finish(struct call *c)
{
	struct liveupdate_session_finish arg = { .size = sizeof(arg) };

	return do_ioctl(c, LIVEUPDATE_SESSION_FINISH, &arg, sizeof(arg));
}

static gint64 call_get_name(struct call *c)
{
	struct liveupdate_session_get_name arg = { .size = sizeof(arg) };
	gint64 ret = do_ioctl(c, LIVEUPDATE_SESSION_GET_NAME, &arg, sizeof(arg));

	put_out(c, arg.name, strnlen((char *)arg.name, sizeof(arg.name)));
	return ret;
}

static gint64 call_memfd_create(struct call *c)
{
	gint64 fd = sys_memfd_create(c->machine, c->args[0].bytes, c->args[2].number);
	gint64 ret = 0;

	if (fd < 0 || c->args[1].number == 0)
		return fd;
	ret = sys_ftruncate(c->machine, fd, c->args[1].number);
	if (ret < 0)
		sys_close(c->machine, fd);
	return ret < 0 ? ret : fd;
}

static gint64 call_eventfd(struct call *c)
{
	return sys_eventfd2(c->machine, c->args[0].number, c->args[1].number);
}

/* The file position, where the offset was left out. */
static gint64 offset_of(const struct actual *arg)
{
	return arg->given ? arg->number : -1;
}

static gint64 call_write(struct call *c)
{
	return sys_pwrite(c->machine, c->args[0].number, c->args[2].bytes, c->args[2].len,
			  offset_of(&c->args[1]));
}

/*
 * User memory that lives as long as the call. Where the call is a task's, going
 * back in time brings back what it held.
 */
struct user_memory {
	struct machine *machine;
	guint8 *bytes;
	gsize size;
};

static struct user_memory user_memory(struct call *c, gsize size)
{
	struct user_memory mem = { .machine = c->machine, .size = MAX(size, 1) };

	mem.bytes = machine_user_alloc(c->machine, mem.size);
	return mem;
}

static void user_memory_free(struct user_memory *mem)
{
	if (mem->bytes != NULL)
		machine_user_free(mem->machine, mem->bytes, mem->size);
}

#define auto_user_memory __attribute__((cleanup(user_memory_free))) struct user_memory

static gint64 call_read(struct call *c)
{
	gsize len = c->args[2].number;
	auto_user_memory buf = user_memory(c, len);
	gint64 ret;

	if (buf.bytes == NULL)
		return -ENOMEM;
	ret = sys_pread(c->machine, c->args[0].number, buf.bytes, len, offset_of(&c->args[1]));
	put_out(c, buf.bytes, MAX(ret, 0));
	return ret;
}

static gint64 call_fill(struct call *c)
{
	guint64 off = c->args[1].number, left = c->args[2].number;
	auto_user_memory buf = user_memory(c, MIN(left, CHUNK_BYTES));
	gint64 done = 0, ret = buf.bytes == NULL ? -ENOMEM : 0;

	while (left > 0 && ret >= 0) {
		gsize n = MIN(left, CHUNK_BYTES);

		pattern_fill(buf.bytes, off, n, c->args[3].number);
		ret = sys_pwrite(c->machine, c->args[0].number, buf.bytes, n, off);
		if (ret <= 0)
			break;
		done += ret;
		off += ret;
		left -= ret;
	}
	return done > 0 ? done : ret;
}

static gint64 count_wrong(const guint8 *is, const guint8 *should, gsize n)
{
	gint64 wrong = 0;

	if (memcmp(is, should, n) == 0)
		return 0;
	for (gsize i = 0; i < n; i++)
		wrong += is[i] != should[i];
	return wrong;
}

static gint64 call_verify(struct call *c)
{
	guint64 off = c->args[1].number, left = c->args[2].number;
	gsize size = MIN(left, CHUNK_BYTES);
	auto_user_memory is = user_memory(c, size), should = user_memory(c, size);
	gint64 wrong = 0;

	if (is.bytes == NULL || should.bytes == NULL)
		return -ENOMEM;
	while (left > 0) {
		gsize n = MIN(left, CHUNK_BYTES);
		gint64 got = sys_pread(c->machine, c->args[0].number, is.bytes, n, off);

		if (got < 0)
			return got;
		if (got == 0)		/* what is missing is wrong too */
			return wrong + left;
		pattern_fill(should.bytes, off, got, c->args[3].number);
		wrong += count_wrong(is.bytes, should.bytes, got);
		off += got;
		left -= got;
	}
	return wrong;
}

/* FNV-1a, as the program in a guest has it, and recordings; 16 hexadecimal digits. */
static gint64 call_sum(struct call *c)
{
	guint64 off = c->args[1].number, left = c->args[2].number;
	auto_user_memory buf = user_memory(c, CHUNK_BYTES);
	guint64 hash = 0xcbf29ce484222325ull;

	if (buf.bytes == NULL)
		return -ENOMEM;
	while (left > 0) {
		gint64 got = sys_pread(c->machine, c->args[0].number, buf.bytes,
				       MIN(left, CHUNK_BYTES), off);

		if (got < 0)
			return got;
		if (got == 0)
			break;
		for (gint64 i = 0; i < got; i++)
			hash = (hash ^ buf.bytes[i]) * 0x100000001b3ull;
		off += got;
		left -= got;
	}
	g_string_printf(c->out, "%016" G_GINT64_MODIFIER "x", hash);
	return 0;
}

static gint64 call_lseek(struct call *c)
{
	return sys_lseek(c->machine, c->args[0].number, c->args[1].number, SEEK_SET);
}

static gint64 call_ftruncate(struct call *c)
{
	return sys_ftruncate(c->machine, c->args[0].number, c->args[1].number);
}

static gint64 call_fallocate(struct call *c)
{
	return sys_fallocate(c->machine, c->args[0].number, c->args[3].number,
			     c->args[1].number, c->args[2].number);
}

static gint64 call_fsync(struct call *c)
{
	return sys_fsync(c->machine, c->args[0].number);
}

static gint64 call_punch(struct call *c)
{
	return sys_fallocate(c->machine, c->args[0].number,
			     FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			     c->args[1].number, c->args[2].number);
}

static gint64 call_add_seals(struct call *c)
{
	return sys_fcntl(c->machine, c->args[0].number, F_ADD_SEALS, c->args[1].number);
}

static gint64 call_get_seals(struct call *c)
{
	return sys_fcntl(c->machine, c->args[0].number, F_GET_SEALS, 0);
}

static gint64 call_setfl(struct call *c)
{
	return sys_fcntl(c->machine, c->args[0].number, F_SETFL, c->args[1].number);
}

static gint64 call_fstat(struct call *c)
{
	struct luosim_stat st = { 0 };
	gint64 ret = sys_fstat(c->machine, c->args[0].number, &st);
	const gint64 fields[] = {
		st.size, st.pos, st.seals, st.flags, st.cloexec, st.blocks, st.mode, st.nlink,
	};

	memcpy(c->fields, fields, sizeof(fields));
	put_out(c, st.link, strnlen(st.link, sizeof(st.link)));
	return ret;
}

static gint64 call_fstatfs(struct call *c)
{
	gint64 ret = sys_fstatfs(c->machine, c->args[0].number);

	c->fields[0] = ret;
	return MIN(ret, 0);
}

static gint64 call_same(struct call *c)
{
	struct luosim_stat a = { 0 }, b = { 0 };
	gint64 ret = sys_fstat(c->machine, c->args[0].number, &a);

	if (ret == 0)
		ret = sys_fstat(c->machine, c->args[1].number, &b);
	if (ret == 0)
		ret = sys_kcmp_file(c->machine, c->args[0].number, c->args[1].number);
	c->fields[0] = a.dev == b.dev && a.ino == b.ino;
	c->fields[1] = ret == 1;
	return MIN(ret, 0);
}

/* Does @cmd answer with a descriptor? */
static bool answers_fd(unsigned int cmd)
{
	return cmd == LIVEUPDATE_IOCTL_CREATE_SESSION ||
	       cmd == LIVEUPDATE_IOCTL_RETRIEVE_SESSION || cmd == LIVEUPDATE_SESSION_RETRIEVE_FD;
}

static gint64 call_ioctl(struct call *c)
{
	guint64 cmd = c->args[1].number;
	gsize size = MAX(IOCTL_BYTES, sizeof(guint32) + c->args[3].len);
	auto_user_memory mem = user_memory(c, size);
	guint32 first = c->args[2].number;
	struct uptr arg = {
		.mem = mem.bytes, .size = size,
		.read_only = c->args[4].number & IOCTL_READ_ONLY,
	};
	gint32 fd;
	gint64 ret;

	if (mem.bytes == NULL)
		return -ENOMEM;

	if (cmd < 0x100 && !(c->args[4].number & IOCTL_RAW))
		cmd = LIVEUPDATE_IO(cmd);
	memcpy(mem.bytes, &first, sizeof(first));
	if (c->args[3].len > 0)
		memcpy(mem.bytes + sizeof(first), c->args[3].bytes, c->args[3].len);
	if (c->args[2].number < 0)
		arg = (struct uptr){ 0 };
	ret = sys_ioctl(c->machine, c->args[0].number, cmd, arg);
	memcpy(&fd, mem.bytes + offsetof(struct liveupdate_session_fd, fd), sizeof(fd));
	if (ret == 0 && answers_fd(cmd))
		c->fd = fd;
	return ret;
}

static gint64 call_iommufd_open(struct call *c)
{
	return sys_iommufd_open(c->machine);
}

static gint64 call_iommufd_map(struct call *c)
{
	return sys_iommufd_map(c->machine, c->args[0].number, c->args[1].number,
			       c->args[2].number);
}

static gint64 call_iommufd_mark(struct call *c)
{
	return sys_iommufd_mark(c->machine, c->args[0].number, c->args[1].number,
				c->args[2].number);
}

/* An operation that a handler brings. */
static gint64 call_handler(struct call *c)
{
	const struct luosim_call *call = c->info->handler_call;
	struct luosim_arg args[LUOSIM_MAX_PARAMS] = { 0 };
	guint last = op_nr_args(c->info) - 1;
	gint64 ret;

	for (guint i = 0; i < op_nr_args(c->info); i++)
		args[i] = (struct luosim_arg){
			c->args[i].given ? (gint64)c->args[i].number : call->otherwise[i],
			c->args[i].bytes, c->args[i].len };
	if (!call->reads)
		return sys_handler_call(c->machine, call, args);

	auto_user_memory buf = user_memory(c, args[last].number);

	if (buf.bytes == NULL)
		return -ENOMEM;
	args[last].bytes = (char *)buf.bytes;
	args[last].len = args[last].number;
	ret = sys_handler_call(c->machine, call, args);
	put_out(c, buf.bytes, MAX(ret, 0));
	return ret;
}

static gint64 call_huge_write(struct call *c)
{
	return sys_huge_write(c->machine, c->args[0].number, c->args[2].bytes, c->args[2].len,
			      c->args[1].number);
}

static gint64 call_hwpoison(struct call *c)
{
	return sys_hwpoison(c->machine, c->args[0].number, c->args[1].number);
}

static gint64 call_memory_failure(struct call *c)
{
	return sys_memory_failure(c->machine, c->args[0].number);
}

static gint64 call_nofile(struct call *c)
{
	return sys_setrlimit_nofile(c->machine, c->args[0].number);
}

static gint64 call_drop_caches(struct call *c)
{
	return sys_drop_caches(c->machine);
}

static gint64 call_shmem_enabled(struct call *c)
{
	sys_shmem_enabled(c->machine, c->args[0].number);
	return 0;
}

static gint64 call_kexec_load(struct call *c)
{
	/* Whatever panics starts the crash kernel. */
	machine_set_next(c->machine, c->next);
	return sys_kexec_load(c->machine, c->args[0].given ? c->args[0].number : KEXEC_FILE);
}

static gint64 call_kexec_unload(struct call *c)
{
	return sys_kexec_unload(c->machine);
}

static gint64 call_reboot(struct call *c)
{
	machine_set_next(c->machine, c->next);
	return sys_reboot_kexec(c->machine);
}

static gint64 call_kexec(struct call *c)
{
	gint64 ret = sys_kexec_load(c->machine, KEXEC_FILE);

	return ret < 0 ? ret : call_reboot(c);
}

static gint64 call_kexec_jump(struct call *c)
{
	gint64 ret = sys_kexec_load(c->machine, KEXEC_JUMP);

	return ret < 0 ? ret : call_reboot(c);
}

static gint64 call_sysrq_crash(struct call *c)
{
	return sys_sysrq_crash(c->machine);
}

static gint64 call_exit(struct call *c)
{
	c->ended = c->process;
	return sys_exit_group(c->machine);
}

static gint64 call_kill(struct call *c)
{
	gint64 ret = sys_kill(c->machine, c->args[0].bytes);

	if (ret == 0)
		c->ended = c->args[0].bytes;
	return ret;
}

static gint64 call_send_fd(struct call *c)
{
	return sys_send_fd(c->machine, c->args[0].number, c->args[1].bytes);
}

static gint64 call_recv_fd(struct call *c)
{
	return sys_recv_fd(c->machine);
}

static gint64 call_managed_pages(struct call *c)
{
	return machine_managed_pages(c->machine, c->args[0].number);
}

static gint64 call_meminfo(struct call *c)
{
	struct machine_stats st = { 0 };

	machine_stats(c->machine, &st);
	c->fields[0] = st.frames;
	c->fields[1] = st.frames_free;
	c->fields[2] = st.frames_preserved;
	c->fields[3] = st.frames_incoming;
	return 0;
}

static gint64 call_flb(struct call *c)
{
	struct flb_stats st = { 0 };
	gint64 ret = machine_flb(c->machine, c->args[0].bytes, &st);

	c->fields[0] = st.outgoing;
	c->fields[1] = st.incoming;
	c->fields[2] = st.retrieved;
	c->fields[3] = st.finished;
	return ret;
}

/* Damage the field that the first argument names. */
static gint64 corrupt(struct call *c, struct luosim_damage *damage)
{
	damage->field = c->args[0].bytes;
	return machine_damage(c->machine, damage);
}

static gint64 call_corrupt(struct call *c)
{
	return corrupt(c, &(struct luosim_damage){
		.kind = DAMAGE_NUMBER, .number = c->args[1].number });
}

static gint64 call_corrupt_bit(struct call *c)
{
	return corrupt(c, &(struct luosim_damage){
		.kind = DAMAGE_FLIP, .number = c->args[1].number });
}

static gint64 call_corrupt_string(struct call *c)
{
	return corrupt(c, &(struct luosim_damage){
		.kind = DAMAGE_BYTES, .bytes = c->args[1].bytes, .len = c->args[1].len });
}

static gint64 call_corrupt_address(struct call *c)
{
	return corrupt(c, &(struct luosim_damage){
		.kind = DAMAGE_ADDRESS, .other = c->args[1].bytes });
}

static gint64 call_corrupt_copy(struct call *c)
{
	return corrupt(c, &(struct luosim_damage){
		.kind = DAMAGE_COPY, .other = c->args[1].bytes });
}

static gint64 call_insmod(struct call *c)
{
	return sys_insmod(c->machine, c->args[0].bytes);
}

static gint64 call_rmmod(struct call *c)
{
	return sys_rmmod(c->machine, c->args[0].bytes, c->args[1].given);
}

static gint64 call_flb_get_outgoing(struct call *c)
{
	return machine_flb_get(c->machine, c->args[0].bytes, false);
}

static gint64 call_flb_put_outgoing(struct call *c)
{
	return machine_flb_put(c->machine, c->args[0].bytes, false);
}

static gint64 call_flb_get_incoming(struct call *c)
{
	return machine_flb_get(c->machine, c->args[0].bytes, true);
}

static gint64 call_flb_put_incoming(struct call *c)
{
	return machine_flb_put(c->machine, c->args[0].bytes, true);
}

#define FD		{ "FD", PARAM_FD, 0, 0, NULL }
#define FD_NUMBER	{ "FD", PARAM_FD_NUMBER, G_MININT32, G_MAXINT32, NULL }
#define DEV		{ "DEV", PARAM_FD, 0, 0, NULL }
#define SESSION		{ "SESSION", PARAM_FD, 0, 0, NULL }
#define IOMMUFD		{ "IOMMUFD", PARAM_FD, 0, 0, NULL }
#define HWPT		{ "HWPT", PARAM_NUMBER, 0, G_MAXUINT32, NULL }
#define MEMORY		{ "MEMORY", PARAM_MEMORY, 0, 0, NULL }
#define BLOB		{ "BLOB", PARAM_MEMORY, 0, 0, NULL }
#define SUBTREE		{ "NAME", PARAM_STRING, 1, 255, NULL }
#define PAGES(n)	{ n, PARAM_NUMBER, 0, G_MAXINT64, NULL }
#define NAME		{ "NAME", PARAM_STRING, 0, LIVEUPDATE_SESSION_NAME_LENGTH, NULL }
#define FLB		{ "NAME", PARAM_STRING, 0, 47, NULL }
#define HANDLER		{ "NAME", PARAM_STRING, 0, 31, NULL }
#define MEMFD_NAME	{ "NAME", PARAM_STRING, 0, 250, NULL }
#define PROCESS		{ "PROCESS", PARAM_STRING, 0, MAX_PROCESS, NULL }
#define TEXT		{ "BYTES", PARAM_STRING, 0, MAX_STRING_BYTES, NULL }
#define PATH		{ "PATH", PARAM_STRING, 0, 255, NULL }
#define OPTIONS		{ "OPTIONS", PARAM_STRING, 0, 255, NULL }
#define FIELD		{ "FIELD", PARAM_FIELD, 0, 255, NULL }
#define OBJECT		{ "OBJECT", PARAM_OBJECT, 0, 255, NULL }
#define TOKEN		{ "TOKEN", PARAM_NUMBER, 0, G_MAXUINT64, NULL }
#define SEED		{ "SEED", PARAM_NUMBER, 0, G_MAXUINT64, NULL }
#define OFFSET(n)	{ n, PARAM_NUMBER, G_MININT64, G_MAXINT64, NULL }
#define AT		{ "OFF", PARAM_NUMBER, 0, G_MAXINT64, NULL }
#define LENGTH(max)	{ "LEN", PARAM_NUMBER, 0, max, NULL }
#define FLAGS(n, words)	{ n, PARAM_FLAGS, 0, G_MAXUINT32, words }
#define WORD(n, words)	{ n, PARAM_WORD, 0, 0, words }
#define NUMBER(n)	{ n, PARAM_NUMBER, G_MININT64, G_MAXINT64, NULL }

#define NEW		.result = { "NEW", PARAM_NEW, 0, 0, NULL }
#define NEW_MEMORY	.result = { "NEW", PARAM_NEW_MEMORY, 0, 0, NULL }
#define RETURNS		.result = NUMBER("NUMBER")
#define READS		.result = { "BYTES", PARAM_STRING, 0, MAX_STRING_BYTES, NULL }
#define SHOWS(table)	.result = { "FIELD...", PARAM_FIELDS, 0, 0, NULL }, .fields = table

static const struct param stat_fields[] = {
	NUMBER("size"), NUMBER("pos"), FLAGS("seals", words_seals), FLAGS("flags", words_open),
	NUMBER("cloexec"), NUMBER("blocks"), { "mode", PARAM_OCTAL, 0, 07777, NULL },
	NUMBER("nlink"), { "link", PARAM_STRING, 0, 255, NULL }, { 0 },
};

static const struct param statfs_fields[] = {
	NUMBER("type"), { 0 },
};

static const struct param same_fields[] = {
	WORD("inode", words_same), WORD("file", words_same), { 0 },
};

static const struct param meminfo_fields[] = {
	NUMBER("total"), NUMBER("free"), NUMBER("preserved"), NUMBER("incoming"), { 0 },
};

static const struct param flb_fields[] = {
	NUMBER("outgoing"), NUMBER("incoming"), NUMBER("retrieved"), NUMBER("finished"), { 0 },
};

/* The row in place of which those of shipped handlers stand. */
#define HANDLERS_HERE	"handlers"

static const struct op_info rows[] = {
	{ "open", { PATH, FLAGS("O_FLAGS", words_open) }, .optional = 1 << 1, NEW,
	  .call = call_open,
	  .about = "open a path, by default with O_RDWR: \"/dev/liveupdate\"" },
	{ "openat", { FD, PATH, FLAGS("O_FLAGS", words_open) }, .optional = 1 << 2, NEW,
	  .call = call_openat, .model_only = true,
	  .about = "openat(2): open a path from the directory FD on" },
	{ "mkdir", { PATH }, RETURNS, .call = call_mkdir, .model_only = true,
	  .about = "mkdir(2)" },
	{ "unlink", { PATH }, RETURNS, .call = call_unlink, .model_only = true,
	  .about = "unlink(2)" },
	{ "rename", { PATH, { "TO", PARAM_STRING, 0, 255, NULL } }, RETURNS, .call = call_rename,
	  .model_only = true, .about = "rename(2), of a file" },
	{ "fchmod", { FD, { "MODE", PARAM_OCTAL, 0, 07777, NULL } }, RETURNS,
	  .call = call_fchmod, .model_only = true, .about = "fchmod(2)" },
	{ "mount", { PATH, OPTIONS }, .optional = 1 << 1, RETURNS, .call = call_mount,
	  .model_only = true, .about = "mount(2) a new tmpfs: \"size=8K,mode=0700\"" },
	{ "remount", { PATH, OPTIONS }, RETURNS, .call = call_remount, .model_only = true,
	  .about = "mount(2) with MS_REMOUNT" },
	{ "umount", { PATH, FLAGS("FLAGS", words_umount) }, .optional = 1 << 1, RETURNS,
	  .call = call_umount, .model_only = true, .about = "umount2(2)" },
	{ "fsmount", { OPTIONS }, .optional = 1 << 0, NEW, .call = call_fsmount,
	  .model_only = true, .about = "fsopen(2), fsconfig(2) and fsmount(2) of a tmpfs" },
	{ "move_mount", { FD, PATH }, RETURNS, .call = call_move_mount, .model_only = true,
	  .about = "move_mount(2) of the mount whose root FD is" },
	{ "open_file", { WORD("KIND", words_files) }, NEW, .call = call_open_file,
	  .about = "open a new file of a kind, see luosim list files" },
	{ "open_own", { HANDLER }, NEW, .call = call_open_own,
	  .about = "open a new file of the kind that a handler of the scenario's brings along" },
	{ "own_call", { FD, HANDLER, { "ARG", PARAM_NUMBER, 0, G_MAXUINT64, NULL } },
	  .optional = 1 << 2, RETURNS, .call = call_own_call, .model_only = true,
	  .about = "an operation that a loaded handler has for files of its kind" },
	{ "memfd_create", { MEMFD_NAME, OFFSET("SIZE"), FLAGS("MFD_FLAGS", words_memfd) },
	  .optional = 1 << 2, NEW, .call = call_memfd_create,
	  .tries = { "memfd_create(\"guest\", 4K) = NEW" }, .apart = true,
	  .about = "memfd_create(2); then ftruncate(2) unless SIZE is 0" },
	{ "eventfd", { { "COUNT", PARAM_NUMBER, 0, G_MAXUINT32, NULL },
		       FLAGS("EFD_FLAGS", words_eventfd) },
	  .optional = 1 << 1, NEW, .call = call_eventfd, .model_only = true,
	  .about = "eventfd2(2)" },
	{ "dup", { FD }, NEW, .call = call_dup,
	  .tries = { "dup(FILE) = NEW" }, .apart = true,
	  .about = "dup(2)" },
	{ "reopen", { FD, FLAGS("O_FLAGS", words_open) }, .optional = 1 << 1, NEW,
	  .call = call_reopen,
	  .tries = { "reopen(FILE) = NEW" }, .apart = true,
	  .about = "open /proc/self/fd/FD, by default with O_RDWR" },
	{ "close", { FD }, RETURNS, .call = call_close, .closes = true,
	  .tries = { "close_session: close(SESSION)", "close(FILE)" }, .apart = true,
	  .about = "close(2)" },
	{ "exit", { { 0 } }, RETURNS, .call = call_exit,
	  .tries = { "exit()" }, .ends = true,
	  .about = "the process ends, closing all it opened; a new one goes on" },
	{ "kill", { PROCESS }, RETURNS, .call = call_kill,
	  .about = "kill(2) with SIGKILL: another process ends, closing all it opened" },
	{ "setuid", { { "UID", PARAM_NUMBER, 0, G_MAXUINT16, NULL } }, RETURNS, .call = call_setuid,
	  .about = "setuid(2): the process is another user's, which policies may ask for" },
	{ "memory_max", { OFFSET("SIZE") }, RETURNS, .call = call_memory_max, .model_only = true,
	  .tries = { "memory_max(0)" },
	  .about = "memory.max of this process's cgroup, which its files' pages are charged to" },
	{ "send_fd", { FD, PROCESS }, RETURNS, .call = call_send_fd,
	  .tries = { "send_fd(ANY, PEER)" },
	  .about = "send a descriptor to another process, sendmsg(2) with SCM_RIGHTS" },
	{ "recv_fd", { { 0 } }, NEW, .call = call_recv_fd,
	  .about = "take the descriptor that was sent here first" },

	{ "create_session", { DEV, NAME }, NEW, .call = call_create_session,
	  .tries = { "create_session(DEV, NAME) = OUTGOING" }, .apart = true,
	  .refusals = { { -EEXIST, END_CLOSED } },
	  .about = "LIVEUPDATE_IOCTL_CREATE_SESSION" },
	{ "retrieve_session", { DEV, NAME }, NEW, .call = call_retrieve_session,
	  .tries = { "retrieve_session(DEV, NAME) = INCOMING" }, .apart = true,
	  .refusals = { { -EINVAL, END_CLOSED | END_EMPTIED }, { -ENOENT, 0 } },
	  .about = "LIVEUPDATE_IOCTL_RETRIEVE_SESSION" },
	{ "preserve_fd", { SESSION, FD_NUMBER, TOKEN }, RETURNS, .call = call_preserve_fd,
	  .tries = { "preserve_fd(SESSION, FILE, TOKEN)" }, .apart = true,
	  .refusals = { { -EEXIST, END_EMPTIED }, { -EINVAL, END_CLOSED | END_FILE },
			{ -EBUSY, END_CLOSED | END_FILE } },
	  .about = "LIVEUPDATE_SESSION_PRESERVE_FD" },
	{ "retrieve_fd", { SESSION, TOKEN }, NEW, .call = call_retrieve_fd,
	  .tries = { "retrieve_fd(SESSION, TOKEN) = NEW" }, .apart = true,
	  .refusals = { { -EINVAL, END_CLOSED | END_EMPTIED },
			{ -ENOENT, END_CLOSED | END_TOKEN } },
	  .about = "LIVEUPDATE_SESSION_RETRIEVE_FD" },
	{ "finish", { SESSION }, RETURNS, .call = call_finish,
	  .tries = { "finish(SESSION)" }, .empties = true, .apart = true,
	  .refusals = { { -EINVAL, END_CLOSED } },
	  .about = "LIVEUPDATE_SESSION_FINISH" },
	{ "get_name", { SESSION },
	  .result = { "BYTES", PARAM_STRING, 0, LIVEUPDATE_SESSION_NAME_LENGTH, NULL },
	  .call = call_get_name,
	  .tries = { "get_name(SESSION)" }, .apart = true,
	  .about = "LIVEUPDATE_SESSION_GET_NAME" },
	{ "ioctl", { FD, { "CMD", PARAM_NUMBER, 0, G_MAXUINT32, words_ioctl },
		     { "SIZE", PARAM_NUMBER, 0, G_MAXUINT32, words_null },
		     { "PIECES", PARAM_PIECES, 0, MAX_STRING_BYTES, NULL },
		     FLAGS("HOW", words_ioctl_how) },
	  .optional = 1 << 3 | 1 << 4, RETURNS, .call = call_ioctl, .binds_fd = true,
	  .about = "ioctl(2) on raw bytes: SIZE as u32, then PIECES; ro: not writable; "
		   "raw: CMD is whole" },

	{ "write", { FD, AT, TEXT }, .optional = 1 << 1, RETURNS,
	  .call = call_write,
	  .tries = { "write(FILE, 1, \"wrote\")" }, .apart = true,
	  .about = "pwrite(2), or write(2) without OFF" },
	{ "read", { FD, AT, LENGTH(MAX_STRING_BYTES) }, .optional = 1 << 1, READS,
	  .call = call_read,
	  .tries = { "read(FILE, 0, 8)" }, .apart = true,
	  .about = "pread(2), or read(2) without OFF" },
	{ "fill", { FD, AT, LENGTH(G_MAXINT64), SEED }, RETURNS, .call = call_fill,
	  .about = "write a pattern; returns how many bytes were written" },
	{ "verify", { FD, AT, LENGTH(G_MAXINT64), SEED }, RETURNS,
	  .call = call_verify, .about = "read it back; returns how many bytes are wrong" },
	{ "sum", { FD, AT, { "LEN", PARAM_NUMBER, 0, G_MAXINT64, words_to_end } },
	  .result = { "BYTES", PARAM_STRING, 0, 16, NULL }, .call = call_sum,
	  .about = "FNV-1a hash of what is there; LEN -: up to the end of the file" },
	{ "lseek", { FD, OFFSET("POS") }, RETURNS, .call = call_lseek,
	  .tries = { "lseek(FILE, 1)" }, .apart = true,
	  .about = "lseek(2) with SEEK_SET" },
	{ "ftruncate", { FD, OFFSET("SIZE") }, RETURNS, .call = call_ftruncate,
	  .tries = { "truncate: ftruncate(FILE, 0)", "extend: ftruncate(FILE, 8K)" }, .apart = true,
	  .about = "ftruncate(2)" },
	{ "fallocate", { FD, OFFSET("OFF"), OFFSET("LEN"), FLAGS("MODE", words_falloc) },
	  .optional = 1 << 3, RETURNS, .call = call_fallocate,
	  .tries = { "fallocate(FILE, 0, 8K)" }, .apart = true,
	  .about = "fallocate(2)" },
	{ "punch", { FD, OFFSET("OFF"), OFFSET("LEN") }, RETURNS, .call = call_punch,
	  .tries = { "punch(FILE, 0, 4K)" }, .apart = true,
	  .about = "fallocate(2) with FALLOC_FL_PUNCH_HOLE|FALLOC_FL_KEEP_SIZE" },
	{ "fsync", { FD }, RETURNS, .call = call_fsync, .tries = { "fsync(FILE)" }, .apart = true,
	  .about = "fsync(2)" },
	{ "add_seals", { FD, FLAGS("SEALS", words_seals) }, RETURNS, .call = call_add_seals,
	  .tries = { "add_seals(FILE, F_SEAL_GROW)" }, .apart = true,
	  .about = "fcntl(2) F_ADD_SEALS" },
	{ "get_seals", { FD }, .result = FLAGS("SEALS", words_seals), .call = call_get_seals,
	  .tries = { "get_seals(FILE)" }, .apart = true,
	  .about = "fcntl(2) F_GET_SEALS" },
	{ "setfl", { FD, FLAGS("O_FLAGS", words_open) }, RETURNS, .call = call_setfl,
	  .tries = { "setfl(FILE, O_APPEND)" }, .apart = true,
	  .about = "fcntl(2) F_SETFL" },
	{ "fstat", { FD }, SHOWS(stat_fields), .call = call_fstat,
	  .tries = { "fstat(FILE)" }, .apart = true,
	  .about = "what fstat(2), lseek(2), fcntl(2) and /proc/self/fd say" },
	{ "fstatfs", { FD }, SHOWS(statfs_fields), .call = call_fstatfs,
	  .about = "what fstatfs(2) says of the file system that it is on" },
	{ "same", { FD, FD }, SHOWS(same_fields), .call = call_same,
	  .about = "is it one inode, one open file description?" },

	{ "huge_write", { FD, AT, TEXT }, RETURNS, .call = call_huge_write,
	  .model_only = true,
	  .tries = { "huge_write(FILE, 0, \"h\")" },
	  .about = "store through a mapping of a memfd made with MFD_HUGETLB" },

	{ "hwpoison", { FD, AT }, RETURNS, .call = call_hwpoison, .model_only = true,
	  .about = "madvise(2) with MADV_HWPOISON on a page of a memfd or guest_memfd" },

	{ "memory_failure", { { "PFN", PARAM_NUMBER, 0, G_MAXINT64, NULL } }, RETURNS,
	  .call = call_memory_failure, .model_only = true,
	  .about = "a memory error of a frame, by hwpoison/corrupt-pfn of debugfs" },

	{ "iommufd_open", { { 0 } }, NEW, .call = call_iommufd_open,
	  .model_only = true,
	  .about = "open /dev/iommu, with four page tables in it" },
	{ "iommufd_map", { IOMMUFD, { "MEMFD", PARAM_FD, 0, 0, NULL }, HWPT },
	  .optional = 1 << 2, RETURNS, .call = call_iommufd_map, .model_only = true,
	  .tries = { "iommufd_map(FILE, FILE)" },
	  .about = "map all of a memfd for devices" },
	{ "iommufd_mark", { IOMMUFD, { "TOKEN", PARAM_NUMBER, 0, G_MAXUINT64, NULL }, HWPT },
	  .optional = 1 << 1 | 1 << 2, RETURNS, .call = call_iommufd_mark,
	  .model_only = true,
	  .tries = { "iommufd_mark(FILE)" },
	  .about = "mark a page table for preservation, with a token" },
	{ .name = HANDLERS_HERE },

	{ "folio_alloc", { { "ORDER", PARAM_NUMBER, 0, 24, NULL } }, NEW_MEMORY,
	  .call = call_folio_alloc,
	  .about = "folio_alloc(), or folio_alloc_gigantic() above order 10" },
	{ "folio_put", { MEMORY }, RETURNS, .call = call_folio_put,
	  .tries = { "folio_put(FOLIO)" },
	  .on_memory = MEMORY_GIVES_UP,
	  .about = "folio_put(): give up a reference" },
	{ "alloc_contig_pages", { PAGES("NR") }, NEW_MEMORY, .call = call_alloc_contig_pages,
	  .about = "alloc_contig_pages(): a range of single pages" },
	{ "free_contig_range", { MEMORY }, RETURNS, .call = call_free_contig_range,
	  .about = "free_contig_range(), of all its pages" },
	{ "vmalloc", { { "SIZE", PARAM_NUMBER, 0, G_MAXINT64, NULL }, WORD("HOW", words_vmalloc) },
	  .optional = 1 << 1, NEW_MEMORY, .call = call_vmalloc,
	  .about = "vzalloc(), or vmalloc_huge(), or vmalloc_user()" },
	{ "vfree", { MEMORY }, RETURNS, .call = call_vfree,
	  .tries = { "vfree(AREA)" },
	  .on_memory = MEMORY_GIVES_UP,
	  .about = "vfree()" },
	{ "mem_write", { MEMORY, AT, TEXT }, RETURNS, .call = call_mem_write,
	  .about = "store bytes in memory; returns how many" },
	{ "mem_read", { MEMORY, AT, LENGTH(MAX_STRING_BYTES) }, READS, .call = call_mem_read,
	  .about = "load bytes from memory" },
	{ "mem_store", { BLOB, PAGES("INDEX"), MEMORY }, RETURNS, .call = call_mem_store,
	  .about = "write down in memory where other memory is" },
	{ "mem_load", { BLOB, PAGES("INDEX") }, NEW_MEMORY, .call = call_mem_load,
	  .about = "the memory that is written down there" },
	{ "kho_preserve_folio", { MEMORY }, RETURNS, .call = call_kho_preserve_folio,
	  .tries = { "kho_preserve_folio(FOLIO)" },
	  .on_memory = MEMORY_PRESERVES,
	  .about = "keep a folio over kexec" },
	{ "kho_unpreserve_folio", { MEMORY }, RETURNS, .call = call_kho_unpreserve_folio,
	  .tries = { "kho_unpreserve_folio(FOLIO)" },
	  .on_memory = MEMORY_UNPRESERVES,
	  .about = "keep it no more" },
	{ "kho_preserve_pages", { MEMORY, PAGES("FIRST"), PAGES("NR") },
	  .optional = 1 << 1 | 1 << 2, RETURNS, .call = call_kho_preserve_pages,
	  .about = "keep pages over kexec, all or NR from the one of that index on" },
	{ "kho_unpreserve_pages", { MEMORY, PAGES("FIRST"), PAGES("NR") },
	  .optional = 1 << 1 | 1 << 2, RETURNS, .call = call_kho_unpreserve_pages,
	  .about = "keep them no more; as they were preserved" },
	{ "kho_preserve_vmalloc", { MEMORY }, RETURNS, .call = call_kho_preserve_vmalloc,
	  .tries = { "kho_preserve_vmalloc(AREA)" },
	  .on_memory = MEMORY_PRESERVES,
	  .about = "keep an area over kexec" },
	{ "kho_unpreserve_vmalloc", { MEMORY }, RETURNS, .call = call_kho_unpreserve_vmalloc,
	  .tries = { "kho_unpreserve_vmalloc(AREA)" },
	  .on_memory = MEMORY_UNPRESERVES,
	  .about = "keep it no more" },
	{ "kho_alloc_preserve", { { "SIZE", PARAM_NUMBER, 0, G_MAXINT64, NULL } }, NEW_MEMORY,
	  .call = call_kho_alloc_preserve,
	  .about = "allocate a zeroed folio, and keep it over kexec" },
	{ "kho_unpreserve_free", { MEMORY }, RETURNS, .call = call_kho_unpreserve_free,
	  .about = "keep it no more, and free it" },
	{ "kho_restore_folio", { MEMORY }, RETURNS, .call = call_kho_restore_folio,
	  .tries = { "kho_restore_folio(FOLIO)" },
	  .on_memory = MEMORY_RESTORES,
	  .about = "take a folio over; -ENOENT where the kernel says NULL" },
	{ "kho_restore_pages", { MEMORY, PAGES("FIRST"), PAGES("NR") },
	  .optional = 1 << 1 | 1 << 2, RETURNS, .call = call_kho_restore_pages,
	  .about = "take pages over, as they were preserved" },
	{ "kho_restore_vmalloc", { MEMORY }, RETURNS, .call = call_kho_restore_vmalloc,
	  .tries = { "kho_restore_vmalloc(AREA)" },
	  .on_memory = MEMORY_RESTORES,
	  .about = "take an area over" },
	{ "kho_restore_free", { MEMORY }, RETURNS, .call = call_kho_restore_free,
	  .tries = { "kho_restore_free(FOLIO)" },
	  .on_memory = MEMORY_RESTORES_FREE,
	  .about = "take a folio over, and free it" },
	{ "kho_add_subtree", { SUBTREE, MEMORY }, RETURNS, .call = call_kho_add_subtree,
	  .tries = { "kho_add_subtree(\"state\", FOLIO)" },
	  .on_memory = MEMORY_NAMES,
	  .about = "hand the address of memory over by name" },
	{ "kho_remove_subtree", { MEMORY }, RETURNS, .call = call_kho_remove_subtree,
	  .tries = { "kho_remove_subtree(FOLIO)" },
	  .on_memory = MEMORY_UNNAMES,
	  .about = "hand it over no more" },
	{ "kho_retrieve_subtree", { SUBTREE }, NEW_MEMORY, .call = call_kho_retrieve_subtree,
	  .tries = { "kho_retrieve_subtree(\"state\")" },
	  .about = "the memory that was handed over by that name" },
	{ "kho_debugfs_read", { SUBTREE, AT, LENGTH(MAX_STRING_BYTES) }, READS,
	  .call = call_kho_debugfs_read, .model_only = true,
	  .about = "read a file of /sys/kernel/debug/kho, such as in/sub_fdts/LUO" },
	{ "reserve_mem_find_by_name", { SUBTREE }, NEW_MEMORY,
	  .call = call_reserve_mem_find_by_name, .model_only = true,
	  .about = "the area that the boot option reserve_mem= has set aside" },
	{ "reserve_mem_release_by_name", { SUBTREE }, RETURNS,
	  .call = call_reserve_mem_release_by_name, .model_only = true,
	  .about = "give it to the page allocator; returns 1, or 0 if there is none" },
	{ "kho_is_enabled", { { 0 } }, RETURNS, .call = call_kho_is_enabled,
	  .about = "is KHO switched on?" },
	{ "is_kho_boot", { { 0 } }, RETURNS, .call = call_is_kho_boot,
	  .about = "did this kernel take a handover?" },

	{ "kexec", { { 0 } }, RETURNS, .call = call_kexec, .reboots = true,
	  .tries = { "kexec()" }, .loads = true,
	  .about = "kexec_load(), then reboot()" },
	{ "kexec_jump", { { 0 } }, RETURNS, .call = call_kexec_jump,
	  .tries = { "kexec_jump()" },
	  .about = "kexec_load(2) a kernel that will jump back, then reboot(): it has" },
	{ "kexec_load", { WORD("IMAGE", words_images) }, .optional = 1 << 0, RETURNS,
	  .call = call_kexec_load,
	  .tries = { "kexec_load()" }, .loads = true,
	  .about = "load the image of the next kernel: kexec_file_load(2), segments, or crash" },
	{ "kexec_unload", { { 0 } }, RETURNS, .call = call_kexec_unload,
	  .tries = { "kexec_unload()" },
	  .about = "drop that image" },
	{ "reboot", { { 0 } }, RETURNS, .call = call_reboot, .reboots = true,
	  .tries = { "reboot()" },
	  .refusals = { { -EINVAL, 0 } },
	  .about = "reboot(2) with LINUX_REBOOT_CMD_KEXEC: into what is loaded" },
	{ "sysrq_crash", { { 0 } }, RETURNS, .call = call_sysrq_crash, .reboots = true,
	  .model_only = true,
	  .about = "c to /proc/sysrq-trigger: panic, and start the crash kernel" },
	{ "nofile", { { "N", PARAM_NUMBER, 0, G_MAXINT64, NULL } }, RETURNS, .call = call_nofile,
	  .about = "setrlimit(2) RLIMIT_NOFILE" },
	{ "drop_caches", { { 0 } }, RETURNS, .call = call_drop_caches,
	  .tries = { "drop_caches()" },
	  .about = "/proc/sys/vm/drop_caches = 1: clean pages go, as when memory is short" },
	{ "shmem_enabled", { WORD("WHEN", words_huge) }, RETURNS, .call = call_shmem_enabled,
	  .about = "/sys/kernel/mm/transparent_hugepage/shmem_enabled" },
	{ "managed_pages", { { "NODE", PARAM_NUMBER, 0, MAX_NODES, NULL } }, RETURNS,
	  .call = call_managed_pages,
	  .about = "pages that the zones of a node manage, but for what is reserved for good" },
	{ "meminfo", { { 0 } }, SHOWS(meminfo_fields), .call = call_meminfo,
	  .about = "pages of memory: all, free, preserved, handed over and not restored" },
	{ "flb", { FLB }, SHOWS(flb_fields), .call = call_flb,
	  .about = "reference counts of an FLB, and what became of the incoming one" },
	{ "flb_get_outgoing", { FLB }, RETURNS, .call = call_flb_get_outgoing,
	  .about = "a driver takes the object of an FLB that this kernel preserves" },
	{ "flb_put_outgoing", { FLB }, RETURNS, .call = call_flb_put_outgoing,
	  .about = "the driver uses it for the last time, and gives it back" },
	{ "flb_get_incoming", { FLB }, RETURNS, .call = call_flb_get_incoming,
	  .about = "a driver takes the object of an FLB that the last kernel preserved" },
	{ "flb_put_incoming", { FLB }, RETURNS, .call = call_flb_put_incoming,
	  .about = "the driver uses it for the last time, and gives it back" },
	{ "insmod", { HANDLER }, RETURNS, .call = call_insmod,
	  .about = "load the module of a scripted handler, which registers it" },
	{ "rmmod", { HANDLER, WORD("force", words_force) }, .optional = 1 << 1, RETURNS,
	  .call = call_rmmod,
	  .about = "unload it; force: though it is in use" },
	{ "corrupt", { FIELD, { "VALUE", PARAM_NUMBER, 0, G_MAXUINT64, NULL } }, RETURNS,
	  .call = call_corrupt,
	  .about = "what the next kernel finds there, see luosim list fields" },
	{ "corrupt_bit", { FIELD, { "BIT", PARAM_NUMBER, 0, G_MAXUINT32, NULL } }, RETURNS,
	  .call = call_corrupt_bit,
	  .about = "likewise: one bit of it is flipped" },
	{ "corrupt_string", { FIELD, TEXT }, RETURNS, .call = call_corrupt_string,
	  .about = "likewise, of a string" },
	{ "corrupt_address", { FIELD, OBJECT }, RETURNS, .call = call_corrupt_address,
	  .about = "it becomes the address, or the pfn, of an object or field" },
	{ "corrupt_copy", { FIELD, FIELD }, RETURNS, .call = call_corrupt_copy,
	  .about = "it becomes what another field is" },
	{ 0 },
};

/* What loaded handlers bring, in that order. */
static GPtrArray *loaded;

static struct param param_of(const struct luosim_param *param)
{
	static const enum param_kind kinds[] = {
		[LUOSIM_FD] = PARAM_FD, [LUOSIM_NUMBER] = PARAM_NUMBER,
		[LUOSIM_STRING] = PARAM_STRING,
	};

	return (struct param){ param->name, kinds[param->kind], param->min, param->max, NULL };
}

static struct op_info info_of(const struct luosim_call *call)
{
	static const struct op_info opens = { NEW }, reads = { READS }, returns = { RETURNS };
	struct op_info info = {
		.name = call->name, .call = call_handler, .handler_call = call, .model_only = true,
		.tries = { call->tries }, .about = call->about, .optional = call->optional,
	};

	info.result = call->open != NULL ? opens.result :
		      call->reads ? reads.result : returns.result;
	for (guint i = 0; i < LUOSIM_MAX_PARAMS && call->params[i].name != NULL; i++)
		info.args[i] = param_of(&call->params[i]);
	return info;
}

static void add_shipped(GArray *all)
{
	const struct handler_script *script;

	for (guint i = 0; (script = handler_shipped(i)) != NULL; i++) {
		const struct luosim_call *call = handler_calls(script);

		for (; call != NULL && call->name != NULL; call++) {
			struct op_info info = info_of(call);

			g_array_append_val(all, info);
		}
	}
}

const struct op_info *op_table(void)
{
	static gsize table;

	if (g_once_init_enter(&table)) {
		GArray *all = g_array_new(FALSE, FALSE, sizeof(struct op_info));

		for (const struct op_info *row = rows; row->name != NULL; row++) {
			if (row->call == NULL)
				add_shipped(all);
			else
				g_array_append_vals(all, row, 1);
		}
		g_array_append_vals(all, &(struct op_info){ 0 }, 1);
		g_once_init_leave(&table, (gsize)g_array_free(all, FALSE));
	}
	return (const struct op_info *)table;
}

const struct op_info *op_find(const char *name)
{
	for (const struct op_info *info = op_table(); info->name != NULL; info++)
		if (strcmp(info->name, name) == 0)
			return info;
	for (guint i = 0; loaded != NULL && i < loaded->len; i++) {
		const struct op_info *info = loaded->pdata[i];

		if (strcmp(info->name, name) == 0)
			return info;
	}
	return NULL;
}

const char *op_load(const struct handler_script *script)
{
	const struct luosim_call *call = handler_calls(script);

	for (; call != NULL && call->name != NULL; call++) {
		const struct op_info *info = op_find(call->name);

		if (info != NULL && info->handler_call == call)
			continue;
		if (info != NULL)
			return call->name;
		if (loaded == NULL)
			loaded = g_ptr_array_new();
		g_ptr_array_add(loaded, g_memdup2(&(struct op_info[]){ info_of(call) },
						  sizeof(struct op_info)));
	}
	return NULL;
}

guint op_nr_args(const struct op_info *info)
{
	guint nr = 0;

	while (nr < MAX_ARGS && info->args[nr].kind != PARAM_NONE)
		nr++;
	return nr;
}

void op_signature(GString *out, const struct op_info *info)
{
	g_string_append_printf(out, "%s(", info->name);
	for (guint i = 0; i < op_nr_args(info); i++) {
		const char *comma = i > 0 ? ", " : "";

		g_string_append_printf(out, info->optional & 1 << i ? "[%s%s]" : "%s%s",
				       comma, info->args[i].name);
	}
	g_string_append_printf(out, ") = %s", info->result.name);
}

const char *op_try(guint nr, const struct op_info **info)
{
	for (*info = op_table(); (*info)->name != NULL; (*info)++)
		for (guint i = 0; i < MAX_TRIES && (*info)->tries[i] != NULL; i++)
			if (nr-- == 0)
				return (*info)->tries[i];
	return NULL;
}

char *op_try_name(const char *text)
{
	return g_strndup(text, strcspn(text, ":("));
}

int op_try_find(const char *name)
{
	const struct op_info *info;
	const char *text;

	for (guint i = 0; (text = op_try(i, &info)) != NULL; i++) {
		g_autofree char *other = op_try_name(text);

		if (strcmp(other, name) == 0)
			return i;
	}
	return -1;
}
