/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What strace(1) saw of a program that uses live update, as a scenario: each call on a
 * descriptor that has to do with it is a step, or a comment where no step says it.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "import/fds.h"
#include "import/strace.h"
#include "scn/scn.h"
#include "scn/words.h"

#define MAX_COMMENT	400u	/* bytes of a call that is shown as a comment */
#define REPEATED	16u	/* equal bytes from which on they are a repetition */
#define CLONE_FILES_BIT	0x400u
#define UNFINISHED	"<unfinished ...>"
#define RESUMED		" resumed>"

struct import {
	GString *out;
	struct fds *fds;
	const char *pid;	/* that calls */
	guint *kernel;
	guint calls, others;	/* all, and those that have nothing to do with it */
};

/* A line of strace: name(arg, ...) = result */
struct traced {
	char *name, *result;
	GPtrArray *args;	/* of char * */
	const char *error;	/* "EBUSY", or NULL */
	gint64 number;		/* that it returned */
};

/* How a system call is said; false: it cannot be. */
struct strace_rule {
	const char *name;
	bool (*say)(struct import *im, const struct traced *t);
};

/* ---- Words ---- */

static const char *arg(const struct traced *t, guint i)
{
	return i < t->args->len ? t->args->pdata[i] : "";
}

/* The name of the descriptor that argument @i is; NULL if it does not matter. */
static const char *fd_arg(struct import *im, const struct traced *t, guint i)
{
	char *end;
	gint64 fd = g_ascii_strtoll(arg(t, i), &end, 0);

	return end != arg(t, i) ? fds_name(im->fds, fd) : NULL;
}

/* The descriptor that argument @i is. */
static gint64 fd_number(const struct traced *t, guint i)
{
	return g_ascii_strtoll(arg(t, i), NULL, 0);
}

/* The bytes of strace's "..."; NULL if it cut them off or there are none. */
static GString *string_of(const char *quoted)
{
	gsize len = strlen(quoted);
	GString *bytes;

	if (len < 2 || *quoted != '"' || quoted[len - 1] != '"')
		return NULL;
	bytes = g_string_new(NULL);
	for (const char *c = quoted + 1; c < quoted + len - 1; c++) {
		static const char letters[] = "n\nt\tr\rv\vf\f";
		const char *letter;
		char *end;

		if (*c != '\\') {
			g_string_append_c(bytes, *c);
			continue;
		}
		c++;
		letter = strchr(letters, *c);
		if (*c >= '0' && *c <= '7') {
			g_autofree char *digits = g_strndup(c, 3);

			g_string_append_c(bytes, (char)strtoul(digits, &end, 8));
			c += end - digits - 1;
		} else if (*c == 'x') {
			g_autofree char *digits = g_strndup(c + 1, 2);

			g_string_append_c(bytes, (char)strtoul(digits, &end, 16));
			c += end - digits;
		} else {
			g_string_append_c(bytes, letter != NULL && letter[1] != '\0' ?
					  letter[1] : *c);
		}
	}
	return bytes;
}

static void append_byte(GString *out, guint8 c)
{
	if (c == '"' || c == '\\' || c == '$')
		g_string_append_printf(out, "\\%c", c);
	else if (g_ascii_isprint(c))
		g_string_append_c(out, c);
	else
		g_string_append_printf(out, "\\x%02x", c);
}

/* Long runs of one byte, as in fresh memory, as "\x00"*4096. */
static void append_string(GString *out, const GString *bytes)
{
	gsize run;

	g_string_append_c(out, '"');
	for (gsize i = 0; i < bytes->len; i += run) {
		guint8 c = bytes->str[i];

		for (run = 1; i + run < bytes->len && (guint8)bytes->str[i + run] == c; )
			run++;
		if (run < REPEATED) {
			run = 1;
			append_byte(out, c);
			continue;
		}
		g_string_append(out, i > 0 ? "\" \"" : "");
		append_byte(out, c);
		g_string_append_printf(out, "\"*%zu%s", run, i + run < bytes->len ? " \"" : "");
		if (i + run == bytes->len)
			return;
	}
	g_string_append_c(out, '"');
}

static bool is_number(const char *text)
{
	char *end;

	g_ascii_strtoll(text, &end, 0);
	return end != text && *end == '\0';
}

/* strace's A|B|0x1: are all of them words of the language? Their value. */
static bool take_flags(const char *text, words_fn words, guint64 *value)
{
	g_auto(GStrv) all = g_strsplit(text, "|", -1);

	*value = 0;
	for (guint i = 0; all[i] != NULL; i++) {
		guint64 one;

		if (is_number(all[i]))
			one = g_ascii_strtoull(all[i], NULL, 0);
		else if (words_find(words, all[i], &one) < 0)
			return false;
		*value |= one;
	}
	return *text != '\0';
}

