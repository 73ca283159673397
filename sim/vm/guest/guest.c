/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * luosim-guest: /init of the virtual machines of luosim vm. It makes the calls of a program,
 * which is in the operations of luosim-recording(5), and writes into the kernel's log what
 * each returned, so that all that is on the console is in one order. Nobody else's code
 * runs in there.
 *
 * /program	a line for each operation: "STAGE LINE OPERATION". Behind "next" comes another
 *		program, whose operations are counted from 0 again. Between "race DELAY..."
 *		and "end" each "task" begins the operations of a process of its own.
 * /kernel	what kexec boots
 * /emitted	a program of luosim emit, which is run instead
 */
#define KEXEC_FILE_UNLOAD	1

static void ksft_exit_fail_msg(const char *format, ...);
static void end(int status);

/* Made by the Makefile of emit/guest.c.in: what emitted programs do, this one does. */
#include <guest-calls.h>

#include <sched.h>
#include <time.h>

#include "vm/newc.h"

#define REBOOT_KEXEC	0x45584543	/* LINUX_REBOOT_CMD_KEXEC */

/* Descriptors that are open throughout; cases with few descriptors count from 3 on. */
#define LOG_FD		1
#define FAULT_FD	2

#define EMITTED		"/emitted"
#define NEXT		"/next"		/* the archive of the kernel that comes */
#define MAX_WORDS	9		/* those of a race have a word for each task */
#define MAX_SAID	800		/* bytes of a log record that are data's */
#define MAX_HANDLES	65536

/* An argument of an operation. */
struct arg {
	const char *word;
	int fd;
	long long number;
	struct bytes bytes;
};

struct operation {
	const char *name;
	const char *args;	/* a letter each, see parse_arg() */
	long (*call)(const struct arg *a);
	void (*tell)(long ret, const struct arg *a);	/* what it gave, or NULL */
};

/* Its descriptor is where all tasks of a race see it. */
static struct handle {
	char *name;
	int *fd;
	struct handle *next;
} *handles;

static char *told;		/* data of the operation under way */
static size_t told_len;
static unsigned long worked;	/* how many of the objects, ... */
static unsigned long wrong;	/* ... and how many of them had other contents */
static char *fail_nth;		/* which allocation of the next operation fails; NULL: none */
static struct line {
	unsigned long stage, line;
	char *words[MAX_WORDS];	/* words[0] is the operation */
	unsigned int nr;
} *lines;			/* of the program */
static size_t nr_lines;
static unsigned long stage = 1;	/* which kernel this is */
static size_t at;		/* the line under way */
static size_t first;		/* line of the program under way */
static size_t programs;		/* that are over */
static int *fds;		/* of handles */
static size_t nr_fds;

/* What the tasks of a race share besides; @tasks is 0 outside one. */
static struct {
	unsigned int ready, lock;
} *race;
static unsigned int tasks;
static char *unsaid;		/* log records that a task has kept for later */
static size_t unsaid_len;

/* Is it an operation after which the next kernel runs, if it works? */
static bool reboots(const char *operation)
{
	return !strcmp(operation, "kexec") || !strcmp(operation, "kexec_loaded") ||
	       !strcmp(operation, "kexec_noload");
}

/* ---- Output ---- */

/* The console is slow: a task of a race speaks when it is over. */
static void keep(const char *line, size_t len)
{
	unsaid = realloc(unsaid, unsaid_len + len + 2);
	if (!unsaid)
		_exit(1);
	memcpy(unsaid + unsaid_len, line, len);
	strcpy(unsaid + unsaid_len + len, "\n");
	unsaid_len += len + 1;
}

static void say(const char *format, ...)
{
	char line[MAX_SAID + 128];
	va_list args;
	int len = sprintf(line, "<6>luosim: ");

	va_start(args, format);
	len += vsnprintf(line + len, sizeof(line) - len, format, args);
	va_end(args);
	if (tasks)
		keep(line, len);
	else if (write(LOG_FD, line, len) < 0)
		_exit(1);
}

/* What a task has kept, in one piece. */
static void say_kept(void)
{
	char *line = unsaid, *next;

	while (__atomic_exchange_n(&race->lock, 1, __ATOMIC_ACQUIRE))
		;
	for (; unsaid_len; line = next) {
		next = strchr(line, '\n') + 1;
		unsaid_len -= next - line;
		if (write(LOG_FD, line, next - line - 1) < 0)
			_exit(1);
	}
	__atomic_store_n(&race->lock, 0, __ATOMIC_RELEASE);
}

/*
 * Nothing goes on: luosim ends the machine when it reads this. A kernel whose console has a
 * thread of its own may keep the last record to itself until there is another one.
 */
static void end(int status)
{
	for (;;) {
		say("end %d", status);
		usleep(100000);
	}
}

static void ksft_exit_fail_msg(const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text[strcspn(text, "\n")] = '\0';
	tasks = 0;	/* it is said at once */
	say("error %s", text);
	end(1);
}

static void tell(const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	told = realloc(told, told_len + len + 1);
	if (!told)
		ksft_exit_fail_msg("out of memory");
	va_start(args, format);
	vsnprintf(told + told_len, len + 1, format, args);
	va_end(args);
	told_len += len;
}

