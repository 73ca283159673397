/* SPDX-License-Identifier: GPL-2.0-only */
/* Turns a scenario into operations of luosim-recording(5): the inverse of replay/translate.c. */
#include <fcntl.h>
#include <string.h>

#include "emit/refuse.h"
#include "run/plan.h"
#include "scn/value.h"
#include "vm/program.h"

/* With rounds of loops counted; a machine is slow to print all their lines. */
#define MAX_OPS		20000
/* Bytes that are equal, from which on raw arguments say how many there are. */
#define MIN_ZEROES	4
#define RACE		"race"
/* Tasks of a race start so far apart at most, in binary digits of nanoseconds. */
#define MAX_DELAY	18

struct maker {
	struct program *program;
	const struct step *step;
	gint64 vars[MAX_LOOPS];
	GString *out;		/* the operation */
};

typedef const char *(*write_fn)(struct maker *m, const struct op *op);

/* ---- Words ---- */

static void put(struct maker *m, const char *word)
{
	g_string_append_printf(m->out, " %s", word);
}

static void put_text(struct maker *m, const struct text *text)
{
	g_string_append_c(m->out, ' ');
	text_expand(m->out, text, m->vars);
}

static gint64 number_of(const struct maker *m, const struct value *value)
{
	return value_number(value, m->vars);
}

/* Argument @i: a handle, a number, or "-" if it was left out. */
static void put_arg(struct maker *m, const struct op *op, guint i)
{
	const struct value *value = &op->args[i];

	if (value->kind == VALUE_NAME)
		put_text(m, &value->text);
	else if (value->kind != VALUE_NUMBER)
		put(m, "-");
	else if (op->info->args[i].max > G_MAXINT64)
		g_string_append_printf(m->out, " %" G_GUINT64_FORMAT,
				       (guint64)number_of(m, value));
	else
		g_string_append_printf(m->out, " %" G_GINT64_FORMAT, number_of(m, value));
}

static bool all_equal(const GString *bytes)
{
	for (gsize i = 1; i < bytes->len; i++)
		if (bytes->str[i] != bytes->str[0])
			return false;
	return bytes->len > 1;
}

static void put_string(struct maker *m, const struct value *value)
{
	g_autoptr(GString) bytes = g_string_new(NULL);
	bool repeated;

	text_expand(bytes, &value->text, m->vars);
	repeated = all_equal(bytes);
	g_string_append(m->out, " \"");
	for (gsize i = 0; i < (repeated ? 1 : bytes->len); i++) {
		guchar c = bytes->str[i];

		if (c == '"' || c == '\\')
			g_string_append_printf(m->out, "\\%c", c);
		else
			g_string_append_printf(m->out, c >= 0x20 && c < 0x7f ? "%c" : "\\x%02x", c);
	}
	g_string_append_c(m->out, '"');
	if (repeated)
		g_string_append_printf(m->out, "*%" G_GSIZE_FORMAT, bytes->len);
}

/* The name that the result gets under one of its outcomes; NULL: it has none. */
static const struct text *bound_of(const struct op *op)
{
	for (guint i = 0; op->outcomes != NULL && i < op->outcomes->len; i++) {
		const struct value *v = &g_array_index(op->outcomes, struct outcome, i).value;

		if (v->kind == VALUE_NAME || (v->kind == VALUE_NUMBER && v->text.bytes != NULL))
			return &v->text;
	}
	return NULL;
}

static void put_bound(struct maker *m, const struct op *op)
{
	const struct text *name = bound_of(op);

	if (name != NULL)
		put_text(m, name);
	else
		put(m, "_");
}

