/* SPDX-License-Identifier: GPL-2.0-only */
/* An explanation as one JSON object, see luosim(1). */
#include "analysis/explain.h"
#include "report/header.h"
#include "report/json.h"

static void add_part(JsonBuilder *b, const struct part *part)
{
	static const char *const does[] = { "claim", "give-up", "restore" };

	json_builder_begin_object(b);
	add_string(b, "does", does[part->type]);
	if (part->type != PART_RESTORE) {
		add_string(b, "session", part->session);
		add_hex(b, "token", part->token);
	}
	add_hex(b, "pfn", part->pfn);
	add_number(b, "pages", part->nr);
	json_builder_end_object(b);
}

static void add_said(JsonBuilder *b, const struct said *said)
{
	json_builder_begin_object(b);
	if (said->func != NULL) {
		add_string(b, "warn", said->func);
		add_array(b, "callers");
		for (guint i = 0; i < said->callers->len; i++)
			json_builder_add_string_value(b, said->callers->pdata[i]);
		json_builder_end_array(b);
	} else {
		add_string(b, "text", said->text);
	}
	json_builder_end_object(b);
}

static void add_moment(JsonBuilder *b, const struct story_moment *moment)
{
	json_builder_begin_object(b);
	add_number(b, "kernel", moment->kernel);
	add_string(b, "release", moment->release);
	add_number(b, "line", moment->line);
	if (moment->line != 0) {
		add_string(b, "op", moment->call);
		add_string(b, "result", moment->result);
		add_number(b, "times", moment->times);
		add_bool(b, "injected", moment->injected);
	}
	add_array(b, "ownership");
	for (guint i = 0; i < moment->parts->len; i++)
		add_part(b, &g_array_index(moment->parts, struct part, i));
	json_builder_end_array(b);
	add_array(b, "said");
	for (guint i = 0; i < moment->said->len; i++)
		add_said(b, &g_array_index(moment->said, struct said, i));
	json_builder_end_array(b);
	json_builder_end_object(b);
}

static void add_story(JsonBuilder *b, const struct story *story)
{
	add_array(b, "chain");
	for (guint i = 0; i < story->moments->len; i++)
		add_moment(b, story->moments->pdata[i]);
	json_builder_end_array(b);
	if (story->kind != NULL)
		add_string(b, "kind", story->kind);
	if (story->found != NULL)
		add_string(b, "found", story->found);
	add_array(b, "later");
	for (guint i = 0; i < story->later->len; i++)
		json_builder_add_string_value(b, story->later->pdata[i]);
	json_builder_end_array(b);
}

static void add_effects(JsonBuilder *b, const char *name, const GArray *effects)
{
	add_array(b, name);
	for (guint i = 0; i < effects->len; i++) {
		const struct effect *effect = &g_array_index(effects, struct effect, i);

		json_builder_begin_object(b);
		add_string(b, "name", effect->name);
		if (effect->change != NULL && effect->change->fix >= 0)
			add_string(b, "bug", fix_table()[effect->change->fix].bug);
		add_string(b, "outcome", effect->words);
		add_bool(b, "clean", effect->clean);
		json_builder_end_object(b);
	}
	json_builder_end_array(b);
}

static void add_set(JsonBuilder *b, const struct explanation *x)
{
	add_object(b, "set");
	add_array(b, "changes");
	for (guint i = 0; i < x->set->len; i++)
		json_builder_add_string_value(b, ((struct change *)x->set->pdata[i])->setting);
	json_builder_end_array(b);
	add_string(b, "outcome", x->set_words);
	json_builder_end_object(b);
}

void explain_json(const struct explanation *x, const struct header *header, FILE *out)
{
	g_autoptr(JsonBuilder) b = json_builder_new();

	json_builder_begin_object(b);
	add_header(b, header);
	add_string(b, "name", x->scn->name);
	add_string(b, "file", x->scn->path);
	add_string(b, "sha256", x->scn->digest);
	add_string(b, "kernel", x->boot.release.name);
	add_string(b, "policy", x->boot.release.policy.name);
	add_string(b, "outcome", x->words);
	add_bool(b, "broken", x->broken);
	if (x->story != NULL)
		add_story(b, x->story);
	add_effects(b, "fixes", x->fixes);
	add_effects(b, "policies", x->policies);
	if (x->set != NULL)
		add_set(b, x);
	add_effects(b, "releases", x->releases);
	if (x->first_release != NULL)
		add_string(b, "first_release", x->first_release);
	json_builder_end_object(b);
	write_json(out, b);
}
