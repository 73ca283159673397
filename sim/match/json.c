/* SPDX-License-Identifier: GPL-2.0-only */
/* What a log was found to be, as one JSON object. */
#include "match/print.h"
#include "report/header.h"
#include "report/json.h"

static void add_incident(JsonBuilder *b, const struct incident *incident)
{
	json_builder_begin_object(b);
	add_number(b, "line", incident->line);
	add_printable(b, "text", incident->shown);
	add_array(b, "functions");
	for (guint i = 0; i < incident->frames->len; i++)
		json_builder_add_string_value(b, incident->frames->pdata[i]);
	json_builder_end_array(b);
	json_builder_end_object(b);
}

static void add_candidate(JsonBuilder *b, const struct candidate *c)
{
	g_autofree char *command = match_command(c->kernel, c->signature->scenario);

	json_builder_begin_object(b);
	add_number(b, "rank", c->rank);
	add_string(b, "bug", c->bug->id);
	add_number(b, "nearness", c->nearness);
	add_bool(b, "in-release", c->released);
	add_array(b, "why");
	for (guint i = 0; i < c->why->len; i++)
		json_builder_add_string_value(b, c->why->pdata[i]);
	json_builder_end_array(b);
	add_string(b, "scenario", c->signature->scenario);
	add_string(b, "command", command);
	add_object(b, "facts");
	for (guint i = 0; i < c->bug->facts->len; i++) {
		const struct bug_fact *fact = &g_array_index(c->bug->facts, struct bug_fact, i);

		add_string(b, fact->name, fact->text);
	}
	json_builder_end_object(b);
	json_builder_end_object(b);
}

void match_json(const GPtrArray *episodes, const struct log *log, const struct header *header,
		FILE *out)
{
	g_autoptr(JsonBuilder) b = json_builder_new();

	json_builder_begin_object(b);
	add_header(b, header);
	if (log->release != NULL)
		add_string(b, "release", log->release);
	add_array(b, "parts");
	for (guint i = 0; i < episodes->len; i++) {
		const struct episode *episode = episodes->pdata[i];

		json_builder_begin_object(b);
		add_array(b, "incidents");
		for (guint j = 0; j < episode->incidents->len; j++)
			add_incident(b, episode->incidents->pdata[j]);
		json_builder_end_array(b);
		add_array(b, "bugs");
		for (guint j = 0; j < episode->candidates->len; j++)
			add_candidate(b, episode->candidates->pdata[j]);
		json_builder_end_array(b);
		json_builder_end_object(b);
	}
	json_builder_end_array(b);
	json_builder_end_object(b);
	write_json(out, b);
}