static void tell_byte(unsigned char c)
{
	if (c == '"' || c == '\\')
		tell("\\%c", c);
	else if (c == '\n' || c == '\0')
		tell(c ? "\\n" : "\\0");
	else if (c < 0x20 || c >= 0x7f || c == '*')
		tell("\\x%02x", c);
	else
		tell("%c", c);
}

/* In quotes; zeroes that are several, and what else comes often, is "x*N;". */
static void tell_bytes(const char *bytes, size_t len)
{
	size_t i, n;

	tell("\"");
	for (i = 0; i < len; i += n) {
		for (n = 1; i + n < len && bytes[i + n] == bytes[i];)
			n++;
		n = n > 3 || !bytes[i] ? n : 1;
		tell_byte(bytes[i]);
		if (n > 1)
			tell("*%zu;", n);
	}
	tell("\"");
}

/* Long data are several records, of which the last is the result. */
static void say_result(const char *rc)
{
	const char *rest = told_len ? told : "";

	while (strlen(rest) > MAX_SAID) {
		say("data %zu %.*s|", at - first, MAX_SAID, rest);
		rest += MAX_SAID;
	}
	if (*rest)
		say("data %zu %s|", at - first, rest);
	say("rc %zu %s", at - first, rc);
}

/* ---- Words ---- */

struct guest_word {
	const char *name;
	unsigned long value;
};

static const struct guest_word memfd_words[] = {
	{ "cloexec", MFD_CLOEXEC }, { "sealing", MFD_ALLOW_SEALING }, { "hugetlb", MFD_HUGETLB },
	{ "noexec_seal", MFD_NOEXEC_SEAL }, { "exec", MFD_EXEC }, { "huge", 0 }, { "-", 0 }, { 0 }
};

static const struct guest_word seal_words[] = {
	{ "seal", F_SEAL_SEAL }, { "shrink", F_SEAL_SHRINK }, { "grow", F_SEAL_GROW },
	{ "write", F_SEAL_WRITE }, { "future_write", F_SEAL_FUTURE_WRITE },
	{ "exec", F_SEAL_EXEC }, { "-", 0 }, { 0 }
};

/* Others are octal digits, as recordings that are there have them. */
static const struct guest_word status_words[] = {
	{ "append", O_APPEND }, { "nonblock", O_NONBLOCK }, { "path", O_PATH },
	{ "largefile", 0100000 },	/* O_LARGEFILE, which is 0 for a program of 64 bits */
	{ 0 }
};

/* The bits of "a,b", or of a number. */
static long long bits_of(const struct guest_word *words, const char *list)
{
	unsigned long bits = 0;
	const struct guest_word *w;

	if (*list >= '0' && *list <= '9')
		return strtoull(list, NULL, 0);
	while (*list) {
		size_t len = strcspn(list, ",");

		for (w = words; w->name; w++)
			if (strlen(w->name) == len && !strncmp(w->name, list, len))
				break;
		if (!w->name)
			ksft_exit_fail_msg("unknown word '%s'", list);
		bits |= w->value;
		list += len + (list[len] == ',');
	}
	return bits;
}

/* "a,b", and what has no word as an octal number. */
static void tell_bits(const struct guest_word *words, unsigned long bits, const char *between,
		      bool more)
{
	for (; words->name; words++) {
		if (!words->value || (bits & words->value) != words->value)
			continue;
		tell("%s%s", more ? between : "", words->name);
		bits &= ~words->value;
		more = true;
	}
	if (bits)
		tell("%s0%lo", more ? between : "", bits);
	else if (!more)
		tell("none");
}

/* ---- Operations ---- */

static long op_opendev(const struct arg *a)
{
	bool cloexec = a[1].word && !strcmp(a[1].word, "cloexec");

	return do_open(B("/dev/liveupdate"), O_RDWR | (cloexec ? O_CLOEXEC : 0));
}

static struct handle *handle_of(const char *name);

static long op_close(const struct arg *a)
{
	return do_close(handle_of(a[0].word)->fd);
}

static long op_dup(const struct arg *a)
{
	return do_dup(a[1].fd);
}

static long op_reopen(const struct arg *a)
{
	return do_reopen(a[1].fd, O_RDWR);
}

static long op_reopen_ro(const struct arg *a)
{
	return do_reopen(a[1].fd, O_RDONLY);
}

static long op_create(const struct arg *a)
{
	return do_create_session(a[0].fd, a[2].bytes);
}

static long op_retrieve_session(const struct arg *a)
{
	return do_retrieve_session(a[0].fd, a[2].bytes);
}

static long op_preserve(const struct arg *a)
{
	return do_preserve_fd(a[0].fd, a[1].fd, a[2].number);
}

static long op_preserve_rawfd(const struct arg *a)
{
	return do_preserve_fd(a[0].fd, a[1].number, a[2].number);
}

static long op_retrieve(const struct arg *a)
{
	return do_retrieve_fd(a[0].fd, a[2].number);
}

static long op_finish(const struct arg *a)
{
	return do_finish(a[0].fd);
}

static long op_get_name(const struct arg *a)
{
	return do_get_name(a[0].fd);
}

static void tell_name(long ret, const struct arg *a)
{
	(void)ret;
	(void)a;
	tell("name=\"");
	for (size_t i = 0; i < answer_len; i++)
		tell_byte(answer[i]);
	tell("\"");
}

