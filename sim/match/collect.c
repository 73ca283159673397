/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the scenarios of a bug make kernels say because of it. Where a fix or a policy cures
 * the bug, that is what a release says without it and does not say with it; of other bugs
 * all that is said but the notices which belong to every update.
 */
#include <string.h>

#include "match/collect.h"
#include "run/overrides.h"
#include "scn/words.h"

/* More of them tell nothing new. */
#define MAX_INCIDENTS	12

struct listener {
	struct report report;
	struct signature *said;
};

static struct incident *add_incident(struct signature *said, enum incident_kind kind,
				     const struct event *event)
{
	struct incident *incident = incident_new(kind);

	incident->stage = MIN(event->kernel, 2);
	g_ptr_array_add(said->incidents, incident);
	return incident;
}

static void take_chain(struct incident *incident, const struct event *event)
{
	for (guint i = 0; i < event->depth; i++)
		g_ptr_array_add(incident->frames, frame_normal(event->chain[i]));
}

/* What the judge found that a kernel would have said as well, or where one stopped. */
static void take_violation(struct signature *said, const struct event *event)
{
	guint len = said->incidents->len;
	struct incident *last = len > 0 ? said->incidents->pdata[len - 1] : NULL;

	if (event->depth == 0)
		return;
	if (event->violation->kind == VIOLATION_USE_AFTER_FREE)
		take_chain(add_incident(said, INCIDENT_OOPS, event), event);
	else if (event->violation->kind == VIOLATION_STUCK)
		take_chain(add_incident(said, INCIDENT_STUCK, event), event);
	else if (event->violation->kind == VIOLATION_PANIC && last != NULL &&
		 last->kind != INCIDENT_MESSAGE && last->frames->len == 0)
		take_chain(last, event);
}

/*
 * A line in a kernel's log; those that announce an oops or a hang are where that begins, and
 * what refcount_t says is the WARN after it, whose callers tell whose count it was.
 */
static void take_line(struct signature *said, const struct event *event)
{
	const char *text = event->text;

	if (strstr(text, "soft lockup") != NULL)
		add_incident(said, INCIDENT_STUCK, event);
	else if (g_str_has_prefix(text, "BUG: "))
		add_incident(said, INCIDENT_OOPS, event);
	else if (event->level != LOG_INFO && !event->simulator &&
		 !g_str_has_prefix(text, "refcount_t: "))
		add_incident(said, INCIDENT_MESSAGE, event)->text = message_normal(text);
}

/* Is the panic only what follows from what was said before it? */
static bool is_of_another(const char *text)
{
	static const char *const words[] = {
		"panic_on_warn", "Fatal exception", "softlockup", "hung_task", "BUG: ",
	};

	for (guint i = 0; i < G_N_ELEMENTS(words); i++)
		if (strstr(text, words[i]) != NULL)
			return true;
	return false;
}

static void take_event(struct signature *said, const struct event *event)
{
	struct incident *incident;

	switch (event->type) {
	case EVENT_LOG:
		take_line(said, event);
		break;
	case EVENT_WARN:
		incident = add_incident(said, INCIDENT_WARN, event);
		g_ptr_array_add(incident->frames, frame_normal(event->func));
		take_chain(incident, event);
		break;
	case EVENT_PANIC:
		if (event->simulator || is_of_another(event->text))
			break;
		incident = add_incident(said, INCIDENT_PANIC, event);
		incident->text = message_normal(event->text);
		take_chain(incident, event);
		break;
	case EVENT_VIOLATION:
		take_violation(said, event);
		break;
	case EVENT_BOOT:
		break;
	}
}

static void listen(struct report *report, const struct report_event *e)
{
	struct signature *said = ((struct listener *)report)->said;
	gint64 result = e->result != NULL ? (gint64)e->result->number : 0;
	const char *name;

	if (e->type == REPORT_EVENT && said->incidents->len < MAX_INCIDENTS)
		take_event(said, e->event);
	if (e->type != REPORT_RESULT || e->result->kind != VALUE_NUMBER || result >= 0)
		return;
	name = errno_name(-result);
	if (name != NULL &&
	    !g_ptr_array_find_with_equal_func(said->errnos, name, g_str_equal, NULL))
		g_ptr_array_add(said->errnos, g_strdup(name));
}

