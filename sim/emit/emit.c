/* SPDX-License-Identifier: GPL-2.0-only */
/* A scenario as a C program: a function for each kernel, with what they need around them. */
#include <string.h>

#include "emit/chunk.h"
#include "emit/emit.h"
#include "emit/refuse.h"
#include "emit/say.h"
#include "report/version.h"
#include "run/plan.h"
#include "scn/print.h"
#include "scn/select.h"
#include "scn/setting.h"
#include "scn/tree.h"

struct emitter {
	struct saying_state s;
	enum frame frame;
	struct print print;
	GHashTable *used;	/* set of char *: names that are arguments in this kernel */
	GPtrArray *names;	/* those, in the order in which they come */
	GHashTable *ops;	/* set of op_info *: operations that there are */
	GString *out;		/* the function at hand */
	guint depth;
};

static void line(struct emitter *e, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void line(struct emitter *e, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	say_line(e->out, e->depth, text);
}

static char *literal(const char *text)
{
	GString *out = g_string_new(NULL);

	say_literal(out, text, strlen(text));
	return g_string_free(out, FALSE);
}

static char *name_of(struct emitter *e, const struct text *name)
{
	GString *out = g_string_new(NULL);

	say_name(out, &e->s, name);
	return g_string_free(out, FALSE);
}

/* ---- What a step must return ---- */

/* Rows on which @op has to return the same: what, and which they are. */
struct want {
	char *text;
	rows_t rows;
};

static void want_clear(gpointer data)
{
	g_free(((struct want *)data)->text);
}

static GArray *wants_of(struct emitter *e, const struct op *op)
{
	GArray *wants = g_array_new(FALSE, TRUE, sizeof(struct want));
	size_t nr;
	const struct release *table = release_table(&nr);

	g_array_set_clear_func(wants, want_clear);
	for (gsize row = 0; e->s.among >> row != 0; row++) {
		g_autoptr(GString) text = g_string_new(NULL);
		struct want want = { .rows = (rows_t)1 << row };
		guint i = outcome_on(op->outcomes, &table[row]);

		if (!(e->s.among >> row & 1))
			continue;
		say_result(text, &e->s, op->info,
			   &g_array_index(op->outcomes, struct outcome, i).value);
		i = 0;
		while (i < wants->len &&
		       strcmp(g_array_index(wants, struct want, i).text, text->str) != 0)
			i++;
		if (i < wants->len) {
			g_array_index(wants, struct want, i).rows |= want.rows;
			continue;
		}
		want.text = g_strdup(text->str);
		g_array_append_val(wants, want);
	}
	return wants;
}

/* "since(7, 1, 0) ? -EBUSY : 0" */
static char *want_of(struct emitter *e, const struct op *op)
{
	g_autoptr(GArray) wants = wants_of(e, op);
	g_autoptr(GString) out = g_string_new(NULL);

	for (guint i = wants->len; i-- > 0;) {
		const struct want *want = &g_array_index(wants, struct want, i);
		g_autofree char *when = rows_condition(want->rows, e->s.among);

		if (i > 0)
			g_string_append_printf(out, "%s ? ", when);
		g_string_append(out, want->text);
		if (i > 0)
			g_string_append(out, " : ");
		e->s.needs |= i > 0 ? NEED(SINCE) : 0;
	}
	return g_strdup(out->str);
}

/* ---- Names ---- */

static bool is_name(const struct value *value)
{
	return value->text.bytes != NULL && value->kind != VALUE_STRING;
}

static void use_name(struct emitter *e, const struct value *value)
{
	if (value->kind == VALUE_NAME && g_hash_table_add(e->used, value->text.bytes))
		g_ptr_array_add(e->names, value->text.bytes);
}

static void use_names(struct emitter *e, const struct op *op)
{
	for (guint i = 0; i < op_nr_args(op->info); i++) {
		use_name(e, &op->args[i]);
		for (guint p = 0; op->args[i].kind == VALUE_PIECES && p < op->args[i].list->len;
		     p++)
			use_name(e, &g_array_index(op->args[i].list, struct piece, p).value);
	}
}

/* What @op gives a name to, of those that are used; NULL: nothing. */
static const struct text *bound_name(struct emitter *e, const struct op *op, guint outcome)
{
	const struct value *v = &g_array_index(op->outcomes, struct outcome, outcome).value;

	return is_name(v) && (e->s.made || g_hash_table_contains(e->used, v->text.bytes)) ?
		&v->text : NULL;
}

/* Does an outcome before @outcome give the same name? */
static bool bound_before(struct emitter *e, const struct op *op, guint outcome)
{
	const char *name = bound_name(e, op, outcome)->bytes;

	for (guint i = 0; i < outcome; i++) {
		const struct text *other = bound_name(e, op, i);

		if (other != NULL && g_str_equal(other->bytes, name))
			return true;
	}
	return false;
}

/* "fd_a = ", before a descriptor that a call gives; several names, if they differ by release. */
static void bind(struct emitter *e, const struct op *op, const char *value)
{
	g_autoptr(GString) all = g_string_new(NULL);

	for (guint i = 0; i < op->outcomes->len; i++) {
		const struct text *name = bound_name(e, op, i);
		g_autofree char *variable = name != NULL ? name_of(e, name) : NULL;

		if (name != NULL && !bound_before(e, op, i))
			g_string_append_printf(all, "%s = ", variable);
	}
	line(e, "%s%s;", all->str, value);
}

/* ---- Steps ---- */

static void append_ioctl_args(struct emitter *e, GString *out, const struct op *op)
{
	guint64 how = op->args[4].number, cmd = op->args[1].number;
	const char *word = words_name(words_ioctl, cmd);

	if (g_strcmp0(word, "LIVEUPDATE_SESSION_GET_NAME") == 0)
		e->s.needs |= NEED(UAPI_NAME);
	say_arg(out, &e->s, &op->info->args[0], &op->args[0]);
	if (word != NULL)
		g_string_append_printf(out, ", %s, ", word);
	else if (cmd < 0x100 && !(how & IOCTL_RAW))
		g_string_append_printf(out, ", _IO(LIVEUPDATE_IOCTL_TYPE, %#x), ", (guint)cmd);
	else
		g_string_append_printf(out, ", %#x, ", (guint)cmd);
	say_arg(out, &e->s, &op->info->args[2], &op->args[2]);
	g_string_append(out, ", ");
	if (op->args[3].kind == VALUE_ABSENT)
		g_string_append(out, saying_of(op->info)->defaults[3]);
	else
		say_arg(out, &e->s, &op->info->args[3], &op->args[3]);
	g_string_append(out, how & IOCTL_READ_ONLY ? ", true" : ", false");
}

static void append_args(struct emitter *e, GString *out, const struct op *op)
{
	const char *const *defaults = saying_of(op->info)->defaults;

	for (guint i = 0; i < op_nr_args(op->info); i++) {
		gsize start;

		if (i > 0)
			g_string_append(out, ", ");
		start = out->len;
		if (op->args[i].kind == VALUE_ABSENT)
			g_string_append(out, defaults[i]);
		else
			say_arg(out, &e->s, &op->info->args[i], &op->args[i]);
		/* A name that stands for none afterwards. */
		if (i == 0 && op->info->closes && out->str[start] == '*')
			g_string_erase(out, start, 1);
		else if (i == 0 && op->info->closes)
			g_string_insert_c(out, start, '&');
	}
}

/* "do_read(fd_mem, 0, 4)" */
static char *call_of(struct emitter *e, const struct op *op, guint kernel, const char *want)
{
	GString *out = g_string_new(NULL);

	g_string_append_printf(out, "do_%s(", op->info->name);
	if (op->info->binds_fd)
		append_ioctl_args(e, out, op);
	else if (op->info->reboots)
		g_string_append_printf(out, "%s, %u", want, kernel + 1);
	else
		append_args(e, out, op);
	g_string_append_c(out, ')');
	return g_string_free(out, FALSE);
}

static bool is_judged(const struct op *op)
{
	return op->outcomes != NULL || op->info->reboots;
}

static void judge_call(struct emitter *e, const struct op *op, const char *call, const char *want)
{
	g_autofree char *value = NULL;
	enum param_kind kind = op->info->result.kind;
	const char *how = kind == PARAM_FIELDS ? "expect_fields" :
			  kind == PARAM_STRING ? "expect_bytes" :
			  kind == PARAM_NEW ? "expect_fd" : "expect";

	e->s.needs |= kind == PARAM_FIELDS ? NEED(EXPECT_FIELDS) :
		      kind == PARAM_STRING ? NEED(EXPECT_BYTES) :
		      kind == PARAM_NEW ? NEED(EXPECT_FD) : NEED(EXPECT);
	if (op->info->binds_fd && op->outcomes != NULL && bound_name(e, op, 0) != NULL)
		value = g_strdup_printf("%s(%s, %s) ? -1 : ioctl_fd", how, call, want);
	else
		value = g_strdup_printf("%s(%s, %s)", how, call, want);
	if (op->outcomes != NULL)
		bind(e, op, value);
	else
		line(e, "%s;", value);
}

#define MAX_TEXT	76	/* with quotes, after "\tstep(1234, " */

/* The call as the scenario has it, as a string that fits a line. */
static char *text_of(struct emitter *e, const struct op *op)
{
	g_autoptr(GString) text = g_string_new(NULL);
	char *said;

	e->print.shorten = 32;
	print_call(text, &e->print, op);
	said = literal(text->str);
	while (strlen(said) > MAX_TEXT) {
		g_free(said);
		g_string_truncate(text, text->len - strlen("...") - 1);
		g_string_append(text, "...");
		said = literal(text->str);
	}
	return said;
}

static void emit_op(struct emitter *e, const struct step *step, guint kernel)
{
	const struct op *op = &step->op;
	g_autofree char *text = text_of(e, op), *want = NULL, *call = NULL;

	g_hash_table_add(e->ops, (gpointer)op->info);
	e->s.needs |= saying_of(op->info)->needs | NEED(STEP);
	want = op->outcomes != NULL ? want_of(e, op) : g_strdup("0");
	call = call_of(e, op, kernel, want);
	if (step[-1].kind != STEP_REPEAT)	/* a kernel's heading is before all its steps */
		g_string_append_c(e->out, '\n');
	line(e, "step(%u, %s);", step->line, text);
	if (is_judged(op))
		judge_call(e, op, call, want);
	else
		line(e, "%s;", call);
	if (strcmp(op->info->name, "exit") != 0)
		return;
	for (guint i = 0; !e->s.made && i < e->names->len; i++)
		line(e, "fd_%s = -1;", (char *)e->names->pdata[i]);
	if (e->s.made)
		line(e, "for (struct named *n = named; n; n = n->next)");
	if (e->s.made)
		line(e, "\tn->fd = -1;");
}

static void emit_repeat(struct emitter *e, const struct step *step)
{
	const struct repeat *r = &step->repeat;
	char var = 'i' + r->var - 1;

	g_string_append_c(e->out, '\n');
	if (step->depth == 0)
		line(e, "repeating = true;");
	line(e, "for (long long %c = %" G_GINT64_FORMAT "; %c <= %" G_GINT64_FORMAT "; %c++) {",
	     var, r->from, var, r->to, var);
	e->print.names[r->var - 1] = r->name;
	e->depth++;
}

/* The rounds of a loop are over: the results of its steps. */
static void emit_end(struct emitter *e, const struct scenario *scn, guint at)
{
	const struct step *end = &g_array_index(scn->steps, struct step, at);

	e->depth--;
	line(e, "}");
	if (end->depth > 0)
		return;
	line(e, "repeating = false;");
	for (guint i = end->match; i < at; i++) {
		const struct step *step = &g_array_index(scn->steps, struct step, i);
		g_autofree char *text = step->kind == STEP_OP && is_judged(&step->op) ?
			text_of(e, &step->op) : NULL;

		e->s.needs |= text != NULL ? NEED(ROUNDS) : 0;
		if (text != NULL)
			line(e, "judge_rounds(%u, %s);", step->line, text);
	}
}

/* ---- Kernels ---- */

static guint count_judged(const struct scenario *scn, guint from, guint to)
{
	guint nr = 0;

	for (guint i = from; i < to; i++) {
		const struct step *step = &g_array_index(scn->steps, struct step, i);

		nr += step->kind == STEP_OP && is_judged(&step->op);
	}
	return nr;
}

static void declare_names(struct emitter *e, const struct scenario *scn, guint from, guint to)
{
	g_autoptr(GString) all = g_string_new("int ");

	g_hash_table_remove_all(e->used);
	g_ptr_array_set_size(e->names, 0);
	for (guint i = from; i < to; i++) {
		const struct step *step = &g_array_index(scn->steps, struct step, i);

		if (step->kind == STEP_OP)
			use_names(e, &step->op);
	}
	if (e->s.made || e->names->len == 0)
		return;
	for (guint i = 0; i < e->names->len; i++)
		g_string_append_printf(all, "%sfd_%s = -1", i > 0 ? ", " : "",
				       (char *)e->names->pdata[i]);
	line(e, "%s;", all->str);
	g_string_append_c(e->out, '\n');
}

static void set_up(struct emitter *e, const struct boot *boot)
{
	if (boot->panic_on_warn)
		line(e, "write_file(\"/proc/sys/kernel/panic_on_warn\", \"1\");");
	if (boot->hugepages > 0)
		line(e, "write_file(\"/proc/sys/vm/nr_hugepages\", \"%u\");", boot->hugepages);
	e->s.needs |= boot->panic_on_warn || boot->hugepages > 0 ? NEED(WRITE_FILE) : 0;
}

/* The steps @from up to @to, which are those of one kernel. */
static void emit_kernel(struct emitter *e, const struct scenario *scn, guint from, guint to,
			const struct boot *boot)
{
	const struct kernel_heading *k = &g_array_index(scn->steps, struct step, from).kernel;
	g_autofree char *claimed = NULL;

	if (k->number == 1)
		e->s.among = rows_claimed(scn);
	else if (k->release != NULL)
		e->s.among = rows_of(k->release);
	claimed = rows_bounded(e->s.among);
	e->s.needs |= NEED(SINCE);
	line(e, "static void kernel_%u(void)", k->number);
	line(e, "{");
	e->depth = 1;
	declare_names(e, scn, from, to);
	line(e, "if (!(%s))", claimed);
	line(e, "\tksft_exit_skip(\"the scenario claims nothing of this release\\n\");");
	line(e, "ksft_set_plan(%u);", count_judged(scn, from, to));
	set_up(e, boot);
	for (guint i = from + 1; i < to; i++) {
		const struct step *step = &g_array_index(scn->steps, struct step, i);

		if (step->kind == STEP_OP)
			emit_op(e, step, k->number);
		else if (step->kind == STEP_REPEAT)
			emit_repeat(e, step);
		else if (step->kind == STEP_END)
			emit_end(e, scn, i);
	}
	e->depth = 0;
	line(e, "}");
	g_string_append_c(e->out, '\n');
}

/* All kernels; their numbers are appended to @numbers. */
static void emit_kernels(struct emitter *e, const struct scenario *scn, GArray *numbers)
{
	guint64 mem;
	g_autoptr(GArray) plan = plan_kernels(scn, NULL, NULL, &mem);
	guint from = 0;

	for (guint i = 1; i <= scn->steps->len; i++) {
		const struct step *first = &g_array_index(scn->steps, struct step, from);

		if (i < scn->steps->len &&
		    g_array_index(scn->steps, struct step, i).kind != STEP_KERNEL)
			continue;
		emit_kernel(e, scn, from, i,
			    &g_array_index(plan, struct planned, numbers->len).boot);
		g_array_append_val(numbers, first->kernel.number);
		from = i;
	}
}

static void emit_main(struct emitter *e, const GArray *numbers)
{
	line(e, "int main(int argc, char *argv[])");
	line(e, "{");
	e->depth = 1;
	if (e->frame == FRAME_C)
		line(e, "become_init();");
	line(e, "ksft_print_header();");
	if (e->s.needs & NEED(SUPERVISE))
		line(e, "supervise();");
	line(e, "find_stage();");
	if (e->frame == FRAME_KSELFTEST) {
		line(e, "if (argc == 3 && !strcmp(argv[1], \"-s\") && !has_live_update())");
		line(e, "\tstage = atoi(argv[2]);");
		line(e, "if (argc == 3 && !strcmp(argv[1], \"-s\") && atoi(argv[2]) != stage)");
		line(e, "\tksft_exit_fail_msg(\"this is stage %%d, not %%s\\n\", stage, argv[2]);");
	} else {
		line(e, "if (argc > 1)");
		line(e, "\tksft_exit_fail_msg(\"%%s: no argument is expected\\n\", argv[0]);");
	}
	for (guint i = 0; i < numbers->len; i++) {
		guint number = g_array_index(numbers, guint, i);

		line(e, "%sif (stage == %u)", i > 0 ? "else " : "", number);
		line(e, "\tkernel_%u();", number);
	}
	line(e, "else");
	line(e, "\tksft_exit_fail_msg(\"the scenario has no kernel %%d\\n\", stage);");
	line(e, "ksft_finished();");
	line(e, "return 0;");
	e->depth = 0;
	line(e, "}");
}

/* ---- The file ---- */

#define COMMENT_COLUMNS	97	/* after " * " */

/* Text as lines of a comment, which it does not end, wrapped where they are too long. */
static void comment(GString *out, const char *text)
{
	g_auto(GStrv) parts = g_strsplit(text, "*/", -1);
	g_autofree char *plain = g_strjoinv("* /", parts);
	const char *at = plain;

	do {
		int len = strcspn(at, "\n"), cut = len;

		while (cut > COMMENT_COLUMNS || (cut < len && cut > 0 && at[cut] != ' '))
			cut--;
		len = cut > 0 ? cut : len;
		g_string_append_printf(out, " *%s%.*s\n", strchr("\t\n", *at) != NULL ? "" : " ",
				       len, at);
		at += len;
	} while (*at++ != '\0');
}

static void head_kernels(GString *out, const struct scenario *scn)
{
	for (guint i = 0; i < scn->steps->len; i++) {
		const struct step *step = &g_array_index(scn->steps, struct step, i);
		g_autoptr(GString) text = g_string_new(NULL);

		if (step->kind != STEP_KERNEL)
			continue;
		g_string_printf(text, "kernel %u", step->kernel.number);
		if (step->kernel.release != NULL)
			g_string_append_printf(text, " %s", release_label(step->kernel.release));
		settings_print(text, step->kernel.settings);
		comment(out, text->str);
	}
}

static const char how_c[] =
	"Run it as root on a kernel that was booted with %s, and again\n"
	"after each kexec, which boots $KERNEL with $INITRAMFS:\n"
	"\n"
	"\tcc -O2 -Wall -o test THIS.c\n"
	"\tKERNEL=/boot/bzImage INITRAMFS=/boot/initramfs ./test\n"
	"\n"
	"As init it goes on by itself in every kernel. Results are KTAP, a plan a kernel.";

static const char how_kselftest[] =
	"For tools/testing/selftests/liveupdate, in TEST_GEN_PROGS_EXTENDED: run it, then\n"
	"do_kexec.sh, and it again, on a kernel that was booted with %s.\n"
	"-s N says which stage, that is kernel, is expected. Results are KTAP.";

static void head(GString *out, const struct scenario *scn, enum frame frame)
{
	g_autoptr(GString) expects = g_string_new(NULL), how = g_string_new(NULL);
	guint64 mem;
	g_autoptr(GArray) plan = plan_kernels(scn, NULL, NULL, &mem);
	g_autofree char *arguments = boot_arguments(&g_array_index(plan, struct planned, 0).boot);
	g_autofree char *made = NULL;

	g_string_append(out, "// SPDX-License-Identifier: GPL-2.0-only\n/*\n");
	comment(out, scn->name);
	comment(out, "");
	if (scn->about != NULL)
		comment(out, scn->about);
	comment(out, "");
	made = g_strdup_printf("Made by luosim %s of %s, SHA-256 %s, source:", luosim_version,
			       scn->path, scn->digest ?: "unknown");
	comment(out, made);
	comment(out, scn->source ?: "none");
	head_kernels(out, scn);
	print_expects(expects, "expect", scn->expects);
	comment(out, g_strchomp(expects->str));
	comment(out, "");
	g_string_printf(how, frame == FRAME_C ? how_c : how_kselftest, arguments);
	comment(out, how->str);
	g_string_append(out, " */\n");
}

/* A frame's own part of a section. */
static bool own_section(GString *out, enum frame frame, const char *name)
{
	g_autofree char *own = g_strdup_printf("%s_%s", frame == FRAME_C ? "c" : "kselftest", name);

	return section_append(out, own);
}

static void emit_needed(struct emitter *e, GString *out)
{
	guint32 needs = chunk_needs(e->s.needs | NEED(STAGE));

	section_append(out, "includes");
	if (e->frame == FRAME_KSELFTEST)
		section_append(out, "kselftest");
	g_string_append_printf(out, "#define MAX_LINE %u\n\n", g_array_index(
		e->s.scn->steps, struct step, e->s.scn->steps->len - 1).line);
	for (guint i = 0; i < NR_CHUNKS; i++) {
		/* What the frame has of its own stands on the ioctls. */
		if (i == CHUNK_RESULT && e->frame == FRAME_C)
			section_append(out, "c");
		if (!(needs >> i & 1))
			continue;
		own_section(out, e->frame, chunk_name(i));
		section_append(out, chunk_name(i));
	}
}

static void emit_ops(struct emitter *e, GString *out)
{
	for (const struct op_info *info = op_table(); info->name != NULL; info++) {
		g_autofree char *name = g_strconcat("do_", info->name, NULL);

		if (!g_hash_table_contains(e->ops, info) ||
		    strcmp(name, chunk_name(CHUNK_REBOOT)) == 0)
			continue;
		if (!own_section(out, e->frame, name))
			section_append(out, name);
	}
}

static bool makes_names(const struct scenario *scn)
{
	for (guint i = 0; i < scn->steps->len; i++) {
		const struct op *op = &g_array_index(scn->steps, struct step, i).op;

		if (g_array_index(scn->steps, struct step, i).kind != STEP_OP)
			continue;
		for (guint o = 0; op->outcomes != NULL && o < op->outcomes->len; o++) {
			const struct value *v = &g_array_index(op->outcomes, struct outcome,
							       o).value;

			if (is_name(v) && v->text.vars != NULL)
				return true;
		}
	}
	return false;
}

char *emit(const struct scenario *scn, enum frame frame, GError **error)
{
	g_autoptr(GHashTable) used = g_hash_table_new(g_str_hash, g_str_equal);
	g_autoptr(GHashTable) ops = g_hash_table_new(NULL, NULL);
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	g_autoptr(GArray) numbers = g_array_new(FALSE, TRUE, sizeof(guint));
	g_autoptr(GString) kernels = g_string_new(NULL), out = g_string_new(NULL);
	struct emitter e = {
		.s = { .scn = scn, .made = makes_names(scn) },
		.frame = frame, .used = used, .names = names, .ops = ops, .out = kernels,
	};

	if (!scenario_told(scn, TOLD_BY_PROGRAM, error))
		return NULL;
	emit_kernels(&e, scn, numbers);
	emit_main(&e, numbers);
	head(out, scn, frame);
	emit_needed(&e, out);
	emit_ops(&e, out);
	g_string_append(out, kernels->str);
	return g_strdup(out->str);
}