static bool is_flags(const char *text, words_fn words)
{
	guint64 value;

	return take_flags(text, words, &value);
}

/* "4", or with strace -y "4<PATH>". */
static bool is_fd(const char *text)
{
	return text != NULL && strspn(text, "-x" G_CSET_DIGITS "abcdef") > 0 &&
	       (is_number(text) || strchr(text, '<') != NULL);
}

/* ---- Steps ---- */

static void step(struct import *im, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void step(struct import *im, const char *format, ...)
{
	va_list args;

	g_string_append(im->out, "  ");
	va_start(args, format);
	g_string_append_vprintf(im->out, format, args);
	va_end(args);
}

/* " = RESULT": an error, or @good; NULL: the number that came. */
static bool result(struct import *im, const struct traced *t, const char *good)
{
	if (t->error != NULL)
		g_string_append_printf(im->out, " = -%s\n", t->error);
	else if (good != NULL)
		g_string_append_printf(im->out, " = %s\n", good);
	else
		g_string_append_printf(im->out, " = %" G_GINT64_FORMAT "\n", t->number);
	return true;
}

/* What has the number is closed: a step, where it was the last of its name. */
static void drop(struct import *im, gint64 fd)
{
	g_autofree char *last = fds_drop(im->fds, fd);

	if (last != NULL)
		step(im, "close(%s) = 0\n", last);
}

static bool new_fd(struct import *im, const struct traced *t, gint64 fd, const char *like,
		   bool cloexec)
{
	return result(im, t, t->error == NULL ? fds_add(im->fds, fd, like, cloexec) : NULL);
}

/* A call that has nothing to do with live update. */
static bool other(struct import *im)
{
	im->others++;
	return true;
}

/* What the process of a path "/proc/PID/fd/N" calls its descriptor; NULL: it is no such path. */
static const char *name_of_path(struct import *im, const char *path)
{
	g_auto(GStrv) parts = g_strsplit(path, "/", -1);
	bool proc = g_str_has_prefix(path, "/proc/") && g_strv_length(parts) == 5 &&
		    g_str_equal(parts[3], "fd");
	const char *number = proc ? parts[4] : "";
	const char *pid = im->pid;

	if (g_str_has_prefix(path, "/dev/fd/"))
		number = path + strlen("/dev/fd/");
	if (proc && g_ascii_isdigit(*parts[2]))
		pid = parts[2];
	return is_number(number) ?
	       fds_name_in(im->fds, pid, g_ascii_strtoll(number, NULL, 10)) : NULL;
}

static bool open_path(struct import *im, const struct traced *t, guint at)
{
	g_autoptr(GString) path = string_of(arg(t, at));
	const char *flags = arg(t, at + 1), *name;
	guint64 value, cloexec = 0;

	if (path == NULL)
		return false;
	words_find(words_open, "O_CLOEXEC", &cloexec);
	name = name_of_path(im, path->str);
	if (name == NULL && strcmp(path->str, "/dev/liveupdate") != 0) {
		/* What had its number was closed where strace did not see it. */
		g_free(fds_drop(im->fds, t->number));
		return other(im);
	}
	if (!take_flags(flags, words_open, &value))
		return false;
	if (name == NULL)
		step(im, "open(\"/dev/liveupdate\", %s)", flags);
	else
		step(im, "reopen(%s, %s)", name, flags);
	return new_fd(im, t, t->number, name ?: "dev", value & cloexec);
}

static bool say_open(struct import *im, const struct traced *t)
{
	return open_path(im, t, 0);
}

static bool say_openat(struct import *im, const struct traced *t)
{
	return open_path(im, t, 1);
}

static bool say_memfd_create(struct import *im, const struct traced *t)
{
	/* Of a name that is cut off the beginning will do. */
	gsize cut = g_str_has_suffix(arg(t, 0), "\"...") ? strlen("...") : 0;
	g_autofree char *quoted = g_strndup(arg(t, 0), strlen(arg(t, 0)) - cut);
	g_autoptr(GString) name = string_of(quoted);
	g_auto(GStrv) parts = g_strsplit(arg(t, 1), "21<<MFD_HUGE_SHIFT", 2);
	g_autofree char *flags = g_strjoinv("0x54000000", parts);
	guint64 value;

	if (name == NULL || !take_flags(flags, words_memfd, &value))
		return false;
	step(im, "memfd_create(");
	append_string(im->out, name);
	g_string_append_printf(im->out, ", 0, %s)", flags);
	return new_fd(im, t, t->number, name->str, value & 1);
}

static bool dup_fd(struct import *im, const struct traced *t, bool cloexec)
{
	const char *name = fd_arg(im, t, 0);

	step(im, "dup(%s)", name);
	return new_fd(im, t, t->number, name, cloexec);
}

static bool say_dup(struct import *im, const struct traced *t)
{
	return dup_fd(im, t, false);
}

/* dup2() and dup3() close what has the number; where an error comes, nothing is said. */
static bool say_dup2(struct import *im, const struct traced *t)
{
	if (t->error != NULL || fd_number(t, 0) == fd_number(t, 1))
		return fd_arg(im, t, 0) != NULL ? false : other(im);
	drop(im, t->number);
	return fd_arg(im, t, 0) != NULL ? dup_fd(im, t, *arg(t, 2) != '\0' && *arg(t, 2) != '0') :
	       other(im);
}

/* What one process closes may be open in another. */
static bool say_close(struct import *im, const struct traced *t)
{
	g_autofree char *last = t->error == NULL ? fds_drop(im->fds, fd_number(t, 0)) :
			       g_strdup(fd_arg(im, t, 0));

	if (last == NULL)
		return false;
	step(im, "close(%s)", last);
	return result(im, t, NULL);
}

static void drop_all(struct import *im, const GArray *list)
{
	for (guint i = 0; i < list->len; i++)
		drop(im, g_array_index(list, gint, i));
}

static bool say_close_range(struct import *im, const struct traced *t)
{
	g_autoptr(GArray) list = fds_list(im->fds, false);
	guint64 first = g_ascii_strtoull(arg(t, 0), NULL, 0);
	guint64 last = is_number(arg(t, 1)) ? g_ascii_strtoull(arg(t, 1), NULL, 0) : G_MAXUINT;
	bool cloexec = strstr(arg(t, 2), "CLOEXEC") != NULL || strcmp(arg(t, 2), "0x4") == 0;

	for (guint i = 0; i < list->len && t->error == NULL; i++) {
		const gint fd = g_array_index(list, gint, i);

		if ((guint64)fd < first || (guint64)fd > last)
			continue;
		if (cloexec)
			fds_cloexec(im->fds, fd, true);
		else
			drop(im, fd);
	}
	return other(im);
}

/* What no other process has open closes with the last one. */
static bool say_exit(struct import *im, const struct traced *t G_GNUC_UNUSED)
{
	g_autoptr(GArray) list = fds_list(im->fds, false);

	drop_all(im, list);
	return other(im);
}

static bool say_exec(struct import *im, const struct traced *t)
{
	g_autoptr(GArray) list = fds_list(im->fds, true);

	if (t->error == NULL)
		drop_all(im, list);
	return other(im);
}

/* ---- Descriptors in messages ---- */

/* Each descriptor that is in a message. */
static void each_sent(struct import *im, const struct traced *t, bool received)
{
	const char *at = strstr(arg(t, 1), "cmsg_type=SCM_RIGHTS, cmsg_data=[") ?:
			 strstr(arg(t, 1), "cmsg_level=0x1, cmsg_type=0x1, cmsg_data=[");
	const bool cloexec = strstr(arg(t, 2), "MSG_CMSG_CLOEXEC") != NULL;
	g_autofree char *data = NULL;
	g_auto(GStrv) all = NULL;

	if (at == NULL || t->error != NULL)
		return;
	at = strchr(at, '[') + 1;	/* only one of a message is looked at */
	data = g_strndup(at, strcspn(at, "]"));
	all = g_strsplit(data, ", ", -1);
	for (guint i = 0; all[i] != NULL; i++) {
		gint64 fd = g_ascii_strtoll(all[i], NULL, 0);

		if (received)
			fds_receive(im->fds, fd, cloexec);
		else
			fds_send(im->fds, fd);
	}
}

static bool say_sendmsg(struct import *im, const struct traced *t)
{
	each_sent(im, t, false);
	return other(im);
}

static bool say_recvmsg(struct import *im, const struct traced *t)
{
	each_sent(im, t, true);
	return other(im);
}

/* ---- Files ---- */

/* FD and numbers, in their order. */
static bool say_numbers(struct import *im, const struct traced *t, const char *op, guint nr)
{
	for (guint i = 1; i <= nr; i++)
		if (!is_number(arg(t, i)))
			return false;
	step(im, "%s(%s", op, fd_arg(im, t, 0));
	for (guint i = 1; i <= nr; i++)
		g_string_append_printf(im->out, ", %s", arg(t, i));
	g_string_append_c(im->out, ')');
	return result(im, t, NULL);
}

static bool say_ftruncate(struct import *im, const struct traced *t)
{
	return say_numbers(im, t, "ftruncate", 1);
}

static bool say_fsync(struct import *im, const struct traced *t)
{
	return say_numbers(im, t, "fsync", 0);
}

static bool say_lseek(struct import *im, const struct traced *t)
{
	if (t->error == NULL) {
		step(im, "lseek(%s, %" G_GINT64_FORMAT ")", fd_arg(im, t, 0), t->number);
		return result(im, t, NULL);
	}
	return strcmp(arg(t, 2), "SEEK_SET") == 0 && say_numbers(im, t, "lseek", 1);
}

static bool say_fallocate(struct import *im, const struct traced *t)
{
	const char *mode = arg(t, 1);

	if (!is_flags(mode, words_falloc) || !is_number(arg(t, 2)) || !is_number(arg(t, 3)))
		return false;
	step(im, "fallocate(%s, %s, %s, %s)", fd_arg(im, t, 0), arg(t, 2), arg(t, 3), mode);
	return result(im, t, NULL);
}

/* @at: there is an offset. */
static bool write_bytes(struct import *im, const struct traced *t, bool at)
{
	g_autoptr(GString) bytes = string_of(arg(t, 1));

	if (bytes == NULL || bytes->len > MAX_STRING_BYTES || (at && !is_number(arg(t, 3))))
		return false;
	step(im, "write(%s, ", fd_arg(im, t, 0));
	if (at)
		g_string_append_printf(im->out, "%s, ", arg(t, 3));
	append_string(im->out, bytes);
	g_string_append_c(im->out, ')');
	return result(im, t, NULL);
}

static bool read_bytes(struct import *im, const struct traced *t, bool at)
{
	g_autoptr(GString) bytes = string_of(arg(t, 1)), good = g_string_new(NULL);

	if ((bytes == NULL && t->error == NULL) || !is_number(arg(t, 2)) ||
	    g_ascii_strtoull(arg(t, 2), NULL, 0) > MAX_STRING_BYTES ||
	    (at && !is_number(arg(t, 3))))
		return false;
	step(im, "read(%s, ", fd_arg(im, t, 0));
	if (at)
		g_string_append_printf(im->out, "%s, ", arg(t, 3));
	g_string_append_printf(im->out, "%s)", arg(t, 2));
	if (t->error == NULL)
		append_string(good, bytes);
	return result(im, t, good->str);
}

static bool say_write(struct import *im, const struct traced *t)
{
	return write_bytes(im, t, false);
}

static bool say_pwrite(struct import *im, const struct traced *t)
{
	return write_bytes(im, t, true);
}

static bool say_read(struct import *im, const struct traced *t)
{
	return read_bytes(im, t, false);
}

static bool say_pread(struct import *im, const struct traced *t)
{
	return read_bytes(im, t, true);
}

/* What of fcntl(2) is said, by name or number. */
static const char *words_fcntl(guint i, guint64 *value)
{
	static const struct {
		const char *name;
		guint64 value;
	} words[] = {
		{ "F_DUPFD", 0 }, { "F_SETFD", 2 }, { "F_SETFL", 4 }, { "F_DUPFD_CLOEXEC", 1030 },
		{ "F_ADD_SEALS", 1033 }, { "F_GET_SEALS", 1034 },
	};

	if (i >= G_N_ELEMENTS(words))
		return NULL;
	*value = words[i].value;
	return words[i].name;
}

static bool say_fcntl(struct import *im, const struct traced *t)
{
	const char *name = fd_arg(im, t, 0);
	g_autofree char *seals = NULL;
	guint64 cmd;

	if (!take_flags(arg(t, 1), words_fcntl, &cmd))
		return false;
	switch (cmd) {
	case 0:
	case 1030:
		return t->error == NULL && dup_fd(im, t, cmd != 0);
	case 2:
		if (t->error == NULL)
			fds_cloexec(im->fds, fd_number(t, 0), strcmp(arg(t, 2), "0") != 0);
		return false;
	case 4:
		if (!is_flags(arg(t, 2), words_open))
			return false;
		step(im, "setfl(%s, %s)", name, arg(t, 2));
		return result(im, t, NULL);
	case 1033:
		if (!is_flags(arg(t, 2), words_seals))
			return false;
		step(im, "add_seals(%s, %s)", name, arg(t, 2));
		return result(im, t, NULL);
	case 1034:
		step(im, "get_seals(%s)", name);
		seals = g_strdup_printf("%#" G_GINT64_MODIFIER "x", t->number);
		return result(im, t, t->number != 0 ? seals : "0");
	}
	return false;
}

/* ---- Live update ---- */

/* The value of the first or last "KEY=" in a struct that strace decoded, or NULL. */
static char *member(const char *text, const char *key, bool last)
{
	g_autofree char *pattern = g_strdup_printf(
		"\\b%s=(\"(?:[^\"\\\\]|\\\\.)*\"(?:\\.\\.\\.)?|[^,}]*)", key);
	g_autoptr(GRegex) regex = g_regex_new(pattern, 0, 0, NULL);
	g_autoptr(GMatchInfo) match = NULL;
	char *value = NULL;

	g_regex_match(regex, text, 0, &match);
	for (; g_match_info_matches(match); g_match_info_next(match, NULL)) {
		g_free(value);
		value = g_match_info_fetch(match, 1);
		if (!last)
			break;
	}
	return value;
}

/* Which of the ioctls it is; strace does not know their names. -1: none. */
static int ioctl_number(const char *cmd)
{
	guint64 value;

	if (words_find(words_ioctl, cmd, &value) == 0)
		return value & 0xff;
	if (g_str_has_prefix(cmd, "_IOC(_IOC_NONE, 0xba, "))
		return g_ascii_strtoll(cmd + strlen("_IOC(_IOC_NONE, 0xba, "), NULL, 16);
	if (g_str_has_prefix(cmd, "_IO(0xba, "))
		return g_ascii_strtoll(cmd + strlen("_IO(0xba, "), NULL, 16);
	value = is_number(cmd) ? g_ascii_strtoull(cmd, NULL, 0) : 0;
	return value >> 8 == 0xba ? (int)(value & 0xff) : -1;
}

static bool say_session(struct import *im, const struct traced *t, const char *op)
{
	g_autofree char *quoted = member(arg(t, 2), "name", false);
	g_autofree char *fd = member(arg(t, 2), "fd", true);
	g_autoptr(GString) name = quoted != NULL ? string_of(quoted) : NULL;

	if (name == NULL || (t->error == NULL && !is_fd(fd)))
		return false;
	step(im, "%s(%s, ", op, fd_arg(im, t, 0));
	append_string(im->out, name);
	g_string_append_c(im->out, ')');
	return new_fd(im, t, fd != NULL ? g_ascii_strtoll(fd, NULL, 0) : -1, name->str, true);
}

static bool say_preserve(struct import *im, const struct traced *t)
{
	g_autofree char *fd = member(arg(t, 2), "fd", false);
	g_autofree char *token = member(arg(t, 2), "token", false);
	const char *name;

	if (fd == NULL || token == NULL || !is_number(token) || *token == '-')
		return false;
	name = fds_name(im->fds, g_ascii_strtoll(fd, NULL, 0));
	if (name == NULL && !is_fd(fd))
		return false;
	fd[strcspn(fd, "<")] = '\0';
	step(im, "preserve_fd(%s, %s, %s)", fd_arg(im, t, 0), name ?: fd, token);
	return result(im, t, NULL);
}

static bool say_retrieve(struct import *im, const struct traced *t)
{
	g_autofree char *fd = member(arg(t, 2), "fd", true);
	g_autofree char *token = member(arg(t, 2), "token", false);
	g_autofree char *like = token != NULL ? g_strconcat("file_", token, NULL) : NULL;

	if (token == NULL || !is_number(token) || *token == '-' ||
	    (t->error == NULL && !is_fd(fd)))
		return false;
	step(im, "retrieve_fd(%s, %s)", fd_arg(im, t, 0), token);
	return new_fd(im, t, fd != NULL ? g_ascii_strtoll(fd, NULL, 0) : -1, like, true);
}

static bool say_get_name(struct import *im, const struct traced *t)
{
	g_autofree char *quoted = member(arg(t, 2), "name", true);
	g_autoptr(GString) name = quoted != NULL ? string_of(quoted) : NULL;
	g_autoptr(GString) good = g_string_new(NULL);

	if (name == NULL && t->error == NULL)
		return false;
	step(im, "get_name(%s)", fd_arg(im, t, 0));
	if (t->error == NULL)
		append_string(good, name);
	return result(im, t, good->str);
}

static bool say_ioctl(struct import *im, const struct traced *t)
{
	switch (ioctl_number(arg(t, 1))) {
	case 0x00:
		return say_session(im, t, "create_session");
	case 0x01:
		return say_session(im, t, "retrieve_session");
	case 0x40:
		return say_preserve(im, t);
	case 0x41:
		return say_retrieve(im, t);
	case 0x42:
		step(im, "finish(%s)", fd_arg(im, t, 0));
		return result(im, t, NULL);
	case 0x43:
		return say_get_name(im, t);
	}
	return false;
}

static bool say_kexec(struct import *im, const struct traced *t)
{
	bool unload = strstr(arg(t, 4), "KEXEC_FILE_UNLOAD") != NULL;

	step(im, unload ? "kexec_unload()" : "kexec_load()");
	return result(im, t, NULL);
}

/* That one takes no file descriptors, and nothing of KHO. */
static bool say_old_kexec(struct import *im, const struct traced *t)
{
	if (!is_number(arg(t, 1)) || strstr(arg(t, 3), "KEXEC_PRESERVE_CONTEXT") != NULL)
		return false;
	step(im, g_ascii_strtoull(arg(t, 1), NULL, 0) == 0 ? "kexec_unload()" :
	     "kexec_load(segments)");
	return result(im, t, NULL);
}

static bool say_reboot(struct import *im, const struct traced *t)
{
	if (!g_str_has_prefix(arg(t, 2), "LINUX_REBOOT_CMD_KEXEC") &&
	    g_ascii_strtoull(arg(t, 2), NULL, 0) != 0x45584543)
		return false;
	step(im, "reboot()");
	result(im, t, t->error == NULL ? "0" : NULL);
	if (t->error == NULL) {
		g_string_append_printf(im->out, "\nkernel %u\n", ++*im->kernel);
		fds_reboot(im->fds);
	}
	return true;
}

/* Those first that are looked at whatever their descriptors are. */
#define NR_FREE 14
static const struct strace_rule rules[] = {
	{ "open", say_open }, { "openat", say_openat }, { "memfd_create", say_memfd_create },
	{ "kexec_file_load", say_kexec }, { "reboot", say_reboot }, { "dup2", say_dup2 },
	{ "dup3", say_dup2 }, { "close_range", say_close_range }, { "exit_group", say_exit },
	{ "execve", say_exec }, { "execveat", say_exec }, { "sendmsg", say_sendmsg },
	{ "recvmsg", say_recvmsg }, { "kexec_load", say_old_kexec },
	{ "dup", say_dup }, { "close", say_close }, { "ftruncate", say_ftruncate },
	{ "lseek", say_lseek }, { "fallocate", say_fallocate }, { "write", say_write },
	{ "pwrite64", say_pwrite }, { "read", say_read }, { "pread64", say_pread },
	{ "fcntl", say_fcntl }, { "ioctl", say_ioctl }, { "fsync", say_fsync },
};

/* ---- Lines ---- */

/* The line with the words that strace -X verbose has after numbers in place of these. */
static char *with_words(const char *line)
{
	g_autoptr(GRegex) regex = NULL;

	if (strstr(line, " /* ") == NULL)
		return g_strdup(line);
	regex = g_regex_new("(\"(?:[^\"\\\\]|\\\\.)*\")|"
			    "-?\\b[0-9][0-9a-fx]* /\\* ([A-Z][A-Z0-9_|<]*) \\*/", 0, 0, NULL);
	return g_regex_replace(regex, line, -1, 0, "\\1\\2", 0, NULL) ?: g_strdup(line);
}

/* The end of the path that strace -y prints after a descriptor; @at, if there is none. */
static const char *skip_path(const char *start, const char *at)
{
	const char *c = at;
	int depth = 0;

	if (at == start || !g_ascii_isdigit(at[-1]) || at[0] != '<' || at[1] == '<')
		return at;
	do {
		depth += *c == '<';
		depth -= *c == '>' && c[-1] != '-';	/* sockets have "->" */
		c++;
	} while (depth > 0 && *c != '\0');
	return depth == 0 ? c : at;
}

/* Split at the commas that are in no string, no bracket and no path. */
static GPtrArray *split_args(const char *text)
{
	GPtrArray *args = g_ptr_array_new_with_free_func(g_free);
	const char *start = text;
	bool quoted = false;
	int depth = 0;
	char *one;

	for (const char *c = text; ; c++) {
		if (*c == '\\' && quoted && c[1] != '\0') {
			c++;
			continue;
		}
		if (!quoted)
			c = skip_path(text, c);
		if (*c == '"')
			quoted = !quoted;
		depth += !quoted && *c != '\0' && strchr("({[", *c) != NULL;
		depth -= !quoted && *c != '\0' && strchr(")}]", *c) != NULL;
		if (*c != '\0' && (*c != ',' || quoted || depth > 0))
			continue;
		one = g_strstrip(g_strndup(start, c - start));
		/* Of some numbers strace knows no word, and says so. */
		if (*one != '"' && *one != '{' && strstr(one, " /*") != NULL)
			*strstr(one, " /*") = '\0';
		g_ptr_array_add(args, one);
		if (*c == '\0')
			return args;
		start = c + 1;
	}
}

static void traced_clear(struct traced *t)
{
	g_free(t->name);
	g_free(t->result);
	g_ptr_array_unref(t->args);
}

/* What the call returned: a number, an error's name, or "?". */
static void take_result(struct traced *t)
{
	char *end;

	t->number = g_ascii_strtoll(t->result, &end, 0);
	while (*end == ' ')
		end++;
	end[strcspn(end, " ")] = '\0';
	t->error = t->number == -1 && errno_find(end) != 0 ? end : NULL;
}

static const struct strace_rule *rule_of(struct import *im, const struct traced *t)
{
	for (guint i = 0; i < G_N_ELEMENTS(rules); i++)
		if (strcmp(rules[i].name, t->name) == 0)
			return i < NR_FREE || fd_arg(im, t, 0) != NULL ? &rules[i] : NULL;
	return NULL;
}

/* Is it about a descriptor that has to do with it? */
static bool matters(struct import *im, const struct traced *t)
{
	static const struct {
		const char *name;
		guint at;
	} second[] = {
		{ "mmap", 4 }, { "sendfile", 1 }, { "copy_file_range", 2 }, { "splice", 2 },
	};

	if (fd_arg(im, t, 0) != NULL)
		return strcmp(t->name, "mmap") != 0;
	for (guint i = 0; i < G_N_ELEMENTS(second); i++)
		if (strcmp(t->name, second[i].name) == 0 && fd_arg(im, t, second[i].at) != NULL)
			return true;
	return strcmp(t->name, "ioctl") == 0 && ioctl_number(arg(t, 1)) >= 0;
}

/* A child that does not share its parent's descriptors has a copy of them. */
static void take_child(struct import *im, const struct traced *t)
{
	static const char *const calls[] = { "fork", "vfork", "clone", "clone3", NULL };
	g_autofree char *pid = NULL;
	bool shared = false;

	if (t->number <= 0 || !g_strv_contains(calls, t->name))
		return;
	for (guint i = 0; i < t->args->len; i++) {
		const char *flags = strstr(arg(t, i), "flags=");

		shared = shared || strstr(arg(t, i), "CLONE_FILES") != NULL ||
			 (flags != NULL && (g_ascii_strtoull(flags + strlen("flags="), NULL, 0) &
					    CLONE_FILES_BIT));
	}
	pid = g_strdup_printf("%" G_GINT64_FORMAT, t->number);
	fds_fork(im->fds, pid, shared);
}

/* The name of an ioctl of live update of which strace shows an address only; NULL: it is none. */
static const char *undecoded(const struct traced *t)
{
	const int number = strcmp(t->name, "ioctl") == 0 ? ioctl_number(arg(t, 1)) : -1;
	const char *name = NULL;
	guint64 value;

	for (guint i = 0; is_number(arg(t, 2)) && (name = words_ioctl(i, &value)) != NULL; i++)
		if (number == (int)(value & 0xff))
			break;
	return name;
}

/* A call that no step says. */
static void comment(struct import *im, const struct traced *t, const char *text)
{
	const char *name = undecoded(t);
	gsize len = strlen(text), shown = len;

	if (len > MAX_COMMENT)
		shown = g_utf8_find_prev_char(text, text + MAX_COMMENT) - text;
	g_string_append(im->out, "  # ");
	if (name != NULL)
		g_string_append_printf(im->out, "%s, of which strace shows an address: ", name);
	g_string_append_len(im->out, text, shown);
	if (shown < len)
		g_string_append_printf(im->out, "... (%zu bytes more)", len - shown);
	g_string_append_c(im->out, '\n');
}

static void import_call(struct import *im, struct traced *t, const char *text)
{
	const struct strace_rule *rule;
	gsize before = im->out->len;

	im->calls++;
	take_result(t);
	take_child(im, t);
	rule = rule_of(im, t);
	/* An error without a name is one that only strace knows. */
	if (rule != NULL && *t->result != '?' && (t->number >= 0 || t->error != NULL) &&
	    rule->say(im, t))
		return;
	/* Of a reboot that worked there is no result, and of an exit neither. */
	if (rule != NULL && (rule->say == say_reboot || rule->say == say_exit) && rule->say(im, t))
		return;
	g_string_truncate(im->out, before);
	if (rule != NULL || matters(im, t))
		comment(im, t, text);
	else
		im->others++;
}

static void import_line(struct import *im, const GRegex *regex, const char *text)
{
	g_autoptr(GMatchInfo) match = NULL;
	struct traced t;
	g_autofree char *args = NULL, *plain = NULL;

	if (!g_regex_match(regex, text, 0, &match))
		return;
	args = g_match_info_fetch(match, 2);
	plain = g_match_info_fetch(match, 0);
	t = (struct traced){
		.name = g_match_info_fetch(match, 1), .result = g_match_info_fetch(match, 3),
		.args = split_args(args),
	};
	import_call(im, &t, plain);
	traced_clear(&t);
}

/* "1234 ", "1234<command> " or "[pid  1234] " before a call; empty: there is none. */
static char *pid_of(const char *text)
{
	const char *at = text + (g_str_has_prefix(text, "[pid") ? strlen("[pid") : 0);
	gsize len;

	at += strspn(at, " ");
	len = strspn(at, G_CSET_DIGITS);
	return g_strndup(at, at[len] != '\0' && strchr(" ]<", at[len]) != NULL ? len : 0);
}

/* strace -f shows a call in two parts when another process comes between. */
static char *whole_line(GHashTable *unfinished, const char *pid, const char *text)
{
	const char *cut = g_str_has_suffix(text, UNFINISHED) ?
			  text + strlen(text) - strlen(UNFINISHED) : NULL;
	const char *resumed = strstr(text, "<... ");
	const char *start = g_hash_table_lookup(unfinished, pid);
	char *whole;

	/* What a program writes may look like it. */
	if (resumed != NULL)
		resumed = strcspn(text, "\"(") > (gsize)(resumed - text) ?
			  strstr(resumed, RESUMED) : NULL;
	/* The last line of a log may be cut off by the kexec. */
	if (cut == NULL && strstr(text, "reboot(") != NULL && strstr(text, " = ") == NULL)
		cut = text + strlen(text);
	if (cut != NULL) {
		g_hash_table_replace(unfinished, g_strdup(pid), g_strndup(text, cut - text));
		return NULL;
	}
	if (resumed == NULL || start == NULL)
		return g_strdup(text);
	whole = g_strconcat(start, resumed + strlen(RESUMED), NULL);
	g_hash_table_remove(unfinished, pid);
	return whole;
}

/* "+++ killed by SIGKILL +++", which no call tells. */
static bool is_killed(const char *line)
{
	const char *at = strstr(line, "+++ killed by SIG");

	return at != NULL && strcspn(line, "\"(") > (gsize)(at - line);
}

/* A kexec that worked never returns. */
static void end_in_reboot(struct import *im, const GRegex *regex, GHashTable *unfinished)
{
	GHashTableIter iter;
	gpointer text;

	g_hash_table_iter_init(&iter, unfinished);
	while (g_hash_table_iter_next(&iter, NULL, &text)) {
		g_autofree char *line = NULL;

		if (strstr(text, "reboot(") == NULL)
			continue;
		line = g_strconcat(text, ") = ?", NULL);
		import_line(im, regex, line);
		return;
	}
}

guint import_strace(GString *out, const char *text, guint *kernel)
{
	g_autoptr(GHashTable) unfinished = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
								 g_free);
	g_autoptr(GRegex) regex = g_regex_new("\\b([a-z_0-9]+)\\((.*)\\) += (.+?)(?: <[0-9.]+>)?$",
					      0, 0, NULL);
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	g_auto(GStrv) lines = g_strsplit(valid, "\n", -1);
	struct import im = { .out = out, .fds = fds_new(), .kernel = kernel };

	for (guint i = 0; lines[i] != NULL; i++) {
		g_autofree char *pid = pid_of(g_strchomp(lines[i]));
		g_autofree char *line = whole_line(unfinished, pid, lines[i]);

		for (char *c = line; c != NULL && *c != '\0'; c++)
			if ((guint8)*c < ' ')
				*c = ' ';
		im.pid = pid;
		fds_of(im.fds, pid);
		if (line != NULL && is_killed(line)) {
			say_exit(&im, NULL);
		} else if (line != NULL) {
			g_autofree char *said = with_words(line);

			import_line(&im, regex, said);
		}
	}
	im.pid = "";
	end_in_reboot(&im, regex, unfinished);
	fds_free(im.fds);
	if (im.others > 0)
		g_string_append_printf(out, "  # other calls: %u\n", im.others);
	return im.calls;
}