static long op_memfd(const struct arg *a)
{
	struct bytes name = { a[0].word, strlen(a[0].word) };

	return do_memfd_create(name, a[2].number, a[1].number);
}

static long op_file(const struct arg *a)
{
	return do_open_file(a[1].word);
}

static long op_truncate(const struct arg *a)
{
	return do_ftruncate(a[0].fd, a[1].number);
}

static long op_fallocate(const struct arg *a)
{
	return do_fallocate(a[0].fd, a[1].number, a[2].number, a[3].number);
}

static long op_punch(const struct arg *a)
{
	return do_punch(a[0].fd, a[1].number, a[2].number);
}

static long op_seek(const struct arg *a)
{
	return do_lseek(a[0].fd, a[1].number);
}

static long op_fsync(const struct arg *a)
{
	return do_fsync(a[0].fd);
}

static long op_seal(const struct arg *a)
{
	return do_add_seals(a[0].fd, a[1].number);
}

static long op_get_seals(const struct arg *a)
{
	return do_get_seals(a[0].fd);
}

static void tell_seals(long ret, const struct arg *a)
{
	(void)a;
	tell("seals=");
	tell_bits(seal_words, ret, ",", false);
}

static long op_setfl(const struct arg *a)
{
	return do_setfl(a[0].fd, a[1].number);
}

static long op_write(const struct arg *a)
{
	return do_write(a[0].fd, a[1].number, a[2].bytes);
}

static void tell_count(long ret, const struct arg *a)
{
	(void)a;
	tell("n=%ld", ret);
}

static long op_read(const struct arg *a)
{
	return do_read(a[0].fd, a[1].number, a[2].number);
}

static void tell_read(long ret, const struct arg *a)
{
	(void)a;
	tell("n=%ld ", ret);
	tell_bytes(answer, answer_len);
}

/* What LEN is, "-" being up to the end of the file. */
static long long length_of(const struct arg *a)
{
	struct stat st;

	if (a[2].number >= 0)
		return a[2].number;
	if (fstat(a[0].fd, &st) < 0 || st.st_size < a[1].number)
		return 0;
	return st.st_size - a[1].number;
}

static long op_fill(const struct arg *a)
{
	return do_fill(a[0].fd, a[1].number, length_of(a), a[3].number);
}

static long op_verify(const struct arg *a)
{
	return do_verify(a[0].fd, a[1].number, length_of(a), a[3].number);
}

static void tell_verify(long ret, const struct arg *a)
{
	tell("n=%lld bad=%ld", length_of(a), ret);
}

static long op_sum(const struct arg *a)
{
	return do_sum(a[0].fd, a[1].number, a[2].number);
}

static void tell_sum(long ret, const struct arg *a)
{
	long long left = length_of(a), nonzero = 0;

	(void)ret;
	tell("n=%lld fnv=%.*s", left, (int)answer_len, answer);
	for (long long off = a[1].number; left > 0; off += answer_len, left -= answer_len) {
		if (do_read(a[0].fd, off, left < 4096 ? left : 4096) <= 0)
			break;
		for (size_t i = 0; i < answer_len; i++)
			nonzero += answer[i] != 0;
	}
	tell(" nonzero=%lld", nonzero);
}

static struct stat found;
static char link_found[256];
static long pos_found, seals_found, flags_found, cloexec_found;

static long op_stat(const struct arg *a)
{
	char path[64];
	ssize_t len;

	seals_found = or_errno(fcntl(a[0].fd, F_GET_SEALS));
	flags_found = or_errno(fcntl(a[0].fd, F_GETFL));
	cloexec_found = fcntl(a[0].fd, F_GETFD) & FD_CLOEXEC;
	pos_found = or_errno(lseek(a[0].fd, 0, SEEK_CUR));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", a[0].fd);
	len = readlink(path, link_found, sizeof(link_found) - 1);
	link_found[len < 0 ? 0 : len] = '\0';
	return or_errno(fstat(a[0].fd, &found));
}

static void tell_number(const char *key, long number)
{
	if (number < 0)
		tell("%s=%s ", key, strerrorname_np(-number));
	else
		tell("%s=%ld ", key, number);
}

static void tell_stat(long ret, const struct arg *a)
{
	static const char *const modes[] = { "rdonly", "wronly", "rdwr", "3" };

	(void)ret;
	(void)a;
	tell("size=%lld ", (long long)found.st_size);
	tell_number("pos", pos_found);
	if (seals_found < 0) {
		tell_number("seals", seals_found);
	} else {
		tell("seals=");
		tell_bits(seal_words, seals_found, ",", false);
		tell(" ");
	}
	tell("flags=%s", modes[flags_found & O_ACCMODE]);
	tell_bits(status_words, flags_found & ~O_ACCMODE, "|", true);
	tell(" cloexec=%ld blocks=%lld mode=%o nlink=%lu link=", cloexec_found,
	     (long long)found.st_blocks, found.st_mode & 07777, (unsigned long)found.st_nlink);
	tell_bytes(link_found, strlen(link_found));
}

static long op_same(const struct arg *a)
{
	return do_same(a[0].fd, a[1].fd);
}

/* "inode=same;file=diff;" with blanks. */
static void tell_same(long ret, const struct arg *a)
{
	size_t i;

	(void)ret;
	(void)a;
	for (i = 0; i + 1 < answer_len; i++)
		tell("%c", answer[i] == ';' ? ' ' : answer[i]);
}

