/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A scenario's steps as the beginning of a world. Descriptors, sessions and tokens are called
 * as the search calls its own, and the world gets as many of each as the steps use.
 */
#include <stdlib.h>
#include <string.h>

#include "scn/fail.h"
#include "scn/print.h"
#include "explore/internal.h"

#define DEVICE	"/dev/liveupdate"

/* How many files there can be besides those that the world makes itself. */
#define MAX_FILES	(MAX_INODES * MAX_OPENS + MAX_OTHERS)

struct planner {
	struct world *world;
	const struct scenario *scn;
	const struct step *step;
	gint64 vars[MAX_LOOPS];
	guint process;			/* that does what follows */
	char *other;			/* name of the second one, or NULL */
	char *sent;			/* to the other: what the search calls it, or NULL */
	GHashTable *names[MAX_PROCESSES];	/* descriptors: name to that of the search */
	GPtrArray *sessions;		/* names */
	GArray *tokens;			/* of guint64 */
	bool files[MAX_PROCESSES][MAX_FILES];	/* which have a name now */
	guint kernel;
	bool dev;			/* the first process has it open */
	const struct fail *fail;	/* of the step that follows, or NULL */
	GError **error;
};

static bool refuse(struct planner *p, const char *format, ...) G_GNUC_PRINTF(2, 3);

static bool refuse(struct planner *p, const char *format, ...)
{
	g_autofree char *what = NULL;
	va_list args;

	va_start(args, format);
	what = g_strdup_vprintf(format, args);
	va_end(args);
	g_set_error(p->error, SCN_ERROR, 0, "%s:%u:%u: %s", p->scn->file, p->step->line,
		    p->step->column, what);
	return false;
}

/* ---- Names ---- */

static void rename_text(struct text *text, const char *name)
{
	g_free(text->bytes);
	text->bytes = g_strdup(name);
	text->len = strlen(name);
}

static bool name_session(struct planner *p, struct text *text)
{
	guint nr = 0;
	char letter[] = "a";

	while (nr < p->sessions->len && !g_str_equal(p->sessions->pdata[nr], text->bytes))
		nr++;
	if (nr == MAX_SESSIONS)
		return refuse(p, "a session more than a world has, expected %u names at most",
			      MAX_SESSIONS);
	if (nr == p->sessions->len)
		g_ptr_array_add(p->sessions, g_strdup(text->bytes));
	letter[0] += nr;
	rename_text(text, letter);
	return true;
}

static bool name_token(struct planner *p, struct value *value)
{
	guint nr = 0;

	while (nr < p->tokens->len &&
	       g_array_index(p->tokens, guint64, nr) != value->number)
		nr++;
	if (nr == MAX_TOKENS)
		return refuse(p, "a token more than a world has, expected %u at most", MAX_TOKENS);
	if (nr == p->tokens->len)
		g_array_append_val(p->tokens, value->number);
	value->number = nr + 1;
	return true;
}

/* One of a session by its name, which is one that a session can have. */
static bool is_session(const struct op *op)
{
	const struct text *name = &op->args[1].text;

	return g_strcmp0(op->info->args[1].name, "NAME") == 0 && name->len > 0 &&
	       name->len < LIVEUPDATE_SESSION_NAME_LENGTH && strlen(name->bytes) == name->len;
}

static bool is_sent(const struct op *op)
{
	return op->info->tries[0] != NULL && strstr(op->info->tries[0], "PEER") != NULL;
}

static bool rename_arg(struct planner *p, struct op *op, guint i)
{
	struct value *value = &op->args[i];
	const char *name;

	if (value->kind == VALUE_STRING && i == 1 && is_session(op))
		return name_session(p, &value->text);
	if (value->kind == VALUE_STRING && i == 1 && is_sent(op)) {
		rename_text(&value->text, process_name(!p->process));
		return true;
	}
	if (value->kind == VALUE_NUMBER && g_strcmp0(op->info->args[i].name, "TOKEN") == 0)
		return name_token(p, value);
	if (value->kind == VALUE_PIECES || op->info->args[i].kind == PARAM_MEMORY ||
	    op->info->args[i].kind == PARAM_FIELD || op->info->args[i].kind == PARAM_OBJECT ||
	    g_strcmp0(op->info->args[i].name, "PROCESS") == 0)
		return refuse(p, "%s() where a world begins, expected operations on sessions and "
			      "files", op->info->name);
	if (value->kind != VALUE_NAME)
		return true;
	name = g_hash_table_lookup(p->names[p->process], value->text.bytes);
	if (name == NULL)
		return refuse(p, "%s is of no descriptor that the world has", value->text.bytes);
	rename_text(&value->text, name);
	return true;
}

