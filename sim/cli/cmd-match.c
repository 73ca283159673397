/* SPDX-License-Identifier: GPL-2.0-only */
/* luosim match: which known bug a kernel log shows. luosim show: what is known of a bug. */
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "match/print.h"
#include "report/header.h"
#include "scn/nearest.h"

/* Of a longer log the end is not read. */
#define MAX_LOG_BYTES	(256u << 20)

/* @header: what JSON is of; NULL: it is text that is wanted. */
static int match_log(GString *text, const struct header *header)
{
	struct index *index = index_load(bugs_page, bugs_index);
	struct log *log;
	GPtrArray *episodes;
	int status = EXIT_FAILED;

	log = log_parse(text->str, text->len, (const char *const *)index->prefixes->pdata);
	episodes = score(index, log);
	for (guint i = 0; i < episodes->len; i++)
		if (((struct episode *)episodes->pdata[i])->candidates->len > 0)
			status = EXIT_OK;
	if (header != NULL)
		match_json(episodes, log, header, stdout);
	else
		match_text(episodes, log, stdout);
	g_ptr_array_unref(episodes);
	log_free(log);
	index_free(index);
	return finish_output(status);
}

int match_main(int argc, char **argv)
{
	g_autoptr(GOptionContext) context = g_option_context_new("FILE|-");
	g_autofree char *format = NULL;
	g_autoptr(GString) text = NULL;
	g_autoptr(GError) error = NULL;
	struct header about;
	int status;
	const GOptionEntry entries[] = {
		{ "format", 0, 0, G_OPTION_ARG_STRING, &format, "text or json", "FORMAT" },
		{ 0 },
	};

	g_option_context_add_main_entries(context, entries, NULL);
	g_option_context_set_summary(context,
		"Tell which known bug a kernel log shows: WARNs, oopses, panics and messages,\n"
		"in a log, a mail or a report, with whatever stands in front of its lines.");
	if (!g_option_context_parse(context, &argc, &argv, &error))
		return complain("%s", error->message);
	if (format != NULL && strcmp(format, "text") != 0 && strcmp(format, "json") != 0)
		return complain("unknown --format, expected text or json");
	if (argc != 2)
		return complain("expected luosim match FILE, or - for standard input");
	text = read_text(argv[1], MAX_LOG_BYTES, &error);
	if (text == NULL)
		return complain("%s", error->message);
	header_init(&about, (char *[]){ argv[1], NULL }, NULL);
	status = match_log(text, g_strcmp0(format, "json") == 0 ? &about : NULL);
	g_free(about.command);
	return status;
}

int show_main(int argc, char **argv)
{
	g_autoptr(GOptionContext) context = g_option_context_new("BUG");
	g_autoptr(GError) error = NULL;
	struct index *index;
	const struct bug *bug;
	struct nearest n;
	int status = EXIT_OK;

	g_option_context_set_summary(context, "Print all that is known of a bug, such as B01.");
	if (!g_option_context_parse(context, &argc, &argv, &error))
		return complain("%s", error->message);
	if (argc != 2)
		return complain("expected luosim show BUG; luosim list bugs has them");
	index = index_load(bugs_page, bugs_index);
	bug = bugs_find(index->bugs, argv[1]);
	if (bug != NULL) {
		bug_text(bug, index, stdout);
	} else {
		nearest_init(&n, argv[1]);
		for (guint i = 0; i < index->bugs->len; i++)
			nearest_try(&n, ((struct bug *)index->bugs->pdata[i])->id);
		status = complain("no bug '%s', expected %s", argv[1],
				  n.best != NULL ? n.best : "one of luosim list bugs");
	}
	index_free(index);
	return finish_output(status);
}
