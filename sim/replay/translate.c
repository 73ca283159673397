/* SPDX-License-Identifier: GPL-2.0-only */
/* Turns a recording into a scenario, one recorded operation after the other. */
#include <string.h>

#include "replay/translate.h"

/* More objects than a machine has, for operations on N of them. */
#define MAX_MANY	(1 << 20)

struct translator {
	const struct recording *rec;
	const guint *nth;
	GHashTable *names;	/* char *: of the language, by handle */
	GHashTable *taken;	/* set of those, borrowed */
	GHashTable *open;	/* set of char *: those that are open descriptors */
	GString *fail;		/* what the next operation's first call is to fail with */
};

/* What is being translated: an operation's words and its answer. */
struct source {
	struct translator *t;
	guint index;		/* of the operation */
	char **word;		/* word[0] is the operation; quoted strings are one word */
	guint nr;
	const char *name;	/* word[1] as it is recorded */
	const struct recorded_op *op;
	gboolean ok;		/* it worked */
};

struct translate_rule {
	const char *name;
	guint words;		/* arguments it needs */
	void (*write)(GString *out, const struct source *src);
	guint handles;		/* mask of the words that are handles */
	guint binds;		/* the word that is one if it works, or 0 */
};

/* The language's name for a handle, which may have any characters. */
static const char *name_of(struct translator *t, const char *handle)
{
	char *name = g_hash_table_lookup(t->names, handle);
	GString *made;

	if (name)
		return name;
	made = g_string_new(g_ascii_isalpha(*handle) || *handle == '_' ? "" : "h");
	for (const char *c = handle; *c; c++)
		g_string_append_c(made, g_ascii_isalnum(*c) ? *c : '_');
	while (g_hash_table_contains(t->taken, made->str))
		g_string_append_c(made, '_');
	name = g_string_free(made, FALSE);
	g_hash_table_insert(t->names, g_strdup(handle), name);
	g_hash_table_add(t->taken, name);
	return name;
}

static void set_open(struct translator *t, const char *name, gboolean is)
{
	if (is)
		g_hash_table_add(t->open, g_strdup(name));
	else
		g_hash_table_remove(t->open, name);
}

/* Text of a string; a '$' means nothing in it. */
static void append_plain(GString *out, const char *text, gssize len)
{
	g_autofree char *copy = len < 0 ? g_strdup(text) : g_strndup(text, len);
	g_auto(GStrv) parts = g_strsplit(copy, "$", -1);
	g_autofree char *plain = g_strjoinv("\\x24", parts);

	g_string_append(out, plain);
}

/* The text of an operation split into words. */
static GPtrArray *split(const char *text)
{
	GPtrArray *words = g_ptr_array_new_with_free_func(g_free);

	while (*text) {
		const char *start = text;
		gboolean quoted = FALSE;

		for (; *text && (quoted || *text != ' '); text++) {
			if (*text == '\\' && text[1])
				text++;
			else if (*text == '"')
				quoted = !quoted;
		}
		if (text > start)
			g_ptr_array_add(words, g_strndup(start, text - start));
		text += *text == ' ';
	}
	return words;
}

/* The value of "key=value" in the answer, up to a blank; NULL when there is none. */
static char *datum(const struct source *src, const char *key)
{
	g_autofree char *prefix = g_strconcat(key, "=", NULL);
	const char *at = src->op->data;

	while (at && *at) {
		if (g_str_has_prefix(at, prefix)) {
			at += strlen(prefix);
			return *at == '"' ? g_strdup(at) : g_strndup(at, strcspn(at, " "));
		}
		at = strchr(at, ' ');
		at += at != NULL;
	}
	return NULL;
}

static gint64 number_datum(const struct source *src, const char *key)
{
	g_autofree char *value = datum(src, key);

	return value ? g_ascii_strtoll(value, NULL, 10) : 0;
}

/* " = RESULT" after a call: what the kernel gave, @good when it worked. */
static void result(GString *out, const struct source *src, const char *good)
{
	if (!src->ok && *src->op->rc != '-')
		g_string_append_c(out, '\n');	/* the kernel never answered */
	else
		g_string_append_printf(out, " = %s\n", src->ok ? good : src->op->rc);
}

static void append_string(GString *out, const char *text, gsize len, gboolean first)
{
	g_string_append(out, first ? "\"" : " \"");
	append_plain(out, text, len);
	g_string_append_c(out, '"');
}

/*
 * A string of the recordings as strings of the language: "hello\0*8187;" holds
 * repetitions, which become "hello" "\0"*8187.
 */