/* "MFD_ALLOW_SEALING|MFD_EXEC" as "sealing,exec"; what has no word is refused. */
static const char *put_flags(struct maker *m, const struct value *value, words_fn words,
			     const char *prefix)
{
	guint64 bits = value->kind == VALUE_NUMBER ? (guint64)number_of(m, value) : 0, bit;
	const char *between = " ", *name;

	if (bits == 0)
		put(m, "-");
	for (guint i = 0; (name = words(i, &bit)) != NULL; i++) {
		const char *word = name + (g_str_has_prefix(name, prefix) ? strlen(prefix) : 0);
		g_autofree char *low = g_ascii_strdown(word, -1);

		if (bit == 0 || (bits & bit) != bit)
			continue;
		g_string_append_printf(m->out, "%s%s", between,
				       g_str_equal(low, "allow_sealing") ? "sealing" : low);
		between = ",";
		bits &= ~bit;
	}
	return bits != 0 ? "flags that luosim has no word for" : NULL;
}

/* ---- Operations ---- */

static const char *write_open(struct maker *m, const struct op *op)
{
	gint64 flags = op->args[1].kind == VALUE_ABSENT ? O_RDWR : number_of(m, &op->args[1]);

	if (op->args[0].text.vars != NULL ||
	    !g_str_equal(op->args[0].text.bytes, "/dev/liveupdate") ||
	    (flags & ~O_CLOEXEC) != O_RDWR)
		return "open() of anything but /dev/liveupdate for reading and writing";
	g_string_append(m->out, "opendev");
	put_bound(m, op);
	if (flags & O_CLOEXEC)
		put(m, "cloexec");
	return NULL;
}

static const char *write_open_file(struct maker *m, const struct op *op)
{
	g_string_append(m->out, "file");
	put_bound(m, op);
	put(m, words_name(words_files, op->args[0].number));
	return NULL;
}

static const char *write_memfd(struct maker *m, const struct op *op)
{
	const char *bad;

	g_string_append(m->out, "memfd");
	put_bound(m, op);
	bad = put_flags(m, &op->args[2], words_memfd, "MFD_");
	put_arg(m, op, 1);
	return bad;
}

static const char *write_dup(struct maker *m, const struct op *op)
{
	g_string_append(m->out, "dup");
	put_bound(m, op);
	put_arg(m, op, 0);
	return NULL;
}

static const char *write_reopen(struct maker *m, const struct op *op)
{
	gint64 flags = op->args[1].kind == VALUE_ABSENT ? O_RDWR : number_of(m, &op->args[1]);

	g_string_append(m->out, flags == O_RDWR ? "reopen" : "reopen_ro");
	put_bound(m, op);
	put_arg(m, op, 0);
	return flags == O_RDWR || flags == O_RDONLY ? NULL : "reopen() with such flags";
}

static const char *write_session(struct maker *m, const struct op *op)
{
	g_string_append(m->out, g_str_equal(op->info->name, "create_session") ? "create" :
								       "retrieve_session");
	put_arg(m, op, 0);
	put_bound(m, op);
	put_string(m, &op->args[1]);
	return NULL;
}

static const char *write_preserve(struct maker *m, const struct op *op)
{
	g_string_append(m->out, op->args[1].kind == VALUE_NAME ? "preserve" : "preserve_rawfd");
	for (guint i = 0; i < 3; i++)
		put_arg(m, op, i);
	return NULL;
}

static const char *write_retrieve(struct maker *m, const struct op *op)
{
	g_string_append(m->out, "retrieve");
	put_arg(m, op, 0);
	put_bound(m, op);
	put_arg(m, op, 1);
	return NULL;
}

/* FD OFF "text" or FD OFF LEN, where OFF may be left out. */
static const char *write_at(struct maker *m, const struct op *op)
{
	g_string_append(m->out, op->info->name);
	put_arg(m, op, 0);
	put_arg(m, op, 1);
	if (op->args[2].kind == VALUE_STRING)
		put_string(m, &op->args[2]);
	else if (op->args[2].kind == VALUE_NUMBER && number_of(m, &op->args[2]) == -1)
		put(m, "-");
	else
		put_arg(m, op, 2);
	return NULL;
}

static const char *write_seal(struct maker *m, const struct op *op)
{
	g_string_append(m->out, "seal");
	put_arg(m, op, 0);
	return put_flags(m, &op->args[1], words_seals, "F_SEAL_");
}