/* ---- Operations on N objects: they go on until one does not work ---- */

static long op_sessions(const struct arg *a, long (*make)(int dev, struct bytes name))
{
	long ret = 0, i;

	for (i = 0; i < a[1].number && ret >= 0; i++) {
		char name[128];

		snprintf(name, sizeof(name), "%s%ld", a[2].bytes.at, i);
		ret = make(a[0].fd, (struct bytes){ name, strlen(name) });
		*handle_of(name)->fd = ret < 0 ? -1 : ret;
		worked += ret >= 0;
	}
	return ret < 0 ? ret : 0;
}

static long op_create_n(const struct arg *a)
{
	return op_sessions(a, do_create_session);
}

static long op_retrieve_session_n(const struct arg *a)
{
	return op_sessions(a, do_retrieve_session);
}

/* Those that are not open are passed over. */
static long op_close_n(const struct arg *a)
{
	long long i;

	for (i = a[1].number; i <= a[2].number; i++) {
		char name[128];
		struct handle *h;

		snprintf(name, sizeof(name), "%s%lld", a[0].bytes.at, i);
		h = handle_of(name);
		if (*h->fd >= 0)
			worked += !do_close(h->fd);
	}
	return 0;
}

static long op_preserve_n(const struct arg *a)
{
	long ret = 0, i;

	for (i = a[2].number; i < a[2].number + a[1].number && ret >= 0; i++) {
		char text[32];
		int len = sprintf(text, "tok%ld", i), fd;

		ret = fd = do_memfd_create(B("tok"), 4096, 0);
		if (fd < 0)
			break;
		ret = do_write(fd, 0, (struct bytes){ text, len });
		if (ret >= 0)
			ret = do_preserve_fd(a[0].fd, fd, i);
		close(fd);
		worked += ret >= 0;
	}
	return ret < 0 ? ret : 0;
}

static long op_retrieve_n(const struct arg *a)
{
	long ret = 0, i;

	for (i = a[2].number; i < a[2].number + a[1].number; i++) {
		char text[32];
		int len = sprintf(text, "tok%ld", i), fd;

		ret = fd = do_retrieve_fd(a[0].fd, i);
		if (fd < 0)
			break;
		wrong += do_read(fd, 0, len) != len || memcmp(answer, text, len);
		close(fd);
		worked++;
	}
	return ret < 0 ? ret : 0;
}

/* Hex digits; "{M}" is a descriptor's number, "zN." are N zero bytes. */
static struct bytes pieces_of(const char *hex)
{
	size_t len = 0, room = strlen(hex);
	const char *z;
	char *out;

	for (z = strchr(hex, 'z'); z; z = strchr(z + 1, 'z'))
		room += strtoul(z + 1, NULL, 10);
	out = alloc(room);
	while (*hex && strcmp(hex, "-")) {
		char name[128], two[3] = { hex[0], hex[1] };
		int fd;

		if (*hex == 'z') {
			len += strtoul(hex + 1, (char **)&hex, 10);
			hex += *hex == '.';
		} else if (*hex == '{' && sscanf(hex, "{%127[^}]}", name) == 1) {
			fd = *handle_of(name)->fd;
			memcpy(out + len, &fd, sizeof(fd));
			len += sizeof(fd);
			hex += strlen(name) + 2;
		} else {
			out[len++] = strtoul(two, NULL, 16);
			hex += hex[1] ? 2 : 1;
		}
	}
	return (struct bytes){ out, len };
}

static long op_rawioctl(const struct arg *a)
{
	const char *nr = a[1].word, *size = a[2].word;
	bool ro = !strncmp(size, "ro:", 3);
	unsigned long cmd = !strncmp(nr, "raw:", 4) ? strtoul(nr + 4, NULL, 0) :
				_IO(LIVEUPDATE_IOCTL_TYPE, strtoul(nr, NULL, 0));

	return do_ioctl(a[0].fd, cmd, !strcmp(size, "null") ? -1 :
			strtoll(ro ? size + 3 : size, NULL, 0), a[3].bytes, ro);
}

static void tell_ioctl(long ret, const struct arg *a)
{
	static const char *const gives_fd[] = { "0", "0x00", "1", "0x01", "0x41" };

	(void)ret;
	tell("size_out=%u", ioctl_size);
	for (size_t i = 0; i < sizeof(gives_fd) / sizeof(gives_fd[0]); i++)
		if (!strcmp(a[1].word, gives_fd[i]) && fcntl(ioctl_fd, F_GETFD) >= 0)
			tell(" fd=new");
}

static long op_nofile(const struct arg *a)
{
	return do_nofile(a[0].number < 0 ? 1024 : a[0].number);
}

static long op_shmem_enabled(const struct arg *a)
{
	return do_shmem_enabled(a[0].word);
}

static long op_drop_caches(const struct arg *a)
{
	(void)a;
	return do_drop_caches();
}

/* Of /proc/meminfo, in KiB. */
static unsigned long meminfo_kib(const char *text, const char *key)
{
	const char *line = strstr(text, key);

	return line ? strtoul(line + strlen(key), NULL, 10) : 0;
}