static void append_bytes(GString *out, const char *quoted)
{
	const char *at = quoted + 1;
	GString *plain = g_string_new(NULL);
	gboolean first = TRUE;

	while (*at && *at != '"') {
		gsize len = *at != '\\' ? 1 : at[1] == 'x' ? 4 : 2;
		const char *next = at + MIN(len, strlen(at));
		char *end = NULL;
		guint64 n = *next == '*' ? g_ascii_strtoull(next + 1, &end, 10) : 0;

		if (!n || *end != ';') {
			g_string_append_len(plain, at, next - at);
			at = next;
			continue;
		}
		if (plain->len)
			append_string(out, plain->str, plain->len, first);
		first = first && !plain->len;
		g_string_truncate(plain, 0);
		append_string(out, at, next - at, first);
		g_string_append_printf(out, "*%" G_GUINT64_FORMAT, n);
		first = FALSE;
		at = end + 1;
	}
	if (plain->len || first)
		append_string(out, plain->str, plain->len, first);
	g_string_free(plain, TRUE);
}

/* name(arg, arg, ...) of words @from on. */
static void call(GString *out, const char *name, const struct source *src, guint from, guint to)
{
	g_string_append_printf(out, "%s(", name);
	for (guint i = from; i < to; i++)
		g_string_append_printf(out, "%s%s", i > from ? ", " : "", src->word[i]);
	g_string_append_c(out, ')');
}

/* Calls that give a descriptor: the first word is its name. */
static void new_fd(GString *out, const struct source *src, const char *name, guint from)
{
	call(out, name, src, from, src->nr);
	result(out, src, src->word[1]);
}

static void plain(GString *out, const struct source *src, const char *name)
{
	call(out, name, src, 1, src->nr);
	result(out, src, "0");
}

/* What the case shows of the descriptor that the operation gives, or NULL. */
static const struct recorded_op *stat_of(const struct source *src)
{
	const GArray *ops = src->t->rec->ops;
	g_autofree char *stat = g_strconcat("stat ", src->name, NULL);

	for (guint i = src->index + 1; i < ops->len; i++) {
		const struct recorded_op *op = &g_array_index(ops, struct recorded_op, i);

		if (op->stage != src->op->stage || g_str_equal(op->text, src->op->text))
			break;
		if (g_str_equal(op->text, stat))
			return op;
	}
	return NULL;
}

static void write_opendev(GString *out, const struct source *src)
{
	const struct recorded_op *stat = stat_of(src);

	g_string_append(out, "open(\"/dev/liveupdate\"");
	if (src->nr > 2 || (stat && strstr(stat->data, "cloexec=1")))
		g_string_append(out, ", O_RDWR|O_CLOEXEC");
	g_string_append_c(out, ')');
	result(out, src, src->word[1]);
}

static void write_close(GString *out, const struct source *src)
{
	plain(out, src, "close");
}

static void write_dup(GString *out, const struct source *src)
{
	new_fd(out, src, "dup", 2);
}

static void write_reopen(GString *out, const struct source *src)
{
	new_fd(out, src, "reopen", 2);
}

static void write_reopen_ro(GString *out, const struct source *src)
{
	g_string_append_printf(out, "reopen(%s, O_RDONLY)", src->word[2]);
	result(out, src, src->word[1]);
}

static void write_session(GString *out, const struct source *src)
{
	const char *name = g_str_equal(src->word[0], "create") ? "create_session" :
								 "retrieve_session";

	g_string_append_printf(out, "%s(%s, ", name, src->word[1]);
	append_plain(out, src->word[3], -1);
	g_string_append_c(out, ')');
	result(out, src, src->word[2]);
}

static void write_preserve(GString *out, const struct source *src)
{
	plain(out, src, "preserve_fd");
}

static void write_retrieve(GString *out, const struct source *src)
{
	g_string_append_printf(out, "retrieve_fd(%s, %s)", src->word[1], src->word[3]);
	result(out, src, src->word[2]);
}

static void write_finish(GString *out, const struct source *src)
{
	plain(out, src, "finish");
}

static void write_get_name(GString *out, const struct source *src)
{
	g_autofree char *name = datum(src, "name");

	call(out, "get_name", src, 1, 2);
	if (src->ok && name) {
		g_string_append(out, " = ");
		append_bytes(out, name);
		g_string_append_c(out, '\n');
	} else {
		result(out, src, "0");
	}
}

