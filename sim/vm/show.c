/* SPDX-License-Identifier: GPL-2.0-only */
/* Renders a recording as luosim run renders a run: calls, results, and what the kernel said. */
#include <string.h>

#include "report/trace.h"
#include "run/run.h"
#include "vm/results.h"
#include "vm/show.h"

struct shower {
	const struct program *program;
	const struct recording *rec;
	struct trace *trace;
	struct boot boot;
	struct results *results;
};

static void event(struct shower *s, const struct event *event)
{
	struct report_event e = {
		.type = REPORT_EVENT, .scn = s->program->scn, .boot = &s->boot, .event = event,
	};

	trace_event(s->trace, &e);
}

/* "WARNING FILE:LINE FUNCTION", and the trace that may follow it. */
static void show_warning(struct shower *s, const char *line, const char *next)
{
	struct event warn = { .type = EVENT_WARN, .func = strrchr(line, ' ') + 1 };
	g_auto(GStrv) chain = NULL;

	if (g_str_has_prefix(next, "Call Trace: ")) {
		chain = g_strsplit(next + strlen("Call Trace: "), " < ", -1);
		warn.chain = (const char *const *)chain;
		warn.depth = g_strv_length(chain);
	}
	event(s, &warn);
}

static void show_log(struct shower *s, const GPtrArray *log)
{
	static const char panic[] = "Kernel panic - not syncing: ";

	for (guint i = 0; i < log->len; i++) {
		const char *line = log->pdata[i];
		struct event said = { .type = EVENT_LOG, .text = line };

		if (g_str_has_prefix(line, "Call Trace: "))
			continue;
		if (g_str_has_prefix(line, "WARNING ")) {
			show_warning(s, line, i + 1 < log->len ? log->pdata[i + 1] : "");
			continue;
		}
		if (g_str_has_prefix(line, panic)) {
			said.type = EVENT_PANIC;
			said.text = line + strlen(panic);
		}
		event(s, &said);
	}
}

static void show_boot(struct shower *s, guint stage)
{
	struct event boot = { .type = EVENT_BOOT, .kernel = stage };

	event(s, &boot);
	if (stage <= s->rec->boot_log->len)
		show_log(s, s->rec->boot_log->pdata[stage - 1]);
}

static enum fault fault_of(const char *data)
{
	return strstr(data, "fault=hit") != NULL ? FAULT_HIT :
	       strstr(data, "fault=miss") != NULL ? FAULT_MISS : FAULT_NONE;
}

static void show_op(struct shower *s, guint i, const struct program_op *at)
{
	static const struct value lost = { .kind = VALUE_LOST };
	const struct recorded_op *rec = &g_array_index(s->rec->ops, struct recorded_op, i);
	const struct scenario *scn = s->program->scn;
	const struct step *step = &g_array_index(scn->steps, struct step, at->step);
	const struct value *result = result_at(s->results, i);
	struct report_event e = {
		.scn = scn, .vars = at->vars, .op = &step->op,
		.brief = step_is_brief(scn->steps, at->vars, at->step),
	};

	if (step->kind == STEP_FAIL) {
		e.type = REPORT_FAIL;
		e.fail = &step->fail;
		trace_event(s->trace, &e);
		return;
	}
	e.type = REPORT_OP;
	trace_event(s->trace, &e);
	show_log(s, rec->log);
	e.type = REPORT_RESULT;
	e.result = result != NULL ? result : &lost;
	e.fault = fault_of(rec->data);
	trace_event(s->trace, &e);
}

static void show_all(struct shower *s)
{
	struct report_event run = {
		.type = REPORT_RUN, .scn = s->program->scn, .boot = &s->boot,
	};
	const GArray *ops = s->program->ops;
	guint stage = 0, at = 0;

	trace_event(s->trace, &run);
	for (guint i = 0; i < s->rec->ops->len; i++, at++) {
		guint now = g_array_index(s->rec->ops, struct recorded_op, i).stage;

		while (at < ops->len && g_array_index(ops, struct program_op, at).line == 0)
			at++;
		if (at == ops->len)
			break;
		if (now != stage)
			show_boot(s, stage = now);
		show_op(s, i, &g_array_index(ops, struct program_op, at));
	}
	/* A kernel that did not reach the first operation. */
	if (stage < s->rec->boot_log->len)
		show_boot(s, stage + 1);
	trace_end(s->trace);
}

void show(GString *out, const struct program *program, const struct recording *rec)
{
	const struct release *row = release_find(rec->row);
	struct shower s = {
		.program = program, .rec = rec, .trace = trace_new(out, 0),
		.results = results_of(rec),
		.boot = { .kho = rec->kho, .liveupdate = rec->liveupdate,
			  .panic_on_warn = rec->panic_on_warn },
	};

	if (row != NULL && s.results != NULL) {
		s.boot.release = *row;
		show_all(&s);
	}
	trace_free(s.trace);
	results_free(s.results);
}
