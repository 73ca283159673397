/* SPDX-License-Identifier: GPL-2.0-only */
/* One call of a scenario: its arguments, what it returns, and whether that is right. */
#include <string.h>

#include "scn/crash.h"
#include "scn/fail.h"
#include "run/outcome.h"
#include "run/run-state.h"
#include "scn/select.h"
#include "scn/value.h"

/* ---- Names ---- */

static const char *name_key(struct run *r, const char *process, const struct text *name)
{
	g_string_assign(r->key, process);
	g_string_append_c(r->key, '/');
	text_expand(r->key, name, r->vars);
	return r->key->str;
}

static gint32 *name_place(struct run *r, const char *process, const struct text *name)
{
	const char *key = name_key(r, process, name);
	gpointer place;
	gint32 none = -1;

	if (!g_hash_table_lookup_extended(r->names, key, NULL, &place)) {
		place = GUINT_TO_POINTER(r->fds->len);
		g_hash_table_insert(r->names, g_strdup(key), place);
		g_array_append_val(r->fds, none);
	}
	return &g_array_index(r->fds, gint32, GPOINTER_TO_UINT(place));
}

static gint64 name_fd(struct run *r, const struct caller *c, const struct text *name)
{
	return *name_place(r, c->process, name);
}

static void name_bind(struct run *r, const struct caller *c, const struct text *name, gint64 fd)
{
	*name_place(r, c->process, name) = fd;
}

/*
 * The names of @process, or all, stand for no descriptor from here on. Those of memory
 * stay, as its address does.
 */
static void names_drop(struct run *r, const char *process)
{
	GHashTableIter iter;
	gpointer key, place;

	g_hash_table_iter_init(&iter, r->names);
	while (g_hash_table_iter_next(&iter, &key, &place)) {
		gsize len = strcspn(key, "/");

		if (g_array_index(r->fds, gint32, GPOINTER_TO_UINT(place)) >= MODULE_MEM_FIRST)
			continue;
		if (process == NULL || (strlen(process) == len && strncmp(key, process, len) == 0))
			g_array_index(r->fds, gint32, GPOINTER_TO_UINT(place)) = -1;
	}
}

/* Is @value the name of a descriptor, given or bound? */
static bool is_name(const struct value *value)
{
	return value->text.bytes != NULL && value->kind != VALUE_STRING;
}

void names_reserve(struct run *r, const char *process, const struct op *op)
{
	for (guint i = 0; op->outcomes != NULL && i < op->outcomes->len; i++) {
		const struct value *v = &g_array_index(op->outcomes, struct outcome, i).value;

		if (is_name(v))
			name_place(r, process, &v->text);
	}
	for (guint i = 0; i < op_nr_args(op->info); i++)
		if (op->args[i].kind == VALUE_NAME)
			name_place(r, process, &op->args[i].text);
}

/* ---- Arguments ---- */

static gint64 number_of(struct run *r, const struct caller *c, const struct value *value)
{
	return value->kind == VALUE_NAME ? name_fd(r, c, &value->text) :
					   value_number(value, r->vars);
}

static void put_pieces(struct run *r, const struct caller *c, GString *out,
		       const GArray *pieces)
{
	for (guint i = 0; i < pieces->len; i++) {
		const struct piece *piece = &g_array_index(pieces, struct piece, i);
		guint64 number;

		if (piece->width == 0) {
			text_expand(out, &piece->value.text, r->vars);
			continue;
		}
		number = GUINT64_TO_LE(number_of(r, c, &piece->value));
		g_string_append_len(out, (char *)&number, piece->width);
	}
}

static void put_arg(struct run *r, struct caller *c, guint i, const struct value *value)
{
	struct actual *arg = &c->call.args[i];
	GString *out = c->args[i];

	arg->given = value->kind != VALUE_ABSENT;
	arg->number = 0;
	arg->len = 0;
	switch (value->kind) {
	case VALUE_NUMBER:
	case VALUE_NAME:
		arg->number = number_of(r, c, value);
		return;
	case VALUE_STRING:
		g_string_truncate(out, 0);
		text_expand(out, &value->text, r->vars);
		break;
	case VALUE_PIECES:
		g_string_truncate(out, 0);
		put_pieces(r, c, out, value->list);
		break;
	default:
		return;
	}
	arg->bytes = out->str;
	arg->len = out->len;
}