/* "sealing,exec" with a prefix for each: MFD_ALLOW_SEALING|MFD_EXEC */
static void append_flags(GString *out, const char *list, const char *const (*table)[2])
{
	g_auto(GStrv) words = g_strsplit(list, ",", -1);
	const char *bar = "";

	for (guint i = 0; words[i]; i++) {
		for (guint t = 0; table[t][0]; t++) {
			if (!g_str_equal(words[i], table[t][0]))
				continue;
			g_string_append_printf(out, "%s%s", bar, table[t][1]);
			bar = "|";
		}
	}
	if (!*bar)
		g_string_append_c(out, '0');
}

static const char *const memfd_flags[][2] = {
	{ "cloexec", "MFD_CLOEXEC" }, { "sealing", "MFD_ALLOW_SEALING" },
	{ "hugetlb", "MFD_HUGETLB" }, { "noexec_seal", "MFD_NOEXEC_SEAL" },
	{ "exec", "MFD_EXEC" }, { NULL, NULL },
};

static const char *const seal_flags[][2] = {
	{ "seal", "F_SEAL_SEAL" }, { "shrink", "F_SEAL_SHRINK" }, { "grow", "F_SEAL_GROW" },
	{ "write", "F_SEAL_WRITE" }, { "future_write", "F_SEAL_FUTURE_WRITE" },
	{ "exec", "F_SEAL_EXEC" }, { NULL, NULL },
};

/* "fail", right before the call that it is for. */
static void flush_fail(GString *out, struct translator *t)
{
	g_string_append(out, t->fail->str);
	g_string_truncate(t->fail, 0);
}

static void write_memfd(GString *out, const struct source *src)
{
	if (strstr(src->word[2], "huge") && !strstr(src->word[2], "hugetlb"))
		g_string_append(out, "shmem_enabled(always)\n");
	flush_fail(out, src->t);
	g_string_append(out, "memfd_create(");
	append_string(out, src->name, strlen(src->name), TRUE);
	g_string_append_printf(out, ", %s, ", src->word[3]);
	append_flags(out, src->word[2], memfd_flags);
	g_string_append_c(out, ')');
	result(out, src, src->word[1]);
}

static void write_file(GString *out, const struct source *src)
{
	g_string_append_printf(out, "open_file(%s)", src->word[2]);
	result(out, src, src->word[1]);
}

static void write_truncate(GString *out, const struct source *src)
{
	plain(out, src, "ftruncate");
}

static void write_fallocate(GString *out, const struct source *src)
{
	plain(out, src, "fallocate");
}

static void write_punch(GString *out, const struct source *src)
{
	plain(out, src, "punch");
}

static void write_fsync(GString *out, const struct source *src)
{
	plain(out, src, "fsync");
}

static void write_seek(GString *out, const struct source *src)
{
	call(out, "lseek", src, 1, src->nr);
	result(out, src, src->word[2]);
}

static void write_seal(GString *out, const struct source *src)
{
	g_string_append_printf(out, "add_seals(%s, ", src->word[1]);
	append_flags(out, src->word[2], seal_flags);
	g_string_append_c(out, ')');
	result(out, src, "0");
}

/* "seals=seal,grow" */
static void write_get_seals(GString *out, const struct source *src)
{
	g_autofree char *list = datum(src, "seals");
	g_autoptr(GString) seals = g_string_new(NULL);

	append_flags(seals, list ? list : "", seal_flags);
	call(out, "get_seals", src, 1, 2);
	result(out, src, seals->str);
}

static void write_setfl(GString *out, const struct source *src)
{
	g_string_append_printf(out, "setfl(%s, O_APPEND)", src->word[1]);
	result(out, src, "0");
}

/* Of calls that return a number of bytes, "n=5". */
static void count_result(GString *out, const struct source *src)
{
	g_autofree char *n = datum(src, "n");

	result(out, src, n ? n : "0");
}

/* FD[, OFF], where OFF "-" means the file position. */
static void at(GString *out, const char *name, const struct source *src)
{
	gboolean position = g_str_equal(src->word[2], "-");

	g_string_append_printf(out, "%s(%s%s%s, ", name, src->word[1], position ? "" : ", ",
			       position ? "" : src->word[2]);
}

static void write_write(GString *out, const struct source *src)
{
	at(out, "write", src);
	append_plain(out, src->word[3], -1);
	g_string_append_c(out, ')');
	count_result(out, src);
}

static void write_read(GString *out, const struct source *src)
{
	const char *bytes = strchr(src->op->data, '"');

	at(out, "read", src);
	g_string_append_printf(out, "%s)", src->word[3]);
	if (src->ok) {
		g_string_append(out, " = ");
		append_bytes(out, bytes ? bytes : "\"\"");
		g_string_append_c(out, '\n');
	} else {
		result(out, src, "");
	}
}

