/* SPDX-License-Identifier: GPL-2.0-only */
/* An explanation for people: what happened, and what cures it. */
#include "analysis/explain.h"
#include "report/trace.h"

#define INDENT		6	/* of what belongs to a step */
#define FIRST		4	/* steps that are told of a long story, */
#define LAST		12	/* and these at its end */

static void say(GString *out, const char *first, const char *text)
{
	append_wrapped(out, first, text, INDENT + 2);
}

static void append_range(GString *out, const struct part *part)
{
	g_string_append_printf(out, "pfn %#" G_GINT64_MODIFIER "x", part->pfn);
	if (part->nr > 1)
		g_string_append_printf(out, "-%#" G_GINT64_MODIFIER "x", part->pfn + part->nr - 1);
}

static void tell_part(GString *out, const struct part *part)
{
	static const char *const verbs[] = { " claims ", " gives up ", "restores " };
	g_autoptr(GString) text = g_string_new(NULL);

	if (part->memory)
		g_string_append_printf(text, "the %s", part->session);
	else if (part->type != PART_RESTORE)
		g_string_append_printf(text, "session \"%s\" token %#" G_GINT64_MODIFIER "x",
				       part->session, part->token);
	g_string_append(text, verbs[part->type]);
	append_range(text, part);
	say(out, "      ", text->str);
}

static void tell_said(GString *out, const struct said *said)
{
	g_autofree char *chain = NULL;
	g_autoptr(GPtrArray) callers = g_ptr_array_new();

	if (said->func == NULL) {
		say(out, "      ", said->text);
		return;
	}
	say(out, "      WARNING: ", said->func);
	if (said->callers->len == 0)
		return;
	g_ptr_array_extend(callers, said->callers, NULL, NULL);
	g_ptr_array_add(callers, NULL);
	chain = g_strjoinv(" < ", (char **)callers->pdata);
	say(out, "      Call trace: ", chain);
}

static void tell_moment(GString *out, const struct story_moment *moment)
{
	g_autoptr(GString) head = g_string_new(NULL);

	if (moment->line != 0)
		g_string_append_printf(head, "%s = %s", moment->call, moment->result);
	if (moment->injected)
		g_string_append(head, " (INJECTED)");
	if (moment->times > 1)
		g_string_append_printf(head, " (the last of %u times)", moment->times);
	if (moment->line != 0) {
		g_autofree char *line = g_strdup_printf("  line %u: ", moment->line);

		say(out, line, head->str);
	} else {
		g_string_append(out, "  at the end, when all is closed\n");
	}
	for (guint i = 0; i < moment->parts->len; i++)
		tell_part(out, &g_array_index(moment->parts, struct part, i));
	for (guint i = 0; i < moment->said->len; i++)
		tell_said(out, &g_array_index(moment->said, struct said, i));
}

static void tell_story(GString *out, const struct story *story)
{
	const GPtrArray *moments = story->moments;
	g_autofree char *kind = story->kind != NULL ?
		g_strdup_printf("      %s: ", story->kind) : g_strdup("      ");
	guint kernel = 0;

	for (guint i = 0; i < moments->len; i++) {
		const struct story_moment *moment = moments->pdata[i];

		if (i == FIRST && moments->len > FIRST + LAST) {
			g_string_append(out, "  ...\n");
			i = moments->len - LAST - 1;
			continue;
		}
		if (moment->kernel != kernel)
			g_string_append_printf(out, "\nkernel %u %s\n", moment->kernel,
					       moment->release);
		kernel = moment->kernel;
		tell_moment(out, moment);
	}
	if (story->found != NULL)
		say(out, kind, story->found);
	for (guint i = 0; i < story->later->len; i++)
		say(out, "  then ", story->later->pdata[i]);
}

/* "  LABEL  NAME: WORDS" for each. */
static void list_effects(GString *out, const char *label, const GArray *effects)
{
	g_autofree char *first = g_strdup_printf("  %-9s ", label);

	for (guint i = 0; i < effects->len; i++) {
		const struct effect *effect = &g_array_index(effects, struct effect, i);
		g_autofree char *text = g_strdup_printf("%s: %s", effect->name, effect->words);

		append_wrapped(out, i == 0 ? first : "            ", text, 14);
	}
	if (effects->len == 0)
		g_string_append_printf(out, "%sno single one\n", first);
}

static void list_fixes(GString *out, const struct explanation *x)
{
	for (guint i = 0; i < x->fixes->len; i++) {
		const struct effect *effect = &g_array_index(x->fixes, struct effect, i);
		const struct fix_info *fix = &fix_table()[effect->change->fix];
		g_autofree char *text = g_strdup_printf("%s%s%s%s: %s; %s", fix->name,
			*fix->bug != '\0' ? " (" : "", fix->bug, *fix->bug != '\0' ? ")" : "",
			effect->words, fix->about);

		append_wrapped(out, i == 0 ? "  fix       " : "            ", text, 14);
	}
	if (x->fixes->len == 0)
		g_string_append(out, "  fix       no single one\n");
}

static void list_set(GString *out, const struct explanation *x)
{
	g_autoptr(GString) text = g_string_new(NULL);

	if (x->fixes->len > 0 || x->policies->len > 0)
		return;
	for (guint i = 0; x->set != NULL && i < x->set->len; i++) {
		const struct change *change = x->set->pdata[i];

		g_string_append_printf(text, "%s%s %s", i > 0 ? " and " : "",
				       change->fix >= 0 ? "fix" : "policy", change->name);
	}
	if (x->set != NULL)
		g_string_append_printf(text, ": %s", x->set_words);
	else
		g_string_append(text, "none of up to three");
	append_wrapped(out, "  together  ", text->str, 14);
}

static void list_cures(GString *out, const struct explanation *x)
{
	g_string_append(out, "\nwhat cures it\n");
	list_fixes(out, x);
	list_effects(out, "policy", x->policies);
	list_set(out, x);
	if (x->first_release != NULL)
		g_string_append_printf(out, "  release   %s and later\n", x->first_release);
	else
		g_string_append(out, "  release   none\n");
	g_string_append(out, "\non each release, as it is\n");
	for (guint i = 0; i < x->releases->len; i++) {
		const struct effect *effect = &g_array_index(x->releases, struct effect, i);
		g_autofree char *first = g_strdup_printf("  %-9s ", effect->name);

		append_wrapped(out, first, effect->words, 14);
	}
}

void explain_text(const struct explanation *x, FILE *out)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autofree char *head = g_strdup_printf("scenario %s, kernel %s, policy %s: ", x->scn->name,
						x->boot.release.name,
						x->boot.release.policy.name);

	append_wrapped(text, head, x->words, 4);
	if (x->broken) {
		tell_story(text, x->story);
		list_cures(text, x);
	} else if (explanation_found(x)) {
		g_string_append(text, "\nwhat it would break without\n");
		list_fixes(text, x);
		g_string_append(text, "\nwhat it would break with\n");
		list_effects(text, "policy", x->policies);
	} else {
		g_string_append(text, "It does not break, nor without any one of the fixes, nor "
				"with another policy.\n");
	}
	fputs(text->str, out);
}