/* ---- What a step opens ---- */

/* The name that the scenario gives to what it opens, or NULL. */
static const char *opened_name(const struct op *op)
{
	for (guint i = 0; op->outcomes != NULL && i < op->outcomes->len; i++) {
		const struct value *v = &g_array_index(op->outcomes, struct outcome, i).value;

		if (v->kind == VALUE_NAME)
			return v->text.bytes;
	}
	return NULL;
}

/* Those that the world makes itself come before. */
static guint first_file(const struct planner *p)
{
	return p->world->inodes * p->world->opens + p->world->words.nr_others;
}

/* The name of a file of the world's that no name stands for. */
static char *free_file(struct planner *p)
{
	guint nr = 0;

	while (first_file(p) + nr < MAX_FILES && p->files[p->process][nr])
		nr++;
	if (first_file(p) + nr >= MAX_FILES)
		return NULL;
	p->files[p->process][nr] = true;
	p->world->begun_files = MAX(p->world->begun_files, nr + 1);
	return g_strdup_printf("f%u", first_file(p) + nr);
}

/* "s0" for what is called "OUTGOING" in the row of the operation, and so on. */
static char *search_name(struct planner *p, const struct op *op, const char **result)
{
	const char *row = op->info->tries[0];
	bool session = is_session(op);

	*result = NULL;
	if (session && strstr(row, "OUTGOING") != NULL)
		*result = "OUTGOING";
	else if (session && strstr(row, "INCOMING") != NULL)
		*result = "INCOMING";
	if (*result == NULL)
		return free_file(p);
	return g_strdup_printf("%c%u", **result == 'O' ? 's' : 'r',
			       op->args[1].text.bytes[0] - 'a');
}

static void drop_name(struct planner *p, const char *name)
{
	const char *file = g_hash_table_lookup(p->names[p->process], name);

	if (file != NULL && *file == 'f')
		p->files[p->process][atoi(file + 1) - first_file(p)] = false;
	g_hash_table_remove(p->names[p->process], name);
}

static void drop_names(struct planner *p, guint process)
{
	g_hash_table_remove_all(p->names[process]);
	memset(p->files[process], 0, sizeof(p->files[process]));
	p->dev = p->dev && process > 0;
}

static void add_name(struct planner *p, const char *name, const char *ours)
{
	g_hash_table_replace(p->names[p->process], g_strdup(name), g_strdup(ours));
}

static bool opens_device(const struct op *op)
{
	return op->info->result.kind == PARAM_NEW && op->info->args[0].kind == PARAM_STRING &&
	       op->args[0].kind == VALUE_STRING && g_str_equal(op->args[0].text.bytes, DEVICE);
}

/* ---- Steps ---- */

static void add_begin(struct planner *p, const struct op *op, const char *result)
{
	const struct print plain = { 0 };
	g_autoptr(GString) text = g_string_new(NULL);
	struct world_begin begin = { .process = p->process };

	print_call(text, &plain, op);
	if (result != NULL)
		g_string_append_printf(text, " = %s", result);
	begin.text = g_strdup(text->str);
	begin.sends = is_sent(op);
	if (p->fail != NULL)
		begin.fail = *p->fail;
	begin.fails = p->fail != NULL;
	p->fail = NULL;
	g_array_append_val(p->world->begin, begin);
}