/* LEN "-" is up to the end of the file, which the answer's n= tells. */
static void pattern(GString *out, const char *name, const struct source *src, guint to)
{
	g_autofree char *n = datum(src, "n");
	const char *len = g_str_equal(src->word[3], "-") ? n ? n : "0" : src->word[3];

	g_string_append_printf(out, "%s(%s, %s, %s", name, src->word[1], src->word[2], len);
	for (guint i = 4; i < to; i++)
		g_string_append_printf(out, ", %s", src->word[i]);
	g_string_append_c(out, ')');
}

/*
 * A fill that failed has written what comes before: as many bytes as the answer says, or
 * else some. The end of it is what the error holds for.
 */
static void write_fill(GString *out, const struct source *src)
{
	g_autofree char *n = datum(src, "n");
	gint64 off = g_ascii_strtoll(src->word[2], NULL, 0);
	gint64 len = g_ascii_strtoll(src->word[3], NULL, 0);
	gint64 done = n ? g_ascii_strtoll(n, NULL, 10) : len - 1;

	if (src->ok || *src->op->rc != '-' || done <= 0 || done >= len) {
		pattern(out, "fill", src, src->nr);
		count_result(out, src);
		return;
	}
	g_string_append_printf(out, "fill(%s, %s, %" G_GINT64_FORMAT ", %s)", src->word[1],
			       src->word[2], n ? done : len, src->word[4]);
	g_string_append_printf(out, n ? " = %s\n" : "\n", n);
	g_string_append_printf(out, "fill(%s, %" G_GINT64_FORMAT ", %" G_GINT64_FORMAT ", %s)",
			       src->word[1], off + done, len - done, src->word[4]);
	result(out, src, "");
}

static void write_verify(GString *out, const struct source *src)
{
	gint64 len = g_str_equal(src->word[3], "-") ? number_datum(src, "n") :
						      g_ascii_strtoll(src->word[3], NULL, 0);
	g_autofree char *bad = g_strdup_printf("%" G_GINT64_FORMAT, number_datum(src, "bad") +
					       len - number_datum(src, "n"));

	pattern(out, "verify", src, src->nr);
	result(out, src, bad);
}

static void write_sum(GString *out, const struct source *src)
{
	g_autofree char *fnv = datum(src, "fnv");
	g_autofree char *quoted = g_strdup_printf("\"%s\"", fnv ? fnv : "");

	pattern(out, "sum", src, src->nr);
	result(out, src, quoted);
}

static const char *const open_flags[][2] = {
	{ "rdonly", "O_RDONLY" }, { "wronly", "O_WRONLY" }, { "rdwr", "O_RDWR" },
	{ "append", "O_APPEND" }, { "nonblock", "O_NONBLOCK" }, { "largefile", "O_LARGEFILE" },
	{ "directory", "O_DIRECTORY" }, { "path", "O_PATH" }, { "tmpfile", "O_TMPFILE" },
	{ "020200000", "O_TMPFILE" },
};

/* Words, and bits that the recorder has no word for as an octal number. */
static void append_open_flags(GString *out, const char *list)
{
	g_auto(GStrv) words = g_strsplit(list, "|", -1);

	for (guint i = 0; words[i]; i++) {
		const char *flag = words[i];

		for (guint f = 0; f < G_N_ELEMENTS(open_flags); f++)
			if (g_str_equal(flag, open_flags[f][0]))
				flag = open_flags[f][1];
		g_string_append(out, i ? "|" : "");
		if (*flag == '0')
			g_string_append_printf(out, "0x%" G_GINT64_MODIFIER "x",
					       g_ascii_strtoull(flag, NULL, 8));
		else
			g_string_append(out, flag);
	}
}

/* One "key=value" of stat in the language's words; what it does not know is ignored. */
static void stat_field(GString *out, const char *key, const char *value)
{
	static const char *const numbers[] = { "size", "pos", "cloexec", "blocks", "mode", "nlink",
					       NULL };

	if (g_str_equal(key, "seals") && !g_str_equal(value, "EINVAL")) {
		g_string_append(out, " seals=");
		append_flags(out, value, seal_flags);
	} else if (g_str_equal(key, "flags")) {
		g_string_append(out, " flags=");
		append_open_flags(out, value);
	} else if (g_str_equal(key, "seals") || g_strv_contains(numbers, key)) {
		g_string_append_printf(out, " %s=%s%s", key, *value == 'E' ? "-" : "", value);
	}
}

