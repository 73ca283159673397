/* SPDX-License-Identifier: GPL-2.0-only */
/* Running a scenario on a machine: the only place that judges results. */
#include <errno.h>
#include <string.h>

#include "plugin.h"
#include "run.h"
#include "select.h"
#include "setting.h"
#include "value.h"

#define DEFAULT_MEM	(512ull << 20)
/* Of a repetition, so many first rounds are shown, and the last. */
#define SHOWN_ROUNDS	2

/* A kernel heading and what comes up there. */
struct planned {
	guint number;
	struct boot boot;
};

struct run {
	const struct scenario *scn;
	const struct variant *variant;
	struct report *report;
	struct machine *machine;
	GArray *planned;		/* of struct planned, by number */
	GHashTable *names;		/* char * to descriptor */
	gint64 vars[MAX_LOOPS];
	GString *args[MAX_ARGS];	/* texts of the arguments */
	GString *key;			/* a name put together */
	struct call call;
	const struct op *op;		/* that goes on */
	struct value result;
	guint64 mismatches;
};

/* ---- Kernels ---- */

/* The release that variant or command line ask for, or NULL. */
static const struct release *overridden(const struct run *r, const struct overrides *o, guint index)
{
	if (index == 0 && r->variant != NULL && r->variant->release != NULL)
		return r->variant->release;
	if (index > 0 && o->releases->len <= 1)
		return NULL;
	return o->releases->len > 0 ? o->releases->pdata[MIN(index, o->releases->len - 1)] : NULL;
}

static const struct release *newest_release(void)
{
	size_t nr;
	const struct release *table = release_table(&nr);

	while (table[nr - 1].posted)
		nr--;
	return &table[nr - 1];
}

static void plan_kernel(struct run *r, const struct overrides *o, const struct kernel_heading *h,
			guint64 *mem)
{
	guint index = r->planned->len;
	const struct release *release = overridden(r, o, index);
	struct planned planned = {
		.number = h->number, .boot = { .kho = true, .liveupdate = true },
	};
	struct boot *boot = &planned.boot;
	const char *bad;

	if (release == NULL)
		release = h->release;
	if (release == NULL && index == 0)
		release = newest_release();
	if (index > 0)
		*boot = g_array_index(r->planned, struct planned, index - 1).boot;
	if (release != NULL)
		boot->release = *release;
	settings_apply(h->settings, boot, mem);
	if (r->variant != NULL && r->variant->policy != NULL)
		policy_apply(r->variant->policy, &boot->release.policy, &bad);
	settings_apply(o->settings, boot, mem);
	g_array_append_val(r->planned, planned);
}

static guint64 plan_kernels(struct run *r, const struct overrides *o)
{
	guint64 mem = DEFAULT_MEM;

	for (guint i = 0; i < r->scn->steps->len; i++) {
		const struct step *step = &g_array_index(r->scn->steps, struct step, i);

		if (step->kind == STEP_KERNEL)
			plan_kernel(r, o, &step->kernel, &mem);
	}
	return mem;
}

/* What kernel @number boots: what the last heading up to it says. */
static const struct boot *boot_of(const struct run *r, guint number)
{
	guint i = r->planned->len - 1;

	while (i > 0 && g_array_index(r->planned, struct planned, i).number > number)
		i--;
	return &g_array_index(r->planned, struct planned, i).boot;
}

static const struct boot *running(const struct run *r)
{
	return boot_of(r, machine_kernel(r->machine));
}

/* ---- Arguments and results ---- */

static const char *name_key(struct run *r, const struct text *name)
{
	if (name->vars == NULL)
		return name->bytes;
	g_string_truncate(r->key, 0);
	text_expand(r->key, name, r->vars);
	return r->key->str;
}

static gint64 name_fd(struct run *r, const struct text *name)
{
	gpointer fd;

	if (!g_hash_table_lookup_extended(r->names, name_key(r, name), NULL, &fd))
		return -1;
	return GPOINTER_TO_INT(fd);
}

static void name_bind(struct run *r, const struct text *name, gint64 fd)
{
	g_hash_table_insert(r->names, g_strdup(name_key(r, name)), GINT_TO_POINTER((gint)fd));
}

