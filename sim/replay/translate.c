/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Turns a recording into the steps of a scenario, one recorded operation after the other. Its
 * words are read as what they stand for by what reads values of scenarios.
 */
#include <string.h>

#include "replay/translate.h"
#include "scn/fail.h"
#include "scn/names.h"
#include "scn/print.h"
#include "scn/setting.h"
#include "scn/value.h"

/* More objects than a machine has, for operations on N of them. */
#define MAX_MANY	(1 << 20)

struct translator {
	const struct recording *rec;
	const guint *nth;
	GHashTable *names;	/* char *: of the language, by handle */
	GHashTable *taken;	/* set of those, borrowed */
	GHashTable *open;	/* set of char *: those that are open descriptors */
	struct scenario *scn;
	struct lex lex;		/* over what becomes a value */
	GArray *loops;		/* of struct repeat: those around, borrowed */
	GPtrArray *texts;	/* of char *: all that lex went over */
	guint kernel;		/* that runs here */
	bool heading_due;	/* a reboot came since the last heading */
	bool fails;		/* the next operation's first call, as @fail says */
	struct fail fail;
	bool failed;		/* it cannot be a scenario: the error is set */
};

/* What is being translated: an operation's words and its answer. */
struct source {
	struct translator *t;
	guint index;		/* of the operation */
	char **word;		/* word[0] is the operation; quoted strings are one word */
	guint nr;
	const char *name;	/* word[1] as it is recorded */
	const struct recorded_op *op;
	bool ok;		/* it worked */
};

struct translate_rule {
	const char *name;
	guint words;		/* arguments it needs */
	guint handles;		/* mask of the words that are handles */
	guint binds;		/* the word that is one if it works, or 0 */
	void (*write)(const struct source *src);
	const char *call;	/* without @write: the operation with the same words */
};

/* The language's name for a handle, which may have any characters. */
static const char *name_of(struct translator *t, const char *handle)
{
	char *name = g_hash_table_lookup(t->names, handle);
	GString *made;

	if (name != NULL)
		return name;
	made = g_string_new(g_ascii_isalpha(*handle) || *handle == '_' ? "" : "h");
	for (const char *c = handle; *c != '\0'; c++)
		g_string_append_c(made, g_ascii_isalnum(*c) ? *c : '_');
	while (g_hash_table_contains(t->taken, made->str))
		g_string_append_c(made, '_');
	name = g_string_free(made, FALSE);
	g_hash_table_insert(t->names, g_strdup(handle), name);
	g_hash_table_add(t->taken, name);
	return name;
}

static void set_open(struct translator *t, const char *name, bool is)
{
	if (is)
		g_hash_table_add(t->open, g_strdup(name));
	else
		g_hash_table_remove(t->open, name);
}

/* A quoted string, in which a '$' means nothing. */
static char *plain_text(const char *text)
{
	g_auto(GStrv) parts = g_strsplit(text, "$", -1);

	return g_strjoinv("\\x24", parts);
}