/* What is free changes by itself: to 16 MiB. */
static void tell_meminfo(long ret, const struct arg *a)
{
	char text[8192] = { 0 };
	int file = open("/proc/meminfo", O_RDONLY);

	(void)ret;
	(void)a;
	if (file < 0 || read(file, text, sizeof(text) - 1) < 0)
		ksft_exit_fail_msg("cannot read /proc/meminfo");
	close(file);
	tell("free_mib~%lu shmem_mib=%lu shmem_huge_kib=%lu unevictable_kib=%lu",
	     meminfo_kib(text, "MemFree:") >> 14 << 4, meminfo_kib(text, "\nShmem:") >> 10,
	     meminfo_kib(text, "ShmemHugePages:"), meminfo_kib(text, "Unevictable:"));
}

static long op_sleep(const struct arg *a)
{
	return or_errno(usleep(a[0].number * 1000));
}

static long op_nothing(const struct arg *a)
{
	(void)a;
	return 0;
}

static long op_fail_nth(const struct arg *a)
{
	free(fail_nth);
	fail_nth = strdup(a[0].word);
	return access("/proc/self/fail-nth", W_OK) ? -EOPNOTSUPP : 0;
}

static void tell_mark(long ret, const struct arg *a)
{
	(void)ret;
	if (a[0].word)
		tell("%s", a[0].word);
}

/* A setting of the kernel that the program is for. */
static long op_sysctl(const struct arg *a)
{
	char path[256];

	snprintf(path, sizeof(path), "/proc/sys/%s", a[0].word);
	return write_file(path, a[1].word);
}

static void close_handles(void)
{
	for (struct handle *h = handles; h; h = h->next)
		*h->fd = -1;
}

static void take_fault_fd(void)
{
	int fd = open("/proc/self/fail-nth", O_RDWR);

	if (fd < 0)
		fd = open("/dev/null", O_RDWR);
	if (fd != FAULT_FD) {
		dup2(fd, FAULT_FD);
		close(fd);
	}
}

static long op_exit(const struct arg *a)
{
	long ret = do_exit();

	(void)a;
	close_handles();
	take_fault_fd();	/* that of this process */
	return ret;
}

/* ---- kexec ---- */

static void put_file(FILE *out, const char *path, unsigned int mode)
{
	FILE *in = fopen(path, "r");
	char buf[65536];
	struct stat st;
	size_t n;

	if (!in || fstat(fileno(in), &st) < 0)
		ksft_exit_fail_msg("cannot read %s", path);
	newc_begin(out, path + 1, S_IFREG | mode, st.st_size);
	while ((n = fread(buf, 1, sizeof(buf), in)) > 0)
		fwrite(buf, 1, n, out);
	newc_end(out, st.st_size);
	fclose(in);
}

/* The archive that this kernel was booted with, once more. */
static int make_initramfs(void)
{
	FILE *out = fopen(NEXT, "w");

	if (!out)
		ksft_exit_fail_msg("cannot write " NEXT);
	put_file(out, "/init", 0755);
	put_file(out, "/program", 0644);
	if (!access(EMITTED, X_OK))
		put_file(out, EMITTED, 0755);
	put_file(out, "/kernel", 0644);
	newc_close(out);
	if (fclose(out))
		ksft_exit_fail_msg("cannot write " NEXT);
	return open(NEXT, O_RDONLY);
}

/* What the next kernel is told: this command line, with another place in the program. */
static void next_command_line(char *out, size_t room)
{
	char text[2048] = { 0 }, *word, *rest = text;
	FILE *in = fopen("/proc/cmdline", "r");
	size_t next = at;

	if (!in || !fgets(text, sizeof(text), in))
		ksft_exit_fail_msg("cannot read /proc/cmdline");
	fclose(in);
	while (next < nr_lines && !reboots(lines[next].words[0]))
		next++;
	while (next + 1 < nr_lines && lines[next + 1].stage && lines[next + 1].stage == stage)
		next++;
	*out = '\0';
	while ((word = strsep(&rest, " \n")))
		if (*word && strncmp(word, "luosim.", 7))
			strcat(strcat(out, word), " ");
	snprintf(out + strlen(out), room - strlen(out), "luosim.stage=%lu luosim.at=%zu", stage + 1,
		 next + 1);
}

static long op_load(const struct arg *a)
{
	int image = open("/kernel", O_RDONLY), initramfs = make_initramfs();
	char text[2048];
	long ret;

	(void)a;
	next_command_line(text, sizeof(text));
	ret = or_errno(syscall(SYS_kexec_file_load, image, initramfs, strlen(text) + 1, text, 0UL));
	close(initramfs);
	close(image);
	unlink(NEXT);
	return ret;
}

static long op_unload(const struct arg *a)
{
	(void)a;
	return do_kexec_unload();
}

static long op_kexec_loaded(const struct arg *a)
{
	(void)a;
	return or_errno(reboot(REBOOT_KEXEC));
}

static long op_kexec(const struct arg *a)
{
	long ret = op_load(a);

	return ret < 0 ? ret : op_kexec_loaded(a);
}


/* ---- The table ---- */

/*
 * n	a number, or "-", which is -1
 * w	a word
 * s	a string in quotes
 * h	a handle, without which the operation is skipped
 * N	a handle that the result is
 * M	memfd flags
 * L	seals
 * F	status flags
 * x	bytes in hex digits
 * ?	what comes may be left out
 */