/* @op is of the search's own names but for what it opens. */
static bool add_opened(struct planner *p, const struct op *op, const char *name)
{
	const char *result;
	g_autofree char *opened = search_name(p, op, &result);

	if (opened == NULL)
		return refuse(p, "a file more than a world has, expected %u at most", MAX_FILES);
	add_begin(p, op, result != NULL ? result : opened);
	if (name != NULL)
		add_name(p, name, opened);
	return true;
}

/* The other process gets what was sent at once; here it has a name. */
static bool add_received(struct planner *p, const char *name)
{
	if (p->sent == NULL || p->fail != NULL)
		return refuse(p, "recv_fd() where a world begins, expected it after the send_fd() "
			      "of the other process");
	if (name != NULL)
		add_name(p, name, p->sent);
	if (*p->sent == 'f')
		p->files[p->process][atoi(p->sent + 1) - first_file(p)] = true;
	g_clear_pointer(&p->sent, g_free);
	return true;
}

/* What follows from the operation, whose first argument was called @first. */
static void take_op(struct planner *p, const struct op *op, const char *first)
{
	if (op->info->closes)
		drop_name(p, first);
	if (op->info->ends)
		drop_names(p, p->process);
	if (is_sent(op)) {
		g_free(p->sent);
		p->sent = g_strdup(op->args[0].text.bytes);
	}
}

static bool add_op(struct planner *p, struct op *op)
{
	bool has_args = op_nr_args(op->info) > 0;
	g_autofree char *first = has_args ? g_strdup(op->args[0].text.bytes) : NULL;
	g_autofree char *opened = g_strdup(opened_name(op));

	if (opens_device(op) && !p->dev && p->process == 0 && p->fail == NULL) {
		p->dev = true;
		add_name(p, opened != NULL ? opened : "dev", "dev");
		return true;
	}
	if (g_str_equal(op->info->name, "recv_fd"))
		return add_received(p, opened);
	if (op->info->binds_fd && opened != NULL)
		return refuse(p, "%s() where a world begins, expected a call of its own name",
			      op->info->name);
	for (guint i = 0; i < op_nr_args(op->info); i++)
		if (!rename_arg(p, op, i))
			return false;
	if (op->info->result.kind == PARAM_NEW)
		return add_opened(p, op, opened);
	add_begin(p, op, NULL);
	take_op(p, op, first);
	return true;
}

/* The operation with loop variables put in. */
static bool add_step(struct planner *p)
{
	const struct print with_vars = { .vars = p->vars };
	g_autoptr(GString) text = g_string_new(NULL);
	g_autofree char *opened = g_strdup(opened_name(&p->step->op));
	struct op op = { 0 };
	bool ok;

	print_call(text, &with_vars, &p->step->op);
	if (opened != NULL)
		g_string_append_printf(text, " = %s", opened);
	world_parse_step(text->str, &op);
	ok = add_op(p, &op);
	op_clear(&op);
	return ok;
}

static bool add_kernel(struct planner *p)
{
	const struct kernel_heading *kernel = &p->step->kernel;

	if (kernel->number > MAX_KERNELS)
		return refuse(p, "kernel %u, expected %u at most where a world begins",
			      kernel->number, MAX_KERNELS);
	if (kernel->number > 1 && kernel->settings->len > 0)
		return refuse(p, "settings of another kernel where a world begins, expected none");
	for (guint i = 0; i < MAX_PROCESSES; i++)
		drop_names(p, i);
	p->process = 0;
	p->kernel = kernel->number;
	return true;
}

static bool enter(struct planner *p)
{
	const char *name = p->step->process;

	p->process = !g_str_equal(name, process_name(0));
	if (p->process == 0)
		return true;
	if (p->other == NULL)
		p->other = g_strdup(name);
	p->world->processes = MAX_PROCESSES;
	return g_str_equal(name, p->other) ||
	       refuse(p, "process %s where a world begins, expected one besides %s: %s", name,
		      process_name(0), p->other);
}

