/* SPDX-License-Identifier: GPL-2.0-only */
/* The index of what the scenarios of each bug make a kernel say: writing and reading it. */
#include <math.h>
#include <string.h>

#include "match/index.h"

struct signature *signature_new(void)
{
	struct signature *s = g_new0(struct signature, 1);

	s->kernels = g_ptr_array_new_with_free_func(g_free);
	s->incidents = g_ptr_array_new_with_free_func(incident_free);
	s->errnos = g_ptr_array_new_with_free_func(g_free);
	return s;
}

void signature_free(gpointer data)
{
	struct signature *s = data;

	g_free(s->scenario);
	g_ptr_array_unref(s->kernels);
	g_ptr_array_unref(s->incidents);
	g_ptr_array_unref(s->errnos);
	g_free(s);
}

static void print_words(GString *out, const GPtrArray *words, char between)
{
	for (guint i = 0; i < words->len; i++) {
		if (i > 0)
			g_string_append_c(out, between);
		g_string_append(out, words->pdata[i]);
	}
	g_string_append_c(out, '\n');
}

/*
 * A line "=BUG SCENARIO", "@KERNEL,KERNEL...", "EERRNO ERRNO...", and one a incident: kind,
 * stage, frames between blanks, and after a tab the text.
 */
void signature_print(GString *out, const struct signature *s)
{
	g_string_append_printf(out, "=%s %s\n@", s->bug->id, s->scenario);
	print_words(out, s->kernels, ',');
	g_string_append_c(out, 'E');
	print_words(out, s->errnos, ' ');
	for (guint i = 0; i < s->incidents->len; i++) {
		const struct incident *incident = s->incidents->pdata[i];

		g_string_append_printf(out, "%c%u", incident->kind, incident->stage);
		for (guint f = 0; f < incident->frames->len; f++)
			g_string_append_printf(out, " %s", (char *)incident->frames->pdata[f]);
		g_string_append_printf(out, "\t%s\n", incident->text != NULL ? incident->text : "");
	}
}

static void split_into(GPtrArray *words, const char *text, const char *between)
{
	g_auto(GStrv) parts = g_strsplit(text, between, -1);

	for (guint i = 0; parts[i] != NULL; i++)
		if (parts[i][0] != '\0')
			g_ptr_array_add(words, g_strdup(parts[i]));
}

static struct incident *load_incident(const char *line)
{
	struct incident *incident = incident_new(line[0]);
	g_auto(GStrv) parts = g_strsplit(line + 2, "\t", 2);

	incident->stage = line[1] - '0';
	split_into(incident->frames, parts[0], " ");
	if (parts[1] != NULL && parts[1][0] != '\0')
		incident->text = g_strdup(parts[1]);
	return incident;
}

static void load_line(struct index *index, const char *line)
{
	struct signature *s = NULL;

	if (index->signatures->len > 0)
		s = index->signatures->pdata[index->signatures->len - 1];
	if (line[0] == '=') {
		g_auto(GStrv) words = g_strsplit(line + 1, " ", 2);

		s = signature_new();
		s->bug = bugs_find(index->bugs, words[0]);
		s->scenario = g_strdup(words[1]);
		g_ptr_array_add(index->signatures, s);
	} else if (line[0] == '@') {
		split_into(s->kernels, line + 1, ",");
	} else if (line[0] == 'E') {
		split_into(s->errnos, line + 1, " ");
	} else if (line[0] != '\0') {
		g_ptr_array_add(s->incidents, load_incident(line));
	}
}

/* Count @word for the bug that is @marker, once. */
static void count(GHashTable *table, GHashTable *seen, const struct bug *bug, const char *word)
{
	g_autofree char *key = g_strdup_printf("%s %s", bug->id, word);

	if (!g_hash_table_add(seen, g_steal_pointer(&key)))
		return;
	g_hash_table_insert(table, (gpointer)word, GUINT_TO_POINTER(
		GPOINTER_TO_UINT(g_hash_table_lookup(table, word)) + 1));
}

static void count_signature(struct index *index, GHashTable *seen, const struct signature *s)
{
	for (guint i = 0; i < s->incidents->len; i++) {
		const struct incident *incident = s->incidents->pdata[i];

		if (incident->text != NULL)
			count(index->texts, seen, s->bug, incident->text);
		for (guint f = 0; f < incident->frames->len; f++)
			count(index->known, seen, s->bug, incident->frames->pdata[f]);
		for (guint j = 0; j < i && incident->kind == INCIDENT_WARN; j++) {
			const struct incident *other = s->incidents->pdata[j];

			if (other->kind == INCIDENT_WARN && other->stage == incident->stage &&
			    g_str_equal(other->frames->pdata[0], incident->frames->pdata[0]))
				g_hash_table_add(index->repeats, incident->frames->pdata[0]);
		}
	}
}

static void find_distinct(struct index *index)
{
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint i = 0; i < index->signatures->len; i++) {
		const struct signature *s = index->signatures->pdata[i];

		for (guint j = 0; j < s->incidents->len; j++)
			if (g_hash_table_add(seen, incident_key(s->incidents->pdata[j])))
				g_ptr_array_add(index->distinct, s->incidents->pdata[j]);
	}
}

static void find_prefixes(struct index *index)
{
	for (guint i = 0; i < index->signatures->len; i++) {
		const struct signature *s = index->signatures->pdata[i];

		for (guint j = 0; j < s->incidents->len; j++) {
			const struct incident *incident = s->incidents->pdata[j];
			const char *end = incident->kind == INCIDENT_MESSAGE ?
					  strstr(incident->text, ": ") : NULL;
			g_autofree char *prefix = end != NULL ?
				g_strndup(incident->text, end - incident->text) : NULL;

			if (prefix != NULL && !g_ptr_array_find_with_equal_func(
				index->prefixes, prefix, g_str_equal, NULL))
				g_ptr_array_add(index->prefixes, g_steal_pointer(&prefix));
		}
	}
	g_ptr_array_add(index->prefixes, NULL);
}

struct index *index_load(const char *page, const char *text)
{
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	struct index *index = g_new0(struct index, 1);

	index->bugs = bugs_parse(page);
	index->signatures = g_ptr_array_new_with_free_func(signature_free);
	index->distinct = g_ptr_array_new();
	index->prefixes = g_ptr_array_new_with_free_func(g_free);
	index->known = g_hash_table_new(g_str_hash, g_str_equal);
	index->texts = g_hash_table_new(g_str_hash, g_str_equal);
	index->repeats = g_hash_table_new(g_str_hash, g_str_equal);
	for (guint i = 0; lines[i] != NULL; i++)
		load_line(index, lines[i]);
	for (guint i = 0; i < index->signatures->len; i++)
		count_signature(index, seen, index->signatures->pdata[i]);
	find_distinct(index);
	find_prefixes(index);
	return index;
}

void index_free(struct index *index)
{
	g_hash_table_unref(index->known);
	g_hash_table_unref(index->texts);
	g_hash_table_unref(index->repeats);
	g_ptr_array_unref(index->distinct);
	g_ptr_array_unref(index->prefixes);
	g_ptr_array_unref(index->signatures);
	g_ptr_array_unref(index->bugs);
	g_free(index);
}

double index_weight(const struct index *index, GHashTable *table, const char *word)
{
	guint bugs = GPOINTER_TO_UINT(g_hash_table_lookup(table, word));

	return bugs > 0 ? log(1 + index->bugs->len / (double)bugs) : 0;
}