/* ---- Results ---- */

static struct value string_value(const GString *bytes)
{
	return (struct value){
		.kind = VALUE_STRING, .text = { .bytes = bytes->str, .len = bytes->len },
	};
}

static struct value number_value(gint64 number)
{
	return (struct value){
		.kind = VALUE_NUMBER, .number = number,
		.style = number < 0 ? STYLE_ERRNO : STYLE_DECIMAL,
	};
}

/* What the call returned, as a value. Its strings are the call's. */
static void take_result(struct run *r, struct caller *c, gint64 ret)
{
	const struct op_info *info = c->op->info;
	GArray *fields = c->result.list;

	c->result = (struct value){ .list = fields };
	if (machine_panicked(r->machine) || (c->call.boots && !info->reboots))
		c->result.kind = VALUE_LOST;
	else if (ret < 0 || (info->result.kind != PARAM_STRING &&
			     info->result.kind != PARAM_FIELDS))
		c->result = number_value(ret);
	else if (info->result.kind == PARAM_STRING)
		c->result = string_value(c->call.out);
	else
		c->result.kind = VALUE_FIELDS;
	c->result.list = fields;
	if (c->result.kind != VALUE_FIELDS)
		return;
	g_array_set_size(fields, 0);
	for (guint i = 0; info->fields[i].name != NULL; i++) {
		struct field field = { .index = i };

		field.value = info->fields[i].kind == PARAM_STRING ?
			string_value(c->call.out) : number_value(c->call.fields[i]);
		g_array_append_val(fields, field);
	}
}

/*
 * What the step had to return on the kernel that ran it: of results that are
 * equally good the one that came, else the first, and then @differs is set. NULL:
 * it is not judged.
 */
static const struct value *expected_value(const struct run *r, const struct caller *c,
					  const struct release *release, bool *differs)
{
	const GArray *outcomes = c->op->outcomes;
	guint from = outcomes != NULL ? outcome_on(outcomes, release) : 0;

	*differs = false;
	if (outcomes == NULL)
		return NULL;
	for (guint i = from; i < outcomes->len; i++) {
		const struct outcome *o = &g_array_index(outcomes, struct outcome, i);

		if (i > from && !o->also)
			break;
		if (result_equal(&o->value, &c->result, r->vars))
			return &o->value;
	}
	*differs = c->result.kind != VALUE_LOST;
	return &g_array_index(outcomes, struct outcome, from).value;
}

/*
 * Give the descriptor to the names of the outcome that came; the names of the
 * others stand for none from here on.
 */
static void bind_names(struct run *r, struct caller *c, const struct value *chosen)
{
	const struct op *op = c->op;
	gint64 fd = op->info->binds_fd ? c->call.fd : (gint64)c->result.number;

	if (c->result.kind != VALUE_NUMBER || (gint64)c->result.number < 0)
		fd = -1;
	else if (op->info->closes)
		name_bind(r, c, &op->args[0].text, -1);
	for (guint i = 0; op->outcomes != NULL && i < op->outcomes->len; i++) {
		const struct value *v = &g_array_index(op->outcomes, struct outcome, i).value;

		if (is_name(v))
			name_bind(r, c, &v->text, -1);
	}
	if (chosen != NULL && is_name(chosen))
		name_bind(r, c, &chosen->text, fd);
}

/* ---- Calls ---- */

void caller_init(struct caller *c, guint task, const char *process)
{
	*c = (struct caller){
		.task = task, .process = process, .call.out = g_string_new(NULL),
		.result.list = g_array_new(FALSE, TRUE, sizeof(struct field)),
	};
	for (guint i = 0; i < MAX_ARGS; i++)
		c->args[i] = g_string_new(NULL);
}

void caller_clear(struct caller *c)
{
	for (guint i = 0; i < MAX_ARGS; i++)
		g_string_free(c->args[i], TRUE);
	g_string_free(c->call.out, TRUE);
	g_array_unref(c->result.list);
}