static struct signature *hear(const struct bug *bug, const struct scenario *scn, const char *name,
			      const struct release *release, const char *setting)
{
	struct listener listener = { .report.event = listen, .said = signature_new() };
	struct overrides *o = overrides_new();

	listener.said->bug = bug;
	listener.said->scenario = g_strdup(name);
	g_ptr_array_add(o->releases, (gpointer)release);
	if (setting != NULL)
		overrides_set(o, "setting", setting, NULL);
	run_scenario(scn, NULL, o, &listener.report);
	overrides_free(o);
	return listener.said;
}

static bool same_words(const GPtrArray *a, const GPtrArray *b)
{
	if (a->len != b->len)
		return false;
	for (guint i = 0; i < a->len; i++)
		if (!g_str_equal(a->pdata[i], b->pdata[i]))
			return false;
	return true;
}

static bool same_incident(const struct incident *a, const struct incident *b)
{
	return a->kind == b->kind && a->stage == b->stage && g_strcmp0(a->text, b->text) == 0 &&
	       same_words(a->frames, b->frames);
}

/* Take from @said one incident for each that @cured has, too. */
static void take_away(struct signature *said, const struct signature *cured)
{
	for (guint i = 0; i < cured->incidents->len; i++) {
		for (guint j = 0; j < said->incidents->len; j++) {
			if (same_incident(cured->incidents->pdata[i], said->incidents->pdata[j])) {
				g_ptr_array_remove_index(said->incidents, j);
				break;
			}
		}
	}
}

static bool same_signature(const struct signature *a, const struct signature *b)
{
	if (!g_str_equal(a->scenario, b->scenario) || a->incidents->len != b->incidents->len ||
	    !same_words(a->errnos, b->errnos))
		return false;
	for (guint i = 0; i < a->incidents->len; i++)
		if (!same_incident(a->incidents->pdata[i], b->incidents->pdata[i]))
			return false;
	return true;
}

static void keep(struct signature *said, GPtrArray *signatures)
{
	if (said->incidents->len == 0) {
		signature_free(said);
		return;
	}
	for (guint i = 0; i < signatures->len; i++) {
		struct signature *other = signatures->pdata[i];

		if (same_signature(said, other)) {
			g_ptr_array_add(other->kernels, g_strdup(said->kernels->pdata[0]));
			signature_free(said);
			return;
		}
	}
	g_ptr_array_add(signatures, said);
}

/* "with=FIX" to "without=FIX", "policy=P" to "policy=none". */
static char *opposite(const char *cure)
{
	if (g_str_has_prefix(cure, "with="))
		return g_strconcat("without=", cure + strlen("with="), NULL);
	return g_strdup("policy=none");
}

/* Is @release as it stands without the cure? */
static bool lacks(const struct release *release, const char *cure)
{
	if (g_str_has_prefix(cure, "with="))
		return !(release->fixes & FIX_BIT(fix_find(cure + strlen("with="))));
	return release->policy.identity == IDENTITY_NONE;
}

static void collect_on(const struct bug *bug, const struct scenario *scn, const char *name,
		       const struct release *release, const char *cure, GPtrArray *signatures)
{
	g_autofree char *without = cure != NULL ? opposite(cure) : NULL;
	struct signature *said = hear(bug, scn, name, release, without);

	if (cure != NULL && said->incidents->len > 0) {
		struct signature *cured = hear(bug, scn, name, release, cure);

		take_away(said, cured);
		signature_free(cured);
	}
	if (cure == NULL || lacks(release, cure))
		g_ptr_array_add(said->kernels, g_strdup(release->name));
	else
		g_ptr_array_add(said->kernels, g_strconcat(release->name, " ", without, NULL));
	keep(said, signatures);
}

void collect(const struct bug *bug, const struct scenario *scn, const char *name,
	     GPtrArray *signatures)
{
	g_auto(GStrv) cures = bug_settings(bug);
	gsize nr;
	const struct release *table = release_table(&nr);

	for (gsize i = 0; i < nr; i++) {
		if (cures[0] == NULL)
			collect_on(bug, scn, name, &table[i], NULL, signatures);
		for (guint c = 0; cures[c] != NULL; c++)
			collect_on(bug, scn, name, &table[i], cures[c], signatures);
	}
}
