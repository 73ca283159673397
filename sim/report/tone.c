/* SPDX-License-Identifier: GPL-2.0-only */
/* How a piece of text is meant, and which colour it has on a terminal. */
#include <string.h>

#include "report/tone.h"

static const struct {
	const char *name, *code;
} tones[NR_TONES] = {
	[TONE_PLAIN] = { "plain", "\033[0m" },
	[TONE_HEADING] = { "heading", "\033[1m" },
	[TONE_GOOD] = { "good", "\033[32m" },
	[TONE_BAD] = { "bad", "\033[31m" },
};

const char *tone_name(enum tone tone)
{
	return tones[tone].name;
}

const char *tone_code(enum tone tone)
{
	return tones[tone].code;
}

void append_toned(GString *out, enum tone tone, bool colour, const char *text)
{
	if (colour && tone != TONE_PLAIN && *text != '\0')
		g_string_append_printf(out, "%s%s%s", tone_code(tone), text,
				       tone_code(TONE_PLAIN));
	else
		g_string_append(out, text);
}

/* What @len bytes take on a terminal: codes of colours nothing, a character one column. */
static guint columns_of(const char *text, gsize len)
{
	guint columns = 0;
	bool code = false;

	for (gsize i = 0; i < len; i++) {
		code = code || text[i] == '\033';
		columns += !code && ((guint8)text[i] & 0xc0) != 0x80;
		code = code && text[i] != 'm';
	}
	return columns;
}

static void fold_line(GString *out, const char *line, gsize len, guint columns)
{
	guint indent = MIN(strspn(line, " ") + 4, columns / 2), column = 0;

	for (gsize at = 0; at < len; ) {
		gsize blanks = strspn(line + at, " "), word = strcspn(line + at + blanks, " \n");
		guint width = columns_of(line + at + blanks, word);

		if (column > indent && column + blanks + width > columns) {
			g_string_append_printf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else {
			g_string_append_printf(out, "%*s", (int)blanks, "");
			column += blanks;
		}
		g_string_append_len(out, line + at + blanks, word);
		column += width;
		at += blanks + word;
	}
}

void append_folded(GString *out, const char *text, guint columns)
{
	while (*text != '\0') {
		gsize len = strcspn(text, "\n");

		fold_line(out, text, len, columns);
		text += len;
		if (*text == '\n')
			g_string_append_c(out, *text++);
	}
}
