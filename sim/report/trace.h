/* SPDX-License-Identifier: GPL-2.0-only */
/* One run as text: each call as strace prints it, and under it what the kernel said. */
#ifndef SIM_REPORT_TRACE_H
#define SIM_REPORT_TRACE_H

#include "report/tone.h"
#include "run/event.h"

#define TRACE_WIDTH 100

struct trace;

/** trace_new() - a trace that is appended to @out; @flags: of enum trace_flags. */
struct trace *trace_new(GString *out, guint flags);
void trace_free(struct trace *t);

/**
 * struct trace_mark - what the lines of a trace are, up to the next mark.
 * @at: where in its text they begin.
 * @line: of the scenario, whose call they show; 0: none.
 * @verdict: the verdict begins.
 */
struct trace_mark {
	gsize at;
	enum tone tone;
	guint line;
	bool verdict;
};

/** trace_keep_marks() - append to @marks, of struct trace_mark, what the text is. */
void trace_keep_marks(struct trace *t, GArray *marks);

/** trace_event() - REPORT_RUN to REPORT_VERDICT. */
void trace_event(struct trace *t, const struct report_event *e);

/** trace_end() - nothing comes any more, and no verdict either. */
void trace_end(struct trace *t);

/** trace_summary() - append "NAME, kernel R, policy P: what came out". */
void trace_summary(GString *out, const struct report_event *run, const struct verdict *v);

/** trace_mismatch() - append "call: got X, expected Y". */
void trace_mismatch(GString *out, const struct report_event *e);

/** trace_call() - append "call(...) = result". */
void trace_call(GString *out, const struct report_event *e);

/** trace_turn_text() - append "A: 4 steps, now before down_write(luo_session_header.rwsem)". */
void trace_turn_text(GString *out, const struct report_event *e);

/** trace_verdict_text() - append what a trace says at its end, of REPORT_VERDICT. */
void trace_verdict_text(GString *out, const struct report_event *e);

/** append_wrapped() - a line of @prefix and @text, broken at blanks; the rest at column @hang. */
void append_wrapped(GString *out, const char *prefix, const char *text, gsize hang);

/** append_violation() - append what broke, and of which page. */
void append_violation(GString *out, const struct violation *v);

/** append_printable() - append @text with what is not ASCII as \xHH. */
void append_printable(GString *out, const char *text);

#endif