static const char *write_setfl(struct maker *m, const struct op *op)
{
	g_string_append(m->out, "setfl");
	put_arg(m, op, 0);
	put(m, "append");
	return number_of(m, &op->args[1]) == O_APPEND ? NULL : "setfl() but of O_APPEND";
}

static const char *write_shmem_enabled(struct maker *m, const struct op *op)
{
	g_string_append(m->out, "shmem_enabled");
	put(m, words_name(words_huge, op->args[0].number));
	return NULL;
}

/* Hex digits, "zN." for zero bytes. */
static void put_hex(struct maker *m, const char *bytes, gsize len)
{
	gsize zeroes;

	for (gsize i = 0; i < len; i += MAX(zeroes, 1)) {
		for (zeroes = 0; i + zeroes < len && bytes[i + zeroes] == '\0';)
			zeroes++;
		zeroes = zeroes >= MIN_ZEROES ? zeroes : 0;
		if (zeroes > 0)
			g_string_append_printf(m->out, "z%" G_GSIZE_FORMAT ".", zeroes);
		else
			g_string_append_printf(m->out, "%02x", (guchar)bytes[i]);
	}
}

static void put_pieces(struct maker *m, const struct value *value)
{
	gsize start;

	g_string_append_c(m->out, ' ');
	start = m->out->len;
	for (guint i = 0; value->list != NULL && i < value->list->len; i++) {
		const struct piece *piece = &g_array_index(value->list, struct piece, i);
		g_autoptr(GString) bytes = g_string_new(NULL);
		guint64 number;

		if (piece->width > 0 && piece->value.kind == VALUE_NAME) {
			g_string_append_c(m->out, '{');
			text_expand(m->out, &piece->value.text, m->vars);
			g_string_append_c(m->out, '}');
			continue;
		}
		if (piece->width == 0) {
			text_expand(bytes, &piece->value.text, m->vars);
		} else {
			number = GUINT64_TO_LE((guint64)number_of(m, &piece->value));
			g_string_append_len(bytes, (char *)&number, piece->width);
		}
		put_hex(m, bytes->str, bytes->len);
	}
	if (m->out->len == start)
		g_string_append_c(m->out, '-');
}

static const char *write_ioctl(struct maker *m, const struct op *op)
{
	guint64 cmd = number_of(m, &op->args[1]);
	gint64 size = number_of(m, &op->args[2]);
	guint64 how = op->args[4].kind == VALUE_NUMBER ? op->args[4].number : 0;

	g_string_append(m->out, "rawioctl");
	put_arg(m, op, 0);
	g_string_append_printf(m->out, cmd < 0x100 && !(how & IOCTL_RAW) ? " %#x" : " raw:%#x",
			       (guint)cmd);
	if (size == -1)
		put(m, "null");
	else
		g_string_append_printf(m->out, " %s%" G_GINT64_FORMAT,
				       how & IOCTL_READ_ONLY ? "ro:" : "", size);
	put_pieces(m, &op->args[3]);
	if (bound_of(op) != NULL) {
		put(m, "->");
		put_bound(m, op);
	}
	return size == -1 && how & IOCTL_READ_ONLY ? "an argument that is both null and ro" : NULL;
}

/* All arguments as they are, those left out left out. */
static const char *write_plain(struct maker *m, const struct op *op, const char *name)
{
	g_string_append(m->out, name);
	for (guint i = 0; i < op_nr_args(op->info); i++)
		if (op->args[i].kind != VALUE_ABSENT)
			put_arg(m, op, i);
	return NULL;
}