static void write_stat(GString *out, const struct source *src)
{
	g_autofree char *link = datum(src, "link");
	g_auto(GStrv) fields = g_strsplit(src->op->data, " ", -1);

	call(out, "fstat", src, 1, 2);
	if (!src->ok) {
		result(out, src, "");
		return;
	}
	g_string_append(out, " =");
	for (guint i = 0; fields[i] && !g_str_has_prefix(fields[i], "link="); i++) {
		char *equals = strchr(fields[i], '=');

		if (!equals)
			continue;
		*equals = '\0';
		stat_field(out, fields[i], equals + 1);
	}
	if (link) {
		g_string_append(out, " link=");
		append_plain(out, link, -1);
	}
	g_string_append_c(out, '\n');
}

static void write_same(GString *out, const struct source *src)
{
	call(out, "same", src, 1, 3);
	result(out, src, src->op->data);
}

/* Hex digits with "{M}" for a descriptor and "zN." for N zero bytes, as pieces. */
static void append_pieces(GString *out, struct translator *t, const char *hex)
{
	const char *blank = "";
	gboolean open = FALSE;

	while (*hex && !g_str_equal(hex, "-")) {
		const char *end = strchr(hex, *hex == '{' ? '}' : '.');

		if (*hex != '{' && *hex != 'z') {
			g_string_append_printf(out, "%s\\x%.2s", open ? "" : blank, hex);
			if (!open)
				g_string_insert_c(out, out->len - 4, '"');
			open = TRUE;
			hex += MIN(2, strlen(hex));
			blank = " ";
			continue;
		}
		if (!end)
			break;
		g_string_append_printf(out, "%s%s", open ? "\"" : "", blank);
		open = FALSE;
		if (*hex == '{') {
			g_autofree char *handle = g_strndup(hex + 1, end - hex - 1);

			g_string_append_printf(out, "fd(%s)", name_of(t, handle));
		} else {
			g_string_append_printf(out, "\"\\0\"*%.*s", (int)(end - hex - 1), hex + 1);
		}
		blank = " ";
		hex = end + 1;
	}
	if (open)
		g_string_append_c(out, '"');
	else if (!*blank)
		g_string_append(out, "\"\"");
}

static void write_rawioctl(GString *out, const struct source *src)
{
	const char *nr = src->word[2], *size = src->word[3];
	gboolean ro = g_str_has_prefix(size, "ro:"), raw = g_str_has_prefix(nr, "raw:");

	if (raw)
		nr += strlen("raw:");
	if (ro)
		size += strlen("ro:");
	raw = raw && g_ascii_strtoull(nr, NULL, 0) < 0x100;
	g_string_append_printf(out, "ioctl(%s, %s, %s, ", src->word[1], nr, size);
	append_pieces(out, src->t, src->word[4]);
	g_string_append_printf(out, "%s%s%s%s)", ro || raw ? ", " : "", ro ? "ro" : "",
			       ro && raw ? "|" : "", raw ? "raw" : "");
	if (src->ok && src->nr > 6) {
		g_autofree char *good = g_strdup_printf("0 -> %s", src->word[6]);

		result(out, src, good);
	} else {
		result(out, src, "0");
	}
}

static void write_fail_nth(GString *out, const struct source *src)
{
	guint nth = src->t->nth ? src->t->nth[src->index] : NTH_AS_RECORDED;

	(void)out;
	g_string_truncate(src->t->fail, 0);
	if (nth == NTH_AS_RECORDED)
		g_string_printf(src->t->fail, "fail alloc nth %s\n", src->word[1]);
	else if (nth != NTH_NONE)
		g_string_printf(src->t->fail, "fail alloc nth %u\n", nth);
}

static void write_kexec(GString *out, const struct source *src)
{
	static const char *const calls[][2] = {
		{ "kexec", "kexec()" }, { "kexec_noload", "reboot()" },
		{ "kexec_loaded", "reboot()" }, { "load", "kexec_load()" },
		{ "unload", "kexec_unload()" },
	};

	for (guint i = 0; i < G_N_ELEMENTS(calls); i++)
		if (g_str_equal(src->word[0], calls[i][0]))
			g_string_append(out, calls[i][1]);
	result(out, src, "0");
}

/* One object of many: its number, or the loop's variable, and how long that is in digits. */
typedef void (*one_fn)(GString *out, const struct source *src, const char *i, guint digits);

static guint digits_of(gint64 number)
{
	guint digits = 1;

	while (number /= 10)
		digits++;
	return digits;
}

