/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The chain of ownership that broke. A run is repeated, its verdict being
 * known, and of its steps those are kept that claimed, restored or gave up the
 * frames in question, and those that reboot.
 */
#include <string.h>

#include "scn/print.h"
#include "analysis/story.h"
#include "report/trace.h"

#define SHORTEN		48	/* bytes of a string that are told */

struct story_teller {
	struct report report;
	const struct digest *digest;
	struct story *story;
	const char *release;		/* of the running kernel */
	struct story_moment *now;		/* the step under way; or the end */
	bool over;			/* the step that broke it was told */
	guint32 later;			/* kinds that came after it and were told */
};

static void part_clear(struct part *part)
{
	g_free(part->session);
}

static void said_clear(struct said *said)
{
	g_free(said->func);
	g_free(said->text);
	g_clear_pointer(&said->callers, g_ptr_array_unref);
}

static struct story_moment *moment_new(const struct story_teller *t, const struct report_event *e)
{
	struct story_moment *moment = g_new0(struct story_moment, 1);

	moment->kernel = machine_kernel(e->machine);
	moment->release = t->release;
	moment->times = 1;
	moment->parts = g_array_new(FALSE, TRUE, sizeof(struct part));
	g_array_set_clear_func(moment->parts, (GDestroyNotify)part_clear);
	moment->said = g_array_new(FALSE, TRUE, sizeof(struct said));
	g_array_set_clear_func(moment->said, (GDestroyNotify)said_clear);
	return moment;
}

static void moment_free(struct story_moment *moment)
{
	g_free(moment->call);
	g_free(moment->result);
	g_array_unref(moment->parts);
	g_array_unref(moment->said);
	g_free(moment);
}

void story_free(struct story *story)
{
	g_ptr_array_unref(story->moments);
	g_ptr_array_unref(story->later);
	g_free(story->kind);
	g_free(story->found);
	g_free(story);
}

/* ---- What is kept ---- */

static bool is_named(const struct violation *v, guint32 line)
{
	for (guint i = 0; i < v->nr_claims; i++)
		if (line == v->claims[i].op || line == v->claims[i].done_op)
			return true;
	return line == v->restored_op || line == v->waits_op || line == v->other_op;
}

/* Does the step belong to the story? Without claims, what all stories are made of does. */
static bool matters(const struct story_teller *t, const struct op *op)
{
	static const char *const usual[] = {
		"preserve_fd", "retrieve_fd", "finish", NULL
	};
	const struct violation *first = &t->digest->first;

	if (op->info->reboots || is_named(first, op->line))
		return true;
	return first->nr_claims == 0 && g_strv_contains(usual, op->info->name);
}

/* Of a step that is repeated the last round is kept. */
static void keep(struct story_teller *t)
{
	GPtrArray *moments = t->story->moments;
	struct story_moment *now = g_steal_pointer(&t->now);

	for (guint i = 0; i < moments->len; i++) {
		struct story_moment *before = moments->pdata[i];

		if (before->line != now->line || before->kernel != now->kernel)
			continue;
		now->times = before->times + 1;
		g_ptr_array_remove_index(moments, i);
		break;
	}
	g_ptr_array_add(moments, now);
}

static void begin(struct story_teller *t, const struct report_event *e)
{
	const struct print p = { .vars = e->vars, .shorten = SHORTEN };
	g_autoptr(GString) call = g_string_new(NULL);

	g_clear_pointer(&t->now, moment_free);
	t->now = moment_new(t, e);
	t->now->line = e->op->line;
	print_call(call, &p, e->op);
	t->now->call = g_strdup(call->str);
}

static char *result_text(const struct report_event *e, const struct value *value)
{
	const struct print p = { .vars = e->vars, .shorten = SHORTEN };
	g_autoptr(GString) text = g_string_new(NULL);

	print_result(text, &p, e->op->info, value);
	return g_strdup(text->str);
}

/* Is this the result that differs, in a run where nothing worse was found? */
static bool is_the_result(const struct story_teller *t, const struct report_event *e)
{
	return t->digest->causes == 0 && e->differs;
}

/* The step is over: is it the one, and is it worth telling? */
static void end(struct story_teller *t, const struct report_event *e)
{
	struct story *story = t->story;
	bool got_name = e->expected != NULL && e->expected->kind == VALUE_NAME && !e->differs;

	t->now->result = result_text(e, got_name ? e->expected : e->result);
	t->now->injected = e->fault == FAULT_HIT;
	if (is_the_result(t, e) && story->found == NULL) {
		g_autofree char *expected = result_text(e, e->expected);

		story->found = g_strdup_printf("the result differs, expected %s",
			e->expected->kind == VALUE_NAME ? "a descriptor" : expected);
	}
	t->over = story->found != NULL;
	if (t->over || t->now->injected || t->now->said->len > 0 || matters(t, e->op))
		keep(t);
	else
		g_clear_pointer(&t->now, moment_free);
}