/* Go through the steps before line @world->from; with loops as often as they say. */
static bool add_steps(struct planner *p)
{
	const GArray *steps = p->scn->steps;

	for (guint pc = 0; pc < steps->len; pc++) {
		const struct repeat *repeat;
		bool ok = true;

		p->step = &g_array_index(steps, struct step, pc);
		if (p->step->line >= p->world->from && p->step->depth == 0)
			return true;
		switch (p->step->kind) {
		case STEP_KERNEL:
			ok = add_kernel(p);
			break;
		case STEP_OP:
			ok = add_step(p);
			break;
		case STEP_FAIL:
			p->fail = &p->step->fail;
			if (p->fail->any)
				ok = refuse(p, "fail any where a world begins, expected one step");
			break;
		case STEP_REPEAT:
			p->vars[p->step->repeat.var - 1] = p->step->repeat.from;
			break;
		case STEP_END:
			repeat = &g_array_index(steps, struct step, p->step->match).repeat;
			if (p->vars[repeat->var - 1]++ < repeat->to)
				pc = p->step->match;
			break;
		case STEP_PROCESS:
			ok = enter(p);
			break;
		default:
			ok = refuse(p, "a race where a world begins, expected single operations");
		}
		if (!ok)
			return false;
	}
	return true;
}

/* The world has as many as the steps use, at least. */
static bool make_room(struct planner *p)
{
	struct world *world = p->world;

	world->sessions = MAX(world->sessions, p->sessions->len);
	world->tokens = MAX(world->tokens, p->tokens->len);
	if (p->kernel <= world->kernels)
		return true;
	g_set_error(p->error, SCN_ERROR, 0, "%s: kernels %u, expected %u or more, as the world "
		    "begins in kernel %u", p->scn->file, world->kernels, p->kernel, p->kernel);
	return false;
}

static void begin_clear(gpointer data)
{
	struct world_begin *begin = data;

	g_free(begin->text);
	world_op_clear(&begin->op);
}

gboolean world_list_begin(struct world *world, GError **error)
{
	struct planner p = {
		.world = world, .scn = world->scn, .error = error,
		.sessions = g_ptr_array_new_with_free_func(g_free),
		.tokens = g_array_new(FALSE, FALSE, sizeof(guint64)),
	};
	bool ok = true;

	for (guint i = 0; i < MAX_PROCESSES; i++)
		p.names[i] = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	world->begin = g_array_new(FALSE, TRUE, sizeof(struct world_begin));
	g_array_set_clear_func(world->begin, begin_clear);
	world->begun_files = 0;
	if (world->scn != NULL)
		ok = add_steps(&p) && make_room(&p);
	for (guint i = 0; i < MAX_PROCESSES; i++)
		g_hash_table_unref(p.names[i]);
	g_free(p.other);
	g_free(p.sent);
	g_ptr_array_unref(p.sessions);
	g_array_unref(p.tokens);
	return ok;
}

void world_parse_begin(struct world *world)
{
	for (guint i = 0; i < world->begin->len; i++) {
		struct world_begin *begin = &g_array_index(world->begin, struct world_begin, i);

		begin->op.process = begin->process;
		begin->op.peer = begin->sends;
		world_op_parse(world, &begin->op, begin->text);
	}
}

/* ---- Doing them ---- */

static void do_one(const struct world *world, struct machine *m, struct place *place,
		   const struct world_begin *begin, GString *out)
{
	g_autoptr(GString) fail = g_string_new(NULL);
	guint process = begin->op.process;
	struct done done;

	world_enter(world, m, process);
	if (begin->fails)
		machine_fail(m, &begin->fail.failure);
	world_do(world, m, place, &begin->op, &done);
	machine_fail_clear(m);
	if (out != NULL) {
		if (process > 0)
			world_print_enter(out, process);
		if (begin->fails) {
			fail_print(fail, &begin->fail);
			world_print_step(out, WORLD_STEP, fail->str, "");
		}
		world_print_done(out, world, m, &begin->op, &done);
		if (process > 0)
			world_print_enter(out, 0);
	}
	world_enter(world, m, 0);
}

void world_begin(const struct world *world, struct machine *m, struct place *place, GString *out)
{
	for (guint i = 0; i < world->begin->len && !machine_panicked(m); i++)
		do_one(world, m, place, &g_array_index(world->begin, struct world_begin, i), out);
}