/* Where a run of numbers begins or ends: nobody has more objects. */
static gint64 many_number(const char *word)
{
	return CLAMP(g_ascii_strtoll(word, NULL, 0), -1, G_MAXINT64 / 2);
}

/* How many of N objects it worked for. */
static gint64 worked(const struct source *src)
{
	return CLAMP(number_datum(src, "ok"), 0, MAX_MANY);
}

/*
 * Operations on N objects are loops: over those that worked, numbers of the same
 * length together, and one more step for the one that did not.
 */
static void many(GString *out, const struct source *src, gint64 from, gint64 to, one_fn one)
{
	struct source good = *src, bad = *src;
	gint64 end = from + worked(src);

	good.ok = TRUE;
	bad.ok = FALSE;
	while (from < end) {
		gint64 last = from;

		while (last + 1 < end && digits_of(last + 1) == digits_of(from))
			last++;
		g_string_append_printf(out, "repeat i %" G_GINT64_FORMAT "..%" G_GINT64_FORMAT "\n",
				       from, last);
		one(out, &good, "$i", digits_of(from));
		g_string_append(out, "end\n");
		from = last + 1;
	}
	if (end <= to) {
		g_autofree char *i = g_strdup_printf("%" G_GINT64_FORMAT, end);

		one(out, &bad, i, digits_of(end));
	}
}

/* A quoted prefix without its quotes. */
static char *unquoted(const char *word)
{
	return g_strndup(word + 1, MAX(strlen(word), 2) - 2);
}

/* Handles that are numbered: "p$i". */
static char *numbered(const struct source *src, const char *quoted, const char *i)
{
	g_autofree char *prefix = unquoted(quoted);

	return g_strconcat(name_of(src->t, prefix), i, NULL);
}

static char *nth_handle(const struct source *src, const char *quoted, gint64 i)
{
	g_autofree char *number = g_strdup_printf("%" G_GINT64_FORMAT, i);

	return numbered(src, quoted, number);
}

static void one_session(GString *out, const struct source *src, const char *i, guint digits)
{
	g_autofree char *prefix = unquoted(src->word[3]);
	g_autofree char *name = numbered(src, src->word[3], i);

	(void)digits;
	g_string_append_printf(out, "%s(%s, \"", *src->word[0] == 'c' ? "create_session" :
			       "retrieve_session", src->word[1]);
	append_plain(out, prefix, -1);
	g_string_append_printf(out, "%s\")", i);
	result(out, src, name);
}

static void one_preserve(GString *out, const struct source *src, const char *i, guint digits)
{
	const char *s = src->word[1];

	(void)digits;
	if (g_str_equal(src->op->rc, "-EMFILE") && !src->ok) {
		g_string_append_printf(out, "memfd_create(\"tok\", 4096) = %s\n", src->op->rc);
		return;
	}
	g_string_append_printf(out, "memfd_create(\"tok\", 4096) = tok_%s_%s\n", s, i);
	g_string_append_printf(out, "write(tok_%s_%s, 0, \"tok%s\")\n", s, i, i);
	g_string_append_printf(out, "preserve_fd(%s, tok_%s_%s, %s)", s, s, i, i);
	result(out, src, "0");
	g_string_append_printf(out, "close(tok_%s_%s) = 0\n", s, i);
}

static void one_retrieve(GString *out, const struct source *src, const char *i, guint digits)
{
	g_autofree char *name = g_strdup_printf("got_%s_%s", src->word[1], i);

	g_string_append_printf(out, "retrieve_fd(%s, %s)", src->word[1], i);
	result(out, src, name);
	if (!src->ok)
		return;
	g_string_append_printf(out, "read(%s, 0, %u)", name, 3 + digits);
	if (number_datum(src, "wrong_content"))
		g_string_append_c(out, '\n');	/* of which, it does not say */
	else
		g_string_append_printf(out, " = \"tok%s\"\n", i);
	g_string_append_printf(out, "close(%s) = 0\n", name);
}

static void write_sessions(GString *out, const struct source *src)
{
	gint64 n = many_number(src->word[2]), ok = worked(src);

	many(out, src, 0, n - 1, one_session);
	for (gint64 i = 0; i < MIN(n, ok + 1); i++) {
		g_autofree char *name = nth_handle(src, src->word[3], i);

		set_open(src->t, name, i < ok);
	}
}