static gint64 number_of(struct run *r, const struct value *value)
{
	return value->kind == VALUE_NAME ? name_fd(r, &value->text) :
					   value_number(value, r->vars);
}

static void put_pieces(struct run *r, GString *out, const GArray *pieces)
{
	for (guint i = 0; i < pieces->len; i++) {
		const struct piece *piece = &g_array_index(pieces, struct piece, i);
		guint64 number;

		if (piece->width == 0) {
			text_expand(out, &piece->value.text, r->vars);
			continue;
		}
		number = GUINT64_TO_LE(number_of(r, &piece->value));
		g_string_append_len(out, (char *)&number, piece->width);
	}
}

static void put_arg(struct run *r, guint i, const struct value *value)
{
	struct actual *arg = &r->call.args[i];
	GString *out = r->args[i];

	arg->given = value->kind != VALUE_ABSENT;
	arg->number = 0;
	arg->len = 0;
	switch (value->kind) {
	case VALUE_NUMBER:
	case VALUE_NAME:
		arg->number = number_of(r, value);
		return;
	case VALUE_STRING:
		g_string_truncate(out, 0);
		text_expand(out, &value->text, r->vars);
		break;
	case VALUE_PIECES:
		g_string_truncate(out, 0);
		put_pieces(r, out, value->list);
		break;
	default:
		return;
	}
	arg->bytes = out->str;
	arg->len = out->len;
}

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
static void take_result(struct run *r, gint64 ret)
{
	const struct op_info *info = r->op->info;
	GArray *fields = r->result.list;

	r->result = (struct value){ .list = fields };
	if (machine_panicked(r->machine))
		r->result.kind = VALUE_LOST;
	else if (ret < 0 || (info->result.kind != PARAM_STRING &&
			     info->result.kind != PARAM_FIELDS))
		r->result = number_value(ret);
	else if (info->result.kind == PARAM_STRING)
		r->result = string_value(r->call.out);
	else
		r->result.kind = VALUE_FIELDS;
	r->result.list = fields;
	if (r->result.kind != VALUE_FIELDS)
		return;
	g_array_set_size(fields, 0);
	for (guint i = 0; info->fields[i].name != NULL; i++) {
		struct field field = { .index = i };

		field.value = info->fields[i].kind == PARAM_STRING ?
			string_value(r->call.out) : number_value(r->call.fields[i]);
		g_array_append_val(fields, field);
	}
}

/* The outcome that holds on the kernel that ran the step; NULL: not judged. */
static const struct value *expected_value(const struct op *op, const struct release *release)
{
	const struct value *value = NULL;

	for (guint i = 0; op->outcomes != NULL && i < op->outcomes->len; i++) {
		const struct outcome *o = &g_array_index(op->outcomes, struct outcome, i);

		if (i == 0)
			value = &o->value;
		else if (select_match(o->selectors, release))
			return &o->value;
	}
	return value;
}

/*
 * Give the descriptor to the names of the outcome that came; the names of the
 * others stand for none from here on.
 */
static void bind_names(struct run *r, const struct value *chosen)
{
	const struct op *op = r->op;
	gint64 fd = op->info->binds_fd ? r->call.fd : (gint64)r->result.number;

	if (r->result.kind != VALUE_NUMBER || (gint64)r->result.number < 0)
		fd = -1;
	else if (op->info->closes)
		name_bind(r, &op->args[0].text, -1);
	if (op->info->result.kind == PARAM_NEW || op->info->binds_fd)
		r->call.max_fd = MAX(r->call.max_fd, fd);
	for (guint i = 0; op->outcomes != NULL && i < op->outcomes->len; i++) {
		const struct value *v = &g_array_index(op->outcomes, struct outcome, i).value;

		if (v->text.bytes != NULL && v->kind != VALUE_STRING)
			name_bind(r, &v->text, -1);
	}
	if (chosen != NULL && chosen->text.bytes != NULL && chosen->kind != VALUE_STRING)
		name_bind(r, &chosen->text, fd);
}