static const struct {
	const char *op;
	const char *plain;	/* what it is called, if its arguments are the same */
	write_fn write;
} rows[] = {
	{ "open", NULL, write_open },
	{ "open_file", NULL, write_open_file },
	{ "memfd_create", NULL, write_memfd },
	{ "dup", NULL, write_dup },
	{ "reopen", NULL, write_reopen },
	{ "close", "close", NULL },
	{ "exit", "exit", NULL },
	{ "create_session", NULL, write_session },
	{ "retrieve_session", NULL, write_session },
	{ "preserve_fd", NULL, write_preserve },
	{ "retrieve_fd", NULL, write_retrieve },
	{ "finish", "finish", NULL },
	{ "get_name", "get_name", NULL },
	{ "ioctl", NULL, write_ioctl },
	{ "write", NULL, write_at },
	{ "read", NULL, write_at },
	{ "fill", "fill", NULL },
	{ "verify", "verify", NULL },
	{ "sum", NULL, write_at },
	{ "lseek", "seek", NULL },
	{ "ftruncate", "truncate", NULL },
	{ "fallocate", "fallocate", NULL },
	{ "punch", "punch", NULL },
	{ "fsync", "fsync", NULL },
	{ "add_seals", NULL, write_seal },
	{ "get_seals", "get_seals", NULL },
	{ "setfl", NULL, write_setfl },
	{ "fstat", "stat", NULL },
	{ "same", "same", NULL },
	{ "kexec", "kexec", NULL },
	{ "kexec_load", "load", NULL },
	{ "kexec_unload", "unload", NULL },
	{ "reboot", "kexec_loaded", NULL },
	{ "nofile", "nofile", NULL },
	{ "drop_caches", "drop_caches", NULL },
	{ "shmem_enabled", NULL, write_shmem_enabled },
};

/* "load" has no argument, though kexec_load() may. */
static const char *write_op(struct maker *m, const struct op *op)
{
	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		if (!g_str_equal(rows[i].op, op->info->name))
			continue;
		if (rows[i].write != NULL)
			return rows[i].write(m, op);
		if (op->info->args[0].words != words_images)
			return write_plain(m, op, rows[i].plain);
		g_string_append(m->out, rows[i].plain);
		return NULL;
	}
	return "an operation that is the model's";
}

/* ---- Steps ---- */

static void program_op_clear(gpointer ptr)
{
	struct program_op *op = ptr;

	g_free(op->vars);
	g_free(op->text);
}

static struct program *program_new(void)
{
	struct program *p = g_new0(struct program, 1);

	p->ops = g_array_new(FALSE, FALSE, sizeof(struct program_op));
	g_array_set_clear_func(p->ops, program_op_clear);
	return p;
}

void program_free(struct program *p)
{
	g_array_unref(p->ops);
	g_free(p->name);
	g_free(p->append);
	g_free(p);
}

static void add_op(struct program *p, guint stage, guint line, const char *text)
{
	struct program_op op = { .stage = stage, .line = line, .text = g_strdup(text) };

	g_array_append_val(p->ops, op);
}

/* What is set when a kernel has booted. */
static void add_set_up(struct program *p, guint stage)
{
	g_autofree char *pool = g_strdup_printf("sysctl vm/nr_hugepages %u", p->hugepages);

	if (p->panic_on_warn)
		add_op(p, stage, 0, "sysctl kernel/panic_on_warn 1");
	if (p->hugepages > 0)
		add_op(p, stage, 0, pool);
}

static bool refuse(GError **error, const struct scenario *scn, const struct step *step,
		   const char *what)
{
	g_set_error(error, SCN_ERROR, 0, "%s:%u:%u: %s, expected what a real kernel can be told",
		    scn->file, step->line, step->column, what);
	return false;
}

static bool add_step(struct maker *m, guint index, guint stage, GError **error)
{
	struct program *p = m->program;
	const struct step *step = &g_array_index(p->scn->steps, struct step, index);
	struct program_op *made;
	const char *bad = NULL;

	g_string_truncate(m->out, 0);
	if (step->kind == STEP_FAIL && step->depth > 0 && p->tasks > 0)
		bad = "a failure in a race";
	else if (step->kind == STEP_FAIL)
		g_string_printf(m->out, "fail_nth %u", step->fail.failure.nth);
	else
		bad = write_op(m, &step->op);
	if (bad == NULL && p->ops->len >= MAX_OPS)
		bad = "more operations than are told to a virtual machine";
	if (bad != NULL)
		return refuse(error, p->scn, step, bad);
	add_op(p, stage, step->line, m->out->str);
	made = &g_array_index(p->ops, struct program_op, p->ops->len - 1);
	made->step = index;
	made->vars = g_memdup2(m->vars, sizeof(m->vars));
	return true;
}