static const struct operation operations[] = {
	{ "opendev", "N?w", op_opendev, NULL },
	{ "close", "h", op_close, NULL },
	{ "dup", "Nh", op_dup, NULL },
	{ "reopen", "Nh", op_reopen, NULL },
	{ "reopen_ro", "Nh", op_reopen_ro, NULL },
	{ "create", "hNs", op_create, NULL },
	{ "retrieve_session", "hNs", op_retrieve_session, NULL },
	{ "preserve", "hhn", op_preserve, NULL },
	{ "preserve_rawfd", "hnn", op_preserve_rawfd, NULL },
	{ "retrieve", "hNn", op_retrieve, NULL },
	{ "finish", "h", op_finish, NULL },
	{ "get_name", "h", op_get_name, tell_name },
	{ "memfd", "NMn", op_memfd, NULL },
	{ "file", "Nw", op_file, NULL },
	{ "truncate", "hn", op_truncate, NULL },
	{ "fallocate", "hnn?n", op_fallocate, NULL },
	{ "punch", "hnn", op_punch, NULL },
	{ "seek", "hn", op_seek, NULL },
	{ "fsync", "h", op_fsync, NULL },
	{ "seal", "hL", op_seal, NULL },
	{ "get_seals", "h", op_get_seals, tell_seals },
	{ "setfl", "hF", op_setfl, NULL },
	{ "write", "hns", op_write, tell_count },
	{ "read", "hnn", op_read, tell_read },
	{ "fill", "hnnn", op_fill, tell_count },
	{ "verify", "hnnn", op_verify, tell_verify },
	{ "sum", "hnn", op_sum, tell_sum },
	{ "stat", "h", op_stat, tell_stat },
	{ "same", "hh", op_same, tell_same },
	{ "rawioctl", "hwwx?wN", op_rawioctl, tell_ioctl },
	{ "fail_nth", "w", op_fail_nth, NULL },
	{ "kexec", "", op_kexec, NULL },
	{ "kexec_noload", "", op_kexec_loaded, NULL },
	{ "kexec_loaded", "", op_kexec_loaded, NULL },
	{ "load", "", op_load, NULL },
	{ "unload", "", op_unload, NULL },
	{ "create_n", "hns", op_create_n, NULL },
	{ "retrieve_session_n", "hns", op_retrieve_session_n, NULL },
	{ "close_n", "snn", op_close_n, NULL },
	{ "preserve_n", "hnn", op_preserve_n, NULL },
	{ "retrieve_n", "hnn", op_retrieve_n, NULL },
	{ "nofile", "n", op_nofile, NULL },
	{ "shmem_enabled", "w", op_shmem_enabled, NULL },
	{ "drop_caches", "", op_drop_caches, NULL },
	{ "exit", "", op_exit, NULL },
	{ "meminfo", "", op_nothing, tell_meminfo },
	{ "sleep", "n", op_sleep, NULL },
	{ "dmesg_mark", "?w", op_nothing, tell_mark },
	{ "sysctl", "ww", op_sysctl, NULL },
};

static struct handle *handle_of(const char *name)
{
	struct handle *h;

	for (h = handles; h; h = h->next)
		if (!strcmp(h->name, name))
			return h;
	h = calloc(1, sizeof(*h));
	if (!h || nr_fds == MAX_HANDLES)
		ksft_exit_fail_msg("out of memory");
	*h = (struct handle){ .name = strdup(name), .fd = &fds[nr_fds++], .next = handles };
	*h->fd = -1;
	handles = h;
	return h;
}

/* "text", and "text"*N of it N times. */
static struct bytes string_of(const char *quoted)
{
	char *out = alloc(strlen(quoted));
	size_t len = 0, times, i;
	const char *p = quoted + 1;
	struct bytes all;

	for (; *p && *p != '"'; p++) {
		char hex[3] = { 0 };

		if (*p != '\\') {
			out[len++] = *p;
			continue;
		}
		p++;
		if (*p == 'x') {
			strncpy(hex, p + 1, 2);
			out[len++] = strtoul(hex, NULL, 16);
			p += strlen(hex);
		} else {
			out[len++] = *p == 'n' ? '\n' : *p == '0' ? '\0' : *p;
		}
	}
	times = *p && p[1] == '*' ? strtoul(p + 2, NULL, 10) : 1;
	all = (struct bytes){ alloc(len * times), len * times };
	for (i = 0; i < times; i++)
		memcpy((char *)all.at + i * len, out, len);
	free(out);
	return all;
}

/* False: it names something that is no handle. */
static bool parse_arg(char kind, const char *word, struct arg *arg)
{
	*arg = (struct arg){ .word = word, .fd = -1 };
	switch (kind) {
	case 'n':
		arg->number = !strcmp(word, "-") ? -1 : (long long)strtoull(word, NULL, 0);
		break;
	case 's':
		arg->bytes = string_of(word);
		break;
	case 'h':
		arg->fd = *handle_of(word)->fd;
		return arg->fd >= 0;
	case 'N':
		handle_of(word);	/* no memory is taken for it later */
		break;
	case 'M':
		if (strstr(word, "huge") && !strstr(word, "hugetlb"))
			do_shmem_enabled("always");
		arg->number = bits_of(memfd_words, word);
		break;
	case 'L':
		arg->number = bits_of(seal_words, word);
		break;
	case 'F':
		arg->number = bits_of(status_words, word);
		break;
	case 'x':
		arg->bytes = pieces_of(word);
		break;
	}
	return true;
}

