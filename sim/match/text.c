/* SPDX-License-Identifier: GPL-2.0-only */
/* What a log was found to be, and bugs, as text. */
#include <string.h>

#include "match/print.h"

#define WIDTH	100

char *match_command(const char *kernel, const char *scenario)
{
	g_auto(GStrv) words = g_strsplit(kernel, " ", -1);
	g_autoptr(GString) command = g_string_new("luosim --kernel=");

	for (guint i = 0; words[i] != NULL; i++)
		g_string_append_printf(command, "%s%s", i > 0 ? " --" : "", words[i]);
	g_string_append_printf(command, " scenarios/%s.scn", scenario);
	return g_string_free(g_steal_pointer(&command), FALSE);
}

/* "name  text", broken between words; what follows stands under the text. */
static void print_fact(FILE *out, const char *name, const char *text)
{
	g_auto(GStrv) words = g_strsplit(text, " ", -1);
	int column = fprintf(out, "    %-10s", name);

	for (guint i = 0; words[i] != NULL; i++) {
		if (column + strlen(words[i]) + 1 > WIDTH && column > 14)
			column = fprintf(out, "\n%14s", "") - 1;
		column += fprintf(out, " %s", words[i]);
	}
	fputc('\n', out);
}

static void print_facts(FILE *out, const struct bug *bug)
{
	for (guint i = 0; i < bug->facts->len; i++) {
		const struct bug_fact *fact = &g_array_index(bug->facts, struct bug_fact, i);

		if (fact->text[0] != '\0' && !g_str_equal(fact->name, "what goes wrong"))
			print_fact(out, fact->name, fact->text);
	}
}

static void print_candidate(FILE *out, const struct candidate *c)
{
	g_autofree char *command = match_command(c->kernel, c->signature->scenario);

	fprintf(out, "\n%u. %s, %u %% near\n", c->rank, c->bug->id, c->nearness);
	print_fact(out, "what", bug_fact(c->bug, "what goes wrong"));
	for (guint i = 0; i < c->why->len; i++)
		print_fact(out, i == 0 ? "why" : "", c->why->pdata[i]);
	print_fact(out, "shown by", command);
	print_facts(out, c->bug);
}

/* What decides, where more than one bug is about as near as the nearest. */
static void print_questions(FILE *out, const struct episode *episode)
{
	const struct candidate *first = episode->candidates->pdata[0];
	bool begun = false;

	for (guint i = 0; i < episode->candidates->len && episode->candidates->len > 1; i++) {
		const struct candidate *c = episode->candidates->pdata[i];
		const char *question = bug_fact(c->bug, "question");

		if (question == NULL || c->nearness + 20 < first->nearness)
			continue;
		if (!begun)
			fputs("\nWhich of them?\n", out);
		begun = true;
		print_fact(out, c->bug->id, question);
	}
}

void match_text(const GPtrArray *episodes, const struct log *log, FILE *out)
{
	bool near = false;

	if (log->release != NULL)
		fprintf(out, "The log is of Linux %s.\n", log->release);
	for (guint i = 0; i < episodes->len; i++) {
		const struct episode *episode = episodes->pdata[i];

		if (i > 0 || log->release != NULL)
			fputc('\n', out);
		for (guint j = 0; j < episode->incidents->len; j++) {
			const struct incident *incident = episode->incidents->pdata[j];

			fprintf(out, "line %u: %s\n", incident->line, incident->shown);
		}
		for (guint j = 0; j < episode->candidates->len; j++)
			print_candidate(out, episode->candidates->pdata[j]);
		if (episode->candidates->len > 0)
			print_questions(out, episode);
		else
			fputs("\nNo known bug is near.\n", out);
		near = true;
	}
	if (!near)
		fprintf(out, "Nothing in it is near a known bug of live update.\n");
}

void bug_text(const struct bug *bug, const struct index *index, FILE *out)
{
	fprintf(out, "%s: %s\n", bug->id, bug->section);
	print_fact(out, "what", bug_fact(bug, "what goes wrong"));
	print_facts(out, bug);
	for (guint i = 0; i < index->signatures->len; i++) {
		const struct signature *s = index->signatures->pdata[i];
		g_autofree char *command = match_command(s->kernels->pdata[0], s->scenario);

		if (s->bug != bug)
			continue;
		print_fact(out, "says", command);
		for (guint j = 0; j < s->incidents->len; j++) {
			const struct incident *incident = s->incidents->pdata[j];
			g_autoptr(GString) line = g_string_new(NULL);

			if (incident->text != NULL)
				g_string_append(line, incident->text);
			for (guint f = 0; f < incident->frames->len; f++)
				g_string_append_printf(line, "%s%s", f > 0 ? " < " : "",
						       (char *)incident->frames->pdata[f]);
			print_fact(out, "", line->str);
		}
	}
}