/* ---- Steps ---- */

static void report(struct run *r, struct report_event *e)
{
	e->scn = r->scn;
	e->machine = r->machine;
	e->vars = r->vars;
	e->op = r->op;
	r->report->event(r->report, e);
}

static void emit(void *data, const struct event *event)
{
	struct run *r = data;
	struct report_event e = { .type = REPORT_EVENT, .event = event };

	if (event->type == EVENT_BOOT)
		e.boot = boot_of(r, event->kernel);
	report(r, &e);
}

/* Is this neither one of the first rounds of a repetition nor its last? */
static bool is_brief(const struct run *r, guint step)
{
	const GArray *steps = r->scn->steps;
	guint depth = g_array_index(steps, struct step, step).depth;

	while (step > 0 && depth > 0) {
		const struct step *s = &g_array_index(steps, struct step, --step);
		const struct repeat *repeat = &s->repeat;

		if (s->kind != STEP_REPEAT || s->depth >= depth)
			continue;
		depth = s->depth;
		if (r->vars[repeat->var - 1] - repeat->from >= SHOWN_ROUNDS &&
		    r->vars[repeat->var - 1] != repeat->to)
			return true;
	}
	return false;
}

static gint64 make_call(struct run *r)
{
	const struct op *op = r->op;
	gint64 ret;

	for (guint i = 0; i < op_nr_args(op->info); i++)
		put_arg(r, i, &op->args[i]);
	r->call.machine = r->machine;
	r->call.next = boot_of(r, machine_kernel(r->machine) + 1);
	r->call.fd = -1;
	r->call.exits = false;
	g_string_truncate(r->call.out, 0);
	machine_begin_op(r->machine, op->line);
	ret = op->info->call(&r->call);
	machine_end_op(r->machine, ret);
	return ret;
}

static void run_fail(struct run *r, const struct fail *fail, bool brief)
{
	struct report_event e = { .type = REPORT_FAIL, .fail = fail, .brief = brief };

	machine_fail(r->machine, &fail->failure);
	report(r, &e);
}

/* What became of the failures that were asked for; none are any more. */
static enum fault take_failures(struct run *r)
{
	struct fail_stats stats;

	machine_fail_stats(r->machine, &stats);
	machine_fail_clear(r->machine);
	if (stats.armed == 0)
		return FAULT_NONE;
	return stats.happened == stats.armed ? FAULT_HIT : FAULT_MISS;
}

static void run_op(struct run *r, const struct op *op, bool brief)
{
	const struct release *release = &running(r)->release;
	struct report_event e = { .type = REPORT_OP, .brief = brief };
	const struct value *expected;

	r->op = op;
	report(r, &e);
	take_result(r, make_call(r));
	e.fault = take_failures(r);
	expected = expected_value(op, release);
	if (r->call.exits) {
		g_hash_table_remove_all(r->names);
		r->call.max_fd = -1;
	}
	bind_names(r, expected);
	e.expected = expected;
	e.differs = expected != NULL && r->result.kind != VALUE_LOST &&
		    !result_equal(expected, &r->result, r->vars);
	r->mismatches += e.differs;
	e.type = REPORT_RESULT;
	e.result = &r->result;
	report(r, &e);
	r->op = NULL;
}

/* Run the steps; how many of them were left out because the machine stopped. */
static guint run_steps(struct run *r)
{
	const GArray *steps = r->scn->steps;
	guint pc = 0, left = 0;

	while (pc < steps->len && !machine_panicked(r->machine)) {
		const struct step *step = &g_array_index(steps, struct step, pc);
		const struct repeat *repeat;

		switch (step->kind) {
		case STEP_KERNEL:
			if (step->kernel.number != machine_kernel(r->machine))
				goto stop;
			break;
		case STEP_OP:
			run_op(r, &step->op, is_brief(r, pc));
			break;
		case STEP_FAIL:
			run_fail(r, &step->fail, is_brief(r, pc));
			break;
		case STEP_REPEAT:
			r->vars[step->repeat.var - 1] = step->repeat.from;
			break;
		case STEP_END:
			repeat = &g_array_index(steps, struct step, step->match).repeat;
			if (r->vars[repeat->var - 1] < repeat->to) {
				r->vars[repeat->var - 1]++;
				pc = step->match;
			}
			break;
		}
		pc++;
	}
stop:
	for (; pc < steps->len; pc++)
		left += g_array_index(steps, struct step, pc).kind == STEP_OP;
	return left;
}