static const struct operation *find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		if (!strcmp(operations[i].name, name))
			return &operations[i];
	return NULL;
}

/* The arguments of @line; NULL, or why it cannot be done. */
static const char *parse_line(const struct line *line, const struct operation *op,
			      struct arg *args, const char **binds)
{
	const char *kind = op ? op->args : "";
	bool optional = false;
	unsigned int i = 0;

	*binds = NULL;
	memset(args, 0, sizeof(*args) * MAX_WORDS);
	for (; op && *kind; kind++) {
		if (*kind == '?') {
			optional = true;
			continue;
		}
		if (i + 1 >= line->nr)
			return optional ? NULL : "badop";
		if (!parse_arg(*kind, line->words[i + 1], &args[i]))
			return "skipped";
		if (*kind == 'N')
			*binds = line->words[i + 1];
		i++;
	}
	return op ? NULL : "badop";
}

/* ---- Running ---- */

static long call(const struct operation *op, const struct arg *args)
{
	long (*what)(const struct arg *a) = op->call;
	char left[32] = { 0 };
	long ret = 0;

	if (!fail_nth || op->call == op_fail_nth)
		return op->call(args);
	/* That the next kernel is loaded is not what is to fail. */
	if (op->call == op_kexec) {
		what = op_kexec_loaded;
		ret = op_load(args);
	}
	if (pwrite(FAULT_FD, fail_nth, strlen(fail_nth), 0) < 0)
		ksft_exit_fail_msg("cannot write fail-nth");
	if (!ret)
		ret = what(args);
	if (pread(FAULT_FD, left, sizeof(left) - 1, 0) < 0)
		ksft_exit_fail_msg("cannot read fail-nth");
	if (pwrite(FAULT_FD, "0", 1, 0) < 0)
		ksft_exit_fail_msg("cannot write fail-nth");
	tell("fault=%s ", atoi(left) ? "miss" : "hit");
	free(fail_nth);
	fail_nth = NULL;
	return ret;
}

static void run_line(const struct line *line)
{
	const struct operation *op = find(line->words[0]);
	struct arg args[MAX_WORDS];
	const char *binds, *why = parse_line(line, op, args, &binds);
	long ret;

	say("op %zu", at - first);
	if (tasks && reboots(line->words[0]))
		say_kept();	/* it may not return */
	told_len = 0;
	worked = 0;
	wrong = 0;
	if (why) {
		say_result(why);
		return;
	}
	ret = call(op, args);
	if (binds)
		*handle_of(binds)->fd = ret < 0 ? -1 : op->call == op_rawioctl ? ioctl_fd : ret;
	if (ret >= 0 && op->tell)
		op->tell(ret, args);
	if (strchr(op->name, '_') && !strcmp(strrchr(op->name, '_'), "_n"))
		tell("ok=%lu", worked);
	if (op->call == op_retrieve_n)
		tell(" wrong_content=%lu", wrong);
	if (ret < 0) {
		char name[32];
		const char *known = strerrorname_np(-ret);

		snprintf(name, sizeof(name), known ? "-%s" : "%s%ld", known ? : "", ret);
		say_result(name);
	} else {
		say_result("0");
	}
}

/* Words end at blanks that are in no string. */
static void split(struct line *line, char *text)
{
	while (*text && line->nr < MAX_WORDS) {
		bool quoted = false;

		line->words[line->nr++] = text;
		for (; *text && (quoted || *text != ' '); text++) {
			if (*text == '\\' && text[1])
				text++;
			else if (*text == '"')
				quoted = !quoted;
		}
		if (*text)
			*text++ = '\0';
	}
}

static void read_program(void)
{
	char *text = NULL, *end_of_number;
	FILE *in = fopen("/program", "r");
	size_t room = 0;
	ssize_t len;

	if (!in)
		ksft_exit_fail_msg("cannot read /program");
	while ((len = getline(&text, &room, in)) > 0) {
		struct line line = { 0 };

		if (text[len - 1] == '\n')
			text[len - 1] = '\0';
		line.stage = strtoul(text, &end_of_number, 10);
		line.line = strtoul(end_of_number, &end_of_number, 10);
		split(&line, strdup(end_of_number + strspn(end_of_number, " ")));
		lines = realloc(lines, (nr_lines + 1) * sizeof(line));
		if (!lines)
			ksft_exit_fail_msg("out of memory");
		lines[nr_lines++] = line;
	}
	free(text);
	fclose(in);
}

/* ---- Races ---- */

/* Ends with the last operation of its task. */
static void run_task(unsigned int number, const char *delay)
{
	struct timespec from, now;
	long long past;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(number, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		ksft_exit_fail_msg("fewer processors than tasks");
	unsaid_len = 0;
	__atomic_add_fetch(&race->ready, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&race->ready, __ATOMIC_SEQ_CST) < tasks)
		;
	clock_gettime(CLOCK_MONOTONIC, &from);
	do {
		clock_gettime(CLOCK_MONOTONIC, &now);
		past = (now.tv_sec - from.tv_sec) * 1000000000LL + now.tv_nsec - from.tv_nsec;
	} while (past < strtoll(delay, NULL, 0));
	for (; strcmp(lines[at].words[0], "task") && strcmp(lines[at].words[0], "end"); at++)
		run_line(&lines[at]);
	say_kept();
	_exit(0);
}

