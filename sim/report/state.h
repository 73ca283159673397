/* SPDX-License-Identifier: GPL-2.0-only */
/* The state of a machine in words: its objects, and what became of them between two moments. */
#ifndef SIM_REPORT_STATE_H
#define SIM_REPORT_STATE_H

#include "report/json.h"
#include "scn/scn.h"

/** struct state_change - of one object; NULL @before: it is new; NULL @after: it is gone. */
struct state_change {
	const struct state_object *before, *after;
};

/**
 * struct state_watch - what changes from one look to the next.
 * @then, @now: the last two looks.
 * @changes: of struct state_change, between these, by kind.
 */
struct state_watch {
	struct machine_state *then, *now;
	GArray *changes;
	guint kernel, kernel_then;
	guint prefix, suffix;		/* bytes of strings that both looks have in common */
	bool same_strings;
	struct machine_state states[2];
};

struct state_watch *state_watch_new(void);
void state_watch_free(struct state_watch *w);

/** state_watch_look() - take the state; @changes: find out what changed, too. */
void state_watch_look(struct state_watch *w, struct machine *m, bool changes);

/** state_print_object() - append "file outgoing vm0 0xa: handler memfd-v1, data 0x3000". */
void state_print_object(GString *out, const struct machine_state *s,
			const struct state_object *o);

/** state_print_change() - append "session outgoing vm0: files 0 -> 1". */
void state_print_change(GString *out, const struct state_watch *w, const struct state_change *c);

/** add_changes() - append the member "changes". */
void add_changes(JsonBuilder *b, const struct state_watch *w);

/** add_objects() - append the member "objects": the whole state. */
void add_objects(JsonBuilder *b, const struct machine_state *s);

#endif