static bool add_steps(struct maker *m, GError **error)
{
	const GArray *steps = m->program->scn->steps;
	guint stage = 0;

	for (guint pc = 0; pc < steps->len; pc++) {
		const struct step *step = &g_array_index(steps, struct step, pc);
		const struct step *opened;
		const struct repeat *repeat;

		switch (step->kind) {
		case STEP_KERNEL:
			stage = step->kernel.number;
			add_set_up(m->program, stage);
			break;
		case STEP_REPEAT:
			m->vars[step->repeat.var - 1] = step->repeat.from;
			break;
		case STEP_END:
			opened = &g_array_index(steps, struct step, step->match);
			repeat = &opened->repeat;
			if (opened->kind == STEP_RACE)
				add_op(m->program, stage, 0, "end");
			else if (m->vars[repeat->var - 1] < repeat->to) {
				m->vars[repeat->var - 1]++;
				pc = step->match;
			}
			break;
		case STEP_RACE:
			m->program->tasks = step->race.nr_tasks;
			m->program->race = m->program->ops->len;
			add_op(m->program, stage, 0, RACE);
			break;
		case STEP_TASK:
			add_op(m->program, stage, 0, "task");
			break;
		case STEP_OP:
		case STEP_FAIL:
			if (!add_step(m, pc, stage, error))
				return false;
			break;
		case STEP_PROCESS:
			return refuse(error, m->program->scn, step, "a second process");
		}
	}
	return true;
}

/* What differs between the kernel at a heading and the first. */
static const char *kernels_differ(const struct boot *first, const struct boot *boot)
{
	if (!g_str_equal(first->release.name, boot->release.name))
		return "a kernel of another release";
	if (first->kho != boot->kho || first->liveupdate != boot->liveupdate)
		return "a kernel with other boot options";
	if (first->panic_on_warn != boot->panic_on_warn || first->hugepages != boot->hugepages)
		return "a kernel with other settings";
	return NULL;
}

/* A recording has the settings once, for all kernels. */
static bool take_settings(struct program *p, GError **error)
{
	guint64 mem;
	g_autoptr(GArray) plan = plan_kernels(p->scn, NULL, NULL, &mem);
	const struct boot *first = &g_array_index(plan, struct planned, 0).boot;
	guint heading = 0;

	for (guint i = 0; i < p->scn->steps->len; i++) {
		const struct step *step = &g_array_index(p->scn->steps, struct step, i);
		const char *bad;

		if (step->kind != STEP_KERNEL)
			continue;
		bad = kernels_differ(first, &g_array_index(plan, struct planned, heading++).boot);
		if (bad != NULL)
			return refuse(error, p->scn, step, bad);
	}
	p->panic_on_warn = first->panic_on_warn;
	p->hugepages = first->hugepages;
	p->append = boot_arguments(first);
	return true;
}

struct program *program_of(const struct scenario *scn, GError **error)
{
	struct program *p;
	struct maker m = { 0 };
	bool ok;

	if (!scenario_told(scn, TOLD_BY_VM, error))
		return NULL;
	p = program_new();
	p->name = g_strdup(scn->name);
	p->scn = scn;
	m = (struct maker){ .program = p, .out = g_string_new(NULL) };
	ok = take_settings(p, error) && add_steps(&m, error);
	g_string_free(m.out, TRUE);
	if (!ok)
		g_clear_pointer(&p, program_free);
	return p;
}

/* ---- Cases ---- */