/* Those that are still open; the others are passed over. */
static void write_close_n(GString *out, const struct source *src)
{
	gint64 from = many_number(src->word[2]);
	gint64 to = MIN(many_number(src->word[3]), from + MAX_MANY);

	for (gint64 i = from; i <= to; i++) {
		g_autofree char *name = nth_handle(src, src->word[1], i);

		if (!g_hash_table_contains(src->t->open, name))
			continue;
		g_string_append_printf(out, "close(%s) = 0\n", name);
		set_open(src->t, name, FALSE);
	}
}

/* preserve_n and retrieve_n: tokens T0 to T0 + N - 1 */
static void write_tokens(GString *out, const struct source *src)
{
	gint64 n = many_number(src->word[2]), from = many_number(src->word[3]);

	many(out, src, from, from + n - 1, *src->word[0] == 'p' ? one_preserve : one_retrieve);
}

static void write_nofile(GString *out, const struct source *src)
{
	g_string_append_printf(out, "nofile(%s)", g_str_equal(src->word[1], "-") ? "1024" :
			       src->word[1]);
	result(out, src, "0");
}

/* Those that are called the same in the language. */
static void write_same_name(GString *out, const struct source *src)
{
	plain(out, src, src->word[0]);
}

/* sleep and dmesg_mark: nothing happens. */
static void write_nothing(GString *out, const struct source *src)
{
	(void)out;
	(void)src;
}

#define FIRST	(1 << 1)
#define BOTH	(FIRST | 1 << 2)

static const struct translate_rule rules[] = {
	{ "opendev", 1, write_opendev, FIRST, 1 },
	{ "close", 1, write_close, FIRST, 0 },
	{ "dup", 2, write_dup, BOTH, 1 },
	{ "reopen", 2, write_reopen, BOTH, 1 },
	{ "reopen_ro", 2, write_reopen_ro, BOTH, 1 },
	{ "create", 3, write_session, BOTH, 2 },
	{ "retrieve_session", 3, write_session, BOTH, 2 },
	{ "preserve", 3, write_preserve, BOTH, 0 },
	{ "preserve_rawfd", 3, write_preserve, FIRST, 0 },
	{ "retrieve", 3, write_retrieve, BOTH, 2 },
	{ "finish", 1, write_finish, FIRST, 0 },
	{ "get_name", 1, write_get_name, FIRST, 0 },
	{ "memfd", 3, write_memfd, FIRST, 1 },
	{ "file", 2, write_file, FIRST, 1 },
	{ "truncate", 2, write_truncate, FIRST, 0 },
	{ "fallocate", 3, write_fallocate, FIRST, 0 },
	{ "punch", 3, write_punch, FIRST, 0 },
	{ "fsync", 1, write_fsync, FIRST, 0 },
	{ "seek", 2, write_seek, FIRST, 0 },
	{ "seal", 2, write_seal, FIRST, 0 },
	{ "get_seals", 1, write_get_seals, FIRST, 0 },
	{ "setfl", 2, write_setfl, FIRST, 0 },
	{ "write", 3, write_write, FIRST, 0 },
	{ "read", 3, write_read, FIRST, 0 },
	{ "fill", 4, write_fill, FIRST, 0 },
	{ "verify", 4, write_verify, FIRST, 0 },
	{ "sum", 3, write_sum, FIRST, 0 },
	{ "stat", 1, write_stat, FIRST, 0 },
	{ "same", 2, write_same, BOTH, 0 },
	{ "rawioctl", 4, write_rawioctl, FIRST | 1 << 6, 6 },
	{ "fail_nth", 1, write_fail_nth, 0, 0 },
	{ "kexec", 0, write_kexec, 0, 0 },
	{ "kexec_noload", 0, write_kexec, 0, 0 },
	{ "kexec_loaded", 0, write_kexec, 0, 0 },
	{ "load", 0, write_kexec, 0, 0 },
	{ "unload", 0, write_kexec, 0, 0 },
	{ "create_n", 3, write_sessions, FIRST, 0 },
	{ "retrieve_session_n", 3, write_sessions, FIRST, 0 },
	{ "close_n", 3, write_close_n, 0, 0 },
	{ "preserve_n", 3, write_tokens, FIRST, 0 },
	{ "retrieve_n", 3, write_tokens, FIRST, 0 },
	{ "nofile", 1, write_nofile, 0, 0 },
	{ "shmem_enabled", 1, write_same_name, 0, 0 },
	{ "drop_caches", 0, write_same_name, 0, 0 },
	{ "exit", 0, write_same_name, 0, 0 },
	{ "sleep", 1, write_nothing, 0, 0 },
	{ "dmesg_mark", 0, write_nothing, 0, 0 },
};