/* ---- What the machine says ---- */

static bool is_first(const struct violation *a, const struct violation *b)
{
	return a->kind == b->kind && a->op == b->op && a->pfn == b->pfn &&
	       strcmp(a->text, b->text) == 0;
}

static void add_later(struct story_teller *t, const struct violation *v)
{
	GPtrArray *later = t->story->later;
	g_autoptr(GString) text = g_string_new(violation_name(v->kind));

	if (v->kind == t->digest->first.kind ||
	    (t->digest->causes & ~t->later & 1u << v->kind) == 0)
		return;
	t->later |= 1u << v->kind;
	if (v->op != 0)
		g_string_append_printf(text, " at line %u: ", v->op);
	else
		g_string_append(text, " at the end: ");
	append_violation(text, v);
	g_ptr_array_add(later, g_strdup(text->str));
}

static void hear_violation(struct story_teller *t, const struct violation *v)
{
	g_autoptr(GString) text = g_string_new(NULL);

	if (t->story->found != NULL || t->digest->causes == 0 || !is_first(v, &t->digest->first)) {
		add_later(t, v);
		return;
	}
	append_violation(text, v);
	t->story->kind = g_strdup(violation_name(v->kind));
	t->story->found = g_strdup(text->str);
}

static void hear_words(struct story_teller *t, const struct event *event)
{
	struct said said = { 0 };
	g_autoptr(GString) text = g_string_new(NULL);

	if (event->type == EVENT_WARN) {
		said.func = g_strdup(event->func);
		said.callers = g_ptr_array_new_with_free_func(g_free);
		for (unsigned int i = 0; i < event->depth; i++)
			g_ptr_array_add(said.callers, g_strdup(event->chain[i]));
	} else {
		if (event->type == EVENT_PANIC)
			g_string_append(text, "Kernel panic - not syncing: ");
		append_printable(text, event->text);
		said.text = g_strdup(text->str);
	}
	g_array_append_val(t->now->said, said);
}

static void hear(struct story_teller *t, const struct report_event *e)
{
	const struct event *event = e->event;

	if (event->type == EVENT_BOOT)
		t->release = e->boot->release.name;
	if (event->type == EVENT_BOOT || (event->type == EVENT_LOG && event->level == LOG_INFO))
		return;
	if (event->type == EVENT_VIOLATION)
		hear_violation(t, event->violation);
	else if (t->now != NULL)
		hear_words(t, event);
}

static void story_event(struct report *report, const struct report_event *e)
{
	struct story_teller *t = (struct story_teller *)report;

	switch (e->type) {
	case REPORT_OP:
		if (!t->over)
			begin(t, e);
		break;
	case REPORT_EVENT:
		hear(t, e);
		break;
	case REPORT_RESULT:
		if (!t->over)
			end(t, e);
		/* What comes before the next step is the end, when all is closed. */
		if (!t->over)
			t->now = moment_new(t, e);
		break;
	case REPORT_VERDICT:
		if (!t->over && t->story->found != NULL)
			keep(t);
		break;
	default:
		break;
	}
}

/* ---- Who did what to the frames ---- */

static void add_part(struct story *story, guint32 line, struct part part, const char *session)
{
	g_autoptr(GString) name = g_string_new(NULL);

	for (guint i = 0; i < story->moments->len; i++) {
		struct story_moment *moment = story->moments->pdata[i];

		if (moment->line != line || line == 0)
			continue;
		append_printable(name, session);
		part.session = g_strdup(name->str);
		g_array_append_val(moment->parts, part);
		return;
	}
}

static void add_parts(struct story *story, const struct violation *v)
{
	struct part restore = { .type = PART_RESTORE, .pfn = v->pfn, .nr = 1 };

	for (guint i = 0; i < v->nr_claims; i++) {
		g_autofree char *session = g_strndup(v->claims[i].session,
						     sizeof(v->claims[i].session));
		struct part part = {
			.type = PART_CLAIM, .token = v->claims[i].token,
			.memory = v->claims[i].memory,
			.pfn = v->claims[i].pfn, .nr = v->claims[i].nr,
		};

		add_part(story, v->claims[i].op, part, session);
		part.type = PART_GIVE_UP;
		add_part(story, v->claims[i].done_op, part, session);
	}
	add_part(story, v->restored_op, restore, "");
}

struct story *story_tell(const struct scenario *scn, const struct overrides *overrides,
			 const struct digest *digest)
{
	struct story *story = g_new0(struct story, 1);
	struct story_teller t = { .report.event = story_event, .digest = digest, .story = story };

	story->moments = g_ptr_array_new_with_free_func((GDestroyNotify)moment_free);
	story->later = g_ptr_array_new_with_free_func(g_free);
	run_scenario(scn, NULL, overrides, &t.report);
	g_clear_pointer(&t.now, moment_free);
	add_parts(story, &digest->first);
	return story;
}