/* "#! append ARG..." and the like; others are for whoever wrote the case. */
static void take_setting(struct program *p, const char *setting)
{
	if (g_str_has_prefix(setting, "panic_on_warn"))
		p->panic_on_warn = true;
	if (g_str_has_prefix(setting, "hugepages "))
		p->hugepages = g_ascii_strtoull(setting + strlen("hugepages "), NULL, 10);
	if (g_str_has_prefix(setting, "append ")) {
		g_autofree char *was = p->append;

		p->append = g_strconcat(was, " ", setting + strlen("append "), NULL);
	}
}

struct program *program_load_case(const char *path, GError **error)
{
	g_autofree char *text = NULL, *base = g_path_get_basename(path);
	g_auto(GStrv) lines = NULL;
	struct program *p;

	if (!g_file_get_contents(path, &text, NULL, error))
		return NULL;
	p = program_new();
	p->name = g_strndup(base, strcspn(base, "."));
	p->append = g_strdup("kho=on liveupdate=on");
	p->hugepages = strstr(text, "hugetlb") != NULL ? 4 : 0;
	lines = g_strsplit(text, "\n", -1);
	for (guint i = 0; lines[i] != NULL; i++)
		if (g_str_has_prefix(lines[i], "#! "))
			take_setting(p, lines[i] + 3);
	add_set_up(p, 0);
	for (guint i = 0; lines[i] != NULL; i++) {
		const char *line = g_strstrip(lines[i]);

		if (*line == '\0' || *line == '#')
			continue;
		add_op(p, 0, i + 1, line);
		if (g_str_has_prefix(line, "kexec"))
			add_set_up(p, 0);
	}
	return p;
}

char *program_case(const struct program *p)
{
	GString *out = g_string_new(NULL);

	g_string_append_printf(out, "#! append %s\n%s", p->append,
			       p->panic_on_warn ? "#! panic_on_warn\n" : "");
	if (p->hugepages > 0)
		g_string_append_printf(out, "#! hugepages %u\n", p->hugepages);
	for (guint i = 0; i < p->ops->len; i++) {
		const struct program_op *op = &g_array_index(p->ops, struct program_op, i);

		if (op->line > 0)
			g_string_append_printf(out, "%s\n", op->text);
	}
	return g_string_free(out, FALSE);
}

/* SplitMix64 */
static guint64 mixed(guint64 z)
{
	z *= 0x9e3779b97f4a7c15ull;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* When tasks start: the first round at once, the others with delays of all magnitudes. */
static void put_delays(GString *out, const struct program *p)
{
	for (guint i = 0; i < p->tasks; i++) {
		guint64 random = mixed(p->round * p->tasks + i);
		guint digits = random % (MAX_DELAY + 1);

		g_string_append_printf(out, " %u", p->round == 0 ? 0u :
				       (guint)(random >> 8 & ((1u << digits) - 1)));
	}
}

void program_text(GString *out, const struct program *p)
{
	for (guint i = 0; i < p->ops->len; i++) {
		const struct program_op *op = &g_array_index(p->ops, struct program_op, i);

		g_string_append_printf(out, "%u %u %s", op->stage, op->line, op->text);
		if (g_str_equal(op->text, RACE))
			put_delays(out, p);
		g_string_append_c(out, '\n');
	}
}

/* Does an operation begin with it? */
static bool has_op(const struct program *p, const char *word)
{
	for (guint i = 0; i < p->ops->len; i++)
		if (g_str_has_prefix(g_array_index(p->ops, struct program_op, i).text, word))
			return true;
	return false;
}

static bool has_huge_memfd(const struct program *p)
{
	for (guint i = 0; i < p->ops->len; i++) {
		const char *text = g_array_index(p->ops, struct program_op, i).text;

		if (g_str_has_prefix(text, "memfd ") && strstr(text, "huge") != NULL)
			return true;
	}
	return false;
}

bool program_shares(const struct program *p)
{
	static const char *const words[] = {
		"kexec", "load", "unload", "exit", "fail_nth", "nofile", "shmem_enabled",
	};

	for (guint i = 0; i < G_N_ELEMENTS(words); i++)
		if (has_op(p, words[i]))
			return false;
	return !p->panic_on_warn && p->hugepages == 0 && !has_huge_memfd(p);
}