/* ---- The verdict ---- */

static guint32 expected_kinds(const struct run *r)
{
	const GArray *expects = r->scn->expects;
	guint32 kinds = 0;

	for (guint i = 0; i < expects->len; i++) {
		const struct expectation *e = &g_array_index(expects, struct expectation, i);

		if (i == 0)
			kinds = e->kinds;
		else if (select_match(e->selectors, &boot_of(r, 1)->release))
			return e->kinds;
	}
	return kinds;
}

/*
 * What broke, without what only says so: a WARN, and the panic that panic_on_warn
 * makes of it.
 */
static guint32 causes(const struct run *r, guint32 kinds)
{
	guint32 symptoms = 1u << VIOLATION_WARN, others;

	if (running(r)->panic_on_warn)
		symptoms |= 1u << VIOLATION_PANIC;
	others = kinds & ~symptoms;
	return others != 0 ? others : kinds;
}

static enum run_result give_verdict(struct run *r, struct verdict *v)
{
	struct report_event e = { .type = REPORT_VERDICT, .verdict = v };

	if (v->skipped == NULL) {
		v->violations = machine_violations(r->machine, &v->nr_violations);
		for (gsize i = 0; i < v->nr_violations; i++)
			v->kinds |= 1u << v->violations[i].kind;
		v->mismatches = r->mismatches;
		v->causes = causes(r, v->kinds);
		v->expected = expected_kinds(r);
		/* What is expected must be there; a symptom beside a cause may be. */
		v->ok = v->mismatches == 0 &&
			(v->expected == EXPECT_ANY ||
			 ((v->expected & ~v->kinds) == 0 && (v->causes & ~v->expected) == 0));
	}
	report(r, &e);
	return v->skipped != NULL ? RUN_SKIPPED : v->ok ? RUN_OK : RUN_FAILED;
}

static void run_free(struct run *r)
{
	machine_free(r->machine);
	g_array_unref(r->planned);
	g_hash_table_unref(r->names);
	for (guint i = 0; i < MAX_ARGS; i++)
		g_string_free(r->args[i], TRUE);
	g_string_free(r->key, TRUE);
	g_string_free(r->call.out, TRUE);
	g_array_unref(r->result.list);
}

enum run_result run_scenario(const struct scenario *scn, const struct variant *variant,
			     const struct overrides *overrides, struct report *rep)
{
	struct run r = {
		.scn = scn, .variant = variant, .report = rep,
		.planned = g_array_new(FALSE, TRUE, sizeof(struct planned)),
		.names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
		.key = g_string_new(NULL),
		.call.out = g_string_new(NULL),
		.call.max_fd = -1,
		.result.list = g_array_new(FALSE, TRUE, sizeof(struct field)),
	};
	struct machine_config config = {
		.emit = emit, .data = &r,
		.scripts = (struct handler_script *)scn->handlers->data,
		.nr_scripts = scn->handlers->len,
	};
	struct report_event e = { .type = REPORT_RUN };
	struct verdict verdict = { 0 };
	enum run_result result;

	for (guint i = 0; i < MAX_ARGS; i++)
		r.args[i] = g_string_new(NULL);
	config.mem = plan_kernels(&r, overrides);
	config.boot = *boot_of(&r, 1);
	e.boot = &config.boot;
	e.variant = variant != NULL ? variant->name : config.boot.release.name;
	report(&r, &e);
	r.machine = machine_new(&config);
	if (r.machine != NULL) {
		verdict.not_reached = run_steps(&r);
		machine_end(r.machine);
	} else {
		verdict.skipped = errno == EINVAL ? "no machine of that memory size" :
						    "not enough address space";
	}
	result = give_verdict(&r, &verdict);
	run_free(&r);
	return result;
}