/* Processes with one table of descriptors: what they do to each other goes through the kernel. */
static void run_race(void)
{
	const struct line *head = &lines[at];
	struct arg args[MAX_WORDS];
	unsigned int number = 0;
	const char *binds;

	*race = (typeof(*race)){ 0 };
	tasks = head->nr - 1;
	for (size_t i = at + 1; strcmp(lines[i].words[0], "end"); i++)	/* handles get places */
		parse_line(&lines[i], find(lines[i].words[0]), args, &binds);
	for (at++; strcmp(lines[at].words[0], "end"); at++) {
		if (strcmp(lines[at].words[0], "task"))
			continue;
		number++;
		if (syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, NULL, NULL, 0))
			continue;
		at++;
		run_task(number - 1, head->words[number]);
	}
	while (wait(NULL) > 0)
		;
	tasks = 0;
}

/* Another program comes: as much as can be is as it was before the one that was. */
static void next_program(void)
{
	syscall(SYS_close_range, 3, ~0U, 0);
	while (handles) {
		struct handle *h = handles;

		handles = h->next;
		free(h->name);
		free(h);
	}
	nr_fds = 0;
	first = at + 1;
	say("next %zu", ++programs);
}

static void run_lines(void)
{
	for (; at < nr_lines; at++) {
		if (lines[at].stage && lines[at].stage != stage)
			break;
		if (!lines[at].nr)
			continue;
		if (!strcmp(lines[at].words[0], "race"))
			run_race();
		else if (!strcmp(lines[at].words[0], "next"))
			next_program();
		else
			run_line(&lines[at]);
	}
}

/* "luosim.KEY=N" of the command line. */
static unsigned long boot_number(const char *key)
{
	char text[2048] = { 0 }, mark[64], *found_at;
	FILE *in = fopen("/proc/cmdline", "r");

	if (!in || !fgets(text, sizeof(text), in))
		ksft_exit_fail_msg("cannot read /proc/cmdline");
	fclose(in);
	snprintf(mark, sizeof(mark), "luosim.%s=", key);
	found_at = strstr(text, mark);
	return found_at ? strtoul(found_at + strlen(mark), NULL, 10) : 0;
}

static void mount_all(void)
{
	static const char *const mounts[][2] = {
		{ "proc", "/proc" }, { "sysfs", "/sys" }, { "devtmpfs", "/dev" },
		{ "tmpfs", "/tmp" }, { "tmpfs", "/dev/shm" },
		{ "debugfs", "/sys/kernel/debug" },
	};
	size_t i;

	for (i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		mkdir(mounts[i][1], 0755);
		mount(mounts[i][0], mounts[i][1], mounts[i][0], 0, NULL);
	}
}

/* Descriptors 0 to 2, whatever the kernel has opened. */
static void take_descriptors(void)
{
	int fd;

	syscall(SYS_close_range, 0, ~0U, 0);
	if (open("/dev/null", O_RDWR) != 0 || open("/dev/kmsg", O_WRONLY) != LOG_FD)
		_exit(1);
	take_fault_fd();
	for (fd = 3; fd < 16; fd++)
		close(fd);
}

/* That tasks share. */
static void take_memory(void)
{
	char *at = mmap(NULL, sizeof(*race) + MAX_HANDLES * sizeof(*fds), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		ksft_exit_fail_msg("out of memory");
	race = (void *)at;
	fds = (int *)(at + sizeof(*race));
}

/* fail_nth counts all allocations, and says nothing by itself. */
static void set_up_failures(void)
{
	static const char *const files[][2] = {
		{ "failslab/ignore-gfp-wait", "N" }, { "failslab/verbose", "0" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" }, { "fail_page_alloc/verbose", "0" },
	};
	char path[128];
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s", files[i][0]);
		write_file(path, files[i][1]);
	}
}

static bool has_exit(void)
{
	for (size_t i = 0; i < nr_lines; i++)
		if (lines[i].nr && !strcmp(lines[i].words[0], "exit"))
			return true;
	return false;
}

/* It writes to the console, and boots the same kernel with the same archive. */
static void become_emitted(void)
{
	int console;

	close(make_initramfs());
	setenv("KERNEL", "/kernel", 1);
	setenv("INITRAMFS", NEXT, 1);
	console = open("/dev/ttyS0", O_RDWR);
	dup2(console, 0);
	dup2(console, 1);
	dup2(console, 2);
	syscall(SYS_close_range, 3, ~0U, 0);
	execl(EMITTED, EMITTED, NULL);
	ksft_exit_fail_msg("cannot run it");
}

int main(void)
{
	struct utsname name;

	mount_all();
	take_descriptors();
	if (!access(EMITTED, X_OK))
		become_emitted();
	take_memory();
	read_program();
	set_up_failures();
	uname(&name);
	if (boot_number("stage"))
		stage = boot_number("stage");
	at = boot_number("at");
	mlockall(MCL_CURRENT | MCL_FUTURE);
	say("boot %lu %s", stage, name.release);
	if (has_exit()) {
		supervise();
		take_fault_fd();
	}
	run_lines();
	end(0);
}