/* The text of an operation split into words. */
static GPtrArray *split(const char *text)
{
	GPtrArray *words = g_ptr_array_new_with_free_func(g_free);

	while (*text != '\0') {
		const char *start = text;
		bool quoted = false;

		for (; *text != '\0' && (quoted || *text != ' '); text++) {
			if (*text == '\\' && text[1] != '\0')
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

	while (at != NULL && *at != '\0') {
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

	return value != NULL ? g_ascii_strtoll(value, NULL, 10) : 0;
}

static char *number_text(gint64 number)
{
	return g_strdup_printf("%" G_GINT64_FORMAT, number);
}

/* ---- Steps ---- */

/* Let lex go over @text, which begins a line of its own. */
static struct lex *over(struct translator *t, const char *text)
{
	char *copy = g_strdup(text);

	g_ptr_array_add(t->texts, copy);
	t->lex.line = t->lex.p = copy;
	t->lex.end = copy + strlen(copy);
	return &t->lex;
}

/* What was read must be @ok and all that there was. */
static void need(struct translator *t, bool ok)
{
	lex_blank(&t->lex);
	if (ok && t->lex.p < t->lex.end) {
		lex_fail(&t->lex, t->lex.p, "more than that, expected the end of the word");
		ok = false;
	}
	t->failed |= !ok;
}

static void refuse(struct translator *t, const char *why)
{
	if (!t->failed)
		lex_fail(over(t, ""), t->lex.p, "%s", why);
	t->failed = true;
}

/* Steps have the number of the recorded operation as their line, counted from 1. */
static struct step *add_step(const struct source *src, enum step_kind kind)
{
	struct translator *t = src->t;
	const GArray *steps = t->scn->steps;
	struct step step = { .kind = kind, .line = src->index + 1, .depth = t->loops->len };

	if (kind != STEP_OP && steps->len > 0 &&
	    g_array_index(steps, struct step, steps->len - 1).kind == STEP_FAIL)
		refuse(t, "a failure of no single step, expected one that can fail");
	if (kind != STEP_KERNEL && t->heading_due)
		refuse(t, "an operation after a reboot, expected the next stage before it");
	g_array_append_val(t->scn->steps, step);
	return &g_array_index(steps, struct step, steps->len - 1);
}

static struct op *last_op(const struct source *src)
{
	return &g_array_index(src->t->scn->steps, struct step, src->t->scn->steps->len - 1).op;
}

/* A step of operation @name, still without arguments. */
static void begin_call(const struct source *src, const char *name)
{
	struct op *op = &add_step(src, STEP_OP)->op;

	op->info = op_find(name);
	op->line = src->index + 1;
	op->args = g_new0(struct value, op_nr_args(op->info));
}

/* Argument @i, if it is not left out, as a scenario has it. */
static void put_arg(const struct source *src, guint i, const char *text)
{
	const struct op *op = last_op(src);
	struct translator *t = src->t;

	if (t->failed || *text == '\0')
		return;
	if (i >= op_nr_args(op->info))
		refuse(t, "too many words, expected as many as it takes");
	else
		need(t, value_parse(over(t, text), &op->info->args[i], &op->args[i]));
}

static void end_call(const struct source *src)
{
	const struct op *op = last_op(src);

	for (guint i = 0; i < op_nr_args(op->info); i++)
		if (op->args[i].kind == VALUE_ABSENT && (op->info->optional & 1u << i) == 0)
			refuse(src->t, "too few words, expected as many as it takes");
}

/* The arguments follow, "" for one that is left out; then NULL. */
static void call(const struct source *src, const char *name, ...)
{
	const char *text;
	va_list ap;

	begin_call(src, name);
	va_start(ap, name);
	for (guint i = 0; (text = va_arg(ap, const char *)) != NULL; i++)
		put_arg(src, i, text);
	va_end(ap);
	end_call(src);
}

/* name(arg, arg, ...) of words @from on. */
static void call_words(const struct source *src, const char *name, guint from, guint to)
{
	begin_call(src, name);
	for (guint i = from; i < to; i++)
		put_arg(src, i - from, src->word[i]);
	end_call(src);
}

/* What the call must return, as a scenario has it. */
static void must_return(const struct source *src, const char *text)
{
	struct op *op = last_op(src);
	struct outcome o = { 0 };

	if (src->t->failed)
		return;
	op->outcomes = outcomes_new();
	need(src->t, result_parse(over(src->t, text), op->info, &o.value));
	g_array_append_val(op->outcomes, o);
}

/* What the kernel gave, @good when it worked. */
static void result(const struct source *src, const char *good)
{
	if (src->ok)
		must_return(src, good);
	else if (*src->op->rc == '-')
		must_return(src, src->op->rc);	/* else the kernel never answered */
}

static void append_string(GString *out, const char *text, gsize len)
{
	g_autofree char *copy = g_strndup(text, len), *plain = plain_text(copy);

	g_string_append_printf(out, "%s\"%s\"", out->len > 0 ? " " : "", plain);
}

/*
 * A string of the recordings as strings of the language: "hello\0*8187;" holds
 * repetitions, which become "hello" "\0"*8187.
 */
static char *bytes_text(const char *quoted)
{
	const char *at = quoted + 1, *from = at;
	GString *out = g_string_new(NULL);

	while (*at != '\0' && *at != '"') {
		gsize len = *at != '\\' ? 1 : at[1] == 'x' ? 4 : 2;
		const char *next = at + MIN(len, strlen(at));
		char *end = NULL;
		guint64 n = *next == '*' ? g_ascii_strtoull(next + 1, &end, 10) : 0;

		if (n > 0 && *end == ';') {
			if (at > from)
				append_string(out, from, at - from);
			append_string(out, at, next - at);
			g_string_append_printf(out, "*%" G_GUINT64_FORMAT, n);
			next = from = end + 1;
		}
		at = next;
	}
	if (at > from || out->len == 0)
		append_string(out, from, at - from);
	return g_string_free(out, FALSE);
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

static void write_opendev(const struct source *src)
{
	const struct recorded_op *stat = stat_of(src);
	bool cloexec = src->nr > 2 || (stat != NULL && strstr(stat->data, "cloexec=1") != NULL);

	call(src, "open", "\"/dev/liveupdate\"", cloexec ? "O_RDWR|O_CLOEXEC" : "", NULL);
	result(src, src->word[1]);
}

static void write_reopen_ro(const struct source *src)
{
	call(src, "reopen", src->word[2], "O_RDONLY", NULL);
	result(src, src->word[1]);
}

static void write_session(const struct source *src)
{
	g_autofree char *session = plain_text(src->word[3]);

	call(src, *src->word[0] == 'c' ? "create_session" : "retrieve_session", src->word[1],
	     session, NULL);
	result(src, src->word[2]);
}

static void write_retrieve(const struct source *src)
{
	call(src, "retrieve_fd", src->word[1], src->word[3], NULL);
	result(src, src->word[2]);
}

static void write_get_name(const struct source *src)
{
	g_autofree char *name = datum(src, "name");
	g_autofree char *text = name != NULL ? bytes_text(name) : NULL;

	call(src, "get_name", src->word[1], NULL);
	result(src, text != NULL ? text : "0");
}

/* "sealing,exec" with a prefix for each: MFD_ALLOW_SEALING|MFD_EXEC */
static char *flags_text(const char *list, const char *const (*table)[2])
{
	g_auto(GStrv) words = g_strsplit(list, ",", -1);
	GString *out = g_string_new(NULL);

	for (guint i = 0; words[i] != NULL; i++)
		for (guint t = 0; table[t][0] != NULL; t++)
			if (g_str_equal(words[i], table[t][0]))
				g_string_append_printf(out, "%s%s", out->len > 0 ? "|" : "",
						       table[t][1]);
	return g_string_free(out->len > 0 ? out : g_string_append_c(out, '0'), FALSE);
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
static void flush_fail(const struct source *src)
{
	if (src->t->fails)
		add_step(src, STEP_FAIL)->fail = src->t->fail;
	src->t->fails = false;
}

static void write_memfd(const struct source *src)
{
	g_autofree char *quoted = g_strdup_printf("\"%s\"", src->name);
	g_autofree char *name = plain_text(quoted);
	g_autofree char *flags = flags_text(src->word[2], memfd_flags);

	if (strstr(src->word[2], "huge") != NULL && strstr(src->word[2], "hugetlb") == NULL)
		call(src, "shmem_enabled", "always", NULL);
	flush_fail(src);
	call(src, "memfd_create", name, src->word[3], flags, NULL);
	result(src, src->word[1]);
}

static void write_file(const struct source *src)
{
	call(src, "open_file", src->word[2], NULL);
	result(src, src->word[1]);
}

static void write_seek(const struct source *src)
{
	call_words(src, "lseek", 1, src->nr);
	result(src, src->word[2]);
}

static void write_seal(const struct source *src)
{
	g_autofree char *seals = flags_text(src->word[2], seal_flags);

	call(src, "add_seals", src->word[1], seals, NULL);
	result(src, "0");
}

/* "seals=seal,grow" */
static void write_get_seals(const struct source *src)
{
	g_autofree char *list = datum(src, "seals");
	g_autofree char *seals = flags_text(list != NULL ? list : "", seal_flags);

	call(src, "get_seals", src->word[1], NULL);
	result(src, seals);
}

static void write_setfl(const struct source *src)
{
	call(src, "setfl", src->word[1], "O_APPEND", NULL);
	result(src, "0");
}

/* Of calls that return a number of bytes, "n=5". */
static void count_result(const struct source *src)
{
	g_autofree char *n = datum(src, "n");

	result(src, n != NULL ? n : "0");
}

/* OFF, or "-": the file position. */
static const char *at(const struct source *src)
{
	return g_str_equal(src->word[2], "-") ? "" : src->word[2];
}

static void write_write(const struct source *src)
{
	g_autofree char *bytes = plain_text(src->word[3]);

	call(src, "write", src->word[1], at(src), bytes, NULL);
	count_result(src);
}

static void write_read(const struct source *src)
{
	const char *quoted = strchr(src->op->data, '"');
	g_autofree char *bytes = bytes_text(quoted != NULL ? quoted : "\"\"");

	call(src, "read", src->word[1], at(src), src->word[3], NULL);
	result(src, bytes);
}

/* LEN "-" is up to the end of the file, which the answer's n= tells. */
static void pattern(const struct source *src, const char *name)
{
	g_autofree char *n = datum(src, "n");

	begin_call(src, name);
	for (guint i = 1; i < src->nr; i++)
		put_arg(src, i - 1, i != 3 || !g_str_equal(src->word[3], "-") ? src->word[i] :
				    n != NULL ? n : "0");
	end_call(src);
}

/*
 * A fill that failed has written what comes before: as many bytes as the answer says, or
 * else some. The end of it is what the error holds for.
 */
static void write_fill(const struct source *src)
{
	g_autofree char *n = datum(src, "n");
	gint64 off = g_ascii_strtoll(src->word[2], NULL, 0);
	gint64 len = g_ascii_strtoll(src->word[3], NULL, 0);
	gint64 done = n != NULL ? g_ascii_strtoll(n, NULL, 10) : len - 1;
	g_autofree char *rest_off = number_text(off + done);
	g_autofree char *rest_len = number_text(len - done);

	if (src->ok || *src->op->rc != '-' || done <= 0 || done >= len) {
		pattern(src, "fill");
		count_result(src);
		return;
	}
	call(src, "fill", src->word[1], src->word[2], n != NULL ? n : src->word[3], src->word[4],
	     NULL);
	if (n != NULL)
		must_return(src, n);
	call(src, "fill", src->word[1], rest_off, rest_len, src->word[4], NULL);
	result(src, "0");
}

static void write_verify(const struct source *src)
{
	gint64 len = g_str_equal(src->word[3], "-") ? number_datum(src, "n") :
						      g_ascii_strtoll(src->word[3], NULL, 0);
	g_autofree char *bad = number_text(number_datum(src, "bad") + len -
					   number_datum(src, "n"));

	pattern(src, "verify");
	result(src, bad);
}

static void write_sum(const struct source *src)
{
	g_autofree char *fnv = datum(src, "fnv");
	g_autofree char *quoted = g_strdup_printf("\"%s\"", fnv != NULL ? fnv : "");

	pattern(src, "sum");
	result(src, quoted);
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

	for (guint i = 0; words[i] != NULL; i++) {
		const char *flag = words[i];

		for (guint f = 0; f < G_N_ELEMENTS(open_flags); f++)
			if (g_str_equal(flag, open_flags[f][0]))
				flag = open_flags[f][1];
		g_string_append(out, i > 0 ? "|" : "");
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
		g_autofree char *seals = flags_text(value, seal_flags);

		g_string_append_printf(out, " seals=%s", seals);
	} else if (g_str_equal(key, "flags")) {
		g_string_append(out, " flags=");
		append_open_flags(out, value);
	} else if (g_str_equal(key, "seals") || g_strv_contains(numbers, key)) {
		g_string_append_printf(out, " %s=%s%s", key, *value == 'E' ? "-" : "", value);
	}
}

static void write_stat(const struct source *src)
{
	g_autofree char *link = datum(src, "link");
	g_autofree char *text = link != NULL ? plain_text(link) : NULL;
	g_auto(GStrv) fields = g_strsplit(src->op->data, " ", -1);
	g_autoptr(GString) all = g_string_new(NULL);

	for (guint i = 0; fields[i] != NULL && !g_str_has_prefix(fields[i], "link="); i++) {
		char *equals = strchr(fields[i], '=');

		if (equals == NULL)
			continue;
		*equals = '\0';
		stat_field(all, fields[i], equals + 1);
	}
	if (text != NULL)
		g_string_append_printf(all, " link=%s", text);
	call(src, "fstat", src->word[1], NULL);
	result(src, all->str);
}

static void write_same(const struct source *src)
{
	call_words(src, "same", 1, 3);
	result(src, src->op->data);
}

static void append_hex(GString *out, const char *digits)
{
	g_string_append_c(out, '"');
	for (; *digits != '\0'; digits += MIN(2, strlen(digits)))
		g_string_append_printf(out, "\\x%.2s", digits);
	g_string_append(out, "\" ");
}

/* Hex digits with "{M}" for a descriptor and "zN." for N zero bytes, as pieces. */
static char *pieces_text(struct translator *t, const char *hex)
{
	GString *out = g_string_new(NULL);

	while (*hex != '\0' && !g_str_equal(hex, "-")) {
		bool name = *hex == '{', zeroes = *hex == 'z';
		gsize len = name || zeroes ? 1 + strcspn(hex + 1, name ? "}" : ".") :
					     strcspn(hex, "{z");
		g_autofree char *inside = g_strndup(hex + (name || zeroes), len - (name || zeroes));

		if (name)
			g_string_append_printf(out, "fd(%s) ", name_of(t, inside));
		else if (zeroes)
			g_string_append_printf(out, "\"\\0\"*%s ", inside);
		else
			append_hex(out, inside);
		hex += MIN(len + (name || zeroes), strlen(hex));
	}
	return g_string_free(out->len > 0 ? out : g_string_append(out, "\"\""), FALSE);
}

static void write_rawioctl(const struct source *src)
{
	const char *nr = src->word[2], *size = src->word[3];
	bool ro = g_str_has_prefix(size, "ro:"), raw = g_str_has_prefix(nr, "raw:");
	g_autofree char *pieces = pieces_text(src->t, src->word[4]);
	g_autofree char *good = src->nr > 6 ? g_strconcat("0 -> ", src->word[6], NULL) : NULL;

	nr += raw ? strlen("raw:") : 0;
	size += ro ? strlen("ro:") : 0;
	raw = raw && g_ascii_strtoull(nr, NULL, 0) < 0x100;
	call(src, "ioctl", src->word[1], nr, size, pieces,
	     ro && raw ? "ro|raw" : ro ? "ro" : raw ? "raw" : "", NULL);
	result(src, good != NULL ? good : "0");
}

static void write_fail_nth(const struct source *src)
{
	struct translator *t = src->t;
	guint nth = t->nth != NULL ? t->nth[src->index] : NTH_AS_RECORDED;
	g_autofree char *text = nth == NTH_AS_RECORDED ?
		g_strconcat("alloc nth ", src->word[1], NULL) :
		g_strdup_printf("alloc nth %u", nth);

	t->fails = nth != NTH_NONE;
	if (t->fails && !t->failed)
		need(t, fail_parse(over(t, text), &t->fail));
}

static void write_kexec(const struct source *src)
{
	static const char *const calls[][2] = {
		{ "kexec", "kexec" }, { "kexec_noload", "reboot" },
		{ "kexec_loaded", "reboot" }, { "load", "kexec_load" },
		{ "unload", "kexec_unload" },
	};
	guint i = 0;

	while (!g_str_equal(src->word[0], calls[i][0]))
		i++;
	call(src, calls[i][1], NULL);
	result(src, "0");
	if (last_op(src)->info->reboots && (src->ok || *src->op->rc != '-')) {
		src->t->kernel++;
		src->t->heading_due = true;
	}
}

/* ---- Many objects ---- */

/* One object of many: its number, or the loop's variable, and how long that is in digits. */
typedef void (*one_fn)(const struct source *src, const char *i, guint digits);

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

static void repeat(const struct source *src, gint64 from, gint64 to, one_fn one)
{
	struct translator *t = src->t;
	guint match = t->scn->steps->len;
	struct repeat loop = { .name = g_strdup("i"), .var = 1, .from = from, .to = to };

	add_step(src, STEP_REPEAT)->repeat = loop;
	g_array_append_val(t->loops, loop);
	one(src, "$i", digits_of(from));
	g_array_set_size(t->loops, 0);
	add_step(src, STEP_END)->match = match;
}

/*
 * Operations on N objects are loops: over those that worked, numbers of the same
 * length together, and one more step for the one that did not.
 */
static void many(const struct source *src, gint64 from, gint64 to, one_fn one)
{
	struct source good = *src, bad = *src;
	gint64 end = from + worked(src);

	good.ok = true;
	bad.ok = false;
	while (from < end) {
		gint64 last = from;

		while (last + 1 < end && digits_of(last + 1) == digits_of(from))
			last++;
		repeat(&good, from, last, one);
		from = last + 1;
	}
	if (end <= to) {
		g_autofree char *i = number_text(end);

		one(&bad, i, digits_of(end));
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
	g_autofree char *number = number_text(i);

	return numbered(src, quoted, number);
}

static void one_session(const struct source *src, const char *i, guint digits)
{
	g_autofree char *plain = plain_text(src->word[3]), *prefix = unquoted(plain);
	g_autofree char *session = g_strdup_printf("\"%s%s\"", prefix, i);
	g_autofree char *name = numbered(src, src->word[3], i);

	(void)digits;
	call(src, *src->word[0] == 'c' ? "create_session" : "retrieve_session", src->word[1],
	     session, NULL);
	result(src, name);
}

static void one_preserve(const struct source *src, const char *i, guint digits)
{
	g_autofree char *name = g_strdup_printf("tok_%s_%s", src->word[1], i);
	g_autofree char *bytes = g_strdup_printf("\"tok%s\"", i);

	(void)digits;
	call(src, "memfd_create", "\"tok\"", "4096", NULL);
	if (g_str_equal(src->op->rc, "-EMFILE") && !src->ok) {
		must_return(src, src->op->rc);
		return;
	}
	must_return(src, name);
	call(src, "write", name, "0", bytes, NULL);
	call(src, "preserve_fd", src->word[1], name, i, NULL);
	result(src, "0");
	call(src, "close", name, NULL);
	must_return(src, "0");
}

static void one_retrieve(const struct source *src, const char *i, guint digits)
{
	g_autofree char *name = g_strdup_printf("got_%s_%s", src->word[1], i);
	g_autofree char *len = number_text(3 + digits);
	g_autofree char *bytes = g_strdup_printf("\"tok%s\"", i);

	call(src, "retrieve_fd", src->word[1], i, NULL);
	result(src, name);
	if (!src->ok)
		return;
	call(src, "read", name, "0", len, NULL);
	if (number_datum(src, "wrong_content") == 0)	/* else it does not say of which */
		must_return(src, bytes);
	call(src, "close", name, NULL);
	must_return(src, "0");
}

static void write_sessions(const struct source *src)
{
	gint64 n = many_number(src->word[2]), ok = worked(src);

	many(src, 0, n - 1, one_session);
	for (gint64 i = 0; i < MIN(n, ok + 1); i++) {
		g_autofree char *name = nth_handle(src, src->word[3], i);

		set_open(src->t, name, i < ok);
	}
}

/* Those that are still open; the others are passed over. */
static void write_close_n(const struct source *src)
{
	gint64 from = many_number(src->word[2]);
	gint64 to = MIN(many_number(src->word[3]), from + MAX_MANY);

	for (gint64 i = from; i <= to; i++) {
		g_autofree char *name = nth_handle(src, src->word[1], i);

		if (!g_hash_table_contains(src->t->open, name))
			continue;
		call(src, "close", name, NULL);
		must_return(src, "0");
		set_open(src->t, name, false);
	}
}

/* preserve_n and retrieve_n: tokens T0 to T0 + N - 1 */
static void write_tokens(const struct source *src)
{
	gint64 n = many_number(src->word[2]), from = many_number(src->word[3]);

	many(src, from, from + n - 1, *src->word[0] == 'p' ? one_preserve : one_retrieve);
}

static void write_nofile(const struct source *src)
{
	call(src, "nofile", g_str_equal(src->word[1], "-") ? "1024" : src->word[1], NULL);
	result(src, "0");
}

/* sleep and dmesg_mark: nothing happens. */
static void write_nothing(const struct source *src)
{
	(void)src;
}

/* ---- The rules ---- */

#define FIRST	(1 << 1)
#define BOTH	(FIRST | 1 << 2)

/* Most are a call with the same words, and some of these of the same name. */
static const struct translate_rule rules[] = {
	{ "opendev", 1, FIRST, 1, write_opendev, NULL },
	{ "close", 1, FIRST, 0, NULL, "close" },
	{ "dup", 2, BOTH, 1, NULL, "dup" },
	{ "reopen", 2, BOTH, 1, NULL, "reopen" },
	{ "reopen_ro", 2, BOTH, 1, write_reopen_ro, NULL },
	{ "create", 3, BOTH, 2, write_session, NULL },
	{ "retrieve_session", 3, BOTH, 2, write_session, NULL },
	{ "preserve", 3, BOTH, 0, NULL, "preserve_fd" },
	{ "preserve_rawfd", 3, FIRST, 0, NULL, "preserve_fd" },
	{ "retrieve", 3, BOTH, 2, write_retrieve, NULL },
	{ "finish", 1, FIRST, 0, NULL, "finish" },
	{ "get_name", 1, FIRST, 0, write_get_name, NULL },
	{ "memfd", 3, FIRST, 1, write_memfd, NULL },
	{ "file", 2, FIRST, 1, write_file, NULL },
	{ "truncate", 2, FIRST, 0, NULL, "ftruncate" },
	{ "fallocate", 3, FIRST, 0, NULL, "fallocate" },
	{ "punch", 3, FIRST, 0, NULL, "punch" },
	{ "fsync", 1, FIRST, 0, NULL, "fsync" },
	{ "seek", 2, FIRST, 0, write_seek, NULL },
	{ "seal", 2, FIRST, 0, write_seal, NULL },
	{ "get_seals", 1, FIRST, 0, write_get_seals, NULL },
	{ "setfl", 2, FIRST, 0, write_setfl, NULL },
	{ "write", 3, FIRST, 0, write_write, NULL },
	{ "read", 3, FIRST, 0, write_read, NULL },
	{ "fill", 4, FIRST, 0, write_fill, NULL },
	{ "verify", 4, FIRST, 0, write_verify, NULL },
	{ "sum", 3, FIRST, 0, write_sum, NULL },
	{ "stat", 1, FIRST, 0, write_stat, NULL },
	{ "same", 2, BOTH, 0, write_same, NULL },
	{ "rawioctl", 4, FIRST | 1 << 6, 6, write_rawioctl, NULL },
	{ "fail_nth", 1, 0, 0, write_fail_nth, NULL },
	{ "kexec", 0, 0, 0, write_kexec, NULL },
	{ "kexec_noload", 0, 0, 0, write_kexec, NULL },
	{ "kexec_loaded", 0, 0, 0, write_kexec, NULL },
	{ "load", 0, 0, 0, write_kexec, NULL },
	{ "unload", 0, 0, 0, write_kexec, NULL },
	{ "create_n", 3, FIRST, 0, write_sessions, NULL },
	{ "retrieve_session_n", 3, FIRST, 0, write_sessions, NULL },
	{ "close_n", 3, 0, 0, write_close_n, NULL },
	{ "preserve_n", 3, FIRST, 0, write_tokens, NULL },
	{ "retrieve_n", 3, FIRST, 0, write_tokens, NULL },
	{ "nofile", 1, 0, 0, write_nofile, NULL },
	{ "shmem_enabled", 1, 0, 0, NULL, "shmem_enabled" },
	{ "drop_caches", 0, 0, 0, NULL, "drop_caches" },
	{ "exit", 0, 0, 0, NULL, "exit" },
	{ "sleep", 1, 0, 0, write_nothing, NULL },
	{ "dmesg_mark", 0, 0, 0, write_nothing, NULL },
};

static const struct translate_rule *rule_of(const GPtrArray *words)
{
	for (guint i = 0; words->len > 0 && i < G_N_ELEMENTS(rules); i++)
		if (g_str_equal(words->pdata[0], rules[i].name))
			return words->len > rules[i].words ? &rules[i] : NULL;
	return NULL;
}

/* A call with the words as they are; the first of one that gives a descriptor is its name. */
static void write_words(const struct source *src, const struct translate_rule *rule)
{
	call_words(src, rule->call, rule->binds + 1, src->nr);
	result(src, rule->binds > 0 ? src->word[rule->binds] : "0");
}

/* Operation @index's steps; false when the model has no such operation. */
static bool write_op(struct translator *t, guint index)
{
	const struct recorded_op *op = &g_array_index(t->rec->ops, struct recorded_op, index);
	g_autoptr(GPtrArray) words = split(op->text);
	g_autofree char *name = words->len > 1 ? g_strdup(words->pdata[1]) : NULL;
	const struct translate_rule *rule = rule_of(words);
	struct source src = {
		.t = t, .index = index, .word = (char **)words->pdata, .nr = words->len,
		.op = op, .name = name, .ok = g_str_equal(op->rc, "0"),
	};

	t->lex.nr = op->line;
	if (rule == NULL || rule->write == write_nothing)
		t->fails = false;
	if (rule == NULL)
		return false;
	for (guint i = 1; i < words->len; i++) {
		g_autofree char *handle = words->pdata[i];

		words->pdata[i] = rule->handles & 1u << i ? g_strdup(name_of(t, handle)) :
							    g_steal_pointer(&handle);
	}
	if (rule->write != write_memfd && rule->write != write_fail_nth)
		flush_fail(&src);
	if (rule->write != NULL)
		rule->write(&src);
	else
		write_words(&src, rule);
	if (rule->binds > 0 && rule->binds < src.nr)
		set_open(t, src.word[rule->binds], src.ok);
	if (g_str_equal(rule->name, "close") && src.ok)
		set_open(t, src.word[1], false);
	return true;
}

static void write_kernel(const struct source *src)
{
	const struct recording *rec = src->t->rec;
	struct kernel_heading kernel = {
		.number = src->op->stage, .release = release_find(rec->row),
		.settings = settings_new(),
	};
	g_autofree char *pool = g_strdup_printf("hugepages=%u", rec->hugepages);
	const char *const settings[] = {
		rec->panic_on_warn ? "panic_on_warn" : NULL, rec->kho ? NULL : "kho=off",
		rec->liveupdate ? NULL : "liveupdate=off", rec->hugepages > 0 ? pool : NULL,
	};

	if (!src->t->heading_due || kernel.number != src->t->kernel)
		refuse(src->t, "a stage without a reboot before it, expected one after each");
	for (guint i = 0; i < G_N_ELEMENTS(settings); i++)
		if (settings[i] != NULL && !src->t->failed)
			need(src->t, setting_parse(over(src->t, settings[i]), kernel.settings));
	add_step(src, STEP_KERNEL)->kernel = kernel;
	src->t->heading_due = false;
}

static void write_ops(struct translator *t, GArray *modelled)
{
	guint stage = 0;

	for (guint i = 0; i < t->rec->ops->len; i++) {
		const struct recorded_op *op = &g_array_index(t->rec->ops, struct recorded_op, i);
		bool skipped = g_str_equal(op->rc, "skipped") || g_str_equal(op->rc, "badop");
		bool known = true;

		if (op->stage != stage) {
			g_hash_table_remove_all(t->open);
			stage = op->stage;
			write_kernel(&(struct source){ .t = t, .index = i, .op = op });
		}
		if (!skipped)
			known = write_op(t, i);
		else
			t->fails = false;
		g_array_append_val(modelled, known);
	}
}

/* Nothing is asked to fail after the last step, and all names are bound somewhere. */
static void check(struct translator *t)
{
	const GArray *steps = t->scn->steps;

	if (steps->len == 0)
		refuse(t, "no operation, expected a kernel that does something");
	else if (g_array_index(steps, struct step, steps->len - 1).kind == STEP_FAIL)
		refuse(t, "a failure of no operation, expected one after it");
	t->failed = t->failed || !names_check(t->lex.names, &t->lex);
}

static struct scenario *new_scenario(const struct recording *rec)
{
	/* A recording has the kernel's answers, not the judge's. */
	struct expectation any = { .kinds = EXPECT_ANY };
	struct scenario *scn = scenario_new(rec->name);

	scn->name = g_strdup(rec->name);
	scn->about = g_strdup_printf("Recorded on %s.", rec->row);
	scn->source = g_strdup("recording");
	scn->expect_line = rec->ops->len + 1;
	g_array_append_val(scn->expects, any);
	return scn;
}

struct translation *translate(const struct recording *rec, const guint *nth, GError **error)
{
	struct translation *t = g_new0(struct translation, 1);
	struct translator tr = {
		.rec = rec, .nth = nth, .kernel = 1, .heading_due = true,
		.scn = new_scenario(rec),
		.names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
		.taken = g_hash_table_new(g_str_hash, g_str_equal),
		.open = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
		.loops = g_array_new(FALSE, FALSE, sizeof(struct repeat)),
		.texts = g_ptr_array_new_with_free_func(g_free),
	};

	tr.lex = (struct lex){
		.file = rec->name, .loops = tr.loops, .names = names_new(),
		.handlers = tr.scn->handlers, .error = error,
	};
	t->scn = tr.scn;
	t->modelled = g_array_new(FALSE, FALSE, sizeof(bool));
	write_ops(&tr, t->modelled);
	check(&tr);
	names_free(tr.lex.names);
	g_ptr_array_unref(tr.texts);
	g_array_unref(tr.loops);
	g_hash_table_unref(tr.open);
	g_hash_table_unref(tr.taken);
	g_hash_table_unref(tr.names);
	if (tr.failed)
		g_clear_pointer(&t, translation_free);
	return t;
}

void translation_free(struct translation *t)
{
	scenario_free(t->scn);
	g_array_unref(t->modelled);
	g_free(t);
}