static gint64 make_call(struct run *r, struct caller *c)
{
	unsigned int kernel = machine_kernel(r->machine);
	gint64 ret;

	for (guint i = 0; i < op_nr_args(c->op->info); i++)
		put_arg(r, c, i, &c->op->args[i]);
	c->call.info = c->op->info;
	c->call.machine = r->machine;
	c->call.next = boot_of(r, machine_kernel(r->machine) + 1);
	c->call.fd = -1;
	c->call.process = c->process;
	c->call.ended = NULL;
	g_string_truncate(c->call.out, 0);
	machine_begin_op(r->machine, c->op->line);
	ret = c->op->info->call(&c->call);
	c->call.boots = machine_kernel(r->machine) != kernel;
	machine_end_op(r->machine, ret);
	return ret;
}

/* Which of the failures of its kind @failure is, after those that were tried before. */
static guint32 nth_of(const GArray *seen, const struct failure *failure)
{
	guint32 nth = 1;

	for (guint i = 0; i < seen->len; i++) {
		const struct failure *other = &g_array_index(seen, struct failure, i);

		nth += other->point == failure->point && other->call == failure->call &&
		       strcmp(other->name, failure->name) == 0;
	}
	return nth;
}

/* The step after a "fail any" is over. */
static void take_choice(struct run *r, const struct fail_stats *stats)
{
	if (r->choice->counts != NULL)
		g_array_append_val(r->choice->counts, stats->counted);
	if (stats->happened > 0) {
		r->chosen_line = r->sweep_line;
		r->chosen.failure = stats->last;
		r->chosen.failure.nth = nth_of(r->choice->seen, &stats->last);
		g_array_append_val(r->choice->seen, stats->last);
	}
	r->sweep_line = 0;
}

/* What became of the failures that were asked for; none are any more. */
static enum fault take_failures(struct run *r)
{
	struct fail_stats stats;

	machine_fail_stats(r->machine, &stats);
	machine_fail_clear(r->machine);
	if (r->sweep_line != 0)
		take_choice(r, &stats);
	if (stats.armed == 0)
		return FAULT_NONE;
	return stats.happened == stats.armed ? FAULT_HIT : FAULT_MISS;
}

/* Kept with the call, or after a race with the schedule. */
static void take_outcome(struct run *r, struct caller *c)
{
	g_autofree char *result = outcome_result(c->op->info, &c->result);

	if (c != &r->main)
		c->said = g_quark_from_string(result);
	else if (r->outcome != NULL)
		outcome_add(r->outcome, c->op->info, result);
}

void call_returned(struct run *r, struct caller *c, gint64 ret, bool brief)
{
	struct report_event e = { .type = REPORT_RESULT, .brief = brief };
	bool any = r->sweep_line != 0;
	const struct value *expected;

	take_result(r, c, ret);
	e.fault = take_failures(r);
	e.fail = any && e.fault == FAULT_HIT ? &r->chosen : NULL;
	expected = expected_value(r, c, &boot_of(r, c->kernel)->release, &e.differs);
	if (c->call.boots)
		r->main.process = INIT;
	if (c->call.boots || c->call.ended != NULL)
		names_drop(r, c->call.boots ? NULL : c->call.ended);
	bind_names(r, c, expected);
	e.expected = expected;
	/* With a failure that was chosen things go otherwise from there on. */
	if (e.differs && r->chosen_line != 0) {
		e.expected = NULL;
		e.differs = false;
	}
	r->mismatches += e.differs;
	e.result = &c->result;
	report(r, &e);
	if (r->outcomes != NULL)
		take_outcome(r, c);
	c->op = NULL;
	caller_step(r, c);
}

void caller_step(const struct run *r, const struct caller *c)
{
	if (c->op != NULL)
		crash_step(r->scn->file, c->op->line, c->op->info->name);
	else
		crash_step(NULL, 0, NULL);
}

void call_op(struct run *r, struct caller *c, const struct op *op, bool brief)
{
	struct report_event e = { .type = REPORT_OP, .brief = brief };

	c->op = op;
	caller_step(r, c);
	c->kernel = machine_kernel(r->machine);
	report(r, &e);
	call_returned(r, c, make_call(r, c), brief);
}