static const struct translate_rule *rule_of(const GPtrArray *words)
{
	for (guint i = 0; words->len && i < G_N_ELEMENTS(rules); i++)
		if (g_str_equal(words->pdata[0], rules[i].name))
			return words->len > rules[i].words ? &rules[i] : NULL;
	return NULL;
}

/* Write operation @index's steps; FALSE when the model has no such operation. */
static gboolean write_op(GString *out, struct translator *t, guint index)
{
	const struct recorded_op *op = &g_array_index(t->rec->ops, struct recorded_op, index);
	g_autoptr(GPtrArray) words = split(op->text);
	g_autofree char *name = words->len > 1 ? g_strdup(words->pdata[1]) : NULL;
	const struct translate_rule *rule = rule_of(words);
	struct source src = {
		.t = t, .index = index, .word = (char **)words->pdata, .nr = words->len,
		.op = op, .name = name, .ok = g_str_equal(op->rc, "0"),
	};

	if (!rule || rule->write == write_nothing)
		g_string_truncate(t->fail, 0);
	if (!rule)
		return FALSE;
	for (guint i = 1; i < words->len; i++) {
		g_autofree char *handle = words->pdata[i];

		words->pdata[i] = rule->handles & 1u << i ? g_strdup(name_of(t, handle)) :
							    g_steal_pointer(&handle);
	}
	if (rule->write != write_memfd && rule->write != write_fail_nth)
		flush_fail(out, t);
	rule->write(out, &src);
	if (rule->binds && rule->binds < src.nr)
		set_open(t, src.word[rule->binds], src.ok);
	if (rule->write == write_close && src.ok)
		set_open(t, src.word[1], FALSE);
	return TRUE;
}

/* The lines written since are operation @op's. */
static void mark_lines(struct translation *t, guint op)
{
	guint lines = 0;

	for (const char *at = t->text->str; (at = strchr(at, '\n')); at++)
		lines++;
	while (t->op_of_line->len < lines)
		g_array_append_val(t->op_of_line, op);
}

static void write_kernel(GString *out, const struct recording *rec, guint stage)
{
	g_string_append_printf(out, "kernel %u %s%s%s%s", stage, rec->row,
			       rec->panic_on_warn ? " panic_on_warn" : "",
			       rec->kho ? "" : " kho=off",
			       rec->liveupdate ? "" : " liveupdate=off");
	if (rec->hugepages)
		g_string_append_printf(out, " hugepages=%u", rec->hugepages);
	g_string_append_c(out, '\n');
}

static void write_ops(struct translation *t, struct translator *tr)
{
	const struct recording *rec = tr->rec;
	guint stage = 0;

	for (guint i = 0; i < rec->ops->len; i++) {
		const struct recorded_op *op = &g_array_index(rec->ops, struct recorded_op, i);
		gboolean skipped = g_str_equal(op->rc, "skipped") || g_str_equal(op->rc, "badop");
		gboolean modelled = TRUE;

		if (op->stage != stage) {
			g_hash_table_remove_all(tr->open);
			write_kernel(t->text, rec, stage = op->stage);
		}
		mark_lines(t, NO_OP);
		if (!skipped)
			modelled = write_op(t->text, tr, i);
		else
			g_string_truncate(tr->fail, 0);
		mark_lines(t, i);
		g_array_append_val(t->modelled, modelled);
	}
}

struct translation *translate(const struct recording *rec, const guint *nth)
{
	struct translation *t = g_new0(struct translation, 1);
	struct translator tr = {
		.rec = rec, .nth = nth,
		.names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
		.taken = g_hash_table_new(g_str_hash, g_str_equal),
		.open = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
		.fail = g_string_new(NULL),
	};

	t->text = g_string_new(NULL);
	t->op_of_line = g_array_new(FALSE, FALSE, sizeof(guint));
	t->modelled = g_array_new(FALSE, FALSE, sizeof(gboolean));
	g_string_append_printf(t->text, "scenario %s\nabout Recorded on %s.\nsource recording\n",
			       rec->name, rec->row);
	write_ops(t, &tr);
	/* A recording has the kernel's answers, not the judge's. */
	g_string_append(t->text, "expect any\n");
	mark_lines(t, NO_OP);
	g_string_free(tr.fail, TRUE);
	g_hash_table_unref(tr.open);
	g_hash_table_unref(tr.taken);
	g_hash_table_unref(tr.names);
	return t;
}

void translation_free(struct translation *t)
{
	g_string_free(t->text, TRUE);
	g_array_unref(t->op_of_line);
	g_array_unref(t->modelled);
	g_free(t);
}
