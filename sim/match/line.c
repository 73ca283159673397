/* SPDX-License-Identifier: GPL-2.0-only */
/* A line of a log, without what a terminal or a page made of it: colours, entities of HTML. */
#include <stdbool.h>
#include <string.h>

#include "match/line.h"

/* What comes after that in a line is no kernel's. */
#define MAX_LINE	16384

/* How long is the escape sequence at @p? 0: there is none. Its first byte may be written "^[". */
static gsize escape_length(const char *p, const char *end)
{
	const char *q = p;

	if (*q == '\033')
		q += 1;
	else if (end - q > 2 && q[0] == '^' && q[1] == '[' && q[2] == '[')
		q += 2;
	else
		return 0;
	if (q < end && *q == ']') {	/* up to a bell */
		const char *bell = memchr(q, '\a', end - q);

		return (bell != NULL ? bell + 1 : end) - p;
	}
	if (q < end && *q == '[')
		for (q++; q < end && (*q < '@' || *q > '~'); q++)
			;
	return MIN(q + 1, end) - p;
}

/* How long is the entity or line break of HTML at @p, and what does it stand for? */
static gsize html_length(const char *p, const char *end, char *stands_for)
{
	static const struct {
		const char *name;
		char stands_for;
	} entities[] = {
		{ "&lt;", '<' }, { "&gt;", '>' }, { "&amp;", '&' }, { "&quot;", '"' },
		{ "&apos;", '\'' }, { "&nbsp;", ' ' }, { "<br>", ' ' }, { "<br/>", ' ' },
		{ "<br />", ' ' },
	};
	bool hex = end - p > 3 && p[2] == 'x';
	guint64 code;
	char *stop;

	for (guint i = 0; i < G_N_ELEMENTS(entities); i++) {
		gsize len = strlen(entities[i].name);

		if ((gsize)(end - p) >= len && strncmp(p, entities[i].name, len) == 0) {
			*stands_for = entities[i].stands_for;
			return len;
		}
	}
	if (end - p < 4 || p[1] != '#' || !g_ascii_isxdigit(p[2 + hex]))
		return 0;
	code = g_ascii_strtoull(p + 2 + hex, &stop, hex ? 16 : 10);
	if (stop >= end || *stop != ';')
		return 0;
	*stands_for = code < 128 ? code : '?';
	return stop + 1 - p;
}

char *line_at(const char *p, const char *end, const char **next)
{
	const char *stop = memchr(p, '\n', end - p);
	GString *line = g_string_new(NULL);

	if (stop == NULL)
		stop = end;
	*next = stop + 1;
	stop = MIN(stop, p + MAX_LINE);
	while (p < stop) {
		char c = *p;
		gsize n = c == '\033' || c == '^' ? escape_length(p, stop) : 0;

		if (n == 0 && (c == '&' || c == '<'))
			n = html_length(p, stop, &c);
		else if (n > 0)
			c = '\0';
		if (c != '\0')
			g_string_append_c(line, c == '\r' || c == '\t' ? ' ' : c);
		p += MAX(n, 1);
	}
	return g_strchomp(g_string_free(line, FALSE));
}
